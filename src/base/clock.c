/* The two clocks, and the shift that tests put on them. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic int64_t mono_shift_ms;
static _Atomic int64_t wall_shift_ms;

static int64_t read_us(clockid_t id)
{
	struct timespec t = {0};

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC) + atomic_load(&mono_shift_ms) * 1000;
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000 + atomic_load(&wall_shift_ms);
}

void clock_shift(int64_t mono_ms, int64_t wall_ms)
{
	atomic_fetch_add(&mono_shift_ms, mono_ms);
	atomic_fetch_add(&wall_shift_ms, wall_ms);
}

const char *clock_text(int64_t wall_ms, char out[CLOCK_TEXT_BYTES])
{
	/* RFC 3339 has four-digit years; stamps of peers may say anything. */
	const int64_t last = 253402300799999; /* 9999-12-31T23:59:59.999Z */
	struct tm tm = {0};

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > last)
		wall_ms = last;
	time_t seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	size_t n = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_TEXT_BYTES - n, ".%03uZ", (unsigned)(wall_ms % 1000));
	return out;
}
