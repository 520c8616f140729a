/* platform/twitch_said.h: what twitch_notify.c and twitch_said.c share. Not for other files. */
#ifndef PLATFORM_TWITCH_SAID_H
#define PLATFORM_TWITCH_SAID_H

#include "platform/twitch_notify.h"

/* The members of an event that name one person. */
struct platform_who {
	const char *id, *login, *name;
};
extern const struct platform_who platform_who_chatter;

/* Fills what events of every kind have: place, room, id, stamps; and who (NULL = nobody). 0,
 * ERR_NOMEM. */
int platform_news_begin(struct platform_maker *m, const struct platform_notification *n,
	enum event_kind kind, const struct platform_who *k, struct platform_news *out) MUST_USE;
int64_t platform_news_count(const struct json_item *object, const char *key);
void platform_news_anonymous(struct event *e, const char *whose);
int platform_news_touser(struct platform_maker *m, const struct json_item *from, const char *name,
	const char *login, struct event *e) MUST_USE;

/* channel.chat.message and channel.chat.notification. As platform_twitch_news; the channel is in
 * out. */
int platform_said_message(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out) MUST_USE;
int platform_said_notice(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out) MUST_USE;

#endif
