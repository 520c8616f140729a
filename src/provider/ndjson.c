/* Newline-delimited JSON: bytes at any split become lines. Pure. */
#include "provider/room.h"

#include <string.h>

#define BOM "\xef\xbb\xbf"

void provider_ndjson_init(struct provider_ndjson *l, size_t max)
{
	memset(l, 0, sizeof(*l));
	buf_init(&l->line, max);
}

void provider_ndjson_fini(struct provider_ndjson *l)
{
	buf_fini(&l->line);
}

static int on_line(struct provider_ndjson *l, int (*line)(void *ctx, struct str text), void *ctx)
{
	struct str text = buf_str(&l->line);

	if (!l->has_begun && text.len >= 3 && memcmp(text.at, BOM, 3) == 0) {
		text.at += 3;
		text.len -= 3;
	}
	l->has_begun = true;
	text = str_trim(text);

	int err = text.len > 0 ? line(ctx, text) : 0;
	buf_clear(&l->line);
	return err;
}

int provider_ndjson_feed(struct provider_ndjson *l, const char *bytes, size_t n,
	int (*line)(void *ctx, struct str text), void *ctx)
{
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) : n;
		int err = buf_add(&l->line, bytes, part);

		if (err || !end)
			return err;
		err = on_line(l, line, ctx);
		if (err)
			return err;
		bytes += part + 1;
		n -= part + 1;
	}
	return 0;
}

int provider_ndjson_end(struct provider_ndjson *l, int (*line)(void *ctx, struct str text),
	void *ctx)
{
	return on_line(l, line, ctx);
}
