/* event: fires a made-up event into the running bot, and waits to say what became of it. */
#include "cli/cli.h"

#include <stdio.h>
#include <time.h>

#define EVENT_ASK_MS 3000
#define WAIT_MS 120000 /* as long as thanks may wait for their turn */
#define LOOK_MS 50
#define NAME_BYTES 1024 /* "raid 50" and its like */

static int add_member(struct buf *b, const char *key, struct str value)
{
	int err = buf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "", key);

	return err ? err : json_add_string(b, value);
}

/* The request that describes an event to the daemon: {"on":"raid","viewers":"50"}. on and text may
 * be NULL. */
static int make_body(const struct cli *c, const char *on, const char *text, struct buf *out)
{
	const struct {
		const char *key, *value;
	} words[] = {
		{"on", on}, {"text", text}, {"user", c->user}, {"level", c->level},
		{"channel", c->channel}, {"platform", c->platform}, {"trigger", c->trigger},
	};
	int err = buf_addc(out, '{');

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !err; i++) {
		if (words[i].value)
			err = add_member(out, words[i].key, str_of(words[i].value));
	}
	for (size_t i = 0; i < c->field_count && !err; i++)
		err = add_member(out, c->fields[i].key, c->fields[i].value);
	return err ? err : buf_addc(out, '}');
}

int cli_ask_event(const struct cli *c, const char *path, const struct bot_event_args *a,
	struct buf *out)
{
	char *socket = cli_socket(c);
	struct buf body;
	int err;

	buf_init(&body, IO_SERVE_BODY_BYTES);
	err = socket ? make_body(c, a->on, a->text, &body) : ERR_CONNECT;
	if (!err)
		err = io_ask_socket(socket, "POST", path, buf_str(&body), EVENT_ASK_MS, out);
	buf_fini(&body);
	mem_free(socket);
	return err;
}

/* The words after the verb: raid 50. */
static int join_words(const struct cli *c, struct buf *out)
{
	int err = 0;

	for (int i = 0; i < c->argc && !err; i++)
		err = buf_addf(out, "%s%s", i > 0 ? " " : "", c->argv[i]);
	return err;
}

static int tell(const struct json *j, const char *name)
{
	struct str trigger = json_str(j, "trigger"), rule = json_str(j, "rule");
	struct str reason = json_str(j, "reason"), said = json_str(j, "said");

	if (!json_bool(j, "over", false)) {
		printf("%s: still under way after %d s; the log will say how it ended\n", name,
			WAIT_MS / 1000);
		return CLI_FINDINGS;
	}
	if (str_is(reason, "none")) {
		printf("%s: the trigger %.*s said: %.*s\n", name, STR_FMT(trigger), STR_FMT(said));
		return CLI_OK;
	}
	printf("%s: silent: %.*s%s%.*s%s%.*s (%.*s)\n", name, STR_FMT(reason),
		trigger.len > 0 ? ", trigger " : "", STR_FMT(trigger), rule.len > 0 ? ", " : "",
		STR_FMT(rule), STR_FMT(json_str(j, "because")));
	return CLI_FINDINGS;
}

int cli_event(const struct cli *c)
{
	const struct timespec pause = {0, LOOK_MS * 1000000};
	struct buf name, body, text;
	struct json *j = NULL;
	int code = CLI_CANNOT;
	char path[64];

	buf_init(&name, NAME_BYTES);
	buf_init(&body, IO_SERVE_BODY_BYTES);
	buf_init(&text, IO_SERVE_BODY_BYTES);
	if (c->argc == 0 || join_words(c, &name) ||
		make_body(c, buf_text(&name), NULL, &body)) {
		code = cli_usage(c);
		cli_say("the names are: mynah help events");
		goto out;
	}
	code = cli_ask(c, "POST", "/api/v1/event", buf_str(&body), &text, &j);
	snprintf(path, sizeof(path), "/api/v1/event?number=%lld",
		(long long)json_int(j, "number", 0));
	for (int waited = 0; code == CLI_OK && !json_bool(j, "over", false) && waited < WAIT_MS;
			waited += LOOK_MS) {
		json_free(j);
		nanosleep(&pause, NULL);
		code = cli_ask(c, "GET", path, (struct str){NULL, 0}, &text, &j);
	}
	if (code == CLI_OK)
		code = tell(j, buf_text(&name));
out:
	json_free(j);
	buf_fini(&name);
	buf_fini(&body);
	buf_fini(&text);
	return code;
}
