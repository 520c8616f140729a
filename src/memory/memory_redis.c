/* Redis as memory, with the store in this process beside it.
 *
 *   mynah1:h:{platform:channel:user}   list of entries, newest last, trimmed and expiring
 *
 * Everything remembered goes to both. A recall asks Redis and answers from this process when Redis
 * is away, slow, wrong, or has not yet been told of an erasure: what was deleted never comes back.
 *
 * Writes are tasks in one queue, in order, so that "say, then delete" stays that way across an
 * outage. A task that remembers is sent once (its outcome may be unknown; a line must not come
 * twice); one that erases is sent again until Redis confirmed it. */
#include "memory/room.h"

#include <stdio.h>
#include <string.h>
#include <hiredis/hiredis.h>
#include <utlist.h>

#define KEY_HEAD "mynah1:h:{"
#define TASKS_MAX 1000 /* waiting and unconfirmed; past it the oldest line is given up */
#define TASK_BYTES (1024 * 1024)
#define LINES_MAX 100         /* of one key, whatever the config says: bounds a recall */
#define RECALLS_MAX 64        /* live turns: faults.md section 7 */
#define SCAN_STEP "100"       /* keys a SCAN looks at: well under a millisecond of Redis' time */
#define DELETES_MAX 100       /* keys of one DEL */
#define BREAKER_FAILURES 5    /* faults.md section 7, as the next two */
#define BREAKER_WINDOW_MS 30000
#define BREAKER_OPEN_MS 60000

enum task_kind { REMEMBER, FORGET_KEY, FORGET_MESSAGE, SWEEP };

/* One thing to be written. is_sent: its last command is under way; the answer to that one settles
 * the task, as Redis answers in order. */
struct task {
	struct task *prev, *next;
	struct redis *m;
	enum task_kind kind;
	bool is_sent;
	size_t bytes;
	struct str tag; /* of SWEEP: a glob of tags */
	struct str id;  /* of FORGET_MESSAGE */
	size_t n;
	struct str *entries; /* of REMEMBER */
};

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
	struct io_breaker breaker;
	struct task *tasks; /* oldest first */
	size_t task_count, task_bytes;
	struct task *sweep; /* the one under way: one at a time */
	struct recall *recalls;
	size_t recall_count;
	size_t lines_max;
	int64_t ttl_ms, recall_ms;
	int64_t distrust_until_ms; /* an erasure was lost: Redis may hold what must not come back */
};

static const struct str nothing = {NULL, 0};

struct key {
	char text[MEMORY_TAG_BYTES + sizeof(KEY_HEAD "}")];
};

/* The key of a tag, or the pattern of a glob. BORROWS k. */
static struct str key_of(struct key *k, struct str tag)
{
	int n = snprintf(k->text, sizeof(k->text), KEY_HEAD "%.*s}", STR_FMT(tag));

	return (struct str){k->text, (size_t)n};
}

/* ---- Tasks ------------------------------------------------------------------------------------- */

static void pump(struct redis *m);

static void task_free(struct task *t)
{
	struct redis *m = t->m;

	if (m->sweep == t)
		m->sweep = NULL;
	DL_DELETE(m->tasks, t);
	m->task_count--;
	m->task_bytes -= t->bytes;
	mem_free(t);
}

static void lose_erasure(struct redis *m)
{
	log_event(LOG_ERROR, "memory", "erasure_lost", "result", "error", "message",
		"no room to tell Redis of an erasure; recalls use this process until those lines "
		"have expired", NULL);
	m->distrust_until_ms = clock_mono_ms() + m->ttl_ms;
}

/* Makes room: the oldest unsent line goes first; without one, the oldest unsent erasure. */
static void shed(struct redis *m)
{
	while (m->task_count >= TASKS_MAX || m->task_bytes >= TASK_BYTES) {
		struct task *victim = NULL;
		struct task *t;

		DL_FOREACH(m->tasks, t) {
			if (!t->is_sent && (victim == NULL || t->kind == REMEMBER))
				victim = t;
			if (victim != NULL && victim->kind == REMEMBER)
				break;
		}
		if (victim == NULL)
			return; /* all under way; the link bounds those */
		if (victim->kind == REMEMBER)
			memory_count_dropped(1);
		else
			lose_erasure(m);
		task_free(victim);
	}
}

/* Copies s to *at and moves *at past it. */
static struct str put_str(char **at, struct str s)
{
	struct str out = {*at, s.len};

	if (s.len > 0)
		memcpy(*at, s.at, s.len);
	*at += s.len;
	return out;
}

/* A new task at the end of the queue, its strings copied behind it. NULL = no memory. */
static struct task *task_new(struct redis *m, enum task_kind kind, struct str tag, struct str id,
	const struct str *entries, size_t n)
{
	size_t bytes = sizeof(struct task) + n * sizeof(*entries) + tag.len + id.len;
	struct task *t;
	char *at;

	for (size_t i = 0; i < n; i++)
		bytes += entries[i].len;
	shed(m);
	t = mem_new(bytes);
	if (t == NULL)
		return NULL;
	*t = (struct task){.m = m, .kind = kind, .bytes = bytes, .n = n};
	t->entries = (struct str *)(t + 1);
	at = (char *)(t->entries + n);
	t->tag = put_str(&at, tag);
	t->id = put_str(&at, id);
	for (size_t i = 0; i < n; i++)
		t->entries[i] = put_str(&at, entries[i]);
	DL_APPEND(m->tasks, t);
	m->task_count++;
	m->task_bytes += bytes;
	return t;
}

static void task_erase(struct redis *m, enum task_kind kind, struct str tag, struct str id)
{
	if (task_new(m, kind, tag, id, NULL, 0) == NULL)
		lose_erasure(m);
}

/* A key that holds what mynah never wrote goes away whole. */
static void throw_away(struct redis *m, struct str tag)
{
	memory_count(MEMORY_POISONED);
	log_event(LOG_ERROR, "memory", "redis_poisoned", "result", "error", "message",
		"a key of ours held something else; it is deleted", NULL);
	task_erase(m, FORGET_KEY, tag, nothing);
}

/* ---- Sending them ------------------------------------------------------------------------------ */

static void on_ignored(void *ctx, int err, const struct redisReply *r)
{
	(void)ctx;
	(void)err;
	(void)r;
}

/* An erasure whose outcome is unknown is done again when Redis is back. */
static void task_again(struct task *t)
{
	t->is_sent = false;
	if (t->m->sweep == t)
		t->m->sweep = NULL;
}

static void on_remembered(void *ctx, int err, const struct redisReply *r)
{
	struct task *t = ctx;
	struct redis *m = t->m;

	(void)r;
	if (err == ERR_INVALID)
		throw_away(m, t->tag);
	if (err)
		memory_count_dropped(1);
	task_free(t);
	pump(m);
}

static int send_remember(struct task *t)
{
	struct redis *m = t->m;
	struct str args[LINES_MAX + 2] = {STR("RPUSH")};
	char from[24], ttl[24];
	struct key k;
	int err;

	args[1] = key_of(&k, t->tag);
	for (size_t i = 0; i < t->n; i++)
		args[2 + i] = t->entries[i];
	err = memory_link_send(m->link, args, 2 + t->n, on_remembered, t);
	if (err)
		return err;
	/* A failure here leaves a list too long until the next line trims it: no reason to stop. */
	snprintf(from, sizeof(from), "-%zu", m->lines_max);
	snprintf(ttl, sizeof(ttl), "%lld", (long long)m->ttl_ms);
	(void)!memory_link_send(m->link,
		(struct str[]){STR("LTRIM"), args[1], str_of(from), STR("-1")}, 4, on_ignored, m);
	(void)!memory_link_send(m->link,
		(struct str[]){STR("PEXPIRE"), args[1], str_of(ttl)}, 3, on_ignored, m);
	return 0;
}

static void on_forgotten(void *ctx, int err, const struct redisReply *r)
{
	struct task *t = ctx;
	struct redis *m = t->m;

	(void)r;
	if (err == ERR_CLOSED || err == ERR_DENIED)
		task_again(t);
	else
		task_free(t);
	pump(m);
}

static int send_forget_key(struct task *t)
{
	struct key k;

	return memory_link_send(t->m->link, (struct str[]){STR("DEL"), key_of(&k, t->tag)}, 2,
		on_forgotten, t);
}

/* Is this element an entry with that message id? */
static bool is_entry_of(const struct redisReply *r, struct str id)
{
	struct memory_entry e;
	struct buf strings;
	bool is_it = false;

	if (r->type != REDIS_REPLY_STRING)
		return false;
	buf_init(&strings, 2 * MEMORY_ENTRY_BYTES);
	if (memory_entry_read((struct str){r->str, (size_t)r->len}, &strings, &e) == 0)
		is_it = str_eq(memory_entry_line(&e, &strings).id, id);
	buf_fini(&strings);
	return is_it;
}

/* The whole list came: takes out, by value, every entry with the message id. */
static void on_message_list(void *ctx, int err, const struct redisReply *r)
{
	struct task *t = ctx;
	struct redis *m = t->m;
	size_t last = 0, found = 0;
	struct key k;

	if (err == ERR_CLOSED || err == ERR_DENIED) {
		task_again(t);
		return;
	}
	if (err || r->type != REDIS_REPLY_ARRAY) {
		t->kind = FORGET_KEY; /* cannot be read: the whole key goes */
		task_again(t);
		pump(m);
		return;
	}
	for (size_t i = 0; i < (size_t)r->elements; i++) {
		if (is_entry_of(r->element[i], t->id)) {
			last = i;
			found++;
		}
	}
	for (size_t i = 0; !err && found > 0 && i <= last; i++) {
		struct str value = {r->element[i]->str, (size_t)r->element[i]->len};

		if (is_entry_of(r->element[i], t->id))
			err = memory_link_send(m->link,
				(struct str[]){STR("LREM"), key_of(&k, t->tag), STR("0"), value}, 4,
				i == last ? on_forgotten : on_ignored, t);
	}
	if (err)
		task_again(t);
	else if (found == 0)
		task_free(t);
	pump(m);
}

static int send_forget_message(struct task *t)
{
	struct key k;

	return memory_link_send(t->m->link,
		(struct str[]){STR("LRANGE"), key_of(&k, t->tag), STR("0"), STR("-1")}, 4,
		on_message_list, t);
}

static void on_scan(void *ctx, int err, const struct redisReply *r);

static int send_scan(struct task *t, struct str cursor)
{
	struct key k;

	return memory_link_send(t->m->link,
		(struct str[]){STR("SCAN"), cursor, STR("MATCH"), key_of(&k, t->tag), STR("COUNT"),
			STR(SCAN_STEP)}, 6, on_scan, t);
}

/* Deletes the keys of one step, a bounded number a command; the last command settles the task when
 * is_last says that no further step does. */
static int send_deletes(struct task *t, const struct redisReply *keys, bool is_last)
{
	struct str args[1 + DELETES_MAX] = {STR("DEL")};
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; !err && i < (size_t)keys->elements; i++) {
		const struct redisReply *key = keys->element[i];
		bool is_end = i + 1 == (size_t)keys->elements;

		args[1 + n++] = (struct str){key->type == REDIS_REPLY_STRING ? key->str : "",
			key->type == REDIS_REPLY_STRING ? (size_t)key->len : 0};
		if (n == DELETES_MAX || is_end) {
			err = memory_link_send(t->m->link, args, 1 + n,
				is_end && is_last ? on_forgotten : on_ignored, t);
			n = 0;
		}
	}
	return err;
}

static void on_scan(void *ctx, int err, const struct redisReply *r)
{
	struct task *t = ctx;
	struct redis *m = t->m;
	const struct redisReply *keys;
	struct str cursor;
	bool is_last;

	if (err == ERR_CLOSED || err == ERR_DENIED) {
		task_again(t);
		return;
	}
	if (err || r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
		r->element[0]->type != REDIS_REPLY_STRING ||
		r->element[1]->type != REDIS_REPLY_ARRAY) {
		lose_erasure(m);
		task_free(t);
		return;
	}
	cursor = (struct str){r->element[0]->str, (size_t)r->element[0]->len};
	keys = r->element[1];
	is_last = str_is(cursor, "0");
	err = send_deletes(t, keys, is_last);
	if (!err && !is_last)
		err = send_scan(t, cursor);
	if (err)
		task_again(t);
	else if (is_last && keys->elements == 0)
		task_free(t);
	pump(m);
}

static int task_send(struct task *t)
{
	switch (t->kind) {
	case REMEMBER:
		return send_remember(t);
	case FORGET_KEY:
		return send_forget_key(t);
	case FORGET_MESSAGE:
		return send_forget_message(t);
	case SWEEP:
		return send_scan(t, STR("0"));
	}
	return ERR_INVALID;
}

/* Sends what may go, in order. */
static void pump(struct redis *m)
{
	struct task *t;

	DL_FOREACH(m->tasks, t) {
		if (t->is_sent || (t->kind == SWEEP && m->sweep != NULL))
			continue;
		if (!memory_link_is_ready(m->link) || task_send(t) != 0)
			return;
		t->is_sent = true;
		if (t->kind == SWEEP)
			m->sweep = t;
	}
}

static void on_up(void *ctx)
{
	struct redis *m = ctx;

	io_breaker_init(&m->breaker, BREAKER_FAILURES, BREAKER_WINDOW_MS, BREAKER_OPEN_MS);
	pump(m);
}

/* ---- Recall ------------------------------------------------------------------------------------ */

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

/* Reads the entries young enough into e, their strings into strings. */
static int read_entries(const struct redisReply *reply, int64_t age_max_ms, struct buf *strings,
	struct memory_entry *e, size_t *n)
{
	int64_t now = clock_wall_ms();
	int err = 0;

	for (size_t i = 0; !err && i < (size_t)reply->elements; i++) {
		const struct redisReply *one = reply->element[i];

		if (one->type != REDIS_REPLY_STRING)
			return ERR_PARSE;
		err = memory_entry_read((struct str){one->str, (size_t)one->len}, strings, &e[*n]);
		if (!err && now - e[*n].wall_ms <= age_max_ms)
			++*n;
	}
	return err;
}

static void on_lines(struct recall *r, const struct redisReply *reply)
{
	struct redis *m = r->m;
	int64_t age_max_ms = r->for_ms > 0 && r->for_ms < m->ttl_ms ? r->for_ms : m->ttl_ms;
	struct memory_entry entries[LINES_MAX];
	struct line lines[LINES_MAX];
	struct conversation c = {lines, 0};
	struct buf strings;
	int err = ERR_LIMIT;

	buf_init(&strings, LINES_MAX * MEMORY_ENTRY_BYTES);
	if ((size_t)reply->elements <= LINES_MAX)
		err = read_entries(reply, age_max_ms, &strings, entries, &c.n);
	for (size_t i = 0; i < c.n; i++)
		lines[i] = memory_entry_line(&entries[i], &strings);
	if (!err) {
		recall_finish(r, &c);
	} else if (err == ERR_NOMEM) {
		recall_finish_local(r, MEMORY_ERROR);
	} else {
		throw_away(m, r->tag);
		pump(m);
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
		throw_away(m, r->tag);
		pump(m);
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

/* Does Redis know all that this process knows of the tag? */
static bool is_settled(const struct redis *m, struct str tag)
{
	const struct task *t;

	if (clock_mono_ms() < m->distrust_until_ms)
		return false;
	DL_FOREACH(m->tasks, t) {
		if (t->kind == REMEMBER && t->is_sent)
			continue; /* goes before the question on the same connection */
		if (memory_tag_matches(tag, t->tag))
			return false;
	}
	return true;
}

/* Asks Redis; false when that cannot be done and nothing will come. */
static bool recall_ask(struct redis *m, struct recall *r)
{
	char from[24];
	struct key k;

	if (r->lines == 0 || m->recall_count > RECALLS_MAX || !memory_link_is_ready(m->link) ||
		!is_settled(m, r->tag))
		return false;
	r->timer = io_timer_new(m->io, on_recall_late, r);
	if (r->timer == NULL || !io_breaker_allows(&m->breaker, clock_mono_ms()))
		return false;
	snprintf(from, sizeof(from), "-%zu", r->lines);
	if (memory_link_send(m->link,
		(struct str[]){STR("LRANGE"), key_of(&k, r->tag), str_of(from), STR("-1")}, 4,
		on_recalled, r) != 0) {
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
	char *at;
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
	at = (char *)(r + 1);
	r->tag = put_str(&at, buf_str(&tag));
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

/* ---- Remember, erase --------------------------------------------------------------------------- */

/* Queues the lines as entries. */
static int queue_lines(struct redis *m, struct str tag, const struct line *l, size_t n)
{
	struct str entries[LINES_MAX];
	size_t ends[LINES_MAX];
	struct buf text;
	int err = 0;

	buf_init(&text, LINES_MAX * MEMORY_ENTRY_BYTES);
	for (size_t i = 0; !err && i < n; i++) {
		err = memory_entry_write(&l[i], &text);
		ends[i] = text.len;
	}
	if (err)
		goto out;
	for (size_t i = 0; i < n; i++) {
		size_t start = i > 0 ? ends[i - 1] : 0;

		entries[i] = (struct str){buf_text(&text) + start, ends[i] - start};
	}
	if (task_new(m, REMEMBER, tag, nothing, entries, n) == NULL)
		err = ERR_NOMEM;
out:
	buf_fini(&text);
	return err;
}

static void op_remember(void *self, const struct memory_key *k, const struct line *lines, size_t n)
{
	struct redis *m = self;
	size_t skip = n > m->lines_max ? n - m->lines_max : 0;
	struct buf tag;
	int err;

	if (n == 0)
		return;
	buf_init(&tag, MEMORY_TAG_BYTES);
	err = memory_tag(k, &tag);
	if (!err) {
		memory_local_remember(m->local, buf_str(&tag), lines, n);
		err = queue_lines(m, buf_str(&tag), lines + skip, n - skip);
	}
	if (err)
		memory_count_dropped(1);
	else
		pump(m);
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
	task_erase(q->m, FORGET_MESSAGE, tag, q->id);
}

static void erase_glob(struct redis *m, struct str glob, struct str id)
{
	bool is_one_key = memchr(glob.at, '*', glob.len) == NULL;

	if (id.len > 0) {
		/* Platforms name the message, seldom its author: the local store knows whose it was.
		 * Lines of before a restart are only found when the author is given. */
		struct message q = {m, id, 0};

		memory_local_find(m->local, glob, id, on_found, &q);
		if (q.found == 0 && is_one_key)
			task_erase(m, FORGET_MESSAGE, glob, id);
	} else {
		task_erase(m, is_one_key ? FORGET_KEY : SWEEP, glob, nothing);
	}
	memory_local_erase(m->local, glob, id);
	pump(m);
}

static void op_erase(void *self, const struct erasure *e)
{
	struct redis *m = self;
	struct buf glob;
	int err;

	buf_init(&glob, MEMORY_TAG_BYTES);
	err = memory_tag_glob(e, &glob);
	if (!err) {
		erase_glob(m, buf_str(&glob), e->message_id);
	} else if (err == ERR_NOMEM) {
		memory_local_erase(m->local, MEMORY_GLOB_ALL, nothing);
		lose_erasure(m);
	}
	buf_fini(&glob);
}

/* ---- The backend ------------------------------------------------------------------------------- */

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
	while (m->tasks != NULL)
		task_free(m->tasks);
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
	struct memory_link_options o = {.url = c->url, .password = c->secret, .up = on_up, .ctx = m};
	int err = ERR_NOMEM;

	if (m == NULL)
		return ERR_NOMEM;
	m->io = io;
	m->lines_max = c->lines < LINES_MAX ? (size_t)c->lines : LINES_MAX;
	if (m->lines_max == 0)
		m->lines_max = 1; /* LTRIM -0 -1 would keep everything */
	m->ttl_ms = c->for_ms;
	m->recall_ms = c->recall_ms;
	io_breaker_init(&m->breaker, BREAKER_FAILURES, BREAKER_WINDOW_MS, BREAKER_OPEN_MS);
	m->local = memory_local_make((size_t)c->users, (size_t)c->bytes, m->lines_max, c->for_ms);
	if (m->local == NULL)
		goto out;
	err = memory_link_new(io, &o, &m->link);
	if (err == ERR_INVALID)
		log_event(LOG_ERROR, "memory", "redis_url", "result", "error", "message",
			"memory.url is neither redis://host:port/database nor unix:/path",
			"url", c->url, NULL);
	if (err)
		goto out;
	*out = (struct memory){&redis_ops, m};
	return 0;
out:
	op_free(m);
	return err;
}
