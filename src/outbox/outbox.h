/* outbox: holds replies until a place may hear them, and drops the late ones.
 *
 * Floor 3, pure: now comes in. It owns the send budgets: sliding logs, one per account, per channel
 * lane, shared by everything that uses the account, retries included. Nothing is sent here: whoever
 * drives it takes the next reply that may go (outbox_next) and tells nothing back but lane changes;
 * the send counts from the moment it is given out, whatever becomes of it.
 *
 * Twitch: 20 per 30 s, 100 per 30 s where the bot is broadcaster, moderator or VIP (Twitch chat
 * docs, 2026-08); used as 19 per 30.5 s and 99 per 30.5 s over all channels of the account,
 * privileged sends counting into the small window without being held by it; 1.1 s between two sends
 * in one channel when not privileged. */
#ifndef OUTBOX_OUTBOX_H
#define OUTBOX_OUTBOX_H

#include "chat/chat.h"

#define OUTBOX_TWIN_MS 30000 /* the same text in the same channel within this time is a twin */

struct outbox;
struct outbox_options {
	size_t lane_max;  /* replies waiting per lane: 100 */
	size_t total_max; /* in all: 1,000 */
};
int outbox_new(const struct outbox_options *o, struct outbox **out) MUST_USE;
void outbox_free(struct outbox *ob); /* frees what waits */

/* The budget of one account (place). Called again after a reload: what was sent stays counted. */
struct outbox_account {
	unsigned place;
	char key[128];        /* names it across restarts: "twitch:60030003" or "twitch:tidalbot" */
	int64_t sends;        /* per window, not privileged */
	int64_t sends_mod;    /* per window, privileged */
	int64_t window_ms;
	int64_t gap_ms;       /* between two sends in one channel, not privileged */
	int64_t joins;        /* channels joined within join_window_ms */
	int64_t join_window_ms;
};
/* ERR_INVALID (key empty or with control characters, negative numbers), ERR_LIMIT, ERR_NOMEM. */
int outbox_account(struct outbox *ob, const struct outbox_account *a) MUST_USE;

/* May one more channel be joined now? 0 = yes, and it is counted; else how long to wait; -1 =
 * never: the place has no account or no joins. Twitch: 20 per 10 s (Twitch chat docs, 2026-08);
 * ignored past it. */
int64_t outbox_join(struct outbox *ob, unsigned place, int64_t now_ms);

/* What the platform says of a channel. Lanes begin not privileged and closed. */
struct outbox_lane {
	bool is_open;        /* joined, connected: replies may go */
	bool is_refused;     /* banned, suspended: waiting replies drop `refused` */
	bool is_privileged;  /* broadcaster, moderator or VIP here */
	int64_t slow_ms;     /* slow mode, applies when not privileged */
	int64_t hold_until_ms; /* the platform asked us to wait */
};
int outbox_lane(struct outbox *ob, unsigned place, const char *channel,
	const struct outbox_lane *l) MUST_USE;

/* Each lane of a place, in the order they were made. */
void outbox_lanes(const struct outbox *ob, unsigned place,
	void (*each)(void *ctx, const char *channel, const struct outbox_lane *l), void *ctx);
/* What is known of a lane. ERR_NOTFOUND. */
int outbox_lane_of(const struct outbox *ob, unsigned place, const char *channel,
	struct outbox_lane *out) MUST_USE;

/* TAKES r. REASON_NONE: it waits. Else why not (late, full, twin, refused, nomem) and r is freed.
 * When a lane or the outbox is full, the least urgent and oldest goes, which may be r itself. */
enum reason outbox_put(struct outbox *ob, struct reply *r, int64_t now_ms) MUST_USE;

/* The next reply that may be sent now, or NULL; then *wait_ms is how long to wait before asking
 * again (-1 = nothing waits): until a lane may speak or a reply grows late, unless a lane changes
 * first. Order: most urgent first, then oldest. GIVES; the send is counted. */
struct reply *outbox_next(struct outbox *ob, int64_t now_ms, int64_t *wait_ms);

/* Replies that died waiting (late, full, gone, refused, stopped): gives one with its reason, or
 * NULL. GIVES. Call until NULL after every other call. */
struct reply *outbox_dropped(struct outbox *ob, int64_t now_ms, enum reason *why);

/* Drops what answers an erased message or user, or goes to a cleared channel: `gone`. */
void outbox_erase(struct outbox *ob, const struct erasure *e);
/* Drops everything of a lane (channel NULL = of the place;
 * place UINT_MAX = all) for this reason. */
void outbox_drop(struct outbox *ob, unsigned place, const char *channel, enum reason why);

size_t outbox_waiting(const struct outbox *ob);
size_t outbox_waiting_lane(const struct outbox *ob, unsigned place, const char *channel);
/* For explain and status: 0 = this lane may speak now, else for how long not; -1 = nobody knows: it
 * is closed, refused, unknown or has no account. */
int64_t outbox_wait_ms(
	const struct outbox *ob, unsigned place, const char *channel, int64_t now_ms);

/* The sliding logs as text, one line a send or join, with wall times, so that a restart keeps the
 * budgets (law 6). Load before accounts are used, and only when there is a file: one that makes no
 * sense, an empty one included, counts as "everything was spent just now" and gives ERR_PARSE (or
 * ERR_NOMEM), for the log; the outbox is good to use in any case. */
int outbox_save(struct outbox *ob, int64_t now_ms, int64_t wall_ms, struct buf *out) MUST_USE;
int outbox_load(struct outbox *ob, struct str text, int64_t now_ms, int64_t wall_ms) MUST_USE;
/* Has a send or join been counted since the last save? */
bool outbox_is_dirty(const struct outbox *ob);
void outbox_not_saved(struct outbox *ob); /* what outbox_save gave reached no disk: dirty again */

#endif
