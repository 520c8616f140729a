/* One PCRE2 pattern: compiled with bounds, matched with limits. The only file that knows PCRE2.
 *
 * Patterns are UTF, UCP and caseless unless they say otherwise inside, so a CJK character is a word
 * character and \b does not part it from a Latin letter. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern/pattern.h"

#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#define JIT_STACK_MIN  32768
#define JIT_STACK_MAX  (512 * 1024) /* what pcre2jit(3) suggests; its end counts as a limit */
#define HEAP_LIMIT_KIB 1024         /* of the interpreter, where JIT is not to be had */

struct pattern {
	pcre2_code *code;
	uint32_t groups;
	enum { JIT_UNTRIED, JIT_READY, JIT_NONE } jit;
};

struct pattern_engine {
	pcre2_match_data *data;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack;
	bool uses_jit;
};

#define HINT_PLAIN \
	"put a backslash before a sign that is meant as it stands: \\( \\) \\[ \\? \\* \\+ \\."
#define HINT_WORDS \
	"a pattern is a PCRE2 regular expression; words:, command: and contains: need none"

/* The mistakes people make, in their words, and what to do; the rest is said in PCRE2's. */
static const struct {
	int code;
	const char *what, *hint;
} mistakes[] = {
	{PCRE2_ERROR_END_BACKSLASH, "a lone backslash", "write \\\\ for a backslash"},
	{PCRE2_ERROR_UNKNOWN_ESCAPE, "an unknown backslash sequence",
		"write \\\\ for a backslash; \\w \\d \\s \\b are the usual sequences"},
	{PCRE2_ERROR_QUANTIFIER_OUT_OF_ORDER, "a repeat count whose end is below its start",
		"the smaller number comes first: {2,5}"},
	{PCRE2_ERROR_QUANTIFIER_TOO_BIG, "a repeat count that is too big",
		"a message has 500 characters at most"},
	{PCRE2_ERROR_MISSING_SQUARE_BRACKET, "an unclosed character class",
		"add the ], or write \\[ for a plain bracket"},
	{PCRE2_ERROR_CLASS_RANGE_ORDER, "a character range whose end is below its start",
		"the first character comes first: [a-z]; a plain - stands at the end: [az-]"},
	{PCRE2_ERROR_QUANTIFIER_INVALID, "a repeat sign with nothing to repeat", HINT_PLAIN},
	{PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS, "an unclosed group",
		"add the ), or write \\( for a plain parenthesis"},
	{PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS, "a closing parenthesis that opens nowhere",
		"remove it, or write \\) for a plain parenthesis"},
	{PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE, "a reference to a group that is not there",
		"groups are counted by their opening parentheses, from 1"},
	{PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH, "a lookbehind of no fixed length",
		"no *, + or ? within (?<= ) and (?<! )"},
	{PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP, "groups nested too deep", HINT_WORDS},
	{PCRE2_ERROR_BACKSLASH_C_CALLER_DISABLED, "\\C, which is not allowed",
		"write . for any character"},
};

static void tell_compile_error(int code, struct str text, size_t at, struct pattern_fault *fault)
{
	char words[120] = "";
	const char *what = words;
	size_t total = text_points(text);

	fault->hint = HINT_WORDS;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		if (mistakes[i].code != code)
			continue;
		what = mistakes[i].what;
		fault->hint = mistakes[i].hint;
	}
	if (what == words)
		(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof(words));
	fault->character = text_points((struct str){text.at, at < text.len ? at : text.len});
	if (fault->character >= total && total > 0)
		fault->character = total - 1; /* found missing at the end: point at the last */
	snprintf(fault->what, sizeof(fault->what), "has %s at character %zu", what,
		fault->character + 1);
}

static int refuse(struct pattern_fault *fault, size_t character, const char *what)
{
	fault->character = character;
	fault->hint = HINT_WORDS;
	snprintf(fault->what, sizeof(fault->what), "%s", what);
	return ERR_PARSE;
}

static int on_callout(pcre2_callout_enumerate_block *block, void *ctx)
{
	*(size_t *)ctx = block->pattern_position;
	return 1;
}

/* GIVES a compile context with our bounds, or NULL. */
static pcre2_compile_context *bounds_new(void)
{
	pcre2_compile_context *bounds = pcre2_compile_context_create(NULL);

	if (!bounds)
		return NULL;
	pcre2_set_max_pattern_length(bounds, PATTERN_BYTES);
	pcre2_set_parens_nest_limit(bounds, PATTERN_NEST_MAX);
	return bounds;
}

int pattern_new(struct str text, struct pattern **out, struct pattern_fault *fault)
{
	const uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *bounds = NULL;
	struct pattern *p = NULL;
	int code, err = ERR_NOMEM;
	size_t at = 0;

	if (text.len == 0)
		return refuse(fault, 0, "is empty and would match everything");
	if (text.len > PATTERN_BYTES)
		return refuse(fault, 0, "is longer than 2000 bytes");
	if (text.len > 2 && memcmp(text.at, "(*", 2) == 0 && text.at[2] >= 'A' && text.at[2] <= 'Z')
		return refuse(
			fault, 0, "begins with a verb, which could lift the bot's own limits");

	if (memchr(text.at, '\b', text.len)) {
		err = refuse(fault, 0, "holds the backspace key, which nobody says in chat");
		fault->hint = "put the pattern in single quotes: in double quotes \\b is that key";
		return err;
	}

	p = mem_new(sizeof(*p));
	bounds = bounds_new();
	if (!p || !bounds)
		goto out;
	p->code = pcre2_compile((PCRE2_SPTR)text.at, text.len, flags, &code, &at, bounds);
	if (!p->code) {
		if (code != PCRE2_ERROR_HEAP_FAILED) {
			tell_compile_error(code, text, at, fault);
			err = ERR_PARSE;
		}
		goto out;
	}
	if (pcre2_callout_enumerate(p->code, on_callout, &at) != 0) {
		err = refuse(fault, text_points((struct str){text.at, at}),
			"has a callout, which is not allowed");
		goto out;
	}
	(void)pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &p->groups);
	*out = p;
	p = NULL;
	err = 0;
out:
	pcre2_compile_context_free(bounds);
	pattern_free(p);
	return err;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->code);
	mem_free(p);
}

int pattern_engine_new(bool uses_jit, struct pattern_engine **out)
{
	struct pattern_engine *g = mem_new(sizeof(*g));

	if (!g)
		return ERR_NOMEM;
	g->uses_jit = uses_jit;
	g->data = pcre2_match_data_create(PATTERN_CAPTURES, NULL);
	g->limits = pcre2_match_context_create(NULL);
	if (!g->data || !g->limits)
		goto fail;
	pcre2_set_match_limit(g->limits, PATTERN_STEPS);
	pcre2_set_depth_limit(g->limits, PATTERN_STEPS);
	pcre2_set_heap_limit(g->limits, HEAP_LIMIT_KIB);
	if (uses_jit) {
		/* Without a stack of ours JIT has 32 KiB of the thread's: enough for most. */
		g->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
		if (g->stack)
			pcre2_jit_stack_assign(g->limits, NULL, g->stack);
	}
	*out = g;
	return 0;
fail:
	pattern_engine_free(g);
	return ERR_NOMEM;
}

void pattern_engine_free(struct pattern_engine *g)
{
	if (!g)
		return;
	pcre2_match_data_free(g->data);
	pcre2_match_context_free(g->limits);
	pcre2_jit_stack_free(g->stack);
	mem_free(g);
}

void pattern_engine_set_limit(struct pattern_engine *g, uint32_t steps)
{
	pcre2_set_match_limit(g->limits, steps);
}

static int match(struct pattern *p, struct pattern_engine *g, struct str subject)
{
	PCRE2_SPTR at = (PCRE2_SPTR)(subject.at ? subject.at : "");

	if (g->uses_jit && p->jit == JIT_UNTRIED) /* refused where memory may not be executable */
		p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0 ? JIT_READY : JIT_NONE;
	if (g->uses_jit && p->jit == JIT_READY)
		return pcre2_jit_match(p->code, at, subject.len, 0, 0, g->data, g->limits);
	return pcre2_match(p->code, at, subject.len, 0, PCRE2_NO_UTF_CHECK, g->data, g->limits);
}

static bool is_limit(int rc)
{
	return rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
	       rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT;
}

int pattern_match(struct pattern *p, struct pattern_engine *g, struct str subject,
	struct str captures[PATTERN_CAPTURES], size_t *n)
{
	int rc = match(p, g, subject);

	if (rc < 0)
		return is_limit(rc) ? ERR_LIMIT : 0;
	if (!captures)
		return 1;

	/* rc is one more than the highest group that took part, 0 when there were more than fit. */
	const size_t *pairs = pcre2_get_ovector_pointer(g->data);
	size_t set = rc == 0 ? PATTERN_CAPTURES : (size_t)rc;
	*n = p->groups + 1 < PATTERN_CAPTURES ? p->groups + 1 : PATTERN_CAPTURES;
	for (size_t i = 0; i < *n; i++) {
		size_t from = pairs[2 * i], to = pairs[2 * i + 1];

		captures[i] = (struct str){"", 0};
		if (i < set && from != PCRE2_UNSET && from <= to && to <= subject.len && to > from)
			captures[i] = (struct str){subject.at + from, to - from};
	}
	if (captures[0].len == 0 && subject.at) /* an empty match still has a place */
		captures[0] =
			(struct str){subject.at + (pairs[1] <= subject.len ? pairs[1] : 0), 0};
	return 1;
}
