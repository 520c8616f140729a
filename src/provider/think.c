/* Takes reasoning out of a whole answer. Pure.
 *
 * Models spell it in many ways and servers cut the spelling anywhere (peers.md 22), so this errs on
 * the side of dropping: an opener without a closer drops the rest, a closer without an opener drops
 * everything before it, and any closer closes any opener; what a wrong guess leaves behind ends in
 * an orphan closer and goes with it. Nothing left is EMPTY, and silence is safe. */
#include "provider/room.h"

#include <string.h>
#include <strings.h>

#define TAG_BYTES 160 /* longest tag with attributes; beyond it a '<' is only a '<' */

/* What a tag may stand between. The second is Mistral's, the third Kimi's, the fourth comes from
 * servers that escape for HTML. */
static const struct brackets {
	const char *open, *close;
	bool has_attributes;
} brackets[] = {
	{"<", ">", true},
	{"[", "]", false},
	{"\xe2\x97\x81", "\xe2\x96\xb7", false},
	{"&lt;", "&gt;", true},
};

static const char *const words[] = {"think", "thought", "reason"};

static bool is_name_byte(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '-' || c == ':' || c == '.' || c == '|';
}

static bool begins(struct str s, const char *with)
{
	size_t n = strlen(with);

	return s.len >= n && memcmp(s.at, with, n) == 0;
}

static bool has_word(struct str name)
{
	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		size_t n = strlen(words[w]);
		for (size_t i = 0; i + n <= name.len; i++)
			if (strncasecmp(name.at + i, words[w], n) == 0)
				return true;
	}
	return false;
}

static size_t skip_blanks(struct str s, size_t at)
{
	while (at < s.len && (s.at[at] == ' ' || s.at[at] == '\t'))
		at++;
	return at;
}

/* The bytes from `at` to the end of the tag, 0 when it does not end as a tag does. A tag that the
 * end of the answer cuts off counts. */
static size_t tag_end(const struct brackets *b, struct str s, size_t at)
{
	for (; at < s.len && at < TAG_BYTES; at++) {
		struct str rest = {s.at + at, s.len - at};
		if (begins(rest, b->close))
			return at + strlen(b->close);
		if (!b->has_attributes || s.at[at] == '\n' || s.at[at] == '<')
			return 0;
	}
	return at == s.len ? at : 0;
}

/* The length of the reasoning tag s begins with, 0 if it begins with none. */
static size_t tag_at(struct str s, bool *is_closer)
{
	for (size_t i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++) {
		const struct brackets *b = &brackets[i];
		if (!begins(s, b->open))
			continue;

		size_t at = skip_blanks(s, strlen(b->open));
		while (at < s.len && s.at[at] == '|')
			at++;
		*is_closer = at < s.len && s.at[at] == '/';
		if (*is_closer)
			at = skip_blanks(s, at + 1);

		size_t name = at;
		while (at < s.len && at < TAG_BYTES && is_name_byte(s.at[at]))
			at++;
		struct str text = {s.at + name, at - name};
		if (!has_word(text))
			continue;
		/* <|begin_of_thought|> ... <|end_of_thought|> */
		if (text.len > 3 && strncasecmp(text.at, "end", 3) == 0)
			*is_closer = true;
		size_t end = tag_end(b, s, at);
		if (end > 0)
			return end;
	}
	return 0;
}

static int strip_tags(struct str text, struct buf *out)
{
	bool is_inside = false;
	size_t kept_from = 0; /* first byte not yet copied or dropped */

	if (text.len == 0)
		return 0;
	for (size_t at = 0; at < text.len;) {
		bool is_closer = false;
		size_t n = tag_at((struct str){text.at + at, text.len - at}, &is_closer);
		if (n == 0) {
			at++;
			continue;
		}
		if (is_closer && !is_inside) {
			buf_clear(out);
		} else if (!is_closer && !is_inside) {
			int err = buf_add(out, text.at + kept_from, at - kept_from);
			if (err)
				return err;
		}
		is_inside = !is_closer;
		at += n;
		kept_from = at;
	}
	return is_inside ? 0 : buf_add(out, text.at + kept_from, text.len - kept_from);
}

/* The bytes of a marker <|name|> that s begins with, 0 = none. */
static size_t marker_at(struct str s, struct str *name)
{
	if (!begins(s, "<|"))
		return 0;
	for (size_t at = 2; at + 1 < s.len && at < 32; at++)
		if (s.at[at] == '|' && s.at[at + 1] == '>') {
			*name = (struct str){s.at + 2, at - 2};
			return at + 2;
		}
	return 0;
}

/* Harmony: <|start|>assistant<|channel|>analysis<|message|>...<|end|>, the words for people in the
 * channel "final". Without a channel marker nothing changes. */
static int strip_channels(struct str text, struct buf *out)
{
	bool is_kept = true;
	struct str channel = {NULL, 0};

	for (size_t at = 0; at < text.len;) {
		struct str rest = {text.at + at, text.len - at}, name;
		size_t n = marker_at(rest, &name);
		int err = 0;

		if (n == 0) {
			if (is_kept)
				err = buf_addc(out, text.at[at]);
			at++;
		} else if (str_is(name, "channel")) {
			rest.at += n;
			rest.len -= n;
			size_t len = 0;
			while (len < rest.len && is_name_byte(rest.at[len]))
				len++;
			channel = (struct str){rest.at, len};
			is_kept = false;
			at += n;
		} else if (str_is(name, "message")) {
			is_kept = channel.len == 0 || str_eq_nocase(channel, STR("final"));
			if (is_kept)
				buf_clear(out); /* what came before was not for people */
			at += n;
		} else if (str_is(name, "start") || str_is(name, "end") ||
			str_is(name, "return") || str_is(name, "call") ||
			str_is(name, "constrain")) {
			is_kept = false;
			at += n;
		} else {
			if (is_kept)
				err = buf_add(out, text.at + at, n);
			at += n;
		}
		if (err)
			return err;
	}
	return 0;
}

/* The same with its special tokens lost on the way: "analysisThe user ...assistantfinalHello". */
static struct str after_bare_channels(struct str text)
{
	static const char mark[] = "assistantfinal";
	const size_t n = sizeof(mark) - 1;

	text = str_trim(text);
	if (!begins(text, "analysis"))
		return text;
	for (size_t at = text.len; at-- > 0;)
		if (text.len - at >= n && memcmp(text.at + at, mark, n) == 0)
			return (struct str){text.at + at + n, text.len - at - n};
	return text;
}

int provider_think_strip(struct str text, struct buf *out)
{
	struct buf words_only, no_tags;
	int err;

	buf_init(&words_only, text.len);
	buf_init(&no_tags, text.len);
	text = after_bare_channels(text);
	err = strip_channels(text, &words_only);
	if (!err)
		err = strip_tags(buf_str(&words_only), &no_tags);
	if (!err)
		err = buf_add_str(out, str_trim(buf_str(&no_tags)));
	buf_fini(&no_tags);
	buf_fini(&words_only);
	return err;
}
