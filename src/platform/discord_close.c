/* The table of close codes. */
#include "platform/discord_close.h"

#include <stdio.h>
#include <string.h>

#define OUR_FAULT "Discord says we sent "
#define OUR_FAULT_MS 5000  /* what was wrong once is likely wrong again */
#define TOO_FAST_MS 15000  /* a quarter of the minute that is counted */

static const struct platform_close closes[] = {
	{1000, PLATFORM_NEXT_RESUME, 0, "1000", "Discord closed the connection"},
	{1001, PLATFORM_NEXT_RESUME, 0, "1001", "Discord's server went away"},
	{1006, PLATFORM_NEXT_RESUME, 0, "none", "the connection to Discord broke"},
	{1009, PLATFORM_NEXT_RESUME, OUR_FAULT_MS, "1009", OUR_FAULT "a message that is too long"},
	{4000, PLATFORM_NEXT_RESUME, 0, "4000", "Discord had an unknown error"},
	{4001, PLATFORM_NEXT_RESUME, OUR_FAULT_MS, "4001", OUR_FAULT "an opcode it does not know"},
	{4002, PLATFORM_NEXT_RESUME, OUR_FAULT_MS, "4002", OUR_FAULT "what it cannot read"},
	{4003, PLATFORM_NEXT_IDENTIFY, 0, "4003", OUR_FAULT "something before we logged in"},
	{4004, PLATFORM_NEXT_REFUSED, 0, "4004",
		"Discord does not take the token: reset it in the developer portal (Bot, Reset "
		"Token) and give mynah the new one"},
	{4005, PLATFORM_NEXT_IDENTIFY, 0, "4005", OUR_FAULT "a second login"},
	{4006, PLATFORM_NEXT_IDENTIFY, 0, "4006", "Discord does not know the session any more"},
	{4007, PLATFORM_NEXT_IDENTIFY, 0, "4007", "Discord does not know where the session stood"},
	{4008, PLATFORM_NEXT_RESUME, TOO_FAST_MS, "4008", OUR_FAULT "too much at once"},
	{4009, PLATFORM_NEXT_IDENTIFY, 0, "4009", "the session at Discord timed out"},
	{4010, PLATFORM_NEXT_REFUSED, 0, "4010",
		"Discord does not take the number of this shard: correct `shards` of the place"},
	{4011, PLATFORM_NEXT_REFUSED, 0, "4011",
		"the bot is in too many servers for so few shards: set `shards: auto`"},
	{4012, PLATFORM_NEXT_REFUSED, 0, "4012",
		"Discord's gateway does not speak version 10 any more: update mynah"},
	{4013, PLATFORM_NEXT_REFUSED, 0, "4013",
		"Discord does not know an intent that mynah asked for: update mynah"},
	{4014, PLATFORM_NEXT_REFUSED, 0, "4014",
		"an intent is switched off: in the developer portal, at Bot, Privileged Gateway "
		"Intents, switch on"},
};

const struct platform_close *platform_close_find(int code)
{
	static const struct platform_close none = {0, PLATFORM_NEXT_RESUME, 0, "none", ""};
	static const struct platform_close other = {0, PLATFORM_NEXT_RESUME, 0, "other", ""};

	for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
		if (closes[i].code == code)
			return &closes[i];
	}
	return code == 0 ? &none : &other;
}

const char *platform_close_switches(uint32_t intents, char out[PLATFORM_SWITCHES_BYTES])
{
	static const struct {
		uint32_t bit; /* discord.md section 2 */
		const char *name;
	} switches[] = {
		{1u << 15, "Message Content Intent"},
		{1u << 1, "Server Members Intent"},
		{1u << 8, "Presence Intent"},
	};
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (!(intents & switches[i].bit))
			continue;
		snprintf(out + len, PLATFORM_SWITCHES_BYTES - len, "%s\"%s\"", len ? ", " : "",
			switches[i].name);
		len = strlen(out);
	}
	return out;
}
