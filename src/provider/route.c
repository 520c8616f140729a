/* Whom an ask goes to: which rule of the routes fits, in which order its providers are asked, for
 * which model, and why one of them is not asked now. Nothing here changes anything. */
#include "provider/room.h"

#include <stdio.h>
#include <string.h>

/* ---- Rules ----------------------------------------------------------------------------------- */

void provider_rules_free(struct provider_rule *rules, size_t n)
{
	for (size_t i = 0; rules && i < n; i++) {
		conf_texts_free(&rules[i].triggers);
		conf_texts_free(&rules[i].in);
		mem_free(rules[i].order);
		mem_free(rules[i].model);
	}
	mem_free(rules);
}

/* Kinds that nobody knows fit nothing; the bot's loading of the files warns of them. */
static uint64_t kinds_of(const struct conf_texts *events)
{
	enum event_kind kind;
	uint64_t kinds = 0;

	for (size_t i = 0; i < events->n; i++)
		if (event_kind_parse(str_of(events->at[i]), &kind) == 0)
			kinds |= EVENT_BIT(kind);
	return kinds;
}

static size_t index_of(const struct conf *c, const char *name)
{
	size_t i = 0;

	while (i < c->provider_count && strcmp(c->providers[i].name, name) != 0)
		i++;
	return i;
}

static int rule_init(struct provider_rule *r, const struct conf_route *t, const struct conf *c)
{
	int err;

	r->events = kinds_of(&t->events);
	r->has_events = t->events.n > 0;
	r->longer_than = t->longer_than;
	r->order = mem_array(t->ask.n + 1, sizeof(*r->order));
	r->model = mem_dup(t->model);
	if (!r->order || (t->model && !r->model))
		return ERR_NOMEM;
	for (size_t i = 0; i < t->ask.n; i++) {
		r->order[r->order_n] = index_of(c, t->ask.at[i]);
		r->order_n += r->order[r->order_n] < c->provider_count;
	}
	err = provider_texts_copy(&r->triggers, &t->triggers);
	return err ? err : provider_texts_copy(&r->in, &t->in);
}

int provider_rules_new(const struct conf *c, struct provider_rule **out)
{
	struct provider_rule *rules = mem_array(c->route_count + 1, sizeof(*rules));
	int err = rules ? 0 : ERR_NOMEM;

	for (size_t i = 0; i < c->route_count && !err; i++)
		err = rule_init(&rules[i], &c->routes[i], c);
	if (err)
		provider_rules_free(rules, c->route_count);
	else
		*out = rules;
	return err;
}

static bool is_among(const struct conf_texts *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (name && strcmp(names->at[i], name) == 0)
			return true;
	return names->n == 0;
}

static bool is_in(const struct conf_texts *places, const struct event *e)
{
	for (size_t i = 0; i < places->n; i++)
		if (e && event_is_in(e, places->at[i]))
			return true;
	return places->n == 0;
}

/* Does it fit, for a prompt of that length? */
static bool fits(const struct provider_rule *r, const struct provider_ask *a, int64_t tokens)
{
	if (r->has_events && !(a->event && (r->events & EVENT_BIT(a->event->kind))))
		return false;
	return is_among(&r->triggers, a->trigger) && is_in(&r->in, a->event) &&
		(r->longer_than == 0 || tokens > r->longer_than);
}

/* ---- The order ------------------------------------------------------------------------------- */

static int64_t tokens_of(const struct provider_ask *a)
{
	return a->prompt ? (int64_t)a->prompt->tokens : 0;
}

static struct provider *named(const struct provider_pool *p, const char *name)
{
	for (size_t i = 0; name && i < p->n; i++)
		if (strcmp(p->providers[i]->conf.name, name) == 0)
			return p->providers[i];
	return NULL;
}

static void add_step(struct provider_step *steps, size_t *n, struct provider *p, const char *model)
{
	for (size_t i = 0; i < *n; i++)
		if (steps[i].provider == p)
			return;
	steps[(*n)++] = (struct provider_step){p, model ? model : p->conf.model};
}

/* The steps of an ask by this rule, NULL = none fits. A rule's model is for the providers it
 * names. */
static size_t steps_by(const struct provider_pool *p, const struct provider_ask *a,
	const struct provider_rule *r, struct provider_step *steps)
{
	const char *use = a->persona ? a->persona->use : NULL;
	const size_t *order = r ? r->order : p->order;
	const size_t order_n = r ? r->order_n : p->order_n;
	struct provider *first = named(p, use);
	const char *model = r ? r->model : NULL;
	bool is_named = !r;
	size_t n = 0;

	for (size_t i = 0; i < order_n; i++)
		is_named |= p->providers[order[i]] == first;
	if (first)
		add_step(steps, &n, first, is_named ? model : NULL);
	for (size_t i = 0; i < order_n; i++)
		add_step(steps, &n, p->providers[order[i]], model);
	return n;
}

size_t provider_steps(const struct provider_pool *p, const struct provider_ask *a,
	struct provider_step *steps, size_t *rule)
{
	if (a->only) {
		struct provider *one = named(p, a->only);
		size_t n = 0;

		*rule = 0;
		if (one && (!a->is_moderation || one->ops->moderations) &&
				(!a->embed || one->ops->embeddings))
			add_step(steps, &n, one, a->embed);
		return n;
	}
	for (size_t i = 0; i < p->rule_n; i++)
		if (fits(&p->rules[i], a, tokens_of(a))) {
			*rule = i + 1;
			return steps_by(p, a, &p->rules[i], steps);
		}
	*rule = 0;
	return steps_by(p, a, NULL, steps);
}

/* ---- What stands in the way ------------------------------------------------------------------ */

static void explain_servers(const struct provider *p, enum provider_error e, char *why)
{
	if (e == PROVIDER_NO_MODEL)
		snprintf(why, PROVIDER_WHY_BYTES,
			"it is not on this machine, which the prompt must not leave");
	else if (e == PROVIDER_RATE_LIMIT)
		snprintf(why, PROVIDER_WHY_BYTES, "it asked for a rest, which is not over");
	else
		snprintf(why, PROVIDER_WHY_BYTES, "it failed too often lately: its breaker is %s",
			io_breaker_state_name(provider_breaker(p)));
}

static void explain_price(const struct provider *p, const struct provider_need *need, char *why)
{
	const bool is_local = p->endpoints[0].is_local;

	if (need->cost > 0)
		snprintf(why, PROVIDER_WHY_BYTES, "an answer costs at most $%.6f",
			(double)need->cost / CONF_DOLLAR);
	else if (p->conf.price_in == 0 && p->conf.price_out == 0 && !is_local)
		snprintf(why, PROVIDER_WHY_BYTES,
			"no price of it is known, so its answers count as free");
	else
		snprintf(why, PROVIDER_WHY_BYTES, "its answers are free");
}

enum provider_error provider_obstacle(const struct provider *p, const struct provider_need *need,
	int64_t now, char why[PROVIDER_WHY_BYTES])
{
	const char *limit = provider_limit_reached(p, need->cost);
	const int64_t window = p->conf.context_tokens;
	char scratch[PROVIDER_WHY_BYTES];
	enum provider_error e;

	why = why ? why : scratch;
	if (p->is_disabled) {
		snprintf(why, PROVIDER_WHY_BYTES,
			"it refused our key: it is not asked until a reload");
		return PROVIDER_AUTH;
	}
	if (p->parked_until_ms > now) {
		snprintf(why, PROVIDER_WHY_BYTES, "its quota is spent: it is not asked for %lld s",
			(long long)(p->parked_until_ms - now + 999) / 1000);
		return PROVIDER_QUOTA;
	}
	if (!provider_endpoint_pick(p, need->is_local_only, need->is_retry, now, &e)) {
		explain_servers(p, e, why);
		return e;
	}
	if (window > 0 && need->tokens + need->max_tokens > window) {
		snprintf(why, PROVIDER_WHY_BYTES,
			"%lld tokens and an answer of %lld do not fit into its %lld",
			(long long)need->tokens, (long long)need->max_tokens, (long long)window);
		return PROVIDER_BAD_REQUEST;
	}
	if (limit) {
		snprintf(why, PROVIDER_WHY_BYTES, "its own limit %s is reached", limit);
		return PROVIDER_BUDGET;
	}
	explain_price(p, need, why);
	return PROVIDER_NONE;
}

/* ---- For whoever wants to know --------------------------------------------------------------- */

void provider_route(const struct provider_pool *p, const struct provider_ask *a,
	struct provider_route *out)
{
	struct provider_step steps[CONF_PROVIDERS_MAX];
	const int64_t now = clock_mono_ms();

	memset(out, 0, sizeof(*out));
	out->n = provider_steps(p, a, steps, &out->rule);
	for (size_t i = 0; i < out->n; i++) {
		const struct provider *it = steps[i].provider;
		struct provider_leg *leg = &out->legs[i];
		struct provider_need need = {
			.is_local_only = a->is_local_only,
			.tokens = tokens_of(a),
			.max_tokens = provider_max_tokens(a->persona, it),
		};

		need.cost = provider_price_most(it, steps[i].model, need.tokens, need.max_tokens);
		leg->name = it->conf.name;
		leg->type = it->ops->name;
		leg->model = steps[i].model ? steps[i].model : "";
		leg->is_remote = false;
		for (size_t k = 0; k < it->endpoint_n; k++)
			leg->is_remote |= !it->endpoints[k].is_local;
		leg->is_asked = provider_obstacle(it, &need, now, leg->why) == PROVIDER_NONE;
		provider_price(it, steps[i].model, &leg->price_in, &leg->price_out);
		leg->most = need.cost;
	}
}

/* Whom an ask would go to first by this rule, if its window is wider. */
static void widen(const struct provider_pool *p, const struct provider_ask *a,
	const struct provider_rule *r, struct provider_step *widest)
{
	struct provider_step steps[CONF_PROVIDERS_MAX];

	if (steps_by(p, a, r, steps) > 0 && (!widest->provider ||
			steps[0].provider->conf.context_tokens >
				widest->provider->conf.context_tokens))
		*widest = steps[0];
}

/* Whom the prompt is made for, before its length is known. provider is NULL where there is none. */
static struct provider_step first_of(const struct provider_pool *p, const struct provider_ask *a)
{
	struct provider_step widest = {0};

	for (size_t i = 0; i < p->rule_n; i++) {
		if (!fits(&p->rules[i], a, INT64_MAX))
			continue;
		widen(p, a, &p->rules[i], &widest);
		if (p->rules[i].longer_than == 0)
			return widest;
	}
	widen(p, a, NULL, &widest);
	return widest;
}

void provider_first(const struct provider_pool *p, const struct provider_ask *a,
	const char **provider, const char **model)
{
	const struct provider_step first = first_of(p, a);

	*provider = first.provider ? first.provider->conf.name : "";
	*model = first.model ? first.model : "";
}

void provider_budget(const struct provider_pool *p, const struct provider_ask *a,
	size_t *context_tokens, size_t *max_tokens)
{
	const struct provider *first = first_of(p, a).provider;
	const int64_t context = first ? first->conf.context_tokens : 0;
	const int64_t most = first ? provider_max_tokens(a->persona, first) : 0;

	*context_tokens = context > 0 ? (size_t)context : 0;
	*max_tokens = most > 0 ? (size_t)most : 0;
}
