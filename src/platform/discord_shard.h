/* platform/discord_shard.h: what the files of a gateway connection share. Not for other files.
 *
 *   discord_gateway.c   the functions of the header: birth, presence, status, end
 *   discord_shard.c     its states, its one timer, connecting, what follows an end
 *   discord_frame.c     what it hears: one function per opcode
 *   discord_beat.c      the heartbeat: when, and when it is not answered
 *   discord_send.c      what it says, and how much it may
 *   discord_inflate.c   zlib-stream
 *   discord_close.c     close codes
 *   discord_session.c   sessions on disk; discord_identify.c the day's IDENTIFYs
 *
 * Everything runs on the loop. Callbacks of the socket and the timer are bracketed by
 * platform_shard_enter and _leave: while inside, a freed gateway keeps its memory. */
#ifndef PLATFORM_DISCORD_SHARD_H
#define PLATFORM_DISCORD_SHARD_H

#include "platform/discord_close.h"
#include "platform/discord_gateway.h"
#include "platform/discord_inflate.h"
#include "platform/discord_session.h"

/* ---- Heartbeat: pure ------------------------------------------------------------------------ */

struct platform_beat {
	int64_t interval_ms; /* 0 = the heart does not beat yet */
	int64_t due_ms;
	int64_t sent_ms;     /* of the last regular one */
	bool is_waiting;     /* that has no answer yet */
	int64_t latency_ms;  /* -1 = none known */
};
/* HELLO: the first is due at a random part of the interval. */
void platform_beat_start(struct platform_beat *b, int64_t interval_ms, int64_t now_ms);
/* Due at now_ms: is the connection dead? */
bool platform_beat_is_dead(const struct platform_beat *b, int64_t now_ms);
void platform_beat_sent(struct platform_beat *b, int64_t now_ms); /* the regular one */
bool platform_beat_answered(struct platform_beat *b, int64_t now_ms); /* true: latency_ms is new */

/* ---- What is said --------------------------------------------------------------------------- */

#define PLATFORM_SENDS 120        /* discord.md 1.3: per 60 s and connection */
#define PLATFORM_SENDS_FREE 110   /* the rest is kept for what keeps the connection */
#define PLATFORM_PRESENCES 5      /* discord.md 1.3: per 20 s */
#define PLATFORM_SAID_BYTES 4096  /* discord.md 1.3: one message */

/* When the last ones were sent on a connection. */
struct platform_sends {
	int64_t at_ms[PLATFORM_SENDS], presence_ms[PLATFORM_PRESENCES];
	size_t n, presences; /* ever; the n-th stands at n % of the ring */
};
/* ms until a presence may go out; beats find room besides. */
int64_t platform_sends_presence_wait(const struct platform_sends *s, const struct platform_beat *b,
	int64_t now_ms);

/* ---- One connection ------------------------------------------------------------------------- */

enum platform_wire_phase {
	PLATFORM_WIRE_NONE,    /* no socket */
	PLATFORM_WIRE_OPENING, /* io's own deadlines */
	PLATFORM_WIRE_HELLO,   /* open, until HELLO */
	PLATFORM_WIRE_QUEUED,  /* until it may IDENTIFY */
	PLATFORM_WIRE_LOGIN,   /* IDENTIFY or RESUME is sent */
	PLATFORM_WIRE_SERVING, /* READY or RESUMED */
};

/* Zeroed with each new socket: nothing of an old one lives on in it. */
struct platform_wire {
	struct io_ws *ws;
	enum platform_wire_phase phase;
	bool is_resume, is_base; /* a RESUME is meant; at the URL of /gateway/bot */
	int64_t since_ms;        /* of the phase, or in LOGIN of the last dispatch */
	int64_t ask_ms;          /* QUEUED: may we now? */
	struct platform_beat beat;
	struct platform_sends sends;
	struct platform_inflate *inflate;
};

struct platform_gateway {
	struct io *io;
	struct platform_gateway_options o; /* its strings are not used; they are below */
	char *url, *ca_file;
	struct io_timer *timer;
	int64_t due_ms;      /* when the timer was to fire */
	int depth;
	bool is_soon, is_doomed, is_stopping;
	int64_t stop_ms;     /* STOPPED is told then */

	enum platform_gateway_state state;
	int close_code;
	char why[384];
	int64_t since_wall_ms;

	struct platform_wire wire;
	unsigned generation; /* of wire: every socket and every end of one makes a new one */
	struct json_tape *tape;

	struct platform_session session;
	bool is_host_bad;        /* the resume URL could not be connected to: the base URL next */
	unsigned failed_resumes; /* in a row: sent, and no RESUMED */
	unsigned failed_identifies; /* in a row: sent, and no minute of service */
	int64_t identified_ms;   /* the last one; with failed_identifies */
	struct io_backoff backoff;
	int64_t retry_ms;        /* without a socket: connect then; INT64_MAX = never again */
	int64_t lost_ms;         /* when lost was told; INT64_MIN = never */
	int logged_err, logged_code; /* in the log already: once per outage and kind */

	char *activity;
	bool is_presence_due;    /* Discord does not know it yet */
	uint64_t resumes, identifies; /* ever sent */
};

/* ---- discord_shard.c ------------------------------------------------------------------------ */

/* How a connection ended and what is next. */
struct platform_end {
	enum platform_next next;
	int err, code;       /* code: the peer's close code, 0 = none */
	int64_t least_ms;    /* before the next try */
	bool is_at_once;     /* no wait, unless that was the last answer already */
	const char *why;
};
void platform_shard_end(struct platform_gateway *g, const struct platform_end *e);
void platform_shard_work(void *ctx); /* the timer fires */
void platform_shard_soon(struct platform_gateway *g);
void platform_shard_enter(struct platform_gateway *g);
void platform_shard_leave(struct platform_gateway *g); /* g may be gone afterwards */
/* Lets the socket go, without a goodbye when code is 0. */
void platform_shard_drop(struct platform_gateway *g, int code);
void platform_shard_hello(struct platform_gateway *g); /* logs in, or waits for its turn */
void platform_shard_ready(struct platform_gateway *g); /* READY or RESUMED */
void platform_shard_keep(struct platform_gateway *g);   /* the session as it stands */
void platform_shard_free(struct platform_gateway *g); /* frees everything */

/* ---- discord_frame.c ------------------------------------------------------------------------ */

void platform_shard_text(void *ctx, char *bytes, size_t n);   /* io_ws_options.message */
void platform_shard_binary(void *ctx, char *bytes, size_t n); /* io_ws_options.binary */

/* ---- discord_send.c ------------------------------------------------------------------------- */

/* All: 0, ERR_LIMIT (too many, or too long), what io_ws_send gives. */
int platform_shard_send_beat(struct platform_gateway *g, bool is_asked_for) MUST_USE;
int platform_shard_send_identify(struct platform_gateway *g) MUST_USE;
int platform_shard_send_resume(struct platform_gateway *g) MUST_USE;
int platform_shard_send_presence(struct platform_gateway *g) MUST_USE;

extern struct metric platform_gateway_ignored;
#endif
