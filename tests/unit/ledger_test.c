/* ledger: what is handed in is found in the file, whatever happens to the file meanwhile. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sqlite3.h>

#include "ledger/ledger.h"

#define MINUTE_MS 60000

struct world {
	struct io *io;
	struct ledger ledger;
	char dir[64];
	char file[96];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/mynah-ledger-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->file, sizeof(w->file), "%s/ledger.db", w->dir);
	assert_int_equal(log_open(NULL, LOG_ERROR), 0);
	assert_int_equal(io_new(&w->io), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[512];
	struct dirent *e;
	DIR *d;

	mem_fail_at(0, 0);
	ledger_free(&w->ledger);
	io_free(w->io);
	chmod(w->dir, 0700);
	d = opendir(w->dir);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(w->dir);
	free(w);
	metric_reset();
	return 0;
}

static void begin(struct world *w, size_t queue_max, int64_t keep_ms)
{
	assert_int_equal(ledger_sqlite_new(w->io, w->file, queue_max, keep_ms, &w->ledger), 0);
}

/* Row number i of a test. */
static int put(struct world *w, int i, int64_t wall_ms)
{
	char id[UUID_TEXT_BYTES], turn[24];
	struct ledger_row row = {
		.id = rand_uuid7(wall_ms, id),
		.wall_ms = wall_ms,
		.request = "{\"redacted\":true}",
		.latency_ms = i,
		.status = "success",
		.turn = turn,
		.tokens_in = -1,
		.tokens_out = -1,
		.first_token_ms = -1,
		.attempt = 1,
	};

	snprintf(turn, sizeof(turn), "turn-%d", i);
	return ledger_write(&w->ledger, &row);
}

static void on_flushed(void *ctx)
{
	*(bool *)ctx = true;
}

/* Turns the loop until everything queued is settled. */
static void flush(struct world *w)
{
	int64_t end = clock_mono_ms() + 60000;
	bool is_done = false;

	ledger_flush(&w->ledger, on_flushed, &is_done);
	while (!is_done && clock_mono_ms() < end)
		io_turn(w->io, 20);
	assert_true(is_done);
}

static bool is_up(struct world *w)
{
	bool up;

	ledger_state(&w->ledger, &up);
	return up;
}

static void until_up(struct world *w, bool want)
{
	int64_t end = clock_mono_ms() + 10000;

	while (is_up(w) != want && clock_mono_ms() < end)
		io_turn(w->io, 20);
	assert_int_equal(is_up(w), want);
}

/* What an independent reader of the file gets: the first column of the first row, as text. */
static const char *ask(const char *file, const char *sql)
{
	static char out[4096];
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;

	snprintf(out, sizeof(out), "(none)");
	assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		snprintf(out, sizeof(out), "(error) %s", sqlite3_errmsg(db));
	else if (sqlite3_step(q) == SQLITE_ROW)
		snprintf(out, sizeof(out), "%s",
			sqlite3_column_type(q, 0) == SQLITE_NULL ? "(null)" :
			(const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	sqlite3_close(db);
	return out;
}

static int rows(struct world *w)
{
	return (int)strtol(ask(w->file, "SELECT count(*) FROM ai_interactions"), NULL, 10);
}

/* The file that was put aside; NULL when there is none. */
static const char *aside(struct world *w)
{
	static char path[512];
	const char *found = NULL;
	struct dirent *e;
	DIR *d = opendir(w->dir);

	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "ledger.db.broken-20", 19) == 0 &&
			strstr(e->d_name, "-wal") == NULL) {
			snprintf(path, sizeof(path), "%s/%s", w->dir, e->d_name);
			found = path;
		}
	}
	closedir(d);
	return found;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void run_sql(const char *file, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void a_row_comes_back_as_it_was(void **state)
{
	struct world *w = *state;
	struct ledger_row row = {
		.id = "01900000-0000-7000-8000-000000000001",
		.wall_ms = 1795257420123,
		.request = "{\"a\":\"it's \\\"quoted\\\"\"}",
		.response = "{\"text\":\"o7 \xf0\x9f\xab\xa1\"}",
		.latency_ms = 321,
		.error_code = "timeout",
		.error_message = "first byte'); DROP TABLE ai_interactions; --",
		.model_name = "tiny",
		.user_id = "01900000-0000-8000-8000-000000000002",
		.status = "error",
		.prompt_hash = "abc",
		.turn = "t", .provider = "local", .platform = "twitch", .channel = "alice",
		.trigger = "lurk", .persona = "mynah", .persona_version = "1.2.0",
		.reason = "provider", .prompt = "greet@1.0.0",
		.tokens_in = 12, .tokens_out = -1, .first_token_ms = 0, .attempt = 2, .cost = 42,
	};
	static const struct {
		const char *column, *value;
	} cases[] = {
		{"id", "01900000-0000-7000-8000-000000000001"},
		{"timestamp", "2026-11-21T10:37:00.123Z"},
		{"request", "{\"a\":\"it's \\\"quoted\\\"\"}"},
		{"response", "{\"text\":\"o7 \xf0\x9f\xab\xa1\"}"},
		{"latency_ms", "321"},
		{"error_code", "timeout"},
		{"error_message", "first byte'); DROP TABLE ai_interactions; --"},
		{"model_name", "tiny"},
		{"user_id", "01900000-0000-8000-8000-000000000002"},
		{"file_metadata", "(null)"},
		{"status", "error"},
		{"prompt_hash", "abc"},
		{"ip_address", "(null)"},
		{"turn", "t"}, {"provider", "local"}, {"platform", "twitch"}, {"channel", "alice"},
		{"trigger", "lurk"}, {"persona", "mynah"}, {"persona_version", "1.2.0"},
		{"reason", "provider"},
		{"tokens_in", "12"}, {"tokens_out", "(null)"}, {"first_token_ms", "0"},
		{"attempt", "2"}, {"cost_micros", "42"}, {"prompt", "greet@1.0.0"},
	};
	char sql[128];
	struct stat st;

	begin(w, 1000, 0);
	assert_int_equal(ledger_write(&w->ledger, &row), 0);
	flush(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(sql, sizeof(sql), "SELECT %s FROM ai_interactions", cases[i].column);
		assert_string_equal(ask(w->file, sql), cases[i].value);
		/* and the columns stand in this order */
		snprintf(sql, sizeof(sql),
			"SELECT name FROM pragma_table_info('ai_interactions') WHERE cid = %zu", i);
		assert_string_equal(ask(w->file, sql), cases[i].column);
	}
	assert_string_equal(ask(w->file, "PRAGMA journal_mode"), "wal");
	assert_string_equal(ask(w->file, "SELECT count(*) FROM sqlite_master WHERE name IN "
		"('idx_ai_interactions_user_id', 'idx_ai_interactions_timestamp')"), "2");
	assert_int_equal(stat(w->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_is_missing_is_null_and_what_is_huge_is_a_note(void **state)
{
	struct world *w = *state;
	char *huge = malloc(300001);
	struct ledger_row row = {.id = "a", .status = "success"};

	memset(huge, 'x', 300000);
	huge[300000] = '\0';
	begin(w, 1000, 0);
	assert_int_equal(ledger_write(&w->ledger, &row), 0);
	row.id = "b";
	row.response = huge;
	row.error_message = huge;
	assert_int_equal(ledger_write(&w->ledger, &row), 0);
	free(huge);
	flush(w);
	assert_string_equal(ask(w->file, "SELECT request FROM ai_interactions WHERE id = 'a'"),
		"{\"redacted\":true}");
	assert_string_equal(ask(w->file, "SELECT response FROM ai_interactions WHERE id = 'a'"),
		"(null)");
	assert_string_equal(ask(w->file, "SELECT response FROM ai_interactions WHERE id = 'b'"),
		"{\"redacted\":true,\"bytes\":300000}");
	assert_string_equal(
		ask(w->file, "SELECT length(error_message) FROM ai_interactions WHERE id = 'b'"),
		"1024");
}

static void ten_thousand_rows_are_written_quickly_and_in_order(void **state)
{
	const int n = unit_runs(10000);
	struct world *w = *state;
	int64_t start = unit_own_ms();
	int64_t written, lost;

	begin(w, n, 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(put(w, i, 1795257420000 + i), 0);
	assert_true(unit_own_ms() - start < unit_slack_ms(3000));
	flush(w);
	/* A thread of its own writes them. */
	assert_true(unit_own_ms() - start < unit_slack_ms(20000));
	assert_int_equal(rows(w), n);
	assert_string_equal(ask(w->file, "SELECT count(*) FROM ai_interactions WHERE rowid - 1 != "
		"latency_ms"), "0");
	ledger_counts(&w->ledger, &written, &lost);
	assert_int_equal(written, n);
	assert_int_equal(lost, 0);
}

static void a_second_row_of_the_same_id_is_lost_alone(void **state)
{
	struct world *w = *state;
	struct ledger_row row = {.id = "same", .status = "success"};
	int64_t written, lost;

	begin(w, 1000, 0);
	assert_int_equal(ledger_write(&w->ledger, &row), 0);
	assert_int_equal(ledger_write(&w->ledger, &row), 0);
	assert_int_equal(put(w, 1, 0), 0);
	flush(w);
	assert_int_equal(rows(w), 2);
	ledger_counts(&w->ledger, &written, &lost);
	assert_int_equal(written, 2);
	assert_int_equal(lost, 1);
}

static void freeing_writes_what_is_queued(void **state)
{
	struct world *w = *state;

	begin(w, 5000, 0);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(put(w, i, i), 0);
	ledger_free(&w->ledger);
	assert_int_equal(rows(w), 3000);
}

static void on_flushed_free(void *ctx)
{
	struct world *w = ctx;

	ledger_free(&w->ledger);
}

static void the_ledger_may_be_freed_when_the_flush_is_done(void **state)
{
	struct world *w = *state;
	bool is_late = false;

	begin(w, 100, 0);
	assert_int_equal(put(w, 1, 1), 0);
	ledger_flush(&w->ledger, on_flushed_free, w);
	ledger_flush(&w->ledger, on_flushed, &is_late);
	for (int i = 0; i < 500 && w->ledger.ops != NULL; i++)
		io_turn(w->io, 10);
	assert_null(w->ledger.ops);
	assert_false(is_late);
	assert_int_equal(rows(w), 1);
}

static void old_rows_are_pruned(void **state)
{
	struct world *w = *state;
	int64_t now = clock_wall_ms();

	begin(w, 5000, 24 * 60 * MINUTE_MS);
	for (int i = 0; i < 1200; i++)
		assert_int_equal(put(w, i, now - 25LL * 60 * MINUTE_MS), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(put(w, i, now - 23LL * 60 * MINUTE_MS), 0);
	flush(w);
	assert_int_equal(rows(w), 1210);
	io_clock_shift(w->io, MINUTE_MS + 1);
	for (int i = 0; i < 200 && rows(w) > 10; i++)
		io_turn(w->io, 20);
	assert_int_equal(rows(w), 10);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static void a_foreign_lock_never_blocks_the_loop(void **state)
{
	struct world *w = *state;
	sqlite3 *db = NULL;
	int64_t slowest = 0, written, lost;

	begin(w, 100, 0);
	flush(w);
	until_up(w, true);
	assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 150; i++) {
		int64_t start = unit_own_ms(), took;

		put(w, i, i); /* the last ones find the queue full */
		io_turn(w->io, 0);
		took = unit_own_ms() - start;
		slowest = took > slowest ? took : slowest;
	}
	assert_true(slowest < 100);
	assert_int_equal(put(w, 150, 150), ERR_LIMIT);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
	flush(w);
	ledger_counts(&w->ledger, &written, &lost);
	assert_int_equal(written + lost, 151);
	assert_in_range(written, 100, 102);
	assert_int_equal(rows(w), written);
	/* the newest are there: the oldest went */
	assert_string_equal(ask(w->file, "SELECT max(latency_ms) FROM ai_interactions"), "150");
}

static void a_bad_file_is_put_aside_and_kept(void **state)
{
	struct world *w = *state;
	char garbage[8192];

	memset(garbage, 0xa5, sizeof(garbage));
	write_file(w->file, garbage, sizeof(garbage));
	begin(w, 100, 0);
	assert_int_equal(put(w, 1, 1), 0);
	flush(w);
	until_up(w, true);
	assert_int_equal(rows(w), 1);
	assert_non_null(aside(w));
}

static void a_damaged_file_is_put_aside_and_kept(void **state)
{
	struct world *w = *state;
	char junk[4096];
	int fd;

	begin(w, 5000, 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(put(w, i, i), 0);
	ledger_free(&w->ledger);
	memset(junk, 0x5a, sizeof(junk));
	fd = open(w->file, O_WRONLY);
	for (int page = 2; page < 8; page++)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), sizeof(junk));
	close(fd);
	begin(w, 100, 0);
	assert_int_equal(put(w, 1, 1), 0);
	flush(w);
	assert_int_equal(rows(w), 1);
	assert_non_null(aside(w));
}

static void files_of_others_are_put_aside_untouched(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *sql, *check, *value;
	} cases[] = {
		{"PRAGMA user_version = 99; CREATE TABLE future (x)", "PRAGMA user_version", "99"},
		{"CREATE TABLE shopping (x); INSERT INTO shopping VALUES ('milk')",
			"SELECT x FROM shopping", "milk"},
		{"PRAGMA user_version = 1; CREATE TABLE ai_interactions (id)",
			"SELECT count(*) FROM ai_interactions", "0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char old[512];

		run_sql(w->file, cases[i].sql);
		begin(w, 100, 0);
		assert_int_equal(put(w, 1, 1), 0);
		flush(w);
		ledger_free(&w->ledger);
		assert_int_equal(rows(w), 1);
		assert_non_null(aside(w));
		snprintf(old, sizeof(old), "%s", aside(w));
		assert_string_equal(ask(old, cases[i].check), cases[i].value);
		assert_int_equal(unlink(old), 0);
		assert_int_equal(unlink(w->file), 0);
	}
}

static void an_interrupted_migration_leaves_a_file_that_opens(void **state)
{
	struct world *w = *state;

	/* Death between creating the file and committing the schema: an empty database. */
	write_file(w->file, "", 0);
	begin(w, 100, 0);
	assert_int_equal(put(w, 1, 1), 0);
	flush(w);
	assert_int_equal(rows(w), 1);
	assert_null(aside(w));
}

/* A file of the first version with money: its rows stay as they are, new ones say their prompt. */
static void an_older_ledger_goes_on(void **state)
{
	struct world *w = *state;

	run_sql(w->file, "CREATE TABLE ai_interactions (id TEXT PRIMARY KEY NOT NULL, "
		"timestamp TEXT NOT NULL, request TEXT NOT NULL, response TEXT, latency_ms INTEGER,"
		" error_code TEXT, error_message TEXT, model_name TEXT, user_id TEXT,"
		" file_metadata TEXT, status TEXT NOT NULL, prompt_hash TEXT, ip_address TEXT,"
		" turn TEXT, provider TEXT, platform TEXT, channel TEXT, trigger TEXT,"
		" persona TEXT, persona_version TEXT, reason TEXT, tokens_in INTEGER,"
		" tokens_out INTEGER, first_token_ms INTEGER, attempt INTEGER) STRICT;"
		"ALTER TABLE ai_interactions ADD COLUMN cost_micros INTEGER;"
		"INSERT INTO ai_interactions (id, timestamp, request, status, cost_micros)"
		" VALUES ('old', '2026-01-01T00:00:00.000Z', '{}', 'success', 17);"
		"PRAGMA user_version = 2");
	begin(w, 100, 0);
	assert_int_equal(ledger_write(&w->ledger, &(struct ledger_row){
		.id = "new", .wall_ms = 1, .status = "success", .prompt = "greet@1.0.0"}), 0);
	flush(w);
	assert_null(aside(w));
	assert_int_equal(rows(w), 2);
	assert_string_equal(ask(w->file, "PRAGMA user_version"), "4");
	assert_string_equal(ask(w->file, "SELECT cost_micros || coalesce(prompt, ' none') FROM "
		"ai_interactions WHERE id = 'old'"), "17 none");
	assert_string_equal(ask(w->file, "SELECT prompt FROM ai_interactions WHERE id = 'new'"),
		"greet@1.0.0");
}

static void a_full_disk_loses_rows_by_count_and_heals(void **state)
{
	struct world *w = *state;
	struct rlimit old, tight;
	int64_t written, lost;

	begin(w, 50, 0);
	assert_int_equal(put(w, 0, 0), 0);
	flush(w);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &tight);
	for (int i = 1; i <= 200; i++) {
		put(w, i, i);
		io_turn(w->io, 0);
	}
	until_up(w, false);
	ledger_counts(&w->ledger, &written, &lost);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(lost > 0);
	io_clock_shift(w->io, MINUTE_MS + 1);
	until_up(w, true);
	flush(w);
	ledger_counts(&w->ledger, &written, &lost);
	assert_int_equal(written + lost, 201);
	assert_int_equal(rows(w), written);
	assert_string_equal(ask(w->file, "PRAGMA integrity_check"), "ok");
}

static void who_waits_on_a_failing_disk_is_told_of_the_loss(void **state)
{
	struct world *w = *state;
	int64_t written, lost;

	/* A folder where the file should be: fails for root too. */
	assert_int_equal(mkdir(w->file, 0700), 0);
	begin(w, 50, 0);
	until_up(w, false);
	while (strstr(ledger_state(&w->ledger, &(bool){false}), "opening") != NULL)
		io_turn(w->io, 10);
	assert_int_equal(put(w, 1, 1), 0);
	flush(w);
	ledger_counts(&w->ledger, &written, &lost);
	assert_int_equal(written, 0);
	assert_int_equal(lost, 1);
	/* the folder is gone: rows are written again */
	assert_int_equal(rmdir(w->file), 0);
	assert_int_equal(put(w, 2, 2), 0);
	flush(w);
	assert_int_equal(rows(w), 1);
}

/* A child writes and says after each flush how many rows are on disk; it is killed some time. */
static void write_until_killed(struct world *w, int to)
{
	int n = 0;

	assert_int_equal(io_new(&w->io), 0);
	begin(w, 1000, 0);
	for (;;) {
		for (int i = 0; i < 7; i++, n++)
			(void)!put(w, n, n);
		flush(w);
		if (write(to, &n, sizeof(n)) != sizeof(n))
			_exit(1); /* nobody is there to kill us */
	}
}

static void killed_writers_lose_nothing_acknowledged(void **state)
{
	struct world *w = *state;
	int acknowledged = 0;

	for (int round = 0; round < 8; round++) {
		int before = round > 0 ? rows(w) : 0;
		int n = 0, last = 0;
		int pipes[2];
		pid_t pid;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		if (pid == 0)
			write_until_killed(w, pipes[1]);
		close(pipes[1]);
		assert_int_equal(read(pipes[0], &last, sizeof(last)), sizeof(last));
		usleep(2000 + 7000 * (useconds_t)round);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
			last = n;
		close(pipes[0]);
		acknowledged = before + last;
		assert_string_equal(ask(w->file, "PRAGMA integrity_check"), "ok");
		assert_true(rows(w) >= acknowledged);
	}
	begin(w, 100, 0);
	assert_int_equal(put(w, 1, 1), 0);
	flush(w);
	assert_null(aside(w));
}

static void running_out_of_memory_is_counted(void **state)
{
	struct world *w = *state;
	int64_t written, lost;

	for (unsigned long n = 1; n < 40; n++) {
		int err;

		mem_fail_at(n, 0);
		err = ledger_sqlite_new(w->io, w->file, 100, 1000, &w->ledger);
		if (err == 0) {
			for (int i = 0; i < 5; i++)
				(void)!put(w, i, i);
			mem_fail_at(0, 0);
			flush(w);
			ledger_counts(&w->ledger, &written, &lost);
			assert_int_equal(written + lost, 5);
			ledger_free(&w->ledger);
		} else {
			assert_int_equal(err, ERR_NOMEM);
		}
		mem_fail_at(0, 0);
	}
}

static void no_ledger_takes_everything_and_keeps_nothing(void **state)
{
	struct world *w = *state;
	int64_t written, lost;
	bool up, is_done = false;

	ledger_none(&w->ledger);
	assert_int_equal(put(w, 1, 1), 0);
	ledger_flush(&w->ledger, on_flushed, &is_done);
	assert_true(is_done);
	assert_string_equal(ledger_state(&w->ledger, &up), "off");
	assert_true(up);
	ledger_counts(&w->ledger, &written, &lost);
	assert_int_equal(written + lost, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_row_comes_back_as_it_was),
		CASE(what_is_missing_is_null_and_what_is_huge_is_a_note),
		CASE(ten_thousand_rows_are_written_quickly_and_in_order),
		CASE(a_second_row_of_the_same_id_is_lost_alone),
		CASE(freeing_writes_what_is_queued),
		CASE(the_ledger_may_be_freed_when_the_flush_is_done),
		CASE(old_rows_are_pruned),
		CASE(a_foreign_lock_never_blocks_the_loop),
		CASE(a_bad_file_is_put_aside_and_kept),
		CASE(a_damaged_file_is_put_aside_and_kept),
		CASE(files_of_others_are_put_aside_untouched),
		CASE(an_interrupted_migration_leaves_a_file_that_opens),
		CASE(an_older_ledger_goes_on),
		CASE(a_full_disk_loses_rows_by_count_and_heals),
		CASE(who_waits_on_a_failing_disk_is_told_of_the_loss),
		CASE(killed_writers_lose_nothing_acknowledged),
		CASE(running_out_of_memory_is_counted),
		CASE(no_ledger_takes_everything_and_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
