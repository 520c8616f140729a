/* A line of Twitch chat becomes an event or an erasure. Shapes: twitch.md 1.5 to 1.7. */
#include "platform/twitch_event.h"

#include <string.h>

enum tag {
	TAG_BADGE_INFO, TAG_BADGES, TAG_BAN_DURATION, TAG_BITS, TAG_DISPLAY_NAME,
	TAG_FIRST_MSG, TAG_ID, TAG_LOGIN, TAG_MOD, TAG_MSG_ID, TAG_BATCH, TAG_MONTHS,
	TAG_GIFT_MONTHS, TAG_GIFT_COUNT, TAG_ORIGIN, TAG_RECIPIENT, TAG_RECIPIENT_LOGIN,
	TAG_SENDER, TAG_STREAK, TAG_PLAN, TAG_VALUE, TAG_CATEGORY, TAG_VIEWERS, TAG_REPLY_NAME,
	TAG_REPLY_ID, TAG_REPLY_USER_ID, TAG_REPLY_LOGIN, TAG_REWARD, TAG_ROOM_ID, TAG_SLOW,
	TAG_SOURCE_MSG_ID, TAG_SOURCE_ROOM_ID, TAG_SUBSCRIBER, TAG_TARGET_MSG_ID,
	TAG_TARGET_USER_ID, TAG_SENT_TS, TAG_USER_ID, TAG_VIP,
	TAG_COUNT
};

/* By length of the key, as platform_line_tags wants them. */
static const struct platform_tag_key keys[][PLATFORM_TAG_ROW] = {
	[2] = {{"id", TAG_ID}},
	[3] = {{"mod", TAG_MOD}, {"vip", TAG_VIP}},
	[4] = {{"bits", TAG_BITS}, {"slow", TAG_SLOW}},
	[5] = {{"login", TAG_LOGIN}},
	[6] = {{"badges", TAG_BADGES}, {"msg-id", TAG_MSG_ID}},
	[7] = {{"user-id", TAG_USER_ID}, {"room-id", TAG_ROOM_ID}},
	[9] = {{"first-msg", TAG_FIRST_MSG}},
	[10] = {{"badge-info", TAG_BADGE_INFO}, {"subscriber", TAG_SUBSCRIBER}},
	[11] = {{"tmi-sent-ts", TAG_SENT_TS}},
	[12] = {{"display-name", TAG_DISPLAY_NAME}, {"ban-duration", TAG_BAN_DURATION}},
	[13] = {{"target-msg-id", TAG_TARGET_MSG_ID}, {"source-msg-id", TAG_SOURCE_MSG_ID}},
	[14] = {{"target-user-id", TAG_TARGET_USER_ID}, {"source-room-id", TAG_SOURCE_ROOM_ID}},
	[15] = {{"msg-param-value", TAG_VALUE}},
	[16] = {{"custom-reward-id", TAG_REWARD}},
	[18] = {{"msg-param-sub-plan", TAG_PLAN}, {"msg-param-category", TAG_CATEGORY}},
	[19] = {{"reply-parent-msg-id", TAG_REPLY_ID}, {"msg-param-origin-id", TAG_ORIGIN}},
	[20] = {{"reply-parent-user-id", TAG_REPLY_USER_ID}},
	[21] = {{"msg-param-gift-months", TAG_GIFT_MONTHS},
		{"msg-param-sender-name", TAG_SENDER}, {"msg-param-viewerCount", TAG_VIEWERS}},
	[23] = {{"reply-parent-user-login", TAG_REPLY_LOGIN},
		{"msg-param-streak-months", TAG_STREAK}},
	[25] = {{"reply-parent-display-name", TAG_REPLY_NAME},
		{"msg-param-mass-gift-count", TAG_GIFT_COUNT}},
	[27] = {{"msg-param-community-gift-id", TAG_BATCH},
		{"msg-param-cumulative-months", TAG_MONTHS}},
	[29] = {{"msg-param-recipient-user-name", TAG_RECIPIENT_LOGIN}},
	[32] = {{"msg-param-recipient-display-name", TAG_RECIPIENT}},
};

static void pick(const struct platform_line *l, struct str tags[TAG_COUNT])
{
	memset(tags, 0, TAG_COUNT * sizeof(tags[0]));
	platform_line_tags(l, keys, sizeof(keys) / sizeof(keys[0]), tags, TAG_COUNT);
}

/* A count or a duration; 0 when it is none. */
static int64_t number(struct str s)
{
	int64_t n;

	return s.len > 0 && str_int(s, &n) == 0 && n > 0 ? n : 0;
}

/* Badges and the tags that say the same; mod is 0 for the broadcaster (twitch.md 1.6). */
static unsigned roles_of(const struct str tags[TAG_COUNT], bool *is_bot)
{
	unsigned roles = ROLE(LEVEL_EVERYONE);
	struct str rest = tags[TAG_BADGES];

	while (rest.len > 0) {
		struct str badge = str_split(&rest, ',');
		struct str name = str_split(&badge, '/');

		roles |= platform_badge_role(name);
		if (is_bot && str_is(name, "bot-badge"))
			*is_bot = true;
	}
	if (str_is(tags[TAG_MOD], "1"))
		roles |= ROLE(LEVEL_MODERATOR);
	if (str_is(tags[TAG_VIP], "1"))
		roles |= ROLE(LEVEL_VIP);
	if (str_is(tags[TAG_SUBSCRIBER], "1"))
		roles |= ROLE(LEVEL_SUBSCRIBER);
	if (tags[TAG_USER_ID].len > 0 && str_eq(tags[TAG_USER_ID], tags[TAG_ROOM_ID]))
		roles |= ROLE(LEVEL_BROADCASTER);
	return roles;
}

/* Months subscribed, from badge-info: "predictions/a/b,subscriber/26". */
static int64_t badge_months(struct str rest)
{
	while (rest.len > 0) {
		struct str info = str_split(&rest, ',');
		struct str name = str_split(&info, '/');

		if (str_is(name, "subscriber") || str_is(name, "founder"))
			return number(info);
	}
	return 0;
}

/* What messages and notices have in common: who, where, when. */
static int make_common(struct platform_maker *m, const struct str tags[TAG_COUNT],
	struct str channel, struct str login, struct event *e)
{
	struct str source = tags[TAG_SOURCE_ROOM_ID];
	int64_t sent_ms = number(tags[TAG_SENT_TS]);

	memset(e, 0, sizeof(*e));
	e->place = m->place;
	e->platform = m->platform;
	e->channel = channel;
	e->channel_id = platform_clean_id(tags[TAG_ROOM_ID]);
	if (e->channel_id.len == 0)
		e->channel_id = channel;
	e->login = platform_clean_id(login);
	e->user_id = platform_clean_id(tags[TAG_USER_ID]);
	if (e->user_id.len == 0)
		e->user_id = e->login;
	e->id = platform_clean_id(tags[TAG_ID]);
	e->at_ms = m->now_ms;
	e->wall_ms = sent_ms > 0 ? sent_ms : m->wall_ms;
	e->roles = roles_of(tags, &e->is_bot);
	e->is_foreign = source.len > 0 && !str_eq(source, tags[TAG_ROOM_ID]);
	e->is_self = platform_maker_is_self(m, e->user_id, e->login);
	if (platform_clean_text(&m->user, tags[TAG_DISPLAY_NAME], &e->user) < 0)
		return ERR_NOMEM;
	if (e->user.len == 0)
		e->user = e->login;
	return 0;
}

static int on_privmsg(struct platform_maker *m, const struct platform_line *l, struct str channel,
	struct event *e, const char **why)
{
	struct str tags[TAG_COUNT];
	struct str said = platform_line_param(l, 1);

	pick(l, tags);
	if (make_common(m, tags, channel, l->nick.len > 0 ? l->nick : l->user, e) < 0)
		return ERR_NOMEM;
	if (e->user_id.len == 0) {
		*why = "no_author";
		return ERR_NOTFOUND;
	}
	e->is_action = platform_unwrap_action(&said);
	if (platform_clean_text(&m->text, said, &e->text) < 0)
		return ERR_NOMEM;
	if (tags[TAG_REPLY_ID].len > 0) {
		e->to_id = platform_clean_id(tags[TAG_REPLY_ID]);
		if (platform_clean_text(&m->touser, tags[TAG_REPLY_NAME], &e->touser) < 0)
			return ERR_NOMEM;
		platform_drop_parent_name(&e->text, e->touser);
		platform_drop_parent_name(&e->text, tags[TAG_REPLY_LOGIN]);
		if (e->touser.len == 0)
			e->touser = platform_clean_id(tags[TAG_REPLY_LOGIN]);
		e->is_direct = m->user_id[0] && str_is(tags[TAG_REPLY_USER_ID], m->user_id);
	}
	e->months = badge_months(tags[TAG_BADGE_INFO]);
	e->bits = number(tags[TAG_BITS]);
	e->is_first = str_is(tags[TAG_FIRST_MSG], "1");
	e->kind = EVENT_MESSAGE;
	if (e->bits > 0) {
		e->kind = EVENT_CHEER;
		e->count = e->bits;
		e->is_anonymous = str_eq_nocase(e->login, STR(PLATFORM_ANONYMOUS_CHEERER));
	} else if (tags[TAG_REWARD].len > 0) {
		e->kind = EVENT_REDEEM;
		if (platform_clean_text(&m->reward, tags[TAG_REWARD], &e->reward) < 0)
			return ERR_NOMEM;
	}
	return 0;
}

/* Gifts of a batch are told one by one and as a batch, in no promised order: whoever listens counts
 * them together. */
static int on_gift(struct platform_maker *m, const struct str tags[TAG_COUNT], struct event *e)
{
	e->batch = platform_clean_id(tags[TAG_BATCH]);
	e->count = 1;
	e->months = number(tags[TAG_GIFT_MONTHS]);
	if (platform_clean_text(&m->touser, tags[TAG_RECIPIENT], &e->touser) < 0)
		return ERR_NOMEM;
	if (e->touser.len == 0)
		e->touser = platform_clean_id(tags[TAG_RECIPIENT_LOGIN]);
	return 0;
}

static void on_giftbomb(const struct str tags[TAG_COUNT], struct event *e)
{
	e->batch = platform_clean_id(tags[TAG_BATCH].len > 0 ? tags[TAG_BATCH] : tags[TAG_ORIGIN]);
	e->count = number(tags[TAG_GIFT_COUNT]);
}

/* twitch.md 1.7. What is not listed wakes nobody: payforwards come with a gift of their own,
 * modiversaries and charity have no kind of event, the rest appears ad hoc. */
static const struct {
	const char *id;
	enum event_kind kind;
	bool is_anonymous;
} notices[] = {
	{"sub", EVENT_SUB, false},
	{"resub", EVENT_RESUB, false},
	{"extendsub", EVENT_RESUB, false},
	{"subgift", EVENT_GIFT, false},
	{"anonsubgift", EVENT_GIFT, true},
	{"submysterygift", EVENT_GIFTBOMB, false},
	{"anonsubmysterygift", EVENT_GIFTBOMB, true},
	{"giftpaidupgrade", EVENT_UPGRADE, false},
	{"anongiftpaidupgrade", EVENT_UPGRADE, false},
	{"primepaidupgrade", EVENT_UPGRADE, false},
	{"raid", EVENT_RAID, false},
	{"ritual", EVENT_MESSAGE, false},
	{"announcement", EVENT_ANNOUNCEMENT, false},
	{"viewermilestone", EVENT_STREAK, false},
};

static int find_notice(const struct str tags[TAG_COUNT], struct event *e)
{
	struct str id = tags[TAG_MSG_ID];

	if (str_is(id, "sharedchatnotice")) {
		e->is_foreign = true;
		id = tags[TAG_SOURCE_MSG_ID];
	}
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++) {
		if (str_is(id, notices[i].id)) {
			e->kind = notices[i].kind;
			e->is_anonymous = notices[i].is_anonymous;
			return 0;
		}
	}
	return ERR_NOTFOUND;
}

/* What each kind of notice adds to who and where. */
static int fill_notice(struct platform_maker *m, const struct str tags[TAG_COUNT],
	struct event *e, const char **why)
{
	e->tier = platform_tier(tags[TAG_PLAN]);
	switch (e->kind) {
	case EVENT_SUB:
	case EVENT_RESUB:
		e->months = number(tags[TAG_MONTHS]);
		e->count = number(tags[TAG_STREAK]);
		return 0;
	case EVENT_GIFT:
		return on_gift(m, tags, e);
	case EVENT_GIFTBOMB:
		on_giftbomb(tags, e);
		return 0;
	case EVENT_UPGRADE:
		return platform_clean_text(&m->touser, tags[TAG_SENDER], &e->touser);
	case EVENT_RAID:
		e->count = number(tags[TAG_VIEWERS]);
		return 0;
	case EVENT_STREAK:
		if (tags[TAG_CATEGORY].len > 0 && !str_is(tags[TAG_CATEGORY], "watch-streak"))
			break;
		e->count = number(tags[TAG_VALUE]);
		return 0;
	case EVENT_MESSAGE: /* the ritual of a new chatter: their own words */
		e->is_first = true;
		return 0;
	default:
		return 0;
	}
	*why = "unknown_notice";
	return ERR_NOTFOUND;
}

static int on_usernotice(struct platform_maker *m, const struct platform_line *l,
	struct str channel, struct event *e, const char **why)
{
	struct str tags[TAG_COUNT];

	pick(l, tags);
	if (make_common(m, tags, channel, tags[TAG_LOGIN], e) < 0)
		return ERR_NOMEM;
	if (find_notice(tags, e) < 0) {
		*why = "unknown_notice";
		return ERR_NOTFOUND;
	}
	e->id = platform_notice_id(m, e->id);
	if (platform_clean_text(&m->text, platform_line_param(l, 1), &e->text) < 0)
		return ERR_NOMEM;
	if (str_is(tags[TAG_USER_ID], PLATFORM_ANONYMOUS_GIFTER))
		e->is_anonymous = true;
	if (e->is_anonymous)
		e->user = STR(PLATFORM_ANONYMOUS);
	if (e->user_id.len == 0 && !e->is_anonymous) {
		*why = "no_author";
		return ERR_NOTFOUND;
	}
	return fill_notice(m, tags, e, why);
}

int platform_twitch_event(struct platform_maker *m, const struct platform_line *l,
	struct str channel, struct event *e, const char **why)
{
	*why = "not_an_event";
	if (str_eq_nocase(l->command, STR("PRIVMSG")))
		return on_privmsg(m, l, channel, e, why);
	if (str_eq_nocase(l->command, STR("USERNOTICE")))
		return on_usernotice(m, l, channel, e, why);
	return ERR_NOTFOUND;
}

static int on_clearmsg(
	const struct platform_maker *m, const struct str tags[TAG_COUNT], struct erasure *e)
{
	e->message_id = platform_clean_id(tags[TAG_TARGET_MSG_ID]);
	e->author = platform_author(m, tags[TAG_LOGIN]);
	/* Without it the erasure would mean everybody's every word. */
	return e->message_id.len > 0 ? 0 : ERR_NOTFOUND;
}

static int on_clearchat(const struct platform_line *l, const struct str tags[TAG_COUNT],
	struct erasure *e, int64_t *timeout_ms)
{
	e->user_id = platform_clean_id(tags[TAG_TARGET_USER_ID]);
	if (e->user_id.len == 0) /* a name and no id: the name is the id of an untagged session */
		e->user_id = platform_clean_id(platform_line_param(l, 1));
	if (e->user_id.len > 0) {
		int64_t seconds = number(tags[TAG_BAN_DURATION]);
		*timeout_ms = seconds < INT64_MAX / 1000 ? seconds * 1000 : 0;
	}
	return 0;
}

int platform_twitch_erasure(struct platform_maker *m, const struct platform_line *l,
	struct str channel, struct erasure *e, int64_t *timeout_ms)
{
	struct str tags[TAG_COUNT];

	pick(l, tags);
	*timeout_ms = -1;
	*e = (struct erasure){.platform = m->platform, .channel = channel,
		.channel_id = platform_clean_id(tags[TAG_ROOM_ID])};
	if (e->channel_id.len == 0)
		e->channel_id = channel;
	if (str_eq_nocase(l->command, STR("CLEARMSG")))
		return on_clearmsg(m, tags, e);
	if (str_eq_nocase(l->command, STR("CLEARCHAT")))
		return on_clearchat(l, tags, e, timeout_ms);
	return ERR_NOTFOUND;
}

void platform_twitch_state(const struct platform_line *l, struct platform_twitch_state *out)
{
	struct str tags[TAG_COUNT];
	int64_t slow_s;

	pick(l, tags);
	out->user_id = platform_clean_id(tags[TAG_USER_ID]);
	out->id = platform_clean_id(tags[TAG_ID]);
	out->room_id = platform_clean_id(tags[TAG_ROOM_ID]);
	out->is_privileged = (roles_of(tags, NULL) & (ROLE(LEVEL_VIP) | ROLE(LEVEL_MODERATOR) |
		ROLE(LEVEL_BROADCASTER))) != 0;
	out->slow_ms = -1;
	if (tags[TAG_SLOW].len > 0 && str_int(tags[TAG_SLOW], &slow_s) == 0 && slow_s >= 0 &&
			slow_s <= 86400)
		out->slow_ms = slow_s * 1000;
}

struct str platform_twitch_notice_id(const struct platform_line *l)
{
	struct str tags[TAG_COUNT];

	pick(l, tags);
	return tags[TAG_MSG_ID];
}
