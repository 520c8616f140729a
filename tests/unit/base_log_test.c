/* base/log and base/metric: what an operator reads. */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- Log ------------------------------------------------------------------------------------- */

static char *folder, *path;

static int open_log(void **state)
{
	(void)state;
	folder = unit_make_folder();
	path = file_join(folder, "log");
	clock_shift(120000, 0); /* no memory of the test before */
	return log_open(path, LOG_INFO);
}

static int close_log(void **state)
{
	static const char *const names[] = {"log", "log.1"};

	(void)state;
	log_close();
	mem_free(path);
	unit_remove_folder(folder, names, COUNT(names));
	return 0;
}

#define LINES_MAX 200

/* The lines of the log, every one of which is one JSON object. */
struct lines {
	struct buf text;
	struct json *at[LINES_MAX];
	size_t n;
};

static void read_lines(struct lines *l)
{
	buf_init(&l->text, 1024 * 1024);
	l->n = 0;
	assert_int_equal(file_read(path, &l->text), 0);
	struct str rest = buf_str(&l->text);
	assert_true(rest.len == 0 || rest.at[rest.len - 1] == '\n');
	while (rest.len > 0) {
		struct str line = str_split(&rest, '\n');
		const char *why = "";
		assert_in_range(l->n, 0, LINES_MAX - 1);
		if (json_parse(line, 32768, &l->at[l->n], &why) != 0)
			fail_msg("%s: %.*s", why, STR_FMT(line));
		assert_true(json_is_object(l->at[l->n]));
		l->n++;
	}
}

static void free_lines(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_free(l->at[i]);
	buf_fini(&l->text);
}

static void note_key(void *ctx, const char *key, const struct json *value)
{
	(void)value;
	assert_int_equal(buf_addf(ctx, "%s ", key), 0);
}

static void a_line_has_its_eleven_keys_in_order_and_then_others(void **state)
{
	struct lines l;
	struct buf keys;

	(void)state;
	log_event(LOG_INFO, "bot", "turn_sent", "turn", "t-1", "message", "said", "user", "u:12",
		"execution_time", "35", LOG_INT("tries", -2), "community", "alice", "trigger",
		"lurk", "result", "SUCCESS", "request_id", "r-1", "absent", NULL, NULL);
	log_event(LOG_SYSTEM, "cli", "start", NULL);
	read_lines(&l);
	assert_int_equal(l.n, 2);
	buf_init(&keys, 1024);
	json_each(l.at[0], note_key, &keys);
	assert_string_equal(buf_text(&keys), "timestamp level module action user community result "
		"execution_time message turn request_id tries trigger absent ");
	buf_clear(&keys);
	json_each(l.at[1], note_key, &keys);
	assert_string_equal(buf_text(&keys), "timestamp level module action user community result "
		"execution_time message turn request_id ");
	buf_fini(&keys);

	struct str stamp = json_str(l.at[0], "timestamp");
	assert_int_equal(stamp.len, 24);
	assert_int_equal(stamp.at[23], 'Z');
	assert_str(json_str(l.at[0], "level"), STR("info"));
	assert_str(json_str(l.at[0], "module"), STR("bot"));
	assert_str(json_str(l.at[0], "action"), STR("turn_sent"));
	assert_str(json_str(l.at[0], "user"), STR("u:12"));
	assert_str(json_str(l.at[0], "community"), STR("alice"));
	assert_str(json_str(l.at[0], "result"), STR("SUCCESS"));
	assert_int_equal(json_int(l.at[0], "execution_time", 0), 35);
	assert_str(json_str(l.at[0], "message"), STR("said"));
	assert_str(json_str(l.at[0], "turn"), STR("t-1"));
	assert_str(json_str(l.at[0], "request_id"), STR("r-1"));
	assert_int_equal(json_int(l.at[0], "tries", 0), -2);
	assert_null(json_get(l.at[0], "absent"));
	assert_null(json_get(l.at[1], "user"));
	assert_str(json_str(l.at[1], "level"), STR("system"));
	free_lines(&l);
}

/* faults.md Z6: terminal escapes, broken JSON and fake lines by nick. */
static void hostile_values_stay_inside_their_quotes(void **state)
{
	char huge[3000];
	struct lines l;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(huge); i += 2)
		memcpy(huge + i, "\xC3\xA9", 2);
	huge[sizeof(huge) - 2] = huge[sizeof(huge) - 1] = '\0';
	log_event(LOG_INFO, "x", "hostile", "user", "\"}\n{\"level\":\"system\"", "message",
		"\x1B[31m red \x07\xFF\xE2\x80\xAE", "community", huge, "execution_time", "fast",
		"turn", "\x01" "99", "level", "audit", "result", "x" "\xE2\x80\xA8" "y", NULL);
	read_lines(&l);
	assert_int_equal(l.n, 1);
	assert_str(json_str(l.at[0], "user"), STR("\"} {\"level\":\"system\""));
	assert_str(json_str(l.at[0], "message"), STR(" [31m red  \xEF\xBF\xBD"));
	assert_int_equal(json_str(l.at[0], "community").len, LOG_VALUE_BYTES);
	assert_true(text_is_utf8(json_str(l.at[0], "community")));
	assert_null(json_get(l.at[0], "execution_time"));
	assert_str(json_str(l.at[0], "level"), STR("info"));
	assert_str(json_str(l.at[0], "result"), STR("x y"));
	free_lines(&l);
}

static void a_line_that_grew_too_long_loses_its_last_pairs_only(void **state)
{
	char quotes[LOG_VALUE_BYTES + 1] = {0};
	struct lines l;

	(void)state;
	memset(quotes, '"', LOG_VALUE_BYTES);
	log_event(LOG_INFO, "x", "long", "user", quotes, "community", quotes, "result", quotes,
		"message", quotes, "turn", quotes, "request_id", quotes, "a", quotes, "b", quotes,
		"c", quotes, "d", quotes, "e", quotes, "f", quotes, "g", quotes, "h", quotes, "i",
		quotes, "j", quotes, "k", quotes, "last", "short", NULL);
	read_lines(&l);
	assert_int_equal(l.n, 1);
	assert_int_equal(json_str(l.at[0], "request_id").len, LOG_VALUE_BYTES);
	assert_int_equal(json_str(l.at[0], "a").len, LOG_VALUE_BYTES);
	assert_null(json_get(l.at[0], "k"));
	free_lines(&l);
}

static void levels_choose_what_is_written(void **state)
{
	static const struct {
		enum log_level most;
		size_t lines; /* of one line of each level */
	} cases[] = {{LOG_SYSTEM, 2}, {LOG_AUDIT, 2}, {LOG_ERROR, 3}, {LOG_INFO, 4},
		{LOG_DEBUG, 5}};
	size_t expected = 0;
	struct lines l;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		log_set_level(cases[i].most);
		assert_int_equal(log_get_level(), cases[i].most);
		for (int level = LOG_SYSTEM; level <= LOG_DEBUG; level++) {
			log_event((enum log_level)level, "x", "y", NULL);
			assert_case(i, !log_wants((enum log_level)level) ==
				((size_t)level >= cases[i].lines));
		}
		expected += cases[i].lines;
	}
	read_lines(&l);
	assert_int_equal(l.n, expected);
	free_lines(&l);
	assert_string_equal(log_level_name(LOG_AUDIT), "audit");
	assert_string_equal(log_level_name((enum log_level)77), "unknown");
}

/* faults.md I15: at most 20 lines a minute of a kind, in any minute, and the counts add up. */
static void repeats_are_held_back_and_counted(void **state)
{
	size_t said = 0, suppressed = 0;
	struct lines l;

	(void)state;
	for (int i = 0; i < 300; i++) {
		log_event(LOG_ERROR, "io", "refused", NULL);
		clock_shift(500, 0);
	}
	log_event(LOG_ERROR, "io", "other", NULL);
	log_close();
	read_lines(&l);
	for (size_t i = 0; i < l.n; i++) {
		said += str_is(json_str(l.at[i], "action"), "refused");
		suppressed += (size_t)json_int(l.at[i], "suppressed", 0);
	}
	/* 150 s: windows begin at 0, 60 and 120 s. */
	assert_int_equal(said, 60);
	assert_int_equal(suppressed, 240);
	assert_str(json_str(l.at[l.n - 1], "message"), STR("io refused"));
	assert_str(json_str(l.at[l.n - 1], "action"), STR("suppressed"));
	free_lines(&l);
}

/* One line a turn, whatever the load: only errors repeat without saying anything new. */
static void lines_that_are_no_errors_are_never_held_back(void **state)
{
	struct lines l;
	size_t sent = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		log_event(LOG_INFO, "bot", "sent", LOG_INT("turn", i), NULL);
		log_event(LOG_ERROR, "bot", "sent", NULL); /* the same pair, held back */
	}
	log_close();
	read_lines(&l);
	for (size_t i = 0; i < l.n; i++)
		sent += str_is(json_str(l.at[i], "level"), "info");
	assert_int_equal(sent, 100);
	assert_int_equal(l.n, 100 + LOG_REPEATS + 1);
	free_lines(&l);
}

static void system_and_audit_lines_always_pass(void **state)
{
	struct lines l;

	(void)state;
	log_set_level(LOG_ERROR);
	for (int i = 0; i < 50; i++)
		log_event(i % 2 ? LOG_SYSTEM : LOG_AUDIT, "x", "y", NULL);
	read_lines(&l);
	assert_int_equal(l.n, 50);
	free_lines(&l);
}

static void a_rotated_log_is_begun_anew(void **state)
{
	char *old = file_join(folder, "log.1");
	struct lines l;
	struct stat st;

	(void)state;
	log_event(LOG_INFO, "x", "before", NULL);
	assert_int_equal(rename(path, old), 0);
	log_event(LOG_INFO, "x", "between", NULL); /* to the renamed file */
	assert_int_equal(log_open(path, LOG_INFO), 0);
	log_event(LOG_INFO, "x", "after", NULL);
	read_lines(&l);
	assert_int_equal(l.n, 1);
	assert_str(json_str(l.at[0], "action"), STR("after"));
	free_lines(&l);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* A place that cannot be opened changes nothing. */
	assert_int_equal(log_open("/nonexistent/log", LOG_INFO), ERR_IO);
	log_event(LOG_INFO, "x", "still here", NULL);
	read_lines(&l);
	assert_int_equal(l.n, 2);
	free_lines(&l);
	mem_free(old);
}

static void without_memory_lines_are_still_written(void **state)
{
	struct lines l;

	(void)state;
	mem_fail_at(1, 1);
	log_event(LOG_ERROR, "mem", "out", "message", "no memory", NULL);
	mem_fail_at(0, 0);
	read_lines(&l);
	assert_int_equal(l.n, 1);
	assert_str(json_str(l.at[0], "message"), STR("no memory"));
	free_lines(&l);
}

static void *log_ten(void *name)
{
	for (int i = 0; i < 10; i++)
		log_event(LOG_INFO, name, "thread", LOG_INT("i", i), NULL);
	return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
	static char names[8][4] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	pthread_t threads[8];
	struct lines l;

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_ten, names[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	read_lines(&l);
	assert_int_equal(l.n, 80);
	free_lines(&l);
}

/* Runs in a child of its own: what a log does to a process whose sink is gone. */
static void expect_survival(void (*body)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void log_to_closed_stderr(void)
{
	if (log_open("-", LOG_INFO))
		_exit(1);
	close(STDERR_FILENO);
	log_event(LOG_ERROR, "x", "y", NULL);
}

static void log_to_broken_pipe(void)
{
	int ends[2];

	if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0 || log_open("-", LOG_INFO))
		_exit(1);
	close(ends[0]);
	log_event(LOG_ERROR, "x", "y", NULL);
	log_event(LOG_ERROR, "x", "y", NULL);
}

static void log_to_full_disk(void)
{
	int ends[2];
	char said[1000];

	if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0 || log_open("/dev/full", LOG_INFO))
		_exit(1);
	for (int i = 0; i < 3; i++)
		log_event(LOG_ERROR, "x", "y", NULL);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	ssize_t n = read(ends[0], said, sizeof(said) - 1);
	if (n <= 0)
		_exit(2); /* nobody heard of it */
	said[n] = '\0';
	char *first = strchr(said, '\n');
	if (!first || first[1] || !strstr(said, "No space left"))
		_exit(3); /* more than once, or not why */
}

static void a_sink_that_is_gone_never_stops_the_program(void **state)
{
	(void)state;
	expect_survival(log_to_closed_stderr);
	expect_survival(log_to_broken_pipe);
	expect_survival(log_to_full_disk);
}

/* ---- Metrics --------------------------------------------------------------------------------- */

static struct metric drops = {.name = "mynah_drops_total", .help = "Replies not said.\nBy \\reason",
	.kind = METRIC_COUNTER, .label = "reason"};
static struct metric live = {.name = "mynah_turns_live", .help = "Turns", .kind = METRIC_GAUGE};
static struct metric waits = {.name = "mynah_wait_seconds", .help = "Waits",
	.kind = METRIC_HISTOGRAM, .label = "provider"};

static int reset_metrics(void **state)
{
	(void)state;
	metric_reset();
	return 0;
}

static bool holds(const struct buf *b, const char *line)
{
	return strstr(buf_text(b), line) != NULL;
}

static void a_detached_log_says_everything_in_order(void **state)
{
	static char moved[512];
	struct lines l;

	(void)state;
	assert_int_equal(log_detach(), 0);
	for (int i = 0; i < 50; i++)
		log_event(LOG_INFO, "detached", "line", LOG_INT("i", i), NULL);
	/* as logrotate does it */
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(log_open(path, LOG_INFO), 0);
	for (int i = 50; i < 60; i++)
		log_event(LOG_INFO, "detached", "line", LOG_INT("i", i), NULL);
	log_close();
	read_lines(&l);
	assert_int_equal(l.n, 10);
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(json_int(l.at[i], "i", -1), 50 + (int64_t)i);
	free_lines(&l);
	rename(moved, path);
	read_lines(&l);
	assert_int_equal(l.n, 50);
	free_lines(&l);
}

/* A reader that has stopped reading, as a stuck supervisor would: whoever logs goes on. */
static void a_stuck_reader_of_a_detached_log_stops_nobody(void **state)
{
	const int kept = dup(STDERR_FILENO);
	char full[65536];
	int ends[2];
	int64_t began;

	(void)state;
	memset(full, 'x', sizeof(full));
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0, 1);
	assert_int_equal(write(ends[1], full, 4096), 4096);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	assert_int_equal(log_open("-", LOG_INFO), 0);
	assert_int_equal(log_detach(), 0);
	began = clock_mono_ms();
	for (int i = 0; i < 5000; i++)
		log_event(LOG_INFO, "stuck", "line", LOG_INT("i", i), NULL);
	const int64_t took = clock_mono_ms() - began;
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 200; i++) {
		(void)!read(ends[0], full, sizeof(full));
		usleep(1000);
	}
	log_event(LOG_INFO, "stuck", "after", NULL);
	close(ends[0]);
	log_close();
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[1]);
	assert_in_range(took, 0, 20000); /* nobody reads: who waits for that waits for ever */
}

static void prometheus_reads_what_was_counted(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(metric_write(&b), 0);
	assert_int_equal(b.len, 0);
	metric_add(&drops, "late", 2);
	metric_add(&drops, "late", 1);
	metric_add(&drops, "a\"b\\c\nd", 1);
	metric_set(&live, NULL, 5);
	metric_set(&live, NULL, 4);
	metric_add(&live, NULL, -1);
	assert_int_equal(metric_write(&b), 0);
	assert_string_equal(buf_text(&b),
		"# HELP mynah_drops_total Replies not said.\\nBy \\\\reason\n"
		"# TYPE mynah_drops_total counter\n"
		"mynah_drops_total{reason=\"late\"} 3\n"
		"mynah_drops_total{reason=\"a\\\"b\\\\c\\nd\"} 1\n"
		"# HELP mynah_turns_live Turns\n"
		"# TYPE mynah_turns_live gauge\n"
		"mynah_turns_live 3\n");
	buf_fini(&b);
	buf_init(&b, 50);
	assert_int_equal(metric_write(&b), ERR_LIMIT);
	buf_fini(&b);
}

static void histograms_count_cumulated_and_in_seconds(void **state)
{
	struct buf b;

	(void)state;
	metric_observe_ms(&waits, "local", 0.1);
	metric_observe_ms(&waits, "local", 3);
	metric_observe_ms(&waits, "local", 250);
	metric_observe_ms(&waits, "local", 61000);
	metric_observe_ms(&waits, "local", -4);
	metric_observe_ms(&waits, "local", 0.0 / 0.0);
	buf_init(&b, 65536);
	assert_int_equal(metric_write(&b), 0);
	assert_true(holds(&b, "# TYPE mynah_wait_seconds histogram\n"));
	assert_true(holds(&b, "mynah_wait_seconds_bucket{provider=\"local\",le=\"0.0001\"} 3\n"));
	assert_true(holds(&b, "mynah_wait_seconds_bucket{provider=\"local\",le=\"0.0025\"} 3\n"));
	assert_true(holds(&b, "mynah_wait_seconds_bucket{provider=\"local\",le=\"0.005\"} 4\n"));
	assert_true(holds(&b, "mynah_wait_seconds_bucket{provider=\"local\",le=\"0.25\"} 5\n"));
	assert_true(holds(&b, "mynah_wait_seconds_bucket{provider=\"local\",le=\"60\"} 5\n"));
	assert_true(holds(&b, "mynah_wait_seconds_bucket{provider=\"local\",le=\"+Inf\"} 6\n"));
	assert_true(holds(&b, "mynah_wait_seconds_sum{provider=\"local\"} 61.253100\n"));
	assert_true(holds(&b, "mynah_wait_seconds_count{provider=\"local\"} 6\n"));
	buf_fini(&b);
}

static void a_family_never_grows_beyond_its_limit(void **state)
{
	char label[16];
	size_t lines = 0;
	struct buf b;

	(void)state;
	for (int i = 0; i < METRIC_SERIES_MAX + 500; i++) {
		snprintf(label, sizeof(label), "c%d", i);
		metric_add(&drops, label, 1);
	}
	buf_init(&b, 1024 * 1024);
	assert_int_equal(metric_write(&b), 0);
	assert_true(holds(&b, "mynah_drops_total{reason=\"c0\"} 1\n"));
	assert_true(holds(&b, "mynah_drops_total{reason=\"other\"} 501\n"));
	for (struct str rest = buf_str(&b); rest.len > 0; lines++)
		str_split(&rest, '\n');
	assert_int_equal(lines, METRIC_SERIES_MAX + 2);
	buf_fini(&b);
}

static void without_memory_a_sample_is_lost_and_nothing_else(void **state)
{
	struct buf b;

	(void)state;
	for (unsigned long n = 1; n <= 5; n++) {
		metric_reset();
		mem_fail_at(n, 1);
		metric_observe_ms(&waits, "local", 1);
		mem_fail_at(0, 0);
		metric_observe_ms(&waits, "local", 1);
		buf_init(&b, 65536);
		assert_int_equal(metric_write(&b), 0);
		assert_true(holds(&b, "mynah_wait_seconds_count{provider=\"local\"} 1\n") ||
			holds(&b, "mynah_wait_seconds_count{provider=\"local\"} 2\n"));
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define logging(test) cmocka_unit_test_setup_teardown(test, open_log, close_log)
		logging(a_line_has_its_eleven_keys_in_order_and_then_others),
		logging(hostile_values_stay_inside_their_quotes),
		logging(a_line_that_grew_too_long_loses_its_last_pairs_only),
		logging(levels_choose_what_is_written),
		logging(repeats_are_held_back_and_counted),
		logging(lines_that_are_no_errors_are_never_held_back),
		logging(system_and_audit_lines_always_pass),
		logging(a_rotated_log_is_begun_anew),
		logging(without_memory_lines_are_still_written),
		logging(threads_do_not_mix_their_lines),
		logging(a_detached_log_says_everything_in_order),
		logging(a_stuck_reader_of_a_detached_log_stops_nobody),
		cmocka_unit_test(a_sink_that_is_gone_never_stops_the_program),
#define counting(test) cmocka_unit_test_setup_teardown(test, reset_metrics, reset_metrics)
		counting(prometheus_reads_what_was_counted),
		counting(histograms_count_cumulated_and_in_seconds),
		counting(a_family_never_grows_beyond_its_limit),
		counting(without_memory_a_sample_is_lost_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
