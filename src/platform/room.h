/* platform/room.h: what the files of an IRC place share. Not for other rooms.
 *
 *   twitch_irc.c    the place: its states, its one timer
 *   irc_ops.c       the functions of platform_ops: config, sending, status, the end
 *   irc_link.c      one connection: login, pings, lines
 *   irc_channel.c   one channel: join, lane, replies whose outcome is open
 *   irc_command.c   one function per command of the server
 *
 * Everything runs on the loop. Wire callbacks and the timer are bracketed by platform_irc_enter and
 * _leave: while inside, ended links and a freed place keep their memory, so no caller up the stack
 * finds it gone. */
#ifndef PLATFORM_ROOM_H
#define PLATFORM_ROOM_H

#include <utlist.h>

#include "base/hash.h"
#include "platform/irc_event.h"
#include "platform/platform.h"
#include "platform/twitch_notice.h"
#include "platform/twitch_token.h"

#define PLATFORM_LOGIN_MS 10000   /* faults.md section 7: login, welcome */
#define PLATFORM_IDLE_MS 60000    /* then we ask whether anybody is there (faults.md N3) */
#define PLATFORM_DEAD_MS 10000    /* and give up on an unanswered question */
#define PLATFORM_JOIN_MS 10000    /* twitch.md 1.2: no answer by then is a refusal */
#define PLATFORM_REJOIN_MS 30000  /* first retry of a failed join; doubles */
#define PLATFORM_BANNED_MS 900000 /* retry-long, and the longest wait between joins */
#define PLATFORM_ACK_MS 5000      /* twitch.md 1.9: neither echo nor notice by then = unknown */
#define PLATFORM_TRUST_MS 300000  /* retry-long: a bad certificate */
#define PLATFORM_SLEPT_MS 10000   /* faults.md N10: a timer this late means the host slept */
#define PLATFORM_TICK_MS 5000     /* how often that is looked for while connected */
#define PLATFORM_RETELL_MS 1000   /* until a lane that its owner had no memory for is told again */
#define PLATFORM_NICK_TRIES 5
#define PLATFORM_LOGINS 2         /* faults.md W3: refused, renewed, refused again: enough */

enum platform_phase { PLATFORM_OPENING, PLATFORM_LOGIN, PLATFORM_SERVING, PLATFORM_ENDED };

/* One connection. Owned by the place that opened it. */
struct platform_link {
	struct platform_irc *place;
	struct io_ws *ws;
	enum platform_phase phase;
	int64_t since_ms;  /* of the phase */
	int64_t heard_ms;  /* last line */
	int64_t asked_ms;  /* our PING that is not answered, 0 = none */
	struct secret *used; /* the token it logs in with */
	char nick[PLATFORM_NICK_BYTES];
	unsigned nick_tries;
	bool is_drained;   /* left behind: nothing of before the hand-over is on its way any more */
	bool has_tags;     /* ordinary IRC: message-tags was granted */
	char wanted[128];  /* ordinary IRC: capabilities to ask for, of those offered */
	struct platform_link *next; /* utlist: the ended ones */
};

enum platform_join { PLATFORM_WANTED, PLATFORM_ASKED, PLATFORM_JOINED, PLATFORM_FAILED };

/* Where we stand with a channel on one link. WANTED -> ASKED (JOIN sent) -> JOINED, or -> FAILED
 * (no answer, or a no) -> WANTED at at_ms. A lost link makes WANTED of ASKED and JOINED; FAILED
 * stays, so that reconnecting is no way around the wait. */
struct platform_seat {
	enum platform_join join;
	int64_t at_ms; /* ASKED: since; FAILED: until */
	unsigned tries;
};

struct platform_channel {
	char *name; /* without '#', lower case */
	struct platform_seat seat;      /* on the serving link */
	struct platform_seat next_seat; /* on the one that comes */
	bool is_leaving;                /* not wanted any more: PART and forget */
	bool is_refused;
	bool is_mode_held;              /* lane.hold_until_ms waits for a change of mode */
	struct outbox_lane lane, told;
	struct reply *sent; /* utlist, oldest first: owner = the link, dies_ms = when unknown */
	struct platform_members members;
	UT_hash_handle hh;
};

struct platform_irc {
	struct io *io;
	struct io_timer *timer;
	int64_t due_ms;         /* when the timer was to fire */
	int64_t slept_mono_ms, slept_wall_ms; /* both clocks at the last look */
	struct platform_owner owner;
	unsigned place;
	bool is_twitch;

	/* of the config */
	char *name, *url, *ca_file, *account, *token_hint;
	struct secret *secret;
	bool has_threads;
	struct platform_token *token; /* BORROWED; NULL = secret as it is */
	bool is_waiting;         /* for a token that can be used: nothing is opened until then */
	unsigned refusals;       /* logins refused in a row */

	enum platform_state state;
	int64_t since_wall_ms;
	char why[384];
	int logged_err; /* the failure that is in the log already: once per outage and kind */
	enum io_phase logged_phase;
	struct io_backoff backoff;
	int64_t retry_ms;        /* DOWN: connect then; UP: open the next link then; 0 = no */
	struct platform_link *serving, *coming, *going; /* see twitch_irc.c */
	struct platform_link *ended;
	struct platform_channel *channels; /* uthash by name, in the order of the config */
	struct reply *refused;   /* utlist: outcomes to tell, owner = why */
	unsigned ping_count;
	struct platform_maker maker;
	struct platform_modes modes;
	bool must_reconnect;     /* after a reload */
	bool is_soon;            /* asked for while the timer's work runs: once more */
	bool is_stopping, is_doomed;
	int64_t stop_ms;
	int depth;
};

extern struct metric platform_lines, platform_lines_dropped, platform_place_up;

/* twitch_irc.c */
void platform_irc_enter(struct platform_irc *p);
void platform_irc_leave(struct platform_irc *p); /* p may be gone afterwards */
bool platform_irc_is_mute(const struct platform_irc *p); /* the owner hears nothing any more */
void platform_irc_work(void *ctx);               /* the timer fires */
void platform_irc_soon(struct platform_irc *p);  /* the timer does what is due, right after this */
void platform_irc_up(struct platform_link *k);   /* logged in */
void platform_irc_reconnect(struct platform_link *k);
/* Our name and id as k knows them now. */
void platform_irc_self(struct platform_link *k, struct str user_id);
/* The link is over. is_refused: a login that is not tried again; why goes to people. */
void platform_irc_ended(struct platform_link *k, int err, enum io_phase phase, bool is_refused,
	const char *why);

/* irc_ops.c */
/* platform_irc_new for an account whose token renews itself;
 * NULL = the config's secret as it is. */
int platform_irc_new_with(struct io *io, unsigned place, const struct conf_place *c,
	struct platform_token *token, const struct platform_owner *owner,
	struct platform *out) MUST_USE;
/* Another token, or none any more; a reload follows. */
void platform_irc_set_token(struct platform *irc, struct platform_token *token);
void platform_irc_token_changed(struct platform *irc);
/* What was said in a channel another way was refused: what the NOTICE of this id would mean. */
void platform_irc_refused(struct platform *irc, const char *channel, const char *why);
/* "Put a fresh token into ..." as a person would do it. GIVES. */
char *platform_irc_token_hint(const struct conf_place *c);
void platform_irc_bury(struct platform_irc *p); /* frees the ended links */
void platform_irc_end(struct platform_irc *p);  /* frees everything */

/* irc_link.c */
struct platform_link *platform_link_open(struct platform_irc *p); /* NULL = no memory */
void platform_link_drop(struct platform_link *k);  /* now; memory goes at platform_irc_leave */
void platform_link_close(struct platform_link *k); /* QUIT and a proper close */
int platform_link_send(struct platform_link *k, bool ahead, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_USE;
/* Deadlines and pings; gives when to look again. May end the link. */
int64_t platform_link_tend(struct platform_link *k, int64_t now_ms);
void platform_link_ask(struct platform_link *k, int64_t now_ms); /* PING, unless one is out */
/* Begins to leave k behind: asks for a sign that all it had to say before has been heard. */
void platform_link_drain(struct platform_link *k);
void platform_link_pong(struct platform_link *k, struct str text);
void platform_link_welcome(struct platform_link *k, struct str nick);
void platform_link_cap(struct platform_link *k, const struct platform_line *l);
void platform_link_nick_taken(struct platform_link *k);

/* irc_command.c */
void platform_irc_line(struct platform_link *k, const struct platform_line *l);
void platform_irc_drop_line(const char *why); /* counts a line that became no event */

/* irc_channel.c */
struct platform_channel *platform_channel_find(struct platform_irc *p, struct str name);
int platform_channel_add(struct platform_irc *p, const char *name) MUST_USE;
void platform_channel_free(struct platform_irc *p, struct platform_channel *ch);
struct platform_seat *platform_channel_seat(struct platform_channel *ch,
	const struct platform_link *k); /* NULL for a link that is going */
void platform_channel_joined(struct platform_channel *ch, struct platform_link *k);
/* The join was refused or we were thrown out: for_ms until the next try; 0 = by the backoff. */
void platform_channel_lost(struct platform_channel *ch, struct platform_link *k, int64_t for_ms,
	const char *why);
void platform_channel_lane(struct platform_irc *p, struct platform_channel *ch); /* tells changes */
void platform_channels_unseat(struct platform_irc *p); /* the serving link is gone */
/* Sends JOINs as the budget allows and fails those without answer. Gives when to look again. */
int64_t platform_channels_join(struct platform_irc *p, struct platform_link *k, int64_t now_ms);
bool platform_channels_are_settled(struct platform_irc *p); /* on the coming link */
/* The oldest reply sent on k in ch has its outcome. False when none is open. */
bool platform_channel_settle(struct platform_irc *p, struct platform_channel *ch,
	const struct platform_link *k, enum reason r, const char *why);
/* All replies that went over k and are open are UNKNOWN_SENT. */
void platform_channels_unknown(struct platform_irc *p, const struct platform_link *k);
bool platform_channels_wait_for(const struct platform_irc *p, const struct platform_link *k);
/* Replies without answer, and lanes that are to be told again. Gives when to look again. */
int64_t platform_channels_tend(struct platform_irc *p, int64_t now_ms);

#endif
