/* Safety rules: the first byte says whether the rest is a file of rules or a text. Oracle: a file
 * is taken whole or refused with complaints; scores are chances, and what is found in a text stands
 * in the order of its weight; the stricter policy refuses whatever the milder one refuses. */
#include <stdint.h>
#include <stdlib.h>

#include "safety/safety.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static struct safety *make(enum safety_policy policy, const struct conf_file *f)
{
	struct safety_options o = {
		.max_length = 500, .mentions = 1, .policy = policy, .toxicity = 0.8, .bias = 0.8};
	struct conf_report report;
	struct safety *s = NULL;

	conf_report_init(&report);
	demand(safety_rules_new(&o.rules) == 0);
	if (f)
		demand((safety_rules_read(o.rules, f, &report) == 0) == (report.errors == 0));
	demand(safety_new(&o, &s) == 0);
	conf_report_fini(&report);
	return s;
}

static void try_text(const struct safety *balanced, const struct safety *strict, struct str text)
{
	struct safety_findings found;
	struct safety_heard heard;

	demand(safety_find(balanced, SAFETY_OF_INPUT | SAFETY_OF_OUTPUT, text, &found) == 0);
	demand(found.input >= 0 && found.input <= 1 && found.toxicity >= 0 && found.toxicity <= 1 &&
		found.bias >= 0 && found.bias <= 1);
	for (size_t i = 1; i < found.n; i++)
		demand(found.at[i - 1].weight >= found.at[i].weight);
	if (safety_hear(balanced, text, &heard) == REASON_UNSAFE)
		demand(heard.rule && safety_hear(strict, text, &heard) == REASON_UNSAFE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct safety *balanced, *strict;
	struct conf_report report;
	struct conf_file *f = NULL;

	if (size == 0 || size > 4096)
		return 0;
	const struct str rest = {(const char *)data + 1, size - 1};

	if (!balanced) {
		balanced = make(SAFETY_BALANCED, NULL);
		strict = make(SAFETY_STRICT, NULL);
	}
	if (data[0] != 'f') {
		try_text(balanced, strict, rest);
		return 0;
	}
	conf_report_init(&report);
	if (conf_file_parse("fuzz.yaml", rest, &report, &f) == 0)
		safety_free(make(SAFETY_STRICT, f));
	conf_file_free(f);
	conf_report_fini(&report);
	return 0;
}
