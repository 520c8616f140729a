/* The slash commands that Discord offers to people: read, compared, and put when they differ.
 *
 * One call at a time. A scope is the application as a whole or one server. It is WANTED until it
 * has been read; what differs is put; DONE until somebody wants something else. A failure waits and
 * is WANTED again; a refusal is REFUSED until the place says anew where. In a scope of ours that is
 * to hold nothing any more the empty list is put.
 *
 * The file in state_dir has the id of each server in which something is ours, one a line, 0 for the
 * application as a whole. */
#include "platform/discord_command.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "platform/discord_error.h"
#include "platform/discord_guild.h"
#include "platform/discord_store.h"

#define COMMANDS_MAX 100     /* discord.md 6.4: CHAT_INPUT of one scope */
#define LIST_BYTES (512 * 1024)
#define ID_BYTES 21
#define EVERYWHERE "0"       /* as a line of the file */
#define PATH_BYTES 128
#define OPTION_POINTS 1000   /* of a question: discord.md 13.6 */
#define AGAIN_MS 60000       /* first wait after a failure; doubles */
#define AGAIN_MAX_MS 3600000
#define CALL_MS 30000
#define SAVE_MS 5000         /* what found no room to be written is tried again */
#define MANAGE_MESSAGES "8192" /* 1 << 13: moderators by Discord's own permissions */

enum state { WANTED, ASKED, DONE, REFUSED };

struct scope {
	struct scope *next;
	struct platform_commands *all;
	char guild[ID_BYTES]; /* "" = everywhere */
	bool is_wanted;       /* else it is to hold nothing of ours */
	bool is_ours;         /* it holds something of ours, as far as is known */
	enum state state;
	int64_t not_before_ms, since_wall_ms;
	unsigned failures;
	char why[200];
};

struct platform_commands {
	struct platform_rest *rest;
	struct platform_store *store; /* NULL: not opened yet */
	struct io_timer *timer;
	char application[ID_BYTES];
	struct buf everywhere, in_guild; /* the list as it is put; empty = nothing wanted yet */
	size_t count;
	struct scope *scopes;
	struct platform_rest_task *task;
};

/* ---- The list -------------------------------------------------------------------------------- */

static int add_field(struct buf *out, const char *key, const char *value)
{
	int err = buf_addf(out, ",\"%s\":", key);

	return err < 0 ? err : json_add_string(out, str_of(value));
}

static int add_option(struct buf *out, const struct slash *s)
{
	int err = buf_adds(out, ",\"options\":[{\"type\":3");

	if (err == 0)
		err = add_field(out, "name", s->option);
	if (err == 0)
		err = add_field(out, "description", s->option_help);
	if (err == 0)
		err = buf_addf(out, "%s,\"max_length\":%d}]", s->is_required ?
			",\"required\":true" : "", OPTION_POINTS);
	return err;
}

/* Where a command may be used is asked of global ones only (discord.md 6.4). There are no
 * moderators in direct messages. */
static int add_command(struct buf *out, const struct slash *s, bool is_everywhere)
{
	bool is_for_moderators = s->level >= LEVEL_MODERATOR;
	int err = buf_addf(out, "%s{\"name\":", out->len > 1 ? "," : "");

	if (err == 0)
		err = json_add_string(out, str_of(s->name));
	if (err == 0)
		err = buf_adds(out, ",\"type\":1");
	if (err == 0)
		err = add_field(out, "description", s->description);
	if (err == 0 && is_everywhere)
		err = buf_addf(out, ",\"contexts\":[%s],\"integration_types\":[0]",
			is_for_moderators ? "0" : "0,1");
	if (err == 0 && is_for_moderators)
		err = add_field(out, "default_member_permissions", MANAGE_MESSAGES);
	if (err == 0 && s->option)
		err = add_option(out, s);
	return err == 0 ? buf_addc(out, '}') : err;
}

static int add_list(struct buf *out, const struct slash *list, size_t n, bool is_everywhere)
{
	int err = buf_addc(out, '[');

	for (size_t i = 0; i < n && err == 0; i++)
		err = add_command(out, &list[i], is_everywhere);
	return err == 0 ? buf_addc(out, ']') : err;
}

/* ---- Is it the same? ------------------------------------------------------------------------- */

static bool is_same_text(const struct json *want, const struct json *have, const char *key)
{
	return str_eq(json_str(want, key), json_str(have, key));
}

static bool is_same_number(const struct json *want, const struct json *have, const char *key)
{
	return json_int(want, key, 0) == json_int(have, key, 0);
}

static bool is_same_option(const struct json *want, const struct json *have)
{
	return is_same_number(want, have, "type") && is_same_text(want, have, "name") &&
		is_same_text(want, have, "description") &&
		is_same_number(want, have, "max_length") &&
		json_bool(want, "required", false) == json_bool(have, "required", false);
}

/* What Discord fills in by itself (ids, versions, defaults) does not count. */
static bool is_same_command(const struct json *want, const struct json *have)
{
	const struct json *mine = json_get(want, "options"), *theirs = json_get(have, "options");
	bool is_same = is_same_text(want, have, "name") &&
		is_same_text(want, have, "description") &&
		is_same_text(want, have, "default_member_permissions") &&
		json_int(have, "type", 1) == 1 && json_count(mine) == json_count(theirs) &&
		(!json_get(want, "contexts") ||
		json_count(json_get(want, "contexts")) == json_count(json_get(have, "contexts")));

	for (size_t i = 0; is_same && i < json_count(mine); i++)
		is_same = is_same_option(json_at(mine, i), json_at(theirs, i));
	return is_same;
}

static bool has_command(const struct json *have, const struct json *want)
{
	for (size_t i = 0; i < json_count(have); i++) {
		if (is_same_command(want, json_at(have, i)))
			return true;
	}
	return false;
}

/* 1 = the same, 0 = not, ERR_NOMEM. */
static int is_same_list(struct str wanted, const struct json *have)
{
	struct json *want = NULL;
	int err = json_parse(wanted, LIST_BYTES, &want, NULL);
	bool is_same = err == 0 && json_count(want) == json_count(have);

	for (size_t i = 0; is_same && i < json_count(want); i++)
		is_same = has_command(have, json_at(want, i));
	json_free(want);
	return err < 0 ? err : is_same;
}

/* ---- One scope after the other --------------------------------------------------------------- */

static void soon(struct platform_commands *c)
{
	io_timer_start(c->timer, 0);
}

static struct str list_of(const struct scope *s)
{
	if (!s->is_wanted)
		return STR("[]");
	return buf_str(s->guild[0] ? &s->all->in_guild : &s->all->everywhere);
}

static void save(struct platform_commands *c)
{
	const struct scope *s;
	struct buf text;
	int err = 0;

	if (!c->store)
		return;
	buf_init(&text, PLATFORM_STORE_BYTES);
	LL_FOREACH(c->scopes, s) {
		if (s->is_ours && !err)
			err = buf_addf(&text, "%s\n", s->guild[0] ? s->guild : EVERYWHERE);
	}
	if (!err)
		platform_store_put(c->store, &text);
	buf_fini(&text);
}

static void set_ours(struct scope *s, bool is_ours)
{
	if (s->is_ours != is_ours) {
		s->is_ours = is_ours;
		save(s->all);
	}
}

static void is_done(struct scope *s)
{
	set_ours(s, s->is_wanted);
	s->state = DONE;
	s->failures = 0;
	s->since_wall_ms = clock_wall_ms();
	s->why[0] = '\0';
}

static int64_t wait_after(struct scope *s, int64_t asked_ms)
{
	int64_t wait_ms = AGAIN_MS << (s->failures < 6 ? s->failures : 6);

	s->failures++;
	wait_ms = wait_ms < AGAIN_MAX_MS ? wait_ms : AGAIN_MAX_MS;
	return asked_ms > wait_ms ? asked_ms : wait_ms;
}

static void has_failed(struct scope *s, const struct platform_rest_answer *a)
{
	const struct platform_rest_error *e = platform_rest_error(a->code, a->field);
	bool is_refused = a->status >= 400 && a->status < 500 && a->err != ERR_BUSY;

	if (!s->is_wanted && (a->status == 403 || a->status == 404)) {
		is_done(s); /* the bot is not there any more */
		return;
	}
	snprintf(s->why, sizeof(s->why), "%s%s%s", a->why, e->advice ? "; " : "",
		e->advice ? e->advice : "");
	s->state = is_refused ? REFUSED : WANTED;
	s->not_before_ms = clock_mono_ms() + wait_after(s, a->wait_ms);
	log_event(LOG_ERROR, "platform", "discord_commands", "result", "FAILED", "community",
		s->guild, "message", s->why, NULL);
}

static void on_put(void *ctx, const struct platform_rest_answer *a);
static void on_read(void *ctx, const struct platform_rest_answer *a);

static int ask(struct scope *s, const char *method, struct str body,
	void (*done)(void *ctx, const struct platform_rest_answer *a))
{
	struct platform_commands *c = s->all;
	char path[PATH_BYTES];
	struct platform_rest_call call = {.method = method, .path = path, .body = body,
		.deadline_ms = CALL_MS, .done = done, .ctx = s};

	snprintf(path, sizeof(path), "/applications/%s%s%s/commands", c->application,
		s->guild[0] ? "/guilds/" : "", s->guild);
	c->task = platform_rest_start(c->rest, &call);
	if (!c->task)
		return ERR_BUSY;
	s->state = ASKED;
	return 0;
}

static void later(struct scope *s)
{
	s->state = WANTED;
	s->not_before_ms = clock_mono_ms() + AGAIN_MS;
}

static void on_put(void *ctx, const struct platform_rest_answer *a)
{
	struct scope *s = ctx;
	struct platform_commands *c = s->all;

	c->task = NULL;
	if (a->err != 0) {
		has_failed(s, a);
	} else {
		is_done(s);
		log_event(LOG_SYSTEM, "platform", "discord_commands", "community", s->guild,
			LOG_INT("count", s->is_wanted ? c->count : 0), NULL);
	}
	soon(c);
}

/* What may be there from now on is ours, whether or not the answer comes. */
static int put(struct scope *s)
{
	if (!str_is(list_of(s), "[]"))
		set_ours(s, true);
	return ask(s, "PUT", list_of(s), on_put);
}

static void on_read(void *ctx, const struct platform_rest_answer *a)
{
	struct scope *s = ctx;
	struct platform_commands *c = s->all;
	int same;

	c->task = NULL;
	same = a->err != 0 ? a->err : is_same_list(list_of(s), a->body);
	if (a->err != 0)
		has_failed(s, a);
	else if (same == 1)
		is_done(s);
	else if (same < 0 || put(s) < 0)
		later(s);
	soon(c);
}

static void work(void *ctx)
{
	struct platform_commands *c = ctx;
	int64_t now_ms = clock_mono_ms(), due = INT64_MAX;
	struct scope *s;

	if (c->task || !c->application[0] || c->everywhere.len == 0)
		return;
	LL_FOREACH(c->scopes, s) {
		if (s->state != WANTED)
			continue;
		if (now_ms >= s->not_before_ms) {
			if (ask(s, "GET", STR(""), on_read) == 0)
				return;
			later(s);
		}
		due = s->not_before_ms < due ? s->not_before_ms : due;
	}
	if (c->store && !platform_store_is_settled(c->store))
		due = now_ms + SAVE_MS < due ? now_ms + SAVE_MS : due;
	if (due != INT64_MAX)
		io_timer_start(c->timer, due - now_ms);
}

/* ---- What is asked for ----------------------------------------------------------------------- */

static void stop_asking(struct platform_commands *c)
{
	platform_rest_cancel(c->task);
	c->task = NULL;
}

static void want_all(struct platform_commands *c)
{
	struct scope *s;

	stop_asking(c);
	LL_FOREACH(c->scopes, s) {
		if (s->is_wanted || s->state == ASKED)
			s->state = WANTED;
		if (s->is_wanted)
			s->not_before_ms = 0;
	}
	soon(c);
}

int platform_commands_want(struct platform_commands *c, const struct slash *list, size_t n)
{
	struct buf everywhere, in_guild;
	int err;

	n = n < COMMANDS_MAX ? n : COMMANDS_MAX;
	buf_init(&everywhere, LIST_BYTES);
	buf_init(&in_guild, LIST_BYTES);
	err = add_list(&everywhere, list, n, true);
	if (err == 0)
		err = add_list(&in_guild, list, n, false);
	if (err < 0 || str_eq(buf_str(&everywhere), buf_str(&c->everywhere))) {
		buf_fini(&everywhere);
		buf_fini(&in_guild);
		return err;
	}
	buf_fini(&c->everywhere);
	buf_fini(&c->in_guild);
	c->everywhere = everywhere;
	c->in_guild = in_guild;
	c->count = n;
	want_all(c);
	return 0;
}

/* Finds or makes it; NULL = no memory. */
static struct scope *scope_of(struct platform_commands *c, const char *guild)
{
	struct scope *s;

	LL_FOREACH(c->scopes, s) {
		if (strcmp(s->guild, guild) == 0)
			return s;
	}
	s = mem_new(sizeof(*s));
	if (!s)
		return NULL;
	s->all = c;
	snprintf(s->guild, sizeof(s->guild), "%s", guild);
	LL_PREPEND(c->scopes, s);
	return s;
}

static void free_scopes(struct platform_commands *c)
{
	struct scope *s, *next;

	LL_FOREACH_SAFE(c->scopes, s, next)
		mem_free(s);
	c->scopes = NULL;
}

static int take_lines(struct platform_commands *c, struct str rest)
{
	int err = 0;

	while (rest.len > 0 && !err) {
		const struct str line = str_split(&rest, '\n');
		const bool is_all = str_is(line, EVERYWHERE);
		char guild[ID_BYTES] = "";
		struct scope *s;

		if (!is_all && (platform_snowflake(line) == 0 || line.len >= sizeof(guild)))
			continue; /* whatever it is, it names nothing of ours */
		if (!is_all)
			memcpy(guild, line.at, line.len);
		s = scope_of(c, guild);
		err = s ? 0 : ERR_NOMEM;
		if (s) {
			s->is_ours = true;
			s->state = DONE; /* until it is known where they shall be */
		}
	}
	return err;
}

/* A file that is there but cannot be read stays as it is. */
static void close_unreadable(struct platform_commands *c, int err)
{
	log_event(LOG_ERROR, "platform", "commands_unreadable", "result", "FAILED", "file",
		platform_store_path(c->store), "error", err_name(err), "message",
		"slash commands of before are not taken back where they shall not be", NULL);
	platform_store_free(c->store, (struct str){0});
	c->store = NULL;
}

int platform_commands_open(struct platform_commands *c, struct io_worker *worker,
	const char *state_dir, const struct secret *token)
{
	struct buf text;
	int err;

	stop_asking(c);
	free_scopes(c);
	c->application[0] = '\0';
	platform_store_free(c->store, (struct str){0});
	err = platform_store_new(worker, state_dir, "discord-commands", token, &c->store);
	if (err)
		return err;
	buf_init(&text, PLATFORM_STORE_BYTES);
	err = platform_store_read(c->store, &text);
	if (!err) {
		err = take_lines(c, buf_str(&text));
	} else if (err != ERR_NOMEM) {
		if (err != ERR_NOTFOUND)
			close_unreadable(c, err);
		err = 0;
	}
	buf_fini(&text);
	return err;
}

static void place(struct scope *s, bool is_wanted)
{
	if (s->is_wanted != is_wanted || s->state == REFUSED || s->state == ASKED ||
		(!is_wanted && s->is_ours))
		s->state = WANTED;
	s->is_wanted = is_wanted;
	if (s->failures > 0) {
		s->failures = 0;
		s->not_before_ms = 0; /* a person may have mended it */
	}
}

static int want_scope(struct platform_commands *c, const char *guild)
{
	struct scope *s = scope_of(c, guild);

	if (!s)
		return ERR_NOMEM;
	place(s, true);
	return 0;
}

static bool is_listed(const struct scope *s, const char *const *guilds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(s->guild, guilds[i]) == 0)
			return true;
	}
	return false;
}

/* What is not listed: taken back, left alone, or not even known of. */
static void leave_scope(struct platform_commands *c, struct scope *s, bool is_beside)
{
	if (!s->is_ours && !s->is_wanted && s->state != ASKED) {
		LL_DELETE(c->scopes, s);
		mem_free(s);
	} else if (is_beside && s->guild[0]) {
		s->is_wanted = false;
		s->state = DONE;
		s->failures = 0;
		s->why[0] = '\0';
	} else {
		place(s, false);
	}
}

int platform_commands_where(struct platform_commands *c, const char *application_id,
	bool is_everywhere, const char *const *guilds, size_t n)
{
	struct scope *s, *next;
	int err = 0;

	stop_asking(c);
	snprintf(c->application, sizeof(c->application), "%s",
		platform_snowflake(str_of(application_id)) != 0 ? application_id : "");
	LL_FOREACH_SAFE(c->scopes, s, next) {
		if (s->guild[0] ? !is_listed(s, guilds, n) : !is_everywhere)
			leave_scope(c, s, n > 0);
	}
	if (is_everywhere)
		err = want_scope(c, "");
	for (size_t i = 0; i < n && err == 0; i++) {
		if (platform_snowflake(str_of(guilds[i])) != 0)
			err = want_scope(c, guilds[i]);
	}
	soon(c);
	return err;
}

int platform_commands_where_known(struct platform_commands *c, const char *application_id,
	const char *const *guilds, size_t n)
{
	const char **all;
	struct scope *s;
	size_t m = 0;
	int err;

	LL_FOREACH(c->scopes, s)
		m++;
	all = mem_array(n + m + 1, sizeof(*all));
	if (!all)
		return ERR_NOMEM;
	for (m = 0; m < n; m++)
		all[m] = guilds[m];
	LL_FOREACH(c->scopes, s) {
		if (s->is_ours && s->guild[0])
			all[m++] = s->guild;
	}
	err = m > 0 ? platform_commands_where(c, application_id, false, all, m) : 0;
	mem_free(all);
	return err;
}

/* ---- Life ------------------------------------------------------------------------------------ */

int platform_commands_new(struct io *io, struct platform_rest *rest, struct platform_commands **out)
{
	struct platform_commands *c = mem_new(sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->rest = rest;
	buf_init(&c->everywhere, LIST_BYTES);
	buf_init(&c->in_guild, LIST_BYTES);
	c->timer = io_timer_new(io, work, c);
	if (!c->timer) {
		mem_free(c);
		return ERR_NOMEM;
	}
	*out = c;
	return 0;
}

void platform_commands_free(struct platform_commands *c)
{
	if (!c)
		return;
	stop_asking(c);
	free_scopes(c);
	platform_store_free(c->store, (struct str){0});
	buf_fini(&c->everywhere);
	buf_fini(&c->in_guild);
	io_timer_free(c->timer);
	mem_free(c);
}

int platform_commands_status(const struct platform_commands *c, struct buf *out)
{
	unsigned n[REFUSED + 1] = {0};
	bool is_wanted = false;
	const struct scope *s, *told = NULL;
	int64_t since_ms = 0;
	char text[CLOCK_TEXT_BYTES];
	int err;

	LL_FOREACH(c->scopes, s) {
		n[s->state]++;
		is_wanted = is_wanted || s->is_wanted;
		since_ms = s->since_wall_ms > since_ms ? s->since_wall_ms : since_ms;
		told = s->why[0] ? s : told;
	}
	err = buf_addf(out,
		"{\"commands\":%zu,\"done\":%u,\"waiting\":%u,\"refused\":%u,\"since\":",
		is_wanted ? c->count : 0, n[DONE], n[WANTED] + n[ASKED], n[REFUSED]);
	if (err == 0)
		err = since_ms > 0 ? json_add_string(out, str_of(clock_text(since_ms, text))) :
			buf_adds(out, "null");
	if (err == 0)
		err = buf_adds(out, ",\"why\":");
	if (err == 0)
		err = json_add_string(out, str_of(told ? told->why : ""));
	return err == 0 ? buf_addc(out, '}') : err;
}
