/* Patterns that reach their limit: counted, and switched off at the third time within a minute.
 *
 * Keyed by the trigger's name and what its patterns say, so a reload keeps a bad pattern off and an
 * edited one starts clean. */
#include "base/hash.h"
#include "trigger/room.h"

#include <string.h>

#define STRIKES_MAX 1000 /* triggers watched at once; the oldest go first */

struct trigger_strike {
	UT_hash_handle hh;
	uint64_t id;
	char *name;
	int64_t at_ms[TRIGGER_STRIKES]; /* the latest, oldest first */
	unsigned n;
	bool is_out;
	bool is_told;
};

static struct trigger_strike *find(const struct trigger_state *s, uint64_t id)
{
	struct trigger_strike *k;

	HASH_FIND(hh, s->strikes, &id, sizeof(id), k);
	return k;
}

static void drop(struct trigger_state *s, struct trigger_strike *k)
{
	HASH_DEL(s->strikes, k);
	mem_free(k->name);
	mem_free(k);
}

static struct trigger_strike *make(struct trigger_state *s, const struct trigger *t)
{
	struct trigger_strike *k = mem_new(sizeof(*k));

	if (!k)
		return NULL;
	k->id = t->own->hash;
	k->name = mem_dup(t->name);
	if (!k->name)
		goto fail;
	if (HASH_COUNT(s->strikes) >= STRIKES_MAX)
		drop(s, s->strikes);
	HASH_ADD(hh, s->strikes, id, sizeof(k->id), k);
	if (!hash_has(k))
		goto fail;
	return k;
fail:
	mem_free(k->name);
	mem_free(k);
	return NULL;
}

bool trigger_strike_is_out(const struct trigger_state *s, const struct trigger *t)
{
	if (!s->strikes)
		return false;
	const struct trigger_strike *k = find(s, t->own->hash);
	return k && k->is_out;
}

void trigger_strike_add(struct trigger_state *s, const struct trigger *t, int64_t now_ms)
{
	struct trigger_strike *k = find(s, t->own->hash);

	if (!k)
		k = make(s, t);
	if (!k || k->is_out) /* without memory it is only not counted */
		return;
	if (k->n == TRIGGER_STRIKES) {
		memmove(k->at_ms, k->at_ms + 1, (TRIGGER_STRIKES - 1) * sizeof(k->at_ms[0]));
		k->n--;
	}
	k->at_ms[k->n++] = now_ms;
	k->is_out = k->n == TRIGGER_STRIKES && now_ms - k->at_ms[0] <= TRIGGER_STRIKE_MS;
}

void trigger_strike_sweep(struct trigger_state *s, int64_t now_ms)
{
	struct trigger_strike *k, *next;

	HASH_ITER (hh, s->strikes, k, next) {
		if (!k->is_out && now_ms - k->at_ms[k->n - 1] > TRIGGER_STRIKE_MS)
			drop(s, k);
	}
}

void trigger_strike_clear(struct trigger_state *s)
{
	struct trigger_strike *k, *next;

	HASH_ITER (hh, s->strikes, k, next)
		drop(s, k);
}

const char *trigger_state_quarantined(struct trigger_state *s)
{
	struct trigger_strike *k, *next;

	HASH_ITER (hh, s->strikes, k, next) {
		if (!k->is_out || k->is_told)
			continue;
		mem_free(s->told);
		s->told = mem_dup(k->name);
		k->is_told = s->told != NULL; /* without memory it is told the next time */
		return s->told;
	}
	return NULL;
}
