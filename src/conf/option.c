#include "conf/room.h"

#include <stdio.h>
#include <string.h>

/* One option being read: from a node of a file, or from its fallback (node NULL). */
struct reading {
	struct conf_report *r;
	const struct conf_file *f;
	const struct conf_node *node;
	const char *name;            /* NULL: a single value, without a name of its own */
	const struct conf_node *key; /* the name in the file, NULL if it has none */
	const char *help;            /* of the option: the hint where there is no better one */
};

#define SECRET_HINT "write {secret: NAME}, {env: NAME} or {file: PATH}"

/* ---- Complaints about a value ---------------------------------------------------------------- */

static int refuse(const struct reading *g, const char *hint, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static int refuse(const struct reading *g, const char *hint, const char *fmt, ...)
{
	char what[CONF_SENTENCE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	hint = hint && hint[0] ? hint : g->help;
	if (!g->node || !g->f)
		conf_report_add(
			g->r, CONF_ERROR, NULL, hint, "\"%s\" %s", g->name ? g->name : "?", what);
	else if (g->name)
		conf_complain(g->r, g->f, g->node, 0, CONF_ERROR, hint, "\"%s\" %s", g->name, what);
	else
		conf_complain(g->r, g->f, g->node, 0, CONF_ERROR, hint, "this %s", what);
	return ERR_INVALID;
}

static int refuse_text(const struct reading *g, struct str text, const struct conf_misread *why)
{
	return refuse(g, why->hint, "%s, not \"%.*s\"", why->want, STR_FMT(conf_shown(text)));
}

/* "name:value" without a space is one text for YAML. */
static int refuse_kind(const struct reading *g, const char *wanted)
{
	static const char *const kinds[] = {"one value", "a list", "a map"};
	struct str text = conf_node_text(g->node);
	const char *hint = NULL;

	if (g->node->kind == CONF_SCALAR && !g->node->is_quoted && memchr(text.at, ':', text.len))
		hint = "put a space after the \":\"";
	else if (g->node->kind == CONF_MAP && g->node->end > g->node->at)
		hint = "write one value; a text that begins with { must stand in quotes";
	else if (g->node->kind == CONF_LIST && g->node->end > g->node->at)
		hint = "write one value; a text that begins with [ must stand in quotes";
	return refuse(g, hint, "must be %s, not %s", wanted, kinds[g->node->kind]);
}

/* ---- Texts, lists, secrets ------------------------------------------------------------------- */

static int set_text(char **member, struct str text)
{
	char *copy = mem_dupn(text.at ? text.at : "", text.len);

	if (!copy)
		return ERR_NOMEM;
	mem_free(*member);
	*member = copy;
	return 0;
}

/* A relative path is meant from the folder of the file it stands in; "-" is a standard stream. */
static int set_path(const struct reading *g, char **member, struct str text)
{
	char *name, *folder = NULL, *path = NULL;

	name = mem_dupn(text.at ? text.at : "", text.len);
	if (!name)
		return ERR_NOMEM;
	if (str_is(text, "-") || !g->node || text.len == 0) {
		path = mem_dup(name);
	} else {
		folder = conf_folder_of(g->f->path);
		if (folder)
			path = file_join(folder, name);
	}
	mem_free(folder);
	mem_free(name);
	if (!path)
		return ERR_NOMEM;
	mem_free(*member);
	*member = path;
	return 0;
}

void conf_texts_free(struct conf_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		mem_free(t->at[i]);
	mem_free(t->at);
	*t = (struct conf_texts){0};
}

static int texts_add(struct conf_texts *t, struct str text)
{
	t->at[t->n] = mem_dupn(text.at ? text.at : "", text.len);
	if (!t->at[t->n])
		return ERR_NOMEM;
	t->n++;
	return 0;
}

/* One value, or the fallback of a table: "[a, b]". */
static int texts_from_scalar(const struct reading *g, struct conf_texts *out, struct str text)
{
	bool is_list = !g->node && text.len > 1 && text.at[0] == '[';
	size_t n = 1;
	int err = 0;

	for (size_t i = 0; is_list && i < text.len; i++)
		n += text.at[i] == ',';
	out->at = mem_array(n, sizeof(char *));
	if (!out->at)
		return ERR_NOMEM;
	if (!is_list)
		return texts_add(out, text);
	text = (struct str){text.at + 1, text.len - 2};
	while (!err && text.len > 0)
		err = texts_add(out, str_trim(str_split(&text, ',')));
	return err;
}

static int refuse_item(const struct reading *g, const struct conf_node *item)
{
	struct reading of_item = *g;

	of_item.node = item;
	of_item.name = NULL;
	if (item->kind != CONF_SCALAR)
		return refuse_kind(&of_item, "one value");
	return refuse(&of_item, "\"#\" begins a comment: leave it away, or use quotes",
		"list item is empty");
}

static int texts_from_list(const struct reading *g, struct conf_texts *out)
{
	int verdict = 0;

	if (g->node->n > CONF_TEXTS_MAX)
		return refuse(g, "leave some out", "may have %d items at most, not %zu",
			CONF_TEXTS_MAX, g->node->n);
	if (g->node->n == 0)
		return 0;
	out->at = mem_array(g->node->n, sizeof(char *));
	if (!out->at)
		return ERR_NOMEM;
	for (size_t i = 0; i < g->node->n; i++) {
		const struct conf_node *item = g->node->items[i];

		if (item->kind != CONF_SCALAR || conf_node_is_null(item)) {
			verdict = refuse_item(g, item);
			continue;
		}
		if (texts_add(out, (struct str){item->text, item->len}))
			return ERR_NOMEM;
	}
	return verdict;
}

static int set_texts(const struct reading *g, struct conf_texts *member, struct str text)
{
	struct conf_texts fresh = {0};
	int err;

	if (g->node && g->node->kind == CONF_MAP)
		return refuse_kind(g, "a list");
	err = g->node && g->node->kind == CONF_LIST ? texts_from_list(g, &fresh)
						    : texts_from_scalar(g, &fresh, text);
	if (err) {
		conf_texts_free(&fresh);
		return err;
	}
	conf_texts_free(member);
	*member = fresh;
	return 0;
}

static void secret_fini(struct conf_secret *s)
{
	mem_free(s->name);
	secret_free(s->literal);
	*s = (struct conf_secret){0};
}

static int set_literal_secret(const struct reading *g, struct conf_secret *member, struct str text)
{
	struct conf_secret fresh = {.from = CONF_SECRET_LITERAL};
	int err;

	if (text.len == 0)
		return refuse(g, SECRET_HINT, "must not be empty");
	err = secret_new(text, &fresh.literal);
	if (err)
		return err;
	/* About the key: the line of the value would show a secret that has a line of its own. */
	conf_complain(g->r, g->f, g->key, 0, CONF_WARNING,
		"keep it apart: run mynah secret set NAME, and write {secret: NAME} here",
		"\"%s\" stands in the file where everybody who gets it can read it", g->name);
	secret_fini(member);
	*member = fresh;
	return 0;
}

static int set_secret(const struct reading *g, struct conf_secret *member, struct str text)
{
	static const char *const keys[] = {"secret", "env", "file"};
	static const char *const besides[] = {"._-", "_", NULL};
	struct conf_secret fresh = {0};
	struct reading value = *g;
	struct str key, name;

	if (!g->node || g->node->kind == CONF_SCALAR)
		return set_literal_secret(g, member, text);
	if (g->node->kind != CONF_MAP || g->node->n != 2)
		return refuse(g, SECRET_HINT, "must say where the secret is kept, in one way");
	key = conf_node_text(g->node->items[0]);
	value.node = g->node->items[1];
	name = conf_node_text(value.node);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!str_is(key, keys[i]))
			continue;
		if (value.node->kind != CONF_SCALAR || name.len == 0)
			return refuse(&value, SECRET_HINT, "must name where the secret is kept");
		if (besides[i] && !conf_is_word(name, besides[i]))
			return refuse(&value, "letters, digits and _ only",
				"names no place where a secret can be");
		fresh.from = CONF_SECRET_VAULT + (int)i;
		if (set_text(&fresh.name, name))
			return ERR_NOMEM;
		secret_fini(member);
		*member = fresh;
		return 0;
	}
	value.node = g->node->items[0];
	return refuse(
		&value, SECRET_HINT, "does not know the place \"%.*s\"", STR_FMT(conf_shown(key)));
}

/* ---- Numbers and words ----------------------------------------------------------------------- */

static int set_whole(
	const struct reading *g, const struct conf_option *o, int64_t *member, struct str text)
{
	struct conf_misread why;
	int64_t value = 0;
	int err = o->type == CONF_INT        ? conf_value_int(text, &value, &why)
		  : o->type == CONF_DURATION ? conf_value_duration(text, &value, &why)
		  : o->type == CONF_MONEY    ? conf_value_money(text, &value, &why)
					     : conf_value_bytes(text, &value, &why);

	if (err || !conf_value_within(o->type, (double)value, o->min, o->max, &why))
		return refuse_text(g, text, &why);
	*member = value;
	return 0;
}

static int set_real(
	const struct reading *g, const struct conf_option *o, double *member, struct str text)
{
	bool is_percent = o->type == CONF_PERCENT;
	double max = is_percent && o->max == 0 ? 100 : o->max;
	struct conf_misread why;
	double value = 0;
	int err = is_percent ? conf_value_percent(text, &value, &why)
			     : conf_value_number(text, &value, &why);

	if (err || !conf_value_within(o->type, value, o->min, max, &why))
		return refuse_text(g, text, &why);
	*member = value;
	return 0;
}

static int set_word(
	const struct reading *g, const struct conf_option *o, void *member, struct str text)
{
	struct conf_misread why = {{0}, {0}};
	int err = o->type == CONF_BOOL ? conf_value_bool(text, member, &why)
				       : conf_value_choice(text, o->choices, member, &why);

	return err ? refuse_text(g, text, &why) : 0;
}

static int set_option(
	const struct reading *g, const struct conf_option *o, void *into, struct str text)
{
	void *member = (char *)into + o->offset;

	if (g->node && g->node->kind != CONF_SCALAR && o->type != CONF_TEXTS &&
		o->type != CONF_SECRET && o->type != CONF_NODE)
		return refuse_kind(g, "one value");
	switch (o->type) {
	case CONF_TEXT: return set_text(member, text);
	case CONF_PATH: return set_path(g, member, text);
	case CONF_BOOL:
	case CONF_CHOICE: return set_word(g, o, member, text);
	case CONF_INT:
	case CONF_DURATION:
	case CONF_MONEY:
	case CONF_BYTES: return set_whole(g, o, member, text);
	case CONF_NUMBER:
	case CONF_PERCENT: return set_real(g, o, member, text);
	case CONF_TEXTS: return set_texts(g, member, text);
	case CONF_SECRET: return set_secret(g, member, text);
	case CONF_NODE: memcpy(member, &g->node, sizeof(g->node)); return 0;
	}
	return ERR_INVALID;
}

/* ---- A map by its table ---------------------------------------------------------------------- */

static const struct conf_option *find_option(
	const struct conf_option *options, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, options[i].name))
			return &options[i];
	return NULL;
}

/* The nearest name of the table, NULL when none is near. */
static const char *nearest_option(struct str name, const struct conf_option *options, size_t n)
{
	const char **words = mem_array(n + 1, sizeof(char *));
	const char *near;

	if (!words)
		return NULL;
	for (size_t i = 0; i < n; i++)
		words[i] = options[i].name;
	near = conf_nearest(name, words, n);
	mem_free(words);
	return near;
}

/* The names there are, as many as have room. */
static void list_options(const struct conf_option *options, size_t n, char hint[CONF_ADVICE_BYTES])
{
	struct buf names;

	buf_init(&names, CONF_ADVICE_BYTES - 5);
	for (size_t i = 0; i < n; i++) {
		if (buf_addf(&names, "%s%s", i == 0 ? "one of " : ", ", options[i].name))
			break;
	}
	snprintf(hint, CONF_ADVICE_BYTES, "%s%s", buf_text(&names),
		names.len + 20 > names.max ? " ..." : "");
	buf_fini(&names);
}

static void complain_unknown(struct conf_report *r, const struct conf_file *f,
	const struct conf_node *key, const struct conf_option *options, size_t n)
{
	struct str name = conf_node_text(key), rest = name;
	struct str first = str_split(&rest, ':');
	const char *near = nearest_option(name, options, n), *home = conf_home_of(options, name);
	char hint[CONF_ADVICE_BYTES] = "";

	if (first.len < name.len && find_option(options, n, first))
		snprintf(hint, sizeof(hint), "put a space after the \":\"");
	else if (home && *home)
		snprintf(hint, sizeof(hint), "it belongs under \"%s:\"", home);
	else if (home)
		snprintf(hint, sizeof(hint), "it belongs to the left edge of the file");
	else if (near)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near);
	else
		list_options(options, n, hint);
	conf_complain(r, f, key, 0, CONF_ERROR, hint, "unknown key \"%.*s\"",
		STR_FMT(conf_shown(name)));
}

static int read_fallbacks(
	struct conf_report *r, const struct conf_option *options, size_t n, void *into)
{
	for (size_t i = 0; i < n; i++) {
		struct reading g = {r, NULL, NULL, options[i].name, NULL, options[i].help};
		int err = options[i].fallback
				  ? set_option(&g, &options[i], into, str_of(options[i].fallback))
				  : 0;

		if (err)
			return err;
	}
	return 0;
}

int conf_read(struct conf_report *r, const struct conf_file *f, const struct conf_node *map,
	const struct conf_option *options, size_t n, void *into)
{
	int verdict = read_fallbacks(r, options, n, into);

	if (verdict || !map || conf_node_is_null(map))
		return verdict;
	if (map->kind != CONF_MAP) {
		struct reading g = {r, f, map, NULL, NULL, "write KEY: VALUE lines here"};

		return refuse_kind(&g, "a map of keys");
	}
	for (size_t i = 0; i < conf_node_count(map); i++) {
		const struct conf_node *key = map->items[2 * i], *value = map->items[2 * i + 1];
		const struct conf_option *o = find_option(options, n, conf_node_text(key));
		struct reading g = {r, f, value, o ? o->name : NULL, key, o ? o->help : NULL};
		int err = 0;

		if (!o) {
			complain_unknown(r, f, key, options, n);
			err = ERR_INVALID;
		} else if (!conf_node_is_null(value) || o->type == CONF_NODE) {
			err = set_option(&g, o, into, conf_node_text(value));
		}
		if (err == ERR_NOMEM)
			return err;
		if (err)
			verdict = err;
	}
	return verdict;
}

void conf_free_options(const struct conf_option *options, size_t n, void *from)
{
	for (size_t i = 0; i < n; i++) {
		void *member = (char *)from + options[i].offset;

		switch (options[i].type) {
		case CONF_TEXT:
		case CONF_PATH:
			mem_free(*(char **)member);
			*(char **)member = NULL;
			break;
		case CONF_TEXTS: conf_texts_free(member); break;
		case CONF_SECRET: secret_fini(member); break;
		default: break;
		}
	}
}

/* ---- Single values --------------------------------------------------------------------------- */

int conf_read_duration(struct conf_report *r, const struct conf_file *f, const struct conf_node *n,
	int64_t min_ms, int64_t max_ms, int64_t *out)
{
	struct reading g = {r, f, n, NULL, NULL, NULL};
	struct conf_option o = {
		.type = CONF_DURATION, .min = (double)min_ms, .max = (double)max_ms};

	return set_option(&g, &o, out, conf_node_text(n));
}
