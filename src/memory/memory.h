/* memory: what was said lately, per user or in a whole channel: in this process, or in Redis.
 *
 * Floor 5. Hides hiredis. A memory holds short lists of lines keyed by platform + channel id + user
 * id (ids only, never names; faults.md M7), or by the first two alone where all who talk with the
 * bot in a channel share one list; there each line knows whose it is, and an erasure of a person
 * takes only theirs. Lists are bounded in lines, bytes, users and age. It is a help,
 * never a need: recall answers within its deadline, with nothing if it must. */
#ifndef MEMORY_MEMORY_H
#define MEMORY_MEMORY_H

#include "chat/chat.h"
#include "conf/conf.h"
#include "io/io.h"

#define MEMORY_LINE_BYTES 2000 /* a line's text; 500 four-byte characters (spec 001-20) */

struct memory_key {
	struct str platform, channel_id;
	struct str user_id; /* who speaks, or is answered */
	bool is_shared;     /* the list is the channel's; remembered lines are this user's */
};

/* A backend: for whoever writes the next one. Every function is called on the loop and must not
 * block. */
struct memory_ops {
	const char *name;
	/* Calls done exactly once, unless recall_cancel comes first, within the configured
	 * deadline, possibly before returning: with the newest `lines` lines not older than for_ms
	 * (0 = any the memory still has), oldest first. err != 0 says why there is nothing (the
	 * turn goes on). done may remember, erase, and free the memory. */
	void (*recall)(void *self, const struct memory_key *k, size_t lines, int64_t for_ms,
		void (*done)(void *ctx, int err, const struct conversation *c), void *ctx);
	void (*recall_cancel)(void *self, void *ctx);
	void (*remember)(void *self, const struct memory_key *k, const struct line *lines,
		size_t n);
	void (*erase)(void *self, const struct erasure *e);
	/* "up", "away: connection refused": for status. */
	const char *(*state)(void *self, bool *is_up);
	void (*free)(void *self);
};

struct memory {
	const struct memory_ops *ops;
	void *self;
};

/* The simplest form: bounded LRU in this process, TTL on the monotonic clock. */
int memory_local_new(size_t users_max, size_t bytes_max, size_t lines_max, int64_t ttl_ms,
	struct memory *out) MUST_USE;
/* Redis, with its own memory_local as fallback: what is remembered goes to both, recall falls back
 * when Redis is away, slow or wrong. Connects in the background; failing to is not an error. Keys:
 * mynah1:h:{platform:channel:user} lists of compact JSON, trimmed and expiring. */
int memory_redis_new(struct io *io, const struct conf_memory *c, struct memory *out) MUST_USE;
/* Whichever the config says. */
int memory_new(struct io *io, const struct conf_memory *c, struct memory *out) MUST_USE;

void memory_recall(struct memory *m, const struct memory_key *k, size_t lines, int64_t for_ms,
	void (*done)(void *ctx, int err, const struct conversation *c), void *ctx);
void memory_recall_cancel(struct memory *m, void *ctx);
void memory_remember(struct memory *m, const struct memory_key *k, const struct line *l, size_t n);
void memory_erase(struct memory *m, const struct erasure *e);
const char *memory_state(struct memory *m, bool *is_up);
void memory_free(struct memory *m);

#endif
