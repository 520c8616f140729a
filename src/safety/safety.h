/* safety: the last gate before words are public; the first gate for words from chat.
 *
 * Floor 3, pure. Rules are built once from config and word files' texts, then never change. It
 * never repairs meaning: it cleans form (invisible characters, line breaks, role labels, markdown)
 * and refuses the rest. On any doubt it refuses: a lost reply is never news, a bad one is. The wire
 * writers check the one-line rule again on their own (law 8). */
#ifndef SAFETY_SAFETY_H
#define SAFETY_SAFETY_H

#include "chat/chat.h"

#define SAFETY_TEXT_BYTES (16 * 1024) /* completion cap; more is refused unread */

struct safety;

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
};
/* GIVES *out. Copies. ERR_INVALID: max_length below 1, mentions below 0, a prefix that may
 * not be said or leaves no room, an empty host. ERR_LIMIT: a word of more than 60 letters, 20,000
 * words. */
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
