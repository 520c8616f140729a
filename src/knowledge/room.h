/* Inside the room knowledge: what its files share. Nobody else includes it. */
#ifndef KNOWLEDGE_ROOM_H
#define KNOWLEDGE_ROOM_H

#include "knowledge/knowledge.h"

#include <pthread.h>

struct sqlite3;
struct sqlite3_stmt;

struct knowledge {
	char **files;        /* names */
	char **texts;        /* of the files, scrubbed; chunks point into them */
	size_t file_count;
	size_t bytes;        /* of all texts */
	struct knowledge_chunk *chunks;
	size_t chunk_count;
	pthread_mutex_t lock; /* of the next two, once they are made */
	struct sqlite3 *db;
	struct sqlite3_stmt *search;
};

/* chunk.c: adds the chunks of a text to k. Cuts between paragraphs, better before a heading;
 * where a paragraph is too long, between lines, else between words. */
int knowledge_cut(struct knowledge *k, const char *file, struct str text) MUST_USE;

/* query.c: adds the question as an expression of FTS5: its words, each quoted, any of which may be
 * there. Nothing is added when it has none. */
int knowledge_query(struct str question, struct buf *out) MUST_USE;

/* search.c: builds the index of all chunks. */
int knowledge_index(struct knowledge *k) MUST_USE;
void knowledge_index_free(struct knowledge *k);

#endif
