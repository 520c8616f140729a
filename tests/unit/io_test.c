/* The loop and what waits on it: timers, deferred calls, signals, descriptors, workers, names, and
 * the two policies. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_peer.h"

static struct io *io;
static char trail[256]; /* what happened, in order */

static void note(const char *what)
{
	size_t n = strlen(trail);

	snprintf(trail + n, sizeof(trail) - n, "%s ", what);
}

static void on_note(void *ctx)
{
	note(ctx);
}

/* ---- Timers and deferred calls --------------------------------------------------------------- */

static void test_timers_fire_in_order_of_time(void **state)
{
	static char *const names[] = {"150", "50", "100", "0"};
	struct io_timer *t[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		t[i] = io_timer_new(io, on_note, names[i]);
		assert_false(io_timer_is_on(t[i]));
		io_timer_start(t[i], atol(names[i]));
		assert_true(io_timer_is_on(t[i]));
	}
	assert_string_equal(trail, "");
	turn_for(io, 200);
	assert_string_equal(trail, "0 50 100 150 ");
	io_timer_start(t[0], 10);
	io_timer_start(t[0], 150); /* moves it */
	io_timer_start(t[1], 20);
	io_timer_stop(t[1]);
	turn_for(io, 60);
	assert_string_equal(trail, "0 50 100 150 ");
	turn_for(io, 150);
	assert_string_equal(trail, "0 50 100 150 150 ");
	for (i = 0; i < 4; i++)
		io_timer_free(t[i]);
	io_timer_free(NULL);
}

static void test_timers_follow_a_moved_clock(void **state)
{
	struct io_timer *hour = io_timer_new(io, on_note, "hour");
	struct io_timer *day = io_timer_new(io, on_note, "day");
	int64_t mono = clock_mono_ms();

	(void)state;
	io_timer_start(day, 86400000);
	io_timer_start(hour, 3600000);
	turn_for(io, 10);
	io_clock_shift(io, 3599000);
	turn_for(io, 10);
	assert_string_equal(trail, "");
	io_clock_shift(io, 1000);
	io_turn(io, 0);
	assert_string_equal(trail, "hour ");
	io_clock_shift(io, 82800000);
	io_turn(io, 0);
	assert_string_equal(trail, "hour day ");
	assert_true(clock_mono_ms() - mono >= 86400000);
	assert_in_range(io_lag_ms(io), 0, 1000); /* moved time is not lag */
}

static struct io_timer *self;

static void free_self(void *ctx)
{
	note(ctx);
	io_timer_free(self);
	io_timer_free(self);
}

static void test_timer_freed_in_its_callback(void **state)
{
	(void)state;
	self = io_timer_new(io, free_self, "freed");
	io_timer_start(self, 0);
	turn_for(io, 20);
	assert_string_equal(trail, "freed ");
}

static void stop_loop(void *ctx)
{
	(void)ctx;
	io_stop(io);
}

static void test_run_ends_with_stop_only(void **state)
{
	struct io_timer *t = io_timer_new(io, stop_loop, NULL);
	int64_t begin = clock_mono_ms();

	(void)state;
	io_timer_start(t, 50);
	io_run(io);
	assert_in_range(clock_mono_ms() - begin, 50, 20000);
	io_stop(io);
	io_run(io); /* stopped before: returns at once */
}

static void sleep_long(void *ctx)
{
	(void)ctx;
	usleep(60000);
}

static int64_t waited_ms(void)
{
	return clock_mono_ms() - unit_own_ms();
}

static void test_lag_is_noticed(void **state)
{
	struct buf text;
	int64_t waited;
	struct io_timer *t;

	(void)state;
	turn_for(io, 30);
	io_lag_ms(io);
	waited = waited_ms();
	turn_for(io, 30);
	assert_in_range(io_lag_ms(io), 0, 30 + waited_ms() - waited);
	t = io_timer_new(io, sleep_long, NULL);
	io_timer_start(t, 0);
	waited = waited_ms();
	turn_for(io, 20);
	assert_in_range(io_lag_ms(io), 50, 200 + waited_ms() - waited);
	assert_int_equal(io_lag_ms(io), 0);
	usleep(520000);
	io_turn(io, 0);
	buf_init(&text, 100000);
	assert_int_equal(metric_write(&text), 0);
	assert_non_null(strstr(buf_text(&text), "mynah_loop_lag_seconds_count"));
	buf_fini(&text);
}

/* ---- Signals and descriptors ----------------------------------------------------------------- */

static void on_signal(void *ctx, int signo)
{
	assert_int_equal(signo, SIGUSR1);
	note(ctx);
}

static void test_signals(void **state)
{
	(void)state;
	assert_int_equal(io_signal(io, SIGUSR1, on_signal, "usr1"), 0);
	raise(SIGUSR1);
	turn_for(io, 20);
	assert_string_equal(trail, "usr1 ");
}

static struct io_watch *watch;
static int watched, seen_mask;
static bool free_in_ready;

static void on_ready(void *ctx, int mask)
{
	char c;

	(void)ctx;
	seen_mask |= mask;
	note(mask & IO_READ ? "r" : "w");
	if (mask & IO_READ && read(watched, &c, 1) != 1)
		io_watch_set(watch, 0);
	if (free_in_ready)
		io_watch_free(watch);
}

static void test_watch(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	watched = fds[0];
	watch = io_watch_new(io, fds[0], on_ready, NULL);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	io_turn(io, 20);
	assert_string_equal(trail, "");
	io_watch_set(watch, IO_READ);
	turn_for(io, 20);
	assert_string_equal(trail, "r r ");
	close(fds[1]); /* a hang-up is readable; the owner finds it and stops */
	turn_for(io, 20);
	assert_string_equal(trail, "r r r ");
	io_watch_free(watch);
	io_watch_free(NULL);
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	close(fds[0]);
}

static void test_watch_reports_a_refused_connection_both_ways(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_refused())};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)!connect(fd, (struct sockaddr *)&a, sizeof(a));
	watched = fd;
	seen_mask = 0;
	free_in_ready = true;
	watch = io_watch_new(io, fd, on_ready, NULL);
	io_watch_set(watch, IO_WRITE);
	turn_for(io, 50);
	assert_true(seen_mask & IO_WRITE);
	assert_string_equal(trail, "r ");
	close(fd);
}

static void test_watch_of_what_cannot_wait(void **state)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	watched = fd;
	watch = io_watch_new(io, fd, on_ready, NULL);
	assert_non_null(watch);
	io_watch_set(watch, IO_READ);
	turn_for(io, 20);
	assert_string_equal(trail, "r "); /* end of file, and the owner stopped */
	io_watch_free(watch);
	close(fd);
}

/* ---- Workers --------------------------------------------------------------------------------- */

static int order[64], n_order;
static int sums[64];

static atomic_bool may_work;

static void work_when_allowed(void *ctx)
{
	int *n = ctx;

	while (!may_work)
		usleep(1000);
	*n += 100;
}

static void work_slowly(void *ctx)
{
	int *n = ctx;

	usleep(2000);
	*n += 100;
}

static void on_worked(void *ctx)
{
	order[n_order++] = *(int *)ctx;
}

static void test_worker_keeps_order_and_its_bound(void **state)
{
	struct io_worker *w;
	int i, accepted = 0;

	(void)state;
	n_order = 0;
	may_work = false;
	assert_int_equal(io_worker_new(io, "a name that is long", 10, &w), 0);
	for (i = 0; i < 40; i++) {
		sums[i] = i;
		if (io_worker_put(w, work_when_allowed, on_worked, &sums[i]) != 0)
			break;
		accepted++;
	}
	assert_in_range(accepted, 10, 11); /* ten wait, and what the thread has taken */
	may_work = true;
	while (n_order < accepted)
		io_turn(io, 50);
	for (i = 0; i < accepted; i++)
		assert_int_equal(order[i], 100 + i);
	io_worker_free(w);
	io_worker_free(NULL);
}

static void test_worker_free_finishes_the_queue(void **state)
{
	struct io_worker *w;
	int i;

	(void)state;
	n_order = 0;
	assert_int_equal(io_worker_new(io, "w", 64, &w), 0);
	for (i = 0; i < 20; i++) {
		sums[i] = i;
		assert_int_equal(io_worker_put(w, work_slowly, on_worked, &sums[i]), 0);
	}
	io_worker_free(w);
	assert_int_equal(n_order, 20);
	assert_int_equal(order[19], 119);
}

static struct io_worker *dying;

static void free_worker(void *ctx)
{
	note(ctx);
	io_worker_free(dying);
}

static void test_worker_freed_in_its_own_callback(void **state)
{
	(void)state;
	n_order = 0;
	sums[0] = 0;
	sums[1] = 1;
	assert_int_equal(io_worker_new(io, "w", 64, &dying), 0);
	assert_int_equal(io_worker_put(dying, work_slowly, on_worked, &sums[0]), 0);
	assert_int_equal(io_worker_put(dying, sleep_long, free_worker, "freed"), 0);
	assert_int_equal(io_worker_put(dying, work_slowly, on_worked, &sums[1]), 0);
	turn_for(io, 200);
	assert_string_equal(trail, "freed ");
	assert_int_equal(n_order, 2);
}

/* ---- Names ----------------------------------------------------------------------------------- */

struct found {
	bool is_done;
	int err;
	size_t n;
	struct io_address list[IO_ADDRESSES_MAX];
};

static void on_found(void *ctx, int err, const struct io_address *list, size_t n)
{
	struct found *f = ctx;

	assert_false(f->is_done);
	f->is_done = true;
	f->err = err;
	f->n = n;
	if (n)
		memcpy(f->list, list, n * sizeof(*list));
}

static void test_lookup_without_a_resolver(void **state)
{
	static const struct {
		const char *host, *first;
		int err;
		size_t n;
		bool is_v6, is_loopback;
	} cases[] = {
		{"127.0.0.1", "127.0.0.1", 0, 1, false, true},
		{"192.0.2.7", "192.0.2.7", 0, 1, false, false},
		{"::1", "::1", 0, 1, true, true},
		{"2001:db8::5", "2001:db8::5", 0, 1, true, false},
		{"LocalHost", "127.0.0.1", 0, 2, false, true},
		{"", "", ERR_NAME, 0, false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct found f = {0};

		assert_non_null(io_lookup(io, cases[i].host, 20000, on_found, &f));
		assert_false(f.is_done);
		assert_true(turn_until(io, &f.is_done, 30000));
		assert_int_equal(f.err, cases[i].err);
		assert_int_equal(f.n, cases[i].n);
		assert_string_equal(f.list[0].text, cases[i].first);
		assert_int_equal(f.list[0].is_v6, cases[i].is_v6);
		assert_int_equal(f.list[0].is_loopback, cases[i].is_loopback);
	}
}

static void test_lookup_of_names(void **state)
{
	struct found none = {0}, cancelled = {0}, late = {0}, many[20] = {{0}};
	struct io_lookup *l;
	size_t i;

	(void)state;
	assert_non_null(io_lookup(io, "nobody.invalid", 15000, on_found, &none));
	l = io_lookup(io, "nobody.invalid", 15000, on_found, &cancelled);
	io_lookup_cancel(l);
	io_lookup_cancel(NULL);
	assert_true(turn_until(io, &none.is_done, 16000));
	assert_int_equal(none.err, ERR_NAME);
	assert_false(cancelled.is_done);
	/* Decimal hosts are numbers to the system: the caller must judge what comes out. */
	assert_non_null(io_lookup(io, "2130706433", 5000, on_found, &late));
	assert_true(turn_until(io, &late.is_done, 30000));
	assert_string_equal(late.list[0].text, "127.0.0.1");
	/* More names than threads: each gets its answer or its deadline. */
	for (i = 0; i < 20; i++) {
		char host[32];

		snprintf(host, sizeof(host), "nobody%zu.invalid", i);
		assert_non_null(io_lookup(io, host, 3000, on_found, &many[i]));
	}
	for (i = 0; i < 20; i++) {
		assert_true(turn_until(io, &many[i].is_done, 30000));
		assert_true(many[i].err == ERR_NAME || many[i].err == ERR_TIMEOUT);
	}
}

static void test_loop_freed_with_everything_in_it(void **state)
{
	struct found f = {0};
	struct io_worker *w;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_non_null(io_lookup(io, "nobody.invalid", 5000, on_found, &f));
	assert_non_null(io_lookup(io, "localhost", 5000, on_found, &f));
	io_timer_start(io_timer_new(io, on_note, "timer"), 0);
	io_watch_set(io_watch_new(io, fd, on_ready, NULL), IO_READ);
	assert_int_equal(io_signal(io, SIGUSR2, on_signal, "usr2"), 0);
	assert_int_equal(io_worker_new(io, "w", 4, &w), 0);
	sums[0] = 0;
	n_order = 0;
	assert_int_equal(io_worker_put(w, work_slowly, on_worked, &sums[0]), 0);
	io_free(io);
	assert_string_equal(trail, "");
	assert_false(f.is_done);
	assert_int_equal(sums[0], 100); /* the work was done, nobody was told */
	assert_int_equal(n_order, 0);
	close(fd);
	io_free(NULL);
	assert_int_equal(io_new(&io), 0);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url, *host, *path;
		int err, port;
		bool is_tls;
	} cases[] = {
		{"ws://irc.test", "irc.test", "/", 0, 80, false},
		{"wss://irc.test/a?b=c#d", "irc.test", "/a?b=c", 0, 443, true},
		{"HTTP://h:8080?x", "h", "/?x", 0, 8080, false},
		{"https://[2001:db8::1]:444/", "2001:db8::1", "/", 0, 444, true},
		{"https://h:", "", "", ERR_INVALID, 0, false},
		{"https://:443/", "", "", ERR_INVALID, 0, false},
		{"https://u@h/", "", "", ERR_INVALID, 0, false},
		{"https://h:65536/", "", "", ERR_INVALID, 0, false},
		{"https://[::1/", "", "", ERR_INVALID, 0, false},
		{"https://[::1]x/", "", "", ERR_INVALID, 0, false},
		{"https://h\\evil/", "", "", ERR_INVALID, 0, false},
		{"ftp://h/", "", "", ERR_INVALID, 0, false},
		{"", "", "", ERR_INVALID, 0, false},
	};
	struct io_url u;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(io_url_parse(cases[i].url, &u), cases[i].err);
		if (cases[i].err)
			continue;
		assert_string_equal(u.host, cases[i].host);
		assert_string_equal(u.path, cases[i].path);
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.is_tls, cases[i].is_tls);
	}
	assert_true(io_host_is_loopback("localhost"));
	assert_true(io_host_is_loopback("127.9.9.9"));
	assert_true(io_host_is_loopback("::1"));
	assert_true(io_host_is_loopback("::ffff:127.0.0.1"));
	assert_false(io_host_is_loopback("128.0.0.1"));
	assert_false(io_host_is_loopback("localhost.evil.test"));
}

/* ---- Backoff and breaker --------------------------------------------------------------------- */

static void test_backoff_is_full_jitter(void **state)
{
	static const int64_t most[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	int64_t sum[8] = {0}, high[8] = {0};
	int i, k;

	(void)state;
	rand_seed(7);
	for (i = 0; i < 2000; i++) {
		struct io_backoff b;

		io_backoff_init(&b);
		for (k = 0; k < 8; k++) {
			int64_t wait = io_backoff_next(&b, 0);

			assert_in_range(wait, 0, most[k]);
			sum[k] += wait;
			if (wait > high[k])
				high[k] = wait;
		}
	}
	for (k = 0; k < 8; k++) {
		assert_in_range(sum[k] / 2000, most[k] * 45 / 100, most[k] * 55 / 100);
		assert_true(high[k] > most[k] * 95 / 100);
	}
}

static void test_backoff_begins_anew_only_after_confirmed_service(void **state)
{
	static const struct {
		int64_t confirmed, lost;
		unsigned tries;
	} cases[] = {
		{0, 500000, 6},          /* never confirmed */
		{100000, 110000, 6},     /* ten seconds */
		{100000, 159999, 6},
		{100000, 160000, 1},
	};
	size_t i;
	int k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct io_backoff b;

		io_backoff_init(&b);
		for (k = 0; k < 5; k++)
			io_backoff_next(&b, 1000);
		if (cases[i].confirmed) {
			io_backoff_confirm(&b, cases[i].confirmed);
			/* It counts from the first. */
			io_backoff_confirm(&b, cases[i].confirmed + 5000);
		}
		io_backoff_next(&b, cases[i].lost);
		assert_int_equal(b.tries, cases[i].tries);
	}
}

/* Steps at times in seconds: f(ailed) s(ucceeded) a(bandoned), A = is allowed, D = is denied, and
 * the state after: c o p. */
static void test_breaker_transitions(void **state)
{
	static const struct {
		int64_t at;
		char step, after;
	} steps[] = {
		{0, 'A', 'c'}, {1, 'f', 'c'}, {2, 'f', 'c'}, {3, 's', 'c'}, {4, 'f', 'c'},
		{5, 'f', 'c'},
		{31, 'f', 'c'},                 /* the first has left the window */
		{31, 'f', 'o'}, {32, 'D', 'o'}, {33, 'f', 'o'}, {34, 's', 'o'}, {90, 'D', 'o'},
		{91, 'A', 'p'}, {91, 'D', 'p'}, {92, 'a', 'p'}, {92, 'A', 'p'}, {92, 'D', 'p'},
		{93, 'f', 'o'}, {212, 'D', 'o'},                /* twice as long: 120 s */
		{213, 'A', 'p'}, {214, 'f', 'o'}, {453, 'D', 'o'}, /* 240 s */
		{454, 'A', 'p'}, {455, 's', 'c'}, {455, 'A', 'c'},
		{456, 'f', 'c'}, {456, 'f', 'c'}, {456, 'f', 'c'}, {456, 'f', 'c'}, {456, 'f', 'o'},
		{515, 'D', 'o'}, {516, 'A', 'p'},               /* 60 s again */
		{517, 'a', 'p'}, {518, 's', 'p'}, {518, 'f', 'p'}, /* nothing is out: old news */
	};
	struct io_breaker b;
	size_t i;

	(void)state;
	io_breaker_init(&b, 5, 30000, 60000);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int64_t now = steps[i].at * 1000;

		switch (steps[i].step) {
		case 'A': assert_true(io_breaker_allows(&b, now)); break;
		case 'D': assert_false(io_breaker_allows(&b, now)); break;
		case 'f': io_breaker_failed(&b, now); break;
		case 's': io_breaker_succeeded(&b, now); break;
		default: io_breaker_abandoned(&b); break;
		}
		if (io_breaker_state_name(b.state)[0] != steps[i].after)
			fail_msg("step %zu (%c): %s", i, steps[i].step,
				io_breaker_state_name(b.state));
	}
}

static void test_breaker_lets_one_of_a_hundred_probe(void **state)
{
	struct io_breaker b;
	int i, round, allowed;
	int64_t now = 0, wait = 60000;

	(void)state;
	io_breaker_init(&b, 5, 30000, 60000);
	for (i = 0; i < 5; i++)
		io_breaker_failed(&b, now);
	for (round = 0; round < 8; round++) {
		now += wait;
		for (i = allowed = 0; i < 100; i++)
			allowed += io_breaker_allows(&b, now);
		assert_int_equal(allowed, 1);
		io_breaker_failed(&b, now);
		wait = wait * 2 < 600000 ? wait * 2 : 600000;
		assert_int_equal(b.until_ms - now, wait);
	}
}

static int new_loop(void **state)
{
	(void)state;
	trail[0] = '\0';
	free_in_ready = false;
	return log_open(getenv("IO_TEST_LOG"), LOG_DEBUG) != 0 ? -1 : io_new(&io);
}

static int free_loop(void **state)
{
	(void)state;
	io_free(io);
	metric_reset();
	return 0;
}

#define WITH_LOOP(f) cmocka_unit_test_setup_teardown(f, new_loop, free_loop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(test_timers_fire_in_order_of_time),
		WITH_LOOP(test_timers_follow_a_moved_clock),
		WITH_LOOP(test_timer_freed_in_its_callback),
		WITH_LOOP(test_run_ends_with_stop_only),
		WITH_LOOP(test_lag_is_noticed),
		WITH_LOOP(test_signals),
		WITH_LOOP(test_watch),
		WITH_LOOP(test_watch_reports_a_refused_connection_both_ways),
		WITH_LOOP(test_watch_of_what_cannot_wait),
		WITH_LOOP(test_worker_keeps_order_and_its_bound),
		WITH_LOOP(test_worker_free_finishes_the_queue),
		WITH_LOOP(test_worker_freed_in_its_own_callback),
		WITH_LOOP(test_lookup_without_a_resolver),
		WITH_LOOP(test_lookup_of_names),
		WITH_LOOP(test_loop_freed_with_everything_in_it),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_backoff_is_full_jitter),
		cmocka_unit_test(test_backoff_begins_anew_only_after_confirmed_service),
		cmocka_unit_test(test_breaker_transitions),
		cmocka_unit_test(test_breaker_lets_one_of_a_hundred_probe),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
