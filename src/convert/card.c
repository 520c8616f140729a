/* Cards: what the formats have in common, and which one a file is. */
#include "convert/room.h"
#include "safety/safety.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const formats[CONVERT_FORMAT_COUNT] = {
	[CONVERT_TAVERN_V1] = "tavern-v1",
	[CONVERT_TAVERN_V2] = "tavern-v2",
	[CONVERT_TAVERN_V3] = "tavern-v3",
	[CONVERT_ELIZA] = "eliza",
	[CONVERT_MODELFILE] = "modelfile",
	[CONVERT_TEXT] = "text",
};

const char *convert_format_name(enum convert_format f)
{
	return (unsigned)f < CONVERT_FORMAT_COUNT ? formats[f] : "unknown";
}

int convert_format_parse(struct str s, enum convert_format *out)
{
	for (int i = 0; i < CONVERT_FORMAT_COUNT; i++) {
		if (str_is_nocase(s, formats[i])) {
			*out = (enum convert_format)i;
			return 0;
		}
	}
	return ERR_NOTFOUND;
}

enum convert_format convert_card_format(const struct convert_card *c)
{
	return c->format;
}

const char *convert_card_name(const struct convert_card *c)
{
	return c->name;
}

struct str convert_card_notes(const struct convert_card *c)
{
	return buf_str(&c->notes);
}

/* ---- What readers fill in -------------------------------------------------------------------- */

const char *convert_name(const struct convert_card *c)
{
	/* The name of a file that is not written yet: lengths are counted with the longest. */
	return c->name ? c->name
		       : "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
}

/* One scrubbed line of at most max bytes as a new string; *out stays NULL when nothing is left. */
static int make_line(struct str text, size_t max, char **out)
{
	struct buf line;
	int err;

	buf_init(&line, 4 * max + 64);
	err = safety_quote(text, max, &line);
	mem_free(*out);
	*out = NULL;
	if (err == 0 && line.len > 0) {
		*out = buf_take(&line);
		err = *out ? 0 : ERR_NOMEM;
	}
	buf_fini(&line);
	return err;
}

int convert_set_name(struct convert_card *c, struct str name)
{
	int err;

	/* What a command begins with cannot begin a name. */
	while (name.len > 0 && name.at[0] && strchr(" /.!@#", name.at[0]))
		name = (struct str){name.at + 1, name.len - 1};
	err = make_line(name, CONVERT_NAME_BYTES, &c->name);
	if (c->name && !safety_is_sayable(str_of(c->name), CONVERT_NAME_BYTES)) {
		mem_free(c->name);
		c->name = NULL;
	}
	return err;
}

int convert_set_summary(struct convert_card *c, struct str text)
{
	struct str rest = str_trim(text);

	return make_line(str_split(&rest, '\n'), CONVERT_LINE_BYTES, &c->summary);
}

/* Takes one number of a version off rest. */
static bool take_number(struct str *rest, char number[10])
{
	struct str word = str_split(rest, '.');
	int64_t n;

	if (word.len > 9 || str_int(word, &n) < 0 || n < 0)
		return false;
	snprintf(number, 10, "%d", (int)n); /* without leading zeros */
	return true;
}

int convert_set_version(struct convert_card *c, struct str text)
{
	char numbers[3][10] = {"0", "0", "0"};
	struct str rest = str_trim(text);
	struct buf version;
	int err;

	if (rest.len > 0 && (rest.at[0] == 'v' || rest.at[0] == 'V'))
		rest = (struct str){rest.at + 1, rest.len - 1};
	for (int i = 0; i < 3 && (i == 0 || rest.len > 0); i++) {
		if (!take_number(&rest, numbers[i]))
			return 0;
	}
	if (rest.len > 0)
		return 0;
	buf_init(&version, 32);
	err = buf_addf(&version, "%s.%s.%s", numbers[0], numbers[1], numbers[2]);
	if (err == 0) {
		c->version = buf_take(&version);
		err = c->version ? 0 : ERR_NOMEM;
	}
	buf_fini(&version);
	return err;
}

/* How much more the system text may take once {{char}} and {{user}} are filled in. */
static int room_left(const struct convert_card *c, size_t *left)
{
	struct buf filled;
	int err;

	buf_init(&filled, 16 * PERSONA_SYSTEM_BYTES);
	err = convert_fill(buf_str(&c->system), convert_name(c), "the viewer", &filled);
	*left = filled.len < PERSONA_SYSTEM_BYTES ? PERSONA_SYSTEM_BYTES - filled.len : 0;
	buf_fini(&filled);
	return err;
}

/* Adds a part that is clean, below its heading. ERR_LIMIT: nothing was added. */
static int add_clean(struct convert_card *c, const char *heading, struct str part)
{
	const size_t before = c->system.len;
	int err = buf_adds(&c->system, before > 0 ? "\n\n" : "");

	if (err == 0 && heading)
		err = buf_addf(&c->system, "%s:%c", heading,
			part.at[0] == '-' || memchr(part.at, '\n', part.len) ? '\n' : ' ');
	if (err == 0)
		err = buf_add_str(&c->system, part);
	if (err < 0)
		buf_truncate(&c->system, before);
	return err;
}

int convert_add_part(struct convert_card *c, const char *heading, struct str text)
{
	const size_t frame = (heading ? strlen(heading) : 0) + sizeof("\n\n:\n");
	size_t left;
	struct buf part;
	int err;

	if (str_trim(text).len == 0)
		return 0;
	buf_init(&part, 2 * PERSONA_SYSTEM_BYTES);
	err = room_left(c, &left);
	if (err == 0)
		err = convert_clean(text, convert_name(c), left > frame ? left - frame : 0, &part);
	if (err == ERR_LIMIT) {
		c->was_cut = true;
		err = 0;
	}
	if (err == 0 && str_trim(buf_str(&part)).len > 0)
		err = add_clean(c, heading, str_trim(buf_str(&part)));
	if (err == ERR_LIMIT) { /* what is not filled in yet may be longer */
		c->was_cut = true;
		err = 0;
	}
	buf_fini(&part);
	return err;
}

/* Could a chat hear it, once the macros are filled in? */
static bool is_heard(const struct convert_card *c, struct str reply)
{
	struct buf filled;
	bool is_good;

	buf_init(&filled, 2 * CONVERT_EXAMPLE_BYTES);
	is_good = convert_fill(reply, convert_name(c), "the viewer", &filled) == 0 &&
		  safety_is_sayable(buf_str(&filled), CONVERT_EXAMPLE_UNITS);
	buf_fini(&filled);
	return is_good;
}

int convert_add_example(struct convert_card *c, struct str user, struct str reply)
{
	struct convert_example *e = &c->examples[c->example_count];
	struct buf sides[2];
	int err = c->example_count < PERSONA_EXAMPLES ? 0 : ERR_LIMIT;

	for (int i = 0; i < 2; i++) {
		buf_init(&sides[i], CONVERT_EXAMPLE_BYTES);
		if (err == 0)
			err = convert_clean_line(i == 0 ? user : reply, convert_name(c),
				CONVERT_EXAMPLE_BYTES, &sides[i]);
		if (err == 0 && sides[i].len == 0)
			err = ERR_LIMIT;
	}
	if (err == 0 && !is_heard(c, buf_str(&sides[1])))
		err = ERR_LIMIT;
	if (err == 0) {
		e->user = buf_take(&sides[0]);
		e->reply = buf_take(&sides[1]);
		err = e->user && e->reply ? 0 : ERR_NOMEM;
		c->example_count++;
	} else if (err == ERR_LIMIT) {
		c->examples_lost++;
		err = 0;
	}
	buf_fini(&sides[0]);
	buf_fini(&sides[1]);
	return err;
}

void convert_note(struct convert_card *c, const char *fmt, ...)
{
	const size_t before = c->notes.len;
	va_list ap;

	va_start(ap, fmt);
	if (buf_addv(&c->notes, fmt, ap) < 0 || buf_addc(&c->notes, '\n') < 0)
		buf_truncate(&c->notes, before);
	va_end(ap);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static struct convert_card *make_card(void)
{
	struct convert_card *c = mem_new(sizeof(*c));

	if (!c)
		return NULL;
	c->temperature = NAN;
	buf_init(&c->system, 2 * PERSONA_SYSTEM_BYTES);
	buf_init(&c->notes, CONVERT_NOTES_BYTES);
	buf_init(&c->text, CONVERT_CARD_BYTES);
	return c;
}

/* An object: "{{char}} is ..." is plain text. */
static bool is_json(struct str s)
{
	struct str rest =
		s.len > 0 && s.at[0] == '{' ? str_trim((struct str){s.at + 1, s.len - 1}) : s;

	return rest.at != s.at && (rest.len == 0 || rest.at[0] == '"' || rest.at[0] == '}');
}

static int read_json(struct convert_card *c, struct str text, const char **why)
{
	int err = json_parse(text, CONVERT_CARD_BYTES, &c->root, why);

	if (err < 0)
		return err;
	if (convert_tavern_is(c->root))
		return convert_tavern_read(c, why);
	if (convert_eliza_is(c->root))
		return convert_eliza_read(c);
	*why = "this JSON is neither a Tavern card nor an eliza character";
	return ERR_INVALID;
}

static int read_text(struct convert_card *c, struct str text, const char **why)
{
	if (memchr(text.at, 0, text.len) || !text_is_utf8(text)) {
		*why = "this is neither a text nor a PNG";
		return ERR_PARSE;
	}
	int err = buf_add_str(&c->text, text);
	if (err < 0)
		return err;
	if (convert_modelfile_is(text))
		return convert_modelfile_read(c);
	c->format = CONVERT_TEXT;
	return convert_add_part(c, NULL, text);
}

static int read_any(struct convert_card *c, struct str bytes, const char **why)
{
	struct buf json;
	int err;

	while (bytes.len >= 3 && memcmp(bytes.at, "\xef\xbb\xbf", 3) == 0)
		bytes = (struct str){bytes.at + 3, bytes.len - 3};
	if (convert_picture_is(bytes)) {
		buf_init(&json, CONVERT_CARD_BYTES);
		err = convert_picture_card(bytes, &json, why);
		if (err == 0)
			err = read_json(c, buf_str(&json), why);
		buf_fini(&json);
		return err;
	}
	if (bytes.len > CONVERT_CARD_BYTES) {
		*why = "this file is too long for a card";
		return ERR_LIMIT;
	}
	if (is_json(str_trim(bytes)))
		return read_json(c, bytes, why);
	if (str_trim(bytes).len == 0) {
		*why = "this file is empty";
		return ERR_INVALID;
	}
	return read_text(c, bytes, why);
}

int convert_card_read(struct str bytes, struct convert_card **out, const char **why)
{
	struct convert_card *c = make_card();
	int err = c ? 0 : ERR_NOMEM;

	*why = "no memory";
	if (err == 0)
		err = read_any(c, bytes, why);
	if (err == 0 && c->system.len == 0) {
		*why = "nothing in it says who the persona is";
		err = ERR_INVALID;
	}
	if (err < 0) {
		convert_card_free(c);
		return err;
	}
	if (c->was_cut)
		convert_note(
			c, "what it says of itself beyond %d KiB", PERSONA_SYSTEM_BYTES / 1024);
	if (c->examples_lost > 0)
		convert_note(c, "examples that are too long for a chat line, or too many: %zu",
			c->examples_lost);
	*out = c;
	return 0;
}

void convert_card_free(struct convert_card *c)
{
	if (!c)
		return;
	mem_free(c->name);
	mem_free(c->summary);
	mem_free(c->version);
	for (size_t i = 0; i < c->example_count; i++) {
		mem_free(c->examples[i].user);
		mem_free(c->examples[i].reply);
	}
	json_free(c->root);
	buf_fini(&c->system);
	buf_fini(&c->notes);
	buf_fini(&c->text);
	mem_free(c);
}

int convert_card_of(const struct conf_file *f, const struct persona *p, struct convert_card **out)
{
	const struct conf_node *root = conf_file_root(f);
	const struct conf_node *examples = conf_node_find(root, "examples");
	struct convert_card *c = make_card();
	int err = c ? 0 : ERR_NOMEM;

	if (err == 0) {
		c->name = mem_dup(p->name);
		c->version = mem_dup(p->version);
		c->summary = p->description && p->description[0] ? mem_dup(p->description) : NULL;
		err = c->name && c->version ? 0 : ERR_NOMEM;
	}
	/* As it stands in the file: there the macros are macros still. */
	if (err == 0)
		err = buf_add_str(
			&c->system, str_trim(conf_node_text(conf_node_find(root, "system"))));
	for (size_t i = 0; i < p->example_count && err == 0; i++) {
		const struct conf_node *pair = conf_node_at(examples, i);
		struct str user = str_trim(conf_node_text(conf_node_find(pair, "user")));
		struct str reply = str_trim(conf_node_text(conf_node_find(pair, "reply")));

		c->examples[i].user = mem_dupn(user.at, user.len);
		c->examples[i].reply = mem_dupn(reply.at, reply.len);
		c->example_count++;
		err = c->examples[i].user && c->examples[i].reply ? 0 : ERR_NOMEM;
	}
	if (err < 0) {
		convert_card_free(c);
		return err;
	}
	c->temperature = p->temperature;
	c->max_tokens = p->max_tokens;
	*out = c;
	return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

int convert_card_keep(const struct convert_card *c, struct buf *out)
{
	if (c->format == CONVERT_ELIZA)
		return convert_eliza_keep(c, out);
	return c->root ? json_add(out, c->root) : buf_add_str(out, buf_str(&c->text));
}

static bool is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* What of the persona is no more as the card said. What the card did not say was made up. */
static unsigned edited_of(const struct convert_card *p, const struct convert_card *kept)
{
	unsigned edited = 0;

	if (kept->name && !is_same(p->name, kept->name))
		edited |= CONVERT_EDITED_NAME;
	if (!is_same(p->summary, kept->summary))
		edited |= CONVERT_EDITED_SUMMARY;
	if (!is_same(p->version, kept->version ? kept->version : CONVERT_FIRST_VERSION))
		edited |= CONVERT_EDITED_VERSION;
	if (!str_eq(buf_str(&p->system), buf_str(&kept->system)))
		edited |= CONVERT_EDITED_SYSTEM;
	if (p->example_count != kept->example_count)
		edited |= CONVERT_EDITED_EXAMPLES;
	for (size_t i = 0; i < p->example_count && i < kept->example_count; i++) {
		if (!is_same(p->examples[i].user, kept->examples[i].user) ||
			!is_same(p->examples[i].reply, kept->examples[i].reply))
			edited |= CONVERT_EDITED_EXAMPLES;
	}
	return edited;
}

static bool is_tavern(enum convert_format f)
{
	return f <= CONVERT_TAVERN_V3;
}

static int write_text(const struct convert_job *job, struct buf *out)
{
	int err =
		convert_fill(buf_str(&job->persona->system), job->persona->name, "the viewer", out);

	return err < 0 ? err : buf_addc(out, '\n');
}

int convert_card_write(const struct convert_card *persona, const struct convert_card *kept,
	enum convert_format f, struct buf *out)
{
	struct convert_job job = {.persona = persona, .format = f, .edited = CONVERT_EDITED_ALL};

	if (kept && (kept->format == f || (is_tavern(f) && is_tavern(kept->format)))) {
		job.kept = kept;
		job.edited = edited_of(persona, kept);
		if (job.edited == 0 && kept->format == f)
			return convert_card_keep(kept, out);
	}
	switch (f) {
	case CONVERT_TAVERN_V1:
	case CONVERT_TAVERN_V2:
	case CONVERT_TAVERN_V3: return convert_tavern_write(&job, out);
	case CONVERT_ELIZA: return convert_eliza_write(&job, out);
	case CONVERT_MODELFILE: return convert_modelfile_write(&job, out);
	case CONVERT_TEXT: return write_text(&job, out);
	}
	return ERR_INVALID;
}
