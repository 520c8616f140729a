/* Servers as blocks: drafts, sealing, and finding by id. */
#include "platform/discord_block.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 512 /* Discord: 100 characters of at most 4 bytes */

/* A channel while it is drafted. */
struct drafted {
	uint64_t id, parent;
	uint32_t order; /* as they came: the last of an id wins */
	uint32_t name;
	uint32_t first, n; /* overwrites */
	uint16_t set;
	uint8_t type;
};

void platform_draft_init(struct platform_draft *d)
{
	memset(d, 0, sizeof(*d));
	buf_init(&d->roles, PLATFORM_BLOCK_ROLES * sizeof(struct platform_block_role));
	buf_init(&d->channels, PLATFORM_BLOCK_CHANNELS * sizeof(struct drafted));
	buf_init(&d->own, PLATFORM_BLOCK_ROLES * sizeof(uint64_t));
	buf_init(&d->overwrites,
		PLATFORM_BLOCK_OVERWRITES * sizeof(struct platform_block_overwrite));
	buf_init(&d->sets, PLATFORM_BLOCK_CHANNELS * sizeof(struct platform_block_set));
	buf_init(&d->packed, PLATFORM_BLOCK_OVERWRITES * sizeof(struct platform_block_overwrite));
	buf_init(&d->names, PLATFORM_BLOCK_NAMES);
	buf_init(&d->kept, PLATFORM_BLOCK_NAMES);
	buf_init(&d->scratch, NAME_BYTES);
}

void platform_draft_fini(struct platform_draft *d)
{
	buf_fini(&d->roles);
	buf_fini(&d->channels);
	buf_fini(&d->own);
	buf_fini(&d->overwrites);
	buf_fini(&d->sets);
	buf_fini(&d->packed);
	buf_fini(&d->names);
	buf_fini(&d->kept);
	buf_fini(&d->scratch);
}

void platform_draft_begin(struct platform_draft *d, uint64_t id)
{
	d->id = id;
	d->owner = d->lobby = 0;
	d->name = 0;
	buf_clear(&d->roles);
	buf_clear(&d->channels);
	buf_clear(&d->own);
	buf_clear(&d->overwrites);
	buf_clear(&d->names);
}

/* ---- What is added --------------------------------------------------------------------------- */

int platform_draft_name(struct platform_draft *d, struct str name, uint32_t *out)
{
	int err = d->names.len == 0 ? buf_addc(&d->names, '\0') : 0; /* the empty one */
	size_t at = d->names.len;

	*out = 0;
	if (err || name.len == 0)
		return err;
	if (!text_is_plain(name)) {
		buf_clear(&d->scratch);
		err = text_scrub(name, TEXT_CHAT, &d->scratch);
		name = buf_str(&d->scratch);
	}
	if (!err)
		err = buf_reserve(&d->names, name.len + 1);
	if (!err)
		err = buf_add_str(&d->names, name);
	if (!err)
		err = buf_addc(&d->names, '\0');
	if (!err)
		*out = (uint32_t)at;
	return err;
}

int platform_draft_role(struct platform_draft *d, const struct json_item *role)
{
	struct platform_block_role r = {.id = platform_snowflake_of(json_item_get(role, "id")),
		.may = (uint8_t)platform_may_of(json_item_str(role, "permissions"))};
	int err;

	if (r.id == 0)
		return 0;
	err = platform_draft_name(d, json_item_str(role, "name"), &r.name);
	return err ? err : buf_add(&d->roles, &r, sizeof(r));
}

static int add_overwrite(struct platform_draft *d, struct drafted *c, const struct json_item *v)
{
	const struct platform_block_overwrite o = {
		.id = platform_snowflake_of(json_item_get(v, "id")),
		.allow = (uint8_t)platform_may_of(json_item_str(v, "allow")),
		.deny = (uint8_t)platform_may_of(json_item_str(v, "deny"))};
	int err;

	if (o.id == 0 || !(o.allow | o.deny))
		return 0;
	err = buf_add(&d->overwrites, &o, sizeof(o));
	if (!err)
		c->n++;
	return err;
}

int platform_draft_channel(struct platform_draft *d, const struct json_item *channel)
{
	const struct json_item *v;
	struct drafted c = {.id = platform_snowflake_of(json_item_get(channel, "id")),
		.parent = platform_snowflake_of(json_item_get(channel, "parent_id")),
		.order = (uint32_t)(d->channels.len / sizeof(c)),
		.first = (uint32_t)(d->overwrites.len / sizeof(struct platform_block_overwrite)),
		.type = (uint8_t)json_item_int(channel, "type", 0)};
	int err;

	if (c.id == 0)
		return 0;
	err = platform_draft_name(d, json_item_str(channel, "name"), &c.name);
	v = json_item_first(json_item_get(channel, "permission_overwrites"));
	for (; v && !err; v = json_item_next(v))
		err = add_overwrite(d, &c, v);
	return err ? err : buf_add(&d->channels, &c, sizeof(c));
}

int platform_draft_own(struct platform_draft *d, const struct json_item *roles)
{
	int err = 0;

	buf_clear(&d->own);
	for (const struct json_item *v = json_item_first(roles); v && !err; v = json_item_next(v)) {
		const uint64_t id = platform_snowflake_of(v);

		err = buf_add(&d->own, &id, sizeof(id));
	}
	return err;
}

static int reopen_channel(struct platform_draft *d, const struct platform_guild *g,
	const struct platform_block_channel *was)
{
	struct drafted c = {.id = was->id,
		.name = was->name,
		.type = was->type,
		.parent = was->parent != PLATFORM_BLOCK_NONE ? g->channels[was->parent].id : 0,
		.order = (uint32_t)(d->channels.len / sizeof(c))};

	if (was->set !=
		PLATFORM_BLOCK_NONE) { /* the overwrites stand in the draft as in the block */
		c.first = g->sets[was->set].first;
		c.n = g->sets[was->set].n;
	}
	return buf_add(&d->channels, &c, sizeof(c));
}

int platform_draft_open(struct platform_draft *d, const struct platform_guild *g, uint64_t without)
{
	int err;

	platform_draft_begin(d, g->id);
	d->owner = g->owner;
	d->lobby = g->lobby;
	d->name = g->name;
	err = buf_add(&d->names, g->names, g->name_bytes);
	if (!err)
		err = buf_add(
			&d->overwrites, g->overwrites, g->overwrite_n * sizeof(*g->overwrites));
	if (!err)
		err = buf_add(&d->own, g->own, g->own_n * sizeof(*g->own));
	for (size_t i = 0; i < g->role_n && !err; i++)
		if (g->roles[i].id != without)
			err = buf_add(&d->roles, &g->roles[i], sizeof(g->roles[i]));
	for (size_t i = 0; i < g->channel_n && !err; i++)
		if (g->channels[i].id != without)
			err = reopen_channel(d, g, &g->channels[i]);
	return err;
}

/* ---- Sealing --------------------------------------------------------------------------------- */

static int by_role(const void *a, const void *b)
{
	const uint64_t x = ((const struct platform_block_role *)a)->id;
	const uint64_t y = ((const struct platform_block_role *)b)->id;

	return x < y ? -1 : x > y;
}

static int by_drafted(const void *a, const void *b)
{
	const struct drafted *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_id(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Of several drafted channels with one id the last stays. Gives how many are left. */
static size_t sort_channels(struct platform_draft *d)
{
	struct drafted *all = (void *)d->channels.at;
	const size_t n = d->channels.len / sizeof(*all);
	size_t kept = 0;

	if (n > 0)
		qsort(all, n, sizeof(*all), by_drafted);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || all[i + 1].id != all[i].id)
			all[kept++] = all[i];
	return kept;
}

static bool is_same(const struct platform_block_overwrite *a,
	const struct platform_block_overwrite *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].id != b[i].id || a[i].allow != b[i].allow || a[i].deny != b[i].deny)
			return false;
	return true;
}

/* The set of a channel's overwrites, made if no channel had it before. */
static int pack_set(struct platform_draft *d, struct drafted *c)
{
	const struct platform_block_overwrite *from = (void *)d->overwrites.at, *packed;
	const struct platform_block_set *sets = (void *)d->sets.at;
	const size_t n = d->sets.len / sizeof(*sets);
	struct platform_block_set fresh;
	int err;

	packed = (void *)d->packed.at;
	c->set = PLATFORM_BLOCK_NONE;
	if (c->n == 0)
		return 0;
	for (size_t i = 0; i < n && c->set == PLATFORM_BLOCK_NONE; i++)
		if (sets[i].n == c->n && is_same(packed + sets[i].first, from + c->first, c->n))
			c->set = (uint16_t)i;
	if (c->set != PLATFORM_BLOCK_NONE)
		return 0;
	fresh = (struct platform_block_set){
		(uint16_t)(d->packed.len / sizeof(*from)), (uint16_t)c->n};
	err = buf_add(&d->packed, from + c->first, c->n * sizeof(*from));
	if (!err)
		err = buf_add(&d->sets, &fresh, sizeof(fresh));
	if (!err)
		c->set = (uint16_t)n;
	return err;
}

/* Keeps a name that is in use; *at says where it stands from now on. */
static int pack_name(struct platform_draft *d, uint32_t *at)
{
	const size_t now = d->kept.len;
	const char *name = buf_text(&d->names) + *at;
	int err = *at ? buf_add(&d->kept, name, strlen(name) + 1) : 0;

	if (*at)
		*at = (uint32_t)now;
	return err;
}

/* Names and overwrites that nothing refers to any more stay behind. */
static int pack(struct platform_draft *d, size_t channel_n, size_t role_n)
{
	struct drafted *channels = (void *)d->channels.at;
	struct platform_block_role *roles = (void *)d->roles.at;
	int err;

	buf_clear(&d->sets);
	buf_clear(&d->packed);
	buf_clear(&d->kept);
	err = buf_addc(&d->kept, '\0');
	if (!err)
		err = pack_name(d, &d->name);
	for (size_t i = 0; i < role_n && !err; i++)
		err = pack_name(d, &roles[i].name);
	for (size_t i = 0; i < channel_n && !err; i++) {
		err = pack_name(d, &channels[i].name);
		if (!err)
			err = pack_set(d, &channels[i]);
	}
	return err;
}

/* A whole number of 8 bytes, so that what follows in the block is aligned. */
static size_t even(size_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

/* Copies what a buffer holds to *at, and moves it on. */
static void *place(char **at, const struct buf *from)
{
	void *to = *at;

	if (from->len > 0)
		memcpy(to, from->at, from->len);
	*at += even(from->len);
	return to;
}

static void seal_channels(struct platform_guild *g, const struct drafted *all)
{
	for (size_t i = 0; i < g->channel_n; i++)
		g->channels[i] = (struct platform_block_channel){.id = all[i].id,
			.name = all[i].name & 0xffffff,
			.type = all[i].type,
			.parent = PLATFORM_BLOCK_NONE,
			.set = all[i].set};
	for (size_t i = 0; i < g->channel_n; i++) {
		const struct platform_block_channel *parent =
			all[i].parent ? platform_block_channel(g, all[i].parent) : NULL;

		if (parent)
			g->channels[i].parent = (uint16_t)(parent - g->channels);
	}
}

struct platform_guild *platform_draft_seal(struct platform_draft *d)
{
	const size_t channel_n = sort_channels(d), own_n = d->own.len / sizeof(uint64_t);
	const size_t role_n = d->roles.len / sizeof(struct platform_block_role);
	struct platform_guild *g;
	char *at;

	if (role_n > 0)
		qsort(d->roles.at, role_n, sizeof(struct platform_block_role), by_role);
	if (own_n > 0)
		qsort(d->own.at, own_n, sizeof(uint64_t), by_id);
	if (pack(d, channel_n, role_n))
		return NULL;
	g = mem_new(even(sizeof(*g)) + channel_n * sizeof(*g->channels) + even(d->roles.len) +
		    even(d->own.len) + even(d->packed.len) + even(d->sets.len) + even(d->kept.len));
	if (!g)
		return NULL;
	*g = (struct platform_guild){.id = d->id,
		.owner = d->owner,
		.lobby = d->lobby,
		.name = d->name,
		.role_n = role_n,
		.channel_n = channel_n,
		.own_n = own_n,
		.set_n = d->sets.len / sizeof(*g->sets),
		.overwrite_n = d->packed.len / sizeof(*g->overwrites),
		.name_bytes = d->kept.len};
	at = (char *)g + even(sizeof(*g));
	g->channels = (void *)at;
	at += channel_n * sizeof(*g->channels);
	g->roles = place(&at, &d->roles);
	g->own = place(&at, &d->own);
	g->overwrites = place(&at, &d->packed);
	g->sets = place(&at, &d->sets);
	g->names = place(&at, &d->kept);
	seal_channels(g, (const void *)d->channels.at);
	return g;
}

/* ---- Finding --------------------------------------------------------------------------------- */

const struct platform_block_channel *platform_block_channel(
	const struct platform_guild *g, uint64_t id)
{
	size_t low = 0, high = g->channel_n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (g->channels[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < g->channel_n && g->channels[low].id == id ? &g->channels[low] : NULL;
}

const struct platform_block_role *platform_block_role(const struct platform_guild *g, uint64_t id)
{
	const struct platform_block_role key = {.id = id};

	return g->role_n == 0 ? NULL : bsearch(&key, g->roles, g->role_n, sizeof(key), by_role);
}
