/* explain: asks the running bot, which knows its cooldowns and its queue; without one, reads the
 * files and tells what they say. */
#include "cli/cli.h"

#include <stdio.h>

static int explain_files(const struct cli *c, const struct bot_event_args *a, struct buf *out)
{
	const struct bot_source s = cli_source(c);
	struct conf_report report;
	struct bot_world *w = NULL;
	struct buf scratch;
	struct event e;
	const char *why = "";
	int code = CLI_OK;

	conf_report_init(&report);
	buf_init(&scratch, 4096);
	if (bot_world_load(&s, &report, &w)) {
		cli_complain(&report);
		code = CLI_CONFIG;
	} else if (bot_event_make(a, &scratch, &e, &why)) {
		cli_say("%s", why);
		code = CLI_CANNOT;
	} else if (bot_explain(NULL, w, &e, false, out)) {
		code = CLI_SYSTEM;
	}
	bot_world_unref(w);
	buf_fini(&scratch);
	conf_report_fini(&report);
	return code;
}

int cli_explain(const struct cli *c)
{
	const struct bot_event_args a = {c->argc > 0 ? c->argv[0] : NULL, c->user, c->level,
		c->channel, c->platform, c->on, c->fields, c->field_count};
	struct buf out;
	int status, code;

	if (c->argc == 0 && !c->on)
		return cli_usage(c);
	buf_init(&out, 1024 * 1024);
	status = cli_ask_event(c, "/api/v1/explain", &a, &out);
	if (status < 0) {
		buf_clear(&out);
		code = explain_files(c, &a, &out);
	} else {
		code = status == 200 ? CLI_OK : CLI_CANNOT;
	}
	fputs(buf_text(&out), code == CLI_OK ? stdout : stderr);
	buf_fini(&out);
	return code;
}
