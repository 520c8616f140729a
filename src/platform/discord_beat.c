/* The heartbeat (discord.md 1.5). Beats that Discord asks for are none of its business: they move
 * nothing and condemn nobody. */
#include "platform/discord_shard.h"

#define INTERVAL_LEAST_MS 600   /* 100 a minute: more would be over what may be sent */
#define INTERVAL_MOST_MS 600000 /* production sends 41,250 */
#define SLEPT_MS 10000          /* faults.md N10: a beat this late means the host slept */
#define WAKE_MS 5000            /* then its answer is waited for so long */

void platform_beat_start(struct platform_beat *b, int64_t interval_ms, int64_t now_ms)
{
	if (interval_ms < INTERVAL_LEAST_MS)
		interval_ms = INTERVAL_LEAST_MS;
	if (interval_ms > INTERVAL_MOST_MS)
		interval_ms = INTERVAL_MOST_MS;
	*b = (struct platform_beat){.interval_ms = interval_ms, .latency_ms = -1};
	b->due_ms = now_ms + rand_between(0, interval_ms - 1);
}

static bool has_slept(const struct platform_beat *b, int64_t now_ms)
{
	return now_ms - b->due_ms > SLEPT_MS;
}

/* After a sleep the answer may lie in the socket, unread. */
bool platform_beat_is_dead(const struct platform_beat *b, int64_t now_ms)
{
	return b->is_waiting && !has_slept(b, now_ms);
}

void platform_beat_sent(struct platform_beat *b, int64_t now_ms)
{
	int64_t next_ms = b->due_ms + b->interval_ms;

	if (has_slept(b, now_ms))
		next_ms = now_ms + (b->interval_ms < WAKE_MS ? b->interval_ms : WAKE_MS);
	else if (next_ms <= now_ms)
		next_ms = now_ms + b->interval_ms;
	b->due_ms = next_ms;
	b->sent_ms = now_ms;
	b->is_waiting = true;
}

bool platform_beat_answered(struct platform_beat *b, int64_t now_ms)
{
	if (!b->is_waiting)
		return false;
	b->is_waiting = false;
	b->latency_ms = now_ms - b->sent_ms;
	return true;
}
