/* What a no of Twitch means: to a subscription that was asked for, and when one is taken back. Each
 * is told in a sentence with what a person can do. Rules: twitch.md 2.6. */
#include "platform/twitch_session.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_MS 10000 /* first retry after a 429: what is left over counts for a minute */

/* ---- Answers --------------------------------------------------------------------------------- */

/* How a person gives the scope. */
static void write_login_hint(const struct platform_sub *sub, char *out, size_t n)
{
	if (platform_token_is_fixed(sub->session->o.token))
		snprintf(out, n, "take token: out of mynah.yaml and run `mynah login twitch`");
	else if (sub->wish.need->is_broadcasters)
		snprintf(out, n, "run `mynah login twitch --broadcaster %s`", sub->wish.channel);
	else
		snprintf(out, n, "run `mynah login twitch`");
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

bool platform_refused_for_scope(struct platform_sub *sub)
{
	struct str scope = missing_scope(sub);
	char hint[96], why[256];

	if (scope.len == 0)
		return false;
	write_login_hint(sub, hint, sizeof(hint));
	snprintf(why, sizeof(why), "the login of %s has no scope %.*s: %s",
		platform_token_login(sub->session->o.token), STR_FMT(scope), hint);
	sub->waits_for_token = true;
	platform_sub_refuse(sub, why);
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

void platform_refused_unauthorized(struct platform_sub *sub)
{
	char hint[96], why[256];

	write_login_hint(sub, hint, sizeof(hint));
	snprintf(why, sizeof(why), "Twitch did not accept the token of %s: %s",
		platform_token_login(sub->session->o.token), hint);
	sub->waits_for_token = true;
	platform_sub_refuse_for_now(sub, "subscription_refused", why);
}

/* 403: a scope, or the room does not want us. */
void platform_refused_forbidden(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	const char *login = platform_token_login(sub->session->o.token);
	char why[256];

	if (platform_refused_for_scope(sub))
		return;
	if (sub->wish.need->condition == PLATFORM_OF_CHANNEL_AND_MOD)
		snprintf(why, sizeof(why),
			"%s is no moderator of %s: the broadcaster types /mod %s", login,
			sub->wish.channel, login);
	else if (sub->wish.need->use == PLATFORM_USE_CHAT)
		snprintf(why, sizeof(why),
			"%s is banned or timed out in %s, or in 100 rooms already: %s", login,
			sub->wish.channel, a->message);
	else
		snprintf(why, sizeof(why), "Twitch does not allow %s this (scopes: %s): %s", login,
			sub->wish.need->scopes, a->message);
	platform_sub_refuse_for_now(sub, "subscription_refused", why);
}

/* 429: cost, connections or the same thing too often. */
void platform_refused_limit(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	struct platform_eventsub *s = sub->session;
	char why[256];

	if (s->max_cost >= 0 && s->cost >= s->max_cost)
		snprintf(why, sizeof(why),
			"Twitch's limit of %lld channels' worth of events is spent; "
			"a channel is free once its broadcaster has logged in: "
			"`mynah login twitch --broadcaster %s`",
			(long long)s->max_cost, sub->wish.channel);
	else
		snprintf(why, sizeof(why), "over one of Twitch's limits (3 connections, %d "
			"subscriptions, cost 10): %s", PLATFORM_SUBSCRIPTIONS, a->message);
	platform_leftovers_clean(s);
	sub->is_limited = true;
	platform_sub_retry(sub, LIMIT_MS, why);
	platform_sub_log(sub, "subscription_limit");
}

void platform_refused_bad_request(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	char why[256];

	if (strstr(a->message, "session")) {
		platform_sub_retry(sub, PLATFORM_RETRY_MS, a->message);
		platform_session_gone(sub->session, a->message);
		return;
	}
	snprintf(why, sizeof(why), "Twitch does not know this subscription (%s version %s): %s",
		sub->wish.need->type, sub->wish.need->version, a->message);
	platform_sub_refuse(sub, why);
}

/* ---- Revocations ----------------------------------------------------------------------------- */

/* twitch.md 2.6. The rest of the statuses tell of a session that is over, which its socket tells
 * us. */
static const struct {
	const char *status;
	bool is_for_now; /* it may be given back without anybody telling us */
	const char *why;
} revocations[] = {
	{"authorization_revoked", false,
		"the authorisation was taken back or the password changed: "},
	{"user_removed", false, "the account does not exist any more"},
	{"moderator_removed", true, "the account is no moderator there any more"},
	{"chat_user_banned", true, "the account was banned or timed out there"},
	{"version_removed", false, "Twitch has removed this version: a newer mynah is needed"},
	{"beta_maintenance", true, "Twitch is working on it"},
};

static struct platform_sub *find_revoked(struct platform_eventsub *s, const struct json_item *of)
{
	static const char *const rooms[] = {"broadcaster_user_id", "to_broadcaster_user_id",
		"from_broadcaster_user_id"};
	const struct json_item *condition = json_item_get(of, "condition");
	struct str id = json_item_str(of, "id"), channel = json_item_str(condition, rooms[0]);
	struct platform_sub *sub;

	DL_FOREACH(s->subs, sub) {
		if (sub->id[0] && str_is(id, sub->id))
			return sub;
	}
	/* One whose id we have not heard: it was there before we asked, or the answer is on its
	 * way. */
	for (size_t i = 1; i < sizeof(rooms) / sizeof(rooms[0]) && channel.len == 0; i++)
		channel = json_item_str(condition, rooms[i]);
	DL_FOREACH(s->subs, sub) {
		if ((sub->state == PLATFORM_SUB_ACTIVE || sub->state == PLATFORM_SUB_ASKED) &&
			!sub->id[0] && str_is(json_item_str(of, "type"), sub->wish.need->type) &&
			str_is(channel, sub->wish.channel_id))
			return sub;
	}
	return NULL;
}

void platform_subs_revoked(struct platform_eventsub *s, const struct json_item *of)
{
	struct platform_sub *sub = find_revoked(s, of);
	struct str status = json_item_str(of, "status");
	char hint[96], why[256];
	size_t i = 0;

	if (!sub)
		return;
	if (sub->state == PLATFORM_SUB_ASKED)
		platform_helix_cancel(sub->task);
	sub->task = NULL;
	sub->id[0] = '\0';
	while (i < sizeof(revocations) / sizeof(revocations[0]) &&
		!str_is(status, revocations[i].status))
		i++;
	if (i == sizeof(revocations) / sizeof(revocations[0])) {
		snprintf(why, sizeof(why), "revoked: %.*s", STR_FMT(platform_clean_id(status)));
		platform_sub_refuse_for_now(sub, "subscription_revoked", why);
	} else if (revocations[i].is_for_now) {
		platform_sub_refuse_for_now(sub, "subscription_revoked", revocations[i].why);
	} else {
		write_login_hint(sub, hint, sizeof(hint));
		snprintf(why, sizeof(why), "%s%s", revocations[i].why, i == 0 ? hint : "");
		platform_sub_refuse(sub, why);
	}
	platform_session_soon(s);
}
