/* How much of a text is said: what fits, and of one that stopped in the middle what is whole. */
#include "safety/room.h"

#include <string.h>

/* Does a sentence end before byte i? In a growing text its very end is none: "3." may go on. */
static bool ends_sentence(struct str line, size_t i, bool is_growing)
{
	static const char *const ends[] = {"\u2026", "\u3002", "\uff01", "\uff1f"};

	if (i < line.len && line.at[i] == '\n')
		return true;
	if (i < line.len && line.at[i] == ' ' && strchr(".!?", line.at[i - 1]))
		return true;
	for (size_t k = 0; i >= 3 && k < sizeof(ends) / sizeof(ends[0]); k++) {
		if (memcmp(line.at + i - 3, ends[k], 3) == 0)
			return true;
	}
	return i == line.len && !is_growing && strchr(".!?", line.at[i - 1]);
}

/* At most max code points, at a grapheme edge. */
static size_t cut_points(struct str s, size_t max)
{
	size_t at = 0, points = 0;

	while (points < max && text_next(s, &at) >= 0)
		points++;
	return at < s.len ? text_cut(s, at, 0) : s.len;
}

size_t safety_cut_at(struct str line, size_t max, bool has_lines)
{
	size_t whole = has_lines ? cut_points(line, max) : text_cut(line, 0, max);
	size_t sentence = 0, word = 0;

	if (whole >= line.len)
		return line.len;
	for (size_t i = 1; i <= whole && i < line.len; i++) {
		if (line.at[i] == ' ')
			word = i;
		if (ends_sentence(line, i, false))
			sentence = i;
	}
	if (sentence > 0 && sentence >= whole / 2)
		return sentence;
	return word > 0 && word >= whole / 2 ? word : whole;
}

size_t safety_whole_at(struct str line, bool is_growing)
{
	size_t sentence = 0, word = 0;

	for (size_t i = 1; i <= line.len; i++) {
		if (i < line.len && line.at[i] == ' ')
			word = i;
		if (ends_sentence(line, i, is_growing) && !(is_growing &&
				safety_lines_ends_in_code((struct str){line.at, i})))
			sentence = i;
	}
	if (sentence > 0 || is_growing)
		return sentence;
	return word > 0 ? word : line.len;
}
