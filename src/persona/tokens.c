/* How many tokens a text will be, without a tokenizer: by the kinds of its words and characters.
 *
 * Two counts. The usual one is near the truth for text as people write it. The most is what no
 * tokenizer in wide use passes, whatever somebody in chat makes up: an estimate below the truth
 * costs the head of the prompt, which servers cut off. Measured with the vocabularies of GPT-4
 * (cl100k), GPT-4o (o200k), Llama 2 and Llama 3, 2026-11: of chat, prose, noise, pronounceable
 * noise, digits and seven scripts, none is above `most` by more than a twelfth; ordinary chat is
 * at 0.8 to 0.95 of `usual`. What a model of another kind counts, prompt_gauge learns. */
#include "persona/persona.h"

#include <string.h>

/* Hundredths of a token. */
struct rates {
	unsigned word;   /* the least a word costs */
	unsigned plain;  /* a letter of a word that could be in a dictionary */
	unsigned odd;    /* a letter of any other */
	unsigned short_word; /* up to so many letters a plain word is one token */
	unsigned digit, sign, space; /* space: one that follows another */
	unsigned wide[3]; /* characters of two, three and four bytes */
};
static const struct rates usual_rates = {100, 27, 65, 4, 100, 100, 50, {100, 200, 350}};
static const struct rates most_rates = {100, 56, 90, 1, 125, 100, 100, {200, 300, 400}};

#define PLAIN_LETTERS 14  /* longer ones are rarely a word */
#define CONSONANTS_MAX 4  /* in a row, within a word: "strengths" */

static bool is_vowel(char c)
{
	return memchr("aeiouyAEIOUY", c, 12) != NULL;
}

/* Could these letters be a word: "hello", "Kelp"? Not "xkqzj", "PebbleWren", "LOL". */
static bool is_plain(struct str word)
{
	size_t row = 0;
	bool has_vowel = word.len == 1;

	if (word.len > PLAIN_LETTERS)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (i > 0 && word.at[i] < 'a')
			return false;
		if (is_vowel(word.at[i])) {
			has_vowel = true;
			row = 0;
		} else if (++row > CONSONANTS_MAX) {
			return false;
		}
	}
	return has_vowel;
}

static size_t word_cost(struct str word, const struct rates *r)
{
	size_t cost;

	if (!is_plain(word))
		cost = word.len * r->odd;
	else
		cost = word.len <= r->short_word ? r->word : word.len * r->plain;
	return cost > r->word ? cost : r->word;
}

static size_t count(struct str s, const struct rates *r)
{
	size_t cost = 0, at = 0;

	while (at < s.len) {
		const size_t from = at;
		const unsigned char c = (unsigned char)s.at[at];

		if (ascii_is_letter((char)c)) {
			while (at < s.len && ascii_is_letter(s.at[at]))
				at++;
			cost += word_cost((struct str){s.at + from, at - from}, r);
		} else if (c == ' ') { /* belongs to the word that follows */
			cost += at > 0 && s.at[at - 1] == ' ' ? r->space : 0;
			at++;
		} else if (c < 0x80) {
			cost += ascii_is_digit((char)c) ? r->digit : r->sign;
			at++;
		} else {
			(void)text_next(s, &at);
			const size_t bytes = at - from;
			cost += r->wide[bytes <= 2 ? 0 : bytes == 3 ? 1 : 2];
		}
	}
	return (cost + 99) / 100;
}

size_t prompt_tokens(struct str text)
{
	return count(text, &usual_rates);
}

size_t prompt_tokens_most(struct str text)
{
	return count(text, &most_rates);
}
