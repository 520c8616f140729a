/* The stage: a bot for each play, on one loop whose clock stands still. */
#include "golden/room.h"

#include <stdio.h>

#define NOON_MS INT64_C(1767268800000) /* 2026-01-01T12:00Z: some day */
#define TAIL_MS (15 * 60000) /* the longest a reply may wait; then everything has been decided */

struct golden_stage {
	struct bot_source source;
	struct bot_world *world;
	struct io *io;
	uint64_t seed;
};

int golden_stage_new(const struct bot_source *source, struct bot_world *w, uint64_t seed,
	struct golden_stage **out)
{
	struct golden_stage *g = mem_new(sizeof(*g));
	int err;

	if (!g)
		return ERR_NOMEM;
	g->source = *source;
	g->seed = seed;
	clock_freeze(NOON_MS);
	err = io_new(&g->io);
	if (err) {
		clock_thaw();
		mem_free(g);
		return err;
	}
	g->world = bot_world_ref(w);
	*out = g;
	return 0;
}

void golden_stage_free(struct golden_stage *g)
{
	if (!g)
		return;
	io_free(g->io);
	bot_world_unref(g->world);
	metric_reset();
	clock_thaw();
	mem_free(g);
}

void golden_outcome_fini(struct golden_outcome *o)
{
	prompt_free(o->prompt);
	mem_free(o->posted);
	*o = (struct golden_outcome){0};
}

/* ---- The model ------------------------------------------------------------------------------- */

struct play {
	const struct golden_reply *reply;
	size_t said;
	struct golden_outcome *out;
	int err;
};

/* GIVES a copy; NULL = no memory. */
static struct prompt *copy_prompt(const struct prompt *p)
{
	struct prompt *copy = mem_new(sizeof(*copy));
	const char *at;

	if (!copy)
		return NULL;
	*copy = *p;
	copy->aliases = NULL; /* the turn's own */
	copy->messages = mem_array(p->n + 1, sizeof(*copy->messages));
	buf_init(&copy->bytes, p->bytes.max);
	if (!copy->messages || buf_add_str(&copy->bytes, buf_str(&p->bytes))) {
		prompt_free(copy);
		return NULL;
	}
	at = copy->bytes.at;
	for (size_t i = 0; i < p->n; i++) {
		copy->messages[i] = p->messages[i];
		copy->messages[i].text.at = at + (p->messages[i].text.at - p->bytes.at);
	}
	return copy;
}

static int on_ask(void *ctx, const struct provider_ask *a, struct provider_sink *s)
{
	struct play *p = ctx;
	const struct golden_reply *r = p->reply;
	const char *says = SAFETY_SILENCE;

	if (!p->out->prompt) {
		p->out->prompt = copy_prompt(a->prompt);
		p->out->persona = a->persona;
		p->out->is_local_only = a->is_local_only;
		if (!p->out->prompt)
			p->err = ERR_NOMEM;
	}
	if (r && r->says.n > 0) {
		says = r->says.at[p->said < r->says.n ? p->said : r->says.n - 1];
		p->said++;
	}
	s->is_whole = true;
	s->was_cut = r && r->is_cut;
	s->error = r ? (enum provider_error)r->error : PROVIDER_NONE;
	return s->error ? 0 : buf_adds(&s->text, says);
}

/* ---- The play -------------------------------------------------------------------------------- */

/* The last verdict counts: of what is gathered, the first says only that it is. */
static void on_verdict(void *ctx, const struct bot_verdict *v)
{
	struct play *p = ctx;
	struct golden_outcome *o = p->out;

	snprintf(o->trigger, sizeof(o->trigger), "%s", v->trigger ? v->trigger->name : "");
	snprintf(o->rule, sizeof(o->rule), "%s", v->rule);
	o->reason = v->reason;
	mem_free(o->posted);
	o->posted = NULL;
	if (v->reason != REASON_NONE)
		return;
	o->posted = mem_dupn(v->text.at, v->text.len);
	if (!o->posted)
		p->err = ERR_NOMEM;
}

static int run(struct golden_stage *g, struct bot *b, const struct golden_case *c,
	const struct event *e)
{
	struct line *past = mem_array(c->past_count + 1, sizeof(*past));
	struct conversation said = {past, c->past_count};
	int err;

	if (!past)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->past_count; i++) {
		past[i] = c->past[i];
		past[i].wall_ms = clock_wall_ms();
	}
	err = bot_rehearse(b, e, c->persona, &said);
	if (!err)
		io_advance(g->io, clock_mono_ms() + TAIL_MS);
	mem_free(past);
	return err;
}

int golden_play(struct golden_stage *g, const struct golden_case *c, const struct golden_reply *r,
	struct golden_outcome *out, const char **why)
{
	static const struct platform_replay_options replay = {"twitch", "mynah", "mynah"};
	const struct bot_event_args args = {.text = c->text, .user = c->user, .level = c->level,
		.channel = c->channel, .platform = c->platform, .on = c->on,
		.fields = c->fields, .field_count = c->field_count};
	struct play play = {.reply = r, .out = out};
	const struct bot_options o = {.io = g->io, .source = g->source,
		.world = bot_world_ref(g->world), .replay = &replay, .model = on_ask,
		.verdict = on_verdict, .ctx = &play};
	struct bot *b = NULL;
	struct event e;
	struct buf scratch;
	int err;

	*out = (struct golden_outcome){.reason = REASON_NO_MATCH};
	*why = "";
	rand_seed(g->seed);
	buf_init(&scratch, CONF_FILE_BYTES);
	err = bot_new(&o, &b);
	if (!err)
		err = bot_event_make(&args, &scratch, &e, why);
	if (!err && c->persona && !bot_world_persona_named(g->world, c->persona)) {
		*why = "there is no such persona";
		err = ERR_INVALID;
	}
	if (!err)
		err = run(g, b, c, &e);
	bot_free(b);
	buf_fini(&scratch);
	return err ? err : play.err;
}
