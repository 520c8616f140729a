/* Anthropic's messages, streamed as named events (ai-providers.md 3). llama.cpp and WaddleAI serve
 * the same wire. */
#include "provider/room.h"

#include <string.h>

/* People give https://host and https://host/v1; both mean the same. */
static int add_path(struct buf *path, const char *url, const char *what)
{
	struct str base = str_of(url && *url ? url : "");

	while (base.len > 0 && base.at[base.len - 1] == '/')
		base.len--;
	const bool has_version = base.len >= 3 && memcmp(base.at + base.len - 3, "/v1", 3) == 0;

	return buf_addf(path, "%s%s", has_version ? "" : "/v1", what);
}

/* The system's texts are a member of their own, never a message. */
static int add_system(struct buf *body, const struct prompt *p)
{
	bool has_begun = false;
	int err = 0;

	for (size_t i = 0; i < p->n && !err; i++) {
		if (p->messages[i].role != PROMPT_SYSTEM)
			continue;
		err = buf_adds(body, has_begun ? ",{\"type\":\"text\",\"text\":"
					       : "\"system\":[{\"type\":\"text\",\"text\":");
		if (!err)
			err = json_add_string(body, p->messages[i].text);
		if (!err)
			err = buf_addc(body, '}');
		has_begun = true;
	}
	return err || !has_begun ? err : buf_adds(body, "],");
}

static int add_key(struct buf *headers, const struct conf_provider *c)
{
	const int err = buf_adds(headers, "anthropic-version: 2023-06-01\n");

	return err ? err : provider_add_key(headers, "x-api-key: ", c);
}

static int anthropic_list(const struct conf_provider *c, struct buf *path, struct buf *headers)
{
	const int err = add_path(path, c->url, "/models");

	return err ? err : add_key(headers, c);
}

static int anthropic_request(const struct conf_provider *c, const struct provider_ask *a,
	double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = add_path(path, c->url, "/messages");

	if (!err)
		err = buf_adds(headers, "Accept: text/event-stream, application/json\n");
	if (!err)
		err = add_key(headers, c);
	if (!err)
		err = buf_adds(body, "{\"model\":");
	if (!err)
		err = json_add_string(body, str_of(c->model));
	if (!err)
		err = buf_addf(body, ",\"stream\":true,\"max_tokens\":%lld,\"temperature\":",
			(long long)max_tokens);
	if (!err) /* its scale ends at 1 */
		err = provider_add_number(body, temperature < 1 ? temperature : 1);
	if (!err)
		err = buf_addc(body, ',');
	if (!err)
		err = add_system(body, a->prompt);
	if (!err)
		err = provider_add_messages(body, a->prompt, false);
	return err ? err : buf_addc(body, '}');
}

/* Counts are cumulative: the last one holds. Cached tokens stand beside the input, not within. */
static void read_usage(struct provider_sink *s, const struct json *usage)
{
	const int64_t in = json_int(usage, "input_tokens", -1);

	if (in >= 0)
		s->tokens_in = in + json_int(usage, "cache_creation_input_tokens", 0) +
			json_int(usage, "cache_read_input_tokens", 0);
	s->tokens_out = json_int(usage, "output_tokens", s->tokens_out);
}

static void read_stop(struct provider_sink *s, struct str reason)
{
	s->was_cut |= str_is(reason, "max_tokens") ||
		str_is(reason, "model_context_window_exceeded");
	s->was_filtered |= str_is(reason, "refusal");
}

static void read_model(struct provider_sink *s, const struct json *message)
{
	const struct str model = json_str(message, "model");

	if (model.len > 0)
		provider_copy(s->model, sizeof(s->model), model);
}

static int add_text(struct provider_sink *s, const struct json *block)
{
	const struct str text = json_str(block, "text");

	s->has_begun |= text.len > 0 || json_str(block, "thinking").len > 0;
	return buf_add_str(&s->text, text);
}

static int read_event(struct provider_sink *s, const struct json *v)
{
	const struct str type = json_str(v, "type");

	if (s->is_whole)
		return 0;
	if (str_is(type, "content_block_start"))
		return add_text(s, json_get(v, "content_block"));
	if (str_is(type, "content_block_delta"))
		return add_text(s, json_get(v, "delta"));
	if (str_is(type, "message_start")) {
		read_model(s, json_get(v, "message"));
		read_usage(s, json_get(json_get(v, "message"), "usage"));
	} else if (str_is(type, "message_delta")) {
		read_stop(s, json_str(json_get(v, "delta"), "stop_reason"));
		read_usage(s, json_get(v, "usage"));
	} else if (str_is(type, "message_stop")) {
		s->is_whole = true;
	}
	return 0; /* pings, and what does not exist yet */
}

static int read_message(struct provider_sink *s, const struct json *v)
{
	const struct json *content = json_get(v, "content");
	const struct str reason = json_str(v, "stop_reason");
	int err = 0;

	for (size_t i = 0; i < json_count(content) && !err; i++)
		err = add_text(s, json_at(content, i));
	read_model(s, v);
	read_usage(s, json_get(v, "usage"));
	read_stop(s, reason);
	s->is_whole = reason.len > 0;
	return err;
}

static int anthropic_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s)
{
	return provider_stream_feed(w, bytes, n, s, read_event);
}

static int anthropic_finish(struct provider_wire *w, struct provider_sink *s)
{
	return provider_stream_finish(w, s, read_message);
}

const struct provider_ops provider_anthropic = {
	.name = "anthropic",
	.default_url = "https://api.anthropic.com",
	.request = anthropic_request,
	.list = anthropic_list,
	.wire_new = provider_stream_new,
	.feed = anthropic_feed,
	.finish = anthropic_finish,
	.wire_free = provider_stream_free,
	.judge = provider_judge,
};
