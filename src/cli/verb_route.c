/* route: whom a question would go to. Asks the running bot, which knows who is well and what is
 * spent; without one, tells what the files say. */
#include "cli/cli.h"

#include <stdio.h>

static int route(const struct cli *c, const struct bot_world *w, const struct event *e,
	struct buf *out)
{
	struct io *io = NULL;
	struct provider_pool *pool = NULL;
	const char *why = "";
	int code = CLI_OK, err;

	if (io_new(&io) || provider_pool_new(io, w->conf, &pool)) {
		cli_say("the providers cannot be set up");
		code = CLI_CANNOT;
	} else {
		err = bot_route(NULL, pool, w, e, c->trigger, out, &why);
		if (err)
			cli_say("%s", err == ERR_NOTFOUND ? why : err_text(err));
		code = err ? CLI_CANNOT : CLI_OK;
	}
	provider_pool_free(pool);
	io_free(io);
	return code;
}

static int route_files(const struct cli *c, const struct bot_event_args *a, struct buf *out)
{
	const struct bot_source s = cli_source(c);
	struct conf_report report;
	struct bot_world *w = NULL;
	struct buf scratch;
	struct event e;
	const char *why = "";
	int code;

	conf_report_init(&report);
	buf_init(&scratch, 4096);
	log_set_level(LOG_AUDIT); /* the screen is for the answer */
	if (bot_world_load(&s, &report, &w)) {
		cli_complain(&report);
		code = CLI_CONFIG;
	} else if (bot_event_make(a, &scratch, &e, &why)) {
		cli_say("%s", why);
		code = CLI_CANNOT;
	} else {
		code = route(c, w, &e, out);
	}
	bot_world_unref(w);
	buf_fini(&scratch);
	conf_report_fini(&report);
	return code;
}

int cli_route(const struct cli *c)
{
	const struct bot_event_args a = {c->text, c->user, c->level,
		c->channel, c->platform, c->on, c->fields, c->field_count};
	struct buf out;
	int status, code;

	buf_init(&out, 1024 * 1024);
	status = cli_ask_event(c, "/api/v1/route", &a, &out);
	if (status < 0) {
		buf_clear(&out);
		code = route_files(c, &a, &out);
	} else {
		code = status == 200 ? CLI_OK : CLI_CANNOT;
	}
	fputs(buf_text(&out), code == CLI_OK ? stdout : stderr);
	buf_fini(&out);
	return code;
}
