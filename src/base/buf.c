/* Slices and the bounded buffer. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

#define BUF_FIRST_BYTES 64 /* most values are shorter: one allocation */

struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Does not measure b first: mostly the first byte differs. */
bool str_is(struct str a, const char *b)
{
	size_t i = 0;

	if (!b)
		return a.len == 0;
	while (i < a.len && b[i] != '\0' && a.at[i] == b[i])
		i++;
	return i == a.len && b[i] == '\0';
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
			return false;
	}
	return true;
}

static bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool str_is_nocase(struct str a, const char *b)
{
	size_t i = 0;

	if (!b)
		return a.len == 0;
	while (i < a.len && b[i] != '\0' && ascii_lower(a.at[i]) == ascii_lower(b[i]))
		i++;
	return i == a.len && b[i] == '\0';
}

bool str_is_among(struct str word, const char *list)
{
	struct str rest = str_of(list);

	while (rest.len > 0) {
		if (str_eq_nocase(str_split(&rest, ' '), word))
			return true;
	}
	return false;
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_white(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_white(s.at[s.len - 1]))
		s.len--;
	return s;
}

struct str str_split(struct str *rest, char sep)
{
	const char *hit = rest->len > 0 ? memchr(rest->at, sep, rest->len) : NULL;
	struct str part = *rest;

	if (!hit) {
		rest->at = rest->at ? rest->at + rest->len : NULL;
		rest->len = 0;
		return part;
	}
	part.len = (size_t)(hit - rest->at);
	rest->at = hit + 1;
	rest->len -= part.len + 1;
	return part;
}

int str_int(struct str s, int64_t *out)
{
	bool is_negative = s.len > 0 && s.at[0] == '-';
	size_t i = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+');
	bool is_over = false;
	int64_t n = 0;

	if (i == s.len)
		return ERR_PARSE;
	for (; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return ERR_PARSE;
		/* Counted downwards: INT64_MIN has no positive twin. */
		is_over |= __builtin_mul_overflow(n, 10, &n);
		is_over |= __builtin_sub_overflow(n, s.at[i] - '0', &n);
	}
	if (is_over || (!is_negative && n == INT64_MIN))
		return ERR_LIMIT;
	*out = is_negative ? n : -n;
	return 0;
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
	mem_free(b->at);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	buf_truncate(b, 0);
}

int buf_reserve(struct buf *b, size_t n)
{
	if (b->len > b->max || n > b->max - b->len)
		return ERR_LIMIT;
	const size_t need = b->len + n + 1;
	if (need == 0)
		return ERR_LIMIT; /* a maximum of SIZE_MAX leaves no place for the NUL */
	if (need <= b->cap)
		return 0;

	size_t cap = b->cap > 0 ? b->cap : BUF_FIRST_BYTES;
	while (cap < need)
		cap = cap <= SIZE_MAX / 2 ? cap * 2 : need;
	if (cap - 1 > b->max)
		cap = b->max + 1;
	char *at = mem_resize(b->at, cap);
	if (!at)
		return ERR_NOMEM;
	b->at = at;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	int err = buf_reserve(b, n);

	if (err)
		return err;
	if (n > 0)
		memcpy(b->at + b->len, p, n);
	b->len += n;
	b->at[b->len] = '\0';
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, s ? strlen(s) : 0);
}

int buf_add_str(struct buf *b, struct str s)
{
	return buf_add(b, s.at, s.len);
}

int buf_addc(struct buf *b, char c)
{
	if (b->len + 1 >= b->cap)
		return buf_add(b, &c, 1);
	b->at[b->len++] = c; /* the place is there, and the NUL's; so it is within max as well */
	b->at[b->len] = '\0';
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int err = buf_addv(b, fmt, ap);
	va_end(ap);
	return err;
}

/* Prints into the room that is there, and only when that was too small a second time: counting
 * without writing costs more than writing. */
int buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	const size_t room = b->cap - b->len; /* 0 only while there is no memory at all */
	va_list again;
	int err = 0;

	va_copy(again, ap);
	int n = vsnprintf(room > 0 ? b->at + b->len : NULL, room, fmt, ap);
	if (n < 0)
		err = ERR_INVALID;
	else if ((size_t)n >= room)
		err = buf_reserve(b, (size_t)n);
	if (!err && (size_t)n >= room)
		vsnprintf(b->at + b->len, (size_t)n + 1, fmt, again);
	if (!err)
		b->len += (size_t)n;
	else if (room > 0)
		b->at[b->len] = '\0';
	va_end(again);
	return err;
}

void buf_truncate(struct buf *b, size_t n)
{
	if (n < b->len)
		b->len = n;
	if (b->at)
		b->at[b->len] = '\0';
}

struct str buf_str(const struct buf *b)
{
	return (struct str){b->at, b->len};
}

const char *buf_text(const struct buf *b)
{
	return b->at ? b->at : "";
}

char *buf_take(struct buf *b)
{
	char *text = b->at ? b->at : mem_dup("");

	buf_init(b, b->max);
	return text;
}
