/* What the tests of memory share: a real redis-server on a free port of the loopback, a second
 * client of it, and a memory with a loop to turn. Everything asserts by itself. */
#ifndef TESTS_UNIT_MEMORY_WORLD_H
#define TESTS_UNIT_MEMORY_WORLD_H

#include "unit.h"

#include <sys/types.h>
#include <hiredis/hiredis.h>

#include "memory/memory.h"

#define HOUR_MS (60 * 60 * 1000LL)
#define RECALL_MS unit_slack_ms(150)
#define SLACK_MS unit_slack_ms(150) /* of a machine that does something else meanwhile */
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
	int64_t took_ms;   /* of its own (unit_own_ms) */
	int64_t waited_ms; /* on the wall */
};

extern struct server world_server; /* runs as long as the program */

int world_group_setup(void **state);
int world_group_teardown(void **state);
int world_setup(void **state);
int world_teardown(void **state);

int world_free_port(void);
void world_server_start(struct server *s, int port, const char *password);
void world_server_kill(struct server *s);
redisContext *world_client_of(const struct server *s);
/* Runs a command as the second client; gives its answer as text. */
const char *world_redis(const char *fmt, ...);
/* Waits until nothing of ours is on its way to Redis. */
void world_sync_redis(struct world *w);

void world_begin_local(struct world *w, size_t users, size_t bytes, size_t lines);
struct conf_memory world_conf_of(struct world *w, int port);
void world_begin_redis(struct world *w, int port);
bool world_is_up(struct world *w);
void world_until_up(struct world *w, bool want);
void world_turn_for(struct world *w, int64_t ms);

struct memory_key world_key(const char *platform, const char *channel, const char *user);
void world_remember(struct world *w, const char *user, const char *text, const char *id);
void world_remember_as(struct world *w, struct memory_key k, const char *text, const char *id);
void world_on_recalled(void *ctx, int err, const struct conversation *c);
const char *world_recall(struct world *w, const char *user);
const char *world_recall_as(struct world *w, struct memory_key k, size_t lines, int64_t for_ms);
void world_erase(struct world *w, const char *channel, const char *user, const char *id);

size_t world_open_files(void);
/* What /metrics says of a series without labels; -1 = nothing. */
long world_metric_of(const char *name);

#endif
