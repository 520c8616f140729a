/* Secrets in guarded memory, hashes, pseudonyms. */
#include "base/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "base/err.h"
#include "base/mem.h"

#define PIECE_BYTES (32 * 1024) /* of a file: more makes it no faster */

int seal_init(bool debug)
{
	const struct rlimit none = {0, 0};

	if (sodium_init() < 0)
		return ERR_IO;
	if (debug)
		return 0;
	/* Nobody of the same user may attach to us or find our pages in a core file. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return ERR_IO;
	return 0;
}

/* The bytes lie apart, between guard pages, read-only and locked; here is nothing to print. */
struct secret {
	atomic_uint refs;
	size_t len;
	char *bytes; /* sodium_malloc, NUL-terminated */
};

int secret_new(struct str bytes, struct secret **out)
{
	struct secret *s;

	*out = NULL;
	if (sodium_init() < 0)
		return ERR_IO;
	s = mem_new(sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	s->bytes = bytes.len < SIZE_MAX ? sodium_malloc(bytes.len + 1) : NULL;
	if (!s->bytes) {
		mem_free(s);
		return ERR_NOMEM;
	}
	if (bytes.len > 0)
		memcpy(s->bytes, bytes.at, bytes.len);
	s->bytes[bytes.len] = '\0';
	s->len = bytes.len;
	atomic_init(&s->refs, 1);
	sodium_mprotect_readonly(s->bytes);
	*out = s;
	return 0;
}

struct secret *secret_ref(struct secret *s)
{
	if (s)
		atomic_fetch_add(&s->refs, 1);
	return s;
}

void secret_free(struct secret *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	sodium_free(s->bytes); /* wipes first */
	mem_free(s);
}

struct str secret_use(const struct secret *s)
{
	return s ? (struct str){s->bytes, s->len} : STR("");
}

bool secret_is_in(const struct secret *s, struct str text)
{
	/* Nothing is a part of everything; that would stop every reply. */
	if (!s || s->len == 0 || text.len == 0)
		return false;
	return memmem(text.at, text.len, s->bytes, s->len) != NULL;
}

bool secret_is_equal(const struct secret *s, struct str guess)
{
	unsigned char a[crypto_generichash_BYTES], b[crypto_generichash_BYTES];

	if (!s || s->len == 0)
		return false;
	/* Hashes have one length, so that the comparison tells nothing, not even that. */
	crypto_generichash(a, sizeof(a), (const unsigned char *)s->bytes, s->len, NULL, 0);
	crypto_generichash(b, sizeof(b), (const unsigned char *)guess.at, guess.len, NULL, 0);
	return sodium_memcmp(a, b, sizeof(a)) == 0;
}

void secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

int seal_from_base64(struct str text, struct buf *out)
{
	const size_t most = text.len / 4 * 3 + 3;
	const char *end = text.at;
	size_t n = 0;

	/* libsodium 1.0.18 takes some bytes with the high bit set for letters. */
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.at[i] > 0x7f)
			return ERR_PARSE;
	}
	int err = buf_reserve(out, most);
	if (err < 0)
		return err;
	if (sodium_base642bin((unsigned char *)out->at + out->len, most, text.at, text.len,
		    " \t\r\n", &n, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
		end != text.at + text.len) {
		out->at[out->len] = '\0';
		return ERR_PARSE;
	}
	out->len += n;
	out->at[out->len] = '\0';
	return 0;
}

int seal_to_base64(struct str bytes, struct buf *out)
{
	const size_t len = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
	int err = buf_reserve(out, len);

	if (err < 0)
		return err;
	sodium_bin2base64(out->at + out->len, len, (const unsigned char *)bytes.at, bytes.len,
		sodium_base64_VARIANT_ORIGINAL);
	out->len += len - 1; /* less the NUL */
	return 0;
}

void seal_sha256(struct str bytes, char out[SHA256_TEXT_BYTES])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)bytes.at, bytes.len);
	sodium_bin2hex(out, SHA256_TEXT_BYTES, hash, sizeof(hash));
}

int seal_sha256_file(const char *path, char out[SHA256_TEXT_BYTES])
{
	unsigned char piece[PIECE_BYTES];
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	/* A pipe would have us wait for who writes into it. */
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;
	int err;

	if (fd < 0)
		return err_from_errno(errno);
	err = fstat(fd, &st) != 0 ? err_from_errno(errno) : S_ISREG(st.st_mode) ? 0 : ERR_INVALID;
	crypto_hash_sha256_init(&state);
	while (!err && (n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = err_from_errno(errno);
			break;
		}
		crypto_hash_sha256_update(&state, piece, (unsigned long long)n);
	}
	close(fd);
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(out, SHA256_TEXT_BYTES, hash, sizeof(hash));
	return err;
}

/* The key of the pseudonyms. Until one is set they are keyed by chance: tags then change with every
 * start, but nobody can compute them. */
static struct {
	unsigned char key[crypto_generichash_blake2b_KEYBYTES];
	bool is_set;
	pthread_mutex_t lock;
} tags = {.lock = PTHREAD_MUTEX_INITIALIZER};

void seal_set_key(const unsigned char key[32])
{
	pthread_mutex_lock(&tags.lock);
	memcpy(tags.key, key, sizeof(tags.key));
	tags.is_set = true;
	pthread_mutex_unlock(&tags.lock);
}

/* 16 bytes of keyed BLAKE2b over platform, US, id. purpose keeps tag and UUID from resembling each
 * other, so that a log and a ledger cannot be joined by looking. */
static void hash_user(const char purpose[crypto_generichash_blake2b_PERSONALBYTES],
	struct str platform, struct str user_id, unsigned char out[16])
{
	crypto_generichash_blake2b_state state;

	pthread_mutex_lock(&tags.lock);
	if (!tags.is_set) {
		randombytes_buf(tags.key, sizeof(tags.key));
		tags.is_set = true;
	}
	crypto_generichash_blake2b_init_salt_personal(&state, tags.key, sizeof(tags.key), 16, NULL,
		(const unsigned char *)purpose);
	pthread_mutex_unlock(&tags.lock);
	crypto_generichash_blake2b_update(&state, (const unsigned char *)platform.at, platform.len);
	crypto_generichash_blake2b_update(&state, (const unsigned char *)"\x1f", 1);
	crypto_generichash_blake2b_update(&state, (const unsigned char *)user_id.at, user_id.len);
	crypto_generichash_blake2b_final(&state, out, 16);
	sodium_memzero(&state, sizeof(state));
}

void seal_user_tag(struct str platform, struct str user_id, char out[USER_TAG_BYTES])
{
	static const char purpose[16] = "mynah user tag";
	unsigned char hash[16];

	hash_user(purpose, platform, user_id, hash);
	memcpy(out, "u:", 2);
	sodium_bin2hex(out + 2, USER_TAG_BYTES - 2, hash, 8);
}

void seal_user_uuid(struct str platform, struct str user_id, char out[37])
{
	static const char purpose[16] = "mynah user uuid";
	unsigned char b[16];

	hash_user(purpose, platform, user_id, b);
	b[6] = (b[6] & 0x0f) | 0x80; /* version 8: RFC 9562, section 5.8 */
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		b[13], b[14], b[15]);
}
