/* validate: would a model's answer do for a trigger? It is judged as a turn's is, and held against
 * the golden cases that say what a live answer to that trigger must be like. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OUT_BYTES (256 * 1024)
#define WHY_BYTES 512
#define SEED 1

struct validation {
	const struct cli *c;
	const struct trigger *trigger;
	struct buf answer;
	struct bot_judged judged;
	size_t cases, right; /* golden ones of this trigger, and for how many the answer would do */
	size_t skipped;      /* cases that cannot be played: they count neither way */
	struct buf wrong;    /* those that are not right, "name<TAB>why" a line */
};

static int read_answer(struct buf *out)
{
	char part[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		const int err = buf_add(out, part, (size_t)n);
		if (err)
			return err;
	}
	return 0;
}

/* ---- By the trigger -------------------------------------------------------------------------- */

static int judge(struct validation *v, const struct bot_world *w)
{
	const struct cli *c = v->c;
	const struct bot_rendering how = {.trigger = v->trigger};
	const struct bot_event_args a = {c->text, c->user, c->level, c->channel, c->platform,
		c->on ? c->on : event_kind_name(v->trigger->on), NULL, 0};
	struct bot_rendered asked = {0};
	const char *why = "the question does not fit the model's window";
	struct buf scratch;
	struct event e;
	int err;

	buf_init(&scratch, 16 * 1024);
	err = bot_event_make(&a, &scratch, &e, &why);
	if (!err)
		err = bot_render(w, &e, &how, &asked);
	if (!err)
		bot_render_judge(w, &e, &asked, str_trim(buf_str(&v->answer)), &v->judged);
	else
		cli_say("%s", err == ERR_NOMEM ? err_name(err) : why);
	prompt_free(asked.prompt);
	buf_fini(&scratch);
	return err;
}

/* ---- By golden cases ------------------------------------------------------------------------- */

static int play(struct validation *v, struct golden_stage *g, const struct golden_case *c)
{
	char *answer = v->answer.at;
	const struct golden_reply said = {.says = {&answer, 1}};
	struct golden_outcome became;
	const char *cannot;
	struct buf why;
	bool is_right;
	int err = golden_play(g, c, &said, &became, &cannot);

	buf_init(&why, WHY_BYTES);
	if (err == ERR_INVALID && *cannot) {
		v->skipped++;
		err = buf_addf(&v->wrong, "%s\t%s\n", c->name, cannot);
		goto out;
	}
	if (!err)
		err = golden_judge(c, &became, &is_right, &why);
	if (!err) {
		v->cases++;
		v->right += is_right;
		if (!is_right)
			err = buf_addf(&v->wrong, "%s\t%s\n", c->name, buf_text(&why));
	}
out:
	golden_outcome_fini(&became);
	buf_fini(&why);
	return err;
}

static bool is_wanted(const struct validation *v, const struct golden_case *c)
{
	const char *text = v->c->text;

	return c->live.is_there && c->trigger && strcmp(c->trigger, v->trigger->name) == 0 &&
		(!text || (c->text && strcmp(c->text, text) == 0));
}

static int play_all(struct validation *v, const struct bot_source *s, struct bot_world *w)
{
	char *folder = v->c->golden ? mem_dup(v->c->golden) : cli_folder(v->c, "golden");
	struct golden_stage *g = NULL;
	struct golden_set set = {0};
	int err = folder ? 0 : ERR_NOMEM;

	/* Who has no cases has none to fail. */
	if (!err && (v->c->golden || access(folder, F_OK) == 0))
		err = cli_golden_set(v->c, &folder, 1, &set);
	if (!err)
		err = golden_stage_new(s, w, SEED, &g);
	for (size_t i = 0; !err && i < set.n; i++) {
		if (is_wanted(v, set.at[i]))
			err = play(v, g, set.at[i]);
	}
	golden_stage_free(g);
	golden_set_fini(&set);
	mem_free(folder);
	return err;
}

/* ---- What is told ---------------------------------------------------------------------------- */

static bool is_valid(const struct validation *v)
{
	return v->judged.reason == REASON_NONE && (v->cases == 0 || v->right > 0);
}

/* Which part has refused the answer: "schema", "safety", "patterns"; "" = none. */
static const char *refusing(const struct bot_judged *j)
{
	if (j->reason == REASON_NONE)
		return "";
	if (strncmp(j->rule, "must", 4) == 0)
		return "patterns";
	return strcmp(j->rule, "schema") == 0 ? "schema" : "safety";
}

/* One part's verdict: null where the trigger asks for nothing, or an earlier part has refused. */
static int add_part(struct buf *out, const struct validation *v, const char *name, bool is_asked)
{
	const struct bot_judged *j = &v->judged;
	int err = buf_addf(out, ",\"%s\":", name);

	if (err)
		return err;
	if (strcmp(refusing(j), name) != 0)
		return buf_adds(out, is_asked ? "{\"isValid\":true}" : "null");
	err = buf_adds(out, "{\"isValid\":false,\"rule\":");
	if (!err)
		err = json_add_string(out, str_of(*j->rule ? j->rule : reason_name(j->reason)));
	if (!err)
		err = buf_adds(out, ",\"why\":");
	if (!err)
		err = json_add_string(out, buf_str(&j->wrong));
	return err ? err : buf_addc(out, '}');
}

static int add_cases(struct buf *out, const struct validation *v)
{
	struct str rest = buf_str(&v->wrong);
	int err = buf_addf(out,
		",\"goldenTests\":{\"isValid\":%s,\"cases\":%zu,\"right\":%zu,\"skipped\":%zu,"
		"\"wrong\":[",
		v->cases == 0 || v->right > 0 ? "true" : "false", v->cases, v->right, v->skipped);

	for (bool is_first = true; rest.len > 0 && !err; is_first = false) {
		struct str why = str_split(&rest, '\n');
		const struct str name = str_split(&why, '\t');

		err = buf_adds(out, is_first ? "{\"name\":" : ",{\"name\":");
		if (!err)
			err = json_add_string(out, name);
		if (!err)
			err = buf_adds(out, ",\"why\":");
		if (!err)
			err = json_add_string(out, why);
		if (!err)
			err = buf_addc(out, '}');
	}
	return err ? err : buf_adds(out, "]}");
}

static int print_json(const struct validation *v)
{
	const struct bot_judged *j = &v->judged;
	/* JSON comes first, then safety; patterns are held against what it lets through. */
	const bool is_refused = *refusing(j) != '\0', is_picky = trigger_is_picky(v->trigger);
	const bool fits = strcmp(refusing(j), "schema") != 0;
	struct buf out;
	int err;

	buf_init(&out, OUT_BYTES);
	err = buf_addf(&out, "{\"isValid\":%s,\"details\":{\"trigger\":",
		is_valid(v) ? "true" : "false");
	if (!err)
		err = json_add_string(&out, str_of(v->trigger->name));
	if (!err)
		err = add_part(&out, v, "schema", v->trigger->schema != NULL);
	if (!err)
		err = add_part(&out, v, "safety", fits);
	if (!err)
		err = add_part(&out, v, "patterns", is_picky && !is_refused);
	if (!err)
		err = add_cases(&out, v);
	if (!err)
		err = buf_adds(&out, "},\"text\":");
	if (!err)
		err = json_add_string(&out, buf_str(&j->text));
	if (!err)
		err = buf_addc(&out, '}');
	if (!err)
		puts(buf_text(&out));
	buf_fini(&out);
	return err;
}

static void print_text(const struct validation *v)
{
	const struct bot_judged *j = &v->judged;
	struct str rest = buf_str(&v->wrong);

	if (j->reason == REASON_NONE)
		printf("it would be said:\n%s\n", buf_text(&j->text));
	else
		printf("it would not be said: %s%s%s\n", j->wrong.len > 0 ? buf_text(&j->wrong)
			: reason_text(j->reason), *j->rule ? "\n  rule: " : "", j->rule);
	if (v->cases > 0)
		printf("right for %zu of %zu golden cases\n", v->right, v->cases);
	if (v->skipped > 0)
		printf("golden cases that cannot be played: %zu\n", v->skipped);
	while (rest.len > 0) {
		struct str why = str_split(&rest, '\n');
		const struct str name = str_split(&why, '\t');

		printf("  %.*s: %.*s\n", STR_FMT(name), STR_FMT(why));
	}
}

/* ---- The verb -------------------------------------------------------------------------------- */

static int run(struct validation *v, const struct bot_source *s, struct bot_world *w)
{
	v->trigger = trigger_set_find(w->triggers, v->c->trigger);
	if (!v->trigger) {
		cli_say("there is no trigger \"%s\"", v->c->trigger);
		return CLI_CANNOT;
	}
	if (v->trigger->step_count == 0) {
		cli_say("trigger \"%s\" asks no model", v->c->trigger);
		return CLI_CANNOT;
	}
	if (read_answer(&v->answer)) {
		cli_say("the answer cannot be read: at most %d KiB, on standard input",
			PROVIDER_TEXT_BYTES / 1024);
		return CLI_CANNOT;
	}
	if (judge(v, w))
		return CLI_CANNOT;
	if (play_all(v, s, w)) {
		cli_say("the golden cases cannot be played");
		return CLI_CANNOT;
	}
	if (!v->c->is_json)
		print_text(v);
	else if (print_json(v))
		return CLI_SYSTEM;
	return is_valid(v) ? CLI_OK : CLI_FINDINGS;
}

int cli_validate(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct validation v = {.c = c};
	struct conf_report report;
	struct bot_world *w = NULL;
	int code = CLI_CONFIG;

	if (!c->trigger)
		return cli_usage(c);
	if (log_open("/dev/null", LOG_ERROR))
		return CLI_SYSTEM;
	buf_init(&v.answer, PROVIDER_TEXT_BYTES);
	buf_init(&v.wrong, OUT_BYTES);
	conf_report_init(&report);
	if (bot_world_load(&s, &report, &w))
		cli_complain(&report);
	else
		code = run(&v, &s, w);
	bot_judged_fini(&v.judged);
	buf_fini(&v.wrong);
	buf_fini(&v.answer);
	bot_world_unref(w);
	conf_report_fini(&report);
	log_close();
	return code;
}
