/* base/seal.h: secrets and hashes. Hides libsodium.
 *
 * A struct secret cannot be printed: it has no member to print, it is wiped when freed, its pages
 * are locked and kept out of core dumps. Its bytes come out only through secret_use, to be handed
 * to a library at once. */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include "base/buf.h"

/* Once at start, before threads. Also forbids core dumps and tracing unless debug is true. */
int seal_init(bool debug) MUST_USE;

struct secret;
int secret_new(struct str bytes, struct secret **out) MUST_USE; /* GIVES; copies bytes */
void secret_free(struct secret *s);                             /* wipes */
struct secret *secret_ref(struct secret *s);                    /* shares; NULL in, NULL out */
struct str secret_use(const struct secret *s); /* BORROWS; NUL-terminated; empty for NULL */
/* Does text hold the secret's bytes? The last check before anything goes public. */
bool secret_is_in(const struct secret *s, struct str text);
/* Is the guess right? Takes the same time whatever it is. False for an empty secret. */
bool secret_is_equal(const struct secret *s, struct str guess);
void secret_wipe(void *p, size_t n);

/* The sealed store: one file of named secrets, XChaCha20-Poly1305 under a key file (both 0600,
 * replaced atomically; the name is authenticated together with the value). */
struct vault;
/* Opens or creates. ERR_DENIED: key or file readable by others, wrong key, or tampered; ERR_PARSE:
 * not a vault; ERR_IO. Blocking: not on the loop. */
int vault_open(const char *dir, struct vault **out) MUST_USE;
void vault_close(struct vault *v);
int vault_get(struct vault *v, const char *name, struct secret **out) MUST_USE; /* ERR_NOTFOUND */
int vault_set(struct vault *v, const char *name, struct str value) MUST_USE; /* saved on return */
/* The same, unless is_mine says no to what is there at that moment (NULL = nothing): ERR_BUSY. */
int vault_replace(struct vault *v, const char *name, struct str value,
	bool (*is_mine)(void *ctx, const struct secret *there), void *ctx) MUST_USE;
int vault_remove(struct vault *v, const char *name) MUST_USE;
size_t vault_count(const struct vault *v);
const char *vault_name(const struct vault *v, size_t i);

#define SHA256_TEXT_BYTES 65
/* Adds the bytes that a base64 text stands for; white space in it does not matter. ERR_PARSE,
 * ERR_LIMIT; on failure nothing was added. */
int seal_from_base64(struct str text, struct buf *out) MUST_USE;
int seal_to_base64(struct str bytes, struct buf *out) MUST_USE;

void seal_sha256(struct str bytes, char out[SHA256_TEXT_BYTES]);
/* Of a file of any size, read piece by piece. Blocking. An error of errno's. */
int seal_sha256_file(const char *path, char out[SHA256_TEXT_BYTES]) MUST_USE;

/* Pseudonyms: keyed by a random key kept in the state folder (seal_set_key), so that the same user
 * has the same tag for ever and nobody else can compute it. */
#define USER_TAG_BYTES 19 /* "u:" + 16 hex + NUL */
void seal_set_key(const unsigned char key[32]);
void seal_user_tag(struct str platform, struct str user_id, char out[USER_TAG_BYTES]);
/* UUID version 8 of platform:user for the ledger. out has UUID_TEXT_BYTES. */
void seal_user_uuid(struct str platform, struct str user_id, char out[37]);

#endif
