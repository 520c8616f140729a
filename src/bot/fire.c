/* Made-up events: described in words for explain and the API, and fired into the running bot, where
 * they go the way of real ones. What became of the last ones is kept for whoever asks. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define BAD_FIELD                                                                                  \
	"a field of the event has a value that it cannot have: tiers are 1, 2, 3 and prime, "      \
	"amounts are whole numbers, texts are one line"

/* A value as it will stand in the event: one line without what chat could not hold. */
static bool is_clean(struct str value)
{
	struct buf clean;
	bool same;

	if (value.len == 0 || text_is_plain(value))
		return true;
	buf_init(&clean, 4096);
	same = text_scrub(value, TEXT_CHAT, &clean) == 0 && str_eq(buf_str(&clean), value);
	buf_fini(&clean);
	return same;
}

static int set_fields(const struct bot_event_args *a, struct event *e, const char **why)
{
	for (size_t i = 0; i < a->field_count; i++) {
		const struct bot_event_field *f = &a->fields[i];
		int err = is_clean(f->value) ? platform_event_set(e, str_of(f->key), f->value)
			: ERR_INVALID;

		if (err == ERR_NOTFOUND) {
			*why = "no such field of an event; try: man mynah";
			return ERR_INVALID;
		}
		if (err) {
			*why = BAD_FIELD;
			return ERR_INVALID;
		}
	}
	return 0;
}

int bot_event_make(const struct bot_event_args *a, struct buf *scratch, struct event *out,
	const char **why)
{
	const char *user = a->user && *a->user ? a->user : "viewer";
	enum level level = LEVEL_EVERYONE;
	struct event e = {.kind = EVENT_MESSAGE};
	int err;

	*why = "";
	err = a->on ? platform_event_parse(str_of(a->on), &e) : 0;
	if (err) {
		*why = err == ERR_NOTFOUND ? "no such event; try: mynah help events"
			: BAD_FIELD;
		return ERR_INVALID;
	}
	if (a->level && level_parse(str_of(a->level), &level)) {
		*why = "no such level; one of everyone subscriber vip moderator broadcaster";
		return ERR_INVALID;
	}
	if (set_fields(a, &e, why))
		return ERR_INVALID;
	if (a->text && text_scrub(str_of(a->text), TEXT_CHAT, scratch)) {
		*why = "the text is too long";
		return ERR_INVALID;
	}
	if (a->text)
		e.text = buf_str(scratch);
	e.platform = str_of(a->platform && *a->platform ? a->platform : "twitch");
	e.channel = e.channel_id = str_of(a->channel && *a->channel ? a->channel : "console");
	if (e.user.len == 0)
		e.user = str_of(user);
	if (e.kind == EVENT_TIMER)
		e.user = STR("");
	e.login = e.user_id = e.user;
	e.roles = ROLE(LEVEL_EVERYONE) | ROLE(level);
	e.at_ms = clock_mono_ms();
	e.wall_ms = clock_wall_ms();
	*out = e;
	return 0;
}

/* ---- Firing ---------------------------------------------------------------------------------- */

static struct bot_fired *fired_of(struct bot *b, int64_t number)
{
	if (number <= 0 || number > b->fired_count || number <= b->fired_count - BOT_FIRED_MAX)
		return NULL;
	return &b->fired[number % BOT_FIRED_MAX];
}

void bot_fired_end(struct bot *b, int64_t number, const struct bot_verdict *v)
{
	struct bot_fired *f = fired_of(b, number);

	if (!f || f->is_over)
		return;
	f->is_over = true;
	f->reason = v->reason;
	snprintf(f->trigger, sizeof(f->trigger), "%s", v->trigger ? v->trigger->name : "");
	snprintf(f->rule, sizeof(f->rule), "%s", v->rule);
	snprintf(f->said, sizeof(f->said), "%.*s", (int)text_cut(v->text, sizeof(f->said) - 1, 0),
		v->text.at ? v->text.at : "");
}

/* The place and the channel that the event is to happen in: what was asked for, else the first. */
static bool find_room(struct bot *b, struct event *e, const char *platform, const char *channel)
{
	const struct conf *c = b->world->conf;

	for (size_t i = 0; i < c->place_count; i++) {
		const struct conf_place *p = &c->places[i];
		const int place = bot_place_number(b, p->name);

		if (place < 0 || (platform && strcmp(platform, p->name) != 0))
			continue;
		for (size_t k = 0; k < p->channels.n; k++) {
			if (channel && !str_is_nocase(str_of(channel), p->channels.at[k]))
				continue;
			e->place = (unsigned)place;
			e->platform = str_of(p->name);
			e->channel = e->channel_id = str_of(p->channels.at[k]);
			return true;
		}
	}
	return false;
}

int bot_fire(struct bot *b, const struct bot_event_args *a, struct buf *scratch, int64_t *number,
	const char **why)
{
	const char *channel = a->channel && *a->channel == '#' ? a->channel + 1 : a->channel;
	struct event e;
	char name[BOT_CHANNEL_BYTES], tag[USER_TAG_BYTES];

	if (bot_event_make(a, scratch, &e, why))
		return ERR_INVALID;
	if (!find_room(b, &e, a->platform, channel)) {
		*why = channel ? "the bot is not in that channel" : "the bot is in no channel";
		return ERR_INVALID;
	}
	*number = ++b->fired_count;
	b->fired[*number % BOT_FIRED_MAX] = (struct bot_fired){.is_over = false};
	snprintf(name, sizeof(name), "%.*s", STR_FMT(e.channel));
	seal_user_tag(e.platform, e.user_id, tag);
	log_event(LOG_AUDIT, "bot", "event_fired", "user", tag, "community", name, "event",
		event_kind_name(e.kind), LOG_INT("number", *number), NULL);
	b->firing = *number;
	bot_hear(b, &e);
	b->firing = 0;
	return 0;
}

int bot_fired_report(struct bot *b, int64_t number, struct buf *out)
{
	const struct bot_fired *f = fired_of(b, number);
	int err;

	if (!f)
		return ERR_NOTFOUND;
	err = buf_addf(out,
		"{\"number\":%lld,\"over\":%s,\"reason\":\"%s\",\"because\":\"%s\",\"trigger\":",
		(long long)number, f->is_over ? "true" : "false", reason_name(f->reason),
		reason_text(f->reason));
	if (!err)
		err = json_add_string(out, str_of(f->trigger));
	if (!err)
		err = buf_adds(out, ",\"rule\":");
	if (!err)
		err = json_add_string(out, str_of(f->rule));
	if (!err)
		err = buf_adds(out, ",\"said\":");
	if (!err)
		err = json_add_string(out, str_of(f->said));
	return err ? err : buf_addc(out, '}');
}
