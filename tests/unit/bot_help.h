/* What the tests of the whole bot share: every room real, in one process; a pipe is the console, a
 * file is the model. */
#ifndef BOT_HELP_H
#define BOT_HELP_H

#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "bot/room.h"

#define TURNS_MAX 3000 /* loop turns before a test gives up */

static const char config[] =
	"providers:\n"
	"  play: {type: scripted, file: answers.yaml}\n"
	"ask: [play]\n"
	"safety: {mentions: 1}\n";
static const char answers[] =
	"- {when: 'slow', reply: 'late but here', delay: 300ms}\n"
	"- {when: 'never', reply: 'too late', delay: 60s}\n"
	"- {when: 'break', error: server}\n"
	"- {when: 'bad', reply: '/ban everyone'}\n"
	"- {when: 'login', reply: 'it is keptlogin0123456789'}\n"
	"- {when: '*', reply: 'it is a fine day'}\n";
static const char triggers[] =
	"hi:\n"
	"  words: [hi]\n"
	"  reply: 'Hi $(user)!'\n"
	"  cooldown: {user: 10m}\n"
	"ask:\n"
	"  command: ask\n"
	"  ask: 'Answer $(user).'\n"
	"  otherwise: 'My head is empty.'\n"
	"quietly:\n"
	"  command: hush\n"
	"  ask: 'Answer $(user).'\n"
	"curious:\n"
	"  slash: {name: ask, description: Ask}\n"
	"  ask: 'Answer $(user).'\n"
	"mods:\n"
	"  command: mod\n"
	"  slash: mod\n"
	"  level: moderator\n"
	"  reply: 'Yes, $(user).'\n"
	"raid:\n"
	"  on: raid\n"
	"  at_least: 5\n"
	"  reply: 'Welcome $(count) friends of $(user)!'\n";
static const char persona[] =
	"name: Mynah\nversion: 1.0.0\nsystem: |\n  You are Mynah, a bird.\n";

struct fixture {
	char *dir, *paths[4]; /* config, state, triggers, personas: the bot borrows them */
	struct io *io;
	struct bot *bot;
	int in[2], out[2];
	struct buf said;      /* what the console printed */
	struct buf verdicts;  /* "reason " for each */
	bool is_drained;
};

static inline char *path_in(const struct fixture *f, const char *name)
{
	char *path = file_join(f->dir, name);

	assert_non_null(path);
	return path;
}

static inline void write_file(const struct fixture *f, const char *name, const char *text)
{
	char *path = path_in(f, name);

	assert_int_equal(file_replace(path, str_of(text), 0600), 0);
	mem_free(path);
}

static inline void make_folder(const struct fixture *f, const char *name)
{
	char *path = path_in(f, name);

	assert_int_equal(file_make_dir(path), 0);
	mem_free(path);
}

static inline void on_verdict(void *ctx, const struct bot_verdict *v)
{
	struct fixture *f = ctx;

	assert_int_equal(buf_addf(&f->verdicts, "%s ", reason_name(v->reason)), 0);
}

static inline void on_drained(void *ctx)
{
	((struct fixture *)ctx)->is_drained = true;
}

static inline int start_code(struct fixture *f)
{
	const struct bot_source source = {.config = f->paths[0], .state_dir = f->paths[1],
		.triggers_dir = f->paths[2], .personas_dir = f->paths[3], .uses_good = true};
	const struct platform_console_options console = {.in_fd = f->in[0], .out_fd = f->out[1],
		.bot_name = "mynah", .channel = "console", .user = "you"};
	struct conf_report r;
	struct bot_world *w = NULL;
	int err;

	conf_report_init(&r);
	err = bot_world_load(&source, &r, &w);
	if (err && r.n > 0)
		print_message("# %s\n", r.items[0].what);
	conf_report_fini(&r);
	if (!err) {
		const struct bot_options o = {.io = f->io, .source = source, .world = w,
			.console = &console, .verdict = on_verdict, .drained = on_drained,
			.ctx = f};
		err = bot_new(&o, &f->bot);
	}
	return err;
}

static inline int setup(void **state)
{
	struct fixture *f = mem_new(sizeof(*f));

	assert_non_null(f);
	f->dir = unit_make_folder();
	buf_init(&f->said, 1 << 20);
	buf_init(&f->verdicts, 1 << 20);
	f->paths[0] = path_in(f, "mynah.yaml");
	f->paths[1] = path_in(f, "state");
	f->paths[2] = path_in(f, "triggers");
	f->paths[3] = path_in(f, "personas");
	make_folder(f, "triggers");
	make_folder(f, "personas");
	write_file(f, "mynah.yaml", config);
	write_file(f, "answers.yaml", answers);
	write_file(f, "triggers/all.yaml", triggers);
	write_file(f, "personas/mynah.yaml", persona);
	assert_int_equal(log_open(NULL, LOG_ERROR), 0);
	assert_int_equal(io_new(&f->io), 0);
	assert_int_equal(pipe(f->in), 0);
	assert_int_equal(pipe(f->out), 0);
	assert_int_equal(fcntl(f->out[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(start_code(f), 0);
	*state = f;
	return 0;
}

static inline void remove_tree(const char *path)
{
	char **list = NULL;
	size_t n = 0;

	if (!file_names(path, "", &list, &n)) {
		for (size_t i = 0; i < n; i++) {
			char *child = file_join(path, list[i]);

			assert_non_null(child);
			if (unlink(child) != 0)
				remove_tree(child);
			mem_free(child);
		}
		file_names_free(list, n);
	}
	(void)rmdir(path);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	bot_free(f->bot);
	io_free(f->io);
	for (int i = 0; i < 2; i++) {
		close(f->in[i]);
		close(f->out[i]);
	}
	remove_tree(f->dir);
	mem_free(f->dir);
	for (size_t i = 0; i < COUNT(f->paths); i++)
		mem_free(f->paths[i]);
	buf_fini(&f->said);
	buf_fini(&f->verdicts);
	mem_free(f);
	metric_reset();
	return 0;
}

static inline void read_said(struct fixture *f)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(f->out[0], bytes, sizeof(bytes))) > 0)
		assert_int_equal(buf_add(&f->said, bytes, (size_t)n), 0);
}

/* Turns the loop until the console has printed this. */
static inline void wait_said(struct fixture *f, const char *text)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		read_said(f);
		if (strstr(buf_text(&f->said), text))
			return;
		io_turn(f->io, 5);
	}
	fail_msg("never said \"%s\"; said: %s; verdicts: %s", text, buf_text(&f->said),
		buf_text(&f->verdicts));
}

static inline void wait_verdict(struct fixture *f, const char *text)
{
	for (int i = 0; i < TURNS_MAX && !strstr(buf_text(&f->verdicts), text); i++)
		io_turn(f->io, 5);
	assert_non_null(strstr(buf_text(&f->verdicts), text));
}

static inline void say(struct fixture *f, const char *line)
{
	assert_int_equal(write(f->in[1], line, strlen(line)), (ssize_t)strlen(line));
	assert_int_equal(write(f->in[1], "\n", 1), 1);
}

static inline struct event message(const char *id, const char *text)
{
	return (struct event){.kind = EVENT_MESSAGE, .platform = STR("console"),
		.channel = STR("console"), .channel_id = STR("console"), .user = STR("Bob"),
		.login = STR("bob"), .user_id = STR("7"), .id = str_of(id), .text = str_of(text),
		.roles = ROLE(LEVEL_EVERYONE), .at_ms = clock_mono_ms(),
		.wall_ms = clock_wall_ms()};
}

static inline void put(struct fixture *f, const struct event *e)
{
	f->bot->owner.event(f->bot->owner.ctx, e);
}

static inline int64_t dropped(const struct bot *b)
{
	int64_t n = 0;

	for (int i = 0; i < REASON_COUNT; i++)
		n += b->drops[i];
	return n;
}

/* hits = sent + drops + live, at every instant. */
static inline void assert_conserved(const struct bot *b)
{
	assert_int_equal(b->hits, b->sent + dropped(b) + (int64_t)bot_live(b));
}

static inline void reload(struct fixture *f)
{
	const int64_t before = f->bot->reloads;

	bot_reload(f->bot);
	for (int i = 0; i < TURNS_MAX && f->bot->reloads == before; i++)
		io_turn(f->io, 5);
	assert_int_equal(f->bot->reloads, before + 1);
}

#endif
