#include "conf/room.h"

#include <stdio.h>
#include <string.h>

/* The YAML library says what its grammar missed; people want to know what they did. One row per
 * mistake that people make, found by a piece of the library's message (libfyaml 0.7.12). */

static struct str slice(struct str text, size_t at, size_t end)
{
	return (struct str){text.at + at, end > at ? end - at : 0};
}

static void say(char out[CONF_ADVICE_BYTES], const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(char out[CONF_ADVICE_BYTES], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, CONF_ADVICE_BYTES, fmt, ap);
	va_end(ap);
}

/* The plain value from at to the end of its line or to a comment. */
static struct str rest_of_value(struct str text, size_t at)
{
	size_t end = conf_line_end(text, at);

	for (size_t i = at; i + 1 < end; i++)
		if ((text.at[i] == ' ' || text.at[i] == '\t') && text.at[i + 1] == '#')
			end = i;
	return str_trim(slice(text, at, end));
}

void conf_advise_quotes(struct str text, size_t at, char hint[CONF_ADVICE_BYTES])
{
	struct str value = rest_of_value(text, at);

	if (value.len == 0 || value.len > CONF_SHOWN_BYTES || memchr(value.at, '\'', value.len) ||
		value.at[value.len - 1] == '}' || value.at[value.len - 1] == ']')
		say(hint, "put the value in quotes");
	else
		say(hint, "put the value in quotes: '%.*s'", STR_FMT(value));
}

/* ---- Refinements: where exactly, and in which words ------------------------------------------ */

static void at_quote(struct str text, struct conf_advice *a)
{
	size_t start = conf_line_start(text, a->at);

	if (a->at > start && strchr("\"'", text.at[a->at - 1]))
		a->at--;
	a->end = a->at + 1;
}

static void at_tab(struct str text, struct conf_advice *a)
{
	size_t start = conf_line_start(text, a->at), end = conf_line_end(text, a->at);
	const char *tab = memchr(text.at + start, '\t', end - start);

	if (tab)
		a->at = (size_t)(tab - text.at);
	a->end = a->at + 1;
}

static void quote_value(struct str text, struct conf_advice *a)
{
	struct str value;

	if (a->at > conf_line_start(text, a->at) && strchr("*&|>", text.at[a->at - 1]))
		a->at--; /* libfyaml points behind the sign */
	value = rest_of_value(text, a->at);
	a->end = a->at + value.len;
	conf_advise_quotes(text, a->at, a->hint);
}

static void begins_badly(struct str text, struct conf_advice *a)
{
	quote_value(text, a);
	say(a->what, "a value may not begin with \"%c\"", a->at < text.len ? text.at[a->at] : ' ');
}

/* libfyaml points into or behind the tag. */
static void at_tag(struct str text, struct conf_advice *a)
{
	size_t start = conf_line_start(text, a->at), at = a->at < text.len ? a->at : text.len;

	while (at > start && (at >= text.len || text.at[at] != '!'))
		at--;
	if (at < text.len && text.at[at] == '!')
		a->at = at;
	while (a->at > start && text.at[a->at - 1] == '!')
		a->at--;
	quote_value(text, a);
}

/* The first ':' of a line that no space follows, as in "name:value"; line end when there is none.
 */
static size_t tight_colon(struct str text, size_t at, size_t end)
{
	while (at < end && text.at[at] != ':' && text.at[at] != ' ')
		at++;
	return at + 1 < end && text.at[at] == ':' && text.at[at + 1] != ' ' ? at : end;
}

/* Where the value of "name: {value} and more" begins; line end when it is none. */
static size_t bracket_value(struct str text, size_t at, size_t end)
{
	while (at + 2 < end && !(text.at[at] == ':' && text.at[at + 1] == ' '))
		at++;
	at = at + 2 < end ? conf_skip_blanks(text, at + 1) : end;
	return at < end && (text.at[at] == '{' || text.at[at] == '[') ? at : end;
}

static void advise_tight_colon(struct str text, size_t colon, struct conf_advice *a)
{
	size_t start = conf_skip_blanks(text, conf_line_start(text, colon)),
	       end = conf_line_end(text, colon);
	struct str name = conf_shown(slice(text, start, colon));
	struct str value = conf_shown(slice(text, colon + 1, end));

	a->at = colon;
	a->end = colon + 1;
	say(a->what, "no space follows the \":\" of \"%.*s\"", STR_FMT(name));
	say(a->hint, "write %.*s: %.*s", STR_FMT(name), STR_FMT(value));
}

static void no_colon(struct str text, struct conf_advice *a)
{
	size_t start = conf_skip_blanks(text, conf_line_start(text, a->at)),
	       end = conf_line_end(text, a->at);
	size_t colon = tight_colon(text, start, end);

	if (colon < end) {
		advise_tight_colon(text, colon, a);
		return;
	}
	colon = bracket_value(text, start, end);
	if (colon < end) {
		a->at = colon;
		a->end = end;
		say(a->what, "text follows a value that began with \"%c\"", text.at[colon]);
		conf_advise_quotes(text, colon, a->hint);
		return;
	}
	a->at = start;
	a->end = end;
	say(a->what, "this line has no \":\" after a name");
	say(a->hint, "a key is written as name: value");
}

/* A plain text that runs over several lines until one with a ':'. Either its first line lacks the
 * ':' (or the space behind it), or a later line is indented so that it continues the value. */
static void plain_key(struct str text, struct conf_advice *a)
{
	size_t first = conf_skip_blanks(text, conf_line_start(text, a->at)), at;

	if (first == a->at) {
		no_colon(text, a);
		return;
	}
	for (at = conf_next_line(text, a->at); at < text.len; at = conf_next_line(text, at)) {
		size_t start = conf_skip_blanks(text, at), end = conf_line_end(text, at);

		if (start == end || !memchr(text.at + start, ':', end - start))
			continue;
		a->at = start;
		a->end = end;
		break;
	}
	say(a->what, "this line is indented as if it continued the value above");
	say(a->hint, "the names of one map begin in the same column");
}

static void trailing(struct str text, struct conf_advice *a)
{
	size_t end = conf_line_end(text, a->at), at = a->at < text.len ? a->at : text.len;
	bool is_single = at > 0 && text.at[at - 1] == '\'';

	a->end = end;
	while (at > conf_line_start(text, a->at) && !strchr("'\"", text.at[at - 1]))
		at--;
	is_single = at > 0 && text.at[at - 1] == '\'';
	if (a->at < end && text.at[a->at] == '#') {
		say(a->what, "a comment needs a space before its \"#\"");
		a->hint[0] = '\0';
	} else if (is_single) {
		say(a->hint, "within single quotes a quote is written twice: ''");
	} else {
		say(a->hint, "within double quotes a quote is written \\\"");
	}
}

static void bad_escape(struct str text, struct conf_advice *a)
{
	size_t start = conf_line_start(text, a->at), next;

	while (a->at > start && a->at < text.len && text.at[a->at] != '\\')
		a->at--;
	if (a->at >= text.len || text.at[a->at] != '\\')
		return;
	next = a->at + 1;
	if (next < text.len && !conf_is_break(text.at[next]))
		(void)text_next(text, &next);
	a->end = next;
	say(a->what, "\"%.*s\" is no escape that double quotes know",
		STR_FMT(slice(text, a->at, next)));
}

static void second_colon(struct str text, struct conf_advice *a)
{
	size_t end = conf_line_end(text, a->at), at = a->at < text.len ? a->at : text.len;

	while (at < end && text.at[at] != ':')
		at++;
	if (at < end)
		a->at = at;
	a->end = a->at + 1;
}

static void unclosed(struct str text, struct conf_advice *a, size_t opener)
{
	if (opener >= text.len)
		return;
	say(a->what, "the \"%c\" that opens here is never closed", text.at[opener]);
	say(a->hint, "add the \"%c\"", text.at[opener] == '[' ? ']' : '}');
	a->at = opener;
	a->end = opener + 1;
}

static void no_comma(struct str text, struct conf_advice *a, size_t opener)
{
	if (opener >= text.len || conf_line_start(text, opener) == conf_line_start(text, a->at))
		return;
	unclosed(text, a, opener);
	say(a->hint, "add the \"%c\", or a \",\" between the items",
		text.at[opener] == '[' ? ']' : '}');
}

enum refinement {
	AS_IT_IS,
	AT_QUOTE,
	AT_TAB,
	AT_TAG,
	BEGINS_BADLY,
	NO_COLON,
	PLAIN_KEY,
	TRAILING,
	BAD_ESCAPE,
	SECOND_COLON,
	UNCLOSED,
	NO_COMMA,
	QUOTE_VALUE
};

struct row {
	const char *piece; /* of the library's message */
	enum refinement refinement;
	const char *what, *hint;
};

#define ALIGN_HINT  "the lines of one map or list begin in the same column"
#define QUOTE_HINT  "put the value in quotes"
#define TAB_WHAT    "a tab is used for indentation"
#define TAB_HINT    "replace it by spaces: YAML counts only those"
#define OPEN_WHAT   "the quote that opens here is not closed where its value ends"
#define OPEN_HINT   "close it at the end of the value, or indent the lines that continue it"
#define ESCAPE_HINT "put the pattern in single quotes: there a backslash is only a backslash"

/* The first row that fits counts. */
static const struct row rows[] = {
	{"invalid multiline plain key", PLAIN_KEY, "", ""},
	{"invalid mapping in plain multiline", PLAIN_KEY, "", ""},
	{"could not find expected ':'", NO_COLON, "", ""},
	{"invalid value after mapping", NO_COLON, "", ""},
	{"missing ':'", NO_COLON, "", ""},
	{"invalid scalar at the end of block sequence", AS_IT_IS,
		"this line is not part of the list above",
		"begin it with \"- \", or indent it like the name that the list belongs to"},
	{"did not find expected '-' indicator", AS_IT_IS, "this line is not part of the list above",
		"begin it with \"- \", or indent it like the name that the list belongs to"},
	{" tab", AT_TAB, TAB_WHAT, TAB_HINT},
	{"Indentation used tabs", AT_TAB, TAB_WHAT, TAB_HINT},
	{"tab character", AT_TAB, TAB_WHAT, TAB_HINT},
	{"scalar without closing quote", AT_QUOTE, OPEN_WHAT, OPEN_HINT},
	{"wrongly indented double-quoted", AT_QUOTE, OPEN_WHAT, OPEN_HINT},
	{"wrongly indented single-quoted", AT_QUOTE, OPEN_WHAT, OPEN_HINT},
	{"marker in double-quoted", AT_QUOTE, OPEN_WHAT, OPEN_HINT},
	{"marker in single-quoted", AT_QUOTE, OPEN_WHAT, OPEN_HINT},
	{"invalid multiline double-quoted", AT_QUOTE, OPEN_WHAT, OPEN_HINT},
	{"invalid multiline single-quoted", AT_QUOTE, OPEN_WHAT, OPEN_HINT},
	{"without a closing", UNCLOSED, "a list or map is never closed", "add the ] or }"},
	{"missing comma in flow", NO_COMMA, "a \",\" is missing here", "put \",\" between items"},
	{"mismatched flow", AS_IT_IS, "this bracket does not match the one that it closes",
		"[ is closed by ] and { by }"},
	{"invalid extra closing", QUOTE_VALUE, "there is nothing that this bracket closes", ""},
	{"comma in the beginning", AS_IT_IS, "there is nothing before this \",\"", "remove it"},
	{"extra comma", AS_IT_IS, "there is nothing between two \",\"", "remove one of them"},
	{"same line as a mapping key", QUOTE_VALUE, "a list may not begin in the line of its name",
		""},
	{"block sequence entries not allowed", QUOTE_VALUE,
		"a list may not begin in the line of its name", ""},
	{"invalid nested block mapping", SECOND_COLON, "a second \": \" stands in this line",
		"put the value in quotes"},
	{"invalid block mapping key on same line", SECOND_COLON,
		"a second \": \" stands in this line", "put the value in quotes"},
	{"mapping key (not allowed", SECOND_COLON, "a name and its \":\" may not stand here",
		"begin them on a line of their own, or put the value in quotes"},
	{"Illegal placement of ':'", SECOND_COLON, "a \":\" may not stand here",
		"put the value in quotes"},
	{"plain scalar cannot start with", BEGINS_BADLY, "", ""},
	{"invalid escape", BAD_ESCAPE, "an escape is not complete", ESCAPE_HINT},
	{"has invalid hex escape", BAD_ESCAPE, "an escape is not complete", ESCAPE_HINT},
	{"has invalid UTF8 escape", BAD_ESCAPE, "an escape gives no character", ESCAPE_HINT},
	{"low surrogate", BAD_ESCAPE, "an escape gives no character", ESCAPE_HINT},
	{"invalid trailing content", TRAILING, "text follows the closing quote", ""},
	{"comment without whitespace", TRAILING, "text follows the closing quote", ""},
	{"block scalar no linebreak", QUOTE_VALUE,
		"text follows the \"|\" or \">\" that begins a text of several lines", ""},
	{"bad start of block scalar", QUOTE_VALUE,
		"text follows the \"|\" or \">\" that begins a text of several lines", ""},
	{"block scalar with wrongly indented", AS_IT_IS,
		"the lines of this text are indented differently", ALIGN_HINT},
	{"wrongly indented comment line", AS_IT_IS,
		"a comment stands where a text of several lines should", "indent the text"},
	{"in flow mode", AS_IT_IS, "this line is not indented, but a bracket above is still open",
		"indent it, or close the [ or { before it"},
	{"indent", AS_IT_IS, "this line is indented differently from those it belongs to",
		ALIGN_HINT},
	{"block entry", AS_IT_IS, "a \"-\" may not stand here", ALIGN_HINT},
	{"expected node content", QUOTE_VALUE, "a value is missing here", ""},
	{"did not find expected key", AS_IT_IS, "a name is missing here",
		"a key is written as name: value"},
	{"anchor", QUOTE_VALUE, "a value that begins with \"&\" or \"*\" is a name for YAML", ""},
	{"alias", QUOTE_VALUE, "a value that begins with \"*\" is an alias for YAML", ""},
	{"tag", AT_TAG, "a value that begins with \"!\" is a YAML tag", ""},
	{"uri", AT_TAG, "a value that begins with \"!\" is a YAML tag", ""},
	{"URI", AT_TAG, "a value that begins with \"!\" is a YAML tag", ""},
	{"directive", AS_IT_IS, "a line may not begin with \"%\"", QUOTE_HINT},
	{"version", AS_IT_IS, "a line may not begin with \"%\"", QUOTE_HINT},
	{"indicator in", AS_IT_IS, "\"---\" and \"...\" may not stand here", QUOTE_HINT},
	{"document end marker", AS_IT_IS, "text follows the \"...\" that ends the file",
		"remove the \"...\""},
	{"--- line", AS_IT_IS, "a map may not begin in the line of \"---\"",
		"begin it on the next line"},
	{"invalid comment after", AS_IT_IS, "a comment needs a space before its \"#\"", ""},
};

static void refine(enum refinement how, struct str text, size_t opener, struct conf_advice *a)
{
	switch (how) {
	case AS_IT_IS: break;
	case AT_QUOTE: at_quote(text, a); break;
	case AT_TAB: at_tab(text, a); break;
	case AT_TAG: at_tag(text, a); break;
	case BEGINS_BADLY: begins_badly(text, a); break;
	case NO_COLON: no_colon(text, a); break;
	case PLAIN_KEY: plain_key(text, a); break;
	case TRAILING: trailing(text, a); break;
	case BAD_ESCAPE: bad_escape(text, a); break;
	case SECOND_COLON: second_colon(text, a); break;
	case UNCLOSED: unclosed(text, a, opener); break;
	case NO_COMMA: no_comma(text, a, opener); break;
	case QUOTE_VALUE: quote_value(text, a); break;
	}
}

void conf_advise(
	struct str text, size_t at, size_t opener, const char *message, struct conf_advice *a)
{
	a->at = at < text.len ? at : text.len;
	a->end = a->at;
	say(a->what, "this is not valid YAML: %s", message);
	a->hint[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!strstr(message, rows[i].piece))
			continue;
		say(a->what, "%s", rows[i].what);
		say(a->hint, "%s", rows[i].hint);
		refine(rows[i].refinement, text, opener, a);
		return;
	}
}
