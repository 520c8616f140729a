/* mynah.yaml of a run: the file, else its last good version, with what the command line says in its
 * place. */
#include "bot/room.h"

#include <string.h>
#include <sys/stat.h>

#include "bot/good.h"

/* A config that is not even YAML: its line "state_dir: ...", if it has one, as a file by itself. */
static struct conf_file *state_dir_line(const char *path)
{
	static const char key[] = "state_dir:";
	const size_t n = sizeof(key) - 1;
	struct conf_report ignored;
	struct conf_file *f = NULL;
	struct str rest, line;
	struct buf text;

	conf_report_init(&ignored);
	buf_init(&text, CONF_FILE_BYTES);
	rest = file_read(path, &text) ? STR("") : buf_str(&text);
	while (rest.len > 0 && !f) {
		line = str_split(&rest, '\n');
		if (line.len > n && memcmp(line.at, key, n) == 0 &&
				conf_file_parse(path, line, &ignored, &f))
			f = NULL;
	}
	buf_fini(&text);
	conf_report_fini(&ignored);
	return f;
}

/* What the file says, else the default. GIVES. */
static char *state_dir_of(const struct bot_source *s, const struct conf_file *f)
{
	const struct conf_node *root = f ? conf_file_root(f) : NULL;
	const struct conf_node *n = root && conf_node_kind(root) == CONF_MAP
		? conf_node_find(root, "state_dir") : NULL;
	struct conf_report ignored;
	struct conf *fallback = NULL;
	char *dir = NULL;

	if (n && conf_node_kind(n) == CONF_SCALAR) {
		struct str text = conf_node_text(n);
		char *name = mem_dupn(text.at, text.len);
		char *folder = mem_dup(s->config);
		char *slash = folder ? strrchr(folder, '/') : NULL;

		if (slash)
			*slash = '\0';
		if (name && folder)
			dir = file_join(slash ? folder : ".", name);
		mem_free(name);
		mem_free(folder);
		return dir;
	}
	conf_report_init(&ignored);
	if (!conf_load(NULL, &ignored, &fallback))
		dir = mem_dup(fallback->state_dir);
	conf_free(fallback);
	conf_report_fini(&ignored);
	return dir;
}

/* The state folder before there is a config: said on the command line, that of the running bot,
 * else what the file seems to say, else the default. GIVES. */
static char *guess_state_dir(const struct bot_source *s, const struct conf_file *f)
{
	struct conf_file *line = NULL;
	char *dir;

	if (s->state_dir || s->before)
		return mem_dup(s->state_dir ? s->state_dir : s->before->state_dir);
	if (!f)
		f = line = state_dir_line(s->config);
	dir = state_dir_of(s, f);
	conf_file_free(line);
	return dir;
}

/* The last good version of a config that does not load. ERR_NOTFOUND: there is none. */
static int good_conf(const struct bot_source *s, const struct conf_file *f, struct conf **out)
{
	char *state = guess_state_dir(s, f);
	struct conf_file *good = state ? bot_good_load(state, "conf", s->config) : NULL;
	struct conf_report ignored;
	int err;

	conf_report_init(&ignored);
	err = good ? conf_build(good, &ignored, out) : ERR_NOTFOUND;
	conf_file_free(good);
	mem_free(state);
	conf_report_fini(&ignored);
	return err;
}

static int replace_text(char **member, const char *with)
{
	char *copy;

	if (!with)
		return 0;
	copy = mem_dup(with);
	if (!copy)
		return ERR_NOMEM;
	mem_free(*member);
	*member = copy;
	return 0;
}

int bot_conf_running(const struct bot_source *s, struct conf **out)
{
	struct conf_file *f = NULL;
	struct conf_report ignored;
	char *state = NULL;
	int err;

	conf_report_init(&ignored);
	err = s->config ? conf_file_load(s->config, &ignored, &f) : 0;
	if (!err)
		err = conf_build(f, &ignored, out);
	if (err && err != ERR_NOMEM && good_conf(s, f, out)) {
		state = guess_state_dir(s, f);
		err = state ? conf_load(NULL, &ignored, out) : ERR_NOMEM;
	} else if (err != ERR_NOMEM) {
		err = 0;
	}
	if (!err)
		err = replace_text(&(*out)->state_dir, state ? state : s->state_dir);
	conf_file_free(f);
	mem_free(state);
	conf_report_fini(&ignored);
	return err;
}

static void keep_conf(const char *state_dir, const struct conf_file *f)
{
	char *dir = file_join(state_dir, "good");

	if (dir && !file_make_dir(dir) && !bot_good_is(state_dir, "conf", f))
		bot_good_keep(state_dir, "conf", conf_file_path(f), conf_file_text(f));
	mem_free(dir);
}

/* Prompts and knowledge belong to the triggers that ask for them: without a folder of their own
 * they stand beside those. Where there is none, there are none. */
static int set_folder(const struct conf *c, char **member, const char *name)
{
	char *triggers, *slash;
	struct stat st;

	if (*member)
		return 0;
	triggers = mem_dup(c->triggers_dir);
	if (!triggers)
		return ERR_NOMEM;
	for (size_t n = strlen(triggers); n > 1 && triggers[n - 1] == '/'; n--)
		triggers[n - 1] = '\0';
	slash = strrchr(triggers, '/');
	if (slash)
		slash[slash == triggers] = '\0';
	*member = file_join(slash ? triggers : ".", name);
	mem_free(triggers);
	if (!*member)
		return ERR_NOMEM;
	if (stat(*member, &st) != 0 || !S_ISDIR(st.st_mode)) {
		mem_free(*member);
		*member = NULL;
	}
	return 0;
}

int bot_conf_load(const struct bot_source *s, struct conf_report *r, struct conf **out,
	bool *is_stale)
{
	struct conf_file *f = NULL;
	int err;

	*is_stale = false;
	if (!s->config) {
		err = conf_load(NULL, r, out);
		goto out;
	}
	err = conf_file_load(s->config, r, &f);
	if (!err)
		err = conf_build(f, r, out);
	*is_stale = err && err != ERR_NOMEM && s->uses_good && !good_conf(s, f, out);
	if (*is_stale)
		err = 0;
out:
	if (!err)
		err = replace_text(&(*out)->state_dir, s->state_dir);
	if (!err)
		err = replace_text(&(*out)->triggers_dir, s->triggers_dir);
	if (!err)
		err = replace_text(&(*out)->personas_dir, s->personas_dir);
	if (!err)
		err = replace_text(&(*out)->prompts_dir, s->prompts_dir);
	if (!err)
		err = set_folder(*out, &(*out)->prompts_dir, "prompts");
	if (!err)
		err = set_folder(*out, &(*out)->knowledge_dir, "knowledge");
	if (!err && f && !*is_stale && (s->uses_good || s->keeps_good))
		keep_conf((*out)->state_dir, f);
	conf_file_free(f);
	return err;
}
