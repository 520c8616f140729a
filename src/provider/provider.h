/* provider: ask a model. Routes, retry, breaker, fallback and limits once for all backends.
 *
 * Floor 5. Hides each vendor's wire. A pool is built from the config; an ask walks the providers of
 * its route in order until one gives a whole answer: one attempt and at most `retries` more at
 * each, with full jitter, none after the first byte of text, all within the ask's deadline. A
 * stream is whole only when its terminator came. Reasoning (<think> ...) is stripped here; judging
 * the words is safety's work. */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "conf/conf.h"
#include "io/io.h"
#include "persona/persona.h"

#define PROVIDER_TEXT_BYTES (16 * 1024)      /* completion cap (faults.md section 7, P4) */
#define PROVIDER_LINE_BYTES (256 * 1024)     /* one NDJSON line or SSE event */
#define PROVIDER_BODY_BYTES (1024 * 1024)
#define PROVIDER_EMBED_MAX 8     /* texts of one ask: their vectors fit into a body */
#define PROVIDER_DIMS_MAX 4096   /* of a vector; the models in use have 384 to 4096 */

/* Error classes of spec 000-22: ledger error_code and metric label. name, counts for the breaker,
 * what to do: retry the same, go to the next provider, or give up */
#define PROVIDER_ERRORS(X)                                                                         \
	X(NONE, none, 0, STOP)                                                                     \
	X(TIMEOUT, timeout, 1, RETRY)                                                              \
	X(CONNECT, connect, 1, RETRY)                                                              \
	X(TLS, tls, 1, NEXT)                                                                       \
	X(AUTH, auth, 0, NEXT)                                                                     \
	X(QUOTA, quota, 0, NEXT)                                                                   \
	X(RATE_LIMIT, rate_limit, 0, RETRY)                                                        \
	X(OOM, oom, 1, NEXT)                                                                       \
	X(NO_MODEL, no_model, 0, NEXT)                                                             \
	X(SERVER, server, 1, RETRY)                                                                \
	X(TRUNCATED, truncated, 1, RETRY)                                                          \
	X(PARSE, parse, 1, NEXT)                                                                   \
	X(BAD_REQUEST, bad_request, 0, NEXT)                                                       \
	X(UNSAFE, unsafe, 0, STOP)                                                                 \
	X(EMPTY, empty, 0, NEXT)                                                                   \
	X(BREAKER, breaker, 0, NEXT)                                                               \
	X(BUDGET, budget, 0, NEXT)                                                               \
	X(CANCELLED, cancelled, 0, STOP)                                                           \
	X(NOMEM, nomem, 0, STOP)                                                                   \
	X(UNKNOWN, unknown, 1, RETRY)

enum provider_error {
#define X(upper, lower, counts, what) PROVIDER_##upper,
	PROVIDER_ERRORS(X)
#undef X
	PROVIDER_ERROR_COUNT
};
const char *provider_error_name(enum provider_error e);

/* One attempt at one provider, told when it ends: a row of the ledger. BORROWED. */
struct provider_attempt {
	const char *provider, *model; /* model: as answered, else as asked */
	const char *asked;            /* the model that was asked for, "" */
	enum provider_error error;
	const char *message;          /* scrubbed sentence of an error; NULL when none */
	int status;                   /* HTTP, 0 = none */
	int number;                   /* 1.. within the ask */
	int64_t latency_ms, first_token_ms; /* -1 = no token came */
	int64_t tokens_in, tokens_out;      /* -1 = not told by the provider */
	int64_t cost, reserved;       /* millionths of a dollar: spent, and let by may_spend() */
	bool is_fallback;             /* not the first provider of the ask */
	struct str text;              /* what was answered, also when it was cut */
};

struct provider_answer {
	enum provider_error error;    /* PROVIDER_NONE: text is a whole answer */
	struct str text;              /* BORROWED in done; reasoning already stripped */
	const char *provider, *model;
	bool was_cut;                 /* finish reason "length": ends where max_tokens fell */
	const float *vectors;         /* of an ask for embeddings: dims numbers for each message */
	size_t dims;                  /* of its prompt, in order; BORROWED in done. Finite. */
	int64_t tokens_in, tokens_out;
	int attempts;
};

struct provider_ask {
	const struct prompt *prompt;  /* BORROWED until done or cancel */
	const struct persona *persona;/* BORROWED as the prompt is: temperature, max_tokens,
	                                 preferred provider; NULL = the provider's own */
	const char *schema;           /* the answer is to fit this JSON Schema; NULL = words */
	/* What the route depends on besides, BORROWED during provider_ask. */
	const struct event *event;    /* what is answered; NULL = nothing: only rules that name no
	                                 event and no place fit */
	const char *trigger;          /* its name; NULL = none */
	const char *only;             /* this provider and no other; NULL = those of the route */
	bool is_moderation;           /* not its model is asked, but its moderations: the answer is
	                                 "safe", or "unsafe" and categories in a second line */
	const char *embed;            /* not words are wanted, but what this model of the provider
	                                 `only` makes of each message of the prompt: embeddings.
	                                 BORROWED during provider_ask */
	bool is_local_only;           /* nothing of it may leave this machine */
	const char *turn;             /* request id: X-Request-ID header */
	int64_t seed;                 /* for whoever takes one; 0 = none */
	int64_t deadline_ms;          /* clock_mono_ms by which done must have come */
	/* Before each attempt: may this provider be asked, for at most so much? It is reserved
	 * until attempt() tells what it came to. false: the next provider is asked. NULL =
	 * always. */
	bool (*may_spend)(void *ctx, const char *provider, int64_t cost);
	void (*attempt)(void *ctx, const struct provider_attempt *a); /* may be NULL */
	/* What has come of an answer so far, without its reasoning; it only grows, and is told
	 * twice a second at most. It may still turn out to be no answer. BORROWED. May be NULL; may
	 * cancel. */
	void (*so_far)(void *ctx, struct str text);
	void (*done)(void *ctx, const struct provider_answer *a);     /* once, unless cancelled */
	void *ctx;
};

struct provider_pool;
/* Copies what it needs of c. Reads the files of scripted providers (blocking, as does reload: they
 * are small and not for production); an error when one is refused, with its complaints in the
 * log. */
int provider_pool_new(struct io *io, const struct conf *c, struct provider_pool **out) MUST_USE;
/* Takes over another config: providers that did not change keep their breakers and connections;
 * asks under way finish as they began. Whole, or on an error not at all. */
int provider_pool_reload(struct provider_pool *p, const struct conf *c) MUST_USE;
void provider_pool_free(struct provider_pool *p); /* cancels what is under way, silently */

struct provider_sink;
/* Answers an ask: fills the sink, as `say` of a backend without a wire does. */
typedef int provider_stand_in(void *ctx, const struct provider_ask *a, struct provider_sink *s);
/* From now on every attempt at every provider is answered by say, and no provider is asked:
 * rehearsals. All else of an ask stays as it is. */
void provider_pool_stand_in(struct provider_pool *p, provider_stand_in *say, void *ctx);

struct provider_call;
#define PROVIDER_WAITING_MAX 1000 /* far above the 64 live turns of faults.md section 7 */
/* Starts an ask. At most limits.asks run at once, the rest wait in order until their deadline.
 * NULL = no memory, or too many wait. What ends an ask: a whole answer; an error that is STOP; any
 * error after words had come (EMPTY aside); the last provider's error; the deadline. */
struct provider_call *provider_ask(struct provider_pool *p, const struct provider_ask *a);
/* Ends it without done; its connection is closed so that the model stops; attempt() tells the end
 * before this returns. Allowed in attempt() and done() of the same call. */
void provider_cancel(struct provider_call *c);

/* Whom an ask goes to: the persona's `use`; then those of the first of the routes that
 * fits, else those of `ask:`. */
#define PROVIDER_WHY_BYTES 128
struct provider_leg {
	/* BORROWED until the next reload. model: "" where it has none. */
	const char *name, *type, *model;
	bool is_asked;                /* now, if those before it cannot answer */
	bool is_remote;               /* some server of it is not this machine */
	char why[PROVIDER_WHY_BYTES]; /* a clause: why it is, or is not */
	int64_t price_in, price_out;  /* millionths of a dollar for a million tokens */
	int64_t most;                 /* what an answer costs at most */
};
struct provider_route {
	size_t rule;                  /* of routes:, from 1; 0 = none fits */
	struct provider_leg legs[CONF_PROVIDERS_MAX];
	size_t n;
};
/* Changes nothing, and asks nobody. Of a it reads what the route depends on, prompt (NULL = a short
 * one) and persona. */
void provider_route(const struct provider_pool *p, const struct provider_ask *a,
	struct provider_route *out);

/* The provider that an ask would go to first and the model it is asked for, "" where there is none:
 * whose budget the prompt has. */
void provider_first(const struct provider_pool *p, const struct provider_ask *a,
	const char **provider, const char **model);
/* The token window and max_tokens for the prompt of an ask: those of the provider that would be
 * asked first. Where rules depend on the prompt's length, those of the widest window. prompt is not
 * looked at. */
void provider_budget(const struct provider_pool *p, const struct provider_ask *a,
	size_t *context_tokens, size_t *max_tokens);
#define PROVIDER_PROBE_MS 5000
struct provider_probed {
	enum provider_error error;    /* PROVIDER_NONE: it is there and takes our key */
	int status;                   /* HTTP, 0 = none */
	int64_t took_ms;
	size_t models;                /* how many it lists */
	bool has_model;               /* ours is among them */
	/* Theirs, each ended by LF, Ollama's with a TAB and their digest before it; BORROWED in
	 * done. */
	struct str names;
	const char *why;              /* a sentence, "" */
};
struct provider_probe;
/* Asks the i-th provider for its list of models: no model is asked, nothing is paid. done comes
 * once, within PROVIDER_PROBE_MS and a little, and the probe is gone after it. NULL: no memory, or
 * no such provider. The pool must not be freed before a probe is over. */
struct provider_probe *provider_probe_start(struct provider_pool *p, size_t i,
	void (*done)(void *ctx, const struct provider_probed *r), void *ctx);

/* Has local models loaded that want to be warm, each once. */
void provider_pool_warm(struct provider_pool *p);
#define PROVIDER_LIST_MS 3600000 /* a list of models is asked for again after that */
/* Somebody wants to know how things are: servers that are out are visited, lists of models that are
 * old are asked for. What they say stands in the conditions of a little later. */
void provider_pool_look(struct provider_pool *p);

/* What a provider was asked. hour, day: numbers of the windows; cost in millionths of a dollar. */
struct provider_usage {
	int64_t hour, day;
	int64_t calls_hour, calls_day, cost_day;
};
/* That of the i-th by now, for whoever keeps it over a restart, and puts it back. BORROWED until
 * the next reload. NULL past the end. */
struct provider_usage *provider_usage_of(struct provider_pool *p, size_t i, const char **name);

/* How the i-th provider is. false past the end. */
struct provider_condition {
	int64_t parked_ms;            /* how long it is not asked: its quota is spent; 0 = it is */
	bool is_disabled;             /* it refused our key: not asked until a reload */
	bool lacks_model;             /* it said so last */
	bool is_warming;              /* a server of it loads the model */
	const char *limit;            /* which of its own limits is reached; NULL = none */
	size_t servers, servers_out;
	size_t in_flight;
	struct provider_usage used;   /* by now */
	int64_t list_age_ms;          /* of its list of models; -1 = there is none */
	size_t models;
	bool has_model;               /* the list has ours */
};
bool provider_condition(const struct provider_pool *p, size_t i, struct provider_condition *out);
/* i-th provider for status: NULL past the end. last: the last error as a sentence, "" if none. */
const char *provider_state(const struct provider_pool *p, size_t i, const char **type,
	const char **model, enum io_breaker_state *breaker, const char **last);

/* ---- For whoever writes the next backend ----------------------------------------------------- */

/* What a backend is asked, and how it tells. It makes the request body, and reads the answer piece
 * by piece at any split. Everything about time, retries, HTTP status and limits is the pool's.
 * Start from provider_scripted.c (no wire) or provider_ollama.c (lines); add a row to backends[] in
 * pool.c and to enum conf_provider_type. */
struct provider_wire; /* a backend's state of one attempt */
struct provider_sink {
	struct buf text;               /* the words so far; capped */
	char model[128];
	int64_t tokens_in, tokens_out; /* -1 = not told */
	bool is_whole;                 /* the terminator came */
	bool was_cut, was_filtered;
	bool has_begun;                /* a first byte of text or reasoning came */
	size_t wanted;                 /* embeddings; 0 = words are wanted */
	struct buf vectors;            /* they: floats */
	size_t dims;                   /* of each */
	enum provider_error error;
	char message[256];
};
struct provider_ops {
	const char *name;              /* as `type:` spells it */
	const struct provider_ops *moderations; /* the wire of those; NULL = it has none */
	const struct provider_ops *embeddings;  /* likewise */
	const char *default_url;
	/* Path below the base URL (which loses its last slashes), body and headers of one request.
	 * c->secret is the key, NULL = none. Headers are added as "Name: value" lines, each ended
	 * by LF. ERR_INVALID: a key that no header can hold. c is as this server is asked: its url,
	 * model and context_tokens need not be those of the config. */
	int (*request)(const struct conf_provider *c, const struct provider_ask *a,
		double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
		struct buf *body);
	/* The same for the list of its models. NULL = it has no wire. */
	int (*list)(const struct conf_provider *c, struct buf *path, struct buf *headers);
	/* The same for the cheapest sign of life; NULL = the list. */
	int (*health)(const struct conf_provider *c, struct buf *path, struct buf *headers);
	/* The same for a request that loads the model and asks it nothing; NULL = there is none. */
	int (*warm)(const struct conf_provider *c, struct buf *path, struct buf *headers,
		struct buf *body);
	struct provider_wire *(*wire_new)(const char *content_type);
	/* Bytes of a 200 answer; fills the sink. Any error ends the attempt; s->error, set together
	 * with s->message, says more than ERR_CLOSED does. */
	int (*feed)(struct provider_wire *w, const char *bytes, size_t n, struct provider_sink *s);
	/* The body of a 200 answer has ended. */
	int (*finish)(struct provider_wire *w, struct provider_sink *s);
	void (*wire_free)(struct provider_wire *w);
	/* Class and sentence of an answer that is not 200. retry_after_ms: -1 = not told. */
	enum provider_error (*judge)(int status, int64_t retry_after_ms, struct str body,
		char message[256]);

	/* A backend without a wire has these three instead of the six above. open makes its state;
	 * say fills the sink at once, and the pool ends the attempt with it after delay_ms. */
	int (*open)(const struct conf_provider *c, void **self);
	int (*say)(void *self, const struct provider_ask *a, struct provider_sink *s,
		int64_t *delay_ms);
	void (*close)(void *self);
};
extern const struct provider_ops provider_ollama, provider_openai, provider_anthropic,
	provider_waddleai, provider_scripted;

#endif
