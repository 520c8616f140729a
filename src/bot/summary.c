/* What was said before the remembered lines, in short: kept by list of lines, in this process
 * only, for as long as the lines. A model on this machine writes it when half of a full list is
 * not yet in it, after an answer was said and while nobody else waits for one; it costs nobody's
 * asks, but what every call costs. It fails without harm. Whoever has something of a list erased
 * takes the summary with it: what of it is whose, nobody can tell. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define SUMMARIES_MAX 1000
#define SUMMARY_CHARS 600      /* four chat lines */
#define SUMMARY_TOKENS 250
#define SUMMARY_LINES_LEAST 4  /* of a shorter list nothing is lost that matters */
#define JOBS_MAX 2             /* at once: they are in nobody's hurry */
#define DEADLINE_MS 60000
#define KEY_BYTES 1024

struct bot_summary {
	UT_hash_handle hh;
	char *text;            /* NULL = none yet */
	int64_t upto_wall_ms;  /* the last line that is in it */
	int64_t dies_ms;
	struct summary_job *job;
	struct str platform, channel_id, user_id; /* of key */
	char login[USER_TAG_BYTES]; /* that of the user, as a message's author is told */
	bool is_shared;
	char key[];
};

/* One call. It is paid and recorded as that of a turn, which this one is in all but its end. */
struct summary_job {
	struct turn as;
	struct bot_summary *of;
	int64_t upto_wall_ms;
};

/* Who writes it. The name stands in the prompt. */
static const struct persona writer = {
	.id = (char *)"summary",
	.name = (char *)"the keeper of the minutes",
	.version = (char *)"1.0.0",
	.system = (char *)"You keep the minutes of a chat. You write down in short what was said: "
		"who asked, told or wished what, what was answered, what is still open. You add "
		"nothing, judge nothing, and speak to nobody.",
	.canary = "5c1de0d6a1b94f27",
	.max_tokens = SUMMARY_TOKENS,
	.lines = 100,
};
static const char task[] =
	"Sum up what was said so far, what the summary before holds included, so that "
	"somebody who was away knows what is meant later.";

static void job_free(struct summary_job *j)
{
	struct turn *t = &j->as;

	if (t->is_recalling)
		memory_recall_cancel(&t->bot->memory, j);
	provider_cancel(t->call); /* its row is held before this returns */
	t->call = NULL;
	bot_row_write(t, REASON_NONE);
	if (j->of)
		j->of->job = NULL;
	prompt_free(t->prompt);
	buf_fini(&t->text);
	buf_fini(&t->last.answer);
	mem_free(t->event);
	bot_world_unref(t->world);
	t->bot->summary_jobs--;
	mem_free(j);
}

static void summary_free(struct bot *b, struct bot_summary *s)
{
	if (s->job)
		job_free(s->job);
	HASH_DEL(b->summaries, s);
	mem_free(s->text);
	mem_free(s);
}

static struct bot_summary *summary_find(const struct bot *b, const struct memory_key *k)
{
	const struct str user = k->is_shared ? (struct str){NULL, 0} : k->user_id;
	struct bot_summary *s;
	char key[KEY_BYTES];

	snprintf(key, sizeof(key), "%.*s %.*s %c%.*s", STR_FMT(k->platform),
		STR_FMT(k->channel_id), k->is_shared ? '+' : '=', STR_FMT(user));
	HASH_FIND_STR(b->summaries, key, s);
	return s;
}

static struct bot_summary *summary_make(struct bot *b, const struct memory_key *k)
{
	const struct str user = k->is_shared ? (struct str){NULL, 0} : k->user_id;
	const size_t n = k->platform.len + k->channel_id.len + user.len + 4;
	struct bot_summary *s = summary_find(b, k);

	if (s)
		return s;
	while (HASH_COUNT(b->summaries) >= SUMMARIES_MAX)
		summary_free(b, b->summaries); /* the oldest */
	s = n <= KEY_BYTES ? mem_new(sizeof(*s) + n) : NULL;
	if (!s)
		return NULL;
	snprintf(s->key, n, "%.*s %.*s %c%.*s", STR_FMT(k->platform), STR_FMT(k->channel_id),
		k->is_shared ? '+' : '=', STR_FMT(user));
	s->platform = (struct str){s->key, k->platform.len};
	s->channel_id = (struct str){s->key + k->platform.len + 1, k->channel_id.len};
	s->user_id = (struct str){s->channel_id.at + k->channel_id.len + 2, user.len};
	s->is_shared = k->is_shared;
	HASH_ADD_STR(b->summaries, key, s);
	if (hash_has(s))
		return s;
	mem_free(s);
	return NULL;
}

/* ---- One call ----------------------------------------------------------------------------- */

static void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct summary_job *j = ctx;

	bot_spend_settle(j->as.bot, &j->as, a->reserved, a->cost);
	bot_gauge_note(j->as.bot, j->as.prompt, a);
	bot_row_hold(&j->as, a, j->as.prompt, "summary");
}

static bool may_spend(void *ctx, const char *provider, int64_t cost)
{
	struct summary_job *j = ctx;

	(void)provider;
	return bot_spend_take(j->as.bot, &j->as, cost);
}

static void keep(struct summary_job *j, struct str text)
{
	struct bot_summary *s = j->of;
	struct buf clean;

	buf_init(&clean, PROVIDER_TEXT_BYTES);
	if (!safety_has_declined(text) && text_scrub(text, TEXT_CHAT, &clean) == 0 &&
			clean.len > 0) {
		const struct str said = buf_str(&clean);
		char *kept = mem_dupn(said.at, text_cut(said, said.len, SUMMARY_CHARS));

		if (kept) {
			mem_free(s->text);
			s->text = kept;
			s->upto_wall_ms = j->upto_wall_ms;
			s->dies_ms = clock_mono_ms() + j->as.persona->for_ms;
		}
	}
	buf_fini(&clean);
}

static void on_answer(void *ctx, const struct provider_answer *a)
{
	struct summary_job *j = ctx;

	j->as.call = NULL;
	if (a->attempts == 0)
		bot_budget_give_back(j->as.bot, j->as.event);
	if (a->error == PROVIDER_NONE)
		keep(j, a->text);
	job_free(j);
}

static int make_prompt(struct summary_job *j, const struct conversation *past)
{
	struct turn *t = &j->as;
	const struct event about = {.kind = EVENT_ANNOUNCEMENT, .platform = t->event->platform};
	struct conversation heard;
	struct bot_question q = {.world = t->world, .event = t->event, .persona = &writer,
		.hit = &t->hit, .is_local_only = true};
	struct prompt_options o = {
		.persona = &writer,
		.event = &about,
		.ask = STR(task),
		.past = &heard,
		.summary = str_of(j->of->text),
		.max_chars = SUMMARY_CHARS,
	};

	bot_question_fit(t->bot, &q);
	o.budget_tokens = q.budget_tokens;
	o.gauge = q.gauge;
	rand_bytes(&o.marker, sizeof(o.marker));
	int err = bot_heed_past(t, past, &heard);
	if (!err)
		err = prompt_build(&o, &t->prompt);
	mem_free((void *)heard.lines);
	return err;
}

/* May a call be made for this person now? Then it has been counted. */
static bool take_call(struct turn *t)
{
	const char *rule;

	if (bot_spend_ask(t->bot, t->event, &rule) != REASON_NONE)
		return false;
	bot_spend_give_back(t->bot, t->event); /* they did not ask for it */
	return bot_budget_take(t->bot, t->event, &rule) == REASON_NONE;
}

static void ask(struct summary_job *j, const struct conversation *past)
{
	struct turn *t = &j->as;
	/* The older half, and the answer to its last question. */
	struct conversation older = {past->lines, past->n / 2};

	while (older.n < past->n && past->lines[older.n].is_bot)
		older.n++;
	j->upto_wall_ms = older.lines[older.n - 1].wall_ms;
	if (make_prompt(j, &older) || !take_call(t)) {
		job_free(j);
		return;
	}
	const struct provider_ask a = {
		.prompt = t->prompt,
		.persona = &writer,
		.event = t->event,
		.trigger = t->hit.trigger->name,
		.is_local_only = true,
		.turn = t->id,
		.deadline_ms = clock_mono_ms() + DEADLINE_MS,
		.may_spend = may_spend,
		.attempt = on_attempt,
		.done = on_answer,
		.ctx = j,
	};
	t->call = provider_ask(t->bot->providers, &a);
	if (!t->call) {
		bot_budget_give_back(t->bot, t->event);
		job_free(j);
	}
}

static void on_recalled(void *ctx, int err, const struct conversation *past)
{
	struct summary_job *j = ctx;
	size_t fresh = 0;

	j->as.is_recalling = false;
	for (size_t i = 0; !err && i < past->n; i++)
		fresh += past->lines[i].wall_ms > j->of->upto_wall_ms;
	/* Full, so that the next line pushes one out, and half of it is in no summary yet. */
	if (!err && past->n >= (size_t)j->as.persona->lines && 2 * fresh >= past->n)
		ask(j, past);
	else
		job_free(j);
}

/* ---- When --------------------------------------------------------------------------------- */

static bool is_busy(const struct bot *b)
{
	for (const struct turn *t = b->turns; t; t = t->hh.next) {
		if (t->state == TURN_RECALL || t->state == TURN_ASK)
			return true;
	}
	return b->summary_jobs >= JOBS_MAX;
}

static struct summary_job *job_new(struct turn *t, struct bot_summary *s)
{
	struct summary_job *j = mem_new(sizeof(*j));

	if (!j)
		return NULL;
	j->as.event = event_copy(t->event);
	if (!j->as.event) {
		mem_free(j);
		return NULL;
	}
	j->as.bot = t->bot;
	j->as.world = bot_world_ref(t->world);
	j->as.persona = t->persona;
	j->as.hit.trigger = t->hit.trigger;
	j->as.rule = "";
	j->as.state = TURN_ASK;
	buf_init(&j->as.text, 1);
	buf_init(&j->as.last.answer, PROVIDER_TEXT_BYTES);
	rand_uuid7(clock_wall_ms(), j->as.id);
	j->of = s;
	s->job = j;
	t->bot->summary_jobs++;
	return j;
}

void bot_summary_after(struct turn *t)
{
	struct bot *b = t->bot;
	const struct persona *p = t->persona;
	const struct memory_key key = bot_turn_key(t);
	struct bot_summary *s;
	struct summary_job *j;

	if (!p->summarises || p->lines < SUMMARY_LINES_LEAST || p->for_ms <= 0 || b->is_draining ||
			b->options.replay || is_busy(b))
		return;
	s = summary_make(b, &key);
	if (s)
		seal_user_tag(t->event->platform, t->event->login, s->login);
	j = s && !s->job ? job_new(t, s) : NULL;
	if (!j)
		return;
	j->as.is_recalling = true;
	memory_recall(&b->memory, &key, (size_t)p->lines, p->for_ms, on_recalled, j);
}

struct str bot_summary_of(const struct turn *t)
{
	const struct memory_key key = bot_turn_key(t);
	const struct bot_summary *s =
		t->persona->summarises ? summary_find(t->bot, &key) : NULL;

	return s && s->text && clock_mono_ms() < s->dies_ms ? str_of(s->text)
							    : (struct str){NULL, 0};
}

/* A message may be in the summary of whoever wrote it; in anybody's, if that is not known. */
static bool is_of(const struct bot_summary *s, const struct erasure *e)
{
	char author[USER_TAG_BYTES];

	if (s->is_shared)
		return true;
	if (e->user_id.len > 0)
		return str_eq(s->user_id, e->user_id);
	seal_user_tag(e->platform, e->author, author);
	return e->author.len == 0 || strcmp(s->login, author) == 0;
}

void bot_summary_erase(struct bot *b, const struct erasure *e)
{
	const struct str channel = e->channel_id.len > 0 ? e->channel_id : e->channel;
	struct bot_summary *s, *next;

	HASH_ITER(hh, b->summaries, s, next) {
		if ((e->platform.len == 0 || str_eq(s->platform, e->platform)) &&
			(channel.len == 0 || str_eq(s->channel_id, channel)) && is_of(s, e))
			summary_free(b, s);
	}
}

void bot_summary_sweep(struct bot *b, int64_t now_ms)
{
	struct bot_summary *s, *next;

	HASH_ITER(hh, b->summaries, s, next) {
		if (!s->job && now_ms >= s->dies_ms)
			summary_free(b, s);
	}
}

void bot_summary_fini(struct bot *b)
{
	while (b->summaries)
		summary_free(b, b->summaries);
}
