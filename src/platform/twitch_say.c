/* Sending chat messages and whispers by REST (twitch.md 3.2): what is asked, and what became of
 * it. */
#include "platform/helix_room.h"

#include <stdio.h>
#include <string.h>

#include "platform/twitch_event.h"
#include "safety/safety.h"

#define TEXT_UNITS 500   /* twitch.md 3.2 */
#define CODE_BYTES 64    /* the longest drop code known has 26 characters */
#define SCOPE "user:write:chat"
#define WHISPER_SCOPE "user:manage:whispers"
#define WHISPER_PATH_BYTES 96 /* two ids of 20 digits */

bool platform_say_is_whisper(const struct reply *r)
{
	return strncmp(r->channel, PLATFORM_WHISPER_SIGN, strlen(PLATFORM_WHISPER_SIGN)) == 0;
}

static void say_free(struct platform_say *s)
{
	DL_DELETE(s->helix->says, s);
	reply_free(s->reply);
	mem_free(s);
}

void platform_says_free(struct platform_helix *h)
{
	struct platform_say *s, *next;

	DL_FOREACH_SAFE(h->says, s, next)
		say_free(s);
}

static void tell(struct platform_say *s, enum reason r, const char *why)
{
	struct reply *reply = s->reply;
	void (*done)(void *, const char *, enum reason, const char *) = s->done;
	void *ctx = s->ctx;

	s->reply = NULL;
	say_free(s); /* the owner may free everything */
	done(ctx, reply->turn, r, why);
	reply_free(reply);
}

void platform_says_tell(struct platform_helix *h)
{
	struct platform_say *s = h->says;

	while (s && !h->is_doomed) {
		if (!s->refused) {
			s = s->next;
			continue;
		}
		tell(s, REASON_REFUSED, s->refused);
		s = h->says;
	}
}

/* ---- What became of it
 * --------------------------------------------------------------------------- */

/* Twitch's code as we pass it on: it goes into logs and tables. */
static void read_code(const struct json *data, char out[CODE_BYTES])
{
	struct str code = json_str(json_get(data, "drop_reason"), "code");

	snprintf(out, CODE_BYTES, "%.*s", STR_FMT(code));
	for (size_t i = 0; i < code.len; i++) {
		if (code.len >= CODE_BYTES || (!ascii_is_alnum(code.at[i]) &&
				code.at[i] != '_' && code.at[i] != '-' && code.at[i] != '.'))
			code.len = 0;
	}
	if (code.len == 0)
		snprintf(out, CODE_BYTES, "dropped");
}

static enum reason read_outcome(const struct platform_helix_answer *a, char why[CODE_BYTES])
{
	const struct json *data = json_at(json_get(a->body, "data"), 0);

	why[0] = '\0';
	if (json_bool(data, "is_sent", false))
		return REASON_NONE;
	if (!json_bool(data, "is_sent", true)) {
		read_code(data, why);
		return REASON_REFUSED;
	}
	snprintf(why, CODE_BYTES, "no_answer"); /* neither: nobody knows */
	return REASON_UNKNOWN_SENT;
}

/* Of a call that did not succeed. An answer that says no is a no; one that failed, or that nobody
 * can read, may have come after the message was said (faults.md R8). */
static enum reason read_failure(const struct platform_helix_answer *a, char why[CODE_BYTES])
{
	if (a->err == ERR_CLOSED || a->err == ERR_PARSE) {
		snprintf(why, CODE_BYTES, "no_answer");
		return REASON_UNKNOWN_SENT;
	}
	if (a->status > 0) {
		snprintf(why, CODE_BYTES, "http_%d", a->status);
		return a->status >= 500 ? REASON_UNKNOWN_SENT : REASON_REFUSED;
	}
	snprintf(why, CODE_BYTES, "%s", a->err == ERR_BUSY ? "rate_limit" :
		a->err == ERR_DENIED ? "no_login" : "not_connected");
	return REASON_REFUSED;
}

static int ask(struct platform_say *s);

static void on_answer(void *ctx, const struct platform_helix_answer *a)
{
	struct platform_say *s = ctx;
	char why[CODE_BYTES];
	enum reason r;

	s->task = NULL;
	/* The message it answers is gone (twitch.md pitfall 33). */
	if (a->status == 400 && s->has_parent) {
		s->has_parent = false;
		if (ask(s) == 0)
			return;
	}
	if (a->err == 0 && platform_say_is_whisper(s->reply))
		r = REASON_NONE, why[0] = '\0'; /* 204 is all that is ever said of one */
	else
		r = a->err == 0 ? read_outcome(a, why) : read_failure(a, why);
	if (r != REASON_NONE)
		log_event(LOG_INFO, "platform", "helix_not_sent", "community", s->reply->channel,
			"turn", s->reply->turn, "result", why, "message",
			a->err == 0 ? "" : a->why, NULL);
	tell(s, r, why);
}

/* ---- What is asked --------------------------------------------------------------------------- */

static bool is_number(const char *id)
{
	size_t n = id ? strlen(id) : 0;

	return n > 0 && n <= 20 && strspn(id, "0123456789") == n;
}

static bool can_thread(const struct platform_helix *h, const struct reply *r)
{
	return h->has_threads && r->is_thread && r->to_id &&
		platform_clean_id(str_of(r->to_id)).len > 0 &&
		strncmp(r->to_id, PLATFORM_NOTICE_ID, sizeof(PLATFORM_NOTICE_ID) - 1) != 0;
}

static int add_member(struct buf *out, const char *key, const char *value)
{
	int err = buf_addf(out, "%s\"%s\":", out->len > 0 ? "," : "{", key);

	return err < 0 ? err : json_add_string(out, str_of(value));
}

/* ERR_BUSY: too many calls wait. */
static int ask(struct platform_say *s)
{
	const struct reply *r = s->reply;
	const bool is_whisper = platform_say_is_whisper(r);
	const char *own_id = platform_token_user_id(s->helix->token);
	int64_t left_ms = r->dies_ms - clock_mono_ms();
	char path[WHISPER_PATH_BYTES] = "/chat/messages";
	struct buf body;
	int err = 0;

	buf_init(&body, PLATFORM_CALL_BODY_BYTES);
	if (is_whisper)
		snprintf(path, sizeof(path), "/whispers?from_user_id=%s&to_user_id=%s", own_id,
			r->channel_id);
	else
		err = add_member(&body, "broadcaster_id", r->channel_id);
	if (err == 0 && !is_whisper)
		err = add_member(&body, "sender_id", own_id);
	if (err == 0)
		err = add_member(&body, "message", r->text);
	if (err == 0 && s->has_parent)
		err = add_member(&body, "reply_parent_message_id", r->to_id);
	if (err == 0)
		err = buf_addc(&body, '}');
	if (err == 0) {
		struct platform_helix_call c = {.method = "POST", .path = path,
			.body = buf_str(&body), .is_once = true, .done = on_answer, .ctx = s};
		c.deadline_ms = left_ms < 1 ? 1 : left_ms < PLATFORM_CALL_MS ? left_ms : 0;
		s->task = platform_helix_start(s->helix, &c);
		err = s->task ? 0 : ERR_BUSY;
	}
	buf_fini(&body);
	return err;
}

/* Why it cannot be asked for, NULL if it was. The check of the text is the wire's own, whatever
 * safety said before (law 8). */
static const char *try_ask(struct platform_say *s)
{
	const struct reply *r = s->reply;
	const struct platform_token *t = s->helix->token;
	enum platform_token_state state = platform_token_state(t);
	bool is_known = state == PLATFORM_TOKEN_VALID || state == PLATFORM_TOKEN_RENEWING;

	if (!safety_is_sayable(str_of(r->text), TEXT_UNITS))
		return "unsayable";
	if (!is_number(r->channel_id))
		return "no_channel_id";
	if (!is_known || !is_number(platform_token_user_id(t)))
		return "no_login";
	if (!platform_token_has_scope(t, platform_say_is_whisper(r) ? WHISPER_SCOPE : SCOPE))
		return "no_scope";
	s->has_parent = !platform_say_is_whisper(r) && can_thread(s->helix, r);
	return ask(s) < 0 ? "not_connected" : NULL;
}

int platform_helix_say(struct platform_helix *h, struct reply *r,
	void (*done)(void *ctx, const char *turn, enum reason why_not, const char *why), void *ctx)
{
	struct platform_say *s = h->is_doomed ? NULL : mem_new(sizeof(*s));

	if (!s) {
		reply_free(r);
		return h->is_doomed ? ERR_CLOSED : ERR_NOMEM;
	}
	s->helix = h;
	s->reply = r;
	s->done = done;
	s->ctx = ctx;
	DL_APPEND(h->says, s);
	s->refused = try_ask(s);
	if (s->refused)
		platform_helix_soon(h);
	return 0;
}
