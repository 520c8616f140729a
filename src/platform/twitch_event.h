/* platform/twitch_event.h: a line of Twitch chat becomes an event or an erasure. No I/O, no clock:
 * what a maker remembers is who we are.
 *
 * Events borrow from the line and from the maker's scratch buffers: valid until its next event. In
 * steady state nothing is allocated. Every string of an event is valid UTF-8 without control
 * characters, whatever the line held. */
#ifndef PLATFORM_TWITCH_EVENT_H
#define PLATFORM_TWITCH_EVENT_H

#include "chat/chat.h"
#include "platform/clean.h"
#include "platform/irc_line.h"

#define PLATFORM_TEXT_BYTES 4096 /* 500 characters of 4 bytes twice over (faults.md A8) */
#define PLATFORM_NAME_BYTES 256  /* 25 characters, Unicode, with room for other networks */

/* twitch.md 1.7: the accounts that gift and cheer in the name of nobody, and what people read. */
#define PLATFORM_ANONYMOUS_GIFTER "274598607"
#define PLATFORM_ANONYMOUS_CHEERER "ananonymouscheerer"
#define PLATFORM_ANONYMOUS "Anonymous"

struct platform_maker {
	unsigned place;
	struct str platform;                 /* BORROWED for the maker's life */
	char login[PLATFORM_NAME_BYTES];     /* our own; empty until known */
	char user_id[PLATFORM_ID_BYTES];
	int64_t now_ms, wall_ms;             /* of the frame being read; set by the reader */
	struct buf text, user, touser, reward;
	char id[sizeof(PLATFORM_NOTICE_ID) + PLATFORM_ID_BYTES];
};
void platform_maker_init(struct platform_maker *m, unsigned place, struct str platform);
void platform_maker_fini(struct platform_maker *m);

/* PRIVMSG and USERNOTICE. channel: its name without '#', BORROWED like the line. 0; ERR_NOTFOUND
 * when there is nothing to tell, *why says it in a word for the metric (static); ERR_NOMEM. */
int platform_twitch_event(struct platform_maker *m, const struct platform_line *l,
	struct str channel, struct event *e, const char **why) MUST_USE;

/* CLEARCHAT and CLEARMSG. ERR_NOTFOUND when it names nothing. *timeout_ms: -1 = no user, 0 = for
 * ever, else how long the user is silenced. */
int platform_twitch_erasure(struct platform_maker *m, const struct platform_line *l,
	struct str channel, struct erasure *e, int64_t *timeout_ms) MUST_USE;

/* What GLOBALUSERSTATE, USERSTATE and ROOMSTATE say; absent parts empty or -1. */
struct platform_twitch_state {
	struct str user_id; /* our own */
	struct str id;      /* of the message just accepted */
	struct str room_id;
	bool is_privileged; /* broadcaster, moderator or VIP here */
	int64_t slow_ms;    /* -1 = not said */
};
void platform_twitch_state(const struct platform_line *l, struct platform_twitch_state *out);
/* msg-id of a NOTICE, empty when there is none. */
struct str platform_twitch_notice_id(const struct platform_line *l);

/* ---- For every maker of events (twitch_maker.c) ---------------------------------------------- */

/* Takes "\x01ACTION ...\x01" apart; true if it was one. */
bool platform_unwrap_action(struct str *text);
/* Drops the "@name " that the text of a reply to name begins with. */
void platform_drop_parent_name(struct str *text, struct str name);
/* ROLE of the set id of a badge ("moderator"), 0 for those that mean nothing. */
unsigned platform_badge_role(struct str name);
/* "1000" and "Prime" as events spell them; empty when unknown. */
struct str platform_tier(struct str plan);
/* What is redeemed with it is told of by other means: it is an ordinary line. */
void platform_twitch_make_line(struct event *e);
bool platform_maker_is_self(const struct platform_maker *m, struct str user_id, struct str login);
/* The author of a message that is deleted. BORROWED; empty when it is ours: whom such a message
 * was for is not told. */
struct str platform_author(const struct platform_maker *m, struct str login);
/* PLATFORM_NOTICE_ID and the id, in the maker's scratch; empty stays empty. */
struct str platform_notice_id(struct platform_maker *m, struct str id);

#endif
