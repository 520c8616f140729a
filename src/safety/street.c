/* Street addresses, by form: a number and a street's name, in the orders and words of a few
 * languages. "21 Jump Street" is one too; a lost reply is never news. */
#include "safety/room.h"

#include <string.h>

#define NAME_WORDS   3 /* between the number and the kind of street, or the other way round */
#define NUMBER_BYTES 5

static const char english[] = "street st road rd avenue ave lane ln drive dr boulevard blvd court "
			      "ct place square terrace crescent";
static const char english_sure[] = "street avenue boulevard lane";
static const char french[] = "rue avenue boulevard bd impasse chemin";
static const char southern[] = "calle avenida avda via viale corso ulica ulitsa rua";
/* What is no name of a street: "3 steps down the street". */
static const char no_names[] = "the a an this that my your our way down up of in on one two";

static bool is_word_byte(char c)
{
	return ascii_is_alnum(c) || c == '\'' || c == '-' || (unsigned char)c >= 0x80;
}

static struct str word_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && is_word_byte(s.at[at + n]))
		n++;
	return (struct str){s.at + at, n};
}

/* Behind one space or a comma and one. */
static size_t next_word(struct str s, size_t at)
{
	at += at < s.len && (s.at[at] == ',' || s.at[at] == '.');
	return at < s.len && s.at[at] == ' ' ? at + 1 : s.len;
}

/* "12", "221b" */
static bool is_number(struct str word)
{
	size_t digits = 0;

	while (digits < word.len && ascii_is_digit(word.at[digits]))
		digits++;
	return digits > 0 && digits <= NUMBER_BYTES &&
	       (digits == word.len || (digits + 1 == word.len && ascii_is_letter(word.at[digits])));
}

static bool is_one_of(struct str word, const char *list)
{
	char lower[16];

	if (word.len == 0 || word.len >= sizeof(lower))
		return false;
	for (size_t i = 0; i < word.len; i++)
		lower[i] = ascii_lower(word.at[i]);
	return str_is_among((struct str){lower, word.len}, list);
}

static bool is_name(struct str word)
{
	return word.len > 0 &&
	       ((word.at[0] >= 'A' && word.at[0] <= 'Z') || (unsigned char)word.at[0] >= 0x80 ||
		       ascii_is_digit(word.at[0]));
}

/* "12 Baker Street", "12 baker street", "42 rue de la Paix": bytes from the number on. */
static size_t number_first(struct str s, size_t at, struct str number)
{
	size_t next = next_word(s, at + number.len);
	bool are_names = true;

	if (is_one_of(word_at(s, next), french) &&
		word_at(s, next_word(s, next + word_at(s, next).len)).len > 0)
		return next + word_at(s, next).len - at;
	for (int i = 0; i <= NAME_WORDS; i++) {
		struct str word = word_at(s, next);

		if (word.len == 0)
			return 0;
		if (i > 0 && ((are_names && is_one_of(word, english)) ||
				     (i == 1 && is_one_of(word, english_sure))))
			return next + word.len - at;
		if (is_one_of(word, no_names))
			return 0;
		are_names &= is_name(word);
		next = next_word(s, next + word.len);
	}
	return 0;
}

static bool ends_like_a_street(struct str word)
{
	static const char *const ends[] = {"stra\u00dfe", "strasse", "allee", "gasse", "straat"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const size_t n = strlen(ends[i]);

		if (word.len > n + 2 &&
			str_is_nocase((struct str){word.at + word.len - n, n}, ends[i]))
			return true;
	}
	return false;
}

/* "Hauptstrasse 12", "Calle Mayor 15": bytes from the name on. */
static size_t name_first(struct str s, size_t at, struct str word)
{
	size_t next = next_word(s, at + word.len);

	if (ends_like_a_street(word))
		return is_number(word_at(s, next)) ? next + word_at(s, next).len - at : 0;
	if (!is_one_of(word, southern))
		return 0;
	for (int i = 0; i <= NAME_WORDS; i++) {
		struct str part = word_at(s, next);

		if (part.len == 0)
			return 0;
		if (i > 0 && is_number(part))
			return next + part.len - at;
		next = next_word(s, next + part.len);
	}
	return 0;
}

size_t safety_street_at(struct str s, size_t at)
{
	const struct str word = word_at(s, at);

	if (word.len == 0)
		return 0;
	return is_number(word) ? number_first(s, at, word) : name_first(s, at, word);
}
