/* The sealed store of named secrets: its folder, its door.
 *
 * The folder holds vault.key, 32 random bytes, and vault (vault_text.c). Everything is opened at
 * once or refused at once. Every change reads the file again under a lock on the folder: the daemon
 * that refreshes a token and a person at `mynah secret set` do not undo each other. */
#include "base/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/vault_text.h"

struct vault {
	char *dir, *path, *key_path;
	struct vault_keys *keys;
	struct vault_entries entries;
};

/* ---- Files ----------------------------------------------------------------------------------- */

/* Reads a file that nobody else may read. */
static int read_private(const char *path, struct buf *out)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_from_errno(errno);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return ERR_DENIED;
	return file_read(path, out);
}

/* One writer at a time, also among processes. Gives a descriptor to close, or an error. */
static int lock_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_from_errno(errno);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		int err = err_from_errno(errno);
		close(fd);
		return err;
	}
	return fd;
}

/* Opens what the file holds, all of it or nothing. */
static int load(const struct vault *v, struct vault_entries *list)
{
	struct buf text;
	int err;

	buf_init(&text, VAULT_FILE_BYTES);
	err = read_private(v->path, &text);
	if (!err)
		err = vault_text_read(v->keys, buf_str(&text), list);
	if (err)
		vault_entries_free(list);
	buf_fini(&text);
	return err;
}

static int save(const struct vault *v, const struct vault_entries *list)
{
	struct buf text;
	int err;

	buf_init(&text, VAULT_FILE_BYTES);
	err = vault_text_write(v->keys, list, &text);
	if (!err)
		err = file_replace(v->path, buf_str(&text), 0600);
	buf_fini(&text);
	return err;
}

/* Makes a key, unless there is a vault that waits for its lost one. */
static int make_key(struct vault *v)
{
	struct stat st;

	if (stat(v->path, &st) == 0)
		return ERR_DENIED;
	if (errno != ENOENT)
		return err_from_errno(errno);
	randombytes_buf(v->keys->file, VAULT_KEY_BYTES);
	return file_replace(
		v->key_path, (struct str){(char *)v->keys->file, VAULT_KEY_BYTES}, 0600);
}

static int load_key(struct vault *v)
{
	struct buf bytes;
	int err;

	buf_init(&bytes, VAULT_KEY_BYTES);
	err = read_private(v->key_path, &bytes);
	if (err == ERR_NOTFOUND)
		err = make_key(v);
	else if (err == ERR_LIMIT || (!err && bytes.len != VAULT_KEY_BYTES))
		err = ERR_PARSE;
	else if (!err)
		memcpy(v->keys->file, bytes.at, VAULT_KEY_BYTES);
	if (bytes.len > 0)
		secret_wipe(bytes.at, bytes.len);
	buf_fini(&bytes);
	if (!err)
		vault_keys_derive(v->keys);
	return err;
}

/* ---- The door -------------------------------------------------------------------------------- */

int vault_open(const char *dir, struct vault **out)
{
	struct vault *v = NULL;
	int lock = -1;
	int err;

	*out = NULL;
	if (sodium_init() < 0)
		return ERR_IO;
	err = file_make_dir(dir);
	if (err)
		return err;
	v = mem_new(sizeof(*v));
	if (!v)
		return ERR_NOMEM;
	v->dir = mem_dup(dir);
	v->path = file_join(dir, "vault");
	v->key_path = file_join(dir, "vault.key");
	v->keys = sodium_malloc(sizeof(*v->keys));
	if (!v->dir || !v->path || !v->key_path || !v->keys) {
		err = ERR_NOMEM;
		goto out;
	}
	lock = lock_folder(dir);
	err = lock < 0 ? lock : load_key(v);
	if (!err)
		err = load(v, &v->entries);
	if (err == ERR_NOTFOUND) /* a key without a vault: nothing was ever put in */
		err = save(v, &v->entries);
out:
	if (lock >= 0)
		close(lock);
	if (err)
		vault_close(v);
	else
		*out = v;
	return err;
}

void vault_close(struct vault *v)
{
	if (!v)
		return;
	vault_entries_free(&v->entries);
	sodium_free(v->keys);
	mem_free(v->key_path);
	mem_free(v->path);
	mem_free(v->dir);
	mem_free(v);
}

int vault_get(struct vault *v, const char *name, struct secret **out)
{
	struct vault_entry *e = vault_entries_find(&v->entries, str_of(name));

	*out = e ? secret_ref(e->value) : NULL;
	return e ? 0 : ERR_NOTFOUND;
}

/* A change of one entry. */
struct change {
	struct str name;
	const struct str *value; /* NULL = it is taken out */
	bool (*is_mine)(void *ctx, const struct secret *there); /* NULL = whatever is there */
	void *ctx;
};

static int make_change(struct vault_entries *list, const struct change *c)
{
	const struct vault_entry *there = vault_entries_find(list, c->name);

	if (c->is_mine && !c->is_mine(c->ctx, there ? there->value : NULL))
		return ERR_BUSY;
	return c->value ? vault_entries_put(list, c->name, *c->value)
			: vault_entries_take_out(list, c->name);
}

/* Reads the file again, changes that, and saves it. Until it is saved v is what it was. */
static int change(struct vault *v, const struct change *c)
{
	struct vault_entries list = {0};
	int lock = lock_folder(v->dir);
	int err;

	if (lock < 0)
		return lock;
	err = load(v, &list);
	if (!err)
		err = make_change(&list, c);
	if (!err)
		err = save(v, &list);
	if (err) {
		vault_entries_free(&list);
	} else {
		vault_entries_free(&v->entries);
		v->entries = list;
	}
	close(lock);
	return err;
}

int vault_replace(struct vault *v, const char *name, struct str value,
	bool (*is_mine)(void *ctx, const struct secret *there), void *ctx)
{
	const struct change c = {str_of(name), &value, is_mine, ctx};

	if (!vault_is_name(c.name))
		return ERR_INVALID;
	if (value.len > VAULT_VALUE_BYTES)
		return ERR_LIMIT;
	return change(v, &c);
}

int vault_set(struct vault *v, const char *name, struct str value)
{
	return vault_replace(v, name, value, NULL, NULL);
}

int vault_remove(struct vault *v, const char *name)
{
	const struct change c = {.name = str_of(name)};

	return change(v, &c);
}

size_t vault_count(const struct vault *v)
{
	return v->entries.n;
}

const char *vault_name(const struct vault *v, size_t i)
{
	const struct vault_entry *e;

	DL_FOREACH (v->entries.first, e) {
		if (i-- == 0)
			return e->name;
	}
	return NULL;
}
