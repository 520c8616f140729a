/* The HTTP exchange of one attempt: the request, and the answer as it comes. */
#include "provider/room.h"

#include <string.h>
#include <strings.h>

#define URL_BYTES 2048
#define LINGER_MS 1000 /* after the terminator: for usage counts, and so that io can reuse it */

/* ---- The answer ------------------------------------------------------------------------------ */

const struct provider_ops *provider_wire_of(const struct provider_call *c)
{
	const struct provider_ops *o = c->try.provider->ops;

	return c->is_embedding ? o->embeddings : c->ask.is_moderation ? o->moderations : o;
}

static bool is_good(int status)
{
	return status >= 200 && status < 300;
}

static void on_head(void *ctx, int status)
{
	struct provider_call *c = ctx;
	struct provider_try *t = &c->try;
	const char *encoding = io_http_header(t->http, "Content-Encoding");

	t->status = status;
	t->retry_after_ms = io_http_retry_after_ms(t->http);
	if (!is_good(status)) {
		if (t->retry_after_ms < 0 && (status == 429 || status == 402))
			t->retry_after_ms = provider_reset_of(t->http);
		return;
	}
	if (*encoding && strcasecmp(encoding, "identity") != 0) {
		provider_try_fail(t, PROVIDER_PARSE, "a compressed answer, which nobody asked for");
		provider_try_end(c, 0, NULL);
		return;
	}
	const char *type = io_http_header(t->http, "Content-Type");
	if (provider_is_page(type)) {
		provider_try_fail(t, PROVIDER_PARSE,
			"a web page came instead of an answer; is the URL right?");
		provider_try_end(c, 0, NULL);
		return;
	}
	t->wire = provider_wire_of(c)->wire_new(type);
	if (!t->wire)
		provider_try_end(c, ERR_NOMEM, NULL);
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct provider_call *c = ctx;
	struct provider_try *t = &c->try;
	bool was_whole = t->sink.is_whole;

	if (!is_good(t->status)) {
		size_t room = t->refusal.max - t->refusal.len;
		if (buf_add(&t->refusal, bytes, n < room ? n : room) != 0)
			buf_clear(&t->refusal); /* without memory the status alone tells */
		return;
	}
	int err = provider_wire_of(c)->feed(t->wire, bytes, n, &t->sink);
	if (t->sink.has_begun && t->first_ms < 0)
		t->first_ms = clock_mono_ms() - t->started_ms;
	if (err)
		provider_try_end(c, err, NULL);
	else if (t->sink.is_whole && !was_whole)
		io_timer_start(c->timer, LINGER_MS);
	else if (!t->sink.is_whole)
		provider_try_tell(c);
}

static void on_done(void *ctx, int err, const char *why)
{
	struct provider_call *c = ctx;
	struct provider_try *t = &c->try;

	t->was_sent = io_http_was_sent(t->http);
	t->http = NULL;
	if (err == 0 && t->wire)
		err = provider_wire_of(c)->finish(t->wire, &t->sink);
	else if (t->status > 0 && !is_good(t->status))
		/* The status is the news, also when its body was cut. */
		t->sink.error = provider_wire_of(c)->judge(t->status, t->retry_after_ms,
			buf_str(&t->refusal), t->sink.message);
	if (err == ERR_DENIED && !t->provider->conf.remote_ok)
		why = "its address is not this machine; set remote_ok: true to allow that";
	provider_try_end(c, err, why);
}

/* ---- The request ----------------------------------------------------------------------------- */

/* The base URL without its last slashes, and the path. */
static int add_url(struct buf *url, const char *endpoint, const struct buf *path)
{
	struct str base = str_of(endpoint);

	while (base.len > 0 && base.at[base.len - 1] == '/')
		base.len--;
	int err = buf_add_str(url, base);
	return err ? err : buf_add_str(url, buf_str(path));
}

/* The turn is the thread through log, ledger and the server's log. */
static int add_turn(struct buf *headers, const char *turn)
{
	int err = buf_adds(headers, "Content-Type: application/json\n");

	for (const char *at = turn; *at; at++)
		if (*at <= ' ' || *at >= 0x7f)
			return err; /* no header for an id that cannot be one */
	if (!err && *turn)
		err = buf_addf(headers, "X-Request-ID: %s\n", turn);
	return err;
}

/* Cuts the lines apart in place. ERR_LIMIT: there are too many. */
static int list_headers(struct buf *headers, const char *list[PROVIDER_HEADER_LINES + 1])
{
	char *at = headers->at, *end;
	size_t left = headers->len, n = 0;

	while (left > 0 && (end = memchr(at, '\n', left)) != NULL) {
		if (n == PROVIDER_HEADER_LINES)
			return ERR_LIMIT;
		*end = '\0';
		list[n++] = at;
		left -= (size_t)(end + 1 - at);
		at = end + 1;
	}
	list[n] = NULL;
	return 0;
}

int provider_send(struct io *io, const struct conf_provider *c, const struct buf *path,
	struct buf *headers, struct io_http_options *o, struct io_http **out)
{
	const char *list[PROVIDER_HEADER_LINES + 1];
	struct io_url parts;
	struct buf url;
	int err = 0;

	buf_init(&url, URL_BYTES);
	for (size_t i = 0; i < c->headers.n && !err; i++)
		err = buf_addf(headers, "%s\n", c->headers.at[i]);
	if (!err)
		err = add_url(&url, c->url, path);
	if (!err)
		err = list_headers(headers, list);
	if (!err)
		err = io_url_parse(buf_text(&url), &parts);
	if (!err) {
		o->url = buf_text(&url);
		o->headers = list;
		o->ca_file = c->ca_file;
		o->connect_ms = c->connect_ms;
		*out = io_http_start(io, o);
		err = *out ? 0 : ERR_NOMEM;
	}
	buf_fini(&url);
	return err;
}

int provider_exchange_start(struct provider_call *c)
{
	struct provider_try *t = &c->try;
	struct conf_provider conf = t->provider->conf; /* as this server is asked */
	struct buf path, headers, body;

	conf.url = (char *)t->endpoint->url;
	conf.model = (char *)t->model;
	conf.context_tokens = t->context_tokens;
	buf_init(&path, URL_BYTES);
	buf_init(&headers, PROVIDER_HEADERS_BYTES);
	buf_init(&body, PROVIDER_REQUEST_BYTES);
	int err = buf_reserve(&headers, PROVIDER_HEADERS_BYTES); /* wiped where it stands */
	if (!err)
		err = provider_wire_of(c)->request(&conf, &c->ask, t->temperature, t->max_tokens,
			&path, &headers, &body);
	if (err == ERR_INVALID)
		provider_try_fail(t, PROVIDER_AUTH,
			"the key has characters that no header can hold");
	if (!err)
		err = add_turn(&headers, c->turn);
	if (!err) {
		struct io_http_options o = {
			.method = "POST",
			.body = buf_str(&body),
			.max_body = PROVIDER_BODY_BYTES,
			.first_byte_ms = provider_patience_ms(t->endpoint, conf.first_byte_ms),
			.idle_ms = conf.idle_ms,
			.total_ms = provider_patience_ms(t->endpoint, conf.total_ms),
			.loopback_only = !conf.remote_ok || c->ask.is_local_only,
			.head = on_head,
			.data = on_data,
			.done = on_done,
			.ctx = c,
		};
		err = provider_send(c->pool->io, &conf, &path, &headers, &o, &t->http);
	}
	if (headers.at)
		secret_wipe(headers.at, headers.len);
	buf_fini(&body);
	buf_fini(&headers);
	buf_fini(&path);
	return err;
}
