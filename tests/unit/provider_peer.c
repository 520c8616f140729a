/* A small HTTP peer on the loop under test. */
#include "unit/provider_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define STEP_MS 2
#define VISIT "GET /api/version "
#define WELL "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

struct peer_client {
	struct peer *peer;
	struct peer_client *prev, *next;
	int fd;
	struct io_watch *watch;
	struct io_timer *timer;
	struct buf in;
	struct play play;
	size_t at;
	bool is_asked, is_over;
};

static void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	perror(what);
	abort();
}

static void client_free(struct peer_client *c)
{
	if (c->is_asked && !c->is_over)
		c->peer->live--;
	DL_DELETE(c->peer->clients, c);
	io_watch_free(c->watch);
	io_timer_free(c->timer);
	close(c->fd);
	buf_fini(&c->in);
	mem_free(c);
}

static void on_step(void *ctx)
{
	struct peer_client *c = ctx;
	size_t left = c->play.n - c->at;
	size_t part = c->play.step > 0 && c->play.step < left ? c->play.step : left;
	ssize_t sent = part > 0 ? send(c->fd, c->play.bytes + c->at, part, MSG_NOSIGNAL) : 0;

	if (sent < 0 && errno != EAGAIN) {
		c->peer->closed_early++;
		client_free(c);
		return;
	}
	c->at += sent > 0 ? (size_t)sent : 0;
	if (c->at < c->play.n) {
		io_timer_start(c->timer, STEP_MS);
		return;
	}
	if (c->play.stays)
		return;
	c->is_over = true;
	c->peer->live--;
	client_free(c);
}

/* Is a whole request there? */
static bool is_whole(const struct buf *in)
{
	const char *head = buf_text(in), *end = strstr(head, "\r\n\r\n");
	const char *length = end ? strcasestr(head, "\r\nContent-Length:") : NULL;
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;

	return end && in->len >= (size_t)(end - head) + 4 + body;
}

static void on_request(struct peer_client *c)
{
	struct peer *p = c->peer;
	size_t i = p->requests < p->play_count ? p->requests : p->play_count - 1;

	c->is_asked = true;
	if (strncmp(buf_text(&c->in), VISIT, sizeof(VISIT) - 1) == 0) {
		const char *bytes = p->visit ? p->visit : WELL;
		p->visits++;
		p->live++;
		c->play = (struct play){.bytes = bytes, .n = strlen(bytes)};
		io_timer_start(c->timer, 0);
		return;
	}
	must(p->choose || p->play_count > 0, "a peer without plays");
	p->requests++;
	p->live++;
	if (p->live > p->most_live)
		p->most_live = p->live;
	buf_clear(&p->last);
	if (buf_add_str(&p->last, buf_str(&c->in)) != 0)
		buf_clear(&p->last);
	if (p->choose) {
		const char *bytes = p->choose(p->ctx, buf_text(&p->last));
		c->play = (struct play){.bytes = bytes, .n = strlen(bytes)};
	} else {
		c->play = p->plays[i];
	}
	io_timer_start(c->timer, c->play.wait_ms);
}

static void on_client(void *ctx, int mask)
{
	struct peer_client *c = ctx;
	char bytes[4096];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	(void)mask;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		c->peer->closed_early += c->is_asked;
		client_free(c);
		return;
	}
	if (c->is_asked)
		return;
	if (buf_add(&c->in, bytes, (size_t)n) != 0)
		client_free(c);
	else if (is_whole(&c->in))
		on_request(c);
}

static void on_accept(void *ctx, int mask)
{
	struct peer *p = ctx;
	int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)mask;
	if (fd < 0)
		return;
	struct peer_client *c = mem_new(sizeof(*c));
	if (!c) { /* tests let memory fail: then a peer hangs up */
		close(fd);
		return;
	}
	c->peer = p;
	c->fd = fd;
	buf_init(&c->in, 1024 * 1024);
	DL_APPEND(p->clients, c);
	c->watch = io_watch_new(p->io, fd, on_client, c);
	c->timer = io_timer_new(p->io, on_step, c);
	if (c->watch && c->timer)
		io_watch_set(c->watch, IO_READ);
	else
		client_free(c);
}

void peer_open(struct peer *p, struct io *io)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	memset(p, 0, sizeof(*p));
	p->io = io;
	buf_init(&p->last, 1024 * 1024);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(p->fd >= 0, "socket");
	must(bind(p->fd, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	must(listen(p->fd, 128) == 0, "listen");
	must(getsockname(p->fd, (struct sockaddr *)&a, &n) == 0, "getsockname");
	p->port = ntohs(a.sin_port);
	p->watch = io_watch_new(io, p->fd, on_accept, p);
	must(p->watch != NULL, "peer memory");
	io_watch_set(p->watch, IO_READ);
}

void peer_play(struct peer *p, const char *bytes)
{
	must(p->play_count < PEER_PLAYS, "too many plays");
	p->plays[p->play_count++] = (struct play){.bytes = bytes, .n = strlen(bytes)};
}

void peer_close(struct peer *p)
{
	while (p->clients)
		client_free(p->clients);
	io_watch_free(p->watch);
	close(p->fd);
	buf_fini(&p->last);
}
