/* Which feature needs which subscription, scope and login. In order of importance: what stands
 * first is subscribed first. Source: Twitch's subscription types and scopes, protocols/twitch.md
 * 2.7, 4.6. */
#include "platform/twitch_need.h"

#include <stdio.h>

#define KIND(name) EVENT_BIT(EVENT_##name)
#define SCOPE_BYTES 64    /* the longest has 47 */
#define SCOPES_BYTES 1024 /* all scopes of the table together have half of that */

static const struct platform_need needs[] = {
	{"channel.chat.message", "1", PLATFORM_OF_CHANNEL_AND_USER, PLATFORM_USE_CHAT,
		KIND(MESSAGE) | KIND(CHEER) | KIND(REDEEM), false, "user:read:chat", "Chat"},
	{"channel.chat.notification", "1", PLATFORM_OF_CHANNEL_AND_USER, PLATFORM_USE_CHAT,
		KIND(SUB) | KIND(RESUB) | KIND(GIFT) | KIND(GIFTBOMB) | KIND(UPGRADE) | KIND(RAID) |
			KIND(ANNOUNCEMENT) | KIND(STREAK),
		false, "user:read:chat",
		"Subscriptions, gifts, raids, announcements and watch streaks as chat shows them"},
	{"channel.chat.message_delete", "1", PLATFORM_OF_CHANNEL_AND_USER, PLATFORM_USE_CHAT, 0,
		false, "user:read:chat", "Forgetting deleted messages"},
	{"channel.chat.clear_user_messages", "1", PLATFORM_OF_CHANNEL_AND_USER, PLATFORM_USE_CHAT,
		0, false, "user:read:chat", "Forgetting people who were timed out or banned"},
	{"channel.chat.clear", "1", PLATFORM_OF_CHANNEL_AND_USER, PLATFORM_USE_CHAT, 0, false,
		"user:read:chat", "Forgetting a cleared chat"},
	{"channel.chat_settings.update", "1", PLATFORM_OF_CHANNEL_AND_USER, PLATFORM_USE_CHAT, 0,
		false, "user:read:chat", "Slow mode"},
	{"channel.channel_points_custom_reward_redemption.add", "1", PLATFORM_OF_CHANNEL,
		PLATFORM_USE_KIND, KIND(REDEEM), true,
		"channel:read:redemptions|channel:manage:redemptions",
		"Channel point rewards by their title, also those without text"},
	{"channel.subscribe", "1", PLATFORM_OF_CHANNEL, PLATFORM_USE_SUPPORT, KIND(SUB), true,
		"channel:read:subscriptions", "New subscriptions"},
	{"channel.subscription.message", "1", PLATFORM_OF_CHANNEL, PLATFORM_USE_SUPPORT,
		KIND(RESUB), true, "channel:read:subscriptions", "Renewed subscriptions"},
	{"channel.subscription.gift", "1", PLATFORM_OF_CHANNEL, PLATFORM_USE_SUPPORT,
		KIND(GIFT) | KIND(GIFTBOMB), true, "channel:read:subscriptions",
		"Gifted subscriptions"},
	{"channel.cheer", "1", PLATFORM_OF_CHANNEL, PLATFORM_USE_SUPPORT, KIND(CHEER), true,
		"bits:read", "Cheers"},
	{"channel.raid", "1", PLATFORM_TO_CHANNEL, PLATFORM_USE_SUPPORT, KIND(RAID), false, "",
		"Incoming raids"},
	{"channel.follow", "2", PLATFORM_OF_CHANNEL_AND_MOD, PLATFORM_USE_KIND, KIND(FOLLOW), false,
		"moderator:read:followers", "Follows; the bot must be a moderator"},
	{"stream.online", "1", PLATFORM_OF_CHANNEL, PLATFORM_USE_KIND, KIND(ONLINE), false, "",
		"The start of a stream"},
	{"stream.offline", "1", PLATFORM_OF_CHANNEL, PLATFORM_USE_KIND, KIND(OFFLINE), false, "",
		"The end of a stream"},
	{"channel.hype_train.begin", "2", PLATFORM_OF_CHANNEL, PLATFORM_USE_KIND, KIND(HYPETRAIN),
		true, "channel:read:hype_train", "Hype trains"},
	{"channel.ad_break.begin", "1", PLATFORM_OF_CHANNEL, PLATFORM_USE_KIND, KIND(AD), true,
		"channel:read:ads|channel:manage:ads", "Advertising"},
	{"channel.shoutout.receive", "1", PLATFORM_OF_CHANNEL_AND_MOD, PLATFORM_USE_KIND,
		KIND(SHOUTED), false, "moderator:read:shoutouts|moderator:manage:shoutouts",
		"Shoutouts by other channels; the bot must be a moderator"},
	{"channel.shoutout.create", "1", PLATFORM_OF_CHANNEL_AND_MOD, PLATFORM_USE_KIND,
		KIND(SHOUTOUT), false, "moderator:read:shoutouts|moderator:manage:shoutouts",
		"Shoutouts to other channels; the bot must be a moderator"},
	{"channel.raid", "1", PLATFORM_FROM_CHANNEL, PLATFORM_USE_KIND, KIND(RAIDOUT), false, "",
		"Outgoing raids"},
	{"user.whisper.message", "1", PLATFORM_OF_USER, PLATFORM_USE_KIND, KIND(WHISPER), false,
		"user:manage:whispers", "Whispers to the bot and its answers"},
};

const struct platform_need *platform_needs(size_t *n)
{
	*n = sizeof(needs) / sizeof(needs[0]);
	return needs;
}

bool platform_need_is_used(const struct platform_need *need, const struct conf_place *c,
	const struct platform_wants *w)
{
	uint64_t kinds = w->kinds;

	if (w->stream)
		kinds |= KIND(ONLINE) | KIND(OFFLINE);
	switch (need->use) {
	case PLATFORM_USE_CHAT: /* also with nothing wanted: lanes and memory live on it */
		return c->chat == CONF_BY_EVENTSUB;
	case PLATFORM_USE_SUPPORT:
		return c->support == CONF_BY_EVENTSUB && (kinds & need->kinds) != 0;
	case PLATFORM_USE_KIND:
		return (kinds & need->kinds) != 0;
	}
	return false;
}

/* Does the token have one of "a|b"? */
static bool has_one(const struct platform_token *t, struct str any)
{
	char scope[SCOPE_BYTES];

	while (t && any.len > 0) {
		struct str one = str_split(&any, '|');

		snprintf(scope, sizeof(scope), "%.*s", STR_FMT(one));
		if (platform_token_has_scope(t, scope))
			return true;
	}
	return false;
}

/* Adds each scope of "a b|c d" that neither the token has nor out; of alternatives the first, which
 * allows least. */
static int add_scopes(const struct platform_token *t, const char *scopes, struct buf *out)
{
	struct str rest = str_of(scopes);
	int err = 0;

	while (rest.len > 0 && err == 0) {
		struct str any = str_split(&rest, ' ');
		bool is_there = has_one(t, any);
		struct str one = str_split(&any, '|'), have = buf_str(out);

		while (have.len > 0 && !is_there)
			is_there = str_eq(str_split(&have, ' '), one);
		if (is_there)
			continue;
		if (out->len > 0)
			err = buf_addc(out, ' ');
		if (err == 0)
			err = buf_add_str(out, one);
	}
	return err;
}

/* Is the bot's account the broadcaster of one of its channels? Then its login does for both. */
static bool is_own_channel(const struct conf_place *c)
{
	for (size_t i = 0; c->account && i < c->channels.n; i++) {
		if (str_is_nocase(str_of(c->account), c->channels.at[i]))
			return true;
	}
	return false;
}

/* Chat by EventSub has no IRC at all: replies go by Helix then (twitch_place.h). */
static int add_chat_scopes(
	const struct conf_place *c, const struct platform_token *t, struct buf *out)
{
	if (c->chat != CONF_BY_IRC)
		return add_scopes(t, "user:write:chat", out);
	return add_scopes(t, c->send == CONF_SEND_IRC ? "chat:read chat:edit" :
		"chat:read user:write:chat", out);
}

int platform_need_missing(const struct conf_place *c, const struct platform_wants *w,
	bool is_broadcaster, const struct platform_token *t, struct buf *out)
{
	bool is_own = is_own_channel(c);
	struct buf scopes;
	int err = 0;

	buf_init(&scopes, SCOPES_BYTES);
	if (!is_broadcaster)
		err = add_chat_scopes(c, t, &scopes);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]) && err == 0; i++) {
		bool is_theirs = needs[i].is_broadcasters ? is_broadcaster || is_own :
				 !is_broadcaster;

		if (is_theirs && platform_need_is_used(&needs[i], c, w))
			err = add_scopes(t, needs[i].scopes, &scopes);
	}
	if (err == 0)
		err = buf_add_str(out, buf_str(&scopes));
	buf_fini(&scopes);
	return err;
}

int platform_need_scopes(const struct conf_place *c, const struct platform_wants *w,
	bool is_broadcaster, struct buf *out)
{
	return platform_need_missing(c, w, is_broadcaster, NULL, out);
}
