/* OpenAI's chat completions, and the many servers that imitate them: llama.cpp, vLLM, LM Studio,
 * LiteLLM, OpenRouter; and WaddleAI, which differs in its errors (ai-providers.md 2 and 4).
 * Imitators differ in what they leave out, so every member may be absent, null or empty. */
#include "provider/room.h"

#include <string.h>

/* People give http://host:8080 and http://host:8080/v1; both mean the same. */
static int add_path(struct buf *path, const char *url, const char *what)
{
	const char *host = url ? strstr(url, "://") : NULL;
	const char *slash = host ? strchr(host + 3, '/') : NULL;

	while (slash && *slash == '/')
		slash++;
	bool is_bare = host && (!slash || !*slash);
	return buf_addf(path, "%s%s", is_bare ? "/v1" : "", what);
}

static int openai_request(const struct conf_provider *c, const struct provider_ask *a,
	double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = add_path(path, c->url, "/chat/completions");

	if (!err)
		err = buf_adds(headers, "Accept: text/event-stream, application/json\n");
	if (!err)
		err = provider_add_key(headers, PROVIDER_BEARER, c);
	if (!err)
		err = buf_adds(body, "{\"model\":");
	if (!err)
		err = json_add_string(body, str_of(c->model));
	if (!err)
		err = buf_adds(body,
			",\"stream\":true,\"stream_options\":{\"include_usage\":true},");
	if (!err)
		err = provider_add_messages(body, a->prompt, true);
	/* Reasoning models refuse max_tokens, older servers know nothing else (2.1). */
	if (!err)
		err = buf_addf(body, ",\"%s\":%lld,\"temperature\":",
			c->token_cap == 1 ? "max_completion_tokens" : "max_tokens",
			(long long)max_tokens);
	if (!err)
		err = provider_add_number(body, temperature);
	/* Not strict: that would want every field required. */
	if (!err && a->schema)
		err = buf_addf(body,
			",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
			"{\"name\":\"answer\",\"schema\":%s}}",
			a->schema);
	if (!err && a->seed > 0)
		err = buf_addf(body, ",\"seed\":%lld", (long long)a->seed);
	return err ? err : buf_addc(body, '}');
}

static int openai_list(const struct conf_provider *c, struct buf *path, struct buf *headers)
{
	const int err = add_path(path, c->url, "/models");

	return err ? err : provider_add_key(headers, PROVIDER_BEARER, c);
}

/* content is a string, null, or a list of parts of which some are text. */
static int add_content(struct provider_sink *s, const struct json *content)
{
	struct str text = json_text(content);

	s->has_begun |= text.len > 0;
	int err = buf_add_str(&s->text, text);
	for (size_t i = 0; i < json_count(content) && !err; i++) {
		text = json_str(json_at(content, i), "text");
		s->has_begun |= text.len > 0;
		err = buf_add_str(&s->text, text);
	}
	return err;
}

static void on_finish_reason(struct provider_sink *s, struct str reason)
{
	if (reason.len == 0)
		return; /* null, or "" as some write it */
	if (str_is(reason, "error")) {
		s->error = PROVIDER_SERVER; /* OpenRouter: the model behind it failed */
		provider_copy(s->message, sizeof(s->message),
			STR("the model stopped with an error"));
		return;
	}
	if (str_is(reason, "abort"))
		return; /* vLLM: cut, not ended */
	s->is_whole = true;
	s->was_cut = str_is(reason, "length");
	s->was_filtered |= str_is(reason, "content_filter");
}

/* A delta of a stream and the message of a whole answer have the same members. */
static int read_choice(struct provider_sink *s, const struct json *choice, const char *member)
{
	static const char *const hidden[] = {"reasoning", "reasoning_content", "thinking"};
	const struct json *delta = json_get(choice, member);

	if (json_int(choice, "index", 0) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		s->has_begun |= json_str(delta, hidden[i]).len > 0;
	if (json_str(delta, "refusal").len > 0)
		s->was_filtered = true;
	int err = add_content(s, json_get(delta, "content"));
	if (!err)
		on_finish_reason(s, json_str(choice, "finish_reason"));
	return err;
}

static int read_answer(struct provider_sink *s, const struct json *v, const char *member)
{
	const struct json *choices = json_get(v, "choices"), *usage = json_get(v, "usage");
	struct str model = json_str(v, "model");
	int err = 0;

	if (model.len > 0)
		provider_copy(s->model, sizeof(s->model), model);
	if (!s->is_whole)
		for (size_t i = 0; i < json_count(choices) && !err; i++)
			err = read_choice(s, json_at(choices, i), member);
	s->tokens_in = json_int(usage, "prompt_tokens", s->tokens_in);
	s->tokens_out = json_int(usage, "completion_tokens", s->tokens_out);
	return err;
}

static int read_delta(struct provider_sink *s, const struct json *v)
{
	return read_answer(s, v, "delta");
}

static int read_message(struct provider_sink *s, const struct json *v)
{
	return read_answer(s, v, "message");
}

static int openai_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s)
{
	return provider_stream_feed(w, bytes, n, s, read_delta);
}

static int openai_finish(struct provider_wire *w, struct provider_sink *s)
{
	return provider_stream_finish(w, s, read_message);
}

/* ---- Moderations: POST /v1/moderations (OpenAI API reference, 2026-08) ----------------------- */

static int moderation_request(const struct conf_provider *c, const struct provider_ask *a,
	double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = add_path(path, c->url, "/moderations");

	(void)temperature;
	(void)max_tokens;
	if (!err)
		err = buf_adds(headers, "Accept: application/json\n");
	if (!err)
		err = provider_add_key(headers, PROVIDER_BEARER, c);
	if (!err)
		err = buf_adds(body, "{\"model\":");
	if (!err)
		err = json_add_string(body, str_of(c->model));
	if (!err)
		err = buf_adds(body, ",\"input\":");
	if (!err)
		err = json_add_string(body, a->prompt->messages[a->prompt->n - 1].text);
	return err ? err : buf_addc(body, '}');
}

struct categories {
	struct buf *out;
	size_t n;
	int err;
};

static void add_category(void *ctx, const char *key, const struct json *value)
{
	struct categories *c = ctx;

	if (c->err || !json_is_true(value))
		return;
	c->err = buf_addf(c->out, "%s%s", c->n++ > 0 ? "," : "\n", key);
}

/* Told in the words of the models that judge. */
static int read_moderation(struct provider_sink *s, const struct json *v)
{
	const struct json *result = json_at(json_get(v, "results"), 0);
	const struct json *flagged = json_get(result, "flagged");
	struct categories c = {.out = &s->text};
	const bool is_flagged = json_is_true(flagged);

	provider_copy(s->model, sizeof(s->model), json_str(v, "model"));
	if (!json_is_bool(flagged))
		return ERR_PARSE;
	s->has_begun = s->is_whole = true;
	s->tokens_in = s->tokens_out = 0; /* they are free */
	c.err = buf_adds(&s->text, is_flagged ? "unsafe" : "safe");
	if (is_flagged)
		json_each(json_get(result, "categories"), add_category, &c);
	return c.err;
}

static int moderation_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s)
{
	return provider_stream_feed(w, bytes, n, s, read_moderation);
}

static int moderation_finish(struct provider_wire *w, struct provider_sink *s)
{
	return provider_stream_finish(w, s, read_moderation);
}

static const struct provider_ops moderations = {
	.name = "moderations",
	.request = moderation_request,
	.wire_new = provider_stream_new,
	.feed = moderation_feed,
	.finish = moderation_finish,
	.wire_free = provider_stream_free,
	.judge = provider_judge,
};

/* ---- Embeddings: POST /v1/embeddings (OpenAI API reference, 2026-08) ------------------------- */

static int embeddings_request(const struct conf_provider *c, const struct provider_ask *a,
	double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = add_path(path, c->url, "/embeddings");

	(void)temperature;
	(void)max_tokens;
	return err ? err : provider_embed_ask(c, a, headers, body);
}

static const struct provider_ops embeddings = {
	.name = "embeddings",
	.request = embeddings_request,
	.wire_new = provider_embed_new,
	.feed = provider_embed_feed,
	.finish = provider_embed_finish,
	.wire_free = provider_embed_free,
	.judge = provider_judge,
};

const struct provider_ops provider_openai = {
	.name = "openai",
	.moderations = &moderations,
	.embeddings = &embeddings,
	.default_url = "https://api.openai.com/v1",
	.request = openai_request,
	.list = openai_list,
	.wire_new = provider_stream_new,
	.feed = openai_feed,
	.finish = openai_finish,
	.wire_free = provider_stream_free,
	.judge = provider_judge,
};

/* ---- WaddleAI -------------------------------------------------------------------------------- */

/* Its documentation tells errors in two ways, so the status alone counts; and a 429 that names no
 * time is a budget that is spent (4.6). */
static enum provider_error waddleai_judge(int status, int64_t retry_after_ms, struct str body,
	char message[256])
{
	(void)provider_judge(status, retry_after_ms, body, message);
	return status == 429 && retry_after_ms < 0 ? PROVIDER_QUOTA : provider_judge_status(status);
}

const struct provider_ops provider_waddleai = {
	.name = "waddleai",
	.default_url = "http://127.0.0.1:8000/v1",
	.request = openai_request,
	.list = openai_list,
	.wire_new = provider_stream_new,
	.feed = openai_feed,
	.finish = openai_finish,
	.wire_free = provider_stream_free,
	.judge = waddleai_judge,
};
