/* bot/gather.h: events that come in crowds become one. Not for other rooms. Pure: now comes in.
 *
 * Two rules. Of follows, raids, joins, subscriptions and cheers in one channel the first pass at
 * once; what follows within the window is held, and told as ONE event when the window ends: its
 * $(user) the first names, its $(users) "anna, bob and 7 more", its amount the sum. One that was
 * held alone is told as it came. Gifts of one giver are counted together: the announcement of a
 * bomb and its single gifts in any order, the announcement late or never, several bombs: one event
 * with the number of gifts.
 *
 * What does not fit any more (groups, people, memory) is not held but passes: a crowd may then be
 * thanked twice, but nobody is lost. */
#ifndef BOT_GATHER_H
#define BOT_GATHER_H

#include "chat/chat.h"

#define BOT_GATHER_GROUPS 1000     /* kinds times channels, and givers, within a minute */
#define BOT_GATHER_PEOPLE 5000     /* held at once, in all; more are only counted */
#define BOT_GATHER_BATCHES 16      /* bombs of one giver within a minute */
/* Single gifts come up to a minute after their bomb (twitch.md pitfall 26); a bomb that was never
 * announced is waited for no longer. */
#define BOT_GATHER_BATCH_MS 60000
#define BOT_GATHER_USERS_BYTES 300 /* of $(users) */

/* How several people are told: user becomes "anna and bob", users "anna, bob and 7 more". first and
 * second may be NULL: nobody's name is known. ERR_LIMIT: names that do not fit are left out. */
int bot_users_write(const char *first, const char *second, int64_t people, struct buf *user,
	struct buf *users) MUST_USE;

struct bot_gather;
/* GIVES; NULL = no memory. */
struct bot_gather *bot_gather_new(void);
void bot_gather_free(struct bot_gather *g);
/* How long a window is, from the next one on. */
void bot_gather_set_window(struct bot_gather *g, int64_t ms);

/* True: it is held, or part of what was told already. False: it passes. */
bool bot_gather_take(struct bot_gather *g, const struct event *e, int64_t now_ms);
/* GIVES (mem_free) an event whose window has ended, at_ms set to now. NULL: none has; *wait_ms
 * until the next one does, -1 = nothing is held. */
struct event *bot_gather_next(struct bot_gather *g, int64_t now_ms, int64_t *wait_ms);
/* What is held is due now. */
void bot_gather_hurry(struct bot_gather *g);
/* Takes out who is to be forgotten. */
void bot_gather_erase(struct bot_gather *g, const struct erasure *e);
/* Forgets what a place that is gone has told. */
void bot_gather_forget(struct bot_gather *g, unsigned place);
/* Events that are held at present. */
size_t bot_gather_holding(const struct bot_gather *g);
/* For explain: would it be held? Adds a sentence. */
bool bot_gather_ask(const struct bot_gather *g, const struct event *e, int64_t now_ms,
	struct buf *why);

#endif
