/* One request to Twitch's id server. Bodies are form-encoded (twitch.md 4.1); which status and
 * message means what is one table below. */
#include "platform/twitch_id.h"

#include <stdio.h>
#include <string.h>

#define FORM_BYTES (16 * 1024) /* a token, a secret and all scopes, every byte encoded */
#define URL_BYTES 1024
#define WHY_BYTES 300
#define CONNECT_MS 5000

struct platform_id {
	struct platform_id_options o; /* its strings are gone; only io, call, done, ctx count */
	struct io_http *http;
	struct buf body;
	char why[WHY_BYTES];
};

/* ---- What an answer means -------------------------------------------------------------------- */

/* Matched in this order; status 0 = any. Messages are compared without case (twitch.md 4.2);
 * "" is any. */
static const struct {
	enum platform_id_call call;
	int status;
	const char *message;
	enum platform_id_verdict verdict;
} meanings[] = {
	{PLATFORM_ID_DEVICE, 400, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_DEVICE, 401, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_DEVICE, 403, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_DEVICE, 404, "", PLATFORM_ID_WRONG},
	/* The last three are RFC 8628's words, should Twitch come to use them. */
	{PLATFORM_ID_POLL, 400, "authorization_pending", PLATFORM_ID_PENDING},
	{PLATFORM_ID_POLL, 400, "invalid device code", PLATFORM_ID_OVER},
	{PLATFORM_ID_POLL, 400, "slow_down", PLATFORM_ID_SLOWER},
	{PLATFORM_ID_POLL, 400, "expired_token", PLATFORM_ID_OVER},
	{PLATFORM_ID_POLL, 400, "access_denied", PLATFORM_ID_DENIED},
	{PLATFORM_ID_POLL, 400, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_POLL, 401, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_POLL, 403, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_POLL, 404, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_REFRESH, 400, "missing client secret", PLATFORM_ID_WRONG},
	{PLATFORM_ID_REFRESH, 400, "invalid client secret", PLATFORM_ID_WRONG},
	{PLATFORM_ID_REFRESH, 400, "invalid client", PLATFORM_ID_WRONG},
	{PLATFORM_ID_REFRESH, 400, "", PLATFORM_ID_BAD},
	{PLATFORM_ID_REFRESH, 401, "", PLATFORM_ID_BAD},
	{PLATFORM_ID_REFRESH, 403, "", PLATFORM_ID_WRONG},
	{PLATFORM_ID_VALIDATE, 401, "", PLATFORM_ID_BAD},
};

static enum platform_id_verdict meaning(enum platform_id_call call, int status, struct str message)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].call == call && meanings[i].status == status &&
				(meanings[i].message[0] == '\0' ||
					str_eq_nocase(message, str_of(meanings[i].message))))
			return meanings[i].verdict;
	}
	return PLATFORM_ID_LATER;
}

/* Twitch's own words, RFC 6749's member as second choice.
 * Scrubbed: they go to terminals and logs. */
static void read_message(const struct json *body, struct buf *out)
{
	struct str message = json_str(body, "message");

	if (message.len == 0)
		message = json_str(body, "error");
	(void)!text_scrub(message, TEXT_CHAT, out); /* what does not fit is cut */
}

static void write_why(
	struct platform_id *r, int err, const char *why, int status, const char *message)
{
	if (err < 0 && status == 0)
		snprintf(r->why, sizeof(r->why), "the id server does not answer: %s",
			why && *why ? why : err_text(err));
	else if (*message)
		snprintf(r->why, sizeof(r->why), "the id server answered %d: %s", status, message);
	else if (status == 200)
		snprintf(r->why, sizeof(r->why), "the id server's answer makes no sense");
	else
		snprintf(r->why, sizeof(r->why), "the id server answered %d", status);
}

/* ---- The request ----------------------------------------------------------------------------- */

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct platform_id *r = ctx;

	(void)!buf_add(&r->body, bytes, n); /* io ends what is longer */
}

static void destroy(struct platform_id *r)
{
	if (r->body.at)
		secret_wipe(r->body.at, r->body.cap);
	buf_fini(&r->body);
	mem_free(r);
}

static void on_done(void *ctx, int err, const char *why)
{
	struct platform_id *r = ctx;
	struct platform_id_answer a = {.status = io_http_status(r->http), .wait_ms = -1};
	struct platform_id_options o = r->o;
	struct json *body = NULL;
	struct buf message;

	buf_init(&message, WHY_BYTES / 2);
	if (err == 0 && json_parse(buf_str(&r->body), PLATFORM_ID_BODY_BYTES, &body, NULL) == 0 &&
			json_is_object(body))
		a.body = body;
	read_message(a.body, &message);
	if (err == 0 && a.status == 200)
		a.verdict = a.body ? PLATFORM_ID_OK : PLATFORM_ID_LATER;
	else if (err == 0)
		a.verdict = meaning(o.call, a.status, buf_str(&message));
	else
		a.verdict = PLATFORM_ID_LATER;
	if (err == 0 && a.verdict == PLATFORM_ID_LATER)
		a.wait_ms = io_http_retry_after_ms(r->http);
	write_why(r, err, why, a.status, buf_text(&message));
	r->http = NULL; /* gone when this returns */
	a.why = r->why;
	buf_fini(&message);
	o.done(o.ctx, &a);
	json_free(body);
	destroy(r);
}

static int add_encoded(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	int err = 0;

	for (size_t i = 0; i < s.len && !err; i++) {
		unsigned char c = (unsigned char)s.at[i];
		bool is_plain = ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';

		err = is_plain ? buf_addc(out, (char)c)
			: buf_addf(out, "%%%c%c", hex[c >> 4], hex[c & 15]);
	}
	return err;
}

/* "name=value", joined by '&'; nothing for an empty value. */
static int add_field(struct buf *out, const char *name, struct str value)
{
	int err;

	if (value.len == 0)
		return 0;
	err = buf_addf(out, "%s%s=", out->len > 0 ? "&" : "", name);
	return err ? err : add_encoded(out, value);
}

static int add_form(const struct platform_id_options *o, struct buf *out)
{
	int err = add_field(out, "client_id", o->client_id);

	switch (o->call) {
	case PLATFORM_ID_DEVICE:
		return err ? err : add_field(out, "scopes", o->scopes);
	case PLATFORM_ID_POLL:
		if (!err)
			err = add_field(out, "scopes", o->scopes);
		if (!err)
			err = add_field(out, "device_code", o->device_code);
		return err ? err : add_field(out, "grant_type",
			STR("urn:ietf:params:oauth:grant-type:device_code"));
	case PLATFORM_ID_REFRESH:
		if (!err)
			err = add_field(out, "client_secret", secret_use(o->client));
		if (!err)
			err = add_field(out, "grant_type", STR("refresh_token"));
		return err ? err : add_field(out, "refresh_token", secret_use(o->token));
	case PLATFORM_ID_VALIDATE:
		break;
	}
	return 0;
}

static int start(struct platform_id *r, const struct platform_id_options *o)
{
	static const char *const paths[] = {
		[PLATFORM_ID_DEVICE] = "/device", [PLATFORM_ID_POLL] = "/token",
		[PLATFORM_ID_REFRESH] = "/token", [PLATFORM_ID_VALIDATE] = "/validate",
	};
	bool is_get = o->call == PLATFORM_ID_VALIDATE;
	size_t base = strlen(o->id_url);
	char url[URL_BYTES];
	struct buf form, header;
	int err = 0;

	while (base > 0 && o->id_url[base - 1] == '/')
		base--;
	int n = snprintf(url, sizeof(url), "%.*s%s", (int)base, o->id_url, paths[o->call]);
	buf_init(&form, FORM_BYTES);
	buf_init(&header, FORM_BYTES);
	if (n < 0 || (size_t)n >= sizeof(url))
		err = ERR_INVALID;
	if (!err) /* they do not move: one copy each to be wiped */
		err = buf_reserve(is_get ? &header : &form, FORM_BYTES);
	if (!err && is_get) /* "OAuth", not "Bearer" (twitch.md 4.5) */
		err = buf_addf(&header, "Authorization: OAuth %.*s", STR_FMT(secret_use(o->token)));
	else if (!err)
		err = add_form(o, &form);
	const char *headers[] = {
		is_get ? buf_text(&header) : "Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json", NULL,
	};
	const struct io_http_options request = {
		.method = is_get ? "GET" : "POST", .url = url, .headers = headers,
		.body = buf_str(&form), .ca_file = o->ca_file, .max_body = PLATFORM_ID_BODY_BYTES,
		.connect_ms = CONNECT_MS, .first_byte_ms = PLATFORM_ID_TOTAL_MS,
		.total_ms = PLATFORM_ID_TOTAL_MS, .data = on_data, .done = on_done, .ctx = r,
	};
	if (!err)
		r->http = io_http_start(o->io, &request);
	if (form.at)
		secret_wipe(form.at, form.cap);
	if (header.at)
		secret_wipe(header.at, header.cap);
	buf_fini(&form);
	buf_fini(&header);
	return r->http ? 0 : ERR_NOMEM;
}

struct platform_id *platform_id_start(const struct platform_id_options *o)
{
	struct platform_id *r = mem_new(sizeof(*r));

	if (!r)
		return NULL;
	r->o = *o;
	buf_init(&r->body, PLATFORM_ID_BODY_BYTES);
	if (buf_reserve(&r->body, PLATFORM_ID_BODY_BYTES) < 0 || start(r, o) < 0) {
		destroy(r);
		return NULL;
	}
	return r;
}

void platform_id_free(struct platform_id *r)
{
	if (!r || !r->http)
		return; /* on_done is under way and frees it */
	io_http_cancel(r->http);
	destroy(r);
}
