/* memory: what was said is recalled, in order, to whom it belongs, and no longer than allowed: from
 * this process and from Redis alike. */
#include "memory_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Both backends --------------------------------------------------------------------------- */

static void lines_come_back_in_order(struct world *w)
{
	struct memory_key k = world_key("twitch", "7", "42");
	struct line both[] = {
		{.name = STR("Ann"), .text = STR("hi there"), .wall_ms = clock_wall_ms()},
		{.is_bot = true, .name = STR("Mynah"), .text = STR("\"o7\" \xf0\x9f\xab\xa1"),
			.wall_ms = clock_wall_ms()},
	};

	assert_string_equal(world_recall(w, "42"), "");
	assert_int_equal(w->err, 0);
	memory_remember(&w->memory, &k, both, 2);
	assert_string_equal(world_recall(w, "42"), "Ann: hi there|>Mynah: \"o7\" \xf0\x9f\xab\xa1");
	for (int i = 0; i < 9; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		world_remember(w, "42", text, "");
	}
	assert_string_equal(world_recall(w, "42"), "Ann: 4|Ann: 5|Ann: 6|Ann: 7|Ann: 8");
	assert_string_equal(world_recall_as(w, k, 2, 0), "Ann: 7|Ann: 8");
	assert_string_equal(world_recall_as(w, k, 0, 0), "");
	assert_string_equal(world_recall_as(w, k, 100, 0), "Ann: 4|Ann: 5|Ann: 6|Ann: 7|Ann: 8");
}

static void nobody_hears_what_another_said(struct world *w)
{
	static const struct {
		const char *platform, *channel, *user;
	} people[] = {
		{"twitch", "7", "42"},
		{"irc", "7", "42"},
		{"twitch", "8", "42"},
		{"twitch", "7", "4"},
		{"twitch", "7", "*"},
		{"twitch", "7", "?"},
		{"twitch", "7", "4[0-9]"},
		{"twitch", "7", "a b"},
		{"twitch", "7", "a\r\nDEL mynah1:h:{twitch:7:42}\r\n"},
		{"twitch", "7", "42}"},
		{"twitch", "7:42", "x"},
		{"twitch", "7", "42:x"},
		{"twitch", "7", "%2A"},
		{"twitch", "7", "\xc3\xa9\xff"},
		{"twitch}", "{7", "42"},
		{"twitch", "#7", "A"},
		{"twitch", "#7", "a"},
	};
	struct memory_key k[COUNT(people)];
	char text[24];

	for (size_t i = 0; i < COUNT(people); i++) {
		k[i] = world_key(people[i].platform, people[i].channel, people[i].user);
		snprintf(text, sizeof(text), "nonce-%zu", i);
		world_remember_as(w, k[i], text, "");
	}
	for (size_t i = 0; i < COUNT(people); i++) {
		snprintf(text, sizeof(text), "Ann: nonce-%zu", i);
		assert_string_equal(world_recall_as(w, k[i], 5, 0), text);
	}
	/* forgetting the one whose id is a glob forgets only that one */
	world_erase(w, "7", "*", "");
	world_turn_for(w, 30);
	assert_string_equal(world_recall(w, "*"), "");
	assert_string_equal(world_recall(w, "42"), "Ann: nonce-0");
}

static void without_an_id_nothing_is_kept(struct world *w)
{
	char huge[2000];

	memset(huge, 'u', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	world_remember(w, "", "anonymous", "");
	assert_string_equal(world_recall(w, ""), "");
	assert_int_equal(w->err, ERR_INVALID);
	world_remember(w, huge, "huge", "");
	assert_string_equal(world_recall(w, huge), "");
	assert_int_equal(w->err, ERR_LIMIT);
	world_erase(w, "7", huge, "");
}

static void erasures_reach_what_they_mean(struct world *w)
{
	struct erasure everything_of_42 = {.platform = STR("twitch"), .user_id = STR("42")};

	world_remember(w, "42", "one", "m-1");
	world_remember(w, "42", "two", "m-2");
	world_remember(w, "42", "answer to two", "m-2");
	world_remember(w, "42", "three", "m-3");
	world_remember(w, "43", "other", "m-4");
	world_remember_as(w, world_key("twitch", "8", "42"), "elsewhere", "m-5");

	world_erase(w, "7", "", "m-2");
	assert_string_equal(world_recall(w, "42"), "Ann: one|Ann: three"); /* at once, too */
	world_turn_for(w, 60);
	assert_string_equal(world_recall(w, "42"), "Ann: one|Ann: three");
	world_erase(w, "8", "", "m-1"); /* not its channel */
	world_turn_for(w, 30);
	assert_string_equal(world_recall(w, "42"), "Ann: one|Ann: three");
	world_erase(w, "7", "42", "");
	assert_string_equal(world_recall(w, "42"), "");
	world_turn_for(w, 60);
	assert_string_equal(world_recall(w, "42"), "");
	assert_string_equal(world_recall(w, "43"), "Ann: other");

	world_remember(w, "42", "again", "m-6");
	world_erase(w, "7", "", "");
	assert_string_equal(world_recall(w, "42"), "");
	assert_string_equal(world_recall(w, "43"), "");
	world_turn_for(w, 60);
	assert_string_equal(world_recall(w, "42"), "");
	assert_string_equal(world_recall(w, "43"), "");
	assert_string_equal(world_recall_as(w, world_key("twitch", "8", "42"), 5, 0),
		"Ann: elsewhere");

	world_remember(w, "42", "here", "m-7");
	memory_erase(&w->memory, &everything_of_42);
	world_turn_for(w, 60);
	assert_string_equal(world_recall(w, "42"), "");
	assert_string_equal(world_recall_as(w, world_key("twitch", "8", "42"), 5, 0), "");
}

static void long_lines_are_cut(struct world *w)
{
	char text[5001];

	for (size_t i = 0; i < 5000; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[5000] = '\0';
	world_remember(w, "42", text, "");
	world_recall(w, "42");
	assert_int_equal(strlen(w->said), strlen("Ann: ") + MEMORY_LINE_BYTES);
	assert_true(text_is_utf8(str_of(w->said)));
	/* quotes double in size on their way, and come back */
	memset(text, '"', MEMORY_LINE_BYTES);
	text[MEMORY_LINE_BYTES] = '\0';
	world_remember(w, "43", text, "");
	world_recall(w, "43");
	assert_string_equal(w->said + 5, text);
}

static void on_both(void **state, void (*test)(struct world *w))
{
	struct world *w = *state;

	world_begin_local(w, 1000, 1024 * 1024, 5);
	test(w);
	memory_free(&w->memory);
	world_begin_redis(w, world_server.port);
	test(w);
}

#define ON_BOTH(name)                                                                              \
	static void both_##name(void **state)                                                      \
	{                                                                                          \
		on_both(state, name);                                                              \
	}
ON_BOTH(lines_come_back_in_order)
ON_BOTH(nobody_hears_what_another_said)
ON_BOTH(without_an_id_nothing_is_kept)
ON_BOTH(erasures_reach_what_they_mean)
ON_BOTH(long_lines_are_cut)

/* ---- Local ----------------------------------------------------------------------------------- */

static void lines_grow_old(void **state)
{
	struct world *w = *state;
	struct memory_key k = world_key("twitch", "7", "42");

	world_begin_local(w, 10, 100000, 5);
	world_remember(w, "42", "old", "");
	io_clock_shift(w->io, 10 * 60000);
	world_remember(w, "42", "new", "");
	assert_string_equal(world_recall_as(w, k, 5, 0), "Ann: old|Ann: new");
	assert_string_equal(world_recall_as(w, k, 5, 5 * 60000), "Ann: new");
	clock_shift(0, -2 * HOUR_MS); /* the wall clock does not matter */
	assert_string_equal(world_recall_as(w, k, 5, 0), "Ann: old|Ann: new");
	io_clock_shift(w->io, HOUR_MS - 5 * 60000);
	assert_string_equal(world_recall_as(w, k, 5, 0), "Ann: new");
	io_clock_shift(w->io, HOUR_MS);
	assert_string_equal(world_recall_as(w, k, 5, 0), "");
	clock_shift(0, 2 * HOUR_MS);
}

static size_t known_users(struct world *w, int from, int to)
{
	size_t n = 0;
	char user[16];

	for (int i = from; i < to; i++) {
		snprintf(user, sizeof(user), "%d", i);
		n += world_recall(w, user)[0] != '\0';
	}
	return n;
}

static void a_hundred_thousand_users_stay_bounded(void **state)
{
	struct world *w = *state;
	char user[16], id[16];

	world_begin_local(w, 1000, 100 * 1024 * 1024, 5);
	for (int i = 0; i < 100000; i++) {
		snprintf(user, sizeof(user), "%d", i);
		snprintf(id, sizeof(id), "m-%d", i);
		world_remember(w, user, "hello", id);
		if (i == 99500)
			world_recall(w, "99000"); /* being read makes one young again */
	}
	assert_int_equal(known_users(w, 99001, 100000), 999);
	assert_int_equal(known_users(w, 0, 2000), 0);
	assert_string_equal(world_recall(w, "99000"), "Ann: hello");
}

static void bytes_stay_bounded(void **state)
{
	struct world *w = *state;
	char text[1001], user[16];
	size_t known;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	world_begin_local(w, 100000, 64 * 1024, 5);
	for (int i = 0; i < 1000; i++) {
		snprintf(user, sizeof(user), "%d", i);
		world_remember(w, user, text, "");
	}
	known = known_users(w, 0, 1000);
	assert_in_range(known, 30, 64);
	assert_int_equal(known_users(w, 1000 - (int)known, 1000), known);
}

static void on_recalled_remember(void *ctx, int err, const struct conversation *c)
{
	struct world *w = ctx;

	for (int i = 0; i < 10; i++)
		world_remember(w, "42", "pushed out", "");
	world_on_recalled(ctx, err, c);
}

static void a_reader_may_write(void **state)
{
	struct world *w = *state;
	struct memory_key k = world_key("twitch", "7", "42");

	world_begin_local(w, 10, 100000, 5);
	world_remember(w, "42", "first", "");
	memory_recall(&w->memory, &k, 5, 0, on_recalled_remember, w);
	assert_string_equal(w->said, "Ann: first");
}

static void the_local_store_survives_want_of_memory(void **state)
{
	struct world *w = *state;

	for (unsigned long n = 1; n < 80; n++) {
		struct memory m;

		mem_fail_at(n, n % 2);
		if (memory_local_new(20, 10000, 5, HOUR_MS, &m) == 0) {
			w->memory = m;
			for (int i = 0; i < 30; i++) {
				char id[16];

				snprintf(id, sizeof(id), "%d", i);
				world_remember(w, id, "text", id);
				world_remember(w, "42", "text", id);
				world_recall(w, id);
			}
			world_erase(w, "7", "", "29");
			world_erase(w, "7", "3", "");
			mem_fail_at(0, 0);
			assert_null(strstr(world_recall(w, "29"), "text"));
			assert_string_equal(world_recall(w, "3"), "");
			memory_free(&w->memory);
		}
		mem_fail_at(0, 0);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(both_lines_come_back_in_order),
		CASE(both_nobody_hears_what_another_said),
		CASE(both_without_an_id_nothing_is_kept),
		CASE(both_erasures_reach_what_they_mean),
		CASE(both_long_lines_are_cut),
		CASE(lines_grow_old),
		CASE(a_hundred_thousand_users_stay_bounded),
		CASE(bytes_stay_bounded),
		CASE(a_reader_may_write),
		CASE(the_local_store_survives_want_of_memory),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
