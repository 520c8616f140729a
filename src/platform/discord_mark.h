/* platform/discord_mark.h: how far each session was handled, to the last event, even if this
 * process is killed: what was answered is not answered again. Not for other rooms.
 *
 * A page of a file in memory: a store costs nothing and waits for nobody. The system writes it
 * down when it likes, so only a machine that dies loses some; discord_session.h has those. */
#ifndef PLATFORM_DISCORD_MARK_H
#define PLATFORM_DISCORD_MARK_H

#include "base/base.h"

#define PLATFORM_MARKS 256 /* shards: 640,000 servers (discord.md section 3) */

struct platform_marks;
/* Blocking. ERR_DENIED, ERR_IO, ERR_NOMEM: everything works without, but for the above. */
int platform_marks_open(const char *path, struct platform_marks **out) MUST_USE;
void platform_marks_close(struct platform_marks *m);
/* A shard has another session from now on, of which nothing was handled. NULL allowed. */
void platform_marks_begin(struct platform_marks *m, unsigned shard, const char *id);
void platform_marks_set(struct platform_marks *m, unsigned shard, int64_t seq); /* NULL allowed */
/* The mark of this session; -1 = none. NULL allowed. */
int64_t platform_marks_get(const struct platform_marks *m, unsigned shard, const char *id);

#endif
