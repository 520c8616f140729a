/* io/lookup.c: names to numbers.
 *
 * The system's resolver blocks, for seconds when its servers are dead, and cannot be interrupted.
 * So each name is asked on a thread of its own that nobody ever waits for: not a deadline, not
 * another name, not the end of the program. (libuv's pool would share two slow threads among all
 * names, and join them at exit.) What such a thread shares with the loop is one question, which it
 * owns until it is answered, and the mailbox, which whoever leaves last frees. */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "io/loop.h"

#define KEEP_MS 60000     /* faults.md D3: no answer is used longer while the resolver works */
#define NAMES_MAX 64      /* places + providers, with room for hosts given in reconnect messages */
#define THREADS_MAX 8     /* faults.md D5: so many stuck lookups must harm nobody else */
#define THREAD_STACK (512 * 1024) /* glibc's resolver and its modules use under half of it */
#define HOST_BYTES 256

struct mailbox {
	uv_mutex_t mutex;
	uv_async_t *wake; /* NULL once the loop is gone */
	struct question *answered;
	unsigned refs;
};

struct question {
	struct mailbox *box;
	struct question *prev, *next;
	bool is_found;
	size_t n;
	struct io_address list[IO_ADDRESSES_MAX];
	char host[HOST_BYTES];
};

/* A name once asked: the last good answer, and who waits for the next. */
struct name {
	struct name *prev, *next; /* in resolver->names */
	struct io_lookup *waiting;
	bool is_asked;  /* a thread is at it */
	bool is_queued; /* every thread is busy */
	int64_t got_ms; /* of clock_mono_ms */
	size_t n;
	struct io_address list[IO_ADDRESSES_MAX];
	char host[HOST_BYTES];
};

struct resolver {
	struct io *io;
	struct name *names; /* at most NAMES_MAX: searched one by one */
	unsigned n_names;
	struct mailbox *box;
	unsigned threads;
};

struct io_lookup {
	struct handle h;
	struct io_lookup *prev, *next; /* in name->waiting */
	struct name *name;             /* NULL when not waiting */
	struct io_timer *deadline;
	void (*got)(void *ctx, int err, const struct io_address *list, size_t n);
	void *ctx;
	int err;
	size_t n;
	struct io_address list[IO_ADDRESSES_MAX];
};

/* ---- The thread ------------------------------------------------------------------------------ */

static bool set_address(struct io_address *a, int family, const void *number)
{
	a->is_v6 = family == AF_INET6;
	a->is_loopback = io_address_is_loopback(number, a->is_v6);
	return inet_ntop(family, number, a->text, sizeof(a->text)) != NULL;
}

static void ask_system(struct question *q)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *all = NULL, *ai;

	if (getaddrinfo(q->host, NULL, &hints, &all) != 0)
		return;
	for (ai = all; ai && q->n < IO_ADDRESSES_MAX; ai = ai->ai_next) {
		const void *number;

		if (ai->ai_family == AF_INET)
			number = &((struct sockaddr_in *)(void *)ai->ai_addr)->sin_addr;
		else if (ai->ai_family == AF_INET6)
			number = &((struct sockaddr_in6 *)(void *)ai->ai_addr)->sin6_addr;
		else
			continue;
		if (set_address(&q->list[q->n], ai->ai_family, number))
			q->n++;
	}
	q->is_found = q->n > 0;
	freeaddrinfo(all);
}

static void box_unref(struct mailbox *box)
{
	bool is_last;

	uv_mutex_lock(&box->mutex);
	is_last = --box->refs == 0;
	uv_mutex_unlock(&box->mutex);
	if (!is_last)
		return;
	uv_mutex_destroy(&box->mutex);
	mem_free(box);
}

static void *thread_main(void *arg)
{
	struct question *q = arg;
	struct mailbox *box = q->box;

	ask_system(q);
	uv_mutex_lock(&box->mutex);
	if (box->wake) {
		DL_APPEND(box->answered, q);
		uv_async_send(box->wake);
		q = NULL;
	}
	uv_mutex_unlock(&box->mutex);
	mem_free(q);
	box_unref(box);
	return NULL;
}

static int start_thread(struct question *q)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (pthread_attr_init(&attr) != 0)
		return ERR_NOMEM;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	r = pthread_create(&thread, &attr, thread_main, q);
	pthread_attr_destroy(&attr);
	return r == 0 ? 0 : ERR_NOMEM;
}

/* ---- The resolver ---------------------------------------------------------------------------- */

static struct resolver *resolver_of(struct io *io)
{
	struct resolver *r;

	if (io->resolver)
		return io->resolver;
	r = mem_new(sizeof(*r));
	if (!r)
		return NULL;
	r->io = io;
	r->box = mem_new(sizeof(*r->box));
	if (!r->box || uv_mutex_init(&r->box->mutex) != 0) {
		mem_free(r->box);
		mem_free(r);
		return NULL;
	}
	r->box->wake = &io->wake;
	r->box->refs = 1;
	io->resolver = r;
	return r;
}

static struct name *find_name(const struct resolver *r, const char *host)
{
	struct name *nm;

	DL_FOREACH(r->names, nm)
		if (strcasecmp(nm->host, host) == 0)
			return nm;
	return NULL;
}

static void remove_oldest(struct resolver *r)
{
	struct name *nm, *oldest = NULL;

	DL_FOREACH(r->names, nm)
		if (!nm->waiting && !nm->is_asked && (!oldest || nm->got_ms < oldest->got_ms))
			oldest = nm;
	if (!oldest)
		return;
	DL_DELETE(r->names, oldest);
	r->n_names--;
	mem_free(oldest);
}

static struct name *name_of(struct resolver *r, const char *host)
{
	struct name *nm = find_name(r, host);

	if (nm)
		return nm;
	if (r->n_names >= NAMES_MAX)
		remove_oldest(r);
	if (r->n_names >= NAMES_MAX)
		return NULL;
	nm = mem_new(sizeof(*nm));
	if (!nm)
		return NULL;
	memcpy(nm->host, host, strlen(host) + 1);
	DL_APPEND(r->names, nm);
	r->n_names++;
	return nm;
}

static void ask(struct resolver *r, struct name *nm)
{
	struct question *q;

	nm->is_queued = r->threads >= THREADS_MAX;
	if (nm->is_asked || nm->is_queued)
		return;
	q = mem_new(sizeof(*q));
	if (!q)
		return; /* who waits meets his deadline */
	q->box = r->box;
	memcpy(q->host, nm->host, sizeof(q->host));
	uv_mutex_lock(&r->box->mutex);
	r->box->refs++;
	uv_mutex_unlock(&r->box->mutex);
	if (start_thread(q) != 0) {
		mem_free(q);
		box_unref(r->box);
		return;
	}
	r->threads++;
	nm->is_asked = true;
}

/* ---- One lookup ------------------------------------------------------------------------------ */

static void finish(struct io_lookup *l)
{
	io_timer_free(l->deadline);
	l->deadline = NULL;
	io_handle_bury(&l->h);
	l->got(l->ctx, l->err, l->err ? NULL : l->list, l->err ? 0 : l->n);
}

static void finish_later(struct handle *h)
{
	finish((struct io_lookup *)h);
}

static void stop_waiting(struct io_lookup *l)
{
	if (l->name)
		DL_DELETE(l->name->waiting, l);
	l->name = NULL;
}

/* The name's addresses, however old, or err when there never were any. */
static void settle(struct io_lookup *l, const struct name *nm, int err)
{
	l->err = nm->n ? 0 : err;
	l->n = nm->n;
	memcpy(l->list, nm->list, sizeof(l->list));
}

static void on_deadline(void *ctx)
{
	struct io_lookup *l = ctx;

	if (l->name)
		settle(l, l->name, ERR_TIMEOUT);
	stop_waiting(l);
	finish(l);
}

static void end_lookup(struct handle *h)
{
	io_lookup_cancel((struct io_lookup *)h);
}

/* What needs no resolver. */
static bool answer_number(struct io_lookup *l, const char *host)
{
	static const unsigned char v4[4] = {127, 0, 0, 1};
	static const unsigned char v6[16] = {[15] = 1};
	unsigned char number[16];

	if (strcasecmp(host, "localhost") == 0) {
		/* RFC 6761: never asked of anybody. */
		l->n = (size_t)set_address(&l->list[0], AF_INET, v4) +
			(size_t)set_address(&l->list[1], AF_INET6, v6);
		return true;
	}
	if (inet_pton(AF_INET, host, number) == 1)
		return (l->n = set_address(&l->list[0], AF_INET, number)) == 1;
	if (inet_pton(AF_INET6, host, number) == 1)
		return (l->n = set_address(&l->list[0], AF_INET6, number)) == 1;
	return false;
}

/* Settles l at once, or lets it wait for its name. */
static int begin(struct io_lookup *l, const char *host, int64_t deadline_ms)
{
	struct resolver *r;
	struct name *nm;

	if (answer_number(l, host)) {
		io_handle_later(&l->h, finish_later);
		return 0;
	}
	if (host[0] == '\0' || strlen(host) >= HOST_BYTES) {
		l->err = ERR_NAME;
		io_handle_later(&l->h, finish_later);
		return 0;
	}
	r = resolver_of(l->h.io);
	nm = r ? name_of(r, host) : NULL;
	if (!nm)
		return ERR_NOMEM;
	if (nm->n && clock_mono_ms() - nm->got_ms < KEEP_MS) {
		settle(l, nm, 0);
		io_handle_later(&l->h, finish_later);
		return 0;
	}
	l->deadline = io_timer_new(l->h.io, on_deadline, l);
	if (!l->deadline)
		return ERR_NOMEM;
	io_timer_start(l->deadline, deadline_ms);
	l->name = nm;
	DL_APPEND(nm->waiting, l);
	ask(r, nm);
	return 0;
}

struct io_lookup *io_lookup(struct io *io, const char *host, int64_t deadline_ms,
	void (*got)(void *ctx, int err, const struct io_address *list, size_t n), void *ctx)
{
	struct io_lookup *l = mem_new(sizeof(*l));

	if (!l)
		return NULL;
	l->got = got;
	l->ctx = ctx;
	io_handle_init(&l->h, io, end_lookup);
	if (begin(l, host, deadline_ms) != 0) {
		io_lookup_cancel(l);
		return NULL;
	}
	return l;
}

void io_lookup_cancel(struct io_lookup *l)
{
	if (!l || l->h.is_dead)
		return;
	stop_waiting(l);
	io_timer_free(l->deadline);
	l->deadline = NULL;
	io_handle_bury(&l->h);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void on_answer(struct resolver *r, const struct question *q)
{
	struct name *nm = find_name(r, q->host);
	struct io_lookup *l;

	if (!nm)
		return;
	nm->is_asked = false;
	if (q->is_found) {
		nm->n = q->n;
		memcpy(nm->list, q->list, sizeof(nm->list));
		nm->got_ms = clock_mono_ms();
	}
	while ((l = nm->waiting)) {
		settle(l, nm, ERR_NAME);
		stop_waiting(l);
		io_handle_later(&l->h, finish_later);
	}
}

static void ask_queued(struct resolver *r)
{
	struct name *nm;

	DL_FOREACH(r->names, nm) {
		if (r->threads >= THREADS_MAX)
			return;
		if (nm->is_queued && nm->waiting)
			ask(r, nm);
		else
			nm->is_queued = false;
	}
}

void io_resolver_collect(struct io *io)
{
	struct resolver *r = io->resolver;
	struct question *all, *q, *tmp;

	if (!r)
		return;
	uv_mutex_lock(&r->box->mutex);
	all = r->box->answered;
	r->box->answered = NULL;
	uv_mutex_unlock(&r->box->mutex);
	DL_FOREACH_SAFE(all, q, tmp) {
		r->threads--;
		on_answer(r, q);
		mem_free(q);
	}
	ask_queued(r);
}

void io_resolver_free(struct io *io)
{
	struct resolver *r = io->resolver;
	struct name *nm, *tmp;
	struct question *q, *next;

	if (!r)
		return;
	uv_mutex_lock(&r->box->mutex);
	r->box->wake = NULL;
	uv_mutex_unlock(&r->box->mutex);
	DL_FOREACH_SAFE(r->box->answered, q, next)
		mem_free(q);
	box_unref(r->box);
	DL_FOREACH_SAFE(r->names, nm, tmp)
		mem_free(nm);
	mem_free(r);
	io->resolver = NULL;
}
