/* The thread behind the log. Two buffers: callers fill one while the thread writes the other. */
#include "base/log_writer.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
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
	bool is_failing;   /* the last write did */
	bool is_torn;      /* the thread's: it left a part of a line behind */
	uint64_t lost;
	char bytes[2][LOG_WAITING_BYTES];
	size_t len;        /* in the buffer that callers fill */
	int filling;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .closes = -1};

/* Gives 0 or errno; *done is how many bytes went. */
static int write_all(int fd, const char *at, size_t n, size_t *done)
{
	*done = 0;
	while (*done < n) {
		ssize_t more = write(fd, at + *done, n - *done);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return errno;
		*done += (size_t)more;
	}
	return 0;
}

/* A full disk may take a part of a line. In a file it is taken back; elsewhere the next line begins
 * anew (write_lines). */
static void take_back(int fd, size_t torn)
{
	const off_t end = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	writer.is_torn = torn > 0 && (end < (off_t)torn || fstat(fd, &st) < 0 ||
		!S_ISREG(st.st_mode) || st.st_size != end || ftruncate(fd, end - (off_t)torn) < 0);
}

static uint64_t count_lines(const char *at, size_t n)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += at[i] == '\n';
	return lines;
}

/* Whole lines. Gives 0 or errno; *lost is how many of them did not go. */
static int write_lines(int fd, const char *at, size_t n, uint64_t *lost)
{
	size_t done = 0, whole;
	int sys = writer.is_torn ? write_all(fd, "\n", 1, &done) : 0;

	if (!sys) {
		sys = write_all(fd, at, n, &done);
		for (whole = done; whole > 0 && at[whole - 1] != '\n'; whole--)
			;
		take_back(fd, done - whole);
		at += whole;
		n -= whole;
	}
	*lost += count_lines(at, n);
	return sys;
}

/* Under the lock: takes the filled buffer and writes it without the lock. */
static void write_batch(void)
{
	const char *batch = writer.bytes[writer.filling];
	const int before = writer.closes, fd = writer.fd;
	const size_t first = before >= 0 ? writer.split : 0, n = writer.len;
	uint64_t lost = 0;
	int sys = 0;

	writer.filling = !writer.filling;
	writer.len = 0;
	pthread_mutex_unlock(&writer.lock);
	if (before >= 0) {
		sys = write_lines(before, batch, first, &lost);
		close(before);
		writer.is_torn = false;
	}
	if (fd >= 0 && n > first)
		sys = write_lines(fd, batch + first, n - first, &lost);
	pthread_mutex_lock(&writer.lock);
	writer.is_failing = sys != 0;
	writer.lost += lost;
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
	lost = writer.len < LOG_WAITING_BYTES / 2 && !writer.is_failing ? writer.lost : 0;
	if (lost > 0)
		writer.lost = 0;
	pthread_mutex_unlock(&writer.lock);
	return lost;
}

void log_writer_stop(void)
{
	struct timespec limit = {0};
	const int64_t now_ms = clock_mono_ms();

	if (!writer.is_on)
		return;
	pthread_mutex_lock(&writer.lock);
	writer.is_ending = true;
	pthread_cond_signal(&writer.wake);
	pthread_mutex_unlock(&writer.lock);
	limit.tv_sec = now_ms / 1000 + STOP_SECONDS;
	/* Should it hang in a write for ever, the end of the process is the end of it. */
	if (pthread_clockjoin_np(writer.thread, NULL, CLOCK_MONOTONIC, &limit))
		pthread_detach(writer.thread);
	writer.is_on = false;
}
