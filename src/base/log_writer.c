/* The thread behind the log. Two buffers: callers fill one while the thread writes the other. */
#include "base/log_writer.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STOP_SECONDS 2 /* how long the end of the log may take */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool is_on, is_ending;
	int fd;
	int closes;        /* the file before fd; closed when it has its last line; -1 = none */
	size_t split;      /* so many bytes of the buffer being filled still belong to closes */
	int sys;           /* errno of the last failure that nobody has heard of */
	uint64_t lost;
	char bytes[2][LOG_WAITING_BYTES];
	size_t len;        /* in the buffer that callers fill */
	int filling;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .closes = -1};

static int write_all(int fd, const char *at, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Under the lock: takes the filled buffer and writes it without the lock. */
static void write_batch(void)
{
	const char *batch = writer.bytes[writer.filling];
	const int before = writer.closes, fd = writer.fd;
	const size_t first = before >= 0 ? writer.split : 0, n = writer.len;
	int sys = 0;

	writer.filling = !writer.filling;
	writer.len = 0;
	pthread_mutex_unlock(&writer.lock);
	if (before >= 0) {
		sys = write_all(before, batch, first);
		close(before);
	}
	if (fd >= 0 && !sys)
		sys = write_all(fd, batch + first, n - first);
	pthread_mutex_lock(&writer.lock);
	if (sys)
		writer.sys = sys;
	if (before >= 0)
		writer.closes = -1;
}

static void *run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&writer.lock);
	for (;;) {
		while (writer.len == 0 && writer.closes < 0 && !writer.is_ending)
			pthread_cond_wait(&writer.wake, &writer.lock);
		if (writer.len == 0 && writer.closes < 0)
			break;
		write_batch();
	}
	pthread_mutex_unlock(&writer.lock);
	return NULL;
}

int log_writer_start(int fd)
{
	sigset_t all, before;
	int sys;

	writer.fd = fd;
	writer.is_ending = false;
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sys = pthread_create(&writer.thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	writer.is_on = sys == 0;
	return sys ? ERR_NOMEM : 0;
}

bool log_writer_is_on(void)
{
	return writer.is_on;
}

int log_writer_switch(int fd, bool closes_old)
{
	int err = 0;

	pthread_mutex_lock(&writer.lock);
	if (closes_old && writer.closes >= 0) {
		err = ERR_BUSY;
	} else {
		if (closes_old) {
			writer.closes = writer.fd;
			writer.split = writer.len;
		}
		writer.fd = fd;
		pthread_cond_signal(&writer.wake);
	}
	pthread_mutex_unlock(&writer.lock);
	return err;
}

int log_writer_put(struct str lines)
{
	int sys;

	pthread_mutex_lock(&writer.lock);
	if (lines.len > LOG_WAITING_BYTES - writer.len) {
		writer.lost++;
	} else if (lines.len > 0) {
		memcpy(writer.bytes[writer.filling] + writer.len, lines.at, lines.len);
		writer.len += lines.len;
		pthread_cond_signal(&writer.wake);
	}
	sys = writer.sys;
	writer.sys = 0;
	pthread_mutex_unlock(&writer.lock);
	return sys;
}

uint64_t log_writer_lost(void)
{
	uint64_t lost;

	pthread_mutex_lock(&writer.lock);
	lost = writer.len < LOG_WAITING_BYTES / 2 ? writer.lost : 0;
	if (lost > 0)
		writer.lost = 0;
	pthread_mutex_unlock(&writer.lock);
	return lost;
}

void log_writer_stop(void)
{
	struct timespec limit = {0};

	if (!writer.is_on)
		return;
	pthread_mutex_lock(&writer.lock);
	writer.is_ending = true;
	pthread_cond_signal(&writer.wake);
	pthread_mutex_unlock(&writer.lock);
	limit.tv_sec = clock_wall_ms() / 1000 + STOP_SECONDS;
	/* Should it hang in a write for ever, the end of the process is the end of it. */
	if (pthread_timedjoin_np(writer.thread, NULL, &limit))
		pthread_detach(writer.thread);
	writer.is_on = false;
}
