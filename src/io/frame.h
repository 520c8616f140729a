/* io/frame.h: WebSocket messages in bytes, and frames of messages. No socket. Hides libwslay.
 *
 * libwslay reads and writes frames (headers, lengths, masks); what may follow what is judged here.
 * Its event layer would do that too, but looks at each byte of a text for UTF-8, which the readers
 * of JSON and of chat lines do anyway: 3.7 us a message of 1.5 KB against 0.1. */
#ifndef IO_FRAME_H
#define IO_FRAME_H

#include "base/base.h"

#define IO_FRAME_HEAD_BYTES 14    /* RFC 6455 5.2: at most, with a mask */
#define IO_FRAME_CONTROL_BYTES 125 /* RFC 6455 5.5 */

enum io_frame_kind { /* RFC 6455 11.8 */
	IO_FRAME_TEXT = 1,
	IO_FRAME_BINARY = 2,
	IO_FRAME_CLOSE = 8,
	IO_FRAME_PING = 9,
	IO_FRAME_PONG = 10,
};

struct io_message {
	enum io_frame_kind kind;
	char *bytes; /* BORROWED until the next call; writable, NUL-terminated */
	size_t n;
};

struct io_frames;
int io_frames_new(size_t max_message, struct io_frames **out) MUST_USE;
void io_frames_free(struct io_frames *f);

/* What the peer has sent. BORROWED until io_frames_next has given 0. */
void io_frames_feed(struct io_frames *f, struct str bytes);
/* 1 = a whole message, or a control frame; 0 = all bytes are read. ERR_PARSE (no WebSocket),
 * ERR_LIMIT (over max_message), ERR_NOMEM: nothing may be read any more. */
int io_frames_next(struct io_frames *f, struct io_message *out) MUST_USE;

/* Writes one masked frame to room, which has IO_FRAME_HEAD_BYTES more than the payload; gives its
 * length. */
size_t io_frames_put(
	struct io_frames *f, enum io_frame_kind kind, struct str payload, unsigned char *room);

#endif
