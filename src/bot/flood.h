/* bot/flood.h: is a channel being flooded by raid bots? Not for other rooms. Pure: now comes in.
 *
 * Two signs of it among people without a role: many of them write for the first time ever and they
 * are most of who speaks; or several say the same longer text. Neither counts after a raid, for
 * raiders do both. While a flood goes on nobody is greeted; questions, commands and thanks go
 * on. */
#ifndef BOT_FLOOD_H
#define BOT_FLOOD_H

#include "chat/chat.h"

#define BOT_FLOOD_SAID 32          /* messages remembered of a channel; bits of firsts */
#define BOT_FLOOD_MS 10000         /* what is older says nothing of now */
#define BOT_FLOOD_FIRSTS 10        /* first-time chatters within it, and at least half of all */
#define BOT_FLOOD_SAME 3           /* people who say the same (spec X-10) */
#define BOT_FLOOD_TEXT_BYTES 16    /* shorter texts are said by many: "gg", "o7", an emote or two */
#define BOT_FLOOD_CALM_MS 60000    /* it is over so long after the last sign */
#define BOT_FLOOD_RAID_MS (5 * 60000) /* raiders are welcome: no sign counts so long after a raid */

struct bot_flood {
	/* Every busy channel has one: small. */
	struct bot_flood_said {
		uint32_t text, user;   /* hashes; text 0 = says nothing of a flood */
		uint32_t at_ms;        /* its low bits: ages are told by the difference */
	} said[BOT_FLOOD_SAID];        /* a ring */
	uint32_t firsts;               /* a bit for each of said: by a first-time chatter */
	size_t n;                      /* ever said */
	int64_t last_ms, until_ms, raid_until_ms;
};

/* Notes a message or a raid. True when a flood begins with it. */
bool bot_flood_note(struct bot_flood *f, const struct event *e, int64_t now_ms);
bool bot_flood_is_on(const struct bot_flood *f, int64_t now_ms);
/* May it be forgotten? */
bool bot_flood_is_over(const struct bot_flood *f, int64_t now_ms);

#endif
