/* Care for servers while nobody asks them: whether those that failed are well again, the loading of
 * models before the first question, and lists of models that somebody wants to see. No model is
 * asked, and nothing is paid. */
#include "provider/room.h"

#define VISIT_EVERY_MS 30000 /* spec 001-10 */
#define VISIT_AGAIN_MS 5000  /* when somebody asks how things are */
#define VISIT_MS 5000
#define WARM_MS (5 * 60000)  /* tens of gigabytes from a slow disk */

static bool has_wire(const struct provider *p)
{
	return p->ops->list != NULL;
}

void provider_note_health(const struct provider *p, struct provider_endpoint *e, bool is_out)
{
	if (e->is_out != is_out && p->endpoint_n > 1)
		log_event(LOG_INFO, "provider", "endpoint", "provider", p->conf.name, "url", e->url,
			"result", is_out ? "out" : "back", NULL);
	e->is_out = is_out;
}

/* ---- One errand at a time at each server ----------------------------------------------------- */

static void begin(struct provider_pool *pool, struct provider *p, struct provider_endpoint *e,
	enum provider_errand_kind kind, int64_t within_ms, provider_errand_done *done)
{
	if (e->errand || !has_wire(p))
		return;
	e->care = (struct provider_cared){pool, p, e};
	e->visited_ms = clock_mono_ms();
	e->errand = provider_errand_start(pool, p, e, kind, within_ms, done, &e->care);
}

void provider_care_stop(struct provider *p)
{
	for (size_t i = 0; i < p->endpoint_n; i++) {
		struct provider_errand *errand = p->endpoints[i].errand;

		p->endpoints[i].errand = NULL;
		if (p->endpoints[i].is_warming)
			p->was_warmed = false; /* it was not to its end */
		p->endpoints[i].is_warming = false;
		provider_errand_free(errand);
	}
}

/* ---- Warming up ------------------------------------------------------------------------------ */

static void on_warm(void *ctx, int err, const char *why, int status, struct str body)
{
	const struct provider_cared *c = ctx;

	(void)body;
	c->endpoint->errand = NULL;
	c->endpoint->is_warming = false;
	log_event(LOG_INFO, "provider", "warm_up", "provider", c->provider->conf.name, "result",
		!err && status == 200 ? "SUCCESS" : "FAILED", LOG_INT("status", status), "message",
		why, LOG_INT("execution_time", clock_mono_ms() - c->endpoint->visited_ms), NULL);
	if (err) {
		provider_note_health(c->provider, c->endpoint, true);
		provider_care(c->pool);
	}
}

static void warm(struct provider_pool *pool, struct provider *p, struct provider_endpoint *e)
{
	if (!p->conf.warm_up || !p->ops->warm || e->errand)
		return;
	begin(pool, p, e, PROVIDER_WARM, WARM_MS, on_warm);
	e->is_warming = e->errand != NULL;
}

void provider_pool_warm(struct provider_pool *pool)
{
	for (size_t i = 0; i < pool->n; i++) {
		struct provider *p = pool->providers[i];

		for (size_t k = 0; k < p->endpoint_n && !p->was_warmed; k++)
			warm(pool, p, &p->endpoints[k]);
		p->was_warmed = true;
	}
}

int64_t provider_patience_ms(const struct provider_endpoint *e, int64_t ms)
{
	return e->is_warming && ms < WARM_MS ? WARM_MS : ms;
}

/* ---- Visits ---------------------------------------------------------------------------------- */

/* Whoever answers at all is there; whether it can be asked, the next question tells. */
static void on_visited(void *ctx, int err, const char *why, int status, struct str body)
{
	const struct provider_cared *c = ctx;

	(void)why;
	(void)body;
	c->endpoint->errand = NULL;
	if (err || status >= 500)
		return;
	provider_note_health(c->provider, c->endpoint, false);
	warm(c->pool, c->provider, c->endpoint);
}

static void on_list(void *ctx, int err, const char *why, int status, struct str body)
{
	const struct provider_cared *c = ctx;
	char wrong[256];

	(void)why;
	c->endpoint->errand = NULL;
	if (!err && status == 200)
		(void)provider_list_read(c->provider, body, wrong);
}

/* Visits the servers that are out, unless that was done within so long. Gives whether some are. */
static bool visit_all(struct provider_pool *pool, int64_t not_within_ms)
{
	const int64_t now = clock_mono_ms();
	bool is_any = false;

	for (size_t i = 0; i < pool->n; i++) {
		struct provider *p = pool->providers[i];

		for (size_t k = 0; k < p->endpoint_n && has_wire(p); k++) {
			struct provider_endpoint *e = &p->endpoints[k];

			is_any |= e->is_out;
			if (e->is_out && now - e->visited_ms >= not_within_ms)
				begin(pool, p, e, PROVIDER_HEALTH, VISIT_MS, on_visited);
		}
	}
	return is_any;
}

void provider_care_due(void *ctx)
{
	struct provider_pool *pool = ctx;

	if (visit_all(pool, 0))
		io_timer_start(pool->care, VISIT_EVERY_MS);
}

void provider_care(struct provider_pool *pool)
{
	if (!io_timer_is_on(pool->care))
		io_timer_start(pool->care, VISIT_EVERY_MS);
}

void provider_pool_look(struct provider_pool *pool)
{
	const int64_t now = clock_mono_ms();

	(void)visit_all(pool, VISIT_AGAIN_MS);
	for (size_t i = 0; i < pool->n; i++) {
		struct provider *p = pool->providers[i];
		struct provider_endpoint *e = &p->endpoints[0];

		if (!e->is_out && !provider_list_is_fresh(p) &&
				(e->visited_ms == 0 || now - e->visited_ms >= VISIT_EVERY_MS))
			begin(pool, p, e, PROVIDER_LIST, VISIT_MS, on_list);
	}
}
