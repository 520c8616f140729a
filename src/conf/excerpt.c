#include "conf/room.h"

#define WINDOW_BEFORE 70  /* characters shown left of the caret when a line is too long */
#define WINDOW_WHOLE  110 /* characters shown in all */
#define TAB_COLUMNS   8

/* Steps back over n characters, not before `first`. */
static size_t step_back(struct str text, size_t first, size_t at, int n)
{
	while (n > 0 && at > first) {
		at--;
		while (at > first && ((unsigned char)text.at[at] & 0xc0) == 0x80)
			at--;
		n--;
	}
	return at;
}

/* Characters that would hide, move or reorder what stands around them in a terminal. */
static bool is_hidden(int32_t p)
{
	return p < 0x20 || (p >= 0x7f && p < 0xa0) || p == 0xad || p == 0x34f || p == 0x61c ||
	       (p >= 0x200b && p <= 0x200f) || (p >= 0x2028 && p <= 0x202e) ||
	       (p >= 0x2060 && p <= 0x206f) || p == 0xfeff || (p >= 0xe0000 && p <= 0xe0fff);
}

static int draw_character(struct str text, size_t at, size_t next, int32_t point, struct buf *out)
{
	static const char blanks[TAB_COLUMNS + 1] = "        ";

	if (point == '\t') {
		size_t column = text_columns(buf_str(out));

		return buf_add(out, blanks, TAB_COLUMNS - column % TAB_COLUMNS);
	}
	if (point == 0xfffd && next - at == 1)
		return buf_addf(out, "<%02X>", (unsigned)(unsigned char)text.at[at]);
	if (is_hidden(point))
		return buf_addf(out, "<U+%04X>", (unsigned)point);
	return buf_add(out, text.at + at, next - at);
}

/* Draws the text from i on, with the caret's and the secrets' places. */
static int draw_line(const struct conf_spot *spot, size_t i, size_t first, size_t last,
	struct conf_excerpt *e, struct buf *out)
{
	struct str line = {spot->text.at, last};
	size_t hidden_at = 0, hidden_end = first;
	bool has_secret = true;
	int err = 0;

	for (int shown = 0; !err && i < last && shown < WINDOW_WHOLE; shown++) {
		size_t next = i;
		int32_t point = text_next(line, &next);

		while (has_secret && i >= hidden_end)
			has_secret =
				conf_next_secret(line, hidden_end, last, &hidden_at, &hidden_end);
		if (i >= spot->at && e->caret < 0)
			e->caret = (int)text_columns(buf_str(out));
		if (i >= spot->end && i > spot->at && e->width < 0)
			e->width = (int)text_columns(buf_str(out)) - e->caret;
		if (has_secret && i >= hidden_at)
			err = buf_addc(out, '*');
		else
			err = draw_character(line, i, next, point, out);
		i = next;
	}
	if (e->caret < 0)
		e->caret = (int)text_columns(buf_str(out));
	if (e->width < 0 && spot->end > spot->at)
		e->width = (int)text_columns(buf_str(out)) - e->caret;
	if (e->width < 1)
		e->width = 1;
	return err || i == last ? err : buf_adds(out, "...");
}

int conf_excerpt_draw(const struct conf_spot *spot, struct conf_excerpt *e, struct buf *out)
{
	struct str text = spot->text;
	size_t start = conf_text_start(text);
	size_t at = spot->at < start ? start : spot->at < text.len ? spot->at : text.len;
	size_t first = conf_line_start(text, at), last = conf_line_end(text, at);
	bool is_long = text_points((struct str){text.at + first, last - first}) > WINDOW_WHOLE;
	size_t from = is_long ? step_back(text, first, at, WINDOW_BEFORE) : first;
	struct conf_spot inside = {spot->path, text, at, spot->end};
	int err = from > first ? buf_adds(out, "...") : 0;

	e->line = conf_line_number(text, first);
	e->column = 1 + (int)text_points((struct str){text.at + first, at - first});
	e->caret = e->width = -1;
	return err ? err : draw_line(&inside, from, first, last, e, out);
}
