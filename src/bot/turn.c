/* The story of one turn, from the hit to the last word.
 *
 *   HIT ──▶ RECALL ──▶ ASK ──▶ CHECK ──▶ QUEUED ──▶ SENT
 *     │ reply:                  ▲ │         │
 *     └─────────────────────────┘ ▼         ▼
 *                              DROPPED ◀────┘        every state may end DROPPED, with a reason
 *
 * One function per arrow, those to RECALL and ASK in ask.c. Each ends in the next state or in
 * bot_turn_drop. A turn lives from its hit until the platform has told what became of its reply, so
 * that hits = sent + drops + live at every instant. It holds the world it began with; a reload does
 * not touch it. */
#include "bot/room.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static struct metric stage_seconds = {"mynah_stage_seconds",
	"Time a turn spends in a stage", METRIC_HISTOGRAM, "stage", NULL, NULL, false};

void bot_stage_took(const char *stage, int64_t began_us)
{
	metric_observe_ms(&stage_seconds, stage, (double)(clock_mono_us() - began_us) / 1000);
}

static void turn_queue(struct turn *t);
static void turn_command(struct turn *t);

static void tell(struct bot *b, int64_t fired, const struct bot_verdict *v)
{
	if (b->options.verdict)
		b->options.verdict(b->options.ctx, v);
	bot_fired_end(b, fired, v);
}

void bot_tell(struct bot *b, int64_t fired, const struct event *e, const struct trigger *t,
	enum reason r, const char *rule)
{
	tell(b, fired, &(struct bot_verdict){.event = e, .trigger = t, .reason = r, .rule = rule,
		.prompt = ""});
}

/* ---- The end of a turn ----------------------------------------------------------------------- */

static const char *result_of(enum reason r)
{
	switch (r) {
	case REASON_NONE: return "SUCCESS";
	case REASON_UNFIT:
	case REASON_UNSAFE: return "BLOCKED";
	case REASON_DECLINED:
	case REASON_MERGED:
	case REASON_EMPTY: return "NO_RESPONSE_NEEDED";
	case REASON_LATE: return "EXPIRED";
	case REASON_BUDGET:
	case REASON_BUSY:
	case REASON_FULL:
	case REASON_TWIN: return "RATE_LIMITED";
	default: return "FAILED";
	}
}

static void turn_free(struct turn *t)
{
	if (t->is_recalling)
		memory_recall_cancel(&t->bot->memory, t);
	bot_know_end(t);
	provider_cancel(t->call);
	prompt_free(t->prompt);
	prompt_free(t->guard.prompt);
	prompt_free(t->embed.prompt);
	buf_fini(&t->text);
	buf_fini(&t->shown);
	buf_fini(&t->last.answer);
	buf_fini(&t->asking.previous);
	buf_fini(&t->asking.wrong);
	mem_free(t->event);
	bot_world_unref(t->world);
	mem_free(t);
}

/* Both ends of a turn: SENT (REASON_NONE) or DROPPED. */
static void turn_end(struct turn *t, enum reason reason)
{
	struct bot *b = t->bot;
	const int64_t ms = (clock_mono_us() - t->began_us) / 1000;
	char user[USER_TAG_BYTES], channel[128];

	t->state = reason == REASON_NONE ? TURN_SENT : TURN_DROPPED;
	bot_once_left(t);
	if (t->call) {
		/* Its attempt is told while the turn still stands, and becomes the held row. */
		provider_cancel(t->call);
		t->call = NULL;
	}
	bot_ask_give_back(t);
	if (reason == REASON_NONE)
		b->sent++;
	else
		b->drops[reason]++;
	bot_stage_took("turn", t->began_us);

	seal_user_tag(t->event->platform, t->event->user_id, user);
	snprintf(channel, sizeof(channel), "%.*s", STR_FMT(t->event->channel));
	log_event(LOG_INFO, "bot", reason == REASON_NONE ? "sent" : "dropped", "user",
		b->world->conf->log.plain_users ? t->event->login.at : user, "community", channel,
		"result", t->is_otherwise && reason == REASON_NONE ? "FALLBACK" : result_of(reason),
		LOG_INT("execution_time", ms), "turn", t->id, "request_id", t->id, "trigger",
		t->hit.trigger->name, "reason", reason_name(reason), "rule",
		*t->rule != '\0' ? t->rule : NULL, NULL);
	bot_row_write(t, reason);
	tell(b, t->fired, &(struct bot_verdict){
		.event = t->event,
		.trigger = t->hit.trigger,
		.reason = reason,
		.rule = t->rule,
		.text = reason == REASON_NONE ? buf_str(&t->text) : (struct str){NULL, 0},
		.prompt = t->prompt ? t->prompt->hash : "",
	});
	if (reason != REASON_NONE && !t->is_given)
		bot_step_over(t, reason);
	HASH_DEL(b->turns, t);
	turn_free(t);
	bot_drain_look(b);
}

void bot_turn_drop(struct turn *t, enum reason reason)
{
	turn_end(t, reason);
}

/* ---- HIT ------------------------------------------------------------------------------------- */

/* Captures were found in the borrowed event; they now point into the turn's own copy. */
static void rebase_captures(struct trigger_hit *h, struct str from, struct str to)
{
	for (size_t i = 0; i < h->captures_n; i++) {
		struct str *s = &h->captures[i];

		if (s->at && s->at >= from.at && s->at + s->len <= from.at + from.len)
			s->at = to.at + (s->at - from.at);
		else
			*s = (struct str){NULL, 0};
	}
}

static struct turn *turn_new(struct bot *b, const struct event *e, const struct trigger_hit *hit)
{
	struct turn *t = mem_new(sizeof(*t));

	if (!t)
		return NULL;
	t->event = event_copy(e);
	if (!t->event) {
		mem_free(t);
		return NULL;
	}
	t->bot = b;
	t->fired = b->firing;
	t->world = bot_world_ref(b->world);
	t->persona = bot_channel_persona(b, t->world, e, hit->trigger);
	t->hit = *hit;
	t->hit.counted = bot_counter_of;
	t->hit.counted_ctx = b;
	t->rule = "";
	t->began_us = clock_mono_us();
	rebase_captures(&t->hit, e->text, t->event->text);
	buf_init(&t->text, TURN_TEXT_BYTES);
	buf_init(&t->shown, TURN_TEXT_BYTES);
	buf_init(&t->last.answer, PROVIDER_TEXT_BYTES);
	buf_init(&t->asking.previous, PROVIDER_TEXT_BYTES);
	buf_init(&t->asking.wrong, TURN_WRONG_BYTES);
	rand_uuid7(clock_wall_ms(), t->id);
	HASH_ADD_STR(b->turns, id, t);
	if (!hash_has(t)) {
		turn_free(t);
		return NULL;
	}
	return t;
}

/* Does this user already wait for a model in this channel? One question at a time (spec 000-26). */
static bool has_question(const struct bot *b, const struct event *e)
{
	if (b->options.console)
		return false;
	for (const struct turn *t = b->turns; t; t = t->hh.next) {
		if ((t->state == TURN_HELD || t->state == TURN_RECALL || t->state == TURN_ASK) &&
			event_is_talk(t->event) &&
			t->event->place == e->place && e->user_id.len > 0 &&
			str_eq(t->event->user_id, e->user_id) &&
			str_eq(t->event->channel, e->channel))
			return true;
	}
	return false;
}

/* A hit that cannot become a turn: counted as a hit and as a drop, so that nothing is lost. */
static void hit_drop(struct bot *b, const struct event *e, const struct trigger_hit *hit,
	enum reason reason, const char *rule)
{
	b->drops[reason]++;
	trigger_undo(b->triggers, hit->trigger, e);
	log_event(LOG_INFO, "bot", "dropped", "result", result_of(reason), "trigger",
		hit->trigger->name, "reason", reason_name(reason), "rule",
		*rule != '\0' ? rule : NULL, NULL);
	bot_tell(b, b->firing, e, hit->trigger, reason, rule);
	bot_step_none(b, e, reason);
}

void bot_turn_begin(struct bot *b, const struct event *e, const struct trigger_hit *hit)
{
	const struct conf_limits *limits = &b->world->conf->limits;
	const char *rule = "";
	enum reason why = REASON_NONE;

	b->hits++;
	if (b->is_draining)
		why = REASON_STOPPED;
	else if (e->channel.len == 0)
		why = REASON_REFUSED, rule = "a private message has no channel to answer in";
	else if (HASH_COUNT(b->turns) >= (size_t)limits->turns)
		why = REASON_BUSY, rule = "turns";
	else if (hit->trigger->step_count > 0 && event_is_talk(e) &&
			hit->trigger->merge == TRIGGER_MERGE_NO && has_question(b, e))
		why = REASON_BUSY, rule = "one question at a time";
	else if (!bot_is_command(hit->trigger))
		why = bot_channel_answer(b, e, &rule);
	if (why != REASON_NONE) {
		hit_drop(b, e, hit, why, rule);
		return;
	}
	struct turn *t = turn_new(b, e, hit);
	if (!t) {
		hit_drop(b, e, hit, REASON_NOMEM, "");
		return;
	}
	t->state = TURN_HIT;
	log_event(LOG_DEBUG, "bot", "hit", "turn", t->id, "trigger", hit->trigger->name, NULL);
	bot_counter_turn(t);
	if (hit->trigger->step_count > 0)
		bot_ask_begin(t);
	else if (bot_is_command(hit->trigger))
		turn_command(t);
	else
		turn_queue(t);
}

struct memory_key bot_turn_key(const struct turn *t)
{
	return (struct memory_key){
		.platform = t->event->platform,
		.channel_id = t->event->channel_id,
		.user_id = t->event->user_id,
		.is_shared = t->persona->memory_mode == PERSONA_MEMORY_CHANNEL,
	};
}

int64_t bot_turn_ttl_ms(const struct turn *t)
{
	const struct conf_limits *l = &t->world->conf->limits;

	switch (t->event->kind) {
	case EVENT_MESSAGE:
	case EVENT_WHISPER: return l->reply_ttl_ms;
	case EVENT_SLASH: return l->slash_ttl_ms;
	default: return l->event_ttl_ms;
	}
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

void bot_turn_check(struct turn *t, struct str text)
{
	t->state = TURN_CHECK;
	const struct bot_text said = {.text = text};
	const char *rule = "";
	const enum reason r = bot_judge(t, &said, &t->text, &rule);

	if (r == REASON_NONE) {
		bot_turn_put(t);
		return;
	}
	t->rule = rule;
	bot_turn_drop(t, r);
}

/* Says a template of the trigger: its reply:, or its otherwise: when no model could answer. */
static void turn_template(struct turn *t, const char *template)
{
	struct buf text;
	uint32_t dice;
	int err;

	buf_init(&text, TRIGGER_TEXT_BYTES);
	rand_bytes(&dice, sizeof(dice));
	err = trigger_expand(template, t->event, &t->hit, dice, &text);
	if (err == ERR_NOMEM)
		bot_turn_drop(t, REASON_NOMEM);
	else
		bot_turn_check(t, buf_str(&text));
	buf_fini(&text);
}

static void turn_queue(struct turn *t)
{
	turn_template(t, t->hit.trigger->reply);
}

static void turn_command(struct turn *t)
{
	struct buf text;

	buf_init(&text, TRIGGER_TEXT_BYTES);
	if (bot_command_run(t->bot, t, &text) == ERR_NOMEM)
		bot_turn_drop(t, REASON_NOMEM);
	else
		bot_turn_check(t, buf_str(&text));
	buf_fini(&text);
}

void bot_turn_otherwise(struct turn *t, enum reason reason)
{
	const char *line = t->hit.trigger->otherwise;

	if (!line || *line == '\0' || t->is_otherwise || !bot_budget_otherwise(t->bot, t)) {
		bot_turn_drop(t, reason);
		return;
	}
	t->is_otherwise = true;
	if (*t->rule == '\0')
		t->rule = reason_name(reason); /* why it was not the model that spoke */
	turn_template(t, line);
}

/* ---- QUEUED ---------------------------------------------------------------------------------- */

void bot_turn_put(struct turn *t)
{
	struct bot *b = t->bot;
	struct reply *r = reply_new(t->id, t->event, buf_str(&t->text));
	enum reason why;

	if (!r) {
		bot_turn_drop(t, REASON_NOMEM);
		return;
	}
	r->priority = t->hit.trigger->urgency;
	r->dies_ms = t->event->at_ms + bot_turn_ttl_ms(t);
	r->is_thread = r->is_thread && t->hit.trigger->keeps_threads;
	r->may_repeat = t->event->kind == EVENT_SLASH;
	t->state = TURN_QUEUED;
	if (t->hit.trigger->merge != TRIGGER_MERGE_NO)
		io_timer_start(b->look, 0); /* what was held for its model goes on */
	why = outbox_put(b->outbox, r, clock_mono_ms());
	if (why != REASON_NONE)
		bot_turn_drop(t, why);
	bot_pump(b);
}

static struct turn *turn_find(struct bot *b, const char *id)
{
	struct turn *t;

	HASH_FIND_STR(b->turns, id, t);
	return t;
}

void bot_pump(struct bot *b)
{
	const int64_t now = clock_mono_ms();
	int64_t wait = -1;
	struct reply *r;
	enum reason why;

	while ((r = outbox_next(b->outbox, now, &wait)) != NULL) {
		struct bot_place *p = &b->places[r->place];

		if (p->name && p->platform.ops) {
			struct turn *t = turn_find(b, r->turn);

			if (t)
				t->is_given = true;
			p->platform.ops->send(p->platform.self, r);
			continue;
		}
		bot_turn_outcome(b, r->turn, REASON_GONE, "");
		reply_free(r);
	}
	while ((r = outbox_dropped(b->outbox, now, &why)) != NULL) {
		bot_turn_outcome(b, r->turn, why, "");
		reply_free(r);
	}
	if (wait >= 0)
		io_timer_start(b->pump, wait);
	else
		io_timer_stop(b->pump);
	if (outbox_is_dirty(b->outbox))
		bot_state_save_soon(b);
}

/* ---- SENT ------------------------------------------------------------------------------------ */

/* What was asked and what was answered, for the next time this person speaks. */
static void turn_remember(struct turn *t)
{
	const struct memory_key key = bot_turn_key(t);
	/* By the clock that stamped the question, be it the platform's: ours may be wrong. */
	const int64_t answered_ms = t->event->wall_ms + clock_mono_ms() - t->event->at_ms;
	const struct line lines[] = {
		{false, t->event->user, t->event->text, t->event->id, t->event->wall_ms},
		{true, str_of(t->persona->name), buf_str(&t->text), t->event->id, answered_ms},
	};

	if (event_is_talk(t->event) && t->hit.trigger->step_count > 0 && !t->is_otherwise &&
			!t->is_erased && t->event->user_id.len > 0) {
		memory_remember(&t->bot->memory, &key, lines, 2);
		bot_summary_after(t);
	}
}

void bot_turn_outcome(struct bot *b, const char *id, enum reason r, const char *why)
{
	struct turn *t = turn_find(b, id);

	if (!t)
		return;
	if (r == REASON_NONE)
		turn_remember(t);
	else if (why && *why != '\0')
		log_event(LOG_INFO, "bot", "not_sent", "turn", t->id, "why", why, NULL);
	turn_end(t, r);
}

void bot_turn_drop_all(struct bot *b, enum reason why)
{
	struct turn *t, *next;

	outbox_drop(b->outbox, UINT_MAX, NULL, why);
	HASH_ITER(hh, b->turns, t, next)
		bot_turn_drop(t, why);
	bot_pump(b);
}

void bot_turn_drop_place(struct bot *b, unsigned place)
{
	struct turn *t, *next;

	outbox_drop(b->outbox, place, NULL, REASON_GONE);
	bot_pump(b); /* ends what waited: what is still queued then is with the platform */
	HASH_ITER(hh, b->turns, t, next) {
		if (t->event->place == place)
			bot_turn_drop(t, t->state == TURN_QUEUED ? REASON_UNKNOWN_SENT
								 : REASON_GONE);
	}
}

static bool is_erased_by(const struct turn *t, const struct erasure *e)
{
	const struct event *v = t->event;

	if (!event_is_talk(v) || !str_eq(v->platform, e->platform) ||
		!str_eq(v->channel, e->channel))
		return false;
	if (t->crowd.n > 1 && e->user_id.len > 0)
		return bot_crowd_has(&t->crowd, e->user_id);
	if (e->message_id.len > 0)
		return str_eq(v->id, e->message_id);
	return e->user_id.len == 0 || str_eq(v->user_id, e->user_id);
}

void bot_turn_forget(struct bot *b, const struct event *e)
{
	for (struct turn *t = b->turns; t; t = t->hh.next) {
		if (t->event->place == e->place && str_eq(t->event->channel, e->channel) &&
				str_eq(t->event->user_id, e->user_id))
			t->is_erased = true;
	}
}

/* Ends the turns that answer what is being forgotten. Those whose reply is already with the
 * platform wait for its outcome, and are not remembered; nor are those whose message says something
 * else by now. */
void bot_turn_erase(struct bot *b, const struct erasure *e)
{
	struct turn *t, *next;

	if (!e->is_edit)
		outbox_erase(b->outbox, e);
	HASH_ITER(hh, b->turns, t, next) {
		if (!is_erased_by(t, e))
			continue;
		if (e->is_edit || t->state == TURN_QUEUED)
			t->is_erased = true;
		else
			bot_turn_drop(t, REASON_GONE);
	}
	bot_pump(b);
}
