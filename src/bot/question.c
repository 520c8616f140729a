/* What a model is asked for one step of a trigger: for a turn, for explain and for whoever only
 * wants to see it. */
#include "bot/room.h"

#include <string.h>

/* Tokens, where no running bot knows its providers: the defaults of their options. */
#define WINDOW_TOKENS 4096
#define ANSWER_TOKENS 500

const char *bot_question_words(const struct bot_world *w, const struct trigger_step *step,
	const struct prompt_file **file)
{
	*file = step->prompt ? bot_world_prompt(w, step->prompt) : NULL;
	return *file ? (*file)->text : step->ask ? step->ask : "";
}

struct provider_ask bot_question_ask(const struct bot_question *q)
{
	return (struct provider_ask){
		.persona = q->persona,
		.event = q->event,
		.trigger = q->hit && q->hit->trigger ? q->hit->trigger->name : NULL,
		.is_local_only = q->is_local_only,
	};
}

const struct conf_provider *bot_question_provider(
	const struct bot_world *w, const struct persona *p)
{
	const struct conf *c = w->conf;
	const char *name = p->use ? p->use : c->ask.n > 0 ? c->ask.at[0] : NULL;

	for (size_t i = 0; i < c->provider_count && name; i++) {
		if (strcmp(c->providers[i].name, name) == 0)
			return &c->providers[i];
	}
	return NULL;
}

void bot_question_fit(struct bot *b, struct bot_question *q)
{
	const struct conf_provider *first = bot_question_provider(q->world, q->persona);
	const struct provider_ask a = bot_question_ask(q);
	size_t window = WINDOW_TOKENS, answer = ANSWER_TOKENS;
	const char *provider, *model;

	if (b) {
		provider_first(b->providers, &a, &provider, &model);
		provider_budget(b->providers, &a, &window, &answer);
		q->gauge = bot_gauge_of(b, provider, model);
	} else if (first) {
		window = (size_t)first->context_tokens;
		answer = (size_t)(q->persona->max_tokens ? q->persona->max_tokens
							 : first->max_tokens);
	}
	q->budget_tokens = window > answer ? window - answer : 0;
}

static int write_hidden(void *ctx, struct str value, struct buf *out)
{
	return prompt_aliases_hide(ctx, value, out);
}

/* The words with their values; what fits of them is asked. */
static int expand(
	const struct bot_question *q, struct prompt_aliases *aliases, struct buf *out)
{
	const struct trigger_writer writer = {write_hidden, aliases};
	struct trigger_hit hit = q->hit ? *q->hit : (struct trigger_hit){0};
	int err;

	hit.writer = aliases ? &writer : NULL;
	err = trigger_expand(q->words, q->event, &hit, q->dice, out);
	return err == ERR_LIMIT ? 0 : err;
}

static int build(const struct bot_question *q, bool hides_names, struct prompt **out)
{
	struct prompt_aliases *aliases = NULL;
	const struct conversation *past = q->past;
	struct prompt_note notes[KNOWLEDGE_TOP];
	struct buf ask;
	int err = 0;

	for (size_t i = 0; i < q->known_count; i++)
		notes[i] = (struct prompt_note){
			str_of(q->known[i].chunk->file), q->known[i].chunk->text};
	buf_init(&ask, TRIGGER_TEXT_BYTES);
	if (hides_names)
		err = prompt_aliases_new(q->event, past, &aliases);
	if (err == ERR_LIMIT) { /* it names more people than there are aliases: without it, then */
		past = NULL;
		err = prompt_aliases_new(q->event, NULL, &aliases);
	}
	if (!err)
		err = expand(q, aliases, &ask);
	const struct prompt_options o = {
		.persona = q->persona,
		.event = q->event,
		.ask = buf_str(&ask),
		.past = past,
		/* It may name people who are not in these lines. */
		.summary = hides_names ? (struct str){NULL, 0} : q->summary,
		.notes = notes,
		.note_count = q->known_count,
		.budget_tokens = q->budget_tokens,
		.gauge = q->gauge,
		.form = form_of(q->event->platform),
		.max_chars = bot_answer_chars(q->world, q->event),
		.marker = q->marker,
		.previous = q->previous,
		.is_step = q->is_step,
		.schema = q->schema,
		.wrong = q->wrong,
		.aliases = aliases,
	};
	if (!err)
		err = prompt_build(&o, out);
	else
		prompt_aliases_free(aliases);
	buf_fini(&ask);
	return err;
}

/* May this prompt, or another one for the same question (NULL), go to another machine? */
static bool may_leave(struct bot *b, const struct bot_question *q, const struct prompt *p)
{
	const struct conf *c = q->world->conf;
	struct provider_ask a = bot_question_ask(q);
	struct provider_route route;
	bool may = false;

	if (q->is_local_only)
		return false;
	if (b) {
		a.prompt = p;
		provider_route(b->providers, &a, &route);
		for (size_t i = 0; i < route.n; i++)
			may = may || route.legs[i].is_remote;
		return may;
	}
	for (size_t i = 0; i < c->provider_count; i++)
		may = may || !conf_provider_is_local(&c->providers[i]);
	return may;
}

int bot_question_prompt(struct bot *b, const struct bot_question *q, struct prompt **out)
{
	const bool sends_names = q->world->conf->privacy.send_names;
	const bool hides_names = !sends_names && may_leave(b, q, NULL);
	int err = build(q, hides_names, out);

	/* Rules may send a longer prompt elsewhere than a short one. */
	if (err || hides_names || sends_names || !may_leave(b, q, *out))
		return err;
	prompt_free(*out);
	*out = NULL;
	return build(q, true, out);
}

bool bot_question_is_local(const struct turn *t)
{
	for (size_t i = 0; i < t->hit.trigger->step_count; i++) {
		const char *ref = t->hit.trigger->steps[i].prompt;
		const struct prompt_file *p = ref ? bot_world_prompt(t->world, ref) : NULL;

		if (p && p->is_local_only)
			return true;
	}
	return false;
}
