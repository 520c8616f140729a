/* The token in use: taking it, validating it, refusing it.
 *
 * States: CHECKING -> VALID (validated, or the id server is away and the vault says it lives),
 * REFUSED. VALID <-> RENEWING. NONE and REFUSED are left by load() only. */
#include "platform/twitch_token_room.h"

#include <stdio.h>
#include <string.h>

void platform_token_soon(struct platform_token *t)
{
	io_timer_start(t->timer, 0);
}

void platform_token_tell(struct platform_token *t)
{
	t->must_tell = true;
	platform_token_soon(t);
}

void platform_token_set(struct platform_token *t, enum platform_token_state s)
{
	t->state = s;
	platform_token_tell(t);
}

/* ---- Words ----------------------------------------------------------------------------------- */

/* Whose token this is to be; "" when any will do. */
const char *platform_token_whose(const struct platform_token *t)
{
	if (t->channel)
		return t->channel;
	return t->account ? t->account : "";
}

#define WHAT_CHARS 260 /* of a sentence, so that the command behind it always fits */

void platform_token_explain(struct platform_token *t, const char *what)
{
	if (t->fixed)
		snprintf(t->why, sizeof(t->why), "%.*s. %.100s, then `mynah reload`", WHAT_CHARS,
			what, t->hint);
	else if (t->channel)
		snprintf(t->why, sizeof(t->why),
			"%.*s. Run `mynah login twitch --broadcaster %.25s`", WHAT_CHARS, what,
			t->channel);
	else
		snprintf(
			t->why, sizeof(t->why), "%.*s. Run `mynah login twitch`", WHAT_CHARS, what);
}

void platform_token_refuse(struct platform_token *t, const char *what)
{
	platform_token_explain(t, what);
	t->must_refresh = false;
	t->refresh_ms = t->retry_ms = 0;
	log_event(LOG_ERROR, "platform", "token_refused", "place", "twitch", "community",
		t->channel, "result", "FAILED", "message", t->why, NULL);
	platform_token_set(t, PLATFORM_TOKEN_REFUSED);
}

/* The id server, or the disk, is not what it should be: once per outage into the log. */
static void troubled(struct platform_token *t, const char *why, int64_t wait_ms)
{
	snprintf(t->why, sizeof(t->why), "%s; tried again", why);
	if (!t->is_troubled)
		log_event(LOG_ERROR, "platform", "token_trouble", "place", "twitch", "community",
			t->channel, "result", "FAILED", "message", why,
			LOG_INT("retry_ms", wait_ms), NULL);
	t->is_troubled = true;
}

void platform_token_served(struct platform_token *t)
{
	t->is_troubled = false;
	t->why[0] = '\0';
	io_backoff_confirm(&t->backoff, clock_mono_ms());
}

void platform_token_later(struct platform_token *t, const char *why, int64_t asked_ms)
{
	int64_t now_ms = clock_mono_ms(), wait_ms = io_backoff_next(&t->backoff, now_ms);

	if (asked_ms > wait_ms)
		wait_ms = asked_ms;
	t->retry_ms = now_ms + wait_ms;
	troubled(t, why, wait_ms);
	platform_token_tell(t);
}

bool platform_token_is_dead(const struct platform_token *t)
{
	return t->state == PLATFORM_TOKEN_NONE || t->state == PLATFORM_TOKEN_REFUSED;
}

/* ---- The token in use ------------------------------------------------------------------------ */

bool platform_token_is_over(const struct platform_token *t, int64_t now_ms)
{
	return t->ends_ms != 0 && now_ms >= t->ends_ms;
}

/* lives_ms counts from now. Renewed a while before the end: a tenth of what is left, for tokens
 * that live shorter than Twitch's. */
void platform_token_live(struct platform_token *t)
{
	int64_t now_ms = clock_mono_ms(), life_ms = t->grant.lives_ms;
	int64_t early_ms = life_ms < 0 ? 0 : life_ms / 10;

	if (early_ms > PLATFORM_REFRESH_EARLY_MS)
		early_ms = PLATFORM_REFRESH_EARLY_MS;
	t->ends_ms = life_ms == 0 ? 0 : now_ms + life_ms;
	t->refresh_ms = life_ms == 0 || !t->grant.refresh ? 0 : t->ends_ms - early_ms;
	t->validate_ms = now_ms + PLATFORM_VALIDATE_MS;
	if (life_ms > 0 && !t->grant.refresh && t->ends_ms < t->validate_ms)
		t->validate_ms = t->ends_ms + 1000; /* it ends on that day, or our clock is wrong */
}

static bool is_wrong_account(const struct platform_token *t)
{
	const char *wanted = platform_token_whose(t);

	return *wanted && t->grant.login[0] &&
	       !str_eq_nocase(str_of(wanted), str_of(t->grant.login));
}

static void refuse_account(struct platform_token *t)
{
	char what[PLATFORM_WHY_BYTES];

	snprintf(what, sizeof(what), "the %s belongs to %s, not to %s",
		t->fixed ? "token" : "login", t->grant.login, platform_token_whose(t));
	platform_token_refuse(t, what);
}

/* TAKES g. Another login than before, or the same after a person's word. */
void platform_token_adopt(struct platform_token *t, struct platform_grant *g)
{
	bool is_same = t->grant.access && platform_grant_is_same(&t->grant, g);
	int64_t now_ms = clock_mono_ms();

	if (is_same && (t->state == PLATFORM_TOKEN_VALID || t->state == PLATFORM_TOKEN_RENEWING)) {
		platform_grant_fini(g);
		if (is_wrong_account(t)) /* the config names another by now */
			refuse_account(t);
		platform_token_tell(t);
		return;
	}
	if (!is_same)
		platform_grant_fini(&t->fresh);
	platform_grant_fini(&t->grant);
	t->grant = *g;
	memset(g, 0, sizeof(*g));
	platform_token_live(t);
	t->validate_ms = now_ms;
	t->retry_ms = t->checked_wall_ms = 0;
	t->is_bad = t->must_refresh = false;
	t->why[0] = '\0';
	if (is_wrong_account(t))
		refuse_account(t);
	else
		platform_token_set(t, PLATFORM_TOKEN_CHECKING);
}

/* The config's token: it has no names until it is validated. */
void platform_token_adopt_fixed(struct platform_token *t)
{
	struct platform_grant g = {.access = secret_ref(t->fixed)};

	platform_token_adopt(t, &g);
}

/* ---- Validating ------------------------------------------------------------------------------ */

static void validated(struct platform_token *t, const struct json *body)
{
	if (platform_grant_validated(&t->grant, body) < 0) {
		platform_token_refuse(t,
			"the token belongs to no account: it is an application's, or the answer "
			"makes no sense");
		return;
	}
	if (is_wrong_account(t)) {
		refuse_account(t);
		return;
	}
	platform_token_served(t);
	platform_token_live(t);
	t->is_bad = false;
	t->checked_wall_ms = clock_wall_ms();
	log_event(LOG_INFO, "platform", "token_validated", "place", "twitch", "community",
		t->channel, "result", "SUCCESS", LOG_INT("expires_s", t->grant.lives_ms / 1000),
		NULL);
	if (t->state != PLATFORM_TOKEN_VALID)
		platform_token_set(
			t, t->must_refresh ? PLATFORM_TOKEN_RENEWING : PLATFORM_TOKEN_VALID);
	else
		platform_token_tell(t);
}

/* 401: not good for anything any more, whatever its hours (twitch.md 4.1). */
static void not_valid(struct platform_token *t, const char *why)
{
	char what[PLATFORM_WHY_BYTES];

	if (t->grant.refresh) {
		t->is_bad = t->must_refresh = true;
		platform_token_set(t, PLATFORM_TOKEN_RENEWING);
		return;
	}
	snprintf(what, sizeof(what), "the token of %s is not valid: %s",
		*platform_token_whose(t) ? platform_token_whose(t) : "the account", why);
	platform_token_refuse(t, what);
}

/* Nobody could say. A login whose end the vault knows is used until then;
 * a fixed token is used anyway. */
static void not_validated(struct platform_token *t, const struct platform_id_answer *a)
{
	int64_t now_ms = clock_mono_ms(), wait_ms = io_backoff_next(&t->backoff, now_ms);

	t->validate_ms = now_ms + (a->wait_ms > wait_ms ? a->wait_ms : wait_ms);
	troubled(t, a->why, t->validate_ms - now_ms);
	if (t->state == PLATFORM_TOKEN_CHECKING && !t->fixed)
		platform_token_set(t, PLATFORM_TOKEN_VALID);
	platform_token_tell(t);
}

static void on_validate(void *ctx, const struct platform_id_answer *a)
{
	struct platform_token *t = ctx;

	t->request = NULL;
	t->doing = PLATFORM_IDLE;
	switch (a->verdict) {
	case PLATFORM_ID_OK: validated(t, a->body); break;
	case PLATFORM_ID_BAD: not_valid(t, a->why); break;
	default: not_validated(t, a); break;
	}
	platform_token_soon(t);
}

/* Asks the id server; what begins now ends in done. */
void platform_token_ask(struct platform_token *t, enum platform_doing doing,
	struct platform_id_options *o, void (*done)(void *ctx, const struct platform_id_answer *a))
{
	o->io = t->io;
	o->id_url = t->id_url;
	o->ca_file = t->ca_file;
	o->done = done;
	o->ctx = t;
	t->request = platform_id_start(o);
	if (t->request)
		t->doing = doing;
	else
		platform_token_later(t,
			"the id server cannot be asked: out of memory, or id_url: is no URL", -1);
}

void platform_token_validate(struct platform_token *t)
{
	struct platform_id_options o = {.call = PLATFORM_ID_VALIDATE, .token = t->grant.access};

	platform_token_ask(t, PLATFORM_VALIDATING, &o, on_validate);
	if (!t->request)
		t->validate_ms = t->retry_ms;
}
