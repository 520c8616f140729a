/* Which scopes a login is asked for, and which subscriptions are used: by config and wishes. */
#include "platform/twitch_need.h"
#include "unit.h"

#include <string.h>

static struct conf_place place(int chat, int send, int support)
{
	return (struct conf_place){.kind = CONF_TWITCH, .chat = chat, .send = send,
		.support = support};
}

static void expect_scopes(const struct conf_place *c, uint64_t kinds, bool is_broadcaster,
	const char *want)
{
	struct platform_wants w = {.kinds = kinds};
	struct buf out;

	buf_init(&out, 1024);
	assert_int_equal(platform_need_scopes(c, &w, is_broadcaster, &out), 0);
	assert_string_equal(buf_text(&out), want);
	buf_fini(&out);
}

static void a_login_is_asked_for_what_is_used_and_no_more(void **state)
{
	struct conf_place irc = place(CONF_BY_IRC, CONF_SEND_IRC, CONF_BY_IRC);
	struct conf_place mixed = place(CONF_BY_IRC, CONF_SEND_HELIX, CONF_BY_EVENTSUB);
	struct conf_place modern = place(CONF_BY_EVENTSUB, CONF_SEND_HELIX, CONF_BY_IRC);
	uint64_t support = EVENT_BIT(EVENT_SUB) | EVENT_BIT(EVENT_RESUB) | EVENT_BIT(EVENT_CHEER);

	(void)state;
	expect_scopes(&irc, EVENT_BIT(EVENT_MESSAGE) | support, false, "chat:read chat:edit");
	expect_scopes(&irc, support, true, "");
	expect_scopes(&irc, EVENT_BIT(EVENT_FOLLOW) | EVENT_BIT(EVENT_WHISPER), false,
		"chat:read chat:edit moderator:read:followers user:manage:whispers");
	expect_scopes(&irc, EVENT_BIT(EVENT_REDEEM) | EVENT_BIT(EVENT_AD), true,
		"channel:read:redemptions channel:read:ads");
	expect_scopes(&mixed, support, false, "chat:read user:write:chat");
	expect_scopes(&mixed, support, true, "channel:read:subscriptions bits:read");
	expect_scopes(&modern, support, false, "user:write:chat user:read:chat");
}

/* Somebody who runs the bot under their own name logs in once. */
static void the_broadcasters_own_account_is_asked_for_both(void **state)
{
	char *channels[] = {"KelpForest"};
	struct conf_place c = place(CONF_BY_IRC, CONF_SEND_IRC, CONF_BY_IRC);

	(void)state;
	c.account = "kelpforest";
	c.channels = (struct conf_texts){channels, 1};
	expect_scopes(&c, EVENT_BIT(EVENT_REDEEM), false,
		"chat:read chat:edit channel:read:redemptions");
}

static void every_row_is_whole_and_no_subscription_stands_twice(void **state)
{
	size_t n;
	const struct platform_need *needs = platform_needs(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_case(i, needs[i].type[0] && needs[i].version[0] && needs[i].help[0]);
		assert_case(i, needs[i].kinds != 0 || needs[i].use == PLATFORM_USE_CHAT);
		for (size_t k = 0; k < i; k++)
			assert_case(i, strcmp(needs[i].type, needs[k].type) != 0 ||
				needs[i].condition != needs[k].condition);
	}
}

static void what_nobody_wants_is_not_subscribed(void **state)
{
	struct conf_place irc = place(CONF_BY_IRC, CONF_SEND_IRC, CONF_BY_IRC);
	struct platform_wants nothing = {0}, live = {.stream = true};
	size_t n, used = 0;
	const struct platform_need *needs = platform_needs(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_case(i, !platform_need_is_used(&needs[i], &irc, &nothing));
		used += platform_need_is_used(&needs[i], &irc, &live);
	}
	assert_int_equal(used, 2); /* the start and the end of a stream */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_is_asked_for_what_is_used_and_no_more),
		cmocka_unit_test(the_broadcasters_own_account_is_asked_for_both),
		cmocka_unit_test(every_row_is_whole_and_no_subscription_stands_twice),
		cmocka_unit_test(what_nobody_wants_is_not_subscribed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
