/* One connection to a chat server: login, pings, lines.
 *
 * OPENING  io connects; its own deadlines name the phase that failed
 * LOGIN    the WebSocket is open, CAP/PASS/NICK are sent; 10 s for the welcome
 * SERVING  welcome was heard; silence for 60 s asks PING, 10 s more end it
 * ENDED    closed, refused or dropped; only its memory is left
 * Moves: OPENING -> LOGIN -> SERVING -> ENDED, and to ENDED from everywhere. */
#include "platform/room.h"

#include <stdio.h>
#include <string.h>

/* What an ordinary network may offer and we can use. */
static const char *const wanted_caps[] = {
	"message-tags", "account-tag", "server-time", "multi-prefix",
};

#define LINE_OUT_BYTES 4096 /* twitch.md 1.9: the server cuts there */

int platform_link_send(struct platform_link *k, bool ahead, const char *fmt, ...)
{
	char line[LINE_OUT_BYTES];
	va_list ap;

	if (k->phase == PLATFORM_ENDED || !k->ws)
		return ERR_CLOSED;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) - 2)
		return ERR_LIMIT;
	/* The writer's own check that one call is one line (faults.md A2). */
	if (strpbrk(line, "\r\n"))
		return ERR_INVALID;
	memcpy(line + n, "\r\n", 2);
	int err = io_ws_send(k->ws, (struct str){line, (size_t)n + 2}, ahead);
	secret_wipe(line, (size_t)n);
	return err;
}

static void send_caps_and_name(struct platform_link *k)
{
	struct platform_irc *p = k->place;
	struct str token = secret_use(k->used);
	int err;

	if (p->is_twitch) {
		static const char scheme[] = "oauth:";
		if (token.len >= sizeof(scheme) - 1 &&
				memcmp(token.at, scheme, sizeof(scheme) - 1) == 0) {
			token.at += sizeof(scheme) - 1;
			token.len -= sizeof(scheme) - 1;
		}
		err = platform_link_send(k, false, "CAP REQ :twitch.tv/tags twitch.tv/commands");
		if (err == 0 && p->account)
			err = platform_link_send(k, false, "PASS oauth:%.*s", STR_FMT(token));
	} else {
		err = platform_link_send(k, false, "CAP LS 302");
		if (err == 0 && token.len > 0)
			err = platform_link_send(k, false, "PASS %.*s", STR_FMT(token));
	}
	if (err == 0)
		err = platform_link_send(k, false, "NICK %s", k->nick);
	/* An ordinary server gives no welcome without it; Twitch would answer "Unknown command". */
	if (err == 0 && !p->is_twitch)
		err = platform_link_send(k, false, "USER %s 0 * :%s", k->nick, k->nick);
	if (err < 0)
		platform_irc_ended(k, err, IO_OPEN, err == ERR_INVALID || err == ERR_LIMIT,
			"the login could not be written: check account and token for odd "
			"characters");
}

static void on_open(void *ctx)
{
	struct platform_link *k = ctx;
	struct platform_irc *p = k->place;

	platform_irc_enter(p);
	k->phase = PLATFORM_LOGIN;
	k->since_ms = k->heard_ms = clock_mono_ms();
	send_caps_and_name(k);
	platform_irc_soon(p);
	platform_irc_leave(p);
}

static void on_message(void *ctx, char *bytes, size_t n)
{
	struct platform_link *k = ctx;
	struct platform_irc *p = k->place;
	struct platform_line line;
	int64_t count = 0;
	size_t len;
	char *at;

	platform_irc_enter(p);
	p->maker.now_ms = k->heard_ms = clock_mono_ms();
	p->maker.wall_ms = clock_wall_ms();
	k->asked_ms = 0;
	if (p->owner.frame && p->is_twitch)
		p->owner.frame(p->owner.ctx, p->place, "irc", (struct str){bytes, n});
	while (k->phase != PLATFORM_ENDED && !platform_irc_is_mute(p) &&
			(at = platform_frame_next(&bytes, &n, &len)) != NULL) {
		int err = platform_line_parse(at, len, &line);

		count++;
		if (err == 0)
			platform_irc_line(k, &line);
		else
			platform_irc_drop_line(err == ERR_LIMIT ? "too_long" : "unparsable");
	}
	metric_add(&platform_lines, NULL, count);
	platform_irc_leave(p);
}

static void on_closed(void *ctx, int err, enum io_phase phase, int code, const char *why)
{
	struct platform_link *k = ctx;
	struct platform_irc *p = k->place;
	char text[160];

	platform_irc_enter(p);
	if (code > 0)
		snprintf(text, sizeof(text), "closed by the server with code %d", code);
	else
		snprintf(text, sizeof(text), "%s", why && *why ? why : err_text(err));
	platform_irc_ended(k, err < 0 ? err : ERR_CLOSED, phase, false, text);
	platform_irc_leave(p);
}

/* Twitch takes anybody under this name, read only (twitch.md 1.2). */
static void choose_nick(struct platform_link *k)
{
	const struct platform_irc *p = k->place;

	if (p->account)
		snprintf(k->nick, sizeof(k->nick), "%s", p->account);
	else if (p->is_twitch)
		snprintf(k->nick, sizeof(k->nick), "justinfan%u", 10000 + rand_below(80000));
	else
		snprintf(k->nick, sizeof(k->nick), "mynah%u", 1000 + rand_below(9000));
}

struct platform_link *platform_link_open(struct platform_irc *p)
{
	struct platform_link *k = mem_new(sizeof(*k));

	if (!k)
		return NULL;
	k->place = p;
	k->used = secret_ref(p->token ? platform_token_use(p->token) : p->secret);
	k->since_ms = clock_mono_ms();
	choose_nick(k);
	struct io_ws_options o = {.url = p->url, .ca_file = p->ca_file, .open = on_open,
		.message = on_message, .closed = on_closed, .ctx = k};
	k->ws = io_ws_open(p->io, &o);
	if (!k->ws) {
		secret_free(k->used);
		mem_free(k);
		return NULL;
	}
	return k;
}

void platform_link_drop(struct platform_link *k)
{
	if (!k || k->phase == PLATFORM_ENDED)
		return;
	k->phase = PLATFORM_ENDED;
	io_ws_free(k->ws);
	k->ws = NULL;
	LL_PREPEND(k->place->ended, k);
}

void platform_link_close(struct platform_link *k)
{
	if (!k || k->phase == PLATFORM_ENDED)
		return;
	/* What cannot be sent any more need not be: the close says the same. */
	if (k->phase == PLATFORM_SERVING && platform_link_send(k, false, "QUIT") == 0)
		k->since_ms = clock_mono_ms();
	if (k->ws && k->phase != PLATFORM_OPENING) {
		io_ws_close(k->ws, 1000);
		k->ws = NULL;
	}
	platform_link_drop(k);
}

void platform_link_ask(struct platform_link *k, int64_t now_ms)
{
	if (k->phase != PLATFORM_SERVING || k->asked_ms != 0)
		return;
	k->asked_ms = now_ms;
	if (platform_link_send(k, true, "PING :hb-%u", ++k->place->ping_count) < 0)
		platform_irc_ended(k, ERR_CLOSED, IO_OPEN, false, "the connection takes no more");
}

/* The answer comes behind everything the server had written by then (twitch.md 1.5: it echoes). */
static const char last_ping[] = "handed-over";

void platform_link_drain(struct platform_link *k)
{
	k->since_ms = clock_mono_ms();
	k->is_drained = platform_link_send(k, false, "PING :%s", last_ping) < 0;
}

void platform_link_pong(struct platform_link *k, struct str text)
{
	if (!str_is(text, last_ping))
		return;
	k->is_drained = true;
	platform_irc_soon(k->place);
}

int64_t platform_link_tend(struct platform_link *k, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	switch (k->phase) {
	case PLATFORM_LOGIN:
		due = k->since_ms + PLATFORM_LOGIN_MS;
		if (now_ms >= due)
			platform_irc_ended(k, ERR_TIMEOUT, IO_OPEN, false,
				"no welcome within 10 s of the login");
		break;
	case PLATFORM_SERVING:
		if (k->asked_ms == 0 && now_ms >= k->heard_ms + PLATFORM_IDLE_MS)
			platform_link_ask(k, now_ms);
		if (k->asked_ms != 0)
			due = k->asked_ms + PLATFORM_DEAD_MS;
		else
			due = k->heard_ms + PLATFORM_IDLE_MS;
		if (k->asked_ms != 0 && now_ms >= due)
			platform_irc_ended(k, ERR_TIMEOUT, IO_OPEN, false,
				"silence: a ping was not answered within 10 s");
		break;
	case PLATFORM_OPENING:
	case PLATFORM_ENDED:
		break;
	}
	return k->phase == PLATFORM_ENDED ? INT64_MAX : due;
}

void platform_link_welcome(struct platform_link *k, struct str nick)
{
	if (k->phase != PLATFORM_LOGIN)
		return;
	k->phase = PLATFORM_SERVING;
	k->since_ms = k->heard_ms;
	nick = platform_clean_id(nick);
	if (!k->place->is_twitch && nick.len > 0 && nick.len < sizeof(k->nick))
		snprintf(k->nick, sizeof(k->nick), "%.*s", STR_FMT(nick));
	platform_irc_up(k);
}

/* Remembers which of the offered capabilities we want. "sasl=PLAIN" is named sasl. */
static void note_offer(struct platform_link *k, struct str offer)
{
	while (offer.len > 0) {
		struct str value = str_split(&offer, ' ');
		struct str name = str_split(&value, '=');

		for (size_t i = 0; i < sizeof(wanted_caps) / sizeof(wanted_caps[0]); i++) {
			size_t used = strlen(k->wanted);
			if (str_is(name, wanted_caps[i]) && !strstr(k->wanted, wanted_caps[i]))
				snprintf(k->wanted + used, sizeof(k->wanted) - used, "%s%s",
					used > 0 ? " " : "", wanted_caps[i]);
		}
	}
}

void platform_link_cap(struct platform_link *k, const struct platform_line *l)
{
	struct str verb = platform_line_param(l, 1);
	int err = 0;

	if (k->place->is_twitch || k->phase != PLATFORM_LOGIN)
		return; /* Twitch goes on without what it refuses */
	if (str_eq_nocase(verb, STR("LS"))) {
		bool has_more = l->param_count > 3 && str_is(l->params[2], "*");
		note_offer(k, platform_line_param(l, has_more ? 3 : 2));
		if (has_more)
			return;
		err = k->wanted[0] ? platform_link_send(k, false, "CAP REQ :%s", k->wanted)
				   : platform_link_send(k, false, "CAP END");
	} else if (str_eq_nocase(verb, STR("ACK")) || str_eq_nocase(verb, STR("NAK"))) {
		struct str granted = platform_line_param(l, 2);
		while (str_eq_nocase(verb, STR("ACK")) && granted.len > 0)
			k->has_tags |= str_is(str_split(&granted, ' '), "message-tags");
		err = platform_link_send(k, false, "CAP END");
	}
	if (err < 0)
		platform_irc_ended(k, err, IO_OPEN, false, "the connection takes no more");
}

void platform_link_nick_taken(struct platform_link *k)
{
	size_t used = strlen(k->nick);

	if (k->phase != PLATFORM_LOGIN)
		return;
	if (++k->nick_tries >= PLATFORM_NICK_TRIES || used + 2 > sizeof(k->nick)) {
		platform_irc_ended(k, ERR_BUSY, IO_OPEN, false,
			"the nick and four variants of it are in use");
		return;
	}
	memcpy(k->nick + used, "_", 2);
	if (platform_link_send(k, false, "NICK %s", k->nick) < 0)
		platform_irc_ended(k, ERR_CLOSED, IO_OPEN, false, "the connection takes no more");
}
