/* platform/twitch_notice.h: what a NOTICE of Twitch means for a channel and for the reply it
 * answers. One table (twitch.md 1.8); matched on msg-id, never on the text, which gets reworded. */
#ifndef PLATFORM_TWITCH_NOTICE_H
#define PLATFORM_TWITCH_NOTICE_H

#include "base/base.h"

enum platform_effect {
	PLATFORM_EFFECT_NONE,   /* only that one reply is lost */
	PLATFORM_EFFECT_HOLD,   /* nothing may be said here for a while */
	PLATFORM_EFFECT_MODE,   /* nothing may be said until the room's mode changes */
	PLATFORM_EFFECT_REFUSE, /* nothing may be said here until a person has seen to it */
};

struct platform_notice {
	const char *id;
	bool is_refusal;        /* answers a message of ours that was not delivered */
	enum platform_effect effect;
	int64_t hold_ms;        /* of HOLD and MODE; the seconds in the text win for HOLD */
	const char *advice;     /* what the reader of the log can do; NULL when nothing */
};

/* NULL for an id that is only news. */
const struct platform_notice *platform_notice_find(struct str msg_id);
/* How long the notice asks to wait, in ms. */
int64_t platform_notice_wait_ms(const struct platform_notice *n, struct str text);
/* Is this untagged NOTICE * the refusal of a login? (twitch.md 1.2) */
bool platform_notice_is_login_refused(struct str text);

#endif
