/* safety/room.h: what the files of this room share.
 *
 *   check.c     the gate: the order of the rules, length, prefix
 *   clean.c     the form of a model's answer: thoughts, labels, echoes
 *   markdown.c  markdown and quotes around an answer
 *   lead.c      command signs in front, mentions
 *   letters.c   which letters look alike
 *   words.c     refused words, over a skeleton of the text
 *   link.c      links, also hidden ones
 *   personal.c  addresses, numbers, keys
 *   overlap.c   leaks of the prompt, echoes of the question, floods
 *   quote.c     words from chat on their way into a prompt
 *   redact.c    personal data out of what is stored
 *   sayable.c   the wire rule: on its own, shares nothing with the others */
#ifndef SAFETY_ROOM_H
#define SAFETY_ROOM_H

#include "safety/safety.h"

/* Room for any text between two steps: a byte that is not UTF-8 grows to three,
 * NFKC to a few more. */
#define SAFETY_STEP_BYTES (18 * SAFETY_TEXT_BYTES)

struct safety_words; /* words.c */

struct safety {
	bool links;
	char **hosts;        /* lower case */
	size_t host_count;
	struct safety_words *words;
	size_t max_units, mentions;
	char *prefix;        /* NULL = none */
};

/* ---- clean.c, markdown.c, lead.c: 0, ERR_LIMIT or ERR_NOMEM; what they give is added to out -- */

/* The answer in what a model wrote, as one line. */
int safety_clean(const struct safety_context *c, struct str text, struct buf *out) MUST_USE;
/* What of markdown shows in a plain chat goes, in place. */
void safety_unmark(struct buf *line);
/* Without the quotation marks around the whole. */
struct str safety_unquote(struct str line);
/* Without the signs in front that could make it a command.
 * ERR_DENIED: what is left reads like one. */
int safety_lead(struct str line, struct buf *out) MUST_USE;
/* At most `most` mentions, and only of user; others lose their sign.
 * ERR_DENIED: too many of them. */
int safety_mentions(struct str line, struct str user, size_t most, struct buf *out) MUST_USE;

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

/* Length of the personal data that begins at `at`, 0 when none does; *kind: "email", "phone" ... */
size_t safety_personal_at(struct str text, size_t at, const char **kind);

#endif
