/* io/breaker.c: stop asking a service that fails.
 *
 *   CLOSED --failures within window--> OPEN --wait over--> PROBING --probe succeeds--> CLOSED
 *                                       ^                    |
 *                                       +--probe fails, wait doubles
 *
 * In PROBING one call is out at a time; abandoning it lets another one try. An outcome told while
 * no call may be out belongs to one let out before the breaker opened: it changes nothing. In
 * CLOSED a success does not excuse earlier failures: they count until the window has passed. */
#include <string.h>

#include "io/io.h"

void io_breaker_init(struct io_breaker *b, unsigned failures, int64_t window_ms, int64_t open_ms)
{
	memset(b, 0, sizeof(*b));
	if (failures < 1)
		failures = 1;
	b->failures = failures < IO_BREAKER_FAILURES_MAX ? failures : IO_BREAKER_FAILURES_MAX;
	b->window_ms = window_ms;
	b->open_ms = open_ms;
	b->open_max_ms = open_ms * 10; /* faults.md section 7: 60 s, x2 up to 10 min */
	b->wait_ms = open_ms;
}

static void open_until(struct io_breaker *b, int64_t until_ms)
{
	b->state = IO_BREAKER_OPEN;
	b->until_ms = until_ms;
	b->is_probe_out = false;
	b->n = 0;
}

bool io_breaker_would_allow(const struct io_breaker *b, int64_t now_ms)
{
	switch (b->state) {
	case IO_BREAKER_OPEN: return now_ms >= b->until_ms;
	case IO_BREAKER_PROBING: return !b->is_probe_out;
	case IO_BREAKER_CLOSED: break;
	}
	return true;
}

bool io_breaker_allows(struct io_breaker *b, int64_t now_ms)
{
	if (!io_breaker_would_allow(b, now_ms))
		return false;
	if (b->state != IO_BREAKER_CLOSED) {
		b->state = IO_BREAKER_PROBING;
		b->is_probe_out = true;
	}
	return true;
}

void io_breaker_succeeded(struct io_breaker *b, int64_t now_ms)
{
	(void)now_ms;
	if (b->state != IO_BREAKER_PROBING || !b->is_probe_out)
		return;
	b->state = IO_BREAKER_CLOSED;
	b->is_probe_out = false;
	b->wait_ms = b->open_ms;
	b->n = 0;
}

void io_breaker_failed(struct io_breaker *b, int64_t now_ms)
{
	unsigned i, kept = 0;

	if (b->state == IO_BREAKER_OPEN || (b->state == IO_BREAKER_PROBING && !b->is_probe_out))
		return;
	if (b->state == IO_BREAKER_PROBING) {
		b->wait_ms = b->wait_ms * 2 < b->open_max_ms ? b->wait_ms * 2 : b->open_max_ms;
		open_until(b, now_ms + b->wait_ms);
		return;
	}
	for (i = 0; i < b->n; i++)
		if (now_ms - b->at_ms[i] < b->window_ms)
			b->at_ms[kept++] = b->at_ms[i];
	b->at_ms[kept++] = now_ms;
	b->n = kept;
	if (b->n >= b->failures)
		open_until(b, now_ms + b->wait_ms);
}

void io_breaker_abandoned(struct io_breaker *b)
{
	if (b->state == IO_BREAKER_PROBING)
		b->is_probe_out = false;
}

const char *io_breaker_state_name(enum io_breaker_state s)
{
	static const char *const names[] = {
		[IO_BREAKER_CLOSED] = "closed",
		[IO_BREAKER_OPEN] = "open",
		[IO_BREAKER_PROBING] = "probing",
	};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "?";
}
