/* convert: commands of other bots become triggers that are taken, or comments that say why not. */
#include "unit.h"

#include "convert/convert.h"

static void convert(
	enum convert_source source, struct str json, struct buf *out, struct convert_tally *tally)
{
	const char *why = NULL;

	buf_init(out, CONF_FILE_BYTES);
	if (convert_commands(source, json, out, tally, &why) != 0)
		fail_msg("%.60s: %s", json.at, why);
}

/* Reads it as the bot will; gives how many triggers there are. */
static size_t count_triggers(const struct buf *yaml)
{
	struct conf_report r;
	struct conf_file *f = NULL;
	struct trigger_file *file = NULL;
	struct trigger_set *set = NULL;
	size_t n;

	conf_report_init(&r);
	if (conf_file_parse("triggers/imported.yaml", buf_str(yaml), &r, &f) != 0 ||
		trigger_file_read(f, &(struct trigger_refs){0}, &r, &file) != 0)
		fail_msg("%s in %s", r.n > 0 ? r.items[0].what : "?", buf_text(yaml));
	assert_int_equal(trigger_set_new(&file, 1, &r, &set), 0);
	n = trigger_set_count(set);
	trigger_set_free(set);
	conf_file_free(f);
	conf_report_fini(&r);
	return n;
}

static void exports_are_as_they_were_when_they_were_looked_at(void **state)
{
	static const struct {
		enum convert_source source;
		const char *json, *yaml;
		struct convert_tally tally;
		size_t triggers;
	} cases[] = {
		{CONVERT_NIGHTBOT, "tests/data/commands/nightbot.json",
			"tests/data/commands/nightbot.yaml", {5, 4, 2}, 9},
		{CONVERT_STREAMELEMENTS, "tests/data/commands/streamelements.json",
			"tests/data/commands/streamelements.yaml", {2, 2, 0}, 4},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct convert_tally tally;
		struct buf json, want, got;

		buf_init(&json, 1 << 20);
		buf_init(&want, 1 << 20);
		assert_int_equal(file_read(unit_tree_path(cases[i].json), &json), 0);
		assert_int_equal(file_read(unit_tree_path(cases[i].yaml), &want), 0);
		convert(cases[i].source, buf_str(&json), &got, &tally);
		assert_str(buf_str(&got), buf_str(&want));
		assert_case(i, tally.whole == cases[i].tally.whole);
		assert_case(i, tally.part == cases[i].tally.part);
		assert_case(i, tally.none == cases[i].tally.none);
		assert_case(i, count_triggers(&got) == cases[i].triggers);
		buf_fini(&json);
		buf_fini(&want);
		buf_fini(&got);
	}
}

/* One command that says that. */
static void convert_reply(const char *message, struct buf *out, struct convert_tally *tally)
{
	struct buf json;

	buf_init(&json, 1 << 20);
	assert_int_equal(buf_adds(&json, "[{\"name\": \"!x\", \"message\": "), 0);
	assert_int_equal(json_add_string(&json, str_of(message)), 0);
	assert_int_equal(buf_adds(&json, "}]"), 0);
	convert(CONVERT_NIGHTBOT, buf_str(&json), out, tally);
	buf_fini(&json);
}

static void variables_say_the_same_or_wait_for_a_person(void **state)
{
	static const struct {
		const char *theirs, *ours;
		bool is_known;
	} cases[] = {
		{"hi $(user)", "hi $(user)", true},
		{"hi ${user}, ${ Sender }", "hi $(user), $(user)", true},
		{"$(user.name) $(touser)", "$(login) $(touser)", true},
		{"$(1) $(2:) ${1|sender} $(1|friend)", "$(1) $(2:) $(touser) $(1|friend)", true},
		{"$(query) $(querystring)", "$(query) $(query)", true},
		{"$(channel) plays $(game): $(title), $(uptime)",
			"$(channel) plays $(game): $(title), $(uptime)", true},
		{"${random.1-6} $(random 5-9)", "$(random 1-6) $(random 5-9)", true},
		{"$(random.pick 'a' 'b')", "$$(random.pick 'a' 'b')", false},
		{"$(random 9-1)", "$$(random 9-1)", false},
		{"$(urlfetch https://a.invalid/$(user))", "$$(urlfetch https://a.invalid/$$(user))",
			false},
		{"$(count) $(eval 1+1)", "$(count) $$(eval 1+1)", false},
		{"$(count) and $(getcount deaths)", "$(count) and $(count deaths)", true},
		{"$(count deaths +2)", "$(count)", true},
		{"$(count a) $(count b)", "$(count) $$(count b)", false},
		{"$(count a many)", "$$(count a many)", false},
		{"${1|${user}}", "$${1|$${user}}", false},
		{"$(100) $(0)", "$$(100) $$(0)", false},
		{"5$ and $x and $$", "5$ and $x and $$", true},
		{"open $(user", "open $$(user", true},
		{"$$(user) $$$", "$ $(user) $$$", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct convert_tally tally;
		struct buf got, want;

		convert_reply(cases[i].theirs, &got, &tally);
		buf_init(&want, 4096);
		assert_int_equal(buf_adds(&want, "\n  reply: "), 0);
		assert_int_equal(json_add_string(&want, str_of(cases[i].ours)), 0);
		assert_int_equal(buf_addc(&want, '\n'), 0);
		if (!strstr(buf_text(&got), buf_text(&want)))
			fail_msg("case %zu: %s", i, buf_text(&got));
		assert_case(i, !strstr(buf_text(&got), "enabled: no") == cases[i].is_known);
		assert_case(i, tally.whole == (cases[i].is_known ? 1 : 0));
		assert_case(i, count_triggers(&got) == 1);
		buf_fini(&got);
		buf_fini(&want);
	}
}

static void counters_and_timers_come_over(void **state)
{
	static const struct {
		enum convert_source source;
		const char *json, *says[4], *says_not;
	} cases[] = {
		{CONVERT_NIGHTBOT, "[{\"name\":\"!died\",\"message\":\"$(count)\",\"count\":12}]",
			{"# !died: it has counted to 12 there", "\n  count: nightbot-died\n"},
			"enabled: no"},
		{CONVERT_STREAMELEMENTS,
			"[{\"command\":\"died\",\"response\":\"${count Deaths! -1} now\"}]",
			{"\n  count: {name: deaths, add: -1}\n", "$(count) now"}, "enabled: no"},
		{CONVERT_STREAMELEMENTS,
			"[{\"command\":\"zero\",\"response\":\"${count deaths 0} now\"}]",
			{"\n  count: {name: deaths, set: 0}\n"}, "enabled: no"},
		{CONVERT_NIGHTBOT, "{\"timers\":[{\"name\":\"Discord\",\"message\":\"Come\","
			"\"interval\":\"*/15 * * * *\",\"lines\":5,\"enabled\":true}]}",
			{"\nnightbot-discord:\n  every: 15m\n  min_lines: 5\n  reply: \"Come\"\n"},
			"enabled: no"},
		{CONVERT_NIGHTBOT, "{\"timers\":[{\"name\":\"a\",\"message\":\"Come\","
			"\"interval\":\"0,20,40 * * * *\",\"lines\":0,\"enabled\":false}]}",
			{"  every: 20m\n  reply", "  enabled: no\n"}, "min_lines"},
		{CONVERT_NIGHTBOT, "{\"timers\":[{\"name\":\"a\",\"message\":\"Come\","
			"\"interval\":\"7 */2 * * *\"}]}", {"  every: 120m\n"}, "enabled: no"},
		{CONVERT_NIGHTBOT, "{\"timers\":[{\"name\":\"a\",\"message\":\"Come\","
			"\"interval\":\"5 4 * * 1\"}]}",
			{"# a: how often it comes", "  every: 60m\n", "  enabled: no\n"},
			"min_lines"},
		{CONVERT_STREAMELEMENTS, "{\"timers\":[{\"name\":\"Tip\",\"enabled\":true,"
			"\"messages\":[\"one\",\"two\"],\"chatLines\":3,"
			"\"online\":{\"enabled\":true,\"interval\":10},"
			"\"offline\":{\"enabled\":false,\"interval\":30}}]}",
			{"# Tip: only the first of", "\nstreamelements-tip:\n  every: 10m\n"
			 "  min_lines: 3\n  reply: \"one\"\n  when: live\n"}, "enabled: no"},
		{CONVERT_STREAMELEMENTS, "{\"timers\":[{\"message\":\"/ban x\",\"enabled\":true,"
			"\"online\":{\"enabled\":true,\"interval\":10}}]}",
			{"# timer: not carried over, because it is a command to the chat"},
			"every"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct convert_tally tally;
		struct buf got;

		convert(cases[i].source, str_of(cases[i].json), &got, &tally);
		for (size_t k = 0; k < COUNT(cases[i].says) && cases[i].says[k]; k++) {
			if (!strstr(buf_text(&got), cases[i].says[k]))
				fail_msg("case %zu lacks \"%s\": %s", i, cases[i].says[k],
					buf_text(&got));
		}
		assert_case(i, !strstr(buf_text(&got), cases[i].says_not));
		assert_case(i, count_triggers(&got) == tally.whole + tally.part);
		buf_fini(&got);
	}
}

static void what_could_do_harm_is_no_trigger(void **state)
{
	static const char *const replies[] = {
		"/timeout $(user) 600", "/ban $(touser)", ".clear", "!so $(user)", "", "   ", "\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct convert_tally tally;
		struct buf got;

		convert_reply(replies[i], &got, &tally);
		assert_case(i, tally.none == 1 && tally.whole + tally.part == 0);
		assert_case(i, strstr(buf_text(&got), "# !x: not carried over, because "));
		assert_case(i, count_triggers(&got) == 0);
		buf_fini(&got);
	}
}

static void hostile_exports_make_files_that_are_taken(void **state)
{
	static const struct {
		enum convert_source source;
		const char *json;
		size_t triggers;
	} cases[] = {
		{CONVERT_NIGHTBOT,
			"[{\"name\": \"!a\\nb: {on: raid, reply: x}\", \"message\": \"m\"}]", 0},
		{CONVERT_NIGHTBOT, "[{\"name\": \"x\\\\E.*'\\\"\", \"message\": \"m\"}]", 1},
		{CONVERT_NIGHTBOT, "[{\"name\": \"(a+)+$\", \"message\": \"m\"}]", 1},
		{CONVERT_NIGHTBOT, "[{\"name\": \"!\", \"message\": \"m\"}, 5, null, [], {}]", 0},
		{CONVERT_NIGHTBOT, "[{\"name\": \"!\\u043f\", \"message\": \"m\"}]", 1},
		{CONVERT_NIGHTBOT, "[{\"name\": \"!a\", \"message\": \"m\\\"\\n\\u202e}\"}]", 1},
		{CONVERT_NIGHTBOT, "[{\"name\": \"!a\", \"message\": \"m\\ufffe\"}]", 0},
		{CONVERT_NIGHTBOT,
			"[{\"name\": \"!a\", \"message\": \"m\", \"coolDown\": -5, "
			"\"userLevel\": \"x: y\\n# z\"}]",
			1},
		{CONVERT_NIGHTBOT, "[{\"name\": \"!a\", \"message\": \"\", \"alias\": \"!a\"}]", 0},
		{CONVERT_NIGHTBOT, "[{\"name\": \"!a\", \"message\": \"m\", \"coolDown\": 1e300}]",
			1},
		{CONVERT_STREAMELEMENTS,
			"[{\"command\": \"a\", \"response\": \"m\", "
			"\"aliases\": [\"a\", 5, \"b c\", \"\", \"!d\"]}]",
			1},
		{CONVERT_STREAMELEMENTS,
			"[{\"command\": \"a\", \"response\": \"m\", \"accessLevel\": -1, "
			"\"cooldown\": {\"user\": 9223372036854775807, \"global\": 86400000}}]",
			1},
		{CONVERT_STREAMELEMENTS,
			"{\"commands\": [], \"timers\": [{\"name\": \"x\\ny: 1\", "
			"\"message\": \"a\\nb: {reply: x, on: raid}\"}]}",
			1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct convert_tally tally;
		struct buf got;

		convert(cases[i].source, str_of(cases[i].json), &got, &tally);
		if (count_triggers(&got) != cases[i].triggers)
			fail_msg("case %zu: %s", i, buf_text(&got));
		buf_fini(&got);
	}
}

static void a_bare_word_stands_for_itself(void **state)
{
	struct convert_tally tally;
	struct buf got;

	(void)state;
	convert(CONVERT_NIGHTBOT, STR("[{\"name\": \"g.l's\", \"message\": \"m\"}]"), &got, &tally);
	assert_non_null(strstr(buf_text(&got), "  match: '^g\\.l\\''s(?!\\S)'\n"));
	buf_fini(&got);
}

static void files_that_are_no_exports_are_refused(void **state)
{
	static const struct {
		const char *json;
		int err;
	} cases[] = {
		{"", ERR_PARSE},
		{"name: x", ERR_PARSE},
		{"[]", ERR_INVALID},
		{"{\"commands\": {}}", ERR_INVALID},
		{"5", ERR_INVALID},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
		 "]",
			ERR_LIMIT},
		{"[{\"name\": \"!a\", \"name\": \"!b\"}]", ERR_PARSE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct convert_tally tally;
		const char *why = NULL;
		struct buf got;

		buf_init(&got, CONF_FILE_BYTES);
		assert_case(i, convert_commands(CONVERT_NIGHTBOT, str_of(cases[i].json), &got,
				       &tally, &why) == cases[i].err);
		assert_case(i, why && *why);
		buf_fini(&got);
	}
}

/* Far more than a channel has, all of one name, some of them long. */
static void a_flood_of_commands_is_bounded(void **state)
{
	const int n = unit_runs(4000);
	struct convert_tally tally;
	struct buf json, got;
	char reply[1001];

	(void)state;
	memset(reply, 'w', sizeof(reply) - 1);
	reply[sizeof(reply) - 1] = '\0';
	buf_init(&json, CONVERT_COMMANDS_BYTES);
	for (int i = 0; i < n; i++)
		assert_int_equal(buf_addf(&json, "%s{\"name\": \"!same\", \"message\": \"%s\"}",
					 i == 0 ? "[" : ",", reply),
			0);
	assert_int_equal(buf_addc(&json, ']'), 0);
	convert(CONVERT_NIGHTBOT, buf_str(&json), &got, &tally);
	assert_int_equal(tally.whole + tally.part + tally.none, n);
	assert_int_equal(count_triggers(&got), tally.whole + tally.part);
	assert_true(tally.whole + tally.part <= CONVERT_COMMANDS_MAX);
	assert_true(got.len <= CONF_FILE_BYTES);
	buf_fini(&json);
	buf_fini(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exports_are_as_they_were_when_they_were_looked_at),
		cmocka_unit_test(variables_say_the_same_or_wait_for_a_person),
		cmocka_unit_test(counters_and_timers_come_over),
		cmocka_unit_test(what_could_do_harm_is_no_trigger),
		cmocka_unit_test(hostile_exports_make_files_that_are_taken),
		cmocka_unit_test(a_bare_word_stands_for_itself),
		cmocka_unit_test(files_that_are_no_exports_are_refused),
		cmocka_unit_test(a_flood_of_commands_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
