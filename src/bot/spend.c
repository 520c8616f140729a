/* What model calls may cost: money, by the hour and day, for the bot, a channel, a person, a
 * persona; and how many calls a person has a day, by level. Windows are hours and days of UTC, and
 * survive a restart. Money is reserved before an attempt and settled after it, whatever became of
 * the attempt or of its answer. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS 3600000
#define DAY_MS (24 * (int64_t)HOUR_MS)
#define WARN_PERCENT 80
#define ALL_OF_IT (INT64_MAX / 4) /* what was spent when nobody knows */
#define KEY_BYTES 320

_Static_assert(CONF_LEVELS == LEVEL_COUNT, "limits.asks_day has one number a level");

/* A new window begins at nothing. The wall clock may also be set back: then what was spent in the
 * window that has not come yet counts in this one. */
static void turn_over(int64_t *window, int64_t now, int64_t *amount)
{
	if (now > *window)
		*amount = 0;
	*window = now;
}

static void look_at_clock(struct bot_spend *s)
{
	const int64_t now = clock_wall_ms();
	const int64_t day = s->day, hour = s->hour;

	turn_over(&s->hour, now / HOUR_MS, &s->spent_hour);
	turn_over(&s->day, now / DAY_MS, &s->spent_day);
	if (s->hour != hour)
		s->has_warned_hour = false;
	if (s->day != day)
		s->has_warned_day = false;
}

/* The name of a counter: a line of the file holds it. */
static const char *key_of(
	const char *what, struct str platform, struct str whose, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "%s %.*s:%.*s", what, STR_FMT(platform), STR_FMT(whose));
	for (char *at = key; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = '_';
	return key;
}

/* One counter of this day. what: "channel". NULL = no memory. */
static struct bot_count *count_of(struct bot *b, const char *what, struct str platform,
	struct str whose)
{
	char key[KEY_BYTES];
	struct bot_count *c = bot_count_of(&b->spend.counts, key_of(what, platform, whose, key));

	if (c)
		turn_over(&c->when, b->spend.day, &c->calls);
	return c;
}

/* That of a person, who is not named in the file. What nobody caused, a timer, is counted as one
 * person in each channel. */
static struct bot_count *count_of_user(struct bot *b, const char *what, const struct event *e)
{
	char tag[USER_TAG_BYTES];

	if (e->user_id.len == 0)
		return count_of(b, what, e->platform, e->channel);
	seal_user_tag(e->platform, e->user_id, tag);
	return count_of(b, what, e->platform, str_of(tag));
}

/* The counters that a turn's money counts in, beside the bot's own two. */
enum { OF_CHANNEL, OF_USER, OF_PERSONA, COUNTERS };

static bool counters_of(struct bot *b, const struct turn *t, struct bot_count *out[COUNTERS])
{
	const struct event *e = t->event;

	out[OF_CHANNEL] = count_of(b, "channel", e->platform, e->channel_id);
	out[OF_USER] = count_of_user(b, "user", e);
	out[OF_PERSONA] = count_of(b, "persona", STR(""), str_of(t->persona->id));
	return out[OF_CHANNEL] && out[OF_USER] && out[OF_PERSONA];
}

static bool fits(int64_t spent, int64_t cost, int64_t cap)
{
	return cap == 0 || spent + cost <= cap;
}

static void warn(const char *rule, int64_t spent, int64_t cap, bool *has_warned)
{
	if (cap == 0 || *has_warned || spent < cap / 100 * WARN_PERCENT)
		return;
	*has_warned = true;
	log_event(LOG_AUDIT, "bot", "cost_warning", "rule", rule, LOG_INT("spent_micros", spent),
		LOG_INT("cap_micros", cap), "message",
		"four fifths of what model calls may cost are spent", NULL);
}

static void add(struct bot *b, struct bot_count *counters[COUNTERS], int64_t cost)
{
	struct bot_spend *s = &b->spend;

	s->spent_hour += cost;
	s->spent_day += cost;
	for (int i = 0; i < COUNTERS; i++)
		counters[i]->calls += cost;
	s->is_dirty = true;
	bot_state_save_soon(b);
}

bool bot_spend_take(struct bot *b, struct turn *t, int64_t cost)
{
	const struct conf_limits *l = &b->world->conf->limits;
	struct bot_count *counters[COUNTERS];
	struct bot_spend *s = &b->spend;
	const char *rule;

	if (cost == 0)
		return true;
	look_at_clock(s);
	if (!counters_of(b, t, counters)) {
		t->rule = "nomem";
		return false;
	}
	rule = !fits(s->spent_hour, cost, l->cost_hour) ? "cost_hour"
		: !fits(s->spent_day, cost, l->cost_day) ? "cost_day"
		: !fits(counters[OF_CHANNEL]->calls, cost, l->cost_channel_day) ? "cost_channel_day"
		: !fits(counters[OF_USER]->calls, cost, l->cost_user_day) ? "cost_user_day"
		: !fits(counters[OF_PERSONA]->calls, cost, l->cost_persona_day)
		? "cost_persona_day" : "";
	if (*rule != '\0') {
		t->rule = rule;
		return false;
	}
	add(b, counters, cost);
	warn("cost_hour", s->spent_hour, l->cost_hour, &s->has_warned_hour);
	warn("cost_day", s->spent_day, l->cost_day, &s->has_warned_day);
	return true;
}

/* Of a window that began since, nothing is taken back. */
static void give_back(int64_t *amount, int64_t too_much)
{
	*amount = *amount > too_much ? *amount - too_much : 0;
}

void bot_spend_settle(struct bot *b, const struct turn *t, int64_t reserved, int64_t cost)
{
	struct bot_count *counters[COUNTERS];
	struct bot_spend *s = &b->spend;

	if (reserved == cost)
		return;
	look_at_clock(s);
	if (!counters_of(b, t, counters))
		return; /* what was reserved stays spent */
	if (cost > reserved) {
		add(b, counters, cost - reserved);
		return;
	}
	give_back(&s->spent_hour, reserved - cost);
	give_back(&s->spent_day, reserved - cost);
	for (int i = 0; i < COUNTERS; i++)
		give_back(&counters[i]->calls, reserved - cost);
	s->is_dirty = true;
	bot_state_save_soon(b);
}

bool bot_spend_counts(const struct event *e)
{
	return (e->kind == EVENT_MESSAGE || e->kind == EVENT_SLASH || e->kind == EVENT_WHISPER) &&
		e->user_id.len > 0;
}

enum reason bot_spend_ask(struct bot *b, const struct event *e, const char **rule)
{
	static const char *const rules[LEVEL_COUNT] = {"everyone_day", "subscriber_day", "vip_day",
		"moderator_day", "broadcaster_day"};
	const enum level level = event_level(e);
	struct bot_count *c;

	if (!bot_spend_counts(e))
		return REASON_NONE;
	look_at_clock(&b->spend);
	c = count_of_user(b, "asks", e);
	if (!c)
		return REASON_NOMEM;
	if (c->calls >= b->world->conf->limits.asks_day[level]) {
		*rule = rules[level];
		return REASON_BUDGET;
	}
	c->calls++;
	b->spend.is_dirty = true;
	bot_state_save_soon(b);
	return REASON_NONE;
}

void bot_spend_give_back(struct bot *b, const struct event *e)
{
	struct bot_count *c = bot_spend_counts(e) ? count_of_user(b, "asks", e) : NULL;

	if (c && c->calls > 0)
		c->calls--;
}

/* ---- Across restarts: a line a counter: its window, its amount, its name --------------------- */

static int add_line(struct buf *out, int64_t window, int64_t amount, const char *name)
{
	return buf_addf(out, "%lld %lld %s\n", (long long)window, (long long)amount, name);
}

int bot_spend_save(struct bot *b, struct buf *out)
{
	struct bot_spend *s = &b->spend;
	int err;

	look_at_clock(s);
	err = add_line(out, s->hour, s->spent_hour, "hour");
	if (!err)
		err = add_line(out, s->day, s->spent_day, "day");
	for (const struct bot_count *c = s->counts; c && !err; c = c->hh.next) {
		if (c->when == s->day && c->calls > 0)
			err = add_line(out, c->when, c->calls, c->key);
	}
	if (!err)
		s->is_dirty = false;
	return err;
}

static int load_line(struct bot_spend *s, struct str line)
{
	struct str window_text = str_split(&line, ' '), amount_text = str_split(&line, ' ');
	int64_t window, amount;
	struct bot_count *c;
	char key[KEY_BYTES];

	if (str_int(window_text, &window) || str_int(amount_text, &amount) || amount < 0 ||
			amount > ALL_OF_IT || line.len == 0 || line.len >= sizeof(key))
		return ERR_PARSE;
	if (str_is(line, "hour") || str_is(line, "day")) {
		const bool is_hour = str_is(line, "hour");

		*(is_hour ? &s->hour : &s->day) = window;
		*(is_hour ? &s->spent_hour : &s->spent_day) = amount;
		return 0;
	}
	snprintf(key, sizeof(key), "%.*s", STR_FMT(line));
	c = bot_count_of(&s->counts, key);
	if (!c)
		return ERR_NOMEM;
	c->when = window;
	c->calls = amount;
	return 0;
}

int bot_spend_load(struct bot *b, struct str text)
{
	struct bot_spend *s = &b->spend;
	int err = 0;

	while (text.len > 0 && !err)
		err = load_line(s, str_split(&text, '\n'));
	look_at_clock(s);
	if (err)
		s->spent_hour = s->spent_day = ALL_OF_IT;
	return err;
}

int bot_spend_explain(struct bot *b, const struct event *e, struct buf *out)
{
	const struct conf_limits *l = &b->world->conf->limits;
	const struct bot_count *c = NULL;
	char tag[USER_TAG_BYTES], key[KEY_BYTES];
	int64_t asked = 0;
	int err;

	look_at_clock(&b->spend);
	seal_user_tag(e->platform, e->user_id, tag);
	HASH_FIND_STR(b->spend.counts, key_of("asks", e->platform, str_of(tag), key), c);
	if (c && c->when == b->spend.day)
		asked = c->calls;
	err = buf_addf(out, "caps     %.*s has asked %lld of %lld times today", STR_FMT(e->user),
		(long long)asked, (long long)l->asks_day[event_level(e)]);
	if (!err && (l->cost_day > 0 || b->spend.spent_day > 0))
		err = buf_addf(out, "; $%.4f are spent today",
			(double)b->spend.spent_day / CONF_DOLLAR);
	if (!err && l->cost_day > 0)
		err = buf_addf(out, " of $%.2f", (double)l->cost_day / CONF_DOLLAR);
	return err ? err : buf_addc(out, '\n');
}

int bot_spend_status(struct bot *b, struct buf *out)
{
	const struct conf_limits *l = &b->world->conf->limits;
	struct bot_spend *s = &b->spend;

	look_at_clock(s);
	return buf_addf(out, "\"spent\":{\"hour\":%lld,\"cap_hour\":%lld,\"day\":%lld,"
		"\"cap_day\":%lld},", (long long)s->spent_hour, (long long)l->cost_hour,
		(long long)s->spent_day, (long long)l->cost_day);
}

/* Forgets counters of days gone by. */
void bot_spend_sweep(struct bot *b)
{
	struct bot_spend *s = &b->spend;
	struct bot_count *c, *next;

	look_at_clock(s);
	HASH_ITER(hh, s->counts, c, next) {
		if (c->when < s->day)
			bot_count_free(&s->counts, c);
	}
}

void bot_spend_fini(struct bot *b)
{
	while (b->spend.counts)
		bot_count_free(&b->spend.counts, b->spend.counts);
}
