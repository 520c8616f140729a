/* A network in virtual time, for simulations: the linker puts these connections, requests and this
 * worker in the place of io's (--wrap, see Makefile.am). Everything that happens later is an action
 * of one queue, so a run depends on nothing but its seed. */
#ifndef UNIT_SIM_NET_H
#define UNIT_SIM_NET_H

#include "io/io.h"

#define SIM_SOCKETS    32
#define SIM_REQUESTS   128
#define SIM_URL_BYTES  512
#define SIM_BODY_BYTES 4096

enum sim_socket_state {
	SIM_FREE,
	SIM_OPENING,
	SIM_OPEN,
	SIM_ENDED, /* the client was told, and has not freed it yet */
};

/* A WebSocket of the client. */
struct io_ws {
	struct io_ws_options o;
	char url[SIM_URL_BYTES];
	enum sim_socket_state state;
	unsigned generation; /* of the slot: actions of an older one come to nothing */
	bool is_mute;        /* nothing arrives on either side any more, and nobody is told */
	void *peer;          /* the server's own */
};

/* A request of the client; the server fills the answer. */
struct io_http {
	struct io_http_options o;
	char method[8], url[SIM_URL_BYTES], token[128], body[SIM_BODY_BYTES];
	bool is_on;
	unsigned generation;
	int status;
	int64_t limit, remaining, reset_s; /* of the headers; -1 = absent */
	bool was_sent;
};

enum sim_verdict { SIM_ACCEPT, SIM_REFUSE, SIM_HANG };

/* What the servers do. */
struct sim_servers {
	enum sim_verdict (*connect)(const struct io_ws *ws);
	void (*opened)(struct io_ws *ws);
	void (*heard)(struct io_ws *ws, char *text);
	void (*left)(struct io_ws *ws); /* the connection is over, on whatever side */
	void (*request)(struct io_http *h);
};

/* What the client did; whoever looks may set them to 0. */
struct sim_count {
	unsigned opens, requests, timers;
	unsigned open_now, handles_now; /* sockets that live; handles that are not freed */
	size_t bytes_now;               /* of memory that went through base/mem.h */
};
extern struct sim_count sim_count;

void sim_net_begin(struct io *io, const struct sim_servers *servers);
void sim_net_end(void);
/* run(arg) in so many ms. */
void sim_later(int64_t ms, void (*run)(void *arg), void *arg);
int64_t sim_chance(int64_t lo, int64_t hi); /* of the simulation's own dice, not the program's */

/* The server speaks: it arrives in so many ms, if the connection is still there then. arrived(arg)
 * is told when the client has got it; may be NULL. */
void sim_ws_say(
	struct io_ws *ws, int64_t ms, const char *text, void (*arrived)(void *arg), void *arg);
/* What the servers said and has not arrived yet never does. */
void sim_net_lose(void);
/* The server ends it. code 0 = without a close frame. */
void sim_ws_end(struct io_ws *ws, int64_t ms, int code);
/* The answer arrives in so many ms. body: JSON. */
void sim_http_answer(struct io_http *h, int64_t ms, int status, const char *body);
/* None arrives. was_sent: the server has read it. */
void sim_http_fail(struct io_http *h, int64_t ms, int err, bool was_sent);

#endif
