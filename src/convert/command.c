/* Exports of Nightbot and StreamElements: commands, timers. Field names: their public APIs
 * (api-docs.nightbot.tv, dev.streamelements.com), 2026-08. */
#include "convert/room.h"

#include <string.h>

#define CRON_STEP_MAX 1000 /* no minute or hour has as high a number */

int convert_source_parse(struct str s, enum convert_source *out)
{
	const bool is_nightbot = str_is_nocase(s, "nightbot");

	*out = is_nightbot ? CONVERT_NIGHTBOT : CONVERT_STREAMELEMENTS;
	return is_nightbot || str_is_nocase(s, "streamelements") ? 0 : ERR_NOTFOUND;
}

static const char said_with_me[] = "it is said with /me there";

/* An import under way. */
struct work {
	enum convert_source source;
	const struct json *commands;
	size_t n; /* of them that are looked at */
	struct conf_texts used;
	struct buf *out;
	struct convert_tally *tally;
	bool is_full;
};

/* Adds a clause on what is lost; past their limit they are left out. */
static void lose(struct convert_command *c, const char *clause)
{
	const size_t before = c->lost.len;

	if (buf_adds(&c->lost, clause) < 0 || buf_addc(&c->lost, '\n') < 0)
		buf_truncate(&c->lost, before);
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.at[i] <= ' ' || s.at[i] == 0x7f)
			return false;
	}
	return s.len > 0;
}

/* The first name is what it is called. */
static void add_name(struct convert_command *c, struct str name)
{
	name = str_trim(name);
	if (c->shown.len == 0)
		c->shown = name;
	if (!is_word(name) || str_is(name, "!")) {
		lose(c, "one of its names, which is not one word");
		return;
	}
	if (c->name_count < CONVERT_WORDS_MAX)
		c->names[c->name_count++] = name;
	else
		lose(c, "some of its aliases: they are too many");
}

/* ---- Nightbot -------------------------------------------------------------------------------- */

/* An alias only, which adds nothing of its own? */
static bool is_plain_alias(const struct json *command)
{
	const struct str message = str_trim(json_str(command, "message"));

	return json_str(command, "alias").len > 0 &&
	       (message.len == 0 || str_is_among(message, "$(query) $(querystring)"));
}

static const struct json *find_command(const struct work *w, struct str name)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct json *command = json_at(w->commands, i);

		if (str_eq_nocase(str_trim(json_str(command, "name")), str_trim(name)) &&
			json_str(command, "alias").len == 0)
			return command;
	}
	return NULL;
}

/* Is it told with the command that it stands for? */
static bool is_told_elsewhere(const struct work *w, const struct json *command)
{
	return w->source == CONVERT_NIGHTBOT && is_plain_alias(command) &&
	       find_command(w, json_str(command, "alias"));
}

static void add_aliases(const struct work *w, const struct json *command, struct convert_command *c)
{
	const struct str name = str_trim(json_str(command, "name"));

	if (c->is_bare || find_command(w, name) != command)
		return;
	for (size_t i = 0; i < w->n; i++) {
		const struct json *other = json_at(w->commands, i);

		if (is_plain_alias(other) &&
			str_eq_nocase(str_trim(json_str(other, "alias")), name))
			add_name(c, json_str(other, "name"));
	}
}

static void read_nightbot(
	const struct work *w, const struct json *command, struct convert_command *c)
{
	const struct str name = str_trim(json_str(command, "name"));

	add_name(c, name);
	c->is_bare = name.len > 0 && name.at[0] != '!';
	c->reply = json_str(command, "message");
	c->level = json_str(command, "userLevel");
	c->channel_s = json_int(command, "coolDown", 0);
	c->count = json_int(command, "count", 0);
	if (json_str(command, "alias").len > 0) {
		lose(c, "it is an alias of what is not in this file, or adds words to it");
		c->is_off = true;
	}
	add_aliases(w, command, c);
}

/* ---- StreamElements -------------------------------------------------------------------------- */

static struct str level_of(int64_t access)
{
	static const struct {
		int64_t most;
		const char *level;
	} levels[] = {{100, "everyone"}, {250, "subscriber"}, {300, "regular"}, {400, "vip"},
		{500, "moderator"}, {INT64_MAX, "broadcaster"}};
	size_t i = 0;

	while (access > levels[i].most)
		i++;
	return str_of(levels[i].level);
}

static void read_streamelements(const struct json *command, struct convert_command *c)
{
	const struct json *cooldown = json_get(command, "cooldown");
	const struct json *aliases = json_get(command, "aliases");
	const struct str type = json_str(command, "type");
	const bool is_online = json_bool(command, "enabledOnline", true);
	const bool is_offline = json_bool(command, "enabledOffline", true);

	add_name(c, json_str(command, "command"));
	for (size_t i = 0; i < json_count(aliases) && i < CONVERT_LIST_MAX; i++)
		add_name(c, json_text(json_at(aliases, i)));
	c->reply = json_str(command, "response").len > 0 ? json_str(command, "response")
							 : json_str(command, "reply");
	c->level = level_of(json_int(command, "accessLevel", 100));
	c->user_s = json_int(cooldown, "user", 0);
	c->channel_s = json_int(cooldown, "global", 0);
	c->is_off = !json_bool(command, "enabled", true) || (!is_online && !is_offline);
	c->is_live_only = is_online && !is_offline;
	c->is_offline_only = !is_online && is_offline;
	if (json_int(command, "cost", 0) > 0)
		lose(c, "it costs points there; here is no such thing");
	if (json_count(json_get(command, "keywords")) > 0)
		lose(c, "it also wakes by keywords there; add words: [...] if that is wanted");
	if (str_is(type, "whisper"))
		lose(c, "it whispers there; here it answers in chat");
	else if (str_is(type, "action"))
		lose(c, said_with_me);
}

/* ---- Both ------------------------------------------------------------------------------------ */

static int write_command(struct work *w, const struct json *command)
{
	struct convert_command c = {0};
	int err;

	buf_init(&c.lost, CONVERT_CLAUSES_BYTES);
	if (w->source == CONVERT_NIGHTBOT)
		read_nightbot(w, command, &c);
	else
		read_streamelements(command, &c);
	if (c.level.len == 0)
		c.level = STR("everyone");
	c.reply = str_trim(c.reply);
	if (c.reply.len > 4 && str_is_nocase((struct str){c.reply.at, 4}, "/me ")) {
		c.reply = str_trim((struct str){c.reply.at + 4, c.reply.len - 4});
		lose(&c, said_with_me);
	}
	err = convert_entry_write(&c, w->source == CONVERT_NIGHTBOT ? "nightbot" : "streamelements",
		&w->used, w->out, w->tally);
	buf_fini(&c.lost);
	return err;
}

static int write_commands(struct work *w)
{
	const size_t all = json_count(w->commands);
	int err = 0;

	w->n = all < CONVERT_COMMANDS_MAX ? all : CONVERT_COMMANDS_MAX;
	w->tally->none += all - w->n;
	w->used.at = mem_array(CONVERT_COMMANDS_MAX, sizeof(*w->used.at));
	if (!w->used.at)
		return ERR_NOMEM;
	for (size_t i = 0; i < w->n && err == 0; i++) {
		if (is_told_elsewhere(w, json_at(w->commands, i)))
			continue;
		if (w->is_full) {
			w->tally->none++;
			continue;
		}
		err = write_command(w, json_at(w->commands, i));
		if (err == ERR_LIMIT) {
			w->is_full = true;
			w->tally->none++;
			err = 0;
		}
	}
	return err;
}

/* ---- Timers ---------------------------------------------------------------------------------- */

/* How often a list of minutes in an hour comes: "0,20,40" is three times. */
static int64_t times_of(struct str minutes)
{
	int64_t n = 0, minute;

	while (minutes.len > 0) {
		if (str_int(str_split(&minutes, ','), &minute) < 0 || minute < 0 || minute > 59)
			return 0;
		n++;
	}
	return n;
}

/* The number of a slash and a number; 0 for none that a clock has. */
static int64_t step_of(struct str field)
{
	int64_t n = 0;

	if (str_int((struct str){field.at + 2, field.len - 2}, &n) < 0 || n < 0)
		return 0;
	return n < CRON_STEP_MAX ? n : 0;
}

/* How many seconds lie between two times of cron; 0 = they are not that even. */
static int64_t seconds_of_cron(struct str cron)
{
	struct str minute = str_split(&cron, ' '), hour = str_split(&cron, ' ');

	if (!str_is(str_trim(cron), "* * *"))
		return 0;
	if (minute.len > 2 && minute.at[0] == '*' && minute.at[1] == '/' && str_is(hour, "*"))
		return step_of(minute) * 60;
	if (str_is(hour, "*"))
		return times_of(minute) > 0 ? 3600 / times_of(minute) : 0;
	if (hour.len > 2 && hour.at[0] == '*' && hour.at[1] == '/' && times_of(minute) == 1)
		return step_of(hour) * 3600;
	return 0;
}

static void read_nightbot_timer(const struct json *timer, struct convert_command *c)
{
	c->every_s = seconds_of_cron(str_trim(json_str(timer, "interval")));
	c->lines = json_int(timer, "lines", 0);
	c->reply = json_str(timer, "message");
}

static void read_streamelements_timer(const struct json *timer, struct convert_command *c)
{
	const struct json *online = json_get(timer, "online");
	const struct json *offline = json_get(timer, "offline");
	const struct json *messages = json_get(timer, "messages");
	const bool is_online = json_bool(online, "enabled", false);
	const bool is_offline = json_bool(offline, "enabled", false);
	const int64_t minutes = json_int(is_online ? online : offline, "interval", 0);

	c->every_s = minutes > 0 && minutes <= TRIGGER_EVERY_MAX_MS / 60000 ? minutes * 60 : 0;
	c->is_live_only = is_online && !is_offline;
	c->is_offline_only = !is_online && is_offline;
	c->is_off = !is_online && !is_offline;
	c->lines = json_int(timer, "chatLines", 0);
	c->reply = json_count(messages) > 0 ? json_text(json_at(messages, 0))
					    : json_str(timer, "message");
	if (json_count(messages) > 1)
		lose(c, "only the first of what it says in turn");
	if (is_online && is_offline && minutes != json_int(offline, "interval", 0))
		lose(c, "it comes at another pace there while the stream is offline");
}

static int write_timer(struct work *w, const struct json *timer)
{
	struct convert_command c = {.level = STR("everyone"), .name_count = 1};
	int err;

	buf_init(&c.lost, CONVERT_CLAUSES_BYTES);
	c.shown = c.names[0] = str_trim(json_str(timer, "name"));
	if (c.shown.len == 0)
		c.shown = c.names[0] = STR("timer");
	if (w->source == CONVERT_NIGHTBOT)
		read_nightbot_timer(timer, &c);
	else
		read_streamelements_timer(timer, &c);
	c.is_off = c.is_off || !json_bool(timer, "enabled", true);
	c.reply = str_trim(c.reply);
	c.lines = c.lines < 0 ? 0 : c.lines > 10000 ? 10000 : c.lines;
	if (c.every_s < TRIGGER_EVERY_MIN_MS / 1000 || c.every_s > TRIGGER_EVERY_MAX_MS / 1000) {
		lose(&c, "how often it comes: change every:, then take enabled: away");
		c.every_s = 3600;
		c.is_off = true;
	}
	err = convert_entry_write(&c, w->source == CONVERT_NIGHTBOT ? "nightbot" : "streamelements",
		&w->used, w->out, w->tally);
	buf_fini(&c.lost);
	return err;
}

static int write_timers(struct work *w, const struct json *timers)
{
	int err = 0;

	for (size_t i = 0; i < json_count(timers) && err == 0; i++) {
		if (w->is_full || w->used.n == CONVERT_COMMANDS_MAX) {
			w->tally->none++;
			continue;
		}
		err = write_timer(w, json_at(timers, i));
		if (err == ERR_LIMIT) {
			w->is_full = true;
			w->tally->none++;
			err = 0;
		}
	}
	return err;
}

int convert_commands(enum convert_source source, struct str json, struct buf *out,
	struct convert_tally *tally, const char **why)
{
	struct work w = {.source = source, .out = out, .tally = tally};
	struct json *root = NULL;
	const struct json *timers;
	int err;

	memset(tally, 0, sizeof(*tally));
	*why = "no memory";
	err = json_parse(json, CONVERT_COMMANDS_BYTES, &root, why);
	if (err < 0)
		return err;
	const bool is_list = json_is_array(root);
	/* StreamElements tells of commands and of timers in a bare list each. */
	const bool is_timers = is_list && json_get(json_at(root, 0), "online");
	w.commands = is_list && !is_timers ? root : json_get(root, "commands");
	timers = is_timers ? root : json_get(root, "timers");
	if (json_count(w.commands) == 0 && json_count(timers) == 0) {
		*why = "it has neither commands nor timers";
		err = ERR_INVALID;
	}
	if (err == 0)
		err = convert_comment(out,
			"Imported from %s by mynah; mynah-triggers(5) is the manual.",
			source == CONVERT_NIGHTBOT ? "Nightbot" : "StreamElements");
	if (err == 0)
		err = write_commands(&w);
	if (err == 0)
		err = write_timers(&w, timers);
	if (err == 0 && w.used.n == 0)
		err = buf_adds(out, "{}\n");
	for (size_t i = 0; i < w.used.n; i++)
		mem_free(w.used.at[i]);
	mem_free(w.used.at);
	json_free(root);
	return err;
}
