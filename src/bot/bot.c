/* The wiring: makes the rooms, gives them to each other, takes them down; reload and drain. */
#include "bot/room.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SWEEP_MS 30000
#define WORKER_JOBS 16
#define FLUSH_MS 2000 /* a stop waits this long for the ledger's rows */

/* ---- What places tell --------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct event *e)
{
	struct bot *b = ctx;
	struct trigger_hit hit;
	enum reason r;

	if (e->place >= BOT_PLACES_MAX)
		return;
	b->events++;
	r = bot_gate(b, e);
	hit.trigger = NULL;
	if (r == REASON_NONE)
		r = trigger_find(b->world->triggers, b->triggers, e, e->at_ms, b->dice, &hit);
	if (hit.trigger)
		b->dice = rand_below(10000); /* used up; what nobody matched did not look at it */
	if (r == REASON_NONE) {
		bot_turn_begin(b, e, &hit);
		return;
	}
	b->silent[r]++;
	bot_tell(b, e, hit.trigger, r, "", (struct str){NULL, 0});
}

static void on_erase(void *ctx, const struct erasure *e)
{
	struct bot *b = ctx;

	memory_erase(&b->memory, e);
	bot_turn_erase(b, e);
}

static void on_outcome(void *ctx, const char *turn, enum reason r, const char *why)
{
	bot_turn_outcome(ctx, turn, r, why);
}

static void on_lane(void *ctx, unsigned place, const char *channel, const struct outbox_lane *l)
{
	struct bot *b = ctx;

	if (outbox_lane(b->outbox, place, channel, l))
		log_event(LOG_ERROR, "bot", "lane_lost", "community", channel, NULL);
	bot_pump(b);
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

/* ---- Places ------------------------------------------------------------------------------------------- */

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

static int place_start(struct bot *b, unsigned i, const struct conf_place *c)
{
	struct bot_place *p = &b->places[i];
	int err;

	p->name = mem_dup(c ? c->name : "console");
	err = p->name ? bot_ring_init(&p->seen) : ERR_NOMEM;
	if (!err)
		err = place_account(b, i, c);
	if (!err && c)
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

static const struct conf_place *place_conf(const struct conf *c, const char *name)
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
			stays = str_eq_nocase(str_of(was->channels.at[i]), str_of(now->channels.at[k]));
		if (!stays)
			outbox_drop(b->outbox, place, was->channels.at[i], REASON_GONE);
	}
}

/* Makes the places be what the world says: stops those that are gone, reloads those that stay, starts
 * the new. was: what the world said before; NULL = nothing. */
static void places_follow(struct bot *b, const struct conf *was)
{
	const struct conf *c = b->world->conf;

	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		struct bot_place *p = &b->places[i];
		const struct conf_place *now = p->name ? place_conf(c, p->name) : NULL;

		if (!p->name || b->options.console)
			continue;
		if (now && (place_account(b, i, now) ||
				p->platform.ops->reload(p->platform.self, now)))
			log_event(LOG_ERROR, "bot", "place_not_reloaded", "place", p->name, NULL);
		if (now && was)
			drop_removed(b, i, place_conf(was, p->name), now);
		if (!now) {
			bot_turn_drop_place(b, i);
			place_free(p);
		}
	}
	for (size_t k = 0; k < c->place_count && !b->options.console; k++) {
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
	}
}

static void on_begin(void *ctx)
{
	places_follow(ctx, NULL);
}

/* ---- Reload ------------------------------------------------------------------------------------------- */

struct bot_reload {
	struct bot *bot;
	struct bot_source source;
	struct conf_report report;
	struct bot_world *world;
	int err;
};

static void reload_work(void *ctx)
{
	struct bot_reload *l = ctx;

	l->err = bot_world_load(&l->source, &l->report, &l->world);
}

/* The report as members of a JSON object, and each complaint as a line of the log. */
static void reload_tell(struct bot *b, const struct bot_reload *l)
{
	struct buf *out = &b->reload_report;
	struct buf text;

	buf_clear(out);
	buf_init(&text, 256 * 1024);
	for (size_t i = 0; i < l->report.n; i++) {
		const struct conf_complaint *c = &l->report.items[i];
		char place[64];

		snprintf(place, sizeof(place), "%d:%d", c->line, c->column);
		log_event(c->severity == CONF_ERROR ? LOG_ERROR : LOG_INFO, "conf", "complaint",
			"message", c->what, "file", c->path, "position", place, "hint", c->hint, NULL);
	}
	if (conf_report_write(&l->report, false, &text) ||
			buf_addf(out, "\"errors\":%zu,\"accepted\":%s,\"complaints\":",
				l->report.errors, l->err ? "false" : "true") ||
			conf_report_json(&l->report, out) || buf_adds(out, ",\"text\":") ||
			json_add_string(out, buf_str(&text)))
		buf_clear(out);
	buf_fini(&text);
}

static bool text_differs(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

static bool secret_differs(const struct secret *a, const struct secret *b)
{
	return !a != !b || (a && !secret_is_equal(a, secret_use(b)));
}

/* Options that only a restart changes: say so, instead of pretending. */
static void reload_warn(const struct conf *was, const struct conf *is)
{
	const struct {
		const char *name;
		bool differs;
	} fixed[] = {
		{"state_dir", text_differs(was->state_dir, is->state_dir)},
		{"memory", was->memory.backend != is->memory.backend ||
			text_differs(was->memory.url, is->memory.url) ||
			secret_differs(was->memory.secret, is->memory.secret) ||
			was->memory.lines != is->memory.lines ||
			was->memory.for_ms != is->memory.for_ms ||
			was->memory.users != is->memory.users ||
			was->memory.bytes != is->memory.bytes ||
			was->memory.recall_ms != is->memory.recall_ms},
		{"ledger", was->ledger.is_on != is->ledger.is_on ||
			text_differs(was->ledger.file, is->ledger.file) ||
			was->ledger.keep_ms != is->ledger.keep_ms ||
			was->ledger.queue != is->ledger.queue},
		{"api", text_differs(was->api.socket, is->api.socket) ||
			text_differs(was->api.listen, is->api.listen) ||
			secret_differs(was->api.secret, is->api.secret)},
		{"limits.lane", was->limits.lane != is->limits.lane},
		{"limits.total", was->limits.total != is->limits.total},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (fixed[i].differs)
			log_event(LOG_INFO, "bot", "needs_restart", "option", fixed[i].name, NULL);
	}
}

/* All of the new world or nothing of it: the one step that may still say no comes first. */
static int reload_providers(struct bot *b, struct bot_reload *l)
{
	int err = provider_pool_reload(b->providers, l->world->conf);

	if (err)
		conf_report_add(&l->report, CONF_ERROR, l->world->conf->path,
			"the log says which provider it is",
			"the providers could not be made (%s); all of the previous version stays",
			err_name(err));
	return err;
}

static void reload_swap(struct bot *b, struct bot_world *w)
{
	struct bot_world *old = b->world;

	b->world = w;
	reload_warn(old->conf, w->conf);
	places_follow(b, old->conf);
	bot_world_unref(old);
	bot_pump(b);
}

static void tell_reload(struct bot *b, bool is_running)
{
	b->is_reloading = is_running;
	if (b->options.reload)
		b->options.reload(b->options.ctx, is_running);
}

static void reload_done(void *ctx)
{
	struct bot_reload *l = ctx;
	struct bot *b = l->bot;

	b->reload = NULL;
	if (!l->err && (b->is_draining || b->is_over))
		l->err = ERR_CANCELLED;
	if (!l->err)
		l->err = reload_providers(b, l);
	reload_tell(b, l);
	b->reloads++;
	log_event(LOG_AUDIT, "bot", "reload", "result", l->err ? "FAILED" : "SUCCESS",
		LOG_INT("errors", l->report.errors), LOG_INT("stale", l->err ? 0 : l->world->stale_count),
		"message", l->err ? "refused: the previous version stays"
			: l->report.errors ? "accepted; files with errors keep their last good version"
			: "accepted", NULL);
	if (l->err)
		bot_world_unref(l->world);
	else
		reload_swap(b, l->world);
	conf_report_fini(&l->report);
	mem_free(l);
	if (b->reload_again) {
		b->reload_again = false;
		bot_reload(b);
	}
	if (!b->reload)
		tell_reload(b, false);
}

void bot_reload(struct bot *b)
{
	struct bot_reload *l;

	if (b->is_draining || b->is_over)
		return;
	if (b->reload) {
		b->reload_again = true;
		return;
	}
	l = mem_new(sizeof(*l));
	if (!l) {
		log_event(LOG_ERROR, "bot", "reload", "result", "FAILED", "error", "nomem", NULL);
		return;
	}
	l->bot = b;
	l->source = b->options.source;
	l->source.uses_good = l->source.leaves_out = true;
	l->source.before = b->world->conf; /* stays until reload_done, on this thread, lets it go */
	conf_report_init(&l->report);
	if (io_worker_put(b->worker, reload_work, reload_done, l)) {
		conf_report_fini(&l->report);
		mem_free(l);
		log_event(LOG_ERROR, "bot", "reload", "result", "FAILED", "error", "busy", NULL);
		return;
	}
	b->reload = l;
	if (!b->is_reloading)
		tell_reload(b, true);
}

int bot_reload_report(struct bot *b, struct buf *out)
{
	int err = buf_addf(out, "{\"reloads\":%lld,\"running\":%s", (long long)b->reloads,
		b->reload ? "true" : "false");

	if (!err && b->reload_report.len > 0)
		err = buf_addf(out, ",%s", buf_text(&b->reload_report));
	return err ? err : buf_addc(out, '}');
}

/* ---- Drain -------------------------------------------------------------------------------------------- */

static void on_flushed(void *ctx)
{
	struct bot *b = ctx;

	if (b->is_drained)
		return;
	b->is_drained = true;
	io_timer_stop(b->end);
	if (b->options.drained)
		b->options.drained(b->options.ctx);
}

static bool places_are_stopped(const struct bot *b)
{
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		if (b->places[i].name && b->places[i].state != PLATFORM_STOPPED)
			return false;
	}
	return true;
}

void bot_drain_look(struct bot *b)
{
	if (!b->is_draining || b->is_over || b->turns)
		return;
	io_timer_start(b->end, 0);
}

/* The drain's limit has passed, or nothing lives any more. */
static void on_end(void *ctx)
{
	struct bot *b = ctx;

	if (b->turns)
		bot_turn_drop_all(b, REASON_STOPPED);
	if (!b->is_over) {
		b->is_over = true;
		for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
			if (b->places[i].name)
				b->places[i].platform.ops->stop(b->places[i].platform.self);
		}
	}
	if (!places_are_stopped(b)) {
		io_timer_start(b->end, 10); /* each stops within a second */
		return;
	}
	if (b->is_flushing) { /* somebody holds the ledger's lock: its rows get one more try at the end */
		on_flushed(b);
		return;
	}
	b->is_flushing = true;
	io_timer_start(b->end, FLUSH_MS);
	ledger_flush(&b->ledger, on_flushed, b);
}

void bot_drain(struct bot *b)
{
	if (b->is_over)
		return;
	if (b->is_draining) {
		io_timer_start(b->end, 0);
		return;
	}
	b->is_draining = true;
	io_timer_stop(b->begin);
	log_event(LOG_SYSTEM, "bot", "drain", LOG_INT("live", HASH_COUNT(b->turns)), NULL);
	io_timer_start(b->end, b->world->conf->limits.drain_ms);
	bot_drain_look(b);
}

bool bot_is_draining(const struct bot *b)
{
	return b->is_draining;
}

size_t bot_live(const struct bot *b)
{
	return HASH_COUNT(b->turns);
}

/* ---- Life and death ----------------------------------------------------------------------------------- */

static void on_pump(void *ctx)
{
	bot_pump(ctx);
}

static void on_sweep(void *ctx)
{
	struct bot *b = ctx;
	const int64_t now = clock_mono_ms();
	const char *name;

	trigger_state_sweep(b->triggers, now);
	bot_budget_sweep(b, now);
	while ((name = trigger_state_quarantined(b->triggers)) != NULL)
		log_event(LOG_AUDIT, "trigger", "quarantined", "trigger", name, "message",
			"a pattern hit its match limit three times in a minute and is switched off "
			"until its file changes", NULL);
	io_timer_start(b->sweep, SWEEP_MS);
}

static int rooms_new(struct bot *b)
{
	const struct conf *c = b->world->conf;
	const struct outbox_options o = {(size_t)c->limits.lane, (size_t)c->limits.total};
	int err;

	err = trigger_state_new(&b->triggers);
	if (!err) {
		trigger_state_set_clock(b->triggers, clock_mono_us);
		err = outbox_new(&o, &b->outbox);
	}
	if (!err)
		err = bot_state_open(b);
	if (!err)
		err = io_worker_new(b->io, "bot", WORKER_JOBS, &b->worker);
	if (!err)
		err = memory_new(b->io, &c->memory, &b->memory);
	if (!err && c->ledger.is_on) {
		char *path = file_join(b->state_dir, c->ledger.file ? c->ledger.file : "ledger.sqlite");

		err = path ? ledger_sqlite_new(b->io, path, (size_t)c->ledger.queue,
			c->ledger.keep_ms, &b->ledger) : ERR_NOMEM;
		mem_free(path);
	} else if (!err) {
		ledger_none(&b->ledger);
	}
	if (!err)
		err = provider_pool_new(b->io, c, &b->providers);
	return err;
}

static int timers_new(struct bot *b)
{
	b->pump = io_timer_new(b->io, on_pump, b);
	b->sweep = io_timer_new(b->io, on_sweep, b);
	b->save = io_timer_new(b->io, bot_state_save, b);
	b->end = io_timer_new(b->io, on_end, b);
	b->begin = io_timer_new(b->io, on_begin, b);
	return b->pump && b->sweep && b->save && b->end && b->begin ? 0 : ERR_NOMEM;
}

int bot_new(const struct bot_options *o, struct bot **out)
{
	struct bot *b = mem_new(sizeof(*b));
	int err = ERR_NOMEM;

	*out = NULL;
	if (!b) {
		bot_world_unref(o->world);
		return ERR_NOMEM;
	}
	b->options = *o;
	b->io = o->io;
	b->world = o->world;
	b->lock_fd = -1;
	b->dice = rand_below(10000);
	b->began_ms = clock_mono_ms();
	b->began_wall_ms = clock_wall_ms();
	b->owner = (struct platform_owner){on_event, on_erase, on_outcome, on_lane, on_join, on_state, on_self, b};
	buf_init(&b->reload_report, 1024 * 1024);
	b->state_dir = mem_dup(b->world->conf->state_dir);
	if (!b->state_dir || timers_new(b))
		goto fail;
	err = rooms_new(b);
	if (err)
		goto fail;
	io_timer_start(b->sweep, SWEEP_MS);
	if (o->console) {
		err = place_start(b, 0, NULL);
		if (err)
			goto fail;
	} else {
		int64_t wait = bot_state_start_wait_ms(b);

		if (wait > 0)
			log_event(LOG_ERROR, "bot", "crash_loop", LOG_INT("wait_ms", wait), "message",
				"five starts within a minute: waiting before logging in", NULL);
		io_timer_start(b->begin, wait);
	}
	*out = b;
	return 0;
fail:
	bot_free(b);
	return err;
}

void bot_free(struct bot *b)
{
	if (!b)
		return;
	if (b->outbox)
		bot_turn_drop_all(b, REASON_STOPPED);
	b->is_over = true;
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		if (b->places[i].name)
			place_free(&b->places[i]);
	}
	provider_pool_free(b->providers);
	io_worker_free(b->worker); /* a reload that runs ends here, and frees what it loaded */
	b->worker = NULL;
	if (b->outbox)
		bot_state_close(b);
	if (b->ledger.ops)
		ledger_free(&b->ledger);
	if (b->memory.ops)
		memory_free(&b->memory);
	outbox_free(b->outbox);
	trigger_state_free(b->triggers);
	bot_gate_fini(b);
	bot_budget_fini(b);
	io_timer_free(b->pump);
	io_timer_free(b->sweep);
	io_timer_free(b->save);
	io_timer_free(b->end);
	io_timer_free(b->begin);
	bot_world_unref(b->world);
	buf_fini(&b->reload_report);
	mem_free(b->state_dir);
	mem_free(b);
}

struct bot_world *bot_world_of(struct bot *b)
{
	return b->world;
}

struct platform *bot_console(struct bot *b)
{
	return b->options.console ? &b->places[0].platform : NULL;
}

/* The channel as places spell it: conf and platform fold the names of theirs to lower case. */
static void fold_channel(const struct bot *b, const char *said, char *out, size_t size)
{
	snprintf(out, size, "%s", said + (*said == '#' ? 1 : 0));
	for (; *out != '\0' && !b->options.console; out++) {
		if (*out >= 'A' && *out <= 'Z')
			*out = (char)(*out - 'A' + 'a');
	}
}

int bot_quiet(struct bot *b, const char *said, int64_t ms)
{
	char channel[BOT_CHANNEL_BYTES];

	fold_channel(b, said, channel, sizeof(channel));
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		struct bot_channel *c;

		if (!b->places[i].name)
			continue;
		c = bot_channel(b, i, str_of(channel), true);
		if (!c)
			return ERR_LIMIT;
		c->quiet_until_ms = ms > 0 ? clock_mono_ms() + ms : 0;
		if (ms > 0)
			outbox_drop(b->outbox, i, channel, REASON_GONE);
	}
	log_event(LOG_AUDIT, "bot", "quiet", "community", channel, LOG_INT("ms", ms), NULL);
	bot_pump(b);
	return 0;
}
