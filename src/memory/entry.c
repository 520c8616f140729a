/* A line as Redis keeps it: compact JSON, read back with distrust. */
#include "memory/room.h"

static struct str cut(struct str s, size_t max)
{
	if (s.len > max)
		s.len = text_cut(s, max, 0);
	return s;
}

struct line memory_line_cut(const struct line *l)
{
	struct line out = *l;

	out.name = cut(l->name, MEMORY_NAME_BYTES);
	out.text = cut(l->text, MEMORY_LINE_BYTES);
	/* A shortened id would name another message. */
	if (l->id.len > MEMORY_ID_BYTES)
		out.id = (struct str){NULL, 0};
	return out;
}

int memory_entry_write(const struct line *l, struct str author, struct buf *out)
{
	struct line c = memory_line_cut(l);
	int err;

	err = buf_addf(out, "{\"w\":%lld", (long long)c.wall_ms);
	if (!err && c.is_bot)
		err = buf_adds(out, ",\"b\":true");
	if (!err)
		err = buf_adds(out, ",\"n\":");
	if (!err)
		err = json_add_string(out, c.name);
	if (!err)
		err = buf_adds(out, ",\"t\":");
	if (!err)
		err = json_add_string(out, c.text);
	if (!err && c.id.len > 0)
		err = buf_adds(out, ",\"i\":");
	if (!err && c.id.len > 0)
		err = json_add_string(out, c.id);
	if (!err && author.len > 0)
		err = buf_adds(out, ",\"u\":");
	if (!err && author.len > 0)
		err = json_add_string(out, author);
	return err ? err : buf_addc(out, '}');
}

/* Adds s, scrubbed and at most max bytes of it, and says where. */
static int add_scrubbed(struct buf *strings, struct str s, size_t max, size_t *at, size_t *len)
{
	int err;

	s = cut(s, max);
	*at = strings->len;
	err = text_is_plain(s) ? buf_add_str(strings, s) : text_scrub(s, TEXT_CHAT, strings);
	*len = strings->len - *at;
	return err;
}

int memory_entry_read(struct str bytes, struct buf *strings, struct memory_entry *out)
{
	struct json *doc;
	struct str id, author;
	int err;

	err = json_parse(bytes, MEMORY_ENTRY_BYTES, &doc, NULL);
	if (err)
		return err;
	if (!json_is_object(doc) || !json_is_string(json_get(doc, "t"))) {
		err = ERR_PARSE;
		goto out;
	}
	*out = (struct memory_entry){
		.is_bot = json_bool(doc, "b", false),
		.wall_ms = json_int(doc, "w", 0),
	};
	if (out->wall_ms < 0) { /* before 1970: not ours, and no age can be reckoned from it */
		err = ERR_PARSE;
		goto out;
	}
	err = add_scrubbed(strings, json_str(doc, "n"), MEMORY_NAME_BYTES, &out->name_at,
		&out->name_len);
	if (!err)
		err = add_scrubbed(strings, json_str(doc, "t"), MEMORY_LINE_BYTES, &out->text_at,
			&out->text_len);
	id = json_str(doc, "i");
	if (id.len > MEMORY_ID_BYTES)
		id.len = 0;
	out->id_at = strings->len;
	out->id_len = id.len;
	if (!err)
		err = buf_add_str(strings, id);
	author = json_str(doc, "u");
	if (author.len > MEMORY_ID_BYTES && !err) /* not ours: nobody could have it erased */
		err = ERR_PARSE;
	out->author_at = strings->len;
	out->author_len = author.len;
	if (!err)
		err = buf_add_str(strings, author);
out:
	json_free(doc);
	return err;
}

struct str memory_entry_author(const struct memory_entry *e, const struct buf *strings)
{
	return (struct str){buf_text(strings) + e->author_at, e->author_len};
}

struct line memory_entry_line(const struct memory_entry *e, const struct buf *strings)
{
	const char *at = buf_text(strings);

	return (struct line){
		.is_bot = e->is_bot,
		.name = {at + e->name_at, e->name_len},
		.text = {at + e->text_at, e->text_len},
		.id = {at + e->id_at, e->id_len},
		.wall_ms = e->wall_ms,
	};
}
