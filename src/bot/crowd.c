/* Several people as one: how they are told. */
#include "bot/gather.h"

#include "bot/room.h"

#include <string.h>

int bot_users_write(const char *first, const char *second, int64_t people, struct buf *user,
	struct buf *users)
{
	int err = first ? buf_adds(user, first) : 0;

	if (second && !err)
		err = buf_addf(user, " and %s", second);
	if (people <= 2 || !second)
		return err ? err : buf_add_str(users, buf_str(user));
	return err ? err : buf_addf(users, "%s, %s and %lld more", first, second,
		(long long)(people - 2));
}

/* FNV-1a: ids need to be told apart, not to be kept from anybody. */
static uint64_t hash_of(struct str s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.at[i]) * UINT64_C(1099511628211);
	return h;
}

bool bot_crowd_has(const struct bot_crowd *c, struct str user_id)
{
	const uint64_t id = hash_of(user_id);

	for (size_t i = 0; i < c->n && i < BOT_CROWD_MAX; i++) {
		if (c->ids[i] == id)
			return true;
	}
	return false;
}

void bot_crowd_add(struct bot_crowd *c, struct str name, struct str user_id)
{
	if (bot_crowd_has(c, user_id))
		return;
	if (c->n < BOT_CROWD_NAMES) {
		const size_t n = text_cut(name, BOT_CROWD_NAME_BYTES - 1, 0);

		if (n > 0)
			memcpy(c->names[c->n], name.at, n);
		c->names[c->n][n] = '\0';
	}
	if (c->n < BOT_CROWD_MAX)
		c->ids[c->n] = hash_of(user_id);
	c->n++;
}

int bot_crowd_users(const struct bot_crowd *c, struct buf *user, struct buf *users)
{
	return bot_users_write(c->n > 0 ? c->names[0] : NULL, c->n > 1 ? c->names[1] : NULL,
		(int64_t)c->n, user, users);
}
