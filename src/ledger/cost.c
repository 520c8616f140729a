/* What the calls of the ledger cost, summed. It reads the file beside the daemon that writes it. */
#include "ledger/ledger.h"

#include <stdio.h>
#include <string.h>
#include <sqlite3.h>

#define PATIENCE_MS 2000 /* for the writer's lock: write-ahead logging needs it rarely */

/* By what may be summed: the word for people, and the column. */
static const struct {
	const char *name, *column;
} groups[] = {
	{"model", "model_name"},
	{"provider", "provider"},
	{"user", "user_id"},
	{"channel", "platform || ':' || channel"},
	{"trigger", "trigger"},
	{"persona", "persona"},
	{"prompt", "prompt"},
	{"day", "substr(timestamp, 1, 10)"},
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

const char *ledger_cost_group(size_t i)
{
	return i < GROUPS ? groups[i].name : NULL;
}

static const char *column_of(const char *group)
{
	for (size_t i = 0; i < GROUPS; i++)
		if (strcmp(groups[i].name, group) == 0)
			return groups[i].column;
	return NULL;
}

static int each_row(sqlite3_stmt *q, void (*row)(void *ctx, const struct ledger_cost *c), void *ctx)
{
	int rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(q, 0);
		const struct ledger_cost c = {
			.name = name ? name : "",
			.calls = sqlite3_column_int64(q, 1),
			.tokens_in = sqlite3_column_int64(q, 2),
			.tokens_out = sqlite3_column_int64(q, 3),
			.cost = sqlite3_column_int64(q, 4),
		};

		row(ctx, &c);
	}
	return rc == SQLITE_DONE ? 0 : rc == SQLITE_BUSY ? ERR_BUSY : ERR_IO;
}

/* Opens the file and makes the query, whose first value is the time since when. */
static int open_query(const char *path, const char *sql, int64_t since_ms, sqlite3 **db,
	sqlite3_stmt **q)
{
	char stamp[CLOCK_TEXT_BYTES];

	if (sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		return ERR_NOTFOUND;
	sqlite3_busy_timeout(*db, PATIENCE_MS);
	if (sqlite3_prepare_v2(*db, sql, -1, q, NULL) != SQLITE_OK)
		return ERR_PARSE; /* no ledger, or of an older mynah that has not run since */
	sqlite3_bind_text(*q, 1, clock_text(since_ms, stamp), -1, SQLITE_TRANSIENT);
	return 0;
}

int ledger_cost(const char *path, const char *group, int64_t since_ms,
	void (*row)(void *ctx, const struct ledger_cost *c), void *ctx)
{
	const char *column = column_of(group);
	char sql[512];
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;
	int err;

	if (!column)
		return ERR_INVALID;
	snprintf(sql, sizeof(sql),
		"SELECT %s, count(*), sum(tokens_in), sum(tokens_out), sum(cost_micros)"
		" FROM ai_interactions WHERE timestamp >= ?1 GROUP BY 1 ORDER BY %s", column,
		strcmp(group, "day") == 0 ? "1" : "5 DESC, 2 DESC, 1");
	err = open_query(path, sql, since_ms, &db, &q);
	if (!err)
		err = each_row(q, row, ctx);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return err;
}

int ledger_speed(const char *path, int64_t since_ms,
	void (*row)(void *ctx, const struct ledger_speed *s), void *ctx)
{
	static const char sql[] =
		"SELECT model_name, count(*), sum(tokens_out), sum(latency_ms) FROM ai_interactions"
		" WHERE timestamp >= ?1 AND error_code IS NULL AND tokens_out > 0"
		" AND latency_ms > 0 AND model_name IS NOT NULL GROUP BY 1 ORDER BY 1";
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;
	int rc, err = open_query(path, sql, since_ms, &db, &q);

	while (!err && (rc = sqlite3_step(q)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW) {
			err = rc == SQLITE_BUSY ? ERR_BUSY : ERR_IO;
			break;
		}
		const struct ledger_speed s = {
			.model = (const char *)sqlite3_column_text(q, 0),
			.calls = sqlite3_column_int64(q, 1),
			.tokens_out = sqlite3_column_int64(q, 2),
			.took_ms = sqlite3_column_int64(q, 3),
		};

		row(ctx, &s);
	}
	sqlite3_finalize(q);
	sqlite3_close(db);
	return err;
}
