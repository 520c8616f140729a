/* Fuzzes what moderators write: a trigger file, and a template.
 *
 * A file loads or is complained about; what loaded is searched with its own bytes as the message. A
 * template is filled in once with a mark as the user's name and once with text that looks like a
 * template: if a value were ever read as a template, the two would differ by more than the mark. */
#include "trigger/trigger.h"

#include <stdlib.h>
#include <string.h>

#define MARK '\x01'

static void check(bool claim)
{
	if (!claim)
		abort();
}

static void no_tell(void *ctx, const struct trigger *t, enum reason r, bool is_shadowed,
	const char *why)
{
	(void)ctx;
	(void)is_shadowed;
	check(t->name && r < REASON_COUNT && why);
}

static void search(struct trigger_set *set, struct str bytes)
{
	struct trigger_state *state = NULL;
	struct event e = {.kind = EVENT_MESSAGE, .user = STR("bob"), .user_id = STR("1")};
	struct trigger_hit hit;
	struct buf text;

	buf_init(&text, 2 * PATTERN_SUBJECT_BYTES);
	(void)!text_scrub(bytes, TEXT_CHAT, &text);
	e.text = buf_str(&text);
	if (trigger_state_new(&state) == 0) {
		for (int i = 0; i < 4; i++) {
			(void)trigger_find(set, state, &e, i, 0, &hit);
			for (size_t c = 0; c < hit.captures_n; c++)
				check(hit.captures[c].len <= e.text.len);
		}
		trigger_explain(set, state, &e, 5, no_tell, NULL);
	}
	trigger_state_free(state);
	buf_fini(&text);
}

static void fuzz_file(struct str bytes)
{
	struct conf_report report;
	struct conf_file *conf = NULL;
	struct trigger_file *file = NULL;
	struct trigger_set *set = NULL;

	conf_report_init(&report);
	if (conf_file_parse("fuzz.yaml", bytes, &report, &conf) == 0) {
		if (trigger_file_read(conf, &(struct trigger_refs){.bot_name = "mynah"}, &report,
		    &file) < 0)
			check(report.errors > 0);
		else if (trigger_set_new(&file, 1, &report, &set) == 0)
			search(set, bytes);
	}
	trigger_set_free(set);
	conf_file_free(conf);
	conf_report_fini(&report);
}

/* Adds what text says when the user is called name. */
static int expand_as(const char *text, struct str name, struct buf *out)
{
	struct event e = {.kind = EVENT_GIFT, .user = name, .channel = STR("alice"), .count = 3};

	return trigger_expand(text, &e, NULL, 7, out);
}

static void fuzz_template(struct str bytes)
{
	static const char nested[] = "$(channel)$$(${user}|$(";
	char *text = memchr(bytes.at, MARK, bytes.len) ? NULL : mem_dupn(bytes.at, bytes.len);
	struct buf marked, plain, expected;

	buf_init(&marked, TRIGGER_TEXT_BYTES);
	buf_init(&plain, 64 * TRIGGER_TEXT_BYTES);
	buf_init(&expected, 64 * TRIGGER_TEXT_BYTES);
	if (text && expand_as(text, (struct str){"\x01", 1}, &marked) == 0 &&
			expand_as(text, STR(nested), &plain) == 0) {
		for (size_t i = 0; i < marked.len; i++) {
			if (marked.at[i] == MARK)
				(void)!buf_adds(&expected, nested);
			else
				(void)!buf_addc(&expected, marked.at[i]);
		}
		check(str_eq(buf_str(&plain), buf_str(&expected)));
	}
	buf_fini(&marked);
	buf_fini(&plain);
	buf_fini(&expected);
	mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	fuzz_file((struct str){(const char *)data, size});
	fuzz_template((struct str){(const char *)data, size});
	return 0;
}
