/* platform/discord_rest.h: calls of Discord's REST interface with one bot token. Not for other
 * rooms.
 *
 * One retry layer for all of them, here (discord.md 8.4): buckets by the hash that answers name and
 * the major parameter of the path, one call at a time while a bucket is not known; Reset-After on
 * the monotonic clock; 50 a second over all but interactions; a 429 goes back to the front of its
 * bucket unless its wait outlives the call; 401 stops everything until a reload; invalid requests
 * are counted, and at 1,000 in 10 min calls go slowly, at 5,000 only interactions. 5xx and lost
 * connections are tried again where that is safe: never a create without a nonce. Cloudflare's
 * answers stop the host. Redirects are never followed, bodies of errors never shown in chat. */
#ifndef PLATFORM_DISCORD_REST_H
#define PLATFORM_DISCORD_REST_H

#include "conf/conf.h"
#include "io/io.h"

struct platform_rest;
struct platform_rest_options {
	struct io *io;
	const struct conf_place *conf; /* api_url, ca_file; copied */
	struct secret *token; /* as it was given, cleaned here; NULL = none yet */
	/* The token is dead (401), or is none at all: nothing is sent any more. */
	void (*refused)(void *ctx, const char *why);
	void *ctx;
};
int platform_rest_new(const struct platform_rest_options *o, struct platform_rest **out) MUST_USE;
void platform_rest_free(struct platform_rest *r); /* calls end without their callback */
int platform_rest_reload(struct platform_rest *r, const struct conf_place *conf,
	struct secret *token) MUST_USE; /* and leaves the stop after a 401 */

struct platform_rest_answer {
	/* 0 = a 2xx. ERR_DENIED 401, 403; ERR_NOTFOUND 404, 410; ERR_BUSY a wait that outlives the
	 * call, or stopped; ERR_INVALID 3xx and other 4xx; ERR_IO 5xx; ERR_PARSE a 2xx whose body
	 * is no JSON; ERR_CLOSED it left and no whole answer came; ERR_TIMEOUT its deadline passed
	 * before it left; else what io said. */
	int err;
	int status;              /* of the last answer; 0 = none */
	int code;                /* Discord's own (discord.md 9); 0 = none */
	const struct json *body; /* BORROWED; NULL when there is none */
	const char *field;       /* of 50035: the first field it names, "message_reference"; "" */
	int64_t wait_ms;         /* of ERR_BUSY: so long one would have had to wait; 0 = unknown */
	const char *why;         /* a sentence for the log */
};
struct platform_rest_call {
	const char *method;      /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	/* "/channels/1180000000000000200/messages", below api_url. What may not stand in a URL is
	 * percent-encoded on the way: an emoji is put in as it is. */
	const char *path;
	struct str body;         /* JSON; empty = none */
	bool is_once;            /* not to be repeated when the outcome is unknown */
	bool is_interaction;     /* without Authorization, at once, outside the global limit */
	int64_t deadline_ms;     /* for everything together, waits included; 0 = 10 s */
	void (*done)(void *ctx, const struct platform_rest_answer *a);
	void *ctx;
};
struct platform_rest_task;
/* Makes a call; c is copied. NULL: no memory, 256 wait already, or no such path. done comes once
 * unless cancelled, on a later turn of the loop; the task is gone when it has returned. */
struct platform_rest_task *platform_rest_start(struct platform_rest *r,
	const struct platform_rest_call *c);
void platform_rest_cancel(struct platform_rest_task *t);
/* Adds: calls, failures, waiting, buckets, invalid requests, the end of a stop and why. */
int platform_rest_status(const struct platform_rest *r, struct buf *out) MUST_USE;

#endif
