/* base/clock.h: the one door of time.
 *
 * Waits, limits, cooldowns and deadlines use the monotonic clock only; the wall clock is for logs,
 * the ledger and what must survive a restart. Pure rooms never call this: time comes in as an
 * argument. Tests move time with clock_shift; the loop's timers follow (io_clock_shift). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void);  /* since 1970 UTC */

/* Moves both clocks (ms may be negative for wall only). Tests. */
void clock_shift(int64_t mono_ms, int64_t wall_ms);

/* Hours and days of UTC, for what is counted by them and survives a restart: true when *window (its
 * number) is over, and another has begun. A wall clock that is set back begins none, nor does one
 * that is right again after that; a window more than a day ahead was an error, and is forgotten. */
#define CLOCK_HOUR_MS INT64_C(3600000)
#define CLOCK_DAY_MS (24 * CLOCK_HOUR_MS)
bool clock_turns(int64_t *window, int64_t length_ms);

/* Stops both clocks: the wall's at wall_ms, the monotonic at the same number for everybody; from
 * now on only clock_shift moves them. For replays: the same input at the same times. */
void clock_freeze(int64_t wall_ms);
/* Both are the machine's again. Nothing may wait for a time of either kind. */
void clock_thaw(void);

#define CLOCK_TEXT_BYTES 32
/* RFC 3339 UTC with milliseconds, "2026-11-21T10:37:00.123Z", into out. Gives out. */
const char *clock_text(int64_t wall_ms, char out[CLOCK_TEXT_BYTES]);
/* The way back: RFC 3339 UTC with 0 to 9 fractional digits and "Z".
 * ERR_PARSE when it is not that. */
int clock_parse(struct str text, int64_t *wall_ms) MUST_USE;

#endif
