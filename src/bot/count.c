/* What is counted by hours and days of UTC, and survives a restart: what model calls cost, how many
 * there were, how many questions somebody asked, and what each provider was asked. The limits are
 * budget.c's, spend.c's and the providers' own. */
#include "bot/room.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ALL_OF_IT (INT64_MAX / 4) /* what was spent when nobody knows */
#define KEY_BYTES 320

/* ---- A table of counters --------------------------------------------------------------------- */

void bot_count_free(struct bot_count **table, struct bot_count *c)
{
	HASH_DEL(*table, c);
	mem_free(c);
}

/* Adds it as the one used last. NULL = no memory, and c is freed. */
static struct bot_count *add(struct bot_count **table, struct bot_count *c, size_t n)
{
	HASH_ADD(hh, *table, key[0], n, c);
	if (hash_has(c))
		return c;
	mem_free(c);
	return NULL;
}

struct bot_count *bot_count_of(struct bot_count **table, const char *key)
{
	const size_t n = strlen(key);
	struct bot_count *c;

	HASH_FIND(hh, *table, key, n, c);
	if (c) {
		HASH_DEL(*table, c);
		return add(table, c, n);
	}
	if (HASH_COUNT(*table) >= BOT_COUNTS_MAX)
		bot_count_free(table, *table);
	c = mem_new(sizeof(*c) + n + 1);
	if (!c)
		return NULL;
	memcpy(c->key, key, n);
	return add(table, c, n);
}

/* ---- In windows ------------------------------------------------------------------------------ */

struct bot_counts *bot_counts_now(struct bot *b)
{
	struct bot_counts *s = &b->counts;

	if (clock_turns(&s->hour, CLOCK_HOUR_MS)) {
		s->spent_hour = s->calls_hour = 0;
		s->has_warned_hour = false;
	}
	if (clock_turns(&s->day, CLOCK_DAY_MS)) {
		s->spent_day = s->calls_day = 0;
		s->has_warned_day = false;
	}
	return s;
}

void bot_counts_changed(struct bot *b)
{
	b->counts.is_dirty = true;
	bot_state_save_soon(b);
}

/* The name of a counter: a line of the file holds it. */
static const char *key_of(
	const char *what, struct str platform, struct str whose, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "%s %.*s:%.*s", what, STR_FMT(platform), STR_FMT(whose));
	for (char *at = key; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = '_';
	return key;
}

struct bot_count *bot_count_in(struct bot *b, int64_t window, const char *what,
	struct str platform, struct str whose)
{
	char key[KEY_BYTES];
	struct bot_count *c = bot_count_of(&b->counts.table, key_of(what, platform, whose, key));

	if (c && c->when != window) {
		if (window > c->when) {
			c->amount = 0;
			c->has_warned = false;
		}
		c->when = window;
	}
	return c;
}

struct bot_count *bot_count_in_user(
	struct bot *b, int64_t window, const char *what, const struct event *e)
{
	char tag[USER_TAG_BYTES];

	if (e->user_id.len == 0)
		return bot_count_in(b, window, what, e->platform, e->channel);
	seal_user_tag(e->platform, e->user_id, tag);
	return bot_count_in(b, window, what, e->platform, str_of(tag));
}

int64_t bot_count_told(struct bot *b, int64_t window, const char *what, struct str platform,
	struct str whose)
{
	char key[KEY_BYTES];
	const struct bot_count *c;

	HASH_FIND_STR(b->counts.table, key_of(what, platform, whose, key), c);
	return c && c->when == window ? c->amount : 0;
}

/* Is its window over? One that is yet to come was begun by a clock that has been set back since. Of
 * hours the numbers are 24 times those of days. */
static bool is_over(const struct bot_counts *s, const struct bot_count *c)
{
	return c->when < (c->when > 2 * s->day ? s->hour : s->day);
}

/* Forgets counters of hours and days gone by. */
void bot_counts_sweep(struct bot *b)
{
	const struct bot_counts *s = bot_counts_now(b);
	struct bot_count *c, *next;

	HASH_ITER(hh, s->table, c, next) {
		if (is_over(s, c))
			bot_count_free(&b->counts.table, c);
	}
}

void bot_counts_fini(struct bot *b)
{
	while (b->counts.table)
		bot_count_free(&b->counts.table, b->counts.table);
}

/* ---- Across restarts: a line a counter: its window, its amount, its name --------------------- */

/* Counters that are no entries of the table: of the bot, and of a provider, whose name follows. */
struct field {
	const char *name;
	size_t window, amount;
};
#define OF(name, type, window, amount) {name, offsetof(type, window), offsetof(type, amount)}
static const struct field of_bot[] = {
	OF("hour", struct bot_counts, hour, spent_hour),
	OF("day", struct bot_counts, day, spent_day),
	OF("calls_hour", struct bot_counts, hour, calls_hour),
	OF("calls_day", struct bot_counts, day, calls_day),
};
static const struct field of_provider[] = {
	OF("provider_calls_hour", struct provider_usage, hour, calls_hour),
	OF("provider_calls_day", struct provider_usage, day, calls_day),
	OF("provider_cost_day", struct provider_usage, day, cost_day),
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int64_t *number_at(void *of, size_t offset)
{
	return (int64_t *)((char *)of + offset);
}

static int add_line(struct buf *out, int64_t window, int64_t amount, const char *what,
	const char *of)
{
	return buf_addf(out, "%lld %lld %s%s%s\n", (long long)window, (long long)amount, what,
		*of ? " " : "", of);
}

static int save_fields(void *of, const struct field *f, size_t n, const char *name, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = add_line(out, *number_at(of, f[i].window), *number_at(of, f[i].amount),
			f[i].name, name);
	return err;
}

int bot_counts_save(struct bot *b, struct buf *out)
{
	struct bot_counts *s = bot_counts_now(b);
	struct provider_usage *u;
	const char *name;
	int err = save_fields(s, of_bot, COUNT(of_bot), "", out);

	for (size_t i = 0; !err && (u = provider_usage_of(b->providers, i, &name)) != NULL; i++)
		err = save_fields(u, of_provider, COUNT(of_provider), name, out);
	for (const struct bot_count *c = s->table; c && !err; c = c->hh.next) {
		if (!is_over(s, c) && c->amount > 0)
			err = add_line(out, c->when, c->amount, c->key, "");
	}
	if (!err)
		s->is_dirty = false;
	return err;
}

static const struct field *field_of(const struct field *f, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, f[i].name))
			return &f[i];
	return NULL;
}

static struct provider_usage *usage_of(struct bot *b, struct str provider)
{
	struct provider_usage *u;
	const char *name;

	for (size_t i = 0; (u = provider_usage_of(b->providers, i, &name)) != NULL; i++)
		if (str_is(provider, name))
			return u;
	return NULL;
}

static int load_line(struct bot *b, struct str line)
{
	struct str window_text = str_split(&line, ' '), amount_text = str_split(&line, ' ');
	struct str rest = line, what = str_split(&rest, ' ');
	const struct field *f = field_of(of_bot, COUNT(of_bot), line);
	void *of = &b->counts;
	int64_t window, amount;
	char key[KEY_BYTES];

	if (str_int(window_text, &window) || str_int(amount_text, &amount) || amount < 0 ||
			line.len == 0 || line.len >= sizeof(key))
		return ERR_PARSE;
	if (amount > ALL_OF_IT) /* what nobody knew, and calls since */
		amount = ALL_OF_IT;
	if (!f) {
		f = field_of(of_provider, COUNT(of_provider), what);
		of = f ? usage_of(b, rest) : NULL;
		if (f && !of)
			return 0; /* it is not configured any more */
	}
	if (f) {
		*number_at(of, f->window) = window;
		*number_at(of, f->amount) = amount;
		return 0;
	}
	snprintf(key, sizeof(key), "%.*s", STR_FMT(line));
	struct bot_count *c = bot_count_of(&b->counts.table, key);
	if (!c)
		return ERR_NOMEM;
	c->when = window;
	c->amount = amount;
	return 0;
}

int bot_counts_load(struct bot *b, struct str text)
{
	struct provider_usage *u;
	const char *name;
	int err = 0;

	while (text.len > 0 && !err)
		err = load_line(b, str_split(&text, '\n'));
	struct bot_counts *s = bot_counts_now(b);
	if (!err)
		return 0;
	s->spent_hour = s->spent_day = ALL_OF_IT;
	for (size_t i = 0; (u = provider_usage_of(b->providers, i, &name)) != NULL; i++)
		u->calls_hour = u->calls_day = u->cost_day = ALL_OF_IT;
	return err;
}
