/* Trigger files: what is refused and how it is told; out of memory; the man page. */
#include "trigger_help.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void mistakes_are_told_with_position_and_advice(void **state)
{
	static const struct {
		const char *yaml;
		const char *says[3];
	} cases[] = {
		{"lurk:\n  match: '(!lurk'\n  reply: x\n",
			{"test.yaml:2:16: error: pattern \"(!lurk\" has an unclosed group at "
			 "character 6"}},
		{"t:\n  match: 'a)b'\n  reply: x\n",
			{"a closing parenthesis that opens nowhere at character 2"}},
		{"t:\n  match: '*a'\n  reply: x\n", {"nothing to repeat at character 1"}},
		{"t:\n  match: '\u8349[a'\n  reply: x\n",
			{"an unclosed character class at character 3"}},
		{"t:\n  match: 'a(?C)b'\n  reply: x\n", {"callout"}},
		{"t:\n  match: '(*NO_JIT)a'\n  reply: x\n", {"verb"}},
		{"t:\n  match: '(*LIMIT_MATCH=99999999)a'\n  reply: x\n", {"verb"}},
		{"t:\n  match: 'a\\Cb'\n  reply: x\n", {"\\C"}},
		{"t:\n  match: ''\n  reply: x\n", {"empty"}},
		{"t:\n  match: '^(a+)+$'\n  reply: x\n",
			{"2:1", "pattern \"^(a+)+$\" needs too many steps", "[\\w\\s]+"}},
		{"t:\n  match: '^(\\w+\\s?)*$'\n  reply: x\n", {"needs too many steps"}},
		{"t:\n  match: '(?:\\w+\\s?)+[#%]'\n  reply: x\n", {"needs too many steps"}},
		{"t:\n  match: '^(\\w+)\\s(?:\\w+\\s?)*\\1[!?]'\n  reply: x\n",
			{"needs too many steps"}},
		{"t:\n  match: '^!roll (x+x+)+y'\n  reply: x\n", {"needs too many steps"}},
		{"t:\n  match: '.{0,200}.{0,200}[#%]'\n  reply: x\n",
			{"warning: on long messages"}},
		{"t:\n  match: \"^hi\\b\"\n  reply: x\n",
			{"2:11: error: ", "backspace", "single quotes"}},
		{"t:\n  words: hi\n  reply: /me waves\n",
			{"3:10: warning: mynah gives no chat commands"}},
		{"T!:\n  words: hi\n  reply: x\n", {"1:1: error: \"T!\" cannot be the name"}},
		{"t: 5\n", {"has no keys below it"}},
		{"- t\n", {"a trigger file is a map"}},
		{"t:\n  wrds: hi\n  reply: x\n", {"2:3: error: ", "wrds", "words"}},
		{"t:\n  words: hi\n", {"trigger \"t\" has nothing to say"}},
		{"t:\n  words: hi\n  reply: a\n  ask: b\n", {"4:", "both reply: and ask:"}},
		{"t:\n  words: hi\n  reply: a\n  chain: [{ask: b}]\n",
			{"4:10: error: trigger \"t\" has both reply: and chain:"}},
		{"t:\n  words: hi\n  ask: a\n  chain: [{ask: b}]\n",
			{"3:8: error: trigger \"t\" has both ask: and chain:"}},
		{"t:\n  words: hi\n  ask: a\n  prompt: greet\n",
			{"4:11: error: trigger \"t\" has both ask: and prompt:"}},
		{"t:\n  words: hi\n  prompt: greet\n  chain: [greet]\n",
			{"3:11: error: trigger \"t\" has both prompt: and chain:"}},
		{"t:\n  words: hi\n  prompt: greet\n  chain: {ask: b}\n",
			{"3:11: error: trigger \"t\" has both prompt: and chain:"}},
		{"t:\n  words: hi\n  reply: a\n  prompt: greet@1.0.0\n",
			{"has both reply: and"}},
		{"t:\n  words: hi\n  prompt: gret\n",
			{"3:11: error: there is no prompt \"gret\"", "did you mean greet?"}},
		{"t:\n  words: hi\n  prompt: greet@1.0.1\n",
			{"there is no prompt \"greet@1.0.1\"", "did you mean greet@1.0.0?"}},
		{"t:\n  words: hi\n  chain: [{ask: a}, nothing]\n",
			{"3:21: error: there is no prompt \"nothing\"", "a pre-release only with"}},
		{"t:\n  words: hi\n  chain: []\n", {"a chain is a list of 1 to 4 steps"}},
		{"t:\n  words: hi\n  chain: {ask: b}\n", {"a chain is a list of 1 to 4 steps"}},
		{"t:\n  words: hi\n  chain: [{ask: a}, {ask: b}, {ask: c}, {ask: d}, {ask: e}]\n",
			{"a chain is a list of 1 to 4 steps"}},
		{"t:\n  words: hi\n  chain: [{ask: a}, {aks: b}]\n",
			{"3:22: error: unknown key \"aks\"", "ask"}},
		{"t:\n  words: hi\n  chain: [{}, [a]]\n",
			{"3:11: error: this step asks nothing", "a step is no list"}},
		{"t:\n  words: hi\n  chain:\n  - ask: $(previous)\n  - ask: $(previous)\n",
			{"4:10: error: no step is before this one: \"$(previous)\""}},
		{"t:\n  reply: a\n", {"would answer every message"}},
		{"t:\n  on: rade\n  reply: a\n", {"2:7: error: unknown kind of event \"rade\"",
			"raid"}},
		{"t:\n  words: hi\n  ask: a\n  persona: mynnah\n",
			{"4:12: error: there is no persona \"mynnah\"", "did you mean mynah?"}},
		{"t:\n  words: hi\n  reply: a\n  level: king\n",
			{"4:10: error: unknown level \"king\""}},
		{"t:\n  words: hi\n  reply: a\n  cooldown: 30s\n",
			{"4:13: error: a cooldown says for whom"}},
		{"t:\n  words: hi\n  reply: a\n  cooldown: {user: 30}\n", {"4:20: error: "}},
		{"t:\n  words: hi\n  reply: a\n  cooldown: {usr: 30s}\n", {"usr", "user"}},
		{"t:\n  words: hi\n  reply: a\n  chance: 140%\n", {"4:11: error: "}},
		{"t:\n  words: hi\n  reply: a\n  min_length: 9\n  max_length: 3\n",
			{"min_length 9 is above max_length 3"}},
		{"t:\n  words: hi\n  reply: a\n  allow: [moderatr]\n",
			{"warning: one of these is nearly a role"}},
		{"t:\n  words: hi\n  reply: a\n  otherwise: b\n",
			{"warning: otherwise: is only for ask:"}},
		{"t:\n  words: []\n  reply: a\n", {"a list of 1 to 500 texts"}},
		{"t:\n  words: [hi, '']\n  reply: a\n", {"2:16: error: this text is empty"}},
		{"t:\n  words: {a: b}\n  reply: a\n", {"a list of 1 to 500 texts"}},
		{"t:\n  command: two words\n  reply: a\n", {"a command is one word"}},
		{"t:\n  match: [a, [b]]\n  reply: a\n", {"a pattern is a text"}},
		{"t:\n  words: hi\n  reply: a\n  examples:\n    fires: [hi, this]\n",
			{"5:17: error: example 2 of fires: \"this\" does not fire trigger \"t\": "
			 "no pattern matches"}},
		{"t:\n  words: hi\n  reply: a\n  min_words: 2\n  examples: {fires: [hi]}\n",
			{"the message has 1 words, it needs 2"}},
		{"t:\n  words: hi\n  reply: a\n  examples:\n    ignores: [oh hi]\n",
			{"5:15: error: example 1 of ignores: \"oh hi\" fires trigger \"t\""}},
		{"t:\n  words: hi\n  reply: a\n  examples:\n    fire: [hi]\n", {"fire", "fires"}},
		{"t:\n  slash: Ask me\n  ask: x\n",
			{"2:10: error: \"Ask me\" cannot be the name of a slash command"}},
		{"t:\n  slash: status\n  ask: x\n",
			{"/status is a command that mynah answers itself"}},
		{"t:\n  slash: {name: a, option: B c}\n  ask: x\n",
			{"2:28: error: \"B c\" cannot be the name of an option"}},
		{"t:\n  slash: {description: a}\n  ask: x\n", {"a slash command needs a name"}},
		{"t:\n  slash: {name: a, required: yes}\n  reply: x\n", {"there is no option:"}},
		{"t:\n  slash: {name: a, hidden: yes}\n  reply: x\n",
			{"unknown key \"hidden\""}},
		{"t:\n  slash: {name: a, description: '" HUNDRED "x'}\n  reply: x\n",
			{"the description of a slash command has 1 to 100 characters, "
			 "this has 101"}},
		{"t:\n  on: raid\n  slash: a\n  reply: x\n",
			{"2:7: error: a slash command cannot wake what waits for \"raid\""}},
		{"t:\n  on: slash\n  reply: x\n", {"which slash command trigger \"t\" waits for"}},
		{"t:\n  on: message\n  slash: a\n  reply: x\n", {"would answer every message"}},
		{"t:\n  slash: a\n  reply: x\n  examples: {fires: [/b c]}\n",
			{"does not fire trigger \"t\": it waits for /a, this is /b"}},
		{"t:\n  every: 30s\n  reply: x\n", {"2:10: error: \"every\" must be "}},
		{"t:\n  every: 8d\n  reply: x\n", {"2:10: error: \"every\" must be "}},
		{"t:\n  every: 15\n  reply: x\n", {"2:10: error: "}},
		{"t:\n  every: 15m\n  words: hi\n  level: vip\n  reply: x\n",
			{"3:10: error: trigger \"t\" waits for the clock: nobody writes what "
			 "\"words\" is about", "4:10: error: "}},
		{"t:\n  every: 15m\n  slash: a\n  reply: x\n",
			{"a slash command cannot wake what"}},
		{"t:\n  every: 15m\n  on: raid\n  reply: x\n",
			{"3:7: error: a trigger with every: waits for the clock, "
			 "not for \"raid\""}},
		{"t:\n  every: 15m\n  per_stream: user\n  reply: x\n", {"a timer is nobody's"}},
		{"t:\n  every: 15m\n  reply: hi $(user)\n",
			{"warning: $(user) is always empty for \"on: timer\""}},
		{"t:\n  every: 15m\n", {"trigger \"t\" has nothing to say"}},
		{"t:\n  on: timer\n  reply: x\n", {"how often trigger \"t\" shall speak"}},
		{"t:\n  words: hi\n  min_lines: 5\n  reply: x\n",
			{"3:14: error: only a trigger with every: waits for chat lines"}},
		{"t:\n  words: hi\n  count: Two Words\n  reply: x\n",
			{"3:10: error: a counter has a name"}},
		{"t:\n  words: hi\n  count: {add: 1}\n  reply: x\n", {"a counter has a name"}},
		{"t:\n  words: hi\n  count: {name: a, add: 2, set: 3}\n  reply: x\n",
			{"it either adds or sets"}},
		{"t:\n  words: hi\n  count: {name: a, add: 2000000000}\n  reply: x\n",
			{"3:25: error: "}},
		{"t:\n  words: hi\n  count: {name: a, set: many}\n  reply: x\n",
			{"\"many\" is not a number that a counter can have"}},
		{"t:\n  words: hi\n  count: {name: a, set: $(usr)}\n  reply: x\n",
			{"unknown variable \"$(usr)\""}},
		{"t:\n  command: hi\n  count: {name: a, set: $(1)}\n  reply: x\n",
			{"warning: everybody may set this counter"}},
		{"t:\n  words: hi\n  cache: 2d\n  ask: x\n", {"3:10: error: \"cache\" must be "}},
		{"t:\n  words: hi\n  cache: 1h\n  reply: x\n",
			{"warning: cache: is only for ask:"}},
		{"t:\n  words: hi\n  merge: newest\n  reply: x\n",
			{"warning: merge: is only for ask:"}},
		{"t:\n  words: hi\n  merge: some\n  ask: x\n", {"3:10: error: "}},
		{"t:\n  words: hi\n  cache: 1h\n  chain: [{ask: x}, {ask: y}]\n",
			{"3:10: error: the answers of a chain are not kept"}},
		{"t:\n  words: hi\n  reply: $(count no good)\n", {"no counter can be called so"}},
		{"t:\n  words: hi\n  reply: $(count)\n",
			{"warning: $(count) is always empty for \"on: message\""}},
		{"a:\n  words: hi\n  reply: $(usr)\nb:\n  match: '('\n  reply: x\n",
			{"3:10: error: unknown variable", "5:11: error: pattern"}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		int err = load(&l, cases[i].yaml);

		for (size_t k = 0; k < COUNT(cases[i].says) && cases[i].says[k]; k++) {
			if (!strstr(complaints(&l), cases[i].says[k]))
				fail_msg("%s\nsays:\n%s\nand not: %s", cases[i].yaml,
					complaints(&l),
					cases[i].says[k]);
		}
		assert_int_equal(err, l.report.errors > 0 ? ERR_INVALID : 0);
		unload(&l);
	}
}

static void ordinary_patterns_pass_the_trial(void **state)
{
	static const char *const patterns[] = {
		"^!lurk\\b", "\\bhello\\b.*\\bworld\\b", "^(?:hi|hey)+!*$", "\\?\\s*$",
			"(\\w+) \\1",
		"^(?=.*cat)(?=.*dog)", "[\\w\\s]+!", "^\\w+(?: \\w+){2,5}$", "(?:ha){2,}",
			"\\d+(?:\\.\\d+)?",
		"^.{3,20}$", "(?:lo+l|l+m+a+o+)", "^@\\w+ .*\\b(?:thanks|thx)\\b",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(patterns); i++) {
		struct loaded l;
		char yaml[200];

		snprintf(yaml, sizeof(yaml), "t: {reply: x, match: '%s'}\n", patterns[i]);
		load_good(&l, yaml);
		if (l.report.warnings > 0)
			fail_msg("%s", complaints(&l));
		unload(&l);
	}
}

static void a_slash_command_belongs_to_one_trigger(void **state)
{
	struct loaded l;

	(void)state;
	assert_int_equal(load(&l, "a: {slash: x, reply: x}\nb: {slash: x, reply: y}\n"), 0);
	assert_non_null(strstr(complaints(&l),
		"test.yaml:2:1: error: trigger \"b\" is left out: /x calls test.yaml:1 already"));
	assert_null(trigger_set_find(l.set, "b"));
	unload(&l);
}

static void no_more_slash_commands_than_people_can_be_offered(void **state)
{
	const int most = SLASH_MOST - SLASH_OWN_COUNT;
	struct loaded l;
	struct buf yaml;
	size_t n;

	(void)state;
	buf_init(&yaml, 1 << 16);
	for (int i = 0; i <= most; i++)
		assert_int_equal(buf_addf(&yaml, "t%d: {slash: s%d, reply: x}\n", i, i), 0);
	assert_int_equal(load(&l, buf_text(&yaml)), 0);
	assert_non_null(strstr(complaints(&l), "there are 100 slash commands at most"));
	trigger_set_slashes(l.set, &n);
	assert_int_equal(n, most);
	unload(&l);
	buf_fini(&yaml);
}

static void an_empty_file_is_an_empty_set(void **state)
{
	struct loaded l;

	(void)state;
	load_good(&l, "# nothing yet\n");
	assert_int_equal(trigger_set_count(l.set), 0);
	assert_string_equal(found_text(&l, "hi"), "");
	unload(&l);
}

static void defaults_are_the_documented_ones(void **state)
{
	struct loaded l;

	(void)state;
	load_good(&l, "\n\nt:\n  words: hi\n  reply: x\n");
	const struct trigger *t = trigger_set_find(l.set, "t");
	assert_true(t->is_on);
	assert_true(t->keeps_threads);
	assert_int_equal(t->on, EVENT_MESSAGE);
	assert_int_equal(t->level, LEVEL_EVERYONE);
	assert_true(t->chance_pct == 100);
	assert_int_equal(t->cooldown_user_ms, 0);
	assert_int_equal(t->line, 3);
	assert_string_equal(t->path, "test.yaml");
	assert_null(trigger_set_find(l.set, "u"));
	unload(&l);
}

static void name_stays(bool is_second_known, const char *what, const char *one, const char *two)
{
	static const char *const texts[] = {"a: {words: one, reply: x}\nb: {words: b, reply: x}\n",
		"a: {words: two, reply: x}\nc: {words: b, reply: x}\n"};
	struct trigger_file *files[2];
	struct loaded l = {0};

	conf_report_init(&l.report);
	assert_int_equal(trigger_state_new(&l.state), 0);
	for (int i = 0; i < 2; i++) {
		struct conf_file *conf = NULL;

		assert_int_equal(conf_file_parse(i == 0 ? "1.yaml" : "2.yaml", str_of(texts[i]),
			&l.report, &conf), 0);
		assert_int_equal(trigger_file_read(conf, &(struct trigger_refs){0}, &l.report,
					 &files[i]), 0);
		conf_file_free(conf);
	}
	if (is_second_known)
		trigger_file_mark_known(files[1]);
	assert_int_equal(trigger_set_new(files, 2, &l.report, &l.set), 0);
	assert_non_null(strstr(complaints(&l), what));
	assert_int_equal(trigger_set_has_lost(l.set, 0), is_second_known);
	assert_int_equal(trigger_set_has_lost(l.set, 1), !is_second_known);
	assert_int_equal(trigger_set_count(l.set), 3);
	assert_string_equal(found_text(&l, "one"), one);
	assert_string_equal(found_text(&l, "two"), two);
	/* The order of the search is that of the files. */
	assert_string_equal(found_text(&l, "b"), "b");
	unload(&l);
}

static void a_name_stays_with_the_known_file_else_with_the_first(void **state)
{
	(void)state;
	name_stays(false, "2.yaml:1:1: error: trigger \"a\" is left out: "
		"1.yaml:1 has one of that name",
		"a", "");
	name_stays(true, "1.yaml:1:1: error: trigger \"a\" is left out: "
		"2.yaml:1 has one of that name",
		"", "a");
}

/* Every allocation in turn fails: an ordinary error, nothing leaks, nothing is half there. */
static void loading_without_memory_fails_cleanly(void **state)
{
	static const char yaml[] =
		"a: {words: [hi, 'c++'], command: x, exact: y, contains: z, name: yes,\n"
		"  match: '(a|b)+c', ask: 'hi $(usr)', allow: [bob, vip], in: [twitch],\n"
		"  cooldown: {user: 1s},\n"
		"  examples: {fires: [hi, zebra], ignores: [q, hi]}}\n"
		"b: {words: hi, ask: x, persona: mynah, examples: {fires: [hi]}}\n";
	static const char good[] =
		"a: {words: [hi], match: 'a+b', reply: x, examples: {fires: [hi]}}\n"
		"b: {slash: ask, ask: x, examples: {fires: [/ask y]}}\n";
	const char *const texts[] = {yaml, good};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		for (unsigned long n = 1;; n++) {
			struct conf_report report;
			struct conf_file *conf = NULL;
			struct trigger_file *file = NULL;
			struct trigger_set *set = NULL;
			int err;

			conf_report_init(&report);
			assert_int_equal(conf_file_parse("t.yaml", str_of(texts[i]), &report,
				&conf), 0);
			unsigned long before = mem_count();
			mem_fail_at(n, 1);
			err = trigger_file_read(conf, &(struct trigger_refs){.bot_name = "mynah"},
				&report, &file);
			if (err == 0)
				err = trigger_set_new(&file, 1, &report, &set);
			mem_fail_at(0, 0);
			bool is_done = mem_count() - before < n;
			if (!is_done)
				assert_true(err < 0);
			trigger_set_free(set);
			conf_file_free(conf);
			conf_report_fini(&report);
			if (is_done) {
				assert_int_equal(err, i == 0 ? ERR_INVALID : 0);
				break;
			}
		}
	}
}

/* ---- The man page ---------------------------------------------------------------------------- */

static char *man_page(void)
{
	struct buf text;

	buf_init(&text, 100000);
	assert_int_equal(file_read(unit_tree_path("man/mynah-triggers.5"), &text), 0);
	return buf_take(&text);
}

static void expect_item(const char *page, const char *item)
{
	if (!strstr(page, item))
		fail_msg("mynah-triggers(5) has no \"%s\"", item);
}

/* "tier months" as the page has it: tier, months */
static void add_commas(const char *words, char *out, size_t size)
{
	struct str rest = str_of(words);

	while (rest.len > 0) {
		struct str word = str_split(&rest, ' ');
		size_t len = strlen(out);

		snprintf(out + len, size - len, "%s%.*s", len > 0 ? ", " : "", STR_FMT(word));
	}
}

/* The kind, and exactly the variables it sets. */
static void expect_event(const char *page, enum event_kind k)
{
	char item[100], vars[200] = "", line[250];
	const char *at, *end, *said;

	snprintf(item, sizeof(item), "\n.It Cm %s\n", event_kind_name(k));
	expect_item(page, item);
	add_commas(event_kind_vars(k), vars, sizeof(vars));
	add_commas(event_kind_has_text(k) ? EVENT_TEXT_VARS : "", vars, sizeof(vars));
	snprintf(line, sizeof(line), "\n.Pq %s .\n", vars);
	at = strstr(page, item) + strlen(item);
	end = strstr(at, "\n.It ");
	said = strstr(at, *vars != '\0' ? line : "\n.Pq ");
	if ((said && (!end || said < end)) != (*vars != '\0'))
		fail_msg("mynah-triggers(5) is wrong about the variables of \"%s\"",
			event_kind_name(k));
}

static void the_man_page_tells_every_key_variable_and_event(void **state)
{
	char *page = man_page(), item[200];
	const struct conf_option *options;
	size_t n, items = 0, expected = 0;
	const char *name;

	(void)state;
	options = trigger_options(&n);
	for (size_t i = 0; i < n; i++, expected++) {
		snprintf(item, sizeof(item), "\n.It Ic %s ", options[i].name);
		expect_item(page, item);
	}
	for (size_t i = 0; (name = trigger_variable(i, NULL)) != NULL; i++, expected++) {
		snprintf(item, sizeof(item), "\n.It Li $(%s)\n", name);
		expect_item(page, item);
	}
	for (int k = 0; k < EVENT_KIND_COUNT; k++, expected++)
		expect_event(page, (enum event_kind)k);
	for (int k = SORT_ANY + 1; k < EVENT_SORT_COUNT; k++, expected++) {
		snprintf(item, sizeof(item), "\n.It Cm %s\n", event_sort_name((enum event_sort)k));
		expect_item(page, item);
	}
	/* And nothing that is gone. */
	for (const char *at = page; (at = strstr(at, "\n.It ")) != NULL; at++) {
		items += strncmp(at, "\n.It Ic ", 8) == 0 || strncmp(at, "\n.It Li $(", 10) == 0 ||
			strncmp(at, "\n.It Cm ", 8) == 0;
	}
	assert_int_equal(items, expected);
	mem_free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told_with_position_and_advice),
		cmocka_unit_test(ordinary_patterns_pass_the_trial),
		cmocka_unit_test(a_slash_command_belongs_to_one_trigger),
		cmocka_unit_test(no_more_slash_commands_than_people_can_be_offered),
		cmocka_unit_test(an_empty_file_is_an_empty_set),
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(a_name_stays_with_the_known_file_else_with_the_first),
		cmocka_unit_test(loading_without_memory_fails_cleanly),
		cmocka_unit_test(the_man_page_tells_every_key_variable_and_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
