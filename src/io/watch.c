/* io/watch.c: descriptors of somebody else. */
#include <errno.h>

#include "io/loop.h"

/* A descriptor that can wait is watched by libuv's poll handle. What never waits (a file, /dev/null
 * as standard input) cannot be polled: it is ready at every turn, by an idle handle. */
struct io_watch {
	struct handle h;
	union {
		uv_handle_t handle;
		uv_poll_t poll;
		uv_idle_t idle;
	} uv;
	void (*ready)(void *ctx, int mask);
	void *ctx;
	int mask;
	bool is_always;
};

static void report(struct io_watch *w, int mask)
{
	w->h.io->activity++;
	w->ready(w->ctx, mask);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct io_watch *w = poll->data;
	int mask = 0;

	if (status < 0) {
		/* libuv has stopped watching; io_watch_set begins again. */
		report(w, IO_READ | IO_WRITE);
		return;
	}
	if (events & UV_READABLE)
		mask |= IO_READ;
	if (events & UV_WRITABLE)
		mask |= IO_WRITE;
	if (mask)
		report(w, mask);
}

static void on_idle(uv_idle_t *idle)
{
	struct io_watch *w = idle->data;

	report(w, w->mask);
}

static void end_watch(struct handle *h)
{
	io_watch_free((struct io_watch *)h);
}

struct io_watch *io_watch_new(struct io *io, int fd, void (*ready)(void *ctx, int mask), void *ctx)
{
	struct io_watch *w = mem_new(sizeof(*w));
	int r;

	if (!w)
		return NULL;
	w->ready = ready;
	w->ctx = ctx;
	r = uv_poll_init(&io->uv, &w->uv.poll, fd);
	if (r == UV_EPERM) {
		w->is_always = true;
		r = uv_idle_init(&io->uv, &w->uv.idle);
	}
	if (r != 0) {
		log_event(LOG_ERROR, "io", "watch", "message", uv_strerror(r), LOG_INT("fd", fd),
			NULL);
		mem_free(w);
		return NULL;
	}
	io_handle_init(&w->h, io, end_watch);
	w->h.open = 1;
	w->uv.handle.data = w;
	return w;
}

void io_watch_set(struct io_watch *w, int mask)
{
	int events = (mask & IO_READ ? UV_READABLE : 0) | (mask & IO_WRITE ? UV_WRITABLE : 0);

	w->mask = mask;
	if (w->is_always && mask)
		uv_idle_start(&w->uv.idle, on_idle);
	else if (w->is_always)
		uv_idle_stop(&w->uv.idle);
	else if (mask)
		uv_poll_start(&w->uv.poll, events, on_poll);
	else
		uv_poll_stop(&w->uv.poll);
}

void io_watch_free(struct io_watch *w)
{
	if (!w || w->h.is_dead)
		return;
	io_handle_close(&w->h, &w->uv.handle);
	io_handle_bury(&w->h);
}
