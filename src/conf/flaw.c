#include "conf/room.h"

#include <stdio.h>
#include <string.h>

/* What may not stand in a file whatever YAML makes of it, so that the library never sees it. */

static bool is_blank_at(struct str text, size_t at)
{
	return at >= text.len || text.at[at] == ' ' || text.at[at] == '\t' ||
	       conf_is_break(text.at[at]);
}

/* What YAML 1.2 calls printable (its rule 1). */
static bool is_printable(int32_t p)
{
	return p == '\t' || p == '\n' || p == '\r' || p == 0x85 || (p >= 0x20 && p < 0x7f) ||
	       (p >= 0xa0 && p != 0xfffe && p != 0xffff);
}

static bool bad_character(struct str text, struct conf_advice *a)
{
	for (size_t i = 0; i < text.len;) {
		size_t next = i;
		int32_t point;

		if (text.at[i] >= 0x20 && text.at[i] < 0x7f) { /* nearly all of it */
			i++;
			continue;
		}
		point = text_next(text, &next);
		a->at = a->end = i;
		if (point == 0xfffd && next - i == 1) {
			snprintf(a->what, sizeof(a->what), "byte 0x%02X here is not UTF-8",
				(unsigned)(unsigned char)text.at[i]);
			snprintf(a->hint, sizeof(a->hint), "save the file as UTF-8");
			return true;
		}
		if (!is_printable(point)) {
			snprintf(a->what, sizeof(a->what),
				"the control character U+%04X may not stand in a file",
				(unsigned)point);
			snprintf(a->hint, sizeof(a->hint), "remove it");
			return true;
		}
		i = next;
	}
	return false;
}

/* %YAML would switch to the rules of older versions, in which "yes" and "012" mean other things. */
static bool has_directive(struct str text, struct conf_advice *a)
{
	for (size_t i = conf_text_start(text); i < text.len; i = conf_next_line(text, i)) {
		size_t first = conf_skip_blanks(text, i);

		if (text.at[i] == '%') {
			a->at = i;
			a->end = conf_line_end(text, i);
			snprintf(a->what, sizeof(a->what), "directives are not supported");
			snprintf(a->hint, sizeof(a->hint),
				"remove the line, or put the value in quotes");
			return true;
		}
		if (first < text.len && !conf_is_break(text.at[first]) && text.at[first] != '#')
			return false;
	}
	return false;
}

/* "? key" says nothing that "key:" does not, and with tabs around its ":" libfyaml 0.7.12 frees the
 * same memory twice (its issue 57; found again by conf_fuzz: "? k:\t:"). A line of a text that
 * begins so is refused too: what stands around it is not known here. */
static bool has_question_mark(struct str text, struct conf_advice *a)
{
	for (size_t i = conf_text_start(text); i < text.len; i = conf_next_line(text, i)) {
		size_t at = conf_skip_blanks(text, i);

		if (text.len - i > 3 && memcmp(text.at + i, "---", 3) == 0)
			at = conf_skip_blanks(text, i + 3);
		while (at < text.len && strchr("-:", text.at[at]) && is_blank_at(text, at + 1))
			at = conf_skip_blanks(text, at + 1);
		if (at >= text.len || text.at[at] != '?' || !is_blank_at(text, at + 1))
			continue;
		a->at = at;
		a->end = at + 1;
		snprintf(a->what, sizeof(a->what), "a line may not begin with \"? \"");
		snprintf(a->hint, sizeof(a->hint),
			"write the name before its \":\", as in name: value");
		return true;
	}
	return false;
}

bool conf_text_flaw(struct str text, struct conf_advice *a)
{
	return bad_character(text, a) || has_directive(text, a) || has_question_mark(text, a);
}
