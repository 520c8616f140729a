/* io/upgrade.c: asks a server to speak WebSocket, and reads strictly what it says to that. */
#include "io/upgrade.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define KEY_BYTES 16 /* RFC 6455 4.1: of chance, in base64 */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */
#define VERSION_BYTES 8 /* "HTTP/1.1" */
#define STATUS_END 12   /* "HTTP/1.1 101" */

static int make_key(struct io_upgrade *u, char key[IO_UPGRADE_KEY_BYTES])
{
	unsigned char chance[KEY_BYTES], hash[EVP_MAX_MD_SIZE];
	char text[IO_UPGRADE_KEY_BYTES + sizeof(GUID)];
	unsigned n;

	rand_bytes(chance, sizeof(chance));
	EVP_EncodeBlock((unsigned char *)key, chance, sizeof(chance));
	snprintf(text, sizeof(text), "%s" GUID, key);
	if (EVP_Digest(text, strlen(text), hash, &n, EVP_sha1(), NULL) != 1)
		return ERR_NOMEM;
	EVP_EncodeBlock((unsigned char *)u->accept, hash, (int)n);
	return 0;
}

int io_upgrade_ask(struct io_upgrade *u, struct buf *out)
{
	char key[IO_UPGRADE_KEY_BYTES];
	int err = make_key(u, key);

	buf_fini(&u->head);
	buf_init(&u->head, IO_UPGRADE_BYTES);
	u->why[0] = '\0';
	if (err)
		return err;
	/* inspircd answers 400 without an Origin. */
	err = buf_addf(out, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\n"
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
		"Sec-WebSocket-Version: 13\r\n", u->path, u->host, u->host, key);
	if (!err && u->subprotocol)
		err = buf_addf(out, "Sec-WebSocket-Protocol: %s\r\n", u->subprotocol);
	return err ? err : buf_adds(out, "\r\n");
}

void io_upgrade_fini(struct io_upgrade *u)
{
	buf_fini(&u->head);
}

/* ---- The answer ------------------------------------------------------------------------------ */

static int refuse(struct io_upgrade *u, int err, const char *why)
{
	snprintf(u->why, sizeof(u->why), "%s", why);
	return err;
}

static int read_status(struct io_upgrade *u, struct str line)
{
	const char *s = line.at; /* a line end and a NUL are behind it */

	if (line.len < STATUS_END || memcmp(s, "HTTP/1.", VERSION_BYTES - 1) != 0 ||
			strspn(s + VERSION_BYTES - 1, "01") != 1 || s[VERSION_BYTES] != ' ' ||
			strspn(s + VERSION_BYTES + 1, "0123456789") != 3 ||
			strspn(s + STATUS_END, " \r") == 0)
		return refuse(u, ERR_PARSE, "its answer is not HTTP");
	if (memcmp(s + VERSION_BYTES - 1, "1 101", 5) == 0)
		return 0;
	snprintf(u->why, sizeof(u->why), "it answered HTTP %.3s", s + VERSION_BYTES + 1);
	return ERR_DENIED;
}

static bool is_websocket(const struct io_upgrade *u, struct str value)
{
	(void)u;
	return str_is_nocase(value, "websocket");
}

static bool has_upgrade(const struct io_upgrade *u, struct str value)
{
	bool is_found = false;

	(void)u;
	while (value.len > 0)
		is_found |= str_is_nocase(str_trim(str_split(&value, ',')), "upgrade");
	return is_found;
}

static bool is_our_key(const struct io_upgrade *u, struct str value)
{
	return str_is(value, u->accept);
}

static bool is_our_subprotocol(const struct io_upgrade *u, struct str value)
{
	return u->subprotocol && str_is(value, u->subprotocol);
}

static bool is_never(const struct io_upgrade *u, struct str value)
{
	(void)u;
	(void)value;
	return false;
}

/* Headers that make it a WebSocket, or one that was not asked for. Each may come once. */
static const struct {
	const char *name;
	bool (*is_right)(const struct io_upgrade *u, struct str value);
	bool is_needed;
} headers[] = {
	{"Upgrade", is_websocket, true},
	{"Connection", has_upgrade, true},
	{"Sec-WebSocket-Accept", is_our_key, true},
	{"Sec-WebSocket-Protocol", is_our_subprotocol, false},
	{"Sec-WebSocket-Extensions", is_never, false},
};

static int read_header(struct io_upgrade *u, struct str line, unsigned *seen)
{
	struct str value = line, name = str_split(&value, ':');

	if (name.len == 0 || name.len == line.len || memchr(line.at, '\0', line.len) ||
			str_trim(name).len != name.len)
		return refuse(u, ERR_PARSE, "its answer has a broken header");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (!str_is_nocase(name, headers[i].name))
			continue;
		if ((*seen & 1u << i) || !headers[i].is_right(u, str_trim(value))) {
			snprintf(u->why, sizeof(u->why), "its answer has a wrong %s",
				headers[i].name);
			return ERR_PARSE;
		}
		*seen |= 1u << i;
	}
	return 0;
}

static int read_head(struct io_upgrade *u)
{
	struct str rest = {u->head.at, u->head.len - 2}; /* without the empty line */
	bool is_first = true;
	unsigned seen = 0;
	int err = 0;

	while (!err && rest.len > 0) {
		struct str line = str_split(&rest, '\n');

		if (line.len == 0 || line.at[line.len - 1] != '\r')
			return refuse(u, ERR_PARSE, "its answer has a broken line");
		line.len--;
		err = is_first ? read_status(u, line) : read_header(u, line, &seen);
		is_first = false;
	}
	for (size_t i = 0; !err && i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (headers[i].is_needed && !(seen & 1u << i)) {
			snprintf(u->why, sizeof(u->why), "its answer has no %s", headers[i].name);
			err = ERR_PARSE;
		}
	}
	return err ? err : 1;
}

int io_upgrade_hear(struct io_upgrade *u, struct str *bytes)
{
	static const char end[] = "\r\n\r\n";
	const size_t before = u->head.len, room = u->head.max - before;
	const size_t n = bytes->len < room ? bytes->len : room;
	const char *found;
	size_t used;

	if (buf_add(&u->head, bytes->at, n) < 0)
		return refuse(u, ERR_NOMEM, "no memory for its answer");
	found = memmem(u->head.at, u->head.len, end, sizeof(end) - 1);
	if (!found && u->head.len == u->head.max)
		return refuse(u, ERR_LIMIT, "its answer does not end");
	used = found ? (size_t)(found - u->head.at) + sizeof(end) - 1 - before : n;
	bytes->at += used;
	bytes->len -= used;
	if (!found)
		return 0;
	buf_truncate(&u->head, before + used);
	return read_head(u);
}
