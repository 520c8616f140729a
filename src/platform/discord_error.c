/* What a code of Discord's REST interface means, and what is to be done. */
#include "platform/discord_error.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (24 * 60 * MINUTE_MS)
#define SEE "allow the bot's role View Channel there, or take the channel out of the config"
#define TOKEN "reset the token in the Developer Portal under Bot, and put the new one where " \
	"`token` points to"

#define INVALID_FORM 50035

/* discord.md 9. */
static const struct platform_rest_error errors[] = {
	{10003, PLATFORM_REST_CLOSE, 0, "the channel is gone: take it out of the config"},
	{10004, PLATFORM_REST_CLOSE, 0, "the server is gone, or the bot is not in it any more"},
	{10008, PLATFORM_REST_GONE, 0, NULL},
	{10015, PLATFORM_REST_GONE, 0, NULL},
	{10062, PLATFORM_REST_GONE, 0, "it came too late (3 s), or another process with the same "
		"token answered it"},
	{20016, PLATFORM_REST_HOLD, 0, NULL},
	{20028, PLATFORM_REST_HOLD, 0, NULL},
	{20029, PLATFORM_REST_HOLD, 0, NULL},
	{30034, PLATFORM_REST_HOLD, DAY_MS, "200 commands were created in a day: wait until "
		"tomorrow"},
	{30046, PLATFORM_REST_DROP, 0, "a message that is more than an hour old may be edited now "
		"and then only: what stands there stays"},
	{40001, PLATFORM_REST_STOP, 0, TOKEN},
	{40002, PLATFORM_REST_STOP, 0, "the account that owns the bot has to be verified"},
	{40003, PLATFORM_REST_HOLD, MINUTE_MS, NULL},
	{40004, PLATFORM_REST_HOLD, 5 * MINUTE_MS, NULL},
	{40060, PLATFORM_REST_ANSWERED, 0, NULL},
	{40062, PLATFORM_REST_REPEAT, 0, NULL},
	{40333, PLATFORM_REST_BAN, 0, NULL},
	{50001, PLATFORM_REST_CLOSE, 0, SEE},
	{50007, PLATFORM_REST_CLOSE, 0, "that person does not take direct messages from the bot"},
	{50008, PLATFORM_REST_CLOSE, 0, "that is no text channel: take it out of the config"},
	{50009, PLATFORM_REST_CLOSE, 0, "the channel's verification level is too high for the bot"},
	{50013, PLATFORM_REST_CLOSE, 0, "allow the bot's role Send Messages there (in threads: "
		"Send Messages in Threads)"},
	{50014, PLATFORM_REST_STOP, 0, TOKEN},
	{50021, PLATFORM_REST_UNTIE, 0, NULL},
	{50027, PLATFORM_REST_GONE, 0, NULL},
	{50083, PLATFORM_REST_DROP, 0, "the thread is archived"},
	{50278, PLATFORM_REST_CLOSE, 0, "the bot shares no server with that person"},
	{130000, PLATFORM_REST_REPEAT, 0, NULL},
	{160002, PLATFORM_REST_UNTIE, 0, "allow the bot's role Read Message History there"},
	{160005, PLATFORM_REST_DROP, 0, "the thread is locked"},
	{200000, PLATFORM_REST_DROP, 0, "AutoMod of that server blocked the text"},
	{240000, PLATFORM_REST_DROP, 0, "Discord blocked a link in the text"},
};
static const struct platform_rest_error untied = {INVALID_FORM, PLATFORM_REST_UNTIE, 0, NULL};
static const struct platform_rest_error unknown = {0, PLATFORM_REST_DROP, 0, NULL};

const struct platform_rest_error *platform_rest_error(int code, const char *field)
{
	if (code == INVALID_FORM && strcmp(field, "message_reference") == 0)
		return &untied;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].code == code)
			return &errors[i];
	}
	return &unknown;
}
