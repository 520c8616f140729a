/* What a model made of the chunks: vectors of length 1, so that the cosine of two is their product.
 * They are found by what stands in a chunk, and so outlive the index it stands in. */
#include "knowledge/room.h"

#include "base/hash.h"

#include <math.h>
#include <string.h>

struct vector {
	UT_hash_handle hh;
	char key[SHA256_TEXT_BYTES]; /* of the text */
	bool is_kept;
	float at[];
};

struct knowledge_vectors {
	struct vector *table;
	size_t dims;         /* of each */
};

struct knowledge_vectors *knowledge_vectors_new(void)
{
	return mem_new(sizeof(struct knowledge_vectors));
}

static void drop(struct knowledge_vectors *v, struct vector *one)
{
	HASH_DEL(v->table, one);
	mem_free(one);
}

void knowledge_vectors_clear(struct knowledge_vectors *v)
{
	while (v->table)
		drop(v, v->table);
	v->dims = 0;
}

void knowledge_vectors_free(struct knowledge_vectors *v)
{
	if (!v)
		return;
	knowledge_vectors_clear(v);
	mem_free(v);
}

/* What of a chunk goes to the model. */
static struct str piece_of(const struct knowledge_chunk *c)
{
	return (struct str){c->text.at, c->text.len > KNOWLEDGE_PIECE_BYTES
		? text_cut(c->text, KNOWLEDGE_PIECE_BYTES, 0) : c->text.len};
}

static struct vector *vector_of(const struct knowledge_vectors *v, struct str text)
{
	char key[SHA256_TEXT_BYTES];
	struct vector *one;

	seal_sha256(text, key);
	HASH_FIND_STR(v->table, key, one);
	return one;
}

void knowledge_vectors_keep(struct knowledge_vectors *v, const struct knowledge *k)
{
	struct vector *one, *next;

	HASH_ITER(hh, v->table, one, next)
		one->is_kept = false;
	for (size_t i = 0; v->table && i < k->chunk_count; i++) {
		one = vector_of(v, piece_of(&k->chunks[i]));
		if (one)
			one->is_kept = true;
	}
	HASH_ITER(hh, v->table, one, next) {
		if (!one->is_kept)
			drop(v, one);
	}
	if (!v->table)
		v->dims = 0;
}

size_t knowledge_vectors_missing(const struct knowledge_vectors *v, const struct knowledge *k,
	size_t *from, struct str *out, size_t max)
{
	const size_t room = KNOWLEDGE_VECTORS_MAX - HASH_COUNT(v->table);
	size_t n = 0;

	for (; *from < k->chunk_count && n < max && n < room; ++*from) {
		const struct str text = piece_of(&k->chunks[*from]);

		if (text.len > 0 && !vector_of(v, text))
			out[n++] = text;
	}
	return n;
}

static double length_of(const float *at, size_t dims)
{
	double sum = 0;

	for (size_t i = 0; i < dims; i++)
		sum += (double)at[i] * at[i];
	return sqrt(sum);
}

int knowledge_vectors_put(struct knowledge_vectors *v, struct str text, const float *at,
	size_t dims)
{
	const double length = length_of(at, dims);
	struct vector *one;

	if (dims == 0 || !(length > 0) || (v->table && v->dims != dims))
		return ERR_INVALID;
	if (vector_of(v, text))
		return 0; /* two chunks of one batch say the same */
	if (HASH_COUNT(v->table) >= KNOWLEDGE_VECTORS_MAX)
		return ERR_LIMIT;
	one = mem_new(sizeof(*one) + dims * sizeof(*at));
	if (!one)
		return ERR_NOMEM;
	for (size_t i = 0; i < dims; i++)
		one->at[i] = (float)(at[i] / length);
	seal_sha256(text, one->key);
	HASH_ADD_STR(v->table, key, one);
	if (!hash_has(one)) {
		mem_free(one);
		return ERR_NOMEM;
	}
	v->dims = dims;
	return 0;
}

bool knowledge_vectors_cover(const struct knowledge_vectors *v, const struct knowledge_hit *hits,
	size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!vector_of(v, piece_of(hits[i].chunk)))
			return false;
	}
	return true;
}

/* The cosine times the question's length, which is the same for all. */
static double nearness(const struct knowledge_vectors *v, const struct knowledge_hit *hit,
	const float *question)
{
	const struct vector *one = vector_of(v, piece_of(hit->chunk));
	double sum = 0;

	for (size_t i = 0; i < v->dims; i++)
		sum += (double)one->at[i] * question[i];
	return sum;
}

bool knowledge_vectors_rank(const struct knowledge_vectors *v, const float *question, size_t dims,
	struct knowledge_hit *hits, size_t n)
{
	double near[KNOWLEDGE_CANDIDATES];

	if (n > KNOWLEDGE_CANDIDATES || dims == 0 || dims != v->dims ||
			!(length_of(question, dims) > 0) || !knowledge_vectors_cover(v, hits, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct knowledge_hit hit = hits[i];
		const double its = nearness(v, &hit, question);
		size_t at = i;

		for (; at > 0 && near[at - 1] < its; at--) {
			near[at] = near[at - 1];
			hits[at] = hits[at - 1];
		}
		near[at] = its;
		hits[at] = hit;
	}
	return true;
}
