/* The table of scopes for people: `mynah help scopes` and the manual. */
#include "platform/twitch_need.h"

/* What is no subscription. */
static const struct {
	const char *help, *scope;
} chat[] = {
	{"Reading chat over IRC", "chat:read"},
	{"Speaking over IRC (send: irc)", "chat:edit"},
	{"Speaking over Helix (send: helix)", "user:write:chat"},
};

static int add_row(
	bool mdoc, const char *help, const char *scopes, const char *whose, struct buf *out)
{
	struct str rest = str_of(scopes), scope = str_split(&rest, '|'); /* what login asks for */

	if (mdoc)
		return buf_addf(out, ".It Li %.*s Ta %s Ta %s\n", STR_FMT(scope), whose, help);
	return buf_addf(out, "%-28.*s %-12s %s\n", STR_FMT(scope), whose, help);
}

int platform_scopes_write(bool mdoc, struct buf *out)
{
	const struct platform_need *needs;
	size_t n;
	int err = mdoc ? buf_adds(out, ".Bl -column channel:read:subscriptions broadcaster\n"
			".It Sy scope Ta Sy login Ta Sy for\n")
		       : buf_addf(out, "%-28s %-12s %s\n", "SCOPE", "LOGIN OF THE", "FOR");

	for (size_t i = 0; i < sizeof(chat) / sizeof(chat[0]) && !err; i++)
		err = add_row(mdoc, chat[i].help, chat[i].scope, "bot", out);
	needs = platform_needs(&n);
	for (size_t i = 0; i < n && !err; i++) {
		if (needs[i].scopes[0] != '\0')
			err = add_row(mdoc, needs[i].help, needs[i].scopes,
				needs[i].is_broadcasters ? "broadcaster" : "bot", out);
	}
	return err || !mdoc ? err : buf_adds(out, ".El\n");
}
