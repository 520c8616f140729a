/* Rehearsal: an event happens to a bot that has nobody to talk to and whose models are played by
 * somebody else (options.replay and options.model). Everything between is the way of real ones. */
#include "bot/room.h"

#include <stdio.h>

int bot_rehearse(struct bot *b, const struct event *e, const char *persona,
	const struct conversation *past)
{
	const struct memory_key key = {
		.platform = e->platform, .channel_id = e->channel_id, .user_id = e->user_id};
	const struct outbox_lane lane = {.is_open = true, .is_privileged = true};
	char channel[BOT_CHANNEL_BYTES];
	int err;

	snprintf(channel, sizeof(channel), "%.*s", STR_FMT(e->channel));
	err = b->owner.lane(b, e->place, channel, &lane);
	if (!err && persona)
		err = bot_channel_set_persona(b, e, persona);
	if (err)
		return err;
	if (past->n > 0)
		memory_remember(&b->memory, &key, past->lines, past->n);
	b->owner.event(b, e);
	return 0;
}
