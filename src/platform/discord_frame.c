/* What a connection hears: one function per opcode (discord.md 1.4).
 *
 * What cannot be read ends the connection, to be resumed after the backoff; an event that is
 * merely too deep or has too many parts is left out, and the session goes on without it
 * (discord.md 12.22). What nobody knows is let be. */
#include "platform/discord_shard.h"

#include <stdio.h>
#include <string.h>

#define KEEP_BYTES (64 * 1024)  /* after a larger message memory is given back */
#define INVALID_LEAST_MS 1000   /* discord.md 1.9 */
#define INVALID_MOST_MS 5000

static struct metric messages_total = {.name = "mynah_gateway_messages_total",
	.kind = METRIC_COUNTER, .label = "op",
	.help = "Messages of Discord's gateway, by opcode."};
struct metric platform_gateway_ignored = {.name = "mynah_gateway_ignored_total",
	.kind = METRIC_COUNTER, .label = "why",
	.help = "What was not handed on at Discord's gateway, by reason."};
static struct metric heartbeat_seconds = {.name = "mynah_gateway_heartbeat_seconds",
	.kind = METRIC_HISTOGRAM, .help = "Time until Discord answered a heartbeat."};

struct frame {
	struct str bytes;
	const struct json_item *root, *d;
};

static void ignore(const char *why)
{
	metric_add(&platform_gateway_ignored, why, 1);
}

static void end_unreadable(struct platform_gateway *g, int err, const char *why)
{
	char text[160];

	snprintf(text, sizeof(text), "Discord sent what cannot be read: %s", why);
	platform_shard_end(g, &(struct platform_end){.err = err, .why = text});
}

/* ---- Dispatches ----------------------------------------------------------------------------- */

static bool is_word(struct str s, size_t room)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] <= ' ' || s.at[i] > '~')
			return false;
	}
	return s.len > 0 && s.len < room;
}

/* A session that cannot be kept is one that cannot be resumed. */
static struct platform_session session_of(const struct json_item *d)
{
	struct platform_session s = {.seq = -1};
	struct str id = json_item_str(d, "session_id");
	struct str url = json_item_str(d, "resume_gateway_url");

	if (is_word(id, sizeof(s.id)))
		memcpy(s.id, id.at, id.len);
	if (is_word(url, sizeof(s.url)))
		memcpy(s.url, url.at, url.len);
	return s;
}

/* Why a dispatch is not handed on; NULL = it is. */
static const char *reason_to_ignore(const struct platform_gateway *g, struct str type, int64_t seq)
{
	if (g->wire.phase < PLATFORM_WIRE_LOGIN)
		return "before_login";
	if (type.len == 0)
		return "no_type";
	if (seq < 0)
		return "no_sequence";
	return seq <= g->session.seq ? "replayed" : NULL;
}

static void on_dispatch(struct platform_gateway *g, const struct frame *f)
{
	struct str type = json_item_str(f->root, "t");
	int64_t seq = json_item_int(f->root, "s", -1);
	unsigned generation = g->generation;
	bool is_login = g->wire.phase == PLATFORM_WIRE_LOGIN;
	bool is_ready = is_login && str_is(type, "READY");
	bool is_resumed = is_login && g->wire.is_resume && str_is(type, "RESUMED");
	const char *why;

	if (is_ready) {
		g->session.seq = -1;
		g->wire.is_resume = false;
	}
	why = is_ready || is_resumed ? NULL : reason_to_ignore(g, type, seq);
	if (why) {
		ignore(why);
		return;
	}
	if (is_login)
		g->wire.since_ms = clock_mono_ms(); /* a replay may be long */
	if (is_ready) {
		g->session = session_of(f->d);
		g->session.intents = g->o.intents;
	}
	if (seq > g->session.seq)
		g->session.seq = seq;
	/* Before it is handled: an answer to it marks it, and what kills us is not told again. */
	platform_shard_keep(g);
	if (g->o.dispatch)
		g->o.dispatch(g->o.ctx, g, type, f->d, f->bytes);
	if (g->is_doomed || g->is_stopping || g->generation != generation)
		return;
	if (is_ready || is_resumed)
		platform_shard_ready(g);
}

/* ---- The connection ------------------------------------------------------------------------- */

static void on_heartbeat(struct platform_gateway *g, const struct frame *f)
{
	(void)f;
	if (platform_shard_send_beat(g, true) < 0)
		ignore("beat_not_sent");
}

static void on_reconnect(struct platform_gateway *g, const struct frame *f)
{
	(void)f;
	platform_shard_end(g, &(struct platform_end){.err = ERR_CLOSED, .is_at_once = true,
		.why = "Discord asked us to connect anew"});
}

static void on_invalid_session(struct platform_gateway *g, const struct frame *f)
{
	bool is_resumable = json_item_bool(f->root, "d", false);

	platform_shard_end(g, &(struct platform_end){.err = ERR_CLOSED,
		.next = is_resumable ? PLATFORM_NEXT_RESUME : PLATFORM_NEXT_IDENTIFY,
		.least_ms = rand_between(INVALID_LEAST_MS, INVALID_MOST_MS),
		.why = is_resumable ? "Discord asked us to log in to the session anew"
			: "the session at Discord is over"});
}

static void on_hello(struct platform_gateway *g, const struct frame *f)
{
	int64_t interval_ms = json_item_int(f->d, "heartbeat_interval", 0);

	if (g->wire.phase != PLATFORM_WIRE_HELLO) {
		ignore("second_hello");
		return;
	}
	if (interval_ms <= 0) {
		end_unreadable(g, ERR_PARSE, "a HELLO without an interval of heartbeats");
		return;
	}
	platform_beat_start(&g->wire.beat, interval_ms, clock_mono_ms());
	platform_shard_hello(g);
	platform_shard_soon(g);
}

static void on_heartbeat_ack(struct platform_gateway *g, const struct frame *f)
{
	struct platform_beat *b = &g->wire.beat;

	(void)f;
	if (platform_beat_answered(b, clock_mono_ms()))
		metric_observe_ms(&heartbeat_seconds, NULL, (double)b->latency_ms);
}

/* ---- Messages ------------------------------------------------------------------------------- */

static const struct {
	int64_t op;
	const char *name;
	void (*handle)(struct platform_gateway *g, const struct frame *f);
} ops[] = {
	{0, "dispatch", on_dispatch}, /* first: nearly every message is one */
	{1, "heartbeat", on_heartbeat},
	{7, "reconnect", on_reconnect},
	{9, "invalid_session", on_invalid_session},
	{10, "hello", on_hello},
	{11, "heartbeat_ack", on_heartbeat_ack},
};

static void handle(struct platform_gateway *g, const struct frame *f)
{
	int64_t op = json_item_int(f->root, "op", -1);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (ops[i].op == op) {
			metric_add(&messages_total, ops[i].name, 1);
			ops[i].handle(g, f);
			return;
		}
	}
	metric_add(&messages_total, "other", 1);
}

static void read_message(struct platform_gateway *g, struct str bytes)
{
	struct frame f = {.bytes = bytes};
	const char *why = "";
	int err = json_tape_parse(g->tape, bytes, &f.root, &why);

	if (err == ERR_LIMIT) {
		ignore("too_large");
		log_event(LOG_ERROR, "platform", "gateway_event_left_out", "message", why,
			LOG_INT("bytes", bytes.len), NULL);
	} else if (err || !json_item_is_object(f.root)) {
		end_unreadable(g, err ? err : ERR_PARSE, err ? why : "no object");
	} else {
		f.d = json_item_get(f.root, "d");
		handle(g, &f);
	}
	if (bytes.len > KEEP_BYTES)
		json_tape_shrink(g->tape);
}

void platform_shard_text(void *ctx, char *bytes, size_t n)
{
	struct platform_gateway *g = ctx;

	if (g->is_stopping)
		return;
	platform_shard_enter(g);
	read_message(g, (struct str){bytes, n});
	platform_shard_leave(g);
}

void platform_shard_binary(void *ctx, char *bytes, size_t n)
{
	struct platform_gateway *g = ctx;
	struct platform_inflate *z = g->wire.inflate;
	struct str text;
	int got;

	if (g->is_stopping)
		return;
	platform_shard_enter(g);
	got = z ? platform_inflate_feed(z, (struct str){bytes, n}, &text) : ERR_PARSE;
	if (got > 0) {
		read_message(g, text);
		if (g->wire.inflate == z && text.len > KEEP_BYTES)
			platform_inflate_shrink(z);
	} else if (got < 0) {
		end_unreadable(g, got, z ? "its compression is broken, or it is too large"
			: "a binary message, though no compression was asked for");
	}
	platform_shard_leave(g);
}
