/* The ledger's SQLite file: opening, putting a bad one aside, writing, pruning.
 *
 * A file that cannot be trusted (not a database, damaged, of a newer mynah, of somebody else) is
 * never touched: it is renamed with the date and a new one is begun (faults.md L5). */
#include "ledger/room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sqlite3.h>

#define WHY_BYTES 256
#define PATIENCE_MS 1000 /* for another process' lock (faults.md L4); a stop waits as long */
/* A larger file is not checked at every start: 64 MiB take about half a second. Damage in it shows
 * when it is met. */
#define CHECK_BYTES (64 * 1024 * 1024)

/* The schema, one step a version; PRAGMA user_version says how many were taken. Steps that have
 * been released never change. Column order: spec 003-08, then ours. Two columns are null in every
 * row that chat makes: file_metadata (what Discord hangs on a message) and ip_address (of a caller
 * of the API). */
static const char *const steps[] = {
	"CREATE TABLE ai_interactions ("
	" id TEXT PRIMARY KEY NOT NULL,"
	" timestamp TEXT NOT NULL,"
	" request TEXT NOT NULL,"
	" response TEXT,"
	" latency_ms INTEGER,"
	" error_code TEXT,"
	" error_message TEXT,"
	" model_name TEXT,"
	" user_id TEXT,"
	" file_metadata TEXT,"
	" status TEXT NOT NULL,"
	" prompt_hash TEXT,"
	" ip_address TEXT,"
	" turn TEXT,"
	" provider TEXT,"
	" platform TEXT,"
	" channel TEXT,"
	" trigger TEXT,"
	" persona TEXT,"
	" persona_version TEXT,"
	" reason TEXT,"
	" tokens_in INTEGER,"
	" tokens_out INTEGER,"
	" first_token_ms INTEGER,"
	" attempt INTEGER"
	") STRICT;"
	"CREATE INDEX idx_ai_interactions_user_id ON ai_interactions (user_id);"
	"CREATE INDEX idx_ai_interactions_timestamp ON ai_interactions (timestamp DESC);",
	"ALTER TABLE ai_interactions ADD COLUMN cost_micros INTEGER;",
	"ALTER TABLE ai_interactions ADD COLUMN prompt TEXT;",
	("ALTER TABLE ai_interactions ADD COLUMN rule TEXT;"
	 "ALTER TABLE ai_interactions ADD COLUMN purpose TEXT;"),
};
#define VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

static const char insert_sql[] =
	"INSERT INTO ai_interactions (id, timestamp, request, response, latency_ms, error_code,"
	" error_message, model_name, user_id, status, prompt_hash, turn, provider, platform,"
	" channel, trigger, persona, persona_version, reason, tokens_in, tokens_out,"
	" first_token_ms, attempt, cost_micros, prompt, rule, purpose)"
	" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char prune_sql[] =
	"DELETE FROM ai_interactions WHERE rowid IN (SELECT rowid FROM ai_interactions"
	" WHERE timestamp < ?1 ORDER BY timestamp LIMIT ?2)";

struct ledger_store {
	sqlite3 *db; /* NULL = not open */
	sqlite3_stmt *insert, *prune;
	int patience_ms;
	char why[WHY_BYTES];
	char path[];
};

static int fail(struct ledger_store *s, int err, const char *what)
{
	snprintf(s->why, sizeof(s->why), "%s", what);
	return err;
}

/* Translates what SQLite said. ERR_PARSE: the file itself is bad. */
static int translate(struct ledger_store *s, int rc)
{
	const char *said = s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail(s, ERR_BUSY, "another process holds the lock of the file");
	case SQLITE_NOMEM:
		return fail(s, ERR_NOMEM, "out of memory");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail(s, ERR_PARSE, said);
	default:
		return fail(s, ERR_IO, said);
	}
}

static void close_file(struct ledger_store *s)
{
	sqlite3_finalize(s->insert);
	sqlite3_finalize(s->prune);
	sqlite3_close(s->db);
	s->insert = NULL;
	s->prune = NULL;
	s->db = NULL;
}

static int run(struct ledger_store *s, const char *sql)
{
	return translate(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

/* First column of the first row: as a number, and whether it is the text "ok". */
static int ask(struct ledger_store *s, const char *sql, int *number, bool *is_ok)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	int err;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	err = translate(s, rc);
	if (!err && rc == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(q, 0);

		*number = sqlite3_column_int(q, 0);
		*is_ok = text != NULL && strcmp(text, "ok") == 0;
	}
	sqlite3_finalize(q);
	return err;
}

/* SQLite would create it with the umask's mode; its -wal and -shm take the mode from it. */
static int create_private(struct ledger_store *s)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == ENOENT) {
		char *slash = strrchr(s->path, '/');
		int err = ERR_NOTFOUND;

		if (slash != NULL && slash != s->path) {
			*slash = '\0';
			err = file_make_dir(s->path);
			*slash = '/';
		}
		if (err)
			return fail(s, ERR_IO, "its folder is missing and cannot be made");
		fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return errno == EEXIST ? 0 : fail(s, ERR_IO, strerror(errno));
	close(fd);
	return 0;
}

/* Is it a ledger this program may write? */
static int examine(struct ledger_store *s, int *version)
{
	int tables = 0;
	bool is_ok = false;
	struct stat st;
	int err;

	err = ask(s, "PRAGMA user_version", version, &is_ok);
	if (!err)
		err = ask(s, "SELECT count(*) FROM sqlite_master", &tables, &is_ok);
	if (err)
		return err;
	if (*version > VERSION)
		return fail(s, ERR_PARSE, "it was written by a newer mynah");
	if (*version < 0 || (*version == 0 && tables > 0))
		return fail(s, ERR_PARSE, "it is a database of something else");
	if (stat(s->path, &st) == 0 && st.st_size <= CHECK_BYTES) {
		err = ask(s, "PRAGMA quick_check(1)", &tables, &is_ok);
		if (!err && !is_ok)
			err = fail(s, ERR_PARSE, "it is damaged");
	}
	return err;
}

/* Takes the missing steps, all or none: the version is part of the transaction. */
static int migrate(struct ledger_store *s, int version)
{
	char sql[64];
	int err;

	if (version == VERSION)
		return 0;
	err = run(s, "BEGIN EXCLUSIVE");
	for (; !err && version < VERSION; version++)
		err = run(s, steps[version]);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", VERSION);
	if (!err)
		err = run(s, sql);
	if (!err)
		err = run(s, "COMMIT");
	if (err)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* A statement that our schema must understand. */
static int prepare(struct ledger_store *s, const char *sql, sqlite3_stmt **out)
{
	int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

	if (rc == SQLITE_ERROR)
		return fail(s, ERR_PARSE, "its tables are not those of a ledger");
	return translate(s, rc);
}

static int open_file(struct ledger_store *s)
{
	int version = 0;
	int err;

	err = create_private(s);
	if (err)
		return err;
	err = translate(s, sqlite3_open_v2(s->path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (err)
		goto out;
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, s->patience_ms);
	err = examine(s, &version);
	if (!err)
		err = run(s, "PRAGMA journal_mode = WAL;"
			"PRAGMA synchronous = NORMAL;"
			"PRAGMA cache_size = -512;" /* KiB */
			"PRAGMA journal_size_limit = 4194304;"
			"PRAGMA secure_delete = ON"); /* what is purged is gone from the disk too */
	if (!err)
		err = migrate(s, version);
	if (!err)
		err = prepare(s, insert_sql, &s->insert);
	if (!err)
		err = prepare(s, prune_sql, &s->prune);
out:
	if (err)
		close_file(s);
	return err;
}

/* The first of NAME.broken-YYYYMMDD-HHMMSS, ...-1, ... that is free; room is left for "-wal". */
static int name_aside(struct ledger_store *s, char *to, size_t bytes)
{
	char t[CLOCK_TEXT_BYTES];
	size_t len;

	clock_text(clock_wall_ms(), t);
	len = (size_t)snprintf(to, bytes, "%s.broken-%.4s%.2s%.2s-%.2s%.2s%.2s", s->path, t, t + 5,
		t + 8, t + 11, t + 14, t + 17);
	if (len + sizeof("-9-wal") > bytes)
		return fail(s, ERR_IO, "its path is too long");
	for (int i = 1; i < 10 && access(to, F_OK) == 0; i++)
		snprintf(to + len, bytes - len, "-%d", i);
	return 0;
}

/* The log goes first: should we die between the two, no later file may find it and replay it. */
static int put_aside(struct ledger_store *s)
{
	char to[4096], to_wal[4096 + 4], side[4096 + 4];
	int err;

	err = name_aside(s, to, sizeof(to));
	if (err)
		return err;
	log_event(LOG_ERROR, "ledger", "ledger_put_aside", "result", "error", "message", s->why,
		"file", s->path, "kept_as", to, "effect", "a new ledger is begun", NULL);
	snprintf(side, sizeof(side), "%s-wal", s->path);
	snprintf(to_wal, sizeof(to_wal), "%s-wal", to);
	if (rename(side, to_wal) != 0 && errno != ENOENT)
		return fail(s, ERR_IO, strerror(errno));
	snprintf(side, sizeof(side), "%s-shm", s->path);
	if (unlink(side) != 0 && errno != ENOENT)
		return fail(s, ERR_IO, strerror(errno));
	if (rename(s->path, to) != 0)
		return fail(s, ERR_IO, strerror(errno));
	return 0;
}

static int ensure_open(struct ledger_store *s)
{
	int err;

	if (s->db != NULL)
		return 0;
	err = open_file(s);
	if (err != ERR_PARSE)
		return err;
	err = put_aside(s);
	if (!err)
		err = open_file(s);
	return err == ERR_PARSE ? ERR_IO : err;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void bind_text(sqlite3_stmt *q, int *at, const char *text)
{
	/* Fails only for a bad index or no memory; the step then says so. */
	sqlite3_bind_text(q, (*at)++, text, -1, SQLITE_STATIC);
}

/* Negative means unknown. */
static void bind_number(sqlite3_stmt *q, int *at, int64_t n)
{
	if (n < 0)
		sqlite3_bind_null(q, (*at)++);
	else
		sqlite3_bind_int64(q, (*at)++, n);
}

static int insert_row(struct ledger_store *s, const struct ledger_row *r)
{
	sqlite3_stmt *q = s->insert;
	char stamp[CLOCK_TEXT_BYTES];
	int at = 1;
	int rc;

	bind_text(q, &at, r->id);
	bind_text(q, &at, clock_text(r->wall_ms, stamp));
	bind_text(q, &at, r->request);
	bind_text(q, &at, r->response);
	bind_number(q, &at, r->latency_ms);
	bind_text(q, &at, r->error_code);
	bind_text(q, &at, r->error_message);
	bind_text(q, &at, r->model_name);
	bind_text(q, &at, r->user_id);
	bind_text(q, &at, r->status);
	bind_text(q, &at, r->prompt_hash);
	bind_text(q, &at, r->turn);
	bind_text(q, &at, r->provider);
	bind_text(q, &at, r->platform);
	bind_text(q, &at, r->channel);
	bind_text(q, &at, r->trigger);
	bind_text(q, &at, r->persona);
	bind_text(q, &at, r->persona_version);
	bind_text(q, &at, r->reason);
	bind_number(q, &at, r->tokens_in);
	bind_number(q, &at, r->tokens_out);
	bind_number(q, &at, r->first_token_ms);
	bind_number(q, &at, r->attempt);
	bind_number(q, &at, r->cost);
	bind_text(q, &at, r->prompt);
	bind_text(q, &at, r->rule);
	bind_text(q, &at, r->purpose);
	rc = sqlite3_step(q);
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return rc;
}

static int write_rows(struct ledger_store *s, const struct ledger_item *rows, size_t *refused)
{
	int err;

	*refused = 0;
	err = ensure_open(s);
	if (err || rows == NULL)
		return err;
	err = run(s, "BEGIN IMMEDIATE");
	for (const struct ledger_item *i = rows; !err && i != NULL; i = i->next) {
		int rc = insert_row(s, &i->row);

		if ((rc & 0xff) == SQLITE_CONSTRAINT || (rc & 0xff) == SQLITE_TOOBIG)
			++*refused;
		else
			err = translate(s, rc);
	}
	if (!err)
		err = run(s, "COMMIT");
	if (err)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* After a failure the file is opened anew: a full disk, a vanished file or a bad page may have left
 * the connection in a state of its own. A lock is no failure. */
static int give_up(struct ledger_store *s, int err)
{
	if (err == 0 || err == ERR_BUSY)
		return err;
	close_file(s);
	return err;
}

int ledger_store_write(struct ledger_store *s, const struct ledger_item *rows, size_t *refused)
{
	int err = give_up(s, write_rows(s, rows, refused));

	if (err != ERR_PARSE)
		return err;
	/* Damage met on the way: aside with it, and once more into a new file. */
	err = put_aside(s);
	if (!err)
		err = give_up(s, write_rows(s, rows, refused));
	return err == ERR_PARSE ? ERR_IO : err;
}

int ledger_store_prune(struct ledger_store *s, int64_t before_ms, int most, int *deleted)
{
	char stamp[CLOCK_TEXT_BYTES];
	int err;

	*deleted = 0;
	err = ensure_open(s);
	if (err)
		return err;
	sqlite3_bind_text(s->prune, 1, clock_text(before_ms, stamp), -1, SQLITE_STATIC);
	sqlite3_bind_int(s->prune, 2, most);
	err = translate(s, sqlite3_step(s->prune));
	if (!err)
		*deleted = sqlite3_changes(s->db);
	sqlite3_reset(s->prune);
	sqlite3_clear_bindings(s->prune);
	return give_up(s, err);
}

const char *ledger_store_why(const struct ledger_store *s)
{
	return s->why;
}

void ledger_store_set_patience(struct ledger_store *s, int ms)
{
	s->patience_ms = ms;
	if (s->db != NULL)
		sqlite3_busy_timeout(s->db, ms);
}

struct ledger_store *ledger_store_new(const char *path)
{
	size_t len = strlen(path);
	struct ledger_store *s = mem_new(sizeof(*s) + len + 1);

	if (s == NULL)
		return NULL;
	memcpy(s->path, path, len);
	s->patience_ms = PATIENCE_MS;
	return s;
}

void ledger_store_free(struct ledger_store *s)
{
	if (s == NULL)
		return;
	close_file(s);
	mem_free(s);
}
