/* check: reads every file as a start would, and says all that is wrong. */
#include "cli/cli.h"

#include <stdio.h>
#include <unistd.h>

static void print_json(const struct conf_report *r, bool is_ok)
{
	struct buf out;

	buf_init(&out, 4 * 1024 * 1024);
	if (!conf_report_json(r, &out))
		printf("{\"schemaVersion\":1,\"ok\":%s,\"errors\":%zu,\"warnings\":%zu,"
			"\"findings\":%s}\n",
			is_ok ? "true" : "false", r->errors, r->warnings, buf_text(&out));
	buf_fini(&out);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_text(const struct conf_report *r, const struct bot_world *w)
{
	struct buf out;

	buf_init(&out, 4 * 1024 * 1024);
	if (!conf_report_write(r, isatty(STDOUT_FILENO), &out))
		fputs(buf_text(&out), stdout);
	buf_fini(&out);
	if (w)
		printf("ok: %zu trigger%s, %zu persona%s, %zu provider%s, %zu place%s%s\n",
			trigger_set_count(w->triggers), plural(trigger_set_count(w->triggers)),
			w->persona_count, plural(w->persona_count), w->conf->provider_count,
			plural(w->conf->provider_count), w->conf->place_count,
			plural(w->conf->place_count),
			r->warnings > 0 ? "; see the warnings above" : "");
	else
		printf("%zu error%s, %zu warning%s\n", r->errors, plural(r->errors), r->warnings,
			plural(r->warnings));
}

int cli_check(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf_report report;
	struct bot_world *w = NULL;
	int err;

	conf_report_init(&report);
	err = bot_world_load(&s, &report, &w);
	if (c->is_json)
		print_json(&report, w != NULL);
	else
		print_text(&report, w);
	bot_world_unref(w);
	conf_report_fini(&report);
	return !err ? CLI_OK : err == ERR_NOMEM ? CLI_CANNOT : CLI_FINDINGS;
}
