/* What a text has in common with another: the prompt (a leak), the question (an echo), itself (a
 * flood). Compared are words, folded, each by its hash. */
#include "safety/room.h"

#include <stdlib.h>

#define LEAK_WORDS         8 /* so many words in a row of the prompt are no chance */
#define ECHO_WORDS_MIN     3
#define ECHO_PCT           70 /* of the pairs of words */
#define FLOOD_WORDS        20 /* shorter texts may repeat as they like, */
#define FLOOD_DISTINCT_PCT 25
#define FLOOD_COUNTED      120 /* of a longer text: words of prose and code come back */
#define FLOOD_ROW          12 /* but not one word so often in a row */
#define FLOOD_SYMBOLS      30 /* emoji in one text */

struct words {
	uint64_t *at;
	size_t n;
};

/* The words of a text, in order. words->at is to be freed. */
static int read_words(struct str text, struct words *out)
{
	struct buf plain;
	size_t at = 0;
	uint64_t hash = 0;
	int32_t c;

	*out = (struct words){0};
	buf_init(&plain, SAFETY_STEP_BYTES);
	int err = safety_plain(text, &plain);
	if (err < 0)
		goto out;
	out->at = mem_array(plain.len / 2 + 1, sizeof(*out->at));
	if (!out->at) {
		err = ERR_NOMEM;
		goto out;
	}
	do {
		c = text_next(buf_str(&plain), &at);
		if (c >= 0 && safety_is_alnum(c)) {
			hash = (hash ^ (uint64_t)c) * 0x100000001B3u + 1; /* FNV-1a's prime */
		} else if (c != '\'' && hash != 0) {
			out->at[out->n++] = hash;
			hash = 0;
		}
	} while (c >= 0);
out:
	buf_fini(&plain);
	return err;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Each run of k words becomes one hash, in place; fewer words give none. */
static void make_runs(struct words *w, size_t k)
{
	size_t runs = w->n >= k ? w->n - k + 1 : 0;

	for (size_t i = 0; i < runs; i++) {
		uint64_t hash = 0;
		for (size_t j = 0; j < k; j++)
			hash = (hash ^ w->at[i + j]) * 0x9E3779B97F4A7C15u + j + 1;
		w->at[i] = hash;
	}
	w->n = runs;
}

/* How many of text's runs of k words stand in other too. */
static size_t count_common(struct words *text, struct words *other, size_t k)
{
	size_t common = 0;

	make_runs(text, k);
	make_runs(other, k);
	if (text->n == 0 || other->n == 0)
		return 0;
	qsort(other->at, other->n, sizeof(*other->at), compare);
	for (size_t i = 0; i < text->n; i++)
		common += bsearch(&text->at[i], other->at, other->n, sizeof(*other->at), compare) !=
			  NULL;
	return common;
}

/* Does canary stand in text, however spaced and written? */
static int has_canary(struct str canary, struct str text)
{
	struct buf plain;
	size_t met = 0, at = 0;
	int32_t c;
	int has = 0;

	buf_init(&plain, SAFETY_STEP_BYTES);
	int err = safety_plain(text, &plain);
	struct str s = buf_str(&plain);
	for (size_t from = 0; err == 0 && !has && from < s.len; from++) {
		if (((unsigned char)s.at[from] & 0xC0) == 0x80)
			continue;
		for (at = from, met = 0; met < canary.len && (c = text_next(s, &at)) >= 0;) {
			if (c == (unsigned char)canary.at[met])
				met++;
			else if (safety_is_alnum(c) || met == 0)
				break;
		}
		has = met == canary.len;
	}
	buf_fini(&plain);
	return err < 0 ? err : has;
}

int safety_leak_check(struct str canary, struct str system, struct str text)
{
	struct words said = {0}, secret = {0};
	int err = canary.len > 0 ? has_canary(canary, text) : 0;

	if (err != 0)
		return err > 0 ? ERR_DENIED : err;
	if (system.len == 0)
		return 0;
	err = read_words(text, &said);
	if (err == 0 && said.n >= LEAK_WORDS)
		err = read_words(system, &secret);
	/* Any in common is the same either way round, and the shorter text is the one to sort. */
	if (err == 0 && count_common(&secret, &said, LEAK_WORDS) > 0)
		err = ERR_DENIED;
	mem_free(said.at);
	mem_free(secret.at);
	return err;
}

int safety_is_echo(struct str question, struct str text)
{
	struct words said = {0}, asked = {0};
	int is_echo = 0;

	int err = read_words(text, &said);
	if (err == 0)
		err = read_words(question, &asked);
	if (err == 0 && said.n >= ECHO_WORDS_MIN) {
		size_t pairs = said.n - 1;
		is_echo = count_common(&said, &asked, 2) * 100 >= pairs * ECHO_PCT;
	}
	mem_free(said.at);
	mem_free(asked.at);
	return err < 0 ? err : is_echo;
}

/* Emoji and the like: of one so many in a row, spaced or not, or too many in all. */
static bool is_symbol_flood(struct str text)
{
	size_t at = 0, row = 0, all = 0;
	int32_t c, before = -1;

	while ((c = text_next(text, &at)) >= 0) {
		if (c == ' ' || c == 0x200D || c == 0xFE0F || c == 0x2800)
			continue;
		row = c == before ? row + 1 : 1;
		before = c;
		if (c < 0x1F000 && !(c >= 0x2600 && c <= 0x27BF))
			continue;
		if (++all >= FLOOD_SYMBOLS || row >= FLOOD_ROW)
			return true;
	}
	return false;
}

int safety_flood_check(struct str text)
{
	struct words said = {0};
	size_t row = 1, distinct = 1;

	if (is_symbol_flood(text))
		return ERR_DENIED;
	int err = read_words(text, &said);
	for (size_t i = 1; i < said.n && err == 0; i++) {
		row = said.at[i] == said.at[i - 1] ? row + 1 : 1;
		if (row >= FLOOD_ROW)
			err = ERR_DENIED;
	}
	if (err == 0 && said.n >= FLOOD_WORDS) {
		qsort(said.at, said.n, sizeof(*said.at), compare);
		for (size_t i = 1; i < said.n; i++)
			distinct += said.at[i] != said.at[i - 1];
		const size_t n = said.n < FLOOD_COUNTED ? said.n : FLOOD_COUNTED;

		if (distinct * 100 < n * FLOOD_DISTINCT_PCT)
			err = ERR_DENIED;
	}
	mem_free(said.at);
	return err;
}
