/* What the places are told of the turns that their events began: a model is asked, this much is
 * written, nothing will be said. So they can show that somebody types, an answer while it grows,
 * and end what waits for one. */
#include "bot/room.h"

static const struct platform *listener(const struct bot *b, const struct event *e)
{
	const struct bot_place *p = &b->places[e->place];

	return p->name && p->platform.ops && p->platform.ops->turn ? &p->platform : NULL;
}

bool bot_step_matters(const struct turn *t)
{
	return listener(t->bot, t->event) != NULL;
}

static void tell(const struct turn *t, struct platform_turn step)
{
	const struct platform *p = listener(t->bot, t->event);

	step.turn = t->id;
	step.event = t->event;
	if (p)
		p->ops->turn(p->self, &step);
}

void bot_step_thinking(const struct turn *t)
{
	tell(t, (struct platform_turn){.step = PLATFORM_TURN_THINKING});
}

/* Only what goes on from what has been shown is told. An answer that turns out otherwise than it
 * began, or that must not be said, is not shown before it is whole: safety has the last word. */
void bot_step_so_far(struct turn *t, struct str text)
{
	const struct bot_text said = {.text = text, .is_model = true, .is_growing = true};
	const char *rule = "";
	struct buf out;

	if (t->is_hushed)
		return;
	buf_init(&out, t->shown.max);
	const enum reason r = bot_judge(t, &said, &out, &rule);
	const struct str before = buf_str(&t->shown), now = buf_str(&out);

	if (r == REASON_NONE && now.len > before.len &&
			str_eq((struct str){now.at, before.len}, before)) {
		buf_clear(&t->shown);
		if (buf_add_str(&t->shown, now) == 0)
			tell(t, (struct platform_turn){.step = PLATFORM_TURN_SO_FAR, .text = now});
	} else if (r != REASON_NONE && r != REASON_EMPTY) {
		t->is_hushed = true;
	}
	buf_fini(&out);
}

void bot_step_over(const struct turn *t, enum reason r)
{
	tell(t, (struct platform_turn){.step = PLATFORM_TURN_OVER,
		.reason = r == REASON_PROVIDER && t->is_slow ? REASON_LATE : r});
}

void bot_step_none(struct bot *b, const struct event *e, enum reason r)
{
	const struct platform *p = listener(b, e);

	/* The first of two twins is being answered: it is not over. */
	if (p && e->kind == EVENT_SLASH && r != REASON_DUPLICATE)
		p->ops->turn(p->self, &(struct platform_turn){.turn = "", .event = e,
			.step = PLATFORM_TURN_OVER, .reason = r});
}
