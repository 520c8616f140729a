#include "chat.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "corpus.h"

#define ECHO_BYTES (1024 * 1024)

/* ---- Lines ----------------------------------------------------------------------------------- */

void chat_id(char at[CHAT_ID_BYTES], uint64_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = CHAT_ID_BYTES - 1; i >= 20; i--, n >>= 4) {
		if (i == 23)
			i--;
		at[i] = digits[n & 15];
	}
}

size_t chat_frame(struct buf *out, unsigned user, const char *channel, struct str text)
{
	static const char *const badges[] = {"subscriber/26;badges=subscriber/24,premium/1",
		"subscriber/3;badges=subscriber/3,bits/100", ";badges=", ";badges=glhf-pledge/1"};
	struct buf line;
	size_t id_at;

	buf_init(&line, CHAT_TEXT_BYTES + 1024);
	bench_must(buf_addf(&line, "@badge-info=%s;client-nonce=%08x6b1de9cb6f4db6b3ea1d5f27;"
		"color=#1E90FF;display-name=PebbleWren%u;emotes=;first-msg=0;flags=;id=",
		badges[user % 4], user * 2654435761u, user));
	id_at = line.len;
	bench_must(buf_addf(&line, "b34ccfc7-4977-403a-8a94-33c6bac34fb8;mod=0;returning-chatter=0;"
		"room-id=40010001;subscriber=%u;tmi-sent-ts=1785542400123;turbo=0;user-id=%u;"
		"user-type= :pebblewren%u!pebblewren%u@pebblewren%u.tmi.twitch.tv PRIVMSG #%s :%.*s"
		"\r\n", user % 4 < 2, 50020007 + user, user, user, user, channel, STR_FMT(text)));
	wire_frame(out, WIRE_TEXT, buf_str(&line));
	id_at += out->len - line.len;
	buf_fini(&line);
	return id_at;
}

/* ---- The connection -------------------------------------------------------------------------- */

void chat_open(struct chat *c)
{
	memset(c, 0, sizeof(*c));
	wire_open(&c->wire);
}

void chat_gone(struct chat *c)
{
	wire_gone(&c->wire);
	c->joined = 0;
	c->is_in = false;
}

void chat_shut(struct chat *c)
{
	wire_shut(&c->wire);
}

void chat_accept(struct chat *c)
{
	chat_gone(c);
	wire_accept(&c->wire);
}

void chat_send(struct chat *c, struct str bytes)
{
	wire_send(&c->wire, bytes);
}

static void say(struct chat *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct chat *c, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	wire_frame(&c->wire.out, WIRE_TEXT, (struct str){line, (size_t)n});
}

/* ---- What a chat server says ----------------------------------------------------------------- */

static void on_join(struct chat *c, struct str names)
{
	while (names.len > 0) {
		struct str name = str_split(&names, ',');

		say(c, ":tidalbot!tidalbot@tidalbot JOIN %.*s\r\n"
			":tmi.twitch.tv 353 tidalbot = %.*s :tidalbot\r\n"
			":tmi.twitch.tv 366 tidalbot %.*s :End\r\n", STR_FMT(name), STR_FMT(name),
			STR_FMT(name));
		say(c, "@badges=moderator/1;color=;display-name=TidalBot;emote-sets=0;mod=1;"
			"subscriber=0;user-type=mod :tmi.twitch.tv USERSTATE %.*s\r\n",
			STR_FMT(name));
		say(c, "@emote-only=0;followers-only=-1;r9k=0;room-id=40010001;slow=0;subs-only=0 "
			":tmi.twitch.tv ROOMSTATE %.*s\r\n", STR_FMT(name));
		c->joined++;
	}
}

static void on_nick(struct chat *c)
{
	say(c, ":tmi.twitch.tv 001 tidalbot :Welcome, GLHF!\r\n");
	say(c, "@badges=;color=;display-name=TidalBot;emote-sets=0;user-id=60030003;user-type= "
		":tmi.twitch.tv GLOBALUSERSTATE\r\n");
	c->is_in = true;
}

/* Answers a line of the client. True when the caller has to look at it. */
static bool serve(struct chat *c, struct str line)
{
	struct str rest = line, word = str_split(&rest, ' ');

	if (word.len > 0 && word.at[0] == '@')
		word = str_split(&rest, ' ');
	if (str_is(word, "PRIVMSG")) {
		struct str channel = str_split(&rest, ' ');

		say(c, "@badges=moderator/1;color=;display-name=TidalBot;emote-sets=0;"
			"id=c0ffee00-0000-4000-8000-%012u;mod=1;user-type=mod :tmi.twitch.tv "
			"USERSTATE %.*s\r\n", ++c->said, STR_FMT(channel));
		return true;
	}
	if (str_is(word, "PONG"))
		return true;
	if (str_is(word, "PING"))
		say(c, ":tmi.twitch.tv PONG tmi.twitch.tv %.*s\r\n", STR_FMT(rest));
	else if (str_is(word, "JOIN"))
		on_join(c, rest);
	else if (str_is(word, "NICK"))
		on_nick(c);
	else if (str_is(word, "CAP") && str_is(rest, "LS 302"))
		say(c, ":tmi.twitch.tv CAP * LS :message-tags\r\n");
	else if (str_is(word, "CAP") && str_is(str_split(&rest, ':'), "REQ "))
		say(c, ":tmi.twitch.tv CAP * ACK :%.*s\r\n", STR_FMT(rest));
	return false;
}

/* The next complete line, which the call before has not given. */
static bool take_line(struct chat *c, struct str *line)
{
	const struct str text = buf_str(&c->wire.text);
	char *end = text.len > 0 ? memmem(text.at, text.len, "\r\n", 2) : NULL;

	if (!end)
		return false;
	*line = (struct str){text.at, (size_t)(end - text.at)};
	return true;
}

struct str chat_next(struct chat *c, int64_t until_us)
{
	static char given[4096];
	struct str line;

	for (;;) {
		while (take_line(c, &line)) {
			bool is_wanted = serve(c, line);
			size_t n = line.len < sizeof(given) ? line.len : sizeof(given);

			memcpy(given, line.at, n);
			wire_drop(&c->wire.text, line.len + 2);
			if (is_wanted)
				return (struct str){given, n};
		}
		if (c->wire.out.len > 0)
			wire_flush(&c->wire);
		if (!wire_receive(&c->wire, until_us))
			return (struct str){0};
	}
}

void chat_until_joined(struct chat *c, size_t n)
{
	int64_t until = clock_mono_us() + WIRE_WAIT_US;

	while (c->joined < n || c->wire.out.len > 0) {
		(void)chat_next(c, clock_mono_us() + 1000);
		if (clock_mono_us() > until)
			bench_die("%zu of %zu channels were joined", c->joined, n);
	}
}

void chat_barrier(struct chat *c)
{
	struct str line;

	say(c, "PING :barrier\r\n");
	wire_flush(&c->wire);
	do {
		line = chat_next(c, clock_mono_us() + WIRE_WAIT_US);
		if (line.len == 0)
			bench_die("no PONG");
	} while (!memmem(line.at, line.len, "barrier", 7));
}

/* ---- The echo -------------------------------------------------------------------------------- */

static void echo(int port)
{
	static const char hello[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct buf in, text;
	char bytes[65536], line[512];
	unsigned char head[16];

	buf_init(&in, ECHO_BYTES);
	buf_init(&text, ECHO_BYTES);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		_exit(1);
	wire_no_delay(fd);
	wire_send_all(fd, hello, sizeof(hello) - 1);
	/* The head of the answer, and nothing behind it. */
	for (size_t n = 0; n < 4 || memcmp(bytes + n - 4, "\r\n\r\n", 4) != 0; n++)
		if (n == sizeof(bytes) || recv(fd, bytes + n, 1, 0) != 1)
			_exit(1);
	for (ssize_t n; (n = recv(fd, bytes, sizeof(bytes), 0)) > 0;) {
		bench_must(buf_add(&in, bytes, (size_t)n));
		for (; wire_take(&in, &text); buf_clear(&text)) {
			char *said = memmem(text.at, text.len, " :!", 3);
			int len;

			if (!said)
				continue;
			len = snprintf(line, sizeof(line),
				"@reply-parent-msg-id=b34ccfc7-4977-403a-"
				"8a94-33c6bac34fb8 PRIVMSG #kelpforest :answer to %.*s\r\n", 16,
				said + 2);
			size_t at = wire_head(head, WIRE_TEXT, (size_t)len, true);

			memcpy(bytes, head, at);
			memcpy(bytes + at, line, (size_t)len);
			wire_send_all(fd, bytes, at + (size_t)len);
		}
	}
	_exit(0);
}

int chat_echo(int port)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("no process");
	if (pid == 0)
		echo(port);
	return pid;
}
