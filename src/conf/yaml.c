#include "conf/room.h"

#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* libfyaml gives events; the tree is ours, because only so are duplicate keys, aliases and depth
 * judged by our own rules, every node has its position, and nothing recurses on outside data. */

struct anchor {
	struct str name; /* within the text of the file */
	struct conf_node *node;
	bool is_used;
	struct anchor *next;
};

struct builder {
	struct conf_file *f;
	struct conf_report *r;
	struct conf_node *open; /* innermost collection that has not ended */
	size_t depth;
	size_t documents;
	size_t aliased; /* nodes that aliases added */
	size_t last;    /* byte where the last event ended: the place of an empty value */
	size_t counted; /* byte up to which line and column were counted */
	int line, column;
	struct anchor *anchors;
	size_t anchor_count;
	bool is_refused; /* complained, but the tree is whole: go on to find more */
};

static void complain_at(struct builder *b, size_t at, size_t end, enum conf_severity s,
	const char *hint, const char *fmt, ...) PRINTF_LIKE(6, 7);
static void complain_at(struct builder *b, size_t at, size_t end, enum conf_severity s,
	const char *hint, const char *fmt, ...)
{
	struct conf_spot spot = {b->f->path, buf_str(&b->f->text), at, end};
	va_list ap;

	va_start(ap, fmt);
	conf_complain_spot(b->r, &spot, s, hint, fmt, ap);
	va_end(ap);
}

static void start_counting(struct builder *b)
{
	struct str text = buf_str(&b->f->text);

	b->counted = conf_text_start(text);
	b->line = b->column = 1;
}

/* Sets a node's line and column. Events come in the order of the file, but for the maps of one pair
 * in a list, so counting goes on from where it was; counting anew each time would make a file of
 * one long line quadratic. */
static void locate(struct builder *b, struct conf_node *n)
{
	struct str text = buf_str(&b->f->text);

	while (b->counted > n->at && text.at[b->counted - 1] != '\n' && b->column > 1)
		if (((unsigned char)text.at[--b->counted] & 0xc0) != 0x80)
			b->column--;
	if (b->counted > n->at)
		start_counting(b);
	for (; b->counted < n->at; b->counted++) {
		unsigned char c = (unsigned char)text.at[b->counted];
		bool is_crlf =
			c == '\r' && b->counted + 1 < text.len && text.at[b->counted + 1] == '\n';

		if ((c == '\n' || c == '\r') && !is_crlf) {
			b->line++;
			b->column = 1;
		} else if ((c & 0xc0) != 0x80) {
			b->column++;
		}
	}
	n->line = b->line;
	n->column = b->column;
}

/* ---- One event ------------------------------------------------------------------------------- */

static size_t mark_at(const struct builder *b, const struct fy_mark *m)
{
	size_t at = m ? m->input_pos : b->last;

	return at < b->f->text.len ? at : b->f->text.len;
}

static struct str token_text(struct fy_token *t)
{
	size_t len = 0;
	const char *at = t ? fy_token_get_text(t, &len) : NULL;

	return (struct str){at, at ? len : 0};
}

/* A value that begins with "!" is a tag for YAML, and the rest of it (or nothing) the value. */
static void refuse_tag(struct builder *b, struct fy_token *tag)
{
	struct str text = buf_str(&b->f->text);
	size_t at, end;
	char hint[CONF_ADVICE_BYTES];

	if (!tag)
		return;
	at = mark_at(b, fy_token_start_mark(tag));
	while (at > 0 && text.at[at - 1] == '!')
		at--;
	for (end = at; end < text.len && !strchr(" \t\r\n,]}", text.at[end]); end++)
		;
	conf_advise_quotes(text, at, hint);
	complain_at(b, at, end, CONF_ERROR, hint, "a value that begins with \"!\" is a YAML tag");
	b->is_refused = true;
}

static struct anchor *find_anchor(struct builder *b, struct str name)
{
	struct anchor *a;

	LL_FOREACH (b->anchors, a)
		if (str_eq(a->name, name))
			return a;
	return NULL;
}

static int remember_anchor(struct builder *b, struct fy_token *token, struct conf_node *n)
{
	struct str text = buf_str(&b->f->text), name = token_text(token);
	struct anchor *a;
	size_t at;

	if (!token)
		return 0;
	at = mark_at(b, fy_token_start_mark(token));
	if (name.len > text.len - at || b->anchor_count == CONF_ALIASED_MAX) {
		complain_at(b, at, at, CONF_ERROR, "write some of the values out",
			"the file names more than %d values with &", CONF_ALIASED_MAX);
		return ERR_LIMIT;
	}
	a = mem_new(sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	a->name = (struct str){text.at + at, name.len};
	a->node = n;
	LL_PREPEND(b->anchors, a); /* a name given anew hides the older one */
	b->anchor_count++;
	return 0;
}

/* Puts a node into the open collection, as its next item, key or value. */
static int attach(struct builder *b, struct conf_node *n, size_t at)
{
	struct conf_node *up = b->open;
	bool is_key = up && up->kind == CONF_MAP && up->n % 2 == 0;

	if (!up) {
		b->f->root = n;
		return 0;
	}
	if (is_key && n->kind != CONF_SCALAR) {
		complain_at(b, at, at, CONF_ERROR,
			"a text that begins with [ or { must stand in quotes",
			"a key must be a plain text, not a %s",
			n->kind == CONF_LIST ? "list" : "map");
		b->is_refused = true;
	} else if (is_key && !n->is_quoted && strcmp(n->text, "<<") == 0) {
		complain_at(b, n->at, n->end, CONF_ERROR,
			"write the options out, or use an alias for one whole value",
			"merge keys are not supported");
		b->is_refused = true;
	}
	if (is_key && up->n == 0 &&
		n->at < up->at) { /* [key: value]: the map is told after its key */
		up->at = n->at;
		up->line = n->line;
		up->column = n->column;
	}
	return conf_node_push(up, n);
}

static int too_many_nodes(struct builder *b, size_t at)
{
	if (b->f->nodes < CONF_NODES_MAX)
		return 0;
	complain_at(b, at, at, CONF_ERROR, "split it into several files",
		"the file has more than %d values", CONF_NODES_MAX);
	return ERR_LIMIT;
}

static int on_scalar(struct builder *b, struct fy_event *e)
{
	struct str text = token_text(e->scalar.value);
	enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
	struct conf_node *n;
	int err = too_many_nodes(b, b->last);

	if (err)
		return err;
	n = conf_node_new(b->f, CONF_SCALAR);
	if (!n)
		return ERR_NOMEM;
	n->text = mem_dupn(text.at ? text.at : "", text.len);
	if (!n->text)
		return ERR_NOMEM;
	n->len = text.len;
	n->is_quoted = style != FYSS_PLAIN && style != FYSS_ANY;
	n->at = (uint32_t)mark_at(b, fy_event_start_mark(e));
	n->end = (uint32_t)mark_at(b, fy_event_end_mark(e));
	locate(b, n);
	if (memchr(n->text, '\0', n->len) || !text_is_utf8(text)) {
		complain_at(b, n->at, n->end, CONF_ERROR, "remove it, or use single quotes",
			"this text has an escape that gives no character");
		b->is_refused = true;
	}
	refuse_tag(b, e->scalar.tag);
	err = remember_anchor(b, e->scalar.anchor, n);
	if (!err)
		err = attach(b, n, n->at);
	if (!err && b->open)
		b->open->weight++;
	b->last = n->end;
	return err;
}

static int on_start(struct builder *b, struct fy_event *e, enum conf_kind kind)
{
	bool is_map = kind == CONF_MAP;
	size_t at = mark_at(b, fy_event_start_mark(e));
	struct conf_node *n;
	int err = too_many_nodes(b, at);

	if (err)
		return err;
	if (b->depth == CONF_DEPTH_MAX) {
		complain_at(b, at, at, CONF_ERROR,
			"a text that begins with [ or { must stand in quotes",
			"lists and maps stand within each other more than %d deep", CONF_DEPTH_MAX);
		return ERR_LIMIT;
	}
	n = conf_node_new(b->f, kind);
	if (!n)
		return ERR_NOMEM;
	n->at = (uint32_t)at;
	n->end = (uint32_t)mark_at(b, fy_event_end_mark(e));
	locate(b, n);
	refuse_tag(b, is_map ? e->mapping_start.tag : e->sequence_start.tag);
	err = remember_anchor(b, is_map ? e->mapping_start.anchor : e->sequence_start.anchor, n);
	if (!err)
		err = attach(b, n, at);
	n->up = b->open;
	b->open = n;
	b->depth++;
	b->last = n->end;
	return err;
}

static int by_text(const void *a, const void *b)
{
	const struct conf_node *x = *(struct conf_node *const *)a,
			       *y = *(struct conf_node *const *)b;
	size_t least = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text, y->text, least);

	if (order == 0)
		order = x->len < y->len ? -1 : x->len > y->len;
	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static int refuse_duplicates(struct builder *b, const struct conf_node *map)
{
	size_t pairs = map->n / 2, n = 0;
	struct conf_node **keys = NULL;

	if (pairs < 2)
		return 0;
	keys = mem_array(pairs, sizeof(struct conf_node *));
	if (!keys)
		return ERR_NOMEM;
	for (size_t i = 0; i < pairs; i++)
		if (map->items[2 * i]->kind == CONF_SCALAR)
			keys[n++] = map->items[2 * i];
	qsort(keys, n, sizeof(struct conf_node *), by_text);
	for (size_t i = 1; i < n; i++) {
		if (keys[i]->len != keys[i - 1]->len ||
			memcmp(keys[i]->text, keys[i - 1]->text, keys[i]->len) != 0)
			continue;
		complain_at(b, keys[i]->at, keys[i]->end, CONF_ERROR,
			"remove one of the two, or give it another name",
			"\"%.*s\" stands here a second time; the first is in line %d",
			STR_FMT(conf_shown((struct str){keys[i]->text, keys[i]->len})),
			keys[i - 1]->line);
		b->is_refused = true;
	}
	mem_free(keys);
	return 0;
}

static int on_end(struct builder *b, struct fy_event *e)
{
	struct conf_node *n = b->open;
	int err;

	if (!n)
		return ERR_PARSE;
	err = n->kind == CONF_MAP ? refuse_duplicates(b, n) : 0;
	b->open = n->up;
	b->depth--;
	if (b->open)
		b->open->weight += n->weight;
	b->last = mark_at(b, fy_event_end_mark(e));
	return err;
}

static bool is_open(const struct builder *b, const struct conf_node *n)
{
	const struct conf_node *up = b->open;

	while (up && up != n)
		up = up->up;
	return up != NULL;
}

static int on_alias(struct builder *b, struct fy_event *e)
{
	struct str text = buf_str(&b->f->text), name = token_text(e->alias.anchor);
	size_t at = mark_at(b, fy_event_start_mark(e)), end = mark_at(b, fy_event_end_mark(e));
	char hint[CONF_ADVICE_BYTES];
	struct anchor *a;

	if (at > 0 && text.at[at - 1] == '*')
		at--;
	b->last = end;
	a = find_anchor(b, name);
	if (!a) {
		conf_advise_quotes(text, at, hint);
		complain_at(b, at, end, CONF_ERROR, hint,
			"\"*%.*s\" is an alias, and nothing above has that name",
			STR_FMT(conf_shown(name)));
		return ERR_INVALID;
	}
	a->is_used = true;
	b->aliased += a->node->weight;
	if (is_open(b, a->node)) {
		complain_at(b, at, end, CONF_ERROR,
			"a text that begins with * must stand in quotes",
			"this alias stands within what it names");
		return ERR_INVALID;
	}
	if (b->aliased > CONF_ALIASED_MAX) {
		complain_at(b, at, end, CONF_ERROR, "write some of the values out",
			"aliases repeat more than %d values in this file", CONF_ALIASED_MAX);
		return ERR_LIMIT;
	}
	if (b->open)
		b->open->weight += a->node->weight;
	return attach(b, a->node, at);
}

static int on_document(struct builder *b, struct fy_event *e)
{
	size_t at = mark_at(b, fy_event_start_mark(e));

	if (++b->documents == 1)
		return 0;
	complain_at(b, at, at + 3, CONF_ERROR, "put it into a file of its own",
		"a second document begins here; a file holds one");
	return ERR_INVALID;
}

static int on_event(struct builder *b, struct fy_event *e)
{
	switch (e->type) {
	case FYET_DOCUMENT_START: return on_document(b, e);
	case FYET_SCALAR: return on_scalar(b, e);
	case FYET_ALIAS: return on_alias(b, e);
	case FYET_MAPPING_START: return on_start(b, e, CONF_MAP);
	case FYET_SEQUENCE_START: return on_start(b, e, CONF_LIST);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END: return on_end(b, e);
	default: return 0;
	}
}

/* ---- The whole text -------------------------------------------------------------------------- */

/* The byte of a line and column, both from 1, as libfyaml counts them. */
static size_t byte_of(struct str text, int line, int column)
{
	size_t at = 0;

	for (; line > 1 && at < text.len; line--)
		at = conf_next_line(text, at);
	for (; column > 1 && at < text.len && !conf_is_break(text.at[at]); column--)
		(void)text_next(text, &at);
	return at;
}

static int complain_syntax(struct builder *b, struct fy_diag *diag)
{
	struct str text = buf_str(&b->f->text);
	struct conf_advice a = {0};
	struct fy_diag_error *error;
	void *previous = NULL;
	size_t opener = SIZE_MAX;

	do {
		error = fy_diag_errors_iterate(diag, &previous);
	} while (error && error->type != FYET_ERROR);
	if (!error) {
		conf_report_add(
			b->r, CONF_ERROR, b->f->path, "see mynah.yaml(5)", "this is not YAML");
		return ERR_PARSE;
	}
	if (b->open && b->open->at < text.len && strchr("[{", text.at[b->open->at]))
		opener = b->open->at;
	conf_advise(text, byte_of(text, error->line, error->column), opener, error->msg, &a);
	complain_at(b, a.at, a.end, CONF_ERROR, a.hint[0] ? a.hint : NULL, "%s", a.what);
	return ERR_PARSE;
}

static int build(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
	struct fy_event *e;
	int err = 0;

	while (!err && (e = fy_parser_parse(parser))) {
		err = on_event(b, e);
		fy_parser_event_free(parser, e);
	}
	if (!err && fy_parser_get_stream_error(parser))
		err = complain_syntax(b, diag);
	if (err)
		return err;
	/* Nothing but comments is an empty map: all options have a fallback. */
	if (!b->f->root || conf_node_is_null(b->f->root)) {
		b->f->root = conf_node_new(b->f, CONF_MAP);
		if (!b->f->root)
			return ERR_NOMEM;
	}
	return b->is_refused ? ERR_INVALID : 0;
}

static void silence(struct fy_diag *diag, void *user, const char *bytes, size_t n)
{
	(void)diag, (void)user, (void)bytes, (void)n;
}

static int parse_events(struct builder *b)
{
	struct fy_diag_cfg dcfg;
	struct fy_parse_cfg pcfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
					     FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE};
	struct fy_parser *parser = NULL;
	struct fy_diag *diag;
	int err = ERR_NOMEM;

	fy_diag_cfg_default(&dcfg);
	dcfg.fp = NULL;
	dcfg.output_fn = silence;
	diag = fy_diag_create(&dcfg);
	if (!diag)
		return ERR_NOMEM;
	fy_diag_set_collect_errors(diag, true);
	pcfg.diag = diag;
	parser = fy_parser_create(&pcfg);
	if (parser && !fy_parser_set_string(parser, buf_text(&b->f->text), b->f->text.len))
		err = build(b, parser, diag);
	if (parser)
		fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return err;
}

/* "&hello there" unquoted names the value "there": nearly always a mistake, unless it is used. */
static void forget_anchors(struct builder *b, bool warns)
{
	struct str text = buf_str(&b->f->text);
	struct anchor *a, *next;

	LL_FOREACH_SAFE (b->anchors, a, next) {
		size_t at = (size_t)(a->name.at - text.at);

		if (!a->is_used && warns)
			complain_at(b, at, at + a->name.len, CONF_WARNING,
				"a value that begins with & must stand in quotes",
				"the name \"&%.*s\" is never used", STR_FMT(conf_shown(a->name)));
		mem_free(a);
	}
}

static int refuse_flaws(struct builder *b)
{
	struct conf_advice a;

	if (!conf_text_flaw(buf_str(&b->f->text), &a))
		return 0;
	complain_at(b, a.at, a.end, CONF_ERROR, a.hint, "%s", a.what);
	return ERR_PARSE;
}

/* TAKES nothing; f has the text already. */
static int fill(struct conf_file *f, struct conf_report *r)
{
	struct builder b = {.f = f, .r = r};
	int err = refuse_flaws(&b);

	start_counting(&b);
	if (!err)
		err = parse_events(&b);
	forget_anchors(&b, !err);
	return err;
}

int conf_file_parse(
	const char *name, struct str text, struct conf_report *r, struct conf_file **out)
{
	struct conf_file *f = mem_new(sizeof(*f));
	int err;

	if (!f)
		return ERR_NOMEM;
	buf_init(&f->text, CONF_FILE_BYTES);
	f->path = mem_dup(name);
	err = f->path ? buf_add_str(&f->text, text) : ERR_NOMEM;
	if (err == ERR_LIMIT)
		conf_report_add(r, CONF_ERROR, name, "split it into several files",
			"this is larger than %d KiB", CONF_FILE_BYTES / 1024);
	if (!err)
		err = fill(f, r);
	if (err) {
		conf_file_free(f);
		return err;
	}
	*out = f;
	return 0;
}
