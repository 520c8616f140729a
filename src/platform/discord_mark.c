/* The page of marks. A mark is begun with its number first, so that whenever the process is killed
 * a number never stands beside the name of another session. */
#include "platform/discord_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"

struct mark {
	uint64_t session; /* hash of its id; 0 = none */
	int64_t seq;
};

struct platform_marks {
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
	void *page;
	int err, fd;

	*out = NULL;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_from_errno(errno);
	/* A store into a page that the disk has no room for would kill us. */
	err = posix_fallocate(fd, 0, sizeof(**out));
	page = err ? MAP_FAILED
		: mmap(NULL, sizeof(**out), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!err && page == MAP_FAILED)
		err = errno;
	close(fd);
	if (err)
		return err_from_errno(err);
	*out = page;
	return 0;
}

void platform_marks_close(struct platform_marks *m)
{
	if (m)
		munmap(m, sizeof(*m));
}

void platform_marks_begin(struct platform_marks *m, unsigned shard, const char *id)
{
	if (!m || shard >= PLATFORM_MARKS)
		return;
	__atomic_store_n(&m->at[shard].seq, -1, __ATOMIC_RELEASE);
	__atomic_store_n(&m->at[shard].session, *id ? hash_of(id) : 0, __ATOMIC_RELEASE);
}

void platform_marks_set(struct platform_marks *m, unsigned shard, int64_t seq)
{
	if (m && shard < PLATFORM_MARKS)
		__atomic_store_n(&m->at[shard].seq, seq, __ATOMIC_RELEASE);
}

int64_t platform_marks_get(const struct platform_marks *m, unsigned shard, const char *id)
{
	if (!m || shard >= PLATFORM_MARKS || m->at[shard].session != hash_of(id))
		return -1;
	return m->at[shard].seq;
}
