/* The door of the room: picks a backend, spells tags, counts. */
#include "memory/room.h"

#include <stdio.h>
#include <string.h>

static struct metric cache_total = {
	.name = "mynah_cache_total",
	.help = "Recalls of recent chat lines by result; poisoned: values thrown away.",
	.kind = METRIC_COUNTER,
	.label = "result",
};
static struct metric recall_seconds = {
	.name = "mynah_memory_recall_seconds",
	.help = "How long recalls took.",
	.kind = METRIC_HISTOGRAM,
};
static struct metric memory_up = {
	.name = "mynah_memory_up",
	.help = "1 when the configured memory works, 0 when recalls fall back to this process.",
	.kind = METRIC_GAUGE,
};
static struct metric dropped_total = {
	.name = "mynah_memory_dropped_total",
	.help = "Writes to Redis that were given up while it was away.",
	.kind = METRIC_COUNTER,
};

void memory_count(enum memory_result r)
{
	static const char *const names[] = {
		[MEMORY_HIT] = "hit",
		[MEMORY_MISS] = "miss",
		[MEMORY_TIMEOUT] = "timeout",
		[MEMORY_AWAY] = "away",
		[MEMORY_ERROR] = "error",
		[MEMORY_POISONED] = "poisoned",
	};

	metric_add(&cache_total, names[r], 1);
}

void memory_observe_recall_us(int64_t us)
{
	metric_observe_ms(&recall_seconds, NULL, (double)us / 1000.0);
}

void memory_set_up(bool is_up)
{
	metric_set(&memory_up, NULL, is_up);
}

void memory_count_dropped(size_t n)
{
	metric_add(&dropped_total, NULL, (int64_t)n);
}

struct str memory_put_str(char **at, struct str s)
{
	struct str out = {*at, s.len};

	if (s.len > 0)
		memcpy(*at, s.at, s.len);
	*at += s.len;
	return out;
}

static bool is_plain_id_byte(unsigned char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("_.~@#-", c) != NULL);
}

static int add_escaped(struct buf *out, struct str s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		err = is_plain_id_byte(c) ? buf_addc(out, (char)c) : buf_addf(out, "%%%02X", c);
	}
	return err;
}

static int add_parts(struct buf *out, const struct str part[3], bool is_glob)
{
	int err = 0;

	for (size_t i = 0; !err && i < 3; i++) {
		if (i > 0)
			err = buf_addc(out, ':');
		if (!err && is_glob && part[i].len == 0)
			err = buf_addc(out, '*');
		else if (!err)
			err = add_escaped(out, part[i]);
	}
	return err;
}

/* A shared list's: channel empty = any. */
static int add_shared(struct buf *out, struct str platform, struct str channel, bool is_glob)
{
	int err = add_escaped(out, platform);

	if (!err && platform.len == 0 && is_glob)
		err = buf_addc(out, '*');
	if (!err)
		err = buf_addc(out, ':');
	if (!err && channel.len == 0 && is_glob)
		err = buf_addc(out, '*');
	else if (!err)
		err = add_escaped(out, channel);
	return err ? err : buf_adds(out, ":" MEMORY_SHARED);
}

int memory_tag(const struct memory_key *k, struct buf *out)
{
	if (k->is_shared && k->platform.len > 0 && k->channel_id.len > 0)
		return add_shared(out, k->platform, k->channel_id, false);
	if (k->platform.len == 0 || k->channel_id.len == 0 || k->user_id.len == 0)
		return ERR_INVALID;
	return add_parts(out, (struct str[]){k->platform, k->channel_id, k->user_id}, false);
}

/* As keys spell it: its id, else its name. */
static struct str channel_of(const struct erasure *e)
{
	return e->channel_id.len > 0 ? e->channel_id : e->channel;
}

int memory_tag_glob(const struct erasure *e, struct buf *out)
{
	return add_parts(out,
		(struct str[]){e->platform, channel_of(e), e->user_id}, true);
}

int memory_tag_glob_shared(const struct erasure *e, struct buf *out)
{
	return add_shared(out, e->platform, channel_of(e), true);
}

bool memory_tag_matches(struct str tag, struct str glob)
{
	for (int i = 0; i < 3; i++) {
		struct str have = str_split(&tag, ':');
		struct str want = str_split(&glob, ':');

		if (!str_is(want, "*") && !str_eq(have, want))
			return false;
	}
	return true;
}

struct str memory_key_of(struct memory_key_text *k, struct str tag)
{
	int n = snprintf(k->text, sizeof(k->text), MEMORY_KEY_HEAD "%.*s}", STR_FMT(tag));

	return (struct str){k->text, (size_t)n};
}

struct str memory_author_of(const struct memory_key *k)
{
	return k->is_shared ? k->user_id : (struct str){NULL, 0};
}

int memory_new(struct io *io, const struct conf_memory *c, struct memory *out)
{
	if (c->backend == CONF_MEMORY_REDIS)
		return memory_redis_new(io, c, out);
	return memory_local_new((size_t)c->users, (size_t)c->bytes, (size_t)c->lines, c->for_ms,
		out);
}

void memory_recall(struct memory *m, const struct memory_key *k, size_t lines, int64_t for_ms,
	void (*done)(void *ctx, int err, const struct conversation *c), void *ctx)
{
	m->ops->recall(m->self, k, lines, for_ms, done, ctx);
}

void memory_recall_cancel(struct memory *m, void *ctx)
{
	m->ops->recall_cancel(m->self, ctx);
}

void memory_remember(struct memory *m, const struct memory_key *k, const struct line *l, size_t n)
{
	m->ops->remember(m->self, k, l, n);
}

void memory_erase(struct memory *m, const struct erasure *e)
{
	m->ops->erase(m->self, e);
}

const char *memory_state(struct memory *m, bool *is_up)
{
	return m->ops->state(m->self, is_up);
}

void memory_free(struct memory *m)
{
	if (m == NULL || m->ops == NULL)
		return;
	m->ops->free(m->self);
	m->ops = NULL;
	m->self = NULL;
}
