/* One attempt at one provider: its beginning, what it came to, and its row for the ledger. */
#include "provider/room.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define REFUSAL_BYTES (64 * 1024) /* of an error body; the rest is not read into memory */
#define SLOW_MS 30000 /* spec 001-47: a slower call fails to the breaker, even if it was good */
#define SO_FAR_MS 500 /* often enough for whoever shows it: reading on takes longer */
#define FAIR_MS 5000  /* who had less time than this before the ask's deadline is not judged */

static struct metric seconds = {
	.name = "mynah_provider_seconds",
	.help = "Time from request to the end of an attempt.",
	.kind = METRIC_HISTOGRAM,
	.label = "provider",
};
static struct metric first_token = {
	.name = "mynah_provider_first_token_seconds",
	.help = "Time from request to the first word.",
	.kind = METRIC_HISTOGRAM,
	.label = "provider",
};
static struct metric total = {
	.name = "mynah_provider_total",
	.help = "Attempts at a provider.",
	.kind = METRIC_COUNTER,
	.label = "provider",
};
static struct metric errors = {
	.name = "mynah_errors_total",
	.help = "Attempts that failed, by class of error.",
	.kind = METRIC_COUNTER,
	.label = "class",
};

static const bool counts_for_breaker[] = {
#define X(upper, lower, counts, what) [PROVIDER_##upper] = counts,
	PROVIDER_ERRORS(X)
#undef X
};

void provider_try_fail(struct provider_try *t, enum provider_error e, const char *message)
{
	t->sink.error = e;
	provider_copy(t->sink.message, sizeof(t->sink.message), str_of(message));
}

/* Releases the wire; what the sink holds stays for the answer. */
static void hang_up(struct provider_call *c)
{
	struct provider_try *t = &c->try;

	if (t->http) {
		t->was_sent = io_http_was_sent(t->http);
		io_http_cancel(t->http);
	}
	t->http = NULL;
	if (t->wire)
		provider_wire_of(c)->wire_free(t->wire);
	t->wire = NULL;
	buf_fini(&t->refusal);
	io_timer_stop(c->timer);
	t->is_on = false;
	t->endpoint->in_flight--;
}

void provider_try_drop(struct provider_call *c)
{
	if (c->try.is_on)
		hang_up(c);
	buf_fini(&c->try.sink.text);
	buf_fini(&c->try.sink.vectors);
}

/* ---- What it came to ------------------------------------------------------------------------- */

static enum provider_error of_err(const struct provider_try *t, int err)
{
	switch (err) {
	case ERR_NOMEM: return PROVIDER_NOMEM;
	case ERR_TIMEOUT: return PROVIDER_TIMEOUT;
	case ERR_NAME:
	case ERR_CONNECT: return PROVIDER_CONNECT;
	case ERR_TLS: return PROVIDER_TLS;
	case ERR_DENIED: return PROVIDER_BAD_REQUEST;
	case ERR_PARSE: return PROVIDER_PARSE;
	case ERR_LIMIT: return t->sink.has_begun ? PROVIDER_TRUNCATED : PROVIDER_PARSE;
	case ERR_CLOSED:
	case ERR_IO: return t->status > 0 ? PROVIDER_TRUNCATED : PROVIDER_CONNECT;
	default: return PROVIDER_UNKNOWN;
	}
}

/* The sentence for an error that brought none. */
static const char *sentence_of(enum provider_error e)
{
	switch (e) {
	case PROVIDER_TIMEOUT: return "no whole answer in time";
	case PROVIDER_CONNECT: return "cannot be reached";
	case PROVIDER_TLS: return "its certificate is not trusted";
	case PROVIDER_TRUNCATED: return "the answer stopped before its end or grew too long";
	case PROVIDER_PARSE: return "what came is not an answer of its protocol";
	case PROVIDER_UNSAFE: return "its own filter held the answer back";
	case PROVIDER_EMPTY: return "the answer has no words";
	case PROVIDER_CANCELLED: return "the answer is not wanted any more";
	case PROVIDER_NOMEM: return "out of memory";
	default: return "it failed without saying why";
	}
}

/* What the answer is worth. why: of io, may be NULL. Fills c->text. */
static enum provider_error outcome(struct provider_call *c, int err, const char *why)
{
	struct provider_try *t = &c->try;
	struct provider_sink *s = &t->sink;

	buf_clear(&c->text);
	if (provider_think_strip(buf_str(&s->text), &c->text) != 0)
		provider_try_fail(t, PROVIDER_NOMEM, "");
	if (s->error)
		return s->error;
	/* After the terminator nothing can make the words less whole. */
	if (err && !s->is_whole) {
		if (!s->message[0] && why)
			provider_copy(s->message, sizeof(s->message), str_of(why));
		return of_err(t, err);
	}
	if (!s->is_whole)
		return PROVIDER_TRUNCATED;
	if (s->was_filtered)
		return PROVIDER_UNSAFE;
	return c->text.len == 0 && s->wanted == 0 ? PROVIDER_EMPTY : PROVIDER_NONE;
}

/* is_ours: the ask's deadline ended it, not the provider's own. */
static void tell_breaker(const struct provider_try *t, enum provider_error e, int64_t took_ms,
	bool is_ours)
{
	const struct provider *p = t->provider;
	struct io_breaker *b = &t->endpoint->breaker;
	enum io_breaker_state before = provider_breaker(p), after;
	int64_t now = clock_mono_ms();
	bool is_service = e == PROVIDER_NONE || e == PROVIDER_EMPTY || e == PROVIDER_UNSAFE;

	if ((is_ours && took_ms < FAIR_MS) || (e == PROVIDER_TIMEOUT && t->endpoint->is_warming)) {
		io_breaker_abandoned(b);
	} else if (counts_for_breaker[e] || (is_service && took_ms > SLOW_MS)) {
		io_breaker_failed(b, now);
		provider_note_health(p, t->endpoint, true);
	} else if (is_service) {
		io_breaker_succeeded(b, now);
		provider_note_health(p, t->endpoint, false);
	} else {
		io_breaker_abandoned(b);
	}

	provider_note_breaker(p);
	after = provider_breaker(p);
	if (after != before)
		log_event(after == IO_BREAKER_OPEN ? LOG_ERROR : LOG_INFO, "provider", "breaker",
			"provider", p->conf.name, "result", io_breaker_state_name(after), "message",
			p->last, NULL);
}

static void note_error(struct provider_call *c, enum provider_error e, int64_t took_ms,
	char message[256])
{
	struct provider_try *t = &c->try;
	struct provider *p = t->provider;

	const char *said = t->sink.message[0] ? t->sink.message : sentence_of(e);
	provider_scrub(str_of(said), p->conf.secret, message);
	if (e == PROVIDER_CANCELLED)
		return;
	int n = snprintf(p->last, sizeof(p->last), "%s: %s", provider_error_name(e), message);
	if (n >= (int)sizeof(p->last))
		provider_copy(p->last, sizeof(p->last), str_of(message));
	metric_add(&errors, provider_error_name(e), 1);
	log_event(LOG_INFO, "provider", "attempt_failed", "provider", p->conf.name, "result",
		provider_error_name(e), "message", message, "turn", c->turn,
		LOG_INT("execution_time", took_ms), LOG_INT("status", t->status), NULL);
}

/* Closes the books on the attempt: breaker, metrics, log, the owner. The call may be OVER after. */
static void settle(struct provider_call *c, enum provider_error e, bool is_ours)
{
	struct provider_try *t = &c->try;
	struct provider *p = t->provider;
	int64_t now = clock_mono_ms(), took_ms = now - t->started_ms;
	char message[256] = "";

	hang_up(c);
	if (e)
		note_error(c, e, took_ms, message);
	if (c->is_embedding) {
		/* It says nothing about the model that chats. */
		io_breaker_abandoned(&t->endpoint->breaker);
	} else {
		provider_punish(t, e, now);
		tell_breaker(t, e, took_ms, is_ours);
	}
	metric_add(&total, p->conf.name, 1);
	metric_observe_ms(&seconds, p->conf.name, (double)took_ms);
	if (t->first_ms >= 0)
		metric_observe_ms(&first_token, p->conf.name, (double)t->first_ms);

	if (t->endpoint->is_out && c->pool)
		provider_care(c->pool);

	const char *asked = t->model ? t->model : "";
	const int64_t cost = provider_price_of(t);
	provider_limit_settle(p, t->reserved, cost);
	struct provider_attempt row = {
		.provider = p->conf.name,
		.model = t->sink.model[0] ? t->sink.model : asked,
		.asked = asked,
		.error = e,
		.message = e ? message : NULL,
		.status = t->status,
		.number = c->attempts,
		.latency_ms = took_ms,
		.first_token_ms = t->first_ms,
		.tokens_in = t->sink.tokens_in,
		.tokens_out = t->sink.tokens_out,
		.cost = cost,
		.reserved = t->reserved,
		.is_fallback = p != c->order[0].provider,
		.text = buf_str(&c->text),
	};
	if (c->ask.attempt)
		c->ask.attempt(c->ask.ctx, &row);
}

void provider_try_end(struct provider_call *c, int err, const char *why)
{
	enum provider_error e = outcome(c, err, why);
	bool has_begun = c->try.sink.has_begun;
	int64_t retry_after_ms = c->try.retry_after_ms;

	provider_call_pin(c);
	settle(c, e, false);
	if (provider_call_unpin(c))
		provider_call_tried(c, e, has_begun, retry_after_ms);
}

enum provider_error provider_try_stop(struct provider_call *c, enum provider_error why)
{
	struct provider_try *t = &c->try;
	enum provider_error e = outcome(c, ERR_TIMEOUT, NULL);

	/* A whole answer that only lingered is good at the deadline too. */
	if (why == PROVIDER_CANCELLED || !t->sink.is_whole || t->provider->ops->say) {
		e = why;
		t->sink.message[0] = '\0';
	}
	settle(c, e, why == PROVIDER_TIMEOUT);
	return e;
}

void provider_try_tell(struct provider_call *c)
{
	struct provider_try *t = &c->try;
	const int64_t now = clock_mono_ms();

	if (!c->ask.so_far || t->sink.text.len == t->told_bytes ||
			(t->told_ms > 0 && now - t->told_ms < SO_FAR_MS))
		return;
	t->told_ms = now;
	t->told_bytes = t->sink.text.len;
	buf_clear(&c->text);
	if (provider_think_strip(buf_str(&t->sink.text), &c->text) != 0 || c->text.len == 0)
		return;
	provider_call_pin(c);
	c->ask.so_far(c->ask.ctx, buf_str(&c->text));
	(void)provider_call_unpin(c);
}

void provider_try_timer(struct provider_call *c)
{
	provider_try_end(c, 0, NULL);
}

/* ---- Its beginning --------------------------------------------------------------------------- */

int64_t provider_max_tokens(const struct persona *persona, const struct provider *p)
{
	return persona && persona->max_tokens > 0 ? persona->max_tokens : p->conf.max_tokens;
}

static void try_init(struct provider_call *c, struct provider_endpoint *e)
{
	const struct persona *persona = c->ask.persona;
	const struct provider_step *s = &c->order[c->at];
	struct provider *p = s->provider;
	struct provider_try *t = &c->try;

	buf_fini(&t->sink.text); /* of the attempt before */
	buf_fini(&t->sink.vectors);
	memset(t, 0, sizeof(*t));
	t->provider = p;
	t->endpoint = e;
	t->endpoint->in_flight++;
	t->model = provider_model_of(c, s);
	t->context_tokens = provider_window_of(c, p);
	t->is_on = true;
	t->started_ms = clock_mono_ms();
	t->first_ms = -1;
	t->retry_after_ms = -1;
	t->sink.tokens_in = -1;
	t->sink.tokens_out = -1;
	t->sink.wanted = c->is_embedding ? c->ask.prompt->n : 0;
	buf_init(&t->sink.text, PROVIDER_TEXT_BYTES);
	buf_init(&t->sink.vectors, PROVIDER_EMBED_MAX * PROVIDER_DIMS_MAX * sizeof(float));
	buf_init(&t->refusal, REFUSAL_BYTES);
	t->temperature = p->conf.temperature;
	if (persona && !isnan(persona->temperature))
		t->temperature = persona->temperature;
	t->max_tokens = provider_max_tokens(persona, p);
}

void provider_try_start(struct provider_call *c, struct provider_endpoint *e, int64_t reserved)
{
	const struct provider_pool *pool = c->pool;
	const struct provider *p = c->order[c->at].provider;
	struct provider_try *t = &c->try;
	int64_t delay_ms = 0;
	int err;

	try_init(c, e);
	t->reserved = reserved;
	if (pool->stand_in)
		err = pool->stand_in(pool->stand_in_ctx, &c->ask, &t->sink);
	else if (p->ops->say)
		err = p->ops->say(p->self, &c->ask, &t->sink, &delay_ms);
	else
		err = provider_exchange_start(c);
	if (err && !t->sink.error)
		provider_try_fail(t, err == ERR_NOMEM ? PROVIDER_NOMEM : PROVIDER_BAD_REQUEST,
			err == ERR_NOMEM ? "" : "its URL or the prompt cannot be sent");
	/* Even an end that is known already comes through the loop: no recursion, one path. */
	if (err || p->ops->say || pool->stand_in)
		io_timer_start(c->timer, delay_ms);
}
