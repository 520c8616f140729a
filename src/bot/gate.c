/* The gate: cheap questions in the order of design.md section 4, asked of every event before any
 * trigger is tried: self, bot, duplicate, foreign room, quiet, ignored user. Nothing is allocated for
 * an event that stops here or that no trigger wants. */
#include "bot/room.h"

#include <stdio.h>
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

struct bot_channel *bot_channel(struct bot *b, unsigned place, struct str channel, bool make)
{
	char key[BOT_CHANNEL_BYTES + 16];
	int n = snprintf(key, sizeof(key), "%u:%.*s", place, STR_FMT(channel));
	struct bot_channel *c;

	if (n >= (int)sizeof(key))
		n = sizeof(key) - 1;
	HASH_FIND(hh, b->channels, key, (size_t)n, c);
	if (c || !make || HASH_COUNT(b->channels) >= BOT_CHANNELS_MAX)
		return c;
	c = mem_new(sizeof(*c));
	if (!c)
		return NULL;
	c->key = mem_dupn(key, (size_t)n);
	if (!c->key)
		goto fail;
	HASH_ADD_KEYPTR(hh, b->channels, c->key, (size_t)n, c);
	if (!hash_has(c))
		goto fail;
	return c;
fail:
	mem_free(c->key);
	mem_free(c);
	return NULL;
}

void bot_gate_fini(struct bot *b)
{
	struct bot_channel *c, *next;

	HASH_ITER(hh, b->channels, c, next) {
		HASH_DEL(b->channels, c);
		mem_free(c->key);
		mem_free(c);
	}
}

static bool is_listed(const struct conf_texts *list, const struct event *e)
{
	for (size_t i = 0; i < list->n; i++) {
		struct str s = str_of(list->at[i]);

		if (str_eq_nocase(s, e->login) || str_eq(s, e->user_id))
			return true;
	}
	return false;
}

/* The config of the place an event came from; NULL for the console. */
static const struct conf_place *place_of(const struct bot_world *w, const struct event *e)
{
	for (size_t i = 0; i < w->conf->place_count; i++) {
		if (str_is(e->platform, w->conf->places[i].name))
			return &w->conf->places[i];
	}
	return NULL;
}

static bool is_quiet(struct bot *b, const struct event *e)
{
	if (!b->channels)
		return false;
	const struct bot_channel *c = bot_channel(b, e->place, e->channel, false);
	return c && e->at_ms < c->quiet_until_ms;
}

enum reason bot_gate(struct bot *b, const struct event *e)
{
	const struct conf_place *p = place_of(b->world, e);

	if (e->is_self)
		return REASON_SELF;
	if (e->is_bot || (p && is_listed(&p->bots, e)))
		return REASON_BOT;
	if (ring_seen(&b->places[e->place].seen, e->id, e->at_ms))
		return REASON_DUPLICATE;
	if (e->is_foreign)
		return REASON_FOREIGN_ROOM;
	if (is_quiet(b, e))
		return REASON_QUIET;
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
	const struct conf_place *p = place_of(w, e);
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
	case REASON_QUIET: stops = b && is_quiet(b, e); break;
	default: stops = p && is_listed(&p->ignore, e); break;
	}
	*r = stops ? reasons[i] : REASON_NONE;
	if (buf_adds(why, stops ? reason_text(reasons[i]) : passes[i]))
		return NULL;
	return names[i];
}

/* Two caps against bots that answer bots (faults.md A10), for messages outside the console: answers a
 * minute in one channel, and answers in a row to one author with nobody else between. The broadcaster
 * talking alone with the bot is not a loop. */
enum reason bot_gate_answer(struct bot *b, const struct event *e, const char **rule)
{
	const int64_t cap = b->world->conf->limits.turns_minute;
	const int64_t row = b->world->conf->limits.in_a_row;
	struct bot_channel *c;

	if (b->options.console || e->kind != EVENT_MESSAGE)
		return REASON_NONE;
	c = bot_channel(b, e->place, e->channel, true);
	if (!c)
		return REASON_BUSY;
	if (cap > 0 && c->answers >= (size_t)cap) {
		int64_t then = c->answers_ms[(c->answers - (size_t)cap) % BOT_ANSWERS_MAX];

		if (e->at_ms - then < 60000) {
			*rule = "turns_minute";
			return REASON_BUSY;
		}
	}
	bool is_same = e->user_id.len < sizeof(c->author) && str_is(e->user_id, c->author) &&
		e->at_ms - c->row_began_ms < BOT_PAIR_MS;
	if (row > 0 && is_same && c->in_a_row >= row && event_level(e) < LEVEL_BROADCASTER) {
		*rule = "in_a_row";
		return REASON_BOT;
	}
	if (!is_same) {
		snprintf(c->author, sizeof(c->author), "%.*s", STR_FMT(e->user_id));
		c->in_a_row = 0;
		c->row_began_ms = e->at_ms;
	}
	c->in_a_row++;
	c->answers_ms[c->answers++ % BOT_ANSWERS_MAX] = e->at_ms;
	return REASON_NONE;
}
