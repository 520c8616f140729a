/* platform/discord_say_room.h: what the files that say something on Discord share. Not for other
 * rooms, nor for other files of this one.
 *   discord_say.c          what shall be said, and what became of it; the one timer
 *   discord_stream.c       one answer: the messages it has are made what it shall be
 *   discord_interaction.c  answers to slash commands
 *   discord_typing.c       "is typing"
 *   discord_split.c        a text becomes several, pure
 *   discord_markup.c       text made harmless, pure
 * Owners are called back from the timer's work only, so never from within their own calls. */
#ifndef PLATFORM_DISCORD_SAY_ROOM_H
#define PLATFORM_DISCORD_SAY_ROOM_H

#include <utlist.h>

#include "base/hash.h"
#include "platform/discord_error.h"
#include "platform/discord_say.h"

#define PLATFORM_PARTS_MAX 3
#define PLATFORM_SNOWFLAKE_BYTES 21 /* 64 bits as decimals */
#define PLATFORM_INTERACTIONS_MAX 1000
#define PLATFORM_SAYINGS_MAX 1000   /* as many as an outbox holds (faults.md 7) */
#define PLATFORM_CODE_BYTES 32

/* PENDING until the answer to the callback is there. What is OVER is kept for a while without its
 * token: whatever still wants to answer it must not be said in the channel instead. */
enum platform_interaction_state {
	PLATFORM_INTERACTION_PENDING,
	PLATFORM_INTERACTION_OPEN,
	PLATFORM_INTERACTION_OVER,
};
struct platform_interaction {
	struct platform_sayings *all;
	char id[PLATFORM_SNOWFLAKE_BYTES];
	char *token;        /* wiped when it is over */
	bool is_ephemeral;
	enum platform_interaction_state state;
	int64_t until_ms;   /* OVER by then; when it is, forgotten by then */
	struct platform_rest_task *task;
	UT_hash_handle hh;
};

/* One message that stands in the channel. */
struct platform_message {
	char id[PLATFORM_SNOWFLAKE_BYTES]; /* "" = @original of an interaction */
	char *text; /* what it says; NULL = not known */
};

enum platform_saying_act { PLATFORM_SAYING_CREATE, PLATFORM_SAYING_EDIT, PLATFORM_SAYING_DELETE };

/* One answer. It has messages and shall have parts; one call after the other makes the messages
 * what the parts say. */
struct platform_saying {
	struct platform_sayings *all;
	struct platform_saying *prev, *next; /* utlist, oldest first */
	char turn[TURN_ID_BYTES];
	char *channel_id, *to_id;       /* to_id: what it answers; NULL = nothing */
	struct platform_interaction *interaction; /* NULL = none; then messages[0] is @original */
	struct reply *reply;            /* whose outcome is to be told */
	bool is_final;                  /* the parts will not change any more */
	bool is_withdrawn;              /* no parts: it is taken back */
	bool has_reference;             /* shown as a reply to to_id */
	bool is_uncertain;              /* the next message may be there, with an older text */
	char *parts[PLATFORM_PARTS_MAX];
	unsigned part_count;
	struct platform_message messages[PLATFORM_PARTS_MAX];
	unsigned message_count;
	struct platform_rest_task *task;
	enum platform_saying_act act;   /* of the task */
	unsigned at;                    /* of the task: which message */
	char *sent;                     /* of the task: its text */
	bool is_shut;                   /* the channel was closed meanwhile; that has been told */
	int64_t not_before_ms;          /* no edit before, nor anything that is not final */
	int64_t until_ms;               /* what is not final by then is taken back */
	bool is_over, is_broken;        /* broken: it failed before it was final */
	enum reason reason;
	char why[PLATFORM_CODE_BYTES];
};

struct platform_typing {
	struct platform_sayings *all;
	struct platform_typing *prev, *next;
	char turn[TURN_ID_BYTES];
	char channel_id[PLATFORM_SNOWFLAKE_BYTES];
	int64_t next_ms, until_ms;
	struct platform_rest_task *task;
	bool is_over;
};

struct platform_sayings {
	struct io *io;
	struct io_timer *timer;
	struct platform_sayings_options o;
	char self[PLATFORM_SNOWFLAKE_BYTES]; /* the application; "" = not known yet */
	unsigned parts;
	bool has_threads, has_pings;
	struct platform_saying *sayings;
	unsigned count;
	struct platform_typing *typings;
	struct platform_interaction *interactions; /* uthash by id */
	struct reply *refused; /* utlist: outcomes to tell, owner = why */
	struct platform_shut { /* channels to be told as closed */
		struct platform_shut *next;
		char channel_id[PLATFORM_SNOWFLAKE_BYTES];
		int64_t for_ms;
		int code;
	} *shuts;
	int depth;
	bool is_doomed;
};

/* discord_say.c */
void platform_sayings_soon(struct platform_sayings *s);
/* The channel is not to be written to: told once; when it is for good (for_ms 0), whatever waits
 * for it ends. */
void platform_sayings_shut(struct platform_sayings *s, const char *channel_id, int64_t for_ms,
	int code);
/* How the end of a call is told: the code of Discord's, or what there is instead. */
enum reason platform_saying_read(const struct platform_rest_answer *a,
	char why[PLATFORM_CODE_BYTES]);
/* The text that this answer shall have; its first parts may stand already. ERR_NOMEM. */
int platform_saying_set(struct platform_saying *s, struct str text) MUST_USE;
/* GIVES one at the end of the list. NULL: no memory, or too many. */
struct platform_saying *platform_saying_new(struct platform_sayings *all, const char *turn,
	const char *channel_id, const char *to_id);
void platform_saying_over(struct platform_saying *s, enum reason r, const char *why);

/* discord_stream.c */
/* Makes the next call, if there is one to make now. Gives when to try again; INT64_MAX = when
 * something changes. */
int64_t platform_saying_step(struct platform_saying *s, int64_t now_ms);

/* discord_interaction.c */
struct platform_interaction *platform_interaction_find(struct platform_sayings *s, struct str id);
void platform_interaction_over(struct platform_interaction *i);
int64_t platform_interactions_tend(struct platform_sayings *s, int64_t now_ms);
void platform_interactions_free(struct platform_sayings *s);

/* discord_typing.c */
void platform_typing_stop(struct platform_sayings *s, const char *turn);
int64_t platform_typings_tend(struct platform_sayings *s, int64_t now_ms);
void platform_typings_free(struct platform_sayings *s);

#endif
