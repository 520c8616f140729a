/* A line of an ordinary IRC network becomes an event. Tags: ircv3.net/specs/extensions/account-tag,
 * message-ids, server-time, bot-mode, reply client tag. */
#include "platform/irc_event.h"

#include <string.h>
#include <time.h>

enum tag { TAG_ACCOUNT, TAG_BOT, TAG_ID, TAG_REPLY, TAG_TIME, TAG_COUNT };

static const struct platform_tag_key keys[][PLATFORM_TAG_ROW] = {
	[3] = {{"bot", TAG_BOT}},
	[4] = {{"time", TAG_TIME}},
	[5] = {{"msgid", TAG_ID}},
	[7] = {{"account", TAG_ACCOUNT}},
	[12] = {{"+draft/reply", TAG_REPLY}},
};

/* "2026-01-01T12:00:00.123Z" to ms since 1970, 0 when it is not that. */
static int64_t read_time(struct str s)
{
	char text[32];
	struct tm tm = {0};
	int64_t ms = 0, unit = 100;

	if (s.len < 20 || s.len >= sizeof(text))
		return 0;
	memcpy(text, s.at, s.len);
	text[s.len] = '\0';
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return 0;
	if (*rest == '.') {
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ms += (*rest - '0') * unit;
	}
	return *rest == 'Z' ? (int64_t)timegm(&tm) * 1000 + ms : 0;
}

int platform_irc_event(struct platform_maker *m, const struct platform_members *members,
	const struct platform_line *l, struct str channel, struct event *e, const char **why)
{
	struct str tags[TAG_COUNT] = {{0}};
	struct str said = platform_line_param(l, 1);
	int64_t sent_ms;

	platform_line_tags(l, keys, sizeof(keys) / sizeof(keys[0]), tags, TAG_COUNT);
	sent_ms = read_time(tags[TAG_TIME]);
	memset(e, 0, sizeof(*e));
	e->kind = EVENT_MESSAGE;
	e->place = m->place;
	e->platform = m->platform;
	e->channel = e->channel_id = channel;
	if (platform_clean_text(&m->user, l->nick, &e->user) < 0)
		return ERR_NOMEM;
	e->login = platform_clean_id(l->nick);
	e->user_id = platform_clean_id(tags[TAG_ACCOUNT]);
	if (e->user_id.len == 0)
		e->user_id = e->login.len > 0 ? e->login : e->user;
	if (e->user_id.len == 0) {
		*why = "no_author";
		return ERR_NOTFOUND;
	}
	e->is_action = platform_unwrap_action(&said);
	if (said.len > 0 && said.at[0] == '\x01') {
		*why = "ctcp";
		return ERR_NOTFOUND;
	}
	if (platform_clean_text(&m->text, said, &e->text) < 0)
		return ERR_NOMEM;
	e->id = platform_clean_id(tags[TAG_ID]);
	e->to_id = platform_clean_id(tags[TAG_REPLY]);
	e->roles = platform_members_roles(members, l->nick);
	e->at_ms = m->now_ms;
	e->wall_ms = sent_ms > 0 ? sent_ms : m->wall_ms;
	e->is_self = m->login[0] && str_is_nocase(l->nick, m->login);
	e->is_bot = tags[TAG_BOT].at != NULL;
	return 0;
}
