/* platform/discord_text.h: what people wrote on Discord, as they saw it. Mentions, roles, channels,
 * commands, emoji and times stand in a message by number (discord.md 10.1) and are spelled out
 * here, for patterns and prompts. Not for other rooms. Pure. */
#ifndef PLATFORM_DISCORD_TEXT_H
#define PLATFORM_DISCORD_TEXT_H

#include "platform/discord_guild.h"

struct platform_text_names {
	const struct json_item *mentions;   /* of the message: users; NULL = none */
	const struct platform_guild *guild; /* NULL = not known */
};
/* Is there anything that would be spelled out? */
bool platform_text_has_markup(struct str content);
/* Adds content, spelled out, names as one word ("@Anna_Marie"); who and what is not known becomes a
 * neutral word. What looks like markup and is none stays. ERR_LIMIT: out has what fitted;
 * ERR_NOMEM. */
int platform_text_plain(struct str content, const struct platform_text_names *names,
	struct buf *out) MUST_USE;
/* What people call somebody: nick, else global name, else user name; either may be NULL. */
struct str platform_text_name(const struct json_item *user, const struct json_item *member);

#endif
