/* io/ws.c: one WebSocket client connection, over libwebsockets.
 *
 *   NAME -> TCP -> TLS (wss only) -> UPGRADE -> OPEN -> ended
 *           |  ^
 *           +--+ next address: refused, or no answer in NEXT_ADDRESS_MS
 *
 * Each phase has its own deadline, and any of them may lead to the end. libwebsockets does not tell
 * when TCP is up, so a second descriptor of the same socket is watched until then. The connection
 * (struct lws) and the io_ws outlive each other freely: detach() cuts them apart, after which the
 * callbacks of the connection find no owner and close it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "io/lws.h"

#define NAME_MS 5000 /* faults.md section 7: deadlines */
#define TCP_MS 5000
#define TLS_MS 10000
#define UPGRADE_MS 10000
#define NEXT_ADDRESS_MS 2000 /* faults.md D4 */
#define UNSENT_MS 10000      /* faults.md N7: a peer that takes nothing for so long is dead */
#define CLOSING_MS 1000      /* how long io_ws_close waits for the peer */
#define KEEP_BYTES (64 * 1024) /* the receive buffer shrinks back to nothing above this */
#define HOST_BYTES 128         /* libwebsockets cuts the name it verifies at 127 */

/* A message on its way out, with the room libwebsockets writes its frame header into. */
struct out {
	struct out *prev, *next;
	int64_t since_ms;
	size_t len;
	bool is_given; /* libwebsockets has it, the kernel not all of it yet */
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
	struct io_watch *tcp; /* of tcp_fd, until TCP is up */
	int tcp_fd;
	struct io_timer *deadline; /* of the phase; in OPEN of the oldest unsent message */

	struct buf in;
	char nothing[1]; /* the bytes of an empty message */
	struct out *queue;
	size_t queued;
	bool is_closing, is_ended;

	int err, code;
	enum io_phase failed_in;
	char why[384];
	char heard[128]; /* what libwebsockets or the peer's close frame said */
	char certificate[LWS_DOOR_WHY_BYTES]; /* what is wrong with it, "" = nothing yet */
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

static void stop_watching_tcp(struct io_ws *ws)
{
	io_watch_free(ws->tcp);
	ws->tcp = NULL;
	if (ws->tcp_fd >= 0)
		close(ws->tcp_fd);
	ws->tcp_fd = -1;
}

/* Cuts the connection off this io_ws and closes it. */
static void detach(struct io_ws *ws)
{
	struct lws *wsi = ws->wsi;

	stop_watching_tcp(ws);
	ws->wsi = NULL;
	if (!wsi)
		return;
	lws_set_opaque_user_data(wsi, NULL);
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
	ws->queue = NULL;
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

	/* The message that a running callback reads may lie in here. */
	buf_fini(&ws->in);
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

/* libwebsockets gave this connection up. */
static void attempt_failed(struct io_ws *ws, const char *what)
{
	ws->wsi = NULL;
	stop_watching_tcp(ws);
	if (ws->phase == IO_TCP && ws->at_address + 1 < ws->n_addresses) {
		ws->at_address++;
		try_address(ws);
		return;
	}
	if (ws->certificate[0])
		end_with(ws, ERR_TLS, "%s", ws->certificate);
	else if (ws->phase == IO_TCP && !has_descriptors())
		end_with(ws, ERR_CONNECT, "no socket for %s: %s", ws->url.host, strerror(EMFILE));
	else if (ws->phase == IO_TCP)
		end_with(ws, ERR_CONNECT,
			"cannot connect to %s (%s port %d): refused or unreachable", ws->url.host,
			address_text(ws), ws->url.port);
	else if (ws->phase == IO_TLS)
		end_with(ws, ERR_TLS, "TLS with %s (%s) failed: %s", ws->url.host,
			address_text(ws), what);
	else
		end_with(ws, ERR_CONNECT, "%s (%s) did not upgrade to WebSocket: %s", ws->url.host,
			address_text(ws), what);
}

static void attempt_failed_later(struct handle *h)
{
	struct io_ws *ws = (struct io_ws *)h;

	attempt_failed(ws, ws->heard[0] ? ws->heard : "no reason given");
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

static bool is_tcp_up(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
		return false;
	return info.tcpi_state != TCP_SYN_SENT && info.tcpi_state != TCP_CLOSE;
}

static void on_tcp_ready(void *ctx, int mask)
{
	struct io_ws *ws = ctx;
	bool is_up = is_tcp_up(ws->tcp_fd);

	(void)mask;
	stop_watching_tcp(ws);
	if (is_up && ws->phase == IO_TCP)
		enter(ws, ws->url.is_tls ? IO_TLS : IO_UPGRADE);
}

static void watch_tcp(struct io_ws *ws)
{
	int fd = lws_get_socket_fd(ws->wsi);

	ws->tcp_fd = fd >= 0 ? dup(fd) : -1;
	if (ws->tcp_fd < 0)
		return;
	ws->tcp = io_watch_new(ws->h.io, ws->tcp_fd, on_tcp_ready, ws);
	if (ws->tcp)
		io_watch_set(ws->tcp, IO_WRITE);
	else
		stop_watching_tcp(ws);
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
	err = io_lws_door_open(io, &info.context);
	if (err) {
		end_with(ws, err, "libwebsockets cannot start");
		return;
	}
	info.vhost = io_lws_door_client(io, ws->url.is_tls, ws->ca_file);
	if (!info.vhost) {
		end_with(ws, ERR_TLS, "cannot use the certificate authorities of %s",
			ws->ca_file ? ws->ca_file : "the system");
		return;
	}
	info.address = address_text(ws);
	info.port = ws->url.port;
	info.path = ws->url.path;
	info.host = ws->host;
	info.origin = ws->host; /* inspircd answers 400 without it */
	info.protocol = ws->subprotocol;
	info.local_protocol_name = "mynah";
	info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
	if (ws->url.is_tls)
		info.ssl_connection |= LCCSCF_USE_SSL;
	info.alpn = "http/1.1";
	info.opaque_user_data = ws;
	info.retry_and_idle_policy = &no_pings;
	info.pwsi = &ws->wsi;
	ws->heard[0] = '\0';
	ws->certificate[0] = '\0';
	wsi = lws_client_connect_via_info(&info);
	io_lws_door_wake(io);
	if (wsi && ws->wsi)
		watch_tcp(ws);
	else
		io_handle_later(&ws->h, attempt_failed_later);
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
	free_out(o);
}

/* The close frame. Not out of a callback of the connection: libwebsockets takes a -1 of WRITEABLE
 * for a dead socket and sends none, whatever lws_close_reason says. */
static void say_goodbye(struct handle *h)
{
	struct io_ws *ws = (struct io_ws *)h;
	struct io *io = h->io;

	if (!ws->wsi)
		return;
	lws_close_reason(ws->wsi, (enum lws_close_status)ws->code, NULL, 0);
	lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
	io_lws_door_wake(io);
}

/* Hands messages over until the socket is full. Not 0 = close the connection. */
static int on_writeable(struct io_ws *ws)
{
	struct out *o;

	while ((o = ws->queue)) {
		if (!o->is_given &&
			lws_write(ws->wsi, o->room + LWS_PRE, o->len, LWS_WRITE_TEXT) < 0)
			return -1;
		o->is_given = true;
		if (lws_partial_buffered(ws->wsi))
			break;
		drop_out(ws, o);
		if (lws_send_pipe_choked(ws->wsi))
			break;
	}
	if (ws->queue) {
		lws_callback_on_writable(ws->wsi);
		return 0;
	}
	if (ws->is_closing)
		io_handle_later(&ws->h, say_goodbye);
	return 0;
}

static void ask_writeable(struct io_ws *ws)
{
	lws_callback_on_writable(ws->wsi);
	io_lws_door_wake(ws->h.io);
}

int io_ws_send(struct io_ws *ws, struct str text, bool ahead)
{
	struct out *o, *first;

	if (ws->is_ended || ws->is_closing || ws->phase != IO_OPEN)
		return ERR_CLOSED;
	if (text.len > IO_WS_QUEUE_BYTES)
		return ERR_INVALID;
	if (ws->queued + text.len > IO_WS_QUEUE_BYTES) {
		end_with(ws, ERR_LIMIT, "%s does not read: %zu bytes unsent", ws->url.host,
			ws->queued);
		return ERR_LIMIT;
	}
	o = mem_new(sizeof(*o) + LWS_PRE + text.len);
	if (!o)
		return ERR_NOMEM;
	o->since_ms = clock_mono_ms();
	o->len = text.len;
	if (text.len)
		memcpy(o->room + LWS_PRE, text.at, text.len);
	first = ws->queue;
	if (!ahead || !first)
		DL_APPEND(ws->queue, o);
	else if (first->is_given)
		DL_APPEND_ELEM(ws->queue, first, o);
	else
		DL_PREPEND(ws->queue, o);
	ws->queued += text.len;
	if (!io_timer_is_on(ws->deadline))
		io_timer_start(ws->deadline, UNSENT_MS);
	ask_writeable(ws);
	return 0;
}

void io_ws_close(struct io_ws *ws, int code)
{
	if (!ws || ws->h.is_dead)
		return;
	if (ws->is_ended || ws->phase != IO_OPEN || !ws->wsi) {
		io_ws_free(ws);
		return;
	}
	ws->is_closing = true;
	ws->code = code;
	io_timer_start(ws->deadline, CLOSING_MS);
	ask_writeable(ws);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static void tell_message(struct io_ws *ws)
{
	char *bytes = ws->in.len ? ws->in.at : ws->nothing;

	ws->h.io->activity++;
	if (ws->o.binary && lws_frame_is_binary(ws->wsi)) /* as its first fragment was */
		ws->o.binary(ws->o.ctx, bytes, ws->in.len);
	else
		ws->o.message(ws->o.ctx, bytes, ws->in.len);
}

/* One piece of a message. Not 0 = close the connection. */
static int on_receive(struct io_ws *ws, const void *in, size_t len)
{
	int err;

	if (ws->is_closing)
		return 0;
	err = buf_add(&ws->in, in, len);
	if (err) {
		struct lws *wsi = ws->wsi;

		/* Returning -1 closes it: not to be killed as well. Without a close frame, after
		 * which libwebsockets 4.1 writes the rest of a long message past the end of its
		 * buffer. */
		ws->wsi = NULL;
		lws_set_opaque_user_data(wsi, NULL);
		end_with(ws, err, err == ERR_LIMIT ? "a message from %s is over %zu bytes"
			: "no memory for a message from %s, at most %zu bytes",
			ws->url.host, ws->in.max);
		return -1;
	}
	if (!lws_is_final_fragment(ws->wsi) || lws_remaining_packet_payload(ws->wsi) > 0)
		return 0;
	tell_message(ws);
	if (ws->h.is_dead)
		return -1;
	if (ws->in.cap > KEEP_BYTES)
		buf_fini(&ws->in);
	else
		buf_clear(&ws->in);
	return ws->is_ended ? -1 : 0;
}

static void on_peer_close(struct io_ws *ws, const unsigned char *in, size_t len)
{
	if (len < 2 || ws->is_closing)
		return;
	ws->code = in[0] << 8 | in[1];
	snprintf(ws->heard, sizeof(ws->heard), "%.*s", (int)(len - 2 < 123 ? len - 2 : 123),
		(const char *)in + 2);
}

static void on_connection_error(struct io_ws *ws, const char *in, size_t len)
{
	unsigned status = lws_http_client_http_response(ws->wsi);

	if (ws->phase == IO_UPGRADE && status >= 200)
		snprintf(ws->heard, sizeof(ws->heard), "it answered HTTP %u", status);
	else
		snprintf(ws->heard, sizeof(ws->heard), "%.*s", in ? (int)len : 0, in ? in : "");
	ws->wsi = NULL;
	io_handle_later(&ws->h, attempt_failed_later);
}

static void on_closed(struct io_ws *ws)
{
	ws->wsi = NULL;
	if (ws->is_closing)
		io_ws_free(ws);
	else if (ws->code)
		end_with(ws, ERR_CLOSED, "%s closed with code %d%s%s", ws->url.host, ws->code,
			ws->heard[0] ? ": " : "", ws->heard);
	else
		end_with(ws, ERR_CLOSED, "the connection to %s broke without a close frame",
			ws->url.host);
}

/* libwebsockets 4.1 frees a connection that is reset before the server's answer without a word of
 * CONNECTION_ERROR. */
static void on_vanished(struct io_ws *ws)
{
	if (ws->phase == IO_OPEN) {
		on_closed(ws);
		return;
	}
	snprintf(ws->heard, sizeof(ws->heard), "it hung up");
	ws->wsi = NULL;
	io_handle_later(&ws->h, attempt_failed_later);
}

static void on_established(struct io_ws *ws)
{
	stop_watching_tcp(ws);
	io_timer_stop(ws->deadline);
	ws->phase = IO_OPEN;
	ws->h.io->activity++;
	ws->o.open(ws->o.ctx);
}

/* A step of verification; user is the step, as OpenSSL has it. Not 0 = refuse. */
static int on_certificate(struct io_ws *ws, void *user, size_t is_ok)
{
	if (ws->phase == IO_TCP)
		enter(ws, IO_TLS);
	if (is_ok)
		return 0;
	if (!io_certificate_is_right(user, ws->url.host, ws->certificate))
		return 1;
	X509_STORE_CTX_set_error(user, X509_V_OK);
	return 0;
}

int io_ws_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct io_ws *ws = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	switch (reason) {
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		return ws ? on_certificate(ws, user, len) : !len;
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		if (!ws)
			return -1;
		if (ws->phase < IO_UPGRADE)
			enter(ws, IO_UPGRADE);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (ws)
			on_connection_error(ws, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		if (!ws)
			return -1;
		on_established(ws);
		return ws->h.is_dead ? -1 : 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return ws ? on_receive(ws, in, len) : -1;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return ws ? on_writeable(ws) : -1;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (ws)
			on_peer_close(ws, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		if (ws)
			on_closed(ws);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (ws && ws->wsi == wsi)
			on_vanished(ws);
		return 0;
	default:
		return 0;
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
	buf_init(&ws->in, o->max_message ? o->max_message : IO_WS_MESSAGE_BYTES);
	return 0;
}

struct io_ws *io_ws_open(struct io *io, const struct io_ws_options *o)
{
	struct io_ws *ws = mem_new(sizeof(*ws));

	if (!ws)
		return NULL;
	ws->tcp_fd = -1;
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
