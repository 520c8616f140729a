/* tests/bench/chat.h: the chat server of the measurements, and the client its wire is timed with.
 * It says yes to everything: who is strict is tests/stage/twitch.py. */
#ifndef BENCH_CHAT_H
#define BENCH_CHAT_H

#include "wire.h"

#define CHAT_TEXT_BYTES 2048 /* longest text of a line */

struct chat {
	struct wire wire; /* its text begins with the first line that is not complete */
	size_t joined;    /* channels, since the client came */
	bool is_in;       /* the client said NICK, and was welcomed */
	unsigned said;    /* ids of accepted lines */
};

void chat_open(struct chat *c);
void chat_shut(struct chat *c);
void chat_accept(struct chat *c); /* waits for a client and upgrades it */
void chat_gone(struct chat *c);   /* the client is let go */
/* Does what a chat server does, until a line comes that the caller has to look at (PRIVMSG, PONG),
 * at most until a time (clock_mono_us). The line is there until the next call. Empty = the time is
 * over. */
struct str chat_next(struct chat *c, int64_t until_us);
/* Serves until it has n channels. Dies when that takes too long. */
void chat_until_joined(struct chat *c, size_t n);
/* Sends PING and waits for its PONG: everything before it has been dealt with. */
void chat_barrier(struct chat *c);
void chat_send(struct chat *c, struct str bytes);

/* Appends a frame with a tagged PRIVMSG. Gives where its id (CHAT_ID_BYTES) stands in out. */
#define CHAT_ID_BYTES 36
size_t chat_frame(struct buf *out, unsigned user, const char *channel, struct str text);
void chat_id(char at[CHAT_ID_BYTES], uint64_t n); /* writes the n-th message's id */

/* A process that answers every line with " :!" in it at once, with one about as long as mynah's:
 * what is measured with it is the wire. Gives its pid. */
int chat_echo(int port);

#endif
