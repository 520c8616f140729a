/* Any bytes as mynah.yaml. Oracle: it loads, or at least one error says why not; never both; every
 * complaint points into the text, and the report can be written both ways. */
#include "conf/conf.h"

#include <stdlib.h>

/* libfyaml 0.7.12 forgets the 2 KiB it gathered of a long quoted text when an error ends it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

#define REPORT_BYTES (4 * 1024 * 1024) /* CONF_COMPLAINTS_MAX complaints at their longest */

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_report(const struct conf_report *r, size_t size)
{
	struct buf text, json;
	struct json *root = NULL;

	for (size_t i = 0; i < r->n; i++) {
		require(r->items[i].line >= 0 && (size_t)r->items[i].line <= size + 1);
		require(r->items[i].column >= 0 && (size_t)r->items[i].column <= size + 1);
		require(r->items[i].what && text_is_utf8(str_of(r->items[i].what)));
		require(text_is_utf8(str_of(r->items[i].excerpt)));
	}
	buf_init(&text, REPORT_BYTES);
	buf_init(&json, REPORT_BYTES);
	require(!conf_report_write(r, true, &text) && !conf_report_json(r, &json));
	require(!json_parse(buf_str(&json), REPORT_BYTES, &root, NULL));
	json_free(root);
	buf_fini(&text);
	buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct conf_report r;
	struct conf_file *f = NULL;
	struct conf *c = NULL;
	int err;

	conf_report_init(&r);
	err = conf_file_parse("fuzz.yaml", (struct str){(const char *)bytes, size}, &r, &f);
	require(!err == (f != NULL));
	if (!err)
		err = conf_build(f, &r, &c);
	require(!err == (c != NULL) && !err == (r.errors == 0));
	check_report(&r, size);
	conf_free(c);
	conf_file_free(f);
	conf_report_fini(&r);
	return 0;
}
