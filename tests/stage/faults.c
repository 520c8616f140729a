/* Preloaded into the bot by tests: a wall clock that jumps, a monotonic one that runs faster, names
 * that resolve as the test says, a disk that is full or fails. It stands between the bot and the C
 * library, so that the bot is the one its users run. The orders lie in a file that both sides map
 * (tests/stage/faults.py); the counters in it tell the test that a fault has struck. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 256
#define OUR_NAMES ".test" /* RFC 6761: no name of the world ends so */
#define STEP_US 5000      /* how often one who waits looks for new orders */

enum { WRITES = 1, SYNCS = 2 };

/* The layout of tests/stage/faults.py. */
struct orders {
	_Atomic int64_t wall_ms;       /* added to every wall clock */
	_Atomic int64_t name_is_stuck; /* no answer about a name that matches, until this is 0 */
	_Atomic int64_t name_ms;       /* how long an answer about one takes */
	_Atomic int64_t name_error;    /* EAI_..., 0 = its address is name_address */
	_Atomic int64_t names_asked;
	_Atomic int64_t names_waiting;
	_Atomic int64_t disk_errno;    /* of files whose path holds disk_path; 0 = all is well */
	_Atomic int64_t disk_calls;    /* WRITES, SYNCS */
	_Atomic int64_t disk_left;     /* bytes that still fit before writes fail */
	_Atomic int64_t disk_failed;   /* calls refused */
	_Atomic int64_t mono_ms;       /* added to every monotonic clock: so long has it slept */
	_Atomic int64_t rate;          /* how much faster those run; read once; 0 = as they do */
	char name_match[TEXT_BYTES];   /* a part of the names concerned, "" = every one of ours */
	char name_address[TEXT_BYTES]; /* the numeric addresses of our names, a space between two */
	char disk_path[TEXT_BYTES];
};

static struct orders *orders;
static int64_t rate = 1;
static int64_t born_ns; /* when the monotonic clock began to run faster */

static int64_t now_ns(void);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("MYNAH_STAGE_FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	orders = map;
	born_ns = now_ns();
	if (atomic_load(&orders->rate) > 1)
		rate = atomic_load(&orders->rate);
}

/* The function that the bot would have called. ISO C knows no way from void * to it. */
#define REAL(type, name) \
	static type (*real) ARGS_##name; \
	if (!real) { \
		void *found = dlsym(RTLD_NEXT, #name); \
		memcpy(&real, &found, sizeof(real)); \
	}

/* ---- Clocks ---------------------------------------------------------------------------------- */

#define ARGS_clock_gettime (clockid_t, struct timespec *)
#define ARGS_gettimeofday (struct timeval *, void *)

static int64_t wall_ms(void)
{
	return orders ? atomic_load(&orders->wall_ms) : 0;
}

/* What is added to this clock. */
static int64_t leap_ms(clockid_t id)
{
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		return wall_ms();
	if (orders && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE))
		return atomic_load(&orders->mono_ms);
	return 0;
}

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static struct timespec of_ns(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	REAL(int, clock_gettime)
	int r = real(id, t);
	int64_t ms = leap_ms(id);

	if (r == 0 && rate > 1 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE ||
			id == CLOCK_MONOTONIC_RAW || id == CLOCK_BOOTTIME))
		*t = of_ns(born_ns + (ns_of(t) - born_ns) * rate);
	if (r == 0 && ms) {
		int64_t ns = t->tv_nsec + ms % 1000 * 1000000;

		t->tv_sec += ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
		t->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
	}
	return r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ns_of(&t);
}

/* Who waits by the faster clock waits for less. */
static int sooner(int ms)
{
	return ms > 0 ? (int)((ms + rate - 1) / rate) : ms;
}

/* A moment of the faster clock as the kernel's; one of the wall clock stays, it is decades away. */
static struct timespec kernels(const struct timespec *t)
{
	if (rate == 1 || ns_of(t) - born_ns > INT64_C(365) * 86400 * 1000000000)
		return *t;
	return of_ns(born_ns + (ns_of(t) - born_ns) / rate);
}

#define ARGS_epoll_wait (int, struct epoll_event *, int, int)
#define ARGS_epoll_pwait (int, struct epoll_event *, int, int, const sigset_t *)
#define ARGS_poll (struct pollfd *, nfds_t, int)
#define ARGS_pthread_cond_timedwait (pthread_cond_t *, pthread_mutex_t *, const struct timespec *)

int epoll_wait(int fd, struct epoll_event *events, int n, int ms)
{
	REAL(int, epoll_wait)
	return real(fd, events, n, sooner(ms));
}

int epoll_pwait(int fd, struct epoll_event *events, int n, int ms, const sigset_t *mask)
{
	REAL(int, epoll_pwait)
	return real(fd, events, n, sooner(ms), mask);
}

int poll(struct pollfd *fds, nfds_t n, int ms)
{
	REAL(int, poll)
	return real(fds, n, sooner(ms));
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
	const struct timespec *restrict until)
{
	REAL(int, pthread_cond_timedwait)
	struct timespec t = kernels(until);

	return real(cond, mutex, &t);
}

/* ---- Names ----------------------------------------------------------------------------------- */

#define ARGS_getaddrinfo (const char *, const char *, const struct addrinfo *, struct addrinfo **)

static bool is_ours(const char *host)
{
	size_t n = host ? strlen(host) : 0, k = sizeof(OUR_NAMES) - 1;

	return orders && n > k && strcasecmp(host + n - k, OUR_NAMES) == 0;
}

/* Gives an error of getaddrinfo, or 0. */
static int suffer(void)
{
	int64_t left_us = atomic_load(&orders->name_ms) * 1000;

	atomic_fetch_add(&orders->names_waiting, 1);
	for (; left_us > 0 || atomic_load(&orders->name_is_stuck); left_us -= STEP_US)
		usleep(STEP_US);
	atomic_fetch_sub(&orders->names_waiting, 1);
	return (int)atomic_load(&orders->name_error);
}

/* One of our names: its addresses in their order, in one list, as a resolver gives them. */
static int give_addresses(int (*real) ARGS_getaddrinfo, const char *service,
	const struct addrinfo *hints, struct addrinfo **out)
{
	char all[TEXT_BYTES], *rest = NULL;
	int err = EAI_NONAME;

	snprintf(all, sizeof(all), "%s", orders->name_address);
	*out = NULL;
	for (char *one = strtok_r(all, " ", &rest); one; one = strtok_r(NULL, " ", &rest)) {
		err = real(one, service, hints, out);
		if (err)
			return err;
		while (*out)
			out = &(*out)->ai_next;
	}
	return err;
}

int getaddrinfo(const char *restrict host, const char *restrict service,
	const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	REAL(int, getaddrinfo)
	int err = 0;

	if (!is_ours(host))
		return real(host, service, hints, out);
	atomic_fetch_add(&orders->names_asked, 1);
	if (strstr(host, orders->name_match))
		err = suffer();
	return err ? err : give_addresses(real, service, hints, out);
}

/* ---- The disk -------------------------------------------------------------------------------- */

#define ARGS_write (int, const void *, size_t)
#define ARGS_writev (int, const struct iovec *, int)
#define ARGS_pwrite (int, const void *, size_t, off_t)
#define ARGS_pwrite64 (int, const void *, size_t, off64_t)
#define ARGS_fsync (int)
#define ARGS_fdatasync (int)

/* Is this call to fail? Only for regular files: sockets and pipes need no disk. */
static bool is_concerned(int fd, int64_t call)
{
	char link[64], path[4096];
	struct stat st;
	ssize_t n;

	if (!orders || !atomic_load(&orders->disk_errno) ||
		!(atomic_load(&orders->disk_calls) & call))
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return strstr(path, orders->disk_path) != NULL;
}

static int fail(void)
{
	atomic_fetch_add(&orders->disk_failed, 1);
	errno = (int)atomic_load(&orders->disk_errno);
	return -1;
}

/* How much of n bytes still fits; 0 = nothing: the call has to fail. */
static size_t fit(size_t n)
{
	int64_t left = atomic_load(&orders->disk_left);

	if (left < (int64_t)n)
		n = left > 0 ? (size_t)left : 0;
	atomic_fetch_sub(&orders->disk_left, (int64_t)n);
	return n;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	REAL(ssize_t, write)
	if (n > 0 && is_concerned(fd, WRITES)) {
		n = fit(n);
		if (n == 0)
			return fail();
	}
	return real(fd, bytes, n);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	REAL(ssize_t, writev)
	return is_concerned(fd, WRITES) ? fail() : real(fd, iov, n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	REAL(ssize_t, pwrite)
	if (n > 0 && is_concerned(fd, WRITES)) {
		n = fit(n);
		if (n == 0)
			return fail();
	}
	return real(fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
	REAL(ssize_t, pwrite64)
	if (n > 0 && is_concerned(fd, WRITES)) {
		n = fit(n);
		if (n == 0)
			return fail();
	}
	return real(fd, bytes, n, at);
}

int fsync(int fd)
{
	REAL(int, fsync)
	return is_concerned(fd, SYNCS) ? fail() : real(fd);
}

int fdatasync(int fd)
{
	REAL(int, fdatasync)
	return is_concerned(fd, SYNCS) ? fail() : real(fd);
}
