#include "chat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "corpus.h"

#define IN_BYTES (1024 * 1024)
#define WAIT_US 60000000
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */
#define OPCODE_TEXT 0x81
#define OPCODE_CLOSE 0x88

/* ---- Frames ------------------------------------------------------------------------------------ */

static size_t frame_head(unsigned char *head, size_t len, bool is_masked)
{
	size_t n = 2;

	head[0] = OPCODE_TEXT;
	head[1] = is_masked ? 0x80 : 0;
	if (len < 126) {
		head[1] |= (unsigned char)len;
	} else {
		head[1] |= 126;
		head[n++] = (unsigned char)(len >> 8);
		head[n++] = (unsigned char)len;
	}
	if (is_masked) { /* by zero: the same bytes */
		memset(head + n, 0, 4);
		n += 4;
	}
	return n;
}

/* The first n bytes go. */
static void drop(struct buf *b, size_t n)
{
	memmove(b->at, b->at + n, b->len - n);
	buf_truncate(b, b->len - n);
}

/* Takes one frame off the front of `in`, unmasked, its payload to `to`. False = not complete. */
static bool take_frame(struct buf *in, struct buf *to)
{
	const unsigned char *at = (const unsigned char *)in->at;
	size_t head = 2, len;
	bool is_masked;

	if (in->len < 4)
		return false;
	len = at[1] & 0x7f;
	is_masked = at[1] & 0x80;
	if (len == 126) {
		len = (size_t)at[2] << 8 | at[3];
		head = 4;
	} else if (len == 127) {
		bench_die("a frame that is too long");
	}
	if (in->len < head + (is_masked ? 4 : 0) + len)
		return false;
	if (at[0] == OPCODE_TEXT) {
		const unsigned char *mask = at + head;

		head += is_masked ? 4 : 0;
		for (size_t i = 0; i < len; i++)
			bench_must(buf_addc(to, (char)(at[head + i] ^ (is_masked ? mask[i % 4] : 0))));
	}
	drop(in, head + len);
	return true;
}

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
	unsigned char head[16];
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
	size_t n = frame_head(head, line.len, false);
	bench_must(buf_add(out, head, n));
	id_at += out->len;
	bench_must(buf_add_str(out, buf_str(&line)));
	buf_fini(&line);
	return id_at;
}

/* ---- The connection ---------------------------------------------------------------------------- */

static void no_delay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void chat_open(struct chat *c)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	buf_init(&c->in, IN_BYTES);
	buf_init(&c->text, IN_BYTES);
	buf_init(&c->out, 64 * IN_BYTES);
	c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&a, n) != 0 ||
			listen(c->listener, 8) != 0 ||
			getsockname(c->listener, (struct sockaddr *)&a, &n) != 0)
		bench_die("no server socket: %s", strerror(errno));
	c->port = ntohs(a.sin_port);
}

void chat_gone(struct chat *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->joined = 0;
	c->is_in = false;
	buf_clear(&c->in);
	buf_clear(&c->text);
}

void chat_shut(struct chat *c)
{
	chat_gone(c);
	close(c->listener);
	buf_fini(&c->in);
	buf_fini(&c->text);
	buf_fini(&c->out);
}

static void send_all(int fd, const char *at, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent <= 0)
			bench_die("the client is gone");
		at += sent;
		n -= (size_t)sent;
	}
}

void chat_send(struct chat *c, struct str bytes)
{
	send_all(c->fd, bytes.at, bytes.len);
}

static void say(struct chat *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct chat *c, const char *fmt, ...)
{
	unsigned char head[16];
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	bench_must(buf_add(&c->out, head, frame_head(head, (size_t)n, false)));
	bench_must(buf_add(&c->out, line, (size_t)n));
}

/* Sends what say() gathered, in one piece: what comes between can be no measure of the client. */
static void flush(struct chat *c)
{
	send_all(c->fd, buf_text(&c->out), c->out.len);
	buf_clear(&c->out);
}

/* Waits for bytes and adds them to `in`. False = the time is over. */
static bool receive(struct chat *c, int64_t until_us)
{
	char bytes[65536];
	int64_t left;

	do {
		ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n > 0) {
			bench_must(buf_add(&c->in, bytes, (size_t)n));
			return true;
		}
		if (n == 0 || errno != EAGAIN)
			bench_die("the client has gone");
		left = until_us - clock_mono_us();
		if (left > 0) {
			struct pollfd p = {.fd = c->fd, .events = POLLIN};
			struct timespec most = {left / 1000000, left % 1000000 * 1000};

			ppoll(&p, 1, &most, NULL);
		}
	} while (left > 0);
	return false;
}

void chat_accept(struct chat *c)
{
	unsigned char hash[EVP_MAX_MD_SIZE], encoded[64];
	char text[128], *key;
	unsigned n;

	chat_gone(c);
	c->fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd < 0)
		bench_die("no client: %s", strerror(errno));
	no_delay(c->fd);
	do {
		if (!receive(c, clock_mono_us() + WAIT_US))
			bench_die("no request");
	} while (!strstr(buf_text(&c->in), "\r\n\r\n"));
	key = strcasestr(c->in.at, "sec-websocket-key:");
	if (!key || sscanf(key + 18, " %60[^\r\n ]", text) != 1)
		bench_die("no WebSocket key");
	strncat(text, GUID, sizeof(text) - strlen(text) - 1);
	EVP_Digest(text, strlen(text), hash, &n, EVP_sha1(), NULL);
	EVP_EncodeBlock(encoded, hash, (int)n);
	buf_clear(&c->in);
	bench_must(buf_addf(&c->out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", encoded));
	flush(c);
}

/* ---- What a chat server says ------------------------------------------------------------------- */

static void on_join(struct chat *c, struct str names)
{
	while (names.len > 0) {
		struct str name = str_split(&names, ',');

		say(c, ":tidalbot!tidalbot@tidalbot JOIN %.*s\r\n"
			":tmi.twitch.tv 353 tidalbot = %.*s :tidalbot\r\n"
			":tmi.twitch.tv 366 tidalbot %.*s :End\r\n", STR_FMT(name), STR_FMT(name),
			STR_FMT(name));
		say(c, "@badges=moderator/1;color=;display-name=TidalBot;emote-sets=0;mod=1;"
			"subscriber=0;user-type=mod :tmi.twitch.tv USERSTATE %.*s\r\n", STR_FMT(name));
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
	char *end = c->text.len > 0 ? memmem(c->text.at, c->text.len, "\r\n", 2) : NULL;

	if (!end)
		return false;
	*line = (struct str){c->text.at, (size_t)(end - c->text.at)};
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
			drop(&c->text, line.len + 2);
			if (is_wanted)
				return (struct str){given, n};
		}
		if (c->out.len > 0)
			flush(c);
		while (take_frame(&c->in, &c->text))
			;
		if (c->text.len == 0 && !receive(c, until_us))
			return (struct str){0};
	}
}

void chat_until_joined(struct chat *c, size_t n)
{
	int64_t until = clock_mono_us() + WAIT_US;

	while (c->joined < n || c->out.len > 0) {
		(void)chat_next(c, clock_mono_us() + 1000);
		if (clock_mono_us() > until)
			bench_die("%zu of %zu channels were joined", c->joined, n);
	}
}

void chat_barrier(struct chat *c)
{
	struct str line;

	say(c, "PING :barrier\r\n");
	flush(c);
	do {
		line = chat_next(c, clock_mono_us() + WAIT_US);
		if (line.len == 0)
			bench_die("no PONG");
	} while (!memmem(line.at, line.len, "barrier", 7));
}

/* ---- The echo ---------------------------------------------------------------------------------- */

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

	buf_init(&in, IN_BYTES);
	buf_init(&text, IN_BYTES);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		_exit(1);
	no_delay(fd);
	send_all(fd, hello, sizeof(hello) - 1);
	/* The head of the answer, and nothing behind it. */
	for (size_t n = 0; n < 4 || memcmp(bytes + n - 4, "\r\n\r\n", 4) != 0; n++)
		if (n == sizeof(bytes) || recv(fd, bytes + n, 1, 0) != 1)
			_exit(1);
	for (ssize_t n; (n = recv(fd, bytes, sizeof(bytes), 0)) > 0;) {
		bench_must(buf_add(&in, bytes, (size_t)n));
		for (; take_frame(&in, &text); buf_clear(&text)) {
			char *said = memmem(text.at, text.len, " :!", 3);
			int len;

			if (!said)
				continue;
			len = snprintf(line, sizeof(line), "@reply-parent-msg-id=b34ccfc7-4977-403a-"
				"8a94-33c6bac34fb8 PRIVMSG #kelpforest :answer to %.*s\r\n", 16,
				said + 2);
			size_t at = frame_head(head, (size_t)len, true);

			memcpy(bytes, head, at);
			memcpy(bytes + at, line, (size_t)len);
			send_all(fd, bytes, at + (size_t)len);
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
