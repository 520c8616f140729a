/* base/json: what counts as JSON, and what getters give for what is not there. */
#include "json_texts.h"
#include "unit.h"

static struct json *parse(const char *text)
{
	struct json *j = NULL;

	assert_int_equal(json_parse(str_of(text), 65536, &j, NULL), 0);
	return j;
}

static void json_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(json_good); i++) {
		struct json *j = NULL;
		const char *why = "";
		if (json_parse(str_of(json_good[i]), 1000, &j, &why) != 0)
			fail_msg("%s was refused: %s", json_good[i], why);
		json_free(j);
	}
}

static void what_is_not_quite_json_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(json_bad); i++) {
		struct json *j = (struct json *)&json_bad;
		const char *why = NULL;
		if (json_parse(str_of(json_bad[i]), 1000, &j, &why) != ERR_PARSE)
			fail_msg("%s was taken", json_bad[i]);
		assert_null(j);
		assert_non_null(why);
	}
	struct json *j;
	assert_int_equal(json_parse(BYTES("[1]\0"), 1000, &j, NULL), ERR_PARSE);
	assert_int_equal(json_parse(BYTES("\"a\0b\""), 1000, &j, NULL), ERR_PARSE);
}

/* json-c lets the last of equal keys win; who reads the first would see another document. */
static void equal_keys_are_refused_however_they_are_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(json_twice); i++) {
		struct json *j;
		const char *why = "";
		assert_case(i, json_parse(str_of(json_twice[i]), 1000, &j, &why) == ERR_PARSE);
		assert_string_equal(why, "duplicate key");
	}
}

static void depth_and_length_have_limits(void **state)
{
	char deep[2 * (JSON_DEPTH_MAX + 1) + 1] = {0};
	struct json *j;
	const char *why;

	(void)state;
	memset(deep, '[', JSON_DEPTH_MAX);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_parse(str_of(deep), 1000, &j, &why), 0);
	json_free(j);
	memset(deep, '[', JSON_DEPTH_MAX + 1);
	memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_int_equal(json_parse(str_of(deep), 1000, &j, &why), ERR_LIMIT);
	assert_string_equal(why, "too deep");

	assert_int_equal(json_parse(STR("[1,2]"), 4, &j, &why), ERR_LIMIT);
	assert_string_equal(why, "too long");
}

static void getters_give_what_is_there(void **state)
{
	struct json *j = parse("{\"s\":\"a\\u0000b\",\"i\":-5,\"d\":2.5,\"whole\":3e2,\"t\":true,"
			       "\"o\":{\"x\":[1,\"two\",null]},\"n\":null}");
	const struct json *x = json_get(json_get(j, "o"), "x");

	(void)state;
	assert_true(json_is_object(j));
	assert_str(json_str(j, "s"), BYTES("a\0b"));
	assert_int_equal(json_int(j, "i", 0), -5);
	assert_int_equal(json_int(j, "whole", 0), 300);
	assert_true(json_number(j, "d", 0) == 2.5);
	assert_true(json_number(j, "i", 0) == -5);
	assert_true(json_bool(j, "t", false));
	assert_true(json_is_array(x));
	assert_int_equal(json_count(x), 3);
	assert_true(json_is_string(json_at(x, 1)));
	assert_str(json_text(json_at(x, 1)), STR("two"));
	assert_null(json_at(x, 2));
	assert_null(json_get(j, "n"));
	json_free(j);
}

static void what_is_not_there_or_of_another_kind_is_the_fallback(void **state)
{
	struct json *j = parse("{\"s\":\"5\",\"d\":2.5,\"big\":9223372036854775808,"
			       "\"huge\":99999999999999999999999,\"low\":-99999999999999999999999,"
			       "\"over\":1e999,\"a\":[],\"one\":1}");
	const struct json *const nodes[] = {NULL, json_get(j, "s"), json_get(j, "a"), j};

	(void)state;
	assert_int_equal(json_int(j, "s", 7), 7);
	assert_int_equal(json_int(j, "d", 7), 7);
	assert_int_equal(json_int(j, "big", 7), 7);
	assert_int_equal(json_int(j, "huge", 7), 7);
	assert_int_equal(json_int(j, "low", 7), 7);
	assert_int_equal(json_int(j, "over", 7), 7);
	assert_true(json_number(j, "over", 7) == 7);
	assert_true(json_number(j, "s", 7) == 7);
	assert_true(json_bool(j, "one", false) == false);
	assert_int_equal(json_str(j, "d").len, 0);
	for (size_t i = 0; i < COUNT(nodes); i++) {
		assert_null(json_get(nodes[i], "nothing"));
		assert_int_equal(json_int(nodes[i], "nothing", 9), 9);
		assert_true(json_bool(nodes[i], "nothing", true));
		assert_int_equal(json_str(nodes[i], "nothing").len, 0);
		assert_int_equal(json_count(nodes[i]), 0);
		assert_null(json_at(nodes[i], 0));
	}
	json_free(j);
	json_free(NULL);
}

static void note_key(void *ctx, const char *key, const struct json *value)
{
	assert_int_equal(buf_addf(ctx, "%s%s ", key, value ? "" : "=null"), 0);
}

static void members_come_in_document_order(void **state)
{
	struct json *j = parse("{\"zebra\":1,\"ant\":null,\"bee\":[],\"10\":0}");
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	json_each(j, note_key, &b);
	assert_string_equal(buf_text(&b), "zebra ant=null bee 10 ");
	json_each(json_get(j, "bee"), note_key, &b);
	json_each(NULL, note_key, &b);
	assert_string_equal(buf_text(&b), "zebra ant=null bee 10 ");
	buf_fini(&b);
	json_free(j);
}

static void written_strings_are_read_back(void **state)
{
	static const struct {
		const char *in, *written;
	} cases[] = {
		{"", "\"\""}, {"plain", "\"plain\""}, {"\"\\/", "\"\\\"\\\\/\""},
		{"\b\f\n\r\t\x01\x1F", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\""},
		{"\x7F\xC2\x85", "\"\\u007f\\u0085\""},
		{"\xE2\x80\xA8\xE2\x80\xA9", "\"\\u2028\\u2029\""},
		{"\xF0\x9F\x98\x80\xC3\xA9", "\"\xF0\x9F\x98\x80\xC3\xA9\""},
		{"a\xFFz", "\"a\xEF\xBF\xBDz\""}, {"</script>", "\"</script>\""},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json *j;
		buf_clear(&b);
		assert_int_equal(json_add_string(&b, str_of(cases[i].in)), 0);
		assert_string_equal(buf_text(&b), cases[i].written);
		assert_int_equal(json_parse(buf_str(&b), 256, &j, NULL), 0);
		if (text_is_utf8(str_of(cases[i].in)))
			assert_str(json_text(j), str_of(cases[i].in));
		json_free(j);
	}
	buf_fini(&b);
	/* Either the whole string fits or nothing of it is there. */
	for (size_t max = 0; max < 9; max++) {
		buf_init(&b, max);
		assert_int_equal(json_add_string(&b, STR("a\n\"b\"")), ERR_LIMIT);
		assert_int_equal(b.len, 0);
		buf_fini(&b);
	}
}

/* Every truncation and every changed byte of a document: refused or a document, never a crash. */
static void damaged_documents_do_no_harm(void **state)
{
	static const char text[] =
		"{\"id\":\"1\",\"a\":[1,-2.5e3,true,null,{\"k\":\"\\u00e9\xC3\xA9\"}],\"z\":{}}";
	char damaged[sizeof(text)];
	struct json *j;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(json_parse((struct str){text, n}, 1000, &j, NULL), ERR_PARSE);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (int c = 0; c < 256; c++) {
			memcpy(damaged, text, sizeof(text));
			damaged[i] = (char)c;
			int err = json_parse((struct str){damaged, sizeof(text) - 1}, 1000, &j,
				NULL);
			assert_true(err == 0 || err == ERR_PARSE);
			assert_true(err == 0 || j == NULL);
			json_free(j);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_taken),
		cmocka_unit_test(what_is_not_quite_json_is_refused),
		cmocka_unit_test(equal_keys_are_refused_however_they_are_written),
		cmocka_unit_test(depth_and_length_have_limits),
		cmocka_unit_test(getters_give_what_is_there),
		cmocka_unit_test(what_is_not_there_or_of_another_kind_is_the_fallback),
		cmocka_unit_test(members_come_in_document_order),
		cmocka_unit_test(written_strings_are_read_back),
		cmocka_unit_test(damaged_documents_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
