/* From a question to the model's words: RECALL and ASK of a turn (turn.c has the whole story).
 *
 * What is decided here: may a model be asked at all, with what prompt, whom, and what its answer or
 * error means. Judging the words and saying them is turn.c's again. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

static void turn_ask(struct turn *t, const struct conversation *past);

/* ---- RECALL ---------------------------------------------------------------------------------- */

static void on_recalled(void *ctx, int err, const struct conversation *past)
{
	struct turn *t = ctx;

	(void)err; /* no memory, no past: the turn goes on */
	t->is_recalling = false;
	turn_ask(t, past);
}

void bot_ask_begin(struct turn *t)
{
	enum reason spent = bot_budget_take(t->bot, t->event, &t->rule);
	const struct memory_key key = bot_turn_key(t);

	if (spent == REASON_NONE) {
		spent = bot_spend_ask(t->bot, t->event, &t->rule);
		if (spent != REASON_NONE)
			bot_budget_give_back(t->bot, t->event);
	}
	if (spent != REASON_NONE) {
		bot_turn_otherwise(t, spent);
		return;
	}
	t->state = TURN_RECALL;
	if (t->persona->lines <= 0 || t->persona->for_ms <= 0 || t->event->user_id.len == 0) {
		turn_ask(t, NULL);
		return;
	}
	t->is_recalling = true;
	memory_recall(&t->bot->memory, &key, (size_t)t->persona->lines, t->persona->for_ms,
		on_recalled, t);
}

/* ---- ASK ------------------------------------------------------------------------------------- */

static void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct turn *t = ctx;

	bot_spend_settle(t->bot, t, a->reserved, a->cost);
	bot_row_hold(t, a);
}

static bool may_spend(void *ctx, const char *provider, int64_t cost)
{
	struct turn *t = ctx;

	(void)provider; /* its price is in the cost */
	return bot_spend_take(t->bot, t, cost);
}

static void on_so_far(void *ctx, struct str text)
{
	bot_step_so_far(ctx, text);
}

static void on_answer(void *ctx, const struct provider_answer *a)
{
	struct turn *t = ctx;

	t->call = NULL;
	if (a->attempts == 0) {
		bot_budget_give_back(t->bot, t->event);
		bot_spend_give_back(t->bot, t->event);
	}
	bot_stage_took("ask", t->asked_us);
	switch (a->error) {
	case PROVIDER_NONE:
		t->rule = ""; /* of a provider that could not be paid */
		bot_turn_check(t, a->text, true, a->was_cut);
		break;
	case PROVIDER_BREAKER: bot_turn_otherwise(t, REASON_BREAKER); break;
	case PROVIDER_BUDGET: bot_turn_otherwise(t, REASON_BUDGET); break;
	case PROVIDER_UNSAFE: bot_turn_otherwise(t, REASON_UNSAFE); break;
	case PROVIDER_EMPTY: bot_turn_otherwise(t, REASON_EMPTY); break;
	case PROVIDER_NOMEM: bot_turn_drop(t, REASON_NOMEM); break;
	default:
		t->is_slow = a->error == PROVIDER_TIMEOUT;
		t->rule = provider_error_name(a->error);
		bot_turn_otherwise(t, REASON_PROVIDER);
		break;
	}
}

/* How long a model may take for it. */
static int64_t patience_of(const struct turn *t)
{
	const struct conf_limits *l = &t->world->conf->limits;
	const int64_t ttl = bot_turn_ttl_ms(t);
	int64_t wait = l->event_deadline_ms;

	if (t->event->kind == EVENT_SLASH)
		wait = l->slash_deadline_ms;
	else if (event_is_talk(t->event))
		wait = l->deadline_ms;
	return wait < ttl ? wait : ttl;
}

static void turn_ask(struct turn *t, const struct conversation *past)
{
	struct bot *b = t->bot;
	size_t window, answer;
	struct buf ask;
	int err;

	bot_stage_took("recall", t->began_us);
	t->state = TURN_ASK;
	t->asked_us = clock_mono_us();
	provider_budget(b->providers, t->persona, &window, &answer);
	buf_init(&ask, TRIGGER_TEXT_BYTES);
	uint32_t dice;
	uint64_t marker;
	rand_bytes(&dice, sizeof(dice));
	rand_bytes(&marker, sizeof(marker));
	err = trigger_expand(t->hit.trigger->ask, t->event, &t->hit, dice, &ask);
	if (!err || err == ERR_LIMIT) {
		const struct prompt_options o = {
			.persona = t->persona,
			.event = t->event,
			.ask = buf_str(&ask),
			.past = past,
			.budget_tokens = window > answer ? window - answer : 0,
			.form = form_of(t->event->platform),
			.max_chars = bot_answer_chars(t->world, t->event),
			.marker = marker,
		};
		err = prompt_build(&o, &t->prompt);
	}
	buf_fini(&ask);
	if (err) {
		t->rule = "prompt";
		bot_turn_drop(t, err == ERR_NOMEM ? REASON_NOMEM : REASON_BUDGET);
		return;
	}
	if (b->options.replay) { /* no model is asked: what it would be asked is the decision */
		char text[64];

		snprintf(text, sizeof(text), "(the model answers prompt %.12s)", t->prompt->hash);
		bot_turn_check(t, str_of(text), false, false);
		return;
	}
	const struct provider_ask a = {
		.prompt = t->prompt,
		.persona = t->persona,
		.turn = t->id,
		.deadline_ms = t->event->at_ms + patience_of(t),
		.may_spend = may_spend,
		.attempt = on_attempt,
		.so_far = bot_step_matters(t) ? on_so_far : NULL,
		.done = on_answer,
		.ctx = t,
	};
	t->call = provider_ask(b->providers, &a);
	if (t->call)
		bot_step_thinking(t);
	else
		bot_turn_drop(t, REASON_NOMEM);
}
