/* The world of the memory tests: see memory_world.h. */
#include "memory_world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct server world_server;
static redisContext *world_admin; /* the second client */

/* ---- The server ------------------------------------------------------------------------------ */

int world_free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

redisContext *world_client_of(const struct server *s)
{
	for (int i = 0; i < 500; i++) {
		redisContext *c = redisConnect("127.0.0.1", s->port);

		if (c != NULL && c->err == 0)
			return c;
		redisFree(c);
		usleep(20000);
	}
	fail_msg("redis-server did not start on port %d", s->port);
	return NULL;
}

void world_server_start(struct server *s, int port, const char *password)
{
	char number[16];

	s->port = port;
	snprintf(number, sizeof(number), "%d", port);
	s->pid = fork();
	if (s->pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		dup2(null, 2);
		execlp("redis-server", "redis-server", "--port", number, "--bind", "127.0.0.1",
			"--save", "", "--appendonly", "no", "--dir", "/tmp", "--requirepass",
			password, (char *)NULL);
		_exit(127);
	}
	redisFree(world_client_of(s));
}

void world_server_kill(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* Runs a command as the admin; gives its answer as a number or text. */
const char *world_redis(const char *fmt, ...)
{
	static char out[4096];
	redisReply *r;
	va_list ap;

	va_start(ap, fmt);
	r = redisvCommand(world_admin, fmt, ap);
	va_end(ap);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_INTEGER)
		snprintf(out, sizeof(out), "%lld", r->integer);
	else
		snprintf(out, sizeof(out), "%s", r->str != NULL ? r->str : "(none)");
	freeReplyObject(r);
	return out;
}

int world_group_setup(void **state)
{
	(void)state;
	world_server_start(&world_server, world_free_port(), "");
	world_admin = world_client_of(&world_server);
	return 0;
}

int world_group_teardown(void **state)
{
	(void)state;
	redisFree(world_admin);
	world_server_kill(&world_server);
	return 0;
}

/* ---- The world ------------------------------------------------------------------------------- */

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_int_equal(log_open(NULL, LOG_ERROR), 0);
	assert_int_equal(io_new(&w->io), 0);
	world_redis("FLUSHALL");
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	mem_fail_at(0, 0);
	memory_free(&w->memory);
	secret_free(w->password);
	io_free(w->io);
	free(w);
	metric_reset();
	return 0;
}

void world_begin_local(struct world *w, size_t users, size_t bytes, size_t lines)
{
	assert_int_equal(memory_local_new(users, bytes, lines, HOUR_MS, &w->memory), 0);
}

struct conf_memory world_conf_of(struct world *w, int port)
{
	snprintf(w->url, sizeof(w->url), "redis://127.0.0.1:%d/0", port);
	return (struct conf_memory){.backend = 1, .url = w->url, .lines = 5, .for_ms = HOUR_MS,
		.users = 1000, .bytes = 1024 * 1024, .recall_ms = RECALL_MS, .secret = w->password};
}

bool world_is_up(struct world *w)
{
	bool up;

	memory_state(&w->memory, &up);
	return up;
}

void world_until_up(struct world *w, bool want)
{
	int64_t end = clock_mono_ms() + 30000;

	while (world_is_up(w) != want && clock_mono_ms() < end)
		io_turn(w->io, 20);
	assert_int_equal(world_is_up(w), want);
}

void world_begin_redis(struct world *w, int port)
{
	struct conf_memory c = world_conf_of(w, port);

	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	world_until_up(w, true);
}

void world_turn_for(struct world *w, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	/* So many turns at least, even if nobody let us run meanwhile. */
	for (int64_t turns = 0; turns < ms / 5 || clock_mono_ms() < end; turns++)
		io_turn(w->io, 5);
}

struct memory_key world_key(const char *platform, const char *channel, const char *user)
{
	return (struct memory_key){str_of(platform), str_of(channel), str_of(user), false};
}

void world_remember_as(struct world *w, struct memory_key k, const char *text, const char *id)
{
	struct line l = {.name = STR("Ann"), .text = str_of(text), .id = str_of(id),
		.wall_ms = clock_wall_ms()};

	memory_remember(&w->memory, &k, &l, 1);
}

void world_remember(struct world *w, const char *user, const char *text, const char *id)
{
	world_remember_as(w, world_key("twitch", "7", user), text, id);
}

void world_on_recalled(void *ctx, int err, const struct conversation *c)
{
	struct world *w = ctx;
	size_t at = 0;

	w->calls++;
	w->err = err;
	w->said[0] = '\0';
	for (size_t i = 0; i < c->n && at < sizeof(w->said) - 100; i++)
		at += (size_t)snprintf(w->said + at, sizeof(w->said) - at, "%s%s%.*s: %.*s",
			i > 0 ? "|" : "", c->lines[i].is_bot ? ">" : "", STR_FMT(c->lines[i].name),
			STR_FMT(c->lines[i].text));
}

const char *world_recall_as(struct world *w, struct memory_key k, size_t lines, int64_t for_ms)
{
	int64_t start = clock_mono_ms(), own = unit_own_ms();
	int calls = w->calls;

	memory_recall(&w->memory, &k, lines, for_ms, world_on_recalled, w);
	while (w->calls == calls && clock_mono_ms() - start < 30000)
		io_turn(w->io, 5);
	w->took_ms = unit_own_ms() - own;
	w->waited_ms = clock_mono_ms() - start;
	assert_int_equal(w->calls, calls + 1);
	return w->said;
}

const char *world_recall(struct world *w, const char *user)
{
	return world_recall_as(w, world_key("twitch", "7", user), 5, 0);
}

/* Waits until nothing of ours is on its way to Redis: a PING of the admin comes after it. */
void world_sync_redis(struct world *w)
{
	world_turn_for(w, 60);
	world_redis("PING");
}

void world_erase(struct world *w, const char *channel, const char *user, const char *id)
{
	struct erasure e = {.platform = STR("twitch"), .channel = STR("alice"),
		.channel_id = str_of(channel), .user_id = str_of(user), .message_id = str_of(id)};

	memory_erase(&w->memory, &e);
}

/* ---- Looking --------------------------------------------------------------------------------- */

size_t world_open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* What /metrics says of a series without labels. */
long world_metric_of(const char *name)
{
	struct buf out;
	const char *at;
	char head[64];
	long n = -1;

	snprintf(head, sizeof(head), "\n%s ", name);
	buf_init(&out, 1024 * 1024);
	assert_int_equal(metric_write(&out), 0);
	at = strstr(buf_text(&out), head);
	if (at != NULL)
		n = strtol(at + strlen(head), NULL, 10);
	buf_fini(&out);
	return n;
}
