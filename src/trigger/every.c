/* every: a trigger that the clock wakes. What is about a message or about a person has no meaning
 * there, and is complained of rather than ignored. */
#include "trigger/room.h"

static void refuse_keys(struct trigger_reading *rd, const struct trigger *t)
{
	static const char *const keys[] = {"words", "command", "exact", "contains", "name", "match",
		"direct", "first", "min_length", "max_length", "min_words", "at_least", "level",
		"allow", "deny", "thread", "examples"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct conf_node *n = conf_node_find(rd->entry, keys[i]);

		if (n)
			TRIGGER_COMPLAIN(rd, n, "make it a trigger of its own",
				"trigger \"%s\" waits for the clock: nobody writes what \"%s\" is "
				"about", t->name, keys[i]);
	}
	if (t->per_stream == TRIGGER_ONCE_A_USER)
		TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "per_stream"),
			"write per_stream: channel", "a timer is nobody's");
}

void trigger_every_read(struct trigger_reading *rd, struct trigger *t)
{
	const struct conf_node *on = conf_node_find(rd->entry, "on");

	if (t->every_ms == 0) {
		if (t->on == EVENT_TIMER && !conf_node_find(rd->entry, "every"))
			TRIGGER_COMPLAIN(rd, on, "add every: 15m",
				"how often trigger \"%s\" shall speak is not said", t->name);
		if (t->min_lines > 0 && !conf_node_find(rd->entry, "every"))
			TRIGGER_COMPLAIN(rd, conf_node_find(rd->entry, "min_lines"),
				"add every: 15m",
				"only a trigger with every: waits for chat lines");
		return;
	}
	if (on && t->on != EVENT_TIMER)
		TRIGGER_COMPLAIN(rd, on, "leave on: out, or make it a trigger of its own",
			"a trigger with every: waits for the clock, not for \"%s\"",
			event_kind_name(t->on));
	t->on = EVENT_TIMER;
	refuse_keys(rd, t);
}
