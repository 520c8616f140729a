/* io/loop.c: the loop itself, the life of its handles, and how late it runs. */
#include <signal.h>
#include <stdlib.h>
#include <utlist.h>

#include "io/loop.h"

/* A turn's lag is observed for the metric at most this often, and only while the loop is awake
 * anyway: an idle daemon is not woken to find out that it is not late. */
#define LAG_OBSERVE_MS 500
/* libwebsockets and libuv close what they own over some turns; measured about 20. */
#define CLOSING_TURNS 200
#define OWN_HANDLES 5 /* in struct io: wake, quiet, before_wait, after_wait, turn */

static struct metric lag_metric = {
	.name = "mynah_loop_lag_seconds",
	.help = "How late the event loop ran, the worst of each half second it was awake",
	.kind = METRIC_HISTOGRAM,
};

/* ---- Life and death of handles --------------------------------------------------------------- */

void io_handle_init(struct handle *h, struct io *io, void (*end)(struct handle *h))
{
	h->io = io;
	h->end = end;
	DL_APPEND(io->handles, h);
}

static void on_quiet(uv_idle_t *idle);

void io_handle_later(struct handle *h, void (*call)(struct handle *h))
{
	if (h->is_dead)
		return;
	if (!h->later)
		DL_APPEND2(h->io->laters, h, later_prev, later_next);
	h->later = call;
	uv_idle_start(&h->io->quiet, on_quiet);
}

static void forget_later(struct handle *h)
{
	if (!h->later)
		return;
	DL_DELETE2(h->io->laters, h, later_prev, later_next);
	h->later = NULL;
}

static void on_handle_closed(uv_handle_t *uv)
{
	struct handle *h = uv->data;

	h->open--;
}

void io_handle_close(struct handle *h, uv_handle_t *uv)
{
	if (uv_is_closing(uv))
		return;
	uv->data = h;
	uv_close(uv, on_handle_closed);
}

void io_handle_bury(struct handle *h)
{
	if (h->is_dead)
		return;
	h->is_dead = true;
	forget_later(h);
	DL_DELETE(h->io->handles, h);
	DL_APPEND(h->io->graves, h);
	uv_idle_start(&h->io->quiet, on_quiet);
}

static void dispose(struct handle *h)
{
	if (h->fini)
		h->fini(h);
	mem_free(h);
}

/* The quiet point. What is buried or asked for while it runs waits for the next one, which comes
 * before the loop waits because the idle handle stays on. */
static void on_quiet(uv_idle_t *idle)
{
	struct io *io = idle->data;
	struct handle *h, *tmp;
	unsigned asked = 0;

	DL_COUNT2(io->laters, h, asked, later_next);
	DL_FOREACH_SAFE(io->graves, h, tmp) {
		if (h->open)
			continue;
		DL_DELETE(io->graves, h);
		dispose(h);
	}
	for (; asked > 0 && io->laters; asked--) {
		void (*call)(struct handle *h);

		h = io->laters;
		call = h->later;
		forget_later(h);
		io->activity++;
		call(h);
	}
	if (!io->laters && !io->graves)
		uv_idle_stop(idle);
}

/* ---- Lag ------------------------------------------------------------------------------------- */

int64_t io_loop_drift_ms(const struct io *io)
{
	/* uv_now is the time at which the loop last woke; uv_hrtime is in nanoseconds. */
	int64_t drift = (int64_t)(uv_hrtime() / 1000000) - (int64_t)uv_now(&io->uv);

	return drift > 0 ? drift : 0;
}

void io_loop_note_lag(struct io *io, int64_t late_ms)
{
	if (late_ms > io->lag_ms)
		io->lag_ms = late_ms;
	if (late_ms > io->lag_observed_ms)
		io->lag_observed_ms = late_ms;
}

static void on_before_wait(uv_prepare_t *p)
{
	struct io *io = p->data;
	int64_t now = (int64_t)uv_now(&io->uv);

	io_loop_note_lag(io, io_loop_drift_ms(io));
	if (now - io->lag_observed_at < LAG_OBSERVE_MS)
		return;
	metric_observe_ms(&lag_metric, NULL, (double)io->lag_observed_ms);
	io->lag_observed_ms = 0;
	io->lag_observed_at = now;
}

static void on_after_wait(uv_check_t *c)
{
	struct io *io = c->data;

	io_loop_note_lag(io, io_loop_drift_ms(io));
}

int64_t io_lag_ms(struct io *io)
{
	int64_t lag = io->lag_ms;

	io->lag_ms = 0;
	return lag;
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
	struct io *io = wake->data;

	if (io->is_ending)
		return;
	io_worker_collect(io);
	io_resolver_collect(io);
}

int io_new(struct io **out)
{
	struct io *io = mem_new(sizeof(*io));
	int err = ERR_NOMEM;

	*out = NULL;
	if (!io)
		return ERR_NOMEM;
	/* A resolver that does not answer holds a thread for the product of these (libraries.md
	 * 1.6); a peer that closed while we write is an error code, not a signal. */
	setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
	signal(SIGPIPE, SIG_IGN);
	/* libwebsockets would send every connection, loopback too,
	 * through it (libraries.md 1.3). */
	unsetenv("http_proxy");
	if (uv_loop_init(&io->uv) != 0)
		goto out;
	err = ERR_IO;
	if (uv_async_init(&io->uv, &io->wake, on_wake) != 0) {
		uv_loop_close(&io->uv);
		goto out;
	}
	io->wake.data = io;
	/* The rest cannot fail; it must not keep the loop alive, the async handle does. */
	uv_idle_init(&io->uv, &io->quiet);
	io->quiet.data = io;
	uv_prepare_init(&io->uv, &io->before_wait);
	io->before_wait.data = io;
	uv_prepare_start(&io->before_wait, on_before_wait);
	uv_check_init(&io->uv, &io->after_wait);
	io->after_wait.data = io;
	uv_check_start(&io->after_wait, on_after_wait);
	uv_timer_init(&io->uv, &io->turn);
	io->turn.data = io;
	io->lag_observed_at = (int64_t)uv_now(&io->uv);
	*out = io;
	return 0;
out:
	mem_free(io);
	return err;
}

void io_run(struct io *io)
{
	while (!io->is_stopping)
		uv_run(&io->uv, UV_RUN_DEFAULT);
	io->is_stopping = false;
}

void io_stop(struct io *io)
{
	io->is_stopping = true;
	uv_stop(&io->uv);
}

/* When it is due before the loop polls, the loop would wait for the next timer,
 * however far that is. */
static void on_turn_end(uv_timer_t *t)
{
	uv_stop(t->loop);
}

void io_turn(struct io *io, int64_t wait_ms)
{
	unsigned long before = io->activity;

	uv_run(&io->uv, UV_RUN_NOWAIT);
	if (wait_ms <= 0 || io->activity != before || io->is_stopping)
		return;
	uv_timer_start(&io->turn, on_turn_end, (uint64_t)(wait_ms + io_loop_drift_ms(io)), 0);
	uv_run(&io->uv, UV_RUN_ONCE);
	uv_timer_stop(&io->turn);
}

void io_clock_shift(struct io *io, int64_t ms)
{
	clock_shift(ms, ms);
	io_timer_shift_all(io);
}

/* Turns until nothing happens any more without time going by. What a worker does takes no time by a
 * frozen clock, however long it takes. */
static void settle(struct io *io)
{
	unsigned long before;

	do {
		before = io->activity;
		uv_run(&io->uv, io->jobs > 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	} while (io->activity != before || io->laters || io->jobs > 0);
}

void io_advance(struct io *io, int64_t until_ms)
{
	int64_t now_ms = clock_mono_ms(), next_ms;

	settle(io);
	while ((next_ms = io_timer_next_ms(io)) <= until_ms) {
		if (next_ms > now_ms)
			io_clock_shift(io, next_ms - now_ms);
		settle(io);
		now_ms = clock_mono_ms();
	}
	io_clock_shift(io, until_ms - now_ms);
}

static void close_if_open(uv_handle_t *uv, void *arg)
{
	(void)arg;
	if (!uv_is_closing(uv))
		uv_close(uv, NULL);
}

static void count_handle(uv_handle_t *uv, void *count)
{
	(void)uv;
	++*(unsigned *)count;
}

/* Turns until nothing in libuv is left but the loop's own handles. */
static void run_out(struct io *io)
{
	unsigned count, i;

	for (i = 0; i < CLOSING_TURNS; i++) {
		uv_run(&io->uv, UV_RUN_NOWAIT);
		count = 0;
		uv_walk(&io->uv, count_handle, &count);
		if (count <= OWN_HANDLES && !io->graves)
			return;
	}
}

void io_free(struct io *io)
{
	struct handle *h, *tmp;
	int i;

	if (!io)
		return;
	io->is_ending = true;
	while (io->handles)
		io->handles->end(io->handles);
	/* Requests leave curl before curl ends, and curl's sockets are closed with it. */
	for (i = 0; i < CLOSING_TURNS && io->graves; i++)
		uv_run(&io->uv, UV_RUN_NOWAIT);
	io_curl_door_free(io);
	io_resolver_free(io);
	io_lws_door_close(io);
	run_out(io);
	io_lws_door_free(io);
	io_tls_forget(io);
	uv_walk(&io->uv, close_if_open, NULL);
	for (i = 0; i < CLOSING_TURNS && uv_loop_close(&io->uv) != 0; i++)
		uv_run(&io->uv, UV_RUN_NOWAIT);
	DL_FOREACH_SAFE(io->graves, h, tmp)
		dispose(h);
	mem_free(io);
}
