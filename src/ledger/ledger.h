/* ledger: one row per model call, for ever (spec D).
 *
 * Floor 5. Hides SQLite. Rows are copied on the loop and written by the ledger's own thread; a
 * reply never waits for its row. The queue is bounded: past it the oldest go and are counted. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "chat/chat.h"
#include "conf/conf.h"
#include "io/io.h"

/* Columns of spec 003-08 and what mynah needs besides. All strings BORROWED; NULL = null. */
struct ledger_row {
	const char *id;            /* UUIDv7 */
	int64_t wall_ms;
	const char *request;       /* JSON; {"redacted":true,...} when payloads are not kept */
	const char *response;      /* JSON or NULL */
	int64_t latency_ms;
	const char *error_code;    /* spec 000-22: timeout connect tls auth quota rate_limit ... */
	const char *error_message; /* scrubbed */
	const char *model_name;
	const char *user_id;       /* pseudonymous UUID */
	const char *status;        /* success error fallback blocked cached cancelled */
	const char *prompt_hash;
	const char *turn;          /* turn id = request id */
	const char *provider, *platform, *channel, *trigger, *persona, *persona_version;
	const char *prompt;        /* "NAME@VERSION" of a prompt file; NULL = the trigger's words */
	const char *reason;        /* what became of the turn; enum reason's name */
	const char *rule;          /* what decided that, NULL where the reason says it all */
	/* answer, again, step, summary, guard_question, guard_answer, eval */
	const char *purpose;
	int64_t tokens_in, tokens_out; /* -1 = unknown */
	int64_t cost;              /* millionths of a US dollar */
	int64_t first_token_ms;    /* -1 = unknown */
	int attempt;               /* 1.. within the turn */
};

struct ledger_ops {
	const char *name;
	/* Copies the row and queues it. ERR_LIMIT when the oldest had to go, ERR_NOMEM. */
	int (*write)(void *self, const struct ledger_row *row);
	/* Calls done(ctx) when everything queued before this call is on disk (or known lost);
	 * possibly before returning; not at all when the ledger is freed first. done may free
	 * it. */
	void (*flush)(void *self, void (*done)(void *ctx), void *ctx);
	const char *(*state)(void *self, bool *is_up); /* "up", "away: ...", "off" */
	void (*counts)(void *self, int64_t *written, int64_t *lost);
	void (*free)(void *self); /* writes what is queued first; blocking; before io_free */
};

struct ledger {
	const struct ledger_ops *ops;
	void *self;
};

/* Opens (creating) the SQLite file on the ledger's thread; a file that is broken or of a newer
 * version is put aside under a dated name and a new one begun. */
int ledger_sqlite_new(struct io *io, const char *path, size_t queue_max, int64_t keep_ms,
	struct ledger *out) MUST_USE;
/* Keeps nothing: `ledger: off`. */
void ledger_none(struct ledger *out);

/* ---- Reading: for the verbs, beside the daemon that writes ----------------------------------- */

struct ledger_cost {
	const char *name;              /* of the group; BORROWED */
	int64_t calls, tokens_in, tokens_out;
	int64_t cost;                  /* millionths of a US dollar */
};
/* Sums the calls since then by a group, dearest first (days in their order). Blocking.
 * ERR_NOTFOUND: no such file; ERR_INVALID: no such group; ERR_PARSE: it is no ledger; ERR_BUSY,
 * ERR_IO. */
int ledger_cost(const char *path, const char *group, int64_t since_ms,
	void (*row)(void *ctx, const struct ledger_cost *c), void *ctx) MUST_USE;
const char *ledger_cost_group(size_t i); /* NULL past the end */

/* How fast each model wrote, over the calls since then that succeeded and whose tokens are known.
 * Errors as of ledger_cost. */
struct ledger_speed {
	const char *model;             /* BORROWED */
	int64_t calls, tokens_out, took_ms;
};
int ledger_speed(const char *path, int64_t since_ms,
	void (*row)(void *ctx, const struct ledger_speed *s), void *ctx) MUST_USE;

/* ---- Writing -------------------------------------------------------------------------------- */

int ledger_write(struct ledger *l, const struct ledger_row *row) MUST_USE;
void ledger_flush(struct ledger *l, void (*done)(void *ctx), void *ctx);
const char *ledger_state(struct ledger *l, bool *is_up);
void ledger_free(struct ledger *l);
/* Rows written and lost since start. */
void ledger_counts(struct ledger *l, int64_t *written, int64_t *lost);

#endif
