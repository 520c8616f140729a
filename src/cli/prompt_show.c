/* prompt list and show. */
#include "cli/cli.h"

#include <stdio.h>

/* ---- One prompt as lines --------------------------------------------------------------------- */

static int add_field(struct buf *out, const char *key, const char *value)
{
	return value && *value ? buf_addf(out, "%s: %s\n", key, value) : 0;
}

/* Every line of a text, set in. */
static int add_text(struct buf *out, const char *key, const char *value)
{
	struct str rest = str_trim(str_of(value));
	int err = buf_addf(out, "%s:\n", key);

	while (rest.len > 0 && !err) {
		const struct str line = str_split(&rest, '\n');

		err = buf_addf(out, "  %.*s\n", STR_FMT(line));
	}
	return err;
}

static int add_example(struct buf *out, const struct prompt_example *e)
{
	const char *slash = e->is_pattern ? "/" : "";
	int err = buf_addf(out, "  - %s", e->input ? e->input : "");

	if (!err && e->on)
		err = buf_addf(out, " (on: %s)", e->on);
	if (!err && e->user)
		err = buf_addf(out, " (user: %s)", e->user);
	for (size_t i = 0; i < e->with_count && !err; i++)
		err = buf_addf(out, " (%s: %s)", e->with[i].key, e->with[i].value);
	if (!err && e->expect)
		err = buf_addf(out, " => %s%s%s", slash, e->expect, slash);
	return err ? err : buf_addc(out, '\n');
}

int cli_prompt_lines(const struct prompt_file *p, struct buf *out)
{
	int err = add_field(out, "description", p->description);

	if (!err)
		err = add_field(out, "use", p->use);
	if (!err && p->variables.n > 0)
		err = buf_adds(out, "variables:");
	for (size_t i = 0; i < p->variables.n && !err; i++)
		err = buf_addf(out, " %s", p->variables.at[i]);
	if (!err && p->variables.n > 0)
		err = buf_addc(out, '\n');
	if (!err && p->is_local_only)
		err = buf_adds(out, "local_only: yes\n");
	if (!err)
		err = add_field(out, "tested_with", p->tested_with);
	if (!err)
		err = add_text(out, "template", p->text);
	if (!err && p->example_count > 0)
		err = buf_adds(out, "examples:\n");
	for (size_t i = 0; i < p->example_count && !err; i++)
		err = add_example(out, &p->examples[i]);
	return err;
}

/* ---- Who uses it ----------------------------------------------------------------------------- */

/* The names of the triggers that ask with it: separated by blanks, or as JSON strings by commas. */
static int add_users(const struct bot_world *w, const struct prompt_file *p, bool is_json,
	struct buf *out)
{
	const struct trigger *t;
	bool is_first = true;
	int err = 0;

	for (size_t i = 0; (t = trigger_set_at(w->triggers, i)) != NULL && !err; i++) {
		if (!bot_prompt_is_used(w, t, p))
			continue;
		err = buf_addf(out, is_json ? "%s\"%s\"" : "%s%s",
			is_first ? "" : is_json ? "," : " ", t->name);
		is_first = false;
	}
	return err;
}

/* ---- The verbs ------------------------------------------------------------------------------- */

static int add_json(const struct bot_world *w, const struct prompt_file *p, struct buf *out)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{"id", p->id},
		{"version", p->version},
		{"description", p->description},
		{"use", p->use},
		{"template", p->text},
		{"tested_with", p->tested_with},
		{"asked_now", bot_prompt_stale(w, p)},
		{"hash", p->hash},
		{"file", p->path},
	};
	int err = buf_addf(out, "{\"newest\":%s,\"local_only\":%s,\"examples\":%zu",
		bot_world_prompt(w, p->id) == p ? "true" : "false",
		p->is_local_only ? "true" : "false", p->example_count);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !err; i++) {
		err = buf_addf(out, ",\"%s\":", texts[i].key);
		if (!err)
			err = texts[i].value ? json_add_string(out, str_of(texts[i].value))
					     : buf_adds(out, "null");
	}
	if (!err)
		err = buf_adds(out, ",\"variables\":[");
	for (size_t i = 0; i < p->variables.n && !err; i++)
		err = buf_addf(out, "%s\"%s\"", i > 0 ? "," : "", p->variables.at[i]);
	if (!err)
		err = buf_adds(out, "],\"triggers\":[");
	if (!err)
		err = add_users(w, p, true, out);
	return err ? err : buf_adds(out, "]}");
}

static int add_line(const struct bot_world *w, const struct prompt_file *p, struct buf *out)
{
	const char *now = bot_prompt_stale(w, p);
	int err = buf_addf(out, "%-24s %s\n", p->ref, p->description);
	const size_t before = out->len;

	if (!err)
		err = buf_adds(out, "  used by ");
	const size_t users = out->len;
	if (!err)
		err = add_users(w, p, false, out);
	if (!err && out->len == users) {
		buf_truncate(out, before);
		err = buf_adds(out, "  used by no trigger");
	}
	if (!err && bot_world_prompt(w, p->id) == p)
		err = buf_addf(out, "; %s means this one", p->id);
	if (!err && p->is_local_only)
		err = buf_adds(out, "; stays on this machine");
	if (!err && p->tested_with)
		err = buf_addf(out, "; tested with %s%s%s", p->tested_with,
			now ? ", but asked is " : "", now ? now : "");
	return err ? err : buf_addc(out, '\n');
}

static int print(struct buf *out, int err)
{
	if (!err)
		fputs(buf_text(out), stdout);
	buf_fini(out);
	return err ? CLI_SYSTEM : CLI_OK;
}

int cli_prompt_list(const struct cli *c, const struct bot_world *w)
{
	struct buf out;
	int err;

	buf_init(&out, 4 * 1024 * 1024);
	err = c->is_json ? buf_addc(&out, '[') : 0;
	for (size_t i = 0; i < w->prompt_count && !err; i++) {
		if (c->is_json && i > 0)
			err = buf_addc(&out, ',');
		if (!err)
			err = c->is_json ? add_json(w, w->prompts[i], &out)
					 : add_line(w, w->prompts[i], &out);
	}
	if (!err && c->is_json)
		err = buf_adds(&out, "]\n");
	if (!err && !c->is_json && w->prompt_count == 0)
		err = buf_adds(&out, "there are no prompt files\n");
	return print(&out, err);
}

int cli_prompt_show(const struct cli *c, const struct bot_world *w, const struct prompt_file *p)
{
	struct buf out;
	int err;

	buf_init(&out, 1024 * 1024);
	if (c->is_json) {
		err = add_json(w, p, &out);
		if (!err)
			err = buf_addc(&out, '\n');
	} else {
		err = add_line(w, p, &out);
		if (!err)
			err = cli_prompt_lines(p, &out);
	}
	return print(&out, err);
}
