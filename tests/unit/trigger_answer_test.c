/* What an answer has to be: schema:, must: and must_not: of a trigger. */
#include "trigger_help.h"

#define ENTRY "t:\n  words: hi\n  ask: x\n"
#define SCHEMA ENTRY "  reply: $(answer.a)\n  schema:\n    type: object\n"

static void mistakes_are_told_with_their_place(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ENTRY "  schema: {type: object, properties: {a: {type: string}}}\n",
			"4:11: error: how trigger \"t\" says its answer is not said"},
		{ENTRY "  reply: x\n  schema: [a]\n", "5:11: error: this is no schema"},
		{ENTRY "  reply: x\n  schema: {type: string}\n", "an answer is an object"},
		{ENTRY "  reply: x\n  schema: {}\n", "this schema does not say its type:"},
		{ENTRY "  reply: x\n  schema: {type: object}\n", "this object has no fields"},
		{SCHEMA "    properties: {a: {type: text}}\n", "7:28: error: \"type\""},
		{SCHEMA "    properties: {a: {type: string}}\n    oneOf: []\n",
			"8:5: error: unknown key \"oneOf\""},
		{SCHEMA "    properties: {a: {type: string}}\n    required: [b]\n",
			"8:15: error: there is no field \"b\""},
		{SCHEMA "    properties: {a: {type: string, minimum: 1}}\n",
			"7:45: error: minimum: is for a number, this is a string"},
		{SCHEMA "    properties: {a: {type: integer, pattern: x}}\n",
			"pattern: is for a string, this is an integer"},
		{SCHEMA "    properties: {a: {type: number, minimum: 2, maximum: 1}}\n",
			"no value is within these bounds"},
		{SCHEMA "    properties: {a: {type: integer, enum: [1, 2.5]}}\n",
			"\"2.5\" is no integer"},
		{SCHEMA "    properties: {a: {type: string, pattern: '('}}\n", "an unclosed group"},
		{SCHEMA "    properties: {a: {type: array}}\n",
			"this array does not say what its items are"},
		{SCHEMA "    properties: {a-b: {type: string}}\n",
			"\"a-b\" cannot be the name of a field"},
		{SCHEMA "    properties: {b: {type: string}}\n",
			"4:10: error: no schema has this field: \"$(answer.a)\""},
		{SCHEMA "    properties: {a: {type: array,\n"
			"      items: {type: array, items: {type: array, items: {type: array,\n"
			"      items: {type: array, items: {type: array,\n"
			"      items: {type: string}}}}}}}}\n",
			"a schema has at most 64 fields, in at most 6 levels"},
		{"t:\n  words: hi\n  ask: $(answer.a)\n", "no schema has this field"},
		{"t:\n  words: hi\n  reply: x\n  must: y\n", "are for what a model answers"},
		{ENTRY "  must: [a, '(']\n", "4:14: error: pattern \"(\" has an unclosed group"},
		{ENTRY "  must_not: {a: b}\n", "here stands a pattern, or a list of 1 to 20"},
		{ENTRY "  must_not: '(a+)+$'\n", "needs too many steps"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;

		assert_int_not_equal(load(&l, cases[i].yaml), 0);
		if (!strstr(complaints(&l), cases[i].says))
			fail_msg("%s\nsays:\n%s\nand not: %s", cases[i].yaml, complaints(&l),
				cases[i].says);
		unload(&l);
	}
}

#define PETS \
	"t:\n  words: hi\n  ask: x\n  reply: $(answer.n)\n  schema:\n" \
	"    type: object\n    required: [n]\n    properties:\n" \
	"      n: {type: integer, minimum: 0, enum: [1, 2, 30]}\n" \
	"      ok: {type: boolean}\n" \
	"      kind: {type: string, minLength: 2, maxLength: 4, description: 'a \"kind\"'}\n" \
	"      pets:\n        type: array\n        minItems: 1\n        items:\n" \
	"          type: object\n          required: [name]\n          properties:\n" \
	"            name: {type: string, pattern: '^\\w+$'}\n" \
	"            ages: {type: array, items: {type: number, maximum: 30}}\n"

static void answers_fit_or_are_told_why_not(void **state)
{
	static const struct {
		const char *answer, *why; /* why NULL: it fits */
	} cases[] = {
		{"{\"n\": 1}", NULL},
		{"  {\"n\": 2.0, \"other\": [[[]]]}\n", NULL},
		{"```json\n{\"n\": 30}\n```", NULL},
		{"Sure!\n```\n{\"n\": 30, \"ok\": false}\n```\nDone.", NULL},
		{"{\"n\":1,\"kind\":\"\u00e4\u00f6\u00fc\u00df\"}", NULL},
		{"{\"n\":1,\"pets\":[{\"name\":\"rex\",\"ages\":[]},"
			"{\"name\":\"tom\",\"ages\":[1,2.5]}]}",
			NULL},
		{"", "it was no JSON"},
		{"one", "it was no JSON"},
		{"```json\n{\"n\": 30}", "it was no JSON"},
		{"{\"n\": 1} {\"n\": 2}", "it was no JSON"},
		{"{\"n\": 1, \"n\": 2}", "it was no JSON"},
		{"[]", "the answer has another type than it must have"},
		{"{}", "n is missing"},
		{"{\"n\": null}", "n is missing"},
		{"{\"n\": 3}", "n is none of the values there are"},
		{"{\"n\": 1.5}", "n has another type"},
		{"{\"n\": 1e999}", "n has another type"},
		{"{\"n\": true}", "n has another type"},
		{"{\"n\":1,\"ok\":\"yes\"}", "ok has another type"},
		{"{\"n\":1,\"kind\":\"x\"}", "kind must have at least 2 characters"},
		{"{\"n\":1,\"kind\":\"xxxxx\"}", "kind must have at most 4 characters"},
		{"{\"n\":1,\"pets\":[]}", "pets must have at least 1 items"},
		{"{\"n\":1,\"pets\":[{\"name\":\"rex\"},{}]}", "pets[1].name is missing"},
		{"{\"n\":1,\"pets\":[{\"name\":\"rex\"},null]}", "pets[1] is missing"},
		{"{\"n\":1,\"pets\":[{\"name\":\"a b\"}]}",
			"pets[0].name does not match its pattern"},
		{"{\"n\":1,\"pets\":[{\"name\":\"a\",\"ages\":[1,31]}]}",
			"pets[0].ages[1] is above its maximum"},
		{"{\"n\":1,\"pets\":[{\"name\":\"a\",\"ages\":[1,[]]}]}",
			"pets[0].ages[1] has another type"},
	};
	struct loaded l;
	const struct trigger *t;
	struct buf why;

	(void)state;
	load_good(&l, PETS);
	t = trigger_set_find(l.set, "t");
	buf_init(&why, 200);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json *v = NULL;
		const int err = trigger_schema_fit(t->schema, trigger_set_engine(l.set),
			str_of(cases[i].answer), &v, &why);

		if (!err != !cases[i].why || (err && !strstr(buf_text(&why), cases[i].why)))
			fail_msg("%s: %d, \"%s\", and not \"%s\"", cases[i].answer, err,
				buf_text(&why), cases[i].why ? cases[i].why : "");
		assert_true(!err == !!v);
		json_free(v);
	}
	buf_fini(&why);
	unload(&l);
}

static void models_are_told_the_schema_as_json(void **state)
{
	struct loaded l;

	(void)state;
	load_good(&l, PETS);
	assert_string_equal(trigger_schema_text(trigger_set_find(l.set, "t")->schema),
		"{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{"
		"\"n\":{\"type\":\"integer\",\"enum\":[1,2,30],\"minimum\":0},"
		"\"ok\":{\"type\":\"boolean\"},"
		"\"kind\":{\"type\":\"string\",\"description\":\"a \\\"kind\\\"\",\"minLength\":2,"
		"\"maxLength\":4},"
		"\"pets\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\","
		"\"required\":[\"name\"],\"properties\":{"
		"\"name\":{\"type\":\"string\",\"pattern\":\"^\\\\w+$\"},"
		"\"ages\":{\"type\":\"array\","
		"\"items\":{\"type\":\"number\",\"maximum\":30}}}}}}}");
	unload(&l);
}

static void patterns_are_held_against_what_would_be_said(void **state)
{
	static const struct {
		const char *said, *rule, *pattern; /* rule NULL: it keeps to them */
	} cases[] = {
		{"Fine, thanks.", NULL, NULL},
		{"fine", "must", "\\.$"},
		{"Nice.", "must", "^fine"},
		{"Fine, as an AI.", "must_not", "as an ai"},
	};
	struct loaded l;
	const struct trigger *t;

	(void)state;
	load_good(&l, ENTRY "  must: ['^fine', '\\.$']\n  must_not: as an ai\n");
	t = trigger_set_find(l.set, "t");
	assert_true(trigger_is_picky(t));
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *pattern = NULL;
		const char *rule = trigger_breaks(
			t, trigger_set_engine(l.set), str_of(cases[i].said), &pattern);

		if (!cases[i].rule) {
			assert_null(rule);
			continue;
		}
		assert_string_equal(rule, cases[i].rule);
		assert_string_equal(pattern, cases[i].pattern);
	}
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told_with_their_place),
		cmocka_unit_test(answers_fit_or_are_told_why_not),
		cmocka_unit_test(models_are_told_the_schema_as_json),
		cmocka_unit_test(patterns_are_held_against_what_would_be_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
