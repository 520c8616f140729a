/* bot: the story of one turn; the snapshot it runs on; reload; drain.
 *
 * Floor 6. It owns every room below and gives them to each other: a place's event passes the gate,
 * finds its trigger, recalls, asks, is checked, waits and is sent (turn.c tells it whole). It
 * speaks no protocol and knows no library. One thread; whatever blocks runs on its workers. */
#ifndef BOT_BOT_H
#define BOT_BOT_H

#include "chat/chat.h"
#include "conf/conf.h"
#include "io/io.h"
#include "knowledge/knowledge.h"
#include "outbox/outbox.h"
#include "persona/persona.h"
#include "platform/platform.h"
#include "provider/provider.h"
#include "safety/safety.h"
#include "trigger/trigger.h"

/* ---- World: everything that files say, as one immutable snapshot ----------------------------- */

struct bot_world {
	int refs;
	struct conf *conf;
	struct trigger_set *triggers;
	struct persona **personas; /* sorted by id */
	size_t persona_count;
	struct prompt_file **prompts; /* sorted by their files' names */
	size_t prompt_count;
	struct safety *safety;
	struct knowledge *knowledge; /* NULL = there is none */
	/* Files that did not load and run on their last good version: "triggers/lurk.yaml". */
	char **stale;
	size_t stale_count;
};

struct bot_source {
	const char *config;    /* mynah.yaml; NULL = built-in defaults */
	const char *state_dir; /* overrides the config's; NULL = the config's */
	const char *triggers_dir, *personas_dir, *prompts_dir; /* override; NULL = the config's */
	/* Where a file fails: take its last good version from state_dir/good (and keep the good
	 * ones there). Without it any error fails the load: `mynah check`. */
	bool uses_good;
	bool keeps_good;       /* only keep them, for reloads to come: `mynah chat` */
	/* A file that fails and has no good version is left out instead of failing the load:
	 * reloads. */
	bool leaves_out;
	bool needs_secrets;    /* fetch them; a missing one is an error */
	/* The config that runs: a secret whose source can be read only once is taken from it. NULL
	 * at start. BORROWED. */
	struct conf *before;
};

/* Loads everything and complains about everything at once. Blocking: at start, or on a worker.
 * GIVES *out with one reference. ERR_INVALID: there is no version of some file to run on. */
int bot_world_load(const struct bot_source *s, struct conf_report *r,
	struct bot_world **out) MUST_USE;
/* The config that a bot on these files runs on: the file, else its last good version, else the
 * defaults with the state folder that the file seems to say. GIVES *out. Out of memory at worst. */
int bot_conf_running(const struct bot_source *s, struct conf **out) MUST_USE;
struct bot_world *bot_world_ref(struct bot_world *w);
void bot_world_unref(struct bot_world *w);
/* The persona a trigger speaks with: its own, else the default; never NULL in a loaded world. */
const struct persona *bot_world_persona(const struct bot_world *w, const struct trigger *t);
const struct persona *bot_world_persona_named(
	const struct bot_world *w, const char *id); /* or NULL */
/* The prompt file that a trigger means with NAME or NAME@VERSION, or NULL. */
const struct prompt_file *bot_world_prompt(const struct bot_world *w, const char *ref);

/* Of which trigger's steps is it one? */
bool bot_prompt_is_used(const struct bot_world *w, const struct trigger *t,
	const struct prompt_file *p);
/* Would another model be asked with it than the one it was tested with? Gives that model's name, as
 * the files say it, or NULL. */
const char *bot_prompt_stale(const struct bot_world *w, const struct prompt_file *p);

/* What a model would be asked, without asking it. */
struct bot_rendering {
	const struct trigger *trigger;  /* its first step's words ... */
	const struct prompt_file *file; /* ... or, without one, this prompt's */
	uint64_t marker;                /* of the fence */
};
struct bot_rendered {
	const struct trigger *trigger;  /* as of the rendering */
	struct prompt *prompt;          /* prompt_free */
	const struct persona *persona;
	const struct prompt_file *file; /* NULL = the trigger's own words */
	size_t budget_tokens;
};
/* Fills *out. ERR_LIMIT: it does not fit the model's window. */
int bot_render(const struct bot_world *w, const struct event *e, const struct bot_rendering *r,
	struct bot_rendered *out) MUST_USE;
/* What became of a model's answer to it. */
struct bot_judged {
	enum reason reason; /* NONE = it would be said */
	const char *rule;   /* what decided: "schema", "must", "must_not", one of safety; "" */
	struct buf text;    /* what would be said */
	struct buf wrong;   /* what the model would be told before it is asked again: a clause */
};
/* Judges a model's answer, or, where there is no prompt, a line of the trigger's own, as a turn's
 * is; an answer also by the schema: and the patterns of its trigger. Give *out to
 * bot_judged_fini. */
void bot_render_judge(const struct bot_world *w, const struct event *e,
	const struct bot_rendered *r, struct str answer, struct bot_judged *out);
void bot_judged_fini(struct bot_judged *j);

/* ---- The bot --------------------------------------------------------------------------------- */

/* What became of an event or a turn, for a console that says why. */
struct bot_verdict {
	const struct event *event;
	const struct trigger *trigger; /* NULL = none */
	enum reason reason;
	const char *rule;              /* what decided, "" if the reason says it all */
	struct str text;               /* what was said; empty in silence */
	const char *prompt;            /* SHA-256 of what the model was asked; "" if it was not */
};

struct bot_options {
	struct io *io;
	struct bot_source source;
	struct bot_world *world;   /* loaded by the caller; TAKES one reference */
	/* A console place instead of the config's places; NULL = the config's. */
	const struct platform_console_options *console;
	/* A replay in place of the config's places. The clock is frozen (io_advance).
	 * NULL = none. */
	const struct platform_replay_options *replay;
	/* Of a replay: answers instead of every provider, with ctx. NULL = what a model would be
	 * asked is the end of it. */
	provider_stand_in *model;
	/* Told of every verdict; may be NULL. */
	void (*verdict)(void *ctx, const struct bot_verdict *v);
	/* A reload begins (true), or the last that was asked for has ended (false). May be NULL. */
	void (*reload)(void *ctx, bool is_running);
	/* The drain is over: every turn has ended, everything is written.
	 * The caller stops the loop. */
	void (*drained)(void *ctx);
	void *ctx;
};

struct bot;
/* Takes the state folder's lock (ERR_BUSY: another instance has it), reads budgets back, opens
 * memory, ledger and providers, starts the places. Complains in the log. GIVES *out; the world's
 * reference is taken in any case. */
int bot_new(const struct bot_options *o, struct bot **out) MUST_USE;
/* Frees at once whatever still lives. */
void bot_free(struct bot *b);

/* Loads the files again on a worker and swaps the world;
 * requests while one runs become one more. */
void bot_reload(struct bot *b);
/* Begins the end: no new turns; live ones finish within limits.drain, then `stopped`. A second call
 * does not wait any more. */
void bot_drain(struct bot *b);
bool bot_is_draining(const struct bot *b);
size_t bot_live(const struct bot *b); /* turns that have not ended */
struct bot_world *bot_world_of(struct bot *b); /* BORROWED: the present one */
/* The console place of a bot that has one, else NULL. */
struct platform *bot_console(struct bot *b);

/* Keeps a channel of every place quiet for ms; 0 = it may speak again. As people spell it: "alice",
 * "#Alice". ERR_LIMIT: too many channels. ERR_NOTFOUND: no place has it. */
int bot_quiet(struct bot *b, const char *said, int64_t ms) MUST_USE;

/* What came in since the last call, as lines of a record (record.c says their form), in whole lines
 * and as much as out takes. A record begins with a call that has a place: "twitch", "discord", "" =
 * the first of them there is, and ends the one before; the calls after it have none (at NULL) but
 * the number, the wall_ms of its first line. Ten seconds without one end it. ERR_NOTFOUND: there is
 * no such place. ERR_CLOSED: that record has ended. */
int bot_record_take(struct bot *b, struct str place, int64_t number, struct buf *out) MUST_USE;
/* For a bot with options.replay: what a line of a record tells, now. ERR_INVALID: nothing known. */
int bot_replay(struct bot *b, const struct json *line) MUST_USE;

/* For a bot with options.replay: this happens now. persona: who speaks in its channel, where the
 * trigger does not say; NULL = as the config says. past: what its author and the bot said to each
 * other before. */
int bot_rehearse(struct bot *b, const struct event *e, const char *persona,
	const struct conversation *past) MUST_USE;

/* Answers that are kept, and what was not asked twice, as JSON. */
int bot_once_status(const struct bot *b, struct buf *out) MUST_USE;
/* Forgets the answers that are kept. Gives how many they were. */
size_t bot_once_flush(struct bot *b);

/* One JSON object: version, uptime, places, providers, memory, ledger, queue, counts,
 * stale files. */
int bot_status(struct bot *b, struct buf *out) MUST_USE;
bool bot_is_warming(const struct bot *b); /* a model is being loaded */
/* False when degraded; adds the reasons, each a JSON string, separated by commas. */
bool bot_is_healthy(struct bot *b, struct buf *reasons);
/* Brings the counters of the fast path into the metrics registry; before a scrape. */
void bot_metrics(struct bot *b);
/* {"reloads":N,"running":bool,"errors":N,"complaints":[...],"text":"..."} of the last reload. */
int bot_reload_report(struct bot *b, struct buf *out) MUST_USE;

/* ---- Explain --------------------------------------------------------------------------------- */

/* Every gate and trigger with pass or fail and why, the prompt, the queue, as lines for a terminal.
 * The event passes through nothing and changes nothing. b may be NULL: no running bot, so no
 * cooldowns and no queue are known. is_brief: without the prompt and the triggers of other kinds of
 * event. */
int bot_explain(struct bot *b, const struct bot_world *w, const struct event *e, bool is_brief,
	struct buf *out) MUST_USE;

/* Whom a model question would go to, as lines for a terminal: the rule, the order, models, prices,
 * caps. trigger: the name of the one that asks, NULL = none. pool: that of the config, where no bot
 * runs; else NULL. ERR_NOTFOUND: *why is a sentence. */
int bot_route(struct bot *b, const struct provider_pool *pool, const struct bot_world *w,
	const struct event *e, const char *trigger, struct buf *out, const char **why) MUST_USE;

/* A field of an event as platform_event_set takes it. */
struct bot_event_field {
	const char *key;
	struct str value;
};

/* An event described in words, as `mynah explain`, `mynah event` and the API do; NULL members have
 * defaults. on: as platform_event_parse takes it. */
struct bot_event_args {
	const char *text, *user, *level, *channel, *platform, *on;
	const struct bot_event_field *fields;
	size_t field_count;
};
/* Fills out, whose strings are BORROWED from the args and from scratch. ERR_INVALID: *why is a
 * static sentence. */
int bot_event_make(const struct bot_event_args *a, struct buf *scratch, struct event *out,
	const char **why) MUST_USE;

/* Fires such an event into the running bot, as if the platform had told it: in the channel that a
 * says, else in the first. Gives its number for bot_fired_report. ERR_INVALID: *why as above. */
int bot_fire(struct bot *b, const struct bot_event_args *a, struct buf *scratch, int64_t *number,
	const char **why) MUST_USE;
/* What became of it: {"number":N,"over":bool,"reason":"...","because":"...","trigger":"...",
 * "rule":"...","said":"..."}. ERR_NOTFOUND: no such number, or too long ago. */
int bot_fired_report(struct bot *b, int64_t number, struct buf *out) MUST_USE;

#endif
