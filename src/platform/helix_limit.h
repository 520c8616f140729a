/* platform/helix_limit.h: when Twitch's REST interface may be asked. Pure: time comes in.
 *
 * A bucket of points (twitch.md 3.1: 800 a minute; sending chat has one of its own) is what the
 * headers of the answers say it is: what remains is not overdrawn, and after a 429 nobody asks
 * before its end. Ends are epoch seconds of Twitch's clock, so they count from the answer's own
 * Date (faults.md R4); without one, and against nonsense, a wait is never shorter than 1 s nor
 * longer than the minute that a bucket lasts. */
#ifndef PLATFORM_HELIX_LIMIT_H
#define PLATFORM_HELIX_LIMIT_H

#include "base/base.h"

#define PLATFORM_BUCKET_MS 60000  /* twitch.md 3.1: points are per minute */
#define PLATFORM_BUCKET_MIN_MS 1000

/* What the headers of an answer say; -1 = nothing. */
struct platform_limit_words {
	int status;
	int64_t limit, remaining; /* points */
	int64_t reset_s;          /* Ratelimit-Reset: epoch seconds */
	int64_t date_ms;          /* the peer's wall clock */
	int64_t retry_after_ms;
};

struct platform_bucket {
	int64_t limit, remaining; /* as last heard; -1 = unknown */
	int64_t reset_ms;         /* remaining is true until then */
	int64_t hold_until_ms;    /* nobody asks before */
	unsigned running;         /* kept by whoever asks */
};
void platform_bucket_init(struct platform_bucket *b);
/* An answer came. 0, or for a 429 of this bucket: how long everybody waits. -1: a 429 of something
 * else (points remain, or no end is named), which waiting does not mend. wall_ms: our clock, used
 * only when the answer has no Date. jitter_ms is added to waits. */
int64_t platform_bucket_hear(struct platform_bucket *b, const struct platform_limit_words *w,
	int64_t now_ms, int64_t wall_ms, int64_t jitter_ms);
/* From when on one more may be asked: now_ms or before = now, INT64_MAX = when a running one has
 * ended. */
int64_t platform_bucket_free_ms(const struct platform_bucket *b, int64_t now_ms);

#endif
