/* Code points, counting, cutting, and the distance of two words. */
#include "base/text.h"

#include <string.h>
#include <utf8proc.h>

#define POINT_BAD 0xFFFD
#define POINT_EMOJI_STYLE 0xFE0F

/* Length of the well-formed sequence at p (n > 0 bytes are there), its code point in *point; 0 when
 * it is not well-formed: Unicode 15, table 3-7 (no overlong forms, no surrogates, at most
 * 10FFFF). */
static size_t decode(const unsigned char *p, size_t n, int32_t *point)
{
	if (p[0] < 0x80) {
		*point = p[0];
		return 1;
	}
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;

	const size_t len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	int32_t c = p[0] & (0xFF >> (len + 1));
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3F);
	}
	if ((len == 3 && c < 0x800) || (c >= 0xD800 && c <= 0xDFFF) || (len == 4 && c < 0x10000) ||
			c > 0x10FFFF)
		return 0;
	*point = c;
	return len;
}

int32_t text_next_wide(struct str s, size_t *at)
{
	int32_t point;

	if (*at >= s.len)
		return -1;
	size_t n = decode((const unsigned char *)s.at + *at, s.len - *at, &point);
	*at += n > 0 ? n : 1;
	return n > 0 ? point : POINT_BAD;
}

int text_put(struct buf *out, int32_t point)
{
	utf8proc_uint8_t bytes[4];

	if (point >= 0 && point < 0x80)
		return buf_addc(out, (char)point);
	if (point < 0 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
		point = POINT_BAD;
	return buf_add(out, bytes, (size_t)utf8proc_encode_char(point, bytes));
}

bool text_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.at[i] >= 0x80)
			return false;
	}
	return true;
}

bool text_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.at;
	int32_t point;

	for (size_t i = 0; i < s.len;) {
		uint64_t eight = ~UINT64_C(0); /* so many at a time while all are ASCII */

		if (s.len - i >= sizeof(eight))
			memcpy(&eight, p + i, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) == 0) {
			i += sizeof(eight);
			continue;
		}
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		size_t n = decode(p + i, s.len - i, &point);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

bool text_is_plain(struct str s)
{
	unsigned char before = ' '; /* a space at the start counts as doubled */
	unsigned bad = 0;

	/* No way out in the middle: nearly every line is plain, and so the loop has one branch. */
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		bad |= (unsigned char)(c - ' ') > '~' - ' ';
		bad |= (c == ' ') & (before == ' ');
		before = c;
	}
	return s.len == 0 || (!bad && before != ' ');
}

size_t text_units(struct str s)
{
	size_t n = 0;

	for (size_t at = 0; at < s.len;)
		n += text_next(s, &at) > 0xFFFF ? 2 : 1;
	return n;
}

size_t text_points(struct str s)
{
	size_t n = 0;

	for (size_t at = 0; at < s.len; n++)
		text_next(s, &at);
	return n;
}

bool text_is_invisible(int32_t point)
{
	static const struct {
		int32_t first, last;
	} ranges[] = {
		{0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160},
		{0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F}, {0x202A, 0x202E},
		{0x2060, 0x206F}, {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
		{0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
		{0xE0000, 0xE0FFF},
	};

	if (point < ranges[0].first)
		return false;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (point <= ranges[i].last)
			return point >= ranges[i].first;
	}
	return false;
}

static bool is_white(int32_t c)
{
	if (c < 0x80)
		return c == ' ' || (c >= '\t' && c <= '\r');
	utf8proc_category_t kind = utf8proc_category(c);
	return kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL ||
		kind == UTF8PROC_CATEGORY_ZP || c == 0x85;
}

size_t text_words(struct str s)
{
	bool is_inside = false;
	size_t n = 0;

	for (size_t at = 0; at < s.len;) {
		bool was_inside = is_inside;
		is_inside = !is_white(text_next(s, &at));
		n += is_inside && !was_inside;
	}
	return n;
}

/* Letters, marks and digits: what words are made of. */
static bool is_of_word(int32_t c)
{
	const utf8proc_category_t kind = utf8proc_category(c);

	return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_NO;
}

/* Of Chinese, Japanese and Korean texts every character counts as a word. */
static bool is_word_alone(int32_t c)
{
	return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) ||
	       (c >= 0xAC00 && c <= 0xD7AF) || (c >= 0xF900 && c <= 0xFAFF) ||
	       (c >= 0x20000 && c <= 0x3FFFF);
}

struct str text_next_word(struct str s, size_t *at)
{
	size_t begin = *at, next = *at;
	int32_t c;

	while ((c = text_next(s, &next)) >= 0 && !is_of_word(c))
		begin = next;
	if (c < 0) {
		*at = s.len;
		return (struct str){NULL, 0};
	}
	*at = next;
	if (is_word_alone(c))
		return (struct str){s.at + begin, next - begin};
	while ((c = text_next(s, &next)) >= 0) {
		if ((c == '\'' || c == 0x2019) && (c = text_next(s, &next)) < 0)
			break;
		if (!is_of_word(c) || is_word_alone(c))
			break;
		*at = next;
	}
	return (struct str){s.at + begin, *at - begin};
}

/* One grapheme: what a person takes for one character (UAX 29). */
struct grapheme {
	size_t end;     /* offset behind it */
	size_t units;   /* UTF-16 code units */
	size_t columns; /* 0, 1 or 2 */
};

/* The grapheme that begins at offset at, which is inside s. */
static struct grapheme next_grapheme(struct str s, size_t at)
{
	struct grapheme g = {at, 0, 0};
	utf8proc_int32_t state = 0;
	int32_t before = -1;

	while (at < s.len) {
		int32_t c = text_next(s, &at);
		if (before >= 0 && utf8proc_grapheme_break_stateful(before, c, &state))
			break;
		g.end = at;
		g.units += c > 0xFFFF ? 2 : 1;
		g.columns += c == POINT_EMOJI_STYLE ? 2 : (size_t)utf8proc_charwidth(c);
		before = c;
	}
	if (g.columns > 2)
		g.columns = 2; /* a family of four is drawn as wide as one face */
	return g;
}

size_t text_cut(struct str s, size_t max_bytes, size_t max_units)
{
	size_t end = 0, units = 0;

	if (max_bytes == 0)
		max_bytes = s.len;
	if (max_units == 0)
		max_units = s.len;
	/* No character has more units than bytes. */
	if (s.len <= max_bytes && s.len <= max_units)
		return s.len;
	while (end < s.len) {
		struct grapheme g = next_grapheme(s, end);
		if (g.end > max_bytes || units + g.units > max_units)
			break;
		end = g.end;
		units += g.units;
	}
	return end;
}

size_t text_columns(struct str s)
{
	size_t columns = 0;

	for (size_t at = 0; at < s.len;) {
		struct grapheme g = next_grapheme(s, at);
		columns += g.columns;
		at = g.end;
	}
	return columns;
}

#define DISTANCE_BYTES 32
#define DISTANCE_FAR 1000

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
	const size_t n = strlen(a), m = strlen(b);
	unsigned d[DISTANCE_BYTES + 1][DISTANCE_BYTES + 1];

	if (n > DISTANCE_BYTES || m > DISTANCE_BYTES)
		return DISTANCE_FAR;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned best = least(d[i - 1][j], d[i][j - 1]) + 1;
			best = least(best, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[n][m];
}
