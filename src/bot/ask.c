/* From a question to words that may be said: RECALL, ASK and CHECK of a turn that asks a model
 * (turn.c has the whole story).
 *
 *   begin ──▶ may it be asked? ──▶ RECALL ──▶ ASK ──▶ words ──▶ CHECK ──▶ bot_turn_put
 *                    ▲                                 │          │
 *                    ├─────── the chain's next step ◀──┘          │
 *                    └─────── once more, and more strictly ◀──────┘ refused
 *
 * A round is one question to a model and its answer. Each is counted, paid and has its row, all of
 * them have one deadline; each recalls anew, for what was erased meanwhile is not asked about. The
 * turn's own words are those of the last step. A model that declines in any of them ends the turn,
 * and whatever else goes wrong ends in the trigger's otherwise: line, or in silence. */
#include "bot/room.h"

#include <stdio.h>

#define AGAIN_LEAST_MS 1000 /* no model answers sooner: then the otherwise: line need not wait */
#define NAMED_BYTES (4 * PROVIDER_TEXT_BYTES) /* of an answer, its aliases become names */

static void turn_ask(struct turn *t, const struct conversation *past);

static bool is_last_step(const struct turn *t)
{
	return t->asking.step + 1 == t->hit.trigger->step_count;
}

/* What this step's answer is to fit; NULL = it is words. */
static const char *schema_of(const struct turn *t)
{
	const struct trigger_schema *s = t->hit.trigger->schema;

	return s && is_last_step(t) ? trigger_schema_text(s) : NULL;
}

/* By when the last word must have come, on clock_mono_ms. */
static int64_t deadline_of(const struct turn *t)
{
	const struct conf_limits *l = &t->world->conf->limits;
	const int64_t ttl = bot_turn_ttl_ms(t);
	int64_t wait = l->event_deadline_ms;

	if (t->event->kind == EVENT_SLASH)
		wait = l->slash_deadline_ms;
	else if (event_is_talk(t->event))
		wait = l->deadline_ms;
	return t->event->at_ms + (wait < ttl ? wait : ttl);
}

/* ---- May it be asked? ------------------------------------------------------------------------ */

/* Takes one call from every budget when it gives NONE. */
static enum reason take_call(struct turn *t)
{
	enum reason spent = bot_budget_take(t->bot, t->event, &t->rule);

	if (spent == REASON_NONE) {
		spent = bot_spend_ask(t->bot, t->event, &t->rule);
		if (spent != REASON_NONE)
			bot_budget_give_back(t->bot, t->event);
	}
	t->asking.is_counted = spent == REASON_NONE;
	return spent;
}

void bot_ask_give_back(struct turn *t)
{
	if (!t->asking.is_counted)
		return;
	t->asking.is_counted = false;
	bot_budget_give_back(t->bot, t->event);
	bot_spend_give_back(t->bot, t->event);
}

/* ---- RECALL ---------------------------------------------------------------------------------- */

static void on_recalled(void *ctx, int err, const struct conversation *past)
{
	struct turn *t = ctx;
	struct conversation heard = {0};

	t->is_recalling = false;
	/* No memory, no past: the turn goes on. */
	if (!err && past && bot_heed_past(t, past, &heard) == 0)
		turn_ask(t, &heard);
	else
		turn_ask(t, NULL);
	mem_free((void *)heard.lines);
}

/* One call has been taken for it. */
static void round_begin(struct turn *t)
{
	const struct memory_key key = bot_turn_key(t);

	t->state = TURN_RECALL;
	if (t->persona->lines <= 0 || t->persona->for_ms <= 0 || t->event->user_id.len == 0) {
		turn_ask(t, NULL);
		return;
	}
	t->is_recalling = true;
	memory_recall(&t->bot->memory, &key, (size_t)t->persona->lines, t->persona->for_ms,
		on_recalled, t);
}

/* The question may be asked, by all rules. */
static void question_is_judged(struct turn *t, bool is_safe)
{
	const enum reason why = is_safe ? take_call(t) : REASON_UNSAFE;

	t->state = TURN_RECALL;
	if (why != REASON_NONE)
		bot_turn_otherwise(t, why);
	else if (!bot_know_begin(t, deadline_of(t), round_begin))
		round_begin(t);
}

void bot_ask_begin(struct turn *t)
{
	enum reason why;

	if (bot_once_holds(t))
		return;
	why = bot_heed(t);
	if (why != REASON_NONE)
		bot_turn_otherwise(t, why);
	else if (bot_guard_wants(t, false))
		bot_guard_begin(t, false, deadline_of(t), question_is_judged);
	else
		question_is_judged(t, true);
}

/* ---- Words ----------------------------------------------------------------------------------- */

/* The answer to a step that is not the last: what the next one is told. */
static void next_step(struct turn *t, struct str words)
{
	struct turn_asking *a = &t->asking;
	enum reason spent;

	buf_clear(&a->previous);
	if (buf_add_str(&a->previous, str_trim(words))) {
		bot_turn_drop(t, REASON_NOMEM);
		return;
	}
	bot_row_write(t, REASON_NONE);
	a->step++;
	spent = take_call(t);
	if (spent == REASON_NONE)
		round_begin(t);
	else
		bot_turn_otherwise(t, spent);
}

/* Does the model get another chance? Then one call has been taken for it. */
static bool may_ask_again(struct turn *t)
{
	const char *why = t->rule;

	if (!t->world->conf->safety.regenerate || t->asking.is_again || t->asking.from ||
			deadline_of(t) - clock_mono_ms() < AGAIN_LEAST_MS)
		return false;
	const bool may = take_call(t) == REASON_NONE;

	t->rule = why; /* it is not the budget that refused the answer */
	return may;
}

static void refused(struct turn *t, enum reason why)
{
	if (why == REASON_DECLINED || why == REASON_NOMEM) {
		bot_turn_drop(t, why);
	} else if ((why == REASON_UNSAFE || why == REASON_UNFIT) && may_ask_again(t)) {
		bot_row_write(t, why);
		t->asking.is_again = true;
		round_begin(t);
	} else {
		bot_turn_otherwise(t, why);
	}
}

/* Where the model did not know the names, its words get them back before anybody judges them. */
static int name_people(const struct turn *t, struct str *text, struct buf *named)
{
	if (!t->prompt->aliases)
		return 0;
	const int err = prompt_aliases_reveal(t->prompt->aliases, *text, named);
	*text = buf_str(named);
	return err;
}

static void answer_is_judged(struct turn *t, bool is_safe)
{
	t->state = TURN_CHECK;
	if (is_safe) {
		bot_turn_put(t);
		return;
	}
	bot_once_unkeep(t);
	refused(t, bot_answer_refuse(t));
}

/* words: as the model wrote them, for whoever asks the same; said: as they are for this turn. */
static void take_words(struct turn *t, struct str words, struct str said, bool was_cut)
{
	enum reason why;

	/* Not of a provider that could not be paid. */
	t->rule = t->asking.from ? t->asking.from : "";
	if (!is_last_step(t)) {
		if (safety_has_declined(said))
			bot_turn_drop(t, REASON_DECLINED);
		else
			next_step(t, said);
		return;
	}
	t->state = TURN_CHECK;
	why = bot_answer_judge(t, said, was_cut);
	if (why == REASON_NONE && !was_cut)
		bot_once_keep(t, words);
	if (why != REASON_NONE)
		refused(t, why);
	else if (bot_guard_wants(t, true))
		bot_guard_begin(t, true, deadline_of(t), answer_is_judged);
	else
		bot_turn_put(t);
}

static void on_words(struct turn *t, struct str words, bool was_cut)
{
	struct str said = words;
	struct buf named;

	buf_init(&named, NAMED_BYTES);
	if (name_people(t, &said, &named))
		bot_turn_drop(t, REASON_NOMEM);
	else
		take_words(t, words, said, was_cut);
	buf_fini(&named);
}

/* For the turn that asked and for those that have waited for the same. */
static void on_words_of_all(struct turn *t, struct str words, bool was_cut)
{
	struct bot *b = t->bot;
	struct turn *other;

	bot_once_share(t);
	on_words(t, words, was_cut);
	while ((other = bot_once_due(b)) != NULL) {
		bot_ask_give_back(other);
		on_words(other, words, was_cut);
	}
}

/* ---- ASK ------------------------------------------------------------------------------------- */

static void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct turn *t = ctx;

	t->asking.is_counted = false;
	bot_spend_settle(t->bot, t, a->reserved, a->cost);
	bot_gauge_note(t->bot, t->prompt, a);
	bot_row_hold(t, a, t->prompt,
		!is_last_step(t) ? "step" : t->asking.is_again ? "again" : "answer");
}

static bool may_spend(void *ctx, const char *provider, int64_t cost)
{
	struct turn *t = ctx;

	(void)provider; /* its price is in the cost */
	return bot_spend_take(t->bot, t, cost);
}

static void on_so_far(void *ctx, struct str text)
{
	struct buf named;

	buf_init(&named, NAMED_BYTES);
	if (name_people(ctx, &text, &named) == 0)
		bot_step_so_far(ctx, text);
	buf_fini(&named);
}

static void on_answer(void *ctx, const struct provider_answer *a)
{
	struct turn *t = ctx;

	t->call = NULL;
	if (a->attempts == 0)
		bot_ask_give_back(t);
	bot_stage_took("ask", t->asked_us);
	if (a->error != PROVIDER_NONE)
		bot_once_left(t);
	switch (a->error) {
	case PROVIDER_NONE: on_words_of_all(t, a->text, a->was_cut); break;
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

/* The prompt of this round, in place of the one before. */
static int make_prompt(struct turn *t, const struct conversation *past)
{
	struct turn_asking *a = &t->asking;
	struct bot_question q = {
		.world = t->world,
		.event = t->event,
		.persona = t->persona,
		.words = bot_question_words(t->world, &t->hit.trigger->steps[a->step], &a->file),
		.hit = &t->hit,
		.past = past,
		.summary = bot_summary_of(t),
		.known = t->known,
		.known_count = t->known_count,
		.previous = buf_str(&a->previous),
		.wrong = buf_str(&a->wrong),
		.is_step = !is_last_step(t),
		.schema = str_of(schema_of(t)),
	};

	if (a->previous.len > 0)
		a->said.previous = STR(PROMPT_PREVIOUS);
	t->hit.said = &a->said;
	/* A step is told what those before it came to: what may not leave this machine stays. */
	a->is_local_only = a->is_local_only || (a->file && a->file->is_local_only);
	q.is_local_only = a->is_local_only;
	bot_question_fit(t->bot, &q);
	rand_bytes(&q.marker, sizeof(q.marker));
	rand_bytes(&q.dice, sizeof(q.dice));
	prompt_free(t->prompt);
	t->prompt = NULL;
	return bot_question_prompt(t->bot, &q, &t->prompt);
}

/* Is an answer kept? Then it goes on with that, and no call is counted. */
static bool use_kept(struct turn *t)
{
	struct buf words;
	bool is_kept;

	buf_init(&words, PROVIDER_TEXT_BYTES);
	is_kept = bot_once_kept(t, &words);
	if (is_kept) {
		bot_ask_give_back(t);
		on_words(t, buf_str(&words), false);
	}
	buf_fini(&words);
	return is_kept;
}

/* May what the model writes be shown before it is whole? */
static bool is_shown(const struct turn *t)
{
	return is_last_step(t) && !t->asking.is_again && !trigger_is_picky(t->hit.trigger) &&
		!bot_guard_wants(t, true) && bot_step_matters(t);
}

static void turn_ask(struct turn *t, const struct conversation *past)
{
	struct bot *b = t->bot;
	const bool is_first = t->asking.step == 0 && !t->asking.is_again;
	int err;

	if (is_first)
		bot_stage_took("recall", t->began_us);
	t->state = TURN_ASK;
	t->asked_us = clock_mono_us();
	err = make_prompt(t, past);
	if (err) {
		bot_ask_give_back(t);
		t->rule = "prompt";
		bot_turn_drop(t, err == ERR_NOMEM ? REASON_NOMEM : REASON_BUDGET);
		return;
	}
	/* No model is asked: what it would be asked is the decision. */
	if (b->options.replay && !b->options.model) {
		char text[64];

		t->asking.is_counted = false; /* live, one was asked */
		snprintf(text, sizeof(text), "(the model answers prompt %.12s)", t->prompt->hash);
		bot_turn_check(t, str_of(text));
		return;
	}
	if (!use_kept(t))
		bot_ask_model(t);
}

void bot_ask_model(struct turn *t)
{
	const bool is_first = t->asking.step == 0 && !t->asking.is_again && !t->asking.is_waiting;

	if (bot_once_waits(t)) {
		if (is_first)
			bot_step_thinking(t);
		return;
	}
	const struct provider_ask a = {
		.prompt = t->prompt,
		.persona = t->persona,
		.event = t->event,
		.trigger = t->hit.trigger->name,
		.is_local_only = t->asking.is_local_only,
		.schema = schema_of(t),
		.turn = t->id,
		.deadline_ms = deadline_of(t),
		.may_spend = may_spend,
		.attempt = on_attempt,
		.so_far = is_shown(t) ? on_so_far : NULL,
		.done = on_answer,
		.ctx = t,
	};
	t->call = provider_ask(t->bot->providers, &a);
	if (!t->call) {
		bot_ask_give_back(t);
		bot_turn_drop(t, REASON_NOMEM);
	} else if (is_first) {
		bot_step_thinking(t);
	}
}
