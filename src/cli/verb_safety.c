/* safety check: would the bot say this, as an answer of a model? With --input: would it ask a model
 * this? By the rules of the files. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* What came of a check. */
struct verdict {
	enum reason reason;
	const char *rule; /* "" = none */
	const char *found, *advice;
	struct str said; /* of an answer that would be said */
	struct safety_findings findings;
};

static bool is_of_input(const struct safety_finding *f)
{
	return SAFETY_OF_INPUT >> f->family & 1;
}

/* A finding's rule as the verb's rule is spelt: those of answers have no "input:". */
static const char *name_of(const struct safety_finding *f)
{
	return is_of_input(f) ? f->rule : f->rule + sizeof("input:") - 1;
}

static int add_member(struct buf *out, const char *name, struct str text)
{
	int err = buf_addf(out, ",\"%s\":", name);

	return err ? err : json_add_string(out, text);
}

/* The rules that were met, or what may be done about them: the gate's own first. */
static int add_list(struct buf *out, const struct verdict *v, bool is_advice)
{
	const char *own = is_advice ? v->advice : v->rule;
	bool is_first = true;
	int err = buf_addf(out, ",\"%s\":[", is_advice ? "recommendations" : "rules");

	if (!err && *own) {
		err = json_add_string(out, str_of(own));
		is_first = false;
	}
	for (size_t i = 0; i < v->findings.n && !err; i++) {
		const struct safety_finding *f = &v->findings.at[i];
		const char *text = is_advice ? f->advice : name_of(f);

		if (*text == '\0' || strcmp(text, own) == 0)
			continue;
		err = buf_adds(out, is_first ? "" : ",");
		if (!err)
			err = json_add_string(out, str_of(text));
		is_first = false;
	}
	return err ? err : buf_addc(out, ']');
}

static void print_json(const struct verdict *v, bool is_input)
{
	struct buf out;
	int err;

	buf_init(&out, 128 * 1024);
	err = buf_addf(&out,
		"{\"isSafe\":%s,\"verdict\":\"%s\",\"scores\":{\"bias\":%.3f,"
		"\"toxicity\":%.3f,\"input\":%.3f}",
		v->reason == REASON_NONE ? "true" : "false",
		v->reason != REASON_NONE ? reason_name(v->reason)
		: is_input               ? "asked"
					 : "said",
		v->findings.bias, v->findings.toxicity, v->findings.input);
	if (!err)
		err = *v->rule ? add_member(&out, "rule", str_of(v->rule))
			       : buf_adds(&out, ",\"rule\":null");
	if (!err)
		err = add_list(&out, v, false);
	if (!err)
		err = add_member(&out, "found", str_of(v->found));
	if (!err)
		err = add_member(&out, "advice", str_of(v->advice));
	if (!err)
		err = add_list(&out, v, true);
	if (!err && !is_input)
		err = add_member(&out, "text", v->said);
	if (!err)
		err = buf_addc(&out, '}');
	if (!err)
		puts(buf_text(&out));
	buf_fini(&out);
}

static void print_findings(const struct verdict *v, bool is_input)
{
	const struct safety_findings *f = &v->findings;

	if (f->n == 0)
		return;
	if (is_input)
		printf("  score: %.2f\n", f->input);
	else
		printf("  toxicity: %.2f, bias: %.2f\n", f->toxicity, f->bias);
	for (size_t i = 0; i < f->n; i++)
		printf("  %s (%s %.2f)%s%s\n", name_of(&f->at[i]),
			safety_family_name(f->at[i].family), f->at[i].weight,
			*f->at[i].advice ? ": " : "", f->at[i].advice);
}

static void print_text(const struct verdict *v, struct str asked, bool is_input)
{
	if (v->reason == REASON_NONE && is_input)
		puts("a model would be asked");
	else if (v->reason == REASON_NONE)
		printf("it would be said%s:\n%.*s\n", str_eq(v->said, asked) ? "" : ", like this",
			STR_FMT(v->said));
	else
		printf("%s: %s\n", is_input ? "no model would be asked" : "it would not be said",
			*v->rule ? v->found : reason_text(v->reason));
	if (v->reason != REASON_NONE && *v->rule)
		printf("  rule: %s\n  advice: %s\n", v->rule, v->advice);
	print_findings(v, is_input);
}

/* As an answer; out is where what would be said lives. */
static void judge_answer(const struct cli *c, const struct bot_world *w, struct str text,
	struct buf *out, struct verdict *v)
{
	const struct safety_context context = {
		.bot = str_of(w->conf->name),
		.user = str_of(c->user ? c->user : ""),
		.form = form_of(str_of(c->platform ? c->platform : "twitch")),
		.is_model = true,
	};
	const char *rule = NULL;

	v->reason = safety_check(w->safety, &context, text, out, &rule);
	v->rule = rule ? rule : "";
	v->found = safety_rule_text(v->rule, &v->advice);
	if (v->reason == REASON_NONE)
		v->said = buf_str(out);
}

static void judge_question(const struct bot_world *w, struct str text, struct verdict *v)
{
	struct safety_heard heard;

	v->reason = safety_hear(w->safety, text, &heard);
	v->rule = heard.rule && v->reason != REASON_NONE ? heard.rule : "";
	v->found = *v->rule ? safety_family_text(v->findings.at[0].family) : "";
	v->advice = *v->rule ? v->findings.at[0].advice : "";
}

static int check(const struct cli *c, const struct bot_world *w, struct str text)
{
	struct verdict v = {.rule = "", .found = "", .advice = ""};
	struct buf out;

	buf_init(&out, SAFETY_TEXT_BYTES);
	if (text.len <= SAFETY_TEXT_BYTES &&
		safety_find(w->safety, c->is_input ? SAFETY_OF_INPUT : SAFETY_OF_OUTPUT, text,
			&v.findings) < 0)
		v.reason = REASON_NOMEM;
	else if (c->is_input)
		judge_question(w, text, &v);
	else
		judge_answer(c, w, text, &out, &v);
	if (c->is_json)
		print_json(&v, c->is_input);
	else
		print_text(&v, text, c->is_input);
	buf_fini(&out);
	return v.reason == REASON_NONE ? CLI_OK : CLI_FINDINGS;
}

int cli_safety(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf_report report;
	struct bot_world *w = NULL;
	int code = CLI_CONFIG;

	if (c->argc != 2 || strcmp(c->argv[0], "check") != 0)
		return cli_usage(c);
	conf_report_init(&report);
	if (bot_world_load(&s, &report, &w))
		cli_complain(&report);
	else
		code = check(c, w, str_of(c->argv[1]));
	bot_world_unref(w);
	conf_report_fini(&report);
	return code;
}
