/* Slash commands, and what a place is told of the turns that its events began. */
#include "bot_help.h"

/* A place that listens: "thinking:" "over cooldown_user:" ... and what it was given to send. */
struct listener {
	struct platform_ops ops;
	struct buf steps, sent;
	struct bot *bot;
};
static struct listener ear;

static void on_turn(void *self, const struct platform_turn *t)
{
	static const char *const steps[] = {"thinking", "so_far", "over"};

	(void)self;
	assert_non_null(t->event);
	assert_int_equal(buf_addf(&ear.steps, "%s%s%s%.*s:", steps[t->step],
		t->step == PLATFORM_TURN_THINKING ? "" : " ",
		t->step == PLATFORM_TURN_OVER ? reason_name(t->reason) : "",
		STR_FMT(t->text)), 0);
}

static void on_send(void *self, struct reply *r)
{
	(void)self;
	assert_int_equal(buf_addf(&ear.sent, "%s\n", r->text), 0);
	ear.bot->owner.outcome(ear.bot->owner.ctx, r->turn, REASON_NONE, "");
	reply_free(r);
}

static int setup_ear(void **state)
{
	assert_int_equal(setup(state), 0);
	struct fixture *f = *state;
	struct bot_place *p = &f->bot->places[0];

	ear = (struct listener){.ops = *p->platform.ops, .bot = f->bot};
	buf_init(&ear.steps, 1 << 16);
	buf_init(&ear.sent, 1 << 16);
	ear.ops.turn = on_turn;
	ear.ops.send = on_send;
	p->platform.ops = &ear.ops;
	return 0;
}

static int teardown_ear(void **state)
{
	buf_fini(&ear.steps);
	buf_fini(&ear.sent);
	return teardown(state);
}

static struct event slash(const char *id, const char *command, const char *text, enum level level)
{
	struct event e = message(id, text);

	e.kind = EVENT_SLASH;
	e.command = str_of(command);
	e.roles |= ROLE(level);
	return e;
}

/* Puts it in and turns the loop until the turn has ended; gives what was sent since, static. */
static const char *call(struct fixture *f, const char *command, const char *text, enum level level)
{
	static int count;
	char id[16];

	snprintf(id, sizeof(id), "s%d", ++count);
	const struct event e = slash(id, command, text, level);
	buf_clear(&ear.sent);
	buf_clear(&ear.steps);
	put(f, &e);
	for (int i = 0; i < TURNS_MAX && bot_live(f->bot) > 0; i++)
		io_turn(f->io, 5);
	assert_int_equal(bot_live(f->bot), 0);
	assert_conserved(f->bot);
	return buf_text(&ear.sent);
}

static void expect(const char *steps)
{
	assert_string_equal(buf_text(&ear.steps), steps);
}

static void test_a_command_is_answered_or_its_place_told_why_not(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(call(f, "ask", "how is it?", LEVEL_EVERYONE), "it is a fine day\n");
	expect("thinking:");
	assert_string_equal(call(f, "ask", "break", LEVEL_EVERYONE), "");
	expect("thinking:over provider:");
	assert_string_equal(call(f, "ask", "bad", LEVEL_EVERYONE), "");
	expect("thinking:over unsafe:");
	assert_string_equal(call(f, "nothing", "", LEVEL_EVERYONE), "");
	expect("over no_match:");
	assert_string_equal(call(f, "mod", "", LEVEL_EVERYONE), "");
	expect("over level:");
	/* The same words again are an answer to somebody else. */
	assert_string_equal(call(f, "mod", "", LEVEL_MODERATOR), "Yes, Bob.\n");
	assert_string_equal(call(f, "mod", "", LEVEL_MODERATOR), "Yes, Bob.\n");
	expect("");
}

static void test_a_model_that_takes_too_long_ends_late(void **state)
{
	struct fixture *f = *state;

	f->bot->world->conf->limits.slash_deadline_ms = 50;
	assert_string_equal(call(f, "ask", "never", LEVEL_EVERYONE), "");
	expect("thinking:over late:");
	assert_int_equal(f->bot->drops[REASON_PROVIDER], 1);
}

static void test_a_second_delivery_does_not_end_the_first(void **state)
{
	struct fixture *f = *state;
	const struct event e = slash("twice", "ask", "slow", LEVEL_EVERYONE);

	put(f, &e);
	put(f, &e);
	expect("thinking:");
	for (int i = 0; i < TURNS_MAX && bot_live(f->bot) > 0; i++)
		io_turn(f->io, 5);
	assert_string_equal(buf_text(&ear.sent), "late but here\n");
	expect("thinking:");
}

/* Whole sentences that may be said, each going on from the last; nothing more after one that may
 * not. */
static void test_what_is_written_so_far_is_shown_as_far_as_it_may_be(void **state)
{
	static const struct {
		const char *text, *steps;
	} cases[] = {
		{"One", ""},
		{"One. Tw", "so_far One.:"},
		{"One. Two", ""},
		{"One. Two. Three! Fo", "so_far One. Two. Three!:"},
		{"Else. Two. Three! Four. F", ""},
		{"One. Two. Three! Go to https://evil.example.com/x now. And", ""},
		{"One. Two. Three! Four. Five. Six.", ""},
	};
	struct fixture *f = *state;
	const struct event e = slash("growing", "ask", "slow", LEVEL_EVERYONE);

	put(f, &e);
	assert_non_null(f->bot->turns);
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&ear.steps);
		bot_step_so_far(f->bot->turns, str_of(cases[i].text));
		expect(cases[i].steps);
	}
	for (int i = 0; i < TURNS_MAX && bot_live(f->bot) > 0; i++)
		io_turn(f->io, 5);
	assert_string_equal(buf_text(&ear.sent), "late but here\n");
}

static void tell_login(void *self, void (*each)(void *ctx, const struct secret *s), void *ctx)
{
	struct secret *s;

	(void)self;
	assert_int_equal(secret_new(STR("keptlogin0123456789"), &s), 0);
	each(ctx, s);
	secret_free(s);
}

static void test_the_logins_of_a_place_are_never_said(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(call(f, "ask", "login", LEVEL_EVERYONE), "it is keptlogin0123456789\n");
	ear.ops.secrets = tell_login;
	assert_string_equal(call(f, "ask", "login", LEVEL_EVERYONE), "");
	expect("thinking:over unsafe:");
}

static void test_what_was_deleted_is_over(void **state)
{
	struct fixture *f = *state;
	const struct event e = message("m1", "!ask slow");
	const struct erasure gone = {.platform = e.platform, .channel = e.channel,
		.message_id = e.id};

	put(f, &e);
	f->bot->owner.erase(f->bot->owner.ctx, &gone);
	expect("thinking:over gone:");
	assert_int_equal(bot_live(f->bot), 0);
}

static void test_quiet_is_a_moderators_and_can_be_ended(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(call(f, "quiet", "", LEVEL_VIP), "");
	expect("over level:");
	assert_string_equal(call(f, "quiet", "5", LEVEL_MODERATOR),
		"I am quiet here for 5 min. /quiet 0 ends it.\n");
	assert_string_equal(call(f, "mod", "", LEVEL_MODERATOR), "");
	expect("over quiet:");
	assert_string_equal(call(f, "quiet", "soon", LEVEL_MODERATOR),
		"Say for how many minutes, from 0 to 10080.\n");
	assert_string_equal(call(f, "quiet", "0", LEVEL_MODERATOR), "I may speak here again.\n");
	assert_string_equal(call(f, "mod", "", LEVEL_MODERATOR), "Yes, Bob.\n");
}

static void test_persona_says_who_speaks_and_lets_moderators_choose(void **state)
{
	struct fixture *f = *state;
	const char *why;
	struct buf out;

	write_file(f, "personas/pirate.yaml",
		"name: Peg\nversion: 1.0.0\ndescription: A pirate\nsystem: |\n  You are Peg.\n");
	reload(f);
	assert_string_equal(call(f, "persona", "", LEVEL_EVERYONE), "Mynah speaks here.\n");
	assert_string_equal(call(f, "persona", "pirate", LEVEL_EVERYONE),
		"Only a moderator can choose who speaks here.\n");
	assert_string_equal(call(f, "persona", "ghost", LEVEL_MODERATOR),
		"There is no such persona. There are: mynah, pirate\n");
	assert_string_equal(call(f, "persona", "peg", LEVEL_MODERATOR),
		"Peg speaks here from now on, until the bot is started again.\n");
	assert_string_equal(call(f, "persona", "", LEVEL_EVERYONE),
		"Peg speaks here (A pirate).\n");
	buf_init(&out, 1 << 20); /* the way of a question that no trigger asks */
	const struct event e = slash("x", "ask", "", LEVEL_EVERYONE);
	assert_int_equal(bot_route(f->bot, NULL, f->bot->world, &e, NULL, &out, &why), 0);
	assert_non_null(strstr(buf_text(&out), "ask "));
	buf_fini(&out);
	bot_channels_sweep(f->bot, clock_mono_ms() + 3600000); /* a wish is not forgotten */
	reload(f);
	assert_string_equal(call(f, "persona", "", LEVEL_EVERYONE),
		"Peg speaks here (A pirate).\n");
	assert_string_equal(call(f, "persona", "default", LEVEL_MODERATOR),
		"Mynah speaks here from now on, until the bot is started again.\n");
}

static void on_lines(void *ctx, int err, const struct conversation *past)
{
	(void)err;
	*(size_t *)ctx = past ? past->n : 0;
}

static size_t remembered(struct fixture *f)
{
	const struct event e = message("", "");
	const struct memory_key key = {e.platform, e.channel_id, e.user_id, false};
	size_t n = 0;

	memory_recall(&f->bot->memory, &key, 10, 0, on_lines, &n);
	return n;
}

static void test_forgetme_forgets_what_was_said_and_what_is_on_its_way(void **state)
{
	struct fixture *f = *state;
	const struct event asked = message("m1", "!ask slow");

	call(f, "ask", "how is it?", LEVEL_EVERYONE);
	assert_int_equal(remembered(f), 2);
	put(f, &asked);
	assert_string_equal(call(f, "forgetme", "", LEVEL_EVERYONE),
		"What you have said to me here is forgotten.\nlate but here\n");
	assert_int_equal(remembered(f), 0);
}

static void test_status_is_one_short_text(void **state)
{
	struct fixture *f = *state;

	call(f, "ask", "break", LEVEL_EVERYONE);
	const char *text = call(f, "status", "", LEVEL_MODERATOR);
	assert_non_null(strstr(text, "console up"));
	assert_non_null(strstr(text, "1 dropped: provider 1"));
	assert_true(strlen(text) < 300);
	expect("");
}

static void test_a_place_is_told_every_command(void **state)
{
	struct fixture *f = *state;
	struct slash *list;
	size_t n;

	list = bot_command_list(f->bot->world, &n);
	assert_non_null(list);
	assert_int_equal(n, 2 + SLASH_OWN_COUNT);
	assert_string_equal(list[0].name, "ask");
	assert_string_equal(list[1].name, "mod");
	for (size_t i = 2; i < n; i++) {
		assert_true(list[i].is_private);
		assert_true(slash_is_name(str_of(list[i].name)));
		assert_true(strlen(list[i].description) <= SLASH_HELP_POINTS);
		assert_true(!list[i].option || strlen(list[i].option_help) <= SLASH_HELP_POINTS);
	}
	mem_free(list);
}

static void test_explain_knows_the_bots_own_commands(void **state)
{
	struct fixture *f = *state;
	const struct event e = slash("x", "status", "", LEVEL_EVERYONE);
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(bot_explain(f->bot, f->bot->world, &e, false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "mynah answers /status itself"));
	buf_fini(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_ear, teardown_ear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_command_is_answered_or_its_place_told_why_not),
		CASE(test_a_model_that_takes_too_long_ends_late),
		CASE(test_a_second_delivery_does_not_end_the_first),
		CASE(test_what_is_written_so_far_is_shown_as_far_as_it_may_be),
		CASE(test_the_logins_of_a_place_are_never_said),
		CASE(test_what_was_deleted_is_over),
		CASE(test_quiet_is_a_moderators_and_can_be_ended),
		CASE(test_persona_says_who_speaks_and_lets_moderators_choose),
		CASE(test_forgetme_forgets_what_was_said_and_what_is_on_its_way),
		CASE(test_status_is_one_short_text),
		CASE(test_a_place_is_told_every_command),
		CASE(test_explain_knows_the_bots_own_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
