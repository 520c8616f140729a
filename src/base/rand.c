/* Chance: libsodium's generator, or a ChaCha20 stream keyed by a seed. */
#include "base/rand.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sodium.h>

/* The seeded stream: every request is one ChaCha20 message, its nonce the number of the request. */
static struct {
	bool is_on;
	unsigned char key[crypto_stream_chacha20_KEYBYTES];
	uint64_t request;
} seeded;

static void put_le64(unsigned char out[8], uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(n >> (8 * i));
}

void rand_seed(uint64_t seed)
{
	unsigned char text[8];

	put_le64(text, seed);
	crypto_generichash(seeded.key, sizeof(seeded.key), text, sizeof(text), NULL, 0);
	seeded.request = 0;
	seeded.is_on = true;
}

void rand_bytes(void *out, size_t n)
{
	unsigned char nonce[crypto_stream_chacha20_NONCEBYTES];

	if (!seeded.is_on) {
		/* Fails only where the kernel has no randomness to give; nothing is safe there. */
		if (sodium_init() < 0)
			abort();
		randombytes_buf(out, n);
		return;
	}
	put_le64(nonce, seeded.request++);
	crypto_stream_chacha20(out, n, nonce, seeded.key);
}

static uint32_t rand_u32(void)
{
	unsigned char b[4];

	rand_bytes(b, sizeof(b));
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint32_t rand_below(uint32_t n)
{
	uint32_t got;

	if (n < 2)
		return 0;
	/* 2^32 is rarely a multiple of n: the first (2^32 mod n) values would be too frequent. */
	const uint32_t skip = -n % n;
	do
		got = rand_u32();
	while (got < skip);
	return got % n;
}

int64_t rand_between(int64_t lo, int64_t hi)
{
	if (hi <= lo)
		return lo;
	const uint64_t n = (uint64_t)hi - (uint64_t)lo + 1; /* 0 stands for 2^64 */
	if (n != 0 && n <= UINT32_MAX)
		return lo + (int64_t)rand_below((uint32_t)n);

	const uint64_t skip = n ? -n % n : 0;
	uint64_t got;
	do
		got = (uint64_t)rand_u32() << 32 | rand_u32();
	while (got < skip);
	return (int64_t)((uint64_t)lo + (n ? got % n : got));
}

const char *rand_uuid7(int64_t wall_ms, char out[UUID_TEXT_BYTES])
{
	unsigned char b[16];

	rand_bytes(b, sizeof(b));
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)((uint64_t)wall_ms >> (8 * (5 - i)));
	b[6] = (b[6] & 0x0f) | 0x70; /* version 7 */
	b[8] = (b[8] & 0x3f) | 0x80; /* variant of RFC 9562 */
	snprintf(out, UUID_TEXT_BYTES,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
	return out;
}
