/* memory on a real Redis: one that is away, stopped, slow, full, or holds what others put there
 * costs at most the recall's deadline, and what was erased never returns. */
#include "memory_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>

/* ---- Redis ----------------------------------------------------------------------------------- */

static void redis_keeps_lists_that_are_short_and_expire(void **state)
{
	struct world *w = *state;
	const char *k = "mynah1:h:{twitch:7:42}";
	long ttl;

	world_begin_redis(w, world_server.port);
	for (int i = 0; i < 20; i++)
		world_remember(w, "42", "text", "");
	world_sync_redis(w);
	assert_string_equal(world_redis("LLEN %s", k), "5");
	ttl = strtol(world_redis("PTTL %s", k), NULL, 10);
	assert_in_range(ttl, HOUR_MS - 5000, HOUR_MS);
	/* another process of ours finds it */
	memory_free(&w->memory);
	world_begin_redis(w, world_server.port);
	assert_string_equal(world_recall_as(w, world_key("twitch", "7", "42"), 1, 0), "Ann: text");
	assert_string_equal(world_recall_as(w, world_key("twitch", "7", "42"), 5, 1), "");
	world_redis("FLUSHALL");
	assert_string_equal(world_recall(w, "42"), "");
	assert_int_equal(w->err, 0);
	/* deletions reach what an earlier process wrote, when they say whose it was */
	world_redis("RPUSH %s {\"w\":%lld,\"n\":\"A\",\"t\":\"bad\",\"i\":\"m-1\"}"
		" {\"w\":%lld,\"n\":\"A\",\"t\":\"good\",\"i\":\"m-2\"}", k,
		(long long)clock_wall_ms(), (long long)clock_wall_ms());
	world_erase(w, "7", "42", "m-1");
	world_sync_redis(w);
	assert_string_equal(world_redis("LLEN %s", k), "1");
	assert_string_equal(world_recall(w, "42"), "A: good");
}

static void a_cleared_channel_of_many_is_swept_in_steps(void **state)
{
	struct world *w = *state;

	world_begin_redis(w, world_server.port);
	for (int i = 0; i < 2500; i++) {
		world_redis("RPUSH mynah1:h:{twitch:7:%d} x", i);
		if (i % 10 == 0)
			world_redis("RPUSH mynah1:h:{twitch:8:%d} x", i);
	}
	world_redis("SET other {twitch:7:1}");
	world_remember(w, "1", "mine", "");
	world_erase(w, "7", "", "");
	assert_string_equal(world_recall(w, "1"), "");
	for (int i = 0; i < 40; i++)
		world_sync_redis(w);
	assert_string_equal(world_redis("EXISTS mynah1:h:{twitch:7:1} mynah1:h:{twitch:7:2499}"),
		"0");
	/* the other channel, the probe, and a stranger's key are there */
	assert_string_equal(world_redis("DBSIZE"), "252");
}

static void poisoned_values_are_thrown_away(void **state)
{
	struct world *w = *state;
	const char *k = "mynah1:h:{twitch:7:42}";
	char *huge = malloc(10 * 1024 * 1024);
	static const char *const bad[] = {
		"not json", "{\"t\":1}", "[]", "{\"t\":\"\xff\"}", "{\"t\":\"x\"} tail", "",
		"{\"t\":NaN}",
	};

	memset(huge, 'x', 10 * 1024 * 1024);
	world_begin_redis(w, world_server.port);
	world_remember(w, "42", "mine", "");
	world_sync_redis(w);

	world_redis("SET %s %s", k, "a string"); /* WRONGTYPE, at the reader */
	assert_string_equal(world_recall(w, "42"), "Ann: mine");
	world_sync_redis(w);
	assert_string_equal(world_redis("EXISTS %s", k), "0");

	world_redis("SET %s %s", k, "a string"); /* and at the writer */
	world_remember(w, "42", "more", "");
	world_sync_redis(w);
	assert_string_equal(world_redis("TYPE %s", k), "none");

	for (size_t i = 0; i < COUNT(bad); i++) {
		world_redis("DEL %s", k);
		world_redis("RPUSH %s %s", k, bad[i]);
		assert_string_equal(world_recall(w, "42"), "Ann: mine|Ann: more");
		world_sync_redis(w);
		assert_string_equal(world_redis("EXISTS %s", k), "0");
	}

	world_redis("RPUSH %s %b", k, huge, (size_t)10 * 1024 * 1024);
	assert_string_equal(world_recall(w, "42"), "Ann: mine|Ann: more");
	assert_true(w->took_ms <= RECALL_MS + SLACK_MS);
	world_until_up(w, true); /* it hung up rather than read 10 MiB */
	world_sync_redis(w);
	assert_string_equal(world_redis("EXISTS %s", k), "0");
	free(huge);
}

static void foreign_text_is_scrubbed(void **state)
{
	struct world *w = *state;

	world_begin_redis(w, world_server.port);
	world_redis("RPUSH mynah1:h:{twitch:7:42} {\"w\":%lld,\"n\":\"A\\r\\nB\","
		"\"t\":\"x\\u0007\\u202ey\\nz\",\"i\":\"1\"}", (long long)clock_wall_ms());
	assert_string_equal(world_recall(w, "42"), "A B: x y z");
}

static void a_stopped_server_costs_the_deadline_only(void **state)
{
	struct world *w = *state;
	struct server own;

	world_server_start(&own, world_free_port(), "");
	world_begin_redis(w, own.port);
	world_remember(w, "42", "hello", "");
	world_sync_redis(w);
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	kill(own.pid, SIGSTOP);
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	assert_true(w->waited_ms >= RECALL_MS - 10 && w->took_ms <= RECALL_MS + SLACK_MS);
	/* noticed, and from then on not asked */
	world_until_up(w, false);
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	assert_true(w->took_ms < RECALL_MS / 2);
	world_remember(w, "42", "while away", "");
	kill(own.pid, SIGCONT);
	io_clock_shift(w->io, 10000);
	world_until_up(w, true);
	world_turn_for(w, 50);
	assert_string_equal(world_recall(w, "42"), "Ann: hello|Ann: while away");
	world_server_kill(&own);
}

/* An idle connection to a server that stopped is noticed within five seconds (I16). */
static void silence_is_noticed_without_traffic(void **state)
{
	struct world *w = *state;
	struct server own;
	int64_t start;

	world_server_start(&own, world_free_port(), "");
	world_begin_redis(w, own.port);
	kill(own.pid, SIGSTOP);
	start = unit_own_ms();
	world_until_up(w, false);
	assert_true(unit_own_ms() - start <= 5000);
	kill(own.pid, SIGCONT);
	world_server_kill(&own);
}

/* Late every time, but never dead: after five it is left alone, and asked again a minute later. */
static void a_slow_server_is_left_alone_for_a_while(void **state)
{
	struct world *w = *state;
	struct server own;

	world_server_start(&own, world_free_port(), "");
	world_begin_redis(w, own.port);
	world_remember(w, "42", "hello", "");
	world_sync_redis(w);
	for (int i = 0; i < 5; i++) {
		kill(own.pid, SIGSTOP);
		assert_string_equal(world_recall(w, "42"), "Ann: hello");
		kill(own.pid, SIGCONT);
		world_turn_for(w, 20);
	}
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "too late"));
	kill(own.pid, SIGSTOP);
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	assert_true(w->took_ms < RECALL_MS / 2);
	kill(own.pid, SIGCONT);
	world_turn_for(w, 20);
	io_clock_shift(w->io, 61000);
	world_turn_for(w, 20);
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	assert_true(world_is_up(w));
	world_server_kill(&own);
}

static void a_killed_server_is_met_again(void **state)
{
	struct world *w = *state;
	struct server own;

	world_server_start(&own, world_free_port(), "");
	world_begin_redis(w, own.port);
	world_remember(w, "42", "before", "m-1");
	world_sync_redis(w);
	world_server_kill(&own);
	world_until_up(w, false);
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "away: "));
	for (int i = 0; i < 1500; i++)
		world_remember(w, "43", "while away", "");
	assert_string_equal(world_recall(w, "42"), "Ann: before");
	world_server_start(&own, own.port, "");
	for (int i = 0; i < 20 && !world_is_up(w); i++) {
		io_clock_shift(w->io, 2000);
		world_turn_for(w, 50);
	}
	world_until_up(w, true);
	world_turn_for(w, 100);
	/* the new server knows nothing of before, and has what was said meanwhile */
	assert_string_equal(world_recall(w, "42"), "");
	assert_non_null(strstr(world_recall(w, "43"), "while away"));
	world_server_kill(&own);
}

static void erasures_outlive_an_outage(void **state)
{
	struct world *w = *state;
	struct server own;

	world_server_start(&own, world_free_port(), "");
	world_begin_redis(w, own.port);
	world_remember(w, "42", "stays", "m-1");
	world_remember(w, "42", "goes", "m-2");
	world_remember(w, "43", "goes too", "m-3");
	world_sync_redis(w);
	kill(own.pid, SIGSTOP);
	world_erase(w, "7", "", "m-2");
	world_erase(w, "7", "43", "");
	assert_string_equal(world_recall(w, "42"), "Ann: stays");
	world_until_up(w, false);
	kill(own.pid, SIGCONT);
	io_clock_shift(w->io, 10000);
	world_until_up(w, true);
	world_turn_for(w, 100);
	assert_string_equal(world_recall(w, "42"), "Ann: stays");
	assert_string_equal(world_recall(w, "43"), "");
	memory_free(&w->memory);
	world_begin_redis(w, own.port);
	assert_string_equal(world_recall(w, "42"), "Ann: stays");
	assert_string_equal(world_recall(w, "43"), "");
	world_server_kill(&own);
}

static void a_down_server_is_no_error(void **state)
{
	struct world *w = *state;
	struct conf_memory c = world_conf_of(w, world_free_port());

	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	world_turn_for(w, 50);
	world_remember(w, "42", "hello", "");
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	assert_true(w->took_ms < RECALL_MS / 2);
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "refused"));
}

static void passwords(void **state)
{
	struct world *w = *state;
	struct server own;
	static const struct {
		const char *password, *state;
	} cases[] = {
		{"", "wants a password"},
		{"wrong", "refused the password"},
		{PASSWORD, "up"},
	};

	world_server_start(&own, world_free_port(), PASSWORD);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_memory c;

		if (cases[i].password[0] != '\0')
			assert_int_equal(secret_new(str_of(cases[i].password), &w->password), 0);
		c = world_conf_of(w, own.port);
		assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
		world_turn_for(w, 150);
		assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), cases[i].state));
		world_remember(w, "42", "hello", "");
		assert_string_equal(world_recall(w, "42"), "Ann: hello");
		memory_free(&w->memory);
		secret_free(w->password);
		w->password = NULL;
	}
	world_server_kill(&own);
}

static void a_password_that_comes_later_is_noticed(void **state)
{
	struct world *w = *state;
	struct server own;
	redisContext *boss;

	world_server_start(&own, world_free_port(), "");
	boss = world_client_of(&own);
	world_begin_redis(w, own.port);
	freeReplyObject(redisCommand(boss, "CONFIG SET requirepass x"));
	freeReplyObject(redisCommand(boss, "CLIENT KILL TYPE normal SKIPME yes"));
	world_until_up(w, false);
	world_turn_for(w, 1200); /* the first retry comes within a second */
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "wants a password"));
	world_remember(w, "42", "hello", "");
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	redisFree(boss);
	world_server_kill(&own);
}

static void a_server_that_refuses_writes_is_left(void **state)
{
	struct world *w = *state;
	struct server own;
	redisContext *boss;

	world_server_start(&own, world_free_port(), "");
	boss = world_client_of(&own);
	world_begin_redis(w, own.port);
	freeReplyObject(redisCommand(boss, "CONFIG SET maxmemory 1"));
	world_remember(w, "42", "hello", "");
	world_until_up(w, false);
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "out of memory"));
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	freeReplyObject(redisCommand(boss, "CONFIG SET maxmemory 0"));
	freeReplyObject(redisCommand(boss, "REPLICAOF 127.0.0.1 1"));
	for (int i = 0; i < 10; i++) {
		io_clock_shift(w->io, 3000);
		world_turn_for(w, 30);
	}
	assert_false(world_is_up(w));
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
	redisFree(boss);
	world_server_kill(&own);
}

static void killed_connections_leave_nothing_behind(void **state)
{
	struct world *w = *state;
	size_t before;

	world_begin_redis(w, world_server.port);
	before = world_open_files();
	for (int i = 0; i < 20; i++) {
		struct memory_key k = world_key("twitch", "7", "42");

		world_remember(w, "42", "hello", "");
		memory_recall(&w->memory, &k, 5, 0, world_on_recalled, w);
		world_redis("CLIENT KILL TYPE normal SKIPME yes");
		world_until_up(w, false);
		io_clock_shift(w->io, 61000);
		world_until_up(w, true);
	}
	assert_int_equal(w->calls, 20);
	assert_int_equal(world_open_files(), before);
}

static void a_unix_socket_and_a_name_do_as_well(void **state)
{
	struct world *w = *state;
	struct conf_memory c = world_conf_of(w, world_server.port);
	char url[64];

	snprintf(url, sizeof(url), "redis://localhost:%d/3", world_server.port);
	c.url = url;
	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	world_until_up(w, true);
	world_remember(w, "42", "hello", "");
	world_sync_redis(w);
	world_redis("SELECT 3");
	assert_string_equal(world_redis("EXISTS mynah1:h:{twitch:7:42}"), "1");
	world_redis("SELECT 0");
	memory_free(&w->memory);

	c.url = (char[]){"unix:/nonexistent/redis.sock"};
	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	world_turn_for(w, 50);
	world_remember(w, "42", "hello", "");
	assert_string_equal(world_recall(w, "42"), "Ann: hello");
}

static void bad_urls_are_refused(void **state)
{
	struct world *w = *state;
	static const char *const urls[] = {
		"", "redis://", "redis://:6379", "redis://h:0", "redis://h:65536", "redis://h:x",
		"redis://h/x", "redis://user:pw@h", "http://h", "unix:", "redis://[::1",
		"redis://[::1]x",
	};

	for (size_t i = 0; i < COUNT(urls); i++) {
		struct conf_memory c = world_conf_of(w, 1);

		c.url = (char *)urls[i];
		assert_int_equal(memory_redis_new(w->io, &c, &w->memory), ERR_INVALID);
	}
}

static void on_recalled_free(void *ctx, int err, const struct conversation *c)
{
	struct world *w = ctx;

	world_on_recalled(ctx, err, c);
	memory_free(&w->memory);
}

static void memory_may_be_freed_by_who_recalls(void **state)
{
	struct world *w = *state;
	struct memory_key k = world_key("twitch", "7", "42");

	for (int i = 0; i < 3; i++) {
		world_begin_redis(w, world_server.port);
		world_remember(w, "42", "hello", "");
		if (i == 1)
			world_redis("CLIENT KILL TYPE normal SKIPME yes");
		memory_recall(&w->memory, &k, 5, 0, on_recalled_free, w);
		if (i == 2)
			memory_recall(&w->memory, &k, 5, 0, world_on_recalled, w);
		world_turn_for(w, 250);
		assert_int_equal(w->calls, i + 1);
		assert_null(w->memory.ops);
	}
}

static void a_cancelled_recall_is_silent(void **state)
{
	struct world *w = *state;
	struct memory_key k = world_key("twitch", "7", "42");

	world_begin_redis(w, world_server.port);
	for (int i = 0; i < 20; i++) {
		memory_recall(&w->memory, &k, 5, 0, world_on_recalled, w);
		memory_recall_cancel(&w->memory, w);
	}
	world_turn_for(w, 250);
	assert_int_equal(w->calls, 0);
	assert_true(world_is_up(w));
}

static void redis_memory_survives_want_of_memory(void **state)
{
	struct world *w = *state;
	struct memory_key k = world_key("twitch", "7", "42");

	for (unsigned long n = 1; n < 60; n++) {
		struct conf_memory c = world_conf_of(w, world_server.port);
		int calls = w->calls;

		mem_fail_at(n, n % 2);
		if (memory_redis_new(w->io, &c, &w->memory) == 0) {
			world_turn_for(w, 10);
			world_remember(w, "42", "text", "m-1");
			memory_recall(&w->memory, &k, 5, 0, world_on_recalled, w);
			world_turn_for(w, 10);
			world_erase(w, "7", "", "m-1");
			world_erase(w, "7", "", "");
			mem_fail_at(0, 0);
			world_turn_for(w, 20);
			io_clock_shift(w->io, 1000);
			world_turn_for(w, 10);
			assert_int_equal(w->calls, calls + 1);
			assert_string_equal(world_recall(w, "42"), "");
			memory_free(&w->memory);
		}
		mem_fail_at(0, 0);
	}
}

/* Whatever was wanting: the end may come before the next attempt. */
static void it_may_be_freed_right_after_want_of_memory(void **state)
{
	struct world *w = *state;

	for (unsigned long n = 1; n < 40; n++) {
		struct conf_memory c = world_conf_of(w, world_server.port);

		mem_fail_at(n, 0);
		if (memory_redis_new(w->io, &c, &w->memory) == 0) {
			world_turn_for(w, 20);
			memory_free(&w->memory);
		}
		mem_fail_at(0, 0);
	}
}

static void metrics_tell_up_and_away(void **state)
{
	struct world *w = *state;

	world_begin_redis(w, world_server.port);
	assert_int_equal(world_metric_of("mynah_memory_up"), 1);
	world_recall(w, "42");
	assert_int_equal(world_metric_of("mynah_memory_recall_seconds_count"), 1);
	world_redis("CLIENT KILL TYPE normal SKIPME yes");
	world_until_up(w, false);
	assert_int_equal(world_metric_of("mynah_memory_up"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(redis_keeps_lists_that_are_short_and_expire),
		CASE(a_cleared_channel_of_many_is_swept_in_steps),
		CASE(poisoned_values_are_thrown_away),
		CASE(foreign_text_is_scrubbed),
		CASE(a_stopped_server_costs_the_deadline_only),
		CASE(silence_is_noticed_without_traffic),
		CASE(a_slow_server_is_left_alone_for_a_while),
		CASE(a_killed_server_is_met_again),
		CASE(erasures_outlive_an_outage),
		CASE(a_down_server_is_no_error),
		CASE(passwords),
		CASE(a_password_that_comes_later_is_noticed),
		CASE(a_server_that_refuses_writes_is_left),
		CASE(killed_connections_leave_nothing_behind),
		CASE(a_unix_socket_and_a_name_do_as_well),
		CASE(bad_urls_are_refused),
		CASE(memory_may_be_freed_by_who_recalls),
		CASE(a_cancelled_recall_is_silent),
		CASE(redis_memory_survives_want_of_memory),
		CASE(it_may_be_freed_right_after_want_of_memory),
		CASE(metrics_tell_up_and_away),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
