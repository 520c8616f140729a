/* chat: the whole bot in this terminal. The console is its only place; memory, ledger and budgets live
 * in a folder of their own, so that a daemon on the same config is not disturbed. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
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
		snprintf(c->verdict, sizeof(c->verdict), "(trigger %s spoke%s%s)", v->trigger->name,
			*v->rule != '\0' ? " its own line, because no model answered: " : "", v->rule);
		return;
	}
	snprintf(c->verdict, sizeof(c->verdict), "(silent: %s%s%s%s%s - %s; ?why tells more)",
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
	else
		bot_drain(c->bot);
}

/* Everything that is known of one event, as explain tells it. */
static void explain(struct chat *c, const struct event *e)
{
	struct buf out;

	buf_init(&out, NOTE_BYTES);
	if (bot_explain(c->bot, bot_world_of(c->bot), e, &out) && out.len == 0)
		note(c, "(it cannot be explained: out of memory)");
	else
		note(c, buf_text(&out));
	buf_fini(&out);
}

static void status(struct chat *c)
{
	struct buf out;

	buf_init(&out, NOTE_BYTES);
	if (!bot_status(c->bot, &out))
		note(c, buf_text(&out));
	buf_fini(&out);
}

static void reload(struct chat *c)
{
	bot_reload(c->bot);
	note(c, "(reading the files again; /report tells what was found)");
}

static void report(struct chat *c)
{
	struct buf out;
	struct json *j = NULL;
	const char *why;

	buf_init(&out, 1024 * 1024);
	if (!bot_reload_report(c->bot, &out) && !json_parse(buf_str(&out), out.max, &j, &why)) {
		struct str text = json_str(j, "text");

		if (text.len > 0)
			note(c, text.at);
		else
			note(c, json_int(j, "reloads", 0) > 0 ? "(no complaints)" : "(no reload yet)");
	}
	json_free(j);
	buf_fini(&out);
}

static bool on_command(void *ctx, const char *command, const char *rest)
{
	struct chat *c = ctx;

	if (strcmp(command, "why") == 0 || strcmp(command, "?why") == 0) {
		note(c, c->last ? c->verdict : "(nothing was said yet)");
		if (c->last)
			explain(c, c->last);
		return true;
	}
	if (strcmp(command, "explain") == 0) {
		const struct bot_event_args a = {.text = rest, .platform = "console"};
		struct buf scratch;
		struct event e;
		const char *why;

		buf_init(&scratch, 4096);
		if (bot_event_make(&a, &scratch, &e, &why))
			note(c, why);
		else
			explain(c, &e);
		buf_fini(&scratch);
		return true;
	}
	if (strcmp(command, "reload") == 0)
		reload(c);
	else if (strcmp(command, "report") == 0)
		report(c);
	else if (strcmp(command, "status") == 0)
		status(c);
	else
		return false;
	return true;
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
	conf_unref(conf);
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
		"Say something: hello, o7, !lurk, a question. /event raid 50 fires an event, ?why tells "
		"why it spoke or did not, /help lists the rest, /quit ends.",
		w->conf->name, trigger_set_count(w->triggers), w->conf->persona,
		s->config ? s->config : "built-in defaults");
	note(c, text);
}

static int chat(struct chat *c, const struct bot_source *s, struct bot_world *w, const struct cli *cli)
{
	const struct platform_console_options console = {
		.in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .bot_name = w->conf->name,
		.channel = cli->channel ? cli->channel : "console",
		.user = cli->user ? cli->user : "you",
		.is_color = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO),
		.extra = on_command, .quit = on_quit, .ctx = c,
	};
	const struct bot_options o = {
		.io = c->io, .source = *s, .world = w, .console = &console,
		.verdict = on_verdict, .drained = on_drained, .ctx = c,
	};
	int err = bot_new(&o, &c->bot);

	if (err) {
		cli_say(err == ERR_BUSY ? "another mynah chat runs on this state folder"
			: "the bot cannot start: %s", err_name(err));
		return err == ERR_BUSY ? CLI_BUSY : CLI_SOFTWARE;
	}
	if (io_signal(c->io, SIGINT, on_signal, c) || io_signal(c->io, SIGTERM, on_signal, c) ||
			io_signal(c->io, SIGHUP, on_signal, c))
		return CLI_SOFTWARE;
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
	s.needs_secrets = true;
	if (!state_dir || open_log(state_dir, cli)) {
		cli_say("the state folder %s cannot be used", state_dir ? state_dir : "");
		code = CLI_SOFTWARE;
	} else if (bot_world_load(&s, &report, &w)) {
		cli_complain(&report);
		cli_say("correct the files above first");
		code = CLI_CONFIG;
	} else if (io_new(&c.io)) {
		bot_world_unref(w);
		code = CLI_SOFTWARE;
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
