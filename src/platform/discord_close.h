/* platform/discord_close.h: what the close codes of Discord's gateway mean (discord.md 11.2). Not
 * for other rooms. */
#ifndef PLATFORM_DISCORD_CLOSE_H
#define PLATFORM_DISCORD_CLOSE_H

#include "base/base.h"

enum platform_next {
	PLATFORM_NEXT_RESUME,
	PLATFORM_NEXT_IDENTIFY, /* the session is gone */
	PLATFORM_NEXT_REFUSED,  /* never again: a person has to change something */
};

struct platform_close {
	int code;
	enum platform_next next;
	int64_t least_ms;  /* before the next try, whatever the backoff says */
	const char *label; /* of metrics */
	const char *why;   /* what happened; when REFUSED also what to do */
};

/* Never NULL: codes that nobody wrote down, and 0 (no close frame), are to be resumed. */
const struct platform_close *platform_close_find(int code);
/* The privileged intents among these, as the developer portal calls their switches; 4014 means
 * that one of them is off. Gives out. */
#define PLATFORM_SWITCHES_BYTES 128
const char *platform_close_switches(uint32_t intents, char out[PLATFORM_SWITCHES_BYTES]);

#endif
