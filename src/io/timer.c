/* io/timer.c: timers and signals. A timer is due at a time of clock_mono_ms, so that a test that
 * moves the clock moves the timers; libuv only wakes us. */
#include <utlist.h>

#include "io/loop.h"

struct io_timer {
	struct handle h;
	uv_timer_t uv;
	void (*fire)(void *ctx);
	void *ctx;
	int64_t due_ms;    /* of clock_mono_ms */
	int64_t wake_ms;   /* of uv_now: when libuv was asked to wake us */
	bool is_on;
};

static void on_fire(uv_timer_t *uv)
{
	struct io_timer *t = uv->data;
	int64_t left = t->due_ms - clock_mono_ms();

	/* The two clocks are cut to milliseconds at different edges. */
	if (left > 0) {
		t->wake_ms = (int64_t)uv_now(&t->h.io->uv) + left;
		uv_timer_start(uv, on_fire, (uint64_t)left, 0);
		return;
	}
	io_loop_note_lag(t->h.io, (int64_t)uv_now(&t->h.io->uv) - t->wake_ms);
	t->is_on = false;
	t->h.io->activity++;
	t->fire(t->ctx);
}

static void arm(struct io_timer *t)
{
	int64_t left = t->due_ms - clock_mono_ms();
	int64_t wait = (left > 0 ? left : 0) + io_loop_drift_ms(t->h.io);

	t->wake_ms = (int64_t)uv_now(&t->h.io->uv) + wait;
	uv_timer_start(&t->uv, on_fire, (uint64_t)wait, 0);
}

static void end_timer(struct handle *h)
{
	io_timer_free((struct io_timer *)h);
}

struct io_timer *io_timer_new(struct io *io, void (*fire)(void *ctx), void *ctx)
{
	struct io_timer *t = mem_new(sizeof(*t));

	if (!t)
		return NULL;
	t->fire = fire;
	t->ctx = ctx;
	io_handle_init(&t->h, io, end_timer);
	uv_timer_init(&io->uv, &t->uv);
	t->uv.data = t;
	t->h.open = 1;
	return t;
}

void io_timer_start(struct io_timer *t, int64_t in_ms)
{
	t->due_ms = clock_mono_ms() + (in_ms > 0 ? in_ms : 0);
	t->is_on = true;
	arm(t);
}

void io_timer_stop(struct io_timer *t)
{
	t->is_on = false;
	uv_timer_stop(&t->uv);
}

bool io_timer_is_on(const struct io_timer *t)
{
	return t->is_on;
}

void io_timer_free(struct io_timer *t)
{
	if (!t || t->h.is_dead)
		return;
	t->is_on = false;
	io_handle_close(&t->h, (uv_handle_t *)&t->uv);
	io_handle_bury(&t->h);
}

void io_timer_shift_all(struct io *io)
{
	struct handle *h;

	/* Only timers have this end: the list needs no other tag. */
	DL_FOREACH(io->handles, h) {
		struct io_timer *t = (struct io_timer *)h;

		if (h->end == end_timer && t->is_on)
			arm(t);
	}
}

int64_t io_timer_next_ms(const struct io *io)
{
	int64_t next_ms = INT64_MAX;
	struct handle *h;

	DL_FOREACH(io->handles, h) {
		const struct io_timer *t = (const struct io_timer *)h;

		if (h->end == end_timer && t->is_on && t->due_ms < next_ms)
			next_ms = t->due_ms;
	}
	return next_ms;
}

/* ---- Signals: they live as long as the loop -------------------------------------------------- */

struct signal_handle {
	struct handle h;
	uv_signal_t uv;
	void (*caught)(void *ctx, int signo);
	void *ctx;
};

static void on_signal(uv_signal_t *uv, int signo)
{
	struct signal_handle *s = uv->data;

	s->h.io->activity++;
	s->caught(s->ctx, signo);
}

static void end_signal(struct handle *h)
{
	struct signal_handle *s = (struct signal_handle *)h;

	io_handle_close(h, (uv_handle_t *)&s->uv);
	io_handle_bury(h);
}

int io_signal(struct io *io, int signo, void (*caught)(void *ctx, int signo), void *ctx)
{
	struct signal_handle *s = mem_new(sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->caught = caught;
	s->ctx = ctx;
	if (uv_signal_init(&io->uv, &s->uv) != 0) {
		mem_free(s);
		return ERR_IO;
	}
	io_handle_init(&s->h, io, end_signal);
	s->h.open = 1;
	s->uv.data = s;
	if (uv_signal_start(&s->uv, on_signal, signo) != 0) {
		end_signal(&s->h);
		return ERR_INVALID;
	}
	return 0;
}
