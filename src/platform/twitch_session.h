/* platform/twitch_session.h: what the files of an EventSub session share. Not for other files.
 *
 *   twitch_session.c   the session: its states, its one timer, hand-over
 *   twitch_eventsub.c  the functions of the header: config, wishes, status
 *   twitch_socket.c    one connection: welcome, keepalive, frames
 *   twitch_subscribe.c subscriptions: their states, asking, answers
 *   twitch_refusal.c   what a no means, and what is taken back
 *   twitch_leftover.c  what is deleted on the server
 *   twitch_seen.c      which notifications were there before, and which are too old
 *
 * Everything runs on the loop. Callbacks of sockets and calls, and the timer, are bracketed by
 * platform_session_enter and _leave: while inside, ended sockets and a freed session keep their
 * memory. */
#ifndef PLATFORM_TWITCH_SESSION_H
#define PLATFORM_TWITCH_SESSION_H

#include "base/hash.h"
#include "platform/twitch_eventsub.h"

#include <utlist.h>

#define PLATFORM_SEEN 4096             /* twitch.md 2.4: ids of at least ten minutes, bounded */
#define PLATFORM_REPLAY_MS (10 * 60000) /* twitch.md 2.4: older messages are replays */
/* A minute longer: how old a message is is known but for the time that stamps are on their way. */
#define PLATFORM_SEEN_MS (PLATFORM_REPLAY_MS + 60000)
#define PLATFORM_SESSION_BYTES 256     /* an id has about 100 characters; nobody promises that */
#define PLATFORM_SESSIONS_KEPT 8       /* ids of sessions of ours that are over */
#define PLATFORM_HANDOVER_MS 25000     /* twitch.md 2.3: then the old one is about to go */
#define PLATFORM_HANDOVER_GAP_MS 5000  /* between two hand-overs, whatever the server asks */
#define PLATFORM_LINGER_MS 500         /* the old socket may still hold what was sent on it */
#define PLATFORM_ASK_AT_ONCE 16        /* subscriptions asked for in parallel */
#define PLATFORM_SLOW_MS (15 * 60000)  /* before a no that may pass is put to the test again */
#define PLATFORM_CLEAN_MS 60000        /* between two looks for what dead sessions left behind */
#define PLATFORM_RETRY_MS 500          /* first retry of a call that got no answer; doubles */
#define PLATFORM_SUBSCRIPTIONS_PATH "/eventsub/subscriptions"

/* ---- Seen
 * ---------------------------------------------------------------------------------------- */

/* Ids of notifications and what the server's clock says, told by stamps that were made when they
 * were sent: of welcomes and keepalives. Our own wall clock has no say (faults.md E6). */
struct platform_seen {
	struct platform_seen_id *ids; /* uthash, oldest first */
	int64_t stamp_ms,
		stamped_at_ms; /* the server's wall clock and our monotonic one; 0 = never */
};
void platform_seen_fini(struct platform_seen *s);
/* Was this id there within ten minutes? It is from now on. Without memory it was not. */
bool platform_seen_before(struct platform_seen *s, struct str id, int64_t now_ms);
void platform_seen_stamp(struct platform_seen *s, int64_t stamp_ms, int64_t now_ms);
bool platform_seen_is_stale(const struct platform_seen *s, int64_t stamp_ms, int64_t now_ms);

/* ---- Sockets
 * ------------------------------------------------------------------------------------- */

enum platform_socket_phase {
	PLATFORM_SOCKET_OPENING,  /* io's own deadlines */
	PLATFORM_SOCKET_GREETING, /* until the welcome */
	PLATFORM_SOCKET_SERVING,
	PLATFORM_SOCKET_ENDED,
};
struct platform_socket {
	struct platform_eventsub *session;
	struct io_ws *ws;
	enum platform_socket_phase phase;
	bool is_handover;     /* its session has our subscriptions already */
	int64_t since_ms;     /* of the phase */
	int64_t heard_ms;     /* last message; Pings do not count */
	int64_t silence_ms;   /* longer is death */
	struct platform_socket *next; /* utlist: the ended ones */
};
/* NULL = no memory or no URL. */
struct platform_socket *platform_socket_open(struct platform_eventsub *s, const char *url,
	bool is_handover);
void platform_socket_drop(struct platform_socket *k);  /* now; NULL allowed */
void platform_socket_close(struct platform_socket *k); /* with a close frame; NULL allowed */
/* Deadlines; gives when to look again. May end it. */
int64_t platform_socket_tend(struct platform_socket *k, int64_t now_ms);

/* ---- Subscriptions
 * ------------------------------------------------------------------------------- */

/* WANTED (not before due_ms) -> ASKED (call under way) -> ACTIVE, or WANTED later, or REFUSED: a
 * person must change something. A lost session makes WANTED of ASKED and ACTIVE. */
enum platform_sub_state {
	PLATFORM_SUB_WANTED, PLATFORM_SUB_ASKED, PLATFORM_SUB_ACTIVE, PLATFORM_SUB_REFUSED,
};
struct platform_sub {
	struct platform_eventsub *session;
	struct platform_wish wish;
	enum platform_sub_state state;
	int64_t due_ms;
	unsigned tries;
	bool is_limited;      /* a 429: asked again once leftovers are deleted */
	bool waits_for_token; /* another token would change the answer */
	struct platform_helix_task *task;
	char id[64];   /* the server's; "" when it was there before we asked */
	char why[256]; /* it is not there */
	struct platform_sub *prev, *next; /* utlist, in order of importance */
};
/* Asks for what is due; gives when to look again. */
int64_t platform_subs_ask(struct platform_eventsub *s, int64_t now_ms);
/* When the first of those that are not there is due; INT64_MAX = none ever. */
int64_t platform_subs_due(const struct platform_eventsub *s);
size_t platform_subs_count(const struct platform_eventsub *s, enum platform_sub_state state);
/* The session they were on is over. */
void platform_subs_lost(struct platform_eventsub *s, const char *why);
/* A person did something: what was refused or waits long is asked for again. */
void platform_subs_again(struct platform_eventsub *s);
/* The token changed: what waited for that is asked for again. */
void platform_subs_new_token(struct platform_eventsub *s);
/* Frees it; asks the server to delete it if it is there. */
void platform_sub_remove(struct platform_eventsub *s, struct platform_sub *sub, bool is_told);
/* The frame of a revocation. */
void platform_subs_revoked(struct platform_eventsub *s, const struct json_item *subscription);
/* Ends every call without its answer. */
void platform_subs_fini(struct platform_eventsub *s);
/* Not before a person did something. */
void platform_sub_refuse(struct platform_sub *sub, const char *why);
/* A no that may become a yes without us being told: asked again rarely. action: of the log. */
void platform_sub_refuse_for_now(struct platform_sub *sub, const char *action, const char *why);
/* After a random wait that doubles from base_ms. */
void platform_sub_retry(struct platform_sub *sub, int64_t base_ms, const char *why);
void platform_sub_log(const struct platform_sub *sub, const char *action);

/* Refuses it if the token lacks a scope it needs. */
bool platform_refused_for_scope(struct platform_sub *sub);
void platform_refused_unauthorized(struct platform_sub *sub);
void platform_refused_forbidden(struct platform_sub *sub, const struct platform_helix_answer *a);
void platform_refused_limit(struct platform_sub *sub, const struct platform_helix_answer *a);
void platform_refused_bad_request(struct platform_sub *sub, const struct platform_helix_answer *a);

/* Deletes one subscription, whatever comes of it. */
void platform_leftover_delete(struct platform_eventsub *s, struct str id);
/* Deletes what dead sessions of ours left behind; at most once in PLATFORM_CLEAN_MS. */
void platform_leftovers_clean(struct platform_eventsub *s);

/* A call whose answer matters to nobody any more but must not find us gone. */
struct platform_errand {
	struct platform_eventsub *session;
	struct platform_helix_task *task;
	struct platform_errand *prev, *next;
};

/* ---- The session
 * --------------------------------------------------------------------------------- */

struct platform_eventsub {
	struct io *io;
	struct platform_eventsub_options o; /* conf and callbacks; conf is not used after new */
	struct io_timer *timer;
	int64_t due_ms;      /* when the timer was to fire */
	int depth;
	bool is_doomed, is_soon;

	char *name, *url, *ca_file; /* of the config */
	enum platform_state state;
	char why[256];
	int64_t since_wall_ms;
	char user_id[PLATFORM_NUMBER_BYTES]; /* whose session it is */
	bool was_refused;    /* the token: once it is there, everything is tried again */
	bool has_new_token, must_restart;

	struct io_backoff backoff;
	int64_t retry_ms;    /* without a socket: not before; with one: open another at; 0 = no */
	int logged_err, logged_code;
	struct platform_socket *serving, *coming, *going, *ended;
	char *reconnect_url; /* where to go at handover_ms */
	int64_t handover_ms; /* 0 = nowhere */
	int64_t handed_ms;   /* when it was done last */

	char id[PLATFORM_SESSION_BYTES]; /* of the session; "" before the welcome */
	char over[PLATFORM_SESSIONS_KEPT][PLATFORM_SESSION_BYTES];
	unsigned over_at;

	struct platform_sub *subs;   /* utlist */
	int64_t ask_ms;              /* nothing is asked for before; while Helix does not answer */
	unsigned unanswered;         /* tries in a row that nobody answered */
	struct platform_errand *errands;
	struct platform_helix_task *cleaning;
	int64_t cleaned_ms;          /* when it was looked for leftovers; 0 = never */
	int64_t cost, max_cost;      /* as the last answer told; -1 = it did not */
	struct platform_seen seen;
	struct json_tape *tape;      /* of the frame that is being read */
};

void platform_session_enter(struct platform_eventsub *s);
void platform_session_leave(struct platform_eventsub *s); /* s may be gone afterwards */
void platform_session_soon(struct platform_eventsub *s);
void platform_session_work(void *ctx); /* the timer fires */
void platform_session_end(struct platform_eventsub *s); /* frees everything */
/* A socket was welcomed under this id. */
void platform_session_welcome(struct platform_socket *k, struct str id);
/* The server asks to go to url. */
void platform_session_reconnect(struct platform_socket *k, struct str url);
/* The socket is over. code: of its close frame, 0 = none. */
void platform_session_ended(struct platform_socket *k, int err, int code, const char *why);
/* The session is unknown to the server: a new one. */
void platform_session_gone(struct platform_eventsub *s, const char *why);
/* The first subscription is there. */
void platform_session_up(struct platform_eventsub *s);

#endif
