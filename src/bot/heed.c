/* May a model be asked with what chat brings along? Every word of the event that goes into a prompt
 * is judged: the message, names, the reward, the stream's title where the trigger speaks of it; and
 * once more what is remembered, for rules may be younger than that, and a memory may hold what no
 * rule has seen. */
#include "bot/room.h"

#include <stdio.h>

/* Does a step of the trigger speak of the stream? */
static bool tells_stream(const struct bot_world *w, const struct trigger *t)
{
	for (size_t i = 0; i < t->step_count; i++) {
		const struct trigger_step *step = &t->steps[i];
		const struct prompt_file *p =
			step->prompt ? bot_world_prompt(w, step->prompt) : NULL;
		const char *words = p ? p->text : step->ask;

		if (words && trigger_template_needs_stream(str_of(words)))
			return true;
	}
	return false;
}

void bot_heed_event(const struct bot_world *w, const struct trigger *t, const struct event *e,
	struct bot_heard *out)
{
	const bool has_stream = tells_stream(w, t);
	const struct {
		const char *what;
		struct str text;
	} parts[] = {
		{"the message", e->text},
		{"the name", e->user},
		{"the login", e->login},
		{"the name of somebody else", e->touser},
		{"the names", e->users},
		{"the reward", e->reward},
		{"the stream's title", has_stream ? e->stream.title : (struct str){NULL, 0}},
		{"the stream's category", has_stream ? e->stream.game : (struct str){NULL, 0}},
	};

	*out = (struct bot_heard){.reason = REASON_NONE};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct safety_heard heard;
		const enum reason r = parts[i].text.len > 0
					      ? safety_hear(w->safety, parts[i].text, &heard)
					      : REASON_NONE;

		if (parts[i].text.len == 0 || (r == REASON_NONE && heard.score <= out->heard.score))
			continue;
		*out = (struct bot_heard){.reason = r, .what = parts[i].what, .heard = heard};
		if (r != REASON_NONE)
			return;
	}
}

enum reason bot_heed(struct turn *t)
{
	struct bot_heard h;
	char score[16];

	bot_heed_event(t->world, t->hit.trigger, t->event, &h);
	if (!h.heard.rule)
		return h.reason;
	snprintf(score, sizeof(score), "%.2f", h.heard.score);
	log_event(LOG_INFO, "bot", h.reason == REASON_NONE ? "input_noted" : "input_refused",
		"turn", t->id, "rule", h.heard.rule, "score", score, "where", h.what, NULL);
	if (h.reason == REASON_UNSAFE) {
		t->rule = h.heard.rule;
		t->bot->refused_input++;
	} else {
		t->bot->noted_input++;
	}
	return h.reason;
}

static bool may_recall(const struct turn *t, struct str text)
{
	struct safety_heard heard;

	if (text.len == 0 || safety_hear(t->world->safety, text, &heard) == REASON_NONE)
		return true;
	log_event(LOG_INFO, "bot", "input_refused", "turn", t->id, "rule", heard.rule, "where",
		"what was said before", NULL);
	return false;
}

int bot_heed_past(const struct turn *t, const struct conversation *past, struct conversation *out)
{
	struct line *lines = mem_array(past->n + 1, sizeof(*lines));
	bool may_answer = true;
	size_t n = 0;

	*out = (struct conversation){lines, 0};
	if (!lines)
		return ERR_NOMEM;
	for (size_t i = 0; i < past->n; i++) {
		const struct line *l = &past->lines[i];
		bool may = may_recall(t, l->text) && (l->is_bot || may_recall(t, l->name));

		if (!l->is_bot)
			may_answer = may;
		if (may && may_answer)
			lines[n++] = *l;
	}
	out->n = n;
	return 0;
}
