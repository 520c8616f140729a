/* platform/twitch_grant.h: a login on Twitch as a value: its two tokens and whose they are. As the
 * id server gives it, as the vault keeps it. No I/O. Not for other rooms. */
#ifndef PLATFORM_TWITCH_GRANT_H
#define PLATFORM_TWITCH_GRANT_H

#include "base/base.h"
#include "platform/twitch_need.h"

#define PLATFORM_CLIENT_BYTES 64   /* a client id has 30 characters */
#define PLATFORM_SCOPES_BYTES 4096 /* all scopes of Twitch together have about 2,500 */
#define PLATFORM_GRANT_BYTES 8192  /* in the vault: tokens, scopes, names */
#define PLATFORM_VAULT_NAME_BYTES 64

struct platform_grant {
	struct secret *access;
	struct secret *refresh;  /* NULL = it cannot be renewed */
	char login[PLATFORM_CHANNEL_BYTES], user_id[PLATFORM_NUMBER_BYTES];
	char client_id[PLATFORM_CLIENT_BYTES];
	char *scopes;            /* separated by spaces; NULL = none */
	int64_t lives_ms;        /* as told at that time; 0 = for ever, or not told */
};
void platform_grant_fini(struct platform_grant *g); /* empty afterwards */
bool platform_grant_is_same(const struct platform_grant *a, const struct platform_grant *b);
bool platform_grant_has(const struct platform_grant *g, struct str scope);

/* The body of a 200 from /token: tokens, scopes and life are replaced. ERR_PARSE when there is no
 * access token in it, or one that cannot be; g is then as it was. Without scopes the old ones
 * stay. */
int platform_grant_answered(struct platform_grant *g, const struct json *body) MUST_USE;
/* The body of a 200 from /validate: names, scopes, client and life. ERR_PARSE: it names nobody. */
int platform_grant_validated(struct platform_grant *g, const struct json *body) MUST_USE;

/* "twitch.bot", "twitch.broadcaster.CHANNEL". */
void platform_grant_name(const char *channel, char out[PLATFORM_VAULT_NAME_BYTES]);
/* Of the vault's value. GIVES *out (platform_grant_fini). lives_ms: from wall_ms on, < 0 = over.
 * ERR_PARSE. */
int platform_grant_read(struct str text, int64_t wall_ms, struct platform_grant *out) MUST_USE;

/* The vault of a folder. Blocking. ERR_NOTFOUND: nobody has logged in. */
int platform_grant_load(
	const char *state_dir, const char *name, struct platform_grant *out) MUST_USE;
/* spent: what was there when the caller began; when it is another login by now, that one stays and
 * ERR_BUSY tells. NULL = whatever is there is replaced. */
int platform_grant_save(const char *state_dir, const char *name, const struct platform_grant *g,
	struct secret *spent) MUST_USE;

#endif
