/* trigger/room.h: what the files of this room share. Nobody outside includes it.
 *
 * Loading: file.c reads a file by rule.c (one entry; the table of keys), wake.c (what wakes it),
 * slash.c (its slash command), every.c (the clock), count.c (its counter), chain.c and prompt.c
 * (what a model is asked), schema.c and rules.c (what its answer has to be), form.c (words: and the
 * like as patterns), trial.c (examples), template.c.
 * Running: set.c puts files together and builds their filter; match.c searches, with fits.c for the
 * conditions, cooldown.c and strike.c for what outlives a reload; explain.c tells why. */
#ifndef TRIGGER_ROOM_H
#define TRIGGER_ROOM_H

#include "trigger/trigger.h"

#define TRIGGER_PATTERNS_MAX 100 /* of one trigger */

/* ---- form.c ---------------------------------------------------------------------------------- */

/* The friendly forms, each as one pattern: whole words, a command, the whole text, a part of it,
 * the bot's name. Each adds to out. ERR_INVALID for a text that the form cannot take, ERR_LIMIT. */
int trigger_form_words(const struct str *words, size_t n, struct buf *out) MUST_USE;
int trigger_form_command(const struct str *names, size_t n, struct buf *out) MUST_USE;
int trigger_form_exact(const struct str *texts, size_t n, struct buf *out) MUST_USE;
int trigger_form_contains(const struct str *texts, size_t n, struct buf *out) MUST_USE;
int trigger_form_name(struct str bot_name, struct buf *out) MUST_USE;

/* ---- A trigger's inside, and the event as it is matched -------------------------------------- */

/* What stands below slash:, which the trigger's own slash points into. */
struct trigger_slash {
	char *name, *description, *option, *option_help;
	bool is_required, is_private;
};

/* Patterns that an answer must match, or must not. */
struct trigger_rules {
	struct pattern **patterns;
	struct conf_texts texts; /* their sources */
};

struct trigger_private {
	struct trigger_slash slash;
	struct trigger_rules must, must_not;
	uint32_t conditions;              /* bits of enum trigger_condition that it has */
	struct conf_texts games, rewards; /* folded */
	bool needs_stream;                /* a template or a condition is about the stream */
	struct pattern **patterns;
	size_t pattern_count;
	struct pattern_literals literals; /* of all patterns together */
	bool is_free;                     /* a pattern has none: it is always tried */
	uint64_t hash;                    /* of its name and patterns: an edited one starts clean */
	char *head;                       /* the line its name stands in, for complaints to come, */
	size_t head_at;                   /* and where in it */
};

/* An event and what is measured of its text, once and only when asked for. */
struct trigger_subject {
	const struct event *event;
	struct str text;         /* cut at PATTERN_SUBJECT_BYTES */
	int64_t length, words;   /* -1 = not measured */
};

void trigger_subject_init(struct trigger_subject *s, const struct event *e);

/* The conditions of a trigger, in the order of the checks: cheapest first, but for when:, which
 * alone has a reason of its own to stay silent. Name, key in the file. */
#define TRIGGER_CONDITIONS(X)                                                                      \
	X(SORT, on)                                                                                \
	X(AT_LEAST, at_least)                                                                      \
	X(DIRECT, direct)                                                                          \
	X(FIRST, first)                                                                            \
	X(IN, in)                                                                                  \
	X(MIN_LENGTH, min_length)                                                                  \
	X(MAX_LENGTH, max_length)                                                                  \
	X(MIN_WORDS, min_words)                                                                    \
	X(GAME, game)                                                                              \
	X(REWARD, reward)                                                                          \
	X(WHEN, when)

enum trigger_condition {
#define X(upper, key) TRIGGER_IF_##upper,
	TRIGGER_CONDITIONS(X)
#undef X
	TRIGGER_CONDITION_COUNT
};

/* What trigger_misfit gives besides a condition that does not hold. */
enum { TRIGGER_FITS = -1, TRIGGER_OFF = -2, TRIGGER_OTHER_KIND = -3 };

/* ---- fits.c ---------------------------------------------------------------------------------- */

/* Notes which conditions the trigger has; once, when it was read. */
void trigger_conditions_note(struct trigger *t);
/* Which of them are asked of an event of this kind, as bits. */
uint32_t trigger_conditions_for(const struct trigger *t, enum event_kind k);
bool trigger_holds(const struct trigger *t, enum trigger_condition c, struct trigger_subject *s);
/* TRIGGER_FITS, or the first thing that speaks against it: a condition, OFF, OTHER_KIND. All but
 * level and patterns. */
int trigger_misfit(const struct trigger *t, struct trigger_subject *s);
bool trigger_is_allowed(const struct trigger *t, const struct event *e);

/* ---- match.c --------------------------------------------------------------------------------- */

/* Tries the patterns in turn. 1 (captures filled in), 0, ERR_LIMIT when one gave up and none
 * matched. A trigger without patterns gives 1. */
int trigger_try(const struct trigger *t, struct pattern_engine *g, struct trigger_subject *s,
	struct str captures[PATTERN_CAPTURES], size_t *n) MUST_USE;

/* ---- file.c, rule.c, wake.c: loading --------------------------------------------------------- */

struct trigger_file {
	struct trigger **triggers; /* owned, in file order */
	size_t n;
	bool is_known;             /* its names were its own before */
	bool has_lost;             /* a name of its own is another file's */
};

/* A file being read: what is checked against, and where the reading stands. */
struct trigger_reading {
	const struct conf_file *file;
	const struct trigger_refs *refs;
	struct conf_report *report;
	struct pattern_engine *engine;
	const struct conf_node *entry; /* the map of the entry being read */
	struct str unread;             /* the file from its line `line` on; 0 = not begun */
	int line;
	bool is_bad;                   /* something in this entry was complained about */
	bool is_nomem;
};

/* The keys that say what wakes a trigger. */
struct trigger_wake {
	struct conf_node *match, *words, *command, *exact, *contains, *slash;
	bool is_name;
};

/* Notes the outcome of a step that has done its own complaining. */
void trigger_reading_note(struct trigger_reading *rd, int err);
/* A warning at a key of the entry. */
void trigger_reading_warn(struct trigger_reading *rd, const char *key, const char *hint,
	const char *what);
#define TRIGGER_COMPLAIN(rd, node, hint, ...)                                                      \
	((rd)->is_bad = true,                                                                      \
		conf_complain((rd)->report, (rd)->file, (node), 0, CONF_ERROR, (hint), __VA_ARGS__))

/* One entry. GIVES *out on 0 (trigger_fini, mem_free). ERR_INVALID after complaints, ERR_NOMEM. */
int trigger_rule_read(struct trigger_reading *rd, const struct conf_node *key,
	const struct conf_node *value, struct trigger **out) MUST_USE;
/* Compiles what wakes t into t->own; complains into rd. */
void trigger_wake_read(struct trigger_reading *rd, const struct trigger_wake *w, struct trigger *t);
/* Compiles and tries one pattern of the file. GIVES it (pattern_free), or NULL after complaints. */
struct pattern *trigger_pattern_read(struct trigger_reading *rd, const struct conf_node *n);
/* Reads slash: of an entry (n NULL = it has none) into t, whose on: it may become. is_only: nothing
 * else wakes t. Complains into rd. */
void trigger_slash_read(struct trigger_reading *rd, const struct conf_node *n, bool is_only,
	struct trigger *t);
void trigger_slash_fini(struct trigger_slash *s);
/* Reads must: and must_not: of the entry into t. Complains into rd. */
void trigger_rules_read(struct trigger_reading *rd, struct trigger *t);
void trigger_rules_fini(struct trigger_rules *r);
/* Is there the prompt file that t, at n, refers to? Complains into rd; a stream that it needs is
 * noted. */
void trigger_prompt_check(struct trigger_reading *rd, const struct conf_node *n, const char *ref,
	struct trigger *t);
/* Whether knowledge: means all files, none or those it names, which have to be there. Complains
 * into rd. */
void trigger_know_read(struct trigger_reading *rd, struct trigger *t);
/* Makes the steps of t, of its ask:, of prompt: or of chain: (NULL = it has none). Complains into
 * rd. */
void trigger_chain_read(struct trigger_reading *rd, const struct conf_node *n, const char *prompt,
	struct trigger *t);
/* Their templates, when it is known what wakes t. */
void trigger_chain_check(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t);
void trigger_chain_fini(struct trigger *t);
/* Reads what every: and min_lines: mean for t, whose on: becomes the timer. Complains. */
void trigger_every_read(struct trigger_reading *rd, struct trigger *t);
/* Reads count: (n NULL = it has none) into t. Complains. */
void trigger_count_read(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t);
/* Frees what a trigger holds, not the trigger. */
void trigger_fini(struct trigger *t);

/* ---- trial.c --------------------------------------------------------------------------------- */

/* Runs `examples:`, complaining about each that does not hold. ERR_INVALID if one did. */
int trigger_examples(const struct trigger *t, struct pattern_engine *g, const struct conf_file *f,
	const struct conf_node *examples, struct conf_report *r) MUST_USE;

/* ---- set.c ----------------------------------------------------------------------------------- */

struct trigger_name; /* the index by name */

struct trigger_set {
	struct trigger_file **files;
	size_t file_count;
	struct trigger **sorted; /* in the order of the search; BORROWED from the files */
	size_t n;
	struct trigger_name *names, *by_name;
	struct pattern_filter *filter;
	size_t always_count;
	struct slash *slashes;              /* of the triggers, BORROWED from them */
	size_t slash_count;
	uint64_t kinds;                     /* that some trigger listens to */
	bool needs_stream;
	size_t words;                       /* of each bit set below */
	uint64_t *always[EVENT_KIND_COUNT]; /* what the filter cannot find, by kind of event */
	/* Scratch of a search, made once so that searching allocates nothing. A set is searched by
	 * one thread at a time. */
	uint64_t *candidates;
	struct pattern_engine *engine;
};

/* ---- cooldown.c, strike.c: the state --------------------------------------------------------- */

struct trigger_cooldown;
struct trigger_strike;

struct trigger_state {
	struct trigger_cooldown *cooldowns;
	struct trigger_strike *strikes;
	char *told; /* what trigger_state_quarantined gave last */
	int64_t (*clock_us)(void);
};

/* The cooldown that lasts longest, or REASON_NONE. */
enum reason trigger_cooldown_check(const struct trigger_state *s, const struct trigger *t,
	const struct event *e, int64_t now_ms, int64_t *wait_ms);
int trigger_cooldown_start(struct trigger_state *s, const struct trigger *t, const struct event *e,
	int64_t now_ms) MUST_USE;

bool trigger_strike_is_out(const struct trigger_state *s, const struct trigger *t);
void trigger_strike_add(struct trigger_state *s, const struct trigger *t, int64_t now_ms);
void trigger_strike_sweep(struct trigger_state *s, int64_t now_ms);
void trigger_strike_clear(struct trigger_state *s);

/* ---- explain.c ------------------------------------------------------------------------------- */

#define TRIGGER_WHY_BYTES 600
/* Adds why t is not for the event: a clause. TRIGGER_FITS says that no pattern matches. */
int trigger_tell_misfit(const struct trigger *t, int misfit, struct trigger_subject *s,
	struct buf *out) MUST_USE;

/* ---- template.c ------------------------------------------------------------------------------ */

/* What a template may say besides what its event sets. */
struct trigger_scope {
	enum event_kind kind;
	bool has_counter;  /* the trigger counts */
	bool has_previous; /* a model has answered before: a later step of a chain */
	const struct trigger_schema *schema; /* it says what was answered by it; NULL = no such */
};
/* Checks a template of the entry being read, complaining at each variable that it cannot have; a
 * stream that it needs is noted. */
void trigger_template_read(struct trigger_reading *rd, struct trigger *t, const char *text,
	bool has_previous, const struct conf_node *n);

/* ---- schema.c, schema_fit.c: what a JSON answer has to be ------------------------------------ */

#define TRIGGER_FIELDS_MAX 64 /* fields; an answer for a chat line has a handful */
#define TRIGGER_FIELD_DEPTH 6  /* fields within fields */

enum trigger_field_kind {
	FIELD_OBJECT, FIELD_ARRAY, FIELD_STRING, FIELD_NUMBER, FIELD_INTEGER, FIELD_BOOLEAN
};

struct trigger_field {
	char *key;                /* of a property; NULL at the root and for items */
	int kind;                 /* enum trigger_field_kind */
	size_t depth;             /* of the root 0 */
	bool is_required;
	size_t first, n;          /* its properties, or its items: neighbours in the list */
	char *description;
	struct conf_texts choices; /* enum: */
	bool has_min, has_max;
	double min, max;
	int64_t min_length, max_length, min_items, max_items; /* a max of -1 is none */
	char *pattern_text;
	struct pattern *pattern;
};

struct trigger_schema {
	struct trigger_field nodes[TRIGGER_FIELDS_MAX]; /* the root first */
	size_t n;
	char *json;               /* all of it, as a model is told */
};

/* Reads schema: of the entry into t->schema. Complains into rd. */
void trigger_schema_read(
	struct trigger_reading *rd, const struct conf_node *n, struct trigger *t);
void trigger_schema_free(struct trigger_schema *s);
/* Is there such a field, "mood" or "pet.name"? */
bool trigger_schema_has(const struct trigger_schema *s, struct str path);

#endif
