/* io/ws.c: one WebSocket client connection.
 *
 *   NAME -> TCP -> TLS (wss only) -> UPGRADE -> OPEN -> ended
 *           |  ^
 *           +--+ next address: refused, or no answer in NEXT_ADDRESS_MS
 *
 * libwebsockets brings the bytes: sockets, and their turn on the loop. What they are is read by
 * tls.c, upgrade.c and frame.c in turn. Its own client is not used: 4.1 takes what comes in apart
 * one byte at a time, 8 ns each (tests/bench/README.md).
 *
 * Each phase has its own deadline, and any of them may lead to the end. The connection (struct lws)
 * and the io_ws outlive each other freely: detach() cuts them apart, after which the callbacks of
 * the connection find no owner and close it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "io/frame.h"
#include "io/lws.h"
#include "io/tls.h"
#include "io/upgrade.h"

#define NAME_MS 5000 /* faults.md section 7: deadlines */
#define TCP_MS 5000
#define TLS_MS 10000
#define UPGRADE_MS 10000
#define NEXT_ADDRESS_MS 2000 /* faults.md D4 */
#define UNSENT_MS 10000      /* faults.md N7: a peer that takes nothing for so long is dead */
#define CLOSING_MS 1000      /* how long io_ws_close waits for the peer */
#define HOST_BYTES 272       /* the name, brackets, a port */
#define REQUEST_BYTES 8192   /* an upgrade: the path and the host twice */

enum { /* RFC 6455 7.4.1 */
	CODE_PROTOCOL = 1002,
	CODE_TOO_BIG = 1009,
};

/* A frame on its way out, with the room that libwebsockets wants in front of it; or the upgrade. */
struct out {
	struct out *prev, *next;
	int64_t since_ms;
	size_t len;
	bool is_given; /* it has been handed on, but the kernel has not taken all of it yet */
	unsigned char room[];
};

struct io_ws {
	struct handle h;
	struct io_url url;
	struct io_ws_options o; /* its strings are not used; they are below */
	char *ca_file, *subprotocol;
	char host[HOST_BYTES]; /* name, and port unless it is the usual one */

	enum io_phase phase;
	struct io_lookup *lookup;
	struct io_address list[IO_ADDRESSES_MAX];
	size_t n_addresses, at_address;
	struct lws *wsi;
	struct io_timer *deadline; /* of the phase; in OPEN of the oldest unsent message */
	struct io_tls *tls;        /* NULL = none */
	struct io_upgrade upgrade;
	struct io_frames *frames;

	struct out *queue;
	struct out *pong; /* in it, if any: newer ones take its place */
	size_t queued;
	bool is_closing, is_ended;

	int err, code;
	enum io_phase failed_in;
	char why[384];
	char heard[128]; /* why the attempt failed, or the words of the peer's close frame */
};

static void try_address(struct io_ws *ws);

const char *io_phase_name(enum io_phase p)
{
	static const char *const names[] = {
		[IO_NAME] = "name", [IO_TCP] = "tcp", [IO_TLS] = "tls",
		[IO_UPGRADE] = "upgrade", [IO_OPEN] = "open",
	};

	return (unsigned)p < sizeof(names) / sizeof(names[0]) ? names[p] : "?";
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Cuts the connection off this io_ws. Gives it, NULL = there is none. */
static struct lws *disown(struct io_ws *ws)
{
	struct lws *wsi = ws->wsi;

	ws->wsi = NULL;
	if (wsi)
		lws_set_opaque_user_data(wsi, NULL);
	return wsi;
}

/* The same, and closes it. */
static void detach(struct io_ws *ws)
{
	struct lws *wsi = disown(ws);

	if (wsi)
		io_lws_door_kill(ws->h.io, wsi);
}

/* It may be a password. */
static void free_out(struct out *o)
{
	secret_wipe(o->room, LWS_PRE + o->len);
	mem_free(o);
}

static void drop_queue(struct io_ws *ws)
{
	struct out *o, *tmp;

	DL_FOREACH_SAFE(ws->queue, o, tmp)
		free_out(o);
	ws->queue = ws->pong = NULL;
	ws->queued = 0;
}

static void release(struct io_ws *ws)
{
	io_lookup_cancel(ws->lookup);
	ws->lookup = NULL;
	io_timer_free(ws->deadline);
	ws->deadline = NULL;
	detach(ws);
	drop_queue(ws);
}

static void tell_closed(struct handle *h)
{
	struct io_ws *ws = (struct io_ws *)h;

	ws->o.closed(ws->o.ctx, ws->err, ws->failed_in, ws->code, ws->why);
}

/* Ends it for this reason; the owner hears at the next quiet point. */
static void end_with(struct io_ws *ws, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void end_with(struct io_ws *ws, int err, const char *fmt, ...)
{
	va_list ap;

	if (ws->is_ended || ws->h.is_dead)
		return;
	if (ws->is_closing) {
		io_ws_free(ws);
		return;
	}
	ws->is_ended = true;
	ws->err = err;
	ws->failed_in = ws->phase;
	va_start(ap, fmt);
	vsnprintf(ws->why, sizeof(ws->why), fmt, ap);
	va_end(ap);
	release(ws);
	io_handle_later(&ws->h, tell_closed);
}

static void fini_ws(struct handle *h)
{
	struct io_ws *ws = (struct io_ws *)h;

	/* What a running callback reads may lie in here. */
	io_frames_free(ws->frames);
	io_upgrade_fini(&ws->upgrade);
	io_tls_free(ws->tls);
	mem_free(ws->ca_file);
	mem_free(ws->subprotocol);
}

void io_ws_free(struct io_ws *ws)
{
	if (!ws || ws->h.is_dead)
		return;
	release(ws);
	io_handle_bury(&ws->h);
}

static void end_ws(struct handle *h)
{
	io_ws_free((struct io_ws *)h);
}

/* ---- Phases before OPEN ---------------------------------------------------------------------- */

static int64_t phase_ms(const struct io_ws *ws)
{
	switch (ws->phase) {
	case IO_NAME: return ws->o.name_ms ? ws->o.name_ms : NAME_MS;
	case IO_TCP: return ws->o.tcp_ms ? ws->o.tcp_ms : TCP_MS;
	case IO_TLS: return ws->o.tls_ms ? ws->o.tls_ms : TLS_MS;
	default: return ws->o.upgrade_ms ? ws->o.upgrade_ms : UPGRADE_MS;
	}
}

static void enter(struct io_ws *ws, enum io_phase phase)
{
	ws->phase = phase;
	io_timer_start(ws->deadline, phase_ms(ws));
}

static const char *address_text(const struct io_ws *ws)
{
	return ws->list[ws->at_address].text;
}

/* libwebsockets does not tell when it got no socket. Descriptor 2 is always open. */
static bool has_descriptors(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return errno != EMFILE && errno != ENFILE;
	close(fd);
	return true;
}

/* The connection of this attempt is gone; ws->heard is why, "" = nobody said. */
static void attempt_failed(struct handle *h)
{
	struct io_ws *ws = (struct io_ws *)h;
	const char *what = ws->heard[0] ? ws->heard : "it hung up";

	if (ws->phase == IO_TCP && ws->at_address + 1 < ws->n_addresses) {
		ws->at_address++;
		try_address(ws);
	} else if (ws->tls && *io_tls_certificate(ws->tls)) {
		end_with(ws, ERR_TLS, "%s", io_tls_certificate(ws->tls));
	} else if (ws->phase == IO_TCP && !has_descriptors()) {
		end_with(ws, ERR_CONNECT, "no socket for %s: %s", ws->url.host, strerror(EMFILE));
	} else if (ws->phase == IO_TCP) {
		end_with(ws, ERR_CONNECT,
			"cannot connect to %s (%s port %d): refused or unreachable", ws->url.host,
			address_text(ws), ws->url.port);
	} else if (ws->phase == IO_TLS) {
		end_with(ws, ERR_TLS, "TLS with %s (%s) failed: %s", ws->url.host,
			address_text(ws), what);
	} else {
		end_with(ws, ERR_CONNECT, "%s (%s) did not upgrade to WebSocket: %s", ws->url.host,
			address_text(ws), what);
	}
}

/* Not now: a callback of the connection is running. */
static void attempt_fails(struct io_ws *ws, const char *why)
{
	snprintf(ws->heard, sizeof(ws->heard), "%s", why);
	disown(ws);
	io_handle_later(&ws->h, attempt_failed);
}

static void on_phase_deadline(struct io_ws *ws)
{
	if (ws->phase != IO_NAME && !ws->wsi)
		return; /* it has failed already, and is about to hear */
	if (ws->phase == IO_TCP && ws->at_address + 1 < ws->n_addresses) {
		detach(ws);
		ws->at_address++;
		try_address(ws);
		return;
	}
	end_with(ws, ERR_TIMEOUT, "%s (%s) did not answer in phase %s within %lld ms", ws->url.host,
		address_text(ws), io_phase_name(ws->phase), (long long)phase_ms(ws));
}

static void on_deadline(void *ctx)
{
	struct io_ws *ws = ctx;
	int64_t left;

	if (ws->is_closing) {
		io_ws_free(ws);
		return;
	}
	if (ws->phase != IO_OPEN) {
		on_phase_deadline(ws);
		return;
	}
	if (!ws->queue)
		return;
	left = ws->queue->since_ms + UNSENT_MS - clock_mono_ms();
	if (left > 0)
		io_timer_start(ws->deadline, left);
	else
		end_with(ws, ERR_TIMEOUT, "%s takes nothing: %zu bytes unsent for %d ms",
			ws->url.host, ws->queued, UNSENT_MS);
}

/* Of one attempt. What an earlier one has left is of no use. */
static int prepare(struct io_ws *ws)
{
	io_tls_free(ws->tls);
	ws->tls = NULL;
	io_frames_free(ws->frames);
	ws->frames = NULL;
	drop_queue(ws);
	ws->heard[0] = '\0';
	int err = io_frames_new(
		ws->o.max_message ? ws->o.max_message : IO_WS_MESSAGE_BYTES, &ws->frames);
	if (!err && ws->url.is_tls)
		err = io_tls_new(ws->h.io, ws->ca_file, ws->url.host, &ws->tls);
	return err;
}

static void try_address(struct io_ws *ws)
{
	static const lws_retry_bo_t no_pings = {0};
	struct lws_client_connect_info info = {0};
	struct io *io = ws->h.io;
	struct lws *wsi;
	int err;

	enter(ws, IO_TCP);
	if (ws->at_address + 1 < ws->n_addresses)
		io_timer_start(ws->deadline, NEXT_ADDRESS_MS);
	err = io_lws_door_client(io, &info.context, &info.vhost);
	if (err) {
		end_with(ws, err, "libwebsockets cannot start");
		return;
	}
	err = prepare(ws);
	if (err == ERR_TLS) {
		end_with(ws, ERR_TLS, "cannot use the certificate authorities of %s",
			ws->ca_file ? ws->ca_file : "the system");
		return;
	}
	if (err) {
		end_with(ws, err, "no memory to connect to %s", ws->url.host);
		return;
	}
	info.address = address_text(ws);
	info.port = ws->url.port;
	info.host = ws->host;
	info.method = "RAW";
	info.local_protocol_name = "mynah";
	info.opaque_user_data = ws;
	info.retry_and_idle_policy = &no_pings;
	info.pwsi = &ws->wsi;
	wsi = lws_client_connect_via_info(&info);
	io_lws_door_wake(io);
	if (!wsi || !ws->wsi)
		attempt_fails(ws, "");
}

static void on_name(void *ctx, int err, const struct io_address *list, size_t n)
{
	struct io_ws *ws = ctx;

	ws->lookup = NULL;
	if (err == ERR_TIMEOUT) {
		end_with(ws, err, "no answer about the name %s within %lld ms", ws->url.host,
			(long long)phase_ms(ws));
		return;
	}
	if (err) {
		end_with(ws, err, "the name %s has no address", ws->url.host);
		return;
	}
	memcpy(ws->list, list, n * sizeof(*list));
	ws->n_addresses = n;
	try_address(ws);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void drop_out(struct io_ws *ws, struct out *o)
{
	DL_DELETE(ws->queue, o);
	ws->queued -= o->len;
	if (ws->pong == o)
		ws->pong = NULL;
	free_out(o);
}

/* 1 = the socket takes more, 0 = it is full, -1 = it is dead. */
static int give(struct io_ws *ws, unsigned char *bytes, size_t n)
{
	if (lws_write(ws->wsi, bytes, n, LWS_WRITE_RAW) < 0)
		return -1;
	return !lws_partial_buffered(ws->wsi) && !lws_send_pipe_choked(ws->wsi);
}

static int give_tls(struct io_ws *ws)
{
	unsigned char room[LWS_PRE + IO_TLS_RECORD_BYTES];
	int more = 1;

	while (more > 0 && io_tls_has_more(ws->tls)) {
		size_t n = io_tls_take(ws->tls, room + LWS_PRE, IO_TLS_RECORD_BYTES);

		more = give(ws, room + LWS_PRE, n);
	}
	return more;
}

static int give_out(struct io_ws *ws, struct out *o)
{
	o->is_given = true;
	if (!ws->tls)
		return give(ws, o->room + LWS_PRE, o->len);
	return io_tls_write(ws->tls, o->room + LWS_PRE, o->len) < 0 ? -1 : give_tls(ws);
}

static bool is_half_given(const struct io_ws *ws)
{
	return lws_partial_buffered(ws->wsi) || (ws->tls && io_tls_has_more(ws->tls));
}

/* Hands frames over until the socket is full. Not 0 = close the connection. */
static int on_writeable(struct io_ws *ws)
{
	int more = ws->tls ? give_tls(ws) : 1;
	struct out *o;

	while (more > 0 && (o = ws->queue)) {
		if (!o->is_given)
			more = give_out(ws, o);
		if (more < 0 || is_half_given(ws))
			break;
		drop_out(ws, o);
	}
	if (more < 0)
		return -1;
	if (ws->queue || is_half_given(ws))
		lws_callback_on_writable(ws->wsi);
	return 0;
}

static void ask_writeable(struct io_ws *ws)
{
	lws_callback_on_writable(ws->wsi);
	io_lws_door_wake(ws->h.io);
}

static struct out *new_out(size_t size)
{
	struct out *o = mem_new(sizeof(*o) + LWS_PRE + size);

	if (o)
		o->since_ms = clock_mono_ms();
	return o;
}

/* TAKES o. */
static void enqueue(struct io_ws *ws, struct out *o, bool ahead)
{
	struct out *first = ws->queue;

	if (!ahead || !first)
		DL_APPEND(ws->queue, o);
	else if (first->is_given)
		DL_APPEND_ELEM(ws->queue, first, o);
	else {
		o->since_ms = first->since_ms; /* the deadline looks at the first one only */
		DL_PREPEND(ws->queue, o);
	}
	ws->queued += o->len;
	if (!io_timer_is_on(ws->deadline))
		io_timer_start(ws->deadline, UNSENT_MS);
	ask_writeable(ws);
}

/* NULL = no memory. */
static struct out *enqueue_frame(
	struct io_ws *ws, enum io_frame_kind kind, struct str payload, bool ahead)
{
	struct out *o = new_out(IO_FRAME_HEAD_BYTES + payload.len);

	if (!o)
		return NULL;
	o->len = io_frames_put(ws->frames, kind, payload, o->room + LWS_PRE);
	enqueue(ws, o, ahead);
	return o;
}

int io_ws_send(struct io_ws *ws, struct str text, bool ahead)
{
	if (ws->is_ended || ws->is_closing || ws->phase != IO_OPEN)
		return ERR_CLOSED;
	if (text.len > IO_WS_QUEUE_BYTES)
		return ERR_INVALID;
	if (ws->queued + text.len > IO_WS_QUEUE_BYTES) {
		end_with(ws, ERR_LIMIT, "%s does not read: %zu bytes unsent", ws->url.host,
			ws->queued);
		return ERR_LIMIT;
	}
	return enqueue_frame(ws, IO_FRAME_TEXT, text, ahead) ? 0 : ERR_NOMEM;
}

static struct str code_bytes(int code, char room[2])
{
	room[0] = (char)(code >> 8);
	room[1] = (char)code;
	return (struct str){room, 2};
}

void io_ws_close(struct io_ws *ws, int code)
{
	char room[2];

	if (!ws || ws->h.is_dead)
		return;
	if (ws->is_ended || ws->phase != IO_OPEN || !ws->wsi ||
			!enqueue_frame(ws, IO_FRAME_CLOSE, code_bytes(code, room), false)) {
		io_ws_free(ws);
		return;
	}
	ws->is_closing = true;
	io_timer_start(ws->deadline, CLOSING_MS);
}

/* A close frame at once, if the socket takes one: the connection ends, whether it does or not. */
static void say_goodbye(struct io_ws *ws, int code)
{
	unsigned char bytes[LWS_PRE + IO_FRAME_HEAD_BYTES + 2];
	struct str payload;
	char room[2];
	size_t n;

	if (ws->is_closing || is_half_given(ws))
		return;
	payload = code_bytes(code, room);
	n = io_frames_put(ws->frames, IO_FRAME_CLOSE, payload, bytes + LWS_PRE);
	if (!ws->tls)
		(void)give(ws, bytes + LWS_PRE, n);
	else if (io_tls_write(ws->tls, bytes + LWS_PRE, n) == 0)
		(void)give_tls(ws);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* A later one takes the place of one that has not been sent (RFC 6455 5.5.3). Without memory the
 * peer gets none, and may ask again. */
static void answer_ping(struct io_ws *ws, struct str payload)
{
	const bool is_newer = ws->pong && !ws->pong->is_given;
	const int64_t since_ms = is_newer ? ws->pong->since_ms : 0;

	if (is_newer)
		drop_out(ws, ws->pong);
	ws->pong = enqueue_frame(ws, IO_FRAME_PONG, payload, true);
	if (ws->pong && is_newer)
		ws->pong->since_ms = since_ms; /* that peer takes nothing since then */
}

static void on_peer_close(struct io_ws *ws, const struct io_message *m)
{
	const unsigned char *in = (const unsigned char *)m->bytes;

	if (ws->is_closing)
		return;
	if (m->n >= 2) {
		ws->code = in[0] << 8 | in[1];
		snprintf(ws->heard, sizeof(ws->heard), "%s", m->bytes + 2);
	}
	say_goodbye(ws, ws->code ? ws->code : 1000);
}

/* Not 0 = close the connection. */
static int on_message(struct io_ws *ws, const struct io_message *m)
{
	switch (m->kind) {
	case IO_FRAME_CLOSE: on_peer_close(ws, m); return -1;
	case IO_FRAME_PONG: return 0;
	case IO_FRAME_PING:
		if (!ws->is_closing)
			answer_ping(ws, (struct str){m->bytes, m->n});
		return 0;
	case IO_FRAME_TEXT:
	case IO_FRAME_BINARY: break;
	}
	if (ws->is_closing)
		return 0;
	ws->h.io->activity++;
	if (ws->o.binary && m->kind == IO_FRAME_BINARY)
		ws->o.binary(ws->o.ctx, m->bytes, m->n);
	else
		ws->o.message(ws->o.ctx, m->bytes, m->n);
	return ws->h.is_dead || ws->is_ended ? -1 : 0;
}

/* What the peer sends cannot be read. */
static void break_off(struct io_ws *ws, int err)
{
	const size_t max = ws->o.max_message ? ws->o.max_message : IO_WS_MESSAGE_BYTES;

	say_goodbye(ws, err == ERR_PARSE ? CODE_PROTOCOL : CODE_TOO_BIG);
	if (err == ERR_PARSE)
		end_with(ws, err, "what %s sends is no WebSocket", ws->url.host);
	else if (err == ERR_LIMIT)
		end_with(ws, err, "a message from %s is over %zu bytes", ws->url.host, max);
	else
		end_with(ws, err, "no memory for a message from %s, at most %zu bytes",
			ws->url.host, max);
}

static int on_frames(struct io_ws *ws, struct str bytes)
{
	struct io_message m;
	int got;

	io_frames_feed(ws->frames, bytes);
	while ((got = io_frames_next(ws->frames, &m)) > 0) {
		if (on_message(ws, &m))
			return -1;
	}
	if (got < 0)
		break_off(ws, got);
	return got;
}

static void on_established(struct io_ws *ws)
{
	io_timer_stop(ws->deadline);
	ws->phase = IO_OPEN;
	ws->h.io->activity++;
	ws->o.open(ws->o.ctx);
}

/* Not 0 = close the connection. */
static int on_bytes(struct io_ws *ws, struct str bytes)
{
	int got = 1;

	if (ws->phase == IO_UPGRADE) {
		got = io_upgrade_hear(&ws->upgrade, &bytes);
		if (got > 0)
			on_established(ws);
		else if (got < 0)
			attempt_fails(ws, ws->upgrade.why);
	}
	if (got <= 0)
		return got;
	return ws->h.is_dead || ws->is_ended ? -1 : on_frames(ws, bytes);
}

static int ask_upgrade(struct io_ws *ws)
{
	struct buf request;
	struct out *o = NULL;
	int err;

	enter(ws, IO_UPGRADE);
	buf_init(&request, REQUEST_BYTES);
	err = io_upgrade_ask(&ws->upgrade, &request);
	if (!err)
		o = new_out(request.len);
	if (o) {
		o->len = request.len;
		memcpy(o->room + LWS_PRE, request.at, request.len);
		enqueue(ws, o, false);
	}
	buf_fini(&request);
	if (!o)
		attempt_fails(ws, "no memory to ask");
	return o ? 0 : -1;
}

static int go_on_with_tls(struct io_ws *ws)
{
	int got = io_tls_greet(ws->tls);

	if (got > 0)
		return ask_upgrade(ws);
	if (got < 0) {
		(void)give_tls(ws); /* the alert that says why */
		attempt_fails(ws, io_tls_why(ws->tls));
		return -1;
	}
	lws_callback_on_writable(ws->wsi);
	return 0;
}

/* Not 0 = close the connection. */
static int on_receive(struct io_ws *ws, struct str bytes)
{
	char plain[IO_TLS_RECORD_BYTES];
	int n;

	if (!ws->tls)
		return on_bytes(ws, bytes);
	if (io_tls_feed(ws->tls, bytes) < 0)
		return -1;
	if (ws->phase == IO_TLS && go_on_with_tls(ws))
		return -1;
	if (ws->phase == IO_TLS)
		return 0;
	while ((n = io_tls_read(ws->tls, plain, sizeof(plain))) > 0) {
		if (on_bytes(ws, (struct str){plain, (size_t)n}))
			return -1;
	}
	if (n == 0 && io_tls_has_more(ws->tls))
		lws_callback_on_writable(ws->wsi);
	return n;
}

static int on_connected(struct io_ws *ws)
{
	if (!ws->tls)
		return ask_upgrade(ws);
	enter(ws, IO_TLS);
	return go_on_with_tls(ws);
}

/* libwebsockets has closed it, or frees it without a word. */
static void on_gone(struct io_ws *ws)
{
	if (ws->phase != IO_OPEN) {
		attempt_fails(ws, "");
		return;
	}
	disown(ws);
	if (ws->is_closing)
		io_ws_free(ws);
	else if (ws->code)
		end_with(ws, ERR_CLOSED, "%s closed with code %d%s%s", ws->url.host, ws->code,
			ws->heard[0] ? ": " : "", ws->heard);
	else
		end_with(ws, ERR_CLOSED, "the connection to %s broke without a close frame",
			ws->url.host);
}

int io_ws_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct io_ws *ws = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_RAW_CONNECTED: return ws ? on_connected(ws) : -1;
	case LWS_CALLBACK_RAW_RX: return ws ? on_receive(ws, (struct str){in, len}) : -1;
	case LWS_CALLBACK_RAW_WRITEABLE: return ws ? on_writeable(ws) : -1;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
	case LWS_CALLBACK_RAW_CLOSE:
	case LWS_CALLBACK_WSI_DESTROY:
		if (ws && ws->wsi == wsi)
			on_gone(ws);
		return 0;
	default: return 0;
	}
}

/* ---- Birth ----------------------------------------------------------------------------------- */

static int copy_options(struct io_ws *ws, const struct io_ws_options *o)
{
	bool is_v6 = strchr(ws->url.host, ':') != NULL;
	bool is_usual = ws->url.port == (ws->url.is_tls ? 443 : 80);
	int n;

	ws->o = *o;
	ws->ca_file = mem_dup(o->ca_file);
	ws->subprotocol = mem_dup(o->subprotocol);
	if ((o->ca_file && !ws->ca_file) || (o->subprotocol && !ws->subprotocol))
		return ERR_NOMEM;
	n = snprintf(ws->host, sizeof(ws->host), is_v6 ? "[%s]" : "%s", ws->url.host);
	if (!is_usual && n > 0 && (size_t)n < sizeof(ws->host))
		n += snprintf(ws->host + n, sizeof(ws->host) - (size_t)n, ":%d", ws->url.port);
	if (n < 0 || (size_t)n >= sizeof(ws->host))
		return ERR_INVALID;
	ws->upgrade.host = ws->host;
	ws->upgrade.path = ws->url.path;
	ws->upgrade.subprotocol = ws->subprotocol;
	return 0;
}

struct io_ws *io_ws_open(struct io *io, const struct io_ws_options *o)
{
	struct io_ws *ws = mem_new(sizeof(*ws));

	if (!ws)
		return NULL;
	ws->h.fini = fini_ws;
	io_handle_init(&ws->h, io, end_ws);
	if (io_url_parse(o->url, &ws->url) != 0 || copy_options(ws, o) != 0)
		goto fail;
	ws->deadline = io_timer_new(io, on_deadline, ws);
	if (!ws->deadline)
		goto fail;
	ws->lookup = io_lookup(io, ws->url.host, phase_ms(ws), on_name, ws);
	if (!ws->lookup)
		goto fail;
	return ws;
fail:
	io_ws_free(ws);
	return NULL;
}
