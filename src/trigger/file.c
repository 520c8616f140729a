/* A file of triggers: all of them good, or none. */
#include "trigger/room.h"

void trigger_reading_note(struct trigger_reading *rd, int err)
{
	if (err == ERR_NOMEM)
		rd->is_nomem = true;
	else if (err < 0)
		rd->is_bad = true;
}

void trigger_reading_warn(
	struct trigger_reading *rd, const char *key, const char *hint, const char *what)
{
	const struct conf_node *n = conf_node_find(rd->entry, key);

	conf_complain(rd->report, rd->file, n ? n : rd->entry, 0, CONF_WARNING, hint, "%s", what);
}

static int read_all(
	struct trigger_reading *rd, const struct conf_node *root, struct trigger_file *file)
{
	size_t n = conf_node_count(root);
	bool is_good = true;

	file->triggers = mem_array(n + 1, sizeof(struct trigger *));
	if (!file->triggers)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct conf_node *key = conf_node_key(root, i);
		struct trigger *t = NULL;
		int err = trigger_rule_read(rd, key, conf_node_value(root, i), &t);

		if (err == ERR_NOMEM)
			return err;
		if (err < 0) {
			is_good = false;
			continue;
		}
		file->triggers[file->n++] = t;
	}
	return is_good ? 0 : ERR_INVALID;
}

int trigger_file_read(const struct conf_file *f, const struct trigger_refs *refs,
	struct conf_report *r, struct trigger_file **out)
{
	struct trigger_reading rd = {.file = f, .refs = refs, .report = r};
	const struct conf_node *root = conf_file_root(f);
	struct trigger_file *file = NULL;
	int err;

	if (conf_node_kind(root) != CONF_MAP) {
		conf_complain(r, f, root, 0, CONF_ERROR, "begin with a name: \"lurk:\"",
			"a trigger file is a map of names to triggers");
		return ERR_INVALID;
	}
	if (conf_node_count(root) > TRIGGER_COUNT_MAX) {
		conf_complain(r, f, root, 0, CONF_ERROR, "leave some out",
			"more than %d triggers", TRIGGER_COUNT_MAX);
		return ERR_LIMIT;
	}
	err = pattern_engine_new(false, &rd.engine);
	if (err < 0)
		goto out;
	file = mem_new(sizeof(*file));
	if (!file)
		err = ERR_NOMEM;
	else
		err = read_all(&rd, root, file);
out:
	pattern_engine_free(rd.engine);
	if (err < 0)
		trigger_file_free(file);
	else
		*out = file;
	return err;
}

void trigger_file_mark_known(struct trigger_file *f)
{
	f->is_known = true;
}

void trigger_file_free(struct trigger_file *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		trigger_fini(f->triggers[i]);
		mem_free(f->triggers[i]);
	}
	mem_free(f->triggers);
	mem_free(f);
}
