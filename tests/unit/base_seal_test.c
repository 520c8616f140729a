/* base/seal: secrets, the vault, pseudonyms. */
#include "unit.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const vault_files[] = {"vault", "vault.key"};

static struct secret *make(const char *text)
{
	struct secret *s;

	assert_int_equal(secret_new(str_of(text), &s), 0);
	return s;
}

/* ---- Secrets --------------------------------------------------------------------------------- */

static void a_secret_is_shared_and_used(void **state)
{
	struct secret *s = make("hunter2"), *twin = secret_ref(s);

	(void)state;
	assert_ptr_equal(s, twin);
	secret_free(s);
	assert_str(secret_use(twin), STR("hunter2"));
	assert_int_equal(secret_use(twin).at[7], '\0');
	secret_free(twin);
	secret_free(NULL);
	assert_null(secret_ref(NULL));
	assert_str(secret_use(NULL), STR(""));
	assert_non_null(secret_use(NULL).at);
}

static void the_bytes_of_a_secret_cannot_be_overwritten(void **state)
{
	struct secret *s = make("hunter2");
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	/* The kernel writes for us, and says instead of dying that it may not. */
	assert_int_equal(read(ends[0], (char *)(uintptr_t)secret_use(s).at, 1), -1);
	close(ends[0]);
	close(ends[1]);
	assert_str(secret_use(s), STR("hunter2"));
	secret_free(s);
}

static void a_secret_is_found_inside_text(void **state)
{
	struct secret *s = make("hunter2"), *empty = make("");

	(void)state;
	assert_true(secret_is_in(s, STR("my password is hunter2!")));
	assert_true(secret_is_in(s, STR("hunter2")));
	assert_true(secret_is_in(s, BYTES("nul\0hunter2")));
	assert_false(secret_is_in(s, STR("hunter")));
	assert_false(secret_is_in(s, STR("")));
	assert_false(secret_is_in(empty, STR("anything")));
	assert_false(secret_is_in(NULL, STR("anything")));
	secret_free(s);
	secret_free(empty);
}

static void a_secret_equals_its_own_bytes_only(void **state)
{
	struct secret *s = make("hunter2"), *empty = make("");

	(void)state;
	assert_true(secret_is_equal(s, STR("hunter2")));
	assert_false(secret_is_equal(s, STR("hunter")));
	assert_false(secret_is_equal(s, STR("hunter22")));
	assert_false(secret_is_equal(s, STR("")));
	assert_false(secret_is_equal(empty, STR("")));
	assert_false(secret_is_equal(NULL, STR("")));
	secret_free(s);
	secret_free(empty);
}

static void nobody_may_look_into_the_process(void **state)
{
	struct rlimit core;
	int status;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (seal_init(true) || prctl(PR_GET_DUMPABLE) != 1)
			_exit(1);
		if (seal_init(false) || prctl(PR_GET_DUMPABLE) != 0)
			_exit(2);
		if (getrlimit(RLIMIT_CORE, &core) || core.rlim_max != 0)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- The vault ------------------------------------------------------------------------------- */

static struct vault *open_vault(const char *dir)
{
	struct vault *v;

	assert_int_equal(vault_open(dir, &v), 0);
	return v;
}

static void expect_held(struct vault *v, const char *name, const char *value)
{
	struct secret *s;

	assert_int_equal(vault_get(v, name, &s), 0);
	assert_str(secret_use(s), str_of(value));
	secret_free(s);
}

static void a_vault_keeps_what_was_put_in(void **state)
{
	char *dir = unit_make_folder();
	struct vault *v = open_vault(dir);
	struct secret *s;

	(void)state;
	assert_int_equal(vault_count(v), 0);
	assert_int_equal(vault_get(v, "twitch", &s), ERR_NOTFOUND);
	assert_null(s);
	assert_int_equal(vault_set(v, "twitch", STR("oauth:abc")), 0);
	assert_int_equal(vault_set(v, "empty", STR("")), 0);
	assert_int_equal(vault_set(v, "bytes", BYTES("\0\n\xFF ")), 0);
	assert_int_equal(vault_set(v, "twitch", STR("oauth:def")), 0);
	vault_close(v);

	v = open_vault(dir);
	assert_int_equal(vault_count(v), 3);
	assert_string_equal(vault_name(v, 0), "twitch");
	assert_string_equal(vault_name(v, 2), "bytes");
	assert_null(vault_name(v, 3));
	expect_held(v, "twitch", "oauth:def");
	expect_held(v, "empty", "");
	assert_int_equal(vault_get(v, "bytes", &s), 0);
	assert_int_equal(vault_remove(v, "bytes"), 0);
	assert_str(secret_use(s), BYTES("\0\n\xFF ")); /* still ours */
	secret_free(s);
	assert_int_equal(vault_remove(v, "bytes"), ERR_NOTFOUND);
	vault_close(v);

	v = open_vault(dir);
	assert_int_equal(vault_count(v), 2);
	vault_close(v);
	vault_close(NULL);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void names_and_values_have_limits(void **state)
{
	static const char *const bad[] = {"", "a b", "a\nb", "seal", "\xC3\xA9",
		"12345678901234567890123456789012345678901234567890123456789012345"};
	static const char big[8193];
	char *dir = unit_make_folder();
	struct vault *v = open_vault(dir);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_case(i, vault_set(v, bad[i], STR("x")) == ERR_INVALID);
	assert_int_equal(vault_set(v, "big", (struct str){big, sizeof(big)}), ERR_LIMIT);
	assert_int_equal(vault_set(v, "big", (struct str){big, sizeof(big) - 1}), 0);
	vault_close(v);
	v = open_vault(dir);
	assert_int_equal(vault_count(v), 1);
	vault_close(v);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void two_who_have_it_open_do_not_undo_each_other(void **state)
{
	char *dir = unit_make_folder();
	struct vault *daemon = open_vault(dir), *person = open_vault(dir);

	(void)state;
	assert_int_equal(vault_set(person, "openai", STR("sk-1")), 0);
	assert_int_equal(vault_set(daemon, "twitch", STR("oauth:new")), 0);
	expect_held(daemon, "openai", "sk-1");
	vault_close(daemon);
	vault_close(person);
	person = open_vault(dir);
	expect_held(person, "openai", "sk-1");
	expect_held(person, "twitch", "oauth:new");
	vault_close(person);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static bool is_old(void *ctx, const struct secret *there)
{
	++*(unsigned *)ctx;
	return str_is(secret_use(there), "oauth:old");
}

static void what_somebody_else_put_there_is_not_replaced(void **state)
{
	char *dir = unit_make_folder();
	struct vault *daemon = open_vault(dir), *person = open_vault(dir);
	unsigned asked = 0;

	(void)state;
	assert_int_equal(vault_set(daemon, "twitch", STR("oauth:old")), 0);
	assert_int_equal(vault_set(person, "twitch", STR("oauth:person")), 0);
	assert_int_equal(
		vault_replace(daemon, "twitch", STR("oauth:new"), is_old, &asked), ERR_BUSY);
	assert_int_equal(vault_set(person, "twitch", STR("oauth:old")), 0);
	assert_int_equal(vault_replace(daemon, "twitch", STR("oauth:new"), is_old, &asked), 0);
	assert_int_equal(asked, 2);
	expect_held(daemon, "twitch", "oauth:new");
	vault_close(daemon);
	vault_close(person);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void nothing_readable_is_in_the_file_and_nobody_else_reads_it(void **state)
{
	char *dir = unit_make_folder();
	struct vault *v = open_vault(dir);
	struct buf b;

	(void)state;
	assert_int_equal(vault_set(v, "twitch", STR("oauth:abcdefgh")), 0);
	vault_close(v);
	buf_init(&b, 65536);
	for (size_t i = 0; i < COUNT(vault_files); i++) {
		char *path = file_join(dir, vault_files[i]);
		struct stat st;
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(file_read(path, &b), 0);
		assert_null(memmem(b.at, b.len, "abcd", 4));
		for (unsigned mode = 0604; mode <= 0640; mode += 034) {
			assert_int_equal(chmod(path, mode), 0);
			assert_int_equal(vault_open(dir, &v), ERR_DENIED);
			assert_null(v);
		}
		assert_int_equal(chmod(path, 0600), 0);
		mem_free(path);
	}
	buf_fini(&b);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void expect_refused(const char *dir, size_t at)
{
	struct vault *v;
	int err = vault_open(dir, &v);

	if (err != ERR_DENIED && err != ERR_PARSE)
		fail_msg("byte %zu: %s", at, err_name(err));
	assert_null(v);
}

/* faults.md Z4: each byte changed, each length cut, the key as well as the vault. */
static void a_changed_byte_anywhere_is_found(void **state)
{
	char *dir = unit_make_folder();
	struct vault *v = open_vault(dir);
	struct buf b;

	(void)state;
	assert_int_equal(vault_set(v, "twitch", STR("oauth:abc")), 0);
	assert_int_equal(vault_set(v, "openai", STR("sk-1")), 0);
	vault_close(v);
	buf_init(&b, 65536);
	for (size_t f = 0; f < COUNT(vault_files); f++) {
		char *path = file_join(dir, vault_files[f]);
		buf_clear(&b);
		assert_int_equal(file_read(path, &b), 0);
		for (size_t i = 0; i < b.len; i++) {
			int fd = open(path, O_WRONLY);
			char changed = (char)(b.at[i] ^ (1 << i % 8));
			assert_int_equal(pwrite(fd, &changed, 1, (off_t)i), 1);
			expect_refused(dir, i);
			assert_int_equal(pwrite(fd, &b.at[i], 1, (off_t)i), 1);
			close(fd);
		}
		for (size_t n = b.len; n-- > 0;) {
			assert_int_equal(truncate(path, (off_t)n), 0);
			expect_refused(dir, n);
		}
		assert_int_equal(file_replace(path, buf_str(&b), 0600), 0);
		mem_free(path);
	}
	v = open_vault(dir);
	expect_held(v, "twitch", "oauth:abc");
	vault_close(v);
	buf_fini(&b);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

/* Whole lines that are genuine by themselves: swapped, taken out, given each other's name. */
static void genuine_lines_in_the_wrong_place_are_found(void **state)
{
	char *dir = unit_make_folder(), *path = file_join(dir, "vault");
	struct vault *v = open_vault(dir);
	struct str line[4], rest;
	struct buf b, forged;

	(void)state;
	assert_int_equal(vault_set(v, "a", STR("one")), 0);
	assert_int_equal(vault_set(v, "b", STR("two")), 0);
	vault_close(v);
	buf_init(&b, 65536);
	buf_init(&forged, 65536);
	assert_int_equal(file_read(path, &b), 0);
	rest = buf_str(&b);
	for (size_t i = 0; i < 4; i++)
		line[i] = str_split(&rest, '\n');
	static const size_t orders[][4] = {{0, 2, 1, 3}, {0, 1, 3, 3}, {0, 1, 1, 3}, {0, 2, 2, 3}};
	for (size_t i = 0; i < COUNT(orders); i++) {
		buf_clear(&forged);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(buf_addf(&forged, "%.*s\n", STR_FMT(line[orders[i][k]])),
				0);
		assert_int_equal(file_replace(path, buf_str(&forged), 0600), 0);
		expect_refused(dir, i);
	}
	buf_fini(&b);
	buf_fini(&forged);
	mem_free(path);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void a_lost_or_foreign_key_is_said_and_not_replaced(void **state)
{
	char *dir = unit_make_folder(), *key = file_join(dir, "vault.key");
	struct vault *v = open_vault(dir);

	(void)state;
	vault_close(v);
	assert_int_equal(unlink(key), 0);
	assert_int_equal(vault_open(dir, &v), ERR_DENIED);
	assert_int_equal(access(key, F_OK), -1);
	assert_int_equal(file_replace(key, STR("01234567890123456789012345678901"), 0600), 0);
	assert_int_equal(vault_open(dir, &v), ERR_DENIED);
	assert_int_equal(file_replace(key, STR("012345678901234567890123456789012"), 0600), 0);
	assert_int_equal(vault_open(dir, &v), ERR_PARSE);
	mem_free(key);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void without_memory_the_vault_is_what_it_was(void **state)
{
	char *dir = unit_make_folder();
	struct vault *v = open_vault(dir);
	unsigned long n = 0;
	int err;

	(void)state;
	assert_int_equal(vault_set(v, "twitch", STR("old")), 0);
	do {
		assert_in_range(++n, 1, 200);
		mem_fail_at(n, 1);
		err = vault_set(v, "twitch", STR("new"));
		mem_fail_at(0, 0);
		/* Out of memory can only be too late for the folder's fsync: then it is saved. */
		assert_true(err == 0 || err == ERR_NOMEM);
		expect_held(v, "twitch", err ? "old" : "new");
	} while (err);
	vault_close(v);
	for (n = 1;; n++) {
		mem_fail_at(n, 1);
		err = vault_open(dir, &v);
		mem_fail_at(0, 0);
		if (!err)
			break;
		assert_int_equal(err, ERR_NOMEM);
		assert_null(v);
	}
	expect_held(v, "twitch", "new");
	vault_close(v);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

/* ---- Hashes ---------------------------------------------------------------------------------- */

static void sha256_gives_the_published_values(void **state)
{
	char hex[SHA256_TEXT_BYTES];

	(void)state;
	seal_sha256(STR(""), hex); /* FIPS 180-4 examples */
	assert_string_equal(hex,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	seal_sha256(STR("abc"), hex);
	assert_string_equal(hex,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_user_has_one_tag_under_one_key(void **state)
{
	static const unsigned char key[32] = {1}, other_key[32] = {2};
	char tag[USER_TAG_BYTES], again[USER_TAG_BYTES], uuid[37];

	(void)state;
	seal_user_tag(STR("twitch"), STR("42"), tag); /* without a key: chance, but steady */
	seal_user_tag(STR("twitch"), STR("42"), again);
	assert_string_equal(tag, again);

	seal_set_key(key);
	seal_user_tag(STR("twitch"), STR("42"), again);
	assert_string_not_equal(tag, again);
	assert_int_equal(strlen(again), 18);
	assert_memory_equal(again, "u:", 2);
	assert_int_equal(strspn(again + 2, "0123456789abcdef"), 16);
	/* Kept for ever: a later version must give the same. */
	assert_string_equal(again, "u:e6ee849a646f2685");
	seal_user_uuid(STR("twitch"), STR("42"), uuid);
	assert_string_equal(uuid, "a6d4d77f-f83c-8717-a24e-14057ff78c2a");
	assert_int_equal(uuid[14], '8');
	assert_non_null(strchr("89ab", uuid[19]));

	seal_user_tag(STR("twitch"), STR("43"), tag);
	assert_string_not_equal(tag, again);
	seal_user_tag(STR("twitch4"), STR("2"), tag);
	assert_string_not_equal(tag, again);
	seal_set_key(other_key);
	seal_user_tag(STR("twitch"), STR("42"), tag);
	assert_string_not_equal(tag, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_shared_and_used),
		cmocka_unit_test(the_bytes_of_a_secret_cannot_be_overwritten),
		cmocka_unit_test(a_secret_is_found_inside_text),
		cmocka_unit_test(a_secret_equals_its_own_bytes_only),
		cmocka_unit_test(nobody_may_look_into_the_process),
		cmocka_unit_test(a_vault_keeps_what_was_put_in),
		cmocka_unit_test(names_and_values_have_limits),
		cmocka_unit_test(two_who_have_it_open_do_not_undo_each_other),
		cmocka_unit_test(what_somebody_else_put_there_is_not_replaced),
		cmocka_unit_test(nothing_readable_is_in_the_file_and_nobody_else_reads_it),
		cmocka_unit_test(a_changed_byte_anywhere_is_found),
		cmocka_unit_test(genuine_lines_in_the_wrong_place_are_found),
		cmocka_unit_test(a_lost_or_foreign_key_is_said_and_not_replaced),
		cmocka_unit_test(without_memory_the_vault_is_what_it_was),
		cmocka_unit_test(sha256_gives_the_published_values),
		cmocka_unit_test(a_user_has_one_tag_under_one_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
