/* Why: every trigger's verdict on one event, in sentences with the values that decided. */
#include "trigger/room.h"

static int tell_texts(const struct conf_texts *texts, struct buf *out)
{
	for (size_t i = 0; i < texts->n; i++) {
		if (buf_addf(out, "%s%s", i > 0 ? ", " : "", texts->at[i]) < 0)
			return ERR_LIMIT;
	}
	return 0;
}

static int tell_stream(const struct trigger *t, const struct stream *st, struct buf *out)
{
	const char *is = !st->is_known
				 ? "nobody knows whether the stream is live, so it counts as live"
			 : st->is_live ? "the stream is live"
				       : "the stream is offline";

	return buf_addf(out, "it is for %s streams; %s",
		t->when == TRIGGER_LIVE ? "live" : "offline", is);
}

/* "it is only for Chess, Go; the game is Just Chatting" */
static int tell_one_of(const struct conf_texts *texts, const char *what, struct str is,
	struct buf *out)
{
	if (buf_adds(out, "it is only for ") < 0 || tell_texts(texts, out) < 0)
		return ERR_LIMIT;
	if (is.len == 0)
		return buf_addf(out, "; the %s is not known", what);
	return buf_addf(out, "; the %s is %.*s", what, STR_FMT(is));
}

/* A condition with the values that decide, true of an event that meets it and of one that does
 * not. */
static int tell_condition(const struct trigger *t, enum trigger_condition c,
	struct trigger_subject *s, bool holds, struct buf *out)
{
	const struct event *e = s->event;

	switch (c) {
	case TRIGGER_IF_SORT:
		return buf_addf(out, "it waits for \"%s\": %s", event_sort_name(t->sort),
			holds ? event_sort_help(t->sort) : event_sort_lacks(t->sort));
	case TRIGGER_IF_AT_LEAST:
		return buf_addf(out, "it needs at least %lld, this has %lld",
			(long long)t->at_least, (long long)event_amount(e));
	case TRIGGER_IF_DIRECT:
		return buf_addf(out, "it answers only when the bot is addressed%s",
			holds ? ", which it is" : "");
	case TRIGGER_IF_FIRST:
		return buf_addf(out, "it answers only somebody's first message%s",
			holds ? ", which this is" : "");
	case TRIGGER_IF_IN:
		if (buf_adds(out, "it is only for ") < 0 || tell_texts(&t->in, out) < 0)
			return ERR_LIMIT;
		return buf_addf(
			out, "; this is %.*s:%.*s", STR_FMT(e->platform), STR_FMT(e->channel));
	case TRIGGER_IF_MIN_LENGTH:
		return buf_addf(out, "the message has %lld characters, it needs %lld",
			(long long)s->length, (long long)t->min_length);
	case TRIGGER_IF_MAX_LENGTH:
		return buf_addf(out, "the message has %lld characters, the most is %lld",
			(long long)s->length, (long long)t->max_length);
	case TRIGGER_IF_MIN_WORDS:
		return buf_addf(out, "the message has %lld words, it needs %lld",
			(long long)s->words, (long long)t->min_words);
	case TRIGGER_IF_GAME: return tell_one_of(&t->games, "game", e->stream.game, out);
	case TRIGGER_IF_REWARD:
		return tell_one_of(&t->rewards, "reward",
			e->reward.len > 0 ? e->reward : e->reward_id, out);
	case TRIGGER_IF_WHEN: return tell_stream(t, &e->stream, out);
	case TRIGGER_CONDITION_COUNT: break;
	}
	return 0;
}

int trigger_tell_misfit(const struct trigger *t, int misfit, struct trigger_subject *s,
	struct buf *out)
{
	switch (misfit) {
	case TRIGGER_FITS: return buf_adds(out, "no pattern matches");
	case TRIGGER_OFF: return buf_adds(out, "it is switched off (enabled: no)");
	case TRIGGER_OTHER_KIND:
		if (s->event->kind == EVENT_SLASH && t->slash.name)
			return buf_addf(out, "it waits for /%s, this is /%.*s", t->slash.name,
				STR_FMT(s->event->command));
		if (s->event->kind == EVENT_TIMER && t->every_ms > 0)
			return buf_addf(out, "this is the timer of \"%.*s\"",
				STR_FMT(s->event->command));
		return buf_addf(out, "it waits for \"%s\", this is \"%s\"",
			event_kind_name(t->on), event_kind_name(s->event->kind));
	default:
		return tell_condition(t, (enum trigger_condition)misfit, s, false, out);
	}
}

void trigger_explain_conditions(const struct trigger *t, const struct event *e,
	void (*tell)(void *ctx, const char *key, bool holds, const char *why), void *ctx)
{
	static const char *const keys[] = {
#define X(upper, key) #key,
		TRIGGER_CONDITIONS(X)
#undef X
	};
	struct trigger_subject s;
	struct buf why;

	trigger_subject_init(&s, e);
	buf_init(&why, TRIGGER_WHY_BYTES);
	for (uint32_t bits = trigger_conditions_for(t, e->kind); bits != 0; bits &= bits - 1) {
		const enum trigger_condition c = (enum trigger_condition)__builtin_ctz(bits);
		const bool holds = trigger_holds(t, c, &s);

		buf_clear(&why);
		(void)!tell_condition(t, c, &s, holds, &why); /* cut short it is still a sentence */
		tell(ctx, keys[c], holds, buf_text(&why));
	}
	buf_fini(&why);
}

static int tell_roles(unsigned roles, const struct conf_texts *users, struct buf *out)
{
	const char *comma = "";

	for (int i = 0; i < LEVEL_COUNT; i++) {
		if (!(roles & ROLE(i)))
			continue;
		if (buf_addf(out, "%s%s", comma, level_name(i)) < 0)
			return ERR_LIMIT;
		comma = ", ";
	}
	for (size_t i = 0; i < users->n; i++, comma = ", ") {
		if (buf_addf(out, "%s%s", comma, users->at[i]) < 0)
			return ERR_LIMIT;
	}
	return 0;
}

static int tell_level(const struct trigger *t, const struct event *e, struct buf *out)
{
	bool has_allow = t->allow != 0 || t->allow_users.n > 0;
	bool has_deny = t->deny != 0 || t->deny_users.n > 0;

	if (buf_addf(out, "it matches, but %.*s is %s and it is for ", STR_FMT(e->user),
		    level_name(event_level(e))) < 0)
		return ERR_LIMIT;
	if ((!has_allow || t->level != LEVEL_EVERYONE) &&
		buf_addf(out, "%s%s%s", level_name(t->level),
			t->level == LEVEL_EVERYONE || t->level == LEVEL_BROADCASTER ? ""
										    : " and above",
			has_allow ? " or " : "") < 0)
		return ERR_LIMIT;
	if (has_allow && tell_roles(t->allow, &t->allow_users, out) < 0)
		return ERR_LIMIT;
	if (has_deny &&
		(buf_adds(out, ", never for ") < 0 || tell_roles(t->deny, &t->deny_users, out) < 0))
		return ERR_LIMIT;
	return 0;
}

/* "90 s", "1.5 s", "40 min" */
static int tell_wait(int64_t ms, struct buf *out)
{
	if (ms < 10000)
		return buf_addf(
			out, "%lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
	if (ms < 600000)
		return buf_addf(out, "%lld s", (long long)(ms / 1000));
	return buf_addf(out, "%lld min", (long long)(ms / 60000));
}

static int tell_claim(const struct trigger *t, const struct trigger_hit *hit, struct buf *out)
{
	struct str said = hit->captures_n > 0 ? hit->captures[0] : (struct str){"", 0};

	if (buf_adds(out, "it matches") < 0)
		return ERR_LIMIT;
	if (said.len > 0 && buf_addf(out, " \"%.*s\"", STR_FMT(said)) < 0)
		return ERR_LIMIT;
	if (hit->reason == REASON_PER_STREAM)
		return buf_addf(out, ", but %s", reason_text(hit->reason));
	if (hit->reason != REASON_NONE)
		return buf_addf(out, ", but %s: another ", reason_text(hit->reason)) < 0 ||
				       tell_wait(hit->wait_ms, out) < 0
			       ? ERR_LIMIT
			       : 0;
	if (t->chance_pct < 100)
		return buf_addf(out, " and fires with a chance of %g%%", t->chance_pct);
	return buf_adds(out, " and fires");
}

/* One trigger's verdict, with its sentence. */
static enum reason judge(const struct trigger *t, struct pattern_engine *engine,
	const struct trigger_state *state, struct trigger_subject *s, int64_t now_ms,
	struct buf *why)
{
	struct trigger_hit hit = {.trigger = t};
	const int misfit = trigger_misfit(t, s);
	const bool is_offline = misfit == TRIGGER_IF_WHEN && t->when == TRIGGER_LIVE;
	int err;

	hit.reason = REASON_NO_MATCH;
	if (misfit != TRIGGER_FITS && !is_offline) {
		err = trigger_tell_misfit(t, misfit, s, why);
	} else if (trigger_strike_is_out(state, t)) {
		err = buf_addf(why,
			"its pattern was too slow %d times within a minute and is "
			"switched off until it is changed",
			TRIGGER_STRIKES);
	} else {
		int rc = trigger_try(t, engine, s, hit.captures, &hit.captures_n);

		if (rc == ERR_LIMIT) {
			err = buf_addf(
				why, "its pattern gave up after %d steps", PATTERN_STEPS);
		} else if (rc == 0) {
			err = trigger_tell_misfit(t, TRIGGER_FITS, s, why);
		} else if (is_offline) {
			hit.reason = REASON_OFFLINE;
			err = buf_addf(why, "it matches, but %s", reason_text(REASON_OFFLINE));
		} else if (!trigger_is_allowed(t, s->event)) {
			hit.reason = REASON_LEVEL;
			err = tell_level(t, s->event, why);
		} else {
			hit.reason =
				trigger_cooldown_check(state, t, s->event, now_ms, &hit.wait_ms);
			err = tell_claim(t, &hit, why);
		}
	}
	(void)err; /* a sentence that was cut short is still a sentence */
	return hit.reason;
}

void trigger_explain(const struct trigger_set *set, const struct trigger_state *state,
	const struct event *e, int64_t now_ms,
	void (*tell)(void *ctx, const struct trigger *t, enum reason r, bool is_shadowed,
		const char *why),
	void *ctx)
{
	struct pattern_engine *own = NULL, *engine = set->engine;
	struct trigger_subject s;
	bool is_claimed = false;
	struct buf why;

	/* Every pattern is tried: the interpreter does it without compiling them all with JIT. */
	if (pattern_engine_new(false, &own) == 0)
		engine = own;
	trigger_subject_init(&s, e);
	buf_init(&why, TRIGGER_WHY_BYTES);
	for (size_t i = 0; i < set->n; i++) {
		const struct trigger *t = set->sorted[i];

		buf_clear(&why);
		enum reason r = judge(t, engine, state, &s, now_ms, &why);
		bool is_hit = r != REASON_NO_MATCH && r != REASON_LEVEL && r != REASON_OFFLINE;
		tell(ctx, t, r, is_hit && is_claimed, buf_text(&why));
		is_claimed = is_claimed || is_hit;
	}
	buf_fini(&why);
	pattern_engine_free(own);
}
