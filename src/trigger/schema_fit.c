/* Does an answer fit its schema? Walks both with a stack of its own, no deeper than the schema is.
 * What is wrong is told in words of the schema alone: the answer was made of what chat said. */
#include "trigger/room.h"

#include <string.h>

#define ANSWER_BYTES (16 * 1024) /* a completion has no more */
#define FENCE "```"

struct spot {
	const struct trigger_field *node;
	const struct json *value;
	size_t next; /* of its properties or items */
};

struct fitting {
	const struct trigger_schema *s;
	struct pattern_engine *engine;
	struct spot stack[TRIGGER_FIELD_DEPTH + 1];
	size_t depth;
	struct buf *why;
	int err;
};

/* ---- What is wrong --------------------------------------------------------------------------- */

/* "pets[2].name", of what the stack stands at, and node below it. */
static int add_path(struct fitting *f, const struct trigger_field *node)
{
	int err = 0;

	for (size_t i = 0; i < f->depth && !err; i++) {
		const struct spot *l = &f->stack[i];
		const char *key = i + 1 < f->depth ? f->stack[i + 1].node->key : node->key;

		if (l->node->kind == FIELD_ARRAY)
			err = buf_addf(f->why, "[%zu]", l->next);
		else
			err = buf_addf(f->why, "%s%s", i > 0 ? "." : "", key);
	}
	return err;
}

static bool refuse(struct fitting *f, const struct trigger_field *node, const char *what)
{
	int err = add_path(f, node);

	if (!err)
		err = buf_addf(f->why, "%s%s", f->why->len > 0 ? " " : "the answer ", what);
	f->err = err == ERR_NOMEM ? ERR_NOMEM : ERR_INVALID; /* a long path is cut */
	return false;
}

static bool refuse_limit(struct fitting *f, const struct trigger_field *node, const char *what,
	int64_t limit, const char *of)
{
	struct buf clause;
	bool is_good = false;

	buf_init(&clause, 100);
	if (buf_addf(&clause, "%s %lld %s", what, (long long)limit, of) == 0)
		is_good = refuse(f, node, buf_text(&clause));
	else
		f->err = ERR_NOMEM;
	buf_fini(&clause);
	return is_good;
}

/* ---- One value ------------------------------------------------------------------------------- */

static bool is_kind(int kind, const struct json *v)
{
	switch ((enum trigger_field_kind)kind) {
	case FIELD_OBJECT: return json_is_object(v);
	case FIELD_ARRAY: return json_is_array(v);
	case FIELD_STRING: return json_is_string(v);
	case FIELD_NUMBER: return json_is_number(v);
	case FIELD_INTEGER: return json_is_whole(v);
	case FIELD_BOOLEAN: return json_is_bool(v);
	}
	return false;
}

static bool is_choice(const struct trigger_field *node, const struct json *v)
{
	for (size_t i = 0; i < node->choices.n; i++) {
		struct json *choice = NULL;
		bool is_it;

		if (node->kind == FIELD_STRING) {
			is_it = str_is(json_text(v), node->choices.at[i]);
		} else {
			is_it = json_parse(str_of(node->choices.at[i]), ANSWER_BYTES, &choice,
					NULL) == 0 &&
				json_value(choice) == json_value(v);
			json_free(choice);
		}
		if (is_it)
			return true;
	}
	return node->choices.n == 0;
}

static bool string_fits(struct fitting *f, const struct trigger_field *node, const struct json *v)
{
	const struct str text = json_text(v);
	const int64_t length = (int64_t)text_points(text);

	if (length < node->min_length)
		return refuse_limit(f, node, "must have at least", node->min_length, "characters");
	if (node->max_length >= 0 && length > node->max_length)
		return refuse_limit(f, node, "must have at most", node->max_length, "characters");
	if (node->pattern && pattern_match(node->pattern, f->engine, text, NULL, NULL) != 1)
		return refuse(f, node, "does not match its pattern");
	return true;
}

static bool number_fits(struct fitting *f, const struct trigger_field *node, const struct json *v)
{
	if (node->has_min && json_value(v) < node->min)
		return refuse(f, node, "is below its minimum");
	if (node->has_max && json_value(v) > node->max)
		return refuse(f, node, "is above its maximum");
	return true;
}

static bool array_fits(struct fitting *f, const struct trigger_field *node, const struct json *v)
{
	const int64_t count = (int64_t)json_count(v);

	if (count < node->min_items)
		return refuse_limit(f, node, "must have at least", node->min_items, "items");
	if (node->max_items >= 0 && count > node->max_items)
		return refuse_limit(f, node, "must have at most", node->max_items, "items");
	return true;
}

/* What it holds is another step's. */
static bool value_fits(struct fitting *f, const struct trigger_field *node, const struct json *v)
{
	if (!is_kind(node->kind, v))
		return refuse(f, node, "has another type than it must have");
	if (!is_choice(node, v))
		return refuse(f, node, "is none of the values there are");
	switch ((enum trigger_field_kind)node->kind) {
	case FIELD_STRING: return string_fits(f, node, v);
	case FIELD_NUMBER:
	case FIELD_INTEGER: return number_fits(f, node, v);
	case FIELD_ARRAY: return array_fits(f, node, v);
	case FIELD_OBJECT:
	case FIELD_BOOLEAN: break;
	}
	return true;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static void enter(struct fitting *f, const struct trigger_field *node, const struct json *v)
{
	f->stack[f->depth++] = (struct spot){node, v, 0};
}

/* The next field or item of the topmost value. False when there is none, or it does not fit. */
static bool step(struct fitting *f)
{
	struct spot *top = &f->stack[f->depth - 1];
	const bool is_array = top->node->kind == FIELD_ARRAY;
	const size_t n = is_array ? json_count(top->value) : top->node->n;
	const struct trigger_field *node = NULL;
	const struct json *v = NULL;

	for (; top->next < n && !v; top->next += !v) {
		node = &f->s->nodes[top->node->first + (is_array ? 0 : top->next)];
		v = is_array ? json_at(top->value, top->next) : json_get(top->value, node->key);
		if (!v && (is_array || node->is_required))
			return refuse(f, node, "is missing");
	}
	if (!v)
		return false;
	if (!value_fits(f, node, v))
		return false;
	if (node->n > 0)
		enter(f, node, v);
	else
		top->next++;
	return true;
}

static int fit(struct fitting *f, const struct json *v)
{
	if (!value_fits(f, &f->s->nodes[0], v))
		return f->err;
	enter(f, &f->s->nodes[0], v);
	while (f->depth > 0 && !f->err) {
		if (step(f) || f->err)
			continue;
		f->depth--;
		if (f->depth > 0)
			f->stack[f->depth - 1].next++;
	}
	return f->err;
}

/* The answer itself, or what its first fenced block holds. */
static struct str unwrap(struct str text)
{
	const size_t n = sizeof(FENCE) - 1;
	const char *open = text.len > 0 ? memmem(text.at, text.len, FENCE, n) : NULL;
	struct str rest;
	const char *end;

	text = str_trim(text);
	if (!open || (text.len > 0 && text.at[0] == '{'))
		return text;
	rest = (struct str){open + n, (size_t)(text.at + text.len - open) - n};
	(void)str_split(&rest, '\n'); /* the rest of its first line is the language */
	end = rest.len > 0 ? memmem(rest.at, rest.len, FENCE, n) : NULL;
	return end ? str_trim((struct str){rest.at, (size_t)(end - rest.at)}) : text;
}

int trigger_schema_fit(const struct trigger_schema *schema, struct pattern_engine *g,
	struct str answer, struct json **out, struct buf *why)
{
	struct fitting f = {.s = schema, .engine = g, .why = why};
	const char *reason = "";
	struct json *v = NULL;
	int err;

	buf_clear(why);
	err = json_parse(unwrap(answer), ANSWER_BYTES, &v, &reason);
	if (err == ERR_NOMEM)
		return err;
	if (err)
		return buf_addf(why, "it was no JSON (%s)", reason) == ERR_NOMEM ? ERR_NOMEM
										 : ERR_INVALID;
	err = fit(&f, v);
	if (err) {
		json_free(v);
		return err;
	}
	*out = v;
	return 0;
}
