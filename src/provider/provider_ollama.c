/* Ollama's own wire: POST /api/chat, one JSON object a line (ai-providers.md 1). */
#include "provider/room.h"

struct provider_wire {
	struct provider_ndjson lines;
	struct provider_sink *sink; /* BORROWED during feed and finish */
	bool is_page;
};

/* num_predict is always sent: without it a model may write for hours (faults.md P4). num_ctx is the
 * same in every call: another value makes the server load the model anew (1.2). */
static int add_options(struct buf *body, const struct conf_provider *c, double temperature,
	int64_t max_tokens, int64_t seed)
{
	int err = buf_adds(body, ",\"options\":{\"temperature\":");

	if (!err)
		err = provider_add_number(body, temperature);
	if (!err)
		err = buf_addf(body, ",\"num_predict\":%lld", (long long)max_tokens);
	if (!err && c->context_tokens > 0)
		err = buf_addf(body, ",\"num_ctx\":%lld", (long long)c->context_tokens);
	if (!err && seed > 0)
		err = buf_addf(body, ",\"seed\":%lld", (long long)seed);
	return err ? err : buf_addc(body, '}');
}

/* A bare number is seconds and must not be quoted; "10m" must be. */
static int add_keep_alive(struct buf *body, const char *keep_alive)
{
	int64_t seconds;

	if (!keep_alive || !*keep_alive)
		return 0;
	int err = buf_adds(body, ",\"keep_alive\":");
	if (err)
		return err;
	if (str_int(str_of(keep_alive), &seconds) == 0)
		return buf_addf(body, "%lld", (long long)seconds);
	return json_add_string(body, str_of(keep_alive));
}

static int ollama_request(const struct conf_provider *c, const struct provider_ask *a,
	double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = buf_adds(path, "/api/chat");

	if (!err)
		err = buf_adds(headers, "Accept: application/x-ndjson\n");
	if (!err)
		err = provider_add_key(
			headers, PROVIDER_BEARER, c); /* hosted models and proxies want one */
	if (!err)
		err = buf_adds(body, "{\"model\":");
	if (!err)
		err = json_add_string(body, str_of(c->model));
	if (!err)
		err = buf_adds(body, ",\"stream\":true,\"think\":false,");
	if (!err)
		err = provider_add_messages(body, a->prompt, true);
	if (!err)
		err = add_options(body, c, temperature, max_tokens, a->seed);
	if (!err)
		err = add_keep_alive(body, c->keep_alive);
	if (!err && a->schema)
		err = buf_addf(body, ",\"format\":%s", a->schema);
	return err ? err : buf_addc(body, '}');
}

static int ollama_list(const struct conf_provider *c, struct buf *path, struct buf *headers)
{
	const int err = buf_adds(path, "/api/tags");

	return err ? err : provider_add_key(headers, PROVIDER_BEARER, c);
}

static int ollama_health(const struct conf_provider *c, struct buf *path, struct buf *headers)
{
	const int err = buf_adds(path, "/api/version");

	return err ? err : provider_add_key(headers, PROVIDER_BEARER, c);
}

/* No messages: the model is loaded, with the window that questions will want (1.2). */
static int ollama_warm(const struct conf_provider *c, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = buf_adds(path, "/api/chat");

	if (!err)
		err = buf_adds(headers, "Content-Type: application/json\n");
	if (!err)
		err = provider_add_key(headers, PROVIDER_BEARER, c);
	if (!err)
		err = buf_adds(body, "{\"model\":");
	if (!err)
		err = json_add_string(body, str_of(c->model));
	if (!err)
		err = buf_adds(body, ",\"stream\":false,\"messages\":[]");
	if (!err && c->context_tokens > 0)
		err = buf_addf(body, ",\"options\":{\"num_ctx\":%lld}",
			(long long)c->context_tokens);
	if (!err)
		err = add_keep_alive(body, c->keep_alive);
	return err ? err : buf_addc(body, '}');
}

static struct provider_wire *ollama_new(const char *content_type)
{
	struct provider_wire *w = mem_new(sizeof(*w));

	if (!w)
		return NULL;
	provider_ndjson_init(&w->lines, PROVIDER_LINE_BYTES);
	w->is_page = provider_is_page(content_type);
	return w;
}

static void ollama_free(struct provider_wire *w)
{
	if (!w)
		return;
	provider_ndjson_fini(&w->lines);
	mem_free(w);
}

static void on_last(struct provider_sink *s, const struct json *v)
{
	s->is_whole = true;
	s->was_cut = str_is(json_str(v, "done_reason"), "length");
	/* Left out when zero, and a cached prompt counts zero (1.3). */
	s->tokens_in = json_int(v, "prompt_eval_count", -1);
	s->tokens_out = json_int(v, "eval_count", -1);
}

static int read_line(struct provider_sink *s, const struct json *v)
{
	const struct json *message = json_get(v, "message");
	struct str words = json_str(message, "content");
	struct str model = json_str(v, "model");

	if (model.len > 0)
		provider_copy(s->model, sizeof(s->model), model);
	if (words.len > 0 || json_str(message, "thinking").len > 0)
		s->has_begun = true;
	int err = buf_add_str(&s->text, words);
	if (!err && json_bool(v, "done", false))
		on_last(s, v);
	return err;
}

static int on_line(void *ctx, struct str text)
{
	struct provider_wire *w = ctx;
	struct provider_sink *s = w->sink;
	struct json *v = NULL;
	int err;

	if (s->is_whole)
		return 0; /* nothing that follows the end belongs to it */
	err = json_parse(text, PROVIDER_LINE_BYTES, &v, NULL);
	if (!err && !json_is_object(v))
		err = ERR_PARSE;
	if (!err && !provider_error_in(v, 0, &s->error, s->message))
		err = read_line(s, v);
	json_free(v);
	if (!err && s->error)
		err = ERR_CLOSED; /* an error line ends the stream */
	return err;
}

static int ollama_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s)
{
	if (w->is_page)
		return ERR_PARSE;
	w->sink = s;
	return provider_ndjson_feed(&w->lines, bytes, n, on_line, w);
}

static int ollama_finish(struct provider_wire *w, struct provider_sink *s)
{
	w->sink = s;
	return provider_ndjson_end(&w->lines, on_line, w);
}

/* ---- Embeddings: POST /api/embed, which answers with one object (Ollama API, 2026-08) -------- */

static int embed_request(const struct conf_provider *c, const struct provider_ask *a,
	double temperature, int64_t max_tokens, struct buf *path, struct buf *headers,
	struct buf *body)
{
	int err = buf_adds(path, "/api/embed");

	(void)temperature;
	(void)max_tokens;
	return err ? err : provider_embed_ask(c, a, headers, body);
}

static const struct provider_ops embeddings = {
	.name = "embeddings",
	.request = embed_request,
	.wire_new = provider_embed_new,
	.feed = provider_embed_feed,
	.finish = provider_embed_finish,
	.wire_free = provider_embed_free,
	.judge = provider_judge,
};

const struct provider_ops provider_ollama = {
	.name = "ollama",
	.embeddings = &embeddings,
	.default_url = "http://127.0.0.1:11434",
	.request = ollama_request,
	.list = ollama_list,
	.health = ollama_health,
	.warm = ollama_warm,
	.wire_new = ollama_new,
	.feed = ollama_feed,
	.finish = ollama_finish,
	.wire_free = ollama_free,
	.judge = provider_judge,
};
