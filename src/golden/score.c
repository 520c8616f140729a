/* Numbers: how often, how alike. Pure. */
#include "golden/golden.h"

#include <math.h>

#define WORDS_MAX 2000 /* a completion of 16 KiB has about 3,000; no chat line comes near it */
#define FOLDED_BYTES (64 * 1024)

double golden_pass_at(size_t n, size_t c, size_t k)
{
	double none = 1; /* that all of k fail */

	if (k == 0 || n < k || c > n)
		return NAN;
	if (n - c < k)
		return 1;
	for (size_t i = n - c + 1; i <= n; i++)
		none *= 1 - (double)k / (double)i;
	return 1 - none;
}

/* ---- Words ----------------------------------------------------------------------------------- */

struct words {
	struct buf folded;
	struct str *at;
	size_t n;
};

static void words_fini(struct words *w)
{
	mem_free(w->at);
	buf_fini(&w->folded);
}

static int words_of(struct str text, struct words *w)
{
	size_t at = 0;
	int err;

	*w = (struct words){.at = mem_array(WORDS_MAX, sizeof(*w->at))};
	buf_init(&w->folded, FOLDED_BYTES);
	err = w->at ? text_fold(text, &w->folded) : ERR_NOMEM;
	while (!err && w->n < WORDS_MAX) {
		const struct str word = text_next_word(buf_str(&w->folded), &at);

		if (word.len == 0)
			break;
		w->at[w->n++] = word;
	}
	return err;
}

/* ---- BLEU ------------------------------------------------------------------------------------ */

static bool is_same_gram(const struct str *a, const struct str *b, size_t grams)
{
	for (size_t i = 0; i < grams; i++) {
		if (!str_eq(a[i], b[i]))
			return false;
	}
	return true;
}

/* How often the gram stands in the first `until` places of w. */
static uint64_t count_gram(
	const struct words *w, size_t until, const struct str *gram, size_t grams)
{
	uint64_t n = 0;

	for (size_t i = 0; i < until && i + grams <= w->n; i++)
		n += is_same_gram(&w->at[i], gram, grams);
	return n;
}

/* Grams of the answer that a reference has too, each as often as the reference with most of it. */
static uint64_t met_of(const struct words *answer, const struct words *references, size_t n,
	size_t grams)
{
	uint64_t met = 0;

	for (size_t i = 0; i + grams <= answer->n; i++) {
		const struct str *gram = &answer->at[i];
		uint64_t most = 0;

		for (size_t k = 0; k < n; k++) {
			const uint64_t has = count_gram(
				&references[k], references[k].n, gram, grams);

			most = has > most ? has : most;
		}
		/* Its number among its equals in the answer decides whether it still counts. */
		met += count_gram(answer, i, gram, grams) < most;
	}
	return met;
}

static size_t distance(size_t a, size_t b)
{
	return a > b ? a - b : b - a;
}

static size_t nearest_length(const struct words *references, size_t n, size_t length)
{
	size_t best = references[0].n;

	for (size_t k = 1; k < n; k++) {
		const size_t it = references[k].n, d = distance(it, length);

		if (d < distance(best, length) || (d == distance(best, length) && it < best))
			best = it;
	}
	return best;
}

int golden_bleu_add(struct golden_bleu *b, struct str answer, const char *const *references,
	size_t n)
{
	struct words *w, mine;
	size_t read = 0;
	int err;

	if (n == 0)
		return 0;
	w = mem_array(n, sizeof(*w));
	err = words_of(answer, &mine);
	if (!w)
		err = ERR_NOMEM;
	while (!err && read < n) {
		err = words_of(str_of(references[read]), &w[read]);
		read++;
	}
	for (size_t g = 1; !err && g <= GOLDEN_BLEU_GRAMS; g++) {
		b->met[g - 1] += met_of(&mine, w, n, g);
		b->all[g - 1] += mine.n >= g ? mine.n - g + 1 : 0;
	}
	if (!err) {
		b->answer_words += mine.n;
		b->reference_words += nearest_length(w, n, mine.n);
	}
	while (read > 0)
		words_fini(&w[--read]);
	mem_free(w);
	words_fini(&mine);
	return err;
}

double golden_bleu_score(const struct golden_bleu *b)
{
	double sum = 0, penalty = 1;

	if (b->reference_words == 0)
		return NAN;
	if (b->met[0] == 0)
		return 0;
	for (size_t g = 0; g < GOLDEN_BLEU_GRAMS; g++) {
		const double one = g > 0 ? 1 : 0; /* the smoothing */

		sum += log(((double)b->met[g] + one) / ((double)b->all[g] + one));
	}
	if (b->answer_words < b->reference_words)
		penalty = exp(1 - (double)b->reference_words / (double)b->answer_words);
	return penalty * exp(sum / GOLDEN_BLEU_GRAMS);
}

/* ---- Likeness -------------------------------------------------------------------------------- */

int golden_similarity(struct str a, struct str b, double *out)
{
	struct words x, y = {0};
	uint64_t shared = 0;
	int err = words_of(a, &x);

	if (!err)
		err = words_of(b, &y);
	for (size_t i = 0; !err && i < x.n; i++)
		shared += count_gram(&x, i, &x.at[i], 1) < count_gram(&y, y.n, &x.at[i], 1);
	*out = x.n + y.n > 0 ? 2 * (double)shared / (double)(x.n + y.n) : 0;
	words_fini(&x);
	words_fini(&y);
	return err;
}
