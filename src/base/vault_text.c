/* The sealed text of a vault:
 *
 *     mynah-vault 1
 *     NAME BASE64(nonce || XChaCha20-Poly1305 of the value)     one a secret, in order of birth
 *     seal BASE64(keyed BLAKE2b of all bytes before this line)
 *
 * A value is authenticated together with the first line and its name, so it cannot be moved to
 * another name; the last line authenticates the whole, so no entry can be taken out. The two keys
 * are derived from the key file. */
#include "base/vault_text.h"

#include <sodium.h>
#include <string.h>
#include <utlist.h>

#include "base/ascii.h"
#include "base/mem.h"

#define VAULT_HEAD "mynah-vault 1\n"
#define VAULT_SEAL "seal"

#define NONCE_BYTES  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEALED_BYTES (NONCE_BYTES + VAULT_VALUE_BYTES + TAG_BYTES)
#define MAC_BYTES    32
#define BASE64       sodium_base64_VARIANT_ORIGINAL

void vault_keys_derive(struct vault_keys *keys)
{
	static const char context[crypto_kdf_CONTEXTBYTES + 1] = "mynahvlt";

	crypto_kdf_derive_from_key(keys->value, VAULT_KEY_BYTES, 1, context, keys->file);
	crypto_kdf_derive_from_key(keys->seal, VAULT_KEY_BYTES, 2, context, keys->file);
}

/* ---- Entries --------------------------------------------------------------------------------- */

bool vault_is_name(struct str s)
{
	static const char others[] = "._:-/";

	if (s.len == 0 || s.len > VAULT_NAME_BYTES || str_is(s, VAULT_SEAL))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!ascii_is_alnum(c) && !memchr(others, c, sizeof(others) - 1))
			return false;
	}
	return true;
}

static void free_entry(struct vault_entry *e)
{
	if (!e)
		return;
	secret_free(e->value);
	mem_free(e->name);
	mem_free(e);
}

void vault_entries_free(struct vault_entries *list)
{
	struct vault_entry *e, *next;

	DL_FOREACH_SAFE (list->first, e, next)
		free_entry(e);
	*list = (struct vault_entries){0};
}

struct vault_entry *vault_entries_find(const struct vault_entries *list, struct str name)
{
	struct vault_entry *e;

	DL_FOREACH (list->first, e) {
		if (str_is(name, e->name))
			return e;
	}
	return NULL;
}

int vault_entries_put(struct vault_entries *list, struct str name, struct str value)
{
	struct vault_entry *old = vault_entries_find(list, name);
	struct vault_entry *e;
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

int vault_entries_take_out(struct vault_entries *list, struct str name)
{
	struct vault_entry *e = vault_entries_find(list, name);

	if (!e)
		return ERR_NOTFOUND;
	DL_DELETE(list->first, e);
	free_entry(e);
	list->n--;
	return 0;
}

/* ---- Sealing --------------------------------------------------------------------------------- */

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

static int write_entry(const struct vault_keys *keys, const struct vault_entry *e, struct buf *out)
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

int vault_text_write(
	const struct vault_keys *keys, const struct vault_entries *list, struct buf *out)
{
	unsigned char mac[MAC_BYTES];
	const struct vault_entry *e;
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

	/* libsodium 1.0.18 takes some bytes with the high bit set for letters. */
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.at[i] > 0x7f)
			return ERR_PARSE;
	}
	if (sodium_base642bin(out, max, text.at, text.len, NULL, n, &end, BASE64) != 0 ||
		end != text.at + text.len)
		return ERR_PARSE;
	return 0;
}

static int read_entry(const struct vault_keys *keys, struct str name, struct str base64,
	struct vault_entries *list)
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
	err = !vault_is_name(name) || vault_entries_find(list, name) ? ERR_PARSE
								     : add_context(&context, name);
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
		err = vault_entries_put(list, name, (struct str){(char *)plain, (size_t)len});
out:
	sodium_free(plain);
	buf_fini(&context);
	mem_free(sealed);
	return err;
}

/* Is the last line the true seal of what stands before it? Gives what stands between. */
static int open_seal(const struct vault_keys *keys, struct str text, struct str *body)
{
	static const size_t line =
		sizeof(VAULT_SEAL) +
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

int vault_text_read(const struct vault_keys *keys, struct str text, struct vault_entries *list)
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
