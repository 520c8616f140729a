/* io/http.c: one HTTP request, over libcurl.
 *
 *   NAME -> CONNECT (TCP and TLS) -> WAIT (request sent, no body yet) -> BODY -> done
 *
 * The deadlines are our own, one timer for the nearest: curl tells them apart badly. The addresses
 * come from our own lookup, are judged, and are pinned, so that what was judged is what is
 * connected to (faults.md Z1). The transfer leaves curl when the handle is disposed of, at a quiet
 * point: so a request may be cancelled inside any callback of curl. */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>

#include "io/curl.h"
#include "io/tls.h"

#define CONNECT_MS 5000 /* faults.md section 7: provider deadlines */
#define FIRST_BYTE_MS 30000
#define IDLE_MS 10000
#define TOTAL_MS 20000
#define HEADERS_MAX_BYTES (64 * 1024) /* of one answer; real ones stay under 8 KiB */
#define RETRY_AFTER_MAX_MS 3600000

enum http_phase { HTTP_NAME, HTTP_CONNECT, HTTP_WAIT, HTTP_BODY };

struct io_http {
	struct handle h;
	struct io_url url;
	struct io_http_options o; /* its strings are not used; they are below */
	char *method, *body, *ca_file;
	struct curl_slist *headers, *pins;

	enum http_phase phase;
	struct io_lookup *lookup;
	struct io_timer *deadline;
	int64_t started_ms, phase_ms, heard_ms; /* of clock_mono_ms */
	CURL *easy;
	bool is_added, is_sent, is_headed;
	int status;
	size_t header_bytes, body_bytes;

	int err; /* why we stopped it, 0 = we did not */
	char why[256];
	char curl_why[CURL_ERROR_SIZE];
};

/* ---- The end --------------------------------------------------------------------------------- */

static void fini_http(struct handle *h)
{
	struct io_http *r = (struct io_http *)h;

	if (r->is_added)
		curl_multi_remove_handle(io_curl_door_open(h->io), r->easy);
	if (r->easy)
		curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	curl_slist_free_all(r->pins);
	mem_free(r->method);
	if (r->body)
		secret_wipe(r->body, r->o.body.len); /* it may be a refresh token */
	mem_free(r->body);
	mem_free(r->ca_file);
}

void io_http_cancel(struct io_http *r)
{
	if (!r || r->h.is_dead)
		return;
	io_lookup_cancel(r->lookup);
	r->lookup = NULL;
	io_timer_free(r->deadline);
	r->deadline = NULL;
	io_handle_bury(&r->h);
}

static void end_http(struct handle *h)
{
	io_http_cancel((struct io_http *)h);
}

static void stop(struct io_http *r, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void stop(struct io_http *r, int err, const char *fmt, ...)
{
	va_list ap;

	r->err = err;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
}

static void finish(struct io_http *r)
{
	r->h.io->activity++;
	r->o.done(r->o.ctx, r->err, r->why);
	io_http_cancel(r);
}

static void finish_later(struct handle *h)
{
	finish((struct io_http *)h);
}

/* What curl says, as our errors. is_answered: bytes of the answer had come. */
static int err_of(CURLcode code, bool is_answered)
{
	switch (code) {
	case CURLE_OK: return 0;
	case CURLE_COULDNT_CONNECT: return ERR_CONNECT;
	case CURLE_COULDNT_RESOLVE_HOST: return ERR_NAME;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM: return is_answered ? ERR_CLOSED : ERR_CONNECT;
	case CURLE_PARTIAL_FILE: return ERR_CLOSED;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR: return ERR_TLS;
	case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
	case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_HTTP_RETURNED_ERROR: return ERR_PARSE;
	default: return ERR_IO;
	}
}

void io_http_transfer_done(CURL *easy, CURLcode result)
{
	struct io_http *r = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &r);
	if (!r || r->h.is_dead)
		return;
	if (!r->err && result != CURLE_OK)
		stop(r, err_of(result, r->status != 0), "%s:%d: %s", r->url.host, r->url.port,
			r->curl_why[0] ? r->curl_why : curl_easy_strerror(result));
	finish(r);
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

static int64_t or_default(int64_t ms, int64_t fallback)
{
	return ms > 0 ? ms : fallback;
}

/* When the current phase must be over. */
static int64_t phase_end_ms(const struct io_http *r)
{
	switch (r->phase) {
	case HTTP_NAME:
	case HTTP_CONNECT: return r->started_ms + or_default(r->o.connect_ms, CONNECT_MS);
	case HTTP_WAIT: return r->phase_ms + or_default(r->o.first_byte_ms, FIRST_BYTE_MS);
	default: return r->heard_ms + or_default(r->o.idle_ms, IDLE_MS);
	}
}

static void arm(struct io_http *r)
{
	int64_t total = r->started_ms + or_default(r->o.total_ms, TOTAL_MS);
	int64_t phase = phase_end_ms(r);

	io_timer_start(r->deadline, (phase < total ? phase : total) - clock_mono_ms());
}

static void enter(struct io_http *r, enum http_phase phase)
{
	r->phase = phase;
	r->phase_ms = clock_mono_ms();
	r->heard_ms = r->phase_ms;
	arm(r);
}

static void on_deadline(void *ctx)
{
	static const char *const sentences[] = {
		[HTTP_NAME] = "no answer about the name",
		[HTTP_CONNECT] = "not connected",
		[HTTP_WAIT] = "no first byte of the answer",
		[HTTP_BODY] = "the answer stalled: nothing more",
	};
	struct io_http *r = ctx;
	int64_t now = clock_mono_ms();
	int64_t took = now - (r->phase == HTTP_BODY ? r->heard_ms
		: r->phase == HTTP_WAIT ? r->phase_ms : r->started_ms);

	if (now >= r->started_ms + or_default(r->o.total_ms, TOTAL_MS))
		stop(r, ERR_TIMEOUT, "%s:%d: not done within the total of %lld ms", r->url.host,
			r->url.port, (long long)(now - r->started_ms));
	else if (now >= phase_end_ms(r))
		stop(r, ERR_TIMEOUT, "%s:%d: %s within %lld ms", r->url.host, r->url.port,
			sentences[r->phase], (long long)took);
	else {
		arm(r); /* bytes came since it was set */
		return;
	}
	finish(r);
}

/* ---- curl's callbacks: each may find the request dead ---------------------------------------- */

static bool judge_address(struct io_http *r, const struct sockaddr *sa)
{
	bool is_v6 = sa->sa_family == AF_INET6;
	const unsigned char *number;
	char text[INET6_ADDRSTRLEN] = "?";

	if (is_v6)
		number = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr;
	else if (sa->sa_family == AF_INET)
		number = (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else
		return false;
	inet_ntop(sa->sa_family, number, text, sizeof(text));
	if (io_address_is_forbidden(number, is_v6))
		stop(r, ERR_DENIED, "%s has the address %s: link-local and metadata addresses are "
			"never asked", r->url.host, text);
	else if (r->o.loopback_only && !io_address_is_loopback(number, is_v6))
		stop(r, ERR_DENIED, "%s has the address %s, which is not on this machine",
			r->url.host, text);
	return r->err == 0;
}

static curl_socket_t on_open_socket(void *ctx, curlsocktype type, struct curl_sockaddr *a)
{
	struct io_http *r = ctx;

	int fd;

	(void)type;
	if (r->h.is_dead || !judge_address(r, &a->addr))
		return CURL_SOCKET_BAD;
	fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
	if (fd < 0) /* no fault of the server, as curl would have it */
		stop(r, ERR_CONNECT, "%s:%d: no socket for it: %s", r->url.host, r->url.port,
			strerror(errno));
	return fd;
}

/* The connection is up and the request goes out now. */
static int on_connected(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
	struct io_http *r = ctx;
	bool is_repeatable = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	if (r->h.is_dead)
		return CURL_PREREQFUNC_ABORT;
	if (r->is_sent && !is_repeatable) {
		/* curl would send again what may have been done already (design.md, law 5). */
		stop(r, ERR_CONNECT, "%s:%d: the connection broke after the request was sent",
			r->url.host, r->url.port);
		return CURL_PREREQFUNC_ABORT;
	}
	r->is_sent = true;
	enter(r, HTTP_WAIT);
	return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct io_http *r = ctx;
	long status = 0;

	n *= size;
	r->heard_ms = clock_mono_ms();
	r->header_bytes += n;
	if (r->header_bytes > HEADERS_MAX_BYTES)
		stop(r, ERR_LIMIT, "%s:%d: the headers of the answer are over %d bytes",
			r->url.host, r->url.port, HEADERS_MAX_BYTES);
	if (r->h.is_dead || r->err)
		return 0;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	/* An empty line ends the headers; those of 1xx come before the real ones,
	 * trailers after. */
	if (r->is_headed || status < 200 || n > 2 || (line[0] != '\r' && line[0] != '\n'))
		return n;
	r->is_headed = true;
	if (r->o.head)
		r->o.head(r->o.ctx, r->status);
	return r->h.is_dead ? 0 : n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct io_http *r = ctx;

	n *= size;
	if (r->h.is_dead)
		return 0;
	if (r->phase != HTTP_BODY)
		enter(r, HTTP_BODY);
	else
		r->heard_ms = clock_mono_ms();
	r->body_bytes += n;
	if (r->body_bytes > r->o.max_body) {
		stop(r, ERR_LIMIT, "%s:%d: the answer is over %zu bytes", r->url.host, r->url.port,
			r->o.max_body);
		return 0;
	}
	r->h.io->activity++;
	if (r->o.data)
		r->o.data(r->o.ctx, bytes, n);
	return r->h.is_dead ? 0 : n;
}

/* ---- The start ------------------------------------------------------------------------------- */

/* Ties the name to the addresses we looked up: "host:port:1.2.3.4,::1". */
static bool pin(struct io_http *r, const struct io_address *list, size_t n)
{
	struct buf entry;
	bool is_ok;
	size_t i;

	buf_init(&entry, sizeof(r->url.host) + 16 + IO_ADDRESSES_MAX * sizeof(list->text));
	is_ok = buf_addf(&entry, "%s:%d:", r->url.host, r->url.port) == 0;
	for (i = 0; i < n; i++)
		is_ok = is_ok && buf_addf(&entry, "%s%s", i ? "," : "", list[i].text) == 0;
	if (is_ok)
		r->pins = curl_slist_append(NULL, buf_text(&entry));
	buf_fini(&entry);
	return r->pins != NULL;
}

static bool is_address_good(struct io_http *r, const struct io_address *a)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (a->is_v6)
		return inet_pton(AF_INET6, a->text, &v6.sin6_addr) == 1 &&
			judge_address(r, (struct sockaddr *)&v6);
	return inet_pton(AF_INET, a->text, &v4.sin_addr) == 1 &&
		judge_address(r, (struct sockaddr *)&v4);
}

static void set_method(struct io_http *r)
{
	CURL *e = r->easy;

	if (strcmp(r->method, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
		return;
	}
	if (r->o.body.len || strcmp(r->method, "POST") == 0) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->o.body.len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body);
	}
	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "POST") != 0)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

static bool set_options(struct io_http *r)
{
	bool is_v6 = strchr(r->url.host, ':') != NULL;
	CURL *e = r->easy;
	struct buf url;
	int err;

	/* Rebuilt from its parts, so that curl reads it as we did. */
	buf_init(&url, sizeof(r->url) + 32);
	err = buf_addf(&url, is_v6 ? "%s://[%s]:%d%s" : "%s://%s:%d%s",
		r->url.is_tls ? "https" : "http", r->url.host, r->url.port, r->url.path);
	if (!err && curl_easy_setopt(e, CURLOPT_URL, buf_text(&url)) != CURLE_OK)
		err = ERR_NOMEM;
	buf_fini(&url);
	if (err)
		return false;
	set_method(r);
	curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->curl_why);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(e, CURLOPT_RESOLVE, r->pins);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (r->ca_file) {
		/* curl keeps what it has read of it, and looks at the age of that only. */
		const int64_t age_ms = clock_wall_ms() - io_tls_changed_ms(r->ca_file);

		curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT,
			age_ms > 0 ? (long)(age_ms / 1000) : 0L);
		curl_easy_setopt(e, CURLOPT_CAINFO, r->ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, r);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	return true;
}

void io_http_starved(CURL *easy)
{
	struct io_http *r = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &r);
	if (!r || r->h.is_dead)
		return;
	stop(r, ERR_NOMEM, "no memory for a connection to %s", r->url.host);
	io_handle_later(&r->h, finish_later);
}

static int begin_transfer(struct io_http *r, const struct io_address *list, size_t n)
{
	CURLM *multi = io_curl_door_open(r->h.io);
	size_t i;

	for (i = 0; i < n; i++)
		if (!is_address_good(r, &list[i]))
			return r->err;
	r->easy = multi ? curl_easy_init() : NULL;
	if (!r->easy || !pin(r, list, n) || !set_options(r))
		return ERR_NOMEM;
	enter(r, HTTP_CONNECT);
	if (curl_multi_add_handle(multi, r->easy) != CURLM_OK)
		return ERR_NOMEM;
	r->is_added = true;
	return 0;
}

static void on_name(void *ctx, int err, const struct io_address *list, size_t n)
{
	struct io_http *r = ctx;

	r->lookup = NULL;
	if (err == ERR_TIMEOUT)
		stop(r, err, "no answer about the name %s in time", r->url.host);
	else if (err)
		stop(r, err, "the name %s has no address", r->url.host);
	else if (begin_transfer(r, list, n) != 0 && !r->err)
		stop(r, ERR_NOMEM, "no memory for a request to %s", r->url.host);
	if (r->err)
		io_handle_later(&r->h, finish_later);
}

static bool add_header(struct io_http *r, const char *line)
{
	struct curl_slist *list;

	if (strpbrk(line, "\r\n"))
		return false;
	list = curl_slist_append(r->headers, line);
	if (list)
		r->headers = list;
	return list != NULL;
}

static bool copy_options(struct io_http *r, const struct io_http_options *o)
{
	const char *const *line;

	r->o = *o;
	if (!r->o.max_body)
		r->o.max_body = IO_HTTP_BODY_BYTES;
	r->method = mem_dup(o->method ? o->method : "GET");
	r->body = mem_dupn(o->body.at ? o->body.at : "", o->body.len);
	r->ca_file = mem_dup(o->ca_file);
	if (!r->method || !r->body || (o->ca_file && !r->ca_file))
		return false;
	for (line = o->headers; line && *line; line++)
		if (!add_header(r, *line))
			return false;
	/* Without it curl waits a second for "100 Continue" before a large body. */
	return add_header(r, "Expect:");
}

struct io_http *io_http_start(struct io *io, const struct io_http_options *o)
{
	struct io_http *r = mem_new(sizeof(*r));

	if (!r)
		return NULL;
	r->h.fini = fini_http;
	io_handle_init(&r->h, io, end_http);
	if (io_url_parse(o->url, &r->url) != 0 || !copy_options(r, o))
		goto fail;
	r->deadline = io_timer_new(io, on_deadline, r);
	if (!r->deadline)
		goto fail;
	r->started_ms = clock_mono_ms();
	enter(r, HTTP_NAME);
	r->lookup = io_lookup(io, r->url.host, or_default(o->connect_ms, CONNECT_MS), on_name, r);
	if (!r->lookup)
		goto fail;
	return r;
fail:
	io_http_cancel(r);
	return NULL;
}

/* ---- The answer ------------------------------------------------------------------------------ */

const char *io_http_header(const struct io_http *r, const char *name)
{
	struct curl_header *found;

	if (!r->easy || curl_easy_header(r->easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return "";
	return found->value;
}

int io_http_status(const struct io_http *r)
{
	return r->status;
}

int64_t io_http_retry_after_ms(const struct io_http *r)
{
	const char *text = io_http_header(r, "Retry-After");
	double seconds;
	time_t at;
	char *end;

	if (ascii_is_digit(text[0])) {
		seconds = strtod(text, &end);
		if (*end != '\0' || !isfinite(seconds))
			return -1;
	} else {
		at = text[0] ? curl_getdate(text, NULL) : -1;
		if (at < 0)
			return -1;
		seconds = (double)at - (double)clock_wall_ms() / 1000;
	}
	if (seconds < 0)
		seconds = 0;
	if (seconds * 1000 > RETRY_AFTER_MAX_MS)
		return RETRY_AFTER_MAX_MS;
	return (int64_t)(seconds * 1000);
}

int64_t io_http_date_ms(const struct io_http *r)
{
	const char *text = io_http_header(r, "Date");
	time_t at = text[0] ? curl_getdate(text, NULL) : -1;

	return at < 0 ? -1 : (int64_t)at * 1000;
}

bool io_http_was_sent(const struct io_http *r)
{
	return r->is_sent;
}
