/* One shard's states.
 *
 *   (no socket) -> OPENING -> HELLO -> LOGIN -> SERVING
 *        ^            |         |  \-> QUEUED --^  |   QUEUED: an IDENTIFY waits for its turn
 *        +------------+---------+-------+----------+   the backoff, or REFUSED: never again
 *
 * With a session in hand it resumes: at the session's URL, or, when that could not be connected
 * to, at the base URL, by turns. Three RESUMEs in a row that are not answered with RESUMED, an op
 * 9 false and some close codes end the session; then it IDENTIFYs, always at the base URL.
 *
 * Waits have full jitter, from 1 s to 60 s before a RESUME, to 600 s before an IDENTIFY, and begin
 * anew after a minute of service. IDENTIFYs that lead to nothing keep a distance that doubles from
 * 5 s, on top: jitter alone would let ten pass in five minutes. */
#include "platform/discord_shard.h"

#include <stdio.h>
#include <string.h>

#define HELLO_MS 30000            /* discord.md 1.5 */
#define LOGIN_MS 60000            /* discord.md 11.1: READY of large bots is late */
#define RESUME_CAP_MS 60000       /* discord.md 11.1 */
#define IDENTIFY_CAP_MS 600000    /* discord.md section 3: 288 a day */
#define APART_MS 5000             /* between IDENTIFYs that failed; doubles */
#define APART_MOST_MS 320000
#define RESUMES_MAX 3             /* discord.md 11.1 */
#define PATIENCE_MS 30000         /* a longer wait for an IDENTIFY is none on a socket */
#define ASK_AGAIN_MS (5 * 60000)  /* between two times that lost is told */
#define STOP_FLUSH_MS 300         /* the goodbye goes out meanwhile; io drops the rest after 1 s */
#define CODE_RESUME 4900          /* discord.md 11.2: ours, neither 1000 nor 1001 */
#define CODE_STOP 1000
#define QUERY "/?v=10&encoding=json"

static struct metric connects = {.name = "mynah_gateway_connects_total", .kind = METRIC_COUNTER,
	.label = "for", .help = "Connections begun to Discord's gateway, by what was meant."};
static struct metric ends = {.name = "mynah_gateway_ends_total", .kind = METRIC_COUNTER,
	.label = "code", .help = "Ends of connections to Discord's gateway, by close code."};
static struct metric resumes = {.name = "mynah_gateway_resumes_total", .kind = METRIC_COUNTER,
	.label = "result", .help = "RESUMEs sent to Discord's gateway, by what became of them."};
static struct metric identifies = {.name = "mynah_gateway_identifies_total",
	.kind = METRIC_COUNTER, .help = "IDENTIFYs sent to Discord's gateway."};
static struct metric identifies_day = {.name = "mynah_gateway_identifies_today",
	.kind = METRIC_GAUGE, .help = "IDENTIFYs in the last 24 hours; at 900 they stop."};

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- Memory that outlives callbacks --------------------------------------------------------- */

void platform_shard_enter(struct platform_gateway *g)
{
	g->depth++;
}

void platform_shard_leave(struct platform_gateway *g)
{
	if (--g->depth == 0 && g->is_doomed)
		platform_shard_free(g);
}

void platform_shard_soon(struct platform_gateway *g)
{
	if (g->is_doomed)
		return;
	g->is_soon = true;
	io_timer_start(g->timer, 0);
}

/* ---- States --------------------------------------------------------------------------------- */

static void set_state(struct platform_gateway *g, enum platform_gateway_state state,
	int close_code, const char *why)
{
	if (g->state == state && strcmp(g->why, why) == 0)
		return;
	if (g->state != state)
		g->since_wall_ms = clock_wall_ms();
	g->state = state;
	g->close_code = close_code;
	snprintf(g->why, sizeof(g->why), "%s", why);
	if (g->o.state && !g->is_doomed)
		g->o.state(g->o.ctx, g, state, close_code, g->why);
}

void platform_shard_keep(struct platform_gateway *g)
{
	int err = platform_sessions_put(g->o.sessions, g->o.shard, g->o.shards, &g->session);

	if (err)
		log_event(LOG_ERROR, "platform", "session_not_kept", "error", err_name(err), NULL);
}

static void forget_session(struct platform_gateway *g)
{
	g->session = (struct platform_session){.seq = -1};
	g->failed_resumes = 0;
	g->is_host_bad = false;
	platform_shard_keep(g);
}

void platform_shard_drop(struct platform_gateway *g, int code)
{
	struct io_ws *ws = g->wire.ws;

	platform_inflate_free(g->wire.inflate);
	g->wire = (struct platform_wire){.phase = PLATFORM_WIRE_NONE};
	g->generation++;
	if (code)
		io_ws_close(ws, code);
	else
		io_ws_free(ws);
}

/* ---- What follows an end -------------------------------------------------------------------- */

/* What the end of this connection says about the session and its host. */
static enum platform_next judge(struct platform_gateway *g, const struct platform_end *e)
{
	const struct platform_wire *w = &g->wire;
	enum platform_next next = e->next;

	if (w->is_resume && w->phase == PLATFORM_WIRE_LOGIN) {
		g->failed_resumes++;
		metric_add(&resumes, "failed", 1);
	}
	if (w->is_resume && w->phase < PLATFORM_WIRE_LOGIN && !e->is_at_once)
		g->is_host_bad = !w->is_base;
	if (next == PLATFORM_NEXT_RESUME && g->failed_resumes >= RESUMES_MAX)
		next = PLATFORM_NEXT_IDENTIFY;
	if (next == PLATFORM_NEXT_IDENTIFY && g->session.id[0])
		forget_session(g);
	if (next == PLATFORM_NEXT_RESUME && !g->session.id[0])
		next = PLATFORM_NEXT_IDENTIFY;
	return next;
}

static int64_t wait_before(struct platform_gateway *g, const struct platform_end *e,
	enum platform_next next, int64_t now_ms)
{
	int64_t wait_ms, apart_ms = 0;

	g->backoff.cap_ms = next == PLATFORM_NEXT_RESUME ? RESUME_CAP_MS : IDENTIFY_CAP_MS;
	wait_ms = io_backoff_next(&g->backoff, now_ms);
	if (g->backoff.tries == 1) /* a minute of service went before */
		g->failed_identifies = 0;
	if (e->is_at_once && g->backoff.tries == 1)
		wait_ms = 0;
	if (next == PLATFORM_NEXT_IDENTIFY && g->failed_identifies > 0) {
		apart_ms = APART_MS;
		for (unsigned k = 1; k < g->failed_identifies && apart_ms < APART_MOST_MS; k++)
			apart_ms *= 2;
		apart_ms -= now_ms - g->identified_ms;
	}
	if (wait_ms < apart_ms)
		wait_ms = apart_ms;
	return wait_ms > e->least_ms ? wait_ms : e->least_ms;
}

static void tell_lost(struct platform_gateway *g, int64_t now_ms)
{
	if (g->wire.phase != PLATFORM_WIRE_OPENING || !g->wire.is_base || !g->o.lost)
		return;
	if (g->lost_ms != INT64_MIN && now_ms - g->lost_ms < ASK_AGAIN_MS)
		return;
	g->lost_ms = now_ms;
	g->o.lost(g->o.ctx, g);
}

static void log_end(struct platform_gateway *g, const struct platform_end *e, const char *next)
{
	if (g->logged_err == e->err && g->logged_code == e->code)
		return;
	g->logged_err = e->err;
	g->logged_code = e->code;
	log_event(LOG_ERROR, "platform", "gateway_down", "result", "FAILED", "message", e->why,
		"error", err_name(e->err), LOG_INT("shard", g->o.shard), LOG_INT("code", e->code),
		"next", next, LOG_INT("retry_ms", g->retry_ms - clock_mono_ms()), NULL);
}

static void refuse(struct platform_gateway *g, const struct platform_end *e)
{
	g->retry_ms = INT64_MAX;
	forget_session(g);
	log_event(LOG_ERROR, "platform", "gateway_refused", "result", "FAILED", "message", e->why,
		LOG_INT("shard", g->o.shard), LOG_INT("code", e->code), NULL);
	set_state(g, PLATFORM_GATEWAY_REFUSED, e->code, e->why);
}

void platform_shard_end(struct platform_gateway *g, const struct platform_end *e)
{
	const int64_t now_ms = clock_mono_ms();
	enum platform_next next = judge(g, e);

	metric_add(&ends, platform_close_find(e->code)->label, 1);
	tell_lost(g, now_ms);
	platform_shard_drop(g, g->wire.ws ? CODE_RESUME : 0);
	if (g->session.id[0])
		platform_shard_keep(g);
	if (next == PLATFORM_NEXT_REFUSED) {
		refuse(g, e);
		return;
	}
	g->retry_ms = now_ms + wait_before(g, e, next, now_ms);
	log_end(g, e, next == PLATFORM_NEXT_RESUME ? "resume" : "identify");
	set_state(g, PLATFORM_GATEWAY_DOWN, e->code, e->why);
	platform_shard_soon(g);
}

/* ---- The socket ----------------------------------------------------------------------------- */

static void on_open(void *ctx)
{
	struct platform_gateway *g = ctx;

	g->wire.phase = PLATFORM_WIRE_HELLO;
	g->wire.since_ms = clock_mono_ms();
	platform_shard_soon(g);
}

static void on_closed(void *ctx, int err, enum io_phase phase, int code, const char *why)
{
	struct platform_gateway *g = ctx;
	const struct platform_close *c = platform_close_find(code);
	struct platform_end e = {.next = c->next, .err = err, .code = code,
		.least_ms = c->least_ms, .why = c->why[0] ? c->why : why};
	char text[sizeof(g->why)], switches[PLATFORM_SWITCHES_BYTES];

	(void)phase;
	platform_shard_enter(g);
	if (code == 4014) {
		snprintf(text, sizeof(text), "%s %s", c->why,
			platform_close_switches(g->o.intents, switches));
		e.why = text;
	}
	io_ws_free(g->wire.ws);
	g->wire.ws = NULL;
	platform_shard_end(g, &e);
	platform_shard_leave(g);
}

/* Is this a URL a session may send us to? TLS keeps out everybody but Discord; without it only
 * tests talk. */
static bool may_follow(const struct platform_gateway *g, const char *url)
{
	struct io_url to, base;

	if (io_url_parse(url, &to) < 0 || strncmp(url, "ws", 2) != 0)
		return false;
	return to.is_tls || (io_url_parse(g->url, &base) == 0 && !base.is_tls &&
		io_host_is_loopback(to.host));
}

static int make_url(const struct platform_gateway *g, const char *url, struct buf *out)
{
	size_t len = strcspn(url, "?#");
	int err;

	while (len > 0 && url[len - 1] == '/')
		len--;
	err = buf_add(out, url, len);
	if (!err)
		err = buf_adds(out, QUERY);
	return !err && g->o.compress ? buf_adds(out, "&compress=zlib-stream") : err;
}

static int open_socket(struct platform_gateway *g, struct platform_wire *w)
{
	struct buf url;
	struct io_ws_options o = {.ca_file = g->ca_file, .max_message = PLATFORM_GATEWAY_BYTES,
		.open = on_open, .message = platform_shard_text, .binary = platform_shard_binary,
		.closed = on_closed, .ctx = g};
	int err;

	buf_init(&url, sizeof(((struct io_url *)0)->path));
	err = make_url(g, w->is_base ? g->url : g->session.url, &url);
	if (!err && g->o.compress)
		err = platform_inflate_new(PLATFORM_GATEWAY_BYTES, &w->inflate);
	o.url = buf_text(&url);
	if (!err) {
		w->ws = io_ws_open(g->io, &o);
		err = w->ws ? 0 : ERR_NOMEM;
	}
	buf_fini(&url);
	return err;
}

/* Nothing is opened for an IDENTIFY that is far away. */
static bool is_worth_it(struct platform_gateway *g, int64_t now_ms)
{
	int64_t wait_ms = platform_identify_wait(g->o.identify, g->o.shard);

	if (wait_ms <= PATIENCE_MS)
		return true;
	g->retry_ms = now_ms + wait_ms;
	set_state(g, PLATFORM_GATEWAY_DOWN, 0, platform_identify_why(g->o.identify));
	return false;
}

static void open_connection(struct platform_gateway *g, int64_t now_ms)
{
	struct platform_wire *w = &g->wire;
	bool is_resume = g->session.id[0] != '\0';
	int err;

	if (!is_resume && !is_worth_it(g, now_ms))
		return;
	*w = (struct platform_wire){.phase = PLATFORM_WIRE_OPENING, .is_resume = is_resume};
	w->is_base = !is_resume || g->is_host_bad || !may_follow(g, g->session.url);
	w->since_ms = now_ms;
	g->generation++;
	metric_add(&connects, is_resume ? "resume" : "identify", 1);
	err = open_socket(g, w);
	if (err)
		platform_shard_end(g, &(struct platform_end){.err = err, .why = err == ERR_NOMEM ?
			"no memory for a connection, or its URL is none" : err_text(err)});
	else
		set_state(g, PLATFORM_GATEWAY_CONNECTING, 0, "");
}

/* ---- Login ---------------------------------------------------------------------------------- */

static void enter_login(struct platform_gateway *g, int err)
{
	g->wire.phase = PLATFORM_WIRE_LOGIN;
	g->wire.since_ms = clock_mono_ms();
	if (err)
		platform_shard_end(g, &(struct platform_end){.err = err,
			.why = "the login could not be sent"});
}

static void identify(struct platform_gateway *g, int64_t now_ms)
{
	int64_t wait_ms = platform_identify_take(g->o.identify, g->o.shard);

	metric_set(&identifies_day, NULL, platform_identify_spent(g->o.identify));
	if (wait_ms > PATIENCE_MS) {
		platform_shard_end(g, &(struct platform_end){.next = PLATFORM_NEXT_IDENTIFY,
			.err = ERR_BUSY, .least_ms = wait_ms,
			.why = platform_identify_why(g->o.identify)});
		return;
	}
	if (wait_ms > 0) {
		g->wire.phase = PLATFORM_WIRE_QUEUED;
		g->wire.ask_ms = now_ms + wait_ms;
		return;
	}
	g->failed_identifies++; /* until a minute of service proves otherwise */
	g->identified_ms = now_ms;
	g->identifies++;
	metric_add(&identifies, NULL, 1);
	enter_login(g, platform_shard_send_identify(g));
}

void platform_shard_hello(struct platform_gateway *g)
{
	if (g->wire.is_resume) {
		g->resumes++;
		enter_login(g, platform_shard_send_resume(g));
	} else {
		identify(g, clock_mono_ms());
	}
}

void platform_shard_ready(struct platform_gateway *g)
{
	bool is_resumed = g->wire.is_resume;

	g->wire.phase = PLATFORM_WIRE_SERVING;
	g->failed_resumes = 0;
	if (is_resumed)
		metric_add(&resumes, "resumed", 1);
	else
		g->is_host_bad = false;
	io_backoff_confirm(&g->backoff, clock_mono_ms());
	g->logged_err = g->logged_code = 0;
	/* What was said shortly before the last connection broke may not have arrived. */
	g->is_presence_due = g->is_presence_due || (is_resumed && g->activity);
	log_event(LOG_INFO, "platform", is_resumed ? "gateway_resumed" : "gateway_ready", "result",
		"SUCCESS", LOG_INT("shard", g->o.shard), NULL);
	set_state(g, PLATFORM_GATEWAY_READY, 0, "");
	platform_shard_soon(g);
}

/* ---- What is due ---------------------------------------------------------------------------- */

static void time_out(struct platform_gateway *g, const char *why)
{
	platform_shard_end(g, &(struct platform_end){.err = ERR_TIMEOUT, .why = why});
}

/* Gives when the next beat is due. */
static int64_t tend_beat(struct platform_gateway *g, int64_t now_ms)
{
	struct platform_beat *b = &g->wire.beat;

	if (b->interval_ms == 0)
		return INT64_MAX;
	if (now_ms < b->due_ms)
		return b->due_ms;
	if (platform_beat_is_dead(b, now_ms)) {
		time_out(g, "Discord did not answer a heartbeat");
		return INT64_MAX;
	}
	platform_beat_sent(b, now_ms);
	/* What cannot be sent is not answered, and then the connection is dead. */
	if (platform_shard_send_beat(g, false) < 0)
		metric_add(&platform_gateway_ignored, "beat_not_sent", 1);
	return b->due_ms;
}

static int64_t tend_presence(struct platform_gateway *g, int64_t now_ms)
{
	int64_t wait_ms;

	if (!g->is_presence_due)
		return INT64_MAX;
	wait_ms = platform_sends_presence_wait(&g->wire.sends, &g->wire.beat, now_ms);
	if (wait_ms == 0 && platform_shard_send_presence(g) == 0)
		return INT64_MAX;
	return now_ms + (wait_ms > 0 ? wait_ms : 1000);
}

/* Deadlines of the phase; gives the next. */
static int64_t tend_phase(struct platform_gateway *g, int64_t now_ms)
{
	const struct platform_wire *w = &g->wire;

	switch (w->phase) {
	case PLATFORM_WIRE_HELLO:
		if (now_ms < w->since_ms + HELLO_MS)
			return w->since_ms + HELLO_MS;
		time_out(g, "Discord did not say HELLO within 30 s");
		return INT64_MAX;
	case PLATFORM_WIRE_QUEUED:
		if (now_ms < w->ask_ms)
			return w->ask_ms;
		identify(g, now_ms);
		platform_shard_soon(g); /* there are other deadlines now */
		return INT64_MAX;
	case PLATFORM_WIRE_LOGIN:
		if (now_ms < w->since_ms + LOGIN_MS)
			return w->since_ms + LOGIN_MS;
		time_out(g, "Discord did not answer the login within 60 s");
		return INT64_MAX;
	case PLATFORM_WIRE_SERVING:
		return tend_presence(g, now_ms);
	default:
		return INT64_MAX;
	}
}

static int64_t stop(struct platform_gateway *g, int64_t now_ms)
{
	if (g->state == PLATFORM_GATEWAY_STOPPED)
		return INT64_MAX;
	if (g->stop_ms == 0) {
		g->stop_ms = now_ms + (g->wire.ws ? STOP_FLUSH_MS : 0);
		platform_shard_drop(g, CODE_STOP);
		forget_session(g);
	}
	if (now_ms < g->stop_ms)
		return g->stop_ms;
	set_state(g, PLATFORM_GATEWAY_STOPPED, 0, "");
	return INT64_MAX;
}

static int64_t work(struct platform_gateway *g, int64_t now_ms)
{
	int64_t due_ms;

	if (g->is_stopping)
		return stop(g, now_ms);
	if (g->wire.phase == PLATFORM_WIRE_NONE) {
		if (now_ms < g->retry_ms)
			return g->retry_ms;
		open_connection(g, now_ms);
		return g->wire.phase == PLATFORM_WIRE_NONE ? g->retry_ms : INT64_MAX;
	}
	due_ms = tend_phase(g, now_ms);
	return sooner(due_ms, tend_beat(g, now_ms));
}

void platform_shard_work(void *ctx)
{
	struct platform_gateway *g = ctx;
	int64_t now_ms = clock_mono_ms(), due_ms;

	platform_shard_enter(g);
	g->is_soon = false;
	due_ms = work(g, now_ms);
	if (!g->is_doomed && !g->is_soon && due_ms != INT64_MAX)
		io_timer_start(g->timer, due_ms > now_ms ? due_ms - now_ms : 0);
	platform_shard_leave(g);
}
