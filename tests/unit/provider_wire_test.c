/* provider's pure parts: framing, wires, reasoning, error classes. Every vector is read whole,
 * split at every byte, and byte by byte: the split must never show. */
#include "unit.h"

#include "provider/room.h"

#define SSE "text/event-stream; charset=utf-8"
#define NDJSON "application/x-ndjson"
#define JSON   "application/json"

/* ---- Framing --------------------------------------------------------------------------------- */

/* Adds "name=data;" of each event. */
static int note_event(void *ctx, const char *name, struct str data)
{
	return buf_addf(ctx, "%s=%.*s;", name, STR_FMT(data));
}

static int note_line(void *ctx, struct str text)
{
	return buf_addf(ctx, "%.*s;", STR_FMT(text));
}

/* The events of bytes when they come as [0, a), [a, b), [b, n). */
static void read_events(const char *bytes, size_t n, size_t a, size_t b, struct buf *out)
{
	struct provider_sse s;

	provider_sse_init(&s, 1024);
	assert_int_equal(provider_sse_feed(&s, bytes, a, note_event, out), 0);
	assert_int_equal(provider_sse_feed(&s, bytes + a, b - a, note_event, out), 0);
	assert_int_equal(provider_sse_feed(&s, bytes + b, n - b, note_event, out), 0);
	provider_sse_fini(&s);
}

static void test_sse_reads_as_whatwg_says_at_every_split(void **state)
{
	static const struct {
		const char *bytes, *events;
	} cases[] = {
		{"data: a\n\n", "=a;"},
		{"\xef\xbb\xbf" "data: a\n\n", "=a;"},
		{"data: a\n\n\xef\xbb\xbf" "data: b\n\n", "=a;"}, /* a BOM only at the start */
		{"data: a\r\n\r\ndata: b\r\rdata: c\n\n", "=a;=b;=c;"},
		{"data: a\r\ndata: b\r\n\r\ndata: c\rdata: d\r\r", "=a\nb;=c\nd;"},
		{"data: a\r\n\ndata: b\n\r\n", "=a;=b;"},
		{"data:a\n\ndata:  b\n\n", "=a;= b;"},
		{"data: a\ndata: b\n\n", "=a\nb;"},
		{"data\n\n", "=;"},
		{"data\ndata\n\n", "=\n;"},
		{": ping\n\n: OPENROUTER PROCESSING\n\ndata: a\n\n", "=a;"},
		{"event: ping\n\ndata: a\n\n", "=a;"},
		{"event: ping\ndata: a\n\ndata: b\n\n", "ping=a;=b;"},
		{"id: 1\nretry: 5\nfoo: bar\nfoo\ndata: a\n\n", "=a;"},
		{"data: a:b: c\n\n", "=a:b: c;"},
		{"data: a\n\ndata: not closed\n", "=a;"},
		{"data: a\n\ndata: not closed", "=a;"},
		{"\n\n\n", ""},
		{"data: \xf0\x9f\x98\x80\n\n", "=\xf0\x9f\x98\x80;"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].bytes);
		for (size_t a = 0; a <= n; a++)
			for (size_t b = a; b <= n; b++) {
				struct buf out;
				buf_init(&out, 1024);
				read_events(cases[i].bytes, n, a, b, &out);
				assert_string_equal(buf_text(&out), cases[i].events);
				buf_fini(&out);
			}
	}
}

static void test_sse_bounds_lines_and_events(void **state)
{
	struct provider_sse s;
	struct buf out;
	int err = 0;

	(void)state;
	buf_init(&out, 1024);
	provider_sse_init(&s, 64);
	for (int i = 0; i < 100 && !err; i++)
		err = provider_sse_feed(&s, "x", 1, note_event, &out);
	assert_int_equal(err, ERR_LIMIT);
	provider_sse_fini(&s);

	provider_sse_init(&s, 64);
	err = 0;
	for (int i = 0; i < 100 && !err; i++)
		err = provider_sse_feed(&s, "data: abcd\n", 11, note_event, &out);
	assert_int_equal(err, ERR_LIMIT);
	provider_sse_fini(&s);
	buf_fini(&out);
}

static void test_ndjson_reads_lines_at_every_split(void **state)
{
	static const char bytes[] = "\xef\xbb\xbf{1}\r\n\n\r\n {2}\n{3}";
	const size_t n = sizeof(bytes) - 1;

	(void)state;
	for (size_t a = 0; a <= n; a++) {
		struct provider_ndjson l;
		struct buf out;
		buf_init(&out, 1024);
		provider_ndjson_init(&l, 16);
		assert_int_equal(provider_ndjson_feed(&l, bytes, a, note_line, &out), 0);
		assert_int_equal(provider_ndjson_feed(&l, bytes + a, n - a, note_line, &out), 0);
		assert_string_equal(buf_text(&out), "{1};{2};");
		assert_int_equal(provider_ndjson_end(&l, note_line, &out), 0);
		assert_string_equal(buf_text(&out), "{1};{2};{3};");
		assert_int_equal(
			provider_ndjson_feed(&l, "0123456789abcdefg", 17, note_line, &out),
			ERR_LIMIT);
		provider_ndjson_fini(&l);
		buf_fini(&out);
	}
}

/* ---- Wires ----------------------------------------------------------------------------------- */

struct wire_case {
	const char *what;
	const struct provider_ops *ops;
	const char *type;           /* NULL = the wire's own */
	const char *bytes, *text;
	int err;                    /* of the first feed or finish that failed */
	enum provider_error error;
	bool is_whole, was_cut, was_filtered, has_begun;
	int64_t in, out;            /* tokens; 0 = not told */
};

static void sink_init(struct provider_sink *s)
{
	memset(s, 0, sizeof(*s));
	s->tokens_in = s->tokens_out = -1;
	buf_init(&s->text, PROVIDER_TEXT_BYTES);
}

static int read_pieces(const struct wire_case *c, size_t n, size_t a, size_t step,
	struct provider_sink *s)
{
	const char *own = c->ops == &provider_ollama ? NDJSON : SSE;
	struct provider_wire *w = c->ops->wire_new(c->type ? c->type : own);
	int err = c->ops->feed(w, c->bytes, a, s);

	for (size_t at = a; at < n && !err; at += step)
		err = c->ops->feed(w, c->bytes + at, at + step < n ? step : n - at, s);
	if (!err)
		err = c->ops->finish(w, s);
	c->ops->wire_free(w);
	return err;
}

static void check_wire(const struct wire_case *c, size_t n, size_t a, size_t step)
{
	struct provider_sink s;

	sink_init(&s);
	int err = read_pieces(c, n, a, step, &s);
	if (err != c->err || s.error != c->error || s.is_whole != c->is_whole ||
		s.was_cut != c->was_cut || s.was_filtered != c->was_filtered ||
		s.has_begun != c->has_begun || !str_is(buf_str(&s.text), c->text) ||
		s.tokens_in != (c->in ? c->in : -1) || s.tokens_out != (c->out ? c->out : -1))
		fail_msg("%s, split at %zu then every %zu: err %d error %s whole %d cut %d "
			"filtered %d begun %d text \"%s\" tokens %d/%d", c->what, a, step, err,
			provider_error_name(s.error), s.is_whole, s.was_cut, s.was_filtered,
			s.has_begun, buf_text(&s.text), (int)s.tokens_in, (int)s.tokens_out);
	buf_fini(&s.text);
}

#define CHUNK(delta, finish)                                                                       \
	"data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"m1\",\"choices\":["  \
	"{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define SAY(text) CHUNK("{\"content\":\"" text "\"}", "null")
#define STOP CHUNK("{}", "\"stop\"")
#define DONE "data: [DONE]\n\n"
#define USAGE "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n"
#define OPENAI .ops = &provider_openai
#define OLLAMA .ops = &provider_ollama
#define ANTHROPIC .ops = &provider_anthropic
#define EVENT(name, members)                                                                       \
	"event: " name "\ndata: {\"type\":\"" name "\"," members "}\n\n"
#define START EVENT("message_start",                                                               \
	"\"message\":{\"model\":\"m1\",\"content\":[],\"usage\":"                                  \
	"{\"input_tokens\":12,\"output_tokens\":1}}")
#define BLOCK EVENT("content_block_start",                                                         \
	"\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
#define TEXT(words) EVENT("content_block_delta",                                                   \
	"\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" words "\"}")
#define PING EVENT("ping", "\"x\":0")
#define DELTA(reason) EVENT("message_delta", "\"delta\":{\"stop_reason\":\"" reason                \
	"\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":5}")
#define END(reason) DELTA(reason) EVENT("message_stop", "\"x\":0")
#define WORDS .has_begun = true
#define WHOLE .has_begun = true, .is_whole = true
#define LINE(text) "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"" text \
	"\"},\"done\":false}\n"
#define LAST(reason) "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true," \
	"\"done_reason\":\"" reason "\"}\n"

static const struct wire_case wires[] = {
	{.what = "openai: a plain stream", OPENAI, WHOLE, .in = 7, .out = 2, .text = "Hi there",
		.bytes = CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")
			SAY("Hi") SAY(" there") STOP USAGE DONE},
	{.what = "openai: null content first, as llama.cpp", OPENAI, WHOLE, .text = "Hi",
		.bytes = CHUNK("{\"role\":\"assistant\",\"content\":null}", "null") SAY("Hi") STOP
			DONE},
	{.what = "openai: usage null on the way, finish with content", OPENAI, WHOLE,
		.text = "Hi!", .bytes = "data: {\"usage\":null,\"choices\":[{\"delta\":"
			"{\"content\":\"Hi\"}}]}\n\n"
			CHUNK("{\"content\":\"!\"}", "\"stop\"") DONE},
	{.what = "openai: whole without [DONE]", OPENAI, WHOLE, .text = "Hi",
		.bytes = SAY("Hi") STOP},
	{.what = "openai: no finish_reason is not whole, [DONE] or not", OPENAI, WORDS,
		.text = "Hi", .bytes = SAY("Hi") DONE},
	{.what = "openai: cut", OPENAI, WORDS, .text = "Hi", .bytes = SAY("Hi")},
	{.what = "openai: the finish chunk was not closed", OPENAI, WORDS, .text = "Hi",
		.bytes = SAY("Hi") "data: {\"choices\":[{\"delta\":{},"
			"\"finish_reason\":\"stop\"}]}"},
	{.what = "openai: [DONE] with trailing spaces, JSON after it", OPENAI, WHOLE,
		.text = "Hi", .bytes = SAY("Hi") STOP "data: [DONE]  \n\n" SAY("not ours")
			"data: neither\n\n"},
	{.what = "openai: words after the finish are not ours", OPENAI, WHOLE, .text = "Hi",
		.bytes = SAY("Hi") STOP SAY(" more") DONE},
	{.what = "openai: empty finish_reason is none", OPENAI, WORDS, .text = "Hi",
		.bytes = CHUNK("{\"content\":\"Hi\"}", "\"\"") DONE},
	{.what = "openai: length", OPENAI, WHOLE, .was_cut = true, .text = "Hi",
		.bytes = CHUNK("{\"content\":\"Hi\"}", "\"length\"") DONE},
	{.what = "openai: content_filter", OPENAI, WHOLE, .was_filtered = true, .text = "Hi",
		.bytes = CHUNK("{\"content\":\"Hi\"}", "\"content_filter\"") DONE},
	{.what = "openai: refusal", OPENAI, .is_whole = true, .was_filtered = true, .text = "",
		.bytes = CHUNK("{\"content\":null,\"refusal\":\"I can't\"}", "\"stop\"") DONE},
	{.what = "openai: abort is not an end", OPENAI, WORDS, .text = "Hi",
		.bytes = CHUNK("{\"content\":\"Hi\"}", "\"abort\"") DONE},
	{.what = "openai: finish_reason error", OPENAI, .text = "", .err = ERR_CLOSED,
		.error = PROVIDER_SERVER, .bytes = CHUNK("{}", "\"error\"") DONE},
	{.what = "openai: error object in the stream", OPENAI, WORDS, .text = "Hi",
		.err = ERR_CLOSED, .error = PROVIDER_SERVER,
		.bytes = SAY("Hi") "data: {\"error\":{\"message\":\"boom\"}}\n\n" STOP DONE},
	{.what = "openai: 200 with a status in its error", OPENAI, .text = "", .err = ERR_CLOSED,
		.error = PROVIDER_RATE_LIMIT,
		.bytes = "data: {\"error\":{\"code\":429,\"message\":\"slow\"}}\n\n"},
	{.what = "openai: reasoning is not text", OPENAI, WHOLE, .text = "Hi",
		.bytes = CHUNK("{\"reasoning_content\":\"hm\",\"reasoning\":\"hm\"}", "null")
			SAY("Hi") STOP DONE},
	{.what = "openai: only reasoning", OPENAI, WHOLE, .was_cut = true, .text = "",
		.bytes = CHUNK("{\"reasoning\":\"hm\"}", "null") CHUNK("{}", "\"length\"") DONE},
	{.what = "openai: content in parts", OPENAI, WHOLE, .text = "Hi!",
		.bytes = CHUNK("{\"content\":[{\"type\":\"text\",\"text\":\"Hi\"},"
			"{\"type\":\"thinking\",\"thinking\":[]},"
			"{\"type\":\"text\",\"text\":\"!\"}]}", "\"stop\"") DONE},
	{.what = "openai: only the first choice", OPENAI, WHOLE, .text = "Hi",
		.bytes = "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}},"
			"{\"index\":0,\"delta\":{\"content\":\"Hi\"},"
			"\"finish_reason\":\"stop\"}]}\n\n"},
	{.what = "openai: ping events and comments", OPENAI, WHOLE, .text = "Hi",
		.bytes = ": hello\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
			SAY("Hi") STOP DONE},
	{.what = "openai: not JSON", OPENAI, .text = "", .err = ERR_PARSE,
		.bytes = "data: {\"choices\":[\n\n" STOP},
	{.what = "openai: an array", OPENAI, .text = "", .err = ERR_PARSE,
		.bytes = "data: []\n\n"},
	{.what = "openai: duplicate keys", OPENAI, .text = "", .err = ERR_PARSE,
		.bytes = "data: {\"choices\":[],\"choices\":[]}\n\n"},
	{.what = "openai: surrogate pair and emoji", OPENAI, WHOLE,
		.text = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
		.bytes = SAY("\\ud83d\\ude00") SAY("\xf0\x9f\x98\x80") STOP DONE},
	{.what = "openai: members of any type", OPENAI, .text = "",
		.bytes = "data: {\"choices\":7,\"usage\":[],\"model\":{}}\n\n"
			"data: {\"choices\":[7,null,{\"delta\":[],\"finish_reason\":{}}]}\n\n"},
	{.what = "openai: a whole answer instead of a stream", OPENAI, WHOLE, .type = JSON,
		.text = "Hi", .in = 3, .out = 1,
		.bytes = "{\"model\":\"m1\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
			"\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],"
			"\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}"},
	{.what = "openai: an error instead of a stream", OPENAI, .type = JSON, .text = "",
		.err = ERR_CLOSED, .error = PROVIDER_QUOTA,
		.bytes = "{\"error\":{\"message\":\"pay\",\"code\":\"insufficient_quota\"}}"},
	{.what = "openai: half an answer", OPENAI, .type = JSON, .text = "", .err = ERR_PARSE,
		.bytes = "{\"choices\":[{\"message\":{\"content\":\"Hi\"}"},
	{.what = "openai: nothing", OPENAI, .text = "", .bytes = ""},
	{.what = "openai: a page", OPENAI, .type = "text/html", .text = "", .err = ERR_PARSE,
		.bytes = "<html>data: x</html>"},

	{.what = "waddleai: reads as openai does", .ops = &provider_waddleai, WHOLE, .in = 7,
		.out = 2, .text = "Hi there", .bytes = SAY("Hi") SAY(" there") STOP
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
			"\"completion_tokens\":2,\"waddleai_tokens\":11,"
			"\"waddleai\":{\"tokens_saved\":3}}}\n\n" DONE},

	{.what = "anthropic: a plain stream", ANTHROPIC, WHOLE, .in = 12, .out = 5,
		.text = "Hi there", .bytes = START BLOCK TEXT("Hi") PING TEXT(" there")
			EVENT("content_block_stop", "\"index\":0") END("end_turn")},
	{.what = "anthropic: words with the block's start", ANTHROPIC, WHOLE, .in = 12, .out = 5,
		.text = "Hi!", .bytes = START EVENT("content_block_start",
			"\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Hi\"}")
			TEXT("!") END("end_turn")},
	{.what = "anthropic: without message_stop it is not whole", ANTHROPIC, WORDS, .in = 12,
		.out = 5, .text = "Hi", .bytes = START BLOCK TEXT("Hi") DELTA("end_turn")},
	{.what = "anthropic: cut", ANTHROPIC, WORDS, .in = 12, .out = 1, .text = "Hi",
		.bytes = START BLOCK TEXT("Hi")},
	{.what = "anthropic: [DONE] is not an end of its", ANTHROPIC, WORDS, .in = 12, .out = 1,
		.text = "Hi", .bytes = START BLOCK TEXT("Hi") DONE},
	{.what = "anthropic: max_tokens", ANTHROPIC, WHOLE, .was_cut = true, .in = 12, .out = 5,
		.text = "Hi", .bytes = START BLOCK TEXT("Hi") END("max_tokens")},
	{.what = "anthropic: the window is full", ANTHROPIC, WHOLE, .was_cut = true, .in = 12,
		.out = 5, .text = "Hi",
		.bytes = START BLOCK TEXT("Hi") END("model_context_window_exceeded")},
	{.what = "anthropic: refusal", ANTHROPIC, .is_whole = true, .was_filtered = true, .in = 12,
		.out = 5, .text = "", .bytes = START END("refusal")},
	{.what = "anthropic: thinking is not text", ANTHROPIC, WHOLE, .in = 12, .out = 5,
		.text = "Hi", .bytes = START EVENT("content_block_delta",
			"\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
			EVENT("content_block_delta", "\"index\":0,\"delta\":"
			"{\"type\":\"signature_delta\",\"signature\":\"x\"}")
			BLOCK TEXT("Hi") END("end_turn")},
	{.what = "anthropic: tools and what does not exist yet", ANTHROPIC, WHOLE, .in = 12,
		.out = 5, .text = "Hi", .bytes = START EVENT("content_block_delta",
			"\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}")
			EVENT("message_future", "\"text\":\"no\"")
			BLOCK TEXT("Hi") END("end_turn")},
	{.what = "anthropic: an error under 200", ANTHROPIC, WORDS, .in = 12, .out = 1,
		.text = "Hi", .err = ERR_CLOSED, .error = PROVIDER_SERVER,
		.bytes = START BLOCK TEXT("Hi") EVENT("error",
			"\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}")
			END("end_turn")},
	{.what = "anthropic: words after the end are not its", ANTHROPIC, WHOLE, .in = 12,
		.out = 5, .text = "Hi",
		.bytes = START BLOCK TEXT("Hi") END("end_turn") TEXT(" no")},
	{.what = "anthropic: cached tokens are counted in", ANTHROPIC, WHOLE, .in = 60, .out = 3,
		.text = "Hi", .bytes = EVENT("message_start", "\"message\":{\"usage\":"
			"{\"input_tokens\":10,\"cache_creation_input_tokens\":20,"
			"\"cache_read_input_tokens\":30,\"output_tokens\":1}}")
			BLOCK TEXT("Hi") EVENT("message_delta",
			"\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}")
			EVENT("message_stop", "\"x\":0")},
	{.what = "anthropic: members of any type", ANTHROPIC, .text = "",
		.bytes = EVENT("message_start", "\"message\":[7]")
			EVENT("content_block_delta", "\"delta\":\"x\"")
			EVENT("message_delta", "\"delta\":null,\"usage\":\"many\"")},
	{.what = "anthropic: not JSON", ANTHROPIC, .in = 12, .out = 1, .text = "",
		.err = ERR_PARSE, .bytes = START "event: content_block_delta\ndata: {\n\n"},
	{.what = "anthropic: a whole answer instead of a stream", ANTHROPIC, WHOLE, .type = JSON,
		.in = 3, .out = 1, .text = "Hi!", .bytes = "{\"type\":\"message\",\"model\":\"m\","
			"\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},"
			"{\"type\":\"text\",\"text\":\"Hi\"},{\"type\":\"text\",\"text\":\"!\"}],"
			"\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3,"
			"\"output_tokens\":1}}"},
	{.what = "anthropic: a whole answer that did not end", ANTHROPIC, WORDS, .type = JSON,
		.text = "Hi", .bytes = "{\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}],"
			"\"stop_reason\":null}"},
	{.what = "anthropic: an error instead of a stream", ANTHROPIC, .type = JSON, .text = "",
		.err = ERR_CLOSED, .error = PROVIDER_QUOTA,
		.bytes = "{\"type\":\"error\",\"error\":{\"type\":\"billing_error\","
			"\"message\":\"pay\"}}"},
	{.what = "anthropic: nothing", ANTHROPIC, .text = "", .bytes = ""},
	{.what = "anthropic: a page", ANTHROPIC, .type = "text/html", .text = "",
		.err = ERR_PARSE, .bytes = "<html>data: x</html>"},

	{.what = "ollama: a plain stream", OLLAMA, WHOLE, .text = "Hi there", .in = 5, .out = 2,
		.bytes = LINE("Hi") LINE(" there")
			"{\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":5,"
			"\"eval_count\":2}\n"},
	{.what = "ollama: CRLF, blank lines, no last LF", OLLAMA, WHOLE, .text = "Hi",
		.bytes = LINE("Hi") "\r\n\n{\"done\":true}"},
	{.what = "ollama: cut", OLLAMA, WORDS, .text = "Hi", .bytes = LINE("Hi")},
	{.what = "ollama: cut within a line", OLLAMA, WORDS, .text = "Hi", .err = ERR_PARSE,
		.bytes = LINE("Hi") "{\"message\":{\"cont"},
	{.what = "ollama: length", OLLAMA, WHOLE, .was_cut = true, .text = "Hi",
		.bytes = LINE("Hi") LAST("length")},
	{.what = "ollama: only loaded", OLLAMA, .is_whole = true, .text = "",
		.bytes = LAST("load")},
	{.what = "ollama: an error line under 200", OLLAMA, WORDS, .text = "Hi",
		.err = ERR_CLOSED, .error = PROVIDER_SERVER,
		.bytes = LINE("Hi") "{\"error\":\"an error was encountered\"}\n" LAST("stop")},
	{.what = "ollama: out of memory", OLLAMA, .text = "", .err = ERR_CLOSED,
		.error = PROVIDER_OOM,
		.bytes = "{\"error\":\"model requires more system memory (8 GiB) than is "
			"available\"}\n"},
	{.what = "ollama: thinking is not text", OLLAMA, WHOLE, .text = "Hi",
		.bytes = "{\"message\":{\"content\":\"\",\"thinking\":\"hm\"}}\n" LINE("Hi")
			LAST("stop")},
	{.what = "ollama: lines after the end are not ours", OLLAMA, WHOLE, .text = "Hi",
		.bytes = LINE("Hi") LAST("stop") LINE("more") "junk\n"},
	{.what = "ollama: a bad line", OLLAMA, WORDS, .text = "Hi", .err = ERR_PARSE,
		.bytes = LINE("Hi") "junk\n" LAST("stop")},
	{.what = "ollama: a page", OLLAMA, .type = "text/html; charset=x", .text = "",
		.err = ERR_PARSE, .bytes = "<html>\n</html>\n"},
};

static void test_wires_read_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wires); i++) {
		size_t n = strlen(wires[i].bytes);
		for (size_t a = 0; a <= n; a++)
			check_wire(&wires[i], n, a, n + 1);
		check_wire(&wires[i], n, 0, 1);
		check_wire(&wires[i], n, 0, 3);
	}
}

/* Feeds piece until it is refused or `most` times; gives the error. */
static int flood(const struct provider_ops *ops, const char *type, const char *piece, size_t most,
	struct provider_sink *s)
{
	struct provider_wire *w = ops->wire_new(type);
	int err = 0;

	sink_init(s);
	for (size_t i = 0; i < most && !err; i++)
		err = ops->feed(w, piece, strlen(piece), s);
	ops->wire_free(w);
	return err;
}

static void test_wires_end_what_never_ends(void **state)
{
	static const struct {
		const struct provider_ops *ops;
		const char *type, *piece;
	} cases[] = {
		{&provider_openai, SSE, SAY("0123456789abcdef0123456789abcdef")},
		{&provider_openai, SSE, "data: 0123456789abcdef0123456789abcdef"},
		{&provider_openai, SSE, "data: 0123456789abcdef0123456789abcdef\n"},
		{&provider_openai, JSON, "{\"a\":[[[[[[[[[[[[[[[[["},
		{&provider_anthropic, SSE, TEXT("0123456789abcdef0123456789abcdef")},
		{&provider_anthropic, JSON, "{\"a\":[[[[[[[[[[[[[[[[["},
		{&provider_ollama, NDJSON, LINE("0123456789abcdef0123456789abcdef")},
		{&provider_ollama, NDJSON, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct provider_sink s;
		assert_int_equal(
			flood(cases[i].ops, cases[i].type, cases[i].piece, 20000, &s), ERR_LIMIT);
		assert_true(s.text.len <= PROVIDER_TEXT_BYTES);
		buf_fini(&s.text);
	}
}

static void test_deep_nesting_is_refused(void **state)
{
	struct provider_sink s;
	struct buf deep;

	(void)state;
	buf_init(&deep, 64 * 1024);
	assert_int_equal(buf_adds(&deep, "data: {\"choices\":"), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf_addc(&deep, '['), 0);
	assert_int_equal(buf_adds(&deep, "\n\n"), 0);
	int err = flood(&provider_openai, SSE, buf_text(&deep), 1, &s);
	assert_true(err == ERR_PARSE || err == ERR_LIMIT);
	buf_fini(&s.text);
	buf_fini(&deep);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void check_request(const struct provider_ops *ops, const struct conf_provider *c,
	const char *path, const char *body)
{
	struct prompt_message said[] = {
		{PROMPT_SYSTEM, STR("You are \"M\".")},
		{PROMPT_USER, STR("hi\n\xf0\x9f\x98\x80")},
	};
	struct prompt prompt = {.messages = said, .n = 2};
	struct provider_ask ask = {.prompt = &prompt};
	struct buf p, h, b;

	buf_init(&p, 1000);
	buf_init(&h, 1000);
	buf_init(&b, 10000);
	assert_int_equal(ops->request(c, &ask, 0.7, 120, &p, &h, &b), 0);
	assert_string_equal(buf_text(&p), path);
	assert_string_equal(buf_text(&b), body);
	assert_null(strstr(buf_text(&h), "Authorization"));
	buf_fini(&p);
	buf_fini(&h);
	buf_fini(&b);
}

#define MESSAGES "\"messages\":[{\"role\":\"system\",\"content\":\"You are \\\"M\\\".\"}," \
	"{\"role\":\"user\",\"content\":\"hi\\n\xf0\x9f\x98\x80\"}]"

static void test_requests_are_what_the_sheets_say(void **state)
{
	struct conf_provider ollama = {.model = (char *)"m:1b", .context_tokens = 4096,
		.keep_alive = (char *)"10m"};
	struct conf_provider openai = {.model = (char *)"m", .url = (char *)"http://127.0.0.1:1"};

	(void)state;
	check_request(&provider_ollama, &ollama, "/api/chat",
		"{\"model\":\"m:1b\",\"stream\":true,\"think\":false," MESSAGES
		",\"options\":{\"temperature\":0.700,\"num_predict\":120,\"num_ctx\":4096},"
		"\"keep_alive\":\"10m\"}");
	ollama.keep_alive = (char *)"-1";
	ollama.context_tokens = 0;
	check_request(&provider_ollama, &ollama, "/api/chat",
		"{\"model\":\"m:1b\",\"stream\":true,\"think\":false," MESSAGES
		",\"options\":{\"temperature\":0.700,\"num_predict\":120},\"keep_alive\":-1}");
	check_request(&provider_openai, &openai, "/v1/chat/completions",
		"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
		MESSAGES ",\"max_tokens\":120,\"temperature\":0.700}");
	openai.url = (char *)"http://127.0.0.1:1/openai/v1/";
	openai.token_cap = 1;
	check_request(&provider_openai, &openai, "/chat/completions",
		"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
		MESSAGES ",\"max_completion_tokens\":120,\"temperature\":0.700}");
}

static void test_anthropic_has_its_own_place_for_the_system(void **state)
{
	struct conf_provider c = {.model = (char *)"m", .url = (char *)"http://127.0.0.1:1/"};
	const char *body = "{\"model\":\"m\",\"stream\":true,\"max_tokens\":120,"
		"\"temperature\":0.700,\"system\":[{\"type\":\"text\",\"text\":\"You are "
		"\\\"M\\\".\"}],\"messages\":[{\"role\":\"user\",\"content\":\"hi\\n"
		"\xf0\x9f\x98\x80\"}]}";

	(void)state;
	check_request(&provider_anthropic, &c, "/v1/messages", body);
	c.url = (char *)"http://127.0.0.1:1/v1/";
	check_request(&provider_anthropic, &c, "/messages", body);
}

static void test_keys_go_where_each_vendor_looks(void **state)
{
	static const struct {
		const struct provider_ops *ops;
		const char *line;
	} cases[] = {
		{&provider_ollama, "Authorization: Bearer k-123\n"},
		{&provider_openai, "Authorization: Bearer k-123\n"},
		{&provider_waddleai, "Authorization: Bearer k-123\n"},
		{&provider_anthropic, "x-api-key: k-123\n"},
	};
	struct prompt_message said = {PROMPT_USER, STR("hi")};
	struct prompt prompt = {.messages = &said, .n = 1};
	struct provider_ask ask = {.prompt = &prompt};
	struct conf_provider c = {.model = (char *)"m", .url = (char *)"http://127.0.0.1:1"};

	(void)state;
	assert_int_equal(seal_init(true), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf p, h, b;

		assert_int_equal(secret_new(STR("k-123"), &c.secret), 0);
		buf_init(&p, 1000);
		buf_init(&h, 1000);
		buf_init(&b, 10000);
		/* Anthropic's scale of temperatures ends where others' goes on. */
		assert_int_equal(cases[i].ops->request(&c, &ask, 1.7, 9, &p, &h, &b), 0);
		assert_non_null(strstr(buf_text(&h), cases[i].line));
		assert_non_null(strstr(buf_text(&b), cases[i].ops == &provider_anthropic
			? "\"temperature\":1.000" : "\"temperature\":1.700"));
		buf_fini(&p);
		buf_fini(&h);
		buf_fini(&b);
		secret_free(c.secret);
		assert_int_equal(secret_new(STR("k 1\n23"), &c.secret), 0);
		buf_init(&p, 1000);
		buf_init(&h, 1000);
		buf_init(&b, 10000);
		assert_int_equal(cases[i].ops->request(&c, &ask, 0.7, 9, &p, &h, &b), ERR_INVALID);
		buf_fini(&p);
		buf_fini(&h);
		buf_fini(&b);
		secret_free(c.secret);
	}
}

static void test_waddleai_is_judged_by_its_status(void **state)
{
	char message[256];
	const struct str said = STR("{\"error\":{\"message\":\"m\",\"type\":\"error\"}}");
	const struct str code = STR("{\"error\":{\"message\":\"m\",\"code\":\"content_filter\"}}");

	(void)state;
	assert_int_equal(provider_waddleai.judge(429, -1, said, message), PROVIDER_QUOTA);
	assert_string_equal(message, "HTTP 429: m");
	assert_int_equal(provider_waddleai.judge(429, 2000, said, message), PROVIDER_RATE_LIMIT);
	assert_int_equal(provider_waddleai.judge(401, -1, code, message), PROVIDER_AUTH);
	assert_int_equal(provider_waddleai.judge(502, -1, said, message), PROVIDER_SERVER);
}

/* ---- Reasoning ------------------------------------------------------------------------------- */

static void test_reasoning_never_stays(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"Hello!", "Hello!"},
		{"", ""},
		{"  \n ", ""},
		{"<think>hm</think>Hello!", "Hello!"},
		{"<think>hm</think>\n\n Hello! \n", "Hello!"},
		{"<THINK>hm</Think>Hello!", "Hello!"},
		{"<thinking>hm</thinking>Hello!", "Hello!"},
		{"<thought>hm</thought>Hello!", "Hello!"},
		{"<reason>hm</reason>Hello!", "Hello!"},
		{"<reasoning effort=\"low\">hm</reasoning>Hello!", "Hello!"},
		{"<my_inner-thoughts>hm</my_inner-thoughts>Hello!", "Hello!"},
		{"< think >hm</ think >Hello!", "Hello!"},
		{"<|begin_of_thought|>hm<|end_of_thought|>Hello!", "Hello!"},
		{"[THINK]hm[/THINK]Hello!", "Hello!"},
		{"\xe2\x97\x81think\xe2\x96\xb7hm\xe2\x97\x81/think\xe2\x96\xb7Hello!", "Hello!"},
		{"&lt;think&gt;hm&lt;/think&gt;Hello!", "Hello!"},
		{"Hi <think>hm</think>there", "Hi there"},
		{"<think>a</think>Hi <think>b</think>there", "Hi there"},
		{"<think>a<think>b</think>c</think>Hello!", "Hello!"},
		{"<think>I open <think> here</think>Hello!", "Hello!"},
		{"<thinking>a<reason>b</reason>c</thinking>Hello!", "Hello!"},
		{"so I think</think>Hello!", "Hello!"},
		{"Hello! <think>and then", "Hello!"},
		{"<think>all of it", ""},
		{"<think>all of it</think>", ""},
		{"Hello <think", "Hello"},
		{"Hello </think", ""},
		{"I think <3 and a < b, for some reason > c",
			"I think <3 and a < b, for some reason > c"},
		{"[I think so] yes", "[I think so] yes"},
		{"<b>bold</b> thought", "<b>bold</b> thought"},
		{"<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final"
			"<|message|>Hello!<|return|>", "Hello!"},
		{"<|channel|>analysis<|message|>hm", ""},
		{"<|channel|>commentary to=x <|constrain|>json<|message|>{}<|call|>", ""},
		{"hm hm<|channel|>final<|message|>Hello!", "Hello!"},
		{"analysisThe user says hi.assistantfinalHello!", "Hello!"},
		{"analysis of the game is fun", "analysis of the game is fun"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out;
		buf_init(&out, 1024);
		assert_int_equal(provider_think_strip(str_of(cases[i].in), &out), 0);
		if (strcmp(buf_text(&out), cases[i].out) != 0)
			fail_msg("\"%s\" became \"%s\"", cases[i].in, buf_text(&out));
		buf_fini(&out);
	}
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static void test_every_refusal_has_its_class(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum provider_error error;
		const char *message;
	} cases[] = {
		{301, "", PROVIDER_BAD_REQUEST, "HTTP 301"},
		{307, "<html>moved</html>", PROVIDER_BAD_REQUEST, "HTTP 307"},
		{400, "{\"error\":\"missing model\"}", PROVIDER_BAD_REQUEST,
			"HTTP 400: missing model"},
		{400, "{\"error\":\"\\\"m\\\" does not support thinking\"}", PROVIDER_BAD_REQUEST,
			"HTTP 400: \"m\" does not support thinking"},
		{400, "{\"error\":{\"code\":400,\"message\":\"too long\",\"type\":"
			"\"exceed_context_size_error\",\"n_ctx\":1024}}", PROVIDER_BAD_REQUEST,
			"HTTP 400: too long"},
		{400, "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}",
			PROVIDER_BAD_REQUEST, "HTTP 400: m"},
		{400, "{\"error\":{\"message\":\"m\",\"type\":\"budget_exceeded\","
			"\"code\":\"400\"}}", PROVIDER_QUOTA, "HTTP 400: m"},
		{401, "{\"error\":{\"message\":\"bad key\",\"code\":\"invalid_api_key\"}}",
			PROVIDER_AUTH, "HTTP 401: bad key"},
		{401, "", PROVIDER_AUTH, "HTTP 401"},
		{402, "{\"error\":{\"code\":402,\"message\":\"credits\"}}", PROVIDER_QUOTA,
			"HTTP 402: credits"},
		{403, "", PROVIDER_AUTH, "HTTP 403"},
		{404, "{\"error\":\"model 'x' not found\"}", PROVIDER_NO_MODEL,
			"HTTP 404: model 'x' not found"},
		{404, "404 page not found", PROVIDER_NO_MODEL, "HTTP 404"},
		{404, "{\"object\":\"error\",\"message\":\"no such\",\"type\":\"NotFoundError\","
			"\"code\":404}", PROVIDER_NO_MODEL, "HTTP 404: no such"},
		{408, "", PROVIDER_TIMEOUT, "HTTP 408"},
		{409, "", PROVIDER_SERVER, "HTTP 409"},
		{413, "", PROVIDER_BAD_REQUEST, "HTTP 413"},
		{422, "", PROVIDER_BAD_REQUEST, "HTTP 422"},
		{429, "{\"error\":{\"message\":\"m\",\"type\":\"requests\",\"code\":"
			"\"rate_limit_exceeded\"}}", PROVIDER_RATE_LIMIT, "HTTP 429: m"},
		{429, "{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\","
			"\"param\":null,\"code\":\"insufficient_quota\"}}", PROVIDER_QUOTA,
			"HTTP 429: m"},
		{429, "", PROVIDER_RATE_LIMIT, "HTTP 429"},
		{500, "{\"error\":\"CUDA error: out of memory\"}", PROVIDER_OOM,
			"HTTP 500: CUDA error: out of memory"},
		{500, "{\"error\":{\"code\":500,\"message\":\"CUDA out of memory\","
			"\"type\":\"server_error\"}}", PROVIDER_OOM,
			"HTTP 500: CUDA out of memory"},
		{500, "{\"error\":\"\"}", PROVIDER_SERVER, "HTTP 500"},
		{501, "", PROVIDER_BAD_REQUEST, "HTTP 501"},
		{502, "<html><h1>Bad gateway</h1></html>", PROVIDER_SERVER, "HTTP 502"},
		{503, "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":"
			"\"unavailable_error\"}}", PROVIDER_SERVER, "HTTP 503: Loading model"},
		{504, "", PROVIDER_SERVER, "HTTP 504"},
		{400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
			"\"message\":\"m\"}}", PROVIDER_BAD_REQUEST, "HTTP 400: m"},
		{404, "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":"
			"\"model: x\"}}", PROVIDER_NO_MODEL, "HTTP 404: model: x"},
		{413, "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\","
			"\"message\":\"m\"}}", PROVIDER_BAD_REQUEST, "HTTP 413: m"},
		{500, "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}",
			PROVIDER_SERVER, "HTTP 500: m"},
		{504, "{\"type\":\"error\",\"error\":{\"type\":\"timeout_error\",\"message\":"
			"\"m\"}}", PROVIDER_TIMEOUT, "HTTP 504: m"},
		{529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
			"\"Overloaded\"}}", PROVIDER_SERVER, "HTTP 529: Overloaded"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char message[256];
		enum provider_error e =
			provider_judge(cases[i].status, -1, str_of(cases[i].body), message);
		assert_string_equal(message, cases[i].message);
		assert_string_equal(provider_error_name(e), provider_error_name(cases[i].error));
	}
}

static void test_messages_are_one_clean_line_without_the_key(void **state)
{
	static const char key[] = "sk-abcdefghij0123456789";
	struct secret *secret = NULL;
	char out[256], said[400];

	(void)state;
	assert_int_equal(seal_init(true), 0);
	assert_int_equal(secret_new(STR("sk-abcdefghij0123456789"), &secret), 0);
	provider_scrub(STR("two\nlines\x1b[31m\x07 and \xe2\x80\xae more"), secret, out);
	assert_string_equal(out, "two lines [31m and more");
	snprintf(said, sizeof(said), "bad key %s, sorry", key);
	provider_scrub(str_of(said), secret, out);
	assert_null(strstr(out, "sk-abc"));
	/* The cap falls into the key wherever it stands. */
	for (size_t pad = 200; pad < 256; pad++) {
		memset(said, 'x', sizeof(said));
		memcpy(said + pad, key, sizeof(key));
		provider_copy(out, sizeof(out), str_of(said));
		provider_scrub(str_of(out), secret, said);
		assert_null(strstr(said, "sk-abc"));
	}
	memset(said, 'y', sizeof(said));
	provider_scrub((struct str){said, sizeof(said)}, NULL, out);
	assert_int_equal(strlen(out), 255);
	secret_free(secret);
}

static void test_embeddings_are_one_finite_vector_for_each_text(void **state)
{
	static const struct {
		const char *body;
		int err;
		float first; /* of the second text's */
	} cases[] = {
		{"{\"embeddings\":[[1,2],[3,4]],\"prompt_eval_count\":5}", 0, 3},
		{"{\"data\":[{\"index\":1,\"embedding\":[3,4]},{\"index\":0,\"embedding\":[1,2]}],"
			"\"usage\":{\"prompt_tokens\":5}}", 0, 3},
		{"{\"embeddings\":[[1,2]]}", ERR_PARSE, 0},
		{"{\"embeddings\":[[1,2],[3,4],[5,6]]}", ERR_PARSE, 0},
		{"{\"embeddings\":[[1,2],[3]]}", ERR_PARSE, 0},
		{"{\"embeddings\":[[],[]]}", ERR_PARSE, 0},
		{"{\"embeddings\":[[1,2],[3,null]]}", ERR_PARSE, 0},
		{"{\"embeddings\":[[1,2],[3,\"4\"]]}", ERR_PARSE, 0},
		{"{\"embeddings\":[[1,2],[3,1e39]]}", ERR_PARSE, 0},
		{"{\"embeddings\":[[1,2],\"AAAA\"]}", ERR_PARSE, 0},
		{"{\"embeddings\":{\"0\":[1,2],\"1\":[3,4]}}", ERR_PARSE, 0},
		{"{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[2]}]}",
			ERR_PARSE, 0},
		{"{\"data\":[{\"embedding\":[1]},{\"embedding\":[2]}]}", ERR_PARSE, 0},
		{"{}", ERR_PARSE, 0},
		{"[[1,2],[3,4]]", ERR_PARSE, 0},
		{"{\"error\":\"model \\\"x\\\" not found\"}", ERR_CLOSED, 0},
		{"", ERR_PARSE, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct provider_sink s = {.wanted = 2, .tokens_in = -1, .tokens_out = -1};
		struct provider_wire *w = provider_embed_new(JSON);

		buf_init(&s.vectors, 1024);
		for (const char *at = cases[i].body; *at; at++)
			assert_int_equal(provider_embed_feed(w, at, 1, &s), 0);
		assert_int_equal(provider_embed_finish(w, &s), cases[i].err);
		assert_int_equal(s.is_whole, cases[i].err == 0);
		if (cases[i].err == 0) {
			const float *v = (const float *)(const void *)s.vectors.at;

			assert_int_equal(s.dims, 2);
			assert_int_equal(s.vectors.len, 4 * sizeof(*v));
			assert_true(v[2] >= cases[i].first && v[2] <= cases[i].first);
			assert_int_equal(s.tokens_in, 5);
			assert_int_equal(s.tokens_out, 0);
		}
		provider_embed_free(w);
		buf_fini(&s.vectors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_embeddings_are_one_finite_vector_for_each_text),
		cmocka_unit_test(test_sse_reads_as_whatwg_says_at_every_split),
		cmocka_unit_test(test_sse_bounds_lines_and_events),
		cmocka_unit_test(test_ndjson_reads_lines_at_every_split),
		cmocka_unit_test(test_wires_read_the_same_at_every_split),
		cmocka_unit_test(test_wires_end_what_never_ends),
		cmocka_unit_test(test_deep_nesting_is_refused),
		cmocka_unit_test(test_requests_are_what_the_sheets_say),
		cmocka_unit_test(test_anthropic_has_its_own_place_for_the_system),
		cmocka_unit_test(test_keys_go_where_each_vendor_looks),
		cmocka_unit_test(test_waddleai_is_judged_by_its_status),
		cmocka_unit_test(test_reasoning_never_stays),
		cmocka_unit_test(test_every_refusal_has_its_class),
		cmocka_unit_test(test_messages_are_one_clean_line_without_the_key),
	};

	return cmocka_run_group_tests_name("provider: wires", tests, NULL, NULL);
}
