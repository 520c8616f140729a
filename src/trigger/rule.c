/* A trigger file: from YAML to compiled triggers, or complaints with positions.
 *
 * The table below is the reference of a trigger's keys: the reader, `mynah help` and
 * mynah-triggers(5) come from it. Everything that is wrong with a file is told at once. */
#include "trigger/room.h"

#include <string.h>

#define NAME_BYTES 64
#define HEAD_BYTES 200 /* of the first line of a trigger; an excerpt shows less */
#define PRIORITY_MOST 1000
#define DAYS_MS(n) ((n) * 86400000.0)

/* What one entry is read into: the trigger, and what becomes part of it only after a look. */
struct entry {
	struct trigger t;
	char *on, *level;
	struct conf_texts allow, deny;
	struct trigger_wake wake;
	struct conf_node *cooldown, *count, *examples, *chain, *schema, *must, *must_not;
	char *prompt;
};

#define AT(member) .offset = offsetof(struct entry, member)

/* In the order of enum trigger_when and enum trigger_once. */
static const char *const whens[] = {"always", "live", "offline", NULL};
static const char *const onces[] = {"no", "user", "channel", NULL};
static const char *const merges[] = {"no", "newest", "all", NULL};

static const struct conf_option options[] = {
	{.name = "description",
		.type = CONF_TEXT,
		AT(t.description),
		.help = "What the trigger is for; shown by `mynah explain`."},
	{.name = "enabled",
		.type = CONF_BOOL,
		AT(t.is_on),
		.fallback = "yes",
		.help = "Whether it is used at all."},
	{.name = "on",
		.type = CONF_TEXT,
		AT(on),
		.fallback = "message",
		.help = "The kind of event; command, first_message, reply and action are "
			"messages."},
	{.name = "words",
		.type = CONF_NODE,
		AT(wake.words),
		.help = "Whole words, one of which must be in the message."},
	{.name = "command",
		.type = CONF_NODE,
		AT(wake.command),
		.help = "Commands, one of which must be the first word: lurk stands for !lurk."},
	{.name = "exact",
		.type = CONF_NODE,
		AT(wake.exact),
		.help = "Texts, one of which must be the whole message."},
	{.name = "contains",
		.type = CONF_NODE,
		AT(wake.contains),
		.help = "Texts, one of which must be in the message, also within a word."},
	{.name = "name",
		.type = CONF_BOOL,
		AT(wake.is_name),
		.fallback = "no",
		.help = "Whether the bot's name, with or without @, in the message is enough."},
	{.name = "slash",
		.type = CONF_NODE,
		AT(wake.slash),
		.help = "A slash command that wakes it: its name, or a map of what people are "
			"shown."},
	{.name = "every",
		.type = CONF_DURATION,
		AT(t.every_ms),
		.min = TRIGGER_EVERY_MIN_MS,
		.max = TRIGGER_EVERY_MAX_MS,
		.help = "The clock wakes it, in each channel of its own: 15m."},
	{.name = "min_lines",
		.type = CONF_INT,
		AT(t.min_lines),
		.fallback = "0",
		.min = 0,
		.max = 10000,
		.help = "With every:, how many chat lines by people there must be in between."},
	{.name = "match",
		.type = CONF_NODE,
		AT(wake.match),
		.help = "PCRE2 patterns, one of which must match; caseless unless they say (?-i)."},
	{.name = "reply",
		.type = CONF_TEXT,
		AT(t.reply),
		.help = "What to say, as it is: no model, no cost."},
	{.name = "ask",
		.type = CONF_TEXT,
		AT(t.ask),
		.help = "What to ask the model, which answers in the persona's voice."},
	{.name = "prompt",
		.type = CONF_TEXT,
		AT(prompt),
		.help = "Instead of ask: the prompt file to ask with, NAME or NAME@VERSION."},
	{.name = "chain",
		.type = CONF_NODE,
		AT(chain),
		.help = "What to ask in turn, {ask: ...} or a prompt; the last answer is said."},
	{.name = "knowledge",
		.type = CONF_TEXTS,
		AT(t.knowledge),
		.help = "Whether the model is told what the streamer wrote about it; true, or "
			"files."},
	{.name = "schema",
		.type = CONF_NODE,
		AT(schema),
		.help = "A JSON Schema that the answer must fit; reply: says $(answer.NAME)."},
	{.name = "must",
		.type = CONF_NODE,
		AT(must),
		.help = "PCRE2 patterns, all of which what a model says must match."},
	{.name = "must_not",
		.type = CONF_NODE,
		AT(must_not),
		.help = "PCRE2 patterns, none of which what a model says may match."},
	{.name = "otherwise",
		.type = CONF_TEXT,
		AT(t.otherwise),
		.help = "What to say when no model answers; empty stays silent."},
	{.name = "persona",
		.type = CONF_TEXT,
		AT(t.persona),
		.help = "The persona that answers; the default one if absent."},
	{.name = "priority",
		.type = CONF_INT,
		AT(t.priority),
		.fallback = "0",
		.min = -PRIORITY_MOST,
		.max = PRIORITY_MOST,
		.help = "Higher is tried first; the order of the file breaks ties."},
	{.name = "cooldown",
		.type = CONF_NODE,
		AT(cooldown),
		.help = "Silence after it fired, {user: 30s, channel: 5s, global: 1s}."},
	{.name = "count",
		.type = CONF_NODE,
		AT(count),
		.help = "A counter it turns when it fires: its name, or {name: deaths, add: 1}."},
	{.name = "cache",
		.type = CONF_DURATION,
		AT(t.cache_ms),
		.min = 1000,
		.max = TRIGGER_CACHE_MAX_MS,
		.help = "How long the model's answer serves for the very same question."},
	{.name = "merge",
		.type = CONF_CHOICE,
		AT(t.merge),
		.fallback = "no",
		.choices = merges,
		.help = "Of messages that come while a model answers: only the newest, or all as "
			"one."},
	{.name = "chance",
		.type = CONF_PERCENT,
		AT(t.chance_pct),
		.fallback = "100%",
		.min = 0,
		.max = 100,
		.help = "How often it speaks when it could."},
	{.name = "level",
		.type = CONF_TEXT,
		AT(level),
		.fallback = "everyone",
		.help = "Who may wake it: everyone, subscriber, vip, moderator or broadcaster."},
	{.name = "allow",
		.type = CONF_TEXTS,
		AT(allow),
		.help = "Roles or people who may wake it besides those of the level."},
	{.name = "deny",
		.type = CONF_TEXTS,
		AT(deny),
		.help = "Roles or people who never wake it."},
	{.name = "in",
		.type = CONF_TEXTS,
		AT(t.in),
		.help = "Platforms, channels or platform:channel; everywhere if absent."},
	{.name = "min_length",
		.type = CONF_INT,
		AT(t.min_length),
		.fallback = "0",
		.min = 0,
		.max = PATTERN_SUBJECT_BYTES,
		.help = "The fewest characters a message must have."},
	{.name = "max_length",
		.type = CONF_INT,
		AT(t.max_length),
		.fallback = "0",
		.min = 0,
		.max = PATTERN_SUBJECT_BYTES,
		.help = "The most characters; 0 is no limit."},
	{.name = "min_words",
		.type = CONF_INT,
		AT(t.min_words),
		.fallback = "0",
		.min = 0,
		.max = 1000,
		.help = "The fewest words a message must have."},
	{.name = "at_least",
		.type = CONF_INT,
		AT(t.at_least),
		.fallback = "0",
		.min = 0,
		.max = 1000000000,
		.help = "The fewest bits, raiders, gifts, months, seconds of an ad, or level."},
	{.name = "when",
		.type = CONF_CHOICE,
		AT(t.when),
		.fallback = "always",
		.choices = whens,
		.help = "Only while the stream is live, or offline; unknown counts as live."},
	{.name = "game",
		.type = CONF_TEXTS,
		AT(t.games),
		.help = "Only in one of these categories of the stream."},
	{.name = "reward",
		.type = CONF_TEXTS,
		AT(t.rewards),
		.help = "Only for one of these channel point rewards, by title or id."},
	{.name = "per_stream",
		.type = CONF_CHOICE,
		AT(t.per_stream),
		.fallback = "no",
		.choices = onces,
		.help = "At most once in a broadcast, for each user or in the channel."},
	{.name = "direct",
		.type = CONF_BOOL,
		AT(t.needs_direct),
		.fallback = "no",
		.help = "Only when the bot is addressed: a reply to it, or a private message."},
	{.name = "first",
		.type = CONF_BOOL,
		AT(t.needs_first),
		.fallback = "no",
		.help = "Only somebody's first message ever in the channel."},
	{.name = "thread",
		.type = CONF_BOOL,
		AT(t.keeps_threads),
		.fallback = "yes",
		.help = "Whether to answer as a reply to the message, where the platform can."},
	{.name = "examples",
		.type = CONF_NODE,
		AT(examples),
		.help = "{fires: [...], ignores: [...]}: tried before the file is used."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static const struct conf_option cooldown_options[] = {
	{.name = "user", .type = CONF_DURATION,
		.offset = offsetof(struct trigger, cooldown_user_ms), .fallback = "0", .min = 0,
		.max = DAYS_MS(30), .help = "For the same person."},
	{.name = "channel", .type = CONF_DURATION,
		.offset = offsetof(struct trigger, cooldown_channel_ms), .fallback = "0", .min = 0,
		.max = DAYS_MS(30), .help = "In the same channel."},
	{.name = "global", .type = CONF_DURATION,
		.offset = offsetof(struct trigger, cooldown_global_ms), .fallback = "0", .min = 0,
		.max = DAYS_MS(30), .help = "Everywhere."},
};
#define COOLDOWN_OPTIONS (sizeof(cooldown_options) / sizeof(cooldown_options[0]))

const struct conf_option *trigger_options(size_t *n)
{
	*n = OPTIONS;
	return options;
}

void trigger_fini(struct trigger *t)
{
	struct entry whole = {.t = *t};

	trigger_chain_fini(t);
	trigger_schema_free(t->schema);
	/* Its options are freed by the table; the rest of the entry is empty. */
	conf_free_options(options, OPTIONS, &whole);
	mem_free(t->name);
	mem_free(t->path);
	mem_free(t->count.name);
	mem_free(t->count.set);
	conf_texts_free(&t->allow_users);
	conf_texts_free(&t->deny_users);
	for (size_t i = 0; t->own && i < t->own->pattern_count; i++)
		pattern_free(t->own->patterns[i]);
	if (t->own) {
		mem_free(t->own->patterns);
		pattern_literals_free(&t->own->literals);
		conf_texts_free(&t->own->games);
		conf_texts_free(&t->own->rewards);
		mem_free(t->own->head);
		trigger_slash_fini(&t->own->slash);
		trigger_rules_fini(&t->own->must);
		trigger_rules_fini(&t->own->must_not);
	}
	mem_free(t->own);
	memset(t, 0, sizeof(*t));
}

/* ---- The steps of one entry ------------------------------------------------------------------ */

/* The name becomes part of logs, metrics, keys and state files. */
bool trigger_is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return s.len >= 1 && s.len <= NAME_BYTES;
}

static const char *kind_hint(struct str word, struct buf *hint)
{
	const char *words[EVENT_KIND_COUNT + EVENT_SORT_COUNT];
	const char *near;
	size_t n = 0;

	for (int k = 0; k < EVENT_KIND_COUNT; k++)
		words[n++] = event_kind_name((enum event_kind)k);
	for (int k = SORT_ANY + 1; k < EVENT_SORT_COUNT; k++)
		words[n++] = event_sort_name((enum event_sort)k);
	near = conf_nearest(word, words, n);
	if (near && buf_addf(hint, "did you mean %s?", near) == 0)
		return buf_text(hint);
	return "message, command, sub, resub, gift, raid, cheer, follow ...: see mynah-triggers(5)";
}

static void read_kind(struct trigger_reading *rd, const struct entry *e, struct trigger *t)
{
	struct str word = str_of(e->on);
	struct buf hint;

	if (event_word_parse(word, &t->on, &t->sort) == 0)
		return;
	buf_init(&hint, 100);
	TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "on"), kind_hint(word, &hint),
		"unknown kind of event \"%.*s\"", STR_FMT(word));
	buf_fini(&hint);
}

/* The texts of a condition, each so that the search compares it with what an event says. */
static void fold_texts(struct trigger_reading *rd, const char *key, const struct conf_texts *texts,
	struct conf_texts *folded)
{
	struct buf one;

	folded->at = texts->n > 0 ? mem_array(texts->n, sizeof(char *)) : NULL;
	rd->is_nomem = rd->is_nomem || (texts->n > 0 && !folded->at);
	for (size_t i = 0; i < texts->n && !rd->is_nomem; i++) {
		struct str text = str_trim(str_of(texts->at[i]));

		buf_init(&one, TEXT_NAME_BYTES);
		if (text_fold(text, &one) == 0 && one.len > 0) {
			folded->at[folded->n] = mem_dupn(one.at, one.len);
			rd->is_nomem = !folded->at[folded->n];
			folded->n += !rd->is_nomem;
		} else {
			TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, key),
				"write it as the platform shows it", "no name is like this");
		}
		buf_fini(&one);
	}
}

static void read_conditions(struct trigger_reading *rd, struct trigger *t)
{
	fold_texts(rd, "game", &t->games, &t->own->games);
	fold_texts(rd, "reward", &t->rewards, &t->own->rewards);
	if (t->rewards.n > 0 && t->on != EVENT_REDEEM)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "reward"), "write on: redeem",
			"only channel point rewards have a reward:");
	if (t->when != TRIGGER_ANYTIME || t->games.n > 0 || t->per_stream != TRIGGER_ANY_TIMES)
		t->own->needs_stream = true;
	trigger_conditions_note(t);
}

/* Parts a list of roles and people. A word that is nearly a role is probably a slip. */
static void read_people(struct trigger_reading *rd, const char *key, const struct conf_texts *texts,
	unsigned *roles, struct conf_texts *users)
{
	const char *names[LEVEL_COUNT];

	for (int i = 0; i < LEVEL_COUNT; i++)
		names[i] = level_name((enum level)i);
	users->at = texts->n > 0 ? mem_array(texts->n, sizeof(char *)) : NULL;
	if (texts->n > 0 && !users->at) {
		rd->is_nomem = true;
		return;
	}
	for (size_t i = 0; i < texts->n; i++) {
		struct str word = str_of(texts->at[i]);
		enum level level;

		if (level_parse(word, &level) == 0) {
			*roles |= ROLE(level);
			continue;
		}
		if (word.len > 0 && word.at[0] == '@')
			word = (struct str){word.at + 1, word.len - 1};
		else if (conf_nearest(word, names, LEVEL_COUNT))
			trigger_reading_warn(rd, key, "write @name for a person",
				"one of these is nearly a role, and is taken for a person's name");
		users->at[users->n] = mem_dupn(word.at, word.len);
		if (!users->at[users->n]) {
			rd->is_nomem = true;
			return;
		}
		users->n++;
	}
}

static void read_gate(struct trigger_reading *rd, const struct entry *e, struct trigger *t)
{
	if (level_parse(str_of(e->level), &t->level) < 0)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "level"),
			"everyone, subscriber, vip, moderator or broadcaster",
			"unknown level \"%s\"", e->level);
	read_people(rd, "allow", &e->allow, &t->allow, &t->allow_users);
	read_people(rd, "deny", &e->deny, &t->deny, &t->deny_users);
	if (t->max_length > 0 && t->min_length > t->max_length)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "min_length"),
			"no message is both long and short enough",
			"min_length %lld is above max_length %lld", (long long)t->min_length,
			(long long)t->max_length);
	if (!e->cooldown)
		return;
	if (conf_node_kind(e->cooldown) != CONF_MAP)
		TRIGGER_COMPLAIN(rd, e->cooldown, "write {user: 30s, channel: 5s}",
			"a cooldown says for whom");
	else
		trigger_reading_note(rd, conf_read(rd->report, rd->file, e->cooldown,
			cooldown_options, COOLDOWN_OPTIONS, t));
}

/* Is there anything but a slash command that wakes it? */
static bool is_slash_only(const struct trigger_reading *rd, const struct trigger_wake *w,
	const struct trigger *t)
{
	return !t->every_ms && !conf_node_find(rd->entry, "on") && !w->match && !w->words &&
		!w->command && !w->exact && !w->contains && !w->is_name && !t->needs_direct &&
		!t->needs_first;
}

static void check_persona(struct trigger_reading *rd, const struct trigger *t)
{
	const struct trigger_refs *refs = rd->refs;
	struct buf hint;
	const char *near;

	if (!t->persona || !refs->personas)
		return;
	for (size_t i = 0; i < refs->persona_count; i++) {
		if (strcmp(t->persona, refs->personas[i]) == 0)
			return;
	}
	buf_init(&hint, 2 * NAME_BYTES);
	near = conf_nearest(str_of(t->persona), refs->personas, refs->persona_count);
	if (near)
		(void)!buf_addf(&hint, "did you mean %s?", near);
	TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "persona"),
		near ? buf_text(&hint) : "personas are the names of the files in personas/",
		"there is no persona \"%s\"", t->persona);
	buf_fini(&hint);
}

/* Chat would take such a line for a command, so safety takes the sign away (safety/lead.c). */
static void check_sign(struct trigger_reading *rd, const char *key, const char *line)
{
	if (line && (*line == '/' || *line == '.' || *line == '!'))
		trigger_reading_warn(rd, key, "begin it with a word",
			"mynah gives no chat commands: the sign that this begins with is not said, "
			"or the whole reply, where a command's name follows");
}

static void check_words(struct trigger_reading *rd, const struct entry *e, struct trigger *t)
{
	const bool asks = t->step_count > 0;
	const char *asking = t->ask ? "ask" : e->prompt ? "prompt" : "chain";

	/* A misspelt key has been complained of already: it may be the one that is missing here. */
	if (!t->reply && !asks && !rd->is_bad)
		TRIGGER_COMPLAIN(rd, rd->entry, "add reply: \"...\" or ask: \"...\"",
			"trigger \"%s\" has nothing to say", t->name);
	if (t->schema && !t->reply && !rd->is_bad)
		TRIGGER_COMPLAIN(rd, e->schema, "add reply: \"$(answer.NAME)\"",
			"how trigger \"%s\" says its answer is not said", t->name);
	if (t->reply && asks && !t->schema)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, asking),
			"keep one; what to say when no model answers is otherwise:",
			"trigger \"%s\" has both reply: and %s:", t->name, asking);
	if (!asks && t->otherwise)
		trigger_reading_warn(rd, "otherwise", "leave it out",
			"otherwise: is only for ask:, a reply is always said");
	if (!asks && trigger_is_picky(t))
		TRIGGER_COMPLAIN(rd, rd->entry, "leave them out, or write ask:",
			"schema:, must: and must_not: are for what a model answers");
	if (!asks && t->persona)
		trigger_reading_warn(rd, "persona", "leave it out",
			"persona: is only for ask:, a reply is said as it is");
	if (!asks && t->cache_ms > 0)
		trigger_reading_warn(rd, "cache", "leave it out",
			"cache: is only for ask:, a reply costs nothing");
	if (asks && t->cache_ms > 0 && t->step_count > 1)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "cache"), "leave it out",
			"the answers of a chain are not kept");
	if (!asks && t->merge != TRIGGER_MERGE_NO)
		trigger_reading_warn(rd, "merge", "leave it out",
			"merge: is only for ask:, a reply is said at once");
	trigger_chain_check(rd, e->chain, t);
	check_sign(rd, "reply", t->reply);
	check_sign(rd, "otherwise", t->otherwise);
	trigger_template_read(rd, t, t->reply, false, conf_node_find(rd->entry, "reply"));
	trigger_template_read(rd, t, t->otherwise, false, conf_node_find(rd->entry, "otherwise"));
	check_persona(rd, t);
}

/* Do all literals of the patterns hold a question mark, plain or full-width? */
static bool is_question(const struct trigger *t)
{
	const struct pattern_literals *l = &t->own->literals;

	for (size_t i = 0; i < l->n; i++) {
		if (!memchr(l->at[i].at, '?', l->at[i].len) &&
				!memmem(l->at[i].at, l->at[i].len, "\uff1f", 3))
			return false;
	}
	return l->n > 0;
}

/* Thanks go last when the outbox must shed, ambient remarks first (faults.md section 7). */
static enum priority urgency_of(const struct trigger *t, const struct trigger_wake *wake)
{
	if (t->on == EVENT_WHISPER || t->slash.name)
		return PRIORITY_DIRECT;
	if (t->on == EVENT_JOIN || t->on == EVENT_REACTION || t->on == EVENT_TIMER)
		return PRIORITY_AMBIENT;
	if (t->on != EVENT_MESSAGE)
		return PRIORITY_THANKS;
	if (t->needs_direct || t->sort == SORT_COMMAND || wake->command || wake->is_name)
		return PRIORITY_DIRECT;
	return is_question(t) ? PRIORITY_QUESTION : PRIORITY_AMBIENT;
}

/* Reads the map of an entry into t, whose name, path, line and own are there. */
static void read_entry(struct trigger_reading *rd, struct trigger *t)
{
	struct entry e = {0};
	int err = conf_read(rd->report, rd->file, rd->entry, options, OPTIONS, &e);

	trigger_reading_note(rd, err);
	e.t.name = t->name;
	e.t.path = t->path;
	e.t.line = t->line;
	e.t.own = t->own;
	*t = e.t;
	memset(&e.t, 0, sizeof(e.t)); /* t owns it from here on */
	if (err != ERR_NOMEM) {
		read_kind(rd, &e, t);
		read_gate(rd, &e, t);
		trigger_every_read(rd, t);
		trigger_count_read(rd, e.count, t);
		trigger_chain_read(rd, e.chain, e.prompt, t);
		trigger_know_read(rd, t);
		trigger_schema_read(rd, e.schema, t);
		trigger_rules_read(rd, t);
		trigger_slash_read(rd, e.wake.slash, is_slash_only(rd, &e.wake, t), t);
		read_conditions(rd, t);
		trigger_wake_read(rd, &e.wake, t);
		check_words(rd, &e, t);
		t->urgency = urgency_of(t, &e.wake);
		if (!rd->is_bad && !rd->is_nomem && e.examples)
			trigger_reading_note(rd, trigger_examples(t, rd->engine, rd->file,
				e.examples, rd->report));
	}
	conf_free_options(options, OPTIONS, &e);
}

/* Keeps the line that the trigger begins with; the entries of a file come in its order. */
static void keep_head(struct trigger_reading *rd, struct trigger *t, const struct conf_node *key)
{
	struct str rest, line;

	if (rd->line == 0) {
		rd->unread = conf_file_text(rd->file);
		rd->line = 1;
	}
	for (; rd->line < t->line; rd->line++)
		(void)str_split(&rd->unread, '\n');
	rest = rd->unread;
	line = str_split(&rest, '\n');
	t->own->head = mem_dupn(line.at, line.len < HEAD_BYTES ? line.len : HEAD_BYTES);
	t->own->head_at = (size_t)conf_node_column(key) - 1;
	rd->is_nomem = rd->is_nomem || !t->own->head;
}

int trigger_rule_read(struct trigger_reading *rd, const struct conf_node *key,
	const struct conf_node *value, struct trigger **out)
{
	struct str name = conf_node_text(key);
	struct trigger *t = NULL;

	rd->entry = value;
	rd->is_bad = false;
	if (!trigger_is_name(name)) {
		TRIGGER_COMPLAIN(rd, key, "a-z 0-9 _ -, at most 64 of them",
			"\"%.*s\" cannot be the name of a trigger", STR_FMT(name));
		return ERR_INVALID;
	}
	if (conf_node_kind(value) != CONF_MAP) {
		TRIGGER_COMPLAIN(rd, value, "for example: command: lurk",
			"trigger \"%.*s\" has no keys below it", STR_FMT(name));
		return ERR_INVALID;
	}
	t = mem_new(sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->name = mem_dupn(name.at, name.len);
	t->path = mem_dup(conf_file_path(rd->file));
	t->line = conf_node_line(key);
	t->own = mem_new(sizeof(*t->own));
	if (t->own)
		keep_head(rd, t, key);
	if (t->name && t->path && t->own)
		read_entry(rd, t);
	else
		rd->is_nomem = true;
	if (!rd->is_bad && !rd->is_nomem) {
		*out = t;
		return 0;
	}
	trigger_fini(t);
	mem_free(t);
	return rd->is_nomem ? ERR_NOMEM : ERR_INVALID;
}
