/* platform/twitch_notify.h: a notification of EventSub becomes an event, an erasure, news of a
 * stream or of a room's mode. No I/O, no clock. Not for other rooms.
 *
 * The same words give the same event as over chat (twitch_event.h): same ids, same roles, same
 * texts, so that triggers need not know which wire brought them. Every type, notice, badge and
 * fragment that is not known is tolerated and tells nothing. Shapes: protocols/twitch.md 2.8. */
#ifndef PLATFORM_TWITCH_NOTIFY_H
#define PLATFORM_TWITCH_NOTIFY_H

#include "platform/twitch_event.h"

/* One notification as the session hands it on. BORROWED. */
struct platform_notification {
	struct str type;                 /* "channel.follow" */
	struct str id;                   /* of the message that carried it: tells doubles */
	int64_t wall_ms;                 /* the stamp of that message; 0 = none */
	const struct json_item *condition; /* of the subscription that brought it */
	const struct json_item *event;
};

/* What a notification tells. Borrows from the notification and from the maker's scratch. */
struct platform_news {
	bool has_event, has_erasure, has_stream, has_slow;
	struct event event;
	struct erasure erasure;
	struct stream stream;            /* without title and game: nobody says them here */
	int64_t slow_ms;                 /* of the room from now on; 0 = no slow mode */
	struct str channel, channel_id;  /* of all of these; empty for a whisper */
	const char *why;                 /* when it tells nothing: a word for the metric (static) */
};

/* The notification in a whole frame of EventSub. BORROWS from it; absent parts are empty. */
void platform_notification_of(const struct json_item *frame, struct platform_notification *out);

/* 0; ERR_NOTFOUND when there is nothing to tell: see why; ERR_NOMEM. */
int platform_twitch_news(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out) MUST_USE;

#endif
