/* Where a Redis is: unix:/path, redis://host, redis://host:port/db, redis://[::1]:port. */
#include "memory/room.h"

#include <string.h>

static int copy_host(struct memory_url *u, struct str s)
{
	if (s.len == 0 || s.len >= sizeof(u->host) || memchr(s.at, '\0', s.len) != NULL)
		return ERR_INVALID;
	memcpy(u->host, s.at, s.len);
	u->host[s.len] = '\0';
	return 0;
}

int memory_url_read(struct str url, struct memory_url *u)
{
	struct str scheme = STR("redis://");
	struct str host, port = STR("6379"), db;
	int64_t number = 0;

	if (url.len > 5 && memcmp(url.at, "unix:", 5) == 0) {
		u->is_unix = true;
		return copy_host(u, (struct str){url.at + 5, url.len - 5});
	}
	if (url.len <= scheme.len || memcmp(url.at, scheme.at, scheme.len) != 0)
		return ERR_INVALID;
	db = (struct str){url.at + scheme.len, url.len - scheme.len};
	host = str_split(&db, '/');
	if (memchr(host.at, '@', host.len) != NULL)
		return ERR_INVALID; /* secrets do not live in URLs */
	if (host.len > 0 && host.at[0] == '[') {
		struct str after = {host.at + 1, host.len - 1};

		if (memchr(after.at, ']', after.len) == NULL)
			return ERR_INVALID;
		host = str_split(&after, ']');
		if (after.len > 1 && after.at[0] == ':')
			port = (struct str){after.at + 1, after.len - 1};
		else if (after.len > 0)
			return ERR_INVALID;
	} else if (memchr(host.at, ':', host.len) != NULL) {
		port = host;
		host = str_split(&port, ':');
	}
	if (str_int(port, &number) != 0 || number < 1 || number > 65535)
		return ERR_INVALID;
	u->port = (int)number;
	number = 0;
	if (db.len > 0 && (str_int(db, &number) != 0 || number < 0 || number > 9999))
		return ERR_INVALID;
	u->db = (int)number;
	return copy_host(u, host);
}
