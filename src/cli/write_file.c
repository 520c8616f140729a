/* Files that a verb makes for its user. What is there already stays, unless the user says so. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644 /* whoever runs the bot must be able to read it */

static int write_new(const char *path, struct str bytes)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int err = 0;

	if (fd < 0)
		return err_from_errno(errno);
	while (bytes.len > 0 && !err) {
		const ssize_t n = write(fd, bytes.at, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			err = err_from_errno(errno);
		else
			bytes = (struct str){bytes.at + n, bytes.len - (size_t)n};
	}
	if (!err && fchmod(fd, FILE_MODE) < 0) /* the umask is narrower */
		err = err_from_errno(errno);
	if (close(fd) < 0 && !err)
		err = err_from_errno(errno);
	if (err)
		unlink(path);
	return err;
}

bool cli_may_write(const struct cli *c, const char *path)
{
	struct stat st;

	if (c->is_force || lstat(path, &st) < 0)
		return true;
	cli_say("%s is there already; --force overwrites it", path);
	return false;
}

int cli_write(const struct cli *c, const char *path, struct str bytes)
{
	int err = 0;

	if (strcmp(path, "-") == 0) {
		if (fwrite(bytes.at, 1, bytes.len, stdout) != bytes.len || fflush(stdout) != 0)
			err = ERR_IO;
	} else {
		if (!cli_may_write(c, path))
			return CLI_CANNOT;
		err = c->is_force ? file_replace(path, bytes, FILE_MODE) : write_new(path, bytes);
	}
	if (err)
		cli_say("%s cannot be written: %s", path, err_text(err));
	return err ? CLI_CANNOT : CLI_OK;
}

int cli_read(const char *path, struct buf *out)
{
	const int err = file_read(path, out);

	if (err)
		cli_say("%s cannot be read: %s", path,
			err == ERR_LIMIT ? "it is too long" : err_text(err));
	return err ? CLI_CANNOT : CLI_OK;
}
