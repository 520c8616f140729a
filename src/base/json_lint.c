/* The tokens of JSON, read strictly.
 *
 * json-c 0.16 in strict mode still takes NaN, Infinity, single-quoted keys and UTF-8 that is only
 * half checked (measured). Here every token is held against RFC 8259, inside strings and out; the
 * order of the tokens is left to json-c. */
#include "base/json_lint.h"

#include <string.h>

#include "base/ascii.h"
#include "base/json.h"
#include "base/text.h"

struct lint {
	struct str text;
	size_t at;
	size_t depth;
	size_t members;
	bool has_nul; /* the last string held an escaped NUL */
	const char *why;
};

static int peek(const struct lint *l)
{
	return l->at < l->text.len ? (unsigned char)l->text.at[l->at] : -1;
}

static int refuse(struct lint *l, int err, const char *why)
{
	l->why = why;
	return err;
}

/* Behind a backslash. */
static int lint_escape(struct lint *l)
{
	int c = peek(l);

	l->at++;
	if (c > 0 && strchr("\"\\/bfnrt", c))
		return 0;
	if (c != 'u' || l->text.len - l->at < 4)
		return refuse(l, ERR_PARSE, "bad escape in a string");
	for (int i = 0; i < 4; i++) {
		if (!ascii_is_hex((unsigned char)l->text.at[l->at + i]))
			return refuse(l, ERR_PARSE, "bad escape in a string");
	}
	if (memcmp(l->text.at + l->at, "0000", 4) == 0)
		l->has_nul = true;
	l->at += 4;
	return 0;
}

/* Behind the opening quote. */
static int lint_string(struct lint *l)
{
	int err = 0;

	l->has_nul = false;
	while (!err) {
		int c = peek(l);
		if (c < 0)
			return refuse(l, ERR_PARSE, "a string without an end");
		l->at++;
		if (c == '"')
			return 0;
		if (c < 0x20)
			return refuse(l, ERR_PARSE, "control character in a string");
		if (c == '\\')
			err = lint_escape(l);
	}
	return err;
}

static bool skip_digits(struct lint *l)
{
	const size_t before = l->at;

	while (ascii_is_digit(peek(l)))
		l->at++;
	return l->at > before;
}

static int lint_number(struct lint *l)
{
	bool is_good;

	if (peek(l) == '-')
		l->at++;
	if (peek(l) == '0') {
		l->at++;
		is_good = !ascii_is_digit(peek(l));
	} else {
		is_good = skip_digits(l);
	}
	if (is_good && peek(l) == '.') {
		l->at++;
		is_good = skip_digits(l);
	}
	if (is_good && (peek(l) == 'e' || peek(l) == 'E')) {
		l->at++;
		if (peek(l) == '+' || peek(l) == '-')
			l->at++;
		is_good = skip_digits(l);
	}
	return is_good ? 0 : refuse(l, ERR_PARSE, "bad number");
}

static int lint_word(struct lint *l)
{
	const int c = peek(l);
	const struct str word = c == 'n' ? STR("null") : c == 't' ? STR("true") : STR("false");

	if (l->text.len - l->at < word.len || memcmp(l->text.at + l->at, word.at, word.len) != 0)
		return refuse(l, ERR_PARSE, "unexpected character");
	l->at += word.len;
	return 0;
}

static int lint_colon(struct lint *l)
{
	l->members++;
	/* json-c keeps keys as C strings. */
	return l->has_nul ? refuse(l, ERR_PARSE, "NUL in a key") : 0;
}

static int lint_token(struct lint *l)
{
	int c = peek(l);

	if (ascii_is_digit(c) || c == '-')
		return lint_number(l);
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case ',': l->at++; return 0;
	case '{':
	case '[':
		l->at++;
		if (++l->depth > JSON_DEPTH_MAX)
			return refuse(l, ERR_LIMIT, "too deep");
		return 0;
	case '}':
	case ']':
		l->at++;
		if (l->depth-- == 0)
			return refuse(l, ERR_PARSE, "closing bracket without an opening one");
		return 0;
	case ':': l->at++; return lint_colon(l);
	case '"': l->at++; return lint_string(l);
	default: return lint_word(l);
	}
}

int json_lint(struct str text, size_t *members, const char **why)
{
	struct lint l = {.text = text};
	int err = text_is_utf8(text) ? 0 : refuse(&l, ERR_PARSE, "not UTF-8");

	while (!err && l.at < text.len)
		err = lint_token(&l);
	*members = l.members;
	if (err)
		*why = l.why;
	return err;
}
