/* Slash commands: the bot's own, and what they may be called. */
#include "chat/chat.h"

static const struct slash own[SLASH_OWN_COUNT] = {
#define X(upper, lower, help, option_name, option_text, who)                                       \
	[SLASH_##upper] = {.name = #lower, .description = help, .option = option_name,             \
		.option_help = option_text, .is_private = true, .level = LEVEL_##who},
	CHAT_SLASHES(X)
#undef X
};

const struct slash *slash_own(enum slash_own i)
{
	return &own[i];
}

int slash_own_parse(struct str name, enum slash_own *out)
{
	for (int i = 0; i < SLASH_OWN_COUNT; i++) {
		if (str_is(name, own[i].name)) {
			*out = (enum slash_own)i;
			return 0;
		}
	}
	return ERR_NOTFOUND;
}

/* Letters of other scripts pass when they are what folding makes of them; which of the rest are
 * letters, the platform knows. */
bool slash_is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		const char c = name.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
				(unsigned char)c >= 0x80))
			return false;
	}
	return name.len > 0 && text_points(name) <= SLASH_NAME_POINTS && text_is_utf8(name) &&
		text_folds_to(name, name);
}
