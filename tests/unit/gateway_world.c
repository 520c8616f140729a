#include "unit/gateway_world.h"

struct gateway_world gw;

/* What the worker has done and not told yet. */
static struct job {
	void (*done)(void *ctx);
	void *ctx;
} jobs[16];
static size_t n_jobs;
static struct io_timer *finisher;

/* The linker puts these in the place of io's (--wrap). */
struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o);
void __wrap_io_ws_free(struct io_ws *ws);
void __wrap_io_ws_close(struct io_ws *ws, int code);
int __wrap_io_ws_send(struct io_ws *ws, struct str text, bool ahead);
int __wrap_io_worker_put(
	struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);

struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o)
{
	struct io_ws *ws = mem_new(sizeof(*ws));
	struct io_ws **all = mem_resize(gw.ws, (gw.sockets + 1) * sizeof(struct io_ws *));

	(void)io;
	assert_non_null(ws);
	assert_non_null(all);
	gw.ws = all;
	gw.ws[gw.sockets++] = ws;
	ws->o = *o;
	ws->at_ms = clock_mono_ms();
	ws->code = GATEWAY_OPEN;
	snprintf(ws->url, sizeof(ws->url), "%s", o->url);
	return ws;
}

void __wrap_io_ws_free(struct io_ws *ws)
{
	if (!ws || ws->is_gone)
		return;
	ws->is_gone = true;
	ws->code = 0;
}

void __wrap_io_ws_close(struct io_ws *ws, int code)
{
	if (!ws || ws->is_gone)
		return;
	ws->is_gone = true;
	ws->code = code;
}

int __wrap_io_ws_send(struct io_ws *ws, struct str text, bool ahead)
{
	struct gateway_said *said;

	(void)ahead;
	assert_non_null(ws);
	assert_false(ws->is_gone);
	assert_true(text.len <= 4096);
	said = mem_resize(ws->said, (ws->n + 1) * sizeof(*said));
	assert_non_null(said);
	ws->said = said;
	said[ws->n].at_ms = clock_mono_ms();
	said[ws->n++].text = mem_dupn(text.at, text.len);
	return 0;
}

int __wrap_io_worker_put(
	struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
	struct job *j = &jobs[n_jobs];

	(void)w;
	if (gw.is_disk_slow)
		return ERR_LIMIT;
	assert_true(n_jobs < COUNT(jobs));
	n_jobs++;
	*j = (struct job){done, ctx};
	work(ctx);
	io_timer_start(finisher, 0);
	return 0;
}

/* What is done may put more to be done. */
static void finish_jobs(void *ctx)
{
	struct job now[COUNT(jobs)];
	size_t n = n_jobs;

	(void)ctx;
	memcpy(now, jobs, sizeof(now));
	n_jobs = 0;
	for (size_t i = 0; i < n; i++)
		now[i].done(now[i].ctx);
}

/* ---- The owner ------------------------------------------------------------------------------ */

static void on_dispatch(void *ctx, struct platform_gateway *g, struct str type,
	const struct json_item *d, struct str bytes)
{
	struct json *message;

	(void)ctx;
	(void)d;
	gw.dispatches++;
	if (bytes.len > gw.biggest)
		gw.biggest = bytes.len;
	assert_int_equal(json_parse(bytes, PLATFORM_GATEWAY_BYTES, &message, NULL), 0);
	assert_int_equal(buf_addf(&gw.types, "%.*s:%lld ", STR_FMT(type),
				 (long long)json_int(message, "s", -1)),
		0);
	json_free(message);
	if (gw.on_dispatch)
		gw.on_dispatch(g, type);
}

static void on_state(void *ctx, struct platform_gateway *g, enum platform_gateway_state s,
	int close_code, const char *why)
{
	static const char *const names[] = {"down", "connecting", "ready", "refused", "stopped"};

	(void)ctx;
	(void)g;
	gw.state = s;
	gw.close_code = close_code;
	snprintf(gw.why, sizeof(gw.why), "%s", why);
	assert_int_equal(buf_addf(&gw.states, "%s ", names[s]), 0);
}

static void on_lost(void *ctx, struct platform_gateway *g)
{
	(void)ctx;
	(void)g;
	gw.losses++;
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void open_files(void)
{
	assert_int_equal(
		platform_sessions_open(gw.io, gw.worker, gw.dir, gw.token, &gw.sessions), 0);
	assert_int_equal(
		platform_identify_open(gw.io, gw.worker, gw.dir, gw.token, &gw.identify), 0);
}

static void close_files(void)
{
	platform_gateway_free(gw.gateway);
	gw.gateway = NULL;
	platform_sessions_free(gw.sessions);
	platform_identify_free(gw.identify);
	gw.sessions = NULL;
	gw.identify = NULL;
	gateway_pass(0);
}

/* In memory where there is such a folder: what is synced thousands of times should not wait for a
 * disk. */
static char *make_folder(void)
{
	char *path = mem_dup("/dev/shm/mynah-unit-XXXXXX");

	assert_non_null(path);
	if (mkdtemp(path))
		return path;
	mem_free(path);
	return unit_make_folder();
}

int gateway_setup(void **state)
{
	(void)state;
	memset(&gw, 0, sizeof(gw));
	clock_freeze(GATEWAY_WALL_MS);
	rand_seed(11);
	assert_int_equal(log_open(NULL, LOG_ERROR), 0);
	assert_int_equal(io_new(&gw.io), 0);
	finisher = io_timer_new(gw.io, finish_jobs, NULL);
	assert_non_null(finisher);
	assert_int_equal(secret_new(STR(GATEWAY_TOKEN), &gw.token), 0);
	gw.dir = make_folder();
	gw.intents = 38403;
	buf_init(&gw.types, 1 << 22);
	buf_init(&gw.states, 1 << 22);
	open_files();
	return 0;
}

void gateway_begin(void)
{
	struct platform_gateway_options o = {.io = gw.io,
		.url = GATEWAY_BASE,
		.token = gw.token,
		.intents = gw.intents,
		.shards = 1,
		.compress = gw.compress,
		.identify = gw.identify,
		.sessions = gw.sessions,
		.dispatch = on_dispatch,
		.state = on_state,
		.lost = on_lost};

	assert_int_equal(platform_gateway_new(&o, &gw.gateway), 0);
	gateway_pass(0);
}

void gateway_restart(void)
{
	close_files();
	open_files();
	gateway_begin();
}

const char *gateway_path(const char *begin)
{
	static char path[512];
	char **names;
	size_t n;

	path[0] = '\0';
	assert_int_equal(file_names(gw.dir, "", &names, &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(names[i], begin, strlen(begin)) == 0)
			snprintf(path, sizeof(path), "%s/%s", gw.dir, names[i]);
	}
	file_names_free(names, n);
	return path;
}

void gateway_spend(int n)
{
	long long wall_ms = clock_wall_ms();
	struct buf text;

	while (platform_identify_take(gw.identify, 0) > 0) /* makes the file */
		gateway_pass(20);
	platform_identify_free(gw.identify);
	gateway_pass(0);
	buf_init(&text, 1 << 20);
	assert_int_equal(buf_addf(&text, "mynah-discord-identifies 1\t%lld\t%lld\n",
				 (long long)clock_mono_ms(), (long long)clock_wall_ms()),
		0);
	for (int i = 0; i < n; i++)
		assert_int_equal(buf_addf(&text, "identify\t%lld\t0\n", wall_ms), 0);
	assert_int_equal(buf_addf(&text, "end\t%d\n", n), 0);
	assert_int_equal(file_replace(gateway_path("discord-identifies"), buf_str(&text), 0600), 0);
	buf_fini(&text);
	assert_int_equal(
		platform_identify_open(gw.io, gw.worker, gw.dir, gw.token, &gw.identify), 0);
}

static void remove_folder(void)
{
	char **names;
	size_t n;

	assert_int_equal(file_names(gw.dir, "", &names, &n), 0);
	unit_remove_folder(gw.dir, (const char *const *)names, n);
	file_names_free(names, n);
}

int gateway_teardown(void **state)
{
	(void)state;
	close_files();
	for (size_t i = 0; i < gw.sockets; i++) {
		for (size_t k = 0; k < gw.ws[i]->n; k++)
			mem_free(gw.ws[i]->said[k].text);
		mem_free(gw.ws[i]->said);
		mem_free(gw.ws[i]);
	}
	mem_free(gw.ws);
	io_timer_free(finisher);
	io_free(gw.io);
	secret_free(gw.token);
	buf_fini(&gw.types);
	buf_fini(&gw.states);
	remove_folder();
	log_close();
	metric_reset();
	return 0;
}

void gateway_pass(int64_t ms)
{
	io_advance(gw.io, clock_mono_ms() + ms);
}

/* ---- The server ----------------------------------------------------------------------------- */

struct io_ws *gateway_last(void)
{
	assert_true(gw.sockets > 0);
	return gw.ws[gw.sockets - 1];
}

size_t gateway_live(void)
{
	size_t n = 0;

	for (size_t i = 0; i < gw.sockets; i++)
		n += !gw.ws[i]->is_gone;
	return n;
}

void gateway_open(struct io_ws *ws)
{
	assert_false(ws->is_gone);
	ws->o.open(ws->o.ctx);
	gateway_pass(0);
}

/* The bytes are the callee's to write on, and followed by a NUL. */
void gateway_tell_bytes(struct io_ws *ws, struct str bytes, bool is_binary)
{
	char *copy = mem_dupn(bytes.at, bytes.len);

	assert_non_null(copy);
	assert_false(ws->is_gone);
	if (is_binary)
		ws->o.binary(ws->o.ctx, copy, bytes.len);
	else
		ws->o.message(ws->o.ctx, copy, bytes.len);
	mem_free(copy);
	gateway_pass(0);
}

void gateway_tell(struct io_ws *ws, const char *text)
{
	gateway_tell_bytes(ws, str_of(text), false);
}

void gateway_tellf(struct io_ws *ws, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gateway_tell(ws, text);
}

void gateway_hello(struct io_ws *ws, int64_t interval_ms)
{
	gateway_open(ws);
	gateway_tellf(ws,
		"{\"op\":10,\"s\":null,\"t\":null,\"d\":{\"heartbeat_interval\":%lld,"
		"\"_trace\":[\"[\\\"gateway-test-a\\\",{\\\"micros\\\":0.0}]\"]}}",
		(long long)interval_ms);
}

void gateway_ready(struct io_ws *ws, const char *id, int64_t seq)
{
	gateway_tellf(ws,
		"{\"op\":0,\"s\":%lld,\"t\":\"READY\",\"d\":{\"v\":10,\"user\":{\"id\":"
		"\"1180000000000000001\"},\"guilds\":[],\"session_id\":\"%s\",\"resume_gateway_"
		"url\":"
		"\"" GATEWAY_RESUME "\",\"session_type\":\"normal\",\"shard\":[0,1]}}",
		(long long)seq, id);
}

void gateway_dispatch(struct io_ws *ws, const char *type, int64_t seq)
{
	gateway_tellf(ws, "{\"op\":0,\"s\":%lld,\"t\":\"%s\",\"d\":{\"id\":\"%lld\"}}",
		(long long)seq, type, (long long)seq);
}

static void end_socket(struct io_ws *ws, int err, enum io_phase phase, int code, const char *why)
{
	assert_false(ws->is_gone);
	ws->o.closed(ws->o.ctx, err, phase, code, why);
	assert_true(ws->is_gone); /* let go by its owner */
	gateway_pass(0);
}

void gateway_close(struct io_ws *ws, int code)
{
	end_socket(ws, ERR_CLOSED, IO_OPEN, code, code ? "closed" : "broke");
}

void gateway_refuse(struct io_ws *ws)
{
	end_socket(ws, ERR_CONNECT, IO_TCP, 0, "refused");
}

struct io_ws *gateway_come_up(const char *id)
{
	struct io_ws *ws = gateway_last();

	gateway_hello(ws, 41250);
	gateway_pass(50);
	gateway_ready(ws, id, 1);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_READY);
	return ws;
}

/* ---- What was said -------------------------------------------------------------------------- */

size_t gateway_count(const struct io_ws *ws, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < ws->n; i++)
		n += strncmp(ws->said[i].text, text, strlen(text)) == 0;
	return n;
}

const struct gateway_said *gateway_find(const struct io_ws *ws, const char *text)
{
	for (size_t i = ws->n; i > 0; i--) {
		if (strncmp(ws->said[i - 1].text, text, strlen(text)) == 0)
			return &ws->said[i - 1];
	}
	return NULL;
}

size_t gateway_count_all(const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < gw.sockets; i++)
		n += gateway_count(gw.ws[i], text);
	return n;
}
