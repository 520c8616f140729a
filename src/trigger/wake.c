/* What wakes a trigger: its words, commands, texts, name and patterns, compiled and tried.
 *
 * Every form becomes a pattern, so that there is one way to match, to filter and to be bounded. */
#include "trigger/room.h"

#include <string.h>

#define TEXTS_MAX        500 /* words or commands in one list */
#define QUOTE_CHARACTERS 60  /* of a pattern in a complaint */

static uint64_t hash_more(uint64_t hash, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ (unsigned char)s.at[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* The literals of all patterns together; without those of one of them they are worth nothing. */
static int add_literals(struct trigger_private *own, struct str text)
{
	struct pattern_literals found = {0};
	int err = pattern_literal_find(text, &found);

	if (err == 0 && !own->is_free)
		err = pattern_literals_join(&own->literals, &found);
	if (found.n == 0 || own->literals.n > PATTERN_LITERALS_MAX) {
		own->is_free = true;
		pattern_literals_free(&own->literals);
	}
	pattern_literals_free(&found);
	return err;
}

/* Adds a pattern. TAKES p, also when it fails. */
static int add_pattern(struct trigger_private *own, struct pattern *p, struct str text)
{
	if (!own->patterns)
		own->patterns = mem_array(TRIGGER_PATTERNS_MAX, sizeof(struct pattern *));
	if (!own->patterns) {
		pattern_free(p);
		return ERR_NOMEM;
	}
	own->patterns[own->pattern_count++] = p;
	own->hash = hash_more(own->hash, text);
	return add_literals(own, text);
}

/* Complains about a pattern of the file, at the character that is wrong. */
static void complain_pattern(struct trigger_reading *rd, const struct conf_node *n, size_t at,
	const char *hint, const char *what)
{
	struct str text = conf_node_text(n);
	size_t shown = text_cut(text, QUOTE_CHARACTERS, 0);

	conf_complain(rd->report, rd->file, n, at, CONF_ERROR, hint, "pattern \"%.*s%s\" %s",
		(int)shown, text.at, shown < text.len ? "..." : "", what);
	rd->is_bad = true;
}

struct pattern *trigger_pattern_read(struct trigger_reading *rd, const struct conf_node *n)
{
	struct pattern_fault fault;
	struct pattern *p = NULL;
	struct str text = conf_node_text(n);
	int err;

	err = pattern_new(text, &p, &fault);
	if (err == ERR_PARSE)
		complain_pattern(rd, n, fault.character, fault.hint, fault.what);
	else
		trigger_reading_note(rd, err);
	if (err < 0)
		return NULL;
	switch (pattern_trial(p, rd->engine, text)) {
	case PATTERN_RUINOUS:
		complain_pattern(rd, n, 0,
			"do not repeat a group that itself ends in a repeat: "
			"(\\w+\\s?)+ can be written [\\w\\s]+",
			"needs too many steps: a short message can keep it busy");
		break;
	case PATTERN_SLOW:
		conf_complain(rd->report, rd->file, n, 0, CONF_WARNING,
			"begin it with ^ or with a word, or use fewer .*",
			"on long messages this pattern gives up; if that happens often, it is "
			"switched off");
		break;
	case PATTERN_CHEAP: break;
	}
	return p;
}

static void read_pattern(
	struct trigger_reading *rd, const struct conf_node *n, struct trigger_private *own)
{
	struct pattern *p = trigger_pattern_read(rd, n);

	if (p)
		trigger_reading_note(rd, add_pattern(own, p, conf_node_text(n)));
}

/* The texts of a list, or of one scalar. Gives how many, 0 after a complaint. */
static size_t texts_of(
	struct trigger_reading *rd, const struct conf_node *n, struct str texts[TEXTS_MAX])
{
	size_t count = conf_node_kind(n) == CONF_LIST ? conf_node_count(n) : 1;

	if (conf_node_kind(n) == CONF_MAP || count == 0 || count > TEXTS_MAX) {
		TRIGGER_COMPLAIN(rd, n, "write one text, or [one, another]",
			"here stands a text, or a list of 1 to %d texts", TEXTS_MAX);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item =
			conf_node_kind(n) == CONF_LIST ? conf_node_at(n, i) : n;

		texts[i] = conf_node_text(item);
		if (conf_node_kind(item) != CONF_SCALAR || str_trim(texts[i]).len == 0) {
			TRIGGER_COMPLAIN(
				rd, item, "write a word, or remove it", "this text is empty");
			return 0;
		}
		texts[i] = str_trim(texts[i]);
	}
	return count;
}

typedef int form_fn(const struct str *texts, size_t n, struct buf *out);

/* A form is compiled like a pattern; only its length can be wrong with it. */
static void add_form(struct trigger_reading *rd, const struct conf_node *n, struct buf *source,
	int err, const char *hint, struct trigger_private *own)
{
	struct pattern_fault fault;
	struct pattern *p;

	if (err == 0)
		err = pattern_new(buf_str(source), &p, &fault);
	if (err == ERR_NOMEM)
		rd->is_nomem = true;
	else if (err == ERR_LIMIT)
		TRIGGER_COMPLAIN(rd, n, "share them out over two triggers",
			"this list is too long: together at most about %d bytes",
			PATTERN_BYTES);
	else if (err < 0)
		TRIGGER_COMPLAIN(rd, n, hint, "this cannot be used here");
	else
		trigger_reading_note(rd, add_pattern(own, p, buf_str(source)));
}

static void read_form(struct trigger_reading *rd, const struct conf_node *n, form_fn *form,
	const char *hint, struct trigger_private *own)
{
	struct str texts[TEXTS_MAX];
	struct buf source;
	size_t count;

	if (!n)
		return;
	count = texts_of(rd, n, texts);
	if (count == 0)
		return;
	buf_init(&source, PATTERN_BYTES);
	add_form(rd, n, &source, form(texts, count, &source), hint, own);
	buf_fini(&source);
}

static void read_match(
	struct trigger_reading *rd, const struct conf_node *n, struct trigger_private *own)
{
	/* The forms add at most one pattern each. */
	const size_t most = TRIGGER_PATTERNS_MAX - 5;

	if (!n)
		return;
	if (conf_node_kind(n) == CONF_SCALAR) {
		read_pattern(rd, n, own);
		return;
	}
	if (conf_node_kind(n) == CONF_MAP || conf_node_count(n) == 0 || conf_node_count(n) > most) {
		TRIGGER_COMPLAIN(rd, n, "write match: '^!lurk\\b', or a list of such",
			"here stands a pattern, or a list of 1 to %zu patterns", most);
		return;
	}
	for (size_t i = 0; i < conf_node_count(n); i++) {
		if (conf_node_kind(conf_node_at(n, i)) == CONF_SCALAR)
			read_pattern(rd, conf_node_at(n, i), own);
		else
			TRIGGER_COMPLAIN(rd, conf_node_at(n, i), "put it in single quotes",
				"a pattern is a text");
	}
}

static void read_name(struct trigger_reading *rd, struct trigger_private *own)
{
	struct buf source;

	buf_init(&source, PATTERN_BYTES);
	add_form(rd, conf_node_find(rd->entry, "name"), &source,
		trigger_form_name(str_of(rd->refs->bot_name), &source), NULL, own);
	buf_fini(&source);
}

void trigger_wake_read(struct trigger_reading *rd, const struct trigger_wake *w, struct trigger *t)
{
	struct trigger_private *own = t->own;
	bool has_form = w->match || w->words || w->command || w->exact || w->contains || w->is_name;

	own->hash = hash_more(UINT64_C(0xcbf29ce484222325), str_of(t->name));
	read_match(rd, w->match, own);
	read_form(rd, w->words, trigger_form_words, NULL, own);
	read_form(rd, w->command, trigger_form_command, "a command is one word", own);
	read_form(rd, w->exact, trigger_form_exact, NULL, own);
	read_form(rd, w->contains, trigger_form_contains, NULL, own);
	if (w->is_name)
		read_name(rd, own);
	if (t->on == EVENT_MESSAGE && !has_form && !rd->is_bad && t->sort == SORT_ANY &&
		!t->needs_direct && !t->needs_first)
		TRIGGER_COMPLAIN(rd, rd->entry,
			"add words:, command:, exact:, contains:, name: or match:",
			"trigger \"%s\" would answer every message", t->name);
}
