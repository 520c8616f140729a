/* Channels that something was heard in lately: may the bot write there, and what the owner was told
 * of their lanes. They are made by what is heard, so that 50,000 channels of which ten speak are
 * ten; the longest silent make room. */
#include "platform/discord_place.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define HALLS_MAX 4000
#define SHOWN_MAX 50 /* of them in the status */

static void tell(struct platform_discord *t, struct platform_hall *h, const struct outbox_lane *l)
{
	if (h->is_told && h->told.is_open == l->is_open && h->told.is_refused == l->is_refused &&
		h->told.hold_until_ms == l->hold_until_ms)
		return;
	h->is_told = !t->owner.lane || t->owner.lane(t->owner.ctx, t->place, h->channel, l) == 0;
	h->told = *l;
}

/* Where Discord says no, what wants to be said ends `refused`. */
static void tell_lane(struct platform_discord *t, struct platform_hall *h, bool is_open)
{
	const struct outbox_lane open = {
		.is_open = true, .is_privileged = true, .hold_until_ms = h->hold_until_ms};
	const struct outbox_lane refused = {.is_refused = true};

	tell(t, h, is_open ? &open : &refused);
}

static void hall_free(struct platform_discord *t, struct platform_hall *h)
{
	HASH_DEL(t->halls, h);
	DL_DELETE(t->silent, h);
	mem_free(h);
}

static void hall_close(struct platform_discord *t, struct platform_hall *h)
{
	tell(t, h, &(struct outbox_lane){0});
	hall_free(t, h);
}

static struct platform_hall *find(const struct platform_discord *t, uint64_t channel)
{
	struct platform_hall *h;

	HASH_FIND(hh, t->halls, &channel, sizeof(channel), h);
	return h;
}

static struct platform_hall *hall_new(struct platform_discord *t, uint64_t guild, uint64_t channel)
{
	struct platform_hall *h;

	if (HASH_COUNT(t->halls) >= HALLS_MAX)
		hall_close(t, t->silent);
	h = mem_new(sizeof(*h));
	if (!h)
		return NULL;
	h->id = channel;
	h->guild = guild;
	snprintf(h->channel, sizeof(h->channel), "%llu", (unsigned long long)channel);
	HASH_ADD(hh, t->halls, id, sizeof(h->id), h);
	if (!hash_has(h)) {
		mem_free(h);
		return NULL;
	}
	DL_APPEND(t->silent, h);
	return h;
}

/* As far as is known: Discord says if not. */
static bool may(struct platform_discord *t, struct platform_hall *h)
{
	const struct platform_guild *g = h->guild ? platform_guild_find(t->guilds, h->guild) : NULL;
	struct platform_guild_channel facts;

	if (!h->is_looked && g && platform_guild_channel(g, h->id, &facts)) {
		h->may_write = platform_guild_self_may(t->guilds, g, h->id) &
			       (facts.is_thread ? PLATFORM_MAY_SEND_IN_THREADS : PLATFORM_MAY_SEND);
		h->is_looked = true;
	}
	return !h->refused && (!h->is_looked || h->may_write);
}

int platform_hall_hear(struct platform_discord *t, uint64_t guild, uint64_t channel,
	bool is_command, bool *is_heard)
{
	struct platform_hall *h = find(t, channel);
	bool may_write;

	if (!h)
		h = hall_new(t, guild, channel);
	if (!h)
		return ERR_NOMEM;
	if (h->next) { /* it is not the last one heard */
		DL_DELETE(t->silent, h);
		DL_APPEND(t->silent, h);
	}
	may_write = may(t, h);
	tell_lane(t, h, is_command || may_write); /* commands are answered by other means */
	*is_heard =
		is_command || may_write || h->refused || platform_rules_name(&t->rules, channel);
	return 0;
}

void platform_halls_changed(struct platform_discord *t, uint64_t guild)
{
	struct platform_hall *h;

	DL_FOREACH (t->silent, h) {
		if (h->guild != guild)
			continue;
		h->is_looked = false;
		h->refused = 0;
	}
}

void platform_halls_reload(struct platform_discord *t)
{
	struct platform_hall *h, *next;

	DL_FOREACH_SAFE (t->silent, h, next) {
		const struct platform_guild *g =
			h->guild ? platform_guild_find(t->guilds, h->guild) : NULL;

		h->refused = 0; /* somebody may have mended it */
		h->is_looked = false;
		if (h->guild ? !platform_rules_hear(&t->rules, g, h->id) : !t->rules.direct)
			hall_close(t, h);
	}
}

void platform_hall_closed(void *ctx, const char *channel_id, int64_t for_ms, int code)
{
	struct platform_discord *t = ctx;
	struct platform_hall *h = find(t, platform_snowflake(str_of(channel_id)));

	if (!h)
		return;
	if (for_ms > 0) {
		h->hold_until_ms = clock_mono_ms() + for_ms;
		tell_lane(t, h, true);
		return;
	}
	if (!h->refused)
		log_event(LOG_ERROR, "platform", "channel_refused", "community", h->channel,
			LOG_INT("code", code), NULL);
	h->refused = code ? code : 50013;
	tell_lane(t, h, false);
	platform_discord_look(t, 0);
}

void platform_halls_free(struct platform_discord *t)
{
	while (t->silent)
		hall_free(t, t->silent);
}

static int add_hall(
	const struct platform_discord *t, const struct platform_hall *h, struct buf *out)
{
	const struct platform_guild *g = h->guild ? platform_guild_find(t->guilds, h->guild) : NULL;
	struct platform_guild_channel facts = {0};
	const char *state = h->refused || (h->is_looked && !h->may_write) ? "refused"
			    : h->told.hold_until_ms > clock_mono_ms()     ? "held"
									  : "open";
	int err;

	if (g)
		(void)platform_guild_channel(g, h->id, &facts); /* without a name its id is shown */
	err = buf_addf(out, "{\"id\":\"%s\",\"name\":", h->channel);
	if (!err)
		err = json_add_string(out, facts.name.len > 0 ? facts.name : str_of(h->channel));
	return err ? err : buf_addf(out, ",\"state\":\"%s\",\"code\":%d}", state, h->refused);
}

/* The last ones heard. */
int platform_halls_status(const struct platform_discord *t, struct buf *out)
{
	const struct platform_hall *h = t->silent ? t->silent->prev : NULL;
	int err = buf_adds(out, ",\"channels\":[");

	for (unsigned n = 0; h && !err && n < SHOWN_MAX; n++) {
		if (n > 0)
			err = buf_addc(out, ',');
		if (!err)
			err = add_hall(t, h, out);
		h = h == t->silent ? NULL : h->prev;
	}
	return err ? err : buf_addf(out, "],\"heard\":%u", HASH_COUNT(t->halls));
}
