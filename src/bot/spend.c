/* What model calls may cost: money, by the hour and day, for the bot, a channel, a person, a
 * persona; and how many calls a person has a day, by level. Money is reserved before an attempt and
 * settled after it, whatever became of the attempt or of its answer. */
#include "bot/room.h"

#define WARN_PERCENT 80

_Static_assert(CONF_LEVELS == LEVEL_COUNT, "limits.asks_day has one number a level");

/* The counters that a turn's money counts in, beside the bot's own two. */
enum { OF_CHANNEL, OF_USER, OF_PERSONA, COUNTERS };

static bool counters_of(struct bot *b, const struct turn *t, struct bot_count *out[COUNTERS])
{
	const struct event *e = t->event;
	const int64_t day = bot_counts_now(b)->day;

	out[OF_CHANNEL] = bot_count_in(b, day, "channel", e->platform, e->channel);
	out[OF_USER] = bot_count_in_user(b, day, "user", e);
	out[OF_PERSONA] = bot_count_in(b, day, "persona", STR(""), str_of(t->persona->id));
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
	b->counts.spent_hour += cost;
	b->counts.spent_day += cost;
	for (int i = 0; i < COUNTERS; i++)
		counters[i]->amount += cost;
}

bool bot_spend_take(struct bot *b, struct turn *t, int64_t cost)
{
	const struct conf_limits *l = &b->world->conf->limits;
	struct bot_count *counters[COUNTERS];
	struct bot_counts *s = bot_counts_now(b);
	const char *rule;

	bot_counts_changed(b); /* the provider counts its calls, also those that are free */
	if (cost == 0)
		return true;
	if (!counters_of(b, t, counters)) {
		t->rule = "nomem";
		return false;
	}
	rule = !fits(s->spent_hour, cost, l->cost_hour) ? "cost_hour"
		: !fits(s->spent_day, cost, l->cost_day) ? "cost_day"
		: !fits(counters[OF_CHANNEL]->amount, cost, l->cost_channel_day)
		? "cost_channel_day"
		: !fits(counters[OF_USER]->amount, cost, l->cost_user_day) ? "cost_user_day"
		: !fits(counters[OF_PERSONA]->amount, cost, l->cost_persona_day)
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
	struct bot_counts *s = bot_counts_now(b);

	if (reserved == cost || !counters_of(b, t, counters))
		return; /* without memory: what was reserved stays spent */
	bot_counts_changed(b);
	if (cost > reserved) {
		add(b, counters, cost - reserved);
		return;
	}
	give_back(&s->spent_hour, reserved - cost);
	give_back(&s->spent_day, reserved - cost);
	for (int i = 0; i < COUNTERS; i++)
		give_back(&counters[i]->amount, reserved - cost);
}

/* Does a person ask, rather than something happen? */
static bool is_asked(const struct event *e)
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

	if (!is_asked(e))
		return REASON_NONE;
	c = bot_count_in_user(b, bot_counts_now(b)->day, "asks", e);
	if (!c)
		return REASON_NOMEM;
	if (c->amount >= b->world->conf->limits.asks_day[level]) {
		*rule = rules[level];
		return REASON_BUDGET;
	}
	c->amount++;
	bot_counts_changed(b);
	return REASON_NONE;
}

void bot_spend_give_back(struct bot *b, const struct event *e)
{
	struct bot_count *c = is_asked(e)
		? bot_count_in_user(b, bot_counts_now(b)->day, "asks", e) : NULL;

	if (c && c->amount > 0)
		c->amount--;
	bot_counts_changed(b);
}

/* A cap of money and what of it is spent; nothing where there is neither. */
static int explain_money(struct buf *out, int64_t spent, int64_t cap, const char *where)
{
	int err = 0;

	if (cap > 0 || spent > 0)
		err = buf_addf(out, "; $%.4f are spent %s", (double)spent / CONF_DOLLAR, where);
	if (!err && cap > 0)
		err = buf_addf(out, " of $%.2f", (double)cap / CONF_DOLLAR);
	return err;
}

int bot_spend_explain(struct bot *b, const struct event *e, const struct persona *p,
	struct buf *out)
{
	const struct conf_limits *l = &b->world->conf->limits;
	const struct bot_counts *s = bot_counts_now(b);
	const struct str channel = e->channel, persona = str_of(p->id);
	char tag[USER_TAG_BYTES];
	struct str user;
	int err;

	seal_user_tag(e->platform, e->user_id, tag);
	user = str_of(tag);
	const struct {
		const char *where;
		int64_t spent, cap;
	} money[] = {
		{"today", s->spent_day, l->cost_day},
		{"this hour", s->spent_hour, l->cost_hour},
		{"in this channel today",
			bot_count_told(b, s->day, "channel", e->platform, channel),
			l->cost_channel_day},
		{"for them today", bot_count_told(b, s->day, "user", e->platform, user),
			l->cost_user_day},
		{"by this persona today", bot_count_told(b, s->day, "persona", STR(""), persona),
			l->cost_persona_day},
	};
	err = buf_adds(out, "caps     ");
	if (!err && is_asked(e))
		err = buf_addf(out, "%.*s: %lld of %lld questions today", STR_FMT(e->user),
			(long long)bot_count_told(b, s->day, "asks", e->platform, user),
			(long long)l->asks_day[event_level(e)]);
	else if (!err)
		err = buf_adds(out, "this counts as nobody's question");
	for (size_t i = 0; i < sizeof(money) / sizeof(money[0]) && !err; i++)
		if (i == 0 || money[i].cap > 0)
			err = explain_money(out, money[i].spent, money[i].cap, money[i].where);
	return err ? err : buf_addf(out, "\n         calls of models: %lld of %lld today; "
		"this hour %lld of %lld, %lld of %lld in this channel, %lld of %lld for them\n",
		(long long)s->calls_day, (long long)l->calls_day, (long long)s->calls_hour,
		(long long)l->calls_hour,
		(long long)bot_count_told(b, s->hour, "calls_channel", e->platform, channel),
		(long long)l->calls_channel_hour,
		(long long)bot_count_told(b, s->hour, "calls_user", e->platform, user),
		(long long)l->calls_user_hour);
}

int bot_spend_status(struct bot *b, struct buf *out)
{
	const struct conf_limits *l = &b->world->conf->limits;
	const struct bot_counts *s = bot_counts_now(b);

	return buf_addf(out, "\"spent\":{\"hour\":%lld,\"cap_hour\":%lld,\"day\":%lld,"
		"\"cap_day\":%lld},", (long long)s->spent_hour, (long long)l->cost_hour,
		(long long)s->spent_day, (long long)l->cost_day);
}
