/* The wire of embeddings. What goes out is the same everywhere; what comes back is Ollama's
 * {"embeddings":[[...]]}, in order, or OpenAI's {"data":[{"index":0,"embedding":[...]}]}, in any
 * order. */
#include "provider/room.h"

#include <math.h>

struct provider_wire {
	struct buf whole;
	bool is_page;
};

int provider_embed_ask(const struct conf_provider *c, const struct provider_ask *a,
	struct buf *headers, struct buf *body)
{
	const struct prompt *p = a->prompt;
	int err = buf_adds(headers, "Accept: application/json\n");

	if (!err)
		err = provider_add_key(headers, PROVIDER_BEARER, c);
	if (!err)
		err = buf_adds(body, "{\"model\":");
	if (!err)
		err = json_add_string(body, str_of(c->model));
	if (!err)
		err = buf_adds(body, ",\"input\":[");
	for (size_t i = 0; i < p->n && !err; i++) {
		err = i > 0 ? buf_addc(body, ',') : 0;
		if (!err)
			err = json_add_string(body, p->messages[i].text);
	}
	return err ? err : buf_adds(body, "]}");
}

struct provider_wire *provider_embed_new(const char *content_type)
{
	struct provider_wire *w = mem_new(sizeof(*w));

	if (!w)
		return NULL;
	buf_init(&w->whole, PROVIDER_BODY_BYTES);
	w->is_page = provider_is_page(content_type);
	return w;
}

void provider_embed_free(struct provider_wire *w)
{
	if (!w)
		return;
	buf_fini(&w->whole);
	mem_free(w);
}

int provider_embed_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s)
{
	(void)s;
	return w->is_page ? ERR_PARSE : buf_add(&w->whole, bytes, n);
}

/* The vector of the i-th text; NULL = there is none, or two. */
static const struct json *vector_of(const struct json *v, size_t i)
{
	const struct json *list = json_get(v, "embeddings"), *found = NULL;

	if (list)
		return json_at(list, i);
	list = json_get(v, "data");
	for (size_t k = 0; k < json_count(list); k++) {
		const struct json *one = json_at(list, k);

		if (json_int(one, "index", -1) != (int64_t)i)
			continue;
		if (found)
			return NULL;
		found = json_get(one, "embedding");
	}
	return found;
}

static int add_vector(struct provider_sink *s, const struct json *vector)
{
	const size_t n = json_is_array(vector) ? json_count(vector) : 0;
	int err = 0;

	if (n == 0 || n > PROVIDER_DIMS_MAX || (s->dims > 0 && s->dims != n))
		return ERR_PARSE;
	s->dims = n;
	for (size_t i = 0; i < n && !err; i++) {
		const struct json *number = json_at(vector, i);
		const float f = (float)json_value(number);

		if (!json_is_number(number) || !isfinite(f))
			return ERR_PARSE;
		err = buf_add(&s->vectors, (const char *)&f, sizeof(f));
	}
	return err;
}

static int read_vectors(struct provider_sink *s, const struct json *v)
{
	const struct json *usage = json_get(v, "usage");
	size_t n = json_count(json_get(v, "embeddings"));
	int err = 0;

	if (n == 0)
		n = json_count(json_get(v, "data"));
	if (n != s->wanted || n > PROVIDER_EMBED_MAX)
		return ERR_PARSE;
	provider_copy(s->model, sizeof(s->model), json_str(v, "model"));
	for (size_t i = 0; i < n && !err; i++)
		err = add_vector(s, vector_of(v, i));
	if (err)
		return err;
	s->tokens_in = json_int(v, "prompt_eval_count", json_int(usage, "prompt_tokens", -1));
	s->tokens_out = s->tokens_in >= 0 ? 0 : -1;
	s->has_begun = s->is_whole = true;
	return 0;
}

int provider_embed_finish(struct provider_wire *w, struct provider_sink *s)
{
	struct json *v = NULL;
	int err = json_parse(buf_str(&w->whole), PROVIDER_BODY_BYTES, &v, NULL);

	if (!err && !json_is_object(v))
		err = ERR_PARSE;
	if (!err && !provider_error_in(v, 0, &s->error, s->message))
		err = read_vectors(s, v);
	json_free(v);
	if (!err && s->error)
		err = ERR_CLOSED;
	return err;
}
