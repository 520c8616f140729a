/* What comes in: an event passes the gate, may be gathered with others of its kind, finds its
 * trigger, and becomes a turn; or it stays without an answer, for a reason. Nothing is allocated
 * for an event that no trigger wants. */
#include "bot/room.h"

/* Greetings and remarks that nobody asked for: what a flood of strangers does not get. */
static bool is_held_by_flood(const struct bot_channel *c, const struct trigger *t, int64_t now_ms)
{
	return c && t->urgency == PRIORITY_AMBIENT && bot_flood_is_on(&c->flood, now_ms);
}

/* The second half of the way: past the gate, and gathered if it was to be. */
static void answer(struct bot *b, const struct event *e, const struct bot_channel *c)
{
	struct trigger_hit hit;
	enum reason r;

	if (bot_command_find(e, &hit)) {
		r = hit.reason;
	} else {
		r = trigger_find(b->world->triggers, b->triggers, e, e->at_ms, b->dice, &hit);
		if (hit.trigger)
			b->dice = rand_below(10000); /* used up; else nobody looked at it */
	}
	if (r == REASON_NONE && is_held_by_flood(c, hit.trigger, e->at_ms)) {
		trigger_undo(b->triggers, hit.trigger, e);
		r = REASON_FLOOD;
	}
	if (r == REASON_NONE) {
		bot_turn_begin(b, e, &hit);
		return;
	}
	b->silent[r]++;
	bot_tell(b, b->firing, e, hit.trigger, r, "");
	bot_step_none(b, e, r);
}

static bool is_wanted(const struct bot *b, const struct event *e)
{
	const uint64_t gifts = EVENT_BIT(EVENT_GIFT) | EVENT_BIT(EVENT_GIFTBOMB);
	const uint64_t kind = EVENT_BIT(e->kind);

	return trigger_set_kinds(b->world->triggers) & (kind & gifts ? gifts : kind);
}

void bot_hear(struct bot *b, const struct event *given)
{
	struct event e = *given;
	struct bot_channel *c = bot_channel_of(b, &e);
	enum reason r;

	if (c && !e.stream.is_known)
		e.stream = c->stream;
	b->events++;
	r = bot_gate(b, &e, c);
	if (r == REASON_NONE) {
		c = bot_channel_flood(b, c, &e);
		if (c && e.kind == EVENT_MESSAGE)
			c->lines++;
		if (is_wanted(b, &e) && bot_gather_take(b->gather, &e, e.at_ms))
			r = REASON_GATHERED;
	}
	if (r == REASON_NONE) {
		answer(b, &e, c);
		return;
	}
	b->silent[r]++;
	bot_tell(b, b->firing, &e, NULL, r, "");
	bot_step_none(b, &e, r);
	if (r == REASON_GATHERED)
		bot_gathered(b);
}

/* What was gathered and is due: it has passed the gate, but the channel may be quiet by now. */
static void hear_gathered(struct bot *b, struct event *e)
{
	const struct bot_channel *c = bot_channel_of(b, e);

	b->gathered++;
	if (c)
		e->stream = c->stream;
	if (bot_channel_is_quiet(c, e->at_ms)) {
		b->silent[REASON_QUIET]++;
		bot_tell(b, b->firing, e, NULL, REASON_QUIET, "");
		return;
	}
	answer(b, e, c);
}

void bot_gathered(void *ctx)
{
	struct bot *b = ctx;
	const int64_t firing = b->firing;
	int64_t wait;
	struct event *e;

	b->firing = 0; /* these are not it, even if it made them due */
	while ((e = bot_gather_next(b->gather, clock_mono_ms(), &wait)) != NULL) {
		hear_gathered(b, e);
		mem_free(e);
	}
	b->firing = firing;
	if (wait >= 0)
		io_timer_start(b->crowd, wait);
	else
		io_timer_stop(b->crowd);
}
