/* platform/twitch_need.h: which feature needs which subscription, scope and login. Not for other
 * rooms.
 *
 * One table (twitch_need.c) for what is subscribed, what `mynah login` asks for and what the manual
 * prints. Source: Twitch's list of subscription types and scopes, protocols/twitch.md 2.7 and 4.6.
 */
#ifndef PLATFORM_TWITCH_NEED_H
#define PLATFORM_TWITCH_NEED_H

#include "platform/platform.h"
#include "platform/twitch_token.h"

#define PLATFORM_CHANNEL_BYTES 32 /* a login has 25 characters at most */
#define PLATFORM_NUMBER_BYTES 24  /* decimal ids */

enum platform_condition {
	PLATFORM_OF_CHANNEL,           /* broadcaster_user_id */
	PLATFORM_OF_CHANNEL_AND_USER,  /* and user_id: the token's */
	PLATFORM_OF_CHANNEL_AND_MOD,   /* and moderator_user_id: the token's */
	PLATFORM_TO_CHANNEL,           /* to_broadcaster_user_id */
	PLATFORM_FROM_CHANNEL,         /* from_broadcaster_user_id */
	PLATFORM_OF_USER,              /* user_id: the token's */
};

/* When a row is used besides its kinds being wanted. */
enum platform_use {
	PLATFORM_USE_CHAT,      /* chat: eventsub */
	PLATFORM_USE_SUPPORT,   /* support: eventsub */
	PLATFORM_USE_KIND,      /* whenever one of its kinds is wanted */
};

struct platform_need {
	const char *type, *version;   /* of the subscription */
	enum platform_condition condition;
	enum platform_use use;
	uint64_t kinds;               /* EVENT_BIT of what it brings */
	bool is_broadcasters;         /* needs the broadcaster's login; else the bot's will do */
	const char *scopes;           /* each is needed; "a|b" = one of them; "" = none */
	const char *help;             /* what it is for, as the manual says it */
};
const struct platform_need *platform_needs(size_t *n);
/* Is the row used with this config and these wants? */
bool platform_need_is_used(const struct platform_need *need, const struct conf_place *c,
	const struct platform_wants *w);
/* The scopes to ask for, separated by spaces, each once: those of the chat and of every row in use.
 */
int platform_need_scopes(const struct conf_place *c, const struct platform_wants *w,
	bool is_broadcaster, struct buf *out) MUST_USE;
/* Those of them that t does not have. */
int platform_need_missing(const struct conf_place *c, const struct platform_wants *w,
	bool is_broadcaster, const struct platform_token *t, struct buf *out) MUST_USE;

#endif
