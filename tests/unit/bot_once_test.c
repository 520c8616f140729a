/* Not asking twice: what is shared, kept, merged, and what becomes of it when somebody is
 * forgotten. */
#include "bot_help.h"

static const char questions[] =
	"out: {on: raid_out, ask: 'slow'}\n"
	"hello: {words: [hello], merge: all, ask: 'Greet $(users), slow.'}\n"
	"guess: {command: guess, merge: newest, ask: 'slow'}\n"
	"rules: {command: rules, cache: 1h, ask: 'What are the rules?', cooldown: {user: 0}}\n";

static int begin(void **state)
{
	int err = setup(state);

	if (!err) {
		write_file(*state, "triggers/all.yaml", questions);
		reload(*state);
	}
	return err;
}

static int64_t kept(struct fixture *f)
{
	struct json *j = NULL;
	const char *why;
	struct buf out;
	int64_t n;

	buf_init(&out, 1000);
	assert_int_equal(bot_once_status(f->bot, &out), 0);
	assert_int_equal(json_parse(buf_str(&out), 1000, &j, &why), 0);
	n = json_int(j, "entries", -1);
	json_free(j);
	buf_fini(&out);
	return n;
}

static struct event event_of(enum event_kind kind)
{
	struct event e = message("", "");

	e.kind = kind;
	return e;
}

static struct event by(const char *id, const char *user, const char *text)
{
	struct event e = message(id, text);

	e.user = e.login = e.user_id = str_of(user);
	return e;
}

static struct turn *turn_in(const struct fixture *f, enum turn_state state)
{
	struct turn *t = f->bot->turns;

	while (t && t->state != state)
		t = t->hh.next;
	return t;
}

static void turn_loop(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++)
		io_turn(f->io, 5);
}

static void test_one_question_of_three_turns(void **state)
{
	struct fixture *f = *state;
	const struct event e = event_of(EVENT_RAIDOUT);

	for (int i = 0; i < 3; i++)
		put(f, &e);
	turn_loop(f, 5);
	assert_int_equal(bot_live(f->bot), 3);
	wait_said(f, "late but here");
	wait_verdict(f, "none");
	assert_int_equal(f->bot->drops[REASON_TWIN], 2); /* it has just been said here */
	assert_int_equal(f->bot->once.shared, 2);
	assert_int_equal(f->bot->counts.calls_hour, 1); /* the others' calls were given back */
	assert_conserved(f->bot);
}

static void test_when_the_first_ends_the_next_asks(void **state)
{
	struct fixture *f = *state;
	const struct event e = event_of(EVENT_RAIDOUT);

	for (int i = 0; i < 3; i++)
		put(f, &e);
	turn_loop(f, 5);
	struct turn *first = f->bot->turns;
	while (!first->call)
		first = first->hh.next;
	bot_turn_drop(first, REASON_GONE);
	turn_loop(f, 5);
	wait_said(f, "late but here");
	wait_verdict(f, "none");
	assert_int_equal(f->bot->drops[REASON_GONE], 1);
	assert_int_equal(f->bot->drops[REASON_TWIN], 1);
	assert_int_equal(f->bot->once.shared, 1);
	assert_conserved(f->bot);
}

static void test_the_end_leaves_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	const struct event e = event_of(EVENT_RAIDOUT);
	const struct event a = by("1", "ann", "hello"), b = by("2", "bob", "hello");

	put(f, &e);
	put(f, &e);
	put(f, &a);
	put(f, &b);
	turn_loop(f, 5);
	assert_int_equal(bot_live(f->bot), 4);
	bot_drain(f->bot);
	bot_drain(f->bot);
	for (int i = 0; i < TURNS_MAX && !f->is_drained; i++)
		io_turn(f->io, 5);
	assert_true(f->is_drained);
	assert_int_equal(bot_live(f->bot), 0);
	assert_int_equal(f->bot->drops[REASON_STOPPED], 4);
}

static void test_one_is_greeted_for_all_but_for_who_is_forgotten(void **state)
{
	static const char *const names[] = {"ann", "bob", "cat", "bob"};
	struct fixture *f = *state;
	struct erasure x = {.platform = STR("console"), .channel = STR("console"),
		.channel_id = STR("console"), .user_id = STR("dan")};
	char ids[COUNT(names)][2];

	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(ids[i], sizeof(ids[i]), "%zu", i);
		const struct event e = by(ids[i], names[i], "hello");
		put(f, &e);
		turn_loop(f, 1);
	}
	assert_int_equal(f->bot->drops[REASON_MERGED], 2);
	assert_non_null(turn_in(f, TURN_HELD));
	assert_true(str_is(turn_in(f, TURN_HELD)->event->users, "bob and cat"));
	f->bot->owner.erase(f->bot->owner.ctx, &x);
	assert_non_null(turn_in(f, TURN_HELD));
	x.user_id = STR("cat");
	f->bot->owner.erase(f->bot->owner.ctx, &x);
	assert_null(turn_in(f, TURN_HELD));
	wait_verdict(f, "gone none");
	assert_conserved(f->bot);
}

static void test_the_newest_is_asked_when_the_first_is_answered(void **state)
{
	struct fixture *f = *state;
	const struct event a = by("1", "ann", "!guess 1"), b = by("2", "ann", "!guess 2"),
		c = by("3", "bob", "!guess 3");

	put(f, &a);
	put(f, &b);
	put(f, &c);
	turn_loop(f, 2);
	assert_true(str_is(turn_in(f, TURN_HELD)->event->text, "!guess 3"));
	wait_verdict(f, "merged none ");
	turn_loop(f, 2);
	assert_null(turn_in(f, TURN_HELD));
	wait_verdict(f, "merged none twin");
	assert_int_equal(f->bot->counts.calls_hour, 2);
	assert_conserved(f->bot);
}

static void test_a_kept_answer_goes_with_whom_it_answered(void **state)
{
	struct fixture *f = *state;
	const struct event a = by("1", "ann", "!rules"), b = by("2", "bob", "!rules");
	struct erasure x = {.platform = STR("console"), .channel = STR("console"),
		.channel_id = STR("console"), .user_id = STR("ann")};

	put(f, &a);
	wait_verdict(f, "none");
	put(f, &b);
	wait_verdict(f, "none twin");
	assert_int_equal(kept(f), 2);
	f->bot->owner.erase(f->bot->owner.ctx, &x);
	assert_int_equal(kept(f), 1);
	x.channel = STR("elsewhere");
	x.user_id = STR("");
	f->bot->owner.erase(f->bot->owner.ctx, &x);
	assert_int_equal(kept(f), 1);
	io_clock_shift(f->io, INT64_C(61) * 60000);
	bot_once_sweep(f->bot, clock_mono_ms());
	assert_int_equal(kept(f), 0);
	assert_int_equal(f->bot->once.bytes, 0);
}

static void test_a_deleted_message_takes_only_its_own_answer(void **state)
{
	struct fixture *f = *state;
	const struct event a = by("1", "ann", "!rules"), b = by("2", "bob", "!rules");
	struct erasure x = {.platform = STR("console"), .channel = STR("console"),
		.channel_id = STR("console"), .message_id = STR("3"), .author = STR("ann")};

	put(f, &a);
	wait_verdict(f, "none");
	put(f, &b);
	wait_verdict(f, "none twin");
	assert_int_equal(kept(f), 2);
	f->bot->owner.erase(f->bot->owner.ctx, &x);
	assert_int_equal(kept(f), 2);
	x.message_id = STR("1");
	f->bot->owner.erase(f->bot->owner.ctx, &x);
	assert_int_equal(kept(f), 1);
	x.message_id = STR("");
	f->bot->owner.erase(f->bot->owner.ctx, &x); /* the whole chat */
	assert_int_equal(kept(f), 0);
}

static void test_what_is_kept_has_a_bound(void **state)
{
	struct fixture *f = *state;
	const struct bot_world *w = bot_world_of(f->bot);
	struct event e = message("1", "!rules");
	struct prompt prompt = {.n = 0};
	struct turn t = {.bot = f->bot, .world = f->bot->world, .event = &e, .prompt = &prompt,
		.persona = w->personas[0],
		.hit = {.trigger = trigger_set_find(w->triggers, "rules")}};
	struct buf words;

	buf_init(&words, 1 << 20);
	for (int i = 0; i < 1100; i++) {
		snprintf(prompt.hash, sizeof(prompt.hash), "%d", i);
		bot_once_keep(&t, STR("be kind"));
	}
	assert_int_equal(kept(f), 1000);
	assert_true(bot_once_kept(&t, &words));
	assert_string_equal(buf_text(&words), "be kind");
	t.asking.from = NULL;
	snprintf(prompt.hash, sizeof(prompt.hash), "0");
	assert_false(bot_once_kept(&t, &words)); /* the oldest went */
	buf_clear(&words);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_addc(&words, 'w'), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(prompt.hash, sizeof(prompt.hash), "long %d", i);
		bot_once_keep(&t, buf_str(&words));
		assert_true(f->bot->once.bytes <= 1024 * 1024);
	}
	assert_in_range(kept(f), 10, 1000);
	buf_fini(&words);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_one_question_of_three_turns),
		CASE(test_when_the_first_ends_the_next_asks),
		CASE(test_the_end_leaves_nobody_waiting),
		CASE(test_one_is_greeted_for_all_but_for_who_is_forgotten),
		CASE(test_the_newest_is_asked_when_the_first_is_answered),
		CASE(test_a_kept_answer_goes_with_whom_it_answered),
		CASE(test_a_deleted_message_takes_only_its_own_answer),
		CASE(test_what_is_kept_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
