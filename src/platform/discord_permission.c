/* Who may do what where, by Discord's arithmetic: the server's owner everything; else what the
 * roles allow together, and if that is ADMINISTRATOR, everything; then the overwrites of the
 * channel, those of everyone first, then of the roles together, then of the person, each time what
 * they deny before what they allow. Who may not see a channel may do nothing there. A thread has
 * the overwrites of its channel. */
#include "platform/discord_block.h"

/* discord.md section 9 */
static const struct {
	uint64_t bit;
	unsigned may;
} of_wire[] = {
	{UINT64_C(1) << 3, PLATFORM_MAY_ADMINISTER},
	{UINT64_C(1) << 10, PLATFORM_MAY_VIEW},
	{UINT64_C(1) << 11, PLATFORM_MAY_SEND},
	{UINT64_C(1) << 13, PLATFORM_MAY_MANAGE_MESSAGES},
	{UINT64_C(1) << 16, PLATFORM_MAY_READ_HISTORY},
	{UINT64_C(1) << 38, PLATFORM_MAY_SEND_IN_THREADS},
};

uint64_t platform_may_bits(unsigned may)
{
	uint64_t set = 0;

	for (size_t i = 0; i < sizeof(of_wire) / sizeof(of_wire[0]); i++)
		if (may & of_wire[i].may)
			set |= of_wire[i].bit;
	return set;
}

unsigned platform_may_of(struct str bits)
{
	const uint64_t set = platform_snowflake(bits);
	unsigned may = 0;

	for (size_t i = 0; i < sizeof(of_wire) / sizeof(of_wire[0]); i++)
		if (set & of_wire[i].bit)
			may |= of_wire[i].may;
	return may;
}

static bool has(const uint64_t *roles, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (roles[i] == id)
			return true;
	return false;
}

static unsigned role_may(const struct platform_guild *g, uint64_t id)
{
	const struct platform_block_role *r = platform_block_role(g, id);

	return r ? r->may : 0;
}

/* The overwrites of a channel, or of its channel if it is a thread; NULL = none. */
static const struct platform_block_set *set_of(const struct platform_guild *g, uint64_t channel)
{
	struct platform_guild_channel facts;
	const struct platform_block_channel *c;

	if (!platform_guild_channel(g, channel, &facts))
		return NULL;
	c = platform_block_channel(g, facts.is_thread && facts.parent ? facts.parent : channel);
	return c && c->set != PLATFORM_BLOCK_NONE ? &g->sets[c->set] : NULL;
}

static unsigned overwrite(const struct platform_guild *g, const struct platform_block_set *set,
	uint64_t user, const uint64_t *roles, size_t n, unsigned may)
{
	unsigned allow = 0, deny = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct platform_block_overwrite *o = &g->overwrites[set->first + i];

		if (o->id == g->id)
			may = (may & ~(unsigned)o->deny) | o->allow;
	}
	for (size_t i = 0; i < set->n; i++) {
		const struct platform_block_overwrite *o = &g->overwrites[set->first + i];

		if (o->id != g->id && has(roles, n, o->id)) {
			allow |= o->allow;
			deny |= o->deny;
		}
	}
	may = (may & ~deny) | allow;
	for (size_t i = 0; i < set->n; i++) {
		const struct platform_block_overwrite *o = &g->overwrites[set->first + i];

		if (o->id == user)
			may = (may & ~(unsigned)o->deny) | o->allow;
	}
	return may;
}

unsigned platform_guild_may(const struct platform_guild *g, uint64_t user, const uint64_t *roles,
	size_t n, uint64_t channel)
{
	const struct platform_block_set *set = channel ? set_of(g, channel) : NULL;
	unsigned may = role_may(g, g->id); /* everyone */

	for (size_t i = 0; i < n; i++)
		may |= role_may(g, roles[i]);
	if (user == g->owner || may & PLATFORM_MAY_ADMINISTER)
		return PLATFORM_MAY_ALL;
	if (set)
		may = overwrite(g, set, user, roles, n, may);
	return may & PLATFORM_MAY_VIEW ? may : 0;
}
