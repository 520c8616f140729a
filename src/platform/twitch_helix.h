/* platform/twitch_helix.h: calls of Twitch's REST interface with one token. Not for other rooms.
 *
 * One retry layer for all calls, here (twitch.md 3.1): 401 = the token is renewed once and the call
 * made once more; meanwhile nobody asks with it. 429 = every call of this bucket waits for
 * Ratelimit-Reset (an epoch second, taken relative to the answer's Date so that our own clock does
 * not matter) or for Retry-After; one that cannot wait that long ends at once, and so does a 429 of
 * another limit than the bucket's. 5xx and a lost connection = once more, but never for what may
 * have been done and must not be done twice: sending. Five refusals (401, and 403 but for
 * subscriptions) within a minute with no success between stop the calls of a token for a minute
 * (faults.md R3). Never redirected. Bodies are not shown to people. */
#ifndef PLATFORM_TWITCH_HELIX_H
#define PLATFORM_TWITCH_HELIX_H

#include "chat/chat.h"
#include "platform/twitch_token.h"

struct platform_helix;
/* t is BORROWED for its life. ERR_NOMEM. */
int platform_helix_new(struct io *io, const struct conf_place *conf, struct platform_token *t,
	struct platform_helix **out) MUST_USE;
/* Every call under way ends without its callback. */
void platform_helix_free(struct platform_helix *h);
int platform_helix_reload(struct platform_helix *h, const struct conf_place *conf) MUST_USE;
/* The token's changed() must be passed on: calls that wait for it go on or end. */
void platform_helix_token_changed(struct platform_helix *h);

struct platform_helix_answer {
	/* 0 = a 2xx. ERR_DENIED 401, 403, no login; ERR_NOTFOUND 404, 410; ERR_BUSY 409, 429, or
	 * stopped after refusals; ERR_INVALID 3xx and other 4xx; ERR_IO 5xx; ERR_PARSE a 2xx whose
	 * body is no JSON; ERR_CLOSED it left, but no whole answer came; ERR_TIMEOUT the deadline
	 * passed before it left; else what io said. */
	int err;
	int status;              /* of the last answer; 0 = none */
	const struct json *body; /* BORROWED; NULL when there is none */
	const char *message;     /* Twitch's own "message", scrubbed, at most 200 bytes; "" */
	const char *why;         /* a sentence for the log */
};
struct platform_helix_call {
	const char *method; /* "GET", "POST", "DELETE" */
	const char *path;   /* "/users?login=kelpforest", below api_url */
	struct str body;    /* JSON; empty = none */
	bool is_once;       /* not to be repeated when the outcome is unknown: sending */
	int64_t deadline_ms; /* for everything together, retries included; 0 = 10 s */
	void (*done)(void *ctx, const struct platform_helix_answer *a);
	void *ctx;
};
struct platform_helix_task;
/* Makes a call; c is copied. At most 64 wait or run (NULL), 5 run; NULL also without memory. done
 * comes once unless cancelled, on a later turn of the loop; the task is gone when it has
 * returned. */
struct platform_helix_task *platform_helix_start(struct platform_helix *h,
	const struct platform_helix_call *c);
void platform_helix_cancel(struct platform_helix_task *t);
#define PLATFORM_HELIX_WHY_BYTES 128
/* Why no calls are made at present, "" = they are. Gives out. */
const char *platform_helix_problem(const struct platform_helix *h, char *out, size_t size);
/* Adds: calls, failures, waiting, the bucket's remaining points and the end of its wait. */
int platform_helix_status(const struct platform_helix *h, struct buf *out) MUST_USE;

/* ---- Sending chat messages (twitch.md 3.2) --------------------------------------------------- */

/* A reply whose channel begins so is a whisper to the user r->channel_id: POST /whispers, of which
 * Twitch says 204 whatever becomes of it. No channel's name begins so. */
#define PLATFORM_WHISPER_SIGN "@"
bool platform_say_is_whisper(const struct reply *r);

/* Sends r as a message of the token's user to r->channel_id. TAKES r, also when it fails
 * (ERR_NOMEM: done will not come). done: REASON_NONE when is_sent says so; REASON_REFUSED with
 * Twitch's drop code, "http_403", or ours: "unsayable" "no_channel_id" "no_login" "no_scope"
 * "rate_limit" "not_connected"; REASON_UNKNOWN_SENT when it left and no answer came that tells.
 * platform_notice_find knows what the codes mean for the channel. A reply whose parent is gone
 * (400) is sent once more without it. */
int platform_helix_say(struct platform_helix *h, struct reply *r,
	void (*done)(void *ctx, const char *turn, enum reason why_not, const char *why),
	void *ctx) MUST_USE;

#endif
