/* What unit tests of base and chat share: cmocka in the order it wants its headers, and slices. */
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
