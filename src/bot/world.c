/* The world: mynah.yaml, personas, triggers and word lists as one snapshot. Every file stands for
 * itself: one that does not load runs on its last good version, kept in state_dir/good, so that
 * neither a reload nor a restart is ever harmed by a bad edit (faults.md group C). */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#include "bot/good.h"

/* What one load works with. */
struct loader {
	const struct bot_source *source;
	struct conf_report *report;
	struct bot_world *world;
	const char **personas, **providers; /* names, for the files that refer to them */
	struct trigger_prompt *prompts;
	size_t prompt_count;
};

static bool keeps_good(const struct bot_source *s)
{
	return s->uses_good || s->keeps_good;
}

static int note_stale(struct loader *l, const char *path)
{
	struct bot_world *w = l->world;
	char **grown = mem_resize(w->stale, (w->stale_count + 1) * sizeof(*grown));

	if (!grown)
		return ERR_NOMEM;
	w->stale = grown;
	w->stale[w->stale_count] = mem_dup(path);
	if (!w->stale[w->stale_count])
		return ERR_NOMEM;
	w->stale_count++;
	return 0;
}

/* ---- Folders of files ------------------------------------------------------------------------ */

/* Reads one file's meaning; keeps it in the loader's world when it is right, and its text in the
 * state folder. is_known: it is its last good version. */
typedef int read_file(struct loader *l, const struct conf_file *f, bool is_known,
	struct conf_report *r, void *into);

/* One file: the version on disk, else the last good one, else it is left out or fails the load. */
static int load_file(struct loader *l, const char *kind, const char *path, read_file *reader,
	void *into)
{
	const char *state = l->world->conf->state_dir;
	struct conf_report ignored;
	struct conf_file *f = NULL, *good = NULL;
	const size_t first = l->report->n;
	int err;

	conf_report_init(&ignored);
	err = conf_file_load(path, l->report, &f);
	if (!err)
		err = reader(l, f, keeps_good(l->source) && bot_good_is(state, kind, f), l->report,
			into);
	conf_report_sort(l->report, first);
	if (err && err != ERR_NOMEM && l->source->uses_good) {
		good = bot_good_load(state, kind, path);
		if (good && !reader(l, good, true, &ignored, into))
			err = note_stale(l, path);
		else if (l->source->leaves_out)
			err = note_stale(l, path);
	}
	conf_file_free(f);
	conf_file_free(good);
	conf_report_fini(&ignored);
	return err;
}

/* Files that were meant to be read, to all appearance. */
static void warn_of_yml(struct loader *l, const char *dir)
{
	char **names = NULL;
	size_t n = 0;

	if (file_names(dir, ".yml", &names, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		char *path = file_join(dir, names[i]);

		conf_report_add(l->report, CONF_WARNING, path ? path : dir, "rename it: .yaml",
			"this file is not read, because its name ends in .yml");
		mem_free(path);
	}
	file_names_free(names, n);
}

static int load_folder(struct loader *l, const char *kind, const char *dir, read_file *reader,
	void *into)
{
	char **names = NULL;
	size_t n = 0;
	int first = 0, err = file_names(dir, ".yaml", &names, &n);

	if (err) {
		conf_report_add(l->report, CONF_ERROR, dir,
			l->world->conf->path ? "make the folder, or say in mynah.yaml where it is"
				: "no mynah.yaml was found: name one with -c, or make install",
			"the folder of %s files cannot be read: %s", kind, err_text(err));
		return ERR_INVALID;
	}
	for (size_t i = 0; i < n; i++) {
		char *path = file_join(dir, names[i]);

		err = path ? load_file(l, kind, path, reader, into) : ERR_NOMEM;
		mem_free(path);
		if (err && !first)
			first = err;
	}
	warn_of_yml(l, dir);
	if (!first && keeps_good(l->source))
		bot_good_prune(l->world->conf->state_dir, kind, names, n);
	file_names_free(names, n);
	return first;
}

static int read_persona(struct loader *l, const struct conf_file *f, bool is_known,
	struct conf_report *r, void *into)
{
	struct bot_world *w = l->world;
	struct persona *p = NULL;
	struct persona **grown;
	int err = persona_read(f, l->providers, w->conf->provider_count, r, &p);

	(void)into;
	if (err)
		return err;
	grown = mem_resize(w->personas, (w->persona_count + 1) * sizeof(*grown));
	if (!grown) {
		persona_free(p);
		return ERR_NOMEM;
	}
	w->personas = grown;
	w->personas[w->persona_count++] = p;
	if (!is_known && keeps_good(l->source))
		bot_good_keep(w->conf->state_dir, "persona", conf_file_path(f), conf_file_text(f));
	return 0;
}

/* Whether a new version of a trigger file is a good one is known when all of them are read: one
 * that takes a name of another is not. Until then its text waits. */
struct fresh {
	size_t file; /* index in trigger_files */
	char *path, *text;
};

struct trigger_files {
	struct trigger_file **at;
	struct fresh *fresh;
	size_t n, fresh_n;
};

static int note_fresh(struct trigger_files *files, const struct conf_file *f)
{
	struct fresh *grown = mem_resize(files->fresh, (files->fresh_n + 1) * sizeof(*grown));
	const struct str text = conf_file_text(f);

	if (!grown)
		return ERR_NOMEM;
	files->fresh = grown;
	grown += files->fresh_n++;
	grown->file = files->n;
	grown->path = mem_dup(conf_file_path(f));
	grown->text = mem_dupn(text.at, text.len);
	return grown->path && grown->text ? 0 : ERR_NOMEM;
}

static int read_triggers(struct loader *l, const struct conf_file *f, bool is_known,
	struct conf_report *r, void *into)
{
	struct trigger_files *files = into;
	struct trigger_file *t = NULL;
	struct trigger_file **grown;
	struct trigger_refs refs = {
		.personas = l->personas,
		.persona_count = l->world->persona_count,
		.prompts = l->prompts,
		.prompt_count = l->prompt_count,
		.bot_name = l->world->conf->name,
	};
	if (l->world->knowledge)
		refs.knowledge = knowledge_files(l->world->knowledge, &refs.knowledge_count);
	int err = trigger_file_read(f, &refs, r, &t);

	if (err)
		return err;
	grown = mem_resize(files->at, (files->n + 1) * sizeof(*grown));
	if (grown)
		files->at = grown;
	if (!grown || (!is_known && keeps_good(l->source) && note_fresh(files, f))) {
		trigger_file_free(t);
		return ERR_NOMEM;
	}
	if (is_known)
		trigger_file_mark_known(t);
	files->at[files->n++] = t;
	return 0;
}

static int load_personas(struct loader *l)
{
	struct bot_world *w = l->world;
	const struct conf *c = w->conf;
	int err;

	l->providers = mem_array(c->provider_count + 1, sizeof(*l->providers));
	if (!l->providers)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->provider_count; i++)
		l->providers[i] = c->providers[i].name;
	err = load_folder(l, "persona", c->personas_dir, read_persona, NULL);
	l->personas = mem_array(w->persona_count + 1, sizeof(*l->personas));
	if (!l->personas)
		return ERR_NOMEM;
	bool has_default = false;
	for (size_t i = 0; i < w->persona_count; i++) {
		l->personas[i] = w->personas[i]->id;
		has_default = has_default || strcmp(w->personas[i]->id, c->persona) == 0;
	}
	if (!has_default) {
		const char *near = conf_nearest(str_of(c->persona), l->personas, w->persona_count);
		char hint[192];

		snprintf(hint, sizeof(hint), near ? "did you mean \"%s\"?"
			: "put %s.yaml into the personas folder, or name another in mynah.yaml",
			near ? near : c->persona);
		conf_report_add(l->report, CONF_ERROR, c->personas_dir, hint,
			"the default persona \"%s\" is not there", c->persona);
		return err ? err : ERR_INVALID;
	}
	return err;
}

/* A version that has changed without its number says two things under one name. */
static void warn_changed(struct loader *l, const struct prompt_file *p, struct conf_report *r)
{
	struct conf_file *f = bot_good_load(l->world->conf->state_dir, "prompt", p->path);
	struct prompt_file *before = NULL;
	struct conf_report ignored;

	conf_report_init(&ignored);
	if (f && !prompt_file_read(f, &ignored, &before) && strcmp(before->hash, p->hash) != 0)
		conf_report_add(r, CONF_WARNING, p->path,
			"give a changed prompt another version: who pinned this one expects its "
			"words",
			"prompt %s says something else than before, under the same version",
			p->ref);
	prompt_file_free(before);
	conf_file_free(f);
	conf_report_fini(&ignored);
}

static int read_prompt(struct loader *l, const struct conf_file *f, bool is_known,
	struct conf_report *r, void *into)
{
	struct bot_world *w = l->world;
	struct prompt_file *p = NULL;
	struct prompt_file **grown;
	int err = prompt_file_read(f, r, &p);

	(void)into;
	if (err)
		return err;
	grown = mem_resize(w->prompts, (w->prompt_count + 1) * sizeof(*grown));
	if (!grown) {
		prompt_file_free(p);
		return ERR_NOMEM;
	}
	w->prompts = grown;
	w->prompts[w->prompt_count++] = p;
	if (!is_known)
		warn_changed(l, p, r);
	if (!is_known && keeps_good(l->source))
		bot_good_keep(w->conf->state_dir, "prompt", p->path, conf_file_text(f));
	return 0;
}

/* Every name under which triggers may speak of a prompt: each version's own, and that of all its
 * versions where there is a newest. */
static int name_prompts(struct loader *l)
{
	const struct bot_world *w = l->world;

	l->prompts = mem_array(2 * w->prompt_count + 1, sizeof(*l->prompts));
	if (!l->prompts)
		return ERR_NOMEM;
	for (size_t i = 0; i < w->prompt_count; i++) {
		const struct prompt_file *p = w->prompts[i];

		l->prompts[l->prompt_count++] = (struct trigger_prompt){p->ref, p->text};
		if (bot_world_prompt(w, p->id) == p)
			l->prompts[l->prompt_count++] = (struct trigger_prompt){p->id, p->text};
	}
	return 0;
}

static int load_prompts(struct loader *l)
{
	const struct conf *c = l->world->conf;
	int err = 0;

	if (c->prompts_dir)
		err = load_folder(l, "prompt", c->prompts_dir, read_prompt, NULL);
	return name_prompts(l) ? ERR_NOMEM : err;
}

/* A file that fails is left out, where that is better than to do without the bot; there is no last
 * good version to keep: what it said may have been wrong. */
static int load_knowledge(struct loader *l)
{
	const struct conf *c = l->world->conf;
	int err = 0;

	if (c->knowledge_dir)
		err = knowledge_read(c->knowledge_dir, l->report, &l->world->knowledge);
	if (err == ERR_INVALID && (l->source->uses_good || l->source->leaves_out))
		err = note_stale(l, c->knowledge_dir);
	return err;
}

static int load_triggers(struct loader *l)
{
	const struct conf *c = l->world->conf;
	struct trigger_files files = {0};
	int err = load_folder(l, "trigger", c->triggers_dir, read_triggers, &files);
	int set_err = trigger_set_new(files.at, files.n, l->report, &l->world->triggers);

	for (size_t i = 0; i < files.fresh_n; i++) {
		const struct fresh *f = &files.fresh[i];

		if (!set_err && !trigger_set_has_lost(l->world->triggers, f->file))
			bot_good_keep(c->state_dir, "trigger", f->path, str_of(f->text));
		mem_free(f->path);
		mem_free(f->text);
	}
	mem_free(files.fresh);
	mem_free(files.at);
	return err ? err : set_err;
}

/* A prompt is tried with a model; another one may take it otherwise. */
static void warn_untested(struct loader *l)
{
	const struct bot_world *w = l->world;

	for (size_t i = 0; i < w->prompt_count; i++) {
		const struct prompt_file *p = w->prompts[i];
		const char *model = w->triggers ? bot_prompt_stale(w, p) : NULL;

		if (model)
			conf_report_add(l->report, CONF_WARNING, p->path,
				"try it with `mynah prompt test`, then write the model into "
				"tested_with:",
				"prompt %s was tested with %s, but %s will be asked", p->ref,
				p->tested_with, model);
	}
}

/* A rule that asks for what there is not never fits. */
static void warn_routes(struct loader *l)
{
	const struct bot_world *w = l->world;

	for (size_t i = 0; i < w->conf->route_count; i++) {
		const struct conf_route *r = &w->conf->routes[i];
		enum event_kind kind;

		for (size_t k = 0; w->triggers && k < r->triggers.n; k++) {
			if (!trigger_set_find(w->triggers, r->triggers.at[k]))
				conf_report_add(l->report, CONF_WARNING, w->conf->path,
					"say the name of a trigger of the trigger files",
					"routes: rule %zu: there is no trigger \"%s\"", i + 1,
					r->triggers.at[k]);
		}
		for (size_t k = 0; k < r->events.n; k++) {
			if (event_kind_parse(str_of(r->events.at[k]), &kind))
				conf_report_add(l->report, CONF_WARNING, w->conf->path,
					"say it as triggers do after on:",
					"routes: rule %zu: there is no event \"%s\"", i + 1,
					r->events.at[k]);
		}
	}
}

/* ---- Safety ---------------------------------------------------------------------------------- */

/* Adds the lines of a word file: one word or phrase a line, # begins a comment. */
static int add_words(struct loader *l, const char *path, struct conf_texts *words)
{
	struct buf text;
	struct str rest;
	int err;

	buf_init(&text, CONF_FILE_BYTES);
	err = file_read(path, &text);
	if (err) {
		conf_report_add(l->report, CONF_ERROR, path,
			"safety.words_files names it in mynah.yaml",
			"the word list cannot be read: %s", err_text(err));
		buf_fini(&text);
		return ERR_INVALID;
	}
	rest = buf_str(&text);
	while (rest.len > 0 && !err) {
		struct str line = str_trim(str_split(&rest, '\n'));
		char **grown;

		if (line.len == 0 || line.at[0] == '#')
			continue;
		grown = mem_resize(words->at, (words->n + 1) * sizeof(*grown));
		if (grown) {
			words->at = grown;
			words->at[words->n] = mem_dupn(line.at, line.len);
		}
		if (!grown || !words->at[words->n])
			err = ERR_NOMEM;
		else
			words->n++;
	}
	buf_fini(&text);
	return err;
}

/* Of what safety_new refuses; what a prefix, a host or a word must be like is that room's
 * business. */
static void complain_safety(struct loader *l, int err)
{
	const struct conf_safety *c = &l->world->conf->safety;
	const char *path = l->world->conf->path;

	if (err == ERR_LIMIT)
		conf_report_add(l->report, CONF_ERROR, path,
			"a word has at most 60 letters, and all lists together 20,000 words",
			"safety.words_files: the lists hold more than that");
	else if (c->prefix && !safety_is_sayable(str_of(c->prefix), (size_t)c->max_length - 1))
		conf_report_add(l->report, CONF_ERROR, path,
			"a prefix is one line, begins with no / . or !, leaves room for the reply",
			"safety.prefix: \"%s\" cannot stand before a reply", c->prefix);
	else
		conf_report_add(l->report, CONF_ERROR, path,
			"name hosts, like example.org; links: true lets every link pass",
			"safety.allow_hosts: one of them is no host");
}

static int read_safety_rules(struct loader *l, const struct conf_file *f, bool is_known,
	struct conf_report *r, void *into)
{
	int err = safety_rules_read(into, f, r);

	if (!err && !is_known && keeps_good(l->source))
		bot_good_keep(l->world->conf->state_dir, "safety", conf_file_path(f),
			conf_file_text(f));
	return err;
}

static int load_safety(struct loader *l)
{
	const struct conf_safety *c = &l->world->conf->safety;
	struct conf_texts words = {NULL, 0};
	struct safety_rules *rules = NULL;
	int err = safety_rules_new(&rules);

	if (!err && c->rules_dir)
		err = load_folder(l, "safety", c->rules_dir, read_safety_rules, rules);

	for (size_t i = 0; i < c->words_files.n && !err; i++)
		err = add_words(l, c->words_files.at[i], &words);
	if (!err) {
		const struct safety_options o = {
			.links = c->links,
			.allow_hosts = (const char *const *)c->allow_hosts.at,
			.allow_host_count = c->allow_hosts.n,
			.words = (const char *const *)words.at,
			.word_count = words.n,
			.max_length = c->max_length,
			.mentions = c->mentions,
			.prefix = c->prefix,
			.rules = rules,
			.policy = (enum safety_policy)c->policy,
			.toxicity = c->toxicity,
			.bias = c->bias,
		};
		rules = NULL;
		err = safety_new(&o, &l->world->safety);
		if (err == ERR_INVALID || err == ERR_LIMIT)
			complain_safety(l, err);
	}
	safety_rules_free(rules);
	conf_texts_free(&words);
	return err;
}

/* ---- The whole ------------------------------------------------------------------------------- */

int bot_world_load(const struct bot_source *s, struct conf_report *r, struct bot_world **out)
{
	struct loader l = {.source = s, .report = r};
	bool is_stale;
	int err, first = 0;

	*out = NULL;
	l.world = mem_new(sizeof(*l.world));
	if (!l.world)
		return ERR_NOMEM;
	l.world->refs = 1;
	first = bot_conf_load(s, r, &l.world->conf, &is_stale);
	if (!first && is_stale)
		first = note_stale(&l, s->config);
	if (first)
		goto out;
	/* Whatever fails from here on, the rest is read too: all complaints at once. */
	err = load_personas(&l);
	first = first ? first : err;
	err = load_prompts(&l);
	first = first ? first : err;
	err = load_knowledge(&l);
	first = first ? first : err;
	err = load_triggers(&l);
	first = first ? first : err;
	err = load_safety(&l);
	first = first ? first : err;
	if (!first) {
		warn_untested(&l);
		warn_routes(&l);
	}
	if (!first && s->needs_secrets) {
		if (s->before)
			conf_secrets_keep(l.world->conf, s->before);
		first = conf_secrets_fetch(l.world->conf, r);
	}
	if (!first && !s->uses_good && r->errors > 0)
		first = ERR_INVALID;
out:
	mem_free(l.personas);
	mem_free(l.providers);
	mem_free(l.prompts);
	if (first) {
		bot_world_unref(l.world);
		return first == ERR_NOMEM ? ERR_NOMEM : ERR_INVALID;
	}
	*out = l.world;
	return 0;
}

struct bot_world *bot_world_ref(struct bot_world *w)
{
	w->refs++;
	return w;
}

void bot_world_unref(struct bot_world *w)
{
	if (!w || --w->refs > 0)
		return;
	trigger_set_free(w->triggers);
	for (size_t i = 0; i < w->persona_count; i++)
		persona_free(w->personas[i]);
	mem_free(w->personas);
	for (size_t i = 0; i < w->prompt_count; i++)
		prompt_file_free(w->prompts[i]);
	mem_free(w->prompts);
	safety_free(w->safety);
	knowledge_free(w->knowledge);
	conf_free(w->conf);
	for (size_t i = 0; i < w->stale_count; i++)
		mem_free(w->stale[i]);
	mem_free(w->stale);
	mem_free(w);
}

const struct persona *bot_world_persona_named(const struct bot_world *w, const char *id)
{
	for (size_t i = 0; i < w->persona_count; i++) {
		if (strcmp(w->personas[i]->id, id) == 0)
			return w->personas[i];
	}
	return NULL;
}

const struct prompt_file *bot_world_prompt(const struct bot_world *w, const char *ref)
{
	return prompt_file_find(w->prompts, w->prompt_count, str_of(ref));
}

const struct persona *bot_world_persona(const struct bot_world *w, const struct trigger *t)
{
	const struct persona *own =
		t && t->persona ? bot_world_persona_named(w, t->persona) : NULL;

	return own ? own : bot_world_persona_named(w, w->conf->persona);
}
