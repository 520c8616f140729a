/* Subscriptions of an EventSub session: asking for them, what the answers mean, what is taken back, and
 * what dead sessions leave behind on the server. Rules: twitch.md 2.5 and 2.6. */
#include "platform/twitch_session.h"

#include <stdio.h>
#include <string.h>

#define PATH "/eventsub/subscriptions"
#define BODY_BYTES 1024
#define RETRY_MS 500        /* first retry of a call that got no answer; doubles */
#define RETRY_MOST_MS 60000
#define LIMIT_MS 10000      /* first retry after a 429: what is left over counts for a minute */
#define DELETES_MOST 100    /* a page of the list */
#define URL_BYTES 256

/* ---- States ------------------------------------------------------------------------------------ */

static void tell(struct platform_sub *sub, bool is_on)
{
	struct platform_eventsub *s = sub->session;

	if (s->o.subscribed && !s->is_doomed)
		s->o.subscribed(s->o.ctx, &sub->wish, is_on, sub->why);
}

static void set_why(struct platform_sub *sub, const char *why)
{
	snprintf(sub->why, sizeof(sub->why), "%s", why);
}

static void log_refused(const struct platform_sub *sub, const char *action)
{
	log_event(LOG_ERROR, "platform", action, "place", sub->session->name, "community",
		sub->wish.channel, "type", sub->wish.need->type, "result", "FAILED", "message",
		sub->why, NULL);
}

/* Not before a person did something. */
static void refuse(struct platform_sub *sub, const char *why)
{
	set_why(sub, why);
	sub->state = PLATFORM_SUB_REFUSED;
	log_refused(sub, "subscription_refused");
	tell(sub, false);
}

static void wait_for(struct platform_sub *sub, int64_t wait_ms, const char *why)
{
	set_why(sub, why);
	sub->state = PLATFORM_SUB_WANTED;
	sub->due_ms = clock_mono_ms() + wait_ms;
}

/* A no that may become a yes without us being told: asked again rarely. */
static void refuse_for_now(struct platform_sub *sub, const char *action, const char *why)
{
	wait_for(sub, PLATFORM_SLOW_MS - (int64_t)rand_below(PLATFORM_SLOW_MS / 10), why);
	log_refused(sub, action);
	tell(sub, false);
}

static void retry(struct platform_sub *sub, int64_t base_ms, const char *why)
{
	int64_t most_ms = RETRY_MOST_MS;

	if (sub->tries < 16 && base_ms << sub->tries < most_ms)
		most_ms = base_ms << sub->tries;
	sub->tries++;
	wait_for(sub, base_ms / 2 + rand_between(0, most_ms), why);
}

static void activate(struct platform_sub *sub, struct str id)
{
	sub->state = PLATFORM_SUB_ACTIVE;
	sub->tries = 0;
	sub->waits_for_token = false;
	sub->why[0] = '\0';
	snprintf(sub->id, sizeof(sub->id), "%.*s", STR_FMT(id));
	log_event(LOG_DEBUG, "platform", "subscribed", "place", sub->session->name, "community",
		sub->wish.channel, "type", sub->wish.need->type, "result", "SUCCESS", NULL);
	platform_session_up(sub->session);
	tell(sub, true);
}

int64_t platform_subs_due(const struct platform_eventsub *s)
{
	const struct platform_sub *sub;
	int64_t due = INT64_MAX;

	DL_FOREACH(s->subs, sub) {
		if (sub->state == PLATFORM_SUB_WANTED && sub->due_ms < due)
			due = sub->due_ms;
	}
	return due;
}

size_t platform_subs_count(const struct platform_eventsub *s, enum platform_sub_state state)
{
	const struct platform_sub *sub;
	size_t n = 0;

	DL_FOREACH(s->subs, sub)
		n += sub->state == state;
	return n;
}

void platform_subs_lost(struct platform_eventsub *s, const char *why)
{
	struct platform_sub *sub;

	/* What looks for leftovers goes on: the next session needs the room. */
	DL_FOREACH(s->subs, sub) {
		bool was_active = sub->state == PLATFORM_SUB_ACTIVE;

		if (sub->state == PLATFORM_SUB_ASKED)
			platform_helix_cancel(sub->task);
		sub->task = NULL;
		sub->id[0] = '\0';
		if (!was_active && sub->state != PLATFORM_SUB_ASKED)
			continue;
		sub->state = PLATFORM_SUB_WANTED;
		sub->due_ms = 0;
		set_why(sub, why);
		if (was_active)
			tell(sub, false);
	}
}

void platform_subs_again(struct platform_eventsub *s)
{
	struct platform_sub *sub;

	DL_FOREACH(s->subs, sub) {
		if (sub->state == PLATFORM_SUB_REFUSED)
			sub->state = PLATFORM_SUB_WANTED;
		if (sub->state == PLATFORM_SUB_WANTED)
			sub->due_ms = sub->tries = 0;
	}
}

/* ---- Errands: calls whose answer matters to nobody --------------------------------------------- */

static void on_errand(void *ctx, const struct platform_helix_answer *a)
{
	struct platform_errand *errand = ctx;
	struct platform_eventsub *s = errand->session;
	struct platform_sub *sub;

	(void)a;
	DL_DELETE(s->errands, errand);
	mem_free(errand);
	if (s->errands)
		return;
	DL_FOREACH(s->subs, sub) { /* what was over a limit may have room now */
		if (sub->is_limited && sub->state == PLATFORM_SUB_WANTED)
			sub->due_ms = 0;
		sub->is_limited = false;
	}
	platform_session_soon(s);
}

/* What is not deleted dies with its session. */
static void delete_on_server(struct platform_eventsub *s, struct str id)
{
	struct platform_errand *errand;
	char path[URL_BYTES];

	for (size_t i = 0; i < id.len; i++) { /* it goes into a URL */
		if (!strchr("0123456789abcdefABCDEF-", id.at[i]))
			return;
	}
	errand = id.len > 0 && id.len < 64 ? mem_new(sizeof(*errand)) : NULL;
	if (!errand)
		return;
	snprintf(path, sizeof(path), PATH "?id=%.*s", STR_FMT(id));
	struct platform_helix_call call = {.method = "DELETE", .path = path, .done = on_errand,
		.ctx = errand};
	errand->session = s;
	errand->task = platform_helix_start(s->o.helix, &call);
	if (errand->task)
		DL_APPEND(s->errands, errand);
	else
		mem_free(errand);
}

void platform_sub_remove(struct platform_eventsub *s, struct platform_sub *sub, bool is_told)
{
	DL_DELETE(s->subs, sub);
	if (sub->state == PLATFORM_SUB_ASKED)
		platform_helix_cancel(sub->task);
	if (is_told && sub->state == PLATFORM_SUB_ACTIVE)
		delete_on_server(s, str_of(sub->id));
	mem_free(sub);
}

void platform_subs_fini(struct platform_eventsub *s)
{
	struct platform_errand *errand, *next;

	while (s->subs)
		platform_sub_remove(s, s->subs, false);
	DL_FOREACH_SAFE(s->errands, errand, next) {
		platform_helix_cancel(errand->task);
		mem_free(errand);
	}
	s->errands = NULL;
	platform_helix_cancel(s->cleaning);
	s->cleaning = NULL;
}

/* ---- What dead sessions leave behind ----------------------------------------------------------- */

static bool is_over(const struct platform_eventsub *s, struct str session_id)
{
	for (size_t i = 0; i < PLATFORM_SESSIONS_KEPT; i++) {
		if (s->over[i][0] && str_is(session_id, s->over[i]))
			return true;
	}
	return false;
}

/* Deleted are those that are disabled and those of sessions we had ourselves. An enabled one of a session
 * we never had may belong to a second bot that is alive: the log names it, and it is left alone. */
static void on_list(void *ctx, const struct platform_helix_answer *a)
{
	struct platform_eventsub *s = ctx;
	const struct json *list = json_get(a->body, "data");
	size_t n = json_count(list), deleted = 0, foreign = 0;

	platform_session_enter(s);
	s->cleaning = NULL;
	for (size_t i = 0; i < n && deleted < DELETES_MOST; i++) {
		const struct json *one = json_at(list, i);
		const struct json *transport = json_get(one, "transport");
		struct str session = json_str(transport, "session_id");
		bool is_enabled = str_is(json_str(one, "status"), "enabled");

		if (!str_is(json_str(transport, "method"), "websocket") || str_is(session, s->id))
			continue;
		if (is_enabled && !is_over(s, session)) {
			foreign++;
			continue;
		}
		delete_on_server(s, json_str(one, "id"));
		deleted++;
	}
	log_event(LOG_INFO, "platform", "eventsub_cleaned", "place", s->name, LOG_INT("deleted", deleted),
		LOG_INT("of_others", foreign), "message", foreign > 0 ?
		"another program, or this one before it was killed, holds subscriptions of this account" :
		"", NULL);
	platform_session_soon(s);
	platform_session_leave(s);
}

static void clean(struct platform_eventsub *s)
{
	int64_t now_ms = clock_mono_ms();
	struct platform_helix_call call = {.method = "GET", .path = PATH, .done = on_list, .ctx = s};

	if (s->cleaning || (s->cleaned_ms && now_ms - s->cleaned_ms < PLATFORM_CLEAN_MS))
		return;
	s->cleaned_ms = now_ms;
	s->cleaning = platform_helix_start(s->o.helix, &call);
}

/* ---- Answers ----------------------------------------------------------------------------------- */

/* How a person gives the scope. */
static void write_login_hint(const struct platform_sub *sub, char *out, size_t n)
{
	if (sub->wish.need->is_broadcasters)
		snprintf(out, n, "`mynah login twitch --broadcaster %s`", sub->wish.channel);
	else
		snprintf(out, n, "`mynah login twitch`");
}

/* The first of "a b|c" that the token does not have; empty when it has all. */
static struct str missing_scope(const struct platform_sub *sub)
{
	struct str rest = str_of(sub->wish.need->scopes);
	char scope[64];

	while (rest.len > 0) {
		struct str any = str_split(&rest, ' '), first = any;
		bool has_one = false;

		for (struct str left = any; left.len > 0 && !has_one;) {
			struct str one = str_split(&left, '|');

			snprintf(scope, sizeof(scope), "%.*s", STR_FMT(one));
			has_one = platform_token_has_scope(sub->session->o.token, scope);
		}
		if (!has_one)
			return str_split(&first, '|');
	}
	return (struct str){0};
}

static bool refuse_for_scope(struct platform_sub *sub)
{
	struct str scope = missing_scope(sub);
	char hint[96], why[256];

	if (scope.len == 0)
		return false;
	write_login_hint(sub, hint, sizeof(hint));
	snprintf(why, sizeof(why), "the login of %s has no scope %.*s: run %s",
		platform_token_login(sub->session->o.token), STR_FMT(scope), hint);
	sub->waits_for_token = true;
	refuse(sub, why);
	return true;
}

void platform_subs_new_token(struct platform_eventsub *s)
{
	struct platform_sub *sub;

	DL_FOREACH(s->subs, sub) {
		if (!sub->waits_for_token || missing_scope(sub).len > 0)
			continue;
		sub->waits_for_token = false;
		if (sub->state == PLATFORM_SUB_REFUSED)
			sub->state = PLATFORM_SUB_WANTED;
		sub->due_ms = 0;
	}
}

static void on_unauthorized(struct platform_sub *sub)
{
	char hint[96], why[256];

	write_login_hint(sub, hint, sizeof(hint));
	snprintf(why, sizeof(why), "Twitch did not accept the token of %s: run %s",
		platform_token_login(sub->session->o.token), hint);
	sub->waits_for_token = true;
	refuse_for_now(sub, "subscription_refused", why);
}

/* 403: a scope, or the room does not want us. */
static void on_forbidden(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	const char *login = platform_token_login(sub->session->o.token);
	char why[256];

	if (refuse_for_scope(sub))
		return;
	if (sub->wish.need->condition == PLATFORM_OF_CHANNEL_AND_MOD)
		snprintf(why, sizeof(why), "%s is no moderator of %s: the broadcaster types /mod %s",
			login, sub->wish.channel, login);
	else if (sub->wish.need->use == PLATFORM_USE_CHAT)
		snprintf(why, sizeof(why), "%s is banned or timed out in %s, or in 100 rooms already: %s",
			login, sub->wish.channel, a->message);
	else
		snprintf(why, sizeof(why), "Twitch does not allow %s this (scopes: %s): %s", login,
			sub->wish.need->scopes, a->message);
	refuse_for_now(sub, "subscription_refused", why);
}

/* 429: cost, connections or the same thing too often. */
static void on_limit(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	struct platform_eventsub *s = sub->session;
	char why[256];

	if (s->max_cost >= 0 && s->cost >= s->max_cost)
		snprintf(why, sizeof(why), "Twitch's limit of %lld channels' worth of events is spent; "
			"a channel is free once its broadcaster has logged in: "
			"`mynah login twitch --broadcaster %s`", (long long)s->max_cost,
			sub->wish.channel);
	else
		snprintf(why, sizeof(why), "over one of Twitch's limits (3 connections, %d "
			"subscriptions, cost 10): %s", PLATFORM_SUBSCRIPTIONS, a->message);
	clean(s);
	sub->is_limited = true;
	retry(sub, LIMIT_MS, why);
	log_refused(sub, "subscription_limit");
}

static void on_bad_request(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	char why[256];

	if (strstr(a->message, "session")) {
		retry(sub, RETRY_MS, a->message);
		platform_session_gone(sub->session, a->message);
		return;
	}
	snprintf(why, sizeof(why), "Twitch does not know this subscription (%s version %s): %s",
		sub->wish.need->type, sub->wish.need->version, a->message);
	refuse(sub, why);
}

static void on_created(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	struct platform_eventsub *s = sub->session;
	const struct json *one = json_at(json_get(a->body, "data"), 0);

	s->cost = json_int(a->body, "total_cost", s->cost);
	s->max_cost = json_int(a->body, "max_total_cost", s->max_cost);
	activate(sub, platform_clean_id(json_str(one, "id")));
}

static void on_unanswered(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	retry(sub, RETRY_MS, a->why && *a->why ? a->why : "no answer");
	if (sub->tries == 1)
		log_refused(sub, "subscription_unanswered");
}

static void on_answer(void *ctx, const struct platform_helix_answer *a)
{
	struct platform_sub *sub = ctx;
	struct platform_eventsub *s = sub->session;

	platform_session_enter(s);
	sub->task = NULL;
	if (a->err == 0)
		on_created(sub, a);
	else if (a->status == 409) /* there already, from a call whose answer was lost */
		activate(sub, (struct str){0});
	else if (a->status == 429)
		on_limit(sub, a);
	else if (a->status == 403)
		on_forbidden(sub, a);
	else if (a->status == 401)
		on_unauthorized(sub);
	else if (a->status >= 400 && a->status < 500)
		on_bad_request(sub, a);
	else
		on_unanswered(sub, a);
	platform_session_soon(s);
	platform_session_leave(s);
}

/* ---- Asking ------------------------------------------------------------------------------------ */

static int write_condition(const struct platform_sub *sub, struct buf *out)
{
	const char *channel = sub->wish.channel_id, *user = sub->session->user_id;

	switch (sub->wish.need->condition) {
	case PLATFORM_OF_CHANNEL:
		return buf_addf(out, "\"broadcaster_user_id\":\"%s\"", channel);
	case PLATFORM_OF_CHANNEL_AND_USER:
		return buf_addf(out, "\"broadcaster_user_id\":\"%s\",\"user_id\":\"%s\"", channel, user);
	case PLATFORM_OF_CHANNEL_AND_MOD:
		return buf_addf(out, "\"broadcaster_user_id\":\"%s\",\"moderator_user_id\":\"%s\"",
			channel, user);
	case PLATFORM_TO_CHANNEL:
		return buf_addf(out, "\"to_broadcaster_user_id\":\"%s\"", channel);
	case PLATFORM_FROM_CHANNEL:
		return buf_addf(out, "\"from_broadcaster_user_id\":\"%s\"", channel);
	case PLATFORM_OF_USER:
		return buf_addf(out, "\"user_id\":\"%s\"", user);
	}
	return ERR_INVALID;
}

static int write_body(const struct platform_sub *sub, struct buf *out)
{
	int err = buf_addf(out, "{\"type\":\"%s\",\"version\":\"%s\",\"condition\":{",
		sub->wish.need->type, sub->wish.need->version);

	if (err == 0)
		err = write_condition(sub, out);
	if (err == 0)
		err = buf_adds(out, "},\"transport\":{\"method\":\"websocket\",\"session_id\":");
	if (err == 0)
		err = json_add_string(out, str_of(sub->session->id));
	return err < 0 ? err : buf_adds(out, "}}");
}

/* May it be asked for now, as far as JOINs go? Only the chat of a room counts as one (twitch.md 2.5). */
static bool may_join(struct platform_sub *sub, int64_t now_ms)
{
	struct platform_eventsub *s = sub->session;
	int64_t wait_ms;

	if (!s->o.join || strcmp(sub->wish.need->type, "channel.chat.message") != 0)
		return true;
	wait_ms = s->o.join(s->o.ctx, now_ms);
	if (wait_ms > 0)
		wait_for(sub, wait_ms, "waiting for the budget of joins");
	else if (wait_ms < 0)
		refuse_for_now(sub, "subscription_refused", "the limit of rooms is reached");
	return wait_ms == 0;
}

static void ask(struct platform_sub *sub, int64_t now_ms)
{
	struct platform_eventsub *s = sub->session;
	struct platform_helix_call call = {.method = "POST", .path = PATH, .done = on_answer, .ctx = sub,
		.deadline_ms = PLATFORM_SUBSCRIBE_MS};
	struct buf body;

	if (refuse_for_scope(sub) || !may_join(sub, now_ms))
		return;
	buf_init(&body, BODY_BYTES);
	if (write_body(sub, &body) == 0) {
		call.body = buf_str(&body);
		sub->task = platform_helix_start(s->o.helix, &call);
	}
	buf_fini(&body);
	if (sub->task)
		sub->state = PLATFORM_SUB_ASKED;
	else
		retry(sub, RETRY_MS, "too many calls wait");
}

int64_t platform_subs_ask(struct platform_eventsub *s, int64_t now_ms)
{
	struct platform_sub *sub, *next;
	size_t active = platform_subs_count(s, PLATFORM_SUB_ACTIVE);
	size_t asked = platform_subs_count(s, PLATFORM_SUB_ASKED);

	DL_FOREACH_SAFE(s->subs, sub, next) {
		if (asked >= PLATFORM_ASK_AT_ONCE)
			return INT64_MAX; /* an answer leads back here */
		if (sub->state != PLATFORM_SUB_WANTED || sub->due_ms > now_ms)
			continue;
		if (active + asked < PLATFORM_SUBSCRIPTIONS)
			ask(sub, now_ms);
		else
			refuse(sub, "Twitch allows 300 subscriptions for one login: fewer channels, or "
				"fewer kinds of events in the triggers");
		asked += sub->state == PLATFORM_SUB_ASKED;
	}
	return platform_subs_due(s);
}

/* ---- Revocations ------------------------------------------------------------------------------- */

/* twitch.md 2.6. The rest of the statuses tell of a session that is over, which its socket tells us. */
static const struct {
	const char *status;
	bool is_for_now; /* it may be given back without anybody telling us */
	const char *why;
} revocations[] = {
	{"authorization_revoked", false, "the authorisation was taken back or the password changed: "
		"log in again with "},
	{"user_removed", false, "the account does not exist any more"},
	{"moderator_removed", true, "the account is no moderator there any more"},
	{"chat_user_banned", true, "the account was banned or timed out there"},
	{"version_removed", false, "Twitch has removed this version: a newer mynah is needed"},
	{"beta_maintenance", true, "Twitch is working on it"},
};

static struct platform_sub *find_revoked(struct platform_eventsub *s, const struct json *of)
{
	static const char *const rooms[] = {"broadcaster_user_id", "to_broadcaster_user_id",
		"from_broadcaster_user_id"};
	const struct json *condition = json_get(of, "condition");
	struct str id = json_str(of, "id"), channel = json_str(condition, rooms[0]);
	struct platform_sub *sub;

	DL_FOREACH(s->subs, sub) {
		if (sub->id[0] && str_is(id, sub->id))
			return sub;
	}
	/* One whose id we have not heard: it was there before we asked, or the answer is on its way. */
	for (size_t i = 1; i < sizeof(rooms) / sizeof(rooms[0]) && channel.len == 0; i++)
		channel = json_str(condition, rooms[i]);
	DL_FOREACH(s->subs, sub) {
		if ((sub->state == PLATFORM_SUB_ACTIVE || sub->state == PLATFORM_SUB_ASKED) &&
				!sub->id[0] && str_is(json_str(of, "type"), sub->wish.need->type) &&
				str_is(channel, sub->wish.channel_id))
			return sub;
	}
	return NULL;
}

void platform_subs_revoked(struct platform_eventsub *s, const struct json *of)
{
	struct platform_sub *sub = find_revoked(s, of);
	struct str status = json_str(of, "status");
	char hint[96], why[256];
	size_t i = 0;

	if (!sub)
		return;
	if (sub->state == PLATFORM_SUB_ASKED)
		platform_helix_cancel(sub->task);
	sub->task = NULL;
	sub->id[0] = '\0';
	while (i < sizeof(revocations) / sizeof(revocations[0]) && !str_is(status, revocations[i].status))
		i++;
	if (i == sizeof(revocations) / sizeof(revocations[0])) {
		snprintf(why, sizeof(why), "revoked: %.*s", STR_FMT(platform_clean_id(status)));
		refuse_for_now(sub, "subscription_revoked", why);
	} else if (revocations[i].is_for_now) {
		refuse_for_now(sub, "subscription_revoked", revocations[i].why);
	} else {
		write_login_hint(sub, hint, sizeof(hint));
		snprintf(why, sizeof(why), "%s%s", revocations[i].why, i == 0 ? hint : "");
		refuse(sub, why);
	}
	platform_session_soon(s);
}
