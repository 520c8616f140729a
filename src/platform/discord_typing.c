/* "is typing", while a model works on an answer. */
#include "platform/discord_say_room.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_guild.h"

#define LASTS_MS (3 * 60000) /* discord_say.h */
#define CALL_MS 3000         /* later it would be of no use */
#define TYPINGS_MAX 256

static void drop(struct platform_typing *t)
{
	platform_rest_cancel(t->task);
	DL_DELETE(t->all->typings, t);
	mem_free(t);
}

void platform_typings_free(struct platform_sayings *s)
{
	struct platform_typing *t, *next;

	DL_FOREACH_SAFE(s->typings, t, next)
		drop(t);
}

void platform_typing_stop(struct platform_sayings *s, const char *turn)
{
	struct platform_typing *t, *next;

	DL_FOREACH_SAFE(s->typings, t, next) {
		if (strcmp(t->turn, turn) == 0)
			drop(t);
	}
}

void platform_discord_typing(struct platform_sayings *s, const char *turn, const char *channel_id,
	bool is_on)
{
	struct platform_typing *t;
	unsigned n = 0;

	platform_typing_stop(s, turn);
	DL_COUNT(s->typings, t, n);
	if (!is_on || s->is_doomed || n >= TYPINGS_MAX ||
			platform_snowflake(str_of(channel_id)) == 0)
		return;
	t = mem_new(sizeof(*t));
	if (!t)
		return; /* nobody is told, that is all */
	t->all = s;
	snprintf(t->turn, sizeof(t->turn), "%s", turn);
	snprintf(t->channel_id, sizeof(t->channel_id), "%s", channel_id);
	t->next_ms = clock_mono_ms();
	t->until_ms = t->next_ms + LASTS_MS;
	DL_APPEND(s->typings, t);
	platform_sayings_soon(s);
}

static void on_answer(void *ctx, const struct platform_rest_answer *a)
{
	struct platform_typing *t = ctx;
	bool is_told = t->is_over;

	t->task = NULL;
	/* What is refused is not asked for again; what failed may work the next time. */
	t->is_over = t->is_over || (a->status >= 400 && a->status < 500 && a->status != 429);
	if (!is_told && platform_rest_error(a->code, a->field)->act == PLATFORM_REST_CLOSE)
		platform_sayings_shut(t->all, t->channel_id, 0, a->code);
	platform_sayings_soon(t->all);
}

/* Several turns at once in one channel need it only once. */
static bool is_first(const struct platform_typing *t)
{
	const struct platform_typing *other;

	DL_FOREACH(t->all->typings, other) {
		if (strcmp(other->channel_id, t->channel_id) == 0)
			return other == t;
	}
	return true;
}

static void show(struct platform_typing *t)
{
	char path[64];
	struct platform_rest_call c = {.method = "POST", .path = path, .is_once = true,
		.deadline_ms = CALL_MS, .done = on_answer, .ctx = t};

	snprintf(path, sizeof(path), "/channels/%s/typing", t->channel_id);
	if (!t->task && is_first(t))
		t->task = platform_rest_start(t->all->o.rest, &c);
}

int64_t platform_typings_tend(struct platform_sayings *s, int64_t now_ms)
{
	struct platform_typing *t, *next;
	int64_t due = INT64_MAX;

	DL_FOREACH_SAFE(s->typings, t, next) {
		if ((t->is_over && !t->task) || now_ms >= t->until_ms) {
			drop(t);
			continue;
		}
		if (now_ms >= t->next_ms) {
			t->next_ms = now_ms + PLATFORM_TYPING_MS;
			show(t);
		}
		due = t->next_ms < due ? t->next_ms : due;
	}
	return due;
}
