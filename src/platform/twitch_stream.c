/* What Twitch says of our channels. A round has steps, each in calls of a hundred, one call at a
 * time:
 *   NAMES    ids of the names that have none yet     -> STREAMS, or REST when nobody asks for
 *                                                       streams
 *   STREAMS  who is live                             -> TITLES
 *   TITLES   title and category of those who are not -> REST
 *   REST     until the next poll, or until names are to be asked for
 * A call that fails ends the round: names are asked for again soon, streams at the next poll. */
#include "platform/stream_room.h"

#include <stdio.h>
#include <string.h>

static void soon(struct platform_streams *s)
{
	if (!s->is_doomed)
		io_timer_start(s->timer, 0);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void take_name(struct platform_streams *s, const struct json *user)
{
	struct platform_about *a = platform_about_by_name(s, json_str(user, "login"));
	struct str id = json_str(user, "id");

	if (!a || !a->is_asked || id.len == 0 || id.len >= sizeof(a->id))
		return;
	for (size_t i = 0; i < id.len; i++) {
		if (id.at[i] < '0' || id.at[i] > '9')
			return;
	}
	snprintf(a->id, sizeof(a->id), "%.*s", STR_FMT(id));
	a->found = PLATFORM_NAME_KNOWN;
}

static void take_stream(struct platform_streams *s, const struct json *stream)
{
	struct platform_about *a = platform_about_by_id(s, json_str(stream, "user_id"));
	struct str id = json_str(stream, "id");
	int64_t started_ms;

	if (!a || !a->is_asked || id.len >= sizeof(a->stream_id))
		return;
	a->is_asked = false;
	if (clock_parse(json_str(stream, "started_at"), &started_ms) < 0)
		started_ms = 0;
	if (clock_mono_ms() >= a->event_until_ms || a->is_live)
		platform_about_set_live(a, true, id, started_ms);
	platform_about_set_title(a, json_str(stream, "title"), json_str(stream, "game_name"));
}

static void take_title(struct platform_streams *s, const struct json *channel)
{
	struct platform_about *a = platform_about_by_id(s, json_str(channel, "broadcaster_id"));

	if (a && a->is_asked)
		platform_about_set_title(a, json_str(channel, "title"),
			json_str(channel, "game_name"));
}

/* What the answer does not hold: a name that nobody has, a channel that is offline. */
static void take_absence(struct platform_streams *s, struct platform_about *a)
{
	if (s->step == PLATFORM_STEP_NAMES && a->found == PLATFORM_NAME_UNASKED)
		a->found = PLATFORM_NAME_MISSING;
	if (s->step != PLATFORM_STEP_STREAMS)
		return;
	if (!a->is_live || clock_mono_ms() >= a->event_until_ms)
		platform_about_set_live(a, false, STR(""), 0);
}

static void take(struct platform_streams *s, const struct json *data)
{
	struct platform_about *a;

	for (size_t i = 0; i < json_count(data); i++) {
		const struct json *each = json_at(data, i);

		if (s->step == PLATFORM_STEP_NAMES)
			take_name(s, each);
		else if (s->step == PLATFORM_STEP_STREAMS)
			take_stream(s, each);
		else
			take_title(s, each);
	}
	for (a = s->channels; a; a = a->hh.next) {
		if (a->is_asked)
			take_absence(s, a);
	}
}

static void forget_asked(struct platform_streams *s)
{
	for (struct platform_about *a = s->channels; a; a = a->hh.next)
		a->is_asked = false;
}

static void fail(struct platform_streams *s, const char *why)
{
	int64_t now_ms = clock_mono_ms();

	if (strcmp(s->why, why) != 0)
		log_event(LOG_INFO, "platform", "streams_unanswered", "result", "FAILED", "message",
			why, NULL);
	snprintf(s->why, sizeof(s->why), "%s", why);
	s->retry_ms = now_ms + io_backoff_next(&s->backoff, now_ms);
	s->step = PLATFORM_STEP_REST;
}

static void on_answer(void *ctx, const struct platform_helix_answer *answer)
{
	struct platform_streams *s = ctx;
	const struct json *data = json_get(answer->body, "data");

	s->task = NULL;
	if (answer->err == 0 && json_is_array(data)) {
		take(s, data);
		s->why[0] = '\0';
		s->heard_ms = clock_mono_ms();
		io_backoff_confirm(&s->backoff, s->heard_ms);
	} else {
		fail(s, answer->err != 0 ? answer->why : "Twitch's answer holds no data");
	}
	forget_asked(s);
	soon(s);
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* Is this one to be asked for in this step? */
static bool is_due(const struct platform_streams *s, const struct platform_about *a)
{
	if (a->stamp == s->stamp)
		return false;
	switch (s->step) {
	case PLATFORM_STEP_NAMES: return a->found == PLATFORM_NAME_UNASKED;
	case PLATFORM_STEP_STREAMS: return a->found == PLATFORM_NAME_KNOWN;
	case PLATFORM_STEP_TITLES: return a->found == PLATFORM_NAME_KNOWN && !a->is_live;
	default: return false;
	}
}

/* The next call of this step. ERR_NOTFOUND: there is nothing left to ask for. */
static int ask(struct platform_streams *s)
{
	static const char *const paths[] = {"/users?", "/streams?first=100&", "/channels?"};
	static const char *const keys[] = {"login", "user_id", "broadcaster_id"};
	struct platform_helix_call c = {.method = "GET", .done = on_answer, .ctx = s};
	struct platform_about *a;
	struct buf path;
	size_t n = 0;
	int err;

	if (s->step == PLATFORM_STEP_REST)
		return ERR_NOTFOUND;
	buf_init(&path, 4000); /* of the 4,096 of a URL's path */
	err = buf_adds(&path, paths[s->step]);
	for (a = s->channels; a && n < PLATFORM_BATCH && err == 0; a = a->hh.next) {
		if (!is_due(s, a))
			continue;
		err = buf_addf(&path, "%s%s=%s", n > 0 ? "&" : "", keys[s->step],
			s->step == PLATFORM_STEP_NAMES ? a->name : a->id);
		a->stamp = s->stamp;
		a->is_asked = true;
		n++;
	}
	if (err == 0 && n == 0)
		err = ERR_NOTFOUND;
	if (err == 0) {
		c.path = buf_text(&path);
		s->task = platform_helix_start(s->o.helix, &c);
		err = s->task ? 0 : ERR_BUSY;
	}
	buf_fini(&path);
	if (err < 0)
		forget_asked(s);
	return err;
}

/* From when on names may be asked for: INT64_MAX = there is none. */
static int64_t names_due_ms(const struct platform_streams *s)
{
	for (const struct platform_about *a = s->channels; a; a = a->hh.next) {
		if (a->found == PLATFORM_NAME_UNASKED)
			return s->retry_ms;
	}
	return INT64_MAX;
}

static void begin_round(struct platform_streams *s, int64_t now_ms)
{
	if (s->step != PLATFORM_STEP_REST)
		return;
	if (s->is_polled && now_ms >= s->next_poll_ms) {
		/* Not all bots of the world at the same second. */
		s->next_poll_ms = now_ms + s->o.poll_ms -
			rand_between(0, s->o.poll_ms / 10);
	} else if (now_ms < names_due_ms(s)) {
		return;
	}
	s->step = PLATFORM_STEP_NAMES;
	s->stamp++;
}

static void go_on(struct platform_streams *s)
{
	int err = ERR_NOTFOUND;

	while (!s->task && s->step != PLATFORM_STEP_REST && (err = ask(s)) == ERR_NOTFOUND) {
		s->step = s->is_polled ? s->step + 1 : PLATFORM_STEP_REST;
		s->stamp++;
	}
	if (err < 0 && err != ERR_NOTFOUND)
		fail(s, "too many calls wait");
}

static void grow_stale(struct platform_streams *s, int64_t now_ms)
{
	int64_t stale_ms = 3 * s->o.poll_ms > PLATFORM_STALE_MS ? 3 * s->o.poll_ms :
		PLATFORM_STALE_MS;

	if (s->is_polled && now_ms - s->heard_ms < stale_ms)
		return;
	for (struct platform_about *a = s->channels; a; a = a->hh.next)
		platform_about_set_unknown(a);
}

static void free_all(struct platform_streams *s)
{
	struct platform_about *a, *next;

	platform_helix_cancel(s->task);
	HASH_ITER(hh, s->channels, a, next)
		platform_about_free(s, a);
	io_timer_free(s->timer);
	mem_free(s);
}

static void work(void *ctx)
{
	struct platform_streams *s = ctx;
	int64_t now_ms = clock_mono_ms(), due;

	s->depth++;
	begin_round(s, now_ms);
	go_on(s);
	grow_stale(s, now_ms);
	platform_about_tell(s);
	if (!s->is_doomed && s->step == PLATFORM_STEP_REST) {
		due = names_due_ms(s);
		if (s->is_polled && s->next_poll_ms < due)
			due = s->next_poll_ms;
		if (due != INT64_MAX && !io_timer_is_on(s->timer))
			io_timer_start(s->timer, due - now_ms);
	}
	s->depth--;
	if (s->is_doomed && s->depth == 0)
		free_all(s);
}

/* ---- Life ------------------------------------------------------------------------------------ */

int platform_streams_new(const struct platform_streams_options *o, struct platform_streams **out)
{
	struct platform_streams *s = mem_new(sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->o = *o;
	s->step = PLATFORM_STEP_REST;
	io_backoff_init(&s->backoff);
	s->heard_ms = s->next_poll_ms = s->retry_ms = clock_mono_ms();
	s->timer = io_timer_new(o->io, work, s);
	if (!s->timer) {
		mem_free(s);
		return ERR_NOMEM;
	}
	*out = s;
	return 0;
}

void platform_streams_free(struct platform_streams *s)
{
	if (!s || s->is_doomed)
		return;
	s->is_doomed = true;
	platform_helix_cancel(s->task);
	s->task = NULL;
	io_timer_stop(s->timer);
	if (s->depth == 0)
		free_all(s);
}

/* Is there anything in the config that is not known here, or the other way round? */
static bool is_same(struct platform_streams *s, const struct conf_texts *channels)
{
	for (size_t i = 0; i < channels->n; i++) {
		if (!platform_about_of(s, channels->at[i]))
			return false;
	}
	return channels->n == HASH_COUNT(s->channels);
}

int platform_streams_want(struct platform_streams *s, const struct conf_texts *channels,
	bool is_polled)
{
	struct platform_about *a, *next;
	int err = 0;

	if (is_same(s, channels) && is_polled == s->is_polled)
		return 0;
	platform_helix_cancel(s->task); /* what it asks for may be gone; the round begins anew */
	s->task = NULL;
	forget_asked(s);
	for (a = s->channels; a; a = a->hh.next)
		a->is_wanted = false;
	for (size_t i = 0; i < channels->n && err == 0; i++)
		err = platform_about_add(s, channels->at[i]);
	HASH_ITER(hh, s->channels, a, next) {
		if (!a->is_wanted && err == 0)
			platform_about_free(s, a);
	}
	s->is_polled = is_polled;
	s->step = PLATFORM_STEP_REST;
	s->retry_ms = s->next_poll_ms = clock_mono_ms();
	soon(s);
	return err;
}

void platform_streams_retry(struct platform_streams *s)
{
	for (struct platform_about *a = s->channels; a; a = a->hh.next) {
		if (a->found == PLATFORM_NAME_MISSING && a->is_name)
			a->found = PLATFORM_NAME_UNASKED;
	}
	s->retry_ms = s->next_poll_ms = clock_mono_ms();
	soon(s);
}

void platform_streams_live(struct platform_streams *s, struct str channel_id, bool is_live,
	struct str stream_id, int64_t started_wall_ms)
{
	struct platform_about *a = platform_about_by_id(s, channel_id);

	if (!a || stream_id.len >= sizeof(a->stream_id))
		return;
	platform_about_set_live(a, is_live, stream_id, started_wall_ms);
	a->event_until_ms = clock_mono_ms() + PLATFORM_TRUST_EVENT_MS;
	soon(s);
}
