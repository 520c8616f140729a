/* io/worker.c: one thread with a queue of its own. The queue and the finished jobs are the only
 * memory the two threads share; both are behind the worker's mutex. */
#include <pthread.h>
#include <stdio.h>
#include <utlist.h>

#include "io/loop.h"

struct job {
	void (*work)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
	struct job *prev, *next;
};

struct io_worker {
	struct handle h;
	struct io_worker *prev, *next; /* in io->workers */
	uv_thread_t thread;
	uv_mutex_t mutex;
	uv_cond_t more;
	struct job *todo, *finished;
	size_t waiting, max;
	bool is_ending;
	char name[16]; /* as the kernel shows it: 15 bytes */
};

static void thread_main(void *arg)
{
	struct io_worker *w = arg;
	struct job *j;

	pthread_setname_np(pthread_self(), w->name);
	uv_mutex_lock(&w->mutex);
	for (;;) {
		while (!w->todo && !w->is_ending)
			uv_cond_wait(&w->more, &w->mutex);
		if (!w->todo)
			break;
		j = w->todo;
		DL_DELETE(w->todo, j);
		w->waiting--;
		uv_mutex_unlock(&w->mutex);
		j->work(j->ctx);
		uv_mutex_lock(&w->mutex);
		DL_APPEND(w->finished, j);
		uv_async_send(&w->h.io->wake);
	}
	uv_mutex_unlock(&w->mutex);
}

static void end_worker(struct handle *h)
{
	io_worker_free((struct io_worker *)h);
}

int io_worker_new(struct io *io, const char *name, size_t max_jobs, struct io_worker **out)
{
	struct io_worker *w = mem_new(sizeof(*w));

	*out = NULL;
	if (!w)
		return ERR_NOMEM;
	w->h.io = io;
	w->max = max_jobs;
	snprintf(w->name, sizeof(w->name), "%s", name);
	if (uv_mutex_init(&w->mutex) != 0)
		goto no_mutex;
	if (uv_cond_init(&w->more) != 0)
		goto no_cond;
	if (uv_thread_create(&w->thread, thread_main, w) != 0)
		goto no_thread;
	io_handle_init(&w->h, io, end_worker);
	DL_APPEND(io->workers, w);
	*out = w;
	return 0;
no_thread:
	uv_cond_destroy(&w->more);
no_cond:
	uv_mutex_destroy(&w->mutex);
no_mutex:
	mem_free(w);
	return ERR_IO;
}

int io_worker_put(struct io_worker *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
	struct job *j = mem_new(sizeof(*j));

	if (!j)
		return ERR_NOMEM;
	j->work = work;
	j->done = done;
	j->ctx = ctx;
	uv_mutex_lock(&w->mutex);
	if (w->waiting >= w->max || w->is_ending) {
		uv_mutex_unlock(&w->mutex);
		mem_free(j);
		return ERR_LIMIT;
	}
	DL_APPEND(w->todo, j);
	w->waiting++;
	w->h.io->jobs++;
	uv_cond_signal(&w->more);
	uv_mutex_unlock(&w->mutex);
	return 0;
}

/* Takes finished jobs one by one, because a done callback may free the worker, which takes the rest
 * itself. */
static void collect(struct io_worker *w)
{
	struct job *j;

	for (;;) {
		void (*done)(void *ctx);
		void *ctx;

		uv_mutex_lock(&w->mutex);
		j = w->finished;
		if (j)
			DL_DELETE(w->finished, j);
		uv_mutex_unlock(&w->mutex);
		if (!j)
			return;
		w->h.io->jobs--;
		done = j->done;
		ctx = j->ctx;
		mem_free(j);
		if (done && !w->h.io->is_ending) {
			w->h.io->activity++;
			done(ctx);
		}
		if (w->h.is_dead)
			return;
	}
}

void io_worker_collect(struct io *io)
{
	struct io_worker *w = io->workers, *next;

	/* A callback may free any worker: a freed one keeps its memory and its place's next pointer
	 * until the quiet point, but may no longer be followed. Then the list is walked anew: the
	 * workers already done have nothing left and cost a lock each. */
	while (w) {
		next = w->next;
		collect(w);
		w = w->h.is_dead || (next && next->h.is_dead) ? io->workers : next;
	}
}

void io_worker_free(struct io_worker *w)
{
	if (!w || w->is_ending)
		return;
	uv_mutex_lock(&w->mutex);
	w->is_ending = true;
	uv_cond_signal(&w->more);
	uv_mutex_unlock(&w->mutex);
	uv_thread_join(&w->thread);
	collect(w);
	DL_DELETE(w->h.io->workers, w);
	uv_cond_destroy(&w->more);
	uv_mutex_destroy(&w->mutex);
	io_handle_bury(&w->h);
}
