/* What a WebSocket's bytes are, without a socket: the answer to an upgrade, frames, messages. */
#include "unit.h"

#include "io/frame.h"
#include "io/upgrade.h"

#define OK_LINE "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: $\r\n" /* $ = the right one */

/* ---- The upgrade ----------------------------------------------------------------------------- */

static void ask(struct io_upgrade *u, const char *subprotocol, struct buf *request)
{
	*u = (struct io_upgrade){.host = "h:1", .path = "/p?q", .subprotocol = subprotocol};
	buf_init(request, 4096);
	assert_int_equal(io_upgrade_ask(u, request), 0);
}

static void test_the_request_and_its_key(void **state)
{
	struct io_upgrade u;
	struct buf request;
	const char *key;

	(void)state;
	ask(&u, "chat", &request);
	assert_true(strncmp(buf_text(&request), "GET /p?q HTTP/1.1\r\nHost: h:1\r\n", 30) == 0);
	assert_non_null(strstr(buf_text(&request), "\r\nConnection: Upgrade\r\n"));
	assert_non_null(strstr(buf_text(&request), "\r\nSec-WebSocket-Version: 13\r\n"));
	assert_non_null(strstr(buf_text(&request), "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"));
	assert_null(strstr(buf_text(&request), "Extensions"));
	key = strstr(buf_text(&request), "Sec-WebSocket-Key: ");
	assert_non_null(key);
	assert_int_equal(strcspn(key + 19, "\r"), 24);
	buf_fini(&request);
	io_upgrade_fini(&u);
}

/* The same, whole and byte by byte. */
static int hear(struct io_upgrade *u, struct str bytes, size_t step, struct str *left)
{
	int got = 0;

	while (got == 0 && bytes.len > 0) {
		size_t n = step < bytes.len ? step : bytes.len;
		struct str piece = {bytes.at, n};

		got = io_upgrade_hear(u, &piece);
		bytes.at += n - piece.len;
		bytes.len -= n - piece.len;
	}
	*left = bytes;
	return got;
}

static void fill_in(const char *text, const char *accept, struct buf *out)
{
	buf_init(out, 65536);
	for (; *text; text++) {
		if (*text == '$')
			assert_int_equal(buf_adds(out, accept), 0);
		else
			assert_int_equal(buf_addc(out, *text), 0);
	}
}

static void test_answers(void **state)
{
	static const struct {
		const char *answer;
		int got;
		const char *why;
	} cases[] = {
		{OK_LINE UPGRADE CONNECTION ACCEPT "\r\n", 1, ""},
		{"HTTP/1.1 101\r\nX-Y:\r\n" ACCEPT "upgrade: WebSocket \r\n"
			"CONNECTION: x, upgrade\r\n\r\n", 1, ""},
		{OK_LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", 1, ""},
		{OK_LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: other\r\n\r\n",
			ERR_PARSE,
			"wrong Sec-WebSocket-Protocol"},
		{OK_LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Extensions: x\r\n\r\n", ERR_PARSE,
			"wrong Sec-WebSocket-Extensions"},
		{OK_LINE CONNECTION ACCEPT "\r\n", ERR_PARSE, "no Upgrade"},
		{OK_LINE UPGRADE ACCEPT "\r\n", ERR_PARSE, "no Connection"},
		{OK_LINE UPGRADE CONNECTION "\r\n", ERR_PARSE, "no Sec-WebSocket-Accept"},
		{OK_LINE UPGRADE CONNECTION "Sec-WebSocket-Accept: x$\r\n\r\n", ERR_PARSE,
			"wrong Sec-WebSocket-Accept"},
		{OK_LINE UPGRADE CONNECTION ACCEPT ACCEPT "\r\n", ERR_PARSE,
			"wrong Sec-WebSocket-Accept"},
		{OK_LINE "Upgrade: h2c\r\n" CONNECTION ACCEPT "\r\n", ERR_PARSE, "wrong Upgrade"},
		{OK_LINE UPGRADE "Connection: close\r\n" ACCEPT "\r\n", ERR_PARSE,
			"wrong Connection"},
		{OK_LINE UPGRADE CONNECTION ACCEPT " folded\r\n\r\n", ERR_PARSE, "broken header"},
		{OK_LINE UPGRADE CONNECTION ACCEPT "X : y\r\n\r\n", ERR_PARSE, "broken header"},
		{OK_LINE UPGRADE CONNECTION ACCEPT ": y\r\n\r\n", ERR_PARSE, "broken header"},
		{OK_LINE UPGRADE CONNECTION ACCEPT "no colon\r\n\r\n", ERR_PARSE, "broken header"},
		{OK_LINE "Upgrade: websocket\n" CONNECTION ACCEPT "\r\n", ERR_PARSE, "broken line"},
		{"HTTP/1.0 101 x\r\n" UPGRADE CONNECTION ACCEPT "\r\n", ERR_DENIED, "HTTP 101"},
		{"HTTP/1.1 404 Not Found\r\n\r\n", ERR_DENIED, "it answered HTTP 404"},
		{"HTTP/1.1 200 OK\r\n" UPGRADE CONNECTION ACCEPT "\r\n", ERR_DENIED, "HTTP 200"},
		{"HTTP/1.1 1010 x\r\n\r\n", ERR_PARSE, "not HTTP"},
		{"HTTP/1.1 10\r\n\r\n", ERR_PARSE, "not HTTP"},
		{"HTTP/2.0 101 x\r\n\r\n", ERR_PARSE, "not HTTP"},
		{"SSH-2.0-x\r\n\r\n", ERR_PARSE, "not HTTP"},
		{"\r\n\r\n", ERR_PARSE, "not HTTP"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct io_upgrade u;
		struct buf request, answer;
		struct str left;
		int got;

		ask(&u, "chat", &request);
		fill_in(cases[i / 2].answer, u.accept, &answer);
		assert_int_equal(buf_adds(&answer, "frames"), 0);
		got = hear(&u, buf_str(&answer), i % 2 ? 1 : SIZE_MAX, &left);
		if (got != cases[i / 2].got || !strstr(u.why, cases[i / 2].why))
			fail_msg("case %zu: %d, \"%s\"", i / 2, got, u.why);
		if (got == 1)
			assert_str(left, STR("frames"));
		buf_fini(&answer);
		buf_fini(&request);
		io_upgrade_fini(&u);
	}
}

static void test_an_answer_without_end(void **state)
{
	static const char line[] = "X: "
		"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
	struct io_upgrade u;
	struct buf request;
	int got = 0;
	size_t n = 0;

	(void)state;
	ask(&u, NULL, &request);
	for (; got == 0 && n < 1000; n++) {
		struct str bytes = STR(line);

		got = io_upgrade_hear(&u, &bytes);
	}
	assert_int_equal(got, ERR_LIMIT);
	assert_in_range(n, IO_UPGRADE_BYTES / sizeof(line), IO_UPGRADE_BYTES / sizeof(line) + 3);
	buf_fini(&request);
	io_upgrade_fini(&u);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

#define MAX_MESSAGE 200

/* Reads in pieces of step bytes and says what came: "1:hello|9:ping|", and the error at the end. */
static int read_all(struct str bytes, size_t step, struct buf *heard)
{
	struct io_frames *f;
	struct io_message m;
	int got = 0;

	assert_int_equal(io_frames_new(MAX_MESSAGE, &f), 0);
	buf_init(heard, 4096);
	while (got == 0 && bytes.len > 0) {
		size_t n = step < bytes.len ? step : bytes.len;

		io_frames_feed(f, (struct str){bytes.at, n});
		while ((got = io_frames_next(f, &m)) > 0) {
			assert_int_equal(m.bytes[m.n], '\0');
			m.bytes[m.n] = '\0'; /* it may be written to */
			assert_int_equal(buf_addf(heard, "%d:%s|", (int)m.kind, m.bytes), 0);
		}
		bytes.at += n;
		bytes.len -= n;
	}
	io_frames_free(f);
	return got;
}

static void test_frames(void **state)
{
	static const struct {
		struct str bytes;
		int got;
		const char *heard;
	} cases[] = {
		{STR("\x81\x05hello\x82\x02hi\x81\0"), 0, "1:hello|2:hi|1:|"},
		{STR("\x01\x03one\x89\x04ping\x00\x03two\x80\x05three\x8a\0"), 0,
			"9:ping|1:onetwothree|10:|"},
		{STR("\x02\x01o\x80\0"), 0, "2:o|"},
		{STR("\x88\x05\x03\xe8""bye"), 0, "8:\x03\xe8""bye|"},
		{STR("\x81\xfe"), 0, ""},
		{STR("\x80\x01x"), ERR_PARSE, ""},                  /* nothing to go on with */
		{STR("\x01\x01x\x81\x01y"), ERR_PARSE, ""},         /* a second one begins */
		{STR("\x81\x81\0\0\0\0x"), ERR_PARSE, ""},          /* masked */
		{STR("\xc1\x01x"), ERR_PARSE, ""},                  /* compressed */
		{STR("\x83\x01x"), ERR_PARSE, ""},                  /* kinds that nobody knows */
		{STR("\x8b\x01x"), ERR_PARSE, ""},
		{STR("\x09\x01x"), ERR_PARSE, ""},                  /* a ping in pieces */
		{STR("\x89\x7e\0\x7e"), ERR_PARSE, ""},             /* a long one */
		{STR("\x81\x7e\0\x05hello"), ERR_PARSE, ""},        /* a length too long */
		{STR("\x81\x7f\0\0\0\0\0\0\0\x05hello"), ERR_PARSE, ""},
		{STR("\x81\x7f\x80\0\0\0\0\0\0\x05hello"), ERR_PARSE, ""},
		{STR("\x81\x02hi\x81\x7e\0\xc9x"), ERR_LIMIT, "1:hi|"}, /* 201 bytes come */
		{STR("\x81\x7f\0\0\0\x01\0\0\0\0x"), ERR_LIMIT, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t step = 1; step <= cases[i].bytes.len; step++) {
			struct buf heard;
			int got = read_all(cases[i].bytes, step, &heard);

			if (got != cases[i].got || strcmp(buf_text(&heard), cases[i].heard) != 0)
				fail_msg("case %zu, by %zu: %d, \"%s\"", i, step, got,
					buf_text(&heard));
			buf_fini(&heard);
		}
	}
}

static void test_pieces_are_held_against_the_maximum_together(void **state)
{
	static char bytes[2 + 120 + 2 + 81];
	struct buf heard;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "\x01\x78", 2);
	memcpy(bytes + 122, "\x80\x50", 2);
	assert_int_equal(read_all((struct str){bytes, sizeof(bytes) - 1}, SIZE_MAX, &heard), 0);
	assert_int_equal(heard.len, 2 + MAX_MESSAGE + 1);
	buf_fini(&heard);
	bytes[123] = '\x51';
	assert_int_equal(
		read_all((struct str){bytes, sizeof(bytes)}, SIZE_MAX, &heard), ERR_LIMIT);
	buf_fini(&heard);
}

static void test_what_is_written_is_masked(void **state)
{
	static const struct {
		size_t n, head;
	} cases[] = {{0, 6}, {1, 6}, {125, 6}, {126, 8}, {5000, 8}, {65535, 8}, {65536, 14}};
	static char payload[65536];
	static unsigned char room[sizeof(payload) + IO_FRAME_HEAD_BYTES];
	struct io_frames *f;

	(void)state;
	assert_int_equal(io_frames_new(MAX_MESSAGE, &f), 0);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (char)(i * 7);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct str text = {payload, cases[i].n};
		const size_t n = io_frames_put(f, IO_FRAME_TEXT, text, room);
		const unsigned char *mask = room + cases[i].head - 4;

		assert_case(i, n == cases[i].head + cases[i].n);
		assert_case(i, room[0] == 0x81 && (room[1] & 0x80));
		for (size_t k = 0; k < cases[i].n; k++)
			assert_case(i, (char)(room[cases[i].head + k] ^ mask[k % 4]) == payload[k]);
	}
	io_frames_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_request_and_its_key),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_an_answer_without_end),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_pieces_are_held_against_the_maximum_together),
		cmocka_unit_test(test_what_is_written_is_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
