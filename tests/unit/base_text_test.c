/* base/text: what outside text becomes before anything looks at it. */
#include "unit.h"

#define GRIN "\xF0\x9F\x98\x80"
#define MAN "\xF0\x9F\x91\xA8"
#define HEART "\xE2\x9D\xA4"
#define STYLE "\xEF\xB8\x8F"  /* U+FE0F */
#define ZWJ "\xE2\x80\x8D"
#define ZWSP "\xE2\x80\x8B"
#define ACUTE "\xCC\x81"      /* U+0301 */
#define BAD "\xEF\xBF\xBD"    /* U+FFFD */

struct example {
	const char *in, *out;
};

static void expect_scrubbed(const struct example *cases, size_t n, unsigned flags)
{
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&b);
		assert_int_equal(text_scrub(str_of(cases[i].in), flags, &b), 0);
		if (strcmp(buf_text(&b), cases[i].out) != 0)
			fail_msg("case %zu: \"%s\" became \"%s\", not \"%s\"", i, cases[i].in,
				buf_text(&b), cases[i].out);
	}
	buf_fini(&b);
}

static void a_plain_line_passes_as_it_is(void **state)
{
	static const struct example cases[] = {
		{"hello world", "hello world"}, {"", ""},
		{"!lurk ~ {ok} \\o/", "!lurk ~ {ok} \\o/"},
	};

	(void)state;
	assert_true(text_is_plain(STR("hello world")));
	assert_true(text_is_plain(STR("")));
	assert_false(text_is_plain(STR(" x")));
	assert_false(text_is_plain(STR("x ")));
	assert_false(text_is_plain(STR("x  y")));
	assert_false(text_is_plain(STR(" ")));
	assert_false(text_is_plain(STR("x\ty")));
	assert_false(text_is_plain(STR("x\x7Fy")));
	assert_false(text_is_plain(STR("x\xC3\xA9")));
	expect_scrubbed(cases, COUNT(cases), TEXT_CHAT);
}

static void chat_text_becomes_one_tidy_line(void **state)
{
	static const struct example cases[] = {
		{"  a \t b\r\n\r\nc  ", "a b c"},
		{"a\xE2\x80\xA8" "b\xE2\x80\xA9" "c", "a b c"},        /* U+2028 U+2029 */
		/* NBSP, ideographic, em */
		{"a\xC2\xA0" "b\xE3\x80\x80" "c\xE2\x80\x83" "d", "a b c d"},
		{"a\xC2\x85" "b", "a b"},                              /* NEL is a C1 control */
		{"\x1B[31mred\x07", "[31mred"},
		{" \t\n ", ""},
		{"ein Wort\x7F", "ein Wort"},
	};

	(void)state;
	expect_scrubbed(cases, COUNT(cases), TEXT_CHAT);
}

static void without_one_line_the_line_feeds_stay(void **state)
{
	static const struct example cases[] = {
		{"a\r\nb\tc\x01\x1B" "d", "a\nb\tcd"},
		{"a\xE2\x80\xA8" "b", "a\xE2\x80\xA8" "b"},
		{"  x ", "  x "},
	};
	static const struct example trimmed[] = {{" \n a  b \n\n ", "a b"}, {"a\nb", "a\nb"}};

	(void)state;
	expect_scrubbed(cases, COUNT(cases), 0);
	expect_scrubbed(trimmed, COUNT(trimmed), TEXT_TRIM);
}

static void bytes_that_are_no_utf8_become_replacement_signs(void **state)
{
	static const struct example cases[] = {
		{"a\xFFz", "a" BAD "z"},
		{"\xC0\xAF", BAD BAD},                     /* overlong / */
		{"\xE0\x80\xAF", BAD BAD BAD},             /* overlong / in three */
		{"\xED\xA0\x80", BAD BAD BAD},             /* surrogate */
		{"\xF4\x90\x80\x80", BAD BAD BAD BAD},     /* above U+10FFFF */
		{"\xF5\x80\x80\x80", BAD BAD BAD BAD},
		{"\xE2\x82", BAD BAD},                     /* cut off */
		{"\xE2\x82z", BAD BAD "z"},
		{"\x80", BAD},
		{"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},  /* U+10FFFF itself is well-formed */
		{"\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
	};

	(void)state;
	expect_scrubbed(cases, COUNT(cases), TEXT_CHAT);
	for (size_t i = 0; i + 2 < COUNT(cases); i++)
		assert_case(i, !text_is_utf8(str_of(cases[i].in)));
	assert_true(text_is_utf8(STR("\xF4\x8F\xBF\xBF")));
	assert_true(text_is_utf8(STR("")));
}

/* chatterino2 #1933: clients put them behind a repeated line; evaders put them inside words. */
static void invisible_signs_go(void **state)
{
	static const int32_t points[] = {
		0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E,
		0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2060, 0x2061, 0x2062, 0x2063,
		0x2064, 0x2066, 0x2069, 0x206F, 0x3164, 0xFE00, 0xFE0E, 0xFE0F, 0xFEFF, 0xFFA0,
		0xFFF9, 0xE0000, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF,
	};
	struct buf in, out;

	(void)state;
	buf_init(&in, 64);
	buf_init(&out, 64);
	for (size_t i = 0; i < COUNT(points); i++) {
		buf_clear(&in);
		buf_clear(&out);
		assert_int_equal(buf_adds(&in, "!lu"), 0);
		assert_int_equal(text_put(&in, points[i]), 0);
		assert_int_equal(buf_adds(&in, "rk"), 0);
		assert_int_equal(text_scrub(buf_str(&in), TEXT_CHAT, &out), 0);
		assert_string_equal(buf_text(&out), "!lurk");
		buf_clear(&out);
		assert_int_equal(text_fold(buf_str(&in), &out), 0);
		assert_string_equal(buf_text(&out), "!lurk");
	}
	buf_fini(&in);
	buf_fini(&out);
}

static void emoji_stay_whole(void **state)
{
	static const struct example cases[] = {
		{MAN ZWJ HEART STYLE ZWJ MAN, MAN ZWJ HEART STYLE ZWJ MAN},
		{MAN "\xF0\x9F\x8F\xBD" ZWJ "\xF0\x9F\x92\xBB",
			MAN "\xF0\x9F\x8F\xBD" ZWJ "\xF0\x9F\x92\xBB"},
		{"1" STYLE "\xE2\x83\xA3", "1" STYLE "\xE2\x83\xA3"}, /* keycap */
		{HEART STYLE, HEART STYLE},
		{"1" STYLE "x", "1x"},
		{"a" STYLE, "a"},
		{"a" ZWJ MAN, "a" MAN},
		{MAN ZWJ "a", MAN "a"},
		{MAN ZWJ, MAN},
		{MAN ZWJ ZWJ MAN, MAN ZWJ MAN},
		{HEART STYLE STYLE, HEART STYLE},
		{MAN ZWSP ZWJ MAN, MAN ZWJ MAN},
		{"\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA"}, /* flag */
	};

	(void)state;
	expect_scrubbed(cases, COUNT(cases), TEXT_CHAT);
}

static void zalgo_keeps_three_marks_a_letter(void **state)
{
	struct buf in, out;

	(void)state;
	buf_init(&in, 4096);
	buf_init(&out, 4096);
	assert_int_equal(buf_addc(&in, 'z'), 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(buf_adds(&in, i % 7 ? ACUTE : ACUTE ZWSP), 0);
	assert_int_equal(buf_adds(&in, "a" ACUTE), 0);
	assert_int_equal(text_scrub(buf_str(&in), TEXT_CHAT, &out), 0);
	assert_string_equal(buf_text(&out), "z" ACUTE ACUTE ACUTE "a" ACUTE);
	/* Marks alone count as well. */
	buf_clear(&in);
	buf_clear(&out);
	for (int i = 0; i < 500; i++)
		assert_int_equal(buf_adds(&in, ACUTE), 0);
	assert_int_equal(text_scrub(buf_str(&in), TEXT_CHAT, &out), 0);
	assert_string_equal(buf_text(&out), ACUTE ACUTE ACUTE);
	buf_fini(&in);
	buf_fini(&out);
}

static void a_full_buffer_is_cut_between_characters(void **state)
{
	static const struct {
		const char *in;
		size_t max;
		const char *out;
	} cases[] = {
		{"plain text", 5, "plain"},
		{"ab\xC3\xA9" "cd", 3, "ab"},
		{"ab\xC3\xA9" "cd", 4, "ab\xC3\xA9"},
		{"  a  b", 2, "a"},
		{"x" GRIN, 4, "x"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b;
		buf_init(&b, cases[i].max);
		assert_case(i, text_scrub(str_of(cases[i].in), TEXT_CHAT, &b) == ERR_LIMIT);
		assert_string_equal(buf_text(&b), cases[i].out);
		buf_fini(&b);
	}
}

/* Hostile bytes of every kind, each prefix of them: total, valid, and stable. */
static void any_bytes_give_valid_text_that_scrubbing_leaves_alone(void **state)
{
	static const char hostile[] =
		"\xF0\x9F\x91\xA8\xE2\x80\x8D\xE2\x9D\xA4\xEF\xB8\x8F\xE2\x80\x8D \x00\x01\x1B[0m"
		"\xFF\xFE\xC0\x80\xED\xA0\x80\xED\xB0\x80\xF8\x88\x80\x80\x80 "
		"1\xEF\xB8\x8F\xE2\x83\xA3z\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCD\x8F\xCC\x81 "
		"\xE2\x80\xAE" "evil\xE2\x80\xAC"
		"\xF3\xA0\x81\x81\xF3\xA0\x81\xBF\r\n\t \xE2\x80\xA8\xEF\xBB\xBF\xC2\x85\xC2\xAD"
		"\xE1\x85\x9F\xE3\x85\xA4\xEF\xBE\xA0 \xEF\xB7\xBA \xCD\x85\xCC\x80 \xEF\xAC\x83";
	struct buf once, twice;

	(void)state;
	buf_init(&once, 8192);
	buf_init(&twice, 8192);
	for (size_t start = 0; start < sizeof(hostile) - 1; start++) {
		for (size_t end = start; end < sizeof(hostile); end++) {
			struct str s = {hostile + start, end - start};
			buf_clear(&once);
			buf_clear(&twice);
			assert_int_equal(text_scrub(s, TEXT_CHAT, &once), 0);
			assert_int_equal(text_scrub(buf_str(&once), TEXT_CHAT, &twice), 0);
			assert_true(text_is_utf8(buf_str(&once)));
			assert_str(buf_str(&twice), buf_str(&once));
			buf_clear(&once);
			buf_clear(&twice);
			assert_int_equal(text_fold(s, &once), 0);
			assert_int_equal(text_fold(buf_str(&once), &twice), 0);
			assert_true(text_is_utf8(buf_str(&once)));
			assert_str(buf_str(&twice), buf_str(&once));
			assert_true(text_cut(s, 7, 5) <= 7);
		}
	}
	buf_fini(&once);
	buf_fini(&twice);
}

/* The hash folds a text in pieces: where they meet letters may compose. */
static void texts_that_fold_to_the_same_have_one_hash(void **state)
{
	static const char *const pieces[] = {
		"a", "E", "words of ASCII ", ACUTE, ZWSP, ZWJ, HEART, STYLE, "\xC3\x89", "\xFF",
		"\xE2\x82", "\xEF\xBC\xA8", "\xEF\xAC\x83", "\xE1\x84\x80", "\xE1\x85\xA1",
		"\xE1\x86\xA8", "k",
	};
	struct buf text, folded;

	(void)state;
	buf_init(&text, TEXT_NAME_BYTES);
	buf_init(&folded, 4 * TEXT_NAME_BYTES);
	rand_seed(7);
	for (int i = unit_runs(5000); i > 0; i--) {
		buf_clear(&text);
		buf_clear(&folded);
		for (uint32_t n = rand_below(12); n > 0; n--)
			assert_int_equal(buf_adds(&text, pieces[rand_below(COUNT(pieces))]), 0);
		assert_int_equal(text_fold(buf_str(&text), &folded), 0);
		if (text_fold_hash(buf_str(&text)) != text_fold_hash(buf_str(&folded)))
			fail_msg("another hash for %s", buf_text(&text));
	}
	buf_fini(&text);
	buf_fini(&folded);
}

static void folding_makes_spellings_equal(void **state)
{
	static const struct example cases[] = {
		{"HeLLo World", "hello world"},
		{"\xEF\xBC\xA8\xEF\xBD\x89", "hi"},                  /* full width */
		{"\xE2\x84\x8C", "h"},                               /* fraktur */
		{"\xF0\x9D\x94\xA5\xF0\x9D\x93\xAE", "he"},          /* mathematical */
		{"STRASSE", "strasse"}, {"stra\xC3\x9F" "e", "strasse"},
		{"e" ACUTE, "\xC3\xA9"}, {"\xC3\x89", "\xC3\xA9"},
		{"\xEF\xAC\x83", "ffi"},
		{"\xCE\xA3\xCF\x82", "\xCF\x83\xCF\x83"},            /* both sigmas */
		{"a" ZWSP "b" ZWJ "c", "abc"},
		{"\xFF", BAD},
		{HEART STYLE, HEART},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		assert_int_equal(text_fold(str_of(cases[i].in), &b), 0);
		assert_string_equal(buf_text(&b), cases[i].out);
		assert_case(i, text_folds_to(str_of(cases[i].in), str_of(cases[i].out)));
		assert_case(i, !text_folds_to(str_of(cases[i].in), STR("something else")));
		assert_case(i, text_fold_hash(str_of(cases[i].in)) ==
			text_fold_hash(str_of(cases[i].out)));
		assert_case(i, text_fold_hash(str_of(cases[i].in)) != text_fold_hash(STR("else")));
	}
	/* One code point of three bytes folds to eighteen of them. */
	buf_clear(&b);
	assert_int_equal(text_fold(STR("\xEF\xB7\xBA"), &b), 0);
	assert_int_equal(text_points(buf_str(&b)), 18);
	buf_fini(&b);
	buf_init(&b, 3);
	assert_int_equal(text_fold(STR("\xC3\x89\xC3\x89"), &b), ERR_LIMIT);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void cutting_never_splits_what_people_see_as_one(void **state)
{
	static const struct {
		const char *text;
		size_t bytes, units, cut;
	} cases[] = {
		{"hello", 0, 0, 5}, {"hello", 5, 0, 5}, {"hello", 3, 0, 3}, {"hello", 0, 2, 2},
		{"e" ACUTE "x", 2, 0, 0}, {"e" ACUTE "x", 3, 0, 3}, {"ae" ACUTE "x", 3, 0, 1},
		{"a" MAN ZWJ HEART STYLE ZWJ MAN "b", 20, 0, 1},
		{"a" MAN ZWJ HEART STYLE ZWJ MAN "b", 21, 0, 21},
		{"a" GRIN GRIN, 0, 4, 5}, {"a" GRIN GRIN, 0, 2, 1}, {"a" GRIN GRIN, 0, 5, 9},
		{"\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA" "x", 7, 0, 0},
		{"\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA\xF0\x9F\x87\xAB\xF0\x9F\x87\xB7", 12, 0, 8},
		{"a\r\nb", 2, 0, 1}, {"", 3, 3, 0}, {"\xFF\xFF\xFF", 2, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_case(i, text_cut(str_of(cases[i].text), cases[i].bytes, cases[i].units) ==
			cases[i].cut);

	char zalgo[1 + 500 * 2 + 1] = "z";
	for (int i = 0; i < 500; i++)
		memcpy(zalgo + 1 + 2 * i, ACUTE, 2);
	assert_int_equal(text_cut((struct str){zalgo, 1001}, 500, 0), 0);
	assert_int_equal(text_cut((struct str){zalgo, 1001}, 1001, 0), 1001);
}

static void texts_are_counted_as_their_readers_count(void **state)
{
	static const struct {
		const char *text;
		size_t units, points, columns, words;
	} cases[] = {
		{"", 0, 0, 0, 0},
		{"hello world", 11, 11, 11, 2},
		{"  a  b\xE3\x80\x80" "c ", 9, 9, 10, 3},
		{GRIN, 2, 1, 2, 1},
		{MAN ZWJ HEART STYLE ZWJ MAN, 8, 6, 2, 1},
		{"\xE6\xBC\xA2\xE5\xAD\x97", 2, 2, 4, 1},
		{"e" ACUTE, 2, 2, 1, 1},
		{"\xFF\xFE", 2, 2, 2, 1},
		{"\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", 4, 2, 2, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str s = str_of(cases[i].text);
		assert_case(i, text_units(s) == cases[i].units);
		assert_case(i, text_points(s) == cases[i].points);
		assert_case(i, text_columns(s) == cases[i].columns);
		assert_case(i, text_words(s) == cases[i].words);
	}
}

static void code_points_go_round(void **state)
{
	static const int32_t points[] = {0, 'a', 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000,
		0x10FFFF};
	struct buf b;
	size_t at = 0;

	(void)state;
	buf_init(&b, 64);
	for (size_t i = 0; i < COUNT(points); i++)
		assert_int_equal(text_put(&b, points[i]), 0);
	for (size_t i = 0; i < COUNT(points); i++)
		assert_case(i, text_next(buf_str(&b), &at) == points[i]);
	assert_int_equal(text_next(buf_str(&b), &at), -1);
	buf_clear(&b);
	assert_int_equal(text_put(&b, 0xD800), 0);
	assert_int_equal(text_put(&b, 0x110000), 0);
	assert_int_equal(text_put(&b, -1), 0);
	assert_string_equal(buf_text(&b), BAD BAD BAD);
	buf_fini(&b);
}

static void near_words_are_near(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{"", "", 0}, {"match", "match", 0}, {"mtach", "match", 1}, {"match", "matches", 2},
		{"cooldwon", "cooldown", 1}, {"abc", "", 3}, {"kitten", "sitting", 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_case(i, text_distance(cases[i].a, cases[i].b) == cases[i].distance);
		assert_case(i, text_distance(cases[i].b, cases[i].a) == cases[i].distance);
	}
	assert_true(text_distance("123456789012345678901234567890123", "1") > 32);
}

static void without_memory_text_fails_in_order(void **state)
{
	const struct str s = STR("H\xC3\xA9llo \xFF w\xC3\xB6rld  !");
	struct buf b;

	(void)state;
	for (unsigned long n = 1; n <= 3; n++) {
		buf_init(&b, 256);
		mem_fail_at(n, 1);
		int err = text_fold(s, &b);
		mem_fail_at(0, 0);
		assert_int_equal(err, ERR_NOMEM);
		assert_int_equal(b.len, 0);
		buf_fini(&b);
	}
	buf_init(&b, 256);
	mem_fail_at(1, 1);
	assert_int_equal(text_scrub(s, TEXT_CHAT, &b), ERR_NOMEM);
	mem_fail_at(0, 0);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_line_passes_as_it_is),
		cmocka_unit_test(chat_text_becomes_one_tidy_line),
		cmocka_unit_test(without_one_line_the_line_feeds_stay),
		cmocka_unit_test(bytes_that_are_no_utf8_become_replacement_signs),
		cmocka_unit_test(invisible_signs_go),
		cmocka_unit_test(emoji_stay_whole),
		cmocka_unit_test(zalgo_keeps_three_marks_a_letter),
		cmocka_unit_test(a_full_buffer_is_cut_between_characters),
		cmocka_unit_test(any_bytes_give_valid_text_that_scrubbing_leaves_alone),
		cmocka_unit_test(folding_makes_spellings_equal),
		cmocka_unit_test(texts_that_fold_to_the_same_have_one_hash),
		cmocka_unit_test(cutting_never_splits_what_people_see_as_one),
		cmocka_unit_test(texts_are_counted_as_their_readers_count),
		cmocka_unit_test(code_points_go_round),
		cmocka_unit_test(near_words_are_near),
		cmocka_unit_test(without_memory_text_fails_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
