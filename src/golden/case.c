/* One case: a YAML file. */
#include "golden/room.h"
#include "pattern/pattern.h"

#include <string.h>

#define REPLIES_MAX 50 /* people read them */
#define PAST_MAX    200 /* more lines than any persona remembers */
#define FIELDS_MAX  16 /* an event has no more */

struct draft {
	struct golden_case is;
	struct conf_node *event, *memory, *prompt, *replies, *live;
};

static const char *const errors[] = {
#define X(upper, lower, counts, what) #lower,
	PROVIDER_ERRORS(X)
#undef X
	NULL,
};

#define TEXT(name, type, member, help) \
	{name, CONF_TEXT, offsetof(type, member), NULL, 0, 0, NULL, CONF_LIVE, help}
#define NODE(name, member, help) \
	{name, CONF_NODE, offsetof(struct draft, member), NULL, 0, 0, NULL, CONF_LIVE, help}
static const struct conf_option options[] = {
	TEXT("about", struct draft, is.about, "What the case shows, in a line."),
	TEXT("persona", struct draft, is.persona,
		"Who answers where the trigger does not say; without it as mynah.yaml says."),
	NODE("event", event,
		"What happens: {text, user, on, level, channel, platform} and the event's fields."),
	NODE("memory", memory, "What was said before: a list of \"user: TEXT\", \"bot: TEXT\"."),
	TEXT("trigger", struct draft, is.trigger, "The trigger that must fire."),
	NODE("prompt", prompt, "What the model must be asked; mynah golden --write fills it in."),
	TEXT("prompt_hash", struct draft, is.prompt_hash,
		"The SHA-256 of what it must be asked, or its first 12 digits and more."),
	NODE("replies", replies,
		"What the model says, and what must be posted: a list of {says, posted}."),
	NODE("live", live, "What the answer of a live model must be like."),
};
static const struct conf_option reply_options[] = {
	{"says", CONF_TEXTS, offsetof(struct golden_reply, says), NULL, 0, 0, NULL, CONF_LIVE,
		"What the model says; of a list one answer after the other."},
	{"error", CONF_CHOICE, offsetof(struct golden_reply, error), "none", 0, 0, errors,
		CONF_LIVE, "How it fails instead."},
	{"cut", CONF_BOOL, offsetof(struct golden_reply, is_cut), "no", 0, 0, NULL, CONF_LIVE,
		"Its answer was cut where max_tokens fell."},
	TEXT("posted", struct golden_reply, posted, "What must be said, exactly."),
	TEXT("refused", struct golden_reply, refused, "The rule that must refuse its words."),
	TEXT("silence", struct golden_reply, silence, "The reason why nothing may be said."),
};
#define LIVE(name, type, member, fallback, min, max, help) \
	{name, type, offsetof(struct golden_live, member), fallback, min, max, NULL, CONF_LIVE, \
		help}
static const struct conf_option live_options[] = {
	LIVE("pattern", CONF_TEXT, pattern, NULL, 0, 0, "A pattern that must be met."),
	LIVE("not_pattern", CONF_TEXT, not_pattern, NULL, 0, 0, "One that must not."),
	LIVE("min_chars", CONF_INT, min_chars, "0", 0, 10000, "How long at least."),
	LIVE("max_chars", CONF_INT, max_chars, "0", 0, 10000, "How long at most."),
	LIVE("similar_to", CONF_TEXTS, similar_to, NULL, 0, 0, "Good answers."),
	LIVE("similarity", CONF_NUMBER, similarity, "0", 0, 1,
		"How like one of them it must be: shared words, 0 to 1."),
	LIVE("may_be_silent", CONF_BOOL, may_be_silent, "no", 0, 0,
		"To say nothing is right too."),
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A list of at most `max` maps; 0 entries for NULL and after a complaint. */
static size_t list_of(struct conf_reading *rd, const struct conf_node *n, size_t max,
	const char *hint)
{
	if (!n)
		return 0;
	if (conf_node_kind(n) != CONF_LIST || conf_node_count(n) > max) {
		conf_wrong(rd, n, hint, "this must be a list, and no longer than a person reads");
		return 0;
	}
	return conf_node_count(n);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* What describes every event; the rest of `event:` are fields, which the platform room knows. */
static const struct {
	const char *name;
	size_t offset;
} event_texts[] = {
	{"on", offsetof(struct golden_case, on)}, {"user", offsetof(struct golden_case, user)},
	{"level", offsetof(struct golden_case, level)},
	{"channel", offsetof(struct golden_case, channel)},
	{"platform", offsetof(struct golden_case, platform)},
	{"text", offsetof(struct golden_case, text)},
};

static char **event_text(struct golden_case *c, struct str name)
{
	for (size_t i = 0; i < COUNT(event_texts); i++) {
		if (str_is(name, event_texts[i].name))
			return (char **)((char *)c + event_texts[i].offset);
	}
	return NULL;
}

static void read_event(struct conf_reading *rd, struct golden_case *c, const struct conf_node *n)
{
	const bool is_map = n && conf_node_kind(n) == CONF_MAP;
	const size_t most = is_map ? conf_node_count(n) : 0;

	if (!is_map || most > FIELDS_MAX) {
		conf_wrong(rd, n ? n : conf_file_root(rd->file),
			"event: {text: hello, user: alice}",
			"a case needs its event");
		return;
	}
	c->fields = mem_array(most + 1, sizeof(*c->fields));
	conf_note(rd, c->fields ? 0 : ERR_NOMEM);
	for (size_t i = 0; i < most && rd->err != ERR_NOMEM; i++) {
		const struct conf_node *key = conf_node_key(n, i), *value = conf_node_value(n, i);
		char **text = event_text(c, conf_node_text(key));

		if (conf_node_kind(value) != CONF_SCALAR) {
			conf_wrong(rd, value, "write one value", "an event has texts and numbers");
		} else if (text) {
			*text = conf_dup(rd, conf_node_text(value));
		} else {
			c->fields[c->field_count].key = conf_dup(rd, conf_node_text(key));
			c->fields[c->field_count++].value = conf_node_text(value);
		}
	}
}

static void read_past(struct conf_reading *rd, struct golden_case *c, const struct conf_node *n)
{
	static const char hint[] = "write \"- user: TEXT\" or \"- bot: TEXT\"";
	const size_t most = list_of(rd, n, PAST_MAX, hint);

	c->past = mem_array(most + 1, sizeof(*c->past));
	conf_note(rd, c->past ? 0 : ERR_NOMEM);
	for (size_t i = 0; i < most && rd->err != ERR_NOMEM; i++) {
		const struct conf_node *line = conf_node_at(n, i);
		const struct conf_node *user = NULL, *bot = NULL;

		if (conf_node_kind(line) == CONF_MAP && conf_node_count(line) == 1) {
			user = conf_node_find(line, "user");
			bot = conf_node_find(line, "bot");
		}
		if (!user && !bot) {
			conf_wrong(rd, line, hint, "a remembered line is somebody's words");
			continue;
		}
		c->past[c->past_count++] = (struct line){.is_bot = bot != NULL,
			.name = str_of(c->user ? c->user : "viewer"),
			.text = conf_node_text(user ? user : bot)};
	}
}

/* As golden_prompt_text writes it, whatever the file's own style. */
static void read_prompt(struct conf_reading *rd, struct golden_case *c, const struct conf_node *n)
{
	static const char hint[] = "mynah golden --write fills it in";
	const size_t most = n && conf_node_kind(n) == CONF_SCALAR ? 0 :
		list_of(rd, n, PAST_MAX, hint);
	int64_t wanted = 0;
	struct buf out;
	int err;

	if (!n)
		return;
	buf_init(&out, GOLDEN_PROMPT_BYTES);
	err = buf_adds(&out, "prompt:\n");
	for (size_t i = 0; !err && i < most; i++) {
		const struct conf_node *m = conf_node_at(n, i);

		if (conf_node_kind(m) != CONF_MAP || conf_node_count(m) != 1) {
			conf_wrong(rd, m, hint, "a message is its role and its text");
			continue;
		}
		const struct str text = conf_node_text(conf_node_value(m, 0));
		char *role = conf_dup(rd, conf_node_text(conf_node_key(m, 0)));

		if (!role)
			break;
		if (strcmp(role, "start") == 0)
			err = buf_addf(&out, "  - start: %.*s\n", STR_FMT(text));
		else
			err = golden_add_message(&out, role, text), c->prompt_listed++;
		mem_free(role);
	}
	/* "prompt: whole" and "prompt: 3" ask --write for so many messages. */
	if (most == 0 && (str_int(conf_node_text(n), &wanted) || wanted < 1 || wanted > PAST_MAX))
		wanted = PAST_MAX;
	c->prompt_listed += (size_t)wanted;
	conf_note(rd, err);
	c->prompt = buf_take(&out);
	conf_note(rd, c->prompt ? 0 : ERR_NOMEM);
	buf_fini(&out);
}

static void find_prompt(const struct conf_node *root, struct golden_case *c)
{
	for (size_t i = 0; i < conf_node_count(root); i++) {
		const struct conf_node *key = conf_node_key(root, i);

		if (str_is(conf_node_text(key), "prompt"))
			c->prompt_line = conf_node_line(key);
	}
}

static bool is_reason(const char *name)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		if (strcmp(reason_name((enum reason)i), name) == 0)
			return true;
	}
	return false;
}

static void read_replies(struct conf_reading *rd, struct golden_case *c, const struct conf_node *n)
{
	static const char hint[] = "write \"- says: TEXT\" and below it \"posted: TEXT\"";
	const size_t most = list_of(rd, n, REPLIES_MAX, hint);

	c->replies = mem_array(most + 1, sizeof(*c->replies));
	conf_note(rd, c->replies ? 0 : ERR_NOMEM);
	for (size_t i = 0; i < most && rd->err != ERR_NOMEM; i++) {
		const struct conf_node *entry = conf_node_at(n, i);
		struct golden_reply *r = &c->replies[c->reply_count++];

		conf_read_map(rd, entry, reply_options, COUNT(reply_options), r);
		if (!r->posted && !r->refused && !r->silence)
			conf_wrong(rd, entry, "posted: TEXT, refused: RULE or silence: REASON",
				"what must become of it?");
		if (r->silence && !is_reason(r->silence))
			conf_wrong(rd, conf_node_find(entry, "silence"), "see: mynah help reasons",
				"there is no such reason");
	}
}

static void check_pattern(struct conf_reading *rd, const struct conf_node *live, const char *key)
{
	const struct conf_node *n = conf_node_find(live, key);
	struct pattern_fault fault;
	struct pattern *p = NULL;
	const int err = n ? pattern_new(conf_node_text(n), &p, &fault) : 0;

	if (err == ERR_PARSE)
		conf_complain(rd->report, rd->file, n, fault.character, CONF_ERROR, fault.hint,
			"the pattern %s", fault.what);
	conf_note(rd, err == ERR_PARSE ? ERR_INVALID : err);
	pattern_free(p);
}

static void read_live(struct conf_reading *rd, struct golden_case *c, const struct conf_node *n)
{
	const int err = conf_read(rd->report, rd->file, n, live_options, COUNT(live_options),
		&c->live);

	conf_note(rd, err);
	if (err || !n)
		return;
	c->live.is_there = true;
	check_pattern(rd, n, "pattern");
	check_pattern(rd, n, "not_pattern");
	if (c->live.similarity > 0 && c->live.similar_to.n == 0)
		conf_wrong(rd, n, "give it similar_to:", "similarity to what?");
}

/* ---- The whole ------------------------------------------------------------------------------- */

static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return mem_dupn(name, dot ? (size_t)(dot - name) : strlen(name));
}

static int read_root(struct conf_reading *rd, struct golden_case **out)
{
	const struct conf_node *root = conf_file_root(rd->file);
	struct draft *d = mem_new(sizeof(*d));
	struct golden_case *c = mem_new(sizeof(*c));

	if (!d || !c) {
		mem_free(d);
		mem_free(c);
		return ERR_NOMEM;
	}
	conf_read_map(rd, root, options, COUNT(options), d);
	*c = d->is;
	c->name = name_of(conf_file_path(rd->file));
	conf_note(rd, c->name ? 0 : ERR_NOMEM);
	read_event(rd, c, d->event);
	read_past(rd, c, d->memory);
	read_prompt(rd, c, d->prompt);
	find_prompt(root, c);
	read_replies(rd, c, d->replies);
	read_live(rd, c, d->live);
	if (rd->err == 0 && !c->prompt && !c->prompt_hash && c->reply_count == 0)
		conf_wrong(rd, root, "give it prompt: or replies:", "this case expects nothing");
	mem_free(d);
	*out = c;
	return 0;
}

int golden_case_read(const char *path, struct conf_report *r, struct golden_case **out)
{
	struct conf_file *f = NULL;
	struct golden_case *c = NULL;
	int err = conf_file_load(path, r, &f);

	if (err)
		return err;
	struct conf_reading rd = {f, r, 0};
	err = read_root(&rd, &c);
	if (err) {
		conf_file_free(f);
		return err;
	}
	c->file = f;
	if (rd.err) {
		golden_case_free(c);
		return rd.err;
	}
	*out = c;
	return 0;
}

void golden_case_free(struct golden_case *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->reply_count; i++)
		conf_free_options(reply_options, COUNT(reply_options), &c->replies[i]);
	for (size_t i = 0; i < c->field_count; i++)
		mem_free((char *)c->fields[i].key);
	for (size_t i = 0; i < COUNT(event_texts); i++)
		mem_free(*(char **)((char *)c + event_texts[i].offset));
	conf_free_options(live_options, COUNT(live_options), &c->live);
	mem_free(c->replies);
	mem_free(c->fields);
	mem_free(c->past);
	mem_free(c->prompt);
	mem_free(c->name);
	mem_free(c->about);
	mem_free(c->persona);
	mem_free(c->trigger);
	mem_free(c->prompt_hash);
	conf_file_free(c->file);
	mem_free(c);
}
