/* io/serve.h: the HTTP server's two halves: serve.c accepts and outwaits clients, request.c reads
 * what they ask and writes the answer. */
#ifndef IO_SERVE_H
#define IO_SERVE_H

#include "io/lws.h"

#define SERVE_ANSWER_BYTES (1024 * 1024 + 1024) /* faults.md section 7: 1 MiB out, and headers */

enum client_state { CLIENT_HEADERS, CLIENT_BODY, CLIENT_ANSWER };

struct client {
	struct handle h;
	struct client *prev, *next; /* in serve->clients */
	struct io_serve *serve;
	struct lws *wsi;
	bool is_local;
	enum client_state state;
	int64_t since_ms; /* in this state, of clock_mono_ms */

	/* The request; "" when absent. */
	const char *method;
	char path[1024], query[1024], authorization[1024];
	char content_type[128], host[256], origin[256], request_id[128];
	struct buf body;
	/* The answer, after LWS_PRE bytes that libwebsockets may scribble on. */
	struct buf answer;
	size_t sent;
};

struct door {
	int fd;
	struct io_watch *watch;
};

struct io_serve {
	struct handle h;
	struct lws_vhost *vhost;
	struct door local, tcp;
	struct client *clients;
	unsigned n_clients;
	struct io_timer *sweep, *resume;
	void (*answer)(void *ctx, const struct io_request *q, struct io_response *a);
	void *ctx;
	char path[108]; /* of our own socket, to unlink; sun_path's size */
};

void io_client_drop(struct client *c);
void io_client_enter(struct client *c, enum client_state state);

#endif
