/* platform/discord_gateway.h: one shard's connection to Discord's gateway, version 10. Not for
 * other rooms.
 *
 * It connects, identifies or resumes, keeps the heart beating, and tells its owner what was
 * dispatched; everything in discord.md 1, 3 and 11 is here and nothing of what an event means.
 * Resume first, always: the session is on disk (discord_session.h), and it is closed with 1000
 * only to leave for good. One socket at a time, one timer; whatever belongs to a socket dies with
 * it. */
#ifndef PLATFORM_DISCORD_GATEWAY_H
#define PLATFORM_DISCORD_GATEWAY_H

#include "io/io.h"

#define PLATFORM_GATEWAY_BYTES (16 * 1024 * 1024) /* faults.md 7: one message, inflated */

/* IDENTIFYs of one application, over all its shards and over restarts: one in 5 s for each
 * rate_limit_key, 900 of the day's 1,000 (faults.md G4). Kept in state_dir. */
struct platform_identify;
struct platform_sessions; /* discord_session.h */

enum platform_gateway_state {
	PLATFORM_GATEWAY_DOWN,       /* waiting to try again */
	PLATFORM_GATEWAY_CONNECTING, /* until READY or RESUMED */
	PLATFORM_GATEWAY_READY,
	PLATFORM_GATEWAY_REFUSED,    /* 4004, 4010 to 4014: wants a person */
	PLATFORM_GATEWAY_STOPPED,
};

struct platform_gateway;
struct platform_gateway_options {
	struct io *io;
	const char *url;          /* as GET /gateway/bot gave it; copied */
	const char *ca_file;      /* NULL = the system's; copied */
	struct secret *token;     /* referenced */
	uint32_t intents;
	unsigned shard, shards;
	bool compress;            /* zlib-stream */
	struct platform_identify *identify; /* BORROWED, shared by all shards */
	struct platform_sessions *sessions; /* BORROWED, shared by all shards */
	/* A dispatch, in order, each sequence number once. READY and RESUMED are told too. All
	 * BORROWED; bytes: the whole message as it came, inflated. */
	void (*dispatch)(void *ctx, struct platform_gateway *g, struct str type,
		const struct json_item *d, struct str bytes);
	/* why: a sentence; when REFUSED, what to click. */
	void (*state)(void *ctx, struct platform_gateway *g, enum platform_gateway_state s,
		int close_code, const char *why);
	/* The URL could not be connected to: ask for another (platform_gateway_url). */
	void (*lost)(void *ctx, struct platform_gateway *g);
	void *ctx;
};
/* Begins to connect on a later turn of the loop. ERR_NOMEM, ERR_INVALID (no URL). */
int platform_gateway_new(const struct platform_gateway_options *o, struct platform_gateway **out)
	MUST_USE;
void platform_gateway_url(struct platform_gateway *g, const char *url);
/* Closes with 1000 and forgets the session: STOPPED comes within 1 s, then nothing. */
void platform_gateway_stop(struct platform_gateway *g);
/* Without a goodbye: the session can be resumed. */
void platform_gateway_free(struct platform_gateway *g);
unsigned platform_gateway_shard(const struct platform_gateway *g);
/* Presence: what people see beside the name. activity NULL = none. At most 5 in 20 s go out; the
 * last one counts. ERR_NOMEM. */
int platform_gateway_presence(struct platform_gateway *g, const char *activity) MUST_USE;
/* Adds one JSON object: shard, state, session age, latency_ms, seq, resumes, identifies, why. */
int platform_gateway_status(const struct platform_gateway *g, struct buf *out) MUST_USE;

#endif
