/* chat: names people use, and copies that own what they hold. */
#include "unit.h"

#include "chat/chat.h"

static void levels_have_the_words_of_other_bots(void **state)
{
	static const struct {
		const char *word;
		enum level level;
	} cases[] = {
		{"everyone", LEVEL_EVERYONE}, {"viewer", LEVEL_EVERYONE}, {"SUB", LEVEL_SUBSCRIBER},
		{"subscriber", LEVEL_SUBSCRIBER}, {"twitch_vip", LEVEL_VIP},
		{"Mod", LEVEL_MODERATOR}, {"owner", LEVEL_BROADCASTER},
		{"streamer", LEVEL_BROADCASTER},
	};
	static const char *const unknown[] = {"", "moderat", "mod mods", " mod", "admin"};
	enum level got;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_case(i, level_parse(str_of(cases[i].word), &got) == 0);
		assert_case(i, got == cases[i].level);
	}
	for (size_t i = 0; i < COUNT(unknown); i++)
		assert_case(i, level_parse(str_of(unknown[i]), &got) == ERR_NOTFOUND);
	for (int i = 0; i < LEVEL_COUNT; i++) {
		assert_int_equal(level_parse(str_of(level_name((enum level)i)), &got), 0);
		assert_int_equal(got, i);
	}
	assert_string_equal(level_name((enum level)99), "unknown");
}

static void the_highest_role_is_the_level(void **state)
{
	struct event e = {.roles = ROLE(LEVEL_SUBSCRIBER) | ROLE(LEVEL_MODERATOR)};

	(void)state;
	assert_int_equal(level_of_roles(0), LEVEL_EVERYONE);
	assert_int_equal(level_of_roles(ROLE(LEVEL_EVERYONE)), LEVEL_EVERYONE);
	assert_int_equal(level_of_roles(~0u), LEVEL_BROADCASTER);
	assert_int_equal(event_level(&e), LEVEL_MODERATOR);
}

static void every_reason_has_one_name_and_one_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < REASON_COUNT; i++) {
		const char *text = reason_text((enum reason)i);
		assert_true(strlen(text) > 5);
		assert_int_not_equal(text[strlen(text) - 1], '.');
		for (int j = 0; j < i; j++)
			assert_string_not_equal(reason_name((enum reason)i),
				reason_name((enum reason)j));
	}
	assert_string_equal(reason_name(REASON_COOLDOWN_USER), "cooldown_user");
	assert_false(reason_is_after_hit(REASON_CHANCE));
	assert_true(reason_is_after_hit(REASON_BUSY));
	assert_true(reason_is_after_hit(REASON_NOMEM));
	assert_string_equal(reason_name(REASON_COUNT), "unknown");
}

static void event_kinds_are_known_by_every_name(void **state)
{
	static const struct {
		const char *word;
		enum event_kind kind;
	} cases[] = {
		{"message", EVENT_MESSAGE}, {"channel.chat.message", EVENT_MESSAGE},
		{"subgift", EVENT_GIFT}, {"RAID", EVENT_RAID}, {"channel.raid", EVENT_RAID},
		{"stream.online", EVENT_ONLINE}, {"streamdown", EVENT_OFFLINE},
		{"bits", EVENT_CHEER}, {"channel-gift", EVENT_GIFTBOMB},
		{"hype-train-begin", EVENT_HYPETRAIN}, {"channel.ad_break.begin", EVENT_AD},
		{"user.whisper.message", EVENT_WHISPER}, {"raid_out", EVENT_RAIDOUT},
		{"channel.shoutout.receive", EVENT_SHOUTED},
	};
	enum event_kind got;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_case(i, event_kind_parse(str_of(cases[i].word), &got) == 0);
		assert_case(i, got == cases[i].kind);
	}
	assert_int_equal(event_kind_parse(STR("nothing"), &got), ERR_NOTFOUND);
	assert_int_equal(event_kind_parse(STR(""), &got), ERR_NOTFOUND);
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		assert_int_equal(event_kind_parse(str_of(event_kind_name((enum event_kind)i)),
			&got), 0);
		assert_int_equal(got, i);
		assert_true(strlen(event_kind_help((enum event_kind)i)) > 0);
	}
}

/* A word in the table twice would make one of its two meanings unreachable. */
static void no_word_means_two_event_kinds(void **state)
{
	static const char *const aliases[] = {
#define X(upper, lower, words, text, help, vars) #lower " " words,
		CHAT_EVENTS(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < COUNT(aliases); i++) {
		struct str rest = str_of(aliases[i]);
		while (rest.len > 0) {
			struct str word = str_split(&rest, ' ');
			enum event_kind got;
			enum event_sort sort;
			if (word.len == 0)
				continue;
			if (event_word_parse(word, &got, &sort) != 0 || got != (enum event_kind)i ||
				sort != SORT_ANY)
				fail_msg("%.*s", STR_FMT(word));
		}
	}
}

static void sorts_of_messages_are_told_by_what_they_are(void **state)
{
	static const struct {
		const char *word;
		struct event yes, no;
	} cases[] = {
		{"command", {.text = {"!so", 3}}, {.text = {"so!", 3}}},
		{"first_message", {.is_first = true}, {.is_first = false}},
		{"first-message", {.is_first = true}, {.is_first = false}},
		{"Reply", {.to_id = {"7", 1}}, {.to_id = {NULL, 0}}},
		{"action", {.is_action = true}, {.is_action = false}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum event_kind kind;
		enum event_sort sort;

		assert_case(i, event_word_parse(str_of(cases[i].word), &kind, &sort) == 0);
		assert_case(i, kind == EVENT_MESSAGE && sort != SORT_ANY);
		assert_case(i, event_is_sort(&cases[i].yes, sort));
		assert_case(i, !event_is_sort(&cases[i].no, sort));
		assert_case(i, event_is_sort(&cases[i].no, SORT_ANY));
	}
}

static void a_copied_event_outlives_the_receive_buffer(void **state)
{
	char wire[] = "alice|42|hello";
	struct event e = {
		.kind = EVENT_MESSAGE, .user = {wire, 5}, .user_id = {wire + 6, 2},
		.text = {wire + 9, 5}, .platform = STR("twitch"), .roles = ROLE(LEVEL_VIP),
		.at_ms = 7, .place = 3, .is_direct = true,
	};

	(void)state;
	struct event *copy = event_copy(&e);
	memset(wire, '#', sizeof(wire));
	assert_str(copy->user, STR("alice"));
	assert_str(copy->user_id, STR("42"));
	assert_str(copy->text, STR("hello"));
	assert_str(copy->platform, STR("twitch"));
	assert_str(copy->reward, STR(""));
	assert_int_equal(copy->text.at[5], '\0');
	assert_int_equal(copy->at_ms, 7);
	assert_int_equal(copy->place, 3);
	assert_true(copy->is_direct);
	assert_int_equal(event_level(copy), LEVEL_VIP);
	mem_free(copy);

	mem_fail_at(1, 0);
	assert_null(event_copy(&e));
	mem_fail_at(0, 0);
}

/* Every string of an event is the copy's own: one that is forgotten would point into the wire. */
static void a_copy_owns_every_string(void **state)
{
	static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct event e;
	size_t strings = 0;

	(void)state;
	memset(&e, 0, sizeof(e));
	struct str *all[] = {&e.platform, &e.channel, &e.channel_id, &e.channel_name, &e.parent,
		&e.user, &e.login, &e.user_id, &e.id, &e.text, &e.to_id, &e.touser, &e.tier,
		&e.reward, &e.reward_id, &e.batch, &e.users, &e.command, &e.emoji, &e.stream.id,
		&e.stream.title, &e.stream.game};

	for (; strings < COUNT(all); strings++)
		*all[strings] = (struct str){text, strings + 1};
	struct event *copy = event_copy(&e);
	assert_non_null(copy);
	for (size_t i = 0; i < COUNT(all); i++) {
		const struct str *s =
			(struct str *)((char *)copy + ((char *)all[i] - (char *)&e));

		assert_case(i, s->at != text && s->len == i + 1);
		assert_case(i, memcmp(s->at, text, s->len) == 0);
	}
	mem_free(copy);
}

static void a_command_has_a_name_that_can_be_offered(void **state)
{
	static const struct {
		const char *name;
		bool is_good;
	} cases[] = {
		{"ask", true}, {"a-b_c9", true}, {"fr\u00e4ge", true}, {"\u8cea\u554f", true},
		{"", false}, {"Ask", false}, {"a b", false}, {"/ask", false}, {"a.b", false},
		{"\u00c4sk", false}, {"a\xff", false},
		{"abcdefghijklmnopqrstuvwxyz012345", true},
		{"abcdefghijklmnopqrstuvwxyz0123456", false},
	};
	enum slash_own own;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_case(i, slash_is_name(str_of(cases[i].name)) == cases[i].is_good);
	for (int i = 0; i < SLASH_OWN_COUNT; i++) {
		const struct slash *s = slash_own((enum slash_own)i);

		assert_int_equal(slash_own_parse(str_of(s->name), &own), 0);
		assert_int_equal(own, i);
	}
	assert_int_equal(slash_own_parse(STR("ask"), &own), ERR_NOTFOUND);
}

static void every_platform_has_a_form(void **state)
{
	(void)state;
	assert_true(form_of(STR("discord"))->has_lines);
	assert_int_equal(form_of(STR("discord"))->length, 2000);
	assert_false(form_of(STR("twitch"))->has_lines);
	assert_int_equal(form_of(STR("twitch"))->length, 500);
	assert_ptr_equal(form_of(STR("elsewhere")), form_of(STR("twitch")));
}

static void a_reply_takes_its_address_from_the_event(void **state)
{
	struct event e = {.platform = STR("twitch"), .channel = STR("alice"),
		.channel_id = STR("1"), .user_id = STR("42"), .id = STR("m-1"), .at_ms = 9,
		.place = 2};

	(void)state;
	struct reply *r = reply_new("turn-1", &e, STR("hi!"));
	assert_string_equal(r->turn, "turn-1");
	assert_string_equal(r->platform, "twitch");
	assert_string_equal(r->channel, "alice");
	assert_string_equal(r->channel_id, "1");
	assert_string_equal(r->user_id, "42");
	assert_string_equal(r->to_id, "m-1");
	assert_string_equal(r->text, "hi!");
	assert_int_equal(r->place, 2);
	assert_int_equal(r->made_ms, 9);
	reply_free(r);

	e.id = STR("");
	r = reply_new("a turn id that is far longer than a UUID ever gets", &e, STR(""));
	assert_null(r->to_id);
	assert_string_equal(r->text, "");
	assert_int_equal(strlen(r->turn), TURN_ID_BYTES - 1);
	reply_free(r);
	reply_free(NULL);
}

static void without_memory_there_is_no_half_a_reply(void **state)
{
	struct event e = {.platform = STR("twitch"), .channel = STR("alice"), .id = STR("m-1")};
	struct reply *r = NULL;

	(void)state;
	for (unsigned long n = 1; !r; n++) {
		assert_in_range(n, 1, 20);
		mem_fail_at(n, 0);
		r = reply_new("turn", &e, STR("hi"));
		mem_fail_at(0, 0);
		assert_true(!r || n == 8); /* seven allocations */
	}
	reply_free(r);
}

static void priorities_are_in_order(void **state)
{
	(void)state;
	assert_true(PRIORITY_AMBIENT < PRIORITY_QUESTION && PRIORITY_QUESTION < PRIORITY_DIRECT &&
		PRIORITY_DIRECT < PRIORITY_THANKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_have_the_words_of_other_bots),
		cmocka_unit_test(the_highest_role_is_the_level),
		cmocka_unit_test(every_reason_has_one_name_and_one_sentence),
		cmocka_unit_test(event_kinds_are_known_by_every_name),
		cmocka_unit_test(no_word_means_two_event_kinds),
		cmocka_unit_test(sorts_of_messages_are_told_by_what_they_are),
		cmocka_unit_test(a_copied_event_outlives_the_receive_buffer),
		cmocka_unit_test(a_copy_owns_every_string),
		cmocka_unit_test(a_command_has_a_name_that_can_be_offered),
		cmocka_unit_test(every_platform_has_a_form),
		cmocka_unit_test(a_reply_takes_its_address_from_the_event),
		cmocka_unit_test(without_memory_there_is_no_half_a_reply),
		cmocka_unit_test(priorities_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
