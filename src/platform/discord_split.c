/* A text longer than a Discord message becomes several (discord.md 10.4). */
#include "platform/discord_say.h"

#include <string.h>

#define FENCE "```"
#define FENCE_BYTES 3
#define CLOSING "\n" FENCE
#define CLOSING_POINTS 4
#define ELLIPSIS "\xE2\x80\xA6"
#define LANGUAGE_BYTES 20 /* longer ones are none */
#define PART_BYTES_MAX (64 * 1024)

/* A block of code that began and has not ended. */
struct fence {
	bool is_open;
	struct str language;
	size_t at; /* where it began, in the text that was scanned; SIZE_MAX = before it */
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The word behind a fence, if it stands alone in its line. */
static struct str language_of(struct str s)
{
	size_t n = 0;

	while (n < s.len && n <= LANGUAGE_BYTES && (ascii_is_alnum(s.at[n]) ||
			strchr("_+-.#", s.at[n])))
		n++;
	if (n > LANGUAGE_BYTES || n >= s.len || s.at[n] != '\n')
		n = 0;
	return (struct str){s.at, n};
}

static bool starts_with_fence(struct str s)
{
	return s.len >= FENCE_BYTES && memcmp(s.at, FENCE, FENCE_BYTES) == 0;
}

/* What is open after the first n bytes of s. */
static struct fence fence_after(struct str s, size_t n, struct fence f)
{
	f.at = SIZE_MAX;
	for (size_t i = 0; i + FENCE_BYTES <= n; i++) {
		if (!starts_with_fence((struct str){s.at + i, n - i}))
			continue;
		f.is_open = !f.is_open;
		f.at = i;
		i += FENCE_BYTES - 1;
		f.language = language_of((struct str){s.at + i + 1, s.len - i - 1});
	}
	return f;
}

/* ---- Where to cut ---------------------------------------------------------------------------- */

enum edge { EDGE_PARAGRAPH, EDGE_LINE, EDGE_SENTENCE, EDGE_WORD };

static bool is_edge(struct str s, size_t i, enum edge e)
{
	char before = s.at[i - 1], here = s.at[i];

	switch (e) {
	case EDGE_PARAGRAPH: return here == '\n' && i + 1 < s.len && s.at[i + 1] == '\n';
	case EDGE_LINE: return here == '\n';
	case EDGE_SENTENCE: return is_blank(here) && strchr(".!?", before);
	case EDGE_WORD: return is_blank(here);
	}
	return false;
}

/* The last edge of this kind in (least, most]; 0 = none. */
static size_t last_edge(struct str s, size_t least, size_t most, enum edge e)
{
	for (size_t i = most; i > least; i--) {
		if (is_edge(s, i, e))
			return i;
	}
	return 0;
}

static size_t bytes_of_points(struct str s, size_t points)
{
	size_t at = 0;

	while (points-- > 0 && at < s.len)
		(void)text_next(s, &at);
	return at;
}

/* So many bytes of s, which is longer, go into a part of so many code points: the best edge that
 * leaves it at least half full, else any word's, else a character's. */
static size_t cut_at(struct str s, size_t points)
{
	size_t most = bytes_of_points(s, points > 0 ? points : 1), cut = 0;

	if (most >= s.len)
		return s.len;
	for (enum edge e = EDGE_PARAGRAPH; e <= EDGE_WORD && cut == 0; e++)
		cut = last_edge(s, most / 2, most, e);
	if (cut == 0)
		cut = last_edge(s, 0, most, EDGE_WORD);
	if (cut == 0)
		cut = text_cut(s, most, 0);
	cut = cut > 0 ? cut : most;
	for (most = cut; most > 0 && s.at[most] == '`' && s.at[most - 1] == '`';)
		most--; /* the marks of a block stay together */
	return most > 0 ? most : cut;
}

/* A block of code that would begin with nothing in it begins in the next part. */
static size_t without_empty_block(struct str s, size_t cut, struct fence *f)
{
	size_t i;

	if (!f->is_open || f->at == SIZE_MAX || f->at == 0)
		return cut;
	for (i = f->at + FENCE_BYTES + f->language.len; i < cut && is_blank(s.at[i]); i++)
		;
	if (i < cut)
		return cut;
	cut = f->at;
	*f = (struct fence){.at = SIZE_MAX};
	return cut;
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static struct str without_end(struct str s)
{
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

static struct str after(struct str s, size_t n)
{
	return (struct str){s.at + n, s.len - n};
}

static struct str without_start(struct str s)
{
	while (s.len > 0 && is_blank(s.at[0]))
		s = after(s, 1);
	return s;
}

/* What follows a cut: of code only the one character that was cut at is dropped. A block that
 * would only be closed there has been closed already. */
static struct str next_of(struct str rest, struct fence *f)
{
	struct str next = without_start(rest);

	if (!f->is_open)
		return next;
	if (starts_with_fence(next)) {
		f->is_open = false;
		return without_start(after(next, FENCE_BYTES));
	}
	return rest.len > 0 && is_blank(rest.at[0]) ? after(rest, 1) : rest;
}

static int add_opening(struct buf *out, const struct fence *f)
{
	return f->is_open ? buf_addf(out, FENCE "%.*s\n", STR_FMT(f->language)) : 0;
}

/* Adds the next part to out, which may stay as it is when only white space was left of it. */
static int add_part(struct str *rest, size_t points, bool is_last, struct fence *f, struct buf *out)
{
	size_t less = is_last ? 1 : 0, cut;
	struct fence then;
	struct str part;
	int err = add_opening(out, f);

	if (err < 0)
		return err;
	less += text_points(buf_str(out));
	if (text_points(*rest) + less <= points + (is_last ? 1 : 0)) {
		err = buf_add_str(out, *rest);
		*rest = STR("");
		return err;
	}
	for (unsigned i = 0; i < 2; i++, less += CLOSING_POINTS) {
		cut = cut_at(*rest, points > less ? points - less : 1);
		then = fence_after(*rest, cut, *f);
		cut = without_empty_block(*rest, cut, &then);
		if (!then.is_open)
			break;
	}
	part = without_end((struct str){rest->at, cut});
	err = buf_add_str(out, part);
	if (err == 0 && is_last)
		err = buf_adds(out, ELLIPSIS);
	if (err == 0 && then.is_open)
		err = buf_adds(out, CLOSING);
	if (part.len == 0)
		buf_clear(out);
	*rest = next_of(after(*rest, cut), &then);
	*f = then;
	return err;
}

int platform_split(struct str text, size_t points, unsigned max,
	int (*part)(void *ctx, struct str text), void *ctx)
{
	struct str rest = without_end(without_start(text));
	struct fence f = {.at = SIZE_MAX};
	struct buf out;
	int err = 0;

	buf_init(&out, PART_BYTES_MAX);
	for (unsigned n = 0; err == 0 && n < max && rest.len > 0;) {
		buf_clear(&out);
		err = add_part(&rest, points, n + 1 == max, &f, &out);
		if (err == 0 && out.len > 0) {
			err = part(ctx, buf_str(&out));
			n++;
		}
	}
	buf_fini(&out);
	return err;
}
