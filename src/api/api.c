/* The routes. */
#include "api/api.h"

#include "config.h"

#include <stdio.h>
#include <string.h>

#define DESCRIPTION_FIELDS 16 /* an event has no more */
#define ROUTE_TEXT_BYTES 5000 /* of a text to explain: a chat message has at most 2,000 */

static struct metric requests_total = {"mynah_http_requests_total", "HTTP requests by route",
	METRIC_COUNTER, "endpoint", NULL, NULL, false};

struct api {
	struct bot *bot;
	struct io_serve *serve;
	struct secret *key; /* NULL = none: TCP clients may only read */
};

static int fail(struct io_response *a, int status, const char *code, const char *message)
{
	char now[CLOCK_TEXT_BYTES];
	int err;

	a->status = status;
	err = buf_addf(&a->body,
		"{\"success\":false,\"error\":{\"code\":\"%s\",\"timestamp\":\"%s\","
		"\"message\":",
		code, clock_text(clock_wall_ms(), now));
	if (!err)
		err = json_add_string(&a->body, str_of(message));
	return err ? err : buf_adds(&a->body, "}}");
}

static int get_health(struct api *api, const struct io_request *q, struct io_response *a)
{
	char now[CLOCK_TEXT_BYTES];

	(void)q;
	return buf_addf(&a->body, "{\"status\":\"%s\",\"module\":\"mynah\",\"version\":\"%s\","
		"\"timestamp\":\"%s\"}", bot_is_warming(api->bot) ? "warming" : "healthy",
		PACKAGE_VERSION, clock_text(clock_wall_ms(), now));
}

static int get_healthz(struct api *api, const struct io_request *q, struct io_response *a)
{
	struct buf reasons;
	int err;

	(void)q;
	buf_init(&reasons, 16 * 1024);
	const bool is_fine = bot_is_healthy(api->bot, &reasons);
	a->status = is_fine ? 200 : 503;
	err = buf_addf(&a->body, "{\"status\":\"%s\",\"reasons\":[%s]}",
		is_fine ? "healthy" : "degraded", buf_text(&reasons));
	buf_fini(&reasons);
	return err;
}

static int get_metrics(struct api *api, const struct io_request *q, struct io_response *a)
{
	(void)q;
	bot_metrics(api->bot);
	a->content_type = "text/plain; version=0.0.4; charset=utf-8";
	return metric_write(&a->body);
}

static int get_status(struct api *api, const struct io_request *q, struct io_response *a)
{
	(void)q;
	return bot_status(api->bot, &a->body);
}

static int get_reload(struct api *api, const struct io_request *q, struct io_response *a)
{
	(void)q;
	return bot_reload_report(api->bot, &a->body);
}

/* 202: it runs on a worker; GET the same path tells when it is done and what it found. */
static int post_reload(struct api *api, const struct io_request *q, struct io_response *a)
{
	int err = bot_reload_report(api->bot, &a->body);

	(void)q;
	a->status = 202;
	bot_reload(api->bot);
	return err;
}

/* GIVES the string member of a request, or NULL when it is absent. */
static char *member(const struct json *body, const char *key)
{
	struct str s = json_str(body, key);

	return s.len > 0 ? mem_dupn(s.at, s.len) : NULL;
}

/* An event as a request describes it: {"on":"raid 50","from":"ann",...}. */
struct description {
	struct json *body;
	struct buf scratch;
	char *words[7];
	struct bot_event_field fields[DESCRIPTION_FIELDS];
	size_t count;
	const char *why; /* static: what is wrong with the fields; NULL = nothing */
	struct bot_event_args args;
};

static bool is_word(const char *key)
{
	return str_is_among(str_of(key), "text user level channel platform on trigger");
}

/* Members that are no words of the request are fields of the event. */
static void add_field(void *ctx, const char *key, const struct json *value)
{
	struct description *d = ctx;

	if (is_word(key))
		return;
	if (!json_is_string(value) || d->count == DESCRIPTION_FIELDS) {
		d->why = "a field of an event is a text, and there are not many of them";
		return;
	}
	d->fields[d->count++] = (struct bot_event_field){key, json_text(value)};
}

static void description_fini(struct description *d)
{
	for (size_t i = 0; i < sizeof(d->words) / sizeof(d->words[0]); i++)
		mem_free(d->words[i]);
	buf_fini(&d->scratch);
	json_free(d->body);
}

/* ERR_INVALID: *why is a sentence. Call description_fini in any case. */
static int description_read(struct description *d, const struct io_request *q, const char **why)
{
	static const char *const keys[] = {"text", "user", "level", "channel", "platform", "on",
		"trigger"};

	memset(d, 0, sizeof(*d));
	buf_init(&d->scratch, ROUTE_TEXT_BYTES);
	if (json_parse(q->body, IO_SERVE_BODY_BYTES, &d->body, why))
		return ERR_INVALID;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		d->words[i] = member(d->body, keys[i]);
	json_each(d->body, add_field, d);
	*why = d->why;
	d->args = (struct bot_event_args){d->words[0], d->words[1], d->words[2], d->words[3],
		d->words[4], d->words[5], d->fields, d->count};
	return d->why ? ERR_INVALID : 0;
}

static int post_explain(struct api *api, const struct io_request *q, struct io_response *a)
{
	struct description d;
	const char *why = "";
	struct event e;
	int err = description_read(&d, q, &why);

	if (!err)
		err = bot_event_make(&d.args, &d.scratch, &e, &why);
	if (err) {
		err = fail(a, 400, "INVALID_REQUEST", why);
	} else {
		a->content_type = "text/plain; charset=utf-8";
		err = bot_explain(api->bot, bot_world_of(api->bot), &e, false, &a->body);
	}
	description_fini(&d);
	return err;
}

static int post_route(struct api *api, const struct io_request *q, struct io_response *a)
{
	struct description d;
	const char *why = "";
	struct event e;
	int err = description_read(&d, q, &why);

	if (!err)
		err = bot_event_make(&d.args, &d.scratch, &e, &why);
	if (!err)
		err = bot_route(api->bot, NULL, bot_world_of(api->bot), &e, d.words[6], &a->body,
			&why);
	if (err == ERR_INVALID || err == ERR_NOTFOUND)
		err = fail(a, 400, "INVALID_REQUEST", why);
	else
		a->content_type = "text/plain; charset=utf-8";
	description_fini(&d);
	return err;
}

/* Fires it. What became of it may not be known yet: GET the same path with ?number=N. */
static int post_event(struct api *api, const struct io_request *q, struct io_response *a)
{
	struct description d;
	const char *why = "";
	int64_t number = 0;
	int err = description_read(&d, q, &why);

	if (!err && !d.args.on) {
		why = "on is needed: the event, as in \"raid 50\"";
		err = ERR_INVALID;
	}
	if (!err)
		err = bot_fire(api->bot, &d.args, &d.scratch, &number, &why);
	err = err ? fail(a, 400, "INVALID_REQUEST", why)
		: bot_fired_report(api->bot, number, &a->body);
	description_fini(&d);
	return err;
}

static int get_event(struct api *api, const struct io_request *q, struct io_response *a)
{
	static const char key[] = "number=";
	struct str said = str_of(q->query);
	int64_t number = 0;
	int err = ERR_NOTFOUND;

	if (strncmp(q->query, key, sizeof(key) - 1) == 0 &&
			str_int((struct str){said.at + sizeof(key) - 1, said.len - sizeof(key) + 1},
				&number) == 0)
		err = bot_fired_report(api->bot, number, &a->body);
	return err == ERR_NOTFOUND ? fail(a, 404, "NOT_FOUND",
		"?number= names no event that was fired lately") : err;
}

static int post_quiet(struct api *api, const struct io_request *q, struct io_response *a)
{
	struct json *body = NULL;
	const char *why = "";
	int64_t ms;
	char *channel;
	int err;

	if (json_parse(q->body, IO_SERVE_BODY_BYTES, &body, &why))
		return fail(a, 400, "INVALID_REQUEST", why);
	ms = json_int(body, "ms", -1);
	channel = member(body, "channel");
	err = !channel || ms < 0 ? ERR_INVALID : bot_quiet(api->bot, channel, ms);
	if (err == ERR_INVALID)
		err = fail(a, 400, "INVALID_REQUEST", "channel and ms are needed");
	else if (err == ERR_NOTFOUND)
		err = fail(a, 404, "NOT_FOUND", "the bot is not in that channel");
	else if (err)
		err = fail(a, 503, "SERVICE_UNAVAILABLE", "too many channels");
	else
		err = buf_adds(&a->body, "{\"success\":true}");
	mem_free(channel);
	json_free(body);
	return err;
}

/* The lines of a record since the last request: {"place":"..."} begins one, {"record":N} goes on
 * with that whose first line has this wall_ms. */
static int post_record(struct api *api, const struct io_request *q, struct io_response *a)
{
	struct json *body = NULL;
	const char *why = "";
	int err;

	if (json_parse(q->body, IO_SERVE_BODY_BYTES, &body, &why))
		return fail(a, 400, "INVALID_REQUEST", why);
	err = bot_record_take(api->bot, json_str(body, "place"), json_int(body, "record", 0),
		&a->body);
	json_free(body);
	if (err == ERR_NOTFOUND)
		return fail(a, 409, "NO_PLACE", "there is no such section, so nothing to record");
	if (err == ERR_CLOSED)
		return fail(a, 409, "RECORD_ENDED", "the record has ended");
	a->content_type = "application/x-ndjson";
	return err;
}

static int get_cache(struct api *api, const struct io_request *q, struct io_response *a)
{
	(void)q;
	return bot_once_status(api->bot, &a->body);
}

static int post_cache(struct api *api, const struct io_request *q, struct io_response *a)
{
	(void)q;
	return buf_addf(&a->body, "{\"flushed\":%zu}", bot_once_flush(api->bot));
}

static const struct route {
	const char *method, *path;
	bool is_open; /* no key over TCP */
	int (*answer)(struct api *api, const struct io_request *q, struct io_response *a);
} routes[] = {
	{"GET", "/health", true, get_health},
	{"GET", "/healthz", true, get_healthz},
	{"GET", "/metrics", true, get_metrics},
	{"GET", "/api/v1/status", false, get_status},
	{"GET", "/api/v1/reload", false, get_reload},
	{"POST", "/api/v1/reload", false, post_reload},
	{"POST", "/api/v1/explain", false, post_explain},
	{"POST", "/api/v1/route", false, post_route},
	{"POST", "/api/v1/quiet", false, post_quiet},
	{"GET", "/api/v1/cache", false, get_cache},
	{"POST", "/api/v1/cache", false, post_cache},
	{"POST", "/api/v1/event", false, post_event},
	{"GET", "/api/v1/event", false, get_event},
	{"POST", "/api/v1/record", false, post_record},
};

/* Over TCP: no page of a browser on the streamer's machine may reach it (faults.md H5), and what is
 * not open needs the key, compared without telling by time how much of it was right. */
static int admit(struct api *api, const struct route *r, const struct io_request *q,
	struct io_response *a)
{
	static const char bearer[] = "Bearer ";
	char host[256];
	char *colon;

	if (q->is_local)
		return 0;
	snprintf(host, sizeof(host), "%s", q->host);
	colon = strrchr(host, ':');
	if (colon && !strchr(colon, ']'))
		*colon = '\0';
	if (*q->origin != '\0' || !io_host_is_loopback(host))
		return fail(a, 403, "FORBIDDEN", "only for programs on this machine");
	if (r->is_open)
		return 0;
	if (!api->key || strncmp(q->authorization, bearer, sizeof(bearer) - 1) != 0 ||
			!secret_is_equal(api->key, str_of(q->authorization + sizeof(bearer) - 1)))
		return fail(
			a, 401, "UNAUTHORIZED", "an API key is needed: Authorization: Bearer KEY");
	return 0;
}

static void answer(void *ctx, const struct io_request *q, struct io_response *a)
{
	const size_t n = sizeof(routes) / sizeof(routes[0]);
	const struct route *found = NULL;
	bool may_get = false, may_post = false;
	int err;

	a->status = 200;
	a->content_type = "application/json";
	for (size_t i = 0; i < n; i++) {
		const bool same = strcmp(routes[i].path, q->path) == 0;

		may_get = may_get || (same && strcmp(routes[i].method, "GET") == 0);
		may_post = may_post || (same && strcmp(routes[i].method, "POST") == 0);
		if (same && strcmp(routes[i].method,
				    strcmp(q->method, "HEAD") ? q->method : "GET") == 0)
			found = &routes[i];
	}
	metric_add(&requests_total, found ? found->path : "unknown", 1);
	if (!found) {
		a->allow = may_get && may_post ? "GET, HEAD, POST" : may_get ? "GET, HEAD"
			: may_post ? "POST" : NULL;
		err = a->allow ? fail(a, 405, "METHOD_NOT_ALLOWED", "not with this method")
			: fail(a, 404, "NOT_FOUND", "no such path");
	} else {
		err = admit(ctx, found, q, a);
		if (!err && a->body.len == 0)
			err = found->answer(ctx, q, a);
	}
	if (err) {
		buf_clear(&a->body);
		a->status = 500;
	}
}

char *api_socket_path(const struct conf *c)
{
	return file_join(c->state_dir, c->api.socket ? c->api.socket : "mynah.sock");
}

int api_new(struct io *io, struct bot *bot, const struct conf *c, struct api **out)
{
	struct api *a = mem_new(sizeof(*a));
	char *path = api_socket_path(c);
	int err = a && path ? 0 : ERR_NOMEM;

	*out = NULL;
	if (!err) {
		a->bot = bot;
		a->key = secret_ref(c->api.secret);
		err = io_serve_new(io, path, c->api.listen, answer, a, &a->serve);
	}
	mem_free(path);
	if (err) {
		api_free(a);
		return err;
	}
	*out = a;
	return 0;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	io_serve_free(a->serve);
	secret_free(a->key);
	mem_free(a);
}
