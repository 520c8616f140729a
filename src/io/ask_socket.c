/* io/ask_socket.c: one blocking HTTP/1.1 request to a unix socket, for the verbs. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/io.h"

#define HEADERS_MAX 16384

/* Waits until fd is ready for events or the deadline has passed. */
static int wait_ready(int fd, short events, int64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left;
	int n;

	do {
		left = until_ms - clock_mono_ms();
		if (left <= 0)
			return ERR_TIMEOUT;
		n = poll(&p, 1, left < INT_MAX ? (int)left : INT_MAX);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return ERR_IO;
	return n > 0 ? 0 : ERR_TIMEOUT;
}

static int open_socket(const char *path, int *out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return ERR_INVALID;
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ERR_IO;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return ERR_CONNECT;
	}
	*out = fd;
	return 0;
}

static int send_all(int fd, struct str bytes, int64_t until_ms)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
		int err;

		if (n > 0) {
			bytes.at += n;
			bytes.len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN)
			return ERR_IO;
		err = wait_ready(fd, POLLOUT, until_ms);
		if (err)
			return err;
	}
	return 0;
}

/* Everything until the peer closes. */
static int read_all(int fd, struct buf *in, int64_t until_ms)
{
	char piece[4096];

	for (;;) {
		ssize_t n = recv(fd, piece, sizeof(piece), 0);
		int err;

		if (n == 0)
			return 0;
		if (n > 0)
			err = buf_add(in, piece, (size_t)n);
		else if (errno == EINTR)
			err = 0;
		else if (errno == EAGAIN)
			err = wait_ready(fd, POLLIN, until_ms);
		else if (errno == ECONNRESET && in->len)
			return 0; /* closed before it had read all we sent: its answer is here */
		else
			err = ERR_IO;
		if (err)
			return err;
	}
}

/* "HTTP/1.1 200 OK" ... "Content-Length: 5" ... "" and a body of just so many bytes. */
static int take_answer(struct str in, struct buf *out)
{
	const char *blank = in.len ? memmem(in.at, in.len, "\r\n\r\n", 4) : NULL;
	struct str head, body, line, key;
	int64_t status, length = -1;
	int err;

	if (!blank)
		return ERR_IO;
	head = (struct str){in.at, (size_t)(blank - in.at)};
	body = (struct str){blank + 4, in.len - head.len - 4};
	line = str_split(&head, '\n');
	if (line.len < 12 || strncasecmp(line.at, "HTTP/1.", 7) != 0 ||
		str_int((struct str){line.at + 9, 3}, &status) != 0)
		return ERR_IO;
	while (head.len) {
		line = str_split(&head, '\n');
		key = str_split(&line, ':');
		if (str_eq_nocase(key, STR("content-length")) && str_int(str_trim(line), &length))
			return ERR_IO;
	}
	if (length >= 0 && body.len < (size_t)length)
		return ERR_IO;
	if (length >= 0)
		body.len = (size_t)length;
	err = buf_add_str(out, body);
	return err ? err : (int)status;
}

int io_ask_socket(const char *socket_path, const char *method, const char *path, struct str body,
	int64_t deadline_ms, struct buf *out)
{
	int64_t until_ms = clock_mono_ms() + deadline_ms;
	struct buf bytes;
	int fd = -1;
	int r;

	buf_init(&bytes, HEADERS_MAX + (out->max > body.len ? out->max : body.len));
	r = open_socket(socket_path, &fd);
	if (r)
		goto out;
	r = buf_addf(&bytes,
		"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		method, path, body.len);
	if (!r)
		r = buf_add_str(&bytes, body);
	if (!r)
		r = send_all(fd, buf_str(&bytes), until_ms);
	/* A peer that refuses early has answered and closed: its answer counts. */
	if (r && r != ERR_IO)
		goto out;
	buf_clear(&bytes);
	r = read_all(fd, &bytes, until_ms);
	if (!r)
		r = take_answer(buf_str(&bytes), out);
out:
	if (fd >= 0)
		close(fd);
	buf_fini(&bytes);
	return r;
}
