/* platform: be present in a place: wire to event, reply to wire.
 *
 * Floor 5. Knows every platform's protocol and nothing of what the bot does with it. A place is one
 * account on one platform; it keeps itself connected, and tells its owner of events, of what must
 * be forgotten, of what became of sent replies, and of lanes that open, close or change.
 *
 * A line of chat becomes a struct event borrowed from the receive buffer: the path of a message
 * that matters to nobody allocates nothing. */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include "chat/chat.h"
#include "conf/conf.h"
#include "io/io.h"
#include "outbox/outbox.h"

enum platform_state {
	PLATFORM_DOWN,       /* waiting to try again */
	PLATFORM_CONNECTING,
	PLATFORM_UP,         /* logged in */
	PLATFORM_REFUSED,    /* a permanent no: wants a person; retried only after a reload */
	PLATFORM_STOPPED,
};
const char *platform_state_name(enum platform_state s);

/* What a place tells its owner, never before the call that caused it has returned; and the one
 * thing it asks: join. */
struct platform_owner {
	void (*event)(void *ctx, const struct event *e);    /* BORROWED */
	void (*erase)(void *ctx, const struct erasure *e);  /* BORROWED */
	/* A reply that was sent has its outcome: REASON_NONE delivered, REASON_REFUSED (why: the
	 * platform's id, e.g. "msg_ratelimit"), REASON_UNKNOWN_SENT. Once per reply given to
	 * send. */
	void (*outcome)(void *ctx, const char *turn, enum reason r, const char *why);
	/* ERR_NOMEM: it could not be noted, and is told again soon. */
	int (*lane)(void *ctx, unsigned place, const char *channel, const struct outbox_lane *l);
	/* May one more channel be joined now? As outbox_join says it: 0 = yes, it is counted; > 0 =
	 * ms to wait; < 0 = no. */
	int64_t (*join)(void *ctx, unsigned place, int64_t now_ms);
	/* why: what to do about it when REFUSED. */
	void (*state)(void *ctx, unsigned place, enum platform_state s, const char *why);
	/* What is known of a channel's stream changed. BORROWED. */
	void (*stream)(void *ctx, unsigned place, const char *channel, const struct stream *s);
	/* What came in, as it came, before it is read: for a record.
	 * wire: "irc", "eventsub", "discord". Without secrets of its own. BORROWED. */
	void (*frame)(void *ctx, unsigned place, const char *wire, struct str bytes);
	/* What it reads frames by is not as it was: about, as ops.facts takes it. For a record; may
	 * be NULL. BORROWED. */
	void (*learned)(void *ctx, unsigned place, struct str about);
	/* Our own name and id as the platform knows them, after login. */
	void (*self)(void *ctx, unsigned place, const char *login, const char *user_id);
	void *ctx;
};

/* What the triggers of all files together need to be told of. */
struct platform_wants {
	uint64_t kinds;  /* EVENT_BIT of every kind some trigger listens to */
	bool stream;     /* whether a channel is live, its title and category */
	const struct slash *slashes; /* every slash command that is to be offered; BORROWED */
	size_t slash_count;
};

/* What becomes of a turn that began with an event of this place. */
enum platform_turn_step {
	PLATFORM_TURN_THINKING, /* a model is asked: typing may be shown until it is over */
	PLATFORM_TURN_SO_FAR,   /* text: what of it may be shown so far; it only grows */
	/* Nothing will be said, and what was shown of it is void: reason, which is LATE also when a
	 * model took too long. Not told when a reply was given to send. */
	PLATFORM_TURN_OVER,
};
struct platform_turn {
	const char *turn;
	const struct event *event;
	enum platform_turn_step step;
	struct str text;
	enum reason reason;
};

struct platform_ops {
	const char *name;
	/* At start, and after every load of triggers. May be NULL. */
	int (*want)(void *self, const struct platform_wants *w);
	/* TAKES r. The outcome is told later. Called only for lanes that are open. */
	void (*send)(void *self, struct reply *r);
	/* May be NULL; may be called while owner.event has not returned. OVER is told also of an
	 * event with a command that no turn began with (turn ""), not of a duplicate. BORROWED. */
	void (*turn)(void *self, const struct platform_turn *t);
	/* Every secret it has now that the config does not: kept logins. May be NULL. */
	void (*secrets)(void *self, void (*each)(void *ctx, const struct secret *s), void *ctx);
	/* A new config of the same place: joins and parts what changed; reconnects only if URL,
	 * account or token changed, or if it stood REFUSED. */
	int (*reload)(void *self, const struct conf_place *c);
	/* Leaves: closes cleanly, calls nothing any more but state(STOPPED),
	 * which comes within 1 s. */
	void (*stop)(void *self);
	/* Adds one JSON object for status: state, since, channels with their lanes. */
	int (*status)(void *self, struct buf *out);
	/* Tells what does not work although the place is up: what, and what to do about it. May be
	 * NULL. */
	void (*problems)(void *self, void (*tell)(void *ctx, const char *what, const char *why),
		void *ctx);
	/* Tells what it reads frames by, as frames that could have come: of one server, "" = all it
	 * knows. For a record; may be NULL. BORROWED. */
	void (*facts)(void *self, struct str about,
		void (*tell)(void *ctx, const char *wire, struct str frame), void *ctx);
	void (*free)(void *self);
};

struct platform {
	const struct platform_ops *ops;
	void *self;
};

/* Twitch: chat (IRC or EventSub), events, sending, one account. state_dir: where logins are kept.
 * Starts at once; reads what it must off the loop. */
int platform_twitch_new(struct io *io, unsigned place, const struct conf_place *c,
	const char *state_dir, const struct platform_owner *owner, struct platform *out) MUST_USE;

/* Device code login (RFC 8628), for `mynah login twitch`: asks for a code, shows it, asks until
 * somebody typed it in, validates, and puts the login into the vault, where it replaces the one
 * before. */
struct platform_login_options {
	struct io *io;
	const struct conf_place *conf;
	const char *state_dir;
	const char *channel;               /* NULL = for the bot; else for the broadcaster of it */
	const struct platform_wants *wants;
	/* The code and where to type it; once more when the first has run out. Visible ASCII. */
	void (*show)(
		void *ctx, const char *url, const char *code, int64_t for_ms, const char *scopes);
	/* What keeps it waiting besides people ("the id server answered 503");
	 * "" = that is over. */
	void (*trouble)(void *ctx, const char *why);
	/* The end: 0 and who it is, else why not, as a sentence that says what to do. */
	void (*done)(void *ctx, int err, const char *login, const char *why);
	void *ctx;
};
struct platform_login;
/* o->conf, its strings and wants are needed for this call only. NULL = no memory. */
struct platform_login *platform_login_start(const struct platform_login_options *o);
void platform_login_free(struct platform_login *l); /* at any time; nothing is kept before done() */
/* Which feature needs which scope and whose login, as lines of text or as an mdoc list. */
int platform_scopes_write(bool mdoc, struct buf *out) MUST_USE;

/* Twitch chat over WebSocket, and ordinary IRCv3 networks over WebSocket: conf tells which. place
 * numbers it in events and replies. Copies what it needs; starts at once. What goes wrong later is
 * told by state(). ERR_INVALID: the URL is none. A channel that is taken out of the config by
 * reload() has its lane closed; its waiting replies are the owner's to drop. */
int platform_irc_new(struct io *io, unsigned place, const struct conf_place *c,
	const struct platform_owner *owner, struct platform *out) MUST_USE;

/* Discord: gateway and REST, one application. state_dir: where its sessions and budgets are kept.
 * Starts at once; reads what it must off the loop. */
int platform_discord_new(struct io *io, unsigned place, const struct conf_place *c,
	const char *state_dir, const struct platform_owner *owner, struct platform *out) MUST_USE;

/* A place that is told what a record of a Twitch or Discord place kept: its frames become the
 * events and erasures they became then. Everything it is given to send is delivered. */
struct platform_replay_options {
	const char *place;           /* "twitch", "discord" */
	const char *login, *user_id; /* our own, as the record has them */
};
/* c: the section of that place; NULL = there is none. ERR_NOMEM. */
int platform_replay_new(struct io *io, unsigned place, const struct conf_place *c,
	const struct platform_replay_options *o, const struct platform_owner *owner,
	struct platform *out) MUST_USE;
/* is_plain: what is redeemed with a line was told of elsewhere, the line is one.
 * bytes: writable and NUL-terminated; parsed in place. ERR_INVALID: no such wire. */
int platform_replay_frame(struct platform *p, const char *wire, bool is_plain, char *bytes,
	size_t n) MUST_USE;

/* The console: a terminal is the place. Lines of in_fd are chat; /user /level /channel /event ?why
 * /help /quit are commands of its own. extra() gets the commands it does not know itself (without
 * the slash; gives false when unknown too). quit() is called at end of input or /quit. */
struct platform_console_options {
	int in_fd, out_fd;
	const char *bot_name, *channel, *user;
	enum level level;
	bool is_color;
	bool (*extra)(void *ctx, const char *command, const char *rest);
	void (*quit)(void *ctx);
	void *ctx;
};
int platform_console_new(struct io *io, unsigned place, const struct platform_console_options *o,
	const struct platform_owner *owner, struct platform *out) MUST_USE;
/* Prints lines that are not chat (a reason for silence, an explanation),
 * above what is being typed. */
void platform_console_note(struct platform *p, const char *text);
/* After SIGCONT: a terminal is set up and drawn again. */
void platform_console_resume(struct platform *p);
/* Who speaks where at present. The strings are BORROWED until the next line is typed. */
void platform_console_who(const struct platform *p, const char **user, const char **channel,
	enum level *level);

/* Fires a made-up event as `/event raid 50` and the tests do: fills e (BORROWS name and args) for
 * "raid 50", "sub tier=2", "cheer 100 hello", "slash ask why?". ERR_NOTFOUND: unknown kind;
 * ERR_INVALID. */
int platform_event_parse(struct str command, struct event *e) MUST_USE;
/* Sets one field of it: tier, months, count, bits, viewers, user (from), touser (to), reward,
 * command, emoji, batch, message, anonymous, first, direct, live, game, title. BORROWS value.
 * ERR_NOTFOUND: no such field; ERR_INVALID. */
int platform_event_set(struct event *e, struct str key, struct str value) MUST_USE;

#endif
