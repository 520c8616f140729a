/* Whom and where to hear, as the config says it. */
#include "platform/discord_event.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void add_roles(struct platform_rules *r, const struct conf_texts *ids, enum level level)
{
	for (size_t i = 0; i < ids->n; i++)
		r->roles[r->role_n++] =
			(struct platform_rule_role){platform_snowflake(str_of(ids->at[i])), level};
}

int platform_rules_copy(const struct conf_place *c, struct platform_rules *out)
{
	struct platform_rules r = {.direct = c->direct,
		.hears_bots = c->hears_bots,
		.has_moderators = c->moderators.n > 0};

	r.channels = c->channels.n ? mem_array(c->channels.n, sizeof(*r.channels)) : NULL;
	r.roles = mem_array(c->broadcasters.n + c->moderators.n + c->vips.n + c->subscribers.n + 1,
		sizeof(*r.roles));
	if (!r.roles || (c->channels.n > 0 && !r.channels)) {
		platform_rules_fini(&r);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < c->channels.n; i++)
		r.channels[r.channel_n++] = platform_snowflake(str_of(c->channels.at[i]));
	if (r.channel_n > 0)
		qsort(r.channels, r.channel_n, sizeof(*r.channels), by_id);
	add_roles(&r, &c->broadcasters, LEVEL_BROADCASTER);
	add_roles(&r, &c->moderators, LEVEL_MODERATOR);
	add_roles(&r, &c->vips, LEVEL_VIP);
	add_roles(&r, &c->subscribers, LEVEL_SUBSCRIBER);
	platform_rules_fini(out);
	*out = r;
	return 0;
}

void platform_rules_fini(struct platform_rules *r)
{
	mem_free(r->channels);
	mem_free(r->roles);
	memset(r, 0, sizeof(*r));
}

bool platform_rules_name(const struct platform_rules *r, uint64_t channel)
{
	return r->channel_n > 0 &&
	       bsearch(&channel, r->channels, r->channel_n, sizeof(channel), by_id);
}

bool platform_rules_hear(
	const struct platform_rules *r, const struct platform_guild *g, uint64_t channel)
{
	struct platform_guild_channel facts;

	if (r->channel_n == 0 || platform_rules_name(r, channel))
		return true;
	return g && platform_guild_channel(g, channel, &facts) && facts.is_thread &&
	       platform_rules_name(r, facts.parent);
}
