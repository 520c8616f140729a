/* io/address.c: what kind of address a number is, and the parts of a URL. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "io/loop.h"

/* The IPv4 address inside an IPv6 one: mapped ::ffff:0:0/96, compatible ::/96 and NAT64
 * 64:ff9b::/96 (RFC 4291, RFC 6052). NULL when there is none. */
static const unsigned char *inner_v4(const unsigned char *v6)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const unsigned char compatible[12];
	static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const unsigned char one[16] = {[15] = 1};

	if (memcmp(v6, mapped, 12) == 0 || memcmp(v6, nat64, 12) == 0)
		return v6 + 12;
	if (memcmp(v6, compatible, 12) == 0 && memcmp(v6, one, 16) != 0)
		return v6 + 12;
	return NULL;
}

bool io_address_is_forbidden(const unsigned char *addr, bool is_v6)
{
	/* fd00:ec2::254, the metadata service of Amazon over IPv6. */
	static const unsigned char metadata[16] = {
		0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};

	if (is_v6) {
		if (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80)
			return true;
		if (memcmp(addr, metadata, 16) == 0)
			return true;
		addr = inner_v4(addr);
		if (!addr)
			return false;
	}
	/* 169.254/16 is link-local and every cloud's metadata; 0/8 is "this host" (RFC 1122). */
	return (addr[0] == 169 && addr[1] == 254) || addr[0] == 0;
}

bool io_address_is_loopback(const unsigned char *addr, bool is_v6)
{
	static const unsigned char one[16] = {[15] = 1};

	if (is_v6) {
		if (memcmp(addr, one, 16) == 0)
			return true;
		addr = inner_v4(addr);
	}
	return addr && addr[0] == 127;
}

bool io_host_is_loopback(const char *host)
{
	unsigned char addr[16];

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, addr) == 1)
		return io_address_is_loopback(addr, false);
	if (inet_pton(AF_INET6, host, addr) == 1)
		return io_address_is_loopback(addr, true);
	return false;
}

/* ---- URLs ------------------------------------------------------------------------------------ */

static bool cut_scheme(struct str *rest, struct io_url *out)
{
	static const struct {
		const char *text;
		bool is_tls;
		int port;
	} schemes[] = {
		{"ws://", false, 80},
		{"wss://", true, 443},
		{"http://", false, 80},
		{"https://", true, 443},
	};
	size_t i, n;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		n = strlen(schemes[i].text);
		if (rest->len < n || strncasecmp(rest->at, schemes[i].text, n) != 0)
			continue;
		rest->at += n;
		rest->len -= n;
		out->is_tls = schemes[i].is_tls;
		out->port = schemes[i].port;
		return true;
	}
	return false;
}

static bool keep_host(struct str host, struct io_url *out)
{
	if (host.len == 0 || host.len >= sizeof(out->host))
		return false;
	memcpy(out->host, host.at, host.len);
	out->host[host.len] = '\0';
	return true;
}

/* Takes the host off *rest: "[v6]" or a name. */
static bool read_host(struct str *rest, struct io_url *out)
{
	unsigned char v6[16];
	struct str host;
	size_t used;

	if (rest->len && rest->at[0] == '[') {
		const char *end = memchr(rest->at, ']', rest->len);

		if (!end)
			return false;
		used = (size_t)(end + 1 - rest->at);
		host = (struct str){rest->at + 1, used - 2};
		if (!keep_host(host, out) || inet_pton(AF_INET6, out->host, v6) != 1)
			return false;
	} else {
		for (used = 0; used < rest->len && rest->at[used] != ':'; used++)
			if (!ascii_is_alnum(rest->at[used]) &&
				!strchr("-._", rest->at[used]))
				return false;
		if (!keep_host((struct str){rest->at, used}, out))
			return false;
	}
	rest->at += used;
	rest->len -= used;
	return true;
}

static bool read_authority(struct str a, struct io_url *out)
{
	int64_t port;

	if (!read_host(&a, out))
		return false;
	if (a.len == 0)
		return true;
	if (a.at[0] != ':')
		return false;
	a.at++;
	a.len--;
	if (str_int(a, &port) != 0 || port < 1 || port > 65535)
		return false;
	out->port = (int)port;
	return true;
}

int io_url_parse(const char *url, struct io_url *out)
{
	struct str rest = str_of(url);
	struct str authority;
	size_t i;

	memset(out, 0, sizeof(*out));
	/* What a header line could not carry is not a URL. */
	for (i = 0; i < rest.len; i++)
		if ((unsigned char)rest.at[i] <= ' ' || (unsigned char)rest.at[i] >= 127)
			return ERR_INVALID;
	if (!cut_scheme(&rest, out))
		return ERR_INVALID;
	authority = rest;
	for (i = 0; i < rest.len && !strchr("/?#", rest.at[i]); i++)
		;
	authority.len = i;
	rest.at += i;
	rest.len -= i;
	for (i = 0; i < rest.len && rest.at[i] != '#'; i++)
		;
	rest.len = i;
	if (!read_authority(authority, out))
		return ERR_INVALID;
	if (rest.len + 2 > sizeof(out->path))
		return ERR_LIMIT;
	snprintf(out->path, sizeof(out->path), "%s%.*s",
		rest.len && rest.at[0] == '/' ? "" : "/", STR_FMT(rest));
	return 0;
}
