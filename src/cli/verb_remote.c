/* status, reload, quiet: words with the running daemon over its socket. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ASK_MS 3000
#define RELOAD_MS 60000
#define ANSWER_BYTES (4 * 1024 * 1024)

/* One request; parses a JSON answer. Gives CLI_OK, or a code after a sentence. GIVES *out. */
static int ask(const struct cli *c, const char *method, const char *path, struct str body,
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
		cli_say("the daemon does not answer: %s", err_name(status));
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

static void print_list(const char *title, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++)
		printf("%-11s%.*s\n", i == 0 ? title : "", STR_FMT(json_text(json_at(list, i))));
}

static void print_place(const struct json *p)
{
	const struct json *lanes = json_get(json_get(p, "place"), "channels");
	struct str why = json_str(p, "why");

	printf("place      %.*s: %.*s since %.*s%s%.*s%s%.*s\n", STR_FMT(json_str(p, "name")),
		STR_FMT(json_str(p, "state")), STR_FMT(json_str(p, "since")),
		json_str(p, "login").len > 0 ? " as " : "", STR_FMT(json_str(p, "login")),
		why.len > 0 ? "; " : "", STR_FMT(why));
	for (size_t i = 0; i < json_count(lanes); i++) {
		const struct json *l = json_at(lanes, i);

		printf("             #%.*s %.*s\n", STR_FMT(json_str(l, "name")),
			STR_FMT(json_str(l, "state")));
	}
}

static void print_status(const struct json *j)
{
	const struct json *places = json_get(j, "places"), *providers = json_get(j, "providers");
	const int64_t up = json_int(j, "uptime_s", 0);

	printf("mynah %.*s is %.*s, up %lld h %02lld min\n", STR_FMT(json_str(j, "version")),
		STR_FMT(json_str(j, "status")), (long long)(up / 3600), (long long)(up / 60 % 60));
	print_list("because", json_get(j, "reasons"));
	for (size_t i = 0; i < json_count(places); i++)
		print_place(json_at(places, i));
	for (size_t i = 0; i < json_count(providers); i++) {
		const struct json *p = json_at(providers, i);
		struct str last = json_str(p, "last_error");

		printf("provider   %.*s (%.*s, %.*s): breaker %.*s%s%.*s\n", STR_FMT(json_str(p, "name")),
			STR_FMT(json_str(p, "type")), STR_FMT(json_str(p, "model")),
			STR_FMT(json_str(p, "breaker")), last.len > 0 ? "; last error: " : "",
			STR_FMT(last));
	}
	printf("memory     %.*s\n", STR_FMT(json_str(json_get(j, "memory"), "state")));
	printf("ledger     %.*s, %lld rows written, %lld lost\n",
		STR_FMT(json_str(json_get(j, "ledger"), "state")),
		(long long)json_int(json_get(j, "ledger"), "written", 0),
		(long long)json_int(json_get(j, "ledger"), "lost", 0));
	printf("files      %lld triggers, %lld personas, %lld reloads\n",
		(long long)json_int(j, "triggers", 0), (long long)json_int(j, "personas", 0),
		(long long)json_int(j, "reloads", 0));
	printf("counts     %lld events, %lld hits, %lld sent, %lld live, %lld waiting\n",
		(long long)json_int(j, "events", 0), (long long)json_int(j, "hits", 0),
		(long long)json_int(j, "sent", 0), (long long)json_int(j, "live", 0),
		(long long)json_int(j, "waiting", 0));
}

static void print_drop(void *ctx, const char *key, const struct json *value)
{
	const struct json *drops = ctx;

	(void)value;
	printf("dropped    %s: %lld\n", key, (long long)json_int(drops, key, 0));
}

int cli_status(const struct cli *c)
{
	struct json *j = NULL;
	struct buf text;
	int code;

	buf_init(&text, ANSWER_BYTES);
	code = ask(c, "GET", "/api/v1/status", (struct str){NULL, 0}, &text, &j);
	if (code == CLI_OK && c->is_json) {
		puts(buf_text(&text));
	} else if (code == CLI_OK) {
		struct json *drops = (struct json *)json_get(j, "drops");

		print_status(j);
		json_each(drops, print_drop, drops);
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
	int code;

	buf_init(&text, ANSWER_BYTES);
	code = ask(c, "POST", "/api/v1/reload", (struct str){NULL, 0}, &text, &j);
	if (code == CLI_OK)
		before = json_int(j, "reloads", 0);
	for (int64_t waited = 0; code == CLI_OK && waited < RELOAD_MS; waited += 50) {
		json_free(j);
		nanosleep(&pause, NULL);
		code = ask(c, "GET", "/api/v1/reload", (struct str){NULL, 0}, &text, &j);
		if (code == CLI_OK && json_int(j, "reloads", 0) > before && !json_bool(j, "running", false))
			break;
	}
	if (code == CLI_OK) {
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
			conf_read_duration(&ignored, f, conf_file_root(f), 0, INT64_C(30) * 86400000, &ms))
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

	if (ms < 0) {
		cli_say("say: mynah quiet CHANNEL 30m, or: mynah quiet CHANNEL off");
		return CLI_CANNOT;
	}
	buf_init(&text, ANSWER_BYTES);
	buf_init(&body, IO_SERVE_BODY_BYTES);
	if (!buf_adds(&body, "{\"channel\":") && !json_add_string(&body, str_of(c->argv[0])) &&
			!buf_addf(&body, ",\"ms\":%lld}", (long long)ms))
		code = ask(c, "POST", "/api/v1/quiet", buf_str(&body), &text, &j);
	if (code == CLI_OK)
		printf(ms > 0 ? "quiet in %s for %s\n" : "%s may hear it again%.0s\n", c->argv[0], c->argv[1]);
	json_free(j);
	buf_fini(&text);
	buf_fini(&body);
	return code;
}
