/* The shipped triggers: 200 ordinary lines wake nobody, 100 lines wake whom they should. */
#include "trigger_help.h"

#define LINE_BYTES 1000

static struct loaded shipped;

static int load_shipped(void **state)
{
	static const char *const names[] = {
		"triggers/ai.yaml", "triggers/chat.yaml", "triggers/clock.yaml",
		"triggers/events.yaml"};
	struct trigger_file *files[COUNT(names)];

	(void)state;
	memset(&shipped, 0, sizeof(shipped));
	conf_report_init(&shipped.report);
	assert_int_equal(trigger_state_new(&shipped.state), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct conf_file *conf = NULL;

		assert_int_equal(
			conf_file_load(unit_tree_path(names[i]), &shipped.report, &conf), 0);
		if (trigger_file_read(conf, &(struct trigger_refs){.bot_name = "mynah"},
			    &shipped.report, &files[i]) != 0)
			fail_msg("%s", complaints(&shipped));
		conf_file_free(conf);
	}
	assert_int_equal(trigger_set_new(files, COUNT(files), &shipped.report, &shipped.set), 0);
	return 0;
}

static int unload_shipped(void **state)
{
	(void)state;
	unload(&shipped);
	return 0;
}

/* Reads the next line of a data file without its end. */
static bool next_line(FILE *f, char line[LINE_BYTES])
{
	if (!fgets(line, LINE_BYTES, f))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static FILE *open_data(const char *name)
{
	FILE *f = fopen(unit_tree_path(name), "r");

	if (!f)
		fail_msg("cannot open %s", name);
	return f;
}

static void nothing_is_complained_about(void **state)
{
	(void)state;
	assert_string_equal(complaints(&shipped), "");
}

static void ordinary_lines_wake_nobody(void **state)
{
	FILE *f = open_data("tests/data/ordinary.txt");
	char line[LINE_BYTES];
	int n = 0, wrong = 0;

	(void)state;
	for (; next_line(f, line); n++) {
		const char *name = found_text(&shipped, line);

		if (*name) {
			print_message("# \"%s\" wakes %s\n", line, name);
			wrong++;
		}
	}
	fclose(f);
	assert_int_equal(n, 200);
	assert_int_equal(wrong, 0);
}

static void lines_wake_whom_they_should(void **state)
{
	FILE *f = open_data("tests/data/fires.txt");
	char line[LINE_BYTES];
	int n = 0, wrong = 0;

	(void)state;
	for (; next_line(f, line); n++) {
		char *tab = strchr(line, '\t');

		assert_non_null(tab);
		*tab = '\0';
		const char *name = found_text(&shipped, line);
		if (strcmp(name, tab + 1) != 0) {
			print_message("# \"%s\" wakes \"%s\", not %s\n", line, name, tab + 1);
			wrong++;
		}
	}
	fclose(f);
	assert_int_equal(n, 100);
	assert_int_equal(wrong, 0);
}

static void events_are_thanked_for(void **state)
{
	static const struct {
		enum event_kind kind;
		int64_t count, bits;
		const char *name, *says;
	} cases[] = {
		{EVENT_SUB, 0, 0, "sub", "Thank you for subscribing, Bob! Welcome to the flock!"},
		{EVENT_RESUB, 0, 0, "resub", "Thank you for so many months, Bob!"},
		{EVENT_GIFT, 1, 0, "gift", "Thank you for the gift, Bob! Welcome, Carol!"},
		{EVENT_GIFTBOMB, 20, 0, "giftbomb",
			"Wow, 20 gifted subs! Thank you so much, Bob!"},
		{EVENT_UPGRADE, 0, 0, "upgrade", "Thank you for staying with us, Bob!"},
		{EVENT_RAID, 5, 0, "raid", "Welcome raiders! Thank you for the raid, Bob!"},
		{EVENT_RAID, 4, 0, "", ""},
		{EVENT_CHEER, 0, 100, "cheer", "Thank you for the 100 bits, Bob!"},
		{EVENT_CHEER, 0, 99, "", ""},
		{EVENT_FOLLOW, 0, 0, "", ""},
		{EVENT_RAIDOUT, 90, 0, "raid-out",
			"Off to Carol! Be kind over there, and tell them who sent you."},
		{EVENT_HYPETRAIN, 1, 0, "hype-train", "All aboard, the hype train is leaving!"},
		{EVENT_SHOUTOUT, 9, 0, "shoutout", "Do have a look at Carol!"},
		{EVENT_SHOUTED, 9, 0, "shouted-out", "Thank you for the shoutout, Bob!"},
		{EVENT_AD, 90, 0, "", ""},
		{EVENT_JOIN, 0, 0, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct event e = message("");
		struct buf said;

		e.kind = cases[i].kind;
		e.count = cases[i].count;
		e.bits = cases[i].bits;
		e.touser = STR("Carol");
		const char *name = found(&shipped, &e);
		assert_string_equal(name, cases[i].name);
		if (!*name)
			continue;
		buf_init(&said, TRIGGER_TEXT_BYTES);
		const struct trigger *t = trigger_set_find(shipped.set, name);
		assert_int_equal(trigger_expand(t->otherwise, &e, NULL, 0, &said), 0);
		assert_string_equal(buf_text(&said), cases[i].says);
		buf_fini(&said);
	}
}

static void replies_to_the_bot_are_answered(void **state)
{
	struct event e = message("nothing special");

	(void)state;
	assert_string_equal(found(&shipped, &e), "");
	e.is_direct = true;
	assert_string_equal(found(&shipped, &e), "ai-direct");
}

static void thanks_outlive_small_talk(void **state)
{
	(void)state;
	assert_int_equal(trigger_set_find(shipped.set, "raid")->urgency, PRIORITY_THANKS);
	assert_int_equal(trigger_set_find(shipped.set, "ai")->urgency, PRIORITY_DIRECT);
	assert_int_equal(trigger_set_find(shipped.set, "ai-direct")->urgency, PRIORITY_DIRECT);
	assert_int_equal(trigger_set_find(shipped.set, "question")->urgency, PRIORITY_QUESTION);
	assert_int_equal(trigger_set_find(shipped.set, "greeting")->urgency, PRIORITY_AMBIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_complained_about),
		cmocka_unit_test(ordinary_lines_wake_nobody),
		cmocka_unit_test(lines_wake_whom_they_should),
		cmocka_unit_test(events_are_thanked_for),
		cmocka_unit_test(replies_to_the_bot_are_answered),
		cmocka_unit_test(thanks_outlive_small_talk),
	};

	return cmocka_run_group_tests(tests, load_shipped, unload_shipped);
}
