/* The servers of a provider: their breakers, and which of them is asked. With one server all of
 * this is one breaker; with several, the one with the fewest calls under way is asked, and one that
 * failed is left out while another is well. */
#include "provider/room.h"

int provider_endpoints_new(struct provider *p, const struct conf_limits *l)
{
	const size_t n = p->conf.urls.n > 0 ? p->conf.urls.n : 1;

	p->endpoints = mem_array(n, sizeof(*p->endpoints));
	if (!p->endpoints)
		return ERR_NOMEM;
	p->endpoint_n = n;
	for (size_t i = 0; i < n; i++) {
		struct provider_endpoint *e = &p->endpoints[i];

		e->url = p->conf.urls.n > 0 ? p->conf.urls.at[i] : p->ops->default_url;
		e->is_local = !p->conf.is_remote &&
			(!p->ops->request || (e->url && conf_url_is_local(e->url)));
		io_breaker_init(&e->breaker, (unsigned)l->breaker_failures, l->breaker_window_ms,
			l->breaker_open_ms);
	}
	return 0;
}

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

void provider_endpoints_retune(struct provider *p, const struct conf_limits *l)
{
	for (size_t i = 0; i < p->endpoint_n; i++)
		retune(&p->endpoints[i].breaker, l);
}

enum io_breaker_state provider_breaker(const struct provider *p)
{
	bool is_probing = false;

	for (size_t i = 0; i < p->endpoint_n; i++) {
		const enum io_breaker_state s = p->endpoints[i].breaker.state;

		if (s == IO_BREAKER_CLOSED)
			return s;
		is_probing |= s == IO_BREAKER_PROBING;
	}
	return is_probing ? IO_BREAKER_PROBING : IO_BREAKER_OPEN;
}

/* A rest was asked for, a breaker is open, or it failed lately: others come first. */
static bool is_well(const struct provider_endpoint *e, int64_t now)
{
	return !e->is_out && e->rest_until_ms <= now && e->breaker.state == IO_BREAKER_CLOSED;
}

static bool is_better(const struct provider_endpoint *a, const struct provider_endpoint *b,
	int64_t now)
{
	if (is_well(a, now) != is_well(b, now))
		return is_well(a, now);
	return a->in_flight < b->in_flight;
}

struct provider_endpoint *provider_endpoint_pick(const struct provider *p, bool is_local_only,
	bool is_retry, int64_t now, enum provider_error *why)
{
	struct provider_endpoint *best = NULL;

	*why = PROVIDER_NO_MODEL;
	for (size_t i = 0; i < p->endpoint_n; i++) {
		struct provider_endpoint *e = &p->endpoints[i];

		if (is_local_only && !e->is_local)
			continue;
		if (!io_breaker_would_allow(&e->breaker, now)) {
			if (*why == PROVIDER_NO_MODEL)
				*why = PROVIDER_BREAKER;
			continue;
		}
		if (!is_retry && e->rest_until_ms > now) {
			*why = PROVIDER_RATE_LIMIT;
			continue;
		}
		if (!best || is_better(e, best, now))
			best = e;
	}
	if (best)
		*why = PROVIDER_NONE;
	return best;
}

bool provider_endpoint_other(const struct provider *p, bool is_local_only, int64_t now)
{
	for (size_t i = 0; i < p->endpoint_n; i++)
		if (is_well(&p->endpoints[i], now) && (!is_local_only || p->endpoints[i].is_local))
			return p->endpoint_n > 1;
	return false;
}
