/* pattern: PCRE2 patterns with bounds, and which of many can match a text at all.
 *
 * Floor 2, pure. Hides PCRE2 and the literal filter. A pattern comes from a file that people edit:
 * it is compiled without what could lift its limits, and tried on text made to hurt it; matching
 * has a limit of steps. Of many patterns only those are tried that pattern_filter_scan leaves,
 * which reads the text once. */
#ifndef PATTERN_PATTERN_H
#define PATTERN_PATTERN_H

#include "base/base.h"

#define PATTERN_BYTES 2000
#define PATTERN_SUBJECT_BYTES 2000 /* design.md law 10: subjects are cut there */
#define PATTERN_STEPS 10000        /* PCRE2's match limit */
#define PATTERN_NEST_MAX 50        /* groups within groups; no pattern for chat needs ten */
#define PATTERN_CAPTURES 10
#define PATTERN_FAULT_BYTES 160

/* ---- pattern.c: the only file that knows PCRE2 ----------------------------------------------- */

struct pattern;        /* a compiled pattern; JIT is compiled when it is first matched */
struct pattern_engine; /* what matching needs besides: limits, stack, room for captures */

/* Why a pattern is refused: a clause, and where in the pattern. */
struct pattern_fault {
	size_t character; /* from 0 */
	const char *hint; /* static; never NULL */
	char what[PATTERN_FAULT_BYTES];
};

/* GIVES *out. ERR_PARSE with the fault filled in, ERR_NOMEM. */
int pattern_new(struct str text, struct pattern **out, struct pattern_fault *fault) MUST_USE;
void pattern_free(struct pattern *p);
/* uses_jit is false where a pattern is tried only once or twice (a load on a worker thread). */
int pattern_engine_new(bool uses_jit, struct pattern_engine **out) MUST_USE;
void pattern_engine_free(struct pattern_engine *g);
/* Another match limit than PATTERN_STEPS. */
void pattern_engine_set_limit(struct pattern_engine *g, uint32_t steps);
/* subject is valid UTF-8; of what chat says at most PATTERN_SUBJECT_BYTES. 1 with the captures
 * (BORROWED from the subject), 0 no match, ERR_LIMIT when it gave up. captures and n may be
 * NULL. */
int pattern_match(struct pattern *p, struct pattern_engine *g, struct str subject,
	struct str captures[PATTERN_CAPTURES], size_t *n) MUST_USE;

/* ---- trial.c --------------------------------------------------------------------------------- */

enum pattern_cost { PATTERN_CHEAP, PATTERN_SLOW, PATTERN_RUINOUS };
/* Tries a pattern on text made to hurt it: ruinous when a short message is enough to reach the
 * match limit, slow when it takes a long one. text is the pattern's source. */
enum pattern_cost pattern_trial(struct pattern *p, struct pattern_engine *g, struct str text);

/* ---- literal.c ------------------------------------------------------------------------------- */

/* Longer literals are cut: a prefix of what is required is required too. Eight bytes tell 10,000
 * commands apart and keep the automaton half as large as sixteen would. */
#define PATTERN_LITERAL_BYTES 8
#define PATTERN_LITERALS_MAX 1000 /* of one trigger or rule; with more it runs on every message */

/* ASCII in lower case. Other characters only where no other character folds to them. */
struct pattern_literal {
	unsigned char len;
	char at[PATTERN_LITERAL_BYTES];
};

struct pattern_literals {
	struct pattern_literal *at;
	size_t n, cap;
};

/* Adds literals of which every subject that the pattern matches, once folded by the filter,
 * contains at least one. Adds none when there is no such set that it can see. ERR_NOMEM. */
int pattern_literal_find(struct str pattern, struct pattern_literals *out) MUST_USE;
/* Adds those of from that into lacks. */
int pattern_literals_join(struct pattern_literals *into, const struct pattern_literals *from)
	MUST_USE;
void pattern_literals_free(struct pattern_literals *l);

/* ---- filter.c -------------------------------------------------------------------------------- */

#define PATTERN_BITS 64
#define PATTERN_BIT_WORDS(n) (((n) + PATTERN_BITS - 1) / PATTERN_BITS)

struct pattern_filter; /* immutable once built */
/* Builds the automaton over n sets of literals. GIVES *out. ERR_NOMEM. */
int pattern_filter_new(const struct pattern_literals *const *sets, size_t n,
	struct pattern_filter **out) MUST_USE;
void pattern_filter_free(struct pattern_filter *f);
/* Is the i-th set in it? Else what it stands for must always be tried. */
bool pattern_filter_holds(const struct pattern_filter *f, size_t i);
/* Sets the bit of every set of which a literal occurs in text. */
void pattern_filter_scan(const struct pattern_filter *f, struct str text, uint64_t *bits);

#endif
