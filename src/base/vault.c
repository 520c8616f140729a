/* The sealed store of named secrets.
 *
 * Folder: vault.key, 32 random bytes, and vault, a text of lines:
 *
 *     mynah-vault 1
 *     NAME BASE64(nonce || XChaCha20-Poly1305 of the value)     one a secret, in order of birth
 *     seal BASE64(keyed BLAKE2b of all bytes before this line)
 *
 * A value is authenticated together with the first line and its name, so it cannot be moved to
 * another name; the last line authenticates the whole, so no entry can be taken out. The two keys
 * are derived from the key file. Everything is opened at once or refused at once. Every change reads
 * the file again under a lock on the folder: the daemon that refreshes a token and a person at
 * `mynah secret set` do not undo each other. */
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

#define VAULT_HEAD "mynah-vault 1\n"
#define VAULT_SEAL "seal"
#define VAULT_ENTRIES_MAX 256      /* a token for every place and provider, many times over */
#define VAULT_VALUE_BYTES 8192     /* the longest tokens known are signed ones of about 4 KiB */
#define VAULT_NAME_BYTES 64
#define VAULT_FILE_BYTES (4 * 1024 * 1024) /* VAULT_ENTRIES_MAX of the longest, in base64 */

#define KEY_BYTES 32
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEALED_BYTES (NONCE_BYTES + VAULT_VALUE_BYTES + TAG_BYTES)
#define MAC_BYTES 32
#define BASE64 sodium_base64_VARIANT_ORIGINAL

struct entry {
	char *name;
	struct secret *value;
	struct entry *prev, *next; /* utlist */
};

struct entries {
	struct entry *first;
	size_t n;
};

struct keys { /* in guarded memory */
	unsigned char file[KEY_BYTES];  /* as in vault.key */
	unsigned char value[KEY_BYTES]; /* of the values */
	unsigned char seal[KEY_BYTES];  /* of the last line */
};

struct vault {
	char *dir, *path, *key_path;
	struct keys *keys;
	struct entries entries;
};

static bool is_name(struct str s)
{
	static const char others[] = "._:-/";

	if (s.len == 0 || s.len > VAULT_NAME_BYTES || str_is(s, VAULT_SEAL))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
				!memchr(others, c, sizeof(others) - 1))
			return false;
	}
	return true;
}

/* ---- Entries ----------------------------------------------------------------------------------- */

static void free_entry(struct entry *e)
{
	if (!e)
		return;
	secret_free(e->value);
	mem_free(e->name);
	mem_free(e);
}

static void free_entries(struct entries *list)
{
	struct entry *e, *next;

	DL_FOREACH_SAFE (list->first, e, next)
		free_entry(e);
	*list = (struct entries){0};
}

static struct entry *find(const struct entries *list, struct str name)
{
	struct entry *e;

	DL_FOREACH (list->first, e) {
		if (str_is(name, e->name))
			return e;
	}
	return NULL;
}

/* Puts a value into the list, in the place of the old one of that name if there is one. */
static int put(struct entries *list, struct str name, struct str value)
{
	struct entry *old = find(list, name);
	struct entry *e;
	int err;

	if (!old && list->n >= VAULT_ENTRIES_MAX)
		return ERR_LIMIT;
	e = mem_new(sizeof(*e));
	if (!e)
		return ERR_NOMEM;
	err = secret_new(value, &e->value);
	if (!err) {
		e->name = mem_dupn(name.at, name.len);
		err = e->name ? 0 : ERR_NOMEM;
	}
	if (err) {
		free_entry(e);
		return err;
	}
	if (old) {
		DL_REPLACE_ELEM(list->first, old, e);
		free_entry(old);
	} else {
		DL_APPEND(list->first, e);
		list->n++;
	}
	return 0;
}

/* ---- Sealing ----------------------------------------------------------------------------------- */

static int add_base64(struct buf *out, const unsigned char *bytes, size_t n)
{
	const size_t len = sodium_base64_ENCODED_LEN(n, BASE64);
	char *text = mem_new(len);
	int err;

	if (!text)
		return ERR_NOMEM;
	sodium_bin2base64(text, len, bytes, n, BASE64);
	err = buf_adds(out, text);
	mem_free(text);
	return err;
}

/* What is authenticated together with a value: the head and the name. */
static int add_context(struct buf *out, struct str name)
{
	int err = buf_adds(out, VAULT_HEAD);

	return err ? err : buf_add_str(out, name);
}

static int write_entry(const struct keys *keys, const struct entry *e, struct buf *out)
{
	const struct str plain = secret_use(e->value);
	unsigned char *sealed = mem_new(SEALED_BYTES);
	unsigned long long n = 0;
	struct buf context;
	int err;

	buf_init(&context, sizeof(VAULT_HEAD) + VAULT_NAME_BYTES);
	err = sealed ? add_context(&context, str_of(e->name)) : ERR_NOMEM;
	if (err)
		goto out;
	randombytes_buf(sealed, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, &n,
		(const unsigned char *)plain.at, plain.len, (const unsigned char *)context.at,
		context.len, NULL, sealed, keys->value);
	err = buf_addf(out, "%s ", e->name);
	if (!err)
		err = add_base64(out, sealed, NONCE_BYTES + (size_t)n);
	if (!err)
		err = buf_addc(out, '\n');
out:
	buf_fini(&context);
	mem_free(sealed);
	return err;
}

static int write_vault(const struct keys *keys, const struct entries *list, struct buf *out)
{
	unsigned char mac[MAC_BYTES];
	const struct entry *e;
	int err = buf_adds(out, VAULT_HEAD);

	DL_FOREACH (list->first, e) {
		if (!err)
			err = write_entry(keys, e, out);
	}
	if (err)
		return err;
	crypto_generichash(mac, sizeof(mac), (const unsigned char *)out->at, out->len, keys->seal,
		sizeof(keys->seal));
	err = buf_adds(out, VAULT_SEAL " ");
	if (!err)
		err = add_base64(out, mac, sizeof(mac));
	return err ? err : buf_addc(out, '\n');
}

static int from_base64(struct str text, unsigned char *out, size_t max, size_t *n)
{
	const char *end;

	if (sodium_base642bin(out, max, text.at, text.len, NULL, n, &end, BASE64) != 0 ||
			end != text.at + text.len)
		return ERR_PARSE;
	return 0;
}

static int read_entry(const struct keys *keys, struct str name, struct str base64,
	struct entries *list)
{
	unsigned char *sealed = mem_new(SEALED_BYTES);
	unsigned char *plain = sodium_malloc(VAULT_VALUE_BYTES);
	unsigned long long len = 0;
	struct buf context;
	size_t n = 0;
	int err;

	buf_init(&context, sizeof(VAULT_HEAD) + VAULT_NAME_BYTES);
	if (!sealed || !plain) {
		err = ERR_NOMEM;
		goto out;
	}
	err = !is_name(name) || find(list, name) ? ERR_PARSE : add_context(&context, name);
	if (!err)
		err = from_base64(base64, sealed, SEALED_BYTES, &n);
	if (!err && n < NONCE_BYTES + TAG_BYTES)
		err = ERR_PARSE;
	if (err)
		goto out;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &len, NULL, sealed + NONCE_BYTES,
		    n - NONCE_BYTES, (const unsigned char *)context.at, context.len, sealed,
		    keys->value) != 0)
		err = ERR_DENIED;
	else
		err = put(list, name, (struct str){(char *)plain, (size_t)len});
out:
	sodium_free(plain);
	buf_fini(&context);
	mem_free(sealed);
	return err;
}

/* Is the last line the true seal of what stands before it? Gives what stands between. */
static int open_seal(const struct keys *keys, struct str text, struct str *body)
{
	static const size_t line = sizeof(VAULT_SEAL) +
		sodium_base64_ENCODED_LEN(MAC_BYTES, BASE64); /* the NULs count for space and LF */
	const struct str head = STR(VAULT_HEAD);
	unsigned char mac[MAC_BYTES], mac_here[MAC_BYTES];
	size_t n = 0;

	if (text.len < head.len + line || memcmp(text.at, head.at, head.len) != 0)
		return ERR_PARSE;
	struct str last = {text.at + text.len - line, line};
	text.len -= line;
	if (memcmp(last.at, VAULT_SEAL " ", sizeof(VAULT_SEAL)) != 0 || last.at[line - 1] != '\n')
		return ERR_PARSE;
	last.at += sizeof(VAULT_SEAL);
	last.len -= sizeof(VAULT_SEAL) + 1;
	int err = from_base64(last, mac, sizeof(mac), &n);
	if (err || n != sizeof(mac))
		return ERR_PARSE;
	crypto_generichash(mac_here, sizeof(mac_here), (const unsigned char *)text.at, text.len,
		keys->seal, sizeof(keys->seal));
	if (sodium_memcmp(mac, mac_here, sizeof(mac)) != 0)
		return ERR_DENIED;
	*body = (struct str){text.at + head.len, text.len - head.len};
	return 0;
}

static int read_vault(const struct keys *keys, struct str text, struct entries *list)
{
	struct str body;
	int err = open_seal(keys, text, &body);

	while (!err && body.len > 0) {
		struct str rest = str_split(&body, '\n');
		struct str name = str_split(&rest, ' ');
		err = read_entry(keys, name, rest, list);
	}
	return err;
}

/* ---- Files ------------------------------------------------------------------------------------- */

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
static int load(const struct vault *v, struct entries *list)
{
	struct buf text;
	int err;

	buf_init(&text, VAULT_FILE_BYTES);
	err = read_private(v->path, &text);
	if (!err)
		err = read_vault(v->keys, buf_str(&text), list);
	if (err)
		free_entries(list);
	buf_fini(&text);
	return err;
}

static int save(const struct vault *v, const struct entries *list)
{
	struct buf text;
	int err;

	buf_init(&text, VAULT_FILE_BYTES);
	err = write_vault(v->keys, list, &text);
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
	randombytes_buf(v->keys->file, KEY_BYTES);
	return file_replace(v->key_path, (struct str){(char *)v->keys->file, KEY_BYTES}, 0600);
}

static int load_key(struct vault *v)
{
	static const char context[crypto_kdf_CONTEXTBYTES + 1] = "mynahvlt";
	struct buf bytes;
	int err;

	buf_init(&bytes, KEY_BYTES);
	err = read_private(v->key_path, &bytes);
	if (err == ERR_NOTFOUND)
		err = make_key(v);
	else if (err == ERR_LIMIT || (!err && bytes.len != KEY_BYTES))
		err = ERR_PARSE;
	else if (!err)
		memcpy(v->keys->file, bytes.at, KEY_BYTES);
	if (bytes.len > 0)
		secret_wipe(bytes.at, bytes.len);
	buf_fini(&bytes);
	if (err)
		return err;
	crypto_kdf_derive_from_key(v->keys->value, KEY_BYTES, 1, context, v->keys->file);
	crypto_kdf_derive_from_key(v->keys->seal, KEY_BYTES, 2, context, v->keys->file);
	return 0;
}

/* ---- The door ---------------------------------------------------------------------------------- */

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
	free_entries(&v->entries);
	sodium_free(v->keys);
	mem_free(v->key_path);
	mem_free(v->path);
	mem_free(v->dir);
	mem_free(v);
}

int vault_get(struct vault *v, const char *name, struct secret **out)
{
	struct entry *e = find(&v->entries, str_of(name));

	*out = e ? secret_ref(e->value) : NULL;
	return e ? 0 : ERR_NOTFOUND;
}

static int take_out(struct entries *list, struct str name)
{
	struct entry *e = find(list, name);

	if (!e)
		return ERR_NOTFOUND;
	DL_DELETE(list->first, e);
	free_entry(e);
	list->n--;
	return 0;
}

/* Reads the file again, changes that (value NULL = take the entry out), and saves it. Until it is
 * saved v is what it was. */
static int change(struct vault *v, struct str name, const struct str *value)
{
	struct entries list = {0};
	int lock = lock_folder(v->dir);
	int err;

	if (lock < 0)
		return lock;
	err = load(v, &list);
	if (!err)
		err = value ? put(&list, name, *value) : take_out(&list, name);
	if (!err)
		err = save(v, &list);
	if (err) {
		free_entries(&list);
	} else {
		free_entries(&v->entries);
		v->entries = list;
	}
	close(lock);
	return err;
}

int vault_set(struct vault *v, const char *name, struct str value)
{
	if (!is_name(str_of(name)))
		return ERR_INVALID;
	if (value.len > VAULT_VALUE_BYTES)
		return ERR_LIMIT;
	return change(v, str_of(name), &value);
}

int vault_remove(struct vault *v, const char *name)
{
	return change(v, str_of(name), NULL);
}

size_t vault_count(const struct vault *v)
{
	return v->entries.n;
}

const char *vault_name(const struct vault *v, size_t i)
{
	const struct entry *e;

	DL_FOREACH (v->entries.first, e) {
		if (i-- == 0)
			return e->name;
	}
	return NULL;
}
