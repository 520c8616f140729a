/* provider/room.h: what the files of this room share. Nobody else includes it.
 *
 *   pool.c      the providers of a config, their life and their reload
 *   settings.c  copies of what a config says of a provider, and their comparison
 *   route.c     rules: whom an ask goes to, in which order, for which model, and why not
 *   endpoint.c  the servers of a provider: their breakers, and which of them is asked
 *   limit.c     what one provider may be asked, by number and money
 *   penalty.c   parked, disabled, resting: what an answer means for whoever gave it
 *   reset.c     how long a server wants us to stay away
 *   errand.c    requests that ask no model anything
 *   care.c      visits to servers that are out, warming up
 *   call.c      one ask: its wait for a slot, its walk over the providers, its retries, its end
 *   attempt.c   one attempt at one provider: its beginning, its outcome, its row of the ledger
 *   probe.c     is a provider there, and has it our model?
 *   exchange.c  the HTTP of an attempt: the request, and the answer as it comes
 *   price.c     what an attempt may cost, and what it did
 *   judge.c     error classes: their names, and which status or words mean which
 *   request.c   what the request bodies of all vendors have in common
 *   embed.c     the wire of embeddings, which vendors have in two shapes
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

/* embed.c: what the embeddings of vendors have in common: {"model":...,"input":[...]} goes out,
 * one object comes back. An answer that is not one finite vector of the same length for each text
 * is none. */
int provider_embed_ask(const struct conf_provider *c, const struct provider_ask *a,
	struct buf *headers, struct buf *body) MUST_USE;
struct provider_wire *provider_embed_new(const char *content_type);
void provider_embed_free(struct provider_wire *w);
int provider_embed_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s) MUST_USE;
int provider_embed_finish(struct provider_wire *w, struct provider_sink *s) MUST_USE;

/* ---- Reasoning ------------------------------------------------------------------------------- */

/* Adds text without its reasoning, trimmed, to out. Run over a whole answer, never over pieces. */
int provider_think_strip(struct str text, struct buf *out) MUST_USE;

/* ---- Requests and judgements ----------------------------------------------------------------- */

#define PROVIDER_REQUEST_BYTES (512 * 1024) /* a 32 KiB prompt, escaped at worst sixfold */
#define PROVIDER_HEADER_LINES 16            /* five of ours, eight of the config */
#define PROVIDER_HEADERS_BYTES (16 * 1024)  /* a key may be a long token */

/* Adds "messages":[...] of the prompt. */
int provider_add_messages(struct buf *body, const struct prompt *p, bool with_system) MUST_USE;
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

/* One server of a provider. */
struct provider_endpoint {
	const char *url;                /* BORROWED from the provider's conf; NULL = the vendor's */
	bool is_local;                  /* it is this machine; also where there is no wire */
	bool is_out;                    /* it failed, and has not been seen well since */
	size_t in_flight;
	struct io_breaker breaker;
	int64_t rest_until_ms;          /* it asked us to stay away until then (429); 0 = not */
	/* care.c */
	bool is_warming;                /* it loads the model */
	struct provider_errand *errand; /* under way; NULL = none */
	int64_t visited_ms;             /* when the last one began; 0 = never */
	struct provider_cared {
		struct provider_pool *pool;
		struct provider *provider;
		struct provider_endpoint *endpoint;
	} care;                         /* what the errand is about, BORROWED */
};

/* Its list of models, as it came last. */
struct provider_list {
	bool is_known;
	int64_t at_ms;
	size_t count;                   /* as it was told */
	struct buf names;               /* of plain ones, each ended by LF */
};

/* One configured provider. Shared by the pool and the asks that may still go there. */
struct provider {
	int refs;
	struct conf_provider conf;      /* strings owned; `key` is not copied, `secret` is shared */
	const struct provider_ops *ops;
	void *self;                     /* of a backend without a wire */
	struct provider_endpoint *endpoints; /* in the order of the config; one at least */
	size_t endpoint_n;
	struct provider_usage usage;
	struct provider_list list;
	int64_t parked_until_ms;        /* its quota is spent until then; 0 = it is not */
	bool is_disabled;               /* it refused our key; until a reload */
	bool lacks_model;               /* it said so last */
	bool was_warmed;                /* or was asked to */
	char last[256];                 /* last error as a sentence */
};
struct provider *provider_ref(struct provider *p);
void provider_unref(struct provider *p);

/* settings.c: copies of what a config says of a provider. On ERR_NOMEM what was copied is freed by
 * provider_settings_free all the same. */
int provider_settings_copy(struct conf_provider *to, const struct conf_provider *from) MUST_USE;
bool provider_settings_same(const struct conf_provider *a, const struct conf_provider *b);
void provider_settings_free(struct conf_provider *c);
int provider_texts_copy(struct conf_texts *to, const struct conf_texts *from) MUST_USE;

/* endpoint.c */
int provider_endpoints_new(struct provider *p, const struct conf_limits *l) MUST_USE;
/* New numbers for breakers that keep their state and what they counted. */
void provider_endpoints_retune(struct provider *p, const struct conf_limits *l);
/* The breaker of the provider as a whole: closed as long as that of one endpoint is. */
enum io_breaker_state provider_breaker(const struct provider *p);
/* The endpoint that would be asked: of those that may, one that is well, with the fewest calls
 * under way. NULL: none may; *why says what keeps them: NO_MODEL (none is local), RATE_LIMIT,
 * BREAKER. is_retry: it has waited as long as it was told to. */
struct provider_endpoint *provider_endpoint_pick(const struct provider *p, bool is_local_only,
	bool is_retry, int64_t now, enum provider_error *why);
/* Is there one that is well besides those that failed? */
bool provider_endpoint_other(const struct provider *p, bool is_local_only, int64_t now);

/* limit.c. What is used in the windows of now. */
struct provider_usage provider_used(const struct provider *p);
/* Which of its limits keeps p from a call that may cost so much; NULL = none. */
const char *provider_limit_reached(const struct provider *p, int64_t cost);
void provider_limit_take(struct provider *p, int64_t cost);
/* What was taken came to this. */
void provider_limit_settle(struct provider *p, int64_t reserved, int64_t cost);
size_t provider_in_flight(const struct provider *p);

/* reset.c. What the headers of an answer say beside Retry-After: ms from now. -1 = nothing. */
int64_t provider_reset_of(const struct io_http *h);

/* probe.c. Takes the list over from an answer's body. */
enum provider_error provider_list_read(struct provider *p, struct str body, char why[256]);
void provider_list_free(struct provider_list *l);
bool provider_list_is_fresh(const struct provider *p);
bool provider_list_has(const struct provider *p, const char *model);

/* errand.c. done comes once, through the loop, and the errand is gone after it; err is of io, and
 * what stands in the way before anything is sent. */
enum provider_errand_kind { PROVIDER_LIST, PROVIDER_HEALTH, PROVIDER_WARM };
typedef void provider_errand_done(void *ctx, int err, const char *why, int status, struct str body);
struct provider_errand *provider_errand_start(struct provider_pool *pool, struct provider *p,
	const struct provider_endpoint *endpoint, enum provider_errand_kind kind, int64_t within_ms,
	provider_errand_done *done, void *ctx);
void provider_errand_free(struct provider_errand *e); /* without done */

/* care.c. Somebody is out: visits begin. */
void provider_care(struct provider_pool *pool);
void provider_care_due(void *ctx);               /* the pool's timer */
void provider_care_stop(struct provider *p);     /* drops its errands */
void provider_note_health(const struct provider *p, struct provider_endpoint *e, bool is_out);
/* A time limit for a server that may be loading its model. */
int64_t provider_patience_ms(const struct provider_endpoint *e, int64_t ms);

/* One rule of the routes. */
struct provider_rule {
	struct conf_texts triggers, in;
	uint64_t events;                /* EVENT_BITs */
	bool has_events;                /* it names some, even if nobody knows them */
	int64_t longer_than;
	size_t *order;                  /* indexes of providers */
	size_t order_n;
	char *model;
};

/* One provider of an ask, and what it is asked for. */
struct provider_step {
	struct provider *provider;
	const char *model;              /* BORROWED: of the ask, the rule, the provider; or NULL */
};

struct provider_pool {
	struct io *io;
	struct provider **providers;
	size_t n;
	size_t *order;                  /* indexes: the order of fallback where no rule fits */
	size_t order_n;
	struct provider_rule *rules;
	size_t rule_n;
	struct io_timer *care;          /* on while somebody is out */
	int64_t retries, asks;
	provider_stand_in *stand_in;    /* answers instead of them; NULL = they do */
	void *stand_in_ctx;
	struct provider_call *running, *waiting; /* utlist, oldest first */
	size_t running_n, waiting_n;
};

/* route.c: makes rules and order of a config whose providers are already in the pool's order. */
int provider_rules_new(const struct conf *c, struct provider_rule **out) MUST_USE;
void provider_rules_free(struct provider_rule *rules, size_t n);
/* Whom an ask goes to, in order; steps has room for all providers. Gives how many. */
size_t provider_steps(const struct provider_pool *p, const struct provider_ask *a,
	struct provider_step *steps, size_t *rule);
/* What an attempt needs. */
struct provider_need {
	bool is_local_only, is_retry;
	int64_t tokens, max_tokens;     /* of the prompt, of the answer at most */
	int64_t cost;                   /* at most */
};
/* Why p cannot be asked now, NONE = it can; why, if not NULL, gets a clause either way. */
enum provider_error provider_obstacle(const struct provider *p, const struct provider_need *need,
	int64_t now, char why[PROVIDER_WHY_BYTES]);

/* One attempt under way, within its call. */
struct provider_try {
	struct provider *provider;      /* BORROWED from the call's order */
	struct provider_endpoint *endpoint; /* of it */
	const char *model;              /* what it is asked for; NULL = it has none */
	int64_t context_tokens;
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
	struct provider_step *order;
	size_t order_n, at;
	char *model;                    /* that of the ask or the rule; NULL = none */
	bool is_embedding;
	bool is_small;                  /* memory did not suffice: a smaller model or window */
	unsigned tries;                 /* at this provider */
	int attempts;                   /* of the whole ask */
	enum call_state state;
	enum provider_error error;      /* of the last attempt, or why there was none */
	struct buf text;                /* the last attempt's words without reasoning */
	struct io_timer *timer, *deadline;
	unsigned pins;                  /* callbacks of ours or the owner's on the stack */
	struct provider_try try;
};

/* What a million tokens of a model cost at p. */
void provider_price(const struct provider *p, const char *model, int64_t *in, int64_t *out);
/* What an answer may cost at most, in millionths of a dollar. */
int64_t provider_price_most(const struct provider *p, const char *model, int64_t tokens,
	int64_t max_tokens);
/* What an attempt that is over cost: by the tokens that the provider told; when it told none, all
 * that was reserved. */
int64_t provider_price_of(const struct provider_try *t);
/* What a step is asked for: after memory did not suffice, less. */
const char *provider_model_of(const struct provider_call *c, const struct provider_step *s);
int64_t provider_window_of(const struct provider_call *c, const struct provider *p);
/* The longest answer p is asked for. */
int64_t provider_max_tokens(const struct persona *persona, const struct provider *p);
/* Starts an attempt at a server of the step that is at hand, for which so much is reserved. Its
 * end, however early, comes through the loop to provider_call_tried. */
void provider_try_start(struct provider_call *c, struct provider_endpoint *e, int64_t reserved);
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

/* penalty.c. What the outcome means for whoever was asked, beside the breaker. */
void provider_punish(const struct provider_try *t, enum provider_error e, int64_t now);
void provider_pardon(struct provider *p);

/* The wire of what is asked for: words, moderations, embeddings. */
const struct provider_ops *provider_wire_of(const struct provider_call *c);
/* For exchange.c. Starts the request. */
int provider_exchange_start(struct provider_call *c) MUST_USE;
/* Starts any request to the server c.url: o lacks only what c says. path and headers are the
 * backend's; headers is cut apart. */
int provider_send(struct io *io, const struct conf_provider *c, const struct buf *path,
	struct buf *headers, struct io_http_options *o, struct io_http **out) MUST_USE;
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
