/* Names of levels, reasons, event kinds and sorts of messages,
 * and the words people use for them. */
#include "chat/chat.h"

/* Own name first, then what Nightbot, StreamElements, PhantomBot, sogeBot and Firebot call it. */
static const struct {
	const char *name, *aliases;
} levels[LEVEL_COUNT] = {
	[LEVEL_EVERYONE] = {"everyone", "viewer viewers all user"},
	[LEVEL_SUBSCRIBER] = {"subscriber", "sub subs subscribers"},
	[LEVEL_VIP] = {"vip", "vips twitch_vip"},
	[LEVEL_MODERATOR] = {"moderator", "mod mods moderators"},
	[LEVEL_BROADCASTER] = {"broadcaster", "owner streamer caster casters"},
};

const char *level_name(enum level l)
{
	return (unsigned)l < LEVEL_COUNT ? levels[l].name : "unknown";
}

int level_parse(struct str s, enum level *out)
{
	for (int i = 0; i < LEVEL_COUNT; i++) {
		if (str_is_nocase(s, levels[i].name) || str_is_among(s, levels[i].aliases)) {
			*out = (enum level)i;
			return 0;
		}
	}
	return ERR_NOTFOUND;
}

enum level level_of_roles(unsigned roles)
{
	for (int i = LEVEL_COUNT - 1; i > 0; i--) {
		if (roles & ROLE(i))
			return (enum level)i;
	}
	return LEVEL_EVERYONE;
}

static const struct {
	const char *name, *text;
	bool is_after_hit;
} reasons[REASON_COUNT] = {
#define X(upper, lower, after, text) [REASON_##upper] = {#lower, text, after},
	CHAT_REASONS(X)
#undef X
};

const char *reason_name(enum reason r)
{
	return (unsigned)r < REASON_COUNT ? reasons[r].name : "unknown";
}

const char *reason_text(enum reason r)
{
	return (unsigned)r < REASON_COUNT ? reasons[r].text : "unknown";
}

bool reason_is_after_hit(enum reason r)
{
	return (unsigned)r < REASON_COUNT && reasons[r].is_after_hit;
}

static const struct {
	const char *name, *aliases, *help, *vars;
	bool has_text;
} kinds[EVENT_KIND_COUNT] = {
#define X(upper, lower, aliases, text, help, vars)                                                 \
	[EVENT_##upper] = {#lower, aliases, help, vars, text},
	CHAT_EVENTS(X)
#undef X
};

const char *event_kind_name(enum event_kind k)
{
	return (unsigned)k < EVENT_KIND_COUNT ? kinds[k].name : "unknown";
}

const char *event_kind_help(enum event_kind k)
{
	return (unsigned)k < EVENT_KIND_COUNT ? kinds[k].help : "";
}

const char *event_kind_vars(enum event_kind k)
{
	return (unsigned)k < EVENT_KIND_COUNT ? kinds[k].vars : "";
}

bool event_kind_has_text(enum event_kind k)
{
	return (unsigned)k < EVENT_KIND_COUNT && kinds[k].has_text;
}

int event_kind_parse(struct str s, enum event_kind *out)
{
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		if (str_is_nocase(s, kinds[i].name) || str_is_among(s, kinds[i].aliases)) {
			*out = (enum event_kind)i;
			return 0;
		}
	}
	return ERR_NOTFOUND;
}

static const struct {
	const char *name, *aliases, *help, *lacks;
} sorts[EVENT_SORT_COUNT] = {
#define X(upper, lower, aliases, help, lacks) [SORT_##upper] = {#lower, aliases, help, lacks},
	CHAT_SORTS(X)
#undef X
};

const char *event_sort_name(enum event_sort s)
{
	return (unsigned)s < EVENT_SORT_COUNT ? sorts[s].name : "unknown";
}

const char *event_sort_help(enum event_sort s)
{
	return (unsigned)s < EVENT_SORT_COUNT ? sorts[s].help : "";
}

const char *event_sort_lacks(enum event_sort s)
{
	return (unsigned)s < EVENT_SORT_COUNT ? sorts[s].lacks : "";
}

int event_word_parse(struct str s, enum event_kind *kind, enum event_sort *sort)
{
	for (int i = SORT_ANY + 1; i < EVENT_SORT_COUNT; i++) {
		if (str_is_nocase(s, sorts[i].name) || str_is_among(s, sorts[i].aliases)) {
			*kind = EVENT_MESSAGE;
			*sort = (enum event_sort)i;
			return 0;
		}
	}
	*sort = SORT_ANY;
	return event_kind_parse(s, kind);
}
