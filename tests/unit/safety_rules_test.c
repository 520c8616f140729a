/* safety, rules of files: the shipped ones hold what their examples say, and what is wrong with a
 * file is told with its place. */
#include "unit.h"

#include "safety/safety.h"

static struct safety_rules *new_rules(void)
{
	struct safety_rules *rules;

	assert_int_equal(safety_rules_new(&rules), 0);
	return rules;
}

static struct safety *new_safety(struct safety_rules *rules, enum safety_policy policy)
{
	struct safety_options o = {.max_length = 500,
		.mentions = 1,
		.rules = rules,
		.policy = policy,
		.toxicity = 0.8,
		.bias = 0.8};
	struct safety *s;

	assert_int_equal(safety_new(&o, &s), 0);
	return s;
}

static char *path_of(const char *name)
{
	const char *top = getenv("top_srcdir");

	return file_join(top ? top : ".", name);
}

static void print_report(const struct conf_report *r)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(conf_report_write(r, false, &out), 0);
	if (out.len > 0)
		fprintf(stderr, "%s\n", buf_text(&out));
	buf_fini(&out);
}

/* The program holds them untried: here they are tried, patterns and examples. */
static void the_shipped_files_hold_what_their_examples_say(void **state)
{
	static const char *const files[] = {"safety/input.yaml", "safety/output.yaml"};
	struct safety_rules *rules = new_rules();
	struct safety *ours = new_safety(new_rules(), SAFETY_BALANCED), *s;

	(void)state;
	assert_true(safety_count(ours) > 20);
	for (size_t i = 0; i < COUNT(files); i++) {
		char *path = path_of(files[i]);
		struct conf_report report;
		struct conf_file *f = NULL;

		conf_report_init(&report);
		assert_int_equal(conf_file_load(path, &report, &f), 0);
		int err = safety_rules_read(rules, f, &report);
		print_report(&report);
		assert_case(i, err == 0 && report.errors == 0 && report.warnings == 0);
		conf_file_free(f);
		conf_report_fini(&report);
		mem_free(path);
	}
	s = new_safety(rules, SAFETY_BALANCED);
	assert_int_equal(safety_count(s), safety_count(ours)); /* the same ones again */
	safety_free(s);
	safety_free(ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_files_hold_what_their_examples_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
