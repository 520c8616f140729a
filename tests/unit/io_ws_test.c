/* The WebSocket client against a peer that does what servers do, well and badly. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_peer.h"

static struct peer peer;
static struct io *io;

struct seen {
	struct io_ws *ws;
	bool is_open, is_closed, is_enough;
	int err, code, enough_messages, messages;
	enum io_phase phase;
	char why[256];
	char text[64 * 1024];
	size_t len, biggest;
	const char *free_in; /* "open", "message", "closed" */
};

static void maybe_free(struct seen *s, const char *where)
{
	if (!s->free_in || strcmp(s->free_in, where) != 0)
		return;
	io_ws_free(s->ws);
	s->ws = NULL;
	s->is_enough = true;
}

static void on_open(void *ctx)
{
	struct seen *s = ctx;

	s->is_open = true;
	maybe_free(s, "open");
}

static void on_message(void *ctx, char *bytes, size_t n)
{
	struct seen *s = ctx;

	assert_int_equal(bytes[n], '\0');
	s->messages++;
	if (n > s->biggest)
		s->biggest = n;
	if (s->len + n + 2 < sizeof(s->text)) {
		memcpy(s->text + s->len, bytes, n);
		s->len += n;
		s->text[s->len++] = '|';
		s->text[s->len] = '\0';
	}
	if (s->messages == s->enough_messages)
		s->is_enough = true;
	maybe_free(s, "message");
	/* Freed or not, the bytes stay while we are in here. */
	assert_int_equal(bytes[n], '\0');
}

static void on_closed(void *ctx, int err, enum io_phase phase, int code, const char *why)
{
	struct seen *s = ctx;

	assert_false(s->is_closed);
	s->is_closed = true;
	s->err = err;
	s->phase = phase;
	s->code = code;
	snprintf(s->why, sizeof(s->why), "%s", why);
	maybe_free(s, "closed");
}

static struct io_ws_options options(struct seen *s, char *url, size_t size, const char *scheme,
	const char *host, int port, const char *path)
{
	struct io_ws_options o = {
		.url = url, .ca_file = peer.ca_file, .open = on_open, .message = on_message,
		.closed = on_closed, .ctx = s,
	};

	snprintf(url, size, "%s://%s:%d%s", scheme, host, port, path);
	return o;
}

static void open_to(struct seen *s, const char *scheme, const char *host, int port,
	const char *path)
{
	char url[256];
	struct io_ws_options o = options(s, url, sizeof(url), scheme, host, port, path);

	s->ws = io_ws_open(io, &o);
	assert_non_null(s->ws);
	assert_false(s->is_open);
}

static void test_echo(void **state)
{
	struct seen s = {.enough_messages = 2};

	(void)state;
	open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/echo");
	assert_int_equal(io_ws_send(s.ws, STR("too early"), false), ERR_CLOSED);
	assert_true(turn_until(io, &s.is_open, 30000));
	assert_int_equal(io_ws_send(s.ws, STR("hello"), false), 0);
	assert_int_equal(io_ws_send(s.ws, STR(""), false), 0);
	assert_true(turn_until(io, &s.is_enough, 30000));
	assert_string_equal(s.text, "hello||");
	io_ws_free(s.ws);
}

static void test_ahead_goes_before_what_is_queued(void **state)
{
	struct seen s = {.enough_messages = 3};

	(void)state;
	open_to(&s, "ws", "localhost", peer.plain, "/ws/echo");
	assert_true(turn_until(io, &s.is_open, 30000));
	assert_int_equal(io_ws_send(s.ws, STR("a"), false), 0);
	assert_int_equal(io_ws_send(s.ws, STR("b"), false), 0);
	assert_int_equal(io_ws_send(s.ws, STR("PONG"), true), 0);
	assert_true(turn_until(io, &s.is_enough, 30000));
	assert_string_equal(s.text, "PONG|a|b|");
	io_ws_free(s.ws);
}

static void on_binary(void *ctx, char *bytes, size_t n)
{
	struct seen *s = ctx;

	s->text[s->len++] = '#';
	on_message(s, bytes, n);
}

static void test_binary_messages_are_told_apart_if_wanted(void **state)
{
	static const struct {
		void (*binary)(void *ctx, char *bytes, size_t n);
		struct str text;
	} cases[] = {
		{NULL, BYTES("a\0b|text|one two|||")},
		{on_binary, BYTES("#a\0b|text|#one two||#|")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct seen s = {.enough_messages = 5};
		char url[256];
		struct io_ws_options o = options(
			&s, url, sizeof(url), "ws", "127.0.0.1", peer.plain, "/ws/kinds");

		o.binary = cases[i].binary;
		s.ws = io_ws_open(io, &o);
		assert_non_null(s.ws);
		assert_true(turn_until(io, &s.is_enough, 30000));
		assert_str(((struct str){s.text, s.len}), cases[i].text);
		io_ws_free(s.ws);
	}
}

static void test_fragments_and_split_frames(void **state)
{
	static const struct {
		const char *path, *text;
		int n;
	} cases[] = {
		{"/ws/fragments", "one two three||", 2},
		{"/ws/split", "byte by byte|", 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct seen s = {.enough_messages = cases[i].n};

		open_to(&s, "ws", "127.0.0.1", peer.plain, cases[i].path);
		assert_true(turn_until(io, &s.is_enough, 30000));
		assert_string_equal(s.text, cases[i].text);
		io_ws_free(s.ws);
	}
}

static void test_large_message_and_one_too_large(void **state)
{
	struct seen s = {.enough_messages = 1};
	struct seen t = {0};

	(void)state;
	open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/big?262144");
	assert_true(turn_until(io, &s.is_enough, 30000));
	assert_int_equal(s.biggest, 262144);
	io_ws_free(s.ws);
	open_to(&t, "ws", "127.0.0.1", peer.plain, "/ws/big?262145");
	assert_true(turn_until(io, &t.is_closed, 30000));
	assert_int_equal(t.err, ERR_LIMIT);
	assert_int_equal(t.phase, IO_OPEN);
	assert_int_equal(t.messages, 0);
	assert_int_equal(io_ws_send(t.ws, STR("late"), false), ERR_CLOSED);
	io_ws_free(t.ws);
}

static void test_host_and_subprotocol(void **state)
{
	struct seen s = {.enough_messages = 1};
	char url[256], host[64];
	struct io_ws_options o =
		options(&s, url, sizeof(url), "ws", "localhost", peer.plain, "/ws/host");

	(void)state;
	o.subprotocol = "chat";
	s.ws = io_ws_open(io, &o);
	assert_true(turn_until(io, &s.is_enough, 30000));
	snprintf(host, sizeof(host), "localhost:%d|", peer.plain);
	assert_string_equal(s.text, host);
	io_ws_free(s.ws);
}

static void test_ends(void **state)
{
	static const struct {
		const char *path;
		int err, code;
		enum io_phase phase;
		const char *why;
	} cases[] = {
		{"/ws/close?4004", ERR_CLOSED, 4004, IO_OPEN, "closed with code 4004: go away"},
		{"/ws/drop", ERR_CLOSED, 0, IO_OPEN, "without a close frame"},
		{"/ws/404", ERR_CONNECT, 0, IO_UPGRADE, "HTTP 404"},
		{"/ws/redirect", ERR_CONNECT, 0, IO_UPGRADE, "HTTP 302"},
		{"/nothing", ERR_CONNECT, 0, IO_UPGRADE, "did not upgrade"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen s = {0};

		open_to(&s, "ws", "127.0.0.1", peer.plain, cases[i].path);
		assert_true(turn_until(io, &s.is_closed, 30000));
		print_message("# %s: %s\n", cases[i].path, s.why);
		assert_int_equal(s.err, cases[i].err);
		assert_int_equal(s.code, cases[i].code);
		assert_int_equal(s.phase, cases[i].phase);
		assert_non_null(strstr(s.why, cases[i].why));
		io_ws_free(s.ws);
	}
}

static void test_refused_and_unknown_name(void **state)
{
	struct seen s = {0}, t = {0};

	(void)state;
	open_to(&s, "ws", "127.0.0.1", port_refused(), "/");
	assert_true(turn_until(io, &s.is_closed, 30000));
	assert_int_equal(s.err, ERR_CONNECT);
	assert_int_equal(s.phase, IO_TCP);
	io_ws_free(s.ws);
	open_to(&t, "ws", "nobody.invalid", 80, "/");
	assert_true(turn_until(io, &t.is_closed, 12000));
	assert_true(t.err == ERR_NAME || t.err == ERR_TIMEOUT);
	assert_int_equal(t.phase, IO_NAME);
	io_ws_free(t.ws);
}

/* A peer that resets at once: libwebsockets 4.1.6 then says nothing but that it frees the
 * connection, which once was killed a second time at its deadline. */
static void test_reset_before_the_upgrade_is_answered(void **state)
{
	const struct linger now = {1, 0};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	struct seen s = {0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	open_to(&s, "ws", "127.0.0.1", ntohs(a.sin_port), "/");
	for (int i = 0; i < 500 && !s.is_closed; i++) {
		int peer_fd = accept(fd, NULL, NULL);

		if (peer_fd >= 0) {
			setsockopt(peer_fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
			close(peer_fd);
		}
		io_turn(io, 10);
	}
	close(fd);
	assert_true(s.is_closed);
	assert_int_equal(s.err, ERR_CONNECT);
	io_ws_free(s.ws);
}

static void test_second_address_after_a_refusal(void **state)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t n = sizeof(a);
	struct seen s = {0};
	int fd = socket(AF_INET6, SOCK_STREAM, 0), one = 1;
	char url[256];
	struct io_ws_options o;

	(void)state;
	/* localhost is 127.0.0.1, then ::1: only the second listens. */
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0 ||
		bind(fd, (struct sockaddr *)&a, n) != 0) {
		if (fd >= 0)
			close(fd);
		skip();
	}
	listen(fd, 4);
	getsockname(fd, (struct sockaddr *)&a, &n);
	o = options(&s, url, sizeof(url), "ws", "localhost", ntohs(a.sin6_port), "/");
	o.upgrade_ms = 200;
	s.ws = io_ws_open(io, &o);
	assert_true(turn_until(io, &s.is_closed, 30000));
	assert_int_equal(s.phase, IO_UPGRADE); /* TCP came up over ::1 */
	assert_non_null(strstr(s.why, "::1"));
	io_ws_free(s.ws);
	close(fd);
}

/* A listener whose queue is full answers no SYN: a black hole on loopback. */
static void fill_queue(int fd, int port, int *fds, int n)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int i;

	listen(fd, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&a, sizeof(a));
	}
	usleep(20000);
}

static void test_every_phase_has_its_deadline(void **state)
{
	static const struct {
		const char *scheme;
		bool is_black_hole;
		enum io_phase phase;
	} cases[] = {
		{"ws", true, IO_TCP},
		{"wss", true, IO_TCP},
		{"wss", false, IO_TLS},
		{"ws", false, IO_UPGRADE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen s = {0};
		int port, fds[4], fd = listen_silent(&port), j;
		char url[256];
		struct io_ws_options o = options(&s, url, sizeof(url), cases[i].scheme,
			"127.0.0.1", port, "/");
		int64_t begin = clock_mono_ms(), own = unit_own_ms();

		if (cases[i].is_black_hole)
			fill_queue(fd, port, fds, 4);
		o.tcp_ms = cases[i].is_black_hole ? 300 : 0; /* 0 = seconds: not the point */
		o.tls_ms = 301;
		o.upgrade_ms = 302;
		s.ws = io_ws_open(io, &o);
		assert_true(turn_until(io, &s.is_closed, 30000));
		print_message("# %s\n", s.why);
		assert_int_equal(s.err, ERR_TIMEOUT);
		assert_int_equal(s.phase, cases[i].phase);
		assert_true(clock_mono_ms() - begin >= 300);
		assert_true(unit_own_ms() - own < 1500);
		io_ws_free(s.ws);
		for (j = 0; cases[i].is_black_hole && j < 4; j++)
			close(fds[j]);
		close(fd);
	}
}

static void test_deadlines_follow_a_moved_clock(void **state)
{
	struct seen s = {0};
	int port, fd = listen_silent(&port);

	(void)state;
	open_to(&s, "ws", "127.0.0.1", port, "/");
	turn_for(io, 100);
	assert_false(s.is_closed);
	io_clock_shift(io, 10000);
	assert_true(turn_until(io, &s.is_closed, 8000)); /* not its 10 s */
	assert_int_equal(s.phase, IO_UPGRADE);
	io_ws_free(s.ws);
	close(fd);
}

static void test_tls(void **state)
{
	const struct {
		const char *name, *host;
		int port, err;
		const char *why;
	} cases[] = {
		{"good", "localhost", peer.good, 0, ""},
		{"good by number", "127.0.0.1", peer.good, 0, ""},
		{"wrong", "localhost", peer.wrong, ERR_TLS,
			"certificate is for other.test, not localhost"},
		{"expired", "localhost", peer.expired, ERR_TLS, "has expired on"},
		{"unknown", "localhost", peer.unknown, ERR_TLS, "from an unknown authority"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen s = {.enough_messages = 1};

		open_to(&s, "wss", cases[i].host, cases[i].port, "/ws/host");
		while (!s.is_enough && !s.is_closed)
			io_turn(io, 100);
		print_message("# %s: %s\n", cases[i].name, s.why);
		assert_int_equal(s.err, cases[i].err);
		assert_int_equal(s.phase, cases[i].err ? IO_TLS : IO_NAME);
		assert_non_null(strstr(s.why, cases[i].why));
		io_ws_free(s.ws);
	}
}

static void test_a_renewed_file_of_authorities_is_read(void **state)
{
	struct seen before = {.enough_messages = 1}, after = {.enough_messages = 1};

	(void)state;
	open_to(&before, "wss", "localhost", peer.unknown, "/ws/host");
	assert_true(turn_until(io, &before.is_closed, 30000));
	assert_int_equal(before.err, ERR_TLS);
	io_ws_free(before.ws);
	peer_renew(&peer, "stranger");
	open_to(&after, "wss", "localhost", peer.unknown, "/ws/host");
	assert_true(turn_until(io, &after.is_enough, 30000));
	assert_int_equal(after.err, 0);
	io_ws_free(after.ws);
}

static void test_a_server_that_does_not_speak_tls(void **state)
{
	struct seen s = {0};
	int port, fd = listen_silent(&port), client;

	(void)state;
	open_to(&s, "wss", "localhost", port, "/");
	turn_for(io, 50);
	client = accept(fd, NULL, NULL);
	assert_int_equal(write(client, "220 mail.test ready\r\n", 21), 21);
	assert_true(turn_until(io, &s.is_closed, 30000));
	print_message("# %s\n", s.why);
	assert_int_equal(s.err, ERR_TLS);
	assert_int_equal(s.phase, IO_TLS);
	io_ws_free(s.ws);
	close(client);
	close(fd);
}

static void test_peer_that_does_not_read(void **state)
{
	static char text[30000];
	struct seen s = {0}, t = {0};
	int i, err = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/deaf");
	assert_true(turn_until(io, &s.is_open, 30000));
	for (i = 0; i < 10000 && !err; i++) {
		err = io_ws_send(s.ws, (struct str){text, sizeof(text)}, false);
		io_turn(io, 0);
	}
	assert_int_equal(err, ERR_LIMIT);
	assert_true(turn_until(io, &s.is_closed, 30000));
	assert_int_equal(s.err, ERR_LIMIT);
	io_ws_free(s.ws);

	/* The same peer, with fewer bytes than the cap: dead after 10 s. */
	open_to(&t, "ws", "127.0.0.1", peer.plain, "/ws/deaf");
	assert_true(turn_until(io, &t.is_open, 30000));
	for (i = 0; i < 10000 && !t.is_closed; i++) {
		assert_int_equal(io_ws_send(t.ws, (struct str){text, sizeof(text)}, false), 0);
		/* What the kernel takes within 10 ms waits for nobody. */
		turn_for(io, 10);
		assert_false(t.is_closed);
		io_clock_shift(io, 10000);
		turn_for(io, 1);
	}
	assert_true(t.is_closed);
	assert_int_equal(t.err, ERR_TIMEOUT);
	io_ws_free(t.ws);
}

static void test_close_tells_nobody_and_sends_what_is_queued(void **state)
{
	struct seen s = {.enough_messages = 1};

	(void)state;
	open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/echo");
	assert_true(turn_until(io, &s.is_open, 30000));
	assert_int_equal(io_ws_send(s.ws, STR("last words"), false), 0);
	io_ws_close(s.ws, 1000);
	turn_for(io, 300);
	assert_false(s.is_closed);
	s.is_open = false;
	open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/deaf");
	assert_true(turn_until(io, &s.is_open, 30000));
	io_ws_close(s.ws, 1000);
	turn_for(io, 1300);
	assert_false(s.is_closed);
	io_ws_close(NULL, 1000);
	io_ws_free(NULL);
}

static void test_close_tells_the_peer_its_code(void **state)
{
	static const struct {
		int code;
		const char *heard;
	} cases[] = {{1000, "last words 03e8|"}, {4900, "last words 1324|"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct seen s = {0};
		bool is_right = false;

		open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/goodbye");
		assert_true(turn_until(io, &s.is_open, 30000));
		assert_int_equal(io_ws_send(s.ws, STR("last words"), false), 0);
		io_ws_close(s.ws, cases[i].code);
		for (int tries = 0; tries < 1000 && !is_right; tries++) {
			struct seen t = {.enough_messages = 1};

			turn_for(io, 5);
			open_to(&t, "ws", "127.0.0.1", peer.plain, "/ws/last-goodbye");
			assert_true(turn_until(io, &t.is_enough, 30000));
			is_right = strcmp(t.text, cases[i].heard) == 0;
			io_ws_free(t.ws);
		}
		assert_case(i, is_right);
		assert_false(s.is_closed);
	}
}

/* What comes of a long message after our close frame has nobody to go to. */
static void test_close_amid_a_message_is_safe(void **state)
{
	static const char *const sizes[] = {"20000", "100000", "262144"};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct seen s = {0};
		char path[64];

		snprintf(path, sizeof(path), "/ws/half?%s", sizes[i]);
		open_to(&s, "ws", "127.0.0.1", peer.plain, path);
		assert_true(turn_until(io, &s.is_open, 30000));
		turn_for(io, 100);
		io_ws_close(s.ws, 4900);
		turn_for(io, 1200);
		assert_case(i, !s.is_closed && s.messages == 0);
	}
}

static void test_freed_in_each_callback(void **state)
{
	static const struct {
		const char *where, *path;
	} cases[] = {
		{"open", "/ws/echo"},
		{"message", "/ws/many?100"},
		{"closed", "/ws/drop"},
		{"closed", "/ws/404"},
	};
	size_t i;
	int shift;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen s = {.free_in = cases[i].where};

		open_to(&s, "ws", "127.0.0.1", peer.plain, cases[i].path);
		assert_true(turn_until(io, &s.is_enough, 30000));
		turn_for(io, 50);
		assert_true(s.messages <= 1);
	}
	/* And at any moment of connecting. */
	for (shift = 0; shift < 12; shift++) {
		struct seen s = {0};

		open_to(&s, "wss", "localhost", peer.good, "/ws/echo");
		for (i = 0; i < (size_t)shift; i++)
			io_turn(io, 1);
		io_ws_free(s.ws);
		turn_for(io, 10);
		assert_false(s.is_closed);
	}
}

/* libraries.md 1.2 rule 4: an idle libwebsockets must not delay our timers, and a dropped
 * connection must come back. */
static bool has_fired;

static void on_fire(void *ctx)
{
	(void)ctx;
	has_fired = true;
}

static void test_timers_and_reconnect_beside_an_idle_connection(void **state)
{
	struct io_timer *t = io_timer_new(io, on_fire, NULL);
	struct seen s = {0}, again = {0};
	int64_t begin, own;

	(void)state;
	open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/drop");
	assert_true(turn_until(io, &s.is_closed, 30000));
	io_ws_free(s.ws);
	turn_for(io, 200);
	has_fired = false;
	begin = clock_mono_ms();
	own = unit_own_ms();
	io_timer_start(t, 100);
	assert_true(turn_until(io, &has_fired, 20000));
	assert_true(clock_mono_ms() - begin >= 100);
	assert_true(unit_own_ms() - own <= 250);
	open_to(&again, "ws", "127.0.0.1", peer.plain, "/ws/echo");
	own = unit_own_ms();
	assert_true(turn_until(io, &again.is_open, 20000));
	assert_true(unit_own_ms() - own <= 2500); /* the peer is another program, and may be busy */
	io_ws_free(again.ws);
	io_timer_free(t);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_reconnecting_leaks_no_descriptor(void **state)
{
	int i, before = 0;

	(void)state;
	for (i = 0; i < 60; i++) {
		struct seen s = {0};

		if (i == 10)
			before = count_fds();
		if (i % 3 == 0)
			open_to(&s, "wss", "localhost", peer.good, "/ws/drop");
		else if (i % 3 == 1)
			open_to(&s, "wss", "localhost", peer.wrong, "/ws/drop");
		else
			open_to(&s, "ws", "localhost", port_refused(), "/");
		assert_true(turn_until(io, &s.is_closed, 30000));
		io_ws_free(s.ws);
	}
	turn_for(io, 50);
	assert_in_range(count_fds(), before - 2, before + 2);
}

/* faults.md X1. */
static void test_every_allocation_may_fail_once(void **state)
{
	int n;

	(void)state;
	for (n = 1; n < 30; n++) {
		struct seen s = {.enough_messages = 1};
		char url[256];
		struct io_ws_options o =
			options(&s, url, sizeof(url), "ws", "localhost", peer.plain, "/ws/echo");

		mem_fail_at((unsigned long)n, 0);
		s.ws = io_ws_open(io, &o);
		if (s.ws)
			turn_until(io, &s.is_open, 100);
		if (s.is_open && io_ws_send(s.ws, STR("hi"), false) == 0)
			turn_until(io, &s.is_enough, 100);
		mem_fail_at(0, 0);
		io_ws_free(s.ws);
	}
	io_free(io);
	assert_int_equal(io_new(&io), 0);
}

static void test_receiving_allocates_nothing(void **state)
{
	struct seen s = {.enough_messages = 20000};
	unsigned long before;
	int64_t begin;

	(void)state;
	open_to(&s, "ws", "127.0.0.1", peer.plain, "/ws/many?20000");
	while (s.messages < 100)
		io_turn(io, 100);
	before = mem_count();
	begin = clock_mono_us();
	assert_true(turn_until(io, &s.is_enough, 20000));
	print_message("# %d messages in %lld us\n", s.messages - 100,
		(long long)(clock_mono_us() - begin));
	assert_int_equal(mem_count(), before);
	io_ws_free(s.ws);
}

static void test_bad_urls_are_refused_at_once(void **state)
{
	static const char *const urls[] = {"", "ftp://a/", "ws://", "ws://user:pass@host/",
		"ws://a:0/",
		"ws://a:99999/", "ws://a b/", "ws://[::1/", "wss://a/\r\nX: y"};
	struct io_ws_options o = {.open = on_open, .message = on_message, .closed = on_closed};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		o.url = urls[i];
		assert_null(io_ws_open(io, &o));
	}
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
		WITH_LOOP(test_echo),
		WITH_LOOP(test_ahead_goes_before_what_is_queued),
		WITH_LOOP(test_fragments_and_split_frames),
		WITH_LOOP(test_binary_messages_are_told_apart_if_wanted),
		WITH_LOOP(test_large_message_and_one_too_large),
		WITH_LOOP(test_host_and_subprotocol),
		WITH_LOOP(test_ends),
		WITH_LOOP(test_refused_and_unknown_name),
		WITH_LOOP(test_reset_before_the_upgrade_is_answered),
		WITH_LOOP(test_second_address_after_a_refusal),
		WITH_LOOP(test_every_phase_has_its_deadline),
		WITH_LOOP(test_deadlines_follow_a_moved_clock),
		WITH_LOOP(test_tls),
		WITH_LOOP(test_a_server_that_does_not_speak_tls),
		WITH_LOOP(test_peer_that_does_not_read),
		WITH_LOOP(test_close_tells_nobody_and_sends_what_is_queued),
		WITH_LOOP(test_close_tells_the_peer_its_code),
		WITH_LOOP(test_close_amid_a_message_is_safe),
		WITH_LOOP(test_freed_in_each_callback),
		WITH_LOOP(test_timers_and_reconnect_beside_an_idle_connection),
		WITH_LOOP(test_reconnecting_leaks_no_descriptor),
		WITH_LOOP(test_every_allocation_may_fail_once),
		WITH_LOOP(test_receiving_allocates_nothing),
		WITH_LOOP(test_bad_urls_are_refused_at_once),
		WITH_LOOP(test_a_renewed_file_of_authorities_is_read), /* the last: it stays so */
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
