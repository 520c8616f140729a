/* Reload: files become a new world on the worker, and the world is swapped on the loop. Turns keep
 * the world they began with; what is refused changes nothing. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

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
			"message", c->what, "file", c->path, "position", place, "hint", c->hint,
			NULL);
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
			err_text(err));
	return err;
}

static void reload_swap(struct bot *b, struct bot_world *w)
{
	struct bot_world *old = b->world;

	b->world = w;
	reload_warn(old->conf, w->conf);
	provider_pool_warm(b->providers);
	bot_places_follow(b, old->conf);
	bot_timers_follow(b);
	(void)bot_once_flush(b); /* who would answer now, and how, may be another */
	bot_embed_follow(b);
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
	b->is_fresh = true;
	if (!l->err && (b->is_draining || b->is_over))
		l->err = ERR_CANCELLED;
	if (!l->err)
		l->err = reload_providers(b, l);
	reload_tell(b, l);
	b->reloads++;
	log_event(LOG_AUDIT, "bot", "reload", "result", l->err ? "FAILED" : "SUCCESS",
		LOG_INT("errors", l->report.errors),
		LOG_INT("stale", l->err ? 0 : l->world->stale_count), "message",
		l->err             ? "refused: the previous version stays"
		: l->report.errors ? "accepted; files with errors keep their last good version"
				   : "accepted",
		NULL);
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
