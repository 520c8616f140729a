/* persona: persona files, prompt files; persona + memory + question become a prompt within its
 * budget.
 *
 * Floor 4, pure. The system message is the persona's text and fixed rules of ours, byte-identical
 * whatever chat says (law 8); chat text enters only in user messages, quoted (safety_quote), fenced
 * by a marker drawn per prompt, and attributed. Oldest lines go first when the budget is short,
 * never the persona or the question. */
#ifndef PERSONA_PERSONA_H
#define PERSONA_PERSONA_H

#include "chat/chat.h"
#include "conf/conf.h"

#define PERSONA_SYSTEM_BYTES (16 * 1024)
#define PERSONA_PROMPT_BYTES (32 * 1024) /* faults.md section 7 */
#define PERSONA_EXAMPLES 20

struct persona_example { char *user, *reply; };

/* Whose lines it remembers: those of the person who speaks, or of all who speak with it in a
 * channel. */
enum persona_memory { PERSONA_MEMORY_USER, PERSONA_MEMORY_CHANNEL };

struct persona {
	char *id;               /* file name without .yaml: what triggers say */
	char *path;
	char *name;             /* what it calls itself */
	char *version;          /* SemVer */
	char *description;
	char *system;
	/* 16 hex digits, planted in the system message of every prompt: what says them has leaked
	 * it. Of id, version and system alone. Whoever has the file can work it out; all they could
	 * do with it is to have an answer refused. */
	char canary[17];
	char *use;              /* model: {use: PROVIDER}; NULL = the configured order */
	double temperature;     /* NAN = the provider's */
	int64_t max_tokens;     /* 0 = the provider's */
	int64_t lines, for_ms;  /* memory: how many lines, how old at most */
	int memory_mode;        /* enum persona_memory */
	bool summarises;        /* what no list holds any more is kept in short */
	struct persona_example *examples;
	size_t example_count;
};

/* Reads a persona file. providers: names that exist, to check model.use; NULL skips that. GIVES
 * *out. ERR_INVALID after complaints. */
int persona_read(const struct conf_file *f, const char *const *providers, size_t provider_count,
	struct conf_report *r, struct persona **out) MUST_USE;
void persona_free(struct persona *p);

/* MAJOR.MINOR.PATCH, then what SemVer 2.0.0 allows behind it. */
bool persona_is_version(const char *text);
/* Below, at or above 0, by the precedence of SemVer 2.0.0; both are versions. */
int persona_version_compare(const char *a, const char *b);

/* ---- Prompt files: prompts/NAME@VERSION.yaml ------------------------------------------------- */

#define PROMPT_EXAMPLES 50
#define PROMPT_INPUTS   12 /* fields of an example's event: no event has more */

/* One field of an example's event, as `mynah event` takes it. */
struct prompt_input { char *key, *value; };

struct prompt_example {
	char *input;   /* what is said; NULL = nothing */
	char *user, *on; /* by whom, in what kind of event; NULL = anybody, a message */
	struct prompt_input *with; /* the event's other fields */
	size_t with_count;
	char *expect;  /* what the answer must hold, in any case; NULL = any answer will do */
	bool is_pattern; /* expect is a pattern: it stood between slashes */
};

/* The words in which a model is asked for something, under a version: what a trigger's prompt:
 * names in place of ask:. */
struct prompt_file {
	char *id, *version; /* as in the file's name */
	char *ref;          /* "NAME@VERSION" */
	char *path;
	char *description;
	char *use;          /* what it is for */
	char *text;         /* the template; trigger_expand fills it in */
	char *tested_with;  /* the model that it was last tested with; NULL = none */
	bool is_local_only; /* never goes to a model on another machine */
	struct conf_texts variables; /* those that the template may use */
	struct prompt_example *examples;
	size_t example_count;
	/* Of what the model is told: text, variables, local_only. Another hash is another prompt
	 * and wants another version. */
	char hash[SHA256_TEXT_BYTES];
};

/* Reads a prompt file. GIVES *out. ERR_INVALID after complaints. */
int prompt_file_read(const struct conf_file *f, struct conf_report *r,
	struct prompt_file **out) MUST_USE;
void prompt_file_free(struct prompt_file *p);
/* Which of them "NAME@VERSION" is, or the newest of "NAME" that is no pre-release; NULL = none. */
const struct prompt_file *prompt_file_find(
	struct prompt_file *const *files, size_t n, struct str ref);

/* ---- Prompts --------------------------------------------------------------------------------- */

/* ---- Aliases: the people of a prompt, for a model that must not know their names ------------- */

struct prompt_aliases;
/* Gives everybody a number whose name is known of an event and what was said before it (NULL =
 * nothing): who speaks, who is spoken of, who is mentioned. GIVES *out. ERR_LIMIT: more people than
 * a prompt can have. */
int prompt_aliases_new(const struct event *e, const struct conversation *past,
	struct prompt_aliases **out) MUST_USE;
void prompt_aliases_free(struct prompt_aliases *a);
/* Adds a text with "Viewer1", "Viewer2" ... in place of every name, in any spelling of it. */
int prompt_aliases_hide(
	const struct prompt_aliases *a, struct str text, struct buf *out) MUST_USE;
/* The way back: adds a text with the names as their people write them. */
int prompt_aliases_reveal(
	const struct prompt_aliases *a, struct str text, struct buf *out) MUST_USE;

enum prompt_role { PROMPT_SYSTEM, PROMPT_USER, PROMPT_ASSISTANT };
const char *prompt_role_name(enum prompt_role r);

struct prompt_message {
	enum prompt_role role;
	struct str text; /* within prompt->bytes */
};

#define PROMPT_NOTES 3

struct prompt {
	struct prompt_message *messages;
	size_t n;
	struct buf bytes;
	struct prompt_aliases *aliases; /* NULL = it holds the names as they are */
	size_t tokens;          /* at most so many, whatever chat has made up: within the budget */
	size_t usual;           /* as prompt_tokens counts it: for prompt_gauge_note */
	size_t lines_used, lines_left_out;
	bool has_note[PROMPT_NOTES]; /* did it fit? */
	char hash[SHA256_TEXT_BYTES]; /* of roles and texts, with the fence marker left out */
};

/* How the tokens that a model counts relate to our estimate. All 0: it has not answered yet. */
struct prompt_gauge {
	double ratio; /* real / estimated: moving average */
	double high;  /* the highest of late; falls slowly to the average */
	double error; /* |real - calibrated| / real: moving average */
	int64_t n;    /* samples */
};
/* A prompt of so many tokens by our estimate had so many. What a provider tells that cannot be true
 * is not learned from. */
void prompt_gauge_note(struct prompt_gauge *g, size_t usual, int64_t real);
/* By what our estimates are multiplied so that a prompt stays within its budget: 1 to 4. NULL = of
 * a model of which nothing is known. */
double prompt_gauge_most(const struct prompt_gauge *g);
/* Could prompt_gauge_note have made this? For what was read from a file. */
bool prompt_gauge_is_sound(const struct prompt_gauge *g);

/* Something that the streamer wrote for the bot to know. */
struct prompt_note {
	struct str source; /* the name of its file */
	struct str text;
};

struct prompt_options {
	const struct persona *persona;
	const struct event *event;
	struct str ask;              /* the trigger's ask:, expanded */
	const struct conversation *past; /* NULL = none */
	struct str summary;          /* of what was said before that, by a model; empty = none */
	const struct prompt_note *notes; /* the most useful first */
	size_t note_count;           /* up to PROMPT_NOTES */
	size_t budget_tokens;        /* model window less max_tokens */
	const struct prompt_gauge *gauge; /* of the model that is asked; NULL = not known */
	const struct form *form;     /* what the answer may look like */
	size_t max_chars;            /* how long the answer may be: told to the model */
	uint64_t marker;             /* random: the fence */
	/* What a model answered in the step before, fenced like chat's words, of which it was made;
	 * empty = none. An ask: speaks of it as PROMPT_PREVIOUS. */
	struct str previous;
	bool is_step;                /* the answer is for the next step, not for chat */
	struct str schema;           /* JSON Schema that the answer fits as JSON; empty = words */
	/* Why the answer before was thrown away, a clause of ours; empty = this is the first. */
	struct str wrong;
	struct prompt_aliases *aliases; /* the names that ask does not hold; NULL = no need.
	                                   TAKES */
};
#define PROMPT_PREVIOUS "the previous answer"
#define PROMPT_SUMMARY "a summary of what was said before" /* as who said it */
/* GIVES *out (prompt_free). Remembered lines go first, then examples. ERR_LIMIT: persona and
 * question alone exceed the budget. */
int prompt_build(const struct prompt_options *o, struct prompt **out) MUST_USE;
/* A bare conversation for a model that judges it: what was said, and what was answered or nothing.
 * As it is: nothing of it is quoted. GIVES *out. ERR_LIMIT: too long. */
int prompt_bare(struct str user, struct str assistant, struct prompt **out) MUST_USE;
/* Texts as they are, a message each: for whoever wants no answer but embeddings of them. None may
 * be empty. GIVES *out. ERR_LIMIT: too long. */
int prompt_texts(const struct str *texts, size_t n, struct prompt **out) MUST_USE;
void prompt_free(struct prompt *p);
/* Tokens of a text as people write it; and what no usual tokenizer makes of any text of chat. */
size_t prompt_tokens(struct str text);
size_t prompt_tokens_most(struct str text);

#endif
