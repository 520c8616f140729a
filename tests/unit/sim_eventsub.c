/* EventSub in virtual time: sessions, hand-overs, subscriptions and their limits, notifications
 * that come late, twice and out of order. Rules: twitch.md 2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/sim_room.h"

#define SESSIONS         16
#define SUBS             64
#define RECENT           8
#define KEEPALIVE_MS     10000
#define UNUSED_MS        10000 /* nothing subscribed by then: 4003 */
#define GRACE_MS         30000 /* to leave the old socket of a hand-over: 4004 */
#define CONNECTIONS_MOST 3     /* with enabled subscriptions, of one login */
#define TICK_MS          500

struct sub {
	bool is_on;
	char type[80];
	int room; /* -1 = of no room */
	unsigned id;
};

struct session {
	bool is_on;
	struct io_ws *ws, *old; /* ws NULL = its client is gone, and it counts for a while */
	unsigned id;
	int account; /* -1 = nobody has subscribed yet */
	int64_t begun_ms, said_ms, over_ms;
	bool is_welcomed, is_leaving;
	struct sub subs[SUBS];
};

static struct session sessions[SESSIONS];
static char *recent[SIM_ACCOUNTS][RECENT]; /* notifications that may come again */
static unsigned recent_at[SIM_ACCOUNTS];
static unsigned ids, frames, reconnects_dead; /* reconnects_dead: URLs of sessions up to this id */

static const char *stamp(void)
{
	static char text[CLOCK_TEXT_BYTES];

	return clock_text(clock_wall_ms() + 3600000, text); /* their clock is theirs */
}

static struct session *session_of(const struct io_ws *ws)
{
	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		if (s->is_on && (s->ws == ws || s->old == ws))
			return s;
	}
	return NULL;
}

static unsigned subs_of(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SUBS; i++)
		n += s->subs[i].is_on;
	return n;
}

/* ---- Frames ------------------------------------------------------------------------------------
 */

static void say(
	struct session *s, struct io_ws *ws, int64_t ms, const char *type, const char *payload)
{
	char text[2048];

	if (sim_twitch.is_eventsub_silent)
		return;
	snprintf(text, sizeof(text),
		"{\"metadata\":{\"message_id\":\"m%u\",\"message_type\":\"%s\","
		"\"message_timestamp\":\"%s\"},\"payload\":%s}",
		++frames, type, stamp(), payload);
	sim_ws_say(ws, ms, text, NULL, NULL);
	s->said_ms = clock_mono_ms();
}

static void welcome(struct session *s)
{
	char payload[256];

	if (sim_twitch.welcomes_unsaid)
		return;
	snprintf(payload, sizeof(payload),
		"{\"session\":{\"id\":\"S%u\",\"status\":\"connected\","
		"\"keepalive_timeout_seconds\":%d,\"reconnect_url\":null}}",
		s->id, KEEPALIVE_MS / 1000);
	say(s, s->ws, sim_chance(5, 200), "session_welcome", payload);
	s->is_welcomed = true;
}

static void news_arrived(void *arg)
{
	((struct sim_news *)arg)->eventsub++;
}

static void nothing_new(void *arg)
{
	(void)arg;
}

/* Keeps it, so that the next session gets it once more. */
static void keep_recent(int account, const char *text)
{
	char **at = &recent[account][recent_at[account]++ % RECENT];

	free(*at);
	*at = strdup(text);
}

/* To every session that has subscribed it. */
static void notify(
	const char *type, unsigned room, unsigned n, const char *condition, const char *event)
{
	char text[3000];

	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		const struct sub *sub = s->subs;

		if (!s->is_on || !s->ws || !s->is_welcomed || sim_twitch.is_eventsub_silent)
			continue;
		while (sub < s->subs + SUBS &&
			!(sub->is_on && sub->room == (int)room && strcmp(sub->type, type) == 0))
			sub++;
		if (sub == s->subs + SUBS)
			continue;
		snprintf(text, sizeof(text),
			"{\"metadata\":{\"message_id\":\"n%u\","
			"\"message_type\":\"notification\",\"message_timestamp\":\"%s\","
			"\"subscription_type\":\"%s\",\"subscription_version\":\"1\"},\"payload\":{"
			"\"subscription\":{\"id\":\"%08x\",\"status\":\"enabled\",\"type\":\"%s\","
			"\"condition\":{%s}},\"event\":%s}}",
			++frames, stamp(), type, sub->id, type, condition, event);
		/* Late by chance: what happens after it may overtake it. */
		sim_ws_say(s->ws, sim_chance(5, 900), text, n ? news_arrived : nothing_new,
			&sim_twitch.news[n]);
		if (sim_chance(1, 100) <= sim_twitch.duplicates)
			sim_ws_say(s->ws, sim_chance(5, 20000), text, nothing_new, NULL);
		keep_recent(s->account, text);
	}
}

/* ---- What happens ------------------------------------------------------------------------------
 */

static void of_user(char *out, size_t size, unsigned room, unsigned n, const char *more)
{
	const struct sim_room *r = &sim_twitch.rooms[room];

	snprintf(out, size,
		"{\"user_id\":\"%u\",\"user_login\":\"u%u\",\"user_name\":\"U%u\","
		"\"broadcaster_user_id\":\"%s\",\"broadcaster_user_login\":\"%s\","
		"\"broadcaster_user_name\":\"%s\"%s}",
		n + 1000, n, n, r->id, r->name, r->name, more);
}

void sim_follow(unsigned room)
{
	unsigned n = sim_happen();
	char event[1024];

	of_user(event, sizeof(event), room, n, "");
	notify("channel.follow", room, n, "", event);
}

void sim_redeem(unsigned room)
{
	unsigned n = sim_happen();
	char event[1024];

	of_user(event, sizeof(event), room, n,
		",\"user_input\":\"\",\"status\":\"unfulfilled\","
		"\"reward\":{\"id\":\"4f3\",\"title\":\"Hydrate\",\"cost\":100,\"prompt\":\"\"}");
	notify("channel.channel_points_custom_reward_redemption.add", room, n, "", event);
}

void sim_eventsub_raid(unsigned room, unsigned n)
{
	const struct sim_room *r = &sim_twitch.rooms[room];
	char event[1024], condition[64];

	snprintf(event, sizeof(event),
		"{\"from_broadcaster_user_id\":\"%u\","
		"\"from_broadcaster_user_login\":\"u%u\",\"from_broadcaster_user_name\":\"U%u\","
		"\"to_broadcaster_user_id\":\"%s\",\"to_broadcaster_user_login\":\"%s\","
		"\"to_broadcaster_user_name\":\"%s\",\"viewers\":50}",
		n + 1000, n, n, r->id, r->name, r->name);
	snprintf(condition, sizeof(condition), "\"to_broadcaster_user_id\":\"%s\"", r->id);
	notify("channel.raid", room, n, condition, event);
}

void sim_eventsub_chat(unsigned room, unsigned n)
{
	const struct sim_room *r = &sim_twitch.rooms[room];
	char event[1024];

	snprintf(event, sizeof(event),
		"{\"broadcaster_user_id\":\"%s\","
		"\"broadcaster_user_login\":\"%s\",\"chatter_user_id\":\"%u\","
		"\"chatter_user_login\":\"u%u\",\"chatter_user_name\":\"U%u\",\"message_id\":\"e%"
		"u\","
		"\"message\":{\"text\":\"o7 all\",\"fragments\":[]},\"badges\":[],"
		"\"message_type\":\"text\"}",
		r->id, r->name, n + 1000, n, n, n);
	notify("channel.chat.message", room, n, "", event);
}

void sim_stream(unsigned room, bool is_live)
{
	struct sim_room *r = &sim_twitch.rooms[room];
	char event[512];

	r->is_live = is_live;
	snprintf(event, sizeof(event),
		"{\"id\":\"77\",\"broadcaster_user_id\":\"%s\","
		"\"broadcaster_user_login\":\"%s\",\"broadcaster_user_name\":\"%s\","
		"\"type\":\"live\",\"started_at\":\"2026-01-01T00:00:00Z\"}",
		r->id, r->name, r->name);
	notify(is_live ? "stream.online" : "stream.offline", room, 0, "", event);
}

/* ---- Sessions ----------------------------------------------------------------------------------
 */

enum sim_verdict sim_eventsub_connect(const struct io_ws *ws)
{
	const char *id = strstr(ws->url, "?to=");

	return id && strtoul(id + 4, NULL, 10) <= reconnects_dead ? SIM_REFUSE : SIM_ACCEPT;
}

/* The server moves a session to the socket that came for it. */
static bool hand_over(struct io_ws *ws, unsigned id)
{
	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		if (!s->is_on || s->id != id || !s->ws)
			continue;
		if (s->old)
			sim_ws_end(s->old, 1, 4004);
		s->old = s->ws;
		sim_ws_end(s->old, GRACE_MS, 4004);
		s->ws = ws;
		s->is_leaving = false;
		sim_twitch.handovers++;
		welcome(s);
		return true;
	}
	return false;
}

/* What was delivered already comes once more. */
static void say_again(struct session *s)
{
	for (unsigned i = 0; i < RECENT; i++) {
		if (s->account >= 0 && recent[s->account][i] && sim_chance(0, 2) == 0)
			sim_ws_say(s->ws, sim_chance(300, 9000), recent[s->account][i], nothing_new,
				NULL);
	}
}

void sim_eventsub_opened(struct io_ws *ws)
{
	const char *id = strstr(ws->url, "?to=");
	struct session *s = sessions;

	if (id) {
		if (hand_over(ws, (unsigned)strtoul(id + 4, NULL, 10)))
			say_again(session_of(ws));
		else
			sim_ws_end(ws, 20, 4007);
		return;
	}
	while (s < sessions + SESSIONS && s->is_on)
		s++;
	sim_must(s < sessions + SESSIONS, "sessions pile up");
	*s = (struct session){.is_on = true,
		.ws = ws,
		.id = ++ids,
		.account = -1,
		.begun_ms = clock_mono_ms(),
		.said_ms = clock_mono_ms()};
	sim_twitch.sessions++;
	welcome(s);
}

void sim_eventsub_left(struct io_ws *ws)
{
	struct session *s = session_of(ws);

	if (!s)
		return;
	if (s->old == ws) {
		s->old = NULL;
		return;
	}
	s->ws = NULL;
	s->over_ms = clock_mono_ms() + sim_chance(1000, 60000);
	if (s->old)
		sim_ws_end(s->old, 1, 0);
	s->old = NULL;
}

static void tick(void *arg)
{
	int64_t now_ms = clock_mono_ms();

	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		if (!s->is_on)
			continue;
		if (!s->ws && now_ms >= s->over_ms)
			s->is_on = false;
		else if (s->ws && s->is_welcomed && now_ms - s->said_ms >= KEEPALIVE_MS - TICK_MS)
			say(s, s->ws, 20, "session_keepalive", "{}");
		if (s->ws && subs_of(s) == 0 && now_ms - s->begun_ms > UNUSED_MS) {
			s->begun_ms = now_ms;
			sim_ws_end(s->ws, 1, 4003);
		}
	}
	sim_later(TICK_MS, tick, arg);
}

void sim_eventsub_begin(void)
{
	memset(sessions, 0, sizeof(sessions));
	ids = frames = reconnects_dead = 0;
	sim_later(TICK_MS, tick, NULL);
}

void sim_twitch_end(void)
{
	for (unsigned i = 0; i < SIM_ACCOUNTS * RECENT; i++) {
		free(recent[i / RECENT][i % RECENT]);
		recent[i / RECENT][i % RECENT] = NULL;
	}
}

/* ---- Subscriptions -----------------------------------------------------------------------------
 */

static int room_of(const struct json *condition)
{
	struct str id = json_str(condition, "broadcaster_user_id");

	if (id.len == 0)
		id = json_str(condition, "to_broadcaster_user_id");
	for (int i = 0; i < SIM_ROOMS; i++) {
		if (str_is(id, sim_twitch.rooms[i].id))
			return i;
	}
	return -1;
}

static bool is_over_connections(const struct session *mine, int account)
{
	unsigned n = 0;

	for (struct session *s = sessions; s < sessions + SESSIONS; s++)
		n += s != mine && s->is_on && s->account == account && subs_of(s) > 0;
	return n >= CONNECTIONS_MOST;
}

static bool needs_broadcaster(const char *type)
{
	return strstr(type, "redemption") || strcmp(type, "channel.cheer") == 0 ||
	       strncmp(type, "channel.subscri", 15) == 0;
}

static void create(struct io_http *h, int64_t ms, unsigned account, const struct json *body)
{
	struct str id = json_str(json_get(body, "transport"), "session_id");
	struct str type = json_str(body, "type");
	int room = room_of(json_get(body, "condition"));
	struct session *s = sessions;
	struct sub *free_sub = NULL;
	char answer[256], name[16];

	for (; s < sessions + SESSIONS; s++) {
		snprintf(name, sizeof(name), "S%u", s->id);
		if (s->is_on && s->ws && str_is(id, name))
			break;
	}
	if (s == sessions + SESSIONS) {
		sim_http_answer(h, ms, 400,
			"{\"status\":400,\"message\":\"websocket transport session "
			"does not exist or has already disconnected\"}");
		return;
	}
	sim_must(s->account < 0 || s->account == (int)account, "two users on one session");
	sim_must(!needs_broadcaster(type.at) || (account == SIM_BROADCASTER && room == 0),
		"subscribed with somebody's login who may not");
	if (is_over_connections(s, (int)account)) {
		sim_http_answer(h, ms, 429,
			"{\"status\":429,\"message\":\"number of websocket "
			"transports limit exceeded\"}");
		return;
	}
	if (str_is(type, "channel.follow") && !sim_twitch.rooms[room].is_mod) {
		sim_http_answer(h, ms, 403,
			"{\"status\":403,\"message\":\"subscription missing proper "
			"authorization\"}");
		return;
	}
	for (struct sub *sub = s->subs; sub < s->subs + SUBS; sub++) {
		if (sub->is_on && sub->room == room && str_is(type, sub->type)) {
			sim_http_answer(h, ms, 409,
				"{\"status\":409,\"message\":\"subscription already "
				"exists\"}");
			return;
		}
		if (!sub->is_on)
			free_sub = sub;
	}
	sim_must(free_sub != NULL, "more subscriptions than anybody wants");
	*free_sub = (struct sub){.is_on = true, .room = room, .id = ++ids};
	snprintf(free_sub->type, sizeof(free_sub->type), "%.*s", STR_FMT(type));
	s->account = (int)account;
	sim_twitch.subscriptions++;
	snprintf(answer, sizeof(answer),
		"{\"data\":[{\"id\":\"%08x\",\"status\":\"enabled\"}],"
		"\"total\":1,\"total_cost\":0,\"max_total_cost\":10}",
		free_sub->id);
	sim_http_answer(h, ms, 202, answer);
}

static void delete (struct io_http *h, int64_t ms)
{
	const char *id = strstr(h->url, "?id=");

	for (struct session *s = sessions; id && s < sessions + SESSIONS; s++) {
		for (struct sub *sub = s->subs; s->is_on && sub < s->subs + SUBS; sub++) {
			if (sub->is_on && sub->id == strtoul(id + 4, NULL, 16)) {
				sub->is_on = false;
				sim_http_answer(h, ms, 204, "");
				return;
			}
		}
	}
	sim_http_answer(h, ms, 404, "{\"status\":404,\"message\":\"not found\"}");
}

static void list(struct io_http *h, int64_t ms, unsigned account)
{
	static char body[SESSIONS * SUBS * 200];
	size_t used = (size_t)snprintf(body, sizeof(body), "{\"data\":[");
	bool is_first = true;

	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		for (struct sub *sub = s->subs; s->is_on && sub < s->subs + SUBS; sub++) {
			if (!sub->is_on || s->account != (int)account)
				continue;
			used += (size_t)snprintf(body + used, sizeof(body) - used,
				"%s{\"id\":\"%08x\","
				"\"status\":\"%s\",\"type\":\"%s\",\"transport\":{\"method\":"
				"\"websocket\","
				"\"session_id\":\"S%u\"}}",
				is_first ? "" : ",", sub->id,
				s->ws || s->id % 2 ? "enabled" : "websocket_disconnected",
				sub->type, s->id);
			is_first = false;
		}
	}
	snprintf(body + used, sizeof(body) - used, "]}");
	sim_http_answer(h, ms, 200, body);
}

void sim_eventsub_request(struct io_http *h, int64_t ms, unsigned account)
{
	struct json *body = NULL;

	if (strcmp(h->method, "DELETE") == 0) {
		delete (h, ms);
	} else if (strcmp(h->method, "GET") == 0) {
		list(h, ms, account);
	} else {
		sim_must(json_parse(str_of(h->body), SIM_BODY_BYTES, &body, NULL) == 0, "a body");
		create(h, ms, account, body);
		json_free(body);
	}
}

/* ---- Faults, and how things stand --------------------------------------------------------------
 */

void sim_eventsub_close(int code)
{
	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		if (s->is_on && s->ws)
			sim_ws_end(s->ws, sim_chance(0, 50), code);
	}
}

void sim_eventsub_reconnect(bool is_url_dead)
{
	char payload[256];

	if (is_url_dead)
		reconnects_dead = ids;
	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		if (!s->is_on || !s->ws)
			continue;
		snprintf(payload, sizeof(payload),
			"{\"session\":{\"id\":\"S%u\",\"status\":"
			"\"reconnecting\",\"keepalive_timeout_seconds\":null,\"reconnect_url\":"
			"\"" SIM_EVENTSUB_URL "?to=%u\"}}",
			s->id, s->id);
		s->is_leaving = true;
		say(s, s->ws, 5, "session_reconnect", payload);
		sim_ws_end(s->ws, GRACE_MS + 100, 4004);
	}
}

void sim_eventsub_revoke(const char *type, const char *status)
{
	char payload[512];

	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		for (struct sub *sub = s->subs; s->is_on && s->ws && sub < s->subs + SUBS; sub++) {
			if (!sub->is_on || strcmp(sub->type, type) != 0)
				continue;
			sub->is_on = false;
			snprintf(payload, sizeof(payload),
				"{\"subscription\":{\"id\":\"%08x\","
				"\"status\":\"%s\",\"type\":\"%s\",\"condition\":{"
				"\"broadcaster_user_id\":\"%s\"}}}",
				sub->id, status, type,
				sub->room >= 0 ? sim_twitch.rooms[sub->room].id : "");
			say(s, s->ws, 5, "revocation", payload);
		}
	}
}

bool sim_eventsub_is_moving(void)
{
	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		if (s->is_on && s->ws && s->is_leaving)
			return true;
	}
	return false;
}

unsigned sim_sessions(unsigned account)
{
	unsigned n = 0;

	for (struct session *s = sessions; s < sessions + SESSIONS; s++)
		n += s->is_on && s->ws && s->account == (int)account;
	return n;
}

bool sim_is_subscribed(unsigned account, const char *type, unsigned room)
{
	for (struct session *s = sessions; s < sessions + SESSIONS; s++) {
		for (struct sub *sub = s->subs; sub < s->subs + SUBS; sub++) {
			if (s->is_on && s->ws && s->account == (int)account && sub->is_on &&
				sub->room == (int)room && strcmp(sub->type, type) == 0)
				return true;
		}
	}
	return false;
}
