/* platform/discord_command.h: the slash commands that Discord offers to people. Not for other
 * rooms.
 *
 * Registered by difference: what is there is read first, and the list is put only when it differs,
 * because 200 creates a day and guild is the limit (discord.md 6.4, 12.25). Where something was
 * registered is kept on disk: there, and only there, it is taken back when it shall be elsewhere or
 * nowhere. */
#ifndef PLATFORM_DISCORD_COMMAND_H
#define PLATFORM_DISCORD_COMMAND_H

#include "chat/chat.h"
#include "platform/discord_rest.h"

struct platform_commands;
/* rest BORROWED. ERR_NOMEM. */
int platform_commands_new(struct io *io, struct platform_rest *rest, struct platform_commands **out)
	MUST_USE;
void platform_commands_free(struct platform_commands *c);
/* What shall be offered, BORROWED. Compared and put as soon as the application's id is known. */
int platform_commands_want(struct platform_commands *c, const struct slash *list, size_t n)
	MUST_USE;
/* Reads, blocking, where something was registered for the application of this token, and forgets
 * what was asked for another one. worker BORROWED. ERR_NOMEM. */
int platform_commands_open(struct platform_commands *c, struct io_worker *worker,
	const char *state_dir, const struct secret *token) MUST_USE;
/* application_id: from READY. guilds: ids to register in; with n 0, everywhere or nowhere. A server
 * that is not listed beside others is left as it is: the bot may not be in it now. ERR_NOMEM. */
int platform_commands_where(struct platform_commands *c, const char *application_id,
	bool is_everywhere, const char *const *guilds, size_t n) MUST_USE;
/* The same before Discord told the bot's servers: those in which something is ours count as listed.
 * While there are none at all nothing happens. ERR_NOMEM. */
int platform_commands_where_known(struct platform_commands *c, const char *application_id,
	const char *const *guilds, size_t n) MUST_USE;
/* Adds: how many are registered, since when, and what was refused. */
int platform_commands_status(const struct platform_commands *c, struct buf *out) MUST_USE;

#endif
