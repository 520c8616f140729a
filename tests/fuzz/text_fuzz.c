/* Scrubbing, folding and cutting any bytes.
 *
 * Oracle: what comes out is UTF-8; doing it twice changes nothing; a scrubbed line holds no control
 * character and no doubled space; a cut is within its limits, a prefix of characters, and cutting
 * the rest goes on until nothing is left. */
#include <stdlib.h>

#include "base/base.h"

#define OUT_BYTES (1024 * 1024)

static void expect(bool claim)
{
	if (!claim)
		abort();
}

static void scrub(struct str s, unsigned flags, struct buf *once, struct buf *twice)
{
	buf_clear(once);
	buf_clear(twice);
	expect(text_scrub(s, flags, once) == 0);
	expect(text_scrub(buf_str(once), flags, twice) == 0);
	expect(text_is_utf8(buf_str(once)));
	expect(str_eq(buf_str(once), buf_str(twice)));
}

static void check_line(struct str line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.at[i];
		expect(c >= 0x20 && c != 0x7F);
		expect(c != ' ' || (i > 0 && i + 1 < line.len && line.at[i - 1] != ' '));
	}
}

static void check_cuts(struct str s, size_t bytes, size_t units)
{
	while (s.len > 0) {
		size_t n = text_cut(s, bytes, units);
		struct str part = {s.at, n};
		expect(n <= bytes && text_units(part) <= units && text_is_utf8(part));
		if (n == 0)
			return; /* one grapheme, longer than the limit */
		s.at += n;
		s.len -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;

	if (size < 2 || size > 16384)
		return 0;
	const size_t bytes = 1 + data[0] % 64;
	const unsigned flags = data[1] % (TEXT_CHAT + 1);
	struct str s = {(const char *)data + 2, size - 2};

	buf_init(&once, OUT_BYTES);
	buf_init(&twice, OUT_BYTES);
	scrub(s, flags, &once, &twice);
	scrub(s, TEXT_CHAT, &once, &twice);
	check_line(buf_str(&once));
	check_cuts(buf_str(&once), bytes, bytes);
	expect(text_columns(s) <= 2 * text_points(s) && text_points(s) <= s.len);

	buf_clear(&once);
	buf_clear(&twice);
	expect(text_fold(s, &once) == 0);
	expect(text_fold(buf_str(&once), &twice) == 0);
	expect(text_is_utf8(buf_str(&once)));
	expect(str_eq(buf_str(&once), buf_str(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
	return 0;
}
