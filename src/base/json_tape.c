/* The tape: strict JSON in one pass, token by token, each an item as soon as it is judged.
 *
 * Debian's C parsers were tried (MESSAGE_CREATE of 1.5 KB, on one machine): jsmn's tokens take 1.6
 * to 2.5 us, cJSON 5, yajl 6.7, json-c 17. jsmn judges little, so that all it found was looked at
 * again, 3.6 us together; here it is 2.3 us. That this is exactly what
 * json.h takes is held by tests/unit/base_json_test and by the fuzz target tape_fuzz. */
#include "base/json_tape.h"

#include <sodium.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json.h"
#include "base/json_item.h"
#include "base/json_lint.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

/* Real texts have 10 bytes an item and more; one item costs 48. */
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

#define SEEN_WORDS 4

/* A container that is open. */
struct level {
	size_t at;   /* its item */
	size_t last; /* its latest child */
	uint32_t count;
	bool is_object;
	uint64_t seen[SEEN_WORDS]; /* a bit for each key: a key whose bit is not set is new */
};

struct json_tape {
	size_t max_bytes, max_items;
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
	t->max_bytes = max_bytes < UINT32_MAX ? max_bytes : UINT32_MAX; /* items count in it */
	t->max_items = t->max_bytes / BYTES_PER_ITEM + ITEMS_MIN;
	buf_init(&t->unescaped, t->max_bytes);
	return 0;
}

void json_tape_shrink(struct json_tape *t)
{
	mem_free(t->items);
	mem_free(t->slots);
	buf_fini(&t->unescaped);
	t->items = NULL;
	t->slots = NULL;
	t->items_cap = t->slots_cap = t->n = 0;
}

void json_tape_free(struct json_tape *t)
{
	if (!t)
		return;
	json_tape_shrink(t);
	mem_free(t);
}

/* Makes *cap at least need, and so that it grows by halves, but not beyond max. */
static int grow(struct json_tape *t, void **array, size_t *cap, size_t need, size_t max,
	size_t item_bytes)
{
	size_t more = *cap + *cap / 2;

	if (need <= *cap)
		return 0;
	if (more > max)
		more = max;
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

/* Behind \u: four digits, -1 when they are none. */
static int32_t hex4(const char *p, size_t left)
{
	int32_t n = 0;

	for (int i = 0; i < 4; i++) {
		if (left < 4 || !ascii_is_hex(p[i]))
			return -1;
		n = n * 16 + (ascii_is_digit(p[i]) ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	}
	return n;
}

/* At a \u: the code point, U+FFFD for half a surrogate pair; -1 for no escape at all. *i moves on
 * behind it. */
static int32_t escaped_point(struct str raw, size_t *i)
{
	int32_t low, c = hex4(raw.at + *i + 2, raw.len - *i - 2);

	*i += 6;
	if (c < 0xD800 || c > 0xDFFF)
		return c;
	if (c > 0xDBFF || raw.len - *i < 6 || raw.at[*i] != '\\' || raw.at[*i + 1] != 'u')
		return 0xFFFD;
	low = hex4(raw.at + *i + 2, 4);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0xFFFD;
	*i += 6;
	return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

/* At a backslash, which is never the last byte of raw. */
static int add_escaped(struct json_tape *t, struct str raw, size_t *i)
{
	static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char c = raw.at[*i + 1], *name = memchr(names, c, sizeof(names) - 1);
	int32_t point;

	if (name) {
		*i += 2;
		return buf_addc(&t->unescaped, meanings[name - names]);
	}
	point = c == 'u' ? escaped_point(raw, i) : -1;
	return point < 0 ? refuse(t, ERR_PARSE, "bad escape in a string")
		: text_put(&t->unescaped, point);
}

/* What a string says. It is never longer than what is written. */
static int unescape(struct json_tape *t, struct str raw, struct str *out)
{
	const size_t before = t->unescaped.len;
	int err = 0;

	for (size_t i = 0; !err && i < raw.len;) {
		const char *slash = memchr(raw.at + i, '\\', raw.len - i);
		size_t plain = (slash ? (size_t)(slash - raw.at) : raw.len) - i;

		err = buf_add(&t->unescaped, raw.at + i, plain);
		i += plain;
		if (!err && slash)
			err = add_escaped(t, raw, &i);
	}
	*out = (struct str){t->unescaped.at + before, t->unescaped.len - before};
	return err;
}

/* The closing quote: the first that no backslash hides. NULL = there is none. */
static const char *find_quote(const struct json_tape *t, const char *s)
{
	const char *limit = t->text.at + t->text.len, *slash;
	const char *quote = memchr(s, '"', (size_t)(limit - s));

	while (t->has_slash && quote && (slash = memchr(s, '\\', (size_t)(quote - s)))) {
		s = slash + 2;
		if (s > quote)
			quote = memchr(s, '"', (size_t)(limit - s));
	}
	return quote;
}

/* At an opening quote. */
static int read_string(struct json_tape *t, struct str *out)
{
	const char *s = t->text.at + t->at + 1, *quote = find_quote(t, s);

	if (!quote)
		return refuse(t, ERR_PARSE, "a string without an end");
	*out = (struct str){s, (size_t)(quote - s)};
	t->at = (size_t)(quote + 1 - t->text.at);
	for (size_t i = 0; t->has_low && i < out->len; i++) {
		if ((unsigned char)s[i] < 0x20)
			return refuse(t, ERR_PARSE, "control character in a string");
	}
	if (t->has_slash && memchr(s, '\\', out->len))
		return unescape(t, *out, out);
	return 0;
}

static int more_items(struct json_tape *t)
{
	if (t->n >= t->max_items)
		return refuse(t, ERR_LIMIT, "too many items");
	return grow(t, (void **)&t->items, &t->items_cap, t->n + 1, t->max_items,
		sizeof(*t->items));
}

/* An item at the end of the tape, child of the innermost container. */
static int add_item(struct json_tape *t, enum json_kind kind, struct str text)
{
	int err = t->n < t->items_cap ? 0 : more_items(t);
	if (err)
		return err;
	t->items[t->n] = (struct json_item){
		.key = t->key, .text = text, .span = 1, .kind = kind, .is_last = t->depth == 0};
	if (t->depth > 0) {
		struct level *in = &t->levels[t->depth - 1];
		in->last = t->n;
		in->count++;
	}
	t->n++;
	t->key = (struct str){NULL, 0};
	t->want = WANT_COMMA_OR_END;
	return 0;
}

static bool wants_value(const struct json_tape *t)
{
	return t->want == WANT_VALUE || t->want == WANT_VALUE_OR_END;
}

static int open_container(struct json_tape *t, enum json_kind kind)
{
	if (!wants_value(t))
		return refuse(t, ERR_PARSE, "unexpected bracket");
	if (t->depth == JSON_DEPTH_MAX)
		return refuse(t, ERR_LIMIT, "too deep");
	int err = add_item(t, kind, (struct str){NULL, 0});
	if (err)
		return err;
	t->levels[t->depth++] =
		(struct level){.at = t->n - 1, .is_object = kind == JSON_OBJECT};
	t->want = kind == JSON_OBJECT ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
	return 0;
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

/* In the innermost object, while it is small. */
static int check_key(struct json_tape *t)
{
	struct level *in = &t->levels[t->depth - 1];
	const unsigned char *s = (const unsigned char *)t->key.at;
	const size_t n = t->key.len;
	uint64_t *word = &in->seen[n % SEEN_WORDS], bit = 1;

	if (in->count >= MEMBERS_FEW)
		return 0; /* all at once, when the object ends */
	if (n > 0)
		bit = (uint64_t)1 << ((n + s[0] + 3 * s[n / 2] + 5 * s[n - 1]) & 63);
	if ((*word & bit) && has_key(t, in, t->key))
		return refuse(t, ERR_PARSE, "duplicate key");
	*word |= bit;
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
	int err = grow(t, (void **)&t->slots, &t->slots_cap, slots, SIZE_MAX, sizeof(*t->slots));
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
	v->count = in->count;
	if (v->count > 0)
		t->items[in->last].is_last = true;
	t->depth--;
	t->want = WANT_COMMA_OR_END;
	return kind == JSON_OBJECT && v->count > MEMBERS_FEW ? check_many_keys(t, v) : 0;
}

static int read_colon(struct json_tape *t)
{
	if (t->want != WANT_COLON)
		return refuse(t, ERR_PARSE, "unexpected character");
	t->want = WANT_VALUE;
	return 0;
}

static int read_comma(struct json_tape *t)
{
	if (t->want != WANT_COMMA_OR_END || t->depth == 0)
		return refuse(t, ERR_PARSE, "unexpected character");
	t->want = t->levels[t->depth - 1].is_object ? WANT_KEY : WANT_VALUE;
	return 0;
}

static int read_key(struct json_tape *t)
{
	int err = read_string(t, &t->key);

	if (err)
		return err;
	/* json.h refuses it too: there keys are C strings. */
	if (t->has_slash && memchr(t->key.at, '\0', t->key.len))
		return refuse(t, ERR_PARSE, "NUL in a key");
	t->want = WANT_COLON;
	return check_key(t);
}

static int read_quoted(struct json_tape *t)
{
	struct str s;
	int err;

	if (t->want == WANT_KEY || t->want == WANT_KEY_OR_END)
		return read_key(t);
	if (!wants_value(t))
		return refuse(t, ERR_PARSE, "unexpected string");
	err = read_string(t, &s);
	return err ? err : add_item(t, JSON_STRING, s);
}

static int read_word(struct json_tape *t, enum json_kind kind, struct str word)
{
	struct str s = {t->text.at + t->at, word.len};

	if (!wants_value(t) || t->text.len - t->at < word.len ||
			memcmp(s.at, word.at, word.len) != 0)
		return refuse(t, ERR_PARSE, "unexpected character");
	t->at += word.len;
	return add_item(t, kind, s);
}

static bool is_of_number(char c)
{
	return ascii_is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static int read_number(struct json_tape *t)
{
	struct str s = {t->text.at + t->at, 0};
	const size_t left = t->text.len - t->at;

	while (s.len < left && is_of_number(s.at[s.len]))
		s.len++;
	if (!wants_value(t) || !json_lint_is_primitive(s))
		return refuse(t, ERR_PARSE, "unexpected character");
	t->at += s.len;
	/* Behind the last byte of the text nothing may be read: a NUL can, of a copy. */
	if (t->at == t->text.len) {
		const size_t before = t->unescaped.len;
		int err = buf_add_str(&t->unescaped, s);

		if (err)
			return err;
		s.at = t->unescaped.at + before;
	}
	return add_item(t, JSON_NUMBER, s);
}

/* One token, which t->at is at the beginning of. */
static int read_token(struct json_tape *t)
{
	const char c = t->text.at[t->at];

	switch (c) {
	case '"': return read_quoted(t);
	case 'n': return read_word(t, JSON_NULL, STR("null"));
	case 't': return read_word(t, JSON_TRUE, STR("true"));
	case 'f': return read_word(t, JSON_FALSE, STR("false"));
	case ':': t->at++; return read_colon(t);
	case ',': t->at++; return read_comma(t);
	case '{': t->at++; return open_container(t, JSON_OBJECT);
	case '[': t->at++; return open_container(t, JSON_ARRAY);
	case '}': t->at++; return close_container(t, JSON_OBJECT);
	case ']': t->at++; return close_container(t, JSON_ARRAY);
	case ' ':
	case '\t':
	case '\r':
	case '\n': t->at++; return 0;
	default: return read_number(t);
	}
}

static int read_tokens(struct json_tape *t)
{
	int err = 0;

	while (!err && t->at < t->text.len)
		err = read_token(t);
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
