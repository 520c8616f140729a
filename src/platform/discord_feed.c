/* What comes in over the gateway: what is known of servers follows it, and what it tells is told to
 * the owner. A dispatch that cannot be used is left out, whatever is wrong with it: the connection
 * stands (discord.md 12.23). */
#include "platform/discord_place.h"

#include <stdio.h>
#include <string.h>

#define PLACE_MS 1000

static struct metric dispatches = {.name = "mynah_discord_dispatches_total",
	.help = "Events that Discord sent",
	.kind = METRIC_COUNTER};
struct metric platform_dispatches_dropped = {.name = "mynah_discord_dispatches_dropped_total",
	.help = "Events of Discord that tell the bot nothing, by why",
	.kind = METRIC_COUNTER,
	.label = "why"};

static void note_drop(const char *why)
{
	metric_add(&platform_dispatches_dropped, why, 1);
}

/* The list of servers is not as it was. They come one by one, and many: commands are placed once
 * there is a pause. */
static void note_servers(struct platform_discord *t)
{
	if (t->conf.commands == CONF_COMMANDS_GUILD)
		t->place_ms = clock_mono_ms() + PLACE_MS;
}

static void on_ready(
	struct platform_discord *t, struct platform_gateway *g, const struct json_item *d)
{
	const struct json_item *user = json_item_get(d, "user");
	const struct str id = json_item_str(user, "id"), login = json_item_str(user, "username");
	char user_id[PLATFORM_SNOWFLAKE_BYTES], name[PLATFORM_DISCORD_NAMES];

	if (platform_snowflake(id) != 0 && id.len < sizeof(user_id) && login.len < sizeof(name)) {
		memcpy(user_id, id.at, id.len);
		user_id[id.len] = '\0';
		memcpy(name, login.at, login.len);
		name[login.len] = '\0';
		platform_discord_self(t, user_id, name);
	}
	if (platform_guilds_ready(t->guilds, d, platform_gateway_shard(g), t->shards))
		note_drop("nomem");
	t->is_told_servers = true;
	note_servers(t);
	platform_discord_look(t, 1000);
}

static void tell_learned(const struct platform_discord *t, uint64_t guild)
{
	char id[PLATFORM_SNOWFLAKE_BYTES];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)guild);
	if (t->owner.learned)
		t->owner.learned(t->owner.ctx, t->place, str_of(id));
}

void platform_discord_changed(struct platform_discord *t, uint64_t guild, bool is_listed)
{
	tell_learned(t, guild);
	platform_halls_changed(t, guild);
	if (is_listed)
		note_servers(t);
	platform_discord_look(t, 1000);
}

/* Servers, channels, roles. */
static void follow(struct platform_discord *t, struct str type, const struct json_item *d)
{
	uint64_t changed = 0;

	if (platform_guilds_take(t->guilds, type, d, &changed) == ERR_NOMEM)
		note_drop("nomem");
	if (changed != 0)
		platform_discord_changed(t, changed,
			str_is(type, "GUILD_CREATE") || str_is(type, "GUILD_DELETE"));
}

static void tell_event(struct platform_discord *t, const struct platform_dispatch_news *news)
{
	const struct event *e = &news->event;
	const bool is_command = e->kind == EVENT_SLASH;
	const struct platform_guild *g =
		news->guild ? platform_guild_find(t->guilds, news->guild) : NULL;
	bool is_heard;

	if (news->guild && !g)
		platform_fetch_guild(t, news->guild);
	if (is_command) {
		is_heard = news->guild ? platform_rules_hear(&t->rules, g, news->channel)
				       : t->rules.direct;
		if (!platform_discord_accept(t, e, news->token, is_heard))
			return;
	}
	if (platform_hall_hear(t, news->guild, news->channel, is_command, &is_heard))
		note_drop("nomem");
	else if (!is_heard)
		note_drop("no_permission");
	else if (t->owner.event)
		t->owner.event(t->owner.ctx, e);
}

/* For a record: as it came, but for the secret that an interaction brings along. */
static void tell_frame(struct platform_discord *t, struct str type, const struct json_item *d,
	struct str bytes)
{
	const struct str token = json_item_str(d, "token");
	char *copy, *at;

	if (!t->owner.frame)
		return;
	if (!str_is(type, "INTERACTION_CREATE")) {
		t->owner.frame(t->owner.ctx, t->place, "discord", bytes);
		return;
	}
	copy = mem_dupn(bytes.at, bytes.len);
	at = copy && token.len > 0 ? memmem(copy, bytes.len, token.at, token.len) : NULL;
	if (at) { /* else it was spelled with escapes: nothing of it is kept */
		memset(at, 'x', token.len);
		t->owner.frame(t->owner.ctx, t->place, "discord", (struct str){copy, bytes.len});
	}
	mem_free(copy);
}

void platform_discord_facts(void *self, struct str about,
	void (*tell)(void *ctx, const char *wire, struct str frame), void *ctx)
{
	const struct platform_discord *t = self;
	const uint64_t only = platform_snowflake(about);
	struct buf frame;
	int err;

	for (size_t i = 0; i < platform_guilds_count(t->guilds); i++) {
		const struct platform_guild *g = platform_guilds_at(t->guilds, i);

		if ((only != 0 && platform_guild_id(g) != only) ||
			!platform_guild_find(t->guilds, platform_guild_id(g)))
			continue;
		buf_init(&frame, IO_WS_MESSAGE_BYTES);
		err = platform_guild_frame(g, t->reader.self, &frame);
		if (!err)
			tell(ctx, "discord", buf_str(&frame));
		else
			log_event(LOG_ERROR, "platform", "server_not_recorded", "place",
				t->conf.name, "error", err_name(err), NULL);
		buf_fini(&frame);
	}
}

void platform_discord_dispatch(void *ctx, struct platform_gateway *g, struct str type,
	const struct json_item *d, struct str bytes)
{
	struct platform_discord *t = ((struct platform_shard_seat *)ctx)->place;
	struct platform_dispatch_news news;
	const char *why;
	int err;

	if (t->is_stopping)
		return;
	metric_add(&dispatches, NULL, 1);
	t->reader.now_ms = clock_mono_ms();
	t->reader.wall_ms = clock_wall_ms();
	if (str_is(type, "READY")) {
		on_ready(t, g, d);
		return;
	}
	tell_frame(t, type, d, bytes);
	if (!str_is(type, "MESSAGE_CREATE"))
		follow(t, type, d);
	err = platform_dispatch_read(&t->reader, type, d, &news, &why);
	if (err)
		note_drop(err == ERR_NOMEM ? "nomem" : why);
	else if (news.has_event)
		tell_event(t, &news);
	else if (news.has_erasure && t->owner.erase)
		platform_dispatch_erase(&news, t->owner.erase, t->owner.ctx);
}
