/* platform/discord_bucket.h: when Discord's REST interface may be asked (discord.md 8). Pure: time
 * comes in. Not for other rooms.
 *
 * A route is a method and a path with its ids taken out; a major parameter (channel, server,
 * webhook and token) separates those who share a limit. Answers name the limit of a route by a
 * hash; a bucket is a hash, or the route while that is not known, and a major parameter. */
#ifndef PLATFORM_DISCORD_BUCKET_H
#define PLATFORM_DISCORD_BUCKET_H

#include "base/base.h"
#include "base/hash.h"

#define PLATFORM_REST_ROUTE_BYTES 160
#define PLATFORM_REST_MAJOR_BYTES 64 /* an id and half a SHA-256: a token is not kept here */
#define PLATFORM_REST_HASH_BYTES 64  /* hashes seen have 32 characters */

struct platform_rest_way {
	char route[PLATFORM_REST_ROUTE_BYTES]; /* "POST /channels/:id/messages": fit for a log */
	char major[PLATFORM_REST_MAJOR_BYTES];
};
/* path may have a query. wall_ms: a message is deleted under different limits by its age.
 * ERR_LIMIT: the path is none of Discord's. */
int platform_rest_way(const char *method, const char *path, int64_t wall_ms,
	struct platform_rest_way *out) MUST_USE;

/* What an answer says of limits; -1 = nothing. */
struct platform_rest_words {
	int status;
	int64_t limit, remaining;
	int64_t reset_after_ms;
	int64_t wait_ms;  /* of a refusal: retry_after of the body, else Retry-After */
	bool is_global;   /* a 429 of all routes */
	bool is_shared;   /* a 429 because of others */
};

struct platform_rest_bucket {
	char key[PLATFORM_REST_ROUTE_BYTES + PLATFORM_REST_MAJOR_BYTES];
	int64_t limit, remaining; /* as last heard; -1 = never */
	int64_t reset_ms;         /* remaining is true until then */
	int64_t hold_until_ms;    /* nobody asks before */
	int64_t used_ms;
	unsigned running, tasks;  /* kept by whoever asks; tasks includes the running ones */
	UT_hash_handle hh;
};
/* An answer came of one whose call is not among running any more. */
void platform_rest_bucket_hear(struct platform_rest_bucket *b, const struct platform_rest_words *w,
	int64_t now_ms);
void platform_rest_bucket_hold(struct platform_rest_bucket *b, int64_t until_ms);
/* From when on one more may be asked: now_ms or before = now, INT64_MAX = when a running one has
 * ended. */
int64_t platform_rest_bucket_free_ms(const struct platform_rest_bucket *b, int64_t now_ms);

/* All buckets and what is known of routes. Zero-initialise. */
struct platform_rest_buckets {
	struct platform_rest_bucket *all; /* uthash by key */
	struct platform_rest_route *routes;
	int64_t swept_ms;
};
/* The bucket of this way. NULL: no memory, or too many at once. It is forgotten when nobody has
 * asked for 10 min, never while it has tasks or a wait. */
struct platform_rest_bucket *platform_rest_bucket_of(struct platform_rest_buckets *bs,
	const struct platform_rest_way *way, int64_t now_ms);
/* An answer named the route's limit. Gives the bucket that this way has now, NULL as above. */
struct platform_rest_bucket *platform_rest_bucket_named(struct platform_rest_buckets *bs,
	const struct platform_rest_way *way, const char *hash, int64_t now_ms);
void platform_rest_buckets_fini(struct platform_rest_buckets *bs);

/* ---- All routes together --------------------------------------------------------------------- */

#define PLATFORM_REST_AT_ONCE 49 /* 50 a second, less one and half a second more: faults.md 7 */
#define PLATFORM_REST_WINDOW_MS 1500

struct platform_rest_log {
	int64_t at_ms[PLATFORM_REST_AT_ONCE]; /* a ring; 0 = none yet */
	unsigned next;
};
void platform_rest_log_add(struct platform_rest_log *l, int64_t now_ms);
int64_t platform_rest_log_free_ms(const struct platform_rest_log *l);

/* Invalid requests: answers of 401, 403 and 429 that is not shared. 10,000 in 10 min and the whole
 * address is banned (discord.md 8.3). */
#define PLATFORM_REST_SLOW 1000
#define PLATFORM_REST_SLOW_MS 1000 /* between two calls then */
#define PLATFORM_REST_STOPPED 5000
#define PLATFORM_REST_SPANS 20     /* the 10 min in steps of 30 s */
#define PLATFORM_REST_SPAN_MS 30000

struct platform_rest_invalid {
	unsigned counts[PLATFORM_REST_SPANS + 1];
	int64_t span; /* number of the one that is filled */
};
void platform_rest_invalid_add(struct platform_rest_invalid *v, int64_t now_ms);
unsigned platform_rest_invalid_count(const struct platform_rest_invalid *v, int64_t now_ms);
/* Until when only interactions may ask; now_ms or before = others too. */
int64_t platform_rest_invalid_free_ms(const struct platform_rest_invalid *v, int64_t now_ms);

#endif
