/* provider's pool against small peers: order of fallback, retries, breaker, deadlines, limits,
 * cancelling, and that the key stays secret. What is asserted is what the owner of an ask and the
 * peers see. */
#include "provider/provider.h"
#include "unit/provider_peer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PROVIDERS 3
#define ROWS 16
#define KEY "sk-0123456789abcdefghij"

#define HEAD(status, type) "HTTP/1.1 " status "\r\nContent-Type: " type "\r\n" \
	"Connection: close\r\n\r\n"
#define STREAM HEAD("200 OK", "application/x-ndjson")
#define LINE(text) "{\"model\":\"m-real\",\"message\":{\"content\":\"" text "\"},\"done\":false}\n"
#define LAST "{\"model\":\"m-real\",\"done\":true,\"done_reason\":\"stop\"," \
	"\"prompt_eval_count\":9,\"eval_count\":2}\n"
#define HI STREAM LINE("Hi") LINE(" there") LAST
#define BUSY HEAD("503 Busy", "application/json") "{\"error\":\"server busy\"}"
#define X16 "0123456789abcdef"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define X4K X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256

struct row {
	char provider[16], model[32], message[300], text[300];
	enum provider_error error;
	int status, number;
	bool is_fallback;
	int64_t tokens_in, tokens_out, first_token_ms, at_ms;
};

struct ask {
	struct world *world;
	struct provider_call *call;
	struct row rows[ROWS];
	size_t row_count;
	int done;
	struct row answer;
	bool was_cut;
	int attempts;
	size_t order;         /* the n-th done of the world */
	void (*in_attempt)(struct ask *a);
	void (*in_done)(struct ask *a);
};

struct world {
	struct io *io;
	struct peer peers[PROVIDERS];
	char urls[PROVIDERS][64];
	struct conf conf;
	struct conf_provider providers[PROVIDERS];
	char *names[PROVIDERS];
	struct provider_pool *pool;
	struct prompt_message message;
	struct prompt prompt;
	struct persona persona;
	size_t done;
};

static void world_open(struct world *w, size_t n)
{
	static const char *const names[PROVIDERS] = {"one", "two", "three"};

	memset(w, 0, sizeof(*w));
	rand_seed(7);
	assert_int_equal(io_new(&w->io), 0);
	w->conf.providers = w->providers;
	w->conf.provider_count = n;
	w->conf.ask.at = w->names;
	w->conf.ask.n = n;
	w->conf.limits.asks = 4;
	w->conf.limits.retries = 2;
	w->conf.limits.breaker_failures = 5;
	w->conf.limits.breaker_window_ms = 30000;
	w->conf.limits.breaker_open_ms = 60000;
	for (size_t i = 0; i < n; i++) {
		struct conf_provider *p = &w->providers[i];
		peer_open(&w->peers[i], w->io);
		snprintf(w->urls[i], sizeof(w->urls[i]), "http://127.0.0.1:%d/",
			w->peers[i].port);
		w->names[i] = p->name = (char *)names[i];
		p->url = w->urls[i];
		p->model = (char *)"m";
		p->max_tokens = 120;
		p->context_tokens = 2048;
		p->temperature = 0.7;
		p->connect_ms = 2000;
		p->first_byte_ms = 5000;
		p->idle_ms = 5000;
		p->total_ms = 20000;
	}
	w->message = (struct prompt_message){PROMPT_USER, STR("Hello bird")};
	w->prompt = (struct prompt){.messages = &w->message, .n = 1};
	w->persona = (struct persona){.temperature = NAN};
}

static void world_start(struct world *w)
{
	assert_int_equal(provider_pool_new(w->io, &w->conf, &w->pool), 0);
}

static void world_close(struct world *w)
{
	provider_pool_free(w->pool);
	for (size_t i = 0; i < w->conf.provider_count; i++) {
		peer_close(&w->peers[i]);
		secret_free(w->providers[i].secret);
	}
	io_free(w->io);
	metric_reset();
}

static void copy(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STR_FMT(s));
}

static void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct ask *ask = ctx;
	struct row *r = &ask->rows[ask->row_count++];

	assert_true(ask->row_count < ROWS);
	assert_int_equal(ask->done, 0);
	copy(r->provider, sizeof(r->provider), str_of(a->provider));
	copy(r->model, sizeof(r->model), str_of(a->model));
	copy(r->message, sizeof(r->message), str_of(a->message));
	copy(r->text, sizeof(r->text), a->text);
	r->error = a->error;
	r->status = a->status;
	r->number = a->number;
	r->is_fallback = a->is_fallback;
	r->tokens_in = a->tokens_in;
	r->tokens_out = a->tokens_out;
	r->first_token_ms = a->first_token_ms;
	r->at_ms = clock_mono_ms();
	if (ask->in_attempt)
		ask->in_attempt(ask);
}

static void on_done(void *ctx, const struct provider_answer *a)
{
	struct ask *ask = ctx;

	assert_non_null(ask->call); /* never before provider_ask returned */
	assert_int_equal(ask->done, 0);
	ask->done++;
	ask->order = ask->world->done++;
	ask->answer.error = a->error;
	ask->answer.tokens_in = a->tokens_in;
	ask->answer.tokens_out = a->tokens_out;
	ask->was_cut = a->was_cut;
	ask->attempts = a->attempts;
	copy(ask->answer.provider, sizeof(ask->answer.provider), str_of(a->provider));
	copy(ask->answer.model, sizeof(ask->answer.model), str_of(a->model));
	copy(ask->answer.text, sizeof(ask->answer.text), a->text);
	if (ask->in_done)
		ask->in_done(ask);
}

static void ask_within(struct world *w, struct ask *a, int64_t in_ms)
{
	struct provider_ask q = {.prompt = &w->prompt, .persona = &w->persona,
		.turn = "0199-turn", .deadline_ms = clock_mono_ms() + in_ms,
		.attempt = on_attempt, .done = on_done, .ctx = a};

	a->world = w;
	a->call = provider_ask(w->pool, &q);
	assert_non_null(a->call);
}

/* Turns the loop for so long, or until *n reaches `until`. */
static void turn(struct world *w, int64_t ms, const size_t *n, size_t until)
{
	int64_t end = clock_mono_us() + ms * 1000;

	while (clock_mono_us() < end && (!n || *n < until))
		io_turn(w->io, 5);
}

static void ask_and_wait(struct world *w, struct ask *a)
{
	size_t before = w->done;

	memset(a, 0, sizeof(*a));
	ask_within(w, a, 15000);
	turn(w, 15000, &w->done, before + 1);
	assert_int_equal(a->done, 1);
}

static void expect(const struct ask *a, enum provider_error e, const char *text)
{
	assert_string_equal(provider_error_name(a->answer.error), provider_error_name(e));
	assert_string_equal(a->answer.text, text);
}

/* ---- One answer -------------------------------------------------------------------------------- */

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
	provider_budget(w.pool, &w.persona, &context, &most);
	assert_int_equal(context, 8192);
	assert_int_equal(most, 33);
	provider_budget(w.pool, NULL, &context, &most);
	assert_int_equal(context, 2048);
	assert_int_equal(most, 120);
	world_close(&w);
}

/* ---- What may come instead of an answer -------------------------------------------------------- */

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
			PROVIDER_OOM, 1, false},
		{HEAD("529 No", "application/json") "{}", PROVIDER_SERVER, 2, false},
		{"HTTP/1.1 503 No\r\nContent-Length: 9999\r\n\r\n{\"err", PROVIDER_SERVER, 2, false},
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
	int64_t before = clock_mono_ms();
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_BAD_REQUEST, "");
	assert_non_null(strstr(a.rows[0].message, "remote_ok"));
	assert_true(clock_mono_ms() - before < 1000);
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

/* ---- Retry and fallback ------------------------------------------------------------------------ */

static void test_retries_are_few_and_jittered_then_the_next_is_asked(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	world_start(&w);
	peer_play(&w.peers[0], BUSY);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_string_equal(a.answer.provider, "two");
	assert_int_equal(a.attempts, 4);
	assert_int_equal(w.peers[0].requests, 3);
	assert_int_equal(a.row_count, 4);
	/* Full jitter below 0.5 s, then below 1 s; 300 ms are for the machine. */
	assert_true(a.rows[1].at_ms - a.rows[0].at_ms <= 800);
	assert_true(a.rows[2].at_ms - a.rows[1].at_ms <= 1300);
	assert_true(a.rows[3].at_ms - a.rows[2].at_ms <= 300);
	for (int i = 0; i < 4; i++)
		assert_int_equal(a.rows[i].number, i + 1);
	assert_false(a.rows[2].is_fallback);
	assert_true(a.rows[3].is_fallback);
	assert_string_equal(a.rows[0].message, "HTTP 503: server busy");
	world_close(&w);
}

static void test_nothing_is_asked_again_once_words_came(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	world_start(&w);
	peer_play(&w.peers[0], STREAM LINE("Hi"));
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_TRUNCATED, "");
	assert_string_equal(a.rows[0].text, "Hi"); /* for the ledger, never for the chat */
	assert_int_equal(w.peers[0].requests, 1);
	assert_int_equal(w.peers[1].requests, 0);
	world_close(&w);
}

static void test_an_answer_without_words_is_asked_of_the_next(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	world_start(&w);
	peer_play(&w.peers[0], STREAM LINE("<think>hm") LAST);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_int_equal(a.rows[0].error, PROVIDER_EMPTY);
	world_close(&w);
}

static void test_retry_after_is_kept_where_it_fits(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	world_start(&w);
	peer_play(&w.peers[0], "HTTP/1.1 429 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n");
	peer_play(&w.peers[0], HI);
	peer_play(&w.peers[0], "HTTP/1.1 429 No\r\nRetry-After: 600\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n");
	peer_play(&w.peers[0], HI);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_string_equal(a.answer.provider, "one");
	assert_true(a.rows[1].at_ms - a.rows[0].at_ms >= 1000);

	/* Ten minutes do not fit: the next, and the first is left alone for so long. */
	int64_t before = clock_mono_ms();
	ask_and_wait(&w, &a);
	assert_string_equal(a.answer.provider, "two");
	ask_and_wait(&w, &a);
	assert_string_equal(a.answer.provider, "two");
	assert_int_equal(a.row_count, 1);
	assert_int_equal(w.peers[0].requests, 3);
	assert_true(clock_mono_ms() - before < 2000);
	io_clock_shift(w.io, 601000);
	ask_and_wait(&w, &a);
	assert_string_equal(a.answer.provider, "one");
	world_close(&w);
}

static void test_first_retries_spread_over_half_a_second(void **state)
{
	enum { ASKS = 60 };
	struct world w;
	struct ask *all = calloc(ASKS, sizeof(*all));
	int64_t sum = 0, least = 10000, most = 0;

	(void)state;
	assert_non_null(all);
	world_open(&w, 1);
	w.conf.limits.asks = ASKS;
	w.conf.limits.retries = 1;
	world_start(&w);
	peer_play(&w.peers[0], HEAD("429 No", "application/json"));
	for (size_t i = 0; i < ASKS; i++)
		ask_within(&w, &all[i], 15000);
	turn(&w, 10000, &w.done, ASKS);
	for (size_t i = 0; i < ASKS; i++) {
		assert_int_equal(all[i].row_count, 2);
		int64_t gap = all[i].rows[1].at_ms - all[i].rows[0].at_ms;
		sum += gap;
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
	}
	/* Uniform over 0..500: the mean of 60 is 250 with a deviation of 19. 200 is the machine's. */
	assert_in_range(sum / ASKS, 170, 330 + 200);
	assert_true(least < 100 + 200 && most > 400 && most <= 500 + 200);
	world_close(&w);
	free(all);
}

static void test_all_down_is_one_quiet_end(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	w.conf.limits.retries = 0;
	world_start(&w);
	peer_play(&w.peers[0], HEAD("401 No", "application/json"));
	peer_play(&w.peers[1], BUSY);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_SERVER, "");
	assert_int_equal(a.attempts, 2);
	world_close(&w);
}

/* ---- Breaker ----------------------------------------------------------------------------------- */

static void test_breaker_opens_after_five_and_costs_no_request(void **state)
{
	struct world w;
	struct ask a;
	const char *type, *model, *last;
	enum io_breaker_state breaker;

	(void)state;
	world_open(&w, 1);
	w.conf.limits.retries = 0;
	world_start(&w);
	peer_play(&w.peers[0], BUSY);
	for (int i = 0; i < 5; i++) {
		ask_and_wait(&w, &a);
		expect(&a, PROVIDER_SERVER, "");
	}
	(void)provider_state(w.pool, 0, &type, &model, &breaker, &last);
	assert_int_equal(breaker, IO_BREAKER_OPEN);
	for (int i = 0; i < 20; i++) {
		int64_t before = clock_mono_ms();
		ask_and_wait(&w, &a);
		expect(&a, PROVIDER_BREAKER, "");
		assert_int_equal(a.row_count, 0); /* no call, no row */
		assert_true(clock_mono_ms() - before < 100);
	}
	assert_int_equal(w.peers[0].requests, 5);

	/* One probe, even with many waiting; it fails, and the wait doubles. */
	struct ask many[6] = {0};
	io_clock_shift(w.io, 61000);
	size_t before = w.done;
	for (size_t i = 0; i < COUNT(many); i++)
		ask_within(&w, &many[i], 15000);
	turn(&w, 5000, &w.done, before + COUNT(many));
	assert_int_equal(w.peers[0].requests, 6);
	io_clock_shift(w.io, 61000);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_BREAKER, "");

	/* It is well again. */
	w.peers[0].plays[0] = (struct play){.bytes = HI, .n = sizeof(HI) - 1};
	io_clock_shift(w.io, 61000);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	(void)provider_state(w.pool, 0, &type, &model, &breaker, &last);
	assert_int_equal(breaker, IO_BREAKER_CLOSED);
	world_close(&w);
}

static void test_breaker_ignores_faults_of_ours(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 1);
	w.conf.limits.retries = 0;
	world_start(&w);
	peer_play(&w.peers[0], HEAD("400 No", "application/json") "{}");
	for (int i = 0; i < 8; i++) {
		ask_and_wait(&w, &a);
		expect(&a, PROVIDER_BAD_REQUEST, "");
	}
	w.peers[0].plays[0] = (struct play){.bytes = HI, .n = sizeof(HI) - 1, .wait_ms = 60000};
	for (int i = 0; i < 8; i++) {
		memset(&a, 0, sizeof(a));
		size_t asked = w.peers[0].requests;
		ask_within(&w, &a, 15000);
		turn(&w, 2000, &w.peers[0].requests, asked + 1);
		provider_cancel(a.call);
	}
	assert_int_equal(w.peers[0].requests, 16);
	world_close(&w);
}

static void test_a_call_slower_than_30_s_counts_as_failure(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 1);
	w.conf.limits.retries = 0;
	w.conf.limits.breaker_failures = 1;
	w.providers[0].first_byte_ms = w.providers[0].total_ms = 120000;
	world_start(&w);
	peer_play(&w.peers[0], HI);
	w.peers[0].plays[0].wait_ms = 31000;
	memset(&a, 0, sizeof(a));
	ask_within(&w, &a, 60000);
	turn(&w, 2000, &w.peers[0].requests, 1);
	io_clock_shift(w.io, 31001);
	turn(&w, 2000, &w.done, 1);
	expect(&a, PROVIDER_NONE, "Hi there");
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_BREAKER, "");
	world_close(&w);
}

/* ---- Time, limits, cancelling ------------------------------------------------------------------ */

static void test_the_deadline_ends_everything(void **state)
{
	struct world w;
	struct ask a = {0};

	(void)state;
	world_open(&w, 2);
	w.providers[0].first_byte_ms = w.providers[0].total_ms = 120000;
	world_start(&w);
	peer_play(&w.peers[0], HI);
	w.peers[0].plays[0].wait_ms = 90000;
	peer_play(&w.peers[1], HI);
	ask_within(&w, &a, 20000);
	turn(&w, 2000, &w.peers[0].requests, 1);
	turn(&w, 50, NULL, 0);
	assert_int_equal(a.done, 0);
	io_clock_shift(w.io, 20001);
	turn(&w, 2000, &w.done, 1);
	expect(&a, PROVIDER_TIMEOUT, "");
	assert_int_equal(a.row_count, 1);
	assert_int_equal(a.rows[0].error, PROVIDER_TIMEOUT);
	turn(&w, 1000, &w.peers[0].closed_early, 1);
	assert_int_equal(w.peers[0].closed_early, 1);
	assert_int_equal(w.peers[1].requests, 0);

	/* One that is over before it began. */
	memset(&a, 0, sizeof(a));
	ask_within(&w, &a, -5);
	assert_int_equal(a.done, 0);
	turn(&w, 2000, &w.done, 2);
	expect(&a, PROVIDER_TIMEOUT, "");
	world_close(&w);
}

static void test_a_hundred_asks_run_four_at_a_time_in_order(void **state)
{
	enum { ASKS = 100 };
	struct world w;
	struct ask *all = calloc(ASKS, sizeof(*all));

	(void)state;
	assert_non_null(all);
	world_open(&w, 1);
	world_start(&w);
	peer_play(&w.peers[0], HI);
	w.peers[0].plays[0].wait_ms = 5;
	for (size_t i = 0; i < ASKS; i++)
		ask_within(&w, &all[i], 60000);
	assert_int_equal(provider_running(w.pool), 4);
	assert_int_equal(provider_waiting(w.pool), ASKS - 4);
	turn(&w, 20000, &w.done, ASKS);
	assert_int_equal(w.done, ASKS);
	assert_int_equal(w.peers[0].most_live, 4);
	assert_int_equal(w.peers[0].requests, ASKS);
	for (size_t i = 0; i < ASKS; i++) {
		expect(&all[i], PROVIDER_NONE, "Hi there");
		assert_true(all[i].order + 4 > i && all[i].order < i + 4);
	}
	assert_int_equal(provider_running(w.pool), 0);
	world_close(&w);
	free(all);
}

static void cancel_it(struct ask *a)
{
	provider_cancel(a->call);
}

static void free_pool(struct ask *a)
{
	provider_pool_free(a->world->pool);
	a->world->pool = NULL;
}

static void test_cancel_is_safe_in_every_state(void **state)
{
	/* How long after the ask: at once, when asked, in the middle of words, in a retry's pause. */
	static const struct {
		const char *bytes;
		int64_t wait_ms, turn_ms;
		bool stays;
		size_t rows;
	} cases[] = {
		{HI, 0, 0, false, 0},
		{HI, 10000, 60, false, 1},
		{STREAM, 0, 60, true, 1},
		{STREAM LINE("Hi"), 0, 60, true, 1},
		{"HTTP/1.1 429 No\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", 0, 100, true, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;
		struct ask a = {0}, waiting = {0};
		world_open(&w, 1);
		w.conf.limits.asks = 1;
		world_start(&w);
		peer_play(&w.peers[0], cases[i].bytes);
		w.peers[0].plays[0].wait_ms = cases[i].wait_ms;
		w.peers[0].plays[0].stays = cases[i].stays;
		ask_within(&w, &a, 15000);
		ask_within(&w, &waiting, 15000);
		turn(&w, cases[i].turn_ms, NULL, 0);
		assert_int_equal(a.done, 0);
		provider_cancel(waiting.call);
		provider_cancel(a.call);
		assert_int_equal(provider_running(w.pool), 0);
		assert_int_equal(provider_waiting(w.pool), 0);
		turn(&w, 60, NULL, 0);
		assert_int_equal(a.done + waiting.done, 0);
		assert_int_equal(waiting.row_count, 0);
		assert_int_equal(a.row_count, cases[i].rows);
		if (cases[i].rows && cases[i].wait_ms)
			assert_int_equal(a.rows[0].error, PROVIDER_CANCELLED);
		world_close(&w);
	}
	provider_cancel(NULL);
}

static void test_owners_may_do_anything_in_callbacks(void **state)
{
	static const struct {
		void (*in_attempt)(struct ask *a), (*in_done)(struct ask *a);
		int done;
	} cases[] = {
		{cancel_it, NULL, 0},
		{NULL, cancel_it, 1},
		{free_pool, NULL, 0},
		{NULL, free_pool, 1},
	};
	static const char *const plays[] = {HI, BUSY, STREAM LINE("Hi"), ""};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t k = 0; k < COUNT(plays); k++) {
			struct world w;
			struct ask a = {.in_attempt = cases[i].in_attempt,
				.in_done = cases[i].in_done}, next = {0};
			world_open(&w, 1);
			w.conf.limits.retries = 0;
			w.conf.limits.asks = 1;
			world_start(&w);
			peer_play(&w.peers[0], plays[k]);
			ask_within(&w, &a, 15000);
			ask_within(&w, &next, 15000);
			turn(&w, 150, NULL, 0);
			assert_int_equal(a.done, cases[i].done);
			assert_int_equal(next.done, w.pool != NULL);
			world_close(&w);
		}
}

/* Every allocation of an ask fails once, ours, io's and the peer's: the ask ends once, or never began,
 * and the next one is answered. */
static void test_no_memory_ends_one_ask_and_nothing_else(void **state)
{
	struct world w;
	struct ask a, next;
	unsigned long used = 1;

	(void)state;
	world_open(&w, 1);
	w.conf.limits.retries = 0;
	w.conf.limits.breaker_failures = 32;
	world_start(&w);
	peer_play(&w.peers[0], HI);
	for (unsigned long n = 1; n <= used; n++) {
		struct provider_ask q = {.prompt = &w.prompt, .persona = &w.persona, .turn = "t",
			.deadline_ms = clock_mono_ms() + 2000, .attempt = on_attempt,
			.done = on_done, .ctx = &a};
		memset(&a, 0, sizeof(a));
		a.world = &w;
		size_t before = w.done;
		mem_fail_at(n, 0);
		a.call = provider_ask(w.pool, &q);
		if (a.call)
			turn(&w, 4000, &w.done, before + 1);
		mem_fail_at(0, 0);
		assert_int_equal(a.done, a.call != NULL);
		io_clock_shift(w.io, 31000); /* out of the breaker's window */

		unsigned long count = mem_count();
		ask_and_wait(&w, &next);
		expect(&next, PROVIDER_NONE, "Hi there");
		if (mem_count() - count > used)
			used = mem_count() - count;
	}
	assert_true(used > 30); /* so many places failed */
	world_close(&w);
}

/* ---- Scripted, reload -------------------------------------------------------------------------- */

static void write_script(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_scripted_answers_from_its_file(void **state)
{
	struct world w;
	struct ask a;
	char path[] = "/tmp/mynah-script-XXXXXX";

	(void)state;
	close(mkstemp(path));
	write_script(path, "- {when: cat, reply: Meow}\n"
		"- {when: BIRD, error: timeout, times: 2}\n"
		"- {when: bird, reply: '<think>x</think>Tweet', delay: 80ms}\n");
	world_open(&w, 2);
	w.providers[0].type = CONF_SCRIPTED;
	w.providers[0].url = NULL;
	w.providers[0].file = path;
	world_start(&w);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Tweet");
	assert_int_equal(a.row_count, 3);
	assert_int_equal(a.rows[0].error, PROVIDER_TIMEOUT);
	assert_true(a.rows[2].first_token_ms == -1);

	w.message.text = STR("nothing it knows");
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_int_equal(a.rows[0].error, PROVIDER_EMPTY);

	write_script(path, "- {when: nothing, reply: Now I do}\n");
	assert_int_equal(provider_pool_reload(w.pool, &w.conf), 0);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Now I do");

	/* A bad edit is refused, and the old script goes on. */
	write_script(path, "- {whn: nothing, reply: Never}\n");
	assert_int_not_equal(provider_pool_reload(w.pool, &w.conf), 0);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Now I do");
	unlink(path);
	world_close(&w);
}

static void test_reload_keeps_what_did_not_change(void **state)
{
	struct world w;
	struct ask a, under_way = {0};
	const char *type, *model, *last;
	enum io_breaker_state breaker;

	(void)state;
	world_open(&w, 2);
	w.conf.limits.retries = 0;
	w.conf.limits.breaker_failures = 1;
	world_start(&w);
	peer_play(&w.peers[0], BUSY);
	peer_play(&w.peers[1], HI);
	w.peers[1].plays[0].wait_ms = 200;
	ask_and_wait(&w, &a);
	assert_string_equal(a.answer.provider, "two");

	ask_within(&w, &under_way, 15000);
	turn(&w, 2000, &w.peers[1].requests, 2);
	w.providers[1].model = (char *)"other";
	assert_int_equal(provider_pool_reload(w.pool, &w.conf), 0);
	(void)provider_state(w.pool, 0, &type, &model, &breaker, &last);
	assert_int_equal(breaker, IO_BREAKER_OPEN);
	assert_non_null(strstr(last, "server busy"));
	(void)provider_state(w.pool, 1, &type, &model, &breaker, &last);
	assert_string_equal(model, "other");
	turn(&w, 2000, &w.done, 2);
	expect(&under_way, PROVIDER_NONE, "Hi there");

	w.providers[0].model = (char *)"new";
	assert_int_equal(provider_pool_reload(w.pool, &w.conf), 0);
	(void)provider_state(w.pool, 0, &type, &model, &breaker, &last);
	assert_int_equal(breaker, IO_BREAKER_CLOSED);
	assert_string_equal(last, "");
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
		cmocka_unit_test(test_retries_are_few_and_jittered_then_the_next_is_asked),
		cmocka_unit_test(test_nothing_is_asked_again_once_words_came),
		cmocka_unit_test(test_an_answer_without_words_is_asked_of_the_next),
		cmocka_unit_test(test_retry_after_is_kept_where_it_fits),
		cmocka_unit_test(test_first_retries_spread_over_half_a_second),
		cmocka_unit_test(test_all_down_is_one_quiet_end),
		cmocka_unit_test(test_breaker_opens_after_five_and_costs_no_request),
		cmocka_unit_test(test_breaker_ignores_faults_of_ours),
		cmocka_unit_test(test_a_call_slower_than_30_s_counts_as_failure),
		cmocka_unit_test(test_the_deadline_ends_everything),
		cmocka_unit_test(test_a_hundred_asks_run_four_at_a_time_in_order),
		cmocka_unit_test(test_cancel_is_safe_in_every_state),
		cmocka_unit_test(test_owners_may_do_anything_in_callbacks),
		cmocka_unit_test(test_no_memory_ends_one_ask_and_nothing_else),
		cmocka_unit_test(test_scripted_answers_from_its_file),
		cmocka_unit_test(test_reload_keeps_what_did_not_change),
	};

	if (seal_init(true) != 0 || log_open(NULL, LOG_ERROR) != 0)
		return 1;
	return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
