/* What unit tests share: cmocka in the order it wants its headers, slices, folders, files of the
 * tree. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A slice of a literal that may hold NULs. */
#define BYTES(literal) ((struct str){(literal), sizeof(literal) - 1})

/* Says which case it was before it fails. */
#define assert_case(i, claim)                                                                      \
	do {                                                                                       \
		if (!(claim))                                                                      \
			fail_msg("case %zu: %s", (size_t)(i), #claim);                             \
	} while (0)

#define assert_str(s, expected)                                                                    \
	do {                                                                                       \
		struct str got_ = (s);                                                             \
		struct str want_ = (expected);                                                     \
		if (!str_eq(got_, want_))                                                          \
			fail_msg("got \"%.*s\", want \"%.*s\"", STR_FMT(got_), STR_FMT(want_));    \
	} while (0)

/* How often a test of chance repeats: valgrind makes everything thirty times slower (check-valgrind
 * sets the variable). */
static inline int unit_runs(int n)
{
	return getenv("MYNAH_TEST_SMALL") ? (n + 19) / 20 : n;
}

/* How long a test lets the machine be late. */
static inline int64_t unit_slack_ms(int64_t ms)
{
	return getenv("MYNAH_TEST_SMALL") ? ms * 2 : ms;
}

/* A clock that stands while this thread is ready but others have the processor: what a test of
 * speed measures with on a busy machine. */
static inline int64_t unit_own_ms(void)
{
	long long ran, waited_ns = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "r");

	if (file && fscanf(file, "%lld %lld", &ran, &waited_ns) != 2)
		waited_ns = 0;
	if (file)
		fclose(file);
	return clock_mono_ms() - waited_ns / 1000000;
}

/* A file of the source tree; valid until the next call. */
static inline const char *unit_tree_path(const char *below)
{
	static char path[4096];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof(path), "%s/%s", top ? top : ".", below);
	return path;
}

/* Calls run for each line of a JSON Lines file of the source tree; gives the sum of what it gave.
 */
static inline int unit_each_json(
	const char *below, int (*run)(const struct json *line), size_t *lines)
{
	struct buf file;
	int sum = 0;

	buf_init(&file, 1 << 20);
	assert_int_equal(file_read(unit_tree_path(below), &file), 0);
	*lines = 0;
	for (struct str rest = buf_str(&file); rest.len > 0;) {
		struct str line = str_split(&rest, '\n');
		const char *why = NULL;
		struct json *j;

		if (line.len == 0)
			continue;
		if (json_parse(line, 1 << 16, &j, &why) != 0)
			fail_msg("%s: %s: %.*s", below, why, STR_FMT(line));
		sum += run(j);
		json_free(j);
		++*lines;
	}
	buf_fini(&file);
	return sum;
}

/* A new folder under the build's temporary place; the test removes what it puts in. */
static inline char *unit_make_folder(void)
{
	char *path = mem_dup("/tmp/mynah-unit-XXXXXX");

	assert_non_null(path);
	assert_non_null(mkdtemp(path));
	return path;
}

/* Frees the path too. */
static inline void unit_remove_folder(char *path, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *file = file_join(path, names[i]);
		assert_non_null(file);
		if (unlink(file) != 0)
			(void)rmdir(file);
		mem_free(file);
	}
	assert_int_equal(rmdir(path), 0);
	mem_free(path);
}

#endif
