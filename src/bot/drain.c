/* Drain: the end in order. No new turns; when the live ones have ended, or the limit has passed,
 * the places stop, then the ledger's rows are written, then the caller is told. */
#include "bot/room.h"

#define FLUSH_MS 2000 /* a stop waits this long for the ledger's rows */

static void on_flushed(void *ctx)
{
	struct bot *b = ctx;

	if (b->is_drained)
		return;
	b->is_drained = true;
	io_timer_stop(b->end);
	if (b->options.drained)
		b->options.drained(b->options.ctx);
}

void bot_drain_look(struct bot *b)
{
	if (!b->is_draining || b->is_over || b->turns)
		return;
	io_timer_start(b->end, 0);
}

void bot_drain_end(void *ctx)
{
	struct bot *b = ctx;

	if (b->turns)
		bot_turn_drop_all(b, REASON_STOPPED);
	if (!b->is_over) {
		b->is_over = true;
		bot_places_stop(b);
	}
	if (!bot_places_are_stopped(b)) {
		io_timer_start(b->end, 10); /* each stops within a second */
		return;
	}
	if (b->is_flushing) { /* the ledger's lock is held: one more try at the end */
		on_flushed(b);
		return;
	}
	b->is_flushing = true;
	io_timer_start(b->end, FLUSH_MS);
	ledger_flush(&b->ledger, on_flushed, b);
}

void bot_drain(struct bot *b)
{
	if (b->is_over)
		return;
	if (b->is_draining) {
		io_timer_start(b->end, 0);
		return;
	}
	bot_gather_hurry(b->gather); /* whoever was held is thanked with the last replies */
	bot_gathered(b);
	b->is_draining = true;
	io_timer_stop(b->begin);
	log_event(LOG_SYSTEM, "bot", "drain", LOG_INT("live", HASH_COUNT(b->turns)), NULL);
	io_timer_start(b->end, b->world->conf->limits.drain_ms);
	bot_drain_look(b);
}

bool bot_is_draining(const struct bot *b)
{
	return b->is_draining;
}

size_t bot_live(const struct bot *b)
{
	return HASH_COUNT(b->turns);
}
