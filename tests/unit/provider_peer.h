/* A small HTTP peer on the loop under test: it plays prepared bytes and counts what it sees. It is
 * wrong on purpose where a test wants it to be. */
#ifndef PROVIDER_PEER_H
#define PROVIDER_PEER_H

#include "io/io.h"

#define PEER_PLAYS 8

/* One answer. */
struct play {
	const char *bytes;
	size_t n;         /* 0 = strlen(bytes) */
	int64_t wait_ms;  /* before the first byte */
	size_t step;      /* bytes at a time, one step a 2 ms; 0 = all at once */
	bool stays;       /* does not close after the last byte */
};

struct peer {
	struct io *io;
	int fd, port;
	struct io_watch *watch;
	struct play plays[PEER_PLAYS]; /* the n-th request gets the n-th, the rest the last */
	size_t play_count;
	/* Instead of plays, when set: the answer to this request, head and body; static. */
	const char *(*choose)(void *ctx, const char *request);
	void *ctx;
	struct peer_client *clients;
	size_t requests, live, most_live;
	size_t visits;                 /* GET /api/version: answered, and not a request */
	const char *visit;             /* the answer to them; NULL = 200 */
	size_t closed_early;           /* clients that left before their answer was over */
	struct buf last;               /* the last request, head and body */
};

void peer_open(struct peer *p, struct io *io);
void peer_play(struct peer *p, const char *bytes); /* appends a plain answer */
void peer_close(struct peer *p);

#endif
