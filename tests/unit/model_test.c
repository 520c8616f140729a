/* model: what a registry file may say, and that it is written as it was read. */
#include "unit.h"

#include <math.h>

#include "model/model.h"

#define SET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MEASURED \
	"{\"passAt1\": 0.6, \"passAt5\": 1, \"bleu\": 0.25, \"measured\": true, " \
	"\"date\": \"2026-11-21T10:00:00.000Z\", \"set\": \"" SET "\", " \
	"\"samples\": 5, \"seed\": 1}"
#define REST \
	", \"hardware\": {\"minMemory\": \"1G\", \"recommendedGPU\": null}, \"localPath\": null, " \
	"\"cloudFallback\": null}"
#define WITH(version, accuracy, rest) \
	"{\"name\": \"tiny:1b\", \"version\": " version ", \"quantization\": \"Q4_K_M\", " \
	"\"size\": 1000, \"accuracy\": " accuracy rest

static char dir[] = "/tmp/mynah-model-XXXXXX", path[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/tiny.json", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int read_text(const char *text, struct conf_report *r, struct model **out)
{
	assert_int_equal(file_replace(path, str_of(text), 0600), 0);
	return model_read(path, r, out);
}

static void a_file_is_read_and_written_the_same(void **state)
{
	struct model *m = NULL, *again = NULL;
	struct conf_report r;
	struct buf out;

	(void)state;
	conf_report_init(&r);
	buf_init(&out, MODEL_FILE_BYTES);
	if (read_text(WITH("\"1.0.0\"", MEASURED, ", \"hardware\": {\"minMemory\": 2147483648, "
			"\"recommendedGPU\": \"8 GB\"}, \"localPath\": \"/models/tiny\", "
			"\"cloudFallback\": {\"provider\": \"cloud\", \"model\": \"big\"}}"),
			&r, &m))
		fail_msg("%s", r.n > 0 ? r.items[0].what : "?");
	assert_true(m->min_memory == INT64_C(1) << 31 && m->size == 1000);
	assert_true(m->accuracy.is_measured && fabs(m->accuracy.pass_at_1 - 0.6) < 1e-9);
	assert_int_equal(model_write(m, &out), 0);
	assert_int_equal(read_text(buf_text(&out), &r, &again), 0);
	char *first = mem_dup(buf_text(&out));

	buf_clear(&out);
	assert_int_equal(model_write(again, &out), 0);
	assert_string_equal(buf_text(&out), first);
	assert_non_null(strstr(first, "\"passAt1\": 0.6000,\n"));
	assert_non_null(strstr(first, "\"set\": \"" SET "\",\n    \"samples\": 5,\n"));
	assert_string_equal(again->cloud_model, "big");
	mem_free(first);
	model_free(m);
	model_free(again);
	buf_fini(&out);
	conf_report_fini(&r);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
		{"{}", "needs its name"},
		{"[]", "no object"},
		{"name: tiny\n", ""}, /* YAML is no JSON */
		{WITH("\"1.0\"", "null", REST), "MAJOR.MINOR.PATCH"},
		{WITH("\"01.0.0\"", "null", REST), "MAJOR.MINOR.PATCH"},
		{WITH("1", "null", REST), "must be a text"},
		{WITH("\"1.0.0\"", "{\"passAt1\": \"0.5\", \"measured\": false}", REST),
			"without quotes"},
		{WITH("\"1.0.0\"", "{\"passAt1\": 0.9}", REST), "who measured them"},
		{WITH("\"1.0.0\"", "{\"passAt1\": 1.1, \"measured\": false}", REST), "passAt1"},
		{WITH("\"1.0.0\"", "{\"passAt1\": 0.9, \"measured\": true}", REST),
			"all three numbers"},
		{WITH("\"1.0.0\"", "{\"passAt1\": 0.6, \"passAt5\": 1, \"bleu\": 0.2, "
			"\"measured\": true, \"date\": \"yesterday\", \"set\": \"" SET "\", "
			"\"samples\": 5, \"seed\": 1}", REST), "has a date"},
		{WITH("\"1.0.0\"", "{\"passAt1\": 0.6, \"passAt5\": 1, \"bleu\": 0.2, "
			"\"measured\": true, \"date\": \"2026-11-21T10:00:00Z\", "
			"\"set\": \"mine\", \"samples\": 5, \"seed\": 1}", REST), "names its set"},
		{WITH("\"1.0.0\"", "{\"passAt1\": 0.6, \"passAt5\": 1, \"bleu\": 0.2, "
			"\"measured\": true, \"date\": \"2026-11-21T10:00:00Z\", \"set\": \"" SET
			"\", \"samples\": 4, \"seed\": 1}", REST), "at least 5 samples"},
		{WITH("\"1.0.0\"", "null", ", \"hardware\": null}"), "how much memory"},
		{WITH("\"1.0.0\"", "null", ", \"hardware\": {\"minMemory\": \"1G\", \"cpu\": 4}}"),
			"cpu"},
		{WITH("\"1.0.0\"", "null", ", \"hardware\": {\"minMemory\": \"1G\"}, "
			"\"cloudFallback\": {\"provider\": \"x\"}}"), "a provider and its model"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct model *m = NULL;
		struct conf_report r;
		bool is_said = false;

		conf_report_init(&r);
		assert_case(i, read_text(cases[i].text, &r, &m) == ERR_INVALID && !m);
		for (size_t k = 0; k < r.n; k++)
			is_said |= strstr(r.items[k].what, cases[i].what) && r.items[k].line == 1;
		if (!is_said)
			fail_msg("case %zu: %s", i, r.n > 0 ? r.items[0].what : "no complaint");
		conf_report_fini(&r);
	}
}

static void numbers_that_nobody_measured_say_so(void **state)
{
	struct model *m = NULL;
	struct conf_report r;

	(void)state;
	conf_report_init(&r);
	assert_int_equal(read_text(WITH("\"1.0.0\"", "{\"passAt1\": 0.9, \"measured\": false}",
		REST), &r, &m), 0);
	assert_true(m->has_accuracy && !m->accuracy.is_measured && isnan(m->accuracy.bleu));
	model_free(m);
	conf_report_fini(&r);
}

static void names_may_leave_out_the_latest_tag(void **state)
{
	(void)state;
	assert_true(model_is_name(STR("llama3.2:latest"), "llama3.2"));
	assert_true(model_is_name(STR("llama3.2"), "llama3.2"));
	assert_false(model_is_name(STR("llama3.2:1b"), "llama3.2"));
	assert_false(model_is_name(STR("llama3"), "llama3.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_and_written_the_same),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(numbers_that_nobody_measured_say_so),
		cmocka_unit_test(names_may_leave_out_the_latest_tag),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
