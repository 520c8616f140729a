/* io/curl.c: curl_multi_socket_action driven by libuv. */
#include <utlist.h>

#include "io/curl.h"

#define IDLE_CONNECTIONS_MAX 16 /* kept for reuse: each provider and platform host has a few */

struct curl_door {
	struct handle h;
	CURLM *multi;
	uv_timer_t timer; /* curl's own: it follows the real clock, not a test's */
};

struct curl_socket {
	struct handle h;
	uv_poll_t poll;
	curl_socket_t fd;
};

/* Tells the ends only after curl has returned: they may do anything. */
static void act(struct io *io, curl_socket_t fd, int events)
{
	CURLM *multi = io->curl->multi;
	const CURLMsg *m;
	int n;

	curl_multi_socket_action(multi, fd, events, &n);
	while ((m = curl_multi_info_read(multi, &n)))
		if (m->msg == CURLMSG_DONE)
			io_http_transfer_done(m->easy_handle, m->data.result);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct curl_socket *s = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(s->h.io, s->fd, flags);
}

static void end_socket(struct handle *h)
{
	struct curl_socket *s = (struct curl_socket *)h;

	if (h->is_dead)
		return;
	curl_multi_assign(h->io->curl->multi, s->fd, NULL);
	io_handle_close(h, (uv_handle_t *)&s->poll);
	io_handle_bury(h);
}

static struct curl_socket *socket_new(struct io *io, curl_socket_t fd)
{
	struct curl_socket *s = mem_new(sizeof(*s));

	if (!s)
		return NULL;
	if (uv_poll_init_socket(&io->uv, &s->poll, fd) != 0) {
		mem_free(s);
		return NULL;
	}
	s->poll.data = s;
	s->fd = fd;
	s->h.open = 1;
	io_handle_init(&s->h, io, end_socket);
	curl_multi_assign(io->curl->multi, fd, s);
	return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket)
{
	struct io *io = ctx;
	struct curl_socket *s = socket;

	if (what == CURL_POLL_REMOVE) {
		if (s)
			end_socket(&s->h);
		return 0;
	}
	if (io->is_ending)
		return 0;
	if (!s)
		s = socket_new(io, fd);
	if (!s) {
		/* Saying no with -1 ends all transfers, and curl 7.88 then keeps a pointer to this
		 * one after it is freed. So curl may wait, and we end it. */
		io_http_starved(easy);
		return 0;
	}
	uv_poll_start(&s->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) |
			(what & CURL_POLL_OUT ? UV_WRITABLE : 0), on_poll);
	return 0;
}

static void on_timer(uv_timer_t *t)
{
	act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long ms, void *ctx)
{
	struct io *io = ctx;

	(void)multi;
	if (ms < 0 || io->is_ending)
		uv_timer_stop(&io->curl->timer);
	else
		uv_timer_start(
			&io->curl->timer, on_timer, (uint64_t)(ms + io_loop_drift_ms(io)), 0);
	return 0;
}

CURLM *io_curl_door_open(struct io *io)
{
	struct curl_door *d = io->curl;

	if (d)
		return d->multi;
	d = mem_new(sizeof(*d));
	if (!d)
		return NULL;
	/* Keys stand in its copies of headers and requests. */
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_wiped_new, mem_wiped_free,
			mem_wiped_resize, mem_wiped_dup, mem_wiped_array) != 0 ||
			!(d->multi = curl_multi_init())) {
		mem_free(d);
		return NULL;
	}
	uv_timer_init(&io->uv, &d->timer);
	d->timer.data = io;
	d->h.io = io;
	d->h.open = 1;
	io->curl = d;
	curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(d->multi, CURLMOPT_SOCKETDATA, io);
	curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(d->multi, CURLMOPT_TIMERDATA, io);
	curl_multi_setopt(d->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
	return d->multi;
}

void io_curl_door_free(struct io *io)
{
	struct curl_door *d = io->curl;

	if (!d)
		return;
	curl_multi_cleanup(d->multi);
	io->curl = NULL;
	/* It was in no list while it lived: it must outlive every transfer. */
	io_handle_init(&d->h, io, NULL);
	io_handle_close(&d->h, (uv_handle_t *)&d->timer);
	io_handle_bury(&d->h);
}
