/* The search: who claims an event, under which conditions, and what stays silent. */
#include "trigger_help.h"

#define YAML(s) s "\n"

/* ---- Forms ----------------------------------------------------------------------------------- */

static void forms_match_what_they_say(void **state)
{
	static const struct {
		const char *form, *text;
		bool fires;
	} cases[] = {
		{"words: [hi, o7]", "oh HI there", true},
		{"words: hi", "hi-hat", false},
		{"words: hi", "hi.example is a host", false},
		{"words: hi", "well...hi...", true},
		{"words: hi", "@hi", false},
		{"words: hi", "hi\u8349", false}, /* a CJK character is a word character */
		{"words: hi", "hi \u8349", true},
		{"words: hi", "this", false},
		{"words: hi", "hi's", false},
		{"words: hi", "hi\u2019s", false},
		{"words: \u8349", "\u8349 \u8349", true},
		{"words: caf\u00e9", "a CAF\u00c9!", true},
		{"words: caf\u00e9", "caf\u00e9s", false},
		{"words: ['<3', 'c++']", "I <3 you", true},
		{"words: ['<3', 'c++']", "1<30", false},
		{"words: ['<3', 'c++', hi]", "C++ rocks", true},
		{"words: good morning", "Good Morning all", true},
		{"words: kiss", "\u212ai\u017f\u017f me", true}, /* Kelvin sign, long s */
		{"command: lurk", "!lurk", true},
		{"command: '!lurk'", "!LURK now", true},
		{"command: lurk", "!lurker", false},
		{"command: lurk", "type !lurk", false},
		{"command: [so, shoutout]", "!shoutout bob", true},
		{"command: 8ball", "!8ball will I win", true},
		{"exact: first", "FIRST", true},
		{"exact: first", "first!", false},
		{"exact: 'a.b'", "axb", false},
		{"contains: collab", "collaboration", true},
		{"contains: '.*'", "anything", false},
		{"contains: '\\E(?i)'", "x\\E(?i)", true},
		{"name: yes", "hey Mynah!", true},
		{"name: yes", "@mynah what", true},
		{"name: yes", "mynahs", false},
		{"match: '^a+b'", "AAAB", true},
		{"match: '(?-i)^Ab'", "ab", false},
		{"match: ['^x', 'y$']", "why", true},
		{"match: '^x'\n  words: hi", "hi", true},
		{"on: command", "!anything", true},
		{"on: command", "anything", false},
		{"on: action", "not by /me", false},
		{"on: reply", "to nobody", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		char yaml[300];

		snprintf(yaml, sizeof(yaml), "t:\n  %s\n  reply: yes\n", cases[i].form);
		load_good(&l, yaml);
		if ((*found_text(&l, cases[i].text) != '\0') != cases[i].fires)
			fail_msg("%s on \"%s\" %s", cases[i].form, cases[i].text,
				cases[i].fires ? "does not fire" : "fires");
		unload(&l);
	}
}

/* ---- Conditions ------------------------------------------------------------------------------ */

static void conditions_decide(void **state)
{
	static const struct {
		const char *keys;
		bool fires;
	} cases[] = {
		{"in: twitch", true}, {"in: discord", false}, {"in: [irc, alice]", true},
		{"in: 'twitch:alice'", true}, {"in: 'twitch:Alice'", true},
		{"in: 'twitch:#alice'", true}, {"in: 'twitch:1234'", true},
		{"in: 'twitch:bob'", false}, {"in: 'discord:alice'", false},
		{"in: '1234'", true},
		{"min_length: 7", true}, {"min_length: 8", false},
		{"max_length: 7", true}, {"max_length: 6", false},
		{"min_words: 2", true}, {"min_words: 3", false},
		{"direct: yes", false}, {"first: yes", false}, {"enabled: no", false},
		{"chance: 0%", false}, {"chance: 100%", true},
		{"level: subscriber", true}, {"level: vip", false}, {"level: mod", false},
		{"allow: [vip]", false}, {"allow: [vip, sub]", true}, {"allow: ['@bob']", true},
		{"allow: ['77']", true}, {"allow: ['@carol']", false},
		{"level: moderator\n  allow: [subscriber]", true},
		{"level: moderator\n  allow: [vip]", false},
		{"deny: [subscriber]", false}, {"deny: [bob]", false}, {"deny: [vip]", true},
		{"allow: [bob]\n  deny: [subscriber]", false},
		{"at_least: 1", false},
	};
	struct event e = message("sug\u00e1r x");

	(void)state;
	e.roles = ROLE(LEVEL_SUBSCRIBER);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		struct trigger_hit hit;
		char yaml[300];

		snprintf(yaml, sizeof(yaml), "t:\n  contains: x\n  reply: y\n  %s\n",
			cases[i].keys);
		load_good(&l, yaml);
		bool fires = trigger_find(l.set, l.state, &e, 0, 9999, &hit) == REASON_NONE;
		if (fires != cases[i].fires)
			fail_msg("%s: %s", cases[i].keys,
				fires ? "fires" : reason_name(hit.reason));
		unload(&l);
	}
}

/* What is known of the stream, and rewards. */
/* One trigger for both: messages by its words, the command by its name. */
static void a_slash_command_wakes_whom_it_names(void **state)
{
	struct event e = message("why is the sky blue");
	struct loaded l;
	size_t n;

	(void)state;
	load_good(&l, "both: {command: ask, slash: ask, ask: x, direct: no, min_words: 2}\n"
		"mods: {slash: {name: tidy, private: yes}, reply: x, level: moderator}\n"
		"off: {slash: gone, reply: x, enabled: no}\n");
	e.kind = EVENT_SLASH;
	e.command = STR("ask");
	assert_string_equal(found(&l, &e), "both");
	e.text = STR("why");
	assert_string_equal(found(&l, &e), ""); /* other conditions hold for both */
	e.command = STR("gone");
	assert_string_equal(found(&l, &e), "");
	assert_string_equal(found_text(&l, "!ask why not"), "both");
	assert_string_equal(found_text(&l, "why is the sky blue"), "");
	assert_true(trigger_set_kinds(l.set) & EVENT_BIT(EVENT_SLASH));
	e.command = STR("tidy");
	struct trigger_hit hit;
	assert_int_equal(trigger_find(l.set, l.state, &e, 1000, 0, &hit), REASON_LEVEL);

	const struct slash *list = trigger_set_slashes(l.set, &n);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "ask");
	assert_string_equal(list[0].option, "text");
	assert_true(list[0].is_required);
	assert_false(list[0].is_private);
	assert_string_equal(list[1].description, "tidy");
	assert_null(list[1].option);
	assert_true(list[1].is_private);
	assert_int_equal(list[1].level, LEVEL_MODERATOR);
	unload(&l);
}

static void the_stream_decides(void **state)
{
	static const struct stream unknown = {0}, offline = {.is_known = true},
		chess = {.is_known = true, .is_live = true, .game = {"Chess", 5}},
		pokemon = {.is_known = true, .is_live = true, .game = {"POK\u00c9MON Go", 11}};
	static const struct {
		const char *keys;
		const struct stream *stream;
		enum reason reason;
	} cases[] = {
		{"when: always", &offline, REASON_NONE},
		{"when: live", &chess, REASON_NONE},
		{"when: live", &offline, REASON_OFFLINE},
		{"when: live", &unknown, REASON_NONE}, /* counts as live */
		{"when: offline", &offline, REASON_NONE},
		{"when: offline", &chess, REASON_NO_MATCH},
		{"when: offline", &unknown, REASON_NO_MATCH},
		{"game: chess", &chess, REASON_NONE},
		{"game: [Go, Chess]", &chess, REASON_NONE},
		{"game: Chess", &pokemon, REASON_NO_MATCH},
		{"game: Chess", &unknown, REASON_NO_MATCH},
		{"game: \"pok\u00e9mon GO\"", &pokemon, REASON_NONE},
		{"game: \"Poke\u0301mon Go\"", &pokemon, REASON_NONE}, /* e and an accent */
		{"when: live\n  game: Go", &offline, REASON_NO_MATCH},
		{"when: live\n  level: moderator", &offline, REASON_OFFLINE},
	};
	struct event e = message("x");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		struct trigger_hit hit;
		char yaml[300];

		snprintf(yaml, sizeof(yaml), "t:\n  contains: x\n  reply: y\n  %s\n",
			cases[i].keys);
		load_good(&l, yaml);
		e.stream = *cases[i].stream;
		unsigned long before = mem_count();
		enum reason r = trigger_find(l.set, l.state, &e, 0, 0, &hit);
		if (r != cases[i].reason)
			fail_msg("%s (case %zu): %s", cases[i].keys, i, reason_name(r));
		assert_int_equal(mem_count() - before, 0);
		assert_int_equal(trigger_set_needs_stream(l.set), i > 0);
		unload(&l);
	}
}

static void a_reward_is_told_by_title_or_id(void **state)
{
	struct loaded l;
	struct event e = message("");

	(void)state;
	load_good(&l, YAML("a: {on: redeem, reward: [Hydrate!], reply: x}")
			YAML("b: {on: redeem, reward: 92af-11, reply: x}")
			YAML("c: {on: redeem, reply: x}"));
	e.kind = EVENT_REDEEM;
	e.reward = STR("HYDRATE!");
	assert_string_equal(found(&l, &e), "a");
	e.reward_id = STR("92af-11");
	assert_string_equal(found(&l, &e), "a");
	e.reward = STR("Posture");
	assert_string_equal(found(&l, &e), "b");
	e.reward_id = STR("92af-12");
	assert_string_equal(found(&l, &e), "c");
	assert_true(trigger_set_kinds(l.set) == EVENT_BIT(EVENT_REDEEM));
	unload(&l);
	assert_int_equal(load(&l, YAML("a: {on: raid, reward: x, reply: x}")), ERR_INVALID);
	assert_non_null(strstr(complaints(&l), "only channel point rewards have a reward:"));
	unload(&l);
}

static void a_level_too_low_is_the_reason_only_if_nothing_else_matches(void **state)
{
	struct loaded l;
	struct trigger_hit hit;
	struct event e = message("!go");

	(void)state;
	load_good(&l, YAML("mods: {command: go, level: moderator, reply: a, priority: 5}"));
	assert_int_equal(trigger_find(l.set, l.state, &e, 0, 0, &hit), REASON_LEVEL);
	assert_null(hit.trigger);
	e.text = STR("something else");
	assert_int_equal(trigger_find(l.set, l.state, &e, 0, 0, &hit), REASON_NO_MATCH);
	unload(&l);

	load_good(&l, YAML("mods: {command: go, level: moderator, reply: a, priority: 5}")
			YAML("all: {command: go, reply: b}"));
	assert_string_equal(found_text(&l, "!go"), "all");
	unload(&l);
}

static void priority_then_file_order_decides(void **state)
{
	struct loaded l;

	(void)state;
	load_good(&l, YAML("one: {contains: a, reply: x}") YAML("two: {contains: a, reply: x}")
			YAML("three: {contains: ab, reply: x, priority: 2}")
			YAML("four: {contains: abc, reply: x, priority: -1}"));
	assert_string_equal(found_text(&l, "a"), "one");
	assert_string_equal(found_text(&l, "abc"), "three");
	unload(&l);
}

static void captures_lie_within_the_message(void **state)
{
	struct loaded l;
	struct trigger_hit hit;
	struct event e = message("we roll 2d20 now");

	(void)state;
	load_good(&l, YAML("t: {match: 'roll (\\d+)d(\\d+)( more)?', reply: x}"));
	assert_int_equal(trigger_find(l.set, l.state, &e, 0, 0, &hit), REASON_NONE);
	assert_int_equal(hit.captures_n, 4);
	assert_true(str_is(hit.captures[0], "roll 2d20"));
	assert_ptr_equal(hit.captures[0].at, e.text.at + 3);
	assert_true(str_is(hit.captures[1], "2"));
	assert_true(str_is(hit.captures[2], "20"));
	assert_int_equal(hit.captures[3].len, 0);
	unload(&l);
}

static void long_messages_are_cut_at_a_character(void **state)
{
	struct loaded l;
	static char text[4001];

	(void)state;
	load_good(&l,
		YAML("end: {contains: END, reply: x}") YAML("dots: {match: '\\.\\z', reply: x}"));
	memset(text, '.', sizeof(text) - 1);
	memcpy(text + 1999, "\u00e9", 2);
	memcpy(text + 3000, "END", 3);
	assert_string_equal(found_text(&l, text), "dots");
	unload(&l);
}

static void empty_text_and_odd_kinds_are_harmless(void **state)
{
	struct loaded l;
	struct event e = message("");

	(void)state;
	load_good(&l, YAML("t: {match: '^$', reply: x}") YAML("r: {on: raid, reply: x}"));
	e.text = (struct str){NULL, 0};
	assert_string_equal(found(&l, &e), "t");
	e.kind = EVENT_RAID;
	assert_string_equal(found(&l, &e), "r");
	e.kind = EVENT_KIND_COUNT;
	assert_string_equal(found(&l, &e), "");
	unload(&l);
}

/* ---- Cooldowns ------------------------------------------------------------------------------- */

static enum reason at(struct loaded *l, const struct event *e, int64_t now_ms)
{
	struct trigger_hit hit;

	return trigger_find(l->set, l->state, e, now_ms, 0, &hit);
}

static void cooldowns_hold_by_user_channel_and_everywhere(void **state)
{
	static const struct {
		const char *scope;
		enum reason same, other_user, other_channel;
	} cases[] = {
		{"user", REASON_COOLDOWN_USER, REASON_NONE, REASON_COOLDOWN_USER},
		{"channel", REASON_COOLDOWN_CHANNEL, REASON_COOLDOWN_CHANNEL, REASON_NONE},
		{"global", REASON_COOLDOWN_GLOBAL, REASON_COOLDOWN_GLOBAL, REASON_COOLDOWN_GLOBAL},
	};
	struct event bob = message("x"), carol = message("x"), elsewhere = message("x");

	(void)state;
	carol.user_id = STR("78");
	elsewhere.channel = STR("dave");
	elsewhere.channel_id = STR("99");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		char yaml[200];

		snprintf(yaml, sizeof(yaml), "t: {contains: x, reply: y, cooldown: {%s: 10s}}\n",
			cases[i].scope);
		load_good(&l, yaml);
		assert_int_equal(at(&l, &bob, 1000), REASON_NONE);
		assert_int_equal(at(&l, &bob, 10999), cases[i].same);
		assert_int_equal(at(&l, &bob, 11000), REASON_NONE);
		assert_int_equal(at(&l, &carol, 11001), cases[i].other_user);
		trigger_undo(l.state, trigger_set_find(l.set, "t"), &carol);
		trigger_undo(l.state, trigger_set_find(l.set, "t"), &bob);
		assert_int_equal(at(&l, &bob, 11002), REASON_NONE);
		assert_int_equal(at(&l, &elsewhere, 11003), cases[i].other_channel);
		unload(&l);
	}
}

static void once_in_a_broadcast_means_until_the_next_one(void **state)
{
	static const struct {
		const char *per;
		enum reason other_user;
	} cases[] = {{"user", REASON_NONE}, {"channel", REASON_PER_STREAM}};
	const int64_t hour = 3600000;
	struct event bob = message("x"), carol = message("x"), dave = message("x");

	(void)state;
	carol.user_id = STR("78");
	dave.channel_id = STR("99");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		char yaml[200];

		snprintf(yaml, sizeof(yaml), "t: {contains: x, reply: y, per_stream: %s}\n",
			cases[i].per);
		load_good(&l, yaml);
		bob.stream = carol.stream = dave.stream =
			(struct stream){.is_known = true, .is_live = true, .id = STR("4001")};
		assert_int_equal(at(&l, &bob, 0), REASON_NONE);
		assert_int_equal(at(&l, &bob, 40 * hour), REASON_PER_STREAM);
		assert_int_equal(at(&l, &carol, hour), cases[i].other_user);
		assert_int_equal(at(&l, &dave, hour), REASON_NONE); /* another channel */
		trigger_undo(l.state, trigger_set_find(l.set, "t"), &bob);
		assert_int_equal(at(&l, &bob, hour), REASON_NONE);
		bob.stream.id = STR("4002");
		assert_int_equal(at(&l, &bob, hour), REASON_NONE);
		/* Nothing known: half a day is one broadcast. */
		bob.stream = (struct stream){0};
		assert_int_equal(at(&l, &bob, hour), REASON_NONE);
		assert_int_equal(at(&l, &bob, 12 * hour), REASON_PER_STREAM);
		assert_int_equal(at(&l, &bob, 13 * hour), REASON_NONE);
		unload(&l);
	}
}

static void the_longest_wait_is_told(void **state)
{
	struct loaded l;
	struct trigger_hit hit;
	struct event e = message("x");

	(void)state;
	load_good(&l, YAML("t: {contains: x, reply: y, cooldown: {user: 1m, channel: 5s}}"));
	assert_int_equal(at(&l, &e, 0), REASON_NONE);
	assert_int_equal(trigger_find(l.set, l.state, &e, 1000, 0, &hit), REASON_COOLDOWN_USER);
	assert_int_equal(hit.wait_ms, 59000);
	assert_string_equal(hit.trigger->name, "t");
	unload(&l);
}

static void a_trigger_that_stays_silent_starts_no_cooldown(void **state)
{
	struct loaded l;
	struct trigger_hit hit;
	struct event e = message("x");

	(void)state;
	load_good(&l, YAML("t: {contains: x, reply: y, chance: 40%, cooldown: {user: 1m}}"));
	assert_int_equal(trigger_find(l.set, l.state, &e, 0, 4000, &hit), REASON_CHANCE);
	assert_int_equal(trigger_find(l.set, l.state, &e, 1, 3999, &hit), REASON_NONE);
	assert_int_equal(trigger_find(l.set, l.state, &e, 2, 0, &hit), REASON_COOLDOWN_USER);
	unload(&l);
}

static void cooldowns_survive_a_reload(void **state)
{
	struct loaded a, b;
	struct event e = message("x");

	(void)state;
	load_good(&a, YAML("t: {contains: x, reply: y, cooldown: {user: 1m}}"));
	load_good(&b, YAML("t: {match: 'x+', reply: z, cooldown: {user: 2m}}"));
	assert_int_equal(at(&a, &e, 0), REASON_NONE);
	trigger_state_sweep(a.state, 30000);
	struct trigger_hit hit;
	assert_int_equal(trigger_find(b.set, a.state, &e, 30000, 0, &hit), REASON_COOLDOWN_USER);
	trigger_state_sweep(a.state, 60000);
	assert_int_equal(trigger_find(b.set, a.state, &e, 60000, 0, &hit), REASON_NONE);
	unload(&a);
	unload(&b);
}

static void a_flood_of_users_is_bounded(void **state)
{
	struct loaded l;
	struct event e = message("x");
	char id[16];

	(void)state;
	load_good(&l, YAML("t: {contains: x, reply: y, cooldown: {user: 1h}}"));
	for (int i = 0; i <= TRIGGER_COOLDOWNS_MAX; i++) {
		snprintf(id, sizeof(id), "%d", i);
		e.user_id = str_of(id);
		assert_int_equal(at(&l, &e, i), REASON_NONE);
	}
	e.user_id = STR("1");
	assert_int_equal(at(&l, &e, 200000), REASON_COOLDOWN_USER);
	e.user_id = STR("0"); /* the oldest had to go */
	assert_int_equal(at(&l, &e, 200000), REASON_NONE);
	unload(&l);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* Only a warning at load, and a burden on the right message. */
static const char slow_yaml[] = "slow: {match: '.{0,200}.{0,200}[#%]', reply: x}\n"
				"good: {contains: zzz, reply: y}\n";

static struct event burden(void)
{
	static char text[1500];

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text + 1490, "zzz", 3);
	return message(text);
}

static void a_slow_pattern_is_switched_off_and_the_rest_works(void **state)
{
	struct loaded l;
	struct event e = burden(), light = message("100 %");

	(void)state;
	load_good(&l, slow_yaml);
	assert_int_equal(l.report.warnings, 1);
	for (int i = 0; i < TRIGGER_STRIKES; i++) {
		assert_null(trigger_state_quarantined(l.state));
		assert_int_equal(at(&l, &e, i * 20000), REASON_NONE); /* "good" answers */
	}
	assert_string_equal(trigger_state_quarantined(l.state), "slow");
	assert_null(trigger_state_quarantined(l.state));
	assert_int_equal(at(&l, &light, 60000), REASON_NO_MATCH);
	unload(&l);
}

static void strikes_far_apart_do_not_switch_off(void **state)
{
	struct loaded l;
	struct event e = burden();

	(void)state;
	load_good(&l, slow_yaml);
	for (int i = 0; i < 10; i++)
		(void)at(&l, &e, i * 31000);
	assert_null(trigger_state_quarantined(l.state));
	unload(&l);
}

static void quarantine_survives_a_reload_but_not_an_edit(void **state)
{
	struct loaded a, same, edited;
	struct event e = burden(), light = message("100 %");
	struct trigger_hit hit;

	(void)state;
	load_good(&a, slow_yaml);
	load_good(&same, slow_yaml);
	load_good(&edited, YAML("slow: {match: '[#%]', reply: x}"));
	for (int i = 0; i < TRIGGER_STRIKES; i++)
		(void)at(&a, &e, i);
	assert_int_equal(trigger_find(same.set, a.state, &light, 9, 0, &hit), REASON_NO_MATCH);
	assert_int_equal(trigger_find(edited.set, a.state, &light, 9, 0, &hit), REASON_NONE);
	unload(&a);
	unload(&same);
	unload(&edited);
}

static int64_t slow_us;

/* A clock on which every look costs two milliseconds. */
static int64_t slow_clock(void)
{
	return slow_us += 2000;
}

static void a_message_has_a_budget_of_time(void **state)
{
	struct loaded l;
	struct event e = message("nothing");
	struct buf yaml;

	(void)state;
	buf_init(&yaml, 100000);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_addf(&yaml, "t%d: {match: '\\d\\d', reply: x}\n", i), 0);
	assert_int_equal(buf_adds(&yaml, "last: {match: '^\\w+$', reply: x}\n"), 0);
	load_good(&l, buf_text(&yaml));
	assert_int_equal(at(&l, &e, 0), REASON_NONE);
	trigger_state_set_clock(l.state, slow_clock);
	assert_int_equal(at(&l, &e, 0), REASON_NO_MATCH);
	unload(&l);
	buf_fini(&yaml);
}

static void nothing_is_allocated_when_nothing_matches(void **state)
{
	static const char *const texts[] = {"hello world", "!lurk", "abc 123 #",
		"\u212a \u017f \u8349", ""};
	struct loaded l;

	(void)state;
	load_good(&l, YAML("a: {command: lurk, reply: x, level: moderator}")
			YAML("b: {match: '(\\w+) \\1', reply: x}")
			YAML("c: {words: [zebra], reply: x}")
			YAML("d: {contains: a, min_words: 9, reply: x}"));
	unsigned long before = mem_count();
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct event e = message(texts[i]);

		assert_int_not_equal(at(&l, &e, 0), REASON_NONE);
	}
	assert_int_equal(mem_count() - before, 0);
	unload(&l);
}

static void without_memory_for_the_cooldown_it_stays_silent(void **state)
{
	struct loaded l;
	struct event e = message("x");

	(void)state;
	load_good(&l, YAML("t: {contains: x, reply: y, cooldown: {user: 1m, channel: 1m}}"));
	for (unsigned long n = 1; n <= 3; n++) {
		mem_fail_at(n, 1);
		assert_int_equal(at(&l, &e, 0), REASON_NOMEM);
		mem_fail_at(0, 0);
	}
	assert_int_equal(at(&l, &e, 0), REASON_NONE); /* nothing half-started is left */
	unload(&l);
}

/* ---- Why ------------------------------------------------------------------------------------- */

static char told[4000];

static void tell(void *ctx, const struct trigger *t, enum reason r, bool is_shadowed,
	const char *why)
{
	(void)ctx;
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s %s%s: %s\n", t->name,
		reason_name(r), is_shadowed ? " (shadowed)" : "", why);
}

static void every_verdict_is_told_with_its_values(void **state)
{
	struct loaded l;
	struct event e = message("!go home");

	(void)state;
	load_good(&l, YAML("off: {enabled: no, words: go, reply: x, priority: 9}")
			YAML("raid: {on: raid, reply: x, priority: 9}")
			YAML("there: {words: go, in: [discord, 'twitch:dave'], reply: x,"
			     " priority: 9}")
			YAML("long: {words: go, min_length: 20, reply: x, priority: 9}")
			YAML("mods: {command: go, level: moderator, reply: x, priority: 9}")
			YAML("vips: {command: go, allow: [vip, carol], reply: x, priority: 9}")
			YAML("none: {words: zebra, reply: x, priority: 9}")
			YAML("some: {command: go, chance: 40%, reply: x}")
			YAML("next: {contains: home, reply: x}"));
	told[0] = '\0';
	unsigned long before = mem_count();
	trigger_explain(l.set, l.state, &e, 0, tell, NULL);
	assert_string_equal(told,
		"off no_match: it is switched off (enabled: no)\n"
		"raid no_match: it waits for \"raid\", this is \"message\"\n"
		"there no_match: it is only for discord, twitch:dave; this is twitch:alice\n"
		"long no_match: the message has 8 characters, it needs 20\n"
		"mods level: it matches, but Bob is everyone and it is for moderator and above\n"
		"vips level: it matches, but Bob is everyone and it is for vip, carol\n"
		"none no_match: no pattern matches\n"
		"some none: it matches \"!go\" and fires with a chance of 40%\n"
		"next none (shadowed): it matches \"home\" and fires\n");
	(void)before;
	unload(&l);
}

static void explaining_starts_no_cooldown(void **state)
{
	struct loaded l;
	struct event e = message("x");

	(void)state;
	load_good(&l, YAML("t: {contains: x, reply: y, cooldown: {user: 90s}}"));
	told[0] = '\0';
	trigger_explain(l.set, l.state, &e, 0, tell, NULL);
	assert_int_equal(at(&l, &e, 0), REASON_NONE);
	trigger_explain(l.set, l.state, &e, 45000, tell, NULL);
	assert_string_equal(told, "t none: it matches \"x\" and fires\n"
		"t cooldown_user: it matches \"x\", but the trigger cools down for this user: "
		"another 45 s\n");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_match_what_they_say),
		cmocka_unit_test(conditions_decide),
		cmocka_unit_test(a_slash_command_wakes_whom_it_names),
		cmocka_unit_test(the_stream_decides),
		cmocka_unit_test(a_reward_is_told_by_title_or_id),
		cmocka_unit_test(a_level_too_low_is_the_reason_only_if_nothing_else_matches),
		cmocka_unit_test(priority_then_file_order_decides),
		cmocka_unit_test(captures_lie_within_the_message),
		cmocka_unit_test(long_messages_are_cut_at_a_character),
		cmocka_unit_test(empty_text_and_odd_kinds_are_harmless),
		cmocka_unit_test(cooldowns_hold_by_user_channel_and_everywhere),
		cmocka_unit_test(once_in_a_broadcast_means_until_the_next_one),
		cmocka_unit_test(the_longest_wait_is_told),
		cmocka_unit_test(a_trigger_that_stays_silent_starts_no_cooldown),
		cmocka_unit_test(cooldowns_survive_a_reload),
		cmocka_unit_test(a_flood_of_users_is_bounded),
		cmocka_unit_test(a_slow_pattern_is_switched_off_and_the_rest_works),
		cmocka_unit_test(strikes_far_apart_do_not_switch_off),
		cmocka_unit_test(quarantine_survives_a_reload_but_not_an_edit),
		cmocka_unit_test(a_message_has_a_budget_of_time),
		cmocka_unit_test(nothing_is_allocated_when_nothing_matches),
		cmocka_unit_test(without_memory_for_the_cooldown_it_stays_silent),
		cmocka_unit_test(every_verdict_is_told_with_its_values),
		cmocka_unit_test(explaining_starts_no_cooldown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
