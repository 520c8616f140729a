/* platform/credential.h: what all calls that carry a credential have in common: it never travels
 * where anybody could read it, and a loop of refusals ends. Not for other rooms. */
#ifndef PLATFORM_CREDENTIAL_H
#define PLATFORM_CREDENTIAL_H

#include "base/base.h"

#define PLATFORM_REFUSALS 5 /* faults.md R3: so many within a minute, then quiet for one */
#define PLATFORM_REFUSALS_MS 60000

/* Adds base and path, which begins with a slash. ERR_DENIED: without TLS anybody on the way could
 * read the credential; loopback is no way. ERR_INVALID: that is no URL. */
int platform_credential_url(const char *base, const char *path, struct buf *url) MUST_USE;

/* Refused calls (401, 403) of one credential. A success forgets them. After a stop a single one
 * stops again. */
struct platform_refusals {
	int64_t at_ms[PLATFORM_REFUSALS];
	unsigned n;
	bool was_stopped;
	int64_t stopped_until_ms;
};
/* True when this one was the last straw. */
bool platform_refusals_add(struct platform_refusals *r, int64_t now_ms);
void platform_refusals_clear(struct platform_refusals *r);

#endif
