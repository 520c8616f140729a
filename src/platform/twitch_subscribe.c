/* Subscriptions of an EventSub session: their states, asking for them, the answers. */
#include "platform/twitch_session.h"

#include <stdio.h>
#include <string.h>

#define BODY_BYTES 1024
#define RETRY_MOST_MS 60000

/* ---- States ---------------------------------------------------------------------------------- */

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

void platform_sub_log(const struct platform_sub *sub, const char *action)
{
	log_event(LOG_ERROR, "platform", action, "place", sub->session->name, "community",
		sub->wish.channel, "type", sub->wish.need->type, "result", "FAILED", "message",
		sub->why, NULL);
}

void platform_sub_refuse(struct platform_sub *sub, const char *why)
{
	set_why(sub, why);
	sub->state = PLATFORM_SUB_REFUSED;
	platform_sub_log(sub, "subscription_refused");
	tell(sub, false);
}

static void wait_for(struct platform_sub *sub, int64_t wait_ms, const char *why)
{
	set_why(sub, why);
	sub->state = PLATFORM_SUB_WANTED;
	sub->due_ms = clock_mono_ms() + wait_ms;
}

void platform_sub_refuse_for_now(struct platform_sub *sub, const char *action, const char *why)
{
	wait_for(sub, PLATFORM_SLOW_MS - (int64_t)rand_below(PLATFORM_SLOW_MS / 10), why);
	platform_sub_log(sub, action);
	tell(sub, false);
}

/* Doubles from base_ms with every try. */
static int64_t pause_ms(int64_t base_ms, unsigned tries)
{
	int64_t most_ms = RETRY_MOST_MS;

	if (tries < 16 && base_ms << tries < most_ms)
		most_ms = base_ms << tries;
	return base_ms / 2 + rand_between(0, most_ms);
}

void platform_sub_retry(struct platform_sub *sub, int64_t base_ms, const char *why)
{
	wait_for(sub, pause_ms(base_ms, sub->tries), why);
	sub->tries++;
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
	return due < s->ask_ms ? s->ask_ms : due;
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
	s->unanswered = 0;
	s->ask_ms = 0;
}

void platform_sub_remove(struct platform_eventsub *s, struct platform_sub *sub, bool is_told)
{
	DL_DELETE(s->subs, sub);
	if (sub->state == PLATFORM_SUB_ASKED)
		platform_helix_cancel(sub->task);
	if (is_told && sub->state == PLATFORM_SUB_ACTIVE)
		platform_leftover_delete(s, str_of(sub->id));
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

/* ---- Answers --------------------------------------------------------------------------------- */

static void on_created(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	struct platform_eventsub *s = sub->session;
	const struct json *one = json_at(json_get(a->body, "data"), 0);

	s->cost = json_int(a->body, "total_cost", s->cost);
	s->max_cost = json_int(a->body, "max_total_cost", s->max_cost);
	activate(sub, platform_clean_id(json_str(one, "id")));
}

/* Nobody answers one: then the others need not all be tried for it, each by its own schedule. */
static void on_unanswered(struct platform_sub *sub, const struct platform_helix_answer *a)
{
	struct platform_eventsub *s = sub->session;
	int64_t now_ms = clock_mono_ms();

	platform_sub_retry(sub, PLATFORM_RETRY_MS, a->why && *a->why ? a->why : "no answer");
	if (s->unanswered == 0)
		platform_sub_log(sub, "subscription_unanswered");
	if (now_ms < s->ask_ms)
		return;
	s->ask_ms = now_ms + pause_ms(PLATFORM_RETRY_MS, s->unanswered);
	s->unanswered++;
}

static void on_answered(struct platform_eventsub *s)
{
	struct platform_sub *sub;

	if (s->unanswered == 0)
		return;
	s->unanswered = 0;
	s->ask_ms = 0;
	DL_FOREACH(s->subs, sub) {
		if (sub->state == PLATFORM_SUB_WANTED && sub->tries > 0 && !sub->is_limited)
			sub->due_ms = 0;
	}
}

static void on_answer(void *ctx, const struct platform_helix_answer *a)
{
	struct platform_sub *sub = ctx;
	struct platform_eventsub *s = sub->session;

	platform_session_enter(s);
	sub->task = NULL;
	if (a->status > 0 && a->status < 500)
		on_answered(s);
	if (a->err == 0)
		on_created(sub, a);
	else if (a->status == 409) /* there already, from a call whose answer was lost */
		activate(sub, (struct str){0});
	else if (a->status == 429)
		platform_refused_limit(sub, a);
	else if (a->status == 403)
		platform_refused_forbidden(sub, a);
	else if (a->status == 401)
		platform_refused_unauthorized(sub);
	else if (a->status >= 400 && a->status < 500)
		platform_refused_bad_request(sub, a);
	else
		on_unanswered(sub, a);
	platform_session_soon(s);
	platform_session_leave(s);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static int write_condition(const struct platform_sub *sub, struct buf *out)
{
	const char *channel = sub->wish.channel_id, *user = sub->session->user_id;

	switch (sub->wish.need->condition) {
	case PLATFORM_OF_CHANNEL:
		return buf_addf(out, "\"broadcaster_user_id\":\"%s\"", channel);
	case PLATFORM_OF_CHANNEL_AND_USER:
		return buf_addf(
			out, "\"broadcaster_user_id\":\"%s\",\"user_id\":\"%s\"", channel, user);
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

/* May it be asked for now, as far as JOINs go? Only the chat of a room counts as one (twitch.md
 * 2.5). */
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
		platform_sub_refuse_for_now(
			sub, "subscription_refused", "the limit of rooms is reached");
	return wait_ms == 0;
}

static void ask(struct platform_sub *sub, int64_t now_ms)
{
	struct platform_eventsub *s = sub->session;
	struct platform_helix_call call = {.method = "POST",
		.path = PLATFORM_SUBSCRIPTIONS_PATH,
		.done = on_answer,
		.ctx = sub,
		.deadline_ms = PLATFORM_SUBSCRIBE_MS};
	struct buf body;

	if (platform_refused_for_scope(sub) || !may_join(sub, now_ms))
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
		platform_sub_retry(sub, PLATFORM_RETRY_MS, "too many calls wait");
}

int64_t platform_subs_ask(struct platform_eventsub *s, int64_t now_ms)
{
	struct platform_sub *sub, *next;
	size_t active = platform_subs_count(s, PLATFORM_SUB_ACTIVE);
	size_t asked = platform_subs_count(s, PLATFORM_SUB_ASKED);
	size_t at_once = s->unanswered > 0 ? 1 : PLATFORM_ASK_AT_ONCE;

	if (now_ms < s->ask_ms)
		return platform_subs_due(s);
	DL_FOREACH_SAFE(s->subs, sub, next) {
		if (asked >= at_once)
			return INT64_MAX; /* an answer leads back here */
		if (sub->state != PLATFORM_SUB_WANTED || sub->due_ms > now_ms)
			continue;
		if (active + asked < PLATFORM_SUBSCRIPTIONS)
			ask(sub, now_ms);
		else
			platform_sub_refuse(sub,
				"Twitch allows 300 subscriptions for one login: fewer channels, or "
				"fewer kinds of events in the triggers");
		asked += sub->state == PLATFORM_SUB_ASKED;
	}
	return platform_subs_due(s);
}
