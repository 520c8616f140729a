/* A small chat server over WebSocket (RFC 6455), on the loop of the test. */
#include "unit/platform_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUF_BYTES (4 * 1024 * 1024)

static void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	perror(what);
	abort();
}

static void client_end(struct peer_client *c)
{
	if (c->fd < 0)
		return;
	io_watch_free(c->watch);
	c->watch = NULL;
	close(c->fd);
	c->fd = -1;
	c->is_open = false;
}

static void client_write(struct peer_client *c, const void *bytes, size_t n)
{
	if (c->fd >= 0 && send(c->fd, bytes, n, MSG_NOSIGNAL) < 0)
		client_end(c);
}

void peer_frame(struct peer *p, size_t client, const char *text)
{
	size_t n = strlen(text);
	unsigned char head[4] = {0x81, (unsigned char)n};
	size_t head_len = 2;

	must(n < 65536 && client < p->n, "peer_frame");
	if (n > 125) {
		head[1] = 126;
		head[2] = (unsigned char)(n >> 8);
		head[3] = (unsigned char)n;
		head_len = 4;
	}
	client_write(&p->clients[client], head, head_len);
	client_write(&p->clients[client], text, n);
}

void peer_say(struct peer *p, size_t client, const char *fmt, ...)
{
	char line[32768];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 3, fmt, ap);
	va_end(ap);
	must(n > 0 && (size_t)n < sizeof(line) - 3, "peer_say");
	memcpy(line + n, "\r\n", 3);
	peer_frame(p, client, line);
}

void peer_cut(struct peer *p, size_t client)
{
	struct linger hard = {.l_onoff = 1};
	struct peer_client *c = &p->clients[client];

	if (c->fd >= 0)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	client_end(c);
}

/* ---- What the server says -------------------------------------------------------------------- */

static void welcome(struct peer *p, size_t i)
{
	const char *nick = p->clients[i].nick;

	if (p->refuse_login) {
		peer_say(p, i, ":tmi.twitch.tv NOTICE * :%s", p->refuse_login);
		return;
	}
	peer_say(p, i, ":tmi.twitch.tv 001 %s :Welcome, GLHF!", nick);
	if (!p->is_plain_irc && strncmp(nick, "justinfan", 9) != 0)
		peer_say(p, i,
			"@badges=;user-id=60030003;user-type= :tmi.twitch.tv GLOBALUSERSTATE");
}

static void on_join(struct peer *p, size_t i, const char *channel)
{
	const char *nick = p->clients[i].nick;

	if (p->answers_no_join)
		return;
	peer_say(p, i, ":%s!%s@%s.tmi.twitch.tv JOIN %s", nick, nick, nick, channel);
	if (p->is_plain_irc)
		return;
	peer_say(p, i, "@%s :tmi.twitch.tv USERSTATE %s",
		p->userstate ? p->userstate : "badges=;mod=0", channel);
	peer_say(p, i, "@emote-only=0;followers-only=-1;r9k=0;room-id=40010001;slow=0;subs-only=0 "
		":tmi.twitch.tv ROOMSTATE %s", channel);
}

static void on_nick(struct peer *p, size_t i, const char *nick)
{
	snprintf(p->clients[i].nick, sizeof(p->clients[i].nick), "%s", nick);
	if (p->nicks_taken > 0) {
		p->nicks_taken--;
		peer_say(p, i, ":s 433 * %s :Nickname is already in use", nick);
		return;
	}
	if (!p->is_plain_irc)
		welcome(p, i);
}

/* Registration of an ordinary server ends with CAP END once a nick was taken. */
static void on_cap(struct peer *p, size_t i, const char *rest)
{
	if (strncmp(rest, "LS", 2) == 0) {
		peer_say(p, i, ":s CAP * LS * :sasl=PLAIN message-tags");
		peer_say(p, i, ":s CAP * LS :server-time echo-message");
	} else if (strncmp(rest, "REQ :", 5) == 0) {
		peer_say(p, i, ":s CAP * ACK :%s", rest + 5);
	} else if (strncmp(rest, "END", 3) == 0 && p->clients[i].nick[0]) {
		welcome(p, i);
	}
}

static void answer(struct peer *p, size_t i, char *line)
{
	char *rest = strchr(line, ' ');
	char *text;

	if (p->is_silent || p->clients[i].is_deaf || !rest)
		return;
	if (*line == '@' && (line = rest + 1, rest = strchr(line, ' ')) == NULL)
		return;
	*rest++ = '\0';
	if (strcmp(line, "CAP") == 0 && p->is_plain_irc)
		on_cap(p, i, rest);
	else if (strcmp(line, "NICK") == 0)
		on_nick(p, i, rest);
	else if (strcmp(line, "JOIN") == 0)
		on_join(p, i, rest);
	else if (strcmp(line, "PING") == 0 && !p->answers_no_ping)
		peer_say(p, i, ":tmi.twitch.tv PONG tmi.twitch.tv %s", rest);
	else if (strcmp(line, "PRIVMSG") == 0 && !p->answers_no_privmsg && !p->is_plain_irc &&
			(text = strchr(rest, ' ')) != NULL)
		peer_say(p, i, "@id=aaaa-%zu;mod=0 :tmi.twitch.tv USERSTATE %.*s", i,
			(int)(text - rest), rest);
}

/* ---- The WebSocket --------------------------------------------------------------------------- */

/* The first n bytes go. */
static void drop(struct buf *b, size_t n)
{
	memmove(b->at, b->at + n, b->len - n);
	buf_truncate(b, b->len - n);
}

static void upgrade(struct peer_client *c)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[256], accept[64], reply[256];
	unsigned char digest[20];
	char *key = strcasestr(buf_text(&c->in), "Sec-WebSocket-Key: ");
	char *end = strstr(buf_text(&c->in), "\r\n\r\n");

	if (!end || c->peer->is_mute_on_upgrade)
		return;
	must(key != NULL, "no key");
	key += strlen("Sec-WebSocket-Key: ");
	int n = snprintf(text, sizeof(text), "%.*s%s", (int)strcspn(key, "\r"), key, guid);
	lws_SHA1((unsigned char *)text, (size_t)n, digest);
	must(lws_b64_encode_string((char *)digest, 20, accept, sizeof(accept)) > 0, "base64");
	n = snprintf(reply, sizeof(reply), "HTTP/1.1 101 Switching Protocols\r\n"
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accept);
	drop(&c->in, (size_t)(end + 4 - c->in.at));
	c->is_open = true;
	client_write(c, reply, (size_t)n);
}

static void take_text(struct peer_client *c, char *bytes, size_t n)
{
	size_t i = (size_t)(c - c->peer->clients);
	char line[8192];

	/* One frame is one line with its end (faults.md I12). */
	must(n > 2 && n < sizeof(line) && memcmp(bytes + n - 2, "\r\n", 2) == 0 &&
		!memchr(bytes, '\r', n - 2) && !memchr(bytes, '\n', n - 1), "one line a frame");
	memcpy(line, bytes, n - 2);
	line[n - 2] = '\0';
	must(buf_addf(&c->lines, "%s\n", line) == 0, "lines");
	answer(c->peer, i, line);
}

/* Takes one frame off the input; false when none is whole. */
static bool take_frame(struct peer_client *c)
{
	unsigned char *b = (unsigned char *)c->in.at;
	size_t head = 6, n;

	if (c->in.len < 6)
		return false;
	n = b[1] & 127;
	if (n == 126) {
		head = 8;
		n = (size_t)b[2] << 8 | b[3];
	}
	if (c->in.len < head + n)
		return false;
	char *text = malloc(n + 1);
	must(text != NULL, "malloc");
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(b[head + i] ^ b[head - 4 + i % 4]);
	int opcode = b[0] & 15;
	drop(&c->in, head + n);
	if (opcode == 1)
		take_text(c, text, n);
	else if (opcode == 8)
		client_end(c);
	free(text);
	return c->fd >= 0;
}

static void on_client(void *ctx, int mask)
{
	struct peer_client *c = ctx;
	char bytes[16384];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	(void)mask;
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		client_end(c);
		return;
	}
	if (n < 0)
		return;
	must(buf_add(&c->in, bytes, (size_t)n) == 0, "in");
	if (!c->is_open)
		upgrade(c);
	while (c->is_open && take_frame(c))
		continue;
}

static void on_accept(void *ctx, int mask)
{
	struct peer *p = ctx;
	struct peer_client *c = &p->clients[p->n];

	(void)mask;
	int fd = accept(p->fd, NULL, NULL), yes = 1;
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* a frame is two writes */
	must(p->n < PEER_CLIENTS, "too many clients");
	p->n++;
	*c = (struct peer_client){.peer = p, .fd = fd};
	buf_init(&c->in, BUF_BYTES);
	buf_init(&c->lines, BUF_BYTES);
	c->watch = io_watch_new(p->io, fd, on_client, c);
	io_watch_set(c->watch, IO_READ);
}

void peer_start(struct peer *p, struct io *io)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);

	p->io = io;
	p->n = 0;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(p->fd >= 0 && bind(p->fd, (struct sockaddr *)&at, len) == 0 &&
		listen(p->fd, 64) == 0 && getsockname(p->fd, (struct sockaddr *)&at, &len) == 0,
		"listen");
	p->port = ntohs(at.sin_port);
	p->watch = io_watch_new(io, p->fd, on_accept, p);
	io_watch_set(p->watch, IO_READ);
}

void peer_stop(struct peer *p)
{
	for (size_t i = 0; i < p->n; i++) {
		client_end(&p->clients[i]);
		buf_fini(&p->clients[i].in);
		buf_fini(&p->clients[i].lines);
	}
	io_watch_free(p->watch);
	close(p->fd);
}

size_t peer_live(const struct peer *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->clients[i].fd >= 0;
	return n;
}

size_t peer_count(const struct peer *p, size_t client, const char *text)
{
	struct str rest = buf_str(&p->clients[client].lines);
	size_t n = 0, len = strlen(text);

	while (client < p->n && rest.len > 0) {
		struct str line = str_split(&rest, '\n');
		n += line.len >= len && memcmp(line.at, text, len) == 0;
	}
	return n;
}
