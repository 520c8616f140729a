/* base: errors, memory, clock, chance, bytes and files. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- err ------------------------------------------------------------------------------------- */

static void every_error_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(err_name(0), "ok");
	assert_string_equal(err_name(ERR_TIMEOUT), "timeout");
	assert_string_equal(err_name(1), "unknown");
	assert_string_equal(err_name(-1000), "unknown");
	assert_string_equal(err_name(INT32_MIN), "unknown");
	for (int i = ERR_TLS; i < 0; i++) {
		for (int j = i + 1; j <= 0; j++)
			assert_string_not_equal(err_name(i), err_name(j));
	}
}

static void system_errors_are_translated_and_never_to_success(void **state)
{
	static const struct {
		int sys, err;
	} cases[] = {
		{ENOENT, ERR_NOTFOUND}, {ENOTDIR, ERR_NOTFOUND}, {EACCES, ERR_DENIED},
		{EPERM, ERR_DENIED}, {ENOMEM, ERR_NOMEM}, {ENOSPC, ERR_IO}, {EIO, ERR_IO},
		{EISDIR, ERR_INVALID}, {EFBIG, ERR_LIMIT}, {ECONNREFUSED, ERR_CONNECT},
		{ECONNRESET, ERR_CONNECT}, {ETIMEDOUT, ERR_TIMEOUT}, {EAGAIN, ERR_BUSY},
		{ECANCELED, ERR_CANCELLED}, {EPIPE, ERR_CLOSED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_case(i, err_from_errno(cases[i].sys) == cases[i].err);
	for (int sys = 0; sys < 200; sys++)
		assert_true(err_from_errno(sys) < 0);
}

/* ---- mem ------------------------------------------------------------------------------------- */

static void memory_comes_zeroed_and_counted(void **state)
{
	const unsigned long before = mem_count();

	(void)state;
	char *p = mem_new(100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	p = mem_resize(p, 200);
	assert_non_null(p);
	mem_free(p);
	mem_free(NULL);
	assert_int_equal(mem_count() - before, 2);

	p = mem_new(0);
	assert_non_null(p);
	mem_free(p);
	p = mem_array(0, 8);
	assert_non_null(p);
	mem_free(p);
}

static void a_size_that_overflows_is_no_memory(void **state)
{
	(void)state;
	assert_null(mem_array(SIZE_MAX / 2, 3));
	assert_null(mem_dupn("x", SIZE_MAX));
}

static void copies_end_with_a_nul(void **state)
{
	(void)state;
	assert_null(mem_dup(NULL));
	char *s = mem_dup("mynah");
	assert_string_equal(s, "mynah");
	mem_free(s);
	s = mem_dupn("mynah", 2);
	assert_string_equal(s, "my");
	mem_free(s);
	s = mem_dupn(NULL, 0);
	assert_string_equal(s, "");
	mem_free(s);
}

static void the_nth_allocation_fails_when_told(void **state)
{
	(void)state;
	mem_fail_at(3, 0);
	for (int i = 1; i <= 5; i++) {
		void *p = mem_new(1);
		assert_true((p == NULL) == (i == 3));
		mem_free(p);
	}
	mem_fail_at(2, 1);
	for (int i = 1; i <= 5; i++) {
		void *p = mem_new(1);
		assert_true((p == NULL) == (i >= 2));
		mem_free(p);
	}
	mem_fail_at(0, 0);
	void *p = mem_new(1);
	assert_non_null(p);
	mem_free(p);
}

static void *allocate_a_thousand(void *failures)
{
	for (int i = 0; i < 1000; i++) {
		void *p = mem_new(8);
		*(int *)failures += p == NULL;
		mem_free(p);
	}
	return NULL;
}

static void one_failure_is_one_failure_among_threads(void **state)
{
	pthread_t threads[4];
	int failures[4] = {0};
	int sum = 0;

	(void)state;
	mem_fail_at(2000, 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, allocate_a_thousand, &failures[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		sum += failures[i];
	}
	mem_fail_at(0, 0);
	assert_int_equal(sum, 1);
}

/* Pages of files that are mapped now, in KiB. */
static long mapped_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	assert_non_null(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		(void)sscanf(line, "RssFile: %ld", &kib);
	fclose(f);
	return kib;
}

static void what_the_start_needed_is_given_back_and_still_there(void **state)
{
	static const char constant[] = "a constant", variable_before[] = "a variable";
	static char variable[sizeof(variable_before)];
	char *kept = mem_dup("on the heap");
	const long before = mapped_kib();

	(void)state;
	memcpy(variable, variable_before, sizeof(variable));
	mem_give_back();
	assert_true(mapped_kib() < before);
	assert_string_equal(constant, "a constant");
	assert_string_equal(variable, variable_before);
	assert_string_equal(kept, "on the heap");
	mem_free(kept);
}

/* ---- clock ----------------------------------------------------------------------------------- */

static void times_are_written_as_rfc_3339(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1, "1970-01-01T00:00:00.001Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{1795257420123, "2026-11-21T10:37:00.123Z"},
		{-5, "1970-01-01T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
		{INT64_MAX, "9999-12-31T23:59:59.999Z"},
		{INT64_MIN, "1970-01-01T00:00:00.000Z"},
	};
	char text[CLOCK_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(clock_text(cases[i].ms, text), cases[i].text);
}

static void written_times_are_read_with_up_to_nine_digits_of_a_second(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1 = is none */
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-21T10:37:00.123Z", 1795257420123},
		{"2026-11-21T10:37:00.123456789Z", 1795257420123},
		{"2026-11-21T10:37:00.5Z", 1795257420500},
		{"2000-02-29T00:00:00.00Z", 951782400000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"", -1}, {"now", -1}, {"2026-11-21", -1}, {"2026-11-21T10:37:00", -1},
		{"2026-11-21T10:37:00.Z", -1}, {"2026-11-21T10:37:00.1234567890Z", -1},
		{"2026-11-21T10:37:00+01:00", -1}, {"2026-13-21T10:37:00Z", -1},
		{"2026-02-30T10:37:00Z", -1}, {"2026-11-21T24:37:00Z", -1},
		{"2026-11-21 10:37:00Z", -1}, {"-026-11-21T10:37:00Z", -1},
		{"2026-11-21T10:37:00Z ", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ms = -1;
		int err = clock_parse(str_of(cases[i].text), &ms);
		assert_case(i, err == (cases[i].ms < 0 ? ERR_PARSE : 0));
		assert_case(i, ms == cases[i].ms);
	}
	assert_int_equal(clock_parse(BYTES("2026-11-21T10:37:00Z\0"), &(int64_t){0}), ERR_PARSE);
}

static void tests_move_time_one_clock_or_both(void **state)
{
	int64_t mono = clock_mono_ms(), wall = clock_wall_ms();

	(void)state;
	clock_shift(60000, 0);
	assert_in_range(clock_mono_ms() - mono, 60000, 65000);
	assert_in_range(clock_wall_ms() - wall, 0, 5000);
	clock_shift(0, -3600000);
	assert_in_range(wall - clock_wall_ms(), 3595000, 3600000);
	assert_in_range(clock_mono_us() / 1000 - mono, 60000, 65000);
	clock_shift(0, 3600000);
}

/* ---- rand ------------------------------------------------------------------------------------ */

static void a_seed_gives_the_same_numbers_on_every_machine(void **state)
{
	/* Computed apart from us: ChaCha20 under BLAKE2b of the seed, one nonce a request.
	 * Recordings are replayed by their seed, so these never change. */
	static const uint32_t expected[] = {22, 39, 61, 16, 24, 86};
	unsigned char a[40], b[40];

	(void)state;
	rand_seed(1);
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_case(i, rand_below(100) == expected[i]);
	rand_seed(7);
	rand_bytes(a, sizeof(a));
	rand_seed(7);
	rand_bytes(b, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
	rand_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	rand_seed(8);
	rand_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void chance_stays_in_its_bounds_and_reaches_them(void **state)
{
	unsigned seen[6] = {0};

	(void)state;
	rand_seed(2);
	assert_int_equal(rand_below(0), 0);
	assert_int_equal(rand_below(1), 0);
	assert_int_equal(rand_between(5, 5), 5);
	assert_int_equal(rand_between(5, 4), 5);
	for (int i = 0; i < 6000; i++) {
		int64_t n = rand_between(-2, 3);
		assert_in_range(n + 2, 0, 5);
		seen[n + 2]++;
	}
	for (size_t i = 0; i < COUNT(seen); i++) /* 1,000 expected; 5 sigma are 144 */
		assert_in_range(seen[i], 850, 1150);
	for (int i = 0; i < 100; i++) {
		assert_true(rand_between(INT64_MIN, INT64_MAX) >= INT64_MIN);
		int64_t big = rand_between(0, (int64_t)1 << 40);
		assert_true(big >= 0 && big <= (int64_t)1 << 40);
	}
}

static void ids_of_turns_are_uuids_that_sort_by_time(void **state)
{
	char a[UUID_TEXT_BYTES], b[UUID_TEXT_BYTES];

	(void)state;
	rand_uuid7(1795257420123, a);
	rand_uuid7(1795257420124, b);
	assert_int_equal(strlen(a), 36);
	assert_memory_equal(a, "01a1fdae-495b-7", 15);
	assert_non_null(strchr("89ab", a[19]));
	assert_true(strcmp(a, b) < 0);
}

/* ---- buf ------------------------------------------------------------------------------------- */

static void a_buffer_holds_its_maximum_and_not_a_byte_more(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 10; i++)
		assert_int_equal(buf_adds(&b, "0123456789"), 0);
	assert_int_equal(b.len, 100);
	assert_int_equal(buf_addc(&b, 'x'), ERR_LIMIT);
	assert_int_equal(buf_addf(&b, "%d", 7), ERR_LIMIT);
	assert_int_equal(buf_add(&b, "xx", SIZE_MAX), ERR_LIMIT);
	assert_int_equal(buf_adds(&b, ""), 0);
	assert_int_equal(b.len, 100);
	assert_int_equal(b.at[100], '\0');
	buf_fini(&b);
	assert_int_equal(b.max, 100);

	buf_init(&b, SIZE_MAX);
	assert_int_equal(buf_add(&b, "x", SIZE_MAX), ERR_LIMIT);
	buf_fini(&b);
	buf_init(&b, 0);
	assert_int_equal(buf_addc(&b, 'x'), ERR_LIMIT);
	buf_fini(&b);
}

static void a_buffer_cuts_its_end(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_truncate(&b, 3);
	assert_int_equal(buf_addf(&b, "%s-%d", "hello", 42), 0);
	buf_truncate(&b, 3);
	assert_string_equal(buf_text(&b), "hel");
	buf_truncate(&b, 50);
	assert_int_equal(b.len, 3);
	buf_fini(&b);
}

static void a_taken_text_belongs_to_the_taker(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	char *s = buf_take(&b);
	assert_string_equal(s, "");
	mem_free(s);
	assert_int_equal(buf_adds(&b, "mine"), 0);
	s = buf_take(&b);
	assert_string_equal(s, "mine");
	mem_free(s);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void without_memory_a_buffer_is_what_it_was(void **state)
{
	char big[300];
	struct buf b;

	(void)state;
	memset(big, 'x', sizeof(big));
	buf_init(&b, 1000);
	assert_int_equal(buf_adds(&b, "kept"), 0);
	mem_fail_at(1, 1);
	assert_int_equal(buf_add(&b, big, sizeof(big)), ERR_NOMEM);
	assert_int_equal(buf_addf(&b, "%300d", 1), ERR_NOMEM);
	mem_fail_at(0, 0);
	assert_string_equal(buf_text(&b), "kept");
	buf_fini(&b);
}

static void slices_compare_trim_and_split(void **state)
{
	struct str rest = STR("a,,b");

	(void)state;
	assert_true(str_eq(str_of(NULL), STR("")));
	assert_true(str_is(STR("x"), "x"));
	assert_false(str_is(STR("x"), "xy"));
	assert_false(str_is(STR("xy"), "x"));
	assert_false(str_is(STR("x\0y"), "x"));
	assert_false(str_is(STR("x\0"), "x"));
	assert_true(str_is((struct str){NULL, 0}, "") && str_is((struct str){NULL, 0}, NULL));
	assert_true(str_eq_nocase(STR("PrivMsg"), STR("PRIVMSG")));
	assert_true(str_is_nocase(STR("PrivMsg"), "PRIVMSG"));
	assert_false(str_is_nocase(STR("PrivMs"), "PRIVMSG"));
	assert_false(str_is_nocase(STR("PrivMsg!"), "PRIVMSG"));
	assert_false(str_is_nocase(STR("p\0"), "P"));
	assert_true(str_is_nocase((struct str){NULL, 0}, ""));
	assert_false(str_eq_nocase(STR("\xC3\xA4"), STR("\xC3\x84"))); /* ASCII only */
	assert_false(str_eq_nocase(STR("@["), STR("`{")));
	assert_str(str_trim(STR(" \t x y \r\n")), STR("x y"));
	assert_str(str_trim(STR("  ")), STR(""));
	assert_str(str_split(&rest, ','), STR("a"));
	assert_str(str_split(&rest, ','), STR(""));
	assert_str(str_split(&rest, ','), STR("b"));
	assert_int_equal(rest.len, 0);
	assert_str(str_split(&rest, ','), STR(""));
}

static void integers_are_whole_or_refused(void **state)
{
	static const struct {
		const char *text;
		int err;
		int64_t n;
	} cases[] = {
		{"0", 0, 0}, {"-0", 0, 0}, {"+7", 0, 7}, {"007", 0, 7}, {"-42", 0, -42},
		{"9223372036854775807", 0, INT64_MAX}, {"-9223372036854775808", 0, INT64_MIN},
		{"9223372036854775808", ERR_LIMIT, 0}, {"-9223372036854775809", ERR_LIMIT, 0},
		{"99999999999999999999999", ERR_LIMIT, 0}, {"", ERR_PARSE, 0}, {"-", ERR_PARSE, 0},
		{"1x", ERR_PARSE, 0}, {" 1", ERR_PARSE, 0}, {"1.0", ERR_PARSE, 0},
		{"0x10", ERR_PARSE, 0}, {"99999999999999999999x", ERR_PARSE, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t n = 0;
		assert_case(i, str_int(str_of(cases[i].text), &n) == cases[i].err);
		assert_case(i, n == cases[i].n);
	}
}

/* ---- file ------------------------------------------------------------------------------------ */

static char *in(const char *folder, const char *name)
{
	char *path = file_join(folder, name);

	assert_non_null(path);
	return path;
}

static void a_file_is_replaced_whole_and_read_back(void **state)
{
	static const char *const names[] = {"conf"};
	char *folder = unit_make_folder();
	char *path = in(folder, "conf");
	struct stat st;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(file_read(path, &b), ERR_NOTFOUND);
	assert_int_equal(file_replace(path, STR("one\0two"), 0600), 0);
	assert_int_equal(file_read(path, &b), 0);
	assert_str(buf_str(&b), BYTES("one\0two"));
	assert_int_equal(file_replace(path, STR(""), 0640), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_read(path, &b), 0); /* adds nothing */
	assert_int_equal(b.len, 7);
	buf_fini(&b);
	mem_free(path);
	unit_remove_folder(folder, names, COUNT(names));
}

static void what_root_writes_belongs_to_the_folders_owner(void **state)
{
	static const char *const names[] = {"vault"};
	char *folder, *path;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	folder = unit_make_folder();
	path = in(folder, "vault");
	assert_int_equal(file_replace(path, STR("ours"), 0600), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	if (chown(folder, 65534, 65534) == 0) {
		assert_int_equal(file_replace(path, STR("theirs"), 0600), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	mem_free(path);
	unit_remove_folder(folder, names, COUNT(names));
}

static void what_is_no_plain_file_is_refused_without_waiting(void **state)
{
	static const char *const names[] = {"fifo", "dir"};
	char *folder = unit_make_folder();
	char *fifo = in(folder, "fifo"), *dir = in(folder, "dir"), *below = in(fifo, "x");
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(file_read(fifo, &b), ERR_INVALID);
	assert_int_equal(file_read(dir, &b), ERR_INVALID);
	assert_int_equal(file_read("/dev/zero", &b), ERR_INVALID);
	assert_int_equal(file_read(below, &b), ERR_NOTFOUND);
	assert_int_equal(file_replace(below, STR("x"), 0600), ERR_NOTFOUND);
	assert_int_equal(file_replace(dir, STR("x"), 0600), ERR_INVALID);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
	mem_free(below);
	mem_free(dir);
	mem_free(fifo);
	unit_remove_folder(folder, names, COUNT(names));
}

static void a_file_larger_than_the_buffer_is_refused(void **state)
{
	static const char *const names[] = {"big"};
	char *folder = unit_make_folder();
	char *path = in(folder, "big");
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(file_replace(path, STR("12345"), 0600), 0);
	assert_int_equal(file_read(path, &b), ERR_LIMIT);
	assert_int_equal(b.len, 0);
	assert_int_equal(file_replace(path, STR("1234"), 0600), 0);
	assert_int_equal(file_read(path, &b), 0);
	/* /proc says 0 bytes and gives more: not what it said, so not believed. */
	buf_clear(&b);
	assert_int_not_equal(file_read("/proc/self/status", &b), 0);
	buf_fini(&b);
	mem_free(path);
	unit_remove_folder(folder, names, COUNT(names));
}

static void a_failed_replace_leaves_the_old_file_and_no_litter(void **state)
{
	static const char *const names[] = {"conf"};
	char *folder = unit_make_folder();
	char *path = in(folder, "conf");
	char **found;
	struct buf b;
	size_t n;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(file_replace(path, STR("old"), 0600), 0);
	mem_fail_at(1, 1);
	assert_int_equal(file_replace(path, STR("new"), 0600), ERR_NOMEM);
	mem_fail_at(0, 0);
	assert_int_equal(file_read(path, &b), 0);
	assert_string_equal(buf_text(&b), "old");
	assert_int_equal(file_names(folder, "", &found, &n), 0);
	assert_int_equal(n, 1);
	file_names_free(found, n);
	buf_fini(&b);
	mem_free(path);
	unit_remove_folder(folder, names, COUNT(names));
}

static void folders_are_made_with_their_parents(void **state)
{
	static const char *const names[] = {"a/b/c", "a/b", "a", "file"};
	char *folder = unit_make_folder();
	char *deep = in(folder, "a/b/c"), *file = in(folder, "file"), *below = in(file, "x");
	struct stat st;

	(void)state;
	assert_int_equal(file_make_dir(deep), 0);
	assert_int_equal(file_make_dir(deep), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_replace(file, STR(""), 0600), 0);
	assert_int_equal(file_make_dir(file), ERR_INVALID);
	assert_int_equal(file_make_dir(below), ERR_INVALID);
	mem_free(below);
	mem_free(file);
	mem_free(deep);
	unit_remove_folder(folder, names, COUNT(names));
}

static void a_folder_lists_its_files_sorted_without_the_hidden(void **state)
{
	static const char *const names[] = {"b.yaml", "a.yaml", "c.txt", ".d.yaml"};
	char *folder = unit_make_folder();
	char **found = NULL;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char *path = in(folder, names[i]);
		assert_int_equal(file_replace(path, STR("x"), 0600), 0);
		mem_free(path);
	}
	assert_int_equal(file_names(folder, ".yaml", &found, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(found[0], "a.yaml");
	assert_string_equal(found[1], "b.yaml");
	file_names_free(found, n);
	assert_int_equal(file_names("/nonexistent", "", &found, &n), ERR_NOTFOUND);
	for (unsigned long k = 1; k <= 3; k++) {
		mem_fail_at(k, 1);
		int err = file_names(folder, ".yaml", &found, &n);
		mem_fail_at(0, 0);
		assert_int_equal(err, ERR_NOMEM);
	}
	unit_remove_folder(folder, names, COUNT(names));
}

static void paths_are_joined_as_a_shell_would(void **state)
{
	static const struct {
		const char *dir, *name, *path;
	} cases[] = {
		{"/etc", "x", "/etc/x"}, {"/etc/", "x", "/etc/x"}, {"/etc", "/x", "/x"},
		{"", "x", "x"}, {NULL, "x", "x"}, {"/etc", "~/x", "/home/me/x"},
		{"a", "~x", "a/~x"}, {"/", "x", "/x"},
	};
	char *home = mem_dup(getenv("HOME") ? getenv("HOME") : "/");

	(void)state;
	setenv("HOME", "/home/me", 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *path = file_join(cases[i].dir, cases[i].name);
		assert_string_equal(path, cases[i].path);
		mem_free(path);
	}
	setenv("HOME", home, 1);
	mem_free(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_a_name_of_its_own),
		cmocka_unit_test(system_errors_are_translated_and_never_to_success),
		cmocka_unit_test(memory_comes_zeroed_and_counted),
		cmocka_unit_test(a_size_that_overflows_is_no_memory),
		cmocka_unit_test(copies_end_with_a_nul),
		cmocka_unit_test(the_nth_allocation_fails_when_told),
		cmocka_unit_test(one_failure_is_one_failure_among_threads),
		cmocka_unit_test(what_the_start_needed_is_given_back_and_still_there),
		cmocka_unit_test(times_are_written_as_rfc_3339),
		cmocka_unit_test(written_times_are_read_with_up_to_nine_digits_of_a_second),
		cmocka_unit_test(tests_move_time_one_clock_or_both),
		cmocka_unit_test(a_seed_gives_the_same_numbers_on_every_machine),
		cmocka_unit_test(chance_stays_in_its_bounds_and_reaches_them),
		cmocka_unit_test(ids_of_turns_are_uuids_that_sort_by_time),
		cmocka_unit_test(a_buffer_holds_its_maximum_and_not_a_byte_more),
		cmocka_unit_test(a_buffer_cuts_its_end),
		cmocka_unit_test(a_taken_text_belongs_to_the_taker),
		cmocka_unit_test(without_memory_a_buffer_is_what_it_was),
		cmocka_unit_test(slices_compare_trim_and_split),
		cmocka_unit_test(integers_are_whole_or_refused),
		cmocka_unit_test(a_file_is_replaced_whole_and_read_back),
		cmocka_unit_test(what_root_writes_belongs_to_the_folders_owner),
		cmocka_unit_test(what_is_no_plain_file_is_refused_without_waiting),
		cmocka_unit_test(a_file_larger_than_the_buffer_is_refused),
		cmocka_unit_test(a_failed_replace_leaves_the_old_file_and_no_litter),
		cmocka_unit_test(folders_are_made_with_their_parents),
		cmocka_unit_test(a_folder_lists_its_files_sorted_without_the_hidden),
		cmocka_unit_test(paths_are_joined_as_a_shell_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
