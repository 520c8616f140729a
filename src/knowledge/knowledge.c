/* The folder of what the streamer wrote: its files, read, made harmless, cut and indexed. */
#include "knowledge/room.h"

#include <string.h>

#define SUFFIX ".md"

bool knowledge_is_name(const char *file, const char *name)
{
	const size_t n = strlen(name);

	return strncmp(file, name, n) == 0 && (file[n] == '\0' || strcmp(file + n, SUFFIX) == 0);
}

const char *const *knowledge_files(const struct knowledge *k, size_t *n)
{
	*n = k->file_count;
	return (const char *const *)k->files;
}

const struct knowledge_chunk *knowledge_chunks(const struct knowledge *k, size_t *n)
{
	*n = k->chunk_count;
	return k->chunks;
}

static void complain(struct conf_report *r, const char *path, int err)
{
	if (err == ERR_LIMIT)
		conf_report_add(r, CONF_ERROR, path, "leave out what nobody asks about",
			"all files of knowledge together have at most %d KiB",
			KNOWLEDGE_BYTES_MAX / 1024);
	else if (err == ERR_PARSE)
		conf_report_add(r, CONF_ERROR, path, "save it as UTF-8", "the file is no text");
	else
		conf_report_add(r, CONF_ERROR, path, NULL, "the file cannot be read: %s",
			err_text(err));
}

/* Reads one file into *text: GIVES. What is drawn invisibly or steers a terminal is left out. */
static int read_text(const char *path, size_t room, char **text)
{
	struct buf raw, clean;
	int err;

	buf_init(&raw, room);
	buf_init(&clean, KNOWLEDGE_BYTES_MAX + 1);
	err = file_read(path, &raw);
	if (!err && !text_is_utf8(buf_str(&raw)))
		err = ERR_PARSE;
	if (!err)
		err = text_scrub(buf_str(&raw), TEXT_NO_INVISIBLE | TEXT_FEW_MARKS, &clean);
	if (!err) {
		*text = buf_take(&clean);
		err = *text ? 0 : ERR_NOMEM;
	}
	buf_fini(&clean);
	buf_fini(&raw);
	return err;
}

static int read_one(struct knowledge *k, const char *dir, const char *name, struct conf_report *r)
{
	char *path = file_join(dir, name), *text = NULL;
	const size_t i = k->file_count;
	int err = path ? read_text(path, KNOWLEDGE_BYTES_MAX - k->bytes, &text) : ERR_NOMEM;

	if (err && err != ERR_NOMEM) {
		complain(r, path, err);
		err = ERR_INVALID;
	}
	if (!err && str_trim(str_of(text)).len == 0)
		conf_report_add(r, CONF_WARNING, path, "write something, or delete it",
			"the file is empty");
	mem_free(path);
	if (err)
		return err;
	k->texts[i] = text;
	k->files[i] = mem_dup(name);
	k->file_count++;
	if (!k->files[i])
		return ERR_NOMEM;
	k->bytes += strlen(text);
	return knowledge_cut(k, k->files[i], str_of(text));
}

static int read_all(struct knowledge *k, const char *dir, char **names, size_t n,
	struct conf_report *r)
{
	int first = 0;

	if (n > KNOWLEDGE_FILES_MAX) {
		conf_report_add(r, CONF_ERROR, dir, "put several topics into one file",
			"more than %d files of knowledge", KNOWLEDGE_FILES_MAX);
		n = KNOWLEDGE_FILES_MAX;
		first = ERR_INVALID;
	}
	k->files = mem_array(n + 1, sizeof(*k->files));
	k->texts = mem_array(n + 1, sizeof(*k->texts));
	if (!k->files || !k->texts)
		return ERR_NOMEM;
	for (size_t i = 0; i < n && first != ERR_NOMEM; i++) {
		const int err = read_one(k, dir, names[i], r);

		if (err == ERR_NOMEM || !first)
			first = err;
	}
	return first;
}

int knowledge_read(const char *dir, struct conf_report *r, struct knowledge **out)
{
	struct knowledge *k = mem_new(sizeof(*k));
	char **names = NULL;
	size_t n = 0;
	if (k)
		pthread_mutex_init(&k->lock, NULL);
	int err = k ? file_names(dir, SUFFIX, &names, &n) : ERR_NOMEM, failed;

	if (err && err != ERR_NOMEM) {
		conf_report_add(r, CONF_ERROR, dir,
			"make the folder, or say in mynah.yaml where the files are",
			"the folder of knowledge cannot be read: %s", err_text(err));
		err = ERR_INVALID;
	}
	if (!err)
		err = read_all(k, dir, names, n, r);
	file_names_free(names, n);
	failed = err == ERR_NOMEM ? err : k ? knowledge_index(k) : ERR_NOMEM;
	if (failed) {
		if (failed != ERR_NOMEM)
			conf_report_add(r, CONF_ERROR, dir, NULL, "SQLite cannot index the files");
		knowledge_free(k);
		return failed == ERR_NOMEM ? failed : ERR_INVALID;
	}
	*out = k;
	return err;
}

void knowledge_free(struct knowledge *k)
{
	if (!k)
		return;
	knowledge_index_free(k);
	pthread_mutex_destroy(&k->lock);
	for (size_t i = 0; i < k->file_count; i++) {
		mem_free(k->files[i]);
		mem_free(k->texts[i]);
	}
	mem_free(k->files);
	mem_free(k->texts);
	mem_free(k->chunks);
	mem_free(k);
}
