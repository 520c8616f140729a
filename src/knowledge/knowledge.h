/* knowledge: what the streamer wrote for the bot to know, and which of it a question is about.
 *
 * Floor 5. Hides SQLite's full-text search (FTS5). Markdown files become chunks; an index in
 * memory ranks them by BM25. What is built never changes. A search reads no file, but of a
 * question of common words each chunk counts for each word: milliseconds, so it belongs on a
 * worker. */
#ifndef KNOWLEDGE_KNOWLEDGE_H
#define KNOWLEDGE_KNOWLEDGE_H

#include "conf/conf.h"

#define KNOWLEDGE_FILES_MAX 64
#define KNOWLEDGE_BYTES_MAX (256 * 1024) /* of all files, a short novel: bounds a search */
#define KNOWLEDGE_CHUNK_TOKENS 1024      /* of one chunk; the next begins in the middle of it */
#define KNOWLEDGE_TOP 3                  /* so many chunks go into a prompt */

struct knowledge_chunk {
	const char *file;    /* its name in the folder: "rules.md" */
	int line;            /* where it begins */
	struct str heading;  /* the last one above its first words; empty = none */
	struct str text;
};

struct knowledge_hit {
	const struct knowledge_chunk *chunk;
	double score;        /* BM25: higher is nearer */
};

struct knowledge;
/* Reads every *.md of a folder. Blocking. GIVES *out, with what could be read, also after
 * complaints: ERR_INVALID. ERR_NOMEM gives nothing. */
int knowledge_read(const char *dir, struct conf_report *r, struct knowledge **out) MUST_USE;
void knowledge_free(struct knowledge *k);
/* The names of its files, *n of them, and its chunks in order. BORROWED. */
const char *const *knowledge_files(const struct knowledge *k, size_t *n);
const struct knowledge_chunk *knowledge_chunks(const struct knowledge *k, size_t *n);
/* Is this the name of a file, with or without .md? */
bool knowledge_is_name(const char *file, const char *name);

/* The chunks a question is about, nearest first; *n of at most KNOWLEDGE_TOP. None, if none has
 * enough of its words: small talk finds nothing. Whatever stands in the question is looked for,
 * nothing of it is an order. self: the bot's name, which says nothing; NULL. only: names of files;
 * none = all. Any thread may call it; they wait for each other. */
int knowledge_find(struct knowledge *k, struct str question, const char *self,
	const struct conf_texts *only, struct knowledge_hit hits[KNOWLEDGE_TOP],
	size_t *n) MUST_USE;
/* The same with more of them: for whoever ranks them anew. */
#define KNOWLEDGE_CANDIDATES 12
int knowledge_find_more(struct knowledge *k, struct str question, const char *self,
	const struct conf_texts *only, struct knowledge_hit hits[KNOWLEDGE_CANDIDATES],
	size_t *n) MUST_USE;

/* ---- Embeddings: what a model made of the chunks, by their content. One thread's. ------------ */

#define KNOWLEDGE_VECTORS_MAX 1024  /* some 256 KiB of text have half as many chunks */
#define KNOWLEDGE_PIECE_BYTES 3584  /* of a chunk go to the model: eight fit into a prompt */

struct knowledge_vectors;
struct knowledge_vectors *knowledge_vectors_new(void);
void knowledge_vectors_free(struct knowledge_vectors *v);
void knowledge_vectors_clear(struct knowledge_vectors *v);
/* Forgets those of texts that k does not have. */
void knowledge_vectors_keep(struct knowledge_vectors *v, const struct knowledge *k);
/* Texts of chunks that have none, at most max of them, from chunk *from on, which moves past
 * them. BORROWED of k. 0: no more, or no room for more. */
size_t knowledge_vectors_missing(const struct knowledge_vectors *v, const struct knowledge *k,
	size_t *from, struct str *out, size_t max);
/* What the model made of such a text: finite numbers. ERR_INVALID: all zero, or not as many as of
 * the texts before. */
int knowledge_vectors_put(struct knowledge_vectors *v, struct str text, const float *at,
	size_t dims) MUST_USE;
/* Has it one of each? */
bool knowledge_vectors_cover(const struct knowledge_vectors *v, const struct knowledge_hit *hits,
	size_t n);
/* Orders hits by cosine with the question's vector; of equal ones the first stays first. False:
 * nothing was ordered, one of them has none or the question's is of another kind. */
bool knowledge_vectors_rank(const struct knowledge_vectors *v, const float *question, size_t dims,
	struct knowledge_hit *hits, size_t n);

#endif
