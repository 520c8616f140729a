/* io/serve.c: the HTTP server: who may connect, and for how long. What is asked: request.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "io/serve.h"

#define BACKLOG 64
#define ACCEPTS_A_TURN 16   /* so that a storm of connections does not hold the loop */
#define SWEEP_MS 1000       /* how often slow clients are looked for, while there are any */
#define ACCEPT_PAUSE_MS 1000 /* faults.md X2: out of descriptors */

/* How long a client may stay in each state (faults.md H2). */
static const int64_t patience_ms[] = {
	[CLIENT_HEADERS] = 5000,
	[CLIENT_BODY] = 10000,
	[CLIENT_ANSWER] = 10000,
};

/* ---- Clients --------------------------------------------------------------------------------- */

static void fini_client(struct handle *h)
{
	struct client *c = (struct client *)h;

	buf_fini(&c->body);
	buf_fini(&c->answer);
}

void io_client_drop(struct client *c)
{
	if (c->h.is_dead)
		return;
	DL_DELETE(c->serve->clients, c);
	c->serve->n_clients--;
	if (c->wsi) {
		lws_set_opaque_user_data(c->wsi, NULL);
		io_lws_door_kill(c->h.io, c->wsi);
	}
	c->wsi = NULL;
	io_handle_bury(&c->h);
}

static void end_client(struct handle *h)
{
	io_client_drop((struct client *)h);
}

void io_client_enter(struct client *c, enum client_state state)
{
	c->state = state;
	c->since_ms = clock_mono_ms();
}

/* Makes room by dropping who has been connected longest without asking. */
static bool make_room(struct io_serve *s)
{
	struct client *c, *oldest = NULL;

	if (s->n_clients < IO_SERVE_CLIENTS)
		return true;
	DL_FOREACH(s->clients, c)
		if (c->state == CLIENT_HEADERS && (!oldest || c->since_ms < oldest->since_ms))
			oldest = c;
	if (!oldest)
		return false;
	io_client_drop(oldest);
	return true;
}

/* Takes fd. */
static void add_client(struct io_serve *s, int fd, bool is_local)
{
	struct client *c = make_room(s) ? mem_new(sizeof(*c)) : NULL;

	if (!c) {
		close(fd);
		return;
	}
	c->h.fini = fini_client;
	io_handle_init(&c->h, s->h.io, end_client);
	c->serve = s;
	c->is_local = is_local;
	buf_init(&c->body, IO_SERVE_BODY_BYTES);
	buf_init(&c->answer, LWS_PRE + SERVE_ANSWER_BYTES);
	DL_APPEND(s->clients, c);
	s->n_clients++;
	io_client_enter(c, CLIENT_HEADERS);
	c->wsi = lws_adopt_socket_vhost(s->vhost, fd); /* closes fd when it fails */
	if (!c->wsi) {
		io_client_drop(c);
		return;
	}
	lws_set_opaque_user_data(c->wsi, c);
	io_lws_door_wake(s->h.io);
	if (!io_timer_is_on(s->sweep))
		io_timer_start(s->sweep, SWEEP_MS);
}

static void on_sweep(void *ctx)
{
	struct io_serve *s = ctx;
	struct client *c, *tmp;
	int64_t now = clock_mono_ms();

	DL_FOREACH_SAFE(s->clients, c, tmp)
		if (now - c->since_ms >= patience_ms[c->state])
			io_client_drop(c);
	if (s->clients)
		io_timer_start(s->sweep, SWEEP_MS);
}

/* ---- Doors ----------------------------------------------------------------------------------- */

static void accept_some(struct io_serve *s, struct door *d)
{
	int i, fd;

	for (i = 0; i < ACCEPTS_A_TURN; i++) {
		fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			add_client(s, fd, d == &s->local);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EAGAIN)
			return;
		log_event(LOG_ERROR, "io", "accept", "message",
			"cannot accept a connection; trying again in a second", "result",
			strerror(errno), NULL);
		if (s->local.watch)
			io_watch_set(s->local.watch, 0);
		if (s->tcp.watch)
			io_watch_set(s->tcp.watch, 0);
		io_timer_start(s->resume, ACCEPT_PAUSE_MS);
		return;
	}
}

static void on_local(void *ctx, int mask)
{
	struct io_serve *s = ctx;

	(void)mask;
	accept_some(s, &s->local);
}

static void on_tcp(void *ctx, int mask)
{
	struct io_serve *s = ctx;

	(void)mask;
	accept_some(s, &s->tcp);
}

static void on_resume(void *ctx)
{
	struct io_serve *s = ctx;

	if (s->local.watch)
		io_watch_set(s->local.watch, IO_READ);
	if (s->tcp.watch)
		io_watch_set(s->tcp.watch, IO_READ);
}

static int listen_on(struct door *d, const struct sockaddr *a, socklen_t len)
{
	int one = 1;

	d->fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return ERR_IO;
	if (a->sa_family != AF_UNIX)
		setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(d->fd, a, len) != 0 || listen(d->fd, BACKLOG) != 0)
		return errno == EADDRINUSE ? ERR_BUSY : err_from_errno(errno);
	return 0;
}

/* Removes a socket that nobody answers on. ERR_BUSY: somebody does. */
static int clear_stale(const struct sockaddr_un *a)
{
	struct stat st;
	int fd, r;

	if (lstat(a->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : err_from_errno(errno);
	if (!S_ISSOCK(st.st_mode))
		return ERR_INVALID;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ERR_IO;
	r = connect(fd, (const struct sockaddr *)a, sizeof(*a));
	if (r != 0)
		r = errno;
	close(fd);
	if (r != ECONNREFUSED)
		return ERR_BUSY;
	return unlink(a->sun_path) == 0 ? 0 : err_from_errno(errno);
}

static int open_local(struct io_serve *s, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t before;
	int err;

	if (strlen(path) >= sizeof(a.sun_path))
		return ERR_INVALID;
	memcpy(a.sun_path, path, strlen(path) + 1);
	err = clear_stale(&a);
	if (err)
		return err;
	/* The socket is born 0600: a later chmod would leave a moment for others. */
	before = umask(0177);
	err = listen_on(&s->local, (struct sockaddr *)&a, sizeof(a));
	umask(before);
	if (err)
		return err;
	memcpy(s->path, path, strlen(path) + 1);
	s->local.watch = io_watch_new(s->h.io, s->local.fd, on_local, s);
	if (!s->local.watch)
		return ERR_NOMEM;
	io_watch_set(s->local.watch, IO_READ);
	return 0;
}

/* "127.0.0.1:8005" or "[::1]:8005". */
static int open_tcp(struct io_serve *s, const char *where)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct io_url url;
	char text[300];
	int err;

	snprintf(text, sizeof(text), "http://%s/", where);
	if (io_url_parse(text, &url) != 0)
		return ERR_INVALID;
	v4.sin_port = v6.sin6_port = htons((uint16_t)url.port);
	if (inet_pton(AF_INET, url.host, &v4.sin_addr) == 1)
		err = listen_on(&s->tcp, (struct sockaddr *)&v4, sizeof(v4));
	else if (inet_pton(AF_INET6, url.host, &v6.sin6_addr) == 1)
		err = listen_on(&s->tcp, (struct sockaddr *)&v6, sizeof(v6));
	else
		err = ERR_INVALID;
	if (err)
		return err;
	s->tcp.watch = io_watch_new(s->h.io, s->tcp.fd, on_tcp, s);
	if (!s->tcp.watch)
		return ERR_NOMEM;
	io_watch_set(s->tcp.watch, IO_READ);
	return 0;
}

static void close_door(struct door *d)
{
	io_watch_free(d->watch);
	d->watch = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* ---- Life ------------------------------------------------------------------------------------ */

void io_serve_free(struct io_serve *s)
{
	if (!s || s->h.is_dead)
		return;
	while (s->clients)
		io_client_drop(s->clients);
	close_door(&s->local);
	close_door(&s->tcp);
	if (s->path[0])
		unlink(s->path);
	io_timer_free(s->sweep);
	io_timer_free(s->resume);
	s->sweep = s->resume = NULL;
	io_handle_bury(&s->h);
}

static void end_serve(struct handle *h)
{
	io_serve_free((struct io_serve *)h);
}

int io_serve_new(struct io *io, const char *socket_path, const char *listen,
	void (*answer)(void *ctx, const struct io_request *q, struct io_response *a), void *ctx,
	struct io_serve **out)
{
	struct io_serve *s = mem_new(sizeof(*s));
	int err = ERR_NOMEM;

	*out = NULL;
	if (!s)
		return ERR_NOMEM;
	s->local.fd = s->tcp.fd = -1;
	s->answer = answer;
	s->ctx = ctx;
	io_handle_init(&s->h, io, end_serve);
	s->sweep = io_timer_new(io, on_sweep, s);
	s->resume = io_timer_new(io, on_resume, s);
	if (!s->sweep || !s->resume)
		goto fail;
	err = ERR_INVALID;
	s->vhost = io_lws_door_server(io);
	if (!s->vhost)
		goto fail;
	err = socket_path ? open_local(s, socket_path) : 0;
	if (!err && listen)
		err = open_tcp(s, listen);
	if (err)
		goto fail;
	*out = s;
	return 0;
fail:
	io_serve_free(s);
	return err;
}
