/* The index of all chunks, in memory, and a search of it. */
#include "knowledge/room.h"

#include <sqlite3.h>

#define QUERY_BYTES (8 * 1024) /* 24 words, a message's 2000 bytes and what is put around them */
#define LEAST_SHARE 0.1        /* of the nearest's score: what is further off is not about it */

/* unicode61 takes words apart as Unicode does and drops accents; porter finds "stream" for
 * "streams". The texts themselves are kept once, by us. */
static const char create[] =
	"create virtual table chunk using fts5(file, heading, body, content='', "
	"tokenize='porter unicode61 remove_diacritics 2')";
static const char insert[] = "insert into chunk(rowid, file, heading, body) values(?, ?, ?, ?)";
/* The name of a file and its headings say more than a word of the text does. */
static const char search[] =
	"select rowid, bm25(chunk, 3.0, 2.0, 1.0) from chunk where chunk match ? order by 2, 1";

static int bind(sqlite3_stmt *q, int at, struct str s)
{
	return sqlite3_bind_text(q, at, s.at ? s.at : "", (int)s.len, SQLITE_STATIC);
}

static int err_of(int rc)
{
	return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : rc == SQLITE_NOMEM ? ERR_NOMEM : ERR_IO;
}

static int fill(struct knowledge *k, sqlite3_stmt *q)
{
	int rc = SQLITE_DONE;

	for (size_t i = 0; i < k->chunk_count && rc == SQLITE_DONE; i++) {
		const struct knowledge_chunk *c = &k->chunks[i];

		sqlite3_bind_int64(q, 1, (sqlite3_int64)i + 1);
		rc = bind(q, 2, str_of(c->file));
		if (rc == SQLITE_OK)
			rc = bind(q, 3, c->heading);
		if (rc == SQLITE_OK)
			rc = bind(q, 4, c->text);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(q);
		sqlite3_reset(q);
	}
	return err_of(rc);
}

int knowledge_index(struct knowledge *k)
{
	sqlite3_stmt *q = NULL;
	int err;

	/* The lock is ours: a search is several calls. */
	err = err_of(sqlite3_open_v2(":memory:", &k->db, SQLITE_OPEN_READWRITE |
		SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL));
	if (!err)
		err = err_of(sqlite3_exec(k->db, create, NULL, NULL, NULL));
	if (!err)
		err = err_of(sqlite3_exec(k->db, "begin", NULL, NULL, NULL));
	if (!err)
		err = err_of(sqlite3_prepare_v2(k->db, insert, -1, &q, NULL));
	if (!err)
		err = fill(k, q);
	sqlite3_finalize(q);
	if (!err)
		err = err_of(sqlite3_exec(k->db, "commit", NULL, NULL, NULL));
	if (!err)
		err = err_of(sqlite3_prepare_v3(k->db, search, -1, SQLITE_PREPARE_PERSISTENT,
			&k->search, NULL));
	return err;
}

void knowledge_index_free(struct knowledge *k)
{
	sqlite3_finalize(k->search);
	sqlite3_close(k->db);
}

static bool is_wanted(const struct knowledge_chunk *c, const struct conf_texts *only)
{
	for (size_t i = 0; only && i < only->n; i++) {
		if (knowledge_is_name(c->file, only->at[i]))
			return true;
	}
	return !only || only->n == 0;
}

/* The chunks that answer to a query, nearest first. */
static int find(struct knowledge *k, struct str query, const struct conf_texts *only,
	struct knowledge_hit hits[KNOWLEDGE_TOP], size_t *n)
{
	int err, rc = bind(k->search, 1, query);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(k->search);
	while (rc == SQLITE_ROW && *n < KNOWLEDGE_TOP) {
		const size_t i = (size_t)sqlite3_column_int64(k->search, 0) - 1;
		/* SQLite's is negative, the lower the nearer. */
		const double score = -sqlite3_column_double(k->search, 1);

		if (*n > 0 && score < LEAST_SHARE * hits[0].score)
			break;
		if (i < k->chunk_count && is_wanted(&k->chunks[i], only))
			hits[(*n)++] = (struct knowledge_hit){&k->chunks[i], score};
		rc = sqlite3_step(k->search);
	}
	err = rc == SQLITE_ROW ? 0 : err_of(rc);
	sqlite3_reset(k->search);
	sqlite3_clear_bindings(k->search);
	return err;
}

int knowledge_find(struct knowledge *k, struct str question, const struct conf_texts *only,
	struct knowledge_hit hits[KNOWLEDGE_TOP], size_t *n)
{
	struct buf query;
	int err;

	*n = 0;
	buf_init(&query, QUERY_BYTES);
	err = knowledge_query(question, &query);
	if (!err && query.len > 0 && k->chunk_count > 0) {
		pthread_mutex_lock(&k->lock);
		err = find(k, buf_str(&query), only, hits, n);
		pthread_mutex_unlock(&k->lock);
	}
	buf_fini(&query);
	return err;
}
