/* What a model answered: is it what was asked for, and may it be said? */
#include "bot/room.h"

/* What the model is told of a rule that its answer broke. */
static int tell_model(struct turn *t, const char *rule)
{
	const char *advice;
	const char *found = safety_rule_text(rule, &advice);

	buf_clear(&t->asking.wrong);
	return buf_adds(&t->asking.wrong, *found ? found : "it may not be said");
}

enum reason bot_answer_judge(struct turn *t, struct str words, bool was_cut)
{
	const struct bot_text said = {.text = words, .is_model = true, .was_cut = was_cut};
	enum reason r = bot_judge(t, &said, &t->text, &t->rule);

	if (r == REASON_UNSAFE && tell_model(t, t->rule))
		r = REASON_NOMEM;
	return r;
}
