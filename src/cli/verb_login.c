/* login twitch: logs an account in by device code, in words for somebody who has never done it. The
 * token goes from the id server into the vault; nothing of it is ever printed. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 1000
#define RELOAD_MS 3000

struct login {
	struct io *io;
	struct io_timer *tick;
	struct platform_login *login;
	const struct conf_place *place;
	const char *channel;     /* NULL = the bot's own */
	bool is_terminal;        /* the waiting line is drawn over and over */
	bool is_line_drawn;
	int64_t ends_ms;         /* of the code; 0 = none is shown */
	unsigned shown;          /* codes */
	char trouble[200];
	int code;
};

static const char *whose(const struct login *l)
{
	if (l->channel)
		return l->channel;
	return l->place->account ? l->place->account : "the bot's account";
}

/* ---- The waiting line ------------------------------------------------------------------------ */

static void clear_line(struct login *l)
{
	if (l->is_line_drawn)
		fputs("\r\033[K", stdout);
	l->is_line_drawn = false;
}

static void draw_line(struct login *l)
{
	int64_t left_s = (l->ends_ms - clock_mono_ms() + 999) / 1000;

	if (!l->is_terminal || l->ends_ms == 0)
		return;
	clear_line(l);
	printf("Waiting for you to agree there: %lld:%02lld left. Ctrl-C gives up.",
		(long long)(left_s > 0 ? left_s / 60 : 0),
		(long long)(left_s > 0 ? left_s % 60 : 0));
	fflush(stdout);
	l->is_line_drawn = true;
}

static void on_tick(void *ctx)
{
	struct login *l = ctx;

	draw_line(l);
	io_timer_start(l->tick, TICK_MS);
}

/* ---- What the login tells -------------------------------------------------------------------- */

static void on_show(
	void *ctx, const char *url, const char *code, int64_t for_ms, const char *scopes)
{
	struct login *l = ctx;

	clear_line(l);
	if (l->shown++ > 0)
		printf("That code has run out. Here is a new one.\n\n");
	else
		printf("To let mynah use Twitch as %s:\n\n", whose(l));
	printf("  1. Open this page in a browser in which you are logged in as %s:\n\n"
		"       %s\n\n"
		"  2. See that it shows the code  %s  and agree.\n\n", whose(l), url, code);
	if (l->shown == 1)
		printf("It asks for: %s\n(mynah help scopes tells what each is for.)\n\n", scopes);
	l->ends_ms = clock_mono_ms() + for_ms;
	if (l->is_terminal)
		on_tick(l);
	else
		printf("Waiting for you to agree there, for %lld min.\n",
			(long long)(for_ms / 60000));
	fflush(stdout);
}

static void on_trouble(void *ctx, const char *why)
{
	struct login *l = ctx;

	if (strncmp(l->trouble, why, sizeof(l->trouble) - 1) == 0)
		return;
	snprintf(l->trouble, sizeof(l->trouble), "%s", why);
	clear_line(l);
	if (*why != '\0')
		printf("A problem: %s. Trying again.\n", why);
	else
		printf("The id server answers again.\n");
	fflush(stdout);
	draw_line(l);
}

static void on_done(void *ctx, int err, const char *login, const char *why)
{
	struct login *l = ctx;

	clear_line(l);
	fflush(stdout);
	if (err)
		cli_say("not logged in: %s", why);
	else
		printf("Logged in as %s. The login renews itself from now on.\n", login);
	l->code = err ? CLI_FINDINGS : CLI_OK;
	io_stop(l->io);
}

static void on_signal(void *ctx, int signo)
{
	struct login *l = ctx;

	(void)signo;
	clear_line(l);
	fflush(stdout);
	cli_say("given up; nothing was changed");
	l->code = CLI_CANNOT;
	io_stop(l->io);
}

/* ---- The verb -------------------------------------------------------------------------------- */

/* A daemon that runs takes the login at its next reload. */
static void tell_daemon(const struct cli *c)
{
	char *socket = cli_socket(c);
	struct buf answer;
	int status;

	buf_init(&answer, 64 * 1024);
	status = socket ? io_ask_socket(socket, "POST", "/api/v1/reload", (struct str){NULL, 0},
		RELOAD_MS, &answer) : ERR_NOMEM;
	if (status >= 200 && status < 300)
		puts("The mynah that runs has been told; see: mynah status");
	else if (status == ERR_CONNECT || status == ERR_NOTFOUND)
		puts("Start it with: mynah run");
	else
		puts("The mynah that runs could not be told: run mynah reload");
	mem_free(socket);
	buf_fini(&answer);
}

static const struct conf_place *find_place(const struct conf *c)
{
	for (size_t i = 0; i < c->place_count; i++) {
		if (c->places[i].kind == CONF_TWITCH)
			return &c->places[i];
	}
	return NULL;
}

static bool has_channel(const struct conf_place *p, const char *channel)
{
	for (size_t i = 0; i < p->channels.n; i++) {
		if (str_eq_nocase(str_of(p->channels.at[i]), str_of(channel)))
			return true;
	}
	return false;
}

/* Which login is meant, and whether it can be made. Gives CLI_OK, or a code after a sentence. */
static int choose(struct login *l, const struct conf *conf, const char *broadcaster)
{
	l->place = find_place(conf);
	if (!l->place) {
		cli_say("mynah.yaml has no section twitch:. Add one with account: and channels:");
		return CLI_CANNOT;
	}
	if (broadcaster && *broadcaster == '#')
		broadcaster++;
	if (broadcaster && !has_channel(l->place, broadcaster)) {
		cli_say("%s is not among the channels of mynah.yaml", broadcaster);
		return CLI_CANNOT;
	}
	/* The bot's own channel: one account, one login, which asks for the scopes of both. */
	if (broadcaster && (!l->place->account ||
			!str_eq_nocase(str_of(broadcaster), str_of(l->place->account))))
		l->channel = broadcaster;
	if (!l->channel && !l->place->account) {
		cli_say("mynah.yaml does not say which account the bot has. "
			"Add account: LOGIN to twitch:");
		return CLI_CANNOT;
	}
	if (!l->channel && l->place->token.from != CONF_SECRET_NONE) {
		cli_say("mynah.yaml names a token: for %s, which goes before any login. "
			"Take it out first",
			l->place->account);
		return CLI_CANNOT;
	}
	return CLI_OK;
}

static int begin(struct login *l, const struct bot_world *w)
{
	const struct platform_wants wants = {
		.kinds = trigger_set_kinds(w->triggers),
		.stream = trigger_set_needs_stream(w->triggers),
	};
	const struct platform_login_options o = {
		.io = l->io,
		.conf = l->place,
		.state_dir = w->conf->state_dir,
		.channel = l->channel,
		.wants = &wants,
		.show = on_show,
		.trouble = on_trouble,
		.done = on_done,
		.ctx = l,
	};

	l->tick = io_timer_new(l->io, on_tick, l);
	if (!l->tick || io_signal(l->io, SIGINT, on_signal, l) ||
		io_signal(l->io, SIGTERM, on_signal, l))
		return ERR_NOMEM;
	l->login = platform_login_start(&o);
	return l->login ? 0 : ERR_NOMEM;
}

static int run(struct login *l, const struct bot_world *w)
{
	if (io_new(&l->io)) {
		cli_say("the event loop cannot start");
		return CLI_SYSTEM;
	}
	l->is_terminal = isatty(STDOUT_FILENO);
	if (begin(l, w) == 0) {
		io_run(l->io);
	} else {
		cli_say("the login cannot start: out of memory");
		l->code = CLI_SYSTEM;
	}
	platform_login_free(l->login);
	io_timer_free(l->tick);
	io_free(l->io);
	return l->code;
}

int cli_login(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct login l = {0};
	struct conf_report report;
	struct bot_world *w = NULL;
	int code = CLI_CANNOT;

	if (c->argc != 1 || strcmp(c->argv[0], "twitch") != 0)
		return cli_usage(c);
	conf_report_init(&report);
	if (bot_world_load(&s, &report, &w)) {
		cli_complain(&report);
		cli_say("correct the files above first, or see: mynah check");
		code = CLI_CONFIG;
	} else {
		log_set_level(LOG_AUDIT); /* the screen is for the instructions */
		code = choose(&l, w->conf, c->broadcaster);
		if (code == CLI_OK)
			code = run(&l, w);
		if (code == CLI_OK)
			tell_daemon(c);
	}
	bot_world_unref(w);
	conf_report_fini(&report);
	return code;
}
