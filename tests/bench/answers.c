#include "answers.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "corpus.h"

#define REQUEST_BYTES 65536

/* Reads one request, of which only the first line is looked at. */
static void read_request(int fd, struct buf *in)
{
	char bytes[4096], *end = NULL, *length;
	size_t want = REQUEST_BYTES;

	buf_clear(in);
	while (in->len < want) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n <= 0 || buf_add(in, bytes, (size_t)n) != 0)
			return;
		end = end ? end : strstr(in->at, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(in->at, "\ncontent-length:");
		want = (size_t)(end - in->at) + 4;
		if (length && length < end)
			want += strtoul(length + 16, NULL, 10);
	}
}

static void answer(int fd, const struct answer *rows, size_t n, struct buf *in)
{
	static const struct answer nothing = {"", 404, "{}"};
	const struct answer *a = &nothing;
	char head[256];

	read_request(fd, in);
	for (size_t i = n; i-- > 0;) {
		if (strncmp(buf_text(in), rows[i].begins, strlen(rows[i].begins)) == 0)
			a = &rows[i];
	}
	int len = snprintf(head, sizeof(head), "HTTP/1.1 %d OK\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n", a->status, strlen(a->body));

	(void)!send(fd, head, (size_t)len, MSG_NOSIGNAL);
	(void)!send(fd, a->body, strlen(a->body), MSG_NOSIGNAL);
	close(fd);
}

int answers_serve(const struct answer *rows, size_t n, int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pid;
	struct buf in;

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 64) != 0 ||
			getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		bench_die("no server socket");
	*port = ntohs(a.sin_port);
	pid = fork();
	if (pid < 0)
		bench_die("no process");
	if (pid > 0) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	buf_init(&in, REQUEST_BYTES + 8192);
	for (;;) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0)
			answer(client, rows, n, &in);
	}
}
