/* A network in virtual time. */
#include "unit/sim_net.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEADLINE_MS 10000 /* of io's own phases: an upgrade, a request */

enum kind { RUN, CONNECTED, NOT_CONNECTED, SAY, END, DONE, JOB };

struct action {
	int64_t at_ms;
	enum kind kind;
	unsigned generation;
	struct io_ws *ws;
	struct io_http *http;
	void (*run)(void *arg);  /* RUN; SAY: arrived; JOB: done */
	void (*work)(void *arg); /* JOB */
	void *arg;
	int code;
	char *text;
	struct action *next;
};

struct sim_count sim_count;

static struct {
	struct io *io;
	struct io_timer *timer;
	struct sim_servers servers;
	struct action *first; /* by time; of one time in the order they were asked for */
	bool is_running;
	uint64_t dice;
	struct io_ws sockets[SIM_SOCKETS];
	struct io_http requests[SIM_REQUESTS];
} net;

static void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "simulation: %s\n", what);
	abort();
}

/* ---- Dice: apart from the program's, so that its use of chance does not change the schedule ----
 */

int64_t sim_chance(int64_t lo, int64_t hi)
{
	net.dice ^= net.dice << 13;
	net.dice ^= net.dice >> 7;
	net.dice ^= net.dice << 17;
	return lo + (int64_t)(net.dice % (uint64_t)(hi - lo + 1));
}

/* ---- The queue ---------------------------------------------------------------------------------
 */

static struct action *add(int64_t ms, enum kind kind)
{
	struct action *a = calloc(1, sizeof(*a)), **at = &net.first;

	must(a != NULL, "memory");
	a->at_ms = clock_mono_ms() + ms;
	a->kind = kind;
	while (*at && (*at)->at_ms <= a->at_ms)
		at = &(*at)->next;
	a->next = *at;
	*at = a;
	if (net.first == a && !net.is_running)
		io_timer_start(net.timer, ms);
	return a;
}

static void tell_closed(struct io_ws *ws, int err, enum io_phase phase, int code)
{
	if (ws->state == SIM_OPEN) {
		sim_count.open_now--;
		net.servers.left(ws);
	}
	ws->state = SIM_ENDED;
	ws->generation++;
	ws->o.closed(ws->o.ctx, err, phase, code, code ? "closed" : "it broke");
}

static void on_connected(struct io_ws *ws)
{
	ws->state = SIM_OPEN;
	sim_count.open_now++;
	net.servers.opened(ws);
	ws->o.open(ws->o.ctx);
}

static void on_done(struct action *a)
{
	struct io_http *h = a->http;

	if (a->text && h->o.data)
		h->o.data(h->o.ctx, a->text, strlen(a->text));
	h->o.done(h->o.ctx, a->code, a->code ? err_name(a->code) : "");
	h->is_on = false;
	h->generation++;
}

static void act(struct action *a)
{
	if (a->ws && (a->ws->generation != a->generation || a->ws->state == SIM_FREE))
		return;
	if (a->http && (a->http->generation != a->generation || !a->http->is_on))
		return;
	switch (a->kind) {
	case RUN: a->run(a->arg); break;
	case CONNECTED: on_connected(a->ws); break;
	case NOT_CONNECTED: tell_closed(a->ws, a->code, IO_UPGRADE, 0); break;
	case END:
		if (!a->ws->is_mute)
			tell_closed(a->ws, ERR_CLOSED, IO_OPEN, a->code);
		break;
	case SAY:
		if (a->ws->state != SIM_OPEN || a->ws->is_mute)
			break;
		if (a->run)
			a->run(a->arg);
		a->ws->o.message(a->ws->o.ctx, a->text, strlen(a->text));
		break;
	case DONE: on_done(a); break;
	case JOB:
		a->work(a->arg);
		if (a->run)
			a->run(a->arg);
		break;
	}
}

static void free_action(struct action *a)
{
	free(a->text);
	free(a);
}

static void run_due(void *ctx)
{
	(void)ctx;
	net.is_running = true;
	while (net.first && net.first->at_ms <= clock_mono_ms()) {
		struct action *a = net.first;

		net.first = a->next;
		act(a);
		free_action(a);
	}
	net.is_running = false;
	if (net.first)
		io_timer_start(net.timer, net.first->at_ms - clock_mono_ms());
}

void sim_later(int64_t ms, void (*run)(void *arg), void *arg)
{
	struct action *a = add(ms, RUN);

	a->run = run;
	a->arg = arg;
}

void sim_net_begin(struct io *io, const struct sim_servers *servers)
{
	const char *seed = getenv("MYNAH_TEST_SEED"); /* for whoever looks for more */

	memset(&net, 0, sizeof(net));
	memset(&sim_count, 0, sizeof(sim_count));
	net.io = io;
	net.dice = seed ? strtoul(seed, NULL, 10) * 0x9e3779b97f4a7c15 : 20261121;
	net.servers = *servers;
	net.timer = io_timer_new(io, run_due, NULL);
	must(net.timer != NULL, "memory");
}

void sim_net_end(void)
{
	struct action *a;

	while ((a = net.first) != NULL) {
		net.first = a->next;
		free_action(a);
	}
	io_timer_free(net.timer);
}

/* ---- WebSockets --------------------------------------------------------------------------------
 */

struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o);
int __wrap_io_ws_send(struct io_ws *ws, struct str text, bool ahead);
void __wrap_io_ws_close(struct io_ws *ws, int code);
void __wrap_io_ws_free(struct io_ws *ws);

struct io_ws *__wrap_io_ws_open(struct io *io, const struct io_ws_options *o)
{
	struct io_ws *ws = net.sockets;
	enum sim_verdict verdict;

	must(io == net.io, "another loop");
	while (ws < net.sockets + SIM_SOCKETS && ws->state != SIM_FREE)
		ws++;
	must(ws < net.sockets + SIM_SOCKETS, "sockets pile up: closed ones are not freed");
	ws->o = *o;
	ws->state = SIM_OPENING;
	ws->is_mute = false;
	ws->peer = NULL;
	snprintf(ws->url, sizeof(ws->url), "%s", o->url);
	sim_count.opens++;
	sim_count.handles_now++;
	verdict = net.servers.connect(ws);
	struct action *a = add(verdict == SIM_HANG ? DEADLINE_MS : sim_chance(5, 400),
		verdict == SIM_ACCEPT ? CONNECTED : NOT_CONNECTED);
	a->ws = ws;
	a->generation = ws->generation;
	a->code = verdict == SIM_HANG ? ERR_TIMEOUT : ERR_CONNECT;
	return ws;
}

int __wrap_io_ws_send(struct io_ws *ws, struct str text, bool ahead)
{
	char line[8192];

	(void)ahead;
	if (ws->state != SIM_OPEN)
		return ERR_CLOSED;
	must(text.len < sizeof(line), "a long line");
	snprintf(line, sizeof(line), "%.*s", STR_FMT(text));
	if (!ws->is_mute)
		net.servers.heard(ws, line);
	return 0;
}

void __wrap_io_ws_free(struct io_ws *ws)
{
	if (!ws || ws->state == SIM_FREE)
		return;
	if (ws->state == SIM_OPEN) {
		sim_count.open_now--;
		net.servers.left(ws);
	}
	ws->state = SIM_FREE;
	ws->generation++;
	sim_count.handles_now--;
}

void __wrap_io_ws_close(struct io_ws *ws, int code)
{
	must(code == 1000, "an odd close code");
	__wrap_io_ws_free(ws);
}

void sim_ws_say(
	struct io_ws *ws, int64_t ms, const char *text, void (*arrived)(void *arg), void *arg)
{
	struct action *a = add(ms, SAY);

	a->ws = ws;
	a->generation = ws->generation;
	a->text = strdup(text);
	must(a->text != NULL, "memory");
	a->run = arrived;
	a->arg = arg;
}

void sim_net_lose(void)
{
	for (struct action **at = &net.first, *a; (a = *at) != NULL;) {
		if (a->kind != SAY) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		free_action(a);
	}
}

void sim_ws_end(struct io_ws *ws, int64_t ms, int code)
{
	struct action *a = add(ms, END);

	a->ws = ws;
	a->generation = ws->generation;
	a->code = code;
}

/* ---- HTTP --------------------------------------------------------------------------------------
 */

struct io_http *__wrap_io_http_start(struct io *io, const struct io_http_options *o);
const char *__wrap_io_http_header(const struct io_http *h, const char *name);
int __wrap_io_http_status(const struct io_http *h);
int64_t __wrap_io_http_retry_after_ms(const struct io_http *h);
int64_t __wrap_io_http_date_ms(const struct io_http *h);
bool __wrap_io_http_was_sent(const struct io_http *h);
void __wrap_io_http_cancel(struct io_http *h);

struct io_http *__wrap_io_http_start(struct io *io, const struct io_http_options *o)
{
	struct io_http *h = net.requests;

	must(io == net.io && o->body.len < SIM_BODY_BYTES, "an odd request");
	while (h < net.requests + SIM_REQUESTS && h->is_on)
		h++;
	must(h < net.requests + SIM_REQUESTS, "requests pile up");
	h->o = *o;
	h->is_on = true;
	h->status = 0;
	h->limit = h->remaining = h->reset_s = -1;
	h->was_sent = false;
	snprintf(h->method, sizeof(h->method), "%s", o->method);
	snprintf(h->url, sizeof(h->url), "%s", o->url);
	snprintf(h->body, sizeof(h->body), "%.*s", STR_FMT(o->body));
	h->token[0] = '\0';
	for (const char *const *header = o->headers; header && *header; header++) {
		if (strncasecmp(*header, "Authorization: ", 15) == 0)
			snprintf(h->token, sizeof(h->token), "%s", strrchr(*header, ' ') + 1);
	}
	sim_count.requests++;
	net.servers.request(h);
	return h;
}

void sim_http_answer(struct io_http *h, int64_t ms, int status, const char *body)
{
	struct action *a = add(ms, DONE);

	h->status = status;
	h->was_sent = true;
	a->http = h;
	a->generation = h->generation;
	a->text = strdup(body);
	must(a->text != NULL, "memory");
}

void sim_http_fail(struct io_http *h, int64_t ms, int err, bool was_sent)
{
	struct action *a = add(ms < h->o.total_ms ? ms : h->o.total_ms, DONE);

	h->was_sent = was_sent;
	a->http = h;
	a->generation = h->generation;
	a->code = err;
}

static const char *number(int64_t n)
{
	static char text[4][24];
	static unsigned at;

	if (n < 0)
		return "";
	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%lld", (long long)n);
	return text[at];
}

const char *__wrap_io_http_header(const struct io_http *h, const char *name)
{
	if (strcasecmp(name, "Content-Type") == 0)
		return "application/json; charset=utf-8";
	return strcasecmp(name, "Ratelimit-Limit") == 0       ? number(h->limit)
	       : strcasecmp(name, "Ratelimit-Remaining") == 0 ? number(h->remaining)
	       : strcasecmp(name, "Ratelimit-Reset") == 0     ? number(h->reset_s)
							      : "";
}

int __wrap_io_http_status(const struct io_http *h)
{
	return h->status;
}

int64_t __wrap_io_http_retry_after_ms(const struct io_http *h)
{
	(void)h;
	return -1;
}

int64_t __wrap_io_http_date_ms(const struct io_http *h)
{
	return h->status ? clock_wall_ms() : -1;
}

bool __wrap_io_http_was_sent(const struct io_http *h)
{
	return h->was_sent;
}

void __wrap_io_http_cancel(struct io_http *h)
{
	if (!h)
		return;
	h->is_on = false;
	h->generation++;
}

/* ---- The worker: its jobs take a while of virtual time -----------------------------------------
 */

int __wrap_io_worker_put(
	struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);
void __real_io_worker_free(struct io_worker *w);
void __wrap_io_worker_free(struct io_worker *w);

int __wrap_io_worker_put(
	struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
	struct action *a = add(sim_chance(1, 60), JOB);

	(void)w;
	a->work = work;
	a->run = done;
	a->arg = ctx;
	return 0;
}

/* As io's does: what waits is done. There is one worker. */
void __wrap_io_worker_free(struct io_worker *w)
{
	struct action **at = &net.first, *a;

	while ((a = *at) != NULL) {
		if (a->kind != JOB) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		act(a);
		free_action(a);
		at = &net.first;
	}
	__real_io_worker_free(w);
}

/* ---- What is counted ---------------------------------------------------------------------------
 */

void __real_io_timer_start(struct io_timer *t, int64_t in_ms);
void __wrap_io_timer_start(struct io_timer *t, int64_t in_ms);

void __wrap_io_timer_start(struct io_timer *t, int64_t in_ms)
{
	sim_count.timers++;
	__real_io_timer_start(t, in_ms);
}

void *__real_mem_new(size_t bytes);
void *__wrap_mem_new(size_t bytes);
void *__real_mem_array(size_t n, size_t item_bytes);
void *__wrap_mem_array(size_t n, size_t item_bytes);
void *__real_mem_resize(void *p, size_t bytes);
void *__wrap_mem_resize(void *p, size_t bytes);
char *__real_mem_dup(const char *s);
char *__wrap_mem_dup(const char *s);
char *__real_mem_dupn(const char *s, size_t len);
char *__wrap_mem_dupn(const char *s, size_t len);
void __real_mem_free(void *p);
void __wrap_mem_free(void *p);

static void *counted(void *p)
{
	sim_count.bytes_now += malloc_usable_size(p);
	return p;
}

void *__wrap_mem_new(size_t bytes)
{
	return counted(__real_mem_new(bytes));
}

void *__wrap_mem_array(size_t n, size_t item_bytes)
{
	return counted(__real_mem_array(n, item_bytes));
}

void *__wrap_mem_resize(void *p, size_t bytes)
{
	size_t before = malloc_usable_size(p);
	void *grown = __real_mem_resize(p, bytes);

	if (!grown)
		return NULL;
	sim_count.bytes_now -= before;
	return counted(grown);
}

char *__wrap_mem_dup(const char *s)
{
	return counted(__real_mem_dup(s));
}

char *__wrap_mem_dupn(const char *s, size_t len)
{
	return counted(__real_mem_dupn(s, len));
}

void __wrap_mem_free(void *p)
{
	sim_count.bytes_now -= malloc_usable_size(p);
	__real_mem_free(p);
}
