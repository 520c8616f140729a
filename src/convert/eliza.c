/* Characters of elizaOS (docs.elizaos.ai, "Character interface", 2026-08).
 *
 * Keys, plugins and files they name are none of a persona's business: keys are not even kept. */
#include "convert/room.h"

#include <math.h>
#include <string.h>

bool convert_eliza_is(const struct json *root)
{
	return json_is_string(json_get(root, "name")) &&
	       (json_get(root, "bio") || json_get(root, "messageExamples") ||
		       json_get(root, "style") || json_is_string(json_get(root, "system")));
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The texts of a list, or of one text, with before in front of each. Things that are no texts are
 * left out; *others counts them. */
static int join(const struct json *list, const char *before, struct buf *out, size_t *others)
{
	int err = json_is_string(list) ? buf_add_str(out, json_text(list)) : 0;

	for (size_t i = 0; i < json_count(list) && err == 0; i++) {
		if (!json_is_string(json_at(list, i)) || i >= CONVERT_LIST_MAX) {
			++*others;
			continue;
		}
		if (out->len > 0 || strchr(before, '-'))
			err = buf_adds(out, before);
		if (err == 0)
			err = buf_add_str(out, json_text(json_at(list, i)));
	}
	return err;
}

static int add_list(struct convert_card *c, const char *heading, const char *before,
	const struct json *list, size_t *others)
{
	struct buf text;
	int err;

	buf_init(&text, CONVERT_CARD_BYTES);
	err = join(list, before, &text, others);
	if (err == 0)
		err = convert_add_part(c, heading, buf_str(&text));
	buf_fini(&text);
	return err;
}

/* Each conversation gives its first two lines of two speakers. */
static int read_examples(struct convert_card *c)
{
	const struct json *all = json_get(c->root, "messageExamples");
	int err = 0;

	for (size_t i = 0; i < json_count(all) && i < CONVERT_LIST_MAX && err == 0; i++) {
		const struct json *first = json_at(json_at(all, i), 0);
		const struct json *second = json_at(json_at(all, i), 1);
		const struct str user = json_str(json_get(first, "content"), "text");
		const struct str reply = json_str(json_get(second, "content"), "text");

		if (user.len > 0 && reply.len > 0)
			err = convert_add_example(c, user, reply);
	}
	return err;
}

static bool has_keys(const struct json *root)
{
	return json_get(root, "secrets") || json_get(json_get(root, "settings"), "secrets");
}

int convert_eliza_read(struct convert_card *c)
{
	const struct json *root = c->root, *style = json_get(root, "style");
	const struct json *settings = json_get(root, "settings");
	size_t others = 0, ignored = 0;
	int err;

	c->format = CONVERT_ELIZA;
	c->temperature = json_number(settings, "temperature", NAN);
	c->max_tokens = json_int(settings, "maxTokens", 0);
	err = convert_set_name(c, json_str(root, "name"));
	if (err == 0)
		err = convert_add_part(c, NULL, json_str(root, "system"));
	if (err == 0)
		err = add_list(c, NULL, "\n", json_get(root, "bio"), &ignored);
	if (err == 0)
		err = add_list(c, NULL, "\n", json_get(root, "lore"), &ignored);
	if (err == 0)
		err = add_list(
			c, "What you are like", ", ", json_get(root, "adjectives"), &ignored);
	if (err == 0)
		err = add_list(
			c, "What you like to talk about", ", ", json_get(root, "topics"), &ignored);
	if (err == 0)
		err = add_list(c, "How you talk", "\n- ", json_get(style, "all"), &ignored);
	if (err == 0)
		err = add_list(c, "How you chat", "\n- ", json_get(style, "chat"), &ignored);
	if (err == 0)
		err = add_list(c, "What you know", "\n- ", json_get(root, "knowledge"), &others);
	if (err == 0)
		err = read_examples(c);
	if (others > 0)
		convert_note(c, "files and folders of knowledge: %zu", others);
	if (json_count(json_get(root, "plugins")) > 0)
		convert_note(c, "its plugins");
	if (has_keys(root))
		convert_note(c, "its keys and passwords, which are kept nowhere");
	return err;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Copies all members but `secrets`. */
static void copy_setting(void *ctx, const char *key, const struct json *value)
{
	if (strcmp(key, "secrets") != 0)
		convert_object_copy(ctx, key, value);
}

static void copy_safe(struct convert_object *o, const char *key, const struct json *value)
{
	struct convert_object settings;

	if (strcmp(key, "secrets") == 0)
		return;
	if (strcmp(key, "settings") != 0 || !json_is_object(value)) {
		convert_object_copy(o, key, value);
		return;
	}
	convert_object_key(o, key);
	convert_object_begin(&settings, o->out);
	json_each(value, copy_setting, &settings);
	if (convert_object_end(&settings) < 0 && o->err == 0)
		o->err = settings.err;
}

static void keep_member(void *ctx, const char *key, const struct json *value)
{
	copy_safe(ctx, key, value);
}

int convert_eliza_keep(const struct convert_card *c, struct buf *out)
{
	struct convert_object o;

	convert_object_begin(&o, out);
	json_each(c->root, keep_member, &o);
	return convert_object_end(&o);
}

/* {{char}} is nothing to eliza. */
static int fill(const struct convert_card *p, const char *text, const char *user, struct buf *out)
{
	return convert_fill(str_of(text), p->name, user, out);
}

static int add_message(
	const struct convert_card *p, const char *name, const char *text, struct buf *out)
{
	struct buf filled;
	int err;

	buf_init(&filled, 64 * CONVERT_EXAMPLE_BYTES);
	err = fill(p, text, "{{user1}}", &filled);
	if (err == 0)
		err = buf_adds(out, "{\"name\":");
	if (err == 0)
		err = json_add_string(out, str_of(name));
	if (err == 0)
		err = buf_adds(out, ",\"content\":{\"text\":");
	if (err == 0)
		err = json_add_string(out, buf_str(&filled));
	if (err == 0)
		err = buf_adds(out, "}}");
	buf_fini(&filled);
	return err;
}

static int add_examples(const struct convert_card *p, struct buf *out)
{
	int err = buf_addc(out, '[');

	for (size_t i = 0; i < p->example_count && err == 0; i++) {
		err = buf_adds(out, i > 0 ? ",[" : "[");
		if (err == 0)
			err = add_message(p, "{{user1}}", p->examples[i].user, out);
		if (err == 0)
			err = buf_addc(out, ',');
		if (err == 0)
			err = add_message(p, p->name, p->examples[i].reply, out);
		if (err == 0)
			err = buf_addc(out, ']');
	}
	return err < 0 ? err : buf_addc(out, ']');
}

/* Members of a character, and what edit of the persona decides them. Those that became part of the
 * system text are emptied when that is edited. */
static const struct member {
	const char *key;
	unsigned edited;
	const char *empty; /* NULL: the persona has something to say */
} members[] = {
	{"name", CONVERT_EDITED_NAME, NULL},
	{"system", CONVERT_EDITED_SYSTEM, NULL},
	{"bio", CONVERT_EDITED_SYSTEM, "[]"},
	{"messageExamples", CONVERT_EDITED_EXAMPLES, NULL},
	{"adjectives", CONVERT_EDITED_SYSTEM, "[]"},
	{"topics", CONVERT_EDITED_SYSTEM, "[]"},
	{"style", CONVERT_EDITED_SYSTEM, "{\"all\":[],\"chat\":[],\"post\":[]}"},
	{"lore", CONVERT_EDITED_SYSTEM, "[]"},
	{"knowledge", CONVERT_EDITED_SYSTEM, "[]"},
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))
#define NEEDED  4 /* the first ones are in every character */

struct writing {
	const struct convert_job *job;
	struct convert_object object;
	unsigned seen;
};

static void write_edited(struct writing *w, const struct member *m)
{
	const struct convert_card *p = w->job->persona;
	struct convert_object *o = &w->object;
	struct buf value;
	int err = 0;

	buf_init(&value, CONVERT_CARD_BYTES);
	if (strcmp(m->key, "name") == 0) {
		err = json_add_string(&value, str_of(p->name));
	} else if (strcmp(m->key, "system") == 0) {
		struct buf filled;

		buf_init(&filled, CONVERT_CARD_BYTES);
		err = fill(p, buf_text(&p->system), "the user", &filled);
		if (err == 0)
			err = json_add_string(&value, buf_str(&filled));
		buf_fini(&filled);
	} else if (strcmp(m->key, "messageExamples") == 0) {
		err = add_examples(p, &value);
	} else if (strcmp(m->key, "bio") == 0 && p->summary) {
		err = buf_addc(&value, '[');
		if (err == 0)
			err = json_add_string(&value, str_of(p->summary));
		if (err == 0)
			err = buf_addc(&value, ']');
	} else {
		err = buf_adds(&value, m->empty);
	}
	if (o->err == 0)
		o->err = err;
	convert_object_raw(o, m->key, buf_text(&value));
	buf_fini(&value);
}

static void copy_member(void *ctx, const char *key, const struct json *value)
{
	struct writing *w = ctx;

	for (size_t i = 0; i < MEMBERS; i++) {
		if (strcmp(members[i].key, key) != 0)
			continue;
		w->seen |= 1u << i;
		if (members[i].edited & w->job->edited) {
			write_edited(w, &members[i]);
			return;
		}
	}
	copy_safe(&w->object, key, value);
}

int convert_eliza_write(const struct convert_job *job, struct buf *out)
{
	struct writing w = {.job = job};

	convert_object_begin(&w.object, out);
	if (job->kept)
		json_each(job->kept->root, copy_member, &w);
	for (size_t i = 0; i < NEEDED; i++) {
		if (!(w.seen & 1u << i) && (!job->kept || (members[i].edited & job->edited)))
			write_edited(&w, &members[i]);
	}
	return convert_object_end(&w.object);
}
