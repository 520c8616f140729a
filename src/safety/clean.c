/* The form of a model's answer.
 *
 * Three passes over it: thoughts go; the tokens of chat templates go, and with them whatever the
 * model went on to invent behind the end of its own turn; then line by line role labels, echoes of
 * the prompt and markdown go, and the lines become one. */
#include "safety/room.h"

#include <string.h>

#define ECHO_WORDS 3

static bool is_blank(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!memchr(" \t\r\n", s.at[i], 4))
			return false;
	}
	return true;
}

/* ---- Thoughts -------------------------------------------------------------------------------- */

/* "<think>", "</think>" and kin: length of the tag at `at`, 0 for none. */
static size_t thought_tag(struct str s, size_t at, bool *is_close)
{
	static const char *const names[] = {"think", "thinking", "thought", "thoughts", "reasoning",
		"reflection", "analysis", "scratchpad", "seed:think"};
	size_t i = at + 1;

	if (s.at[at] != '<')
		return 0;
	*is_close = i < s.len && s.at[i] == '/';
	i += *is_close;
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		size_t end = i + strlen(names[n]);
		if (i < s.len && safety_begins(s, i, names[n]) && end < s.len && s.at[end] == '>')
			return end + 1 - at;
	}
	return 0;
}

/* An unclosed thought reaches to the end; a closing tag alone ends one begun before the text. */
static int drop_thoughts(struct str s, struct buf *out)
{
	size_t depth = 0, n;
	bool is_close;
	int err = 0;

	for (size_t i = 0; i < s.len && err == 0; i++) {
		if ((n = thought_tag(s, i, &is_close)) > 0) {
			if (!is_close)
				depth++;
			else if (depth == 0)
				buf_clear(out);
			else
				depth--;
			i += n - 1;
		} else if (depth == 0) {
			err = buf_addc(out, s.at[i]);
		}
	}
	return err;
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

#define TOKEN_BYTES 48 /* longest between "<|" and "|>" */

static size_t token_at(struct str s, size_t at)
{
	static const char *const tokens[] = {"<s>", "</s>", "<bos>", "<eos>", "<pad>", "<unk>",
		"<start_of_turn>", "<end_of_turn>", "[inst]", "[/inst]", "<<sys>>", "<</sys>>",
		"[system_prompt]", "[/system_prompt]", "<turn|>", "<|turn>"};

	if (s.at[at] != '<' && s.at[at] != '[')
		return 0;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		if (safety_begins(s, at, tokens[i]))
			return strlen(tokens[i]);
	}
	bool is_bar = safety_begins(s, at, "<|");
	if (!is_bar && !safety_begins(s, at, "<\uff5c"))
		return 0;
	const char *end = is_bar ? "|>" : "\uff5c>";
	for (size_t i = at + 2; i < s.len && i - at <= TOKEN_BYTES; i++) {
		if (safety_begins(s, i, end))
			return i + strlen(end) - at;
	}
	return 0;
}

/* Some templates write a turn's author behind its first token. */
static size_t author_at(struct str s, size_t at)
{
	static const char *const authors[] = {
		"assistant", "model", "bot", "system", "user", "final", "analysis", "commentary"};

	for (size_t i = 0; i < sizeof(authors) / sizeof(authors[0]); i++) {
		size_t end = at + strlen(authors[i]);
		if (at < s.len && safety_begins(s, at, authors[i]) &&
			(end == s.len || s.at[end] == '\n' || s.at[end] == '\r' ||
				s.at[end] == '<'))
			return end - at;
	}
	return 0;
}

/* The first turn that holds any text. */
static struct str first_turn(struct str s)
{
	static const char harmony[] = "<|message|>"; /* the answer is the last message of several */
	size_t begin = 0, n;

	for (size_t i = 0; i < s.len; i++) {
		if (safety_begins(s, i, harmony))
			begin = i + sizeof(harmony) - 1;
	}
	for (size_t i = begin; i < s.len; i++) {
		if ((n = token_at(s, i)) == 0)
			continue;
		if (!is_blank((struct str){s.at + begin, i - begin}))
			return (struct str){s.at + begin, i - begin};
		begin = i + n;
		begin += author_at(s, begin);
		i = begin - 1;
	}
	return (struct str){s.at + begin, s.len - begin};
}

/* ---- Lines ----------------------------------------------------------------------------------- */

struct str safety_next_line(struct str *rest)
{
	struct str line = *rest;
	size_t at = 0, before = 0;
	int32_t c;

	while ((c = text_next(*rest, &at)) >= 0) {
		if ((c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029) {
			line.len = before;
			at += c == '\r' && at < rest->len && rest->at[at] == '\n';
			break;
		}
		before = at;
	}
	*rest = (struct str){rest->at + at, rest->len - at};
	return line;
}

static struct str skip(struct str s, const char *signs)
{
	while (s.len > 0 && s.at[0] && strchr(signs, s.at[0]))
		s = (struct str){s.at + 1, s.len - 1};
	return s;
}

/* "Name:", "**Name:**", "[Name]:" at the head of line: what is behind it, else line itself. */
static struct str behind_label(struct str line, struct str name)
{
	struct str s = skip(line, "*_[(<#\" ");
	bool is_framed = s.at != line.at && (line.at[0] == '[' || line.at[0] == '<');

	if (name.len == 0 || s.len <= name.len ||
		!str_eq_nocase((struct str){s.at, name.len}, name))
		return line;
	s = (struct str){s.at + name.len, s.len - name.len};
	struct str rest = skip(s, "*_])> ");
	if (rest.len > 0 && rest.at[0] == ':')
		return skip((struct str){rest.at + 1, rest.len - 1}, "*_ ");
	if (is_framed && (s.at[0] == ']' || s.at[0] == '>'))
		return rest;
	return line;
}

/* The bot's own labels, however often. */
static struct str drop_own_labels(const struct safety_context *c, struct str line)
{
	static const char *const own[] = {"assistant", "bot", "ai", "model", "response", "reply",
		"answer", "chatbot", "assistant (me)"};
	struct str before;

	do {
		before = line;
		line = behind_label(behind_label(line, c->bot), c->persona);
		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
			line = behind_label(line, str_of(own[i]));
	} while (line.len < before.len);
	return line;
}

static bool has_foreign_label(const struct safety_context *c, struct str line, bool is_later)
{
	static const char *const foreign[] = {"user", "human", "viewer", "system", "developer",
		"instruction", "instructions", "### instruction"};

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (behind_label(line, str_of(foreign[i])).len < line.len)
			return true;
	}
	/* "alice: hello" in the first line speaks to alice; later it speaks for her. */
	return is_later && behind_label(line, c->user).len < line.len;
}

/* Headings, quotes and bullets. */
static struct str drop_line_marks(struct str line)
{
	struct str s = skip(line, "#");

	if (s.len < line.len && s.len > 0 && s.at[0] == ' ')
		return str_trim(s);
	if (line.len > 2 && memchr("->*+", line.at[0], 4) && line.at[1] == ' ')
		return str_trim((struct str){line.at + 2, line.len - 2});
	if (line.len > 4 && memcmp(line.at, "\u2022 ", 4) == 0)
		return str_trim((struct str){line.at + 4, line.len - 4});
	return line;
}

/* "```c" opens a block; "---" and "***" draw a line. */
static bool is_only_marks(struct str line)
{
	if (line.len >= 3 && memcmp(line.at, "```", 3) == 0)
		return !memchr(line.at, ' ', line.len) && !memchr(line.at + 3, '`', line.len - 3);
	return line.len >= 3 && skip(line, "-*_= ").len == 0;
}

/* Can a line be an echo? One or two words that ask nothing are a greeting: to "Hello" the answer is
 * "Hello". */
static bool can_echo(struct str line)
{
	size_t words = 0;

	if (memchr(line.at, '?', line.len) || memmem(line.at, line.len, "\uff1f", 3))
		return true;
	for (; line.len > 0 && words < ECHO_WORDS; words++)
		(void)str_split(&line, ' ');
	return words == ECHO_WORDS;
}

/* Is it the question once more, which some models put before their answer? */
static bool is_question(struct str question, struct str line)
{
	struct buf a, b;
	bool is_same = false;

	if (line.len == 0 || !can_echo(line))
		return false;
	buf_init(&a, SAFETY_STEP_BYTES);
	buf_init(&b, SAFETY_STEP_BYTES);
	if (question.len > 0 && text_fold(str_trim(question), &a) == 0 &&
		text_fold(safety_unquote(line), &b) == 0)
		is_same = str_eq(buf_str(&a), buf_str(&b));
	buf_fini(&a);
	buf_fini(&b);
	return is_same;
}

static int add_line(struct buf *out, struct str line)
{
	if (line.len == 0)
		return 0;
	int err = out->len > 0 ? buf_addc(out, ' ') : 0;
	return err ? err : buf_add_str(out, line);
}

/* All lines of a turn become one. */
static int join_lines(const struct safety_context *c, struct str turn, struct buf *out)
{
	struct buf clean;
	bool is_first = true;
	int err = 0;

	buf_init(&clean, SAFETY_STEP_BYTES);
	while (turn.len > 0 && err == 0) {
		buf_clear(&clean);
		err = text_scrub(safety_next_line(&turn), TEXT_CHAT, &clean);
		struct str line = buf_str(&clean);
		if (err < 0 || line.len == 0 || is_only_marks(line))
			continue;
		line = drop_line_marks(drop_own_labels(c, line));
		bool is_last = is_blank(turn);
		if (has_foreign_label(c, line, !is_first)) {
			if (!is_first)
				break; /* it went on to write the other side's part */
			if (!is_last)
				continue; /* it began by repeating the other side's */
		}
		if (is_first && !is_last && is_question(c->question, line))
			continue;
		err = add_line(out, line);
		is_first = false;
	}
	buf_fini(&clean);
	return err;
}

/* A heading like "Instructions:" is part of a long answer; only who speaks as somebody else ends
 * it. */
static bool speaks_for_others(const struct safety_context *c, struct str line)
{
	static const char *const others[] = {"user", "human", "viewer", "system", "developer"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct str rest = behind_label(line, str_of(others[i]));

		if (rest.len < line.len && rest.len > 0)
			return true;
	}
	return behind_label(line, c->user).len < line.len;
}

/* All lines of a turn stay lines, and code stays as it is. */
static int keep_lines(const struct safety_context *c, struct str turn, struct buf *out)
{
	struct safety_lines l;
	struct buf clean;
	int err = 0;

	buf_init(&clean, SAFETY_STEP_BYTES);
	safety_lines_init(&l, out);
	while (turn.len > 0 && err == 0) {
		const struct str raw = safety_next_line(&turn);
		const bool is_first = out->len == l.start;

		if (safety_lines_is_code(&l, raw)) {
			err = safety_lines_add_code(&l, raw);
			continue;
		}
		buf_clear(&clean);
		err = text_scrub(raw, TEXT_CHAT, &clean);
		struct str line = buf_str(&clean);
		if (err < 0)
			break;
		line = is_first ? drop_own_labels(c, line)
			: behind_label(behind_label(line, c->bot), c->persona);
		if (!is_first && speaks_for_others(c, line))
			break; /* it went on to write the other side's part */
		if (is_first && !is_blank(turn) && (has_foreign_label(c, line, false) ||
				is_question(c->question, line)))
			continue; /* it began by repeating the other side's */
		err = safety_lines_add(&l, raw, line);
	}
	if (err == 0)
		err = safety_lines_end(&l);
	buf_fini(&clean);
	return err;
}

/* Nothing is hidden behind a text in prose. */
static int unmask(void *ctx, struct str part, struct buf *out)
{
	struct buf b;

	(void)ctx;
	buf_init(&b, SAFETY_STEP_BYTES);
	int err = buf_add_str(&b, part);
	if (err == 0 && b.len > 0)
		safety_unmark_links(&b);
	if (err == 0)
		err = buf_add_str(out, buf_str(&b));
	buf_fini(&b);
	return err;
}

int safety_clean(const struct safety_context *c, struct str text, struct buf *out)
{
	const bool has_lines = c->form && c->form->has_lines;
	struct buf aloud, lines;

	buf_init(&aloud, text.len + 1);
	buf_init(&lines, SAFETY_STEP_BYTES);
	int err = drop_thoughts(text, &aloud);
	if (err == 0 && has_lines) {
		err = keep_lines(c, first_turn(buf_str(&aloud)), &lines);
		if (err == 0)
			err = safety_lines_prose(buf_str(&lines), unmask, NULL, out);
	} else if (err == 0) {
		err = join_lines(c, first_turn(buf_str(&aloud)), out);
		if (err == 0)
			safety_unmark(out);
	}
	buf_fini(&lines);
	buf_fini(&aloud);
	return err;
}
