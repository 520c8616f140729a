#include "json_same.h"

#include <string.h>

/* One container of both documents, side by side. */
struct pair {
	const struct json *object;
	const struct json_item *container, *at;
	const char *differs;
};

static void compare(const struct json *j, const struct json_item *v, const char **differs);

static void compare_members(void *ctx, const char *key, const struct json *value)
{
	struct pair *p = ctx;

	if (p->differs)
		return;
	if (!str_is(json_item_key(p->at), key)) {
		p->differs = "a key";
		return;
	}
	if (json_int(p->object, key, -7) != json_item_int(p->container, key, -7))
		p->differs = "a number";
	if (json_bool(p->object, key, true) != json_item_bool(p->container, key, true) ||
		json_bool(p->object, key, false) != json_item_bool(p->container, key, false))
		p->differs = "a truth";
	if (json_item_get(p->container, key) != (value ? p->at : NULL))
		p->differs = "a member by its name";
	compare(value, p->at, &p->differs);
	p->at = json_item_next(p->at);
}

/* As deep as JSON_DEPTH_MAX at most. */
static void compare(const struct json *j, const struct json_item *v, const char **differs)
{
	struct pair p = {.object = j, .container = v, .at = json_item_first(v)};

	if (json_is_object(j) != json_item_is_object(v) ||
		json_is_array(j) != json_item_is_array(v) ||
		json_is_string(j) != json_item_is_string(v))
		p.differs = "a kind";
	if (!str_eq(json_text(j), json_item_text(v)))
		p.differs = "a string";
	if (json_is_array(j) && json_count(j) != json_item_count(v))
		p.differs = "a count";
	json_each(j, compare_members, &p);
	for (size_t i = 0; !p.differs && i < json_count(j); i++) {
		compare(json_at(j, i), p.at, &p.differs);
		p.at = json_item_next(p.at);
	}
	if (!p.differs && p.at)
		p.differs = "an end";
	if (p.differs)
		*differs = p.differs;
}

/* What of json.h the tape refuses, as json_tape.h says. */
struct beyond {
	size_t members; /* of one object */
	bool is_there;
};

static bool is_beyond(const struct json *j);

static void look_beyond(void *ctx, const char *key, const struct json *value)
{
	struct beyond *b = ctx;

	(void)key;
	b->is_there = b->is_there || ++b->members > JSON_MEMBERS_MAX || is_beyond(value);
}

/* As deep as JSON_DEPTH_MAX at most. */
static bool is_beyond(const struct json *j)
{
	const bool is_scalar = !json_is_object(j) && !json_is_array(j);
	struct beyond b = {0};

	if (j && is_scalar && !json_is_string(j) && !json_is_bool(j))
		return !json_is_number(j); /* one that no double can hold */
	json_each(j, look_beyond, &b);
	for (size_t i = 0; !b.is_there && i < json_count(j); i++)
		b.is_there = is_beyond(json_at(j, i));
	return b.is_there;
}

const char *json_same(struct json_tape *tape, struct str text, size_t max_bytes)
{
	const struct json_item *root;
	struct json *j;
	const char *differs = NULL;
	const char *why = NULL, *why_of_tape = NULL;
	int err = json_parse(text, max_bytes, &j, &why);
	int err_of_tape = json_tape_parse(tape, text, &root, &why_of_tape);

	if (!err != !err_of_tape && is_beyond(j))
		err = err_of_tape;
	if (err != err_of_tape)
		differs = "the verdict";
	else if (err && !why_of_tape)
		differs = "a reason that is missing";
	else if (!err)
		compare(j, root, &differs);
	json_free(j);
	return differs;
}
