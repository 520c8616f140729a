/* Timers: triggers that the clock wakes, each in every channel it is for.
 *
 * One record for a trigger in a channel, with its own clock, which a reload leaves alone. What is
 * due becomes an event and goes the way of every event: gate, cooldowns, limits, outbox, ledger.
 * The monotonic clock counts, so a clock that is set has no say; what was slept through is not made
 * up for. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS 5000   /* how often what is due but may not speak yet is looked at */
#define GAP_MS 30000   /* between two timers of a channel: each shall be read */
#define FIRST_PARTS 10 /* a first run comes after a tenth of its time at the earliest */
#define SHOWN 100      /* in the status */
#define KEY_BYTES (2 + BOT_CHANNEL_BYTES + 65)

/* When a timer speaks for the first time, or again after it was put off: at random, so that several
 * do not come at once. */
static int64_t first_wait(int64_t every_ms)
{
	const int64_t least = every_ms / FIRST_PARTS;

	return least + (int64_t)rand_below((uint32_t)(every_ms - least));
}

static size_t key_of(unsigned place, struct str channel, const char *trigger, char key[KEY_BYTES])
{
	return (size_t)snprintf(key, KEY_BYTES, "%u#%.*s#%s", place,
		(int)(channel.len < BOT_CHANNEL_BYTES ? channel.len : BOT_CHANNEL_BYTES - 1),
		channel.at, trigger);
}

static void timer_free(struct bot *b, struct bot_timer *t)
{
	HASH_DEL(b->timers, t);
	mem_free(t);
}

static struct bot_timer *timer_new(struct bot *b, const struct event *e, const struct trigger *of)
{
	char key[KEY_BYTES];
	const size_t n = key_of(e->place, e->channel, of->name, key);
	struct bot_channel *c = bot_channel(b, e->place, e->channel, true);
	struct bot_timer *t;

	if (!c || HASH_COUNT(b->timers) >= BOT_TIMERS_MAX)
		return NULL;
	t = mem_new(sizeof(*t) + n + e->channel.len + 2);
	if (!t)
		return NULL;
	memcpy(t->key, key, n);
	t->channel = t->key + n + 1;
	memcpy(t->channel, e->channel.at, e->channel.len);
	t->place = e->place;
	t->lines = c->lines;
	HASH_ADD(hh, b->timers, key[0], n, t);
	if (hash_has(t))
		return t;
	mem_free(t);
	return NULL;
}

/* ---- Which there are ------------------------------------------------------------------------- */

/* Gives the timer of a trigger in the event's channel its clock, or leaves it the one it has. */
static bool follow(struct bot *b, const struct event *e, const struct trigger *of)
{
	char key[KEY_BYTES];
	const size_t n = key_of(e->place, e->channel, of->name, key);
	struct bot_channel *c = bot_channel(b, e->place, e->channel, true);
	struct bot_timer *t;

	HASH_FIND(hh, b->timers, key, n, t);
	if (!t && c)
		t = timer_new(b, e, of);
	if (!t || !c)
		return false;
	if (t->lines > c->lines)
		t->lines = c->lines; /* of a channel that was forgotten meanwhile */
	if (t->every_ms != of->every_ms)
		t->due_ms = clock_mono_ms() + first_wait(of->every_ms);
	t->every_ms = of->every_ms;
	t->trigger = of->name;
	t->generation = b->timer_generation;
	c->is_timed = true;
	return true;
}

static bool follow_channel(struct bot *b, unsigned place, const char *name, const char *channel)
{
	struct event e = {.kind = EVENT_TIMER, .place = place, .platform = str_of(name)};
	const struct trigger *t;
	bool is_whole = true;

	if (!(trigger_set_kinds(b->world->triggers) & EVENT_BIT(EVENT_TIMER)))
		return true; /* as in most: no need to look at each */
	e.channel = e.channel_id = str_of(channel);
	for (size_t i = 0; (t = trigger_set_at(b->world->triggers, i)) != NULL; i++) {
		if (t->every_ms > 0 && t->is_on && trigger_is_in(t, &e))
			is_whole &= follow(b, &e, t);
	}
	return is_whole;
}

/* The channels that a place is in by the config; without one, those that triggers name. */
static bool follow_place(struct bot *b, unsigned place, const struct conf_place *p)
{
	const struct trigger *t;
	bool is_whole = true;

	for (size_t i = 0; i < p->channels.n; i++)
		is_whole &= follow_channel(b, place, p->name, p->channels.at[i]);
	if (p->channels.n > 0)
		return is_whole;
	for (size_t i = 0; (t = trigger_set_at(b->world->triggers, i)) != NULL; i++) {
		for (size_t k = 0; t->every_ms > 0 && k < t->in.n; k++) {
			struct str channel = str_of(t->in.at[k]);
			struct str platform = str_split(&channel, ':');

			if (str_is(platform, p->name) && channel.len > 0)
				is_whole &= follow_channel(b, place, p->name, channel.at);
		}
	}
	return is_whole;
}

static bool follow_console(struct bot *b)
{
	const char *user, *channel;
	enum level level;

	platform_console_who(&b->places[0].platform, &user, &channel, &level);
	return follow_channel(b, 0, b->places[0].name, channel);
}

void bot_timers_follow(struct bot *b)
{
	const struct conf *c = b->world->conf;
	struct bot_timer *t, *next;
	bool is_whole = true;

	if (b->options.replay)
		return; /* it tells what was heard, at the times when it was */
	b->timer_generation++;
	for (struct bot_channel *at = b->channels; at; at = at->hh.next)
		at->is_timed = false;
	for (size_t i = 0; i < c->place_count && !b->options.console; i++) {
		const int place = bot_place_number(b, c->places[i].name);

		if (place >= 0)
			is_whole &= follow_place(b, (unsigned)place, &c->places[i]);
	}
	if (b->options.console)
		is_whole = follow_console(b);
	HASH_ITER(hh, b->timers, t, next) {
		if (t->generation != b->timer_generation)
			timer_free(b, t);
	}
	if (!is_whole)
		log_event(LOG_ERROR, "bot", "timers_left_out", LOG_INT("most", BOT_TIMERS_MAX),
			NULL);
	bot_timers_look(b);
}

/* ---- Running --------------------------------------------------------------------------------- */

static bool is_speaking(const struct bot *b, const struct bot_timer *t)
{
	for (const struct turn *at = b->turns; at; at = at->hh.next) {
		if (at->event->kind == EVENT_TIMER && at->event->place == t->place &&
				str_is(at->event->channel, t->channel))
			return true;
	}
	return false;
}

/* May nothing be said there now? Then it is put off, and not made up for. */
static bool is_silent(struct bot *b, const struct bot_timer *t, const struct bot_channel *c,
	const struct trigger *of, int64_t now_ms)
{
	const bool is_live = !c || !c->stream.is_known || c->stream.is_live;
	struct outbox_lane lane;

	return bot_channel_is_quiet(c, now_ms) ||
		(of->when == TRIGGER_LIVE && !is_live) ||
		(of->when == TRIGGER_OFFLINE && is_live) ||
		outbox_lane_of(b->outbox, t->place, t->channel, &lane) || !lane.is_open ||
		lane.is_refused;
}

static void run(struct bot *b, struct bot_timer *t, struct bot_channel *c, int64_t now_ms)
{
	struct event e = {.kind = EVENT_TIMER, .place = t->place, .at_ms = now_ms,
		.wall_ms = clock_wall_ms(), .command = str_of(t->trigger),
		.platform = str_of(b->places[t->place].name)};

	e.channel = e.channel_id = str_of(t->channel);
	t->due_ms = now_ms + t->every_ms;
	if (c) {
		t->lines = c->lines;
		c->timer_ms = now_ms;
	}
	bot_hear(b, &e); /* what it says, or why not, is told as of every event */
}

/* Lets it speak if it may. Gives how long until it is to be looked at again. */
static int64_t look(struct bot *b, struct bot_timer *t, int64_t now_ms)
{
	const struct trigger *of = trigger_set_find(b->world->triggers, t->trigger);
	struct bot_channel *c;

	if (t->due_ms > now_ms)
		return t->due_ms - now_ms;
	c = bot_channel(b, t->place, str_of(t->channel), false);
	if (is_silent(b, t, c, of, now_ms)) {
		t->due_ms = now_ms + first_wait(t->every_ms);
		return t->due_ms - now_ms;
	}
	if (c && (c->lines - t->lines < of->min_lines ||
			(c->timer_ms > 0 && now_ms - c->timer_ms < GAP_MS) || is_speaking(b, t)))
		return LOOK_MS;
	run(b, t, c, now_ms);
	return t->every_ms;
}

void bot_timers_look(void *ctx)
{
	struct bot *b = ctx;
	const int64_t now = clock_mono_ms();
	struct bot_timer *t, *next;
	int64_t wait = -1;

	if (b->is_draining || b->is_over)
		return;
	HASH_ITER(hh, b->timers, t, next) {
		const int64_t one = look(b, t, now);

		if (wait < 0 || one < wait)
			wait = one;
	}
	if (wait >= 0)
		io_timer_start(b->clock, wait);
	else
		io_timer_stop(b->clock);
}

/* ---- Status ---------------------------------------------------------------------------------- */

/* Why what is due has not spoken yet; "" = it is not due. */
static const char *why_waiting(struct bot *b, const struct bot_timer *t,
	const struct bot_channel *c, int64_t now_ms)
{
	const struct trigger *of = trigger_set_find(b->world->triggers, t->trigger);

	if (t->due_ms > now_ms)
		return "";
	return c && c->lines - t->lines < of->min_lines ? "lines" : "another timer";
}

int bot_timers_status(struct bot *b, struct buf *out)
{
	const int64_t now = clock_mono_ms();
	int err = buf_adds(out, "\"timers\":[");
	size_t n = 0;

	for (const struct bot_timer *t = b->timers; t && !err && n < SHOWN; t = t->hh.next, n++) {
		const struct bot_channel *c = bot_channel(b, t->place, str_of(t->channel), false);
		const struct trigger *of = trigger_set_find(b->world->triggers, t->trigger);

		err = buf_addf(out, "%s{\"trigger\":\"%s\",\"place\":\"%s\",\"channel\":",
			n > 0 ? "," : "", t->trigger, b->places[t->place].name);
		if (!err)
			err = json_add_string(out, str_of(t->channel));
		if (!err)
			err = buf_addf(out, ",\"in_ms\":%lld,\"every_ms\":%lld,\"lines\":%lld,"
				"\"min_lines\":%lld,\"waits_for\":\"%s\"}",
				(long long)(t->due_ms > now ? t->due_ms - now : 0),
				(long long)t->every_ms, (long long)(c ? c->lines - t->lines : 0),
				(long long)of->min_lines, why_waiting(b, t, c, now));
	}
	return err ? err : buf_adds(out, "],");
}

int64_t bot_timer_wait_ms(struct bot *b, const struct event *e)
{
	int64_t wait = -1;

	for (const struct bot_timer *t = b->timers; t; t = t->hh.next) {
		const int64_t one = t->due_ms > e->at_ms ? t->due_ms - e->at_ms : 0;

		if (t->place == e->place && str_is(e->channel, t->channel) &&
				(e->command.len == 0 || str_is(e->command, t->trigger)) &&
				(wait < 0 || one < wait))
			wait = one;
	}
	return wait;
}

void bot_timers_fini(struct bot *b)
{
	while (b->timers)
		timer_free(b, b->timers);
}
