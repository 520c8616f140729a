/* How other rooms read their files by hand: on to the end, whatever is wrong on the way. */
#include "conf/room.h"

void conf_note(struct conf_reading *rd, int err)
{
	if (err < 0 && (rd->err == 0 || err == ERR_NOMEM))
		rd->err = err;
}

void conf_wrong(struct conf_reading *rd, const struct conf_node *n, const char *hint,
	const char *fmt, ...)
{
	const struct conf_spot spot = {rd->file->path, buf_str(&rd->file->text), n->at, n->end};
	va_list ap;

	va_start(ap, fmt);
	conf_complain_spot(rd->report, &spot, CONF_ERROR, hint, fmt, ap);
	va_end(ap);
	conf_note(rd, ERR_INVALID);
}

void conf_read_map(struct conf_reading *rd, const struct conf_node *map,
	const struct conf_option *options, size_t n, void *into)
{
	conf_note(rd, conf_read(rd->report, rd->file, map, options, n, into));
}

char *conf_dup(struct conf_reading *rd, struct str text)
{
	char *copy = mem_dupn(text.at, text.len);

	conf_note(rd, copy ? 0 : ERR_NOMEM);
	return copy;
}

const struct conf_node *conf_about(const struct conf_reading *rd, const char *key)
{
	const struct conf_node *n = conf_node_find(rd->file->root, key);

	return n ? n : rd->file->root;
}

size_t conf_entries(struct conf_reading *rd, const struct conf_node *list, size_t max,
	const char *what, const char *hint)
{
	if (!list)
		return 0;
	if (conf_node_kind(list) != CONF_LIST) {
		conf_wrong(rd, list, hint, "%s are a list", what);
		return 0;
	}
	if (conf_node_count(list) <= max)
		return conf_node_count(list);
	conf_wrong(rd, conf_node_at(list, max), "leave some out", "more than %zu %s", max, what);
	return max;
}
