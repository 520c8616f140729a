/* platform/twitch_eventsub.h: one EventSub session over WebSocket for one token. Not for other
 * rooms.
 *
 * Twitch lets a session hold subscriptions of one user only, so the bot's token has one and each
 * broadcaster's token that is used has one of its own.
 *
 * DOWN -> CONNECTING -> WELCOMED (id known; subscriptions are made in parallel, the most wanted
 * first, the first well within 10 s) -> UP (the first is accepted). A session that nothing is to be
 * subscribed on is not opened. session_reconnect: a second socket to the given URL, as it is;
 * welcomed there, nothing is subscribed again and the old one is closed. Else than that a lost
 * session starts anew at the base URL with everything subscribed again. twitch.md section 2 has the
 * rules and the close codes.
 *
 * Each call may fail by itself: a missing scope is told with the command that gives it, a no that
 * may become a yes is asked again every quarter of an hour, other failures at once and ever more
 * rarely. When nothing is left that could be accepted, the session is closed until something is.
 *
 * A notification is told once: ids are remembered across sockets (4,096, 10 minutes). */
#ifndef PLATFORM_TWITCH_EVENTSUB_H
#define PLATFORM_TWITCH_EVENTSUB_H

#include "platform/twitch_helix.h"
#include "platform/twitch_need.h"
#include "platform/twitch_notify.h"

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
	/* A notification as it came, before it is read. BORROWED. */
	void (*frame)(void *ctx, struct str bytes);
	/* One notification, deduplicated. BORROWED. */
	void (*notification)(void *ctx, const struct platform_notification *n);
	/* May one more room's chat be subscribed now? As platform_owner's join. NULL = always. */
	int64_t (*join)(void *ctx, int64_t now_ms);
	/* A subscription was accepted, or is not there any more: lost with its session, refused or
	 * revoked; why is "" or a sentence for people. */
	void (*subscribed)(void *ctx, const struct platform_wish *w, bool is_on, const char *why);
	/* Up, down or refused: see state and why. */
	void (*changed)(void *ctx);
	void *ctx;
};
struct platform_eventsub;
int platform_eventsub_new(const struct platform_eventsub_options *o,
	struct platform_eventsub **out) MUST_USE;
void platform_eventsub_free(struct platform_eventsub *s);
/* A new config, or a person's word that what was refused may be tried again. */
int platform_eventsub_reload(struct platform_eventsub *s, const struct conf_place *conf) MUST_USE;
/* The wishes, in order of importance; copied. What is new is subscribed, what is gone deleted; what
 * is over PLATFORM_SUBSCRIPTIONS is refused. Not to be called from within a callback of the
 * session. */
int platform_eventsub_want(struct platform_eventsub *s, const struct platform_wish *w,
	size_t n) MUST_USE;
/* The token's changed() must be passed on. */
void platform_eventsub_token_changed(struct platform_eventsub *s);
/* DOWN, CONNECTING, UP, REFUSED: the token is none. *why, if not NULL: "" or a sentence. BORROWED.
 */
enum platform_state platform_eventsub_state(const struct platform_eventsub *s, const char **why);
/* Is a subscription active that brings events of this kind in this channel, other than what chat
 * says? */
bool platform_eventsub_brings(const struct platform_eventsub *s, enum event_kind kind,
	struct str channel_id);
/* Adds one JSON object: login, state, since, why, session, cost, subscriptions with their state. */
int platform_eventsub_status(const struct platform_eventsub *s, struct buf *out) MUST_USE;

#endif
