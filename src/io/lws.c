/* io/lws.c: the one context of libwebsockets on our loop, and its virtual hosts. */

#include "io/lws.h"

/* Descriptors of libwebsockets: IO_SERVE_CLIENTS, as many client connections, a few of its own. Its
 * tables have a row for each, so the limit of the process is not used (320 KiB at 20,000). */
#define FDS_MAX (2 * IO_SERVE_CLIENTS + 16)
#define HEADER_BYTES 8192 /* faults.md H3: of one request or upgrade answer */
#define READ_BYTES 16384  /* libraries.md 1.3: fewer callbacks a message than with 4 KiB */
/* Of one read of a socket, whatever READ_BYTES is. Its own 4 KiB cost a turn of the loop every ten
 * chat lines; the pages are touched only by traffic that fills them. */
#define SOCKET_BYTES 65536
/* Its own timeouts, in seconds, all later than ours, which name the phase. */
#define LATE_SECS 120

struct lws_door {
	struct lws_context *context; /* libwebsockets clears it when all is closed */
	struct lws_vhost *client, *server;
};

static const struct lws_protocols client_protocols[] = {
	{.name = "mynah", .callback = io_ws_callback, .rx_buffer_size = READ_BYTES},
	{0},
};

static const struct lws_protocols server_protocols[] = {
	{.name = "mynah-http", .callback = io_serve_callback, .rx_buffer_size = READ_BYTES},
	{0},
};

/* No pings and no hang-ups of its own: each wire keeps its connection alive as its protocol
 * says. */
static const lws_retry_bo_t no_retry = {0};

static void on_log(int level, const char *line)
{
	(void)level;
	log_event(LOG_DEBUG, "io", "libwebsockets", "message", line, NULL);
}

static int door_open(struct io *io, struct lws_context **out)
{
	struct lws_context_creation_info info = {0};
	struct lws_door *door = io->lws;
	void *loops[1] = {&io->uv};

	if (door) {
		*out = door->context;
		return 0;
	}
	*out = NULL;
	door = mem_new(sizeof(*door));
	if (!door)
		return ERR_NOMEM;
	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN;
	info.foreign_loops = loops;
	info.pcontext = &door->context;
	info.fd_limit_per_thread = FDS_MAX;
	info.max_http_header_data = HEADER_BYTES;
	info.pt_serv_buf_size = SOCKET_BYTES;
	info.timeout_secs = LATE_SECS;
	info.retry_and_idle_policy = &no_retry;
	info.gid = (int)-1;
	info.uid = (int)-1;
	door->context = lws_create_context(&info);
	if (!door->context) {
		log_event(LOG_ERROR, "io", "libwebsockets", "message",
			"libwebsockets cannot start on libuv; no WebSocket and no HTTP server will "
			"work: install its plugin (Debian: libwebsockets-evlib-uv)",
			NULL);
		mem_free(door);
		return ERR_INVALID;
	}
	io->lws = door;
	*out = door->context;
	return 0;
}

void io_lws_door_wake(struct io *io)
{
	if (io->lws && io->lws->context)
		lws_cancel_service(io->lws->context);
}

int io_lws_door_client(struct io *io, struct lws_context **context, struct lws_vhost **out)
{
	struct lws_context_creation_info info = {0};
	int err = door_open(io, context);

	*out = NULL;
	if (err)
		return err;
	if (!io->lws->client) {
		info.port = CONTEXT_PORT_NO_LISTEN;
		info.vhost_name = "client";
		info.protocols = client_protocols;
		info.timeout_secs = LATE_SECS;
		io->lws->client = lws_create_vhost(*context, &info);
	}
	*out = io->lws->client;
	return *out ? 0 : ERR_NOMEM;
}

struct lws_vhost *io_lws_door_server(struct io *io)
{
	struct lws_context_creation_info info = {0};
	struct lws_context *context;

	if (door_open(io, &context) != 0)
		return NULL;
	if (io->lws->server)
		return io->lws->server;
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.vhost_name = "server";
	info.protocols = server_protocols;
	info.timeout_secs = LATE_SECS;
	info.keepalive_timeout = LATE_SECS;
	io->lws->server = lws_create_vhost(context, &info);
	return io->lws->server;
}

void io_lws_door_kill(struct io *io, struct lws *wsi)
{
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	io_lws_door_wake(io);
}

void io_lws_door_close(struct io *io)
{
	if (io->lws)
		lws_context_destroy(io->lws->context);
}

void io_lws_door_free(struct io *io)
{
	if (!io->lws)
		return;
	/* On a loop that is not its own, the first call closes and the second one frees; should all
	 * have been freed already, the context is NULL, which is allowed. */
	lws_context_destroy(io->lws->context);
	mem_free(io->lws);
	io->lws = NULL;
}
