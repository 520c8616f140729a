/* Errands: small requests to a server of a provider that ask no model anything and cost nothing:
 * its list of models, whether it is well, the loading of a model. */
#include "provider/room.h"

#define LIST_BYTES (4 * 1024 * 1024) /* OpenRouter's has some 500 KiB */
#define PATH_BYTES 4096
#define BODY_BYTES 4096

struct provider_errand {
	struct provider_pool *pool; /* BORROWED */
	struct provider *provider;
	const struct provider_endpoint *endpoint; /* of it */
	enum provider_errand_kind kind;
	struct io_http *http;
	struct io_timer *timer;     /* of an end that is known at once */
	struct buf answer;
	int err;
	provider_errand_done *done;
	void *ctx;
};

void provider_errand_free(struct provider_errand *e)
{
	if (!e)
		return;
	if (e->http)
		io_http_cancel(e->http);
	io_timer_free(e->timer);
	provider_unref(e->provider);
	buf_fini(&e->answer);
	mem_free(e);
}

static void on_timer(void *ctx)
{
	struct provider_errand *e = ctx;

	e->done(e->ctx, e->err, "", 0, STR(""));
	provider_errand_free(e);
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct provider_errand *e = ctx;

	(void)!buf_add(&e->answer, bytes, n); /* what is cut is no JSON */
}

static void on_done(void *ctx, int err, const char *why)
{
	struct provider_errand *e = ctx;
	const int status = io_http_status(e->http);

	e->http = NULL;
	e->done(e->ctx, err, why ? why : "", status, buf_str(&e->answer));
	provider_errand_free(e);
}

static int build(const struct provider_errand *e, const struct conf_provider *c, struct buf *path,
	struct buf *headers, struct buf *body)
{
	const struct provider_ops *ops = e->provider->ops;

	switch (e->kind) {
	case PROVIDER_LIST: return ops->list(c, path, headers);
	case PROVIDER_HEALTH:
		return ops->health ? ops->health(c, path, headers) : ops->list(c, path, headers);
	case PROVIDER_WARM: return ops->warm(c, path, headers, body);
	}
	return ERR_INVALID;
}

static int start(struct provider_errand *e, int64_t within_ms)
{
	struct conf_provider c = e->provider->conf;
	struct buf path, headers, body;
	int err;

	c.url = (char *)e->endpoint->url;
	buf_init(&path, PATH_BYTES);
	buf_init(&headers, PROVIDER_HEADERS_BYTES);
	buf_init(&body, BODY_BYTES);
	err = buf_reserve(&headers, PROVIDER_HEADERS_BYTES); /* wiped where it stands */
	if (!err)
		err = build(e, &c, &path, &headers, &body);
	if (!err) {
		struct io_http_options o = {
			.method = body.len > 0 ? "POST" : "GET",
			.body = buf_str(&body),
			.max_body = LIST_BYTES,
			.first_byte_ms = within_ms,
			.idle_ms = within_ms,
			.total_ms = within_ms,
			.loopback_only = !c.remote_ok,
			.data = on_data,
			.done = on_done,
			.ctx = e,
		};
		err = provider_send(e->pool->io, &c, &path, &headers, &o, &e->http);
	}
	if (headers.at)
		secret_wipe(headers.at, headers.len);
	buf_fini(&body);
	buf_fini(&headers);
	buf_fini(&path);
	return err;
}

struct provider_errand *provider_errand_start(struct provider_pool *pool, struct provider *p,
	const struct provider_endpoint *endpoint, enum provider_errand_kind kind, int64_t within_ms,
	provider_errand_done *done, void *ctx)
{
	struct provider_errand *e = mem_new(sizeof(*e));

	if (!e)
		return NULL;
	e->pool = pool;
	e->provider = provider_ref(p);
	e->endpoint = endpoint;
	e->kind = kind;
	e->done = done;
	e->ctx = ctx;
	buf_init(&e->answer, LIST_BYTES);
	e->timer = io_timer_new(pool->io, on_timer, e);
	if (!e->timer) {
		provider_errand_free(e);
		return NULL;
	}
	e->err = start(e, within_ms);
	if (e->err)
		io_timer_start(e->timer, 0);
	return e;
}
