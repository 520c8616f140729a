/* schema: of a trigger: a part of JSON Schema, read into a flat list and written as JSON for
 * models. What is not read here is complained of, for a keyword that is ignored would promise what
 * nobody checks. */
#include "trigger/room.h"

#include <string.h>

#define LENGTH_MOST 10000
#define NUMBER_MOST 1e15 /* a double has all whole numbers up to there */
#define KEY_BYTES 64
#define JSON_BYTES 8192  /* the prompt has to hold it */

/* In the order of enum trigger_field_kind. */
static const char *const kinds[] = {
	"object", "array", "string", "number", "integer", "boolean", NULL};
#define KIND(k) (1u << FIELD_##k)
#define NUMBERS (KIND(NUMBER) | KIND(INTEGER))

/* What a node of the file is read into, on its way. */
struct draft {
	struct trigger_field node;
	struct conf_node *properties, *items;
	struct conf_texts required;
};

#define AT(member) .offset = offsetof(struct draft, member)
static const struct conf_option options[] = {
	{.name = "type", .type = CONF_CHOICE, AT(node.kind), .fallback = "string",
		.choices = kinds, .help = "What the value is."},
	{.name = "description", .type = CONF_TEXT, AT(node.description),
		.help = "What the value means, for the model."},
	{.name = "properties", .type = CONF_NODE, AT(properties),
		.help = "The fields of an object, by name."},
	{.name = "required", .type = CONF_TEXTS, AT(required),
		.help = "Which fields must be there."},
	{.name = "items", .type = CONF_NODE, AT(items), .help = "What the items of a list are."},
	{.name = "enum", .type = CONF_TEXTS, AT(node.choices), .help = "The values there are."},
	{.name = "minimum", .type = CONF_NUMBER, AT(node.min), .min = -NUMBER_MOST,
		.max = NUMBER_MOST, .help = "The smallest number."},
	{.name = "maximum", .type = CONF_NUMBER, AT(node.max), .min = -NUMBER_MOST,
		.max = NUMBER_MOST, .help = "The largest number."},
	{.name = "minLength", .type = CONF_INT, AT(node.min_length), .fallback = "0", .min = 0,
		.max = LENGTH_MOST, .help = "The fewest characters."},
	{.name = "maxLength", .type = CONF_INT, AT(node.max_length), .fallback = "-1", .min = -1,
		.max = LENGTH_MOST, .help = "The most characters."},
	{.name = "minItems", .type = CONF_INT, AT(node.min_items), .fallback = "0", .min = 0,
		.max = LENGTH_MOST, .help = "The fewest items."},
	{.name = "maxItems", .type = CONF_INT, AT(node.max_items), .fallback = "-1", .min = -1,
		.max = LENGTH_MOST, .help = "The most items."},
	{.name = "pattern", .type = CONF_TEXT, AT(node.pattern_text),
		.help = "A PCRE2 pattern that the text must match."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* Which kinds a keyword is for. */
static const struct {
	const char *name;
	unsigned kinds;
	const char *whose;
} uses[] = {
	{"properties", KIND(OBJECT), "an object"}, {"required", KIND(OBJECT), "an object"},
	{"items", KIND(ARRAY), "an array"}, {"minItems", KIND(ARRAY), "an array"},
	{"maxItems", KIND(ARRAY), "an array"}, {"minLength", KIND(STRING), "a string"},
	{"maxLength", KIND(STRING), "a string"}, {"pattern", KIND(STRING), "a string"},
	{"minimum", NUMBERS, "a number"}, {"maximum", NUMBERS, "a number"},
	{"enum", KIND(STRING) | NUMBERS, "a string or a number"},
};

/* ---- Reading: breadth first, so that the fields of an object are neighbours ------------------ */

struct schema_reading {
	struct trigger_reading *rd;
	struct trigger_schema *s;
	const struct conf_node *from[TRIGGER_FIELDS_MAX];
};

static bool add_node(struct schema_reading *g, const struct conf_node *from, struct str key,
	size_t depth)
{
	struct trigger_schema *s = g->s;

	if (s->n == TRIGGER_FIELDS_MAX || depth > TRIGGER_FIELD_DEPTH) {
		TRIGGER_COMPLAIN(g->rd, from, "ask for less",
			"a schema has at most %d fields, in at most %d levels", TRIGGER_FIELDS_MAX,
			TRIGGER_FIELD_DEPTH);
		return false;
	}
	s->nodes[s->n].depth = depth;
	if (key.at) {
		s->nodes[s->n].key = mem_dupn(key.at, key.len);
		g->rd->is_nomem = g->rd->is_nomem || !s->nodes[s->n].key;
	}
	g->from[s->n++] = from;
	return true;
}

/* $(answer.NAME) has to be able to spell it. */
static bool is_key(struct str key)
{
	for (size_t i = 0; i < key.len; i++)
		if (!ascii_is_alnum(key.at[i]) && key.at[i] != '_')
			return false;
	return key.len > 0 && key.len <= KEY_BYTES;
}

static void read_properties(struct schema_reading *g, size_t at, const struct conf_node *map)
{
	struct trigger_field *node = &g->s->nodes[at];

	if (!map || conf_node_kind(map) != CONF_MAP || conf_node_count(map) == 0) {
		TRIGGER_COMPLAIN(g->rd, map ? map : g->from[at],
			"write properties: {mood: {type: string}}", "this object has no fields");
		return;
	}
	node->first = g->s->n;
	for (size_t i = 0; i < conf_node_count(map); i++) {
		const struct conf_node *key = conf_node_key(map, i);

		if (!is_key(conf_node_text(key)))
			TRIGGER_COMPLAIN(g->rd, key, "letters, digits and _",
				"\"%.*s\" cannot be the name of a field",
				STR_FMT(conf_node_text(key)));
		else if (!add_node(g, conf_node_value(map, i), conf_node_text(key),
				node->depth + 1))
			return;
		else
			node->n++;
	}
}

static void read_required(struct schema_reading *g, size_t at, const struct conf_texts *names)
{
	const struct trigger_field *node = &g->s->nodes[at];

	for (size_t i = 0; i < names->n; i++) {
		struct trigger_field *field = NULL;

		for (size_t k = node->first; k < node->first + node->n && !field; k++)
			if (strcmp(g->s->nodes[k].key, names->at[i]) == 0)
				field = &g->s->nodes[k];
		if (field)
			field->is_required = true;
		else
			TRIGGER_COMPLAIN(g->rd, conf_node_find(g->from[at], "required"),
				"name fields that stand in properties:",
				"there is no field \"%s\"", names->at[i]);
	}
}

static bool is_number(const char *text, bool is_whole)
{
	struct json *v = NULL;
	bool is_good = json_parse(str_of(text), KEY_BYTES, &v, NULL) == 0 && json_is_number(v);

	is_good = is_good && (!is_whole || json_is_whole(v));
	json_free(v);
	return is_good;
}

/* Keywords of other kinds, and numbers that leave nothing. */
static void check_keywords(struct schema_reading *g, size_t at)
{
	const struct trigger_field *node = &g->s->nodes[at];
	const struct conf_node *from = g->from[at];

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		const struct conf_node *n = conf_node_find(from, uses[i].name);

		if (n && !(uses[i].kinds & 1u << node->kind))
			TRIGGER_COMPLAIN(g->rd, n, "leave it out, or say another type:",
				"%s: is for %s, this is %s %s", uses[i].name, uses[i].whose,
				node->kind < FIELD_STRING || node->kind == FIELD_INTEGER ? "an"
											   : "a",
				kinds[node->kind]);
	}
	if ((node->has_min && node->has_max && node->min > node->max) ||
			(node->max_length >= 0 && node->min_length > node->max_length) ||
			(node->max_items >= 0 && node->min_items > node->max_items))
		TRIGGER_COMPLAIN(g->rd, from, "the smaller number is the least",
			"no value is within these bounds");
	for (size_t i = 0; i < node->choices.n; i++)
		if (node->kind != FIELD_STRING &&
				!is_number(node->choices.at[i], node->kind == FIELD_INTEGER))
			TRIGGER_COMPLAIN(g->rd, conf_node_find(from, "enum"),
				"numbers, or type: string", "\"%s\" is no %s", node->choices.at[i],
				kinds[node->kind]);
}

static void read_node(struct schema_reading *g, size_t at)
{
	struct trigger_reading *rd = g->rd;
	const struct conf_node *from = g->from[at];
	struct trigger_field *node = &g->s->nodes[at];
	struct draft d = {.node = {.key = node->key, .depth = node->depth}};

	if (conf_node_kind(from) != CONF_MAP) {
		TRIGGER_COMPLAIN(rd, from, "write {type: string}", "this is no schema");
		return;
	}
	trigger_reading_note(rd, conf_read(rd->report, rd->file, from, options, OPTIONS, &d));
	d.node.is_required = node->is_required;
	d.node.has_min = conf_node_find(from, "minimum");
	d.node.has_max = conf_node_find(from, "maximum");
	*node = d.node;
	if (!conf_node_find(from, "type"))
		TRIGGER_COMPLAIN(rd, from, "object, array, string, number, integer or boolean",
			"this schema does not say its type:");
	if (node->pattern_text && conf_node_find(from, "pattern"))
		node->pattern = trigger_pattern_read(rd, conf_node_find(from, "pattern"));
	check_keywords(g, at);
	if (node->kind == FIELD_OBJECT) {
		read_properties(g, at, d.properties);
		read_required(g, at, &d.required);
	} else if (node->kind == FIELD_ARRAY) {
		node->first = g->s->n;
		if (!d.items)
			TRIGGER_COMPLAIN(rd, from, "write items: {type: string}",
				"this array does not say what its items are");
		else if (add_node(g, d.items, (struct str){NULL, 0}, node->depth + 1))
			node->n = 1;
	}
	conf_texts_free(&d.required);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int add_limit(struct buf *out, const char *name, int64_t n, int64_t none)
{
	return n == none ? 0 : buf_addf(out, ",\"%s\":%lld", name, (long long)n);
}

static int add_number(struct buf *out, const char *name, bool has, double n)
{
	return has ? buf_addf(out, ",\"%s\":%.15g", name, n) : 0;
}

static int add_text(struct buf *out, const char *name, const char *text)
{
	int err = text ? buf_addf(out, ",\"%s\":", name) : 0;

	return err || !text ? err : json_add_string(out, str_of(text));
}

static int add_choices(struct buf *out, const struct trigger_field *node)
{
	int err = node->choices.n > 0 ? buf_adds(out, ",\"enum\":[") : 0;

	for (size_t i = 0; i < node->choices.n && !err; i++) {
		if (i > 0)
			err = buf_addc(out, ',');
		if (!err && node->kind == FIELD_STRING)
			err = json_add_string(out, str_of(node->choices.at[i]));
		else if (!err)
			err = buf_adds(out, node->choices.at[i]);
	}
	return err || node->choices.n == 0 ? err : buf_addc(out, ']');
}

static int add_required(struct buf *out, const struct trigger_schema *s,
	const struct trigger_field *node)
{
	int err = 0, n = 0;

	for (size_t i = node->first; i < node->first + node->n && !err; i++) {
		if (!s->nodes[i].is_required)
			continue;
		err = buf_addf(out, "%s\"%s\"", n++ ? "," : ",\"required\":[", s->nodes[i].key);
	}
	return err || n == 0 ? err : buf_addc(out, ']');
}

/* All of a node but what it holds, and its closing brace. */
static int open_node(
	struct buf *out, const struct trigger_schema *s, const struct trigger_field *node)
{
	int err = node->key ? buf_addf(out, "\"%s\":", node->key) : 0;

	if (!err)
		err = buf_addf(out, "{\"type\":\"%s\"", kinds[node->kind]);
	if (!err)
		err = add_text(out, "description", node->description);
	if (!err)
		err = add_choices(out, node);
	if (!err)
		err = add_number(out, "minimum", node->has_min, node->min);
	if (!err)
		err = add_number(out, "maximum", node->has_max, node->max);
	if (!err)
		err = add_limit(out, "minLength", node->min_length, 0);
	if (!err)
		err = add_limit(out, "maxLength", node->max_length, -1);
	if (!err)
		err = add_limit(out, "minItems", node->min_items, 0);
	if (!err)
		err = add_limit(out, "maxItems", node->max_items, -1);
	if (!err)
		err = add_text(out, "pattern", node->pattern_text);
	if (!err && node->kind == FIELD_OBJECT)
		err = add_required(out, s, node);
	if (!err && node->n > 0)
		err = buf_adds(out,
			node->kind == FIELD_OBJECT ? ",\"properties\":{" : ",\"items\":");
	return err;
}

static int close_node(struct buf *out, const struct trigger_field *node)
{
	return buf_adds(out, node->kind == FIELD_OBJECT && node->n > 0 ? "}}" : "}");
}

static int write_json(const struct trigger_schema *s, struct buf *out)
{
	struct { const struct trigger_field *node; size_t next; } stack[TRIGGER_FIELD_DEPTH + 1];
	size_t depth = 1;
	int err = open_node(out, s, &s->nodes[0]);

	stack[0].node = &s->nodes[0];
	stack[0].next = 0;
	while (depth > 0 && !err) {
		const struct trigger_field *top = stack[depth - 1].node;
		const size_t i = stack[depth - 1].next++;

		if (i == top->n) {
			err = close_node(out, top);
			depth--;
			continue;
		}
		if (i > 0)
			err = buf_addc(out, ',');
		if (!err)
			err = open_node(out, s, &s->nodes[top->first + i]);
		stack[depth].node = &s->nodes[top->first + i];
		stack[depth++].next = 0;
	}
	return err;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void keep_json(struct trigger_reading *rd, const struct conf_node *n,
	struct trigger_schema *s)
{
	struct buf out;
	int err;

	buf_init(&out, JSON_BYTES);
	err = write_json(s, &out);
	if (err == ERR_LIMIT)
		TRIGGER_COMPLAIN(rd, n, "ask for less", "a schema is at most %d bytes long",
			JSON_BYTES);
	s->json = buf_take(&out);
	rd->is_nomem = rd->is_nomem || err == ERR_NOMEM || !s->json;
}

void trigger_schema_read(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t)
{
	struct schema_reading g = {.rd = rd};

	if (!n)
		return;
	t->schema = g.s = mem_new(sizeof(*g.s));
	if (!g.s) {
		rd->is_nomem = true;
		return;
	}
	(void)add_node(&g, n, (struct str){NULL, 0}, 0);
	for (size_t i = 0; i < g.s->n && !rd->is_nomem; i++)
		read_node(&g, i);
	if (!rd->is_bad && g.s->nodes[0].kind != FIELD_OBJECT)
		TRIGGER_COMPLAIN(rd, n, "write type: object and properties: below schema:",
			"an answer is an object");
	if (!rd->is_bad && !rd->is_nomem)
		keep_json(rd, n, g.s);
}

void trigger_schema_free(struct trigger_schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		mem_free(s->nodes[i].key);
		mem_free(s->nodes[i].description);
		mem_free(s->nodes[i].pattern_text);
		conf_texts_free(&s->nodes[i].choices);
		pattern_free(s->nodes[i].pattern);
	}
	mem_free(s->json);
	mem_free(s);
}

const char *trigger_schema_text(const struct trigger_schema *s)
{
	return s->json;
}

bool trigger_schema_has(const struct trigger_schema *s, struct str path)
{
	const struct trigger_field *node = &s->nodes[0];

	while (path.len > 0) {
		const struct str key = str_split(&path, '.');
		const struct trigger_field *field = NULL;

		for (size_t i = node->first; i < node->first + node->n && !field; i++)
			if (s->nodes[i].key && str_is(key, s->nodes[i].key))
				field = &s->nodes[i];
		if (!field)
			return false;
		node = field;
	}
	return node != &s->nodes[0];
}
