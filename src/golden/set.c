/* The cases of files and folders, and the hash that says which they were. */
#include "golden/room.h"

#include <sys/stat.h>

static int add_file(struct golden_set *s, const char *path, struct conf_report *r)
{
	struct golden_case **grown = mem_resize(s->at, (s->n + 1) * sizeof(*grown));
	int err;

	if (!grown)
		return ERR_NOMEM;
	s->at = grown;
	err = golden_case_read(path, r, &grown[s->n]);
	if (!err)
		s->n++;
	return err;
}

static int add_folder(struct golden_set *s, const char *dir, struct conf_report *r)
{
	char **names = NULL;
	size_t n = 0;
	int first = file_names(dir, ".yaml", &names, &n);

	if (first)
		conf_report_add(r, CONF_ERROR, dir, "name a folder of cases, or a case",
			"the cases cannot be read: %s", err_text(first));
	for (size_t i = 0; i < n; i++) {
		char *path = file_join(dir, names[i]);
		const int err = path ? add_file(s, path, r) : ERR_NOMEM;

		mem_free(path);
		first = first && first != ERR_NOMEM ? first : err ? err : first;
	}
	file_names_free(names, n);
	return first;
}

int golden_set_add(struct golden_set *s, const char *path, struct conf_report *r)
{
	struct stat st;
	const bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	const int err = is_folder ? add_folder(s, path, r) : add_file(s, path, r);

	return !err || err == ERR_NOMEM ? err : ERR_INVALID;
}

int golden_set_seal(struct golden_set *s)
{
	char hash[SHA256_TEXT_BYTES];
	struct buf all;
	int err = 0;

	buf_init(&all, FILE_NAMES_MAX * 512);
	for (size_t i = 0; !err && i < s->n; i++) {
		seal_sha256(conf_file_text(s->at[i]->file), hash);
		err = buf_addf(&all, "%s  %s\n", hash, s->at[i]->name);
	}
	if (!err)
		seal_sha256(buf_str(&all), s->hash);
	buf_fini(&all);
	return err;
}

void golden_set_fini(struct golden_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		golden_case_free(s->at[i]);
	mem_free(s->at);
	*s = (struct golden_set){0};
}
