#include "conf/room.h"

#include <string.h>
#include <sys/stat.h>

/* Files by their path: why one cannot be read, and where it stands. */

char *conf_folder_of(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!slash)
		return mem_dup(".");
	return mem_dupn(path, slash == path ? 1 : (size_t)(slash - path));
}

static void complain_unreadable(struct conf_report *r, const char *path, int err)
{
	struct stat st;
	bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	if (is_dir)
		conf_report_add(
			r, CONF_ERROR, path, "name a file in it", "this is a folder, not a file");
	else if (err == ERR_NOTFOUND)
		conf_report_add(r, CONF_ERROR, path, "check the spelling of the path",
			"there is no such file");
	else if (err == ERR_DENIED)
		conf_report_add(r, CONF_ERROR, path, "look at its owner and mode with ls -l",
			"this user may not read the file");
	else if (err == ERR_LIMIT)
		conf_report_add(r, CONF_ERROR, path, "split it into several files",
			"the file is larger than %d KiB", CONF_FILE_BYTES / 1024);
	else if (err == ERR_INVALID)
		conf_report_add(r, CONF_ERROR, path, "only regular files are read",
			"this is a pipe or a device, not a file");
	else if (err == ERR_BUSY)
		conf_report_add(r, CONF_ERROR, path, "try again when it is written",
			"the file changed while it was read");
	else
		conf_report_add(r, CONF_ERROR, path, NULL, "the file could not be read (%s)",
			err_text(err));
}

int conf_file_load(const char *path, struct conf_report *r, struct conf_file **out)
{
	struct buf text;
	int err;

	buf_init(&text, CONF_FILE_BYTES);
	err = file_read(path, &text);
	if (err)
		complain_unreadable(r, path, err);
	else
		err = conf_file_parse(path, buf_str(&text), r, out);
	buf_fini(&text);
	return err;
}
