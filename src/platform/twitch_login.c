/* Logging in by device code (twitch.md 4.2, RFC 8628).
 *
 *   ASKING      POST /device; 429, 5xx and silence are waited out
 *   WAITING     the code is shown; POST /token every `interval` seconds until somebody agreed or
 *   said no.
 *               A code that has run out leads back to ASKING, CODES times
 *   VALIDATING  whose token is it? Another account's is thrown away
 *   KEEPING     it goes into the vault
 * Each ends in the next or in finish(), which is the only one to call done(). */
#include <stdio.h>
#include <string.h>

#include "platform/twitch_id.h"

#define CODES 20             /* of half an hour each: then nobody is there */
#define INTERVAL_MS 5000     /* where the server names none (RFC 8628 3.2) */
#define INTERVAL_MAX_MS 60000
#define SLOWER_MS 5000       /* RFC 8628 3.5: slow_down adds so much, for good */
#define CODE_LIFE_MAX_S 86400
#define SHOWN_BYTES 512      /* of a URL or a code; they have 90 and 8 */
#define WHY_BYTES 400

enum step { ASKING, WAITING, VALIDATING, KEEPING };

struct platform_login {
	struct io *io;
	struct io_timer *timer;
	struct io_worker *worker;
	struct platform_id *request;
	char *id_url, *ca_file, *client_id, *account, *channel, *state_dir;
	struct secret *client;
	struct buf scopes;

	enum step step;
	char device_code[SHOWN_BYTES];
	int64_t interval_ms, ends_ms;
	unsigned codes;
	struct io_backoff backoff;
	bool is_troubled, is_finished;
	struct platform_grant grant;
	int save_err;

	void (*show)(
		void *ctx, const char *url, const char *code, int64_t for_ms, const char *scopes);
	void (*trouble)(void *ctx, const char *why);
	void (*done)(void *ctx, int err, const char *login, const char *why);
	void *ctx;
	int end_err;             /* told from the timer, never from within start */
	char why[WHY_BYTES];
};

/* ---- The end --------------------------------------------------------------------------------- */

/* Told by the timer; nothing is called after that. */
static void finish(struct platform_login *l, int err, const char *why)
{
	l->is_finished = true;
	l->end_err = err;
	snprintf(l->why, sizeof(l->why), "%s", why);
	io_timer_start(l->timer, 0);
}

static const char *whose(const struct platform_login *l)
{
	return l->channel ? l->channel : l->account;
}

static void set_trouble(struct platform_login *l, const char *why)
{
	if (*why == '\0' && !l->is_troubled)
		return;
	l->is_troubled = *why != '\0';
	l->trouble(l->ctx, why);
}

/* Waits and does the same step again. */
static void again(struct platform_login *l, const struct platform_id_answer *a)
{
	int64_t wait_ms = l->interval_ms + io_backoff_next(&l->backoff, clock_mono_ms());

	if (a->wait_ms > wait_ms)
		wait_ms = a->wait_ms;
	set_trouble(l, a->why);
	io_timer_start(l->timer, wait_ms);
}

/* ---- Keeping --------------------------------------------------------------------------------- */

static void save_work(void *ctx)
{
	struct platform_login *l = ctx;
	char name[PLATFORM_VAULT_NAME_BYTES];

	platform_grant_name(l->channel, name);
	l->save_err = platform_grant_save(l->state_dir, name, &l->grant, NULL);
}

static void on_saved(void *ctx)
{
	struct platform_login *l = ctx;
	char why[WHY_BYTES];

	if (l->is_finished) /* freed: the worker's last job */
		return;
	if (l->save_err == 0) {
		finish(l, 0, "");
		return;
	}
	snprintf(why, sizeof(why), "the login cannot be kept in %s: %s", l->state_dir,
		err_text(l->save_err));
	finish(l, l->save_err, why);
}

static void keep(struct platform_login *l)
{
	l->step = KEEPING;
	if (io_worker_put(l->worker, save_work, on_saved, l) < 0)
		finish(l, ERR_NOMEM, "out of memory");
}

/* ---- Validating ------------------------------------------------------------------------------ */

static void ask(struct platform_login *l);

static void on_validated(struct platform_login *l, const struct platform_id_answer *a)
{
	const char *wanted = whose(l);
	char why[WHY_BYTES];

	if (a->verdict == PLATFORM_ID_LATER) {
		again(l, a);
		return;
	}
	if (a->verdict != PLATFORM_ID_OK || platform_grant_validated(&l->grant, a->body) < 0) {
		finish(l, ERR_DENIED, a->verdict == PLATFORM_ID_OK ?
			"the new token belongs to no account" : a->why);
		return;
	}
	if (wanted && *wanted && !str_eq_nocase(str_of(wanted), str_of(l->grant.login))) {
		snprintf(why, sizeof(why),
			"the browser was logged in as %s, but the %s is %s. Nothing was "
			"kept. Log in to Twitch as %s there, then run this again",
			l->grant.login, l->channel ? "broadcaster" : "account in mynah.yaml",
			wanted, wanted);
		finish(l, ERR_DENIED, why);
		return;
	}
	keep(l);
}

/* ---- The code -------------------------------------------------------------------------------- */

static bool take_shown(struct str s, char out[SHOWN_BYTES])
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] <= ' ' || s.at[i] > '~')
			return false;
	}
	if (s.len == 0 || s.len >= SHOWN_BYTES)
		return false;
	memcpy(out, s.at, s.len);
	out[s.len] = '\0';
	return true;
}

static int64_t within(int64_t n, int64_t least, int64_t most)
{
	return n < least ? least : n > most ? most : n;
}

static void on_device(struct platform_login *l, const struct platform_id_answer *a)
{
	char url[SHOWN_BYTES], code[SHOWN_BYTES], why[WHY_BYTES];
	int64_t life_ms;

	if (a->verdict == PLATFORM_ID_LATER) {
		again(l, a);
		return;
	}
	if (a->verdict != PLATFORM_ID_OK) {
		snprintf(why, sizeof(why), "%.200s. Is twitch.client_id in mynah.yaml that of your "
			"application at https://dev.twitch.tv/console?", a->why);
		finish(l, ERR_INVALID, why);
		return;
	}
	if (!take_shown(json_str(a->body, "device_code"), l->device_code) ||
			!take_shown(json_str(a->body, "user_code"), code) ||
			!take_shown(json_str(a->body, "verification_uri"), url)) {
		finish(l, ERR_PARSE, "the id server's answer has no code in it");
		return;
	}
	life_ms = within(json_int(a->body, "expires_in", 1800), 1, CODE_LIFE_MAX_S) * 1000;
	l->interval_ms = within(json_int(a->body, "interval", 0) * 1000, 1000, INTERVAL_MAX_MS);
	if (json_int(a->body, "interval", 0) <= 0)
		l->interval_ms = INTERVAL_MS;
	l->ends_ms = clock_mono_ms() + life_ms;
	l->step = WAITING;
	set_trouble(l, "");
	io_timer_start(l->timer, l->interval_ms);
	l->show(l->ctx, url, code, life_ms, buf_text(&l->scopes));
}

static void ask_anew(struct platform_login *l)
{
	if (l->codes >= CODES) {
		finish(l, ERR_TIMEOUT, "nobody typed the code in");
		return;
	}
	l->step = ASKING;
	l->interval_ms = 0;
	ask(l);
}

static void on_agreed(struct platform_login *l, const struct platform_id_answer *a)
{
	if (platform_grant_answered(&l->grant, a->body) < 0) {
		finish(l, ERR_PARSE, "the id server agreed but sent no token. Run this again");
		return;
	}
	l->step = VALIDATING;
	ask(l);
}

static void on_poll(struct platform_login *l, const struct platform_id_answer *a)
{
	if (a->verdict != PLATFORM_ID_LATER)
		set_trouble(l, "");
	switch (a->verdict) {
	case PLATFORM_ID_OK:
		on_agreed(l, a);
		break;
	case PLATFORM_ID_SLOWER:
		l->interval_ms = within(l->interval_ms + SLOWER_MS, 0, INTERVAL_MAX_MS);
		io_timer_start(l->timer, l->interval_ms);
		break;
	case PLATFORM_ID_PENDING:
		io_timer_start(l->timer, l->interval_ms);
		break;
	case PLATFORM_ID_OVER:
		ask_anew(l);
		break;
	case PLATFORM_ID_DENIED:
		finish(l, ERR_DENIED, "somebody said no on Twitch's page. Nothing was changed");
		break;
	case PLATFORM_ID_LATER:
		again(l, a);
		break;
	case PLATFORM_ID_BAD:
	case PLATFORM_ID_WRONG:
		finish(l, ERR_INVALID, a->why);
		break;
	}
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct platform_id_answer *a)
{
	struct platform_login *l = ctx;

	l->request = NULL;
	switch (l->step) {
	case ASKING: on_device(l, a); break;
	case WAITING: on_poll(l, a); break;
	case VALIDATING: on_validated(l, a); break;
	case KEEPING: break;
	}
}

static void ask(struct platform_login *l)
{
	static const enum platform_id_call calls[] = {
		[ASKING] = PLATFORM_ID_DEVICE, [WAITING] = PLATFORM_ID_POLL,
		[VALIDATING] = PLATFORM_ID_VALIDATE,
	};
	const struct platform_id_options o = {
		.io = l->io, .call = calls[l->step], .id_url = l->id_url, .ca_file = l->ca_file,
		.client_id = str_of(l->client_id), .scopes = buf_str(&l->scopes),
		.device_code = str_of(l->device_code), .token = l->grant.access,
		.done = on_answer, .ctx = l,
	};

	l->codes += l->step == ASKING && !l->is_troubled;
	l->request = platform_id_start(&o);
	if (!l->request)
		finish(l, ERR_NOMEM,
			"the id server cannot be asked: out of memory, or id_url: is no URL");
}

static void on_timer(void *ctx)
{
	struct platform_login *l = ctx;

	if (l->is_finished) {
		l->done(l->ctx, l->end_err, l->grant.login, l->why); /* l may be gone */
		return;
	}
	if (l->step == WAITING && clock_mono_ms() >= l->ends_ms)
		ask_anew(l);
	else
		ask(l);
}

/* ---- The door -------------------------------------------------------------------------------- */

static bool copy(const char *text, char **out)
{
	*out = text && *text ? mem_dup(text) : NULL;
	return *out || !text || !*text;
}

static int prepare(struct platform_login *l, const struct platform_login_options *o)
{
	const struct conf_place *c = o->conf;
	int err;

	if (!copy(c->id_url, &l->id_url) || !copy(c->ca_file, &l->ca_file) ||
			!copy(c->client_id, &l->client_id) || !copy(c->account, &l->account) ||
			!copy(o->channel, &l->channel) || !copy(o->state_dir, &l->state_dir))
		return ERR_NOMEM;
	l->timer = io_timer_new(o->io, on_timer, l);
	if (!l->timer)
		return ERR_NOMEM;
	err = io_worker_new(o->io, "login", 1, &l->worker);
	return err ? err : platform_need_scopes(c, o->wants, o->channel != NULL, &l->scopes);
}

struct platform_login *platform_login_start(const struct platform_login_options *o)
{
	struct platform_login *l = mem_new(sizeof(*l));

	if (!l)
		return NULL;
	l->io = o->io;
	l->show = o->show;
	l->trouble = o->trouble;
	l->done = o->done;
	l->ctx = o->ctx;
	io_backoff_init(&l->backoff);
	buf_init(&l->scopes, PLATFORM_SCOPES_BYTES);
	if (prepare(l, o) < 0) {
		platform_login_free(l);
		return NULL;
	}
	if (!l->client_id)
		finish(l, ERR_INVALID,
			"mynah needs an application on Twitch to log in with. Register one "
			"at https://dev.twitch.tv/console (client type: public; "
			"OAuth redirect URL: http://localhost), and put its client id into "
			"mynah.yaml as twitch.client_id");
	else if (l->scopes.len == 0)
		finish(l, ERR_INVALID,
			"nothing that mynah.yaml and the triggers use needs this login; see "
			"mynah help scopes");
	else
		ask(l);
	return l;
}

void platform_login_free(struct platform_login *l)
{
	if (!l)
		return;
	l->is_finished = true;
	platform_id_free(l->request);
	io_worker_free(l->worker); /* what is being written is written */
	io_timer_free(l->timer);
	platform_grant_fini(&l->grant);
	secret_wipe(l->device_code, sizeof(l->device_code));
	buf_fini(&l->scopes);
	mem_free(l->id_url);
	mem_free(l->ca_file);
	mem_free(l->client_id);
	mem_free(l->account);
	mem_free(l->channel);
	mem_free(l->state_dir);
	mem_free(l);
}
