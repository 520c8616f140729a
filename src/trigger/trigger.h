/* trigger: does this event wake the bot, by which trigger, and if not, why.
 *
 * Floor 3, pure: no I/O, no clock, no dice of its own (now and a random number come in). Three
 * things: a file of triggers (conf to rules), an immutable set
 * of them that is searched, and a state that outlives reloads (cooldowns, quarantine).
 *
 * How a search goes: the Aho-Corasick filter over the literals that patterns require gives
 * candidates; those are tried in order of priority (file order breaks ties). A trigger that is not
 * for this place, kind of event, length or level does not count and the search goes on. The first
 * that matches has claimed the event: its cooldowns and chance decide, and nothing below is tried.
 */
#ifndef TRIGGER_TRIGGER_H
#define TRIGGER_TRIGGER_H

#include "chat/chat.h"
#include "conf/conf.h"
#include "pattern/pattern.h"

#define TRIGGER_BUDGET_US 5000        /* all patterns together, per message */
#define TRIGGER_STRIKES 3             /* limit hits within TRIGGER_STRIKE_MS switch a pattern off */
#define TRIGGER_STRIKE_MS 60000
#define TRIGGER_COUNT_MAX 20000

/* per_stream: keeps no longer than this. The longest broadcast is one of 48 hours (Twitch cuts
 * there: Twitch help, "Broadcast guidelines", 2026-08); where nobody knows of a broadcast, half a
 * day is one. */
#define TRIGGER_BROADCAST_MS (INT64_C(48) * 3600000)
#define TRIGGER_UNKNOWN_BROADCAST_MS (INT64_C(12) * 3600000)

/* every: a timer is no chat of its own. */
#define TRIGGER_EVERY_MIN_MS 60000
#define TRIGGER_EVERY_MAX_MS (INT64_C(7) * 86400000)

/* Counters stay where every program that reads JSON still counts exactly. */
#define TRIGGER_COUNT_MOST INT64_C(999999999999999)
#define TRIGGER_COUNT_STEP 1000000000 /* added or taken away at once */

enum trigger_when { TRIGGER_ANYTIME, TRIGGER_LIVE, TRIGGER_OFFLINE };
enum trigger_once { TRIGGER_ANY_TIMES, TRIGGER_ONCE_A_USER, TRIGGER_ONCE_A_CHANNEL };

/* cache: an answer to yesterday's question is no answer. */
#define TRIGGER_CACHE_MAX_MS (INT64_C(24) * 3600000)

/* merge: what becomes of a question that another one of the trigger overtakes. */
enum trigger_merge { TRIGGER_MERGE_NO, TRIGGER_MERGE_NEWEST, TRIGGER_MERGE_ALL };

#define TRIGGER_STEPS_MAX 4 /* of a chain: each is a call that is paid and waited for */

/* One question to the model. The answer to the last one of a trigger is said; each before it is
 * told to the next one. */
struct trigger_step {
	char *ask;    /* the trigger's own words; NULL: */
	char *prompt; /* a prompt file has them: its NAME or NAME@VERSION */
};

/* The counter that a trigger turns when it fires, one for each channel. */
struct trigger_count {
	char *name;               /* NULL = it counts nothing */
	char *set;                /* what it becomes: a template of a number; NULL = add to it */
	int64_t add;
};

/* One entry of a trigger file. Fields are read-only outside the room; absent strings are NULL. */
struct trigger {
	char *name;
	char *path;               /* the file it stands in */
	int line;
	char *description;
	bool is_on;               /* enabled: */
	enum event_kind on;
	enum event_sort sort;     /* on: command, reply ...: only messages of this sort */
	char *reply;              /* said as it is */
	char *ask;                /* goes to the model, where that is its only step */
	struct trigger_step *steps; /* what the model is asked, of ask: or chain: ... */
	size_t step_count;        /* ... 0 = none is */
	bool knows;               /* knowledge: the model is told what the streamer wrote ... */
	struct conf_texts knowledge; /* ... in these files; none = in any */
	/* The answer is JSON that fits this, and reply: says it; NULL = it is words. */
	struct trigger_schema *schema;
	char *otherwise;          /* said when no model answers; NULL or "" = silence */
	char *persona;            /* NULL = the default one */
	int64_t priority;         /* higher first; default 0 */
	enum priority urgency;    /* shedding order in the outbox, derived from what it is */
	int64_t cooldown_user_ms, cooldown_channel_ms, cooldown_global_ms;
	double chance_pct;        /* 100 = always */
	enum level level;         /* threshold */
	unsigned allow, deny;     /* sets of ROLE(); allow 0 = no set */
	struct conf_texts allow_users, deny_users; /* logins or ids */
	struct conf_texts in;     /* "twitch", "twitch:alice", "discord:1234", "alice" */
	int64_t min_length, max_length, min_words; /* characters, words; 0 = none */
	int64_t at_least;         /* event count (bits of a cheer, raiders, gifts, months) */
	int when;                 /* enum trigger_when; an unknown stream counts as live */
	int per_stream;           /* enum trigger_once */
	struct conf_texts games;  /* game: names of categories */
	struct conf_texts rewards; /* reward: titles or ids */
	struct slash slash;       /* a slash command wakes it too; name NULL = none does */
	int64_t every_ms;         /* the clock wakes it; 0 = an event does */
	int64_t min_lines;        /* every: only after so many chat lines by people */
	struct trigger_count count;
	int64_t cache_ms;         /* how long an answer serves for the same question; 0 = not */
	int merge;                /* enum trigger_merge */
	bool needs_direct;        /* direct: only when the bot is addressed */
	bool needs_first;         /* first: only somebody's first message ever */
	bool keeps_threads;       /* thread: answer as a reply to the message */
	size_t index;             /* in its set */
	struct trigger_private *own; /* patterns, examples */
};

/* ---- A file ---------------------------------------------------------------------------------- */

/* A prompt file as triggers see it: one row for each way to name it. */
struct trigger_prompt {
	const char *ref;          /* "NAME@VERSION"; "NAME" for the newest */
	const char *text;
};

/* What a file may refer to; NULL members skip their check. BORROWED while the file is read. */
struct trigger_refs {
	const char *const *personas;
	size_t persona_count;
	const struct trigger_prompt *prompts;
	size_t prompt_count;
	const char *const *knowledge; /* names of files: "rules.md" */
	size_t knowledge_count;
	const char *bot_name;     /* for `name: yes` */
};

struct trigger_file;
/* Reads, compiles and tries every trigger of the file: syntax, types, ranges, patterns (forbidden
 * constructs, adversarial text), variables, and the inline examples. GIVES *out on 0; ERR_INVALID
 * after complaints: the file then counts as a whole. */
int trigger_file_read(const struct conf_file *f, const struct trigger_refs *refs,
	struct conf_report *r, struct trigger_file **out) MUST_USE;
/* The file had its names before: a file that is not known takes none of them from it. */
void trigger_file_mark_known(struct trigger_file *f);
void trigger_file_free(struct trigger_file *f);

/* ---- A set ----------------------------------------------------------------------------------- */

struct trigger_set;
/* TAKES the files (also on failure). A name or slash command that two triggers have belongs to the
 * known file, else to the earlier one: a complaint against the other trigger, which is left out.
 * GIVES *out. */
int trigger_set_new(struct trigger_file **files, size_t n, struct conf_report *r,
	struct trigger_set **out) MUST_USE;
void trigger_set_free(struct trigger_set *s);
/* Did the i-th file that was given lose a trigger so? */
bool trigger_set_has_lost(const struct trigger_set *s, size_t i);
size_t trigger_set_count(const struct trigger_set *s);
/* The i-th in the order of the search, NULL past the end. */
const struct trigger *trigger_set_at(const struct trigger_set *s, size_t i);
const struct trigger *trigger_set_find(const struct trigger_set *s, const char *name);
/* What must be told to this set at all: EVENT_BITs of kinds, and whether streams matter. */
uint64_t trigger_set_kinds(const struct trigger_set *s);
bool trigger_set_needs_stream(const struct trigger_set *s);
/* The slash commands that its triggers declare, *n of them. BORROWED. */
const struct slash *trigger_set_slashes(const struct trigger_set *s, size_t *n);
/* Does an event of this kind concern the trigger at all? */
bool trigger_hears(const struct trigger *t, enum event_kind k);
/* Does its in: take the channel of this event? */
bool trigger_is_in(const struct trigger *t, const struct event *e);
/* How many patterns had no usable literal and run on every message. */
size_t trigger_set_always(const struct trigger_set *s);

/* ---- State ----------------------------------------------------------------------------------- */

#define TRIGGER_COOLDOWNS_MAX 100000 /* live cooldown entries; the oldest go first */
struct trigger_state;
int trigger_state_new(struct trigger_state **out) MUST_USE;
void trigger_state_free(struct trigger_state *s);
/* The clock of the budget per message, clock_mono_us in the daemon. Without one (the default) only
 * the match limit bounds a search, and the same input gives the same decisions: for replays. */
void trigger_state_set_clock(struct trigger_state *s, int64_t (*mono_us)(void));
/* Forgets what has run out; call every minute or so. */
void trigger_state_sweep(struct trigger_state *s, int64_t now_ms);
/* Quarantined patterns since the last call: gives the name of one and forgets it, else NULL. For
 * the log. BORROWED until the next call. */
const char *trigger_state_quarantined(struct trigger_state *s);

/* ---- The search ------------------------------------------------------------------------------ */

/* What a model has answered so far, for the templates that come after it. Empty, NULL: nothing. */
struct trigger_said {
	struct str previous;       /* $(previous): the step before */
	const struct json *answer; /* $(answer.NAME): the last one, if it was JSON */
};

/* How a value is written into a template, where it must not be as it stands. */
struct trigger_writer {
	int (*write)(void *ctx, struct str value, struct buf *out);
	void *ctx;
};

struct trigger_hit {
	const struct trigger *trigger;
	enum reason reason;       /* REASON_NONE = it fires; else why it stays silent */
	int64_t wait_ms;          /* of a cooldown: how long still */
	/* Captures of the pattern, BORROWED from the event: [0] the whole match, [1] its first
	 * group. */
	struct str captures[PATTERN_CAPTURES];
	size_t captures_n;
	const struct trigger_said *said; /* BORROWED; NULL = nothing yet */
	const struct trigger_writer *writer; /* BORROWED; NULL = values stand as they are */
	/* What a counter says in the event's channel, for $(count); NULL = nobody counts. */
	int64_t (*counted)(void *ctx, const struct event *e, struct str name);
	void *counted_ctx;
};

/* Searches; allocates nothing when there is no match. A set is searched by one thread at a time.
 * dice is a uniform random number 0..9999 (for chance). A trigger that fires has its cooldowns
 * started here; whoever cannot go on with it (no turn free) says so with trigger_undo. hit->trigger
 * is NULL when none matched (REASON_NO_MATCH), none was allowed (REASON_LEVEL) or those that match
 * wait for a live stream (REASON_OFFLINE). REASON_NOMEM: its cooldown could not be noted, so it
 * stays silent. Gives hit->reason. */
enum reason trigger_find(const struct trigger_set *set, struct trigger_state *state,
	const struct event *e, int64_t now_ms, uint32_t dice, struct trigger_hit *hit);
void trigger_undo(struct trigger_state *state, const struct trigger *t, const struct event *e);

/* Every trigger's verdict on one event, without changing any state. Calls tell(ctx, trigger,
 * reason, why) for each in the order of the search; the one that would fire has REASON_NONE; those
 * below it that match too are told with is_shadowed. why is a sentence with the values that
 * decided. */
void trigger_explain(const struct trigger_set *set, const struct trigger_state *state,
	const struct event *e, int64_t now_ms,
	void (*tell)(void *ctx, const struct trigger *t, enum reason r, bool is_shadowed,
		const char *why),
	void *ctx);

/* Every condition of one trigger, in the order of the search: its key, whether the event meets it,
 * and a sentence with the values. Calls tell for each. */
void trigger_explain_conditions(const struct trigger *t, const struct event *e,
	void (*tell)(void *ctx, const char *key, bool holds, const char *why), void *ctx);

/* ---- Templates ------------------------------------------------------------------------------- */

#define TRIGGER_TEXT_BYTES 4096 /* an expanded template */
/* Adds a reply:, ask: or otherwise: template with its $(variables) filled in, in a single pass:
 * what a value contains is never expanded. Values go in as they stand in the event: before a model
 * they are quoted by whoever builds the prompt. $(query) is what comes after the match. random:
 * bytes of chance for $(random). hit may be NULL. */
int trigger_expand(const char *text, const struct event *e, const struct trigger_hit *hit,
	uint32_t random, struct buf *out) MUST_USE;

/* Checks a template of another room's file, whose variables are declared there: it may use those
 * and no others, and each must be one that there is. declared: the node that lists them, NULL where
 * none does; names: the same as texts. ERR_INVALID after complaints. */
int trigger_template_check_declared(struct str text, const struct conf_texts *names,
	const struct conf_file *f, const struct conf_node *declared, const struct conf_node *n,
	struct conf_report *r) MUST_USE;

/* Does a template say something of the stream: its game, its title? */
bool trigger_template_needs_stream(struct str text);

/* ---- What an answer has to be ---------------------------------------------------------------- */

/* The JSON of an answer, alone or in a fenced block, if it fits. GIVES *out (json_free). Else
 * ERR_INVALID, and why gets a clause that says nothing of the answer but what is wrong with it: it
 * may be told to the model. ERR_NOMEM. */
int trigger_schema_fit(const struct trigger_schema *schema, struct pattern_engine *g,
	struct str answer, struct json **out, struct buf *why) MUST_USE;
/* The schema as JSON, for models. */
const char *trigger_schema_text(const struct trigger_schema *schema);
/* Does a text that would be said break must: or must_not: of t? Gives which, "must" or "must_not",
 * and which pattern; NULL = it keeps to them. A pattern that gives up is broken. */
const char *trigger_breaks(const struct trigger *t, struct pattern_engine *g, struct str text,
	const char **pattern);
/* Must the whole answer be there before it is known whether it will do? */
bool trigger_is_picky(const struct trigger *t);
/* What the three above match with, beside a search. */
struct pattern_engine *trigger_set_engine(const struct trigger_set *s);

/* For `mynah help`, man pages: option table of a trigger, and the variables. */
const struct conf_option *trigger_options(size_t *n);
/* May a counter be called so? a-z 0-9 _ -, at most 64 of them; as triggers are. */
bool trigger_is_name(struct str s);
/* i-th variable with its help, NULL past the end. */
const char *trigger_variable(size_t i, const char **help);

#endif
