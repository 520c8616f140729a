/* A question as an expression of FTS5. */
#include "knowledge/room.h"

#include <string.h>

#define WORDS_MAX 24 /* a chat line has fewer that say something; bounds a search */

/* Words that nearly every sentence has: they say nothing about what it is about. A question of
 * nothing else finds nothing. */
static const char stop_words[] =
	"a about ai an and any are as at be been but by can could did do does for from had has "
	"have he her him his how i if in is it its me my no not of on or our please she should so "
	"tell than that the their them then there these they this to was we were what when where "
	"which who whom why will with would you your ask bot hey hi hello "
	"auf aus bei das dem den der die du ein eine einen er es für hat ich ihr im ist mit nicht "
	"oder sie sind und von wann warum was wer wie wo zu zum zur";

/* A letter or digit of any script, as far as quoting needs to know: ASCII signs end a word. */
static bool is_word_byte(char c)
{
	return (unsigned char)c >= 0x80 || ascii_is_alnum((unsigned char)c);
}

int knowledge_query(struct str question, struct buf *out)
{
	size_t words = 0;
	int err = 0;

	for (size_t at = 0; at < question.len && words < WORDS_MAX && !err;) {
		const size_t from = at;

		while (at < question.len && is_word_byte(question.at[at]))
			at++;
		const struct str word = {question.at + from, at - from};
		if (word.len == 0) {
			at++;
			continue;
		}
		if (str_is_among(word, stop_words))
			continue;
		err = buf_adds(out, words++ > 0 ? " OR \"" : "\"");
		if (!err)
			err = buf_add_str(out, word); /* holds no quotation mark */
		if (!err)
			err = buf_addc(out, '"');
	}
	return err;
}
