#include "conf/room.h"

#include <stdio.h>
#include <string.h>

#define EXCERPT_BYTES   2048 /* WINDOW_WHOLE characters of excerpt.c, spelled out at worst */
#define NEAR_WORD_BYTES 32   /* text_distance looks at no more */

void conf_report_init(struct conf_report *r)
{
	*r = (struct conf_report){0};
}

static void complaint_fini(struct conf_complaint *c)
{
	mem_free(c->path);
	mem_free(c->what);
	mem_free(c->hint);
	mem_free(c->excerpt);
}

void conf_report_fini(struct conf_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		complaint_fini(&r->items[i]);
	mem_free(r->items);
	conf_report_init(r);
}

/* Keeps c if there is room and memory, and counts it in any case: a report never forgets that
 * something was wrong. TAKES the strings of c. */
static void keep(struct conf_report *r, struct conf_complaint *c)
{
	if (c->severity == CONF_ERROR)
		r->errors++;
	else
		r->warnings++;
	if (!c->what || r->n >= CONF_COMPLAINTS_MAX) {
		complaint_fini(c);
		return;
	}
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8;
		struct conf_complaint *items = mem_resize(r->items, cap * sizeof(*items));

		if (!items) {
			complaint_fini(c);
			return;
		}
		r->items = items;
		r->cap = cap;
	}
	r->items[r->n++] = *c;
}

/* One line without anything that would act on a terminal: values from files stand in sentences.
 * GIVES, NULL without memory. */
static char *sentence(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
static char *sentence(const char *fmt, va_list ap)
{
	char raw[CONF_SENTENCE_BYTES];
	struct buf clean;
	char *text = NULL;
	size_t len;

	vsnprintf(raw, sizeof(raw), fmt, ap);
	len = text_cut(str_of(raw), sizeof(raw) - 1, 0);
	buf_init(&clean, 4 * sizeof(raw)); /* bad bytes grow to three */
	if (!text_scrub((struct str){raw, len}, TEXT_ONE_LINE | TEXT_NO_INVISIBLE, &clean))
		text = buf_take(&clean);
	buf_fini(&clean);
	return text;
}

struct str conf_shown(struct str value)
{
	return (struct str){value.at, text_cut(value, CONF_SHOWN_BYTES, 0)};
}

void conf_report_add(struct conf_report *r, enum conf_severity s, const char *path,
	const char *hint, const char *fmt, ...)
{
	struct conf_complaint c = {.severity = s, .width = 1};
	va_list ap;

	va_start(ap, fmt);
	c.what = sentence(fmt, ap);
	va_end(ap);
	c.path = mem_dup(path);
	c.hint = mem_dup(hint);
	keep(r, &c);
}

void conf_report_add_at(struct conf_report *r, const char *path, int line, struct str source,
	size_t at, size_t n, const char *hint, const char *fmt, ...)
{
	const struct conf_spot spot = {.path = path, .text = source, .at = at, .end = at + n};
	const size_t before = r->n;
	va_list ap;

	va_start(ap, fmt);
	conf_complain_spot(r, &spot, CONF_ERROR, hint, fmt, ap);
	va_end(ap);
	if (r->n > before)
		r->items[before].line = line;
}

static void mask_secrets(struct conf_complaint *c, const struct conf_spot *spot)
{
	size_t last = conf_line_end(spot->text, spot->at), at;
	size_t end = conf_line_start(spot->text, spot->at);

	while (conf_next_secret(spot->text, end, last, &at, &end)) {
		struct str secret = {spot->text.at + at, end - at};

		if (c->what)
			conf_mask_copies(c->what, secret);
		if (c->hint)
			conf_mask_copies(c->hint, secret);
	}
}

void conf_complain_spot(struct conf_report *r, const struct conf_spot *spot, enum conf_severity s,
	const char *hint, const char *fmt, va_list ap)
{
	struct conf_complaint c = {.severity = s};
	struct conf_excerpt e = {0};
	struct buf line;

	if (r->n >= CONF_COMPLAINTS_MAX) { /* only counted: spares the drawing */
		keep(r, &c);
		return;
	}
	c.what = sentence(fmt, ap);
	c.path = mem_dup(spot->path);
	c.hint = mem_dup(hint);
	buf_init(&line, EXCERPT_BYTES);
	if (!conf_excerpt_draw(spot, &e, &line))
		c.excerpt = buf_take(&line);
	buf_fini(&line);
	mask_secrets(&c, spot);
	c.line = e.line;
	c.column = e.column;
	c.caret = e.caret;
	c.width = e.width;
	keep(r, &c);
}

/* At most CONF_COMPLAINTS_MAX of them: insertion keeps equals in their order. */
void conf_report_sort(struct conf_report *r, size_t from)
{
	for (size_t i = from + 1; i < r->n; i++) {
		struct conf_complaint c = r->items[i];
		size_t k = i;

		for (; k > from; k--) {
			const struct conf_complaint *before = &r->items[k - 1];

			if (before->line < c.line ||
				(before->line == c.line && before->column <= c.column))
				break;
			r->items[k] = *before;
		}
		r->items[k] = c;
	}
}

/* ---- Writing --------------------------------------------------------------------------------- */

#define BOLD    "\x1b[1m"
#define RED     "\x1b[1;31m"
#define MAGENTA "\x1b[1;35m"
#define GREEN   "\x1b[1;32m"
#define CYAN    "\x1b[36m"
#define PLAIN   "\x1b[0m"

static const char *severity_name(enum conf_severity s)
{
	return s == CONF_ERROR ? "error" : "warning";
}

static int write_position(const struct conf_complaint *c, struct buf *out)
{
	if (!c->path)
		return 0;
	if (c->line <= 0)
		return buf_addf(out, "%s: ", c->path);
	if (c->column <= 0)
		return buf_addf(out, "%s:%d: ", c->path, c->line);
	return buf_addf(out, "%s:%d:%d: ", c->path, c->line, c->column);
}

static int write_excerpt(const struct conf_complaint *c, bool color, struct buf *out)
{
	int err = buf_addf(out, "%5d | %s\n      | %*s%s^", c->line, c->excerpt, c->caret, "",
		color ? GREEN : "");

	for (int i = 1; !err && i < c->width; i++)
		err = buf_addc(out, '~');
	if (!err)
		err = buf_addf(out, "%s\n", color ? PLAIN : "");
	return err;
}

static int write_complaint(const struct conf_complaint *c, bool color, struct buf *out)
{
	const char *tone = c->severity == CONF_ERROR ? RED : MAGENTA;
	int err = buf_adds(out, color ? BOLD : "");

	if (!err)
		err = write_position(c, out);
	if (!err)
		err = buf_addf(out, "%s%s:%s %s%s\n", color ? tone : "", severity_name(c->severity),
			color ? PLAIN BOLD : "", c->what, color ? PLAIN : "");
	if (!err && c->excerpt && c->line > 0)
		err = write_excerpt(c, color, out);
	if (!err && c->hint)
		err = buf_addf(
			out, "%shint:%s %s\n", color ? CYAN : "", color ? PLAIN : "", c->hint);
	return err;
}

int conf_report_write(const struct conf_report *r, bool color, struct buf *out)
{
	size_t left_out = r->errors + r->warnings - r->n;
	int err = 0;

	for (size_t i = 0; !err && i < r->n; i++)
		err = write_complaint(&r->items[i], color, out);
	if (!err && left_out > 0)
		err = buf_addf(out, "and %zu more\n", left_out);
	return err;
}

static int json_member(struct buf *out, const char *key, const char *value)
{
	int err = buf_addf(out, ",\"%s\":", key);

	if (err)
		return err;
	return value ? json_add_string(out, str_of(value)) : buf_adds(out, "null");
}

int conf_report_json(const struct conf_report *r, struct buf *out)
{
	int err = buf_addc(out, '[');

	for (size_t i = 0; !err && i < r->n; i++) {
		const struct conf_complaint *c = &r->items[i];

		err = buf_addf(
			out, "%s{\"severity\":\"%s\"", i ? "," : "", severity_name(c->severity));
		if (!err)
			err = json_member(out, "path", c->path);
		if (!err)
			err = buf_addf(out, ",\"line\":%d,\"column\":%d", c->line, c->column);
		if (!err)
			err = json_member(out, "what", c->what);
		if (!err)
			err = json_member(out, "hint", c->hint);
		if (!err)
			err = json_member(out, "excerpt", c->excerpt);
		if (!err)
			err = buf_addc(out, '}');
	}
	return err ? err : buf_addc(out, ']');
}

/* ---- Did you mean ---------------------------------------------------------------------------- */

/* "Reply-TTL" is spelled like "reply_ttl" for this purpose. False when too long to compare. */
static bool normal_spelling(struct str word, char out[NEAR_WORD_BYTES + 1])
{
	if (word.len == 0 || word.len > NEAR_WORD_BYTES)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		char c = ascii_lower(word.at[i]);

		out[i] = c == '-' || c == ' ' ? '_' : c;
	}
	out[word.len] = '\0';
	return true;
}

const char *conf_nearest(struct str word, const char *const *words, size_t n)
{
	char mine[NEAR_WORD_BYTES + 1], other[NEAR_WORD_BYTES + 1];
	const char *nearest = NULL;
	unsigned least = word.len < 3 ? 1 : word.len < 6 ? 2 : 3;

	if (!normal_spelling(word, mine))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		unsigned distance;

		if (!normal_spelling(str_of(words[i]), other))
			continue;
		distance = text_distance(mine, other);
		/* A word that shares nothing with the other is not near, however short both are. */
		if (distance >= strlen(mine) || distance >= strlen(other))
			continue;
		if (distance < least || (distance == least && !nearest)) {
			least = distance;
			nearest = words[i];
		}
	}
	return nearest;
}
