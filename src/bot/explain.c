/* Explain: every gate and trigger with pass or fail and why, the prompt, the queue; for a terminal.
 * It asks the same questions as the way of a real event and changes nothing. */
#include "bot/room.h"

#include <stdio.h>

#define CHARS_PER_TOKEN    4.0 /* of English prose: what an answer will probably be */
#define EXPLAIN_OTHERS_MAX 200 /* triggers listed; the rest is counted */

struct telling {
	struct buf *out;
	const struct trigger *fires, *claims;
	enum reason reason; /* the first that speaks against firing */
	enum reason unsaid; /* why its own line would not be said, and by which rule */
	const char *rule;
	size_t told, left_out, others;
	const struct event *event;
	bool is_brief;
	int err;
};

static void line(struct telling *s, bool is_pass, const char *name, const char *why)
{
	if (!s->err)
		s->err = buf_addf(s->out, "  %s %-18s %s\n", is_pass ? "pass" : "FAIL", name, why);
}

static void head(struct telling *s, const char *title)
{
	if (!s->err)
		s->err = buf_addf(s->out, "%s\n", title);
}

static void on_condition(void *ctx, const char *key, bool holds, const char *why)
{
	struct telling *s = ctx;

	if (!s->err)
		s->err =
			buf_addf(s->out, "         %s %s: %s\n", holds ? "pass" : "FAIL", key, why);
}

static void on_trigger(void *ctx, const struct trigger *t, enum reason r, bool is_shadowed,
	const char *why)
{
	struct telling *s = ctx;
	char name[96];

	const bool is_held = r == REASON_LEVEL || r == REASON_OFFLINE; /* the search goes on */

	if (r == REASON_NONE && !is_shadowed && !s->claims) {
		s->fires = s->claims = t;
	} else if (r != REASON_NONE && r != REASON_NO_MATCH && !is_held && !s->claims &&
		   !is_shadowed) {
		s->claims = t;
		s->reason = r;
	} else if (is_held && !s->claims && s->reason == REASON_NO_MATCH) {
		s->reason = r;
	}
	if (s->is_brief && !trigger_hears(t, s->event->kind)) {
		s->others++;
		return;
	}
	if (++s->told > EXPLAIN_OTHERS_MAX) {
		s->left_out++;
		return;
	}
	snprintf(name, sizeof(name), "%s", t->name);
	if (is_shadowed && !s->err)
		s->err = buf_addf(
			s->out, "  ---- %-18s %s (a trigger above has claimed it)\n", name, why);
	else
		line(s, r == REASON_NONE, name, why);
	if (trigger_hears(t, s->event->kind) && t->is_on)
		trigger_explain_conditions(t, s->event, on_condition, s);
}

/* One message of the prompt, every line of it set in. */
static int add_message(const struct prompt_message *m, struct buf *out)
{
	struct str rest = m->text;
	int err = buf_addf(out, "  [%s]\n", prompt_role_name(m->role));

	while (rest.len > 0 && !err) {
		struct str part = str_split(&rest, '\n');

		err = buf_addf(out, part.len > 0 ? "    %.*s\n" : "%.*s\n", STR_FMT(part));
	}
	return err;
}

/* What an answer costs at this provider, with a prompt and an answer of such sizes. */
static double dollars(const struct provider_leg *leg, double in, double out)
{
	return (in * (double)leg->price_in + out * (double)leg->price_out) / CONF_DOLLAR /
	       CONF_DOLLAR;
}

/* Who would be asked, in their order, and for how much. */
static int add_route(struct telling *s, struct bot *b, const struct bot_question *q,
	const struct prompt *p)
{
	struct provider_ask a = bot_question_ask(q);
	const double in = (double)p->usual * (q->gauge ? q->gauge->ratio : 1);
	const double out = (double)bot_answer_chars(q->world, q->event) / CHARS_PER_TOKEN;
	struct provider_route route;
	int err;

	a.prompt = p;
	provider_route(b->providers, &a, &route);
	err = route.rule > 0 ? buf_addf(s->out, "route    by rule %zu of routes:\n", route.rule)
			     : buf_adds(s->out, "route    by ask:\n");
	for (size_t i = 0; i < route.n && !err; i++) {
		const struct provider_leg *leg = &route.legs[i];

		err = buf_addf(s->out, "  %s %-18s %s %s%s: %s\n", leg->is_asked ? "pass" : "FAIL",
			leg->name, leg->type, leg->model, leg->is_remote ? ", not on this machine"
			: "", leg->why);
		if (!err && leg->most > 0)
			err = buf_addf(s->out,
				"         about $%.6f for this answer, at most $%.6f\n",
				dollars(leg, in, out), (double)leg->most / CONF_DOLLAR);
	}
	return err;
}

/* What is asked of the answer, and what goes with the question but is not looked up here. */
static int add_rules(struct telling *s, const struct bot_question *q, const struct prompt *p)
{
	const struct conf_safety *c = &q->world->conf->safety;
	int err = buf_addf(s->out, "names    %s\n",
		p->aliases ? "the model reads aliases (privacy.send_names)"
			   : "the model reads them as they are");

	if (!err && q->persona->lines > 0)
		err = buf_addf(s->out, "memory   up to %lld lines of this person besides, from the "
			"last %lld minutes\n", (long long)q->persona->lines,
			(long long)q->persona->for_ms / 60000);
	return err ? err : buf_addf(s->out, "answer   at most %zu characters are asked for; links "
		"%s, %lld mention%s; toxicity below %.2f, bias below %.2f; refused, it is asked "
		"for %s\n", bot_answer_chars(q->world, q->event), c->links ? "may stand in it" :
		c->allow_hosts.n > 0 ? "only to allowed hosts" : "none", (long long)c->mentions,
		c->mentions == 1 ? "" : "s", c->toxicity, c->bias,
		c->regenerate ? "once more" : "no second time");
}

/* What the event's words are in the trigger that fires. */
static int read_hit(const struct telling *s, const struct bot_world *w, struct bot *b,
	struct trigger_hit *hit)
{
	int err;

	*hit = (struct trigger_hit){.trigger = s->fires};
	err = bot_captures(w, s->event, hit);
	hit->counted = b ? bot_counter_of : NULL;
	hit->counted_ctx = b;
	return err;
}

static int add_prompt(struct telling *s, const struct bot_world *w, const struct event *e,
	struct bot *b)
{
	const struct prompt_file *file;
	struct trigger_hit hit;
	struct bot_question q = {
		.world = w,
		.event = e,
		.persona = bot_channel_persona(b, w, e, s->fires),
		.words = bot_question_words(w, &s->fires->steps[0], &file),
		.hit = &hit,
		.is_step = s->fires->step_count > 1,
	};
	struct knowledge_hit known[KNOWLEDGE_TOP];
	struct prompt *p = NULL;
	int err = read_hit(s, w, b, &hit);

	if (err)
		return err;
	q.known_count = bot_know_now(w, s->fires, e, known);
	q.known = known;
	q.is_local_only = file && file->is_local_only;
	bot_question_fit(b, &q);
	err = bot_question_prompt(b, &q, &p);
	if (err == ERR_LIMIT)
		return buf_adds(s->out, "prompt   does not fit the model's window\n");
	if (!err)
		err = buf_addf(s->out, "prompt   %s%spersona %s %s, about %.0f tokens, at most %zu "
			"of %zu, sha256 %.12s\n", file ? file->ref : "", file ? ", " : "",
			q.persona->id, q.persona->version,
			(double)p->usual * (q.gauge ? q.gauge->ratio : 1), p->tokens,
			q.budget_tokens, p->hash);
	if (!err && q.gauge)
		err = buf_addf(s->out, "         its model counts %.2f times our estimate, %.0f %% "
			"off on average in %lld prompts\n", q.gauge->ratio, 100 * q.gauge->error,
			(long long)q.gauge->n);
	for (size_t i = 0; !err && i < q.known_count; i++)
		err = buf_addf(s->out, "%-8s %s:%d \"%.*s\", score %.3g%s\n",
			i == 0 ? "known" : "", known[i].chunk->file, known[i].chunk->line,
			STR_FMT(known[i].chunk->heading), known[i].score,
			p->has_note[i] ? "" : ": no room for it");
	for (size_t i = 0; !err && i < p->n; i++)
		err = add_message(&p->messages[i], s->out);
	if (!err)
		err = add_rules(s, &q, p);
	if (!err && b)
		err = add_route(s, b, &q, p);
	prompt_free(p);
	return err;
}

/* What the rules say of the words that would come before a model. */
static int add_heard(const struct bot_world *w, const struct bot_heard *h, struct buf *out)
{
	const char *policy = safety_policy_name((enum safety_policy)w->conf->safety.policy);

	if (!h->heard.rule)
		return buf_addf(out, "safety   no rule of %zu is met (%s)\n",
			safety_count(w->safety), policy);
	return buf_addf(out, "safety   %s: %s meets %s, score %.2f (%s)\n",
		h->reason == REASON_NONE ? "noted" : "REFUSED", h->what, h->heard.rule,
		h->heard.score, policy);
}

static int add_reply(struct telling *s, const struct bot_world *w, const struct event *e,
	struct bot *b)
{
	const struct bot_rendered line = {.persona = bot_channel_persona(b, w, e, s->fires)};
	struct bot_judged judged;
	struct trigger_hit hit;
	struct buf text;
	int err = read_hit(s, w, b, &hit);

	buf_init(&text, TRIGGER_TEXT_BYTES);
	if (!err)
		err = trigger_expand(s->fires->reply, e, &hit, 0, &text);
	if (!err || err == ERR_LIMIT) { /* cut, as it would be said */
		bot_render_judge(w, e, &line, buf_str(&text), &judged);
		s->unsaid = judged.reason;
		s->rule = judged.rule;
		err = s->unsaid == REASON_NONE
			? buf_addf(s->out, "reply    %s\n", buf_text(&judged.text))
			: buf_addf(s->out, "reply    REFUSED (%s%s%s): %s\n",
				reason_name(s->unsaid), *s->rule != '\0' ? ", " : "", s->rule,
				buf_text(&text));
		bot_judged_fini(&judged);
	}
	buf_fini(&text);
	return err;
}

/* How the models are that would be asked. */
static int add_models(const struct bot *b, struct buf *out)
{
	const char *name, *type, *model, *last;
	enum io_breaker_state breaker;
	int err = 0;

	for (size_t i = 0; !err; i++) {
		name = provider_state(b->providers, i, &type, &model, &breaker, &last);
		if (!name)
			break;
		err = buf_addf(out, "%-8s %s (%s %s), breaker %s%s%s\n", i == 0 ? "models" : "",
			name, type, model, io_breaker_state_name(breaker),
			*last != '\0' ? "; last error: " : "", last);
	}
	return err;
}

static int add_queue(struct bot *b, const struct event *e, struct buf *out)
{
	char channel[128], when[48] = "now";
	int64_t wait;

	if (!b)
		return buf_adds(out, "queue    unknown: no running bot was asked\n");
	snprintf(channel, sizeof(channel), "%.*s", STR_FMT(e->channel));
	wait = outbox_wait_ms(b->outbox, e->place, channel, clock_mono_ms());
	if (wait > 0)
		snprintf(when, sizeof(when), "again in %lld ms", (long long)wait);
	return buf_addf(out, "queue    %zu waiting here, %zu in all; this channel may speak %s\n",
		outbox_waiting_lane(b->outbox, e->place, channel), outbox_waiting(b->outbox), when);
}

static int add_clock(struct bot *b, const struct event *e, struct buf *out)
{
	const int64_t wait = bot_timer_wait_ms(b, e);

	if (wait < 0)
		return buf_adds(out, "timer    it does not run in this channel\n");
	return buf_addf(out, "timer    due in %lld min %lld s\n", (long long)(wait / 60000),
		(long long)(wait / 1000 % 60));
}

int bot_explain(struct bot *b, const struct bot_world *w, const struct event *given, bool is_brief,
	struct buf *out)
{
	const struct event placed = b ? bot_event_placed(b, given) : *given;
	const struct event *e = &placed;
	struct telling s = {
		.out = out, .reason = REASON_NO_MATCH, .unsaid = REASON_NONE, .event = e,
		.is_brief = is_brief};
	struct trigger_state *none = NULL;
	struct bot_heard heard = {.reason = REASON_NONE};
	enum reason gate = REASON_NONE, r;
	const char *name;
	struct buf why;
	int err;

	if (!b && trigger_state_new(&none))
		return ERR_NOMEM;
	buf_init(&why, 1024);
	s.err = buf_addf(out, "event    %s \"%.*s\" by %.*s (%s) in %.*s:%.*s\n",
		event_kind_name(e->kind), STR_FMT(e->text), STR_FMT(e->user),
		level_name(event_level(e)), STR_FMT(e->platform), STR_FMT(e->channel));
	if (e->stream.is_known && !s.err)
		s.err = buf_addf(out, e->stream.is_live ? "stream   live: %.*s: %.*s\n"
			: "stream   offline\n", STR_FMT(e->stream.game), STR_FMT(e->stream.title));
	head(&s, "gates");
	for (size_t i = 0; (name = bot_gate_ask(b, w, i, e, &r, &why)) != NULL; i++) {
		line(&s, r == REASON_NONE, name, buf_text(&why));
		if (r != REASON_NONE && gate == REASON_NONE)
			gate = r;
		buf_clear(&why);
	}
	if (b) {
		const struct bot_channel *c = bot_channel_of(b, e);

		bot_gather_ask(b->gather, e, clock_mono_ms(), &why);
		line(&s, true, "gather", buf_text(&why));
		buf_clear(&why);
		if (c && bot_flood_is_on(&c->flood, clock_mono_ms()))
			line(&s, false, "flood", reason_text(REASON_FLOOD));
	}
	head(&s, "triggers");
	trigger_explain(w->triggers, b ? b->triggers : none, e, clock_mono_ms(), on_trigger, &s);
	err = s.err;
	if (!err && s.left_out > 0)
		err = buf_addf(out, "  ... and %zu more\n", s.left_out);
	if (!err && s.others > 0)
		err = buf_addf(out, "  ... and %zu for other kinds of event\n", s.others);
	if (!err && gate == REASON_NONE && s.fires && s.fires->step_count > 0) {
		bot_heed_event(w, s.fires, e, &heard);
		err = add_heard(w, &heard, out);
	}
	if (!err && gate == REASON_NONE && s.fires)
		err = s.fires->step_count == 0 ? add_reply(&s, w, e, b)
			: is_brief ? 0 : add_prompt(&s, w, e, b);
	if (!err && b && gate == REASON_NONE && s.claims && s.claims->step_count > 0)
		err = add_models(b, out);
	if (!err && b && gate == REASON_NONE && s.claims && s.claims->step_count > 0)
		err = bot_spend_explain(b, e, bot_channel_persona(b, w, e, s.claims), out);
	if (!err && b && e->kind == EVENT_TIMER)
		err = add_clock(b, e, out);
	if (!err)
		err = add_queue(b, e, out);
	if (!err && gate != REASON_NONE)
		err = buf_addf(
			out, "verdict  silent: %s (%s)\n", reason_name(gate), reason_text(gate));
	else if (!err && bot_command_is(e))
		err = buf_addf(out, "verdict  mynah answers /%.*s itself\n", STR_FMT(e->command));
	else if (!err && heard.reason != REASON_NONE)
		err = buf_addf(out, "verdict  fires %s (%s:%d), but no model is asked: %s\n",
			s.fires->name, s.fires->path, s.fires->line, heard.heard.rule);
	else if (!err && s.unsaid != REASON_NONE)
		err = buf_addf(out, "verdict  fires %s (%s:%d), but silent: %s (%s)\n",
			s.fires->name, s.fires->path, s.fires->line, reason_name(s.unsaid),
			reason_text(s.unsaid));
	else if (!err && s.fires)
		err = buf_addf(out, "verdict  fires %s (%s:%d)\n", s.fires->name, s.fires->path,
			s.fires->line);
	else if (!err)
		err = buf_addf(out, "verdict  silent: %s (%s)\n", reason_name(s.reason),
			reason_text(s.reason));
	buf_fini(&why);
	trigger_state_free(none);
	return err;
}
