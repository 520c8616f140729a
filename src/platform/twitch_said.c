/* What chat says, as EventSub brings it: lines and notices. Shapes: twitch.md 2.8; each field means
 * what the tag of twitch_event.c means that the comments name. */
#include "platform/twitch_said.h"

#include <string.h>

#define NOT_TOLD(news, word) ((news)->why = (word), ERR_NOTFOUND)

/* ---- Lines ----------------------------------------------------------------------------------- */

/* badges, and the months that the subscriber's badge tells (badge-info). */
static void read_badges(const struct json_item *event, struct event *e, int64_t *months)
{
	const struct json_item *badge = json_item_first(json_item_get(event, "badges"));

	for (; badge; badge = json_item_next(badge)) {
		struct str set = json_item_str(badge, "set_id");
		unsigned role = platform_badge_role(set);

		e->roles |= role;
		if (role == ROLE(LEVEL_SUBSCRIBER))
			*months = platform_news_count(badge, "info");
		if (str_is(set, "bot-badge"))
			e->is_bot = true;
	}
}

/* A copy of what was said in another room of a shared chat (source-room-id). */
static bool is_copy(const struct json_item *event, struct str channel_id)
{
	struct str source = json_item_str(event, "source_broadcaster_user_id");

	return source.len > 0 && !str_eq(source, channel_id);
}

static int read_reply(struct platform_maker *m, const struct json_item *event, struct event *e)
{
	const struct json_item *reply = json_item_get(event, "reply");

	if (!reply)
		return 0;
	e->to_id = platform_clean_id(json_item_str(reply, "parent_message_id"));
	if (platform_news_touser(m, reply, "parent_user_name", "parent_user_login", e) < 0)
		return ERR_NOMEM;
	platform_drop_parent_name(&e->text, e->touser);
	platform_drop_parent_name(&e->text, json_item_str(reply, "parent_user_login"));
	e->is_direct = m->user_id[0] && str_is(json_item_str(reply, "parent_user_id"), m->user_id);
	return 0;
}

/* A mention of the bot's name is left to the triggers, as with lines of chat. */
int platform_said_message(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;
	const struct json_item *message = json_item_get(n->event, "message");
	struct str said = json_item_str(message, "text");
	struct str reward = json_item_str(n->event, "channel_points_custom_reward_id");

	if (platform_news_begin(m, n, EVENT_MESSAGE, &platform_who_chatter, out) < 0)
		return ERR_NOMEM;
	if (e->user_id.len == 0)
		return NOT_TOLD(out, "no_author");
	e->id = platform_clean_id(json_item_str(n->event, "message_id"));
	read_badges(n->event, e, &e->months);
	e->is_foreign = is_copy(n->event, out->channel_id);
	e->is_action = platform_unwrap_action(&said);
	if (platform_clean_text(&m->text, said, &e->text) < 0 || read_reply(m, n->event, e) < 0)
		return ERR_NOMEM;
	e->bits = platform_news_count(json_item_get(n->event, "cheer"), "bits");
	if (e->bits > 0) {
		e->kind = EVENT_CHEER;
		e->count = e->bits;
		e->is_anonymous = str_eq_nocase(e->login, STR(PLATFORM_ANONYMOUS_CHEERER));
	} else if (reward.len > 0) {
		e->kind = EVENT_REDEEM;
		e->reward_id = platform_clean_id(reward);
		return platform_clean_text(&m->reward, reward, &e->reward);
	}
	return 0;
}

/* ---- Notices --------------------------------------------------------------------------------- */

static struct str plan_of(const struct json_item *notice)
{
	struct str tier = json_item_str(notice, "sub_tier");

	if (json_item_bool(notice, "is_prime", false))
		return STR("prime");
	/* One printed example has another name for it (twitch.md 2.8). */
	return platform_tier(tier.len > 0 ? tier : json_item_str(notice, "sub_plan"));
}

static int on_sub(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	(void)m;
	out->event.months = 1;
	out->event.tier = plan_of(notice);
	return 0;
}

static int on_resub(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	(void)m;
	out->event.months = platform_news_count(notice, "cumulative_months");
	out->event.count = platform_news_count(notice, "streak_months");
	out->event.tier = plan_of(notice);
	return 0;
}

/* Gifts of a batch are told one by one and as a batch: whoever listens counts them together. */
static int on_sub_gift(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	struct event *e = &out->event;

	e->batch = platform_clean_id(json_item_str(notice, "community_gift_id"));
	e->count = 1;
	e->months = platform_news_count(notice, "duration_months");
	e->tier = plan_of(notice);
	return platform_news_touser(m, notice, "recipient_user_name", "recipient_user_login", e);
}

static int on_community_sub_gift(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	(void)m;
	out->event.batch = platform_clean_id(json_item_str(notice, "id"));
	out->event.count = platform_news_count(notice, "total");
	out->event.tier = plan_of(notice);
	return 0;
}

static int on_upgrade(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	out->event.tier = plan_of(notice);
	return platform_news_touser(
		m, notice, "gifter_user_name", "gifter_user_login", &out->event);
}

static int on_raid(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	(void)m;
	out->event.count = platform_news_count(notice, "viewer_count");
	return 0;
}

static int on_announcement(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	(void)m;
	(void)notice;
	(void)out;
	return 0;
}

static int on_watch_streak(struct platform_maker *m, const struct json_item *notice,
	struct platform_news *out)
{
	(void)m;
	out->event.count = platform_news_count(notice, "streak_count");
	return 0;
}

/* The same as twitch_event.c tells, and nothing else: pay_it_forward comes with a gift of its own,
 * the rest has no kind of event. */
static const struct {
	const char *type;
	enum event_kind kind;
	int (*read)(struct platform_maker *m, const struct json_item *notice,
		struct platform_news *out);
} notices[] = {
	{"sub", EVENT_SUB, on_sub},
	{"resub", EVENT_RESUB, on_resub},
	{"sub_gift", EVENT_GIFT, on_sub_gift},
	{"community_sub_gift", EVENT_GIFTBOMB, on_community_sub_gift},
	{"gift_paid_upgrade", EVENT_UPGRADE, on_upgrade},
	{"prime_paid_upgrade", EVENT_UPGRADE, on_upgrade},
	{"raid", EVENT_RAID, on_raid},
	{"announcement", EVENT_ANNOUNCEMENT, on_announcement},
	{"watch_streak", EVENT_STREAK, on_watch_streak},
};

#define COPY_PREFIX "shared_chat_"

/* The row of a notice; *key is the member that holds its object. */
static size_t find_notice(struct str type, struct event *e)
{
	const size_t n = sizeof(COPY_PREFIX) - 1;
	size_t i = 0;

	if (type.len > n && memcmp(type.at, COPY_PREFIX, n) == 0) {
		e->is_foreign = true;
		type.at += n;
		type.len -= n;
	}
	while (i < sizeof(notices) / sizeof(notices[0]) && !str_is(type, notices[i].type))
		i++;
	return i;
}

int platform_said_notice(struct platform_maker *m, const struct platform_notification *n,
	struct platform_news *out)
{
	struct event *e = &out->event;
	struct str type = json_item_str(n->event, "notice_type");
	size_t row = find_notice(type, e);
	char key[64];
	int64_t ignored;

	if (row == sizeof(notices) / sizeof(notices[0]) || type.len >= sizeof(key))
		return NOT_TOLD(out, "unknown_notice");
	if (platform_news_begin(m, n, notices[row].kind, &platform_who_chatter, out) < 0)
		return ERR_NOMEM;
	e->id = platform_notice_id(m, platform_clean_id(json_item_str(n->event, "message_id")));
	e->is_foreign |= is_copy(n->event, out->channel_id);
	read_badges(n->event, e, &ignored);
	if (json_item_bool(n->event, "chatter_is_anonymous", false) ||
			str_is(e->user_id, PLATFORM_ANONYMOUS_GIFTER))
		platform_news_anonymous(e, PLATFORM_ANONYMOUS_GIFTER);
	if (e->user_id.len == 0)
		return NOT_TOLD(out, "no_author");
	if (platform_clean_text(&m->text, json_item_str(json_item_get(n->event, "message"), "text"),
			&e->text) < 0)
		return ERR_NOMEM;
	memcpy(key, type.at, type.len);
	key[type.len] = '\0';
	return notices[row].read(m, json_item_get(n->event, key), out);
}
