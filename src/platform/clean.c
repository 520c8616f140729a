/* Text and ids of a wire, made fit for an event. */
#include "platform/clean.h"

int platform_clean_text(struct buf *scratch, struct str s, struct str *out)
{
	if (s.len <= scratch->max && text_is_plain(s)) {
		*out = s;
		return 0;
	}
	buf_clear(scratch);
	if (text_scrub(s, TEXT_CHAT, scratch) == ERR_NOMEM)
		return ERR_NOMEM;
	*out = buf_str(scratch);
	return 0;
}

struct str platform_clean_id(struct str s)
{
	if (s.len >= PLATFORM_ID_BYTES)
		return (struct str){0};
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] <= ' ' || s.at[i] > '~')
			return (struct str){0};
	}
	return s;
}
