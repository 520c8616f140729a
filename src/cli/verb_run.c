/* run: the daemon. Starts the bot and its API, turns signals into requests, ends when the bot has
 * drained. */
#include "cli/cli.h"

#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct running {
	struct io *io;
	struct bot *bot;
	struct api *api;
	enum log_level level; /* what SIGUSR1 goes back to */
	bool is_debug;        /* the command line said so */
};

static void on_drained(void *ctx)
{
	struct running *r = ctx;

	io_stop(r->io);
}

/* The log as the present config says. What cannot be opened leaves the old one in place. */
static void open_log(const struct running *r, enum log_level level)
{
	const char *file = bot_world_of(r->bot)->conf->log.file;

	if (log_open(file ? file : "-", level))
		cli_say("the log %s cannot be opened", file);
}

static void on_reload(void *ctx, bool is_running)
{
	struct running *r = ctx;
	char state[64];

	if (bot_is_draining(r->bot))
		return;
	if (is_running) {
		snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
			(long long)clock_mono_us());
		cli_notify(state);
		return;
	}
	r->level = r->is_debug ? LOG_DEBUG : (enum log_level)bot_world_of(r->bot)->conf->log.level;
	open_log(r, r->level);
	cli_notify("READY=1");
}

static void on_signal(void *ctx, int signo)
{
	struct running *r = ctx;

	switch (signo) {
	case SIGHUP:
		/* Also how logrotate asks for a new file; not after a reload that may take its
		 * time. */
		open_log(r, log_get_level());
		bot_reload(r->bot);
		break;
	case SIGUSR1:
		log_set_level(log_get_level() == LOG_DEBUG ? r->level : LOG_DEBUG);
		log_event(LOG_AUDIT, "cli", "log_level", "level", log_level_name(log_get_level()),
			NULL);
		break;
	default:
		cli_notify("STOPPING=1");
		bot_drain(r->bot);
		break;
	}
}

static int watch_signals(struct running *r)
{
	static const int signals[] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT};
	int err = 0;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && !err; i++)
		err = io_signal(r->io, signals[i], on_signal, r);
	return err;
}

/* Loads the files; on failure says all that is wrong. */
static struct bot_world *load(struct bot_source *s, int *code)
{
	struct conf_report report;
	struct bot_world *w = NULL;
	int err;

	conf_report_init(&report);
	s->uses_good = s->needs_secrets = true;
	err = bot_world_load(s, &report, &w);
	cli_complain(&report);
	if (err) {
		cli_say("not started: %s", err == ERR_NOMEM ? "out of memory"
			: "correct the files above, or see: mynah check");
		*code = err == ERR_NOMEM ? CLI_SYSTEM : CLI_CONFIG;
	}
	for (size_t i = 0; w && i < w->stale_count; i++)
		cli_say("%s has errors: its last good version is in use", w->stale[i]);
	conf_report_fini(&report);
	return w;
}

static int start(struct running *r, const struct bot_source *s, struct bot_world *w)
{
	const struct bot_options o = {
		.io = r->io, .source = *s, .world = w, .drained = on_drained,
		.reload = on_reload, .ctx = r,
	};
	char *folder = mem_dup(w->conf->state_dir); /* bot_new takes w */
	int err = bot_new(&o, &r->bot);

	if (err == ERR_BUSY)
		cli_say("another mynah runs on this state folder (its lock is held)");
	else if (err == ERR_IO || err == ERR_DENIED)
		cli_say("the bot cannot start: it cannot write into its state folder %s, or has no "
			"thread or descriptor left", folder ? folder : "");
	else if (err)
		cli_say("the bot cannot start: %s", err_text(err));
	mem_free(folder);
	if (!err) {
		err = api_new(r->io, r->bot, bot_world_of(r->bot)->conf, &r->api);
		if (err)
			cli_say("the control socket cannot be opened: %s", err_text(err));
	}
	if (!err)
		err = watch_signals(r);
	return err == 0 ? CLI_OK : err == ERR_BUSY ? CLI_BUSY : CLI_SYSTEM;
}

int cli_run(const struct cli *c)
{
	struct bot_source s = cli_source(c);
	struct running r = {0};
	int code = CLI_OK;
	struct bot_world *w = load(&s, &code);

	if (!w)
		return code;
	r.is_debug = c->is_debug;
	r.level = c->is_debug ? LOG_DEBUG : (enum log_level)w->conf->log.level;
	if (log_open(w->conf->log.file ? w->conf->log.file : "-", r.level)) {
		cli_say("the log %s cannot be opened", w->conf->log.file);
		bot_world_unref(w);
		return CLI_CONFIG;
	}
	if (log_detach())
		cli_say("no thread for the log: the loop writes it itself");
	log_event(LOG_SYSTEM, "cli", "start", "result", "STARTED", "version", PACKAGE_VERSION,
		"config", s.config ? s.config : "built-in defaults", NULL);
	if (w->conf->place_count == 0)
		log_event(LOG_SYSTEM, "cli", "no_places", "message",
			"the config names no twitch: or irc: account; nothing to listen to", NULL);
	if (io_new(&r.io)) {
		cli_say("the event loop cannot start");
		bot_world_unref(w);
		return CLI_SYSTEM;
	}
	code = start(&r, &s, w);
	if (code == CLI_OK) {
		cli_notify("READY=1");
		io_run(r.io);
	}
	api_free(r.api);
	bot_free(r.bot);
	io_free(r.io);
	log_event(LOG_SYSTEM, "cli", "stop", "result", code == CLI_OK ? "SUCCESS" : "FAILED", NULL);
	metric_reset();
	log_close();
	return code;
}
