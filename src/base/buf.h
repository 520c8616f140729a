/* base/buf.h: bytes. A borrowed slice (struct str) and a growing buffer born with its maximum
 * (struct buf). Nothing here ever grows past the maximum it was born with. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* BORROWED bytes, not NUL-terminated. at may be NULL only when len is 0. */
struct str {
	const char *at;
	size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT(s) (int)(s).len, (s).at ? (s).at : "" /* for "%.*s" */

struct str str_of(const char *s); /* NULL gives the empty slice */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII case only */
bool str_is_nocase(struct str a, const char *b);
/* Is word one of the words of list, which has a space between two? ASCII case does not matter. */
bool str_is_among(struct str word, const char *list);
struct str str_trim(struct str s);              /* ASCII white space off both ends */
/* Cuts the part before sep off *rest and gives it; without sep it gives all and empties *rest. */
struct str str_split(struct str *rest, char sep);
/* Whole slice as a decimal integer. ERR_PARSE when it is not one, ERR_LIMIT when it overflows. */
int str_int(struct str s, int64_t *out) MUST_USE;

struct buf {
	char *at;   /* always NUL-terminated once anything was added; NULL before */
	size_t len; /* bytes without the NUL */
	size_t cap;
	size_t max; /* len never exceeds it */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);  /* frees; b is then empty with the same maximum */
void buf_clear(struct buf *b); /* keeps the memory */
/* Makes room for n more bytes: until they are added nothing moves, and leaves a copy behind. */
int buf_reserve(struct buf *b, size_t n) MUST_USE;
/* All adders: 0, ERR_LIMIT (nothing was added) or ERR_NOMEM (nothing was added). */
int buf_add(struct buf *b, const void *p, size_t n) MUST_USE;
int buf_adds(struct buf *b, const char *s) MUST_USE;
int buf_add_str(struct buf *b, struct str s) MUST_USE;
int buf_addc(struct buf *b, char c) MUST_USE;
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;
int buf_addv(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0) MUST_USE;
void buf_truncate(struct buf *b, size_t n); /* only the first n bytes stay */
struct str buf_str(const struct buf *b);
const char *buf_text(const struct buf *b); /* NUL-terminated, "" when empty, never NULL */
char *buf_take(struct buf *b);             /* GIVES (mem_free), "" included; NULL = no memory */

#endif
