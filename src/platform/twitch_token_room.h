/* platform/twitch_token_room.h: what the files of a token share. For nobody else.
 *
 *   twitch_token.c        what others see; its one timer, which does what is due
 *   twitch_token_check.c  the token in use: taking it, validating it, refusing it
 *   twitch_token_renew.c  the vault, and the refresh between reading and writing it
 *
 * One thing is done at a time (enum platform_doing), so one refresh is in flight whoever asks.
 * Whoever changes something asks for the timer (platform_token_soon), which does what is due and
 * tells the owner last, so that the owner may free us. */
#ifndef PLATFORM_TWITCH_TOKEN_ROOM_H
#define PLATFORM_TWITCH_TOKEN_ROOM_H

#include "platform/twitch_id.h"
#include "platform/twitch_token.h"

#define PLATFORM_RETRY_CAP_MS \
	(5 * 60000) /* faults.md section 7: an auth service that answers 5xx */
#define PLATFORM_WHY_BYTES 400
/* Refreshes because of a 401, in so long: what is refused although it was just renewed is not
 * mended by renewing it again. */
#define PLATFORM_RENEWALS 3
#define PLATFORM_RENEWALS_MS (10 * 60000)

enum platform_doing {
	PLATFORM_IDLE,
	PLATFORM_READING, /* the vault: another process may have put a newer login there */
	PLATFORM_VALIDATING,
	PLATFORM_REFRESHING, /* the refresh token is spent from here on */
	PLATFORM_KEEPING, /* the new pair goes into the vault; only then it replaces the old one */
};
enum platform_purpose { PLATFORM_TO_LOAD, PLATFORM_TO_REFRESH, PLATFORM_TO_GIVE_UP };

/* Work on the vault. It belongs to the worker while it runs and outlives its token. */
struct platform_job {
	struct platform_token *token; /* NULL = freed meanwhile */
	char *state_dir;
	char name[PLATFORM_VAULT_NAME_BYTES];
	struct platform_grant grant;  /* what was found, or is to be written */
	struct secret *spent;         /* writing: the refresh token that must still be there */
	int err;
};

struct platform_token {
	struct io *io;
	struct io_worker *worker;
	struct io_timer *timer;
	void (*changed)(void *ctx);
	void *ctx;
	char *state_dir, *channel;
	char name[PLATFORM_VAULT_NAME_BYTES];

	/* of the config */
	char *id_url, *ca_file, *account, *client_id;
	char *hint; /* how a fixed token is replaced */
	struct secret *client, *fixed;

	enum platform_token_state state;
	enum platform_doing doing;
	enum platform_purpose purpose; /* of PLATFORM_READING */
	struct platform_job *job;
	struct platform_id *request;
	struct platform_grant grant;  /* in use */
	struct platform_grant fresh;  /* answered and not kept yet; access NULL = none */
	int64_t ends_ms;              /* 0 = never, or nobody said */
	int64_t refresh_ms;           /* due; 0 = never */
	int64_t validate_ms;          /* due */
	int64_t checked_wall_ms;      /* last validated; 0 = not yet */
	int64_t retry_ms;             /* refreshing and keeping wait until then */
	int64_t renewals_ms[PLATFORM_RENEWALS]; /* ring: refreshes because of a 401 */
	size_t renewals;
	struct io_backoff backoff;
	bool must_read, must_refresh, must_tell;
	bool is_bad;                  /* a 401 was answered to it */
	bool is_troubled;             /* the failure is in the log already */
	char why[PLATFORM_WHY_BYTES];
};

/* twitch_token_check.c */
void platform_token_soon(struct platform_token *t); /* the timer, right after this */
void platform_token_tell(struct platform_token *t); /* the owner is told, from the timer */
void platform_token_set(struct platform_token *t, enum platform_token_state s);
/* The account or channel it is to belong to; "" when any will do. */
const char *platform_token_whose(const struct platform_token *t);
void platform_token_explain(
	struct platform_token *t, const char *what); /* and the command that mends it */
void platform_token_refuse(struct platform_token *t, const char *what);
/* What failed is tried again, at the soonest in asked_ms (-1 = whenever). */
void platform_token_later(struct platform_token *t, const char *why, int64_t asked_ms);
void platform_token_served(struct platform_token *t); /* nothing is wrong any more */
void platform_token_live(struct platform_token *t);   /* grant.lives_ms counts from now */
bool platform_token_is_over(const struct platform_token *t, int64_t now_ms);
bool platform_token_is_dead(const struct platform_token *t); /* NONE or REFUSED */
/* TAKES g. */
void platform_token_adopt(struct platform_token *t, struct platform_grant *g);
void platform_token_adopt_fixed(struct platform_token *t);
/* Asks the id server; o says what, the rest of it is filled in. */
void platform_token_ask(struct platform_token *t, enum platform_doing doing,
	struct platform_id_options *o, void (*done)(void *ctx, const struct platform_id_answer *a));
void platform_token_validate(struct platform_token *t);

/* twitch_token_renew.c */
void platform_token_read(struct platform_token *t, enum platform_purpose purpose);
void platform_token_keep(struct platform_token *t); /* fresh goes into the vault */

#endif
