/* Twitch's REST interface: calls, their one retry layer, their limits, and sending, against a peer
 * that plays answers; the vectors H01 to H15 of twitch.md section 8.3 through the real code. */
#include "unit/helix_world.h"

#include "platform/credential.h"
#include "platform/helix_limit.h"

#define DATE "Date: Thu, 01 Jan 2026 12:00:10 GMT\r\n" /* 1767268810 */
#define FULL(reset) JSON_HEAD("429 Too Many Requests", DATE "ratelimit-limit: 800\r\n"             \
	"ratelimit-remaining: 0\r\nratelimit-reset: " reset "\r\n") "{\"status\":429}"
#define PARENT "3b0f2f1e-7f0e-5c39-9d55-0f6c6f0a7a11"

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

/* What was asked last, head and body. */
static bool was_asked(const struct world *w, const char *text)
{
	return strstr(buf_text(&w->peer.last), text) != NULL;
}

/* ---- The vectors ----------------------------------------------------------------------------- */

struct vector {
	char bytes[4096]; /* the answer as HTTP */
	struct json *json;
};

static struct buf vectors_file;

static void add_header(void *ctx, const char *key, const struct json *value)
{
	char *out = ctx;
	size_t n = strlen(out);

	snprintf(out + n, 1024 - n, "%s: %.*s\r\n", key, STR_FMT(json_text(value)));
}

/* Reads a vector; the answer's body is taken as it stands in the file. */
static struct vector vector(const char *id)
{
	struct str rest = buf_str(&vectors_file);
	struct vector v = {.json = NULL};
	char headers[1024] = "";

	while (rest.len > 0) {
		struct str line = str_split(&rest, '\n');
		assert_int_equal(json_parse(line, 1 << 16, &v.json, NULL), 0);
		if (str_is(json_str(v.json, "id"), id)) {
			const struct json *answer = json_get(v.json, "response");
			char *copy = mem_dupn(line.at, line.len);
			char *body = strstr(strstr(copy, "\"response\":"), "\"body\":") + 7;

			*strstr(body, "},\"want\":") = '\0';
			json_each(json_get(answer, "headers"), add_header, headers);
			snprintf(v.bytes, sizeof(v.bytes), "HTTP/1.1 %d Any\r\n%s"
				"Content-Type: application/json\r\nConnection: close\r\n\r\n%s",
				(int)json_int(answer, "status", 0), headers,
				strcmp(body, "\"\"") == 0 ? "" : body);
			mem_free(copy);
			return v;
		}
		json_free(v.json);
	}
	fail_msg("no vector %s", id);
	return v;
}

static int open_vectors(void **state)
{
	(void)state;
	buf_init(&vectors_file, 1 << 20);
	return file_read(unit_tree_path("tests/data/twitch-http.jsonl"), &vectors_file);
}

static int shut_vectors(void **state)
{
	(void)state;
	buf_fini(&vectors_file);
	return 0;
}

static void H01_a_message_is_sent_as_the_sheet_says(void **state)
{
	struct world *w = *state;
	struct vector v = vector("H01");
	const struct json *ask = json_get(v.json, "request");
	struct json *body = NULL;

	peer_play(&w->peer, v.bytes);
	say_and_wait(w, reply_of("it is 40 m deep", "40010001", PARENT));
	assert_int_equal(w->reason, REASON_NONE);
	assert_true(was_asked(w, "POST /helix/chat/messages HTTP/1.1\r\n"));
	assert_true(was_asked(w, "\r\nAuthorization: Bearer " TOKEN "\r\n"));
	assert_true(was_asked(w, "\r\nClient-Id: kelpbotclient0000000000000000a\r\n"));
	assert_true(was_asked(w, "\r\nContent-Type: application/json\r\n"));
	assert_true(was_asked(w, "\r\nUser-Agent: mynah/"));
	const char *text = strstr(buf_text(&w->peer.last), "\r\n\r\n") + 4;
	assert_int_equal(json_parse(str_of(text), 4096, &body, NULL), 0);
	static const char *const keys[] = {"broadcaster_id", "sender_id", "message",
		"reply_parent_message_id"};
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_str(json_str(body, keys[i]), json_str(json_get(ask, "body"), keys[i]));
	json_free(body);
	json_free(v.json);
}

static void a_whisper_is_sent_to_whom_it_answers(void **state)
{
	struct world *w = *state;
	struct reply *r = reply_of("psst yourself", "50020002", PARENT);

	mem_free(r->channel);
	r->channel = mem_dup("@mossy_otter");
	w->token.scopes = "user:manage:whispers";
	peer_play(&w->peer, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
	say_and_wait(w, r);
	assert_int_equal(w->reason, REASON_NONE);
	assert_true(was_asked(w, "POST /helix/whispers?from_user_id="));
	assert_true(was_asked(w, "&to_user_id=50020002 HTTP/1.1\r\n"));
	assert_true(was_asked(w, "\r\n\r\n{\"message\":\"psst yourself\"}"));

	r = reply_of("psst", "50020002", NULL);
	mem_free(r->channel);
	r->channel = mem_dup("@mossy_otter");
	w->token.scopes = "user:write:chat";
	say_and_wait(w, r);
	assert_int_equal(w->reason, REASON_REFUSED);
	assert_string_equal(w->code, "no_scope");
	assert_int_equal(w->outcomes, 2);
}

static void H02_to_H07_say_what_became_of_it(void **state)
{
	static const struct {
		const char *id, *code;
		enum reason reason;
		unsigned rejected;
	} cases[] = {
		{"H02", "msg_duplicate", REASON_REFUSED, 0},
		{"H03", "automod_held", REASON_REFUSED, 0},
		{"H04", "", REASON_NONE, 0},
		{"H06", "http_403", REASON_REFUSED, 0},
		{"H07", "http_422", REASON_REFUSED, 0},
		{"H09", "http_503", REASON_UNKNOWN_SENT, 0}, /* may have been said: not again */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct vector v = vector(cases[i].id);
		struct world w;

		world_open(&w);
		peer_play(&w.peer, v.bytes);
		say_and_wait(&w, reply_of("as deep as that", "40010001", NULL));
		assert_case(i, w.reason == cases[i].reason);
		assert_string_equal(w.code, cases[i].code);
		assert_case(i, w.peer.requests == 1);
		world_close(&w);
		json_free(v.json);
	}
}

static void H05_a_refused_token_is_renewed_once_and_asked_with_once_more(void **state)
{
	struct world *w = *state;
	struct vector v = vector("H05");

	peer_play(&w->peer, v.bytes);
	peer_play(&w->peer, SENT);
	say(w, reply_of("as deep as that", "40010001", NULL));
	turn(w, 5000, &w->peer.requests, 1);
	turn(w, 200, NULL, 0);
	assert_int_equal(w->token.rejected, 1);
	assert_int_equal(w->outcomes, 0);
	token_set(&w->token, "anotherone");
	w->token.state = PLATFORM_TOKEN_VALID;
	platform_helix_token_changed(w->helix);
	turn(w, 5000, &w->outcomes, 1);
	assert_int_equal(w->reason, REASON_NONE);
	assert_int_equal(w->peer.requests, 2);
	assert_true(was_asked(w, "Bearer anotherone\r\n"));
	json_free(v.json);
}

static void H08_a_full_bucket_waits_for_its_end_by_twitchs_clock(void **state)
{
	struct world *w = *state;
	struct platform_helix_call c = {.method = "GET", .path = "/users", .deadline_ms = 60000};

	peer_play(&w->peer, FULL("1767268830")); /* 20 s after its Date, whatever our clock says */
	peer_play(&w->peer, NOTHING);
	assert_non_null(platform_helix_start(w->helix, &c));
	turn(w, 5000, &w->peer.requests, 1);
	turn(w, 200, NULL, 0);
	assert_int_equal(w->peer.requests, 1);
	io_clock_shift(w->io, 19000);
	turn(w, 200, NULL, 0);
	assert_int_equal(w->peer.requests, 1);
	call_and_wait(w, "GET", "/streams"); /* waits as well */
	assert_int_equal(w->err, 0);
	assert_int_equal(w->peer.requests, 3);
}

static void H09_a_failing_server_is_asked_once_more(void **state)
{
	struct world *w = *state;
	struct vector v = vector("H09");

	peer_play(&w->peer, v.bytes);
	call_and_wait(w, "GET", "/users");
	assert_int_equal(w->peer.requests, 2);
	assert_int_equal(w->err, ERR_IO);
	assert_int_equal(w->status, 503);
	json_free(v.json);
}

static void H10_to_H13_are_told_apart(void **state)
{
	static const struct {
		const char *id, *message;
		int err, status;
	} cases[] = {
		{"H10", "", 0, 202},
		{"H11", "subscription already exists", ERR_BUSY, 409},
		{"H12", "websocket transport session does not exist or has already disconnected",
			ERR_INVALID, 400},
		{"H13", "number of websocket transports limit exceeded", ERR_BUSY, 429},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct vector v = vector(cases[i].id);
		struct world w;

		world_open(&w);
		peer_play(&w.peer, v.bytes);
		call_and_wait(&w, "POST", "/eventsub/subscriptions");
		assert_case(i, w.err == cases[i].err && w.status == cases[i].status);
		assert_string_equal(w.message, cases[i].message);
		assert_case(i, w.has_body);
		assert_case(i, w.peer.requests == 1);
		world_close(&w);
		json_free(v.json);
	}
}

/* ---- The retry layer ------------------------------------------------------------------------- */

static void answers_that_cannot_be_read_are_no_answers(void **state)
{
	static const struct {
		const char *bytes, *why;
		int err;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>no",
			"no JSON: is api_url right?", ERR_PARSE},
		{JSON_HEAD("200 OK", ""), "empty", ERR_PARSE},
		{JSON_HEAD("200 OK", "") "{\"data\":", "no valid JSON", ERR_PARSE},
		{"HTTP/1.1 204 No Content\r\n\r\n", "", 0},
		{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
			"302", ERR_INVALID},
		{"HTTP/1.1 404 No\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<b>secret",
			"404", ERR_NOTFOUND},
		{JSON_HEAD("410 Gone", "") "{}", "410", ERR_NOTFOUND},
		{JSON_HEAD("418 Tea", "") "{\"message\":\"\\u202e a\\nteapot \"}", "a teapot",
			ERR_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;

		world_open(&w);
		peer_play(&w.peer, cases[i].bytes);
		call_and_wait(&w, "GET", "/users?login=kelpforest");
		assert_case(i, w.err == cases[i].err);
		assert_non_null(strstr(w.why, cases[i].why));
		assert_null(strstr(w.why, "kelpforest"));
		assert_null(strstr(w.why, "<b>"));
		assert_case(i, w.peer.requests == 1);
		world_close(&w);
	}
}

static void a_message_whose_answer_is_lost_is_not_said_again(void **state)
{
	static const char *const answers[] = {
		"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 500 No\r\n\r\n",
		("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"),
		JSON_HEAD("200 OK", "") "{\"data\":[]}", "nonsense\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct world w;

		world_open(&w);
		peer_play(&w.peer, answers[i]);
		say_and_wait(&w, reply_of("only once", "40010001", NULL));
		assert_case(i, w.reason == REASON_UNKNOWN_SENT);
		turn(&w, 100, NULL, 0);
		assert_case(i, w.peer.requests == 1 && w.outcomes == 1);
		world_close(&w);
	}
}

static void what_never_left_may_be_tried_once_more(void **state)
{
	struct world *w = *state;

	w->conf.api_url = (char *)"http://127.0.0.1:1/helix"; /* nobody listens there */
	assert_int_equal(platform_helix_reload(w->helix, &w->conf), 0);
	say_and_wait(w, reply_of("anybody?", "40010001", NULL));
	assert_int_equal(w->reason, REASON_REFUSED);
	assert_string_equal(w->code, "not_connected");
}

static void without_tls_the_token_stays_here(void **state)
{
	struct world *w = *state;

	w->conf.api_url = (char *)"http://192.0.2.1/helix";
	assert_int_equal(platform_helix_reload(w->helix, &w->conf), 0);
	call_and_wait(w, "GET", "/users");
	assert_int_equal(w->err, ERR_DENIED);
	assert_non_null(strstr(w->why, "TLS"));
}

/* faults.md R2: one 429 must not wedge everything until a restart. */
static void after_a_full_bucket_a_thousand_calls_go_on(void **state)
{
	struct world *w = *state;
	size_t started = 0, most = (size_t)unit_runs(1000);

	peer_play(&w->peer, FULL("1767268811"));
	peer_play(&w->peer, NOTHING);
	while (w->answers < most) {
		size_t before = w->answers;
		while (started < most && call(w, "GET", "/users"))
			started++;
		assert_in_range(started - w->answers, 1, 64);
		turn(w, 5000, &w->answers, before + 1);
		assert_true(w->answers > before);
		assert_int_equal(w->err, 0);
	}
	/* Those that were under way with the first may have been refused with it; nobody else. */
	assert_in_range(w->peer.requests, most + 1, most + 5);
}

static void a_wait_beyond_the_deadline_is_not_waited_for(void **state)
{
	struct world *w = *state;

	peer_play(&w->peer, FULL("1767268850"));
	call_and_wait(w, "GET", "/users");
	assert_int_equal(w->err, ERR_BUSY);
	assert_int_equal(w->status, 429);
	/* The bucket of messages is another one. */
	w->peer.plays[w->peer.play_count++] = (struct play){.bytes = SENT, .n = strlen(SENT)};
	say_and_wait(w, reply_of("hello there", "40010001", NULL));
	assert_int_equal(w->reason, REASON_NONE);
	call_and_wait(w, "GET", "/users");
	assert_int_equal(w->err, ERR_BUSY);
	assert_int_equal(w->peer.requests, 2);
}

/* faults.md R3: five requests, then quiet for a minute, then one. */
static void a_loop_of_refusals_ends(void **state)
{
	struct world *w = *state;

	peer_play(&w->peer, UNAUTHORIZED);
	for (size_t i = 0; i < 20; i++) {
		assert_non_null(call(w, "GET", "/users"));
		for (int tries = 0; tries < 500 && w->answers == i; tries++) {
			io_turn(w->io, 5);
			if (w->token.state == PLATFORM_TOKEN_RENEWING) {
				w->token.state = PLATFORM_TOKEN_VALID;
				platform_helix_token_changed(w->helix);
			}
		}
		assert_int_equal(w->answers, i + 1);
		assert_true(w->err == ERR_DENIED || w->err == ERR_BUSY);
	}
	assert_int_equal(w->peer.requests, 5);
	io_clock_shift(w->io, 61000);
	w->peer.plays[0] = (struct play){.bytes = NOTHING, .n = strlen(NOTHING)};
	call_and_wait(w, "GET", "/users");
	assert_int_equal(w->err, 0);
	call_and_wait(w, "GET", "/users");
	assert_int_equal(w->err, 0);
}

static void many_refused_at_once_renew_the_login_once(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++)
		peer_play(&w->peer, UNAUTHORIZED);
	peer_play(&w->peer, NOTHING);
	for (int i = 0; i < 12; i++)
		assert_non_null(call(w, "GET", "/users"));
	turn(w, 5000, &w->peer.requests, 5);
	turn(w, 200, NULL, 0);
	assert_int_equal(w->peer.requests, 5); /* nobody asks with a login that is being renewed */
	token_set(&w->token, "anotherone");
	w->token.state = PLATFORM_TOKEN_VALID;
	platform_helix_token_changed(w->helix);
	turn(w, 5000, &w->answers, 12);
	assert_int_equal(w->answers, 12);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->peer.requests, 17);
}

static void without_a_login_nothing_is_asked(void **state)
{
	struct world *w = *state;

	peer_play(&w->peer, NOTHING);
	token_set(&w->token, NULL);
	w->token.state = PLATFORM_TOKEN_NONE;
	call_and_wait(w, "GET", "/users");
	assert_int_equal(w->err, ERR_DENIED);
	assert_string_equal(w->why, "run `mynah login twitch`");
	/* While it is being looked at, calls wait for it. */
	w->token.state = PLATFORM_TOKEN_CHECKING;
	assert_non_null(call(w, "GET", "/users"));
	turn(w, 100, NULL, 0);
	assert_int_equal(w->answers, 1);
	token_set(&w->token, TOKEN);
	w->token.state = PLATFORM_TOKEN_VALID;
	platform_helix_token_changed(w->helix);
	turn(w, 5000, &w->answers, 2);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->peer.requests, 1);
}

static void calls_are_bounded_cancelled_and_freed_at_any_moment(void **state)
{
	struct world *w = *state;
	struct platform_helix_task *tasks[64];

	peer_play(&w->peer, NOTHING);
	w->peer.plays[0].wait_ms = 100;
	for (size_t i = 0; i < COUNT(tasks); i++) {
		tasks[i] = call(w, "GET", "/users");
		assert_non_null(tasks[i]);
	}
	assert_null(call(w, "GET", "/users"));
	turn(w, 5000, &w->peer.requests, 1);
	for (size_t i = 0; i < COUNT(tasks); i++)
		platform_helix_cancel(tasks[i]);
	turn(w, 200, NULL, 0);
	assert_int_equal(w->answers, 0);
	assert_non_null(call(w, "GET", "/users"));
	assert_non_null(call(w, "GET", "/users"));
	say(w, reply_of("hello there", "40010001", NULL));
	w->frees_in_done = true;
	turn(w, 5000, &w->answers, 1);
	turn(w, 200, NULL, 0);
	assert_int_equal(w->answers, 1);
	assert_int_equal(w->outcomes, 0);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void a_reply_to_a_message_that_is_gone_is_said_without_it(void **state)
{
	struct world *w = *state;

	peer_play(&w->peer, JSON_HEAD("400 Bad Request", "") "{\"message\":\"no such parent\"}");
	peer_play(&w->peer, SENT);
	say_and_wait(w, reply_of("it is 40 m deep", "40010001", PARENT));
	assert_int_equal(w->reason, REASON_NONE);
	assert_int_equal(w->peer.requests, 2);
	assert_false(was_asked(w, "reply_parent_message_id"));
	/* And no more than once. */
	w->peer.plays[1] = w->peer.plays[0];
	say_and_wait(w, reply_of("it is 41 m deep", "40010001", PARENT));
	assert_int_equal(w->reason, REASON_REFUSED);
	assert_string_equal(w->code, "http_400");
	assert_int_equal(w->peer.requests, 4);
}

static void what_cannot_be_said_is_not_asked_for(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *text, *channel_id, *scopes, *code;
	} cases[] = {
		{"/ban mossy_otter", "40010001", "user:write:chat", "unsayable"},
		{"two\nlines", "40010001", "user:write:chat", "unsayable"},
		{"hello", "kelpforest", "user:write:chat", "no_channel_id"},
		{"hello", "", "user:write:chat", "no_channel_id"},
		{"hello", "40010001", "chat:edit", "no_scope"},
	};

	peer_play(&w->peer, SENT);
	for (size_t i = 0; i < COUNT(cases); i++) {
		w->token.scopes = cases[i].scopes;
		say_and_wait(w, reply_of(cases[i].text, cases[i].channel_id, NULL));
		assert_case(i, w->reason == REASON_REFUSED);
		assert_string_equal(w->code, cases[i].code);
	}
	w->token.state = PLATFORM_TOKEN_REFUSED;
	say_and_wait(w, reply_of("hello", "40010001", NULL));
	assert_string_equal(w->code, "no_login");
	assert_int_equal(w->peer.requests, 0);
}

static void codes_that_nobody_knows_are_passed_on_if_they_are_codes(void **state)
{
	static const struct {
		const char *answer, *code;
	} cases[] = {
		{"{\"data\":[{\"is_sent\":false,\"drop_reason\":{\"code\":\"a_future_code\"}}]}",
			"a_future_code"},
		{"{\"data\":[{\"is_sent\":false,\"drop_reason\":{\"code\":\"a <b>\"}}]}",
			"dropped"},
		{"{\"data\":[{\"is_sent\":false,\"drop_reason\":null}]}", "dropped"},
		{"{\"data\":[{\"is_sent\":false}]}", "dropped"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char bytes[512];
		struct world w;

		world_open(&w);
		snprintf(bytes, sizeof(bytes), JSON_HEAD("200 OK", "") "%s", cases[i].answer);
		peer_play(&w.peer, bytes);
		say_and_wait(&w, reply_of("hello", "40010001", NULL));
		assert_case(i, w.reason == REASON_REFUSED);
		assert_string_equal(w.code, cases[i].code);
		world_close(&w);
	}
}

static void a_message_is_not_said_after_its_time(void **state)
{
	struct world *w = *state;
	struct reply *r = reply_of("too late by far", "40010001", NULL);

	peer_play(&w->peer, FULL("1767268815")); /* 5 s */
	r->dies_ms = clock_mono_ms() + 2000;
	say_and_wait(w, r);
	assert_int_equal(w->reason, REASON_REFUSED);
	assert_string_equal(w->code, "http_429");
	assert_int_equal(w->peer.requests, 1);
}

/* ---- Limits, pure ---------------------------------------------------------------------------- */

/* faults.md R4. */
static void a_wrong_clock_of_ours_changes_no_wait(void **state)
{
	const int64_t date_ms = INT64_C(1767268810000);
	static const struct {
		int64_t reset_s, date_ms, skew_ms, retry_after_ms, remaining, want_ms;
	} cases[] = {
		{1767268830, 1, 0, -1, 0, 20000},
		{1767268830, 1, -40000, -1, 0, 20000},
		{1767268830, 1, 90000000, -1, -1, 20000},
		{1767268810, 1, 0, -1, 0, 1000},           /* never at once */
		{20, 1, 0, -1, 0, 1000},                   /* as a delta it would make no sense */
		{1767999999, 1, 0, -1, 0, 60000},          /* never longer than a bucket lasts */
		{INT64_MAX, 1, 0, -1, 0, 60000},
		{1767268830, -1, 0, -1, 0, 20000},         /* without Date: by our clock, bounded */
		{1767268830, -1, -90000000, -1, 0, 60000},
		{1767268830, -1, 90000000, -1, 0, 1000},
		{1767268830, 1, 0, 3000, 0, 3000},         /* Retry-After says it best */
		{-1, 1, 0, 3000, -1, 3000},
		{-1, 1, 0, -1, -1, -1},                    /* another limit than the bucket's */
		{1767268830, 1, 0, -1, 700, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct platform_limit_words words = {.status = 429, .limit = 800,
			.remaining = cases[i].remaining, .reset_s = cases[i].reset_s,
			.date_ms = cases[i].date_ms > 0 ? date_ms : -1,
			.retry_after_ms = cases[i].retry_after_ms};
		struct platform_bucket b;

		platform_bucket_init(&b);
		assert_case(i, platform_bucket_hear(&b, &words, 5000, date_ms + cases[i].skew_ms,
			0) == cases[i].want_ms);
		assert_case(i, platform_bucket_free_ms(&b, 5000) ==
			5000 + (cases[i].want_ms > 0 ? cases[i].want_ms : 0));
	}
}

static void a_bucket_is_not_overdrawn(void **state)
{
	struct platform_limit_words words = {.status = 200, .limit = 800, .remaining = 2,
		.reset_s = 1010, .date_ms = 1000000, .retry_after_ms = -1};
	struct platform_bucket b;

	(void)state;
	platform_bucket_init(&b);
	assert_true(platform_bucket_free_ms(&b, 77) == 77);
	assert_true(platform_bucket_hear(&b, &words, 5000, 0, 250) == 0);
	b.running = 1;
	assert_true(platform_bucket_free_ms(&b, 5000) == 5000);
	b.running = 2;
	assert_true(platform_bucket_free_ms(&b, 5000) == INT64_MAX);
	words.remaining = 0;
	b.running = 0;
	assert_true(platform_bucket_hear(&b, &words, 5000, 0, 250) == 0);
	assert_true(platform_bucket_free_ms(&b, 5000) == 15250);
	assert_true(platform_bucket_free_ms(&b, 15250) == 15250);
}

static void five_refusals_within_a_minute_are_too_many(void **state)
{
	struct platform_refusals r = {.n = 0};

	(void)state;
	for (int64_t t = 0; t < 10; t++)
		assert_false(platform_refusals_add(&r, t * 15001)); /* never five within a minute */
	platform_refusals_clear(&r);
	for (int64_t t = 0; t < 4; t++)
		assert_false(platform_refusals_add(&r, t));
	assert_true(platform_refusals_add(&r, 4));
	assert_true(r.stopped_until_ms == 60004);
	assert_true(platform_refusals_add(&r, 60004)); /* one is enough now */
	platform_refusals_clear(&r);
	assert_false(platform_refusals_add(&r, 60005));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(H01_a_message_is_sent_as_the_sheet_says),
		WITH_WORLD(a_whisper_is_sent_to_whom_it_answers),
		cmocka_unit_test(H02_to_H07_say_what_became_of_it),
		WITH_WORLD(H05_a_refused_token_is_renewed_once_and_asked_with_once_more),
		WITH_WORLD(H08_a_full_bucket_waits_for_its_end_by_twitchs_clock),
		WITH_WORLD(H09_a_failing_server_is_asked_once_more),
		cmocka_unit_test(H10_to_H13_are_told_apart),
		cmocka_unit_test(answers_that_cannot_be_read_are_no_answers),
		cmocka_unit_test(a_message_whose_answer_is_lost_is_not_said_again),
		WITH_WORLD(what_never_left_may_be_tried_once_more),
		WITH_WORLD(without_tls_the_token_stays_here),
		WITH_WORLD(after_a_full_bucket_a_thousand_calls_go_on),
		WITH_WORLD(a_wait_beyond_the_deadline_is_not_waited_for),
		WITH_WORLD(a_loop_of_refusals_ends),
		WITH_WORLD(many_refused_at_once_renew_the_login_once),
		WITH_WORLD(without_a_login_nothing_is_asked),
		WITH_WORLD(calls_are_bounded_cancelled_and_freed_at_any_moment),
		WITH_WORLD(a_reply_to_a_message_that_is_gone_is_said_without_it),
		WITH_WORLD(what_cannot_be_said_is_not_asked_for),
		cmocka_unit_test(codes_that_nobody_knows_are_passed_on_if_they_are_codes),
		WITH_WORLD(a_message_is_not_said_after_its_time),
		cmocka_unit_test(a_wrong_clock_of_ours_changes_no_wait),
		cmocka_unit_test(a_bucket_is_not_overdrawn),
		cmocka_unit_test(five_refusals_within_a_minute_are_too_many),
	};

	return cmocka_run_group_tests(tests, open_vectors, shut_vectors);
}
