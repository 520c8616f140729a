/* What a model answered: is it what the trigger asks for, and may it be said?
 *
 * JSON is taken apart first, and its fields fill in the trigger's reply:. Safety judges what would
 * be said; the trigger's patterns are held against it once it is clean. */
#include "bot/room.h"

#include <string.h>

/* Why an answer will not do, for the model: never in its own words, which were made of chat's. */
static enum reason unfit(struct turn *t, const char *rule, enum reason why, const char *what,
	const char *detail)
{
	t->rule = rule;
	buf_clear(&t->text);
	buf_clear(&t->asking.wrong);
	if (buf_addf(&t->asking.wrong, "%s%s", what, detail) == ERR_NOMEM)
		return REASON_NOMEM;
	return why; /* a long clause is cut */
}

static struct pattern_engine *engine_of(const struct turn *t)
{
	return trigger_set_engine(t->world->triggers);
}

/* What the trigger's reply: makes of JSON. */
static enum reason speak(struct turn *t, struct str words, struct buf *out)
{
	const struct trigger *trigger = t->hit.trigger;
	struct json *answer = NULL;
	struct buf why;
	uint32_t dice;
	enum reason r = REASON_NONE;
	int err;

	rand_bytes(&dice, sizeof(dice));
	buf_init(&why, t->asking.wrong.max);
	err = trigger_schema_fit(trigger->schema, engine_of(t), words, &answer, &why);
	if (err == ERR_INVALID) {
		r = unfit(t, "schema", REASON_UNFIT, buf_text(&why), "");
	} else if (!err) {
		t->asking.said.answer = answer;
		err = trigger_expand(trigger->reply, t->event, &t->hit, dice, out);
		t->asking.said.answer = NULL;
		if (err == ERR_LIMIT)
			r = unfit(t, "schema", REASON_UNFIT, "it was too long", "");
	}
	if (err == ERR_NOMEM)
		r = REASON_NOMEM;
	json_free(answer);
	buf_fini(&why);
	return r;
}

static enum reason judge(struct turn *t, struct str words, bool was_cut)
{
	const struct bot_text said = {.text = words, .is_model = true, .was_cut = was_cut};
	const char *advice, *pattern;
	enum reason r = bot_judge(t, &said, &t->text, &t->rule);

	if (r == REASON_UNSAFE)
		r = unfit(t, t->rule, r, "it may not be said: ",
			safety_rule_text(t->rule, &advice));
	if (r != REASON_NONE)
		return r;
	const char *rule =
		trigger_breaks(t->hit.trigger, engine_of(t), buf_str(&t->text), &pattern);
	if (!rule)
		return REASON_NONE;
	return unfit(t, rule, REASON_UNFIT,
		strcmp(rule, "must") == 0 ? "it has to match the pattern "
					  : "it may not match the pattern ",
		pattern);
}

enum reason bot_answer_judge(struct turn *t, struct str words, bool was_cut)
{
	struct buf spoken;
	enum reason r;

	if (!t->hit.trigger->schema)
		return judge(t, words, was_cut);
	if (safety_has_declined(words))
		return REASON_DECLINED;
	buf_init(&spoken, TRIGGER_TEXT_BYTES);
	r = speak(t, words, &spoken);
	if (r == REASON_NONE)
		r = judge(t, buf_str(&spoken), false);
	buf_fini(&spoken);
	return r;
}

enum reason bot_answer_refuse(struct turn *t)
{
	return unfit(t, t->rule, REASON_UNSAFE, "it was judged unsafe", "");
}
