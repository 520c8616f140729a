/* safety_check on any bytes, for one line and for lines. Oracle: what it lets through is sayable by
 * the wire rule, within the length and valid UTF-8; what it refuses has a rule. safety_quote and
 * safety_redact give valid UTF-8 from valid UTF-8, within their bounds. */
#include <stdint.h>
#include <stdlib.h>

#include "safety/safety.h"

#define MAX_UNITS 120

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct safety *make(void)
{
	static const char *const hosts[] = {"twitch.tv"};
	static const char *const words[] = {"blorptang", "*zorgle*"};
	struct safety_options o = {.allow_hosts = hosts, .allow_host_count = 1, .words = words,
		.word_count = 2, .max_length = MAX_UNITS, .mentions = 1, .prefix = "[b] "};
	struct safety *s;

	if (safety_new(&o, &s) < 0)
		abort();
	return s;
}

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct safety *s, struct str text, bool is_model, const char *platform)
{
	const struct form *form = form_of(str_of(platform));
	struct safety_context c = {.bot = STR("Mynah"), .persona = STR("Mynah"),
		.user = STR("alice"), .question = STR("what game is this?"),
		.system = STR("You are Mynah, a cheerful bird."),
		.canary = STR("0123456789abcdef"), .form = form, .is_model = is_model};
	const char *rule = NULL;
	struct buf out;

	buf_init(&out, 1 << 16);
	enum reason why = safety_check(s, &c, text, &out, &rule);
	demand((why == REASON_UNSAFE) == (rule != NULL));
	if (why == REASON_NONE && form->has_lines) {
		demand(safety_is_showable(buf_str(&out), form->length));
		demand(text_is_utf8(buf_str(&out)) && text_points(buf_str(&out)) <= form->length);
	} else if (why == REASON_NONE) {
		demand(safety_is_sayable(buf_str(&out), MAX_UNITS));
		demand(text_is_utf8(buf_str(&out)) && text_units(buf_str(&out)) <= MAX_UNITS);
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct safety *s;
	struct str text = {(const char *)data, size};
	struct buf out;

	if (!s)
		s = make();
	check(s, text, true, "twitch");
	check(s, text, false, "twitch");
	check(s, text, true, "discord");
	check(s, text, false, "discord");
	buf_init(&out, 1 << 20);
	if (safety_quote(text, 200, &out) == 0)
		demand(out.len <= 200 && text_is_utf8(buf_str(&out)));
	buf_clear(&out);
	if (text_is_utf8(text) && safety_redact(text, &out) == 0)
		demand(text_is_utf8(buf_str(&out)));
	buf_fini(&out);
	return 0;
}
