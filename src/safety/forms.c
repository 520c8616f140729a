/* The forms of a text that rules of files are tried on, since whoever writes against a rule writes
 * so that only a reader, or a model, sees it:
 *
 *   folded     NFKC, case, nothing invisible; every script stays itself
 *   plain      letters that look alike made plain, accents gone
 *   opened     digits and signs among letters read as letters, spelt-out words joined
 *   backwards  the plain one from its end: a model would read it, of an answer nobody would
 *
 * In all of them a run of blanks and underscores is one space. Forms that are the one before are
 * left out. */
#include "safety/room.h"

#include <string.h>

#define SPELT_LETTERS 3 /* so many lone letters in a row are a word: "D A N" */

void safety_forms_init(struct safety_forms *f)
{
	*f = (struct safety_forms){0};
	for (size_t i = 0; i < SAFETY_FORMS; i++)
		buf_init(&f->at[i], SAFETY_STEP_BYTES);
}

void safety_forms_fini(struct safety_forms *f)
{
	for (size_t i = 0; i < SAFETY_FORMS; i++)
		buf_fini(&f->at[i]);
}

/* In place: what parts words is one space. */
static void space_out(struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++) {
		char c = b->at[i];

		if (c == '_' || c == '\n' || c == '\r' || c == '\t')
			c = ' ';
		if (c != ' ' || (n > 0 && b->at[n - 1] != ' '))
			b->at[n++] = c;
	}
	buf_truncate(b, n);
}

static bool is_letter(char c)
{
	return ascii_is_letter(c) || (unsigned char)c >= 0x80;
}

/* The letter that a digit or sign within a word stands for, 0 for none. */
static char leet(char c)
{
	static const char signs[] = "0134578@$!|", letters[] = "oieastbasii";
	const char *p = c ? strchr(signs, c) : NULL;

	return p ? letters[p - signs] : 0;
}

/* Adds a word: its letters and what stands for some; signs between letters go. */
static int open_word(struct str word, struct buf *out)
{
	size_t letters = 0;
	int err = 0;

	for (size_t i = 0; i < word.len; i++)
		letters += is_letter(word.at[i]);
	if (letters == 0)
		return buf_add_str(out, word);
	for (size_t i = 0; i < word.len && err == 0; i++) {
		char c = word.at[i], meant = leet(c);
		const bool is_last = i + 1 == word.len;

		if (is_letter(c))
			err = buf_addc(out, c);
		else if (meant && !(is_last && c == '!'))
			err = buf_addc(out, meant);
		else if (ascii_is_digit(c) || is_last || i == 0)
			err = buf_addc(out, c);
	}
	return err;
}

static bool is_lone(struct str word)
{
	return word.len == 1 && (ascii_is_letter(word.at[0]) || leet(word.at[0]));
}

/* How many lone letters the rest begins with. */
static size_t lone_words(struct str rest)
{
	size_t n = 0;

	while (rest.len > 0 && is_lone(str_split(&rest, ' ')))
		n++;
	return n;
}

static int open_words(struct str plain, struct buf *out)
{
	size_t spelt = 0; /* lone letters of a run that are still to come */
	int err = 0;

	while (plain.len > 0 && err == 0) {
		if (spelt == 0) {
			spelt = lone_words(plain);
			if (spelt < SPELT_LETTERS)
				spelt = 0;
		}
		struct str word = str_split(&plain, ' ');

		if (spelt > 0) {
			err = buf_addc(out, leet(word.at[0]) ? leet(word.at[0]) : word.at[0]);
			spelt--;
		} else {
			err = open_word(word, out);
		}
		if (err == 0 && spelt == 0 && plain.len > 0)
			err = buf_addc(out, ' ');
	}
	return err;
}

/* With how many words of one sign each the text begins. */
static size_t signs_in_row(struct str text)
{
	size_t n = 0;

	while (text.len > 0 && str_split(&text, ' ').len == 1)
		n++;
	return n;
}

int safety_join_spelt(struct str text, struct buf *out)
{
	size_t spelt = 0; /* signs of a run that are still to come */
	int err = 0;

	while (text.len > 0 && err == 0) {
		if (spelt == 0)
			spelt = signs_in_row(text);
		err = buf_add_str(out, str_split(&text, ' '));
		spelt -= spelt > 0;
		if (spelt == 0 && err == 0 && text.len > 0)
			err = buf_addc(out, ' ');
	}
	return err;
}

static int turn_around(struct str plain, struct buf *out)
{
	int err = 0;

	for (size_t end = plain.len, at; end > 0 && err == 0; end = at) {
		at = end - 1;
		while (at > 0 && ((unsigned char)plain.at[at] & 0xC0) == 0x80)
			at--;
		err = buf_add(out, plain.at + at, end - at);
	}
	return err;
}

/* Keeps the form that was just made, unless it is the one before. */
static void keep(struct safety_forms *f)
{
	struct buf *b = &f->at[f->n];

	space_out(b);
	if (b->len == 0 || (f->n > 0 && str_eq(buf_str(b), buf_str(&f->at[f->n - 1]))))
		buf_clear(b);
	else
		f->n++;
}

int safety_forms_make(struct str text, bool has_backwards, struct safety_forms *f)
{
	int err;

	for (size_t i = 0; i < SAFETY_FORMS; i++)
		buf_clear(&f->at[i]);
	f->n = 0;
	err = text_fold(text, &f->at[0]);
	if (err < 0 || f->at[0].len == 0)
		return err;
	keep(f);
	if (f->n == 0)
		return 0;
	if (!text_is_ascii(text)) {
		err = safety_plain(text, &f->at[f->n]);
		if (err < 0)
			return err;
		keep(f);
	}
	const struct str plain = buf_str(&f->at[f->n - 1]);

	err = open_words(plain, &f->at[f->n]);
	if (err < 0)
		return err;
	keep(f);
	if (!has_backwards)
		return 0;
	err = turn_around(plain, &f->at[f->n]);
	if (err == 0)
		keep(f);
	return err;
}
