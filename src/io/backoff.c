/* io/backoff.c: how long to wait before the next try. */
#include "io/io.h"

void io_backoff_init(struct io_backoff *b)
{
	/* faults.md section 7: random(0, min(60 s, 1 s x 2^k)); k anew after 60 s of service. */
	*b = (struct io_backoff){.base_ms = 1000, .cap_ms = 60000, .healthy_ms = 60000};
}

int64_t io_backoff_next(struct io_backoff *b, int64_t now_ms)
{
	int64_t most = b->base_ms;
	unsigned k;

	if (b->healthy_since_ms && now_ms - b->healthy_since_ms >= b->healthy_ms)
		b->tries = 0;
	b->healthy_since_ms = 0;
	for (k = 0; k < b->tries && most < b->cap_ms; k++)
		most *= 2;
	if (most > b->cap_ms)
		most = b->cap_ms;
	b->tries++;
	return rand_between(0, most);
}

void io_backoff_confirm(struct io_backoff *b, int64_t now_ms)
{
	/* 0 means "not confirmed"; a clock that begins at 0 loses a millisecond. */
	if (!b->healthy_since_ms)
		b->healthy_since_ms = now_ms ? now_ms : 1;
}
