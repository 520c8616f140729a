/* Is what became of a live model's answer right? */
#include "golden/golden.h"
#include "pattern/pattern.h"

/* *met: does the pattern meet the text? One that gives up has met nothing. */
static int try_pattern(const char *text, struct str subject, bool *met)
{
	struct pattern_engine *g = NULL;
	struct pattern_fault fault;
	struct pattern *p = NULL;
	int err = pattern_engine_new(false, &g);

	*met = false;
	if (!err)
		err = pattern_new(str_of(text), &p, &fault);
	subject.len = text_cut(subject, PATTERN_SUBJECT_BYTES, 0);
	if (!err)
		*met = pattern_match(p, g, subject, NULL, NULL) == 1;
	pattern_free(p);
	pattern_engine_free(g);
	return err;
}

static int judge_patterns(const struct golden_live *l, struct str said, struct buf *why)
{
	bool met = true, is_bad = false;
	int err = l->pattern ? try_pattern(l->pattern, said, &met) : 0;

	if (!err && l->not_pattern)
		err = try_pattern(l->not_pattern, said, &is_bad);
	if (!err && !met)
		err = buf_adds(why, "it does not match the pattern");
	else if (!err && is_bad)
		err = buf_adds(why, "it matches what it must not");
	return err;
}

static int judge_likeness(const struct golden_live *l, struct str said, struct buf *why)
{
	double best = 0;
	int err = 0;

	if (l->similarity <= 0)
		return 0;
	for (size_t i = 0; !err && i < l->similar_to.n; i++) {
		double it;

		err = golden_similarity(said, str_of(l->similar_to.at[i]), &it);
		best = !err && it > best ? it : best;
	}
	if (!err && best < l->similarity)
		err = buf_addf(why, "it is like a good answer by %.2f, not %.2f", best,
			l->similarity);
	return err;
}

int golden_judge(const struct golden_case *c, const struct golden_outcome *o, bool *is_right,
	struct buf *why)
{
	const struct golden_live *l = &c->live;
	const struct str said = str_of(o->posted);
	const size_t from = why->len;
	const int64_t chars = (int64_t)text_points(said);
	const bool is_own = o->posted && !*o->rule; /* not the otherwise: line */
	int err = 0;

	if (!is_own && !l->may_be_silent)
		err = buf_addf(why, "%s%s", *o->rule ? "refused: " : "silence: ",
			*o->rule ? o->rule : reason_name(o->reason));
	else if (is_own && l->min_chars > 0 && chars < l->min_chars)
		err = buf_addf(why, "%lld characters are too few", (long long)chars);
	else if (is_own && l->max_chars > 0 && chars > l->max_chars)
		err = buf_addf(why, "%lld characters are too many", (long long)chars);
	else if (is_own)
		err = judge_patterns(l, said, why);
	if (!err && why->len == from && is_own)
		err = judge_likeness(l, said, why);
	*is_right = !err && why->len == from;
	return err;
}
