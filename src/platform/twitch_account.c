/* Whose logins a Twitch place uses, and what is subscribed with each. The bot's login does whatever
 * it may; a broadcaster's is used for what only it may subscribe (twitch_need.h). */
#include "platform/twitch_place.h"

#include <stdio.h>
#include <string.h>

struct platform_account *platform_account_bot(const struct platform_twitch *t)
{
	return t->accounts;
}

/* ---- What sessions and tokens say ------------------------------------------------------------ */

static void on_token(void *ctx)
{
	struct platform_account *a = ctx;
	struct platform_twitch *t = a->place;

	if (a->helix)
		platform_helix_token_changed(a->helix);
	if (a->eventsub)
		platform_eventsub_token_changed(a->eventsub);
	platform_twitch_soon(t);
	if (a != platform_account_bot(t))
		return;
	if (platform_twitch_has_irc(t))
		platform_irc_token_changed(&t->irc);
	if (t->streams)
		platform_streams_retry(t->streams);
	t->must_wish = true;
}

static void on_frame(void *ctx, struct str bytes)
{
	struct platform_account *a = ctx;
	const struct platform_owner *o = &a->place->owner;

	if (o->frame)
		o->frame(o->ctx, a->place->place, "eventsub", bytes);
}

static void on_notification(void *ctx, const struct platform_notification *n)
{
	struct platform_account *a = ctx;

	if (!a->place->is_stopping)
		platform_feed_news(a->place, n);
}

static int64_t on_join(void *ctx, int64_t now_ms)
{
	struct platform_account *a = ctx;
	struct platform_twitch *t = a->place;

	return t->owner.join ? t->owner.join(t->owner.ctx, t->place, now_ms) : 0;
}

/* Chat by EventSub: a room may be spoken in while its lines come. */
static void on_subscribed(void *ctx, const struct platform_wish *w, bool is_on, const char *why)
{
	struct platform_account *a = ctx;
	struct platform_twitch *t = a->place;
	struct platform_room *room = platform_room_find(t, str_of(w->channel));

	(void)why;
	if (!room || strcmp(w->need->type, "channel.chat.message") != 0)
		return;
	room->base.is_open = is_on;
	room->base.is_privileged |= platform_token_user_id(a->token)[0] &&
		strcmp(platform_token_user_id(a->token), room->id) == 0;
	(void)!platform_room_lane(t, room);
}

static void on_changed(void *ctx)
{
	struct platform_account *a = ctx;

	platform_twitch_soon(a->place);
}

/* ---- Accounts -------------------------------------------------------------------------------- */

static void free_account(struct platform_twitch *t, struct platform_account *a)
{
	if (!a)
		return;
	platform_eventsub_free(a->eventsub);
	platform_helix_free(a->helix);
	platform_token_free(a->token);
	if (a->prev)
		DL_DELETE(t->accounts, a);
	mem_free(a);
}

/* channel "" = the bot. */
static int open_account(struct platform_twitch *t, const struct conf_place *c, const char *channel)
{
	struct platform_account *a = mem_new(sizeof(*a));
	int err = a ? 0 : ERR_NOMEM;

	if (err)
		return err;
	a->place = t;
	a->is_needed = true;
	snprintf(a->channel, sizeof(a->channel), "%s", channel);
	const struct platform_token_options token = {.io = t->io,
		.conf = c,
		.state_dir = t->state_dir,
		.worker = t->worker,
		.channel = *channel ? a->channel : NULL,
		.changed = on_token,
		.ctx = a};
	err = platform_token_new(&token, &a->token);
	if (!err)
		err = platform_helix_new(t->io, c, a->token, &a->helix);
	const struct platform_eventsub_options o = {.io = t->io,
		.conf = c,
		.token = a->token,
		.helix = a->helix,
		.frame = on_frame,
		.notification = on_notification,
		.join = on_join,
		.subscribed = on_subscribed,
		.changed = on_changed,
		.ctx = a};
	if (!err)
		err = platform_eventsub_new(&o, &a->eventsub);
	if (err) {
		free_account(t, a);
		return err;
	}
	DL_APPEND(t->accounts, a);
	return 0;
}

int platform_accounts_open(struct platform_twitch *t, const struct conf_place *c)
{
	return c->account && *c->account ? open_account(t, c, "") : 0;
}

int platform_accounts_reload(struct platform_twitch *t, const struct conf_place *c)
{
	bool has_account = c->account && *c->account;
	struct platform_account *a;
	int err = 0;

	if (has_account && !t->accounts)
		return open_account(t, c, "");
	if (!has_account) {
		if (platform_twitch_has_irc(t))
			platform_irc_set_token(&t->irc, NULL);
		platform_streams_free(t->streams);
		t->streams = NULL;
		platform_accounts_close(t);
		return 0;
	}
	DL_FOREACH(t->accounts, a) {
		if (!err)
			err = platform_token_load(a->token, c);
		if (!err)
			err = platform_helix_reload(a->helix, c);
		if (!err)
			err = platform_eventsub_reload(a->eventsub, c);
	}
	return err;
}

bool platform_accounts_are_busy(const struct platform_twitch *t)
{
	const struct platform_account *a;

	DL_FOREACH(t->accounts, a) {
		if (platform_token_is_renewing(a->token))
			return true;
	}
	return false;
}

void platform_accounts_close(struct platform_twitch *t)
{
	while (t->accounts)
		free_account(t, t->accounts->prev); /* the last; the bot's is first */
}

/* ---- Scopes ---------------------------------------------------------------------------------- */

/* Adds the scopes that something in use needs and the token does not have;
 * none while it is unknown. */
static int add_lacks(const struct platform_account *a, struct buf *out)
{
	const struct platform_twitch *t = a->place;

	if (!platform_token_user_id(a->token)[0] || !platform_token_use(a->token))
		return 0;
	return platform_need_missing(&t->conf, &t->wants, a->channel[0] != '\0', a->token, out);
}

static void note_lacks(struct platform_account *a)
{
	char message[PLATFORM_LACKS_BYTES + 128];
	struct buf text;

	buf_init(&text, sizeof(a->lacks) - 1);
	if (add_lacks(a, &text) == 0 && text.len > 0 && strcmp(buf_text(&text), a->lacks) != 0) {
		if (platform_token_is_fixed(a->token))
			snprintf(message, sizeof(message), "the token in mynah.yaml lacks %s",
				buf_text(&text));
		else
			snprintf(message, sizeof(message),
				"the login lacks %s: run `mynah login twitch%s%s`", buf_text(&text),
				a->channel[0] ? " --broadcaster " : "", a->channel);
		log_event(LOG_ERROR, "platform", "scopes_missing", "place", a->place->conf.name,
			"community", a->channel[0] ? a->channel : NULL, "message", message, NULL);
		snprintf(a->lacks, sizeof(a->lacks), "%s", buf_text(&text));
	}
	buf_fini(&text);
}

void platform_accounts_note_lacks(struct platform_twitch *t)
{
	struct platform_account *a;

	DL_FOREACH(t->accounts, a)
		note_lacks(a);
}

int platform_account_status(const struct platform_account *a, struct buf *out)
{
	int err = platform_token_status(a->token, out);
	struct buf text;
	struct str rest;

	if (err)
		return err;
	buf_init(&text, PLATFORM_LACKS_BYTES);
	err = add_lacks(a, &text);
	buf_truncate(out, out->len - 1); /* its closing brace */
	if (!err)
		err = buf_adds(out, ",\"missing\":[");
	rest = buf_str(&text);
	for (bool is_first = true; rest.len > 0 && !err; is_first = false) {
		err = is_first ? 0 : buf_addc(out, ',');
		if (!err)
			err = json_add_string(out, str_split(&rest, ' '));
	}
	buf_fini(&text);
	return err ? err : buf_adds(out, "]}");
}

/* ---- Wishes ---------------------------------------------------------------------------------- */

/* Is the bot the broadcaster of this room? */
static bool is_own(const struct platform_twitch *t, const struct platform_room *room)
{
	return str_is_nocase(str_of(t->conf.account), room->name);
}

/* Whose session is to have this row for this room. */
static bool is_for(const struct platform_account *a, const struct platform_need *need,
	const struct platform_room *room)
{
	const struct platform_twitch *t = a->place;

	if (!need->is_broadcasters || is_own(t, room))
		return a == platform_account_bot(t);
	return strcmp(a->channel, room->name) == 0;
}

static int wish_for(struct platform_account *a)
{
	struct platform_twitch *t = a->place;
	size_t n_needs, n = 0;
	const struct platform_need *needs = platform_needs(&n_needs);
	struct platform_wish *wishes = mem_array(n_needs * (HASH_COUNT(t->rooms) + 1),
		sizeof(*wishes));
	const struct platform_room *room;

	if (!wishes)
		return ERR_NOMEM;
	for (size_t i = 0; i < n_needs; i++) {
		if (!platform_need_is_used(&needs[i], &t->conf, &t->wants))
			continue;
		if (needs[i].condition == PLATFORM_OF_USER) {
			if (a == platform_account_bot(t))
				wishes[n++].need = &needs[i];
			continue;
		}
		for (room = t->rooms; room; room = room->hh.next) {
			if (!room->id[0] || !is_for(a, &needs[i], room))
				continue;
			wishes[n].need = &needs[i];
			memcpy(wishes[n].channel, room->name, sizeof(room->name));
			memcpy(wishes[n].channel_id, room->id, sizeof(room->id));
			n++;
		}
	}
	int err = platform_eventsub_want(a->eventsub, wishes, n);
	mem_free(wishes);
	return err;
}

static bool has_used_row(const struct platform_twitch *t, bool is_broadcasters)
{
	size_t n;
	const struct platform_need *needs = platform_needs(&n);

	for (size_t i = 0; i < n; i++) {
		if ((!is_broadcasters || needs[i].is_broadcasters) &&
				platform_need_is_used(&needs[i], &t->conf, &t->wants))
			return true;
	}
	return false;
}

/* Broadcasters' accounts come and go with what is wanted of them. */
static int open_needed(struct platform_twitch *t)
{
	bool is_needed = has_used_row(t, true);
	struct platform_account *a, *next;
	const struct platform_room *room;
	int err = 0;

	DL_FOREACH(t->accounts, a)
		a->is_needed = !a->channel[0];
	for (room = t->rooms; room && is_needed && !err; room = room->hh.next) {
		bool is_there = is_own(t, room);

		DL_FOREACH(t->accounts, a) {
			if (strcmp(a->channel, room->name) == 0)
				is_there = a->is_needed = true;
		}
		if (!is_there)
			err = open_account(t, &t->conf, room->name);
	}
	DL_FOREACH_SAFE(t->accounts, a, next) {
		if (!a->is_needed)
			free_account(t, a);
	}
	return err;
}

static void on_named(void *ctx, const char *channel, const char *id)
{
	struct platform_twitch *t = ctx;
	struct platform_room *room = platform_room_find(t, str_of(channel));

	if (!room || strcmp(room->id, id) == 0)
		return;
	snprintf(room->id, sizeof(room->id), "%s", id);
	t->must_wish = true;
	platform_twitch_soon(t);
}

static void on_stream(void *ctx, const char *channel, const struct stream *s)
{
	struct platform_twitch *t = ctx;

	if (t->owner.stream && !t->is_stopping)
		t->owner.stream(t->owner.ctx, t->place, channel, s);
}

/* Ids are needed by whatever goes by them; nobody is asked when nothing does. */
static int want_streams(struct platform_twitch *t)
{
	struct platform_account *bot = platform_account_bot(t);
	bool is_needed = t->wants.stream || platform_twitch_sends_by_helix(t) ||
		has_used_row(t, false);

	if (!bot || (!is_needed && !t->streams))
		return 0;
	if (!t->streams) {
		const struct platform_streams_options o = {.io = t->io, .helix = bot->helix,
			.poll_ms = t->conf.stream_poll_ms, .named = on_named,
			.stream = on_stream, .ctx = t};
		int err = platform_streams_new(&o, &t->streams);

		if (err)
			return err;
	}
	return platform_streams_want(t->streams, &t->conf.channels, t->wants.stream);
}

int platform_accounts_wish(struct platform_twitch *t)
{
	struct platform_account *a;
	int err;

	if (!platform_account_bot(t))
		return 0;
	err = want_streams(t);
	if (!err)
		err = open_needed(t);
	DL_FOREACH(t->accounts, a) {
		if (!err)
			err = wish_for(a);
	}
	return err;
}

bool platform_accounts_bring(const struct platform_twitch *t, enum event_kind kind,
	struct str channel_id)
{
	const struct platform_account *a;

	DL_FOREACH(t->accounts, a) {
		if (platform_eventsub_brings(a->eventsub, kind, channel_id))
			return true;
	}
	return false;
}
