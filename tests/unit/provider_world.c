/* The fixture of provider's pool tests. */
#include "unit/provider_world.h"

#include <math.h>

void world_open(struct world *w, size_t n)
{
	static const char *const names[PROVIDERS] = {"one", "two", "three"};

	memset(w, 0, sizeof(*w));
	rand_seed(7);
	assert_int_equal(io_new(&w->io), 0);
	w->conf.providers = w->providers;
	w->conf.provider_count = n;
	w->conf.ask.at = w->names;
	w->conf.ask.n = n;
	w->conf.limits.asks = 4;
	w->conf.limits.retries = 2;
	w->conf.limits.breaker_failures = 5;
	w->conf.limits.breaker_window_ms = 30000;
	w->conf.limits.breaker_open_ms = 60000;
	for (size_t i = 0; i < n; i++) {
		struct conf_provider *p = &w->providers[i];
		peer_open(&w->peers[i], w->io);
		snprintf(w->urls[i], sizeof(w->urls[i]), "http://127.0.0.1:%d/",
			w->peers[i].port);
		w->names[i] = p->name = (char *)names[i];
		p->url = w->urls[i];
		p->model = (char *)"m";
		p->max_tokens = 120;
		p->context_tokens = 2048;
		p->temperature = 0.7;
		p->connect_ms = 2000;
		p->first_byte_ms = 5000;
		p->idle_ms = 5000;
		p->total_ms = 20000;
	}
	w->message = (struct prompt_message){PROMPT_USER, STR("Hello bird")};
	w->prompt = (struct prompt){.messages = &w->message, .n = 1};
	w->persona = (struct persona){.temperature = NAN};
}

void world_start(struct world *w)
{
	assert_int_equal(provider_pool_new(w->io, &w->conf, &w->pool), 0);
}

void world_close(struct world *w)
{
	provider_pool_free(w->pool);
	for (size_t i = 0; i < w->conf.provider_count; i++) {
		peer_close(&w->peers[i]);
		secret_free(w->providers[i].secret);
	}
	io_free(w->io);
	metric_reset();
}

static void copy(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STR_FMT(s));
}

void on_attempt(void *ctx, const struct provider_attempt *a)
{
	struct ask *ask = ctx;
	struct row *r = &ask->rows[ask->row_count++];

	assert_true(ask->row_count < ROWS);
	assert_int_equal(ask->done, 0);
	copy(r->provider, sizeof(r->provider), str_of(a->provider));
	copy(r->model, sizeof(r->model), str_of(a->model));
	copy(r->message, sizeof(r->message), str_of(a->message));
	copy(r->text, sizeof(r->text), a->text);
	r->error = a->error;
	r->status = a->status;
	r->number = a->number;
	r->is_fallback = a->is_fallback;
	r->tokens_in = a->tokens_in;
	r->tokens_out = a->tokens_out;
	r->first_token_ms = a->first_token_ms;
	r->at_ms = clock_mono_ms();
	if (ask->in_attempt)
		ask->in_attempt(ask);
}

void on_done(void *ctx, const struct provider_answer *a)
{
	struct ask *ask = ctx;

	assert_non_null(ask->call); /* never before provider_ask returned */
	assert_int_equal(ask->done, 0);
	ask->done++;
	ask->order = ask->world->done++;
	ask->answer.error = a->error;
	ask->answer.tokens_in = a->tokens_in;
	ask->answer.tokens_out = a->tokens_out;
	ask->was_cut = a->was_cut;
	ask->attempts = a->attempts;
	copy(ask->answer.provider, sizeof(ask->answer.provider), str_of(a->provider));
	copy(ask->answer.model, sizeof(ask->answer.model), str_of(a->model));
	copy(ask->answer.text, sizeof(ask->answer.text), a->text);
	if (ask->in_done)
		ask->in_done(ask);
}

static void on_so_far(void *ctx, struct str text)
{
	struct ask *ask = ctx;

	assert_int_equal(ask->done, 0);
	ask->told++;
	copy(ask->so_far, sizeof(ask->so_far), text);
	if (ask->in_so_far)
		ask->in_so_far(ask);
}

void ask_within(struct world *w, struct ask *a, int64_t in_ms)
{
	struct provider_ask q = {.prompt = &w->prompt, .persona = &w->persona,
		.turn = "0199-turn", .deadline_ms = clock_mono_ms() + in_ms,
		.attempt = on_attempt, .so_far = on_so_far, .done = on_done, .ctx = a};

	a->world = w;
	a->call = provider_ask(w->pool, &q);
	assert_non_null(a->call);
}

void turn(struct world *w, int64_t ms, const size_t *n, size_t until)
{
	int64_t end = clock_mono_us() + ms * 1000;

	while (clock_mono_us() < end && (!n || *n < until))
		io_turn(w->io, 5);
}

void ask_and_wait(struct world *w, struct ask *a)
{
	size_t before = w->done;

	memset(a, 0, sizeof(*a));
	ask_within(w, a, 15000);
	turn(w, 15000, &w->done, before + 1);
	assert_int_equal(a->done, 1);
}

void expect(const struct ask *a, enum provider_error e, const char *text)
{
	assert_string_equal(provider_error_name(a->answer.error), provider_error_name(e));
	assert_string_equal(a->answer.text, text);
}
