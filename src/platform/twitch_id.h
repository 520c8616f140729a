/* platform/twitch_id.h: calls of Twitch's id server (twitch.md section 4), and what its answers
 * mean. One attempt each: who calls decides about another. Not for other rooms. */
#ifndef PLATFORM_TWITCH_ID_H
#define PLATFORM_TWITCH_ID_H

#include "io/io.h"
#include "platform/twitch_grant.h"

#define PLATFORM_ID_TOTAL_MS 10000        /* these calls are small; an answer after that is none */
#define PLATFORM_ID_BODY_BYTES (64 * 1024)

enum platform_id_call {
	PLATFORM_ID_DEVICE,
	PLATFORM_ID_POLL,
	PLATFORM_ID_REFRESH,
	PLATFORM_ID_VALIDATE
};

enum platform_id_verdict {
	PLATFORM_ID_OK,
	PLATFORM_ID_PENDING, /* poll: nobody has agreed yet */
	PLATFORM_ID_SLOWER,  /* poll: the same, and we ask too often */
	PLATFORM_ID_OVER,    /* poll: this code is used or has run out */
	PLATFORM_ID_DENIED,  /* poll: somebody said no */
	PLATFORM_ID_BAD,     /* the token or the grant is good for nothing any more */
	PLATFORM_ID_WRONG,   /* the request as such: app id, secret, scopes. A person must change
				something */
	PLATFORM_ID_LATER,   /* 429, 5xx, no answer, no sense in it */
};

struct platform_id_answer {
	enum platform_id_verdict verdict;
	int status;              /* 0 = none */
	const struct json *body; /* BORROWED; an object when OK, else perhaps NULL */
	int64_t wait_ms;         /* LATER: what the server asks for; -1 = nothing */
	const char *why;         /* a sentence for people; no secret and no HTML is in it */
};

struct platform_id_options {
	struct io *io;
	enum platform_id_call call;
	const char *id_url, *ca_file;
	struct str client_id, scopes, device_code; /* what the call needs of these */
	const struct secret *client;  /* the app's secret; NULL = it has none */
	const struct secret *token;   /* VALIDATE: access token; REFRESH: refresh token */
	/* Once, unless freed before. It may free the request. */
	void (*done)(void *ctx, const struct platform_id_answer *a);
	void *ctx;
};
struct platform_id;
/* Everything is copied. NULL = no memory, or id_url is no URL. */
struct platform_id *platform_id_start(const struct platform_id_options *o);
/* The request need not be over. NULL is allowed. After done() it is gone by itself. */
void platform_id_free(struct platform_id *r);

#endif
