/* What is still to be written to Redis: one queue, in order, so that "say, then delete" stays that
 * way across an outage.
 *
 * A task that remembers is sent once (its outcome may be unknown, and a line must not come twice);
 * one that erases is sent again until Redis confirmed it. Redis answers in order, so only the last
 * command of a task is listened to. */
#include "memory/room.h"

#include <stdio.h>
#include <string.h>
#include <hiredis/hiredis.h>
#include <utlist.h>

#define TASKS_MAX 1000 /* waiting or unconfirmed; past it the oldest line is given up */
#define TASK_BYTES (1024 * 1024)
#define SCAN_STEP "100" /* keys a SCAN looks at: well under a millisecond of Redis' time */
#define DELETES_MAX 100 /* keys of one DEL */

enum task_kind { REMEMBER, FORGET_KEY, FORGET_MESSAGE, FORGET_AUTHOR, SWEEP };

/* One thing to be written. is_sent: its last command is under way; the answer to that one settles
 * the task, as Redis answers in order. */
struct task {
	struct task *prev, *next;
	struct memory_tasks *m;
	enum task_kind kind;
	bool is_sent;
	size_t bytes;
	struct str tag; /* of SWEEP: a glob of tags */
	struct str id;  /* of FORGET_MESSAGE; of FORGET_AUTHOR the person's */
	size_t n;
	struct str *entries; /* of REMEMBER */
};

struct memory_tasks {
	struct memory_link *link;
	struct task *tasks; /* oldest first */
	size_t count, bytes;
	struct task *sweep; /* the one under way: one at a time */
	size_t lines_max;
	int64_t ttl_ms;
	int64_t distrust_until_ms; /* an erasure was lost: Redis may hold what must not come back */
};

static const struct str nothing = {NULL, 0};

/* ---- Tasks ----------------------------------------------------------------------------------- */

static void task_free(struct task *t)
{
	struct memory_tasks *m = t->m;

	if (m->sweep == t)
		m->sweep = NULL;
	DL_DELETE(m->tasks, t);
	m->count--;
	m->bytes -= t->bytes;
	mem_free(t);
}

void memory_tasks_lose_erasure(struct memory_tasks *m)
{
	log_event(LOG_ERROR, "memory", "erasure_lost", "result", "error", "message",
		"no room to tell Redis of an erasure; recalls use this process until those lines "
		"have expired", NULL);
	m->distrust_until_ms = clock_mono_ms() + m->ttl_ms;
}

/* Makes room: the oldest unsent line goes first; without one, the oldest unsent erasure. */
static void shed(struct memory_tasks *m)
{
	while (m->count >= TASKS_MAX || m->bytes >= TASK_BYTES) {
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
			memory_tasks_lose_erasure(m);
		task_free(victim);
	}
}

/* A new task at the end of the queue, its strings copied behind it. NULL = no memory. */
static struct task *task_new(struct memory_tasks *m, enum task_kind kind, struct str tag,
	struct str id, const struct str *entries, size_t n)
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
	t->tag = memory_put_str(&at, tag);
	t->id = memory_put_str(&at, id);
	for (size_t i = 0; i < n; i++)
		t->entries[i] = memory_put_str(&at, entries[i]);
	DL_APPEND(m->tasks, t);
	m->count++;
	m->bytes += bytes;
	return t;
}

static void task_erase(struct memory_tasks *m, enum task_kind kind, struct str tag, struct str id)
{
	if (task_new(m, kind, tag, id, NULL, 0) == NULL)
		memory_tasks_lose_erasure(m);
}

/* A key that holds what mynah never wrote goes away whole. */
void memory_tasks_throw_away(struct memory_tasks *m, struct str tag)
{
	memory_count(MEMORY_POISONED);
	log_event(LOG_ERROR, "memory", "redis_poisoned", "result", "error", "message",
		"a key of ours held something else; it is deleted", NULL);
	task_erase(m, FORGET_KEY, tag, nothing);
}

/* ---- Sending them ---------------------------------------------------------------------------- */

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
	struct memory_tasks *m = t->m;

	(void)r;
	if (err == ERR_INVALID)
		memory_tasks_throw_away(m, t->tag);
	if (err)
		memory_count_dropped(1);
	task_free(t);
	memory_tasks_pump(m);
}

static int send_remember(struct task *t)
{
	struct memory_tasks *m = t->m;
	struct str args[MEMORY_LINES_MAX + 2] = {STR("RPUSH")};
	char from[24], ttl[24];
	struct memory_key_text k;
	int err;

	args[1] = memory_key_of(&k, t->tag);
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
	struct memory_tasks *m = t->m;

	(void)r;
	if (err == ERR_CLOSED || err == ERR_DENIED) {
		task_again(t);
	} else {
		if (err)
			memory_tasks_lose_erasure(m);
		task_free(t);
	}
	memory_tasks_pump(m);
}

static int send_forget_key(struct task *t)
{
	struct memory_key_text k;

	return memory_link_send(t->m->link,
		(struct str[]){STR("DEL"), memory_key_of(&k, t->tag)}, 2, on_forgotten, t);
}

/* Is this element an entry that t is to forget? 1, 0, or an error when it cannot be read. */
static int is_entry_of(const struct redisReply *r, const struct task *t)
{
	struct memory_entry e;
	struct buf strings;
	int err = ERR_PARSE;

	buf_init(&strings, 2 * MEMORY_ENTRY_BYTES);
	if (r->type == REDIS_REPLY_STRING)
		err = memory_entry_read((struct str){r->str, (size_t)r->len}, &strings, &e);
	if (!err && t->kind == FORGET_AUTHOR)
		err = str_eq(memory_entry_author(&e, &strings), t->id);
	else if (!err)
		err = str_eq(memory_entry_line(&e, &strings).id, t->id);
	buf_fini(&strings);
	return err;
}

/* Takes out, by value, every entry that is meant; the last command only says that the others
 * were done. */
static int send_removals(struct task *t, const struct redisReply *list)
{
	struct memory_key_text k;
	struct str key = memory_key_of(&k, t->tag);
	int err = 0;

	for (size_t i = 0; err >= 0 && i < (size_t)list->elements; i++) {
		const struct redisReply *r = list->element[i];

		err = is_entry_of(r, t);
		if (err == 1)
			err = memory_link_send(t->m->link,
				(struct str[]){STR("LREM"), key, STR("0"),
					{r->str, (size_t)r->len}},
				4, on_ignored, t);
	}
	if (err < 0)
		return err;
	return memory_link_send(t->m->link, (struct str[]){STR("EXISTS"), key}, 2, on_forgotten, t);
}

/* The whole list came. One that cannot be read goes whole. */
static void on_message_list(void *ctx, int err, const struct redisReply *r)
{
	struct task *t = ctx;
	struct memory_tasks *m = t->m;

	if (err == ERR_CLOSED || err == ERR_DENIED) {
		task_again(t);
		return;
	}
	if (!err && r->type == REDIS_REPLY_ARRAY)
		err = send_removals(t, r);
	else
		err = ERR_PARSE;
	if (err) {
		if (err != ERR_CLOSED)
			t->kind = FORGET_KEY;
		task_again(t);
	}
	memory_tasks_pump(m);
}

static int send_forget_message(struct task *t)
{
	struct memory_key_text k;

	return memory_link_send(t->m->link,
		(struct str[]){STR("LRANGE"), memory_key_of(&k, t->tag), STR("0"), STR("-1")}, 4,
		on_message_list, t);
}

static void on_scan(void *ctx, int err, const struct redisReply *r);

static int send_scan(struct task *t, struct str cursor)
{
	struct memory_key_text k;

	return memory_link_send(t->m->link,
		(struct str[]){STR("SCAN"), cursor, STR("MATCH"), memory_key_of(&k, t->tag),
			STR("COUNT"), STR(SCAN_STEP)},
		6, on_scan, t);
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
	struct memory_tasks *m = t->m;
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
		memory_tasks_lose_erasure(m);
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
	memory_tasks_pump(m);
}

static int task_send(struct task *t)
{
	switch (t->kind) {
	case REMEMBER:
		return send_remember(t);
	case FORGET_KEY:
		return send_forget_key(t);
	case FORGET_MESSAGE:
	case FORGET_AUTHOR:
		return send_forget_message(t);
	case SWEEP:
		return send_scan(t, STR("0"));
	}
	return ERR_INVALID;
}

/* Sends what may go, in order. */
void memory_tasks_pump(struct memory_tasks *m)
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

/* ---- New ones -------------------------------------------------------------------------------- */

int memory_tasks_remember(struct memory_tasks *m, struct str tag, struct str author,
	const struct line *l, size_t n)
{
	struct str entries[MEMORY_LINES_MAX];
	size_t ends[MEMORY_LINES_MAX];
	struct buf text;
	int err = 0;

	buf_init(&text, MEMORY_LINES_MAX * MEMORY_ENTRY_BYTES);
	for (size_t i = 0; !err && i < n; i++) {
		err = memory_entry_write(&l[i], author, &text);
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

void memory_tasks_forget(struct memory_tasks *m, struct str glob)
{
	bool is_one_key = memchr(glob.at, '*', glob.len) == NULL;

	task_erase(m, is_one_key ? FORGET_KEY : SWEEP, glob, nothing);
}

void memory_tasks_forget_message(struct memory_tasks *m, struct str tag, struct str id)
{
	task_erase(m, FORGET_MESSAGE, tag, id);
}

void memory_tasks_forget_author(struct memory_tasks *m, struct str tag, struct str author)
{
	task_erase(m, FORGET_AUTHOR, tag, author);
}

bool memory_tasks_is_settled(const struct memory_tasks *m, struct str tag)
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

struct memory_tasks *memory_tasks_make(size_t lines_max, int64_t ttl_ms)
{
	struct memory_tasks *m = mem_new(sizeof(*m));

	if (m == NULL)
		return NULL;
	m->lines_max = lines_max;
	m->ttl_ms = ttl_ms;
	return m;
}

void memory_tasks_set_link(struct memory_tasks *m, struct memory_link *link)
{
	m->link = link;
}

void memory_tasks_unmake(struct memory_tasks *m)
{
	if (m == NULL)
		return;
	while (m->tasks != NULL)
		task_free(m->tasks);
	mem_free(m);
}
