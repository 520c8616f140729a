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

	*out = (struct bot_rendered){.file = r->file};
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

enum reason bot_render_judge(const struct bot_world *w, const struct event *e,
	const struct bot_rendered *r, struct str answer, struct buf *text, const char **rule)
{
	const struct safety_context c = {
		.bot = str_of(w->conf->name),
		.persona = str_of(r->persona->name),
		.user = e->user,
		.question = e->text,
		.system = r->prompt ? r->prompt->messages[0].text : (struct str){NULL, 0},
		.canary = r->prompt ? str_of(r->persona->canary) : (struct str){NULL, 0},
		.form = form_of(e->platform),
		.is_model = r->prompt != NULL,
	};
	const enum reason why = safety_check(w->safety, &c, answer, text, rule);

	*rule = *rule ? *rule : "";
	return why;
}
