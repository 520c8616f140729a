/* One HTTP exchange with Discord's REST interface, and what its answer means for the call and for
 * the others. */
#include "platform/discord_rest_room.h"

#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_BYTES 1024
#define AGAIN_MIN_MS 300  /* before the first repetition of a failed call; doubles */
#define AGAIN_MAX_MS 1200
#define REPEATS 3         /* discord.md 8.4 step 8: of what may be done twice */
#define CREATE_REPEATS 1  /* of a create: the one safe repetition with its nonce (faults.md R8) */
#define UNTOLD_MS 3000    /* a 429 that does not say how long (discord.md 8.2: a few seconds) */
#define LEAST_MS 100      /* of a 429: "0 s" is no reason to ask in a loop */
#define BAN_MS (10 * 60000) /* discord.md 8.4 step 11: at least */
/* discord.md 5: browser-like or missing agents are blocked. */
#define AGENT "User-Agent: DiscordBot (" PACKAGE_URL ", " PACKAGE_VERSION ")"

static struct metric calls = {.name = "mynah_discord_calls_total", .kind = METRIC_COUNTER,
	.label = "result", .help = "Requests to Discord's REST interface, by how they ended."};

/* ---- Reading an answer ----------------------------------------------------------------------- */

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct platform_rest_task *t = ctx;

	/* io ends an answer that is too long; one that found no memory does not parse. */
	if (buf_add(&t->answer, bytes, n) != 0)
		buf_clear(&t->answer);
}

static int64_t header_number(const struct io_http *http, const char *name)
{
	int64_t n;

	return str_int(str_trim(str_of(io_http_header(http, name))), &n) == 0 && n >= 0 ? n : -1;
}

/* Rounded up: 0.3 ms less is a 429 more (discord.md 12.12). */
static int64_t ms_of_seconds(double seconds)
{
	if (!(seconds >= 0))
		return -1;
	if (seconds * 1000 >= (double)PLATFORM_REST_WAIT_MAX_MS)
		return PLATFORM_REST_WAIT_MAX_MS;
	return (int64_t)ceil(seconds * 1000);
}

static int64_t header_seconds(const struct io_http *http, const char *name)
{
	const char *text = io_http_header(http, name);
	double seconds;
	char *end;

	if (!ascii_is_digit(text[0]))
		return -1;
	seconds = strtod(text, &end);
	return *end == '\0' && isfinite(seconds) ? ms_of_seconds(seconds) : -1;
}

static bool has_header(const struct io_http *http, const char *name)
{
	return io_http_header(http, name)[0] != '\0';
}

static bool is_json(const struct io_http *http)
{
	return strncasecmp(io_http_header(http, "Content-Type"), "application/json", 16) == 0;
}

static int64_t read_wait(const struct platform_rest_task *t, const struct io_http *http)
{
	int64_t wait_ms = ms_of_seconds(json_number(t->json, "retry_after", -1));

	if (wait_ms < 0)
		wait_ms = header_seconds(http, "Retry-After");
	return wait_ms;
}

static struct platform_rest_words read_words(const struct platform_rest_task *t,
	const struct io_http *http)
{
	const char *scope = io_http_header(http, "X-RateLimit-Scope");

	return (struct platform_rest_words){
		.status = t->status,
		.limit = header_number(http, "X-RateLimit-Limit"),
		.remaining = header_number(http, "X-RateLimit-Remaining"),
		.reset_after_ms = header_seconds(http, "X-RateLimit-Reset-After"),
		.wait_ms = read_wait(t, http),
		.is_global = strcasecmp(io_http_header(http, "X-RateLimit-Global"), "true") == 0 ||
			strcasecmp(scope, "global") == 0 || json_bool(t->json, "global", false),
		.is_shared = strcasecmp(scope, "shared") == 0,
	};
}

static void read_field(void *ctx, const char *key, const struct json *value)
{
	struct platform_rest_task *t = ctx;

	(void)value;
	if (t->field[0] == '\0')
		snprintf(t->field, sizeof(t->field), "%s", key);
}

static void read_error(struct platform_rest_task *t)
{
	int64_t code = json_int(t->json, "code", 0);

	t->code = code > 0 && code < INT32_MAX ? (int)code : 0;
	json_each(json_get(t->json, "errors"), read_field, t);
}

/* An answer of Cloudflare's, not of the interface (discord.md 8.4 step 11). */
static bool is_ban(const struct platform_rest_task *t, const struct io_http *http)
{
	struct str text = json_str(t->json, "message");

	if (t->code == 40333)
		return true;
	if (t->status != 429 && t->status != 403)
		return false;
	if (!t->json)
		return t->status == 429 || !has_header(http, "Via");
	return t->status == 429 && text.len > 0 && read_wait(t, http) < 0 &&
		strstr(text.at, "block") && strstr(text.at, "temporarily");
}

/* ---- What it means --------------------------------------------------------------------------- */

static void over_by_status(struct platform_rest_task *t, int err)
{
	platform_rest_over(t, err, "Discord answered %d (code %d) to %s", t->status, t->code,
		t->way.route);
}

static void repeat_at(struct platform_rest_task *t, int64_t at_ms)
{
	t->state = PLATFORM_REST_WAITING;
	if (at_ms > t->not_before_ms)
		t->not_before_ms = at_ms;
}

/* May it be tried once more after a failure? */
static bool try_again(struct platform_rest_task *t)
{
	unsigned most = strcmp(t->method, "POST") == 0 ? CREATE_REPEATS : REPEATS;

	if (t->failures >= most)
		return false;
	repeat_at(t, clock_mono_ms() + (rand_between(AGAIN_MIN_MS, AGAIN_MAX_MS) << t->failures));
	t->failures++;
	return true;
}

static void on_success(struct platform_rest_task *t, bool has_json)
{
	if (!t->call.is_interaction)
		platform_refusals_clear(&t->rest->refusals);
	if (t->json || (t->answer.len == 0 && t->status != 200))
		platform_rest_over(t, 0, "%s", "");
	else
		platform_rest_over(t, ERR_PARSE, "the answer to %s is %s", t->way.route,
			t->answer.len == 0 ? "empty" :
			has_json ? "no valid JSON" : "no JSON: is api_url right?");
}

static void on_ban(struct platform_rest_task *t, const struct io_http *http)
{
	struct platform_rest *r = t->rest;
	int64_t wait_ms = header_seconds(http, "Retry-After");
	int64_t until_ms = clock_mono_ms() + (wait_ms > BAN_MS ? wait_ms : BAN_MS);

	if (until_ms > r->host_until_ms)
		r->host_until_ms = until_ms;
	log_event(LOG_ERROR, "platform", "discord_blocked", "result", "FAILED", "message",
		"Discord's guard refuses this address; nothing is asked for a while",
		LOG_INT("status", t->status), LOG_INT("wait_ms", until_ms - clock_mono_ms()), NULL);
	repeat_at(t, until_ms); /* try_send ends it if that is too long for it */
}

static void on_dead_token(struct platform_rest_task *t)
{
	struct platform_rest *r = t->rest;
	const char *advice = platform_rest_error(t->code ? t->code : 50014, "")->advice;

	if (!r->is_refused) {
		snprintf(r->refused_why, sizeof(r->refused_why),
			"Discord refused the bot's token (HTTP %d, code %d): %s", t->status,
			t->code, advice ? advice : "");
		r->is_refused = r->must_tell = true;
		log_event(LOG_ERROR, "platform", "discord_refused", "result", "FAILED", "message",
			r->refused_why, NULL);
	}
	platform_rest_over(t, ERR_DENIED, "%s", r->refused_why);
}

/* It is asked to wait: all, those of its bucket, or it alone. It keeps its place. */
static void on_wait(struct platform_rest_task *t, const struct platform_rest_words *w,
	int64_t default_ms)
{
	struct platform_rest *r = t->rest;
	int64_t wait_ms = w->wait_ms >= 0 ? w->wait_ms : w->reset_after_ms;
	int64_t until_ms;
	/* discord.md 8.2: a limit within the limit, of calls like this one. */
	bool is_alone = !w->is_global && !w->is_shared && w->remaining > 0;

	if (wait_ms < 0)
		wait_ms = default_ms > 0 ? default_ms : UNTOLD_MS;
	until_ms = clock_mono_ms() + (wait_ms > LEAST_MS ? wait_ms : LEAST_MS);
	if (w->is_global)
		r->global_until_ms = until_ms > r->global_until_ms ? until_ms : r->global_until_ms;
	else if (!is_alone)
		platform_rest_bucket_hold(t->bucket, until_ms);
	log_event(LOG_INFO, "platform", "discord_waits", "message", t->way.route,
		LOG_INT("wait_ms", wait_ms), LOG_INT("code", t->code), "result",
		w->is_global ? "global" : w->is_shared ? "shared" : is_alone ? "call" : "bucket",
		NULL);
	repeat_at(t, until_ms);
}

static void count_refusal(struct platform_rest_task *t, bool is_shared)
{
	struct platform_rest *r = t->rest;
	int64_t now_ms = clock_mono_ms();
	bool is_no = t->status == 401 || t->status == 403;

	if (is_no || (t->status == 429 && !is_shared))
		platform_rest_invalid_add(&r->invalid, now_ms);
	if (is_no && !t->call.is_interaction && platform_refusals_add(&r->refusals, now_ms))
		log_event(LOG_ERROR, "platform", "discord_stopped", "result", "FAILED", "message",
			"Discord refused too many calls within a minute; no more are made for one",
			LOG_INT("status", t->status), NULL);
}

static void on_refusal(struct platform_rest_task *t, const struct platform_rest_words *w,
	const struct io_http *http)
{
	const struct platform_rest_error *e = platform_rest_error(t->code, t->field);
	bool is_ours = !t->call.is_interaction; /* else no token was refused */

	count_refusal(t, w->is_shared);
	if (is_ban(t, http)) {
		on_ban(t, http);
		return;
	}
	if (is_ours && (t->status == 401 || e->act == PLATFORM_REST_STOP)) {
		if (t->used == t->rest->token)
			on_dead_token(t);
		else
			repeat_at(t, 0); /* it was replaced while the call was under way */
		return;
	}
	if (t->status == 429 || (e->act == PLATFORM_REST_HOLD && t->status < 500)) {
		on_wait(t, w, e->hold_ms);
		return;
	}
	t->may_be_done = t->may_be_done || t->status >= 500;
	if ((t->status >= 500 || e->act == PLATFORM_REST_REPEAT) && !t->call.is_once &&
			try_again(t))
		return;
	over_by_status(t, t->status == 401 || t->status == 403 ? ERR_DENIED :
		t->status == 404 || t->status == 410 ? ERR_NOTFOUND :
		t->status >= 500 ? ERR_IO : ERR_INVALID);
}

/* The connection failed, or the answer is not whole. */
static void on_no_answer(struct platform_rest_task *t, int err, bool was_sent, const char *why)
{
	bool is_lasting = err == ERR_DENIED || err == ERR_TLS || err == ERR_LIMIT ||
		err == ERR_NOMEM;

	t->may_be_done = t->may_be_done || was_sent;
	if (!is_lasting && !(was_sent && t->call.is_once) && try_again(t))
		return;
	platform_rest_over(t, t->may_be_done ? ERR_CLOSED : err, "%s", why);
}

/* The call is not under way any more; its bucket may turn out to be another one. */
static void leave_bucket(struct platform_rest_task *t, const char *hash)
{
	struct platform_rest *r = t->rest;
	struct platform_rest_bucket *before = t->bucket, *b = NULL;
	struct platform_rest_task *other;

	before->running--;
	if (*hash)
		b = platform_rest_bucket_named(&r->buckets, &t->way, hash, clock_mono_ms());
	if (!b || b == before)
		return;
	platform_rest_bucket_hold(b, before->hold_until_ms);
	DL_FOREACH(r->tasks, other) {
		bool is_moved = other == t || (other->bucket == before &&
			other->state == PLATFORM_REST_WAITING &&
			strcmp(other->way.route, t->way.route) == 0);
		if (is_moved) {
			other->bucket = b;
			before->tasks--;
			b->tasks++;
		}
	}
}

static const char *result_name(int err, int status)
{
	return err ? err_name(err) : status < 300 ? "ok" : status == 429 ? "busy" :
		status < 500 ? "refused" : "failed";
}

static void on_done(void *ctx, int err, const char *why)
{
	struct platform_rest_task *t = ctx;
	struct platform_rest *r = t->rest;
	struct io_http *http = t->http;
	bool was_sent = io_http_was_sent(http), has_json = is_json(http);
	struct platform_rest_words words;

	t->http = NULL;
	r->running -= !t->call.is_interaction;
	t->status = io_http_status(http);
	leave_bucket(t, io_http_header(http, "X-RateLimit-Bucket"));
	metric_add(&calls, result_name(err, t->status), 1);
	if (err == 0 && has_json && json_parse(buf_str(&t->answer), IO_HTTP_BODY_BYTES, &t->json,
			NULL) == 0 && t->status >= 300)
		read_error(t);
	words = read_words(t, http);
	platform_rest_bucket_hear(t->bucket, &words, clock_mono_ms());
	if (err != 0)
		on_no_answer(t, err, was_sent, why);
	else if (t->status >= 200 && t->status < 300)
		on_success(t, has_json);
	else
		on_refusal(t, &words, http);
	platform_rest_soon(r);
}

/* ---- The request ----------------------------------------------------------------------------- */

void platform_rest_unsend(struct platform_rest_task *t)
{
	if (t->http) {
		t->rest->running -= !t->call.is_interaction;
		t->bucket->running--;
		if (t->bucket->remaining >
			0) /* Discord has counted it, and no answer will say so */
			t->bucket->remaining--;
	}
	io_http_cancel(t->http);
	t->http = NULL;
	buf_fini(&t->answer);
}

/* What the answer before left behind. */
static void forget_answer(struct platform_rest_task *t)
{
	buf_clear(&t->answer);
	json_free(t->json);
	t->json = NULL;
	t->field[0] = '\0';
	t->status = t->code = 0;
}

static int start(struct platform_rest_task *t, const struct buf *url, struct buf *authorization)
{
	struct platform_rest *r = t->rest;
	int64_t left_ms = t->deadline_ms - clock_mono_ms();
	int err = t->used ? buf_addf(authorization, "Authorization: Bot %.*s",
		STR_FMT(secret_use(t->used))) : 0;

	if (err < 0)
		return err;
	const char *list[4] = {AGENT};
	size_t n = 1;
	/* Of an empty body: none, where the library would say that it is a form. */
	list[n++] = t->call.body.len > 0 ? "Content-Type: application/json" : "Content-Type:";
	if (t->used)
		list[n++] = authorization->at;
	left_ms = left_ms < 1 ? 1 : left_ms < PLATFORM_REST_TRY_MS ? left_ms : PLATFORM_REST_TRY_MS;
	struct io_http_options o = {.method = t->method, .url = buf_text(url), .headers = list,
		.body = t->call.body, .ca_file = r->ca_file, .total_ms = left_ms, .data = on_data,
		.done = on_done, .ctx = t};
	t->http = io_http_start(r->io, &o);
	return t->http ? 0 : ERR_NOMEM;
}

void platform_rest_send(struct platform_rest_task *t)
{
	struct platform_rest *r = t->rest;
	struct buf url, authorization;
	int64_t now_ms = clock_mono_ms();
	int err;

	forget_answer(t);
	secret_free(t->used);
	t->used = t->call.is_interaction ? NULL : secret_ref(r->token);
	buf_init(&url, PLATFORM_REST_PATH_BYTES + 512);
	buf_init(&authorization, HEADERS_BYTES);
	err = platform_credential_url(r->api_url, t->path, &url);
	if (err == 0)
		err = start(t, &url, &authorization);
	if (authorization.at)
		secret_wipe(authorization.at, authorization.len);
	if (url.at)
		secret_wipe(url.at, url.len);
	buf_fini(&authorization);
	buf_fini(&url);
	if (err < 0) {
		platform_rest_over(t, err, "the call could not be made: %s", err == ERR_DENIED ?
			"without TLS anybody on the way could read the token; correct api_url" :
			err_text(err));
		platform_rest_soon(r);
		return;
	}
	t->state = PLATFORM_REST_RUNNING;
	t->bucket->running++;
	if (t->call.is_interaction)
		return;
	r->running++;
	r->sent_ms = now_ms;
	platform_rest_log_add(&r->log, now_ms);
}
