/* What comes in over the gateway: what is known of servers follows it, and what it tells is told to
 * the owner. A dispatch that cannot be used is left out, whatever is wrong with it: the connection
 * stands (discord.md 12.23). */
#include "platform/discord_place.h"

#include <string.h>

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
	platform_discord_look(t, 1000);
}

/* Servers, channels, roles: what was reckoned from them is reckoned anew. */
static void follow(struct platform_discord *t, struct str type, const struct json_item *d)
{
	uint64_t changed = 0;

	if (platform_guilds_take(t->guilds, type, d, &changed) == ERR_NOMEM)
		note_drop("nomem");
	if (changed == 0)
		return;
	platform_halls_changed(t, changed);
	platform_discord_look(t, 1000);
	if (t->conf.commands == CONF_COMMANDS_GUILD &&
		(str_is(type, "GUILD_CREATE") || str_is(type, "GUILD_DELETE")))
		platform_discord_place_commands(t);
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

static void tell_erasure(struct platform_discord *t, struct platform_dispatch_news *news)
{
	const struct json_item *id = json_item_first(news->ids);

	if (!t->owner.erase)
		return;
	if (!news->ids)
		t->owner.erase(t->owner.ctx, &news->erasure);
	for (; id; id = json_item_next(id)) {
		news->erasure.message_id = json_item_text(id);
		if (platform_snowflake(news->erasure.message_id) != 0)
			t->owner.erase(t->owner.ctx, &news->erasure);
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
	/* Interactions have a secret of ours in them. */
	if (t->owner.frame && !str_is(type, "INTERACTION_CREATE"))
		t->owner.frame(t->owner.ctx, t->place, "discord", bytes);
	if (!str_is(type, "MESSAGE_CREATE"))
		follow(t, type, d);
	err = platform_dispatch_read(&t->reader, type, d, &news, &why);
	if (err)
		note_drop(err == ERR_NOMEM ? "nomem" : why);
	else if (news.has_event)
		tell_event(t, &news);
	else if (news.has_erasure)
		tell_erasure(t, &news);
}
