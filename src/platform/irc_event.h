/* platform/irc_event.h: a line of an ordinary IRC network becomes an event. As twitch_event.h, with
 * the tags of IRCv3 where the server gives them: account (who), msgid, time, bot, +draft/reply. */
#ifndef PLATFORM_IRC_EVENT_H
#define PLATFORM_IRC_EVENT_H

#include "platform/irc_member.h"
#include "platform/twitch_event.h"

/* PRIVMSG to a channel. As platform_twitch_event. */
int platform_irc_event(struct platform_maker *m, const struct platform_members *members,
	const struct platform_line *l, struct str channel, struct event *e,
	const char **why) MUST_USE;

#endif
