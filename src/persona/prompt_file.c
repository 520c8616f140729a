/* Prompt files: the words in which a model is asked, under a name and a version. */
#include "pattern/pattern.h"
#include "persona/persona.h"
#include "trigger/trigger.h"

#include <string.h>

#define ID_BYTES    64
#define INPUT_BYTES 2000 /* a chat line: 500 characters of four bytes */

/* What conf_read fills: the prompt, and the list that is read by hand. */
struct draft {
	struct prompt_file is;
	struct conf_node *examples;
};

#define AT(member) offsetof(struct draft, member)
static const struct conf_option options[] = {
	{"id", CONF_TEXT, AT(is.id), NULL, 0, 0, NULL, CONF_LIVE,
		"What triggers call it: what stands before the @ in the file's name."},
	{"version", CONF_TEXT, AT(is.version), NULL, 0, 0, NULL, CONF_LIVE,
		"MAJOR.MINOR.PATCH: what stands behind the @. Other words, another version."},
	{"description", CONF_TEXT, AT(is.description), "", 0, 0, NULL, CONF_LIVE,
		"One line for people who choose among prompts; the model never sees it."},
	{"use", CONF_TEXT, AT(is.use), "", 0, 0, NULL, CONF_LIVE,
		"What it is for: the kind of event, what it expects of the persona."},
	{"variables", CONF_TEXTS, AT(is.variables), NULL, 0, 0, NULL, CONF_LIVE,
		"The variables that the template may use; it may use no others."},
	{"template", CONF_TEXT, AT(is.text), NULL, 0, 0, NULL, CONF_LIVE,
		"What the model is asked, as ask: of a trigger says it."},
	{"local_only", CONF_BOOL, AT(is.is_local_only), "false", 0, 0, NULL, CONF_LIVE,
		"Whether it may go to providers on this machine only."},
	{"tested_with", CONF_TEXT, AT(is.tested_with), NULL, 0, 0, NULL, CONF_LIVE,
		"The model that answered its examples well; another one is warned of."},
	{"examples", CONF_NODE, AT(examples), NULL, 0, 0, NULL, CONF_LIVE,
		"A list of {input, expect} and what else belongs to the event."},
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- Name and version ------------------------------------------------------------------------ */

static bool is_id(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		const char c = s.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return s.len >= 1 && s.len <= ID_BYTES;
}

/* What the file says of itself has to be what it is called: a copy under another name is another
 * prompt, and one that was forgotten to be renamed is none. */
static void read_said(struct conf_reading *rd, const char *key, char **said, struct str named)
{
	if (*said && !str_is(named, *said))
		conf_wrong(rd, conf_about(rd, key), "rename the file, or leave this line out",
			"the file is called \"%.*s\", not \"%s\"", STR_FMT(named), *said);
	mem_free(*said);
	*said = conf_dup(rd, named);
}

static void read_name(struct conf_reading *rd, struct prompt_file *p)
{
	const char *path = conf_file_path(rd->file);
	struct str version = file_stem(path, ".yaml");

	p->ref = conf_dup(rd, version);
	p->path = conf_dup(rd, str_of(path));
	const struct str id = str_split(&version, '@');
	read_said(rd, "id", &p->id, id);
	read_said(rd, "version", &p->version, version);
	if (rd->err == ERR_NOMEM)
		return;
	if (!is_id(id))
		conf_wrong(rd, conf_file_root(rd->file), "for example: greet@1.0.0.yaml",
			"a prompt is called by a-z 0-9 _ -, at most %d of them", ID_BYTES);
	else if (!persona_is_version(p->version))
		conf_wrong(rd, conf_file_root(rd->file), "for example: greet@1.0.0.yaml",
			version.len > 0 ? "\"%s\" is no version"
					: "a version has to stand behind the name%s",
			p->version);
}

/* ---- Examples -------------------------------------------------------------------------------- */

static void read_with(struct conf_reading *rd, const struct conf_node *with,
	struct prompt_example *e)
{
	size_t n = conf_node_count(with);

	if (conf_node_kind(with) != CONF_MAP) {
		conf_wrong(rd, with, "write {viewers: 50}", "the fields of an event are a map");
		return;
	}
	if (n > PROMPT_INPUTS) {
		conf_wrong(rd, with, "leave some out", "more than %d fields", PROMPT_INPUTS);
		n = PROMPT_INPUTS;
	}
	e->with = mem_array(n ? n : 1, sizeof(*e->with));
	if (!e->with) {
		conf_note(rd, ERR_NOMEM);
		return;
	}
	for (e->with_count = 0; e->with_count < n; e->with_count++) {
		struct prompt_input *in = &e->with[e->with_count];

		in->key = conf_dup(rd, conf_node_text(conf_node_key(with, e->with_count)));
		in->value = conf_dup(rd, conf_node_text(conf_node_value(with, e->with_count)));
	}
}

/* "/pattern/" loses its slashes. */
static void read_expect(struct conf_reading *rd, const struct conf_node *n,
	struct prompt_example *e)
{
	const size_t len = e->expect ? strlen(e->expect) : 0;
	struct pattern *pattern = NULL;
	struct pattern_fault fault;

	if (len < 3 || e->expect[0] != '/' || e->expect[len - 1] != '/')
		return;
	memmove(e->expect, e->expect + 1, len - 2);
	e->expect[len - 2] = '\0';
	e->is_pattern = true;
	const int err = pattern_new(str_of(e->expect), &pattern, &fault);
	if (err == ERR_PARSE)
		conf_wrong(rd, n, fault.hint, "this pattern cannot be used: %s", fault.what);
	else
		conf_note(rd, err);
	pattern_free(pattern);
}

/* An example, and the map that is read by hand. */
struct example_draft {
	struct prompt_example is;
	struct conf_node *with;
};

#define IN(member) offsetof(struct example_draft, member)
static const struct conf_option example_options[] = {
	{"input", CONF_TEXT, IN(is.input), NULL, 0, 0, NULL, CONF_LIVE, "What is said."},
	{"user", CONF_TEXT, IN(is.user), NULL, 0, 0, NULL, CONF_LIVE, "Who says it."},
	{"on", CONF_TEXT, IN(is.on), NULL, 0, 0, NULL, CONF_LIVE, "The kind of event."},
	{"expect", CONF_TEXT, IN(is.expect), NULL, 0, 0, NULL, CONF_LIVE,
		"What the answer must hold, in any case, or /a pattern/ that must match it."},
	{"with", CONF_NODE, IN(with), NULL, 0, 0, NULL, CONF_LIVE,
		"Further fields of the event, as mynah event takes them."},
};

static void read_example(
	struct conf_reading *rd, const struct conf_node *n, struct prompt_example *e)
{
	struct example_draft d = {0};

	if (conf_node_kind(n) != CONF_MAP) {
		conf_wrong(rd, n, "write {input: \"...\", expect: \"...\"}", "this is no example");
		return;
	}
	conf_read_map(rd, n, example_options, COUNT(example_options), &d);
	*e = d.is;
	if (d.with)
		read_with(rd, d.with, e);
	if (e->input && strlen(e->input) > INPUT_BYTES)
		conf_wrong(rd, conf_node_find(n, "input"), "shorten it", "longer than %d bytes",
			INPUT_BYTES);
	read_expect(rd, conf_node_find(n, "expect"), e);
}

static void read_examples(struct conf_reading *rd, const struct conf_node *list,
	struct prompt_file *p)
{
	const size_t n = conf_entries(rd, list, PROMPT_EXAMPLES, "examples",
		"begin each with \"- {input: ..., expect: ...}\"");

	if (n == 0)
		return;
	p->examples = mem_array(n, sizeof(*p->examples));
	if (!p->examples) {
		conf_note(rd, ERR_NOMEM);
		return;
	}
	p->example_count = n;
	for (size_t i = 0; i < n; i++)
		read_example(rd, conf_node_at(list, i), &p->examples[i]);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void read_text(struct conf_reading *rd, struct prompt_file *p)
{
	struct conf_node *declared = conf_node_find(conf_file_root(rd->file), "variables");

	if (!p->text || str_trim(str_of(p->text)).len == 0) {
		conf_wrong(rd, conf_about(rd, "template"),
			"write template: \"Greet $(user).\" and variables: [user]",
			"a prompt needs a template");
		return;
	}
	conf_note(rd, trigger_template_check_declared(str_of(p->text), &p->variables, rd->file,
		declared, conf_about(rd, "template"), rd->report));
}

static int make_hash(struct prompt_file *p)
{
	struct buf all;

	buf_init(&all, CONF_FILE_BYTES);
	int err = buf_addf(&all, "mynah prompt\n%d\n", p->is_local_only);
	for (size_t i = 0; i < p->variables.n && !err; i++)
		err = buf_addf(&all, "%s\n", p->variables.at[i]);
	if (!err)
		err = buf_addf(&all, "\n%s", p->text);
	if (!err)
		seal_sha256(buf_str(&all), p->hash);
	buf_fini(&all);
	return err;
}

static void fini_example(struct prompt_example *e)
{
	struct example_draft d = {.is = *e};

	conf_free_options(example_options, COUNT(example_options), &d);
	for (size_t i = 0; i < e->with_count; i++) {
		mem_free(e->with[i].key);
		mem_free(e->with[i].value);
	}
	mem_free(e->with);
}

static void fini(struct prompt_file *p)
{
	struct draft d = {.is = *p};

	conf_free_options(options, COUNT(options), &d);
	mem_free(p->ref);
	mem_free(p->path);
	for (size_t i = 0; i < p->example_count; i++)
		fini_example(&p->examples[i]);
	mem_free(p->examples);
}

int prompt_file_read(
	const struct conf_file *f, struct conf_report *r, struct prompt_file **out)
{
	struct conf_reading rd = {.file = f, .report = r};
	struct prompt_file *p = mem_new(sizeof(*p));
	struct draft d = {0};

	conf_note(&rd, p ? 0 : ERR_NOMEM);
	conf_read_map(&rd, conf_file_root(f), options, COUNT(options), &d);
	read_name(&rd, &d.is);
	if (rd.err != ERR_NOMEM) {
		read_text(&rd, &d.is);
		read_examples(&rd, d.examples, &d.is);
	}
	if (rd.err == 0)
		conf_note(&rd, make_hash(&d.is));
	if (rd.err < 0) {
		fini(&d.is);
		mem_free(p);
		return rd.err;
	}
	*p = d.is;
	*out = p;
	return 0;
}

void prompt_file_free(struct prompt_file *p)
{
	if (!p)
		return;
	fini(p);
	mem_free(p);
}

/* A pre-release: "1.0.0-rc.1". */
static bool is_early(const char *version)
{
	return version[strcspn(version, "-+")] == '-';
}

const struct prompt_file *prompt_file_find(
	struct prompt_file *const *files, size_t n, struct str ref)
{
	const bool is_pinned = memchr(ref.at, '@', ref.len) != NULL;
	const struct prompt_file *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct prompt_file *p = files[i];

		if (is_pinned && str_is(ref, p->ref))
			return p;
		if (is_pinned || !str_is(ref, p->id) || is_early(p->version))
			continue;
		if (!best || persona_version_compare(best->version, p->version) <= 0)
			best = p;
	}
	return best;
}
