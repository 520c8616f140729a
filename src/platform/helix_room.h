/* platform/helix_room.h: what the files of Twitch's REST interface share. Not for other rooms, nor
 * for other files of this one.
 *   twitch_helix.c    the calls that wait and run; the one retry layer
 *   helix_request.c   one HTTP exchange of a call, and what its answer means
 *   helix_limit.c     points, pure
 *   twitch_say.c      sending chat messages
 * Owners are called back from the timer's work only, so never from within their own calls. */
#ifndef PLATFORM_HELIX_ROOM_H
#define PLATFORM_HELIX_ROOM_H

#include <utlist.h>

#include "platform/credential.h"
#include "platform/helix_limit.h"
#include "platform/twitch_helix.h"

#define PLATFORM_CALLS 64        /* waiting or running, of one token */
#define PLATFORM_CALLS_AT_ONCE 5 /* as many as may be refused at once (faults.md R3) */
#define PLATFORM_CALL_MS 10000
#define PLATFORM_PATH_BYTES 4096 /* a hundred ids or names */
#define PLATFORM_CALL_BODY_BYTES 8192
#define PLATFORM_ANSWER_BYTES (512 * 1024) /* a hundred users or streams are about 100 kB */
#define PLATFORM_MESSAGE_BYTES 201

/* WAITING -> RUNNING -> OVER, or back to WAITING for one more try; RUNNING -> REJECTED (401; the
 * token is being renewed) -> WAITING or OVER. OVER: its end is told by the next work. */
enum platform_task_state {
	PLATFORM_TASK_WAITING,
	PLATFORM_TASK_RUNNING,
	PLATFORM_TASK_REJECTED,
	PLATFORM_TASK_OVER,
};

struct platform_helix_task {
	struct platform_helix *helix;
	struct platform_helix_task *prev, *next; /* utlist, in the order they were asked for */
	enum platform_task_state state;
	struct platform_helix_call call; /* its strings are these: */
	char *method, *path, *body;
	struct platform_bucket *bucket;
	int64_t deadline_ms, not_before_ms; /* clock_mono_ms */
	bool is_repeated; /* the one more try after a failure is used up */
	bool is_renewed;  /* the one more try with a renewed token is */
	struct secret *used;
	struct io_http *http;
	struct buf answer;
	int err, status;
	struct json *json;
	char message[PLATFORM_MESSAGE_BYTES];
	char why[320];
	bool is_told;
};

struct platform_say {
	struct platform_helix *helix;
	struct platform_say *prev, *next; /* utlist */
	struct reply *reply;
	struct platform_helix_task *task;
	bool has_parent;     /* shown as a reply */
	const char *refused; /* at the door, to be told: why */
	void (*done)(void *ctx, const char *turn, enum reason why_not, const char *why);
	void *ctx;
};

enum { PLATFORM_BUCKET_CHAT, PLATFORM_BUCKET_REST, PLATFORM_BUCKETS };

struct platform_helix {
	struct io *io;
	struct io_timer *timer;
	struct platform_token *token;
	char *api_url, *ca_file, *client_id; /* client_id: of the config, NULL = none */
	bool has_threads;
	struct platform_helix_task *tasks;
	struct platform_say *says;
	unsigned count, running;
	struct platform_bucket buckets[PLATFORM_BUCKETS];
	struct platform_refusals refusals;
	int64_t calls, failures;
	int depth;
	bool is_doomed;
};

/* twitch_helix.c */
/* The timer does what is due, right after this. */
void platform_helix_soon(struct platform_helix *h);
void platform_task_over(struct platform_helix_task *t, int err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* helix_request.c */
/* Sends the call once; it is RUNNING or OVER then. */
void platform_task_send(struct platform_helix_task *t);
void platform_task_unsend(struct platform_helix_task *t); /* its answer is not wanted any more */
bool platform_task_has_token(const struct platform_helix_task *t); /* one it may be sent with */

/* twitch_say.c */
void platform_says_tell(struct platform_helix *h); /* those refused at the door */
void platform_says_free(struct platform_helix *h);

#endif
