/* A live model, case by case: first every prompt is worked out, then the model is asked, then its
 * answers are played. The clock is the machine's only in between. */
#include "golden/golden.h"
#include "ledger/ledger.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WHY_BYTES 512
#define ROW_BYTES 96 /* of sizes, as JSON */
#define EVAL "eval"  /* these calls are no turn's */

/* One case's prompt and the answers to it. */
struct question {
	struct golden_outcome asked;
	char **answers;
	bool *was_cut;
};

struct evaluation {
	const struct golden_eval_options *o;
	struct golden_eval *out;
	struct question *questions; /* as out->at */
	struct io *io;
	struct provider_pool *pool;
	struct ledger ledger;
	size_t question, sample; /* that is asked now */
	int64_t began_ms;
	int err;
};

size_t golden_live_count(const struct golden_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->at[i]->live.is_there;
	return n;
}

/* ---- The prompts ----------------------------------------------------------------------------- */

static void question_fini(struct question *q, size_t samples)
{
	for (size_t i = 0; q->answers && i < samples; i++)
		mem_free(q->answers[i]);
	mem_free(q->answers);
	mem_free(q->was_cut);
	golden_outcome_fini(&q->asked);
	*q = (struct question){.answers = NULL};
}

static int collect(struct evaluation *e)
{
	const struct golden_eval_options *o = e->o;
	struct golden_stage *g = NULL;
	const char *why = "";
	const bool is_here = conf_provider_is_local(&o->world->conf->providers[o->provider]);
	const size_t n = e->out->n;
	size_t k = 0;
	int err = golden_stage_new(o->source, o->world, (uint64_t)o->seed, &g);

	for (size_t i = 0; !err && i < o->set->n; i++) {
		const struct golden_case *c = o->set->at[i];
		struct question *q = &e->questions[k];

		if (!c->live.is_there)
			continue;
		e->out->at[k++].c = c;
		q->answers = mem_array(o->samples, sizeof(*q->answers));
		q->was_cut = mem_array(o->samples, sizeof(*q->was_cut));
		err = golden_play(g, c, NULL, &q->asked, &why);
		if (!err && (!q->answers || !q->was_cut))
			err = ERR_NOMEM;
		if (!err && !q->asked.prompt)
			why = "no model is asked in it", err = ERR_INVALID;
		if (err == ERR_INVALID)
			snprintf(e->out->message, sizeof(e->out->message), "%s: %s", c->name, why);
		if (!err && q->asked.is_local_only && !is_here) {
			question_fini(q, o->samples);
			k--;
			e->out->at[n - ++e->out->kept].c = c;
		}
	}
	e->out->n = err ? n : k;
	if (!err && k == 0) {
		snprintf(e->out->message, sizeof(e->out->message),
			"no prompt of these cases may go to another machine");
		err = ERR_INVALID;
	}
	golden_stage_free(g);
	return err;
}

/* ---- The answers ----------------------------------------------------------------------------- */

static void ask_next(struct evaluation *e);

static bool may_spend(void *ctx, const char *provider, int64_t cost)
{
	const struct evaluation *e = ctx;

	(void)provider; /* there is one */
	return e->o->cost_max == 0 || e->out->cost + cost <= e->o->cost_max;
}

/* Of what was said the sizes will do: the case can be played again. */
static void add_row(struct evaluation *e, const struct provider_attempt *a)
{
	const struct golden_outcome *asked = &e->questions[e->question].asked;
	char id[UUID_TEXT_BYTES], request[ROW_BYTES], response[ROW_BYTES];

	snprintf(request, sizeof(request), "{\"redacted\":true,\"bytes\":%zu,\"messages\":%zu}",
		asked->prompt->bytes.len, asked->prompt->n);
	snprintf(response, sizeof(response), "{\"redacted\":true,\"bytes\":%zu}", a->text.len);
	const struct ledger_row row = {
		.id = rand_uuid7(clock_wall_ms(), id),
		.wall_ms = clock_wall_ms() - a->latency_ms,
		.request = request,
		.response = a->error ? NULL : response,
		.latency_ms = a->latency_ms,
		.error_code = a->error ? provider_error_name(a->error) : NULL,
		.error_message = a->message,
		.model_name = a->model,
		.status = a->error ? "error" : "success",
		.prompt_hash = asked->prompt->hash,
		.turn = EVAL,
		.provider = a->provider,
		.trigger = asked->trigger,
		.persona = asked->persona->id,
		.persona_version = asked->persona->version,
		.purpose = EVAL,
		.tokens_in = a->tokens_in,
		.tokens_out = a->tokens_out,
		.cost = a->cost,
		.first_token_ms = a->first_token_ms,
		.attempt = a->number,
	};
	if (ledger_write(&e->ledger, &row) == ERR_NOMEM)
		e->err = ERR_NOMEM;
}

static void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct evaluation *e = ctx;

	add_row(e, a);
	e->out->cost += a->cost;
	e->out->tokens_out += a->tokens_out > 0 ? a->tokens_out : 0;
	if (a->message)
		snprintf(e->out->message, sizeof(e->out->message), "%s", a->message);
}

static void on_answer(void *ctx, const struct provider_answer *a)
{
	struct evaluation *e = ctx;
	struct question *q = &e->questions[e->question];
	/* A model that says nothing has answered, badly. */
	const bool is_answer = a->error == PROVIDER_NONE || a->error == PROVIDER_EMPTY ||
		a->error == PROVIDER_UNSAFE;

	if (!is_answer) {
		e->out->error = a->error;
		io_stop(e->io);
		return;
	}
	q->answers[e->sample] = mem_dupn(a->text.at, a->text.len);
	q->was_cut[e->sample] = a->was_cut;
	if (!q->answers[e->sample])
		e->err = ERR_NOMEM;
	if (++e->sample == e->o->samples) {
		e->sample = 0;
		e->question++;
	}
	ask_next(e);
}

static void ask_next(struct evaluation *e)
{
	const struct conf_provider *p = &e->o->world->conf->providers[e->o->provider];
	const struct question *q = &e->questions[e->question];

	if (e->err || e->question == e->out->n) {
		io_stop(e->io);
		return;
	}
	const struct provider_ask a = {
		.prompt = q->asked.prompt,
		.persona = q->asked.persona,
		.is_local_only = q->asked.is_local_only,
		.turn = EVAL,
		.seed = e->o->seed + (int64_t)e->sample,
		.deadline_ms = clock_mono_ms() + p->total_ms,
		.may_spend = may_spend,
		.attempt = on_attempt,
		.done = on_answer,
		.ctx = e,
	};
	if (!provider_ask(e->pool, &a)) {
		e->err = ERR_NOMEM;
		io_stop(e->io);
	}
}

/* The config, as if this provider were the only one and this its model. */
static int ask_all(struct evaluation *e)
{
	const struct conf *c = e->o->world->conf;
	struct conf_provider only = c->providers[e->o->provider];
	struct conf conf = *c;
	int err;

	for (size_t i = 0; i < only.other_count; i++) {
		if (strcmp(only.others[i].name, e->o->model) == 0) {
			only.price_in = only.others[i].price_in;
			only.price_out = only.others[i].price_out;
		}
	}
	only.model = (char *)e->o->model;
	only.smaller = NULL; /* another model's answers are not wanted */
	only.others = NULL;
	only.other_count = 0;
	conf.providers = &only;
	conf.provider_count = 1;
	conf.ask = (struct conf_texts){NULL, 0};
	conf.routes = NULL;
	conf.route_count = 0;
	ledger_none(&e->ledger);
	err = io_new(&e->io);
	if (!err && e->o->ledger)
		err = ledger_sqlite_new(e->io, e->o->ledger, (size_t)c->ledger.queue, 0,
			&e->ledger);
	if (!err)
		err = provider_pool_new(e->io, &conf, &e->pool);
	if (!err) {
		e->began_ms = clock_mono_ms();
		ask_next(e);
		io_run(e->io);
		e->out->took_ms = clock_mono_ms() - e->began_ms;
		err = e->err;
	}
	provider_pool_free(e->pool);
	ledger_free(&e->ledger); /* what is queued is written first */
	io_free(e->io);
	return err;
}

/* ---- The scores ------------------------------------------------------------------------------ */

/* Good answers to a case: what live: names, and what its replies say and may. */
static int add_bleu(struct golden_bleu *b, const struct golden_case *c, const char *answer)
{
	const struct conf_texts *similar = &c->live.similar_to;
	const char **good = mem_array(similar->n + c->reply_count + 1, sizeof(*good));
	size_t n = 0;
	int err;

	if (!good)
		return ERR_NOMEM;
	while (n < similar->n)
		good[n] = similar->at[n], n++;
	for (size_t i = 0; i < c->reply_count; i++) {
		const struct golden_reply *r = &c->replies[i];

		if (r->says.n > 0 && r->posted && !r->refused)
			good[n++] = r->posted;
	}
	err = golden_bleu_add(b, str_of(answer), good, n);
	mem_free(good);
	return err;
}

static int score_one(struct golden_stage *g, struct golden_scored *s, char *answer, bool was_cut,
	struct golden_bleu *b)
{
	const struct golden_reply said = {.says = {&answer, 1}, .is_cut = was_cut};
	struct golden_outcome became;
	const char *unused;
	bool is_right = false;
	struct buf why;
	int err = golden_play(g, s->c, &said, &became, &unused);

	buf_init(&why, WHY_BYTES);
	if (!err)
		err = golden_judge(s->c, &became, &is_right, &why);
	if (!err)
		err = add_bleu(b, s->c, became.posted && !*became.rule ? became.posted : answer);
	s->right += is_right;
	if (!err && !is_right && !s->why)
		s->why = buf_take(&why);
	buf_fini(&why);
	golden_outcome_fini(&became);
	return err;
}

static int score(struct evaluation *e)
{
	const struct golden_eval_options *o = e->o;
	struct golden_eval *out = e->out;
	struct golden_bleu bleu = {.answer_words = 0};
	struct golden_stage *g = NULL;
	int err = golden_stage_new(o->source, o->world, (uint64_t)o->seed, &g);

	out->pass_at_1 = out->pass_at_5 = 0;
	for (size_t i = 0; !err && i < out->n; i++) {
		const struct question *q = &e->questions[i];

		for (size_t k = 0; !err && k < o->samples; k++)
			err = score_one(g, &out->at[i], q->answers[k], q->was_cut[k], &bleu);
		out->pass_at_1 += golden_pass_at(o->samples, out->at[i].right, 1) / (double)out->n;
		out->pass_at_5 += golden_pass_at(o->samples, out->at[i].right, 5) / (double)out->n;
	}
	out->bleu = golden_bleu_score(&bleu);
	golden_stage_free(g);
	return err;
}

/* ---- The whole ------------------------------------------------------------------------------- */

int golden_eval(const struct golden_eval_options *o, struct golden_eval *out)
{
	struct evaluation e = {.o = o, .out = out};
	const size_t n = golden_live_count(o->set);
	int err = 0;

	*out = (struct golden_eval){.pass_at_1 = NAN, .pass_at_5 = NAN, .bleu = NAN};
	if (n == 0)
		return ERR_NOTFOUND;
	out->at = mem_array(n, sizeof(*out->at));
	e.questions = mem_array(n, sizeof(*e.questions));
	if (!out->at || !e.questions)
		err = ERR_NOMEM;
	out->n = err ? 0 : n;
	if (!err)
		err = collect(&e);
	if (!err)
		err = ask_all(&e);
	if (!err && !out->error)
		err = score(&e);
	for (size_t i = 0; e.questions && i < n; i++)
		question_fini(&e.questions[i], o->samples);
	mem_free(e.questions);
	return err;
}

void golden_eval_fini(struct golden_eval *e)
{
	for (size_t i = 0; i < e->n; i++)
		mem_free(e->at[i].why);
	mem_free(e->at);
	*e = (struct golden_eval){0};
}
