/* One ask at one provider, against small peers: what comes of every kind of answer, and that the
 * key stays secret. What is asserted is what the owner of an ask and the peers see. */
#include "unit/provider_world.h"

/* ---- One answer ------------------------------------------------------------------------------ */

static void test_an_answer_and_its_row(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 1);
	assert_int_equal(secret_new(STR(KEY), &w.providers[0].secret), 0);
	world_start(&w);
	peer_play(&w.peers[0], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_string_equal(a.answer.provider, "one");
	assert_string_equal(a.answer.model, "m-real");
	assert_int_equal(a.answer.tokens_in, 9);
	assert_int_equal(a.answer.tokens_out, 2);
	assert_int_equal(a.row_count, 1);
	assert_int_equal(a.rows[0].status, 200);
	assert_int_equal(a.rows[0].number, 1);
	assert_false(a.rows[0].is_fallback);
	assert_true(a.rows[0].first_token_ms >= 0);
	assert_string_equal(a.rows[0].text, "Hi there");

	const char *sent = buf_text(&w.peers[0].last);
	assert_memory_equal(sent, "POST /api/chat HTTP/1.1\r\n", 25);
	assert_non_null(strstr(sent, "X-Request-ID: 0199-turn\r\n"));
	assert_non_null(strstr(sent, "Authorization: Bearer " KEY "\r\n"));
	assert_non_null(strstr(sent, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(sent, "\"num_predict\":120"));

	struct buf metrics;
	buf_init(&metrics, 1024 * 1024);
	assert_int_equal(metric_write(&metrics), 0);
	const char *told = buf_text(&metrics);
	assert_non_null(strstr(told, "mynah_provider_total{provider=\"one\"} 1\n"));
	assert_non_null(strstr(told, "mynah_provider_seconds_count{provider=\"one\"} 1\n"));
	assert_non_null(
		strstr(told, "mynah_provider_first_token_seconds_count{provider=\"one\"} 1\n"));
	assert_non_null(strstr(told, "mynah_provider_breaker{provider=\"one\"} 0\n"));
	assert_non_null(strstr(told, "mynah_inflight{kind=\"asks\"} 0\n"));
	buf_fini(&metrics);
	world_close(&w);
}

static void test_a_persona_sets_its_provider_and_its_numbers(void **state)
{
	struct world w;
	struct ask a;
	size_t context, most;

	(void)state;
	world_open(&w, 2);
	w.providers[1].context_tokens = 8192;
	world_start(&w);
	w.persona = (struct persona){.use = (char *)"two", .temperature = 0.25, .max_tokens = 33};
	peer_play(&w.peers[0], HI);
	peer_play(&w.peers[1], BUSY);
	peer_play(&w.peers[1], BUSY);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_string_equal(a.answer.provider, "two");
	assert_int_equal(w.peers[0].requests, 0);
	assert_non_null(strstr(buf_text(&w.peers[1].last), "\"temperature\":0.250"));
	assert_non_null(strstr(buf_text(&w.peers[1].last), "\"num_predict\":33"));
	struct provider_ask q = {.persona = &w.persona};
	provider_budget(w.pool, &q, &context, &most);
	assert_int_equal(context, 8192);
	assert_int_equal(most, 33);
	q.persona = NULL;
	provider_budget(w.pool, &q, &context, &most);
	assert_int_equal(context, 2048);
	assert_int_equal(most, 120);
	world_close(&w);
}

/* ---- What may come instead of an answer ------------------------------------------------------ */

static void test_every_bad_answer_has_its_class_and_is_never_said(void **state)
{
	static const struct {
		const char *bytes;
		enum provider_error error;
		size_t requests; /* with 1 retry allowed */
		bool stays;
	} cases[] = {
		{"", PROVIDER_CONNECT, 2, false},
		{STREAM, PROVIDER_TRUNCATED, 2, false},
		{STREAM LINE("Hi"), PROVIDER_TRUNCATED, 1, false},
		{STREAM LINE("Hi") "{\"mess", PROVIDER_PARSE, 1, false},
		{STREAM LINE("Hi") "{\"error\":\"boom\"}\n", PROVIDER_SERVER, 1, false},
		{STREAM "{\"error\":\"boom\"}\n", PROVIDER_SERVER, 2, false},
		{STREAM LINE(" \\n ") LAST, PROVIDER_EMPTY, 1, false},
		{STREAM LINE("<think>hm</think>") LAST, PROVIDER_EMPTY, 1, false},
		{STREAM LINE(X4K X4K X4K X4K X16), PROVIDER_TRUNCATED, 1, true},
		{"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 5000"
			"\r\n\r\n" LINE("Hi"), PROVIDER_TRUNCATED, 1, false},
		{"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: "
			"chunked\r\n\r\nff\r\n" LINE("Hi"), PROVIDER_TRUNCATED, 1, false},
		{HEAD("200 OK", "text/html; charset=utf-8") "<html>login</html>", PROVIDER_PARSE, 1,
			true},
		{"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: gzip"
			"\r\n\r\n\x1f\x8b\x08", PROVIDER_PARSE, 1, true},
		{STREAM "\x1f\x8b\x08\n", PROVIDER_PARSE, 1, true},
		{HEAD("401 No", "application/json") "{\"error\":\"bad key\"}", PROVIDER_AUTH, 1,
			false},
		{HEAD("404 No", "application/json") "{\"error\":\"model 'm' not found\"}",
			PROVIDER_NO_MODEL, 1, false},
		{HEAD("400 No", "application/json") "{\"error\":\"bad\"}", PROVIDER_BAD_REQUEST, 1,
			false},
		{HEAD("429 No", "application/json") "{\"error\":{\"code\":\"insufficient_quota\"}}",
			PROVIDER_QUOTA, 1, false},
		{HEAD("429 No", "application/json") "{}", PROVIDER_RATE_LIMIT, 2, false},
		{HEAD("500 No", "application/json") "{\"error\":\"CUDA out of memory\"}",
			PROVIDER_OOM, 2, false}, /* once more, for a smaller window */
		{HEAD("529 No", "application/json") "{}", PROVIDER_SERVER, 2, false},
		{"HTTP/1.1 503 No\r\nContent-Length: 9999\r\n\r\n{\"err", PROVIDER_SERVER, 2,
			false},
		{"not HTTP at all\r\n\r\n", PROVIDER_UNKNOWN, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;
		struct ask a;
		world_open(&w, 1);
		w.conf.limits.retries = 1;
		world_start(&w);
		peer_play(&w.peers[0], cases[i].bytes);
		w.peers[0].plays[0].stays = cases[i].stays;
		ask_and_wait(&w, &a);
		assert_string_equal(a.answer.text, "");
		if (cases[i].requests == 0) { /* whatever it is called, it is an error */
			assert_int_not_equal(a.answer.error, PROVIDER_NONE);
		} else if (a.answer.error != cases[i].error ||
			w.peers[0].requests != cases[i].requests) {
			fail_msg("case %zu: %s after %zu requests (%s)", i,
				provider_error_name(a.answer.error), w.peers[0].requests,
				a.rows[0].message);
		}
		assert_int_equal(a.row_count, w.peers[0].requests);
		assert_true(strlen(a.rows[0].message) > 0);
		world_close(&w);
	}
}

static void test_a_flood_is_cut_at_its_cap(void **state)
{
	struct world w;
	struct ask a;
	struct buf flood;

	(void)state;
	buf_init(&flood, 4 * 1024 * 1024);
	assert_int_equal(buf_adds(&flood, HEAD("200 OK", "text/event-stream")), 0);
	while (flood.len < 3 * 1024 * 1024)
		assert_int_equal(buf_adds(&flood, ": " X256 "\n\n"), 0);
	world_open(&w, 1);
	w.providers[0].type = CONF_OPENAI;
	world_start(&w);
	peer_play(&w.peers[0], buf_text(&flood));
	w.peers[0].plays[0].stays = true;
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_PARSE, "");
	turn(&w, 1000, &w.peers[0].closed_early, 1);
	assert_int_equal(w.peers[0].closed_early, 1); /* it was told to stop */
	world_close(&w);
	buf_fini(&flood);
}

static void test_slow_and_late_answers_are_whole(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 1);
	world_start(&w);
	peer_play(&w.peers[0], HI);
	w.peers[0].plays[0].step = 3;
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");

	/* A server that forgets to close after the terminator, and one that breaks off after it. */
	w.peers[0].plays[0].step = 0;
	w.peers[0].plays[0].stays = true;
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	w.peers[0].plays[0] = (struct play){.bytes = "HTTP/1.1 200 OK\r\nContent-Type: "
		"application/x-ndjson\r\nContent-Length: 9999\r\n\r\n" LINE("Hi") LAST};
	w.peers[0].plays[0].n = strlen(w.peers[0].plays[0].bytes);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi");
	world_close(&w);
}

static void test_openai_wire_and_its_finish_reasons(void **state)
{
	static const struct {
		const char *reason;
		enum provider_error error;
		bool was_cut;
	} cases[] = {
		{"stop", PROVIDER_NONE, false},
		{"length", PROVIDER_NONE, true},
		{"content_filter", PROVIDER_UNSAFE, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;
		struct ask a;
		char bytes[1000];
		world_open(&w, 2);
		w.providers[0].type = CONF_OPENAI;
		world_start(&w);
		snprintf(bytes, sizeof(bytes), HEAD("200 OK", "text/event-stream")
			"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\n"
			"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"%s\"}]}\n\n"
			"data: [DONE]\n\n", cases[i].reason);
		peer_play(&w.peers[0], bytes);
		peer_play(&w.peers[1], HI);
		ask_and_wait(&w, &a);
		expect(&a, cases[i].error, cases[i].error ? "" : "Hi");
		assert_int_equal(a.was_cut, cases[i].was_cut);
		assert_int_equal(w.peers[1].requests, 0); /* unsafe is not asked for twice */
		assert_memory_equal(buf_text(&w.peers[0].last), "POST /v1/chat/completions ", 26);
		world_close(&w);
	}
}

static void test_a_redirect_is_not_followed(void **state)
{
	struct world w;
	struct ask a;
	char bytes[200];

	(void)state;
	world_open(&w, 2);
	w.conf.ask.n = 1;
	world_start(&w);
	snprintf(bytes, sizeof(bytes), "HTTP/1.1 307 Go\r\nLocation: %sapi/chat\r\n"
		"Content-Length: 0\r\n\r\n", w.urls[1]);
	peer_play(&w.peers[0], bytes);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_BAD_REQUEST, "");
	assert_int_equal(w.peers[1].requests, 0);
	world_close(&w);
}

static void test_only_this_machine_unless_remote_ok(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 1);
	w.providers[0].url = (char *)"http://192.0.2.1:9/"; /* TEST-NET-1: nobody is there */
	world_start(&w);
	int64_t before = unit_own_ms();
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_BAD_REQUEST, "");
	assert_non_null(strstr(a.rows[0].message, "remote_ok"));
	assert_true(unit_own_ms() - before < 1000);
	world_close(&w);
}

static void test_the_key_is_never_told(void **state)
{
	struct world w;
	struct ask a;
	const char *type, *model, *last;
	enum io_breaker_state breaker;

	(void)state;
	world_open(&w, 1);
	assert_int_equal(secret_new(STR(KEY), &w.providers[0].secret), 0);
	world_start(&w);
	peer_play(&w.peers[0], HEAD("401 No", "application/json")
		"{\"error\":\"wrong key " KEY "\\u001b[2J\\nplease\"}");
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_AUTH, "");
	assert_null(strstr(a.rows[0].message, "sk-01"));
	assert_string_equal(provider_state(w.pool, 0, &type, &model, &breaker, &last), "one");
	assert_null(provider_state(w.pool, 1, &type, &model, &breaker, &last));
	assert_string_equal(type, "ollama");
	assert_string_equal(model, "m");
	assert_null(strstr(last, "sk-01"));
	assert_non_null(strstr(last, "auth"));
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_and_its_row),
		cmocka_unit_test(test_a_persona_sets_its_provider_and_its_numbers),
		cmocka_unit_test(test_every_bad_answer_has_its_class_and_is_never_said),
		cmocka_unit_test(test_a_flood_is_cut_at_its_cap),
		cmocka_unit_test(test_slow_and_late_answers_are_whole),
		cmocka_unit_test(test_openai_wire_and_its_finish_reasons),
		cmocka_unit_test(test_a_redirect_is_not_followed),
		cmocka_unit_test(test_only_this_machine_unless_remote_ok),
		cmocka_unit_test(test_the_key_is_never_told),
	};

	if (seal_init(true) != 0 || log_open(NULL, LOG_ERROR) != 0)
		return 1;
	return cmocka_run_group_tests_name("provider: answers", tests, NULL, NULL);
}
