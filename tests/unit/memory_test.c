/* memory: what was said is recalled, in order, to whom it belongs, and no longer than allowed; and
 * a Redis that is away, slow, full of other things or lying costs at most the recall's deadline.
 *
 * The Redis is a real redis-server started here on a free port of the loopback; the fake peer at
 * the end is for what a real one does not do: cut its answers anywhere and speak garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
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
#include <hiredis/hiredis.h>

#include "memory/memory.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HOUR_MS (60 * 60 * 1000LL)
#define RECALL_MS 150
#define PASSWORD "tr0ub4dor"

struct server {
	pid_t pid;
	int port;
};

struct world {
	struct io *io;
	struct memory memory;
	struct secret *password;
	char url[64];
	/* what the last recall gave: "name: text|name: text", '>' before the bot's own */
	char said[8192];
	int err;
	int calls;
	int64_t took_ms;
};

static struct server shared;
static redisContext *admin; /* a second client of the shared server */

/* ---- The server ------------------------------------------------------------------------------ */

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static redisContext *client_of(const struct server *s)
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

static void server_start(struct server *s, int port, const char *password)
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
	redisFree(client_of(s));
}

static void server_kill(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* Runs a command as the admin; gives its answer as a number or text. */
static const char *redis(const char *fmt, ...)
{
	static char out[4096];
	redisReply *r;
	va_list ap;

	va_start(ap, fmt);
	r = redisvCommand(admin, fmt, ap);
	va_end(ap);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_INTEGER)
		snprintf(out, sizeof(out), "%lld", r->integer);
	else
		snprintf(out, sizeof(out), "%s", r->str != NULL ? r->str : "(none)");
	freeReplyObject(r);
	return out;
}

static int group_setup(void **state)
{
	(void)state;
	server_start(&shared, free_port(), "");
	admin = client_of(&shared);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	redisFree(admin);
	server_kill(&shared);
	return 0;
}

/* ---- The world ------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_int_equal(log_open(NULL, LOG_ERROR), 0);
	assert_int_equal(io_new(&w->io), 0);
	redis("FLUSHALL");
	*state = w;
	return 0;
}

static int teardown(void **state)
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

static void begin_local(struct world *w, size_t users, size_t bytes, size_t lines)
{
	assert_int_equal(memory_local_new(users, bytes, lines, HOUR_MS, &w->memory), 0);
}

static struct conf_memory conf_of(struct world *w, int port)
{
	snprintf(w->url, sizeof(w->url), "redis://127.0.0.1:%d/0", port);
	return (struct conf_memory){.backend = 1, .url = w->url, .lines = 5, .for_ms = HOUR_MS,
		.users = 1000, .bytes = 1024 * 1024, .recall_ms = RECALL_MS, .secret = w->password};
}

static bool is_up(struct world *w)
{
	bool up;

	memory_state(&w->memory, &up);
	return up;
}

static void until_up(struct world *w, bool want)
{
	int64_t end = clock_mono_ms() + 8000;

	while (is_up(w) != want && clock_mono_ms() < end)
		io_turn(w->io, 20);
	assert_int_equal(is_up(w), want);
}

static void begin_redis(struct world *w, int port)
{
	struct conf_memory c = conf_of(w, port);

	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	until_up(w, true);
}

static void turn_for(struct world *w, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end)
		io_turn(w->io, 5);
}

static struct memory_key key(const char *platform, const char *channel, const char *user)
{
	return (struct memory_key){str_of(platform), str_of(channel), str_of(user)};
}

static void remember_as(struct world *w, struct memory_key k, const char *text, const char *id)
{
	struct line l = {.name = STR("Ann"), .text = str_of(text), .id = str_of(id),
		.wall_ms = clock_wall_ms()};

	memory_remember(&w->memory, &k, &l, 1);
}

static void remember(struct world *w, const char *user, const char *text, const char *id)
{
	remember_as(w, key("twitch", "7", user), text, id);
}

static void on_recalled(void *ctx, int err, const struct conversation *c)
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

static const char *recall_as(struct world *w, struct memory_key k, size_t lines, int64_t for_ms)
{
	int64_t start = clock_mono_ms();
	int calls = w->calls;

	memory_recall(&w->memory, &k, lines, for_ms, on_recalled, w);
	while (w->calls == calls && clock_mono_ms() - start < 3000)
		io_turn(w->io, 5);
	w->took_ms = clock_mono_ms() - start;
	assert_int_equal(w->calls, calls + 1);
	return w->said;
}

static const char *recall(struct world *w, const char *user)
{
	return recall_as(w, key("twitch", "7", user), 5, 0);
}

/* Waits until nothing of ours is on its way to Redis: a PING of the admin comes after it. */
static void sync_redis(struct world *w)
{
	turn_for(w, 60);
	redis("PING");
}

static void erase(struct world *w, const char *channel, const char *user, const char *id)
{
	struct erasure e = {.platform = STR("twitch"), .channel = STR("alice"),
		.channel_id = str_of(channel), .user_id = str_of(user), .message_id = str_of(id)};

	memory_erase(&w->memory, &e);
}

/* ---- Both backends --------------------------------------------------------------------------- */

static void lines_come_back_in_order(struct world *w)
{
	struct memory_key k = key("twitch", "7", "42");
	struct line both[] = {
		{.name = STR("Ann"), .text = STR("hi there"), .wall_ms = clock_wall_ms()},
		{.is_bot = true, .name = STR("Mynah"), .text = STR("\"o7\" \xf0\x9f\xab\xa1"),
			.wall_ms = clock_wall_ms()},
	};

	assert_string_equal(recall(w, "42"), "");
	assert_int_equal(w->err, 0);
	memory_remember(&w->memory, &k, both, 2);
	assert_string_equal(recall(w, "42"), "Ann: hi there|>Mynah: \"o7\" \xf0\x9f\xab\xa1");
	for (int i = 0; i < 9; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", i);
		remember(w, "42", text, "");
	}
	assert_string_equal(recall(w, "42"), "Ann: 4|Ann: 5|Ann: 6|Ann: 7|Ann: 8");
	assert_string_equal(recall_as(w, k, 2, 0), "Ann: 7|Ann: 8");
	assert_string_equal(recall_as(w, k, 0, 0), "");
	assert_string_equal(recall_as(w, k, 100, 0), "Ann: 4|Ann: 5|Ann: 6|Ann: 7|Ann: 8");
}

static void nobody_hears_what_another_said(struct world *w)
{
	static const struct {
		const char *platform, *channel, *user;
	} people[] = {
		{"twitch", "7", "42"},
		{"irc", "7", "42"},
		{"twitch", "8", "42"},
		{"twitch", "7", "4"},
		{"twitch", "7", "*"},
		{"twitch", "7", "?"},
		{"twitch", "7", "4[0-9]"},
		{"twitch", "7", "a b"},
		{"twitch", "7", "a\r\nDEL mynah1:h:{twitch:7:42}\r\n"},
		{"twitch", "7", "42}"},
		{"twitch", "7:42", "x"},
		{"twitch", "7", "42:x"},
		{"twitch", "7", "%2A"},
		{"twitch", "7", "\xc3\xa9\xff"},
		{"twitch}", "{7", "42"},
		{"twitch", "#7", "A"},
		{"twitch", "#7", "a"},
	};
	char text[16];

	for (size_t i = 0; i < COUNT(people); i++) {
		snprintf(text, sizeof(text), "nonce-%zu", i);
		remember_as(w, key(people[i].platform, people[i].channel, people[i].user), text,
			"");
	}
	for (size_t i = 0; i < COUNT(people); i++) {
		snprintf(text, sizeof(text), "Ann: nonce-%zu", i);
		assert_string_equal(recall_as(w,
			key(people[i].platform, people[i].channel, people[i].user), 5, 0), text);
	}
	/* forgetting the one whose id is a glob forgets only that one */
	erase(w, "7", "*", "");
	turn_for(w, 30);
	assert_string_equal(recall_as(w, key("twitch", "7", "*"), 5, 0), "");
	assert_string_equal(recall_as(w, key("twitch", "7", "42"), 5, 0), "Ann: nonce-0");
}

static void without_an_id_nothing_is_kept(struct world *w)
{
	char huge[2000];

	memset(huge, 'u', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	remember(w, "", "anonymous", "");
	assert_string_equal(recall(w, ""), "");
	assert_int_equal(w->err, ERR_INVALID);
	remember(w, huge, "huge", "");
	assert_string_equal(recall(w, huge), "");
	assert_int_equal(w->err, ERR_LIMIT);
	erase(w, "7", huge, "");
}

static void erasures_reach_what_they_mean(struct world *w)
{
	struct erasure everything_of_42 = {.platform = STR("twitch"), .user_id = STR("42")};

	remember(w, "42", "one", "m-1");
	remember(w, "42", "two", "m-2");
	remember(w, "42", "answer to two", "m-2");
	remember(w, "42", "three", "m-3");
	remember(w, "43", "other", "m-4");
	remember_as(w, key("twitch", "8", "42"), "elsewhere", "m-5");

	erase(w, "7", "", "m-2");
	assert_string_equal(recall(w, "42"), "Ann: one|Ann: three"); /* at once, too */
	turn_for(w, 60);
	assert_string_equal(recall(w, "42"), "Ann: one|Ann: three");
	erase(w, "8", "", "m-1"); /* not its channel */
	turn_for(w, 30);
	assert_string_equal(recall(w, "42"), "Ann: one|Ann: three");
	erase(w, "7", "42", "");
	assert_string_equal(recall(w, "42"), "");
	turn_for(w, 60);
	assert_string_equal(recall(w, "42"), "");
	assert_string_equal(recall(w, "43"), "Ann: other");

	remember(w, "42", "again", "m-6");
	erase(w, "7", "", "");
	assert_string_equal(recall(w, "42"), "");
	assert_string_equal(recall(w, "43"), "");
	turn_for(w, 60);
	assert_string_equal(recall(w, "42"), "");
	assert_string_equal(recall(w, "43"), "");
	assert_string_equal(recall_as(w, key("twitch", "8", "42"), 5, 0), "Ann: elsewhere");

	remember(w, "42", "here", "m-7");
	memory_erase(&w->memory, &everything_of_42);
	turn_for(w, 60);
	assert_string_equal(recall(w, "42"), "");
	assert_string_equal(recall_as(w, key("twitch", "8", "42"), 5, 0), "");
}

static void long_lines_are_cut(struct world *w)
{
	char text[5001];

	for (size_t i = 0; i < 5000; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[5000] = '\0';
	remember(w, "42", text, "");
	recall(w, "42");
	assert_int_equal(strlen(w->said), strlen("Ann: ") + MEMORY_LINE_BYTES);
	assert_true(text_is_utf8(str_of(w->said)));
	/* quotes double in size on their way, and come back */
	memset(text, '"', MEMORY_LINE_BYTES);
	text[MEMORY_LINE_BYTES] = '\0';
	remember(w, "43", text, "");
	recall(w, "43");
	assert_string_equal(w->said + 5, text);
}

static void on_both(void **state, void (*test)(struct world *w))
{
	struct world *w = *state;

	begin_local(w, 1000, 1024 * 1024, 5);
	test(w);
	memory_free(&w->memory);
	begin_redis(w, shared.port);
	test(w);
}

#define ON_BOTH(name)                                                                              \
	static void both_##name(void **state)                                                      \
	{                                                                                          \
		on_both(state, name);                                                              \
	}
ON_BOTH(lines_come_back_in_order)
ON_BOTH(nobody_hears_what_another_said)
ON_BOTH(without_an_id_nothing_is_kept)
ON_BOTH(erasures_reach_what_they_mean)
ON_BOTH(long_lines_are_cut)

/* ---- Local ----------------------------------------------------------------------------------- */

static void lines_grow_old(void **state)
{
	struct world *w = *state;
	struct memory_key k = key("twitch", "7", "42");

	begin_local(w, 10, 100000, 5);
	remember(w, "42", "old", "");
	io_clock_shift(w->io, 10 * 60000);
	remember(w, "42", "new", "");
	assert_string_equal(recall_as(w, k, 5, 0), "Ann: old|Ann: new");
	assert_string_equal(recall_as(w, k, 5, 5 * 60000), "Ann: new");
	clock_shift(0, -2 * HOUR_MS); /* the wall clock does not matter */
	assert_string_equal(recall_as(w, k, 5, 0), "Ann: old|Ann: new");
	io_clock_shift(w->io, HOUR_MS - 5 * 60000);
	assert_string_equal(recall_as(w, k, 5, 0), "Ann: new");
	io_clock_shift(w->io, HOUR_MS);
	assert_string_equal(recall_as(w, k, 5, 0), "");
	clock_shift(0, 2 * HOUR_MS);
}

static size_t known_users(struct world *w, int from, int to)
{
	size_t n = 0;
	char user[16];

	for (int i = from; i < to; i++) {
		snprintf(user, sizeof(user), "%d", i);
		n += recall(w, user)[0] != '\0';
	}
	return n;
}

static void a_hundred_thousand_users_stay_bounded(void **state)
{
	struct world *w = *state;
	char user[16], id[16];

	begin_local(w, 1000, 100 * 1024 * 1024, 5);
	for (int i = 0; i < 100000; i++) {
		snprintf(user, sizeof(user), "%d", i);
		snprintf(id, sizeof(id), "m-%d", i);
		remember(w, user, "hello", id);
		if (i == 99500)
			recall(w, "99000"); /* being read makes one young again */
	}
	assert_int_equal(known_users(w, 99001, 100000), 999);
	assert_int_equal(known_users(w, 0, 2000), 0);
	assert_string_equal(recall(w, "99000"), "Ann: hello");
}

static void bytes_stay_bounded(void **state)
{
	struct world *w = *state;
	char text[1001], user[16];
	size_t known;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	begin_local(w, 100000, 64 * 1024, 5);
	for (int i = 0; i < 1000; i++) {
		snprintf(user, sizeof(user), "%d", i);
		remember(w, user, text, "");
	}
	known = known_users(w, 0, 1000);
	assert_in_range(known, 30, 64);
	assert_int_equal(known_users(w, 1000 - (int)known, 1000), known);
}

static void on_recalled_remember(void *ctx, int err, const struct conversation *c)
{
	struct world *w = ctx;

	for (int i = 0; i < 10; i++)
		remember(w, "42", "pushed out", "");
	on_recalled(ctx, err, c);
}

static void a_reader_may_write(void **state)
{
	struct world *w = *state;
	struct memory_key k = key("twitch", "7", "42");

	begin_local(w, 10, 100000, 5);
	remember(w, "42", "first", "");
	memory_recall(&w->memory, &k, 5, 0, on_recalled_remember, w);
	assert_string_equal(w->said, "Ann: first");
}

static void the_local_store_survives_want_of_memory(void **state)
{
	struct world *w = *state;

	for (unsigned long n = 1; n < 80; n++) {
		struct memory m;

		mem_fail_at(n, n % 2);
		if (memory_local_new(20, 10000, 5, HOUR_MS, &m) == 0) {
			w->memory = m;
			for (int i = 0; i < 30; i++) {
				char id[8];

				snprintf(id, sizeof(id), "%d", i);
				remember(w, id, "text", id);
				remember(w, "42", "text", id);
				recall(w, id);
			}
			erase(w, "7", "", "29");
			erase(w, "7", "3", "");
			mem_fail_at(0, 0);
			assert_null(strstr(recall(w, "29"), "text"));
			assert_string_equal(recall(w, "3"), "");
			memory_free(&w->memory);
		}
		mem_fail_at(0, 0);
	}
}

/* ---- Redis ----------------------------------------------------------------------------------- */

static void redis_keeps_lists_that_are_short_and_expire(void **state)
{
	struct world *w = *state;
	const char *k = "mynah1:h:{twitch:7:42}";
	long ttl;

	begin_redis(w, shared.port);
	for (int i = 0; i < 20; i++)
		remember(w, "42", "text", "");
	sync_redis(w);
	assert_string_equal(redis("LLEN %s", k), "5");
	ttl = strtol(redis("PTTL %s", k), NULL, 10);
	assert_in_range(ttl, HOUR_MS - 5000, HOUR_MS);
	/* another process of ours finds it */
	memory_free(&w->memory);
	begin_redis(w, shared.port);
	assert_string_equal(recall_as(w, key("twitch", "7", "42"), 1, 0), "Ann: text");
	assert_string_equal(recall_as(w, key("twitch", "7", "42"), 5, 1), "");
	redis("FLUSHALL");
	assert_string_equal(recall(w, "42"), "");
	assert_int_equal(w->err, 0);
	/* deletions reach what an earlier process wrote, when they say whose it was */
	redis("RPUSH %s %s", k, "{\"w\":99999999999999,\"n\":\"A\",\"t\":\"bad\",\"i\":\"m-1\"}");
	redis("RPUSH %s %s", k, "{\"w\":99999999999999,\"n\":\"A\",\"t\":\"good\",\"i\":\"m-2\"}");
	erase(w, "7", "42", "m-1");
	sync_redis(w);
	assert_string_equal(redis("LLEN %s", k), "1");
	assert_string_equal(recall(w, "42"), "A: good");
}

static void a_cleared_channel_of_many_is_swept_in_steps(void **state)
{
	struct world *w = *state;

	begin_redis(w, shared.port);
	for (int i = 0; i < 2500; i++) {
		redis("RPUSH mynah1:h:{twitch:7:%d} x", i);
		if (i % 10 == 0)
			redis("RPUSH mynah1:h:{twitch:8:%d} x", i);
	}
	redis("SET other {twitch:7:1}");
	remember(w, "1", "mine", "");
	erase(w, "7", "", "");
	assert_string_equal(recall(w, "1"), "");
	for (int i = 0; i < 40; i++)
		sync_redis(w);
	assert_string_equal(redis("EXISTS mynah1:h:{twitch:7:1} mynah1:h:{twitch:7:2499}"), "0");
	/* the other channel, the probe, and a stranger's key are there */
	assert_string_equal(redis("DBSIZE"), "252");
}

static void poisoned_values_are_thrown_away(void **state)
{
	struct world *w = *state;
	const char *k = "mynah1:h:{twitch:7:42}";
	char *huge = malloc(10 * 1024 * 1024);
	static const char *const bad[] = {
		"not json", "{\"t\":1}", "[]", "{\"t\":\"\xff\"}", "{\"t\":\"x\"} tail", "",
		"{\"t\":NaN}",
	};

	memset(huge, 'x', 10 * 1024 * 1024);
	begin_redis(w, shared.port);
	remember(w, "42", "mine", "");
	sync_redis(w);

	redis("SET %s %s", k, "a string"); /* WRONGTYPE, at the reader */
	assert_string_equal(recall(w, "42"), "Ann: mine");
	sync_redis(w);
	assert_string_equal(redis("EXISTS %s", k), "0");

	redis("SET %s %s", k, "a string"); /* and at the writer */
	remember(w, "42", "more", "");
	sync_redis(w);
	assert_string_equal(redis("TYPE %s", k), "none");

	for (size_t i = 0; i < COUNT(bad); i++) {
		redis("DEL %s", k);
		redis("RPUSH %s %s", k, bad[i]);
		assert_string_equal(recall(w, "42"), "Ann: mine|Ann: more");
		sync_redis(w);
		assert_string_equal(redis("EXISTS %s", k), "0");
	}

	redis("RPUSH %s %b", k, huge, (size_t)10 * 1024 * 1024);
	assert_string_equal(recall(w, "42"), "Ann: mine|Ann: more");
	assert_true(w->took_ms <= RECALL_MS + 50);
	until_up(w, true); /* it hung up rather than read 10 MiB */
	sync_redis(w);
	assert_string_equal(redis("EXISTS %s", k), "0");
	free(huge);
}

static void foreign_text_is_scrubbed(void **state)
{
	struct world *w = *state;

	begin_redis(w, shared.port);
	redis("RPUSH mynah1:h:{twitch:7:42} %s", "{\"w\":99999999999999,\"n\":\"A\\r\\nB\","
		"\"t\":\"x\\u0007\\u202ey\\nz\",\"i\":\"1\"}");
	assert_string_equal(recall(w, "42"), "A B: x y z");
}

static void a_stopped_server_costs_the_deadline_only(void **state)
{
	struct world *w = *state;
	struct server own;

	server_start(&own, free_port(), "");
	begin_redis(w, own.port);
	remember(w, "42", "hello", "");
	sync_redis(w);
	assert_string_equal(recall(w, "42"), "Ann: hello");
	kill(own.pid, SIGSTOP);
	assert_string_equal(recall(w, "42"), "Ann: hello");
	assert_in_range(w->took_ms, RECALL_MS - 10, RECALL_MS + 30);
	/* noticed, and from then on not asked */
	until_up(w, false);
	assert_string_equal(recall(w, "42"), "Ann: hello");
	assert_true(w->took_ms < 20);
	remember(w, "42", "while away", "");
	kill(own.pid, SIGCONT);
	io_clock_shift(w->io, 10000);
	until_up(w, true);
	turn_for(w, 50);
	assert_string_equal(recall(w, "42"), "Ann: hello|Ann: while away");
	server_kill(&own);
}

/* An idle connection to a server that stopped is noticed within five seconds (I16). */
static void silence_is_noticed_without_traffic(void **state)
{
	struct world *w = *state;
	struct server own;
	int64_t start;

	server_start(&own, free_port(), "");
	begin_redis(w, own.port);
	kill(own.pid, SIGSTOP);
	start = clock_mono_ms();
	until_up(w, false);
	assert_true(clock_mono_ms() - start <= 5000);
	kill(own.pid, SIGCONT);
	server_kill(&own);
}

static void a_killed_server_is_met_again(void **state)
{
	struct world *w = *state;
	struct server own;

	server_start(&own, free_port(), "");
	begin_redis(w, own.port);
	remember(w, "42", "before", "m-1");
	sync_redis(w);
	server_kill(&own);
	until_up(w, false);
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "away: "));
	for (int i = 0; i < 1500; i++)
		remember(w, "43", "while away", "");
	assert_string_equal(recall(w, "42"), "Ann: before");
	server_start(&own, own.port, "");
	for (int i = 0; i < 20 && !is_up(w); i++) {
		io_clock_shift(w->io, 2000);
		turn_for(w, 50);
	}
	until_up(w, true);
	turn_for(w, 100);
	/* the new server knows nothing of before, and has what was said meanwhile */
	assert_string_equal(recall(w, "42"), "");
	assert_non_null(strstr(recall(w, "43"), "while away"));
	server_kill(&own);
}

static void erasures_outlive_an_outage(void **state)
{
	struct world *w = *state;
	struct server own;

	server_start(&own, free_port(), "");
	begin_redis(w, own.port);
	remember(w, "42", "stays", "m-1");
	remember(w, "42", "goes", "m-2");
	remember(w, "43", "goes too", "m-3");
	sync_redis(w);
	kill(own.pid, SIGSTOP);
	erase(w, "7", "", "m-2");
	erase(w, "7", "43", "");
	assert_string_equal(recall(w, "42"), "Ann: stays");
	until_up(w, false);
	kill(own.pid, SIGCONT);
	io_clock_shift(w->io, 10000);
	until_up(w, true);
	turn_for(w, 100);
	assert_string_equal(recall(w, "42"), "Ann: stays");
	assert_string_equal(recall(w, "43"), "");
	memory_free(&w->memory);
	begin_redis(w, own.port);
	assert_string_equal(recall(w, "42"), "Ann: stays");
	assert_string_equal(recall(w, "43"), "");
	server_kill(&own);
}

static void a_down_server_is_no_error(void **state)
{
	struct world *w = *state;
	struct conf_memory c = conf_of(w, free_port());

	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	turn_for(w, 50);
	remember(w, "42", "hello", "");
	assert_string_equal(recall(w, "42"), "Ann: hello");
	assert_true(w->took_ms < 20);
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "refused"));
}

static void passwords(void **state)
{
	struct world *w = *state;
	struct server own;
	static const struct {
		const char *password, *state;
	} cases[] = {
		{"", "wants a password"},
		{"wrong", "refused the password"},
		{PASSWORD, "up"},
	};

	server_start(&own, free_port(), PASSWORD);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_memory c;

		if (cases[i].password[0] != '\0')
			assert_int_equal(secret_new(str_of(cases[i].password), &w->password), 0);
		c = conf_of(w, own.port);
		assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
		turn_for(w, 150);
		assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), cases[i].state));
		remember(w, "42", "hello", "");
		assert_string_equal(recall(w, "42"), "Ann: hello");
		memory_free(&w->memory);
		secret_free(w->password);
		w->password = NULL;
	}
	server_kill(&own);
}

static void a_password_that_comes_later_is_noticed(void **state)
{
	struct world *w = *state;
	struct server own;
	redisContext *boss;

	server_start(&own, free_port(), "");
	boss = client_of(&own);
	begin_redis(w, own.port);
	freeReplyObject(redisCommand(boss, "CONFIG SET requirepass x"));
	freeReplyObject(redisCommand(boss, "CLIENT KILL TYPE normal SKIPME yes"));
	until_up(w, false);
	turn_for(w, 1200); /* the first retry comes within a second */
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "wants a password"));
	remember(w, "42", "hello", "");
	assert_string_equal(recall(w, "42"), "Ann: hello");
	redisFree(boss);
	server_kill(&own);
}

static void a_server_that_refuses_writes_is_left(void **state)
{
	struct world *w = *state;
	struct server own;
	redisContext *boss;

	server_start(&own, free_port(), "");
	boss = client_of(&own);
	begin_redis(w, own.port);
	freeReplyObject(redisCommand(boss, "CONFIG SET maxmemory 1"));
	remember(w, "42", "hello", "");
	until_up(w, false);
	assert_non_null(strstr(memory_state(&w->memory, &(bool){false}), "out of memory"));
	assert_string_equal(recall(w, "42"), "Ann: hello");
	freeReplyObject(redisCommand(boss, "CONFIG SET maxmemory 0"));
	freeReplyObject(redisCommand(boss, "REPLICAOF 127.0.0.1 1"));
	for (int i = 0; i < 10; i++) {
		io_clock_shift(w->io, 3000);
		turn_for(w, 30);
	}
	assert_false(is_up(w));
	assert_string_equal(recall(w, "42"), "Ann: hello");
	redisFree(boss);
	server_kill(&own);
}

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void killed_connections_leave_nothing_behind(void **state)
{
	struct world *w = *state;
	size_t before;

	begin_redis(w, shared.port);
	before = open_files();
	for (int i = 0; i < 20; i++) {
		struct memory_key k = key("twitch", "7", "42");

		remember(w, "42", "hello", "");
		memory_recall(&w->memory, &k, 5, 0, on_recalled, w);
		redis("CLIENT KILL TYPE normal SKIPME yes");
		until_up(w, false);
		io_clock_shift(w->io, 61000);
		until_up(w, true);
	}
	assert_int_equal(w->calls, 20);
	assert_int_equal(open_files(), before);
}

static void a_unix_socket_and_a_name_do_as_well(void **state)
{
	struct world *w = *state;
	struct conf_memory c = conf_of(w, shared.port);
	char url[64];

	snprintf(url, sizeof(url), "redis://localhost:%d/3", shared.port);
	c.url = url;
	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	until_up(w, true);
	remember(w, "42", "hello", "");
	sync_redis(w);
	redis("SELECT 3");
	assert_string_equal(redis("EXISTS mynah1:h:{twitch:7:42}"), "1");
	redis("SELECT 0");
	memory_free(&w->memory);

	c.url = (char[]){"unix:/nonexistent/redis.sock"};
	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	turn_for(w, 50);
	remember(w, "42", "hello", "");
	assert_string_equal(recall(w, "42"), "Ann: hello");
}

static void bad_urls_are_refused(void **state)
{
	struct world *w = *state;
	static const char *const urls[] = {
		"", "redis://", "redis://:6379", "redis://h:0", "redis://h:65536", "redis://h:x",
		"redis://h/x", "redis://user:pw@h", "http://h", "unix:", "redis://[::1",
		"redis://[::1]x",
	};

	for (size_t i = 0; i < COUNT(urls); i++) {
		struct conf_memory c = conf_of(w, 1);

		c.url = (char *)urls[i];
		assert_int_equal(memory_redis_new(w->io, &c, &w->memory), ERR_INVALID);
	}
}

static void on_recalled_free(void *ctx, int err, const struct conversation *c)
{
	struct world *w = ctx;

	on_recalled(ctx, err, c);
	memory_free(&w->memory);
}

static void memory_may_be_freed_by_who_recalls(void **state)
{
	struct world *w = *state;
	struct memory_key k = key("twitch", "7", "42");

	for (int i = 0; i < 3; i++) {
		begin_redis(w, shared.port);
		remember(w, "42", "hello", "");
		if (i == 1)
			redis("CLIENT KILL TYPE normal SKIPME yes");
		memory_recall(&w->memory, &k, 5, 0, on_recalled_free, w);
		if (i == 2)
			memory_recall(&w->memory, &k, 5, 0, on_recalled, w);
		turn_for(w, 250);
		assert_int_equal(w->calls, i + 1);
		assert_null(w->memory.ops);
	}
}

static void a_cancelled_recall_is_silent(void **state)
{
	struct world *w = *state;
	struct memory_key k = key("twitch", "7", "42");

	begin_redis(w, shared.port);
	for (int i = 0; i < 20; i++) {
		memory_recall(&w->memory, &k, 5, 0, on_recalled, w);
		memory_recall_cancel(&w->memory, w);
	}
	turn_for(w, 250);
	assert_int_equal(w->calls, 0);
	assert_true(is_up(w));
}

static void redis_memory_survives_want_of_memory(void **state)
{
	struct world *w = *state;
	struct memory_key k = key("twitch", "7", "42");

	for (unsigned long n = 1; n < 60; n++) {
		struct conf_memory c = conf_of(w, shared.port);
		int calls = w->calls;

		mem_fail_at(n, n % 2);
		if (memory_redis_new(w->io, &c, &w->memory) == 0) {
			turn_for(w, 10);
			remember(w, "42", "text", "m-1");
			memory_recall(&w->memory, &k, 5, 0, on_recalled, w);
			turn_for(w, 10);
			erase(w, "7", "", "m-1");
			erase(w, "7", "", "");
			mem_fail_at(0, 0);
			turn_for(w, 20);
			io_clock_shift(w->io, 1000);
			turn_for(w, 10);
			assert_int_equal(w->calls, calls + 1);
			assert_string_equal(recall(w, "42"), "");
			memory_free(&w->memory);
		}
		mem_fail_at(0, 0);
	}
}

/* ---- The fake peer --------------------------------------------------------------------------- */

/* Says +OK to everything but one command, to which it says `answer`, the first `cut` bytes of it,
 * and then hangs up if that was not all. */
struct fake {
	int listener, fd;
	int port;
	char in[4096];
	size_t len;
	const char *command;
	struct str answer;
	size_t cut;
	int connections;
};

static void fake_start(struct fake *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*f = (struct fake){.fd = -1, .command = "none"};
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->listener, 16), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &len), 0);
	f->port = ntohs(a.sin_port);
}

static void fake_hang_up(struct fake *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->len = 0;
}

static void fake_stop(struct fake *f)
{
	fake_hang_up(f);
	close(f->listener);
}

/* Length of the first whole command in the input, 0 when there is none; name: its first word. */
static size_t fake_command(const struct fake *f, char name[32])
{
	const char *at = f->in, *end = f->in + f->len;
	long n = 0;

	name[0] = '\0';
	for (long i = -1; i < n; i++) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		long number;

		if (eol == NULL)
			return 0;
		number = strtol(at + 1, NULL, 10);
		at = eol + 1;
		if (i < 0) {
			n = number;
			continue;
		}
		if (end - at < number + 2)
			return 0;
		if (i == 0)
			snprintf(name, 32, "%.*s", (int)number, at);
		at += number + 2;
	}
	return (size_t)(at - f->in);
}

static void fake_answer(struct fake *f, const char *name)
{
	size_t n;

	if (strcmp(name, f->command) != 0) {
		assert_int_equal(write(f->fd, "+OK\r\n", 5), 5);
		return;
	}
	n = f->cut < f->answer.len ? f->cut : f->answer.len;
	(void)!write(f->fd, f->answer.at, n);
	if (n < f->answer.len)
		fake_hang_up(f);
}

static void fake_step(struct fake *f)
{
	char name[32];
	size_t used;
	ssize_t n;
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd >= 0) {
		fake_hang_up(f);
		f->fd = fd;
		f->connections++;
	}
	if (f->fd < 0)
		return;
	n = read(f->fd, f->in + f->len, sizeof(f->in) - 1 - f->len);
	if (n == 0)
		fake_hang_up(f);
	if (n > 0) {
		f->len += (size_t)n;
		f->in[f->len] = '\0';
	}
	while (f->fd >= 0 && f->len > 0 && (used = fake_command(f, name)) > 0) {
		memmove(f->in, f->in + used, f->len - used + 1);
		f->len -= used;
		fake_answer(f, name);
	}
}

static void fake_turn(struct world *w, struct fake *f, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	do {
		fake_step(f);
		io_turn(w->io, 1);
	} while (clock_mono_ms() < end);
}

/* Lets the memory connect anew (its backoff passes at once). */
static void fake_until_up(struct world *w, struct fake *f)
{
	for (int i = 0; i < 200 && !is_up(w); i++) {
		io_clock_shift(w->io, 61000);
		fake_turn(w, f, 4);
	}
	assert_true(is_up(w));
}

static void fake_recall(struct world *w, struct fake *f)
{
	struct memory_key k = key("twitch", "7", "42");
	int64_t start = clock_mono_ms();
	int calls = w->calls;

	memory_recall(&w->memory, &k, 5, 0, on_recalled, w);
	while (w->calls == calls && clock_mono_ms() - start < 2000)
		fake_turn(w, f, 1);
	w->took_ms = clock_mono_ms() - start;
	assert_int_equal(w->calls, calls + 1);
}

static void fake_begin(struct world *w, struct fake *f)
{
	struct conf_memory c;

	fake_start(f);
	c = conf_of(w, f->port);
	c.for_ms = 10000 * HOUR_MS;
	assert_int_equal(memory_redis_new(w->io, &c, &w->memory), 0);
	fake_turn(w, f, 20);
	fake_until_up(w, f);
	remember(w, "42", "local", "");
	fake_turn(w, f, 10);
}

static void answers_cut_at_every_byte(void **state)
{
	struct world *w = *state;
	static const char whole[] = "*2\r\n"
		"$40\r\n{\"w\":99999999999999,\"n\":\"A\",\"t\":\"first\"}\r\n"
		"$41\r\n{\"w\":99999999999999,\"n\":\"A\",\"t\":\"second\"}\r\n";
	struct fake f;

	fake_begin(w, &f);
	f.command = "LRANGE";
	f.answer = STR(whole);
	for (f.cut = 0; f.cut <= f.answer.len; f.cut++) {
		fake_until_up(w, &f);
		fake_recall(w, &f);
		assert_string_equal(w->said, f.cut < f.answer.len ? "Ann: local" :
								    "A: first|A: second");
		assert_true(w->took_ms <= RECALL_MS + 30);
	}
	/* the same while it is being greeted */
	f.command = "SET";
	f.answer = STR("+OK\r\n");
	for (f.cut = 0; f.cut < f.answer.len; f.cut++) {
		fake_hang_up(&f);
		fake_turn(w, &f, 5);
		io_clock_shift(w->io, 61000);
		fake_turn(w, &f, 10);
		assert_false(is_up(w));
		fake_recall(w, &f);
		assert_string_equal(w->said, "Ann: local");
	}
	fake_stop(&f);
}

static const char *const strange[] = {
	"+OK\r\n", "-ERR unknown\r\n", ":1\r\n", "$-1\r\n", "$3\r\nabc\r\n", "*-1\r\n",
	"*1\r\n:5\r\n",
	"*1\r\n$-1\r\n", "*1\r\n*1\r\n$1\r\na\r\n", "*1\r\n+x\r\n", "*1\r\n-ERR in a list\r\n",
	"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nx\r\n",
	"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
	"*1000000000\r\n", "*99999999999999999999\r\n", "*-2\r\n", "$-5\r\n", "$99999999999999\r\n",
	"$2147483647\r\n", ":\r\n", "+\r\n", "-\r\n", "$\r\n", "*\r\n", "\r\n", "\n",
	"HTTP/1.1 400 Bad Request\r\n\r\n", "@?!", ",3.14\r\n", "%1\r\n+a\r\n+b\r\n", "#t\r\n",
	"_\r\n",
	"+OK\r\n+OK\r\n+OK\r\n+OK\r\n", "-ERR a\r\n-ERR b\r\n", "*0\r\n*0\r\n",
	"-NOAUTH Authentication required.\r\n", "-WRONGPASS x\r\n", "-LOADING x\r\n",
	"-READONLY x\r\n", "-OOM command not allowed\r\n", "-MOVED 1 127.0.0.1:1\r\n",
	"-MISCONF x\r\n", "-NOPERM x\r\n",
	"-BUSY x\r\n", "-MASTERDOWN x\r\n", "-CLUSTERDOWN x\r\n", "-WRONGTYPE x\r\n",
	"-ERR max number of clients reached\r\n",
	"*1\r\n$4\r\n\0\xff\xfe\x01\r\n",
};

/* Whatever is said to the command, nobody is told what the peer made up, nothing takes longer than
 * the deadline, and the next connection works. */
static void strange_answers_to(struct world *w, struct fake *f, const char *command)
{
	for (size_t i = 0; i < COUNT(strange); i++) {
		f->command = "none";
		fake_until_up(w, f);
		f->command = command;
		f->answer = str_of(strange[i]);
		f->cut = f->answer.len;
		remember(w, "43", "to provoke", "m-1");
		erase(w, "7", "43", "m-1");
		erase(w, "7", "44", "");
		erase(w, "9", "", "");
		fake_recall(w, f);
		assert_true(w->took_ms <= RECALL_MS + 30);
		if (strcmp(strange[i], "*0\r\n*0\r\n") != 0)
			assert_string_equal(w->said, "Ann: local");
		fake_turn(w, f, 3);
	}
}

static void strange_answers(void **state)
{
	static const char *const commands[] = {
		"LRANGE", "RPUSH", "LTRIM", "PEXPIRE", "DEL", "SCAN", "SET",
	};
	struct world *w = *state;
	size_t files;
	struct fake f;

	fake_begin(w, &f);
	fake_hang_up(&f);
	fake_turn(w, &f, 5);
	files = open_files();
	for (size_t i = 0; i < COUNT(commands); i++)
		strange_answers_to(w, &f, commands[i]);
	fake_hang_up(&f);
	fake_turn(w, &f, 5);
	assert_true(open_files() <= files);
	fake_stop(&f);
}

/* What /metrics says of a series without labels. */
static long metric_of(const char *name)
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

/* A peer that takes everything and says nothing: one mebibyte waits, one is under way, and the rest
 * was dropped and counted. */
static void a_silent_peer_is_not_fed_for_ever(void **state)
{
	struct world *w = *state;
	char text[1001];
	struct fake f;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	fake_begin(w, &f);
	for (int i = 0; i < 20000; i++)
		remember(w, "42", text, "");
	assert_in_range(metric_of("mynah_memory_dropped_total"), 17500, 20000);
	fake_stop(&f);
}

static void metrics_tell_up_and_away(void **state)
{
	struct world *w = *state;

	begin_redis(w, shared.port);
	assert_int_equal(metric_of("mynah_memory_up"), 1);
	recall(w, "42");
	assert_int_equal(metric_of("mynah_memory_recall_seconds_count"), 1);
	redis("CLIENT KILL TYPE normal SKIPME yes");
	until_up(w, false);
	assert_int_equal(metric_of("mynah_memory_up"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(both_lines_come_back_in_order),
		CASE(both_nobody_hears_what_another_said),
		CASE(both_without_an_id_nothing_is_kept),
		CASE(both_erasures_reach_what_they_mean),
		CASE(both_long_lines_are_cut),
		CASE(lines_grow_old),
		CASE(a_hundred_thousand_users_stay_bounded),
		CASE(bytes_stay_bounded),
		CASE(a_reader_may_write),
		CASE(the_local_store_survives_want_of_memory),
		CASE(redis_keeps_lists_that_are_short_and_expire),
		CASE(a_cleared_channel_of_many_is_swept_in_steps),
		CASE(poisoned_values_are_thrown_away),
		CASE(foreign_text_is_scrubbed),
		CASE(a_stopped_server_costs_the_deadline_only),
		CASE(silence_is_noticed_without_traffic),
		CASE(a_killed_server_is_met_again),
		CASE(erasures_outlive_an_outage),
		CASE(a_down_server_is_no_error),
		CASE(passwords),
		CASE(a_password_that_comes_later_is_noticed),
		CASE(a_server_that_refuses_writes_is_left),
		CASE(killed_connections_leave_nothing_behind),
		CASE(a_unix_socket_and_a_name_do_as_well),
		CASE(bad_urls_are_refused),
		CASE(memory_may_be_freed_by_who_recalls),
		CASE(a_cancelled_recall_is_silent),
		CASE(redis_memory_survives_want_of_memory),
		CASE(answers_cut_at_every_byte),
		CASE(strange_answers),
		CASE(a_silent_peer_is_not_fed_for_ever),
		CASE(metrics_tell_up_and_away),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
