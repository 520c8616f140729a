/* How many model calls may still be made, in this hour and day: by the bot, a channel, a user.
 * Counted when a call is begun, whatever becomes of it, and given back when the call ends without
 * that a model was asked. */
#include "bot/room.h"

#include <stdio.h>

/* The counters of this hour that a call counts in, beside the bot's own two. */
enum { OF_CHANNEL, OF_USER, COUNTERS };

static bool counters_of(struct bot *b, const struct event *e, struct bot_count *out[COUNTERS])
{
	const int64_t hour = bot_counts_now(b)->hour;

	out[OF_CHANNEL] = bot_count_in(b, hour, "calls_channel", e->platform, e->channel);
	out[OF_USER] = bot_count_in_user(b, hour, "calls_user", e);
	return out[OF_CHANNEL] && out[OF_USER];
}

enum reason bot_budget_take(struct bot *b, const struct event *e, const char **rule)
{
	const struct conf_limits *l = &b->world->conf->limits;
	struct bot_count *counters[COUNTERS];
	struct bot_counts *s = bot_counts_now(b);

	if (!counters_of(b, e, counters))
		return REASON_NOMEM;
	*rule = s->calls_day >= l->calls_day ? "calls_day"
		: s->calls_hour >= l->calls_hour ? "calls_hour"
		: counters[OF_CHANNEL]->amount >= l->calls_channel_hour ? "calls_channel_hour"
		: counters[OF_USER]->amount >= l->calls_user_hour ? "calls_user_hour" : "";
	if (**rule != '\0')
		return REASON_BUDGET;
	s->calls_hour++;
	s->calls_day++;
	for (int i = 0; i < COUNTERS; i++)
		counters[i]->amount++;
	bot_counts_changed(b);
	return REASON_NONE;
}

/* One less. A window that began since may lose one that somebody else was counted for. */
static void give_back(int64_t *amount)
{
	*amount -= *amount > 0;
}

void bot_budget_give_back(struct bot *b, const struct event *e)
{
	struct bot_counts *s = bot_counts_now(b);
	struct bot_count *counters[COUNTERS];

	give_back(&s->calls_hour);
	give_back(&s->calls_day);
	bot_counts_changed(b);
	if (!counters_of(b, e, counters))
		return;
	for (int i = 0; i < COUNTERS; i++)
		give_back(&counters[i]->amount);
}

/* A line for when no model answers is said at most once per otherwise_ms in a channel for one
 * trigger (faults.md section 7); thanks for an event are always due. */
bool bot_budget_otherwise(struct bot *b, const struct turn *t)
{
	const int64_t now = clock_mono_ms();
	char key[384];

	if (t->event->kind != EVENT_MESSAGE || b->options.console)
		return true;
	snprintf(key, sizeof(key), "%u:%.*s:%s", t->event->place, STR_FMT(t->event->channel),
		t->hit.trigger->name);
	struct bot_count *c = bot_count_of(&b->otherwise, key);
	if (!c)
		return false;
	if (c->amount > 0 && now - c->when < t->world->conf->limits.otherwise_ms)
		return false;
	c->amount = 1;
	c->when = now;
	return true;
}

/* Forgets lines that may be said again. */
void bot_budget_sweep(struct bot *b, int64_t now_ms)
{
	struct bot_count *c, *next;

	HASH_ITER(hh, b->otherwise, c, next) {
		if (now_ms - c->when >= b->world->conf->limits.otherwise_ms)
			bot_count_free(&b->otherwise, c);
	}
}

void bot_budget_fini(struct bot *b)
{
	while (b->otherwise)
		bot_count_free(&b->otherwise, b->otherwise);
}
