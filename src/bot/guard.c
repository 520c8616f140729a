/* A model that judges (safety.model): asked with the question before anybody else is, and with the
 * answer when all rules have passed it. Its verdict is read strictly: what is neither "safe" nor
 * "unsafe" is none, as is no answer in time; then the config says what happens. It is a call like
 * any other, with its row and its price. */
#include "bot/room.h"

#include <stdio.h>

#define CATEGORY_BYTES 40

enum verdict { VERDICT_SAFE, VERDICT_UNSAFE, VERDICT_NONE };

bool bot_guard_wants(const struct turn *t, bool is_answer)
{
	const struct conf_safety *s = &t->world->conf->safety;

	if (!s->model || t->bot->options.replay)
		return false;
	return is_answer ? s->model_output : s->model_input && t->event->text.len > 0;
}

/* The first of "S1,S10" or "hate,self-harm/intent". Empty: it is no such list. */
static struct str category_of(struct str line, int kind)
{
	const struct str first = str_split(&line, ',');
	const bool is_code = kind == CONF_GUARD_MODEL;

	for (size_t i = 0; i < first.len; i++) {
		const char c = first.at[i];
		const bool is_good = is_code
			? (i == 0 ? c == 'S' : ascii_is_digit(c))
			: ascii_is_alnum(c) || c == '-' || c == '/' || c == '_';

		if (!is_good)
			return (struct str){NULL, 0};
	}
	if (first.len > CATEGORY_BYTES || (is_code && first.len < 2))
		return (struct str){NULL, 0};
	return first;
}

/* "safe"; "unsafe", and in a second line by what. Everything else is no verdict. */
static enum verdict read_verdict(struct turn *t, struct str text)
{
	const int kind = t->world->conf->safety.model_kind;
	struct str rest = str_trim(text), word = str_trim(str_split(&rest, '\n'));
	struct str category;

	rest = str_trim(rest);
	if (str_is(word, "safe") && rest.len == 0)
		return VERDICT_SAFE;
	if (!str_is(word, "unsafe"))
		return VERDICT_NONE;
	category = category_of(rest, kind);
	if (rest.len > 0 && category.len == 0)
		return VERDICT_NONE;
	snprintf(t->guard.rule, sizeof(t->guard.rule), "model%s%.*s", category.len > 0 ? ":" : "",
		STR_FMT(category));
	return VERDICT_UNSAFE;
}

static void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct turn *t = ctx;

	bot_spend_settle(t->bot, t, a->reserved, a->cost);
	bot_row_hold(t, a, t->guard.prompt, t->guard.purpose);
}

static bool may_spend(void *ctx, const char *provider, int64_t cost)
{
	struct turn *t = ctx;

	(void)provider; /* its price is in the cost */
	return bot_spend_take(t->bot, t, cost);
}

static void tell(struct turn *t, enum verdict v)
{
	bool is_safe = v == VERDICT_SAFE;

	if (v == VERDICT_NONE) {
		is_safe = t->world->conf->safety.model_on_error == CONF_DOUBT_ALLOW;
		snprintf(t->guard.rule, sizeof(t->guard.rule), "model:error");
		log_event(LOG_ERROR, "bot", "no_verdict", "turn", t->id, "message",
			is_safe ? "the model that judges gave no verdict: it counts as safe"
				: "the model that judges gave no verdict: it counts as unsafe",
			NULL);
	}
	t->rule = is_safe ? "" : t->guard.rule;
	bot_row_write(t, is_safe ? REASON_NONE : REASON_UNSAFE);
	t->guard.done(t, is_safe);
}

static void on_verdict(void *ctx, const struct provider_answer *a)
{
	struct turn *t = ctx;

	t->call = NULL;
	t->guard.is_asked = false;
	if (a->attempts == 0)
		bot_budget_give_back(t->bot, t->event);
	tell(t, a->error == PROVIDER_NONE && !a->was_cut ? read_verdict(t, a->text) : VERDICT_NONE);
}

/* Starts the call. False when there can be none. */
static bool ask(struct turn *t, bool is_answer, int64_t deadline_ms)
{
	const struct conf_safety *s = &t->world->conf->safety;
	const struct str answer = is_answer ? buf_str(&t->text) : (struct str){NULL, 0};
	const int64_t due_ms = clock_mono_ms() + s->model_wait_ms;
	struct turn_guard *g = &t->guard;

	bot_row_write(t, REASON_NONE); /* of the answer: its verdict has a row of its own */
	prompt_free(g->prompt);
	g->prompt = NULL;
	if (prompt_bare(t->event->text, answer, &g->prompt))
		return false;
	if (bot_budget_take(t->bot, t->event, &t->rule) != REASON_NONE)
		return false;
	const struct provider_ask a = {
		.prompt = g->prompt,
		.only = s->model,
		.is_moderation = s->model_kind == CONF_GUARD_MODERATIONS,
		/* What was said may name people. */
		.is_local_only =
			bot_question_is_local(t) || !t->world->conf->privacy.send_names,
		.turn = t->id,
		.deadline_ms = due_ms < deadline_ms ? due_ms : deadline_ms,
		.may_spend = may_spend,
		.attempt = on_attempt,
		.done = on_verdict,
		.ctx = t,
	};
	t->call = provider_ask(t->bot->providers, &a);
	g->is_asked = t->call != NULL;
	if (!g->is_asked)
		bot_budget_give_back(t->bot, t->event);
	return g->is_asked;
}

void bot_guard_begin(struct turn *t, bool is_answer, int64_t deadline_ms,
	void (*done)(struct turn *t, bool is_safe))
{
	t->state = TURN_ASK;
	t->guard.done = done;
	t->guard.purpose = is_answer ? "guard_answer" : "guard_question";
	if (!ask(t, is_answer, deadline_ms))
		tell(t, VERDICT_NONE);
}
