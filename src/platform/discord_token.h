/* platform/discord_token.h: a bot's token as people paste it. Not for other rooms. */
#ifndef PLATFORM_DISCORD_TOKEN_H
#define PLATFORM_DISCORD_TOKEN_H

#include "base/base.h"

/* GIVES what is really the token: without a byte order mark, white space and quotes around it, and
 * without "Bot " before it; a line end left at its end breaks the headers of some requests only
 * (discord.md 5, 12.9). ERR_INVALID: empty, or what is left is not visible ASCII. */
int platform_discord_token(const struct secret *given, struct secret **out) MUST_USE;

#endif
