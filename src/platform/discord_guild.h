/* platform/discord_guild.h: what is known of servers ("guilds" on the wire): their channels,
 * threads and roles by name, and who may do what where. Not for other rooms. No I/O, no clock.
 *
 * A server is one sorted block: 16 bytes a channel and a role, their names, and the overwrites of
 * permissions, of which channels that agree share one set; of permissions only those are kept that
 * the bot asks about. A change builds the block anew, so what is looked up is BORROWED until the
 * next platform_guilds_take. */
#ifndef PLATFORM_DISCORD_GUILD_H
#define PLATFORM_DISCORD_GUILD_H

#include "base/base.h"

/* Permissions, as sets of these; discord.md section 9 has their bits on the wire. */
enum platform_may {
	PLATFORM_MAY_VIEW = 1,
	PLATFORM_MAY_SEND = 2,
	PLATFORM_MAY_READ_HISTORY = 4,
	PLATFORM_MAY_SEND_IN_THREADS = 8,
	PLATFORM_MAY_MANAGE_MESSAGES = 16,
	PLATFORM_MAY_ADMINISTER = 32,
	PLATFORM_MAY_ALL = 63,
};
/* Of a bit set as the wire spells it, "1071698660929"; and such a set of them. */
unsigned platform_may_of(struct str bits);
uint64_t platform_may_bits(unsigned may);

/* An id as a number, 0 when it is none; strings and, to be safe, integers. */
uint64_t platform_snowflake(struct str id);
uint64_t platform_snowflake_of(const struct json_item *id);
int64_t platform_snowflake_ms(uint64_t id); /* when it was made, as a wall time */

struct platform_guild;
struct platform_guilds;
int platform_guilds_new(struct platform_guilds **out) MUST_USE; /* ERR_NOMEM */
void platform_guilds_free(struct platform_guilds *all);
void platform_guilds_self(struct platform_guilds *all, uint64_t user_id); /* whose roles are kept */

/* READY of one shard: servers of this shard that it does not name are gone, new ones are waited
 * for. ERR_NOMEM. */
int platform_guilds_ready(struct platform_guilds *all, const struct json_item *ready,
	unsigned shard, unsigned shards) MUST_USE;
/* Takes in a dispatch about servers, channels, threads, roles. *changed: the server that is not as
 * it was; 0 = none. ERR_NOTFOUND: it is about something else; ERR_NOMEM: the server stays as it
 * was. */
int platform_guilds_take(struct platform_guilds *all, struct str type, const struct json_item *d,
	uint64_t *changed) MUST_USE;

size_t platform_guilds_count(const struct platform_guilds *all);
size_t platform_guilds_waiting(const struct platform_guilds *all); /* named, but not told yet */
const struct platform_guild *platform_guilds_at(const struct platform_guilds *all, size_t i);
/* NULL: not known, or still waited for. */
const struct platform_guild *platform_guild_find(const struct platform_guilds *all, uint64_t id);
const struct platform_guild *platform_guild_of(const struct platform_guilds *all, uint64_t channel);

/* Adds a GUILD_CREATE that would make it what it is, the roles of the bot (self) included. */
int platform_guild_frame(const struct platform_guild *g, uint64_t self, struct buf *out) MUST_USE;

uint64_t platform_guild_id(const struct platform_guild *g);
uint64_t platform_guild_owner(const struct platform_guild *g);
uint64_t platform_guild_lobby(const struct platform_guild *g); /* where joins are shown, or 0 */
struct str platform_guild_name(const struct platform_guild *g);
struct str platform_guild_role(const struct platform_guild *g, uint64_t id); /* its name */

struct platform_guild_channel {
	uint64_t id;
	uint64_t parent; /* of a thread: its channel; else its category; 0 = none */
	struct str name;
	int type;        /* discord.md 4.4 */
	bool is_thread;
};
/* False: no such channel. */
bool platform_guild_channel(const struct platform_guild *g, uint64_t id,
	struct platform_guild_channel *out);
/* The i-th of its channels, by id. False: there are not so many. */
bool platform_guild_nth(const struct platform_guild *g, size_t i,
	struct platform_guild_channel *out);
/* What somebody with these roles may do in a channel, or (channel 0, or unknown) in the server. */
unsigned platform_guild_may(const struct platform_guild *g, uint64_t user, const uint64_t *roles,
	size_t n, uint64_t channel);
unsigned platform_guild_self_may(const struct platform_guilds *all, const struct platform_guild *g,
	uint64_t channel); /* the bot */
bool platform_guild_self_has(const struct platform_guild *g, uint64_t role); /* has the bot it? */

#endif
