/* platform/discord_block.h: how a server lies in memory. Only for discord_guild.c, _block.c,
 * _permission.c and _fact.c.
 *
 * A block is built from a draft: one that was sealed is opened again, without what shall go, what
 * is new is added behind it, and sealing sorts, lets the last of several with one id win, and gives
 * a fresh block. */
#ifndef PLATFORM_DISCORD_BLOCK_H
#define PLATFORM_DISCORD_BLOCK_H

#include "platform/discord_guild.h"

#define PLATFORM_BLOCK_CHANNELS 4000 /* Discord: 500 channels and 1,000 threads that are active */
#define PLATFORM_BLOCK_ROLES 500     /* Discord: 250 */
#define PLATFORM_BLOCK_OVERWRITES 60000
#define PLATFORM_BLOCK_NAMES (1024 * 1024)
#define PLATFORM_BLOCK_NONE UINT16_MAX

struct platform_block_role {
	uint64_t id;
	uint32_t name; /* within names */
	uint8_t may;
};
struct platform_block_channel {
	uint64_t id;
	uint32_t name : 24;
	uint32_t type : 8;
	uint16_t parent; /* number of a channel; PLATFORM_BLOCK_NONE */
	uint16_t set;    /* number of a set; PLATFORM_BLOCK_NONE */
};
struct platform_block_overwrite {
	uint64_t id; /* of a role or a user; that of the server is everyone */
	uint8_t allow, deny;
};
struct platform_block_set {
	uint16_t first, n; /* of the overwrites */
};

struct platform_guild {
	uint64_t id, owner, lobby;
	bool is_waiting;
	uint32_t name;
	size_t role_n, channel_n, own_n, set_n, overwrite_n, name_bytes;
	/* all within this block, sorted by id where they have one */
	struct platform_block_role *roles;
	struct platform_block_channel *channels;
	uint64_t *own; /* roles of the bot itself */
	struct platform_block_overwrite *overwrites;
	struct platform_block_set *sets;
	char *names;   /* each ended by NUL; at 0 stands the empty one */
};

struct platform_draft {
	uint64_t id, owner, lobby;
	uint32_t name;
	struct buf roles, channels, own, overwrites, names; /* what was added, unsorted */
	struct buf sets, packed, kept; /* for sealing: no set twice, no name that is not used */
	struct buf scratch;
};
void platform_draft_init(struct platform_draft *d);
void platform_draft_fini(struct platform_draft *d);
void platform_draft_begin(struct platform_draft *d, uint64_t id);
/* All adders: 0, ERR_LIMIT (there are too many; it is left out), ERR_NOMEM. */
int platform_draft_name(struct platform_draft *d, struct str name, uint32_t *out) MUST_USE;
int platform_draft_role(struct platform_draft *d, const struct json_item *role) MUST_USE;
int platform_draft_channel(struct platform_draft *d, const struct json_item *channel) MUST_USE;
int platform_draft_own(struct platform_draft *d, const struct json_item *roles) MUST_USE;
/* Everything of g but a role and a channel of this id (0 = but nothing). ERR_NOMEM. */
int platform_draft_open(struct platform_draft *d, const struct platform_guild *g, uint64_t without)
	MUST_USE;
/* GIVES a block (mem_free); NULL = no memory. */
struct platform_guild *platform_draft_seal(struct platform_draft *d);

const struct platform_block_channel *platform_block_channel(
	const struct platform_guild *g, uint64_t id);
const struct platform_block_role *platform_block_role(const struct platform_guild *g, uint64_t id);

#endif
