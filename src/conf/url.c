#include "conf/room.h"

#include <string.h>

/* Just enough of a URL to judge a configuration; who connects parses it again with its own library.
 */

#define PORT_MAX 65535

/* 127.0.0.0/8 in four plain decimal parts: shorter and octal forms mean different things to
 * different libraries, so they count as remote. */
static bool is_loopback_v4(struct str host)
{
	struct str rest = host;
	int64_t part;

	for (int i = 0; i < 4; i++) {
		struct str piece = str_split(&rest, '.');

		if (str_int(piece, &part) || part < 0 || part > 255 || piece.len > 3 ||
			(piece.len > 1 && piece.at[0] == '0') || (i == 0 && part != 127))
			return false;
	}
	return rest.len == 0 && host.at[host.len - 1] != '.';
}

static int read_port(struct str text, int *out, const char **why)
{
	int64_t port;

	*why = "its port is not a number within 1..65535";
	if (str_int(text, &port) || port < 1 || port > PORT_MAX || !conf_is_word(text, ""))
		return ERR_INVALID;
	*out = (int)port;
	return 0;
}

static int read_host_port(struct str text, struct conf_url *out, const char **why)
{
	struct str rest = text;

	*why = "it has no host";
	if (text.len > 0 && text.at[0] == '[') {
		rest = (struct str){text.at + 1, text.len - 1};
		out->host = str_split(&rest, ']');
		*why = "the [ of its address is not closed, or what it holds is no address";
		if (!conf_is_word(out->host, ":.%") || (rest.len > 0 && rest.at[0] != ':'))
			return ERR_INVALID;
		if (rest.len > 0)
			rest = (struct str){rest.at + 1, rest.len - 1};
		out->is_loopback = str_is(out->host, "::1");
	} else {
		out->host = str_split(&rest, ':');
		if (out->host.len > 0)
			*why = "its host has a character that no host name has";
		if (!conf_is_word(out->host, ".-_"))
			return ERR_INVALID;
		out->is_loopback =
			is_loopback_v4(out->host) || str_eq_nocase(out->host, STR("localhost"));
	}
	if (rest.len == 0)
		return 0;
	return read_port(rest, &out->port, why);
}

int conf_url_read(struct str text, struct conf_url *out, const char **why)
{
	struct str rest, authority;
	size_t at = 0;

	*out = (struct conf_url){0};
	*why = "it does not begin with a scheme like https://";
	while (at + 2 < text.len && memcmp(text.at + at, "://", 3) != 0)
		at++;
	if (at + 2 >= text.len)
		return ERR_INVALID;
	out->scheme = (struct str){text.at, at};
	if (!conf_is_word(out->scheme, "+-."))
		return ERR_INVALID;
	*why = "it has a space or a control character in it";
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] <= ' ' || text.at[i] == 0x7f)
			return ERR_INVALID;
	rest = (struct str){text.at + at + 3, text.len - at - 3};
	for (at = 0; at < rest.len && !strchr("/?#", rest.at[at]); at++)
		;
	authority = (struct str){rest.at, at};
	if (authority.len > 0 && memchr(authority.at, '@', authority.len)) {
		out->has_user = true;
		*why = "it has a user name or password in it";
		return ERR_INVALID;
	}
	return read_host_port(authority, out, why);
}

bool conf_url_is_local(const char *url)
{
	struct conf_url parts;
	const char *why;

	return conf_url_read(str_of(url), &parts, &why) == 0 && parts.is_loopback;
}

bool conf_provider_is_local(const struct conf_provider *p)
{
	for (size_t i = 0; i < p->urls.n; i++) {
		if (!conf_url_is_local(p->urls.at[i]))
			return false;
	}
	return !p->is_remote;
}

int conf_listen_read(struct str text, struct conf_url *out, const char **why)
{
	*out = (struct conf_url){0};
	if (read_host_port(text, out, why))
		return ERR_INVALID;
	*why = "it has no port";
	return out->port > 0 ? 0 : ERR_INVALID;
}
