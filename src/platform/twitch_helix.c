/* Calls of Twitch's REST interface: which may go out, which try once more, which are over. One
 * timer does everything that is due; whoever changes something asks for it with
 * platform_helix_soon. */
#include "platform/helix_room.h"

#include <stdio.h>

static void forget_token(struct platform_helix_task *t)
{
	secret_free(t->used);
	t->used = NULL;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void task_free(struct platform_helix_task *t)
{
	platform_task_unsend(t);
	forget_token(t);
	json_free(t->json);
	mem_free(t->method);
	mem_free(t->path);
	mem_free(t->body);
	mem_free(t);
}

static void unlink_task(struct platform_helix_task *t)
{
	DL_DELETE(t->helix->tasks, t);
	t->helix->count--;
}

static void free_calls(struct platform_helix *h)
{
	struct platform_helix_task *t, *next;

	DL_FOREACH_SAFE(h->tasks, t, next) {
		unlink_task(t);
		task_free(t);
	}
	platform_says_free(h);
}

static void free_all(struct platform_helix *h)
{
	free_calls(h);
	io_timer_free(h->timer);
	mem_free(h->api_url);
	mem_free(h->ca_file);
	mem_free(h->client_id);
	mem_free(h);
}

void platform_helix_free(struct platform_helix *h)
{
	if (!h || h->is_doomed)
		return;
	h->is_doomed = true;
	io_timer_stop(h->timer);
	if (h->depth == 0)
		free_all(h);
	else
		free_calls(h);
}

void platform_helix_soon(struct platform_helix *h)
{
	if (!h->is_doomed)
		io_timer_start(h->timer, 0);
}

/* ---- The calls ------------------------------------------------------------------------------- */

static struct platform_bucket *bucket_of(struct platform_helix *h, const char *path)
{
	struct str rest = str_of(path);

	/* twitch.md 3.2: sending has points of its own. */
	return &h->buckets[str_is(str_split(&rest, '?'), "/chat/messages") ? PLATFORM_BUCKET_CHAT
		: PLATFORM_BUCKET_REST];
}

struct platform_helix_task *platform_helix_start(struct platform_helix *h,
	const struct platform_helix_call *c)
{
	struct platform_helix_task *t;

	if (h->is_doomed || h->count >= PLATFORM_CALLS || c->body.len > PLATFORM_CALL_BODY_BYTES)
		return NULL;
	t = mem_new(sizeof(*t));
	if (!t)
		return NULL;
	t->helix = h;
	t->call = *c;
	t->method = mem_dup(c->method);
	t->path = mem_dup(c->path);
	t->body = mem_dupn(c->body.at ? c->body.at : "", c->body.len);
	buf_init(&t->answer, PLATFORM_ANSWER_BYTES);
	if (!t->method || !t->path || !t->body) {
		task_free(t);
		return NULL;
	}
	t->call.method = t->method;
	t->call.path = t->path;
	t->call.body.at = t->body;
	t->bucket = bucket_of(h, t->path);
	t->deadline_ms = clock_mono_ms() + (c->deadline_ms > 0 ? c->deadline_ms : PLATFORM_CALL_MS);
	DL_APPEND(h->tasks, t);
	h->count++;
	platform_helix_soon(h);
	return t;
}

void platform_helix_cancel(struct platform_helix_task *t)
{
	if (!t || t->is_told)
		return;
	unlink_task(t);
	platform_helix_soon(t->helix); /* another one may take its place */
	task_free(t);
}

void platform_task_over(struct platform_helix_task *t, int err, const char *fmt, ...)
{
	va_list ap;

	t->state = PLATFORM_TASK_OVER;
	t->err = err;
	va_start(ap, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
	forget_token(t);
}

/* ---- What is due ----------------------------------------------------------------------------- */

/* A call that did not go out in time, or whose next try did not. */
static void too_late(struct platform_helix_task *t, int64_t now_ms)
{
	int64_t free_ms = platform_bucket_free_ms(t->bucket, now_ms);

	if (t->state == PLATFORM_TASK_REJECTED || t->status == 401)
		platform_task_over(t, ERR_DENIED, "the login was not renewed in time");
	else if (free_ms > now_ms && free_ms != INT64_MAX)
		platform_task_over(t, ERR_BUSY, "Twitch asked us to wait for %lld ms more",
			(long long)(free_ms - now_ms));
	else if (!platform_task_has_token(t))
		platform_task_over(t, ERR_TIMEOUT, "there was no valid login in time");
	else
		platform_task_over(t, ERR_TIMEOUT, "it had to wait too long");
}

/* Is a login being renewed, because of a 401? Then nobody asks with it. */
static bool is_renewing(const struct platform_helix *h)
{
	const struct platform_helix_task *t;

	DL_FOREACH(h->tasks, t) {
		if (t->state == PLATFORM_TASK_REJECTED)
			return true;
	}
	return false;
}

/* Is there any point in waiting for a token? */
static bool is_logged_out(const struct platform_helix *h)
{
	enum platform_token_state s = platform_token_state(h->token);

	return s == PLATFORM_TOKEN_NONE || s == PLATFORM_TOKEN_REFUSED;
}

/* Sends t if it may go now. Gives when to look at it again: INT64_MAX = when something else
 * happens. */
static int64_t try_send(struct platform_helix_task *t, int64_t now_ms)
{
	struct platform_helix *h = t->helix;
	/* After a refusal one at a time: what is wrong is learnt by few requests. */
	bool is_suspect = h->refusals.n > 0 || h->refusals.was_stopped;
	unsigned at_once = is_suspect ? 1 : PLATFORM_CALLS_AT_ONCE;
	int64_t free_ms = platform_bucket_free_ms(t->bucket, now_ms);

	if (now_ms < h->refusals.stopped_until_ms) {
		platform_task_over(t, ERR_BUSY, "Twitch refused %d calls within a minute; none is "
			"made for %lld ms more", PLATFORM_REFUSALS,
			(long long)(h->refusals.stopped_until_ms - now_ms));
		return now_ms;
	}
	if (is_logged_out(h)) {
		platform_task_over(t, ERR_DENIED, "%s", platform_token_why(h->token));
		return now_ms;
	}
	if (free_ms != INT64_MAX && free_ms >= t->deadline_ms) {
		too_late(t, now_ms);
		return now_ms;
	}
	if (free_ms > now_ms || t->not_before_ms > now_ms)
		return free_ms > t->not_before_ms ? free_ms : t->not_before_ms;
	if (h->running >= at_once || is_renewing(h) || !platform_task_has_token(t))
		return INT64_MAX;
	platform_task_send(t);
	return INT64_MAX;
}

/* Gives when to work again. */
static int64_t tend_calls(struct platform_helix *h, int64_t now_ms)
{
	struct platform_helix_task *t, *next;
	int64_t due = INT64_MAX, at_ms;

	DL_FOREACH_SAFE(h->tasks, t, next) {
		if (t->state == PLATFORM_TASK_RUNNING || t->state == PLATFORM_TASK_OVER)
			continue;
		at_ms = t->deadline_ms;
		if (now_ms >= t->deadline_ms) {
			too_late(t, now_ms);
		} else if (t->state == PLATFORM_TASK_WAITING) {
			at_ms = try_send(t, now_ms);
			at_ms = at_ms < t->deadline_ms ? at_ms : t->deadline_ms;
		}
		if (t->state == PLATFORM_TASK_WAITING || t->state == PLATFORM_TASK_REJECTED)
			due = at_ms < due ? at_ms : due;
	}
	return due;
}

static void tell(struct platform_helix_task *t)
{
	struct platform_helix_answer a = {.err = t->err, .status = t->status, .body = t->json,
		.message = t->message, .why = t->why};

	unlink_task(t);
	t->is_told = true;
	t->helix->calls++;
	t->helix->failures += t->err != 0;
	if (t->call.done)
		t->call.done(t->call.ctx, &a);
	task_free(t);
}

static void tell_ends(struct platform_helix *h)
{
	struct platform_helix_task *t = h->tasks;

	while (t && !h->is_doomed) {
		if (t->state != PLATFORM_TASK_OVER) {
			t = t->next;
			continue;
		}
		tell(t);
		t = h->tasks; /* whatever its owner did to the list */
	}
}

static void work(void *ctx)
{
	struct platform_helix *h = ctx;
	int64_t now_ms = clock_mono_ms(), due;

	h->depth++;
	platform_says_tell(h);
	due = tend_calls(h, now_ms);
	tell_ends(h);
	if (!h->is_doomed && due != INT64_MAX && !io_timer_is_on(h->timer))
		io_timer_start(h->timer, due - now_ms);
	h->depth--;
	if (h->is_doomed && h->depth == 0)
		free_all(h);
}

/* ---- Life ------------------------------------------------------------------------------------ */

int platform_helix_reload(struct platform_helix *h, const struct conf_place *conf)
{
	char *api_url = mem_dup(conf->api_url), *ca_file = mem_dup(conf->ca_file);
	char *client_id = mem_dup(conf->client_id);

	if (!api_url || (conf->ca_file && !ca_file) || (conf->client_id && !client_id)) {
		mem_free(api_url);
		mem_free(ca_file);
		mem_free(client_id);
		return ERR_NOMEM;
	}
	mem_free(h->api_url);
	mem_free(h->ca_file);
	mem_free(h->client_id);
	h->api_url = api_url;
	h->ca_file = ca_file;
	h->client_id = client_id;
	h->has_threads = conf->reply_threads;
	platform_refusals_clear(&h->refusals); /* a person may have mended it */
	platform_helix_soon(h);
	return 0;
}

int platform_helix_new(struct io *io, const struct conf_place *conf, struct platform_token *t,
	struct platform_helix **out)
{
	struct platform_helix *h = mem_new(sizeof(*h));
	int err;

	if (!h)
		return ERR_NOMEM;
	h->io = io;
	h->token = t;
	for (int i = 0; i < PLATFORM_BUCKETS; i++)
		platform_bucket_init(&h->buckets[i]);
	h->timer = io_timer_new(io, work, h);
	err = h->timer ? platform_helix_reload(h, conf) : ERR_NOMEM;
	if (err < 0) {
		free_all(h);
		return err;
	}
	*out = h;
	return 0;
}

void platform_helix_token_changed(struct platform_helix *h)
{
	enum platform_token_state s = platform_token_state(h->token);
	struct platform_helix_task *t;

	DL_FOREACH(h->tasks, t) {
		if (t->state != PLATFORM_TASK_REJECTED)
			continue;
		if (s == PLATFORM_TOKEN_VALID) {
			t->state = PLATFORM_TASK_WAITING;
			forget_token(t);
		} else if (is_logged_out(h)) {
			platform_task_over(t, ERR_DENIED, "%s", platform_token_why(h->token));
		}
	}
	platform_helix_soon(h);
}

const char *platform_helix_problem(const struct platform_helix *h, char *out, size_t size)
{
	int64_t left_ms = h->refusals.stopped_until_ms - clock_mono_ms();

	if (left_ms > 0)
		snprintf(out, size,
			"Twitch refused %d calls within a minute; none is made for %lld s "
			"more",
			PLATFORM_REFUSALS, (long long)(left_ms + 999) / 1000);
	else
		out[0] = '\0';
	return out;
}

int platform_helix_status(const struct platform_helix *h, struct buf *out)
{
	const struct platform_bucket *b = &h->buckets[PLATFORM_BUCKET_REST];
	int64_t now_ms = clock_mono_ms(), hold_ms = 0, stop_ms;
	char why[PLATFORM_HELIX_WHY_BYTES];

	for (int i = 0; i < PLATFORM_BUCKETS; i++) {
		int64_t left_ms = h->buckets[i].hold_until_ms - now_ms;
		hold_ms = left_ms > hold_ms ? left_ms : hold_ms;
	}
	stop_ms = h->refusals.stopped_until_ms > now_ms ? h->refusals.stopped_until_ms - now_ms : 0;
	platform_helix_problem(h, why, sizeof(why));
	int err = buf_addf(out, "{\"state\":\"%s\",\"why\":", stop_ms > 0 ? "refused" : "up");
	if (err == 0)
		err = json_add_string(out, str_of(why));
	if (err == 0)
		err = buf_addf(out,
			",\"calls\":%lld,\"failures\":%lld,\"waiting\":%u,\"running\":%u,",
			(long long)h->calls, (long long)h->failures, h->count - h->running,
			h->running);
	if (err == 0 && b->remaining >= 0 && now_ms < b->reset_ms)
		err = buf_addf(out, "\"points\":%lld,", (long long)b->remaining);
	else if (err == 0)
		err = buf_adds(out, "\"points\":null,");
	return err < 0 ? err : buf_addf(out, "\"hold_ms\":%lld,\"stopped_ms\":%lld}",
		(long long)hold_ms, (long long)stop_ms);
}
