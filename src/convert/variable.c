/* What other bots put into a reply, as our templates say it.
 *
 * Nightbot writes $(name), StreamElements ${name} too; both nest. A variable comes over only if
 * ours says the very same thing: a wrong word in public is worse than a trigger that waits for a
 * person. Sources: docs.nightbot.tv/variables, docs.streamelements.com/chatbot/variables, 2026-08.
 */
#include "convert/room.h"

#include <string.h>

#define NEST_MOST  50
#define NAME_SHOWN 40

/* Theirs, separated by spaces, and ours. */
static const struct {
	const char *theirs, *ours;
} names[] = {
	{"user sender source user.display_name sender.display_name", "user"},
	{"user.name sender.name source.name", "login"},
	{"touser", "touser"},
	{"query querystring", "query"},
	{"channel channel.display_name", "channel"},
	{"game", "game"},
	{"title", "title"},
	{"uptime", "uptime"},
};

/* The bytes of a variable that begins s, its brackets included; 0 when it is not closed. */
static size_t length_of(struct str s)
{
	char closers[NEST_MOST];
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		const bool is_open = s.at[i] == '$' && i + 1 < s.len &&
				     (s.at[i + 1] == '(' || s.at[i + 1] == '{');

		if (is_open && depth == NEST_MOST)
			return 0;
		if (is_open)
			closers[depth++] = s.at[++i] == '(' ? ')' : '}';
		else if (depth > 0 && s.at[i] == closers[depth - 1] && --depth == 0)
			return i + 1;
	}
	return 0;
}

static bool is_open(struct str s)
{
	return s.len >= 2 && s.at[0] == '$' && (s.at[1] == '(' || s.at[1] == '{');
}

/* "3" or "3:", as we count words. */
static bool is_word_number(struct str name)
{
	int64_t n;

	name.len -= name.len > 1 && name.at[name.len - 1] == ':';
	return name.len <= 2 && str_int(name, &n) == 0 && n >= 1;
}

/* "1-6" */
static bool is_range(struct str s)
{
	struct str rest = s, from = str_split(&rest, '-');
	int64_t a, b;

	return str_int(from, &a) == 0 && str_int(rest, &b) == 0 && a >= 0 && a <= b &&
	       b <= 1000000000;
}

/* The name of a counter as ours may be called; false: nothing of it is left. */
static bool name_counter(struct str theirs, char out[65])
{
	size_t n = 0;

	for (size_t i = 0; i < theirs.len && n < 64; i++) {
		const char c = ascii_lower(theirs.at[i]);

		if (ascii_is_alnum(c) || c == '_' || c == '-')
			out[n++] = c;
	}
	out[n] = '\0';
	return n > 0;
}

/* "count", "count deaths", "count deaths +2", "count deaths 0": turns a counter and says it. */
static int add_count(struct convert_reply *r, struct str argument)
{
	struct str rest = argument, name = str_split(&rest, ' ');
	int64_t amount = 1;

	rest = str_trim(rest);
	if (r->counts)
		return ERR_NOTFOUND; /* one trigger turns one counter, once */
	r->is_set = rest.len > 0 && rest.at[0] != '+' && rest.at[0] != '-';
	if (rest.len > 0 && rest.at[0] == '+')
		rest = (struct str){rest.at + 1, rest.len - 1};
	if ((name.len > 0 && !name_counter(name, r->counter)) ||
			(rest.len > 0 && str_int(rest, &amount) < 0) ||
			amount < -TRIGGER_COUNT_STEP || amount > TRIGGER_COUNT_STEP)
		return ERR_NOTFOUND;
	r->counts = true;
	r->amount = amount;
	return buf_adds(&r->text, "$(count)");
}

/* Adds our variable for what stands between the brackets. ERR_NOTFOUND: we have none. */
static int add_ours(struct convert_reply *r, struct str inside)
{
	struct buf *out = &r->text;
	char counter[65];
	struct str fallback = inside, name = str_trim(str_split(&fallback, '|'));
	struct str argument = name, word;
	const bool has_fallback =
		name.len < str_trim(inside).len && memchr(inside.at, '|', inside.len);

	if (memchr(inside.at, '$', inside.len))
		return ERR_NOTFOUND;
	if (str_is_nocase(name, "1") && str_is_among(str_trim(fallback), "user sender"))
		return buf_adds(out, "$(touser)");
	word = str_split(&argument, ' ');
	if (str_is_nocase(word, "random") && is_range(str_trim(argument)) && !has_fallback)
		return buf_addf(out, "$(random %.*s)", STR_FMT(str_trim(argument)));
	if (name.len > 7 && str_is_nocase((struct str){name.at, 7}, "random.") &&
		is_range((struct str){name.at + 7, name.len - 7}) && !has_fallback)
		return buf_addf(out, "$(random %.*s)", (int)name.len - 7, name.at + 7);
	if (str_is_nocase(word, "count") && !has_fallback)
		return add_count(r, str_trim(argument));
	if (str_is_nocase(word, "getcount") && name_counter(argument, counter) && !has_fallback)
		return buf_addf(out, "$(count %s)", counter);
	if (is_word_number(name))
		return buf_addf(out, "$(%.*s%s%.*s)", STR_FMT(name), has_fallback ? "|" : "",
			STR_FMT(has_fallback ? fallback : STR("")));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_is_among(name, names[i].theirs))
			return buf_addf(out, "$(%s%s%.*s)", names[i].ours, has_fallback ? "|" : "",
				STR_FMT(has_fallback ? fallback : STR("")));
	}
	return ERR_NOTFOUND;
}

/* Adds text in which nothing is a variable. */
static int add_plain(struct str text, struct buf *out)
{
	int err = 0;

	while (text.len > 0 && err == 0) {
		/* A dollar before the one that is ours would make that plain. */
		err = is_open(text) ? buf_adds(out, "$$") : buf_addc(out, text.at[0]);
		text = (struct str){text.at + 1, text.len - 1};
	}
	return err;
}

/* Notes the name of a variable that we do not have. */
static int add_lost(struct convert_reply *r, struct str whole)
{
	struct str inside = {whole.at + 2, whole.len - 2};
	size_t n = 0;

	while (n < inside.len && n < NAME_SHOWN &&
		(ascii_is_alnum(inside.at[n]) || strchr("._:-", inside.at[n])))
		n++;
	r->lost_count++;
	/* Names past the limit are not told: the reply itself shows them. */
	const int err =
		buf_addf(&r->lost, "%s$(%.*s)", r->lost.len > 0 ? ", " : "", (int)n, inside.at);
	return err == ERR_LIMIT ? 0 : err;
}

static int add_variable(struct convert_reply *r, struct str whole)
{
	struct str inside = {whole.at + 2, whole.len - 3};
	int err = 0;

	/* "$$(" would be a plain "$(". */
	if (r->text.len > 0 && r->text.at[r->text.len - 1] == '$')
		err = buf_addc(&r->text, ' ');
	if (err == 0)
		err = add_ours(r, inside);
	if (err == ERR_NOTFOUND) {
		err = add_lost(r, whole);
		if (err == 0)
			err = add_plain(whole, &r->text);
	}
	return err;
}

int convert_reply_read(struct str text, struct convert_reply *out)
{
	struct buf line;
	struct str rest;
	int err;

	memset(out, 0, sizeof(*out));
	buf_init(&out->text, TRIGGER_TEXT_BYTES);
	buf_init(&out->lost, CONVERT_CLAUSES_BYTES / 2);
	buf_init(&line, 2 * TRIGGER_TEXT_BYTES);
	err = text_scrub(text, TEXT_CHAT, &line);
	for (rest = buf_str(&line); rest.len > 0 && err == 0;) {
		size_t n = is_open(rest) ? length_of(rest) : 0;

		if (n > 0) {
			err = add_variable(out, (struct str){rest.at, n});
		} else {
			n = 1;
			err = add_plain((struct str){rest.at, is_open(rest) ? 2 : 1}, &out->text);
			n += is_open(rest);
		}
		rest = (struct str){rest.at + n, rest.len - n};
	}
	buf_fini(&line);
	return err;
}

void convert_reply_fini(struct convert_reply *r)
{
	buf_fini(&r->text);
	buf_fini(&r->lost);
}
