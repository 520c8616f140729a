/* A gateway connection against a double of the socket, in virtual time: the session scripts of
 * discord.md 13.8, and group G of faults.md. */
#include <zlib.h>

#include "unit/gateway_world.h"

#define IDENTIFY   "{\"op\":2,"
#define RESUME     "{\"op\":6,"
#define BEAT       "{\"op\":1,"
#define ACK        "{\"op\":11}"
#define BASE_URL   GATEWAY_BASE "/?v=10&encoding=json"
#define RESUME_URL GATEWAY_RESUME "/?v=10&encoding=json"

static int begin(void **state)
{
	gateway_setup(state);
	gateway_begin();
	return 0;
}

static bool keeps_session(const struct io_ws *ws)
{
	return ws->is_gone && ws->code != 1000 && ws->code != 1001;
}

/* Waits at most ms until there is a socket that is not ws; gives it. */
static struct io_ws *next_after(const struct io_ws *ws, int64_t ms)
{
	for (; ms > 0 && gateway_last() == ws; ms -= 10)
		gateway_pass(10);
	if (gateway_last() == ws)
		fail_msg("no new connection");
	return gateway_last();
}

static void expect_said(const struct io_ws *ws, size_t i, const char *text)
{
	if (i >= ws->n || strcmp(ws->said[i].text, text) != 0)
		fail_msg("message %zu: got %s, want %s", i, i < ws->n ? ws->said[i].text : "none",
			text);
}

/* Answers beats for so long. */
static void live(struct io_ws *ws, int64_t ms)
{
	size_t seen = gateway_count(ws, BEAT);

	for (; ms > 0; ms -= 20) {
		gateway_pass(20);
		for (; !ws->is_gone && seen < gateway_count(ws, BEAT); seen++)
			gateway_tell(ws, ACK);
	}
}

static void resumed(struct io_ws *ws, int64_t seq)
{
	gateway_tellf(ws, "{\"op\":0,\"s\":%lld,\"t\":\"RESUMED\",\"d\":{\"_trace\":[\"x\"]}}",
		(long long)seq);
}

/* ---- The scripts of discord.md 13.8 --------------------------------------------------------- */

static void script_1_beats_after_hello_then_every_interval(void **state)
{
	struct io_ws *ws = gateway_last();
	int64_t hello_ms, last_ms = 0;
	size_t beats = 0;

	(void)state;
	gateway_hello(ws, 1000);
	hello_ms = clock_mono_ms();
	gateway_pass(30);
	gateway_ready(ws, "5f2d0c1e9a7b4c3d8e6f001122334455", 1);
	gateway_dispatch(ws, "MESSAGE_CREATE", 251);
	live(ws, 10000);
	for (size_t i = 0; i < ws->n; i++) {
		if (strncmp(ws->said[i].text, BEAT, strlen(BEAT)) != 0)
			continue;
		if (beats++ == 0)
			assert_in_range(ws->said[i].at_ms - hello_ms, 0, 1000);
		else
			assert_int_equal(ws->said[i].at_ms - last_ms, 1000);
		last_ms = ws->said[i].at_ms;
	}
	assert_in_range(beats, 9, 11);
	assert_string_equal(gateway_find(ws, BEAT)->text, "{\"op\":1,\"d\":251}");
	assert_int_equal(gateway_live(), 1);
}

static void script_2_a_zombie_is_left_and_resumed(void **state)
{
	struct io_ws *ws = gateway_last(), *next;
	int64_t last_ms;

	(void)state;
	gateway_hello(ws, 1000);
	gateway_pass(30);
	gateway_ready(ws, "abc", 1);
	gateway_dispatch(ws, "MESSAGE_CREATE", 1337);
	live(ws, 3000);
	size_t beats = gateway_count(ws, BEAT);
	while (gateway_count(ws, BEAT) == beats)
		gateway_pass(10);
	last_ms = gateway_find(ws, BEAT)->at_ms;
	gateway_pass(last_ms + 999 - clock_mono_ms());
	assert_false(ws->is_gone);
	gateway_pass(1);
	assert_true(keeps_session(ws));
	assert_in_range(ws->code, 4000, 4999);
	next = next_after(ws, 1000);
	assert_string_equal(next->url, RESUME_URL);
	gateway_hello(next, 1000);
	expect_said(next, 0,
		"{\"op\":6,\"d\":{\"token\":\"" GATEWAY_TOKEN "\",\"session_id\":\"abc\","
		"\"seq\":1337}}");
	/* G2: what the old one missed is not held against the new one. */
	resumed(next, 1338);
	live(next, 10000);
	assert_false(next->is_gone);
	assert_int_equal(gateway_count_all(IDENTIFY), 1);
}

static void script_3_a_beat_that_is_asked_for_moves_nothing(void **state)
{
	struct io_ws *ws = gateway_last();
	int64_t last_ms;

	(void)state;
	gateway_hello(ws, 1000);
	gateway_pass(30);
	gateway_ready(ws, "abc", 1);
	live(ws, 2000);
	last_ms = gateway_find(ws, BEAT)->at_ms;
	size_t beats = gateway_count(ws, BEAT);
	gateway_pass(300);
	gateway_tell(ws, "{\"op\":1,\"d\":null}");
	assert_int_equal(gateway_count(ws, BEAT), beats + 1);
	gateway_tell(ws, "{\"op\":1}");
	assert_int_equal(gateway_count(ws, BEAT), beats + 2);
	gateway_pass(last_ms + 1000 - clock_mono_ms());
	assert_int_equal(gateway_count(ws, BEAT), beats + 3);
	assert_int_equal(gateway_find(ws, BEAT)->at_ms, last_ms + 1000);
	assert_false(ws->is_gone);
}

static void a_beat_that_is_asked_for_condemns_nobody(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	gateway_hello(ws, 1000);
	gateway_pass(30);
	gateway_ready(ws, "abc", 1);
	size_t beats = gateway_count(ws, BEAT);
	while (gateway_count(ws, BEAT) == beats) /* not answered yet */
		gateway_pass(10);
	gateway_tell(ws, "{\"op\":1}");
	gateway_tell(ws, "{\"op\":1}");
	assert_false(ws->is_gone);
	gateway_tell(ws, ACK);
	gateway_pass(1000);
	assert_false(ws->is_gone);
}

static void script_4_op_7_before_hello(void **state)
{
	struct io_ws *ws = gateway_last(), *next;

	(void)state;
	gateway_open(ws);
	gateway_tell(ws, "{\"op\":7,\"d\":null}");
	assert_true(keeps_session(ws));
	next = next_after(ws, 10);
	gateway_hello(next, 41250);
	gateway_pass(50);
	assert_int_equal(gateway_count(ws, IDENTIFY), 0);
	assert_int_equal(gateway_count(next, IDENTIFY), 1);
}

static void script_5_op_7_resumes_at_once(void **state)
{
	struct io_ws *ws = gateway_come_up("abc"), *next;

	(void)state;
	live(ws, 61000);
	gateway_tell(ws, "{\"op\":7,\"d\":null}");
	assert_true(keeps_session(ws));
	assert_in_range(ws->code, 4000, 4999);
	next = gateway_last();
	assert_ptr_not_equal(next, ws);
	assert_string_equal(next->url, RESUME_URL);
	gateway_hello(next, 41250);
	assert_int_equal(gateway_count(next, RESUME), 1);
	resumed(next, 2);
	assert_string_equal(buf_text(&gw.states), "connecting ready down connecting ready ");
}

static void op_7_for_ever_is_no_tight_loop(void **state)
{
	(void)state;
	gateway_come_up("abc");
	for (int64_t end_ms = clock_mono_ms() + 60000; clock_mono_ms() < end_ms; gateway_pass(10)) {
		struct io_ws *ws = gateway_last();

		if (!ws->is_gone && !ws->n && clock_mono_ms() > ws->at_ms)
			gateway_hello(ws, 41250);
		if (!ws->is_gone && ws->n)
			gateway_tell(ws, "{\"op\":7,\"d\":null}");
	}
	assert_in_range(gw.sockets, 4, 14);
}

static void script_6_a_replay_is_told_once(void **state)
{
	struct io_ws *ws = gateway_come_up("abc"), *next;

	(void)state;
	gateway_dispatch(ws, "MESSAGE_CREATE", 2);
	gateway_dispatch(ws, "MESSAGE_CREATE", 3);
	gateway_close(ws, 0);
	next = next_after(ws, 1000);
	gateway_hello(next, 41250);
	assert_non_null(strstr(gateway_find(next, RESUME)->text, "\"seq\":3}"));
	for (int64_t s = 3; s <= 5; s++)
		gateway_dispatch(next, "MESSAGE_CREATE", s);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_CONNECTING);
	resumed(next, 6);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_READY);
	assert_string_equal(buf_text(&gw.types), "READY:1 MESSAGE_CREATE:2 MESSAGE_CREATE:3 "
						 "MESSAGE_CREATE:4 MESSAGE_CREATE:5 RESUMED:6 ");
}

static void script_7_op_9_false_begins_anew(void **state)
{
	struct io_ws *ws = gateway_come_up("abc"), *next;
	int64_t from_ms;

	(void)state;
	live(ws, 61000);
	gateway_close(ws, 0);
	next = next_after(ws, 1000);
	gateway_hello(next, 41250);
	assert_int_equal(gateway_count(next, RESUME), 1);
	gateway_tell(next, "{\"op\":9,\"d\":false,\"s\":null,\"t\":null}");
	from_ms = clock_mono_ms();
	ws = next_after(next, 6000);
	assert_in_range(ws->at_ms - from_ms, 1000, 5000);
	assert_true(keeps_session(next));
	assert_string_equal(ws->url, BASE_URL);
	gateway_hello(ws, 41250);
	gateway_pass(50);
	assert_int_equal(gateway_count(ws, IDENTIFY), 1);
	assert_int_equal(gateway_count(ws, RESUME), 0);
	/* Nothing of the old session lives on. */
	gateway_tell(ws, "{\"op\":1}");
	assert_string_equal(gateway_find(ws, BEAT)->text, "{\"op\":1,\"d\":null}");
	gateway_ready(ws, "def", 1);
	gateway_dispatch(ws, "MESSAGE_CREATE", 2);
	assert_non_null(strstr(buf_text(&gw.types), "READY:1 MESSAGE_CREATE:2 "));
}

static void script_8_op_9_true_resumes(void **state)
{
	struct io_ws *ws = gateway_come_up("abc"), *next;
	int64_t from_ms;

	(void)state;
	live(ws, 61000);
	gateway_tell(ws, "{\"op\":9,\"d\":true}");
	from_ms = clock_mono_ms();
	next = next_after(ws, 6000);
	assert_in_range(next->at_ms - from_ms, 1000, 5000);
	assert_true(keeps_session(ws));
	assert_string_equal(next->url, RESUME_URL);
	gateway_hello(next, 41250);
	assert_int_equal(gateway_count(next, RESUME), 1);
}

static void script_9_refusals_are_for_ever(void **state)
{
	static const int codes[] = {4004, 4010, 4011, 4012, 4013, 4014};

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		for (int is_late = 0; is_late < 2; is_late++) {
			size_t sockets;
			struct io_ws *ws;

			begin(NULL);
			ws = gateway_last();
			gateway_hello(ws, 41250);
			gateway_pass(50);
			if (is_late)
				gateway_ready(ws, "abc", 1);
			gateway_close(ws, codes[i]);
			sockets = gw.sockets;
			gateway_pass(86400000);
			assert_case(i, gw.sockets == sockets && gateway_live() == 0);
			assert_int_equal(gw.state, PLATFORM_GATEWAY_REFUSED);
			assert_int_equal(gw.close_code, codes[i]);
			if (codes[i] == 4014)
				assert_non_null(strstr(gw.why, "\"Message Content Intent\""));
			gateway_teardown(NULL);
		}
	}
}

static void script_10_lost_sessions_are_identified_anew(void **state)
{
	static const int codes[] = {4003, 4005, 4006, 4007, 4009};

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct io_ws *ws, *next;

		begin(NULL);
		ws = gateway_come_up("abc");
		gateway_close(ws, codes[i]);
		next = next_after(ws, 10000);
		assert_string_equal(next->url, BASE_URL);
		gateway_hello(next, 41250);
		gateway_pass(7000);
		assert_case(
			i, gateway_count(next, IDENTIFY) == 1 && gateway_count(next, RESUME) == 0);
		gateway_teardown(NULL);
	}
}

static void other_codes_are_resumed(void **state)
{
	static const int codes[] = {0, 1000, 1001, 1006, 1009, 4000, 4001, 4002, 4008, 4015, 4999};

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct io_ws *ws, *next;

		begin(NULL);
		ws = gateway_come_up("abc");
		gateway_close(ws, codes[i]);
		next = next_after(ws, 16000);
		assert_string_equal(next->url, RESUME_URL);
		gateway_hello(next, 41250);
		assert_case(i, gateway_count(next, RESUME) == 1);
		gateway_teardown(NULL);
	}
}

static void script_11_after_three_lost_resumes_it_identifies(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	gateway_close(ws, 0);
	for (int i = 0; i < 3; i++) {
		ws = next_after(ws, 8000);
		gateway_hello(ws, 41250);
		assert_int_equal(gateway_count(ws, RESUME), 1);
		gateway_close(ws, 0);
	}
	ws = next_after(ws, 16000);
	assert_string_equal(ws->url, BASE_URL);
	gateway_hello(ws, 41250);
	gateway_pass(7000);
	assert_int_equal(gateway_count(ws, IDENTIFY), 1);
}

static void script_12_fewer_than_10_identifies_in_5_minutes(void **state)
{
	int64_t from_ms, end_ms, last_ms = 0;
	size_t n = 0;

	(void)state;
	for (int seed = 0; seed < unit_runs(40); seed++) {
		begin(NULL);
		rand_seed((uint64_t)seed);
		from_ms = clock_mono_ms();
		n = 0;
		for (end_ms = from_ms + 300000; clock_mono_ms() < end_ms; gateway_pass(100)) {
			struct io_ws *ws = gateway_last();

			if (ws->is_gone)
				continue;
			if (clock_mono_ms() > ws->at_ms && !ws->o.ctx)
				continue;
			if (gateway_count(ws, IDENTIFY) == 0 && !gw.gateway->wire.beat.interval_ms)
				gateway_hello(ws, 41250);
			if (gateway_count(ws, IDENTIFY) > 0) {
				int64_t at_ms = gateway_find(ws, IDENTIFY)->at_ms;

				assert_true(n == 0 || at_ms - last_ms >= 5000);
				last_ms = at_ms;
				n++;
				gateway_close(ws, 4002);
			}
		}
		assert_in_range(n, 3, 9);
		gateway_teardown(NULL);
	}
}

static void script_13_nothing_left_of_the_day(void **state)
{
	gateway_setup(state);
	platform_identify_told(gw.identify, 0, 60000, 1);
	gateway_begin();
	gateway_pass(59000);
	assert_int_equal(gw.sockets, 0);
	assert_non_null(strstr(gw.why, "all logins of the day"));
	gateway_pass(1100);
	gateway_come_up("abc");
	gateway_teardown(NULL);
}

/* A READY of 3 MiB; what io makes of 64 KiB fragments is io's test. */
static void script_14_a_large_ready(void **state)
{
	struct io_ws *ws = gateway_last();
	struct buf text;

	(void)state;
	buf_init(&text, 4 << 20);
	gateway_hello(ws, 1000);
	gateway_pass(30);
	assert_int_equal(
		buf_adds(&text,
			"{\"op\":0,\"s\":1,\"t\":\"READY\",\"d\":{\"session_id\":\"abc\","
			"\"resume_gateway_url\":\"" GATEWAY_RESUME "\",\"guilds\":[{\"id\":\"0\"}"),
		0);
	while (text.len < 3 << 20)
		assert_int_equal(
			buf_addf(&text, ",{\"id\":\"%020zu\",\"unavailable\":true}", text.len), 0);
	assert_int_equal(buf_adds(&text, "]}}"), 0);
	gateway_tell_bytes(ws, buf_str(&text), false);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_READY);
	assert_int_equal(gw.biggest, text.len);
	buf_fini(&text);
	live(ws, 3000);
	assert_in_range(gateway_count(ws, BEAT), 2, 4);
	assert_false(ws->is_gone);
}

static void script_15_what_nobody_knows_is_let_be(void **state)
{
	static const char *const strange[] = {
		"{\"op\":99,\"d\":{}}",
		"{\"op\":0,\"s\":2,\"t\":\"WHAT_IS_THIS\",\"d\":{\"a\":[1]}}",
		"{\"op\":11}",
		"{\"op\":5,\"d\":null}",
		"{\"d\":null}",
		"{\"op\":\"0\"}",
		"{\"op\":null}",
		"{\"op\":0,\"s\":3,\"d\":{}}",
		"{\"op\":0,\"t\":\"MESSAGE_CREATE\",\"d\":{}}",
		"{\"op\":0,\"s\":null,\"t\":null,\"d\":null}",
		"{\"op\":-1}",
		"{}",
		"{\"op\":10,\"d\":{\"heartbeat_interval\":1}}",
		"{\"op\":11,\"d\":null,\"x\":{\"y\":1}}",
		"{\"op\":0,\"s\":99999999999999999999,\"t\":\"MESSAGE_CREATE\",\"d\":{}}",
		"{\"op\":0,\"s\":1.5,\"t\":\"MESSAGE_CREATE\",\"d\":{}}",
	};
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	for (size_t i = 0; i < COUNT(strange); i++) {
		gateway_tell(ws, strange[i]);
		assert_case(i, !ws->is_gone);
	}
	gateway_dispatch(ws, "MESSAGE_CREATE", 9);
	assert_string_equal(buf_text(&gw.types), "READY:1 WHAT_IS_THIS:2 MESSAGE_CREATE:9 ");
	live(ws, 100000);
	assert_false(ws->is_gone);
}

static void script_16_the_sequence_never_falls(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	gateway_dispatch(ws, "MESSAGE_CREATE", 7);
	gateway_dispatch(ws, "MESSAGE_CREATE", 3);
	gateway_tell(ws, "{\"op\":11,\"s\":null}");
	gateway_tell(ws, "{\"op\":1}");
	assert_string_equal(gateway_find(ws, BEAT)->text, "{\"op\":1,\"d\":7}");
	assert_string_equal(buf_text(&gw.types), "READY:1 MESSAGE_CREATE:7 ");
}

static void sequence_0_is_not_no_sequence(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	gateway_hello(ws, 41250);
	gateway_tell(ws, "{\"op\":1}");
	assert_string_equal(gateway_find(ws, BEAT)->text, "{\"op\":1,\"d\":null}");
	gateway_pass(50);
	gateway_ready(ws, "abc", 0);
	gateway_tell(ws, "{\"op\":1}");
	assert_string_equal(gateway_find(ws, BEAT)->text, "{\"op\":1,\"d\":0}");
}

static void script_17_what_cannot_be_read_is_resumed_with_patience(void **state)
{
	static const char *const broken[] = {
		"{",
		"{\"op\":0,\"s\":2",
		"null",
		"[]",
		"7",
		"\"x\"",
		"",
		"{\"op\":0}x",
		"\xff\xfe",
		"{\"op\":0,\"s\":2,\"t\":\"A\",\"d\":\"\xc3\"}",
		"{\"op\":1,\"op\":1}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct io_ws *ws, *next;

		begin(NULL);
		ws = gateway_come_up("abc");
		gateway_tell(ws, broken[i]);
		assert_case(i, keeps_session(ws));
		next = next_after(ws, 1000);
		gateway_hello(next, 41250);
		assert_case(i, gateway_count(next, RESUME) == 1);
		gateway_teardown(NULL);
	}
}

static void script_18_the_end_says_goodbye(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	platform_gateway_stop(gw.gateway);
	ws->o.message(
		ws->o.ctx, (char[]){"{\"op\":0,\"s\":2,\"t\":\"MESSAGE_CREATE\",\"d\":{}}"}, 42);
	gateway_pass(0);
	assert_int_equal(ws->code, 1000);
	gateway_pass(1000);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_STOPPED);
	assert_string_equal(buf_text(&gw.types), "READY:1 ");
	assert_string_equal(platform_sessions_get(gw.sessions, 0, 1)->id, "");
	gateway_pass(3600000);
	assert_int_equal(gw.sockets, 1);
	assert_string_equal(buf_text(&gw.states), "connecting ready stopped ");
}

/* ---- Login ---------------------------------------------------------------------------------- */

static void the_login_is_what_discord_wants(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	assert_string_equal(ws->url, BASE_URL);
	assert_int_equal(platform_gateway_presence(gw.gateway, "chat \"here\""), 0);
	gateway_hello(ws, 41250);
	gateway_pass(50);
	expect_said(ws, 0,
		"{\"op\":2,\"d\":{\"token\":\"" GATEWAY_TOKEN "\",\"intents\":38403,"
		"\"properties\":{\"os\":\"linux\",\"browser\":\"mynah\",\"device\":\"mynah\"},"
		"\"compress\":false,\"large_threshold\":50,\"shard\":[0,1],\"presence\":{\"since\":"
		"null,"
		"\"activities\":[{\"name\":\"Custom Status\",\"type\":4,\"state\":\"chat "
		"\\\"here\\\"\"}],"
		"\"status\":\"online\",\"afk\":false}}}");
	assert_int_equal(gateway_count(ws, "{\"op\":3,"), 0);
}

static void a_restart_resumes(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	gateway_dispatch(ws, "MESSAGE_CREATE", 41);
	gateway_restart();
	assert_true(keeps_session(ws));
	ws = gateway_last();
	assert_string_equal(ws->url, RESUME_URL);
	gateway_hello(ws, 41250);
	assert_non_null(
		strstr(gateway_find(ws, RESUME)->text, "\"session_id\":\"abc\",\"seq\":41}"));
	resumed(ws, 42);
	assert_int_equal(gateway_count_all(IDENTIFY), 1);
}

static void crash_restarts_keep_their_distance(void **state)
{
	int64_t last_ms = 0;

	(void)state;
	for (int i = 0; i < 30; i++) { /* faults.md G4 */
		struct io_ws *ws = gateway_last();

		gateway_hello(ws, 41250);
		while (gateway_count(ws, IDENTIFY) == 0)
			gateway_pass(100);
		int64_t at_ms = gateway_find(ws, IDENTIFY)->at_ms;
		assert_true(i == 0 || at_ms - last_ms >= 5000);
		last_ms = at_ms;
		gateway_restart();
	}
	assert_int_equal(platform_identify_spent(gw.identify), 30);
}

static void at_900_it_stays_away_and_says_why(void **state)
{
	gateway_setup(state);
	gateway_spend(900);
	gateway_begin();
	gateway_pass(3600000);
	assert_int_equal(gw.sockets, 0);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_DOWN);
	assert_non_null(strstr(gw.why, "900 of the day's 1,000"));
	gateway_pass(86400000);
	assert_int_equal(gw.sockets, 1);
	gateway_teardown(NULL);
}

static void urls_with_and_without_a_slash(void **state)
{
	static const struct {
		const char *url, *resume;
	} cases[] = {
		{GATEWAY_RESUME, RESUME_URL},
		{GATEWAY_RESUME "/", RESUME_URL},
		{GATEWAY_RESUME "/?v=6&compress=zlib-stream", RESUME_URL},
		{GATEWAY_RESUME "/path//", GATEWAY_RESUME "/path/?v=10&encoding=json"},
		{"ws://resume.example", BASE_URL}, /* in the clear */
		{"ws://127.0.0.1:80", BASE_URL},   /* only if the base is, too */
		{"https://resume.example", BASE_URL},
		{"resume.example", BASE_URL},
		{"", BASE_URL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct io_ws *ws;

		begin(NULL);
		ws = gateway_last();
		gateway_hello(ws, 41250);
		gateway_pass(50);
		gateway_tellf(ws,
			"{\"op\":0,\"s\":1,\"t\":\"READY\",\"d\":{\"session_id\":\"abc\","
			"\"resume_gateway_url\":\"%s\"}}",
			cases[i].url);
		gateway_close(ws, 0);
		ws = next_after(ws, 1000);
		assert_string_equal(ws->url, cases[i].resume);
		gateway_hello(ws, 41250);
		assert_case(i, gateway_count(ws, RESUME) == 1);
		gateway_teardown(NULL);
	}
}

static void a_session_that_cannot_be_kept_is_not_resumed(void **state)
{
	char id[200];
	struct io_ws *ws = gateway_last();

	(void)state;
	memset(id, 'a', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	gateway_hello(ws, 41250);
	gateway_pass(50);
	gateway_ready(ws, id, 1);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_READY);
	gateway_close(ws, 0);
	assert_string_equal(next_after(ws, 7000)->url, BASE_URL);
}

static void without_hello_it_tries_again(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	gateway_open(ws);
	gateway_pass(29999);
	assert_false(ws->is_gone);
	gateway_pass(1);
	assert_true(keeps_session(ws));
	assert_non_null(strstr(gw.why, "HELLO"));
	next_after(ws, 1000);
}

static void a_hello_without_an_interval_is_none(void **state)
{
	static const char *const hellos[] = {
		"{\"op\":10}",
		"{\"op\":10,\"d\":null}",
		"{\"op\":10,\"d\":{\"heartbeat_interval\":0}}",
		"{\"op\":10,\"d\":{\"heartbeat_interval\":-5}}",
		"{\"op\":10,\"d\":{\"heartbeat_interval\":\"41250\"}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hellos); i++) {
		begin(NULL);
		gateway_open(gateway_last());
		gateway_tell(gateway_last(), hellos[i]);
		assert_case(i, keeps_session(gw.ws[0]));
		gateway_teardown(NULL);
	}
}

static void without_ready_it_tries_again(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	gateway_hello(ws, 41250);
	live(ws, 59000);
	assert_false(ws->is_gone);
	while (!ws->is_gone)
		live(ws, 20);
	assert_true(keeps_session(ws));
	assert_non_null(strstr(gw.why, "login"));
}

static void a_long_replay_is_waited_for(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	gateway_close(ws, 0);
	ws = next_after(ws, 1000);
	gateway_hello(ws, 41250);
	for (int64_t s = 2; s < 12; s++) {
		live(ws, 30000);
		gateway_dispatch(ws, "MESSAGE_CREATE", s);
	}
	resumed(ws, 12);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_READY);
}

/* ---- Group G -------------------------------------------------------------------------------- */

static void g6_a_dead_resume_host_does_not_lose_the_session(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	live(ws, 61000);
	gateway_close(ws, 0);
	ws = next_after(ws, 1000);
	assert_string_equal(ws->url, RESUME_URL);
	gateway_refuse(ws);
	assert_int_equal(gw.losses, 0);
	ws = next_after(ws, 2000);
	assert_string_equal(ws->url, BASE_URL);
	gateway_hello(ws, 41250);
	assert_int_equal(gateway_count(ws, RESUME), 1);
	gateway_tell(ws, "{\"op\":9,\"d\":false}");
	ws = next_after(ws, 6000);
	assert_string_equal(ws->url, BASE_URL);
	gateway_hello(ws, 41250);
	gateway_pass(50);
	assert_int_equal(gateway_count(ws, IDENTIFY), 1);
}

static void g6_after_three_failures_it_identifies(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");
	size_t failures = 0;

	(void)state;
	gateway_close(ws, 0);
	while (gateway_count_all(IDENTIFY) == 1) {
		ws = next_after(ws, 60000);
		if (strcmp(ws->url, RESUME_URL) == 0) {
			gateway_refuse(ws);
			continue;
		}
		gateway_hello(ws, 41250);
		gateway_pass(7000);
		if (gateway_count(ws, RESUME)) {
			failures++;
			gateway_close(ws, 0);
		}
	}
	assert_int_equal(failures, 3);
	assert_string_equal(ws->url, BASE_URL);
}

static void a_network_that_is_gone_costs_no_session(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");
	int64_t end_ms;

	(void)state;
	gateway_close(ws, 0);
	for (end_ms = clock_mono_ms() + 600000; clock_mono_ms() < end_ms; gateway_pass(10)) {
		ws = gateway_last();
		if (!ws->is_gone)
			gateway_refuse(ws);
	}
	assert_in_range(gw.sockets, 10, 60);
	assert_in_range(gw.losses, 1, 2);
	ws = next_after(ws, 60000);
	gateway_hello(ws, 41250);
	assert_int_equal(gateway_count(ws, RESUME), 1);
	assert_int_equal(gateway_count_all(IDENTIFY), 1);
}

static void another_url_is_taken_up(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	gateway_refuse(ws);
	assert_int_equal(gw.losses, 1);
	platform_gateway_url(gw.gateway, "wss://other.example");
	platform_gateway_url(gw.gateway, "nonsense");
	ws = next_after(ws, 10000);
	assert_string_equal(ws->url, "wss://other.example/?v=10&encoding=json");
}

static void g7_garbage_ends_in_patience(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");
	int64_t end_ms;

	(void)state;
	for (end_ms = clock_mono_ms() + 600000; clock_mono_ms() < end_ms; gateway_pass(50)) {
		ws = gateway_last();
		if (ws->is_gone)
			continue;
		if (clock_mono_ms() - ws->at_ms >= 50 && !gw.gateway->wire.beat.interval_ms)
			gateway_hello(ws, 41250);
		if (!ws->is_gone && clock_mono_ms() - ws->at_ms >= 100)
			gateway_tell(ws, "\x01\x02 garbage");
	}
	assert_in_range(gw.sockets, 6, 40);
	assert_true(platform_identify_spent(gw.identify) < 10);
}

static void g7_what_is_too_deep_is_left_out_alone(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 16);
	assert_int_equal(buf_adds(&text, "{\"op\":0,\"s\":2,\"t\":\"MESSAGE_CREATE\",\"d\":"), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_addc(&text, '['), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_addc(&text, ']'), 0);
	assert_int_equal(buf_addc(&text, '}'), 0);
	gateway_tell_bytes(ws, buf_str(&text), false);
	buf_fini(&text);
	assert_false(ws->is_gone);
	gateway_dispatch(ws, "MESSAGE_CREATE", 3);
	assert_string_equal(buf_text(&gw.types), "READY:1 MESSAGE_CREATE:3 ");
}

static void g7_without_memory_nothing_is_lost(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");
	char text[] = "{\"op\":0,\"s\":2,\"t\":\"MESSAGE_CREATE\",\"d\":{\"a\":[1,2,3]}}";

	(void)state;
	json_tape_shrink(gw.gateway->tape);
	mem_fail_at(1, 1);
	ws->o.message(ws->o.ctx, text, strlen(text));
	mem_fail_at(0, 0);
	gateway_pass(0);
	if (!ws->is_gone) /* it needed none */
		return;
	ws = next_after(ws, 1000);
	gateway_hello(ws, 41250);
	assert_non_null(strstr(gateway_find(ws, RESUME)->text, "\"seq\":1}"));
	gateway_tell(ws, text);
	assert_string_equal(buf_text(&gw.types), "READY:1 MESSAGE_CREATE:2 ");
}

static void g9_beats_get_through_whatever_else_is_said(void **state)
{
	struct io_ws *ws = gateway_last();
	size_t in_minute = 0;

	(void)state;
	gateway_hello(ws, 1000);
	gateway_pass(30);
	gateway_ready(ws, "abc", 1);
	for (int i = 0; i < 6000; i++) {
		assert_int_equal(platform_gateway_presence(gw.gateway, i % 2 ? "a" : "b"), 0);
		if (i % 10 == 0)
			gateway_tell(ws, "{\"op\":1}");
		live(ws, 20);
	}
	for (size_t i = 0; i < ws->n; i++) {
		size_t k = i, presences = 0;

		for (; k < ws->n && ws->said[k].at_ms < ws->said[i].at_ms + 60000; k++)
			presences += strncmp(ws->said[k].text, "{\"op\":3,", 8) == 0 &&
				     ws->said[k].at_ms < ws->said[i].at_ms + 20000;
		assert_true(presences <= 5);
		if (k - i > in_minute)
			in_minute = k - i;
	}
	assert_in_range(in_minute, 100, 120);
	assert_false(ws->is_gone);
}

static void the_last_presence_counts(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
			platform_gateway_presence(gw.gateway, i == 19 ? "last" : "other"), 0);
		gateway_pass(10);
	}
	assert_int_equal(gateway_count(ws, "{\"op\":3,"), 5);
	live(ws, 21000);
	assert_int_equal(gateway_count(ws, "{\"op\":3,"), 6);
	assert_string_equal(gateway_find(ws, "{\"op\":3,")->text,
		"{\"op\":3,\"d\":{\"since\":null,"
		"\"activities\":[{\"name\":\"Custom "
		"Status\",\"type\":4,\"state\":\"last\"}],\"status\":"
		"\"online\",\"afk\":false}}");
	assert_int_equal(platform_gateway_presence(gw.gateway, NULL), 0);
	live(ws, 21000);
	assert_non_null(strstr(gateway_find(ws, "{\"op\":3,")->text, "\"activities\":[]"));
}

static void a_long_activity_is_cut(void **state)
{
	char text[3000];
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	memset(text, '"', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(platform_gateway_presence(gw.gateway, text), 0);
	gateway_pass(0);
	assert_int_equal(gateway_count(ws, "{\"op\":3,"), 1);
	assert_true(strlen(gateway_find(ws, "{\"op\":3,")->text) < 512);
}

static void n6_short_lives_grow_apart(void **state)
{
	int64_t began_ms = clock_mono_ms();

	(void)state;
	while (clock_mono_ms() - began_ms < 600000) {
		struct io_ws *ws = gateway_last();

		if (ws->is_gone) {
			gateway_pass(100);
			continue;
		}
		gateway_hello(ws, 41250);
		gateway_pass(50);
		if (gateway_count(ws, RESUME))
			resumed(ws, gw.gateway->session.seq + 1);
		else if (gateway_count(ws, IDENTIFY))
			gateway_ready(ws, "abc", 1);
		live(ws, 10000);
		gateway_close(ws, 0);
	}
	assert_in_range(gw.sockets, 8, 30);
}

static void n10_after_a_sleep_it_asks_before_it_judges(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	live(ws, 100000);
	size_t beats = gateway_count(ws, BEAT);
	while (gateway_count(ws, BEAT) == beats)
		gateway_pass(10);
	io_clock_shift(gw.io, 7200000); /* its answer waits in the socket */
	gateway_pass(0);
	assert_false(ws->is_gone);
	assert_int_equal(gateway_count(ws, BEAT), beats + 2);
	gateway_pass(4999);
	assert_false(ws->is_gone);
	gateway_pass(1);
	assert_true(keeps_session(ws));
}

static void one_socket_at_a_time(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	for (int i = 0; i < 50; i++) {
		gateway_tell(ws, i % 3 ? "{\"op\":7}" : "{\"op\":9,\"d\":true}");
		ws = next_after(ws, 70000);
		assert_int_equal(gateway_live(), 1);
		gateway_hello(ws, 41250);
		if (gateway_count(ws, RESUME))
			resumed(ws, i + 10);
	}
}

/* ---- Compression ---------------------------------------------------------------------------- */

static void say_packed(struct io_ws *ws, z_stream *s, const char *text)
{
	char packed[4096];

	s->next_in = (z_const Bytef *)text;
	s->avail_in = (uInt)strlen(text);
	s->next_out = (Bytef *)packed;
	s->avail_out = sizeof(packed);
	assert_int_equal(deflate(s, Z_SYNC_FLUSH), Z_OK);
	size_t n = sizeof(packed) - s->avail_out, half = n / 2;
	gateway_tell_bytes(ws, (struct str){packed, half}, true);
	if (!ws->is_gone)
		gateway_tell_bytes(ws, (struct str){packed + half, n - half}, true);
}

static void a_compressed_session(void **state)
{
	z_stream s = {0};
	struct io_ws *ws;

	gateway_setup(state);
	gw.compress = true;
	gateway_begin();
	ws = gateway_last();
	assert_string_equal(ws->url, BASE_URL "&compress=zlib-stream");
	assert_int_equal(deflateInit(&s, 6), Z_OK);
	gateway_open(ws);
	say_packed(ws, &s, "{\"op\":10,\"d\":{\"heartbeat_interval\":41250}}");
	gateway_pass(50);
	say_packed(ws, &s,
		"{\"op\":0,\"s\":1,\"t\":\"READY\",\"d\":{\"session_id\":\"abc\","
		"\"resume_gateway_url\":\"" GATEWAY_RESUME "\"}}");
	say_packed(ws, &s, "{\"op\":0,\"s\":2,\"t\":\"MESSAGE_CREATE\",\"d\":{}}");
	gateway_tell(
		ws, "{\"op\":0,\"s\":3,\"t\":\"MESSAGE_CREATE\",\"d\":{}}"); /* text is plain */
	say_packed(ws, &s, "{\"op\":7}");
	deflateEnd(&s);
	assert_string_equal(buf_text(&gw.types), "READY:1 MESSAGE_CREATE:2 MESSAGE_CREATE:3 ");

	ws = next_after(ws, 1000); /* a new context with a new connection */
	assert_string_equal(ws->url, RESUME_URL "&compress=zlib-stream");
	memset(&s, 0, sizeof(s));
	assert_int_equal(deflateInit(&s, 6), Z_OK);
	gateway_open(ws);
	say_packed(ws, &s, "{\"op\":10,\"d\":{\"heartbeat_interval\":41250}}");
	assert_int_equal(gateway_count(ws, RESUME), 1);
	deflateEnd(&s);
	memset(&s, 0, sizeof(s));
	assert_int_equal(deflateInit(&s, 6), Z_OK); /* the server forgot its context */
	say_packed(ws, &s, "{\"op\":11}");
	deflateEnd(&s);
	assert_true(keeps_session(ws));
	gateway_teardown(NULL);
}

static void a_bomb_is_no_harm(void **state)
{
	static char zeros[1 << 20], packed[1 << 18];
	struct io_ws *ws;
	z_stream s = {0};

	gateway_setup(state);
	gw.compress = true;
	gateway_begin();
	ws = gateway_last();
	gateway_open(ws);
	assert_int_equal(deflateInit(&s, 9), Z_OK);
	s.next_out = (Bytef *)packed;
	s.avail_out = sizeof(packed);
	for (int i = 0; i < 32; i++) {
		s.next_in = (z_const Bytef *)zeros;
		s.avail_in = sizeof(zeros);
		assert_int_equal(deflate(&s, i == 31 ? Z_SYNC_FLUSH : Z_NO_FLUSH), Z_OK);
	}
	gateway_tell_bytes(ws, (struct str){packed, sizeof(packed) - s.avail_out}, true);
	deflateEnd(&s);
	assert_true(keeps_session(ws));
	assert_string_equal(gw.why,
		"Discord sent what cannot be read: its compression is broken, or it is "
		"too large");
	gateway_teardown(NULL);
}

static void binary_messages_nobody_asked_for(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	gateway_tell_bytes(ws, STR("\x78\x9c\x01\x02"), true);
	assert_true(keeps_session(ws));
}

/* ---- The owner ------------------------------------------------------------------------------ */

static void free_it(struct platform_gateway *g, struct str type)
{
	(void)type;
	platform_gateway_free(g);
	gw.gateway = NULL;
}

static void it_may_be_freed_in_a_dispatch(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	gateway_hello(ws, 41250);
	gateway_pass(50);
	gw.on_dispatch = free_it;
	gateway_ready(ws, "abc", 1);
	assert_true(ws->is_gone);
	gateway_pass(100000);
	assert_int_equal(gw.sockets, 1);
}

static void stop_it(struct platform_gateway *g, struct str type)
{
	(void)type;
	platform_gateway_stop(g);
}

static int64_t seq_if_it_crashed_now(void)
{
	struct platform_sessions *after;
	int64_t seq;

	assert_int_equal(platform_sessions_open(gw.io, gw.worker, gw.dir, gw.token, &after), 0);
	seq = platform_sessions_get(after, 0, 1)->seq;
	platform_sessions_free(after);
	return seq;
}

static void answer_it(struct platform_gateway *g, struct str type)
{
	(void)g;
	(void)type;
	assert_int_equal(seq_if_it_crashed_now(), 1);
	platform_sessions_mark(gw.sessions);
	assert_int_equal(seq_if_it_crashed_now(), 2);
}

static void what_was_answered_is_not_sent_again_and_all_else_is(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");

	(void)state;
	gateway_pass(0);
	gw.on_dispatch = answer_it;
	gateway_dispatch(ws, "MESSAGE_CREATE", 2);
	gw.on_dispatch = NULL;
	gateway_dispatch(ws, "MESSAGE_CREATE", 3);
	assert_int_equal(seq_if_it_crashed_now(), 2);
}

static void it_may_be_stopped_in_a_dispatch(void **state)
{
	struct io_ws *ws = gateway_last();

	(void)state;
	gateway_hello(ws, 41250);
	gateway_pass(50);
	gw.on_dispatch = stop_it;
	gateway_ready(ws, "abc", 1);
	gateway_pass(1000);
	assert_int_equal(ws->code, 1000);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_STOPPED);
}

static void its_status_is_json(void **state)
{
	struct io_ws *ws = gateway_come_up("abc");
	struct buf out;
	struct json *j;

	(void)state;
	live(ws, 50000);
	buf_init(&out, 4096);
	assert_int_equal(platform_gateway_status(gw.gateway, &out), 0);
	assert_int_equal(json_parse(buf_str(&out), 4096, &j, NULL), 0);
	assert_str(json_str(j, "state"), STR("ready"));
	assert_int_equal(json_int(j, "seq", -1), 1);
	assert_int_equal(json_int(j, "identifies", -1), 1);
	assert_in_range(json_int(j, "latency_ms", -1), 0, 20);
	json_free(j);
	buf_fini(&out);
}

static void no_gateway_without_a_url_or_memory(void **state)
{
	struct platform_gateway_options o = {.io = NULL, .url = "https://gateway.example"};
	struct platform_gateway *g;

	(void)state;
	assert_int_equal(platform_gateway_new(&o, &g), ERR_INVALID);
	o = gw.gateway->o;
	o.url = GATEWAY_BASE;
	for (unsigned long at = 1; at <= 4; at++) {
		mem_fail_at(at, 1);
		assert_case(at, platform_gateway_new(&o, &g) == ERR_NOMEM);
		mem_fail_at(0, 0);
	}
}

#define UP(f) cmocka_unit_test_setup_teardown(f, begin, gateway_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UP(script_1_beats_after_hello_then_every_interval),
		UP(script_2_a_zombie_is_left_and_resumed),
		UP(script_3_a_beat_that_is_asked_for_moves_nothing),
		UP(a_beat_that_is_asked_for_condemns_nobody),
		UP(script_4_op_7_before_hello),
		UP(script_5_op_7_resumes_at_once),
		UP(op_7_for_ever_is_no_tight_loop),
		UP(script_6_a_replay_is_told_once),
		UP(script_7_op_9_false_begins_anew),
		UP(script_8_op_9_true_resumes),
		cmocka_unit_test(script_9_refusals_are_for_ever),
		cmocka_unit_test(script_10_lost_sessions_are_identified_anew),
		cmocka_unit_test(other_codes_are_resumed),
		UP(script_11_after_three_lost_resumes_it_identifies),
		cmocka_unit_test(script_12_fewer_than_10_identifies_in_5_minutes),
		cmocka_unit_test(script_13_nothing_left_of_the_day),
		UP(script_14_a_large_ready),
		UP(script_15_what_nobody_knows_is_let_be),
		UP(script_16_the_sequence_never_falls),
		UP(sequence_0_is_not_no_sequence),
		cmocka_unit_test(script_17_what_cannot_be_read_is_resumed_with_patience),
		UP(script_18_the_end_says_goodbye),
		UP(the_login_is_what_discord_wants),
		UP(a_restart_resumes),
		UP(crash_restarts_keep_their_distance),
		cmocka_unit_test(at_900_it_stays_away_and_says_why),
		cmocka_unit_test(urls_with_and_without_a_slash),
		UP(a_session_that_cannot_be_kept_is_not_resumed),
		UP(without_hello_it_tries_again),
		cmocka_unit_test(a_hello_without_an_interval_is_none),
		UP(without_ready_it_tries_again),
		UP(a_long_replay_is_waited_for),
		UP(g6_a_dead_resume_host_does_not_lose_the_session),
		UP(g6_after_three_failures_it_identifies),
		UP(a_network_that_is_gone_costs_no_session),
		UP(another_url_is_taken_up),
		UP(g7_garbage_ends_in_patience),
		UP(g7_what_is_too_deep_is_left_out_alone),
		UP(g7_without_memory_nothing_is_lost),
		UP(g9_beats_get_through_whatever_else_is_said),
		UP(the_last_presence_counts),
		UP(a_long_activity_is_cut),
		UP(n6_short_lives_grow_apart),
		UP(n10_after_a_sleep_it_asks_before_it_judges),
		UP(one_socket_at_a_time),
		cmocka_unit_test(a_compressed_session),
		cmocka_unit_test(a_bomb_is_no_harm),
		UP(binary_messages_nobody_asked_for),
		UP(it_may_be_freed_in_a_dispatch),
		UP(what_was_answered_is_not_sent_again_and_all_else_is),
		UP(it_may_be_stopped_in_a_dispatch),
		UP(its_status_is_json),
		UP(no_gateway_without_a_url_or_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
