/* Our channels on Twitch: what is known of speaking there, and speaking by Helix. The lane that the
 * owner knows is what chat says of the room (base), and what sending by Helix met with on top of
 * it. */
#include "platform/twitch_place.h"

#include <stdio.h>
#include <string.h>

/* ---- Which there are ------------------------------------------------------------------------- */

struct platform_room *platform_room_find(const struct platform_twitch *t, struct str name)
{
	struct platform_room *room = NULL;

	if (name.len > 0)
		HASH_FIND(hh, t->rooms, name.at, name.len, room);
	return room;
}

struct platform_room *platform_room_of(
	const struct platform_twitch *t, struct str id, struct str name)
{
	struct platform_room *room = platform_room_find(t, name);

	if (room && (!room->id[0] || str_is(id, room->id)))
		return room;
	for (room = t->rooms; room; room = room->hh.next) {
		if (room->id[0] && str_is(id, room->id))
			return room;
	}
	return NULL;
}

/* Names that cannot be are IRC's to complain of, and Helix finds nobody of that name. */
static int take_room(struct platform_twitch *t, const char *name)
{
	char folded[PLATFORM_CHANNEL_BYTES];
	struct platform_room *room;
	size_t n;

	if (*name == '#')
		name++;
	n = strlen(name);
	if (n == 0 || n >= sizeof(folded))
		return 0;
	for (size_t i = 0; i <= n; i++)
		folded[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	room = platform_room_find(t, (struct str){folded, n});
	if (!room) {
		room = mem_new(sizeof(*room));
		if (!room)
			return ERR_NOMEM;
		memcpy(room->name, folded, n + 1);
		HASH_ADD_KEYPTR(hh, t->rooms, room->name, n, room);
		if (!hash_has(room)) {
			mem_free(room);
			return ERR_NOMEM;
		}
	}
	room->is_needed = true;
	room->is_refused = false; /* a person's word that it may be tried again */
	return 0;
}

static void drop_room(struct platform_twitch *t, struct platform_room *room)
{
	struct outbox_lane closed = {.is_open = false};

	if (!platform_twitch_has_irc(t) && t->owner.lane && room->told.is_open)
		(void)!t->owner.lane(t->owner.ctx, t->place, room->name, &closed);
	HASH_DEL(t->rooms, room);
	mem_free(room);
}

int platform_rooms_take(struct platform_twitch *t, const struct conf_place *c)
{
	struct platform_room *room, *next;
	int err = 0;

	for (room = t->rooms; room; room = room->hh.next)
		room->is_needed = false;
	for (size_t i = 0; i < c->channels.n && !err; i++)
		err = take_room(t, c->channels.at[i]);
	if (err)
		return err;
	HASH_ITER(hh, t->rooms, room, next) {
		if (!room->is_needed)
			drop_room(t, room);
	}
	return 0;
}

void platform_rooms_free(struct platform_twitch *t)
{
	struct platform_room *room, *next;
	struct platform_saying *saying, *after;
	struct reply *r, *later;

	HASH_ITER(hh, t->rooms, room, next) {
		HASH_DEL(t->rooms, room);
		mem_free(room);
	}
	DL_FOREACH_SAFE(t->sayings, saying, after)
		mem_free(saying);
	DL_FOREACH_SAFE(t->failed, saying, after)
		mem_free(saying);
	DL_FOREACH_SAFE(t->refused, r, later)
		reply_free(r);
	t->sayings = t->failed = NULL;
	t->refused = NULL;
}

/* ---- Lanes ----------------------------------------------------------------------------------- */

static struct outbox_lane lane_of(const struct platform_twitch *t, const struct platform_room *room)
{
	struct outbox_lane l = room->base;

	if (room->hold_until_ms > l.hold_until_ms)
		l.hold_until_ms = room->hold_until_ms;
	l.is_refused = l.is_refused || room->is_refused;
	l.is_open = l.is_open && !l.is_refused && !t->is_stopping;
	return l;
}

int platform_room_lane(struct platform_twitch *t, struct platform_room *room)
{
	struct outbox_lane l = lane_of(t, room), *told = &room->told;

	if (!room->is_untold && l.is_open == told->is_open && l.is_refused == told->is_refused &&
			l.is_privileged == told->is_privileged && l.slow_ms == told->slow_ms &&
			l.hold_until_ms == told->hold_until_ms)
		return 0;
	room->is_untold = t->owner.lane && !t->is_stopping &&
		t->owner.lane(t->owner.ctx, t->place, room->name, &l) == ERR_NOMEM;
	*told = l;
	if (!room->is_untold)
		return 0;
	if (!io_timer_is_on(t->timer))
		io_timer_start(t->timer, PLATFORM_RETELL_MS);
	return ERR_NOMEM;
}

/* ---- Speaking -------------------------------------------------------------------------------- */

/* What a drop code of Twitch means for the room; unknown ones cost one message only. Where there is
 * IRC, the channel's state is there. */
static void apply_refusal(struct platform_twitch *t, const char *name, const char *why)
{
	const struct platform_notice *n = platform_notice_find(str_of(why));
	struct platform_room *room = platform_room_find(t, str_of(name));
	int64_t now_ms = clock_mono_ms();

	if (platform_twitch_has_irc(t)) {
		platform_irc_refused(&t->irc, name, why);
		return;
	}
	if (!room || !n || n->effect == PLATFORM_EFFECT_NONE)
		return;
	log_event(LOG_ERROR, "platform", "notice", "community", room->name, "result", n->id,
		"message", n->advice, NULL);
	if (n->effect == PLATFORM_EFFECT_REFUSE) {
		room->is_refused = true;
	} else {
		room->is_mode_held = n->effect == PLATFORM_EFFECT_MODE;
		room->hold_until_ms = now_ms + platform_notice_wait_ms(n, (struct str){0});
	}
	(void)!platform_room_lane(t, room);
}

static void on_said(void *ctx, const char *turn, enum reason reason, const char *why)
{
	struct platform_saying *saying = ctx;
	struct platform_twitch *t = saying->place;
	char room[PLATFORM_CHANNEL_BYTES];

	DL_DELETE(t->sayings, saying);
	memcpy(room, saying->room, sizeof(room));
	mem_free(saying);
	if (t->is_stopping)
		return;
	if (t->owner.outcome)
		t->owner.outcome(t->owner.ctx, turn, reason, why);
	if (reason == REASON_REFUSED && room[0] != *PLATFORM_WHISPER_SIGN)
		apply_refusal(t, room, why);
}

/* A reply to what chat brought without the room's id goes by the id we know. */
static void set_room_id(const struct platform_twitch *t, struct reply *r)
{
	const struct platform_room *room = platform_room_find(t, str_of(r->channel));
	char *id = room && room->id[0] ? mem_dup(room->id) : NULL;

	if (!id)
		return;
	mem_free(r->channel_id);
	r->channel_id = id;
}

void platform_room_say(struct platform_twitch *t, struct reply *r)
{
	struct platform_account *bot = platform_account_bot(t);
	struct platform_saying *saying = bot ? mem_new(sizeof(*saying)) : NULL;

	if (!saying) {
		DL_APPEND(t->refused, r);
		platform_twitch_soon(t);
		return;
	}
	saying->place = t;
	memcpy(saying->turn, r->turn, sizeof(saying->turn));
	snprintf(saying->room, sizeof(saying->room), "%s", r->channel);
	set_room_id(t, r);
	if (platform_helix_say(bot->helix, r, on_said, saying) == 0) {
		DL_APPEND(t->sayings, saying);
		return;
	}
	DL_APPEND(t->failed, saying);
	platform_twitch_soon(t);
}

void platform_rooms_tell(struct platform_twitch *t)
{
	struct platform_room *room;

	while (t->refused) {
		struct reply *r = t->refused;

		DL_DELETE(t->refused, r);
		if (t->owner.outcome && !t->is_stopping)
			t->owner.outcome(t->owner.ctx, r->turn, REASON_REFUSED, "not_connected");
		reply_free(r);
	}
	while (t->failed) {
		struct platform_saying *saying = t->failed;

		DL_DELETE(t->failed, saying);
		if (t->owner.outcome && !t->is_stopping)
			t->owner.outcome(
				t->owner.ctx, saying->turn, REASON_REFUSED, "not_connected");
		mem_free(saying);
	}
	for (room = t->rooms; room; room = room->hh.next) {
		if (room->is_untold && platform_room_lane(t, room) < 0)
			return;
	}
}

/* ---- Status ---------------------------------------------------------------------------------- */

static const char *yes_no(bool is_so)
{
	return is_so ? "true" : "false";
}

static int add_room(
	const struct platform_twitch *t, const struct platform_room *room, struct buf *out)
{
	struct outbox_lane l = lane_of(t, room);
	int64_t now_ms = clock_mono_ms();
	int64_t hold_ms = l.hold_until_ms > now_ms ? l.hold_until_ms - now_ms : 0;
	int err = buf_adds(out, "{\"name\":");

	if (err == 0)
		err = json_add_string(out, str_of(room->name));
	if (err == 0)
		err = buf_addf(out, ",\"state\":\"%s\",\"refused\":%s,\"privileged\":%s,"
			"\"slow_ms\":%lld,\"hold_ms\":%lld}", l.is_open ? "open" : l.is_refused ?
			"refused" : "joining", yes_no(l.is_refused), yes_no(l.is_privileged),
			(long long)l.slow_ms, (long long)hold_ms);
	return err;
}

int platform_rooms_status(const struct platform_twitch *t, struct buf *out)
{
	const struct platform_room *room;
	int err = buf_adds(out, ",\"channels\":[");

	for (room = t->rooms; room && err == 0; room = room->hh.next) {
		err = add_room(t, room, out);
		if (err == 0 && room->hh.next)
			err = buf_addc(out, ',');
	}
	return err < 0 ? err : buf_addc(out, ']');
}
