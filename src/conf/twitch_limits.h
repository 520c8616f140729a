/* conf/twitch_limits.h: what Twitch allows, in one table. The ranges of options, what `mynah check`
 * warns of and the manual come from it; conf.h brings it along.
 *
 * Sources, all read 2026-08: Twitch's documentation of chat (send, join, login, rooms), of chat
 * messages (length, twins), of EventSub (connections, subscriptions, cost) and of the API (points).
 * "O" marks what was only observed. All are per account, whichever way and process uses it.
 * Twitch's windows have an unknown phase: whoever keeps a limit keeps a sliding window, and one
 * under it. */
#ifndef CONF_TWITCH_LIMITS_H
#define CONF_TWITCH_LIMITS_H

/* name, number, unit as the manual says it, what it means and who is exempt */
#define CONF_TWITCH_LIMITS(X)                                                                      \
	X(SENDS, 20, "messages in 30 s",                                                           \
		"In all channels together; past it everything is ignored for an hour. "            \
		"mynah keeps 19 in 30.5 s.")                                                       \
	X(SENDS_MOD, 100, "messages in 30 s",                                                      \
		"Where the bot is broadcaster, moderator or VIP; they count into the 20 as "       \
		"well. mynah keeps 99 in 30.5 s.")                                                 \
	X(SENDS_CHANNEL, 1, "message a second in a channel",                                       \
		"Not where the bot is broadcaster, moderator or VIP. mynah keeps 1.1 s.")          \
	X(SENDS_VERIFIED, 7500, "messages in 30 s",                                                \
		"For verified bots; Twitch grants that hardly any more.")                          \
	X(TWIN_S, 30, "seconds before the same text again",                                        \
		"In one channel, and not where the bot is broadcaster, moderator or VIP (O). "     \
		"mynah does not say it again, and uses none of the invisible suffixes that "       \
		"Twitch takes off.")                                                               \
	X(UNITS, 500, "characters in a message", "Longer ones are cut or refused.")                \
	X(JOINS, 20, "channels joined in 10 s",                                                    \
		"Subscriptions to a channel's chat over EventSub count too. "                      \
		"mynah keeps 18 in 12 s.")                                                         \
	X(LOGINS, 20, "logins in 10 s", "mynah waits longer between two.")                         \
	X(ROOMS, 100, "channels at once",                                                          \
		"Channels where the bot is broadcaster or moderator do not count, nor do those "   \
		"that authorised the application for an app token. A join past it gets no "        \
		"answer.")                                                                         \
	X(CONNECTIONS, 3, "EventSub connections",                                                  \
		"With enabled subscriptions, of one account and application.")                     \
	X(SUBSCRIPTIONS, 300, "EventSub subscriptions on a connection", "")                        \
	X(COST, 10, "EventSub cost in all",                                                        \
		"A subscription costs 1 where the broadcaster has not authorised the "             \
		"application: live state and raids of strangers. Else it is free.")                \
	X(POINTS, 800, "API points a minute",                                                      \
		"Most calls take one. Sending messages has a bucket of its own.")

enum {
#define X(name, number, unit, text) CONF_TWITCH_##name = (number),
	CONF_TWITCH_LIMITS(X)
#undef X
};

#endif
