/* One answer on Discord: the messages it has are made what it shall be, one call after the other.
 *
 * A reply that comes at once is the simple case of it: no message stands yet. What is streamed in
 * between is only as true as the last edit; texts that came and went while a call was under way are
 * never sent, and the final one always is (discord.md 6.3). */
#include "platform/discord_say_room.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_guild.h"

#define BODY_BYTES (32 * 1024) /* 2,000 code points, each \uXXXX\uXXXX at worst */
#define PATH_BYTES 1024
#define NONCE_BYTES 26         /* 25 characters: discord.md 6.1 */
#define CREATE_MS 20000        /* a second try fits in, whatever became of the first */
#define EDIT_MS 5000           /* of one in between: the next one is coming */
#define FINAL_MS 30000         /* of the last, without which half an answer stands there */

/* ---- What is asked --------------------------------------------------------------------------- */

/* One for each message, whatever its text: a try that is repeated says it once (discord.md 6.1). It
 * is made of what is answered, as a bot that was killed may be told that again when it resumes. */
static void make_nonce(const struct platform_saying *s, unsigned at, char out[NONCE_BYTES])
{
	char sum[SHA256_TEXT_BYTES];

	seal_sha256(str_of(s->to_id && s->to_id[0] ? s->to_id : s->turn), sum);
	snprintf(out, NONCE_BYTES, "%.22s-%u", sum, at % 10);
}

static int add_content(struct buf *out, const char *text)
{
	int err = buf_adds(out, "{\"content\":");

	return err < 0 ? err : json_add_string(out, str_of(text));
}

static int add_create(const struct platform_saying *s, const char *text, unsigned at,
	struct buf *out)
{
	bool is_reply = s->has_reference && at == 0;
	char nonce[NONCE_BYTES];
	int err = add_content(out, text);

	if (err == 0 && s->interaction)
		return buf_addf(out, ",\"allowed_mentions\":{\"parse\":[]}%s}",
			s->interaction->is_ephemeral ? ",\"flags\":64" : "");
	make_nonce(s, at, nonce);
	if (err == 0 && is_reply)
		err = buf_addf(out, ",\"message_reference\":{\"message_id\":\"%s\","
			"\"fail_if_not_exists\":false}", s->to_id);
	if (err == 0)
		err = buf_addf(out, ",\"allowed_mentions\":{\"parse\":[]%s},\"nonce\":\"%s\","
			"\"enforce_nonce\":true}", !is_reply ? "" : s->all->has_pings ?
			",\"replied_user\":true" : ",\"replied_user\":false", nonce);
	return err;
}

static int add_path(const struct platform_saying *s, struct buf *out)
{
	const struct platform_interaction *i = s->interaction;
	const char *id = s->act == PLATFORM_SAYING_CREATE ? "" : s->messages[s->at].id;

	if (i && s->act == PLATFORM_SAYING_CREATE)
		return buf_addf(out, "/webhooks/%s/%s", s->all->self, i->token);
	if (i)
		return buf_addf(out, "/webhooks/%s/%s/messages/%s", s->all->self, i->token,
			id[0] ? id : "@original");
	return buf_addf(out, "/channels/%s/messages%s%s", s->channel_id, id[0] ? "/" : "", id);
}

static int add_body(const struct platform_saying *s, const char *text, struct buf *out)
{
	int err = 0;

	if (s->act == PLATFORM_SAYING_CREATE)
		err = add_create(s, text, s->at, out);
	else if (s->act == PLATFORM_SAYING_EDIT && (err = add_content(out, text)) == 0)
		err = buf_adds(out, ",\"allowed_mentions\":{\"parse\":[]}}");
	return err;
}

static int64_t time_for(const struct platform_saying *s)
{
	int64_t left_ms = s->reply ? s->reply->dies_ms - clock_mono_ms() : CREATE_MS;

	if (s->act != PLATFORM_SAYING_CREATE)
		return s->is_final || s->is_withdrawn ? FINAL_MS : EDIT_MS;
	if (s->message_count > 0)
		return CREATE_MS; /* the rest of what has begun */
	return left_ms < 1 ? 1 : left_ms < CREATE_MS ? left_ms : CREATE_MS;
}

static void on_answer(void *ctx, const struct platform_rest_answer *a);

/* ERR_BUSY: too many calls wait. */
static int ask(struct platform_saying *s, enum platform_saying_act act, unsigned at)
{
	static const char *const methods[] = {"POST", "PATCH", "DELETE"};
	const char *text = at < s->part_count ? s->parts[at] : NULL;
	struct buf path, body;
	int err;

	s->act = act;
	s->at = at;
	buf_init(&path, PATH_BYTES);
	buf_init(&body, BODY_BYTES);
	mem_free(s->sent);
	s->sent = mem_dup(text);
	err = text && !s->sent ? ERR_NOMEM : add_path(s, &path);
	if (err == 0)
		err = add_body(s, text, &body);
	if (err == 0) {
		/* A follow-up has no nonce: whether it was said must stay open (discord.md 6.1). */
		struct platform_rest_call c = {.method = methods[act], .path = buf_text(&path),
			.body = buf_str(&body), .is_interaction = s->interaction != NULL,
			.is_once = s->interaction && act == PLATFORM_SAYING_CREATE,
			.deadline_ms = time_for(s), .done = on_answer, .ctx = s};
		s->task = platform_rest_start(s->all->o.rest, &c);
		err = s->task ? 0 : ERR_BUSY;
	}
	if (path.at)
		secret_wipe(path.at, path.len);
	buf_fini(&path);
	buf_fini(&body);
	return err;
}

/* ---- What became of it ----------------------------------------------------------------------- */

static void created(struct platform_saying *s, const struct platform_rest_answer *a)
{
	struct platform_message *m = &s->messages[s->message_count];
	struct str id = json_str(a->body, "id");

	if (platform_snowflake(id) == 0) {
		platform_saying_over(s, REASON_UNKNOWN_SENT, "no_answer");
		return;
	}
	snprintf(m->id, sizeof(m->id), "%.*s", STR_FMT(id));
	m->text = s->is_uncertain ? NULL : s->sent;
	if (!s->is_uncertain)
		s->sent = NULL;
	s->is_uncertain = false;
	s->message_count++;
}

static void edited(struct platform_saying *s)
{
	struct platform_message *m = &s->messages[s->at];

	mem_free(m->text);
	m->text = s->sent;
	s->sent = NULL;
}

static void deleted(struct platform_saying *s)
{
	struct platform_message *m = &s->messages[--s->message_count];

	mem_free(m->text);
	m->text = NULL;
	m->id[0] = '\0';
}

static void log_failure(const struct platform_saying *s, const struct platform_rest_answer *a,
	const char *advice, const char *why)
{
	log_event(LOG_INFO, "platform", "discord_not_sent", "community", s->channel_id,
		"turn", s->turn, "result", why, "message", advice ? advice : a->why, NULL);
}

/* Of a text that is not the last: what follows may mend it, unless it is a no for good. */
static void failed_in_between(struct platform_saying *s, const struct platform_rest_answer *a,
	enum reason r, const char *why)
{
	if (s->act == PLATFORM_SAYING_CREATE && r == REASON_UNKNOWN_SENT && !s->interaction) {
		s->is_uncertain = true;
	} else if (a->err == ERR_BUSY || a->err == ERR_IO || a->status == 0) {
		s->not_before_ms += a->wait_ms;
	} else {
		s->is_broken = true;
		s->reason = r;
		snprintf(s->why, sizeof(s->why), "%s", why);
	}
}

static void failed(struct platform_saying *s, const struct platform_rest_answer *a)
{
	const struct platform_rest_error *e = platform_rest_error(a->code, a->field);
	bool is_create = s->act == PLATFORM_SAYING_CREATE;
	char why[PLATFORM_CODE_BYTES];
	enum reason r = platform_saying_read(a, why);

	/* The message it answers is gone, or cannot be shown here. */
	if (is_create && s->has_reference && (e->act == PLATFORM_REST_UNTIE ||
			e->act == PLATFORM_REST_GONE)) {
		s->has_reference = false;
		return;
	}
	if (s->act == PLATFORM_SAYING_DELETE) {
		deleted(s); /* it is not to be had */
		return;
	}
	if (e->act == PLATFORM_REST_CLOSE && !s->interaction && !s->is_shut)
		platform_sayings_shut(s->all, s->channel_id, 0, a->code);
	else if (is_create && a->err == ERR_BUSY && a->wait_ms > 0 && !s->interaction)
		platform_sayings_shut(s->all, s->channel_id, a->wait_ms, a->code);
	if (s->interaction && e->act == PLATFORM_REST_GONE)
		platform_interaction_over(s->interaction);
	if (s->is_withdrawn)
		return;
	if (s->is_final)
		platform_saying_over(s, r, why);
	else
		failed_in_between(s, a, r, why);
	if (s->is_final || s->is_broken)
		log_failure(s, a, e->advice, why);
}

static void on_answer(void *ctx, const struct platform_rest_answer *a)
{
	struct platform_saying *s = ctx;

	s->task = NULL;
	s->not_before_ms = clock_mono_ms() + PLATFORM_STREAM_EDIT_MS;
	if (a->err != 0 && !(a->err == ERR_PARSE && s->act != PLATFORM_SAYING_CREATE))
		failed(s, a);
	else if (s->act == PLATFORM_SAYING_CREATE)
		created(s, a);
	else if (s->act == PLATFORM_SAYING_EDIT)
		edited(s);
	else
		deleted(s);
	s->is_shut = false;
	platform_sayings_soon(s->all);
}

/* ---- What is next ---------------------------------------------------------------------------- */

static bool is_true(const struct platform_saying *s, unsigned at)
{
	return s->messages[at].text && strcmp(s->messages[at].text, s->parts[at]) == 0;
}

/* The first message that says something else than it shall; else where the next one belongs. */
static unsigned first_false(const struct platform_saying *s)
{
	unsigned i = 0;

	while (i < s->message_count && i < s->part_count && is_true(s, i))
		i++;
	return i;
}

/* An interaction that cannot be answered: no token yet, or none any more. */
static bool is_ready(struct platform_saying *s)
{
	const struct platform_interaction *i = s->interaction;

	if (!i)
		return true;
	if (i->state == PLATFORM_INTERACTION_OVER && !s->is_over) {
		if (s->is_final || s->is_withdrawn)
			platform_saying_over(s, REASON_REFUSED, "interaction_over");
		return false;
	}
	return i->state == PLATFORM_INTERACTION_OPEN && s->all->self[0];
}

int64_t platform_saying_step(struct platform_saying *s, int64_t now_ms)
{
	unsigned at = first_false(s), kept = s->interaction ? 1 : 0;
	bool is_edit = at < s->message_count && at < s->part_count;
	bool is_create = !is_edit && at < s->part_count;
	bool is_delete = s->message_count > s->part_count && s->message_count > kept &&
		(s->is_final || s->is_withdrawn);
	int err = 0;

	if (s->is_over || s->task || (s->is_broken && !s->is_withdrawn) || !is_ready(s))
		return INT64_MAX;
	if (now_ms < s->not_before_ms && (is_edit || (is_create && !s->is_final)))
		return s->not_before_ms;
	if (is_edit)
		err = ask(s, PLATFORM_SAYING_EDIT, at);
	else if (is_create)
		err = ask(s, PLATFORM_SAYING_CREATE, at);
	else if (is_delete)
		err = ask(s, PLATFORM_SAYING_DELETE, s->message_count - 1);
	else if (s->is_final || s->is_withdrawn)
		platform_saying_over(s, REASON_NONE, "");
	if (err < 0 && s->is_final)
		platform_saying_over(s, REASON_REFUSED, "not_connected");
	return err < 0 && !s->is_final ? now_ms + PLATFORM_STREAM_EDIT_MS : INT64_MAX;
}
