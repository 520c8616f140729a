/* io/upgrade.h: the opening handshake of a WebSocket (RFC 6455 4.1): one request, one answer. No
 * socket. */
#ifndef IO_UPGRADE_H
#define IO_UPGRADE_H

#include "base/base.h"

#define IO_UPGRADE_BYTES 8192 /* faults.md H3: of one answer */
#define IO_UPGRADE_KEY_BYTES 32

struct io_upgrade {
	const char *host;        /* with the port, unless it is the usual one; BORROWED */
	const char *path;        /* BORROWED */
	const char *subprotocol; /* BORROWED; NULL = none */
	char accept[IO_UPGRADE_KEY_BYTES]; /* what the answer has to say */
	struct buf head;         /* as much of the answer as has come */
	char why[96];            /* it was refused */
};

/* Begins anew, with a key of its own, and adds the request to out. */
int io_upgrade_ask(struct io_upgrade *u, struct buf *out) MUST_USE;
void io_upgrade_fini(struct io_upgrade *u);
/* Takes the answer off the front of *bytes. 1 = the connection is a WebSocket, and what is left in
 * *bytes are its frames; 0 = more of the answer has to come; ERR_PARSE, ERR_LIMIT, ERR_DENIED
 * (another status), ERR_NOMEM: why says it. */
int io_upgrade_hear(struct io_upgrade *u, struct str *bytes) MUST_USE;

#endif
