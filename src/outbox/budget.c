/* The sliding log: a ring of send times. */
#include "outbox/budget.h"

void outbox_budget_init(struct outbox_budget *b)
{
	*b = (struct outbox_budget){.floor_ms = OUTBOX_LONG_AGO};
}

void outbox_budget_fini(struct outbox_budget *b)
{
	mem_free(b->at);
	outbox_budget_init(b);
}

int64_t outbox_budget_at(const struct outbox_budget *b, size_t i)
{
	return b->at[(b->head + i) % b->cap];
}

int outbox_budget_keep(struct outbox_budget *b, size_t n)
{
	if (n <= b->cap)
		return 0;
	if (n > OUTBOX_SENDS_MAX)
		return ERR_LIMIT;
	int64_t *at = mem_array(n, sizeof(*at));
	if (!at)
		return ERR_NOMEM;
	for (size_t i = 0; i < b->n; i++)
		at[i] = outbox_budget_at(b, i);
	mem_free(b->at);
	b->at = at;
	b->cap = n;
	b->head = 0;
	return 0;
}

void outbox_budget_add(struct outbox_budget *b, int64_t at_ms)
{
	if (b->n > 0 && outbox_budget_at(b, b->n - 1) > at_ms)
		at_ms = outbox_budget_at(b, b->n - 1);
	if (at_ms < b->floor_ms)
		at_ms = b->floor_ms;
	if (b->n < b->cap) {
		b->at[(b->head + b->n++) % b->cap] = at_ms;
	} else if (b->cap > 0) {
		b->at[b->head] = at_ms;
		b->head = (b->head + 1) % b->cap;
	}
}

void outbox_budget_spend_all(struct outbox_budget *b, int64_t at_ms)
{
	b->n = 0;
	b->head = 0;
	b->floor_ms = at_ms;
}

int64_t outbox_budget_free_ms(const struct outbox_budget *b, int64_t limit, int64_t window_ms)
{
	if (limit <= 0)
		return OUTBOX_NEVER;
	/* The limit-th latest send has to leave the window before one more may enter it. */
	int64_t leaving = b->floor_ms;
	if ((uint64_t)limit <= b->n)
		leaving = outbox_budget_at(b, b->n - (size_t)limit);
	return leaving + window_ms;
}
