#include "conf/room.h"

#include <string.h>

/* Which shards of how many are ours: "auto", "4", "[0, 4]", "[0-3, 16]". */

#define SHARDS_MAX    1024 /* of 2,500 servers each: more is counted otherwise */
#define SNOWFLAKE_MIN 15 /* digits: of the first days of 2015 */
#define SNOWFLAKE_MAX 20 /* of 64 bits */

bool conf_is_snowflake(const char *text)
{
	const size_t n = strlen(text);

	return n >= SNOWFLAKE_MIN && n <= SNOWFLAKE_MAX && strspn(text, "0123456789") == n;
}

static bool read_number(struct str s, unsigned *out)
{
	int64_t n;

	if (str_int(str_trim(s), &n) || n < 0 || n > SHARDS_MAX)
		return false;
	*out = (unsigned)n;
	return true;
}

/* "3" or "0-3". */
static bool read_range(struct str s, unsigned *first, unsigned *last)
{
	const struct str low = str_split(&s, '-');

	if (!read_number(low, first))
		return false;
	*last = *first;
	return s.len == 0 || read_number(s, last);
}

static bool read_words(const struct conf_texts *words, struct conf_place *p)
{
	const struct str number = words->n > 0 ? str_of(words->at[words->n - 1]) : STR("auto");

	p->shards = p->shard_first = p->shard_last = 0;
	if (words->n <= 1 && str_is_nocase(number, "auto"))
		return true;
	if (words->n > 2 || !read_number(number, &p->shards) || p->shards == 0)
		return false;
	p->shard_last = p->shards - 1;
	if (words->n == 1)
		return true;
	return read_range(str_of(words->at[0]), &p->shard_first, &p->shard_last) &&
	       p->shard_first <= p->shard_last && p->shard_last < p->shards;
}

int conf_shards_read(struct conf_report *r, const struct conf_file *f, const struct conf_node *n,
	struct conf_place *p)
{
	if (read_words(&p->shard_words, p))
		return 0;
	p->shards = p->shard_first = p->shard_last = 0;
	conf_complain(r, f, n, 0, CONF_ERROR,
		"write shards: auto, shards: 4, or shards: [0, 4] for the first of four",
		"\"shards\" is auto, how many of them, or which of how many; there are %d at most",
		SHARDS_MAX);
	return ERR_INVALID;
}
