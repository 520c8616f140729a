#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "corpus.h"

#define TEXT_BYTES (16 * 1024 * 1024)
#define WAIT_US 30000000

static const char persona[] = "name: Mynah\nversion: 1.0.0\nsystem: You are a bird in a chat.\n";

/* ---- Files ----------------------------------------------------------------------------------- */

static char *path_of(const struct daemon *d, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", d->folder, name);
	return path;
}

void daemon_init(struct daemon *d, const char *binary)
{
	static const char *const folders[] = {"triggers", "personas"};
	char path[PATH_MAX];

	memset(d, 0, sizeof(*d));
	d->binary = binary;
	snprintf(d->folder, sizeof(d->folder), "/tmp/mynah-bench-XXXXXX");
	if (!mkdtemp(d->folder))
		bench_die("no folder: %s", strerror(errno));
	for (size_t i = 0; i < 2; i++)
		if (mkdir(path_of(d, folders[i], path), 0755) != 0)
			bench_die("%s: %s", path, strerror(errno));
	buf_init(&d->text, TEXT_BYTES);
	d->notify = -1;
	daemon_write(d, "personas/mynah.yaml", "%s", persona);
	daemon_write(d, "token", "abcdefghijklmnop\n");
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
	(void)s;
	(void)kind;
	(void)f;
	return remove(path);
}

void daemon_fini(struct daemon *d)
{
	nftw(d->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	buf_fini(&d->text);
}

static void write_text(struct daemon *d, const char *name, const char *head, const char *fmt,
	va_list ap) __attribute__((format(printf, 4, 0)));
static void write_text(struct daemon *d, const char *name, const char *head, const char *fmt,
	va_list ap)
{
	char path[PATH_MAX];
	FILE *f = fopen(path_of(d, name, path), "w");

	if (!f || fchmod(fileno(f), 0600) != 0)
		bench_die("%s: %s", path, strerror(errno));
	fputs(head, f);
	vfprintf(f, fmt, ap);
	if (fclose(f) != 0)
		bench_die("%s: %s", path, strerror(errno));
}

void daemon_write(struct daemon *d, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_text(d, name, "", fmt, ap);
	va_end(ap);
}

void daemon_configure(struct daemon *d, const char *fmt, ...)
{
	char head[1024];
	va_list ap;

	snprintf(head, sizeof(head), "state_dir: %s/state\nlog: {file: %s/log}\n"
		"limits: {turns_minute: 0, in_a_row: 0, calls_hour: 1000000, calls_day: 1000000,\n"
		"  calls_user_hour: 100000, calls_channel_hour: 1000000}\n", d->folder, d->folder);
	va_start(ap, fmt);
	write_text(d, "mynah.yaml", head, fmt, ap);
	va_end(ap);
}

/* ---- The process ----------------------------------------------------------------------------- */

static void open_notify(struct daemon *d)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/notify", d->folder);
	unlink(a.sun_path);
	d->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (d->notify < 0 || bind(d->notify, (struct sockaddr *)&a, sizeof(a)) != 0)
		bench_die("no notify socket: %s", strerror(errno));
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
}

void daemon_start(struct daemon *d)
{
	char config[PATH_MAX], state[PATH_MAX], log[PATH_MAX], out[PATH_MAX];

	nftw(path_of(d, "state", state), remove_one, 16, FTW_DEPTH | FTW_PHYS);
	unlink(path_of(d, "log", log));
	d->log_at = 0;
	open_notify(d);
	d->pid = fork();
	if (d->pid < 0)
		bench_die("no process: %s", strerror(errno));
	if (d->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when a measurement fails */
	int fd = open(path_of(d, "stderr", out), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(fd, 1);
	dup2(fd, 2);
	execl(d->binary, d->binary, "--config", path_of(d, "mynah.yaml", config), "run", NULL);
	_exit(127);
}

/* Why it ends here: its own words. */
static void die_with_stderr(const struct daemon *d, const char *what)
{
	char path[PATH_MAX], text[2000] = "";
	int fd = open(path_of(d, "stderr", path), O_RDONLY);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	bench_die("%s did not come: %s", what, text);
}

void daemon_wait_ready(struct daemon *d)
{
	struct timeval limit = {.tv_sec = 1};
	char text[64];
	int status;

	setsockopt(d->notify, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (int i = 0; i < 30; i++) {
		ssize_t n = recv(d->notify, text, sizeof(text), 0);

		if (n >= 7 && memcmp(text, "READY=1", 7) == 0)
			return;
		if (waitpid(d->pid, &status, WNOHANG) == d->pid)
			break;
	}
	die_with_stderr(d, "READY=1");
}

void daemon_wait_log(struct daemon *d, const char *what)
{
	const struct timespec pause = {.tv_nsec = 200000};
	int64_t until = clock_mono_us() + WAIT_US;
	char path[PATH_MAX], *found;

	path_of(d, "log", path);
	do {
		char bytes[65536];
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? pread(fd, bytes, sizeof(bytes), (off_t)d->log_at) : 0;

		if (fd >= 0)
			close(fd);
		found = n > 0 ? memmem(bytes, (size_t)n, what, strlen(what)) : NULL;
		if (found)
			d->log_at += (size_t)(found - bytes) + strlen(what);
		else
			nanosleep(&pause, NULL);
		if (clock_mono_us() > until)
			die_with_stderr(d, what);
	} while (!found);
}

void daemon_stop(struct daemon *d)
{
	int status;

	kill(d->pid, SIGTERM);
	if (waitpid(d->pid, &status, 0) != d->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_die("mynah did not end well (wait status %d)", status);
	close(d->notify);
	d->pid = 0;
}

/* ---- What it costs --------------------------------------------------------------------------- */

double daemon_cpu_us(const struct daemon *d)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(d->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		bench_die("no CPU time of process %d", d->pid);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double daemon_mib(const struct daemon *d, const char *file, const char *field)
{
	const size_t n = strlen(field);
	char path[64], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", d->pid, file);
	f = fopen(path, "r");
	while (f && kib == 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, field, n) == 0)
			(void)sscanf(line + n, ": %lf", &kib);
	if (f)
		fclose(f);
	return kib / 1024;
}

void daemon_settle(void)
{
	const struct timespec t = {32, 0};

	nanosleep(&t, NULL);
}

double daemon_rss_mib(const struct daemon *d)
{
	return daemon_mib(d, "status", "VmRSS");
}

static void get_metrics(struct daemon *d)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
		"Connection: close\r\n\r\n";
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char bytes[65536];
	ssize_t n;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/state/mynah.sock", d->folder);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
			send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		bench_die("no control socket: %s", strerror(errno));
	buf_clear(&d->text);
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		bench_must(buf_add(&d->text, bytes, (size_t)n));
	close(fd);
}

double daemon_metric(struct daemon *d, const char *name)
{
	size_t len = strlen(name);
	struct str rest, line;
	double sum = 0;
	bool is_found = false;

	get_metrics(d);
	rest = buf_str(&d->text);
	while (rest.len > 0) {
		line = str_split(&rest, '\n');
		if (line.len <= len || memcmp(line.at, name, len) != 0 ||
				(line.at[len] != ' ' && line.at[len] != '{'))
			continue;
		sum += strtod((const char *)memrchr(line.at, ' ', line.len), NULL);
		is_found = true;
	}
	if (!is_found)
		bench_die("no metric %s", name);
	return sum;
}
