/* What is wrong though the connection stands, found out before anybody wonders about silence: a
 * switch of the developer portal that is off, channels that are not there, permissions that are
 * missing. One sentence each, which says what to click; in the status while it is so, in the log
 * once. */
#include "platform/discord_place.h"

#include <stdio.h>
#include <string.h>

#define PROBLEMS_MAX  20
#define PROBLEM_BYTES 512
#define MUTE_MAX      5     /* channels named in one sentence */
#define TEXT          0     /* type of a channel */
#define SETTLE_MS     15000 /* servers that have not come by then are not waited for */
#define PORTAL        "https://discord.com/developers/applications"

/* View Channel, Send Messages, Read Message History, Send Messages in Threads: what an invitation
 * asks for. */
#define INVITE_PERMISSIONS "274877975552"
#define NEEDED                                                               \
	(PLATFORM_MAY_VIEW | PLATFORM_MAY_SEND | PLATFORM_MAY_READ_HISTORY | \
		PLATFORM_MAY_SEND_IN_THREADS)

void platform_discord_look(struct platform_discord *t, int64_t in_ms)
{
	if (t->diagnose_ms == 0)
		t->diagnose_ms = clock_mono_ms() + in_ms + 1;
	platform_discord_soon(t);
}

/* One line more; logged if it did not stand among those of before. */
static void note(struct platform_discord *t, const struct buf *before, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static void note(struct platform_discord *t, const struct buf *before, const char *fmt, ...)
{
	char line[PROBLEM_BYTES];
	va_list ap;
	int n;

	if (t->problem_n >= PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (!strstr(buf_text(before), line))
		log_event(LOG_ERROR, "platform", "discord_problem", "place", t->conf.name,
			"message", line, NULL);
	if (!buf_addf(&t->problems, "%s\n", line))
		t->problem_n++;
}

static void look_at_switches(struct platform_discord *t, const struct buf *before)
{
	if (t->wants.kinds & EVENT_BIT(EVENT_MESSAGE) && !t->facts.has_content)
		note(t, before,
			"Discord shows the bot only messages that mention it: switch on Message "
			"Content Intent at " PORTAL
			" (your application, page Bot), then run mynah reload");
	if (t->wants.kinds & EVENT_BIT(EVENT_JOIN) && !t->facts.has_members)
		note(t, before,
			"who joins is heard only where the server shows it: switch on Server "
			"Members Intent at " PORTAL " (your application, page Bot), then run mynah "
			"reload");
}

/* "View Channel, Send Messages". Gives out. */
static const char *lacks(unsigned may, bool is_thread, char *out, size_t size)
{
	static const struct {
		unsigned may;
		const char *name;
	} names[] = {
		{PLATFORM_MAY_VIEW, "View Channel"},
		{PLATFORM_MAY_SEND, "Send Messages"},
		{PLATFORM_MAY_READ_HISTORY, "Read Message History"},
		{PLATFORM_MAY_SEND_IN_THREADS, "Send Messages in Threads"},
	};
	const unsigned skip = is_thread ? PLATFORM_MAY_SEND : 0;
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && len < size; i++)
		if (!((may | skip) & names[i].may))
			len += (size_t)snprintf(
				out + len, size - len, "%s%s", len ? ", " : "", names[i].name);
	return out;
}

static void note_invite(struct platform_discord *t, const struct buf *before, const char *what)
{
	note(t, before,
		"%s: invite the bot with https://discord.com/oauth2/authorize?client_id=%s"
		"&scope=bot+applications.commands&permissions=" INVITE_PERMISSIONS,
		what, t->facts.application_id);
}

static void look_at_channel(struct platform_discord *t, const struct buf *before, uint64_t id)
{
	const struct platform_guild *g = platform_guild_of(t->guilds, id);
	struct platform_guild_channel facts;
	char text[128];
	unsigned may;

	if (!g || !platform_guild_channel(g, id, &facts)) {
		snprintf(text, sizeof(text),
			"channel %llu is on no server of the bot, or wrong in "
			"channels:",
			(unsigned long long)id);
		if (!t->conf.shards ||
			t->seat_n == t->shards) /* else another process may have it */
			note_invite(t, before, text);
		return;
	}
	may = platform_guild_self_may(t->guilds, g, id);
	if ((may & NEEDED) == NEEDED)
		return;
	note(t, before,
		"in #%.*s of %.*s the bot lacks %s: allow that to its role in the channel's "
		"settings, page Permissions",
		STR_FMT(facts.name), STR_FMT(platform_guild_name(g)),
		lacks(may, facts.is_thread, text, sizeof(text)));
}

/* Without channels: those that the bot sees, and may not write to. Gives how many it may. */
static size_t find_mute(
	const struct platform_discord *t, const struct platform_guild *g, char *out, size_t size)
{
	struct platform_guild_channel c;
	size_t spoken = 0, mute = 0, len = 0;

	out[0] = '\0';
	for (size_t i = 0; platform_guild_nth(g, i, &c); i++) {
		const unsigned may =
			c.type == TEXT ? platform_guild_self_may(t->guilds, g, c.id) : 0;

		spoken += (may & PLATFORM_MAY_SEND) != 0;
		if (!(may & PLATFORM_MAY_VIEW) || may & PLATFORM_MAY_SEND || len >= size)
			continue;
		if (mute++ < MUTE_MAX)
			len += (size_t)snprintf(
				out + len, size - len, "%s#%.*s", len ? ", " : "", STR_FMT(c.name));
	}
	if (mute > MUTE_MAX && len < size)
		snprintf(out + len, size - len, " and %zu more", mute - MUTE_MAX);
	return spoken;
}

static void look_at_servers(struct platform_discord *t, const struct buf *before)
{
	const struct platform_guild *g;
	char mute[PROBLEM_BYTES / 2];

	for (size_t i = 0; (g = platform_guilds_at(t->guilds, i)) != NULL; i++) {
		if (!platform_guild_find(t->guilds, platform_guild_id(g)))
			continue;
		if (find_mute(t, g, mute, sizeof(mute)) == 0)
			note(t, before,
				"on %.*s the bot may write in no channel: allow View Channel and "
				"Send Messages to its role under Server Settings, Roles",
				STR_FMT(platform_guild_name(g)));
		else if (mute[0])
			note(t, before,
				"on %.*s the bot may read, but not write in %s: allow Send "
				"Messages "
				"to its role in the channel's settings, page Permissions, or list "
				"the others "
				"in channels:",
				STR_FMT(platform_guild_name(g)), mute);
	}
}

static void look_at_refusals(struct platform_discord *t, const struct buf *before)
{
	const struct platform_hall *h;

	for (h = t->silent; h; h = h->next) {
		const struct platform_guild *g =
			h->guild ? platform_guild_find(t->guilds, h->guild) : NULL;
		struct platform_guild_channel facts = {0};

		if (!h->refused)
			continue;
		if (g)
			(void)platform_guild_channel(g, h->id, &facts);
		note(t, before,
			"Discord refused a message in #%.*s (%d): allow View Channel and Send "
			"Messages to the bot's role there; it is tried again when permissions "
			"change, or "
			"after mynah reload",
			STR_FMT(facts.name.len ? facts.name : str_of(h->channel)), h->refused);
	}
}

void platform_discord_diagnose(struct platform_discord *t)
{
	const int64_t now_ms = clock_mono_ms();
	struct buf before = t->problems;

	if (t->ready_ms == 0)
		return; /* whoever makes it ready has it looked at */
	if (platform_guilds_waiting(t->guilds) > 0 && now_ms - t->ready_ms < SETTLE_MS) {
		platform_discord_look(t, SETTLE_MS - (now_ms - t->ready_ms));
		return;
	}
	buf_init(&t->problems, PROBLEMS_MAX * (PROBLEM_BYTES + 1));
	t->problem_n = 0;
	look_at_switches(t, &before);
	if (platform_guilds_count(t->guilds) == 0 && t->is_told_servers)
		note_invite(t, &before, "the bot is on no server");
	else if (t->rules.channel_n == 0)
		look_at_servers(t, &before);
	for (size_t i = 0; i < t->rules.channel_n && t->is_told_servers; i++)
		look_at_channel(t, &before, t->rules.channels[i]);
	look_at_refusals(t, &before);
	buf_fini(&before);
}

const char *platform_discord_problem(const struct platform_discord *t, char *out, size_t size)
{
	const char *text = buf_text(&t->problems);

	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
	return out;
}

/* Adds a member: each as a text. */
int platform_discord_problems(const struct platform_discord *t, struct buf *out)
{
	struct str rest = buf_str(&t->problems);
	int err = buf_adds(out, ",\"problems\":[");

	for (bool is_first = true; rest.len > 0 && !err; is_first = false) {
		if (!is_first)
			err = buf_addc(out, ',');
		if (!err)
			err = json_add_string(out, str_split(&rest, '\n'));
	}
	return err ? err : buf_addc(out, ']');
}
