#include "conf/room.h"

#include <string.h>

/* Where lines begin and end: LF, CR LF and CR end them, as in YAML. */

bool conf_is_break(char c)
{
	return c == '\n' || c == '\r';
}

size_t conf_text_start(struct str text)
{
	return text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

size_t conf_line_start(struct str text, size_t at)
{
	size_t start = conf_text_start(text), i = at < text.len ? at : text.len;

	while (i > start && !conf_is_break(text.at[i - 1]))
		i--;
	return i < start ? start : i;
}

size_t conf_line_end(struct str text, size_t at)
{
	while (at < text.len && !conf_is_break(text.at[at]))
		at++;
	return at;
}

size_t conf_next_line(struct str text, size_t at)
{
	size_t end = conf_line_end(text, at);
	bool is_crlf = end + 1 < text.len && text.at[end] == '\r' && text.at[end + 1] == '\n';

	return end + (is_crlf ? 2 : 1);
}

size_t conf_skip_blanks(struct str text, size_t at)
{
	while (at < text.len && (text.at[at] == ' ' || text.at[at] == '\t'))
		at++;
	return at;
}

int conf_line_number(struct str text, size_t at)
{
	int number = 1;

	for (size_t i = conf_next_line(text, 0); i <= at && i <= text.len; number++)
		i = conf_next_line(text, i);
	return number;
}
