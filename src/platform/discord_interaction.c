/* Answers to slash commands: "thinking..." at once, and what follows within 15 min. */
#include "platform/discord_say_room.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_guild.h"

#define CALLBACK_MS 2500           /* discord.md 7: 3 s from receipt */
#define KEPT_MS PLATFORM_INTERACTION_MS /* after it is over: nothing answers it later than that */
#define TOKEN_BYTES_MAX 512

static void forget(struct platform_interaction *i)
{
	struct platform_saying *s;

	DL_FOREACH(i->all->sayings, s) {
		if (s->interaction == i)
			return; /* it goes after those */
	}
	platform_interaction_over(i);
	platform_rest_cancel(i->task);
	HASH_DEL(i->all->interactions, i);
	mem_free(i);
}

void platform_interaction_over(struct platform_interaction *i)
{
	if (i->state == PLATFORM_INTERACTION_OVER)
		return;
	i->state = PLATFORM_INTERACTION_OVER;
	i->until_ms = clock_mono_ms() + KEPT_MS;
	secret_wipe(i->token, strlen(i->token));
	mem_free(i->token);
	i->token = NULL;
}

void platform_interactions_free(struct platform_sayings *s)
{
	struct platform_interaction *i, *next;

	HASH_ITER(hh, s->interactions, i, next)
		forget(i);
}

struct platform_interaction *platform_interaction_find(struct platform_sayings *s, struct str id)
{
	struct platform_interaction *i;

	HASH_FIND(hh, s->interactions, id.at ? id.at : "", id.len, i);
	return i;
}

int64_t platform_interactions_tend(struct platform_sayings *s, int64_t now_ms)
{
	struct platform_interaction *i, *next;
	int64_t due = INT64_MAX;

	HASH_ITER(hh, s->interactions, i, next) {
		if (now_ms >= i->until_ms && i->state == PLATFORM_INTERACTION_OVER) {
			forget(i);
			continue;
		}
		if (now_ms >= i->until_ms)
			platform_interaction_over(i);
		due = i->until_ms < due ? i->until_ms : due;
	}
	return due;
}

/* ---- The callback ---------------------------------------------------------------------------- */

/* What nobody knows counts as answered: the edit that follows will tell. */
static void on_deferred(void *ctx, const struct platform_rest_answer *a)
{
	struct platform_interaction *i = ctx;
	const struct platform_rest_error *e = platform_rest_error(a->code, a->field);
	bool is_refused = a->err != 0 && a->status >= 400 && a->status < 500 &&
		e->act != PLATFORM_REST_ANSWERED;
	char why[PLATFORM_CODE_BYTES];

	i->task = NULL;
	if (a->err != 0) {
		(void)platform_saying_read(a, why);
		log_event(LOG_INFO, "platform", "discord_not_deferred", "result", why, "message",
			e->advice ? e->advice : a->why, NULL);
	}
	if (is_refused)
		platform_interaction_over(i);
	else if (i->state == PLATFORM_INTERACTION_PENDING)
		i->state = PLATFORM_INTERACTION_OPEN;
	platform_sayings_soon(i->all);
}

static int call_back(struct platform_interaction *i)
{
	struct buf path;
	int err;

	buf_init(&path, PLATFORM_SNOWFLAKE_BYTES + TOKEN_BYTES_MAX + 64);
	err = buf_addf(&path, "/interactions/%s/%s/callback", i->id, i->token);
	if (err == 0) {
		struct platform_rest_call c = {.method = "POST", .path = buf_text(&path),
			.body = i->is_ephemeral ? STR("{\"type\":5,\"data\":{\"flags\":64}}") :
			STR("{\"type\":5}"), .is_interaction = true, .deadline_ms = CALLBACK_MS,
			.done = on_deferred, .ctx = i};
		i->task = platform_rest_start(i->all->o.rest, &c);
		err = i->task ? 0 : ERR_NOMEM;
	}
	if (path.at)
		secret_wipe(path.at, path.len);
	buf_fini(&path);
	return err;
}

/* It goes into paths. */
static bool is_token(struct str s)
{
	size_t i = 0;

	while (i < s.len && (ascii_is_alnum(s.at[i]) || strchr("-._~=+", s.at[i])))
		i++;
	return i > 0 && i == s.len && i <= TOKEN_BYTES_MAX;
}

int platform_interaction_defer(struct platform_sayings *s, struct str id, struct str token,
	bool is_ephemeral)
{
	struct platform_interaction *i;
	int err;

	if (platform_snowflake(id) == 0 || !is_token(token))
		return ERR_INVALID;
	if (s->is_doomed || HASH_COUNT(s->interactions) >= PLATFORM_INTERACTIONS_MAX)
		return ERR_LIMIT;
	if (platform_interaction_find(s, id))
		return 0; /* one callback each (discord.md 7) */
	i = mem_new(sizeof(*i));
	if (!i)
		return ERR_NOMEM;
	i->all = s;
	snprintf(i->id, sizeof(i->id), "%.*s", STR_FMT(id));
	i->is_ephemeral = is_ephemeral;
	i->until_ms = clock_mono_ms() + PLATFORM_INTERACTION_MS;
	i->token = mem_dupn(token.at, token.len);
	HASH_ADD_STR(s->interactions, id, i);
	if (!i->token || !hash_has(i)) {
		err = ERR_NOMEM;
	} else {
		err = call_back(i);
	}
	if (err < 0) {
		if (hash_has(i))
			HASH_DEL(s->interactions, i);
		if (i->token)
			secret_wipe(i->token, token.len);
		mem_free(i->token);
		mem_free(i);
	}
	return err;
}

/* ---- The end --------------------------------------------------------------------------------- */

void platform_interaction_close(struct platform_sayings *s, struct str id, const char *text)
{
	struct platform_interaction *i = platform_interaction_find(s, id);
	struct platform_saying *one;

	if (!i || i->state == PLATFORM_INTERACTION_OVER)
		return;
	DL_FOREACH(s->sayings, one) {
		if (one->interaction != i || one->is_over)
			continue;
		if (one->is_final)
			return; /* it is being answered */
		break;
	}
	if (!one)
		one = platform_saying_new(s, "", NULL, i->id);
	if (!one)
		return; /* it ends by itself, in 15 min */
	one->is_final = true;
	one->is_withdrawn = one->is_broken = false;
	if (platform_saying_set(one, str_of(text)) < 0)
		platform_saying_over(one, REASON_REFUSED, "");
	platform_sayings_soon(s);
}
