/* replay: the bot hears a record again, by the record's own clock: no network, no model, no state
 * folder, chance from a fixed seed. The same record and files give the same decisions, byte for
 * byte. --against replays it twice and tells where other files decide otherwise. */
#include "cli/cli.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RECORD_BYTES (256 * 1024 * 1024)
#define LINE_BYTES (1024 * 1024)
#define TEXT_BYTES (64 * 1024)
#define SEED 1
#define TAIL_MS (15 * 60000) /* the longest a reply may wait; then everything has been decided */

/* What became of one event. Two events are the same when they came at the same time, of the same
 * person, with the same id and words. */
struct decision {
	char *event;           /* members of a JSON object */
	char *outcome;         /* likewise */
	char *text;            /* of both, for people */
	char *line;            /* of the event, for people */
	bool is_matched;       /* found in the other run */
	struct decision *twin; /* a later one of the same event */
	struct decision *next; /* in the order they were made */
	UT_hash_handle hh;     /* by event */
};

struct run {
	struct decision *first, **last, *by_event;
	int64_t began_ms;
	int err;
};

static void run_fini(struct run *r)
{
	HASH_CLEAR(hh, r->by_event);
	while (r->first) {
		struct decision *d = r->first;

		r->first = d->next;
		mem_free(d->event);
		mem_free(d->outcome);
		mem_free(d->text);
		mem_free(d->line);
		mem_free(d);
	}
}

/* ---- Decisions ------------------------------------------------------------------------------- */

static int add_member(struct buf *out, const char *name, struct str value)
{
	int err = buf_addf(out, "%s\"%s\":", out->len > 0 ? "," : "", name);

	return err ? err : json_add_string(out, value);
}

static char *event_json(const struct run *r, const struct event *e)
{
	struct buf out;
	int err;

	buf_init(&out, TEXT_BYTES);
	err = buf_addf(&out, "\"t\":%lld", (long long)(e->at_ms - r->began_ms));
	if (!err)
		err = add_member(&out, "on", str_of(event_kind_name(e->kind)));
	if (!err)
		err = add_member(&out, "channel", e->channel);
	if (!err)
		err = add_member(&out, "user", e->user);
	if (!err)
		err = add_member(&out, "id", e->id);
	if (!err)
		err = add_member(&out, "text", e->text);
	if (!err && e->count > 0)
		err = buf_addf(&out, ",\"count\":%lld", (long long)e->count);
	char *text = err ? NULL : buf_take(&out);
	buf_fini(&out);
	return text;
}

static char *outcome_json(const struct bot_verdict *v)
{
	struct buf out;
	int err;

	buf_init(&out, TEXT_BYTES);
	err = add_member(&out, "reason", str_of(reason_name(v->reason)));
	if (!err)
		err = add_member(&out, "trigger", str_of(v->trigger ? v->trigger->name : ""));
	if (!err)
		err = add_member(&out, "rule", str_of(v->rule));
	if (!err)
		err = add_member(&out, "said", v->text);
	if (!err)
		err = add_member(&out, "prompt", str_of(v->prompt));
	char *text = err ? NULL : buf_take(&out);
	buf_fini(&out);
	return text;
}

static char *event_text(const struct run *r, const struct event *e)
{
	const int64_t t = e->at_ms - r->began_ms;
	const struct str channel = event_channel_name(e);
	struct buf out;
	int err;

	buf_init(&out, TEXT_BYTES);
	err = buf_addf(&out, "%3lld:%02lld.%03lld  #%.*s  %.*s", (long long)(t / 60000),
		(long long)(t / 1000 % 60), (long long)(t % 1000), STR_FMT(channel),
		STR_FMT(e->user));
	if (!err && e->kind != EVENT_MESSAGE)
		err = buf_addf(&out, " [%s%s", event_kind_name(e->kind), e->count > 0 ? "" : "]");
	if (!err && e->kind != EVENT_MESSAGE && e->count > 0)
		err = buf_addf(&out, " %lld]", (long long)e->count);
	if (!err && e->text.len > 0)
		err = buf_addf(&out, ": %.*s", STR_FMT(e->text));
	char *text = err ? NULL : buf_take(&out);
	buf_fini(&out);
	return text;
}

static char *outcome_text(const struct bot_verdict *v)
{
	struct buf out;
	int err;

	buf_init(&out, TEXT_BYTES);
	if (v->reason == REASON_NONE)
		err = buf_addf(&out, "%s: \"%.*s\"%s%.12s", v->trigger->name, STR_FMT(v->text),
			*v->prompt ? ", prompt " : "", v->prompt);
	else
		err = buf_addf(&out, "silent: %s%s%s%s%s", reason_name(v->reason),
			v->trigger ? ", trigger " : "", v->trigger ? v->trigger->name : "",
			*v->rule ? ", " : "", v->rule);
	char *text = err ? NULL : buf_take(&out);
	buf_fini(&out);
	return text;
}

static void on_verdict(void *ctx, const struct bot_verdict *v)
{
	struct run *r = ctx;
	struct decision *d = mem_new(sizeof(*d)), *same;

	if (!d) {
		r->err = ERR_NOMEM;
		return;
	}
	*r->last = d;
	r->last = &d->next;
	d->event = event_json(r, v->event);
	d->outcome = outcome_json(v);
	d->line = event_text(r, v->event);
	d->text = outcome_text(v);
	if (!d->event || !d->outcome || !d->line || !d->text) {
		r->err = ERR_NOMEM;
		return;
	}
	HASH_FIND_STR(r->by_event, d->event, same);
	while (same && same->twin)
		same = same->twin;
	if (same) {
		same->twin = d;
		return;
	}
	HASH_ADD_KEYPTR(hh, r->by_event, d->event, strlen(d->event), d);
	if (!hash_has(d))
		r->err = ERR_NOMEM;
}

/* ---- One run --------------------------------------------------------------------------------- */

/* The next line of the record, parsed; NULL at the end or when it is none: then *why says so. */
static struct json *next_line(struct str *rest, size_t *number, const char **why)
{
	struct json *line = NULL;

	*why = NULL;
	while (!line && !*why && rest->len > 0) {
		const struct str text = str_trim(str_split(rest, '\n'));

		++*number;
		if (text.len > 0 && json_parse(text, LINE_BYTES, &line, why) == 0)
			*why = NULL;
	}
	return line;
}

/* Tells every line at its time. */
static int tell_all(struct io *io, struct bot *b, struct run *r, struct str rest, const char *name)
{
	size_t number = 1; /* the first line is the header */
	int64_t t = 0, lost = 0;
	const char *why;
	struct json *line;

	str_split(&rest, '\n');
	while (!r->err && (line = next_line(&rest, &number, &why)) != NULL) {
		const int64_t at = json_int(line, "t", t);

		t = at > t ? at : t;
		lost += json_int(line, "lost", 0);
		io_advance(io, r->began_ms + t);
		r->err = bot_replay(b, line);
		if (r->err)
			cli_say("%s:%zu: no line of a record: %s", name, number, err_text(r->err));
		json_free(line);
	}
	if (!r->err && why) {
		cli_say("%s:%zu: %s", name, number, why);
		r->err = ERR_PARSE;
	}
	if (lost > 0)
		cli_say("%s: %lld lines were lost when it was made", name, (long long)lost);
	if (!r->err)
		io_advance(io, r->began_ms + t + TAIL_MS);
	return r->err;
}

static int run_bot(struct run *r, const struct bot_source *s, struct bot_world *w,
	const struct json *head, struct str text, const char *name)
{
	struct str login = json_str(head, "login"), user_id = json_str(head, "user_id");
	const struct platform_replay_options replay = {
		.place = str_is(json_str(head, "place"), "discord") ? "discord" : "twitch",
		.login = login.len > 0 ? login.at : "",
		.user_id = user_id.len > 0 ? user_id.at : ""};
	struct bot_options o = {.source = *s, .world = w, .replay = &replay,
		.verdict = on_verdict, .ctx = r};
	struct bot *b = NULL;

	r->err = io_new(&o.io);
	if (r->err)
		bot_world_unref(w);
	else
		r->err = bot_new(&o, &b);
	if (r->err)
		cli_say("the bot cannot start: %s", err_text(r->err));
	else
		tell_all(o.io, b, r, text, name);
	bot_free(b);
	io_free(o.io);
	metric_reset();
	return r->err;
}

/* Replays the record with the files of s. */
static int run(struct run *r, const struct bot_source *s, struct str text, const char *name)
{
	struct conf_report report;
	struct bot_world *w = NULL;
	struct json *head;
	struct str rest = text;
	const char *why;
	size_t number = 0;

	*r = (struct run){.last = &r->first};
	head = next_line(&rest, &number, &why);
	if (json_int(head, "record", 0) != 1) {
		cli_say("%s is no record: %s", name, why ? why : "it does not begin like one");
		json_free(head);
		return r->err = ERR_PARSE;
	}
	clock_freeze(json_int(head, "wall_ms", 0));
	rand_seed(SEED);
	r->began_ms = clock_mono_ms();
	conf_report_init(&report);
	r->err = bot_world_load(s, &report, &w);
	cli_complain(&report);
	conf_report_fini(&report);
	if (r->err)
		cli_say("correct the files above first");
	else
		run_bot(r, s, w, head, text, name);
	json_free(head);
	return r->err;
}

/* ---- What is printed ------------------------------------------------------------------------- */

/* Most of a chat wakes nobody: of that only the JSON form tells. */
static bool is_dull(const struct decision *d)
{
	return strcmp(d->text, "silent: no_match") == 0;
}

static void print_run(const struct run *r, bool is_json)
{
	size_t all = 0, shown = 0;

	for (const struct decision *d = r->first; d; d = d->next) {
		all++;
		if (is_json) {
			printf("{%s,%s}\n", d->event, d->outcome);
		} else if (!is_dull(d)) {
			printf("%s\n      %s\n", d->line, d->text);
			shown++;
		}
	}
	if (!is_json)
		printf("%zu events, %zu of them matched something\n", all, shown);
}

static void print_difference(const struct decision *was, const struct decision *is, bool is_json)
{
	if (is_json) {
		printf("{%s,\"before\":%s%s%s,\"after\":%s%s%s}\n", (was ? was : is)->event,
			was ? "{" : "null", was ? was->outcome : "", was ? "}" : "",
			is ? "{" : "null", is ? is->outcome : "", is ? "}" : "");
		return;
	}
	printf("%s\n    - %s\n    + %s\n", (was ? was : is)->line,
		was ? was->text : "(did not happen)", is ? is->text : "(did not happen)");
}

/* The first of the same event in the other run that is not spoken for yet. */
static struct decision *match(struct run *other, const struct decision *d)
{
	struct decision *found;

	HASH_FIND_STR(other->by_event, d->event, found);
	while (found && found->is_matched)
		found = found->twin;
	if (found)
		found->is_matched = true;
	return found;
}

static size_t print_differences(struct run *was, struct run *is, bool is_json)
{
	size_t all = 0, differ = 0;

	for (const struct decision *d = was->first; d; d = d->next) {
		const struct decision *now = match(is, d);

		all++;
		if (now && strcmp(now->outcome, d->outcome) == 0)
			continue;
		print_difference(d, now, is_json);
		differ++;
	}
	for (const struct decision *d = is->first; d; d = d->next) {
		if (d->is_matched)
			continue;
		print_difference(NULL, d, is_json);
		differ++;
	}
	if (!is_json)
		printf("%zu events, %zu decided otherwise\n", all, differ);
	return differ;
}

/* ---- The verb -------------------------------------------------------------------------------- */

/* dir/name if it is there. GIVES; NULL otherwise. */
static char *there(const char *dir, const char *name)
{
	char *path = file_join(dir, name);
	struct stat st;

	if (path && stat(path, &st) == 0)
		return path;
	mem_free(path);
	return NULL;
}

static int against(const struct cli *c, const struct bot_source *mine, struct str text)
{
	char *config = there(c->against, "mynah.yaml"), *triggers = there(c->against, "triggers");
	char *personas = there(c->against, "personas"), *prompts = there(c->against, "prompts");
	struct bot_source theirs = *mine;
	struct run was = {0}, is = {0};
	int code = CLI_CANNOT;

	if (config)
		theirs.config = config;
	if (triggers)
		theirs.triggers_dir = triggers;
	if (personas)
		theirs.personas_dir = personas;
	if (prompts)
		theirs.prompts_dir = prompts;
	if (!config && !triggers && !personas && !prompts)
		cli_say("%s has no mynah.yaml and no folder triggers, personas or prompts: nothing "
			"to compare with",
			c->against);
	else if (run(&was, mine, text, c->argv[0]) == 0 && run(&is, &theirs, text, c->argv[0]) == 0)
		code = print_differences(&was, &is, c->is_json) > 0 ? CLI_FINDINGS : CLI_OK;
	run_fini(&was);
	run_fini(&is);
	mem_free(config);
	mem_free(triggers);
	mem_free(personas);
	mem_free(prompts);
	return code;
}

int cli_replay(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct run r = {0};
	struct buf text;
	int code = CLI_CANNOT, err;

	if (c->argc != 1)
		return cli_usage(c);
	if (log_open("/dev/null", LOG_ERROR))
		return CLI_SYSTEM;
	buf_init(&text, RECORD_BYTES);
	err = file_read(c->argv[0], &text);
	if (err) {
		cli_say("%s cannot be read: %s", c->argv[0], err_text(err));
	} else if (c->against) {
		code = against(c, &s, buf_str(&text));
	} else if (run(&r, &s, buf_str(&text), c->argv[0]) == 0) {
		print_run(&r, c->is_json);
		code = CLI_OK;
	}
	run_fini(&r);
	buf_fini(&text);
	log_close();
	return code;
}
