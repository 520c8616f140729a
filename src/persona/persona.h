/* persona: persona files; persona + memory + question become a prompt within its budget.
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
	struct persona_example *examples;
	size_t example_count;
};

/* Reads a persona file. providers: names that exist, to check model.use; NULL skips that. GIVES
 * *out. ERR_INVALID after complaints. */
int persona_read(const struct conf_file *f, const char *const *providers, size_t provider_count,
	struct conf_report *r, struct persona **out) MUST_USE;
void persona_free(struct persona *p);

enum prompt_role { PROMPT_SYSTEM, PROMPT_USER, PROMPT_ASSISTANT };
const char *prompt_role_name(enum prompt_role r);

struct prompt_message {
	enum prompt_role role;
	struct str text; /* within prompt->bytes */
};

struct prompt {
	struct prompt_message *messages;
	size_t n;
	struct buf bytes;
	size_t tokens;          /* estimated */
	size_t lines_used, lines_left_out;
	char hash[SHA256_TEXT_BYTES]; /* of roles and texts, with the fence marker left out */
};

struct prompt_options {
	const struct persona *persona;
	const struct event *event;
	struct str ask;              /* the trigger's ask:, expanded */
	const struct conversation *past; /* NULL = none */
	size_t budget_tokens;        /* model window less max_tokens */
	const struct form *form;     /* what the answer may look like */
	size_t max_chars;            /* how long the answer may be: told to the model */
	uint64_t marker;             /* random: the fence */
};
/* GIVES *out (prompt_free). Remembered lines go first, then examples. ERR_LIMIT: persona and
 * question alone exceed the budget. */
int prompt_build(const struct prompt_options *o, struct prompt **out) MUST_USE;
void prompt_free(struct prompt *p);
/* One token estimate of a text: ASCII 4 bytes, other letters 2 characters, CJK 1, emoji 3, and a
 * margin of 15 % (ai-providers.md section 7). */
size_t prompt_tokens(struct str text);

#endif
