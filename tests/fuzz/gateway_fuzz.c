/* Fuzz: what Discord's gateway sends. Input that begins with 'z' is compressed and goes through
 * inflate; else every line is a message to a connection that is READY.
 *
 * Oracle: a message is told exactly when the strict JSON door finds a dispatch with a type and a
 * higher sequence in it; what that door does not take, op 7 and op 9 end the connection, never with
 * 1000 or 1001, and nothing else does; what is inflated does not depend on how it was cut. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "platform/discord_inflate.h"
#include "platform/discord_shard.h"

#define IN_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o);
void __wrap_io_ws_free(struct io_ws *ws);
void __wrap_io_ws_close(struct io_ws *ws, int code);
int __wrap_io_ws_send(struct io_ws *ws, struct str text, bool ahead);
int __wrap_io_worker_put(
	struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

/* ---- The socket ----------------------------------------------------------------------------- */

struct io_ws {
	struct io_ws_options o;
	bool is_open;
	int code;
};
static struct io_ws socket_now;

struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o)
{
	(void)io;
	socket_now = (struct io_ws){.o = *o, .is_open = true};
	return &socket_now;
}

void __wrap_io_ws_free(struct io_ws *ws)
{
	if (ws)
		ws->is_open = false;
}

void __wrap_io_ws_close(struct io_ws *ws, int code)
{
	must(!ws || !ws->is_open || (code != 1000 && code != 1001));
	if (ws)
		ws->is_open = false;
}

int __wrap_io_ws_send(struct io_ws *ws, struct str text, bool ahead)
{
	struct json *j;

	(void)ahead;
	must(ws->is_open && text.len <= PLATFORM_SAID_BYTES);
	must(json_parse(text, text.len, &j, NULL) == 0);
	json_free(j);
	return 0;
}

int __wrap_io_worker_put(
	struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
	(void)w;
	(void)work;
	(void)done;
	(void)ctx;
	return ERR_LIMIT; /* nothing is written */
}

/* ---- Messages ------------------------------------------------------------------------------- */

static size_t told;

static void on_dispatch(void *ctx, struct platform_gateway *g, struct str type,
	const struct json_item *d, struct str bytes)
{
	(void)ctx;
	(void)g;
	(void)d;
	must(type.len > 0 && bytes.len > 0);
	told++;
}

static void say(const char *text, size_t n)
{
	static char copy[IN_BYTES + 1];

	memcpy(copy, text, n);
	copy[n] = '\0';
	socket_now.o.message(socket_now.o.ctx, copy, n);
}

static struct platform_gateway *come_up(struct io *io, struct platform_sessions *sessions,
	struct platform_identify *identify, struct secret *token)
{
	static const char hello[] = "{\"op\":10,\"d\":{\"heartbeat_interval\":600000}}";
	static const char ready[] =
		"{\"op\":0,\"s\":1,\"t\":\"READY\",\"d\":{\"session_id\":\"a\"}}";
	struct platform_gateway_options o = {.io = io,
		.url = "wss://gateway.example",
		.token = token,
		.shards = 1,
		.identify = identify,
		.sessions = sessions,
		.dispatch = on_dispatch};
	struct platform_gateway *g;

	must(platform_gateway_new(&o, &g) == 0);
	io_advance(io, clock_mono_ms());
	socket_now.o.open(socket_now.o.ctx);
	say(hello, sizeof(hello) - 1);
	io_advance(io, clock_mono_ms() + 10000);
	say(ready, sizeof(ready) - 1);
	must(g->state == PLATFORM_GATEWAY_READY && told == 1);
	return g;
}

/* Gives whether the connection lives on. */
static bool expect(struct str line, int64_t *seq, size_t *events)
{
	struct json *j;
	int err = json_parse(line, PLATFORM_GATEWAY_BYTES, &j, NULL);
	int64_t op, s;

	if (err == ERR_LIMIT)
		return true;
	if (err || !json_is_object(j)) {
		json_free(j);
		return false;
	}
	op = json_int(j, "op", -1);
	s = json_int(j, "s", -1);
	if (op == 0 && json_str(j, "t").len > 0 && s > *seq) {
		*seq = s;
		++*events;
	}
	json_free(j);
	return op != 7 && op != 9;
}

static void check_messages(struct str in)
{
	static struct io *io;
	static struct secret *token;
	struct platform_sessions *sessions;
	struct platform_identify *identify;
	struct platform_gateway *g;
	int64_t seq = 1;
	size_t events = 1;
	bool is_alive = true;

	if (!io) {
		must(log_open(NULL, LOG_ERROR) == 0 && io_new(&io) == 0);
		must(secret_new(STR("token"), &token) == 0);
	}
	clock_freeze(1763740800000);
	told = 0;
	must(platform_sessions_open(io, NULL, "/nowhere", token, &sessions) == 0);
	must(platform_identify_open(io, NULL, "/nowhere", token, &identify) == 0);
	g = come_up(io, sessions, identify, token);
	while (in.len > 0 && is_alive) {
		struct str line = str_split(&in, '\n');

		is_alive = expect(line, &seq, &events);
		say(line.at, line.len);
		must(told == events && socket_now.is_open == is_alive);
		must(g->session.seq == (g->session.id[0] ? seq : -1));
	}
	platform_gateway_free(g);
	platform_sessions_free(sessions);
	platform_identify_free(identify);
	io_advance(io, clock_mono_ms());
}

/* ---- Compression ---------------------------------------------------------------------------- */

static void check_inflate(struct str in, size_t cut)
{
	struct platform_inflate *whole, *parts;
	struct str a, b;
	int got, half;

	must(platform_inflate_new(IN_BYTES, &whole) == 0);
	must(platform_inflate_new(IN_BYTES, &parts) == 0);
	got = platform_inflate_feed(whole, in, &a);
	must(got <= 1 && (got < 1 || a.len <= IN_BYTES));
	half = platform_inflate_feed(parts, (struct str){in.at, cut}, &b);
	if (half == 0) { /* else it looked like an end */
		half = platform_inflate_feed(parts, (struct str){in.at + cut, in.len - cut}, &b);
		must(half == got);
		must(got < 1 || str_eq(a, b));
	}
	platform_inflate_free(whole);
	platform_inflate_free(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};

	if (size < 3 || size > IN_BYTES)
		return 0;
	if (data[0] != 'z') {
		check_messages(in);
		return 0;
	}
	in.at += 2;
	in.len -= 2;
	check_inflate(in, data[1] % in.len);
	return 0;
}
