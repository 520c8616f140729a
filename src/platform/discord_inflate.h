/* platform/discord_inflate.h: zlib-stream, the compression of Discord's gateway (discord.md 1.6).
 * Not for other rooms. Hides zlib.
 *
 * One context for each connection, never reset: what is lost of it is lost until the next
 * connection. A message is whole when a WebSocket message ends in 00 00 FF FF. */
#ifndef PLATFORM_DISCORD_INFLATE_H
#define PLATFORM_DISCORD_INFLATE_H

#include "base/base.h"

struct platform_inflate;
/* max_bytes: of one message, as it comes and inflated. ERR_NOMEM. */
int platform_inflate_new(size_t max_bytes, struct platform_inflate **out) MUST_USE;
void platform_inflate_free(struct platform_inflate *z);
/* One binary WebSocket message. 1: *out is a whole message, BORROWED until the next call. 0: more
 * is to come. ERR_PARSE, ERR_LIMIT, ERR_NOMEM: the context is lost, the connection has to go. */
int platform_inflate_feed(struct platform_inflate *z, struct str bytes, struct str *out) MUST_USE;
/* Gives up what a large message left behind; *out of the last call is gone. */
void platform_inflate_shrink(struct platform_inflate *z);

#endif
