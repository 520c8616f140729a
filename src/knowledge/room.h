/* Inside the room knowledge: what its files share. Nobody else includes it. */
#ifndef KNOWLEDGE_ROOM_H
#define KNOWLEDGE_ROOM_H

#include "knowledge/knowledge.h"

#include <pthread.h>

struct sqlite3;
struct sqlite3_stmt;

/* What a search has found in one chunk. */
struct knowledge_tally {
	double score;        /* BM25 */
	double covered;      /* weights of the words that stand in it */
};

struct knowledge {
	char **files;        /* names */
	char **texts;        /* of the files, scrubbed; chunks point into them */
	size_t file_count;
	size_t bytes;        /* of all texts */
	struct knowledge_chunk *chunks;
	size_t chunk_count;
	struct knowledge_tally *tallies; /* as the chunks */
	pthread_mutex_t lock; /* of the tallies and the next two, once they are made */
	struct sqlite3 *db;
	struct sqlite3_stmt *search;
};

/* chunk.c: adds the chunks of a text to k. Cuts between paragraphs, better before a heading;
 * where a paragraph is too long, between lines, else between words. */
int knowledge_cut(struct knowledge *k, const char *file, struct str text) MUST_USE;

#define KNOWLEDGE_WORDS_MAX 24 /* a chat line has fewer that say something; bounds a search */

struct knowledge_word {
	struct str text;     /* of the question; it holds no quotation mark */
	double weight;       /* 1, or less for a word that is everywhere */
	bool is_stem;        /* longer words that begin so count: Korean ones do, with a particle */
};

struct knowledge_query {
	struct knowledge_word words[KNOWLEDGE_WORDS_MAX];
	size_t n;
	double weight;       /* of all words */
	double share;        /* of it that a chunk must cover to be what the question is about */
};
/* query.c: the words of a question that say what it is about. self: the bot's name, which does
 * not. */
void knowledge_query(struct str question, const char *self, struct knowledge_query *out);

/* search.c: builds the index of all chunks. */
int knowledge_index(struct knowledge *k) MUST_USE;
void knowledge_index_free(struct knowledge *k);

#endif
