/* The ledger's view of a turn: one row for each model call (spec D). A call's row waits until the
 * call after it, or the turn's end, tells what became of it. */
#include "bot/room.h"

#include <stdio.h>

#define ROW_PAYLOAD_BYTES (64 * 1024)

/* The ledger's word for how a call ended: it was taken back, replaced by the trigger's own line,
 * failed, was refused by safety, or answered. */
static const char *call_status(
	const struct turn *t, const struct turn_call *c, enum reason reason)
{
	if (c->error == PROVIDER_CANCELLED)
		return "cancelled";
	if (t->is_otherwise)
		return "fallback";
	if (c->error != PROVIDER_NONE)
		return "error";
	return reason != REASON_NONE && t->text.len == 0 ? "blocked" : "success";
}

static int add_text(struct buf *out, struct str text, int payload)
{
	struct buf clean;
	int err;

	if (payload == CONF_PAYLOAD_FULL)
		return json_add_string(out, text);
	buf_init(&clean, ROW_PAYLOAD_BYTES);
	err = safety_redact(text, &clean);
	if (!err)
		err = json_add_string(out, buf_str(&clean));
	buf_fini(&clean);
	return err;
}

/* {"messages":[{"role":...,"content":...}]} or, by default, sizes only. */
static int add_request(struct buf *out, const struct prompt *p, int payload)
{
	int err;

	if (payload == CONF_PAYLOAD_NONE || !p)
		return buf_addf(out, "{\"redacted\":true,\"bytes\":%zu,\"messages\":%zu}",
			p ? p->bytes.len : 0, p ? p->n : 0);
	err = buf_adds(out, "{\"messages\":[");
	for (size_t i = 0; i < p->n && !err; i++) {
		err = buf_addf(out, "%s{\"role\":\"%s\",\"content\":", i > 0 ? "," : "",
			prompt_role_name(p->messages[i].role));
		if (!err)
			err = add_text(out, p->messages[i].text, payload);
		if (!err)
			err = buf_addc(out, '}');
	}
	return err ? err : buf_adds(out, "]}");
}

static int add_response(struct buf *out, const struct turn_call *c, int payload)
{
	int err;

	if (payload == CONF_PAYLOAD_NONE)
		return buf_addf(out, "{\"redacted\":true,\"bytes\":%zu}", c->answer_bytes);
	err = buf_adds(out, "{\"content\":");
	if (!err)
		err = add_text(out, buf_str(&c->answer), payload);
	return err ? err : buf_addc(out, '}');
}

void bot_row_hold(struct turn *t, const struct provider_attempt *a, const struct prompt *prompt,
	const char *purpose)
{
	struct turn_call *c = &t->last;

	bot_row_write(t, REASON_PROVIDER);
	c->is_held = true;
	c->wall_ms = clock_wall_ms() - a->latency_ms;
	c->purpose = purpose;
	c->prompt = prompt;
	c->error = a->error;
	c->number++;
	c->latency_ms = a->latency_ms;
	c->first_token_ms = a->first_token_ms;
	c->tokens_in = a->tokens_in;
	c->tokens_out = a->tokens_out;
	c->cost = a->cost;
	c->answer_bytes = a->text.len;
	snprintf(c->provider, sizeof(c->provider), "%s", a->provider);
	snprintf(c->model, sizeof(c->model), "%s", a->model ? a->model : "");
	snprintf(c->message, sizeof(c->message), "%s", a->message ? a->message : "");
	buf_clear(&c->answer);
	if (t->world->conf->ledger.payload != CONF_PAYLOAD_NONE && buf_add_str(&c->answer, a->text))
		buf_clear(&c->answer);
}

void bot_row_write(struct turn *t, enum reason reason)
{
	const int payload = t->world->conf->ledger.payload;
	struct turn_call *c = &t->last;
	char id[UUID_TEXT_BYTES], user[UUID_TEXT_BYTES];
	struct buf request, response;
	int err;

	if (!c->is_held)
		return;
	c->is_held = false;
	buf_init(&request, 4 * ROW_PAYLOAD_BYTES);
	buf_init(&response, 4 * ROW_PAYLOAD_BYTES);
	seal_user_uuid(t->event->platform, t->event->user_id, user);
	err = add_request(&request, c->prompt, payload);
	if (!err && c->error == PROVIDER_NONE)
		err = add_response(&response, c, payload);
	const struct ledger_row row = {
		.id = rand_uuid7(c->wall_ms, id),
		.wall_ms = c->wall_ms,
		.request = buf_text(&request),
		.response = response.len > 0 ? buf_text(&response) : NULL,
		.latency_ms = c->latency_ms,
		.error_code = c->error == PROVIDER_NONE ? NULL : provider_error_name(c->error),
		.error_message = c->message[0] != '\0' ? c->message : NULL,
		.model_name = c->model,
		.user_id = user,
		.status = call_status(t, c, reason),
		.prompt_hash = c->prompt ? c->prompt->hash : NULL,
		.turn = t->id,
		.provider = c->provider,
		.platform = t->event->platform.at,
		.channel = t->event->channel.at,
		.trigger = t->hit.trigger->name,
		.persona = t->persona->id,
		.persona_version = t->persona->version,
		.prompt = t->asking.file ? t->asking.file->ref : NULL,
		.reason = reason_name(reason),
		.rule = *t->rule != '\0' ? t->rule : NULL,
		.purpose = c->purpose,
		.tokens_in = c->tokens_in,
		.tokens_out = c->tokens_out,
		.cost = c->cost,
		.first_token_ms = c->first_token_ms,
		.attempt = c->number,
	};
	if (!err)
		err = ledger_write(&t->bot->ledger, &row);
	if (err)
		log_event(LOG_ERROR, "ledger", "row_lost", "turn", t->id, "error", err_name(err),
			NULL);
	buf_fini(&request);
	buf_fini(&response);
}
