/* Refused words, over a skeleton of the text.
 *
 * The skeleton is the text folded, look-alike letters made plain, repeated letters squeezed (how
 * often each stood there is kept apart, so that one word is not taken for another with fewer), cut
 * into words. A refused word is met when a run of whole words spells it, spaces and signs between
 * them or not ("b a d", "b.ad", "ba d"), with a plural s or without; words marked so are also met
 * inside longer ones. All of that is done twice, with digits and signs as the letters they stand
 * for ("b4d", "b@d") and as gaps, and backwards.
 *
 * Words are kept as 64-bit hashes: the built-in list is of words nobody should have to read here.
 */
#include "safety/room.h"

#include <stdlib.h>
#include <string.h>

#define WORD_LETTERS      60 /* squeezed; also what a mask can hold */
#define WORDS_MAX         20000
#define BACKWARDS_LETTERS 5 /* shorter words mean something else backwards: "dog" */

/* A spelling is followed over so many glyphs a letter: "b b b a a a d". Bounds the work on "a a a
 * ...". */
#define GLYPHS_PER_LETTER 4
#define GAP_LETTERS       6 /* a word that long counts when cut anywhere: "ba dword" */

enum kind {
	KIND_WORD,     /* met as a whole word */
	KIND_PHRASE,   /* has gaps of its own */
	KIND_ANYWHERE, /* met inside of a word too */
	KIND_INNOCENT, /* a word that begins so may hold the ones met anywhere: Scunthorpe */
};

struct entry {
	uint64_t hash;    /* of the squeezed letters */
	uint64_t doubled; /* bit i: the i-th of them must stand at least twice */
	uint8_t letters;
	uint8_t kind;
};

struct safety_words {
	struct entry *at; /* sorted by hash */
	size_t n;
	uint64_t lengths; /* bit i: there is an entry of i letters */
	size_t longest;
};

/* Slurs against origin, religion, sexuality, gender and disability, and innocent words around them.
 */
static const struct entry builtin[] = {
#include "safety/words_builtin.inc"
};

struct glyph {
	int32_t letter;
	uint32_t row;      /* how often it stood there */
	bool begins, ends; /* a word */
};

struct skeleton {
	struct glyph *at;
	size_t n;
};

/* ---- Skeleton -------------------------------------------------------------------------------- */

/* The letter a digit or sign stands for, 0 for none. */
static int32_t leet(int32_t c)
{
	static const char signs[] = "0123456789@$!|+(", letters[] = "oizeasgtbgasiitc";
	const char *p = c > 0 && c < 0x80 ? strchr(signs, (char)c) : NULL;

	if (p && *p)
		return letters[p - signs];
	return c == 0x20AC ? 'e' : c == 0xA3 ? 'i' : c == 0xA2 ? 'c' : c == 0xA1 ? 'i' : 0;
}

static bool is_symbol(int32_t c) /* emoji and the like: words of one sign each */
{
	return (c >= 0x2190 && c <= 0x2BFF) || c >= 0x1F000;
}

/* End of the word that begins at `at`: no white space, no sign that is never a letter. Says whether
 * a letter is in it. */
static size_t word_end(struct str s, size_t at, bool *has_letter)
{
	size_t end = at;
	int32_t c;

	*has_letter = false;
	while ((c = text_next(s, &at)) >= 0) {
		bool is_letter = safety_is_alnum(c) && !(c < 0x80 && ascii_is_digit((char)c));
		if (!is_letter && leet(c) == 0 && c != '\'' && c != 0x2019)
			break;
		*has_letter |= is_letter;
		end = at;
	}
	return end;
}

static void add_glyph(struct skeleton *k, int32_t letter, bool *is_fresh)
{
	struct glyph *last = k->n > 0 ? &k->at[k->n - 1] : NULL;

	if (letter == 'l')
		letter = 'i'; /* "1" may be either, "I" too */
	if (!*is_fresh && last && last->letter == letter) {
		last->row++;
		return;
	}
	if (*is_fresh && last)
		last->ends = true;
	k->at[k->n++] = (struct glyph){.letter = letter, .row = 1, .begins = *is_fresh};
	*is_fresh = false;
}

/* plain: what safety_plain gave. with_leet: digits and signs among letters are letters. */
static int make_skeleton(struct str plain, bool with_leet, struct skeleton *out)
{
	size_t at = 0, end = 0, from;
	bool is_fresh = true, has_letter = false;
	int32_t c;

	*out = (struct skeleton){.at = mem_array(plain.len + 1, sizeof(*out->at))};
	if (!out->at)
		return ERR_NOMEM;
	while (from = at, (c = text_next(plain, &at)) >= 0) {
		if (from >= end) {
			end = word_end(plain, from, &has_letter);
			is_fresh |= end == from;
		}
		bool is_digit = c < 0x80 && ascii_is_digit((char)c);
		if (is_symbol(c)) {
			is_fresh = true;
			if (with_leet)
				add_glyph(out, c, &is_fresh);
			is_fresh = true;
		} else if (safety_is_alnum(c) && !is_digit) {
			add_glyph(out, c, &is_fresh);
		} else if (!has_letter && is_digit) {
			add_glyph(out, c, &is_fresh); /* a number is a word of digits */
		} else if (with_leet && has_letter && from < end && leet(c)) {
			add_glyph(out, leet(c), &is_fresh);
		} else if (c != '\'' && c != 0x2019) { /* "that's" is one word */
			is_fresh = true;
		}
	}
	if (out->n > 0)
		out->at[out->n - 1].ends = true;
	return 0;
}

static void turn_around(struct skeleton *k)
{
	for (size_t i = 0; i < k->n / 2; i++) {
		struct glyph g = k->at[i];
		k->at[i] = k->at[k->n - 1 - i];
		k->at[k->n - 1 - i] = g;
	}
	for (size_t i = 0; i < k->n; i++) {
		bool begins = k->at[i].begins;
		k->at[i].begins = k->at[i].ends;
		k->at[i].ends = begins;
	}
}

/* ---- Hashes ---------------------------------------------------------------------------------- */

/* A spelling read so far: its squeezed letters, and which stood twice. */
struct spelling {
	uint64_t hash, doubled;
	size_t letters;
	int32_t last;
};

static const struct spelling nothing = {.hash = 0xCBF29CE484222325u ^ 0x6D796E6168u, .last = -1};

static void spell(struct spelling *s, const struct glyph *g)
{
	if (g->letter == s->last) { /* across a gap */
		s->doubled |= (uint64_t)1 << (s->letters - 1);
		return;
	}
	s->hash = (s->hash ^ (uint64_t)g->letter) * 0x100000001B3u; /* FNV-1a over code points */
	if (g->row > 1)
		s->doubled |= (uint64_t)1 << s->letters;
	s->last = g->letter;
	s->letters++;
}

static uint64_t finish(const struct spelling *s) /* splitmix64's last step: spreads short words */
{
	uint64_t z = s->hash + 0x9E3779B97F4A7C15u;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Is there an entry so spelt, of one of the kinds? */
static bool is_listed(const struct safety_words *w, const struct spelling *s, unsigned kinds)
{
	if (s->letters == 0 || s->letters > WORD_LETTERS || !(w->lengths >> s->letters & 1))
		return false;
	struct entry key = {.hash = finish(s)};
	const struct entry *e = bsearch(&key, w->at, w->n, sizeof(*w->at), compare);
	if (!e)
		return false;
	while (e > w->at && e[-1].hash == key.hash)
		e--;
	for (; e < w->at + w->n && e->hash == key.hash; e++) {
		if ((kinds >> e->kind & 1) && (e->doubled & ~s->doubled) == 0)
			return true;
	}
	return false;
}

/* ---- Search ---------------------------------------------------------------------------------- */

static bool is_plural_end(const struct skeleton *k, size_t i)
{
	return i + 1 < k->n && k->at[i + 1].ends && !k->at[i].ends &&
	       (k->at[i + 1].letter == 's' || k->at[i + 1].letter == 'z');
}

/* Does the word around glyph i begin like an innocent one? */
static bool is_innocent(const struct safety_words *w, const struct skeleton *k, size_t i)
{
	struct spelling s = nothing;

	while (i > 0 && !k->at[i].begins)
		i--;
	for (; i < k->n && s.letters < w->longest; i++) {
		spell(&s, &k->at[i]);
		if (is_listed(w, &s, 1u << KIND_INNOCENT))
			return true;
		if (k->at[i].ends)
			break;
	}
	return false;
}

/* Which entries a run of glyphs may be, by the gaps in it. */
static unsigned kinds_of(const struct skeleton *k, size_t from, size_t to)
{
	size_t letters = 0;
	bool has_gap = false, is_spelt_out = true;

	for (size_t i = from; i <= to; i++) {
		letters += k->at[i].row > 1 ? 2 : 1;
		has_gap |= i > from && k->at[i].begins;
		is_spelt_out &= k->at[i].begins && k->at[i].ends;
	}
	if (has_gap && !is_spelt_out && letters < GAP_LETTERS)
		return 1u << KIND_PHRASE;
	return 1u << KIND_PHRASE | 1u << KIND_WORD | 1u << KIND_ANYWHERE;
}

/* Does a refused word begin at glyph i? */
static bool is_met_at(
	const struct safety_words *w, const struct skeleton *k, size_t i, size_t least)
{
	const unsigned all = 1u << KIND_PHRASE | 1u << KIND_WORD | 1u << KIND_ANYWHERE;
	struct spelling s = nothing;
	bool is_inside = true; /* of the word it began in */
	size_t end = i + w->longest * GLYPHS_PER_LETTER;

	for (size_t j = i; j < k->n && j < end && s.letters < w->longest; j++) {
		spell(&s, &k->at[j]);
		bool is_whole = k->at[i].begins && (k->at[j].ends || is_plural_end(k, j));
		if (s.letters >= least && is_whole && is_listed(w, &s, all) &&
			is_listed(w, &s, kinds_of(k, i, j)))
			return true;
		if (s.letters >= least && is_inside && is_listed(w, &s, 1u << KIND_ANYWHERE) &&
			!is_innocent(w, k, i))
			return true;
		is_inside &= !k->at[j].ends;
		if (!is_inside && !k->at[i].begins)
			break;
	}
	return false;
}

static bool is_met(const struct safety_words *w, const struct skeleton *k, size_t least)
{
	for (size_t i = 0; i < k->n; i++) {
		if (is_met_at(w, k, i, least))
			return true;
	}
	return false;
}

int safety_words_check(const struct safety_words *w, struct str text)
{
	struct buf plain;

	buf_init(&plain, SAFETY_STEP_BYTES);
	int err = safety_plain(text, &plain);
	for (int with_leet = 0; with_leet < 2 && err == 0; with_leet++) {
		struct skeleton k;
		err = make_skeleton(buf_str(&plain), with_leet, &k);
		if (err < 0)
			break;
		bool is_bad = is_met(w, &k, 1);
		if (!is_bad) {
			turn_around(&k);
			is_bad = is_met(w, &k, BACKWARDS_LETTERS);
		}
		mem_free(k.at);
		if (is_bad)
			err = ERR_DENIED;
	}
	buf_fini(&plain);
	return err;
}

/* ---- The list -------------------------------------------------------------------------------- */

/* "word", "two words", "*inside*": the entry of a configured word. 0 letters: nothing to look for.
 */
static int make_entry(struct str word, struct entry *out)
{
	struct skeleton k = {0};
	struct spelling s = nothing;
	struct buf plain;
	bool is_anywhere = word.len > 0 && (word.at[0] == '*' || word.at[word.len - 1] == '*');
	bool has_gap = false;

	buf_init(&plain, SAFETY_STEP_BYTES);
	int err = safety_plain(word, &plain);
	if (err == 0)
		err = make_skeleton(buf_str(&plain), true, &k);
	for (size_t i = 0; i < k.n && err == 0; i++) {
		has_gap |= i > 0 && k.at[i].begins;
		if (s.letters == WORD_LETTERS)
			err = ERR_LIMIT;
		else
			spell(&s, &k.at[i]);
	}
	*out = (struct entry){.hash = finish(&s),
		.doubled = s.doubled,
		.letters = (uint8_t)s.letters,
		.kind = is_anywhere ? KIND_ANYWHERE
			: has_gap   ? KIND_PHRASE
				    : KIND_WORD};
	mem_free(k.at);
	buf_fini(&plain);
	return err;
}

int safety_words_new(const char *const *words, size_t n, struct safety_words **out)
{
	const size_t own = sizeof(builtin) / sizeof(builtin[0]);
	struct safety_words *w = NULL;
	int err = ERR_NOMEM;

	if (n > WORDS_MAX)
		return ERR_LIMIT;
	w = mem_new(sizeof(*w));
	if (!w)
		goto out;
	w->at = mem_array(own + n, sizeof(*w->at));
	if (!w->at)
		goto out;
	memcpy(w->at, builtin, sizeof(builtin));
	w->n = own;
	for (size_t i = 0; i < n; i++) {
		err = make_entry(str_trim(str_of(words[i])), &w->at[w->n]);
		if (err < 0)
			goto out;
		w->n += w->at[w->n].letters > 0;
	}
	for (size_t i = 0; i < w->n; i++) {
		w->lengths |= (uint64_t)1 << w->at[i].letters;
		if (w->at[i].letters > w->longest)
			w->longest = w->at[i].letters;
	}
	qsort(w->at, w->n, sizeof(*w->at), compare);
	*out = w;
	w = NULL;
	err = 0;
out:
	safety_words_free(w);
	return err;
}

void safety_words_free(struct safety_words *w)
{
	if (!w)
		return;
	mem_free(w->at);
	mem_free(w);
}
