/* One rule of a file: from YAML to compiled patterns, or complaints with positions. The table below
 * is the reference of a rule's keys: mynah-safety(5) tells it. */
#include "safety/room.h"

#define NAME_BYTES   48
#define PATTERNS_MAX 40 /* of one rule */
#define MATCHES_MAX  8  /* of one pattern in a text that are weighed */

struct entry {
	struct safety_rule rule;
	struct conf_node *match, *examples;
};

#define AT(member) offsetof(struct entry, member)

static const char *const families[] = {
#define X(upper, lower, found) #lower,
	SAFETY_FAMILIES(X)
#undef X
		NULL};

static const struct conf_option options[] = {
	{.name = "family",
		.type = CONF_CHOICE,
		.offset = AT(rule.family),
		.choices = families,
		.help = "What it is about."},
	{.name = "weight",
		.type = CONF_NUMBER,
		.offset = AT(rule.weight),
		.fallback = "0.9",
		.min = 0,
		.max = 1,
		.help = "How much it speaks against a text by itself."},
	{.name = "match",
		.type = CONF_NODE,
		.offset = AT(match),
		.help = "PCRE2 patterns, one of which must match; a space stands for whatever "
			"parts words, or nothing."},
	{.name = "at_somebody",
		.type = CONF_BOOL,
		.offset = AT(rule.is_personal),
		.fallback = "no",
		.help = "Whether it weighs half where nobody is spoken to or of."},
	{.name = "advice",
		.type = CONF_TEXT,
		.offset = AT(rule.advice),
		.help = "What people may do about it."},
	{.name = "enabled",
		.type = CONF_BOOL,
		.offset = AT(rule.is_on),
		.fallback = "yes",
		.help = "Whether it is used at all."},
	{.name = "examples",
		.type = CONF_NODE,
		.offset = AT(examples),
		.help = "{match: [...], no_match: [...]}, tried by `mynah check`."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

const char *safety_family_name(enum safety_family f)
{
	return (unsigned)f < SAFETY_FAMILY_COUNT ? families[f] : "unknown";
}

const char *safety_family_text(enum safety_family f)
{
	static const char *const texts[] = {
#define X(upper, lower, found) found,
		SAFETY_FAMILIES(X)
#undef X
	};

	return (unsigned)f < SAFETY_FAMILY_COUNT ? texts[f] : "";
}

/* What is being read. */
struct reading {
	struct conf_reading of;
	struct pattern_engine *engine;
	struct safety_rule *rule;
	bool is_trusted;
};

/* ---- Patterns -------------------------------------------------------------------------------- */

/* A space outside of a class becomes what may part words. */
static int widen(struct str text, struct buf *out)
{
	bool is_class = false;
	int err = 0;

	for (size_t i = 0; i < text.len && err == 0; i++) {
		char c = text.at[i];

		if (c == '\\' && i + 1 < text.len) {
			err = buf_add(out, text.at + i++, 2);
			continue;
		}
		if (c == '[' || c == ']')
			is_class = c == '[';
		err = c == ' ' && !is_class ? buf_adds(out, "\\W{0,4}") : buf_addc(out, c);
	}
	return err;
}

static int add_literals(struct safety_rule *rule, struct str text)
{
	struct pattern_literals found = {0};
	int err = pattern_literal_find(text, &found);

	if (err == 0 && !rule->is_free)
		err = pattern_literals_join(&rule->literals, &found);
	if (found.n == 0 || rule->literals.n > PATTERN_LITERALS_MAX) {
		rule->is_free = true;
		pattern_literals_free(&rule->literals);
	}
	pattern_literals_free(&found);
	return err;
}

/* Is the pattern as it stands in the file sound? Complains where it is not. */
static bool is_sound(struct reading *rd, const struct conf_node *n)
{
	struct pattern_fault fault;
	struct pattern *p = NULL;
	int err = pattern_new(conf_node_text(n), &p, &fault);

	if (err == ERR_PARSE)
		conf_complain(rd->of.report, rd->of.file, n, fault.character, CONF_ERROR,
			fault.hint, "the pattern %s", fault.what);
	conf_note(&rd->of, err == ERR_PARSE ? ERR_INVALID : err);
	pattern_free(p);
	return err == 0;
}

static void read_pattern(struct reading *rd, const struct conf_node *n)
{
	struct safety_rule *rule = rd->rule;
	struct pattern_fault fault;
	struct buf wide;
	int err;

	if (conf_node_kind(n) != CONF_SCALAR) {
		conf_wrong(&rd->of, n, "put it in single quotes", "a pattern is a text");
		return;
	}
	if (!rd->is_trusted && !is_sound(rd, n))
		return;
	buf_init(&wide, PATTERN_BYTES);
	err = widen(conf_node_text(n), &wide);
	if (err == 0)
		err = pattern_new(buf_str(&wide), &rule->patterns[rule->pattern_count], &fault);
	if (err == ERR_PARSE || err == ERR_LIMIT)
		conf_wrong(&rd->of, n, "share it out over two patterns",
			"with its spaces widened the pattern is too long");
	else
		conf_note(&rd->of, err);
	if (err == 0) {
		struct pattern *p = rule->patterns[rule->pattern_count++];

		conf_note(&rd->of, add_literals(rule, buf_str(&wide)));
		if (!rd->is_trusted &&
			pattern_trial(p, rd->engine, buf_str(&wide)) == PATTERN_RUINOUS)
			conf_wrong(&rd->of, n, "do not repeat a group that itself ends in a repeat",
				"the pattern needs too many steps: a short text can keep it busy");
	}
	buf_fini(&wide);
}

static void read_match(struct reading *rd, const struct conf_node *entry, const struct conf_node *n)
{
	const bool is_list = n && conf_node_kind(n) == CONF_LIST;
	const size_t count = is_list ? conf_node_count(n) : 1;

	if (!n && !rd->rule->is_on)
		return;
	if (!n || conf_node_kind(n) == CONF_MAP || count == 0 || count > PATTERNS_MAX) {
		conf_wrong(&rd->of, n ? n : entry,
			"match: '\\bignore (all )?previous instructions'",
			"a rule has 1 to %d patterns", PATTERNS_MAX);
		return;
	}
	rd->rule->patterns = mem_array(count, sizeof(struct pattern *));
	if (!rd->rule->patterns) {
		conf_note(&rd->of, ERR_NOMEM);
		return;
	}
	for (size_t i = 0; i < count; i++)
		read_pattern(rd, is_list ? conf_node_at(n, i) : n);
}

/* ---- Examples -------------------------------------------------------------------------------- */

struct examples {
	struct conf_node *match, *no_match;
};

static const struct conf_option example_options[] = {
	{.name = "match",
		.type = CONF_NODE,
		.offset = offsetof(struct examples, match),
		.help = "Texts that it must find something in."},
	{.name = "no_match",
		.type = CONF_NODE,
		.offset = offsetof(struct examples, no_match),
		.help = "Texts that it must not."},
};
#define EXAMPLE_OPTIONS (sizeof(example_options) / sizeof(example_options[0]))

static void try_example(struct reading *rd, const struct conf_node *n, bool matches)
{
	struct safety_forms forms;

	safety_forms_init(&forms);
	int err = safety_forms_make(conf_node_text(n), true, &forms);
	if (err < 0)
		conf_note(&rd->of, err);
	else if ((safety_rule_weigh(rd->rule, rd->engine, &forms) > 0) != matches)
		conf_wrong(&rd->of, n,
			matches ? "change the example, or widen the rule"
				: "change the example, or narrow the rule",
			"rule \"%s\" %s its example", rd->rule->id,
			matches ? "does not match" : "matches");
	safety_forms_fini(&forms);
}

static void try_list(struct reading *rd, const struct conf_node *list, bool matches)
{
	if (list && conf_node_kind(list) != CONF_LIST)
		conf_wrong(&rd->of, list, "write [\"one text\", \"another\"]",
			"examples are a list of texts");
	else
		for (size_t i = 0; list && i < conf_node_count(list); i++)
			try_example(rd, conf_node_at(list, i), matches);
}

static void try_examples(struct reading *rd, const struct conf_node *n)
{
	struct examples both = {0};

	conf_read_map(&rd->of, n, example_options, EXAMPLE_OPTIONS, &both);
	if (rd->of.err == 0) {
		try_list(rd, both.match, true);
		try_list(rd, both.no_match, false);
	}
	conf_free_options(example_options, EXAMPLE_OPTIONS, &both);
}

/* ---- The rule -------------------------------------------------------------------------------- */

/* The most that any of its matches in a window weighs. */
static double weigh_window(const struct safety_rule *rule, struct pattern *p,
	struct pattern_engine *g, struct str window)
{
	struct str captures[PATTERN_CAPTURES], rest = window;
	double most = 0;
	size_t n;

	for (int i = 0; i < MATCHES_MAX && rest.len > 0; i++) {
		int rc = pattern_match(p, g, rest, captures, &n);

		if (rc == 0)
			break;
		if (rc < 0) /* it was kept busy: in doubt it has matched */
			return rule->weight;
		const double weight = safety_weigh(rule, window, captures[0]);

		most = weight > most ? weight : most;
		if (most >= rule->weight || captures[0].len == 0)
			break;
		const char *end = captures[0].at + captures[0].len;
		rest = (struct str){end, (size_t)(window.at + window.len - end)};
	}
	return most;
}

double safety_rule_weigh(
	const struct safety_rule *rule, struct pattern_engine *g, const struct safety_forms *forms)
{
	double most = 0;

	for (size_t i = 0; i < forms->n; i++) {
		struct str rest = buf_str(&forms->at[i]), window;

		while (safety_next_window(&rest, &window)) {
			for (size_t p = 0; p < rule->pattern_count; p++) {
				double weight = weigh_window(rule, rule->patterns[p], g, window);

				most = weight > most ? weight : most;
				if (most >= rule->weight)
					return most;
			}
		}
	}
	return most;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_alnum(s.at[i]) && s.at[i] != '-' && s.at[i] != '_')
			return false;
	}
	return s.len > 0 && s.len <= NAME_BYTES;
}

void safety_rule_free(struct safety_rule *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->pattern_count; i++)
		pattern_free(r->patterns[i]);
	mem_free(r->patterns);
	pattern_literals_free(&r->literals);
	mem_free(r->id);
	mem_free(r->label);
	mem_free(r->advice);
	mem_free(r);
}

/* "input:ID" is what a refused question is told by. */
static int name_rule(struct safety_rule *r, struct str id)
{
	struct buf b;

	buf_init(&b, 2 * NAME_BYTES);
	r->id = mem_dupn(id.at, id.len);
	if (!buf_addf(&b, "input:%.*s", STR_FMT(id)))
		r->label = buf_take(&b);
	buf_fini(&b);
	return r->id && r->label ? 0 : ERR_NOMEM;
}

static void read_entry(struct reading *rd, const struct conf_node *value)
{
	struct entry e = {0};
	struct safety_rule *r = rd->rule;

	conf_read_map(&rd->of, value, options, OPTIONS, &e);
	r->family = e.rule.family;
	r->weight = e.rule.weight;
	r->is_personal = e.rule.is_personal;
	r->is_on = e.rule.is_on;
	r->advice = e.rule.advice;
	e.rule.advice = NULL;
	if (!conf_node_find(value, "family"))
		conf_wrong(&rd->of, value, "family: prompt_injection, for example",
			"rule \"%s\" has no family", r->id);
	if (rd->of.err != ERR_NOMEM)
		read_match(rd, value, e.match);
	if (rd->of.err == 0 && e.examples && !rd->is_trusted)
		try_examples(rd, e.examples);
	conf_free_options(options, OPTIONS, &e);
}

int safety_rule_read(const struct conf_file *f, const struct conf_node *key,
	const struct conf_node *value, bool is_trusted, struct pattern_engine *g,
	struct conf_report *r, struct safety_rule **out)
{
	struct reading rd = {.of = {f, r, 0}, .engine = g, .is_trusted = is_trusted};
	const struct str id = conf_node_text(key);

	if (!is_name(id) || conf_node_kind(value) != CONF_MAP) {
		conf_complain(r, f, key, 0, CONF_ERROR, "a-z 0-9 _ -, and the keys of a rule below",
			"\"%.*s\" begins no rule", STR_FMT(id));
		return ERR_INVALID;
	}
	rd.rule = mem_new(sizeof(*rd.rule));
	if (!rd.rule)
		return ERR_NOMEM;
	conf_note(&rd.of, name_rule(rd.rule, id));
	if (rd.of.err == 0)
		read_entry(&rd, value);
	if (rd.of.err == 0) {
		*out = rd.rule;
		return 0;
	}
	safety_rule_free(rd.rule);
	return rd.of.err == ERR_NOMEM ? ERR_NOMEM : ERR_INVALID;
}
