/* platform/discord_error.h: what a code of Discord's REST interface means, and what is to be done.
 * One table (discord.md 9); a code that is not in it is judged by its HTTP status. Not for other
 * rooms. */
#ifndef PLATFORM_DISCORD_ERROR_H
#define PLATFORM_DISCORD_ERROR_H

#include "base/base.h"

enum platform_rest_act {
	PLATFORM_REST_DROP,     /* that one call is lost; the same again would be refused again */
	PLATFORM_REST_STOP,     /* nothing is sent any more: a person has to see to it */
	PLATFORM_REST_BAN,      /* the host is not asked for a while */
	PLATFORM_REST_HOLD,     /* later: retry_after, or hold_ms when it names none */
	PLATFORM_REST_REPEAT,   /* as a 5xx */
	PLATFORM_REST_CLOSE,    /* the channel is not to be written to until something changes */
	PLATFORM_REST_UNTIE,    /* once more without the message it replies to */
	PLATFORM_REST_GONE,     /* the message or the interaction it is about is no more */
	PLATFORM_REST_ANSWERED, /* the interaction has been answered already: edit that */
};
struct platform_rest_error {
	int code;
	enum platform_rest_act act;
	int64_t hold_ms;    /* of HOLD; 0 = a few seconds */
	const char *advice; /* what the reader of the log can do; NULL when nothing */
};
/* Never NULL: what is unknown is to be dropped. field: of 50035, the first that it names. */
const struct platform_rest_error *platform_rest_error(int code, const char *field);

#endif
