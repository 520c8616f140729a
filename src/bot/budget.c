/* How many model calls may still be made, in this hour and day: by the bot, a channel, a user.
 * Fixed windows on the monotonic clock; counted when a call is begun, whatever becomes of it, and
 * given back when no model was asked after all. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS 3600000
#define DAY_MS (24 * (int64_t)HOUR_MS)

void bot_count_free(struct bot_count **table, struct bot_count *c)
{
	HASH_DEL(*table, c);
	mem_free(c);
}

struct bot_count *bot_count_of(struct bot_count **table, const char *key)
{
	const size_t n = strlen(key);
	struct bot_count *c;

	HASH_FIND(hh, *table, key, n, c);
	if (c)
		return c;
	if (HASH_COUNT(*table) >= BOT_COUNTS_MAX)
		bot_count_free(table, *table);
	c = mem_new(sizeof(*c) + n + 1);
	if (!c)
		return NULL;
	memcpy(c->key, key, n);
	HASH_ADD(hh, *table, key[0], n, c);
	if (hash_has(c))
		return c;
	mem_free(c);
	return NULL;
}

static bool has_room(struct bot_count *c, int64_t hour, int64_t cap)
{
	if (c->when != hour) {
		c->when = hour;
		c->calls = 0;
	}
	return c->calls < cap;
}

/* What nobody caused, a timer, is counted as one person in each channel. */
static struct bot_count *count_of_user(struct bot *b, const struct event *e)
{
	const bool is_nobody = e->user_id.len == 0;
	char key[256];

	snprintf(key, sizeof(key), "%.*s:%s%.*s", STR_FMT(e->platform), is_nobody ? "#" : "",
		STR_FMT(is_nobody ? e->channel : e->user_id));
	return bot_count_of(&b->budget.users, key);
}

static struct bot_count *count_of_channel(struct bot *b, const struct event *e)
{
	char key[256];

	snprintf(key, sizeof(key), "%u:%.*s", e->place, STR_FMT(e->channel));
	return bot_count_of(&b->budget.channels, key);
}

enum reason bot_budget_take(struct bot *b, const struct event *e, const char **rule)
{
	const struct conf_limits *l = &b->world->conf->limits;
	struct bot_budget *g = &b->budget;
	const int64_t now = clock_mono_ms();
	const int64_t hour = now / HOUR_MS + 1, day = now / DAY_MS + 1;

	if (g->hour != hour)
		g->calls_hour = 0;
	if (g->day != day)
		g->calls_day = 0;
	g->hour = hour;
	g->day = day;

	struct bot_count *user = count_of_user(b, e);
	struct bot_count *channel = count_of_channel(b, e);
	if (!user || !channel)
		return REASON_NOMEM;

	*rule = g->calls_day >= l->calls_day ? "calls_day"
		: g->calls_hour >= l->calls_hour ? "calls_hour"
		: !has_room(channel, hour, l->calls_channel_hour) ? "calls_channel_hour"
		: !has_room(user, hour, l->calls_user_hour) ? "calls_user_hour" : "";
	if (**rule != '\0')
		return REASON_BUDGET;
	user->calls++;
	channel->calls++;
	g->calls_hour++;
	g->calls_day++;
	return REASON_NONE;
}

/* One less, unless a new window has begun since. */
static void give_back(struct bot_count *c, int64_t hour)
{
	if (c && c->when == hour && c->calls > 0)
		c->calls--;
}

void bot_budget_give_back(struct bot *b, const struct event *e)
{
	struct bot_budget *g = &b->budget;

	if (g->calls_hour > 0)
		g->calls_hour--;
	if (g->calls_day > 0)
		g->calls_day--;
	give_back(count_of_user(b, e), g->hour);
	give_back(count_of_channel(b, e), g->hour);
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
	struct bot_count *c = bot_count_of(&b->budget.otherwise, key);
	if (!c)
		return false;
	if (c->calls > 0 && now - c->when < t->world->conf->limits.otherwise_ms)
		return false;
	c->calls = 1;
	c->when = now;
	return true;
}

/* Forgets counters of hours gone by. */
void bot_budget_sweep(struct bot *b, int64_t now_ms)
{
	const int64_t hour = now_ms / HOUR_MS + 1;
	struct bot_count **tables[] = {&b->budget.users, &b->budget.channels};
	struct bot_count *c, *next;

	for (size_t i = 0; i < 2; i++) {
		HASH_ITER(hh, *tables[i], c, next) {
			if (c->when != hour)
				bot_count_free(tables[i], c);
		}
	}
	HASH_ITER(hh, b->budget.otherwise, c, next) {
		if (now_ms - c->when >= b->world->conf->limits.otherwise_ms)
			bot_count_free(&b->budget.otherwise, c);
	}
}

void bot_budget_fini(struct bot *b)
{
	struct bot_count **tables[] = {&b->budget.users, &b->budget.channels, &b->budget.otherwise};

	for (size_t i = 0; i < 3; i++) {
		while (*tables[i])
			bot_count_free(tables[i], *tables[i]);
	}
}
