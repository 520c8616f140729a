/* chat: the nouns everybody speaks: event, erasure, reply, line, conversation; levels and reasons.
 *
 * Floor 2. It holds no state and does nothing but name, copy and compare. An event comes in, a
 * reply goes out, a turn (bot) is the whole story, a lane (outbox) is a rate-limited path to one
 * channel, a place (platform) is one account on one platform. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "base/base.h"

/* ---- Levels: who is speaking. Badges decide, never names (faults.md A15). -------------------- */

enum level { LEVEL_EVERYONE, LEVEL_SUBSCRIBER, LEVEL_VIP, LEVEL_MODERATOR, LEVEL_BROADCASTER };
#define LEVEL_COUNT 5
#define ROLE(level) (1u << (level)) /* a person holds a set of roles; the level is the highest */

const char *level_name(enum level l);
/* Also takes the words of other bots: owner, mod, sub, viewer, twitch_vip ... 0 or ERR_NOTFOUND. */
int level_parse(struct str s, enum level *out) MUST_USE;
enum level level_of_roles(unsigned roles);

/* ---- Reasons: why the bot stayed silent. One spelling everywhere (design.md section 4). ------ */

/* name, is after a hit, sentence for explain and for people */
#define CHAT_REASONS(X)                                                                            \
	X(NONE, none, 0, "it was said")                                                            \
	X(SELF, self, 0, "the bot's own message")                                                  \
	X(BOT, bot, 0,                                                                             \
		"the author is a bot, or the bot has answered this author too often in a row")     \
	X(DUPLICATE, duplicate, 0, "this message id was seen before")                              \
	X(FOREIGN_ROOM, foreign_room, 0, "a shared-chat copy from another channel")                \
	X(QUIET, quiet, 0, "the channel is quiet: a moderator asked for silence")                  \
	X(OFFLINE, offline, 0, "the stream is offline")                                            \
	X(IGNORED_USER, ignored_user, 0, "the author is on the ignore list")                       \
	X(GATHERED, gathered, 0, "it is held, to be told as one event with others of its kind")    \
	X(NO_MATCH, no_match, 0, "no trigger matches")                                             \
	X(LEVEL, level, 0, "the author's level is too low for the trigger")                        \
	X(PER_STREAM, per_stream, 0, "the trigger has fired already in this broadcast")            \
	X(COOLDOWN_USER, cooldown_user, 0, "the trigger cools down for this user")                 \
	X(COOLDOWN_CHANNEL, cooldown_channel, 0, "the trigger cools down in this channel")         \
	X(COOLDOWN_GLOBAL, cooldown_global, 0, "the trigger cools down everywhere")                \
	X(FLOOD, flood, 0, "a flood of strangers: nobody is greeted until it is over")             \
	X(CHANCE, chance, 0, "the dice said no")                                                   \
	X(BUSY, busy, 1, "too many turns at once")                                                 \
	X(BUDGET, budget, 1, "the budget of model calls is spent")                                 \
	X(PROVIDER, provider, 1, "no model answered")                                              \
	X(BREAKER, breaker, 1, "the model failed repeatedly and is being left alone")              \
	X(DECLINED, declined, 1, "the model declined to answer")                                   \
	X(UNSAFE, unsafe, 1, "the question or its answer did not pass safety")                     \
	X(UNFIT, unfit, 1, "the answer was not what the trigger asks for")                         \
	X(EMPTY, empty, 1, "nothing was left to say")                                              \
	X(MERGED, merged, 1, "a later message is answered in its place")                           \
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

/* ---- Event: what came in. -------------------------------------------------------------------- */

#define EVENT_TEXT_VARS "1 1: query message" /* what an event that has text sets besides */

/* name as `on:` in trigger files spells it, aliases (space-separated: EventSub, twitch-cli and
 * other bots' names), has text, sentence, the variables it sets besides those that every event
 * has */
#define CHAT_EVENTS(X)                                                                             \
	X(MESSAGE, message, "chat channel.chat.message chatMessage", 1, "a chat message", "")      \
	X(WHISPER, whisper, "user.whisper.message private_message", 1,                             \
		"a private message to the bot", "")                                                \
	X(SUB, sub, "subscribe subscription channel.subscribe", 1, "a first subscription",         \
		"tier months count users")                                                         \
	X(RESUB, resub, "subscribe-message channel.subscription.message", 1,                       \
		"a renewed subscription", "tier months count")                                     \
	X(GIFT, gift, "subgift sub_gift gift_subscription", 0, "one gifted subscription",          \
		"touser tier count")                                                               \
	X(GIFTBOMB, giftbomb,                                                                      \
		"submysterygift channel-gift channel.subscription.gift community_sub_gift", 0,     \
		"several subscriptions gifted at once", "tier count users")                        \
	X(UPGRADE, upgrade,                                                                        \
		"giftpaidupgrade gift_paid_upgrade primepaidupgrade prime_paid_upgrade", 0,        \
		"a gifted or Prime subscription that is continued", "touser tier")                 \
	X(CHEER, cheer, "bits channel.cheer channel.bits.use", 1, "cheered bits",                  \
		"bits count users")                                                                \
	X(RAID, raid, "channel.raid", 0, "an incoming raid", "viewers count users")                \
	X(RAIDOUT, raid_out, "raidout raid-out raid_sent", 0,                                  \
		"a raid that leaves for another channel", "touser viewers count")                  \
	X(FOLLOW, follow, "channel.follow", 0, "a new follower", "count users")                    \
	X(REDEEM, redeem,                                                                          \
		"add-redemption channelpoint_redeem redemption channel_points_redemption "         \
		"channel.channel_points_custom_reward_redemption.add", 1,                          \
		"a channel point reward", "reward")                                                \
	X(HYPETRAIN, hype_train,                                                                   \
		"hypetrain hype-train-begin hypetrain_begin channel.hype_train.begin", 0,          \
		"a hype train that starts", "level count")                                         \
	X(AD, ad, "ads ad_break ad-break-begin adbreak_begin channel.ad_break.begin", 0,           \
		"an ad break that starts", "seconds count")                                        \
	X(ANNOUNCEMENT, announcement, "announce", 1, "an announcement by a moderator", "")         \
	X(STREAK, streak, "watch_streak viewermilestone", 1, "a watch streak", "count")            \
	X(SHOUTOUT, shoutout, "shoutout-create shoutout_created channel.shoutout.create", 0,       \
		"a shoutout that is given to another channel", "touser viewers count")             \
	X(SHOUTED, shouted_out, "shoutout-received shoutout_received channel.shoutout.receive", 0, \
		"a shoutout that another channel gives to this one", "viewers count")              \
	X(ONLINE, online, "streamup stream_online stream.online", 0, "the stream starts", "")      \
	X(OFFLINE, offline, "streamdown stream_offline stream.offline", 0, "the stream ends", "")  \
	X(SLASH, slash, "slash_command interaction", 1, "a slash command", "command")              \
	X(BOOST, boost, "guild_boost server_boost", 0, "a boosted server", "tier count")           \
	X(JOIN, join, "member_join channel_join", 0, "somebody joins a server", "count users")     \
	X(REACTION, reaction, "reaction_add", 0, "a reaction to a message", "emoji")               \
	X(TIMER, timer, "", 0, "a trigger with every: is due", "")

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
bool event_kind_has_text(enum event_kind k); /* a person's own words come with it */
int event_kind_parse(struct str s, enum event_kind *out) MUST_USE; /* names and aliases */

/* ---- Sorts of messages: `on:` may ask for one; each is a message with a condition. ----------- */

/* name, aliases, what it is, why another message is none */
#define CHAT_SORTS(X)                                                                              \
	X(ANY, any, "", "any message", "")                                                         \
	X(COMMAND, command, "", "a chat message that begins with an exclamation mark",             \
		"the message does not begin with '!'")                                             \
	X(FIRST, first_message, "first-message first_chat", "somebody's first chat message ever",  \
		"it is not the author's first message ever")                                       \
	X(REPLY, reply, "reply_message", "a chat message that replies to another one",             \
		"it replies to no other message")                                                  \
	X(ACTION, action, "me_message", "a chat message said with /me", "it was not said with /me")

enum event_sort {
#define X(upper, lower, aliases, help, lacks) SORT_##upper,
	CHAT_SORTS(X)
#undef X
	EVENT_SORT_COUNT
};

const char *event_sort_name(enum event_sort s);
const char *event_sort_help(enum event_sort s);
const char *event_sort_lacks(enum event_sort s);
/* A word of `on:`: a kind, or a sort of message (then kind is EVENT_MESSAGE). ERR_NOTFOUND. */
int event_word_parse(struct str s, enum event_kind *kind, enum event_sort *sort) MUST_USE;

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
	struct str channel_name; /* what people call it where `channel` is an id; else empty */
	struct str parent;      /* id of the channel that this thread belongs to; else empty */
	struct str user;        /* display name, scrubbed, for people; never an authority */
	struct str login;       /* the platform's handle */
	struct str user_id;     /* the key of memory, cooldowns, permissions */
	struct str id;          /* message id: dedupe, reply target; empty if none */
	struct str text;        /* what was said, normalised by text_scrub(TEXT_CHAT) */
	struct str to_id;       /* id of the message this one replies to */
	struct str touser;      /* gift recipient; author of the message replied to */
	struct str tier;        /* "1" "2" "3" "prime" */
	struct str reward;      /* redeem: its title, its id where the title is not known */
	struct str reward_id;   /* and its id */
	struct str batch;       /* gifts: an id that a bomb's announcement and its gifts share */
	struct str users;       /* "anna, bob and 7 more" where it stands for several people */
	struct str command;     /* a slash command's name, lower case; of a timer its trigger's */
	struct str emoji;       /* of a reaction, or the name of one of the place's own */
	struct stream stream;   /* what is known of the channel's stream; bot fills it in */
	/* Gifts, raiders, months of a streak, seconds of an ad, level of a hype train: what
	 * $(count) says; 0 = none. */
	int64_t count;
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
	bool is_direct;         /* a reply to the bot, the platform's own mention, a DM */
	bool is_anonymous;      /* anonymous gifter or cheerer */
};

/* GIVES one block holding the event and its strings (mem_free). NULL = no memory. */
struct event *event_copy(const struct event *e);
enum level event_level(const struct event *e);
/* Is it from there? place: a platform, a channel with or without #, its id, that of the channel a
 * thread belongs to, or platform:channel; in any case of ASCII letters. */
bool event_is_in(const struct event *e, const char *place);
/* Is this message of that sort? */
bool event_is_sort(const struct event *e, enum event_sort s);
/* What it weighs, for at_least: and $(count): bits, raiders, gifts, months, seconds, a level. */
int64_t event_amount(const struct event *e);

/* Words that somebody says for the bot or others to answer: a message, a whisper, a slash
 * command. */
bool event_is_talk(const struct event *e);
/* The channel as people call it. */
struct str event_channel_name(const struct event *e);

/* ---- Slash commands -------------------------------------------------------------------------- */

#define SLASH_NAME_POINTS 32 /* Discord: application commands, 2026-08; so are the next two */
#define SLASH_HELP_POINTS 100
#define SLASH_MOST 100 /* of one application, those of the bot included */

/* One as people are offered it. Strings BORROWED. */
struct slash {
	const char *name;        /* 1 to 32 characters, lower case */
	const char *description; /* 1 to 100 characters */
	const char *option;      /* name of its one text option; NULL = none */
	const char *option_help; /* 1 to 100 characters */
	bool is_required;        /* the option */
	bool is_private;         /* only who asked sees the answer */
	enum level level;        /* who may use it */
};

/* Those the bot answers itself, all of them privately: name, what it does, its option or NULL, what
 * that is, who may use it. */
#define CHAT_SLASHES(X)                                                                            \
	X(PERSONA, persona, "Who speaks here", "name",                                             \
		"For moderators: who shall speak here from now on, or default", EVERYONE)          \
	X(FORGETME, forgetme, "Forget what you have said to me here", NULL, NULL, EVERYONE)        \
	X(QUIET, quiet, "Keep the bot silent here", "minutes",                                     \
		"For how many minutes, 10 if left out; 0 ends it", MODERATOR)                      \
	X(STATUS, status, "How the bot is doing", NULL, NULL, MODERATOR)

enum slash_own {
#define X(upper, lower, help, option, option_help, level) SLASH_##upper,
	CHAT_SLASHES(X)
#undef X
	SLASH_OWN_COUNT
};

const struct slash *slash_own(enum slash_own i);
/* Is this the name of one of them? 0 or ERR_NOTFOUND. */
int slash_own_parse(struct str name, enum slash_own *out) MUST_USE;
/* May a command or its option have this name? Letters, digits, - and _, in lower case. */
bool slash_is_name(struct str name);

/* ---- Forms: what a platform can carry -------------------------------------------------------- */

/* platform, characters of one message, whether it shows lines and markdown (their characters are
 * code points then, else UTF-16 units), how many a model is asked for when it answers somebody, and
 * when it remarks on something else */
#define CHAT_FORMS(X)                                                                              \
	X(twitch, 500, 0, 200, 150)                                                                \
	X(irc, 500, 0, 200, 150)                                                                   \
	X(console, 500, 0, 200, 150)                                                               \
	X(discord, 2000, 1, 900, 300)

struct form {
	const char *platform;
	size_t length;
	bool has_lines;
	size_t answer, remark;
};
/* That of a platform; of an unknown one the plainest. */
const struct form *form_of(struct str platform);

/* What must be forgotten: a deleted message, a user timed out or banned, a cleared chat. Empty
 * strings mean "any": message_id set = that message; else user_id set = that user; else all. */
struct erasure {
	struct str platform, channel, channel_id, user_id, message_id;
	struct str author; /* of that message, by login; empty = not told */
	bool is_edit; /* only the words of the message are: what answers it may go on */
};

/* ---- Reply: what goes out. ------------------------------------------------------------------- */

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
	bool may_repeat;   /* one person asked for it: said again, it is no twin */
	char *text;        /* safe; one line, unless the platform's form has lines */
	enum priority priority;
	int64_t made_ms;   /* clock_mono_ms of the event, not of the text */
	int64_t dies_ms;   /* past this it is late */
	struct reply *prev, *next; /* utlist, for whoever queues it */
	void *owner;       /* the holder's; reply_free ignores it */
};

/* GIVES (reply_free). Takes channel, ids and place from the event. NULL = no memory. */
struct reply *reply_new(const char *turn, const struct event *e, struct str text);
void reply_free(struct reply *r);

/* ---- Line and conversation: what was said lately. -------------------------------------------- */

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
