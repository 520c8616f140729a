/* One ask: its wait for a slot, its walk over the providers, its retries, its end. The states are
 * drawn in room.h. Everything happens in timers and in callbacks of io, never in provider_ask. */
#include "provider/room.h"

#include <utlist.h>

#define RETRY_BASE_MS 500   /* faults.md P8: waits below 0.5 s, then below 1 s */
#define RETRY_CAP_MS 16000  /* spec 001-48: the table 1 2 4 8 16 s ends there */

enum remedy { STOP, NEXT, RETRY };
static const enum remedy remedies[] = {
#define X(upper, lower, counts, what) [PROVIDER_##upper] = what,
	PROVIDER_ERRORS(X)
#undef X
};

static void call_free(struct provider_call *c)
{
	provider_try_drop(c);
	io_timer_free(c->timer);
	io_timer_free(c->deadline);
	for (size_t i = 0; i < c->order_n; i++)
		provider_unref(c->order[i].provider);
	mem_free(c->order);
	mem_free(c->model);
	buf_fini(&c->text);
	mem_free(c);
}

void provider_call_pin(struct provider_call *c)
{
	c->pins++;
}

bool provider_call_unpin(struct provider_call *c)
{
	if (--c->pins > 0 || c->state != CALL_OVER)
		return c->state != CALL_OVER;
	call_free(c);
	return false;
}

/* Leaves the pool; its slot goes to the next. */
static void leave(struct provider_call *c)
{
	struct provider_pool *p = c->pool;

	if (c->state == CALL_WAITING) {
		DL_DELETE(p->waiting, c);
		p->waiting_n--;
	} else {
		DL_DELETE(p->running, c);
		p->running_n--;
	}
	c->state = CALL_OVER;
	c->pool = NULL;
	io_timer_stop(c->timer);
	io_timer_stop(c->deadline);
	provider_pool_fill(p);
}

/* Tells the end. The call is gone after it. */
static void finish(struct provider_call *c, enum provider_error e)
{
	const struct provider_try *t = &c->try;
	bool has_asked = c->attempts > 0;
	const char *asked = has_asked && t->model ? t->model : "";
	struct provider_answer answer = {
		.error = e,
		.text = e ? (struct str){NULL, 0} : buf_str(&c->text),
		.provider = has_asked ? t->provider->conf.name : "",
		.model = has_asked && t->sink.model[0] ? t->sink.model : asked,
		.was_cut = has_asked && t->sink.was_cut,
		.vectors = e ? NULL : (const float *)(const void *)t->sink.vectors.at,
		.dims = e ? 0 : t->sink.dims,
		.tokens_in = has_asked ? t->sink.tokens_in : -1,
		.tokens_out = has_asked ? t->sink.tokens_out : -1,
		.attempts = c->attempts,
	};

	leave(c);
	provider_call_pin(c);
	c->ask.done(c->ask.ctx, &answer);
	(void)provider_call_unpin(c);
}

/* The server of the step at hand that is asked now. NULL: none; c->error says why, unless something
 * worse did already. */
static struct provider_endpoint *may_ask(struct provider_call *c, const struct provider_need *need)
{
	const struct provider *p = c->order[c->at].provider;
	const int64_t now = clock_mono_ms();
	struct provider_endpoint *e = NULL;
	enum provider_error why = provider_obstacle(p, need, now, NULL);

	if (why == PROVIDER_NONE)
		e = provider_endpoint_pick(p, need->is_local_only, need->is_retry, now, &why);
	if (e)
		(void)io_breaker_allows(&e->breaker, now);
	else if (c->attempts == 0 && (why != PROVIDER_BREAKER || c->error == PROVIDER_NONE))
		c->error = why;
	provider_note_breaker(p);
	return e;
}

/* May it be paid? */
static bool may_spend(struct provider_call *c, const struct provider *p, int64_t cost)
{
	if (!c->ask.may_spend || c->ask.may_spend(c->ask.ctx, p->conf.name, cost))
		return true;
	if (c->attempts == 0)
		c->error = PROVIDER_BUDGET;
	return false;
}

static void next(struct provider_call *c)
{
	c->at++;
	c->tries = 0;
	c->is_small = false;
}

/* Asks the next provider that may be asked, or ends. */
static void step(struct provider_call *c)
{
	for (; c->at < c->order_n; next(c)) {
		const struct provider_step *s = &c->order[c->at];
		const char *model = provider_model_of(c, s);
		struct provider_need need = {
			.is_local_only = c->ask.is_local_only,
			/* Whoever waited for its own retry has waited long enough. */
			.is_retry = c->tries > 0,
			.tokens = (int64_t)c->ask.prompt->tokens,
			.max_tokens = c->is_embedding
				? 0 : provider_max_tokens(c->ask.persona, s->provider),
		};
		need.cost = provider_price_most(s->provider, model, need.tokens, need.max_tokens);
		if (c->is_embedding)
			need.tokens = 0; /* the window is that of the model that chats */
		struct provider_endpoint *e = may_ask(c, &need);
		if (!e)
			continue;
		if (!may_spend(c, s->provider, need.cost)) {
			io_breaker_abandoned(&e->breaker);
			continue;
		}
		provider_limit_take(s->provider, need.cost);
		c->state = CALL_ASKING;
		c->tries++;
		c->attempts++;
		provider_try_start(c, e, need.cost);
		return;
	}
	finish(c, c->error ? c->error : PROVIDER_NO_MODEL); /* no provider is configured */
}

/* How long to wait before the same provider is asked again; -1 = do not. */
static int64_t retry_wait(const struct provider_call *c, int64_t retry_after_ms)
{
	const struct provider *p = c->order[c->at].provider;
	int64_t most = RETRY_BASE_MS;

	if (remedies[c->error] != RETRY || (int64_t)c->tries > c->pool->retries ||
		(c->is_embedding && c->tries > 1) ||
		provider_breaker(p) == IO_BREAKER_OPEN)
		return -1;
	/* Another server of the same provider need not be waited for. */
	if (provider_endpoint_other(p, c->ask.is_local_only, clock_mono_ms()))
		return 0;
	for (unsigned k = 1; k < c->tries && most < RETRY_CAP_MS; k++)
		most *= 2;
	int64_t wait = rand_between(0, most < RETRY_CAP_MS ? most : RETRY_CAP_MS);
	if (wait < retry_after_ms)
		wait = retry_after_ms;
	return clock_mono_ms() + wait < c->ask.deadline_ms ? wait : -1;
}

/* ---- When a server's memory does not suffice ------------------------------------------------- */

const char *provider_model_of(const struct provider_call *c, const struct provider_step *s)
{
	return c->is_small && s->provider->conf.smaller ? s->provider->conf.smaller : s->model;
}

int64_t provider_window_of(const struct provider_call *c, const struct provider *p)
{
	const int64_t window = p->conf.context_tokens;

	return c->is_small && !p->conf.smaller ? window / 2 : window;
}

/* Is there less to be asked of the same provider? Once, as one of its retries. */
static bool shrink(struct provider_call *c)
{
	const struct provider *p = c->order[c->at].provider;
	const int64_t needs = (int64_t)c->ask.prompt->tokens +
		provider_max_tokens(c->ask.persona, p);

	if (c->error != PROVIDER_OOM || c->is_embedding || c->is_small ||
			(int64_t)c->tries > c->pool->retries)
		return false;
	/* Of the others nobody can ask for a smaller window. */
	if (!p->conf.smaller && (p->conf.type != CONF_OLLAMA || p->conf.context_tokens / 2 < needs))
		return false;
	c->is_small = true;
	return true;
}

void provider_call_tried(struct provider_call *c, enum provider_error e, bool has_begun,
	int64_t retry_after_ms)
{
	c->error = e;
	/* Once words came, another attempt would be paid twice and come late. */
	if (remedies[e] == STOP || (has_begun && e != PROVIDER_EMPTY)) {
		finish(c, e);
		return;
	}
	int64_t wait = retry_wait(c, retry_after_ms);
	if (wait >= 0) {
		c->state = CALL_PAUSED;
		io_timer_start(c->timer, wait);
		return;
	}
	if (!shrink(c))
		next(c);
	step(c);
}

static void on_timer(void *ctx)
{
	struct provider_call *c = ctx;

	switch (c->state) {
	case CALL_READY:
	case CALL_PAUSED: step(c); break;
	case CALL_ASKING: provider_try_timer(c); break;
	case CALL_WAITING:
	case CALL_OVER: break;
	}
}

static void on_deadline(void *ctx)
{
	struct provider_call *c = ctx;
	enum provider_error e = c->error ? c->error : PROVIDER_TIMEOUT;

	if (c->state == CALL_ASKING) {
		provider_call_pin(c);
		e = provider_try_stop(c, PROVIDER_TIMEOUT);
		if (!provider_call_unpin(c))
			return;
	}
	finish(c, e);
}

void provider_pool_fill(struct provider_pool *p)
{
	while (p->waiting && (int64_t)p->running_n < p->asks) {
		struct provider_call *c = p->waiting;
		DL_DELETE(p->waiting, c);
		p->waiting_n--;
		DL_APPEND(p->running, c);
		p->running_n++;
		c->state = CALL_READY;
		io_timer_start(c->timer, 0);
	}
	provider_note_inflight(p);
}

/* What the ask keeps of its route: the pool may have another one before it ends. */
static int take_order(struct provider_call *c, const struct provider_pool *p)
{
	size_t rule;

	c->order = mem_array(p->n + 1, sizeof(*c->order));
	if (!c->order)
		return ERR_NOMEM;
	c->order_n = provider_steps(p, &c->ask, c->order, &rule);
	for (size_t i = 0; i < c->order_n; i++)
		provider_ref(c->order[i].provider);
	for (size_t i = 0; i < c->order_n; i++) {
		struct provider_step *s = &c->order[i];

		if (!s->model || s->model == s->provider->conf.model)
			continue; /* it lives as long as the provider */
		if (!c->model)
			c->model = mem_dup(s->model); /* the rule's: the same for all */
		if (!c->model)
			return ERR_NOMEM;
		s->model = c->model;
	}
	c->ask.event = NULL;
	c->ask.trigger = c->ask.only = c->ask.embed = NULL;
	return 0;
}

struct provider_call *provider_ask(struct provider_pool *p, const struct provider_ask *a)
{
	struct provider_call *c;

	if (p->waiting_n >= PROVIDER_WAITING_MAX)
		return NULL;
	c = mem_new(sizeof(*c));
	if (!c)
		return NULL;
	c->ask = *a;
	provider_copy(c->turn, sizeof(c->turn), str_of(a->turn));
	c->ask.turn = c->turn;
	c->is_embedding = a->embed != NULL;
	buf_init(&c->text, PROVIDER_TEXT_BYTES);
	c->timer = io_timer_new(p->io, on_timer, c);
	c->deadline = io_timer_new(p->io, on_deadline, c);
	if (!c->timer || !c->deadline || take_order(c, p) != 0) {
		call_free(c);
		return NULL;
	}

	int64_t left = a->deadline_ms - clock_mono_ms();
	io_timer_start(c->deadline, left > 0 ? left : 0);
	c->pool = p;
	DL_APPEND(p->waiting, c);
	p->waiting_n++;
	provider_pool_fill(p);
	return c;
}

void provider_cancel(struct provider_call *c)
{
	if (!c || c->state == CALL_OVER)
		return;
	bool is_asking = c->state == CALL_ASKING;

	leave(c);
	provider_call_pin(c);
	if (is_asking)
		(void)provider_try_stop(c, PROVIDER_CANCELLED);
	(void)provider_call_unpin(c);
}

void provider_call_drop(struct provider_call *c)
{
	leave(c);
	provider_try_drop(c);
	provider_call_pin(c);
	(void)provider_call_unpin(c);
}
