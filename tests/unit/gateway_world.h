/* The fixture of the tests of Discord's gateway: virtual time, and a double of io's WebSocket that
 * the test speaks through and that keeps what was said to it. Workers work at once, and tell it on
 * the next turn. */
#ifndef GATEWAY_WORLD_H
#define GATEWAY_WORLD_H

#include "platform/discord_shard.h"
#include "unit.h"

#define GATEWAY_BASE    "wss://gateway.example"
#define GATEWAY_RESUME  "wss://resume.example"
#define GATEWAY_TOKEN   "MTE4.faketoken.kelp11reef22tidal33"
#define GATEWAY_WALL_MS INT64_C(1763740800000)
#define GATEWAY_OPEN    (-1) /* not closed by us */

struct gateway_said {
	int64_t at_ms;
	char *text;
};
struct io_ws {
	struct io_ws_options o;
	char url[512];
	int64_t at_ms;
	bool is_gone; /* no callback may come any more */
	int code;     /* with which we closed it; 0 = without a close frame */
	struct gateway_said *said;
	size_t n;
};

struct gateway_world {
	struct io *io;
	struct io_worker *worker;
	char *dir;
	struct secret *token;
	struct platform_sessions *sessions;
	struct platform_identify *identify;
	struct platform_gateway *gateway;
	uint32_t intents;
	bool compress;
	struct io_ws **ws;
	size_t sockets;
	/* what the owner heard */
	struct buf
		types; /* of dispatches, each with its s, by spaces: "READY:1 MESSAGE_CREATE:2 " */
	size_t dispatches, losses;
	enum platform_gateway_state state;
	int close_code;
	char why[400];
	struct buf states; /* "connecting ready down " */
	size_t biggest;
	void (*on_dispatch)(struct platform_gateway *g, struct str type);
	bool is_disk_slow; /* the worker takes no write */
};
extern struct gateway_world gw;

/* A world without a gateway; gateway_begin begins to connect. */
int gateway_setup(void **state);
int gateway_teardown(void **state);
void gateway_begin(void);
/* The files are closed and read again; the gateway is left without a goodbye. */
void gateway_restart(void);
void gateway_pass(int64_t ms);
/* Makes the file say that n IDENTIFYs were sent just now, and reads it. */
void gateway_spend(int n);
/* The file of the state folder whose name begins so; valid until the next call. */
const char *gateway_path(const char *begin);
struct io_ws *gateway_last(void);
size_t gateway_live(void); /* sockets that are not gone */
void gateway_open(struct io_ws *ws);
void gateway_tell(struct io_ws *ws, const char *text);
void gateway_tell_bytes(struct io_ws *ws, struct str bytes, bool is_binary);
void gateway_tellf(struct io_ws *ws, const char *fmt, ...) PRINTF_LIKE(2, 3);
void gateway_hello(struct io_ws *ws, int64_t interval_ms); /* opens it first */
void gateway_ready(struct io_ws *ws, const char *id, int64_t seq);
void gateway_dispatch(struct io_ws *ws, const char *type, int64_t seq);
void gateway_close(struct io_ws *ws, int code); /* the peer does; 0 = it breaks */
void gateway_refuse(struct io_ws *ws);          /* it cannot be connected to */
/* The whole way to READY on the last socket. */
struct io_ws *gateway_come_up(const char *id);
/* Of all messages on this socket that begin with text: how many; the last of them. */
size_t gateway_count(const struct io_ws *ws, const char *text);
const struct gateway_said *gateway_find(const struct io_ws *ws, const char *text);
size_t gateway_count_all(const char *text);

#endif
