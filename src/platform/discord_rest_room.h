/* platform/discord_rest_room.h: what the files of Discord's REST interface share. Not for other
 * rooms, nor for other files of this one.
 *   discord_rest.c    the calls that wait and run; which may go out, which are over
 *   discord_call.c    one HTTP exchange of a call, and what its answer means; the one retry layer
 *   discord_bucket.c  limits, pure
 *   discord_error.c   Discord's own codes, pure
 * Owners are called back from the timer's work only, so never from within their own calls. */
#ifndef PLATFORM_DISCORD_REST_ROOM_H
#define PLATFORM_DISCORD_REST_ROOM_H

#include <utlist.h>

#include "platform/credential.h"
#include "platform/discord_bucket.h"
#include "platform/discord_error.h"
#include "platform/discord_rest.h"

#define PLATFORM_REST_CALLS 256
#define PLATFORM_REST_RUNNING_MAX 5 /* as many as may be refused at once (faults.md R3) */
#define PLATFORM_REST_CALL_MS 10000
#define PLATFORM_REST_TRY_MS 6000   /* of one exchange: a second one fits into what is left */
#define PLATFORM_REST_PATH_BYTES 1024
#define PLATFORM_REST_BODY_BYTES (1024 * 1024) /* 100 commands of 8,000 characters */
#define PLATFORM_REST_WAIT_MAX_MS INT64_C(86400000)

/* WAITING -> RUNNING -> OVER, or back to WAITING to be tried once more, in its old place of the
 * queue. OVER: its end is told by the next work. */
enum platform_rest_state {
	PLATFORM_REST_WAITING,
	PLATFORM_REST_RUNNING,
	PLATFORM_REST_OVER,
};

struct platform_rest_task {
	struct platform_rest *rest;
	struct platform_rest_task *prev, *next; /* utlist, in the order they were asked for */
	enum platform_rest_state state;
	struct platform_rest_call call; /* its strings are these: */
	char *method, *path, *body;     /* path: encoded; it may hold a token */
	struct platform_rest_way way;
	struct platform_rest_bucket *bucket;
	int64_t deadline_ms, not_before_ms; /* clock_mono_ms */
	unsigned failures;              /* tries that failed and were repeated */
	bool may_be_done;               /* one of them left, and nobody knows what became of it */
	struct secret *used;
	struct io_http *http;
	struct buf answer;
	int err, status, code;
	int64_t wait_ms;
	struct json *json;
	char field[32];                 /* the longest of a message has 17 characters */
	char why[320];
	bool is_told;
};

struct platform_rest {
	struct io *io;
	struct io_timer *timer;
	struct platform_rest_options o; /* conf and token of it are not used */
	char *api_url, *ca_file;
	struct secret *token;           /* cleaned; NULL = none yet */
	struct platform_rest_task *tasks;
	unsigned count, running;        /* running: those with the token */
	struct platform_rest_buckets buckets;
	struct platform_rest_log log;
	struct platform_rest_invalid invalid;
	struct platform_refusals refusals;
	int64_t sent_ms;                /* when the last one with the token left */
	int64_t global_until_ms;        /* a 429 of all routes */
	int64_t host_until_ms;          /* a ban: interactions do not go either */
	bool is_refused, must_tell;     /* the token is dead; the owner does not know yet */
	char refused_why[320];
	int64_t calls, failures;
	int depth;
	bool is_doomed;
};

/* discord_rest.c */
/* The timer does what is due, right after this. */
void platform_rest_soon(struct platform_rest *r);
void platform_rest_over(struct platform_rest_task *t, int err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* discord_call.c */
/* Sends the call once; it is RUNNING or OVER then. */
void platform_rest_send(struct platform_rest_task *t);
void platform_rest_unsend(struct platform_rest_task *t); /* its answer is not wanted any more */

#endif
