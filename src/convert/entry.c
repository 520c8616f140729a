/* One command or timer of another bot as an entry of a trigger file.
 *
 * Every entry is read by the trigger room before it is handed over: one that would be refused, and
 * the file with it, becomes a comment. A reply that lost a variable waits, switched off, for a
 * person. */
#include "convert/room.h"
#include "safety/safety.h"

#include <stdio.h>
#include <string.h>

#define ENTRY_BYTES     (32 * 1024) /* the longest reply and 50 names */
#define SLUG_BYTES      40 /* of a command in the name of its trigger: at most 64 with the rest */
#define COMMENT_BYTES   500
#define COOLDOWN_MOST_S (7 * 24 * 3600)

int convert_comment(struct buf *out, const char *fmt, ...)
{
	const size_t before = out->len;
	struct buf text;
	va_list ap;
	int err;

	buf_init(&text, CONVERT_CARD_BYTES);
	va_start(ap, fmt);
	err = buf_addv(&text, fmt, ap);
	va_end(ap);
	if (text.len > COMMENT_BYTES)
		buf_truncate(&text, text_cut(buf_str(&text), COMMENT_BYTES, 0));
	if (err == 0)
		err = buf_adds(out, "# ");
	if (err == 0)
		err = text_scrub(buf_str(&text), TEXT_CHAT, out);
	if (err == 0)
		err = buf_addc(out, '\n');
	if (err < 0)
		buf_truncate(out, before);
	buf_fini(&text);
	return err;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static bool is_used(const struct conf_texts *used, const char *name)
{
	for (size_t i = 0; i < used->n; i++) {
		if (strcmp(used->at[i], name) == 0)
			return true;
	}
	return false;
}

/* "nightbot-so", "nightbot-so-2": a name that no trigger so far has. used is as long as it gets. */
static int make_name(struct str command, const char *prefix, struct conf_texts *used, char **out)
{
	char slug[SLUG_BYTES + 1], name[64 + 1];
	size_t n = 0;

	for (size_t i = 0; i < command.len && n < SLUG_BYTES; i++) {
		const char c = ascii_lower(command.at[i]);

		if (ascii_is_alnum(c) || c == '_' || (c == '-' && n > 0))
			slug[n++] = c;
	}
	slug[n] = '\0';
	snprintf(name, sizeof(name), "%s-%s", prefix, n > 0 ? slug : "command");
	for (size_t i = used->n + 1; is_used(used, name); i++)
		snprintf(name, sizeof(name), "%s-%s-%zu", prefix, n > 0 ? slug : "command", i);
	*out = mem_dup(name);
	return *out ? 0 : ERR_NOMEM;
}

static struct str without_mark(struct str name)
{
	return name.len > 1 && name.at[0] == '!' ? (struct str){name.at + 1, name.len - 1} : name;
}

/* ---- What it would say ----------------------------------------------------------------------- */

/* Notes why the safety room would not let it be said, as far as can be seen now. */
static int judge_reply(struct convert_command *c, struct str text)
{
	const struct safety_options options = {.max_length = 500, .mentions = 1};
	const struct safety_context context = {.user = STR("viewer")};
	struct event e = {.kind = EVENT_MESSAGE,
		.user = STR("viewer"),
		.login = STR("viewer"),
		.channel = STR("channel"),
		.platform = STR("twitch")};
	struct safety *safety = NULL;
	const char *rule = NULL;
	struct buf said, clean;
	char *copy = mem_dupn(text.at, text.len);
	int err = copy ? safety_new(&options, &safety) : ERR_NOMEM;

	buf_init(&said, SAFETY_TEXT_BYTES);
	buf_init(&clean, SAFETY_TEXT_BYTES);
	if (err == 0)
		err = trigger_expand(copy, &e, NULL, 0, &said);
	if (err == 0 &&
		safety_check(safety, &context, buf_str(&said), &clean, &rule) == REASON_UNSAFE) {
		if (strcmp(rule, "link") == 0)
			err = buf_adds(&c->lost,
				"its link is only said once safety.allow_hosts names the host\n");
		else
			err = buf_addf(&c->lost,
				"what it says is refused by the safety rule \"%s\"\n", rule);
	}
	buf_fini(&said);
	buf_fini(&clean);
	safety_free(safety);
	mem_free(copy);
	return err;
}

/* Why nothing of it can come over; NULL = something can. *reply: what it says. */
static const char *obstacle_of(const struct convert_command *c, struct str *reply)
{
	*reply = c->reply;
	if (c->name_count == 0)
		return "it has no name of one word";
	if (reply->len == 0)
		return "it says nothing";
	if (strchr("/.", reply->at[0]))
		return "it is a command to the chat itself, which mynah never sends";
	if (reply->at[0] == '!')
		return "it calls another bot";
	return NULL;
}

/* ---- The entry ------------------------------------------------------------------------------- */

static int add_commands(const struct convert_command *c, struct buf *out)
{
	int err = buf_adds(out, "  command: [");

	for (size_t i = 0; i < c->name_count && err == 0; i++) {
		if (i > 0)
			err = buf_adds(out, ", ");
		if (err == 0)
			err = convert_quote(without_mark(c->names[i]), out);
	}
	return err < 0 ? err : buf_adds(out, "]\n");
}

/* A command without a mark is the first word of a message. The pattern is ours: the word stands in
 * it for itself. */
static int add_bare(const struct convert_command *c, struct buf *out)
{
	const struct str word = c->names[0];
	int err = buf_adds(out, "  match: '^");

	for (size_t i = 0; i < word.len && err == 0; i++) {
		const unsigned char b = (unsigned char)word.at[i];

		if (b < 0x80 && !ascii_is_alnum(b))
			err = buf_adds(out, b == '\'' ? "\\'" : "\\");
		if (err == 0)
			err = buf_addc(out, word.at[i]);
	}
	return err < 0 ? err : buf_adds(out, "(?!\\S)'\n");
}

static int64_t seconds_of(int64_t s)
{
	return s < 0 ? 0 : s > COOLDOWN_MOST_S ? COOLDOWN_MOST_S : s; /* a longer one is "never" */
}

static int add_cooldown(const struct convert_command *c, struct buf *out)
{
	const int64_t user = seconds_of(c->user_s), channel = seconds_of(c->channel_s);

	if (user == 0 && channel == 0)
		return 0;
	if (user == 0)
		return buf_addf(out, "  cooldown: {channel: %llds}\n", (long long)channel);
	if (channel == 0)
		return buf_addf(out, "  cooldown: {user: %llds}\n", (long long)user);
	return buf_addf(out, "  cooldown: {user: %llds, channel: %llds}\n", (long long)user,
		(long long)channel);
}

/* Levels that are not ours become the next stricter one. */
static int add_level(struct convert_command *c, struct buf *out)
{
	enum level level;

	if (level_parse(c->level, &level) < 0) {
		level = str_is_nocase(c->level, "regular") ? LEVEL_VIP : LEVEL_BROADCASTER;
		const int err = buf_addf(&c->lost,
			"level \"%.*s\" is not known here: it is for %ss and above\n",
			STR_FMT(c->level), level_name(level));
		if (err < 0 && err != ERR_LIMIT)
			return err;
	}
	return level == LEVEL_EVERYONE ? 0 : buf_addf(out, "  level: %s\n", level_name(level));
}

/* 900 s: "15m" */
static int add_timer(const struct convert_command *c, struct buf *out)
{
	int err = c->every_s % 60 ? buf_addf(out, "  every: %llds\n", (long long)c->every_s)
		: buf_addf(out, "  every: %lldm\n", (long long)c->every_s / 60);

	if (err == 0 && c->lines > 0)
		err = buf_addf(out, "  min_lines: %lld\n", (long long)c->lines);
	return err;
}

/* The counter that a reply turns: one that it names, else the trigger's own. */
static int add_counter(struct convert_command *c, const char *name, const struct convert_reply *r,
	struct buf *out)
{
	const char *counter = *r->counter ? r->counter : name;

	if (!r->counts)
		return 0;
	if (c->count > 0 && !*r->counter) {
		const int err = buf_addf(&c->lost,
			"it has counted to %lld there, and begins anew here\n",
			(long long)c->count);
		if (err < 0 && err != ERR_LIMIT)
			return err;
	}
	if (!r->is_set && r->amount == 1)
		return buf_addf(out, "  count: %s\n", counter);
	return buf_addf(out, "  count: {name: %s, %s: %lld}\n", counter, r->is_set ? "set" : "add",
		(long long)r->amount);
}

static int add_entry(struct convert_command *c, const char *name, struct buf *out)
{
	struct convert_reply reply;
	struct str text;
	int err;

	(void)obstacle_of(c, &text);
	err = convert_reply_read(text, &reply);
	if (err == 0 && reply.lost_count == 0)
		err = judge_reply(c, buf_str(&reply.text));
	if (err == 0 && reply.lost_count > 0)
		err = buf_addf(&c->lost,
			"%s %s not known here: change the reply, then take enabled: away\n",
			buf_text(&reply.lost), reply.lost_count > 1 ? "are" : "is");
	if (err == 0)
		err = buf_addf(out, "%s:\n", name);
	if (err == 0)
		err = c->every_s > 0 ? add_timer(c, out)
			: c->is_bare ? add_bare(c, out) : add_commands(c, out);
	if (err == 0)
		err = add_counter(c, name, &reply, out);
	if (err == 0)
		err = buf_adds(out, "  reply: ");
	if (err == 0)
		err = convert_quote(buf_str(&reply.text), out);
	if (err == 0)
		err = buf_addc(out, '\n');
	if (err == 0)
		err = add_level(c, out);
	if (err == 0)
		err = add_cooldown(c, out);
	if (err == 0 && (c->is_live_only || c->is_offline_only))
		err = buf_addf(out, "  when: %s\n", c->is_live_only ? "live" : "offline");
	if (err == 0 && (c->is_off || reply.lost_count > 0))
		err = buf_adds(out, "  enabled: no\n");
	convert_reply_fini(&reply);
	return err;
}

/* Reads the entry as the bot will. ERR_INVALID: why has the first complaint. */
static int try_entry(struct str entry, struct buf *why)
{
	struct conf_report r;
	struct conf_file *f = NULL;
	struct trigger_file *triggers = NULL;
	int err;

	conf_report_init(&r);
	err = conf_file_parse("imported", entry, &r, &f);
	if (err == 0)
		err = trigger_file_read(f, &(struct trigger_refs){0}, &r, &triggers);
	if (err < 0 && err != ERR_NOMEM) {
		err = buf_adds(why, r.n > 0 ? r.items[0].what : "it cannot be read");
		err = err < 0 ? err : ERR_INVALID;
	}
	trigger_file_free(triggers);
	conf_file_free(f);
	conf_report_fini(&r);
	return err;
}

/* One comment for each clause, then the entry. All or nothing. */
static int add_all(struct str name, struct str clauses, struct str entry, struct buf *out)
{
	const size_t before = out->len;
	int err = buf_addc(out, '\n');

	while (clauses.len > 0 && err == 0) {
		struct str clause = str_split(&clauses, '\n');

		err = convert_comment(out, "%.*s: %.*s.", STR_FMT(name), STR_FMT(clause));
	}
	if (err == 0)
		err = buf_add_str(out, entry);
	if (err < 0)
		buf_truncate(out, before);
	return err;
}

int convert_entry_write(struct convert_command *c, const char *prefix, struct conf_texts *used,
	struct buf *out, struct convert_tally *tally)
{
	const struct str shown = c->shown.len > 0 ? c->shown : STR("a command");
	struct str reply;
	const char *obstacle = obstacle_of(c, &reply);
	struct buf entry, why;
	char *name = NULL;
	int err = 0;

	buf_init(&entry, ENTRY_BYTES);
	buf_init(&why, CONVERT_CLAUSES_BYTES);
	if (!obstacle)
		err = make_name(without_mark(c->names[0]), prefix, used, &name);
	if (!obstacle && err == 0)
		err = add_entry(c, name, &entry);
	if (err == ERR_LIMIT) {
		obstacle = "it is too long";
		err = 0;
	}
	if (!obstacle && err == 0) {
		err = try_entry(buf_str(&entry), &why);
		if (err == ERR_INVALID || err == ERR_LIMIT) {
			obstacle = why.len > 0 ? buf_text(&why) : "it cannot be a trigger here";
			err = 0;
		}
	}
	if (err == 0 && obstacle) {
		buf_clear(&c->lost);
		err = buf_addf(&c->lost, "not carried over, because %s", obstacle);
		if (err == 0)
			err = add_all(shown, buf_str(&c->lost), STR(""), out);
		tally->none += err == 0;
	} else if (err == 0) {
		err = add_all(shown, buf_str(&c->lost), buf_str(&entry), out);
		tally->part += err == 0 && c->lost.len > 0;
		tally->whole += err == 0 && c->lost.len == 0;
		if (err == 0) {
			used->at[used->n++] = name;
			name = NULL;
		}
	}
	mem_free(name);
	buf_fini(&entry);
	buf_fini(&why);
	return err;
}
