/* Making outside text harmless, one code point at a time. */
#include "base/text.h"

#include <utf8proc.h>

#define MARKS_MAX 3 /* faults.md A7: combining marks per base character */

#define POINT_ZWJ 0x200D
#define POINT_EMOJI_STYLE 0xFE0F
#define POINT_KEYCAP 0x20E3

/* What the character said last allows to follow it: a style selector and a joiner belong to emoji
 * only. "1 FE0F 20E3" is a keycap; "grin FE0F ZWJ heart" is one emoji. */
enum glue { GLUE_NONE, GLUE_EMOJI, GLUE_STYLED, GLUE_KEYCAP };

struct scrub {
	struct buf *out;
	size_t start;  /* where our part of out begins */
	unsigned flags;
	bool is_space_due; /* a space was read; it is said when something follows */
	unsigned marks;    /* on the current base character */
	enum glue glue;
};

static bool is_control(int32_t c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

static bool is_separator(int32_t c)
{
	if (c < 0xA0)
		return false;
	utf8proc_category_t kind = utf8proc_category(c);
	return kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL ||
		kind == UTF8PROC_CATEGORY_ZP;
}

static bool is_mark(int32_t c)
{
	if (c < 0x300)
		return false;
	utf8proc_category_t kind = utf8proc_category(c);
	return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME ||
		kind == UTF8PROC_CATEGORY_MC;
}

static bool is_emoji(int32_t c)
{
	return c >= 0xA9 && utf8proc_get_property(c)->boundclass ==
		UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static bool is_skin_tone(int32_t c)
{
	return c >= 0x1F3FB && c <= 0x1F3FF;
}

static bool is_keycap_base(int32_t c)
{
	return (c >= '0' && c <= '9') || c == '#' || c == '*';
}

/* Does an invisible c, followed by next, hold an emoji together? */
static bool is_glue(const struct scrub *s, int32_t c, int32_t next)
{
	if (c == POINT_EMOJI_STYLE)
		return s->glue == GLUE_EMOJI || (s->glue == GLUE_KEYCAP && next == POINT_KEYCAP);
	if (c == POINT_ZWJ)
		return (s->glue == GLUE_EMOJI || s->glue == GLUE_STYLED) && is_emoji(next);
	return false;
}

static enum glue glue_after(enum glue before, int32_t c)
{
	if (is_emoji(c))
		return GLUE_EMOJI;
	if (is_skin_tone(c) && before == GLUE_EMOJI)
		return GLUE_EMOJI;
	if (c == POINT_EMOJI_STYLE && before == GLUE_EMOJI)
		return GLUE_STYLED;
	return is_keycap_base(c) ? GLUE_KEYCAP : GLUE_NONE;
}

/* Says one code point that passed, and the space that was due before it. */
static int say(struct scrub *s, int32_t c)
{
	int err = s->is_space_due ? buf_addc(s->out, ' ') : 0;

	s->is_space_due = false;
	s->glue = glue_after(s->glue, c);
	return err ? err : c < 0x80 ? buf_addc(s->out, (char)c) : text_put(s->out, c);
}

static int on_space(struct scrub *s)
{
	s->marks = 0;
	s->glue = GLUE_NONE;
	if (!(s->flags & TEXT_TRIM))
		return say(s, ' ');
	s->is_space_due = s->out->len > s->start;
	return 0;
}

static int on_point(struct scrub *s, int32_t c, int32_t next)
{
	const bool is_one_line = s->flags & TEXT_ONE_LINE;

	if (c == ' ' || (is_one_line && (is_control(c) || is_separator(c))))
		return on_space(s);
	if (c == '\n' || c == '\t') {
		if ((s->flags & TEXT_TRIM) && s->out->len == s->start)
			return 0;
		s->marks = 0;
		return say(s, c);
	}
	if (is_control(c))
		return 0;
	if (text_is_invisible(c)) {
		if ((s->flags & TEXT_NO_INVISIBLE) && !is_glue(s, c, next))
			return 0;
		return say(s, c);
	}
	s->marks = is_mark(c) ? s->marks + 1 : 0;
	if ((s->flags & TEXT_FEW_MARKS) && s->marks > MARKS_MAX)
		return 0;
	return say(s, c);
}

/* Without TEXT_ONE_LINE a text may end in line feeds and tabs, which trimming takes too. */
static void trim_end(struct scrub *s)
{
	size_t end = s->out->len;

	while (end > s->start && (s->out->at[end - 1] == '\n' || s->out->at[end - 1] == '\t' ||
			s->out->at[end - 1] == ' '))
		end--;
	buf_truncate(s->out, end);
}

static int scrub_plain(struct str in, struct buf *out)
{
	const size_t room = out->max - out->len;

	if (in.len <= room)
		return buf_add_str(out, in);
	in.len = room;
	int err = buf_add_str(out, in);
	return err ? err : ERR_LIMIT;
}

int text_scrub(struct str in, unsigned flags, struct buf *out)
{
	struct scrub s = {.out = out, .start = out->len, .flags = flags};
	size_t at = 0;
	int err = 0;

	if (text_is_plain(in))
		return scrub_plain(in, out);
	int32_t c = text_next(in, &at);
	while (!err && c >= 0) {
		int32_t next = text_next(in, &at);
		err = on_point(&s, c, next);
		c = next;
	}
	if (flags & TEXT_TRIM)
		trim_end(&s);
	return err;
}
