/* The HTTP client against a peer that answers well, slowly, and badly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io_peer.h"

static struct peer peer;
static struct io *io;

struct got {
	struct io_http *http;
	bool is_done;
	int err, status, heads, pieces;
	int64_t retry_after_ms, date_ms;
	bool was_sent;
	char why[256], header[64], body[4096];
	size_t len;
	const char *cancel_in; /* "head", "data", "done" */
	bool is_cancelled;
};

static bool maybe_cancel(struct got *g, const char *where)
{
	if (!g->cancel_in || strcmp(g->cancel_in, where) != 0)
		return false;
	io_http_cancel(g->http);
	g->is_cancelled = true;
	return true;
}

static void on_head(void *ctx, int status)
{
	struct got *g = ctx;

	assert_false(g->is_cancelled);
	g->heads++;
	g->status = status;
	snprintf(g->header, sizeof(g->header), "%s", io_http_header(g->http, "x-peer"));
	maybe_cancel(g, "head");
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct got *g = ctx;

	assert_false(g->is_cancelled);
	g->pieces++;
	if (g->len + n < sizeof(g->body))
		memcpy(g->body + g->len, bytes, n);
	g->len += n;
	maybe_cancel(g, "data");
}

static void on_done(void *ctx, int err, const char *why)
{
	struct got *g = ctx;

	assert_false(g->is_cancelled || g->is_done);
	g->is_done = true;
	g->err = err;
	g->status = io_http_status(g->http);
	g->retry_after_ms = io_http_retry_after_ms(g->http);
	g->date_ms = io_http_date_ms(g->http);
	g->was_sent = io_http_was_sent(g->http);
	snprintf(g->why, sizeof(g->why), "%s", why);
	maybe_cancel(g, "done");
}

static struct io_http_options options(struct got *g, char *url, size_t size, const char *path)
{
	struct io_http_options o = {
		.method = "GET", .url = url, .ca_file = peer.ca_file, .max_body = 100000,
		.head = on_head, .data = on_data, .done = on_done, .ctx = g,
	};

	snprintf(url, size, "http://127.0.0.1:%d%s", peer.plain, path);
	return o;
}

static void ask(struct got *g, const char *path)
{
	char url[256];
	struct io_http_options o = options(g, url, sizeof(url), path);

	g->http = io_http_start(io, &o);
	assert_non_null(g->http);
	assert_true(turn_until(io, &g->is_done, 10000));
}

/* Connections, requests, and answers the client walked away from, as the peer counts them. */
static void count(int *connections, int *requests, int *walked)
{
	struct got g = {0};

	ask(&g, "/count");
	assert_int_equal(sscanf(g.body, "%d %d %d", connections, requests, walked), 3);
}

static void test_answers(void **state)
{
	static const struct {
		const char *path, *body, *header;
		int status;
	} cases[] = {
		{"/hello", "hello", "Yes", 200},
		{"/split", "line one\nline two\n", "Yes", 200},
		{"/empty", "", "", 204},
		{"/redirect", "", "", 302},
		{"/retry?1", "", "", 429},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct got g = {0};

		ask(&g, cases[i].path);
		assert_int_equal(g.err, 0);
		assert_int_equal(g.heads, 1);
		assert_int_equal(g.status, cases[i].status);
		assert_string_equal(g.body, cases[i].body);
		assert_string_equal(g.header, cases[i].header);
	}
}

static void test_what_is_sent(void **state)
{
	static const char *const headers[] = {"X-Ask: please", "Content-Type: text/plain", NULL};
	struct got g = {0};
	char url[256];
	struct io_http_options o = options(&g, url, sizeof(url), "/say");

	(void)state;
	o.method = "POST";
	o.headers = headers;
	o.body = STR("the body");
	g.http = io_http_start(io, &o);
	assert_true(turn_until(io, &g.is_done, 30000));
	assert_string_equal(g.body, "POST please the body");
	g = (struct got){0};
	o.method = "DELETE";
	o.headers = NULL;
	o.body = (struct str){0};
	g.http = io_http_start(io, &o);
	assert_true(turn_until(io, &g.is_done, 30000));
	assert_string_equal(g.body, "DELETE  ");
}

static void test_connections_are_reused(void **state)
{
	int before, after, requests, walked, i;

	(void)state;
	count(&before, &requests, &walked);
	for (i = 0; i < 5; i++) {
		struct got g = {0};

		ask(&g, "/hello");
		assert_int_equal(g.err, 0);
	}
	count(&after, &requests, &walked);
	assert_int_equal(after, before);
}

static void test_failures(void **state)
{
	static const struct {
		const char *path;
		int err;
		const char *why;
	} cases[] = {
		{"/silent", ERR_TIMEOUT, "no first byte of the answer"},
		{"/stall", ERR_TIMEOUT, "stalled"},
		{"/trickle", ERR_TIMEOUT, "the total of"},
		{"/cut", ERR_CLOSED, ""},
		{"/short", ERR_CLOSED, ""},
		{"/nothing", ERR_CONNECT, ""},
		{"/garbage", ERR_PARSE, ""},
		{"/headers", ERR_LIMIT, "headers"},
		{"/endless", ERR_LIMIT, "over 100000 bytes"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct got g = {0};
		char url[256];
		struct io_http_options o = options(&g, url, sizeof(url), cases[i].path);

		o.first_byte_ms = 200;
		o.idle_ms = 201;
		o.total_ms = 600;
		g.http = io_http_start(io, &o);
		assert_true(turn_until(io, &g.is_done, 30000));
		print_message("# %s: %s: %s\n", cases[i].path, err_name(g.err), g.why);
		assert_int_equal(g.err, cases[i].err);
		assert_non_null(strstr(g.why, cases[i].why));
	}
}

static void test_no_connection(void **state)
{
	static const struct {
		const char *host;
		bool is_local;
		int err;
	} cases[] = {
		{"127.0.0.1", false, ERR_CONNECT},
		{"nobody.invalid", false, ERR_NAME},
		{"169.254.169.254", false, ERR_DENIED},
		{"2852039166", false, ERR_DENIED},
		{"0xa9fea9fe", false, ERR_DENIED},
		{"[::ffff:169.254.169.254]", false, ERR_DENIED},
		{"[64:ff9b::a9fe:a9fe]", false, ERR_DENIED},
		{"[fe80::1]", false, ERR_DENIED},
		{"[fd00:ec2::254]", false, ERR_DENIED},
		{"0.0.0.0", false, ERR_DENIED},
		{"192.0.2.1", true, ERR_DENIED},
	};
	int port = port_refused();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct got g = {0};
		char url[256];
		struct io_http_options o = options(&g, url, sizeof(url), "/");

		snprintf(url, sizeof(url), "http://%s:%d/", cases[i].host, port);
		o.loopback_only = cases[i].is_local;
		o.connect_ms = 12000;
		g.http = io_http_start(io, &o);
		assert_non_null(g.http);
		assert_true(turn_until(io, &g.is_done, 15000));
		print_message("# %s: %s\n", url, g.why);
		assert_int_equal(g.err, cases[i].err);
	}
}

static void test_connect_deadline(void **state)
{
	struct got g = {0};
	int port, fd = listen_silent(&port);
	char url[256];
	struct io_http_options o = options(&g, url, sizeof(url), "/");

	(void)state;
	/* TCP comes up, TLS never does. */
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", port);
	o.connect_ms = 200;
	g.http = io_http_start(io, &o);
	assert_true(turn_until(io, &g.is_done, 30000));
	assert_int_equal(g.err, ERR_TIMEOUT);
	assert_non_null(strstr(g.why, "not connected"));
	close(fd);
}

static void test_tls(void **state)
{
	const struct {
		const char *host;
		int port, err;
		const char *why;
	} cases[] = {
		{"localhost", peer.good, 0, ""},
		{"127.0.0.1", peer.good, 0, ""},
		{"localhost", peer.wrong, ERR_TLS, "localhost"},
		{"localhost", peer.expired, ERR_TLS, "expired"},
		{"localhost", peer.unknown, ERR_TLS, "certificate"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct got g = {0};
		char url[256];
		struct io_http_options o = options(&g, url, sizeof(url), "/");

		snprintf(url, sizeof(url), "https://%s:%d/hello", cases[i].host, cases[i].port);
		g.http = io_http_start(io, &o);
		assert_true(turn_until(io, &g.is_done, 30000));
		print_message("# %s\n", g.why);
		assert_int_equal(g.err, cases[i].err);
		assert_non_null(strstr(g.why, cases[i].why));
	}
}

static void test_a_renewed_file_of_authorities_is_read(void **state)
{
	struct got before = {0}, after = {0};
	char url[256];
	struct io_http_options o = options(&before, url, sizeof(url), "/");

	(void)state;
	snprintf(url, sizeof(url), "https://localhost:%d/hello", peer.unknown);
	before.http = io_http_start(io, &o);
	assert_true(turn_until(io, &before.is_done, 30000));
	assert_int_equal(before.err, ERR_TLS);
	peer_renew(&peer, "stranger");
	o.ctx = &after;
	after.http = io_http_start(io, &o);
	assert_true(turn_until(io, &after.is_done, 30000));
	assert_int_equal(after.err, 0);
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *value;
		int64_t low, high;
	} cases[] = {
		{"7", 7000, 7000},
		{"0", 0, 0},
		{"1.5", 1500, 1500},
		{"99999999999", 3600000, 3600000},
		{"-3", -1, -1},
		{"soon", -1, -1},
		{"12_apples", -1, -1},
		{"Sun,_06_Nov_1994_08:49:37_GMT", 0, 0},
		{"Fri,_31_Dec_2038_23:59:59_GMT", 3600000, 3600000},
	};
	struct got none = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct got g = {0};
		char path[64];

		snprintf(path, sizeof(path), "/retry?%s", cases[i].value);
		ask(&g, path);
		assert_int_equal(g.status, 429);
		assert_true(g.retry_after_ms >= cases[i].low && g.retry_after_ms <= cases[i].high);
	}
	ask(&none, "/hello");
	assert_int_equal(none.retry_after_ms, -1);
}

static void test_the_answer_tells_the_peers_time(void **state)
{
	struct got at = {0}, odd = {0}, none = {0};

	(void)state;
	ask(&at, "/date?Fri,_31_Dec_2038_23:59:59_GMT");
	assert_true(at.date_ms == 2177452799000);
	ask(&odd, "/date?yesterday");
	assert_true(odd.date_ms == -1);
	ask(&none, "/hello");
	assert_true(none.date_ms == -1);
}

static void test_it_is_known_whether_the_request_left(void **state)
{
	struct got sent = {0}, unsent = {0};
	char url[256];
	struct io_http_options o = options(&unsent, url, sizeof(url), "/");

	(void)state;
	ask(&sent, "/nothing");
	assert_true(sent.err != 0 && sent.was_sent);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port_refused());
	unsent.http = io_http_start(io, &o);
	assert_non_null(unsent.http);
	assert_true(turn_until(io, &unsent.is_done, 30000));
	assert_true(unsent.err != 0 && !unsent.was_sent);
}

static void test_cancel_in_each_callback_and_moment(void **state)
{
	static const char *const where[] = {"head", "data", "done"};
	int before, after, requests, turns;
	size_t i;

	(void)state;
	count(&turns, &requests, &before);
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		struct got g = {.cancel_in = where[i]};
		char url[256];
		struct io_http_options o =
			options(&g, url, sizeof(url), i < 2 ? "/stall" : "/hello");

		g.http = io_http_start(io, &o);
		assert_true(turn_until(io, &g.is_cancelled, 30000));
		turn_for(io, 50);
	}
	for (turns = 0; turns < 12; turns++) {
		struct got g = {0};
		char url[256];
		struct io_http_options o = options(&g, url, sizeof(url), "/silent");
		int j;

		g.http = io_http_start(io, &o);
		for (j = 0; j < turns; j++)
			io_turn(io, 2);
		io_http_cancel(g.http);
		turn_for(io, 5);
		assert_false(g.is_done);
	}
	io_http_cancel(NULL);
	turn_for(io, 100);
	/* The peer saw the connections close: it would have stopped generating. */
	count(&turns, &requests, &after);
	assert_true(after - before >= 2 + 5);
}

static void test_loop_freed_with_requests_in_flight(void **state)
{
	struct got g[4];
	char url[256];
	struct io_http_options o;
	size_t i;

	(void)state;
	memset(g, 0, sizeof(g));
	for (i = 0; i < 4; i++) {
		o = options(&g[i], url, sizeof(url), i % 2 ? "/trickle" : "/silent");
		g[i].http = io_http_start(io, &o);
	}
	turn_for(io, 100);
	io_free(io);
	assert_int_equal(io_new(&io), 0);
	for (i = 0; i < 4; i++)
		assert_false(g[i].is_done);
}

/* faults.md X1. */
static void test_every_allocation_may_fail_once(void **state)
{
	int n;

	(void)state;
	for (n = 1; n < 30; n++) {
		struct got g = {0};
		char url[256];
		struct io_http_options o = options(&g, url, sizeof(url), "/hello");

		mem_fail_at((unsigned long)n, 0);
		g.http = io_http_start(io, &o);
		if (g.http)
			assert_true(turn_until(io, &g.is_done, 25000));
		mem_fail_at(0, 0);
		if (g.http && g.err == 0)
			assert_string_equal(g.body, "hello");
	}
}

static void test_a_failed_allocation_ends_one_request_only(void **state)
{
	int n;

	(void)state;
	for (n = 1; n < 40; n++) {
		struct got g[2] = {{0}, {0}};
		char url[2][256];
		int i, failed = 0;

		for (i = 0; i < 2; i++) {
			struct io_http_options o = options(&g[i], url[i], sizeof(url[i]), "/hello");

			if (i == 1)
				mem_fail_at((unsigned long)n, 0);
			g[i].http = io_http_start(io, &o);
		}
		for (i = 0; i < 2; i++) {
			if (g[i].http)
				assert_true(turn_until(io, &g[i].is_done, 25000));
			failed += !g[i].http || g[i].err != 0;
		}
		mem_fail_at(0, 0);
		assert_in_range(failed, 0, 1);
	}
}

static void test_bad_requests_are_refused_at_once(void **state)
{
	static const char *const smuggle[] = {"X: a\r\nY: b", NULL};
	struct got g = {0};
	char url[256];
	struct io_http_options o = options(&g, url, sizeof(url), "/hello");

	(void)state;
	o.headers = smuggle;
	assert_null(io_http_start(io, &o));
	o.headers = NULL;
	o.url = "file:///etc/passwd";
	assert_null(io_http_start(io, &o));
	o.url = "http://user@host/";
	assert_null(io_http_start(io, &o));
}

static int set_up(void **state)
{
	(void)state;
	peer_start(&peer);
	return log_open(getenv("IO_TEST_LOG"), LOG_DEBUG);
}

static int tear_down(void **state)
{
	(void)state;
	peer_stop(&peer);
	metric_reset();
	return 0;
}

static int new_loop(void **state)
{
	(void)state;
	return io_new(&io);
}

static int free_loop(void **state)
{
	(void)state;
	io_free(io);
	io = NULL;
	return 0;
}

#define WITH_LOOP(f) cmocka_unit_test_setup_teardown(f, new_loop, free_loop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(test_answers),
		WITH_LOOP(test_what_is_sent),
		WITH_LOOP(test_connections_are_reused),
		WITH_LOOP(test_failures),
		WITH_LOOP(test_no_connection),
		WITH_LOOP(test_connect_deadline),
		WITH_LOOP(test_tls),
		WITH_LOOP(test_retry_after),
		WITH_LOOP(test_the_answer_tells_the_peers_time),
		WITH_LOOP(test_it_is_known_whether_the_request_left),
		WITH_LOOP(test_cancel_in_each_callback_and_moment),
		WITH_LOOP(test_loop_freed_with_requests_in_flight),
		WITH_LOOP(test_every_allocation_may_fail_once),
		WITH_LOOP(test_a_failed_allocation_ends_one_request_only),
		WITH_LOOP(test_bad_requests_are_refused_at_once),
		WITH_LOOP(test_a_renewed_file_of_authorities_is_read), /* the last: it stays so */
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
