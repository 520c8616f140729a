/* Texts of several lines with markdown, for places that show both.
 *
 * Code, in a block or within a line, stands as it is written; the rest is prose. What is judged is
 * the text as a reader takes it in: one line, once with the marks and once without, for a mark
 * within a word hides it from nobody. */
#include "safety/room.h"

#include <string.h>

#define INDENT_MAX 12 /* blanks in front of a line of prose: a list within two others */
#define TAB_BLANKS 4

static size_t ticks_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && s.at[at + n] == '`')
		n++;
	return n;
}

/* Length of the code that begins at `at` with n backticks, 0 for none: within one line it ends with
 * as many, a block with three or with the text. */
static size_t code_at(struct str s, size_t at, size_t n)
{
	for (size_t i = at + n; i < s.len; i++) {
		const size_t ticks = ticks_at(s, i);

		if (n >= 3 ? ticks >= 3 : ticks == n)
			return i + ticks - at;
		if (n < 3 && s.at[i] == '\n')
			return 0;
		i += ticks > 0 ? ticks - 1 : 0;
	}
	return n >= 3 ? s.len - at : 0;
}

/* Code calls nobody, but the wire takes no mass mention anywhere: its sign goes. */
static int add_code(struct str code, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < code.len && err == 0; i++) {
		if (!safety_begins(code, i, "@everyone") && !safety_begins(code, i, "@here"))
			err = buf_addc(out, code.at[i]);
	}
	return err;
}

int safety_lines_prose(struct str text, int (*prose)(void *ctx, struct str part, struct buf *out),
	void *ctx, struct buf *out)
{
	size_t from = 0, n, code;
	int err = 0;

	for (size_t i = 0; i < text.len && err == 0; i += n > 0 ? n : 1) {
		n = ticks_at(text, i);
		code = n > 0 ? code_at(text, i, n) : 0;
		if (code == 0)
			continue;
		if (i > from)
			err = prose(ctx, (struct str){text.at + from, i - from}, out);
		if (err == 0)
			err = add_code((struct str){text.at + i, code}, out);
		from = i + code;
		n = code;
	}
	if (err == 0 && from < text.len)
		err = prose(ctx, (struct str){text.at + from, text.len - from}, out);
	return err;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Does a line of this text begin or end a block of code? One that does both stands for itself. */
static bool is_fence(struct str line)
{
	line = str_trim(line);
	return line.len >= 3 && memcmp(line.at, "```", 3) == 0 &&
		!memmem(line.at + 3, line.len - 3, "```", 3);
}

/* Adds a line with its blanks as they are, each word of it made harmless. */
static int add_code_line(struct str line, struct buf *out)
{
	int err = 0;

	while (line.len > 0 && err == 0) {
		size_t n = 0;

		while (n < line.len && line.at[n] != ' ' && line.at[n] != '\t')
			n++;
		err = text_scrub((struct str){line.at, n}, TEXT_CHAT, out);
		if (err == 0 && n < line.len)
			err = buf_adds(out, line.at[n] == ' ' ? " " : "    ");
		line = (struct str){line.at + n, line.len - n};
		line = line.len > 0 ? (struct str){line.at + 1, line.len - 1} : line;
	}
	return err;
}

static size_t indent_of(struct str line)
{
	size_t n = 0;

	for (size_t i = 0; i < line.len && (line.at[i] == ' ' || line.at[i] == '\t'); i++)
		n += line.at[i] == ' ' ? 1 : TAB_BLANKS;
	return n < INDENT_MAX ? n : INDENT_MAX;
}

void safety_lines_init(struct safety_lines *l, struct buf *out)
{
	*l = (struct safety_lines){.out = out, .start = out->len};
}

/* The line feeds that are due before another line: no more than one blank line. */
static int break_line(struct safety_lines *l)
{
	const bool is_first = l->out->len == l->start;
	int err = 0;

	for (size_t i = 0; i < 1 + l->blanks && !is_first && err == 0; i++)
		err = buf_addc(l->out, '\n');
	l->blanks = 0;
	return err;
}

bool safety_lines_is_code(const struct safety_lines *l, struct str line)
{
	return l->is_code || is_fence(line);
}

int safety_lines_add_code(struct safety_lines *l, struct str line)
{
	const bool is_edge = is_fence(line);
	int err;

	if (str_trim(line).len == 0) {
		l->blanks = 1;
		return 0;
	}
	err = break_line(l);
	if (err == 0)
		err = add_code_line(is_edge ? str_trim(line) : line, l->out);
	while (l->out->len > l->start && l->out->at[l->out->len - 1] == ' ')
		buf_truncate(l->out, l->out->len - 1);
	l->is_code = is_edge ? !l->is_code : l->is_code;
	return err;
}

int safety_lines_add(struct safety_lines *l, struct str raw, struct str clean)
{
	int err;

	if (clean.len == 0) {
		l->blanks = 1;
		return 0;
	}
	const size_t indent = l->out->len > l->start ? indent_of(raw) : 0;
	err = break_line(l);
	for (size_t i = 0; i < indent && err == 0; i++)
		err = buf_addc(l->out, ' ');
	return err ? err : buf_add_str(l->out, clean);
}

int safety_lines_end(struct safety_lines *l)
{
	l->blanks = 0;
	return l->is_code ? buf_adds(l->out, "\n```") : 0;
}

int safety_lines_scrub(struct str text, struct buf *out)
{
	struct safety_lines l;
	struct buf clean;
	int err = 0;

	buf_init(&clean, SAFETY_STEP_BYTES);
	safety_lines_init(&l, out);
	while (text.len > 0 && err == 0) {
		struct str line = safety_next_line(&text);

		buf_clear(&clean);
		if (safety_lines_is_code(&l, line)) {
			err = safety_lines_add_code(&l, line);
			continue;
		}
		err = text_scrub(line, TEXT_CHAT, &clean);
		if (err == 0)
			err = safety_lines_add(&l, line, buf_str(&clean));
	}
	if (err == 0)
		err = safety_lines_end(&l);
	buf_fini(&clean);
	return err;
}

/* ---- Reading and cutting --------------------------------------------------------------------- */

int safety_lines_flatten(struct str text, struct buf *out)
{
	int err = buf_add_str(out, text);

	for (size_t i = 0; err == 0 && i < out->len; i++) {
		if (out->at[i] == '\n')
			out->at[i] = ' ';
	}
	return err;
}

int safety_lines_bare(struct str text, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < text.len && err == 0; i++) {
		const char c = text.at[i];
		const bool is_line = c == '_' && i + 1 < text.len && text.at[i + 1] == '_';

		if (!memchr("*~|`\\", c, 5) && !is_line)
			err = buf_addc(out, c);
		i += is_line;
	}
	return err;
}

bool safety_lines_ends_in_code(struct str text)
{
	bool is_code = false;

	while (text.len > 0)
		is_code ^= is_fence(str_split(&text, '\n'));
	return is_code;
}
