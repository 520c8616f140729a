/* provider: whom an ask goes to, which server of a provider, and what keeps it from one. */
#include "unit/provider_world.h"

#include <math.h>

#define REFUSAL(status, headers) "HTTP/1.1 " status "\r\n" headers \
	"Content-Type: application/json\r\nConnection: close\r\n\r\n{\"error\":\"no\"}"
#define HOUR_MS 3600000

/* Asks with these members besides the world's own, and waits. */
static void ask_as(struct world *w, struct ask *a, struct provider_ask q)
{
	const size_t before = w->done;

	memset(a, 0, sizeof(*a));
	a->world = w;
	q.prompt = &w->prompt;
	q.persona = &w->persona;
	q.turn = "0199-turn";
	q.deadline_ms = clock_mono_ms() + 15000;
	q.attempt = on_attempt;
	q.done = on_done;
	q.ctx = a;
	a->call = provider_ask(w->pool, &q);
	assert_non_null(a->call);
	turn(w, 15000, &w->done, before + 1);
	assert_int_equal(a->done, 1);
}

static struct provider_condition condition(struct world *w, size_t i)
{
	struct provider_condition c;

	assert_true(provider_condition(w->pool, i, &c));
	return c;
}

/* ---- Rules ----------------------------------------------------------------------------------- */

static void test_the_first_rule_that_fits_decides(void **state)
{
	static char *story[] = {"story", "tale"}, *slash[] = {"slash"};
	static char *in[] = {"discord", "irc:#den"};
	static char *two[] = {"two"}, *three[] = {"three", "one"}, *nobody[] = {"kaboom"};
	static char *all[] = {"one", "two", "three"};
	struct conf_route routes[] = {
		{.events = {nobody, 1}, .ask = {two, 1}},
		{.triggers = {story, 2}, .longer_than = 100, .ask = {three, 2},
			.model = (char *)"big"},
		{.triggers = {story, 2}, .ask = {two, 1}},
		{.events = {slash, 1}, .in = {in, 2}, .ask = {three, 2}},
	};
	static const struct event said = {.kind = EVENT_MESSAGE, .platform = STR("twitch"),
		.channel = STR("kelp")};
	static const struct event slashed = {.kind = EVENT_SLASH, .platform = STR("discord"),
		.channel = STR("kelp")};
	static const struct event irc = {.kind = EVENT_SLASH, .platform = STR("irc"),
		.channel = STR("#DEN")};
	static const struct event elsewhere = {.kind = EVENT_SLASH, .platform = STR("irc"),
		.channel = STR("#other")};
	static const struct persona by_one = {.use = (char *)"one"},
		by_two = {.use = (char *)"two"}, by_gone = {.use = (char *)"gone"};
	static const struct {
		struct provider_ask ask;
		size_t tokens, rule;
		const char *order, *model;
	} cases[] = {
		{{.event = NULL}, 0, 0, "one two three", "m"},
		{{.event = &said, .trigger = "ask"}, 0, 0, "one two three", "m"},
		{{.event = &said, .trigger = "story"}, 100, 3, "two", "m"},
		{{.event = &said, .trigger = "tale"}, 101, 2, "three one", "big"},
		{{.event = &slashed}, 0, 4, "three one", "m"},
		{{.event = &irc}, 0, 4, "three one", "m"},
		{{.event = &elsewhere}, 0, 0, "one two three", "m"},
		{{.event = &said, .trigger = "story", .persona = &by_one}, 0, 3, "one two", "m"},
		{{.event = &said, .trigger = "story", .persona = &by_two}, 101, 2, "two three one",
			"m"},
		{{.event = &said, .persona = &by_gone}, 0, 0, "one two three", "m"},
	};
	struct world w;

	(void)state;
	world_open(&w, 3);
	w.conf.ask = (struct conf_texts){all, 3};
	w.conf.routes = routes;
	w.conf.route_count = COUNT(routes);
	world_start(&w);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct provider_ask q = cases[i].ask;
		struct provider_route r;
		char order[64] = "";

		w.prompt.tokens = cases[i].tokens;
		q.prompt = &w.prompt;
		provider_route(w.pool, &q, &r);
		for (size_t k = 0; k < r.n; k++)
			snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s%s",
				k ? " " : "", r.legs[k].name);
		if (r.rule != cases[i].rule || strcmp(order, cases[i].order) != 0 ||
				strcmp(r.legs[0].model, cases[i].model) != 0)
			fail_msg("case %zu: rule %zu, %s, %s", i, r.rule, order, r.legs[0].model);
		assert_true(r.legs[0].is_asked);
	}
	world_close(&w);
}

static void test_the_rules_model_is_asked_for_and_priced(void **state)
{
	static char *two[] = {"two"};
	struct conf_route route = {.ask = {two, 1}, .model = (char *)"big"};
	struct conf_model big = {"big", 4 * CONF_DOLLAR, 8 * CONF_DOLLAR};
	struct provider_route r;
	struct provider_ask q = {0};
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	w.providers[1].others = &big;
	w.providers[1].other_count = 1;
	w.providers[1].price_out = CONF_DOLLAR;
	w.conf.routes = &route;
	w.conf.route_count = 1;
	world_start(&w);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_non_null(strstr(buf_text(&w.peers[1].last), "\"model\":\"big\""));
	assert_int_equal(w.peers[0].requests, 0);
	provider_route(w.pool, &q, &r);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.legs[0].price_out, 8 * CONF_DOLLAR);
	assert_int_equal(r.legs[0].most, 120 * 8);
	assert_string_equal(r.legs[0].why, "an answer costs at most $0.000960");
	world_close(&w);
}

static void test_what_is_local_only_never_leaves_this_machine(void **state)
{
	struct provider_ask q = {.is_local_only = true};
	struct provider_route r;
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	w.providers[0].url = (char *)"http://model.example/";
	w.providers[0].remote_ok = true;
	world_start(&w);
	peer_play(&w.peers[1], BUSY);
	ask_as(&w, &a, q);
	expect(&a, PROVIDER_SERVER, "");
	for (size_t i = 0; i < a.row_count; i++)
		assert_string_equal(a.rows[i].provider, "two");
	provider_route(w.pool, &q, &r);
	assert_false(r.legs[0].is_asked);
	assert_string_equal(r.legs[0].why,
		"it is not on this machine, which the prompt must not leave");
	q.is_local_only = false;
	provider_route(w.pool, &q, &r);
	assert_true(r.legs[0].is_asked);
	assert_string_equal(r.legs[0].why, "no price of it is known, so its answers count as free");
	world_close(&w);
}

static void test_a_prompt_goes_only_where_it_fits(void **state)
{
	static char *big[] = {"two"};
	struct conf_route route = {.longer_than = 1000, .ask = {big, 1}};
	struct provider_ask q = {0};
	struct world w;
	struct ask a;
	size_t window, answer;

	(void)state;
	world_open(&w, 2);
	w.providers[1].context_tokens = 8192;
	w.prompt.tokens = 2000;
	world_start(&w);
	peer_play(&w.peers[0], HI);
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a); /* 2000 and 120 are more than 2048 */
	assert_string_equal(a.answer.provider, "two");
	assert_int_equal(w.peers[0].requests, 0);
	provider_budget(w.pool, &q, &window, &answer);
	assert_int_equal(window, 2048);
	/* Where a rule sends long prompts to a wider window, prompts may become long. */
	w.conf.routes = &route;
	w.conf.route_count = 1;
	assert_int_equal(provider_pool_reload(w.pool, &w.conf), 0);
	provider_budget(w.pool, &q, &window, &answer);
	assert_int_equal(window, 8192);
	world_close(&w);
}

/* ---- Servers --------------------------------------------------------------------------------- */

static void test_servers_share_the_work(void **state)
{
	char *urls[3];
	struct world w;
	struct ask many[6] = {0};
	size_t done;

	(void)state;
	world_open(&w, 3);
	for (size_t i = 0; i < 3; i++) {
		urls[i] = w.urls[i];
		peer_play(&w.peers[i], HI);
		w.peers[i].plays[0].wait_ms = 300;
	}
	w.providers[0].urls = (struct conf_texts){urls, 3};
	w.conf.ask.n = 1;
	w.conf.limits.asks = 6;
	world_start(&w);
	done = w.done;
	for (size_t i = 0; i < COUNT(many); i++)
		ask_within(&w, &many[i], 15000);
	turn(&w, 15000, &w.done, done + COUNT(many));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(w.peers[i].requests, 2);
		assert_int_equal(w.peers[i].most_live, 2);
	}
	assert_int_equal(condition(&w, 0).in_flight, 0);
	world_close(&w);
}

/* Lets the first server be visited for the n-th time. */
static void visited(struct world *w, size_t n)
{
	for (int i = 0; i < 20 && w->peers[0].visits < n; i++) {
		io_clock_shift(w->io, 31000);
		turn(w, 300, &w->peers[0].visits, n);
	}
	assert_int_equal(w->peers[0].visits, n);
}

static void test_a_server_that_fails_is_out_until_it_is_well(void **state)
{
	const char *type, *model, *last;
	enum io_breaker_state breaker;
	char *urls[2];
	struct world w;
	struct ask a;
	size_t visits;

	(void)state;
	world_open(&w, 2);
	for (size_t i = 0; i < 2; i++)
		urls[i] = w.urls[i];
	w.providers[0].urls = (struct conf_texts){urls, 2};
	w.conf.ask.n = 1;
	world_start(&w);
	peer_play(&w.peers[0], BUSY);
	w.peers[0].visit = BUSY;
	peer_play(&w.peers[1], HI);
	for (int i = 0; i < 8; i++) { /* the first falls back within its own ask */
		ask_and_wait(&w, &a);
		expect(&a, PROVIDER_NONE, "Hi there");
	}
	assert_int_equal(w.peers[0].requests, 1);
	assert_int_equal(condition(&w, 0).servers, 2);
	assert_int_equal(condition(&w, 0).servers_out, 1);

	/* Visits, every half a minute, and never a question. */
	visited(&w, 1);
	visited(&w, 2);
	assert_int_equal(w.peers[0].requests, 1);
	assert_int_equal(w.peers[1].visits, 0);
	assert_int_equal(condition(&w, 0).servers_out, 1);
	w.peers[0].visit = NULL;
	for (int i = 0; i < 20 && condition(&w, 0).servers_out > 0; i++) {
		io_clock_shift(w.io, 31000);
		turn(&w, 300, NULL, 0);
	}
	assert_int_equal(condition(&w, 0).servers_out, 0);
	visits = w.peers[0].visits;
	w.peers[0].plays[0] = (struct play){.bytes = HI, .n = sizeof(HI) - 1};
	ask_and_wait(&w, &a);
	assert_int_equal(w.peers[0].requests, 2);
	io_clock_shift(w.io, 65000); /* all are well: nobody is visited any more */
	turn(&w, 300, NULL, 0);
	assert_int_equal(w.peers[0].visits, visits);

	/* The provider is out when all of its servers are. */
	peer_close(&w.peers[1]);
	peer_open(&w.peers[1], w.io); /* at another port */
	w.peers[0].plays[0] = (struct play){.bytes = BUSY, .n = sizeof(BUSY) - 1};
	for (int i = 0; i < 5; i++) /* of three attempts; each server's breaker takes five */
		ask_and_wait(&w, &a);
	(void)provider_state(w.pool, 0, &type, &model, &breaker, &last);
	assert_int_equal(breaker, IO_BREAKER_OPEN);
	expect(&a, PROVIDER_BREAKER, "");
	world_close(&w);
}

#define MANY HEAD("429 Too Many", "application/json") "{\"error\":\"slow down\"}"

static void test_who_is_asked_too_often_is_not_asked_again_at_once(void **state)
{
	char *urls[2];
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	for (size_t i = 0; i < 2; i++)
		urls[i] = w.urls[i];
	w.providers[0].urls = (struct conf_texts){urls, 2};
	w.conf.ask.n = 1;
	world_start(&w);
	peer_play(&w.peers[0], MANY); /* and does not say for how long */
	peer_play(&w.peers[1], HI);
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_int_equal(w.peers[0].requests, 1);
	assert_int_equal(w.peers[1].requests, 1);
	io_clock_shift(w.io, 1100);
	w.peers[0].plays[0] = (struct play){.bytes = HI, .n = sizeof(HI) - 1};
	ask_and_wait(&w, &a);
	assert_int_equal(w.peers[0].requests, 2);

	/* When all of them say so, the retries wait. */
	for (size_t i = 0; i < 2; i++)
		w.peers[i].plays[0] = (struct play){.bytes = MANY, .n = sizeof(MANY) - 1};
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_RATE_LIMIT, "");
	assert_int_equal(a.attempts, 3);
	assert_int_equal(w.peers[0].requests + w.peers[1].requests, 6);
	assert_true(w.peers[1].requests >= 2);
	assert_int_equal(condition(&w, 0).servers_out, 0);
	world_close(&w);
}

/* ---- What keeps from a provider -------------------------------------------------------------- */

static void test_limits_of_a_provider_send_to_the_next(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
		int64_t most;
		bool is_hourly;
	} cases[] = {
		{"calls_hour", offsetof(struct conf_provider, calls_hour), 2, true},
		{"calls_day", offsetof(struct conf_provider, calls_day), 2, false},
		{"cost_day", offsetof(struct conf_provider, cost_day), 250, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct provider_ask q = {0};
		struct provider_route r;
		struct world w;
		struct ask a;

		world_open(&w, 2);
		w.providers[0].price_in = w.providers[0].price_out = CONF_DOLLAR;
		w.prompt.tokens = 0;
		*(int64_t *)((char *)&w.providers[0] + cases[i].offset) = cases[i].most;
		world_start(&w);
		/* The day must not end within the test. */
		clock_shift(0, 24 * HOUR_MS - clock_wall_ms() % (24 * HOUR_MS));
		peer_play(&w.peers[0], STREAM LINE("Hi") "{\"done\":true,\"done_reason\":\"stop\","
			"\"prompt_eval_count\":20,\"eval_count\":100}\n");
		peer_play(&w.peers[1], HI);
		for (int k = 0; k < 4; k++) {
			ask_and_wait(&w, &a);
			assert_string_equal(a.answer.provider, k < 2 ? "one" : "two");
		}
		provider_route(w.pool, &q, &r);
		assert_false(r.legs[0].is_asked);
		assert_non_null(strstr(r.legs[0].why, cases[i].name));
		/* A reload that changes it forgets nothing; the next window is a new one. */
		w.providers[0].max_tokens++;
		assert_int_equal(provider_pool_reload(w.pool, &w.conf), 0);
		assert_int_equal(condition(&w, 0).used.calls_day, 2);
		clock_shift(0, cases[i].is_hourly ? HOUR_MS : 24 * HOUR_MS);
		provider_route(w.pool, &q, &r);
		assert_true(r.legs[0].is_asked);
		world_close(&w);
	}
}

static void test_a_busy_provider_sends_to_the_next(void **state)
{
	struct world w;
	struct ask many[3] = {0};

	(void)state;
	world_open(&w, 2);
	w.providers[0].at_once = 1;
	world_start(&w);
	for (size_t i = 0; i < 2; i++) {
		peer_play(&w.peers[i], HI);
		w.peers[i].plays[0].wait_ms = 300;
	}
	for (size_t i = 0; i < COUNT(many); i++)
		ask_within(&w, &many[i], 15000);
	turn(&w, 15000, &w.done, COUNT(many));
	assert_int_equal(w.peers[0].requests, 1);
	assert_int_equal(w.peers[1].requests, 2);
	world_close(&w);
}

static void test_refusals_have_their_own_treatment(void **state)
{
	static const struct {
		const char *answer;
		enum provider_error error;
		bool is_disabled;
		int64_t parked_ms, least_ms; /* within this and that */
	} cases[] = {
		{REFUSAL("401 No", ""), PROVIDER_AUTH, true, 0, 0},
		{REFUSAL("402 No", ""), PROVIDER_QUOTA, false, HOUR_MS, HOUR_MS - 20000},
		{REFUSAL("402 No", "Retry-After: 600\r\n"), PROVIDER_QUOTA, false, 600000, 580000},
		{REFUSAL("402 No", "x-ratelimit-reset-requests: 2h0m1s\r\n"), PROVIDER_QUOTA, false,
			2 * HOUR_MS + 1000, 2 * HOUR_MS - 20000},
		{REFUSAL("402 No", "x-ratelimit-reset-requests: 1s\r\n"), PROVIDER_QUOTA, false,
			60000,
			40000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct provider_condition c;
		struct world w;
		struct ask a;

		world_open(&w, 2);
		world_start(&w);
		peer_play(&w.peers[0], cases[i].answer);
		peer_play(&w.peers[1], HI);
		for (int k = 0; k < 3; k++) {
			ask_and_wait(&w, &a);
			expect(&a, PROVIDER_NONE, "Hi there");
		}
		assert_int_equal(w.peers[0].requests, 1); /* it is left alone */
		c = condition(&w, 0);
		if (c.is_disabled != cases[i].is_disabled || c.parked_ms > cases[i].parked_ms ||
				c.parked_ms < cases[i].least_ms)
			fail_msg("case %zu: disabled %d, parked %lld", i, c.is_disabled,
				(long long)c.parked_ms);
		/* Parked ends by itself, and all of it by a reload. */
		if (c.parked_ms > 0)
			io_clock_shift(w.io, cases[i].parked_ms);
		else
			assert_int_equal(provider_pool_reload(w.pool, &w.conf), 0);
		ask_and_wait(&w, &a);
		assert_int_equal(w.peers[0].requests, 2);
		world_close(&w);
	}
}

static void test_without_memory_less_is_asked_once(void **state)
{
	static const struct {
		const char *smaller, *says;
		size_t tokens, requests;
	} cases[] = {
		{"tiny", "\"model\":\"tiny\"", 0, 2},
		{NULL, "\"num_ctx\":1024", 0, 2},
		{NULL, "\"num_ctx\":2048", 1000, 1}, /* half of it would not hold the prompt */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;
		struct ask a;

		world_open(&w, 2);
		w.providers[0].smaller = (char *)cases[i].smaller;
		w.prompt.tokens = cases[i].tokens;
		world_start(&w);
		peer_play(&w.peers[0], HEAD("500 No", "application/json")
			"{\"error\":\"CUDA out of memory\"}");
		peer_play(&w.peers[1], HI);
		ask_and_wait(&w, &a);
		expect(&a, PROVIDER_NONE, "Hi there");
		assert_string_equal(a.answer.provider, "two");
		assert_int_equal(w.peers[0].requests, cases[i].requests);
		assert_non_null(strstr(buf_text(&w.peers[0].last), cases[i].says));
		assert_non_null(strstr(buf_text(&w.peers[1].last), "\"num_ctx\":2048"));
		world_close(&w);
	}
}

/* ---- Lists of models, warming up ------------------------------------------------------------- */

static size_t lists;

static const char *list_or_say(void *ctx, const char *request)
{
	struct world *w = ctx;

	(void)w;
	if (strncmp(request, "GET /api/tags ", 14) != 0)
		return HI;
	lists++;
	return HEAD("200 OK", "application/json")
		"{\"models\":[{\"name\":\"m:latest\"},{\"name\":\"big\"}]}";
}

struct told {
	size_t n;
	struct provider_probed last;
};

static void on_list(void *ctx, const struct provider_probed *r)
{
	struct told *t = ctx;

	t->n++;
	t->last = *r;
	assert_int_equal(r->error, PROVIDER_NONE);
	assert_true(str_is(r->names, "m:latest\nbig\n"));
}

static void test_a_list_of_models_is_kept_for_an_hour(void **state)
{
	struct told t = {0};
	struct world w;

	(void)state;
	lists = 0;
	world_open(&w, 1);
	w.peers[0].choose = list_or_say;
	world_start(&w);
	assert_true(condition(&w, 0).list_age_ms < 0);
	/* A probe always asks. */
	for (size_t n = 1; n <= 2; n++) {
		assert_non_null(provider_probe_start(w.pool, 0, on_list, &t));
		turn(&w, 10000, &t.n, n);
		assert_int_equal(lists, n);
		assert_true(t.last.has_model && t.last.models == 2);
	}
	assert_true(condition(&w, 0).has_model);
	/* Whoever looks has old lists asked for, and new ones not. */
	io_clock_shift(w.io, HOUR_MS - 60000);
	provider_pool_look(w.pool);
	turn(&w, 200, NULL, 0);
	assert_int_equal(lists, 2);
	io_clock_shift(w.io, 61000);
	provider_pool_look(w.pool);
	provider_pool_look(w.pool);
	turn(&w, 10000, &lists, 3);
	turn(&w, 200, NULL, 0);
	assert_int_equal(lists, 3);
	world_close(&w);
}

static void test_a_local_model_is_warmed_once(void **state)
{
	struct world w;
	struct ask a;

	(void)state;
	world_open(&w, 2);
	w.providers[0].warm_up = true;
	w.providers[0].keep_alive = (char *)"10m";
	w.providers[0].first_byte_ms = 200;
	world_start(&w);
	peer_play(&w.peers[0], HEAD("200 OK", "application/json") "{\"done\":true}");
	peer_play(&w.peers[0], HI);
	w.peers[0].plays[0].wait_ms = 1500;
	w.peers[0].plays[1].wait_ms = 600;
	provider_pool_warm(w.pool);
	provider_pool_warm(w.pool);
	turn(&w, 10000, &w.peers[0].requests, 1);
	assert_non_null(strstr(buf_text(&w.peers[0].last), "\"messages\":[]"));
	assert_non_null(strstr(buf_text(&w.peers[0].last), "\"num_ctx\":2048"));
	assert_non_null(strstr(buf_text(&w.peers[0].last), "\"keep_alive\":\"10m\""));
	assert_true(condition(&w, 0).is_warming);
	/* A question waits longer while the model is loaded than it otherwise would. */
	ask_and_wait(&w, &a);
	expect(&a, PROVIDER_NONE, "Hi there");
	assert_string_equal(a.answer.provider, "one");
	for (int i = 0; i < 500 && condition(&w, 0).is_warming; i++)
		turn(&w, 20, NULL, 0);
	assert_false(condition(&w, 0).is_warming);
	assert_int_equal(w.peers[0].requests, 2);
	assert_int_equal(w.peers[1].requests, 0);
	world_close(&w);
}

/* ---- The breaker, in virtual time ------------------------------------------------------------ */

static void test_breaker_table_is_exact(void **state)
{
	enum act { FAIL, WORK, LEAVE, ASK, REFUSED };
	static const struct {
		int64_t at_ms;
		enum act act;       /* ASK: it is let out; REFUSED: it is not */
		enum io_breaker_state after;
	} steps[] = {
		{0, ASK, IO_BREAKER_CLOSED},
		{0, FAIL, IO_BREAKER_CLOSED},
		{1, FAIL, IO_BREAKER_CLOSED},
		{2, FAIL, IO_BREAKER_CLOSED},
		{3, WORK, IO_BREAKER_CLOSED},     /* a success excuses nothing */
		{4, FAIL, IO_BREAKER_CLOSED},
		{30000, FAIL, IO_BREAKER_CLOSED}, /* the first is no longer within 30 s */
		{30000, FAIL, IO_BREAKER_OPEN},   /* 1, 2, 4 and these two are five */
		{30000, REFUSED, IO_BREAKER_OPEN},
		{30001, WORK, IO_BREAKER_OPEN},   /* of a call from before: changes nothing */
		{89999, REFUSED, IO_BREAKER_OPEN},
		{90000, ASK, IO_BREAKER_PROBING},
		{90000, REFUSED, IO_BREAKER_PROBING},
		{90001, LEAVE, IO_BREAKER_PROBING},
		{90001, ASK, IO_BREAKER_PROBING}, /* who left lets another one try */
		{91000, FAIL, IO_BREAKER_OPEN},   /* two minutes now */
		{210999, REFUSED, IO_BREAKER_OPEN},
		{211000, ASK, IO_BREAKER_PROBING},
		{211000, FAIL, IO_BREAKER_OPEN},  /* four */
		{450999, REFUSED, IO_BREAKER_OPEN},
		{451000, ASK, IO_BREAKER_PROBING},
		{451000, FAIL, IO_BREAKER_OPEN},  /* eight */
		{931000, ASK, IO_BREAKER_PROBING},
		{931000, FAIL, IO_BREAKER_OPEN},  /* ten at most */
		{1530999, REFUSED, IO_BREAKER_OPEN},
		{1531000, ASK, IO_BREAKER_PROBING},
		{1531001, WORK, IO_BREAKER_CLOSED},
		{1531001, ASK, IO_BREAKER_CLOSED},
		{1531002, FAIL, IO_BREAKER_CLOSED}, /* it begins anew */
	};
	struct io_breaker b;

	(void)state;
	io_breaker_init(&b, 5, 30000, 60000);
	for (size_t i = 0; i < COUNT(steps); i++) {
		const int64_t now = steps[i].at_ms;
		bool is_let = io_breaker_would_allow(&b, now);

		switch (steps[i].act) {
		case FAIL: io_breaker_failed(&b, now); break;
		case WORK: io_breaker_succeeded(&b, now); break;
		case LEAVE: io_breaker_abandoned(&b); break;
		case ASK:
		case REFUSED:
			assert_int_equal(io_breaker_allows(&b, now), is_let);
			assert_int_equal(is_let, steps[i].act == ASK);
			break;
		}
		if (b.state != steps[i].after)
			fail_msg("step %zu: %s", i, io_breaker_state_name(b.state));
	}
}

static void test_one_of_a_hundred_tries_an_open_breaker(void **state)
{
	struct world w;
	static struct ask many[100];
	struct ask a;
	size_t done;

	(void)state;
	memset(many, 0, sizeof(many));
	world_open(&w, 1);
	w.conf.limits.retries = 0;
	w.conf.limits.asks = 64;
	world_start(&w);
	peer_play(&w.peers[0], BUSY);
	for (int i = 0; i < 5; i++)
		ask_and_wait(&w, &a);
	assert_int_equal(w.peers[0].requests, 5);
	io_clock_shift(w.io, 60000);
	w.peers[0].plays[0].wait_ms = 500;
	done = w.done;
	for (size_t i = 0; i < COUNT(many); i++)
		ask_within(&w, &many[i], 15000);
	turn(&w, 15000, &w.done, done + COUNT(many));
	assert_int_equal(w.done, done + COUNT(many));
	assert_int_equal(w.peers[0].requests, 6);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_rule_that_fits_decides),
		cmocka_unit_test(test_the_rules_model_is_asked_for_and_priced),
		cmocka_unit_test(test_what_is_local_only_never_leaves_this_machine),
		cmocka_unit_test(test_a_prompt_goes_only_where_it_fits),
		cmocka_unit_test(test_servers_share_the_work),
		cmocka_unit_test(test_a_server_that_fails_is_out_until_it_is_well),
		cmocka_unit_test(test_who_is_asked_too_often_is_not_asked_again_at_once),
		cmocka_unit_test(test_limits_of_a_provider_send_to_the_next),
		cmocka_unit_test(test_a_busy_provider_sends_to_the_next),
		cmocka_unit_test(test_refusals_have_their_own_treatment),
		cmocka_unit_test(test_without_memory_less_is_asked_once),
		cmocka_unit_test(test_a_list_of_models_is_kept_for_an_hour),
		cmocka_unit_test(test_a_local_model_is_warmed_once),
		cmocka_unit_test(test_breaker_table_is_exact),
		cmocka_unit_test(test_one_of_a_hundred_tries_an_open_breaker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
