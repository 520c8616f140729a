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
	metric_set(&breaker_gauge, p->conf.name, (int64_t)provider_breaker(p));
}

void provider_note_inflight(const struct provider_pool *p)
{
	metric_set(&inflight_gauge, "asks", (int64_t)p->running_n);
	metric_set(&inflight_gauge, "asks_waiting", (int64_t)p->waiting_n);
}

/* ---- One provider ---------------------------------------------------------------------------- */

static void provider_free(struct provider *p)
{
	if (p->ops && p->ops->close)
		p->ops->close(p->self);
	provider_settings_free(&p->conf);
	provider_list_free(&p->list);
	mem_free(p->endpoints);
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
	p->ops = backends[c->type];
	err = provider_settings_copy(&p->conf, c);
	if (!err)
		err = provider_endpoints_new(p, l);
	if (!err && p->ops->open)
		err = p->ops->open(&p->conf, &p->self);
	if (err)
		goto out;
	provider_note_breaker(p);
	*out = provider_ref(p);
out:
	provider_unref(p);
	return err;
}

/* ---- The pool -------------------------------------------------------------------------------- */

static void free_providers(struct provider **list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		provider_unref(list[i]);
	mem_free(list);
}

/* The provider for one entry: the one we have when it did not change, else a new one. Changes
 * nothing of what we have. */
static int keep_or_make(const struct provider_pool *p, const struct conf *c, size_t i,
	struct provider **out)
{
	for (size_t k = 0; k < p->n; k++) {
		struct provider *old = p->providers[k];
		/* What the file of a script says may have changed. */
		if (old->ops->open || !provider_settings_same(&old->conf, &c->providers[i]))
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

/* What was asked by now counts whatever else changed about a provider. Errands end: what they are
 * about may be gone. */
static void keep_usage(struct provider_pool *p, struct provider **list, size_t n)
{
	for (size_t k = 0; k < p->n; k++) {
		provider_care_stop(p->providers[k]);
		for (size_t i = 0; i < n; i++)
			if (strcmp(p->providers[k]->conf.name, list[i]->conf.name) == 0)
				list[i]->usage = p->providers[k]->usage;
	}
}

int provider_pool_reload(struct provider_pool *p, const struct conf *c)
{
	size_t n = c->provider_count, made = 0;
	struct provider **list = mem_array(n + 1, sizeof(struct provider *));
	size_t *order = mem_array(n + 1, sizeof(*order));
	struct provider_rule *rules = NULL;
	int err = list && order ? provider_rules_new(c, &rules) : ERR_NOMEM;

	for (; made < n && !err; made++) {
		err = keep_or_make(p, c, made, &list[made]);
		if (err)
			break;
	}
	if (err) {
		free_providers(list, made);
		provider_rules_free(rules, c->route_count);
		mem_free(order);
		return err;
	}

	keep_usage(p, list, n);
	free_providers(p->providers, p->n);
	provider_rules_free(p->rules, p->rule_n);
	mem_free(p->order);
	p->providers = list;
	p->n = n;
	p->rules = rules;
	p->rule_n = c->route_count;
	for (size_t i = 0; i < n; i++) {
		provider_endpoints_retune(list[i], &c->limits);
		provider_pardon(list[i]);
	}
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
	p->care = io_timer_new(io, provider_care_due, p);
	int err = p->care ? provider_pool_reload(p, c) : ERR_NOMEM;
	if (err) {
		io_timer_free(p->care);
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
	for (size_t i = 0; i < p->n; i++)
		provider_care_stop(p->providers[i]);
	io_timer_free(p->care);
	free_providers(p->providers, p->n);
	provider_rules_free(p->rules, p->rule_n);
	mem_free(p->order);
	mem_free(p);
}

void provider_pool_stand_in(struct provider_pool *p, provider_stand_in *say, void *ctx)
{
	p->stand_in = say;
	p->stand_in_ctx = ctx;
}

const char *provider_state(const struct provider_pool *p, size_t i, const char **type,
	const char **model, enum io_breaker_state *breaker, const char **last)
{
	if (i >= p->n)
		return NULL;
	const struct provider *it = p->providers[i];
	*type = it->ops->name;
	*model = it->conf.model ? it->conf.model : "";
	*breaker = provider_breaker(it);
	*last = it->last;
	return it->conf.name;
}

bool provider_condition(const struct provider_pool *p, size_t i, struct provider_condition *out)
{
	const int64_t now = clock_mono_ms();

	if (i >= p->n)
		return false;
	const struct provider *it = p->providers[i];
	*out = (struct provider_condition){
		.parked_ms = it->parked_until_ms > now ? it->parked_until_ms - now : 0,
		.is_disabled = it->is_disabled,
		.lacks_model = it->lacks_model,
		.limit = provider_limit_reached(it, 0),
		.servers = it->endpoint_n,
		.in_flight = provider_in_flight(it),
		.used = provider_used(it),
		.list_age_ms = it->list.is_known ? now - it->list.at_ms : -1,
		.models = it->list.count,
		.has_model = provider_list_has(it, it->conf.model),
	};
	for (size_t k = 0; k < it->endpoint_n; k++) {
		out->servers_out += it->endpoints[k].is_out;
		out->is_warming |= it->endpoints[k].is_warming;
	}
	return true;
}
