/* The logs as text, so that a restart keeps what was spent.
 *
 *   mynah-outbox 1 <TAB> monotonic ms <TAB> wall ms      when it was written
 *   send <TAB> wall ms <TAB> account                     one line a send; of "joins ACCOUNT" a join
 *   lane <TAB> wall ms <TAB> account <TAB> channel       latest send in a channel
 *   end <TAB> how many lines stand between
 *
 * How much time went by since is told by two clocks, and the one that says less is believed: the
 * wall clock may have been set, the monotonic one may have begun anew with the machine. In both
 * cases a budget looks fuller than it is, never emptier. */
#include "outbox/room.h"

#include <string.h>

#define SAVE_HEAD     "mynah-outbox 1"
#define SAVE_BYTES    (4 * 1024 * 1024) /* 10,000 sends and as many lanes, with long names */
#define SAVE_TIME_MAX 1000000000000000  /* ms, year 33658: sums of such times cannot overflow */

static int add_line(struct buf *out, const char *kind, int64_t wall_ms, const char *key,
	const char *channel, size_t *lines)
{
	++*lines;
	return buf_addf(out, "%s\t%lld\t%s%s%s\n", kind, (long long)wall_ms, key,
		channel ? "\t" : "", channel ? channel : "");
}

/* The longest window in which an account's sends still matter. */
static int64_t window_of(const struct outbox *ob, const struct spent *s)
{
	const struct account *a, *next;
	int64_t window_ms = 0;

	HASH_ITER (hh, ob->accounts, a, next) {
		if (a->spent == s && a->is.window_ms > window_ms)
			window_ms = a->is.window_ms;
		if (a->joined == s && a->is.join_window_ms > window_ms)
			window_ms = a->is.join_window_ms;
	}
	return window_ms > 0 ? window_ms : OUTBOX_STAMP_MS; /* no account uses it now */
}

static int save_sends(
	const struct outbox *ob, int64_t now_ms, int64_t to_wall, struct buf *out, size_t *lines)
{
	const struct spent *s, *next;
	int err = 0;

	HASH_ITER (hh, ob->logs, s, next) {
		int64_t since = now_ms - window_of(ob, s);
		/* Spent as a whole: as many lines as the log has room for say the same. */
		for (size_t i = s->log.n; i < s->log.cap && s->log.floor_ms > since && err == 0;
			i++)
			err = add_line(out, "send", s->log.floor_ms + to_wall, s->key, NULL, lines);
		for (size_t i = 0; i < s->log.n && err == 0; i++) {
			int64_t at = outbox_budget_at(&s->log, i);
			if (at > since)
				err = add_line(out, "send", at + to_wall, s->key, NULL, lines);
		}
	}
	return err;
}

static int save_lanes(
	const struct outbox *ob, int64_t now_ms, int64_t to_wall, struct buf *out, size_t *lines)
{
	const struct lane *l, *next_lane;
	const struct stamp *s, *next_stamp;
	int64_t since = now_ms - OUTBOX_STAMP_MS;
	int err = 0;

	HASH_ITER (hh, ob->lanes, l, next_lane) {
		const struct account *a = outbox_account_find(ob, l->place);
		if (a && l->last_ms > since && err == 0)
			err = add_line(
				out, "lane", l->last_ms + to_wall, a->is.key, l->channel, lines);
	}
	HASH_ITER (hh, ob->stamps, s, next_stamp) {
		if (s->at_ms > since && err == 0)
			err = add_line(out, "lane", s->at_ms + to_wall, s->name, NULL, lines);
	}
	return err;
}

int outbox_save(struct outbox *ob, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	size_t begin = out->len, lines = 0;
	int64_t to_wall = wall_ms - now_ms;

	int err = buf_addf(out, SAVE_HEAD "\t%lld\t%lld\n", (long long)now_ms, (long long)wall_ms);
	if (err == 0)
		err = save_sends(ob, now_ms, to_wall, out, &lines);
	if (err == 0)
		err = save_lanes(ob, now_ms, to_wall, out, &lines);
	if (err == 0)
		err = buf_addf(out, "end\t%zu\n", lines);
	if (err < 0)
		buf_truncate(out, begin);
	else
		ob->is_dirty = false;
	return err;
}

/* One line of the file, taken apart. */
struct entry {
	struct str kind, key, channel;
	int64_t wall_ms;
};

static int read_time(struct str s, int64_t *out)
{
	if (str_int(s, out) < 0 || *out < 0 || *out > SAVE_TIME_MAX)
		return ERR_PARSE;
	return 0;
}

static int read_entry(struct str line, struct entry *e)
{
	e->kind = str_split(&line, '\t');
	if (read_time(str_split(&line, '\t'), &e->wall_ms) < 0)
		return ERR_PARSE;
	e->key = str_split(&line, '\t');
	e->channel = line;
	bool is_lane = str_is(e->kind, "lane");
	if ((!is_lane && !str_is(e->kind, "send")) || e->key.len == 0 ||
		e->key.len >= sizeof(((struct spent *)0)->key) || is_lane != (e->channel.len > 0))
		return ERR_PARSE;
	return 0;
}

static int keep_stamp(struct outbox *ob, const struct entry *e, int64_t at_ms)
{
	size_t len = e->key.len + 1 + e->channel.len;
	struct stamp *s;

	if (HASH_COUNT(ob->stamps) >= OUTBOX_STAMPS_MAX)
		return ERR_LIMIT;
	s = mem_new(sizeof(*s) + len + 1);
	if (!s)
		return ERR_NOMEM;
	memcpy(s->name, e->key.at, len); /* key, TAB and channel stand so in the file */
	s->at_ms = at_ms;
	HASH_ADD(hh, ob->stamps, name[0], len, s);
	if (!hash_has(s)) {
		mem_free(s);
		return ERR_NOMEM;
	}
	return 0;
}

static int apply_entry(struct outbox *ob, const struct entry *e, int64_t at_ms)
{
	struct spent *spent;
	char key[sizeof(spent->key)];

	if (str_is(e->kind, "lane"))
		return keep_stamp(ob, e, at_ms);
	memcpy(key, e->key.at, e->key.len);
	key[e->key.len] = '\0';
	int err = outbox_spent_get(ob, key, &spent);
	if (err < 0)
		return err;
	struct outbox_budget *log = &spent->log;
	if (log->n == log->cap && log->cap < OUTBOX_SENDS_MAX) {
		size_t room = log->cap < 16 ? 16 : log->cap * 2;
		err = outbox_budget_keep(log, room < OUTBOX_SENDS_MAX ? room : OUTBOX_SENDS_MAX);
	}
	if (err == 0)
		outbox_budget_add(log, at_ms);
	return err;
}

/* Reads the lines between head and end; ob NULL only looks whether they make sense. saved_ms is the
 * wall time of the writing, to_now what leads from a wall time of the file to our monotonic one. */
static int read_entries(struct outbox *ob, struct str text, int64_t saved_ms, int64_t to_now)
{
	int64_t lines = 0, said;

	while (text.len > 0) {
		struct entry e;
		struct str line = str_split(&text, '\n');
		if (line.len > 4 && memcmp(line.at, "end\t", 4) == 0) {
			struct str count = {line.at + 4, line.len - 4};
			return str_int(count, &said) == 0 && said == lines && text.len == 0
				       ? 0
				       : ERR_PARSE;
		}
		int err = read_entry(line, &e);
		if (err == 0 && e.wall_ms > saved_ms)
			err = ERR_PARSE;
		if (err == 0 && ob)
			err = apply_entry(ob, &e, e.wall_ms + to_now);
		if (err < 0)
			return err;
		lines++;
	}
	return ERR_PARSE; /* torn off before its end */
}

static void spend_all(struct outbox *ob, int64_t now_ms)
{
	struct spent *s, *next_spent;
	struct lane *l, *next_lane;

	ob->spent_ms = now_ms;
	HASH_ITER (hh, ob->logs, s, next_spent)
		outbox_budget_spend_all(&s->log, now_ms);
	HASH_ITER (hh, ob->lanes, l, next_lane)
		l->last_ms = now_ms;
}

int outbox_load(struct outbox *ob, struct str text, int64_t now_ms, int64_t wall_ms)
{
	struct str rest = text, head = str_split(&rest, '\n');
	int64_t saved_mono = 0, saved_wall = 0;
	int err = 0;

	if (text.len > SAVE_BYTES || !str_is(str_split(&head, '\t'), SAVE_HEAD) ||
		read_time(str_split(&head, '\t'), &saved_mono) < 0 ||
		read_time(head, &saved_wall) < 0)
		err = ERR_PARSE;
	if (err == 0)
		err = read_entries(NULL, rest, saved_wall, 0);
	if (err == 0) {
		/* A clock that begins below the saved one has begun anew: all of it went by. */
		int64_t mono = now_ms >= saved_mono ? now_ms - saved_mono : now_ms;
		int64_t wall = wall_ms - saved_wall;
		int64_t since = mono < wall ? mono : wall;
		if (since < 0)
			since = 0;
		err = read_entries(ob, rest, saved_wall, now_ms - since - saved_wall);
	}
	if (err < 0)
		spend_all(ob, now_ms);
	return err;
}
