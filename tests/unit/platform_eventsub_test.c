/* An EventSub session against doubles of everything around it, in virtual time: sockets, REST calls
 * and the token are the test's own. Sequences S01 to S04 and faults E1 to E8. */
#include "platform/twitch_eventsub.h"
#include "unit.h"

#define SOCKETS 64
#define CALLS 2048
#define BASE "wss://eventsub.example/ws"

/* ---- The world around
 * ---------------------------------------------------------------------------- */

struct io_ws {
	struct io_ws_options o;
	char url[512];
	bool is_gone, was_closed; /* freed; with a close frame */
};

struct platform_helix_task {
	struct platform_helix_call call;
	char path[128], body[1024];
	bool is_done;
	int64_t at_ms;
};

static struct world {
	struct io *io;
	struct io_ws ws[SOCKETS];
	size_t sockets;
	struct platform_helix_task calls[CALLS];
	size_t n_calls;
	bool helix_is_full;
	enum platform_token_state token;
	const char *user_id, *scopes;
	struct secret *secret;
	struct platform_eventsub *session;
	int64_t join_ms;
	/* what the owner heard */
	size_t told, on, off;
	char last_id[64], last_why[300];
	size_t frames; /* makes ids of messages */
} w;

/* The linker puts these in the place of io's (--wrap). */
struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o);
void __wrap_io_ws_free(struct io_ws *ws);
void __wrap_io_ws_close(struct io_ws *ws, int code);

struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o)
{
	struct io_ws *ws = &w.ws[w.sockets];

	(void)io;
	assert_true(w.sockets < SOCKETS);
	ws->o = *o;
	snprintf(ws->url, sizeof(ws->url), "%s", o->url);
	w.sockets++;
	return ws;
}

void __wrap_io_ws_free(struct io_ws *ws)
{
	if (ws)
		ws->is_gone = true;
}

void __wrap_io_ws_close(struct io_ws *ws, int code)
{
	assert_int_equal(code, 1000);
	ws->is_gone = ws->was_closed = true;
}

struct platform_helix_task *platform_helix_start(struct platform_helix *h,
	const struct platform_helix_call *c)
{
	struct platform_helix_task *t = &w.calls[w.n_calls];

	(void)h;
	if (w.helix_is_full)
		return NULL;
	assert_true(w.n_calls < CALLS);
	t->call = *c;
	snprintf(t->path, sizeof(t->path), "%s", c->path);
	snprintf(t->body, sizeof(t->body), "%.*s", STR_FMT(c->body));
	t->at_ms = clock_mono_ms();
	w.n_calls++;
	return t;
}

void platform_helix_cancel(struct platform_helix_task *t)
{
	if (t)
		t->is_done = true;
}

enum platform_token_state platform_token_state(const struct platform_token *t)
{
	(void)t;
	return w.token;
}

struct secret *platform_token_use(const struct platform_token *t)
{
	(void)t;
	return w.token == PLATFORM_TOKEN_VALID ? w.secret : NULL;
}

const char *platform_token_login(const struct platform_token *t)
{
	(void)t;
	return "tidalbot";
}

const char *platform_token_user_id(const struct platform_token *t)
{
	(void)t;
	return w.user_id;
}

bool platform_token_has_scope(const struct platform_token *t, const char *scope)
{
	(void)t;
	return strstr(w.scopes, scope) != NULL;
}

bool platform_token_is_fixed(const struct platform_token *t)
{
	(void)t;
	return false;
}

const char *platform_token_why(const struct platform_token *t)
{
	(void)t;
	return w.token == PLATFORM_TOKEN_REFUSED ? "log in again: run `mynah login twitch`" : "";
}

/* ---- What a test does
 * ---------------------------------------------------------------------------- */

static void on_notification(void *ctx, const struct platform_notification *n)
{
	(void)ctx;
	w.told++;
	snprintf(w.last_id, sizeof(w.last_id), "%.*s", STR_FMT(n->id));
}

static int64_t on_join(void *ctx, int64_t now_ms)
{
	(void)ctx;
	(void)now_ms;
	return w.join_ms;
}

static void on_subscribed(void *ctx, const struct platform_wish *wish, bool is_on, const char *why)
{
	(void)ctx;
	(void)wish;
	w.on += is_on;
	w.off += !is_on;
	if (!is_on)
		snprintf(w.last_why, sizeof(w.last_why), "%s", why);
}

/* Lets everything happen that is due by now. */
static void turns(void)
{
	for (int i = 0; i < 8; i++)
		io_turn(w.io, 0);
}

static bool is_up(void)
{
	return platform_eventsub_state(w.session, NULL) == PLATFORM_UP;
}

/* A timer that is due at once may fire a millisecond later: two clocks are cut at different edges.
 */
static void settle(void)
{
	turns();
	io_clock_shift(w.io, 3);
	turns();
}

/* In steps, so that what is due on the way happens in its order. */
static void pass(int64_t ms)
{
	for (; ms > 0; ms -= 250) {
		io_clock_shift(w.io, ms < 250 ? ms : 250);
		turns();
	}
	settle();
}

static const struct platform_need *need_of(const char *type)
{
	size_t n;
	const struct platform_need *needs = platform_needs(&n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(needs[i].type, type) == 0)
			return &needs[i];
	}
	fail_msg("no need %s", type);
	return NULL;
}

static struct platform_wish wish_of(const char *type, const char *id)
{
	struct platform_wish wish = {.need = need_of(type)};

	snprintf(wish.channel, sizeof(wish.channel), "room%s", id);
	snprintf(wish.channel_id, sizeof(wish.channel_id), "%s", id);
	return wish;
}

static void want(const char *const *types, size_t n)
{
	struct platform_wish wishes[16];

	for (size_t i = 0; i < n; i++)
		wishes[i] = wish_of(types[i], "40010001");
	assert_int_equal(platform_eventsub_want(w.session, wishes, n), 0);
	settle();
}

static int setup(void **state)
{
	static char url[] = BASE, name[] = "twitch";
	struct conf_place conf = {.name = name, .eventsub_url = url};

	(void)state;
	memset(&w, 0, sizeof(w));
	rand_seed(7);
	assert_int_equal(log_open(NULL, LOG_ERROR), 0);
	w.token = PLATFORM_TOKEN_VALID;
	w.user_id = "60030003";
	w.scopes = "user:read:chat moderator:read:followers channel:read:redemptions bits:read";
	assert_int_equal(secret_new(STR("faketoken"), &w.secret), 0);
	assert_int_equal(io_new(&w.io), 0);
	struct platform_eventsub_options o = {.io = w.io, .conf = &conf,
		.notification = on_notification, .join = on_join, .subscribed = on_subscribed};
	assert_int_equal(platform_eventsub_new(&o, &w.session), 0);
	settle();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	platform_eventsub_free(w.session);
	io_free(w.io);
	secret_free(w.secret);
	log_close();
	metric_reset();
	return 0;
}

static struct io_ws *last(void)
{
	assert_true(w.sockets > 0);
	return &w.ws[w.sockets - 1];
}

static void say(struct io_ws *ws, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct io_ws *ws, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	assert_false(ws->is_gone);
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ws->o.message(ws->o.ctx, text, (size_t)n);
	settle();
}

static const char *stamp(int64_t ms_ago)
{
	static char text[CLOCK_TEXT_BYTES];

	/* The server's clock is its own: an hour ahead of ours. */
	return clock_text(clock_wall_ms() + 3600000 - ms_ago, text);
}

static void welcome(struct io_ws *ws, const char *id)
{
	ws->o.open(ws->o.ctx);
	say(ws, "{\"metadata\":{\"message_id\":\"w%zu\",\"message_type\":\"session_welcome\","
		"\"message_timestamp\":\"%s\"},\"payload\":{\"session\":{\"id\":\"%s\","
		"\"status\":\"connected\",\"keepalive_timeout_seconds\":10,"
		"\"reconnect_url\":null}}}",
		++w.frames, stamp(0), id);
}

static void keepalive(struct io_ws *ws)
{
	say(ws, "{\"metadata\":{\"message_id\":\"k%zu\",\"message_type\":\"session_keepalive\","
		"\"message_timestamp\":\"%s\"},\"payload\":{}}", ++w.frames, stamp(0));
}

static void notify(struct io_ws *ws, const char *id, int64_t ms_ago)
{
	say(ws, "{\"metadata\":{\"message_id\":\"%s\",\"message_type\":\"notification\","
		"\"message_timestamp\":\"%s\",\"subscription_type\":\"channel.follow\","
		"\"subscription_version\":\"2\"},\"payload\":{\"subscription\":{\"condition\":{}},"
		"\"event\":{\"user_id\":\"1\"}}}", id, stamp(ms_ago));
}

static void reconnect(struct io_ws *ws, const char *url)
{
	say(ws, "{\"metadata\":{\"message_id\":\"r%zu\",\"message_type\":\"session_reconnect\","
		"\"message_timestamp\":\"%s\"},\"payload\":{\"session\":{\"id\":\"A\",\"status\":"
		"\"reconnecting\",\"keepalive_timeout_seconds\":null,\"reconnect_url\":\"%s\"}}}",
		++w.frames, stamp(0), url);
}

static void closed(struct io_ws *ws, int code)
{
	assert_false(ws->is_gone);
	ws->is_gone = true;
	ws->o.closed(ws->o.ctx, ERR_CLOSED, IO_OPEN, code, "closed");
	settle();
}

static void refused(struct io_ws *ws)
{
	assert_false(ws->is_gone);
	ws->is_gone = true;
	ws->o.closed(ws->o.ctx, ERR_CONNECT, IO_TCP, 0, "refused");
	settle();
}

/* Calls that wait for an answer. */
static size_t open_calls(const char *method)
{
	size_t n = 0;

	for (size_t i = 0; i < w.n_calls; i++)
		n += !w.calls[i].is_done && strcmp(w.calls[i].call.method, method) == 0;
	return n;
}

static size_t all_calls(const char *method)
{
	size_t n = 0;

	for (size_t i = 0; i < w.n_calls; i++)
		n += strcmp(w.calls[i].call.method, method) == 0;
	return n;
}

static void answer(struct platform_helix_task *t, int status, const char *body, const char *message)
{
	struct platform_helix_answer a = {.status = status, .message = message, .why = message};
	struct json *doc = NULL;

	assert_false(t->is_done);
	t->is_done = true;
	if (body && json_parse(str_of(body), 1 << 16, &doc, NULL) < 0)
		fail_msg("%s", body);
	a.body = doc;
	a.err = status == 0 ? ERR_TIMEOUT : status < 300 ? 0
		: status == 409 || status == 429 ? ERR_BUSY
		: status == 401 || status == 403 ? ERR_DENIED : status < 500 ? ERR_INVALID : ERR_IO;
	t->call.done(t->call.ctx, &a);
	json_free(doc);
	settle();
}

/* Answers every open POST. */
static void answer_all(int status, const char *message)
{
	for (size_t i = 0; i < w.n_calls; i++) {
		char body[256];

		if (w.calls[i].is_done || strcmp(w.calls[i].call.method, "POST") != 0)
			continue;
		snprintf(body, sizeof(body),
			"{\"data\":[{\"id\":\"5b31b8fe-fa7a-5222-9273-%012zu\","
			"\"status\":\"enabled\"}],\"total\":1,\"total_cost\":2,"
			"\"max_total_cost\":10}", i);
		answer(&w.calls[i], status, status == 202 ? body : NULL, message);
	}
}

static const char *const two[] = {"channel.chat.message", "channel.follow"};

static struct io_ws *come_up(const char *id)
{
	welcome(last(), id);
	answer_all(202, "");
	assert_true(is_up());
	return last();
}

static struct buf status_of(void)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	assert_int_equal(platform_eventsub_status(w.session, &out), 0);
	return out;
}

static void expect_status(const char *word)
{
	struct buf out = status_of();

	if (!strstr(buf_text(&out), word))
		fail_msg("no %s in %s", word, buf_text(&out));
	buf_fini(&out);
}

/* ---- Coming up
 * ----------------------------------------------------------------------------------- */

static void nothing_is_opened_for_nothing(void **state)
{
	(void)state;
	pass(60000);
	assert_int_equal(w.sockets, 0);
	w.token = PLATFORM_TOKEN_NONE;
	want(two, 2);
	pass(60000);
	assert_int_equal(w.sockets, 0);
	w.token = PLATFORM_TOKEN_VALID;
	platform_eventsub_token_changed(w.session);
	settle();
	assert_int_equal(w.sockets, 1);
	assert_string_equal(last()->url, BASE);
}

static void all_is_asked_for_at_once_the_most_wanted_first(void **state)
{
	(void)state;
	want(two, 2);
	welcome(last(), "AgoQ_session-1");
	assert_int_equal(open_calls("POST"), 2);
	assert_string_equal(w.calls[0].path, "/eventsub/subscriptions");
	assert_int_equal(w.calls[0].call.deadline_ms, PLATFORM_SUBSCRIBE_MS);
	assert_string_equal(w.calls[0].body, "{\"type\":\"channel.chat.message\",\"version\":\"1\","
		"\"condition\":{\"broadcaster_user_id\":\"40010001\",\"user_id\":\"60030003\"},"
		"\"transport\":{\"method\":\"websocket\",\"session_id\":\"AgoQ_session-1\"}}");
	assert_non_null(strstr(w.calls[1].body, "\"version\":\"2\",\"condition\":"
		"{\"broadcaster_user_id\":\"40010001\",\"moderator_user_id\":\"60030003\"}"));
	assert_false(is_up());
	answer_all(202, "");
	assert_true(is_up());
	assert_int_equal(w.on, 2);
	assert_true(platform_eventsub_brings(w.session, EVENT_FOLLOW, STR("40010001")));
	assert_false(platform_eventsub_brings(w.session, EVENT_FOLLOW, STR("7")));
	/* What chat says besides is chat's. */
	assert_false(platform_eventsub_brings(w.session, EVENT_CHEER, STR("40010001")));
}

static void one_that_fails_does_not_keep_the_others_out(void **state)
{
	(void)state;
	want(two, 2);
	welcome(last(), "A");
	answer(&w.calls[0], 0, NULL, "no answer within 3000 ms");
	answer(&w.calls[1], 409, NULL, "subscription already exists");
	assert_true(is_up());
	assert_int_equal(w.on, 1);
	pass(1000); /* well within the 10 s of the server */
	assert_int_equal(open_calls("POST"), 1);
	answer_all(202, "");
	assert_int_equal(w.on, 2);
}

static void no_more_than_sixteen_calls_wait_at_once(void **state)
{
	struct platform_wish wishes[40];
	char id[8];

	(void)state;
	for (size_t i = 0; i < COUNT(wishes); i++) {
		snprintf(id, sizeof(id), "%zu", i + 1);
		wishes[i] = wish_of("channel.follow", id);
	}
	assert_int_equal(platform_eventsub_want(w.session, wishes, COUNT(wishes)), 0);
	settle();
	welcome(last(), "A");
	assert_int_equal(open_calls("POST"), 16);
	answer(&w.calls[0], 202, "{\"data\":[]}", "");
	assert_int_equal(open_calls("POST"), 16);
	for (int i = 0; i < 4; i++)
		answer_all(202, "");
	assert_int_equal(w.on, COUNT(wishes));
}

static void chats_of_rooms_wait_for_the_budget_of_joins(void **state)
{
	(void)state;
	w.join_ms = 4000;
	want(two, 2);
	welcome(last(), "A");
	assert_int_equal(open_calls("POST"), 1);
	assert_non_null(strstr(w.calls[0].body, "channel.follow"));
	answer_all(202, "");
	w.join_ms = 0;
	pass(3000);
	keepalive(last());
	assert_int_equal(open_calls("POST"), 0);
	pass(1500);
	assert_int_equal(open_calls("POST"), 1);
}

static void what_is_over_the_limit_of_a_session_is_refused_by_name(void **state)
{
	struct platform_wish *wishes = mem_array(302, sizeof(*wishes));
	char id[8];

	(void)state;
	assert_non_null(wishes);
	for (size_t i = 0; i < 302; i++) {
		snprintf(id, sizeof(id), "%zu", i + 1);
		wishes[i] = wish_of("channel.follow", id);
	}
	assert_int_equal(platform_eventsub_want(w.session, wishes, 302), 0);
	mem_free(wishes);
	settle();
	welcome(last(), "A");
	for (int i = 0; i < 25; i++)
		answer_all(202, "");
	assert_int_equal(w.on, 300);
	assert_int_equal(w.off, 2);
	assert_non_null(strstr(w.last_why, "300"));
}

/* ---- The welcome and silence
 * --------------------------------------------------------------------- */

static void a_socket_that_says_nothing_is_given_up(void **state)
{
	(void)state;
	want(two, 2);
	last()->o.open(last()->o.ctx);
	settle();
	pass(9500);
	assert_false(last()->is_gone);
	pass(1000);
	assert_true(w.ws[0].is_gone);
	pass(2000);
	assert_int_equal(w.sockets, 2);
}

/* S02: Pings keep nobody alive; they never reach us here, as they never reach the watchdog. */
static void silence_is_a_new_session_with_everything_subscribed_again(void **state)
{
	(void)state;
	want(two, 2);
	come_up("A");
	for (int i = 0; i < 6; i++) {
		pass(9000);
		keepalive(last());
	}
	assert_int_equal(w.sockets, 1);
	pass(11500);
	assert_int_equal(w.sockets, 1);
	pass(1000);
	assert_true(w.ws[0].is_gone);
	assert_int_equal(w.off, 2);
	pass(2000);
	assert_int_equal(w.sockets, 2);
	assert_string_equal(last()->url, BASE);
	come_up("B");
	assert_int_equal(all_calls("POST"), 4);
	assert_non_null(strstr(w.calls[2].body, "\"session_id\":\"B\""));
}

/* N10: after a sleep, what waits in the socket is read before anybody is called dead. */
static void a_sleeping_host_wakes_up_with_its_session(void **state)
{
	(void)state;
	want(two, 2);
	come_up("A");
	io_clock_shift(w.io, 7200000);
	settle();
	assert_false(last()->is_gone);
	keepalive(last());
	pass(11000);
	assert_int_equal(w.sockets, 1);
	/* And without anything in it, it is dead soon after. */
	io_clock_shift(w.io, 7200000);
	settle();
	pass(2500);
	assert_true(w.ws[0].is_gone);
}

/* ---- Notifications
 * ------------------------------------------------------------------------------- */

static void a_notification_is_told_once(void **state)
{
	struct io_ws *a;

	(void)state;
	want(two, 2);
	a = come_up("A");
	notify(a, "m1", 0);
	notify(a, "m2", 0);
	notify(a, "m1", 0);
	assert_int_equal(w.told, 2);
	pass(9000);
	keepalive(a);
	notify(a, "m1", 9000);
	assert_int_equal(w.told, 2);
}

/* The ring holds 4,096: the oldest goes first, and memory stays. */
static void ids_are_remembered_up_to_their_number(void **state)
{
	struct io_ws *a;
	char id[16];

	(void)state;
	want(two, 2);
	a = come_up("A");
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		notify(a, id, 0);
	}
	assert_int_equal(w.told, 5000);
	notify(a, "m4999", 0);
	notify(a, "m904", 0);
	assert_int_equal(w.told, 5000);
	notify(a, "m903", 0);
	assert_int_equal(w.told, 5001);
}

/* E6: by the server's clock, whatever ours says; ours is an hour behind in this test. */
static void replays_are_ignored_and_fresh_events_are_not(void **state)
{
	struct io_ws *a;

	(void)state;
	want(two, 2);
	a = come_up("A");
	notify(a, "fresh", 0);
	notify(a, "late", 9 * 60000);
	assert_int_equal(w.told, 2);
	notify(a, "replayed", 11 * 60000);
	assert_int_equal(w.told, 2);
	clock_shift(0, 90 * 60000); /* our wall clock jumps: no matter */
	say(a, "{\"metadata\":{\"message_id\":\"x\",\"message_type\":\"notification\","
		"\"message_timestamp\":\"%s\",\"subscription_type\":\"channel.follow\"},"
		"\"payload\":{\"event\":{}}}", stamp(90 * 60000));
	assert_int_equal(w.told, 3);
	clock_shift(0, -90 * 60000);
}

static void strange_frames_are_passed_over(void **state)
{
	static const char *const frames[] = {
		"", "null", "[]", "7", "{", "{}", "{\"metadata\":7,\"payload\":[]}",
		"{\"metadata\":{\"message_type\":\"a_future_type\"},\"payload\":{}}",
		"{\"metadata\":{\"message_type\":\"notification\"},\"payload\":{}}",
		"{\"metadata\":{\"message_type\":\"notification\",\"message_id\":\"x\"},"
		"\"payload\":null}",
		"{\"metadata\":{\"message_type\":\"revocation\"},"
		"\"payload\":{\"subscription\":[]}}",
		"{\"metadata\":{\"message_type\":\"session_welcome\"},\"payload\":{}}",
		"{\"metadata\":{\"message_type\":\"session_keepalive\","
		"\"message_timestamp\":\"x\"}}",
		"{\"a\":1,\"a\":2}", "{\"metadata\":{}} trailing",
	};
	struct io_ws *a;

	(void)state;
	want(two, 2);
	a = come_up("A");
	for (size_t i = 0; i < COUNT(frames); i++)
		say(a, "%s", frames[i]);
	assert_int_equal(w.told, 0);
	assert_int_equal(w.sockets, 1);
	notify(a, "m1", 0);
	assert_int_equal(w.told, 1);
}

/* ---- Hand-over
 * ----------------------------------------------------------------------------------- */

#define CELL "wss://cell-b.eventsub.example/ws?id=handover-7f31&x=%2F"

/* S01 */
static void a_hand_over_loses_nothing_and_subscribes_nothing(void **state)
{
	struct io_ws *a, *b;

	(void)state;
	want(two, 2);
	a = come_up("A");
	notify(a, "m1", 0);
	reconnect(a, CELL);
	assert_int_equal(w.sockets, 2);
	b = last();
	assert_string_equal(b->url, CELL);
	notify(a, "m2", 0);
	assert_false(a->is_gone);
	welcome(b, "B");
	notify(b, "m3", 0);
	notify(b, "m2", 0);
	notify(a, "m4", 0); /* was on its way when we moved */
	assert_int_equal(w.told, 4);
	pass(1000);
	assert_true(a->was_closed);
	assert_false(b->is_gone);
	assert_int_equal(all_calls("POST"), 2);
	assert_int_equal(w.off, 0);
	assert_true(is_up());
	/* Later wishes go to the session that is now. */
	static const char *const three[] = {"channel.chat.message", "channel.follow",
		"channel.cheer"};
	want(three, 3);
	assert_non_null(strstr(w.calls[2].body, "\"session_id\":\"B\""));
}

static void the_old_session_may_end_before_the_new_one_is_there(void **state)
{
	struct io_ws *a, *b;

	(void)state;
	want(two, 2);
	a = come_up("A");
	reconnect(a, CELL);
	b = last();
	closed(a, 4004);
	assert_int_equal(w.sockets, 2);
	welcome(b, "B");
	assert_true(is_up());
	assert_int_equal(all_calls("POST"), 2);
	assert_int_equal(w.off, 0);
}

/* E3, and 4007 */
static void a_dead_reconnect_url_is_a_new_session_once(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct io_ws *a, *b, *c;

		if (i > 0) {
			teardown(NULL);
			setup(NULL);
		}
		want(two, 2);
		a = come_up("A");
		reconnect(a, CELL);
		b = last();
		if (i == 0)
			refused(b);
		else
			closed(b, 4007);
		assert_int_equal(w.sockets, 3);
		c = last();
		assert_string_equal(c->url, BASE);
		assert_false(a->is_gone); /* goes on until there is another */
		notify(a, "m1", 0);
		assert_int_equal(w.told, 1);
		welcome(c, "C");
		assert_true(a->was_closed);
		assert_int_equal(open_calls("POST"), 2);
		answer_all(202, "");
		assert_true(is_up());
		pass(5000);
		assert_int_equal(w.sockets, 3);
		assert_int_equal(all_calls("POST"), 4);
	}
}

static void a_hand_over_that_is_never_welcomed_ends_before_the_old_one(void **state)
{
	struct io_ws *a;

	(void)state;
	want(two, 2);
	a = come_up("A");
	reconnect(a, CELL);
	for (int i = 0; i < 5; i++) {
		pass(5000);
		keepalive(a);
	}
	pass(500);
	assert_true(w.ws[1].is_gone);
	assert_int_equal(w.sockets, 3);
	assert_string_equal(last()->url, BASE);
}

static void a_url_that_is_none_is_not_followed(void **state)
{
	static const char *const urls[] = {
		"", "ws://eventsub.example/ws", "https://eventsub.example/ws", "ws://127.0.0.1:1/",
		"file:///etc/passwd", "wss://user:pass@eventsub.example/",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct io_ws *a;

		if (i > 0) {
			teardown(NULL);
			setup(NULL);
		}
		want(two, 2);
		a = come_up("A");
		reconnect(a, urls[i]);
		assert_case(i, w.sockets == 2 && strcmp(last()->url, BASE) == 0);
		assert_case(i, !a->is_gone);
	}
}

static void a_server_that_only_sends_us_on_does_not_make_us_run(void **state)
{
	(void)state;
	want(two, 2);
	come_up("A");
	for (int i = 0; i < 40; i++) {
		reconnect(last(), CELL);
		pass(250);
		if (!last()->is_gone && last() != &w.ws[0] && i % 4 == 3)
			break;
	}
	assert_true(w.sockets <= 3);
}

/* ---- The end of a session
 * ------------------------------------------------------------------------ */

static void every_close_code_leads_to_a_new_session_by_the_backoff(void **state)
{
	static const int codes[] = {0, 1000, 1001, 1006, 4000, 4001, 4002, 4004, 4005, 4006, 4007,
		4999};

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		if (i > 0) {
			teardown(NULL);
			setup(NULL);
		}
		want(two, 2);
		closed(come_up("A"), codes[i]);
		assert_false(is_up());
		assert_int_equal(w.off, 2);
		pass(12000);
		assert_case(i, w.sockets == 2);
		come_up("B");
		assert_int_equal(all_calls("POST"), 4);
	}
}

/* E1: calls that are never answered in time; the server throws us out each time. */
static void an_unused_session_is_no_hot_loop(void **state)
{
	(void)state;
	want(two, 2);
	for (int i = 0; i < 600000 / 250; i++) {
		struct io_ws *ws = last();

		if (!ws->is_gone && i % 40 == 0) {
			welcome(ws, "A");
			answer_all(0, "no answer");
			if (!ws->is_gone)
				closed(ws, 4003);
		}
		pass(250);
	}
	assert_true(w.sockets <= 30); /* ten seconds at least between two, growing to sixty */
	assert_true(w.sockets >= 8);
}

/* S04 */
static void a_session_that_nothing_is_accepted_on_is_left(void **state)
{
	(void)state;
	want(two, 2);
	welcome(last(), "A");
	answer_all(403, "subscription missing proper authorization");
	assert_true(w.ws[0].is_gone);
	pass(10 * 60000);
	assert_int_equal(w.sockets, 1);
	assert_int_equal(all_calls("POST"), 2);
	expect_status("no moderator of room40010001: the broadcaster types /mod tidalbot");
	pass(6 * 60000); /* somebody may have made us one since */
	assert_int_equal(w.sockets, 2);
}

static void a_session_the_server_does_not_know_is_a_new_one(void **state)
{
	(void)state;
	want(two, 2);
	welcome(last(), "A");
	answer(&w.calls[0], 400, NULL,
		"websocket transport session does not exist or has already disconnected");
	assert_true(w.ws[0].is_gone);
	pass(2000);
	assert_int_equal(w.sockets, 2);
}

/* ---- No
 * ------------------------------------------------------------------------------------------ */

/* E8 */
static void a_missing_scope_is_named_with_the_command_and_not_asked_for(void **state)
{
	static const char *const types[] = {"channel.follow", "channel.hype_train.begin"};

	(void)state;
	want(types, 2);
	welcome(last(), "A");
	answer_all(202, "");
	assert_int_equal(all_calls("POST"), 1);
	assert_non_null(strstr(w.last_why, "channel:read:hype_train"));
	assert_non_null(strstr(w.last_why, "`mynah login twitch --broadcaster room40010001`"));
	expect_status("channel:read:hype_train");
	/* A refresh brings no scope; a new login does. */
	platform_eventsub_token_changed(w.session);
	settle();
	assert_int_equal(all_calls("POST"), 1);
	w.scopes = "moderator:read:followers channel:read:hype_train";
	platform_eventsub_token_changed(w.session);
	settle();
	assert_int_equal(all_calls("POST"), 2);
}

static void one_of_two_scopes_does(void **state)
{
	static const char *const types[] = {"channel.channel_points_custom_reward_redemption.add"};

	(void)state;
	w.scopes = "channel:manage:redemptions";
	want(types, 1);
	welcome(last(), "A");
	assert_int_equal(open_calls("POST"), 1);
}

static void leftovers_are_looked_for_even_if_the_session_ends_meanwhile(void **state)
{
	(void)state;
	want(two, 2);
	welcome(last(), "A");
	answer_all(429, "number of websocket transports limit exceeded");
	assert_int_equal(open_calls("GET"), 1);
	closed(last(), 1006);
	assert_int_equal(open_calls("GET"), 1);
	for (size_t i = 0; i < w.n_calls; i++) {
		if (strcmp(w.calls[i].call.method, "GET") == 0)
			answer(&w.calls[i], 200, "{\"data\":[{\"id\":\"22222222-0000\",\"status\":"
				"\"websocket_disconnected\","
				"\"transport\":{\"method\":\"websocket\","
				"\"session_id\":\"DEAD\"}}]}", "");
	}
	assert_int_equal(all_calls("DELETE"), 1);
}

static void a_limit_is_explained_and_leftovers_of_ours_are_deleted(void **state)
{
	(void)state;
	want(two, 2);
	come_up("OURS");
	closed(last(), 1006);
	pass(2000);
	welcome(last(), "B");
	answer_all(429, "number of websocket transports limit exceeded");
	assert_int_equal(open_calls("GET"), 1);
	for (size_t i = 0; i < w.n_calls; i++) {
		if (strcmp(w.calls[i].call.method, "GET") != 0)
			continue;
		answer(&w.calls[i], 200, "{\"data\":["
			"{\"id\":\"11111111-0000\",\"status\":\"enabled\",\"transport\":"
			"{\"method\":\"websocket\",\"session_id\":\"OURS\"}},"
			"{\"id\":\"22222222-0000\",\"status\":\"websocket_disconnected\","
			"\"transport\":{\"method\":\"websocket\",\"session_id\":\"SOMEBODYS\"}},"
			"{\"id\":\"33333333-0000\",\"status\":\"enabled\",\"transport\":"
			"{\"method\":\"websocket\",\"session_id\":\"ALIVE\"}},"
			"{\"id\":\"44444444-0000\",\"status\":\"enabled\",\"transport\":"
			"{\"method\":\"websocket\",\"session_id\":\"B\"}},"
			"{\"id\":\"5&x=5\",\"status\":\"websocket_disconnected\",\"transport\":"
			"{\"method\":\"websocket\",\"session_id\":\"SOMEBODYS\"}},"
			"{\"id\":\"66666666-0000\",\"status\":\"enabled\",\"transport\":"
			"{\"method\":\"webhook\"}}]}", "");
	}
	assert_int_equal(all_calls("DELETE"), 2);
	for (size_t i = 0; i < w.n_calls; i++) {
		if (strcmp(w.calls[i].call.method, "DELETE") == 0)
			assert_true(strstr(w.calls[i].path, "?id=11111111-0000") ||
				strstr(w.calls[i].path, "?id=22222222-0000"));
	}
	expect_status("number of websocket transports limit exceeded");
	size_t before = all_calls("POST");
	pass(4000);
	assert_int_equal(all_calls("POST"), before); /* not at once */
	for (size_t i = 0; i < w.n_calls; i++) {
		if (strcmp(w.calls[i].call.method, "DELETE") == 0)
			answer(&w.calls[i], 204, NULL, "");
	}
	assert_int_equal(open_calls("POST"), 2); /* but as soon as there is room */
}

/* Even when all wait so long that the session would not live to see it. */
static void looking_for_leftovers_keeps_the_session(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		teardown(NULL);
		setup(NULL);
		rand_seed(seed);
		want(two, 2);
		welcome(last(), "A");
		answer_all(429, "number of websocket transports limit exceeded");
		assert_false(w.ws[0].is_gone);
		assert_int_equal(open_calls("GET"), 1);
		for (size_t i = 0; i < w.n_calls; i++) {
			if (strcmp(w.calls[i].call.method, "GET") == 0)
				answer(&w.calls[i], 200, "{\"data\":[{\"id\":\"11111111-0000\","
					"\"status\":\"websocket_disconnected\",\"transport\":"
					"{\"method\":\"websocket\",\"session_id\":\"X\"}}]}", "");
		}
		assert_false(w.ws[0].is_gone);
		assert_int_equal(open_calls("DELETE"), 1);
	}
}

static void a_revoked_subscription_is_gone_and_the_others_stay(void **state)
{
	static const struct {
		const char *status, *hint;
		bool is_asked_again;
	} cases[] = {
		{"authorization_revoked", "`mynah login twitch`", false},
		{"user_removed", "does not exist", false},
		{"version_removed", "newer mynah", false},
		{"chat_user_banned", "banned or timed out", true},
		{"moderator_removed", "no moderator", true},
		{"a_future_reason", "a_future_reason", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (i > 0) {
			teardown(NULL);
			setup(NULL);
		}
		want(two, 2);
		come_up("A");
		say(last(), "{\"metadata\":{\"message_id\":\"v\",\"message_type\":\"revocation\","
			"\"subscription_type\":\"channel.chat.message\"},"
			"\"payload\":{\"subscription\":{\"id\":"
			"\"5b31b8fe-fa7a-5222-9273-000000000000\",\"status\":\"%s\","
			"\"type\":\"channel.chat.message\","
			"\"condition\":{\"broadcaster_user_id\":\"40010001\"}}}}", cases[i].status);
		assert_int_equal(w.off, 1);
		assert_case(i, strstr(w.last_why, cases[i].hint) != NULL);
		assert_true(is_up());
		assert_true(platform_eventsub_brings(w.session, EVENT_FOLLOW, STR("40010001")));
		for (int k = 0; k < 10 * 60 / 9; k++) {
			pass(9000);
			keepalive(last());
		}
		assert_int_equal(all_calls("POST"), 2);
		for (int k = 0; k < 6 * 60 / 9; k++) {
			pass(9000);
			keepalive(last());
		}
		assert_case(i, all_calls("POST") == (cases[i].is_asked_again ? 3 : 2));
		assert_int_equal(w.sockets, 1);
	}
}

/* The revocation may overtake the answer to our call. */
static void what_is_revoked_before_it_was_answered_is_gone(void **state)
{
	(void)state;
	want(two, 2);
	welcome(last(), "A");
	answer(&w.calls[1], 202, "{\"data\":[{\"id\":\"11111111-0000\"}]}", "");
	say(last(), "{\"metadata\":{\"message_id\":\"v\",\"message_type\":\"revocation\"},"
		"\"payload\":{\"subscription\":{\"id\":\"22222222-0000\",\"status\":"
		"\"authorization_revoked\",\"type\":\"channel.chat.message\",\"condition\":"
		"{\"broadcaster_user_id\":\"40010001\"}}}}");
	assert_true(w.calls[0].is_done);
	assert_non_null(strstr(w.last_why, "mynah login"));
	pass(9000);
	assert_int_equal(all_calls("POST"), 2);
}

static void a_refused_login_is_said_and_mended_by_the_next_one(void **state)
{
	const char *why;

	(void)state;
	w.token = PLATFORM_TOKEN_REFUSED;
	want(two, 2);
	pass(60000);
	assert_int_equal(w.sockets, 0);
	assert_int_equal(platform_eventsub_state(w.session, &why), PLATFORM_REFUSED);
	assert_non_null(strstr(why, "mynah login"));
	w.token = PLATFORM_TOKEN_VALID;
	platform_eventsub_token_changed(w.session);
	settle();
	come_up("A");
}

/* ---- Wishes
 * -------------------------------------------------------------------------------------- */

static void what_is_not_wanted_any_more_is_deleted(void **state)
{
	(void)state;
	want(two, 2);
	come_up("A");
	want(two, 1);
	assert_int_equal(all_calls("DELETE"), 1);
	assert_string_equal(w.calls[2].path,
		"/eventsub/subscriptions?id=5b31b8fe-fa7a-5222-9273-000000000001");
	assert_false(platform_eventsub_brings(w.session, EVENT_FOLLOW, STR("40010001")));
	want(two, 2);
	assert_int_equal(all_calls("POST"), 3);
	want(NULL, 0);
	assert_true(w.ws[0].was_closed);
	pass(60000);
	assert_int_equal(w.sockets, 1);
}

static void a_full_queue_of_calls_is_waited_for(void **state)
{
	(void)state;
	w.helix_is_full = true;
	want(two, 2);
	welcome(last(), "A");
	assert_int_equal(w.n_calls, 0);
	w.helix_is_full = false;
	pass(2000);
	assert_int_equal(open_calls("POST"), 2);
}

static void freed_in_any_state_it_asks_for_nothing_more(void **state)
{
	(void)state;
	for (int stage = 0; stage < 6; stage++) {
		if (stage > 0) {
			teardown(NULL);
			setup(NULL);
		}
		if (stage >= 1)
			want(two, 2);
		if (stage >= 2)
			welcome(last(), "A");
		if (stage >= 3)
			answer_all(202, "");
		if (stage == 4)
			reconnect(last(), CELL);
		if (stage == 5) {
			reconnect(last(), CELL);
			welcome(last(), "B");
		}
		platform_eventsub_free(w.session);
		w.session = NULL;
		for (size_t i = 0; i < w.sockets; i++)
			assert_true(w.ws[i].is_gone);
		for (size_t i = 0; i < w.n_calls; i++)
			assert_true(w.calls[i].is_done);
		settle();
	}
}

static void without_memory_it_comes_up_later(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 40; n++) {
		teardown(NULL);
		setup(NULL);
		struct platform_wish wishes[] = {wish_of("channel.follow", "1"),
			wish_of("channel.cheer", "1")};

		mem_fail_at(n, 1);
		int err = platform_eventsub_want(w.session, wishes, 2);
		settle();
		mem_fail_at(0, 0);
		assert_true(err == 0 || err == ERR_NOMEM);
		if (err)
			assert_int_equal(platform_eventsub_want(w.session, wishes, 2), 0);
		settle();
		pass(3000);
		come_up("A");
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_opened_for_nothing),
		CASE(all_is_asked_for_at_once_the_most_wanted_first),
		CASE(one_that_fails_does_not_keep_the_others_out),
		CASE(no_more_than_sixteen_calls_wait_at_once),
		CASE(chats_of_rooms_wait_for_the_budget_of_joins),
		CASE(what_is_over_the_limit_of_a_session_is_refused_by_name),
		CASE(a_socket_that_says_nothing_is_given_up),
		CASE(silence_is_a_new_session_with_everything_subscribed_again),
		CASE(a_sleeping_host_wakes_up_with_its_session),
		CASE(a_notification_is_told_once),
		CASE(ids_are_remembered_up_to_their_number),
		CASE(replays_are_ignored_and_fresh_events_are_not),
		CASE(strange_frames_are_passed_over),
		CASE(a_hand_over_loses_nothing_and_subscribes_nothing),
		CASE(the_old_session_may_end_before_the_new_one_is_there),
		CASE(a_dead_reconnect_url_is_a_new_session_once),
		CASE(a_hand_over_that_is_never_welcomed_ends_before_the_old_one),
		CASE(a_url_that_is_none_is_not_followed),
		CASE(a_server_that_only_sends_us_on_does_not_make_us_run),
		CASE(every_close_code_leads_to_a_new_session_by_the_backoff),
		CASE(an_unused_session_is_no_hot_loop),
		CASE(a_session_that_nothing_is_accepted_on_is_left),
		CASE(a_session_the_server_does_not_know_is_a_new_one),
		CASE(a_missing_scope_is_named_with_the_command_and_not_asked_for),
		CASE(one_of_two_scopes_does),
		CASE(a_limit_is_explained_and_leftovers_of_ours_are_deleted),
		CASE(leftovers_are_looked_for_even_if_the_session_ends_meanwhile),
		CASE(looking_for_leftovers_keeps_the_session),
		CASE(a_revoked_subscription_is_gone_and_the_others_stay),
		CASE(what_is_revoked_before_it_was_answered_is_gone),
		CASE(a_refused_login_is_said_and_mended_by_the_next_one),
		CASE(what_is_not_wanted_any_more_is_deleted),
		CASE(a_full_queue_of_calls_is_waited_for),
		CASE(freed_in_any_state_it_asks_for_nothing_more),
		CASE(without_memory_it_comes_up_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
