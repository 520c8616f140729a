/* io/frame.c: the rules of RFC 6455 5.4 and 5.5 over the frames of libwslay. */
#include "io/frame.h"

#include <string.h>
#include <wslay/wslay.h>

#define KEEP_BYTES (64 * 1024) /* the buffer of messages shrinks back to nothing above this */

struct io_frames {
	wslay_frame_context_ptr wslay;
	struct str left;     /* of what was fed */
	unsigned char *room; /* where a frame is written to */

	size_t frame_at;   /* so much of a frame's payload has been read */
	unsigned kind;     /* of the message whose fragments come in; 0 = none */
	bool is_told;      /* the message in `in` has been given out */
	struct buf in;
	char nothing[1];   /* the bytes of an empty message */
	char control[IO_FRAME_CONTROL_BYTES + 1];
};

static ssize_t on_read(uint8_t *out, size_t size, int flags, void *ctx)
{
	struct io_frames *f = ctx;
	const size_t n = size < f->left.len ? size : f->left.len;

	(void)flags;
	if (n == 0)
		return -1;
	memcpy(out, f->left.at, n);
	f->left.at += n;
	f->left.len -= n;
	return (ssize_t)n;
}

static ssize_t on_write(const uint8_t *bytes, size_t n, int flags, void *ctx)
{
	struct io_frames *f = ctx;

	(void)flags;
	memcpy(f->room, bytes, n);
	f->room += n;
	return (ssize_t)n;
}

static int on_mask(uint8_t *out, size_t n, void *ctx)
{
	(void)ctx;
	rand_bytes(out, n);
	return 0;
}

int io_frames_new(size_t max_message, struct io_frames **out)
{
	static const struct wslay_frame_callbacks calls = {on_write, on_read, on_mask};
	struct io_frames *f = mem_new(sizeof(*f));

	*out = NULL;
	if (!f)
		return ERR_NOMEM;
	if (wslay_frame_context_init(&f->wslay, &calls, f) != 0) {
		mem_free(f);
		return ERR_NOMEM;
	}
	buf_init(&f->in, max_message);
	*out = f;
	return 0;
}

void io_frames_free(struct io_frames *f)
{
	if (!f)
		return;
	wslay_frame_context_free(f->wslay);
	buf_fini(&f->in);
	mem_free(f);
}

/* ---- Reading --------------------------------------------------------------------------------- */

void io_frames_feed(struct io_frames *f, struct str bytes)
{
	f->left = bytes;
}

/* May a frame with this header come here? */
static int begin_frame(struct io_frames *f, const struct wslay_frame_iocb *io)
{
	if (io->mask || io->rsv)
		return ERR_PARSE; /* servers do not mask, and no extension was asked for */
	switch (io->opcode) {
	case WSLAY_CONTINUATION_FRAME:
		if (!f->kind)
			return ERR_PARSE;
		break;
	case WSLAY_TEXT_FRAME:
	case WSLAY_BINARY_FRAME:
		if (f->kind)
			return ERR_PARSE;
		f->kind = io->opcode;
		break;
	case WSLAY_CONNECTION_CLOSE:
	case WSLAY_PING:
	case WSLAY_PONG: return 0;
	default: return ERR_PARSE;
	}
	return io->payload_length > f->in.max - f->in.len ? ERR_LIMIT : 0;
}

static void end_control(struct io_frames *f, unsigned kind, struct io_message *out)
{
	f->control[f->frame_at] = '\0';
	*out = (struct io_message){(enum io_frame_kind)kind, f->control, f->frame_at};
}

static void end_message(struct io_frames *f, struct io_message *out)
{
	char *bytes = f->in.len ? f->in.at : f->nothing;

	*out = (struct io_message){(enum io_frame_kind)f->kind, bytes, f->in.len};
	f->kind = 0;
	f->is_told = true;
}

/* One piece of a frame. 1 = it ends what is handed on. */
static int take_piece(
	struct io_frames *f, const struct wslay_frame_iocb *io, struct io_message *out)
{
	const bool is_control = wslay_is_ctrl_frame(io->opcode);
	int err = f->frame_at == 0 ? begin_frame(f, io) : 0;
	bool is_end;

	if (!err && is_control)
		memcpy(f->control + f->frame_at, io->data, io->data_length);
	else if (!err)
		err = buf_add(&f->in, io->data, io->data_length);
	if (err)
		return err;
	f->frame_at += io->data_length;
	is_end = f->frame_at == io->payload_length;
	if (is_end && is_control)
		end_control(f, io->opcode, out);
	else if (is_end && io->fin)
		end_message(f, out);
	if (is_end)
		f->frame_at = 0;
	return is_end && io->fin;
}

int io_frames_next(struct io_frames *f, struct io_message *out)
{
	struct wslay_frame_iocb io;
	int got = 0;

	if (f->is_told && f->in.cap > KEEP_BYTES)
		buf_fini(&f->in);
	else if (f->is_told)
		buf_clear(&f->in);
	f->is_told = false;
	while (got == 0) {
		memset(&io, 0, sizeof(io));
		ssize_t n = wslay_frame_recv(f->wslay, &io);
		if (n == WSLAY_ERR_WANT_READ)
			return 0;
		got = n < 0 ? ERR_PARSE : take_piece(f, &io, out);
	}
	return got;
}

/* ---- Writing --------------------------------------------------------------------------------- */

size_t io_frames_put(
	struct io_frames *f, enum io_frame_kind kind, struct str payload, unsigned char *room)
{
	struct wslay_frame_iocb io = {.fin = 1, .opcode = (uint8_t)kind, .mask = 1,
		.payload_length = payload.len, .data = (const uint8_t *)payload.at,
		.data_length = payload.len};

	f->room = room;
	if (wslay_frame_send(f->wslay, &io) < 0)
		return 0;
	return (size_t)(f->room - room);
}
