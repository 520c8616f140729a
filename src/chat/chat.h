/* chat: the nouns everybody speaks: event, erasure, reply, line, conversation; levels and reasons.
 *
 * Floor 2. It holds no state and does nothing but name, copy and compare. An event comes in, a
 * reply goes out, a turn (bot) is the whole story, a lane (outbox) is a rate-limited path to one
 * channel, a place (platform) is one account on one platform. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "base/base.h"

/* ---- Levels: who is speaking. Badges decide, never names (faults.md A15). ---------------------- */

enum level { LEVEL_EVERYONE, LEVEL_SUBSCRIBER, LEVEL_VIP, LEVEL_MODERATOR, LEVEL_BROADCASTER };
#define LEVEL_COUNT 5
#define ROLE(level) (1u << (level)) /* a person holds a set of roles; the level is the highest */

const char *level_name(enum level l);
/* Also takes the words of other bots: owner, mod, sub, viewer, twitch_vip ... 0 or ERR_NOTFOUND. */
int level_parse(struct str s, enum level *out) MUST_USE;
enum level level_of_roles(unsigned roles);

/* ---- Reasons: why the bot stayed silent. One spelling everywhere (design.md section 4). -------- */

/* name, is after a hit, sentence for explain and for people */
#define CHAT_REASONS(X)                                                                            \
	X(NONE, none, 0, "it was said")                                                            \
	X(SELF, self, 0, "the bot's own message")                                                  \
	X(BOT, bot, 0, "the author is a bot, or the bot has answered this author too often in a row") \
	X(DUPLICATE, duplicate, 0, "this message id was seen before")                              \
	X(FOREIGN_ROOM, foreign_room, 0, "a shared-chat copy from another channel")                \
	X(QUIET, quiet, 0, "the channel is quiet: a moderator asked for silence")                  \
	X(OFFLINE, offline, 0, "the stream is offline")                                            \
	X(IGNORED_USER, ignored_user, 0, "the author is on the ignore list")                       \
	X(NO_MATCH, no_match, 0, "no trigger matches")                                             \
	X(LEVEL, level, 0, "the author's level is too low for the trigger")                        \
	X(COOLDOWN_USER, cooldown_user, 0, "the trigger cools down for this user")                 \
	X(COOLDOWN_CHANNEL, cooldown_channel, 0, "the trigger cools down in this channel")         \
	X(COOLDOWN_GLOBAL, cooldown_global, 0, "the trigger cools down everywhere")                \
	X(CHANCE, chance, 0, "the dice said no")                                                   \
	X(BUSY, busy, 1, "too many turns at once")                                                 \
	X(BUDGET, budget, 1, "the budget of model calls is spent")                                 \
	X(PROVIDER, provider, 1, "no model answered")                                              \
	X(BREAKER, breaker, 1, "the model failed repeatedly and is being left alone")              \
	X(DECLINED, declined, 1, "the model declined to answer")                                   \
	X(UNSAFE, unsafe, 1, "the answer did not pass safety")                                     \
	X(EMPTY, empty, 1, "nothing was left to say")                                              \
	X(LATE, late, 1, "the reply grew too old before it could be sent")                         \
	X(FULL, full, 1, "the queue is full")                                                      \
	X(TWIN, twin, 1, "the same text was just said here")                                       \
	X(GONE, gone, 1, "the message, its author or the channel is gone")                         \
	X(REFUSED, refused, 1, "the platform refused it")                                          \
	X(UNKNOWN_SENT, unknown_sent, 1, "sent, but nobody knows whether it arrived")              \
	X(STOPPED, stopped, 1, "the bot is stopping")                                              \
	X(NOMEM, nomem, 1, "out of memory")

enum reason {
#define X(upper, lower, after, text) REASON_##upper,
	CHAT_REASONS(X)
#undef X
	REASON_COUNT
};

const char *reason_name(enum reason r); /* "cooldown_user": log, ledger, metric label, explain */
const char *reason_text(enum reason r); /* a sentence without a full stop */
bool reason_is_after_hit(enum reason r);

/* ---- Event: what came in. ---------------------------------------------------------------------- */

/* name as `on:` in trigger files spells it, aliases (space-separated: EventSub, twitch-cli and other
 * bots' names), has text, sentence, the variables it sets besides $(user) $(channel) $(platform) */
#define CHAT_EVENTS(X)                                                                             \
	X(MESSAGE, message, "chat channel.chat.message chatMessage", 1, "a chat message", "query 1 1:") \
	X(SUB, sub, "subscribe subscription channel.subscribe", 1, "a first subscription",         \
		"tier months")                                                                     \
	X(RESUB, resub, "subscribe-message channel.subscription.message", 1,                       \
		"a renewed subscription", "tier months count")                                     \
	X(GIFT, gift, "subgift channel-gift channel.subscription.gift gift_subscription", 0,       \
		"one gifted subscription", "touser tier count")                                    \
	X(GIFTBOMB, giftbomb, "submysterygift", 0, "several subscriptions gifted at once", "tier count") \
	X(UPGRADE, upgrade, "giftpaidupgrade primepaidupgrade", 0,                                 \
		"a gifted or Prime subscription that is continued", "tier")                        \
	X(CHEER, cheer, "bits channel.cheer", 1, "cheered bits", "bits count")                     \
	X(RAID, raid, "channel.raid", 0, "an incoming raid", "viewers count")                      \
	X(FOLLOW, follow, "channel.follow", 0, "a new follower", "")                               \
	X(REDEEM, redeem, "add-redemption channelpoint_redeem", 1, "a channel point reward", "reward") \
	X(ANNOUNCEMENT, announcement, "", 1, "an announcement by a moderator", "")                 \
	X(STREAK, streak, "watch_streak viewermilestone", 1, "a watch streak", "count")            \
	X(ONLINE, online, "streamup stream_online stream.online", 0, "the stream starts", "")      \
	X(OFFLINE, offline, "streamdown stream_offline stream.offline", 0, "the stream ends", "")  \
	X(JOIN, join, "member_join channel_join", 0, "somebody joins a server", "")                \
	X(REACTION, reaction, "", 0, "a reaction to a message", "")                                \
	X(WHISPER, whisper, "user.whisper.message", 1, "a private message to the bot", "")         \
	X(RAIDOUT, raid_out, "raid_sent", 0, "the channel raids another", "touser viewers count")  \
	X(HYPETRAIN, hype_train, "hypetrain channel.hype_train.begin", 0, "a hype train starts",   \
		"count")                                                                           \
	X(AD, ad, "ad_break channel.ad_break.begin", 0, "advertising starts", "count")             \
	X(SHOUTOUT, shoutout, "channel.shoutout.create channel.shoutout.receive", 0,               \
		"a shoutout given or received", "touser viewers count")

enum event_kind {
#define X(upper, lower, aliases, text, help, vars) EVENT_##upper,
	CHAT_EVENTS(X)
#undef X
	EVENT_KIND_COUNT
};

#define EVENT_BIT(kind) (UINT64_C(1) << (kind)) /* sets of kinds */

const char *event_kind_name(enum event_kind k);
const char *event_kind_help(enum event_kind k);
const char *event_kind_vars(enum event_kind k);
int event_kind_parse(struct str s, enum event_kind *out) MUST_USE; /* names and aliases */

/* What is known of a channel's stream. id empty: nobody knows, or it is offline (is_known). */
struct stream {
	bool is_known;
	bool is_live;
	struct str id;           /* of this broadcast; empty while offline */
	struct str title, game;  /* game: the category's name */
	int64_t started_wall_ms; /* 0 = unknown */
};

/* All strings BORROWED from the platform's receive buffer while on_event runs; bot copies an event
 * with event_copy only when it begins a turn. Absent strings are empty. Ids are opaque strings. */
struct event {
	enum event_kind kind;
	struct str platform;    /* "twitch", "irc", "console" */
	struct str channel;     /* name without '#', lower case where the platform folds it */
	struct str channel_id;  /* the platform's id; the name again where there is none */
	struct str user;        /* display name, scrubbed, for people; never an authority */
	struct str login;       /* the platform's handle */
	struct str user_id;     /* the key of memory, cooldowns, permissions */
	struct str id;          /* message id: dedupe, reply target; empty if none */
	struct str text;        /* what was said, normalised by text_scrub(TEXT_CHAT) */
	struct str to_id;       /* id of the message this one replies to */
	struct str touser;      /* gift recipient; author of the message replied to */
	struct str tier;        /* "1" "2" "3" "prime" */
	struct str reward;      /* redeem: its title or id */
	int64_t count;          /* gifts, raiders, months of a streak: what $(count) says; 0 = none */
	int64_t months;
	int64_t bits;
	unsigned roles;         /* set of ROLE(level) */
	int64_t at_ms;          /* clock_mono_ms at receipt */
	int64_t wall_ms;        /* the platform's stamp if it gave one, else ours */
	unsigned place;         /* which place delivered it: answers go back there */
	bool is_self;           /* from our own account */
	bool is_bot;            /* flagged as a bot by the platform */
	bool is_foreign;        /* shared-chat copy of a message written in another room */
	bool is_first;          /* the author's first message ever here */
	bool is_action;         /* /me */
	bool is_direct;         /* a reply to the bot, a mention by the platform's own means, a DM */
	bool is_emote_only;
	bool is_anonymous;      /* anonymous gifter or cheerer */
};

/* GIVES one block holding the event and its strings (mem_free). NULL = no memory. */
struct event *event_copy(const struct event *e);
enum level event_level(const struct event *e);

/* What must be forgotten: a deleted message, a user timed out or banned, a cleared chat. Empty
 * strings mean "any": message_id set = that message; else user_id set = that user; else all. */
struct erasure {
	struct str platform, channel, channel_id, user_id, message_id;
};

/* ---- Reply: what goes out. --------------------------------------------------------------------- */

/* Shedding order: ambient first to go, thanks last (faults.md section 7). */
enum priority { PRIORITY_AMBIENT, PRIORITY_QUESTION, PRIORITY_DIRECT, PRIORITY_THANKS };

#define TURN_ID_BYTES 37 /* a UUID version 7 */

/* Owned by whoever holds it; made by reply_new, ended by reply_free. */
struct reply {
	char turn[TURN_ID_BYTES];
	unsigned place;
	char *platform, *channel, *channel_id;
	char *user_id;     /* whom it answers */
	char *to_id;       /* message id it answers; NULL when there is none */
	bool is_thread;    /* to be shown as a reply to to_id, where the place can */
	char *text;        /* safe, one line */
	enum priority priority;
	int64_t made_ms;   /* clock_mono_ms of the event, not of the text */
	int64_t dies_ms;   /* past this it is late */
	struct reply *prev, *next; /* utlist, for whoever queues it */
	void *owner;       /* the holder's; reply_free ignores it */
};

/* GIVES (reply_free). Takes channel, ids and place from the event. NULL = no memory. */
struct reply *reply_new(const char *turn, const struct event *e, struct str text);
void reply_free(struct reply *r);

/* ---- Line and conversation: what was said lately. ---------------------------------------------- */

struct line {
	bool is_bot;       /* the bot said it */
	struct str name;   /* display name of the author */
	struct str text;
	struct str id;     /* message id: an erasure finds it */
	int64_t wall_ms;
};

/* Oldest first. BORROWED in memory's done callback. */
struct conversation {
	const struct line *lines;
	size_t n;
};

#endif
