/* OpenAI's chat completions, and the many servers that imitate them: llama.cpp, vLLM, LM Studio,
 * LiteLLM, OpenRouter, WaddleAI (ai-providers.md 2 and 4). Imitators differ in what they leave out,
 * so every member may be absent, null or empty. */
#include "provider/room.h"

#include <string.h>
#include <strings.h>

struct provider_wire {
	struct provider_sse events;
	struct buf whole;           /* of an answer that is one object instead of a stream */
	struct provider_sink *sink; /* BORROWED during feed and finish */
	bool is_page, is_object;
	bool is_over;               /* [DONE] came: what follows is not ours */
};

/* People give http://host:8080 and http://host:8080/v1; both mean the same. */
static int add_path(struct buf *path, const char *url)
{
	const char *host = url ? strstr(url, "://") : NULL;
	const char *slash = host ? strchr(host + 3, '/') : NULL;

	while (slash && *slash == '/')
		slash++;
	bool is_bare = host && (!slash || !*slash);
	return buf_adds(path, is_bare ? "/v1/chat/completions" : "/chat/completions");
}

static int openai_request(const struct conf_provider *c, const struct provider_ask *a,
	double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = add_path(path, c->url);

	if (!err)
		err = buf_adds(headers, "Accept: text/event-stream, application/json\n");
	if (!err)
		err = provider_add_key(headers, c);
	if (!err)
		err = buf_adds(body, "{\"model\":");
	if (!err)
		err = json_add_string(body, str_of(c->model));
	if (!err)
		err = buf_adds(body,
			",\"stream\":true,\"stream_options\":{\"include_usage\":true},");
	if (!err)
		err = provider_add_messages(body, a->prompt);
	/* Reasoning models refuse max_tokens, older servers know nothing else (2.1). */
	if (!err)
		err = buf_addf(body, ",\"%s\":%lld,\"temperature\":",
			c->token_cap == 1 ? "max_completion_tokens" : "max_tokens",
			(long long)max_tokens);
	if (!err)
		err = provider_add_number(body, temperature);
	return err ? err : buf_addc(body, '}');
}

static struct provider_wire *openai_new(const char *content_type)
{
	struct provider_wire *w = mem_new(sizeof(*w));

	if (!w)
		return NULL;
	provider_sse_init(&w->events, PROVIDER_LINE_BYTES);
	buf_init(&w->whole, PROVIDER_LINE_BYTES);
	w->is_page = provider_is_page(content_type);
	w->is_object = strncasecmp(content_type, "application/json", 16) == 0;
	return w;
}

static void openai_free(struct provider_wire *w)
{
	if (!w)
		return;
	provider_sse_fini(&w->events);
	buf_fini(&w->whole);
	mem_free(w);
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

static int read_object(struct provider_sink *s, struct str text, const char *member)
{
	struct json *v = NULL;
	int err = json_parse(text, PROVIDER_LINE_BYTES, &v, NULL);

	if (!err && !json_is_object(v))
		err = ERR_PARSE;
	/* A whole answer stays whole, whatever comes between it and [DONE]. */
	if (!err && (s->is_whole || !provider_error_in(v, 0, &s->error, s->message)))
		err = read_answer(s, v, member);
	json_free(v);
	if (!err && s->error)
		err = ERR_CLOSED;
	return err;
}

static int on_event(void *ctx, const char *name, struct str data)
{
	struct provider_wire *w = ctx;

	(void)name; /* OpenAI names none; what imitators name is told by its members too */
	data = str_trim(data);
	if (w->is_over || data.len == 0)
		return 0;
	if (data.len >= 6 && memcmp(data.at, "[DONE]", 6) == 0) {
		w->is_over = true;
		return 0;
	}
	return read_object(w->sink, data, "delta");
}

static int openai_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s)
{
	if (w->is_page)
		return ERR_PARSE;
	if (w->is_object)
		return buf_add(&w->whole, bytes, n);
	w->sink = s;
	return provider_sse_feed(&w->events, bytes, n, on_event, w);
}

static int openai_finish(struct provider_wire *w, struct provider_sink *s)
{
	return w->is_object ? read_object(s, buf_str(&w->whole), "message") : 0;
}

const struct provider_ops provider_openai = {
	.name = "openai",
	.default_url = "https://api.openai.com/v1",
	.request = openai_request,
	.wire_new = openai_new,
	.feed = openai_feed,
	.finish = openai_finish,
	.wire_free = openai_free,
	.judge = provider_judge,
};
