/* The wire of vendors that stream server-sent events with one JSON object each, and that answer
 * with one object where they do not stream: what they have in common (ai-providers.md 5.1). */
#include "provider/room.h"

#include <string.h>
#include <strings.h>

struct provider_wire {
	struct provider_sse events;
	struct buf whole;           /* of an answer that is one object instead of a stream */
	struct provider_sink *sink; /* BORROWED during feed and finish */
	provider_read *read;
	bool is_page, is_object;
	bool is_over;               /* [DONE] came: what follows is not ours */
};

struct provider_wire *provider_stream_new(const char *content_type)
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

void provider_stream_free(struct provider_wire *w)
{
	if (!w)
		return;
	provider_sse_fini(&w->events);
	buf_fini(&w->whole);
	mem_free(w);
}

static int read_object(struct provider_sink *s, struct str text, provider_read *read)
{
	struct json *v = NULL;
	int err = json_parse(text, PROVIDER_LINE_BYTES, &v, NULL);

	if (!err && !json_is_object(v))
		err = ERR_PARSE;
	/* A whole answer stays whole, whatever comes after its end. */
	if (!err && (s->is_whole || !provider_error_in(v, 0, &s->error, s->message)))
		err = read(s, v);
	json_free(v);
	if (!err && s->error)
		err = ERR_CLOSED;
	return err;
}

static int on_event(void *ctx, const char *name, struct str data)
{
	struct provider_wire *w = ctx;

	(void)name; /* OpenAI names none, Anthropic's name is told by a member too */
	data = str_trim(data);
	if (w->is_over || data.len == 0)
		return 0;
	if (data.len >= 6 && memcmp(data.at, "[DONE]", 6) == 0) {
		w->is_over = true;
		return 0;
	}
	return read_object(w->sink, data, w->read);
}

int provider_stream_feed(struct provider_wire *w, const char *bytes, size_t n,
	struct provider_sink *s, provider_read *read)
{
	if (w->is_page)
		return ERR_PARSE;
	if (w->is_object)
		return buf_add(&w->whole, bytes, n);
	w->sink = s;
	w->read = read;
	return provider_sse_feed(&w->events, bytes, n, on_event, w);
}

int provider_stream_finish(struct provider_wire *w, struct provider_sink *s, provider_read *read)
{
	return w->is_object ? read_object(s, buf_str(&w->whole), read) : 0;
}
