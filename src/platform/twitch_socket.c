/* One EventSub connection: welcome, keepalive, frames.
 *
 * OPENING   io connects; its own deadlines name the phase that failed
 * GREETING  the WebSocket is open; 10 s for the welcome
 * SERVING   silence for longer than 1.2 times what the welcome promised is death
 * ENDED     closed or dropped; only its memory is left
 *
 * Nothing is ever sent on it (close code 4001): io answers Pings by itself. */
#include "platform/twitch_session.h"

#include <stdio.h>

#define KEEPALIVE_S 10       /* twitch.md 2.1: the default */
#define KEEPALIVE_MOST_S 600 /* twitch.md 2.1 */

static struct metric frames_total = {.name = "mynah_eventsub_frames_total", .kind = METRIC_COUNTER,
	.label = "kind", .help = "Messages of EventSub sessions, by kind."};
static struct metric ignored_total = {.name = "mynah_eventsub_ignored_total",
	.kind = METRIC_COUNTER, .label = "why",
	.help = "Notifications of EventSub that were not handed on, by reason."};

/* ---- Frames ---------------------------------------------------------------------------------- */

struct frame {
	struct str bytes;
	const struct json_item *root, *meta, *payload;
	int64_t now_ms;
};

/* When it was sent; 0 = it does not say. */
static int64_t stamp_of(const struct frame *f)
{
	int64_t wall_ms;

	if (clock_parse(json_item_str(f->meta, "message_timestamp"), &wall_ms) < 0)
		return 0;
	return wall_ms;
}

static void on_welcome(struct platform_socket *k, const struct frame *f)
{
	const struct json_item *session = json_item_get(f->payload, "session");
	int64_t keepalive_s = json_item_int(session, "keepalive_timeout_seconds", KEEPALIVE_S);

	if (k->phase != PLATFORM_SOCKET_GREETING)
		return;
	if (keepalive_s < 1)
		keepalive_s = KEEPALIVE_S;
	if (keepalive_s > KEEPALIVE_MOST_S)
		keepalive_s = KEEPALIVE_MOST_S;
	k->silence_ms = keepalive_s * 1200;
	k->phase = PLATFORM_SOCKET_SERVING;
	k->since_ms = f->now_ms;
	platform_seen_stamp(&k->session->seen, stamp_of(f), f->now_ms);
	platform_session_welcome(k, platform_clean_id(json_item_str(session, "id")));
}

static void on_keepalive(struct platform_socket *k, const struct frame *f)
{
	platform_seen_stamp(&k->session->seen, stamp_of(f), f->now_ms);
}

static void on_notification(struct platform_socket *k, const struct frame *f)
{
	struct platform_eventsub *s = k->session;
	struct platform_notification n;
	const char *why = NULL;

	platform_notification_of(f->root, &n);
	if (n.id.len == 0 || !n.event)
		why = "incomplete";
	else if (platform_seen_is_stale(&s->seen, n.wall_ms, f->now_ms))
		why = "stale";
	else if (platform_seen_before(&s->seen, n.id, f->now_ms))
		why = "duplicate";
	if (why) {
		metric_add(&ignored_total, why, 1);
		return;
	}
	if (s->is_doomed)
		return;
	if (s->o.frame)
		s->o.frame(s->o.ctx, f->bytes);
	if (s->o.notification)
		s->o.notification(s->o.ctx, &n);
}

static void on_session_reconnect(struct platform_socket *k, const struct frame *f)
{
	platform_session_reconnect(k,
		json_item_str(json_item_get(f->payload, "session"), "reconnect_url"));
}

/* It comes once; but a hand-over may bring it over both sockets. */
static void on_revocation(struct platform_socket *k, const struct frame *f)
{
	struct str id = json_item_str(f->meta, "message_id");

	if (id.len > 0 && platform_seen_before(&k->session->seen, id, f->now_ms))
		return;
	platform_subs_revoked(k->session, json_item_get(f->payload, "subscription"));
}

static const struct {
	const char *type;
	void (*handle)(struct platform_socket *k, const struct frame *f);
} types[] = {
	{"notification", on_notification}, /* first: nearly every frame is one */
	{"session_keepalive", on_keepalive},
	{"session_welcome", on_welcome},
	{"session_reconnect", on_session_reconnect},
	{"revocation", on_revocation},
};

static void read_frame(struct platform_socket *k, struct str bytes, const struct json_item *root,
	int64_t now_ms)
{
	struct frame f = {.bytes = bytes, .root = root, .meta = json_item_get(root, "metadata"),
		.payload = json_item_get(root, "payload"), .now_ms = now_ms};
	struct str type = json_item_str(f.meta, "message_type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (str_is(type, types[i].type)) {
			metric_add(&frames_total, types[i].type, 1);
			types[i].handle(k, &f);
			return;
		}
	}
	metric_add(&frames_total, "unknown", 1);
}

/* ---- The connection -------------------------------------------------------------------------- */

static void on_open(void *ctx)
{
	struct platform_socket *k = ctx;
	struct platform_eventsub *s = k->session;

	platform_session_enter(s);
	k->phase = PLATFORM_SOCKET_GREETING;
	k->since_ms = k->heard_ms = clock_mono_ms();
	platform_session_soon(s);
	platform_session_leave(s);
}

static void on_message(void *ctx, char *bytes, size_t n)
{
	struct platform_socket *k = ctx;
	struct platform_eventsub *s = k->session;
	const struct str frame = {bytes, n};
	int64_t now_ms = clock_mono_ms();
	const struct json_item *root;
	const char *why = "";

	platform_session_enter(s);
	if (json_tape_parse(s->tape, frame, &root, &why) == 0) {
		k->heard_ms = now_ms;
		read_frame(k, frame, root, now_ms);
	} else {
		metric_add(&frames_total, "unparsable", 1);
		log_event(LOG_ERROR, "platform", "frame_unparsable", "place", s->name, "message",
			why, NULL);
	}
	platform_session_leave(s);
}

static void on_closed(void *ctx, int err, enum io_phase phase, int code, const char *why)
{
	struct platform_socket *k = ctx;
	struct platform_eventsub *s = k->session;

	(void)phase;
	platform_session_enter(s);
	platform_session_ended(
		k, err < 0 ? err : ERR_CLOSED, code, why && *why ? why : err_text(err));
	platform_session_leave(s);
}

struct platform_socket *platform_socket_open(struct platform_eventsub *s, const char *url,
	bool is_handover)
{
	struct platform_socket *k = mem_new(sizeof(*k));
	struct io_ws_options o = {.url = url, .ca_file = s->ca_file, .open = on_open,
		.message = on_message, .closed = on_closed, .ctx = k};

	if (!k)
		return NULL;
	k->session = s;
	k->is_handover = is_handover;
	k->since_ms = clock_mono_ms();
	k->ws = io_ws_open(s->io, &o);
	if (!k->ws) {
		mem_free(k);
		return NULL;
	}
	return k;
}

void platform_socket_drop(struct platform_socket *k)
{
	if (!k || k->phase == PLATFORM_SOCKET_ENDED)
		return;
	k->phase = PLATFORM_SOCKET_ENDED;
	io_ws_free(k->ws);
	k->ws = NULL;
	LL_PREPEND(k->session->ended, k);
}

void platform_socket_close(struct platform_socket *k)
{
	if (k && k->ws && k->phase != PLATFORM_SOCKET_OPENING) {
		io_ws_close(k->ws, 1000);
		k->ws = NULL;
	}
	platform_socket_drop(k);
}

int64_t platform_socket_tend(struct platform_socket *k, int64_t now_ms)
{
	int64_t due = INT64_MAX;
	char why[96];

	switch (k->phase) {
	case PLATFORM_SOCKET_GREETING:
		due = k->since_ms + PLATFORM_WELCOME_MS;
		if (now_ms >= due)
			platform_session_ended(k, ERR_TIMEOUT, 0, "no welcome within 10 s");
		break;
	case PLATFORM_SOCKET_SERVING:
		due = k->heard_ms + k->silence_ms;
		if (now_ms >= due) {
			snprintf(why, sizeof(why), "no keepalive for %lld ms",
				(long long)(now_ms - k->heard_ms));
			platform_session_ended(k, ERR_TIMEOUT, 0, why);
		}
		break;
	case PLATFORM_SOCKET_OPENING:
	case PLATFORM_SOCKET_ENDED:
		break;
	}
	return k->phase == PLATFORM_SOCKET_ENDED ? INT64_MAX : due;
}
