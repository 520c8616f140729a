/* One EventSub session of one token: its states and its one timer.
 *
 * DOWN        no socket; one is opened at retry_ms, once there is a token and something to
 * subscribe CONNECTING  `serving` is on its way, or welcomed and nothing is accepted yet. -> UP,
 * DOWN UP          a subscription was accepted. -> DOWN when `serving` ends; stays UP through a
 * hand- over REFUSED     there is no token to use; left when there is one
 *
 * Hand-over (twitch.md 2.3): `coming` connects to the URL as it was given; once welcomed it is
 * `serving`, nothing is subscribed again, and the old one is `going` for the moment that what was
 * sent on it needs. If `coming` fails, another goes to the base URL; welcomed there, it is a
 * session of its own, the old one is closed, and everything is subscribed again. If `serving` ends
 * first, what was coming serves. */
#include "platform/twitch_session.h"

#include <stdio.h>
#include <string.h>

#define SLEPT_MS 10000      /* a timer this late means the host slept (faults.md N10) */
#define WAKE_MS 2000        /* then what lies in the socket is read before silence is judged */
#define UNUSED_MS 10000     /* twitch.md 2.1: a session that has nothing is closed then */
#define WHY_IDLE "nothing that is wanted needs it"

/* ---- Memory that outlives callbacks ---------------------------------------------------------- */

static void bury(struct platform_eventsub *s)
{
	struct platform_socket *k, *next;

	LL_FOREACH_SAFE(s->ended, k, next)
		mem_free(k);
	s->ended = NULL;
}

void platform_session_end(struct platform_eventsub *s)
{
	platform_subs_fini(s);
	platform_socket_close(s->serving);
	platform_socket_close(s->coming);
	platform_socket_close(s->going);
	bury(s);
	io_timer_free(s->timer);
	platform_seen_fini(&s->seen);
	json_tape_free(s->tape);
	mem_free(s->reconnect_url);
	mem_free(s->name);
	mem_free(s->url);
	mem_free(s->ca_file);
	mem_free(s);
}

void platform_session_enter(struct platform_eventsub *s)
{
	s->depth++;
}

void platform_session_leave(struct platform_eventsub *s)
{
	if (--s->depth > 0)
		return;
	if (s->is_doomed)
		platform_session_end(s);
	else
		bury(s);
}

void platform_session_soon(struct platform_eventsub *s)
{
	if (s->is_doomed)
		return;
	s->is_soon = true;
	s->due_ms = clock_mono_ms();
	io_timer_start(s->timer, 0);
}

/* ---- States ---------------------------------------------------------------------------------- */

static void set_state(struct platform_eventsub *s, enum platform_state state, const char *why)
{
	if (s->state == state && strcmp(s->why, why) == 0)
		return;
	snprintf(s->why, sizeof(s->why), "%s", why);
	s->state = state;
	s->since_wall_ms = clock_wall_ms();
	if (s->o.changed && !s->is_doomed)
		s->o.changed(s->o.ctx);
}

/* The session is over: its id may still be found on subscriptions that count. */
static void forget_id(struct platform_eventsub *s)
{
	if (s->id[0])
		memcpy(s->over[s->over_at++ % PLATFORM_SESSIONS_KEPT], s->id, sizeof(s->id));
	s->id[0] = '\0';
}

static void close_sockets(struct platform_eventsub *s)
{
	platform_socket_close(s->serving);
	platform_socket_close(s->coming);
	platform_socket_close(s->going);
	s->serving = s->coming = s->going = NULL;
	s->handover_ms = 0;
}

/* twitch.md 2.2; the rest is as its close frame says. */
static const struct {
	int code;
	int64_t wait_ms; /* at least, before a new session */
	const char *why;
} closes[] = {
	{4000, 0, "Twitch had an internal error"},
	{4001, 10000, "Twitch says we sent something: that is an error in mynah"},
	{4002, 0, "a ping was not answered in time"},
	{4003, 10000, "nothing was subscribed within 10 s"},
	{4004, 0, "the move to another server took too long"},
	{4005, 0, "Twitch's network was too slow"},
	{4006, 0, "Twitch's network failed"},
	{4007, 0, "Twitch did not know the URL it had sent us to"},
};

static const char *close_reason(int code, const char *why, int64_t *wait_ms)
{
	*wait_ms = 0;
	for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
		if (closes[i].code == code) {
			*wait_ms = closes[i].wait_ms;
			return closes[i].why;
		}
	}
	return why;
}

/* Everything anew, after the backoff. */
static void lose(struct platform_eventsub *s, int err, int code, const char *why)
{
	int64_t now_ms = clock_mono_ms(), least_ms;
	int64_t wait_ms = io_backoff_next(&s->backoff, now_ms);

	why = close_reason(code, why, &least_ms);
	s->retry_ms = now_ms + (wait_ms > least_ms ? wait_ms : least_ms);
	close_sockets(s);
	forget_id(s);
	if (s->logged_err != err || s->logged_code != code) {
		log_event(LOG_ERROR, "platform", "eventsub_down", "place", s->name, "result",
			"FAILED", "message", why, "error", err_name(err), LOG_INT("code", code),
			LOG_INT("retry_ms", s->retry_ms - now_ms), NULL);
		s->logged_err = err;
		s->logged_code = code;
	}
	set_state(s, PLATFORM_DOWN, why);
	platform_subs_lost(s, why);
	platform_session_soon(s);
}

/* A session with nothing on it, or whose account or server is another now. */
static void leave_session(struct platform_eventsub *s, const char *why)
{
	close_sockets(s);
	forget_id(s);
	s->retry_ms = clock_mono_ms();
	set_state(s, PLATFORM_DOWN, why);
	platform_subs_lost(s, why);
}

void platform_session_up(struct platform_eventsub *s)
{
	if (s->state == PLATFORM_UP)
		return;
	io_backoff_confirm(&s->backoff, clock_mono_ms());
	s->logged_err = s->logged_code = 0;
	log_event(LOG_INFO, "platform", "eventsub_up", "place", s->name, "user",
		platform_token_login(s->o.token), "result", "SUCCESS", NULL);
	set_state(s, PLATFORM_UP, "");
}

void platform_session_gone(struct platform_eventsub *s, const char *why)
{
	if (s->serving)
		lose(s, ERR_NOTFOUND, 0, why);
}

/* ---- Sockets that come and go ---------------------------------------------------------------- */

/* Is there any URL we would not follow? TLS keeps out everybody but Twitch; without it only tests
 * talk. */
static bool may_follow(const struct platform_eventsub *s, const char *url)
{
	struct io_url to, base;

	if (io_url_parse(url, &to) < 0 || strncmp(url, "ws", 2) != 0)
		return false;
	return to.is_tls || (io_url_parse(s->url, &base) == 0 && !base.is_tls &&
		io_host_is_loopback(to.host) && strcmp(to.host, base.host) == 0);
}

void platform_session_reconnect(struct platform_socket *k, struct str url)
{
	struct platform_eventsub *s = k->session;
	int64_t now_ms = clock_mono_ms();
	char *copy = k == s->serving ? mem_dupn(url.at ? url.at : "", url.len) : NULL;

	if (!copy)
		return;
	platform_socket_drop(s->coming);
	s->coming = NULL;
	s->handover_ms = 0;
	if (may_follow(s, copy)) {
		mem_free(s->reconnect_url);
		s->reconnect_url = copy;
		s->handover_ms = now_ms;
		if (s->handed_ms && s->handed_ms + PLATFORM_HANDOVER_GAP_MS > now_ms)
			s->handover_ms = s->handed_ms + PLATFORM_HANDOVER_GAP_MS;
		log_event(LOG_INFO, "platform", "eventsub_hand_over", "place", s->name, "result",
			"STARTED", NULL);
	} else {
		mem_free(copy);
		s->retry_ms = now_ms;
		log_event(LOG_ERROR, "platform", "eventsub_hand_over", "place", s->name, "result",
			"FAILED", "message", "the URL to go to is none we would follow", NULL);
	}
	platform_session_soon(s);
}

/* `coming` is welcomed. */
static void promote(struct platform_eventsub *s)
{
	struct platform_socket *old = s->serving;

	s->serving = s->coming;
	s->coming = NULL;
	s->retry_ms = 0;
	platform_socket_close(s->going);
	s->going = NULL;
	if (s->serving->is_handover) {
		s->going = old;
		old->since_ms = clock_mono_ms();
		log_event(LOG_INFO, "platform", "eventsub_hand_over", "place", s->name, "result",
			"SUCCESS", NULL);
	} else {
		platform_socket_close(old);
		forget_id(s);
		platform_subs_lost(s, "a new session begins");
	}
}

void platform_session_welcome(struct platform_socket *k, struct str id)
{
	struct platform_eventsub *s = k->session;

	if (id.len == 0 || id.len >= sizeof(s->id)) {
		platform_session_ended(k, ERR_PARSE, 0, "a welcome without the id of a session");
		return;
	}
	if (k == s->coming)
		promote(s);
	snprintf(s->id, sizeof(s->id), "%.*s", STR_FMT(id));
	if (platform_subs_count(s, PLATFORM_SUB_ACTIVE) > 0)
		platform_session_up(s);
	else
		set_state(s, PLATFORM_CONNECTING, "");
	platform_session_soon(s);
}

static void coming_ended(struct platform_eventsub *s, bool was_handover, int code, const char *why)
{
	int64_t now_ms = clock_mono_ms(), ignored;

	s->coming = NULL;
	s->retry_ms = was_handover ? now_ms : now_ms + io_backoff_next(&s->backoff, now_ms);
	if (was_handover)
		log_event(LOG_ERROR, "platform", "eventsub_hand_over", "place", s->name, "result",
			"FAILED", "message", close_reason(code, why, &ignored), NULL);
}

void platform_session_ended(struct platform_socket *k, int err, int code, const char *why)
{
	struct platform_eventsub *s = k->session;

	if (k->phase == PLATFORM_SOCKET_ENDED)
		return;
	platform_socket_drop(k);
	if (k == s->going) {
		s->going = NULL;
	} else if (k == s->coming) {
		coming_ended(s, k->is_handover, code, why);
	} else if (k == s->serving && s->coming) {
		s->serving = s->coming;
		s->coming = NULL;
		if (!s->serving->is_handover) {
			forget_id(s);
			platform_subs_lost(s, why);
		}
		set_state(s, PLATFORM_CONNECTING, why);
	} else if (k == s->serving) {
		s->serving = NULL;
		lose(s, err, code, why);
	}
	platform_session_soon(s);
}

/* ---- What is due ----------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Is there a token to subscribe with? Takes note of what changed about it. */
static bool look_at_token(struct platform_eventsub *s)
{
	struct platform_token *t = s->o.token;
	enum platform_token_state state = platform_token_state(t);
	const char *user_id = platform_token_user_id(t);

	if (state == PLATFORM_TOKEN_NONE || state == PLATFORM_TOKEN_REFUSED) {
		s->was_refused = true;
		if (!s->serving && s->subs)
			set_state(s, PLATFORM_REFUSED, platform_token_why(t));
		return false;
	}
	if (!platform_token_use(t) || !*user_id)
		return false;
	if (s->was_refused || strcmp(user_id, s->user_id) != 0) {
		bool is_other = s->user_id[0] && strcmp(user_id, s->user_id) != 0;

		s->was_refused = false;
		snprintf(s->user_id, sizeof(s->user_id), "%s", user_id);
		platform_subs_again(s);
		if (is_other || !s->serving)
			leave_session(s, "");
	}
	if (s->has_new_token)
		platform_subs_new_token(s);
	s->has_new_token = false;
	return true;
}

/* After a sleep of the host silence means nothing, until what lies in the sockets was read. */
static void look_for_sleep(struct platform_eventsub *s, int64_t now_ms)
{
	struct platform_socket *sockets[] = {s->serving, s->coming};

	if (now_ms - s->due_ms <= SLEPT_MS)
		return;
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		struct platform_socket *k = sockets[i];

		if (k && k->phase == PLATFORM_SOCKET_SERVING &&
				k->heard_ms + k->silence_ms < now_ms + WAKE_MS)
			k->heard_ms = now_ms + WAKE_MS - k->silence_ms;
	}
}

static void open_serving(struct platform_eventsub *s)
{
	s->retry_ms = 0;
	s->serving = platform_socket_open(s, s->url, false);
	if (s->serving)
		set_state(s, PLATFORM_CONNECTING, "");
	else
		lose(s, ERR_NOMEM, 0, "out of memory");
}

static void open_coming(struct platform_eventsub *s, const char *url, bool is_handover)
{
	s->retry_ms = s->handover_ms = 0;
	s->handed_ms = clock_mono_ms();
	s->coming = platform_socket_open(s, url, is_handover);
	if (!s->coming)
		coming_ended(s, is_handover, 0, "out of memory");
}

/* Opens what is to be opened; gives when to look again. */
static int64_t open_sockets(struct platform_eventsub *s, bool has_token, int64_t now_ms)
{
	int64_t due;

	if (!s->serving) {
		due = platform_subs_due(s);
		if (!has_token || due == INT64_MAX)
			return INT64_MAX; /* what changes that leads back here */
		if (due < s->retry_ms)
			due = s->retry_ms;
		if (now_ms < due)
			return due;
		open_serving(s);
		return INT64_MAX;
	}
	if (s->coming)
		return s->coming->is_handover ? s->handed_ms + PLATFORM_HANDOVER_MS : INT64_MAX;
	if (s->handover_ms) {
		if (now_ms < s->handover_ms)
			return s->handover_ms;
		open_coming(s, s->reconnect_url, true);
	} else if (s->retry_ms) {
		if (now_ms < s->retry_ms)
			return s->retry_ms;
		open_coming(s, s->url, false);
	}
	return INT64_MAX;
}

static int64_t tend_sockets(struct platform_eventsub *s, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	if (s->coming && s->coming->is_handover && now_ms >= s->handed_ms + PLATFORM_HANDOVER_MS)
		platform_session_ended(s->coming, ERR_TIMEOUT, 0, "no welcome within 25 s");
	if (s->coming)
		due = sooner(due, platform_socket_tend(s->coming, now_ms));
	if (s->serving)
		due = sooner(due, platform_socket_tend(s->serving, now_ms));
	if (s->going && now_ms >= s->going->since_ms + PLATFORM_LINGER_MS) {
		platform_socket_close(s->going);
		s->going = NULL;
	}
	return s->going ? sooner(due, s->going->since_ms + PLATFORM_LINGER_MS) : due;
}

/* Nothing is accepted, and nothing will be before the server throws us out. */
static void leave_if_useless(struct platform_eventsub *s, int64_t due, int64_t now_ms)
{
	const struct platform_sub *sub;

	if (s->cleaning || s->errands || platform_subs_count(s, PLATFORM_SUB_ACTIVE) > 0 ||
			platform_subs_count(s, PLATFORM_SUB_ASKED) > 0 ||
			(due != INT64_MAX && due - now_ms < UNUSED_MS))
		return;
	for (sub = s->subs; sub && !sub->why[0];)
		sub = sub->next;
	leave_session(s, sub ? sub->why : WHY_IDLE);
}

static int64_t work(struct platform_eventsub *s, int64_t now_ms)
{
	bool has_token = look_at_token(s);
	int64_t due;

	look_for_sleep(s, now_ms);
	if (s->must_restart) {
		s->must_restart = false;
		io_backoff_init(&s->backoff);
		leave_session(s, "the configuration changed");
	}
	if (!s->subs) {
		if (s->serving)
			leave_session(s, WHY_IDLE);
		else if (s->state == PLATFORM_DOWN)
			set_state(s, PLATFORM_DOWN, WHY_IDLE);
		return INT64_MAX;
	}
	due = tend_sockets(s, now_ms);
	if (has_token && s->serving && s->serving->phase == PLATFORM_SOCKET_SERVING) {
		int64_t sub_due = platform_subs_ask(s, now_ms);

		due = sooner(due, sub_due);
		if (s->serving && !s->coming)
			leave_if_useless(s, sub_due, now_ms);
	}
	return sooner(due, open_sockets(s, has_token, now_ms));
}

void platform_session_work(void *ctx)
{
	struct platform_eventsub *s = ctx;
	int64_t now_ms = clock_mono_ms();

	platform_session_enter(s);
	s->is_soon = false;
	int64_t due = work(s, now_ms);
	if (!s->is_doomed && !s->is_soon && due != INT64_MAX) {
		s->due_ms = due > now_ms ? due : now_ms;
		io_timer_start(s->timer, s->due_ms - now_ms);
	}
	platform_session_leave(s);
}
