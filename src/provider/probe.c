/* Is a provider there, does it take our key, has it our model? Asked of its list of models, which
 * costs nothing and wakes no model (ai-providers.md 7). The list is kept for an hour. */
#include "provider/room.h"

#include <stdio.h>
#include <string.h>

#define LIST_BYTES (4 * 1024 * 1024) /* OpenRouter's has some 500 KiB */
#define NAMES_BYTES (128 * 1024)     /* of a list that is kept: some 4,000 */

struct provider_probe {
	struct provider_pool *pool; /* BORROWED */
	struct provider *provider;
	struct io_timer *timer;     /* of an end that is known at once */
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
	io_timer_free(p->timer);
	provider_unref(p->provider);
	mem_free(p);
}

/* ---- The list -------------------------------------------------------------------------------- */

void provider_list_free(struct provider_list *l)
{
	buf_fini(&l->names);
	memset(l, 0, sizeof(*l));
}

bool provider_list_is_fresh(const struct provider *p)
{
	return p->list.is_known && clock_mono_ms() - p->list.at_ms < PROVIDER_LIST_MS;
}

/* Ollama's names have a tag, which may be left out when it is "latest". */
static bool is_name(struct str listed, const char *model)
{
	const size_t n = strlen(model);

	return str_is(listed, model) || (listed.len == n + 7 && memcmp(listed.at, model, n) == 0 &&
		memcmp(listed.at + n, ":latest", 7) == 0);
}

bool provider_list_has(const struct provider *p, const char *model)
{
	struct str rest = buf_str(&p->list.names);

	while (model && rest.len > 0) {
		struct str line = str_split(&rest, '\n');

		if (is_name(str_split(&line, '\t'), model))
			return true;
	}
	return false;
}

/* Names that are not plain are nobody's model; what finds no room is left out. */
static void keep_name(struct buf *names, const struct json *entry)
{
	struct str name = json_str(entry, "id"), digest = json_str(entry, "digest");

	name = name.len > 0 ? name : json_str(entry, "name");
	if (!text_is_plain(digest))
		digest.len = 0;
	if (name.len > 0 && text_is_plain(name))
		(void)!buf_addf(names, "%.*s%s%.*s\n", STR_FMT(name), digest.len > 0 ? "\t" : "",
			STR_FMT(digest));
}

/* Takes a list over. */
static void keep_list(struct provider *p, const struct json *list)
{
	provider_list_free(&p->list);
	buf_init(&p->list.names, NAMES_BYTES);
	p->list.is_known = true;
	p->list.at_ms = clock_mono_ms();
	p->list.count = json_count(list);
	for (size_t i = 0; i < p->list.count; i++)
		keep_name(&p->list.names, json_at(list, i));
}

/* {"models":[{"name"}]} of Ollama, {"data":[{"id"}]} of all others; llama.cpp sends both. */
enum provider_error provider_list_read(struct provider *p, struct str body, char why[256])
{
	enum provider_error e = PROVIDER_NONE;
	const char *wrong = "";
	struct json *v = NULL;
	const struct json *list;

	if (json_parse(body, LIST_BYTES, &v, &wrong)) {
		snprintf(why, 256, "its list of models is no JSON: %s", wrong);
		return PROVIDER_PARSE;
	}
	list = json_get(v, "data");
	list = list ? list : json_get(v, "models");
	if (json_is_array(list)) {
		keep_list(p, list);
	} else {
		snprintf(why, 256, "it gave no list of models");
		e = PROVIDER_PARSE;
	}
	json_free(v);
	return e;
}

/* ---- Probes ---------------------------------------------------------------------------------- */

/* What the list that we have says. */
static void tell_list(struct provider_probe *p)
{
	const struct provider *it = p->provider;

	p->result.models = it->list.count;
	p->result.has_model = provider_list_has(it, it->conf.model);
	p->result.names = buf_str(&it->list.names);
}

static void finish(struct provider_probe *p)
{
	p->result.took_ms = clock_mono_ms() - p->began_ms;
	p->result.why = p->why;
	p->done(p->ctx, &p->result);
	probe_free(p);
}

static void on_timer(void *ctx)
{
	finish(ctx);
}

static void on_done(void *ctx, int err, const char *why, int status, struct str body)
{
	struct provider_probe *p = ctx;
	char message[256] = "";

	p->result.status = status;
	if (err && status == 0 && (err == ERR_NOMEM || err == ERR_INVALID)) {
		p->result.error = err == ERR_NOMEM ? PROVIDER_NOMEM : PROVIDER_AUTH;
	} else if (err) {
		p->result.error = err == ERR_TIMEOUT ? PROVIDER_TIMEOUT
			: err == ERR_TLS ? PROVIDER_TLS : PROVIDER_CONNECT;
		snprintf(message, sizeof(message), "%s", why);
	} else if (status != 200) {
		p->result.error = p->provider->ops->judge(status, -1, body, message);
	} else {
		p->result.error = provider_list_read(p->provider, body, p->why);
		tell_list(p);
	}
	if (*message)
		provider_scrub(str_of(message), p->provider->conf.secret, p->why);
	finish(p);
}

static struct provider_probe *probe_new(struct provider_pool *pool, size_t i,
	void (*done)(void *ctx, const struct provider_probed *r), void *ctx)
{
	struct provider_probe *p = i < pool->n ? mem_new(sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	p->pool = pool;
	p->provider = provider_ref(pool->providers[i]);
	p->began_ms = clock_mono_ms();
	p->done = done;
	p->ctx = ctx;
	p->timer = io_timer_new(pool->io, on_timer, p);
	if (p->timer)
		return p;
	probe_free(p);
	return NULL;
}

struct provider_probe *provider_probe_start(struct provider_pool *pool, size_t i,
	void (*done)(void *ctx, const struct provider_probed *r), void *ctx)
{
	struct provider_probe *p = probe_new(pool, i, done, ctx);

	if (!p)
		return NULL;
	if (!p->provider->ops->list) { /* it has no wire, and what it needs it has */
		p->result.has_model = true;
		io_timer_start(p->timer, 0);
		return p;
	}
	if (provider_errand_start(pool, p->provider, &p->provider->endpoints[0], PROVIDER_LIST,
			PROVIDER_PROBE_MS, on_done, p))
		return p;
	probe_free(p);
	return NULL;
}
