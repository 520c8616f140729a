/* base/vault_text.h: the sealed text of a vault and the entries it holds. Private to base. */
#ifndef BASE_VAULT_TEXT_H
#define BASE_VAULT_TEXT_H

#include "base/seal.h"

#define VAULT_KEY_BYTES   32
#define VAULT_ENTRIES_MAX 256 /* a token for every place and provider, many times over */
#define VAULT_NAME_BYTES  64
#define VAULT_VALUE_BYTES 8192 /* the longest tokens known are signed ones of about 4 KiB */
#define VAULT_FILE_BYTES  (4 * 1024 * 1024) /* VAULT_ENTRIES_MAX of the longest, in base64 */

/* In guarded memory. */
struct vault_keys {
	unsigned char file[VAULT_KEY_BYTES];  /* as in vault.key */
	unsigned char value[VAULT_KEY_BYTES]; /* of the values; derived */
	unsigned char seal[VAULT_KEY_BYTES];  /* of the last line; derived */
};

struct vault_entry {
	char *name;
	struct secret *value;
	struct vault_entry *prev, *next; /* utlist */
};

struct vault_entries {
	struct vault_entry *first;
	size_t n;
};

void vault_keys_derive(struct vault_keys *keys); /* value and seal, from file */

bool vault_is_name(struct str s); /* letters, digits and ._:-/ */
struct vault_entry *vault_entries_find(const struct vault_entries *list, struct str name);
/* Puts a copy of value into the list, in the place of the old one of that name if there is one.
 * ERR_LIMIT: too many. */
int vault_entries_put(struct vault_entries *list, struct str name, struct str value) MUST_USE;
int vault_entries_take_out(struct vault_entries *list, struct str name) MUST_USE; /* ERR_NOTFOUND */
void vault_entries_free(struct vault_entries *list); /* it is then empty */

int vault_text_write(
	const struct vault_keys *keys, const struct vault_entries *list, struct buf *out) MUST_USE;
/* Opens all entries into the empty list, or none. ERR_DENIED: wrong keys or tampered; ERR_PARSE. */
int vault_text_read(
	const struct vault_keys *keys, struct str text, struct vault_entries *list) MUST_USE;

#endif
