/* The tape: simdjson judges the text and gives its words; items are made of them here.
 *
 * It reads a MESSAGE_CREATE of 1.5 KB in 1 us, and the items cost 1 more; of Debian's C parsers
 * jsmn, which judges nothing, needs 3, cJSON 5, yajl 7, json-c 17. What it does not judge, equal
 * keys above all, is judged here; where it is stricter than json.h, json.h has the last word. */
#include "base/json_tape.h"

#include <string.h>

#include "base/json.h"
#include "base/json_item.h"
#include "base/json_lint.h"
#include "base/json_simd.h"
#include "base/mem.h"

/* Real texts have 10 bytes an item and more; one item costs 48. */
#define BYTES_PER_ITEM 8
#define ITEMS_MIN 1024
#define ITEMS_FEW 64 /* room for the first */
#define ESCAPED_BYTES 6 /* of one byte at most: \u007f */

#define PAYLOAD ((UINT64_C(1) << 56) - 1)

/* A container that is open; the outermost has nothing but the root. */
struct level {
	size_t at;      /* its item */
	size_t last;    /* its latest child */
	uint32_t count; /* children so far */
	bool is_object;
	uint64_t seen; /* a bit for each key: a key whose bit is not set is new */
};

struct json_tape {
	struct json_simd *simd; /* made by the first parse */
	size_t max_bytes, max_items;
	struct json_item *items;
	size_t n, items_cap;

	/* Of the text that is being read. */
	const char *strings;
	bool has_slash; /* a backslash somewhere */
	struct level levels[JSON_DEPTH_MAX + 1];
	size_t depth;
	const char *why;
};

static int refuse(struct json_tape *t, int err, const char *why)
{
	t->why = why;
	return err;
}

int json_tape_new(size_t max_bytes, struct json_tape **out)
{
	struct json_tape *t = mem_new(sizeof(*t));

	*out = t;
	if (!t)
		return ERR_NOMEM;
	t->max_bytes = max_bytes < UINT32_MAX ? max_bytes : UINT32_MAX - 1; /* simdjson's own */
	t->max_items = t->max_bytes / BYTES_PER_ITEM + ITEMS_MIN;
	return 0;
}

void json_tape_shrink(struct json_tape *t)
{
	json_simd_free(t->simd);
	mem_free(t->items);
	t->simd = NULL;
	t->items = NULL;
	t->items_cap = t->n = 0;
}

void json_tape_free(struct json_tape *t)
{
	if (!t)
		return;
	json_tape_shrink(t);
	mem_free(t);
}

static struct str string_of(const struct json_tape *t, uint64_t word)
{
	const char *at = t->strings + (word & PAYLOAD);
	uint32_t len;

	memcpy(&len, at, sizeof(len));
	return (struct str){at + sizeof(len), len};
}

static bool has_key(const struct json_tape *t, const struct level *in, struct str key)
{
	const struct json_item *v = &t->items[in->at + 1];

	for (uint32_t i = 0; i < in->count; i++, v += v->span) {
		if (str_eq(v->key, key))
			return true;
	}
	return false;
}

/* Refuses equal keys, and a NUL, as json.h does: there keys are C strings. It gives the reason. */
static int check_key(struct json_tape *t, struct level *in, struct str key)
{
	const unsigned char *s = (const unsigned char *)key.at;
	const size_t n = key.len;
	uint64_t bit = 1;

	if (in->count == JSON_MEMBERS_MAX)
		return refuse(t, ERR_LIMIT, "too many members");
	if (t->has_slash && memchr(s, '\0', n))
		return ERR_PARSE;
	if (n > 0)
		bit = (uint64_t)1 << ((n + s[0] + 3 * s[n / 2] + 5 * s[n - 1]) & 63);
	if ((in->seen & bit) && has_key(t, in, key))
		return ERR_PARSE;
	in->seen |= bit;
	return 0;
}

/* An empty item at the end of the tape, child of the innermost container. */
static int add_item(struct json_tape *t, struct level *in, struct str key)
{
	if (t->n == t->max_items)
		return refuse(t, ERR_LIMIT, "too many items");
	if (t->n == t->items_cap) {
		const size_t more = t->items_cap + t->items_cap / 2 + ITEMS_FEW;
		struct json_item *bigger = mem_resize(t->items, more * sizeof(*bigger));
		if (!bigger)
			return refuse(t, ERR_NOMEM, "no memory");
		t->items = bigger;
		t->items_cap = more;
	}
	t->items[t->n] = (struct json_item){.key = key, .span = 1};
	in->last = t->n++;
	in->count++;
	return 0;
}

static int open_container(struct json_tape *t, bool is_object)
{
	if (t->depth == JSON_DEPTH_MAX)
		return ERR_PARSE; /* json.h says that it is too deep */
	t->levels[++t->depth] = (struct level){.at = t->n - 1, .is_object = is_object};
	return 0;
}

static void close_container(struct json_tape *t)
{
	const struct level *in = &t->levels[t->depth--];
	struct json_item *v = &t->items[in->at];

	v->count = in->count;
	v->span = (uint32_t)(t->n - in->at);
	if (in->count > 0)
		t->items[in->last].is_last = true;
}

/* The value that starts at *w, into the last item. *w moves on to its last word. */
static int read_value(struct json_tape *t, const uint64_t **w)
{
	struct json_item *v = &t->items[t->n - 1];
	const uint64_t word = **w;

	switch (word >> 56) {
	case '"':
		v->kind = JSON_STRING;
		v->text = string_of(t, word);
		return 0;
	case 't': v->kind = JSON_TRUE; return 0;
	case 'f': v->kind = JSON_FALSE; return 0;
	case 'l':
		v->kind = JSON_INTEGER;
		memcpy(&v->integer, ++*w, sizeof(v->integer));
		return 0;
	case 'u': /* beyond all int64_t */
		v->kind = JSON_REAL;
		v->real = (double)*++*w;
		return 0;
	case 'd':
		v->kind = JSON_REAL;
		memcpy(&v->real, ++*w, sizeof(v->real));
		return 0;
	case '{': v->kind = JSON_OBJECT; return open_container(t, true);
	case '[': v->kind = JSON_ARRAY; return open_container(t, false);
	default: v->kind = JSON_NULL; return 0;
	}
}

static int read_words(struct json_tape *t, const struct json_words *words)
{
	int err = 0;

	t->strings = words->strings;
	t->n = t->depth = 0;
	t->levels[0] = (struct level){0};
	for (const uint64_t *w = words->at; !err && w < words->end; w++) {
		struct level *in = &t->levels[t->depth];
		struct str key = {NULL, 0};
		if (*w >> 56 == '}' || *w >> 56 == ']') {
			close_container(t);
			continue;
		}
		if (in->is_object) {
			key = string_of(t, *w++);
			err = check_key(t, in, key);
		}
		if (!err)
			err = add_item(t, in, key);
		if (!err)
			err = read_value(t, &w);
	}
	if (!err)
		t->items[0].is_last = true;
	return err;
}

/* ERR_PARSE has no reason yet. */
static int read_text(struct json_tape *t, struct str text)
{
	struct json_words words;
	int err;

	if (!t->simd)
		t->simd = json_simd_new();
	err = t->simd ? json_simd_parse(t->simd, text, &words) : ERR_NOMEM;
	if (err == ERR_NOMEM)
		return refuse(t, err, "no memory");
	t->has_slash = text.len > 0 && memchr(text.at, '\\', text.len);
	return err ? err : read_words(t, &words);
}

/* A text that was refused, and why. If json.h takes it, it is read as json.h understood it: then
 * half a surrogate pair is U+FFFD, and an integer beyond 64 bits the nearest that is not. */
static int look_again(struct json_tape *t, struct str text)
{
	struct json *doc;
	struct buf plain;
	size_t members;
	int err;

	if (text.len > JSON_ODD_BYTES) {
		err = json_lint(text, &members, &t->why);
		return err ? err : refuse(t, ERR_LIMIT, "not plain, and too long to look again");
	}
	err = json_parse(text, text.len, &doc, &t->why);
	if (err)
		return err;
	buf_init(&plain, JSON_ODD_BYTES * ESCAPED_BYTES);
	err = json_add(&plain, doc);
	t->why = err ? "no memory" : "a number beyond all doubles";
	if (!err)
		err = read_text(t, buf_str(&plain));
	buf_fini(&plain);
	json_free(doc);
	return err;
}

int json_tape_parse(struct json_tape *t, struct str text, const struct json_item **root,
	const char **why)
{
	int err;

	if (text.len > t->max_bytes)
		err = refuse(t, ERR_LIMIT, "too long");
	else
		err = read_text(t, text);
	if (err == ERR_PARSE)
		err = look_again(t, text);
	*root = err ? NULL : t->items;
	if (err && why)
		*why = t->why;
	return err;
}
