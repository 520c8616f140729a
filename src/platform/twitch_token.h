/* platform/twitch_token.h: a user token of Twitch that keeps itself logged in. Not for other rooms.
 *
 * Either fixed (mynah.yaml names the token: validated, never refreshed) or a login that `mynah
 * login twitch` put into the vault: access and refresh token together. Validated at start and
 * hourly (twitch.md 4.5). Refreshed by one request at a time, whoever asks; the new pair is in the
 * vault before anybody can use it, because refresh tokens are good for one use. A 400 or 401 to a
 * refresh is for ever: REFUSED, and nothing is tried again until load() or a new config. 5xx and
 * silence back off, and the old token serves while it is valid.
 *
 * One thread; the vault is read and written on a worker. */
#ifndef PLATFORM_TWITCH_TOKEN_H
#define PLATFORM_TWITCH_TOKEN_H

#include "conf/conf.h"
#include "io/io.h"

#define PLATFORM_VALIDATE_MS (60 * 60000) /* twitch.md 4.5: hourly */
#define PLATFORM_REFRESH_EARLY_MS (5 * 60000) /* before the token's end */

enum platform_token_state {
	PLATFORM_TOKEN_NONE,     /* nobody has logged in */
	PLATFORM_TOKEN_CHECKING, /* read or validated for the first time; nothing to use yet, unless
				    fixed */
	PLATFORM_TOKEN_VALID,
	PLATFORM_TOKEN_RENEWING, /* a refresh is under way; use() still gives a valid token */
	PLATFORM_TOKEN_REFUSED,  /* a person must log in again */
};

struct platform_token_options {
	struct io *io;
	const struct conf_place *conf; /* URLs, client id and secret, CA file. Copied as needed. */
	const char *state_dir;         /* of the vault */
	struct io_worker *worker; /* BORROWED: what blocks runs there; free it after the token */
	const char *channel;      /* NULL = the bot's own; else the broadcaster's of this channel */
	/* State or token changed: look. Never from within a call of this room. */
	void (*changed)(void *ctx);
	void *ctx;
};

struct platform_token;
/* Starts to read and validate at once. ERR_NOMEM. */
int platform_token_new(
	const struct platform_token_options *o, struct platform_token **out) MUST_USE;
void platform_token_free(struct platform_token *t);
/* The config changed, or somebody logged in: reads the vault again, leaves REFUSED. */
int platform_token_load(struct platform_token *t, const struct conf_place *conf) MUST_USE;

enum platform_token_state platform_token_state(const struct platform_token *t);
/* A refresh is on its way or its answer not yet handed to the worker:
 * freed now, the login is lost. */
bool platform_token_is_renewing(const struct platform_token *t);
/* mynah.yaml names it: it cannot be renewed, and while nobody could validate it, its names are
 * unknown and chat may use it all the same. */
bool platform_token_is_fixed(const struct platform_token *t);
/* The token to use for a call made now, NULL when there is none. BORROWED until the loop's next
 * turn; secret_ref keeps it, and tells rejected() which token it was. */
/* Tells every secret it has: those in use, and those that are not kept yet. */
void platform_token_secrets(const struct platform_token *t,
	void (*each)(void *ctx, const struct secret *s), void *ctx);
struct secret *platform_token_use(const struct platform_token *t);
/* The platform answered 401 to a call made with `used`. Refreshes, unless it was replaced since.
 * The caller waits for changed(): VALID = try once more; REFUSED = give up. */
void platform_token_rejected(struct platform_token *t, const struct secret *used);

/* As validated; "" and false before. */
const char *platform_token_login(const struct platform_token *t);
const char *platform_token_user_id(const struct platform_token *t);
const char *platform_token_client_id(const struct platform_token *t);
bool platform_token_has_scope(const struct platform_token *t, const char *scope);
/* A sentence with the command that mends it, while NONE or REFUSED; else what goes wrong at
 * present, if anything does; else "". */
const char *platform_token_why(const struct platform_token *t);
/* Adds one JSON object: whose (login), state, scopes, expires_at, why. Never a token. */
int platform_token_status(const struct platform_token *t, struct buf *out) MUST_USE;

#endif
