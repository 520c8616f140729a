/* safety/room.h: what the files of this room share.
 *
 *   check.c     the gate: the order of the rules, length, prefix
 *   clean.c     the form of a model's answer: thoughts, labels, echoes
 *   markdown.c  markdown and quotes around an answer
 *   lines.c     several lines and code, for places that show them
 *   cut.c       how much of a text is said, where not all of it is
 *   lead.c      command signs in front, mentions
 *   letters.c   which letters look alike
 *   words.c     refused words, over a skeleton of the text
 *   link.c      links, also hidden ones
 *   personal.c  addresses, numbers, keys
 *   street.c    street addresses
 *   overlap.c   leaks of the prompt, echoes of the question, floods
 *   forms.c     what a reader sees in a text in disguise: what rules of files are tried on
 *   rule.c      one rule of a file
 *   rules.c     all of them, built-in and of files, and their search
 *   score.c     what a match weighs, and what comes of it
 *   quote.c     words from chat on their way into a prompt
 *   redact.c    personal data out of what is stored
 *   sayable.c   the wire rule: on its own, shares nothing with the others */
#ifndef SAFETY_ROOM_H
#define SAFETY_ROOM_H

#include "pattern/pattern.h"
#include "safety/safety.h"

/* Room for any text between two steps: a byte that is not UTF-8 grows to three,
 * NFKC to a few more. */
#define SAFETY_STEP_BYTES (18 * SAFETY_TEXT_BYTES)

struct safety_words; /* words.c */

struct safety {
	bool links;
	char **hosts;        /* lower case */
	size_t host_count;
	struct safety_words *words, *slurs; /* all; our own alone */
	struct safety_rules *rules; /* NULL = none */
	enum safety_policy policy;
	double toxicity, bias; /* thresholds */
	size_t max_units, mentions;
	char *prefix;        /* NULL = none */
};

/* ---- clean.c, markdown.c, lead.c: 0, ERR_LIMIT or ERR_NOMEM; what they give is added to out -- */

/* The answer in what a model wrote, as one line. */
int safety_clean(const struct safety_context *c, struct str text, struct buf *out) MUST_USE;
/* What of markdown shows in a plain chat goes, in place. */
void safety_unmark(struct buf *line);
/* "[text](target)" becomes "text (target)", in place; the target then meets the rule on links. */
void safety_unmark_links(struct buf *b);
/* Cuts the first line off *rest, at any sign that ends lines. */
struct str safety_next_line(struct str *rest);
/* Without the quotation marks around the whole. */
struct str safety_unquote(struct str line);
/* Without the signs in front that could make it a command; where markdown is shown, those that it
 * uses stay. ERR_DENIED: what is left reads like one. */
int safety_lead(struct str line, bool has_marks, struct buf *out) MUST_USE;
/* At most `most` mentions, and only of user; others lose their sign.
 * ERR_DENIED: too many of them. */
int safety_mentions(struct str line, struct str user, size_t most, struct buf *out) MUST_USE;

/* ---- lines.c: 0, ERR_LIMIT or ERR_NOMEM; what they give is added to out ---------------------- */

/* A text being put together line by line. */
struct safety_lines {
	struct buf *out;
	size_t start;  /* where it begins in out */
	size_t blanks; /* blank lines that are due */
	bool is_code;  /* within a block of code */
};
void safety_lines_init(struct safety_lines *l, struct buf *out);
/* Is this line code, or a fence around some? */
bool safety_lines_is_code(const struct safety_lines *l, struct str line);
int safety_lines_add_code(struct safety_lines *l, struct str line) MUST_USE;
/* A line of prose: raw as it came, for how far it is set in; clean what is said. */
int safety_lines_add(struct safety_lines *l, struct str raw, struct str clean) MUST_USE;
int safety_lines_end(struct safety_lines *l) MUST_USE; /* closes a block that stayed open */

/* All lines of a text, each scrubbed. */
int safety_lines_scrub(struct str text, struct buf *out) MUST_USE;
/* The code of a text as it stands, and what prose() makes of the rest. */
int safety_lines_prose(struct str text,
	int (*prose)(void *ctx, struct str part, struct buf *out), void *ctx,
	struct buf *out) MUST_USE;
/* As one line. */
int safety_lines_flatten(struct str text, struct buf *out) MUST_USE;
/* As it is read where marks are not seen, even those within words. */
int safety_lines_bare(struct str text, struct buf *out) MUST_USE;
bool safety_lines_ends_in_code(struct str text);

/* ---- cut.c ----------------------------------------------------------------------------------- */

/* Length of line within max units: at the end of a sentence if that keeps half of it, else at a
 * word, else at a grapheme edge. has_lines: max counts code points, and a line's end is one of a
 * sentence. */
size_t safety_cut_at(struct str line, size_t max, bool has_lines);
/* Length of what is whole in a text that stopped in the middle: its sentences; without one its
 * words, without two all. is_growing: its sentences outside an open block of code, or 0. */
size_t safety_whole_at(struct str line, bool is_growing);

/* ---- letters.c ------------------------------------------------------------------------------- */

/* The plain small letter that a code point looks like (after text_fold), or itself; -1 for a
 * combining mark. */
int32_t safety_letter(int32_t point);
bool safety_is_alnum(int32_t point); /* letters and digits of any script, roughly; no emoji */
/* Adds text_fold's form with every letter made plain. */
int safety_plain(struct str text, struct buf *out) MUST_USE;

/* ---- words.c --------------------------------------------------------------------------------- */

int safety_words_new(const char *const *words, size_t n, struct safety_words **out) MUST_USE;
void safety_words_free(struct safety_words *w);
/* 0, ERR_DENIED (one stands in it), ERR_NOMEM, ERR_LIMIT. */
int safety_words_check(const struct safety_words *w, struct str text) MUST_USE;

/* ---- forms.c --------------------------------------------------------------------------------- */

#define SAFETY_FORMS 4

struct safety_forms {
	struct buf at[SAFETY_FORMS];
	size_t n;
};
void safety_forms_init(struct safety_forms *f);
void safety_forms_fini(struct safety_forms *f);
int safety_forms_make(struct str text, bool has_backwards, struct safety_forms *f) MUST_USE;

/* ---- rule.c, rules.c, score.c ---------------------------------------------------------------- */

struct safety_rule {
	char *id, *label; /* "input:ID" */
	char *advice;     /* NULL = none */
	int family;       /* enum safety_family */
	double weight;
	bool is_on, is_personal;
	struct pattern **patterns;
	size_t pattern_count;
	struct pattern_literals literals; /* of all patterns together */
	bool is_free;                     /* a pattern has none: it is always tried */
};
/* GIVES *out on 0. ERR_INVALID after complaints. is_trusted: ours, neither tried nor its
 * examples. */
int safety_rule_read(const struct conf_file *f, const struct conf_node *key,
	const struct conf_node *value, bool is_trusted, struct pattern_engine *g,
	struct conf_report *r, struct safety_rule **out) MUST_USE;
void safety_rule_free(struct safety_rule *r);
/* How much it speaks against a text in these forms; 0 = it is not met. */
double safety_rule_weigh(const struct safety_rule *rule, struct pattern_engine *g,
	const struct safety_forms *forms);
/* The next part of a text that is short enough to be matched. False at its end. */
bool safety_next_window(struct str *rest, struct str *window);
size_t safety_rules_count(const struct safety_rules *s); /* that are not switched off */
/* Before the first search; after it nothing is read into the rules any more. */
int safety_rules_seal(struct safety_rules *s) MUST_USE;
/* Those of the families (bits) that are met. */
int safety_rules_find(struct safety_rules *s, unsigned families, struct str text,
	struct safety_findings *out) MUST_USE;
/* What a match within text weighs. */
double safety_weigh(const struct safety_rule *r, struct str text, struct str match);
/* 0 or ERR_DENIED; is_bias: only that score is too high. */
int safety_score_check(const struct safety *s, struct str text, bool *is_bias) MUST_USE;

/* ---- The judges: 0, ERR_DENIED, ERR_NOMEM, ERR_LIMIT ----------------------------------------- */

/* strict: the allowed hosts are not allowed either. */
int safety_link_check(const struct safety *s, bool is_strict, struct str text) MUST_USE;
int safety_personal_check(struct str text) MUST_USE;
int safety_leak_check(struct str canary, struct str system, struct str text) MUST_USE;
int safety_flood_check(struct str text) MUST_USE;
/* Is most of text the question said back? 1, 0, ERR_NOMEM. */
int safety_is_echo(struct str question, struct str text) MUST_USE;

/* Does word stand at `at`? ASCII case does not matter. */
bool safety_begins(struct str s, size_t at, const char *word);

/* Length of the street address that begins at `at`, as far as it is told by; 0 when none does. */
size_t safety_street_at(struct str text, size_t at);
/* Adds text with spelt-out words joined: "e v i l . c o m". */
int safety_join_spelt(struct str text, struct buf *out) MUST_USE;
/* Length of the personal data that begins at `at`, 0 when none does; *kind: "email", "phone" ... */
size_t safety_personal_at(struct str text, size_t at, const char **kind);

#endif
