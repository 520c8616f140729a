/* What is counted by the hour and day: over a restart, to the end of its window, and by many. */
#include "bot_help.h"

/* The first second of a day: no window ends within the test. */
static int begin(void **state)
{
	int err = setup(state);

	clock_shift(0, CLOCK_DAY_MS - clock_wall_ms() % CLOCK_DAY_MS);
	return err;
}

static void restart(struct fixture *f)
{
	bot_free(f->bot);
	f->bot = NULL;
	assert_int_equal(start_code(f), 0);
}

static void limit(struct fixture *f, size_t offset, int64_t to)
{
	*(int64_t *)((char *)&f->bot->world->conf->limits + offset) = to;
}

static enum reason take(struct fixture *f, const char *user, const char **rule)
{
	struct event e = message("1", "!ask");

	e.user = e.login = e.user_id = str_of(user);
	return bot_budget_take(f->bot, &e, rule);
}

static void test_calls_count_over_a_restart_until_their_window_ends(void **state)
{
	static const struct {
		const char *rule, *user; /* who asks at last */
		size_t offset;
		bool is_hourly;
	} cases[] = {
		{"calls_hour", "somebody", offsetof(struct conf_limits, calls_hour), true},
		{"calls_day", "somebody", offsetof(struct conf_limits, calls_day), false},
		{"calls_channel_hour", "somebody",
			offsetof(struct conf_limits, calls_channel_hour), true},
		{"calls_user_hour", "ann", offsetof(struct conf_limits, calls_user_hour), true},
	};
	struct fixture *f = *state;
	const char *rule = "";

	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int k = 0; k < 3; k++)
			assert_int_equal(take(f, "ann", &rule), REASON_NONE);
		restart(f);
		limit(f, cases[i].offset, 3);
		assert_int_equal(take(f, cases[i].user, &rule), REASON_BUDGET);
		assert_string_equal(rule, cases[i].rule);
		clock_shift(0, -CLOCK_HOUR_MS); /* set back: no new window */
		bot_counts_sweep(f->bot);
		restart(f);
		limit(f, cases[i].offset, 3);
		assert_int_equal(take(f, cases[i].user, &rule), REASON_BUDGET);
		clock_shift(0, CLOCK_HOUR_MS); /* and right again */
		assert_int_equal(take(f, cases[i].user, &rule), REASON_BUDGET);
		clock_shift(0, cases[i].is_hourly ? CLOCK_HOUR_MS : CLOCK_DAY_MS);
		assert_int_equal(take(f, cases[i].user, &rule), REASON_NONE);
		restart(f);
		clock_shift(0, CLOCK_DAY_MS - clock_wall_ms() % CLOCK_DAY_MS);
	}
}

static void test_a_crowd_displaces_nobody_who_is_counted_now(void **state)
{
	struct fixture *f = *state;
	const char *rule = "";
	char name[32];

	f->bot->world->conf->limits.calls_hour = f->bot->world->conf->limits.calls_day = 1000000;
	f->bot->world->conf->limits.calls_channel_hour = BOT_COUNTS_MAX + 100;
	for (int i = 0; i < BOT_COUNTS_MAX + 100; i++) {
		snprintf(name, sizeof(name), "viewer%d", i);
		assert_int_equal(take(f, name, &rule), REASON_NONE);
	}
	assert_int_equal(HASH_COUNT(f->bot->counts.table), BOT_COUNTS_MAX);
	assert_int_equal(take(f, "one more", &rule), REASON_BUDGET);
	assert_string_equal(rule, "calls_channel_hour");
}

static void test_what_cannot_be_read_counts_as_spent(void **state)
{
	struct fixture *f = *state;
	struct turn t = {.bot = f->bot, .persona = f->bot->world->personas[0]};
	struct event e = message("1", "!ask");
	const char *name;
	struct buf saved;

	buf_init(&saved, 4096);
	t.event = &e;
	f->bot->world->conf->limits.cost_day = CONF_DOLLAR;
	assert_int_equal(bot_counts_load(f->bot, STR("1 2 calls_hour\nthe rest\n")), ERR_PARSE);
	assert_false(bot_spend_take(f->bot, &t, 1));
	assert_true(provider_usage_of(f->bot->providers, 0, &name)->calls_day > 1000000000);
	assert_true(bot_spend_take(f->bot, &t, 0)); /* what is free is not money */
	provider_usage_of(f->bot->providers, 0, &name)->calls_day++;
	assert_int_equal(bot_counts_save(f->bot, &saved), 0);
	assert_int_equal(bot_counts_load(f->bot, buf_str(&saved)), 0);
	buf_fini(&saved);
}

static void test_nothing_is_given_back_to_a_window_that_began_since(void **state)
{
	struct fixture *f = *state;
	struct turn t = {.bot = f->bot, .persona = f->bot->world->personas[0]}, later = t;
	struct event e = message("1", "!ask");

	t.event = later.event = &e;
	assert_true(bot_spend_take(f->bot, &t, 10));
	clock_shift(0, CLOCK_HOUR_MS);
	assert_true(bot_spend_take(f->bot, &later, 7));
	bot_spend_settle(f->bot, &t, 10, 1);
	assert_int_equal(f->bot->counts.spent_hour, 7);
	assert_int_equal(f->bot->counts.spent_day, 8);
	bot_spend_settle(f->bot, &later, 7, 2);
	assert_int_equal(f->bot->counts.spent_hour, 2);
	assert_int_equal(f->bot->counts.spent_day, 3);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_calls_count_over_a_restart_until_their_window_ends),
		CASE(test_a_crowd_displaces_nobody_who_is_counted_now),
		CASE(test_what_cannot_be_read_counts_as_spent),
		CASE(test_nothing_is_given_back_to_a_window_that_began_since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
