#include "platform/discord_text.h"

#include <string.h>
#include <time.h>

#include "platform/clean.h"

#define MARKUP_BYTES 160 /* the longest: a command of 100 characters and its id */
#define EMOJI_MAX    32
#define NAME_BYTES   512 /* 100 characters of 4 bytes, with room */
#define SECONDS_MAX  INT64_C(8640000000000) /* what Discord's own clients still show */

bool platform_text_has_markup(struct str content)
{
	return content.len > 0 && memchr(content.at, '<', content.len);
}

struct str platform_text_name(const struct json_item *user, const struct json_item *member)
{
	struct str name = json_item_str(member, "nick");

	if (name.len == 0)
		name = json_item_str(user, "global_name");
	return name.len > 0 ? name : json_item_str(user, "username");
}

static struct str from(struct str s, size_t at)
{
	return (struct str){s.at + at, s.len - at};
}

/* Cuts one number off the front that is all there is, or ends at `end`. 0 = there is none. */
static uint64_t id_of(struct str s)
{
	return s.len > 0 ? platform_snowflake(s) : 0;
}

/* The sign and a name, or a word that fits anybody. It is one word, so that whoever reads the text
 * knows where the name ends: what a trigger gets as a word, what a remote model must not read. */
static int add_name(char sign, struct str name, const char *neutral, struct buf *out)
{
	size_t at = out->len + 1;
	struct buf scratch;
	int err;

	buf_init(&scratch, NAME_BYTES);
	err = platform_clean_text(&scratch, name, &name); /* every sort of space is ' ' now */
	if (!err)
		err = buf_addc(out, sign);
	if (!err)
		err = buf_add_str(out, name.len > 0 ? name : str_of(neutral));
	for (; at < out->len; at++)
		out->at[at] = out->at[at] == ' ' ? '_' : out->at[at];
	buf_fini(&scratch);
	return err;
}

/* ---- One function for each sort of markup: body is what stands within < and > ---------------- */

/* ERR_NOTFOUND from each: it is none. */

static int add_user(struct str body, const struct platform_text_names *n, struct buf *out)
{
	const uint64_t id = id_of(from(body, body.len > 1 && body.at[1] == '!' ? 2 : 1));
	const struct json_item *v = json_item_first(n->mentions);

	if (id == 0)
		return ERR_NOTFOUND;
	while (v && platform_snowflake_of(json_item_get(v, "id")) != id)
		v = json_item_next(v);
	return add_name('@', platform_text_name(v, json_item_get(v, "member")), "somebody", out);
}

static int add_role(struct str body, const struct platform_text_names *n, struct buf *out)
{
	const uint64_t id = id_of(from(body, 2));
	struct str name = {0};

	if (id == 0)
		return ERR_NOTFOUND;
	if (n->guild)
		name = platform_guild_role(n->guild, id);
	if (name.len > 0 && name.at[0] == '@') /* everyone is called @everyone */
		name = from(name, 1);
	return add_name('@', name, "role", out);
}

static int add_channel(struct str body, const struct platform_text_names *n, struct buf *out)
{
	const uint64_t id = id_of(from(body, 1));
	struct platform_guild_channel channel = {0};

	if (id == 0)
		return ERR_NOTFOUND;
	if (n->guild)
		(void)platform_guild_channel(
			n->guild, id, &channel); /* not found: without a name */
	return add_name('#', channel.name, "channel", out);
}

static int add_command(struct str body, const struct platform_text_names *n, struct buf *out)
{
	struct str name = str_split(&body, ':');

	(void)n;
	return name.len > 1 && id_of(body) ? buf_add_str(out, name) : ERR_NOTFOUND;
}

static bool is_emoji_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.at[i]) && name.at[i] != '_')
			return false;
	return name.len >= 2 && name.len <= EMOJI_MAX;
}

/* ":name:ID", "a:name:ID" */
static int add_emoji(struct str body, const struct platform_text_names *n, struct buf *out)
{
	struct str name;

	(void)n;
	(void)str_split(&body, ':');
	name = str_split(&body, ':');
	if (!is_emoji_name(name) || id_of(body) == 0)
		return ERR_NOTFOUND;
	return buf_addf(out, ":%.*s:", STR_FMT(name));
}

/* "t:SECONDS" or "t:SECONDS:STYLE". People see their own time zone; here it is UTC. */
static int add_time(struct str body, const struct platform_text_names *n, struct buf *out)
{
	struct str seconds, rest = from(body, 2);
	char day[32], hour[32];
	struct tm tm;
	int64_t at;
	time_t t;

	(void)n;
	seconds = str_split(&rest, ':');
	if (str_int(seconds, &at) || at > SECONDS_MAX || at < -SECONDS_MAX || rest.len > 1 ||
		(rest.len == 1 && !strchr("tTdDfFsSR", rest.at[0])))
		return ERR_NOTFOUND;
	t = (time_t)at;
	if (!gmtime_r(&t, &tm) || strftime(day, sizeof(day), "%Y-%m-%d", &tm) == 0 ||
		strftime(hour, sizeof(hour), "%H:%M UTC", &tm) == 0)
		return ERR_NOTFOUND;
	if (rest.len == 1 && strchr("tT", rest.at[0]))
		return buf_adds(out, hour);
	if (rest.len == 1 && strchr("dD", rest.at[0]))
		return buf_adds(out, day);
	return buf_addf(out, "%s %s", day, hour);
}

/* "id:customize", "id:guide", "id:linked-roles:ID": places of the server itself. */
static int add_place(struct str body, const struct platform_text_names *n, struct buf *out)
{
	struct str name, rest = from(body, 3);

	(void)n;
	name = str_split(&rest, ':');
	for (size_t i = 0; i < name.len; i++)
		if ((name.at[i] < 'a' || name.at[i] > 'z') && name.at[i] != '-')
			return ERR_NOTFOUND;
	if (name.len == 0 || (rest.len > 0 && id_of(rest) == 0))
		return ERR_NOTFOUND;
	return add_name('#', name, "", out);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* s begins with <. Gives how much of it was markup and is spelled out now, 0 = it is none. */
static size_t take(struct str s, const struct platform_text_names *n, struct buf *out, int *err)
{
	static const struct {
		const char *front;
		int (*add)(struct str body, const struct platform_text_names *n, struct buf *out);
	} sorts[] = {
		{"@&", add_role},
		{"@", add_user},
		{"#", add_channel},
		{"/", add_command},
		{":", add_emoji},
		{"a:", add_emoji},
		{"t:", add_time},
		{"id:", add_place},
	};
	const char *end = memchr(s.at, '>', s.len < MARKUP_BYTES ? s.len : MARKUP_BYTES);
	struct str body = {s.at + 1, end ? (size_t)(end - s.at) - 1 : 0};

	for (size_t i = 0; end && i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		const size_t front = strlen(sorts[i].front);
		const size_t before = out->len;

		if (body.len <= front || memcmp(body.at, sorts[i].front, front) != 0)
			continue;
		*err = sorts[i].add(body, n, out);
		if (*err == 0)
			return body.len + 2;
		buf_truncate(out, before);
		if (*err != ERR_NOTFOUND)
			return 0;
		*err = 0;
		break;
	}
	return 0;
}

int platform_text_plain(
	struct str content, const struct platform_text_names *names, struct buf *out)
{
	int err = 0;

	while (content.len > 0 && !err) {
		const char *open = memchr(content.at, '<', content.len);
		size_t n = open ? (size_t)(open - content.at) : content.len;

		err = buf_add(out, content.at, n);
		content = from(content, n);
		if (err || content.len == 0)
			break;
		n = take(content, names, out, &err);
		if (!err && n == 0) {
			err = buf_addc(out, '<');
			n = 1;
		}
		content = from(content, n);
	}
	return err;
}
