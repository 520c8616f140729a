/* Many asks at many providers, against small peers: order of fallback, retries, breaker, deadlines,
 * limits, cancelling, failing memory, scripts, reload. */
#include "unit/provider_world.h"

#include <unistd.h>

/* ---- Retry and fallback ---------------------------------------------------------------------- */

static void test_retries_are_few_and_jittered_then_the_next_is_asked(void **state)
{
	struct world w;
	struct ask a;
	int64_t late;

	(void)state;
	world_open(&w, 2);
	world_start(&w);
	peer_play(&w.peers[0], BUSY);
	peer_play(&w.peers[1], HI);
	late = unit_own_ms() - clock_mono_ms();
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_string_equal(a.answer.provider, "two");
	assert_int_equal(a.attempts, 4);
	assert_int_equal(w.peers[0].requests, 3);
	assert_int_equal(a.row_count, 4);
	/* Full jitter below 0.5 s, then below 1 s; 300 ms and what others took is the machine. */
	late += clock_mono_ms() - unit_own_ms() + 300;
	assert_true(a.rows[1].at_ms - a.rows[0].at_ms <= 500 + late);
	assert_true(a.rows[2].at_ms - a.rows[1].at_ms <= 1000 + late);
	assert_true(a.rows[3].at_ms - a.rows[2].at_ms <= late);
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
	int64_t before = unit_own_ms();
	ask_and_wait(&w, &a);
	assert_string_equal(a.answer.provider, "two");
	ask_and_wait(&w, &a);
	assert_string_equal(a.answer.provider, "two");
	assert_int_equal(a.row_count, 1);
	assert_int_equal(w.peers[0].requests, 3);
	assert_true(unit_own_ms() - before < 2000);
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
	int64_t sum = 0, least = 10000, most = 0, late;

	(void)state;
	assert_non_null(all);
	world_open(&w, 1);
	w.conf.limits.asks = ASKS;
	w.conf.limits.retries = 1;
	world_start(&w);
	peer_play(&w.peers[0], HEAD("429 No", "application/json"));
	late = clock_mono_ms() - unit_own_ms();
	for (size_t i = 0; i < ASKS; i++)
		ask_within(&w, &all[i], 15000);
	turn(&w, 15000, &w.done, ASKS);
	late = 200 + clock_mono_ms() - unit_own_ms() - late;
	for (size_t i = 0; i < ASKS; i++) {
		assert_int_equal(all[i].row_count, 2);
		int64_t gap = all[i].rows[1].at_ms - all[i].rows[0].at_ms;
		sum += gap;
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
	}
	/* Uniform over 0..500: the mean of 60 is 250, its deviation 19. The machine may be late. */
	assert_in_range(sum / ASKS, 170, 330 + late);
	assert_true(least < 100 + late && most > 400 && most <= 500 + late);
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

/* ---- Breaker --------------------------------------------------------------------------------- */

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
		int64_t before = unit_own_ms();
		ask_and_wait(&w, &a);
		expect(&a, PROVIDER_BREAKER, "");
		assert_int_equal(a.row_count, 0); /* no call, no row */
		assert_true(unit_own_ms() - before < 100);
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

/* ---- Time, limits, cancelling ---------------------------------------------------------------- */

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

static void test_our_own_haste_is_no_fault_of_a_provider(void **state)
{
	/* How long each of three asks waited before the deadline, and whether that opens a breaker
	 * of three. */
	static const struct {
		int64_t deadline_ms;
		enum provider_error then;
	} cases[] = {
		{300, PROVIDER_NONE},
		{9000, PROVIDER_BREAKER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;
		struct ask a;
		world_open(&w, 1);
		w.conf.limits.breaker_failures = 3;
		w.providers[0].first_byte_ms = w.providers[0].total_ms = 120000;
		world_start(&w);
		peer_play(&w.peers[0], HI);
		w.peers[0].plays[0].wait_ms = 90000;
		for (size_t n = 1; n <= 3; n++) {
			memset(&a, 0, sizeof(a));
			ask_within(&w, &a, cases[i].deadline_ms);
			turn(&w, 200, &w.peers[0].requests, n);
			io_clock_shift(w.io, cases[i].deadline_ms);
			turn(&w, 2000, &w.done, n);
			expect(&a, PROVIDER_TIMEOUT, "");
		}
		w.peers[0].plays[0].wait_ms = 0;
		ask_and_wait(&w, &a);
		assert_int_equal(a.answer.error, cases[i].then);
		world_close(&w);
	}
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
	turn(&w, 20000, &w.done, ASKS);
	assert_int_equal(w.done, ASKS);
	assert_int_equal(w.peers[0].most_live, 4);
	assert_int_equal(w.peers[0].requests, ASKS);
	for (size_t i = 0; i < ASKS; i++) {
		expect(&all[i], PROVIDER_NONE, "Hi there");
		assert_true(all[i].order + 4 > i && all[i].order < i + 4);
	}
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
	/* Cancelled at once, when asked, before words, in the middle of them, in a pause. */
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

/* Words are told while they come, reasoning never, and the owner may end it there. */
static void test_what_came_so_far_is_told(void **state)
{
	static const struct {
		const char *bytes, *told;
		void (*in_so_far)(struct ask *a);
	} cases[] = {
		{STREAM LINE("Hi"), "Hi", NULL},
		{STREAM LINE("<think>hm</think>Hi"), "Hi", NULL},
		{STREAM LINE("<think>hm"), "", NULL},
		{STREAM LINE("Hi"), "Hi", cancel_it},
		{STREAM LINE("Hi"), "Hi", free_pool},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;
		struct ask a = {.in_so_far = cases[i].in_so_far};

		world_open(&w, 1);
		world_start(&w);
		peer_play(&w.peers[0], cases[i].bytes);
		w.peers[0].plays[0].stays = true;
		ask_within(&w, &a, 15000);
		turn(&w, cases[i].told[0] ? 5000 : 100, &a.told, 1);
		assert_string_equal(a.so_far, cases[i].told);
		turn(&w, 20, NULL, 0);
		assert_int_equal(a.told, cases[i].told[0] != '\0');
		assert_int_equal(a.done, 0);
		world_close(&w);
	}
}

/* Every allocation of an ask fails once, ours, io's and the peer's: the ask ends once, or never
 * began, and the next one is answered. */
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

/* ---- Scripted, reload ------------------------------------------------------------------------ */

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
		cmocka_unit_test(test_our_own_haste_is_no_fault_of_a_provider),
		cmocka_unit_test(test_a_hundred_asks_run_four_at_a_time_in_order),
		cmocka_unit_test(test_cancel_is_safe_in_every_state),
		cmocka_unit_test(test_owners_may_do_anything_in_callbacks),
		cmocka_unit_test(test_what_came_so_far_is_told),
		cmocka_unit_test(test_no_memory_ends_one_ask_and_nothing_else),
		cmocka_unit_test(test_scripted_answers_from_its_file),
		cmocka_unit_test(test_reload_keeps_what_did_not_change),
	};

	if (seal_init(true) != 0 || log_open(NULL, LOG_ERROR) != 0)
		return 1;
	return cmocka_run_group_tests_name("provider: pool", tests, NULL, NULL);
}
