/* The index of all chunks, in memory, and a search of it. */
#include "knowledge/room.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#define LEAST_SHARE 0.1   /* of the nearest's score: what is further off is not about it */
#define LEAST_COVERED 1.0 /* one word that says something, or two that are everywhere */

/* unicode61 takes words apart as Unicode does and drops accents; porter finds "stream" for
 * "streams". The texts themselves are kept once, by us. */
static const char create[] =
	"create virtual table chunk using fts5(file, heading, body, content='', "
	"tokenize='porter unicode61 remove_diacritics 2')";
static const char insert[] = "insert into chunk(rowid, file, heading, body) values(?, ?, ?, ?)";
/* The name of a file and its headings say more than a word of the text does. */
static const char search[] =
	"select rowid, bm25(chunk, 3.0, 2.0, 1.0) from chunk where chunk match ?";

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

	k->tallies = mem_array(k->chunk_count + 1, sizeof(*k->tallies));
	if (!k->tallies)
		return ERR_NOMEM;
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
	mem_free(k->tallies);
}

static bool is_wanted(const struct knowledge_chunk *c, const struct conf_texts *only)
{
	for (size_t i = 0; only && i < only->n; i++) {
		if (knowledge_is_name(c->file, only->at[i]))
			return true;
	}
	return !only || only->n == 0;
}

/* Counts a word into the tallies. The score of several words is the sum of theirs. */
static int count_word(struct knowledge *k, const struct knowledge_word *w, struct buf *quoted)
{
	int err, rc;

	buf_clear(quoted);
	/* A phrase, never an operator. */
	err = buf_addf(quoted, "\"%.*s\"%s", STR_FMT(w->text), w->is_stem ? "*" : "");
	if (err)
		return err;
	rc = bind(k->search, 1, buf_str(quoted));
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(k->search);
		if (rc == SQLITE_ROW) {
			const size_t i = (size_t)sqlite3_column_int64(k->search, 0) - 1;

			/* SQLite's is negative, the lower the nearer. */
			k->tallies[i].score -= sqlite3_column_double(k->search, 1);
			k->tallies[i].covered += w->weight;
		}
	}
	sqlite3_reset(k->search);
	sqlite3_clear_bindings(k->search);
	return err_of(rc);
}

/* Puts a hit where it belongs among the nearest. Of equal ones the first in order stays first. */
static void keep(struct knowledge_hit hit, struct knowledge_hit *hits, size_t max, size_t *n)
{
	size_t at = *n;

	while (at > 0 && hits[at - 1].score < hit.score)
		at--;
	if (at == max)
		return;
	*n += *n < max;
	memmove(&hits[at + 1], &hits[at], (*n - at - 1) * sizeof(*hits));
	hits[at] = hit;
}

/* Words are common or rare in one folder as in another, so BM25 has no scale of its own: whether a
 * chunk is what a question is about, its share of the question's words decides; the score only
 * says which is nearer. */
static int find(struct knowledge *k, const struct knowledge_query *q, const struct conf_texts *only,
	struct knowledge_hit *hits, size_t max, size_t *n)
{
	const double bar = fmax(LEAST_COVERED, q->share * q->weight);
	struct buf quoted;
	int err = 0;

	buf_init(&quoted, 8 * KNOWLEDGE_BYTES_MAX);
	memset(k->tallies, 0, k->chunk_count * sizeof(*k->tallies));
	for (size_t i = 0; i < q->n && !err; i++)
		err = count_word(k, &q->words[i], &quoted);
	for (size_t i = 0; i < k->chunk_count && !err; i++) {
		if (k->tallies[i].covered >= bar && is_wanted(&k->chunks[i], only))
			keep((struct knowledge_hit){&k->chunks[i], k->tallies[i].score}, hits, max,
				n);
	}
	while (*n > 1 && hits[*n - 1].score < LEAST_SHARE * hits[0].score)
		--*n;
	buf_fini(&quoted);
	return err;
}

static int find_some(struct knowledge *k, struct str question, const char *self,
	const struct conf_texts *only, struct knowledge_hit *hits, size_t max, size_t *n)
{
	struct knowledge_query q;
	int err = 0;

	*n = 0;
	knowledge_query(question, self, &q);
	if (q.n > 0 && k->chunk_count > 0) {
		pthread_mutex_lock(&k->lock);
		err = find(k, &q, only, hits, max, n);
		pthread_mutex_unlock(&k->lock);
	}
	return err;
}

int knowledge_find(struct knowledge *k, struct str question, const char *self,
	const struct conf_texts *only, struct knowledge_hit hits[KNOWLEDGE_TOP], size_t *n)
{
	return find_some(k, question, self, only, hits, KNOWLEDGE_TOP, n);
}

int knowledge_find_more(struct knowledge *k, struct str question, const char *self,
	const struct conf_texts *only, struct knowledge_hit hits[KNOWLEDGE_CANDIDATES], size_t *n)
{
	return find_some(k, question, self, only, hits, KNOWLEDGE_CANDIDATES, n);
}
