/* tests/bench/daemon.h: the real binary with a folder of files, as its users run it, and what it
 * costs. */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include "base/base.h"

struct daemon {
	const char *binary;
	char folder[64];
	int pid, notify;      /* notify: where it says READY=1 */
	struct buf text;      /* what was read last */
	size_t log_at;        /* its log is read up to there */
};

void daemon_init(struct daemon *d, const char *binary); /* makes its folder, with a persona */
void daemon_fini(struct daemon *d);                     /* removes it */
/* A file of its folder. */
void daemon_write(struct daemon *d, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* mynah.yaml: paths, limits out of the way, then what is given. */
void daemon_configure(struct daemon *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
void daemon_start(struct daemon *d);      /* with a state folder without a past */
void daemon_wait_ready(struct daemon *d); /* READY=1 */
void daemon_wait_log(struct daemon *d, const char *what); /* a line with it in the log */
/* Sleeps until the daemon's first sweep, 30 s after its start, has given back what only the start
 * needed. */
void daemon_settle(void);
void daemon_stop(struct daemon *d);

double daemon_cpu_us(const struct daemon *d);
double daemon_rss_mib(const struct daemon *d);
/* A figure of /proc/PID/FILE that is in kB; 0 when it is not to be had (smaps needs its owner or
 * root). */
double daemon_mib(const struct daemon *d, const char *file, const char *field);
/* A figure of its /metrics, all labels added; dies when there is none. */
double daemon_metric(struct daemon *d, const char *name);

#endif
