/* Letters that look alike. Input is what text_fold gives: NFKC (which already undoes full-width,
 * mathematical and circled letters) in lower case; what remains are the letters of other scripts,
 * and accents. */
#include "safety/room.h"

#include <string.h>

/* Base letters of U+00C0..024F and U+1E00..1EFF: first of the compatibility decomposition. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo.ouuuuypsaaaaaaaceeeeiiiidnooooo.ouuuuypy"
			    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
			    "lllnnnnnn.nnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"
			    "bbbbbbcccdddd.eeeffgy.iikkl.mnnoooooppr....ttttuuuvyyzzz........"
			    "....dddlllnnnaaiioouuuuuuuuuueaaaa..ggggkkoooo..jdddgg..nnaa...."
			    "aaaaeeeeiiiioooorrrruuuussttzzhhnd..zzaaeeooooooooyylntj..acclts"
			    "z..buveejjqqrryy";
static const char latin_more[] = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
				 "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
				 "wwwwwwwwwwxxxxyyzzzzzzhtwyassssdaaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
				 "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy....yy";

/* Letters of other scripts by what they look like in a chat font; sorted. */
static const struct {
	uint16_t point;
	char looks;
} twins[] = {{0x0251, 'a'}, {0x0261, 'g'}, {0x0262, 'g'}, {0x0269, 'i'}, {0x026A, 'i'},
	{0x026F, 'm'}, {0x0274, 'n'}, {0x0275, 'o'}, {0x0280, 'r'}, {0x028F, 'y'}, {0x0299, 'b'},
	{0x029C, 'h'}, {0x029F, 'l'}, {0x03AC, 'a'}, {0x03AD, 'e'}, {0x03AF, 'i'}, {0x03B1, 'a'},
	{0x03B2, 'b'}, {0x03B3, 'y'}, {0x03B5, 'e'}, {0x03B7, 'n'}, {0x03B9, 'i'}, {0x03BA, 'k'},
	{0x03BC, 'u'}, {0x03BD, 'v'}, {0x03BF, 'o'}, {0x03C1, 'p'}, {0x03C2, 'c'}, {0x03C3, 'o'},
	{0x03C4, 't'}, {0x03C5, 'u'}, {0x03C7, 'x'}, {0x03C9, 'w'}, {0x03CC, 'o'}, {0x03F2, 'c'},
	{0x03F3, 'j'}, {0x0430, 'a'}, {0x0431, 'b'}, {0x0432, 'b'}, {0x0433, 'r'}, {0x0435, 'e'},
	{0x0437, 'e'}, {0x0438, 'n'}, {0x043A, 'k'}, {0x043C, 'm'}, {0x043D, 'h'}, {0x043E, 'o'},
	{0x043F, 'n'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0442, 't'}, {0x0443, 'y'}, {0x0445, 'x'},
	{0x044C, 'b'}, {0x044F, 'r'}, {0x0450, 'e'}, {0x0451, 'e'}, {0x0455, 's'}, {0x0456, 'i'},
	{0x0457, 'i'}, {0x0458, 'j'}, {0x0475, 'v'}, {0x0491, 'r'}, {0x0493, 'f'}, {0x04AF, 'y'},
	{0x04BB, 'h'}, {0x04CF, 'l'}, {0x0501, 'd'}, {0x051B, 'q'}, {0x051D, 'w'}, {0x0563, 'q'},
	{0x0566, 'q'}, {0x0570, 'h'}, {0x0578, 'n'}, {0x057D, 'u'}, {0x0581, 'g'}, {0x0585, 'o'},
	{0x1D00, 'a'}, {0x1D04, 'c'}, {0x1D05, 'd'}, {0x1D07, 'e'}, {0x1D0A, 'j'}, {0x1D0B, 'k'},
	{0x1D0D, 'm'}, {0x1D0F, 'o'}, {0x1D18, 'p'}, {0x1D1B, 't'}, {0x1D1C, 'u'}, {0x1D20, 'v'},
	{0x1D21, 'w'}, {0x1D22, 'z'}, {0xA731, 's'}};

static bool is_mark(int32_t c)
{
	return (c >= 0x300 && c <= 0x36F) || (c >= 0x483 && c <= 0x489) ||
	       (c >= 0x1AB0 && c <= 0x1AFF) || (c >= 0x1DC0 && c <= 0x1DFF) ||
	       (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F) ||
	       (c >= 0xFE20 && c <= 0xFE2F);
}

/* Letters in squares, circles and flags, which NFKC leaves alone. */
static int32_t enclosed(int32_t c)
{
	static const int32_t first[] = {0x1F130, 0x1F150, 0x1F170, 0x1F1E6};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		if (c >= first[i] && c < first[i] + 26)
			return 'a' + (c - first[i]);
	}
	return c;
}

int32_t safety_letter(int32_t c)
{
	size_t low = 0, high = sizeof(twins) / sizeof(twins[0]);

	if (c < 0xC0)
		return c;
	if (is_mark(c))
		return -1;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (twins[mid].point == c)
			return twins[mid].looks;
		if (twins[mid].point < c)
			low = mid + 1;
		else
			high = mid;
	}
	char base = '.';
	if (c <= 0x24F)
		base = latin[c - 0xC0];
	else if (c >= 0x1E00 && c <= 0x1EFF)
		base = latin_more[c - 0x1E00];
	if (base != '.')
		return base;
	return enclosed(c);
}

bool safety_is_alnum(int32_t c)
{
	if (c < 0x80)
		return c > 0 && (ascii_is_letter((char)c) || ascii_is_digit((char)c));
	if (c < 0xC0)
		return c == 0xAA || c == 0xB5 || c == 0xBA;
	return c != 0xD7 && c != 0xF7 &&
	       !(c >= 0x2000 && c <= 0x2BFF) && /* punctuation, arrows, boxes, symbols */
	       !(c >= 0x2E00 && c <= 0x2E7F) && !(c >= 0x3000 && c <= 0x3003) &&
	       !(c >= 0x3008 && c <= 0x3020) && !(c >= 0xFE10 && c <= 0xFE6F) &&
	       !(c >= 0xFFE0 && c <= 0xFFFF) && !(c >= 0x1F000 && c <= 0x1FAFF);
}

int safety_plain(struct str text, struct buf *out)
{
	struct buf folded;
	size_t at = 0;
	int32_t c;

	if (text_is_ascii(text)) /* every letter is plain */
		return text_fold(text, out);
	buf_init(&folded, SAFETY_STEP_BYTES);
	int err = text_fold(text, &folded);
	while (err == 0 && (c = text_next(buf_str(&folded), &at)) >= 0) {
		c = safety_letter(c);
		if (c >= 0)
			err = text_put(out, c);
	}
	buf_fini(&folded);
	return err;
}

bool safety_begins(struct str s, size_t at, const char *word)
{
	size_t n = strlen(word);

	return s.len - at >= n && str_is_nocase((struct str){s.at + at, n}, word);
}
