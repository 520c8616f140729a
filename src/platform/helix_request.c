/* One HTTP exchange with Twitch's REST interface, and what its answer means for the call. */
#include "platform/helix_room.h"

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADERS_BYTES 1024
#define RETRY_MIN_MS 300  /* before the one more try after a failure */
#define RETRY_MAX_MS 1200
#define HOLD_JITTER_MS 500

static struct metric calls = {.name = "mynah_helix_calls_total", .kind = METRIC_COUNTER,
	.label = "result", .help = "Requests to Twitch's REST interface, by how they ended."};

/* ---- The answer ------------------------------------------------------------------------------ */

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct platform_helix_task *t = ctx;

	/* io ends an answer that is too long; one that found no memory does not parse. */
	if (buf_add(&t->answer, bytes, n) != 0)
		buf_clear(&t->answer);
}

static int64_t header_number(const struct io_http *http, const char *name)
{
	int64_t n;

	return str_int(str_trim(str_of(io_http_header(http, name))), &n) == 0 && n >= 0 ? n : -1;
}

/* May it be tried once more after a failure? */
static bool try_again(struct platform_helix_task *t)
{
	if (t->is_repeated)
		return false;
	t->is_repeated = true;
	t->state = PLATFORM_TASK_WAITING;
	t->not_before_ms = clock_mono_ms() + rand_between(RETRY_MIN_MS, RETRY_MAX_MS);
	return true;
}

static bool is_json(const struct io_http *http)
{
	return strncasecmp(io_http_header(http, "Content-Type"), "application/json", 16) == 0;
}

/* Twitch's own sentence of a refusal; whatever else the body holds is nobody's business. */
static void read_message(struct platform_helix_task *t)
{
	struct buf text;
	struct str s;

	buf_init(&text, 4 * PLATFORM_MESSAGE_BYTES);
	if (text_scrub(json_str(t->json, "message"), TEXT_CHAT, &text) == ERR_NOMEM)
		buf_clear(&text);
	s = buf_str(&text);
	s.len = text_cut(s, PLATFORM_MESSAGE_BYTES - 1, 0);
	snprintf(t->message, sizeof(t->message), "%.*s", STR_FMT(s));
	buf_fini(&text);
}

static const char *path_of(const struct platform_helix_task *t, char out[64])
{
	snprintf(out, 64, "%.*s", (int)strcspn(t->path, "?"), t->path);
	return out;
}

static void over_by_status(struct platform_helix_task *t, int err)
{
	char path[64];

	platform_task_over(t, err, "Twitch answered %d to %s %s%s%s", t->status, t->method,
		path_of(t, path), t->message[0] ? ": " : "", t->message);
}

static void on_success(struct platform_helix_task *t, bool has_json)
{
	char path[64];

	platform_refusals_clear(&t->helix->refusals);
	if (t->json || (t->answer.len == 0 && t->status != 200))
		platform_task_over(t, 0, "%s", "");
	else
		platform_task_over(t, ERR_PARSE, "the answer to %s %s is %s", t->method,
			path_of(t, path), t->answer.len == 0 ? "empty" :
			has_json ? "no valid JSON" : "no JSON: is api_url right?");
}

/* 401: whoever is first has the login renewed; the others of that moment wait for the same. */
static void on_unauthorized(struct platform_helix_task *t)
{
	struct platform_helix *h = t->helix;
	struct secret *now;

	if (t->is_renewed) {
		over_by_status(t, ERR_DENIED);
		return;
	}
	t->is_renewed = true;
	platform_token_rejected(h->token, t->used);
	now = platform_token_use(h->token);
	if (now && now != t->used && platform_token_state(h->token) == PLATFORM_TOKEN_VALID) {
		t->state = PLATFORM_TASK_WAITING; /* it was replaced while the call was under way */
		secret_free(t->used);
		t->used = NULL;
	} else {
		t->state = PLATFORM_TASK_REJECTED;
	}
}

/* A loop of refusals locks accounts out (faults.md R3). Those that were under way with a login that
 * is being renewed already count once; those of subscriptions do not: each is tried once and
 * remembered. */
static void count_refusal(struct platform_helix_task *t)
{
	struct platform_helix *h = t->helix;
	const struct platform_helix_task *other;

	if (t->status == 403 && strncmp(t->path, "/eventsub/", 10) == 0)
		return;
	DL_FOREACH(h->tasks, other) {
		if (t->status == 401 && other->state == PLATFORM_TASK_REJECTED)
			return;
	}
	if (platform_refusals_add(&h->refusals, clock_mono_ms()))
		log_event(LOG_ERROR, "platform", "helix_stopped", "result", "FAILED", "message",
			"Twitch refused too many calls within a minute; no more are made for one",
			LOG_INT("status", t->status), NULL);
}

static void on_too_many(struct platform_helix_task *t, int64_t wait_ms)
{
	if (wait_ms < 0) {
		over_by_status(t, ERR_BUSY);
		return;
	}
	log_event(LOG_INFO, "platform", "helix_waits", "message",
		"Twitch asks us to wait", LOG_INT("wait_ms", wait_ms), NULL);
	t->state = PLATFORM_TASK_WAITING; /* try_send ends it if that is too long for it */
}

static void on_refusal(struct platform_helix_task *t, int64_t wait_ms)
{
	bool is_403 = t->status == 403;

	if (t->status == 401 || is_403)
		count_refusal(t);
	if (t->status == 401)
		on_unauthorized(t);
	else if (t->status == 429)
		on_too_many(t, wait_ms);
	else if (t->status >= 500 && !t->call.is_once && try_again(t))
		return;
	else
		over_by_status(t, is_403 ? ERR_DENIED : t->status == 404 || t->status == 410 ?
			ERR_NOTFOUND : t->status == 409 ? ERR_BUSY :
			t->status >= 500 ? ERR_IO : ERR_INVALID);
}

/* The connection failed, or the answer is not whole. */
static void on_no_answer(struct platform_helix_task *t, int err, bool was_sent, const char *why)
{
	bool is_lasting = err == ERR_DENIED || err == ERR_TLS || err == ERR_LIMIT ||
		err == ERR_NOMEM;

	if (!is_lasting && !(was_sent && t->call.is_once) && try_again(t))
		return;
	platform_task_over(t, was_sent ? ERR_CLOSED : err, "%s", why);
}

static void on_done(void *ctx, int err, const char *why)
{
	struct platform_helix_task *t = ctx;
	struct platform_helix *h = t->helix;
	struct io_http *http = t->http;
	int64_t now_ms = clock_mono_ms(), wait_ms = 0;
	bool was_sent = io_http_was_sent(http), has_json = is_json(http);
	struct platform_limit_words words = {
		.status = io_http_status(http),
		.limit = header_number(http, "Ratelimit-Limit"),
		.remaining = header_number(http, "Ratelimit-Remaining"),
		.reset_s = header_number(http, "Ratelimit-Reset"),
		.date_ms = io_http_date_ms(http),
		.retry_after_ms = io_http_retry_after_ms(http),
	};

	t->http = NULL;
	h->running--;
	t->bucket->running--;
	t->status = words.status;
	metric_add(&calls, err ? err_name(err) : t->status < 300 ? "ok" :
		t->status == 429 ? "busy" : t->status < 500 ? "refused" : "failed", 1);
	if (t->status > 0)
		wait_ms = platform_bucket_hear(t->bucket, &words, now_ms, clock_wall_ms(),
			rand_between(0, HOLD_JITTER_MS));
	if (err == 0 && has_json && json_parse(buf_str(&t->answer), PLATFORM_ANSWER_BYTES, &t->json,
				NULL) == 0)
		read_message(t);
	if (err != 0)
		on_no_answer(t, err, was_sent, why);
	else if (t->status >= 200 && t->status < 300)
		on_success(t, has_json);
	else
		on_refusal(t, wait_ms);
	platform_helix_soon(h);
}

/* ---- The request ----------------------------------------------------------------------------- */

static const char *client_id(const struct platform_helix *h)
{
	const char *id = platform_token_client_id(h->token);

	return *id ? id : h->client_id ? h->client_id : "";
}

bool platform_task_has_token(const struct platform_helix_task *t)
{
	return platform_token_use(t->helix->token) && *client_id(t->helix);
}

void platform_task_unsend(struct platform_helix_task *t)
{
	if (t->http) {
		t->helix->running--;
		t->bucket->running--;
	}
	io_http_cancel(t->http);
	t->http = NULL;
	buf_fini(&t->answer);
}

/* What the answer before left behind. */
static void forget_answer(struct platform_helix_task *t)
{
	buf_clear(&t->answer);
	json_free(t->json);
	t->json = NULL;
	t->message[0] = '\0';
	t->status = 0;
}

static int start(struct platform_helix_task *t, const struct buf *url, struct buf *headers)
{
	struct platform_helix *h = t->helix;
	struct str token = secret_use(t->used);
	size_t second, third;
	int err = buf_reserve(headers, HEADERS_BYTES); /* does not move: one copy to be wiped */

	if (err == 0)
		err = buf_addf(headers, "Authorization: Bearer %.*s", STR_FMT(token));
	if (err == 0)
		err = buf_addc(headers, '\0');
	second = headers->len;
	if (err == 0)
		err = buf_addf(headers, "Client-Id: %s", client_id(h));
	if (err == 0)
		err = buf_addc(headers, '\0');
	third = headers->len;
	if (err == 0)
		err = buf_adds(headers, "User-Agent: mynah/" PACKAGE_VERSION);
	if (err < 0)
		return err;
	const char *list[] = {headers->at, headers->at + second, headers->at + third,
		t->call.body.len > 0 ? "Content-Type: application/json" : NULL, NULL};
	int64_t left_ms = t->deadline_ms - clock_mono_ms();
	struct io_http_options o = {.method = t->method, .url = buf_text(url), .headers = list,
		.body = t->call.body, .ca_file = h->ca_file, .max_body = PLATFORM_ANSWER_BYTES,
		.total_ms = left_ms > 0 ? left_ms : 1, .data = on_data, .done = on_done, .ctx = t};
	t->http = io_http_start(h->io, &o);
	return t->http ? 0 : ERR_NOMEM;
}

void platform_task_send(struct platform_helix_task *t)
{
	struct platform_helix *h = t->helix;
	struct buf url, headers;
	int err;

	forget_answer(t);
	secret_free(t->used);
	t->used = secret_ref(platform_token_use(h->token));
	buf_init(&url, PLATFORM_PATH_BYTES + 512);
	buf_init(&headers, HEADERS_BYTES);
	err = platform_credential_url(t->helix->api_url, t->path, &url);
	if (err == 0)
		err = start(t, &url, &headers);
	if (headers.at)
		secret_wipe(headers.at, headers.len);
	buf_fini(&headers);
	buf_fini(&url);
	if (err < 0) {
		platform_task_over(t, err, "the call could not be made: %s", err == ERR_DENIED ?
			"without TLS anybody on the way could read the token; correct api_url" :
			err_text(err));
		platform_helix_soon(h);
		return;
	}
	t->state = PLATFORM_TASK_RUNNING;
	h->running++;
	t->bucket->running++;
}
