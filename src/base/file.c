/* Reading, replacing and listing files. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/seal.h"

#define READ_BYTES 16384 /* a config file in one or two calls */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int read_all(int fd, struct buf *out)
{
	char part[READ_BYTES];
	ssize_t n = 1;
	int err = 0;

	while (n != 0 && !err) {
		n = read(fd, part, sizeof(part));
		if (n > 0)
			err = buf_add(out, part, (size_t)n);
		else if (n < 0 && errno != EINTR)
			err = err_from_errno(errno);
	}
	secret_wipe(part, sizeof(part)); /* the stack is no place for what may be a secret */
	return err;
}

/* One try: what is read is only believed when size and time of the file stayed what they were. */
static int read_once(const char *path, struct buf *out)
{
	const size_t before = out->len;
	struct stat first, last;
	int err;

	/* Without O_NONBLOCK a FIFO put in the place of a file would stop us for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENXIO ? ERR_INVALID : err_from_errno(errno);
	err = fstat(fd, &first) < 0 ? err_from_errno(errno) : 0;
	if (!err && !S_ISREG(first.st_mode))
		err = ERR_INVALID;
	if (!err && (uint64_t)first.st_size > out->max - before)
		err = ERR_LIMIT;
	if (!err)
		err = read_all(fd, out);
	if (!err && fstat(fd, &last) < 0)
		err = err_from_errno(errno);
	if (!err && (!is_same_file(&first, &last) || (off_t)(out->len - before) != last.st_size))
		err = ERR_BUSY;
	close(fd);
	if (err)
		buf_truncate(out, before);
	return err;
}

int file_read(const char *path, struct buf *out)
{
	int err = read_once(path, out);

	if (err == ERR_BUSY)
		err = read_once(path, out);
	return err;
}

static int write_all(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.at, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		bytes.at += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

/* Gives its descriptor, -1 when it cannot be opened. */
static int open_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = !slash ? mem_dup(".")
			   : mem_dupn(path, slash == path ? 1 : (size_t)(slash - path));
	const int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	mem_free(dir);
	return fd;
}

/* The rename has to reach the disk too. A file system that cannot sync a folder is let be. */
static void sync_folder_of(const char *path)
{
	const int fd = open_folder_of(path);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* What root writes into somebody's folder is theirs: a secret that an admin sets must not shut the
 * daemon out. Where that cannot be done, the file stays root's. */
static void give_to_owner(int fd, const char *path)
{
	const int folder = geteuid() == 0 ? open_folder_of(path) : -1;
	struct stat st;

	if (folder < 0)
		return;
	if (fstat(folder, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
	close(folder);
}

int file_replace(const char *path, struct str bytes, unsigned mode)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct buf temporary;
	int fd = -1;
	int err;

	buf_init(&temporary, strlen(path) + sizeof(".XXXXXX"));
	err = buf_add(&temporary, path, (size_t)(name - path));
	if (!err) /* the dot hides it from file_names */
		err = buf_addf(&temporary, ".%s.XXXXXX", name);
	if (err)
		goto out;
	fd = mkostemp(temporary.at, O_CLOEXEC);
	if (fd < 0) {
		err = err_from_errno(errno);
		goto out;
	}
	give_to_owner(fd, path);
	err = write_all(fd, bytes);
	if (!err && (fchmod(fd, (mode_t)mode) < 0 || fsync(fd) < 0))
		err = ERR_IO;
	if (close(fd) < 0 && !err)
		err = ERR_IO;
	if (!err && rename(temporary.at, path) < 0)
		err = err_from_errno(errno);
	if (err)
		unlink(temporary.at);
	else
		sync_folder_of(path);
out:
	buf_fini(&temporary);
	return err;
}

static int make_one_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return err_from_errno(errno);
	if (stat(path, &st) < 0)
		return err_from_errno(errno);
	return S_ISDIR(st.st_mode) ? 0 : ERR_INVALID;
}

int file_make_dir(const char *path)
{
	char *copy = mem_dup(path);
	int err = 0;

	if (!copy)
		return ERR_NOMEM;
	for (char *at = copy; !err && *at; at++) {
		if (*at != '/' || at == copy)
			continue;
		*at = '\0';
		err = make_one_dir(copy);
		*at = '/';
	}
	if (!err)
		err = make_one_dir(copy);
	mem_free(copy);
	return err;
}

static bool is_wanted(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return name[0] != '.' && n >= k && strcmp(name + n - k, suffix) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_names(const char *dir, const char *suffix, char ***names, size_t *n)
{
	char **list = NULL;
	size_t used = 0, cap = 0;
	struct dirent *entry;
	int err = 0;

	DIR *folder = opendir(dir);
	if (!folder)
		return err_from_errno(errno);
	while (!err && (errno = 0, entry = readdir(folder))) {
		if (!is_wanted(entry->d_name, suffix))
			continue;
		if (used == FILE_NAMES_MAX) {
			err = ERR_LIMIT;
			break;
		}
		if (used == cap) {
			size_t more = cap ? cap * 2 : 16;
			char **grown = mem_resize(list, more * sizeof(*list));
			if (!grown) {
				err = ERR_NOMEM;
				break;
			}
			list = grown;
			cap = more;
		}
		list[used] = mem_dup(entry->d_name);
		if (list[used])
			used++;
		else
			err = ERR_NOMEM;
	}
	if (!err && errno)
		err = err_from_errno(errno);
	closedir(folder);
	if (err) {
		file_names_free(list, used);
		return err;
	}
	if (used > 0)
		qsort(list, used, sizeof(*list), by_name);
	*names = list;
	*n = used;
	return 0;
}

void file_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mem_free(names[i]);
	mem_free(names);
}

char *file_join(const char *dir, const char *name)
{
	const char *home = getenv("HOME");
	struct buf b;

	if (strncmp(name, "~/", 2) == 0 && home) {
		dir = home;
		name += 2;
	}
	if (!dir || !*dir || name[0] == '/')
		return mem_dup(name);
	size_t n = strlen(dir);
	buf_init(&b, n + 1 + strlen(name));
	if (buf_add(&b, dir, n) || (dir[n - 1] != '/' && buf_addc(&b, '/')) || buf_adds(&b, name)) {
		buf_fini(&b);
		return NULL;
	}
	return buf_take(&b);
}

struct str file_stem(const char *path, const char *suffix)
{
	const char *slash = strrchr(path, '/');
	struct str name = str_of(slash ? slash + 1 : path);
	const size_t n = strlen(suffix);

	if (name.len > n && memcmp(name.at + name.len - n, suffix, n) == 0)
		name.len -= n;
	return name;
}
