/* must: and must_not:, the patterns that an answer is held against when it is clean and whole. */
#include "trigger/room.h"

#define RULES_MAX 20 /* patterns of one key */

static void add_rule(struct trigger_reading *rd, const struct conf_node *n, struct trigger_rules *r)
{
	struct pattern *p = trigger_pattern_read(rd, n);
	struct str text = conf_node_text(n);
	char *copy;

	if (!p)
		return;
	copy = mem_dupn(text.at, text.len);
	if (!copy) {
		rd->is_nomem = true;
		pattern_free(p);
		return;
	}
	r->patterns[r->texts.n] = p;
	r->texts.at[r->texts.n++] = copy;
}

static void read_rules(
	struct trigger_reading *rd, const struct conf_node *n, struct trigger_rules *r)
{
	const bool is_list = n && conf_node_kind(n) == CONF_LIST;
	const size_t count = is_list ? conf_node_count(n) : 1;

	if (!n)
		return;
	if (conf_node_kind(n) == CONF_MAP || count == 0 || count > RULES_MAX) {
		TRIGGER_COMPLAIN(rd, n, "write '^[^?]+$', or a list of such",
			"here stands a pattern, or a list of 1 to %d patterns", RULES_MAX);
		return;
	}
	r->patterns = mem_array(count, sizeof(struct pattern *));
	r->texts.at = mem_array(count, sizeof(char *));
	if (!r->patterns || !r->texts.at) {
		rd->is_nomem = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *one = is_list ? conf_node_at(n, i) : n;

		if (conf_node_kind(one) == CONF_SCALAR)
			add_rule(rd, one, r);
		else
			TRIGGER_COMPLAIN(rd, one, "put it in single quotes", "a pattern is a text");
	}
}

void trigger_rules_read(struct trigger_reading *rd, struct trigger *t)
{
	read_rules(rd, conf_node_find(rd->entry, "must"), &t->own->must);
	read_rules(rd, conf_node_find(rd->entry, "must_not"), &t->own->must_not);
}

void trigger_rules_fini(struct trigger_rules *r)
{
	for (size_t i = 0; i < r->texts.n; i++)
		pattern_free(r->patterns[i]);
	mem_free(r->patterns);
	conf_texts_free(&r->texts);
}

bool trigger_is_picky(const struct trigger *t)
{
	return t->schema || t->own->must.texts.n > 0 || t->own->must_not.texts.n > 0;
}

/* The first pattern of r that does not do what it should. */
static const char *broken(const struct trigger_rules *r, struct pattern_engine *g, struct str text,
	int should)
{
	for (size_t i = 0; i < r->texts.n; i++) {
		if (pattern_match(r->patterns[i], g, text, NULL, NULL) != should)
			return r->texts.at[i];
	}
	return NULL;
}

const char *trigger_breaks(const struct trigger *t, struct pattern_engine *g, struct str text,
	const char **pattern)
{
	*pattern = broken(&t->own->must, g, text, 1);
	if (*pattern)
		return "must";
	*pattern = broken(&t->own->must_not, g, text, 0);
	return *pattern ? "must_not" : NULL;
}
