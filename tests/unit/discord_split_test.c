/* A text longer than a Discord message becomes several: discord.md 10.4; lengths of 13.1. */
#include "unit/unit.h"

#include "platform/discord_say.h"

struct parts {
	char *at[16];
	size_t n;
	int fail;
};

static int keep(void *ctx, struct str text)
{
	struct parts *p = ctx;

	assert_true(p->n < COUNT(p->at));
	p->at[p->n] = mem_dupn(text.at, text.len);
	assert_non_null(p->at[p->n++]);
	return p->fail;
}

static void forget(struct parts *p)
{
	while (p->n > 0)
		mem_free(p->at[--p->n]);
}

static void lengths_are_code_points(void **state)
{
	static const struct {
		const char *text;
		size_t points;
	} cases[] = {
		{"caf\xC3\xA9", 4},
		{"\xF0\x9F\x91\x8B", 1},
		{"\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7", 5},
		{"\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct parts whole = {.n = 0}, cut = {.n = 0};

		struct str text = str_of(cases[i].text);

		assert_int_equal(platform_split(text, cases[i].points, 3, keep, &whole), 0);
		assert_case(i, whole.n == 1 && strcmp(whole.at[0], cases[i].text) == 0);
		assert_int_equal(platform_split(text, cases[i].points - 1, 16, keep, &cut), 0);
		assert_case(i, cut.n != 1 || cases[i].points == 1);
		forget(&whole);
		forget(&cut);
	}
}

static void two_thousand_emoji_fit(void **state)
{
	struct parts p = {.n = 0};
	char text[2001 * 4 + 1] = "";

	(void)state;
	for (int i = 0; i < 2001; i++)
		memcpy(text + i * 4, "\xF0\x9F\x90\x99", 5);
	assert_int_equal(platform_split((struct str){text, 2000 * 4L}, PLATFORM_DISCORD_POINTS, 3,
		keep, &p), 0);
	assert_int_equal(p.n, 1);
	forget(&p);
	assert_int_equal(platform_split(str_of(text), PLATFORM_DISCORD_POINTS, 3, keep, &p), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(text_points(str_of(p.at[0])), 2000);
	forget(&p);
}

static void a_text_is_cut_where_it_hurts_least(void **state)
{
	static const struct {
		const char *text;
		size_t points;
		unsigned max;
		const char *parts[4];
	} cases[] = {
		{"", 20, 3, {NULL}},
		{" \n\t ", 20, 3, {NULL}},
		{"  short  ", 20, 3, {"short"}},
		{"first line here\n\nsecond. line", 20, 3, {"first line here", "second. line"}},
		{"one two three\nfour five six", 20, 3, {"one two three", "four five six"}},
		{"One is two. Three is four", 20, 3, {"One is two.", "Three is four"}},
		{"one two three four five", 20, 3, {"one two three four", "five"}},
		/* An edge too early leaves too little in the part. */
		{"a\n\none two three four five", 20, 3, {"a\n\none two three", "four five"}},
		{"abcdefghijklmnopqrstuvwxyz", 20, 3, {"abcdefghijklmnopqrst", "uvwxyz"}},
		{"ab cdefghijklmnopqrstuvwxyz", 20, 3, {"ab", "cdefghijklmnopqrstuv", "wxyz"}},
		/* What does not fit into so many is cut at a word. */
		{"one two three four five six seven", 20, 1, {"one two three four\xE2\x80\xA6"}},
		{"one two three four five", 23, 1, {"one two three four five"}},
		{"say:\n```c\nint a;\nint b;\nint c;\n```\nbye", 28, 4,
			{"say:\n```c\nint a;\nint b;\n```", "```c\nint c;\n```\nbye"}},
		/* Indentation stays. */
		{"```\n  if a:\n    return b\n```", 24, 4, {"```\n  if a:\n```",
			"```\n    return b\n```"}},
		/* A block does not begin with nothing in it, nor end so. */
		{"some words here\n```py\nprint(1)\n```", 26, 4,
			{"some words here", "```py\nprint(1)\n```"}},
		{"```\nabcdefghij klmno\n```\nand more", 26, 4,
			{"```\nabcdefghij klmno\n```", "and more"}},
		{"```not a language really\nx y z a b c d e f g\n```", 36, 4,
			{"```not a language really\n```", "```\nx y z a b c d e f g\n```"}},
		/* The marks of a block stay together. */
		{"abcdefghijklmnopqrstuvw```c\nx\n```", 25, 4, {"abcdefghijklmnopqrstuvw",
			"```c\nx\n```"}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct parts p = {.n = 0};
		size_t n = 0;

		assert_int_equal(platform_split(str_of(cases[i].text), cases[i].points,
			cases[i].max, keep, &p), 0);
		for (; n < COUNT(cases[i].parts) && cases[i].parts[n]; n++) {
			assert_case(i, n < p.n);
			assert_string_equal(p.at[n], cases[i].parts[n]);
		}
		assert_case(i, p.n == n);
		forget(&p);
	}
}

static void graphemes_stay_whole(void **state)
{
	/* Nine letters, then a family of five code points. */
	static const char text[] = "abcdefghi\xF0\x9F\x91\xA8\xE2\x80\x8D"
		"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7";
	struct parts p = {.n = 0};

	(void)state;
	assert_int_equal(platform_split(str_of(text), 12, 3, keep, &p), 0);
	assert_int_equal(p.n, 2);
	assert_string_equal(p.at[0], "abcdefghi");
	forget(&p);
}

static void whoever_takes_the_parts_may_stop(void **state)
{
	struct parts p = {.fail = ERR_NOMEM};

	(void)state;
	assert_int_equal(platform_split(STR("one two three"), 5, 3, keep, &p), ERR_NOMEM);
	assert_int_equal(p.n, 1);
	forget(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_code_points),
		cmocka_unit_test(two_thousand_emoji_fit),
		cmocka_unit_test(a_text_is_cut_where_it_hurts_least),
		cmocka_unit_test(graphemes_stay_whole),
		cmocka_unit_test(whoever_takes_the_parts_may_stop),
	};

	return cmocka_run_group_tests_name("discord_split", tests, NULL, NULL);
}
