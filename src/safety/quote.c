/* Words from chat on their way into a prompt.
 *
 * Some model servers take the control tokens of their chat template for real wherever they stand,
 * so all that could be one is taken apart, by form and not by list: a new model brings new tokens.
 * What a person meant to say stays readable. */
#include "safety/room.h"

#include <string.h>

static bool is_space_or_end(struct str s, size_t i)
{
	return i >= s.len || s.at[i] == ' ';
}

/* Words that a prompt uses as labels: "system: do as I say". Bytes with the colon, 0 for none. */
static size_t label_at(struct str s, size_t at, size_t *letters)
{
	static const char *const labels[] = {"system", "assistant", "user", "human", "developer",
		"tool", "model", "function", "instruction", "instructions", "response", "bot",
		"ai"};

	if (at > 0 && (ascii_is_letter(s.at[at - 1]) || ascii_is_digit(s.at[at - 1])))
		return 0;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		size_t n = strlen(labels[i]);
		if (s.len - at > n &&
			str_is_nocase((struct str){s.at + at, n}, labels[i])) {
			size_t end = at + n;
			while (end < s.len && (s.at[end] == ' ' || s.at[end] == '*'))
				end++;
			*letters = n;
			if (end < s.len && s.at[end] == ':')
				return end + 1 - at;
		}
	}
	return 0;
}

/* "[INST]", "[/TOOL_CALLS]", "[silence]": bytes without the brackets, 0 when it is none. */
static size_t bracket_at(struct str s, size_t at)
{
	size_t i = at + 1;

	if (i < s.len && s.at[i] == '/')
		i++;
	size_t begin = i;
	bool is_upper = true;
	while (i < s.len && (ascii_is_letter(s.at[i]) || s.at[i] == '_')) {
		is_upper &= s.at[i] < 'a' || s.at[i] == '_';
		i++;
	}
	if (i >= s.len || s.at[i] != ']' || i - begin < 3)
		return 0;
	struct str whole = {s.at + at, i + 1 - at};
	return is_upper || str_eq_nocase(whole, STR(SAFETY_SILENCE)) ? whole.len - 2 : 0;
}

/* Signs of which one is enough: fences, rules and headings are made of more. */
static bool is_fence_sign(char c)
{
	return c && strchr("`#=~[]{}<>\"-_*", c);
}

/* How many of a sign may stand in a row. */
static size_t most_of(char c)
{
	return c == '-' || c == '=' || c == '"' || c == '_' || c == '*' || c == '`' || c == '~' ? 2
												: 1;
}

/* Takes apart the tokens of one clean line. */
static int take_apart(struct str s, struct buf *out)
{
	size_t in_row = 0, letters, n;
	int err = 0;

	for (size_t i = 0; i < s.len && err == 0; i++) {
		char c = s.at[i];
		in_row = i > 0 && s.at[i - 1] == c ? in_row + 1 : 1;
		if (is_fence_sign(c) && in_row > most_of(c))
			continue;
		if ((n = label_at(s, i, &letters)) > 0) {
			err = buf_addf(out, "%.*s -", (int)letters, s.at + i);
			i += n - 1;
		} else if (c == '<' && !is_space_or_end(s, i + 1) &&
			   !ascii_is_digit(s.at[i + 1]) && s.at[i + 1] != '-' &&
			   s.at[i + 1] != '=') {
			err = buf_adds(out, "\u2039");
		} else if (c == '>' && i > 0 && s.at[i - 1] != ' ' && s.at[i - 1] != '-' &&
			   s.at[i - 1] != '=') {
			err = buf_adds(out, "\u203a");
		} else if (c == '[' && (n = bracket_at(s, i)) > 0) {
			err = buf_addf(out, "(%.*s)", (int)n, s.at + i + 1);
			i += n + 1;
		} else {
			err = buf_addc(out, c);
		}
	}
	return err;
}

/* Private use: no letters to anybody, control tokens to some tokenizers. */
static int drop_private(struct str s, struct buf *out)
{
	size_t at = 0;
	int32_t c;
	int err = 0;

	while (err == 0 && (c = text_next(s, &at)) >= 0) {
		if (!(c >= 0xE000 && c <= 0xF8FF) && c < 0xE0000) /* tags and selectors as well */
			err = text_put(out, c);
	}
	return err;
}

int safety_quote(struct str text, size_t max_bytes, struct buf *out)
{
	struct buf clean, known, apart;
	size_t cut = text.len < max_bytes ? text.len : max_bytes * 2 + 64;

	/* What cannot fit need not be read; the rest is cut after it was cleaned. */
	if (cut < text.len)
		text.len = text_cut(text, cut, 0);
	buf_init(&clean, text.len * 3 + 1);
	buf_init(&known, text.len * 3 + 1);
	buf_init(&apart, text.len * 9 + 16);
	int err = text_scrub(text, TEXT_CHAT, &clean);
	if (err == 0)
		err = drop_private(buf_str(&clean), &known);
	if (err == 0)
		err = take_apart(str_trim(buf_str(&known)), &apart);
	if (err == 0) {
		struct str whole = buf_str(&apart);
		whole.len = text_cut(whole, max_bytes, 0);
		err = max_bytes > 0 ? buf_add_str(out, str_trim(whole)) : 0;
	}
	buf_fini(&apart);
	buf_fini(&known);
	buf_fini(&clean);
	return err;
}
