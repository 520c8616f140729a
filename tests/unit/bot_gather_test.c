/* Crowds become one event: gift bombs, floods of follows, raids, cheers. Time is what the tests
 * say. */
#include "unit.h"

#include "bot/gather.h"

#define WINDOW 10000

struct crowd {
	struct bot_gather *g;
	int64_t now;
	unsigned passed;
	char told[4000]; /* what came out: "follow anna and bob 2; " */
};

static struct crowd *crowd_new(void)
{
	struct crowd *c = mem_new(sizeof(*c));

	assert_non_null(c);
	c->g = bot_gather_new();
	assert_non_null(c->g);
	bot_gather_set_window(c->g, WINDOW);
	return c;
}

static void crowd_free(struct crowd *c)
{
	bot_gather_free(c->g);
	mem_free(c);
}

static struct event event_by(enum event_kind kind, const char *user)
{
	struct event e = {.kind = kind, .place = 1};

	e.platform = STR("twitch");
	e.channel = e.channel_id = STR("kelpforest");
	e.user = e.login = e.user_id = str_of(user);
	return e;
}

static void put(struct crowd *c, const struct event *e)
{
	c->passed += !bot_gather_take(c->g, e, c->now);
}

static void put_by(struct crowd *c, enum event_kind kind, const char *user, int64_t count)
{
	struct event e = event_by(kind, user);

	e.count = count;
	e.bits = kind == EVENT_CHEER ? count : 0;
	put(c, &e);
}

/* Everything that is due until then. */
static void run_to(struct crowd *c, int64_t now)
{
	int64_t wait;
	struct event *e;

	for (;;) {
		e = bot_gather_next(c->g, c->now, &wait);
		if (e) {
			size_t len = strlen(c->told);

			assert_int_equal(e->at_ms, c->now);
			snprintf(c->told + len, sizeof(c->told) - len, "%s %.*s %lld%s%.*s; ",
				event_kind_name(e->kind),
				STR_FMT(e->users.len ? e->users : e->user),
				(long long)event_amount(e), e->touser.len ? " for " : "",
				STR_FMT(e->touser));
			mem_free(e);
			continue;
		}
		if (wait < 0 || c->now + wait > now)
			break;
		c->now += wait;
	}
	c->now = now;
}

/* ---- Gifts ----------------------------------------------------------------------------------- */

static void the_tier_of_gifts_is_told_when_all_have_it(void **state)
{
	static const char *const tiers[][2] = {{"2", "2"}, {"2", "3"}};

	(void)state;
	for (size_t i = 0; i < COUNT(tiers); i++) {
		struct crowd *c = crowd_new();
		struct event e = event_by(EVENT_GIFTBOMB, "ann"), *told;
		int64_t wait;

		e.count = 5;
		for (size_t k = 0; k < 2; k++) {
			e.batch = str_of(k == 0 ? "b1" : "b2");
			e.tier = str_of(tiers[i][k]);
			put(c, &e);
		}
		told = bot_gather_next(c->g, c->now + WINDOW, &wait);
		assert_non_null(told);
		assert_int_equal(told->count, 10);
		assert_str(told->tier, i == 0 ? STR("2") : STR(""));
		mem_free(told);
		crowd_free(c);
	}
}

/* One step of a story of gifts: at a time, by somebody, a bomb of n or (n = 0) one gift. */
struct step {
	int64_t at;
	const char *by;
	int64_t bomb;
	const char *batch;
	int times;
};

static void bombs_become_one_thanks(void **state)
{
	static const struct {
		const char *name;
		struct step steps[8];
		unsigned passed;
		const char *told;
	} cases[] = {
		{"in order", {{0, "ann", 100, "b1", 1}, {100, "ann", 0, "b1", 100}}, 0,
			"giftbomb ann 100; "},
		{"gifts first", {{0, "ann", 0, "b1", 60}, {500, "ann", 100, "b1", 1},
			{900, "ann", 0, "b1", 40}}, 0, "giftbomb ann 100; "},
		{"the announcement comes last",
			{{0, "ann", 0, "b1", 100}, {9000, "ann", 100, "b1", 1}},
			0, "giftbomb ann 100; "},
		{"it comes late", {{0, "ann", 0, "b1", 100}, {15000, "ann", 100, "b1", 1}}, 0,
			"giftbomb ann 100; "},
		{"it never comes", {{0, "ann", 0, "b1", 100}}, 0, "giftbomb ann 100; "},
		{"it never comes, and the gifts trickle", {{0, "ann", 0, "b1", 30},
			{8000, "ann", 0, "b1", 30}, {16000, "ann", 0, "b1", 40}}, 0,
			"giftbomb ann 100; "},
		{"the gifts never come", {{0, "ann", 50, "b1", 1}}, 0, "giftbomb ann 50; "},
		{"gifts come after the thanks",
			{{0, "ann", 50, "b1", 1}, {20000, "ann", 0, "b1", 50}}, 0,
			"giftbomb ann 50; "},
		{"twice announced", {{0, "ann", 5, "b1", 2}, {1, "ann", 0, "b1", 5}}, 0,
			"giftbomb ann 5; "},
		{"two bombs add up", {{0, "ann", 5, "b1", 1}, {10, "ann", 0, "b1", 5},
			{4000, "ann", 20, "b2", 1}, {4010, "ann", 0, "b2", 20}}, 0,
			"giftbomb ann 25; "},
		{"two givers", {{0, "ann", 5, "b1", 1}, {1, "bob", 7, "b2", 1},
			{2, "ann", 0, "b1", 5}, {3, "bob", 0, "b2", 7}}, 0,
			"giftbomb ann 5; giftbomb bob 7; "},
		{"the next bomb, later", {{0, "ann", 5, "b1", 1}, {30000, "ann", 6, "b2", 1}}, 0,
			"giftbomb ann 5; giftbomb ann 6; "},
		{"no id at all", {{0, "ann", 5, NULL, 1}, {1, "ann", 0, NULL, 5}}, 0,
			"giftbomb ann 5; "},
		{"announced only as a number", {{0, "ann", 5, NULL, 1}, {2000, "ann", 6, NULL, 1}},
			0, "giftbomb ann 11; "},
		{"a bomb of one is a gift", {{0, "ann", 1, "b1", 1}, {5, "ann", 0, "b1", 1}}, 0,
			"gift ann 1 for x; "},
		{"one gift passes at once", {{0, "ann", 0, NULL, 1}}, 1, ""},
		{"gifts one by one", {{0, "ann", 0, NULL, 1}, {2000, "ann", 0, NULL, 1},
			{4000, "ann", 0, NULL, 1}}, 1, "giftbomb ann 2; "},
		{"two gifts one by one", {{0, "ann", 0, NULL, 1}, {2000, "ann", 0, NULL, 1}}, 1,
			"gift ann 1 for x; "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crowd *c = crowd_new();

		for (size_t k = 0; k < COUNT(cases[i].steps) && cases[i].steps[k].by; k++) {
			const struct step *s = &cases[i].steps[k];
			struct event e = event_by(s->bomb ? EVENT_GIFTBOMB : EVENT_GIFT, s->by);

			run_to(c, s->at);
			e.count = s->bomb ? s->bomb : 1;
			e.batch = str_of(s->batch ? s->batch : "");
			if (!s->bomb)
				e.touser = STR("x");
			for (int n = 0; n < s->times; n++)
				put(c, &e);
		}
		run_to(c, 300000);
		if (c->passed != cases[i].passed || strcmp(c->told, cases[i].told) != 0)
			fail_msg("%s: %u passed, told \"%s\"", cases[i].name, c->passed, c->told);
		assert_int_equal(bot_gather_holding(c->g), 0);
		crowd_free(c);
	}
}

static void anonymous_gifts_are_one_givers(void **state)
{
	struct crowd *c = crowd_new();
	struct event e = event_by(EVENT_GIFTBOMB, "");

	(void)state;
	e.user = STR("Anonymous");
	e.is_anonymous = true;
	e.count = 5;
	put(c, &e);
	e.user_id = STR("274598607");
	put(c, &e);
	run_to(c, WINDOW);
	assert_string_equal(c->told, "giftbomb Anonymous 10; ");
	crowd_free(c);
}

/* ---- Floods ---------------------------------------------------------------------------------- */

static void three_hundred_follows_are_two_events(void **state)
{
	struct crowd *c = crowd_new();
	char user[16];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(user, sizeof(user), "user%d", i);
		run_to(c, i * 2000 / 300);
		put_by(c, EVENT_FOLLOW, user, 0);
	}
	run_to(c, 60000);
	assert_int_equal(c->passed, 1);
	assert_string_equal(c->told, "follow user1, user2 and 297 more 299; ");
	crowd_free(c);
}

static void a_flood_that_goes_on_is_told_once_a_window(void **state)
{
	struct crowd *c = crowd_new();
	char user[16];

	(void)state;
	for (int i = 0; i < 35; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		run_to(c, i * 1000);
		put_by(c, EVENT_FOLLOW, user, 0);
	}
	run_to(c, 100000);
	assert_int_equal(c->passed, 1);
	assert_string_equal(c->told, "follow u1, u2 and 7 more 9; follow u10, u11 and 8 more 10; "
		"follow u20, u21 and 8 more 10; follow u30, u31 and 3 more 5; ");
	put_by(c, EVENT_FOLLOW, "late", 0);
	assert_int_equal(c->passed, 2);
	crowd_free(c);
}

static void sums_are_of_what_counts(void **state)
{
	struct crowd *c = crowd_new();

	(void)state;
	put_by(c, EVENT_RAID, "ann", 100); /* passes */
	put_by(c, EVENT_RAID, "bob", 20);
	put_by(c, EVENT_RAID, "cat", 30);
	for (int i = 0; i < 3; i++)
		put_by(c, EVENT_CHEER, "ann", 100); /* three pass */
	put_by(c, EVENT_CHEER, "ann", 50);
	put_by(c, EVENT_CHEER, "ann", 1);
	put_by(c, EVENT_SUB, "ann", 0); /* passes */
	put_by(c, EVENT_SUB, "bob", 0);
	put_by(c, EVENT_SUB, "cat", 0);
	put_by(c, EVENT_SUB, "dot", 0);
	put_by(c, EVENT_FOLLOW, "ann", 0); /* passes */
	for (int i = 0; i < 9; i++)
		put_by(c, EVENT_FOLLOW, "bob", 0); /* and again, and again */
	run_to(c, WINDOW);
	assert_int_equal(c->passed, 6);
	assert_string_equal(c->told, "raid bob and cat 50; cheer ann 51; "
		"sub bob, cat and 1 more 3; follow bob 1; ");
	crowd_free(c);
}

static void one_that_was_held_alone_is_told_as_it_came(void **state)
{
	struct crowd *c = crowd_new();
	struct event e = event_by(EVENT_SUB, "bob"), *told;
	int64_t wait;

	(void)state;
	put_by(c, EVENT_SUB, "ann", 0);
	e.text = STR("glad to be here");
	e.id = STR("notice-7");
	e.months = 1;
	put(c, &e);
	assert_null(bot_gather_next(c->g, WINDOW - 1, &wait));
	assert_int_equal(wait, 1);
	told = bot_gather_next(c->g, WINDOW, &wait);
	assert_non_null(told);
	assert_str(told->user, STR("bob"));
	assert_str(told->text, e.text);
	assert_str(told->id, e.id);
	assert_str(told->users, STR(""));
	assert_int_equal(told->months, 1);
	mem_free(told);
	crowd_free(c);
}

static void other_channels_places_and_kinds_are_other_crowds(void **state)
{
	struct crowd *c = crowd_new();
	struct event e = event_by(EVENT_FOLLOW, "ann");

	(void)state;
	put(c, &e);
	e.channel = STR("reef");
	put(c, &e);
	e.place = 2;
	put(c, &e);
	e.kind = EVENT_RAID;
	put(c, &e);
	e.kind = EVENT_RESUB;
	put(c, &e);
	put(c, &e); /* never gathered */
	e.kind = EVENT_MESSAGE;
	put(c, &e);
	put(c, &e);
	assert_int_equal(c->passed, 8);
	assert_int_equal(bot_gather_holding(c->g), 0);
	crowd_free(c);
}

/* ---- Who is forgotten ------------------------------------------------------------------------ */

static void erase(struct crowd *c, const char *user, const char *message)
{
	const struct erasure e = {.platform = STR("twitch"), .channel = STR("kelpforest"),
		.channel_id = STR("kelpforest"), .user_id = str_of(user),
		.message_id = str_of(message)};

	bot_gather_erase(c->g, &e);
}

static void who_is_banned_is_not_thanked(void **state)
{
	struct crowd *c = crowd_new();
	struct event bomb = event_by(EVENT_GIFTBOMB, "fay");

	(void)state;
	put_by(c, EVENT_RAID, "first", 1);
	put_by(c, EVENT_RAID, "ann", 10);
	put_by(c, EVENT_RAID, "bob", 20);
	put_by(c, EVENT_RAID, "cat", 30);
	bomb.count = 5;
	put(c, &bomb);
	erase(c, "ann", "");
	erase(c, "nobody", "");
	erase(c, "fay", "");
	run_to(c, WINDOW);
	assert_string_equal(c->told, "raid bob and cat 50; ");
	put_by(c, EVENT_RAID, "dot", 5);
	erase(c, "dot", "");
	run_to(c, 100000);
	assert_string_equal(c->told, "raid bob and cat 50; ");
	crowd_free(c);
}

static void a_cleared_chat_forgets_words_and_keeps_thanks(void **state)
{
	struct crowd *c = crowd_new();
	struct event e = event_by(EVENT_SUB, "bob"), *told;
	int64_t wait;

	(void)state;
	put_by(c, EVENT_SUB, "ann", 0);
	e.text = STR("rude");
	put(c, &e);
	erase(c, "", "");
	told = bot_gather_next(c->g, WINDOW, &wait);
	assert_non_null(told);
	assert_str(told->text, STR(""));
	mem_free(told);
	crowd_free(c);
}

static void a_place_that_is_gone_is_forgotten(void **state)
{
	struct crowd *c = crowd_new();

	(void)state;
	put_by(c, EVENT_FOLLOW, "ann", 0);
	put_by(c, EVENT_FOLLOW, "bob", 0);
	bot_gather_forget(c->g, 1);
	run_to(c, 100000);
	assert_string_equal(c->told, "");
	crowd_free(c);
}

static void in_a_hurry_everything_is_due(void **state)
{
	struct crowd *c = crowd_new();
	struct event part = event_by(EVENT_GIFT, "ann");

	(void)state;
	part.count = 1;
	part.batch = STR("b1");
	put(c, &part);
	put(c, &part);
	put_by(c, EVENT_FOLLOW, "ann", 0);
	put_by(c, EVENT_FOLLOW, "bob", 0);
	bot_gather_hurry(c->g);
	run_to(c, 0);
	assert_string_equal(c->told, "giftbomb ann 2; follow bob 1; ");
	crowd_free(c);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static void it_stays_small_and_loses_nobody(void **state)
{
	struct crowd *c = crowd_new();
	char user[24], channel[24];
	int64_t told = 0, wait;
	struct event *e;

	(void)state;
	for (int i = 0; i < 2 * BOT_GATHER_PEOPLE; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		put_by(c, EVENT_FOLLOW, user, 0);
	}
	for (int i = 0; i < 2 * BOT_GATHER_GROUPS; i++) {
		struct event f = event_by(EVENT_FOLLOW, "ann");

		snprintf(channel, sizeof(channel), "c%d", i);
		f.channel = str_of(channel);
		put(c, &f);
		put(c, &f);
	}
	assert_true(bot_gather_holding(c->g) < 2 * BOT_GATHER_PEOPLE + BOT_GATHER_GROUPS);
	c->now = WINDOW;
	while ((e = bot_gather_next(c->g, c->now, &wait)) != NULL) {
		told += e->count > 0 ? e->count : 1;
		assert_true(e->users.len < 100);
		mem_free(e);
	}
	assert_int_equal(told + c->passed, 2 * BOT_GATHER_PEOPLE + 4 * BOT_GATHER_GROUPS);
	crowd_free(c);
}

static void more_bombs_than_are_remembered_still_add_up(void **state)
{
	struct crowd *c = crowd_new();
	struct event e = event_by(EVENT_GIFTBOMB, "ann");
	char batch[16];

	(void)state;
	e.count = 5;
	for (int i = 0; i < 2 * BOT_GATHER_BATCHES; i++) {
		snprintf(batch, sizeof(batch), "b%d", i);
		e.batch = str_of(batch);
		put(c, &e);
	}
	run_to(c, WINDOW);
	assert_string_equal(c->told, "giftbomb ann 160; ");
	crowd_free(c);
}

static void without_memory_events_pass(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 12; n++) {
		struct crowd *c = crowd_new();

		mem_fail_at(n, 1);
		put_by(c, EVENT_FOLLOW, "ann", 0);
		put_by(c, EVENT_FOLLOW, "bob", 0);
		put_by(c, EVENT_FOLLOW, "cat", 0);
		put_by(c, EVENT_GIFTBOMB, "cat", 9);
		run_to(c, WINDOW);
		mem_fail_at(0, 0);
		assert_true(c->passed >= 1);
		crowd_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bombs_become_one_thanks),
		cmocka_unit_test(the_tier_of_gifts_is_told_when_all_have_it),
		cmocka_unit_test(anonymous_gifts_are_one_givers),
		cmocka_unit_test(three_hundred_follows_are_two_events),
		cmocka_unit_test(a_flood_that_goes_on_is_told_once_a_window),
		cmocka_unit_test(sums_are_of_what_counts),
		cmocka_unit_test(one_that_was_held_alone_is_told_as_it_came),
		cmocka_unit_test(other_channels_places_and_kinds_are_other_crowds),
		cmocka_unit_test(who_is_banned_is_not_thanked),
		cmocka_unit_test(a_cleared_chat_forgets_words_and_keeps_thanks),
		cmocka_unit_test(a_place_that_is_gone_is_forgotten),
		cmocka_unit_test(in_a_hurry_everything_is_due),
		cmocka_unit_test(it_stays_small_and_loses_nobody),
		cmocka_unit_test(more_bombs_than_are_remembered_still_add_up),
		cmocka_unit_test(without_memory_events_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
