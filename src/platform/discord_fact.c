/* A server told again as it came: for a record, which has to hold what its other frames are read
 * by. */
#include "platform/discord_block.h"

static int add_id(struct buf *out, const char *before, uint64_t id)
{
	return buf_addf(out, "%s\"%llu\"", before, (unsigned long long)id);
}

static int add_name(const struct platform_guild *g, uint32_t name, struct buf *out)
{
	const int err = buf_adds(out, ",\"name\":");

	return err ? err : json_add_string(out, str_of(g->names + name));
}

static int add_role(const struct platform_guild *g, size_t i, struct buf *out)
{
	const struct platform_block_role *r = &g->roles[i];
	int err = add_id(out, i > 0 ? ",{\"id\":" : "{\"id\":", r->id);

	if (!err)
		err = add_name(g, r->name, out);
	if (!err)
		err = add_id(out, ",\"permissions\":", platform_may_bits(r->may));
	return err ? err : buf_addc(out, '}');
}

static int add_overwrites(const struct platform_guild *g, const struct platform_block_set *set,
	struct buf *out)
{
	int err = buf_adds(out, ",\"permission_overwrites\":[");

	for (size_t i = 0; i < set->n && !err; i++) {
		const struct platform_block_overwrite *o = &g->overwrites[set->first + i];

		err = add_id(out, i > 0 ? ",{\"id\":" : "{\"id\":", o->id);
		if (!err)
			err = add_id(out, ",\"allow\":", platform_may_bits(o->allow));
		if (!err)
			err = add_id(out, ",\"deny\":", platform_may_bits(o->deny));
		if (!err)
			err = buf_addc(out, '}');
	}
	return err ? err : buf_addc(out, ']');
}

static int add_channel(const struct platform_guild *g, size_t i, struct buf *out)
{
	const struct platform_block_channel *c = &g->channels[i];
	int err = add_id(out, i > 0 ? ",{\"id\":" : "{\"id\":", c->id);

	if (!err)
		err = buf_addf(out, ",\"type\":%u", (unsigned)c->type);
	if (!err)
		err = add_name(g, c->name, out);
	if (!err && c->parent != PLATFORM_BLOCK_NONE)
		err = add_id(out, ",\"parent_id\":", g->channels[c->parent].id);
	if (!err && c->set != PLATFORM_BLOCK_NONE)
		err = add_overwrites(g, &g->sets[c->set], out);
	return err ? err : buf_addc(out, '}');
}

int platform_guild_frame(const struct platform_guild *g, uint64_t self, struct buf *out)
{
	int err = add_id(out, "{\"op\":0,\"t\":\"GUILD_CREATE\",\"d\":{\"id\":", g->id);

	if (!err)
		err = add_name(g, g->name, out);
	if (!err)
		err = add_id(out, ",\"owner_id\":", g->owner);
	if (!err)
		err = add_id(out, ",\"system_channel_id\":", g->lobby);
	if (!err)
		err = add_id(out, ",\"members\":[{\"user\":{\"id\":", self);
	if (!err)
		err = buf_adds(out, "},\"roles\":[");
	for (size_t i = 0; i < g->own_n && !err; i++)
		err = add_id(out, i > 0 ? "," : "", g->own[i]);
	if (!err)
		err = buf_adds(out, "]}],\"roles\":[");
	for (size_t i = 0; i < g->role_n && !err; i++)
		err = add_role(g, i, out);
	if (!err)
		err = buf_adds(out, "],\"channels\":[");
	for (size_t i = 0; i < g->channel_n && !err; i++)
		err = add_channel(g, i, out);
	return err ? err : buf_adds(out, "]}}");
}
