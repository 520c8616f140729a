/* The last good version of every file, in state_dir/good. */
#include "bot/good.h"

#include "base/base.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* state_dir/good/KIND-NAME; KIND keeps a persona and a trigger file of one name apart. GIVES. */
static char *good_path(const char *state_dir, const char *kind, const char *name)
{
	struct buf b;
	char *path = NULL;

	buf_init(&b, 4096);
	if (!buf_addf(&b, "%s/good/%s-%s", state_dir, kind, name))
		path = buf_take(&b);
	buf_fini(&b);
	return path;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct conf_file *bot_good_load(const char *state_dir, const char *kind, const char *path)
{
	struct conf_report ignored;
	struct conf_file *f = NULL;
	struct buf text;
	char *good = good_path(state_dir, kind, base_name(path));

	if (!good)
		return NULL;
	conf_report_init(&ignored);
	buf_init(&text, CONF_FILE_BYTES);
	if (file_read(good, &text) || conf_file_parse(path, buf_str(&text), &ignored, &f))
		f = NULL;
	buf_fini(&text);
	conf_report_fini(&ignored);
	mem_free(good);
	return f;
}

bool bot_good_is(const char *state_dir, const char *kind, const struct conf_file *f)
{
	char *good = good_path(state_dir, kind, base_name(conf_file_path(f)));
	struct buf old;
	bool is;

	buf_init(&old, CONF_FILE_BYTES);
	is = good && !file_read(good, &old) && str_eq(buf_str(&old), conf_file_text(f));
	buf_fini(&old);
	mem_free(good);
	return is;
}

void bot_good_keep(const char *state_dir, const char *kind, const char *path, struct str text)
{
	char *good = good_path(state_dir, kind, base_name(path));
	int err = good ? file_replace(good, text, 0600) : ERR_NOMEM;

	if (err)
		log_event(LOG_ERROR, "bot", "good_copy_failed", "file", path, "error",
			err_name(err), NULL);
	mem_free(good);
}

void bot_good_prune(const char *state_dir, const char *kind, char **names, size_t n)
{
	char *dir = file_join(state_dir, "good");
	char **kept = NULL;
	size_t kept_n = 0, prefix = strlen(kind) + 1;

	if (dir && !file_names(dir, ".yaml", &kept, &kept_n)) {
		for (size_t i = 0; i < kept_n; i++) {
			bool is_there = strncmp(kept[i], kind, prefix - 1) != 0 ||
				kept[i][prefix - 1] != '-';

			for (size_t k = 0; k < n && !is_there; k++)
				is_there = strcmp(kept[i] + prefix, names[k]) == 0;
			char *path = is_there ? NULL : file_join(dir, kept[i]);
			if (path)
				unlink(path);
			mem_free(path);
		}
		file_names_free(kept, kept_n);
	}
	mem_free(dir);
}
