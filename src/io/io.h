/* io: the loop and everything that waits on it: timers, signals, descriptors, name lookup, work off
 * the loop, WebSocket client, HTTP client, HTTP server; and two small policies of every connection,
 * backoff and breaker.
 *
 * Floor 3. Hides libuv, libwebsockets, libwslay, OpenSSL and libcurl (libraries.md: after any
 * libwebsockets call made outside its callbacks the service is woken; names are resolved on a
 * thread and the libraries get numbers; curl never joins its resolver). It knows nothing of chat.
 *
 * Rules for every handle here. Callbacks come on the loop thread and never before the function that
 * asked for them has returned. A handle may be freed or cancelled in any callback, its own
 * included: its callbacks stop at once, its memory goes later. Freeing NULL is allowed. Nothing
 * here blocks. */
#ifndef IO_IO_H
#define IO_IO_H

#include "base/base.h"

struct io; /* one loop; one thread */

int io_new(struct io **out) MUST_USE;
void io_run(struct io *io);  /* until io_stop */
/* One turn of the loop: handles what is ready, waits at most wait_ms for something to become so.
 * Tests and the offline verbs. */
void io_turn(struct io *io, int64_t wait_ms);
void io_stop(struct io *io);
/* Frees the loop with whatever is still in it; callbacks do not run any more. */
void io_free(struct io *io);
/* Largest lag since the last call, in ms: the longest time callbacks held the loop, or a timer came
 * late. Nothing wakes the loop to measure it. Also a metric. */
int64_t io_lag_ms(struct io *io);
/* Tests: moves clock_mono_ms (ms >= 0) and clock_wall_ms; timers that are due by then fire. */
void io_clock_shift(struct io *io, int64_t ms);

/* For a frozen clock (clock_freeze): runs everything that is due up to clock_mono_ms = until_ms,
 * moving both clocks from one timer to the next, and leaves them there. */
void io_advance(struct io *io, int64_t until_ms);

/* ---- Timers, signals, descriptors ------------------------------------------------------------ */

struct io_timer;
struct io_timer *io_timer_new(struct io *io, void (*fire)(void *ctx), void *ctx); /* NULL = nomem */
void io_timer_start(struct io_timer *t, int64_t in_ms); /* one shot; starting again moves it */
void io_timer_stop(struct io_timer *t);
bool io_timer_is_on(const struct io_timer *t);
void io_timer_free(struct io_timer *t);


int io_signal(struct io *io, int signo, void (*caught)(void *ctx, int signo), void *ctx) MUST_USE;

#define IO_READ 1
#define IO_WRITE 2
struct io_watch;
/* Watches a descriptor of somebody else (hiredis, a terminal). An error or hang-up is reported as
 * readable and writable at once, so that the owner's next call finds it. */
struct io_watch *io_watch_new(struct io *io, int fd, void (*ready)(void *ctx, int mask), void *ctx);
void io_watch_set(struct io_watch *w, int mask); /* 0 = nothing */
void io_watch_free(struct io_watch *w);          /* does not close fd */

/* ---- Work off the loop ----------------------------------------------------------------------- */

/* One thread with a queue of its own: jobs run in order, one at a time. A slow job delays only its
 * own worker: the ledger, reloads and state files have one each. */
struct io_worker;
int io_worker_new(
	struct io *io, const char *name, size_t max_jobs, struct io_worker **out) MUST_USE;
/* work(ctx) runs on the thread, then done(ctx) on the loop. done may be NULL. ERR_LIMIT when
 * max_jobs wait already: nothing will be called. */
int io_worker_put(struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx),
	void *ctx) MUST_USE;
/* Finishes the queue (blocking; every job's work runs), joins the thread, then runs what done
 * callbacks remain. */
void io_worker_free(struct io_worker *w);

/* ---- Names ----------------------------------------------------------------------------------- */

#define IO_ADDRESSES_MAX 8
struct io_address {
	char text[46]; /* numeric, INET6_ADDRSTRLEN */
	bool is_v6;
	bool is_loopback;
};
struct io_lookup; /* gone when got() is called */
/* Resolves host: numbers and "localhost" at once (still by callback), names on a thread; one lookup
 * in flight per name, answers kept 60 s, and served stale when the resolver fails (faults.md D).
 * got(ctx, 0, list, n) or got(ctx, ERR_NAME/ERR_TIMEOUT, NULL, 0). NULL = no memory. */
struct io_lookup *io_lookup(struct io *io, const char *host, int64_t deadline_ms,
	void (*got)(void *ctx, int err, const struct io_address *list, size_t n), void *ctx);
void io_lookup_cancel(struct io_lookup *l);

/* A URL in parts; ws, wss, http, https only, no user info. */
struct io_url {
	bool is_tls;
	char host[256];
	int port;
	char path[4096]; /* with query; at least "/"; a hundred names fit into it */
};
int io_url_parse(const char *url, struct io_url *out) MUST_USE;
bool io_host_is_loopback(const char *host); /* 127.0.0.0/8, ::1, localhost: no lookup */

/* ---- WebSocket client ------------------------------------------------------------------------ */

#define IO_WS_MESSAGE_BYTES (256 * 1024) /* faults.md section 7: frame cap */
#define IO_WS_QUEUE_BYTES (64 * 1024)    /* faults.md N7: more unsent than this = dead peer */

struct io_ws;
/* Phases, for deadlines and for the log: which one failed. */
enum io_phase { IO_NAME, IO_TCP, IO_TLS, IO_UPGRADE, IO_OPEN };
const char *io_phase_name(enum io_phase p);

struct io_ws_options {
	const char *url;     /* ws:// or wss:// */
	const char *ca_file; /* NULL = the system's */
	const char *subprotocol; /* NULL = none */
	size_t max_message;  /* 0 = IO_WS_MESSAGE_BYTES; a larger one closes with ERR_LIMIT */
	int64_t name_ms, tcp_ms, tls_ms, upgrade_ms; /* 0 = 5 s, 5 s, 10 s, 10 s (faults.md 7) */
	/* Open: the upgrade is done. */
	void (*open)(void *ctx);
	/* One whole text or binary message; BORROWS bytes, which are writable and NUL-terminated so
	 * that a parser may work in place. */
	void (*message)(void *ctx, char *bytes, size_t n);
	/* The same, for binary ones only. NULL = message is told of both. */
	void (*binary)(void *ctx, char *bytes, size_t n);
	/* The end, exactly once unless freed first: err, the phase it happened in, the close code
	 * (0 = none) and a sentence for the log. The handle stays until io_ws_free. */
	void (*closed)(void *ctx, int err, enum io_phase phase, int code, const char *why);
	void *ctx;
};
/* Begins to connect (tries every address of the name, the next after 2 s or a refusal). NULL = no
 * memory or a bad URL. Options and their strings are copied. */
struct io_ws *io_ws_open(struct io *io, const struct io_ws_options *o);
/* Queues one text message. ERR_CLOSED before open and after the end; ERR_LIMIT when the peer does
 * not read: the socket is then closed as dead (closed() tells); ERR_INVALID when the message alone
 * is over IO_WS_QUEUE_BYTES. A peer that takes nothing for 10 s is dead too. `ahead` puts it before
 * what is queued (PONG). */
int io_ws_send(struct io_ws *ws, struct str text, bool ahead) MUST_USE;
/* TAKES ws: sends what is queued and a close frame, waits at most 1 s for the peer, then frees it;
 * closed() is not called. */
void io_ws_close(struct io_ws *ws, int code);
/* Drops the connection now. */
void io_ws_free(struct io_ws *ws);

/* ---- HTTP client ----------------------------------------------------------------------------- */

#define IO_HTTP_BODY_BYTES (1024 * 1024) /* faults.md section 7: HTTP body out 1 MiB */

struct io_http;
struct io_http_options {
	const char *method;  /* "GET", "POST" */
	const char *url;     /* http:// or https://; redirects are never followed */
	const char *const *headers; /* "Name: value", ended by NULL; not logged */
	struct str body;
	const char *ca_file; /* NULL = the system's */
	size_t max_body;     /* of the answer; 0 = IO_HTTP_BODY_BYTES; more ends with ERR_LIMIT */
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms; /* 0 = 5 s, 30 s, 10 s, 20 s */
	bool loopback_only;  /* refuse (ERR_DENIED) a host whose addresses are not all loopback */
	/* The status line and headers are in. header: io_http_header. May be NULL. */
	void (*head)(void *ctx, int status);
	/* A piece of the body, as it comes; any split. BORROWED. */
	void (*data)(void *ctx, const char *bytes, size_t n);
	/* The end, exactly once unless cancelled: 0 = the answer is whole. */
	void (*done)(void *ctx, int err, const char *why);
	void *ctx;
};
/* Starts one request; connections are reused. NULL = no memory, a bad URL or header. Copied.
 * Link-local and metadata addresses are refused (faults.md Z1). The handle is gone when done() has
 * returned. A request other than GET and HEAD is never sent a second time on a new connection. */
struct io_http *io_http_start(struct io *io, const struct io_http_options *o);
/* Value of an answer header (any case), "" when absent. BORROWED; in head, data and done. */
const char *io_http_header(const struct io_http *h, const char *name);
int io_http_status(const struct io_http *h);
/* -1 = no Retry-After; else ms to wait, capped at an hour. Seconds, decimals and dates. */
int64_t io_http_retry_after_ms(const struct io_http *h);
/* The answer's Date as a wall time, -1 when it has none: the peer's clock, whatever ours says. */
int64_t io_http_date_ms(const struct io_http *h);
/* Has the request, or a part of it, left? When it ends without an answer it may have been acted
 * on. */
bool io_http_was_sent(const struct io_http *h);
/* Closes the connection so that the peer stops working; no callback comes any more. */
void io_http_cancel(struct io_http *h);

/* ---- HTTP server ----------------------------------------------------------------------------- */

#define IO_SERVE_BODY_BYTES (64 * 1024) /* faults.md section 7 */
#define IO_SERVE_CLIENTS 64

struct io_serve;
struct io_request {
	const char *method; /* "GET" ... */
	const char *path;   /* without query */
	const char *query;  /* "" if none */
	const char *authorization, *content_type, *host, *origin, *request_id; /* "" when absent */
	struct str body;
	bool is_local; /* over the unix socket */
};
/* The answer; body is added by the handler. */
struct io_response {
	int status;
	const char *content_type; /* static */
	const char *allow;        /* static; for 405 */
	struct buf body;
};
/* Serves on a unix socket (path, mode 0600; a dead one is replaced) and, if listen is not NULL, on
 * "127.0.0.1:8005". Bad framing, too much, too slow: answered 4xx or closed here. Every complete
 * request comes to answer(), which fills the response before it returns; then the connection closes
 * (one request each: request.c says why). ERR_BUSY: the address is in use. ERR_INVALID: socket_path
 * is something else than a socket, or libwebsockets cannot start. */
int io_serve_new(struct io *io, const char *socket_path, const char *listen,
	void (*answer)(void *ctx, const struct io_request *q, struct io_response *a), void *ctx,
	struct io_serve **out) MUST_USE;
void io_serve_free(struct io_serve *s);

/* For the verbs: one blocking request to a unix socket. Adds the body to out; gives the status, or
 * ERR_CONNECT (nobody listens), ERR_TIMEOUT, ERR_IO. Not on the loop. */
int io_ask_socket(const char *socket_path, const char *method, const char *path, struct str body,
	int64_t deadline_ms, struct buf *out) MUST_USE;

/* ---- Backoff and breaker: pure --------------------------------------------------------------- */

/* Full jitter: wait = random(0, min(cap, base * 2^k)), the first retry within 0..base; k starts
 * anew only after healthy_ms of confirmed service (faults.md section 7, N6). */
struct io_backoff {
	int64_t base_ms, cap_ms, healthy_ms; /* 1,000  60,000  60,000 */
	unsigned tries;
	int64_t healthy_since_ms; /* 0 = not confirmed */
};
void io_backoff_init(struct io_backoff *b);
int64_t io_backoff_next(struct io_backoff *b, int64_t now_ms); /* ms to wait; counts one try */
void io_backoff_confirm(struct io_backoff *b, int64_t now_ms); /* service works since now */

/* Closed -> open after `failures` within window -> half-open after open_ms (doubling to open_max_ms
 * while probes fail) -> one probe -> closed or open (spec 001-47). */
enum io_breaker_state { IO_BREAKER_CLOSED, IO_BREAKER_OPEN, IO_BREAKER_PROBING };
#define IO_BREAKER_FAILURES_MAX 100 /* as many as limits.breaker_failures may say */
struct io_breaker {
	unsigned failures;                 /* 5 */
	int64_t window_ms, open_ms, open_max_ms; /* 30,000  60,000  600,000 */
	enum io_breaker_state state;
	int64_t until_ms, wait_ms;
	int64_t at_ms[IO_BREAKER_FAILURES_MAX];
	unsigned n;
	bool is_probe_out;
};
void io_breaker_init(struct io_breaker *b, unsigned failures, int64_t window_ms, int64_t open_ms);
/* May a call go out now? In half-open exactly one may, until its outcome is told. */
bool io_breaker_allows(struct io_breaker *b, int64_t now_ms);
/* The same, changing nothing. */
bool io_breaker_would_allow(const struct io_breaker *b, int64_t now_ms);
void io_breaker_succeeded(struct io_breaker *b, int64_t now_ms);
void io_breaker_failed(struct io_breaker *b, int64_t now_ms);
/* A call that was let out ended without judging the service (cancelled, caller's fault). */
void io_breaker_abandoned(struct io_breaker *b);
const char *io_breaker_state_name(enum io_breaker_state s);

#endif
