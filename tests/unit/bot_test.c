/* The bot with every room real, in one process: a pipe is the console, a file is the model. Events
 * are also put in at the door where places put them. */
#include "bot_help.h"

static void test_answers_from_template_and_model(void **state)
{
	struct fixture *f = *state;

	say(f, "hi there");
	wait_said(f, "Hi you!");
	say(f, "!ask how is it outside");
	wait_said(f, "it is a fine day");
	say(f, "/event raid 50");
	wait_said(f, "Welcome 50 friends of you!");
	wait_verdict(f, "none none none");
	assert_int_equal(f->bot->sent, 3);
	assert_conserved(f->bot);
}

static void test_gate_names_each_reason(void **state)
{
	struct fixture *f = *state;
	struct event e = message("a", "nothing to see");

	put(f, &e);
	wait_verdict(f, "no_match");
	put(f, &e);
	wait_verdict(f, "duplicate");
	e = message("b", "hi");
	e.is_self = true;
	put(f, &e);
	wait_verdict(f, "self");
	e = message("c", "hi");
	e.is_bot = true;
	put(f, &e);
	wait_verdict(f, "bot");
	e = message("d", "hi");
	e.is_foreign = true;
	put(f, &e);
	wait_verdict(f, "foreign_room");
	e = message("e", "!mod");
	put(f, &e);
	wait_verdict(f, "level");
	assert_int_equal(bot_quiet(f->bot, "console", 60000), 0);
	e = message("f", "hi");
	put(f, &e);
	wait_verdict(f, "quiet");
	assert_int_equal(bot_quiet(f->bot, "console", 0), 0);
	e = message("g", "hi");
	put(f, &e);
	wait_said(f, "Hi Bob!");
	e = message("h", "hi");
	put(f, &e);
	wait_verdict(f, "cooldown_user");
	assert_int_equal(f->bot->hits, 1);
	assert_conserved(f->bot);
}

static void test_no_answer_gives_the_otherwise_line_or_silence(void **state)
{
	struct fixture *f = *state;

	say(f, "!hush break");
	wait_verdict(f, "provider");
	assert_int_equal(f->bot->drops[REASON_PROVIDER], 1);
	say(f, "!ask break");
	wait_said(f, "My head is empty.");
	assert_conserved(f->bot);
}

static void test_a_command_from_the_model_is_never_said(void **state)
{
	struct fixture *f = *state;

	say(f, "!hush bad");
	wait_verdict(f, "unsafe");
	read_said(f);
	assert_null(strstr(buf_text(&f->said), "ban"));
}

static void test_a_deleted_message_is_not_answered(void **state)
{
	struct fixture *f = *state;
	const struct event e = message("m1", "!ask slow");
	const struct erasure x = {.platform = STR("console"), .channel = STR("console"),
		.channel_id = STR("console"), .message_id = STR("m1")};

	put(f, &e);
	io_turn(f->io, 5);
	f->bot->owner.erase(f->bot->owner.ctx, &x);
	wait_verdict(f, "gone");
	for (int i = 0; i < 100; i++)
		io_turn(f->io, 5);
	read_said(f);
	assert_null(strstr(buf_text(&f->said), "late but here"));
	assert_conserved(f->bot);
}

static void test_drain_waits_for_answers_and_begins_none(void **state)
{
	struct fixture *f = *state;
	const struct event slow = message("s", "!ask slow"), more = message("t", "hi");

	put(f, &slow);
	io_turn(f->io, 5);
	bot_drain(f->bot);
	put(f, &more);
	wait_verdict(f, "stopped");
	wait_said(f, "late but here");
	for (int i = 0; i < TURNS_MAX && !f->is_drained; i++)
		io_turn(f->io, 5);
	assert_true(f->is_drained);
	assert_int_equal(bot_live(f->bot), 0);
	assert_conserved(f->bot);
}

static void test_drain_ends_what_takes_too_long(void **state)
{
	struct fixture *f = *state;
	const struct event e = message("n", "!ask never");

	put(f, &e);
	io_turn(f->io, 5);
	bot_drain(f->bot);
	assert_int_equal(bot_live(f->bot), 1);
	bot_drain(f->bot); /* the second one does not wait */
	for (int i = 0; i < TURNS_MAX && !f->is_drained; i++)
		io_turn(f->io, 5);
	assert_true(f->is_drained);
	assert_int_equal(f->bot->drops[REASON_STOPPED], 1);
	assert_conserved(f->bot);
}

static void test_reload_takes_good_files_and_keeps_cooldowns(void **state)
{
	struct fixture *f = *state;
	const struct event one = message("1", "hi"), two = message("2", "hi"),
		three = message("3", "yo");

	put(f, &one);
	wait_said(f, "Hi Bob!");
	write_file(f, "triggers/more.yaml", "yo:\n  words: [yo]\n  reply: 'Yo.'\n");
	reload(f);
	put(f, &two);
	wait_verdict(f, "cooldown_user");
	put(f, &three);
	wait_said(f, "Yo.");
}

static void test_reload_of_a_broken_file_keeps_its_last_good_version(void **state)
{
	struct fixture *f = *state;
	const struct event e = message("1", "hi");
	struct buf report;

	write_file(f, "triggers/all.yaml", "hi:\n  wrods: [hi]\n  reply: 'No.'\n");
	reload(f);
	assert_int_equal(f->bot->world->stale_count, 1);
	put(f, &e);
	wait_said(f, "Hi Bob!");
	buf_init(&report, 1 << 20);
	assert_int_equal(bot_reload_report(f->bot, &report), 0);
	assert_non_null(strstr(buf_text(&report), "wrods"));
	buf_fini(&report);
}

static void assert_reply(const struct fixture *f, const char *name, const char *reply)
{
	const struct trigger *t = trigger_set_find(f->bot->world->triggers, name);

	assert_non_null(t);
	assert_string_equal(t->reply, reply);
}

/* Neither at a reload nor at a start, and not even once the bot has run with both. */
static void test_a_new_file_takes_no_name_from_an_old_one(void **state)
{
	struct fixture *f = *state;

	write_file(f, "triggers/00-new.yaml", "hi:\n  words: [hi]\n  reply: 'Mine.'\n"
		"yo:\n  words: [yo]\n  reply: 'Yo.'\n");
	for (int i = 0; i < 2; i++) {
		reload(f);
		assert_non_null(strstr(buf_text(&f->bot->reload_report),
			"triggers/00-new.yaml:1:1: error: trigger \\\"hi\\\" is left out: "));
		assert_non_null(strstr(buf_text(&f->bot->reload_report),
			"all.yaml:1 has one of that name"));
		assert_reply(f, "hi", "Hi $(user)!");
		assert_reply(f, "yo", "Yo.");
	}
	bot_free(f->bot);
	f->bot = NULL;
	assert_int_equal(start_code(f), 0);
	assert_reply(f, "hi", "Hi $(user)!");
	assert_reply(f, "yo", "Yo.");
}

/* The model's file is read last, when the rest of the new world is there: still nothing of it is
 * taken. */
static void test_reload_that_a_provider_refuses_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct event one = message("1", "hi"), two = message("2", "!ask why");
	struct buf report;

	write_file(f, "triggers/all.yaml", "hi:\n  words: [hi]\n  reply: 'New.'\n");
	write_file(f, "answers.yaml", "- {when: [\n");
	reload(f);
	buf_init(&report, 1 << 20);
	assert_int_equal(bot_reload_report(f->bot, &report), 0);
	assert_non_null(strstr(buf_text(&report), "\"accepted\":false"));
	assert_non_null(strstr(buf_text(&report), "the providers could not be made"));
	buf_fini(&report);
	put(f, &one);
	wait_said(f, "Hi Bob!");
	put(f, &two);
	wait_said(f, "it is a fine day");
}

static void test_a_reload_under_way_ends_with_the_bot(void **state)
{
	struct fixture *f = *state;

	bot_reload(f->bot);
	bot_reload(f->bot); /* asked for once more, when the first is done */
	bot_free(f->bot);
	f->bot = NULL;
}

/* What only the room that uses an option can judge is complained of like everything else. */
static void test_a_refused_safety_option_is_named(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *config, *what;
	} cases[] = {
		{"safety: {prefix: '/me says: '}\n", "safety.prefix: \"/me says: \""},
		{"safety: {prefix: '12345678901234567890', max_length: 20}\n", "safety.prefix"},
		{"safety: {allow_hosts: ['*']}\n", "safety.allow_hosts"},
		{"safety: {words_files: [long.txt]}\n", "safety.words_files"},
	};

	write_file(f, "long.txt",
		"oneverylongwordthathasmorethansixtylettersandthereforeisprobablynoword\n");
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct bot_source s = {.config = f->paths[0], .state_dir = f->paths[1],
			.triggers_dir = f->paths[2], .personas_dir = f->paths[3]};
		struct bot_world *w = NULL;
		struct conf_report r;

		write_file(f, "mynah.yaml", cases[i].config);
		conf_report_init(&r);
		assert_int_equal(bot_world_load(&s, &r, &w), ERR_INVALID);
		assert_int_equal(r.n, 1);
		assert_non_null(strstr(r.items[0].what, cases[i].what));
		conf_report_fini(&r);
	}
}

static void test_restart_with_a_broken_file_runs_on_its_last_good_version(void **state)
{
	struct fixture *f = *state;
	const struct event e = message("1", "hi");

	bot_free(f->bot);
	f->bot = NULL;
	write_file(f, "triggers/all.yaml", "hi: [\n");
	write_file(f, "mynah.yaml", "nmae: x\n");
	assert_int_equal(start_code(f), 0);
	assert_int_equal(f->bot->world->stale_count, 2);
	put(f, &e);
	wait_said(f, "Hi Bob!");
}

static void test_after_a_crash_it_starts_and_counts_every_send_as_spent(void **state)
{
	struct fixture *f = *state;

	bot_free(f->bot);
	f->bot = NULL;
	write_file(f, "state/outbox", "open\nhalf a li"); /* not closed in order */
	assert_int_equal(start_code(f), 0);
	for (int i = 0; i < TURNS_MAX && bot_console(f->bot) && outbox_wait_ms(f->bot->outbox, 0,
			"console", clock_mono_ms()) < 0; i++)
		io_turn(f->io, 1);
	assert_true(outbox_wait_ms(f->bot->outbox, 0, "console", clock_mono_ms()) > 0);
}

static void test_a_deleted_file_stays_deleted(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "triggers/more.yaml"), *good;

	write_file(f, "triggers/more.yaml", "yo:\n  words: [yo]\n  reply: 'Yo.'\n");
	reload(f);
	good = path_in(f, "state/good/trigger-more.yaml");
	assert_int_equal(access(good, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	reload(f);
	assert_null(trigger_set_find(f->bot->world->triggers, "yo"));
	assert_int_not_equal(access(good, F_OK), 0);
	mem_free(good);
	mem_free(path);
}

static void test_second_instance_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bot *first = f->bot;

	f->bot = NULL;
	assert_int_equal(start_code(f), ERR_BUSY);
	f->bot = first;
}

static void test_explain_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct event e = message("1", "this is highlight");
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(bot_explain(f->bot, f->bot->world, &e, false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "silent: no_match"));
	buf_clear(&out);
	e.text = STR("hi all");
	for (int i = 0; i < 2; i++) {
		buf_clear(&out);
		assert_int_equal(bot_explain(f->bot, f->bot->world, &e, false, &out), 0);
		assert_non_null(strstr(buf_text(&out), "fires hi"));
	}
	put(f, &e);
	wait_said(f, "Hi Bob!");
	buf_clear(&out);
	e.id = STR("2");
	assert_int_equal(bot_explain(f->bot, f->bot->world, &e, false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "cooldown_user"));
	buf_fini(&out);
}

static void send_into_the_void(void *self, struct reply *r)
{
	(void)self;
	reply_free(r);
}

/* A place that a reload takes away frees the replies it holds and tells nothing of them. */
static void test_turns_of_a_removed_place_end(void **state)
{
	struct fixture *f = *state;
	const struct event sent = message("1", "hi"), asked = message("2", "!ask never");
	struct bot_place *p = &f->bot->places[0];
	struct platform_ops mute = *p->platform.ops;

	mute.send = send_into_the_void;
	p->platform.ops = &mute;
	put(f, &sent);
	put(f, &asked);
	io_turn(f->io, 1);
	assert_int_equal(bot_live(f->bot), 2);
	f->bot->options.console = NULL; /* from now on the config says which places there are */
	reload(f);
	assert_int_equal(bot_live(f->bot), 0);
	assert_int_equal(f->bot->drops[REASON_UNKNOWN_SENT], 1);
	assert_int_equal(f->bot->drops[REASON_GONE], 1);
	assert_conserved(f->bot);
}

/* The place of an event that people describe is found by its platform, not taken as the first. */
static void test_explain_asks_the_place_of_the_platform(void **state)
{
	struct fixture *f = *state;
	struct event e = message("1", "hi");
	struct bot_channel *c;
	struct buf out;

	f->bot->places[1].name = mem_dup("irc");
	c = bot_channel(f->bot, 1, e.channel, true);
	assert_non_null(c);
	c->quiet_until_ms = e.at_ms + 60000;
	buf_init(&out, 1 << 20);
	e.platform = STR("irc");
	assert_int_equal(bot_explain(f->bot, f->bot->world, &e, false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "silent: quiet"));
	buf_clear(&out);
	e.platform = STR("console");
	assert_int_equal(bot_explain(f->bot, f->bot->world, &e, false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "fires hi"));
	buf_fini(&out);
}

static void test_quiet_takes_a_channel_as_people_spell_it(void **state)
{
	struct fixture *f = *state;
	const struct event one = message("1", "hi"), two = message("2", "hi");
	const struct platform_console_options *console = f->bot->options.console;

	f->bot->options.console = NULL; /* a place of the config, whose channels are lower case */
	assert_int_equal(bot_quiet(f->bot, "#Console", 60000), 0);
	put(f, &one);
	wait_verdict(f, "quiet");
	assert_int_equal(bot_quiet(f->bot, "CONSOLE", 0), 0);
	put(f, &two);
	wait_said(f, "Hi Bob!");
	f->bot->options.console = console;
}

static void test_a_channel_that_matters_no_more_makes_room(void **state)
{
	struct fixture *f = *state;
	char name[32];

	assert_int_equal(bot_quiet(f->bot, "long", 600000), 0);
	for (int i = 1; i < BOT_CHANNELS_MAX; i++) {
		snprintf(name, sizeof(name), "channel%d", i);
		assert_int_equal(bot_quiet(f->bot, name, 1000), 0);
	}
	assert_int_equal(bot_quiet(f->bot, "onemore", 1000), ERR_LIMIT);
	io_clock_shift(f->io, 61000);
	for (int i = 0; i < TURNS_MAX && HASH_COUNT(f->bot->channels) > 1; i++)
		io_turn(f->io, 5);
	assert_int_equal(HASH_COUNT(f->bot->channels), 1);
	assert_non_null(bot_channel(f->bot, 0, STR("long"), false));
	assert_int_equal(bot_quiet(f->bot, "onemore", 1000), 0);
}

/* Reasons that do not fit are left out whole: what is there stays a list of JSON strings. */
static void test_reasons_that_do_not_fit_are_left_out(void **state)
{
	struct fixture *f = *state;
	struct json *j = NULL;
	struct buf all, list;
	const char *why;

	write_file(f, "triggers/all.yaml", "hi: [\n");
	write_file(f, "personas/mynah.yaml", "nmae: x\n");
	reload(f);
	buf_init(&all, 1 << 16);
	buf_init(&list, 1 << 16);
	assert_false(bot_is_healthy(f->bot, &all));
	for (size_t room = 0, most = all.len; room <= most; room++) {
		buf_fini(&all);
		buf_init(&all, room);
		assert_false(bot_is_healthy(f->bot, &all));
		buf_clear(&list);
		assert_int_equal(buf_addf(&list, "{\"reasons\":[%s]}", buf_text(&all)), 0);
		assert_int_equal(json_parse(buf_str(&list), list.max, &j, &why), 0);
		json_free(j);
	}
	buf_fini(&all);
	buf_fini(&list);
}

static void test_a_flood_is_conserved(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = {"hi", "!ask a", "!ask slow", "!hush bad", "!hush break",
		"nothing", "!mod", "!ask never"};
	char id[16], user[16];

	for (int i = 0; i < 400; i++) {
		struct event e;

		snprintf(id, sizeof(id), "f%d", i);
		snprintf(user, sizeof(user), "u%d", i);
		e = message(id, texts[i % (int)COUNT(texts)]);
		e.user_id = str_of(user);
		put(f, &e);
		assert_conserved(f->bot);
		if (i % 10 == 0)
			io_turn(f->io, 0);
	}
	assert_true(f->bot->drops[REASON_BUSY] > 0);
	assert_true(bot_live(f->bot) <= (size_t)f->bot->world->conf->limits.turns);
	bot_drain(f->bot);
	bot_drain(f->bot);
	for (int i = 0; i < TURNS_MAX && !f->is_drained; i++)
		io_turn(f->io, 5);
	assert_int_equal(bot_live(f->bot), 0);
	assert_conserved(f->bot);
}

static void test_every_allocation_of_a_turn_may_fail(void **state)
{
	struct fixture *f = *state;
	char id[16];

	for (unsigned long n = 1; n < 120; n++) {
		struct event e;

		snprintf(id, sizeof(id), "x%lu", n);
		e = message(id, n % 2 ? "!ask a" : "!hush a");
		e.user_id = str_of(id);
		mem_fail_at(n, 0);
		put(f, &e);
		for (int i = 0; i < 5; i++)
			io_turn(f->io, 1);
		mem_fail_at(0, 0);
		assert_conserved(f->bot);
	}
	for (int i = 0; i < TURNS_MAX && bot_live(f->bot) > 0; i++)
		io_turn(f->io, 5);
	assert_int_equal(bot_live(f->bot), 0);
	assert_true(f->bot->sent > 0);
}

static void test_status_and_metrics_tell_the_counts(void **state)
{
	struct fixture *f = *state;
	struct json *j = NULL;
	struct buf out;
	const char *why;

	say(f, "hi");
	wait_said(f, "Hi you!");
	wait_verdict(f, "none");
	buf_init(&out, 1 << 20);
	assert_int_equal(bot_status(f->bot, &out), 0);
	assert_int_equal(json_parse(buf_str(&out), 1 << 20, &j, &why), 0);
	assert_int_equal(json_int(j, "sent", -1), 1);
	json_free(j);
	buf_clear(&out);
	bot_metrics(f->bot);
	assert_int_equal(metric_write(&out), 0);
	assert_non_null(strstr(buf_text(&out), "mynah_sent_total 1"));
	assert_non_null(strstr(buf_text(&out), "mynah_drops_total{reason=\"late\"} 0"));
	buf_fini(&out);
}

/* What the model says is refused, by safety or by the trigger, when so much time is gone. */
static void refuse_after(struct fixture *f, const char *command, int64_t gone_ms, int64_t calls)
{
	struct event e = message(command, command);

	const int64_t before = f->bot->counts.calls_day;

	buf_clear(&f->said);
	put(f, &e);
	io_turn(f->io, 5); /* the question is on its way, whose answer takes a while */
	io_clock_shift(f->io, gone_ms);
	wait_said(f, "My head is empty.");
	assert_int_equal(f->bot->counts.calls_day - before, calls);
}

static void test_with_little_time_left_there_is_no_second_try(void **state)
{
	static const char *const commands[] = {"!bad", "!unfit", "!form"};
	struct fixture *f = *state;
	int64_t deadline_ms;

	write_file(f, "answers.yaml", "- {when: 'go bad', reply: '/ban everyone', delay: 300ms}\n"
		"- {when: '*', reply: 'words, at last', delay: 300ms}\n");
	write_file(f, "triggers/all.yaml",
		"bad: {command: bad, ask: 'go bad', otherwise: 'My head is empty.', "
		"cooldown: {user: 0}}\n"
		"unfit: {command: unfit, ask: 'speak', must_not: 'words', "
		"otherwise: 'My head is empty.', cooldown: {user: 0}}\n"
		"form: {command: form, ask: 'speak', reply: '$(answer.say)', "
		"schema: {type: object, properties: {say: {type: string}}}, "
		"otherwise: 'My head is empty.', cooldown: {user: 0}}\n");
	reload(f);
	deadline_ms = f->bot->world->conf->limits.deadline_ms;
	clock_shift(0, CLOCK_DAY_MS - clock_wall_ms() % CLOCK_DAY_MS); /* no day ends meanwhile */
	for (size_t i = 0; i < COUNT(commands); i++) {
		refuse_after(f, commands[i], 0, 2);
		io_clock_shift(f->io, 3600000); /* the same line may be said again */
		refuse_after(f, commands[i], deadline_ms - 800, 1);
		io_clock_shift(f->io, 3600000);
	}
	assert_conserved(f->bot);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answers_from_template_and_model),
		CASE(test_gate_names_each_reason),
		CASE(test_no_answer_gives_the_otherwise_line_or_silence),
		CASE(test_a_command_from_the_model_is_never_said),
		CASE(test_with_little_time_left_there_is_no_second_try),
		CASE(test_a_deleted_message_is_not_answered),
		CASE(test_drain_waits_for_answers_and_begins_none),
		CASE(test_drain_ends_what_takes_too_long),
		CASE(test_reload_takes_good_files_and_keeps_cooldowns),
		CASE(test_reload_of_a_broken_file_keeps_its_last_good_version),
		CASE(test_a_new_file_takes_no_name_from_an_old_one),
		CASE(test_reload_that_a_provider_refuses_changes_nothing),
		CASE(test_a_reload_under_way_ends_with_the_bot),
		CASE(test_restart_with_a_broken_file_runs_on_its_last_good_version),
		CASE(test_after_a_crash_it_starts_and_counts_every_send_as_spent),
		CASE(test_a_deleted_file_stays_deleted),
		CASE(test_second_instance_is_refused),
		CASE(test_explain_changes_nothing),
		CASE(test_a_refused_safety_option_is_named),
		CASE(test_turns_of_a_removed_place_end),
		CASE(test_explain_asks_the_place_of_the_platform),
		CASE(test_quiet_takes_a_channel_as_people_spell_it),
		CASE(test_a_channel_that_matters_no_more_makes_room),
		CASE(test_reasons_that_do_not_fit_are_left_out),
		CASE(test_a_flood_is_conserved),
		CASE(test_every_allocation_of_a_turn_may_fail),
		CASE(test_status_and_metrics_tell_the_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
