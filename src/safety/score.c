/* How much a match speaks against a text, and what comes of it.
 *
 * A rule's weight is what its match says by itself. What is denied or only quoted says less, and a
 * rule that is about people half where no person is spoken to or of. Weights of several rules add
 * up like chances: two halves are three quarters. All of it is arithmetic on the words alone, so
 * that one text has one score. */
#include "safety/room.h"

#include <string.h>

#define DENIED       0.3 /* "you are not an idiot" */
#define QUOTED       0.6 /* he said "you idiot" */
#define AT_NOBODY    0.5 /* "this stupid door" */
#define DENIAL_WORDS 4   /* so many words before a match may deny it */

/* Input that scores so much is refused by the balanced policy: one rule that is sure, or two that
 * are not. */
#define REFUSED_INPUT 0.7

static bool is_word_byte(char c)
{
	return ascii_is_alnum(c) || c == '\'' || (unsigned char)c >= 0x80;
}

/* Takes the last word off *before. */
static struct str last_word(struct str *before)
{
	size_t end = before->len, begin;

	while (end > 0 && !is_word_byte(before->at[end - 1]))
		end--;
	begin = end;
	while (begin > 0 && is_word_byte(before->at[begin - 1]))
		begin--;
	before->len = begin;
	return (struct str){before->at + begin, end - begin};
}

static bool is_denied(struct str before)
{
	static const char denials[] = "not never no nobody don't dont doesn't doesnt isn't isnt "
				      "aren't arent wasn't wasnt ain't aint won't wont can't cant "
				      "cannot without stop kein keine nicht pas jamais nunca";

	for (int i = 0; i < DENIAL_WORDS; i++) {
		struct str word = last_word(&before);

		if (word.len > 0 && str_is_among(word, denials))
			return true;
	}
	return false;
}

static size_t count(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.at[i] == c;
	return n;
}

static bool is_quoted(struct str before, struct str behind)
{
	return (count(before, '"') % 2 == 1 && count(behind, '"') > 0) ||
	       (memmem(before.at, before.len, "\u201c", 3) &&
		       memmem(behind.at, behind.len, "\u201d", 3));
}

/* Is a person spoken to or of? */
static bool has_person(struct str text)
{
	static const char persons[] =
		"you u ur your youre you're yourself yall y'all he she him "
		"her his they them their everyone everybody chat guys people "
		"streamer viewer viewers mods du dich dir ihr tu te toi vous usted "
		"ustedes eres";

	if (memchr(text.at, '@', text.len))
		return true;
	while (text.len > 0) {
		struct str word = last_word(&text);

		if (word.len > 0 && str_is_among(word, persons))
			return true;
	}
	return false;
}

double safety_weigh(const struct safety_rule *r, struct str text, struct str match)
{
	const size_t begin = (size_t)(match.at - text.at), end = begin + match.len;
	const struct str before = {text.at, begin}, behind = {text.at + end, text.len - end};
	double weight = r->weight;

	if (r->family != SAFETY_TOXICITY && r->family != SAFETY_BIAS)
		return weight; /* whoever quotes an order to a model gives it all the same */
	if (is_denied(before))
		weight *= DENIED;
	if (is_quoted(before, behind))
		weight *= QUOTED;
	if (r->is_personal && !has_person(text))
		weight *= AT_NOBODY;
	return weight;
}

int safety_find(
	const struct safety *s, unsigned families, struct str text, struct safety_findings *out)
{
	*out = (struct safety_findings){0};
	int err = s->rules ? safety_rules_find(s->rules, families, text, out) : 0;

	if (err < 0 || !(families & SAFETY_OF_OUTPUT))
		return err;
	/* A refused word is the end of all doubt; those of our own list are slurs. */
	if (safety_words_check(s->words, text) != 0)
		out->toxicity = 1;
	if (out->toxicity == 1 && safety_words_check(s->slurs, text) != 0)
		out->bias = 1;
	return 0;
}

const char *safety_policy_name(enum safety_policy p)
{
	static const char *const names[] = {"strict", "balanced", "permissive"};

	return (unsigned)p < 3 ? names[p] : "unknown";
}

size_t safety_count(const struct safety *s)
{
	return s->rules ? safety_rules_count(s->rules) : 0;
}

enum reason safety_hear(const struct safety *s, struct str text, struct safety_heard *out)
{
	struct safety_findings found;
	int err = safety_find(s, SAFETY_OF_INPUT, text, &found);

	*out = (struct safety_heard){
		.rule = found.n > 0 ? found.at[0].rule : NULL, .score = found.input};
	if (err < 0)
		return err == ERR_NOMEM ? REASON_NOMEM : REASON_UNSAFE;
	if (found.n == 0 || s->policy == SAFETY_PERMISSIVE ||
		(s->policy == SAFETY_BALANCED && found.input < REFUSED_INPUT))
		return REASON_NONE;
	return REASON_UNSAFE;
}

int safety_score_check(const struct safety *s, struct str text, bool *is_bias)
{
	struct safety_findings found;

	*is_bias = false;
	if (!s->rules)
		return 0;
	found = (struct safety_findings){0};
	int err = safety_rules_find(s->rules, SAFETY_OF_OUTPUT, text, &found);

	*is_bias = found.bias >= s->bias && found.toxicity < s->toxicity;
	if (err == 0 && (found.toxicity >= s->toxicity || found.bias >= s->bias))
		err = ERR_DENIED;
	return err;
}
