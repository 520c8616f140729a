/* What each model counts against what we estimate: one gauge a provider and model, kept across
 * restarts. A model that nobody asks any more is the first to be forgotten. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define GAUGES_MAX 100 /* providers are few, and each has a handful of models in its life */
#define KEY_BYTES 256
#define PARTS 1000000  /* a file has whole numbers only */

static const char *key_of(const char *provider, const char *model, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "%s %s", provider, model ? model : "");
	for (char *at = key; *at; at++) {
		if ((unsigned char)*at < ' ')
			*at = '_';
	}
	return key;
}

static void gauge_free(struct bot *b, struct bot_gauge *g)
{
	HASH_DEL(b->gauges, g);
	mem_free(g);
}

/* Made when it is new, and moved to the end of the table, where the oldest come first. NULL = no
 * memory. */
static struct bot_gauge *gauge_used(struct bot *b, const char *key)
{
	struct bot_gauge *g;

	HASH_FIND_STR(b->gauges, key, g);
	if (g) {
		HASH_DEL(b->gauges, g);
	} else {
		if (HASH_COUNT(b->gauges) >= GAUGES_MAX)
			gauge_free(b, b->gauges);
		g = mem_new(sizeof(*g) + strlen(key) + 1);
		if (!g)
			return NULL;
		memcpy(g->key, key, strlen(key));
	}
	HASH_ADD_STR(b->gauges, key, g);
	if (hash_has(g))
		return g;
	mem_free(g);
	return NULL;
}

const struct prompt_gauge *bot_gauge_of(const struct bot *b, const char *provider,
	const char *model)
{
	const struct bot_gauge *g;
	char key[KEY_BYTES];

	HASH_FIND_STR(b->gauges, key_of(provider, model, key), g);
	return g && g->is.n > 0 ? &g->is : NULL;
}

void bot_gauge_note(struct bot *b, const struct prompt *p, const struct provider_attempt *a)
{
	char key[KEY_BYTES];
	struct bot_gauge *g;

	if (!p || a->tokens_in <= 0)
		return;
	g = gauge_used(b, key_of(a->provider, a->asked, key));
	if (!g)
		return;
	prompt_gauge_note(&g->is, p->usual, a->tokens_in);
	b->gauges_are_dirty = true;
	bot_state_save_soon(b);
}

int bot_gauge_status(const struct bot *b, struct buf *out)
{
	int err = buf_adds(out, "\"tokens\":[");
	bool is_first = true;

	for (const struct bot_gauge *g = b->gauges; g && !err; g = g->hh.next) {
		struct str model = str_of(g->key), provider = str_split(&model, ' ');

		if (g->is.n == 0)
			continue;
		err = buf_adds(out, is_first ? "{\"provider\":" : ",{\"provider\":");
		is_first = false;
		if (!err)
			err = json_add_string(out, provider);
		if (!err)
			err = buf_adds(out, ",\"model\":");
		if (!err)
			err = json_add_string(out, model);
		if (!err)
			err = buf_addf(out, ",\"ratio_percent\":%lld,\"most_percent\":%lld,"
				"\"error_percent\":%lld,\"samples\":%lld}",
				(long long)(100 * g->is.ratio + 0.5),
				(long long)(100 * prompt_gauge_most(&g->is) + 0.5),
				(long long)(100 * g->is.error + 0.5), (long long)g->is.n);
	}
	return err ? err : buf_adds(out, "],");
}

/* ---- Across restarts: a line a gauge: its samples, its three numbers in parts, its name ----- */

int bot_gauge_save(struct bot *b, struct buf *out)
{
	int err = 0;

	for (const struct bot_gauge *g = b->gauges; g && !err; g = g->hh.next) {
		if (g->is.n > 0)
			err = buf_addf(out, "%lld %lld %lld %lld %s\n", (long long)g->is.n,
				(long long)(g->is.ratio * PARTS), (long long)(g->is.high * PARTS),
				(long long)(g->is.error * PARTS), g->key);
	}
	if (!err)
		b->gauges_are_dirty = false;
	return err;
}

static int load_line(struct bot *b, struct str line)
{
	struct prompt_gauge g;
	struct bot_gauge *kept;
	int64_t numbers[4];
	char key[KEY_BYTES];

	for (size_t i = 0; i < 4; i++) {
		if (str_int(str_split(&line, ' '), &numbers[i]))
			return ERR_PARSE;
	}
	g = (struct prompt_gauge){.n = numbers[0], .ratio = (double)numbers[1] / PARTS,
		.high = (double)numbers[2] / PARTS, .error = (double)numbers[3] / PARTS};
	if (g.n > INT64_MAX / 2 || !prompt_gauge_is_sound(&g) || line.len == 0 ||
		line.len >= sizeof(key))
		return ERR_PARSE;
	snprintf(key, sizeof(key), "%.*s", STR_FMT(line));
	kept = gauge_used(b, key);
	if (!kept)
		return ERR_NOMEM;
	kept->is = g;
	return 0;
}

int bot_gauge_load(struct bot *b, struct str text)
{
	int err = 0;

	while (text.len > 0 && err != ERR_NOMEM) {
		const int e = load_line(b, str_split(&text, '\n'));

		err = e ? e : err;
	}
	return err;
}

void bot_gauge_fini(struct bot *b)
{
	while (b->gauges)
		gauge_free(b, b->gauges);
}
