/* What one provider may be asked, beside the bot's own limits: calls at once, by the hour and day,
 * and money. Windows are hours and days of UTC. */
#include "provider/room.h"

struct provider_usage provider_used(const struct provider *p)
{
	struct provider_usage u = p->usage;

	if (clock_turns(&u.hour, CLOCK_HOUR_MS))
		u.calls_hour = 0;
	if (clock_turns(&u.day, CLOCK_DAY_MS))
		u.calls_day = u.cost_day = 0;
	return u;
}

struct provider_usage *provider_usage_of(struct provider_pool *p, size_t i, const char **name)
{
	if (i >= p->n)
		return NULL;
	*name = p->providers[i]->conf.name;
	p->providers[i]->usage = provider_used(p->providers[i]);
	return &p->providers[i]->usage;
}

static bool is_reached(int64_t amount, int64_t limit)
{
	return limit > 0 && amount >= limit;
}

size_t provider_in_flight(const struct provider *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->endpoint_n; i++)
		n += p->endpoints[i].in_flight;
	return n;
}

const char *provider_limit_reached(const struct provider *p, int64_t cost)
{
	const struct provider_usage u = provider_used(p);
	const struct conf_provider *c = &p->conf;

	if (is_reached((int64_t)provider_in_flight(p), c->at_once))
		return "at_once";
	if (is_reached(u.calls_hour, c->calls_hour))
		return "calls_hour";
	if (is_reached(u.calls_day, c->calls_day))
		return "calls_day";
	if (c->cost_day > 0 && cost > 0 && u.cost_day + cost > c->cost_day)
		return "cost_day";
	return NULL;
}

void provider_limit_take(struct provider *p, int64_t cost)
{
	p->usage = provider_used(p);
	p->usage.calls_hour++;
	p->usage.calls_day++;
	p->usage.cost_day += cost;
}

void provider_limit_settle(struct provider *p, int64_t reserved, int64_t cost)
{
	p->usage = provider_used(p);
	p->usage.cost_day += cost - reserved;
	/* Where a day began in between, it may lose what others have reserved in it. */
	if (p->usage.cost_day < 0)
		p->usage.cost_day = 0;
}
