/* Prompts as a case spells them, and what differs between two texts. Pure. */
#include "golden/room.h"

#include <string.h>

#define MARKER "MARKER"
#define MARKER_DIGITS 16
#define HASH_DIGITS 16
#define AROUND 2 /* lines shown around a difference */
#define LINES_MAX 1500 /* a prompt of 32 KiB has not half of them */

/* ---- Prompts --------------------------------------------------------------------------------- */

/* The fence's marker of this prompt: what stands behind the first "<chat " that is not "CODE".
 * Words from chat cannot hold one (safety_quote). Empty when nothing is fenced. */
static struct str marker_of(const struct prompt *p)
{
	static const char fence[] = "<chat ";
	const size_t n = sizeof(fence) - 1;

	for (size_t i = 1; i < p->n; i++) {
		const struct str text = p->messages[i].text;
		const char *met = memmem(text.at, text.len, fence, n);

		if (met && (size_t)(text.at + text.len - met) > n + MARKER_DIGITS &&
			strspn(met + n, "0123456789abcdef") >= MARKER_DIGITS)
			return (struct str){met + n, MARKER_DIGITS};
	}
	return (struct str){NULL, 0};
}

/* Adds a text with the marker called by its name. */
static int add_unmarked(struct buf *out, struct str text, struct str marker)
{
	int err = 0;

	while (!err && text.len > 0) {
		const char *met = marker.len > 0 ?
			memmem(text.at, text.len, marker.at, marker.len) : NULL;
		const size_t n = met ? (size_t)(met - text.at) : text.len;

		err = buf_add(out, text.at, n);
		if (!err && met)
			err = buf_adds(out, MARKER);
		text.at += n + (met ? marker.len : 0);
		text.len -= n + (met ? marker.len : 0);
	}
	return err;
}

/* Can it stand in a block of YAML as it is? */
static bool fits_block(struct str text)
{
	if (text.len == 0 || strchr(" \t\n", text.at[0]) || text.at[text.len - 1] == '\n')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const unsigned char c = (unsigned char)text.at[i];

		if (c != '\n' && (c < 0x20 || c == 0x7F))
			return false;
	}
	return !memmem(text.at, text.len, " \n", 2) && text.at[text.len - 1] != ' ';
}

int golden_add_message(struct buf *out, const char *role, struct str text)
{
	int err = buf_addf(out, "  - %s: ", role);

	if (err)
		return err;
	if (!fits_block(text)) {
		err = json_add_string(out, text);
		return err ? err : buf_addc(out, '\n');
	}
	err = buf_adds(out, "|-\n");
	while (!err && text.len > 0) {
		const struct str line = str_split(&text, '\n');

		err = buf_addf(out, line.len > 0 ? "      %.*s\n" : "%.*s\n", STR_FMT(line));
	}
	return err;
}

/* The messages that are not listed, in short. */
static int add_start(struct buf *out, const struct prompt *p, size_t n, struct str marker)
{
	char hash[SHA256_TEXT_BYTES];
	struct buf all;
	int err = 0;

	buf_init(&all, GOLDEN_PROMPT_BYTES);
	for (size_t i = 0; !err && i < n; i++) {
		err = buf_addf(&all, "%s\n", prompt_role_name(p->messages[i].role));
		if (!err)
			err = add_unmarked(&all, p->messages[i].text, marker);
		if (!err)
			err = buf_addc(&all, '\n');
	}
	if (!err) {
		seal_sha256(buf_str(&all), hash);
		err = buf_addf(out, "  - start: %zu messages, sha256 %.*s\n", n, HASH_DIGITS, hash);
	}
	buf_fini(&all);
	return err;
}

int golden_prompt_text(const struct prompt *p, size_t listed, struct buf *out)
{
	const struct str marker = marker_of(p);
	const size_t first = listed < p->n ? p->n - listed : 0;
	struct buf text;
	int err = buf_adds(out, "prompt:\n");

	if (!err && first > 0)
		err = add_start(out, p, first, marker);
	buf_init(&text, GOLDEN_PROMPT_BYTES);
	for (size_t i = first; !err && i < p->n; i++) {
		buf_clear(&text);
		err = add_unmarked(&text, p->messages[i].text, marker);
		if (!err)
			err = golden_add_message(
				out, prompt_role_name(p->messages[i].role), buf_str(&text));
	}
	buf_fini(&text);
	return err;
}

/* ---- Differences ----------------------------------------------------------------------------- */

struct lines {
	struct str *at;
	size_t n;
};

static int lines_of(struct str text, struct lines *l)
{
	*l = (struct lines){.at = mem_array(LINES_MAX, sizeof(*l->at))};
	if (!l->at)
		return ERR_NOMEM;
	while (text.len > 0) {
		if (l->n == LINES_MAX)
			return ERR_LIMIT;
		l->at[l->n++] = str_split(&text, '\n');
	}
	return 0;
}

/* longest[i][k]: how many lines the rest of a from i and that of b from k have in common. */
static uint16_t *common_of(const struct lines *a, const struct lines *b)
{
	const size_t wide = b->n + 1;
	uint16_t *longest = mem_array((a->n + 1) * wide, sizeof(*longest));

	for (size_t i = a->n; longest && i-- > 0;) {
		for (size_t k = b->n; k-- > 0;) {
			const uint16_t down = longest[(i + 1) * wide + k];
			const uint16_t right = longest[i * wide + k + 1];

			longest[i * wide + k] = str_eq(a->at[i], b->at[k])
				? longest[(i + 1) * wide + k + 1] + 1
				: down > right ? down : right;
		}
	}
	return longest;
}

/* Adds lines that both have; of many only those near a difference. */
static int add_common(struct buf *out, const struct str *at, size_t n, bool is_first, bool is_last)
{
	const size_t before = is_first ? 0 : AROUND, after = is_last ? 0 : AROUND;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		if (i < before || i + after >= n)
			err = buf_addf(out, "  %.*s\n", STR_FMT(at[i]));
		else if (i == before)
			err = buf_adds(out, "  ...\n");
	}
	return err;
}

static int add_changes(struct buf *out, const struct lines *a, const struct lines *b,
	const uint16_t *longest)
{
	const size_t wide = b->n + 1;
	size_t i = 0, k = 0, same = 0;
	bool is_first = true;
	int err = 0;

	while (!err && (i < a->n || k < b->n)) {
		if (i < a->n && k < b->n && str_eq(a->at[i], b->at[k])) {
			i++, k++, same++;
			continue;
		}
		err = add_common(out, a->at + i - same, same, is_first, false);
		is_first = false;
		same = 0;
		if (err)
			break;
		if (k == b->n || (i < a->n && longest[(i + 1) * wide + k] >=
				longest[i * wide + k + 1]))
			err = buf_addf(out, "- %.*s\n", STR_FMT(a->at[i])), i++;
		else
			err = buf_addf(out, "+ %.*s\n", STR_FMT(b->at[k])), k++;
	}
	return err ? err : add_common(out, a->at + i - same, same, is_first, true);
}

int golden_diff(struct str want, struct str have, struct buf *out)
{
	struct lines a = {0}, b = {0};
	uint16_t *longest = NULL;
	int err;

	if (str_eq(want, have))
		return 0;
	err = lines_of(want, &a);
	if (!err)
		err = lines_of(have, &b);
	if (!err) {
		longest = common_of(&a, &b);
		err = longest ? add_changes(out, &a, &b, longest) : ERR_NOMEM;
	}
	mem_free(longest);
	mem_free(a.at);
	mem_free(b.at);
	return err;
}
