/* tests/unit/io_peer.h: what the io tests share: the Python peer, certificates made on the spot,
 * and sockets that behave badly. */
#ifndef IO_PEER_H
#define IO_PEER_H

#include "unit.h"

#include "io/io.h"

struct peer {
	int pid, in;
	char dir[64]; /* holds ca.pem and the servers' certificates; removed by peer_stop */
	char ca_file[96];
	int plain, good, wrong, expired, unknown; /* ports */
};

void peer_start(struct peer *p);
void peer_stop(struct peer *p);
/* The authority of "unknown" ("stranger") is put into ca_file, in place of that of the others. */
void peer_renew(const struct peer *p, const char *name);

/* Turns the loop until *flag or ms have passed; gives *flag. */
bool turn_until(struct io *io, const bool *flag, int64_t ms);
void turn_for(struct io *io, int64_t ms);

/* A socket that listens on a free port of 127.0.0.1 and accepts nothing by itself. */
int listen_silent(int *port);
/* A free port on which nobody listens. */
int port_refused(void);

#endif
