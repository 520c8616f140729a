/* platform/discord_place.h: what the files of a Discord place share. Not for other files.
 *
 *   discord.c           the place: the functions of platform_ops, its one timer, its state
 *   discord_start.c     what is asked before it can connect, and its shards
 *   discord_feed.c      what comes in: dispatches become what the owner is told
 *   discord_fetch.c     servers that the gateway did not tell
 *   discord_room.c      channels that something was heard in lately, and their lanes
 *   discord_turn.c      what becomes of turns: typing, growing answers, commands without answer
 *   discord_diagnose.c  what is wrong, in words that say what to click
 *
 * One application: one REST interface, one gateway connection for each shard, what is known of
 * servers, commands and sayings. */
#ifndef PLATFORM_DISCORD_PLACE_H
#define PLATFORM_DISCORD_PLACE_H

#include "base/hash.h"
#include "platform/discord_command.h"
#include "platform/discord_event.h"
#include "platform/discord_gateway.h"
#include "platform/discord_say.h"
#include "platform/discord_session.h"
#include "platform/platform.h"

#define PLATFORM_DISCORD_STOP_MS 900 /* platform.h: STOPPED is said within 1 s */
#define PLATFORM_DISCORD_WHY_BYTES 384
#define PLATFORM_DISCORD_SHARDS 1024
#define PLATFORM_DISCORD_SLASHES 100 /* Discord: of one application */

/* Intents: discord.md section 2. */
#define PLATFORM_INTENT_GUILDS (1u << 0)
#define PLATFORM_INTENT_MEMBERS (1u << 1)
#define PLATFORM_INTENT_MESSAGES (1u << 9)
#define PLATFORM_INTENT_REACTIONS (1u << 10)
#define PLATFORM_INTENT_DIRECT (1u << 12)
#define PLATFORM_INTENT_DIRECT_REACTIONS (1u << 13)
#define PLATFORM_INTENT_CONTENT (1u << 15)

struct platform_discord;
struct platform_fetch; /* discord_fetch.c */

struct platform_shard_seat {
	struct platform_discord *place;
	struct platform_gateway *gateway; /* NULL = stopped */
	enum platform_gateway_state state;
	char why[PLATFORM_DISCORD_WHY_BYTES];
};

/* A channel that something was heard in. */
struct platform_hall {
	uint64_t id, guild;
	char channel[PLATFORM_SNOWFLAKE_BYTES];
	bool is_looked, may_write; /* permissions have been reckoned, and allow to write */
	int refused;               /* Discord's code for its no (50001, 50013); 0 = none */
	bool is_told;              /* the lane is with the owner, as told */
	struct outbox_lane told;
	int64_t hold_until_ms;
	struct platform_hall *prev, *next; /* utlist, the longest silent first */
	UT_hash_handle hh;                 /* by id */
};

/* A slash command that is offered. */
struct platform_offer {
	char name[132]; /* 32 characters */
	bool is_private;
};

/* What has been found out about the application. */
struct platform_facts {
	char url[PLATFORM_SESSION_URL_BYTES]; /* of the gateway; "" = not known */
	unsigned shards;                      /* as Discord advises */
	char application_id[PLATFORM_SNOWFLAKE_BYTES];
	bool has_content, has_members;        /* the switches of the developer portal */
	char user_id[PLATFORM_SNOWFLAKE_BYTES], login[PLATFORM_DISCORD_NAMES];
};

/* The config, as far as it is needed later. */
struct platform_discord_conf {
	char *name, *ca_file, *presence, *api_url, *token_hint;
	struct secret *token;
	bool compress, typing, edits;
	int commands;             /* enum conf_commands */
	unsigned shards, first, last;
};

struct platform_discord {
	struct io *io;
	unsigned place;
	struct platform_owner owner;
	struct io_timer *timer;
	struct io_worker *worker;  /* sessions and budgets are written there */
	char *state_dir;
	struct platform_discord_conf conf;
	struct platform_rules rules;

	struct platform_rest *rest;
	struct platform_commands *commands;
	struct platform_sayings *sayings;
	struct platform_sessions *sessions;  /* these two NULL: there is no token */
	struct platform_identify *identify;
	struct platform_guilds *guilds;
	struct platform_fetch *fetch;
	struct platform_reader reader;

	/* discord_start.c */
	struct platform_rest_task *asked[3];
	struct platform_facts facts;
	bool is_known;             /* all of the facts are there */
	bool is_asking_url;        /* only the gateway's URL is asked for, again */
	struct io_backoff backoff;
	int64_t ask_ms;            /* ask (again) then; 0 = no */
	struct platform_shard_seat *seats; /* ours */
	size_t seat_n;
	unsigned shards;           /* of how many */
	uint32_t intents;          /* of the shards that run */
	bool must_renew;           /* they are to identify anew */
	char refused[PLATFORM_DISCORD_WHY_BYTES]; /* Discord wants nothing of us; "" = no */
	char trouble[PLATFORM_DISCORD_WHY_BYTES]; /* why it is not known yet */

	/* discord_room.c */
	struct platform_hall *halls, *silent; /* by id; in the order they were heard */

	struct platform_wants wants; /* without its slashes, which are */
	struct platform_offer *offers;
	size_t offer_n;

	/* discord_diagnose.c */
	bool is_told_servers;      /* READY came: it is known on which servers the bot is */
	struct buf problems;       /* one a line */
	size_t problem_n;
	int64_t diagnose_ms;       /* look then; 0 = no */
	int64_t place_ms;          /* place the commands then; 0 = no */
	int64_t ready_ms;          /* since when all shards are; 0 = they are not */

	char login[PLATFORM_DISCORD_NAMES]; /* our own */
	enum platform_state state; /* as the owner was told */
	char why[PLATFORM_DISCORD_WHY_BYTES];
	int64_t since_wall_ms;
	bool is_stopping, is_stopped;
	int64_t stop_ms;
};

extern struct metric platform_dispatches_dropped;

/* discord.c */
void platform_discord_soon(struct platform_discord *t); /* the timer does what is due */
/* The bot's own id and name. */
void platform_discord_self(struct platform_discord *t, const char *user_id, const char *login);

/* discord_start.c */
/* Opens what is kept for this token. */
int platform_discord_keep(struct platform_discord *t) MUST_USE;
void platform_discord_forget(struct platform_discord *t);  /* and closes it, shards included */
/* Asks, connects, renews, whatever is due. Gives when to look again, 0 = not before something
 * happens. */
int64_t platform_discord_tend(struct platform_discord *t, int64_t now_ms);
void platform_discord_close(struct platform_discord *t);   /* every shard says goodbye */
bool platform_discord_is_closed(const struct platform_discord *t);
void platform_discord_present(struct platform_discord *t); /* tells every shard the presence */
/* What its shards together are; *why: BORROWED. */
enum platform_state platform_discord_state(const struct platform_discord *t, const char **why);

/* discord_feed.c */
/* This server is not as it was: it is told, and what was reckoned from it is reckoned anew.
 * is_listed: whether the bot is on it may have changed. */
void platform_discord_changed(struct platform_discord *t, uint64_t guild, bool is_listed);
void platform_discord_dispatch(void *ctx, struct platform_gateway *g, struct str type,
	const struct json_item *d, struct str bytes);
void platform_discord_facts(void *self, struct str about,
	void (*tell)(void *ctx, const char *wire, struct str frame), void *ctx);

/* discord_fetch.c */
int platform_fetch_new(struct platform_fetch **out) MUST_USE; /* ERR_NOMEM */
void platform_fetch_free(struct platform_fetch *f);
/* Asks for a server that is not known, unless another one is being asked for. */
void platform_fetch_guild(struct platform_discord *t, uint64_t guild);

/* discord_room.c */
/* Something happens in a channel: its lane is told. *is_heard: false where the bot is only by
 * chance, and may not write. ERR_NOMEM. */
int platform_hall_hear(struct platform_discord *t, uint64_t guild, uint64_t channel,
	bool is_command, bool *is_heard) MUST_USE;
void platform_halls_changed(struct platform_discord *t, uint64_t guild); /* permissions, names */
void platform_halls_reload(struct platform_discord *t); /* closes those that are heard no more */
/* As platform_sayings_options.closed. */
void platform_hall_closed(void *ctx, const char *channel_id, int64_t for_ms, int code);
void platform_halls_free(struct platform_discord *t);
int platform_halls_status(const struct platform_discord *t, struct buf *out) MUST_USE;

/* discord_turn.c */
void platform_discord_turn(void *self, const struct platform_turn *step);
/* Keeps which commands are offered, and has them offered. ERR_NOMEM. */
int platform_discord_offer(struct platform_discord *t, const struct platform_wants *w) MUST_USE;
void platform_discord_place_commands(struct platform_discord *t); /* where they are offered */
/* Answers an interaction with "thinking"; false: it is over already, with a word why. */
bool platform_discord_accept(struct platform_discord *t, const struct event *e, struct str token,
	bool is_heard);

/* discord_diagnose.c */
void platform_discord_look(struct platform_discord *t, int64_t in_ms); /* later, once */
void platform_discord_diagnose(struct platform_discord *t);
const char *platform_discord_problem(const struct platform_discord *t, char *out, size_t size);
int platform_discord_problems(const struct platform_discord *t, struct buf *out) MUST_USE;

#endif
