/* What makers of Twitch's events share, whichever wire the words came over: roles, tiers. */
#include "platform/twitch_event.h"

#include <stdio.h>
#include <string.h>

void platform_maker_init(struct platform_maker *m, unsigned place, struct str platform)
{
	memset(m, 0, sizeof(*m));
	m->place = place;
	m->platform = platform;
	buf_init(&m->text, PLATFORM_TEXT_BYTES);
	buf_init(&m->user, PLATFORM_NAME_BYTES);
	buf_init(&m->touser, PLATFORM_NAME_BYTES);
	buf_init(&m->reward, PLATFORM_NAME_BYTES);
}

void platform_maker_fini(struct platform_maker *m)
{
	buf_fini(&m->text);
	buf_fini(&m->user);
	buf_fini(&m->touser);
	buf_fini(&m->reward);
}

struct str platform_author(const struct platform_maker *m, struct str login)
{
	const struct str author = platform_clean_id(login);

	return platform_maker_is_self(m, (struct str){NULL, 0}, author) ? (struct str){NULL, 0}
									: author;
}

bool platform_unwrap_action(struct str *text)
{
	static const char head[] = "\x01" "ACTION";
	const size_t n = sizeof(head) - 1;

	if (text->len < n || memcmp(text->at, head, n) != 0)
		return false;
	if (text->len > n && text->at[n] != ' ' && text->at[n] != '\x01')
		return false;
	text->at += n;
	text->len -= n;
	if (text->len > 0 && text->at[0] == ' ') {
		text->at++;
		text->len--;
	}
	if (text->len > 0 && text->at[text->len - 1] == '\x01')
		text->len--;
	return true;
}

bool platform_maker_is_self(const struct platform_maker *m, struct str user_id, struct str login)
{
	return (m->user_id[0] && str_is(user_id, m->user_id)) ||
	       (m->login[0] && str_is_nocase(login, m->login));
}

struct str platform_notice_id(struct platform_maker *m, struct str id)
{
	if (id.len == 0)
		return id;
	int n = snprintf(m->id, sizeof(m->id), PLATFORM_NOTICE_ID "%.*s", STR_FMT(id));
	return (struct str){m->id, (size_t)n};
}

unsigned platform_badge_role(struct str name)
{
	static const struct {
		const char *name;
		enum level level;
	} badges[] = {
		{"subscriber", LEVEL_SUBSCRIBER}, {"founder", LEVEL_SUBSCRIBER},
		{"vip", LEVEL_VIP}, {"moderator", LEVEL_MODERATOR},
		{"lead_moderator", LEVEL_MODERATOR}, {"broadcaster", LEVEL_BROADCASTER},
	};

	for (size_t i = 0; i < sizeof(badges) / sizeof(badges[0]); i++) {
		if (name.len > 0 && name.at[0] == badges[i].name[0] &&
				str_is(name, badges[i].name))
			return ROLE(badges[i].level);
	}
	return 0;
}

struct str platform_tier(struct str plan)
{
	if (str_is(plan, "1000"))
		return STR("1");
	if (str_is(plan, "2000"))
		return STR("2");
	if (str_is(plan, "3000"))
		return STR("3");
	if (str_eq_nocase(plan, STR("Prime")))
		return STR("prime");
	return (struct str){0};
}

/* The text of a reply begins with "@" and the parent's name (twitch.md section 5). */
void platform_drop_parent_name(struct str *text, struct str name)
{
	if (name.len == 0 || text->len <= name.len || text->at[0] != '@')
		return;
	if (!str_eq_nocase((struct str){text->at + 1, name.len}, name))
		return;
	size_t at = 1 + name.len;
	if (at < text->len && text->at[at] != ' ')
		return;
	if (at < text->len)
		at++;
	text->at += at;
	text->len -= at;
}

void platform_twitch_make_line(struct event *e)
{
	e->kind = EVENT_MESSAGE;
	e->reward = e->reward_id = (struct str){0};
}
