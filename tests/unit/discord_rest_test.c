/* Discord's REST interface: calls, their one retry layer, their limits and stops, against a peer
 * that answers as Discord does; the vectors of discord.md 13.1 and 13.7 through the real code. */
#include "unit/discord_world.h"

#include "platform/discord_bucket.h"
#include "platform/discord_error.h"
#include "platform/discord_token.h"

#define SEND "/channels/" CHANNEL "/messages"
#define SEND_OTHER "/channels/" OTHER_CHANNEL "/messages"
#define CALLBACK "/interactions/" INTERACTION "/" INTERACTION_TOKEN "/callback"
#define LONG_MS (3 * INT64_C(3600000))
#define LIMITS(limit, remaining, after, hash)                                                      \
	"X-RateLimit-Limit: " limit "\r\nX-RateLimit-Remaining: " remaining                        \
	"\r\nX-RateLimit-Reset-After: " after "\r\nX-RateLimit-Bucket: " hash "\r\n"
#define MESSAGE_WITH(limits) JSON_HEAD("200 OK", limits) "{\"id\":\"1180000000000009999\"}"
#define UNAUTHORIZED JSON_HEAD("401 Unauthorized", "")                                             \
	"{\"message\":\"401: Unauthorized\",\"code\":0}"
#define FORBIDDEN JSON_HEAD("403 Forbidden", "")                                                   \
	"{\"message\":\"Missing Permissions\",\"code\":50013}"
#define BAD_FORM(field) JSON_HEAD("400 Bad Request", "")                                           \
	"{\"message\":\"Invalid Form Body\",\"code\":50035,\"errors\":{\"" field "\":{"            \
	"\"_errors\":[{\"code\":\"ANY\"}]}}}"

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, shut_world)

static int open_world(void **state)
{
	static struct world w;

	world_open(&w);
	*state = &w;
	return 0;
}

static int shut_world(void **state)
{
	world_close(*state);
	return 0;
}

static bool was_asked(const struct world *w, const char *text)
{
	return w->asked_count > 0 && strstr(w->asked[w->asked_count - 1].head, text) != NULL;
}

/* ---- The vectors of 13.7 --------------------------------------------------------------------- */

static void add_header(void *ctx, const char *key, const struct json *value)
{
	char *out = ctx;
	size_t n = strlen(out);

	snprintf(out + n, 1024 - n, "%s: %.*s\r\n", key, STR_FMT(json_text(value)));
}

/* An answer as HTTP. */
static void write_answer(const struct json *v, char out[4096])
{
	const struct json *headers = json_get(v, "headers");
	struct str body = json_str(v, "body");
	char lines[1024] = "";

	json_each(headers, add_header, lines);
	snprintf(out, 4096, "HTTP/1.1 %d Any\r\n%s%sConnection: close\r\n\r\n%.*s",
		(int)json_int(v, "status", 0), lines, body.len > 0 && !json_get(headers,
		"Content-Type") ? "Content-Type: application/json\r\n" : "", STR_FMT(body));
}

/* So many of these come, and no more. */
static void wait_for(struct world *w, const char *begin, size_t n)
{
	for (int i = 0; i < 500 && asked(w, begin) < n; i++)
		turn(w, 20, NULL, 0);
	settle(w);
	assert_int_equal(asked(w, begin), n);
}

/* The next request of the bucket starts when the vector says, not before; others as it says. */
static int play_vector(const struct json *v)
{
	int64_t wait_ms = json_int(v, "wait_ms", 0);
	const char *stops = json_str(v, "stops").len > 0 ? json_str(v, "stops").at : "";
	struct world w;
	char bytes[4096];

	write_answer(v, bytes);
	world_open(&w);
	world_rule(&w, "PATCH", 1, bytes);
	assert_non_null(call(&w, "PATCH", SEND "/1", LONG_MS));
	turn(&w, 5000, &w.asked_count, 1);
	settle(&w);
	assert_non_null(call(&w, "PATCH", SEND "/1", LONG_MS));
	if (wait_ms >= 1000) {
		/* Others need not wait, unless all have to. */
		assert_non_null(call(&w, "GET", SEND_OTHER, stops[0] ? 100 : 0));
		assert_non_null(call(&w, "POST", CALLBACK, stops[0] == 'h' ? 100 : 0));
		wait_for(&w, "GET", stops[0] ? 0 : 1);
		wait_for(&w, "POST /api/v10/interactions", stops[0] == 'h' ? 0 : 1);
	}
	io_clock_shift(w.io, wait_ms);
	/* What was refused or failed is made again, before the one that came after it. */
	wait_for(&w, "PATCH", json_int(v, "status", 0) < 300 ? 2 : 3);
	if (wait_ms > 0)
		assert_true(asked_at(&w, "PATCH", 1)->at_ms - asked_at(&w, "PATCH", 0)->at_ms >=
			wait_ms);
	settle(&w);
	struct buf status;
	buf_init(&status, 1024);
	assert_int_equal(platform_rest_status(w.rest, &status), 0);
	/* Ten minutes later it is forgotten. */
	if (wait_ms < 590000)
		assert_true((strstr(buf_text(&status), "\"invalid\":1,") != NULL) ==
			json_bool(v, "is_invalid", false));
	buf_fini(&status);
	world_close(&w);
	return 1;
}

static void after_each_answer_the_next_one_waits_as_the_sheet_says(void **state)
{
	size_t n;

	(void)state;
	assert_int_equal(unit_each_json("tests/data/discord-rest.jsonl", play_vector, &n), 11);
}

/* ---- What is sent ---------------------------------------------------------------------------- */

static void a_call_goes_out_as_the_sheet_says(void **state)
{
	struct world *w = *state;

	call_and_wait(w, "POST", SEND);
	assert_int_equal(w->err, 0);
	assert_true(was_asked(w, "POST /api/v10/channels/" CHANNEL "/messages HTTP/1.1\r\n"));
	assert_true(was_asked(w, "\r\nAuthorization: Bot " TOKEN "\r\n"));
	assert_true(was_asked(w, "\r\nContent-Type: application/json\r\n"));
	assert_true(was_asked(w, "\r\nUser-Agent: DiscordBot (http"));
	assert_true(strstr(strstr(w->asked[0].head, "DiscordBot ("), ", " "0"));
	/* Without a body its length is said all the same (discord.md 5). */
	call_and_wait(w, "POST", "/channels/" CHANNEL "/typing");
	assert_true(was_asked(w, "\r\nContent-Length: 0\r\n"));
	assert_false(was_asked(w, "Content-Type"));
	/* An interaction carries no token of the bot's. */
	call_and_wait(w, "POST", CALLBACK);
	assert_false(was_asked(w, "Authorization"));
	/* discord.md 13.1 */
	call_and_wait(w, "GET", SEND "/1/reactions/\xF0\x9F\x91\x8B/@me");
	assert_true(was_asked(w, "/reactions/%F0%9F%91%8B/@me HTTP"));
	call_and_wait(w, "GET", SEND "/1/reactions/\xE2\x9D\xA4\xEF\xB8\x8F/@me");
	assert_true(was_asked(w, "/reactions/%E2%9D%A4%EF%B8%8F/@me HTTP"));
	call_and_wait(w, "GET", SEND "/1/reactions/kelp:1180000000000000777/@me?limit=2");
	assert_true(was_asked(w, "/reactions/kelp:1180000000000000777/@me?limit=2 HTTP"));
}

static void a_token_is_taken_as_people_paste_it(void **state)
{
	static const struct {
		const char *given, *want; /* NULL = refused */
	} cases[] = {
		{TOKEN, TOKEN},
		{TOKEN "\r\n", TOKEN},
		{" \t" TOKEN " \n", TOKEN},
		{"\xEF\xBB\xBF" TOKEN, TOKEN},
		{"Bot " TOKEN, TOKEN},
		{"bot   " TOKEN "\n", TOKEN},
		{"\"" TOKEN "\"", TOKEN},
		{"'Bot " TOKEN "'", TOKEN},
		{"any-other.format_", "any-other.format_"},
		{"two words", NULL},
		{"a\r\nX-Evil: 1", NULL},
		{"t\xC3\xB6ken", NULL},
		{"\x7F", NULL},
		{" \n", NULL},
		{"Bot ", NULL},
		{"\"\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct secret *given, *out = NULL;
		assert_int_equal(secret_new(str_of(cases[i].given), &given), 0);
		int err = platform_discord_token(given, &out);
		assert_case(i, err == (cases[i].want ? 0 : ERR_INVALID));
		assert_case(i, !out || str_is(secret_use(out), cases[i].want));
		secret_free(out);
		secret_free(given);
	}
}

static void without_tls_the_token_stays_here(void **state)
{
	struct world *w = *state;

	w->conf.api_url = (char *)"http://192.0.2.1/api";
	assert_int_equal(platform_rest_reload(w->rest, &w->conf, w->token), 0);
	call_and_wait(w, "GET", "/gateway/bot");
	assert_int_equal(w->err, ERR_DENIED);
	assert_non_null(strstr(w->why, "TLS"));
}

static void what_is_no_token_is_refused_here(void **state)
{
	struct world *w = *state;
	struct secret *wrong;

	assert_int_equal(secret_new(STR("two words"), &wrong), 0);
	assert_int_equal(platform_rest_reload(w->rest, &w->conf, wrong), 0);
	call_and_wait(w, "GET", "/gateway/bot");
	assert_int_equal(w->err, ERR_DENIED);
	assert_int_equal(w->refusals, 1);
	assert_int_equal(w->asked_count, 0);
	secret_free(wrong);
	assert_int_equal(platform_rest_reload(w->rest, &w->conf, w->token), 0);
	call_and_wait(w, "GET", "/gateway/bot");
	assert_int_equal(w->err, 0);
}

static void without_a_token_calls_wait_for_one(void **state)
{
	struct world *w = *state;

	assert_int_equal(platform_rest_reload(w->rest, &w->conf, NULL), 0);
	assert_non_null(call(w, "GET", "/gateway/bot", 0));
	settle(w);
	assert_int_equal(w->asked_count, 0);
	assert_int_equal(platform_rest_reload(w->rest, &w->conf, w->token), 0);
	turn(w, 5000, &w->answers, 1);
	assert_int_equal(w->err, 0);
	assert_int_equal(platform_rest_reload(w->rest, &w->conf, NULL), 0);
	assert_non_null(call(w, "GET", "/gateway/bot", 300));
	turn(w, 5000, &w->answers, 2);
	assert_int_equal(w->err, ERR_TIMEOUT);
}

/* ---- What answers mean ----------------------------------------------------------------------- */

static void answers_are_told_apart(void **state)
{
	static const struct {
		const char *bytes, *why, *field;
		int err, status, code;
		unsigned requests;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>no",
			"no JSON: is api_url right?", "", ERR_PARSE, 200, 0, 1},
		{JSON_HEAD("200 OK", ""), "empty", "", ERR_PARSE, 200, 0, 1},
		{JSON_HEAD("200 OK", "") "{\"id\":", "no valid JSON", "", ERR_PARSE, 200, 0, 1},
		{NOTHING, "", "", 0, 204, 0, 1},
		{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
			"302", "", ERR_INVALID, 302, 0, 1},
		{JSON_HEAD("404 Not Found", "")
			"{\"message\":\"Unknown Channel <b>\",\"code\":10003}", "code 10003", "",
			ERR_NOTFOUND, 404, 10003, 1},
		{FORBIDDEN, "50013", "", ERR_DENIED, 403, 50013, 1},
		{BAD_FORM("content"), "50035", "content", ERR_INVALID, 400, 50035, 1},
		{BAD_FORM("message_reference"), "50035", "message_reference", ERR_INVALID, 400,
			50035, 1},
		{JSON_HEAD("400 Bad Request", "") "{\"code\":\"x\",\"errors\":[1]}", "400", "",
			ERR_INVALID, 400, 0, 1},
		{JSON_HEAD("500 No", "") "{\"code\":0}", "500", "", ERR_IO, 500, 0, 4},
		{JSON_HEAD("400 No", "") "{\"code\":130000}", "400", "", ERR_INVALID, 400,
			130000, 4},
		{"", "", "", ERR_CLOSED, 0, 0, 4},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;

		world_open(&w);
		world_rule(&w, "GET", FOR_EVER, cases[i].bytes);
		assert_non_null(call(&w, "GET", SEND "?around=kelpforest", 60000));
		wait_out(&w, &w.answers, 1);
		assert_case(i, w.err == cases[i].err && w.status == cases[i].status);
		assert_case(i, w.code == cases[i].code);
		assert_string_equal(w.field, cases[i].field);
		assert_non_null(strstr(w.why, cases[i].why));
		assert_null(strstr(w.why, "kelpforest"));
		assert_null(strstr(w.why, "<b>"));
		assert_case(i, w.asked_count == cases[i].requests);
		world_close(&w);
	}
}

/* faults.md R8: a create is repeated once, with the same bytes; what may not be done twice is
 * not. */
static void a_lost_answer_is_asked_for_once_more_where_that_is_safe(void **state)
{
	static const char *const answers[] = {"", "HTTP/1.1 502 No\r\n\r\n<html>",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"};

	(void)state;
	for (size_t i = 0; i < COUNT(answers) * 2; i++) {
		struct world w;
		struct platform_rest_call c = {.method = "POST", .path = SEND,
			.body = STR("{\"content\":\"once\",\"nonce\":\"n\"}"),
			.is_once = i % 2 == 1};

		world_open(&w);
		world_rule(&w, "POST", FOR_EVER, answers[i / 2]);
		assert_non_null(platform_rest_start(w.rest, &c));
		wait_out(&w, &w.asked_count, c.is_once ? 1 : 2);
		if (!c.is_once)
			assert_string_equal(w.asked[0].body, w.asked[1].body);
		settle(&w);
		io_clock_shift(w.io, 3000);
		settle(&w);
		assert_case(i, w.asked_count == (c.is_once ? 1 : 2));
		world_close(&w);
	}
}

static void what_never_left_may_be_tried_again(void **state)
{
	struct world *w = *state;

	w->conf.api_url = (char *)"http://127.0.0.1:1/api"; /* nobody listens there */
	assert_int_equal(platform_rest_reload(w->rest, &w->conf, w->token), 0);
	call_and_wait(w, "POST", SEND);
	assert_int_equal(w->err, ERR_CONNECT);
}

/* ---- Stops ----------------------------------------------------------------------------------- */

static void a_dead_token_stops_everything_until_a_reload(void **state)
{
	struct world *w = *state;

	world_rule(w, "GET", 1, UNAUTHORIZED);
	for (int i = 0; i < 20; i++)
		assert_non_null(call(w, "GET", SEND, 0));
	turn(w, 5000, &w->answers, 20);
	assert_int_equal(w->answers, 20);
	assert_int_equal(w->err, ERR_DENIED);
	assert_in_range(w->asked_count, 1, 5);
	assert_int_equal(w->refusals, 1);
	w->asked_count = 0;
	call_and_wait(w, "POST", SEND);
	call_and_wait(w, "POST", CALLBACK);
	assert_int_equal(w->err, ERR_DENIED);
	assert_non_null(strstr(w->why, "reset the token"));
	assert_int_equal(w->asked_count, 0);
	assert_int_equal(platform_rest_reload(w->rest, &w->conf, w->token), 0);
	call_and_wait(w, "POST", SEND);
	assert_int_equal(w->err, 0);
}

/* faults.md R3 */
static void a_loop_of_refusals_ends(void **state)
{
	struct world *w = *state;

	world_rule(w, "POST", 5, FORBIDDEN);
	for (size_t i = 0; i < 20; i++) {
		call_and_wait(w, "POST", i % 2 ? SEND : SEND_OTHER);
		assert_true(w->err == ERR_DENIED || w->err == ERR_BUSY);
	}
	assert_int_equal(w->asked_count, 5);
	call_and_wait(w, "POST", CALLBACK); /* people who wait for an answer get one */
	assert_int_equal(w->err, 0);
	io_clock_shift(w->io, 61000);
	call_and_wait(w, "POST", SEND);
	assert_int_equal(w->err, 0);
}

/* discord.md 8.3: far from the 10,000 that would have the address banned. */
static void after_a_thousand_refusals_calls_go_slowly(void **state)
{
	struct world *w = *state;
	char path[64];
	size_t n;

	world_rule(w, "PATCH", FOR_EVER, JSON_HEAD("429 No", "") "{\"retry_after\":0}");
	for (int i = 1; i <= 100; i++) {
		snprintf(path, sizeof(path), "/channels/%d/messages/1", i);
		assert_non_null(call(w, "PATCH", path, LONG_MS));
	}
	for (int i = 0; i < 3000 && w->peer.requests < PLATFORM_REST_SLOW; i++) {
		settle(w);
		io_clock_shift(w->io, PLATFORM_REST_WINDOW_MS);
	}
	assert_in_range(w->peer.requests, PLATFORM_REST_SLOW, PLATFORM_REST_SLOW + 100);
	settle(w);
	n = w->peer.requests;
	for (int i = 0; i < 20; i++) {
		io_clock_shift(w->io, PLATFORM_REST_SLOW_MS);
		settle(w);
	}
	assert_in_range(w->peer.requests - n, 15, 40);
	/* People who wait for an answer are served all the same. */
	for (int i = 0; i < 20; i++)
		call_and_wait(w, "POST", CALLBACK);
	assert_int_equal(w->err, 0);
}

static void a_limit_of_all_calls_holds_one_of_an_interaction_too_if_it_met_it(void **state)
{
	struct world *w = *state;

	world_rule(w, "POST", 1, JSON_HEAD("429 No", "X-RateLimit-Scope: global\r\n")
		"{\"retry_after\":5,\"global\":true}");
	assert_non_null(call(w, "POST", CALLBACK, LONG_MS));
	turn(w, 5000, &w->asked_count, 1);
	settle(w);
	wait_out(w, &w->answers, 1);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->asked_count, 2);
	assert_true(w->asked[1].at_ms - w->asked[0].at_ms >= 4900);
}

static void a_page_of_the_guard_is_a_ban(void **state)
{
	static const struct {
		const char *bytes;
		bool is_ban;
	} cases[] = {
		{"HTTP/1.1 403 No\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>",
			true},
		{"HTTP/1.1 403 Forbidden\r\nVia: 1.1 google\r\nContent-Type: text/html\r\n"
			"Connection: close\r\n\r\n<html>", false},
		{"HTTP/1.1 429 No\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
			"error code: 1015", true},
		{"HTTP/1.1 429 No\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
			"{\"retry_after\":0.1}", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;

		world_open(&w);
		world_rule(&w, "GET", 1, cases[i].bytes);
		call_and_wait(&w, "GET", SEND);
		call_and_wait(&w, "POST", CALLBACK);
		assert_case(i, (w.err == ERR_BUSY) == cases[i].is_ban);
		assert_case(i, !cases[i].is_ban || w.wait_ms > 590000);
		world_close(&w);
	}
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static void what_a_limit_is_like_is_learnt_by_one(void **state)
{
	struct world *w = *state;

	world_rule(w, "PATCH", 1, MESSAGE_WITH(LIMITS("5", "3", "30", "abc")));
	world_rule(w, "PATCH", FOR_EVER, MESSAGE_WITH(LIMITS("5", "0", "30", "abc")));
	for (int i = 0; i < 6; i++)
		assert_non_null(call(w, "PATCH", SEND "/1", LONG_MS));
	turn(w, 5000, &w->answers, 4);
	settle(w);
	assert_int_equal(w->asked_count, 4); /* one, and the three that it leaves */
	/* Another channel has another bucket. */
	call_and_wait(w, "PATCH", SEND_OTHER "/1");
	assert_int_equal(w->err, 0);
	io_clock_shift(w->io, 31000);
	turn(w, 5000, &w->answers, 7);
	assert_int_equal(w->answers, 7);
}

static void routes_of_one_hash_share_their_limit(void **state)
{
	struct world *w = *state;

	world_rule(w, "PATCH", 1, MESSAGE_WITH(LIMITS("5", "0", "30", "abc")));
	world_rule(w, "DELETE", 1, "HTTP/1.1 204 No\r\n" LIMITS("5", "0", "30", "abc") "\r\n");
	call_and_wait(w, "PATCH", SEND "/1");
	call_and_wait(w, "DELETE", SEND "/1"); /* it is not known yet that it is the same */
	assert_int_equal(w->err, 0);
	call_and_wait(w, "DELETE", SEND "/2");
	assert_int_equal(w->err, ERR_BUSY);
	assert_int_equal(w->asked_count, 2);
	call_and_wait(w, "DELETE", SEND_OTHER "/2");
	assert_int_equal(w->err, 0);
}

static void a_wait_beyond_the_deadline_is_not_waited_for(void **state)
{
	struct world *w = *state;

	world_rule(w, "POST", 1, JSON_HEAD("429 No", "Retry-After: 1337\r\n"
		"X-RateLimit-Scope: shared\r\n") "{\"retry_after\":1336.57,\"global\":false}");
	call_and_wait(w, "POST", SEND);
	assert_int_equal(w->err, ERR_BUSY);
	assert_int_equal(w->status, 429);
	assert_in_range(w->wait_ms, 1300000, 1336570);
	call_and_wait(w, "POST", SEND);
	assert_int_equal(w->err, ERR_BUSY);
	assert_int_equal(w->asked_count, 1);
	call_and_wait(w, "POST", SEND_OTHER);
	assert_int_equal(w->err, 0);
}

static void a_limit_within_the_limit_delays_only_its_call(void **state)
{
	struct world *w = *state;

	world_rule(w, "PATCH", 1, JSON_HEAD("429 No", "Retry-After: 60\r\n"
		"X-RateLimit-Scope: user\r\n" LIMITS("5", "4", "1", "abc"))
		"{\"retry_after\":60,\"global\":false}");
	assert_non_null(call(w, "PATCH", SEND "/1", LONG_MS));
	turn(w, 5000, &w->asked_count, 1);
	call_and_wait(w, "PATCH", SEND "/1");
	assert_int_equal(w->err, 0);
	assert_int_equal(w->answers, 1);
	io_clock_shift(w->io, 61000);
	turn(w, 5000, &w->answers, 2);
	assert_int_equal(w->asked_count, 3);
}

/* faults.md R1, R2: nothing in the window, then all of them. */
static void after_a_full_bucket_calls_go_on(void **state)
{
	struct world *w = *state;
	size_t most = (size_t)unit_runs(200);

	world_rule(w, "POST", 1, JSON_HEAD("429 No", "Retry-After: 3\r\n") "{\"retry_after\":3}");
	world_rule(w, "POST", FOR_EVER, MESSAGE_WITH(LIMITS("100", "99", "1", "abc")));
	for (size_t i = 0; i < most; i++)
		assert_non_null(call(w, "POST", SEND, LONG_MS));
	turn(w, 5000, &w->asked_count, 1);
	settle(w);
	assert_int_equal(w->asked_count, 1);
	io_clock_shift(w->io, 3100);
	for (int i = 0; i < 100 && w->answers < most; i++) {
		turn(w, 20, &w->answers, most);
		io_clock_shift(w->io, 1000);
	}
	assert_int_equal(w->answers, most);
	assert_int_equal(w->asked_count, most + 1);
	assert_int_equal(w->err, 0);
}

static void calls_are_bounded_cancelled_and_freed_at_any_moment(void **state)
{
	struct world *w = *state;
	struct platform_rest_task *tasks[256];
	char path[1200];

	for (size_t i = 0; i < COUNT(tasks); i++) {
		tasks[i] = call(w, "GET", SEND, 0);
		assert_non_null(tasks[i]);
	}
	assert_null(call(w, "GET", SEND, 0));
	turn(w, 5000, &w->asked_count, 1);
	for (size_t i = 0; i < COUNT(tasks); i++)
		platform_rest_cancel(tasks[i]);
	settle(w);
	assert_int_equal(w->answers, 0);
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_null(call(w, "GET", path, 0));
	assert_null(call(w, "GET", "gateway/bot", 0));
	assert_non_null(call(w, "GET", SEND, 0));
	assert_non_null(call(w, "GET", SEND_OTHER, 0));
	w->frees_in_done = true;
	turn(w, 5000, &w->answers, 1);
	settle(w);
	assert_int_equal(w->answers, 1);
}

static void no_memory_is_an_ordinary_end(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 60; n++) {
		struct world w;

		world_open(&w);
		mem_fail_at(n, 1);
		bool is_made = call(&w, "POST", SEND, 0) != NULL;
		mem_fail_at(0, 0);
		turn(&w, is_made ? 5000 : 0, &w.answers, 1);
		assert_int_equal(w.answers, is_made);
		call_and_wait(&w, "POST", SEND_OTHER);
		assert_int_equal(w.err, 0);
		world_close(&w);
		if (w.answers == 2)
			break;
	}
}

/* ---- Limits, pure ---------------------------------------------------------------------------- */

static void paths_become_routes(void **state)
{
	/* A minute after 1180000000000000500. */
	const int64_t now_ms = INT64_C(1701404323339) + 60000;
	static const struct {
		const char *method, *path, *route, *major;
	} cases[] = {
		{"GET", "/gateway/bot", "GET /gateway/bot", ""},
		{"GET", "/users/@me", "GET /users/@me", ""},
		{"POST", "/users/@me/channels", "POST /users/@me/channels", ""},
		{"POST", "/channels/1/messages", "POST /channels/:id/messages", "1"},
		{"GET", "/channels/1/messages?limit=3", "GET /channels/:id/messages", "1"},
		{"PATCH", "/channels/1/messages/2", "PATCH /channels/:id/messages/:id", "1"},
		{"DELETE", "/channels/1/messages/1180000000000000500",
			"DELETE /channels/:id/messages/:id", "1"},
		{"DELETE", "/channels/1/messages/1180000251658240500",
			"DELETE /channels/:id/messages/:id (fresh)", "1"},
		{"DELETE", "/channels/1/messages/175928847299117063",
			"DELETE /channels/:id/messages/:id (old)", "1"},
		{"PUT", "/channels/1/messages/2/reactions/%F0%9F%91%8B/@me",
			"PUT /channels/:id/messages/:id/reactions/:reaction", "1"},
		{"GET", "/guilds/7/members/8", "GET /guilds/:id/members/:id", "7"},
		{"PUT", "/applications/5/guilds/6/commands",
			"PUT /applications/:id/guilds/:id/commands", ""},
		{"POST", "/webhooks/5/secret", "POST /webhooks/:id/:token",
			"5/2bb80d537b1da3e38bd30361aa855686"},
		{"PATCH", "/webhooks/5/secret/messages/@original",
			"PATCH /webhooks/:id/:token/messages/@original",
			"5/2bb80d537b1da3e38bd30361aa855686"},
		{"POST", "/interactions/9/secret/callback",
			"POST /interactions/:id/:token/callback",
			"9/2bb80d537b1da3e38bd30361aa855686"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct platform_rest_way way;

		assert_int_equal(platform_rest_way(cases[i].method, cases[i].path, now_ms, &way),
			0);
		assert_string_equal(way.route, cases[i].route);
		assert_string_equal(way.major, cases[i].major);
	}
}

static void a_bucket_is_not_overdrawn(void **state)
{
	struct platform_rest_words words = {.status = 200, .limit = 5, .remaining = 2,
		.reset_after_ms = 1000, .wait_ms = -1};
	struct platform_rest_bucket b = {.limit = -1, .remaining = -1};

	(void)state;
	assert_true(platform_rest_bucket_free_ms(&b, 100) == 100);
	b.running = 1;
	assert_true(platform_rest_bucket_free_ms(&b, 100) == INT64_MAX);
	b.running = 0;
	platform_rest_bucket_hear(&b, &words, 100);
	b.running = 1;
	assert_true(platform_rest_bucket_free_ms(&b, 200) == 200);
	b.running = 2;
	assert_true(platform_rest_bucket_free_ms(&b, 200) == INT64_MAX);
	/* An answer that comes late knows of fewer calls: nothing is won by it. */
	words.remaining = 4;
	platform_rest_bucket_hear(&b, &words, 300);
	assert_true(platform_rest_bucket_free_ms(&b, 300) == INT64_MAX);
	words.remaining = 0;
	words.reset_after_ms = 700;
	platform_rest_bucket_hear(&b, &words, 600);
	b.running = 0;
	assert_true(platform_rest_bucket_free_ms(&b, 700) == 1350); /* 50 ms on top */
	b.running = 4;
	assert_true(platform_rest_bucket_free_ms(&b, 1350) == 1350);
	b.running = 5;
	assert_true(platform_rest_bucket_free_ms(&b, 1350) == INT64_MAX);
	/* A wait ends whatever was known before. */
	b.running = 0;
	platform_rest_bucket_hold(&b, 9000);
	platform_rest_bucket_hold(&b, 4000);
	assert_true(platform_rest_bucket_free_ms(&b, 1350) == 9000);
}

static void buckets_that_nobody_uses_are_forgotten(void **state)
{
	struct platform_rest_buckets bs = {.all = NULL};
	struct platform_rest_bucket *b;
	struct platform_rest_way way;
	char path[64];

	(void)state;
	for (int i = 1; i <= 20000; i++) {
		snprintf(path, sizeof(path), "/channels/%d/messages", i);
		assert_int_equal(platform_rest_way("POST", path, 0, &way), 0);
		b = platform_rest_bucket_of(&bs, &way, i);
		assert_non_null(b);
		if (i == 1)
			platform_rest_bucket_hold(b, 2000000);
	}
	assert_in_range(HASH_COUNT(bs.all), 1, 8192);
	assert_int_equal(platform_rest_way("GET", "/gateway/bot", 0, &way), 0);
	assert_non_null(platform_rest_bucket_of(&bs, &way, 1000000));
	assert_int_equal(HASH_COUNT(bs.all), 2); /* it, and the one that has to wait */
	platform_rest_buckets_fini(&bs);
}

static void no_more_than_fifty_leave_within_a_second(void **state)
{
	struct platform_rest_log log = {.next = 0};
	int64_t at_ms[200], now_ms = 1000;

	(void)state;
	for (size_t i = 0; i < COUNT(at_ms); i++) {
		int64_t free_ms = platform_rest_log_free_ms(&log);
		now_ms = free_ms > now_ms ? free_ms : now_ms;
		platform_rest_log_add(&log, now_ms);
		at_ms[i] = now_ms;
		assert_case(i, i < 50 || at_ms[i] - at_ms[i - 50] > 1000);
	}
	assert_true(now_ms < 1000 + 5 * PLATFORM_REST_WINDOW_MS);
}

static void invalid_requests_are_counted_over_ten_minutes(void **state)
{
	struct platform_rest_invalid v = {.span = 0};
	int64_t now_ms = 5000000;

	(void)state;
	for (int i = 0; i < 999; i++)
		platform_rest_invalid_add(&v, now_ms);
	assert_int_equal(platform_rest_invalid_count(&v, now_ms + 599000), 999);
	now_ms += 300000;
	for (int i = 0; i < 4000; i++)
		platform_rest_invalid_add(&v, now_ms);
	assert_true(platform_rest_invalid_free_ms(&v, now_ms) == 0);
	platform_rest_invalid_add(&v, now_ms);
	/* Until the first ones are ten minutes old. */
	int64_t free_ms = platform_rest_invalid_free_ms(&v, now_ms);
	assert_in_range(free_ms - now_ms, 300000, 330000);
	assert_true(platform_rest_invalid_free_ms(&v, free_ms - 1) == free_ms);
	assert_true(platform_rest_invalid_free_ms(&v, free_ms) == 0);
	assert_int_equal(platform_rest_invalid_count(&v, free_ms), 4001);
	assert_int_equal(platform_rest_invalid_count(&v, free_ms + 3600000), 0);
}

static void codes_say_what_is_to_be_done(void **state)
{
	static const struct {
		int code;
		const char *field;
		enum platform_rest_act act;
	} cases[] = {
		{0, "", PLATFORM_REST_DROP}, {987654, "", PLATFORM_REST_DROP},
		{50035, "content", PLATFORM_REST_DROP},
		{50035, "message_reference", PLATFORM_REST_UNTIE},
		{160002, "", PLATFORM_REST_UNTIE}, {50001, "", PLATFORM_REST_CLOSE},
		{50013, "", PLATFORM_REST_CLOSE}, {10008, "", PLATFORM_REST_GONE},
		{10062, "", PLATFORM_REST_GONE}, {40060, "", PLATFORM_REST_ANSWERED},
		{50014, "", PLATFORM_REST_STOP}, {40333, "", PLATFORM_REST_BAN},
		{200000, "", PLATFORM_REST_DROP}, {30034, "", PLATFORM_REST_HOLD},
		{30046, "", PLATFORM_REST_DROP},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_case(i, platform_rest_error(cases[i].code, cases[i].field)->act ==
			cases[i].act);
	assert_non_null(platform_rest_error(30046, "")->advice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_each_answer_the_next_one_waits_as_the_sheet_says),
		WITH_WORLD(a_call_goes_out_as_the_sheet_says),
		cmocka_unit_test(a_token_is_taken_as_people_paste_it),
		WITH_WORLD(without_tls_the_token_stays_here),
		WITH_WORLD(what_is_no_token_is_refused_here),
		WITH_WORLD(without_a_token_calls_wait_for_one),
		cmocka_unit_test(answers_are_told_apart),
		cmocka_unit_test(a_lost_answer_is_asked_for_once_more_where_that_is_safe),
		WITH_WORLD(what_never_left_may_be_tried_again),
		WITH_WORLD(a_dead_token_stops_everything_until_a_reload),
		WITH_WORLD(a_loop_of_refusals_ends),
		WITH_WORLD(after_a_thousand_refusals_calls_go_slowly),
		WITH_WORLD(a_limit_of_all_calls_holds_one_of_an_interaction_too_if_it_met_it),
		cmocka_unit_test(a_page_of_the_guard_is_a_ban),
		WITH_WORLD(what_a_limit_is_like_is_learnt_by_one),
		WITH_WORLD(routes_of_one_hash_share_their_limit),
		WITH_WORLD(a_wait_beyond_the_deadline_is_not_waited_for),
		WITH_WORLD(a_limit_within_the_limit_delays_only_its_call),
		WITH_WORLD(after_a_full_bucket_calls_go_on),
		WITH_WORLD(calls_are_bounded_cancelled_and_freed_at_any_moment),
		cmocka_unit_test(no_memory_is_an_ordinary_end),
		cmocka_unit_test(paths_become_routes),
		cmocka_unit_test(a_bucket_is_not_overdrawn),
		cmocka_unit_test(buckets_that_nobody_uses_are_forgotten),
		cmocka_unit_test(no_more_than_fifty_leave_within_a_second),
		cmocka_unit_test(invalid_requests_are_counted_over_ten_minutes),
		cmocka_unit_test(codes_say_what_is_to_be_done),
	};

	return cmocka_run_group_tests_name("discord_rest", tests, NULL, NULL);
}
