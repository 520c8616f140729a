/* The fixture of the tests of Twitch's REST interface. */
#include "unit/helix_world.h"

/* ---- The token ------------------------------------------------------------------------------- */

void token_set(struct platform_token *t, const char *bytes)
{
	secret_free(t->secret);
	t->secret = NULL;
	if (bytes)
		assert_int_equal(secret_new(str_of(bytes), &t->secret), 0);
}

enum platform_token_state platform_token_state(const struct platform_token *t)
{
	return t->state;
}

struct secret *platform_token_use(const struct platform_token *t)
{
	return t->secret;
}

void platform_token_rejected(struct platform_token *t, const struct secret *used)
{
	t->rejected++;
	if (used == t->secret)
		t->state = PLATFORM_TOKEN_RENEWING;
}

const char *platform_token_user_id(const struct platform_token *t)
{
	return t->user_id;
}

const char *platform_token_client_id(const struct platform_token *t)
{
	return t->client_id;
}

bool platform_token_has_scope(const struct platform_token *t, const char *scope)
{
	return strstr(t->scopes, scope) != NULL;
}

const char *platform_token_why(const struct platform_token *t)
{
	return t->state == PLATFORM_TOKEN_REFUSED || t->state == PLATFORM_TOKEN_NONE ?
		"run `mynah login twitch`" : "";
}

/* ---- The world ------------------------------------------------------------------------------- */

void world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(io_new(&w->io), 0);
	peer_open(&w->peer, w->io);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d/helix", w->peer.port);
	w->conf.api_url = w->url;
	w->conf.reply_threads = true;
	w->token = (struct platform_token){.state = PLATFORM_TOKEN_VALID, .user_id = "60030003",
		.client_id = "kelpbotclient0000000000000000a", .scopes = "user:write:chat"};
	token_set(&w->token, TOKEN);
	assert_int_equal(platform_helix_new(w->io, &w->conf, &w->token, &w->helix), 0);
}

void world_close(struct world *w)
{
	platform_helix_free(w->helix);
	peer_close(&w->peer);
	io_free(w->io);
	token_set(&w->token, NULL);
}

void turn(struct world *w, int64_t ms, const size_t *n, size_t until)
{
	int64_t end = clock_mono_ms() + unit_slack_ms(ms);

	while (clock_mono_ms() < end && !(n && *n >= until))
		io_turn(w->io, 20);
}

static void on_answer(void *ctx, const struct platform_helix_answer *a)
{
	struct world *w = ctx;

	w->answers++;
	w->err = a->err;
	w->status = a->status;
	w->has_body = a->body != NULL;
	snprintf(w->message, sizeof(w->message), "%s", a->message);
	snprintf(w->why, sizeof(w->why), "%s", a->why);
	assert_null(strstr(w->why, TOKEN));
	if (w->frees_in_done) {
		platform_helix_free(w->helix);
		w->helix = NULL;
	}
}

struct platform_helix_task *call(struct world *w, const char *method, const char *path)
{
	struct platform_helix_call c = {.method = method, .path = path, .done = on_answer,
		.ctx = w};

	if (strcmp(method, "POST") == 0)
		c.body = STR("{}");
	return platform_helix_start(w->helix, &c);
}

void call_and_wait(struct world *w, const char *method, const char *path)
{
	size_t n = w->answers;

	assert_non_null(call(w, method, path));
	assert_int_equal(w->answers, n); /* never before the call has returned */
	turn(w, 5000, &w->answers, n + 1);
	assert_int_equal(w->answers, n + 1);
}

static void on_said(void *ctx, const char *id, enum reason r, const char *why)
{
	struct world *w = ctx;

	w->outcomes++;
	w->reason = r;
	snprintf(w->turn, sizeof(w->turn), "%s", id);
	snprintf(w->code, sizeof(w->code), "%s", why);
}

struct reply *reply_of(const char *text, const char *channel_id, const char *to_id)
{
	struct event e = {.platform = STR("twitch"), .channel = STR("kelpforest"),
		.channel_id = str_of(channel_id), .id = str_of(to_id), .at_ms = clock_mono_ms()};
	struct reply *r = reply_new("018f0000-0000-7000-8000-000000000001", &e, str_of(text));

	assert_non_null(r);
	r->is_thread = to_id != NULL;
	r->dies_ms = clock_mono_ms() + 30000;
	return r;
}

void say(struct world *w, struct reply *r)
{
	size_t n = w->outcomes;

	assert_int_equal(platform_helix_say(w->helix, r, on_said, w), 0);
	assert_int_equal(w->outcomes, n);
}

void say_and_wait(struct world *w, struct reply *r)
{
	size_t n = w->outcomes;

	say(w, r);
	turn(w, 5000, &w->outcomes, n + 1);
	assert_int_equal(w->outcomes, n + 1);
}
