/* outbox: what a channel would hear, and when. */
#include "unit.h"

#include <limits.h>

#include "outbox/outbox.h"

#define TTL      30000

static struct outbox *make(void)
{
	struct outbox_options o = {.lane_max = 100, .total_max = 1000};
	struct outbox *ob;

	assert_int_equal(outbox_new(&o, &ob), 0);
	return ob;
}

static void add_account(struct outbox *ob, unsigned place, const char *key)
{
	struct outbox_account a = {
		.place = place, .sends = 19, .sends_mod = 99, .window_ms = 30500, .gap_ms = 1100};

	snprintf(a.key, sizeof(a.key), "%s", key);
	assert_int_equal(outbox_account(ob, &a), 0);
}

static void set_lane(struct outbox *ob, unsigned place, const char *channel, bool is_privileged)
{
	struct outbox_lane l = {.is_open = true, .is_privileged = is_privileged};

	assert_int_equal(outbox_lane(ob, place, channel, &l), 0);
}

static struct outbox *make_usual(void)
{
	struct outbox *ob = make();

	add_account(ob, 0, "twitch:1");
	set_lane(ob, 0, "alice", false);
	set_lane(ob, 0, "bob", false);
	set_lane(ob, 0, "mod", true);
	return ob;
}

static struct reply *make_reply(const char *channel, const char *text, enum priority p, int64_t at)
{
	struct event e = {.platform = STR("twitch"),
		.channel = str_of(channel),
		.channel_id = STR("7"),
		.user_id = STR("42"),
		.id = STR("m-1"),
		.at_ms = at};
	struct reply *r = reply_new("turn", &e, str_of(text));

	assert_non_null(r);
	r->priority = p;
	r->dies_ms = at + TTL;
	return r;
}

static enum reason put(
	struct outbox *ob, const char *channel, const char *text, enum priority p, int64_t at)
{
	return outbox_put(ob, make_reply(channel, text, p, at), at);
}

/* Takes the next reply and says whether it is this one. */
static void expect_next(struct outbox *ob, int64_t now, const char *text)
{
	int64_t wait;
	struct reply *r = outbox_next(ob, now, &wait);

	if (!text) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_string_equal(r->text, text);
	reply_free(r);
}

static void expect_dropped(struct outbox *ob, int64_t now, const char *text, enum reason want)
{
	enum reason why = REASON_NONE;
	struct reply *r = outbox_dropped(ob, now, &why);

	if (!text) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_string_equal(r->text, text);
	assert_string_equal(reason_name(why), reason_name(want));
	reply_free(r);
}

static void the_most_urgent_goes_first_then_the_oldest(void **state)
{
	struct outbox *ob = make_usual();

	(void)state;
	assert_int_equal(put(ob, "mod", "ambient", PRIORITY_AMBIENT, 1), REASON_NONE);
	assert_int_equal(put(ob, "mod", "question 2", PRIORITY_QUESTION, 2), REASON_NONE);
	assert_int_equal(put(ob, "alice", "thanks", PRIORITY_THANKS, 4), REASON_NONE);
	assert_int_equal(put(ob, "mod", "question 3", PRIORITY_QUESTION, 3), REASON_NONE);
	assert_int_equal(put(ob, "bob", "direct", PRIORITY_DIRECT, 5), REASON_NONE);
	assert_int_equal(outbox_waiting(ob), 5);
	assert_int_equal(outbox_waiting_lane(ob, 0, "mod"), 3);
	static const char *const order[] = {
		"thanks", "direct", "question 2", "question 3", "ambient"};
	for (size_t i = 0; i < COUNT(order); i++)
		expect_next(ob, 10, order[i]);
	expect_next(ob, 10, NULL);
	outbox_free(ob);
}

static void a_lane_begins_closed_and_waits(void **state)
{
	struct outbox *ob = make();
	int64_t wait = 0;

	(void)state;
	add_account(ob, 0, "twitch:1");
	assert_int_equal(put(ob, "alice", "hi", PRIORITY_DIRECT, 0), REASON_NONE);
	assert_null(outbox_next(ob, 5, &wait));
	assert_int_equal(wait, TTL + 1 - 5);
	assert_int_equal(outbox_wait_ms(ob, 0, "alice", 5), -1);
	set_lane(ob, 0, "alice", false);
	expect_next(ob, 6, "hi");
	assert_null(outbox_next(ob, 7, &wait));
	assert_int_equal(wait, -1);
	outbox_free(ob);
}

static void a_place_without_account_says_nothing(void **state)
{
	struct outbox *ob = make();

	(void)state;
	set_lane(ob, 0, "alice", true);
	assert_int_equal(put(ob, "alice", "hi", PRIORITY_DIRECT, 0), REASON_NONE);
	expect_next(ob, 1, NULL);
	add_account(ob, 0, "twitch:1");
	expect_next(ob, 1, "hi");
	outbox_free(ob);
}

static void channels_keep_their_gap_slow_mode_and_hold(void **state)
{
	struct outbox *ob = make_usual();
	int64_t wait;

	(void)state;
	put(ob, "alice", "one", PRIORITY_DIRECT, 1000);
	put(ob, "alice", "two", PRIORITY_DIRECT, 1000);
	expect_next(ob, 1000, "one");
	assert_null(outbox_next(ob, 1000, &wait));
	assert_int_equal(wait, 1100);
	expect_next(ob, 2099, NULL);
	expect_next(ob, 2100, "two");

	struct outbox_lane slow = {.is_open = true, .slow_ms = 10000};
	assert_int_equal(outbox_lane(ob, 0, "alice", &slow), 0);
	put(ob, "alice", "three", PRIORITY_DIRECT, 3000);
	assert_int_equal(outbox_wait_ms(ob, 0, "alice", 3000), 9200); /* and a little to spare */
	expect_next(ob, 12199, NULL);
	slow.is_privileged = true; /* slow mode is not for moderators */
	assert_int_equal(outbox_lane(ob, 0, "alice", &slow), 0);
	expect_next(ob, 12199, "three");

	slow.hold_until_ms = 20000;
	assert_int_equal(outbox_lane(ob, 0, "alice", &slow), 0);
	put(ob, "alice", "four", PRIORITY_DIRECT, 13000);
	expect_next(ob, 19999, NULL);
	expect_next(ob, 20000, "four");
	outbox_free(ob);
}

/* W4, W5: 19 in a window, the moderated channel goes on to 99 and its sends hold the others back.
 */
static void privileged_sends_fill_the_small_window(void **state)
{
	struct outbox *ob = make_usual();
	char text[32];
	int sent = 0;
	int64_t wait;
	struct reply *r;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		assert_int_equal(put(ob, "mod", text, PRIORITY_AMBIENT, 0), REASON_NONE);
	}
	put(ob, "alice", "hello", PRIORITY_QUESTION, 0);
	expect_next(ob, 0, "hello");
	while ((r = outbox_next(ob, 0, &wait))) {
		reply_free(r);
		sent++;
	}
	assert_int_equal(sent, 98);
	assert_int_equal(wait, 30001); /* the last two grow late before the window opens again */
	put(ob, "bob", "still there?", PRIORITY_THANKS, 1000);
	expect_next(ob, 30499, NULL);
	expect_next(ob, 30500, "still there?");
	/* moderator no more: what was sent stays counted at once */
	set_lane(ob, 0, "mod", false);
	for (int i = 0; i < 18; i++) {
		set_lane(ob, 0, "mod", true);
		snprintf(text, sizeof(text), "n%d", i);
		put(ob, "mod", text, PRIORITY_AMBIENT, 31000);
		expect_next(ob, 31000, text);
	}
	set_lane(ob, 0, "mod", false);
	put(ob, "mod", "over", PRIORITY_AMBIENT, 40000);
	expect_next(ob, 40000, NULL);
	expect_next(ob, 60999, NULL);
	expect_next(ob, 61000, "over");
	outbox_free(ob);
}

static void a_reload_of_the_account_keeps_what_was_sent(void **state)
{
	struct outbox *ob = make_usual();
	struct outbox_account a = {.place = 0,
		.key = "twitch:1",
		.sends = 2,
		.sends_mod = 4000,
		.window_ms = 30500,
		.gap_ms = 0};

	(void)state;
	put(ob, "alice", "one", PRIORITY_DIRECT, 0);
	put(ob, "bob", "two", PRIORITY_DIRECT, 0);
	expect_next(ob, 0, "one");
	expect_next(ob, 0, "two");
	assert_int_equal(outbox_account(ob, &a), 0);
	put(ob, "alice", "three", PRIORITY_DIRECT, 10000);
	expect_next(ob, 10000, NULL);
	expect_next(ob, 30500, "three");
	a.sends = 20000;
	assert_int_equal(outbox_account(ob, &a), ERR_LIMIT);
	a.sends = -1;
	assert_int_equal(outbox_account(ob, &a), ERR_INVALID);
	outbox_free(ob);
}

/* Joins are counted apart from sends, in a sliding log that a restart keeps. */
static void joins_have_a_budget_that_survives_a_restart(void **state)
{
	struct outbox_account a = {.place = 0, .key = "twitch:1", .sends = 2, .sends_mod = 2,
		.window_ms = 30500, .joins = 3, .join_window_ms = 10500};
	struct outbox *ob = make(), *next = make();
	struct buf file;

	(void)state;
	assert_int_equal(outbox_join(ob, 0, 0), -1); /* no account */
	assert_int_equal(outbox_account(ob, &a), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(outbox_join(ob, 0, 1000 + 100 * i), 0);
	assert_int_equal(outbox_join(ob, 0, 1300), 10200);
	assert_true(outbox_is_dirty(ob));
	set_lane(ob, 0, "alice", false);
	put(ob, "alice", "hi", PRIORITY_DIRECT, 1300);
	expect_next(ob, 1300, "hi");
	buf_init(&file, 4096);
	assert_int_equal(outbox_save(ob, 2000, 502000, &file), 0);
	assert_int_equal(outbox_load(next, buf_str(&file), 3000, 503000), 0);
	assert_int_equal(outbox_account(next, &a), 0);
	assert_int_equal(outbox_join(next, 0, 3000), 8500);
	assert_int_equal(outbox_join(next, 0, 11500), 0);
	assert_int_equal(outbox_join(next, 0, 11500), 100);
	buf_fini(&file);
	outbox_free(next);
	outbox_free(ob);
}

static void a_late_reply_is_dropped_not_sent(void **state)
{
	struct outbox *ob = make_usual();
	struct reply *r = make_reply("alice", "old", PRIORITY_THANKS, 0);

	(void)state;
	put(ob, "alice", "hi", PRIORITY_DIRECT, 0);
	expect_dropped(ob, TTL, NULL, REASON_NONE);
	expect_next(ob, TTL + 1, NULL);
	expect_dropped(ob, TTL + 1, "hi", REASON_LATE);
	expect_dropped(ob, TTL + 1, NULL, REASON_NONE);
	assert_int_equal(outbox_put(ob, r, TTL + 1), REASON_LATE);
	/* on its last moment it is still good */
	put(ob, "alice", "ho", PRIORITY_DIRECT, 40000);
	expect_next(ob, 40000 + TTL, "ho");
	outbox_free(ob);
}

static void the_same_words_in_a_channel_are_a_twin(void **state)
{
	static const struct {
		const char *channel, *text;
		enum reason want;
	} cases[] = {
		{"alice", "Hello there", REASON_TWIN},
		{"alice", "hello   THERE ", REASON_TWIN},
		{"alice", "hell\u200bo there", REASON_TWIN},
		{"alice", "\uff28ello there", REASON_TWIN},
		{"alice", "hello, there", REASON_NONE},
		{"bob", "Hello there", REASON_NONE},
	};
	struct outbox *ob = make_usual();

	(void)state;
	assert_int_equal(put(ob, "alice", "Hello there", PRIORITY_DIRECT, 0), REASON_NONE);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(put(ob, cases[i].channel, cases[i].text, PRIORITY_AMBIENT, 1),
			cases[i].want);
	expect_next(ob, 100, "Hello there");
	assert_int_equal(put(ob, "alice", "hello there", PRIORITY_DIRECT, 100 + OUTBOX_TWIN_MS),
		REASON_TWIN);
	assert_int_equal(put(ob, "alice", "hello there", PRIORITY_DIRECT, 101 + OUTBOX_TWIN_MS),
		REASON_NONE);
	outbox_free(ob);
}

static void words_that_were_dropped_may_be_said_again(void **state)
{
	struct outbox *ob = make_usual();

	(void)state;
	put(ob, "alice", "hi", PRIORITY_DIRECT, 0);
	outbox_drop(ob, 0, "alice", REASON_STOPPED);
	expect_dropped(ob, 0, "hi", REASON_STOPPED);
	assert_int_equal(put(ob, "alice", "hi", PRIORITY_DIRECT, 1), REASON_NONE);
	outbox_free(ob);
}

static void a_full_lane_sheds_the_least_urgent_then_the_oldest(void **state)
{
	struct outbox_options o = {.lane_max = 3, .total_max = 4};
	struct outbox *ob;

	(void)state;
	assert_int_equal(outbox_new(&o, &ob), 0);
	put(ob, "alice", "q1", PRIORITY_QUESTION, 1);
	put(ob, "alice", "a2", PRIORITY_AMBIENT, 2);
	put(ob, "alice", "a3", PRIORITY_AMBIENT, 3);
	assert_int_equal(put(ob, "alice", "d4", PRIORITY_DIRECT, 4), REASON_NONE);
	expect_dropped(ob, 4, "a2", REASON_FULL);
	assert_int_equal(put(ob, "alice", "a5", PRIORITY_AMBIENT, 5), REASON_NONE);
	expect_dropped(ob, 5, "a3", REASON_FULL);
	assert_int_equal(put(ob, "alice", "q6", PRIORITY_QUESTION, 6), REASON_NONE);
	expect_dropped(ob, 6, "a5", REASON_FULL);
	/* all more urgent than the newcomer: it goes itself */
	assert_int_equal(put(ob, "alice", "a7", PRIORITY_AMBIENT, 7), REASON_FULL);
	expect_dropped(ob, 7, NULL, REASON_NONE);
	/* the whole is full: the worst of any lane goes */
	assert_int_equal(put(ob, "bob", "a8", PRIORITY_AMBIENT, 8), REASON_NONE);
	assert_int_equal(put(ob, "carol", "t9", PRIORITY_THANKS, 9), REASON_NONE);
	expect_dropped(ob, 9, "a8", REASON_FULL);
	assert_int_equal(put(ob, "carol", "t10", PRIORITY_THANKS, 10), REASON_NONE);
	expect_dropped(ob, 10, "q1", REASON_FULL);
	assert_int_equal(outbox_waiting(ob), 4);
	outbox_free(ob);
}

/* A12: nothing answers a deleted message, a banned user, or goes to a cleared chat. */
static void erasures_drop_what_they_name(void **state)
{
	static const struct {
		struct erasure e;
		bool goes;
	} cases[] = {
		{{.platform = STR("twitch"), .channel = STR("alice"), .message_id = STR("m-1")},
			true},
		{{.platform = STR("twitch"), .channel = STR("alice"), .message_id = STR("m-2")},
			false},
		{{.platform = STR("twitch"), .channel = STR("alice"), .user_id = STR("42")}, true},
		{{.platform = STR("twitch"), .channel = STR("alice"), .user_id = STR("43")}, false},
		{{.platform = STR("twitch"), .channel = STR("alice")}, true},
		{{.platform = STR("twitch"), .channel_id = STR("7")}, true},
		{{.platform = STR("twitch"), .channel = STR("bob")}, false},
		{{.platform = STR("discord"), .user_id = STR("42")}, false},
		{{.user_id = STR("42"), .message_id = STR("m-9")}, false},
		{{.user_id = STR("42")}, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct outbox *ob = make_usual();
		put(ob, "alice", "hi", PRIORITY_DIRECT, 0);
		outbox_erase(ob, &cases[i].e);
		expect_dropped(ob, 0, cases[i].goes ? "hi" : NULL, REASON_GONE);
		expect_next(ob, 0, cases[i].goes ? NULL : "hi");
		outbox_free(ob);
	}
}

static void a_refused_lane_drops_and_takes_no_more(void **state)
{
	struct outbox *ob = make_usual();
	struct outbox_lane banned = {.is_open = true, .is_refused = true};

	(void)state;
	put(ob, "alice", "one", PRIORITY_DIRECT, 0);
	put(ob, "bob", "two", PRIORITY_DIRECT, 0);
	assert_int_equal(outbox_lane(ob, 0, "alice", &banned), 0);
	expect_dropped(ob, 0, "one", REASON_REFUSED);
	assert_int_equal(put(ob, "alice", "three", PRIORITY_DIRECT, 1), REASON_REFUSED);
	expect_next(ob, 1, "two");
	outbox_drop(ob, UINT_MAX, NULL, REASON_STOPPED);
	expect_dropped(ob, 1, NULL, REASON_NONE);
	outbox_free(ob);
}

static void drops_hit_their_place_only(void **state)
{
	struct outbox *ob = make_usual();
	struct reply *r = make_reply("alice", "elsewhere", PRIORITY_DIRECT, 0);

	(void)state;
	r->place = 1;
	assert_int_equal(outbox_put(ob, r, 0), REASON_NONE);
	put(ob, "alice", "here", PRIORITY_DIRECT, 0);
	outbox_drop(ob, 1, NULL, REASON_STOPPED);
	expect_dropped(ob, 0, "elsewhere", REASON_STOPPED);
	expect_dropped(ob, 0, NULL, REASON_NONE);
	outbox_drop(ob, UINT_MAX, NULL, REASON_STOPPED);
	expect_dropped(ob, 0, "here", REASON_STOPPED);
	outbox_free(ob);
}

static void channels_may_come_and_go_without_end(void **state)
{
	const struct outbox_lane shut = {0};
	struct outbox *ob = make_usual();
	struct outbox_lane known;
	char channel[24];

	(void)state;
	assert_int_equal(put(ob, "waits", "hi", PRIORITY_DIRECT, 0), REASON_NONE);
	for (int i = 0; i < 10100; i++) {
		snprintf(channel, sizeof(channel), "thread%d", i);
		set_lane(ob, 0, channel, true);
		assert_int_equal(outbox_lane(ob, 0, channel, &shut), 0);
	}
	set_lane(ob, 0, channel, true);
	assert_int_equal(put(ob, channel, "still heard", PRIORITY_DIRECT, 0), REASON_NONE);
	expect_next(ob, 0, "still heard");
	assert_int_equal(outbox_lane_of(ob, 0, "alice", &known), 0); /* it is open */
	assert_int_equal(outbox_waiting_lane(ob, 0, "waits"), 1);
	outbox_free(ob);
}

static void names_with_control_characters_are_refused(void **state)
{
	struct outbox *ob = make_usual();
	struct outbox_lane l = {.is_open = true};

	(void)state;
	assert_int_equal(outbox_lane(ob, 0, "al\tice", &l), ERR_INVALID);
	assert_int_equal(put(ob, "al\nice", "hi", PRIORITY_DIRECT, 0), REASON_REFUSED);
	outbox_free(ob);
}

/* ---- Restarts -------------------------------------------------------------------------------- */

/* Sends 19 from alice's account, saves, and says how long a new process must wait. */
static int64_t wait_after_restart(int64_t saved_mono, int64_t saved_wall, int64_t now, int64_t wall)
{
	struct outbox *ob = make();
	struct buf text;
	char line[32];

	buf_init(&text, 65536);
	add_account(ob, 0, "twitch:1");
	set_lane(ob, 0, "alice", true);
	for (int i = 0; i < 19; i++) {
		snprintf(line, sizeof(line), "%d", i);
		put(ob, "alice", line, PRIORITY_DIRECT, saved_mono - 1000);
		expect_next(ob, saved_mono - 1000, line);
	}
	assert_true(outbox_is_dirty(ob));
	assert_int_equal(outbox_save(ob, saved_mono, saved_wall, &text), 0);
	assert_false(outbox_is_dirty(ob));
	outbox_free(ob);

	ob = make();
	assert_int_equal(outbox_load(ob, buf_str(&text), now, wall), 0);
	add_account(ob, 0, "twitch:1");
	set_lane(ob, 0, "bob", false);
	int64_t wait = outbox_wait_ms(ob, 0, "bob", now);
	outbox_free(ob);
	buf_fini(&text);
	return wait;
}

static void a_restart_keeps_the_budgets(void **state)
{
	static const struct {
		const char *what;
		int64_t now, wall, wait;
	} cases[] = {
		{"at once", 500000, 9000000, 29500},
		{"10 s later", 510000, 9010000, 19500},
		{"a minute later", 560000, 9060000, 0},
		{"wall clock an hour ahead", 510000, 9010000 + 3600000, 19500},
		{"wall clock an hour back", 510000, 9010000 - 3600000, 29500},
		{"machine began anew 5 s ago", 5000, 9040000, 24500},
		{"machine began anew long ago", 400000, 9400000, 0},
		{"another machine that runs longer", 800000, 9002000, 27500},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("# %s\n", cases[i].what);
		assert_int_equal(wait_after_restart(500000, 9000000, cases[i].now, cases[i].wall),
			cases[i].wait);
	}
}

static void a_restart_keeps_when_a_channel_was_spoken_in(void **state)
{
	struct outbox *ob = make_usual();
	struct outbox_lane slow = {.is_open = true, .slow_ms = 120000};
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	put(ob, "alice", "hi", PRIORITY_DIRECT, 100000);
	expect_next(ob, 100000, "hi");
	assert_int_equal(outbox_save(ob, 100000, 5000, &text), 0);
	outbox_free(ob);

	/* twice, with nothing said in between */
	for (int i = 0; i < 2; i++) {
		ob = make();
		assert_int_equal(outbox_load(ob, buf_str(&text), 110000, 15000), 0);
		buf_clear(&text);
		if (i == 0) {
			assert_int_equal(outbox_save(ob, 110000, 15000, &text), 0);
			outbox_free(ob);
		}
	}
	assert_int_equal(outbox_lane(ob, 0, "alice", &slow), 0);
	add_account(ob, 0, "twitch:1");
	assert_int_equal(outbox_wait_ms(ob, 0, "alice", 110000), 110100);
	outbox_free(ob);
	buf_fini(&text);
}

static void a_file_without_sense_counts_as_all_spent(void **state)
{
	static const char *const files[] = {
		"",
		"\n",
		"hello",
		"mynah-outbox 1\n",
		"mynah-outbox 1\t1\t1\n",
		"mynah-outbox 2\t1\t1\nend\t0\n",
		"mynah-outbox 1\t1\t1\nsend\t1\ttwitch:1\n",
		"mynah-outbox 1\t1\t1\nsend\t1\ttwitch:1\nend\t2\n",
		"mynah-outbox 1\t1\t1\nsend\t1\ttwitch:1\nend\t1\nsend\t1\ttwitch:1\n",
		"mynah-outbox 1\t1\t1\nsend\tx\ttwitch:1\nend\t1\n",
		"mynah-outbox 1\t1\t1\nsend\t5\ttwitch:1\nend\t1\n",
		"mynah-outbox 1\t1\t1\nsend\t-9223372036854775808\ttwitch:1\nend\t1\n",
		"mynah-outbox 1\t1\t9223372036854775807\nend\t0\n",
		"mynah-outbox 1\t1\t1\nsend\t1\ttwitch:1\talice\nend\t1\n",
		"mynah-outbox 1\t1\t1\nlane\t1\ttwitch:1\nend\t1\n",
		"mynah-outbox 1\t1\t1\nsend\t1\t\nend\t1\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct outbox *ob = make();
		add_account(ob, 0, "twitch:1");
		assert_int_equal(outbox_load(ob, str_of(files[i]), 1000, 1000000), ERR_PARSE);
		set_lane(ob, 0, "alice", true);
		add_account(ob, 1, "twitch:2"); /* also an account that comes later */
		set_lane(ob, 1, "bob", false);
		assert_int_equal(outbox_wait_ms(ob, 0, "alice", 1000), 30500);
		assert_int_equal(outbox_wait_ms(ob, 1, "bob", 2000), 29500);
		outbox_free(ob);
	}
}

/* ---- Any traffic keeps within the limits ----------------------------------------------------- */

#define SENDS_MAX 60000
#define CHANNELS  5

/* What the platform saw. The judge knows nothing of the outbox but this. */
struct seen {
	int64_t at;
	int channel;
	bool is_privileged;
};
static struct seen seen[SENDS_MAX];
static size_t seen_n;

/* Slowly, and from the platform's side: its own numbers, every send against every other. */
static void judge(void)
{
	for (size_t i = 0; i < seen_n; i++) {
		int all = 0;
		for (size_t j = i + 1; j-- > 0 && seen[i].at - seen[j].at < 30000;) {
			all++;
			if (j != i && seen[j].channel == seen[i].channel && !seen[i].is_privileged)
				assert_true(seen[i].at - seen[j].at >= 1000);
		}
		assert_true(all <= 100);
		if (!seen[i].is_privileged)
			assert_true(all <= 20);
	}
}

static void restart(struct outbox **ob, int64_t *now, int64_t *wall, const bool *is_privileged)
{
	static const char *const names[CHANNELS] = {"c0", "c1", "c2", "c3", "c4"};
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(outbox_save(*ob, *now, *wall, &text), 0);
	outbox_free(*ob);
	int64_t away = rand_between(0, 20000);
	*now += away;
	*wall += away;
	if (rand_below(2) == 0) /* somebody sets the clock meanwhile */
		*wall += rand_between(-7200000, 7200000);
	*ob = make();
	if (rand_below(8) == 0) /* and a disk eats half of it */
		buf_truncate(&text, text.len / 2);
	int err = outbox_load(*ob, buf_str(&text), *now, *wall);
	assert_true(err == 0 || err == ERR_PARSE);
	add_account(*ob, 0, "twitch:1");
	for (int i = 0; i < CHANNELS; i++)
		set_lane(*ob, 0, names[i], is_privileged[i]);
	buf_fini(&text);
}

static void run_traffic(uint64_t seed)
{
	bool is_privileged[CHANNELS] = {false};
	int64_t now = 1000000, wall = 1700000000000, wait;
	struct outbox *ob = make();
	char channel[8], text[32];
	struct reply *r;
	enum reason why;

	rand_seed(seed);
	seen_n = 0;
	restart(&ob, &now, &wall, is_privileged);
	for (int step = 0; step < 4000; step++) {
		int64_t by = rand_below(10) == 0 ? rand_between(0, 40000) : rand_between(0, 400);
		now += by;
		wall += by;
		if (rand_below(50) == 0)
			wall += rand_between(-7200000, 7200000);
		if (rand_below(40) == 0) {
			int c = (int)rand_below(CHANNELS);
			is_privileged[c] = !is_privileged[c];
			snprintf(channel, sizeof(channel), "c%d", c);
			set_lane(ob, 0, channel, is_privileged[c]);
		}
		if (rand_below(300) == 0)
			restart(&ob, &now, &wall, is_privileged);
		for (uint32_t i = rand_below(8); i > 0; i--) {
			snprintf(channel, sizeof(channel), "c%u", rand_below(CHANNELS));
			snprintf(text, sizeof(text), "%d %u", step, i);
			(void)!put(ob, channel, text, (enum priority)rand_below(4), now);
		}
		while ((r = outbox_next(ob, now, &wait))) {
			int c = r->channel[1] - '0';
			assert_true(seen_n < SENDS_MAX);
			assert_true(now <= r->dies_ms);
			seen[seen_n++] = (struct seen){now, c, is_privileged[c]};
			reply_free(r);
		}
		assert_true(wait == -1 || wait > 0);
		while ((r = outbox_dropped(ob, now, &why)))
			reply_free(r);
	}
	outbox_free(ob);
	assert_true(seen_n > 500); /* the budget is used, not only kept */
	judge();
}

static void no_traffic_exceeds_the_limits(void **state)
{
	const uint64_t seeds = (uint64_t)unit_runs(20);

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		run_traffic(seed);
	}
}

/* Always backlogged and never away: 19 of the 20 that may go in 30.5 s do go. */
static void the_budget_is_used_to_the_full(void **state)
{
	struct outbox *ob = make_usual();
	char text[32];
	int sent = 0;
	int64_t wait;

	(void)state;
	for (int64_t now = 0; now < 305000; now += 100) {
		for (int i = 0; i < 2; i++) {
			snprintf(text, sizeof(text), "%d %d", (int)now, i);
			(void)!put(ob, i ? "alice" : "bob", text, PRIORITY_DIRECT, now);
		}
		struct reply *r;
		while ((r = outbox_next(ob, now, &wait))) {
			reply_free(r);
			sent++;
		}
		enum reason why;
		while ((r = outbox_dropped(ob, now, &why)))
			reply_free(r);
	}
	assert_in_range(sent, 185, 190);
	outbox_free(ob);
}

static void out_of_memory_loses_the_reply_and_nothing_else(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 40; n++) {
		struct outbox *ob = make_usual();
		struct reply *r = make_reply("new channel", "hi", PRIORITY_DIRECT, 0);
		mem_fail_at(n, 1);
		enum reason why = outbox_put(ob, r, 0);
		mem_fail_at(0, 0);
		assert_true(why == REASON_NOMEM || why == REASON_NONE);
		assert_int_equal(outbox_waiting(ob), why == REASON_NONE ? 1 : 0);
		if (why == REASON_NOMEM)
			assert_int_equal(
				put(ob, "new channel", "hi", PRIORITY_DIRECT, 0), REASON_NONE);
		outbox_free(ob);
	}
}

/* Once a channel could not be found for want of memory, was made a second time, closed, and mute
 * for ever. */
static void out_of_memory_makes_no_second_lane(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 20; n++) {
		struct outbox *ob = make_usual();
		struct reply *r = make_reply("alice", "hi", PRIORITY_DIRECT, 0);

		mem_fail_at(n, 0);
		enum reason why = outbox_put(ob, r, 0);
		mem_fail_at(0, 0);
		if (why == REASON_NONE)
			expect_next(ob, 0, "hi");
		assert_int_equal(put(ob, "alice", "again", PRIORITY_DIRECT, 5000), REASON_NONE);
		expect_next(ob, 5000, "again");
		outbox_free(ob);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_urgent_goes_first_then_the_oldest),
		cmocka_unit_test(out_of_memory_makes_no_second_lane),
		cmocka_unit_test(a_lane_begins_closed_and_waits),
		cmocka_unit_test(a_place_without_account_says_nothing),
		cmocka_unit_test(channels_keep_their_gap_slow_mode_and_hold),
		cmocka_unit_test(privileged_sends_fill_the_small_window),
		cmocka_unit_test(a_reload_of_the_account_keeps_what_was_sent),
		cmocka_unit_test(joins_have_a_budget_that_survives_a_restart),
		cmocka_unit_test(a_late_reply_is_dropped_not_sent),
		cmocka_unit_test(the_same_words_in_a_channel_are_a_twin),
		cmocka_unit_test(words_that_were_dropped_may_be_said_again),
		cmocka_unit_test(a_full_lane_sheds_the_least_urgent_then_the_oldest),
		cmocka_unit_test(erasures_drop_what_they_name),
		cmocka_unit_test(a_refused_lane_drops_and_takes_no_more),
		cmocka_unit_test(drops_hit_their_place_only),
		cmocka_unit_test(channels_may_come_and_go_without_end),
		cmocka_unit_test(names_with_control_characters_are_refused),
		cmocka_unit_test(a_restart_keeps_the_budgets),
		cmocka_unit_test(a_restart_keeps_when_a_channel_was_spoken_in),
		cmocka_unit_test(a_file_without_sense_counts_as_all_spent),
		cmocka_unit_test(no_traffic_exceeds_the_limits),
		cmocka_unit_test(the_budget_is_used_to_the_full),
		cmocka_unit_test(out_of_memory_loses_the_reply_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
