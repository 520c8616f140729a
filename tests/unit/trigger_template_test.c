/* Templates: what is said, for every variable; and that a value is never read as a template. */
#include "trigger_help.h"

static struct event gift(void)
{
	struct event e = message("");

	e.kind = EVENT_GIFT;
	e.touser = STR("Carol");
	e.tier = STR("1");
	e.count = 3;
	e.months = 12;
	return e;
}

/* Expands with a hit whose match ends after "!so ". */
static const char *expand(const char *text, const struct event *e, size_t groups)
{
	static char said[TRIGGER_TEXT_BYTES + 1];
	struct trigger_hit hit = {.captures_n = groups + 1};
	struct buf out;

	hit.captures[0] = (struct str){e->text.at, e->text.len < 3 ? e->text.len : 3};
	for (size_t i = 1; i <= groups; i++)
		hit.captures[i] = (struct str){e->text.at + i, 1};
	buf_init(&out, TRIGGER_TEXT_BYTES);
	assert_int_equal(trigger_expand(text, e, &hit, 7, &out), 0);
	snprintf(said, sizeof(said), "%s", buf_text(&out));
	buf_fini(&out);
	return said;
}

static void variables_say_what_they_promise(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"plain", "plain"}, {"", ""},
		{"Hi $(user)!", "Hi Bob!"}, {"${user}", "Bob"}, {"$(sender)", "Bob"},
		{"$(login)", "bob"}, {"$(user.name)", "bob"},
		{"$(1)", "Dave"}, {"$(2)", "is"}, {"$(9)", ""}, {"$(9|nine)", "nine"},
		{"$(1:)", "Dave is  great"}, {"$(3:)", "great"}, {"$(4:|x)", "x"},
		{"$(query)", "Dave is  great"}, {"$(message)", "!so Dave is  great"},
		{"$(touser)", "Dave"}, {"$(channel)", "alice"}, {"$(platform)", "twitch"},
		{"$(months)", ""}, {"$(months|no)", "no"}, {"$( user )", "Bob"},
		{"$(random 5-5)", "5"}, {"$(random 1-6)", "2"},
		{"5$ and $x and $", "5$ and $x and $"}, {"$$(user)", "$(user)"}, {"$$5", "$$5"},
		{"$(user", "$(user"}, {"$(unknown)", ""}, {"$(unknown|x)", "x"},
		{"%s %n $(user) %d", "%s %n Bob %d"}, {"$(user)$(user)", "BobBob"},
		{"$()", ""}, {"$(|x)", "x"}, {"$(100)", ""}, {"$(0)", ""},
	};
	struct event e = message("!so Dave is  great");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *said = expand(cases[i].text, &e, 0);

		if (strcmp(said, cases[i].said) != 0)
			fail_msg("\"%s\" says \"%s\", not \"%s\"", cases[i].text, said,
				cases[i].said);
	}
}

static int64_t seven_or_none(void *ctx, const struct event *e, struct str name)
{
	assert_ptr_equal(ctx, e);
	return str_is(name, "deaths") ? -7 : 0;
}

static void a_counter_is_what_is_counted_and_else_the_amount(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"$(count deaths)", "-7"}, {"$(count wins)", "0"}, {"$(count wins|none)", "0"},
		{"${count deaths}", "-7"}, {"$(amount)", "3"},
	};
	struct event e = gift();
	struct trigger t = {.count = {.name = (char[]){"deaths"}}}, plain = {.name = NULL};
	struct trigger_hit hit = {.trigger = &plain, .counted = seven_or_none, .counted_ctx = &e};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&out);
		assert_int_equal(trigger_expand(cases[i].text, &e, &hit, 0, &out), 0);
		assert_string_equal(buf_text(&out), cases[i].said);
	}
	buf_clear(&out);
	assert_int_equal(trigger_expand("$(count)", &e, &hit, 0, &out), 0);
	assert_string_equal(buf_text(&out), "3");
	hit.trigger = &t;
	buf_clear(&out);
	assert_int_equal(trigger_expand("$(count)", &e, &hit, 0, &out), 0);
	assert_string_equal(buf_text(&out), "-7");
	hit.counted = NULL; /* nobody counts: explain without a bot */
	buf_clear(&out);
	assert_int_equal(trigger_expand("$(count|?)", &e, &hit, 0, &out), 0);
	assert_string_equal(buf_text(&out), "?");
	buf_fini(&out);
}

static void events_fill_in_their_numbers(void **state)
{
	struct event e = gift();

	(void)state;
	assert_string_equal(expand("$(user) to $(touser): $(count) of tier $(tier), $(months)", &e,
		0),
		"Bob to Carol: 3 of tier 1, 12");
	e.kind = EVENT_CHEER;
	e.bits = 500;
	assert_string_equal(expand("$(bits) $(count)", &e, 0), "500 500");
	e.kind = EVENT_RAID;
	assert_string_equal(expand("$(viewers)", &e, 0), "3");
}

static void groups_come_before_words(void **state)
{
	struct event e = message("!so Dave");

	(void)state;
	assert_string_equal(expand("$(1) $(2)|$(3)", &e, 2), "s o|");
}

static void the_target_is_named_or_else_the_writer(void **state)
{
	struct event e = message("!so @Dave hi");

	(void)state;
	assert_string_equal(expand("$(touser)", &e, 0), "Dave");
	e.text = STR("!so");
	assert_string_equal(expand("$(touser)", &e, 0), "Bob");
	e.touser = STR("Erin");
	assert_string_equal(expand("$(touser)", &e, 0), "Erin");
}

/* faults.md A14: a name or a message that looks like a template stays what it is. */
static void values_are_never_expanded(void **state)
{
	struct event e = message("!so $(channel) ${user} $$(x) %n");

	(void)state;
	e.user = STR("$(1)");
	assert_string_equal(expand("$(user): $(query)", &e, 0),
		"$(1): $(channel) ${user} $$(x) %n");
	assert_string_equal(expand("$(1)$(user)", &e, 0), "$(channel)$(1)");
}

static void random_numbers_differ_and_keep_their_range(void **state)
{
	struct event e = message("x");
	bool is_seen[7] = {false};
	struct buf out;

	(void)state;
	for (uint32_t chance = 0; chance < 1000; chance++) {
		int64_t n;

		buf_init(&out, 100);
		assert_int_equal(trigger_expand("$(random 1-6)", &e, NULL, chance * 2654435761u,
			&out), 0);
		assert_int_equal(str_int(buf_str(&out), &n), 0);
		assert_in_range(n, 1, 6);
		is_seen[n] = true;
		buf_fini(&out);
	}
	for (int i = 1; i <= 6; i++)
		assert_true(is_seen[i]);
}

static void a_text_that_grows_too_long_is_refused(void **state)
{
	struct event e = message("!so x");
	struct buf out;

	(void)state;
	buf_init(&out, 5);
	assert_int_equal(trigger_expand("$(user) $(user)", &e, NULL, 0, &out), ERR_LIMIT);
	buf_fini(&out);
}

static void mistakes_are_told_with_their_place(void **state)
{
	static const struct {
		const char *entry, *complaint;
	} cases[] = {
		{"reply: 'Hi $(usr)!'", "3:14: error: unknown variable \"$(usr)\""},
		{"reply: 'Hi $(usr)!'", "did you mean $(user)?"},
		{"reply: '\u8349 $(zzzzzz)'", "3:13: error: unknown variable \"$(zzzzzz)\""},
		{"reply: 'Hi $(user'", "3:14: error: this variable is not closed"},
		{"reply: '$(random 6-1)'", "3:11: error: this range of numbers cannot be read"},
		{"reply: '$(user x)'", "3:11: error: this variable takes nothing after its name"},
		{"reply: '$(1|$(user))'", "3:11: error: a default cannot hold another variable"},
		{"reply: '$(months)'",
			"3:11: warning: $(months) is always empty for \"on: message\""},
		{"ask: ok\n  otherwise: '$(bla)'", "error: unknown variable \"$(bla)\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		char yaml[300];

		snprintf(yaml, sizeof(yaml), "t:\n  words: hi\n  %s\n", cases[i].entry);
		(void)!load(&l, yaml);
		if (!strstr(complaints(&l), cases[i].complaint))
			fail_msg("%s\nsays:\n%s\nand not: %s", yaml, complaints(&l),
				cases[i].complaint);
		unload(&l);
	}
}

static void every_documented_variable_is_accepted(void **state)
{
	const char *name, *help;

	(void)state;
	for (size_t i = 0; (name = trigger_variable(i, &help)) != NULL; i++) {
		struct loaded l;
		char yaml[300];

		assert_true(strlen(help) > 5);
		snprintf(yaml, sizeof(yaml), "t:\n  words: hi\n  reply: '$(%s|none)'\n", name);
		load_good(&l, yaml);
		unload(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_say_what_they_promise),
		cmocka_unit_test(a_counter_is_what_is_counted_and_else_the_amount),
		cmocka_unit_test(events_fill_in_their_numbers),
		cmocka_unit_test(groups_come_before_words),
		cmocka_unit_test(the_target_is_named_or_else_the_writer),
		cmocka_unit_test(values_are_never_expanded),
		cmocka_unit_test(random_numbers_differ_and_keep_their_range),
		cmocka_unit_test(a_text_that_grows_too_long_is_refused),
		cmocka_unit_test(mistakes_are_told_with_their_place),
		cmocka_unit_test(every_documented_variable_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
