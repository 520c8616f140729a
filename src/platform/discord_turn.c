/* What becomes of turns, where Discord has a way to show it; and the slash commands: which are
 * offered, that each is answered within 3 s with "thinking", and that none is left so. */
#include "platform/discord_place.h"

#include <stdio.h>

/* What who called a command reads when there is no answer. */
static const char *sorry(enum reason r)
{
	switch (r) {
	case REASON_LATE: return "That took too long. Please try again later.";
	case REASON_PROVIDER:
	case REASON_BREAKER: return "No model answers at present. Please try again later.";
	case REASON_BUDGET: return "I have answered enough for now. Please try again later.";
	case REASON_COOLDOWN_USER:
	case REASON_COOLDOWN_CHANNEL:
	case REASON_COOLDOWN_GLOBAL: return "Not so fast: this command needs a rest.";
	case REASON_BUSY:
	case REASON_FULL: return "That is too much at once. Please try again in a moment.";
	case REASON_LEVEL: return "You may not use this command.";
	case REASON_IGNORED_USER:
	case REASON_BOT: return "I do not answer you.";
	case REASON_QUIET: return "I was asked to be quiet here.";
	case REASON_UNSAFE:
	case REASON_DECLINED: return "I would rather not answer that.";
	case REASON_TWIN: return "I have just said that here.";
	case REASON_STOPPED: return "I am about to leave. Please try again in a minute.";
	case REASON_GONE: return "This was taken back.";
	default: return "There is no answer to that.";
	}
}

void platform_discord_turn(void *self, const struct platform_turn *step)
{
	struct platform_discord *t = self;
	const struct event *e = step->event;
	char channel[PLATFORM_SNOWFLAKE_BYTES];

	if (t->is_stopping || e->channel_id.len >= sizeof(channel))
		return;
	snprintf(channel, sizeof(channel), "%.*s", STR_FMT(e->channel_id));
	switch (step->step) {
	case PLATFORM_TURN_THINKING:
		if (t->conf.typing &&
			e->kind != EVENT_SLASH) /* which shows that it thinks already */
			platform_discord_typing(t->sayings, step->turn, channel, true);
		break;
	case PLATFORM_TURN_SO_FAR:
		if (t->conf.edits)
			platform_sessions_mark(t->sessions);
		if (t->conf.edits && platform_discord_so_far(t->sayings, step->turn, e, step->text))
			log_event(LOG_DEBUG, "platform", "not_shown", "turn", step->turn, NULL);
		break;
	case PLATFORM_TURN_OVER:
		platform_discord_typing(t->sayings, step->turn, channel, false);
		platform_discord_unsay(t->sayings, step->turn);
		if (e->kind == EVENT_SLASH)
			platform_interaction_close(t->sayings, e->id, sorry(step->reason));
		break;
	}
}

/* ---- Commands -------------------------------------------------------------------------------- */

static const struct platform_offer *find_offer(const struct platform_discord *t, struct str name)
{
	for (size_t i = 0; i < t->offer_n; i++)
		if (str_is(name, t->offers[i].name))
			return &t->offers[i];
	return NULL;
}

bool platform_discord_accept(
	struct platform_discord *t, const struct event *e, struct str token, bool is_heard)
{
	const struct platform_offer *offer = find_offer(t, e->command);
	const bool is_alone = !offer || !is_heard || offer->is_private;

	platform_sessions_mark(t->sessions);
	if (platform_interaction_defer(t->sayings, e->id, token, is_alone)) {
		metric_add(&platform_dispatches_dropped, "nomem", 1);
		return false;
	}
	if (!is_heard)
		platform_interaction_close(t->sayings, e->id, "I do not answer here.");
	else if (!offer)
		platform_interaction_close(
			t->sayings, e->id, "This command is not there any more.");
	return offer && is_heard;
}

int platform_discord_offer(struct platform_discord *t, const struct platform_wants *w)
{
	const size_t n = w->slash_count < PLATFORM_DISCORD_SLASHES ? w->slash_count
								   : PLATFORM_DISCORD_SLASHES;
	struct platform_offer *offers = mem_array(n + 1, sizeof(*offers));
	int err = offers ? 0 : ERR_NOMEM;

	if (!err)
		err = platform_commands_want(t->commands, w->slashes, n);
	if (err) {
		mem_free(offers);
		return err;
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(offers[i].name, sizeof(offers[i].name), "%s", w->slashes[i].name);
		offers[i].is_private = w->slashes[i].is_private;
	}
	mem_free(t->offers);
	t->offers = offers;
	t->offer_n = n;
	return 0;
}

void platform_discord_place_commands(struct platform_discord *t)
{
	const bool is_in_guilds = t->conf.commands == CONF_COMMANDS_GUILD;
	const size_t n = is_in_guilds ? platform_guilds_count(t->guilds) : 0;
	char(*text)[PLATFORM_SNOWFLAKE_BYTES] = mem_array(n + 1, sizeof(*text));
	const char **ids = mem_array(n + 1, sizeof(*ids));
	int err = 0;

	t->place_ms = 0;
	for (size_t i = 0; i < n && text && ids; i++) {
		snprintf(text[i], sizeof(text[i]), "%llu",
			(unsigned long long)platform_guild_id(platform_guilds_at(t->guilds, i)));
		ids[i] = text[i];
	}
	if (!text || !ids)
		err = ERR_NOMEM;
	else if (!t->facts.application_id[0])
		err = 0; /* it is asked for */
	else if (is_in_guilds && !t->is_told_servers)
		err = platform_commands_where_known(
			t->commands, t->facts.application_id, ids, n);
	else if (!is_in_guilds || n > 0)
		err = platform_commands_where(t->commands, t->facts.application_id,
			t->conf.commands == CONF_COMMANDS_GLOBAL, ids, n);
	if (err)
		log_event(
			LOG_ERROR, "platform", "commands_not_placed", "place", t->conf.name, NULL);
	mem_free(text);
	mem_free(ids);
}
