/* Tavern character cards, V1 to V3.
 *
 * V1 is six texts; V2 and V3 wrap them and more in `data` (character-card-spec-v2 and -v3,
 * github.com/malfoyslastname and kwaroran, 2026-08). Keys and patterns of a lorebook are conditions
 * somebody else wrote: only entries that are always there become part of the persona. */
#include "convert/room.h"

#include <string.h>

#define TALK_BYTES (64 * 1024) /* of mes_example that are looked at */

static const struct json *data_of(const struct json *root)
{
	const struct json *data = json_get(root, "data");

	return json_str(root, "spec").len > 0 && json_is_object(data) ? data : root;
}

bool convert_tavern_is(const struct json *root)
{
	static const char *const keys[] = {
		"first_mes", "mes_example", "personality", "scenario", "description"};

	if (str_is(json_str(root, "spec"), "chara_card_v2") ||
		str_is(json_str(root, "spec"), "chara_card_v3"))
		return true;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_is_string(json_get(root, keys[i])) &&
			json_is_string(json_get(root, "name")))
			return true;
	}
	return false;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* mes_example being read: whose turn it is, and what was said in this exchange. */
struct talk {
	struct convert_card *card;
	enum { NOBODY, USER, CHARACTER } who;
	struct buf user, reply;
	int err;
};

static void end_exchange(struct talk *t)
{
	if (t->err == 0 && t->user.len > 0 && t->reply.len > 0)
		t->err = convert_add_example(t->card, buf_str(&t->user), buf_str(&t->reply));
	buf_clear(&t->user);
	buf_clear(&t->reply);
}

/* "{{user}}: hi": takes the speaker off the line. */
static bool take_speaker(struct str *line, const char *speaker)
{
	const size_t n = strlen(speaker);

	if (n == 0 || line->len <= n || line->at[n] != ':' ||
		!str_is_nocase((struct str){line->at, n}, speaker))
		return false;
	*line = str_trim((struct str){line->at + n + 1, line->len - n - 1});
	return true;
}

static void read_line(struct talk *t, struct str line)
{
	struct buf *to;

	if (str_is_nocase(line, "<start>")) {
		end_exchange(t);
		t->who = NOBODY;
		return;
	}
	if (take_speaker(&line, "{{user}}") || take_speaker(&line, "<user>")) {
		if (t->who == CHARACTER)
			end_exchange(t);
		t->who = USER;
	} else if (take_speaker(&line, "{{char}}") || take_speaker(&line, "<bot>") ||
		   take_speaker(&line, convert_name(t->card))) {
		t->who = CHARACTER;
	}
	if (t->who == NOBODY)
		return;
	to = t->who == USER ? &t->user : &t->reply;
	if (t->err == 0 && to->len > 0)
		t->err = buf_addc(to, ' ');
	if (t->err == 0)
		t->err = buf_add_str(to, line);
}

static int read_talk(struct convert_card *c, struct str text)
{
	struct talk t = {.card = c};

	if (text.len > TALK_BYTES)
		text.len = text_cut(text, TALK_BYTES, 0);
	buf_init(&t.user, 2 * TALK_BYTES);
	buf_init(&t.reply, 2 * TALK_BYTES);
	while (text.len > 0 && t.err == 0)
		read_line(&t, str_trim(str_split(&text, '\n')));
	end_exchange(&t);
	buf_fini(&t.user);
	buf_fini(&t.reply);
	return t.err;
}

/* Entries that are always in the prompt; the others wait for words of the chat. */
static int read_lore(struct convert_card *c, const struct json *book)
{
	const struct json *entries = json_get(book, "entries");
	size_t others = 0;
	int err = 0;

	for (size_t i = 0; i < json_count(entries) && err == 0; i++) {
		const struct json *e = json_at(entries, i);

		if (i < CONVERT_LIST_MAX && json_bool(e, "constant", false) &&
			json_bool(e, "enabled", true))
			err = convert_add_part(c, NULL, json_str(e, "content"));
		else
			others++;
	}
	if (others > 0)
		convert_note(c, "lorebook entries that wait for words of the chat: %zu", others);
	return err;
}

static void note_rest(struct convert_card *c, const struct json *data)
{
	const size_t greetings = json_count(json_get(data, "alternate_greetings")) +
				 json_count(json_get(data, "group_only_greetings"));

	if (json_str(data, "first_mes").len > 0 || greetings > 0)
		convert_note(c, "greetings, since here triggers say whom to greet: %zu",
			greetings + (json_str(data, "first_mes").len > 0));
	if (json_count(json_get(data, "assets")) > 0)
		convert_note(c, "its pictures and sounds");
}

int convert_tavern_read(struct convert_card *c, const char **why)
{
	const struct json *data = data_of(c->root);
	const struct str spec = json_str(c->root, "spec");
	const struct str nickname = json_str(data, "nickname");
	int err;

	if (spec.len > 0 && data == c->root) {
		*why = "this Tavern card has no data";
		return ERR_INVALID;
	}
	c->format = str_is(spec, "chara_card_v3")   ? CONVERT_TAVERN_V3
		    : str_is(spec, "chara_card_v2") ? CONVERT_TAVERN_V2
						    : CONVERT_TAVERN_V1;
	err = convert_set_name(c, nickname.len > 0 ? nickname : json_str(data, "name"));
	if (err == 0)
		err = convert_set_summary(c, json_str(data, "creator_notes"));
	if (err == 0)
		err = convert_set_version(c, json_str(data, "character_version"));
	if (err == 0)
		err = convert_add_part(c, NULL, json_str(data, "system_prompt"));
	if (err == 0)
		err = convert_add_part(c, NULL, json_str(data, "description"));
	if (err == 0)
		err = convert_add_part(c, "Personality", json_str(data, "personality"));
	if (err == 0)
		err = convert_add_part(c, "Scenario", json_str(data, "scenario"));
	if (err == 0)
		err = read_lore(c, json_get(data, "character_book"));
	if (err == 0)
		err = convert_add_part(
			c, "Always keep in mind", json_str(data, "post_history_instructions"));
	if (err == 0)
		err = read_talk(c, json_str(data, "mes_example"));
	note_rest(c, data);
	return err;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Members that a card has to have, which edit of the persona decides them, and since when. */
static const struct member {
	const char *key;
	unsigned edited;
	enum convert_format since;
	const char *empty; /* JSON */
} members[] = {
	{"name", CONVERT_EDITED_NAME, CONVERT_TAVERN_V1, "\"\""},
	{"description", CONVERT_EDITED_SYSTEM, CONVERT_TAVERN_V1, "\"\""},
	{"personality", CONVERT_EDITED_SYSTEM, CONVERT_TAVERN_V1, "\"\""},
	{"scenario", CONVERT_EDITED_SYSTEM, CONVERT_TAVERN_V1, "\"\""},
	{"first_mes", 0, CONVERT_TAVERN_V1, "\"\""},
	{"mes_example", CONVERT_EDITED_EXAMPLES, CONVERT_TAVERN_V1, "\"\""},
	{"creator_notes", CONVERT_EDITED_SUMMARY, CONVERT_TAVERN_V2, "\"\""},
	{"system_prompt", CONVERT_EDITED_SYSTEM, CONVERT_TAVERN_V2, "\"\""},
	{"post_history_instructions", CONVERT_EDITED_SYSTEM, CONVERT_TAVERN_V2, "\"\""},
	{"alternate_greetings", 0, CONVERT_TAVERN_V2, "[]"},
	{"tags", 0, CONVERT_TAVERN_V2, "[]"},
	{"creator", 0, CONVERT_TAVERN_V2, "\"\""},
	{"character_version", CONVERT_EDITED_VERSION, CONVERT_TAVERN_V2, "\"\""},
	{"extensions", 0, CONVERT_TAVERN_V2, "{}"},
	{"group_only_greetings", 0, CONVERT_TAVERN_V3, "[]"},
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

struct writing {
	const struct convert_job *job;
	struct convert_object object;
	const struct json *from; /* the object that is copied; NULL = none */
	bool has_nickname;       /* of a kept V3 card: it is what was edited */
	bool is_outer;           /* the wrapping: what is not there need not be */
	unsigned seen;           /* of members, by index */
};

static int write_talk(const struct convert_card *p, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < p->example_count && err == 0; i++)
		err = buf_addf(out, "%s<START>\n{{user}}: %s\n{{char}}: %s", i > 0 ? "\n" : "",
			p->examples[i].user, p->examples[i].reply);
	return err;
}

/* What the persona says in place of an edited member. */
static int write_edited(struct writing *w, const char *key)
{
	const struct convert_card *p = w->job->persona;
	struct buf talk;
	int err = 0;

	buf_init(&talk, PERSONA_EXAMPLES * 3 * CONVERT_EXAMPLE_BYTES);
	if (strcmp(key, "name") == 0 || strcmp(key, "nickname") == 0)
		convert_object_text(&w->object, key, str_of(p->name));
	else if (strcmp(key, "description") == 0)
		convert_object_text(&w->object, key, buf_str(&p->system));
	else if (strcmp(key, "creator_notes") == 0)
		convert_object_text(&w->object, key, str_of(p->summary));
	else if (strcmp(key, "character_version") == 0)
		convert_object_text(&w->object, key, str_of(p->version));
	else if (strcmp(key, "mes_example") == 0 && (err = write_talk(p, &talk)) == 0)
		convert_object_text(&w->object, key, buf_str(&talk));
	else
		convert_object_text(&w->object, key, STR(""));
	buf_fini(&talk);
	return err;
}

static const struct member *find_member(const char *key)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (strcmp(members[i].key, key) == 0)
			return &members[i];
	}
	return NULL;
}

/* Is the persona's word to stand in place of the card's? */
static bool is_edited(const struct writing *w, const char *key)
{
	const struct member *m = find_member(key);

	if (strcmp(key, "nickname") == 0)
		return w->job->edited & CONVERT_EDITED_NAME;
	if (strcmp(key, "name") == 0 && w->has_nickname)
		return false;
	return m && (m->edited & w->job->edited);
}

static void write_member(struct writing *w, const char *key, const struct json *value)
{
	const int err = is_edited(w, key) ? write_edited(w, key) : 0;

	if (!is_edited(w, key))
		convert_object_copy(&w->object, key, value);
	if (w->object.err == 0)
		w->object.err = err;
}

/* A member of the card that is copied. */
static void copy_member(void *ctx, const char *key, const struct json *value)
{
	struct writing *w = ctx;
	const bool is_frame = strcmp(key, "spec") == 0 || strcmp(key, "spec_version") == 0 ||
			      strcmp(key, "data") == 0;

	if (w->is_outer && is_frame)
		return; /* written already */
	/* A V1 card keeps strange members of its own, but takes none of later versions. */
	if (w->job->format == CONVERT_TAVERN_V1 && w->job->kept->format != CONVERT_TAVERN_V1 &&
		(!find_member(key) || find_member(key)->since > CONVERT_TAVERN_V1))
		return;
	if (find_member(key))
		w->seen |= 1u << (find_member(key) - members);
	write_member(w, key, value);
}

static bool has_nickname(const struct convert_job *job)
{
	return job->kept && json_str(data_of(job->kept->root), "nickname").len > 0;
}

static int write_data(const struct convert_job *job, struct buf *out)
{
	struct writing w = {.job = job, .from = job->kept ? data_of(job->kept->root) : NULL};

	w.has_nickname = has_nickname(job) && job->format == CONVERT_TAVERN_V3;
	convert_object_begin(&w.object, out);
	json_each(w.from, copy_member, &w);
	for (size_t i = 0; i < MEMBERS && w.object.err == 0; i++) {
		if (members[i].since > job->format || (w.seen & 1u << i))
			continue;
		if (members[i].edited & job->edited)
			w.object.err = write_edited(&w, members[i].key);
		else
			convert_object_raw(&w.object, members[i].key, members[i].empty);
	}
	return convert_object_end(&w.object);
}

int convert_tavern_write(const struct convert_job *given, struct buf *out)
{
	struct convert_job own = *given;
	const struct convert_job *job = &own;
	const bool is_v3 = job->format == CONVERT_TAVERN_V3;
	const bool is_own = job->kept && job->kept->format == job->format;
	struct writing w = {.job = job, .is_outer = true};

	/* Older versions know no nickname: there it is the name. */
	if (!is_v3 && !is_own && has_nickname(job))
		own.edited |= CONVERT_EDITED_NAME;
	/* V1 has no place for prompts and lore: there all of it is the description. */
	if (job->format == CONVERT_TAVERN_V1 && !is_own)
		own.edited |= CONVERT_EDITED_SYSTEM;
	if (job->format == CONVERT_TAVERN_V1)
		return write_data(job, out);
	convert_object_begin(&w.object, out);
	convert_object_text(&w.object, "spec", is_v3 ? STR("chara_card_v3") : STR("chara_card_v2"));
	if (is_own && json_get(job->kept->root, "spec_version"))
		convert_object_copy(
			&w.object, "spec_version", json_get(job->kept->root, "spec_version"));
	else
		convert_object_text(&w.object, "spec_version", is_v3 ? STR("3.0") : STR("2.0"));
	convert_object_key(&w.object, "data");
	if (w.object.err == 0)
		w.object.err = write_data(job, out);
	/* Many cards repeat V1's members outside for older readers. */
	if (is_own)
		json_each(job->kept->root, copy_member, &w);
	return convert_object_end(&w.object);
}
