/* What shall be said on Discord, and what became of it. */
#include "platform/discord_say_room.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_guild.h"
#include "platform/discord_markup.h"

#define TEXT_BYTES_MAX (64 * 1024)

/* ---- Memory ---------------------------------------------------------------------------------- */

static void free_parts(struct platform_saying *s)
{
	for (unsigned i = 0; i < s->part_count; i++)
		mem_free(s->parts[i]);
	s->part_count = 0;
}

static void saying_free(struct platform_saying *s)
{
	platform_rest_cancel(s->task);
	DL_DELETE(s->all->sayings, s);
	s->all->count--;
	free_parts(s);
	for (unsigned i = 0; i < PLATFORM_PARTS_MAX; i++)
		mem_free(s->messages[i].text);
	mem_free(s->sent);
	mem_free(s->channel_id);
	mem_free(s->to_id);
	reply_free(s->reply);
	mem_free(s);
}

static void free_what_is_said(struct platform_sayings *s)
{
	struct platform_saying *one, *next;
	struct platform_shut *shut;
	struct reply *r, *after;

	DL_FOREACH_SAFE(s->sayings, one, next)
		saying_free(one);
	platform_typings_free(s);
	platform_interactions_free(s);
	DL_FOREACH_SAFE(s->refused, r, after) {
		DL_DELETE(s->refused, r);
		reply_free(r);
	}
	while ((shut = s->shuts) != NULL) {
		s->shuts = shut->next;
		mem_free(shut);
	}
}

static void free_all(struct platform_sayings *s)
{
	free_what_is_said(s);
	io_timer_free(s->timer);
	mem_free(s);
}

void platform_sayings_free(struct platform_sayings *s)
{
	if (!s || s->is_doomed)
		return;
	s->is_doomed = true;
	io_timer_stop(s->timer);
	if (s->depth == 0)
		free_all(s);
	else
		free_what_is_said(s);
}

void platform_sayings_soon(struct platform_sayings *s)
{
	if (!s->is_doomed)
		io_timer_start(s->timer, 0);
}

/* ---- One answer ------------------------------------------------------------------------------ */

static int keep_part(void *ctx, struct str text)
{
	struct platform_saying *s = ctx;
	char *copy = mem_dupn(text.at, text.len);

	if (!copy)
		return ERR_NOMEM;
	s->parts[s->part_count++] = copy;
	return 0;
}

int platform_saying_set(struct platform_saying *s, struct str text)
{
	struct buf safe;
	int err;

	buf_init(&safe, TEXT_BYTES_MAX);
	err = platform_markup_defuse(text, &safe);
	free_parts(s);
	if (err == 0)
		err = platform_split(buf_str(&safe), PLATFORM_DISCORD_POINTS, s->all->parts,
			keep_part, s);
	buf_fini(&safe);
	return err;
}

struct platform_saying *platform_saying_new(struct platform_sayings *all, const char *turn,
	const char *channel_id, const char *to_id)
{
	struct platform_saying *s;

	if (all->is_doomed || all->count >= PLATFORM_SAYINGS_MAX)
		return NULL;
	s = mem_new(sizeof(*s));
	if (!s)
		return NULL;
	s->all = all;
	snprintf(s->turn, sizeof(s->turn), "%s", turn);
	s->until_ms = clock_mono_ms() + PLATFORM_INTERACTION_MS;
	DL_APPEND(all->sayings, s);
	all->count++;
	s->channel_id = mem_dup(channel_id);
	s->to_id = mem_dup(to_id);
	if ((channel_id && !s->channel_id) || (to_id && !s->to_id)) {
		saying_free(s);
		return NULL;
	}
	s->interaction = to_id ? platform_interaction_find(all, str_of(to_id)) : NULL;
	s->message_count = s->interaction ? 1 : 0; /* "thinking..." */
	return s;
}

void platform_saying_over(struct platform_saying *s, enum reason r, const char *why)
{
	if (s->is_over)
		return;
	s->is_over = true;
	s->reason = r;
	snprintf(s->why, sizeof(s->why), "%s", why);
	if (s->interaction && s->is_final)
		platform_interaction_over(s->interaction);
	platform_sayings_soon(s->all);
}

static bool is_streaming(const struct platform_saying *s)
{
	return !s->is_final && !s->is_withdrawn;
}

static void withdraw(struct platform_saying *s)
{
	free_parts(s);
	s->is_withdrawn = true;
}

/* The one of this turn that can still change. */
static struct platform_saying *find_open(struct platform_sayings *all, const char *turn)
{
	struct platform_saying *s;

	DL_FOREACH(all->sayings, s) {
		if (is_streaming(s) && strcmp(s->turn, turn) == 0)
			return s;
	}
	return NULL;
}

/* An answer that says no is a no; one that failed, or that nobody can read, may have come after
 * the message was said (faults.md R8). */
enum reason platform_saying_read(const struct platform_rest_answer *a,
	char why[PLATFORM_CODE_BYTES])
{
	if (a->err == ERR_CLOSED || a->err == ERR_PARSE) {
		snprintf(why, PLATFORM_CODE_BYTES, "no_answer");
		return REASON_UNKNOWN_SENT;
	}
	if (a->code > 0)
		snprintf(why, PLATFORM_CODE_BYTES, "%d", a->code);
	else if (a->status > 0)
		snprintf(why, PLATFORM_CODE_BYTES, "http_%d", a->status);
	else
		snprintf(why, PLATFORM_CODE_BYTES, "%s", a->err == ERR_BUSY ? "rate_limit" :
			a->err == ERR_DENIED ? "no_login" : "not_connected");
	return a->status >= 500 ? REASON_UNKNOWN_SENT : REASON_REFUSED;
}

/* ---- Channels that are closed ---------------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

void platform_sayings_shut(struct platform_sayings *s, const char *channel_id, int64_t for_ms,
	int code)
{
	struct platform_shut *shut = mem_new(sizeof(*shut));
	struct platform_saying *one;
	struct platform_typing *t;
	char why[PLATFORM_CODE_BYTES];

	snprintf(why, sizeof(why), "%d", code);
	DL_FOREACH(s->typings, t)
		t->is_over = t->is_over || (for_ms == 0 && strcmp(t->channel_id, channel_id) == 0);
	DL_FOREACH(s->sayings, one) {
		if (for_ms > 0 || one->interaction || !is_same(one->channel_id, channel_id))
			continue;
		if (one->task)
			one->is_shut = true;
		else if (one->is_final)
			platform_saying_over(one, REASON_REFUSED, why);
	}
	if (!shut)
		return; /* the next refusal tells it */
	snprintf(shut->channel_id, sizeof(shut->channel_id), "%s", channel_id);
	shut->for_ms = for_ms;
	shut->code = code;
	LL_APPEND(s->shuts, shut);
	platform_sayings_soon(s);
}

/* ---- What is told ---------------------------------------------------------------------------- */

static void tell_reply(struct platform_sayings *s, struct reply *r, enum reason reason,
	const char *why)
{
	s->o.outcome(s->o.ctx, r->turn, reason, why);
	reply_free(r);
}

static bool tell_one(struct platform_sayings *s)
{
	struct platform_shut *shut = s->shuts;
	struct reply *r = s->refused;
	struct platform_saying *one;

	if (shut) {
		LL_DELETE(s->shuts, shut);
		s->o.closed(s->o.ctx, shut->channel_id, shut->for_ms, shut->code);
		mem_free(shut);
		return true;
	}
	if (r) {
		DL_DELETE(s->refused, r);
		tell_reply(s, r, REASON_REFUSED, r->owner);
		return true;
	}
	DL_FOREACH(s->sayings, one) {
		if (one->is_over) {
			enum reason reason = one->reason;
			char why[PLATFORM_CODE_BYTES];

			memcpy(why, one->why, sizeof(why));
			r = one->reply;
			one->reply = NULL;
			saying_free(one);
			if (r)
				tell_reply(s, r, reason, why); /* the owner may free everything */
			return true;
		}
	}
	return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void work(void *ctx)
{
	struct platform_sayings *s = ctx;
	int64_t now_ms = clock_mono_ms(), due;
	struct platform_saying *one;

	s->depth++;
	due = earlier(platform_interactions_tend(s, now_ms), platform_typings_tend(s, now_ms));
	DL_FOREACH(s->sayings, one) {
		if (is_streaming(one) && now_ms >= one->until_ms)
			withdraw(one);
		due = earlier(due, platform_saying_step(one, now_ms));
		due = is_streaming(one) ? earlier(due, one->until_ms) : due;
	}
	while (!s->is_doomed && tell_one(s))
		;
	if (!s->is_doomed && due != INT64_MAX && !io_timer_is_on(s->timer))
		io_timer_start(s->timer, due > now_ms ? due - now_ms : 0);
	s->depth--;
	if (s->is_doomed && s->depth == 0)
		free_all(s);
}

/* ---- What is asked for ----------------------------------------------------------------------- */

static void refuse(struct platform_sayings *s, struct reply *r, const char *why)
{
	r->owner = (void *)(uintptr_t)why; /* static */
	DL_APPEND(s->refused, r);
	platform_sayings_soon(s);
}

/* TAKES r: the answer of its turn gets its final text. */
static void finish(struct platform_saying *s, struct reply *r)
{
	int err = platform_saying_set(s, str_of(r->text));
	char why[PLATFORM_CODE_BYTES];

	memcpy(why, s->why, sizeof(why));
	s->reply = r;
	s->is_final = true;
	if (s->is_broken)
		platform_saying_over(s, s->reason, why);
	else if (err < 0)
		platform_saying_over(s, REASON_REFUSED, "no_memory");
	else if (s->part_count == 0)
		platform_saying_over(s, REASON_REFUSED, "unsayable");
	platform_sayings_soon(s->all);
}

static bool can_refer(const struct platform_sayings *s, struct str to_id)
{
	return s->has_threads && platform_snowflake(to_id) != 0;
}

void platform_discord_say(struct platform_sayings *s, struct reply *r)
{
	struct platform_saying *one = find_open(s, r->turn);

	platform_typing_stop(s, r->turn);
	if (!one) {
		if (platform_snowflake(str_of(r->channel_id)) == 0) {
			refuse(s, r, "no_channel_id");
			return;
		}
		one = platform_saying_new(s, r->turn, r->channel_id, r->to_id);
		if (!one) {
			refuse(s, r, "no_memory");
			return;
		}
		one->has_reference = !one->interaction && r->is_thread &&
			can_refer(s, str_of(r->to_id));
	}
	finish(one, r);
}

int platform_discord_so_far(struct platform_sayings *s, const char *turn, const struct event *e,
	struct str text)
{
	struct platform_saying *one = find_open(s, turn);
	char channel_id[PLATFORM_SNOWFLAKE_BYTES], to_id[PLATFORM_SNOWFLAKE_BYTES];

	if (platform_snowflake(e->channel_id) == 0)
		return 0;
	if (!one) {
		snprintf(channel_id, sizeof(channel_id), "%.*s", STR_FMT(e->channel_id));
		snprintf(to_id, sizeof(to_id), "%.*s",
			STR_FMT(platform_snowflake(e->id) != 0 ? e->id : STR("")));
		one = platform_saying_new(s, turn, channel_id, to_id[0] ? to_id : NULL);
		if (!one)
			return ERR_NOMEM;
		one->has_reference = !one->interaction && can_refer(s, e->id);
	}
	platform_typing_stop(s, turn);
	platform_sayings_soon(s);
	return platform_saying_set(one, text);
}

void platform_discord_unsay(struct platform_sayings *s, const char *turn)
{
	struct platform_saying *one = find_open(s, turn);

	platform_typing_stop(s, turn);
	if (!one)
		return;
	withdraw(one);
	platform_sayings_soon(s);
}

/* ---- Life ------------------------------------------------------------------------------------ */

void platform_sayings_set(struct platform_sayings *s, const struct conf_place *conf)
{
	s->parts = conf->parts < 1 ? 1 : conf->parts > PLATFORM_PARTS_MAX ? PLATFORM_PARTS_MAX :
		(unsigned)conf->parts;
	s->has_threads = conf->reply_threads;
	s->has_pings = conf->pings;
}

void platform_sayings_self(struct platform_sayings *s, const char *application_id)
{
	if (platform_snowflake(str_of(application_id)) != 0)
		snprintf(s->self, sizeof(s->self), "%s", application_id);
	platform_sayings_soon(s);
}

int platform_sayings_new(const struct platform_sayings_options *o, struct platform_sayings **out)
{
	struct platform_sayings *s = mem_new(sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->io = o->io;
	s->o = *o;
	s->parts = 1;
	s->timer = io_timer_new(o->io, work, s);
	if (!s->timer) {
		mem_free(s);
		return ERR_NOMEM;
	}
	*out = s;
	return 0;
}
