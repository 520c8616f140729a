/* Embeddings of what the streamer wrote (embeddings:): made in the background after a start or a
 * reload, a few chunks a call and one call at a time; and of a question, to rank by meaning what
 * its words have found. They are kept in this process only. Whatever fails, the order is that of
 * the words, and nobody waits longer than embeddings.wait. Each call has its row and its price. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define PURPOSE "embed"
#define FILL_MS 60000        /* one call of the background: nobody waits for it */
#define AGAIN_MS 60000       /* after one that failed, the next question begins another */
#define CALLS_MAX ((KNOWLEDGE_VECTORS_MAX + PROVIDER_EMBED_MAX - 1) / PROVIDER_EMBED_MAX)

static struct metric ranked = {
	.name = "mynah_knowledge_ranked_total",
	.help = "Questions with several notes, by whether embeddings ranked these; else why not.",
	.kind = METRIC_COUNTER,
	.label = "result",
};

/* One round of calls in the background. They are paid and recorded as those of a turn. */
struct embed_job {
	struct turn as;
	struct str texts[PROVIDER_EMBED_MAX]; /* BORROWED of the knowledge of its world */
	size_t n, next;
	size_t calls;
};

static const struct trigger filler = {.name = (char *)"knowledge"};
static const struct persona nobody = {.id = (char *)"knowledge", .version = (char *)"1.0.0"};

static void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct turn *t = ctx;

	bot_spend_settle(t->bot, t, a->reserved, a->cost);
	bot_row_hold(t, a, t->embed.prompt, PURPOSE);
}

static bool may_spend(void *ctx, const char *provider, int64_t cost)
{
	struct turn *t = ctx;
	const char *rule = t->rule;
	const bool may = bot_spend_take(t->bot, t, cost);

	(void)provider; /* its price is in the cost */
	t->rule = rule; /* what is refused is not the answer */
	return may;
}

/* Starts a call for t. False: there is none, and nothing was counted. */
static bool ask(struct turn *t, const struct str *texts, size_t n, int64_t deadline_ms,
	bool is_local_only, void (*done)(void *ctx, const struct provider_answer *a))
{
	const struct conf *c = t->world->conf;
	const char *rule;

	bot_row_write(t, REASON_NONE); /* it has the prompt of the call before */
	prompt_free(t->embed.prompt);
	t->embed.prompt = NULL;
	if (prompt_texts(texts, n, &t->embed.prompt) ||
			bot_budget_take(t->bot, t->event, &rule) != REASON_NONE)
		return false;
	const struct provider_ask a = {
		.prompt = t->embed.prompt,
		.only = c->embeddings.use,
		.embed = c->embeddings.model,
		/* What was said may name people. */
		.is_local_only = is_local_only || !c->privacy.send_names,
		.turn = t->id,
		.deadline_ms = deadline_ms,
		.may_spend = may_spend,
		.attempt = on_attempt,
		.done = done,
		.ctx = t,
	};
	t->call = provider_ask(t->bot->providers, &a);
	if (!t->call)
		bot_budget_give_back(t->bot, t->event);
	return t->call != NULL;
}

/* An answer came, or none. */
static void call_over(struct turn *t, const struct provider_answer *a)
{
	t->call = NULL;
	if (a->attempts == 0)
		bot_budget_give_back(t->bot, t->event);
	bot_row_write(t, REASON_NONE);
}

/* ---- In the background ----------------------------------------------------------------------- */

static void job_free(struct embed_job *j)
{
	struct turn *t = &j->as;

	provider_cancel(t->call); /* its row is held before this returns */
	t->call = NULL;
	bot_row_write(t, REASON_NONE);
	t->bot->embedded.job = NULL;
	prompt_free(t->embed.prompt);
	buf_fini(&t->text);
	buf_fini(&t->last.answer);
	mem_free(t->event);
	bot_world_unref(t->world);
	mem_free(j);
}

/* The rest stays without, until a question wants it. */
static void job_fail(struct embed_job *j, const char *why)
{
	struct bot *b = j->as.bot;

	log_event(LOG_ERROR, "bot", "no_embeddings", "result", why, "message",
		"notes are ranked by their words; another try comes with a question, a minute "
		"later", NULL);
	b->embedded.again_ms = clock_mono_ms() + AGAIN_MS;
	job_free(j);
}

static void on_vectors(void *ctx, const struct provider_answer *a);

static void job_go_on(struct embed_job *j)
{
	struct bot_embedded *e = &j->as.bot->embedded;

	j->n = knowledge_vectors_missing(e->vectors, j->as.world->knowledge, &j->next, j->texts,
		PROVIDER_EMBED_MAX);
	if (j->n == 0) {
		log_event(LOG_INFO, "bot", "embeddings", "result", "SUCCESS",
			LOG_INT("calls", j->calls), NULL);
		job_free(j);
	} else if (j->calls++ >= CALLS_MAX || !ask(&j->as, j->texts, j->n,
			clock_mono_ms() + FILL_MS, false, on_vectors)) {
		job_fail(j, "limit");
	}
}

static void on_vectors(void *ctx, const struct provider_answer *a)
{
	struct embed_job *j = ctx; /* its turn is its first member */
	struct bot_embedded *e = &j->as.bot->embedded;
	int err = a->error || a->dims == 0 ? ERR_IO : 0;

	call_over(&j->as, a);
	for (size_t i = 0; i < j->n && !err; i++)
		err = knowledge_vectors_put(e->vectors, j->texts[i], a->vectors + i * a->dims,
			a->dims);
	if (err == ERR_INVALID) /* another model under the same name: all of them are asked for */
		knowledge_vectors_clear(e->vectors);
	if (err)
		job_fail(j, a->error ? provider_error_name(a->error) : err_name(err));
	else
		job_go_on(j);
}

static void job_begin(struct bot *b)
{
	static const struct event about = {.kind = EVENT_ANNOUNCEMENT};
	struct embed_job *j = mem_new(sizeof(*j));
	struct turn *t = j ? &j->as : NULL;

	if (!t)
		return;
	t->event = event_copy(&about);
	if (!t->event) {
		mem_free(j);
		return;
	}
	t->bot = b;
	t->world = bot_world_ref(b->world);
	t->persona = &nobody;
	t->hit.trigger = &filler;
	t->rule = "";
	t->state = TURN_ASK;
	buf_init(&t->text, 1);
	buf_init(&t->last.answer, PROVIDER_TEXT_BYTES);
	rand_uuid7(clock_wall_ms(), t->id);
	b->embedded.job = j;
	job_go_on(j);
}

void bot_embed_follow(struct bot *b)
{
	const struct conf_embeddings *c = &b->world->conf->embeddings;
	struct bot_embedded *e = &b->embedded;
	char of[sizeof(e->of)];

	if (e->job)
		job_free(e->job);
	if (!e->vectors)
		e->vectors = knowledge_vectors_new();
	if (!e->vectors)
		return;
	snprintf(of, sizeof(of), "%s %s", c->use ? c->use : "", c->model ? c->model : "");
	if (strcmp(of, e->of) != 0 || !b->world->knowledge)
		knowledge_vectors_clear(e->vectors);
	memcpy(e->of, of, sizeof(of));
	if (!c->use || !b->world->knowledge || b->options.replay || b->is_draining)
		return;
	knowledge_vectors_keep(e->vectors, b->world->knowledge);
	job_begin(b);
}

void bot_embed_fini(struct bot *b)
{
	if (b->embedded.job)
		job_free(b->embedded.job);
	knowledge_vectors_free(b->embedded.vectors);
	b->embedded.vectors = NULL;
}

/* ---- A question ------------------------------------------------------------------------------ */

static void on_question(void *ctx, const struct provider_answer *a)
{
	struct turn *t = ctx;
	struct turn_embed *e = &t->embed;
	const char *result = "embeddings";

	call_over(t, a);
	if (a->error)
		result = provider_error_name(a->error);
	else if (!knowledge_vectors_rank(t->bot->embedded.vectors, a->vectors, a->dims, e->hits,
			e->n))
		result = "misfit";
	metric_add(&ranked, result, 1);
	bot_know_is(t, e->hits, e->n);
	e->done(t);
}

/* What of a message is the question: "!ask who ..." asks who. */
static struct str question_of(struct str text)
{
	struct str rest = str_trim(text), word = rest;

	if (rest.len > 0 && rest.at[0] == '!')
		(void)str_split(&rest, ' ');
	rest = str_trim(rest);
	rest = rest.len > 0 ? rest : word;
	return (struct str){rest.at, rest.len > KNOWLEDGE_PIECE_BYTES
		? text_cut(rest, KNOWLEDGE_PIECE_BYTES, 0) : rest.len};
}

bool bot_embed_begin(struct turn *t, const struct knowledge_hit *hits, size_t n,
	int64_t deadline_ms, void (*done)(struct turn *t))
{
	struct bot *b = t->bot;
	struct bot_embedded *have = &b->embedded;
	const struct conf_embeddings *c = &t->world->conf->embeddings;
	const int64_t now = clock_mono_ms(), due_ms = now + c->wait_ms;
	const struct str question = question_of(t->event->text);

	if (!c->use || n < 2 || !have->vectors || b->options.replay || question.len == 0)
		return false;
	if (!knowledge_vectors_cover(have->vectors, hits, n)) {
		metric_add(&ranked, "not_ready", 1);
		if (!have->job && now >= have->again_ms && !b->is_draining)
			job_begin(b);
		return false;
	}
	memcpy(t->embed.hits, hits, n * sizeof(*hits));
	t->embed.n = n;
	t->embed.done = done;
	if (ask(t, &question, 1, due_ms < deadline_ms ? due_ms : deadline_ms,
			bot_question_is_local(t), on_question))
		return true;
	metric_add(&ranked, "limit", 1);
	return false;
}
