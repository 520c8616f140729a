#include "wire.h"

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
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */

/* ---- Frames ---------------------------------------------------------------------------------- */

size_t wire_head(unsigned char *head, enum wire_kind kind, size_t len, bool is_masked)
{
	size_t n = 2, bytes = 0;

	head[0] = (unsigned char)kind;
	head[1] = is_masked ? 0x80 : 0;
	if (len < 126) {
		head[1] |= (unsigned char)len;
	} else {
		bytes = len < 65536 ? 2 : 8;
		head[1] |= bytes == 2 ? 126 : 127;
	}
	while (bytes > 0)
		head[n++] = (unsigned char)(len >> 8 * --bytes);
	if (is_masked) {
		memset(head + n, 0, 4);
		n += 4;
	}
	return n;
}

void wire_frame(struct buf *out, enum wire_kind kind, struct str payload)
{
	unsigned char head[16];

	bench_must(buf_add(out, head, wire_head(head, kind, payload.len, false)));
	bench_must(buf_add_str(out, payload));
}

void wire_drop(struct buf *b, size_t n)
{
	memmove(b->at, b->at + n, b->len - n);
	buf_truncate(b, b->len - n);
}

int wire_take(struct buf *in, struct buf *text)
{
	const unsigned char *at = (const unsigned char *)in->at;
	size_t head = 2, len;
	bool is_masked;
	int kind;

	if (in->len < 4)
		return 0;
	kind = at[0];
	len = at[1] & 0x7f;
	is_masked = at[1] & 0x80;
	if (len == 126) {
		len = (size_t)at[2] << 8 | at[3];
		head = 4;
	} else if (len == 127) {
		bench_die("a frame that is too long");
	}
	if (in->len < head + (is_masked ? 4 : 0) + len)
		return 0;
	if (kind == WIRE_TEXT) {
		const unsigned char *mask = at + head;

		head += is_masked ? 4 : 0;
		for (size_t i = 0; i < len; i++)
			bench_must(buf_addc(
				text, (char)(at[head + i] ^ (is_masked ? mask[i % 4] : 0))));
	} else {
		head += is_masked ? 4 : 0;
	}
	wire_drop(in, head + len);
	return kind;
}

/* ---- The connection -------------------------------------------------------------------------- */

void wire_no_delay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void wire_open(struct wire *w)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	memset(w, 0, sizeof(*w));
	w->fd = -1;
	buf_init(&w->in, IN_BYTES);
	buf_init(&w->text, IN_BYTES);
	buf_init(&w->out, 64 * IN_BYTES);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->listener < 0 || bind(w->listener, (struct sockaddr *)&a, n) != 0 ||
			listen(w->listener, 8) != 0 ||
			getsockname(w->listener, (struct sockaddr *)&a, &n) != 0)
		bench_die("no server socket: %s", strerror(errno));
	w->port = ntohs(a.sin_port);
}

void wire_gone(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	buf_clear(&w->in);
	buf_clear(&w->text);
}

void wire_shut(struct wire *w)
{
	wire_gone(w);
	close(w->listener);
	buf_fini(&w->in);
	buf_fini(&w->text);
	buf_fini(&w->out);
}

void wire_send_all(int fd, const char *at, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent <= 0)
			bench_die("the client is gone");
		at += sent;
		n -= (size_t)sent;
	}
}

void wire_send(struct wire *w, struct str bytes)
{
	wire_send_all(w->fd, bytes.at, bytes.len);
}

/* In one piece: what comes between can be no measure of the client. */
void wire_flush(struct wire *w)
{
	wire_send_all(w->fd, buf_text(&w->out), w->out.len);
	buf_clear(&w->out);
}

/* Waits for bytes and adds them to `in`. False = the time is over. */
static bool receive(struct wire *w, int64_t until_us)
{
	char bytes[65536];
	int64_t left;

	do {
		ssize_t n = recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n > 0) {
			bench_must(buf_add(&w->in, bytes, (size_t)n));
			return true;
		}
		if (n == 0 || errno != EAGAIN)
			bench_die("the client has gone");
		left = until_us - clock_mono_us();
		if (left > 0) {
			struct pollfd p = {.fd = w->fd, .events = POLLIN};
			struct timespec most = {left / 1000000, left % 1000000 * 1000};

			ppoll(&p, 1, &most, NULL);
		}
	} while (left > 0);
	return false;
}

void wire_accept(struct wire *w)
{
	unsigned char hash[EVP_MAX_MD_SIZE], encoded[64];
	char text[128], *key;
	unsigned n;

	wire_gone(w);
	w->fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
	if (w->fd < 0)
		bench_die("no client: %s", strerror(errno));
	wire_no_delay(w->fd);
	do {
		if (!receive(w, clock_mono_us() + WIRE_WAIT_US))
			bench_die("no request");
	} while (!strstr(buf_text(&w->in), "\r\n\r\n"));
	key = strcasestr(w->in.at, "sec-websocket-key:");
	if (!key || sscanf(key + 18, " %60[^\r\n ]", text) != 1)
		bench_die("no WebSocket key");
	strncat(text, GUID, sizeof(text) - strlen(text) - 1);
	EVP_Digest(text, strlen(text), hash, &n, EVP_sha1(), NULL);
	EVP_EncodeBlock(encoded, hash, (int)n);
	buf_clear(&w->in);
	bench_must(buf_addf(&w->out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", encoded));
	wire_flush(w);
}

bool wire_receive(struct wire *w, int64_t until_us)
{
	bool is_any = false;
	int kind;

	do {
		while ((kind = wire_take(&w->in, &w->text)) != 0) {
			w->pongs += kind == WIRE_PONG;
			is_any = true;
		}
	} while (!is_any && receive(w, until_us));
	return is_any;
}

void wire_barrier(struct wire *w)
{
	const unsigned pongs = w->pongs;

	wire_frame(&w->out, WIRE_PING, STR("barrier"));
	wire_flush(w);
	while (w->pongs == pongs) {
		if (!wire_receive(w, clock_mono_us() + WIRE_WAIT_US))
			bench_die("no pong");
	}
}
