/* Prompts without a bot: what a model would be asked, which one, and what would become of its
 * answer. For `mynah prompt`, and for complaints about prompts that nobody has tried. */
#include "bot/room.h"

#include <string.h>

bool bot_prompt_is_used(
	const struct bot_world *w, const struct trigger *t, const struct prompt_file *p)
{
	for (size_t i = 0; i < t->step_count; i++) {
		const char *ref = t->steps[i].prompt;

		if (ref && bot_world_prompt(w, ref) == p)
			return true;
	}
	return false;
}

static bool is_other(const struct bot_world *w, const struct prompt_file *p,
	const struct trigger *t, const char **model)
{
	const struct conf_provider *first = bot_question_provider(w, bot_world_persona(w, t));

	*model = first && first->model ? first->model : "";
	return first && strcmp(*model, p->tested_with) != 0;
}

const char *bot_prompt_stale(const struct bot_world *w, const struct prompt_file *p)
{
	const struct trigger *t;
	const char *model = NULL;
	bool is_used = false;

	if (!p->tested_with)
		return NULL;
	for (size_t i = 0; (t = trigger_set_at(w->triggers, i)) != NULL; i++) {
		if (!bot_prompt_is_used(w, t, p))
			continue;
		is_used = true;
		if (is_other(w, p, t, &model))
			return model;
	}
	return !is_used && is_other(w, p, NULL, &model) ? model : NULL;
}

int bot_captures(const struct bot_world *w, const struct event *e, struct trigger_hit *hit)
{
	const struct trigger *t = hit->trigger;
	struct trigger_state *state = NULL;

	if (trigger_state_new(&state))
		return ERR_NOMEM;
	(void)trigger_find(w->triggers, state, e, clock_mono_ms(), 0, hit);
	trigger_state_free(state);
	if (hit->trigger != t)
		*hit = (struct trigger_hit){.trigger = t};
	return 0;
}

int bot_render(const struct bot_world *w, const struct event *e, const struct bot_rendering *r,
	struct bot_rendered *out)
{
	struct trigger_hit hit = {.trigger = r->trigger};
	struct bot_question q = {.world = w, .event = e, .hit = &hit, .marker = r->marker};
	int err = 0;

	*out = (struct bot_rendered){.trigger = r->trigger, .file = r->file};
	q.persona = out->persona = bot_world_persona(w, r->trigger);
	q.words = r->file ? r->file->text : "";
	if (r->trigger) {
		q.words = bot_question_words(w, &r->trigger->steps[0], &out->file);
		q.is_step = r->trigger->step_count > 1;
		err = bot_captures(w, e, &hit);
	}
	q.is_local_only = out->file && out->file->is_local_only;
	bot_question_fit(NULL, &q);
	out->budget_tokens = q.budget_tokens;
	return err ? err : bot_question_prompt(NULL, &q, &out->prompt);
}

void bot_render_judge(const struct bot_world *w, const struct event *e,
	const struct bot_rendered *r, struct str answer, struct bot_judged *out)
{
	const struct bot_text said = {.text = answer, .is_model = r->prompt != NULL};
	struct event event = *e;
	struct turn t = {.world = (struct bot_world *)w, .event = &event, .persona = r->persona,
		.prompt = r->prompt, .hit = {.trigger = r->trigger}, .rule = ""};

	*out = (struct bot_judged){.reason = REASON_NOMEM, .rule = ""};
	buf_init(&t.text, TURN_TEXT_BYTES);
	buf_init(&t.asking.wrong, TURN_WRONG_BYTES);
	if (!r->trigger || !r->prompt) {
		out->reason = bot_judge(&t, &said, &t.text, &t.rule);
	} else if (bot_captures(w, e, &t.hit) == 0) {
		t.hit.said = &t.asking.said;
		out->reason = bot_answer_judge(&t, answer, false);
	}
	out->rule = t.rule;
	out->text = t.text;
	out->wrong = t.asking.wrong;
}

void bot_judged_fini(struct bot_judged *j)
{
	buf_fini(&j->text);
	buf_fini(&j->wrong);
}
