/* The HTTP server, asked over raw sockets as a careless or hostile client would. The client runs on
 * a thread, the loop on the main one. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io_peer.h"

static struct io *io;
static struct io_serve *serve;
static char path[64], listen_on[32];
static int port;
static int answered;
static bool free_in_answer;

/* Says back what was understood. "/big" is 300,000 bytes. */
static void answer(void *ctx, const struct io_request *q, struct io_response *a)
{
	int i;

	(void)ctx;
	answered++;
	a->status = strcmp(q->path, "/missing") == 0 ? 404 : 200;
	a->content_type = "text/plain";
	if (free_in_answer) {
		io_serve_free(serve);
		serve = NULL;
		return;
	}
	if (strcmp(q->path, "/big") == 0) {
		for (i = 0; i < 30000; i++)
			assert_int_equal(buf_adds(&a->body, "0123456789"), 0);
		return;
	}
	assert_int_equal(buf_addf(&a->body, "%s|%s|%s|%s|%s|%s|%.*s|%s", q->method, q->path,
		q->query, q->authorization, q->content_type, q->request_id, STR_FMT(q->body),
		q->is_local ? "local" : "tcp"), 0);
}

/* ---- The client's side ----------------------------------------------------------------------- */

static int connect_tcp(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* How long a test waits for an end that comes: a busy machine is slow, and only a failure waits. */
#define PATIENCE_MS 60000

/* Reads what came within ms into text; *is_closed when the server closed. */
static void read_for(int fd, char *text, size_t size, int64_t ms, bool *is_closed)
{
	int64_t until = clock_mono_us() / 1000 + ms;
	size_t n = strlen(text);

	*is_closed = false;
	while (clock_mono_us() / 1000 < until && !*is_closed && n + 1 < size) {
		ssize_t r;

		io_turn(io, 10);
		r = recv(fd, text + n, size - n - 1, MSG_DONTWAIT);
		if (r > 0)
			text[n += (size_t)r] = '\0';
		else if (r == 0 || (errno != EAGAIN && errno != EINTR))
			*is_closed = true;
	}
}

/* Asks, and reads until the server closes. */
static bool ask_raw(const char *request, size_t len, char *text, size_t size)
{
	int fd = connect_tcp();
	bool is_closed;

	text[0] = '\0';
	assert_int_equal(send(fd, request, len, MSG_NOSIGNAL), (ssize_t)len);
	read_for(fd, text, size, PATIENCE_MS, &is_closed);
	close(fd);
	return is_closed;
}

#define HEAD "Host: x\r\n"
#define LAST "Connection: close\r\n\r\n"

static void test_requests_as_understood(void **state)
{
	static const struct {
		const char *request, *status, *body;
	} cases[] = {
		{"GET /a/b?x=1&y=2 HTTP/1.1\r\n" HEAD LAST, "200 OK",
			"GET|/a/b|x=1&y=2||||" "|tcp"},
		{"POST /p HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\n"
			"Content-Length: 4\r\nAuthorization: Bearer abc\r\nX-Request-ID: r-1\r\n"
			LAST "{ab}", "200 OK",
			"POST|/p||Bearer abc|application/json|r-1|{ab}|tcp"},
		{"POST /p HTTP/1.1\r\n" HEAD "Content-Length: 0\r\n" LAST, "200 OK",
			"POST|/p|||||" "|tcp"},
		{"POST /p HTTP/1.1\r\n" HEAD LAST, "200 OK", "POST|/p|||||" "|tcp"},
		{"PUT /p HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n" LAST "hi", "200 OK",
			"PUT|/p|||||hi|tcp"},
		{"PATCH /p HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n" LAST "hi", "200 OK",
			"PATCH|/p|||||hi|tcp"},
		{"DELETE /p HTTP/1.1\r\n" HEAD LAST, "200 OK", "DELETE|/p|||||" "|tcp"},
		{"GET /missing HTTP/1.1\r\n" HEAD LAST, "404 Not Found", "GET|/missing"},
		{"GET / HTTP/1.0\r\n\r\n", "200 OK", "GET|/|"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[4096];
		bool is_closed = ask_raw(cases[i].request, strlen(cases[i].request), text,
			sizeof(text));

		if (!is_closed || !strstr(text, cases[i].status) || !strstr(text, cases[i].body))
			fail_msg("%s gave (%d) %s", cases[i].request, is_closed, text);
	}
}

static void test_bad_framing_is_refused_and_closed(void **state)
{
	static const struct {
		const char *request, *status; /* "" = closed without an answer */
	} cases[] = {
		{"POST / HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411"},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: 65537\r\n\r\n", "413"},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: 99999999999999999999\r\n\r\n", "4"},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: 5x\r\n\r\nhello", "400"},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: +5\r\n\r\nhello", "400"},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: -5\r\n\r\nhello", ""},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
			"400"},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: 5, 5\r\n\r\nhello", "400"},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: 5\r\n"
			"Transfer-Encoding: chunked\r\n\r\n", "411"},
		{"GET / HTTP/1.1\r\n\r\n", "400"},
		{"BREW / HTTP/1.1\r\n" HEAD "\r\n", ""},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""},
		{"GET / HTTP/1.1\r\n" HEAD "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			"Sec-WebSocket-Version: 13\r\n\r\n",
			""},
		{"GET / HTTP/1.1\r\n" HEAD "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
			"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n", ""},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = answered;
		char text[4096], want[32];
		bool is_closed = ask_raw(cases[i].request, strlen(cases[i].request), text,
			sizeof(text));

		snprintf(want, sizeof(want), "HTTP/1.1 %s", cases[i].status);
		print_message("# %zu: closed %d, %.40s\n", i, is_closed, text);
		assert_true(is_closed);
		assert_int_equal(answered, before);
		if (cases[i].status[0])
			assert_non_null(strstr(text, want));
	}
}

static void test_too_many_header_bytes(void **state)
{
	static char request[70000];
	char text[4096];
	int n = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HEAD "X-Large: ");

	(void)state;
	memset(request + n, 'x', 60000);
	memcpy(request + n + 60000, "\r\n\r\n", 5);
	assert_true(ask_raw(request, (size_t)n + 60004, text, sizeof(text)));
	assert_int_equal(answered, 0);
}

static void test_head_has_no_body(void **state)
{
	static const char request[] = "HEAD /abc HTTP/1.1\r\n" HEAD LAST;
	char text[4096];

	(void)state;
	ask_raw(request, strlen(request), text, sizeof(text));
	assert_non_null(strstr(text, "200 OK"));
	assert_null(strstr(text, "/abc"));
	assert_null(strstr(text, "Content-Length: 0"));
}

/* libwebsockets 4.1.6 would read the second one's body from the wrong place, and spin. */
static void test_one_request_a_connection_whatever_is_pipelined(void **state)
{
	static const char get[] = "GET /one HTTP/1.1\r\n" HEAD "\r\n";
	static const char post[] = "POST /one HTTP/1.1\r\n" HEAD "Content-Length: 3\r\n\r\nabc";
	const char *const parts[] = {get, post};
	char both[512], text[4096];
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		answered = 0;
		snprintf(both, sizeof(both), "%s%s", parts[i / 2], parts[i % 2]);
		assert_true(ask_raw(both, strlen(both), text, sizeof(text)));
		assert_int_equal(answered, 1);
		assert_non_null(strstr(text, i / 2 ? "POST|/one|||||abc|" : "GET|/one|||||" "|"));
	}
}

static void test_request_cut_into_bytes(void **state)
{
	static const char request[] =
		"POST /slow HTTP/1.1\r\n" HEAD "Content-Length: 5\r\n\r\nhello";
	int fd = connect_tcp();
	char text[4096] = "";
	bool is_closed;
	const char *p;

	(void)state;
	for (p = request; *p; p++) {
		assert_int_equal(send(fd, p, 1, 0), 1);
		io_turn(io, 1);
	}
	read_for(fd, text, sizeof(text), PATIENCE_MS, &is_closed);
	assert_true(is_closed);
	assert_non_null(strstr(text, "POST|/slow|||||hello"));
	close(fd);
}

static void test_large_answer(void **state)
{
	static const char request[] = "GET /big HTTP/1.1\r\n" HEAD LAST;
	static char text[400000];
	const char *body;

	(void)state;
	assert_true(ask_raw(request, strlen(request), text, sizeof(text)));
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), 300000);
}

static void test_slow_clients_are_closed(void **state)
{
	static const struct {
		const char *sent;
		int64_t alive_ms, dead_ms;
	} cases[] = {
		{"", 4000, 6500},
		{"GET / HT", 4000, 6500},
		{"POST / HTTP/1.1\r\n" HEAD "Content-Length: 10\r\n\r\nhalf", 8500, 12000},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = connect_tcp();
		char text[4096] = "";
		bool is_closed;

		assert_int_equal(send(fd, cases[i].sent, strlen(cases[i].sent), 0),
			(ssize_t)strlen(cases[i].sent));
		read_for(fd, text, sizeof(text), 100, &is_closed);
		assert_false(is_closed);
		io_clock_shift(io, cases[i].alive_ms);
		read_for(fd, text, sizeof(text), 100, &is_closed);
		assert_false(is_closed);
		io_clock_shift(io, cases[i].dead_ms - cases[i].alive_ms);
		read_for(fd, text, sizeof(text), PATIENCE_MS, &is_closed);
		assert_true(is_closed);
		close(fd);
	}
}

static void test_at_most_64_clients_the_silent_ones_yield(void **state)
{
	int fds[IO_SERVE_CLIENTS + 2], i;
	char text[4096] = "";
	bool is_closed;

	(void)state;
	for (i = 0; i < IO_SERVE_CLIENTS; i++) {
		fds[i] = connect_tcp();
		io_turn(io, 5);
	}
	fds[i] = connect_tcp();
	assert_int_equal(send(fds[i], "GET /y HTTP/1.1\r\n" HEAD "\r\n", 28, 0), 28);
	read_for(fds[i], text, sizeof(text), PATIENCE_MS, &is_closed);
	assert_non_null(strstr(text, "GET|/y"));
	/* The one that had been silent longest went for it, and no other. */
	read_for(fds[0], text, sizeof(text), PATIENCE_MS, &is_closed);
	assert_true(is_closed);
	read_for(fds[1], text, sizeof(text), 100, &is_closed);
	assert_false(is_closed);
	for (i = 0; i <= IO_SERVE_CLIENTS; i++)
		close(fds[i]);
}

static void test_freed_in_answer(void **state)
{
	static const char request[] = "GET /one HTTP/1.1\r\n" HEAD "\r\n";
	char text[4096];

	(void)state;
	free_in_answer = true;
	assert_true(ask_raw(request, strlen(request), text, sizeof(text)));
	assert_null(serve);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- The unix socket ------------------------------------------------------------------------- */

struct asking {
	const char *method, *path;
	struct str body;
	struct buf out;
	int status;
	_Atomic bool is_done;
};

static void *ask_main(void *arg)
{
	struct asking *a = arg;

	a->status = io_ask_socket(path, a->method, a->path, a->body, 3000, &a->out);
	a->is_done = true;
	return NULL;
}

static void test_ask_over_the_unix_socket(void **state)
{
	struct asking cases[] = {
		{.method = "GET", .path = "/status"},
		{.method = "POST", .path = "/quiet", .body = STR("{\"for\":\"30m\"}")},
		{.method = "GET", .path = "/big"},
		{.method = "GET", .path = "/missing"},
	};
	static const char *const bodies[] = {"GET|/status||||application/json|",
		"POST|/quiet|||application/json||{\"for\":\"30m\"}|local", "01234", "GET|/missing"};
	struct stat st;
	size_t i;

	(void)state;
	(void)bodies[0];
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct asking *a = &cases[i];
		pthread_t thread;

		buf_init(&a->out, 1000000);
		pthread_create(&thread, NULL, ask_main, a);
		while (!a->is_done)
			io_turn(io, 10);
		pthread_join(thread, NULL);
		assert_int_equal(a->status, i == 3 ? 404 : 200);
		if (i > 0)
			assert_memory_equal(buf_text(&a->out), bodies[i], strlen(bodies[i]));
		assert_true(i != 2 || a->out.len == 300000);
		buf_fini(&a->out);
	}
}

static void test_ask_when_nobody_answers(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(io_ask_socket("/nonexistent/sock", "GET", "/", (struct str){0}, 100, &out),
		ERR_CONNECT);
	/* Somebody listens, but his loop does not turn. */
	assert_int_equal(io_ask_socket(path, "GET", "/", (struct str){0}, 100, &out), ERR_TIMEOUT);
	buf_fini(&out);
}

static void test_a_live_socket_is_busy_a_dead_one_is_replaced(void **state)
{
	struct io_serve *second = NULL;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *f;

	(void)state;
	assert_int_equal(io_serve_new(io, path, NULL, answer, NULL, &second), ERR_BUSY);
	assert_null(second);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(io_serve_new(io, NULL, listen_on, answer, NULL, &second), ERR_BUSY);
	io_serve_free(serve);
	serve = NULL;
	/* Left behind by a process that died. */
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(io_serve_new(io, path, NULL, answer, NULL, &serve), 0);
	io_serve_free(serve);
	serve = NULL;
	/* What is no socket is never removed. */
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(io_serve_new(io, path, NULL, answer, NULL, &second), ERR_INVALID);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static int set_up(void **state)
{
	(void)state;
	answered = 0;
	free_in_answer = false;
	snprintf(path, sizeof(path), "/tmp/io_serve_test.%d", (int)getpid());
	port = port_refused();
	snprintf(listen_on, sizeof(listen_on), "127.0.0.1:%d", port);
	if (log_open(getenv("IO_TEST_LOG"), LOG_DEBUG) != 0 || io_new(&io) != 0)
		return -1;
	return io_serve_new(io, path, listen_on, answer, NULL, &serve);
}

static int tear_down(void **state)
{
	(void)state;
	io_serve_free(serve);
	serve = NULL;
	io_free(io);
	metric_reset();
	return 0;
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_requests_as_understood),
		WITH_SERVER(test_bad_framing_is_refused_and_closed),
		WITH_SERVER(test_too_many_header_bytes),
		WITH_SERVER(test_head_has_no_body),
		WITH_SERVER(test_one_request_a_connection_whatever_is_pipelined),
		WITH_SERVER(test_request_cut_into_bytes),
		WITH_SERVER(test_large_answer),
		WITH_SERVER(test_slow_clients_are_closed),
		WITH_SERVER(test_at_most_64_clients_the_silent_ones_yield),
		WITH_SERVER(test_freed_in_answer),
		WITH_SERVER(test_ask_over_the_unix_socket),
		WITH_SERVER(test_ask_when_nobody_answers),
		WITH_SERVER(test_a_live_socket_is_busy_a_dead_one_is_replaced),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
