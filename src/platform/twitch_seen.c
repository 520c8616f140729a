/* Which notifications were there before, and which are too old: at-least-once becomes once. */
#include "platform/twitch_session.h"

struct platform_seen_id {
	uint64_t hash; /* of the id: 4,096 of 2^64 meet once in 10^12 runs */
	int64_t at_ms;
	UT_hash_handle hh;
};

/* FNV-1a. The server makes the ids: nobody gains by two that meet. */
static uint64_t hash_of(struct str s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.at[i]) * 1099511628211u;
	return h;
}

void platform_seen_fini(struct platform_seen *s)
{
	struct platform_seen_id *id, *next;

	HASH_ITER(hh, s->ids, id, next) {
		HASH_DEL(s->ids, id);
		mem_free(id);
	}
}

bool platform_seen_before(struct platform_seen *s, struct str text, int64_t now_ms)
{
	uint64_t hash = hash_of(text);
	struct platform_seen_id *id = NULL, *oldest = s->ids;

	HASH_FIND(hh, s->ids, &hash, sizeof(hash), id);
	if (id && now_ms - id->at_ms < PLATFORM_SEEN_MS)
		return true;
	if (!id && oldest && (HASH_COUNT(s->ids) >= PLATFORM_SEEN ||
			now_ms - oldest->at_ms >= PLATFORM_SEEN_MS))
		id = oldest;
	if (id)
		HASH_DEL(s->ids, id); /* it becomes the newest */
	else
		id = mem_new(sizeof(*id));
	if (!id)
		return false;
	id->hash = hash;
	id->at_ms = now_ms;
	HASH_ADD(hh, s->ids, hash, sizeof(id->hash), id);
	if (!hash_has(id))
		mem_free(id);
	return false;
}

void platform_seen_stamp(struct platform_seen *s, int64_t stamp_ms, int64_t now_ms)
{
	s->stamp_ms = stamp_ms;
	s->stamped_at_ms = now_ms;
}

bool platform_seen_is_stale(const struct platform_seen *s, int64_t stamp_ms, int64_t now_ms)
{
	if (s->stamp_ms == 0 || stamp_ms == 0)
		return false;
	return s->stamp_ms + (now_ms - s->stamped_at_ms) - stamp_ms > PLATFORM_REPLAY_MS;
}
