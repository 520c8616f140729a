/* The fixture of the tests of Discord's REST side. */
#include "unit/discord_world.h"

#define QUIET_TURNS 5

/* ---- The peer -------------------------------------------------------------------------------- */

static void keep(struct world *w, const char *request)
{
	struct asked *a = &w->asked[w->asked_count];
	size_t n = strcspn(request, "\r");

	/* A test that lets memory fail makes the peer forget what it read. */
	if (w->asked_count >= ASKED_MAX || request[0] == '\0')
		return;
	snprintf(a->line, sizeof(a->line), "%.*s", (int)n, request);
	free(a->head); /* of a test that began to count anew */
	a->head = strdup(request);
	assert_non_null(a->head);
	a->body = strstr(a->head, "\r\n\r\n") + 4;
	a->at_ms = clock_mono_ms();
	w->asked_count++;
}

/* A message that was made or edited. */
static const char *message(struct world *w)
{
	char *out = w->made[++w->next_id % COUNT(w->made)];

	snprintf(out, sizeof(w->made[0]), JSON_HEAD("200 OK", "")
		"{\"id\":\"118000000000000%04lu\"}", w->next_id % 10000);
	return out;
}

static const char *choose(void *ctx, const char *request)
{
	struct world *w = ctx;

	keep(w, request);
	for (size_t i = 0; i < w->rule_count; i++) {
		struct rule *r = &w->rules[i];
		if (r->times > 0 && strncmp(request, r->begin, strlen(r->begin)) == 0) {
			r->times -= r->times != FOR_EVER;
			return r->bytes;
		}
	}
	if (strstr(request, "/typing ") || strstr(request, "/callback ") ||
			strncmp(request, "DELETE", 6) == 0)
		return NOTHING;
	if (strncmp(request, "GET", 3) == 0)
		return JSON_HEAD("200 OK", "") "[]";
	return message(w);
}

void world_rule(struct world *w, const char *begin, unsigned times, const char *bytes)
{
	assert_true(w->rule_count < COUNT(w->rules));
	w->rules[w->rule_count++] = (struct rule){begin, bytes, times};
}

size_t asked(const struct world *w, const char *begin)
{
	size_t n = 0;

	for (size_t i = 0; i < w->asked_count; i++)
		n += strncmp(w->asked[i].line, begin, strlen(begin)) == 0;
	return n;
}

const struct asked *asked_at(const struct world *w, const char *begin, size_t n)
{
	for (size_t i = 0; i < w->asked_count; i++) {
		if (strncmp(w->asked[i].line, begin, strlen(begin)) == 0 && n-- == 0)
			return &w->asked[i];
	}
	fail_msg("nobody asked %s so often", begin);
	return NULL;
}

/* ---- The world ------------------------------------------------------------------------------- */

static void on_refused(void *ctx, const char *why)
{
	struct world *w = ctx;

	assert_null(strstr(why, TOKEN));
	w->refusals++;
}

void world_open(struct world *w)
{
	struct platform_rest_options o = {.refused = on_refused, .ctx = w};

	memset(w, 0, sizeof(*w));
	assert_int_equal(io_new(&w->io), 0);
	peer_open(&w->peer, w->io);
	w->peer.choose = choose;
	w->peer.ctx = w;
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d/api/v10/", w->peer.port);
	w->conf.api_url = w->url;
	w->conf.reply_threads = true;
	w->conf.pings = true;
	w->conf.parts = 3;
	assert_int_equal(secret_new(str_of(TOKEN), &w->token), 0);
	o.io = w->io;
	o.conf = &w->conf;
	o.token = w->token;
	assert_int_equal(platform_rest_new(&o, &w->rest), 0);
}

void world_close(struct world *w)
{
	platform_rest_free(w->rest);
	peer_close(&w->peer);
	io_free(w->io);
	secret_free(w->token);
	for (size_t i = 0; i < ASKED_MAX; i++)
		free(w->asked[i].head);
}

void turn(struct world *w, int64_t ms, const size_t *n, size_t until)
{
	int64_t end = clock_mono_ms() + unit_slack_ms(ms);

	while (clock_mono_ms() < end && !(n && *n >= until))
		io_turn(w->io, 20);
}

static bool is_running(const struct world *w)
{
	struct buf status;
	bool is_idle;

	buf_init(&status, 4096);
	is_idle = !w->rest || (platform_rest_status(w->rest, &status) == 0 &&
		strstr(buf_text(&status), "\"running\":0,"));
	buf_fini(&status);
	return !is_idle;
}

void settle(struct world *w)
{
	size_t before;

	do {
		before = w->asked_count;
		for (int i = 0; i < QUIET_TURNS; i++)
			io_turn(w->io, 5);
	} while (w->asked_count != before || w->peer.live > 0 || is_running(w));
}

void wait_out(struct world *w, const size_t *n, size_t until)
{
	for (int i = 0; i < 100; i++) {
		settle(w);
		if (*n >= until)
			return;
		io_clock_shift(w->io, 300);
	}
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct platform_rest_answer *a)
{
	struct world *w = ctx;

	w->answers++;
	w->err = a->err;
	w->status = a->status;
	w->code = a->code;
	w->wait_ms = a->wait_ms;
	w->has_body = a->body != NULL;
	snprintf(w->field, sizeof(w->field), "%s", a->field);
	snprintf(w->why, sizeof(w->why), "%s", a->why);
	assert_null(strstr(w->why, TOKEN));
	if (w->frees_in_done) {
		platform_rest_free(w->rest);
		w->rest = NULL;
	}
}

struct platform_rest_task *call(struct world *w, const char *method, const char *path,
	int64_t deadline_ms)
{
	struct platform_rest_call c = {.method = method, .path = path, .done = on_answer, .ctx = w,
		.deadline_ms = deadline_ms};

	if (strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0 && !strstr(path, "/typing"))
		c.body = STR("{}");
	c.is_interaction = strstr(path, INTERACTION_TOKEN) != NULL;
	return platform_rest_start(w->rest, &c);
}

void call_and_wait(struct world *w, const char *method, const char *path)
{
	size_t n = w->answers;

	assert_non_null(call(w, method, path, 0));
	assert_int_equal(w->answers, n); /* never before the call has returned */
	turn(w, 10000, &w->answers, n + 1);
	assert_int_equal(w->answers, n + 1);
}
