/* What every match of a pattern must contain: a careful reader of pattern syntax.
 *
 * It reads patterns that PCRE2 has already accepted, and understands enough to tell what is
 * required: runs of characters, groups, alternatives, repeats, classes. At anything else it gives
 * up, and the pattern is tried on every message: slower, never wrong. A group's set of literals is
 * the union over its alternatives; of what stands in a row the best set is kept. */
#include "pattern/pattern.h"

#include <string.h>

struct frame {
	struct pattern_literals any;  /* union over the alternatives that are finished */
	struct pattern_literals best; /* of the alternative being read */
	bool has_free;                /* a finished alternative requires nothing */
	bool is_negative;             /* a negative lookaround: what it holds must not be there */
};

struct reader {
	struct str text;
	size_t at;
	struct frame frames[PATTERN_NEST_MAX + 2];
	size_t depth;
	struct pattern_literal run; /* characters in a row so far */
	bool is_run_cut;            /* it is full: what follows is left out */
	int err;                    /* ERR_PARSE: gives up; ERR_NOMEM */
};

void pattern_literals_free(struct pattern_literals *l)
{
	mem_free(l->at);
	memset(l, 0, sizeof(*l));
}

static int literals_add(struct pattern_literals *l, const struct pattern_literal *one)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].len == one->len && memcmp(l->at[i].at, one->at, one->len) == 0)
			return 0;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 4;
		struct pattern_literal *more = mem_resize(l->at, cap * sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		l->at = more;
		l->cap = cap;
	}
	l->at[l->n++] = *one;
	return 0;
}

int pattern_literals_join(struct pattern_literals *into, const struct pattern_literals *from)
{
	for (size_t i = 0; i < from->n; i++) {
		if (literals_add(into, &from->at[i]) < 0)
			return ERR_NOMEM;
	}
	return 0;
}

static unsigned shortest(const struct pattern_literals *l)
{
	unsigned len = l->n > 0 ? PATTERN_LITERAL_BYTES : 0;

	for (size_t i = 0; i < l->n; i++)
		len = l->at[i].len < len ? l->at[i].len : len;
	return len;
}

/* Keeps what tells more: the longer literal, then the smaller set. Takes what is in from. */
static void keep_best(struct pattern_literals *best, struct pattern_literals *from)
{
	unsigned have = shortest(best), offered = shortest(from);

	if (offered > have || (offered == have && from->n < best->n)) {
		struct pattern_literals old = *best;

		*best = *from;
		*from = old;
	}
	pattern_literals_free(from);
}

/* Ends the run of characters: it is one thing the alternative requires. */
static void end_run(struct reader *p)
{
	struct pattern_literals one = {0};

	if (p->run.len > 0 && p->err == 0) {
		p->err = literals_add(&one, &p->run);
		if (p->err == 0)
			keep_best(&p->frames[p->depth].best, &one);
	}
	p->run.len = 0;
	p->is_run_cut = false;
}

static void add_to_run(struct reader *p, const char *at, size_t len)
{
	if (p->is_run_cut || p->run.len + len > PATTERN_LITERAL_BYTES) {
		p->is_run_cut = true;
		return;
	}
	for (size_t i = 0; i < len; i++)
		p->run.at[p->run.len++] = ascii_lower(at[i]);
}

static void end_alternative(struct reader *p)
{
	struct frame *f = &p->frames[p->depth];

	end_run(p);
	if (f->best.n == 0 || f->any.n + f->best.n > PATTERN_LITERALS_MAX)
		f->has_free = true;
	else if (p->err == 0)
		p->err = pattern_literals_join(&f->any, &f->best);
	pattern_literals_free(&f->best);
}

static int peek(const struct reader *p, size_t ahead)
{
	return p->at + ahead < p->text.len ? (unsigned char)p->text.at[p->at + ahead] : -1;
}

static size_t skip_digits(const struct reader *p, size_t ahead)
{
	while (ascii_is_digit(peek(p, ahead)))
		ahead++;
	return ahead;
}

/* Reads {n} {n,} {n,m}. What else a brace may mean differs between versions of PCRE2: gives up. */
static bool read_braces(struct reader *p, bool *is_optional)
{
	size_t end = skip_digits(p, 1);

	if (end == 1)
		return false;
	*is_optional = true;
	for (size_t i = 1; i < end; i++) {
		if (peek(p, i) != '0')
			*is_optional = false;
	}
	if (peek(p, end) == ',')
		end = skip_digits(p, end + 1);
	if (peek(p, end) != '}')
		return false;
	p->at += end + 1;
	return true;
}

enum repeat { ONCE, AT_LEAST_ONCE, OPTIONAL };

/* Reads the repeat sign that may follow an atom. */
static enum repeat read_repeat(struct reader *p)
{
	bool is_optional;

	switch (peek(p, 0)) {
	case '?':
	case '*':
		is_optional = true;
		p->at++;
		break;
	case '+':
		is_optional = false;
		p->at++;
		break;
	case '{':
		if (read_braces(p, &is_optional))
			break;
		p->err = ERR_PARSE;
		return OPTIONAL;
	default: return ONCE;
	}
	if (peek(p, 0) == '?' || peek(p, 0) == '+') /* lazy, possessive */
		p->at++;
	return is_optional ? OPTIONAL : AT_LEAST_ONCE;
}

/* A character that stands for itself. */
static void on_character(struct reader *p, size_t len)
{
	const char *at = p->text.at + p->at;

	p->at += len;
	switch (read_repeat(p)) {
	case ONCE: add_to_run(p, at, len); break;
	case AT_LEAST_ONCE: /* what follows comes after its last repeat */
		add_to_run(p, at, len);
		end_run(p);
		add_to_run(p, at, len);
		break;
	case OPTIONAL: end_run(p); break;
	}
}

/* Something of which we only know that it matches something. */
static void on_opaque(struct reader *p, size_t len)
{
	p->at += len;
	(void)read_repeat(p);
	end_run(p);
}

/* Something without width: the run goes on across it. */
static void on_assertion(struct reader *p, size_t len)
{
	p->at += len;
	if (read_repeat(p) != ONCE)
		p->err = ERR_PARSE;
}

/* Skips [...]: a ']' that comes first stands for itself, and [:alpha:] holds one. */
static void on_class(struct reader *p)
{
	size_t i = 1;

	if (peek(p, i) == '^')
		i++;
	if (peek(p, i) == ']')
		i++;
	for (; peek(p, i) != ']'; i++) {
		int c = peek(p, i);

		if (c < 0 || (c == '\\' && (peek(p, i + 1) == 'Q' || peek(p, i + 1) == 'E'))) {
			p->err = ERR_PARSE;
			return;
		}
		if (c == '\\')
			i++;
		if (c == '[' &&
			(peek(p, i + 1) == ':' || peek(p, i + 1) == '.' || peek(p, i + 1) == '=')) {
			size_t end = i + 2;
			while (peek(p, end) >= 0 && peek(p, end) != ']')
				end++;
			if (peek(p, end - 1) == peek(p, i + 1) && end > i + 2)
				i = end;
		}
	}
	on_opaque(p, i + 1);
}

static void on_escape(struct reader *p)
{
	int c = peek(p, 1);
	size_t end = 2;

	if (c <= 0 || c >= 0x80) {
		p->err = ERR_PARSE;
	} else if (strchr("bBAzZGK", c)) {
		on_assertion(p, 2);
	} else if (strchr("dDwWsShHvVRXtnrfea", c) || (c == 'N' && peek(p, 2) != '{')) {
		on_opaque(p, 2);
	} else if (c == 'p' || c == 'P') {
		if (peek(p, 2) == '{')
			while (peek(p, end) >= 0 && peek(p, end) != '}')
				end++;
		on_opaque(p, end + 1);
	} else if (c >= '1' && c <= '9') {
		on_opaque(p, skip_digits(p, 2));
	} else if (ascii_is_alnum(c)) {
		p->err = ERR_PARSE;
	} else {
		p->at++;
		on_character(p, 1);
	}
}

static void open_group(struct reader *p, size_t len, bool is_negative)
{
	end_run(p);
	if (p->depth + 1 >= sizeof(p->frames) / sizeof(p->frames[0])) {
		p->err = ERR_PARSE;
		return;
	}
	p->at += len;
	p->depth++;
	memset(&p->frames[p->depth], 0, sizeof(p->frames[p->depth]));
	p->frames[p->depth].is_negative = is_negative;
}

/* (?i) (?-i) (?s) (?im) or the same before a colon. x changes what a space means: gives up. */
static void on_flags(struct reader *p)
{
	size_t i = 2;

	while (peek(p, i) > 0 && strchr("ims-^", peek(p, i)))
		i++;
	if (peek(p, i) == ':') {
		open_group(p, i + 1, false);
	} else if (peek(p, i) == ')' && i > 2) {
		p->at += i + 1;
	} else {
		p->err = ERR_PARSE;
	}
}

static void on_open(struct reader *p)
{
	int c = peek(p, 2), d = peek(p, 3);

	if (peek(p, 1) == '*') {
		p->err = ERR_PARSE; /* (*ACCEPT) ends a match anywhere */
	} else if (peek(p, 1) != '?') {
		open_group(p, 1, false);
	} else if (c == ':' || c == '|' || c == '>' || c == '=') {
		open_group(p, 3, false);
	} else if (c == '!') {
		open_group(p, 3, true);
	} else if (c == '<' && (d == '=' || d == '!')) {
		open_group(p, 4, d == '!');
	} else if (c == '<' || c == '\'' || (c == 'P' && d == '<')) {
		size_t end = c == 'P' ? 4 : 3;

		while (peek(p, end) >= 0 && peek(p, end) != '>' && peek(p, end) != '\'')
			end++;
		open_group(p, end + 1, false);
	} else {
		on_flags(p);
	}
}

static void on_close(struct reader *p)
{
	struct frame *f = &p->frames[p->depth];

	if (p->depth == 0) {
		p->err = ERR_PARSE;
		return;
	}
	end_alternative(p);
	p->at++;
	p->depth--;
	if (read_repeat(p) != OPTIONAL && !f->has_free && !f->is_negative && p->err == 0)
		keep_best(&p->frames[p->depth].best, &f->any);
	pattern_literals_free(&f->any);
}

/* Characters that no other character equals when case is ignored, so that their bytes are the only
 * way to spell them: kana, CJK, Hangul, full-width signs, symbols and emoji (Unicode
 * CaseFolding.txt has none of them). */
static bool has_one_spelling(int32_t c)
{
	return (c >= 0x2600 && c <= 0x27bf) || (c >= 0x3000 && c <= 0x30ff) ||
	       (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
	       (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xff01 && c <= 0xff20) ||
	       (c >= 0x1f300 && c <= 0x1faff);
}

static void read_one(struct reader *p)
{
	int c = peek(p, 0);

	switch (c) {
	case '\\': on_escape(p); return;
	case '[': on_class(p); return;
	case '(': on_open(p); return;
	case ')': on_close(p); return;
	case '^': on_assertion(p, 1); return;
	case '$': on_assertion(p, 1); return;
	case '.': on_opaque(p, 1); return;
	case '{': p->err = ERR_PARSE; return;
	case '|':
		end_alternative(p);
		p->at++;
		return;
	default: break;
	}
	if (c < 0x80) {
		on_character(p, 1);
		return;
	}
	size_t end = p->at;
	int32_t point = text_next(p->text, &end);
	if (has_one_spelling(point))
		on_character(p, end - p->at);
	else
		on_opaque(p, end - p->at);
}

int pattern_literal_find(struct str pattern, struct pattern_literals *out)
{
	struct reader p = {.text = pattern};
	struct frame *top = &p.frames[0];

	while (p.at < pattern.len && p.err == 0)
		read_one(&p);
	if (p.err == 0 && p.depth == 0)
		end_alternative(&p);
	if (p.err == 0 && p.depth == 0 && !top->has_free)
		p.err = pattern_literals_join(out, &top->any);
	for (size_t i = 0; i < sizeof(p.frames) / sizeof(p.frames[0]); i++) {
		pattern_literals_free(&p.frames[i].any);
		pattern_literals_free(&p.frames[i].best);
	}
	return p.err == ERR_NOMEM ? ERR_NOMEM : 0;
}
