/* base/json_tape: the same JSON as base/json takes, at a cost that grows with its length only. */
#include "json_same.h"
#include "json_texts.h"
#include "unit.h"

#define TEXT_BYTES 65536

static struct json_tape *tape_of(size_t max_bytes)
{
	struct json_tape *t;

	assert_int_equal(json_tape_new(max_bytes, &t), 0);
	return t;
}

static void expect_same(struct json_tape *t, struct str text)
{
	const char *differs = json_same(t, text, TEXT_BYTES);

	if (differs)
		fail_msg("%s differs for %.*s", differs, STR_FMT(text));
}

static void the_tables_of_json_hold_for_the_tape(void **state)
{
	struct json_tape *t = tape_of(TEXT_BYTES);
	const struct json_item *root;
	const char *why = "";

	(void)state;
	for (size_t i = 0; i < COUNT(json_good); i++)
		expect_same(t, str_of(json_good[i]));
	for (size_t i = 0; i < COUNT(json_bad); i++) {
		assert_case(i, json_tape_parse(t, str_of(json_bad[i]), &root, &why) == ERR_PARSE);
		assert_null(root);
		expect_same(t, str_of(json_bad[i]));
	}
	for (size_t i = 0; i < COUNT(json_twice); i++) {
		assert_case(i, json_tape_parse(t, str_of(json_twice[i]), &root, &why) == ERR_PARSE);
		assert_string_equal(why, "duplicate key");
	}
	assert_int_equal(json_tape_parse(t, BYTES("[1]\0"), &root, NULL), ERR_PARSE);
	assert_int_equal(json_tape_parse(t, BYTES("\"a\0b\""), &root, NULL), ERR_PARSE);
	json_tape_free(t);
}

/* Numbers at their edges, halves of surrogate pairs in every order, what stands in the wrong place
 * behind something that is wrong already. */
static void odd_texts_read_as_json_reads_them(void **state)
{
	static const char *const texts[] = {
		"\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"",
		"\"\\ud800\\udc00\"", "\"\\ud83d\\ud83d\\ude00\"", "\"\\udbff\\udfffx\"",
		"\"\\ud800\\n\"", "\"\\ud800x\"", "\"\\uD83D\\uDE00\\uFFFF\"",
		"[\"\\u0000\",\"a\\u0000\"]", "\"\\ud800\\u\"",
		"{\"n\":9223372036854775807,\"m\":-9223372036854775808}",
		"{\"n\":9223372036854775806}", "{\"n\":18446744073709551616,\"m\":-0,\"o\":-0.0,"
		"\"p\":0e5,\"q\":1E+3,\"r\":1e-3}", "{\"n\":9.223372036854775807e18,"
		"\"m\":-9.223372036854775808e18,\"o\":1e999}",
		"{\"n\":12345678901234567890123456789e-19,\"m\":1.0,\"o\":0.1}",
		"{\"t\":true,\"f\":false,\"n\":null}", "[null,null]", "[{},[],\"\",{\"\":[]}]",
		"[1 2,NaN]", "[NaN,[[", "{\"a\":1,\"a\":2,]", "[1,2]\x01", "{\"a\":\"\x7F\"}",
		"{\"a\":[}", "[{]}", "{\"a\":{\"b\":1]}", "[\"a\",]", "\"a\":1", "1:2",
		"{\"a\":1:2}", "[\"a\"1]", "[1\"a\"]", "[tru]", "[truex]", "[true\"\"]", "{true:1}",
		"{\"a\"}", "{[]:1}", "[-]", "[-01]", "[1e]", "[1.e1]", "[1{}]", "[{}1]", ",",
		"[,1]", ":", "\n", "\"\n\"",
	};
	struct json_tape *t = tape_of(TEXT_BYTES);

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		expect_same(t, str_of(texts[i]));
	json_tape_free(t);
}

/* A value made of dice: mostly well-formed, now and then not. */
static void add_random(struct buf *b)
{
	static const char *const scalars[] = {
		"0", "-1", "12.5", "1e3", "-0", "9007199254740993", "true", "false", "null", "\"\"",
		"\"a\"", "\"caf\xC3\xA9\"", "\"\\u00e9\\n\\\"\"", "\"\\ud83d\\ude00\"",
		"\"\\ud83d\"", "01", "nul", "\"\\x\"", "\"\t\"", "\"\xC3\"", "'a'",
	};
	static const char *const keys[] = {"a", "b", "c", "\\u0061", "long key", "", "d", "e", "f"};
	char open[40];
	int depth = 0, err = 0;

	for (int left = (int)rand_below(40); !err; left--) {
		const char *good = scalars[rand_below(rand_below(20) ? 15 : COUNT(scalars))];
		if (depth > 0 && open[depth - 1] == '}')
			err = buf_addf(b, "\"%s\":", keys[rand_below(COUNT(keys))]);
		if (!err && left > 0 && depth < (int)sizeof(open) && rand_below(3)) {
			open[depth] = rand_below(2) ? '}' : ']';
			err = buf_addc(b, open[depth++] == '}' ? '{' : '[');
			if (!err && rand_below(4) > 0)
				continue;
			if (!err)
				err = buf_addc(b, open[--depth]); /* an empty one */
		} else if (!err) {
			err = buf_adds(b, good);
		}
		while (!err && depth > 0 && (left <= 0 || rand_below(3) == 0))
			err = buf_addc(b, open[--depth]);
		if (depth == 0)
			break;
		if (!err)
			err = buf_adds(b, rand_below(10) ? "," : " ,\n");
	}
	assert_int_equal(err, 0);
}

/* Bytes that mean something to JSON, put where they do not belong. */
static void damage(struct buf *b)
{
	static const char marks[] = "{}[]:,\"\\ \n0-9.eEtfn'/\xC3\xA9\x01u";

	for (uint32_t n = rand_below(4); n > 0 && b->len > 0; n--) {
		size_t at = rand_below((uint32_t)b->len);
		size_t len = rand_below((uint32_t)(b->len - at) + 1);
		switch (rand_below(3)) {
		case 0: b->at[at] = marks[rand_below(sizeof(marks) - 1)]; break;
		case 1: /* a part goes */
			memmove(b->at + at, b->at + at + len, b->len - at - len);
			buf_truncate(b, b->len - len);
			break;
		case 2: /* a part comes again at the end */
			assert_int_equal(buf_reserve(b, len), 0);
			assert_int_equal(buf_add(b, b->at + at, len), 0);
			break;
		}
	}
}

static void thousands_of_texts_read_as_json_reads_them(void **state)
{
	struct json_tape *t = tape_of(TEXT_BYTES);
	const struct json_item *root;
	struct buf b;
	int good = 0, runs = unit_runs(20000);

	(void)state;
	buf_init(&b, TEXT_BYTES - 1);
	rand_seed(4);
	for (int i = 0; i < runs; i++) {
		buf_clear(&b);
		add_random(&b);
		if (i % 2)
			damage(&b);
		/* Of its own size, so that a read beyond the text is seen. */
		char *copy = mem_new(b.len + 1);
		assert_non_null(copy);
		memcpy(copy + 1, buf_text(&b), b.len);
		expect_same(t, (struct str){copy + 1, b.len});
		good += json_tape_parse(t, (struct str){copy + 1, b.len}, &root, NULL) == 0;
		mem_free(copy);
	}
	/* A generator that makes only good or only bad texts would show nothing. */
	assert_in_range(good, runs / 5, runs * 4 / 5);
	buf_fini(&b);
	json_tape_free(t);
}

static void what_simdjson_refuses_is_read_if_json_takes_it(void **state)
{
	struct json_tape *t = tape_of(2 * JSON_ODD_BYTES);
	const struct json_item *root;
	struct buf b;
	const char *why;

	(void)state;
	buf_init(&b, 2 * JSON_ODD_BYTES);
	assert_int_equal(buf_adds(&b, "{\"s\":\"a\\ud800b\",\"n\":18446744073709551616,"
				      "\"m\":-3}"), 0);
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, &why), 0);
	assert_str(json_item_str(root, "s"), STR("a\xEF\xBF\xBD" "b"));
	assert_int_equal(json_item_int(root, "n", 7), 7);
	assert_int_equal(json_item_int(root, "m", 7), -3);

	assert_int_equal(json_tape_parse(t, STR("[1e999]"), &root, &why), ERR_PARSE);
	assert_string_equal(why, "a number beyond all doubles");
	while (b.len <= JSON_ODD_BYTES)
		assert_int_equal(buf_adds(&b, "          "), 0);
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, &why), ERR_LIMIT);
	assert_string_equal(why, "not plain, and too long to look again");
	assert_int_equal(buf_adds(&b, "\"\x01\""), 0); /* wrong at a look: not JSON at all */
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, &why), ERR_PARSE);

	buf_clear(&b);
	assert_int_equal(buf_adds(&b, "[\"\\ud800\",\""), 0);
	while (b.len < JSON_ODD_BYTES - 2)
		assert_int_equal(buf_addc(&b, '\x7f'), 0);
	assert_int_equal(buf_adds(&b, "\"]"), 0);
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, &why), 0);
	buf_fini(&b);
	json_tape_free(t);
}

static void tape_has_limits(void **state)
{
	char deep[2 * (JSON_DEPTH_MAX + 1) + 1] = {0};
	struct json_tape *t = tape_of(8192);
	const struct json_item *root;
	struct buf b;
	const char *why;

	(void)state;
	for (size_t n = JSON_DEPTH_MAX; n <= JSON_DEPTH_MAX + 1; n++) {
		memset(deep, '[', n);
		memset(deep + n, ']', n);
		expect_same(t, str_of(deep));
	}
	assert_int_equal(json_tape_parse(t, str_of(deep), &root, &why), ERR_LIMIT);
	assert_string_equal(why, "too deep");

	/* As many values as bytes allow are more than any real text has. */
	buf_init(&b, 8193);
	assert_int_equal(buf_adds(&b, "[0"), 0);
	while (b.len < 8190)
		assert_int_equal(buf_adds(&b, b.len % 2 ? "0" : ","), 0);
	assert_int_equal(buf_adds(&b, "]"), 0);
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, &why), ERR_LIMIT);
	assert_string_equal(why, "too many items");
	assert_int_equal(buf_adds(&b, "  "), 0);
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, &why), ERR_LIMIT);
	assert_string_equal(why, "too long");
	buf_fini(&b);
	json_tape_free(t);
}

static void add_members(struct buf *b, int n)
{
	buf_clear(b);
	for (int i = 0; i < n; i++)
		assert_int_equal(buf_addf(b, "%c\"key%d\":%d", i ? ',' : '{', i, i), 0);
}

static void equal_keys_are_found_in_objects_of_every_size(void **state)
{
	static const int sizes[] = {1, 2, 31, 100, JSON_MEMBERS_MAX - 1};
	struct json_tape *t = tape_of(TEXT_BYTES);
	const struct json_item *root;
	struct buf b;
	const char *why = "";

	(void)state;
	buf_init(&b, TEXT_BYTES);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		add_members(&b, sizes[i]);
		const size_t before = b.len;
		assert_int_equal(buf_adds(&b, "}"), 0);
		assert_case(i, json_tape_parse(t, buf_str(&b), &root, &why) == 0);
		assert_int_equal(json_item_count(root), sizes[i]);
		buf_truncate(&b, before);
		assert_int_equal(buf_addf(&b, ",\"key%d\":{}}", sizes[i] - 1), 0);
		assert_case(i, json_tape_parse(t, buf_str(&b), &root, &why) == ERR_PARSE);
		assert_string_equal(why, "duplicate key");
	}
	add_members(&b, JSON_MEMBERS_MAX);
	assert_int_equal(buf_adds(&b, ",\"one more\":[]}"), 0);
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, &why), ERR_LIMIT);
	assert_string_equal(why, "too many members");
	buf_fini(&b);
	json_tape_free(t);
}

/* Work that grew with the square of the length would take minutes here, not a second. */
static void what_costs_more_than_its_length_is_not_there(void **state)
{
	enum { MAX = 1 << 22 };
	static const char *const units[] = {"[", "{\"a\":", "[]", "{}", "\"a\":", ",", "\"", "]",
		"[1,"};
	struct json_tape *t = tape_of(MAX);
	const struct json_item *root;
	const int64_t before = unit_own_ms();
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	/* Keys that are all alike to who looks at their beginnings, middles and ends. */
	for (int i = 0, n = unit_runs(200000); i < n; i++)
		assert_int_equal(buf_addf(&b, "%s\"a%03daaaa\":0", i == 0 ? "[{"
				: i % JSON_MEMBERS_MAX ? "," : "},{", i % JSON_MEMBERS_MAX), 0);
	assert_int_equal(buf_adds(&b, "}]"), 0);
	assert_int_equal(json_tape_parse(t, buf_str(&b), &root, NULL), 0);
	for (size_t i = 0; i < COUNT(units); i++) {
		buf_clear(&b);
		for (int n = unit_runs(400000); n > 0; n--)
			assert_int_equal(buf_adds(&b, units[i]), 0);
		assert_case(i, json_tape_parse(t, buf_str(&b), &root, NULL) != 0);
	}
	assert_true(unit_own_ms() - before < unit_slack_ms(20000));
	buf_fini(&b);
	json_tape_free(t);
}

static void getters_of_items_take_whatever_is_there(void **state)
{
	struct json_tape *t = tape_of(TEXT_BYTES);
	const struct json_item *j;
	const char *text = "{\"s\":\"a\\u0000b\",\"i\":-5,\"whole\":3e2,\"half\":2.5,\"t\":true,"
			   "\"o\":{\"x\":[1,\"two\",null,[3]]},\"n\":null}";

	(void)state;
	assert_int_equal(json_tape_parse(t, str_of(text), &j, NULL), 0);
	const struct json_item *x = json_item_get(json_item_get(j, "o"), "x");
	const struct json_item *const none[] = {NULL, json_item_get(j, "s"), x,
		json_item_get(j, "n")};
	assert_str(json_item_str(j, "s"), BYTES("a\0b"));
	assert_int_equal(json_item_int(j, "i", 0), -5);
	assert_int_equal(json_item_int(j, "whole", 0), 300);
	assert_int_equal(json_item_int(j, "half", 7), 7);
	assert_true(json_item_bool(j, "t", false));
	assert_true(json_item_bool(j, "i", true));
	assert_true(json_item_is_array(x));
	assert_int_equal(json_item_count(x), 4);
	assert_int_equal(json_item_number(json_item_first(x), 0), 1);
	assert_str(json_item_text(json_item_next(json_item_first(x))), STR("two"));
	assert_str(json_item_key(json_item_get(j, "o")), STR("o"));
	assert_int_equal(json_item_key(json_item_first(x)).len, 0);
	assert_null(json_item_get(j, "n"));
	for (size_t i = 0; i < COUNT(none); i++) {
		assert_null(json_item_get(none[i], "nothing"));
		assert_int_equal(json_item_int(none[i], "nothing", 9), 9);
		assert_int_equal(json_item_number(none[i], 9), 9);
		assert_true(json_item_bool(none[i], "nothing", true));
		assert_int_equal(json_item_str(none[i], "nothing").len, 0);
	}
	assert_null(json_item_first(NULL));
	assert_null(json_item_next(NULL));
	assert_null(json_item_next(j));
	assert_int_equal(json_item_count(NULL), 0);
	json_tape_free(t);
}

static void a_warm_tape_allocates_nothing(void **state)
{
	static const char *const texts[] = {
		"{\"a\":[1,2,3,{\"b\":\"plain\"}],\"c\":null}", "[\"esc\\naped\",\"\\u00e9\"]",
		"12", "{\"a\":1,\"a\":2}", "[\"cut",
	};
	struct json_tape *t = tape_of(TEXT_BYTES);
	const struct json_item *root;
	unsigned long before = 0;
	int err;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT(texts); i++) {
			err = json_tape_parse(t, str_of(texts[i]), &root, NULL);
			assert_case(i, (err == 0) == (i < 3));
		}
		if (round == 0)
			before = mem_count();
	}
	assert_int_equal(mem_count(), before);
	json_tape_shrink(t);
	assert_int_equal(json_tape_parse(t, str_of(texts[0]), &root, NULL), 0);
	assert_true(mem_count() > before);
	json_tape_free(t);
	json_tape_free(NULL);
}

static void a_tape_outlives_want_of_memory(void **state)
{
	struct json_tape *t = tape_of(TEXT_BYTES);
	const struct json_item *root;
	struct buf b;
	const char *why;
	int err, failures = 0;

	(void)state;
	buf_init(&b, TEXT_BYTES);
	add_members(&b, 200);
	assert_int_equal(buf_adds(&b, ",\"\\n\":\"\\ud800\"}"), 0); /* an odd one */
	do {
		json_tape_shrink(t);
		mem_fail_at((unsigned long)++failures, 0);
		err = json_tape_parse(t, buf_str(&b), &root, &why);
		mem_fail_at(0, 0);
		assert_true(err == 0 || (err == ERR_NOMEM && why && !root));
	} while (err);
	assert_true(failures > 4);
	assert_int_equal(json_item_count(root), 201);
	buf_fini(&b);
	json_tape_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tables_of_json_hold_for_the_tape),
		cmocka_unit_test(odd_texts_read_as_json_reads_them),
		cmocka_unit_test(thousands_of_texts_read_as_json_reads_them),
		cmocka_unit_test(what_simdjson_refuses_is_read_if_json_takes_it),
		cmocka_unit_test(tape_has_limits),
		cmocka_unit_test(equal_keys_are_found_in_objects_of_every_size),
		cmocka_unit_test(what_costs_more_than_its_length_is_not_there),
		cmocka_unit_test(getters_of_items_take_whatever_is_there),
		cmocka_unit_test(a_warm_tape_allocates_nothing),
		cmocka_unit_test(a_tape_outlives_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
