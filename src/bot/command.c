/* The slash commands that the bot answers itself: who speaks here, forgetting, silence, status.
 * Each stands as a trigger that no file holds, so that its answer goes the way of every reply. */
#include "bot/room.h"

#include <string.h>

#define QUIET_MINUTES 10           /* when nobody says how long */
#define QUIET_MOST    (7 * 24 * 60) /* minutes; longer is a config's business */
#define NAMES_SHOWN   20           /* personas, in one answer */

static const struct trigger commands[SLASH_OWN_COUNT] = {
#define X(upper, lower, help, option, option_help, who)                                            \
	[SLASH_##upper] = {.name = (char[]){"/" #lower}, .on = EVENT_SLASH, .is_on = true,         \
		.urgency = PRIORITY_DIRECT, .level = LEVEL_##who, .chance_pct = 100,               \
		.keeps_threads = true},
	CHAT_SLASHES(X)
#undef X
};

bool bot_command_is(const struct event *e)
{
	enum slash_own own;

	return e->kind == EVENT_SLASH && slash_own_parse(e->command, &own) == 0;
}

bool bot_command_find(const struct event *e, struct trigger_hit *hit)
{
	enum slash_own own;

	if (e->kind != EVENT_SLASH || slash_own_parse(e->command, &own))
		return false;
	memset(hit, 0, sizeof(*hit));
	hit->trigger = &commands[own];
	hit->reason = event_level(e) < commands[own].level ? REASON_LEVEL : REASON_NONE;
	return true;
}

static enum slash_own command_of(const struct trigger *t)
{
	int i = 0;

	while (i < SLASH_OWN_COUNT && t != &commands[i])
		i++;
	return (enum slash_own)i;
}

bool bot_is_command(const struct trigger *t)
{
	return command_of(t) < SLASH_OWN_COUNT;
}

/* ---- /persona -------------------------------------------------------------------------------- */

static int add_personas(const struct bot_world *w, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < w->persona_count && i < NAMES_SHOWN && !err; i++)
		err = buf_addf(out, "%s%s", i > 0 ? ", " : "", w->personas[i]->id);
	if (!err && w->persona_count > NAMES_SHOWN)
		err = buf_addf(out, " and %zu more", w->persona_count - NAMES_SHOWN);
	return err;
}

/* The persona that somebody means: by its id, else by its name. */
static const struct persona *persona_called(const struct bot_world *w, struct str name)
{
	for (size_t i = 0; i < w->persona_count; i++) {
		if (str_is_nocase(name, w->personas[i]->id))
			return w->personas[i];
	}
	for (size_t i = 0; i < w->persona_count; i++) {
		if (str_is_nocase(name, w->personas[i]->name))
			return w->personas[i];
	}
	return NULL;
}

static int choose_persona(struct bot *b, const struct turn *t, struct buf *out)
{
	const struct event *e = t->event;
	const struct persona *p = persona_called(t->world, e->text);
	const bool is_default = !p && str_is_nocase(e->text, "default");

	if (event_level(e) < LEVEL_MODERATOR)
		return buf_adds(out, "Only a moderator can choose who speaks here.");
	if (!p && !is_default) {
		int err = buf_adds(out, "There is no such persona. There are: ");

		return err ? err : add_personas(t->world, out);
	}
	const int err = bot_channel_set_persona(b, e, p ? p->id : NULL);
	if (err == ERR_LIMIT)
		return buf_adds(out, "Too many channels have a wish of their own.");
	if (err)
		return err;
	log_event(LOG_AUDIT, "bot", "persona", "community", e->channel.at, "persona",
		p ? p->id : "default", NULL);
	p = bot_channel_persona(b, t->world, e, t->hit.trigger);
	return buf_addf(out, "%s speaks here from now on, until the bot is started again.",
		p->name);
}

static int run_persona(struct bot *b, const struct turn *t, struct buf *out)
{
	const struct persona *p = t->persona;
	const bool has_more = p->description && *p->description != '\0';

	if (t->event->text.len > 0)
		return choose_persona(b, t, out);
	int err = buf_addf(out, "%s speaks here%s%s%s", p->name, has_more ? " (" : "",
		has_more ? p->description : "", has_more ? ")." : ".");
	if (!err && event_level(t->event) >= LEVEL_MODERATOR && t->world->persona_count > 1) {
		err = buf_adds(out, " There are: ");
		if (!err)
			err = add_personas(t->world, out);
	}
	return err;
}

/* ---- /forgetme ------------------------------------------------------------------------------- */

static int run_forgetme(struct bot *b, const struct turn *t, struct buf *out)
{
	const struct event *e = t->event;
	const struct erasure erasure = {.platform = e->platform, .channel = e->channel,
		.channel_id = e->channel_id, .user_id = e->user_id};

	if (e->user_id.len == 0) /* an erasure of nobody is one of all */
		return buf_adds(out, "There is nothing of you here to forget.");
	memory_erase(&b->memory, &erasure);
	bot_once_erase(b, &erasure);
	bot_summary_erase(b, &erasure);
	bot_turn_forget(b, e);
	return buf_adds(out, "What you have said to me here is forgotten.");
}

/* ---- /quiet ---------------------------------------------------------------------------------- */

static int run_quiet(struct bot *b, const struct turn *t, struct buf *out)
{
	int64_t minutes = QUIET_MINUTES;

	if (t->event->text.len > 0 && (str_int(t->event->text, &minutes) < 0 || minutes < 0 ||
			minutes > QUIET_MOST))
		return buf_addf(out, "Say for how many minutes, from 0 to %d.", QUIET_MOST);
	const int err = bot_quiet(b, t->event->channel.at, minutes * 60000);
	if (err == ERR_LIMIT)
		return buf_adds(out, "Too many channels are quiet already.");
	if (err)
		return err;
	if (minutes == 0)
		return buf_adds(out, "I may speak here again.");
	return buf_addf(out, "I am quiet here for %lld min. /quiet 0 ends it.", (long long)minutes);
}

/* ---- /status --------------------------------------------------------------------------------- */

static int add_places(const struct bot *b, struct buf *out)
{
	int err = 0;

	for (unsigned i = 0; i < BOT_PLACES_MAX && !err; i++) {
		if (b->places[i].name)
			err = buf_addf(out, ", %s %s", b->places[i].name,
				platform_state_name(b->places[i].state));
	}
	return err;
}

static int add_drops(const struct bot *b, struct buf *out)
{
	const char *before = ": ";
	int64_t drops = 0;
	int err;

	for (int i = 1; i < REASON_COUNT; i++)
		drops += b->drops[i];
	err = buf_addf(out, ", %lld dropped", (long long)drops);
	for (int i = 1; i < REASON_COUNT && !err; i++) {
		if (b->drops[i] == 0)
			continue;
		err = buf_addf(out, "%s%s %lld", before, reason_name((enum reason)i),
			(long long)b->drops[i]);
		before = ", ";
	}
	return err;
}

/* One line that fits every form: the whole is `mynah status`. */
static int run_status(struct bot *b, const struct turn *t, struct buf *out)
{
	const int64_t minutes = (clock_mono_ms() - b->began_ms) / 60000;
	const char *name, *type, *model, *last;
	enum io_breaker_state breaker;
	struct buf reasons;
	int err;

	buf_init(&reasons, 16 * 1024);
	const bool is_fine = bot_is_healthy(b, &reasons);
	buf_fini(&reasons);
	err = buf_addf(out, "%s, up %lld h %lld min", is_fine ? "healthy" : "degraded",
		(long long)(minutes / 60), (long long)(minutes % 60));
	if (!err)
		err = add_places(b, out);
	for (size_t i = 0; !err && (name = provider_state(b->providers, i, &type, &model, &breaker,
			&last)); i++) {
		if (breaker != IO_BREAKER_CLOSED)
			err = buf_addf(out, ", model %s failing", name);
	}
	if (!err)
		err = buf_addf(out, ". %lld events, %lld answered", (long long)b->events,
			(long long)b->sent);
	if (!err)
		err = add_drops(b, out);
	return err ? err : buf_addf(out, ". %zu triggers.", trigger_set_count(t->world->triggers));
}

/* ---- All of them ----------------------------------------------------------------------------- */

int bot_command_run(struct bot *b, const struct turn *t, struct buf *out)
{
	switch (command_of(t->hit.trigger)) {
	case SLASH_PERSONA: return run_persona(b, t, out);
	case SLASH_FORGETME: return run_forgetme(b, t, out);
	case SLASH_QUIET: return run_quiet(b, t, out);
	case SLASH_STATUS: return run_status(b, t, out);
	default: return 0;
	}
}

struct slash *bot_command_list(const struct bot_world *w, size_t *n)
{
	const struct slash *declared = trigger_set_slashes(w->triggers, n);
	struct slash *list = mem_array(*n + SLASH_OWN_COUNT, sizeof(*list));

	if (!list)
		return NULL;
	if (*n > 0)
		memcpy(list, declared, *n * sizeof(*list));
	for (int i = 0; i < SLASH_OWN_COUNT; i++)
		list[(*n)++] = *slash_own((enum slash_own)i);
	return list;
}
