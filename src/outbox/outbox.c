/* Replies: they wait in their lane, are given out one by one, or die with a reason.
 *
 * A reply is in exactly one of three states: waiting in a lane's queue, dead in ob->dead until
 * outbox_dropped gives it away, or given out (and then no longer ours). */
#include "outbox/room.h"

#include <limits.h>
#include <string.h>

int outbox_new(const struct outbox_options *o, struct outbox **out)
{
	struct outbox *ob = mem_new(sizeof(*ob));

	if (!ob)
		return ERR_NOMEM;
	ob->options = *o;
	ob->first_death_ms = OUTBOX_NEVER;
	ob->spent_ms = OUTBOX_LONG_AGO;
	*out = ob;
	return 0;
}

static void waiters_free(struct waiter *head)
{
	struct waiter *w, *next;

	DL_FOREACH_SAFE (head, w, next) {
		reply_free(w->reply);
		mem_free(w);
	}
}

void outbox_free(struct outbox *ob)
{
	struct lane *l;

	if (!ob)
		return;
	DL_FOREACH (ob->busy, l)
		waiters_free(l->queue);
	waiters_free(ob->dead);
	outbox_lanes_free(ob);
	outbox_twins_free(ob);
	mem_free(ob);
}

/* ---- Waiting and dying ----------------------------------------------------------------------- */

static bool goes_before(const struct reply *a, const struct reply *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->made_ms < b->made_ms;
}

/* Should a be given up rather than b? */
static bool is_worse(const struct reply *a, const struct reply *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->made_ms <= b->made_ms;
}

static void enqueue(struct outbox *ob, struct lane *l, struct waiter *w)
{
	struct waiter *after =
		l->queue ? l->queue->prev : NULL; /* utlist: head->prev is the tail */

	if (l->waiting == 0)
		DL_APPEND(ob->busy, l);
	while (after && goes_before(w->reply, after->reply))
		after = after == l->queue ? NULL : after->prev;
	if (after)
		DL_APPEND_ELEM(l->queue, after, w);
	else
		DL_PREPEND(l->queue, w);
	l->waiting++;
	ob->waiting++;
	if (w->reply->dies_ms < ob->first_death_ms)
		ob->first_death_ms = w->reply->dies_ms;
}

static void unqueue(struct outbox *ob, struct lane *l, struct waiter *w)
{
	DL_DELETE(l->queue, w);
	ob->waiting--;
	if (--l->waiting == 0)
		DL_DELETE(ob->busy, l);
	if (ob->waiting == 0)
		ob->first_death_ms = OUTBOX_NEVER;
}

static void kill_waiter(struct outbox *ob, struct lane *l, struct waiter *w, enum reason why)
{
	unqueue(ob, l, w);
	if (w->twin)
		outbox_twin_free(ob, w->twin);
	w->twin = NULL;
	w->why = why;
	DL_APPEND(ob->dead, w);
}

static void kill_lane(struct outbox *ob, struct lane *l, enum reason why)
{
	while (l->queue)
		kill_waiter(ob, l, l->queue, why);
}

static void kill_late(struct outbox *ob, int64_t now_ms)
{
	struct lane *l, *next_lane;
	struct waiter *w, *next;
	int64_t first = OUTBOX_NEVER;

	if (now_ms <= ob->first_death_ms)
		return;
	DL_FOREACH_SAFE (ob->busy, l, next_lane) {
		DL_FOREACH_SAFE (l->queue, w, next) {
			if (w->reply->dies_ms < now_ms)
				kill_waiter(ob, l, w, REASON_LATE);
			else if (w->reply->dies_ms < first)
				first = w->reply->dies_ms;
		}
	}
	ob->first_death_ms = first;
}

/* The first to be given up in a lane: of its least urgent the oldest. */
static struct waiter *worst_of(const struct lane *l)
{
	struct waiter *w = l->queue->prev;

	while (w != l->queue && w->prev->reply->priority == w->reply->priority)
		w = w->prev;
	return w;
}

/* Makes room for r where a limit is reached. False: r itself is the first to go. */
static bool make_room(struct outbox *ob, struct lane *l, const struct reply *r)
{
	struct lane *from = NULL, *each;
	struct waiter *worst = NULL;

	if (l->waiting > 0 && l->waiting >= ob->options.lane_max) {
		from = l;
		worst = worst_of(l);
	} else if (ob->waiting > 0 && ob->waiting >= ob->options.total_max) {
		DL_FOREACH (ob->busy, each) {
			struct waiter *w = worst_of(each);
			if (!worst || is_worse(w->reply, worst->reply)) {
				worst = w;
				from = each;
			}
		}
	} else {
		return ob->options.lane_max > 0 && ob->options.total_max > 0;
	}
	if (!is_worse(worst->reply, r))
		return false;
	kill_waiter(ob, from, worst, REASON_FULL);
	return true;
}

/* ---- In and out ------------------------------------------------------------------------------ */

enum reason outbox_put(struct outbox *ob, struct reply *r, int64_t now_ms)
{
	enum reason why = REASON_NOMEM;
	struct waiter *w = NULL;
	struct twin *twin = NULL;
	struct lane *l;

	kill_late(ob, now_ms);
	int err = outbox_lane_get(ob, r->place, r->channel, &l);
	if (err < 0) {
		if (err != ERR_NOMEM)
			why = err == ERR_LIMIT ? REASON_FULL : REASON_REFUSED;
		goto out;
	}
	if (r->dies_ms < now_ms) {
		why = REASON_LATE;
		goto out;
	}
	if (l->is.is_refused) {
		why = REASON_REFUSED;
		goto out;
	}
	w = mem_new(sizeof(*w));
	if (!w)
		goto out;
	err = r->may_repeat ? 0 : outbox_twin_claim(ob, l, r->text, now_ms, &twin);
	if (err < 0) {
		if (err == ERR_BUSY)
			why = REASON_TWIN;
		goto out;
	}
	if (!make_room(ob, l, r)) {
		why = REASON_FULL;
		goto out;
	}
	w->reply = r;
	w->twin = twin;
	enqueue(ob, l, w);
	return REASON_NONE;
out:
	if (twin)
		outbox_twin_free(ob, twin);
	mem_free(w);
	reply_free(r);
	return why;
}

struct reply *outbox_next(struct outbox *ob, int64_t now_ms, int64_t *wait_ms)
{
	struct lane *l, *best = NULL;
	int64_t soonest = OUTBOX_NEVER;

	kill_late(ob, now_ms);
	DL_FOREACH (ob->busy, l) {
		int64_t ready = outbox_lane_ready_ms(ob, l);
		if (ready > now_ms) {
			if (ready < soonest)
				soonest = ready;
		} else if (!best || goes_before(l->queue->reply, best->queue->reply)) {
			best = l;
		}
	}
	if (!best) {
		/* A reply is late the moment after its last one: woken then, its death is told. */
		if (ob->first_death_ms < soonest)
			soonest = ob->first_death_ms + 1;
		*wait_ms = soonest == OUTBOX_NEVER ? -1 : soonest - now_ms;
		return NULL;
	}
	struct waiter *w = best->queue;
	struct reply *r = w->reply;
	unqueue(ob, best, w);
	outbox_lane_count(ob, best, now_ms);
	if (w->twin)
		outbox_twin_said(ob, w->twin, now_ms);
	mem_free(w);
	*wait_ms = 0;
	return r;
}

struct reply *outbox_dropped(struct outbox *ob, int64_t now_ms, enum reason *why)
{
	kill_late(ob, now_ms);
	struct waiter *w = ob->dead;
	if (!w)
		return NULL;
	struct reply *r = w->reply;
	*why = w->why;
	DL_DELETE(ob->dead, w);
	mem_free(w);
	return r;
}

int outbox_lane(struct outbox *ob, unsigned place, const char *channel, const struct outbox_lane *o)
{
	struct lane *l;
	int err = outbox_lane_get(ob, place, channel, &l);

	if (err < 0)
		return err;
	l->is = *o;
	if (l->is.is_refused)
		kill_lane(ob, l, REASON_REFUSED);
	return 0;
}

/* ---- Erasing --------------------------------------------------------------------------------- */

/* An erasure's empty strings mean any. */
static bool fits(struct str want, const char *has)
{
	return want.len == 0 || str_is(want, has ? has : "");
}

static bool is_erased(const struct erasure *e, const struct reply *r)
{
	if (!fits(e->platform, r->platform) || !fits(e->channel, r->channel) ||
		!fits(e->channel_id, r->channel_id))
		return false;
	if (e->message_id.len > 0)
		return r->to_id && str_is(e->message_id, r->to_id);
	return fits(e->user_id, r->user_id);
}

void outbox_erase(struct outbox *ob, const struct erasure *e)
{
	struct lane *l, *next_lane;
	struct waiter *w, *next;

	DL_FOREACH_SAFE (ob->busy, l, next_lane) {
		DL_FOREACH_SAFE (l->queue, w, next) {
			if (is_erased(e, w->reply))
				kill_waiter(ob, l, w, REASON_GONE);
		}
	}
}

void outbox_drop(struct outbox *ob, unsigned place, const char *channel, enum reason why)
{
	struct lane *l, *next;

	DL_FOREACH_SAFE (ob->busy, l, next) {
		if ((place == UINT_MAX || l->place == place) &&
			(!channel || strcmp(channel, l->channel) == 0))
			kill_lane(ob, l, why);
	}
}

size_t outbox_waiting(const struct outbox *ob)
{
	return ob->waiting;
}

bool outbox_is_dirty(const struct outbox *ob)
{
	return ob->is_dirty;
}

void outbox_not_saved(struct outbox *ob)
{
	ob->is_dirty = true;
}
