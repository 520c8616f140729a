/* Before the gateway is connected to, three things are asked of REST: where it is and how many
 * shards it wants, what the application may see (the switches of the developer portal), and who the
 * bot is. Intents that are not allowed are left out, so that the connection stands and
 * discord_diagnose.c can say what is missing; only where nobody knew, 4014 says it.
 *
 * Nothing here is asked in a loop: after a no (401) not before a reload, after other failures by
 * backoff, and for another URL of the gateway once in URL_MS. */
#include "platform/discord_place.h"

#include <stdio.h>

#define URL_MS     60000 /* discord.md 12.19: GET /gateway/bot is no part of reconnecting */
#define ASK_CAP_MS 300000

/* discord.md section 2: flags of an application; the second of each is of small bots. */
#define FLAGS_MEMBERS (INT64_C(1) << 14 | INT64_C(1) << 15)
#define FLAGS_CONTENT (INT64_C(1) << 18 | INT64_C(1) << 19)

enum { ASK_GATEWAY, ASK_APPLICATION, ASK_SELF, ASKS };

static void keep_text(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STR_FMT(s));
}

/* ---- Intents --------------------------------------------------------------------------------- */

/* Wanted and allowed. */
static uint32_t intents_of(const struct platform_discord *t)
{
	const uint64_t kinds = t->wants.kinds;
	const uint64_t shown = EVENT_BIT(EVENT_MESSAGE) | EVENT_BIT(EVENT_BOOST) |
			       EVENT_BIT(EVENT_JOIN) | EVENT_BIT(EVENT_SUB) |
			       EVENT_BIT(EVENT_RESUB);
	uint32_t intents = PLATFORM_INTENT_GUILDS;

	if (kinds & shown)
		intents |= PLATFORM_INTENT_MESSAGES;
	if (kinds & EVENT_BIT(EVENT_MESSAGE) && t->facts.has_content)
		intents |= PLATFORM_INTENT_CONTENT;
	if (kinds & EVENT_BIT(EVENT_MESSAGE) && t->rules.direct)
		intents |= PLATFORM_INTENT_DIRECT;
	if (kinds & EVENT_BIT(EVENT_JOIN) && t->facts.has_members)
		intents |= PLATFORM_INTENT_MEMBERS;
	if (kinds & EVENT_BIT(EVENT_REACTION))
		intents |= PLATFORM_INTENT_REACTIONS;
	if (kinds & EVENT_BIT(EVENT_REACTION) && t->rules.direct)
		intents |= PLATFORM_INTENT_DIRECT_REACTIONS;
	return intents;
}

/* ---- Shards ---------------------------------------------------------------------------------- */

static void on_state(void *ctx, struct platform_gateway *g, enum platform_gateway_state s,
	int close_code, const char *why)
{
	struct platform_shard_seat *seat = ctx;
	struct platform_discord *t = seat->place;

	(void)g;
	(void)close_code;
	seat->state = s;
	snprintf(seat->why, sizeof(seat->why), "%s", why ? why : "");
	if (s == PLATFORM_GATEWAY_READY)
		platform_discord_look(t, 1000);
	platform_discord_soon(t);
}

static void on_lost(void *ctx, struct platform_gateway *g)
{
	struct platform_discord *t = ((struct platform_shard_seat *)ctx)->place;

	(void)g;
	if (t->ask_ms == 0)
		t->ask_ms = clock_mono_ms() + URL_MS;
	t->is_asking_url = true;
	platform_discord_soon(t);
}

static int open_shard(struct platform_discord *t, unsigned i)
{
	struct platform_shard_seat *seat = &t->seats[i];
	const struct platform_gateway_options o = {.io = t->io,
		.url = t->facts.url,
		.ca_file = t->conf.ca_file,
		.token = t->conf.token,
		.intents = t->intents,
		.shard = t->conf.shards ? t->conf.first + i : i,
		.shards = t->shards,
		.compress = t->conf.compress,
		.identify = t->identify,
		.sessions = t->sessions,
		.dispatch = platform_discord_dispatch,
		.state = on_state,
		.lost = on_lost,
		.ctx = seat};
	int err;

	seat->place = t;
	seat->state = PLATFORM_GATEWAY_DOWN;
	err = platform_gateway_new(&o, &seat->gateway);
	if (!err && t->conf.presence)
		err = platform_gateway_presence(seat->gateway, t->conf.presence);
	return err;
}

static void free_shards(struct platform_discord *t)
{
	for (size_t i = 0; i < t->seat_n; i++)
		platform_gateway_free(t->seats[i].gateway);
	mem_free(t->seats);
	t->seats = NULL;
	t->seat_n = 0;
}

static int open_shards(struct platform_discord *t)
{
	unsigned n = t->conf.shards ? t->conf.last - t->conf.first + 1 : t->facts.shards;
	int err = 0;

	t->shards = t->conf.shards ? t->conf.shards : t->facts.shards;
	t->intents = intents_of(t);
	t->seats = mem_array(n, sizeof(*t->seats));
	if (!t->seats)
		return ERR_NOMEM;
	t->seat_n = n;
	for (unsigned i = 0; i < n && !err; i++)
		err = open_shard(t, i);
	if (err)
		free_shards(t);
	return err;
}

void platform_discord_close(struct platform_discord *t)
{
	for (size_t i = 0; i < t->seat_n; i++)
		if (t->seats[i].gateway)
			platform_gateway_stop(t->seats[i].gateway);
}

bool platform_discord_is_closed(const struct platform_discord *t)
{
	for (size_t i = 0; i < t->seat_n; i++)
		if (t->seats[i].gateway && t->seats[i].state != PLATFORM_GATEWAY_STOPPED)
			return false;
	return true;
}

void platform_discord_present(struct platform_discord *t)
{
	for (size_t i = 0; i < t->seat_n; i++)
		if (t->seats[i].gateway &&
			platform_gateway_presence(t->seats[i].gateway, t->conf.presence))
			log_event(LOG_ERROR, "platform", "presence_not_told", "place", t->conf.name,
				NULL);
}

/* ---- Questions ------------------------------------------------------------------------------- */

static bool is_asking(const struct platform_discord *t)
{
	return t->asked[ASK_GATEWAY] || t->asked[ASK_APPLICATION] || t->asked[ASK_SELF];
}

/* One failure fails them all, for now: they are asked again together. */
static void fail(struct platform_discord *t, const struct platform_rest_answer *a)
{
	snprintf(t->trouble, sizeof(t->trouble), "%s",
		a->why && *a->why ? a->why : err_text(a->err));
	for (int i = 0; i < ASKS; i++) {
		platform_rest_cancel(t->asked[i]);
		t->asked[i] = NULL;
	}
	if (t->ask_ms == 0)
		t->ask_ms = clock_mono_ms() + io_backoff_next(&t->backoff, clock_mono_ms());
}

static bool answered(struct platform_discord *t, int which, const struct platform_rest_answer *a)
{
	t->asked[which] = NULL;
	platform_discord_soon(t);
	if (a->err)
		fail(t, a);
	return a->err == 0;
}

static void on_gateway(void *ctx, const struct platform_rest_answer *a)
{
	struct platform_discord *t = ctx;
	const struct json *limit = json_get(a->body, "session_start_limit");
	const int64_t shards = json_int(a->body, "shards", 1);

	if (!answered(t, ASK_GATEWAY, a))
		return;
	keep_text(t->facts.url, sizeof(t->facts.url), json_str(a->body, "url"));
	t->facts.shards = shards < 1                         ? 1
			  : shards > PLATFORM_DISCORD_SHARDS ? PLATFORM_DISCORD_SHARDS
							     : (unsigned)shards;
	if (json_is_object(limit) && t->identify)
		platform_identify_told(t->identify, json_int(limit, "remaining", 0),
			json_int(limit, "reset_after", 0),
			(unsigned)json_int(limit, "max_concurrency", 1));
	for (size_t i = 0; i < t->seat_n; i++)
		if (t->seats[i].gateway)
			platform_gateway_url(t->seats[i].gateway, t->facts.url);
}

static void on_application(void *ctx, const struct platform_rest_answer *a)
{
	struct platform_discord *t = ctx;
	const int64_t flags = json_int(a->body, "flags", 0);

	if (!answered(t, ASK_APPLICATION, a))
		return;
	t->facts.has_content = flags & FLAGS_CONTENT;
	t->facts.has_members = flags & FLAGS_MEMBERS;
	keep_text(
		t->facts.application_id, sizeof(t->facts.application_id), json_str(a->body, "id"));
	platform_sayings_self(t->sayings, t->facts.application_id);
	platform_discord_place_commands(t);
}

static void on_self(void *ctx, const struct platform_rest_answer *a)
{
	struct platform_discord *t = ctx;

	if (!answered(t, ASK_SELF, a))
		return;
	keep_text(t->facts.user_id, sizeof(t->facts.user_id), json_str(a->body, "id"));
	keep_text(t->facts.login, sizeof(t->facts.login), json_str(a->body, "username"));
	platform_discord_self(t, t->facts.user_id, t->facts.login);
}

static void ask(struct platform_discord *t, int which)
{
	static const struct {
		const char *path;
		void (*done)(void *ctx, const struct platform_rest_answer *a);
	} asks[ASKS] = {{"/gateway/bot", on_gateway}, {"/applications/@me", on_application},
		{"/users/@me", on_self}};
	const struct platform_rest_call call = {
		.method = "GET", .path = asks[which].path, .done = asks[which].done, .ctx = t};

	t->asked[which] = platform_rest_start(t->rest, &call);
	if (!t->asked[which])
		fail(t, &(struct platform_rest_answer){.err = ERR_NOMEM, .why = "out of memory"});
}

static void ask_due(struct platform_discord *t)
{
	t->ask_ms = 0;
	t->trouble[0] = '\0';
	if (t->is_known && t->is_asking_url) {
		t->is_asking_url = false;
		ask(t, ASK_GATEWAY);
		return;
	}
	for (int i = 0; i < ASKS && t->ask_ms == 0; i++)
		ask(t, i);
}

/* ---- What is due ----------------------------------------------------------------------------- */

int platform_discord_keep(struct platform_discord *t)
{
	int err =
		platform_sessions_open(t->io, t->worker, t->state_dir, t->conf.token, &t->sessions);

	if (!err)
		err = platform_identify_open(
			t->io, t->worker, t->state_dir, t->conf.token, &t->identify);
	if (!err)
		err = platform_commands_open(
			t->commands, t->worker, t->state_dir, t->conf.token);
	io_backoff_init(&t->backoff);
	t->backoff.cap_ms = ASK_CAP_MS;
	t->is_known = false;
	t->refused[0] = '\0';
	t->ask_ms = 1; /* now */
	return err;
}

void platform_discord_forget(struct platform_discord *t)
{
	for (int i = 0; i < ASKS; i++) {
		platform_rest_cancel(t->asked[i]);
		t->asked[i] = NULL;
	}
	free_shards(t);
	platform_sessions_free(t->sessions);
	platform_identify_free(t->identify);
	t->sessions = NULL;
	t->identify = NULL;
	t->ask_ms = 0;
	t->must_renew = false;
	t->ready_ms = 0;
}

/* Shards that have said goodbye are opened again, with the intents of now. */
static void renew(struct platform_discord *t)
{
	if (!platform_discord_is_closed(t))
		return;
	free_shards(t);
	t->must_renew = false;
}

static bool is_refused(const struct platform_discord *t)
{
	return t->refused[0] || !t->sessions || !t->identify;
}

int64_t platform_discord_tend(struct platform_discord *t, int64_t now_ms)
{
	if (is_refused(t))
		return 0;
	if (t->ask_ms != 0 && t->ask_ms <= now_ms && !is_asking(t))
		ask_due(t);
	if (!t->is_known && !is_asking(t) && t->ask_ms == 0 && t->facts.url[0])
		t->is_known = true;
	if (t->is_known && t->seat_n > 0 && !t->must_renew &&
		intents_of(t) != t->intents) {
		t->must_renew = true;
		platform_discord_close(t);
	}
	if (t->must_renew)
		renew(t);
	if (t->is_known && t->seat_n == 0 && open_shards(t)) {
		snprintf(t->trouble, sizeof(t->trouble), "out of memory");
		t->ask_ms = now_ms + io_backoff_next(&t->backoff, now_ms);
	}
	return t->ask_ms;
}

enum platform_state platform_discord_state(const struct platform_discord *t, const char **why)
{
	bool is_connecting = false, is_down = false;

	*why = t->refused;
	if (is_refused(t))
		return PLATFORM_REFUSED;
	*why = t->trouble;
	if (t->seat_n == 0)
		return is_asking(t) ? PLATFORM_CONNECTING : PLATFORM_DOWN;
	*why = "";
	for (size_t i = 0; i < t->seat_n; i++) {
		const struct platform_shard_seat *seat = &t->seats[i];

		if (seat->state == PLATFORM_GATEWAY_REFUSED) {
			*why = seat->why;
			return PLATFORM_REFUSED;
		}
		if (seat->state == PLATFORM_GATEWAY_READY)
			continue;
		is_connecting = is_connecting || seat->state == PLATFORM_GATEWAY_CONNECTING;
		is_down = is_down || seat->state != PLATFORM_GATEWAY_CONNECTING;
		if (seat->why[0])
			*why = seat->why;
	}
	return is_down ? PLATFORM_DOWN : is_connecting ? PLATFORM_CONNECTING : PLATFORM_UP;
}
