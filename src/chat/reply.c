/* A reply: made for an event, owned by whoever holds it. */
#include "chat/chat.h"

#include <stdio.h>

struct reply *reply_new(const char *turn, const struct event *e, struct str text)
{
	struct reply *r = mem_new(sizeof(*r));

	if (!r)
		return NULL;
	snprintf(r->turn, sizeof(r->turn), "%s", turn);
	r->place = e->place;
	r->made_ms = e->at_ms;
	r->is_thread = e->id.len > 0;
	r->platform = mem_dupn(e->platform.at, e->platform.len);
	r->channel = mem_dupn(e->channel.at, e->channel.len);
	r->channel_id = mem_dupn(e->channel_id.at, e->channel_id.len);
	r->user_id = mem_dupn(e->user_id.at, e->user_id.len);
	r->text = mem_dupn(text.at, text.len);
	if (e->id.len > 0)
		r->to_id = mem_dupn(e->id.at, e->id.len);
	if (!r->platform || !r->channel || !r->channel_id || !r->user_id || !r->text ||
			(e->id.len > 0 && !r->to_id)) {
		reply_free(r);
		return NULL;
	}
	return r;
}

void reply_free(struct reply *r)
{
	if (!r)
		return;
	mem_free(r->platform);
	mem_free(r->channel);
	mem_free(r->channel_id);
	mem_free(r->user_id);
	mem_free(r->to_id);
	mem_free(r->text);
	mem_free(r);
}
