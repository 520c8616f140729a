/* Fuzz: what a WebSocket's peer sends, as the answer to an upgrade and as frames. How the bytes are
 * split must never show. The first byte says what they are and how they are split. */
#include "io/frame.h"
#include "io/upgrade.h"

#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static int hear_frames(struct str bytes, size_t step, struct buf *heard)
{
	struct io_frames *f;
	struct io_message m;
	int got = 0;

	must(io_frames_new(MAX_MESSAGE, &f) == 0);
	for (; got == 0 && bytes.len > 0;) {
		const size_t n = step < bytes.len ? step : bytes.len;

		io_frames_feed(f, (struct str){bytes.at, n});
		while ((got = io_frames_next(f, &m)) > 0) {
			must(m.n <= MAX_MESSAGE && m.bytes[m.n] == '\0');
			must(buf_addf(heard, "%d %zu|", (int)m.kind, m.n) == 0);
			must(buf_add(heard, m.bytes, m.n) == 0);
		}
		bytes.at += n;
		bytes.len -= n;
	}
	io_frames_free(f);
	return got;
}

static int hear_upgrade(struct str bytes, size_t step, struct buf *heard)
{
	struct io_upgrade u = {.host = "h", .path = "/"};
	struct buf request;
	int got = 0;

	buf_init(&request, 4096);
	must(io_upgrade_ask(&u, &request) == 0);
	while (got == 0 && bytes.len > 0) {
		const size_t n = step < bytes.len ? step : bytes.len;
		struct str piece = {bytes.at, n};

		got = io_upgrade_hear(&u, &piece);
		bytes.at += n - piece.len;
		bytes.len -= n - piece.len;
	}
	must(got != 1); /* nobody guesses the key */
	must(buf_adds(heard, u.why) == 0);
	buf_fini(&request);
	io_upgrade_fini(&u);
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;

	if (size < 2)
		return 0;
	const struct str bytes = {(const char *)data + 1, size - 1};
	const size_t step = 1 + data[0] / 2;
	int (*const hear)(struct str, size_t, struct buf *) =
		data[0] & 1 ? hear_upgrade : hear_frames;

	buf_init(&once, 64 * size + 4096);
	buf_init(&twice, 64 * size + 4096);
	must(hear(bytes, SIZE_MAX, &once) == hear(bytes, step, &twice));
	must(str_eq(buf_str(&once), buf_str(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
	return 0;
}
