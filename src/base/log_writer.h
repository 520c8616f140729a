/* base/log_writer.h: private to base. The thread that writes the log, so that nobody else waits for
 * a disk or a reader. Lines are copied into a buffer of LOG_WAITING_BYTES; what does not fit is
 * lost and counted. Safe from any thread, except start and stop, which belong to one. */
#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include "base/buf.h"

#define LOG_WAITING_BYTES (256 * 1024) /* some thousand lines: a second of a busy channel */

/* Starts the thread, writing to fd. ERR_NOMEM: no thread;
 * lines are then written by their callers. */
int log_writer_start(int fd) MUST_USE;
bool log_writer_is_on(void);
/* Lines from now on go to fd; the old one is closed after its last line if closes_old. ERR_BUSY:
 * the one before that still has lines to get, on a disk that hangs; nothing was changed. */
int log_writer_switch(int fd, bool closes_old) MUST_USE;
/* Queues whole lines. Gives the errno of a write that failed since the last call, 0 for none. */
int log_writer_put(struct str lines);
/* Lines lost since the last call; 0 while they cannot be written anyway. */
uint64_t log_writer_lost(void);
/* Writes what waits, ends the thread; waits 2 s for it at most. fd stays open. */
void log_writer_stop(void);

#endif
