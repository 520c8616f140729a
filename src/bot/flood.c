/* Floods of raid bots (spec X-10): told by the last messages of a channel. */
#include "bot/flood.h"

static uint32_t short_hash(uint64_t h)
{
	return (uint32_t)(h ^ (h >> 32)) | 1; /* never 0 */
}

/* Short texts are said by many, commands are there to be, and who has a role is one of ours. */
static bool can_tell(const struct event *e)
{
	return e->text.len >= BOT_FLOOD_TEXT_BYTES && !event_is_sort(e, SORT_COMMAND) &&
		event_level(e) == LEVEL_EVERYONE;
}

static struct bot_flood_said *remember(struct bot_flood *f, const struct event *e, int64_t now_ms)
{
	const size_t i = f->n++ % BOT_FLOOD_SAID;

	f->said[i] = (struct bot_flood_said){
		.text = can_tell(e) ? short_hash(text_fold_hash(e->text)) : 0,
		.user = short_hash(text_fold_hash(e->user_id)),
		.at_ms = (uint32_t)now_ms,
	};
	f->firsts = (f->firsts & ~(UINT32_C(1) << i)) | (uint32_t)e->is_first << i;
	f->last_ms = now_ms;
	return &f->said[i];
}

static bool is_recent(const struct bot_flood *f, size_t i)
{
	return i < f->n && (uint32_t)f->last_ms - f->said[i].at_ms < BOT_FLOOD_MS;
}

/* Different people among the recent ones that said this text. */
static size_t count_same(const struct bot_flood *f, uint32_t text)
{
	const struct bot_flood_said *seen[BOT_FLOOD_SAME];
	size_t people = 0;

	for (size_t i = 0; i < BOT_FLOOD_SAID && people < BOT_FLOOD_SAME; i++) {
		const struct bot_flood_said *s = &f->said[i];
		bool is_new = text != 0 && s->text == text && is_recent(f, i);

		for (size_t k = 0; k < people && is_new; k++)
			is_new = seen[k]->user != s->user;
		if (is_new)
			seen[people++] = s;
	}
	return people;
}

static bool are_mostly_firsts(const struct bot_flood *f)
{
	size_t all = 0, firsts = 0;

	for (size_t i = 0; i < BOT_FLOOD_SAID; i++) {
		all += is_recent(f, i);
		firsts += is_recent(f, i) && (f->firsts >> i & 1);
	}
	return firsts >= BOT_FLOOD_FIRSTS && 2 * firsts >= all;
}

bool bot_flood_note(struct bot_flood *f, const struct event *e, int64_t now_ms)
{
	const bool was_on = bot_flood_is_on(f, now_ms);
	const struct bot_flood_said *s;

	if (e->kind == EVENT_RAID)
		f->raid_until_ms = now_ms + BOT_FLOOD_RAID_MS;
	if (e->kind != EVENT_MESSAGE)
		return false;
	s = remember(f, e, now_ms);
	if (event_level(e) != LEVEL_EVERYONE || now_ms < f->raid_until_ms)
		return false;
	if (count_same(f, s->text) < BOT_FLOOD_SAME &&
			!(e->is_first && are_mostly_firsts(f)))
		return false;
	f->until_ms = now_ms + BOT_FLOOD_CALM_MS;
	return !was_on;
}

bool bot_flood_is_on(const struct bot_flood *f, int64_t now_ms)
{
	return now_ms < f->until_ms;
}

bool bot_flood_is_over(const struct bot_flood *f, int64_t now_ms)
{
	return now_ms >= f->until_ms && now_ms >= f->raid_until_ms &&
		(f->n == 0 || now_ms - f->last_ms >= BOT_FLOOD_MS);
}
