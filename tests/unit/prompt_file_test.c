/* prompt files: what one may say, which one a name means, and which version is newer. */
#include "unit.h"

#include "persona/persona.h"

static const char usual[] =
	"id: greet\nversion: 1.2.0\ndescription: d\nuse: on join\n"
	"variables: [user, query, \"1\"]\nlocal_only: true\ntested_with: tiny\n"
	"template: \"Greet $(sender) $(1) $(query|you). $$(plain)\"\n"
	"examples:\n"
	"  - {input: hi, user: alice, expect: Alice}\n"
	"  - {on: raid, with: {viewers: 50}, expect: \"/\\\\bwelcome\\\\b/\"}\n";

static struct prompt_file *read_file(const char *path, const char *text, struct conf_report *r)
{
	struct prompt_file *p = NULL;
	struct conf_file *f;

	conf_report_init(r);
	if (conf_file_parse(path, str_of(text), r, &f) == 0) {
		const int err = prompt_file_read(f, r, &p);

		assert_true((err == 0) == (p != NULL));
		conf_file_free(f);
	}
	return p;
}

static struct prompt_file *make(const char *path, const char *text)
{
	struct conf_report r;
	struct prompt_file *p = read_file(path, text, &r);

	if (!p)
		fail_msg("%s", r.n > 0 ? r.items[0].what : "?");
	conf_report_fini(&r);
	return p;
}

static void a_prompt_file_is_read(void **state)
{
	struct prompt_file *p = make("prompts/greet@1.2.0.yaml", usual);

	(void)state;
	assert_string_equal(p->id, "greet");
	assert_string_equal(p->version, "1.2.0");
	assert_string_equal(p->ref, "greet@1.2.0");
	assert_string_equal(p->path, "prompts/greet@1.2.0.yaml");
	assert_string_equal(p->description, "d");
	assert_string_equal(p->use, "on join");
	assert_string_equal(p->text, "Greet $(sender) $(1) $(query|you). $$(plain)");
	assert_string_equal(p->tested_with, "tiny");
	assert_true(p->is_local_only);
	assert_int_equal(p->variables.n, 3);
	assert_int_equal(p->example_count, 2);
	assert_string_equal(p->examples[0].input, "hi");
	assert_string_equal(p->examples[0].user, "alice");
	assert_string_equal(p->examples[0].expect, "Alice");
	assert_false(p->examples[0].is_pattern);
	assert_null(p->examples[1].input);
	assert_string_equal(p->examples[1].on, "raid");
	assert_int_equal(p->examples[1].with_count, 1);
	assert_string_equal(p->examples[1].with[0].key, "viewers");
	assert_string_equal(p->examples[1].with[0].value, "50");
	assert_string_equal(p->examples[1].expect, "\\bwelcome\\b");
	assert_true(p->examples[1].is_pattern);
	prompt_file_free(p);
}

/* Its name and version are the file's: it need not say them again. */
static void little_is_needed(void **state)
{
	struct prompt_file *p = make("greet@0.1.0-rc.1.yaml", "template: Hello\n");

	(void)state;
	assert_string_equal(p->ref, "greet@0.1.0-rc.1");
	assert_string_equal(p->id, "greet");
	assert_string_equal(p->version, "0.1.0-rc.1");
	assert_null(p->tested_with);
	assert_false(p->is_local_only);
	assert_int_equal(p->example_count, 0);
	prompt_file_free(p);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *path, *text, *what, *hint;
		int line;
	} cases[] = {
		{"greet.yaml", "template: x\n", "a version has to stand behind the name",
			"for example: greet@1.0.0.yaml", 1},
		{"greet@1.0.yaml", "template: x\n", "\"1.0\" is no version",
			"for example: greet@1.0.0.yaml", 1},
		{"Greet@1.0.0.yaml", "template: x\n", "a prompt is called by a-z 0-9 _ -",
			"for example: greet@1.0.0.yaml", 1},
		{"greet@1.0.0.yaml", "template: x\nversion: 1.0.1\n",
			"the file is called \"1.0.0\", not \"1.0.1\"",
			"rename the file, or leave this line out", 2},
		{"greet@1.0.0.yaml", "template: x\nid: hello\n",
			"the file is called \"greet\", not \"hello\"",
			"rename the file, or leave this line out", 2},
		{"greet@1.0.0.yaml", "description: x\n", "a prompt needs a template",
			"write template:", 1},
		{"greet@1.0.0.yaml", "variables: [user]\ntemplate: hi $(channel)\n",
			"not declared: \"$(channel)\"", "add it to variables:", 2},
		{"greet@1.0.0.yaml", "variables: [1]\ntemplate: hi $(2)\n",
			"not declared: \"$(2)\"", "add it to variables:", 2},
		{"greet@1.0.0.yaml", "template: x\nvariables:\n  - user\n  - chanel\n",
			"unknown variable \"$(chanel)\"", "did you mean $(channel)?", 4},
		{"greet@1.0.0.yaml", "template: $(user\n", "this variable is not closed",
			"write $$( for a plain $(", 1},
		{"greet@1.0.0.yaml", "template: x\nexamples: [{expect: /(a/}]\n",
			"this pattern cannot be used", NULL, 2},
		{"greet@1.0.0.yaml", "template: x\nexamples: [{inptu: a}]\n", "inptu", "input", 2},
		{"greet@1.0.0.yaml", "template: x\nexamples: {input: a}\n", "examples are a list",
			NULL, 2},
		{"greet@1.0.0.yaml", "template: x\nexamples: [{with: [a]}]\n",
			"the fields of an event are a map", NULL, 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_report r;

		assert_null(read_file(cases[i].path, cases[i].text, &r));
		assert_true(r.n > 0);
		if (!strstr(r.items[0].what, cases[i].what))
			fail_msg("%zu: %s", i, r.items[0].what);
		if (cases[i].hint && !(r.items[0].hint && strstr(r.items[0].hint, cases[i].hint)))
			fail_msg("%zu: %s", i, r.items[0].hint);
		assert_int_equal(r.items[0].line, cases[i].line);
		conf_report_fini(&r);
	}
}

/* What the model is told makes it another prompt; what people are told about it does not. */
static void the_hash_is_of_what_the_model_gets(void **state)
{
	struct prompt_file *a = make("a@1.0.0.yaml", "template: x\n"),
			   *same = make("a@1.0.0.yaml", "# c\ntemplate: x\ntested_with: big\n"),
			   *other = make("a@1.0.0.yaml", "template: y\n"),
			   *local = make("a@1.0.0.yaml", "template: x\nlocal_only: yes\n");

	(void)state;
	assert_string_equal(a->hash, same->hash);
	assert_string_not_equal(a->hash, other->hash);
	assert_string_not_equal(a->hash, local->hash);
	prompt_file_free(a);
	prompt_file_free(same);
	prompt_file_free(other);
	prompt_file_free(local);
}

static void a_name_means_the_newest_that_is_no_pre_release(void **state)
{
	static const char *const paths[] = {"greet@1.10.0.yaml", "greet@1.9.0.yaml",
		"greet@2.0.0-rc.1.yaml", "greetings@9.0.0.yaml", "soon@1.0.0-beta.yaml",
		"odd@1.0.0+a-b.yaml"};
	static const struct {
		const char *ref, *found;
	} cases[] = {
		{"greet", "greet@1.10.0"},
		{"greet@1.9.0", "greet@1.9.0"},
		{"greet@2.0.0-rc.1", "greet@2.0.0-rc.1"},
		{"greet@3.0.0", NULL},
		{"soon", NULL},
		{"soon@1.0.0-beta", "soon@1.0.0-beta"},
		{"odd", "odd@1.0.0+a-b"},
		{"gree", NULL},
		{"", NULL},
	};
	struct prompt_file *files[COUNT(paths)];

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		files[i] = make(paths[i], "template: x\n");
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct prompt_file *p =
			prompt_file_find(files, COUNT(files), str_of(cases[i].ref));

		if (!cases[i].found)
			assert_null(p);
		else
			assert_string_equal(p->ref, cases[i].found);
	}
	for (size_t i = 0; i < COUNT(paths); i++)
		prompt_file_free(files[i]);
}

/* The examples of semver.org, section 11, each below the next. */
static void versions_have_an_order(void **state)
{
	static const char *const rising[] = {"0.9.9", "1.0.0-0", "1.0.0-1", "1.0.0-alpha",
		"1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
		"1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1", "2.10.0", "11.0.0"};

	(void)state;
	for (size_t i = 0; i < COUNT(rising); i++) {
		for (size_t k = 0; k < COUNT(rising); k++) {
			const int order = persona_version_compare(rising[i], rising[k]);

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
	}
	assert_int_equal(persona_version_compare("1.0.0+a", "1.0.0+b"), 0);
}

static void not_everything_is_a_version(void **state)
{
	static const char *const good[] = {
		"0.0.0", "1.2.3", "1.0.0-a-b.0.x9", "1.0.0+001.-", "1.0.0-rc.1+b.7"};
	static const char *const bad[] = {"", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-",
		"1.0.0+", "1.0.0-a..b", "1.0.0-01", "1.0.0-a_b", "1.0.0-a+b+c", "v1.0.0", "1.0.x",
		"1.0.1234567890"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(persona_is_version(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (persona_is_version(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

static void no_memory_is_survived(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 200; n++) {
		struct conf_report r;

		mem_fail_at(n, 1);
		struct prompt_file *p = read_file("greet@1.2.0.yaml", usual, &r);
		mem_fail_at(0, 0);
		prompt_file_free(p);
		conf_report_fini(&r);
		if (p)
			return;
	}
	fail_msg("it never came to its end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prompt_file_is_read),
		cmocka_unit_test(little_is_needed),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(the_hash_is_of_what_the_model_gets),
		cmocka_unit_test(a_name_means_the_newest_that_is_no_pre_release),
		cmocka_unit_test(versions_have_an_order),
		cmocka_unit_test(not_everything_is_a_version),
		cmocka_unit_test(no_memory_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
