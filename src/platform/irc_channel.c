/* One channel of an IRC place: joining it, its lane, and the replies whose outcome is open. */
#include "platform/room.h"

#include <string.h>

struct platform_channel *platform_channel_find(struct platform_irc *p, struct str name)
{
	struct platform_channel *ch = NULL;
	char key[PLATFORM_NAME_BYTES];

	if (name.len > 0 && name.at[0] == '#') {
		name.at++;
		name.len--;
	}
	if (name.len == 0 || name.len >= sizeof(key))
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		key[i] = ascii_lower(name.at[i]);
	HASH_FIND(hh, p->channels, key, name.len, ch);
	return ch;
}

int platform_channel_add(struct platform_irc *p, const char *name)
{
	if (*name == '#')
		name++;
	for (const char *at = name; *at; at++) {
		if ((unsigned char)*at <= ' ' || *at == ',' || *at == 0x7f)
			return ERR_INVALID;
	}
	if (*name == '\0' || strlen(name) >= PLATFORM_NAME_BYTES)
		return ERR_INVALID;
	struct platform_channel *ch = platform_channel_find(p, str_of(name));
	if (ch) {
		ch->is_leaving = false;
		return 0;
	}
	ch = mem_new(sizeof(*ch));
	if (!ch)
		return ERR_NOMEM;
	ch->name = mem_dup(name);
	if (!ch->name) {
		mem_free(ch);
		return ERR_NOMEM;
	}
	ascii_lower_all(ch->name);
	HASH_ADD_KEYPTR(hh, p->channels, ch->name, strlen(ch->name), ch);
	if (!hash_has(ch)) {
		mem_free(ch->name);
		mem_free(ch);
		return ERR_NOMEM;
	}
	return 0;
}

void platform_channel_free(struct platform_irc *p, struct platform_channel *ch)
{
	struct reply *r, *next;

	HASH_DEL(p->channels, ch);
	DL_FOREACH_SAFE(ch->sent, r, next)
		reply_free(r);
	platform_members_clear(&ch->members);
	mem_free(ch->name);
	mem_free(ch);
}

struct platform_seat *platform_channel_seat(struct platform_channel *ch,
	const struct platform_link *k)
{
	if (k == k->place->serving)
		return &ch->seat;
	return k == k->place->coming ? &ch->next_seat : NULL;
}

/* What the owner must know about speaking here. False when it had no memory for it. */
static bool tell_lane(struct platform_irc *p, struct platform_channel *ch)
{
	bool is_mute = p->is_twitch && !p->account; /* anonymous: reads only */
	struct outbox_lane *l = &ch->lane, *t = &ch->told;

	l->is_refused = ch->is_refused || is_mute;
	l->is_open = !l->is_refused && !ch->is_leaving && p->serving &&
		p->serving->phase == PLATFORM_SERVING && ch->seat.join == PLATFORM_JOINED;
	if (l->is_open == t->is_open && l->is_refused == t->is_refused &&
			l->is_privileged == t->is_privileged && l->slow_ms == t->slow_ms &&
			l->hold_until_ms == t->hold_until_ms)
		return true;
	if (p->owner.lane && !platform_irc_is_mute(p) &&
			p->owner.lane(p->owner.ctx, p->place, ch->name, l) == ERR_NOMEM)
		return false;
	*t = *l;
	return true;
}

void platform_channel_lane(struct platform_irc *p, struct platform_channel *ch)
{
	if (!tell_lane(p, ch))
		platform_irc_soon(p);
}

void platform_channel_joined(struct platform_channel *ch, struct platform_link *k)
{
	struct platform_seat *seat = platform_channel_seat(ch, k);

	/* A FAILED one may be confirmed late; a WANTED one was not asked for on this link. */
	if (!seat || seat->join == PLATFORM_JOINED || seat->join == PLATFORM_WANTED)
		return;
	*seat = (struct platform_seat){.join = PLATFORM_JOINED};
	ch->is_refused = false;
	log_event(LOG_INFO, "platform", "joined", "community", ch->name, "place", k->place->name,
		"result", "SUCCESS", NULL);
	platform_channel_lane(k->place, ch);
	platform_irc_soon(k->place);
}

void platform_channel_lost(struct platform_channel *ch, struct platform_link *k, int64_t for_ms,
	const char *why)
{
	struct platform_seat *seat = platform_channel_seat(ch, k);
	unsigned tries;

	if (!seat || ch->is_leaving)
		return;
	tries = seat->tries < 5 ? seat->tries++ : seat->tries; /* 30 s << 5 is over the cap */
	if (for_ms == 0) {
		for_ms = (int64_t)PLATFORM_REJOIN_MS << tries;
		for_ms = for_ms < PLATFORM_BANNED_MS ? for_ms : PLATFORM_BANNED_MS;
		for_ms = rand_between(for_ms / 2, for_ms);
	}
	seat->join = PLATFORM_FAILED;
	seat->at_ms = clock_mono_ms() + for_ms;
	platform_members_clear(&ch->members);
	log_event(LOG_ERROR, "platform", "join_failed", "community", ch->name, "place",
		k->place->name, "result", "FAILED", "message", why,
		LOG_INT("retry_ms", for_ms), NULL);
	platform_channel_lane(k->place, ch);
	platform_irc_soon(k->place);
}

void platform_channels_unseat(struct platform_irc *p)
{
	struct platform_channel *ch, *next;

	HASH_ITER(hh, p->channels, ch, next) {
		if (ch->seat.join != PLATFORM_FAILED)
			ch->seat.join = PLATFORM_WANTED;
		/* Until the next USERSTATE says so we are nobody special (twitch.md 1.10). */
		ch->lane.is_privileged = false;
		platform_members_clear(&ch->members);
		platform_channel_lane(p, ch);
	}
}

/* Asks if the owner's budget allows: it outlives this connection and this process. Gives from when
 * on the next may be asked for. */
static int64_t ask_to_join(struct platform_link *k, struct platform_channel *ch,
	struct platform_seat *seat, int64_t now_ms)
{
	struct platform_irc *p = k->place;
	int64_t wait_ms = p->owner.join ? p->owner.join(p->owner.ctx, p->place, now_ms) : -1;

	if (wait_ms < 0)
		return INT64_MAX;
	if (wait_ms > 0)
		return now_ms + wait_ms;
	seat->join = PLATFORM_ASKED;
	seat->at_ms = now_ms;
	/* A link that takes no more is about to end, which makes the seat WANTED again. */
	(void)!platform_link_send(k, false, "JOIN #%s", ch->name);
	return now_ms;
}

int64_t platform_channels_join(struct platform_irc *p, struct platform_link *k, int64_t now_ms)
{
	struct platform_channel *ch, *next;
	int64_t due = INT64_MAX, allowed_ms = now_ms, at_ms;

	HASH_ITER(hh, p->channels, ch, next) {
		struct platform_seat *seat = platform_channel_seat(ch, k);

		if (!seat || ch->is_leaving)
			continue;
		if (seat->join == PLATFORM_ASKED && now_ms >= seat->at_ms + PLATFORM_JOIN_MS)
			platform_channel_lost(ch, k, 0,
				"no answer to JOIN within 10 s: does the channel exist?");
		if (seat->join == PLATFORM_FAILED && now_ms >= seat->at_ms)
			seat->join = PLATFORM_WANTED;
		if (seat->join == PLATFORM_WANTED && allowed_ms <= now_ms)
			allowed_ms = ask_to_join(k, ch, seat, now_ms);
		if (seat->join == PLATFORM_JOINED)
			continue;
		at_ms = seat->join == PLATFORM_ASKED ? seat->at_ms + PLATFORM_JOIN_MS :
			seat->join == PLATFORM_WANTED ? allowed_ms : seat->at_ms;
		due = at_ms < due ? at_ms : due;
	}
	return due;
}

bool platform_channels_are_settled(struct platform_irc *p)
{
	struct platform_channel *ch, *next;

	HASH_ITER(hh, p->channels, ch, next) {
		if (!ch->is_leaving && ch->next_seat.join != PLATFORM_JOINED &&
				ch->next_seat.join != PLATFORM_FAILED)
			return false;
	}
	return true;
}

static void tell_outcome(struct platform_irc *p, struct platform_channel *ch, struct reply *r,
	enum reason reason, const char *why)
{
	DL_DELETE(ch->sent, r);
	if (p->owner.outcome && !platform_irc_is_mute(p))
		p->owner.outcome(p->owner.ctx, r->turn, reason, why);
	reply_free(r);
	platform_irc_soon(p); /* a link that is going may have waited for it */
}

bool platform_channel_settle(struct platform_irc *p, struct platform_channel *ch,
	const struct platform_link *k, enum reason reason, const char *why)
{
	struct reply *r;

	DL_FOREACH(ch->sent, r) {
		if (r->owner == k) {
			tell_outcome(p, ch, r, reason, why);
			return true;
		}
	}
	return false;
}

void platform_channels_unknown(struct platform_irc *p, const struct platform_link *k)
{
	struct platform_channel *ch, *next;

	HASH_ITER(hh, p->channels, ch, next) {
		while (platform_channel_settle(p, ch, k, REASON_UNKNOWN_SENT, "connection_lost"))
			continue;
	}
}

bool platform_channels_wait_for(const struct platform_irc *p, const struct platform_link *k)
{
	const struct platform_channel *ch;

	for (ch = p->channels; ch; ch = ch->hh.next) {
		const struct reply *r;
		DL_FOREACH(ch->sent, r) {
			if (r->owner == k)
				return true;
		}
	}
	return false;
}

int64_t platform_channels_tend(struct platform_irc *p, int64_t now_ms)
{
	struct platform_channel *ch, *next;
	int64_t due = INT64_MAX;

	HASH_ITER(hh, p->channels, ch, next) {
		while (ch->sent && now_ms >= ch->sent->dies_ms)
			tell_outcome(p, ch, ch->sent, REASON_UNKNOWN_SENT, "no_answer");
		if (ch->sent && ch->sent->dies_ms < due)
			due = ch->sent->dies_ms;
		if (!tell_lane(p, ch) && now_ms + PLATFORM_RETELL_MS < due)
			due = now_ms + PLATFORM_RETELL_MS;
	}
	return due;
}
