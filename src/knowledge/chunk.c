/* Texts to chunks. A text is first taken apart into blocks: a heading, a paragraph, or a piece
 * of one that is too long by itself; a chunk is a run of blocks, and the next begins halfway
 * through it. */
#include "knowledge/room.h"
#include "persona/persona.h"

#include <string.h>

#define PIECE_TOKENS 480 /* two of them and a heading are one chunk */

/* Blocks of one text: at least two bytes each, and a text has at most KNOWLEDGE_BYTES_MAX. */
struct block {
	size_t at, len; /* in the text */
	size_t tokens;  /* with what stands between it and the next */
	int line;
	bool is_heading;
};

struct cutting {
	struct str text;
	struct block *blocks;
	size_t n, room;
	int line; /* of the bytes that come next */
};

static int add_block(struct cutting *c, struct block b)
{
	if (c->n == c->room) {
		const size_t room = c->room ? 2 * c->room : 64;
		struct block *grown = mem_resize(c->blocks, room * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		c->blocks = grown;
		c->room = room;
	}
	c->blocks[c->n++] = b;
	return 0;
}

/* The longest beginning of s that is one piece at most: whole lines, else whole words, else what
 * there is. */
static size_t fitting(struct str s)
{
	size_t low = 1, high = s.len;

	while (low < high) { /* the longest prefix by tokens */
		const size_t middle = (low + high + 1) / 2;

		if (prompt_tokens((struct str){s.at, middle}) <= PIECE_TOKENS)
			low = middle;
		else
			high = middle - 1;
	}
	if (low == s.len)
		return low;
	const char *end = memrchr(s.at, '\n', low);
	if (!end || end == s.at)
		end = memrchr(s.at, ' ', low);
	if (end && end > s.at)
		return (size_t)(end - s.at);
	low = text_cut(s, low, 0);
	return low > 0 ? low : s.len;
}

static int lines_of(struct str s)
{
	int n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.at[i] == '\n';
	return n;
}

/* One paragraph, in as many blocks as it needs. */
static int add_paragraph(struct cutting *c, size_t at, size_t len, int line)
{
	int err = 0;

	while (len > 0 && !err) {
		const struct str rest = {c->text.at + at, len};
		const size_t n = fitting(rest);
		const struct str part = {rest.at, n};

		err = add_block(c, (struct block){.at = at, .len = n, .line = line});
		line += lines_of(part);
		at += n;
		len -= n;
		while (len > 0 && (c->text.at[at] == ' ' || c->text.at[at] == '\n')) {
			line += c->text.at[at] == '\n';
			at++;
			len--;
		}
	}
	return err;
}

static bool is_heading(struct str line)
{
	size_t n = 0;

	while (n < line.len && line.at[n] == '#')
		n++;
	return n > 0 && n <= 6 && n < line.len && line.at[n] == ' ';
}

static int find_blocks(struct cutting *c)
{
	struct str rest = c->text;
	size_t begin = 0, end = 0; /* of the paragraph being read; none: both equal */
	int line = 0, first = 0, err = 0;

	while (rest.len > 0 && !err) {
		const size_t at = (size_t)(rest.at - c->text.at);
		const struct str whole = str_split(&rest, '\n'), trimmed = str_trim(whole);
		const bool is_head = is_heading(trimmed);

		line++;
		if ((trimmed.len == 0 || is_head) && end > begin) {
			err = add_paragraph(c, begin, end - begin, first);
			begin = end = 0;
		}
		if (is_head && !err) {
			err = add_paragraph(c, at, whole.len, line);
			if (!err)
				c->blocks[c->n - 1].is_heading = true;
		} else if (trimmed.len > 0) {
			if (end == begin) {
				begin = at;
				first = line;
			}
			end = at + whole.len;
		}
	}
	if (!err && end > begin)
		err = add_paragraph(c, begin, end - begin, first);
	for (size_t i = 0; i < c->n && !err; i++) {
		struct block *b = &c->blocks[i];
		const size_t next = i + 1 < c->n ? b[1].at : b->at + b->len;

		b->tokens = prompt_tokens((struct str){c->text.at + b->at, next - b->at});
	}
	return err;
}

/* ---- Blocks to chunks --------------------------------------------------------------------- */

/* Past the last block of the chunk that begins with block i. A heading is not its last one. */
static size_t chunk_end(const struct cutting *c, size_t i)
{
	size_t tokens = c->blocks[i].tokens, end = i + 1;

	while (end < c->n && tokens + c->blocks[end].tokens <= KNOWLEDGE_CHUNK_TOKENS)
		tokens += c->blocks[end++].tokens;
	while (end < c->n && end - 1 > i && c->blocks[end - 1].is_heading)
		end--;
	return end;
}

/* Where the chunk after that of blocks i to end begins: past half of its tokens; at a heading, if
 * there is one in its second quarter. */
static size_t next_begin(const struct cutting *c, size_t i, size_t end)
{
	size_t tokens = 0, all = 0, at;

	for (at = i; at < end; at++)
		all += c->blocks[at].tokens;
	for (at = i; at < end && tokens < (all + 1) / 2; at++)
		tokens += c->blocks[at].tokens;
	size_t best = at;
	/* Its own first block would begin the same chunk once more. */
	for (tokens = c->blocks[i++].tokens; i < best; i++) {
		if (c->blocks[i].is_heading && tokens >= all / 4)
			return i;
		tokens += c->blocks[i].tokens;
	}
	return best;
}

static struct str heading_of(const struct cutting *c, size_t i)
{
	for (size_t at = i + 1; at-- > 0;) {
		const struct block *b = &c->blocks[at];

		if (b->is_heading) {
			struct str s = {c->text.at + b->at, b->len};

			while (s.len > 0 && (s.at[0] == '#' || s.at[0] == ' '))
				s = (struct str){s.at + 1, s.len - 1};
			return str_trim(s);
		}
	}
	return (struct str){NULL, 0};
}

static int add_chunk(struct knowledge *k, const struct cutting *c, const char *file, size_t i,
	size_t end)
{
	const struct block *first = &c->blocks[i], *last = &c->blocks[end - 1];
	struct knowledge_chunk *grown =
		mem_resize(k->chunks, (k->chunk_count + 1) * sizeof(*grown));

	if (!grown)
		return ERR_NOMEM;
	k->chunks = grown;
	k->chunks[k->chunk_count++] = (struct knowledge_chunk){
		.file = file,
		.line = first->line,
		.heading = heading_of(c, i),
		.text = {c->text.at + first->at, last->at + last->len - first->at},
	};
	return 0;
}

int knowledge_cut(struct knowledge *k, const char *file, struct str text)
{
	struct cutting c = {.text = text};
	int err = find_blocks(&c);

	for (size_t i = 0; i < c.n && !err;) {
		const size_t end = chunk_end(&c, i);

		err = add_chunk(k, &c, file, i, end);
		i = end < c.n ? next_begin(&c, i, end) : c.n;
	}
	mem_free(c.blocks);
	return err;
}
