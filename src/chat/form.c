/* Forms: what each platform can carry. */
#include "chat/chat.h"

static const struct form forms[] = {
#define X(name, characters, lines, to_somebody, else_most)                                         \
	{.platform = #name, .length = characters, .has_lines = lines, .answer = to_somebody,       \
		.remark = else_most},
	CHAT_FORMS(X)
#undef X
};

const struct form *form_of(struct str platform)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (str_is(platform, forms[i].platform))
			return &forms[i];
	}
	return &forms[0];
}
