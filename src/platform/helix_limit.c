/* When Twitch's REST interface may be asked: points. */
#include "platform/helix_limit.h"

void platform_bucket_init(struct platform_bucket *b)
{
	*b = (struct platform_bucket){.limit = -1, .remaining = -1};
}

static int64_t within(int64_t ms, int64_t lo, int64_t hi)
{
	return ms < lo ? lo : ms > hi ? hi : ms;
}

/* How long until the bucket is full again. */
static int64_t reset_in_ms(const struct platform_limit_words *w, int64_t wall_ms)
{
	int64_t their_now_ms = w->date_ms >= 0 ? w->date_ms : wall_ms;
	int64_t ms;

	if (__builtin_mul_overflow(w->reset_s, 1000, &ms) ||
			__builtin_sub_overflow(ms, their_now_ms, &ms))
		ms = PLATFORM_BUCKET_MS;
	return within(ms, PLATFORM_BUCKET_MIN_MS, PLATFORM_BUCKET_MS);
}

int64_t platform_bucket_hear(struct platform_bucket *b, const struct platform_limit_words *w,
	int64_t now_ms, int64_t wall_ms, int64_t jitter_ms)
{
	bool has_reset = w->reset_s >= 0;
	int64_t wait_ms = has_reset ? reset_in_ms(w, wall_ms) : -1;

	if (w->limit >= 0)
		b->limit = w->limit;
	if (w->remaining >= 0 && has_reset) {
		b->remaining = w->remaining;
		b->reset_ms = now_ms + wait_ms + jitter_ms;
	}
	if (w->status != 429)
		return 0;
	if (w->retry_after_ms >= 0)
		wait_ms = within(w->retry_after_ms, PLATFORM_BUCKET_MIN_MS, INT64_MAX / 4);
	else if (!has_reset || w->remaining > 0)
		return -1;
	wait_ms += jitter_ms;
	if (now_ms + wait_ms > b->hold_until_ms)
		b->hold_until_ms = now_ms + wait_ms;
	return wait_ms;
}

int64_t platform_bucket_free_ms(const struct platform_bucket *b, int64_t now_ms)
{
	if (now_ms < b->hold_until_ms)
		return b->hold_until_ms;
	if (b->remaining < 0 || now_ms >= b->reset_ms || b->running < b->remaining)
		return now_ms;
	return b->remaining > 0 ? INT64_MAX : b->reset_ms;
}
