/* golden: does the bot still say what it said when somebody last looked?
 *
 * Floor 7. A golden case is a file: an event, what was said before, the prompt that must come of
 * it, answers of a model and what must become of them in chat. Cases go through a whole bot whose
 * models are played too (bot_rehearse): no network, no state folder, a clock that stands
 * still, chance from a seed. The same files give the same outcome, byte for byte. A case also says
 * what a live model's answer must be like; score.c makes numbers of that. It prints nothing. */
#ifndef GOLDEN_GOLDEN_H
#define GOLDEN_GOLDEN_H

#include "bot/bot.h"

/* ---- Cases ----------------------------------------------------------------------------------- */

/* One thing that a model says (or fails with), and what must become of it. */
struct golden_reply {
	struct conf_texts says;  /* its answers in turn; the last is given again and again */
	int error;               /* enum provider_error: instead of an answer */
	bool is_cut;             /* max_tokens ended it */
	char *posted;            /* what must be said; NULL = nothing may be */
	char *refused;           /* the rule that must have refused the model's words; NULL */
	char *silence;           /* the reason that must be given for silence; NULL */
};

/* What an answer of a live model must be like. */
struct golden_live {
	bool is_there;           /* the case has live: */
	char *pattern, *not_pattern; /* PCRE2; NULL = any */
	int64_t min_chars, max_chars; /* code points; 0 = any */
	struct conf_texts similar_to; /* good answers */
	double similarity;       /* at least so similar to one of them: golden_similarity */
	bool may_be_silent;      /* declining and being refused are right too */
};

struct golden_case {
	struct conf_file *file;
	char *name;              /* the file's, without .yaml */
	char *about, *persona, *trigger, *prompt_hash;
	char *on, *user, *level, *channel, *platform, *text; /* of the event */
	struct bot_event_field *fields;
	size_t field_count;
	struct line *past;
	size_t past_count;
	char *prompt;            /* as golden_prompt_text writes it; NULL = any */
	size_t prompt_listed;    /* messages that stand in it, counted from the last */
	int prompt_line;         /* where it stands in the file; 0 = nowhere */
	struct golden_reply *replies;
	size_t reply_count;
	struct golden_live live;
};

struct golden_set {
	struct golden_case **at; /* in the order of their names within each folder */
	size_t n;
	char hash[SHA256_TEXT_BYTES]; /* of all names and texts */
};
/* Adds a file, or all of a folder. ERR_INVALID after complaints; what can be read is added. */
int golden_set_add(struct golden_set *s, const char *path, struct conf_report *r) MUST_USE;
/* Makes the hash, when all are there. */
int golden_set_seal(struct golden_set *s) MUST_USE;
void golden_set_fini(struct golden_set *s);

/* ---- The stage ------------------------------------------------------------------------------- */

struct golden_stage;
/* BORROWS source and world until golden_stage_free. From now on the clock is frozen
 * (golden_stage_free thaws it) and chance is seeded. */
int golden_stage_new(const struct bot_source *source, struct bot_world *w, uint64_t seed,
	struct golden_stage **out) MUST_USE;
void golden_stage_free(struct golden_stage *g);

struct golden_outcome {
	struct prompt *prompt;   /* what the model was asked first; NULL = it was not */
	const struct persona *persona; /* who was to answer; of the world */
	bool is_local_only;      /* that prompt may not leave this machine */
	char trigger[65];        /* "" = none */
	enum reason reason;
	char rule[64];
	char *posted;            /* NULL = silence */
};
/* Plays a case once with what the model says; r NULL = it declines. ERR_INVALID: no such event or
 * persona, *why is a sentence. Give *out to golden_outcome_fini in any case. */
int golden_play(struct golden_stage *g, const struct golden_case *c, const struct golden_reply *r,
	struct golden_outcome *out, const char **why) MUST_USE;
void golden_outcome_fini(struct golden_outcome *o);

/* Plays all of a case. Adds the lines in which it differs from what must be, "-" before what
 * should be and "+" before what is; nothing when all is well. *fresh, if not NULL, GIVES what
 * `prompt:` should say when that differs, else NULL. */
int golden_check(struct golden_stage *g, const struct golden_case *c, struct buf *out,
	char **fresh) MUST_USE;
/* The file of c with another prompt: for review. */
int golden_rewrite(const struct golden_case *c, const char *prompt, struct buf *out) MUST_USE;

/* The last `listed` messages of a prompt as `prompt:` of a case spells them, the fence's marker as
 * MARKER; those before are one line with their number and a hash. */
int golden_prompt_text(const struct prompt *p, size_t listed, struct buf *out) MUST_USE;
/* Adds the lines that only one of the two has, and a few around them. */
int golden_diff(struct str want, struct str have, struct buf *out) MUST_USE;

/* ---- Live ------------------------------------------------------------------------------------ */

struct golden_eval_options {
	const struct bot_source *source;
	struct bot_world *world; /* with its secrets */
	const struct golden_set *set;
	const char *model;       /* asked instead of the provider's own */
	size_t provider;         /* index in the config */
	size_t samples;          /* answers to each case */
	int64_t seed;            /* of the first of them, from 1; told to those who take one */
	int64_t cost_max;        /* millionths of a dollar; 0 = any */
	const char *ledger;      /* the file that gets a row for each call; NULL = none does */
};

/* What a case came to. */
struct golden_scored {
	const struct golden_case *c;
	size_t right;            /* of samples */
	char *why;               /* what was wrong with the first wrong one; NULL = none was */
};

struct golden_eval {
	struct golden_scored *at; /* of those cases that say what a live answer must be like */
	size_t n;
	size_t kept;             /* behind them: not asked, may not leave this machine */
	double pass_at_1, pass_at_5, bleu; /* means over the cases; NAN = cannot be known */
	int64_t cost, tokens_out, took_ms; /* of all answers */
	enum provider_error error; /* why it was given up; the numbers are then none */
	char message[256];
};
/* Asks a model each case's prompt so many times and looks at what would become of its answers.
 * Blocks. Gives up at the first answer that does not come. Give *out to golden_eval_fini in any
 * case. ERR_NOTFOUND: no case has `live:`. */
int golden_eval(const struct golden_eval_options *o, struct golden_eval *out) MUST_USE;
void golden_eval_fini(struct golden_eval *e);
/* How many cases would be asked. */
size_t golden_live_count(const struct golden_set *s);

/* ---- Scores ---------------------------------------------------------------------------------- */

/* The chance that of k samples at least one passes, when c of n did: 1 - C(n-c, k) / C(n, k), the
 * unbiased estimator of Chen et al., "Evaluating Large Language Models Trained on Code", 2021.
 * NAN for n < k. */
double golden_pass_at(size_t n, size_t c, size_t k);

#define GOLDEN_BLEU_GRAMS 4
/* BLEU of Papineni et al., 2002, over a corpus: counts are summed over all answers before anything
 * is divided. Words are those of text_next_word, folded. */
struct golden_bleu {
	uint64_t met[GOLDEN_BLEU_GRAMS], all[GOLDEN_BLEU_GRAMS];
	uint64_t answer_words, reference_words;
};
/* Counts an answer in; the reference whose length is nearest (the shorter of two) counts for the
 * brevity penalty. Without references nothing is counted. */
int golden_bleu_add(struct golden_bleu *b, struct str answer, const char *const *references,
	size_t n) MUST_USE;
/* 0 to 1: the geometric mean of the four precisions, those of two words and more smoothed by one
 * (Lin and Och, 2004), times the brevity penalty. NAN when nothing was counted. */
double golden_bleu_score(const struct golden_bleu *b);

/* How alike two texts are, 0 to 1: twice the words they share, divided by the words they have
 * (Dice), each as often as it stands there. */
int golden_similarity(struct str a, struct str b, double *out) MUST_USE;

/* Is what became of a live answer right? why: a clause that says what is wrong, "" when it is
 * right. ERR_NOMEM, ERR_LIMIT. */
int golden_judge(const struct golden_case *c, const struct golden_outcome *o, bool *is_right,
	struct buf *why) MUST_USE;

#endif
