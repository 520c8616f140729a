/* Text of the bot made harmless as Discord reads it. */
#include "platform/discord_markup.h"

#include <string.h>

#define BREAK "\xE2\x80\x8B" /* U+200B */
#define FENCE_TICKS 3
#define TEXT_BYTES_MAX (64 * 1024)

static struct str from(struct str s, size_t at)
{
	return (struct str){s.at + at, s.len - at};
}

static bool begins(struct str s, const char *word)
{
	size_t n = strlen(word);

	return s.len >= n && str_is_nocase((struct str){s.at, n}, word);
}

static size_t ticks(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.at[n] == '`')
		n++;
	return n;
}

/* Where the next run of exactly n backticks ends; 0 = there is none. */
static size_t past_ticks(struct str s, size_t n)
{
	size_t run;

	for (size_t i = 0; i < s.len; i += run > 0 ? run : 1) {
		run = ticks(from(s, i));
		if (run == n || (n == FENCE_TICKS && run > n))
			return i + n;
	}
	return 0;
}

#define RUN_MAX 32 /* longer runs of backticks are text */

/* s begins with backticks. How many bytes of code Discord sees there, with its marks; only what
 * stands in a block that begins a line stays untouched: of everything else it is not sure that
 * Discord reads it as we do (quotes, marks that overlap). missing: the lengths of runs that were
 * looked for and do not come any more. */
static size_t code_bytes(struct str s, bool at_line_start, uint32_t *missing, bool *is_block)
{
	size_t n = ticks(s), end = 0;

	if (n < RUN_MAX && !(*missing & UINT32_C(1) << n)) {
		end = past_ticks(from(s, n), n);
		if (end == 0)
			*missing |= UINT32_C(1) << n;
	}
	*is_block = n == FENCE_TICKS && end > 0 && at_line_start;
	return end > 0 ? n + end : n;
}

/* Adds text in which nothing pings and no link hides its target. */
static int add_plain(struct str s, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < s.len && err == 0; i++) {
		struct str rest = from(s, i);
		err = buf_addc(out, s.at[i]);
		if (err == 0 && (begins(rest, "@everyone") || begins(rest, "@here") ||
				begins(rest, "@&")))
			err = buf_adds(out, BREAK);
		else if (err == 0 && begins(rest, "]("))
			err = buf_addc(out, ' ');
	}
	return err;
}

/* Pings are broken up in code as well: there is none that would be harmed. */
static int add_code(struct str s, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < s.len && err == 0; i++) {
		struct str rest = from(s, i);
		err = buf_addc(out, s.at[i]);
		if (err == 0 && (begins(rest, "@everyone") || begins(rest, "@here")))
			err = buf_adds(out, BREAK);
	}
	return err;
}

static int add_all(struct str s, struct buf *out)
{
	size_t begin = 0, i = 0, n;
	uint32_t missing = 0;
	bool is_block;
	int err = 0;

	while (i < s.len && err == 0) {
		if (s.at[i] == '\\' && i + 1 < s.len && s.at[i + 1] == '`') {
			i += 2; /* a backtick that is none */
			continue;
		}
		if (s.at[i] != '`') {
			i++;
			continue;
		}
		n = code_bytes(from(s, i), i == 0 || s.at[i - 1] == '\n',
			&missing, &is_block);
		if (is_block) {
			err = add_plain((struct str){s.at + begin, i - begin}, out);
			if (err == 0)
				err = add_code((struct str){s.at + i, n}, out);
			begin = i + n;
		}
		i += n;
	}
	return err == 0 ? add_plain(from(s, begin), out) : err;
}

int platform_markup_defuse(struct str text, struct buf *out)
{
	struct buf clean;
	int err;

	buf_init(&clean, TEXT_BYTES_MAX);
	err = text_scrub(text, TEXT_NO_INVISIBLE | TEXT_FEW_MARKS, &clean);
	if (err == 0 || err == ERR_LIMIT)
		err = add_all(buf_str(&clean), out);
	buf_fini(&clean);
	return err;
}
