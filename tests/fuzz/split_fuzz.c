/* Splitting any text into messages of Discord.
 *
 * Oracle: each part is UTF-8 when the text is, within the limit, neither empty nor with white space
 * at its ends but for indentation; no more parts than allowed; and where there is no block of code
 * and room for all, nothing but white space is lost. */
#include <stdlib.h>
#include <string.h>

#include "platform/discord_say.h"

#define PARTS 64

struct seen {
	size_t points;
	unsigned n;
	bool is_utf8;
	struct buf letters; /* of all parts, without white space */
};

static void expect(bool claim)
{
	if (!claim)
		abort();
}

static void add_letters(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!strchr(" \t\r\n\v\f", s.at[i]) || s.at[i] == '\0')
			expect(buf_addc(out, s.at[i]) == 0);
	}
}

static int on_part(void *ctx, struct str text)
{
	struct seen *s = ctx;

	s->n++;
	expect(text.len > 0 && text_points(text) <= s->points);
	expect(!s->is_utf8 || text_is_utf8(text));
	expect(str_trim(text).len > 0);
	add_letters(&s->letters, text);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {.n = 0};
	struct buf letters;

	if (size < 2 || size > 8192)
		return 0;
	const struct str text = {(const char *)data + 2, size - 2};
	const unsigned max = 1 + data[0] % PARTS;

	seen.points = 64 + data[1];
	seen.is_utf8 = text_is_utf8(text);
	buf_init(&seen.letters, 1024 * 1024);
	buf_init(&letters, 1024 * 1024);
	expect(platform_split(text, seen.points, max, on_part, &seen) == 0);
	expect(seen.n <= max);
	add_letters(&letters, text);
	if (seen.n < max && !memmem(text.at, text.len, "```", 3))
		expect(str_eq(buf_str(&letters), buf_str(&seen.letters)));
	buf_fini(&seen.letters);
	buf_fini(&letters);
	return 0;
}
