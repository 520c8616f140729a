/* Server-sent events: bytes at any split become events. Pure. */
#include "provider/room.h"

#include <string.h>

#define BOM "\xef\xbb\xbf"

void provider_sse_init(struct provider_sse *s, size_t max)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->line, max);
	buf_init(&s->data, max);
}

void provider_sse_fini(struct provider_sse *s)
{
	buf_fini(&s->line);
	buf_fini(&s->data);
}

/* An empty line ends the event. One without data is none, but its name is forgotten. */
static int on_blank(struct provider_sse *s,
	int (*event)(void *ctx, const char *name, struct str data), void *ctx)
{
	int err = 0;

	if (s->data.len > 0)
		err = event(ctx, s->name, (struct str){s->data.at, s->data.len - 1});
	buf_clear(&s->data);
	s->name[0] = '\0';
	return err;
}

static int on_field(struct provider_sse *s, struct str name, struct str value)
{
	if (str_is(name, "data")) {
		int err = buf_add_str(&s->data, value);
		return err ? err : buf_addc(&s->data, '\n');
	}
	if (str_is(name, "event"))
		provider_copy(s->name, sizeof(s->name), value);
	return 0; /* id and retry serve reconnecting, which a POST never does; others are unknown */
}

static int on_line(struct provider_sse *s,
	int (*event)(void *ctx, const char *name, struct str data), void *ctx)
{
	struct str line = buf_str(&s->line);

	if (!s->has_begun && line.len >= 3 && memcmp(line.at, BOM, 3) == 0) {
		line.at += 3;
		line.len -= 3;
	}
	s->has_begun = true;
	if (line.len == 0)
		return on_blank(s, event, ctx);
	if (line.at[0] == ':')
		return 0;

	struct str value = line;
	struct str name = str_split(&value, ':');
	if (value.len > 0 && value.at[0] == ' ') {
		value.at++;
		value.len--;
	}
	return on_field(s, name, value);
}

int provider_sse_feed(struct provider_sse *s, const char *bytes, size_t n,
	int (*event)(void *ctx, const char *name, struct str data), void *ctx)
{
	size_t at = 0;

	while (at < n) {
		if (s->has_cr && bytes[at] == '\n') {
			s->has_cr = false;
			at++;
			continue;
		}
		s->has_cr = false;

		size_t end = at;
		while (end < n && bytes[end] != '\n' && bytes[end] != '\r')
			end++;
		int err = buf_add(&s->line, bytes + at, end - at);
		if (err)
			return err;
		if (end == n)
			break;

		s->has_cr = bytes[end] == '\r';
		err = on_line(s, event, ctx);
		buf_clear(&s->line);
		if (err)
			return err;
		at = end + 1;
	}
	return 0;
}
