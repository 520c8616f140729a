/* Servers: which there are, what dispatches change of them, and what is asked about them. */
#include "platform/discord_block.h"

#include <stdlib.h>
#include <string.h>

#define GUILDS_MAX 250000 /* of one process: 100 shards of 2,500 (discord.md section 3) */
#define EPOCH_MS   INT64_C(1420070400000) /* the first second of 2015: discord.md 4.1 */

struct platform_guilds {
	struct platform_guild **at; /* by id */
	size_t n, cap;
	uint64_t self;
	struct platform_draft draft;
};

/* ---- Ids ------------------------------------------------------------------------------------- */

uint64_t platform_snowflake(struct str id)
{
	uint64_t n = 0, before = 0;

	if (id.len > 20)
		return 0;
	for (size_t i = 0; i < id.len; i++) {
		const unsigned digit = (unsigned)(id.at[i] - '0');

		if (digit > 9)
			return 0;
		before = n;
		n = n * 10 + digit;
	}
	/* Nineteen digits always fit; with twenty the first ones may be too many already. */
	return id.len == 20 && (before > UINT64_MAX / 10 || n < before) ? 0 : n;
}

uint64_t platform_snowflake_of(const struct json_item *id)
{
	const int64_t n = json_item_is_string(id) ? 0 : json_item_number(id, 0);

	return n > 0 ? (uint64_t)n : platform_snowflake(json_item_text(id));
}

int64_t platform_snowflake_ms(uint64_t id)
{
	return (int64_t)(id >> 22) + EPOCH_MS;
}

/* ---- Which there are ------------------------------------------------------------------------- */

int platform_guilds_new(struct platform_guilds **out)
{
	*out = mem_new(sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	platform_draft_init(&(*out)->draft);
	return 0;
}

void platform_guilds_free(struct platform_guilds *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->n; i++)
		mem_free(all->at[i]);
	platform_draft_fini(&all->draft);
	mem_free(all->at);
	mem_free(all);
}

void platform_guilds_self(struct platform_guilds *all, uint64_t user_id)
{
	all->self = user_id;
}

/* Where it stands, or would. */
static size_t index_of(const struct platform_guilds *all, uint64_t id)
{
	size_t low = 0, high = all->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (all->at[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct platform_guild *entry(const struct platform_guilds *all, uint64_t id)
{
	const size_t i = index_of(all, id);

	return i < all->n && all->at[i]->id == id ? all->at[i] : NULL;
}

static void drop(struct platform_guilds *all, uint64_t id)
{
	const size_t i = index_of(all, id);

	if (i >= all->n || all->at[i]->id != id)
		return;
	mem_free(all->at[i]);
	all->n--;
	memmove(&all->at[i], &all->at[i + 1], (all->n - i) * sizeof(all->at[0]));
}

/* Puts it in the place of the one with its id, or among the others. TAKES g. */
static int put(struct platform_guilds *all, struct platform_guild *g)
{
	const size_t i = index_of(all, g->id);
	const size_t cap = all->cap ? all->cap * 2 : 16;

	if (i < all->n && all->at[i]->id == g->id) {
		mem_free(all->at[i]);
		all->at[i] = g;
		return 0;
	}
	if (all->n == all->cap) {
		struct platform_guild **more =
			all->n < GUILDS_MAX ? mem_resize(all->at, cap * sizeof(*more)) : NULL;

		if (!more) {
			mem_free(g);
			return ERR_NOMEM;
		}
		all->at = more;
		all->cap = cap;
	}
	memmove(&all->at[i + 1], &all->at[i], (all->n - i) * sizeof(all->at[0]));
	all->at[i] = g;
	all->n++;
	return 0;
}

/* The draft becomes what is known. */
static int settle(struct platform_guilds *all, uint64_t *changed)
{
	struct platform_guild *g = platform_draft_seal(&all->draft);

	if (!g)
		return ERR_NOMEM;
	*changed = g->id;
	return put(all, g);
}

static int await(struct platform_guilds *all, uint64_t id)
{
	struct platform_guild *g;
	uint64_t changed;
	int err;

	if (id == 0 || entry(all, id))
		return 0;
	platform_draft_begin(&all->draft, id);
	err = settle(all, &changed);
	g = err ? NULL : entry(all, id);
	if (g)
		g->is_waiting = true;
	return err;
}

int platform_guilds_ready(
	struct platform_guilds *all, const struct json_item *ready, unsigned shard, unsigned shards)
{
	const struct json_item *list = json_item_get(ready, "guilds"), *v;
	int err = 0;

	for (size_t i = all->n; i-- > 0;) {
		const uint64_t id = all->at[i]->id;

		if (shards > 1 && (id >> 22) % shards != shard)
			continue;
		for (v = json_item_first(list); v; v = json_item_next(v))
			if (platform_snowflake_of(json_item_get(v, "id")) == id)
				break;
		if (!v)
			drop(all, id);
	}
	for (v = json_item_first(list); v && !err; v = json_item_next(v))
		err = await(all, platform_snowflake_of(json_item_get(v, "id")));
	return err;
}

/* ---- What dispatches change ------------------------------------------------------------------ */

/* What is left out for being too many is left out; without memory nothing changes. */
static int add_each(struct platform_guilds *all, const struct json_item *list,
	int (*add)(struct platform_draft *d, const struct json_item *v))
{
	const struct json_item *v;

	for (v = json_item_first(list); v; v = json_item_next(v))
		if (add(&all->draft, v) == ERR_NOMEM)
			return ERR_NOMEM;
	return 0;
}

static int set_facts(struct platform_guilds *all, const struct json_item *d)
{
	struct platform_draft *draft = &all->draft;

	draft->owner = platform_snowflake_of(json_item_get(d, "owner_id"));
	draft->lobby = platform_snowflake_of(json_item_get(d, "system_channel_id"));
	return platform_draft_name(draft, json_item_str(d, "name"), &draft->name) == ERR_NOMEM
		       ? ERR_NOMEM
		       : 0;
}

static int on_guild_create(
	struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	const uint64_t id = platform_snowflake_of(json_item_get(d, "id"));
	const struct json_item *v = json_item_first(json_item_get(d, "members"));
	int err;

	if (id == 0 || json_item_bool(d, "unavailable", false))
		return await(all, id); /* an outage: what is known stays */
	platform_draft_begin(&all->draft, id);
	err = set_facts(all, d);
	for (; v && !err; v = json_item_next(v))
		if (platform_snowflake_of(json_item_get(json_item_get(v, "user"), "id")) ==
				all->self &&
			platform_draft_own(&all->draft, json_item_get(v, "roles")) == ERR_NOMEM)
			err = ERR_NOMEM;
	if (!err)
		err = add_each(all, json_item_get(d, "roles"), platform_draft_role);
	if (!err)
		err = add_each(all, json_item_get(d, "channels"), platform_draft_channel);
	if (!err)
		err = add_each(all, json_item_get(d, "threads"), platform_draft_channel);
	return err ? err : settle(all, changed);
}

static int on_guild_delete(
	struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	const uint64_t id = platform_snowflake_of(json_item_get(d, "id"));

	if (!json_item_bool(d, "unavailable", false)) { /* the bot was removed */
		drop(all, id);
		*changed = id;
	}
	return 0;
}

/* The draft of a server that is known; ERR_NOTFOUND if it is not. */
static int reopen(struct platform_guilds *all, const struct json_item *guild_id, uint64_t without)
{
	const struct platform_guild *g = platform_guild_find(all, platform_snowflake_of(guild_id));

	return g ? platform_draft_open(&all->draft, g, without) : ERR_NOTFOUND;
}

static int on_guild_update(
	struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	const struct json_item *roles = json_item_get(d, "roles");
	int err = reopen(all, json_item_get(d, "id"), 0);

	if (!err)
		err = set_facts(all, d);
	if (!err && roles) {
		buf_clear(&all->draft.roles);
		err = add_each(all, roles, platform_draft_role);
	}
	return err ? err : settle(all, changed);
}

static int on_role(struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	const struct json_item *role = json_item_get(d, "role");
	const struct json_item *id = role ? json_item_get(role, "id") : json_item_get(d, "role_id");
	int err = reopen(all, json_item_get(d, "guild_id"), platform_snowflake_of(id));

	if (!err && role && platform_draft_role(&all->draft, role) == ERR_NOMEM)
		err = ERR_NOMEM;
	return err ? err : settle(all, changed);
}

static int on_channel(struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	const uint64_t id = platform_snowflake_of(json_item_get(d, "id"));
	int err = reopen(all, json_item_get(d, "guild_id"), id);

	if (!err && platform_draft_channel(&all->draft, d) == ERR_NOMEM)
		err = ERR_NOMEM;
	return err ? err : settle(all, changed);
}

static int on_channel_gone(
	struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	int err = reopen(
		all, json_item_get(d, "guild_id"), platform_snowflake_of(json_item_get(d, "id")));

	return err ? err : settle(all, changed);
}

/* Threads of a channel that the bot may see from now on. */
static int on_threads(struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	int err = reopen(all, json_item_get(d, "guild_id"), 0);

	if (!err)
		err = add_each(all, json_item_get(d, "threads"), platform_draft_channel);
	return err ? err : settle(all, changed);
}

/* Comes of the bot itself whatever its intents are: its roles. */
static int on_member(struct platform_guilds *all, const struct json_item *d, uint64_t *changed)
{
	int err;

	if (platform_snowflake_of(json_item_get(json_item_get(d, "user"), "id")) != all->self)
		return 0;
	err = reopen(all, json_item_get(d, "guild_id"), 0);
	if (!err && platform_draft_own(&all->draft, json_item_get(d, "roles")) == ERR_NOMEM)
		err = ERR_NOMEM;
	return err ? err : settle(all, changed);
}

int platform_guilds_take(
	struct platform_guilds *all, struct str type, const struct json_item *d, uint64_t *changed)
{
	static const struct {
		const char *type;
		int (*take)(
			struct platform_guilds *all, const struct json_item *d, uint64_t *changed);
	} takers[] = {
		{"GUILD_CREATE", on_guild_create},
		{"GUILD_UPDATE", on_guild_update},
		{"GUILD_DELETE", on_guild_delete},
		{"GUILD_ROLE_CREATE", on_role},
		{"GUILD_ROLE_UPDATE", on_role},
		{"GUILD_ROLE_DELETE", on_role},
		{"CHANNEL_CREATE", on_channel},
		{"CHANNEL_UPDATE", on_channel},
		{"CHANNEL_DELETE", on_channel_gone},
		{"THREAD_CREATE", on_channel},
		{"THREAD_UPDATE", on_channel},
		{"THREAD_DELETE", on_channel_gone},
		{"THREAD_LIST_SYNC", on_threads},
		{"GUILD_MEMBER_UPDATE", on_member},
	};
	int err;

	*changed = 0;
	for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
		if (!str_is(type, takers[i].type))
			continue;
		err = takers[i].take(all, d, changed);
		return err == ERR_NOTFOUND ? 0 : err; /* of a server that is not known yet */
	}
	return ERR_NOTFOUND;
}

/* ---- What is asked --------------------------------------------------------------------------- */

size_t platform_guilds_count(const struct platform_guilds *all)
{
	return all->n;
}

size_t platform_guilds_waiting(const struct platform_guilds *all)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += all->at[i]->is_waiting;
	return n;
}

const struct platform_guild *platform_guilds_at(const struct platform_guilds *all, size_t i)
{
	return i < all->n ? all->at[i] : NULL;
}

const struct platform_guild *platform_guild_find(const struct platform_guilds *all, uint64_t id)
{
	const struct platform_guild *g = entry(all, id);

	return g && !g->is_waiting ? g : NULL;
}

const struct platform_guild *platform_guild_of(const struct platform_guilds *all, uint64_t channel)
{
	for (size_t i = 0; i < all->n; i++)
		if (platform_block_channel(all->at[i], channel))
			return all->at[i];
	return NULL;
}

uint64_t platform_guild_id(const struct platform_guild *g)
{
	return g->id;
}

uint64_t platform_guild_owner(const struct platform_guild *g)
{
	return g->owner;
}

uint64_t platform_guild_lobby(const struct platform_guild *g)
{
	return g->lobby;
}

struct str platform_guild_name(const struct platform_guild *g)
{
	return str_of(g->names + g->name);
}

struct str platform_guild_role(const struct platform_guild *g, uint64_t id)
{
	const struct platform_block_role *r = platform_block_role(g, id);

	return r ? str_of(g->names + r->name) : (struct str){0};
}

bool platform_guild_channel(
	const struct platform_guild *g, uint64_t id, struct platform_guild_channel *out)
{
	const struct platform_block_channel *c = platform_block_channel(g, id);

	if (!c)
		return false;
	*out = (struct platform_guild_channel){.id = id,
		.name = str_of(g->names + c->name),
		.parent = c->parent == PLATFORM_BLOCK_NONE ? 0 : g->channels[c->parent].id,
		.type = c->type,
		.is_thread = c->type >= 10 && c->type <= 12};
	return true;
}

bool platform_guild_nth(
	const struct platform_guild *g, size_t i, struct platform_guild_channel *out)
{
	return i < g->channel_n && platform_guild_channel(g, g->channels[i].id, out);
}

unsigned platform_guild_self_may(
	const struct platform_guilds *all, const struct platform_guild *g, uint64_t channel)
{
	return platform_guild_may(g, all->self, g->own, g->own_n, channel);
}

bool platform_guild_self_has(const struct platform_guild *g, uint64_t role)
{
	for (size_t i = 0; i < g->own_n; i++)
		if (g->own[i] == role)
			return true;
	return false;
}
