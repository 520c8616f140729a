/* chat: the whole bot in this terminal. The console is its only place; memory, ledger and budgets
 * live in a folder of their own, so that a daemon on the same config is not disturbed. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_BYTES (64 * 1024)

struct chat {
	struct io *io;
	struct bot *bot;
	struct event *last; /* what ?why explains ... */
	char verdict[512];  /* ... and what became of it */
};

static void note(struct chat *c, const char *text)
{
	struct platform *console = bot_console(c->bot);

	if (console)
		platform_console_note(console, text);
}

static void on_verdict(void *ctx, const struct bot_verdict *v)
{
	struct chat *c = ctx;
	struct event *copy = event_copy(v->event);

	if (copy) {
		copy->id.len = 0; /* explained again, it is no duplicate of itself */
		mem_free(c->last);
		c->last = copy;
	}
	if (v->reason == REASON_NONE) {
		snprintf(c->verdict, sizeof(c->verdict), "(the trigger %s spoke%s%s)",
			v->trigger->name,
			*v->rule != '\0' ? " its own line, because no model answered: " : "",
			v->rule);
		return;
	}
	snprintf(c->verdict, sizeof(c->verdict), "(silent: %s%s%s%s%s - %s)",
		reason_name(v->reason), v->trigger ? ", trigger " : "",
		v->trigger ? v->trigger->name : "", *v->rule != '\0' ? ", " : "", v->rule,
		reason_text(v->reason));
	if (c->bot)
		note(c, c->verdict);
}

static void on_drained(void *ctx)
{
	struct chat *c = ctx;

	io_stop(c->io);
}

static void on_quit(void *ctx)
{
	struct chat *c = ctx;

	bot_drain(c->bot);
}

static void on_signal(void *ctx, int signo)
{
	struct chat *c = ctx;

	if (signo == SIGHUP)
		bot_reload(c->bot);
	else if (signo == SIGCONT)
		platform_console_resume(bot_console(c->bot));
	else
		bot_drain(c->bot);
}

/* What is known of one event, as bot_explain tells it. */
static void explain(struct chat *c, const struct event *e, bool is_brief)
{
	struct buf out;

	buf_init(&out, NOTE_BYTES);
	if (bot_explain(c->bot, bot_world_of(c->bot), e, is_brief, &out) && out.len == 0)
		note(c, "(it cannot be explained: out of memory)");
	else
		note(c, buf_text(&out));
	buf_fini(&out);
}

static void on_why(struct chat *c, const char *rest)
{
	(void)rest;
	if (!c->last) {
		note(c, "(nothing was said yet)");
		return;
	}
	note(c, c->verdict);
	note(c, "The same again, now:");
	explain(c, c->last, true);
}

/* As whoever speaks in the console at present. */
static void on_explain(struct chat *c, const char *rest)
{
	struct bot_event_args a = {.text = rest, .platform = "console"};
	struct buf scratch;
	enum level level;
	struct event e;
	const char *why;

	platform_console_who(bot_console(c->bot), &a.user, &a.channel, &level);
	a.level = level_name(level);
	buf_init(&scratch, 4096);
	if (bot_event_make(&a, &scratch, &e, &why))
		note(c, why);
	else
		explain(c, &e, false);
	buf_fini(&scratch);
}

static void on_status(struct chat *c, const char *rest)
{
	struct buf json, text;
	struct json *j = NULL;
	const char *why;

	(void)rest;
	buf_init(&json, NOTE_BYTES);
	buf_init(&text, NOTE_BYTES);
	if (!bot_status(c->bot, &json) && !json_parse(buf_str(&json), json.max, &j, &why) &&
			!cli_status_text(j, &text))
		note(c, buf_text(&text));
	json_free(j);
	buf_fini(&json);
	buf_fini(&text);
}

static void on_reload_command(struct chat *c, const char *rest)
{
	(void)rest;
	bot_reload(c->bot);
}

/* A reload has ended: what it found. */
static void on_reload(void *ctx, bool is_running)
{
	struct chat *c = ctx;
	struct buf out;
	struct json *j = NULL;
	const char *why;

	if (is_running)
		return;
	buf_init(&out, 4 * 1024 * 1024);
	if (!bot_reload_report(c->bot, &out) && !json_parse(buf_str(&out), out.max, &j, &why)) {
		const struct bot_world *w = bot_world_of(c->bot);
		struct str text = json_str(j, "text");
		char verdict[128];

		snprintf(verdict, sizeof(verdict), !json_bool(j, "accepted", false)
			? "(the files were read again and refused: the previous version stays)"
			: json_int(j, "errors", 0) > 0
			? "(read again; files with errors keep their last good version)"
			: "(read again: %zu triggers, %zu personas)",
			trigger_set_count(w->triggers), w->persona_count);
		if (text.len > 0)
			note(c, text.at);
		note(c, verdict);
	}
	json_free(j);
	buf_fini(&out);
}

static bool on_command(void *ctx, const char *command, const char *rest)
{
	static const struct {
		const char *name;
		void (*run)(struct chat *c, const char *rest);
	} commands[] = {
		{"why", on_why}, {"explain", on_explain}, {"status", on_status},
		{"reload", on_reload_command},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, command) == 0) {
			commands[i].run(ctx, rest);
			return true;
		}
	}
	return false;
}

/* STATE/chat, where STATE is what the daemon would use. GIVES. */
static char *chat_state_dir(const struct bot_source *s)
{
	struct conf_report r;
	struct conf *conf = NULL;
	char *dir = NULL;

	if (s->state_dir)
		return file_join(s->state_dir, "chat");
	conf_report_init(&r);
	if (!conf_load(s->config, &r, &conf) || !conf_load(NULL, &r, &conf))
		dir = file_join(conf->state_dir, "chat");
	conf_free(conf);
	conf_report_fini(&r);
	return dir;
}

static int open_log(const char *state_dir, const struct cli *c)
{
	char *path = file_make_dir(state_dir) ? NULL : file_join(state_dir, "mynah.log");
	int err = path ? log_open(path, c->is_debug ? LOG_DEBUG : LOG_INFO) : ERR_IO;

	mem_free(path);
	return err;
}

static void greet(struct chat *c, const struct bot_source *s)
{
	const struct bot_world *w = bot_world_of(c->bot);
	char text[768];

	snprintf(text, sizeof(text),
		"%s listens: %zu triggers, persona %s, %s.\n"
		"Say something: hello, o7, !lurk, a question. /event raid 50 fires an event, ?why "
		"tells why it spoke or kept silent, /help lists the rest, /quit ends.",
		w->conf->name, trigger_set_count(w->triggers), w->conf->persona,
		s->config ? s->config : "built-in defaults");
	note(c, text);
}

static int chat(
	struct chat *c, const struct bot_source *s, struct bot_world *w, const struct cli *cli)
{
	const struct platform_console_options console = {
		.in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .bot_name = w->conf->name,
		.channel = cli->channel ? cli->channel : "console",
		.user = cli->user ? cli->user : "you",
		.is_color = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !getenv("NO_COLOR"),
		.extra = on_command, .quit = on_quit, .ctx = c,
	};
	const struct bot_options o = {
		.io = c->io, .source = *s, .world = w, .console = &console,
		.verdict = on_verdict, .reload = on_reload, .drained = on_drained, .ctx = c,
	};
	int err = bot_new(&o, &c->bot);

	if (err) {
		cli_say(err == ERR_BUSY ? "another mynah chat runs on this state folder"
			: "the bot cannot start: %s", err_text(err));
		return err == ERR_BUSY ? CLI_BUSY : CLI_SYSTEM;
	}
	if (io_signal(c->io, SIGINT, on_signal, c) || io_signal(c->io, SIGTERM, on_signal, c) ||
			io_signal(c->io, SIGHUP, on_signal, c) ||
			io_signal(c->io, SIGCONT, on_signal, c))
		return CLI_SYSTEM;
	greet(c, s);
	io_run(c->io);
	return CLI_OK;
}

int cli_chat(const struct cli *cli)
{
	struct bot_source s = cli_source(cli);
	char *state_dir = chat_state_dir(&s);
	struct conf_report report;
	struct bot_world *w = NULL;
	struct chat c = {0};
	int code = CLI_OK;

	conf_report_init(&report);
	s.state_dir = state_dir;
	s.needs_secrets = s.keeps_good = true;
	if (!state_dir || open_log(state_dir, cli)) {
		cli_say("the state folder %s cannot be used", state_dir ? state_dir : "");
		code = CLI_SYSTEM;
	} else if (bot_world_load(&s, &report, &w)) {
		cli_complain(&report);
		cli_say("correct the files above first");
		code = CLI_CONFIG;
	} else if (io_new(&c.io)) {
		bot_world_unref(w);
		code = CLI_SYSTEM;
	} else {
		cli_complain(&report);
		code = chat(&c, &s, w, cli);
	}
	bot_free(c.bot);
	io_free(c.io);
	mem_free(c.last);
	mem_free(state_dir);
	conf_report_fini(&report);
	metric_reset();
	log_close();
	return code;
}
