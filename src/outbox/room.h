/* outbox/room.h: what the files of this room share: lanes, accounts, waiters and twins.
 *
 *   outbox.c  replies: put, next, dropped, erased
 *   lane.c    accounts and lanes: when may this channel be spoken in
 *   twin.c    the same text twice
 *   save.c    the logs across a restart
 *   budget.c  one sliding log */
#ifndef OUTBOX_ROOM_H
#define OUTBOX_ROOM_H

#include "base/hash.h"
#include "outbox/budget.h"
#include "outbox/outbox.h"

#include <utlist.h>

#define OUTBOX_LANES_MAX 10000 /* Twitch lets an account join 100; several accounts, and Discord */
#define OUTBOX_LOGS_MAX 256    /* accounts, those of an earlier configuration included */
#define OUTBOX_STAMPS_MAX OUTBOX_LANES_MAX
/* The longest slow mode Twitch knows is 30 min: older last sends tell nothing. */
#define OUTBOX_STAMP_MS (30 * 60 * 1000)

#define OUTBOX_JOINS "joins " /* before an account's key: the log of its joins */

/* The sends or the joins of one account, by its key: outlives the place that uses it. */
struct spent {
	char key[sizeof(((struct outbox_account *)0)->key) + sizeof(OUTBOX_JOINS)];
	struct outbox_budget log;
	UT_hash_handle hh;
};

struct account {
	struct outbox_account is;
	struct spent *spent, *joined;
	UT_hash_handle hh; /* by is.place */
};

/* One reply waiting in a lane, or dead and waiting to be told about. */
struct waiter {
	struct reply *reply;
	struct twin *twin; /* NULL = it may be said again */
	enum reason why; /* of a dead one */
	struct waiter *prev, *next;
};

struct lane {
	unsigned place;
	char *channel;         /* within key */
	struct outbox_lane is;
	struct waiter *queue;  /* most urgent first, then oldest */
	size_t waiting;
	int64_t last_ms;       /* latest send here */
	struct lane *prev, *next; /* among ob->busy, while something waits */
	UT_hash_handle hh;     /* by key */
	char key[];            /* "PLACE CHANNEL" */
};

/* When a channel was last spoken in, read from a file before its lane exists. */
struct stamp {
	int64_t at_ms;
	UT_hash_handle hh; /* by name */
	char name[];       /* "KEY\tCHANNEL" */
};

/* A text that waits in a lane, or was given out lately (then it is listed in ob->said). */
struct twin {
	bool is_waiting;
	int64_t said_ms;
	struct twin *prev, *next;
	UT_hash_handle hh;
	char key[]; /* "PLACE CHANNEL\nfolded text" */
};

struct outbox {
	struct outbox_options options;
	struct spent *logs;
	struct account *accounts;
	struct lane *lanes;
	struct lane *busy;     /* utlist of lanes in which something waits */
	struct stamp *stamps;
	struct twin *twins;
	struct twin *said;     /* utlist, earliest first */
	size_t said_count;
	struct waiter *dead;   /* utlist, in order of death */
	size_t waiting;
	int64_t first_death_ms;/* no waiting reply dies before; OUTBOX_NEVER when none waits */
	int64_t spent_ms;      /* a file made no sense: everything counts as spent then */
	bool is_dirty;
};

/* lane.c. Finds or makes. ERR_LIMIT, ERR_INVALID (control characters in the name), ERR_NOMEM. */
int outbox_lane_get(struct outbox *ob, unsigned place, const char *channel,
	struct lane **out) MUST_USE;
/* NULL when there is none. */
struct account *outbox_account_find(const struct outbox *ob, unsigned place);
int outbox_spent_get(struct outbox *ob, const char *key, struct spent **out) MUST_USE;
/* From when on the lane may speak; OUTBOX_NEVER while it is closed, refused or has no account. */
int64_t outbox_lane_ready_ms(const struct outbox *ob, const struct lane *l);
/* Counts one send. */
void outbox_lane_count(struct outbox *ob, struct lane *l, int64_t now_ms);
void outbox_lanes_free(struct outbox *ob);

/* twin.c */
/* Claims text for a waiter. ERR_BUSY: it is a twin. */
int outbox_twin_claim(struct outbox *ob, const struct lane *l, const char *text, int64_t now_ms,
	struct twin **out) MUST_USE;
void outbox_twin_said(struct outbox *ob, struct twin *t, int64_t now_ms);
void outbox_twin_free(struct outbox *ob, struct twin *t); /* it was never said */
void outbox_twins_free(struct outbox *ob);

#endif
