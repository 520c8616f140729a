/* A question as words, and how much each of them says about what it is about. */
#include "knowledge/room.h"

#include <string.h>

#define COMMON_WEIGHT 0.5
#define SHARE_ASKED 0.5  /* of what a question says must stand in a chunk that is about it */
#define SHARE_SAID 0.7   /* of what is no question: small talk meets this or that by chance */

/* Whom a line is for. */
static const char address[] = "ai ask bot hey hi hello";

/* A line that begins with one of these is a question, with a question mark or without. */
static const char question_words[] =
	"what when where who why how which whose is are am do does did can could may might "
	"should would will was were has have wer was wann wo warum wie welche welcher welches "
	"wieso gibt";

/* Words that nearly every sentence has: they say nothing about what it is about. A question of
 * nothing else finds nothing. What stands before the apostrophe of "don't" is a word. */
static const char stop_words[] =
	"a about all also am an and any are as at be because been being but by can could "
	"couldn did didn do does doesn doing don done down each few for from get gets getting "
	"go goes going gonna got had has hasn have haven he her here him his how i id if im "
	"in into is isn it its ive just let lets lmao lol made make makes making me more most "
	"my no not of off on only or our out over own please pls she should shouldn so some "
	"such tell than that the their them then there these they this those tho to too up ur "
	"us very wanna was wasn we were what where which while who whom why will with won "
	"would wouldn you your auf aus bei da das dem den denn der die doch du ein eine einen "
	"er es für hat ich ihr im in ist ja kann man mal mit nicht noch oder sie sind so und "
	"von wann warum was wer wie wo zu zum zur";

/* Words that lines of any chat have, whatever they are about: one alone says too little. */
static const char common_words[] =
	"able account actually add after again allowed alone already always another anybody "
	"anymore anyone anything around asked asking away back bad before begin beginning "
	"best better big bit break broke call called change channel channels chat chats clip "
	"clips close closed come coming command commands confirmed cool day days dude else "
	"end ended ending ends even ever every everybody everyone everything everywhere far "
	"fast favorite favourite feel feels find fine first five forget forgot four free "
	"friend friends full fun funny game games gave give gives giving gone good great "
	"guess guy guys half hand happen happened happens hard hear help high him hit home "
	"hope hot hour hours huge idea keep kill kind know known language languages last left "
	"less life like likes little live long look looks lose lost lot love low luck machine "
	"main many matter maybe mean mess message messages mind minute minutes miss missed "
	"mod mode model mods move moved moves moving much name named names need needs never "
	"new next nice night nobody nothing now number ok okay old once one ones open other "
	"others part people person pick place play played playing plays point points pretty "
	"problem program put question questions quite read ready real really rest right room "
	"run running runs safe said same save saw say says score second see seems seen send "
	"server set several show shows side since skip slow small somebody someone something "
	"soon sorry speak spoke stand standing start started starts stay still stop stream "
	"streamed streamer streaming streams stuff support sure switch take takes talk "
	"talking ten thank thanks thing things think thought though three time times today "
	"together told tonight took top tried true try trying turn turned two type typed "
	"typing use used using usually version video wait want wants watch watched watching "
	"way week weeks welcome well went when whole win wins without word words work works "
	"world worth wow write writes written wrong year years yes yesterday yet abend bitte "
	"danke gut heute immer jetzt leute machen macht mehr morgen schon spiel spielen "
	"spielst streamst viel wieder";

/* The part of a word before an apostrophe: "crab" of "crab's". */
static struct str stem(struct str word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (word.at[i] == '\'' ||
			(word.len - i > 3 && memcmp(word.at + i, "\u2019", 3) == 0))
			return (struct str){word.at, i};
	}
	return word;
}

/* A word as the index has it: characters that count as a word each are one where they touch.
 * Empty at the end. */
static struct knowledge_word next_word(struct str s, size_t *at)
{
	struct knowledge_word word = {.text = text_next_word(s, at), .weight = 1};
	size_t next = *at;
	struct str more = text_next_word(s, &next);

	while (more.len > 0 && more.at == word.text.at + word.text.len) {
		word.text.len += more.len;
		word.is_stem = true;
		*at = next;
		more = text_next_word(s, &next);
	}
	return word;
}

static bool is_in_name(struct str word, const char *name)
{
	const struct str all = str_of(name);
	struct str part;
	size_t at = 0;

	while ((part = next_word(all, &at).text).len > 0) {
		if (str_eq_nocase(part, word))
			return true;
	}
	return false;
}

static bool has_question_mark(struct str s)
{
	return memchr(s.at, '?', s.len) || memmem(s.at, s.len, "\uff1f", 3);
}

static void add_word(struct knowledge_query *q, struct knowledge_word word)
{
	/* A single letter or digit of ASCII is a stroke of a smiley, a score, a list. */
	if (word.text.len <= 1 || str_is_among(word.text, stop_words))
		return;
	if (str_is_among(word.text, common_words))
		word.weight = COMMON_WEIGHT;
	q->words[q->n++] = word;
	q->weight += word.weight;
}

void knowledge_query(struct str question, const char *self, struct knowledge_query *q)
{
	bool is_asked = question.len > 0 && has_question_mark(question), is_first = true;
	struct knowledge_word word;
	size_t at = 0;

	*q = (struct knowledge_query){.n = 0};
	while (q->n < KNOWLEDGE_WORDS_MAX && (word = next_word(question, &at)).text.len > 0) {
		word.text = stem(word.text);
		if (is_in_name(word.text, self) || str_is_among(word.text, address))
			continue;
		if (is_first && str_is_among(word.text, question_words))
			is_asked = true;
		is_first = false;
		add_word(q, word);
	}
	q->share = is_asked ? SHARE_ASKED : SHARE_SAID;
}
