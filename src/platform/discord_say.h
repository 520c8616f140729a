/* platform/discord_say.h: replies of the bot become Discord messages. Not for other rooms.
 *
 * A reply longer than a message is split (discord.md 10.4); each part has a nonce of its own, made
 * from the turn, with enforce_nonce, so that a retry never says it twice. The first part replies to
 * the message it answers where it shall. allowed_mentions is {"parse":[]} in every create and edit,
 * with replied_user as the config says; "@everyone" and "@here" are broken up besides. What answers
 * an interaction edits its @original; further parts are follow-ups. */
#ifndef PLATFORM_DISCORD_SAY_H
#define PLATFORM_DISCORD_SAY_H

#include "chat/chat.h"
#include "platform/discord_rest.h"

#define PLATFORM_DISCORD_POINTS 2000       /* code points of one message (discord.md 10.4) */
#define PLATFORM_INTERACTION_MS (15 * 60000) /* its token lives that long */
#define PLATFORM_STREAM_EDIT_MS 1200       /* between two edits of one message */
#define PLATFORM_TYPING_MS 8000            /* shown for 10 s */

/* Splits text into at most max parts of at most `points` code points: at a paragraph, a line, a
 * sentence, a space, else between grapheme clusters; an open code fence is closed and opened again
 * with its language. Calls part for each in order; what does not fit into max parts is cut at a
 * word, with an ellipsis. ERR_NOMEM. */
int platform_split(struct str text, size_t points, unsigned max,
	int (*part)(void *ctx, struct str text), void *ctx) MUST_USE;

struct platform_sayings;
struct platform_sayings_options {
	struct io *io;
	struct platform_rest *rest;   /* BORROWED */
	/* As platform_owner.outcome. why: "http_403", "50013" ..., Discord's own code as text. */
	void (*outcome)(void *ctx, const char *turn, enum reason r, const char *why);
	/* The channel is not to be written to: for_ms, 0 = until something changes (50001). */
	void (*closed)(void *ctx, const char *channel_id, int64_t for_ms, int code);
	void *ctx;
};
int platform_sayings_new(const struct platform_sayings_options *o, struct platform_sayings **out)
	MUST_USE;
void platform_sayings_free(struct platform_sayings *s);
/* parts, pings, reply_threads */
void platform_sayings_set(struct platform_sayings *s, const struct conf_place *conf);
/* The application's own id, from READY or GET /applications/@me. */
void platform_sayings_self(struct platform_sayings *s, const char *application_id);

/* TAKES r; its outcome comes once. */
void platform_discord_say(struct platform_sayings *s, struct reply *r);
/* A model works on an answer in this channel: typing is shown, again and again, for at most
 * 3 min or until it is over. */
void platform_discord_typing(struct platform_sayings *s, const char *turn, const char *channel_id,
	bool is_on);
/* What is written so far of the answer of this turn: posted, then edited at most every 1.2 s; the
 * reply that is said at last makes it exact. e: what it answers. ERR_NOMEM. */
int platform_discord_so_far(struct platform_sayings *s, const char *turn, const struct event *e,
	struct str text) MUST_USE;
/* There will be no answer after all: what was streamed of it is deleted. Of an interaction only
 * follow-ups are: its @original waits for platform_interaction_close. */
void platform_discord_unsay(struct platform_sayings *s, const char *turn);

/* ---- Interactions (discord.md 7) ------------------------------------------------------------- */

/* Answers with "thinking..." at once (type 5) and keeps the token for what follows. id: of the
 * interaction, which is the event's id and a reply's to_id. Nothing was sent: ERR_NOMEM, ERR_LIMIT
 * (too many are open), ERR_INVALID (that is no id, or no token). */
int platform_interaction_defer(struct platform_sayings *s, struct str id, struct str token,
	bool is_ephemeral) MUST_USE;
/* Ends one without an answer of the bot: @original becomes this text. Nothing when it is not
 * open. */
void platform_interaction_close(struct platform_sayings *s, struct str id, const char *text);

#endif
