/* Counters: numbers that triggers turn, one of a name in each channel. They are kept across
 * restarts and never forgotten, so there is an end to how many there may be. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define KEY_BYTES 400 /* a name, a platform, a channel */
#define NUMBER_BYTES 32

static const char *key_of(const struct event *e, struct str name, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "%.*s %.*s:%.*s", STR_FMT(name), STR_FMT(e->platform),
		STR_FMT(e->channel));
	for (char *at = key; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = '_'; /* a line of the file holds it */
	return key;
}

static struct bot_counter *find(const struct bot *b, const char *key)
{
	struct bot_counter *c;

	HASH_FIND_STR(b->counters, key, c);
	return c;
}

/* The counter, made if need be. NULL = there are too many, or no memory. */
static struct bot_counter *make(struct bot *b, const char *key)
{
	struct bot_counter *c = find(b, key);
	const size_t n = strlen(key);

	if (c || HASH_COUNT(b->counters) >= BOT_COUNTERS_MAX)
		return c;
	c = mem_new(sizeof(*c) + n + 1);
	if (!c)
		return NULL;
	memcpy(c->key, key, n);
	HASH_ADD(hh, b->counters, key[0], n, c);
	if (hash_has(c))
		return c;
	mem_free(c);
	return NULL;
}

static int64_t within(int64_t value)
{
	return value > TRIGGER_COUNT_MOST ? TRIGGER_COUNT_MOST
		: value < -TRIGGER_COUNT_MOST ? -TRIGGER_COUNT_MOST : value;
}

int64_t bot_counter_of(void *ctx, const struct event *e, struct str name)
{
	const struct bot *b = ctx;
	char key[KEY_BYTES];
	const struct bot_counter *c = find(b, key_of(e, name, key));

	return c ? c->value : 0;
}

/* The number that a template says; false: it says none. */
static bool number_of(const struct turn *t, const char *template, int64_t *out)
{
	struct buf text;
	bool is_number;

	buf_init(&text, NUMBER_BYTES);
	is_number = trigger_expand(template, t->event, &t->hit, 0, &text) == 0 &&
		str_int(str_trim(buf_str(&text)), out) == 0;
	buf_fini(&text);
	return is_number;
}

void bot_counter_turn(struct turn *t)
{
	const struct trigger_count *of = &t->hit.trigger->count;
	struct bot *b = t->bot;
	struct bot_counter *c;
	char key[KEY_BYTES];
	int64_t value;

	if (!of->name || (!of->set && of->add == 0))
		return;
	c = make(b, key_of(t->event, str_of(of->name), key));
	if (!c) {
		log_event(LOG_ERROR, "bot", "counter_left_out", "trigger", t->hit.trigger->name,
			LOG_INT("most", BOT_COUNTERS_MAX), NULL);
		return;
	}
	if (!of->set)
		value = c->value + of->add; /* neither is anywhere near the end of the type */
	else if (!number_of(t, of->set, &value))
		return;
	c->value = within(value);
	b->counters_are_dirty = true;
	bot_state_save_soon(b);
}

/* ---- Across restarts: a line a counter: its value, its name, its channel --------------------- */

int bot_counters_save(struct bot *b, struct buf *out)
{
	int err = 0;

	for (const struct bot_counter *c = b->counters; c && !err; c = c->hh.next)
		err = buf_addf(out, "%lld %s\n", (long long)c->value, c->key);
	if (!err)
		b->counters_are_dirty = false;
	return err;
}

static int load_line(struct bot *b, struct str line)
{
	struct str value_text = str_split(&line, ' '), rest = line;
	char key[KEY_BYTES];
	struct bot_counter *c;
	int64_t value;

	if (str_int(value_text, &value) || !trigger_is_name(str_split(&rest, ' ')) ||
			rest.len == 0 || line.len >= sizeof(key))
		return ERR_PARSE;
	snprintf(key, sizeof(key), "%.*s", STR_FMT(line));
	c = make(b, key);
	if (!c)
		return HASH_COUNT(b->counters) >= BOT_COUNTERS_MAX ? ERR_PARSE : ERR_NOMEM;
	c->value = within(value);
	return 0;
}

int bot_counters_load(struct bot *b, struct str text)
{
	int verdict = 0;

	while (text.len > 0 && verdict != ERR_NOMEM) {
		int err = load_line(b, str_split(&text, '\n'));

		verdict = err ? err : verdict;
	}
	return verdict;
}

void bot_counters_fini(struct bot *b)
{
	struct bot_counter *c, *next;

	HASH_ITER(hh, b->counters, c, next) {
		HASH_DEL(b->counters, c);
		mem_free(c);
	}
}
