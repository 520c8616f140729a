/* The gate: what a text goes through before it is said. Form first, then judgement of the form that
 * would be said; whatever fails is refused as a whole, and on an error nothing is said. The steps,
 * and who takes them:
 *
 *    1 complete, not empty        c->was_cut and safety_whole_at; REASON_EMPTY; provider's errors
 *    2 only the answer            safety_clean (thoughts, labels, tokens), safety_unquote
 *    3 clean characters           text_scrub within safety_clean; safety_lines_scrub
 *    4 one line, its length       finish with safety_cut_at; the wire writers again
 *    5 no command in front        safety_lead, without_action
 *    6 no mass mention            safety_mentions, safety_unmark_links; allowed_mentions (platform)
 *    7 links                      safety_link_check
 *    8 whom it calls              safety_mentions
 *    9 personal data, keys        safety_personal_check, c->has_secret
 *   10 words                      safety_words_check; scores of rules: safety_score_check
 *   11 leak of the prompt         safety_leak_check, on the raw text too
 *   12 echo of the question       safety_is_echo: then no mention and no link at all
 *   13 floods, shouts             safety_flood_check, shorten_rows, lower_shouts
 *   14 a classifier               the bot's, when this gate has let a text pass
 *   15 in doubt nothing           ERR_LIMIT counts as ERR_DENIED; the rule's name is told, no text
 *
 * Steps 5 and 6 come before 4, for they change the length; secrets and the canary are looked for
 * before anything else.
 *
 * A template of ours (is_model false) keeps the streamer's form, labels, quotes and markdown
 * included; but the values in it are chat's, so it is judged like a model's text on links,
 * mentions, personal data and words: a link in a template passes only when its host is allowed. */
#include "safety/room.h"

#include <string.h>

#define CAPS_LETTERS 20 /* shorter shouts stay */
#define CAPS_WORDS   5  /* fewer may be emotes, whose names are in capitals */
#define CAPS_PCT     80
#define ROW_MAX      5 /* of one sign: "sooooo" */

enum rule {
	RULE_OVERSIZE,
	RULE_SECRET,
	RULE_LEAK,
	RULE_COMMAND,
	RULE_MENTION,
	RULE_LINK,
	RULE_PERSONAL,
	RULE_WORDS,
	RULE_TOXICITY,
	RULE_BIAS,
	RULE_FLOOD,
	RULE_WIRE,
	RULE_COUNT
};

/* For people: what it found, and what they may do when it was wrong. */
static const struct {
	const char *name, *found, *advice;
} rules[RULE_COUNT] = {
	[RULE_OVERSIZE] = {"oversize", "it is longer than any answer, and was not read",
		"lower max_tokens of the provider or the persona"},
	[RULE_SECRET] = {"secret", "it holds one of our own tokens or keys",
		"find out how the model came to know it, and replace the key"},
	[RULE_LEAK] = {"leak", "it gives away what the persona was told",
		"say in the persona that its instructions are not for chat"},
	[RULE_COMMAND] = {"command", "it reads like a chat command without its sign",
		"ask for sentences in the persona"},
	[RULE_MENTION] = {"mention", "it calls too many people, or all of them",
		"safety.mentions says how many may be called"},
	[RULE_LINK] = {"link", "it holds a link",
		"safety.allow_hosts lists hosts that may be linked to, safety.links allows all"},
	[RULE_PERSONAL] = {"personal", "it holds an address, a number or a key of somebody",
		"leave such things out of personas and triggers"},
	[RULE_WORDS] = {"words", "it holds a word that is not said here, as it is or in disguise",
		"safety.words_files lists more such words; the built-in ones stay"},
	[RULE_TOXICITY] = {"toxicity", "it insults or threatens somebody",
		"ask for kindness in the persona; safety.toxicity is how much is too much"},
	[RULE_BIAS] = {"bias", "it speaks ill of people for what they are",
		"ask for fairness in the persona; safety.bias is how much is too much"},
	[RULE_FLOOD] = {"flood", "it repeats itself",
		"raise the temperature of the provider or the persona a little"},
	[RULE_WIRE] = {"wire", "the last check found something that cleaning had left",
		"please report the text as a bug"},
};

const char *safety_rule_text(const char *rule, const char **advice)
{
	for (size_t i = 0; i < RULE_COUNT; i++) {
		if (strcmp(rules[i].name, rule) != 0)
			continue;
		*advice = rules[i].advice;
		return rules[i].found;
	}
	*advice = "";
	return "";
}

/* ---- Rules ----------------------------------------------------------------------------------- */

static int copy_hosts(struct safety *s, const struct safety_options *o)
{
	if (o->allow_host_count == 0)
		return 0;
	s->hosts = mem_array(o->allow_host_count, sizeof(*s->hosts));
	if (!s->hosts)
		return ERR_NOMEM;
	for (size_t i = 0; i < o->allow_host_count; i++) {
		struct str host = str_trim(str_of(o->allow_hosts[i]));
		while (host.len > 0 && (host.at[0] == '.' || host.at[0] == '*'))
			host = (struct str){host.at + 1, host.len - 1};
		if (host.len == 0)
			return ERR_INVALID; /* would allow all: that is `links` */
		s->hosts[s->host_count] = mem_dupn(host.at, host.len);
		if (!s->hosts[s->host_count])
			return ERR_NOMEM;
		s->host_count++;
	}
	return 0;
}

int safety_new(const struct safety_options *o, struct safety **out)
{
	struct safety *s = NULL;
	struct safety_rules *of_files = o->rules;
	struct str prefix = str_of(o->prefix);
	int err = ERR_INVALID;

	if (o->max_length < 1 || o->mentions < 0 ||
		(prefix.len > 0 && (!safety_is_sayable(prefix, (size_t)o->max_length) ||
					   text_units(prefix) >= (size_t)o->max_length)))
		goto out;
	err = ERR_NOMEM;
	s = mem_new(sizeof(*s));
	if (!s)
		goto out;
	s->links = o->links;
	s->max_units = (size_t)o->max_length;
	s->mentions = (size_t)o->mentions;
	if (prefix.len > 0) {
		s->prefix = mem_dup(o->prefix);
		if (!s->prefix)
			goto out;
	}
	err = copy_hosts(s, o);
	if (err < 0)
		goto out;
	err = safety_words_new(o->words, o->word_count, &s->words);
	if (err == 0)
		err = safety_words_new(NULL, 0, &s->slurs);
	if (err < 0)
		goto out;
	if (of_files) {
		err = safety_rules_seal(of_files);
		if (err < 0)
			goto out;
	}
	s->rules = of_files;
	of_files = NULL;
	s->policy = o->policy;
	s->toxicity = o->toxicity;
	s->bias = o->bias;
	*out = s;
	s = NULL;
out:
	safety_free(s);
	safety_rules_free(of_files);
	return err;
}

void safety_free(struct safety *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->host_count; i++)
		mem_free(s->hosts[i]);
	mem_free(s->hosts);
	safety_words_free(s->words);
	safety_words_free(s->slurs);
	safety_rules_free(s->rules);
	mem_free(s->prefix);
	mem_free(s);
}

/* ---- Form ------------------------------------------------------------------------------------ */

/* Shouting becomes speech: ASCII letters only, the first of each sentence stays. */
static void lower_shouts(struct buf *b)
{
	size_t upper = 0, lower = 0, words = text_words(buf_str(b));
	bool is_start = true;

	for (size_t i = 0; i < b->len; i++) {
		upper += b->at[i] >= 'A' && b->at[i] <= 'Z';
		lower += b->at[i] >= 'a' && b->at[i] <= 'z';
	}
	if (upper + lower < CAPS_LETTERS || words < CAPS_WORDS ||
		upper * 100 < (upper + lower) * CAPS_PCT)
		return;
	for (size_t i = 0; i < b->len; i++) {
		char c = b->at[i];
		if (ascii_is_letter(c)) {
			if (!is_start && c >= 'A' && c <= 'Z')
				b->at[i] = (char)(c + 32);
			is_start = false;
		} else if (c == '.' || c == '!' || c == '?') {
			is_start = true;
		}
	}
}

/* Copies s with rows of one sign cut at ROW_MAX; blanks set lines in. */
static int shorten_rows(struct str s, struct buf *out)
{
	size_t at = 0, row = 0;
	int32_t c, before = -1;
	int err = 0;

	while (err == 0 && (c = text_next(s, &at)) >= 0) {
		row = c == before ? row + 1 : 1;
		before = c;
		if (row <= ROW_MAX || c == ' ' || (c < 0x80 && ascii_is_digit((char)c)))
			err = text_put(out, c);
	}
	return err;
}

/* "\x01ACTION waves\x01" is how IRC writes "/me waves". */
static struct str without_action(struct str s)
{
	static const char action[] = "\001ACTION";

	s = str_trim(s);
	if (s.len >= sizeof(action) - 1 && memcmp(s.at, action, sizeof(action) - 1) == 0)
		s = (struct str){s.at + sizeof(action) - 1, s.len - (sizeof(action) - 1)};
	return s;
}

bool safety_has_declined(struct str line)
{
	const size_t n = sizeof(SAFETY_SILENCE) - 1;

	for (size_t i = 0; i + n <= line.len; i++) {
		if (str_eq_nocase((struct str){line.at + i, n}, STR(SAFETY_SILENCE)))
			return true;
	}
	return false;
}

/* ---- Judgement ------------------------------------------------------------------------------- */

/* One check on its way: the rule it broke, if any. */
struct check {
	const struct safety *s;
	const struct safety_context *c;
	bool has_lines; /* the form has */
	size_t max;     /* code points then, else UTF-16 units */
	enum rule rule;
};

static int broke(struct check *k, enum rule r, int err)
{
	if (err == ERR_DENIED || err == ERR_LIMIT) {
		k->rule = r;
		return ERR_DENIED;
	}
	return err;
}

/* A form being made: what the steps on its prose need. */
struct shaping {
	struct check *k;
	size_t mentions;
};

static int mention_prose(void *ctx, struct str part, struct buf *out)
{
	const struct shaping *g = ctx;

	return safety_mentions(part, g->k->c->user, g->mentions, out);
}

static int shorten_prose(void *ctx, struct str part, struct buf *out)
{
	(void)ctx;
	return shorten_rows(part, out);
}

/* The form that would be said where lines and markdown are shown, without its prefix. */
static int shape_lines(struct check *k, struct str text, struct buf *a, struct buf *b)
{
	const struct safety_context *c = k->c;
	struct shaping g = {.k = k, .mentions = k->s->mentions};
	int err = c->is_model ? safety_clean(c, text, a) : safety_lines_scrub(text, a);

	if (err < 0)
		return broke(k, RULE_WIRE, err);
	struct str said = buf_str(a);
	if (c->is_model && said.len > 0 && said.at[0] != '`')
		said = safety_unquote(said);
	const int is_echo = c->is_model ? safety_is_echo(c->question, said) : 0;
	if (is_echo < 0)
		return is_echo;
	if (is_echo)
		g.mentions = 0;
	err = broke(k, RULE_MENTION, safety_lines_prose(said, mention_prose, &g, b));
	buf_clear(a);
	if (err == 0)
		err = broke(k, RULE_COMMAND, safety_lead(buf_str(b), true, a));
	if (err == 0 && is_echo)
		err = broke(k, RULE_LINK, safety_link_check(k->s, true, buf_str(a)));
	if (err < 0 || !c->is_model)
		return err;
	buf_clear(b);
	err = safety_lines_prose(buf_str(a), shorten_prose, NULL, b);
	if (err == 0 && b->len > 0 && !memchr(b->at, '`', b->len))
		lower_shouts(b);
	buf_clear(a);
	return err ? err : buf_add_str(a, buf_str(b));
}

/* The form that would be said, without its prefix. Two buffers, because each step copies. */
static int shape(struct check *k, struct str text, struct buf *a, struct buf *b)
{
	const struct safety_context *c = k->c;
	int err;

	text = without_action(text);
	if (k->has_lines)
		return shape_lines(k, text, a, b);
	err = c->is_model ? safety_clean(c, text, a) : text_scrub(text, TEXT_CHAT, a);
	if (err < 0)
		return broke(k, RULE_WIRE, err);
	struct str line = c->is_model ? safety_unquote(buf_str(a)) : buf_str(a);
	int is_echo = c->is_model ? safety_is_echo(c->question, line) : 0;
	if (is_echo < 0)
		return is_echo;
	/* What the user made the bot repeat may call nobody. */
	err = broke(
		k, RULE_MENTION, safety_mentions(line, c->user, is_echo ? 0 : k->s->mentions, b));
	if (err < 0)
		return err;
	buf_clear(a);
	err = broke(k, RULE_COMMAND, safety_lead(buf_str(b), false, a));
	if (err < 0)
		return err;
	if (is_echo)
		err = broke(k, RULE_LINK, safety_link_check(k->s, true, buf_str(a)));
	buf_clear(b);
	if (err == 0)
		err = c->is_model ? shorten_rows(buf_str(a), b) : buf_add_str(b, buf_str(a));
	if (err == 0 && c->is_model)
		lower_shouts(b);
	/* Taking things out may have left blanks. */
	buf_clear(a);
	return err < 0 ? err : text_scrub(buf_str(b), TEXT_CHAT, a);
}

static int judge_line(struct check *k, struct str line)
{
	const struct safety_context *c = k->c;
	int err = 0;

	if (c->has_secret && c->has_secret(c->ctx, line))
		return broke(k, RULE_SECRET, ERR_DENIED);
	if (c->is_model)
		err = broke(k, RULE_LEAK, safety_leak_check(c->canary, c->system, line));
	if (err == 0)
		err = broke(k, RULE_LINK, safety_link_check(k->s, false, line));
	if (err == 0)
		err = broke(k, RULE_PERSONAL, safety_personal_check(line));
	if (err == 0)
		err = broke(k, RULE_WORDS, safety_words_check(k->s->words, line));
	if (err == 0) {
		bool is_bias;

		err = safety_score_check(k->s, line, &is_bias);
		err = broke(k, is_bias ? RULE_BIAS : RULE_TOXICITY, err);
	}
	if (err == 0 && c->is_model)
		err = broke(k, RULE_FLOOD, safety_flood_check(line));
	return err;
}

/* Lines are judged as a reader takes them in: one after the other, with their marks and without. */
static int judge(struct check *k, struct str text)
{
	struct buf flat, bare;
	int err;

	if (!k->has_lines)
		return judge_line(k, text);
	buf_init(&flat, SAFETY_STEP_BYTES);
	buf_init(&bare, SAFETY_STEP_BYTES);
	err = safety_lines_flatten(text, &flat);
	if (err == 0)
		err = judge_line(k, buf_str(&flat));
	if (err == 0)
		err = safety_lines_bare(buf_str(&flat), &bare);
	if (err == 0 && bare.len < flat.len)
		err = judge_line(k, buf_str(&bare));
	buf_fini(&bare);
	buf_fini(&flat);
	return err;
}

static bool is_fit(const struct check *k, struct str text, size_t max)
{
	return k->has_lines ? safety_is_showable(text, max) : safety_is_sayable(text, max);
}

/* Cuts line to what fits behind the prefix, adds both to out, and looks once more. */
static int finish(struct check *k, struct str line, struct buf *out)
{
	static const char fence[] = "\n```";
	struct str prefix = str_of(k->s->prefix);
	size_t room = k->max - (k->has_lines ? text_points(prefix) : text_units(prefix));
	size_t fits = safety_cut_at(line, room, k->has_lines);
	bool is_open = false;
	int err = 0;

	if (fits < line.len && k->has_lines) /* a block of code may have to be closed again */
		fits = safety_cut_at(line, room - (sizeof(fence) - 1), true);
	if (k->c->was_cut || k->c->is_growing)
		fits = safety_whole_at((struct str){line.at, fits}, k->c->is_growing);
	if (fits < line.len) {
		line = str_trim((struct str){line.at, fits});
		is_open = k->has_lines && safety_lines_ends_in_code(line);
		err = judge(k, line); /* "example.community" may have become "example.com" */
	}
	if (err == 0)
		err = buf_add_str(out, prefix);
	if (err == 0)
		err = buf_add_str(out, line);
	if (err == 0 && is_open)
		err = buf_adds(out, fence);
	if (err == 0 && (line.len == 0 || !is_fit(k, line, room) ||
				!is_fit(k, buf_str(out), k->max)))
		err = ERR_DENIED;
	return err == ERR_DENIED && k->rule != RULE_COUNT ? err : broke(k, RULE_WIRE, err);
}

/* Does it still want its first sentence? */
static bool nothing_is_whole(const struct check *k, struct str text)
{
	return safety_whole_at((struct str){text.at, safety_cut_at(text, k->max, k->has_lines)},
		true) == 0;
}

enum reason safety_check(const struct safety *s, const struct safety_context *c, struct str text,
	struct buf *out, const char **rule)
{
	struct check k = {.s = s, .c = c, .max = s->max_units, .rule = RULE_COUNT};
	struct buf a, b;
	enum reason why = REASON_NONE;
	int err = 0;

	buf_clear(out);
	*rule = NULL;
	if (c->form && c->form->has_lines) {
		k.has_lines = true;
		k.max = c->form->length * (c->parts > 0 ? c->parts : 1);
	}
	buf_init(&a, SAFETY_STEP_BYTES);
	buf_init(&b, SAFETY_STEP_BYTES);
	if (text.len > SAFETY_TEXT_BYTES)
		err = broke(&k, RULE_OVERSIZE, ERR_DENIED);
	else if (c->has_secret && c->has_secret(c->ctx, text))
		err = broke(&k, RULE_SECRET, ERR_DENIED);
	else if (c->is_model) /* before anything is taken away that could part the canary's letters
			       */
		err = broke(&k, RULE_LEAK, safety_leak_check(c->canary, (struct str){0}, text));
	if (err == 0)
		err = shape(&k, text, &a, &b);
	if (err == 0 && c->is_model && safety_has_declined(buf_str(&a)))
		why = REASON_DECLINED;
	else if (err == 0 && (a.len == 0 || (c->is_growing && nothing_is_whole(&k, buf_str(&a)))))
		why = REASON_EMPTY;
	if (err == 0 && why == REASON_NONE)
		err = judge(&k, buf_str(&a));
	if (err == 0 && why == REASON_NONE)
		err = finish(&k, buf_str(&a), out);
	if (err < 0)
		why = err == ERR_DENIED ? REASON_UNSAFE : REASON_NOMEM;
	if (why == REASON_UNSAFE)
		*rule = rules[k.rule < RULE_COUNT ? k.rule : RULE_WIRE].name;
	buf_fini(&b);
	buf_fini(&a);
	return why;
}
