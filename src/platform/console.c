/* The console: a terminal, a pipe or a file is the place. One user at a time speaks in one channel;
 * who, where and with which level is changed by commands. */
#include "platform/platform.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "platform/screen.h"
#include "safety/safety.h"

#define NAME_BYTES 64
#define TEXT_UNITS 500   /* as on Twitch: the console shows what chat would */

struct console {
	struct io *io;
	struct io_watch *watch;
	struct io_timer *timer; /* what must not happen inside the owner's call */
	struct platform_owner owner;
	unsigned place;
	struct screen screen;
	bool (*extra)(void *ctx, const char *command, const char *rest);
	void (*quit)(void *ctx);
	void *ctx;
	char bot[NAME_BYTES], user[NAME_BYTES], channel[NAME_BYTES];
	enum level level;
	enum platform_state state;
	unsigned long events;
	struct reply *said;      /* utlist: outcomes to tell */
	struct buf line, text;   /* what came of a line that is no terminal's; the present line */
	bool is_skipping;        /* the rest of a line that was too long */
	bool is_open;            /* the owner knows that it may speak here */
	bool is_over, is_stopping, is_doomed;
	int depth;
};

/* ---- Output ---------------------------------------------------------------------------------- */

static void show_prompt(struct console *c)
{
	char prompt[SCREEN_PROMPT_BYTES];

	if (c->is_over || c->is_stopping)
		return;
	snprintf(prompt, sizeof(prompt), "%s@%s [%s]> ", c->user, c->channel, level_name(c->level));
	platform_screen_show(&c->screen, prompt);
}

static void note(struct console *c, const char *text)
{
	platform_screen_print(&c->screen, NULL, str_of(text));
	if (c->depth == 0)
		show_prompt(c);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void free_console(struct console *c)
{
	struct reply *r, *next;

	DL_FOREACH_SAFE(c->said, r, next)
		reply_free(r);
	io_watch_free(c->watch);
	io_timer_free(c->timer);
	platform_screen_fini(&c->screen);
	buf_fini(&c->line);
	buf_fini(&c->text);
	mem_free(c);
}

static void enter(struct console *c)
{
	c->depth++;
}

/* c may be gone afterwards. */
static void leave(struct console *c)
{
	if (--c->depth > 0)
		return;
	if (c->is_doomed)
		free_console(c);
	else
		show_prompt(c);
}

static void set_state(struct console *c, enum platform_state s)
{
	c->state = s;
	if (c->owner.state && !c->is_doomed)
		c->owner.state(c->owner.ctx, c->place, s, "");
}

/* Nothing is ever in its way; only memory may be, so it is asked for again with every line
 * typed. */
static void open_lane(struct console *c)
{
	const struct outbox_lane lane = {.is_open = true, .is_privileged = true};

	if (c->owner.lane && !c->is_doomed)
		c->is_open = !c->owner.lane(c->owner.ctx, c->place, c->channel, &lane);
}

/* The end of the input, or /quit. */
static void end_input(struct console *c)
{
	if (c->is_over)
		return;
	platform_screen_leave(&c->screen);
	c->is_over = true;
	io_watch_set(c->watch, 0);
	if (c->quit && !c->is_stopping && !c->is_doomed)
		c->quit(c->ctx);
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Fills in who and where, and tells it. */
static void tell(struct console *c, struct event *e)
{
	char id[32], user_id[NAME_BYTES];

	if (!c->is_open)
		open_lane(c);
	if (e->user.len == 0)
		e->user = str_of(c->user);
	snprintf(id, sizeof(id), "console-%lu", ++c->events);
	snprintf(user_id, sizeof(user_id), "%.*s", STR_FMT(e->user));
	ascii_lower_all(user_id);
	e->place = c->place;
	e->platform = STR("console");
	e->channel = e->channel_id = str_of(c->channel);
	e->login = e->user_id = str_of(user_id);
	e->id = str_of(id);
	e->roles = ROLE(LEVEL_EVERYONE) | ROLE(c->level);
	e->at_ms = clock_mono_ms();
	e->wall_ms = clock_wall_ms();
	if (c->owner.event && !c->is_stopping && !c->is_doomed)
		c->owner.event(c->owner.ctx, e);
}

static void say(struct console *c, struct str text, bool is_action)
{
	struct event e = {.kind = EVENT_MESSAGE, .text = text, .is_action = is_action};

	if (text.len > 0)
		tell(c, &e);
}

/* ---- Commands -------------------------------------------------------------------------------- */

/* A name from the command line of the program or of the console, made fit. False when nothing is
 * left of it. */
static bool set_name(char to[NAME_BYTES], struct str from)
{
	struct buf clean;
	bool is_set = false;

	buf_init(&clean, NAME_BYTES - 1);
	if (text_scrub(from, TEXT_CHAT, &clean) != ERR_NOMEM && clean.len > 0) {
		memcpy(to, clean.at, clean.len + 1);
		is_set = true;
	}
	buf_fini(&clean);
	return is_set;
}

static void on_user(struct console *c, struct str rest)
{
	if (!set_name(c->user, rest))
		note(c, "(/user NAME says who speaks from now on)");
}

static void on_channel(struct console *c, struct str rest)
{
	if (rest.len > 0 && rest.at[0] == '#')
		rest = (struct str){rest.at + 1, rest.len - 1};
	if (set_name(c->channel, rest))
		open_lane(c);
	else
		note(c, "(/channel NAME says where you speak from now on)");
}

static void on_level(struct console *c, struct str rest)
{
	if (level_parse(rest, &c->level) < 0)
		note(c, "(/level everyone, subscriber, vip, moderator or broadcaster)");
}

static void on_event(struct console *c, struct str rest)
{
	char text[512];
	struct event e;
	int n, err = platform_event_parse(rest, &e);

	if (err == 0) {
		tell(c, &e);
		return;
	}
	n = snprintf(text, sizeof(text), "%s", err == ERR_NOTFOUND ?
		"(/event KIND [NUMBER] [key=value ...] [text], where KIND is one of" :
		"(/event takes a number, tier=1|2|3|prime, months=, count=, from=, to=, reward=, "
		"anonymous=yes, first=yes, live=yes|no, game=)");
	for (int k = 0; err == ERR_NOTFOUND && k < EVENT_KIND_COUNT && n < (int)sizeof(text); k++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s%s",
			event_kind_name((enum event_kind)k), k == EVENT_KIND_COUNT - 1 ? ")" : "");
	note(c, text);
}

static void on_me(struct console *c, struct str rest)
{
	say(c, rest, true);
}

static void on_quit(struct console *c, struct str rest)
{
	(void)rest;
	end_input(c);
}

static void on_help(struct console *c, struct str rest);

/* Those without a function are extra() commands. */
static const struct {
	const char *name, *usage, *help;
	void (*run)(struct console *c, struct str rest);
} commands[] = {
	{"user", "/user NAME", "speak as somebody else", on_user},
	{"level", "/level LEVEL", "as everyone, subscriber, vip, moderator or broadcaster",
		on_level},
	{"channel", "/channel NAME", "speak somewhere else", on_channel},
	{"me", "/me waves", "an action", on_me},
	{"event", "/event raid 50", "fire an event: sub tier=2, cheer 100 hello, giftbomb 5 ...",
		on_event},
	{"why", "?why", "why the bot spoke or kept silent, the last time", NULL},
	{"explain", "/explain TEXT", "what TEXT would do, and the prompt it would make", NULL},
	{"status", "/status", "how the bot, its model and its memory are", NULL},
	{"reload", "/reload", "read the files again and say what is wrong with them", NULL},
	{"help", "/help", "this list", on_help},
	{"quit", "/quit", "the end; Ctrl-D as well", on_quit},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void on_help(struct console *c, struct str rest)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "Everything you type is chat, but for:\n");

	(void)rest;
	for (size_t i = 0; i < COMMANDS && n < (int)sizeof(text); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "  %-15s %s\n",
			commands[i].usage, commands[i].help);
	note(c, text);
}

/* Gives false when nobody knows the command. */
static bool try_extra(struct console *c, struct str name, struct str rest)
{
	char command[NAME_BYTES], args[SCREEN_LINE_BYTES];

	if (!c->extra || name.len >= sizeof(command) || rest.len >= sizeof(args))
		return false;
	snprintf(command, sizeof(command), "%.*s", STR_FMT(name));
	snprintf(args, sizeof(args), "%.*s", STR_FMT(rest));
	return c->extra(c->ctx, command, args);
}

static void run_command(struct console *c, struct str rest)
{
	struct str name = str_split(&rest, ' ');

	rest = str_trim(rest);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (commands[i].run && str_is_nocase(name, commands[i].name)) {
			commands[i].run(c, rest);
			return;
		}
	}
	if (!try_extra(c, name, rest))
		note(c, "(there is no such command; /help lists them)");
}

/* ---- Input ----------------------------------------------------------------------------------- */

static void take_line(struct console *c, struct str line)
{
	struct str text, rest;

	buf_clear(&c->text);
	if (text_scrub(line, TEXT_CHAT, &c->text) == ERR_NOMEM)
		return;
	text = buf_str(&c->text);
	if (text.len == 0)
		return;
	rest = (struct str){text.at + 1, text.len - 1};
	if (text.at[0] == '/') {
		run_command(c, rest);
		return;
	}
	if (text.at[0] == '?' && rest.len > 0 && ascii_is_letter(rest.at[0])) {
		struct str name = str_split(&rest, ' ');
		if (try_extra(c, name, rest))
			return;
	}
	say(c, text, false);
}

/* Keys of a terminal, each with its prompt in place. */
static void take_keys(struct console *c, struct str keys)
{
	for (size_t i = 0; i < keys.len && !c->is_over && !c->is_doomed; i++) {
		show_prompt(c);
		switch (platform_screen_key(&c->screen, keys.at[i])) {
		case SCREEN_TYPING: break;
		case SCREEN_ENTER:
			take_line(c, buf_str(&c->screen.typed));
			platform_screen_next(&c->screen);
			break;
		case SCREEN_END: end_input(c); break;
		}
	}
}

/* Whole lines of what was read; the last piece waits for its end. */
static void take_bytes(struct console *c, struct str bytes, bool is_end)
{
	while (bytes.len > 0 && !c->is_over && !c->is_doomed) {
		const char *end = memchr(bytes.at, '\n', bytes.len);
		size_t n = end ? (size_t)(end - bytes.at) : bytes.len;
		size_t room = c->line.max - c->line.len;

		if (!c->is_skipping && buf_add(&c->line, bytes.at, n < room ? n : room) < 0)
			c->is_skipping = true;
		if (n > room)
			c->is_skipping = true;
		bytes.at += n + (end != NULL);
		bytes.len -= n + (end != NULL);
		if (!end)
			break;
		take_line(c, buf_str(&c->line));
		buf_clear(&c->line);
		c->is_skipping = false;
	}
	if (is_end && c->line.len > 0 && !c->is_over) {
		take_line(c, buf_str(&c->line));
		buf_clear(&c->line);
	}
}

/* Reads what is there, once, without ever waiting. Gives false at the end. */
static bool read_some(struct console *c)
{
	struct pollfd p = {.fd = c->screen.in_fd, .events = POLLIN};
	char bytes[SCREEN_LINE_BYTES];

	if (poll(&p, 1, 0) <= 0)
		return true;
	ssize_t n = read(c->screen.in_fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (c->screen.is_terminal)
		take_keys(c, (struct str){bytes, n > 0 ? (size_t)n : 0});
	else
		take_bytes(c, (struct str){bytes, n > 0 ? (size_t)n : 0}, n <= 0);
	return n > 0;
}

static void tell_outcomes(struct console *c)
{
	while (c->said && !c->is_doomed && !c->is_stopping) {
		struct reply *r = c->said;

		DL_DELETE(c->said, r);
		if (c->owner.outcome)
			c->owner.outcome(c->owner.ctx, r->turn,
				r->owner ? REASON_REFUSED : REASON_NONE,
				r->owner ? r->owner : "");
		reply_free(r);
	}
}

static void on_ready(void *ctx, int mask)
{
	struct console *c = ctx;

	(void)mask;
	enter(c);
	tell_outcomes(c); /* what was printed comes before what was typed below it */
	if (!c->is_over && !read_some(c))
		end_input(c);
	leave(c);
}

/* What the owner must not hear inside its own calls. */
static void on_timer(void *ctx)
{
	struct console *c = ctx;

	enter(c);
	if (c->is_stopping) {
		if (c->state != PLATFORM_STOPPED)
			set_state(c, PLATFORM_STOPPED);
		leave(c);
		return;
	}
	if (c->state == PLATFORM_CONNECTING) {
		set_state(c, PLATFORM_UP);
		if (c->owner.self && !c->is_doomed)
			c->owner.self(c->owner.ctx, c->place, c->bot, c->bot);
		open_lane(c);
		io_watch_set(c->watch, IO_READ);
	}
	tell_outcomes(c);
	leave(c);
}

/* ---- platform_ops ---------------------------------------------------------------------------- */

static void console_send(void *self, struct reply *r)
{
	struct console *c = self;

	r->owner = safety_is_sayable(str_of(r->text), TEXT_UNITS) ? NULL : (void *)"unsayable";
	if (!r->owner) {
		platform_screen_print(&c->screen, c->bot, str_of(r->text));
		if (c->depth == 0)
			show_prompt(c);
	}
	DL_APPEND(c->said, r);
	io_timer_start(c->timer, 0);
}

static int console_reload(void *self, const struct conf_place *conf)
{
	(void)self;
	(void)conf;
	return 0;
}

static void console_stop(void *self)
{
	struct console *c = self;

	io_watch_set(c->watch, 0);
	c->is_stopping = true;
	io_timer_start(c->timer, 0);
}

static int console_status(void *self, struct buf *out)
{
	const struct console *c = self;
	int err = buf_addf(out, "{\"place\":\"console\",\"state\":\"%s\",\"account\":",
		platform_state_name(c->state));

	if (err == 0)
		err = json_add_string(out, str_of(c->bot));
	if (err == 0)
		err = buf_adds(out, ",\"why\":\"\",\"channels\":[{\"name\":");
	if (err == 0)
		err = json_add_string(out, str_of(c->channel));
	return err < 0 ? err : buf_adds(out, ",\"state\":\"open\",\"refused\":false,"
		"\"privileged\":false,\"slow_ms\":0,\"hold_ms\":0}]}");
}

static void console_free(void *self)
{
	struct console *c = self;

	if (!c || c->is_doomed)
		return;
	platform_screen_hide(&c->screen);
	c->is_doomed = true;
	io_timer_stop(c->timer);
	if (c->depth == 0)
		free_console(c);
}

static const struct platform_ops console_ops = {
	.name = "console",
	.send = console_send,
	.reload = console_reload,
	.stop = console_stop,
	.status = console_status,
	.free = console_free,
};

int platform_console_new(struct io *io, unsigned place, const struct platform_console_options *o,
	const struct platform_owner *owner, struct platform *out)
{
	struct console *c = mem_new(sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	*c = (struct console){.io = io,
		.place = place,
		.owner = *owner,
		.extra = o->extra,
		.quit = o->quit,
		.ctx = o->ctx,
		.level = o->level,
		.state = PLATFORM_CONNECTING};
	platform_screen_init(&c->screen, o->in_fd, o->out_fd, o->is_color);
	buf_init(&c->line, SCREEN_LINE_BYTES - 1);
	buf_init(&c->text, SCREEN_LINE_BYTES - 1);
	if (!set_name(c->bot, str_of(o->bot_name)))
		snprintf(c->bot, sizeof(c->bot), "mynah");
	if (!set_name(c->user, str_of(o->user)))
		snprintf(c->user, sizeof(c->user), "you");
	if (!set_name(c->channel, str_of(o->channel)))
		snprintf(c->channel, sizeof(c->channel), "console");
	c->timer = io_timer_new(io, on_timer, c);
	c->watch = io_watch_new(io, o->in_fd, on_ready, c);
	if (!c->timer || !c->watch) {
		free_console(c);
		return ERR_NOMEM;
	}
	io_timer_start(c->timer, 0);
	*out = (struct platform){&console_ops, c};
	return 0;
}

void platform_console_note(struct platform *p, const char *text)
{
	if (p->ops == &console_ops)
		note(p->self, text);
}

void platform_console_resume(struct platform *p)
{
	if (p->ops == &console_ops)
		platform_screen_resume(&((struct console *)p->self)->screen);
}

void platform_console_who(const struct platform *p, const char **user, const char **channel,
	enum level *level)
{
	const struct console *c = p->self;

	*user = c->user;
	*channel = c->channel;
	*level = c->level;
}
