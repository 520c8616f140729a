/* The bot's life: makes the rooms, gives them to each other, takes them down. */
#include "bot/room.h"

#define SWEEP_MS 30000
#define WORKER_JOBS 16
#define SEARCHES_MAX 1024 /* limits.turns ends there */

static void on_begin(void *ctx)
{
	bot_places_follow(ctx, NULL);
	bot_timers_follow(ctx);
}

static void on_pump(void *ctx)
{
	bot_pump(ctx);
}

static void give_back(void *ctx)
{
	(void)ctx;
	mem_give_back();
}

static void on_sweep(void *ctx)
{
	struct bot *b = ctx;
	const int64_t now = clock_mono_ms();
	const char *name;

	trigger_state_sweep(b->triggers, now);
	bot_budget_sweep(b, now);
	bot_counts_sweep(b);
	bot_summary_sweep(b, now);
	bot_gathered(b);
	bot_channels_sweep(b, now);
	bot_once_sweep(b, now);
	bot_record_sweep(b, now);
	while ((name = trigger_state_quarantined(b->triggers)) != NULL)
		log_event(LOG_AUDIT, "trigger", "quarantined", "trigger", name, "message",
			"a pattern hit its match limit three times in a minute and is switched off "
			"until its file changes", NULL);
	if (b->is_fresh && io_worker_put(b->worker, give_back, NULL, NULL) == 0)
		b->is_fresh = false;
	io_timer_start(b->sweep, SWEEP_MS);
}

static int ledger_open(struct bot *b)
{
	const struct conf *c = b->world->conf;
	char *path;
	int err;

	if (!c->ledger.is_on || b->options.replay) {
		ledger_none(&b->ledger);
		return 0;
	}
	path = file_join(b->state_dir, c->ledger.file ? c->ledger.file : "ledger.sqlite");
	err = path ? ledger_sqlite_new(b->io, path, (size_t)c->ledger.queue, c->ledger.keep_ms,
		&b->ledger) : ERR_NOMEM;
	mem_free(path);
	return err;
}

/* A replay leaves nothing behind and asks nobody: no state folder, no ledger, no Redis. */
static int rooms_new(struct bot *b)
{
	const struct conf *c = b->world->conf;
	const struct outbox_options o = {(size_t)c->limits.lane, (size_t)c->limits.total};
	struct conf_memory memory = c->memory;
	int err;

	if (b->options.replay)
		memory.backend = CONF_MEMORY_LOCAL;
	b->gather = bot_gather_new();
	err = b->gather ? trigger_state_new(&b->triggers) : ERR_NOMEM;
	if (!err) {
		bot_gather_set_window(b->gather, c->limits.gather_ms);
		trigger_state_set_clock(b->triggers, clock_mono_us);
		err = outbox_new(&o, &b->outbox);
	}
	if (!err)
		err = provider_pool_new(b->io, c, &b->providers);
	if (!err && !b->options.replay)
		err = bot_state_open(b);
	if (!err)
		err = io_worker_new(b->io, "bot", WORKER_JOBS, &b->worker);
	if (!err)
		err = io_worker_new(b->io, "search", SEARCHES_MAX, &b->searcher);
	if (!err)
		err = memory_new(b->io, &memory, &b->memory);
	if (!err)
		err = ledger_open(b);
	if (!err && b->options.model)
		provider_pool_stand_in(b->providers, b->options.model, b->options.ctx);
	return err;
}

static int timers_new(struct bot *b)
{
	b->pump = io_timer_new(b->io, on_pump, b);
	b->sweep = io_timer_new(b->io, on_sweep, b);
	b->save = io_timer_new(b->io, bot_state_save, b);
	b->end = io_timer_new(b->io, bot_drain_end, b);
	b->begin = io_timer_new(b->io, on_begin, b);
	b->crowd = io_timer_new(b->io, bot_gathered, b);
	b->clock = io_timer_new(b->io, bot_timers_look, b);
	b->look = io_timer_new(b->io, bot_once_look, b);
	return b->look && b->clock && b->crowd && b->pump && b->sweep && b->save && b->end &&
		b->begin ? 0 : ERR_NOMEM;
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
	b->is_fresh = true;
	b->dice = rand_below(10000);
	b->began_ms = clock_mono_ms();
	b->began_wall_ms = clock_wall_ms();
	bot_places_init(b);
	buf_init(&b->reload_report, 1024 * 1024);
	b->state_dir = mem_dup(b->world->conf->state_dir);
	if (!b->state_dir || timers_new(b))
		goto fail;
	err = rooms_new(b);
	if (err)
		goto fail;
	io_timer_start(b->sweep, SWEEP_MS);
	if (!o->replay)
		provider_pool_warm(b->providers);
	bot_embed_follow(b);
	if (o->console || o->replay) {
		err = bot_places_alone(b);
		if (err)
			goto fail;
		bot_timers_follow(b);
	} else {
		int64_t wait = bot_state_start_wait_ms(b);

		if (wait > 0)
			log_event(LOG_ERROR, "bot", "crash_loop", LOG_INT("wait_ms", wait),
				"message", "five starts within a minute: waiting before logging in",
				NULL);
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
	bot_places_free(b);
	bot_summary_fini(b);
	bot_embed_fini(b);
	io_worker_free(b->worker); /* a reload that runs ends here, and frees what it loaded */
	b->worker = NULL;
	io_worker_free(b->searcher);
	b->searcher = NULL;
	if (b->outbox)
		bot_state_close(b);
	provider_pool_free(b->providers);
	if (b->ledger.ops)
		ledger_free(&b->ledger);
	if (b->memory.ops)
		memory_free(&b->memory);
	outbox_free(b->outbox);
	trigger_state_free(b->triggers);
	bot_gather_free(b->gather);
	bot_timers_fini(b);
	bot_counters_fini(b);
	(void)bot_once_flush(b);
	bot_channels_fini(b);
	bot_record_end(b);
	bot_budget_fini(b);
	bot_counts_fini(b);
	bot_gauge_fini(b);
	io_timer_free(b->pump);
	io_timer_free(b->sweep);
	io_timer_free(b->save);
	io_timer_free(b->end);
	io_timer_free(b->begin);
	io_timer_free(b->crowd);
	io_timer_free(b->clock);
	io_timer_free(b->look);
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
