/* io/lws.h: libwebsockets, shared by ws.c and serve.c.
 *
 * One context for the whole loop, born with the first use: it costs a megabyte. Rules (libraries.md
 * 1.2): after any call into libwebsockets outside its callbacks comes io_lws_door_wake; its timers
 * are not used; it is never asked to resolve a name. */
#ifndef IO_LWS_H
#define IO_LWS_H

#include <libwebsockets.h>

#include "io/loop.h"

void io_lws_door_wake(struct io *io);
/* The context and the virtual host of client connections; ERR_INVALID, logged with what to do, when
 * libwebsockets cannot start. */
int io_lws_door_client(
	struct io *io, struct lws_context **context, struct lws_vhost **out) MUST_USE;
/* The virtual host that accepted connections are given to. NULL when it cannot be made. */
struct lws_vhost *io_lws_door_server(struct io *io);
/* Closes a connection at its next turn. The caller has cut the opaque pointer before. */
void io_lws_door_kill(struct io *io, struct lws *wsi);

/* ws.c: all client connections; request.c: all of the server. */
int io_ws_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int io_serve_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

#endif
