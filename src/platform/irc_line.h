/* platform/irc_line.h: one line of IRC with its tags, taken apart where it lies.
 *
 * Nothing is copied and nothing allocated: every part points into the receive buffer. Tags stay as
 * they came until platform_line_tags picks the few that are wanted and unescapes those, in place;
 * so that is done once per line and last. Tolerant as twitch.md 1.3 asks: runs of spaces, missing
 * parts, unknown tags and commands in any case are all ordinary. */
#ifndef PLATFORM_IRC_LINE_H
#define PLATFORM_IRC_LINE_H

#include "base/base.h"

#define PLATFORM_LINE_BYTES (16 * 1024) /* faults.md section 7; a longer line is skipped */
#define PLATFORM_PARAMS_MAX 15          /* RFC 2812 section 2.3; the last one takes the rest */

struct platform_line {
	struct str tags;    /* as they came, without '@' */
	struct str prefix;  /* without ':' */
	struct str nick;    /* of nick!user@host; empty when a server speaks */
	struct str user;    /* between '!' and '@' */
	struct str command;
	struct str params[PLATFORM_PARAMS_MAX];
	size_t param_count;
};

/* Cuts the next line off a frame of n bytes at *rest: up to LF or the end, without its CR. Empty
 * lines are skipped. NULL at the end. BORROWED and writable. */
char *platform_frame_next(char **rest, size_t *n, size_t *len);

/* 0; ERR_PARSE when there is no command; ERR_LIMIT when longer than PLATFORM_LINE_BYTES. */
int platform_line_parse(char *at, size_t n, struct platform_line *out) MUST_USE;

/* The i-th parameter, empty when there are fewer. */
struct str platform_line_param(const struct platform_line *l, size_t i);

/* Cuts the next tag off *rest. The value is still escaped. False at the end. */
bool platform_tag_next(struct str *rest, struct str *key, struct str *value);

/* Undoes the escapes of a tag value in its own bytes, which must be writable. */
struct str platform_tag_unescape(struct str value);

/* Keys that are wanted, listed by their length so that a tag is compared with few: row n holds the
 * keys of n characters, ended by NULL. index is where the value goes. */
#define PLATFORM_TAG_ROW 6
struct platform_tag_key {
	const char *key;
	unsigned index;
};
/* Fills values[index] for every wanted tag that is there, unescaped; the last of a double key wins.
 * Others are not touched. rows = longest key + 1. */
void platform_line_tags(const struct platform_line *l,
	const struct platform_tag_key (*keys)[PLATFORM_TAG_ROW], size_t rows, struct str *values,
	size_t count);

#endif
