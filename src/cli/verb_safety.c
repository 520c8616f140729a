/* safety check: would the bot say this? By the rules of the files, as an answer of a model. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void print_json(enum reason r, const char *rule, struct str said)
{
	const char *advice;
	struct buf out;
	int err;

	buf_init(&out, 128 * 1024);
	err = buf_addf(
		&out, "{\"verdict\":\"%s\",\"rule\":", r == REASON_NONE ? "said" : reason_name(r));
	if (!err && *rule)
		err = json_add_string(&out, str_of(rule));
	else if (!err)
		err = buf_adds(&out, "null");
	if (!err)
		err = buf_adds(&out, ",\"found\":");
	if (!err)
		err = json_add_string(&out, str_of(safety_rule_text(rule, &advice)));
	if (!err)
		err = buf_adds(&out, ",\"advice\":");
	if (!err)
		err = json_add_string(&out, str_of(advice));
	if (!err)
		err = buf_adds(&out, ",\"text\":");
	if (!err)
		err = json_add_string(&out, said);
	if (!err)
		err = buf_addc(&out, '}');
	if (!err)
		puts(buf_text(&out));
	buf_fini(&out);
}

static void print_text(enum reason r, const char *rule, struct str said, struct str asked)
{
	const char *advice, *found = safety_rule_text(rule, &advice);

	if (r == REASON_NONE) {
		printf("it would be said%s:\n%.*s\n", str_eq(said, asked) ? "" : ", like this",
			STR_FMT(said));
		return;
	}
	printf("it would not be said: %s\n", *rule ? found : reason_text(r));
	if (*rule)
		printf("  rule: %s\n  advice: %s\n", rule, advice);
}

static int check(const struct cli *c, const struct bot_world *w, struct str text)
{
	const struct safety_context context = {
		.bot = str_of(w->conf->name),
		.user = str_of(c->user ? c->user : ""),
		.form = form_of(str_of(c->platform ? c->platform : "twitch")),
		.is_model = true,
	};
	const char *rule = NULL;
	struct buf out;
	enum reason r;

	buf_init(&out, SAFETY_TEXT_BYTES);
	r = safety_check(w->safety, &context, text, &out, &rule);
	rule = rule ? rule : "";
	const struct str said = r == REASON_NONE ? buf_str(&out) : (struct str){NULL, 0};

	if (c->is_json)
		print_json(r, rule, said);
	else
		print_text(r, rule, said, text);
	buf_fini(&out);
	return r == REASON_NONE ? CLI_OK : CLI_FINDINGS;
}

int cli_safety(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf_report report;
	struct bot_world *w = NULL;
	int code = CLI_CONFIG;

	if (c->argc != 2 || strcmp(c->argv[0], "check") != 0) {
		cli_say("say: mynah safety check \"text\" [--user NAME] [--platform NAME] [--json]");
		return CLI_CANNOT;
	}
	conf_report_init(&report);
	if (bot_world_load(&s, &report, &w))
		cli_complain(&report);
	else
		code = check(c, w, str_of(c->argv[1]));
	bot_world_unref(w);
	conf_report_fini(&report);
	return code;
}
