/* A place on Twitch: chat over IRC, composed with what else Twitch offers one account. The IRC place does
 * what it does on any network; this one stands between it and the owner, so that what comes from
 * elsewhere joins in here and each kind of event has one source. */
#include "platform/room.h"

#define WORKER_JOBS 256 /* one at a time for each login; 100 channels are many */

struct platform_twitch {
	struct io *io;
	struct io_worker *worker;     /* the vault is read and written there */
	char *state_dir;
	struct platform_token *token; /* the bot's; NULL = it has no account, and only reads */
	struct platform irc;
};

/* ---- The bot's token --------------------------------------------------------------------------- */

static void on_token(void *ctx)
{
	struct platform_twitch *t = ctx;

	platform_irc_token_changed(&t->irc);
}

static int token_new(struct platform_twitch *t, const struct conf_place *c)
{
	const struct platform_token_options o = {.io = t->io, .conf = c, .state_dir = t->state_dir,
		.worker = t->worker, .changed = on_token, .ctx = t};

	if (!c->account || !*c->account)
		return 0;
	return platform_token_new(&o, &t->token);
}

/* ---- platform_ops ------------------------------------------------------------------------------ */

static void twitch_send(void *self, struct reply *r)
{
	struct platform_twitch *t = self;

	t->irc.ops->send(t->irc.self, r);
}

static int twitch_reload(void *self, const struct conf_place *c)
{
	struct platform_twitch *t = self;
	struct platform_token *old = NULL;
	bool has_account = c->account && *c->account;
	int err = 0;

	if (t->token && has_account) {
		err = platform_token_load(t->token, c);
	} else if (has_account) {
		err = token_new(t, c);
	} else {
		old = t->token;
		t->token = NULL;
	}
	if (err < 0)
		return err;
	platform_irc_set_token(&t->irc, t->token);
	platform_token_free(old);
	return t->irc.ops->reload(t->irc.self, c);
}

static void twitch_stop(void *self)
{
	struct platform_twitch *t = self;

	t->irc.ops->stop(t->irc.self);
}

/* What IRC says of itself, and whose tokens there are. */
static int twitch_status(void *self, struct buf *out)
{
	struct platform_twitch *t = self;
	int err = t->irc.ops->status(t->irc.self, out);

	if (err < 0)
		return err;
	buf_truncate(out, out->len - 1); /* its closing brace */
	err = buf_adds(out, ",\"logins\":[");
	if (!err && t->token)
		err = platform_token_status(t->token, out);
	return err ? err : buf_adds(out, "]}");
}

static void twitch_free(void *self)
{
	struct platform_twitch *t = self;

	if (!t)
		return;
	if (t->irc.ops) {
		platform_irc_set_token(&t->irc, NULL); /* it may outlive us, inside its own callback */
		t->irc.ops->free(t->irc.self);
	}
	platform_token_free(t->token);
	io_worker_free(t->worker);
	mem_free(t->state_dir);
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
	int err;

	if (!t)
		return ERR_NOMEM;
	t->io = io;
	t->state_dir = mem_dup(state_dir);
	err = t->state_dir ? io_worker_new(io, "vault", WORKER_JOBS, &t->worker) : ERR_NOMEM;
	if (!err)
		err = token_new(t, c);
	if (!err)
		err = platform_irc_new_with(io, place, c, t->token, owner, &t->irc);
	if (err) {
		twitch_free(t);
		return err;
	}
	*out = (struct platform){&twitch_ops, t};
	return 0;
}
