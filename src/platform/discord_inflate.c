/* zlib-stream to messages. */
#include "platform/discord_inflate.h"

#include <string.h>
#include <zlib.h>

#define PIECE_BYTES 16384 /* most messages are inflated in one piece */

struct platform_inflate {
	z_stream stream;
	bool is_lost;
	struct buf waiting; /* parts of a message whose end has not come */
	struct buf out;
	unsigned char piece[PIECE_BYTES];
};

int platform_inflate_new(size_t max_bytes, struct platform_inflate **out)
{
	struct platform_inflate *z = mem_new(sizeof(*z));

	*out = NULL;
	if (!z)
		return ERR_NOMEM;
	if (inflateInit(&z->stream) != Z_OK) {
		mem_free(z);
		return ERR_NOMEM;
	}
	/* A stream without end has no checksum at its end: to reckon it takes 0.6 us a message. */
	inflateValidate(&z->stream, 0);
	buf_init(&z->waiting, max_bytes);
	buf_init(&z->out, max_bytes);
	*out = z;
	return 0;
}

void platform_inflate_free(struct platform_inflate *z)
{
	if (!z)
		return;
	inflateEnd(&z->stream);
	buf_fini(&z->waiting);
	buf_fini(&z->out);
	mem_free(z);
}

void platform_inflate_shrink(struct platform_inflate *z)
{
	buf_fini(&z->out);
	if (z->waiting.len == 0)
		buf_fini(&z->waiting);
}

static bool ends_message(struct str bytes)
{
	static const char flush[] = {'\x00', '\x00', '\xff', '\xff'};

	return bytes.len >= sizeof(flush) &&
		memcmp(bytes.at + bytes.len - sizeof(flush), flush, sizeof(flush)) == 0;
}

static int error_of(int code)
{
	if (code == Z_OK || code == Z_BUF_ERROR) /* the latter: nothing is left to do */
		return 0;
	return code == Z_MEM_ERROR ? ERR_NOMEM : ERR_PARSE;
}

/* Until all input is taken and the last piece had room to spare: before that more may come out. */
static int inflate_all(struct platform_inflate *z, struct str in)
{
	z_stream *s = &z->stream;
	int err;

	if (in.len > UINT32_MAX)
		return ERR_LIMIT;
	buf_clear(&z->out);
	s->next_in = (z_const Bytef *)in.at;
	s->avail_in = (uInt)in.len;
	do {
		s->next_out = z->piece;
		s->avail_out = sizeof(z->piece);
		err = error_of(inflate(s, Z_SYNC_FLUSH));
		if (!err)
			err = buf_add(&z->out, z->piece, sizeof(z->piece) - s->avail_out);
	} while (!err && (s->avail_in > 0 || s->avail_out == 0));
	s->next_in = NULL;
	return err;
}

int platform_inflate_feed(struct platform_inflate *z, struct str bytes, struct str *out)
{
	bool is_whole = ends_message(bytes);
	int err = 0;

	if (z->is_lost)
		return ERR_PARSE;
	if (!is_whole || z->waiting.len > 0) {
		err = buf_add_str(&z->waiting, bytes);
		if (!err && !(is_whole = ends_message(buf_str(&z->waiting))))
			return 0;
		bytes = buf_str(&z->waiting);
	}
	if (!err)
		err = inflate_all(z, bytes);
	buf_clear(&z->waiting);
	z->is_lost = err != 0;
	*out = buf_str(&z->out);
	return err ? err : 1;
}
