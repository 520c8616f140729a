/* The state that outlives reloads, and its cooldowns.
 *
 * A cooldown is keyed by the trigger's name, its scope and the ids of the scope, so a reload or an
 * edit of anything but the name keeps it running. A user cools down on a whole platform, not in
 * each channel anew. per_stream: is a cooldown for as long as the broadcast may last, with its id
 * in the key: the next broadcast has another. Entries stand in the order they were started; when
 * there are too many the oldest go: a flood of strangers can at worst let somebody through
 * early. */
#include "base/hash.h"
#include "trigger/room.h"

#include <string.h>

#define ID_BYTES  128 /* of an id in a key; the platforms' have at most 64 */
#define KEY_BYTES (64 + 4 + 4 * ID_BYTES)

struct trigger_cooldown {
	UT_hash_handle hh;
	int64_t until_ms;
	size_t key_len;
	char key[];
};

enum scope { SCOPE_USER, SCOPE_CHANNEL, SCOPE_GLOBAL, SCOPE_STREAM, SCOPE_COUNT };

static const enum reason reason_of[SCOPE_COUNT] = {REASON_COOLDOWN_USER, REASON_COOLDOWN_CHANNEL,
	REASON_COOLDOWN_GLOBAL, REASON_PER_STREAM};

static int64_t length_of(const struct trigger *t, enum scope scope, const struct event *e)
{
	switch (scope) {
	case SCOPE_STREAM:
		if (t->per_stream == TRIGGER_ANY_TIMES)
			return 0;
		return e->stream.id.len > 0 ? TRIGGER_BROADCAST_MS : TRIGGER_UNKNOWN_BROADCAST_MS;
	case SCOPE_USER: return t->cooldown_user_ms;
	case SCOPE_CHANNEL: return t->cooldown_channel_ms;
	default: return t->cooldown_global_ms;
	}
}

static size_t add_part(char *key, size_t len, const char *at, size_t n, size_t most)
{
	n = n < most ? n : most;
	if (n > 0)
		memcpy(key + len, at, n);
	key[len + n] = '\0'; /* ids hold no NUL: parts cannot run into each other */
	return len + n + 1;
}

static size_t key_of(
	const struct trigger *t, enum scope scope, const struct event *e, char key[KEY_BYTES])
{
	const struct str channel = e->channel_id.len > 0 ? e->channel_id : e->channel;
	const bool is_user = scope == SCOPE_USER ||
		(scope == SCOPE_STREAM && t->per_stream == TRIGGER_ONCE_A_USER);
	size_t len = add_part(key, 0, t->name, strlen(t->name), 64);

	key[len++] = "ucgs"[scope];
	if (scope == SCOPE_GLOBAL)
		return len;
	len = add_part(key, len, e->platform.at, e->platform.len, ID_BYTES - 2);
	if (scope == SCOPE_STREAM) {
		len = add_part(key, len, channel.at, channel.len, ID_BYTES - 2);
		len = add_part(key, len, e->stream.id.at, e->stream.id.len, ID_BYTES - 2);
		if (!is_user)
			return len;
	}
	if (is_user)
		return add_part(key, len, e->user_id.at, e->user_id.len, ID_BYTES - 2);
	return add_part(key, len, channel.at, channel.len, ID_BYTES - 2);
}

static struct trigger_cooldown *find(const struct trigger_state *s, const char *key, size_t len)
{
	struct trigger_cooldown *c;

	HASH_FIND(hh, s->cooldowns, key, len, c);
	return c;
}

static void drop(struct trigger_state *s, struct trigger_cooldown *c)
{
	HASH_DEL(s->cooldowns, c);
	mem_free(c);
}

enum reason trigger_cooldown_check(const struct trigger_state *s, const struct trigger *t,
	const struct event *e, int64_t now_ms, int64_t *wait_ms)
{
	enum reason found = REASON_NONE;
	char key[KEY_BYTES];

	*wait_ms = 0;
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		if (length_of(t, scope, e) <= 0)
			continue;
		const struct trigger_cooldown *c = find(s, key, key_of(t, scope, e, key));
		if (c && c->until_ms - now_ms > *wait_ms) {
			*wait_ms = c->until_ms - now_ms;
			found = reason_of[scope];
		}
	}
	return found;
}

static int start(struct trigger_state *s, const char *key, size_t len, int64_t until_ms)
{
	struct trigger_cooldown *old = find(s, key, len);
	struct trigger_cooldown *c = mem_new(sizeof(*c) + len);

	if (!c)
		return ERR_NOMEM;
	if (old)
		drop(s, old);
	else if (HASH_COUNT(s->cooldowns) >= TRIGGER_COOLDOWNS_MAX)
		drop(s, s->cooldowns);
	c->until_ms = until_ms;
	c->key_len = len;
	memcpy(c->key, key, len);
	HASH_ADD_KEYPTR(hh, s->cooldowns, c->key, len, c);
	if (!hash_has(c)) { /* the table could not grow */
		mem_free(c);
		return ERR_NOMEM;
	}
	return 0;
}

int trigger_cooldown_start(
	struct trigger_state *s, const struct trigger *t, const struct event *e, int64_t now_ms)
{
	char key[KEY_BYTES];

	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		int64_t length_ms = length_of(t, scope, e);

		if (length_ms <= 0)
			continue;
		if (start(s, key, key_of(t, scope, e, key), now_ms + length_ms) < 0) {
			trigger_undo(s, t, e);
			return ERR_NOMEM;
		}
	}
	return 0;
}

void trigger_undo(struct trigger_state *s, const struct trigger *t, const struct event *e)
{
	char key[KEY_BYTES];

	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		struct trigger_cooldown *c = find(s, key, key_of(t, scope, e, key));

		if (c)
			drop(s, c);
	}
}

static void sweep_cooldowns(struct trigger_state *s, int64_t now_ms)
{
	struct trigger_cooldown *c, *next;

	HASH_ITER (hh, s->cooldowns, c, next) {
		if (c->until_ms <= now_ms)
			drop(s, c);
	}
}

static void clear_cooldowns(struct trigger_state *s)
{
	struct trigger_cooldown *c, *next;

	HASH_ITER (hh, s->cooldowns, c, next)
		drop(s, c);
}

int trigger_state_new(struct trigger_state **out)
{
	*out = mem_new(sizeof(**out));
	return *out ? 0 : ERR_NOMEM;
}

void trigger_state_free(struct trigger_state *s)
{
	if (!s)
		return;
	clear_cooldowns(s);
	trigger_strike_clear(s);
	mem_free(s->told);
	mem_free(s);
}

void trigger_state_sweep(struct trigger_state *s, int64_t now_ms)
{
	sweep_cooldowns(s, now_ms);
	trigger_strike_sweep(s, now_ms);
}

void trigger_state_set_clock(struct trigger_state *s, int64_t (*mono_us)(void))
{
	s->clock_us = mono_us;
}
