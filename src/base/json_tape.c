/* The tape. jsmn finds where tokens begin and end; that they are strict JSON is held here.
 *
 * Of Debian's C parsers (MESSAGE_CREATE of 1.3 KB): jsmn 2.9 us, cJSON 5, yajl 6.7, json-c 17; and
 * yajl makes bytes that are no UTF-8 of half a surrogate pair. jsmn judges little, so nothing it
 * says is believed but the places of tokens: these and what stands between them are judged here, in
 * the order of the text, and become items. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3") /* it is a third of what an event costs; a tenth less of all so */
#endif
#include "base/json_tape.h"

#define JSMN_STATIC
#define JSMN_PARENT_LINKS /* without them an object of n members costs n * n steps */
#include <jsmn.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json.h"
#include "base/json_item.h"
#include "base/json_lint.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

/* jsmn runs so many tokens ahead of the judge. At a bracket it climbs as deep as it has been led,
 * and the judge turns back what is too deep. */
#define TOKENS_AHEAD 64
/* Real texts have 10 bytes an item and more; one item costs 48 and its tokens up to 40. */
#define BYTES_PER_ITEM 8
#define ITEMS_MIN 1024
/* Up to here keys are compared with one another, above they are hashed. */
#define MEMBERS_FEW 32

/* What may come next. */
enum want {
	WANT_VALUE,
	WANT_VALUE_OR_END, /* behind [ */
	WANT_KEY,
	WANT_KEY_OR_END, /* behind { */
	WANT_COLON,
	WANT_COMMA_OR_END,
};

/* A container that is open. */
struct level {
	size_t at;     /* its item */
	size_t last;   /* its latest child */
	uint64_t seen; /* a bit for each key: a key whose bit is not set is new */
};

struct json_tape {
	size_t max_bytes, max_items;
	jsmntok_t *tokens;
	size_t tokens_cap;
	struct json_item *items;
	size_t n, items_cap;
	size_t *slots; /* of a hash table: item + 1 of a key, 0 when free */
	size_t slots_cap;
	struct buf unescaped; /* never moves while a text is read */
	unsigned char secret[crypto_shorthash_KEYBYTES];
	bool has_secret;

	/* Of the text that is being read. */
	struct str text;
	size_t at; /* so far it is judged */
	struct level levels[JSON_DEPTH_MAX];
	size_t depth;
	enum want want;
	struct str key; /* of the value that comes next */
	bool has_low, has_slash; /* control characters, backslashes somewhere */
	const char *why;
};

static int refuse(struct json_tape *t, int err, const char *why)
{
	t->why = why;
	return err;
}

static int no_memory(struct json_tape *t)
{
	return refuse(t, ERR_NOMEM, "no memory");
}

int json_tape_new(size_t max_bytes, struct json_tape **out)
{
	struct json_tape *t = mem_new(sizeof(*t));

	*out = t;
	if (!t)
		return ERR_NOMEM;
	t->max_bytes = max_bytes < INT_MAX ? max_bytes : INT_MAX; /* jsmn counts in int */
	t->max_items = t->max_bytes / BYTES_PER_ITEM + ITEMS_MIN;
	buf_init(&t->unescaped, t->max_bytes);
	return 0;
}

void json_tape_shrink(struct json_tape *t)
{
	mem_free(t->tokens);
	mem_free(t->items);
	mem_free(t->slots);
	buf_fini(&t->unescaped);
	t->tokens = NULL;
	t->items = NULL;
	t->slots = NULL;
	t->tokens_cap = t->items_cap = t->slots_cap = t->n = 0;
}

void json_tape_free(struct json_tape *t)
{
	if (!t)
		return;
	json_tape_shrink(t);
	mem_free(t);
}

/* Makes *cap at least need, and so that it grows by halves. */
static int grow(struct json_tape *t, void **array, size_t *cap, size_t need, size_t item_bytes)
{
	size_t more = *cap + *cap / 2;

	if (need <= *cap)
		return 0;
	if (more < need)
		more = need;
	void *bigger = mem_resize(*array, more * item_bytes);
	if (!bigger)
		return no_memory(t);
	*array = bigger;
	*cap = more;
	return 0;
}

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Kinds of bytes that were seen: in the highest bit of any byte. */
struct seen {
	uint64_t low, high, slash;
};

static void look_at(struct seen *seen, uint64_t eight)
{
	const uint64_t x = eight ^ EACH_BYTE * '\\';

	seen->high |= eight;
	seen->low |= (eight - EACH_BYTE * ' ') & ~eight;
	seen->slash |= (x - EACH_BYTE) & ~x;
}

/* One look at all bytes, eight at a time: most texts have nothing that needs a second. */
static int look(struct json_tape *t)
{
	const char *at = t->text.at;
	size_t left = t->text.len;
	struct seen seen = {0};
	uint64_t eight;

	for (; left >= sizeof(eight); left -= sizeof(eight), at += sizeof(eight)) {
		memcpy(&eight, at, sizeof(eight));
		look_at(&seen, eight);
	}
	eight = EACH_BYTE * ' ';
	if (left > 0)
		memcpy(&eight, at, left);
	look_at(&seen, eight);
	t->has_low = seen.low & EACH_BYTE * 0x80;
	t->has_slash = seen.slash & EACH_BYTE * 0x80;
	if ((seen.high & EACH_BYTE * 0x80) && !text_is_utf8(t->text))
		return refuse(t, ERR_PARSE, "not UTF-8");
	return t->has_slash ? buf_reserve(&t->unescaped, t->text.len) : 0;
}

/* Four digits that jsmn looked at. */
static int32_t hex4(const char *p)
{
	int32_t n = 0;

	for (int i = 0; i < 4; i++)
		n = n * 16 + (ascii_is_digit(p[i]) ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return n;
}

/* At a \u: the code point, U+FFFD for half a surrogate pair. *i moves on behind it. */
static int32_t escaped_point(struct str raw, size_t *i)
{
	int32_t c = hex4(raw.at + *i + 2);

	*i += 6;
	if (c < 0xD800 || c > 0xDFFF)
		return c;
	if (c > 0xDBFF || raw.len - *i < 6 || raw.at[*i] != '\\' || raw.at[*i + 1] != 'u')
		return 0xFFFD;
	int32_t low = hex4(raw.at + *i + 2);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0xFFFD;
	*i += 6;
	return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

/* What a string says. It is never longer than what is written. */
static int unescape(struct json_tape *t, struct str raw, struct str *out)
{
	static const char names[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	const size_t before = t->unescaped.len;
	int err = 0;

	for (size_t i = 0; !err && i < raw.len;) {
		const char *slash = memchr(raw.at + i, '\\', raw.len - i);
		size_t plain = (slash ? (size_t)(slash - raw.at) : raw.len) - i;
		err = buf_add(&t->unescaped, raw.at + i, plain);
		i += plain;
		if (err || !slash)
			continue;
		if (slash[1] == 'u') {
			err = text_put(&t->unescaped, escaped_point(raw, &i));
			continue;
		}
		const char *name = strchr(names, slash[1]);
		err = buf_addc(&t->unescaped, name ? meanings[name - names] : slash[1]);
		i += 2;
	}
	*out = (struct str){t->unescaped.at + before, t->unescaped.len - before};
	return err;
}

static int read_string(struct json_tape *t, struct str raw, struct str *out)
{
	for (size_t i = 0; t->has_low && i < raw.len; i++) {
		if ((unsigned char)raw.at[i] < 0x20)
			return refuse(t, ERR_PARSE, "control character in a string");
	}
	*out = raw;
	if (t->has_slash && memchr(raw.at, '\\', raw.len))
		return unescape(t, raw, out);
	return 0;
}

/* An item at the end of the tape, child of the innermost container. */
static int add_item(struct json_tape *t, enum json_kind kind, struct str text)
{
	if (t->n >= t->max_items)
		return refuse(t, ERR_LIMIT, "too many items");
	int err = grow(t, (void **)&t->items, &t->items_cap, t->n + 1, sizeof(*t->items));
	if (err)
		return err;
	t->items[t->n] = (struct json_item){
		.key = t->key, .text = text, .span = 1, .kind = kind, .is_last = t->depth == 0};
	if (t->depth > 0) {
		struct level *in = &t->levels[t->depth - 1];
		in->last = t->n;
		t->items[in->at].count++;
	}
	t->n++;
	t->key = (struct str){NULL, 0};
	t->want = WANT_COMMA_OR_END;
	return 0;
}

static int open_container(struct json_tape *t, enum json_kind kind)
{
	if (t->depth == JSON_DEPTH_MAX)
		return refuse(t, ERR_LIMIT, "too deep");
	int err = add_item(t, kind, (struct str){NULL, 0});
	if (err)
		return err;
	t->levels[t->depth++] = (struct level){.at = t->n - 1};
	t->want = kind == JSON_OBJECT ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
	t->at++;
	return 0;
}

static bool has_key(const struct json_tape *t, size_t object, struct str key)
{
	const struct json_item *v = &t->items[object + 1];

	for (uint32_t i = 0; i < t->items[object].count; i++, v += v->span) {
		if (str_eq(v->key, key))
			return true;
	}
	return false;
}

/* In the innermost object, while it is small. */
static int check_key(struct json_tape *t)
{
	struct level *in = &t->levels[t->depth - 1];
	const unsigned char *s = (const unsigned char *)t->key.at;
	const size_t n = t->key.len;
	uint64_t bit = 1;

	if (t->items[in->at].count >= MEMBERS_FEW)
		return 0; /* all at once, when the object ends */
	if (n > 0)
		bit = (uint64_t)1 << ((n + s[0] + 3 * s[n / 2] + 5 * s[n - 1]) & 63);
	if ((in->seen & bit) && has_key(t, in->at, t->key))
		return refuse(t, ERR_PARSE, "duplicate key");
	in->seen |= bit;
	return 0;
}

/* Hashed with a secret: nobody can choose keys that fall together. */
static int check_many_keys(struct json_tape *t, const struct json_item *object)
{
	const struct json_item *v = object + 1;
	size_t slots = 2 * MEMBERS_FEW;
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t at;

	while (slots < (size_t)object->count * 2)
		slots *= 2;
	int err = grow(t, (void **)&t->slots, &t->slots_cap, slots, sizeof(*t->slots));
	if (err)
		return err;
	memset(t->slots, 0, slots * sizeof(*t->slots));
	if (!t->has_secret)
		rand_bytes(t->secret, sizeof(t->secret));
	t->has_secret = true;
	for (uint32_t i = 0; i < object->count; i++, v += v->span) {
		crypto_shorthash(hash, (const unsigned char *)v->key.at, v->key.len, t->secret);
		memcpy(&at, hash, sizeof(at));
		for (at &= slots - 1; t->slots[at] > 0; at = (at + 1) & (slots - 1)) {
			if (str_eq(t->items[t->slots[at] - 1].key, v->key))
				return refuse(t, ERR_PARSE, "duplicate key");
		}
		t->slots[at] = (size_t)(v - t->items) + 1;
	}
	return 0;
}

static int close_container(struct json_tape *t, enum json_kind kind)
{
	if (t->depth == 0)
		return refuse(t, ERR_PARSE, "closing bracket without an opening one");

	struct level *in = &t->levels[t->depth - 1];
	struct json_item *v = &t->items[in->at];
	enum want empty = kind == JSON_OBJECT ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
	if (v->kind != kind || (t->want != WANT_COMMA_OR_END && t->want != empty))
		return refuse(t, ERR_PARSE, "unexpected bracket");
	v->span = (uint32_t)(t->n - in->at);
	if (v->count > 0)
		t->items[in->last].is_last = true;
	t->depth--;
	t->want = WANT_COMMA_OR_END;
	return kind == JSON_OBJECT && v->count > MEMBERS_FEW ? check_many_keys(t, v) : 0;
}

/* A byte between two tokens. */
static int read_mark(struct json_tape *t, char c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '\n': return 0;
	case '}': return close_container(t, JSON_OBJECT);
	case ']': return close_container(t, JSON_ARRAY);
	case ':':
		if (t->want != WANT_COLON)
			break;
		t->want = WANT_VALUE;
		return 0;
	case ',':
		if (t->want != WANT_COMMA_OR_END || t->depth == 0)
			break;
		t->want = t->items[t->levels[t->depth - 1].at].kind == JSON_OBJECT ? WANT_KEY
										    : WANT_VALUE;
		return 0;
	}
	return refuse(t, ERR_PARSE, "unexpected character");
}

static int read_gap(struct json_tape *t, size_t end)
{
	int err = 0;

	while (!err && t->at < end)
		err = read_mark(t, t->text.at[t->at++]);
	return err;
}

static int read_key(struct json_tape *t, struct str raw)
{
	int err = read_string(t, raw, &t->key);

	if (err)
		return err;
	/* json.h refuses it too: there keys are C strings. */
	if (t->has_slash && memchr(t->key.at, '\0', t->key.len))
		return refuse(t, ERR_PARSE, "NUL in a key");
	t->want = WANT_COLON;
	return check_key(t);
}

/* A number or a word. */
static int read_primitive(struct json_tape *t, struct str s)
{
	enum json_kind kind = JSON_NUMBER;

	if (!json_lint_is_primitive(s))
		return refuse(t, ERR_PARSE, "unexpected character");
	if (s.at[0] == 'n')
		kind = JSON_NULL;
	else if (s.at[0] == 't')
		kind = JSON_TRUE;
	else if (s.at[0] == 'f')
		kind = JSON_FALSE;
	/* Behind the last byte of the text nothing may be read: a NUL can, of a copy. */
	if (t->at == t->text.len) {
		const size_t before = t->unescaped.len;
		int err = buf_add_str(&t->unescaped, s);
		if (err)
			return err;
		s.at = t->unescaped.at + before;
	}
	return add_item(t, kind, s);
}

static int read_token(struct json_tape *t, const jsmntok_t *token)
{
	const bool is_string = token->type == JSMN_STRING;
	int err = read_gap(t, (size_t)token->start - is_string); /* of a string behind its quote */

	if (err)
		return err;
	const bool wants_value = t->want == WANT_VALUE || t->want == WANT_VALUE_OR_END;
	if (!wants_value && !(is_string && (t->want == WANT_KEY || t->want == WANT_KEY_OR_END)))
		return refuse(t, ERR_PARSE, "unexpected token");
	if (token->type == JSMN_OBJECT || token->type == JSMN_ARRAY)
		return open_container(t, token->type == JSMN_OBJECT ? JSON_OBJECT : JSON_ARRAY);

	struct str s = {t->text.at + token->start, (size_t)(token->end - token->start)};
	t->at = (size_t)token->end + is_string;
	if (token->type == JSMN_PRIMITIVE)
		return read_primitive(t, s);
	if (!wants_value)
		return read_key(t, s);
	err = read_string(t, s, &s);
	return err ? err : add_item(t, JSON_STRING, s);
}

/* jsmn and the judge, in turns. */
static int read_tokens(struct json_tape *t)
{
	jsmn_parser p;
	int got = JSMN_ERROR_NOMEM, err = 0;

	jsmn_init(&p);
	for (size_t i = 0; !err && got == JSMN_ERROR_NOMEM;) {
		const size_t room = p.toknext + TOKENS_AHEAD;
		err = grow(t, (void **)&t->tokens, &t->tokens_cap, room, sizeof(*t->tokens));
		if (err)
			return err;
		got = jsmn_parse(&p, t->text.at, t->text.len, t->tokens, (unsigned)room);
		if (got < 0 && got != JSMN_ERROR_NOMEM)
			return refuse(t, ERR_PARSE, "unexpected character");
		for (; !err && i < p.toknext; i++)
			err = read_token(t, &t->tokens[i]);
	}
	if (!err)
		err = read_gap(t, t->text.len);
	if (!err && (t->n == 0 || t->depth > 0 || t->want != WANT_COMMA_OR_END))
		err = refuse(t, ERR_PARSE, "unexpected end");
	return err;
}

int json_tape_parse(struct json_tape *t, struct str text, const struct json_item **root,
	const char **why)
{
	size_t members;
	int err;

	*root = NULL;
	t->text = text;
	t->at = t->n = t->depth = 0;
	t->want = WANT_VALUE;
	t->key = (struct str){NULL, 0};
	t->why = NULL;
	buf_clear(&t->unescaped);
	err = text.len > t->max_bytes ? refuse(t, ERR_LIMIT, "too long") : look(t);
	if (!err)
		err = read_tokens(t);
	/* Of several things that are wrong json.h says the first token that is; so do we. */
	if (err == ERR_PARSE) {
		int first = json_lint(text, &members, &t->why);
		err = first ? first : err;
	}
	if (!err)
		*root = t->items;
	else if (why)
		*why = t->why ? t->why : "no memory";
	return err;
}
