/* tests/bench/wire.h: the WebSocket under the servers of the measurements.
 *
 * Plain sockets and frames made beforehand, so that the server is never what is measured. One
 * client at a time. Whatever is wrong ends the measurement. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "base/base.h"

#define WIRE_WAIT_US 60000000 /* for what has to come */

enum wire_kind { WIRE_TEXT = 0x81, WIRE_BINARY = 0x82, WIRE_PING = 0x89, WIRE_PONG = 0x8A };

struct wire {
	int listener, fd, port;
	struct buf in;   /* bytes received, from the first frame that is not complete */
	struct buf text; /* what was in text frames; the reader takes it away */
	struct buf out;  /* frames that wire_flush sends */
	unsigned pongs;
};

void wire_open(struct wire *w); /* listens on a port of 127.0.0.1 */
void wire_shut(struct wire *w);
void wire_accept(struct wire *w); /* waits for a client and upgrades it */
void wire_gone(struct wire *w);   /* the client is let go */
/* Takes complete frames apart, waiting for bytes if there are none. False = the time
 * (clock_mono_us) is over. */
bool wire_receive(struct wire *w, int64_t until_us);
void wire_send(struct wire *w, struct str bytes); /* bytes as they are, frames and all */
void wire_flush(struct wire *w);
/* Sends a ping and waits for its pong: the client has read everything before it. */
void wire_barrier(struct wire *w);

void wire_frame(struct buf *out, enum wire_kind kind, struct str payload);
void wire_drop(struct buf *b, size_t n); /* the first n bytes go */

/* Of the other side. */
void wire_no_delay(int fd);
void wire_send_all(int fd, const char *at, size_t n);
/* The head of a frame; masked by zero, which leaves the bytes what they are. Gives its length, at
 * most 14. */
size_t wire_head(unsigned char *head, enum wire_kind kind, size_t len, bool is_masked);
/* Takes one frame off the front of in, unmasked, its text to text. Gives its kind; 0 = not
 * complete. */
int wire_take(struct buf *in, struct buf *text);

#endif
