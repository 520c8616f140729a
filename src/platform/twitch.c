/* A place on Twitch: chat over IRC, composed with what else Twitch offers one account. The IRC place does
 * what it does on any network; this one stands between it and the owner, so that what comes from
 * elsewhere joins in here and each kind of event has one source. */
#include "platform/room.h"

struct platform_twitch {
	struct platform irc;
};

static void twitch_send(void *self, struct reply *r)
{
	struct platform_twitch *t = self;

	t->irc.ops->send(t->irc.self, r);
}

static int twitch_reload(void *self, const struct conf_place *c)
{
	struct platform_twitch *t = self;

	return t->irc.ops->reload(t->irc.self, c);
}

static void twitch_stop(void *self)
{
	struct platform_twitch *t = self;

	t->irc.ops->stop(t->irc.self);
}

static int twitch_status(void *self, struct buf *out)
{
	struct platform_twitch *t = self;

	return t->irc.ops->status(t->irc.self, out);
}

static void twitch_free(void *self)
{
	struct platform_twitch *t = self;

	if (!t)
		return;
	if (t->irc.ops)
		t->irc.ops->free(t->irc.self);
	mem_free(t);
}

static const struct platform_ops twitch_ops = {
	.name = "twitch",
	.send = twitch_send,
	.reload = twitch_reload,
	.stop = twitch_stop,
	.status = twitch_status,
	.free = twitch_free,
};

int platform_twitch_new(struct io *io, unsigned place, const struct conf_place *c,
	const char *state_dir, const struct platform_owner *owner, struct platform *out)
{
	struct platform_twitch *t = mem_new(sizeof(*t));
	int err = t ? platform_irc_new(io, place, c, owner, &t->irc) : ERR_NOMEM;

	(void)state_dir;
	if (err) {
		twitch_free(t);
		return err;
	}
	*out = (struct platform){&twitch_ops, t};
	return 0;
}
