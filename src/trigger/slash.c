/* slash: the command by which people call a trigger on platforms that have such commands, and what
 * they are shown of it. */
#include "trigger/room.h"

#define OPTION_NAME "text"
#define OPTION_HELP "What you want to say"

#define AT(member) .offset = offsetof(struct trigger_slash, member)

static const struct conf_option options[] = {
	{.name = "name", .type = CONF_TEXT, AT(name),
		.help = "Letters, digits, - and _, at most 32; in lower case."},
	{.name = "description", .type = CONF_TEXT, AT(description),
		.help = "What people read below the name; else the trigger's own description."},
	{.name = "option", .type = CONF_TEXT, AT(option),
		.help = "Name of the text that people may give it; text if the trigger has ask:."},
	{.name = "option_help", .type = CONF_TEXT, AT(option_help), .fallback = OPTION_HELP,
		.help = "What people read beside that."},
	{.name = "required", .type = CONF_BOOL, AT(is_required), .fallback = "no",
		.help = "Whether it takes that text to call it; yes if left out and it has ask:."},
	{.name = "private", .type = CONF_BOOL, AT(is_private), .fallback = "no",
		.help = "Whether only who called it sees the answer."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

void trigger_slash_fini(struct trigger_slash *s)
{
	conf_free_options(options, OPTIONS, s);
}

/* Where a complaint about a key of it goes. */
static const struct conf_node *node_of(const struct conf_node *n, const char *key)
{
	const struct conf_node *value =
		conf_node_kind(n) == CONF_MAP ? conf_node_find(n, key) : NULL;

	return value ? value : n;
}

static void check_name(struct trigger_reading *rd, const struct conf_node *n, const char *name)
{
	enum slash_own own;

	if (!slash_is_name(str_of(name)))
		TRIGGER_COMPLAIN(rd, node_of(n, "name"),
			"letters, digits, - and _ in lower case, at most 32, without the slash",
			"\"%s\" cannot be the name of a slash command", name);
	else if (slash_own_parse(str_of(name), &own) == 0)
		TRIGGER_COMPLAIN(rd, node_of(n, "name"), "give it another name",
			"/%s is a command that mynah answers itself", name);
}

static void check_text(struct trigger_reading *rd, const struct conf_node *n, const char *key,
	const char *text)
{
	const size_t points = text_points(str_of(text));

	if (str_trim(str_of(text)).len == 0 || points > SLASH_HELP_POINTS)
		TRIGGER_COMPLAIN(rd, node_of(n, key), "a few words say what it is for",
			"the %s of a slash command has 1 to %d characters, this has %zu", key,
			SLASH_HELP_POINTS, points);
}

static void set_text(struct trigger_reading *rd, char **member, struct str text)
{
	if (*member)
		return;
	*member = mem_dupn(text.at, text.len);
	rd->is_nomem = rd->is_nomem || !*member;
}

/* The trigger's own description as far as it fits, else the name. */
static struct str description_of(const struct trigger *t, const struct trigger_slash *s)
{
	struct str text = str_trim(str_of(t->description));

	if (text.len == 0)
		return str_of(s->name);
	text.len = text_cut(text, 0, SLASH_HELP_POINTS);
	return str_trim(text);
}

/* What was left out follows from what the trigger does: a question to a model takes words. */
static void fill_in(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t)
{
	struct trigger_slash *s = &t->own->slash;
	const bool is_map = conf_node_kind(n) == CONF_MAP;
	const bool has_word = is_map && conf_node_find(n, "required");

	set_text(rd, &s->description, description_of(t, s));
	if (s->option && !slash_is_name(str_of(s->option)))
		TRIGGER_COMPLAIN(rd, node_of(n, "option"),
			"letters, digits, - and _ in lower case, at most 32",
			"\"%s\" cannot be the name of an option", s->option);
	if (t->step_count > 0 && !has_word)
		s->is_required = true;
	if (t->step_count > 0)
		set_text(rd, &s->option, STR(OPTION_NAME));
	set_text(rd, &s->option_help, STR(OPTION_HELP));
	if (!s->option && s->is_required)
		TRIGGER_COMPLAIN(rd, node_of(n, "required"), "add option: text",
			"there is no option: that could be required");
	if (rd->is_nomem)
		return;
	check_text(rd, n, "description", s->description);
	check_text(rd, n, "option_help", s->option_help);
	t->slash = (struct slash){
		.name = s->name,
		.description = s->description,
		.option = s->option,
		.option_help = s->option_help,
		.is_required = s->option && s->is_required,
		.is_private = s->is_private,
		.level = t->level,
	};
}

void trigger_slash_read(struct trigger_reading *rd, const struct conf_node *n, bool is_only,
	struct trigger *t)
{
	struct trigger_slash *s = &t->own->slash;

	if (!n) {
		if (t->on == EVENT_SLASH)
			TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "on"), "add slash: NAME",
				"which slash command trigger \"%s\" waits for is not said",
				t->name);
		return;
	}
	if (conf_node_kind(n) == CONF_MAP)
		trigger_reading_note(rd, conf_read(rd->report, rd->file, n, options, OPTIONS, s));
	else if (conf_node_kind(n) == CONF_SCALAR)
		set_text(rd, &s->name, conf_node_text(n));
	if (rd->is_nomem)
		return;
	if (!s->name) {
		TRIGGER_COMPLAIN(rd, n, "write slash: ask, or {name: ask, description: ...}",
			"a slash command needs a name");
		return;
	}
	if (is_only)
		t->on = EVENT_SLASH;
	if (t->on != EVENT_MESSAGE && t->on != EVENT_SLASH)
		TRIGGER_COMPLAIN(rd, t->every_ms > 0 ? n : conf_node_find(rd->entry, "on"),
			"make it a trigger of its own",
			"a slash command cannot wake what waits for \"%s\"",
			event_kind_name(t->on));
	check_name(rd, n, s->name);
	fill_in(rd, n, t);
}
