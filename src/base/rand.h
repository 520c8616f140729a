/* base/rand.h: the one door of chance. Unseeded it is libsodium's generator; seeded (tests, replay)
 * it is a deterministic stream, the same on every machine. Loop thread only once seeded. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

uint32_t rand_below(uint32_t n);             /* 0 .. n-1, no bias; 0 for n = 0 */
int64_t rand_between(int64_t lo, int64_t hi);/* inclusive; lo when hi <= lo */
void rand_bytes(void *out, size_t n);
void rand_seed(uint64_t seed);               /* deterministic from now on */

#define UUID_TEXT_BYTES 37
/* UUID version 7 (RFC 9562) of a wall time: sorts by time. Gives out. */
const char *rand_uuid7(int64_t wall_ms, char out[UUID_TEXT_BYTES]);

#endif
