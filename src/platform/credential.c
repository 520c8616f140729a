/* What all calls that carry a credential have in common. */
#include "platform/credential.h"

#include <string.h>

#include "io/io.h"

int platform_credential_url(const char *base, const char *path, struct buf *url)
{
	struct str door = str_of(base);
	struct io_url parts;
	int err;

	while (door.len > 0 && door.at[door.len - 1] == '/')
		door.len--;
	err = buf_add_str(url, door);
	if (err == 0)
		err = buf_adds(url, path);
	if (err == 0)
		err = io_url_parse(buf_text(url), &parts);
	if (err == 0 && !parts.is_tls && !io_host_is_loopback(parts.host))
		err = ERR_DENIED;
	return err;
}

bool platform_refusals_add(struct platform_refusals *r, int64_t now_ms)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n; i++) {
		if (now_ms - r->at_ms[i] < PLATFORM_REFUSALS_MS)
			r->at_ms[kept++] = r->at_ms[i];
	}
	r->n = kept;
	if (r->n < PLATFORM_REFUSALS)
		r->at_ms[r->n++] = now_ms;
	if (r->n < PLATFORM_REFUSALS && !r->was_stopped)
		return false;
	r->n = 0;
	r->was_stopped = true;
	r->stopped_until_ms = now_ms + PLATFORM_REFUSALS_MS;
	return true;
}

void platform_refusals_clear(struct platform_refusals *r)
{
	memset(r, 0, sizeof(*r));
}
