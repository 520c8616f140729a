/* base/json_simd.h: simdjson as C sees it. Private to base.
 *
 * A text becomes words and strings, as simdjson's doc/tape.md says. A word has its kind, an ASCII
 * sign, in the highest byte, and 56 bits of payload. */
#ifndef BASE_JSON_SIMD_H
#define BASE_JSON_SIMD_H

#include "base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_simd;

/* The words of one value: { } [ ] "string" l(int64, in the word behind it) u(int64) d(ouble)
 * t(rue) f(alse) n(ull). Keys are strings before their values. */
struct json_words {
	const uint64_t *at, *end;
	/* A string's payload says where in here its uint32_t length is, and its bytes behind it. */
	const char *strings;
};

struct json_simd *json_simd_new(void); /* NULL: no memory */
void json_simd_free(struct json_simd *s);
/* BORROWED until the next call. ERR_PARSE, ERR_NOMEM. Of RFC 8259 it refuses halves of surrogate
 * pairs, integers beyond 64 bits, numbers beyond all doubles and what is much deeper than
 * JSON_DEPTH_MAX; it takes equal keys. */
int json_simd_parse(struct json_simd *s, struct str text, struct json_words *out) MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
