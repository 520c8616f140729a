/* Markdown in an answer that goes to a plain chat, and quotation marks around the whole of it. */
#include "safety/room.h"

#include <string.h>

/* More marks than that in one answer are no emphasis; bounds the work. */
#define PAIRS_MAX 64

static bool is_wordy(const struct buf *b, size_t i)
{
	return i < b->len && (ascii_is_letter(b->at[i]) || ascii_is_digit(b->at[i]) ||
				     (unsigned char)b->at[i] >= 0x80);
}

static bool is_space(const struct buf *b, size_t i)
{
	return i >= b->len || b->at[i] == ' ';
}

static void cut_out(struct buf *b, size_t at, size_t n)
{
	memmove(b->at + at, b->at + at + n, b->len - at - n);
	buf_truncate(b, b->len - n);
}

static size_t find_mark(const struct buf *b, size_t from, const char *mark, size_t n)
{
	for (size_t i = from; i + n <= b->len; i++) {
		if (memcmp(b->at + i, mark, n) == 0)
			return i;
	}
	return b->len;
}

/* Takes out a mark that opens before something and closes behind something: "**so**", not "2 * 3".
 * A mark within a word ("snake_case") opens nothing. */
static void unmark_pairs(struct buf *b, const char *mark)
{
	const size_t n = strlen(mark);
	size_t open = 0, pairs = 0;

	while (pairs < PAIRS_MAX && (open = find_mark(b, open, mark, n)) < b->len) {
		if (is_space(b, open + n) || (open > 0 && is_wordy(b, open - 1)) ||
			(n == 1 && !is_wordy(b, open + n))) { /* "_(x)_" is a face */
			open += n;
			continue;
		}
		size_t close = open + n + 1;
		while ((close = find_mark(b, close, mark, n)) < b->len &&
			(is_space(b, close - 1) || is_wordy(b, close + n)))
			close += n;
		if (close >= b->len)
			return;
		cut_out(b, close, n);
		cut_out(b, open, n);
		pairs++;
	}
}

void safety_unmark_links(struct buf *b)
{
	size_t middle = 0;

	for (size_t pairs = 0; pairs < PAIRS_MAX; pairs++) {
		middle = find_mark(b, middle, "](", 2);
		size_t close = find_mark(b, middle, ")", 1);
		if (close >= b->len)
			break;
		const char *open = memrchr(b->at, '[', middle);
		if (!open) {
			middle += 2;
			continue;
		}
		b->at[middle] = ' ';
		size_t end = (size_t)(open - b->at) + 1;
		size_t begin = end > 1 && b->at[end - 2] == '!' ? end - 2 : end - 1;
		cut_out(b, begin, end - begin);
	}
}

void safety_unmark(struct buf *line)
{
	static const char *const marks[] = {
		"```", "``", "`", "***", "**", "__", "~~", "||", "*", "_"};

	if (line->len == 0)
		return;
	safety_unmark_links(line);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		unmark_pairs(line, marks[i]);
}

static bool starts_and_ends(struct str s, const char *open, const char *close)
{
	size_t a = strlen(open), b = strlen(close);

	if (s.len < a + b || memcmp(s.at, open, a) != 0 || memcmp(s.at + s.len - b, close, b) != 0)
		return false;
	/* The same mark inside: several quotations, not one around the whole. */
	return !memmem(s.at + a, s.len - a - b, open, a) &&
	       !memmem(s.at + a, s.len - a - b, close, b);
}

struct str safety_unquote(struct str s)
{
	static const char *const pairs[][2] = {
		{"\"", "\""},
		{"'", "'"},
		{"\u201c", "\u201d"},
		{"\u201e", "\u201c"},
		{"\u201d", "\u201d"},
		{"\u2018", "\u2019"},
		{"\u00ab", "\u00bb"},
		{"\u300c", "\u300d"},
		{"`", "`"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (starts_and_ends(s, pairs[i][0], pairs[i][1])) {
			size_t a = strlen(pairs[i][0]), b = strlen(pairs[i][1]);
			s = str_trim((struct str){s.at + a, s.len - a - b});
			i = (size_t)-1; /* again: quotes within quotes */
		}
	}
	return s;
}
