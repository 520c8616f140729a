/* Trying triggers before they are let in: patterns on text made to hurt, examples on themselves.
 *
 * The room has no clock, so the time box of faults.md C6 is one of steps: at most TEXTS_MAX texts
 * of at most LONG_BYTES with a match limit each, which is under 5 ms for the worst pattern and a
 * few microseconds for an ordinary one. The engine that tries is the interpreter, whose steps do
 * not depend on the machine. */
#include "trigger/room.h"

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
	struct trigger_pattern *pattern;
	struct trigger_engine *engine;
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
	return trigger_pattern_match(t->pattern, t->engine, (struct str){text, len}, NULL, NULL) ==
	       ERR_LIMIT;
}

static enum trigger_cost cost_on(const struct trial *t, const char *unit, size_t unit_len)
{
	bool is_suspect, is_ruined, is_slow;

	trigger_engine_set_limit(t->engine, SCREEN_LIMIT);
	is_suspect = is_hurt(t, unit, unit_len, SHORT_BYTES);
	trigger_engine_set_limit(t->engine, TRIGGER_MATCH_LIMIT);
	if (!is_suspect)
		return TRIGGER_CHEAP;
	is_ruined = is_hurt(t, unit, unit_len, SHORT_BYTES);
	is_slow = is_ruined || is_hurt(t, unit, unit_len, LONG_BYTES);
	return is_ruined ? TRIGGER_RUINOUS : is_slow ? TRIGGER_SLOW : TRIGGER_CHEAP;
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

enum trigger_cost trigger_trial(
	struct trigger_pattern *p, struct trigger_engine *g, struct str text)
{
	struct trial t = {.pattern = p, .engine = g};
	enum trigger_cost worst = TRIGGER_CHEAP;
	char letters[OWN_LETTERS + 1];
	size_t own = letters_of(text, letters), own_tail, tried = 0;

	if (is_straight(text))
		return TRIGGER_CHEAP;
	t.prefix_len = prefix_of(text, t.prefix);
	own_tail = tail_of(text, t.tail);
	for (size_t i = 0; i < 2 * (UNITS + 2 * own) && tried < TEXTS_MAX; i++) {
		size_t u = i / 2;
		const char *unit = u < UNITS ? units[u] : letters + (u - UNITS) / 2;
		size_t len = u < UNITS ? strlen(unit) : 1 + (u - UNITS) % 2;
		enum trigger_cost cost;

		if (u >= UNITS && unit + len > letters + own)
			continue;
		t.tail_len = i % 2 == 0 ? 0 : own_tail;
		cost = cost_on(&t, unit, len);
		tried++;
		worst = cost > worst ? cost : worst;
		if (worst == TRIGGER_RUINOUS)
			break;
	}
	return worst;
}

/* ---- Examples -------------------------------------------------------------------------------- */

struct examples {
	struct conf_node *fires, *ignores;
};

static const struct conf_option example_options[] = {
	{.name = "fires",
		.type = CONF_NODE,
		.offset = offsetof(struct examples, fires),
		.help = "Messages that must wake the trigger."},
	{.name = "ignores",
		.type = CONF_NODE,
		.offset = offsetof(struct examples, ignores),
		.help = "Messages that must not."},
};
#define EXAMPLE_OPTIONS (sizeof(example_options) / sizeof(example_options[0]))

struct example_run {
	struct trigger trigger; /* without place and switch: an example is about the words */
	struct trigger_engine *engine;
	const struct conf_file *file;
	struct conf_report *report;
};

/* One example as an event that satisfies everything but the text. */
static struct event event_of(const struct trigger *t, struct str text)
{
	struct event e = {.kind = t->on, .text = text};

	e.platform = STR("console");
	e.user = e.login = e.user_id = STR("somebody");
	e.channel = e.channel_id = STR("example");
	e.count = e.bits = e.months = t->at_least;
	e.is_direct = e.is_first = true;
	e.is_action = t->sort == SORT_ACTION;
	if (t->sort == SORT_REPLY)
		e.to_id = STR("example");
	e.stream.is_known = true;
	e.stream.is_live = t->when != TRIGGER_OFFLINE;
	if (t->games.n > 0)
		e.stream.game = str_of(t->games.at[0]);
	if (t->rewards.n > 0)
		e.reward = str_of(t->rewards.at[0]);
	if (t->slash.name && text.len > 0 && text.at[0] == '/') { /* "/ask why?" */
		struct str rest = {text.at + 1, text.len - 1};

		e.kind = EVENT_SLASH;
		e.command = str_split(&rest, ' ');
		e.text = str_trim(rest);
	}
	return e;
}

static int run_one(const struct example_run *run, const struct conf_node *n, size_t i, bool fires)
{
	const struct trigger *t = &run->trigger;
	struct str captures[TRIGGER_CAPTURES];
	struct trigger_subject s;
	struct buf text, why;
	size_t count;
	int err = ERR_NOMEM;

	buf_init(&text, TRIGGER_SUBJECT_BYTES);
	buf_init(&why, TRIGGER_WHY_BYTES);
	if (text_scrub(conf_node_text(n), TEXT_CHAT, &text) == ERR_NOMEM)
		goto out;
	struct event e = event_of(t, buf_str(&text));
	trigger_subject_init(&s, &e);
	const int misfit = trigger_misfit(t, &s);
	int rc = misfit == TRIGGER_FITS ? trigger_try(t, run->engine, &s, captures, &count) : 0;
	err = 0;
	if ((rc == 1) == fires)
		goto out;
	err = ERR_INVALID;
	if (fires && trigger_tell_misfit(t, misfit, &s, &why) < 0)
		buf_clear(&why);
	conf_complain(run->report, run->file, n, 0, CONF_ERROR,
		fires ? "change the example, or widen the trigger"
		      : "change the example, or narrow the trigger",
		"example %zu of %s: \"%.*s\" %s trigger \"%s\"%s%s", i + 1,
		fires ? "fires" : "ignores", STR_FMT(conf_node_text(n)),
		fires ? "does not fire" : "fires", t->name, why.len > 0 ? ": " : "",
		buf_text(&why));
out:
	buf_fini(&text);
	buf_fini(&why);
	return err;
}

static int run_list(const struct example_run *run, const struct conf_node *list, bool fires)
{
	int err = 0;

	if (!list)
		return 0;
	if (conf_node_kind(list) == CONF_SCALAR)
		return run_one(run, list, 0, fires);
	for (size_t i = 0; i < conf_node_count(list); i++) {
		const struct conf_node *n =
			conf_node_kind(list) == CONF_LIST ? conf_node_at(list, i) : NULL;

		if (!n || conf_node_kind(n) != CONF_SCALAR) {
			conf_complain(run->report, run->file, n ? n : list, 0, CONF_ERROR,
				"write [\"one message\", \"another\"]",
				"examples are a list of messages");
			return ERR_INVALID;
		}
		int rc = run_one(run, n, i, fires);
		err = rc < 0 ? rc : err;
	}
	return err;
}

int trigger_examples(const struct trigger *t, struct trigger_engine *g, const struct conf_file *f,
	const struct conf_node *examples, struct conf_report *r)
{
	struct example_run run = {.trigger = *t, .engine = g, .file = f, .report = r};
	struct examples both = {0};
	int err = conf_read(r, f, examples, example_options, EXAMPLE_OPTIONS, &both);

	run.trigger.in.n = 0;
	run.trigger.is_on = true;
	if (err == 0) {
		int fires = run_list(&run, both.fires, true);
		int ignores = run_list(&run, both.ignores, false);

		err = fires < 0 ? fires : ignores;
	}
	conf_free_options(example_options, EXAMPLE_OPTIONS, &both);
	return err;
}
