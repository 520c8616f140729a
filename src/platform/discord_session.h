/* platform/discord_session.h: what of Discord's gateway survives a restart: a session for each
 * shard, and the IDENTIFYs of the last day. Not for other rooms.
 *
 * One file each in state_dir, written whole and renamed, on a worker; beside that of the sessions
 * a file of marks (discord_mark.h). A file that makes no sense means: no session, and for the
 * budget that it is spent for an hour. */
#ifndef PLATFORM_DISCORD_SESSION_H
#define PLATFORM_DISCORD_SESSION_H

#include "io/io.h"

#define PLATFORM_SESSION_ID_BYTES 128
#define PLATFORM_SESSION_URL_BYTES 256

struct platform_session {
	char id[PLATFORM_SESSION_ID_BYTES]; /* "" = none */
	char url[PLATFORM_SESSION_URL_BYTES];
	int64_t seq;                        /* -1 = none yet */
	uint32_t intents;                   /* it was identified with; 0 = not known */
};

struct platform_sessions;
/* Reads what there is of this application (its token's fingerprint names it), blocking. */
int platform_sessions_open(struct io *io, struct io_worker *worker, const char *state_dir,
	const struct secret *token, struct platform_sessions **out) MUST_USE;
void platform_sessions_free(struct platform_sessions *s); /* the last is written, blocking */
/* That of a shard, "" when there is none, or it was of another number of shards. */
const struct platform_session *platform_sessions_get(
	const struct platform_sessions *s, unsigned shard, unsigned shards);
/* Keeps it; written within 5 s, at once when the id changed. */
int platform_sessions_put(struct platform_sessions *s, unsigned shard, unsigned shards,
	const struct platform_session *session) MUST_USE;
/* Something is about to be said: what was put so far is not told again, even if this process is
 * killed. Without memory of its own; a write to the system's cache at most. NULL allowed. */
void platform_sessions_mark(struct platform_sessions *s);

struct platform_identify;
int platform_identify_open(struct io *io, struct io_worker *worker, const char *state_dir,
	const struct secret *token, struct platform_identify **out) MUST_USE;
void platform_identify_free(struct platform_identify *b);
/* What GET /gateway/bot said: left of the day and ms until it is refilled; at once in 5 s. */
void platform_identify_told(struct platform_identify *b, int64_t remaining, int64_t reset_after_ms,
	unsigned max_concurrency);
/* May this shard identify now? 0 = yes, it is counted (on disk before it is sent); else ms to
 * wait, after which it asks again. */
int64_t platform_identify_take(struct platform_identify *b, unsigned shard);
/* The same, but nothing is counted: is it worth connecting? */
int64_t platform_identify_wait(struct platform_identify *b, unsigned shard);
/* "", or why nobody may identify for a long time. BORROWED, until the next call. */
const char *platform_identify_why(const struct platform_identify *b);
int64_t platform_identify_spent(const struct platform_identify *b); /* in the last 24 h */

#endif
