/* count: the counter that a trigger turns. Its values are the bot's; here stands only which one it
 * is and what becomes of it. */
#include "trigger/room.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct trigger_count, member)

static const struct conf_option options[] = {
	{.name = "name", .type = CONF_TEXT, AT(name),
		.help = "What it is called: a-z 0-9 _ -, at most 64 of them."},
	{.name = "add", .type = CONF_INT, AT(add), .fallback = "1",
		.min = -TRIGGER_COUNT_STEP, .max = TRIGGER_COUNT_STEP,
		.help = "What is added each time; 0 only reads it."},
	{.name = "set", .type = CONF_TEXT, AT(set),
		.help = "What it becomes instead: a number, or a template of one, as $(1)."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static void check_set(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t)
{
	const struct conf_node *set = conf_node_find(n, "set");
	const char *text = t->count.set;
	int64_t number;

	if (conf_node_find(n, "add"))
		TRIGGER_COMPLAIN(rd, set, "keep one of the two", "it either adds or sets");
	trigger_template_read(rd, t, text, false, set);
	if (!strchr(text, '$') && (str_int(str_of(text), &number) ||
			number < -TRIGGER_COUNT_MOST || number > TRIGGER_COUNT_MOST))
		TRIGGER_COMPLAIN(rd, set, "write set: 0, or set: $(1)",
			"\"%s\" is not a number that a counter can have", text);
	if (strchr(text, '$') && t->level == LEVEL_EVERYONE && t->allow == 0 &&
			t->allow_users.n == 0 && t->on != EVENT_TIMER)
		conf_complain(rd->report, rd->file, set, 0, CONF_WARNING, "add level: moderator",
			"everybody may set this counter to what they like");
}

void trigger_count_read(struct trigger_reading *rd, const struct conf_node *n, struct trigger *t)
{
	if (!n)
		return;
	if (conf_node_kind(n) == CONF_MAP) {
		trigger_reading_note(rd, conf_read(rd->report, rd->file, n, options, OPTIONS,
			&t->count));
	} else if (conf_node_kind(n) == CONF_SCALAR) {
		struct str name = conf_node_text(n);

		t->count.name = mem_dupn(name.at, name.len);
		t->count.add = 1;
		rd->is_nomem = rd->is_nomem || !t->count.name;
	}
	if (rd->is_nomem || rd->is_bad)
		return;
	if (!t->count.name || !trigger_is_name(str_of(t->count.name)))
		TRIGGER_COMPLAIN(rd, n, "write count: deaths, or {name: deaths, add: 1}",
			"a counter has a name of a-z 0-9 _ -, at most 64 of them");
	else if (t->count.set)
		check_set(rd, n, t);
}
