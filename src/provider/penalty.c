/* What an answer means for whoever gave it, beside its breaker: a rest that it asked for, a quota
 * that is spent, a key that it refuses, a model that it has not. */
#include "provider/room.h"

#define REST_MS 1000                    /* where it does not say how long; others are there */
#define PARK_MS (60 * 60000)            /* where it does not say for how long */
#define PARK_LEAST_MS 60000             /* a quota is not refilled within seconds */
#define PARK_MOST_MS (24 * 60 * 60000)  /* then it is asked once more */

static struct metric parked_gauge = {
	.name = "mynah_provider_parked",
	.help = "1 while a provider is not asked because its quota is spent.",
	.kind = METRIC_GAUGE,
	.label = "provider",
};
static struct metric disabled_gauge = {
	.name = "mynah_provider_disabled",
	.help = "1 while a provider is not asked because it refused our key.",
	.kind = METRIC_GAUGE,
	.label = "provider",
};

static void set_gauges(const struct provider *p)
{
	metric_set(&parked_gauge, p->conf.name, p->parked_until_ms > clock_mono_ms());
	metric_set(&disabled_gauge, p->conf.name, p->is_disabled);
}

void provider_pardon(struct provider *p)
{
	p->parked_until_ms = 0;
	p->is_disabled = p->lacks_model = false;
	for (size_t i = 0; i < p->endpoint_n; i++)
		p->endpoints[i].rest_until_ms = 0;
	set_gauges(p);
}

static void park(struct provider *p, int64_t wait_ms, int64_t now)
{
	if (wait_ms < 0)
		wait_ms = PARK_MS;
	else if (wait_ms < PARK_LEAST_MS)
		wait_ms = PARK_LEAST_MS;
	else if (wait_ms > PARK_MOST_MS)
		wait_ms = PARK_MOST_MS;
	p->parked_until_ms = now + wait_ms;
	log_event(LOG_ERROR, "provider", "parked", "provider", p->conf.name,
		LOG_INT("wait_ms", wait_ms), "message", p->last, NULL);
}

void provider_punish(const struct provider_try *t, enum provider_error e, int64_t now)
{
	struct provider *p = t->provider;

	if (p->ops->say)
		return; /* it has no key, no quota and no rest */
	switch (e) {
	case PROVIDER_NONE: p->lacks_model = false; break;
	case PROVIDER_NO_MODEL: p->lacks_model = true; break;
	case PROVIDER_RATE_LIMIT:
		if (t->retry_after_ms > 0)
			t->endpoint->rest_until_ms = now + t->retry_after_ms;
		else if (p->endpoint_n > 1)
			t->endpoint->rest_until_ms = now + REST_MS;
		break;
	case PROVIDER_QUOTA: park(p, t->retry_after_ms, now); break;
	case PROVIDER_AUTH:
		if (t->status == 403)
			break; /* gateways refuse a question so, too: one viewer must not end all */
		p->is_disabled = true;
		log_event(LOG_ERROR, "provider", "disabled", "provider", p->conf.name, "message",
			p->last, NULL);
		break;
	default: break;
	}
	set_gauges(p);
}
