/* Route: whom a question would go to, in which order, for which model, at which price, and why or
 * why not; for `mynah route`. Nobody is asked and nothing changes. */
#include "bot/room.h"

static double dollars(int64_t micros)
{
	return (double)micros / CONF_DOLLAR;
}

static int add_leg(const struct provider_leg *leg, size_t number, struct buf *out)
{
	int err = buf_addf(out, "  %zu. %s %s (%s%s%s)", number, leg->is_asked ? "ask " : "skip",
		leg->name, leg->type, *leg->model != '\0' ? " " : "", leg->model);

	if (!err && (leg->price_in > 0 || leg->price_out > 0))
		err = buf_addf(out, ", $%.2f and $%.2f a million tokens", dollars(leg->price_in),
			dollars(leg->price_out));
	return err ? err : buf_addf(out, ": %s\n", leg->why);
}

static int add_route(const struct provider_pool *pool, const struct provider_ask *a,
	struct buf *out)
{
	struct provider_route r;
	int err;

	provider_route(pool, a, &r);
	if (r.rule > 0)
		err = buf_addf(out, "route    rule %zu of routes:\n", r.rule);
	else
		err = buf_adds(out, "route    no rule of routes: fits, so ask: decides\n");
	for (size_t i = 0; i < r.n && !err; i++)
		err = add_leg(&r.legs[i], i + 1, out);
	return err ? err : r.n == 0 ? buf_adds(out, "  nobody\n") : 0;
}

/* The prompt of the trigger's first step. *out NULL: it asks no model. */
static int make_prompt(struct bot *b, const struct bot_world *w, const struct event *e,
	const struct trigger_hit *hit, struct provider_ask *a, struct prompt **out)
{
	const struct prompt_file *file;
	struct bot_question q = {.world = w, .event = e, .persona = a->persona, .hit = hit};

	*out = NULL;
	if (hit->trigger->step_count == 0)
		return 0;
	q.words = bot_question_words(w, &hit->trigger->steps[0], &file);
	q.is_local_only = a->is_local_only = file && file->is_local_only;
	bot_question_fit(b, &q);
	return bot_question_prompt(b, &q, out);
}

int bot_route(struct bot *b, const struct provider_pool *pool, const struct bot_world *w,
	const struct event *given, const char *trigger, struct buf *out, const char **why)
{
	const struct event placed = b ? bot_event_placed(b, given) : *given;
	const struct event *e = &placed;
	struct trigger_hit hit = {
		.trigger = trigger ? trigger_set_find(w->triggers, trigger) : NULL};
	struct provider_ask a = {.event = e, .trigger = trigger};
	struct prompt *prompt = NULL;
	int err = 0;

	*why = "there is no trigger of that name";
	if (trigger && !hit.trigger)
		return ERR_NOTFOUND;
	a.persona = bot_channel_persona(b, w, e, hit.trigger);
	if (hit.trigger)
		err = make_prompt(b, w, e, &hit, &a, &prompt);
	a.prompt = prompt;
	if (prompt)
		err = buf_addf(out, "prompt   about %zu tokens%s\n", prompt->tokens,
			a.is_local_only ? ", which may not leave this machine" : "");
	else if (err == ERR_LIMIT)
		err = buf_adds(out, "prompt   does not fit the model's window\n");
	else if (!err && trigger)
		err = buf_addf(out, "prompt   none: %s asks no model\n", trigger);
	if (!err)
		err = add_route(pool ? pool : b->providers, &a, out);
	if (!err && b)
		err = bot_spend_explain(b, e, a.persona, out);
	prompt_free(prompt);
	return err;
}
