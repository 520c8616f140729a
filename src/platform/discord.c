/* A place on Discord: one application with its connections, composed of the parts that
 * discord_place.h lists. One timer does everything that is due (platform_discord_soon). */
#include "platform/discord_place.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_token.h"
#include "platform/room.h"

#define WORKER_JOBS    64
#define SETTLE_MS      1000 /* after a reload, until what it asked is answered */
#define PROBLEMS_BYTES (16 * 1024)

void platform_discord_soon(struct platform_discord *t)
{
	io_timer_start(t->timer, 0);
}

void platform_discord_self(struct platform_discord *t, const char *user_id, const char *login)
{
	const uint64_t id = platform_snowflake(str_of(user_id));

	platform_guilds_self(t->guilds, id);
	if (id == t->reader.self && strcmp(login, t->login) == 0)
		return;
	t->reader.self = id;
	snprintf(t->login, sizeof(t->login), "%s", login);
	if (t->owner.self && !t->is_stopping)
		t->owner.self(t->owner.ctx, t->place, t->login, user_id);
}

/* ---- Config ---------------------------------------------------------------------------------- */

static void conf_fini(struct platform_discord_conf *c)
{
	mem_free(c->name);
	mem_free(c->ca_file);
	mem_free(c->presence);
	mem_free(c->api_url);
	mem_free(c->token_hint);
	secret_free(c->token);
	memset(c, 0, sizeof(*c));
}

static int conf_copy(const struct conf_place *p, struct platform_discord_conf *out)
{
	struct platform_discord_conf c = {.name = mem_dup(p->name),
		.ca_file = mem_dup(p->ca_file),
		.presence = mem_dup(p->presence),
		.api_url = mem_dup(p->api_url),
		.token_hint = platform_irc_token_hint(p),
		.compress = p->compress,
		.typing = p->typing,
		.edits = p->edits,
		.commands = p->commands,
		.shards = p->shards,
		.first = p->shard_first,
		.last = p->shard_last};
	int err = p->secret ? platform_discord_token(p->secret, &c.token) : 0;

	if (err == ERR_INVALID)
		c.token = secret_ref(p->secret); /* with which REST is refused, and says so */
	if (!c.name || !c.api_url || !c.token_hint || (p->ca_file && !c.ca_file) ||
		(p->presence && !c.presence) || (p->secret && !c.token)) {
		conf_fini(&c);
		return ERR_NOMEM;
	}
	*out = c;
	return 0;
}

static bool is_same_text(const char *a, const char *b)
{
	return str_eq(str_of(a), str_of(b));
}

static bool is_same_token(
	const struct platform_discord_conf *a, const struct platform_discord_conf *b)
{
	return str_eq(secret_use(a->token), secret_use(b->token)) &&
	       is_same_text(a->api_url, b->api_url);
}

/* Can the connections stay as they are? */
static bool is_same_link(
	const struct platform_discord_conf *a, const struct platform_discord_conf *b)
{
	return is_same_token(a, b) && is_same_text(a->ca_file, b->ca_file) &&
	       a->compress == b->compress && a->shards == b->shards && a->first == b->first &&
	       a->last == b->last;
}

/* ---- What the parts say ---------------------------------------------------------------------- */

static void on_refused(void *ctx, const char *why)
{
	struct platform_discord *t = ctx;

	(void)why;
	snprintf(t->refused, sizeof(t->refused),
		"Discord does not accept the token. %s; a new one comes from "
		"https://discord.com/developers/applications (your application, page Bot, Reset "
		"Token)",
		t->conf.token_hint);
	platform_discord_soon(t);
}

static void on_outcome(void *ctx, const char *turn, enum reason r, const char *why)
{
	struct platform_discord *t = ctx;

	if (t->owner.outcome && !t->is_stopping)
		t->owner.outcome(t->owner.ctx, turn, r, why);
}

/* ---- What is due ----------------------------------------------------------------------------- */

static void tell_state(struct platform_discord *t, enum platform_state state, const char *why)
{
	if (state == t->state && strcmp(why, t->why) == 0)
		return;
	if (state != t->state)
		log_event(state == PLATFORM_REFUSED ? LOG_ERROR : LOG_INFO, "platform",
			"place_state", "place", t->conf.name, "state", platform_state_name(state),
			"why", *why ? why : NULL, NULL);
	snprintf(t->why, sizeof(t->why), "%s", why);
	if (state != t->state)
		t->since_wall_ms = clock_wall_ms();
	t->state = state;
	metric_set(&platform_place_up, t->conf.name, state == PLATFORM_UP);
	if (t->owner.state)
		t->owner.state(t->owner.ctx, t->place, state, t->why);
}

static void stop_work(struct platform_discord *t, int64_t now_ms)
{
	if (t->is_stopped)
		return;
	if (!platform_discord_is_closed(t) && now_ms < t->stop_ms) {
		io_timer_start(t->timer, t->stop_ms - now_ms);
		return;
	}
	t->is_stopped = true;
	tell_state(t, PLATFORM_STOPPED, "");
}

static void sooner(int64_t *due_ms, int64_t at_ms)
{
	if (at_ms != 0 && (*due_ms == 0 || at_ms < *due_ms))
		*due_ms = at_ms;
}

static void work(void *ctx)
{
	struct platform_discord *t = ctx;
	char problem[PLATFORM_DISCORD_WHY_BYTES];
	int64_t now_ms = clock_mono_ms(), due_ms;
	enum platform_state state;
	const char *why;

	if (t->is_stopping) {
		stop_work(t, now_ms);
		return;
	}
	due_ms = platform_discord_tend(t, now_ms);
	state = platform_discord_state(t, &why);
	if (state == PLATFORM_UP && t->ready_ms == 0) {
		t->ready_ms = now_ms;
		platform_discord_look(t, 0);
	} else if (state != PLATFORM_UP) {
		t->ready_ms = 0;
	}
	if (t->diagnose_ms != 0 && t->diagnose_ms <= now_ms + 1) {
		t->diagnose_ms = 0;
		platform_discord_diagnose(t);
	}
	if (t->place_ms != 0 && t->place_ms <= now_ms)
		platform_discord_place_commands(t);
	if (state == PLATFORM_UP && !*why)
		why = platform_discord_problem(t, problem, sizeof(problem));
	tell_state(t, state, why);
	sooner(&due_ms, t->diagnose_ms);
	sooner(&due_ms, t->place_ms);
	if (due_ms != 0)
		io_timer_start(t->timer, due_ms > now_ms ? due_ms - now_ms : 0);
	else
		io_timer_stop(t->timer);
}

/* ---- platform_ops ---------------------------------------------------------------------------- */

static int discord_want(void *self, const struct platform_wants *w)
{
	struct platform_discord *t = self;
	int err = platform_discord_offer(t, w);

	t->wants = *w;
	t->wants.slashes = NULL; /* borrowed, and kept as offers */
	platform_discord_look(t, 0);
	return err;
}

static void discord_send(void *self, struct reply *r)
{
	struct platform_discord *t = self;

	platform_sessions_mark(t->sessions);
	platform_discord_typing(t->sayings, r->turn, r->channel_id, false);
	platform_discord_say(t->sayings, r);
}

/* Everything that hangs on the token and on how it is connected, anew. */
static int restart(struct platform_discord *t)
{
	platform_discord_forget(t);
	t->facts = (struct platform_facts){0};
	if (!t->conf.token) {
		snprintf(t->refused, sizeof(t->refused), "there is no token. %s",
			t->conf.token_hint);
		return 0;
	}
	return platform_discord_keep(t);
}

static int discord_reload(void *self, const struct conf_place *c)
{
	struct platform_discord *t = self;
	struct platform_discord_conf fresh;
	bool is_same;
	int err;

	if (t->is_stopping)
		return ERR_CLOSED;
	err = conf_copy(c, &fresh);
	if (err)
		return err;
	is_same = is_same_link(&fresh, &t->conf) && t->state != PLATFORM_REFUSED;
	conf_fini(&t->conf);
	t->conf = fresh;
	err = platform_rules_copy(c, &t->rules);
	if (!err)
		err = platform_rest_reload(t->rest, c, c->secret);
	platform_sayings_set(t->sayings, c);
	if (!err && !is_same)
		err = restart(t);
	t->ask_ms = t->conf.token ? 1 : 0; /* a switch of the portal may have been thrown */
	t->is_asking_url = false;
	platform_halls_reload(t);
	platform_discord_present(t);
	platform_discord_place_commands(t);
	platform_discord_look(t, SETTLE_MS);
	return err;
}

static void discord_stop(void *self)
{
	struct platform_discord *t = self;

	t->is_stopping = true;
	t->stop_ms = clock_mono_ms() + PLATFORM_DISCORD_STOP_MS;
	platform_discord_close(t);
	platform_discord_soon(t);
}

static int add_shards(const struct platform_discord *t, struct buf *out)
{
	int err = buf_adds(out, ",\"gateway\":[");

	for (size_t i = 0; i < t->seat_n && !err; i++) {
		if (i > 0)
			err = buf_addc(out, ',');
		if (!err)
			err = platform_gateway_status(t->seats[i].gateway, out);
	}
	if (!err)
		err = buf_addf(out, "],\"intents\":%u,\"identified\":%lld", t->intents,
			(long long)(t->identify ? platform_identify_spent(t->identify) : 0));
	return err;
}

static int discord_status(void *self, struct buf *out)
{
	struct platform_discord *t = self;
	char since[CLOCK_TEXT_BYTES];
	int err = buf_adds(out, "{\"place\":");

	if (!err)
		err = json_add_string(out, str_of(t->conf.name));
	if (!err)
		err = buf_addf(out, ",\"state\":\"%s\",\"since\":\"%s\",\"account\":",
			platform_state_name(t->state), clock_text(t->since_wall_ms, since));
	if (!err)
		err = json_add_string(out, str_of(t->login));
	if (!err)
		err = buf_adds(out, ",\"why\":");
	if (!err)
		err = json_add_string(out, str_of(t->why));
	if (!err)
		err = buf_addf(out, ",\"servers\":%zu", platform_guilds_count(t->guilds));
	if (!err)
		err = platform_discord_problems(t, out);
	if (!err)
		err = platform_halls_status(t, out);
	if (!err)
		err = add_shards(t, out);
	if (!err)
		err = buf_adds(out, ",\"rest\":");
	if (!err)
		err = platform_rest_status(t->rest, out);
	if (!err)
		err = buf_adds(out, ",\"commands\":");
	if (!err)
		err = platform_commands_status(t->commands, out);
	return err ? err : buf_addc(out, '}');
}

static void discord_free(void *self)
{
	struct platform_discord *t = self;

	if (!t)
		return;
	t->is_stopping = true;
	platform_discord_forget(t);
	platform_fetch_free(t->fetch);
	platform_commands_free(t->commands);
	platform_sayings_free(t->sayings);
	platform_rest_free(t->rest);
	platform_halls_free(t);
	platform_reader_fini(&t->reader);
	platform_guilds_free(t->guilds);
	platform_rules_fini(&t->rules);
	io_worker_free(t->worker);
	io_timer_free(t->timer);
	conf_fini(&t->conf);
	buf_fini(&t->problems);
	mem_free(t->offers);
	mem_free(t->state_dir);
	mem_free(t);
}

static const struct platform_ops discord_ops = {
	.name = "discord",
	.want = discord_want,
	.send = discord_send,
	.turn = platform_discord_turn,
	.reload = discord_reload,
	.stop = discord_stop,
	.status = discord_status,
	.facts = platform_discord_facts,
	.free = discord_free,
};

static int open_parts(struct platform_discord *t, const struct conf_place *c)
{
	const struct platform_rest_options rest = {
		.io = t->io, .conf = c, .token = c->secret, .refused = on_refused, .ctx = t};
	int err = platform_rest_new(&rest, &t->rest);

	if (!err)
		err = platform_commands_new(t->io, t->rest, &t->commands);
	if (!err) {
		const struct platform_sayings_options sayings = {.io = t->io,
			.rest = t->rest,
			.outcome = on_outcome,
			.closed = platform_hall_closed,
			.ctx = t};

		err = platform_sayings_new(&sayings, &t->sayings);
	}
	if (!err)
		platform_sayings_set(t->sayings, c);
	return err;
}

int platform_discord_new(struct io *io, unsigned place, const struct conf_place *c,
	const char *state_dir, const struct platform_owner *owner, struct platform *out)
{
	struct platform_discord *t = mem_new(sizeof(*t));
	int err = t ? 0 : ERR_NOMEM;

	if (err)
		return err;
	t->io = io;
	t->place = place;
	t->owner = *owner;
	t->state = PLATFORM_DOWN;
	t->since_wall_ms = clock_wall_ms();
	buf_init(&t->problems, PROBLEMS_BYTES);
	t->state_dir = mem_dup(state_dir);
	t->timer = io_timer_new(io, work, t);
	if (!t->state_dir || !t->timer)
		err = ERR_NOMEM;
	if (!err)
		err = conf_copy(c, &t->conf);
	if (!err)
		err = platform_rules_copy(c, &t->rules);
	if (!err)
		err = platform_guilds_new(&t->guilds);
	if (!err)
		platform_reader_init(&t->reader, place, STR("discord"), t->guilds, &t->rules);
	if (!err)
		err = platform_fetch_new(&t->fetch);
	if (!err)
		err = io_worker_new(io, "discord", WORKER_JOBS, &t->worker);
	if (!err)
		err = open_parts(t, c);
	if (!err)
		err = restart(t);
	if (err) {
		discord_free(t);
		return err;
	}
	platform_discord_soon(t);
	*out = (struct platform){&discord_ops, t};
	return 0;
}
