/* The two clocks, and the shift that tests put on them. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t mono_shift_ms;
static _Atomic int64_t wall_shift_ms;

static _Atomic bool is_frozen;
static _Atomic int64_t frozen_wall_ms;

/* Where the frozen monotonic clock begins: far enough from 0 that "a day ago" is a time as well. */
#define FROZEN_MONO_MS INT64_C(1000000000)

static int64_t read_us(clockid_t id)
{
	struct timespec t = {0};

	if (atomic_load(&is_frozen))
		return (id == CLOCK_MONOTONIC ? FROZEN_MONO_MS : atomic_load(&frozen_wall_ms)) *
		       1000;
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

bool clock_turns(int64_t *window, int64_t length_ms)
{
	const int64_t now = clock_wall_ms() / length_ms;
	const bool is_over = now > *window;

	if (is_over || (*window - now) * length_ms > CLOCK_DAY_MS)
		*window = now;
	return is_over;
}

void clock_freeze(int64_t wall_ms)
{
	atomic_store(&frozen_wall_ms, wall_ms);
	atomic_store(&mono_shift_ms, 0);
	atomic_store(&wall_shift_ms, 0);
	atomic_store(&is_frozen, true);
}

void clock_thaw(void)
{
	atomic_store(&is_frozen, false);
	atomic_store(&mono_shift_ms, 0);
	atomic_store(&wall_shift_ms, 0);
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

/* n digits at *at, which moves on; -1 when there are other characters. */
static int take_digits(const char **at, int n)
{
	int value = 0;

	for (; n > 0; n--, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

int clock_parse(struct str text, int64_t *wall_ms)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char seps[] = "--T::";
	char copy[CLOCK_TEXT_BYTES] = "";
	const char *at = copy;
	int part[6], ms = 0;

	if (text.len == 0 || text.len >= sizeof(copy))
		return ERR_PARSE;
	memcpy(copy, text.at, text.len);
	for (int i = 0; i < 6; i++) {
		part[i] = take_digits(&at, i == 0 ? 4 : 2);
		if (part[i] < 0 || (i < 5 && *at++ != seps[i]))
			return ERR_PARSE;
	}
	if (*at == '.') {
		int n = 0;
		for (at++; *at >= '0' && *at <= '9'; at++, n++)
			ms = n < 3 ? ms * 10 + (*at - '0') : ms;
		if (n < 1 || n > 9)
			return ERR_PARSE;
		for (; n < 3; n++)
			ms *= 10;
	}
	if (strcmp(at, "Z") != 0 || strlen(copy) != text.len || part[1] < 1 || part[1] > 12 ||
		part[2] < 1 || part[2] > days[part[1] - 1] || part[3] > 23 || part[4] > 59 ||
		part[5] > 60)
		return ERR_PARSE;
	struct tm tm = {.tm_year = part[0] - 1900, .tm_mon = part[1] - 1, .tm_mday = part[2],
		.tm_hour = part[3], .tm_min = part[4], .tm_sec = part[5]};
	*wall_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return 0;
}
