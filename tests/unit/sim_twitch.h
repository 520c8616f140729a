/* Twitch in virtual time: chat, the id server, Helix and EventSub, as strict as the real ones, with
 * faults. They stop the test when a limit is broken or a rule of the wire. */
#ifndef UNIT_SIM_TWITCH_H
#define UNIT_SIM_TWITCH_H

#include "unit/sim_net.h"

#define SIM_ACCOUNTS 2
#define SIM_ROOMS    2
#define SIM_LIFE_MS  (4 * 60 * 60000) /* of an access token */
#define SIM_NEWS     65536

enum { SIM_BOT, SIM_BROADCASTER };

/* How one of the servers is. */
enum sim_mood {
	SIM_WELL,
	SIM_SICK /* 5xx */,
	SIM_HUNG,
	SIM_GONE /* refuses connections */,
	SIM_BUSY /* 429 */,
	SIM_FORBIDDING /* 403 */
};

struct sim_account {
	const char *login, *user_id, *vault_name, *scopes;
	unsigned pairs;       /* how many were given out; the last one's refresh token is good */
	unsigned valid_from;  /* access tokens of older pairs are not good any more */
	int64_t ends_ms[256]; /* of access token n */
	unsigned seen;        /* the newest pair that was used */
	bool is_refreshing;
};

struct sim_room {
	const char *name, *id;
	bool is_live;
	bool is_mod; /* the bot */
};

/* Something that happened on Twitch, by the number of whoever did it. */
struct sim_news {
	unsigned char chat, eventsub; /* how often it reached the client, by which way */
	unsigned char told;           /* how often the owner heard of it */
};

extern struct sim_twitch {
	const char *state_dir;
	enum sim_mood irc, id, helix, eventsub;
	bool is_irc_silent, is_eventsub_silent; /* connections that are there say nothing more */
	bool joins_unanswered, logins_unanswered, welcomes_unsaid;
	int duplicates; /* per cent of notifications that come again */
	struct sim_account accounts[SIM_ACCOUNTS];
	struct sim_room rooms[SIM_ROOMS];
	struct sim_news news[SIM_NEWS];
	unsigned happened; /* the number of the last one */
	/* what was counted */
	unsigned refreshes, logins, joins, sessions, handovers, subscriptions, refused_calls;
	unsigned said; /* messages of the bot that came in */
} sim_twitch;

extern const struct sim_servers sim_twitch_servers;
void sim_twitch_begin(const char *state_dir);
void sim_twitch_end(void);

/* ---- What happens there ---- */
void sim_chat(unsigned room); /* somebody writes */
void sim_follow(unsigned room);
void sim_redeem(unsigned room);
void sim_raid(unsigned room); /* told by chat and by EventSub */
void sim_stream(unsigned room, bool is_live);

/* ---- Faults of a moment ---- */
void sim_irc_cut(void);
void sim_irc_reconnect(bool is_cut_soon);
void sim_eventsub_close(int code); /* every session; 0 = without a close frame */
void sim_eventsub_reconnect(bool is_url_dead);
void sim_eventsub_revoke(const char *type, const char *status);
void sim_tokens_revoke(unsigned account); /* its access tokens; it may still be renewed */
void sim_forget_client(void);             /* the host slept: every connection is given up */

/* ---- How things stand ---- */
bool sim_is_moving(void);     /* somebody was told to go and has not gone yet */
unsigned sim_irc_links(void); /* logged in */
bool sim_irc_is_in(unsigned room);
unsigned sim_sessions(unsigned account); /* that live */
bool sim_is_subscribed(unsigned account, const char *type, unsigned room);

#endif
