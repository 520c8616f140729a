/* memory against a peer that does what no Redis does: it cuts its answers at any byte, answers with
 * any type, unasked or not at all. */
#include "memory_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- The fake peer --------------------------------------------------------------------------- */

/* Says +OK to everything but one command, to which it says `answer`, the first `cut` bytes of it,
 * and then hangs up if that was not all. */
struct fake {
	int listener, fd;
	int port;
	char in[4096];
	size_t len;
	const char *command;
	struct str answer;
	size_t cut;
	int connections;
};

static void fake_start(struct fake *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*f = (struct fake){.fd = -1, .command = "none"};
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->listener, 16), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &len), 0);
	f->port = ntohs(a.sin_port);
}

static void fake_hang_up(struct fake *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->len = 0;
}

static void fake_stop(struct fake *f)
{
	fake_hang_up(f);
	close(f->listener);
}

/* Length of the first whole command in the input, 0 when there is none; name: its first word. */
static size_t fake_command(const struct fake *f, char name[32])
{
	const char *at = f->in, *end = f->in + f->len;
	long n = 0;

	name[0] = '\0';
	for (long i = -1; i < n; i++) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		long number;

		if (eol == NULL)
			return 0;
		number = strtol(at + 1, NULL, 10);
		at = eol + 1;
		if (i < 0) {
			n = number;
			continue;
		}
		if (end - at < number + 2)
			return 0;
		if (i == 0)
			snprintf(name, 32, "%.*s", (int)number, at);
		at += number + 2;
	}
	return (size_t)(at - f->in);
}

static void fake_answer(struct fake *f, const char *name)
{
	size_t n;

	if (strcmp(name, f->command) != 0) {
		(void)!write(f->fd, "+OK\r\n", 5); /* it may have left by now */
		return;
	}
	n = f->cut < f->answer.len ? f->cut : f->answer.len;
	(void)!write(f->fd, f->answer.at, n);
	if (n < f->answer.len)
		fake_hang_up(f);
}

static void fake_step(struct fake *f)
{
	char name[32];
	size_t used;
	ssize_t n;
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd >= 0) {
		fake_hang_up(f);
		f->fd = fd;
		f->connections++;
	}
	if (f->fd < 0)
		return;
	n = read(f->fd, f->in + f->len, sizeof(f->in) - 1 - f->len);
	if (n == 0)
		fake_hang_up(f);
	if (n > 0) {
		f->len += (size_t)n;
		f->in[f->len] = '\0';
	}
	while (f->fd >= 0 && f->len > 0 && (used = fake_command(f, name)) > 0) {
		memmove(f->in, f->in + used, f->len - used + 1);
		f->len -= used;
		fake_answer(f, name);
	}
}

static void fake_turn(struct world *w, struct fake *f, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	do {
		fake_step(f);
		io_turn(w->io, 1);
	} while (clock_mono_ms() < end);
}

/* Lets the memory connect anew (its backoff passes at once). */
static void fake_until_up(struct world *w, struct fake *f)
{
	for (int i = 0; i < 200 && !world_is_up(w); i++) {
		io_clock_shift(w->io, 61000);
		fake_turn(w, f, 4);
	}
	assert_true(world_is_up(w));
}

static void fake_recall(struct world *w, struct fake *f)
{
	struct memory_key k = world_key("twitch", "7", "42");
	int64_t start = clock_mono_ms(), own = unit_own_ms();
	int calls = w->calls;

	memory_recall(&w->memory, &k, 5, 0, world_on_recalled, w);
	while (w->calls == calls && clock_mono_ms() - start < 30000)
		fake_turn(w, f, 1);
	w->took_ms = unit_own_ms() - own;
	assert_int_equal(w->calls, calls + 1);
}

static void fake_begin(struct world *w, struct fake *f)
{
	struct conf_memory c;

	fake_start(f);
	c = world_conf_of(w, f->port);
	c.for_ms = 10000 * HOUR_MS;
	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	fake_turn(w, f, 20);
	fake_until_up(w, f);
	world_remember(w, "42", "local", "");
	fake_turn(w, f, 10);
}

/* An answer with two lines of now. */
static struct str fresh_lines(char *at, size_t size)
{
	const long long now = clock_wall_ms();

	snprintf(at, size, "*2\r\n$39\r\n{\"w\":%13lld,\"n\":\"A\",\"t\":\"first\"}\r\n"
		"$40\r\n{\"w\":%13lld,\"n\":\"A\",\"t\":\"second\"}\r\n", now, now);
	return str_of(at);
}

static void answers_cut_at_every_byte(void **state)
{
	struct world *w = *state;
	char whole[160];
	struct fake f;

	fake_begin(w, &f);
	f.command = "LRANGE";
	f.answer = fresh_lines(whole, sizeof(whole));
	for (f.cut = 0; f.cut <= f.answer.len; f.cut++) {
		fake_until_up(w, &f);
		f.answer = fresh_lines(whole, sizeof(whole));
		fake_recall(w, &f);
		assert_string_equal(w->said, f.cut < f.answer.len ? "Ann: local" :
								    "A: first|A: second");
		assert_true(w->took_ms <= RECALL_MS + SLACK_MS);
	}
	/* the same while it is being greeted */
	f.command = "SET";
	f.answer = STR("+OK\r\n");
	for (f.cut = 0; f.cut < f.answer.len; f.cut++) {
		fake_hang_up(&f);
		fake_turn(w, &f, 5);
		io_clock_shift(w->io, 61000);
		fake_turn(w, &f, 10);
		assert_false(world_is_up(w));
		fake_recall(w, &f);
		assert_string_equal(w->said, "Ann: local");
	}
	fake_stop(&f);
}

static const char *const strange[] = {
	"+OK\r\n", "-ERR unknown\r\n", ":1\r\n", "$-1\r\n", "$3\r\nabc\r\n", "*-1\r\n",
	"*1\r\n:5\r\n",
	"*1\r\n$-1\r\n", "*1\r\n*1\r\n$1\r\na\r\n", "*1\r\n+x\r\n", "*1\r\n-ERR in a list\r\n",
	"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nx\r\n",
	"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
	"*1000000000\r\n", "*99999999999999999999\r\n", "*-2\r\n", "$-5\r\n", "$99999999999999\r\n",
	"$2147483647\r\n", ":\r\n", "+\r\n", "-\r\n", "$\r\n", "*\r\n", "\r\n", "\n",
	"HTTP/1.1 400 Bad Request\r\n\r\n", "@?!", ",3.14\r\n", "%1\r\n+a\r\n+b\r\n", "#t\r\n",
	"_\r\n",
	"+OK\r\n+OK\r\n+OK\r\n+OK\r\n", "-ERR a\r\n-ERR b\r\n", "*0\r\n*0\r\n",
	"-NOAUTH Authentication required.\r\n", "-WRONGPASS x\r\n", "-LOADING x\r\n",
	"-READONLY x\r\n", "-OOM command not allowed\r\n", "-MOVED 1 127.0.0.1:1\r\n",
	"-MISCONF x\r\n", "-NOPERM x\r\n",
	"-BUSY x\r\n", "-MASTERDOWN x\r\n", "-CLUSTERDOWN x\r\n", "-WRONGTYPE x\r\n",
	"-ERR max number of clients reached\r\n",
	"*1\r\n$4\r\n\0\xff\xfe\x01\r\n",
};

/* Whatever is said to the command, nobody is told what the peer made up, nothing takes longer than
 * the deadline, and the next connection works. */
static void strange_answers_to(struct world *w, struct fake *f, const char *command)
{
	for (size_t i = 0; i < COUNT(strange); i++) {
		f->command = "none";
		fake_until_up(w, f);
		f->command = command;
		f->answer = str_of(strange[i]);
		f->cut = f->answer.len;
		world_remember(w, "43", "to provoke", "m-1");
		world_erase(w, "7", "43", "m-1");
		world_erase(w, "7", "44", "");
		world_erase(w, "9", "", "");
		fake_recall(w, f);
		assert_true(w->took_ms <= RECALL_MS + SLACK_MS);
		if (strcmp(strange[i], "*0\r\n*0\r\n") != 0)
			assert_string_equal(w->said, "Ann: local");
		fake_turn(w, f, 3);
	}
}

static void strange_answers(void **state)
{
	static const char *const commands[] = {
		"LRANGE", "RPUSH", "LTRIM", "PEXPIRE", "DEL", "SCAN", "SET",
	};
	struct world *w = *state;
	size_t files;
	struct fake f;

	fake_begin(w, &f);
	fake_hang_up(&f);
	fake_turn(w, &f, 5);
	files = world_open_files();
	for (size_t i = 0; i < COUNT(commands); i++)
		strange_answers_to(w, &f, commands[i]);
	fake_hang_up(&f);
	fake_turn(w, &f, 5);
	assert_true(world_open_files() <= files);
	fake_stop(&f);
}

/* A peer that takes everything and says nothing: one mebibyte waits, one is under way, and the rest
 * was dropped and counted. */
static void a_silent_peer_is_not_fed_for_ever(void **state)
{
	struct world *w = *state;
	char text[1001];
	struct fake f;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	fake_begin(w, &f);
	for (int i = 0; i < 20000; i++)
		world_remember(w, "42", text, "");
	assert_in_range(world_metric_of("mynah_memory_dropped_total"), 17500, 20000);
	fake_stop(&f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(answers_cut_at_every_byte),
		CASE(strange_answers),
		CASE(a_silent_peer_is_not_fed_for_ever),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
