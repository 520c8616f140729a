/* Places: what they tell, and keeping them what the world says.
 * One thread; nothing of a place blocks. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

/* ---- What places tell ------------------------------------------------------------------------ */

static void on_event(void *ctx, const struct event *e)
{
	struct bot *b = ctx;

	if (e->place >= BOT_PLACES_MAX)
		return;
	if (b->record)
		bot_record_told(b, e);
	bot_hear(b, e);
}

static void on_stream(void *ctx, unsigned place, const char *channel, const struct stream *s)
{
	struct bot *b = ctx;

	if (b->record)
		bot_record_stream(b, place, str_of(channel), s);
	bot_channel_stream(b, place, str_of(channel), s);
}

static void on_frame(void *ctx, unsigned place, const char *wire, struct str bytes)
{
	struct bot *b = ctx;

	if (b->record)
		bot_record_frame(b, place, wire, bytes);
}

static void on_learned(void *ctx, unsigned place, struct str about)
{
	struct bot *b = ctx;

	if (b->record)
		bot_record_learned(b, place, about);
}

static void on_erase(void *ctx, const struct erasure *e)
{
	struct bot *b = ctx;

	if (b->record)
		bot_record_told(b, NULL);
	memory_erase(&b->memory, e);
	bot_summary_erase(b, e);
	if (!e->is_edit)
		bot_gather_erase(b->gather, e);
	if (!e->is_edit)
		bot_once_erase(b, e);
	bot_turn_erase(b, e);
}

static void on_outcome(void *ctx, const char *turn, enum reason r, const char *why)
{
	bot_turn_outcome(ctx, turn, r, why);
}

static int on_lane(void *ctx, unsigned place, const char *channel, const struct outbox_lane *l)
{
	struct bot *b = ctx;
	const int err = outbox_lane(b->outbox, place, channel, l);

	if (b->record)
		bot_record_lane(b, place, channel, l);
	if (err)
		log_event(LOG_ERROR, "bot", "lane_not_noted", "community", channel, "error",
			err_name(err), NULL);
	bot_pump(b);
	return err;
}

static int64_t on_join(void *ctx, unsigned place, int64_t now_ms)
{
	struct bot *b = ctx;
	const int64_t wait = outbox_join(b->outbox, place, now_ms);

	if (outbox_is_dirty(b->outbox))
		bot_state_save_soon(b);
	return wait;
}

static void on_state(void *ctx, unsigned place, enum platform_state s, const char *why)
{
	struct bot *b = ctx;
	struct bot_place *p = &b->places[place];

	if (p->state != s)
		p->since_wall_ms = clock_wall_ms();
	p->state = s;
	snprintf(p->why, sizeof(p->why), "%s", why ? why : "");
	if (s == PLATFORM_STOPPED && b->is_draining)
		bot_drain_look(b);
}

static void on_self(void *ctx, unsigned place, const char *login, const char *user_id)
{
	struct bot *b = ctx;
	struct bot_place *p = &b->places[place];

	snprintf(p->login, sizeof(p->login), "%s", login ? login : "");
	snprintf(p->user_id, sizeof(p->user_id), "%s", user_id ? user_id : "");
}

/* ---- Which places there are ------------------------------------------------------------------ */

static int place_account(struct bot *b, unsigned place, const struct conf_place *c)
{
	struct outbox_account a = {.place = place};

	if (c) {
		snprintf(a.key, sizeof(a.key), "%s:%s", c->name, c->account ? c->account : "");
		a.sends = c->sends;
		a.sends_mod = c->sends_mod;
		a.window_ms = c->window_ms;
		a.gap_ms = c->gap_ms;
		a.joins = c->joins;
		a.join_window_ms = c->join_window_ms;
	} else {
		/* A terminal has no limits; these only have to be larger than a person types. */
		snprintf(a.key, sizeof(a.key), "console:");
		a.sends = a.sends_mod = 1000;
		a.window_ms = 1000;
	}
	return outbox_account(b->outbox, &a);
}

/* One place instead of those of the config? */
static bool is_alone(const struct bot *b)
{
	return b->options.console || b->options.replay;
}

static int place_start(struct bot *b, unsigned i, const struct conf_place *c)
{
	struct bot_place *p = &b->places[i];
	int err;

	p->name = mem_dup(c ? c->name : b->options.replay ? b->options.replay->place : "console");
	err = p->name ? bot_ring_init(&p->seen) : ERR_NOMEM;
	if (!err)
		err = place_account(b, i, c);
	if (!err && b->options.replay)
		err = platform_replay_new(
			b->io, i, c, b->options.replay, &b->owner, &p->platform);
	else if (!err && c && c->kind == CONF_TWITCH)
		err = platform_twitch_new(b->io, i, c, b->state_dir, &b->owner, &p->platform);
	else if (!err && c && c->kind == CONF_DISCORD)
		err = platform_discord_new(b->io, i, c, b->state_dir, &b->owner, &p->platform);
	else if (!err && c)
		err = platform_irc_new(b->io, i, c, &b->owner, &p->platform);
	else if (!err)
		err = platform_console_new(b->io, i, b->options.console, &b->owner, &p->platform);
	if (err) {
		bot_ring_fini(&p->seen);
		mem_free(p->name);
		p->name = NULL;
	}
	return err;
}

static void place_free(struct bot_place *p)
{
	if (p->platform.ops)
		p->platform.ops->free(p->platform.self);
	bot_ring_fini(&p->seen);
	mem_free(p->name);
	memset(p, 0, sizeof(*p));
}

const struct conf_place *bot_place_conf(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->place_count; i++) {
		if (strcmp(c->places[i].name, name) == 0)
			return &c->places[i];
	}
	return NULL;
}

/* What waits for a channel that was taken out of the config will never be said. */
static void drop_removed(struct bot *b, unsigned place, const struct conf_place *was,
	const struct conf_place *now)
{
	for (size_t i = 0; was && i < was->channels.n; i++) {
		bool stays = false;

		for (size_t k = 0; k < now->channels.n && !stays; k++)
			stays = str_is_nocase(str_of(was->channels.at[i]), now->channels.at[k]);
		if (stays)
			continue;
		outbox_drop(b->outbox, place, was->channels.at[i], REASON_GONE);
		bot_channel_stream(b, place, str_of(was->channels.at[i]), &(struct stream){0});
	}
}

/* What the triggers of this world need to be told of. */
static void tell_wants(struct bot *b, const struct bot_place *p)
{
	const struct trigger_set *t = b->world->triggers;
	struct platform_wants w = {
		.kinds = trigger_set_kinds(t),
		.stream = trigger_set_needs_stream(t),
	};
	struct slash *slashes = bot_command_list(b->world, &w.slash_count);

	w.slashes = slashes;
	if (!slashes || (p->platform.ops->want && p->platform.ops->want(p->platform.self, &w)))
		log_event(LOG_ERROR, "bot", "wants_not_told", "place", p->name, NULL);
	mem_free(slashes);
}

void bot_places_follow(struct bot *b, const struct conf *was)
{
	const struct conf *c = b->world->conf;

	bot_gather_set_window(b->gather, c->limits.gather_ms);
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		struct bot_place *p = &b->places[i];
		const struct conf_place *now = p->name ? bot_place_conf(c, p->name) : NULL;

		if (!p->name || is_alone(b))
			continue;
		if (now && (place_account(b, i, now) ||
				p->platform.ops->reload(p->platform.self, now)))
			log_event(LOG_ERROR, "bot", "place_not_reloaded", "place", p->name, NULL);
		if (now && was)
			drop_removed(b, i, bot_place_conf(was, p->name), now);
		if (now) {
			tell_wants(b, p);
		} else {
			bot_turn_drop_place(b, i);
			bot_channels_forget(b, i);
			bot_gather_forget(b->gather, i);
			place_free(p);
		}
	}
	for (size_t k = 0; k < c->place_count && !is_alone(b); k++) {
		unsigned i = 0, empty = BOT_PLACES_MAX;
		int err;

		for (i = 0; i < BOT_PLACES_MAX; i++) {
			if (b->places[i].name && strcmp(b->places[i].name, c->places[k].name) == 0)
				break;
			if (!b->places[i].name && empty == BOT_PLACES_MAX)
				empty = i;
		}
		if (i < BOT_PLACES_MAX)
			continue;
		err = empty < BOT_PLACES_MAX ? place_start(b, empty, &c->places[k]) : ERR_LIMIT;
		if (err)
			log_event(LOG_ERROR, "bot", "place_not_started", "place", c->places[k].name,
				"error", err_name(err), NULL);
		else
			tell_wants(b, &b->places[empty]);
	}
}

int bot_places_alone(struct bot *b)
{
	const struct platform_replay_options *replay = b->options.replay;

	return place_start(b, 0, replay ? bot_place_conf(b->world->conf, replay->place) : NULL);
}

int bot_place_number(const struct bot *b, const char *name)
{
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		if (b->places[i].name && strcmp(b->places[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

void bot_places_stop(struct bot *b)
{
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		if (b->places[i].name)
			b->places[i].platform.ops->stop(b->places[i].platform.self);
	}
}

bool bot_places_are_stopped(const struct bot *b)
{
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		if (b->places[i].name && b->places[i].state != PLATFORM_STOPPED)
			return false;
	}
	return true;
}

void bot_places_free(struct bot *b)
{
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		if (b->places[i].name)
			place_free(&b->places[i]);
	}
}

void bot_places_init(struct bot *b)
{
	b->owner = (struct platform_owner){
		.event = on_event,
		.erase = on_erase,
		.outcome = on_outcome,
		.lane = on_lane,
		.join = on_join,
		.state = on_state,
		.stream = on_stream,
		.frame = on_frame,
		.learned = on_learned,
		.self = on_self,
		.ctx = b,
	};
}
