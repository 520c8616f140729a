/* The form in which two spellings of one word are equal. */
#include "base/text.h"

#include <utf8proc.h>

#include "base/ascii.h"
#include "base/mem.h"

/* Folding ASCII is lower case and nothing else. */
static int fold_ascii(struct str s, struct buf *out)
{
	const size_t before = out->len;
	int err = buf_add_str(out, s);

	for (size_t i = before; !err && i < out->len; i++)
		out->at[i] = ascii_lower(out->at[i]);
	return err;
}

/* Adds s as valid UTF-8 without what draws nothing: utf8proc refuses the whole text for one bad
 * byte, and does not know that unassigned tag characters are invisible too. */
static int add_visible(struct str s, struct buf *out)
{
	int err = 0;

	for (size_t at = 0; !err && at < s.len;) {
		int32_t c = text_next(s, &at);
		if (!text_is_invisible(c))
			err = text_put(out, c);
	}
	return err;
}

static const utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
	UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;

/* Folds valid UTF-8 in two steps of utf8proc, so that the memory comes through our door. */
static int fold_utf8(struct str s, struct buf *out)
{
	const utf8proc_uint8_t *text = (const utf8proc_uint8_t *)s.at;
	const utf8proc_ssize_t len = (utf8proc_ssize_t)s.len;
	utf8proc_ssize_t cap = len, n; /* seldom more points than there were bytes */
	utf8proc_int32_t *points;
	int err;

	for (;;) {
		points = mem_array((size_t)cap + 1, sizeof(*points)); /* and reencode's NUL */
		if (!points)
			return ERR_NOMEM;
		n = utf8proc_decompose(text, len, points, cap, how);
		if (n >= 0 && n <= cap)
			break;
		mem_free(points);
		if (n < 0)
			return ERR_LIMIT; /* the only cause left: a size that overflows */
		cap = n;
	}
	n = utf8proc_reencode(points, n, how);
	err = n < 0 ? ERR_LIMIT : buf_add(out, points, (size_t)n);
	mem_free(points);
	return err;
}

int text_fold(struct str s, struct buf *out)
{
	struct buf visible;
	int err;

	if (text_is_ascii(s))
		return fold_ascii(s, out);
	buf_init(&visible, s.len <= SIZE_MAX / 4 ? s.len * 3 : s.len); /* of a bad byte: 3 */
	err = add_visible(s, &visible);
	if (!err)
		err = fold_utf8(buf_str(&visible), out);
	buf_fini(&visible);
	return err;
}

/* Folds s, of at most TEXT_NAME_BYTES, into points, which hold UTF-8 then. */
static struct str fold_name(struct str s, utf8proc_int32_t points[TEXT_NAME_BYTES + 1])
{
	utf8proc_uint8_t visible[3 * TEXT_NAME_BYTES]; /* a bad byte becomes three */
	utf8proc_ssize_t n = 0;

	for (size_t at = 0; at < s.len;) {
		const int32_t c = text_next(s, &at);

		if (!text_is_invisible(c))
			n += utf8proc_encode_char(c, visible + n);
	}
	n = utf8proc_decompose(visible, n, points, TEXT_NAME_BYTES, how);
	if (n >= 0 && n <= TEXT_NAME_BYTES)
		n = utf8proc_reencode(points, n, how); /* in place, with room for its NUL */
	else
		n = 0;
	return (struct str){(const char *)points, n > 0 ? (size_t)n : 0};
}

bool text_folds_to(struct str s, struct str folded)
{
	utf8proc_int32_t points[TEXT_NAME_BYTES + 1];

	if (s.len > TEXT_NAME_BYTES)
		return false;
	if (!text_is_ascii(s))
		s = fold_name(s, points);
	return str_eq_nocase(s, folded);
}

/* How many bytes from at on are ASCII, or are not. */
static size_t count_run(struct str s, size_t at, bool is_ascii)
{
	size_t i = at;

	while (i < s.len && ((unsigned char)s.at[i] < 0x80) == is_ascii)
		i++;
	return i - at;
}

static uint64_t add_to_hash(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)ascii_lower(s.at[i])) * UINT64_C(1099511628211);
	return h;
}

/* ASCII folds letter by letter and composes with nothing before it. So only the rest has to go
 * through utf8proc, which takes 300 instructions a letter, and with it the letter before it. */
uint64_t text_fold_hash(struct str s)
{
	utf8proc_int32_t points[TEXT_NAME_BYTES + 1];
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	if (s.len > TEXT_NAME_BYTES)
		s.len = TEXT_NAME_BYTES;
	for (size_t at = 0; at < s.len;) {
		const size_t ascii = count_run(s, at, true);
		const size_t other = count_run(s, at + ascii, false);
		const size_t plain = ascii > 0 && other > 0 ? ascii - 1 : ascii;
		const struct str rest = {s.at + at + plain, ascii - plain + other};

		h = add_to_hash(h, (struct str){s.at + at, plain});
		if (other > 0)
			h = add_to_hash(h, fold_name(rest, points));
		at += ascii + other;
	}
	return h;
}
