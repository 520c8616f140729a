/* The gate: cheap questions in the order of design.md section 4, asked of every event before any
 * trigger is tried: self, bot, duplicate, foreign room, quiet, ignored user. Nothing is allocated
 * for an event that stops here or that no trigger wants. */
#include "bot/room.h"

#include <string.h>

int bot_ring_init(struct bot_ring *r)
{
	r->slots = mem_array(BOT_SEEN_MAX, sizeof(*r->slots));
	return r->slots ? 0 : ERR_NOMEM;
}

void bot_ring_fini(struct bot_ring *r)
{
	HASH_CLEAR(hh, r->table);
	mem_free(r->slots);
	memset(r, 0, sizeof(*r));
}

static struct bot_seen *ring_find(struct bot_ring *r, struct str id, int64_t now_ms)
{
	struct bot_seen *s;
	size_t n = id.len < BOT_SEEN_ID_BYTES - 1 ? id.len : BOT_SEEN_ID_BYTES - 1;

	HASH_FIND(hh, r->table, id.at, n, s);
	return s && now_ms - s->at_ms < BOT_SEEN_MS ? s : NULL;
}

/* Was the id seen within the last ten minutes? If not, it is from now on; the oldest makes room.
 * Without memory for that, it stays unseen. */
static bool ring_seen(struct bot_ring *r, struct str id, int64_t now_ms)
{
	if (id.len == 0 || !r->slots)
		return false;
	if (ring_find(r, id, now_ms))
		return true;

	struct bot_seen *s = &r->slots[r->next];
	size_t n = id.len < BOT_SEEN_ID_BYTES - 1 ? id.len : BOT_SEEN_ID_BYTES - 1;

	r->next = (r->next + 1) % BOT_SEEN_MAX;
	if (hash_has(s))
		HASH_DEL(r->table, s);
	memset(s, 0, sizeof(*s));
	memcpy(s->id, id.at, n);
	s->at_ms = now_ms;
	HASH_ADD_KEYPTR(hh, r->table, s->id, n, s);
	return false;
}

static bool is_listed(const struct conf_texts *list, const struct event *e)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_is_nocase(e->login, list->at[i]) || str_is(e->user_id, list->at[i]))
			return true;
	}
	return false;
}

const struct conf_place *bot_place_of(const struct bot_world *w, const struct event *e)
{
	for (size_t i = 0; i < w->conf->place_count; i++) {
		if (str_is(e->platform, w->conf->places[i].name))
			return &w->conf->places[i];
	}
	return NULL;
}

enum reason bot_gate(struct bot *b, const struct event *e, const struct bot_channel *c)
{
	const struct conf_place *p = bot_place_of(b->world, e);

	if (e->is_self)
		return REASON_SELF;
	if (e->is_bot || (p && is_listed(&p->bots, e)))
		return REASON_BOT;
	if (ring_seen(&b->places[e->place].seen, e->id, e->at_ms))
		return REASON_DUPLICATE;
	if (e->is_foreign)
		return REASON_FOREIGN_ROOM;
	if (bot_channel_is_quiet(c, e->at_ms) && !bot_command_is(e))
		return REASON_QUIET; /* those are answered in private, and one of them ends it */
	if (p && is_listed(&p->ignore, e))
		return REASON_IGNORED_USER;
	return REASON_NONE;
}

const char *bot_gate_ask(struct bot *b, const struct bot_world *w, size_t i, const struct event *e,
	enum reason *r, struct buf *why)
{
	static const char *const names[] = {"self", "bot", "duplicate", "foreign_room", "quiet",
		"ignored_user"};
	static const enum reason reasons[] = {REASON_SELF, REASON_BOT, REASON_DUPLICATE,
		REASON_FOREIGN_ROOM, REASON_QUIET, REASON_IGNORED_USER};
	static const char *const passes[] = {"not the bot's own message", "not a known bot",
		"a new message", "written in this channel", "the channel may be answered",
		"not on the ignore list"};
	const struct conf_place *p = bot_place_of(w, e);
	bool stops = false;

	if (i >= sizeof(names) / sizeof(names[0]))
		return NULL;
	switch (reasons[i]) {
	case REASON_SELF: stops = e->is_self; break;
	case REASON_BOT: stops = e->is_bot || (p && is_listed(&p->bots, e)); break;
	case REASON_DUPLICATE:
		stops = b && e->id.len > 0 &&
			ring_find(&b->places[e->place].seen, e->id, e->at_ms);
		break;
	case REASON_FOREIGN_ROOM: stops = e->is_foreign; break;
	case REASON_QUIET:
		stops = b && bot_channel_is_quiet(bot_channel_of(b, e), e->at_ms) &&
			!bot_command_is(e);
		break;
	default: stops = p && is_listed(&p->ignore, e); break;
	}
	*r = stops ? reasons[i] : REASON_NONE;
	if (buf_adds(why, stops ? reason_text(reasons[i]) : passes[i]))
		return NULL;
	return names[i];
}
