/* platform/twitch_eventsub.h: one EventSub session over WebSocket for one token. Not for other rooms.
 *
 * Twitch lets a session hold subscriptions of one user only, so the bot's token has one and each
 * broadcaster's token that is used has one of its own.
 *
 * DOWN -> CONNECTING -> WELCOMED (id known; subscriptions are made in parallel, the most wanted first, the
 * first well within 10 s) -> UP (the first is accepted). A session that nothing is to be subscribed on is
 * not opened. session_reconnect: a second socket to the given URL, as it is; welcomed there, nothing is
 * subscribed again and the old one is closed. Else than that a lost session starts anew at the base URL
 * with everything subscribed again. twitch.md section 2 has the rules and the close codes.
 *
 * A notification is told once: ids are remembered across sockets (4,096, 10 minutes). */
#ifndef PLATFORM_TWITCH_EVENTSUB_H
#define PLATFORM_TWITCH_EVENTSUB_H

#include "platform/twitch_helix.h"
#include "platform/twitch_need.h"

#define PLATFORM_WELCOME_MS 10000   /* faults.md section 7: welcome */
#define PLATFORM_SUBSCRIBE_MS 3000  /* faults.md section 7 */
#define PLATFORM_SUBSCRIPTIONS 300  /* twitch.md 2.5: per connection */

/* What is to be subscribed: the type and the ids its condition takes. */
struct platform_wish {
	const struct platform_need *need;
	char channel[PLATFORM_CHANNEL_BYTES]; /* its name, for people */
	char channel_id[PLATFORM_NUMBER_BYTES];
};

struct platform_eventsub_options {
	struct io *io;
	const struct conf_place *conf;
	struct platform_token *token; /* BORROWED */
	struct platform_helix *helix; /* BORROWED: of the same token */
	/* One notification, deduplicated: its type ("channel.follow"), the "event" object, the id and the
	 * stamp of its metadata. BORROWED. */
	void (*notification)(void *ctx, struct str type, const struct json *event, struct str id,
		int64_t wall_ms);
	/* A subscription was accepted, refused or revoked: why is "" or a sentence. */
	void (*subscribed)(void *ctx, const struct platform_wish *w, bool is_on, const char *why);
	/* Up, down or refused: see status. */
	void (*changed)(void *ctx);
	void *ctx;
};
struct platform_eventsub;
int platform_eventsub_new(const struct platform_eventsub_options *o,
	struct platform_eventsub **out) MUST_USE;
void platform_eventsub_free(struct platform_eventsub *s);
/* The wishes, in order of importance; copied. What is new is subscribed, what is gone deleted. */
int platform_eventsub_want(struct platform_eventsub *s, const struct platform_wish *w,
	size_t n) MUST_USE;
void platform_eventsub_token_changed(struct platform_eventsub *s);
bool platform_eventsub_is_up(const struct platform_eventsub *s);
/* Is this subscription active? */
bool platform_eventsub_has(const struct platform_eventsub *s, const char *type,
	const char *channel_id);
/* Adds: state, session, since, subscriptions with their state and why, cost. */
int platform_eventsub_status(const struct platform_eventsub *s, struct buf *out) MUST_USE;

#endif
