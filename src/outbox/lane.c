/* Accounts and lanes: when may a channel be spoken in.
 *
 * An account's sends all count into one log, whoever made them. A lane that is not privileged waits
 * until fewer than `sends` of them are in the window, and for its own gap and slow mode; a
 * privileged one only until fewer than `sends_mod` are. Which of the two a lane is may change while
 * replies wait: nothing is decided before outbox_next. */
#include "outbox/room.h"

#include <stdio.h>
#include <string.h>

#define SLOW_SPARE_MS 100 /* as the usual gap has: the next message's way may be quicker */

static bool has_controls(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	}
	return false;
}

struct account *outbox_account_find(const struct outbox *ob, unsigned place)
{
	struct account *a;

	HASH_FIND(hh, ob->accounts, &place, sizeof(place), a);
	return a;
}

int outbox_spent_get(struct outbox *ob, const char *key, struct spent **out)
{
	struct spent *s;

	HASH_FIND_STR(ob->logs, key, s);
	if (s) {
		*out = s;
		return 0;
	}
	if (strlen(key) >= sizeof(s->key) || key[0] == '\0' || has_controls(key))
		return ERR_INVALID;
	if (HASH_COUNT(ob->logs) >= OUTBOX_LOGS_MAX)
		return ERR_LIMIT;
	s = mem_new(sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	snprintf(s->key, sizeof(s->key), "%s", key);
	outbox_budget_init(&s->log);
	s->log.floor_ms = ob->spent_ms;
	HASH_ADD_STR(ob->logs, key, s);
	if (!hash_has(s)) {
		mem_free(s);
		return ERR_NOMEM;
	}
	*out = s;
	return 0;
}

/* A lane that comes to be after its file was read takes over when it last spoke. */
static void adopt_stamp(struct outbox *ob, struct lane *l)
{
	struct account *a = outbox_account_find(ob, l->place);
	struct stamp *s;
	struct buf name;

	if (!a || !ob->stamps)
		return;
	buf_init(&name, sizeof(a->is.key) + strlen(l->channel) + 2);
	if (buf_addf(&name, "%s\t%s", a->is.key, l->channel) == 0) {
		HASH_FIND(hh, ob->stamps, name.at, name.len, s);
		if (s) {
			if (s->at_ms > l->last_ms)
				l->last_ms = s->at_ms;
			HASH_DELETE(hh, ob->stamps, s);
			mem_free(s);
		}
	}
	buf_fini(&name);
}

int outbox_account(struct outbox *ob, const struct outbox_account *o)
{
	struct account *a = outbox_account_find(ob, o->place);
	int64_t most = o->sends > o->sends_mod ? o->sends : o->sends_mod;
	struct spent *spent, *joined;
	char joins_key[sizeof(joined->key)];
	struct lane *l, *next;

	if (!memchr(o->key, '\0', sizeof(o->key)) || o->sends < 0 || o->sends_mod < 0 ||
		o->window_ms < 0 || o->gap_ms < 0 || o->joins < 0 || o->join_window_ms < 0)
		return ERR_INVALID;
	if (most > OUTBOX_SENDS_MAX || o->joins > OUTBOX_SENDS_MAX)
		return ERR_LIMIT;
	snprintf(joins_key, sizeof(joins_key), OUTBOX_JOINS "%s", o->key);
	int err = outbox_spent_get(ob, o->key, &spent);
	if (err == 0)
		err = outbox_spent_get(ob, joins_key, &joined);
	if (err == 0)
		err = outbox_budget_keep(&spent->log, (size_t)most);
	if (err == 0)
		err = outbox_budget_keep(&joined->log, (size_t)o->joins);
	if (err < 0)
		return err;
	if (!a) {
		a = mem_new(sizeof(*a));
		if (!a)
			return ERR_NOMEM;
		a->is = *o;
		a->spent = spent;
		HASH_ADD(hh, ob->accounts, is.place, sizeof(a->is.place), a);
		if (!hash_has(a)) {
			mem_free(a);
			return ERR_NOMEM;
		}
	}
	a->is = *o;
	a->spent = spent;
	a->joined = joined;
	HASH_ITER (hh, ob->lanes, l, next) {
		if (l->place == o->place)
			adopt_stamp(ob, l);
	}
	return 0;
}

/* On the stack: finding a lane must not fail for want of memory, or a second one would be made. */
#define LANE_KEY_BYTES 256 /* a number and a channel name, of which the longest in use has 64 */

/* The key's length, 0 when the channel's name is too long for any. */
static size_t lane_key(unsigned place, const char *channel, char key[LANE_KEY_BYTES])
{
	int n = snprintf(key, LANE_KEY_BYTES, "%u %s", place, channel);

	return n > 0 && n < LANE_KEY_BYTES ? (size_t)n : 0;
}

static struct lane *lane_find(const struct outbox *ob, unsigned place, const char *channel)
{
	char key[LANE_KEY_BYTES];
	const size_t n = lane_key(place, channel, key);
	struct lane *l = NULL;

	if (n > 0)
		HASH_FIND(hh, ob->lanes, key, n, l);
	return l;
}

void outbox_lanes(const struct outbox *ob, unsigned place,
	void (*each)(void *ctx, const char *channel, const struct outbox_lane *l), void *ctx)
{
	const struct lane *l, *next;

	HASH_ITER (hh, ob->lanes, l, next) {
		if (l->place == place)
			each(ctx, l->channel, &l->is);
	}
}

int outbox_lane_of(const struct outbox *ob, unsigned place, const char *channel,
	struct outbox_lane *out)
{
	const struct lane *l = lane_find(ob, place, channel);

	if (!l)
		return ERR_NOTFOUND;
	*out = l->is;
	return 0;
}

/* Channels come and go, threads by the thousand: the one that was closed and spoken in longest ago
 * makes room. Gives whether there was one. */
static bool forget_lane(struct outbox *ob)
{
	struct lane *l, *next, *oldest = NULL;

	HASH_ITER (hh, ob->lanes, l, next) {
		if (!l->is.is_open && !l->is.is_refused && !l->queue &&
			(!oldest || l->last_ms < oldest->last_ms))
			oldest = l;
	}
	if (oldest) {
		HASH_DELETE(hh, ob->lanes, oldest);
		mem_free(oldest);
	}
	return oldest != NULL;
}

int outbox_lane_get(struct outbox *ob, unsigned place, const char *channel, struct lane **out)
{
	struct lane *l = lane_find(ob, place, channel);
	char key[LANE_KEY_BYTES];
	const size_t n = lane_key(place, channel, key);

	if (l) {
		*out = l;
		return 0;
	}
	if (has_controls(channel) || n == 0)
		return ERR_INVALID;
	if (HASH_COUNT(ob->lanes) >= OUTBOX_LANES_MAX && !forget_lane(ob))
		return ERR_LIMIT;
	l = mem_new(sizeof(*l) + n + 1);
	if (!l)
		return ERR_NOMEM;
	memcpy(l->key, key, n + 1);
	l->channel = strchr(l->key, ' ') + 1;
	l->place = place;
	l->last_ms = ob->spent_ms;
	HASH_ADD(hh, ob->lanes, key[0], n, l);
	if (!hash_has(l)) {
		mem_free(l);
		return ERR_NOMEM;
	}
	adopt_stamp(ob, l);
	*out = l;
	return 0;
}

int64_t outbox_lane_ready_ms(const struct outbox *ob, const struct lane *l)
{
	const struct account *a = outbox_account_find(ob, l->place);

	if (!a || !l->is.is_open || l->is.is_refused)
		return OUTBOX_NEVER;
	int64_t limit = l->is.is_privileged ? a->is.sends_mod : a->is.sends;
	int64_t ready = outbox_budget_free_ms(&a->spent->log, limit, a->is.window_ms);
	if (ready < l->is.hold_until_ms)
		ready = l->is.hold_until_ms;
	if (!l->is.is_privileged) {
		int64_t slow = l->is.slow_ms > 0 ? l->is.slow_ms + SLOW_SPARE_MS : 0;
		int64_t gap = a->is.gap_ms > slow ? a->is.gap_ms : slow;
		if (ready < l->last_ms + gap)
			ready = l->last_ms + gap;
	}
	return ready;
}

void outbox_lane_count(struct outbox *ob, struct lane *l, int64_t now_ms)
{
	outbox_budget_add(&outbox_account_find(ob, l->place)->spent->log, now_ms);
	if (l->last_ms < now_ms)
		l->last_ms = now_ms;
	ob->is_dirty = true;
}

int64_t outbox_join(struct outbox *ob, unsigned place, int64_t now_ms)
{
	struct account *a = outbox_account_find(ob, place);

	if (!a || a->is.joins == 0)
		return -1;
	int64_t ready =
		outbox_budget_free_ms(&a->joined->log, a->is.joins, a->is.join_window_ms);
	if (ready > now_ms)
		return ready - now_ms;
	outbox_budget_add(&a->joined->log, now_ms);
	ob->is_dirty = true;
	return 0;
}

int64_t outbox_wait_ms(const struct outbox *ob, unsigned place, const char *channel, int64_t now_ms)
{
	const struct lane *l = lane_find(ob, place, channel);
	int64_t ready = l ? outbox_lane_ready_ms(ob, l) : OUTBOX_NEVER;

	if (ready == OUTBOX_NEVER)
		return -1;
	return ready > now_ms ? ready - now_ms : 0;
}

size_t outbox_waiting_lane(const struct outbox *ob, unsigned place, const char *channel)
{
	const struct lane *l = lane_find(ob, place, channel);

	return l ? l->waiting : 0;
}

void outbox_lanes_free(struct outbox *ob)
{
	struct lane *l, *next_lane;
	struct account *a, *next_account;
	struct spent *s, *next_spent;
	struct stamp *t, *next_stamp;

	HASH_ITER (hh, ob->lanes, l, next_lane) {
		HASH_DELETE(hh, ob->lanes, l);
		mem_free(l);
	}
	HASH_ITER (hh, ob->accounts, a, next_account) {
		HASH_DELETE(hh, ob->accounts, a);
		mem_free(a);
	}
	HASH_ITER (hh, ob->logs, s, next_spent) {
		HASH_DELETE(hh, ob->logs, s);
		outbox_budget_fini(&s->log);
		mem_free(s);
	}
	HASH_ITER (hh, ob->stamps, t, next_stamp) {
		HASH_DELETE(hh, ob->stamps, t);
		mem_free(t);
	}
}
