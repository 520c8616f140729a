/* platform/discord_markup.h: text of the bot made harmless as Discord reads it. Not for other
 * rooms. */
#ifndef PLATFORM_DISCORD_MARKUP_H
#define PLATFORM_DISCORD_MARKUP_H

#include "base/base.h"

/* Adds text with its lines and its markdown kept, but: nothing invisible stays, "@everyone",
 * "@here" and "<@&" are broken up by U+200B (discord.md 10.2), and "[text](target)" is taken apart
 * so that nobody is shown another target than the true one; code in blocks stays as it is. */
int platform_markup_defuse(struct str text, struct buf *out) MUST_USE;

#endif
