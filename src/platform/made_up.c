/* Made-up events: what `/event raid 50`, `mynah event` and `mynah explain --on` describe. */
#include "platform/platform.h"

#include <string.h>

/* Does a bare number after the name mean something? In a message it is text. */
static bool takes_number(enum event_kind k)
{
	return str_is_among(STR("count"), event_kind_vars(k)) ||
	       str_is_among(STR("months"), event_kind_vars(k));
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

static int set_batch(struct event *e, struct str value)
{
	e->batch = value;
	return 0;
}

/* As people write it too: /ask */
static int set_command(struct event *e, struct str value)
{
	if (value.len > 0 && value.at[0] == '/')
		value = (struct str){value.at + 1, value.len - 1};
	e->command = value;
	if (e->kind == EVENT_TIMER)
		return 0; /* the name of its trigger */
	return slash_is_name(value) ? 0 : ERR_INVALID;
}

static int set_emoji(struct event *e, struct str value)
{
	e->emoji = value;
	return 0;
}

static int set_message(struct event *e, struct str value)
{
	e->text = value;
	return 0;
}

/* A flag stands alone, or says yes or no. */
static int read_flag(struct str value, bool *out)
{
	*out = value.len == 0 || str_is_among(value, "yes true on 1");
	return *out || str_is_among(value, "no false off 0") ? 0 : ERR_INVALID;
}

static int set_anonymous(struct event *e, struct str value)
{
	int err = read_flag(value, &e->is_anonymous);

	if (e->is_anonymous)
		e->user = STR("Anonymous");
	return err;
}

static int set_first(struct event *e, struct str value)
{
	return read_flag(value, &e->is_first);
}

static int set_direct(struct event *e, struct str value)
{
	return read_flag(value, &e->is_direct);
}

static int set_live(struct event *e, struct str value)
{
	e->stream.is_known = true;
	return read_flag(value, &e->stream.is_live);
}

static int set_game(struct event *e, struct str value)
{
	if (!e->stream.is_known)
		e->stream.is_known = e->stream.is_live = true;
	e->stream.game = value;
	return 0;
}

static int set_title(struct event *e, struct str value)
{
	int err = set_game(e, e->stream.game);

	e->stream.title = value;
	return err;
}

/* Those of twitch-cli that mean the same are understood too. */
static const struct {
	const char *key, *aliases;
	int (*set)(struct event *e, struct str value);
} fields[] = {
	{"user", "from from-user", set_user}, {"touser", "to to-user", set_touser},
	{"tier", "", set_tier}, {"months", "", set_months},
	{"count", "viewers level seconds cost", set_number}, {"bits", "", set_number},
	{"reward", "item-name", set_reward}, {"batch", "", set_batch},
	{"command", "", set_command}, {"emoji", "", set_emoji},
	{"message", "text", set_message}, {"anonymous", "", set_anonymous},
	{"first", "", set_first}, {"direct", "", set_direct},
	{"live", "", set_live}, {"game", "", set_game},
	{"title", "", set_title},
};

int platform_event_set(struct event *e, struct str key, struct str value)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (str_is_nocase(key, fields[i].key) || str_is_among(key, fields[i].aliases))
			return fields[i].set(e, value);
	}
	return ERR_NOTFOUND;
}

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
		err = platform_event_set(e, key, value);
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

/* What the kind or sort means by itself. */
static void set_defaults(struct event *e, enum event_sort sort)
{
	if (str_is_among(STR("tier"), event_kind_vars(e->kind)) && e->kind != EVENT_UPGRADE)
		e->tier = STR("1");
	if (e->kind == EVENT_SUB || e->kind == EVENT_GIFT)
		e->months = 1;
	if (e->kind == EVENT_GIFT)
		e->count = 1;
	e->is_first = sort == SORT_FIRST;
	e->is_action = sort == SORT_ACTION;
	if (sort == SORT_REPLY)
		e->to_id = STR("made-up");
	if (e->kind == EVENT_REACTION)
		e->emoji = STR("\U0001f44d");
	e->is_direct = e->kind == EVENT_WHISPER || e->kind == EVENT_SLASH;
}

int platform_event_parse(struct str command, struct event *e)
{
	struct str rest = str_trim(command);
	struct str name = str_split(&rest, ' ');
	enum event_sort sort;
	bool has_number = false;
	int err = 0;

	memset(e, 0, sizeof(*e));
	if (event_word_parse(name, &e->kind, &sort) < 0)
		return ERR_NOTFOUND;
	set_defaults(e, sort);
	rest = str_trim(rest);
	if (e->kind == EVENT_SLASH) /* "slash ask why is that?": its name stands first */
		err = set_command(e, str_split(&rest, ' '));
	if (e->kind == EVENT_TIMER && rest.len > 0) /* "timer discord": its trigger */
		err = set_command(e, str_split(&rest, ' '));
	while (rest.len > 0 && err == 0)
		err = take_word(e, &rest, &has_number);
	if (err == ERR_INVALID)
		return err;
	if (rest.len > 0)
		e->text = rest;
	return 0;
}
