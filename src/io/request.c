/* io/request.c: one HTTP request of a client, over libwebsockets.
 *
 *   HEADERS -> (BODY ->) ANSWER -> closed
 *
 * A connection carries one request. libwebsockets 4.1.6 reads a POST that was pipelined behind
 * another request from the wrong place (its body was the first bytes of its own request line) and
 * then spins for ever; whether more came behind a request cannot be asked. For callers on this
 * machine a new connection costs nothing.
 *
 * libwebsockets reads the headers leniently: what a proxy in front could read otherwise (two
 * lengths, chunks) is refused here. The head of the answer is written by hand: it is six lines, and
 * libwebsockets adds nothing to it. */
#include <string.h>

#include "io/serve.h"

#define WRITE_BYTES 16384 /* a piece of a large answer; the loop turns between two */

static const char *status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
		{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
		{404, "Not Found"}, {405, "Method Not Allowed"}, {409, "Conflict"},
		{411, "Length Required"}, {413, "Content Too Large"}, {414, "URI Too Long"},
		{415, "Unsupported Media Type"}, {422, "Unprocessable Content"},
		{429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"}, {501, "Not Implemented"},
		{503, "Service Unavailable"}, {504, "Gateway Timeout"},
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Status";
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* 0 or ERR_LIMIT, ERR_NOMEM. */
static int write_answer(struct client *c, const struct io_response *a)
{
	static const char room[LWS_PRE];
	struct buf *out = &c->answer;
	bool is_head = strcmp(c->method, "HEAD") == 0;
	int err;

	buf_clear(out);
	err = buf_add(out, room, sizeof(room));
	if (!err)
		err = buf_addf(out, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n"
			"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
			a->status, status_text(a->status), a->body.len);
	if (!err && a->content_type)
		err = buf_addf(out, "Content-Type: %s\r\n", a->content_type);
	if (!err && a->allow)
		err = buf_addf(out, "Allow: %s\r\n", a->allow);
	if (!err)
		err = buf_adds(out, "Connection: close\r\n\r\n");
	if (!err && !is_head)
		err = buf_add(out, a->body.at, a->body.len);
	return err;
}

static int send_answer(struct client *c, const struct io_response *a)
{
	if (write_answer(c, a) != 0)
		return -1;
	c->sent = LWS_PRE;
	io_client_enter(c, CLIENT_ANSWER);
	lws_callback_on_writable(c->wsi);
	return 0;
}

/* An answer of our own. */
static int refuse(struct client *c, int status, const char *why)
{
	struct io_response a = {.status = status, .content_type = "application/json"};
	int r = -1;

	if (!c->method)
		c->method = "GET";
	buf_init(&a.body, 256);
	if (buf_addf(&a.body, "{\"error\":\"%s\"}\n", why) == 0)
		r = send_answer(c, &a);
	buf_fini(&a.body);
	return r;
}

static int on_whole_request(struct client *c)
{
	struct io_response a = {.status = 500};
	struct io_request q = {
		.method = c->method, .path = c->path, .query = c->query,
		.authorization = c->authorization, .content_type = c->content_type,
		.host = c->host, .origin = c->origin, .request_id = c->request_id,
		.body = buf_str(&c->body), .is_local = c->is_local,
	};
	int r = -1;

	buf_init(&a.body, SERVE_ANSWER_BYTES - 1024);
	c->h.io->activity++;
	c->serve->answer(c->serve->ctx, &q, &a);
	if (!c->h.is_dead)
		r = send_answer(c, &a);
	buf_fini(&a.body);
	return r;
}

static int on_writeable(struct client *c)
{
	size_t n = c->answer.len - c->sent;

	if (c->state != CLIENT_ANSWER)
		return 0;
	if (n > WRITE_BYTES)
		n = WRITE_BYTES;
	if (n && lws_write(c->wsi, (unsigned char *)c->answer.at + c->sent, n, LWS_WRITE_HTTP) < 0)
		return -1;
	c->sent += n;
	c->since_ms = clock_mono_ms();
	if (c->sent < c->answer.len || lws_partial_buffered(c->wsi)) {
		lws_callback_on_writable(c->wsi);
		return 0;
	}
	return -1;
}

/* ---- The request ----------------------------------------------------------------------------- */

/* False when the header is there but does not fit. */
static bool copy_header(struct client *c, enum lws_token_indexes token, char *out, size_t size)
{
	out[0] = '\0';
	if (lws_hdr_total_length(c->wsi, token) <= 0)
		return true;
	return lws_hdr_copy(c->wsi, out, (int)size, token) >= 0;
}

static bool copy_custom(struct client *c, const char *name, char *out, size_t size)
{
	int n = (int)strlen(name);

	out[0] = '\0';
	if (lws_hdr_custom_length(c->wsi, name, n) <= 0)
		return true;
	return lws_hdr_custom_copy(c->wsi, out, (int)size, name, n) >= 0;
}

static const char *method_of(struct lws *wsi)
{
	static const struct {
		enum lws_token_indexes token;
		const char *name;
	} methods[] = {
		{WSI_TOKEN_GET_URI, "GET"}, {WSI_TOKEN_POST_URI, "POST"},
		{WSI_TOKEN_HEAD_URI, "HEAD"}, {WSI_TOKEN_PUT_URI, "PUT"},
		{WSI_TOKEN_PATCH_URI, "PATCH"}, {WSI_TOKEN_DELETE_URI, "DELETE"},
		{WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
	};
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (lws_hdr_total_length(wsi, methods[i].token) > 0)
			return methods[i].name;
	return NULL;
}

/* The declared length, 0 without; -1 = not one plain number, which is how requests are smuggled. */
static int64_t length_of(struct client *c)
{
	char text[24];
	int64_t n;
	size_t i;

	if (!copy_header(c, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof(text)))
		return -1;
	if (lws_hdr_fragment_length(c->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, 1) > 0)
		return -1;
	for (i = 0; text[i]; i++)
		if (!ascii_is_digit(text[i]))
			return -1;
	if (i == 0)
		return lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ? -1 : 0;
	return str_int(str_of(text), &n) == 0 ? n : -1;
}

/* libwebsockets keeps the arguments apart; put together again as they came. */
static bool copy_query(struct client *c)
{
	size_t used = 0;
	int i, n;

	c->query[0] = '\0';
	for (i = 0; (n = lws_hdr_fragment_length(c->wsi, WSI_TOKEN_HTTP_URI_ARGS, i)) > 0; i++) {
		if (used + (size_t)n + 2 > sizeof(c->query))
			return false;
		if (i > 0)
			c->query[used++] = '&';
		if (lws_hdr_copy_fragment(c->wsi, c->query + used, n + 1, WSI_TOKEN_HTTP_URI_ARGS,
			i) < 0)
			return false;
		used += (size_t)n;
	}
	return true;
}

static bool copy_headers(struct client *c)
{
	return copy_query(c) &&
		copy_header(c, WSI_TOKEN_HTTP_AUTHORIZATION, c->authorization,
			sizeof(c->authorization)) &&
		copy_header(c, WSI_TOKEN_HTTP_CONTENT_TYPE, c->content_type,
			sizeof(c->content_type)) &&
		copy_header(c, WSI_TOKEN_HOST, c->host, sizeof(c->host)) &&
		copy_header(c, WSI_TOKEN_ORIGIN, c->origin, sizeof(c->origin)) &&
		copy_custom(c, "x-request-id:", c->request_id, sizeof(c->request_id));
}

/* The headers are in. Not 0 = close the connection. */
static int on_headers(struct client *c, const char *uri, size_t len)
{
	char version[16];
	int64_t length;

	if (c->state != CLIENT_HEADERS)
		return -1;
	io_client_enter(c, CLIENT_BODY);
	c->method = method_of(c->wsi);
	if (!c->method)
		return refuse(c, 501, "this method is not known");
	if (len >= sizeof(c->path))
		return refuse(c, 414, "the path is too long");
	memcpy(c->path, uri, len);
	c->path[len] = '\0';
	if (strlen(c->path) != len)
		return refuse(c, 400, "the path holds a NUL");
	if (!copy_headers(c) || !copy_header(c, WSI_TOKEN_HTTP, version, sizeof(version)))
		return refuse(c, 431, "a header is too long");
	if (lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return refuse(c, 411, "the body needs a Content-Length");
	length = length_of(c);
	if (length < 0)
		return refuse(c, 400, "the Content-Length is not one number");
	if (length > IO_SERVE_BODY_BYTES)
		return refuse(c, 413, "the body is over 65536 bytes");
	if (strcmp(version, "HTTP/1.0") != 0 && !c->host[0])
		return refuse(c, 400, "the Host header is missing");
	return length > 0 ? 0 : on_whole_request(c);
}

static int on_body(struct client *c, const void *in, size_t len)
{
	if (c->state != CLIENT_BODY)
		return 0;
	return buf_add(&c->body, in, len) == 0 ? 0 : -1;
}

int io_serve_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct client *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return c ? on_headers(c, in, len) : -1;
	case LWS_CALLBACK_HTTP_BODY:
		return c ? on_body(c, in, len) : -1;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		if (!c)
			return -1;
		return c->state == CLIENT_BODY ? on_whole_request(c) : 0;
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return c ? on_writeable(c) : -1;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return -1; /* nothing here speaks anything but HTTP/1.1 */
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		if (!c)
			return 0;
		lws_set_opaque_user_data(wsi, NULL);
		c->wsi = NULL;
		io_client_drop(c);
		return 0;
	default:
		return 0;
	}
}
