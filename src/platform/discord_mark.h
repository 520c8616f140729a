/* platform/discord_mark.h: how far each session was handled when something was last said, even if
 * this process is killed: what was answered is not answered again. Not for other rooms.
 *
 * A small file that is written in place, without waiting for the disk: only a machine that dies
 * loses some; discord_session.h has those. A file that was cut short or made no sense of means: no
 * mark. */
#ifndef PLATFORM_DISCORD_MARK_H
#define PLATFORM_DISCORD_MARK_H

#include "base/base.h"

#define PLATFORM_MARKS 256 /* shards: 640,000 servers (discord.md section 3) */

struct platform_marks;
/* Blocking. ERR_DENIED, ERR_IO, ERR_NOMEM: everything works without, but for the above. */
int platform_marks_open(const char *path, struct platform_marks **out) MUST_USE;
void platform_marks_close(struct platform_marks *m);
/* The session of a shard was handled so far; noted by the next save. id "": it has none. NULL
 * allowed. */
void platform_marks_set(struct platform_marks *m, unsigned shard, const char *id, int64_t seq);
/* The mark of this session; -1 = none. NULL allowed. */
int64_t platform_marks_get(const struct platform_marks *m, unsigned shard, const char *id);
/* What was set is kept from now on, whatever becomes of this process. NULL allowed. ERR_IO: the
 * next call tries again. */
int platform_marks_save(struct platform_marks *m) MUST_USE;

#endif
