/* knowledge: of a trigger: whether the model is told what the streamer wrote, and of which
 * files. */
#include "trigger/room.h"

#include <string.h>

#define HINT_BYTES 200

static void check_file(struct trigger_reading *rd, const struct conf_node *n, const char *name)
{
	const struct trigger_refs *refs = rd->refs;
	const char *near = NULL;
	struct buf hint;

	if (!refs->knowledge)
		return;
	for (size_t i = 0; i < refs->knowledge_count; i++) {
		const struct str file = str_of(refs->knowledge[i]);

		/* With ".md" or without. */
		if (str_is(file, name) || (file.len > 3 &&
				str_is((struct str){file.at, file.len - 3}, name)))
			return;
	}
	buf_init(&hint, HINT_BYTES);
	if (buf_addf(&hint, "%s%s", name, strstr(name, ".md") ? "" : ".md") == 0)
		near = conf_nearest(buf_str(&hint), refs->knowledge, refs->knowledge_count);
	buf_clear(&hint);
	if (near && buf_addf(&hint, "did you mean %s?", near))
		near = NULL;
	TRIGGER_COMPLAIN(rd, n, near ? buf_text(&hint)
		: "it is the name of a file in knowledge/; true means all of them",
		"there is no file of knowledge \"%s\"", name);
	buf_fini(&hint);
}

void trigger_know_read(struct trigger_reading *rd, struct trigger *t)
{
	const struct conf_node *n = conf_node_find(rd->entry, "knowledge");
	struct conf_texts *said = &t->knowledge;
	const struct str word = said->n == 1 ? str_of(said->at[0]) : STR("");

	if (!n || rd->is_nomem)
		return;
	if (t->step_count == 0)
		trigger_reading_warn(rd, "knowledge", "leave it out",
			"knowledge: is only for ask:, a reply is said as it is");
	if (str_is_among(word, "true yes on false no off")) {
		t->knows = str_is_among(word, "true yes on");
		conf_texts_free(said);
		*said = (struct conf_texts){NULL, 0};
		return;
	}
	t->knows = true;
	if (said->n == 0)
		TRIGGER_COMPLAIN(rd, n, "write true, or names of files: [rules, faq]",
			"knowledge: names no file");
	for (size_t i = 0; i < said->n; i++)
		check_file(rd, conf_node_kind(n) == CONF_LIST ? conf_node_at(n, i) : n,
			said->at[i]);
}
