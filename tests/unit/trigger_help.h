/* What the trigger tests share: a set from text, an event, a search. */
#ifndef TRIGGER_HELP_H
#define TRIGGER_HELP_H

#include "unit.h"

#include "trigger/trigger.h"

/* A loaded file of triggers and what was complained about it. */
struct loaded {
	struct conf_report report;
	struct trigger_set *set;
	struct trigger_state *state;
};

static inline int load(struct loaded *l, const char *yaml)
{
	static const char *const personas[] = {"mynah", "pirate"};
	static const struct trigger_prompt prompts[] = {
		{"greet@1.0.0", "Greet $(user)."}, {"greet", "Greet $(user)."}};
	static const struct trigger_refs refs = {personas, 2, prompts, 2, NULL, 0, "mynah"};
	struct trigger_file *file = NULL;
	struct conf_file *conf = NULL;
	int err;

	memset(l, 0, sizeof(*l));
	conf_report_init(&l->report);
	assert_int_equal(trigger_state_new(&l->state), 0);
	err = conf_file_parse("test.yaml", str_of(yaml), &l->report, &conf);
	if (err == 0)
		err = trigger_file_read(conf, &refs, &l->report, &file);
	if (err == 0)
		err = trigger_set_new(&file, 1, &l->report, &l->set);
	conf_file_free(conf);
	return err;
}

static inline void unload(struct loaded *l)
{
	trigger_set_free(l->set);
	trigger_state_free(l->state);
	conf_report_fini(&l->report);
}

/* All complaints as a person reads them; static, until the next call. */
static inline const char *complaints(const struct loaded *l)
{
	static char text[8192];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	assert_int_equal(conf_report_write(&l->report, false, &b), 0);
	snprintf(text, sizeof(text), "%s", buf_text(&b));
	buf_fini(&b);
	return text;
}

static inline void load_good(struct loaded *l, const char *yaml)
{
	if (load(l, yaml) != 0)
		fail_msg("refused:\n%s\n%s", yaml, complaints(l));
}

/* A message by an ordinary user. */
static inline struct event message(const char *text)
{
	struct event e = {.kind = EVENT_MESSAGE, .text = str_of(text)};

	e.platform = STR("twitch");
	e.channel = STR("alice");
	e.channel_id = STR("1234");
	e.user = STR("Bob");
	e.login = STR("bob");
	e.user_id = STR("77");
	return e;
}

/* The name of the trigger that claims the event, "" for none. The state is fresh for each. */
static inline const char *found(struct loaded *l, const struct event *e)
{
	struct trigger_hit hit;

	trigger_state_free(l->state);
	assert_int_equal(trigger_state_new(&l->state), 0);
	(void)trigger_find(l->set, l->state, e, 1000, 0, &hit);
	return hit.trigger ? hit.trigger->name : "";
}

static inline const char *found_text(struct loaded *l, const char *text)
{
	struct event e = message(text);

	return found(l, &e);
}

#endif
