/* May it be said? The safety room is asked with everything that is known of the turn. */
#include "bot/room.h"

struct secret_search {
	struct str text;
	bool is_found;
};

static void search_secret(void *ctx, const struct secret *s)
{
	struct secret_search *q = ctx;

	q->is_found = q->is_found || secret_is_in(s, q->text);
}

/* Those of the config, and what places were given besides: kept logins. */
static bool has_secret(void *ctx, struct str text)
{
	const struct turn *t = ctx;
	struct secret_search q = {text, false};

	conf_secrets_each(t->world->conf, search_secret, &q);
	for (unsigned i = 0; t->bot && i < BOT_PLACES_MAX; i++) {
		const struct bot_place *p = &t->bot->places[i];

		if (p->name && p->platform.ops->secrets)
			p->platform.ops->secrets(p->platform.self, search_secret, &q);
	}
	return q.is_found;
}

static struct str system_of(const struct turn *t)
{
	if (!t->prompt || t->prompt->n == 0)
		return (struct str){NULL, 0};
	return t->prompt->messages[0].text;
}

/* How many messages an answer to this event may take. */
static size_t parts_of(const struct bot_world *w, const struct event *e)
{
	const struct conf_place *p = bot_place_of(w, e);

	return p && p->parts > 1 ? (size_t)p->parts : 1;
}

size_t bot_answer_chars(const struct bot_world *w, const struct event *e)
{
	const struct form *f = form_of(e->platform);

	return event_is_talk(e) ? f->answer * parts_of(w, e) : f->remark;
}

enum reason bot_judge(const struct turn *t, const struct bot_text *text, struct buf *out,
	const char **rule)
{
	const bool is_model = text->is_model;
	const struct safety_context c = {
		.bot = str_of(t->world->conf->name),
		.persona = str_of(t->persona->name),
		.user = t->event->user,
		.question = t->event->text,
		.system = is_model ? system_of(t) : (struct str){NULL, 0},
		.canary = is_model ? str_of(t->persona->canary) : (struct str){NULL, 0},
		.form = form_of(t->event->platform),
		.parts = parts_of(t->world, t->event),
		.is_model = is_model,
		.was_cut = text->was_cut,
		.is_growing = text->is_growing,
		.has_secret = has_secret,
		.ctx = (void *)t,
	};
	enum reason r = safety_check(t->world->safety, &c, text->text, out, rule);

	if (r != REASON_NONE)
		buf_clear(out);
	if (!*rule)
		*rule = "";
	return r;
}
