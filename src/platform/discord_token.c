/* A bot's token as people paste it. */
#include "platform/discord_token.h"

#define MARK "\xEF\xBB\xBF" /* byte order mark */
#define PREFIX "Bot "

/* What is between two quotes of a kind, if it is. */
static struct str unquote(struct str s)
{
	if (s.len >= 2 && s.at[0] == s.at[s.len - 1] && (s.at[0] == '"' || s.at[0] == '\''))
		s = (struct str){s.at + 1, s.len - 2};
	return str_trim(s);
}

static struct str without(struct str s, struct str prefix)
{
	if (s.len >= prefix.len && str_eq_nocase((struct str){s.at, prefix.len}, prefix))
		s = (struct str){s.at + prefix.len, s.len - prefix.len};
	return s;
}

int platform_discord_token(const struct secret *given, struct secret **out)
{
	struct str s = unquote(str_trim(without(str_trim(secret_use(given)), STR(MARK))));

	if (str_is_nocase(s, "bot"))
		return ERR_INVALID;
	s = str_trim(without(s, STR(PREFIX)));
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] <= ' ' || s.at[i] > '~')
			return ERR_INVALID;
	}
	return s.len > 0 ? secret_new(s, out) : ERR_INVALID;
}
