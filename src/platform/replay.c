/* A place that hears again what a record kept. It has no connection: frames are read as the places
 * on Twitch and Discord read them, by the same makers of events, and every reply counts as
 * delivered. */
#include "platform/room.h"

#include "platform/discord_event.h"
#include "platform/twitch_notify.h"

#include <stdio.h>
#include <string.h>

struct replay {
	struct io_timer *timer;     /* tells outcomes and the end, on a later turn */
	struct platform_owner owner;
	unsigned place;
	struct platform_maker maker;     /* of Twitch's events */
	struct platform_guilds *guilds;  /* of Discord's, with the next two */
	struct platform_rules rules;
	struct platform_reader reader;
	struct json_tape *tape;     /* of the frame that is being heard */
	struct reply *sent;         /* utlist: delivered, not yet told */
	bool is_plain; /* that frame's lines are lines, whatever was redeemed with them */
	bool is_stopping;
};

static void on_timer(void *ctx)
{
	struct replay *p = ctx;

	while (p->sent) {
		struct reply *r = p->sent;

		DL_DELETE(p->sent, r);
		p->owner.outcome(p->owner.ctx, r->turn, REASON_NONE, "");
		reply_free(r);
	}
	if (p->is_stopping)
		p->owner.state(p->owner.ctx, p->place, PLATFORM_STOPPED, "");
}

static void tell(struct replay *p, struct event *e)
{
	if (p->is_plain && e->kind == EVENT_REDEEM)
		platform_twitch_make_line(e);
	p->owner.event(p->owner.ctx, e);
}

static void hear_line(struct replay *p, const struct platform_line *l)
{
	struct str channel = platform_line_param(l, 0);
	const char *why;
	struct erasure erasure;
	struct event event;
	int64_t timeout_ms;

	if (channel.len > 0 && channel.at[0] == '#')
		channel = (struct str){channel.at + 1, channel.len - 1};
	if (platform_twitch_event(&p->maker, l, channel, &event, &why) == 0)
		tell(p, &event);
	else if (platform_twitch_erasure(&p->maker, l, channel, &erasure, &timeout_ms) == 0)
		p->owner.erase(p->owner.ctx, &erasure);
}

static void hear_irc(struct replay *p, char *bytes, size_t n)
{
	struct platform_line line;
	size_t len;
	char *at;

	while ((at = platform_frame_next(&bytes, &n, &len)) != NULL) {
		if (platform_line_parse(at, len, &line) == 0)
			hear_line(p, &line);
	}
}

static int hear_eventsub(struct replay *p, struct str bytes)
{
	struct platform_notification n;
	struct platform_news news;
	const struct json_item *frame;
	int err = json_tape_parse(p->tape, bytes, &frame, NULL);

	if (!err) {
		platform_notification_of(frame, &n);
		err = platform_twitch_news(&p->maker, &n, &news);
	}
	if (!err && news.has_event)
		tell(p, &news.event);
	if (!err && news.has_erasure)
		p->owner.erase(p->owner.ctx, &news.erasure);
	return err == ERR_NOTFOUND ? 0 : err;
}

static int hear_discord(struct replay *p, struct str bytes)
{
	struct platform_dispatch_news news;
	const struct json_item *frame, *d;
	const char *why;
	struct str type;
	uint64_t changed;
	int err = json_tape_parse(p->tape, bytes, &frame, NULL);

	if (err)
		return err;
	type = json_item_str(frame, "t");
	d = json_item_get(frame, "d");
	if (platform_guilds_take(p->guilds, type, d, &changed) == ERR_NOMEM)
		return ERR_NOMEM;
	err = platform_dispatch_read(&p->reader, type, d, &news, &why);
	if (!err && news.has_event)
		p->owner.event(p->owner.ctx, &news.event);
	else if (!err && news.has_erasure)
		platform_dispatch_erase(&news, p->owner.erase, p->owner.ctx);
	return err == ERR_NOTFOUND ? 0 : err;
}

int platform_replay_frame(struct platform *place, const char *wire, bool is_plain, char *bytes,
	size_t n)
{
	struct replay *p = place->self;

	p->is_plain = is_plain;
	p->maker.now_ms = p->reader.now_ms = clock_mono_ms();
	p->maker.wall_ms = p->reader.wall_ms = clock_wall_ms();
	if (strcmp(wire, "discord") == 0)
		return hear_discord(p, (struct str){bytes, n});
	if (strcmp(wire, "eventsub") == 0)
		return hear_eventsub(p, (struct str){bytes, n});
	if (strcmp(wire, "irc") != 0)
		return ERR_INVALID;
	hear_irc(p, bytes, n);
	return 0;
}

/* ---- platform_ops ---------------------------------------------------------------------------- */

static void replay_send(void *self, struct reply *r)
{
	struct replay *p = self;

	DL_APPEND(p->sent, r);
	io_timer_start(p->timer, 0);
}

static int replay_reload(void *self, const struct conf_place *c)
{
	(void)self;
	(void)c;
	return 0;
}

static void replay_stop(void *self)
{
	struct replay *p = self;

	p->is_stopping = true;
	io_timer_start(p->timer, 0);
}

static int replay_status(void *self, struct buf *out)
{
	(void)self;
	return buf_adds(out, "{\"state\":\"up\",\"channels\":[]}");
}

static void replay_free(void *self)
{
	struct replay *p = self;
	struct reply *r, *next;

	DL_FOREACH_SAFE(p->sent, r, next)
		reply_free(r);
	io_timer_free(p->timer);
	platform_maker_fini(&p->maker);
	platform_reader_fini(&p->reader);
	platform_rules_fini(&p->rules);
	platform_guilds_free(p->guilds);
	json_tape_free(p->tape);
	mem_free(p);
}

static const struct platform_ops replay_ops = {
	.name = "replay",
	.send = replay_send,
	.reload = replay_reload,
	.stop = replay_stop,
	.status = replay_status,
	.free = replay_free,
};

/* Without a section of the config everything is heard. */
static int open_discord(struct replay *p, unsigned place, const struct conf_place *c,
	const struct platform_replay_options *o)
{
	static const struct conf_place all = {.direct = true};
	int err = platform_rules_copy(c ? c : &all, &p->rules);

	if (!err)
		err = platform_guilds_new(&p->guilds);
	platform_reader_init(&p->reader, place, STR("discord"), p->guilds, &p->rules);
	p->reader.self = platform_snowflake(str_of(o->user_id));
	if (!err)
		platform_guilds_self(p->guilds, p->reader.self);
	return err;
}

int platform_replay_new(struct io *io, unsigned place, const struct conf_place *c,
	const struct platform_replay_options *o, const struct platform_owner *owner,
	struct platform *out)
{
	struct replay *p = mem_new(sizeof(*p));
	int err;

	if (!p)
		return ERR_NOMEM;
	p->owner = *owner;
	p->place = place;
	platform_maker_init(&p->maker, place, STR("twitch"));
	snprintf(p->maker.login, sizeof(p->maker.login), "%s", o->login ? o->login : "");
	snprintf(p->maker.user_id, sizeof(p->maker.user_id), "%s", o->user_id ? o->user_id : "");
	err = open_discord(p, place, c, o);
	if (!err)
		err = json_tape_new(IO_WS_MESSAGE_BYTES, &p->tape);
	p->timer = err ? NULL : io_timer_new(io, on_timer, p);
	if (!p->timer) {
		replay_free(p);
		return ERR_NOMEM;
	}
	*out = (struct platform){&replay_ops, p};
	p->owner.self(p->owner.ctx, place, p->maker.login, p->maker.user_id);
	p->owner.state(p->owner.ctx, place, PLATFORM_UP, "");
	return 0;
}
