/* Templates: what a reply or a question to the model says, with $(variables).
 *
 * One table of variables; one reader that parts a template into plain text and variables, used both
 * to check a file and to fill it in. Filling in is a single pass: what a value holds is never read
 * again, and nothing here is ever a format string. Values come as they are in the event, which
 * platform has scrubbed; whoever puts them before a model quotes them (safety). */
#include "trigger/room.h"

#include <string.h>

#define NAME_BYTES  32
#define RANDOM_MOST 1000000000
#define ANSWER      "answer"
#define WORD_MOST   99 /* $(99): a chat message has no more words that anybody counts */

/* What a value is taken from. */
struct source {
	const struct event *event;
	const struct trigger_hit *hit;
	struct str path; /* of a field of the answer */
	uint32_t random;
};

static struct str query_of(const struct source *s)
{
	const struct trigger_hit *hit = s->hit;
	struct str text = s->event->text;

	if (!hit || hit->captures_n == 0 || !hit->captures[0].at)
		return text;
	const char *after = hit->captures[0].at + hit->captures[0].len;
	if (after < text.at || after > text.at + text.len) /* of another event */
		return (struct str){"", 0};
	return str_trim((struct str){after, (size_t)(text.at + text.len - after)});
}

/* The n-th word from 1; with is_rest all from there on. */
static struct str word_of(struct str text, long n, bool is_rest)
{
	struct str rest = str_trim(text), word = {"", 0};

	for (long i = 0; i < n && rest.len > 0; i++) {
		struct str from = rest;

		word = str_split(&rest, ' ');
		rest = str_trim(rest);
		if (i == n - 1)
			return is_rest ? from : word;
	}
	return (struct str){"", 0};
}

static struct str name_of(const struct event *e)
{
	return e->user.len > 0 ? e->user : e->login;
}

static int add_user(const struct source *s, struct buf *out)
{
	return buf_add_str(out, name_of(s->event));
}

static int add_login(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->login);
}

/* Whom the event is for; else whom the message names first; else who wrote it. */
static int add_touser(const struct source *s, struct buf *out)
{
	struct str word = word_of(query_of(s), 1, false);

	if (s->event->touser.len > 0)
		return buf_add_str(out, s->event->touser);
	if (word.len > 1 && word.at[0] == '@')
		return buf_add(out, word.at + 1, word.len - 1);
	if (word.len > 0 && s->hit && s->hit->captures_n > 0)
		return buf_add_str(out, word);
	return add_user(s, out);
}

static int add_query(const struct source *s, struct buf *out)
{
	return buf_add_str(out, query_of(s));
}

static int add_message(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->text);
}

static int add_channel(const struct source *s, struct buf *out)
{
	return buf_add_str(out, event_channel_name(s->event));
}

static int add_platform(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->platform);
}

static int add_tier(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->tier);
}

static int add_reward(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->reward);
}

static int add_command(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->command);
}

static int add_emoji(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->emoji);
}

static int add_users(const struct source *s, struct buf *out)
{
	return s->event->users.len > 0 ? buf_add_str(out, s->event->users) : add_user(s, out);
}

static int add_game(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->stream.game);
}

static int add_title(const struct source *s, struct buf *out)
{
	return buf_add_str(out, s->event->stream.title);
}

/* "3h 07m", "12m": as the platform shows it. Nothing while it is offline or nobody knows. */
static int add_uptime(const struct source *s, struct buf *out)
{
	const struct stream *st = &s->event->stream;
	int64_t minutes = (s->event->wall_ms - st->started_wall_ms) / 60000;

	if (!st->is_live || st->started_wall_ms <= 0 || minutes < 0)
		return 0;
	if (minutes < 60)
		return buf_addf(out, "%lldm", (long long)minutes);
	return buf_addf(out, "%lldh %02lldm", (long long)(minutes / 60), (long long)(minutes % 60));
}

/* One value of the answer as people write it. */
static int add_value(const struct json *v, struct buf *out)
{
	if (!v)
		return 0;
	return json_is_string(v) ? buf_add_str(out, json_text(v)) : json_add(out, v);
}

/* A field of the JSON that the model answered; a list with commas. */
static int add_answer(const struct source *s, struct buf *out)
{
	const struct json *v = s->hit && s->hit->said ? s->hit->said->answer : NULL;
	struct str path = s->path;
	char key[NAME_BYTES * 2 + 1];
	int err = 0;

	while (path.len > 0 && v) {
		const struct str name = str_split(&path, '.');

		if (name.len >= sizeof(key))
			return 0;
		memcpy(key, name.at, name.len);
		key[name.len] = '\0';
		v = json_get(v, key);
	}
	if (!json_is_array(v))
		return add_value(v, out);
	for (size_t i = 0; i < json_count(v) && !err; i++) {
		if (i > 0)
			err = buf_adds(out, ", ");
		if (!err)
			err = add_value(json_at(v, i), out);
	}
	return err;
}

static int add_previous(const struct source *s, struct buf *out)
{
	return s->hit && s->hit->said ? buf_add_str(out, s->hit->said->previous) : 0;
}

/* Zero means that the platform did not say. */
static int add_number(int64_t n, struct buf *out)
{
	return n == 0 ? 0 : buf_addf(out, "%lld", (long long)n);
}

static int add_amount(const struct source *s, struct buf *out)
{
	return add_number(event_amount(s->event), out);
}

static int add_months(const struct source *s, struct buf *out)
{
	return add_number(s->event->months, out);
}

static int add_bits(const struct source *s, struct buf *out)
{
	return add_number(s->event->bits, out);
}

/* Names, what other bots call them, help for people. is_common: every event has it. is_of_stream:
 * it takes a platform that tells of streams. */
static const struct variable {
	const char *name;
	const char *aliases;
	bool is_common, is_of_stream;
	int (*add)(const struct source *s, struct buf *out);
	const char *help;
} variables[] = {
	{"user", "sender source username displayname user.display_name", true, false, add_user,
		"who wrote the message or caused the event"},
	{"login", "user.name user.login", true, false, add_login,
		"the same person's name as the platform spells it in links"},
	{"users", "", false, false, add_users,
		"everybody a gathered event stands for, as in \"anna, bob and 7 more\""},
	{"touser", "target", true, false, add_touser,
		"whom it is about: who got the gift or is replied to, else the first word after "
		"the "
		"match, else the writer"},
	{"1", "", false, false, NULL,
		"the first group of the pattern, or the first word after the match; also 2, 3 and "
		"so on"},
	{"1:", "", false, false, NULL,
		"the words after the match from the first on; also 2:, 3: and so on"},
	{"query", "querystring args input rawinput param", false, false, add_query,
		"everything after the match, for a command what was said after it"},
	{"message", "text", false, false, add_message, "the whole message"},
	{"count", "", false, false, NULL,
		"what the trigger's counter says; $(count deaths) says another; else the amount"},
	{"amount", "", false, false, add_amount,
		"how many: bits, raiders, gifts, months, followers, seconds, or the level"},
	{"viewers", "raiders", false, false, add_amount,
		"how many came with a raid or saw a shoutout"},
	{"bits", "", false, false, add_bits, "how many bits were cheered"},
	{"months", "", false, false, add_months, "months subscribed"},
	{"tier", "", false, false, add_tier,
		"1, 2, 3 or prime; nothing for gifts of several tiers told together"},
	{"reward", "", false, false, add_reward, "the channel point reward"},
	{"command", "", false, false, add_command, "the slash command, without its slash"},
	{"emoji", "", false, false, add_emoji, "what somebody reacted with"},
	{"level", "", false, false, add_amount, "the level of a hype train"},
	{"seconds", "duration", false, false, add_amount, "how long an ad break takes"},
	{"channel", "streamer", true, false, add_channel, "the channel it happened in"},
	{"platform", "", true, false, add_platform, "twitch, discord, irc, console and so on"},
	{"game", "category", true, true, add_game, "the category of the stream"},
	{"title", "status", true, true, add_title, "the title of the stream"},
	{"uptime", "", true, true, add_uptime, "how long the stream has been live, as in 3h 07m"},
	{"previous", "", true, false, add_previous,
		"in a chain: what the model answered in the step before"},
	{"answer", "", true, false, add_answer,
		"with schema: a field of what the model answered, as in $(answer.mood)"},
	{"random", "", true, false, NULL, "a number from 1 to 100; $(random 1-6) from 1 to 6"},
};
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

const char *trigger_variable(size_t i, const char **help)
{
	if (i >= VARIABLES)
		return NULL;
	if (help)
		*help = variables[i].help;
	return variables[i].name;
}

/* ---- The reader ------------------------------------------------------------------------------ */

/* A piece of a template. */
struct piece {
	enum { PIECE_TEXT, PIECE_VARIABLE, PIECE_UNCLOSED } kind;
	struct str text; /* plain text; of a variable what stands between the brackets */
	struct str name, argument, fallback;
	bool has_fallback;
};

static size_t find_byte(struct str s, size_t from, char c)
{
	const char *at = from < s.len ? memchr(s.at + from, c, s.len - from) : NULL;

	return at ? (size_t)(at - s.at) : s.len;
}

static bool is_open(struct str s, size_t at)
{
	return at + 1 < s.len && s.at[at] == '$' && (s.at[at + 1] == '(' || s.at[at + 1] == '{');
}

/* Parts what stands between the brackets: name, argument after a space, default after a bar. */
static void read_variable(struct str inside, struct piece *p)
{
	struct str rest = inside;

	p->kind = PIECE_VARIABLE;
	p->text = inside;
	p->argument = str_split(&rest, '|');
	p->has_fallback = p->argument.len < inside.len;
	p->fallback = rest;
	p->argument = str_trim(p->argument);
	p->name = str_split(&p->argument, ' ');
	p->argument = str_trim(p->argument);
}

/* Takes the next piece off rest. "$$(" is a plain "$(". False at the end. */
static bool next_piece(struct str *rest, struct piece *p)
{
	struct str s = *rest;
	size_t at = 0;

	memset(p, 0, sizeof(*p));
	if (s.len == 0)
		return false;
	if (is_open(s, 0)) {
		size_t end = find_byte(s, 2, s.at[1] == '(' ? ')' : '}');

		if (end == s.len) {
			p->kind = PIECE_UNCLOSED;
			p->text = s;
			*rest = (struct str){s.at + s.len, 0};
			return true;
		}
		read_variable((struct str){s.at + 2, end - 2}, p);
		*rest = (struct str){s.at + end + 1, s.len - end - 1};
		return true;
	}
	if (s.at[0] == '$' && is_open(s, 1)) {
		p->text = (struct str){s.at + 1, 2};
		*rest = (struct str){s.at + 3, s.len - 3};
		return true;
	}
	for (at = find_byte(s, 1, '$'); at < s.len; at = find_byte(s, at + 1, '$')) {
		if (is_open(s, at) || is_open(s, at + 1))
			break;
	}
	p->text = (struct str){s.at, at};
	*rest = (struct str){s.at + at, s.len - at};
	return true;
}

/* "answer.mood": which of its fields; empty for every other name. */
static struct str path_of(struct str name)
{
	struct str rest = name, first = str_split(&rest, '.');

	return str_is(first, ANSWER) ? rest : (struct str){NULL, 0};
}

static const struct variable *find_variable(struct str name)
{
	if (path_of(name).len > 0)
		name = STR(ANSWER);
	for (size_t i = 0; i < VARIABLES; i++) {
		if (str_is_nocase(name, variables[i].name) ||
			str_is_among(name, variables[i].aliases))
			return &variables[i];
	}
	return NULL;
}

/* "3" or "3:". */
static bool is_word_number(struct str name, int64_t *n, bool *is_rest)
{
	*is_rest = name.len > 1 && name.at[name.len - 1] == ':';
	name.len -= *is_rest;
	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] < '0' || name.at[i] > '9')
			return false;
	}
	return str_int(name, n) == 0 && *n >= 1 && *n <= WORD_MOST;
}

/* "1-6" */
static bool is_range(struct str s, int64_t *from, int64_t *to)
{
	struct str rest = s, first = str_split(&rest, '-');

	return str_int(str_trim(first), from) == 0 && str_int(str_trim(rest), to) == 0 &&
	       *from >= 0 && *from <= *to && *to <= RANDOM_MOST;
}

/* ---- Checking -------------------------------------------------------------------------------- */

static bool is_count(const struct variable *v)
{
	return strcmp(v->name, "count") == 0;
}

static bool is_set_for(const struct variable *v, enum event_kind kind)
{
	if (kind == EVENT_TIMER && str_is_among(str_of(v->name), "user login touser"))
		return false; /* nobody did anything */
	if (strcmp(v->name, "amount") == 0)
		return str_is_among(STR("count"), event_kind_vars(kind));
	return v->is_common || str_is_among(str_of(v->name), event_kind_vars(kind)) ||
	       (event_kind_has_text(kind) && str_is_among(str_of(v->name), EVENT_TEXT_VARS));
}

struct check {
	const struct trigger_scope *scope;
	const struct conf_texts *declared; /* NULL = all that the kind of event sets */
	const struct conf_file *file;
	const struct conf_node *node;
	struct conf_report *report;
	size_t at; /* character of the piece */
};

static int complain(const struct check *c, const char *hint, const char *what, struct str which)
{
	conf_complain(c->report, c->file, c->node, c->at, CONF_ERROR, hint, "%s \"$(%.*s)\"", what,
		STR_FMT(which));
	return ERR_INVALID;
}

static int complain_unknown(const struct check *c, const struct piece *p)
{
	const char *names[VARIABLES];
	char hint[NAME_BYTES + 24] = "`mynah help variables` lists them";

	for (size_t i = 0; i < VARIABLES; i++)
		names[i] = variables[i].name;
	const char *near = conf_nearest(p->name, names, VARIABLES);
	if (near) {
		struct buf b;

		buf_init(&b, sizeof(hint) - 1);
		if (buf_addf(&b, "did you mean $(%s)?", near) == 0)
			memcpy(hint, b.at, b.len + 1);
		buf_fini(&b);
	}
	return complain(c, hint, "unknown variable", p->text);
}

/* Under this name or another of the same variable; $(2) only as 2. */
static bool is_declared(
	const struct conf_texts *declared, struct str name, const struct variable *v)
{
	int64_t n;
	bool is_rest;
	const bool is_word = is_word_number(name, &n, &is_rest);

	for (size_t i = 0; i < declared->n; i++) {
		const struct str one = str_of(declared->at[i]);

		if (is_word ? str_eq(one, name) : find_variable(one) == v)
			return true;
	}
	return false;
}

static bool has_field(const struct trigger_scope *scope, struct str name)
{
	return scope->schema && trigger_schema_has(scope->schema, path_of(name));
}

static int check_variable(const struct check *c, const struct piece *p)
{
	const struct variable *v = find_variable(p->name);
	int64_t from, to;
	bool is_rest;

	if (is_word_number(p->name, &from, &is_rest))
		v = find_variable(is_rest ? STR("1:") : STR("1"));
	if (!v)
		return complain_unknown(c, p);
	if (strcmp(v->name, "random") == 0) {
		if (p->argument.len > 0 && !is_range(p->argument, &from, &to))
			return complain(c, "write a range like $(random 1-6)",
				"this range of numbers cannot be read:", p->text);
	} else if (is_count(v)) {
		if (p->argument.len > 0 && !trigger_is_name(p->argument))
			return complain(c, "its name, a-z 0-9 _ -: $(count deaths)",
				"no counter can be called so:", p->text);
	} else if (p->argument.len > 0) {
		return complain(c, "a default stands after a bar: $(name|default)",
			"this variable takes nothing after its name:", p->text);
	}
	if (find_byte(p->fallback, 0, '$') < p->fallback.len)
		return complain(c, "a default is plain text",
			"a default cannot hold another variable:", p->text);
	if (c->declared)
		return is_declared(c->declared, p->name, v)
			? 0 : complain(c, "add it to variables:", "not declared:", p->text);
	if (is_count(v) && (p->argument.len > 0 || c->scope->has_counter))
		return 0;
	if (v->add == add_answer && !p->has_fallback && !has_field(c->scope, p->name))
		return complain(c, "it is $(answer.NAME) in the reply: of a trigger with schema:",
			"no schema has this field:", p->text);
	if (v->add == add_previous && !c->scope->has_previous && !p->has_fallback)
		return complain(c, "it is for the second step of a chain: and for those after it",
			"no step is before this one:", p->text);
	if (!is_set_for(v, c->scope->kind) && !p->has_fallback)
		conf_complain(c->report, c->file, c->node, c->at, CONF_WARNING,
			"give it a default, $(name|default), or leave it out",
			"$(%s) is always empty for \"on: %s\"", v->name,
			event_kind_name(c->scope->kind));
	return 0;
}

static int check_text(struct check *c, struct str text)
{
	struct str rest = text;
	struct piece p;
	int err = 0;

	if (text.len > TRIGGER_TEXT_BYTES) {
		conf_complain(c->report, c->file, c->node, 0, CONF_ERROR,
			"a chat message has at most 500 characters",
			"this text has %zu bytes, the most is %d", text.len, TRIGGER_TEXT_BYTES);
		return ERR_INVALID;
	}
	while (rest.len > 0) {
		c->at = text_points((struct str){text.at, text.len - rest.len});
		if (!next_piece(&rest, &p))
			break;
		if (p.kind == PIECE_VARIABLE && check_variable(c, &p) < 0)
			err = ERR_INVALID;
		if (p.kind == PIECE_UNCLOSED) {
			conf_complain(c->report, c->file, c->node, c->at, CONF_ERROR,
				"write $$( for a plain $(", "this variable is not closed");
			err = ERR_INVALID;
		}
	}
	return err;
}

/* ERR_INVALID after complaints, each at its variable. */
static int check_template(struct str text, const struct trigger_scope *scope,
	const struct conf_file *f, const struct conf_node *n, struct conf_report *r)
{
	struct check c = {.scope = scope, .file = f, .node = n, .report = r};

	return check_text(&c, text);
}

int trigger_template_check_declared(struct str text, const struct conf_texts *names,
	const struct conf_file *f, const struct conf_node *declared, const struct conf_node *n,
	struct conf_report *r)
{
	struct check c = {.declared = names, .file = f, .report = r};
	int err = 0;

	for (size_t i = 0; i < names->n; i++) {
		const struct piece p = {.name = str_of(names->at[i]), .text = str_of(names->at[i])};
		int64_t number;
		bool is_rest;

		c.node = declared && conf_node_kind(declared) == CONF_LIST
			? conf_node_at(declared, i) : declared;
		if (!find_variable(p.name) && !is_word_number(p.name, &number, &is_rest))
			err = complain_unknown(&c, &p);
	}
	c.node = n;
	return check_text(&c, text) ? ERR_INVALID : err;
}

bool trigger_template_needs_stream(struct str text)
{
	const struct variable *v;
	struct piece p;

	while (next_piece(&text, &p)) {
		v = p.kind == PIECE_VARIABLE ? find_variable(p.name) : NULL;
		if (v && v->is_of_stream)
			return true;
	}
	return false;
}

void trigger_template_read(struct trigger_reading *rd, struct trigger *t, const char *text,
	bool has_previous, const struct conf_node *n)
{
	const struct trigger_scope scope = {
		.kind = t->on,
		.has_counter = t->count.name != NULL,
		.has_previous = has_previous,
		.schema = text == t->reply ? t->schema : NULL,
	};

	if (!text)
		return;
	if (trigger_template_needs_stream(str_of(text)))
		t->own->needs_stream = true;
	trigger_reading_note(
		rd, check_template(str_of(text), &scope, rd->file, n, rd->report));
}

/* ---- Filling in ------------------------------------------------------------------------------ */

static int add_word(const struct source *s, int64_t n, bool is_rest, struct buf *out)
{
	const struct trigger_hit *hit = s->hit;

	if (!is_rest && hit && hit->captures_n > 1)
		return (size_t)n < hit->captures_n ? buf_add_str(out, hit->captures[n]) : 0;
	return buf_add_str(out, word_of(query_of(s), (long)n, is_rest));
}

static int add_random(struct source *s, struct str range, struct buf *out)
{
	int64_t from = 1, to = 100;

	if (range.len > 0 && !is_range(range, &from, &to))
		return 0;
	int64_t n = from + (int64_t)(s->random % (uint64_t)(to - from + 1));
	s->random = s->random * 1664525u + 1013904223u; /* the next one differs; a LCG is plenty */
	s->random ^= s->random >> 16;
	return buf_addf(out, "%lld", (long long)n);
}

/* A value that stands at the end of out, as the writer has it. */
static int rewrite(const struct trigger_writer *w, size_t from, struct buf *out)
{
	struct buf value;
	int err;

	buf_init(&value, TRIGGER_TEXT_BYTES);
	err = buf_add(&value, out->at + from, out->len - from);
	buf_truncate(out, from);
	if (err == 0)
		err = w->write(w->ctx, buf_str(&value), out);
	buf_fini(&value);
	return err;
}

/* A counter that is named, else the trigger's own, else the event's amount. */
static int add_count(const struct source *s, struct str name, struct buf *out)
{
	const struct trigger *t = s->hit ? s->hit->trigger : NULL;

	if (name.len == 0 && (!t || !t->count.name))
		return add_amount(s, out);
	if (!s->hit || !s->hit->counted)
		return 0;
	if (name.len == 0)
		name = str_of(t->count.name);
	return buf_addf(out, "%lld",
		(long long)s->hit->counted(s->hit->counted_ctx, s->event, name));
}

static int add_variable(struct source *s, const struct piece *p, struct buf *out)
{
	size_t before = out->len;
	int64_t n;
	bool is_rest;
	int err = 0;

	if (is_word_number(p->name, &n, &is_rest)) {
		err = add_word(s, n, is_rest, out);
	} else {
		const struct variable *v = find_variable(p->name);

		s->path = path_of(p->name);
		if (v && v->add)
			err = v->add(s, out);
		else if (v && is_count(v))
			err = add_count(s, p->argument, out);
		else if (v)
			err = add_random(s, p->argument, out);
	}
	if (err == 0 && out->len == before)
		return buf_add_str(out, p->fallback);
	return err == 0 && s->hit && s->hit->writer ? rewrite(s->hit->writer, before, out) : err;
}

int trigger_expand(const char *text, const struct event *e, const struct trigger_hit *hit,
	uint32_t random, struct buf *out)
{
	struct source s = {.event = e, .hit = hit, .random = random};
	struct str rest = str_of(text);
	struct piece p;
	int err = 0;

	while (err == 0 && next_piece(&rest, &p))
		err = p.kind == PIECE_VARIABLE ? add_variable(&s, &p, out)
					       : buf_add_str(out, p.text);
	return err;
}
