/* platform/irc_member.h: ordinary IRC only: who is in a channel with which rank.
 *
 * Ranks come from the server alone (NAMES, MODE), never from names (faults.md A15). Pure: no I/O.
 * A channel larger than PLATFORM_MEMBERS_MAX keeps those it knows; the rest are everyone. */
#ifndef PLATFORM_IRC_MEMBER_H
#define PLATFORM_IRC_MEMBER_H

#include "chat/chat.h"
#include "platform/irc_line.h"

#define PLATFORM_MEMBERS_MAX 5000 /* with a rank; those without are not kept */
#define PLATFORM_NICK_BYTES 64    /* NICKLEN is 9 to 32 on the networks of today */

/* What RPL_ISUPPORT (005) says about modes; the RFC's own until then. */
struct platform_modes {
	char letters[16]; /* of ranks, highest first: "qaohv" */
	char symbols[16]; /* "~&@%+" */
	char always[32];  /* other modes with a parameter: lists and keys, "beIk" */
	char when_set[32];/* with a parameter only when set: "l" */
};
void platform_modes_init(struct platform_modes *m);
void platform_modes_isupport(struct platform_modes *m, const struct platform_line *l);

struct platform_member;
struct platform_members {
	struct platform_member *by_nick; /* uthash, key folded to lower case */
	size_t n;
};
void platform_members_clear(struct platform_members *ms);
/* 353: names with their symbols in front, separated by spaces. */
void platform_members_names(struct platform_members *ms, const struct platform_modes *m,
	struct str names);
/* MODE #channel +o-v nick nick. */
void platform_members_mode(struct platform_members *ms, const struct platform_modes *m,
	const struct platform_line *l);
void platform_members_gone(struct platform_members *ms, struct str nick);
void platform_members_renamed(struct platform_members *ms, struct str from, struct str to);
/* ~ & (founder, protected) = broadcaster; @ % = moderator; + = VIP. */
unsigned platform_members_roles(const struct platform_members *ms, struct str nick);

#endif
