/* base/file.h: files, safely. All of it blocks: not on the loop (start-up, workers,
 * offline verbs). */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"

/* Adds a whole regular file to out. Opens without blocking, refuses FIFOs and devices
 * (ERR_INVALID), files over out->max (ERR_LIMIT), and files that change while being read (ERR_BUSY,
 * after a second try). ERR_NOTFOUND, ERR_DENIED, ERR_IO. */
int file_read(const char *path, struct buf *out) MUST_USE;
/* Replaces a file atomically: temporary in the same folder, fsync, rename. Mode as given. */
int file_replace(const char *path, struct str bytes, unsigned mode) MUST_USE;
/* Creates a folder and its parents, 0700. 0 when it is there. */
int file_make_dir(const char *path) MUST_USE;
/* Sorted names (not paths) in a folder that end with suffix and do not begin with a dot. GIVES
 * *names with *n entries (file_names_free). At most FILE_NAMES_MAX: ERR_LIMIT. */
#define FILE_NAMES_MAX 1000
int file_names(const char *dir, const char *suffix, char ***names, size_t *n) MUST_USE;
void file_names_free(char **names, size_t n);
/* Joins dir and name; an absolute name stands alone; "~/" is the home. GIVES. NULL = no memory. */
char *file_join(const char *dir, const char *name);
/* A path's last name without suffix, if it ends with it and holds more. BORROWED from the path. */
struct str file_stem(const char *path, const char *suffix);

#endif
