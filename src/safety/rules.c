/* All rules of files together: the built-in ones, and those that files add, replace or switch off.
 * One pass of the literal filter over each form of a text says which of them are tried at all. */
#include "safety/room.h"

#include <string.h>

#define RULES_MAX     2000
#define OVERLAP_BYTES 300 /* of two windows: no rule looks at more at once */

/* The files of the folder safety as they were when the program was built, line by line. */
static const char *const builtin[] = {
#include "safety/rules_builtin.inc"
};

struct safety_rules {
	struct safety_rule **at;
	size_t n;
	struct pattern_engine *trial, *engine;
	struct pattern_filter *filter; /* NULL = not sealed yet */
	uint64_t *bits;                /* candidates of a search; one thread searches at a time */
};

/* Windows end at edges of characters, and begin at those: matching takes valid UTF-8 on trust. */
static size_t edge(struct str s, size_t at)
{
	while (at > 0 && at < s.len && ((unsigned char)s.at[at] & 0xC0) == 0x80)
		at--;
	return at;
}

bool safety_next_window(struct str *rest, struct str *window)
{
	if (rest->len == 0)
		return false;
	*window = *rest;
	if (rest->len <= PATTERN_SUBJECT_BYTES) {
		rest->len = 0;
		return true;
	}
	window->len = edge(*rest, PATTERN_SUBJECT_BYTES);
	const size_t next = edge(*rest, window->len - OVERLAP_BYTES);
	*rest = (struct str){rest->at + next, rest->len - next};
	return true;
}

/* ---- Loading --------------------------------------------------------------------------------- */

void safety_rules_free(struct safety_rules *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		safety_rule_free(s->at[i]);
	mem_free(s->at);
	pattern_engine_free(s->trial);
	pattern_engine_free(s->engine);
	pattern_filter_free(s->filter);
	mem_free(s->bits);
	mem_free(s);
}

/* TAKES the rules of the list that are there; those of the same name give way. */
static int take_rules(struct safety_rules *s, struct safety_rule **fresh, size_t n)
{
	const size_t most = s->n + n + 1;
	struct safety_rule **grown = mem_resize(s->at, most * sizeof(struct safety_rule *));

	if (!grown)
		return ERR_NOMEM;
	s->at = grown;
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < s->n && strcmp(s->at[k]->id, fresh[i]->id) != 0)
			k++;
		if (k < s->n)
			safety_rule_free(s->at[k]);
		else
			s->n++;
		s->at[k] = fresh[i];
		fresh[i] = NULL;
	}
	return 0;
}

static int read_rules(
	struct safety_rules *s, const struct conf_file *f, bool is_trusted, struct conf_report *r)
{
	const struct conf_node *root = conf_file_root(f);
	struct safety_rule **fresh = NULL;
	size_t n = 0;
	int err = 0;

	if (conf_node_kind(root) != CONF_MAP || conf_node_count(root) + s->n > RULES_MAX) {
		conf_complain(r, f, root, 0, CONF_ERROR, "begin with a name: \"my-rule:\"",
			"a rule file is a map of names to rules, at most %d of them", RULES_MAX);
		return ERR_INVALID;
	}
	fresh = mem_array(conf_node_count(root) + 1, sizeof(struct safety_rule *));
	if (!fresh)
		return ERR_NOMEM;
	for (size_t i = 0; i < conf_node_count(root) && err != ERR_NOMEM; i++) {
		int rc = safety_rule_read(f, conf_node_key(root, i), conf_node_value(root, i),
			is_trusted, s->trial, r, &fresh[n]);

		n += rc == 0;
		err = rc < 0 ? rc : err;
	}
	if (err == 0)
		err = take_rules(s, fresh, n);
	for (size_t i = 0; i < n; i++)
		safety_rule_free(fresh[i]);
	mem_free(fresh);
	return err;
}

static int read_builtin(struct safety_rules *s)
{
	struct conf_report report;
	struct conf_file *f = NULL;
	struct buf text;
	int err = 0;

	conf_report_init(&report);
	buf_init(&text, CONF_FILE_BYTES);
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]) && err == 0; i++)
		err = buf_adds(&text, builtin[i]);
	if (err == 0)
		err = conf_file_parse("built-in", buf_str(&text), &report, &f);
	if (err == 0)
		err = read_rules(s, f, true, &report);
	conf_file_free(f);
	buf_fini(&text);
	conf_report_fini(&report);
	return err;
}

int safety_rules_new(struct safety_rules **out)
{
	struct safety_rules *s = mem_new(sizeof(*s));
	int err = ERR_NOMEM;

	if (s)
		err = pattern_engine_new(false, &s->trial);
	if (err == 0)
		err = read_builtin(s);
	if (err < 0)
		safety_rules_free(s);
	else
		*out = s;
	return err;
}

int safety_rules_read(struct safety_rules *s, const struct conf_file *f, struct conf_report *r)
{
	return read_rules(s, f, false, r);
}

/* Matched once, a pattern is compiled for good: here, where nobody waits. */
static void warm_up(struct safety_rules *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t p = 0; s->at[i]->is_on && p < s->at[i]->pattern_count; p++)
			(void)!pattern_match(
				s->at[i]->patterns[p], s->engine, STR("a"), NULL, NULL);
	}
}

int safety_rules_seal(struct safety_rules *s)
{
	const struct pattern_literals **sets = mem_array(s->n + 1, sizeof(*sets));
	int err = ERR_NOMEM;

	s->bits = mem_array(PATTERN_BIT_WORDS(s->n) + 1, sizeof(*s->bits));
	if (sets && s->bits) {
		for (size_t i = 0; i < s->n; i++)
			sets[i] = &s->at[i]->literals;
		err = pattern_filter_new(sets, s->n, &s->filter);
	}
	mem_free(sets);
	if (err == 0)
		err = pattern_engine_new(true, &s->engine);
	if (err == 0)
		warm_up(s);
	return err;
}

size_t safety_rules_count(const struct safety_rules *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->at[i]->is_on;
	return n;
}

/* ---- Searching ------------------------------------------------------------------------------- */

static void find_candidates(struct safety_rules *s, const struct safety_forms *forms)
{
	memset(s->bits, 0, PATTERN_BIT_WORDS(s->n) * sizeof(*s->bits));
	for (size_t i = 0; i < forms->n; i++) {
		struct str rest = buf_str(&forms->at[i]), window;

		while (safety_next_window(&rest, &window))
			pattern_filter_scan(s->filter, window, s->bits);
	}
}

static bool is_candidate(const struct safety_rules *s, size_t i, unsigned families)
{
	const struct safety_rule *r = s->at[i];

	return r->is_on && (families >> r->family & 1) &&
	       (!pattern_filter_holds(s->filter, i) ||
		       (s->bits[i / PATTERN_BITS] >> (i % PATTERN_BITS) & 1));
}

/* Two rules of one family that each leave half a doubt leave a quarter together. */
static void add_finding(struct safety_findings *out, const struct safety_rule *r, double weight)
{
	double *score = r->family == SAFETY_TOXICITY ? &out->toxicity
			: r->family == SAFETY_BIAS   ? &out->bias
						     : &out->input;
	size_t i = out->n < SAFETY_FINDINGS_MAX ? out->n++ : SAFETY_FINDINGS_MAX;

	*score = 1 - (1 - *score) * (1 - weight);
	while (i > 0 && out->at[i - 1].weight < weight) { /* the heaviest first */
		if (i < SAFETY_FINDINGS_MAX)
			out->at[i] = out->at[i - 1];
		i--;
	}
	if (i < SAFETY_FINDINGS_MAX)
		out->at[i] = (struct safety_finding){.rule = r->label,
			.family = r->family,
			.weight = weight,
			.advice = r->advice ? r->advice : ""};
}

int safety_rules_find(
	struct safety_rules *s, unsigned families, struct str text, struct safety_findings *out)
{
	struct safety_forms forms;

	safety_forms_init(&forms);
	int err = safety_forms_make(text, (families & SAFETY_OF_INPUT) != 0, &forms);
	if (err == 0)
		find_candidates(s, &forms);
	for (size_t i = 0; i < s->n && err == 0; i++) {
		double weight = is_candidate(s, i, families)
					? safety_rule_weigh(s->at[i], s->engine, &forms)
					: 0;

		if (weight > 0)
			add_finding(out, s->at[i], weight);
	}
	safety_forms_fini(&forms);
	return err;
}
