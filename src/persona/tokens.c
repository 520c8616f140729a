/* How many tokens a text will be, without a tokenizer: by what kind of characters it is made of,
 * with a margin, because an estimate below the truth costs the head of the prompt (servers cut it
 * off). */
#include "persona/persona.h"

/* Quarters of a token per character (ai-providers.md section 7). */
#define QUARTERS_ASCII  1 /* English prose: 3.5 to 4.5 letters a token */
#define QUARTERS_LETTER 2
#define QUARTERS_CJK    4
#define QUARTERS_EMOJI  12
#define MARGIN_PCT      115

static size_t quarters_of(int32_t c)
{
	if (c < 0x80)
		return QUARTERS_ASCII;
	if (c >= 0x1F000 || (c >= 0x2190 && c <= 0x2BFF) || (c >= 0xFE00 && c <= 0xFE0F) ||
		c == 0x200D)
		return QUARTERS_EMOJI;
	if ((c >= 0x1100 && c <= 0x11FF) || (c >= 0x2E80 && c <= 0xD7FF) || c >= 0xE000)
		return QUARTERS_CJK;
	return QUARTERS_LETTER;
}

size_t prompt_tokens(struct str text)
{
	size_t at = 0, quarters = 0;
	int32_t c;

	while ((c = text_next(text, &at)) >= 0)
		quarters += quarters_of(c);
	return (quarters * MARGIN_PCT + 399) / 400;
}
