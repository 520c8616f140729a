/* A place on Twitch chat or on an ordinary IRC network: its states and its one timer.
 *
 * DOWN        no link; retry_ms says when the next is opened. -> CONNECTING
 * CONNECTING  `serving` is on its way. -> UP (welcome), DOWN (any failure), REFUSED (login refused)
 * UP          `serving` serves. -> DOWN when it ends, REFUSED, or stays UP through a hand-over
 *             DOWN is also waiting for a token that can be used (is_waiting).
 * REFUSED     a person must change something; only a reload leads out. -> CONNECTING
 * STOPPED     the end. From every state, by stop.
 *
 * Hand-over (RECONNECT, faults.md W1): a second link, `coming`, logs in and joins while `serving`
 * goes on. Once every channel is joined on it, or when the old link ends, it becomes `serving`; the
 * old one is `going` until the replies sent on it have their outcome and a PING on it is answered:
 * what was said before the new link was in the channel came over the old one alone, and may still
 * be on its way. Then it is closed. When `coming` fails the backoff opens another; when `serving`
 * ends before `coming` is up, the place is CONNECTING with what was coming.
 *
 * One timer does everything that is due (platform_irc_work): whoever changes something asks for it
 * with platform_irc_soon instead of acting on the spot, so that nothing calls the owner back out of
 * the owner's own call. */
#include "platform/room.h"

#include <stdio.h>
#define STOP_FLUSH_MS 50      /* for QUIT and the close frame to leave before we say STOPPED */

struct metric platform_lines = {.name = "mynah_lines_total", .kind = METRIC_COUNTER,
	.help = "Lines received from chat servers."};
struct metric platform_lines_dropped = {.name = "mynah_lines_dropped_total",
	.kind = METRIC_COUNTER, .label = "why", .help = "Lines that became no event, by reason."};
struct metric platform_place_up = {.name = "mynah_place_up", .kind = METRIC_GAUGE,
	.label = "place", .help = "1 while the place is logged in."};

/* ---- Memory that outlives callbacks ---------------------------------------------------------- */

void platform_irc_enter(struct platform_irc *p)
{
	p->depth++;
}

void platform_irc_leave(struct platform_irc *p)
{
	if (--p->depth > 0)
		return;
	if (p->is_doomed)
		platform_irc_end(p);
	else
		platform_irc_bury(p);
}

bool platform_irc_is_mute(const struct platform_irc *p)
{
	return p->is_stopping || p->is_doomed;
}

void platform_irc_soon(struct platform_irc *p)
{
	if (p->is_doomed)
		return;
	p->is_soon = true;
	p->due_ms = clock_mono_ms();
	io_timer_start(p->timer, 0);
}

/* ---- States ---------------------------------------------------------------------------------- */

static void set_state(struct platform_irc *p, enum platform_state state, const char *why)
{
	snprintf(p->why, sizeof(p->why), "%s", why);
	p->state = state;
	p->since_wall_ms = clock_wall_ms();
	metric_set(&platform_place_up, p->name, state == PLATFORM_UP);
	if (p->owner.state && !p->is_doomed && (!p->is_stopping || state == PLATFORM_STOPPED))
		p->owner.state(p->owner.ctx, p->place, state, p->why);
}

static void go_down(struct platform_irc *p, int err, enum io_phase phase, const char *why)
{
	int64_t now_ms = clock_mono_ms();
	int64_t wait_ms = io_backoff_next(&p->backoff, now_ms);

	if (err == ERR_TLS)
		wait_ms = PLATFORM_TRUST_MS - (int64_t)rand_below(PLATFORM_TRUST_MS / 10);
	p->retry_ms = now_ms + wait_ms;
	if (p->logged_err != err || p->logged_phase != phase) {
		log_event(LOG_ERROR, "platform", "place_down", "place", p->name, "result", "FAILED",
			"message", why, "phase", io_phase_name(phase), "error", err_name(err),
			LOG_INT("retry_ms", wait_ms), NULL);
		p->logged_err = err;
		p->logged_phase = phase;
	}
	platform_channels_unseat(p);
	set_state(p, PLATFORM_DOWN, why);
	platform_irc_soon(p);
}

/* why: the whole sentence, with what a person has to do. */
static void refuse_with(struct platform_irc *p, const char *why)
{
	struct platform_link *links[] = {p->serving, p->coming, p->going};

	p->serving = p->coming = p->going = NULL;
	p->retry_ms = 0;
	p->is_waiting = false;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		platform_link_drop(links[i]);
		if (links[i])
			platform_channels_unknown(p, links[i]);
	}
	log_event(LOG_ERROR, "platform", "place_refused", "place", p->name, "result", "FAILED",
		"message", why, NULL);
	platform_channels_unseat(p);
	set_state(p, PLATFORM_REFUSED, why);
}

/* hint: what a person has to do, as the beginning of a sentence. */
static void refuse(struct platform_irc *p, const char *why, const char *hint)
{
	char text[sizeof(p->why)];

	snprintf(text, sizeof(text), "%s does not let %s in: %s. Not tried again. %s, then "
		"`mynah reload`", p->name, p->account ? p->account : "us", why, hint);
	refuse_with(p, text);
}

void platform_irc_self(struct platform_link *k, struct str user_id)
{
	struct platform_irc *p = k->place;
	struct platform_maker *m = &p->maker;

	if (!p->is_twitch)
		user_id = str_of(k->nick);
	if (str_is(str_of(k->nick), m->login) && (user_id.len == 0 || str_is(user_id, m->user_id)))
		return;
	snprintf(m->login, sizeof(m->login), "%s", k->nick);
	if (user_id.len > 0)
		snprintf(m->user_id, sizeof(m->user_id), "%.*s", STR_FMT(user_id));
	if (p->owner.self && !platform_irc_is_mute(p))
		p->owner.self(p->owner.ctx, p->place, m->login, m->user_id);
}

void platform_irc_up(struct platform_link *k)
{
	struct platform_irc *p = k->place;

	platform_irc_self(k, (struct str){0});
	p->refusals = 0;
	io_backoff_confirm(&p->backoff, clock_mono_ms());
	if (k == p->serving) {
		p->logged_err = 0;
		log_event(LOG_INFO, "platform", "place_up", "place", p->name, "result", "SUCCESS",
			NULL);
		set_state(p, PLATFORM_UP, p->is_twitch && !p->account ?
			"reading only: no account is configured" : "");
	}
	platform_irc_soon(p);
}

void platform_irc_reconnect(struct platform_link *k)
{
	struct platform_irc *p = k->place;
	int64_t now_ms = clock_mono_ms();

	if (k == p->going)
		return; /* it is being left */
	if (k != p->serving) {
		platform_irc_ended(k, ERR_CLOSED, IO_OPEN, false, "asked to reconnect");
		return;
	}
	if (p->state != PLATFORM_UP || p->coming || p->retry_ms)
		return;
	log_event(LOG_INFO, "platform", "hand_over", "place", p->name, "result", "STARTED", NULL);
	p->retry_ms = now_ms + io_backoff_next(&p->backoff, now_ms);
	platform_irc_soon(p);
}

static void close_going(struct platform_irc *p)
{
	struct platform_link *old = p->going;

	p->going = NULL;
	platform_link_close(old);
	platform_channels_unknown(p, old);
}

/* What was coming serves from now on. Nothing is going: open_link saw to that. */
static void promote(struct platform_irc *p)
{
	struct platform_channel *ch, *next;

	p->going = p->serving;
	p->serving = p->coming;
	p->coming = NULL;
	if (p->going)
		platform_link_drain(p->going);
	HASH_ITER(hh, p->channels, ch, next) {
		ch->seat = ch->next_seat;
		platform_channel_lane(p, ch);
	}
	log_event(LOG_INFO, "platform", "hand_over", "place", p->name, "result", "SUCCESS", NULL);
	platform_irc_soon(p);
}

/* The serving link is lost: what comes takes over, at whatever point of its login it is. */
static void serving_ended(struct platform_irc *p, int err, enum io_phase phase, const char *why)
{
	bool was_up = p->state == PLATFORM_UP;

	p->serving = NULL;
	if (!p->coming) {
		go_down(p, err, phase, why);
		return;
	}
	if (p->coming->phase == PLATFORM_SERVING) {
		promote(p);
		return;
	}
	promote(p);
	platform_channels_unseat(p);
	if (was_up)
		set_state(p, PLATFORM_CONNECTING, why);
}

/* No link can be opened before the token changes. */
static void wait_for_token(struct platform_irc *p, const char *why)
{
	p->is_waiting = true;
	p->retry_ms = 0;
	if (p->state == PLATFORM_UP)
		return; /* a hand-over: what serves goes on */
	platform_channels_unseat(p);
	set_state(p, PLATFORM_DOWN, why);
}

/* The login on k was refused. True: its token is renewed, and tried once more (faults.md W3). */
static bool renew(struct platform_irc *p, struct platform_link *k, const char *why)
{
	if (!p->token || platform_token_is_fixed(p->token) || ++p->refusals >= PLATFORM_LOGINS)
		return false;
	platform_token_rejected(p->token, k->used);
	if (k == p->serving)
		p->serving = NULL;
	else if (k == p->coming)
		p->coming = NULL;
	log_event(LOG_INFO, "platform", "login_refused", "place", p->name, "message", why, NULL);
	wait_for_token(p, "the login was refused: the token is being renewed");
	return true;
}

void platform_irc_ended(struct platform_link *k, int err, enum io_phase phase, bool is_refused,
	const char *why)
{
	struct platform_irc *p = k->place;

	if (k->phase == PLATFORM_ENDED)
		return;
	platform_link_drop(k);
	if (is_refused && err == ERR_DENIED && renew(p, k, why)) {
		platform_channels_unknown(p, k);
		platform_irc_soon(p);
		return;
	}
	if (is_refused) {
		platform_channels_unknown(p, k);
		refuse(p, why, p->token_hint);
		return;
	}
	if (k == p->serving) {
		serving_ended(p, err, phase, why);
	} else if (k == p->coming) {
		p->coming = NULL;
		p->retry_ms = clock_mono_ms() + io_backoff_next(&p->backoff, clock_mono_ms());
	} else if (k == p->going) {
		p->going = NULL;
	}
	platform_channels_unknown(p, k);
	platform_irc_soon(p);
}

/* ---- What is due ----------------------------------------------------------------------------- */

static bool token_is_dead(const struct platform_irc *p)
{
	enum platform_token_state s = platform_token_state(p->token);

	return s == PLATFORM_TOKEN_NONE || s == PLATFORM_TOKEN_REFUSED;
}

/* A session must end when its token is revoked (twitch.md 4.5); one that only has run out of hours
 * and is being renewed goes on. A login that is under way comes to its own end. */
static void look_at_token(struct platform_irc *p, int64_t now_ms)
{
	if (!p->token)
		return;
	if (token_is_dead(p) && (p->is_waiting || p->state == PLATFORM_UP)) {
		refuse_with(p, platform_token_why(p->token));
	} else if (p->is_waiting && platform_token_use(p->token)) {
		p->is_waiting = false;
		p->retry_ms = now_ms;
	}
}

/* What needs no connection to know: true when there is no point in trying. */
static bool refuse_unasked(struct platform_irc *p)
{
	struct str token = secret_use(p->token ? platform_token_use(p->token) : p->secret);
	struct io_url url;

	if (p->token && token_is_dead(p)) {
		refuse_with(p, platform_token_why(p->token));
		return true;
	}
	if (p->token && token.len == 0) {
		wait_for_token(p, "waiting for the login to be checked or renewed");
		return true;
	}
	if (p->is_twitch && p->account && token.len == 0) {
		refuse(p, "there is an account but no token", p->token_hint);
		return true;
	}
	if (io_url_parse(p->url, &url) < 0 || (!url.is_tls && token.len > 0 &&
			!io_host_is_loopback(url.host))) {
		refuse(p, "without TLS everybody on the way could read the token",
			"Correct url: in mynah.yaml, it begins with wss://");
		return true;
	}
	return false;
}

static void open_link(struct platform_irc *p)
{
	bool is_hand_over = p->state == PLATFORM_UP;
	struct platform_channel *ch;
	struct platform_link *k;

	p->retry_ms = 0;
	if (refuse_unasked(p))
		return;
	k = platform_link_open(p);
	if (!k) {
		if (is_hand_over)
			p->retry_ms = clock_mono_ms() +
				io_backoff_next(&p->backoff, clock_mono_ms());
		else
			go_down(p, ERR_NOMEM, IO_NAME, "out of memory");
		return;
	}
	if (!is_hand_over) {
		p->serving = k;
		set_state(p, PLATFORM_CONNECTING, "");
		return;
	}
	if (p->going) /* two links at most */
		close_going(p);
	p->coming = k;
	for (ch = p->channels; ch; ch = ch->hh.next) {
		ch->next_seat = ch->seat;
		if (ch->seat.join != PLATFORM_FAILED)
			ch->next_seat = (struct platform_seat){.join = PLATFORM_WANTED};
	}
}

static void tell_refused(struct platform_irc *p)
{
	while (p->refused && !platform_irc_is_mute(p)) {
		struct reply *r = p->refused;

		DL_DELETE(p->refused, r);
		if (p->owner.outcome)
			p->owner.outcome(p->owner.ctx, r->turn, REASON_REFUSED, r->owner);
		reply_free(r);
	}
}

/* A reload may have taken channels away. */
static void part_unwanted(struct platform_irc *p)
{
	struct platform_channel *ch, *next;

	HASH_ITER(hh, p->channels, ch, next) {
		platform_channel_lane(p, ch);
		if (!ch->is_leaving || ch->sent)
			continue;
		struct platform_link *links[] = {p->serving, p->coming};
		for (size_t i = 0; i < 2; i++) {
			if (links[i] && links[i]->phase == PLATFORM_SERVING &&
					platform_link_send(links[i], false, "PART #%s",
						ch->name) < 0)
				continue; /* the link is about to end: that parts as well */
		}
		log_event(LOG_INFO, "platform", "parted", "community", ch->name, "place", p->name,
			NULL);
		platform_channel_free(p, ch);
	}
}

/* Has the host slept? Then no timer and no silence means anything: ask everybody. */
static void look_for_sleep(struct platform_irc *p, int64_t now_ms)
{
	int64_t wall_ms = clock_wall_ms();
	int64_t drift_ms = (wall_ms - p->slept_wall_ms) - (now_ms - p->slept_mono_ms);
	bool has_slept = now_ms - p->due_ms > PLATFORM_SLEPT_MS || drift_ms > PLATFORM_SLEPT_MS;
	struct platform_link *links[] = {p->serving, p->coming, p->going};

	p->slept_mono_ms = now_ms;
	p->slept_wall_ms = wall_ms;
	if (!has_slept)
		return;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (!links[i])
			continue;
		links[i]->asked_ms = 0;
		platform_link_ask(links[i], now_ms);
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Gives when to look again. */
static int64_t tend_going(struct platform_irc *p, int64_t now_ms)
{
	int64_t due = p->going->is_drained ? now_ms : p->going->since_ms + PLATFORM_DEAD_MS;

	if (platform_channels_wait_for(p, p->going))
		return INT64_MAX; /* their end is looked for anyway */
	if (now_ms >= due)
		close_going(p);
	return due;
}

static int64_t tend_links(struct platform_irc *p, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	if (p->coming)
		due = sooner(due, platform_link_tend(p->coming, now_ms));
	if (p->serving)
		due = sooner(due, platform_link_tend(p->serving, now_ms));
	if (p->going)
		due = sooner(due, platform_link_tend(p->going, now_ms));
	if (p->serving && p->serving->phase == PLATFORM_SERVING)
		due = sooner(due, platform_channels_join(p, p->serving, now_ms));
	if (p->coming && p->coming->phase == PLATFORM_SERVING) {
		due = sooner(due, platform_channels_join(p, p->coming, now_ms));
		if (p->coming && platform_channels_are_settled(p))
			promote(p);
	}
	if (p->going)
		due = sooner(due, tend_going(p, now_ms));
	if (p->serving || p->coming || p->going)
		due = sooner(due, now_ms + PLATFORM_TICK_MS);
	return due;
}

/* Closes the links; STOPPED is said when what was written had time to leave. */
static int64_t stop_work(struct platform_irc *p, int64_t now_ms)
{
	if (p->stop_ms == 0) {
		platform_link_close(p->coming);
		platform_link_close(p->going);
		platform_link_close(p->serving);
		p->serving = p->coming = p->going = NULL;
		p->stop_ms = now_ms + STOP_FLUSH_MS;
	}
	if (now_ms < p->stop_ms)
		return p->stop_ms;
	if (p->state != PLATFORM_STOPPED) {
		log_event(LOG_INFO, "platform", "place_stopped", "place", p->name, NULL);
		set_state(p, PLATFORM_STOPPED, "");
	}
	return INT64_MAX;
}

static void reconnect_now(struct platform_irc *p)
{
	struct platform_link *links[] = {p->serving, p->coming, p->going};

	p->must_reconnect = false;
	p->serving = p->coming = p->going = NULL;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		platform_link_close(links[i]);
		if (links[i])
			platform_channels_unknown(p, links[i]);
	}
	p->maker.login[0] = p->maker.user_id[0] = '\0';
	p->logged_err = 0;
	p->refusals = 0;
	p->is_waiting = false;
	io_backoff_init(&p->backoff);
	platform_channels_unseat(p);
	if (p->state != PLATFORM_DOWN)
		set_state(p, PLATFORM_DOWN, "the configuration changed");
	p->retry_ms = clock_mono_ms();
}

static int64_t work(struct platform_irc *p, int64_t now_ms)
{
	int64_t due;

	if (p->is_stopping)
		return stop_work(p, now_ms);
	look_for_sleep(p, now_ms);
	tell_refused(p);
	if (p->must_reconnect)
		reconnect_now(p);
	look_at_token(p, now_ms);
	part_unwanted(p);
	if (p->retry_ms != 0 && now_ms >= p->retry_ms && !p->coming)
		open_link(p);
	due = tend_links(p, now_ms);
	due = sooner(due, platform_channels_tend(p, now_ms));
	return p->retry_ms != 0 ? sooner(due, p->retry_ms) : due;
}

void platform_irc_work(void *ctx)
{
	struct platform_irc *p = ctx;
	int64_t now_ms = clock_mono_ms();

	platform_irc_enter(p);
	p->is_soon = false;
	p->maker.now_ms = now_ms;
	int64_t due = work(p, now_ms);
	if (!p->is_doomed && !p->is_soon && due != INT64_MAX) {
		p->due_ms = due > now_ms ? due : now_ms;
		io_timer_start(p->timer, p->due_ms - now_ms);
	}
	platform_irc_leave(p);
}
