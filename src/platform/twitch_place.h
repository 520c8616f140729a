/* platform/twitch_place.h: what the files of a Twitch place share. Not for other files.
 *
 *   twitch.c          the place: the functions of platform_ops, its one timer
 *   twitch_account.c  whose logins there are, and what is subscribed with each
 *   twitch_room.c     our channels: lanes, and sending by Helix
 *   twitch_feed.c     what comes in, from chat and from EventSub: each kind from one source
 *   twitch_conf.c     a copy of the config for later
 *
 * Chat comes over IRC, or by EventSub; in the second case there is no IRC place at all, and replies
 * go by Helix: IRC would have to join every room to speak there, and bring the chat a second time.
 */
#ifndef PLATFORM_TWITCH_PLACE_H
#define PLATFORM_TWITCH_PLACE_H

#include "platform/room.h"
#include "platform/twitch_eventsub.h"
#include "platform/twitch_stream.h"

#define PLATFORM_LACKS_BYTES 512   /* the scopes of one login: those of the table have 350 */
#define PLATFORM_STOP_MS 900       /* platform.h: STOPPED is said within 1 s */

struct platform_twitch;

/* One login and what is done with it. The bot's comes first; a broadcaster's is there while
 * something is wanted that only it may subscribe. */
struct platform_account {
	struct platform_twitch *place;
	char channel[PLATFORM_CHANNEL_BYTES]; /* of the broadcaster; "" = the bot */
	struct platform_token *token;
	struct platform_helix *helix;
	struct platform_eventsub *eventsub;
	bool is_needed; /* while it is looked over */
	char lacks[PLATFORM_LACKS_BYTES]; /* scopes that the log has told are missing */
	struct platform_account *prev, *next; /* utlist */
};

/* One of our channels. */
struct platform_room {
	char name[PLATFORM_CHANNEL_BYTES];
	char id[PLATFORM_NUMBER_BYTES]; /* "" = not known */
	struct outbox_lane base;  /* as chat says */
	/* what sending by Helix met with */
	int64_t hold_until_ms;
	bool is_mode_held, is_refused;
	struct outbox_lane told;
	bool is_untold;           /* the owner had no memory for it */
	bool is_needed;           /* while a config is read */
	UT_hash_handle hh;
};

/* A message on its way through Helix. */
struct platform_saying {
	struct platform_twitch *place;
	char room[PLATFORM_CHANNEL_BYTES];
	char turn[TURN_ID_BYTES];
	struct platform_saying *prev, *next; /* utlist */
};

struct platform_twitch {
	struct io *io;
	unsigned place;
	struct platform_owner owner;
	struct io_timer *timer;
	struct io_worker *worker;  /* the vault is read and written there */
	char *state_dir;
	struct conf_place conf;    /* a copy: see twitch_conf.c */
	struct platform irc;       /* ops NULL: chat comes by EventSub */
	struct platform_account
		*accounts; /* utlist; the bot's is the first; NULL = only IRC, anonymous */
	struct platform_streams *streams;  /* NULL = nothing needs it */
	struct platform_room *rooms;       /* uthash by name, in the order of the config */
	struct platform_wants wants;
	struct platform_maker maker;
	struct platform_saying *sayings, *failed; /* under way; never left, to be told */
	struct reply *refused;                    /* the same, without memory for more */
	enum platform_state state; /* without IRC: what the owner was told last */
	char why[384];
	int64_t since_wall_ms;
	bool must_wish, is_stopping, is_stopped;
	bool is_irc_stopped;       /* IRC said so, and it is told when everything has */
	int64_t stop_ms;           /* stopping: not later than this */
};

/* twitch.c */
void platform_twitch_soon(
	struct platform_twitch *t); /* the timer does what is due, right after this */
bool platform_twitch_has_irc(const struct platform_twitch *t);
bool platform_twitch_sends_by_helix(const struct platform_twitch *t);

/* twitch_account.c */
struct platform_account *platform_account_bot(const struct platform_twitch *t); /* NULL = none */
/* The bot's, as the config names it. */
int platform_accounts_open(struct platform_twitch *t, const struct conf_place *c) MUST_USE;
int platform_accounts_reload(struct platform_twitch *t, const struct conf_place *c) MUST_USE;
void platform_accounts_close(struct platform_twitch *t);
/* Makes and ends broadcasters' accounts, and tells every session what it is to subscribe.
 * ERR_NOMEM. */
int platform_accounts_wish(struct platform_twitch *t) MUST_USE;
/* Is a login in the middle of its renewal? To leave now could cost it. */
bool platform_accounts_are_busy(const struct platform_twitch *t);
/* Logs which scopes are missing, when that changed. */
void platform_accounts_note_lacks(struct platform_twitch *t);
/* Adds the token's status with "missing": an array of scopes. */
int platform_account_status(const struct platform_account *a, struct buf *out) MUST_USE;
/* Does EventSub bring this kind in this channel, so that chat's copy of it is one too many? */
bool platform_accounts_bring(const struct platform_twitch *t, enum event_kind kind,
	struct str channel_id);

/* twitch_room.c */
int platform_rooms_take(struct platform_twitch *t, const struct conf_place *c) MUST_USE;
void platform_rooms_free(struct platform_twitch *t);
struct platform_room *platform_room_find(const struct platform_twitch *t, struct str name);
/* By id, else by name: a channel that was renamed keeps its id. */
struct platform_room *platform_room_of(
	const struct platform_twitch *t, struct str id, struct str name);
/* Tells the lane if it changed. ERR_NOMEM: it is told again soon. */
int platform_room_lane(struct platform_twitch *t, struct platform_room *room);
void platform_room_say(struct platform_twitch *t, struct reply *r); /* TAKES r */
void platform_rooms_tell(struct platform_twitch *t); /* lanes and outcomes that wait */
int platform_rooms_status(const struct platform_twitch *t, struct buf *out) MUST_USE;

/* twitch_conf.c */
/* What accounts that are made later need of c, which is BORROWED. ERR_NOMEM: *out is as it was. */
int platform_conf_copy(const struct conf_place *c, struct conf_place *out) MUST_USE;
void platform_conf_fini(struct conf_place *c);

/* twitch_feed.c */
void platform_feed_chat(struct platform_twitch *t, const struct event *e);
void platform_feed_news(struct platform_twitch *t, const struct platform_notification *n);

#endif
