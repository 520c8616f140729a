/* outbox/budget.h: one sliding log, the times of an account's latest sends.
 *
 * A log of n - 1 sends over the window plus half a second is the only limiter that was never seen
 * to exceed n in any window; a token bucket let 39 of 20 through (faults.md section 3). */
#ifndef OUTBOX_BUDGET_H
#define OUTBOX_BUDGET_H

#include "base/base.h"

#define OUTBOX_NEVER INT64_MAX
#define OUTBOX_LONG_AGO (INT64_MIN / 4) /* far enough back that adding a window changes nothing */
/* The largest limit a platform grants (verified Twitch bots: 7,500 per 30 s), with room. */
#define OUTBOX_SENDS_MAX 10000

struct outbox_budget {
	int64_t *at;      /* ring, oldest first from head */
	size_t cap, head, n;
	int64_t floor_ms; /* every send that is not in the ring counts as made then */
};

void outbox_budget_init(struct outbox_budget *b);
void outbox_budget_fini(struct outbox_budget *b);
/* Makes room for the latest n sends, never less than before. ERR_LIMIT, ERR_NOMEM: unchanged. */
int outbox_budget_keep(struct outbox_budget *b, size_t n) MUST_USE;
/* Counts a send. Times that run backwards count as the latest seen. Needs a log with room. */
void outbox_budget_add(struct outbox_budget *b, int64_t at_ms);
/* As if everything had been spent at that moment. */
void outbox_budget_spend_all(struct outbox_budget *b, int64_t at_ms);
/* From when on one more send keeps within limit per window. OUTBOX_NEVER for a limit of 0. */
int64_t outbox_budget_free_ms(const struct outbox_budget *b, int64_t limit, int64_t window_ms);
/* i-th send, oldest first, i < n. */
int64_t outbox_budget_at(const struct outbox_budget *b, size_t i);

#endif
