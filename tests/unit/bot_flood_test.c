/* Raid bots are told from raiders, and from a lively chat. */
#include "unit.h"

#include "bot/flood.h"

static struct event said(const char *user, const char *text, bool is_first)
{
	struct event e = {.kind = EVENT_MESSAGE, .is_first = is_first,
		.roles = ROLE(LEVEL_EVERYONE)};

	e.user_id = str_of(user);
	e.text = str_of(text);
	return e;
}

/* n people say a text, step ms apart. Gives whether a flood is on afterwards. */
static bool many_say(struct bot_flood *f, int n, int64_t step_ms, const char *text, bool is_first)
{
	static int64_t people;
	int64_t now = 1000000;

	for (int i = 0; i < n; i++, now += step_ms) {
		char user[24], own[64];
		struct event e;

		snprintf(user, sizeof(user), "u%lld", (long long)people++);
		snprintf(own, sizeof(own), "my own words %lld", (long long)people);
		e = said(user, text ? text : own, is_first);
		(void)bot_flood_note(f, &e, now);
	}
	return bot_flood_is_on(f, now - step_ms);
}

static void floods_are_told_from_crowds(void **state)
{
	static const struct {
		const char *name;
		int n;
		int64_t step_ms;
		const char *text;
		bool is_first, is_flood;
	} cases[] = {
		{"many first messages", 10, 100, NULL, true, true},
		{"a few first messages", 9, 100, NULL, true, false},
		{"first messages, slowly", 100, 1200, NULL, true, false},
		{"many old friends", 100, 10, NULL, false, false},
		{"the same long text", 3, 100, "Buy cheap followers at example", false, true},
		{"the same long text, twice", 2, 100, "Buy cheap followers at example", false,
			false},
		{"the same long text, slowly", 9, 6000, "Buy cheap followers at example", false,
			false},
		{"the same command", 9, 10, "!ask how long is the stream today?", false, false},
		{"the same short text", 100, 10, "gg", false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bot_flood f = {0};

		if (many_say(&f, cases[i].n, cases[i].step_ms, cases[i].text, cases[i].is_first) !=
				cases[i].is_flood)
			fail_msg("%s", cases[i].name);
	}
}

static void disguises_of_one_text_are_one_text(void **state)
{
	static const char *const texts[] = {
		"Buy cheap followers now", "BUY CHEAP FOLLOWERS NOW",
		"\uff22uy cheap follo\u200bwers now",
	};
	struct bot_flood f = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		char user[8];

		snprintf(user, sizeof(user), "u%zu", i);
		struct event e = said(user, texts[i], false);
		assert_int_equal(bot_flood_note(&f, &e, 1000), i == 2);
	}
}

static void one_person_or_friends_make_no_flood(void **state)
{
	struct bot_flood f = {0};
	struct event e = said("u1", "Buy cheap followers now", false);

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_false(bot_flood_note(&f, &e, 1000 + i));
	e.roles |= ROLE(LEVEL_SUBSCRIBER);
	e.user_id = STR("u2");
	assert_false(bot_flood_note(&f, &e, 1100));
	e.user_id = STR("u3");
	assert_false(bot_flood_note(&f, &e, 1100));
	assert_false(bot_flood_is_on(&f, 1100));
}

static void raiders_are_welcome(void **state)
{
	struct bot_flood f = {0};
	struct event raid = {.kind = EVENT_RAID, .count = 5000};

	(void)state;
	assert_false(bot_flood_note(&f, &raid, 1000000 - 1000));
	assert_false(many_say(&f, 300, 10, "tidal RAID tidal RAID tidal RAID", true));
	assert_false(bot_flood_is_over(&f, 1000000));
}

static void it_ends_a_minute_after_the_last_sign(void **state)
{
	struct bot_flood f = {0};

	(void)state;
	assert_true(many_say(&f, 10, 100, NULL, true));
	assert_true(bot_flood_is_on(&f, 1000900 + BOT_FLOOD_CALM_MS - 1));
	assert_false(bot_flood_is_on(&f, 1000900 + BOT_FLOOD_CALM_MS));
	assert_true(bot_flood_is_over(&f, 1000900 + BOT_FLOOD_CALM_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floods_are_told_from_crowds),
		cmocka_unit_test(disguises_of_one_text_are_one_text),
		cmocka_unit_test(one_person_or_friends_make_no_flood),
		cmocka_unit_test(raiders_are_welcome),
		cmocka_unit_test(it_ends_a_minute_after_the_last_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
