/* What an attempt may cost before it is made, and what it did cost, in millionths of a dollar;
 * parts of one count whole. */
#include "provider/room.h"

#define TOKENS 1000000 /* what a price is for */

static int64_t price(const struct provider *p, int64_t in, int64_t out)
{
	return (in * p->conf.price_in + out * p->conf.price_out + TOKENS - 1) / TOKENS;
}

int64_t provider_price_most(const struct provider_call *c, const struct provider *p)
{
	return price(p, (int64_t)c->ask.prompt->tokens, provider_max_tokens(c, p));
}

int64_t provider_price_of(const struct provider_try *t, bool *is_estimated)
{
	const struct provider_sink *s = &t->sink;

	*is_estimated = false;
	if (s->tokens_in >= 0 && s->tokens_out >= 0)
		return price(t->provider, s->tokens_in, s->tokens_out);
	if (!t->was_sent || t->status >= 300)
		return 0; /* it was not reached, or it refused */
	*is_estimated = t->reserved > 0;
	return t->reserved;
}
