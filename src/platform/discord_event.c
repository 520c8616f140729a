#include "platform/discord_event.h"

#include <stdio.h>
#include <string.h>

#include "platform/clean.h"
#include "platform/discord_text.h"

#define EPHEMERAL    64 /* discord.md 4.6 */
#define HAS_SNAPSHOT 16384
#define FORWARD      1    /* message_reference.type */
#define BOOSTS_MAX   1000 /* more at once is a number that nobody means */
#define TOKEN_BYTES  1024 /* of an interaction: some 200 */
#define FILES_MAX    4    /* names of attachments that are told */

/* Types of messages: discord.md 4.5. */
enum {
	TYPE_DEFAULT = 0,
	TYPE_JOIN = 7,
	TYPE_BOOST = 8, /* 9, 10, 11: that reached level 1, 2, 3 */
	TYPE_BOOST_LAST = 11,
	TYPE_REPLY = 19,
	TYPE_SUBSCRIPTION = 25,
};

void platform_reader_init(struct platform_reader *r, unsigned place, struct str platform,
	const struct platform_guilds *guilds, const struct platform_rules *rules)
{
	memset(r, 0, sizeof(*r));
	r->place = place;
	r->platform = platform;
	r->guilds = guilds;
	r->rules = rules;
	buf_init(&r->raw, 2 * PLATFORM_DISCORD_TEXT); /* names are longer than their numbers */
	buf_init(&r->text, PLATFORM_DISCORD_TEXT);
	buf_init(&r->user, PLATFORM_DISCORD_NAMES);
	buf_init(&r->touser, PLATFORM_DISCORD_NAMES);
	buf_init(&r->emoji, PLATFORM_DISCORD_NAMES);
}

void platform_reader_fini(struct platform_reader *r)
{
	buf_fini(&r->raw);
	buf_fini(&r->text);
	buf_fini(&r->user);
	buf_fini(&r->touser);
	buf_fini(&r->emoji);
}

/* ---- One pass over a large object ------------------------------------------------------------ */

/* Members of MESSAGE_CREATE and MESSAGE_UPDATE that matter; NULL = absent. */
struct message {
	const struct json_item *id, *channel_id, *guild_id, *type, *flags, *content, *author,
		*member;
	const struct json_item *mentions, *mention_roles, *webhook_id, *attachments, *edited;
	const struct json_item *reference, *referenced, *snapshots, *subscription;
};

#define FIELD(name, member)                                              \
	{                                                                \
		name, sizeof(name) - 1, offsetof(struct message, member) \
	}
static const struct {
	const char *name;
	size_t len, offset;
} fields[] = {
	FIELD("id", id),
	FIELD("channel_id", channel_id),
	FIELD("guild_id", guild_id),
	FIELD("type", type),
	FIELD("flags", flags),
	FIELD("content", content),
	FIELD("author", author),
	FIELD("member", member),
	FIELD("mentions", mentions),
	FIELD("mention_roles", mention_roles),
	FIELD("webhook_id", webhook_id),
	FIELD("attachments", attachments),
	FIELD("edited_timestamp", edited),
	FIELD("message_reference", reference),
	FIELD("referenced_message", referenced),
	FIELD("message_snapshots", snapshots),
	FIELD("role_subscription_data", subscription),
};

static void read_message(const struct json_item *d, struct message *m)
{
	memset(m, 0, sizeof(*m));
	for (const struct json_item *v = json_item_first(d); v; v = json_item_next(v)) {
		const struct str key = json_item_key(v);

		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
			if (fields[i].len == key.len && fields[i].name[0] == key.at[0] &&
				memcmp(fields[i].name, key.at, key.len) == 0) {
				const struct json_item **at =
					(void *)((char *)m + fields[i].offset);

				*at = v;
				break;
			}
		}
	}
}

/* ---- Who ------------------------------------------------------------------------------------- */

static size_t roles_of(const struct json_item *list, uint64_t out[PLATFORM_DISCORD_ROLES])
{
	const struct json_item *v = json_item_first(list);
	size_t n = 0;

	for (; v && n < PLATFORM_DISCORD_ROLES; v = json_item_next(v))
		out[n++] = platform_snowflake_of(v);
	return n;
}

/* The server's owner, the roles that the config names, and who may manage messages. An interaction
 * brings its permissions along. */
static unsigned levels_of(const struct platform_reader *r, const struct platform_guild *g,
	const struct json_item *member, uint64_t user, uint64_t channel)
{
	const struct str brought = json_item_str(member, "permissions");
	uint64_t roles[PLATFORM_DISCORD_ROLES];
	const size_t n = roles_of(json_item_get(member, "roles"), roles);
	unsigned set = ROLE(LEVEL_EVERYONE), may = 0;

	if (g && user == platform_guild_owner(g))
		set |= ROLE(LEVEL_BROADCASTER);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < r->rules->role_n; k++)
			if (r->rules->roles[k].id == roles[i])
				set |= ROLE(r->rules->roles[k].level);
	if (r->rules->has_moderators)
		return set;
	if (brought.len > 0)
		may = platform_may_of(brought);
	else if (g)
		may = platform_guild_may(g, user, roles, n, channel);
	if (may & (PLATFORM_MAY_MANAGE_MESSAGES | PLATFORM_MAY_ADMINISTER))
		set |= ROLE(LEVEL_MODERATOR);
	return set;
}

static int set_person(struct platform_reader *r, struct event *e, const struct json_item *user,
	const struct json_item *member)
{
	const uint64_t id = platform_snowflake_of(json_item_get(user, "id"));

	e->user_id = platform_clean_id(json_item_str(user, "id"));
	e->login = platform_clean_id(json_item_str(user, "username"));
	if (e->login.len == 0)
		e->login = e->user_id;
	e->is_self = id != 0 && id == r->self;
	e->is_bot = json_item_bool(user, "bot", false) || json_item_bool(user, "system", false);
	return platform_clean_text(&r->user, platform_text_name(user, member), &e->user);
}

/* ---- Where ----------------------------------------------------------------------------------- */

static void begin(const struct platform_reader *r, struct event *e, enum event_kind kind)
{
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->platform = r->platform;
	e->place = r->place;
	e->at_ms = r->now_ms;
	e->wall_ms = r->wall_ms;
}

static struct str number(char out[PLATFORM_SNOWFLAKE_BYTES], uint64_t id)
{
	const int n = snprintf(out, PLATFORM_SNOWFLAKE_BYTES, "%llu", (unsigned long long)id);

	return (struct str){out, (size_t)n};
}

/* id: as text, if it came so; else it is written. */
static void set_channel(struct platform_reader *r, struct platform_dispatch_news *news,
	const struct platform_guild *g, struct str id)
{
	struct platform_guild_channel facts;
	struct event *e = &news->event;

	e->channel = id.len > 0 ? id : number(r->channel, news->channel);
	e->channel_id = e->channel;
	if (!g || !platform_guild_channel(g, news->channel, &facts))
		return;
	e->channel_name = facts.name;
	if (facts.is_thread && facts.parent)
		e->parent = number(r->parent, facts.parent);
}

/* What happens to a whole server is told where people see it, else in the first channel of it that
 * the config lists. False: there is none. */
static bool find_lobby(
	const struct platform_reader *r, const struct platform_guild *g, uint64_t *channel)
{
	struct platform_guild_channel facts;

	if (*channel == 0 && g)
		*channel = platform_guild_lobby(g);
	if (*channel != 0 && platform_rules_hear(r->rules, g, *channel))
		return true;
	for (size_t i = 0; g && i < r->rules->channel_n; i++) {
		*channel = r->rules->channels[i];
		if (platform_guild_channel(g, *channel, &facts))
			return true;
	}
	return false;
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* Spelled out, made clean, and the names of files behind it. */
static int set_text(struct platform_reader *r, struct event *e, struct str content,
	const struct message *m, const struct platform_guild *g)
{
	const struct platform_text_names names = {m ? m->mentions : NULL, g};
	const struct json_item *file = json_item_first(m ? m->attachments : NULL);
	int err = 0;

	if (content.len == 0)
		return 0;
	if (!file && !platform_text_has_markup(content))
		return platform_clean_text(&r->text, content, &e->text);
	buf_clear(&r->raw);
	err = platform_text_plain(content, &names, &r->raw);
	for (size_t n = 0; file && !err && n < FILES_MAX; n++, file = json_item_next(file)) {
		const struct str name = json_item_str(file, "filename");

		if (name.len > 0)
			err = buf_addf(&r->raw, " [%.*s]", STR_FMT(name));
	}
	if (err == ERR_NOMEM)
		return err;
	return platform_clean_text(&r->text, buf_str(&r->raw), &e->text);
}

/* A mention by name or by a role of the bot, a reply to it, a direct message. */
static bool is_direct(
	const struct platform_reader *r, const struct message *m, const struct platform_guild *g)
{
	const struct json_item *v;

	if (!m->guild_id)
		return true;
	if (r->self == 0)
		return false;
	for (v = json_item_first(m->mentions); v; v = json_item_next(v))
		if (platform_snowflake_of(json_item_get(v, "id")) == r->self)
			return true;
	for (v = json_item_first(m->mention_roles); v && g; v = json_item_next(v))
		if (platform_guild_self_has(g, platform_snowflake_of(v)))
			return true;
	v = json_item_get(json_item_get(m->referenced, "author"), "id");
	return platform_snowflake_of(v) == r->self;
}

static int read_chat(struct platform_reader *r, const struct message *m,
	const struct platform_guild *g, struct event *e)
{
	const struct json_item *author = json_item_get(m->referenced, "author");
	const bool is_forward = json_item_int(m->reference, "type", 0) == FORWARD ||
				(json_item_number(m->flags, 0) & HAS_SNAPSHOT);
	struct str content = json_item_text(m->content);
	int err;

	if (is_forward) { /* words of somebody else, from somewhere else (faults.md A16) */
		e->is_foreign = true;
		content = json_item_str(
			json_item_get(json_item_first(m->snapshots), "message"), "content");
	} else {
		e->to_id = platform_clean_id(json_item_str(m->reference, "message_id"));
		err = platform_clean_text(&r->touser, platform_text_name(author, NULL), &e->touser);
		if (err)
			return err;
		e->is_direct = is_direct(r, m, g);
	}
	if (e->is_bot && !m->webhook_id && r->rules->hears_bots && e->is_direct)
		e->is_bot = false;
	return set_text(r, e, content, m, g);
}

static int64_t boosts(struct str content)
{
	int64_t n;

	return content.len == 0 || str_int(content, &n) || n < 1 || n > BOOSTS_MAX ? 1 : n;
}

static void read_system(struct platform_reader *r, const struct message *m, int type,
	uint64_t guild, struct event *e)
{
	static const char *const tiers[] = {"", "1", "2", "3"};

	if (e->kind == EVENT_JOIN) { /* the same as of GUILD_MEMBER_ADD: told once */
		const int n = snprintf(r->id, sizeof(r->id), "join-%llu-%.*s",
			(unsigned long long)guild, STR_FMT(e->user_id));

		e->id = (struct str){r->id, (size_t)n};
		return;
	}
	const int n = snprintf(
		r->id, sizeof(r->id), PLATFORM_NOTICE_ID "%.*s", STR_FMT(json_item_text(m->id)));

	e->id = (struct str){r->id, (size_t)n}; /* Discord refuses replies to these */
	if (e->kind == EVENT_BOOST) {
		e->count = boosts(json_item_text(m->content));
		e->tier = str_of(tiers[type - TYPE_BOOST]);
		return;
	}
	e->months = json_item_int(m->subscription, "total_months_subscribed", 1);
}

/* False: people have said nothing with it. */
static bool kind_of(const struct message *m, int64_t type, enum event_kind *out)
{
	switch (type) {
	case TYPE_DEFAULT:
	case TYPE_REPLY: *out = EVENT_MESSAGE; return true;
	case TYPE_JOIN: *out = EVENT_JOIN; return true;
	case TYPE_SUBSCRIPTION:
		*out = json_item_bool(m->subscription, "is_renewal", false) ? EVENT_RESUB
									    : EVENT_SUB;
		return true;
	default: break;
	}
	*out = EVENT_BOOST;
	return type >= TYPE_BOOST && type <= TYPE_BOOST_LAST;
}

static int on_message_create(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	struct event *e = &news->event;
	const struct platform_guild *g;
	enum event_kind kind;
	struct message m;
	uint64_t id;
	int64_t type;
	int err;

	read_message(d, &m);
	id = platform_snowflake_of(m.id);
	type = json_item_number(m.type, TYPE_DEFAULT);
	news->channel = platform_snowflake_of(m.channel_id);
	news->guild = platform_snowflake_of(m.guild_id);
	*why = "malformed";
	if (id == 0 || news->channel == 0 || !m.author)
		return ERR_NOTFOUND;
	*why = "ephemeral";
	if (json_item_number(m.flags, 0) & EPHEMERAL)
		return ERR_NOTFOUND;
	*why = "type";
	if (!kind_of(&m, type, &kind))
		return ERR_NOTFOUND;
	g = news->guild ? platform_guild_find(r->guilds, news->guild) : NULL;
	*why = "elsewhere";
	if (kind == EVENT_MESSAGE ? (m.guild_id ? !platform_rules_hear(r->rules, g, news->channel)
						: !r->rules->direct)
				  : !find_lobby(r, g, &news->channel))
		return ERR_NOTFOUND;
	begin(r, e, kind);
	e->id = platform_clean_id(json_item_text(m.id));
	e->wall_ms = platform_snowflake_ms(id);
	err = set_person(r, e, m.author, m.member);
	e->is_bot = e->is_bot || m.webhook_id;
	if (err)
		return err;
	set_channel(r, news, g,
		kind == EVENT_MESSAGE ? platform_clean_id(json_item_text(m.channel_id))
				      : (struct str){0});
	if (kind != EVENT_MESSAGE) {
		read_system(r, &m, (int)type, news->guild, e);
	} else {
		err = read_chat(r, &m, g, e);
		*why = "no_text";
		if (!err && e->text.len == 0)
			err = ERR_NOTFOUND;
	}
	e->roles = levels_of(r, g, m.member, platform_snowflake(e->user_id), news->channel);
	news->has_event = err == 0;
	return err;
}

/* ---- What is taken back ---------------------------------------------------------------------- */

/* Gives whether its channel is one that is heard: elsewhere nothing was remembered. */
static bool begin_erasure(
	struct platform_reader *r, const struct json_item *d, struct platform_dispatch_news *news)
{
	const struct json_item *guild = json_item_get(d, "guild_id");
	const struct platform_guild *g =
		guild ? platform_guild_find(r->guilds, platform_snowflake_of(guild)) : NULL;
	const uint64_t channel = platform_snowflake_of(json_item_get(d, "channel_id"));

	if (channel == 0 ||
		(guild ? !platform_rules_hear(r->rules, g, channel) : !r->rules->direct))
		return false;
	news->erasure =
		(struct erasure){.platform = r->platform, .channel = number(r->channel, channel)};
	news->erasure.channel_id = news->erasure.channel;
	return true;
}

/* Other words stand there now. Links that are unfolded and pins come as updates too; what somebody
 * has edited says when (discord.md 4.7). */
static int on_message_update(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	*why = "no_edit";
	if (!json_item_is_string(json_item_get(d, "edited_timestamp")))
		return ERR_NOTFOUND;
	*why = "elsewhere";
	if (!begin_erasure(r, d, news))
		return ERR_NOTFOUND;
	news->erasure.message_id = platform_clean_id(json_item_str(d, "id"));
	news->erasure.is_edit = true;
	news->has_erasure = news->erasure.message_id.len > 0;
	return news->has_erasure ? 0 : ERR_NOTFOUND;
}

static int on_message_delete(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	*why = "elsewhere";
	if (!begin_erasure(r, d, news))
		return ERR_NOTFOUND;
	news->erasure.message_id = platform_clean_id(json_item_str(d, "id"));
	news->has_erasure = news->erasure.message_id.len > 0;
	return news->has_erasure ? 0 : ERR_NOTFOUND;
}

static int on_message_delete_bulk(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	*why = "elsewhere";
	if (!begin_erasure(r, d, news))
		return ERR_NOTFOUND;
	news->ids = json_item_get(d, "ids");
	news->has_erasure = json_item_first(news->ids) != NULL;
	return news->has_erasure ? 0 : ERR_NOTFOUND;
}

/* A channel that is gone takes along what was said there. */
static int on_channel_delete(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	const uint64_t channel = platform_snowflake_of(json_item_get(d, "id"));

	*why = "malformed";
	if (channel == 0)
		return ERR_NOTFOUND;
	news->channel = channel;
	news->erasure =
		(struct erasure){.platform = r->platform, .channel = number(r->channel, channel)};
	news->erasure.channel_id = news->erasure.channel;
	news->has_erasure = true;
	return 0;
}

/* ---- Joins, reactions, commands -------------------------------------------------------------- */

static int on_guild_member_add(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	const struct json_item *user = json_item_get(d, "user");
	const struct platform_guild *g;
	struct event *e = &news->event;
	int err, n;

	news->guild = platform_snowflake_of(json_item_get(d, "guild_id"));
	g = platform_guild_find(r->guilds, news->guild);
	*why = user ? "elsewhere" : "malformed";
	if (!user || !find_lobby(r, g, &news->channel))
		return ERR_NOTFOUND;
	begin(r, e, EVENT_JOIN);
	err = set_person(r, e, user, d);
	if (err)
		return err;
	set_channel(r, news, g, (struct str){0});
	n = snprintf(r->id, sizeof(r->id), "join-%llu-%.*s", (unsigned long long)news->guild,
		STR_FMT(e->user_id));
	e->id = (struct str){r->id, (size_t)n};
	e->roles = levels_of(r, g, d, platform_snowflake(e->user_id), news->channel);
	news->has_event = true;
	return 0;
}

static int set_emoji(struct platform_reader *r, struct event *e, const struct json_item *emoji)
{
	const struct str name = json_item_str(emoji, "name");

	if (!json_item_is_string(json_item_get(emoji, "id")))
		return platform_clean_text(&r->emoji, name, &e->emoji);
	buf_clear(&r->raw);
	if (buf_addf(&r->raw, ":%.*s:", STR_FMT(name)))
		return ERR_NOMEM;
	return platform_clean_text(&r->emoji, buf_str(&r->raw), &e->emoji);
}

static int on_message_reaction_add(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	const struct json_item *member = json_item_get(d, "member"),
			       *user = json_item_get(member, "user");
	const struct json_item *guild = json_item_get(d, "guild_id");
	const uint64_t author = platform_snowflake_of(json_item_get(d, "message_author_id"));
	const struct platform_guild *g;
	struct event *e = &news->event;
	int err, n;

	news->guild = platform_snowflake_of(guild);
	news->channel = platform_snowflake_of(json_item_get(d, "channel_id"));
	g = guild ? platform_guild_find(r->guilds, news->guild) : NULL;
	*why = "elsewhere";
	if (news->channel == 0 ||
		(guild ? !platform_rules_hear(r->rules, g, news->channel) : !r->rules->direct))
		return ERR_NOTFOUND;
	begin(r, e, EVENT_REACTION);
	err = set_person(r, e, user, member);
	if (!err)
		err = set_emoji(r, e, json_item_get(d, "emoji"));
	if (err)
		return err;
	if (!user) { /* in direct messages only the id comes */
		e->user_id = e->login = platform_clean_id(json_item_str(d, "user_id"));
		e->is_self = r->self != 0 && platform_snowflake(e->user_id) == r->self;
	}
	set_channel(r, news, g, platform_clean_id(json_item_str(d, "channel_id")));
	e->to_id = platform_clean_id(json_item_str(d, "message_id"));
	e->is_direct = r->self != 0 && author == r->self;
	n = snprintf(r->id, sizeof(r->id), "r-%.*s-%.*s-%.*s", STR_FMT(e->to_id),
		STR_FMT(e->user_id), e->emoji.len < 32 ? (int)e->emoji.len : 32, e->emoji.at);
	e->id = (struct str){r->id, (size_t)n < sizeof(r->id) ? (size_t)n : sizeof(r->id) - 1};
	e->roles = levels_of(r, g, member, platform_snowflake(e->user_id), news->channel);
	news->has_event = true;
	return 0;
}

/* Visible ASCII, as it goes into a path; longer than any id. */
static struct str token_of(const struct json_item *d)
{
	const struct str token = json_item_str(d, "token");

	for (size_t i = 0; i < token.len; i++)
		if (token.at[i] <= ' ' || token.at[i] > '~' || strchr("/?#%", token.at[i]))
			return (struct str){0};
	return token.len <= TOKEN_BYTES ? token : (struct str){0};
}

/* What was typed into the one text option of a command. */
static struct str option_of(const struct json_item *data)
{
	const struct json_item *v = json_item_first(json_item_get(data, "options"));

	while (v && json_item_int(v, "type", 0) != 3)
		v = json_item_next(v);
	return json_item_str(v, "value");
}

static int on_interaction_create(struct platform_reader *r, const struct json_item *d,
	struct platform_dispatch_news *news, const char **why)
{
	const struct json_item *data = json_item_get(d, "data"),
			       *member = json_item_get(d, "member");
	const struct json_item *guild = json_item_get(d, "guild_id");
	const uint64_t id = platform_snowflake_of(json_item_get(d, "id"));
	const struct platform_guild *g;
	struct event *e = &news->event;
	int err;

	news->token = token_of(d);
	*why = "type"; /* only chat commands: no pings, buttons, completions */
	if (json_item_int(d, "type", 0) != 2 || json_item_int(data, "type", 1) != 1)
		return ERR_NOTFOUND;
	news->guild = platform_snowflake_of(guild);
	news->channel = platform_snowflake_of(json_item_get(d, "channel_id"));
	*why = "malformed";
	if (id == 0 || news->channel == 0 || news->token.len == 0)
		return ERR_NOTFOUND;
	g = guild ? platform_guild_find(r->guilds, news->guild) : NULL;
	begin(r, e, EVENT_SLASH);
	err = set_person(r, e, json_item_get(member ? member : d, "user"), member);
	if (!err)
		err = set_text(r, e, option_of(data), NULL, g);
	if (err)
		return err;
	e->id = platform_clean_id(json_item_str(d, "id"));
	e->wall_ms = platform_snowflake_ms(id);
	e->command = platform_clean_id(json_item_str(data, "name"));
	e->is_direct = true;
	set_channel(r, news, g, platform_clean_id(json_item_str(d, "channel_id")));
	e->roles = levels_of(r, g, member, platform_snowflake(e->user_id), news->channel);
	news->has_event = true;
	return 0;
}

int platform_dispatch_read(struct platform_reader *r, struct str type, const struct json_item *d,
	struct platform_dispatch_news *out, const char **why)
{
	static const struct {
		const char *type;
		int (*read)(struct platform_reader *r, const struct json_item *d,
			struct platform_dispatch_news *out, const char **why);
	} readers[] = {
		{"MESSAGE_CREATE", on_message_create}, /* nearly all */
		{"MESSAGE_UPDATE", on_message_update},
		{"MESSAGE_DELETE", on_message_delete},
		{"MESSAGE_DELETE_BULK", on_message_delete_bulk},
		{"CHANNEL_DELETE", on_channel_delete},
		{"THREAD_DELETE", on_channel_delete},
		{"MESSAGE_REACTION_ADD", on_message_reaction_add},
		{"GUILD_MEMBER_ADD", on_guild_member_add},
		{"INTERACTION_CREATE", on_interaction_create},
	};

	out->has_event = out->has_erasure = false;
	out->ids = NULL;
	out->guild = out->channel = 0;
	out->token = (struct str){0};
	*why = "unknown";
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (str_is(type, readers[i].type))
			return readers[i].read(r, d, out, why);
	return ERR_NOTFOUND;
}

void platform_dispatch_erase(struct platform_dispatch_news *news,
	void (*erase)(void *ctx, const struct erasure *e), void *ctx)
{
	const struct json_item *id = json_item_first(news->ids);

	if (!news->ids)
		erase(ctx, &news->erasure);
	for (; id; id = json_item_next(id)) {
		news->erasure.message_id = json_item_text(id);
		if (platform_snowflake(news->erasure.message_id) != 0)
			erase(ctx, &news->erasure);
	}
}
