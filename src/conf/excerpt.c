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

int conf_excerpt_draw(const struct conf_spot *spot, struct conf_excerpt *e, struct buf *out)
{
	struct str text = spot->text;
	size_t start = conf_text_start(text);
	size_t at = spot->at < start ? start : spot->at < text.len ? spot->at : text.len;
	size_t first = conf_line_start(text, at), last = conf_line_end(text, at);
	bool is_long = text_points((struct str){text.at + first, last - first}) > WINDOW_WHOLE;
	size_t from = is_long ? step_back(text, first, at, WINDOW_BEFORE) : first;
	size_t i = from;
	int err = 0;

	e->line = conf_line_number(text, first);
	e->column = 1 + (int)text_points((struct str){text.at + first, at - first});
	e->caret = e->width = -1;
	if (from > first)
		err = buf_adds(out, "...");
	for (int shown = 0; !err && i < last && shown < WINDOW_WHOLE; shown++) {
		struct str line = {text.at, last};
		size_t next = i;
		int32_t point = text_next(line, &next);

		if (i >= at && e->caret < 0)
			e->caret = (int)text_columns(buf_str(out));
		if (i >= spot->end && i > at && e->width < 0)
			e->width = (int)text_columns(buf_str(out)) - e->caret;
		err = draw_character(text, i, next, point, out);
		i = next;
	}
	if (e->caret < 0)
		e->caret = (int)text_columns(buf_str(out));
	if (e->width < 0 && spot->end > at)
		e->width = (int)text_columns(buf_str(out)) - e->caret;
	if (e->width < 1)
		e->width = 1;
	if (!err && i < last)
		err = buf_adds(out, "...");
	return err;
}
