/* What a NOTICE or a drop code of Twitch means. The table is twitch.md 1.8 and 3.2. */
#include "platform/twitch_notice.h"


/* msg_ratelimit: Twitch may ignore an account that goes on for an hour; a window is 30 s. */
#define RATE_HOLD_MS 30000
#define SLOW_HOLD_MS 30000          /* msg_slowmode without seconds in its text */
#define TIMEOUT_HOLD_MS 60000       /* msg_timedout without seconds in its text */
#define MODE_HOLD_MS (5 * 60 * 1000)/* a mode that is never seen to change is tried again */
#define LOGIN_HOLD_MS   60000 /* until a person has logged the bot in, it is asked once a minute */
#define WAIT_MAX_S 1209600          /* 14 days, the longest timeout Twitch gives */

static const struct platform_notice notices[] = {
	{"msg_ratelimit", true, PLATFORM_EFFECT_HOLD, RATE_HOLD_MS, NULL},
	{"msg_slowmode", true, PLATFORM_EFFECT_HOLD, SLOW_HOLD_MS, NULL},
	{"msg_timedout", true, PLATFORM_EFFECT_HOLD, TIMEOUT_HOLD_MS, NULL},
	{"msg_duplicate", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"msg_r9k", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"msg_rejected", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"msg_rejected_mandatory", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"msg_bad_characters", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"msg_emoteonly", true, PLATFORM_EFFECT_MODE, MODE_HOLD_MS,
		"make the bot a moderator here"},
	{"msg_subsonly", true, PLATFORM_EFFECT_MODE, MODE_HOLD_MS,
		"make the bot a moderator or VIP here"},
	{"msg_followersonly", true, PLATFORM_EFFECT_MODE, MODE_HOLD_MS,
		"make the bot a moderator or VIP here, or let it follow the channel"},
	{"msg_followersonly_followed", true, PLATFORM_EFFECT_MODE, MODE_HOLD_MS,
		"make the bot a moderator or VIP here"},
	{"msg_followersonly_zero", true, PLATFORM_EFFECT_MODE, MODE_HOLD_MS,
		"make the bot a moderator or VIP here, or let it follow the channel"},
	{"msg_banned", true, PLATFORM_EFFECT_REFUSE, 0,
		"ask the channel's moderators to unban the bot"},
	{"msg_channel_blocked", true, PLATFORM_EFFECT_REFUSE, 0,
		"the broadcaster has blocked the bot's account"},
	{"msg_suspended", true, PLATFORM_EFFECT_REFUSE, 0,
		"the bot's account is suspended: see to it on twitch.tv"},
	{"msg_verified_email", true, PLATFORM_EFFECT_REFUSE, 0,
		"verify the e-mail address of the bot's account on twitch.tv"},
	{"msg_requires_verified_phone_number", true, PLATFORM_EFFECT_REFUSE, 0,
		"verify a phone number for the bot's account on twitch.tv"},
	{"msg_channel_suspended", true, PLATFORM_EFFECT_REFUSE, 0,
		"the channel is suspended or does not exist: check its name in channels:"},
	{"tos_ban", true, PLATFORM_EFFECT_REFUSE, 0,
		"Twitch closed the channel: take it out of channels:"},
	/* What REST says besides (twitch.md 3.2), and what we say of it (twitch_helix.h). */
	{"automod_held", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"channel_settings", true, PLATFORM_EFFECT_MODE, MODE_HOLD_MS,
		"make the bot a moderator here"},
	{"user_timed_out", true, PLATFORM_EFFECT_HOLD, TIMEOUT_HOLD_MS, NULL},
	{"user_banned", true, PLATFORM_EFFECT_REFUSE, 0,
		"ask the channel's moderators to unban the bot"},
	{"rate_limit", true, PLATFORM_EFFECT_HOLD, RATE_HOLD_MS, NULL},
	{"http_429", true, PLATFORM_EFFECT_HOLD, RATE_HOLD_MS, NULL},
	{"http_403", true, PLATFORM_EFFECT_REFUSE, 0,
		"ask the channel's moderators whether the bot may chat there"},
	{"no_channel_id", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"no_login", true, PLATFORM_EFFECT_HOLD, LOGIN_HOLD_MS, "run `mynah login twitch`"},
	{"no_scope", true, PLATFORM_EFFECT_HOLD, LOGIN_HOLD_MS,
		"sending by REST needs the scope user:write:chat: run `mynah login twitch`"},
	{"unrecognized_cmd", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"no_permission", true, PLATFORM_EFFECT_NONE, 0, NULL},
	{"invalid_user", true, PLATFORM_EFFECT_NONE, 0, NULL},
};

const struct platform_notice *platform_notice_find(struct str msg_id)
{
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++) {
		if (str_is(msg_id, notices[i].id))
			return &notices[i];
	}
	return NULL;
}

/* The first number in a text, 0 when there is none. */
static int64_t first_number(struct str text)
{
	int64_t n = 0;
	size_t i = 0;

	while (i < text.len && !ascii_is_digit(text.at[i]))
		i++;
	for (; i < text.len && ascii_is_digit(text.at[i]); i++) {
		n = n * 10 + (text.at[i] - '0');
		if (n > WAIT_MAX_S)
			return WAIT_MAX_S;
	}
	return n;
}

int64_t platform_notice_wait_ms(const struct platform_notice *n, struct str text)
{
	int64_t seconds = n->effect == PLATFORM_EFFECT_HOLD ? first_number(text) : 0;

	return seconds > 0 ? seconds * 1000 : n->hold_ms;
}

bool platform_notice_is_login_refused(struct str text)
{
	static const char *const texts[] = {
		"Login authentication failed", "Improperly formatted auth", "Login unsuccessful",
		"Invalid NICK",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (str_is_nocase(str_trim(text), texts[i]))
			return true;
	}
	return false;
}
