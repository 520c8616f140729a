/* Calls of Discord's REST interface: which may go out and when, which are over. One timer does
 * everything that is due; whoever changes something asks for it with platform_rest_soon. */
#include "platform/discord_rest_room.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_token.h"

/* ---- Memory ---------------------------------------------------------------------------------- */

static void task_free(struct platform_rest_task *t)
{
	platform_rest_unsend(t);
	secret_free(t->used);
	json_free(t->json);
	mem_free(t->method);
	if (t->path)
		secret_wipe(t->path, strlen(t->path));
	mem_free(t->path);
	mem_free(t->body);
	mem_free(t);
}

static void unlink_task(struct platform_rest_task *t)
{
	DL_DELETE(t->rest->tasks, t);
	t->rest->count--;
	t->bucket->tasks--;
}

static void free_tasks(struct platform_rest *r)
{
	struct platform_rest_task *t, *next;

	DL_FOREACH_SAFE(r->tasks, t, next) {
		unlink_task(t);
		task_free(t);
	}
}

static void free_all(struct platform_rest *r)
{
	free_tasks(r);
	io_timer_free(r->timer);
	platform_rest_buckets_fini(&r->buckets);
	secret_free(r->token);
	mem_free(r->api_url);
	mem_free(r->ca_file);
	mem_free(r);
}

void platform_rest_free(struct platform_rest *r)
{
	if (!r || r->is_doomed)
		return;
	r->is_doomed = true;
	io_timer_stop(r->timer);
	if (r->depth == 0)
		free_all(r);
	else
		free_tasks(r);
}

void platform_rest_soon(struct platform_rest *r)
{
	if (!r->is_doomed)
		io_timer_start(r->timer, 0);
}

/* ---- The calls ------------------------------------------------------------------------------- */

/* Percent-encodes what may not stand in the path of a URL. GIVES; NULL without memory or when it
 * is too long. */
static char *encode_path(const char *path)
{
	struct buf out;
	char *given = NULL;
	int err = 0;

	buf_init(&out, PLATFORM_REST_PATH_BYTES);
	for (const char *p = path; *p && err == 0; p++) {
		bool is_plain = ascii_is_alnum(*p) || strchr("-._~!$&'()*+,;=:@/?%", *p);
		err = is_plain ? buf_addc(&out, *p) :
			buf_addf(&out, "%%%02X", (unsigned)(unsigned char)*p);
	}
	if (err == 0)
		given = buf_take(&out);
	buf_fini(&out);
	return given;
}

static struct platform_rest_task *make_task(struct platform_rest *r,
	const struct platform_rest_call *c)
{
	struct platform_rest_task *t = mem_new(sizeof(*t));
	int64_t now_ms = clock_mono_ms();

	if (!t)
		return NULL;
	t->rest = r;
	t->call = *c;
	buf_init(&t->answer, IO_HTTP_BODY_BYTES);
	t->method = mem_dup(c->method);
	t->path = encode_path(c->path);
	t->body = mem_dupn(c->body.at ? c->body.at : "", c->body.len);
	if (t->method && t->path && t->body &&
			platform_rest_way(t->method, t->path, clock_wall_ms(), &t->way) == 0)
		t->bucket = platform_rest_bucket_of(&r->buckets, &t->way, now_ms);
	if (!t->bucket) {
		task_free(t);
		return NULL;
	}
	t->call.method = t->method;
	t->call.path = t->path;
	t->call.body.at = t->body;
	t->deadline_ms = now_ms + (c->deadline_ms > 0 ? c->deadline_ms : PLATFORM_REST_CALL_MS);
	return t;
}

struct platform_rest_task *platform_rest_start(struct platform_rest *r,
	const struct platform_rest_call *c)
{
	struct platform_rest_task *t;

	if (r->is_doomed || r->count >= PLATFORM_REST_CALLS ||
			c->body.len > PLATFORM_REST_BODY_BYTES)
		return NULL;
	t = make_task(r, c);
	if (!t)
		return NULL;
	DL_APPEND(r->tasks, t);
	r->count++;
	t->bucket->tasks++;
	platform_rest_soon(r);
	return t;
}

void platform_rest_cancel(struct platform_rest_task *t)
{
	if (!t || t->is_told)
		return;
	platform_rest_unsend(t);
	unlink_task(t);
	platform_rest_soon(t->rest); /* another one may take its place */
	task_free(t);
}

void platform_rest_over(struct platform_rest_task *t, int err, const char *fmt, ...)
{
	va_list ap;

	t->state = PLATFORM_REST_OVER;
	t->err = err;
	va_start(ap, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
	secret_free(t->used);
	t->used = NULL;
}

/* ---- What is due ----------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* From when on nothing but limits that we were told of keeps it: INT64_MAX = when a running one
 * has ended. */
static int64_t asked_to_wait(const struct platform_rest_task *t, int64_t now_ms)
{
	struct platform_rest *r = t->rest;
	int64_t at_ms = later(r->host_until_ms, platform_rest_bucket_free_ms(t->bucket, now_ms));

	if (t->call.is_interaction)
		return at_ms;
	at_ms = later(at_ms, later(r->global_until_ms, r->refusals.stopped_until_ms));
	return later(at_ms, platform_rest_invalid_free_ms(&r->invalid, now_ms));
}

/* Limits of our own that keep it: 50 a second, and slowly after many refusals. */
static int64_t own_limits(const struct platform_rest_task *t, int64_t now_ms)
{
	struct platform_rest *r = t->rest;
	bool is_slow = platform_rest_invalid_count(&r->invalid, now_ms) >= PLATFORM_REST_SLOW;
	int64_t at_ms = platform_rest_log_free_ms(&r->log);

	if (t->call.is_interaction)
		return 0;
	return later(at_ms, is_slow ? r->sent_ms + PLATFORM_REST_SLOW_MS : 0);
}

static void busy(struct platform_rest_task *t, int64_t wait_ms)
{
	struct platform_rest *r = t->rest;
	int64_t now_ms = clock_mono_ms();

	t->wait_ms = wait_ms;
	platform_rest_over(t, t->may_be_done ? ERR_CLOSED : ERR_BUSY,
		"%s %s would have to wait for %lld ms", t->way.route,
		now_ms < r->host_until_ms ? "(Discord has blocked this address)" :
		now_ms < r->refusals.stopped_until_ms ? "(too many calls were refused)" :
		"(Discord's limits)", (long long)wait_ms);
}

static void too_late(struct platform_rest_task *t, int64_t now_ms)
{
	int64_t free_ms = asked_to_wait(t, now_ms);

	if (free_ms > now_ms && free_ms != INT64_MAX)
		busy(t, free_ms - now_ms);
	else
		platform_rest_over(t, t->may_be_done ? ERR_CLOSED : ERR_TIMEOUT, "%s %s",
			t->way.route, t->rest->token ? "had to wait too long" :
			"had to wait for a token");
}

/* Sends t if it may go now. Gives when to look at it again: INT64_MAX = when something else
 * happens. */
static int64_t try_send(struct platform_rest_task *t, int64_t now_ms)
{
	struct platform_rest *r = t->rest;
	/* After a refusal one at a time: what is wrong is learnt by few requests. */
	bool is_suspect = r->refusals.n > 0 || r->refusals.was_stopped;
	unsigned at_once = is_suspect ? 1 : PLATFORM_REST_RUNNING_MAX;
	int64_t free_ms = asked_to_wait(t, now_ms);

	if (r->is_refused) {
		platform_rest_over(t, ERR_DENIED, "%s", r->refused_why);
		return now_ms;
	}
	if (free_ms != INT64_MAX && free_ms < t->not_before_ms)
		free_ms = t->not_before_ms;
	if (free_ms != INT64_MAX && free_ms >= t->deadline_ms) {
		busy(t, free_ms - now_ms);
		return now_ms;
	}
	if (free_ms != INT64_MAX)
		free_ms = later(free_ms, own_limits(t, now_ms));
	if (free_ms > now_ms)
		return free_ms;
	if (!t->call.is_interaction && (r->running >= at_once || !r->token))
		return INT64_MAX;
	platform_rest_send(t);
	return INT64_MAX;
}

/* Gives when to work again. */
static int64_t tend_calls(struct platform_rest *r, int64_t now_ms)
{
	struct platform_rest_task *t, *next;
	int64_t due = INT64_MAX, at_ms;

	DL_FOREACH_SAFE(r->tasks, t, next) {
		if (t->state != PLATFORM_REST_WAITING)
			continue;
		at_ms = t->deadline_ms;
		if (now_ms >= t->deadline_ms) {
			too_late(t, now_ms);
		} else {
			at_ms = try_send(t, now_ms);
			at_ms = at_ms < t->deadline_ms ? at_ms : t->deadline_ms;
		}
		if (t->state == PLATFORM_REST_WAITING)
			due = at_ms < due ? at_ms : due;
	}
	return due;
}

static void tell(struct platform_rest_task *t)
{
	struct platform_rest_answer a = {.err = t->err, .status = t->status, .code = t->code,
		.body = t->json, .field = t->field, .wait_ms = t->wait_ms, .why = t->why};

	unlink_task(t);
	t->is_told = true;
	t->rest->calls++;
	t->rest->failures += t->err != 0;
	if (t->call.done)
		t->call.done(t->call.ctx, &a);
	task_free(t);
}

static void tell_ends(struct platform_rest *r)
{
	struct platform_rest_task *t = r->tasks;

	if (r->must_tell && r->o.refused) {
		r->must_tell = false;
		r->o.refused(r->o.ctx, r->refused_why);
		t = r->is_doomed ? NULL : r->tasks;
	}
	while (t && !r->is_doomed) {
		if (t->state != PLATFORM_REST_OVER) {
			t = t->next;
			continue;
		}
		tell(t);
		t = r->tasks; /* whatever its owner did to the list */
	}
}

static void work(void *ctx)
{
	struct platform_rest *r = ctx;
	int64_t now_ms = clock_mono_ms(), due;

	r->depth++;
	due = tend_calls(r, now_ms);
	tell_ends(r);
	if (!r->is_doomed && due != INT64_MAX && !io_timer_is_on(r->timer))
		io_timer_start(r->timer, due - now_ms);
	r->depth--;
	if (r->is_doomed && r->depth == 0)
		free_all(r);
}

/* ---- Life ------------------------------------------------------------------------------------ */

int platform_rest_reload(struct platform_rest *r, const struct conf_place *conf,
	struct secret *token)
{
	char *api_url = mem_dup(conf->api_url), *ca_file = mem_dup(conf->ca_file);
	struct secret *cleaned = NULL;
	int err = token ? platform_discord_token(token, &cleaned) : 0;

	if (err == ERR_NOMEM || !api_url || (conf->ca_file && !ca_file)) {
		mem_free(api_url);
		mem_free(ca_file);
		secret_free(cleaned);
		return ERR_NOMEM;
	}
	mem_free(r->api_url);
	mem_free(r->ca_file);
	secret_free(r->token);
	r->api_url = api_url;
	r->ca_file = ca_file;
	r->token = cleaned;
	r->is_refused = r->must_tell = err == ERR_INVALID;
	snprintf(
		r->refused_why, sizeof(r->refused_why), "what is given as the bot's token is none");
	platform_refusals_clear(&r->refusals); /* a person may have mended it */
	platform_rest_soon(r);
	return 0;
}

int platform_rest_new(const struct platform_rest_options *o, struct platform_rest **out)
{
	struct platform_rest *r = mem_new(sizeof(*r));
	int err;

	if (!r)
		return ERR_NOMEM;
	r->io = o->io;
	r->o = *o;
	r->timer = io_timer_new(o->io, work, r);
	err = r->timer ? platform_rest_reload(r, o->conf, o->token) : ERR_NOMEM;
	if (err < 0) {
		free_all(r);
		return err;
	}
	*out = r;
	return 0;
}

/* What keeps calls back at present, if anything, and for how long. */
static const char *stopped_by(const struct platform_rest *r, int64_t now_ms, int64_t *for_ms)
{
	const struct {
		const char *why;
		int64_t until_ms;
	} stops[] = {
		{"blocked", r->host_until_ms},
		{"refusals", r->refusals.stopped_until_ms},
		{"invalid_requests", platform_rest_invalid_free_ms(&r->invalid, now_ms)},
		{"global_limit", r->global_until_ms},
	};

	*for_ms = 0;
	if (r->is_refused)
		return "token_refused";
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		if (stops[i].until_ms > now_ms) {
			*for_ms = stops[i].until_ms - now_ms;
			return stops[i].why;
		}
	}
	return "";
}

int platform_rest_status(const struct platform_rest *r, struct buf *out)
{
	int64_t now_ms = clock_mono_ms(), stop_ms;
	const char *why = stopped_by(r, now_ms, &stop_ms);
	unsigned running = 0;
	const struct platform_rest_task *t;

	DL_FOREACH(r->tasks, t)
		running += t->state == PLATFORM_REST_RUNNING;
	return buf_addf(out, "{\"calls\":%lld,\"failures\":%lld,\"waiting\":%u,\"running\":%u,"
		"\"buckets\":%u,\"invalid\":%u,\"stopped_by\":\"%s\",\"stopped_ms\":%lld}",
		(long long)r->calls, (long long)r->failures, r->count - running, running,
		HASH_COUNT(r->buckets.all), platform_rest_invalid_count(&r->invalid, now_ms), why,
		(long long)stop_ms);
}
