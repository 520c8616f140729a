/* Words of a card, made harmless and ours.
 *
 * Three passes. Macros first: {{char}} and {{user}}, in all their spellings, become a pair of rare
 * brackets around one letter, because quoting takes doubled braces apart; the others become plain
 * words or nothing. Then every line is quoted as words from chat are (safety_quote). Then the
 * brackets become {{char}} and {{user}}, which are all that doubled braces can still be. */
#include "convert/room.h"
#include "safety/safety.h"

#include <string.h>

/* Longer texts are cut before they are looked at; what stays is four times what fits. */
#define RAW_BYTES   (4 * PERSONA_SYSTEM_BYTES)
#define INDENT_MOST 8
#define MACRO_BYTES 1000 /* a longer one is none: looking for its end costs */

/* U+2983 and U+2984, which no text may bring along. */
#define STAND_IN_OPEN  "\u2983"
#define STAND_IN_CLOSE "\u2984"
#define STAND_IN_CHAR  STAND_IN_OPEN "c" STAND_IN_CLOSE
#define STAND_IN_USER  STAND_IN_OPEN "u" STAND_IN_CLOSE
#define VIEWER         "the viewer" /* what persona.c makes of {{user}} */

/* ---- Macros ---------------------------------------------------------------------------------- */

static bool begins_nocase(struct str s, const char *word)
{
	const size_t n = strlen(word);

	return s.len >= n && str_is_nocase((struct str){s.at, n}, word);
}

/* "user", "user2", "name3": eliza numbers them. */
static bool is_user(struct str word)
{
	if (word.len > 1 && ascii_is_digit(word.at[word.len - 1]))
		word.len--;
	return str_is_among(word, "user name");
}

/* The first of the choices in "random:a,b" or "random::a::b". */
static struct str first_choice(struct str list)
{
	while (list.len > 0 && list.at[0] == ':')
		list = (struct str){list.at + 1, list.len - 1};
	const char *colons = memmem(list.at, list.len, "::", 2);
	if (colons)
		return str_trim((struct str){list.at, (size_t)(colons - list.at)});
	return str_trim(str_split(&list, ','));
}

/* Adds plain words without the brackets that would mean something. */
static int add_words(struct str words, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < words.len && err == 0; i++) {
		if (words.at[i] != '{' && words.at[i] != '}')
			err = buf_addc(out, words.at[i]);
	}
	return err;
}

/* What stands between {{ and }}. */
static int add_macro(struct str word, struct buf *out)
{
	static const char *const silent[] = {
		"//", "comment:", "hidden_key:", "roll:", "original", "newline", "trim", "noop"};

	if (str_is_among(word, "char bot agentname charname"))
		return buf_adds(out, STAND_IN_CHAR);
	if (is_user(word))
		return buf_adds(out, STAND_IN_USER);
	if (begins_nocase(word, "random:") || begins_nocase(word, "pick:")) {
		(void)str_split(&word, ':');
		return add_words(first_choice(word), out);
	}
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		if (begins_nocase(word, silent[i]))
			return 0;
	}
	return add_words(word, out);
}

/* Takes a macro off the front of rest and adds what becomes of it; else one byte. */
static int take_macro(struct str *rest, struct buf *out)
{
	struct str s = *rest;
	size_t taken = 1;
	int err;

	if (begins_nocase(s, "<bot>") || begins_nocase(s, "<char>")) {
		taken = s.at[1] == 'b' || s.at[1] == 'B' ? 5 : 6;
		err = buf_adds(out, STAND_IN_CHAR);
	} else if (begins_nocase(s, "<user>")) {
		taken = 6;
		err = buf_adds(out, STAND_IN_USER);
	} else if (begins_nocase(s, STAND_IN_OPEN) || begins_nocase(s, STAND_IN_CLOSE)) {
		taken = 3;
		err = 0;
	} else {
		const size_t reach = s.len < MACRO_BYTES ? s.len : MACRO_BYTES;
		const char *close = reach > 4 && s.at[0] == '{' && s.at[1] == '{'
					    ? memmem(s.at + 2, reach - 2, "}}", 2)
					    : NULL;

		if (close) {
			taken = (size_t)(close - s.at) + 2;
			err = add_macro(str_trim((struct str){s.at + 2, taken - 4}), out);
		} else {
			err = buf_addc(out, s.at[0]);
		}
	}
	*rest = (struct str){s.at + taken, s.len - taken};
	return err;
}

static int take_macros(struct str text, struct buf *out)
{
	int err = 0;

	while (text.len > 0 && err == 0)
		err = take_macro(&text, out);
	return err;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Without U+FFFE and its kind, which YAML refuses; all line ends become one. */
static int even_out(struct str text, struct buf *out)
{
	size_t at = 0;
	int32_t c;
	int err = 0;

	while (err == 0 && (c = text_next(text, &at)) >= 0) {
		if ((c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF))
			continue;
		if (c == '\r' && at < text.len && text.at[at] == '\n')
			continue;
		err = text_put(out, c == 0x2028 || c == 0x2029 || c == '\r' ? '\n' : c);
	}
	return err;
}

/* Quotes line by line, keeping what indentation and empty lines say. */
static int quote_lines(struct str text, struct buf *out)
{
	bool is_gap = false;
	int err = 0;

	while (text.len > 0 && err == 0) {
		struct str line = str_split(&text, '\n');
		size_t indent = 0;

		while (indent < line.len && indent < INDENT_MOST && line.at[indent] == ' ')
			indent++;
		if (str_trim(line).len == 0) {
			is_gap = out->len > 0;
			continue;
		}
		if (out->len > 0)
			err = buf_adds(out, is_gap ? "\n\n" : "\n");
		else
			indent = 0;
		is_gap = false;
		if (err == 0)
			err = buf_addf(out, "%*s", (int)indent, "");
		if (err == 0)
			err = safety_quote(line, line.len * 3, out);
	}
	return err;
}

/* Adds text with the stand-ins as macros of ours, as far as it takes max bytes once they are filled
 * in. ERR_LIMIT when it was cut. */
static int add_ours(struct str text, const char *name, size_t max, struct buf *out)
{
	size_t spent = 0, at = 0;
	int err = 0;

	while (at < text.len && err == 0) {
		struct str rest = {text.at + at, text.len - at};
		const bool is_char = begins_nocase(rest, STAND_IN_CHAR);
		const bool is_macro = is_char || begins_nocase(rest, STAND_IN_USER);
		size_t next = at;

		if (is_macro)
			next += sizeof(STAND_IN_CHAR) - 1;
		else
			(void)text_next(text, &next);
		spent += is_char ? strlen(name) : is_macro ? sizeof(VIEWER) - 1 : next - at;
		/* The text may also not be longer than that before it is filled in. */
		if (spent + 1 > max || out->len + 9 > out->max)
			return ERR_LIMIT;
		if (is_macro && out->len > 0 && out->at[out->len - 1] == '{') {
			err = buf_addc(out, ' '); /* "{{{char}}" would be another macro */
			spent++;
		}
		if (err == 0)
			err = !is_macro ? buf_add(out, text.at + at, next - at)
					: buf_adds(out, is_char ? "{{char}}" : "{{user}}");
		at = next;
	}
	return err;
}

int convert_clean(struct str text, const char *name, size_t max, struct buf *out)
{
	struct buf sound, plain, quoted;
	const bool is_long = text.len > RAW_BYTES;
	int err;

	if (is_long)
		text.len = text_cut(text, RAW_BYTES, 0);
	buf_init(&sound, 3 * RAW_BYTES + 1);
	buf_init(&plain, 12 * RAW_BYTES);
	buf_init(&quoted, 40 * RAW_BYTES);
	err = even_out(text, &sound);
	if (err == 0)
		err = take_macros(buf_str(&sound), &plain);
	if (err == 0)
		err = quote_lines(buf_str(&plain), &quoted);
	if (err == 0)
		err = add_ours(str_trim(buf_str(&quoted)), name, max, out);
	buf_fini(&sound);
	buf_fini(&plain);
	buf_fini(&quoted);
	return err == 0 && is_long ? ERR_LIMIT : err;
}

int convert_clean_line(struct str text, const char *name, size_t max, struct buf *out)
{
	struct buf lines;
	int err;

	buf_init(&lines, 2 * PERSONA_SYSTEM_BYTES);
	err = convert_clean(text, name, max, &lines);
	for (size_t i = 0; i < lines.len; i++) {
		if (lines.at[i] == '\n')
			lines.at[i] = ' ';
	}
	if (err == 0 || err == ERR_LIMIT) {
		/* Macros are ASCII: scrubbing leaves them alone. */
		const int added = text_scrub(buf_str(&lines), TEXT_CHAT, out);

		err = added < 0 ? added : err;
	}
	buf_fini(&lines);
	return err;
}

int convert_fill(struct str text, const char *name, const char *user, struct buf *out)
{
	int err = 0;

	while (text.len > 0 && err == 0) {
		const char *open = memmem(text.at, text.len, "{{", 2);
		const size_t n = open ? (size_t)(open - text.at) : text.len;
		size_t taken = n;

		err = buf_add(out, text.at, n);
		if (open && err == 0) {
			struct str rest = {open, text.len - n};
			const bool is_char = begins_nocase(rest, "{{char}}");
			const bool is_bot = begins_nocase(rest, "{{bot}}");
			const bool is_named = is_char || is_bot || begins_nocase(rest, "{{user}}");

			taken += is_bot ? 7 : is_named ? 8 : 2;
			err = buf_adds(out, !is_named ? "{{" : is_char || is_bot ? name : user);
		}
		text = (struct str){text.at + taken, text.len - taken};
	}
	return err;
}

int convert_quote(struct str text, struct buf *out)
{
	return json_add_string(out, text); /* YAML 1.2: every JSON text is one */
}
