/* Is a trigger for an event: its conditions, and who may wake it. What its text is about is
 * match.c's.
 *
 * Most triggers have no condition or one: which, is noted when they are read, so that the search
 * asks only those. */
#include "trigger/room.h"

void trigger_subject_init(struct trigger_subject *s, const struct event *e)
{
	s->event = e;
	s->text = e->text;
	s->length = s->words = -1;
	if (s->text.len > PATTERN_SUBJECT_BYTES) {
		s->text.len = PATTERN_SUBJECT_BYTES;
		while (s->text.len > 0 && ((unsigned char)e->text.at[s->text.len] & 0xc0) == 0x80)
			s->text.len--; /* not within a character */
	}
}

static int64_t length_of(struct trigger_subject *s)
{
	if (s->length < 0)
		s->length = (int64_t)text_points(s->event->text);
	return s->length;
}

static int64_t words_of(struct trigger_subject *s)
{
	if (s->words < 0)
		s->words = (int64_t)text_words(s->event->text);
	return s->words;
}

/* in: holds platforms, channels, or platform:channel. */
bool trigger_is_in(const struct trigger *t, const struct event *e)
{
	const struct conf_texts *places = &t->in;

	for (size_t i = 0; i < places->n; i++)
		if (event_is_in(e, places->at[i]))
			return true;
	return places->n == 0;
}

/* Is name one of these folded texts? */
static bool is_one_of(const struct conf_texts *folded, struct str name)
{
	for (size_t i = 0; i < folded->n; i++) {
		if (name.len > 0 && text_folds_to(name, str_of(folded->at[i])))
			return true;
	}
	return false;
}

/* As long as nobody knows, a stream counts as live:
 * so nothing is silent that would have to speak. */
static bool is_when(int when, const struct stream *s)
{
	const bool is_live = s->is_live || !s->is_known;

	return is_live == (when == TRIGGER_LIVE);
}

bool trigger_holds(const struct trigger *t, enum trigger_condition c, struct trigger_subject *s)
{
	const struct event *e = s->event;

	switch (c) {
	case TRIGGER_IF_SORT: return event_is_sort(e, t->sort);
	case TRIGGER_IF_AT_LEAST: return event_amount(e) >= t->at_least;
	case TRIGGER_IF_DIRECT: return e->is_direct;
	case TRIGGER_IF_FIRST: return e->is_first;
	case TRIGGER_IF_IN: return trigger_is_in(t, e);
	case TRIGGER_IF_WHEN: return is_when(t->when, &e->stream);
	case TRIGGER_IF_MIN_LENGTH: return length_of(s) >= t->min_length;
	case TRIGGER_IF_MAX_LENGTH: return length_of(s) <= t->max_length;
	case TRIGGER_IF_MIN_WORDS: return words_of(s) >= t->min_words;
	case TRIGGER_IF_GAME: return is_one_of(&t->own->games, e->stream.game);
	case TRIGGER_IF_REWARD:
		return is_one_of(&t->own->rewards, e->reward) ||
		       is_one_of(&t->own->rewards, e->reward_id);
	case TRIGGER_CONDITION_COUNT: break;
	}
	return true;
}

void trigger_conditions_note(struct trigger *t)
{
	const bool has[TRIGGER_CONDITION_COUNT] = {
		[TRIGGER_IF_SORT] = t->sort != SORT_ANY,
		[TRIGGER_IF_AT_LEAST] = t->at_least > 0,
		[TRIGGER_IF_DIRECT] = t->needs_direct,
		[TRIGGER_IF_FIRST] = t->needs_first,
		[TRIGGER_IF_IN] = t->in.n > 0,
		[TRIGGER_IF_WHEN] = t->when != TRIGGER_ANYTIME,
		[TRIGGER_IF_MIN_LENGTH] = t->min_length > 0,
		[TRIGGER_IF_MAX_LENGTH] = t->max_length > 0,
		[TRIGGER_IF_MIN_WORDS] = t->min_words > 0,
		[TRIGGER_IF_GAME] = t->games.n > 0,
		[TRIGGER_IF_REWARD] = t->rewards.n > 0,
	};

	t->own->conditions = 0;
	for (unsigned c = 0; c < TRIGGER_CONDITION_COUNT; c++)
		t->own->conditions |= has[c] ? 1u << c : 0;
}

bool trigger_hears(const struct trigger *t, enum event_kind k)
{
	return t->on == k || (k == EVENT_SLASH && t->slash.name);
}

/* Who calls a command has addressed the bot, whatever sort of message would have done so. */
uint32_t trigger_conditions_for(const struct trigger *t, enum event_kind k)
{
	const uint32_t of_messages =
		1u << TRIGGER_IF_SORT | 1u << TRIGGER_IF_DIRECT | 1u << TRIGGER_IF_FIRST;

	return k == EVENT_SLASH ? t->own->conditions & ~of_messages : t->own->conditions;
}

/* A slash command and a timer name whom they are for; a made-up timer may leave it out. */
static bool is_called(const struct trigger *t, const struct event *e)
{
	if (e->kind == EVENT_SLASH)
		return str_is(e->command, t->slash.name);
	return e->kind != EVENT_TIMER || e->command.len == 0 || str_is(e->command, t->name);
}

int trigger_misfit(const struct trigger *t, struct trigger_subject *s)
{
	const enum event_kind kind = s->event->kind;

	if (!t->is_on)
		return TRIGGER_OFF;
	if (!trigger_hears(t, kind) || !is_called(t, s->event))
		return TRIGGER_OTHER_KIND;
	for (uint32_t bits = trigger_conditions_for(t, kind); bits != 0; bits &= bits - 1) {
		const int c = __builtin_ctz(bits);

		if (!trigger_holds(t, (enum trigger_condition)c, s))
			return c;
	}
	return TRIGGER_FITS;
}

static bool is_listed(const struct conf_texts *users, const struct event *e)
{
	for (size_t i = 0; i < users->n; i++) {
		if ((e->login.len > 0 && str_is_nocase(e->login, users->at[i])) ||
			(e->user_id.len > 0 && str_is(e->user_id, users->at[i])))
			return true;
	}
	return false;
}

/* deny wins. allow is a set besides the level; alone it is the whole gate. */
bool trigger_is_allowed(const struct trigger *t, const struct event *e)
{
	unsigned roles = e->roles | ROLE(LEVEL_EVERYONE);
	bool has_set = t->allow != 0 || t->allow_users.n > 0;

	if ((t->deny & roles) || is_listed(&t->deny_users, e))
		return false;
	if (has_set && ((t->allow & roles) || is_listed(&t->allow_users, e)))
		return true;
	if (has_set && t->level == LEVEL_EVERYONE)
		return false;
	return event_level(e) >= t->level;
}
