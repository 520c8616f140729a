/* Fuzz: an answer's bytes through each wire, whole and split. The split must never show, and no
 * bytes may do harm. The first byte picks the wire, the second the way to split. */
#include "provider/room.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_all(const struct provider_ops *ops, const char *type, const char *bytes, size_t n,
	size_t step, struct provider_sink *s)
{
	struct provider_wire *w = ops->wire_new(type);
	int err = 0;

	memset(s, 0, sizeof(*s));
	buf_init(&s->text, PROVIDER_TEXT_BYTES);
	for (size_t at = 0; at < n && !err; at += step)
		err = ops->feed(w, bytes + at, n - at < step ? n - at : step, s);
	if (!err)
		err = ops->finish(w, s);
	ops->wire_free(w);
	return err;
}

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_think(struct str text)
{
	struct buf once, twice;

	buf_init(&once, text.len);
	buf_init(&twice, text.len);
	must(provider_think_strip(text, &once) == 0);
	must(once.len <= text.len);
	must(provider_think_strip(buf_str(&once), &twice) == 0);
	must(twice.len <= once.len);
	buf_fini(&once);
	buf_fini(&twice);
}

static void check_judge(struct str body, int status)
{
	char message[256], clean[256];

	enum provider_error e = provider_judge(status, -1, body, message);
	must(e < PROVIDER_ERROR_COUNT);
	must(memchr(message, 0, sizeof(message)) != NULL);
	provider_scrub(str_of(message), NULL, clean);
	must(text_is_utf8(str_of(clean)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const struct provider_ops *ops;
		const char *type;
	} wires[] = {
		{&provider_ollama, "application/x-ndjson"},
		{&provider_openai, "text/event-stream"},
		{&provider_openai, "application/json"},
		{&provider_anthropic, "text/event-stream"},
		{&provider_anthropic, "application/json"},
	};
	struct provider_sink whole, split;

	if (size < 2)
		return 0;
	size_t pick = data[0] % 7, step = data[1] + 1u;
	const char *bytes = (const char *)data + 2;
	size_t n = size - 2;
	if (pick == 3) {
		check_think((struct str){bytes, n});
		return 0;
	}
	if (pick == 4) {
		check_judge((struct str){bytes, n}, 200 + data[1] * 2);
		return 0;
	}

	pick -= pick > 4 ? 2 : 0;
	int err = read_all(wires[pick].ops, wires[pick].type, bytes, n, n + 1, &whole);
	must(read_all(wires[pick].ops, wires[pick].type, bytes, n, step, &split) == err);
	must(str_eq(buf_str(&whole.text), buf_str(&split.text)));
	must(whole.error == split.error && whole.is_whole == split.is_whole);
	must(whole.was_cut == split.was_cut && whole.was_filtered == split.was_filtered);
	must(whole.tokens_in == split.tokens_in && whole.tokens_out == split.tokens_out);
	must(strcmp(whole.message, split.message) == 0 && strcmp(whole.model, split.model) == 0);
	buf_fini(&whole.text);
	buf_fini(&split.text);
	return 0;
}
