/* An event: what it weighs, of which sort it is, and its one copy. */
#include "chat/chat.h"

#include <string.h>

enum level event_level(const struct event *e)
{
	return level_of_roles(e->roles);
}

bool event_is_talk(const struct event *e)
{
	return e->kind == EVENT_MESSAGE || e->kind == EVENT_SLASH || e->kind == EVENT_WHISPER;
}

struct str event_channel_name(const struct event *e)
{
	return e->channel_name.len > 0 ? e->channel_name : e->channel;
}

bool event_is_sort(const struct event *e, enum event_sort s)
{
	switch (s) {
	case SORT_COMMAND: return e->text.len > 0 && e->text.at[0] == '!';
	case SORT_FIRST: return e->is_first;
	case SORT_REPLY: return e->to_id.len > 0;
	case SORT_ACTION: return e->is_action;
	default: return true;
	}
}

int64_t event_amount(const struct event *e)
{
	switch (e->kind) {
	case EVENT_CHEER: return e->bits > 0 ? e->bits : e->count;
	case EVENT_SUB:
	case EVENT_RESUB: return e->months > 0 ? e->months : e->count;
	case EVENT_FOLLOW:
	case EVENT_JOIN: return e->count > 0 ? e->count : 1;
	default: return e->count;
	}
}

static struct str without_hash(struct str name)
{
	if (name.len > 0 && name.at[0] == '#')
		return (struct str){name.at + 1, name.len - 1};
	return name;
}

static bool is_channel(struct str name, const struct event *e)
{
	name = without_hash(name);
	return str_eq_nocase(name, without_hash(e->channel)) || str_eq(name, e->channel_id) ||
	       (name.len > 0 && (str_eq(name, e->parent) || str_eq_nocase(name, e->channel_name)));
}

bool event_is_in(const struct event *e, const char *place)
{
	struct str rest = str_of(place);

	if (!memchr(rest.at, ':', rest.len))
		return str_eq_nocase(rest, e->platform) || is_channel(rest, e);
	return str_eq_nocase(str_split(&rest, ':'), e->platform) && is_channel(rest, e);
}

struct event *event_copy(const struct event *e)
{
	static const size_t strings[] = {
		offsetof(struct event, platform), offsetof(struct event, channel),
		offsetof(struct event, channel_id), offsetof(struct event, user),
		offsetof(struct event, login), offsetof(struct event, user_id),
		offsetof(struct event, id), offsetof(struct event, text),
		offsetof(struct event, to_id), offsetof(struct event, touser),
		offsetof(struct event, tier), offsetof(struct event, reward),
		offsetof(struct event, reward_id), offsetof(struct event, batch),
		offsetof(struct event, users), offsetof(struct event, command),
		offsetof(struct event, emoji), offsetof(struct event, channel_name),
		offsetof(struct event, parent), offsetof(struct event, stream.id),
		offsetof(struct event, stream.title), offsetof(struct event, stream.game),
	};
	const size_t n = sizeof(strings) / sizeof(strings[0]);
	size_t bytes = sizeof(*e);

	for (size_t i = 0; i < n; i++)
		bytes += ((const struct str *)((const char *)e + strings[i]))->len + 1;

	struct event *copy = mem_new(bytes);
	if (!copy)
		return NULL;
	*copy = *e;
	char *at = (char *)(copy + 1);
	for (size_t i = 0; i < n; i++) {
		struct str *s = (struct str *)((char *)copy + strings[i]);
		if (s->len > 0)
			memcpy(at, s->at, s->len);
		at[s->len] = '\0';
		s->at = at;
		at += s->len + 1;
	}
	return copy;
}
