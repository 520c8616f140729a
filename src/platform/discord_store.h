/* platform/discord_store.h: one small file of the state folder, written whole and renamed, on a
 * worker, for one application of Discord. Not for other rooms. */
#ifndef PLATFORM_DISCORD_STORE_H
#define PLATFORM_DISCORD_STORE_H

#include "io/io.h"

#define PLATFORM_STORE_BYTES (256 * 1024) /* 900 identifies or 256 sessions, several times over */

struct platform_store;
/* name: "discord-sessions"; the file's name ends with a fingerprint of the application that the
 * token belongs to, which stays the same when a new token is made. worker is BORROWED. */
int platform_store_new(struct io_worker *worker, const char *state_dir, const char *name,
	const struct secret *token, struct platform_store **out) MUST_USE;
/* Writes last, or what waits when last is empty, blocking. A write under way ends by itself. */
void platform_store_free(struct platform_store *s, struct str last);
const char *platform_store_path(const struct platform_store *s);
/* Adds what the file holds; blocking. As file_read. */
int platform_store_read(const struct platform_store *s, struct buf *out) MUST_USE;
/* TAKES the bytes of text: the file shall hold them, instead of what waits. */
void platform_store_put(struct platform_store *s, struct buf *text);
/* Is everything that was put on the disk? What could not be written counts: it is in the log, and
 * the next put may fare better. Tries again what found no room in the worker's queue. */
bool platform_store_is_settled(struct platform_store *s);

#endif
