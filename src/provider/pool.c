/* The providers of a config: making, comparing, reloading, telling about them. */
#include "provider/room.h"

#include <string.h>

static const struct provider_ops *const backends[] = {
	[CONF_OLLAMA] = &provider_ollama,
	[CONF_OPENAI] = &provider_openai,
	[CONF_ANTHROPIC] = &provider_anthropic,
	[CONF_WADDLEAI] = &provider_waddleai,
	[CONF_SCRIPTED] = &provider_scripted,
};

static struct metric breaker_gauge = {
	.name = "mynah_provider_breaker",
	.help = "Breaker of a provider: 0 closed, 1 open, 2 probing.",
	.kind = METRIC_GAUGE,
	.label = "provider",
};

static struct metric inflight_gauge = {
	.name = "mynah_inflight",
	.help = "What is under way now.",
	.kind = METRIC_GAUGE,
	.label = "kind",
};

void provider_note_breaker(const struct provider *p)
{
	metric_set(&breaker_gauge, p->conf.name, (int64_t)p->breaker.state);
}

void provider_note_inflight(const struct provider_pool *p)
{
	metric_set(&inflight_gauge, "asks", (int64_t)p->running_n);
	metric_set(&inflight_gauge, "asks_waiting", (int64_t)p->waiting_n);
}

/* ---- One provider ---------------------------------------------------------------------------- */

/* The strings of a provider: copied, compared and freed alike. */
static const size_t strings[] = {
	offsetof(struct conf_provider, name),    offsetof(struct conf_provider, url),
	offsetof(struct conf_provider, model),   offsetof(struct conf_provider, ca_file),
	offsetof(struct conf_provider, file),    offsetof(struct conf_provider, keep_alive),
};
#define STRINGS (sizeof(strings) / sizeof(strings[0]))

static char **string_at(struct conf_provider *c, size_t i)
{
	return (char **)((char *)c + strings[i]);
}

static const char *string_of(const struct conf_provider *c, size_t i)
{
	return *(char *const *)((const char *)c + strings[i]);
}

static int copy_conf(struct conf_provider *to, const struct conf_provider *from)
{
	*to = *from;
	memset(&to->key, 0, sizeof(to->key)); /* the fetched secret is all we need */
	for (size_t i = 0; i < STRINGS; i++)
		*string_at(to, i) = NULL;
	to->secret = secret_ref(from->secret);
	for (size_t i = 0; i < STRINGS; i++) {
		*string_at(to, i) = mem_dup(string_of(from, i));
		if (string_of(from, i) && !*string_at(to, i))
			return ERR_NOMEM;
	}
	return 0;
}

static void provider_free(struct provider *p)
{
	if (p->ops && p->ops->close)
		p->ops->close(p->self);
	secret_free(p->conf.secret);
	for (size_t i = 0; i < STRINGS; i++)
		mem_free(*string_at(&p->conf, i));
	mem_free(p);
}

struct provider *provider_ref(struct provider *p)
{
	p->refs++;
	return p;
}

void provider_unref(struct provider *p)
{
	if (p && --p->refs == 0)
		provider_free(p);
}

static int provider_new(
	const struct conf_provider *c, const struct conf_limits *l, struct provider **out)
{
	struct provider *p = mem_new(sizeof(*p));
	int err;

	if (!p)
		return ERR_NOMEM;
	p->refs = 1;
	err = copy_conf(&p->conf, c);
	if (err)
		goto out;
	p->ops = backends[c->type];
	io_breaker_init(&p->breaker, (unsigned)l->breaker_failures, l->breaker_window_ms,
		l->breaker_open_ms);
	if (p->ops->open)
		err = p->ops->open(&p->conf, &p->self);
	if (err)
		goto out;
	provider_note_breaker(p);
	*out = provider_ref(p);
out:
	provider_unref(p);
	return err;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_same(const struct provider *p, const struct conf_provider *c)
{
	const struct conf_provider *o = &p->conf;

	if (p->ops->open)
		return false; /* what its file says may have changed */
	for (size_t i = 0; i < STRINGS; i++)
		if (!is_same_text(string_of(o, i), string_of(c, i)))
			return false;
	return o->type == c->type && o->token_cap == c->token_cap &&
		o->temperature == c->temperature && o->max_tokens == c->max_tokens &&
		o->context_tokens == c->context_tokens && o->price_in == c->price_in &&
		o->price_out == c->price_out && o->connect_ms == c->connect_ms &&
		o->first_byte_ms == c->first_byte_ms && o->idle_ms == c->idle_ms &&
		o->total_ms == c->total_ms && o->remote_ok == c->remote_ok &&
		!o->secret == !c->secret && str_eq(secret_use(o->secret), secret_use(c->secret));
}

/* ---- The pool -------------------------------------------------------------------------------- */

static void free_providers(struct provider **list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		provider_unref(list[i]);
	mem_free(list);
}

/* New numbers for a breaker that keeps its state and what it counted. */
static void retune(struct io_breaker *b, const struct conf_limits *l)
{
	struct io_breaker fresh;

	io_breaker_init(&fresh, (unsigned)l->breaker_failures, l->breaker_window_ms,
		l->breaker_open_ms);
	b->failures = fresh.failures;
	b->window_ms = fresh.window_ms;
	b->open_ms = fresh.open_ms;
	b->open_max_ms = fresh.open_max_ms;
	if (b->state == IO_BREAKER_CLOSED)
		b->wait_ms = fresh.wait_ms;
}

/* The provider for one entry: the one we have when it did not change, else a new one. Changes
 * nothing of what we have. */
static int keep_or_make(const struct provider_pool *p, const struct conf *c, size_t i,
	struct provider **out)
{
	for (size_t k = 0; k < p->n; k++) {
		struct provider *old = p->providers[k];
		if (!is_same(old, &c->providers[i]))
			continue;
		*out = provider_ref(old);
		return 0;
	}
	return provider_new(&c->providers[i], &c->limits, out);
}

/* Indexes of the names in `ask:`; all providers in file order when it names none. */
static size_t make_order(const struct conf *c, size_t *order)
{
	size_t n = 0;

	for (size_t a = 0; a < c->ask.n; a++)
		for (size_t i = 0; i < c->provider_count && n < c->provider_count; i++)
			if (strcmp(c->ask.at[a], c->providers[i].name) == 0)
				order[n++] = i;
	if (c->ask.n == 0)
		for (; n < c->provider_count; n++)
			order[n] = n;
	return n;
}

int provider_pool_reload(struct provider_pool *p, const struct conf *c)
{
	size_t n = c->provider_count, made = 0;
	struct provider **list = mem_array(n + 1, sizeof(struct provider *));
	size_t *order = mem_array(n + 1, sizeof(*order));
	int err = list && order ? 0 : ERR_NOMEM;

	for (; made < n && !err; made++) {
		err = keep_or_make(p, c, made, &list[made]);
		if (err)
			break;
	}
	if (err) {
		free_providers(list, made);
		mem_free(order);
		return err;
	}

	free_providers(p->providers, p->n);
	mem_free(p->order);
	p->providers = list;
	p->n = n;
	for (size_t i = 0; i < n; i++)
		retune(&list[i]->breaker, &c->limits);
	p->order = order;
	p->order_n = make_order(c, order);
	p->retries = c->limits.retries;
	p->asks = c->limits.asks > 0 ? c->limits.asks : 1;
	provider_pool_fill(p); /* there may be more slots now */
	return 0;
}

int provider_pool_new(struct io *io, const struct conf *c, struct provider_pool **out)
{
	struct provider_pool *p = mem_new(sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	p->io = io;
	int err = provider_pool_reload(p, c);
	if (err) {
		mem_free(p);
		return err;
	}
	provider_note_inflight(p);
	*out = p;
	return 0;
}

void provider_pool_free(struct provider_pool *p)
{
	if (!p)
		return;
	/* Waiting first: a slot that becomes free must not start them. */
	while (p->waiting)
		provider_call_drop(p->waiting);
	while (p->running)
		provider_call_drop(p->running);
	free_providers(p->providers, p->n);
	mem_free(p->order);
	mem_free(p);
}

void provider_pool_stand_in(struct provider_pool *p, provider_stand_in *say, void *ctx)
{
	p->stand_in = say;
	p->stand_in_ctx = ctx;
}

struct provider *provider_in_order(const struct provider_pool *p, const struct persona *persona,
	size_t i)
{
	const char *use = persona ? persona->use : NULL;
	struct provider *first = NULL;

	for (size_t k = 0; use && k < p->n && !first; k++)
		if (strcmp(p->providers[k]->conf.name, use) == 0)
			first = p->providers[k];
	if (first && i-- == 0)
		return first;
	for (size_t k = 0; k < p->order_n; k++) {
		struct provider *next = p->providers[p->order[k]];
		if (next != first && i-- == 0)
			return next;
	}
	return NULL;
}

void provider_first(const struct provider_pool *p, const struct persona *persona,
	const char **provider, const char **model)
{
	const struct provider *first = provider_in_order(p, persona, 0);

	*provider = first ? first->conf.name : "";
	*model = first && first->conf.model ? first->conf.model : "";
}

void provider_budget(const struct provider_pool *p, const struct persona *persona,
	size_t *context_tokens, size_t *max_tokens)
{
	const struct provider *first = provider_in_order(p, persona, 0);
	int64_t context = first ? first->conf.context_tokens : 0;
	int64_t most = first ? first->conf.max_tokens : 0;

	if (persona && persona->max_tokens > 0)
		most = persona->max_tokens;
	*context_tokens = context > 0 ? (size_t)context : 0;
	*max_tokens = most > 0 ? (size_t)most : 0;
}

const char *provider_state(const struct provider_pool *p, size_t i, const char **type,
	const char **model, enum io_breaker_state *breaker, const char **last)
{
	if (i >= p->n)
		return NULL;
	const struct provider *it = p->providers[i];
	*type = it->ops->name;
	*model = it->conf.model ? it->conf.model : "";
	*breaker = it->breaker.state;
	*last = it->last;
	return it->conf.name;
}
