/* A place on Twitch: chat, composed with what else Twitch offers one account. It stands between
 * what brings news and the owner, so that each kind of event has one source (twitch_place.h has the
 * files).
 *
 * One timer does everything that is due (platform_twitch_soon): sessions are told what to
 * subscribe, and the owner what it has to hear, never out of somebody's callback. */
#include "platform/twitch_place.h"

#include <stdio.h>
#include <string.h>

#define WORKER_JOBS 256   /* one at a time for each login; 100 channels are many */
#define WISH_RETRY_MS 1000 /* without memory */
#define STOP_LOOK_MS 20

bool platform_twitch_has_irc(const struct platform_twitch *t)
{
	return t->irc.ops != NULL;
}

bool platform_twitch_sends_by_helix(const struct platform_twitch *t)
{
	return !platform_twitch_has_irc(t) || t->conf.send == CONF_SEND_HELIX;
}

void platform_twitch_soon(struct platform_twitch *t)
{
	io_timer_start(t->timer, 0);
}

/* ---- What the IRC place says ----------------------------------------------------------------- */

static void irc_event(void *ctx, const struct event *e)
{
	platform_feed_chat(ctx, e);
}

static void irc_erase(void *ctx, const struct erasure *e)
{
	struct platform_twitch *t = ctx;

	if (t->owner.erase)
		t->owner.erase(t->owner.ctx, e);
}

static void irc_outcome(void *ctx, const char *turn, enum reason r, const char *why)
{
	struct platform_twitch *t = ctx;

	if (t->owner.outcome)
		t->owner.outcome(t->owner.ctx, turn, r, why);
}

/* A channel that leaves has no room any more. */
static int irc_lane(void *ctx, unsigned place, const char *channel, const struct outbox_lane *l)
{
	struct platform_twitch *t = ctx;
	struct platform_room *room = platform_room_find(t, str_of(channel));

	if (!room)
		return t->owner.lane ? t->owner.lane(t->owner.ctx, place, channel, l) : 0;
	if (room->base.slow_ms != l->slow_ms && room->is_mode_held) {
		room->is_mode_held = false;
		room->hold_until_ms = 0;
	}
	room->base = *l;
	return platform_room_lane(t, room);
}

static int64_t irc_join(void *ctx, unsigned place, int64_t now_ms)
{
	struct platform_twitch *t = ctx;

	return t->owner.join ? t->owner.join(t->owner.ctx, place, now_ms) : 0;
}

static void irc_state(void *ctx, unsigned place, enum platform_state s, const char *why)
{
	struct platform_twitch *t = ctx;

	if (s == PLATFORM_STOPPED && !t->is_stopped) {
		t->is_irc_stopped = true;
		return;
	}
	if (t->owner.state)
		t->owner.state(t->owner.ctx, place, s, why);
}

static void set_self(struct platform_twitch *t, const char *login, const char *user_id)
{
	struct platform_maker *m = &t->maker;

	if (strcmp(m->login, login) == 0 && strcmp(m->user_id, user_id) == 0)
		return;
	snprintf(m->login, sizeof(m->login), "%s", login);
	snprintf(m->user_id, sizeof(m->user_id), "%s", user_id);
	if (t->owner.self && !t->is_stopping)
		t->owner.self(t->owner.ctx, t->place, m->login, m->user_id);
}

static void irc_self(void *ctx, unsigned place, const char *login, const char *user_id)
{
	(void)place;
	set_self(ctx, login, user_id);
}

static void irc_frame(void *ctx, unsigned place, const char *wire, struct str bytes)
{
	struct platform_twitch *t = ctx;

	if (t->owner.frame)
		t->owner.frame(t->owner.ctx, place, wire, bytes);
}

static int open_irc(struct platform_twitch *t, const struct conf_place *c)
{
	const struct platform_owner owner = {.event = irc_event, .erase = irc_erase,
		.outcome = irc_outcome, .lane = irc_lane, .join = irc_join, .state = irc_state,
		.self = irc_self, .frame = irc_frame, .ctx = t};
	struct platform_account *bot = platform_account_bot(t);

	return platform_irc_new_with(t->io, t->place, c, bot ? bot->token : NULL, &owner, &t->irc);
}

/* ---- What is due ----------------------------------------------------------------------------- */

/* Without IRC, being there is having the bot's session. */
static void tell_state(struct platform_twitch *t, enum platform_state state, const char *why)
{
	if (state == t->state && strcmp(why, t->why) == 0)
		return;
	snprintf(t->why, sizeof(t->why), "%s", why);
	t->state = state;
	t->since_wall_ms = clock_wall_ms();
	metric_set(&platform_place_up, t->conf.name, state == PLATFORM_UP);
	if (t->owner.state)
		t->owner.state(t->owner.ctx, t->place, state, t->why);
}

static void look_at_bot(struct platform_twitch *t)
{
	struct platform_account *bot = platform_account_bot(t);
	enum platform_state state;
	const char *why;

	if (bot && platform_token_user_id(bot->token)[0])
		set_self(t, platform_token_login(bot->token), platform_token_user_id(bot->token));
	if (platform_twitch_has_irc(t))
		return;
	if (bot) {
		state = platform_eventsub_state(bot->eventsub, &why);
		tell_state(t, state, why);
	} else {
		tell_state(t, PLATFORM_REFUSED,
			"chat by EventSub needs an account: add account: LOGIN "
			"and run `mynah login twitch`");
	}
}

/* A login that is being renewed has spent its refresh token: the answer is waited for. */
static void stop_work(struct platform_twitch *t)
{
	if (t->is_stopped)
		return;
	if (platform_accounts_are_busy(t) && clock_mono_ms() < t->stop_ms) {
		io_timer_start(t->timer, STOP_LOOK_MS);
		return;
	}
	t->is_stopped = true;
	if (platform_twitch_has_irc(t))
		platform_irc_set_token(&t->irc, NULL); /* it has closed, and only waits to say so */
	platform_streams_free(t->streams);
	t->streams = NULL;
	platform_accounts_close(t);
	if (!platform_twitch_has_irc(t)) {
		log_event(LOG_INFO, "platform", "place_stopped", "place", t->conf.name, NULL);
		tell_state(t, PLATFORM_STOPPED, "");
	} else if (t->is_irc_stopped && t->owner.state) {
		t->owner.state(t->owner.ctx, t->place, PLATFORM_STOPPED, "");
	}
}

static void work(void *ctx)
{
	struct platform_twitch *t = ctx;

	if (t->is_stopping) {
		stop_work(t);
		return;
	}
	if (t->must_wish) {
		t->must_wish = platform_accounts_wish(t) < 0;
		if (t->must_wish)
			io_timer_start(t->timer, WISH_RETRY_MS);
	}
	look_at_bot(t);
	platform_accounts_note_lacks(t);
	platform_rooms_tell(t);
}

/* ---- platform_ops ---------------------------------------------------------------------------- */

static int twitch_want(void *self, const struct platform_wants *w)
{
	struct platform_twitch *t = self;

	t->wants = *w;
	t->must_wish = true;
	platform_twitch_soon(t);
	return 0;
}

static void twitch_send(void *self, struct reply *r)
{
	struct platform_twitch *t = self;

	if (platform_twitch_sends_by_helix(t) || platform_say_is_whisper(r))
		platform_room_say(t, r);
	else
		t->irc.ops->send(t->irc.self, r);
}

static int twitch_reload(void *self, const struct conf_place *c)
{
	struct platform_twitch *t = self;
	struct platform_account *bot;
	int chat = t->conf.chat, err;

	if (t->is_stopping)
		return ERR_CLOSED;
	err = platform_conf_copy(c, &t->conf);
	if (err)
		return err;
	t->conf.chat = chat; /* another source of chat is a restart: see the option's table */
	err = platform_accounts_reload(t, c);
	if (!err)
		err = platform_rooms_take(t, c);
	if (!err && platform_twitch_has_irc(t)) {
		bot = platform_account_bot(t);
		platform_irc_set_token(&t->irc, bot ? bot->token : NULL);
		err = t->irc.ops->reload(t->irc.self, c);
	}
	if (t->streams)
		platform_streams_retry(t->streams);
	t->must_wish = true;
	platform_twitch_soon(t);
	return err;
}

static void twitch_stop(void *self)
{
	struct platform_twitch *t = self;

	if (platform_twitch_has_irc(t))
		t->irc.ops->stop(t->irc.self);
	t->is_stopping = true;
	t->stop_ms = clock_mono_ms() + PLATFORM_STOP_MS;
	platform_twitch_soon(t);
}

/* As IRC says it of itself. */
static int add_own_status(const struct platform_twitch *t, struct buf *out)
{
	char since[CLOCK_TEXT_BYTES];
	int err = buf_adds(out, "{\"place\":");

	if (!err)
		err = json_add_string(out, str_of(t->conf.name));
	if (!err)
		err = buf_addf(out, ",\"state\":\"%s\",\"since\":\"%s\",\"account\":",
			platform_state_name(t->state), clock_text(t->since_wall_ms, since));
	if (!err)
		err = json_add_string(out, str_of(t->maker.login));
	if (!err)
		err = buf_adds(out, ",\"why\":");
	if (!err)
		err = json_add_string(out, str_of(t->why));
	return err ? err : platform_rooms_status(t, out);
}

/* Adds a member: one thing of every account, as an array. */
static int add_each(const struct platform_twitch *t, const char *key,
	int (*add)(const struct platform_account *a, struct buf *out), struct buf *out)
{
	const struct platform_account *a;
	int err = buf_addf(out, ",\"%s\":[", key);

	for (a = t->accounts; a && !err; a = a->next) {
		err = add(a, out);
		if (!err && a->next)
			err = buf_addc(out, ',');
	}
	return err ? err : buf_addc(out, ']');
}

static int add_session(const struct platform_account *a, struct buf *out)
{
	return platform_eventsub_status(a->eventsub, out);
}

static int add_calls(const struct platform_account *a, struct buf *out)
{
	return platform_helix_status(a->helix, out);
}

static int twitch_status(void *self, struct buf *out)
{
	struct platform_twitch *t = self;
	int err;

	if (platform_twitch_has_irc(t)) {
		err = t->irc.ops->status(t->irc.self, out);
		if (!err)
			buf_truncate(out, out->len - 1); /* its closing brace */
	} else {
		err = add_own_status(t, out);
	}
	if (!err)
		err = add_each(t, "logins", platform_account_status, out);
	if (!err)
		err = add_each(t, "eventsub", add_session, out);
	if (!err)
		err = add_each(t, "helix", add_calls, out);
	if (!err && t->streams)
		err = buf_adds(out, ",\"streams\":");
	if (!err && t->streams)
		err = platform_streams_status(t->streams, out);
	return err ? err : buf_addc(out, '}');
}

/* The bot's own login is the place's state. */
static void twitch_problems(void *self, void (*tell)(void *ctx, const char *what, const char *why),
	void *ctx)
{
	const struct platform_twitch *t = self;
	const struct platform_account *a;
	char why[PLATFORM_HELIX_WHY_BYTES];

	DL_FOREACH(t->accounts, a) {
		enum platform_token_state state = platform_token_state(a->token);
		const char *what = a->channel[0] ? a->channel : t->conf.account;

		if (a->channel[0] &&
			(state == PLATFORM_TOKEN_NONE || state == PLATFORM_TOKEN_REFUSED))
			tell(ctx, what, platform_token_why(a->token));
		if (*platform_helix_problem(a->helix, why, sizeof(why)))
			tell(ctx, what, why);
	}
}

static void twitch_secrets(void *self, void (*each)(void *ctx, const struct secret *s), void *ctx)
{
	const struct platform_twitch *t = self;

	for (const struct platform_account *a = t->accounts; a; a = a->next)
		platform_token_secrets(a->token, each, ctx);
}

static void twitch_free(void *self)
{
	struct platform_twitch *t = self;

	if (!t)
		return;
	t->is_stopping = true;
	if (platform_twitch_has_irc(t)) {
		platform_irc_set_token(
			&t->irc, NULL); /* it may outlive us, inside its own callback */
		t->irc.ops->free(t->irc.self);
	}
	platform_streams_free(t->streams);
	platform_accounts_close(t);
	platform_rooms_free(t);
	io_worker_free(t->worker);
	io_timer_free(t->timer);
	platform_maker_fini(&t->maker);
	platform_conf_fini(&t->conf);
	mem_free(t->state_dir);
	mem_free(t);
}

static const struct platform_ops twitch_ops = {
	.name = "twitch",
	.want = twitch_want,
	.send = twitch_send,
	.secrets = twitch_secrets,
	.reload = twitch_reload,
	.stop = twitch_stop,
	.status = twitch_status,
	.problems = twitch_problems,
	.free = twitch_free,
};

int platform_twitch_new(struct io *io, unsigned place, const struct conf_place *c,
	const char *state_dir, const struct platform_owner *owner, struct platform *out)
{
	struct platform_twitch *t = mem_new(sizeof(*t));
	int err = t ? 0 : ERR_NOMEM;

	if (err)
		return err;
	t->io = io;
	t->place = place;
	t->owner = *owner;
	t->state = PLATFORM_DOWN;
	t->since_wall_ms = clock_wall_ms();
	platform_maker_init(&t->maker, place, STR("twitch"));
	t->state_dir = mem_dup(state_dir);
	t->timer = io_timer_new(io, work, t);
	if (!t->state_dir || !t->timer)
		err = ERR_NOMEM;
	if (!err)
		err = platform_conf_copy(c, &t->conf);
	if (!err)
		err = platform_rooms_take(t, c);
	if (!err)
		err = io_worker_new(io, "vault", WORKER_JOBS, &t->worker);
	if (!err)
		err = platform_accounts_open(t, c);
	if (!err && c->chat == CONF_BY_IRC)
		err = open_irc(t, c);
	if (err) {
		twitch_free(t);
		return err;
	}
	t->must_wish = true;
	platform_twitch_soon(t);
	*out = (struct platform){&twitch_ops, t};
	return 0;
}
