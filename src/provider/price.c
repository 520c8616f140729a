/* What an attempt may cost before it is made, and what it did cost, in millionths of a dollar;
 * parts of one count whole. */
#include "provider/room.h"

#include <string.h>

#define TOKENS 1000000 /* what a price is for */

/* A model whose price nobody knows costs what the provider's own does. */
void provider_price(const struct provider *p, const char *model, int64_t *in, int64_t *out)
{
	*in = p->conf.price_in;
	*out = p->conf.price_out;
	for (size_t i = 0; model && i < p->conf.other_count; i++) {
		const struct conf_model *m = &p->conf.others[i];

		if (strcmp(m->name, model) != 0 || (m->price_in == 0 && m->price_out == 0))
			continue;
		*in = m->price_in;
		*out = m->price_out;
	}
}

static int64_t price(const struct provider *p, const char *model, int64_t in, int64_t out)
{
	int64_t of_in, of_out;

	provider_price(p, model, &of_in, &of_out);
	return (in * of_in + out * of_out + TOKENS - 1) / TOKENS;
}

int64_t provider_price_most(const struct provider *p, const char *model, int64_t tokens,
	int64_t max_tokens)
{
	return price(p, model, tokens, max_tokens);
}

int64_t provider_price_of(const struct provider_try *t)
{
	const struct provider_sink *s = &t->sink;

	if (s->tokens_in >= 0 && s->tokens_out >= 0)
		return price(t->provider, t->model, s->tokens_in, s->tokens_out);
	if (!t->was_sent || t->status >= 300)
		return 0; /* it was not reached, or it refused */
	return t->reserved;
}
