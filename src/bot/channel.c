/* Channels: what is remembered of each, to keep quiet in it and to stop talking in circles. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define CAP_MS 60000 /* limits.turns_minute */

struct bot_channel *bot_channel(struct bot *b, unsigned place, struct str channel, bool make)
{
	char key[1 + BOT_CHANNEL_BYTES];
	size_t n = channel.len < BOT_CHANNEL_BYTES ? channel.len : BOT_CHANNEL_BYTES;
	struct bot_channel *c;

	key[0] = (char)place;
	if (n > 0)
		memcpy(key + 1, channel.at, n);
	n++;
	HASH_FIND(hh, b->channels, key, n, c);
	if (c || !make || HASH_COUNT(b->channels) >= BOT_CHANNELS_MAX)
		return c;
	c = mem_new(sizeof(*c) + n);
	if (!c)
		return NULL;
	memcpy(c->key, key, n);
	HASH_ADD(hh, b->channels, key[0], n, c);
	if (hash_has(c))
		return c;
	mem_free(c);
	return NULL;
}

static void channel_free(struct bot *b, struct bot_channel *c)
{
	HASH_DEL(b->channels, c);
	mem_free(c->stream_text);
	mem_free(c->persona);
	mem_free(c);
}

void bot_channels_sweep(struct bot *b, int64_t now_ms)
{
	struct bot_channel *c, *next;

	HASH_ITER(hh, b->channels, c, next) {
		const int64_t last =
			c->answers ? c->answers_ms[(c->answers - 1) % BOT_ANSWERS_MAX] : 0;

		if (c->stream.is_known || c->persona || c->is_timed || now_ms < c->quiet_until_ms ||
				!bot_flood_is_over(&c->flood, now_ms) ||
				(c->answers && now_ms - last < CAP_MS) ||
				(c->in_a_row && now_ms - c->row_began_ms < BOT_PAIR_MS))
			continue;
		channel_free(b, c);
	}
}

void bot_channels_forget(struct bot *b, unsigned place)
{
	struct bot_channel *c, *next;

	HASH_ITER(hh, b->channels, c, next) {
		if (c->key[0] == (char)place)
			channel_free(b, c);
	}
}

void bot_channels_fini(struct bot *b)
{
	struct bot_channel *c, *next;

	HASH_ITER(hh, b->channels, c, next)
		channel_free(b, c);
}

/* The channel as places spell it: conf and platform fold the names of theirs to lower case. */
static void fold_channel(const struct bot *b, const char *said, char *out, size_t size)
{
	snprintf(out, size, "%s", said + (*said == '#' ? 1 : 0));
	if (!b->options.console)
		ascii_lower_all(out);
}

/* May the place have that channel? Discord's come and go, and have threads. */
static bool is_possible(const struct bot *b, const char *place, const char *channel)
{
	const struct conf *c = b->world->conf;

	for (size_t i = 0; i < c->place_count; i++) {
		const struct conf_place *p = &c->places[i];
		/* Discord's, of which the config may name none, are numbers. */
		bool is_there = p->kind == CONF_DISCORD && *channel != '\0' &&
			channel[strspn(channel, "0123456789")] == '\0';

		if (strcmp(p->name, place) != 0)
			continue;
		for (size_t k = 0; k < p->channels.n && !is_there; k++)
			is_there = str_is_nocase(str_of(channel), p->channels.at[k]);
		return is_there;
	}
	return true; /* the console, whose channels are what people say */
}

int bot_quiet(struct bot *b, const char *said, int64_t ms)
{
	char channel[BOT_CHANNEL_BYTES];
	bool is_there = false;

	fold_channel(b, said, channel, sizeof(channel));
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		struct bot_channel *c;

		if (!b->places[i].name || !is_possible(b, b->places[i].name, channel))
			continue;
		is_there = true;
		c = bot_channel(b, i, str_of(channel), true);
		if (!c)
			return ERR_LIMIT;
		c->quiet_until_ms = ms > 0 ? clock_mono_ms() + ms : 0;
		if (ms > 0)
			outbox_drop(b->outbox, i, channel, REASON_GONE);
	}
	if (!is_there)
		return ERR_NOTFOUND;
	log_event(LOG_AUDIT, "bot", "quiet", "community", channel, LOG_INT("ms", ms), NULL);
	bot_pump(b);
	return 0;
}

int bot_quiet_status(const struct bot *b, struct buf *out)
{
	const int64_t now_ms = clock_mono_ms();
	const struct bot_channel *c, *next;
	int err = buf_adds(out, "\"quiet\":[");
	bool is_first = true;

	HASH_ITER(hh, b->channels, c, next) {
		if (err || !bot_channel_is_quiet(c, now_ms))
			continue;
		err = buf_adds(out, is_first ? "{\"channel\":" : ",{\"channel\":");
		is_first = false;
		if (!err)
			err = json_add_string(out, (struct str){c->key + 1, c->hh.keylen - 1});
		if (!err)
			err = buf_addf(out, ",\"place\":\"%s\",\"ms\":%lld}",
				b->places[(unsigned char)c->key[0]].name,
				(long long)(c->quiet_until_ms - now_ms));
	}
	return err ? err : buf_adds(out, "],");
}

struct event bot_event_placed(struct bot *b, const struct event *given)
{
	struct event e = *given;
	const struct bot_channel *c;

	e.place = 0; /* when no place delivers events of that platform */
	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		if (b->places[i].name && str_is(e.platform, b->places[i].name))
			e.place = i;
	}
	c = bot_channel_of(b, &e);
	if (c && !e.stream.is_known)
		e.stream = c->stream;
	return e;
}

struct bot_channel *bot_channel_of(struct bot *b, const struct event *e)
{
	return b->channels ? bot_channel(b, e->place, e->channel, false) : NULL;
}

bool bot_channel_is_quiet(const struct bot_channel *c, int64_t now_ms)
{
	return c && now_ms < c->quiet_until_ms;
}

/* Strings one after the other into the text; gives where the next one goes. */
static char *keep(char *at, struct str *s)
{
	if (s->len > 0)
		memcpy(at, s->at, s->len);
	s->at = at;
	return at + s->len;
}

void bot_channel_stream(struct bot *b, unsigned place, struct str channel, const struct stream *s)
{
	struct bot_channel *c = bot_channel(b, place, channel, s->is_known);
	struct stream stream = *s;
	char *text, *at;

	if (!c)
		return; /* without a record nothing is known of it: it counts as live */
	at = text = mem_new(s->id.len + s->title.len + s->game.len + 1);
	if (!text)
		return;
	at = keep(at, &stream.id);
	at = keep(at, &stream.title);
	keep(at, &stream.game);
	mem_free(c->stream_text);
	c->stream_text = text;
	c->stream = stream;
}

const struct persona *bot_channel_persona(struct bot *b, const struct bot_world *w,
	const struct event *e, const struct trigger *t)
{
	const struct bot_channel *c = b ? bot_channel_of(b, e) : NULL;
	const struct persona *chosen = c && c->persona && !(t && t->persona)
		? bot_world_persona_named(w, c->persona) : NULL;

	return chosen ? chosen : bot_world_persona(w, t);
}

int bot_channel_set_persona(struct bot *b, const struct event *e, const char *id)
{
	struct bot_channel *c = bot_channel(b, e->place, e->channel, id != NULL);
	char *copy = id ? mem_dup(id) : NULL;

	if (id && !copy)
		return ERR_NOMEM;
	if (!c) {
		mem_free(copy);
		return id ? ERR_LIMIT : 0;
	}
	mem_free(c->persona);
	c->persona = copy;
	return 0;
}

struct bot_channel *bot_channel_flood(struct bot *b, struct bot_channel *c, const struct event *e)
{
	if (b->options.console || (e->kind != EVENT_MESSAGE && e->kind != EVENT_RAID))
		return c;
	if (!c)
		c = bot_channel(b, e->place, e->channel, true);
	if (c && bot_flood_note(&c->flood, e, e->at_ms)) {
		char channel[BOT_CHANNEL_BYTES];

		snprintf(channel, sizeof(channel), "%.*s", STR_FMT(e->channel));
		log_event(LOG_INFO, "bot", "flood", "community", channel, "message",
			"many strangers at once, or several with the same words: nobody is greeted "
			"until a minute after the last of them", NULL);
	}
	return c;
}

/* Two caps against bots that answer bots (faults.md A10), for messages outside the console: answers
 * a minute in one channel, and answers in a row to one author with nobody else between. The
 * broadcaster talking alone with the bot is not a loop. */
enum reason bot_channel_answer(struct bot *b, const struct event *e, const char **rule)
{
	const int64_t cap = b->world->conf->limits.turns_minute;
	const int64_t row = b->world->conf->limits.in_a_row;
	struct bot_channel *c;

	if (b->options.console || !event_is_talk(e))
		return REASON_NONE;
	c = bot_channel(b, e->place, e->channel, true);
	if (!c)
		return REASON_BUSY;
	if (cap > 0 && c->answers >= (size_t)cap) {
		int64_t then = c->answers_ms[(c->answers - (size_t)cap) % BOT_ANSWERS_MAX];

		if (e->at_ms - then < CAP_MS) {
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
