/* The search: an event in, the one trigger that claims it out, or why the bot stays silent.
 *
 * The filter gives candidates; each is checked cheapest first: conditions, patterns, level. The
 * first that holds has claimed the event, and its cooldowns and chance decide alone. */
#include "trigger/room.h"

#include <string.h>

/* The clock costs about as much as a match; it is asked once in so many patterns. */
#define CLOCK_EVERY 8

int trigger_try(const struct trigger *t, struct pattern_engine *g, struct trigger_subject *s,
	struct str captures[PATTERN_CAPTURES], size_t *n)
{
	bool is_given_up = false;

	*n = 0;
	if (t->own->pattern_count == 0 || t->on != s->event->kind)
		return 1; /* its slash command was called: the patterns are for messages */
	for (size_t i = 0; i < t->own->pattern_count; i++) {
		int rc = pattern_match(t->own->patterns[i], g, s->text, captures, n);

		if (rc == 1)
			return 1;
		if (rc == ERR_LIMIT)
			is_given_up = true;
	}
	return is_given_up ? ERR_LIMIT : 0;
}

/* How much of the message's time is spent. */
struct budget {
	struct trigger_state *state;
	int64_t began_us;
	unsigned tried;
};

static bool is_spent(struct budget *b, int rc)
{
	if (!b->state->clock_us)
		return false;
	if (b->tried++ % CLOCK_EVERY != CLOCK_EVERY - 1 && rc != ERR_LIMIT)
		return false;
	return b->state->clock_us() - b->began_us > TRIGGER_BUDGET_US;
}

/* A trigger has claimed the event. */
static enum reason claim(struct trigger_state *state, const struct trigger *t,
	const struct event *e, int64_t now_ms, uint32_t dice, struct trigger_hit *hit)
{
	hit->trigger = t;
	hit->reason = trigger_cooldown_check(state, t, e, now_ms, &hit->wait_ms);
	if (hit->reason == REASON_NONE && (double)dice >= t->chance_pct * 100)
		hit->reason = REASON_CHANCE;
	if (hit->reason == REASON_NONE && trigger_cooldown_start(state, t, e, now_ms) < 0)
		hit->reason = REASON_NOMEM;
	return hit->reason;
}

/* Sets the bits of everything that may match. Their order is the order of the search. */
static void find_candidates(const struct trigger_set *set, const struct trigger_subject *s)
{
	memcpy(set->candidates, set->always[s->event->kind], set->words * sizeof(*set->candidates));
	pattern_filter_scan(set->filter, s->text, set->candidates);
}

enum step { GO_ON, CLAIMED, STOP };

/* Tries one candidate. hit->reason becomes LEVEL when it matches and is not for this author,
 * OFFLINE when it is for live streams only. */
static enum step try_candidate(const struct trigger_set *set, const struct trigger *t,
	struct trigger_subject *s, struct budget *budget, int64_t now_ms, struct trigger_hit *hit)
{
	enum reason held = REASON_NONE;
	bool is_over;
	int rc;

	rc = trigger_misfit(t, s);
	if (rc == TRIGGER_IF_WHEN && t->when == TRIGGER_LIVE)
		held = REASON_OFFLINE;
	else if (rc != TRIGGER_FITS)
		return GO_ON;
	else if (!trigger_is_allowed(t, s->event))
		held = REASON_LEVEL;
	if (held != REASON_NONE && hit->reason != REASON_NO_MATCH)
		return GO_ON; /* it could add nothing */
	if (trigger_strike_is_out(budget->state, t))
		return GO_ON;
	rc = trigger_try(t, set->engine, s, hit->captures, &hit->captures_n);
	is_over = is_spent(budget, rc);
	/* Only the match limit speaks against a pattern: time may also have gone by because
	 * something else had the processor. */
	if (rc == ERR_LIMIT)
		trigger_strike_add(budget->state, t, now_ms);
	if (rc == 1 && held == REASON_NONE)
		return CLAIMED;
	hit->captures_n = 0;
	if (rc == 1)
		hit->reason = held;
	return is_over ? STOP : GO_ON;
}

enum reason trigger_find(const struct trigger_set *set, struct trigger_state *state,
	const struct event *e, int64_t now_ms, uint32_t dice, struct trigger_hit *hit)
{
	struct budget budget = {.state = state};
	struct trigger_subject s;

	hit->trigger = NULL;
	hit->reason = REASON_NO_MATCH;
	hit->wait_ms = 0;
	hit->captures_n = 0;
	hit->said = NULL;
	hit->writer = NULL;
	hit->counted = NULL;
	if (set->n == 0 || (unsigned)e->kind >= EVENT_KIND_COUNT)
		return hit->reason;
	trigger_subject_init(&s, e);
	find_candidates(set, &s);
	if (state->clock_us)
		budget.began_us = state->clock_us();
	for (size_t w = 0; w < set->words; w++) {
		for (uint64_t bits = set->candidates[w]; bits != 0; bits &= bits - 1) {
			size_t i = w * PATTERN_BITS + (size_t)__builtin_ctzll(bits);
			const struct trigger *t = set->sorted[i];
			enum step step = try_candidate(set, t, &s, &budget, now_ms, hit);

			if (step == CLAIMED)
				return claim(state, t, e, now_ms, dice, hit);
			if (step == STOP)
				return hit->reason;
		}
	}
	return hit->reason;
}
