/* What comes in, from chat and from EventSub: each kind of event from one source a room, so that
 * one sub is one event. Which source: while a subscription of its own brings a kind there, chat's
 * copies of it are dropped and counted; a line that comes with a redeemed reward stays a line. */
#include "platform/twitch_place.h"

#include <stdio.h>
#include <string.h>

#define SUPPORT (EVENT_BIT(EVENT_SUB) | EVENT_BIT(EVENT_RESUB) | EVENT_BIT(EVENT_GIFT) | \
	EVENT_BIT(EVENT_GIFTBOMB) | EVENT_BIT(EVENT_CHEER) | EVENT_BIT(EVENT_RAID))

static struct metric copies = {.name = "mynah_events_from_other_source_total",
	.kind = METRIC_COUNTER, .label = "kind",
	.help = "Events of Twitch chat that EventSub brings as well, and that were dropped here."};

static void tell(struct platform_twitch *t, const struct event *e)
{
	if (t->owner.event && !t->is_stopping)
		t->owner.event(t->owner.ctx, e);
}

void platform_feed_chat(struct platform_twitch *t, const struct event *e)
{
	if ((EVENT_BIT(e->kind) & SUPPORT) && platform_accounts_bring(t, e->kind, e->channel_id)) {
		metric_add(&copies, event_kind_name(e->kind), 1);
		return;
	}
	if (e->kind == EVENT_REDEEM && platform_accounts_bring(t, e->kind, e->channel_id)) {
		struct event line = *e;

		platform_twitch_make_line(&line);
		tell(t, &line);
		return;
	}
	tell(t, e);
}

/* Our own words come back, and with them what we are in that room. */
static void learn_own_role(struct platform_twitch *t, struct platform_room *room,
	const struct event *e)
{
	const unsigned privileged = ROLE(LEVEL_VIP) | ROLE(LEVEL_MODERATOR) |
		ROLE(LEVEL_BROADCASTER);

	room->base.is_privileged = (e->roles & privileged) != 0;
	(void)!platform_room_lane(t, room);
}

static void on_event(struct platform_twitch *t, struct platform_room *room, struct event *e,
	bool is_chat)
{
	if (room)
		e->channel = str_of(room->name);
	if (is_chat && room && e->is_self && e->kind == EVENT_MESSAGE)
		learn_own_role(t, room, e);
	if (is_chat)
		platform_feed_chat(t, e);
	else
		tell(t, e);
}

/* A whisper has no channel. The person stands for one, whose lane is told here: whoever whispers
 * may be answered. Answers go by Helix, whichever way chat goes. */
static void on_whisper(struct platform_twitch *t, struct event *e)
{
	const struct outbox_lane lane = {.is_open = true};
	char name[PLATFORM_CHANNEL_BYTES];

	snprintf(name, sizeof(name), PLATFORM_WHISPER_SIGN "%.*s", STR_FMT(e->login));
	if (t->is_stopping || !t->owner.lane ||
			t->owner.lane(t->owner.ctx, t->place, name, &lane))
		return; /* logged there; an answer would find no way */
	e->channel = str_of(name);
	e->channel_id = e->user_id;
	e->channel_name = e->user;
	tell(t, e);
}

/* As chat over IRC does: the erasure of a message is that of its notice as well; and one of
 * ourselves means that we may not speak. For how long is not said. */
static void on_erasure(struct platform_twitch *t, struct platform_room *room, struct erasure *e)
{
	char notice_id[sizeof(PLATFORM_NOTICE_ID) + PLATFORM_ID_BYTES];

	e->channel = str_of(room->name);
	if (!t->owner.erase || t->is_stopping)
		return;
	t->owner.erase(t->owner.ctx, e);
	if (e->message_id.len == 0)
		return;
	int n = snprintf(notice_id, sizeof(notice_id), PLATFORM_NOTICE_ID "%.*s",
		STR_FMT(e->message_id));
	e->message_id = (struct str){notice_id, (size_t)n};
	t->owner.erase(t->owner.ctx, e);
}

static void on_slow(struct platform_twitch *t, struct platform_room *room, int64_t slow_ms)
{
	room->base.slow_ms = slow_ms;
	if (room->is_mode_held) { /* whatever changed may be what held us: try again */
		room->is_mode_held = false;
		room->hold_until_ms = 0;
	}
	(void)!platform_room_lane(t, room);
}

void platform_feed_news(struct platform_twitch *t, const struct platform_notification *n)
{
	static const char chat[] = "channel.chat.";
	bool is_chat =
		n->type.len > sizeof(chat) && memcmp(n->type.at, chat, sizeof(chat) - 1) == 0;
	struct platform_news news;
	struct platform_room *room;

	t->maker.now_ms = clock_mono_ms();
	t->maker.wall_ms = clock_wall_ms();
	int err = platform_twitch_news(&t->maker, n, &news);
	if (err) {
		metric_add(&platform_lines_dropped, err == ERR_NOMEM ? "nomem" : news.why, 1);
		return;
	}
	room = platform_room_of(t, news.channel_id, news.channel);
	if (!room && news.channel.len > 0) {
		metric_add(&platform_lines_dropped, "unknown_channel", 1);
		return;
	}
	if (news.has_stream && t->streams)
		platform_streams_live(t->streams, news.channel_id, news.stream.is_live,
			news.stream.id, news.stream.started_wall_ms);
	if (room && news.has_erasure)
		on_erasure(t, room, &news.erasure);
	if (room && news.has_slow)
		on_slow(t, room, news.slow_ms);
	if (news.has_event && news.event.kind == EVENT_WHISPER)
		on_whisper(t, &news.event);
	else if (news.has_event)
		on_event(t, room, &news.event, is_chat);
}
