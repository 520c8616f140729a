/* Redis as memory, with the store in this process beside it.
 *
 *   mynah1:h:{platform:channel:user}   list of entries, newest last, trimmed and expiring
 *
 * Everything remembered goes to both. A recall asks Redis and answers from this process when Redis
 * is away, slow, wrong, or has not yet been told of an erasure: what was deleted never returns. */
#include "memory/room.h"

#include <stdio.h>
#include <string.h>
#include <hiredis/hiredis.h>
#include <utlist.h>

#define RECALLS_MAX 64     /* live turns: faults.md section 7, as the next three */
#define BREAKER_FAILURES 5
#define BREAKER_WINDOW_MS 30000
#define BREAKER_OPEN_MS 60000

struct recall {
	struct recall *prev, *next;
	struct redis *m;
	struct io_timer *timer;
	size_t lines;
	int64_t for_ms;
	int64_t start_us;
	void (*done)(void *ctx, int err, const struct conversation *c);
	void *ctx;
	struct str tag; /* follows this struct */
};

struct redis {
	struct io *io;
	struct memory_local *local;
	struct memory_link *link;
	struct memory_tasks *tasks;
	struct io_breaker breaker;
	struct recall *recalls;
	size_t recall_count;
	size_t lines_max;
	int64_t ttl_ms, recall_ms;
	int64_t stamp_ms, stamped_ms; /* stamp of the last line remembered, and when that was */
};

/* What time it is by the clock that stamps lines, be it the platform's: our wall clock, which may
 * be wrong or be set, is asked only before the first line came. */
static int64_t stamp_now(const struct redis *m)
{
	return m->stamp_ms > 0 ? m->stamp_ms + clock_mono_ms() - m->stamped_ms : clock_wall_ms();
}

static void on_up(void *ctx)
{
	struct redis *m = ctx;

	io_breaker_init(&m->breaker, BREAKER_FAILURES, BREAKER_WINDOW_MS, BREAKER_OPEN_MS);
	memory_tasks_pump(m->tasks);
}

/* ---- Recall ---------------------------------------------------------------------------------- */

static void recall_free(struct recall *r)
{
	if (r == NULL)
		return;
	io_timer_free(r->timer);
	mem_free(r);
}

static void recall_unlink(struct recall *r)
{
	DL_DELETE(r->m->recalls, r);
	r->m->recall_count--;
}

/* Answers from this process. done may free the memory: nothing of it is touched afterwards. */
static void recall_finish_local(struct recall *r, enum memory_result why)
{
	recall_unlink(r);
	memory_count(why);
	memory_observe_recall_us(clock_mono_us() - r->start_us);
	(void)memory_local_recall(r->m->local, r->tag, r->lines, r->for_ms, r->done, r->ctx);
	recall_free(r);
}

/* The same for lines that came from Redis. */
static void recall_finish(struct recall *r, const struct conversation *c)
{
	recall_unlink(r);
	memory_count(c->n > 0 ? MEMORY_HIT : MEMORY_MISS);
	memory_observe_recall_us(clock_mono_us() - r->start_us);
	r->done(r->ctx, 0, c);
	recall_free(r);
}

/* Reads the entries young enough into e, their strings into strings. One from the future beyond any
 * difference of clocks would never grow old: it is left out. */
static int read_entries(const struct redisReply *reply, int64_t now, int64_t age_max_ms,
	struct buf *strings, struct memory_entry *e, size_t *n)
{
	int err = 0;

	for (size_t i = 0; !err && i < (size_t)reply->elements; i++) {
		const struct redisReply *one = reply->element[i];

		if (one->type != REDIS_REPLY_STRING)
			return ERR_PARSE;
		err = memory_entry_read((struct str){one->str, (size_t)one->len}, strings, &e[*n]);
		if (!err && now - e[*n].wall_ms <= age_max_ms &&
				e[*n].wall_ms <= now + age_max_ms)
			++*n;
	}
	return err;
}

static void on_lines(struct recall *r, const struct redisReply *reply)
{
	struct redis *m = r->m;
	int64_t age_max_ms = r->for_ms > 0 && r->for_ms < m->ttl_ms ? r->for_ms : m->ttl_ms;
	struct memory_entry entries[MEMORY_LINES_MAX];
	struct line lines[MEMORY_LINES_MAX];
	struct conversation c = {lines, 0};
	struct buf strings;
	int err = ERR_LIMIT;

	buf_init(&strings, MEMORY_LINES_MAX * MEMORY_ENTRY_BYTES);
	if ((size_t)reply->elements <= MEMORY_LINES_MAX)
		err = read_entries(reply, stamp_now(m), age_max_ms, &strings, entries, &c.n);
	for (size_t i = 0; i < c.n; i++)
		lines[i] = memory_entry_line(&entries[i], &strings);
	if (!err) {
		recall_finish(r, &c);
	} else if (err == ERR_NOMEM) {
		recall_finish_local(r, MEMORY_ERROR);
	} else {
		memory_tasks_throw_away(m->tasks, r->tag);
		memory_tasks_pump(m->tasks);
		recall_finish_local(r, MEMORY_ERROR);
	}
	buf_fini(&strings);
}

static void on_recalled(void *ctx, int err, const struct redisReply *reply)
{
	struct recall *r = ctx;
	struct redis *m = r->m;
	int64_t now = clock_mono_ms();

	if (err == ERR_CLOSED || err == ERR_DENIED) {
		io_breaker_failed(&m->breaker, now);
		recall_finish_local(r, MEMORY_AWAY);
		return;
	}
	io_breaker_succeeded(&m->breaker, now);
	if (err == ERR_LIMIT || err == ERR_INVALID) {
		memory_tasks_throw_away(m->tasks, r->tag);
		memory_tasks_pump(m->tasks);
	}
	if (err || reply->type != REDIS_REPLY_ARRAY)
		recall_finish_local(r, MEMORY_ERROR);
	else
		on_lines(r, reply);
}

static void on_recall_late(void *ctx)
{
	struct recall *r = ctx;

	memory_link_forget(r->m->link, r);
	io_breaker_failed(&r->m->breaker, clock_mono_ms());
	recall_finish_local(r, MEMORY_TIMEOUT);
}

/* Asks Redis; false when that cannot be done and nothing will come. */
static bool recall_ask(struct redis *m, struct recall *r)
{
	char from[24];
	struct memory_key_text k;

	if (r->lines == 0 || m->recall_count > RECALLS_MAX || !memory_link_is_ready(m->link) ||
		!memory_tasks_is_settled(m->tasks, r->tag))
		return false;
	r->timer = io_timer_new(m->io, on_recall_late, r);
	if (r->timer == NULL || !io_breaker_allows(&m->breaker, clock_mono_ms()))
		return false;
	snprintf(from, sizeof(from), "-%zu", r->lines);
	if (memory_link_send(m->link,
		(struct str[]){STR("LRANGE"), memory_key_of(&k, r->tag), str_of(from), STR("-1")},
		4, on_recalled, r) != 0) {
		io_breaker_abandoned(&m->breaker);
		return false;
	}
	io_timer_start(r->timer, m->recall_ms);
	return true;
}

static void op_recall(void *self, const struct memory_key *k, size_t lines, int64_t for_ms,
	void (*done)(void *ctx, int err, const struct conversation *c), void *ctx)
{
	struct redis *m = self;
	struct recall *r = NULL;
	struct buf tag;
	int err;

	buf_init(&tag, MEMORY_TAG_BYTES);
	err = memory_tag(k, &tag);
	if (!err) {
		r = mem_new(sizeof(*r) + tag.len);
		err = r == NULL ? ERR_NOMEM : 0;
	}
	if (err) {
		buf_fini(&tag);
		memory_count(MEMORY_ERROR);
		done(ctx, err, &(struct conversation){NULL, 0});
		return;
	}
	*r = (struct recall){.m = m, .done = done, .ctx = ctx, .for_ms = for_ms,
		.lines = lines < m->lines_max ? lines : m->lines_max, .start_us = clock_mono_us()};
	memcpy(r + 1, tag.at, tag.len);
	r->tag = (struct str){(char *)(r + 1), tag.len};
	buf_fini(&tag);
	DL_APPEND(m->recalls, r);
	m->recall_count++;
	if (!recall_ask(m, r))
		recall_finish_local(r, MEMORY_AWAY);
}

static void op_recall_cancel(void *self, void *ctx)
{
	struct redis *m = self;
	struct recall *r, *next;

	DL_FOREACH_SAFE(m->recalls, r, next) {
		if (r->ctx != ctx)
			continue;
		memory_link_forget(m->link, r);
		io_breaker_abandoned(&m->breaker);
		recall_unlink(r);
		recall_free(r);
	}
}

/* ---- Remember, erase ------------------------------------------------------------------------- */

static void op_remember(void *self, const struct memory_key *k, const struct line *lines, size_t n)
{
	struct redis *m = self;
	size_t skip = n > m->lines_max ? n - m->lines_max : 0;
	struct buf tag;
	int err;

	if (n == 0)
		return;
	m->stamp_ms = lines[n - 1].wall_ms;
	m->stamped_ms = clock_mono_ms();
	buf_init(&tag, MEMORY_TAG_BYTES);
	err = memory_tag(k, &tag);
	if (!err) {
		const struct str author = memory_author_of(k);

		memory_local_remember(m->local, buf_str(&tag), author, lines, n);
		err = memory_tasks_remember(
			m->tasks, buf_str(&tag), author, lines + skip, n - skip);
	}
	if (err)
		memory_count_dropped(1);
	else
		memory_tasks_pump(m->tasks);
	buf_fini(&tag);
}

struct message {
	struct redis *m;
	struct str id;
	size_t found;
};

static void on_found(void *ctx, struct str tag)
{
	struct message *q = ctx;

	q->found++;
	memory_tasks_forget_message(q->m->tasks, tag, q->id);
}

static void erase_glob(struct redis *m, struct str glob, struct str id)
{
	bool is_one_key = memchr(glob.at, '*', glob.len) == NULL;

	if (id.len > 0) {
		/* Platforms name the message, seldom its author: the local store knows whose it
		 * was. Lines of before a restart are only found when the author is given. */
		struct message q = {m, id, 0};

		memory_local_find(m->local, glob, id, on_found, &q);
		if (q.found == 0 && is_one_key)
			memory_tasks_forget_message(m->tasks, glob, id);
	} else {
		memory_tasks_forget(m->tasks, glob);
	}
	memory_local_erase(m->local, glob, id);
	memory_tasks_pump(m->tasks);
}

/* What a person said in a list that others share. */
static int erase_shared(struct redis *m, const struct erasure *e)
{
	struct buf glob;
	int err;

	buf_init(&glob, MEMORY_TAG_BYTES);
	err = memory_tag_glob_shared(e, &glob);
	const struct str tag = buf_str(&glob);
	if (err == 0 && e->message_id.len > 0) {
		erase_glob(m, tag, e->message_id);
	} else if (err == 0) {
		/* Of a person in whatever channel no list is known: then the lists go whole. */
		if (memchr(tag.at, '*', tag.len) == NULL)
			memory_tasks_forget_author(m->tasks, tag, e->user_id);
		else
			memory_tasks_forget(m->tasks, tag);
		memory_local_erase_author(m->local, tag, e->user_id);
		memory_tasks_pump(m->tasks);
	}
	buf_fini(&glob);
	return err;
}

static void op_erase(void *self, const struct erasure *e)
{
	struct redis *m = self;
	struct buf glob;
	int err;

	buf_init(&glob, MEMORY_TAG_BYTES);
	err = memory_tag_glob(e, &glob);
	if (!err)
		erase_glob(m, buf_str(&glob), e->message_id);
	if (!err && e->user_id.len > 0) /* else the glob means shared lists too */
		err = erase_shared(m, e);
	if (err == ERR_NOMEM) {
		memory_local_erase(m->local, MEMORY_GLOB_ALL, (struct str){NULL, 0});
		memory_tasks_lose_erasure(m->tasks);
	}
	buf_fini(&glob);
}

/* ---- The backend ----------------------------------------------------------------------------- */

static const char *op_state(void *self, bool *is_up)
{
	struct redis *m = self;

	*is_up = memory_link_is_up(m->link) && m->breaker.state == IO_BREAKER_CLOSED;
	if (memory_link_is_up(m->link) && !*is_up)
		return "away: it answered too late several times; it is left alone for a while";
	return memory_link_state(m->link);
}

static void op_free(void *self)
{
	struct redis *m = self;

	while (m->recalls != NULL) {
		struct recall *r = m->recalls;

		recall_unlink(r);
		recall_free(r);
	}
	memory_link_free(m->link);
	memory_tasks_unmake(m->tasks);
	memory_local_unmake(m->local);
	mem_free(m);
}

static const struct memory_ops redis_ops = {
	.name = "redis",
	.recall = op_recall,
	.recall_cancel = op_recall_cancel,
	.remember = op_remember,
	.erase = op_erase,
	.state = op_state,
	.free = op_free,
};

int memory_redis_new(struct io *io, const struct conf_memory *c, struct memory *out)
{
	struct redis *m = mem_new(sizeof(*m));
	struct memory_link_options o = {
		.url = c->url, .password = c->secret, .up = on_up, .ctx = m};
	int err = ERR_NOMEM;

	if (m == NULL)
		return ERR_NOMEM;
	m->io = io;
	m->lines_max = c->lines < MEMORY_LINES_MAX ? (size_t)c->lines : MEMORY_LINES_MAX;
	if (m->lines_max == 0)
		m->lines_max = 1; /* LTRIM -0 -1 would keep everything */
	m->ttl_ms = c->for_ms;
	m->recall_ms = c->recall_ms;
	io_breaker_init(&m->breaker, BREAKER_FAILURES, BREAKER_WINDOW_MS, BREAKER_OPEN_MS);
	m->local = memory_local_make((size_t)c->users, (size_t)c->bytes, m->lines_max, c->for_ms);
	m->tasks = memory_tasks_make(m->lines_max, c->for_ms);
	if (m->local == NULL || m->tasks == NULL)
		goto out;
	err = memory_link_new(io, &o, &m->link);
	if (err == ERR_INVALID)
		log_event(LOG_ERROR, "memory", "redis_url", "result", "error", "message",
			"memory.url is neither redis://host:port/database nor unix:/path",
			"url", c->url, NULL);
	if (err)
		goto out;
	memory_tasks_set_link(m->tasks, m->link);
	*out = (struct memory){&redis_ops, m};
	return 0;
out:
	op_free(m);
	return err;
}
