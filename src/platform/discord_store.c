/* A file, its next contents, and the one write that may be under way.
 *
 * The job of that write shares the store with its owner: who is last frees it. What the thread and
 * the owner both touch is behind the mutex, so that a job of before never undoes a later write. */
#include "platform/discord_store.h"

#include <pthread.h>
#include <stdio.h>

struct platform_store {
	struct io_worker *worker;
	char *path;
	struct buf next;    /* waits to be written */
	bool has_next, is_writing, is_failing, is_orphan;
	uint64_t put;       /* how often the contents changed */
	pthread_mutex_t mutex;
	uint64_t written;   /* which of them is on the disk */
};

struct job {
	struct platform_store *store;
	struct buf text;
	uint64_t number;
	int err;
};

/* The part of a token before the first dot is the id of the application, in base64. */
static int make_path(struct platform_store *s, const char *dir, const char *name,
	const struct secret *token)
{
	struct str rest = secret_use(token), id = str_split(&rest, '.');
	char hash[SHA256_TEXT_BYTES], file[80];

	seal_sha256(id, hash);
	snprintf(file, sizeof(file), "%.40s-%.16s", name, hash);
	s->path = file_join(dir, file);
	return s->path ? 0 : ERR_NOMEM;
}

static void end_store(struct platform_store *s)
{
	pthread_mutex_destroy(&s->mutex);
	buf_fini(&s->next);
	mem_free(s->path);
	mem_free(s);
}

int platform_store_new(struct io_worker *worker, const char *state_dir, const char *name,
	const struct secret *token, struct platform_store **out)
{
	struct platform_store *s = mem_new(sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return ERR_NOMEM;
	if (pthread_mutex_init(&s->mutex, NULL) != 0) {
		mem_free(s);
		return ERR_NOMEM;
	}
	s->worker = worker;
	buf_init(&s->next, PLATFORM_STORE_BYTES);
	err = make_path(s, state_dir, name, token);
	if (err) {
		end_store(s);
		return err;
	}
	*out = s;
	return 0;
}

const char *platform_store_path(const struct platform_store *s)
{
	return s->path;
}

int platform_store_read(const struct platform_store *s, struct buf *out)
{
	return file_read(s->path, out);
}

/* Any thread. */
static int write_newer(struct platform_store *s, struct str text, uint64_t number)
{
	int err = 0;

	pthread_mutex_lock(&s->mutex);
	if (number > s->written) {
		err = file_replace(s->path, text, 0600);
		if (!err)
			s->written = number;
	}
	pthread_mutex_unlock(&s->mutex);
	return err;
}

static void tell_failure(struct platform_store *s, int err)
{
	if (err && !s->is_failing)
		log_event(LOG_ERROR, "platform", "state_not_saved", "result", "FAILED", "file",
			s->path, "error", err_name(err), NULL);
	s->is_failing = err != 0;
}

static void end_job(struct job *j)
{
	buf_fini(&j->text);
	mem_free(j);
}

static void work(void *ctx)
{
	struct job *j = ctx;

	j->err = write_newer(j->store, buf_str(&j->text), j->number);
}

static void begin_write(struct platform_store *s);

static void done(void *ctx)
{
	struct job *j = ctx;
	struct platform_store *s = j->store;
	int err = j->err;

	end_job(j);
	s->is_writing = false;
	if (s->is_orphan) {
		end_store(s);
		return;
	}
	tell_failure(s, err);
	begin_write(s);
}

static void begin_write(struct platform_store *s)
{
	struct job *j;

	if (!s->has_next || s->is_writing)
		return;
	j = mem_new(sizeof(*j));
	if (!j)
		return;
	*j = (struct job){.store = s, .text = s->next, .number = s->put};
	if (io_worker_put(s->worker, work, done, j) < 0) {
		mem_free(j); /* the text is still the store's */
		return;
	}
	buf_init(&s->next, PLATFORM_STORE_BYTES);
	s->has_next = false;
	s->is_writing = true;
}

void platform_store_put(struct platform_store *s, struct buf *text)
{
	buf_fini(&s->next);
	s->next = *text;
	buf_init(text, text->max);
	s->has_next = true;
	s->put++;
	begin_write(s);
}

bool platform_store_is_settled(struct platform_store *s)
{
	begin_write(s);
	return !s->has_next && !s->is_writing;
}

void platform_store_free(struct platform_store *s, struct str last)
{
	if (!s)
		return;
	if (last.len > 0)
		tell_failure(s, write_newer(s, last, s->put + 1));
	else if (s->has_next)
		tell_failure(s, write_newer(s, buf_str(&s->next), s->put));
	s->is_orphan = true;
	if (!s->is_writing)
		end_store(s);
}
