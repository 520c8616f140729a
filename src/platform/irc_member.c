/* Ordinary IRC: who is in a channel with which rank. Modes: RFC 2812 and ISUPPORT's PREFIX and
 * CHANMODES (defs.ircdocs.horse/defs/isupport). */
#include "platform/irc_member.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

struct platform_member {
	char nick[PLATFORM_NICK_BYTES];
	unsigned ranks; /* bit i = platform_modes.letters[i] at the time: highest rank is bit 0 */
	unsigned roles;
	UT_hash_handle hh;
};

void platform_modes_init(struct platform_modes *m)
{
	*m = (struct platform_modes){.letters = "qaohv", .symbols = "~&@%+", .always = "beIk",
		.when_set = "l"};
}

static void keep(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_FMT(s));
}

/* "PREFIX=(ohv)@%+" */
static void read_prefix(struct platform_modes *m, struct str value)
{
	if (value.len < 2 || value.at[0] != '(')
		return;
	value.at++;
	value.len--;
	struct str letters = str_split(&value, ')');
	if (letters.len != value.len || letters.len >= sizeof(m->letters))
		return;
	keep(m->letters, sizeof(m->letters), letters);
	keep(m->symbols, sizeof(m->symbols), value);
}

/* "CHANMODES=lists,always,when-set,never" */
static void read_chanmodes(struct platform_modes *m, struct str value)
{
	struct str lists = str_split(&value, ','), always = str_split(&value, ',');
	struct str when_set = str_split(&value, ',');

	if (lists.len + always.len >= sizeof(m->always) || when_set.len >= sizeof(m->when_set))
		return;
	snprintf(m->always, sizeof(m->always), "%.*s%.*s", STR_FMT(lists), STR_FMT(always));
	keep(m->when_set, sizeof(m->when_set), when_set);
}

void platform_modes_isupport(struct platform_modes *m, const struct platform_line *l)
{
	for (size_t i = 1; i < l->param_count; i++) {
		struct str value = l->params[i];
		struct str key = str_split(&value, '=');

		if (str_is(key, "PREFIX"))
			read_prefix(m, value);
		else if (str_is(key, "CHANMODES"))
			read_chanmodes(m, value);
	}
}

/* False when the name cannot be a nick. */
static bool fold(struct str nick, char out[PLATFORM_NICK_BYTES])
{
	if (nick.len == 0 || nick.len >= PLATFORM_NICK_BYTES)
		return false;
	for (size_t i = 0; i < nick.len; i++) {
		if ((unsigned char)nick.at[i] <= ' ')
			return false;
		out[i] = ascii_lower(nick.at[i]);
	}
	out[nick.len] = '\0';
	return true;
}

static struct platform_member *find(const struct platform_members *ms, struct str nick)
{
	char key[PLATFORM_NICK_BYTES];
	struct platform_member *found = NULL;

	if (fold(nick, key))
		HASH_FIND_STR(ms->by_nick, key, found);
	return found;
}

static void forget(struct platform_members *ms, struct platform_member *who)
{
	HASH_DEL(ms->by_nick, who);
	mem_free(who);
	ms->n--;
}

void platform_members_clear(struct platform_members *ms)
{
	struct platform_member *who, *next;

	HASH_ITER(hh, ms->by_nick, who, next)
		forget(ms, who);
}

static unsigned roles_of(const struct platform_modes *m, unsigned ranks)
{
	unsigned roles = 0;

	for (size_t i = 0; m->symbols[i]; i++) {
		if (!(ranks & 1u << i))
			continue;
		switch (m->symbols[i]) {
		case '~':
		case '&': roles |= ROLE(LEVEL_BROADCASTER); break;
		case '@':
		case '%': roles |= ROLE(LEVEL_MODERATOR); break;
		case '+': roles |= ROLE(LEVEL_VIP); break;
		default: break;
		}
	}
	return roles;
}

/* Sets and clears ranks; who ends up without any is forgotten. */
static void change(struct platform_members *ms, const struct platform_modes *m, struct str nick,
	unsigned set, unsigned clear)
{
	struct platform_member *who = find(ms, nick);
	char key[PLATFORM_NICK_BYTES];

	if (!who) {
		if (set == 0 || ms->n >= PLATFORM_MEMBERS_MAX || !fold(nick, key))
			return;
		who = mem_new(sizeof(*who));
		if (!who)
			return;
		memcpy(who->nick, key, sizeof(key));
		HASH_ADD_STR(ms->by_nick, nick, who);
		if (!hash_has(who)) {
			mem_free(who);
			return;
		}
		ms->n++;
	}
	who->ranks = (who->ranks | set) & ~clear;
	who->roles = roles_of(m, who->ranks);
	if (who->ranks == 0)
		forget(ms, who);
}

void platform_members_names(struct platform_members *ms, const struct platform_modes *m,
	struct str names)
{
	while (names.len > 0) {
		struct str nick = str_split(&names, ' ');
		unsigned ranks = 0;

		while (nick.len > 0) {
			const char *symbol = strchr(m->symbols, nick.at[0]);
			if (!symbol || *symbol == '\0')
				break;
			ranks |= 1u << (symbol - m->symbols);
			nick.at++;
			nick.len--;
		}
		nick = str_split(&nick, '!'); /* userhost-in-names */
		change(ms, m, nick, ranks, 0);
	}
}

void platform_members_mode(struct platform_members *ms, const struct platform_modes *m,
	const struct platform_line *l)
{
	struct str modes = platform_line_param(l, 1);
	size_t at = 2;
	bool is_set = true;

	for (size_t i = 0; i < modes.len; i++) {
		char mode = modes.at[i];
		const char *rank = mode ? strchr(m->letters, mode) : NULL;

		if (mode == '+' || mode == '-') {
			is_set = mode == '+';
		} else if (rank) {
			unsigned bit = 1u << (rank - m->letters);
			change(ms, m, platform_line_param(l, at++), is_set ? bit : 0,
				is_set ? 0 : bit);
		} else if (mode &&
			   (strchr(m->always, mode) || (is_set && strchr(m->when_set, mode)))) {
			at++;
		}
	}
}

void platform_members_gone(struct platform_members *ms, struct str nick)
{
	struct platform_member *who = find(ms, nick);

	if (who)
		forget(ms, who);
}

void platform_members_renamed(struct platform_members *ms, struct str from, struct str to)
{
	struct platform_member *who = find(ms, from), *other = find(ms, to);
	char key[PLATFORM_NICK_BYTES];

	if (!who)
		return;
	if (other && other != who)
		forget(ms, other);
	if (!fold(to, key)) {
		forget(ms, who);
		return;
	}
	HASH_DEL(ms->by_nick, who);
	memcpy(who->nick, key, sizeof(key));
	HASH_ADD_STR(ms->by_nick, nick, who);
	if (!hash_has(who)) {
		mem_free(who);
		ms->n--;
	}
}

unsigned platform_members_roles(const struct platform_members *ms, struct str nick)
{
	const struct platform_member *who = find(ms, nick);

	return ROLE(LEVEL_EVERYONE) | (who ? who->roles : 0);
}
