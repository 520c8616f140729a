/* base/log.h: one JSON object a line (spec 001-51 .. 001-53, 001-66).
 *
 * Keys, always present, null where unknown, in this order: timestamp level module action user
 * community result execution_time message turn request_id; further keys follow. Values are JSON
 * escaped, scrubbed and cut at LOG_VALUE_BYTES. Error lines are limited to LOG_REPEATS a minute per
 * (module, action); what was held back is counted in "suppressed" on the next one that passes. All
 * other lines pass: one for each turn is what the log is for.
 * Levels: system audit error info debug; system and audit always pass. Safe from any thread. A
 * write error is said once on standard error and never stops the program; when lines can be written
 * again, the first tells how many were lost. When the wall clock jumps, a line says by how much.
 * SIGPIPE is ignored from the first line on, unless the program has a handler for it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

#define LOG_VALUE_BYTES 512 /* faults.md section 7: log value cap */
#define LOG_REPEATS 20      /* faults.md I15: error lines a minute per (room, action) */

enum log_level { LOG_SYSTEM, LOG_AUDIT, LOG_ERROR, LOG_INFO, LOG_DEBUG };

/* Opens (or reopens after a rotation) the sink: a file path created 0600, "-" for standard error,
 * or NULL for none. 0, ERR_IO, or ERR_BUSY: a disk hangs under the file before, and the sink stays.
 * Before the first call lines go to standard error. */
int log_open(const char *path, enum log_level most) MUST_USE;
/* From now on a thread of the log's own writes, and no caller ever waits for a disk or a reader.
 * Lines that do not fit into its buffer are lost and counted in a line "lost". log_close writes
 * what waits and ends it. ERR_NOMEM: there is no thread, callers go on writing themselves. */
int log_detach(void) MUST_USE;
void log_close(void);
void log_set_level(enum log_level most);
enum log_level log_get_level(void);
const char *log_level_name(enum log_level level);

/* Writes one line. After action come pairs: const char *key, const char *value, ended by NULL. A
 * NULL value writes null. Numbers: LOG_INT(key, n). The nine standard keys may be among them.
 *   log_event(LOG_INFO, "platform", "place_up", "community", chan, LOG_INT("tries", n), NULL); */
void log_event(enum log_level level, const char *room, const char *action, ...)
	__attribute__((sentinel));

/* A number as a value, printed as one; valid to the end of the enclosing block. What log_number
 * gives is marked for log_event and of no use elsewhere. */
#define LOG_INT(key, n) (key), log_number((int64_t)(n), (char[24]){0})
const char *log_number(int64_t n, char out[24]);

/* Would a line of this level be written? To avoid building costly values. */
int log_wants(enum log_level level);

#endif
