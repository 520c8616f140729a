/* The strict JSON door. json-c builds the tree; json_lint.c has looked at the text before. */
#include "base/json.h"

#define json_bool jsonc_bool /* json-c has a type of the name of our function */
#include <json-c/json.h>
#undef json_bool
#include <limits.h>
#include <math.h>

#include "base/json_lint.h"
#include "base/text.h"

static struct json_object *of(const struct json *v)
{
	return (struct json_object *)(uintptr_t)v;
}

static const struct json *node(struct json_object *v)
{
	return (const struct json *)v;
}

/* A container on the way down, and where in it we are. */
struct level {
	struct json_object *at;
	struct lh_entry *entry; /* next member of an object */
	size_t i;               /* next item of an array */
};

static struct level enter(struct json_object *v)
{
	bool is_object = json_object_is_type(v, json_type_object);

	return (struct level){v, is_object ? json_object_get_object(v)->head : NULL, 0};
}

/* Next child of a container; false when there is none left. */
static bool step(struct level *l, struct json_object **child)
{
	if (json_object_is_type(l->at, json_type_object)) {
		if (!l->entry)
			return false;
		*child = lh_entry_v(l->entry);
		l->entry = l->entry->next;
		return true;
	}
	if (l->i >= json_object_array_length(l->at))
		return false;
	*child = json_object_array_get_idx(l->at, l->i++);
	return true;
}

static bool is_container(struct json_object *v)
{
	return json_object_is_type(v, json_type_object) || json_object_is_type(v, json_type_array);
}

/* Members of all objects of a tree that is at most JSON_DEPTH_MAX deep. */
static size_t count_members(struct json_object *root)
{
	struct level stack[JSON_DEPTH_MAX];
	size_t depth = 0, members = 0;
	struct json_object *v = root;

	if (!is_container(root))
		return 0;
	stack[depth++] = enter(root);
	while (depth > 0) {
		if (!step(&stack[depth - 1], &v)) {
			depth--;
			continue;
		}
		members += json_object_is_type(stack[depth - 1].at, json_type_object);
		if (is_container(v))
			stack[depth++] = enter(v);
	}
	return members;
}

/* Lets json-c read text that json_lint passed. NULL and json_tokener_success is the value null. */
static enum json_tokener_error build(struct json_tokener *tok, struct str text,
	struct json_object **out)
{
	*out = json_tokener_parse_ex(tok, text.at, (int)text.len);
	enum json_tokener_error got = json_tokener_get_error(tok);
	if (got == json_tokener_continue) {
		/* A bare number ends only where the text ends: json-c wants to see a NUL there. */
		*out = json_tokener_parse_ex(tok, "", 1);
		return json_tokener_get_error(tok);
	}
	if (got != json_tokener_success)
		return got;

	struct str rest = text;
	rest.at += json_tokener_get_parse_end(tok);
	rest.len -= json_tokener_get_parse_end(tok);
	return str_trim(rest).len == 0 ? got : json_tokener_error_parse_unexpected;
}

int json_parse(struct str text, size_t max_bytes, struct json **out, const char **why)
{
	struct json_object *root = NULL;
	struct json_tokener *tok = NULL;
	const char *reason = NULL;
	size_t members;
	int err;

	*out = NULL;
	if (text.len > max_bytes || text.len > INT_MAX) {
		reason = "too long";
		err = ERR_LIMIT;
		goto out;
	}
	err = json_lint(text, &members, &reason);
	if (err)
		goto out;
	tok = json_tokener_new_ex(JSON_DEPTH_MAX + 1); /* json_lint counted the depth */
	if (!tok) {
		reason = "no memory";
		err = ERR_NOMEM;
		goto out;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	enum json_tokener_error got = build(tok, text, &root);
	if (got != json_tokener_success) {
		reason = got == json_tokener_continue ? "unexpected end"
						      : json_tokener_error_desc(got);
		err = ERR_PARSE;
		goto out;
	}
	/* json-c lets the last of two equal keys win: then the tree has fewer members. */
	if (count_members(root) != members) {
		reason = "duplicate key";
		err = ERR_PARSE;
		goto out;
	}
	*out = (struct json *)root;
	root = NULL;
out:
	json_object_put(root);
	if (tok)
		json_tokener_free(tok);
	if (err && why)
		*why = reason;
	return err;
}

void json_free(struct json *root)
{
	json_object_put(of(root));
}

bool json_is_object(const struct json *v)
{
	return json_object_is_type(of(v), json_type_object);
}

bool json_is_array(const struct json *v)
{
	return json_object_is_type(of(v), json_type_array);
}

bool json_is_string(const struct json *v)
{
	return json_object_is_type(of(v), json_type_string);
}

bool json_is_bool(const struct json *v)
{
	return json_object_is_type(of(v), json_type_boolean);
}

bool json_is_true(const struct json *v)
{
	return json_is_bool(v) && json_object_get_boolean(of(v));
}

bool json_is_number(const struct json *v)
{
	/* 1e999 is well-formed */
	return (json_object_is_type(of(v), json_type_double) ||
		       json_object_is_type(of(v), json_type_int)) &&
		isfinite(json_object_get_double(of(v)));
}

bool json_is_whole(const struct json *v)
{
	return json_is_number(v) && json_value(v) == floor(json_value(v));
}

double json_value(const struct json *v)
{
	return json_is_number(v) ? json_object_get_double(of(v)) : 0;
}

const struct json *json_get(const struct json *object, const char *key)
{
	struct json_object *v = NULL;

	if (!json_is_object(object) || !json_object_object_get_ex(of(object), key, &v))
		return NULL;
	return node(v);
}

size_t json_count(const struct json *array)
{
	return json_is_array(array) ? json_object_array_length(of(array)) : 0;
}

const struct json *json_at(const struct json *array, size_t i)
{
	return i < json_count(array) ? node(json_object_array_get_idx(of(array), i)) : NULL;
}

struct str json_str(const struct json *object, const char *key)
{
	return json_text(json_get(object, key));
}

struct str json_text(const struct json *v)
{
	if (!json_is_string(v))
		return (struct str){NULL, 0};
	/* A string may hold a NUL, so its length is asked for. */
	const size_t len = (size_t)json_object_get_string_len(of(v));
	return (struct str){json_object_get_string(of(v)), len};
}

int64_t json_int(const struct json *object, const char *key, int64_t fallback)
{
	struct json_object *v = of(json_get(object, key));

	if (json_object_is_type(v, json_type_double)) {
		double d = json_object_get_double(v);
		/* 2^63 is a double, 2^63 - 1 is not. */
		return d == floor(d) && d >= -0x1p63 && d < 0x1p63 ? (int64_t)d : fallback;
	}
	if (!json_object_is_type(v, json_type_int))
		return fallback;
	/* json-c saturates: a value at the edge is one that did not fit. */
	int64_t n = json_object_get_int64(v);
	return n == INT64_MAX || n == INT64_MIN ? fallback : n;
}

double json_number(const struct json *object, const char *key, double fallback)
{
	struct json_object *v = of(json_get(object, key));

	if (!json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int))
		return fallback;
	double d = json_object_get_double(v);
	return isfinite(d) ? d : fallback; /* 1e999 is well-formed */
}

bool json_bool(const struct json *object, const char *key, bool fallback)
{
	struct json_object *v = of(json_get(object, key));

	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : fallback;
}

void json_each(const struct json *object,
	void (*each)(void *ctx, const char *key, const struct json *value), void *ctx)
{
	struct json_object_iter it;

	if (!json_is_object(object))
		return;
	json_object_object_foreachC(of(object), it)
		each(ctx, it.key, node(it.val));
}

/* One code point inside quotes. */
static int add_escaped(struct buf *out, int32_t c)
{
	switch (c) {
	case '"': return buf_adds(out, "\\\"");
	case '\\': return buf_adds(out, "\\\\");
	case '\b': return buf_adds(out, "\\b");
	case '\f': return buf_adds(out, "\\f");
	case '\n': return buf_adds(out, "\\n");
	case '\r': return buf_adds(out, "\\r");
	case '\t': return buf_adds(out, "\\t");
	/* Line ends to JavaScript and to some terminals. */
	case 0x2028: return buf_adds(out, "\\u2028");
	case 0x2029: return buf_adds(out, "\\u2029");
	}
	if (c < 0x20 || (c >= 0x7F && c <= 0x9F))
		return buf_addf(out, "\\u%04x", (unsigned)c);
	return text_put(out, c);
}

/* How many bytes from at on can be copied as they are. */
static size_t count_clean(struct str s, size_t at)
{
	size_t i = at;

	while (i < s.len && s.at[i] >= 0x20 && s.at[i] < 0x7F && s.at[i] != '"' && s.at[i] != '\\')
		i++;
	return i - at;
}

int json_add_string(struct buf *out, struct str s)
{
	const size_t before = out->len;
	int err = buf_addc(out, '"');

	for (size_t at = 0; !err && at < s.len;) {
		size_t n = count_clean(s, at);
		if (n > 0) {
			err = buf_add(out, s.at + at, n);
			at += n;
		} else {
			err = add_escaped(out, text_next(s, &at));
		}
	}
	if (!err)
		err = buf_addc(out, '"');
	if (err)
		buf_truncate(out, before);
	return err;
}

int json_add(struct buf *out, const struct json *v)
{
	size_t n = 0;
	const char *text;

	if (!v)
		return buf_adds(out, "null");
	/* The text belongs to the node; a tree is at most JSON_DEPTH_MAX deep, so json-c may
	 * recurse. */
	text = json_object_to_json_string_length(of(v),
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
	return text ? buf_add(out, text, n) : ERR_NOMEM;
}
