/* One function per command of a chat server; the table at the end says which speaks which. */
#include "platform/room.h"

#include <stdio.h>

void platform_irc_drop_line(const char *why)
{
	metric_add(&platform_lines_dropped, why, 1);
}

static bool is_me(const struct platform_link *k, struct str nick)
{
	return str_is_nocase(nick, k->nick);
}

static struct platform_channel *channel_of(struct platform_link *k, const struct platform_line *l,
	size_t param)
{
	return platform_channel_find(k->place, platform_line_param(l, param));
}

static void hold(struct platform_irc *p, struct platform_channel *ch, int64_t for_ms)
{
	int64_t until_ms = p->maker.now_ms + for_ms;

	if (until_ms > ch->lane.hold_until_ms)
		ch->lane.hold_until_ms = until_ms;
}

/* ---- What people say ------------------------------------------------------------------------- */

/* While two links serve, both bring every line: what has an id is told apart by it further up, what
 * has none is taken from the old link only. */
static void tell_event(struct platform_link *k, int err, const struct event *e, const char *why)
{
	struct platform_irc *p = k->place;

	if (err < 0) {
		platform_irc_drop_line(err == ERR_NOMEM ? "nomem" : why);
	} else if (k != p->serving && e->id.len == 0) {
		platform_irc_drop_line("duplicate");
	} else if (p->owner.event) {
		p->owner.event(p->owner.ctx, e);
	}
}

static void on_twitch_event(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 0);
	const char *why = "";
	struct event e;

	if (!ch) {
		platform_irc_drop_line("unknown_channel");
		return;
	}
	int err = platform_twitch_event(&k->place->maker, l, str_of(ch->name), &e, &why);
	tell_event(k, err, &e, why);
}

static void on_irc_privmsg(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 0);
	const char *why = "";
	struct event e;

	if (!ch) {
		platform_irc_drop_line("unknown_channel");
		return;
	}
	int err = platform_irc_event(&k->place->maker, &ch->members, l, str_of(ch->name), &e, &why);
	tell_event(k, err, &e, why);
}

/* ---- What must be forgotten ------------------------------------------------------------------ */

static void on_erasure(struct platform_link *k, const struct platform_line *l)
{
	struct platform_irc *p = k->place;
	struct platform_channel *ch = channel_of(k, l, 0);
	char notice_id[sizeof(PLATFORM_NOTICE_ID) + PLATFORM_ID_BYTES];
	struct erasure e;
	int64_t timeout_ms;

	if (!ch || platform_twitch_erasure(&p->maker, l, str_of(ch->name), &e, &timeout_ms) < 0) {
		platform_irc_drop_line(ch ? "unparsable" : "unknown_channel");
		return;
	}
	if (p->maker.user_id[0] && str_is(e.user_id, p->maker.user_id)) {
		if (timeout_ms > 0)
			hold(p, ch, timeout_ms);
		else
			ch->is_refused = true;
		log_event(LOG_ERROR, "platform", timeout_ms > 0 ? "timed_out" : "banned",
			"community", ch->name, LOG_INT("for_ms", timeout_ms), NULL);
		platform_channel_lane(p, ch);
	}
	if (p->owner.erase)
		p->owner.erase(p->owner.ctx, &e);
	if (e.message_id.len > 0 && p->owner.erase && !platform_irc_is_mute(p)) {
		int n = snprintf(notice_id, sizeof(notice_id), PLATFORM_NOTICE_ID "%.*s",
			STR_FMT(e.message_id));
		e.message_id = (struct str){notice_id, (size_t)n};
		p->owner.erase(p->owner.ctx, &e);
	}
}

/* ---- What Twitch says of us ------------------------------------------------------------------ */

static void on_globaluserstate(struct platform_link *k, const struct platform_line *l)
{
	struct platform_twitch_state state;

	platform_twitch_state(l, &state);
	platform_irc_self(k, state.user_id);
}

/* After our JOIN, and after each line of ours that was accepted: that one carries an id. */
static void on_userstate(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 0);
	struct platform_twitch_state state;

	if (!ch)
		return;
	platform_twitch_state(l, &state);
	ch->lane.is_privileged = state.is_privileged;
	platform_channel_lane(k->place, ch);
	if (state.id.len > 0)
		platform_channel_settle(k->place, ch, k, REASON_NONE, "");
}

static void on_roomstate(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 0);
	struct platform_twitch_state state;

	if (!ch)
		return;
	platform_twitch_state(l, &state);
	if (state.slow_ms >= 0)
		ch->lane.slow_ms = state.slow_ms;
	if (ch->is_mode_held) { /* whatever changed may be what held us: try again */
		ch->is_mode_held = false;
		ch->lane.hold_until_ms = 0;
	}
	platform_channel_joined(ch, k);
	platform_channel_lane(k->place, ch);
}

/* What a refusal means for the channel, whichever way it came. */
static void apply_notice(struct platform_irc *p, struct platform_channel *ch,
	const struct platform_notice *n, struct str text)
{
	log_event(n->effect == PLATFORM_EFFECT_NONE ? LOG_INFO : LOG_ERROR, "platform", "notice",
		"community", ch->name, "result", n->id, "message", n->advice, NULL);
	switch (n->effect) {
	case PLATFORM_EFFECT_NONE:
		return;
	case PLATFORM_EFFECT_MODE:
		ch->is_mode_held = true;
		hold(p, ch, n->hold_ms);
		break;
	case PLATFORM_EFFECT_HOLD:
		hold(p, ch, platform_notice_wait_ms(n, text));
		break;
	case PLATFORM_EFFECT_REFUSE:
		ch->is_refused = true;
		break;
	}
	platform_channel_lane(p, ch);
}

void platform_irc_refused(struct platform *irc, const char *channel, const char *why)
{
	struct platform_irc *p = irc->self;
	struct platform_channel *ch = platform_channel_find(p, str_of(channel));
	const struct platform_notice *n = platform_notice_find(str_of(why));

	if (!ch || !n)
		return;
	platform_irc_enter(p);
	p->maker.now_ms = clock_mono_ms();
	apply_notice(p, ch, n, (struct str){0});
	platform_irc_leave(p);
}

static void on_twitch_notice(struct platform_link *k, const struct platform_line *l)
{
	struct str id = platform_twitch_notice_id(l), text = platform_line_param(l, 1);
	const struct platform_notice *n = platform_notice_find(id);
	struct platform_channel *ch = channel_of(k, l, 0);
	const struct platform_seat *seat = ch ? platform_channel_seat(ch, k) : NULL;

	if (id.len == 0 && k->phase == PLATFORM_LOGIN && platform_notice_is_login_refused(text)) {
		char why[128];
		snprintf(why, sizeof(why), "%.*s", STR_FMT(text));
		platform_irc_ended(k, ERR_DENIED, IO_OPEN, true, why);
		return;
	}
	if (!n || !ch)
		return;
	apply_notice(k->place, ch, n, text);
	if (n->effect == PLATFORM_EFFECT_REFUSE && seat && seat->join != PLATFORM_JOINED)
		platform_channel_lost(ch, k, PLATFORM_BANNED_MS, n->advice);
	if (n->is_refusal)
		platform_channel_settle(k->place, ch, k, REASON_REFUSED, n->id);
}

static void on_reconnect(struct platform_link *k, const struct platform_line *l)
{
	(void)l;
	platform_irc_reconnect(k);
}

/* ---- Coming and going ------------------------------------------------------------------------ */

static void on_join(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 0);

	if (ch && is_me(k, l->nick))
		platform_channel_joined(ch, k);
}

static void leave(struct platform_link *k, struct platform_channel *ch, struct str nick,
	const char *why)
{
	const struct platform_seat *seat = ch ? platform_channel_seat(ch, k) : NULL;

	if (!ch)
		return;
	if (!is_me(k, nick)) {
		platform_members_gone(&ch->members, nick);
		return;
	}
	if (seat && seat->join == PLATFORM_WANTED)
		return; /* we were not there, nor on our way */
	if (k == k->place->serving)
		ch->is_refused = true;
	platform_channel_lost(ch, k, PLATFORM_BANNED_MS, why);
}

static void on_part(struct platform_link *k, const struct platform_line *l)
{
	leave(k, channel_of(k, l, 0), l->nick, "the server took us out of the channel: banned?");
}

static void on_kick(struct platform_link *k, const struct platform_line *l)
{
	leave(k, channel_of(k, l, 0), platform_line_param(l, 1), "kicked out of the channel");
}

static void on_quit(struct platform_link *k, const struct platform_line *l)
{
	for (struct platform_channel *ch = k->place->channels; ch; ch = ch->hh.next)
		platform_members_gone(&ch->members, l->nick);
}

static void on_nick(struct platform_link *k, const struct platform_line *l)
{
	struct str to = platform_clean_id(platform_line_param(l, 0));

	for (struct platform_channel *ch = k->place->channels; ch; ch = ch->hh.next)
		platform_members_renamed(&ch->members, l->nick, to);
	if (is_me(k, l->nick) && to.len > 0 && to.len < sizeof(k->nick)) {
		snprintf(k->nick, sizeof(k->nick), "%.*s", STR_FMT(to));
		platform_irc_self(k, to);
	}
}

static void on_mode(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 0);

	if (!ch)
		return;
	platform_members_mode(&ch->members, &k->place->modes, l);
	ch->lane.is_privileged = platform_members_roles(&ch->members, str_of(k->nick)) >
		ROLE(LEVEL_EVERYONE);
	platform_channel_lane(k->place, ch);
}

static void on_names(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 2);

	if (!ch)
		return;
	platform_members_names(&ch->members, &k->place->modes, platform_line_param(l, 3));
	ch->lane.is_privileged = platform_members_roles(&ch->members, str_of(k->nick)) >
		ROLE(LEVEL_EVERYONE);
	platform_channel_lane(k->place, ch);
}

/* ---- The session ----------------------------------------------------------------------------- */

static void on_ping(struct platform_link *k, const struct platform_line *l)
{
	struct str text = platform_line_param(l, l->param_count > 0 ? l->param_count - 1 : 0);

	if (platform_link_send(k, true, "PONG :%.*s", STR_FMT(text)) == ERR_LIMIT)
		platform_irc_ended(k, ERR_LIMIT, IO_OPEN, false, "the server does not read");
}

/* On an ordinary network the PING behind each line of ours is its receipt: "said#channel". */
static void on_pong(struct platform_link *k, const struct platform_line *l)
{
	struct str text = platform_line_param(l, l->param_count > 0 ? l->param_count - 1 : 0);
	struct str what = str_split(&text, '#');
	struct platform_channel *ch;

	if (k->place->is_twitch) {
		platform_link_pong(k, what);
		return;
	}
	if (!str_is(what, "said"))
		return;
	ch = platform_channel_find(k->place, text);
	if (ch)
		platform_channel_settle(k->place, ch, k, REASON_NONE, "");
}

static void on_welcome(struct platform_link *k, const struct platform_line *l)
{
	platform_link_welcome(k, platform_line_param(l, 0));
}

static void on_isupport(struct platform_link *k, const struct platform_line *l)
{
	platform_modes_isupport(&k->place->modes, l);
}

static void on_nick_taken(struct platform_link *k, const struct platform_line *l)
{
	(void)l;
	platform_link_nick_taken(k);
}

/* 403 no such channel, 405 too many, 471 full, 473 invite only, 474 banned, 475 key,
 * 476 477 489. */
static void on_join_refused(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 1);
	const struct platform_seat *seat = ch ? platform_channel_seat(ch, k) : NULL;
	char why[160];

	if (!seat || seat->join != PLATFORM_ASKED)
		return;
	snprintf(why, sizeof(why), "the server refused JOIN with %.*s: %.*s", STR_FMT(l->command),
		STR_FMT(platform_line_param(l, 2)));
	ch->is_refused = true;
	platform_channel_lost(ch, k, PLATFORM_BANNED_MS, why);
}

/* 404: moderated, banned or not inside. */
static void on_speech_refused(struct platform_link *k, const struct platform_line *l)
{
	struct platform_channel *ch = channel_of(k, l, 1);

	if (ch)
		platform_channel_settle(k->place, ch, k, REASON_REFUSED, "cannot_send");
}

/* 432 erroneous nick, 464 password, 465 banned from the server: a person must change something. */
static void on_login_refused(struct platform_link *k, const struct platform_line *l)
{
	char why[160];

	if (k->phase != PLATFORM_LOGIN)
		return;
	snprintf(why, sizeof(why), "%.*s", STR_FMT(platform_line_param(l, l->param_count - 1)));
	platform_irc_ended(k, ERR_DENIED, IO_OPEN, true, why);
}

static void on_error(struct platform_link *k, const struct platform_line *l)
{
	char why[160];

	snprintf(why, sizeof(why), "the server said: %.*s", STR_FMT(platform_line_param(l, 0)));
	platform_irc_ended(k, ERR_CLOSED, IO_OPEN, false, why);
}

/* ---- Which is which -------------------------------------------------------------------------- */

#define TWITCH 1
#define IRC 2

static const struct {
	const char *name;
	unsigned dialect;
	void (*handle)(struct platform_link *k, const struct platform_line *l);
} commands[] = {
	{"PRIVMSG", TWITCH, on_twitch_event}, /* first: nearly every line is one */
	{"PRIVMSG", IRC, on_irc_privmsg},
	{"PING", TWITCH | IRC, on_ping},
	{"PONG", TWITCH | IRC, on_pong},
	{"USERNOTICE", TWITCH, on_twitch_event},
	{"USERSTATE", TWITCH, on_userstate},
	{"ROOMSTATE", TWITCH, on_roomstate},
	{"CLEARCHAT", TWITCH, on_erasure},
	{"CLEARMSG", TWITCH, on_erasure},
	{"NOTICE", TWITCH, on_twitch_notice},
	{"GLOBALUSERSTATE", TWITCH, on_globaluserstate},
	{"RECONNECT", TWITCH, on_reconnect},
	{"JOIN", TWITCH | IRC, on_join},
	{"PART", TWITCH | IRC, on_part},
	{"CAP", TWITCH | IRC, platform_link_cap},
	{"001", TWITCH | IRC, on_welcome},
	{"005", IRC, on_isupport},
	{"353", IRC, on_names},
	{"MODE", IRC, on_mode},
	{"KICK", IRC, on_kick},
	{"QUIT", IRC, on_quit},
	{"NICK", IRC, on_nick},
	{"ERROR", IRC, on_error},
	{"403", IRC, on_join_refused},
	{"404", IRC, on_speech_refused},
	{"405", IRC, on_join_refused},
	{"432", IRC, on_login_refused},
	{"433", IRC, on_nick_taken},
	{"437", IRC, on_nick_taken},
	{"464", IRC, on_login_refused},
	{"465", IRC, on_login_refused},
	{"471", IRC, on_join_refused},
	{"473", IRC, on_join_refused},
	{"474", IRC, on_join_refused},
	{"475", IRC, on_join_refused},
	{"476", IRC, on_join_refused},
	{"477", IRC, on_join_refused},
	{"489", IRC, on_join_refused},
};

void platform_irc_line(struct platform_link *k, const struct platform_line *l)
{
	unsigned dialect = k->place->is_twitch ? TWITCH : IRC;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if ((commands[i].dialect & dialect) &&
				str_is_nocase(l->command, commands[i].name)) {
			commands[i].handle(k, l);
			return;
		}
	}
	if (log_wants(LOG_DEBUG)) {
		char command[32];
		snprintf(command, sizeof(command), "%.*s", STR_FMT(l->command));
		log_event(LOG_DEBUG, "platform", "line_ignored", "command", command, NULL);
	}
}
