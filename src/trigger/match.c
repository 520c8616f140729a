/* The search: an event in, the one trigger that claims it out, or why the bot stays silent.
 *
 * The filter gives candidates; each is checked cheapest first: conditions, patterns, level. The
 * first that holds has claimed the event, and its cooldowns and chance decide alone. */
#include "trigger/room.h"

#include <string.h>

/* The clock costs about as much as a match; it is asked once in so many patterns. */
#define CLOCK_EVERY 8

void trigger_subject_init(struct trigger_subject *s, const struct event *e)
{
	s->event = e;
	s->text = e->text;
	s->length = s->words = -1;
	if (s->text.len > TRIGGER_SUBJECT_BYTES) {
		s->text.len = TRIGGER_SUBJECT_BYTES;
		while (s->text.len > 0 && ((unsigned char)e->text.at[s->text.len] & 0xc0) == 0x80)
			s->text.len--; /* not within a character */
	}
}

static int64_t length_of(struct trigger_subject *s)
{
	if (s->length < 0)
		s->length = (int64_t)text_points(s->event->text);
	return s->length;
}

static int64_t words_of(struct trigger_subject *s)
{
	if (s->words < 0)
		s->words = (int64_t)text_words(s->event->text);
	return s->words;
}

static struct str without_hash(struct str name)
{
	if (name.len > 0 && name.at[0] == '#')
		return (struct str){name.at + 1, name.len - 1};
	return name;
}

static bool is_channel(struct str name, const struct event *e)
{
	name = without_hash(name);
	return str_eq_nocase(name, without_hash(e->channel)) || str_eq(name, e->channel_id);
}

/* in: holds platforms, channels, or platform:channel. */
static bool is_in(const struct conf_texts *places, const struct event *e)
{
	for (size_t i = 0; i < places->n; i++) {
		struct str rest = str_of(places->at[i]);

		if (!memchr(rest.at, ':', rest.len)) {
			if (str_eq_nocase(rest, e->platform) || is_channel(rest, e))
				return true;
			continue;
		}
		if (str_eq_nocase(str_split(&rest, ':'), e->platform) && is_channel(rest, e))
			return true;
	}
	return places->n == 0;
}

enum trigger_misfit trigger_misfit(const struct trigger *t, struct trigger_subject *s)
{
	const struct event *e = s->event;

	if (!t->is_on)
		return TRIGGER_OFF;
	if (t->on != e->kind)
		return TRIGGER_OTHER_KIND;
	if (t->sort != SORT_ANY && !event_is_sort(e, t->sort))
		return TRIGGER_OTHER_SORT;
	if (t->at_least > 0 && event_amount(e) < t->at_least)
		return TRIGGER_TOO_FEW;
	if (t->needs_direct && !e->is_direct)
		return TRIGGER_NOT_DIRECT;
	if (t->needs_first && !e->is_first)
		return TRIGGER_NOT_FIRST;
	if (t->in.n > 0 && !is_in(&t->in, e))
		return TRIGGER_OTHER_PLACE;
	if (t->min_length > 0 && length_of(s) < t->min_length)
		return TRIGGER_TOO_SHORT;
	if (t->max_length > 0 && length_of(s) > t->max_length)
		return TRIGGER_TOO_LONG;
	if (t->min_words > 0 && words_of(s) < t->min_words)
		return TRIGGER_TOO_FEW_WORDS;
	return TRIGGER_FITS;
}

static bool is_listed(const struct conf_texts *users, const struct event *e)
{
	for (size_t i = 0; i < users->n; i++) {
		struct str name = str_of(users->at[i]);

		if ((e->login.len > 0 && str_eq_nocase(name, e->login)) ||
			(e->user_id.len > 0 && str_eq(name, e->user_id)))
			return true;
	}
	return false;
}

/* deny wins. allow is a set besides the level; alone it is the whole gate. */
bool trigger_is_allowed(const struct trigger *t, const struct event *e)
{
	unsigned roles = e->roles | ROLE(LEVEL_EVERYONE);
	bool has_set = t->allow != 0 || t->allow_users.n > 0;

	if ((t->deny & roles) || is_listed(&t->deny_users, e))
		return false;
	if (has_set && ((t->allow & roles) || is_listed(&t->allow_users, e)))
		return true;
	if (has_set && t->level == LEVEL_EVERYONE)
		return false;
	return event_level(e) >= t->level;
}

int trigger_try(const struct trigger *t, struct trigger_engine *g, struct trigger_subject *s,
	struct str captures[TRIGGER_CAPTURES], size_t *n)
{
	bool is_given_up = false;

	*n = 0;
	if (t->own->pattern_count == 0)
		return 1;
	for (size_t i = 0; i < t->own->pattern_count; i++) {
		int rc = trigger_pattern_match(t->own->patterns[i], g, s->text, captures, n);

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
	trigger_filter_scan(set->filter, s->text, set->candidates);
}

enum step { GO_ON, CLAIMED, STOP };

/* Tries one candidate. hit->reason becomes LEVEL when it matches and is not for this author. */
static enum step try_candidate(const struct trigger_set *set, const struct trigger *t,
	struct trigger_subject *s, struct budget *budget, int64_t now_ms, struct trigger_hit *hit)
{
	bool is_allowed, is_over;
	int rc;

	if (trigger_misfit(t, s) != TRIGGER_FITS)
		return GO_ON;
	is_allowed = trigger_is_allowed(t, s->event);
	if (!is_allowed && hit->reason == REASON_LEVEL)
		return GO_ON; /* it could add nothing */
	if (trigger_strike_is_out(budget->state, t))
		return GO_ON;
	rc = trigger_try(t, set->engine, s, hit->captures, &hit->captures_n);
	is_over = is_spent(budget, rc);
	/* Only the match limit speaks against a pattern: time may also have gone by because something else
	 * had the processor. */
	if (rc == ERR_LIMIT)
		trigger_strike_add(budget->state, t, now_ms);
	if (rc == 1 && is_allowed)
		return CLAIMED;
	hit->captures_n = 0;
	if (rc == 1)
		hit->reason = REASON_LEVEL;
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
	if (set->n == 0 || (unsigned)e->kind >= EVENT_KIND_COUNT)
		return hit->reason;
	trigger_subject_init(&s, e);
	find_candidates(set, &s);
	if (state->clock_us)
		budget.began_us = state->clock_us();
	for (size_t w = 0; w < set->words; w++) {
		for (uint64_t bits = set->candidates[w]; bits != 0; bits &= bits - 1) {
			size_t i = w * TRIGGER_BITS + (size_t)__builtin_ctzll(bits);
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
