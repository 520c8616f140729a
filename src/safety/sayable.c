/* The wire rule. It is the second of two checks that must not fail together (law 8, faults.md A2),
 * so it reads the bytes with its own eyes: nothing of text.h, nothing of the cleaner. */
#include "safety/safety.h"

/* Next code point of strict UTF-8 (RFC 3629); -1 for anything else. */
static int32_t decode(const unsigned char *p, size_t left, size_t *used)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
		   : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
		   : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
						 : 0;
	if (n == 0 || n > left)
		return -1;
	int32_t c = n == 1 ? p[0] : p[0] & (0x7F >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3F);
	}
	*used = n;
	if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return -1;
	return c;
}

static bool is_forbidden(int32_t c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F) ||      /* C0, DEL, C1 */
	       c == 0x2028 || c == 0x2029 ||                /* line and paragraph separator */
	       c == 0x061C || c == 0x200E || c == 0x200F || /* direction marks */
	       (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || /* bidi */
	       c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
	       (c >= 0xE0000 && c <= 0xE0FFF); /* tags: invisible ASCII */
}

/* Draws nothing, or belongs to a character that should have come before. */
static bool is_unseen(int32_t c)
{
	return c == ' ' || c == 0xA0 || c == 0xAD || (c >= 0x300 && c <= 0x36F) || c == 0x115F ||
	       c == 0x1160 || c == 0x1680 || (c >= 0x180B && c <= 0x180F) ||
	       (c >= 0x1AB0 && c <= 0x1AFF) || (c >= 0x1DC0 && c <= 0x1DFF) ||
	       (c >= 0x2000 && c <= 0x200F) || c == 0x202F || (c >= 0x205F && c <= 0x206F) ||
	       (c >= 0x20D0 && c <= 0x20FF) || c == 0x2800 || c == 0x3000 || c == 0x3164 ||
	       (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xFE20 && c <= 0xFE2F) || c == 0xFFA0;
}

/* '/', '.', '!' and what a reader or a lenient server may take for them. */
static bool is_command_sign(int32_t c)
{
	static const int32_t signs[] = {'/', '.', '!', 0x01C3, 0x0701, 0x0702, 0x1735, 0x2024,
		0x2025, 0x2026, 0x203C, 0x2044, 0x2048, 0x2049, 0x2215, 0x2571, 0x27CB, 0x29F8,
		0x2CC6, 0x2D51, 0x2E1D, 0x3002, 0x30FE, 0xFE19, 0xFE15, 0xFE52, 0xFE57, 0xFF01,
		0xFF0E, 0xFF0F, 0xFF61};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (c == signs[i])
			return true;
	}
	return false;
}

/* "@everyone" or "@here" at p: ASCII, any case. */
static bool is_mass_mention(const unsigned char *p, size_t left)
{
	static const char *const words[] = {"@everyone", "@here"};

	for (size_t w = 0; w < 2; w++) {
		size_t i = 0;
		while (words[w][i] && i < left &&
			(p[i] | (p[i] >= 'A' && p[i] <= 'Z' ? 0x20 : 0)) ==
				(unsigned char)words[w][i])
			i++;
		if (!words[w][i])
			return true;
	}
	return false;
}

/* has_lines: line feeds may stand in it, and max counts code points, not UTF-16 units. */
static bool is_fit(struct str text, size_t max, bool has_lines)
{
	const unsigned char *p = (const unsigned char *)text.at;
	size_t units = 0, used = 0;
	bool has_begun = false;

	for (size_t at = 0; at < text.len; at += used) {
		int32_t c = decode(p + at, text.len - at, &used);
		if (c < 0 || (is_forbidden(c) && !(has_lines && has_begun && c == '\n')) ||
			(c == '@' && is_mass_mention(p + at, text.len - at)))
			return false;
		if (!has_begun && !is_unseen(c)) {
			if (is_command_sign(c))
				return false;
			has_begun = true;
		}
		units += c > 0xFFFF && !has_lines ? 2 : 1;
		if (units > max)
			return false;
	}
	return has_begun;
}

bool safety_is_sayable(struct str text, size_t max_units)
{
	return is_fit(text, max_units, false);
}

bool safety_is_showable(struct str text, size_t max_points)
{
	return is_fit(text, max_points, true);
}
