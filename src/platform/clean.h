/* platform/clean.h: what every maker of events does to what came over a wire. Not for other
 * rooms. */
#ifndef PLATFORM_CLEAN_H
#define PLATFORM_CLEAN_H

#include "base/base.h"

#define PLATFORM_ID_BYTES 128 /* the longest id seen is a UUID of 36 */

/* Ids of messages that the platform itself wrote (Twitch's USERNOTICE, Discord's boosts) begin with
 * this: they serve to tell doubles, not to be replied to, which both refuse (twitch.md 1.7,
 * discord.md 6.1). */
#define PLATFORM_NOTICE_ID "notice-"

/* s without what must not be in an event, at most scratch->max bytes. Plain text is not copied. */
int platform_clean_text(struct buf *scratch, struct str s, struct str *out) MUST_USE;
/* s if it can be an id or a handle (visible ASCII, not too long), else empty. */
struct str platform_clean_id(struct str s);

#endif
