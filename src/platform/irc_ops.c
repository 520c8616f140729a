/* The functions of platform_ops for an IRC place: from its config to its end. What happens in
 * between is twitch_irc.c's. */
#include "platform/room.h"

#include <stdio.h>
#include <string.h>

#include "safety/safety.h"

#define TWITCH_TEXT_UNITS 500 /* twitch.md 1.9 */
#define IRC_TEXT_BYTES    400 /* of 512 in a line as others see it, with its prefix (RFC 2812) */

/* ---- The end --------------------------------------------------------------------------------- */

static void free_conf(struct platform_irc *p)
{
	mem_free(p->name);
	mem_free(p->url);
	mem_free(p->ca_file);
	mem_free(p->account);
	mem_free(p->token_hint);
	secret_free(p->secret);
}

void platform_irc_bury(struct platform_irc *p)
{
	struct platform_link *k, *next;

	LL_FOREACH_SAFE(p->ended, k, next) {
		secret_free(k->used);
		mem_free(k);
	}
	p->ended = NULL;
}

void platform_irc_end(struct platform_irc *p)
{
	struct platform_channel *ch, *next_ch;
	struct reply *r, *next;

	platform_link_drop(p->serving);
	platform_link_drop(p->coming);
	platform_link_drop(p->going);
	platform_irc_bury(p);
	io_timer_free(p->timer);
	HASH_ITER(hh, p->channels, ch, next_ch)
		platform_channel_free(p, ch);
	DL_FOREACH_SAFE(p->refused, r, next)
		reply_free(r);
	platform_maker_fini(&p->maker);
	free_conf(p);
	mem_free(p);
}

/* ---- Sending --------------------------------------------------------------------------------- */

/* Is it to be a reply, and may the id stand in a tag we write? */
static bool can_thread(const struct platform_irc *p, const struct reply *r)
{
	const char *id = r->to_id;
	struct str s = str_of(id);

	if (!p->has_threads || !r->is_thread || s.len == 0 || platform_clean_id(s).len == 0)
		return false;
	if (strncmp(id, PLATFORM_NOTICE_ID, sizeof(PLATFORM_NOTICE_ID) - 1) == 0)
		return false;
	return strpbrk(id, ";\\") == NULL && (p->is_twitch || p->serving->has_tags);
}

static int write_reply(struct platform_irc *p, const struct platform_channel *ch,
	const struct reply *r)
{
	struct platform_link *k = p->serving;
	struct str text = str_of(r->text);
	const char *tag = p->is_twitch ? "@reply-parent-msg-id=" : "@+draft/reply=";
	int err;

	if (!p->is_twitch)
		text.len = text_cut(text, IRC_TEXT_BYTES, 0);
	if (can_thread(p, r))
		err = platform_link_send(k, false, "%s%s PRIVMSG #%s :%.*s", tag, r->to_id,
			ch->name, STR_FMT(text));
	else
		err = platform_link_send(k, false, "PRIVMSG #%s :%.*s", ch->name, STR_FMT(text));
	if (err == 0 && !p->is_twitch)
		err = platform_link_send(k, false, "PING :said#%s", ch->name);
	return err;
}

/* Why it cannot be written, NULL if it was. The check of the text is the wire's own, whatever
 * safety said before (law 8). */
static const char *try_send(struct platform_irc *p, struct platform_channel *ch, struct reply *r)
{
	if (!ch || ch->is_leaving || ch->seat.join != PLATFORM_JOINED)
		return "not_joined";
	if (!p->serving || p->serving->phase != PLATFORM_SERVING || p->is_stopping)
		return "not_connected";
	if (!safety_is_sayable(str_of(r->text), TWITCH_TEXT_UNITS))
		return "unsayable";
	return write_reply(p, ch, r) < 0 ? "not_connected" : NULL;
}

static void irc_send(void *self, struct reply *r)
{
	struct platform_irc *p = self;
	struct platform_channel *ch = platform_channel_find(p, str_of(r->channel));
	const char *why = try_send(p, ch, r);

	if (why) {
		r->owner = (void *)why;
		DL_APPEND(p->refused, r);
	} else {
		r->owner = p->serving;
		r->dies_ms = clock_mono_ms() + PLATFORM_ACK_MS;
		DL_APPEND(ch->sent, r);
	}
	platform_irc_soon(p);
}

/* ---- Config ---------------------------------------------------------------------------------- */

char *platform_irc_token_hint(const struct conf_place *c)
{
	char text[128];
	const char *name = c->token.name ? c->token.name : "";

	switch (c->token.from) {
	case CONF_SECRET_VAULT:
		snprintf(text, sizeof(text), "Set a valid token with `mynah secret set %s`", name);
		break;
	case CONF_SECRET_ENV:
		snprintf(text, sizeof(text), "Put a valid token into the variable %s", name);
		break;
	case CONF_SECRET_FILE:
		snprintf(text, sizeof(text), "Put a valid token into %s", name);
		break;
	case CONF_SECRET_NONE:
		snprintf(text, sizeof(text), c->kind == CONF_TWITCH ? "Run `mynah login twitch`" :
			"Check account:, token: and url: in mynah.yaml");
		break;
	case CONF_SECRET_LITERAL:
		snprintf(text, sizeof(text), "Check account:, token: and url: in mynah.yaml");
		break;
	}
	return mem_dup(text);
}

static bool is_same(const char *a, const char *b)
{
	return str_eq(str_of(a), str_of(b));
}

/* Replaces what p knows of its config. On failure p is as it was. */
static int take_conf(struct platform_irc *p, const struct conf_place *c)
{
	const char *account = c->account && *c->account ? c->account : NULL;
	struct io_url url;
	struct platform_irc fresh = {.name = mem_dup(c->name), .url = mem_dup(c->url),
		.ca_file = mem_dup(c->ca_file), .account = mem_dup(account),
		.token_hint = platform_irc_token_hint(c), .secret = secret_ref(c->secret)};
	int err = 0;

	if (!fresh.name || !fresh.url || !fresh.token_hint || (c->ca_file && !fresh.ca_file) ||
			(account && !fresh.account))
		err = ERR_NOMEM;
	else if (io_url_parse(c->url, &url) < 0 || strncmp(c->url, "ws", 2) != 0)
		err = ERR_INVALID;
	if (err < 0) {
		free_conf(&fresh);
		return err;
	}
	if (p->is_twitch && fresh.account)
		ascii_lower_all(fresh.account);
	p->must_reconnect = p->state == PLATFORM_REFUSED || !is_same(p->url, fresh.url) ||
		!is_same(p->ca_file, fresh.ca_file) || !is_same(p->account, fresh.account) ||
		!str_eq(secret_use(p->secret), secret_use(fresh.secret));
	if (p->name) { /* events borrow it: the same block for the place's life */
		mem_free(fresh.name);
		fresh.name = p->name;
		p->name = NULL;
	}
	free_conf(p);
	p->name = fresh.name;
	p->url = fresh.url;
	p->ca_file = fresh.ca_file;
	p->account = fresh.account;
	p->token_hint = fresh.token_hint;
	p->secret = fresh.secret;
	p->has_threads = c->reply_threads;
	return 0;
}

/* Channels of the config are wanted, all others leave. A reload is also a person's word that a
 * refused channel may be tried again. */
static int take_channels(struct platform_irc *p, const struct conf_place *c)
{
	struct platform_channel *ch;
	int err = 0;

	for (ch = p->channels; ch; ch = ch->hh.next) {
		ch->is_leaving = true;
		ch->is_refused = false;
		if (ch->seat.join == PLATFORM_FAILED)
			ch->seat = (struct platform_seat){.join = PLATFORM_WANTED};
	}
	for (size_t i = 0; i < c->channels.n; i++) {
		int failed = platform_channel_add(p, c->channels.at[i]);

		if (failed == ERR_INVALID)
			log_event(LOG_ERROR, "platform", "channel_ignored", "community",
				c->channels.at[i], "message", "not a channel name", NULL);
		else if (failed < 0)
			err = failed;
	}
	return err;
}

static int irc_reload(void *self, const struct conf_place *c)
{
	struct platform_irc *p = self;
	int err;

	if (p->is_stopping)
		return ERR_CLOSED;
	err = take_conf(p, c);
	if (err < 0)
		return err;
	err = take_channels(p, c);
	platform_irc_soon(p);
	return err;
}

static void irc_stop(void *self)
{
	struct platform_irc *p = self;

	p->is_stopping = true;
	platform_irc_soon(p);
}

/* ---- Status ---------------------------------------------------------------------------------- */

/* A channel in one word, as people think of it. */
static const char *channel_word(const struct platform_channel *ch)
{
	if (ch->lane.is_open)
		return "open";
	if (ch->seat.join == PLATFORM_JOINED) /* inside, and not allowed to speak */
		return "joined";
	if (ch->is_refused)
		return "refused";
	return ch->seat.join == PLATFORM_FAILED ? "failed" : "joining";
}

static const char *yes_no(bool is_so)
{
	return is_so ? "true" : "false";
}

static int add_channel_status(const struct platform_channel *ch, int64_t now_ms, struct buf *out)
{
	const struct outbox_lane *l = &ch->lane;
	int64_t hold_ms = l->hold_until_ms > now_ms ? l->hold_until_ms - now_ms : 0;
	int err = buf_adds(out, "{\"name\":");

	if (err == 0)
		err = json_add_string(out, str_of(ch->name));
	if (err == 0)
		err = buf_addf(out, ",\"state\":\"%s\",\"refused\":%s,\"privileged\":%s,"
			"\"slow_ms\":%lld,\"hold_ms\":%lld}", channel_word(ch),
			yes_no(l->is_refused), yes_no(l->is_privileged), (long long)l->slow_ms,
			(long long)hold_ms);
	return err;
}

static int irc_status(void *self, struct buf *out)
{
	struct platform_irc *p = self;
	const struct platform_channel *ch;
	char since[CLOCK_TEXT_BYTES];
	int64_t now_ms = clock_mono_ms();
	int err = buf_adds(out, "{\"place\":");

	if (err == 0)
		err = json_add_string(out, str_of(p->name));
	if (err == 0)
		err = buf_addf(out, ",\"state\":\"%s\",\"since\":\"%s\",\"account\":",
			platform_state_name(p->state), clock_text(p->since_wall_ms, since));
	if (err == 0)
		err = json_add_string(out, str_of(p->maker.login));
	if (err == 0)
		err = buf_adds(out, ",\"why\":");
	if (err == 0)
		err = json_add_string(out, str_of(p->why));
	if (err == 0)
		err = buf_adds(out, ",\"channels\":[");
	for (ch = p->channels; ch && err == 0; ch = ch->hh.next) {
		if (ch != p->channels)
			err = buf_addc(out, ',');
		if (err == 0)
			err = add_channel_status(ch, now_ms, out);
	}
	return err < 0 ? err : buf_adds(out, "]}");
}

/* ---- platform_ops ---------------------------------------------------------------------------- */

static void irc_free(void *self)
{
	struct platform_irc *p = self;

	if (!p || p->is_doomed)
		return;
	p->is_doomed = true;
	io_timer_stop(p->timer);
	if (p->depth == 0)
		platform_irc_end(p);
}

static const struct platform_ops irc_ops = {
	.name = "irc",
	.send = irc_send,
	.reload = irc_reload,
	.stop = irc_stop,
	.status = irc_status,
	.free = irc_free,
};

int platform_irc_new(struct io *io, unsigned place, const struct conf_place *c,
	const struct platform_owner *owner, struct platform *out)
{
	return platform_irc_new_with(io, place, c, NULL, owner, out);
}

void platform_irc_set_token(struct platform *irc, struct platform_token *token)
{
	struct platform_irc *p = irc->self;

	p->token = token;
}

void platform_irc_token_changed(struct platform *irc)
{
	platform_irc_soon(irc->self);
}

int platform_irc_new_with(struct io *io, unsigned place, const struct conf_place *c,
	struct platform_token *token, const struct platform_owner *owner, struct platform *out)
{
	struct platform_irc *p = mem_new(sizeof(*p));
	int err;

	if (!p)
		return ERR_NOMEM;
	p->io = io;
	p->owner = *owner;
	p->place = place;
	p->token = token;
	p->is_twitch = c->kind == CONF_TWITCH;
	p->slept_mono_ms = clock_mono_ms();
	p->slept_wall_ms = clock_wall_ms();
	p->since_wall_ms = p->slept_wall_ms;
	io_backoff_init(&p->backoff);
	platform_modes_init(&p->modes);
	platform_maker_init(&p->maker, place, (struct str){0});
	err = take_conf(p, c);
	if (err == 0)
		err = take_channels(p, c);
	p->timer = err == 0 ? io_timer_new(io, platform_irc_work, p) : NULL;
	if (err == 0 && !p->timer)
		err = ERR_NOMEM;
	if (err < 0) {
		platform_irc_end(p);
		return err;
	}
	p->maker.platform = str_of(p->name);
	p->must_reconnect = false;
	p->retry_ms = p->slept_mono_ms;
	platform_irc_soon(p);
	*out = (struct platform){&irc_ops, p};
	return 0;
}
