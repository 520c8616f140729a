/* provider/room.h: what the files of this room share. Nobody else includes it.
 *
 *   pool.c      the providers of a config, their breakers, reload
 *   call.c      one ask: its wait for a slot, its walk over the providers, its retries, its end
 *   attempt.c   one attempt at one provider: its beginning, its outcome, its row of the ledger
 *   probe.c     is a provider there, and has it our model?
 *   exchange.c  the HTTP of an attempt: the request, and the answer as it comes
 *   price.c     what an attempt may cost, and what it did
 *   judge.c     error classes: their names, and which status or words mean which
 *   request.c   what the request bodies of all vendors have in common
 *   stream.c    the wire of those that stream server-sent events
 *   sse.c ndjson.c think.c   bytes to events, bytes to lines, words without the reasoning: pure */
#ifndef PROVIDER_ROOM_H
#define PROVIDER_ROOM_H

#include "provider/provider.h"

struct provider;

/* ---- Framing: bytes at any split go in, whole events and lines come out ---------------------- */

/* Server-sent events as WHATWG reads them (ai-providers.md 5.1). */
struct provider_sse {
	struct buf line;  /* the line that is not whole yet */
	struct buf data;  /* of the event that is not whole yet, each line ended by LF */
	char name[32];    /* event name, "" = message */
	bool has_cr;      /* the last byte was CR: an LF that follows belongs to it */
	bool has_begun;   /* the first line, which may hold a BOM, is over */
};
void provider_sse_init(struct provider_sse *s, size_t max); /* of a line, and of an event's data */
void provider_sse_fini(struct provider_sse *s);
/* Calls event for every event that became whole; name and data are BORROWED. Stops at the first
 * nonzero it gives and passes that on. ERR_LIMIT, ERR_NOMEM. An event that no empty line closed is
 * never told, as the standard wants. */
int provider_sse_feed(struct provider_sse *s, const char *bytes, size_t n,
	int (*event)(void *ctx, const char *name, struct str data), void *ctx) MUST_USE;

/* Lines ended by LF or CRLF; blank ones are skipped, a BOM before the first is dropped. */
struct provider_ndjson {
	struct buf line;
	bool has_begun;
};
void provider_ndjson_init(struct provider_ndjson *l, size_t max);
void provider_ndjson_fini(struct provider_ndjson *l);
int provider_ndjson_feed(struct provider_ndjson *l, const char *bytes, size_t n,
	int (*line)(void *ctx, struct str text), void *ctx) MUST_USE;
/* The bytes have ended: what is left is told as a line. */
int provider_ndjson_end(struct provider_ndjson *l, int (*line)(void *ctx, struct str text),
	void *ctx) MUST_USE;

/* The wire of those that stream events of one JSON object each, or answer with one object: the
 * three of provider_ops with what is particular to a vendor, how it reads an object, as an
 * argument. */
typedef int provider_read(struct provider_sink *s, const struct json *v);
struct provider_wire *provider_stream_new(const char *content_type);
void provider_stream_free(struct provider_wire *w);
int provider_stream_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s, provider_read *read) MUST_USE;
int provider_stream_finish(struct provider_wire *w, struct provider_sink *s,
	provider_read *read) MUST_USE;

/* ---- Reasoning ------------------------------------------------------------------------------- */

/* Adds text without its reasoning, trimmed, to out. Run over a whole answer, never over pieces. */
int provider_think_strip(struct str text, struct buf *out) MUST_USE;

/* ---- Requests and judgements ----------------------------------------------------------------- */

#define PROVIDER_REQUEST_BYTES (512 * 1024) /* a 32 KiB prompt, escaped at worst sixfold */
#define PROVIDER_HEADER_LINES 16
#define PROVIDER_HEADERS_BYTES (16 * 1024)  /* a key may be a long token */

/* Adds "messages":[...] of the prompt. */
int provider_add_messages(struct buf *body, const struct prompt *p, bool with_system) MUST_USE;
/* Base URL without its last slashes, and the path. */
int provider_add_url(struct buf *url, const struct provider *p, const struct buf *path) MUST_USE;
/* Cuts the lines apart in place. ERR_LIMIT: there are too many. */
int provider_list_headers(
	struct buf *headers, const char *list[PROVIDER_HEADER_LINES + 1]) MUST_USE;
/* Adds a number with three decimals, whatever the locale. */
int provider_add_number(struct buf *body, double n) MUST_USE;
#define PROVIDER_BEARER "Authorization: Bearer "
/* Adds the key after this beginning of its line, when c has one.
 * ERR_INVALID: the key would break the header. */
int provider_add_key(struct buf *headers, const char *before, const struct conf_provider *c)
	MUST_USE;

/* Finds the error in an answer object, in any of the shapes in use; false when there is none. */
bool provider_error_in(const struct json *answer, int status, enum provider_error *e,
	char message[256]);
/* What a status alone says. */
enum provider_error provider_judge_status(int status);
/* The judge of most vendors: JSON or not. */
enum provider_error provider_judge(int status, int64_t retry_after_ms, struct str body,
	char message[256]);
/* A page for people where an answer for programs belongs? */
bool provider_is_page(const char *content_type);
/* One line without controls, capped, and without the secret or the beginning of one. */
void provider_scrub(struct str text, const struct secret *key, char out[256]);
/* Copies as much as fits, cut at a character. */
void provider_copy(char *out, size_t size, struct str s);

/* ---- Providers, asks, attempts --------------------------------------------------------------- */

/* One configured provider. Shared by the pool and the asks that may still go there. */
struct provider {
	int refs;
	struct conf_provider conf;      /* strings owned; `key` is not copied, `secret` is shared */
	const struct provider_ops *ops;
	void *self;                     /* of a backend without a wire */
	struct io_breaker breaker;
	int64_t rest_until_ms;          /* it asked us to stay away until then (429); 0 = not */
	char last[256];                 /* last error as a sentence */
};
struct provider *provider_ref(struct provider *p);
void provider_unref(struct provider *p);

struct provider_pool {
	struct io *io;
	struct provider **providers;
	size_t n;
	size_t *order;                  /* indexes: the order of fallback */
	size_t order_n;
	int64_t retries, asks;
	provider_stand_in *stand_in;    /* answers instead of them; NULL = they do */
	void *stand_in_ctx;
	struct provider_call *running, *waiting; /* utlist, oldest first */
	size_t running_n, waiting_n;
};
/* i-th provider an ask with this persona goes to; NULL past the end. */
struct provider *provider_in_order(const struct provider_pool *p, const struct persona *persona,
	size_t i);

/* One attempt under way, within its call. */
struct provider_try {
	struct provider *provider;      /* BORROWED from the call's order */
	bool is_on;
	struct io_http *http;
	struct provider_wire *wire;
	struct provider_sink sink;
	struct buf refusal;             /* body of an answer that is not 200 */
	int status;
	int64_t started_ms, first_ms;   /* first_ms: -1 = no token came */
	int64_t told_ms;                /* when so_far was told last; 0 = not yet */
	size_t told_bytes;              /* of the sink's text then */
	int64_t retry_after_ms;         /* -1 = not told */
	double temperature;
	int64_t max_tokens;
	int64_t reserved;               /* what may_spend() let */
	bool was_sent;                  /* something of the request left */
};

/* States of a call and its legal moves:
 *   WAITING -> READY (a slot became free) -> ASKING (an attempt is under way)
 *   ASKING -> PAUSED (before a retry) -> ASKING;  ASKING -> ASKING (the next provider)
 *   any -> OVER: done was or will not be called; memory goes when no callback is on the stack. */
enum call_state { CALL_WAITING, CALL_READY, CALL_ASKING, CALL_PAUSED, CALL_OVER };

struct provider_call {
	struct provider_pool *pool;     /* NULL once OVER: the pool may be gone */
	struct provider_call *prev, *next;
	struct provider_ask ask;
	char turn[65];
	struct provider **order;
	size_t order_n, at;
	unsigned tries;                 /* at this provider */
	int attempts;                   /* of the whole ask */
	enum call_state state;
	enum provider_error error;      /* of the last attempt, or why there was none */
	struct buf text;                /* the last attempt's words without reasoning */
	struct io_timer *timer, *deadline;
	unsigned pins;                  /* callbacks of ours or the owner's on the stack */
	struct provider_try try;
};

/* What an answer of p may cost at most, in millionths of a dollar. */
int64_t provider_price_most(const struct provider_call *c, const struct provider *p);
/* What an attempt that is over cost: by the tokens that the provider told; when it told none, all
 * that was reserved. */
int64_t provider_price_of(const struct provider_try *t, bool *is_estimated);
/* The longest answer p is asked for. */
int64_t provider_max_tokens(const struct provider_call *c, const struct provider *p);
/* Starts an attempt at p, for which so much is reserved. Its end, however early, comes through the
 * loop to provider_call_tried. */
void provider_try_start(struct provider_call *c, struct provider *p, int64_t reserved);
/* The call's timer ran out while an attempt is on: a scripted answer is due, or a whole answer has
 * lingered long enough. */
void provider_try_timer(struct provider_call *c);
/* Ends the attempt under way before its time: TIMEOUT or CANCELLED. Gives what it came to; the
 * owner's attempt() has been told. The call may be OVER after it. */
enum provider_error provider_try_stop(struct provider_call *c, enum provider_error why);
/* Tells what has come so far, if somebody wants to know and it is due. The call may be OVER after
 * it, and gone. */
void provider_try_tell(struct provider_call *c);
/* Drops the attempt without telling anybody. */
void provider_try_drop(struct provider_call *c);

/* For exchange.c. Starts the request. */
int provider_exchange_start(struct provider_call *c) MUST_USE;
/* Notes an error and its sentence; provider_try_end makes it the outcome. */
void provider_try_fail(struct provider_try *t, enum provider_error e, const char *message);
/* The attempt ended by itself: err and why of io, 0 and NULL when it went well. The call may be
 * gone after it. */
void provider_try_end(struct provider_call *c, int err, const char *why);

/* An attempt ended by itself with e; the owner has been told. has_begun: words had come. */
void provider_call_tried(struct provider_call *c, enum provider_error e, bool has_begun,
	int64_t retry_after_ms);
/* Ends a call without telling its owner. */
void provider_call_drop(struct provider_call *c);
void provider_call_pin(struct provider_call *c);
/* Gives false when the call is gone. */
bool provider_call_unpin(struct provider_call *c);
/* Lets waiting calls run while there are slots. */
void provider_pool_fill(struct provider_pool *p);

void provider_note_breaker(const struct provider *p); /* the gauge */
void provider_note_inflight(const struct provider_pool *p);

#endif
