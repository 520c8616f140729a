/* base/json_tape.h: a JSON text read into one flat array, for paths that read thousands a second.
 * Hides simdjson.
 *
 * It accepts what base/json.h accepts and refuses the rest with the same errors; but it refuses
 * numbers that no double can hold, objects of more than JSON_MEMBERS_MAX members, and texts of more
 * than JSON_ODD_BYTES that simdjson alone cannot judge. The tape is reused: after its longest text,
 * a parse allocates nothing, unless the text is an odd one. Items stand in the order of the text,
 * each container before what it holds; all, and their strings, are BORROWED from the tape until its
 * next parse. As in json.h, absent members, wrong types and NULL items are ordinary: getters give
 * the fallback, so a chain of them needs no checks. */
#ifndef BASE_JSON_TAPE_H
#define BASE_JSON_TAPE_H

#include "base/buf.h"

/* A guild of Discord, the widest object there is, has some 70. Each key may be compared with all
 * before it. */
#define JSON_MEMBERS_MAX 256
/* What simdjson refuses goes to json-c, which needs up to 120 times its length. */
#define JSON_ODD_BYTES (256 * 1024)

struct json_tape;
struct json_item;

/* max_bytes: of one text. ERR_NOMEM. */
int json_tape_new(size_t max_bytes, struct json_tape **out) MUST_USE;
void json_tape_free(struct json_tape *t);
/* Gives up what a large text left behind; items are gone. */
void json_tape_shrink(struct json_tape *t);

/* Reads one text. ERR_PARSE, ERR_LIMIT (too long, too deep, too many items or members), ERR_NOMEM.
 * why, if not NULL, gets a short static reason. */
int json_tape_parse(struct json_tape *t, struct str text, const struct json_item **root,
	const char **why) MUST_USE;

bool json_item_is_object(const struct json_item *v);
bool json_item_is_array(const struct json_item *v);
bool json_item_is_string(const struct json_item *v);
const struct json_item *json_item_get(const struct json_item *object, const char *key);
/* Elements of an array, values of an object: the first, then each after it; NULL at the end. */
const struct json_item *json_item_first(const struct json_item *container);
const struct json_item *json_item_next(const struct json_item *v);
struct str json_item_key(const struct json_item *member); /* empty when it is none */
size_t json_item_count(const struct json_item *container);
struct str json_item_text(const struct json_item *v); /* of a string, unescaped; else empty */
struct str json_item_str(const struct json_item *object, const char *key);
int64_t json_item_int(const struct json_item *object, const char *key, int64_t fallback);
int64_t json_item_number(const struct json_item *v, int64_t fallback); /* of an integer itself */
bool json_item_bool(const struct json_item *object, const char *key, bool fallback);

#endif
