/* safety: the last gate before words are public; the first gate for words from chat.
 *
 * Floor 3, pure. Rules are built once from config and word files' texts, then never change. It
 * never repairs meaning: it cleans form (invisible characters, line breaks, role labels, markdown)
 * and refuses the rest. On any doubt it refuses: a lost reply is never news, a bad one is. The wire
 * writers check the one-line rule again on their own (law 8). */
#ifndef SAFETY_SAFETY_H
#define SAFETY_SAFETY_H

#include "chat/chat.h"
#include "conf/conf.h"

#define SAFETY_TEXT_BYTES (16 * 1024) /* completion cap; more is refused unread */

struct safety;

/* ---- Rules of files -------------------------------------------------------------------------- */

/* What rules are about: name, what one has found. The first five are looked for in words from chat
 * on their way to a model, the others in what would be said. */
#define SAFETY_FAMILIES(X)                                                                         \
	X(PROMPT_INJECTION, prompt_injection, "it gives orders to the model")                      \
	X(JAILBREAK, jailbreak, "it tries to talk the model out of its rules")                     \
	X(DATA_EXTRACTION, data_extraction, "it asks for what others said or what is stored")      \
	X(SYSTEM_PROMPT_LEAK, system_prompt_leak, "it asks for the model's instructions")          \
	X(CREDENTIAL_HARVESTING, credential_harvesting, "it asks for keys, tokens or passwords")   \
	X(TOXICITY, toxicity, "it insults or threatens somebody")                                  \
	X(BIAS, bias, "it speaks ill of people for what they are")

enum safety_family {
#define X(upper, lower, found) SAFETY_##upper,
	SAFETY_FAMILIES(X)
#undef X
	SAFETY_FAMILY_COUNT
};
#define SAFETY_OF_OUTPUT (1u << SAFETY_TOXICITY | 1u << SAFETY_BIAS)
#define SAFETY_OF_INPUT  ((1u << SAFETY_TOXICITY) - 1)
const char *safety_family_name(enum safety_family f);
const char *safety_family_text(enum safety_family f); /* what a rule of it has found */

struct safety_rules;
/* GIVES the built-in rules. */
int safety_rules_new(struct safety_rules **out) MUST_USE;
void safety_rules_free(struct safety_rules *s);
/* Adds those of a file, whose patterns and examples are tried; one that has the name of another
 * takes its place. ERR_INVALID after complaints: then nothing of the file was added. */
int safety_rules_read(struct safety_rules *s, const struct conf_file *f, struct conf_report *r)
	MUST_USE;

/* What chat may bring before a model: nothing that any rule is met by, nothing that scores high,
 * everything (rules are only noted). */
enum safety_policy { SAFETY_STRICT, SAFETY_BALANCED, SAFETY_PERMISSIVE };
const char *safety_policy_name(enum safety_policy p);

struct safety_options {
	bool links;                       /* all links may pass */
	const char *const *allow_hosts;   /* these and their subdomains may pass */
	size_t allow_host_count;
	/* Refused words and phrases, besides the built-in list: met as whole words in any disguise
	 * (words.c); "*word*" is met inside longer ones too. Empty ones are skipped. */
	const char *const *words;
	size_t word_count;
	int64_t max_length;               /* UTF-16 units of a text of one line: 500 on Twitch */
	int64_t mentions;                 /* how many @names may stand in it (1) */
	const char *prefix;               /* put in front, counted in; NULL = none */
	struct safety_rules *rules;       /* TAKEN, also on failure; NULL = none */
	enum safety_policy policy;
	double toxicity, bias;            /* answers that score so high are refused: 0.8 */
};
/* GIVES *out. Copies but for the rules. ERR_INVALID: max_length below 1, mentions below 0, a prefix
 * that may not be said or leaves no room, an empty host. ERR_LIMIT: a word of more than 60
 * letters, 20,000 words. */
int safety_new(const struct safety_options *o, struct safety **out) MUST_USE;
void safety_free(struct safety *s);

/* What the text is judged against. All BORROWED, empty = unknown. */
struct safety_context {
	struct str bot;        /* its name: role label, own mention */
	struct str persona;    /* persona name: role label */
	struct str user;       /* whom it answers: the one mention allowed */
	struct str question;   /* what the user said: repeat-after-me */
	struct str system;     /* the system prompt: leak check */
	struct str canary;     /* planted in the prompt; its presence is a leak */
	const struct form *form; /* what the place can carry; NULL = one plain line */
	size_t parts;          /* messages it may take, where the form has lines; 0 = one */
	bool is_model;         /* a model wrote it; false = a template of ours with values in it */
	bool was_cut;          /* it stopped in the middle: only its whole sentences are said */
	bool is_growing;       /* as was_cut, but without a whole sentence nothing is: EMPTY */
	/* Asked for every candidate: does it hold one of our secrets? May be NULL. */
	bool (*has_secret)(void *ctx, struct str text);
	void *ctx;
};

/* Cleans text into out (cleared first) and judges it. A template keeps its form (quotes, labels,
 * markdown), but since chat's words stand in it, its links pass only to allowed hosts, and
 * mentions, personal data and words are judged as in a model's text. Where the form has lines,
 * lines, code and markdown stay, but for links that hide behind a text. REASON_NONE: out is one
 * line (or lines), valid UTF-8, within max_length (or the form's length times parts), ready to say.
 * REASON_EMPTY: nothing was left. REASON_UNSAFE: refused, *rule says by which rule ("words",
 * "link", "leak", ...; static). REASON_DECLINED: the model said the silence token. REASON_NOMEM.
 * out is undefined unless REASON_NONE. */
enum reason safety_check(const struct safety *s, const struct safety_context *c, struct str text,
	struct buf *out, const char **rule) MUST_USE;

/* What a rule found, as a sentence for people without a full stop, and what they may do about it.
 * "" for a rule that there is not. */
const char *safety_rule_text(const char *rule, const char **advice);

/* The token with which a model may decline (told to it in the prompt). */
#define SAFETY_SILENCE "[silence]"
/* Did the model decline? The token counts wherever it stands: in doubt, silence. */
bool safety_has_declined(struct str line);

/* What the rules of files find in a text, the heaviest first; strings last as long as s. Scores are
 * 0 to 1. families: bits of enum safety_family. ERR_NOMEM, ERR_LIMIT. One thread searches at a
 * time. */
#define SAFETY_FINDINGS_MAX 16
struct safety_findings {
	double input, toxicity, bias;
	struct safety_finding {
		const char *rule; /* "input:ID" */
		enum safety_family family;
		double weight;
		const char *advice; /* "" = none */
	} at[SAFETY_FINDINGS_MAX];
	size_t n;
};
size_t safety_count(const struct safety *s); /* rules that are not switched off */
int safety_find(const struct safety *s, unsigned families, struct str text,
	struct safety_findings *out) MUST_USE;

/* May words from chat come before a model? REASON_UNSAFE: not by this policy. */
struct safety_heard {
	const char *rule; /* "input:ID" of the heaviest that is met; NULL = none is */
	double score;
};
enum reason safety_hear(const struct safety *s, struct str text, struct safety_heard *out) MUST_USE;

/* Words from chat on their way into a prompt: scrubbed to one line, chat-template tokens and fence
 * markers taken apart, cut at max_bytes. */
int safety_quote(struct str text, size_t max_bytes, struct buf *out) MUST_USE;

/* The wire rule, for platforms' second check: something to see, one line, valid UTF-8, no control
 * or bidi characters, no @everyone or @here, first visible character not / . ! (nor their
 * look-alikes), at most max_units UTF-16 units. */
bool safety_is_sayable(struct str text, size_t max_units);

/* The same for platforms that show several lines: line feeds may stand in it, and at most
 * max_points code points. */
bool safety_is_showable(struct str text, size_t max_points);

/* Personal data and keys out of a text that is to be stored (ledger payload: redacted). */
int safety_redact(struct str text, struct buf *out) MUST_USE;

#endif
