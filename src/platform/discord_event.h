/* platform/discord_event.h: dispatches of the gateway become events and erasures. Not for other
 * rooms. No I/O, no clock.
 *
 * Events borrow from the dispatch, from what is known of servers and from the reader's scratch
 * buffers: valid until its next one. In steady state nothing is allocated. Every string of an event
 * is valid UTF-8 without control characters, whatever came. */
#ifndef PLATFORM_DISCORD_EVENT_H
#define PLATFORM_DISCORD_EVENT_H

#include "chat/chat.h"
#include "conf/conf.h"
#include "platform/discord_guild.h"

#define PLATFORM_DISCORD_TEXT 8192   /* 4,000 characters of two bytes; what is longer is cut */
#define PLATFORM_DISCORD_NAMES 512   /* 32 characters and room for what they are made of */
#define PLATFORM_DISCORD_ROLES 100   /* of one person that are looked at; Discord allows 250 */
#define PLATFORM_SNOWFLAKE_BYTES 24  /* as text */

/* What the config says of whom and where to hear: a copy of it. */
struct platform_rule_role {
	uint64_t id;
	enum level level;
};
struct platform_rules {
	uint64_t *channels;  /* sorted; NULL = all */
	size_t channel_n;
	struct platform_rule_role *roles;
	size_t role_n;
	bool has_moderators; /* else who may manage messages is one */
	bool direct, hears_bots;
};
int platform_rules_copy(const struct conf_place *c, struct platform_rules *out) MUST_USE;
void platform_rules_fini(struct platform_rules *r);
bool platform_rules_name(const struct platform_rules *r, uint64_t channel); /* is it listed? */
/* Is a channel heard: listed itself, or its channel if it is a thread, or none is listed? */
bool platform_rules_hear(const struct platform_rules *r, const struct platform_guild *g,
	uint64_t channel);

struct platform_reader {
	unsigned place;
	struct str platform;                 /* BORROWED for the reader's life */
	uint64_t self;                       /* our own user; 0 = not known yet */
	const struct platform_guilds *guilds; /* BORROWED */
	const struct platform_rules *rules;   /* BORROWED */
	int64_t now_ms, wall_ms;             /* set by whoever reads */
	struct buf raw, text, user, touser, emoji;
	char channel[PLATFORM_SNOWFLAKE_BYTES], parent[PLATFORM_SNOWFLAKE_BYTES];
	char id[128];
};
void platform_reader_init(struct platform_reader *r, unsigned place, struct str platform,
	const struct platform_guilds *guilds, const struct platform_rules *rules);
void platform_reader_fini(struct platform_reader *r);

/* What a dispatch tells. */
struct platform_dispatch_news {
	bool has_event, has_erasure;
	struct event event;
	struct erasure erasure;
	const struct json_item *ids; /* the erasure is of each of these messages; NULL = once */
	uint64_t guild, channel;     /* where the event is; guild 0 = a direct message */
	struct str token;            /* of an interaction, a secret; empty = the event is none */
};
/* 0; ERR_NOTFOUND when there is nothing to tell, *why says it in a word for the metric (static);
 * ERR_NOMEM. An interaction is told wherever it is: that it is not answered there is an answer. */
int platform_dispatch_read(struct platform_reader *r, struct str type, const struct json_item *d,
	struct platform_dispatch_news *out, const char **why) MUST_USE;
/* Tells its erasure: once, or of each message. */
void platform_dispatch_erase(struct platform_dispatch_news *news,
	void (*erase)(void *ctx, const struct erasure *e), void *ctx);

#endif
