/* prompt: the prompt files: which there are, what they say, what a model would be asked. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define NO_MARKER    "0000000000000000" /* the fence's, where --seed chooses none ... */
#define MARKER_SHOWN "MARKER"           /* ... and what is shown for it: it differs each time */

/* "NAME" or "NAME@VERSION"; NULL after a sentence. */
static const struct prompt_file *find(const struct bot_world *w, const char *ref)
{
	const struct prompt_file *p = bot_world_prompt(w, ref);
	const char **refs = p ? NULL : mem_array(w->prompt_count + 1, sizeof(*refs));

	if (refs) {
		for (size_t i = 0; i < w->prompt_count; i++)
			refs[i] = w->prompts[i]->ref;
		const char *near = conf_nearest(str_of(ref), refs, w->prompt_count);
		cli_say("there is no prompt \"%s\"%s%s%s", ref, near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "; see: mynah prompt list");
	}
	mem_free(refs);
	return p;
}

/* ---- Rendering ------------------------------------------------------------------------------- */

static void print_message(const struct prompt_message *m, const char *marker)
{
	struct str text = m->text;
	const size_t n = marker ? strlen(marker) : 0;
	const char *met;

	printf("[%s]\n", prompt_role_name(m->role));
	while (marker && text.len > 0 && (met = memmem(text.at, text.len, marker, n)) != NULL) {
		printf("%.*s" MARKER_SHOWN, (int)(met - text.at), text.at);
		text = (struct str){met + n, (size_t)(text.at + text.len - met) - n};
	}
	printf("%.*s\n", STR_FMT(text));
}

static void print_text(const struct cli *c, const struct bot_rendered *r)
{
	const char *marker = c->seed ? NULL : NO_MARKER;

	printf("%s%spersona %s %s, at most %zu of %zu tokens, sha256 %s\n",
		r->file ? r->file->ref : "", r->file ? ", " : "", r->persona->id,
		r->persona->version, r->prompt->tokens, r->budget_tokens, r->prompt->hash);
	for (size_t i = 0; i < r->prompt->n; i++)
		print_message(&r->prompt->messages[i], marker);
}

static int add_json(const struct bot_rendered *r, struct buf *out)
{
	int err = buf_adds(out, "{\"prompt\":");

	if (!err)
		err = r->file ? json_add_string(out, str_of(r->file->ref)) : buf_adds(out, "null");
	if (!err)
		err = buf_addf(out, ",\"persona\":\"%s\",\"persona_version\":\"%s\",\"tokens\":%zu,"
			"\"budget\":%zu,\"hash\":\"%s\",\"messages\":[", r->persona->id,
			r->persona->version, r->prompt->tokens, r->budget_tokens, r->prompt->hash);
	for (size_t i = 0; i < r->prompt->n && !err; i++) {
		err = buf_addf(out, "%s{\"role\":\"%s\",\"content\":", i > 0 ? "," : "",
			prompt_role_name(r->prompt->messages[i].role));
		if (!err)
			err = json_add_string(out, r->prompt->messages[i].text);
		if (!err)
			err = buf_addc(out, '}');
	}
	return err ? err : buf_adds(out, "]}\n");
}

static int print_rendered(const struct cli *c, const struct bot_rendered *r)
{
	struct buf out;
	int err = 0;

	if (!c->is_json) {
		print_text(c, r);
		return CLI_OK;
	}
	buf_init(&out, 1024 * 1024);
	err = add_json(r, &out);
	if (!err)
		fputs(buf_text(&out), stdout);
	buf_fini(&out);
	return err ? CLI_SYSTEM : CLI_OK;
}

/* What is to be rendered; false after a sentence. */
static bool choose(const struct cli *c, const struct bot_world *w, struct bot_rendering *r)
{
	int64_t seed = 0;

	if (c->seed && str_int(str_of(c->seed), &seed)) {
		cli_say("--seed takes a number");
		return false;
	}
	r->marker = (uint64_t)seed;
	if (c->argc == 2)
		return (r->file = find(w, c->argv[1])) != NULL;
	r->trigger = trigger_set_find(w->triggers, c->trigger);
	if (!r->trigger)
		cli_say("there is no trigger \"%s\"", c->trigger);
	else if (r->trigger->step_count == 0)
		cli_say("trigger \"%s\" asks no model", c->trigger);
	return r->trigger && r->trigger->step_count > 0;
}

static int render(const struct cli *c, const struct bot_world *w)
{
	struct bot_event_args a = {c->text, c->user, c->level, c->channel, c->platform, c->on,
		c->fields, c->field_count};
	struct bot_rendering how = {0};
	struct bot_rendered r;
	struct event e;
	struct buf scratch;
	const char *why = "";
	int err, code = CLI_CANNOT;

	if (!choose(c, w, &how))
		return CLI_CANNOT;
	if (!a.on && how.trigger)
		a.on = event_kind_name(how.trigger->on);
	buf_init(&scratch, 4096);
	if (bot_event_make(&a, &scratch, &e, &why)) {
		cli_say("%s", why);
	} else {
		err = bot_render(w, &e, &how, &r);
		if (err == ERR_LIMIT)
			cli_say("it does not fit the model's window");
		code = err == ERR_LIMIT ? CLI_FINDINGS : err ? CLI_SYSTEM : print_rendered(c, &r);
		prompt_free(r.prompt);
	}
	buf_fini(&scratch);
	return code;
}

/* ---- The verb -------------------------------------------------------------------------------- */

static int diff(const struct cli *c, const struct bot_world *w)
{
	const struct prompt_file *a = find(w, c->argv[1]), *b = a ? find(w, c->argv[2]) : NULL;

	return b ? cli_prompt_diff(a, b) : CLI_CANNOT;
}

static int act(const struct cli *c, const struct bot_world *w)
{
	const char *what = c->argv[0];
	const struct prompt_file *p;

	if (strcmp(what, "list") == 0)
		return cli_prompt_list(c, w);
	if (strcmp(what, "render") == 0)
		return render(c, w);
	if (strcmp(what, "diff") == 0)
		return diff(c, w);
	p = find(w, c->argv[1]);
	if (!p)
		return CLI_CANNOT;
	return *what == 's' ? cli_prompt_show(c, w, p) : cli_prompt_test(c, w, p);
}

/* Is it one of the things that act does, with as many words as that takes? */
static bool is_complete(const struct cli *c)
{
	static const struct {
		const char *what;
		int words;
	} ways[] = {{"list", 1}, {"show", 2}, {"test", 2}, {"diff", 3}};

	if (c->argc > 0 && strcmp(c->argv[0], "render") == 0)
		return c->argc == (c->trigger ? 1 : 2);
	for (size_t i = 0; c->argc > 0 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(c->argv[0], ways[i].what) == 0)
			return c->argc == ways[i].words;
	}
	return false;
}

int cli_prompt(const struct cli *c)
{
	struct bot_source s = cli_source(c);
	struct conf_report report;
	struct bot_world *w = NULL;
	int code = CLI_CONFIG;

	if (!is_complete(c))
		return cli_usage(c);
	log_set_level(LOG_AUDIT); /* the screen is for the answer */
	conf_report_init(&report);
	s.needs_secrets = cli_prompt_is_live(c);
	if (bot_world_load(&s, &report, &w))
		cli_complain(&report);
	else
		code = act(c, w);
	bot_world_unref(w);
	conf_report_fini(&report);
	return code;
}
