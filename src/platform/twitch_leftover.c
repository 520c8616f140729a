/* What an EventSub session takes away behind itself: subscriptions that are not wanted any more,
 * and what its dead forerunners left on the server, where it counts for about a minute
 * (twitch.md 2.5). */
#include "platform/twitch_session.h"

#include <stdio.h>
#include <string.h>

#define DELETES_MOST 100    /* a page of the list */
#define URL_BYTES 256

/* ---- Errands: calls whose answer matters to nobody ------------------------------------------- */

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
void platform_leftover_delete(struct platform_eventsub *s, struct str id)
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
	snprintf(path, sizeof(path), PLATFORM_SUBSCRIPTIONS_PATH "?id=%.*s", STR_FMT(id));
	struct platform_helix_call call = {.method = "DELETE", .path = path, .done = on_errand,
		.ctx = errand};
	errand->session = s;
	errand->task = platform_helix_start(s->o.helix, &call);
	if (errand->task)
		DL_APPEND(s->errands, errand);
	else
		mem_free(errand);
}

/* ---- What dead sessions leave behind --------------------------------------------------------- */

static bool is_over(const struct platform_eventsub *s, struct str session_id)
{
	for (size_t i = 0; i < PLATFORM_SESSIONS_KEPT; i++) {
		if (s->over[i][0] && str_is(session_id, s->over[i]))
			return true;
	}
	return false;
}

/* Deleted are those that are disabled and those of sessions we had ourselves. An enabled one of a
 * session we never had may belong to a second bot that is alive: the log names it, and it is left
 * alone. */
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
		platform_leftover_delete(s, json_str(one, "id"));
		deleted++;
	}
	log_event(LOG_INFO, "platform", "eventsub_cleaned", "place", s->name,
		LOG_INT("deleted", deleted), LOG_INT("of_others", foreign), "message",
		foreign > 0 ? "another program, or this one before it was killed, holds "
			      "subscriptions of this account"
			    : "",
		NULL);
	platform_session_soon(s);
	platform_session_leave(s);
}

void platform_leftovers_clean(struct platform_eventsub *s)
{
	int64_t now_ms = clock_mono_ms();
	struct platform_helix_call call = {
		.method = "GET", .path = PLATFORM_SUBSCRIPTIONS_PATH, .done = on_list, .ctx = s};

	if (s->cleaning || (s->cleaned_ms && now_ms - s->cleaned_ms < PLATFORM_CLEAN_MS))
		return;
	s->cleaned_ms = now_ms;
	s->cleaning = platform_helix_start(s->o.helix, &call);
}
