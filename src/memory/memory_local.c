/* The store in this process: a hash of people, the one used longest ago first to go.
 *
 * Three bounds hold at every moment: people, bytes, and lines a person. Age is counted on the
 * monotonic clock, so that a jump of the wall clock neither revives nor kills a memory (faults.md
 * M8). A second hash finds lines by message id, for moderators who delete one message. */
#include "base/hash.h"
#include "memory/room.h"

#include <string.h>
#include <utlist.h>

/* How many outlived people one remember() clears away: more than it can add. */
#define EXPIRE_STEPS 2

struct person;

struct kept {
	struct kept *prev, *next;       /* the person's lines, oldest first */
	struct kept *id_prev, *id_next; /* lines with the same message id */
	struct person *person;
	struct named *named; /* NULL when the line has no id */
	struct line line;    /* its strings follow this struct, */
	struct str author;   /* and this */
	int64_t at_ms;
	size_t bytes;
};

/* All lines of one message id: a question, and the bot's answer if the bot gave it the same id. */
struct named {
	UT_hash_handle hh;
	struct kept *lines;
	size_t bytes;
	char id[];
};

struct person {
	UT_hash_handle hh;
	struct person *prev, *next; /* the one used longest ago first */
	struct kept *lines;
	size_t n;
	int64_t used_ms;
	size_t bytes;
	size_t tag_len;
	char tag[];
};

struct memory_local {
	struct person *people, *order;
	struct named *ids;
	size_t users, users_max;
	size_t bytes, bytes_max;
	size_t lines_max;
	int64_t ttl_ms;
};

static void line_free(struct memory_local *m, struct kept *k)
{
	struct named *named = k->named;

	if (named != NULL) {
		DL_DELETE2(named->lines, k, id_prev, id_next);
		if (named->lines == NULL) {
			HASH_DEL(m->ids, named);
			m->bytes -= named->bytes;
			mem_free(named);
		}
	}
	DL_DELETE(k->person->lines, k);
	k->person->n--;
	m->bytes -= k->bytes;
	mem_free(k);
}

static void person_free(struct memory_local *m, struct person *p)
{
	while (p->lines != NULL)
		line_free(m, p->lines);
	HASH_DEL(m->people, p);
	DL_DELETE(m->order, p);
	m->users--;
	m->bytes -= p->bytes;
	mem_free(p);
}

static struct person *person_find(struct memory_local *m, struct str tag)
{
	struct person *p;

	HASH_FIND(hh, m->people, tag.at, tag.len, p);
	return p;
}

static struct person *person_new(struct memory_local *m, struct str tag)
{
	struct person *p = mem_new(sizeof(*p) + tag.len + 1);

	if (p == NULL)
		return NULL;
	p->bytes = sizeof(*p) + tag.len + 1;
	p->tag_len = tag.len;
	memcpy(p->tag, tag.at, tag.len);
	HASH_ADD(hh, m->people, tag, p->tag_len, p);
	if (!hash_has(p)) {
		mem_free(p);
		return NULL;
	}
	DL_APPEND(m->order, p);
	m->users++;
	m->bytes += p->bytes;
	return p;
}

/* Files a line under its id. Without memory for that the line is not kept: it could not be
 * forgotten on request. */
static int line_name(struct memory_local *m, struct kept *k)
{
	struct str id = k->line.id;
	struct named *named;

	if (id.len == 0)
		return 0;
	HASH_FIND(hh, m->ids, id.at, id.len, named);
	if (named == NULL) {
		named = mem_new(sizeof(*named) + id.len + 1);
		if (named == NULL)
			return ERR_NOMEM;
		named->bytes = sizeof(*named) + id.len + 1;
		memcpy(named->id, id.at, id.len);
		HASH_ADD(hh, m->ids, id, id.len, named);
		if (!hash_has(named)) {
			mem_free(named);
			return ERR_NOMEM;
		}
		m->bytes += named->bytes;
	}
	DL_APPEND2(named->lines, k, id_prev, id_next);
	k->named = named;
	return 0;
}

static struct line put_line(char **at, const struct line *l)
{
	struct line out = *l;

	out.name = memory_put_str(at, l->name);
	out.text = memory_put_str(at, l->text);
	out.id = memory_put_str(at, l->id);
	return out;
}

static size_t line_bytes(const struct line *l)
{
	return l->name.len + l->text.len + l->id.len;
}

static void line_add(
	struct memory_local *m, struct person *p, struct str author, const struct line *l)
{
	struct line c = memory_line_cut(l);
	const size_t bytes = sizeof(struct kept) + line_bytes(&c) + author.len;
	struct kept *k = mem_new(bytes);
	char *at;

	if (k == NULL)
		return;
	at = (char *)(k + 1);
	k->line = put_line(&at, &c);
	k->author = memory_put_str(&at, author);
	k->bytes = bytes;
	k->at_ms = p->used_ms;
	k->person = p;
	if (line_name(m, k)) {
		mem_free(k);
		return;
	}
	DL_APPEND(p->lines, k);
	p->n++;
	m->bytes += k->bytes;
	while (p->n > m->lines_max)
		line_free(m, p->lines);
}

static void person_use(struct memory_local *m, struct person *p, int64_t now)
{
	p->used_ms = now;
	DL_DELETE(m->order, p);
	DL_APPEND(m->order, p);
}

static void expire(struct memory_local *m, int64_t now)
{
	for (int i = 0; i < EXPIRE_STEPS && m->order != NULL; i++) {
		if (now - m->order->used_ms <= m->ttl_ms)
			break;
		person_free(m, m->order);
	}
}

void memory_local_remember(struct memory_local *m, struct str tag, struct str author,
	const struct line *l, size_t n)
{
	int64_t now = clock_mono_ms();
	struct person *p;

	expire(m, now);
	p = person_find(m, tag);
	if (p == NULL)
		p = person_new(m, tag);
	if (p == NULL)
		return;
	person_use(m, p, now);
	for (size_t i = n > m->lines_max ? n - m->lines_max : 0; i < n; i++)
		line_add(m, p, author, &l[i]);
	while (m->order != NULL && (m->users > m->users_max || m->bytes > m->bytes_max))
		person_free(m, m->order);
}

/* Copies of the lines, so that whoever reads them may remember new ones meanwhile. */
static int copy_lines(const struct kept *first, size_t n, struct line **out)
{
	const struct kept *k;
	struct line *lines;
	size_t bytes = n * sizeof(*lines);
	size_t i = 0;
	char *at;

	for (k = first; k != NULL; k = k->next)
		bytes += line_bytes(&k->line);
	lines = mem_new(bytes);
	if (lines == NULL)
		return ERR_NOMEM;
	at = (char *)(lines + n);
	for (k = first; k != NULL; k = k->next)
		lines[i++] = put_line(&at, &k->line);
	*out = lines;
	return 0;
}

size_t memory_local_recall(struct memory_local *m, struct str tag, size_t lines, int64_t for_ms,
	void (*done)(void *ctx, int err, const struct conversation *c), void *ctx)
{
	int64_t now = clock_mono_ms();
	int64_t age_max = for_ms > 0 && for_ms < m->ttl_ms ? for_ms : m->ttl_ms;
	struct person *p = person_find(m, tag);
	struct conversation c = {NULL, 0};
	struct line *copy = NULL;
	const struct kept *first = NULL;
	size_t n;
	int err = 0;

	if (p != NULL) {
		first = p->lines;
		c.n = p->n;
		while (first != NULL && (c.n > lines || now - first->at_ms > age_max)) {
			first = first->next;
			c.n--;
		}
	}
	if (c.n > 0) {
		person_use(m, p, p->used_ms);
		err = copy_lines(first, c.n, &copy);
		c.lines = copy;
		if (err)
			c.n = 0;
	}
	n = c.n;
	done(ctx, err, &c);
	mem_free(copy);
	return n;
}

static struct named *named_find(struct memory_local *m, struct str id)
{
	struct named *named;

	HASH_FIND(hh, m->ids, id.at, id.len, named);
	return named;
}

static struct str person_tag(const struct person *p)
{
	return (struct str){p->tag, p->tag_len};
}

static void erase_message(struct memory_local *m, struct str glob, struct str id)
{
	struct named *named = named_find(m, id);
	struct kept *k = named != NULL ? named->lines : NULL;

	while (k != NULL) {
		struct kept *next = k->id_next; /* the last free takes named with it */

		if (memory_tag_matches(person_tag(k->person), glob))
			line_free(m, k);
		k = next;
	}
}

void memory_local_erase(struct memory_local *m, struct str glob, struct str id)
{
	struct person *p, *next;

	if (id.len > 0) {
		erase_message(m, glob, id);
		return;
	}
	p = person_find(m, glob); /* a glob without stars is the tag itself */
	if (p != NULL) {
		person_free(m, p);
		return;
	}
	DL_FOREACH_SAFE(m->order, p, next) {
		if (memory_tag_matches(person_tag(p), glob))
			person_free(m, p);
	}
}

static void erase_author(struct memory_local *m, struct person *p, struct str author)
{
	struct kept *k, *next;

	DL_FOREACH_SAFE(p->lines, k, next) {
		if (str_eq(k->author, author))
			line_free(m, k);
	}
}

void memory_local_erase_author(struct memory_local *m, struct str glob, struct str author)
{
	struct person *p = person_find(m, glob);

	if (p != NULL) {
		erase_author(m, p, author);
		return;
	}
	DL_FOREACH(m->order, p) {
		if (memory_tag_matches(person_tag(p), glob))
			erase_author(m, p, author);
	}
}

void memory_local_find(struct memory_local *m, struct str glob, struct str id,
	void (*each)(void *ctx, struct str tag), void *ctx)
{
	struct named *named = named_find(m, id);
	struct kept *k;

	if (named == NULL)
		return;
	DL_FOREACH2(named->lines, k, id_next) {
		if (memory_tag_matches(person_tag(k->person), glob))
			each(ctx, person_tag(k->person));
	}
}

struct memory_local *memory_local_make(size_t users_max, size_t bytes_max, size_t lines_max,
	int64_t ttl_ms)
{
	struct memory_local *m = mem_new(sizeof(*m));

	if (m == NULL)
		return NULL;
	m->users_max = users_max;
	m->bytes_max = bytes_max;
	m->lines_max = lines_max;
	m->ttl_ms = ttl_ms;
	return m;
}

void memory_local_unmake(struct memory_local *m)
{
	if (m == NULL)
		return;
	while (m->order != NULL)
		person_free(m, m->order);
	mem_free(m);
}

/* ---- The backend ----------------------------------------------------------------------------- */

static void op_recall(void *self, const struct memory_key *k, size_t lines, int64_t for_ms,
	void (*done)(void *ctx, int err, const struct conversation *c), void *ctx)
{
	int64_t start_us = clock_mono_us();
	struct buf tag;
	size_t n;
	int err;

	buf_init(&tag, MEMORY_TAG_BYTES);
	err = memory_tag(k, &tag);
	if (err) {
		memory_count(MEMORY_ERROR);
		done(ctx, err, &(struct conversation){NULL, 0});
	} else {
		n = memory_local_recall(self, buf_str(&tag), lines, for_ms, done, ctx);
		memory_count(n > 0 ? MEMORY_HIT : MEMORY_MISS);
		memory_observe_recall_us(clock_mono_us() - start_us);
	}
	buf_fini(&tag);
}

/* Nothing is ever pending here. */
static void op_recall_cancel(void *self, void *ctx)
{
	(void)self;
	(void)ctx;
}

static void op_remember(void *self, const struct memory_key *k, const struct line *lines, size_t n)
{
	struct buf tag;

	buf_init(&tag, MEMORY_TAG_BYTES);
	if (memory_tag(k, &tag) == 0)
		memory_local_remember(self, buf_str(&tag), memory_author_of(k), lines, n);
	buf_fini(&tag);
}

/* What a person said in a list that others share. */
static int erase_shared(struct memory_local *m, const struct erasure *e)
{
	struct buf glob;
	int err;

	buf_init(&glob, MEMORY_TAG_BYTES);
	err = memory_tag_glob_shared(e, &glob);
	if (err == 0 && e->message_id.len > 0)
		memory_local_erase(m, buf_str(&glob), e->message_id);
	else if (err == 0)
		memory_local_erase_author(m, buf_str(&glob), e->user_id);
	buf_fini(&glob);
	return err;
}

static void op_erase(void *self, const struct erasure *e)
{
	struct buf glob;
	int err;

	buf_init(&glob, MEMORY_TAG_BYTES);
	err = memory_tag_glob(e, &glob);
	if (err == 0)
		memory_local_erase(self, buf_str(&glob), e->message_id);
	if (err == 0 && e->user_id.len > 0) /* else the glob means shared lists too */
		err = erase_shared(self, e);
	if (err == ERR_NOMEM)
		memory_local_erase(self, MEMORY_GLOB_ALL, (struct str){NULL, 0});
	buf_fini(&glob);
}

static const char *op_state(void *self, bool *is_up)
{
	(void)self;
	*is_up = true;
	return "up";
}

static void op_free(void *self)
{
	memory_local_unmake(self);
}

static const struct memory_ops local_ops = {
	.name = "local",
	.recall = op_recall,
	.recall_cancel = op_recall_cancel,
	.remember = op_remember,
	.erase = op_erase,
	.state = op_state,
	.free = op_free,
};

int memory_local_new(size_t users_max, size_t bytes_max, size_t lines_max, int64_t ttl_ms,
	struct memory *out)
{
	struct memory_local *m = memory_local_make(users_max, bytes_max, lines_max, ttl_ms);

	if (m == NULL)
		return ERR_NOMEM;
	memory_set_up(true);
	*out = (struct memory){&local_ops, m};
	return 0;
}
