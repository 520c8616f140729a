/* Persona files: who the bot is in a chat. */
#include "persona/persona.h"
#include "safety/safety.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES    100
#define EXAMPLE_BYTES 1000 /* one side of an example; a reply has to fit a chat line too */
#define EXAMPLE_UNITS 500  /* Twitch's line */

/* What conf_read fills: the persona, and the maps that are read by hand. */
struct draft {
	struct persona is;
	struct conf_node *model, *memory, *examples;
};

#define AT(member) offsetof(struct draft, member)
static const struct conf_option options[] = {
	{"name", CONF_TEXT, AT(is.name), NULL, 0, 0, NULL, CONF_LIVE,
		"What the persona calls itself; without it the name of the file."},
	{"version", CONF_TEXT, AT(is.version), "0.0.0", 0, 0, NULL, CONF_LIVE,
		"MAJOR.MINOR.PATCH; it stands in the ledger next to what was said with it."},
	{"description", CONF_TEXT, AT(is.description), "", 0, 0, NULL, CONF_LIVE,
		"One line for people who choose among personas; the model never sees it."},
	{"system", CONF_TEXT, AT(is.system), NULL, 0, 0, NULL, CONF_LIVE,
		"Who the model is to be. {{char}} or {{bot}} is the persona's name, {{user}} the "
		"words "
		"\"the viewer\": what chat says never gets here."},
	{"model", CONF_NODE, AT(model), NULL, 0, 0, NULL, CONF_LIVE,
		"{use, temperature, max_tokens}: which provider is asked, and how."},
	{"memory", CONF_NODE, AT(memory), NULL, 0, 0, NULL, CONF_LIVE,
		"{mode, lines, for, summary}: what of what was said lately goes into the prompt."},
	{"examples", CONF_NODE, AT(examples), NULL, 0, 0, NULL, CONF_LIVE,
		"A list of {user, reply}: what a good answer looks like."},
};
static const struct conf_option model_options[] = {
	{"use", CONF_TEXT, AT(is.use), NULL, 0, 0, NULL, CONF_LIVE,
		"The provider that is asked first; without it the configured order."},
	{"temperature", CONF_NUMBER, AT(is.temperature), NULL, 0, 2, NULL, CONF_LIVE,
		"How freely the model chooses its words; without it the provider's."},
	{"max_tokens", CONF_INT, AT(is.max_tokens), NULL, 1, 8192, NULL, CONF_LIVE,
		"The longest answer in tokens; without it the provider's."},
};
/* In the order of enum persona_memory. */
static const char *const memory_modes[] = {"user", "channel", NULL};

static const struct conf_option memory_options[] = {
	{"mode", CONF_CHOICE, AT(is.memory_mode), "user", 0, 0, memory_modes, CONF_LIVE,
		"Whose lines: of the user who speaks, or of all who speak with it in the channel."},
	{"summary", CONF_BOOL, AT(is.summarises), "no", 0, 0, NULL, CONF_LIVE,
		"Whether a model sums up what falls out of the remembered lines; each time costs a "
		"call."},
	{"lines", CONF_INT, AT(is.lines), "10", 0, 100, NULL, CONF_LIVE,
		"How many remembered lines go into the prompt."},
	{"for", CONF_DURATION, AT(is.for_ms), "30m", 0, 30.0 * 24 * 3600 * 1000, NULL, CONF_LIVE,
		"Older lines do not."},
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- One file -------------------------------------------------------------------------------- */

/* Fills in {{char}}, {{bot}} and {{user}}, in place of *text. Nothing that chat says is known here,
 * and nothing of it ever takes the place of {{user}}: the system message is the same for everybody.
 */
static void fill_in(struct conf_reading *rd, const struct conf_node *n, const char *name,
	char **text, size_t max)
{
	struct str rest = str_trim(str_of(*text));
	struct buf out;
	int err = 0;

	buf_init(&out, max);
	while (rest.len > 0 && err == 0) {
		const char *open = memmem(rest.at, rest.len, "{{", 2);
		const char *close =
			open ? memmem(open, (size_t)(rest.at + rest.len - open), "}}", 2) : NULL;
		if (!close) {
			err = buf_add_str(&out, rest);
			break;
		}
		struct str word = str_trim((struct str){open + 2, (size_t)(close - open) - 2});
		err = buf_add(&out, rest.at, (size_t)(open - rest.at));
		if (err < 0)
			break;
		if (str_eq_nocase(word, STR("char")) || str_eq_nocase(word, STR("bot")))
			err = buf_adds(&out, name);
		else if (str_eq_nocase(word, STR("user")))
			err = buf_adds(&out, "the viewer");
		else
			conf_wrong(rd, n, "{{char}}, {{bot}} and {{user}} are known",
				"unknown placeholder {{%.*s}}", STR_FMT(word));
		rest = (struct str){close + 2, (size_t)(rest.at + rest.len - close) - 2};
	}
	if (err == ERR_LIMIT)
		conf_wrong(rd, n, "shorten it", "this text is longer than %zu bytes", max);
	else if (err < 0)
		conf_note(rd, err);
	char *filled = buf_take(&out);
	if (filled) {
		mem_free(*text);
		*text = filled;
	} else {
		conf_note(rd, ERR_NOMEM);
	}
}

static void read_map(struct conf_reading *rd, struct draft *d, struct conf_node *map,
	const struct conf_option *table, size_t n, const char *hint)
{
	if (map && conf_node_kind(map) != CONF_MAP) {
		conf_wrong(rd, map, hint, "this is a map of its own");
		map = NULL;
	}
	conf_read_map(rd, map, table, n, d);
}

static void read_model(struct conf_reading *rd, struct draft *d, const char *const *providers,
	size_t n)
{
	struct conf_node *map = d->model;

	read_map(rd, d, map, model_options, COUNT(model_options),
		"write {temperature: 0.7, max_tokens: 120}");
	if (!map || !conf_node_find(map, "temperature"))
		d->is.temperature = NAN;
	if (!d->is.use || !providers)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(providers[i], d->is.use) == 0)
			return;
	}
	const char *near = conf_nearest(str_of(d->is.use), providers, n);
	char hint[256];
	snprintf(hint, sizeof(hint), "did you mean %s?", near ? near : "");
	conf_wrong(rd, conf_node_find(map, "use"),
		near ? hint : "mynah.yaml names its providers under providers:",
		"no provider is called \"%s\"", d->is.use);
}

/* One side of an example of what name says: a text that is there and not too long. */
static char *read_side(struct conf_reading *rd, const char *name, const struct conf_node *pair,
	const char *key)
{
	const struct conf_node *n = conf_node_find(pair, key);
	struct str text =
		n && conf_node_kind(n) == CONF_SCALAR ? str_trim(conf_node_text(n)) : STR("");

	if (text.len == 0)
		conf_wrong(rd, n ? n : pair, "write {user: \"...\", reply: \"...\"}",
			"this example has no %s", key);
	else if (text.len > EXAMPLE_BYTES)
		conf_wrong(rd, n, "shorten it", "this text is longer than %d bytes", EXAMPLE_BYTES);
	char *copy = conf_dup(rd, text);
	if (copy)
		fill_in(rd, n ? n : pair, name, &copy, 2 * EXAMPLE_BYTES);
	return copy;
}

static void read_example(struct conf_reading *rd, const char *name, const struct conf_node *pair,
	struct persona_example *e)
{
	if (conf_node_kind(pair) != CONF_MAP) {
		conf_wrong(rd, pair, "write {user: \"...\", reply: \"...\"}", "this is no example");
		return;
	}
	for (size_t i = 0; i < conf_node_count(pair); i++) {
		struct str key = conf_node_text(conf_node_key(pair, i));
		if (!str_is(key, "user") && !str_is(key, "reply"))
			conf_wrong(rd, conf_node_key(pair, i), "an example has user and reply",
				"unknown key \"%.*s\"", STR_FMT(key));
	}
	e->user = read_side(rd, name, pair, "user");
	e->reply = read_side(rd, name, pair, "reply");
	if (e->reply && e->reply[0] && !safety_is_sayable(str_of(e->reply), EXAMPLE_UNITS))
		conf_wrong(rd, conf_node_find(pair, "reply"),
			"one line of at most 500 characters that begins with none of / . !",
			"a chat could not hear this reply");
}

static void read_examples(struct conf_reading *rd, const struct conf_node *list, struct persona *p)
{
	const size_t n = conf_entries(rd, list, PERSONA_EXAMPLES, "examples",
		"begin each with \"- {user: ..., reply: ...}\"");

	if (n == 0)
		return;
	p->examples = mem_array(n, sizeof(*p->examples));
	if (!p->examples) {
		conf_note(rd, ERR_NOMEM);
		return;
	}
	p->example_count = n;
	for (size_t i = 0; i < n; i++)
		read_example(rd, p->name, conf_node_at(list, i), &p->examples[i]);
}

static void read_texts(struct conf_reading *rd, struct persona *p)
{
	if (!p->name || !p->name[0]) {
		mem_free(p->name);
		p->name = conf_dup(rd, str_of(p->id));
		if (!p->name)
			return;
	}
	if (strlen(p->name) > NAME_BYTES || !safety_is_sayable(str_of(p->name), NAME_BYTES))
		conf_wrong(rd, conf_about(rd, "name"), "for example: Mynah",
			"a name is one line of at most %d bytes", NAME_BYTES);
	if (p->version && !persona_is_version(p->version))
		conf_wrong(rd, conf_about(rd, "version"), "three numbers: 1.0.0",
			"\"%s\" is no version", p->version);
	if (p->system && str_trim(str_of(p->system)).len > 0)
		fill_in(rd, conf_about(rd, "system"), p->name, &p->system, PERSONA_SYSTEM_BYTES);
	else if (p->system || rd->err == 0 ||
		!conf_node_find(conf_file_root(rd->file), "system")) /* else it is no text */
		conf_wrong(rd, conf_about(rd, "system"),
			"write system: | and who the model is to be below it",
			"a persona needs a system text");
}

static int make_canary(struct persona *p)
{
	char hash[SHA256_TEXT_BYTES];
	struct buf text;

	buf_init(&text, 2 * PERSONA_SYSTEM_BYTES);
	int err = buf_addf(&text, "mynah canary\n%s\n%s\n%s", p->id, p->version, p->system);
	if (err == 0) {
		seal_sha256(buf_str(&text), hash);
		memcpy(p->canary, hash, sizeof(p->canary) - 1);
	}
	buf_fini(&text);
	return err;
}

static void fini(struct persona *p)
{
	mem_free(p->id);
	mem_free(p->path);
	mem_free(p->name);
	mem_free(p->version);
	mem_free(p->description);
	mem_free(p->system);
	mem_free(p->use);
	for (size_t i = 0; i < p->example_count; i++) {
		mem_free(p->examples[i].user);
		mem_free(p->examples[i].reply);
	}
	mem_free(p->examples);
}

int persona_read(const struct conf_file *f, const char *const *providers, size_t provider_count,
	struct conf_report *r, struct persona **out)
{
	struct conf_reading rd = {.file = f, .report = r};
	struct persona *p = mem_new(sizeof(*p));
	struct draft d = {0};

	conf_note(&rd, p ? 0 : ERR_NOMEM);
	conf_read_map(&rd, conf_file_root(f), options, COUNT(options), &d);
	d.is.id = conf_dup(&rd, file_stem(conf_file_path(f), ".yaml"));
	d.is.path = conf_dup(&rd, str_of(conf_file_path(f)));
	if (rd.err != ERR_NOMEM)
		read_texts(&rd, &d.is);
	if (rd.err != ERR_NOMEM) {
		read_model(&rd, &d, providers, provider_count);
		read_map(&rd, &d, d.memory, memory_options, COUNT(memory_options),
			"write {lines: 10, for: 30m}");
		read_examples(&rd, d.examples, &d.is);
	}
	if (rd.err == 0)
		conf_note(&rd, make_canary(&d.is));
	if (rd.err < 0) {
		fini(&d.is);
		mem_free(p);
		return rd.err;
	}
	*p = d.is;
	*out = p;
	return 0;
}

void persona_free(struct persona *p)
{
	if (!p)
		return;
	fini(p);
	mem_free(p);
}
