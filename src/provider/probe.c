/* Is a provider there, does it take our key, has it our model? Asked of its list of models, which
 * costs nothing and wakes no model (ai-providers.md 7). */
#include "provider/room.h"

#include <stdio.h>
#include <string.h>

#define LIST_BYTES (4 * 1024 * 1024) /* OpenRouter's has some 500 KiB */
#define PATH_BYTES 4096

struct provider_probe {
	struct provider_pool *pool; /* BORROWED */
	struct provider *provider;
	struct io_http *http;
	struct io_timer *timer;     /* of an end that is known at once */
	struct buf body, names;
	int64_t began_ms;
	struct provider_probed result;
	char why[256];
	void (*done)(void *ctx, const struct provider_probed *r);
	void *ctx;
};

static void probe_free(struct provider_probe *p)
{
	if (!p)
		return;
	if (p->http)
		io_http_cancel(p->http);
	io_timer_free(p->timer);
	provider_unref(p->provider);
	buf_fini(&p->body);
	buf_fini(&p->names);
	mem_free(p);
}

static void finish(struct provider_probe *p)
{
	p->result.took_ms = clock_mono_ms() - p->began_ms;
	p->result.why = p->why;
	p->result.names = buf_str(&p->names);
	p->done(p->ctx, &p->result);
	probe_free(p);
}

static void on_timer(void *ctx)
{
	finish(ctx);
}

/* Ollama's names have a tag, which may be left out when it is "latest". */
static bool is_name(struct str listed, const char *model)
{
	const size_t n = strlen(model);

	return str_is(listed, model) || (listed.len == n + 7 && memcmp(listed.at, model, n) == 0 &&
		memcmp(listed.at + n, ":latest", 7) == 0);
}

/* Names that are not plain are nobody's model; what finds no room is left out. */
static void keep_name(struct provider_probe *p, const struct json *entry)
{
	struct str name = json_str(entry, "id");

	name = name.len > 0 ? name : json_str(entry, "name");
	if (name.len > 0 && text_is_plain(name))
		(void)!buf_addf(&p->names, "%.*s\n", STR_FMT(name));
}

/* {"models":[{"name"}]} of Ollama, {"data":[{"id"}]} of all others; llama.cpp sends both. */
static void read_list(struct provider_probe *p)
{
	const char *model = p->provider->conf.model ? p->provider->conf.model : "";
	const char *why = "";
	struct json *v = NULL;
	const struct json *list;

	if (json_parse(buf_str(&p->body), LIST_BYTES, &v, &why)) {
		p->result.error = PROVIDER_PARSE;
		snprintf(p->why, sizeof(p->why), "its list of models is no JSON: %s", why);
		return;
	}
	list = json_get(v, "data");
	list = list ? list : json_get(v, "models");
	p->result.models = json_count(list);
	for (size_t i = 0; i < p->result.models; i++)
		keep_name(p, json_at(list, i));
	for (size_t i = 0; i < p->result.models; i++)
		p->result.has_model = p->result.has_model ||
			is_name(json_str(json_at(list, i), "id"), model) ||
			is_name(json_str(json_at(list, i), "name"), model);
	if (!json_is_array(list)) {
		p->result.error = PROVIDER_PARSE;
		snprintf(p->why, sizeof(p->why), "it gave no list of models");
	}
	json_free(v);
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct provider_probe *p = ctx;

	(void)!buf_add(&p->body, bytes, n); /* what is cut is no JSON */
}

static void on_done(void *ctx, int err, const char *why)
{
	struct provider_probe *p = ctx;
	const int status = io_http_status(p->http);
	char message[256] = "";

	p->http = NULL;
	p->result.status = status;
	if (err) {
		p->result.error = err == ERR_TIMEOUT ? PROVIDER_TIMEOUT
			: err == ERR_TLS ? PROVIDER_TLS : PROVIDER_CONNECT;
		snprintf(message, sizeof(message), "%s", why ? why : "");
	} else if (status != 200) {
		p->result.error = p->provider->ops->judge(status, -1, buf_str(&p->body), message);
	} else {
		read_list(p);
	}
	if (*message)
		provider_scrub(str_of(message), p->provider->conf.secret, p->why);
	finish(p);
}

static int start(struct provider_probe *p)
{
	const struct conf_provider *c = &p->provider->conf;
	const char *list[PROVIDER_HEADER_LINES + 1];
	struct buf path, url, headers;
	int err;

	buf_init(&path, PATH_BYTES);
	buf_init(&url, PATH_BYTES);
	buf_init(&headers, PROVIDER_HEADERS_BYTES);
	err = buf_reserve(&headers, PROVIDER_HEADERS_BYTES); /* wiped where it stands */
	if (!err)
		err = p->provider->ops->list(c, &path, &headers);
	if (!err)
		err = provider_add_url(&url, p->provider->endpoints[0].url, &path);
	if (!err)
		err = provider_list_headers(&headers, list);
	if (err)
		goto out;
	const struct io_http_options o = {
		.method = "GET",
		.url = buf_text(&url),
		.headers = list,
		.ca_file = c->ca_file,
		.max_body = LIST_BYTES,
		.connect_ms = c->connect_ms,
		.first_byte_ms = PROVIDER_PROBE_MS,
		.idle_ms = PROVIDER_PROBE_MS,
		.total_ms = PROVIDER_PROBE_MS,
		.loopback_only = !c->remote_ok,
		.data = on_data,
		.done = on_done,
		.ctx = p,
	};
	p->http = io_http_start(p->pool->io, &o);
	err = p->http ? 0 : ERR_NOMEM;
out:
	if (headers.at)
		secret_wipe(headers.at, headers.len);
	buf_fini(&headers);
	buf_fini(&url);
	buf_fini(&path);
	return err;
}

struct provider_probe *provider_probe_start(struct provider_pool *pool, size_t i,
	void (*done)(void *ctx, const struct provider_probed *r), void *ctx)
{
	struct provider_probe *p = i < pool->n ? mem_new(sizeof(*p)) : NULL;
	int err;

	if (!p)
		return NULL;
	p->pool = pool;
	p->provider = provider_ref(pool->providers[i]);
	p->began_ms = clock_mono_ms();
	p->done = done;
	p->ctx = ctx;
	buf_init(&p->body, LIST_BYTES);
	buf_init(&p->names, LIST_BYTES);
	p->timer = io_timer_new(pool->io, on_timer, p);
	if (!p->timer) {
		probe_free(p);
		return NULL;
	}
	if (!p->provider->ops->list) { /* it has no wire, and what it needs it has */
		p->result.has_model = true;
		io_timer_start(p->timer, 0);
		return p;
	}
	err = start(p);
	if (err) {
		p->result.error = err == ERR_NOMEM ? PROVIDER_NOMEM
			: err == ERR_INVALID ? PROVIDER_AUTH : PROVIDER_BAD_REQUEST;
		io_timer_start(p->timer, 0);
	}
	return p;
}
