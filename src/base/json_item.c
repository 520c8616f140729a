/* What callers ask of the items of a tape. Answers are those of json.h. */
#include "base/json_item.h"

#include <math.h>
#include <string.h>

#include "base/json_tape.h"

static bool is_kind(const struct json_item *v, enum json_kind kind)
{
	return v && v->kind == kind;
}

bool json_item_is_object(const struct json_item *v)
{
	return is_kind(v, JSON_OBJECT);
}

bool json_item_is_array(const struct json_item *v)
{
	return is_kind(v, JSON_ARRAY);
}

bool json_item_is_string(const struct json_item *v)
{
	return is_kind(v, JSON_STRING);
}

size_t json_item_count(const struct json_item *container)
{
	return container ? container->count : 0;
}

const struct json_item *json_item_first(const struct json_item *container)
{
	return json_item_count(container) > 0 ? container + 1 : NULL;
}

const struct json_item *json_item_next(const struct json_item *v)
{
	return v && !v->is_last ? v + v->span : NULL;
}

const struct json_item *json_item_get(const struct json_item *object, const char *key)
{
	const struct str wanted = str_of(key);

	if (!json_item_is_object(object))
		return NULL;
	for (const struct json_item *v = json_item_first(object); v; v = json_item_next(v)) {
		if (v->key.len == wanted.len && memcmp(v->key.at, wanted.at, wanted.len) == 0)
			return v->kind == JSON_NULL ? NULL : v;
	}
	return NULL;
}

struct str json_item_key(const struct json_item *member)
{
	return member ? member->key : (struct str){NULL, 0};
}

struct str json_item_text(const struct json_item *v)
{
	return json_item_is_string(v) ? v->text : (struct str){NULL, 0};
}

struct str json_item_str(const struct json_item *object, const char *key)
{
	return json_item_text(json_item_get(object, key));
}

int64_t json_item_number(const struct json_item *v, int64_t fallback)
{
	/* 2^63 is a double, 2^63 - 1 is not. */
	if (is_kind(v, JSON_REAL) && v->real >= -0x1p63 && v->real < 0x1p63)
		return v->real == floor(v->real) ? (int64_t)v->real : fallback;
	/* The edges are left out because json.h cannot tell them from what did not fit. */
	if (!is_kind(v, JSON_INTEGER) || v->integer == INT64_MAX || v->integer == INT64_MIN)
		return fallback;
	return v->integer;
}

int64_t json_item_int(const struct json_item *object, const char *key, int64_t fallback)
{
	return json_item_number(json_item_get(object, key), fallback);
}

bool json_item_bool(const struct json_item *object, const char *key, bool fallback)
{
	const struct json_item *v = json_item_get(object, key);

	return is_kind(v, JSON_TRUE) || (!is_kind(v, JSON_FALSE) && fallback);
}
