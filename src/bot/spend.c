/* What model calls may cost: money, by the hour and day, for the bot, a channel, a person, a
 * persona; and how many calls a person has a day, by level. Money is reserved before an attempt and
 * settled after it, whatever became of the attempt or of its answer. */
#include "bot/room.h"

#include <stddef.h>

#define WARN_PERCENT 80

_Static_assert(CONF_LEVELS == LEVEL_COUNT, "limits.asks_day has one number a level");

enum whose { OF_BOT, OF_CHANNEL, OF_USER, OF_PERSONA };

static const struct cap {
	const char *rule, *what, *where; /* the option, its counters' name, and for explain */
	enum whose whose;
	bool is_daily;
	size_t most;                     /* in the limits; there 0 = no cap */
} caps[] = {
#define CAP(name, whose, is_daily, what, where) \
	{#name, what, where, whose, is_daily, offsetof(struct conf_limits, name)}
	CAP(cost_day, OF_BOT, true, "", "today"),
	CAP(cost_hour, OF_BOT, false, "", "this hour"),
	CAP(cost_channel_day, OF_CHANNEL, true, "channel", "in this channel today"),
	CAP(cost_channel_hour, OF_CHANNEL, false, "channel_hour", "in this channel this hour"),
	CAP(cost_user_day, OF_USER, true, "user", "for them today"),
	CAP(cost_user_hour, OF_USER, false, "user_hour", "for them this hour"),
	CAP(cost_persona_day, OF_PERSONA, true, "persona", "by this persona today"),
	CAP(cost_persona_hour, OF_PERSONA, false, "persona_hour", "by this persona this hour"),
#undef CAP
};
#define CAPS (sizeof(caps) / sizeof(caps[0]))

static int64_t most_of(const struct bot *b, const struct cap *c)
{
	const char *limits = (const char *)&b->world->conf->limits;

	return *(const int64_t *)(const void *)(limits + c->most);
}

/* What is counted for a cap, in the window of now. */
struct purse {
	int64_t *spent;
	bool *has_warned;
	const char *key; /* whose it is; NULL = the bot's */
};

static bool purse_of(struct bot *b, const struct turn *t, const struct cap *c, struct purse *out)
{
	struct bot_counts *s = bot_counts_now(b);
	const struct event *e = t->event;
	const int64_t window = c->is_daily ? s->day : s->hour;
	struct bot_count *n = NULL;

	switch (c->whose) {
	case OF_BOT:
		*out = c->is_daily ? (struct purse){&s->spent_day, &s->has_warned_day, NULL}
				   : (struct purse){&s->spent_hour, &s->has_warned_hour, NULL};
		return true;
	case OF_CHANNEL: n = bot_count_in(b, window, c->what, e->platform, e->channel); break;
	case OF_USER: n = bot_count_in_user(b, window, c->what, e); break;
	case OF_PERSONA:
		n = bot_count_in(b, window, c->what, STR(""), str_of(t->persona->id));
		break;
	}
	if (n)
		*out = (struct purse){&n->amount, &n->has_warned, n->key};
	return n != NULL;
}

static bool purses_of(struct bot *b, const struct turn *t, struct purse out[CAPS])
{
	for (size_t i = 0; i < CAPS; i++)
		if (!purse_of(b, t, &caps[i], &out[i]))
			return false;
	return true;
}

static void warn(const struct cap *c, const struct purse *p, int64_t most)
{
	if (most == 0 || *p->has_warned || *p->spent < most / 100 * WARN_PERCENT)
		return;
	*p->has_warned = true;
	log_event(LOG_AUDIT, "bot", "cost_warning", "rule", c->rule, LOG_INT("spent_micros",
		*p->spent), LOG_INT("cap_micros", most), "counter", p->key, "message",
		"four fifths of what model calls may cost are spent", NULL);
}

bool bot_spend_take(struct bot *b, struct turn *t, int64_t cost)
{
	const struct bot_counts *s = bot_counts_now(b);
	struct purse purses[CAPS];

	bot_counts_changed(b); /* the provider counts its calls, also those that are free */
	if (cost == 0)
		return true;
	if (!purses_of(b, t, purses)) {
		t->rule = "nomem";
		return false;
	}
	for (size_t i = 0; i < CAPS; i++) {
		const int64_t most = most_of(b, &caps[i]);

		if (most > 0 && *purses[i].spent + cost > most) {
			t->rule = caps[i].rule;
			return false;
		}
	}
	t->reserved_hour = s->hour;
	t->reserved_day = s->day;
	for (size_t i = 0; i < CAPS; i++) {
		*purses[i].spent += cost;
		warn(&caps[i], &purses[i], most_of(b, &caps[i]));
	}
	return true;
}

/* Of a window that began since it was reserved, nothing is taken back. */
void bot_spend_settle(struct bot *b, const struct turn *t, int64_t reserved, int64_t cost)
{
	const struct bot_counts *s = bot_counts_now(b);
	struct purse purses[CAPS];

	if (reserved == cost || !purses_of(b, t, purses))
		return; /* without memory: what was reserved stays spent */
	bot_counts_changed(b);
	for (size_t i = 0; i < CAPS; i++) {
		int64_t *spent = purses[i].spent;

		if (cost < reserved && (caps[i].is_daily ? t->reserved_day != s->day
							 : t->reserved_hour != s->hour))
			continue;
		*spent += cost - reserved;
		if (*spent < 0)
			*spent = 0;
	}
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

/* What is counted for a cap; makes no counter. */
static int64_t told(struct bot *b, const struct cap *c, const struct event *e,
	const struct persona *p, struct str user)
{
	const struct bot_counts *s = bot_counts_now(b);
	const int64_t window = c->is_daily ? s->day : s->hour;

	switch (c->whose) {
	case OF_CHANNEL: return bot_count_told(b, window, c->what, e->platform, e->channel);
	case OF_USER: return bot_count_told(b, window, c->what, e->platform, user);
	case OF_PERSONA: return bot_count_told(b, window, c->what, STR(""), str_of(p->id));
	default: return c->is_daily ? s->spent_day : s->spent_hour;
	}
}

int bot_spend_explain(struct bot *b, const struct event *e, const struct persona *p,
	struct buf *out)
{
	const struct conf_limits *l = &b->world->conf->limits;
	const struct bot_counts *s = bot_counts_now(b);
	char tag[USER_TAG_BYTES];
	struct str user;
	int err;

	seal_user_tag(e->platform, e->user_id, tag);
	user = str_of(tag);
	err = buf_adds(out, "caps     ");
	if (!err && is_asked(e))
		err = buf_addf(out, "%.*s: %lld of %lld questions today", STR_FMT(e->user),
			(long long)bot_count_told(b, s->day, "asks", e->platform, user),
			(long long)l->asks_day[event_level(e)]);
	else if (!err)
		err = buf_adds(out, "this counts as nobody's question");
	for (size_t i = 0; i < CAPS && !err; i++)
		if (i == 0 || most_of(b, &caps[i]) > 0)
			err = explain_money(out, told(b, &caps[i], e, p, user),
				most_of(b, &caps[i]), caps[i].where);
	return err ? err : buf_addf(out, "\n         calls of models: %lld of %lld today; "
		"this hour %lld of %lld, %lld of %lld in this channel, %lld of %lld for them\n",
		(long long)s->calls_day, (long long)l->calls_day, (long long)s->calls_hour,
		(long long)l->calls_hour,
		(long long)bot_count_told(b, s->hour, "calls_channel", e->platform, e->channel),
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
