/* The log: lines of JSON, bounded in length and in number, without an allocation on the way out. */
#include "base/log.h"
#include "base/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

#define LINE_BYTES 16384  /* the standard keys at their longest; what has no room is left out */
#define LINE_END_BYTES 64 /* kept free for "suppressed" and the closing brace */
#define REPEAT_WINDOW_MS 60000
#define REPEAT_KINDS_MAX 512 /* pairs are words of our own code; a mistake there must not grow us */
#define REPEAT_KEY_BYTES 96
#define JUMP_MS 10000        /* a wall clock set by more is told; time daemons nudge it by less */
#define NUMBER_MARK '\x01' /* first byte of what LOG_INT passes */

/* How often an error (module, action) was said lately: the times of the last LOG_REPEATS lines, a
 * ring. */
struct repeat {
	UT_hash_handle hh;
	int64_t said_ms[LOG_REPEATS];
	unsigned next;       /* the oldest entry of the ring */
	unsigned said;       /* entries in use */
	uint64_t suppressed; /* held back since the last line that passed */
	char key[REPEAT_KEY_BYTES];
};

static struct {
	pthread_mutex_t lock;
	int fd; /* -1 = none */
	bool is_ours;           /* fd is to be closed */
	bool has_complained;    /* about this sink */
	bool is_sigpipe_seen_to;
	bool has_ahead;
	int64_t ahead_ms;       /* wall clock before monotonic clock, at the last line */
	struct repeat *repeats;
	struct repeat crowd;    /* stands in for pairs beyond REPEAT_KINDS_MAX or without memory */
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO};

static atomic_int most_level = LOG_INFO;

/* Under sink.lock. Their memory never moves, so a line can be written when there is none left. */
static char line_bytes[LINE_BYTES + 1];
static char value_bytes[LOG_VALUE_BYTES + 1];
static struct buf line = {line_bytes, 0, sizeof(line_bytes), LINE_BYTES};
static struct buf value = {value_bytes, 0, sizeof(value_bytes), LOG_VALUE_BYTES};

/* ---- Levels ---------------------------------------------------------------------------------- */

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {"system", "audit", "error", "info", "debug"};

	return (unsigned)level < sizeof(names) / sizeof(names[0]) ? names[level] : "unknown";
}

void log_set_level(enum log_level most)
{
	atomic_store(&most_level, (int)most);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&most_level);
}

int log_wants(enum log_level level)
{
	return level <= LOG_AUDIT || level <= log_get_level();
}

/* ---- Repeats --------------------------------------------------------------------------------- */

static struct repeat *find_repeat(const char *room, const char *action)
{
	char key[REPEAT_KEY_BYTES];
	struct repeat *r;

	snprintf(key, sizeof(key), "%s %s", room, action);
	HASH_FIND_STR(sink.repeats, key, r);
	if (r)
		return r;
	if (HASH_COUNT(sink.repeats) >= REPEAT_KINDS_MAX)
		return &sink.crowd;
	r = mem_new(sizeof(*r));
	if (!r)
		return &sink.crowd;
	memcpy(r->key, key, sizeof(key));
	HASH_ADD_STR(sink.repeats, key, r);
	if (hash_has(r))
		return r;
	mem_free(r);
	return &sink.crowd;
}

/* May an error line be said now? Counts it either way. */
static bool may_repeat(struct repeat *r, int64_t now_ms)
{
	if (r->said == LOG_REPEATS && now_ms - r->said_ms[r->next] < REPEAT_WINDOW_MS) {
		r->suppressed++;
		return false;
	}
	r->said_ms[r->next] = now_ms;
	r->next = (r->next + 1) % LOG_REPEATS;
	if (r->said < LOG_REPEATS)
		r->said++;
	return true;
}

/* ---- One line -------------------------------------------------------------------------------- */

enum standard { USER, COMMUNITY, RESULT, EXECUTION_TIME, MESSAGE, TURN, REQUEST_ID, STANDARDS };

static const char *const standard_keys[STANDARDS] = {
	"user", "community", "result", "execution_time", "message", "turn", "request_id",
};

/* Which standard key is it? STANDARDS when none. */
static int find_standard(const char *key)
{
	int i = 0;

	while (i < STANDARDS && strcmp(key, standard_keys[i]) != 0)
		i++;
	return i;
}

/* The four that log_event itself sets: a pair of that name would be a second one. */
static bool is_taken(const char *key)
{
	static const char *const keys[] = {"timestamp", "level", "module", "action", "suppressed"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return false;
}

/* A number is printed as one: those of LOG_INT, and execution_time however it comes. */
static int add_number(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !isfinite(n))
		return buf_adds(&line, "null");
	if (n == rint(n) && fabs(n) < 0x1p53)
		return buf_addf(&line, "%.0f", n);
	return buf_addf(&line, "%.3f", n);
}

static int add_value(const char *text, bool is_number)
{
	if (!text)
		return buf_adds(&line, "null");
	if (text[0] == NUMBER_MARK && str_int(str_of(text + 1), &(int64_t){0}) == 0)
		return buf_adds(&line, text + 1);
	if (is_number)
		return add_number(text);
	buf_clear(&value);
	int err = text_scrub(str_of(text), TEXT_ONE_LINE | TEXT_NO_INVISIBLE, &value);
	if (err && err != ERR_LIMIT) /* the limit is the cut that was promised */
		return err;
	return json_add_string(&line, buf_str(&value));
}

/* Adds ,"key":value, or nothing when there is no room for all of it. */
static void add_pair(const char *key, const char *text, bool is_number)
{
	const size_t before = line.len;
	int err = buf_addc(&line, before > 0 ? ',' : '{');

	if (!err)
		err = json_add_string(&line, str_of(key));
	if (!err)
		err = buf_addc(&line, ':');
	if (!err)
		err = add_value(text, is_number);
	if (err || line.len > LINE_BYTES - LINE_END_BYTES)
		buf_truncate(&line, before);
}

static void build_line(enum log_level level, const char *room, const char *action,
	uint64_t suppressed, va_list pairs)
{
	const char *standard[STANDARDS] = {NULL};
	char stamp[CLOCK_TEXT_BYTES];
	const char *key, *text;
	va_list again;

	va_copy(again, pairs);
	while ((key = va_arg(again, const char *))) {
		int i = find_standard(key);
		text = va_arg(again, const char *);
		if (i < STANDARDS)
			standard[i] = text;
	}
	va_end(again);

	buf_clear(&line);
	add_pair("timestamp", clock_text(clock_wall_ms(), stamp), false);
	add_pair("level", log_level_name(level), false);
	add_pair("module", room, false);
	add_pair("action", action, false);
	for (int i = 0; i < STANDARDS; i++)
		add_pair(standard_keys[i], standard[i], i == EXECUTION_TIME);
	while ((key = va_arg(pairs, const char *))) {
		text = va_arg(pairs, const char *);
		if (find_standard(key) == STANDARDS && !is_taken(key))
			add_pair(key, text, false);
	}
	int err = 0; /* LINE_END_BYTES are free: these cannot fail */
	if (suppressed > 0)
		err = buf_addf(&line, ",\"suppressed\":%llu", (unsigned long long)suppressed);
	if (!err)
		err = buf_adds(&line, "}\n");
	if (err)
		buf_clear(&line);
}

/* ---- The sink -------------------------------------------------------------------------------- */

/* A reader of our lines that went away must not end the bot; who set a handler keeps it. */
static void see_to_sigpipe(void)
{
	struct sigaction now;

	if (sink.is_sigpipe_seen_to)
		return;
	sink.is_sigpipe_seen_to = true;
	if (sigaction(SIGPIPE, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
			now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

/* 0, or the errno of what went wrong. A full pipe is not waited for. */
static int write_out(int fd, struct str s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.at, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		s.at += n;
		s.len -= (size_t)n;
	}
	return 0;
}

static void complain(int sys)
{
	char text[160];

	if (sink.has_complained)
		return;
	sink.has_complained = true;
	if (sink.fd == STDERR_FILENO)
		return;
	int n = snprintf(text, sizeof(text),
		"mynah: the log cannot be written: %s; lines are lost until it can\n",
		strerror(sys));
	(void)write_out(STDERR_FILENO, (struct str){text, (size_t)n});
}

static void write_line(void)
{
	if (sink.fd < 0)
		return;
	see_to_sigpipe();
	int sys = log_writer_is_on() ? log_writer_put(buf_str(&line))
				     : write_out(sink.fd, buf_str(&line));
	if (sys)
		complain(sys);
}

static void write_event_v(enum log_level level, const char *room, const char *action,
	uint64_t suppressed, va_list pairs)
{
	build_line(level, room, action, suppressed, pairs);
	write_line();
}

static void write_event(enum log_level level, const char *room, const char *action,
	uint64_t suppressed, ...) __attribute__((sentinel));

static void write_event(enum log_level level, const char *room, const char *action,
	uint64_t suppressed, ...)
{
	va_list pairs;

	va_start(pairs, suppressed);
	write_event_v(level, room, action, suppressed, pairs);
	va_end(pairs);
}

/* Between two lines the wall clock should go as far as the monotonic one. */
static void say_jump(void)
{
	const int64_t ahead_ms = clock_wall_ms() - clock_mono_ms();
	const int64_t by_ms = sink.has_ahead ? ahead_ms - sink.ahead_ms : 0;

	sink.ahead_ms = ahead_ms;
	sink.has_ahead = true;
	if (by_ms >= JUMP_MS || by_ms <= -JUMP_MS)
		write_event(LOG_SYSTEM, "log", "clock_jumped", 0, LOG_INT("by_ms", by_ms),
			"message",
			"the wall clock was set, or the machine slept: stamps before this line are "
			"of another time",
			NULL);
}

static void say_lost(void)
{
	const uint64_t lost = log_writer_is_on() ? log_writer_lost() : 0;

	if (lost == 0)
		return;
	sink.has_complained = false;
	write_event(LOG_SYSTEM, "log", "lost", lost, "message",
		"lines were lost: the log could not be written, or not fast enough", NULL);
}

void log_event(enum log_level level, const char *room, const char *action, ...)
{
	va_list pairs;

	if (!log_wants(level))
		return;
	va_start(pairs, action);
	pthread_mutex_lock(&sink.lock);
	say_jump();
	say_lost();
	struct repeat *r = level == LOG_ERROR ? find_repeat(room, action) : NULL;
	if (!r) {
		write_event_v(level, room, action, 0, pairs);
	} else if (may_repeat(r, clock_mono_ms())) {
		write_event_v(level, room, action, r->suppressed, pairs);
		r->suppressed = 0;
	}
	pthread_mutex_unlock(&sink.lock);
	va_end(pairs);
}

const char *log_number(int64_t n, char out[24])
{
	snprintf(out, 24, "%c%lld", NUMBER_MARK, (long long)n);
	return out;
}

static int change_sink(int fd, bool is_ours)
{
	int err = log_writer_is_on() ? log_writer_switch(fd, sink.is_ours) : 0;

	if (err)
		return err;
	if (!log_writer_is_on() && sink.is_ours)
		close(sink.fd);
	sink.fd = fd;
	sink.is_ours = is_ours;
	sink.has_complained = false;
	return 0;
}

int log_open(const char *path, enum log_level most)
{
	int fd = -1, err;
	bool is_file = false;

	if (path && strcmp(path, "-") == 0) {
		fd = STDERR_FILENO;
	} else if (path) {
		/* Without O_NONBLOCK a FIFO that nobody reads would stop us here. */
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			0600);
		if (fd < 0)
			return ERR_IO;
		is_file = true;
	}
	pthread_mutex_lock(&sink.lock);
	err = change_sink(fd, is_file);
	pthread_mutex_unlock(&sink.lock);
	if (err && is_file)
		close(fd);
	else
		log_set_level(most);
	return err;
}

int log_detach(void)
{
	int err;

	pthread_mutex_lock(&sink.lock);
	see_to_sigpipe();
	err = log_writer_is_on() ? 0 : log_writer_start(sink.fd);
	pthread_mutex_unlock(&sink.lock);
	return err;
}

/* Says what is still held back, so that the counts of a whole log add up. */
static void end_repeat(struct repeat *r, const char *what)
{
	if (r->suppressed > 0)
		write_event(LOG_SYSTEM, "log", "suppressed", r->suppressed, "message", what, NULL);
	memset(r->said_ms, 0, sizeof(r->said_ms));
	r->next = r->said = 0;
	r->suppressed = 0;
}

void log_close(void)
{
	struct repeat *r, *next;

	pthread_mutex_lock(&sink.lock);
	HASH_ITER (hh, sink.repeats, r, next) {
		end_repeat(r, r->key);
		HASH_DEL(sink.repeats, r);
		mem_free(r);
	}
	end_repeat(&sink.crowd, "various");
	sink.has_ahead = false;
	log_writer_stop();
	(void)change_sink(STDERR_FILENO, false); /* without the thread it cannot fail */
	pthread_mutex_unlock(&sink.lock);
}
