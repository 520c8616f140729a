/* What a model is asked: the one question of ask:, or those of chain:, one after the other. */
#include "trigger/room.h"

#define HINT_STEP "write {ask: \"...\"}, or the name of a prompt"

static const struct conf_option options[] = {
	{.name = "ask", .type = CONF_TEXT, .offset = offsetof(struct trigger_step, ask),
		.help = "What to ask the model."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int copy(struct str text, char **out)
{
	*out = mem_dupn(text.at, text.len);
	return *out ? 0 : ERR_NOMEM;
}

static void read_step(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t)
{
	struct trigger_step *step = &t->steps[t->step_count++];

	switch (conf_node_kind(n)) {
	case CONF_SCALAR:
		trigger_reading_note(rd, copy(str_trim(conf_node_text(n)), &step->prompt));
		break;
	case CONF_LIST: TRIGGER_COMPLAIN(rd, n, HINT_STEP, "a step is no list"); break;
	case CONF_MAP:
		trigger_reading_note(
			rd, conf_read(rd->report, rd->file, n, options, OPTIONS, step));
		if (!step->ask && !rd->is_bad)
			TRIGGER_COMPLAIN(rd, n, HINT_STEP, "this step asks nothing");
		break;
	}
}

void trigger_chain_read(struct trigger_reading *rd, const struct conf_node *n, const char *prompt,
	struct trigger *t)
{
	const bool is_list = n && conf_node_kind(n) == CONF_LIST;
	const size_t count = is_list ? conf_node_count(n) : 0;

	if (!n && !t->ask && !prompt)
		return;
	t->steps = mem_array(TRIGGER_STEPS_MAX, sizeof(*t->steps));
	if (!t->steps) {
		rd->is_nomem = true;
		return;
	}
	if (t->ask)
		trigger_reading_note(rd, copy(str_of(t->ask), &t->steps[t->step_count++].ask));
	else if (prompt)
		trigger_reading_note(rd, copy(str_of(prompt), &t->steps[t->step_count++].prompt));
	if (t->ask && prompt)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "prompt"),
			"keep one; a prompt file holds what ask: would say",
			"trigger \"%s\" has both ask: and prompt:", t->name);
	else if (n && t->step_count > 0)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, t->ask ? "ask" : "prompt"),
			"make it the last step of chain:", "trigger \"%s\" has both %s: and chain:",
			t->name, t->ask ? "ask" : "prompt");
	else if (n && (count < 1 || count > TRIGGER_STEPS_MAX))
		TRIGGER_COMPLAIN(rd, n, HINT_STEP " after each \"- \"",
			"a chain is a list of 1 to %d steps", TRIGGER_STEPS_MAX);
	else
		for (size_t i = 0; i < count; i++)
			read_step(rd, conf_node_at(n, i), t);
}

void trigger_chain_check(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t)
{
	const struct conf_node *named = conf_node_find(rd->entry, "prompt");
	const bool is_chain = n && !t->ask && !named;

	for (size_t i = 0; i < t->step_count; i++) {
		const struct trigger_step *step = &t->steps[i];
		const struct conf_node *at = is_chain ? conf_node_at(n, i) : rd->entry;

		if (step->prompt)
			trigger_prompt_check(rd, is_chain ? at : named, step->prompt, t);
		else
			trigger_template_read(rd, t, step->ask, i > 0, conf_node_find(at, "ask"));
	}
}

void trigger_chain_fini(struct trigger *t)
{
	for (size_t i = 0; t->steps && i < t->step_count; i++) {
		mem_free(t->steps[i].ask);
		mem_free(t->steps[i].prompt);
	}
	mem_free(t->steps);
}
