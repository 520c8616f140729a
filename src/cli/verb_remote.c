/* status, reload, quiet, cache: words with the running daemon over its socket. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ASK_MS 3000
#define RELOAD_MS 60000
#define QUIET_DAYS 30
#define ANSWER_BYTES (4 * 1024 * 1024)

int cli_ask(const struct cli *c, const char *method, const char *path, struct str body,
	struct buf *text, struct json **out)
{
	char *socket = cli_socket(c);
	const char *why = "";
	int status;

	*out = NULL;
	buf_clear(text);
	status = socket ? io_ask_socket(socket, method, path, body, ASK_MS, text) : ERR_NOMEM;
	if (status == ERR_CONNECT || status == ERR_NOTFOUND)
		cli_say("no mynah answers on %s; is it running?", socket ? socket : "");
	else if (status < 0)
		cli_say("the daemon does not answer: %s", err_text(status));
	mem_free(socket);
	if (status < 0)
		return CLI_CANNOT;
	if (json_parse(buf_str(text), ANSWER_BYTES, out, &why)) {
		cli_say("the daemon's answer makes no sense: %s", why);
		return CLI_CANNOT;
	}
	if (status >= 400) {
		struct str m = json_str(json_get(*out, "error"), "message");

		cli_say("%.*s", STR_FMT(m));
		return CLI_FINDINGS;
	}
	return CLI_OK;
}

int cli_status(const struct cli *c)
{
	struct json *j = NULL;
	struct buf text;
	int code;

	buf_init(&text, ANSWER_BYTES);
	code = cli_ask(c, "GET", "/api/v1/status", (struct str){NULL, 0}, &text, &j);
	if (code == CLI_OK && c->is_json) {
		puts(buf_text(&text));
	} else if (code == CLI_OK) {
		buf_clear(&text);
		if (!cli_status_text(j, &text))
			fputs(buf_text(&text), stdout);
	}
	json_free(j);
	buf_fini(&text);
	return code;
}

int cli_reload(const struct cli *c)
{
	const struct timespec pause = {0, 50 * 1000000};
	struct json *j = NULL;
	struct buf text;
	int64_t before = -1;
	bool is_done = false;
	int code;

	buf_init(&text, ANSWER_BYTES);
	code = cli_ask(c, "POST", "/api/v1/reload", (struct str){NULL, 0}, &text, &j);
	if (code == CLI_OK)
		before = json_int(j, "reloads", 0);
	for (int64_t waited = 0; code == CLI_OK && !is_done && waited < RELOAD_MS; waited += 50) {
		json_free(j);
		nanosleep(&pause, NULL);
		code = cli_ask(c, "GET", "/api/v1/reload", (struct str){NULL, 0}, &text, &j);
		is_done = json_int(j, "reloads", 0) > before && !json_bool(j, "running", false);
	}
	if (code == CLI_OK && !is_done) {
		cli_say("the reload is not done after %d s; the log will say how it ended",
			RELOAD_MS / 1000);
		code = CLI_CANNOT;
	} else if (code == CLI_OK) {
		const bool is_accepted = json_bool(j, "accepted", false);

		fputs(json_str(j, "text").len > 0 ? json_str(j, "text").at : "", stderr);
		puts(!is_accepted ? "refused: the previous version stays"
			: json_int(j, "errors", 0) > 0
				? "accepted; files with errors keep their last good version"
				: "accepted");
		code = is_accepted && json_int(j, "errors", 0) == 0 ? CLI_OK : CLI_FINDINGS;
	}
	json_free(j);
	buf_fini(&text);
	return code;
}

/* "30m" as the config spells durations; "off" is 0. Gives -1 when it is neither. */
static int64_t duration(const char *s)
{
	struct conf_report ignored;
	struct conf_file *f = NULL;
	int64_t ms = -1;

	if (strcmp(s, "off") == 0)
		return 0;
	conf_report_init(&ignored);
	if (!conf_file_parse("", str_of(s), &ignored, &f) &&
		conf_read_duration(&ignored, f, conf_file_root(f), 0,
			INT64_C(86400000) * QUIET_DAYS, &ms))
		ms = -1;
	conf_file_free(f);
	conf_report_fini(&ignored);
	return ms;
}

int cli_quiet(const struct cli *c)
{
	const int64_t ms = c->argc == 2 ? duration(c->argv[1]) : -1;
	struct json *j = NULL;
	struct buf text, body;
	int code = CLI_CANNOT;

	if (c->argc != 2)
		return cli_usage(c);
	if (ms < 0) {
		cli_say("for how long? a time like 30m, at most %dd, or off", QUIET_DAYS);
		return CLI_CANNOT;
	}
	buf_init(&text, ANSWER_BYTES);
	buf_init(&body, IO_SERVE_BODY_BYTES);
	if (!buf_adds(&body, "{\"channel\":") && !json_add_string(&body, str_of(c->argv[0])) &&
			!buf_addf(&body, ",\"ms\":%lld}", (long long)ms))
		code = cli_ask(c, "POST", "/api/v1/quiet", buf_str(&body), &text, &j);
	if (code == CLI_OK)
		printf(ms > 0 ? "quiet in %s for %s\n" : "%s may hear it again%.0s\n", c->argv[0],
			c->argv[1]);
	json_free(j);
	buf_fini(&text);
	buf_fini(&body);
	return code;
}

int cli_cache(const struct cli *c)
{
	const bool is_flush = c->argc == 1 && strcmp(c->argv[0], "flush") == 0;
	struct json *j = NULL;
	struct buf text;
	int code;

	if (!is_flush && (c->argc != 1 || strcmp(c->argv[0], "stats") != 0))
		return cli_usage(c);
	buf_init(&text, ANSWER_BYTES);
	code = cli_ask(c, is_flush ? "POST" : "GET", "/api/v1/cache", (struct str){NULL, 0}, &text,
		&j);
	if (code == CLI_OK && c->is_json)
		puts(buf_text(&text));
	else if (code == CLI_OK && is_flush)
		printf("%lld answers are forgotten\n", (long long)json_int(j, "flushed", 0));
	else if (code == CLI_OK)
		printf("%lld answers kept, %lld bytes; %lld questions found theirs, %lld did not; "
			"%lld were answered with another's\n", (long long)json_int(j, "entries", 0),
			(long long)json_int(j, "bytes", 0), (long long)json_int(j, "hits", 0),
			(long long)json_int(j, "misses", 0), (long long)json_int(j, "shared", 0));
	json_free(j);
	buf_fini(&text);
	return code;
}
