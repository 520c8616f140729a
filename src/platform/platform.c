/* What places of every kind share: the names of states, and made-up events. */
#include "platform/platform.h"

#include <string.h>

const char *platform_state_name(enum platform_state s)
{
	static const char *const names[] = {
		[PLATFORM_DOWN] = "down", [PLATFORM_CONNECTING] = "connecting",
		[PLATFORM_UP] = "up", [PLATFORM_REFUSED] = "refused",
		[PLATFORM_STOPPED] = "stopped",
	};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

/* ---- Made-up events ---------------------------------------------------------------------------- */

/* Does a bare number after the name mean something? In a message it is text. */
static bool takes_number(enum event_kind k)
{
	switch (k) {
	case EVENT_SUB:
	case EVENT_RESUB:
	case EVENT_GIFT:
	case EVENT_GIFTBOMB:
	case EVENT_CHEER:
	case EVENT_RAID:
	case EVENT_STREAK:
		return true;
	default:
		return false;
	}
}

/* How many, in the place where events of this kind carry it. */
static int set_number(struct event *e, struct str value)
{
	int64_t n;

	if (str_int(value, &n) < 0 || n < 0)
		return ERR_INVALID;
	if (e->kind == EVENT_SUB || e->kind == EVENT_RESUB)
		e->months = n;
	else
		e->count = n;
	if (e->kind == EVENT_CHEER)
		e->bits = n;
	return 0;
}

static int set_months(struct event *e, struct str value)
{
	return str_int(value, &e->months) < 0 || e->months < 0 ? ERR_INVALID : 0;
}

static int set_tier(struct event *e, struct str value)
{
	static const char *const tiers[] = {"1", "2", "3", "prime"};

	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
		if (str_is_nocase(value, tiers[i])) {
			e->tier = str_of(tiers[i]);
			return 0;
		}
	}
	return ERR_INVALID;
}

static int set_user(struct event *e, struct str value)
{
	e->user = value;
	return value.len > 0 ? 0 : ERR_INVALID;
}

static int set_touser(struct event *e, struct str value)
{
	e->touser = value;
	return 0;
}

static int set_reward(struct event *e, struct str value)
{
	e->reward = value;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct event *e, struct str value);
} fields[] = {
	{"tier", set_tier}, {"months", set_months}, {"count", set_number}, {"bits", set_number},
	{"viewers", set_number}, {"user", set_user}, {"touser", set_touser},
	{"reward", set_reward},
};

/* Takes one word that is a field or a number off *rest. 0; ERR_NOTFOUND: the text begins here. */
static int take_word(struct event *e, struct str *rest, bool *has_number)
{
	struct str after = *rest;
	struct str word = str_split(&after, ' ');
	struct str value = word;
	struct str key = str_split(&value, '=');
	int64_t n;
	int err = ERR_NOTFOUND;

	if (memchr(word.at, '=', word.len)) {
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
			if (str_is(key, fields[i].key))
				err = fields[i].set(e, value);
		}
		/* Where text is not what the event is about, this is a misspelt field. */
		if (err == ERR_NOTFOUND && takes_number(e->kind))
			err = ERR_INVALID;
	} else if (takes_number(e->kind) && !*has_number && str_int(word, &n) == 0) {
		err = set_number(e, word);
		*has_number = true;
	}
	if (err == 0)
		*rest = str_trim(after);
	return err;
}

int platform_event_parse(struct str command, struct event *e)
{
	struct str rest = str_trim(command);
	struct str name = str_split(&rest, ' ');
	bool has_number = false;
	int err = 0;

	memset(e, 0, sizeof(*e));
	if (event_kind_parse(name, &e->kind) < 0)
		return ERR_NOTFOUND;
	if (e->kind == EVENT_SUB || e->kind == EVENT_RESUB || e->kind == EVENT_GIFT ||
			e->kind == EVENT_GIFTBOMB)
		e->tier = STR("1");
	if (e->kind == EVENT_SUB || e->kind == EVENT_GIFT)
		e->months = 1;
	if (e->kind == EVENT_GIFT)
		e->count = 1;
	rest = str_trim(rest);
	while (rest.len > 0 && err == 0)
		err = take_word(e, &rest, &has_number);
	if (err == ERR_INVALID)
		return err;
	e->text = rest;
	return 0;
}
