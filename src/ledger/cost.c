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

int ledger_cost(const char *path, const char *group, int64_t since_ms,
	void (*row)(void *ctx, const struct ledger_cost *c), void *ctx)
{
	const char *column = column_of(group);
	char sql[512], stamp[CLOCK_TEXT_BYTES];
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;
	int err = 0;

	if (!column)
		return ERR_INVALID;
	snprintf(sql, sizeof(sql),
		"SELECT %s, count(*), sum(tokens_in), sum(tokens_out), sum(cost_micros)"
		" FROM ai_interactions WHERE timestamp >= ?1 GROUP BY 1 ORDER BY %s", column,
		strcmp(group, "day") == 0 ? "1" : "5 DESC, 2 DESC, 1");
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		err = ERR_NOTFOUND;
		goto out;
	}
	sqlite3_busy_timeout(db, PATIENCE_MS);
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) {
		err = ERR_PARSE; /* no ledger, or of an older mynah that has not run since */
		goto out;
	}
	sqlite3_bind_text(q, 1, clock_text(since_ms, stamp), -1, SQLITE_STATIC);
	err = each_row(q, row, ctx);
out:
	sqlite3_finalize(q);
	sqlite3_close(db);
	return err;
}
