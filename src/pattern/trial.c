/* Trying a pattern before it is let in: on text made to hurt.
 *
 * The room has no clock, so the time box of faults.md C6 is one of steps: at most TEXTS_MAX texts
 * of at most LONG_BYTES with a match limit each, which is under 5 ms for the worst pattern and a
 * few microseconds for an ordinary one. The engine that tries is the interpreter, whose steps do
 * not depend on the machine. */
#include "pattern/pattern.h"

#include <string.h>

#define TEXTS_MAX    64
#define SHORT_BYTES  64  /* who is ruined by this is exponential */
#define LONG_BYTES   500 /* a chat message on Twitch has at most 500 characters */
#define SCREEN_LIMIT 300 /* what is linear at a start takes fewer steps on a short text */
#define PREFIX_BYTES 24
#define OWN_LETTERS  6

/* What is repeated; then the pattern's own letters, alone and in pairs. */
static const char *const units[] = {"a", "a ", "1", "ab", "aA1 ", " ", "!", ".", "aa,", "\u8349"};
#define UNITS (sizeof(units) / sizeof(units[0]))

/* What hardly any pattern takes, so that it must try every way to match. Half of the texts go on
 * with the pattern's own characters: PCRE2 gives up at once where one that it requires is nowhere.
 */
static const char bad_end[] = "\u00a7";
#define TAIL_BYTES 24

/* The plain characters that the pattern begins with: what must be there for the rest to be tried.
 */
static size_t prefix_of(struct str text, char prefix[PREFIX_BYTES])
{
	size_t n = 0, i = text.len > 0 && text.at[0] == '^';

	for (; i < text.len && n < PREFIX_BYTES; i++) {
		if (!ascii_is_alnum(text.at[i]) && !strchr("!@#-_ ,:;", text.at[i]))
			break;
		prefix[n++] = text.at[i];
	}
	if (n > 0 && i < text.len && strchr("*?{", text.at[i]))
		n--;
	return n;
}

static size_t letters_of(struct str text, char letters[OWN_LETTERS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < text.len && n < OWN_LETTERS; i++) {
		if (ascii_is_alnum(text.at[i]) && (i == 0 || text.at[i - 1] != '\\') &&
			!memchr(letters, text.at[i], n))
			letters[n++] = text.at[i];
	}
	letters[n] = '\0';
	return n;
}

static size_t tail_of(struct str text, char tail[TAIL_BYTES])
{
	size_t n = 0;

	for (size_t i = text.len; i > 0 && n < TAIL_BYTES; i--) {
		char c = text.at[i - 1];

		if (c > ' ' && c < 0x7f && !memchr(tail, c, n))
			tail[n++] = c;
	}
	return n;
}

struct trial {
	struct pattern *pattern;
	struct pattern_engine *engine;
	char prefix[PREFIX_BYTES];
	size_t prefix_len;
	char tail[TAIL_BYTES];
	size_t tail_len;
};

/* Does a text of the repeated unit reach the limit? */
static bool is_hurt(const struct trial *t, const char *unit, size_t unit_len, size_t bytes)
{
	char text[LONG_BYTES + PREFIX_BYTES + sizeof(bad_end) + TAIL_BYTES];
	size_t len = t->prefix_len;
	size_t n = (bytes - len) / unit_len * unit_len; /* whole units, as many as go */

	memcpy(text, t->prefix, len);
	for (size_t i = 0; i < n; i++)
		text[len + i] = i < unit_len ? unit[i] : text[len + i - unit_len];
	len += n;
	memcpy(text + len, bad_end, sizeof(bad_end) - 1);
	len += sizeof(bad_end) - 1;
	memcpy(text + len, t->tail, t->tail_len);
	len += t->tail_len;
	return pattern_match(t->pattern, t->engine, (struct str){text, len}, NULL, NULL) ==
	       ERR_LIMIT;
}

static enum pattern_cost cost_on(const struct trial *t, const char *unit, size_t unit_len)
{
	bool is_suspect, is_ruined, is_slow;

	pattern_engine_set_limit(t->engine, SCREEN_LIMIT);
	is_suspect = is_hurt(t, unit, unit_len, SHORT_BYTES);
	pattern_engine_set_limit(t->engine, PATTERN_STEPS);
	if (!is_suspect)
		return PATTERN_CHEAP;
	is_ruined = is_hurt(t, unit, unit_len, SHORT_BYTES);
	is_slow = is_ruined || is_hurt(t, unit, unit_len, LONG_BYTES);
	return is_ruined ? PATTERN_RUINOUS : is_slow ? PATTERN_SLOW : PATTERN_CHEAP;
}

/* Nothing repeated, nothing to choose from: there is one way to match, a step a character. */
static bool is_straight(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (memchr("*+?{|(", text.at[i], 6))
			return false;
	}
	return true;
}

enum pattern_cost pattern_trial(
	struct pattern *p, struct pattern_engine *g, struct str text)
{
	struct trial t = {.pattern = p, .engine = g};
	enum pattern_cost worst = PATTERN_CHEAP;
	char letters[OWN_LETTERS + 1];
	size_t own = letters_of(text, letters), own_tail, tried = 0;

	if (is_straight(text))
		return PATTERN_CHEAP;
	t.prefix_len = prefix_of(text, t.prefix);
	own_tail = tail_of(text, t.tail);
	for (size_t i = 0; i < 2 * (UNITS + 2 * own) && tried < TEXTS_MAX; i++) {
		size_t u = i / 2;
		const char *unit = u < UNITS ? units[u] : letters + (u - UNITS) / 2;
		size_t len = u < UNITS ? strlen(unit) : 1 + (u - UNITS) % 2;
		enum pattern_cost cost;

		if (u >= UNITS && unit + len > letters + own)
			continue;
		t.tail_len = i % 2 == 0 ? 0 : own_tail;
		cost = cost_on(&t, unit, len);
		tried++;
		worst = cost > worst ? cost : worst;
		if (worst == PATTERN_RUINOUS)
			break;
	}
	return worst;
}
