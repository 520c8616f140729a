/* A notification of EventSub becomes an event, an erasure, news of a stream or of a room's mode:
 * one function per subscription type. What chat itself brings is twitch_said.c. Shapes: twitch.md
 * 2.8. */
#include "platform/twitch_said.h"

#include <string.h>

static const struct platform_who person = {"user_id", "user_login", "user_name"};
const struct platform_who platform_who_chatter = {"chatter_user_id", "chatter_user_login",
	"chatter_user_name"};
static const struct platform_who broadcaster = {"broadcaster_user_id", "broadcaster_user_login",
	"broadcaster_user_name"};
static const struct platform_who raider = {
	"from_broadcaster_user_id", "from_broadcaster_user_login", "from_broadcaster_user_name"};
static const struct platform_who raided = {"to_broadcaster_user_id", "to_broadcaster_user_login",
	"to_broadcaster_user_name"};
static const struct platform_who requester = {"requester_user_id", "requester_user_login",
	"requester_user_name"};
static const struct platform_who whisperer = {"from_user_id", "from_user_login", "from_user_name"};

#define NOT_TOLD(news, word) ((news)->why = (word), ERR_NOTFOUND)

/* ---- What types have in common --------------------------------------------------------------- */

/* A count that may be printed as a text; 0 when it is none. */
int64_t platform_news_count(const struct json_item *object, const char *key)
{
	int64_t n = json_item_int(object, key, 0);
	struct str text = json_item_str(object, key);

	if (text.len > 0 && str_int(text, &n) < 0)
		n = 0;
	return n > 0 ? n : 0;
}

static int take_channel(const struct json_item *event, const struct platform_who *k,
	struct platform_news *out)
{
	out->channel = platform_clean_id(json_item_str(event, k->login));
	out->channel_id = platform_clean_id(json_item_str(event, k->id));
	if (out->channel.len == 0 || out->channel_id.len == 0)
		return NOT_TOLD(out, "unknown_channel");
	return 0;
}

int platform_news_begin(struct platform_maker *m, const struct platform_notification *n,
	enum event_kind kind, const struct platform_who *k, struct platform_news *out)
{
	struct event *e = &out->event;

	e->kind = kind;
	e->place = m->place;
	e->platform = m->platform;
	e->channel = out->channel;
	e->channel_id = out->channel_id;
	e->id = platform_notice_id(m, platform_clean_id(n->id));
	e->at_ms = m->now_ms;
	e->wall_ms = n->wall_ms > 0 ? n->wall_ms : m->wall_ms;
	e->roles = ROLE(LEVEL_EVERYONE);
	out->has_event = true;
	if (!k)
		return 0;
	e->login = platform_clean_id(json_item_str(n->event, k->login));
	e->user_id = platform_clean_id(json_item_str(n->event, k->id));
	if (e->user_id.len == 0)
		e->user_id = e->login;
	if (e->user_id.len > 0 && str_eq(e->user_id, e->channel_id))
		e->roles |= ROLE(LEVEL_BROADCASTER);
	e->is_self = platform_maker_is_self(m, e->user_id, e->login);
	if (platform_clean_text(&m->user, json_item_str(n->event, k->name), &e->user) < 0)
		return ERR_NOMEM;
	if (e->user.len == 0)
		e->user = e->login;
	return 0;
}

/* Nobody gave or cheered: `whose` account stands for them, as in chat. */
void platform_news_anonymous(struct event *e, const char *whose)
{
	e->is_anonymous = true;
	e->user = STR(PLATFORM_ANONYMOUS);
	if (e->user_id.len == 0)
		e->user_id = str_of(whose);
}

int platform_news_touser(struct platform_maker *m, const struct json_item *from, const char *name,
	const char *login, struct event *e)
{
	if (platform_clean_text(&m->touser, json_item_str(from, name), &e->touser) < 0)
		return ERR_NOMEM;
	if (e->touser.len == 0)
		e->touser = platform_clean_id(json_item_str(from, login));
	return 0;
}

/* ---- Types ----------------------------------------------------------------------------------- */

static int on_follow(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	return platform_news_begin(m, n, EVENT_FOLLOW, &person, out);
}

/* Gifts are told by those who give them. */
static int on_subscribe(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;

	if (json_item_bool(n->event, "is_gift", false))
		return NOT_TOLD(out, "gift_received");
	e->months = 1;
	e->tier = platform_tier(json_item_str(n->event, "tier"));
	if (platform_news_begin(m, n, EVENT_SUB, &person, out) < 0)
		return ERR_NOMEM;
	e->roles |= ROLE(LEVEL_SUBSCRIBER);
	return 0;
}

static int on_subscription_message(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;
	struct str said = json_item_str(json_item_get(n->event, "message"), "text");

	e->months = platform_news_count(n->event, "cumulative_months");
	e->count = platform_news_count(n->event, "streak_months");
	e->tier = platform_tier(json_item_str(n->event, "tier"));
	if (platform_news_begin(m, n, EVENT_RESUB, &person, out) < 0)
		return ERR_NOMEM;
	e->roles |= ROLE(LEVEL_SUBSCRIBER);
	return platform_clean_text(&m->text, said, &e->text);
}

static int on_subscription_gift(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;
	enum event_kind kind;

	e->count = platform_news_count(n->event, "total");
	e->tier = platform_tier(json_item_str(n->event, "tier"));
	kind = e->count > 1 ? EVENT_GIFTBOMB : EVENT_GIFT;
	if (platform_news_begin(m, n, kind, &person, out) < 0)
		return ERR_NOMEM;
	if (json_item_bool(n->event, "is_anonymous", false) || e->user_id.len == 0)
		platform_news_anonymous(e, PLATFORM_ANONYMOUS_GIFTER);
	return 0;
}

static int on_cheer(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;

	e->bits = e->count = platform_news_count(n->event, "bits");
	if (platform_news_begin(m, n, EVENT_CHEER, &person, out) < 0)
		return ERR_NOMEM;
	if (json_item_bool(n->event, "is_anonymous", false) || e->user_id.len == 0)
		platform_news_anonymous(e, PLATFORM_ANONYMOUS_CHEERER);
	return platform_clean_text(&m->text, json_item_str(n->event, "message"), &e->text);
}

/* Both ends of a raid have this type: the condition says at which end we asked. */
static int on_raid(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	bool is_out = json_item_str(n->condition, "from_broadcaster_user_id").len > 0;
	struct event *e = &out->event;
	int err = take_channel(n->event, is_out ? &raider : &raided, out);

	if (err)
		return err;
	e->count = platform_news_count(n->event, "viewers");
	if (platform_news_begin(m, n, is_out ? EVENT_RAIDOUT : EVENT_RAID, &raider, out) < 0)
		return ERR_NOMEM;
	return is_out ? platform_news_touser(m, n->event, raided.name, raided.login, e) : 0;
}

static int on_redemption(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;
	const struct json_item *reward = json_item_get(n->event, "reward");
	struct str title = json_item_str(reward, "title");

	if (platform_news_begin(m, n, EVENT_REDEEM, &person, out) < 0)
		return ERR_NOMEM;
	e->reward_id = platform_clean_id(json_item_str(reward, "id"));
	if (title.len == 0)
		title = e->reward_id;
	if (platform_clean_text(&m->reward, title, &e->reward) < 0)
		return ERR_NOMEM;
	return platform_clean_text(&m->text, json_item_str(n->event, "user_input"), &e->text);
}

/* A rerun or a playlist is nobody being there. */
static int on_online(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct str type = json_item_str(n->event, "type");

	if (str_is(type, "rerun") || str_is(type, "playlist"))
		return NOT_TOLD(out, "not_live");
	out->has_stream = true;
	out->stream.is_known = out->stream.is_live = true;
	out->stream.id = platform_clean_id(json_item_str(n->event, "id"));
	if (clock_parse(json_item_str(n->event, "started_at"), &out->stream.started_wall_ms) < 0)
		out->stream.started_wall_ms = 0;
	return platform_news_begin(m, n, EVENT_ONLINE, &broadcaster, out);
}

static int on_offline(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	out->has_stream = true;
	out->stream.is_known = true;
	return platform_news_begin(m, n, EVENT_OFFLINE, &broadcaster, out);
}

static int on_hype_train(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	out->event.count = platform_news_count(n->event, "level");
	return platform_news_begin(m, n, EVENT_HYPETRAIN, &broadcaster, out);
}

static int on_ad_break(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	bool has_requester = json_item_str(n->event, requester.id).len > 0;

	out->event.count = platform_news_count(n->event, "duration_seconds");
	return platform_news_begin(m, n, EVENT_AD, has_requester ? &requester : &broadcaster, out);
}

static int on_shoutout_given(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	out->event.count = platform_news_count(n->event, "viewer_count");
	if (platform_news_begin(m, n, EVENT_SHOUTOUT, &broadcaster, out) < 0)
		return ERR_NOMEM;
	return platform_news_touser(m, n->event, raided.name, raided.login, &out->event);
}

static int on_shoutout_received(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	out->event.count = platform_news_count(n->event, "viewer_count");
	return platform_news_begin(m, n, EVENT_SHOUTED, &raider, out);
}

static int on_whisper(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;
	struct str said;

	if (platform_news_begin(m, n, EVENT_WHISPER, &whisperer, out) < 0)
		return ERR_NOMEM;
	if (e->user_id.len == 0)
		return NOT_TOLD(out, "no_author");
	e->is_direct = true;
	said = json_item_str(json_item_get(n->event, "whisper"), "text");
	return platform_clean_text(&m->text, said, &e->text);
}

/* ---- Erasures and modes ---------------------------------------------------------------------- */

static void begin_erasure(const struct platform_maker *m, struct platform_news *out)
{
	out->has_erasure = true;
	out->erasure.platform = m->platform;
	out->erasure.channel = out->channel;
	out->erasure.channel_id = out->channel_id;
}

static int on_message_delete(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	out->erasure.message_id = platform_clean_id(json_item_str(n->event, "message_id"));
	out->erasure.author = platform_author(m, json_item_str(n->event, "target_user_login"));
	/* Without it the erasure would mean everybody's every word. */
	if (out->erasure.message_id.len == 0)
		return NOT_TOLD(out, "unparsable");
	begin_erasure(m, out);
	return 0;
}

static int on_clear_user(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	out->erasure.user_id = platform_clean_id(json_item_str(n->event, "target_user_id"));
	if (out->erasure.user_id.len == 0)
		return NOT_TOLD(out, "unparsable");
	begin_erasure(m, out);
	return 0;
}

static int on_clear(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	(void)n;
	begin_erasure(m, out);
	return 0;
}

static int on_chat_settings(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	int64_t wait_s = platform_news_count(n->event, "slow_mode_wait_time_seconds");

	(void)m;
	out->has_slow = true;
	if (json_item_bool(n->event, "slow_mode", false) && wait_s <= 86400)
		out->slow_ms = wait_s * 1000;
	return 0;
}

/* ---- Which is which -------------------------------------------------------------------------- */

/* Unlisted types are nobody's; chat first, nearly every notification is one where it comes this
 * way. */
static const struct {
	const char *type;
	bool has_channel; /* broadcaster_user_* is the room */
	int (*read)(struct platform_maker *m, const struct platform_notification *n,
		struct platform_news *out);
} types[] = {
	{"channel.chat.message", true, platform_said_message},
	{"channel.chat.notification", true, platform_said_notice},
	{"channel.chat.message_delete", true, on_message_delete},
	{"channel.chat.clear_user_messages", true, on_clear_user},
	{"channel.chat.clear", true, on_clear},
	{"channel.chat_settings.update", true, on_chat_settings},
	{"channel.follow", true, on_follow},
	{"channel.subscribe", true, on_subscribe},
	{"channel.subscription.message", true, on_subscription_message},
	{"channel.subscription.gift", true, on_subscription_gift},
	{"channel.cheer", true, on_cheer},
	{"channel.raid", false, on_raid},
	{"channel.channel_points_custom_reward_redemption.add", true, on_redemption},
	{"stream.online", true, on_online},
	{"stream.offline", true, on_offline},
	{"channel.hype_train.begin", true, on_hype_train},
	{"channel.ad_break.begin", true, on_ad_break},
	{"channel.shoutout.create", true, on_shoutout_given},
	{"channel.shoutout.receive", true, on_shoutout_received},
	{"user.whisper.message", false, on_whisper},
};

void platform_notification_of(const struct json_item *frame, struct platform_notification *out)
{
	const struct json_item *meta = json_item_get(frame, "metadata");
	const struct json_item *payload = json_item_get(frame, "payload");
	const struct json_item *subscription = json_item_get(payload, "subscription");

	*out = (struct platform_notification){
		.type = json_item_str(meta, "subscription_type"),
		.id = json_item_str(meta, "message_id"),
		.condition = json_item_get(subscription, "condition"),
		.event = json_item_get(payload, "event"),
	};
	if (out->type.len == 0)
		out->type = json_item_str(subscription, "type");
	if (clock_parse(json_item_str(meta, "message_timestamp"), &out->wall_ms) < 0)
		out->wall_ms = 0;
}

int platform_twitch_news(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	int err = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!str_is(n->type, types[i].type))
			continue;
		if (types[i].has_channel)
			err = take_channel(n->event, &broadcaster, out);
		if (err == 0)
			err = types[i].read(m, n, out);
		if (err == ERR_NOTFOUND)
			out->has_event = out->has_erasure = out->has_stream = false;
		return err;
	}
	return NOT_TOLD(out, "unknown_type");
}
