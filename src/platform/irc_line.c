/* One line of IRC, taken apart in place. Grammar and duties: twitch.md 1.3 and 1.4. */
#include "platform/irc_line.h"

#include <string.h>

char *platform_frame_next(char **rest, size_t *n, size_t *len)
{
	while (*n > 0) {
		char *line = *rest;
		char *end = memchr(line, '\n', *n);
		size_t size = end ? (size_t)(end - line) : *n;

		*rest += size;
		*n -= size;
		if (end) {
			(*rest)++;
			(*n)--;
		}
		if (size > 0 && line[size - 1] == '\r')
			size--;
		if (size > 0) {
			*len = size;
			return line;
		}
	}
	return NULL;
}

/* Cuts the next atom off *s, up to a space, and the spaces after it. */
static struct str cut_atom(struct str *s)
{
	const char *end = s->len > 0 ? memchr(s->at, ' ', s->len) : NULL;
	struct str atom = {s->at, end ? (size_t)(end - s->at) : s->len};

	s->at += atom.len;
	s->len -= atom.len;
	while (s->len > 0 && *s->at == ' ') {
		s->at++;
		s->len--;
	}
	return atom;
}

static void split_prefix(struct platform_line *l)
{
	const char *bang = memchr(l->prefix.at, '!', l->prefix.len);

	if (!bang)
		return;
	l->nick = (struct str){l->prefix.at, (size_t)(bang - l->prefix.at)};
	struct str rest = {bang + 1, l->prefix.len - l->nick.len - 1};
	l->user = str_split(&rest, '@');
}

int platform_line_parse(char *at, size_t n, struct platform_line *out)
{
	struct str rest = {at, n};

	out->tags = out->prefix = out->nick = out->user = (struct str){0};
	out->param_count = 0;
	if (n > PLATFORM_LINE_BYTES)
		return ERR_LIMIT;
	while (rest.len > 0 && *rest.at == ' ') {
		rest.at++;
		rest.len--;
	}
	if (rest.len > 0 && *rest.at == '@') {
		out->tags = cut_atom(&rest);
		out->tags.at++;
		out->tags.len--;
	}
	if (rest.len > 0 && *rest.at == ':') {
		out->prefix = cut_atom(&rest);
		out->prefix.at++;
		out->prefix.len--;
		if (out->prefix.len > 0)
			split_prefix(out);
	}
	out->command = cut_atom(&rest);
	if (out->command.len == 0)
		return ERR_PARSE;
	while (rest.len > 0) {
		struct str *param = &out->params[out->param_count++];

		if (*rest.at == ':') {
			*param = (struct str){rest.at + 1, rest.len - 1};
			break;
		}
		if (out->param_count == PLATFORM_PARAMS_MAX) {
			*param = rest;
			break;
		}
		*param = cut_atom(&rest);
	}
	return 0;
}

struct str platform_line_param(const struct platform_line *l, size_t i)
{
	return i < l->param_count ? l->params[i] : (struct str){0};
}

bool platform_tag_next(struct str *rest, struct str *key, struct str *value)
{
	while (rest->len > 0) {
		const char *end = memchr(rest->at, ';', rest->len);
		size_t size = end ? (size_t)(end - rest->at) : rest->len;
		const char *tag = rest->at;

		rest->at += size + (end != NULL);
		rest->len -= size + (end != NULL);
		if (size == 0)
			continue;
		size_t key_len = 0;
		while (key_len < size && tag[key_len] != '=') /* short: faster than memchr */
			key_len++;
		*key = (struct str){tag, key_len};
		*value = key_len < size ? (struct str){tag + key_len + 1, size - key_len - 1}
					: (struct str){tag + size, 0};
		return true;
	}
	return false;
}

struct str platform_tag_unescape(struct str value)
{
	const char *first = value.len > 0 ? memchr(value.at, '\\', value.len) : NULL;

	if (!first)
		return value;

	const char *from = first, *end = value.at + value.len;
	char *to = (char *)value.at + (first - value.at);
	while (from < end) {
		char c = *from++;

		if (c == '\\') {
			if (from == end)
				break;
			c = *from++;
			switch (c) {
			case ':': c = ';'; break;
			case 's': c = ' '; break;
			case 'r': c = '\r'; break;
			case 'n': c = '\n'; break;
			default: break;
			}
		}
		*to++ = c;
	}
	value.len = (size_t)(to - value.at);
	return value;
}

void platform_line_tags(const struct platform_line *l,
	const struct platform_tag_key (*keys)[PLATFORM_TAG_ROW], size_t rows, struct str *values,
	size_t count)
{
	struct str rest = l->tags, key, value;

	while (platform_tag_next(&rest, &key, &value)) {
		if (key.len == 0 || key.len >= rows)
			continue;
		const struct platform_tag_key *wanted = keys[key.len];
		for (size_t i = 0; i < PLATFORM_TAG_ROW && wanted[i].key; i++) {
			if (wanted[i].key[0] == key.at[0] &&
					memcmp(wanted[i].key, key.at, key.len) == 0) {
				values[wanted[i].index] = value;
				break;
			}
		}
	}
	if (l->tags.len == 0 || !memchr(l->tags.at, '\\', l->tags.len))
		return;
	/* Only now: an unescaped value may hold what separates tags. */
	for (size_t i = 0; i < count; i++)
		values[i] = platform_tag_unescape(values[i]);
}
