/* Trying triggers before they are let in: their examples, on themselves. */
#include "trigger/room.h"

struct examples {
	struct conf_node *fires, *ignores;
};

static const struct conf_option example_options[] = {
	{.name = "fires",
		.type = CONF_NODE,
		.offset = offsetof(struct examples, fires),
		.help = "Messages that must wake the trigger."},
	{.name = "ignores",
		.type = CONF_NODE,
		.offset = offsetof(struct examples, ignores),
		.help = "Messages that must not."},
};
#define EXAMPLE_OPTIONS (sizeof(example_options) / sizeof(example_options[0]))

struct example_run {
	struct trigger trigger; /* without place and switch: an example is about the words */
	struct pattern_engine *engine;
	const struct conf_file *file;
	struct conf_report *report;
};

/* One example as an event that satisfies everything but the text. */
static struct event event_of(const struct trigger *t, struct str text)
{
	struct event e = {.kind = t->on, .text = text};

	e.platform = STR("console");
	e.user = e.login = e.user_id = STR("somebody");
	e.channel = e.channel_id = STR("example");
	e.count = e.bits = e.months = t->at_least;
	e.is_direct = e.is_first = true;
	e.is_action = t->sort == SORT_ACTION;
	if (t->sort == SORT_REPLY)
		e.to_id = STR("example");
	e.stream.is_known = true;
	e.stream.is_live = t->when != TRIGGER_OFFLINE;
	if (t->games.n > 0)
		e.stream.game = str_of(t->games.at[0]);
	if (t->rewards.n > 0)
		e.reward = str_of(t->rewards.at[0]);
	if (t->slash.name && text.len > 0 && text.at[0] == '/') { /* "/ask why?" */
		struct str rest = {text.at + 1, text.len - 1};

		e.kind = EVENT_SLASH;
		e.command = str_split(&rest, ' ');
		e.text = str_trim(rest);
	}
	return e;
}

static int run_one(const struct example_run *run, const struct conf_node *n, size_t i, bool fires)
{
	const struct trigger *t = &run->trigger;
	struct str captures[PATTERN_CAPTURES];
	struct trigger_subject s;
	struct buf text, why;
	size_t count;
	int err = ERR_NOMEM;

	buf_init(&text, PATTERN_SUBJECT_BYTES);
	buf_init(&why, TRIGGER_WHY_BYTES);
	if (text_scrub(conf_node_text(n), TEXT_CHAT, &text) == ERR_NOMEM)
		goto out;
	struct event e = event_of(t, buf_str(&text));
	trigger_subject_init(&s, &e);
	const int misfit = trigger_misfit(t, &s);
	int rc = misfit == TRIGGER_FITS ? trigger_try(t, run->engine, &s, captures, &count) : 0;
	err = 0;
	if ((rc == 1) == fires)
		goto out;
	err = ERR_INVALID;
	if (fires && trigger_tell_misfit(t, misfit, &s, &why) < 0)
		buf_clear(&why);
	conf_complain(run->report, run->file, n, 0, CONF_ERROR,
		fires ? "change the example, or widen the trigger"
		      : "change the example, or narrow the trigger",
		"example %zu of %s: \"%.*s\" %s trigger \"%s\"%s%s", i + 1,
		fires ? "fires" : "ignores", STR_FMT(conf_node_text(n)),
		fires ? "does not fire" : "fires", t->name, why.len > 0 ? ": " : "",
		buf_text(&why));
out:
	buf_fini(&text);
	buf_fini(&why);
	return err;
}

static int run_list(const struct example_run *run, const struct conf_node *list, bool fires)
{
	int err = 0;

	if (!list)
		return 0;
	if (conf_node_kind(list) == CONF_SCALAR)
		return run_one(run, list, 0, fires);
	for (size_t i = 0; i < conf_node_count(list); i++) {
		const struct conf_node *n =
			conf_node_kind(list) == CONF_LIST ? conf_node_at(list, i) : NULL;

		if (!n || conf_node_kind(n) != CONF_SCALAR) {
			conf_complain(run->report, run->file, n ? n : list, 0, CONF_ERROR,
				"write [\"one message\", \"another\"]",
				"examples are a list of messages");
			return ERR_INVALID;
		}
		int rc = run_one(run, n, i, fires);
		err = rc < 0 ? rc : err;
	}
	return err;
}

int trigger_examples(const struct trigger *t, struct pattern_engine *g, const struct conf_file *f,
	const struct conf_node *examples, struct conf_report *r)
{
	struct example_run run = {.trigger = *t, .engine = g, .file = f, .report = r};
	struct examples both = {0};
	int err = conf_read(r, f, examples, example_options, EXAMPLE_OPTIONS, &both);

	run.trigger.in.n = 0;
	run.trigger.is_on = true;
	if (err == 0) {
		int fires = run_list(&run, both.fires, true);
		int ignores = run_list(&run, both.ignores, false);

		err = fires < 0 ? fires : ignores;
	}
	conf_free_options(example_options, EXAMPLE_OPTIONS, &both);
	return err;
}
