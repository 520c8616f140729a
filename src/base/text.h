/* base/text.h: Unicode. Hides libutf8proc.
 *
 * "Scrub" makes outside bytes harmless; "fold" makes two spellings of one word equal. Both are
 * total: any bytes go in, valid UTF-8 comes out. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

bool text_is_ascii(struct str s);
bool text_is_utf8(struct str s);
/* True when every byte is printable ASCII or a single inner space: nothing to scrub, the fast path
 * of most chat lines. */
bool text_is_plain(struct str s);

enum text_scrub_flags {
	TEXT_ONE_LINE = 1,      /* CR LF TAB U+2028 U+2029 and other white space become one space */
	TEXT_NO_INVISIBLE = 2,  /* zero-width, bidi controls, tags U+E0000.., U+034F, U+00AD, BOM
	                           go; U+200D and U+FE0F stay inside emoji sequences */
	TEXT_TRIM = 4,          /* runs of spaces collapse to one, ends are trimmed */
	TEXT_FEW_MARKS = 8,     /* at most 3 combining marks per base character (zalgo) */
	TEXT_CHAT = 15,         /* all of them: what chat text goes through before matching, and
	                           what a reply goes through before it is said */
};
/* Adds s to out: invalid UTF-8 becomes U+FFFD; C0, DEL and C1 controls become a space under
 * TEXT_ONE_LINE, otherwise they go, but for LF and TAB; then what the flags say. Doing it twice
 * changes nothing more. 0, ERR_LIMIT (out holds what fitted, cut at a character), ERR_NOMEM. */
int text_scrub(struct str s, unsigned flags, struct buf *out) MUST_USE;

/* Adds the comparison form: NFKC, case folded, invisible code points stripped. On failure nothing
 * was added. */
int text_fold(struct str s, struct buf *out) MUST_USE;

/* Would text_fold make folded of s? Allocates nothing. False for a text of more than
 * TEXT_NAME_BYTES: it compares names, not essays. */
#define TEXT_NAME_BYTES 512
bool text_folds_to(struct str s, struct str folded);
/* Equal for texts that fold to the same, as far as TEXT_NAME_BYTES go. Allocates nothing. */
uint64_t text_fold_hash(struct str s);

/* The longest prefix of s, in bytes, that ends at a grapheme edge and has at most max_bytes bytes
 * and at most max_units UTF-16 code units (0 = no such limit). 0 when the first grapheme alone is
 * too long. */
size_t text_cut(struct str s, size_t max_bytes, size_t max_units);
size_t text_units(struct str s);  /* UTF-16 code units */
size_t text_points(struct str s); /* code points; invalid bytes count one each */
size_t text_columns(struct str s);/* terminal columns */
size_t text_words(struct str s);  /* runs of non-white-space */

/* The next word at or after *at, which moves behind it: a run of letters, digits and marks, with an
 * apostrophe between two letters; of scripts that are written without spaces, one character. Empty
 * at the end. */
struct str text_next_word(struct str s, size_t *at);

int32_t text_next_wide(struct str s, size_t *at); /* text_next where no ASCII stands */
/* Next code point; *at moves on. Gives U+FFFD for a bad byte, -1 at the end. */
static inline int32_t text_next(struct str s, size_t *at)
{
	if (*at < s.len && (unsigned char)s.at[*at] < 0x80)
		return s.at[(*at)++]; /* nearly always, so without a call */
	return text_next_wide(s, at);
}
int text_put(struct buf *out, int32_t point) MUST_USE; /* one code point as UTF-8 */
/* Draws nothing, or turns the direction of what does: Default_Ignorable_Code_Point of Unicode 15
 * and the interlinear annotation signs. Emoji need two of them: U+200D, U+FE0F. */
bool text_is_invisible(int32_t point);

/* Damerau-Levenshtein distance of two ASCII words up to 32 bytes, for "did you mean"; large when
 * either is longer. */
unsigned text_distance(const char *a, const char *b);

#endif
