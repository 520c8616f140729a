/* The forms that need no regular expression, each written as one.
 *
 * "Whole word" is stricter than \b: a word within a link, a mention, a path or a compound is not
 * meant, so "hi" is not in "hi-hat", "@hi" or "hi.example". Words that begin or end with a sign
 * ("<3", "c++") must stand between spaces. */
#include "trigger/room.h"

#include <string.h>

#define WORD_START "(?<![\\w@#/$&])(?<!\\w[-'\u2019.])"
#define WORD_END   "(?!\\w)(?![-'\u2019./@]\\w)"

/* Adds text so that it stands for itself in a pattern. */
static int add_plain(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		bool is_plain = c >= 0x80 || c == ' ' || ascii_is_alnum(c);

		if ((!is_plain && buf_addc(out, '\\') < 0) || buf_addc(out, (char)c) < 0)
			return ERR_LIMIT;
	}
	return 0;
}

/* Adds before(?:a|b)after. */
static int add_choice(
	struct buf *out, const char *before, const struct str *texts, size_t n, const char *after)
{
	if (buf_adds(out, before) < 0 || buf_adds(out, "(?:") < 0)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		if ((i > 0 && buf_addc(out, '|') < 0) || add_plain(out, texts[i]) < 0)
			return ERR_LIMIT;
	}
	return buf_addc(out, ')') < 0 || buf_adds(out, after) < 0 ? ERR_LIMIT : 0;
}

static bool is_blank(const struct str *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_trim(texts[i]).len == 0)
			return true;
	}
	return n == 0;
}

static bool is_word_byte(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80;
}

static bool has_word_ends(struct str word)
{
	return is_word_byte(word.at[0]) && is_word_byte(word.at[word.len - 1]);
}

int trigger_form_words(const struct str *words, size_t n, struct buf *out)
{
	size_t added = 0;

	if (is_blank(words, n))
		return ERR_INVALID;
	for (int ends = 0; ends < 2; ends++) {
		size_t group = 0;

		for (size_t i = 0; i < n; i++) {
			if (has_word_ends(words[i]) != (ends == 0))
				continue;
			if (group++ == 0 && (buf_adds(out, added > 0 ? "|" : "") < 0 ||
						    buf_adds(out, ends == 0 ? WORD_START "(?:"
									    : "(?<!\\S)(?:") < 0))
				return ERR_LIMIT;
			if ((group > 1 && buf_addc(out, '|') < 0) || add_plain(out, words[i]) < 0)
				return ERR_LIMIT;
		}
		if (group > 0 && buf_adds(out, ends == 0 ? ")" WORD_END : ")(?!\\S)") < 0)
			return ERR_LIMIT;
		added += group;
	}
	return 0;
}

int trigger_form_command(const struct str *names, size_t n, struct buf *out)
{
	if (is_blank(names, n))
		return ERR_INVALID;
	if (buf_adds(out, "^!(?:") < 0)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		struct str name = names[i];

		if (name.at[0] == '!')
			name = (struct str){name.at + 1, name.len - 1};
		if (name.len == 0 || memchr(name.at, ' ', name.len))
			return ERR_INVALID;
		if ((i > 0 && buf_addc(out, '|') < 0) || add_plain(out, name) < 0)
			return ERR_LIMIT;
	}
	return buf_adds(out, ")(?!\\S)") < 0 ? ERR_LIMIT : 0;
}

int trigger_form_exact(const struct str *texts, size_t n, struct buf *out)
{
	return is_blank(texts, n) ? ERR_INVALID : add_choice(out, "^", texts, n, "\\z");
}

int trigger_form_contains(const struct str *texts, size_t n, struct buf *out)
{
	return is_blank(texts, n) ? ERR_INVALID : add_choice(out, "", texts, n, "");
}

int trigger_form_name(struct str bot_name, struct buf *out)
{
	if (str_trim(bot_name).len == 0) /* nobody to mention */
		return buf_adds(out, "(?!)") < 0 ? ERR_LIMIT : 0;
	return add_choice(out, "(?<![\\w#/$&])(?<!\\w[-'\u2019.])", &bot_name, 1, WORD_END);
}
