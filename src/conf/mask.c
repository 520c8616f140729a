#include "conf/room.h"

#include <string.h>

/* People do write secrets into files, and a complaint shows the line it is about: on terminals, in
 * logs, to whoever asks the API. So what stands where a secret would is drawn as asterisks, also in
 * a line that is not YAML, or whose key is misspelled. */

#define MASK_WORD_BYTES 16 /* the longest name of a secret, and some */
#define MASK_COPY_LEAST 4  /* shorter pieces stand anywhere by chance */

static const char *const secret_names[] = {
	"token",
	"key",
	"password",
	"oauth",
	"api_key",
	"apikey",
	"passwd",
	"client_secret",
};

static bool is_secret_name(struct str word)
{
	char lower[MASK_WORD_BYTES + 1];

	if (word.len < 3 || word.len > MASK_WORD_BYTES)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		char c = word.at[i];

		lower[i] = c == '-' ? '_' : ascii_lower(c);
	}
	lower[word.len] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(secret_names); i++)
		if (text_distance(lower, secret_names[i]) <= 1)
			return true;
	return false;
}

/* The word, quoted or not, that ends before a ':' and begins not before `first`. */
static struct str word_before(struct str text, size_t first, size_t colon)
{
	size_t end = colon, at;

	while (end > first && strchr(" \t\"'", text.at[end - 1]))
		end--;
	for (at = end; at > first && conf_is_word((struct str){text.at + at - 1, 1}, "_-"); at--)
		;
	return (struct str){text.at + at, end - at};
}

/* Where the value ends that begins at `at` within a line. */
static size_t value_end(struct str text, size_t at, size_t last)
{
	char quote = text.at[at] == '"' || text.at[at] == '\'' ? text.at[at] : '\0';

	for (size_t i = at + 1; i < last; i++) {
		if (quote ? text.at[i] == quote : strchr(",}]", text.at[i]) != NULL)
			return i;
		if (!quote && text.at[i] == '#' && text.at[i - 1] == ' ')
			return i;
	}
	return last;
}

bool conf_next_secret(struct str text, size_t from, size_t last, size_t *at, size_t *end)
{
	for (size_t i = from; i < last; i++) {
		size_t value = conf_skip_blanks(text, i + 1);

		/* user:password@ in a URL */
		if (last - i > 3 && memcmp(text.at + i, "://", 3) == 0) {
			size_t stop = i + 3;

			while (stop < last && !strchr("@/ \t\"'", text.at[stop]))
				stop++;
			*at = i + 3;
			*end = stop;
			if (stop < last && text.at[stop] == '@')
				return true;
		}
		if (text.at[i] != ':' || value >= last || strchr("{|>#", text.at[value]) ||
			!is_secret_name(word_before(text, from, i)))
			continue;
		*at = value + (text.at[value] == '"' || text.at[value] == '\'');
		*end = value_end(text, value, last);
		if (*at < *end)
			return true;
	}
	return false;
}

void conf_mask_copies(char *sentence, struct str secret)
{
	char *at = sentence;

	while (secret.len >= MASK_COPY_LEAST && *at) {
		size_t same = 0;

		while (same < secret.len && at[same] && at[same] == secret.at[same])
			same++;
		/* A sentence may hold only the beginning: values are cut in it. */
		if (same < MASK_COPY_LEAST)
			same = 0;
		memset(at, '*', same);
		at += same ? same : 1;
	}
}
