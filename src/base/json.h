/* base/json.h: the strict JSON door. Hides json-c.
 *
 * Accepts exactly one RFC 8259 value: valid UTF-8, no NaN, no comments, no trailing bytes, no
 * duplicate keys, depth <= JSON_DEPTH_MAX. A struct json is one node of a document; the root owns
 * everything, nodes are BORROWED from it. Absent members, wrong types and NULL nodes are ordinary:
 * getters give the fallback, so a chain of getters needs no checks. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#define JSON_DEPTH_MAX 32 /* faults.md section 7 */

struct json;

/* GIVES a document (json_free). ERR_PARSE, ERR_LIMIT (longer than max_bytes, too deep), ERR_NOMEM.
 * why, if not NULL, gets a short static reason. */
int json_parse(struct str text, size_t max_bytes, struct json **out, const char **why) MUST_USE;
void json_free(struct json *root);

bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
bool json_is_string(const struct json *v);
bool json_is_bool(const struct json *v);
bool json_is_true(const struct json *v);
bool json_is_number(const struct json *v); /* one that a double can hold */
bool json_is_whole(const struct json *v);  /* such, and without a fraction: 2 and 2.0 */
double json_value(const struct json *v);   /* of a number, else 0 */
const struct json *json_get(const struct json *object, const char *key); /* NULL when absent/null */
size_t json_count(const struct json *array);
const struct json *json_at(const struct json *array, size_t i);
struct str json_str(const struct json *object, const char *key); /* empty when not a string */
struct str json_text(const struct json *v);                      /* of a string node */
int64_t json_int(const struct json *object, const char *key, int64_t fallback);
double json_number(const struct json *object, const char *key, double fallback);
bool json_bool(const struct json *object, const char *key, bool fallback);
/* Calls each(ctx, key, value) for every member, in document order. */
void json_each(const struct json *object,
	void (*each)(void *ctx, const char *key, const struct json *value), void *ctx);

/* Writing is done straight into a buffer, without a tree.  Adds a quoted, escaped string; bytes
 * that are not UTF-8 become U+FFFD. */
int json_add_string(struct buf *out, struct str s) MUST_USE;
/* Adds a node with all that it holds, in document order and without white space; numbers as they
 * were spelled, if they fit 64 bits or have a point. NULL is null. On failure nothing was added. */
int json_add(struct buf *out, const struct json *v) MUST_USE;

#endif
