/* Timers in virtual time: the loop runs, the clock is moved. */
#include "bot_help.h"

#define MINUTE 60000

static const char timers[] =
	"one: {every: 10m, reply: 'one $(platform)'}\n"
	"two: {every: 10m, reply: 'two'}\n"
	"busy: {every: 5m, min_lines: 3, reply: 'busy'}\n"
	"live: {every: 5m, when: live, reply: 'live'}\n"
	"far: {every: 5m, in: 'twitch:alice', reply: 'far'}\n"
	"off: {every: 5m, enabled: no, reply: 'off'}\n";

static size_t said(struct fixture *f, const char *text)
{
	size_t n = 0;

	read_said(f);
	for (const char *at = buf_text(&f->said); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static void pass(struct fixture *f, int64_t ms)
{
	const int64_t step = 5000;

	for (int64_t i = 0; i < ms; i += step) {
		io_clock_shift(f->io, step);
		io_turn(f->io, 0);
	}
}

static int begin(void **state)
{
	int err = setup(state);

	if (!err) {
		write_file(*state, "triggers/all.yaml", timers);
		reload(*state);
	}
	return err;
}

static const struct bot_timer *timer_of(const struct fixture *f, const char *trigger)
{
	const struct bot_timer *t = f->bot->timers;

	while (t && strcmp(t->trigger, trigger) != 0)
		t = t->hh.next;
	return t;
}

static void test_a_timer_speaks_every_so_often(void **state)
{
	struct fixture *f = *state;

	assert_null(timer_of(f, "far"));
	assert_null(timer_of(f, "off"));
	pass(f, 101 * MINUTE);
	/* The first run is at random within its time, and each is a look of 5 s late at most. */
	assert_in_range(said(f, "one console"), 9, 11);
	assert_in_range(said(f, "two"), 9, 11);
	assert_int_equal(said(f, "far") + said(f, "off") + said(f, "busy"), 0);
	assert_conserved(f->bot);
	assert_int_equal(f->bot->events, f->bot->hits);
}

static void test_two_timers_do_not_speak_at_once(void **state)
{
	struct fixture *f = *state;
	struct bot_timer *t;

	for (t = f->bot->timers; t; t = t->hh.next)
		t->due_ms = clock_mono_ms() + 10000;
	bot_timers_look(f->bot);
	pass(f, 30000);
	assert_int_equal(said(f, "one") + said(f, "two") + said(f, "live"), 1);
	pass(f, 30000);
	assert_int_equal(said(f, "one") + said(f, "two") + said(f, "live"), 2);
	pass(f, MINUTE);
	assert_int_equal(said(f, "one") + said(f, "two") + said(f, "live"), 3);
}

static void test_lines_by_people_are_waited_for(void **state)
{
	struct fixture *f = *state;
	const struct event a = message("1", "one"), b = message("2", "two"),
		c = message("4", "four");
	struct event own = message("3", "three");

	own.is_bot = true;
	pass(f, 20 * MINUTE);
	put(f, &a);
	put(f, &b);
	put(f, &own);
	pass(f, MINUTE);
	assert_int_equal(said(f, "busy"), 0);
	put(f, &c);
	pass(f, MINUTE);
	assert_int_equal(said(f, "busy"), 1);
	pass(f, 20 * MINUTE);
	assert_int_equal(said(f, "busy"), 1);
}

static void test_a_quiet_channel_hears_no_timer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bot_quiet(f->bot, "console", 60 * MINUTE), 0);
	pass(f, 59 * MINUTE);
	assert_int_equal(f->bot->events, 0);
	pass(f, 15 * MINUTE);
	assert_in_range(said(f, "one"), 1, 2);
}

static void test_a_timer_for_live_streams_waits_for_one(void **state)
{
	struct fixture *f = *state;
	struct stream s = {.is_known = true};

	f->bot->owner.stream(f->bot, 0, "console", &s);
	pass(f, 30 * MINUTE);
	assert_int_equal(said(f, "live"), 0);
	s.is_live = true;
	s.id = STR("1");
	f->bot->owner.stream(f->bot, 0, "console", &s);
	pass(f, 11 * MINUTE);
	assert_in_range(said(f, "live"), 1, 3);
}

static void test_a_reload_leaves_the_clock_alone(void **state)
{
	struct fixture *f = *state;
	const int64_t one = timer_of(f, "one")->due_ms;

	write_file(f, "triggers/all.yaml", "one: {every: 10m, reply: 'changed'}\n"
		"two: {every: 20m, reply: 'two'}\n");
	reload(f);
	assert_int_equal(timer_of(f, "one")->due_ms, one);
	assert_int_equal(timer_of(f, "two")->every_ms, 20 * MINUTE);
	assert_null(timer_of(f, "busy"));
	pass(f, 11 * MINUTE);
	assert_in_range(said(f, "changed"), 1, 2);
	write_file(f, "triggers/all.yaml", "{}\n");
	reload(f);
	assert_null(f->bot->timers);
	pass(f, 30 * MINUTE);
	assert_in_range(said(f, "changed"), 1, 2);
}

static void test_what_was_slept_through_is_not_made_up_for(void **state)
{
	struct fixture *f = *state;

	io_clock_shift(f->io, INT64_C(1000) * MINUTE);
	pass(f, 5 * MINUTE);
	assert_int_equal(said(f, "one"), 1);
	clock_shift(0, INT64_C(-100000) * MINUTE); /* and the wall's clock has no say */
	pass(f, MINUTE);
	assert_int_equal(said(f, "one"), 1);
}

static void test_a_timer_can_be_fired_and_explained(void **state)
{
	struct fixture *f = *state;
	struct event e = {.kind = EVENT_TIMER, .platform = STR("console"),
		.channel = STR("console"),
		.channel_id = STR("console"), .command = STR("two"), .at_ms = clock_mono_ms()};
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(bot_explain(f->bot, bot_world_of(f->bot), &e, false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "FAIL one                this "
		"is the timer of \"two\""));
	assert_non_null(strstr(buf_text(&out), "verdict  fires two "));
	assert_non_null(strstr(buf_text(&out), "timer    due in "));
	buf_clear(&out);
	assert_int_equal(bot_status(f->bot, &out), 0);
	assert_non_null(strstr(buf_text(&out), "{\"trigger\":\"busy\",\"place\":\"console\","
		"\"channel\":\"console\",\"in_ms\":"));
	buf_fini(&out);
	put(f, &e);
	wait_said(f, "two");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_timer_speaks_every_so_often),
		CASE(test_two_timers_do_not_speak_at_once),
		CASE(test_lines_by_people_are_waited_for),
		CASE(test_a_quiet_channel_hears_no_timer),
		CASE(test_a_timer_for_live_streams_waits_for_one),
		CASE(test_a_reload_leaves_the_clock_alone),
		CASE(test_what_was_slept_through_is_not_made_up_for),
		CASE(test_a_timer_can_be_fired_and_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
