#include "conf/room.h"

/* ---- Life and death -------------------------------------------------------------------------- */

struct conf_node *conf_node_new(struct conf_file *f, enum conf_kind kind)
{
	struct conf_node *n = mem_new(sizeof(*n));

	if (!n)
		return NULL;
	n->kind = kind;
	n->weight = 1;
	n->line = n->column = 1;
	n->next = f->all;
	f->all = n;
	f->nodes++;
	return n;
}

static void node_free(struct conf_node *n)
{
	mem_free(n->text);
	mem_free(n->items);
	mem_free(n);
}

int conf_node_push(struct conf_node *parent, struct conf_node *child)
{
	if (parent->n == parent->cap) {
		size_t cap = parent->cap ? parent->cap * 2 : 4;
		struct conf_node **items =
			mem_resize(parent->items, cap * sizeof(struct conf_node *));

		if (!items)
			return ERR_NOMEM;
		parent->items = items;
		parent->cap = cap;
	}
	parent->items[parent->n++] = child;
	return 0;
}

void conf_file_free(struct conf_file *f)
{
	if (!f)
		return;
	while (f->all) {
		struct conf_node *n = f->all;

		f->all = n->next;
		node_free(n);
	}
	buf_fini(&f->text);
	mem_free(f->path);
	mem_free(f);
}

/* ---- Looking --------------------------------------------------------------------------------- */

const char *conf_file_path(const struct conf_file *f)
{
	return f->path;
}

struct str conf_file_text(const struct conf_file *f)
{
	return buf_str(&f->text);
}

struct conf_node *conf_file_root(const struct conf_file *f)
{
	return f->root;
}

enum conf_kind conf_node_kind(const struct conf_node *n)
{
	return n->kind;
}

struct str conf_node_text(const struct conf_node *n)
{
	return n->kind == CONF_SCALAR ? (struct str){n->text, n->len} : STR("");
}

bool conf_node_is_null(const struct conf_node *n)
{
	struct str text = conf_node_text(n);

	return n->kind == CONF_SCALAR && !n->is_quoted &&
	       (text.len == 0 || str_is(text, "~") || str_is(text, "null"));
}

size_t conf_node_count(const struct conf_node *n)
{
	return n->kind == CONF_MAP ? n->n / 2 : n->n;
}

struct conf_node *conf_node_at(const struct conf_node *list, size_t i)
{
	return list->kind == CONF_LIST && i < list->n ? list->items[i] : NULL;
}

struct conf_node *conf_node_key(const struct conf_node *map, size_t i)
{
	return map->kind == CONF_MAP && i < map->n / 2 ? map->items[2 * i] : NULL;
}

struct conf_node *conf_node_value(const struct conf_node *map, size_t i)
{
	return map->kind == CONF_MAP && i < map->n / 2 ? map->items[2 * i + 1] : NULL;
}

struct conf_node *conf_node_find(const struct conf_node *map, const char *key)
{
	for (size_t i = 0; i < conf_node_count(map); i++)
		if (map->kind == CONF_MAP && str_is(conf_node_text(map->items[2 * i]), key))
			return map->items[2 * i + 1];
	return NULL;
}

int conf_node_line(const struct conf_node *n)
{
	return n->line;
}

int conf_node_column(const struct conf_node *n)
{
	return n->column;
}

/* ---- From a character of a scalar to the byte of the source it was written as ---------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes of one escape of a double-quoted text. */
static size_t escape_bytes(struct str source)
{
	char kind = source.len > 1 ? source.at[1] : '\0';
	size_t n = kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;

	return n < source.len ? n : source.len;
}

static size_t skip_spaces(struct str s, size_t i)
{
	while (i < s.len && is_space(s.at[i]))
		i++;
	return i;
}

/* Does the white space from i on hold a line break? There the source has indentation that the value
 * has not, and a folded text has a space for the break. */
static bool breaks_here(struct str s, size_t i)
{
	for (; i < s.len && is_space(s.at[i]); i++)
		if (s.at[i] == '\n' || s.at[i] == '\r')
			return true;
	return false;
}

/* Walks value and source side by side. Exact but within the white space around a line break. */
static size_t source_of(const struct conf_file *f, const struct conf_node *n, size_t characters)
{
	struct str source = {f->text.at + n->at, n->end - n->at}, value = conf_node_text(n);
	char quote = n->at > 0 ? f->text.at[n->at - 1] : '\0';
	bool is_double = n->is_quoted && quote == '"', is_single = n->is_quoted && quote == '\'';
	bool is_block = n->is_quoted && !is_double && !is_single;
	size_t at = is_block ? skip_spaces(source, 0) : 0, i = is_block ? skip_spaces(value, 0) : 0;

	characters -= characters < i ? characters : i; /* white space is one byte a character */
	while (characters > 0 && at < source.len && i < value.len) {
		if (breaks_here(source, at)) {
			size_t next = skip_spaces(value, i);

			for (; i < next && characters > 0; i++)
				characters--;
			at = skip_spaces(source, at);
			continue;
		}
		if (is_single && source.at[at] == '\'')
			at += 2;
		else if (is_double && source.at[at] == '\\')
			at += escape_bytes((struct str){source.at + at, source.len - at});
		else
			(void)text_next(source, &at);
		(void)text_next(value, &i);
		characters--;
	}
	return n->at + (at < source.len ? at : source.len);
}

void conf_complain(struct conf_report *r, const struct conf_file *f, const struct conf_node *n,
	size_t offset, enum conf_severity s, const char *hint, const char *fmt, ...)
{
	struct conf_spot spot = {f->path, buf_str(&f->text), n->at, n->end};
	va_list ap;

	if (offset > 0 && n->kind == CONF_SCALAR) {
		spot.at = source_of(f, n, offset);
		spot.end = spot.at;
	}
	va_start(ap, fmt);
	conf_complain_spot(r, &spot, s, hint, fmt, ap);
	va_end(ap);
}
