/* The file of marks: the same bytes as in memory, as no other machine ever reads it. */
#include "platform/discord_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

struct mark {
	uint64_t session; /* hash of its id; 0 = none */
	int64_t seq;
};

struct platform_marks {
	int fd;
	size_t n; /* from the first to the last that was ever set */
	bool is_dirty;
	struct mark at[PLATFORM_MARKS];
};

/* Discord makes the ids: nobody gains by two that meet. */
static uint64_t hash_of(const char *id)
{
	unsigned h;

	HASH_VALUE(id, strlen(id), h);
	return (uint64_t)h + 1;
}

int platform_marks_open(const char *path, struct platform_marks **out)
{
	struct platform_marks *m = mem_new(sizeof(*m));
	ssize_t n;
	int err = 0;

	*out = NULL;
	if (!m)
		return ERR_NOMEM;
	m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	n = m->fd < 0 ? -1 : pread(m->fd, m->at, sizeof(m->at), 0);
	if (n < 0) {
		err = err_from_errno(errno);
		platform_marks_close(m);
		return err;
	}
	m->n = (size_t)n / sizeof(m->at[0]);
	memset(m->at + m->n, 0, (PLATFORM_MARKS - m->n) * sizeof(m->at[0]));
	*out = m;
	return 0;
}

void platform_marks_close(struct platform_marks *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	mem_free(m);
}

void platform_marks_set(struct platform_marks *m, unsigned shard, const char *id, int64_t seq)
{
	if (!m || shard >= PLATFORM_MARKS)
		return;
	m->at[shard] = (struct mark){*id ? hash_of(id) : 0, seq};
	m->n = shard < m->n ? m->n : shard + 1;
	m->is_dirty = true;
}

int64_t platform_marks_get(const struct platform_marks *m, unsigned shard, const char *id)
{
	if (!m || shard >= PLATFORM_MARKS || m->at[shard].session != hash_of(id))
		return -1;
	return m->at[shard].seq;
}

int platform_marks_save(struct platform_marks *m)
{
	const size_t bytes = m ? m->n * sizeof(m->at[0]) : 0;

	if (!m || !m->is_dirty)
		return 0;
	if (pwrite(m->fd, m->at, bytes, 0) != (ssize_t)bytes)
		return ERR_IO;
	m->is_dirty = false;
	return 0;
}
