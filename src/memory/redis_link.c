/* One connection to Redis, which comes back by itself.
 *
 *   RESTING -> LOOKUP -> CONNECTING -> GREETING -> UP
 *      ^__________|__________|____________|________|      any failure: hang_up(), then back off
 *
 * A unix socket skips LOOKUP. GREETING sends AUTH, SELECT and one small write: a server that is
 * loading, read-only, full, or wants a password says so there, before anybody counts on it. One
 * timer serves every phase: the retry while RESTING, the phase's deadline, and when UP the watch
 * over a silent server (hiredis 0.14 has no timeouts: libraries.md 1.5).
 *
 * hiredis frees its context by itself after an error, calls back while it does so, and reads freed
 * memory when told to free inside its connect callback. So it is entered in two places only,
 * on_ready and hang_up, `depth` says when we are inside, and what must end there ends after we are
 * out. It also asserts that no reply comes unasked and believes any array length; the reader's
 * hooks below refuse both. */
#include "memory/room.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <utlist.h>

#define LOOKUP_MS 5000   /* faults.md section 7 */
#define CONNECT_MS 5000  /* TCP and greeting, each */
#define NEXT_MS 2000     /* faults.md D4: to the next address of a name when this one is silent */
#define COMMAND_MS 1000  /* an answer later than this: the server is stuck */
#define GRACE_MS 50      /* a loop that stood still reads first, then judges */
#define IDLE_MS 3000     /* ask an idle server; with COMMAND_MS within the 5 s of faults.md I16 */
#define REFUSED_MS 60000 /* a password that was refused does not become right sooner */
#define FLIGHTS_MAX 1000 /* commands without an answer */
#define FLIGHT_BYTES (1024 * 1024)
#define REPLY_BYTES (64 * 1024) /* unread part of one reply; an entry has a tenth */
#define ARRAY_MAX 4096          /* elements; SCAN COUNT 100 stays far below */
#define WHY_BYTES 160

enum phase { RESTING, LOOKUP, CONNECTING, GREETING, UP };

/* One command without an answer yet. */
struct flight {
	struct flight *prev, *next;
	struct memory_link *link;
	void (*reply)(void *ctx, int err, const struct redisReply *r); /* NULL = forgotten */
	void *ctx;
	int64_t sent_ms;
	size_t bytes;
};

struct memory_link {
	struct io *io;
	void (*up)(void *ctx);
	void *ctx;
	struct secret *password;

	struct memory_url url;

	enum phase phase;
	struct io_timer *timer;
	struct io_backoff backoff;
	struct io_lookup *lookup;
	struct io_address addresses[IO_ADDRESSES_MAX];
	size_t address_count, address_at;

	redisAsyncContext *ac;
	struct io_watch *watch;
	int mask;
	redisReplyObjectFunctions hooks;
	const redisReplyObjectFunctions *plain; /* what hooks stand before */
	struct flight *flights;
	size_t flight_count, flight_bytes;
	int greetings; /* answers still missing in GREETING */
	int64_t answered_ms;

	int depth; /* inside hiredis */
	bool is_dead, must_hang_up, is_connected, is_too_large, is_suspect, is_refused;
	char why[WHY_BYTES];   /* of the end that is coming */
	char state[WHY_BYTES + 8];
	char told[WHY_BYTES];  /* what the log said last; a repeat is not said again */
};

static void attempt(struct memory_link *l);
static void hang_up(struct memory_link *l);

/* ---- What a server may say ------------------------------------------------------------------- */

/* Keeps the first reason of an end; what follows from it is no news. */
static void PRINTF_LIKE(2, 3) because(struct memory_link *l, const char *fmt, ...)
{
	va_list ap;

	if (l->why[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
}

/* Translates an error reply, and hangs up when it speaks of the whole server. */
static int on_error_reply(struct memory_link *l, struct str said)
{
	const struct memory_refusal *r = memory_refusal_of(said);

	if (r != NULL) {
		because(l, "%s", r->sentence);
		l->is_refused = l->is_refused || r->is_setting;
		l->must_hang_up = true;
		return ERR_DENIED;
	}
	if (said.len >= 9 && memcmp(said.at, "WRONGTYPE", 9) == 0)
		return ERR_INVALID;
	if (l->phase == GREETING) {
		because(l, "it refused our greeting: %.*s", STR_FMT(said));
		l->must_hang_up = true;
	} else {
		char text[WHY_BYTES];

		snprintf(text, sizeof(text), "%.*s", STR_FMT(said));
		log_event(LOG_ERROR, "memory", "redis_error", "result", "error", "message", text,
			NULL);
	}
	return ERR_IO;
}

/* ---- The reader's hooks ---------------------------------------------------------------------- */

/* The reader calls these for every object it makes. NULL makes it give up the connection. */
static const redisReplyObjectFunctions *may_make(const redisReadTask *task)
{
	struct memory_link *l = task->privdata;

	if (task->parent != NULL || l->flights != NULL)
		return l->plain;
	because(l, "it sent an answer nobody asked for");
	return NULL;
}

static void *make_string(const redisReadTask *task, char *s, size_t len)
{
	const redisReplyObjectFunctions *plain = may_make(task);

	return plain != NULL ? plain->createString(task, s, len) : NULL;
}

static void *make_array(const redisReadTask *task, int elements)
{
	const redisReplyObjectFunctions *plain = may_make(task);
	struct memory_link *l = task->privdata;

	if (plain != NULL && elements > ARRAY_MAX) {
		because(l, "it sent a list of more than %d items", ARRAY_MAX);
		l->is_too_large = true;
		return NULL;
	}
	return plain != NULL ? plain->createArray(task, elements) : NULL;
}

static void *make_integer(const redisReadTask *task, long long value)
{
	const redisReplyObjectFunctions *plain = may_make(task);

	return plain != NULL ? plain->createInteger(task, value) : NULL;
}

static void *make_nil(const redisReadTask *task)
{
	const redisReplyObjectFunctions *plain = may_make(task);

	return plain != NULL ? plain->createNil(task) : NULL;
}

static void hook_reader(struct memory_link *l)
{
	redisReader *reader = l->ac->c.reader;

	l->plain = reader->fn;
	l->hooks = (redisReplyObjectFunctions){make_string, make_array, make_integer, make_nil,
		l->plain->freeObject};
	reader->fn = &l->hooks;
	reader->privdata = l;
}

/* ---- hiredis on our loop --------------------------------------------------------------------- */

static void set_mask(struct memory_link *l, int mask)
{
	l->mask = mask;
	if (l->watch != NULL)
		io_watch_set(l->watch, mask);
}

static void on_add_read(void *ctx)
{
	struct memory_link *l = ctx;

	set_mask(l, l->mask | IO_READ);
}

static void on_del_read(void *ctx)
{
	struct memory_link *l = ctx;

	set_mask(l, l->mask & ~IO_READ);
}

static void on_add_write(void *ctx)
{
	struct memory_link *l = ctx;

	set_mask(l, l->mask | IO_WRITE);
}

static void on_del_write(void *ctx)
{
	struct memory_link *l = ctx;

	set_mask(l, l->mask & ~IO_WRITE);
}

/* hiredis is about to free the context: the last look at it. */
static void on_cleanup(void *ctx)
{
	struct memory_link *l = ctx;

	io_watch_free(l->watch);
	l->watch = NULL;
	l->mask = 0;
	if (l->ac != NULL && l->ac->c.err != 0)
		because(l, "%s", l->ac->c.errstr);
	l->ac = NULL;
}

static void on_connect(const redisAsyncContext *ac, int status)
{
	struct memory_link *l = ac->data;

	l->is_connected = status == REDIS_OK;
}

static void on_answer(redisAsyncContext *ac, void *reply, void *ctx)
{
	struct flight *f = ctx;
	struct memory_link *l = f->link;
	const redisReply *r = reply;
	int err = 0;

	(void)ac;
	DL_DELETE(l->flights, f);
	l->flight_count--;
	l->flight_bytes -= f->bytes;
	if (r == NULL) {
		err = l->is_too_large ? ERR_LIMIT : ERR_CLOSED;
		l->is_too_large = false; /* it was the answer to this one */
	} else {
		l->answered_ms = clock_mono_ms();
		l->is_suspect = false;
		if (r->type == REDIS_REPLY_ERROR && !l->is_dead)
			err = on_error_reply(l, (struct str){r->str, (size_t)r->len});
	}
	if (f->reply != NULL && !l->is_dead)
		f->reply(f->ctx, err, err ? NULL : r);
	mem_free(f);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static int send_now(struct memory_link *l, const struct str *args, size_t n,
	void (*reply)(void *ctx, int err, const struct redisReply *r), void *ctx)
{
	const char *argv[MEMORY_LINK_ARGS];
	size_t lens[MEMORY_LINK_ARGS];
	struct flight *f = NULL;
	char *bytes = NULL;
	long long len;
	int err = ERR_NOMEM;

	if (n > MEMORY_LINK_ARGS)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		argv[i] = args[i].len > 0 ? args[i].at : "";
		lens[i] = args[i].len;
	}
	len = redisFormatCommandArgv(&bytes, (int)n, argv, lens);
	if (len < 0)
		return ERR_NOMEM;
	f = mem_new(sizeof(*f));
	if (f == NULL)
		goto out;
	*f = (struct flight){.link = l, .reply = reply, .ctx = ctx, .bytes = (size_t)len,
		.sent_ms = clock_mono_ms()};
	err = ERR_CLOSED;
	if (redisAsyncFormattedCommand(l->ac, on_answer, f, bytes, (size_t)len) != REDIS_OK)
		goto out;
	if (l->flights == NULL && l->phase == UP)
		io_timer_start(l->timer, COMMAND_MS);
	DL_APPEND(l->flights, f);
	l->flight_count++;
	l->flight_bytes += f->bytes;
	f = NULL;
	err = 0;
out:
	mem_free(f);
	secret_wipe(bytes, (size_t)len); /* it may be AUTH */
	redisFreeCommand(bytes);
	return err;
}

bool memory_link_is_up(const struct memory_link *l)
{
	return l->phase == UP && l->ac != NULL && !l->must_hang_up;
}

bool memory_link_is_ready(const struct memory_link *l)
{
	return memory_link_is_up(l) && l->flight_count < FLIGHTS_MAX &&
	       l->flight_bytes < FLIGHT_BYTES;
}

int memory_link_send(struct memory_link *l, const struct str *args, size_t n,
	void (*reply)(void *ctx, int err, const struct redisReply *r), void *ctx)
{
	if (!memory_link_is_up(l))
		return ERR_CLOSED;
	return send_now(l, args, n, reply, ctx);
}

void memory_link_forget(struct memory_link *l, const void *ctx)
{
	struct flight *f;

	DL_FOREACH(l->flights, f) {
		if (f->ctx == ctx)
			f->reply = NULL;
	}
}

/* ---- Up and away ----------------------------------------------------------------------------- */

static void set_state(struct memory_link *l, const char *word, const char *why)
{
	snprintf(l->state, sizeof(l->state), "%s%s", word, why);
}

static void become_up(struct memory_link *l)
{
	l->phase = UP;
	l->answered_ms = clock_mono_ms();
	l->told[0] = '\0';
	io_backoff_confirm(&l->backoff, l->answered_ms);
	io_timer_start(l->timer, IDLE_MS);
	set_state(l, "up", "");
	memory_set_up(true);
	log_event(LOG_INFO, "memory", "redis_up", "result", "ok", "message",
		"Redis answers and takes writes", NULL);
	l->up(l->ctx);
}

static void on_greeting(void *ctx, int err, const struct redisReply *r)
{
	struct memory_link *l = ctx;

	if (err == ERR_CLOSED || l->must_hang_up)
		return;
	if (err || r->type != REDIS_REPLY_STATUS) {
		because(l, "it does not answer like Redis");
		l->must_hang_up = true;
		return;
	}
	if (--l->greetings == 0)
		become_up(l);
}

static int greet_with(struct memory_link *l, const struct str *args, size_t n)
{
	l->greetings++;
	return send_now(l, args, n, on_greeting, l);
}

/* Written and wiped here: hiredis would free its buffer with the password in it. The socket is new
 * and takes so little at once; otherwise hiredis sends it all the same. */
static int send_password(struct memory_link *l)
{
	redisContext *c = &l->ac->c;
	int err = greet_with(l, (struct str[]){STR("AUTH"), secret_use(l->password)}, 2);
	size_t len = err ? 0 : sdslen(c->obuf);

	if (len > 0 && send(c->fd, c->obuf, len, MSG_NOSIGNAL) == (ssize_t)len) {
		secret_wipe(c->obuf, len);
		sdsclear(c->obuf);
	}
	return err;
}

static void greet(struct memory_link *l)
{
	char db[16];
	int err = 0;

	l->phase = GREETING;
	l->greetings = 0;
	io_timer_start(l->timer, CONNECT_MS);
	if (l->password != NULL)
		err = send_password(l);
	snprintf(db, sizeof(db), "%d", l->url.db);
	if (!err && l->url.db != 0)
		err = greet_with(l, (struct str[]){STR("SELECT"), str_of(db)}, 2);
	if (!err)
		err = greet_with(l, (struct str[]){STR("SET"), STR("mynah1:probe"), STR("1"),
			STR("PX"), STR("60000")}, 5);
	if (err) {
		because(l, "greeting it failed: %s", err_text(err));
		hang_up(l);
	}
}

/* Ends the attempt or the connection, whatever is there of it, and rests before the next. */
static void rest(struct memory_link *l)
{
	int64_t now = clock_mono_ms();
	bool was_up = l->phase == UP;

	because(l, "it closed the connection");
	if (was_up || strcmp(l->told, l->why) != 0) {
		log_event(LOG_ERROR, "memory", "redis_away", "result", "error", "message", l->why,
			"effect", "recalls use this process; reconnecting in the background", NULL);
		snprintf(l->told, sizeof(l->told), "%s", l->why);
	}
	set_state(l, "away: ", l->why);
	memory_set_up(false);
	l->phase = RESTING;
	io_timer_start(l->timer, l->is_refused ? REFUSED_MS : io_backoff_next(&l->backoff, now));
}

static void destroy(struct memory_link *l)
{
	io_timer_free(l->timer);
	secret_free(l->password);
	mem_free(l);
}

static void dial(struct memory_link *l);

static void hang_up(struct memory_link *l)
{
	redisAsyncContext *ac = l->ac;
	bool has_more = (l->phase == CONNECTING || l->phase == GREETING) && !l->is_refused &&
		l->address_at < l->address_count;

	io_lookup_cancel(l->lookup);
	l->lookup = NULL;
	l->must_hang_up = true; /* nobody sends while the answers due are called off */
	if (ac != NULL) {
		l->depth++;
		redisAsyncFree(ac);
		l->ac = NULL; /* on_cleanup says so only once it was hooked up */
		l->depth--;
	}
	if (l->is_dead) {
		destroy(l);
		return;
	}
	l->must_hang_up = false;
	if (has_more)
		dial(l);
	else
		rest(l);
}

/* After hiredis has been let in: does what was asked for meanwhile. */
static void settle(struct memory_link *l)
{
	if (l->is_dead || l->must_hang_up || l->ac == NULL)
		hang_up(l);
	else if (l->phase == CONNECTING && l->is_connected)
		greet(l);
}

static void on_ready(void *ctx, int mask)
{
	struct memory_link *l = ctx;

	l->depth++;
	if (mask & IO_READ)
		redisAsyncHandleRead(l->ac);
	if ((mask & IO_WRITE) && l->ac != NULL && !l->is_dead)
		redisAsyncHandleWrite(l->ac);
	l->depth--;
	if (l->ac != NULL && l->ac->c.reader->len > REPLY_BYTES) {
		because(l, "it sent an answer of more than %d bytes", REPLY_BYTES);
		l->is_too_large = true;
		l->must_hang_up = true;
	}
	settle(l);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static void dial(struct memory_link *l)
{
	const char *address = l->url.is_unix ? l->url.host : l->addresses[l->address_at].text;
	redisAsyncContext *ac;

	l->address_at++;
	l->phase = CONNECTING;
	l->why[0] = '\0';
	l->is_connected = l->is_too_large = l->is_suspect = l->is_refused = false;
	io_timer_start(l->timer, l->address_at < l->address_count ? NEXT_MS : CONNECT_MS);

	ac = l->url.is_unix ? redisAsyncConnectUnix(address) :
			      redisAsyncConnect(address, l->url.port);
	if (ac == NULL || ac->err != 0) {
		because(l, "%s", ac != NULL ? ac->errstr : "out of memory");
		if (ac != NULL)
			redisAsyncFree(ac);
		hang_up(l);
		return;
	}
	(void)fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC);
	l->ac = ac;
	hook_reader(l);
	ac->data = l;
	ac->ev.data = l;
	ac->ev.addRead = on_add_read;
	ac->ev.delRead = on_del_read;
	ac->ev.addWrite = on_add_write;
	ac->ev.delWrite = on_del_write;
	ac->ev.cleanup = on_cleanup;
	l->watch = io_watch_new(l->io, ac->c.fd, on_ready, l);
	if (l->watch == NULL) {
		because(l, "out of memory");
		hang_up(l);
		return;
	}
	redisAsyncSetConnectCallback(ac, on_connect); /* asks to write, so the hooks come first */
}

static void on_lookup(void *ctx, int err, const struct io_address *list, size_t n)
{
	struct memory_link *l = ctx;

	l->lookup = NULL;
	if (err || n == 0) {
		because(l, "the name %s has no address", l->url.host);
		hang_up(l);
		return;
	}
	l->address_count = n < IO_ADDRESSES_MAX ? n : IO_ADDRESSES_MAX;
	memcpy(l->addresses, list, l->address_count * sizeof(*list));
	l->address_at = 0;
	dial(l);
}

static void attempt(struct memory_link *l)
{
	l->why[0] = '\0';
	l->is_refused = false;
	l->address_at = 0;
	l->address_count = 1;
	if (l->url.is_unix) {
		dial(l);
		return;
	}
	l->phase = LOOKUP;
	l->lookup = io_lookup(l->io, l->url.host, LOOKUP_MS, on_lookup, l);
	if (l->lookup == NULL) {
		because(l, "out of memory");
		hang_up(l);
	}
}

static void on_pong(void *ctx, int err, const struct redisReply *r)
{
	(void)ctx;
	(void)err;
	(void)r;
}

/* UP: is the oldest command overdue, or has it been quiet for long? */
static void watch_over(struct memory_link *l)
{
	int64_t now = clock_mono_ms();

	if (l->flights == NULL) {
		int64_t quiet_ms = now - l->answered_ms;

		if (quiet_ms < IDLE_MS)
			io_timer_start(l->timer, IDLE_MS - quiet_ms);
		else if (send_now(l, (struct str[]){STR("PING")}, 1, on_pong, l) != 0)
			io_timer_start(l->timer, IDLE_MS); /* no memory for it: ask again later */
		return;
	}
	if (now - l->flights->sent_ms < COMMAND_MS) {
		io_timer_start(l->timer, COMMAND_MS - (now - l->flights->sent_ms));
	} else if (!l->is_suspect) {
		l->is_suspect = true;
		io_timer_start(l->timer, GRACE_MS);
	} else {
		because(l, "it has not answered for %d ms", COMMAND_MS);
		hang_up(l);
	}
}

static void on_timer(void *ctx)
{
	struct memory_link *l = ctx;

	switch (l->phase) {
	case RESTING:
		attempt(l);
		break;
	case LOOKUP:
	case CONNECTING:
		because(l, "no connection within its deadline");
		hang_up(l);
		break;
	case GREETING:
		because(l, "it accepts connections but does not answer");
		hang_up(l);
		break;
	case UP:
		watch_over(l);
		break;
	}
}

/* ---- Life and death -------------------------------------------------------------------------- */

int memory_link_new(struct io *io, const struct memory_link_options *o, struct memory_link **out)
{
	struct memory_link *l = mem_new(sizeof(*l));
	int err;

	if (l == NULL)
		return ERR_NOMEM;
	l->io = io;
	l->up = o->up;
	l->ctx = o->ctx;
	err = memory_url_read(str_of(o->url), &l->url);
	if (err)
		goto out;
	err = ERR_NOMEM;
	l->timer = io_timer_new(io, on_timer, l);
	if (l->timer == NULL)
		goto out;
	io_backoff_init(&l->backoff);
	l->password = secret_ref(o->password);
	set_state(l, "away: ", "connecting");
	memory_set_up(false);
	io_timer_start(l->timer, 0); /* RESTING: the first attempt comes from the loop */
	*out = l;
	return 0;
out:
	mem_free(l);
	return err;
}

void memory_link_free(struct memory_link *l)
{
	if (l == NULL)
		return;
	l->is_dead = true;
	if (l->depth == 0)
		hang_up(l);
}

const char *memory_link_state(struct memory_link *l)
{
	return l->state;
}
