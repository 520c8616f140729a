/* Inside the room memory: what its files share. Nobody else includes it.
 *
 *   tag    "platform:channel:user" with every part escaped: names one short list of lines
 *   entry  one line as compact JSON, as Redis keeps it
 *   local  the store in this process; also what memory_redis answers from when Redis cannot
 *   link   one connection to Redis: connects, proves itself, notices silence, comes back
 *   tasks  what is still to be written over the link */
#ifndef MEMORY_ROOM_H
#define MEMORY_ROOM_H

#include "memory/memory.h"

/* ---- Tags ------------------------------------------------------------------------------------ */

/* A tag's length. Ids of the platforms have at most 36 characters (UUID); an escaped byte has 3. */
#define MEMORY_TAG_BYTES 768

/* Copies s to *at, where there is room, moves *at past it and gives the copy. */
struct str memory_put_str(char **at, struct str s);

/* The user of a list that a channel shares, which no user id is escaped to. */
#define MEMORY_SHARED "+"
/* Adds the tag of a key; ERR_INVALID when a part is empty: people without an id share no memory.
 * Bytes outside [A-Za-z0-9_.~@#-] are written %XX, so that a tag never holds
 * a colon of its own, a brace, a space, a line end or a glob character (faults.md M7). */
int memory_tag(const struct memory_key *k, struct buf *out) MUST_USE;
/* Adds the glob that matches the tags an erasure means: an empty part becomes "*". */
int memory_tag_glob(const struct erasure *e, struct buf *out) MUST_USE;
/* The same for the lists that channels share. */
int memory_tag_glob_shared(const struct erasure *e, struct buf *out) MUST_USE;
/* Every tag: what is erased when there is no memory left to say what should be. */
#define MEMORY_GLOB_ALL STR("*:*:*")
/* Does the tag match such a glob? */
bool memory_tag_matches(struct str tag, struct str glob);

/* A tag as key of Redis, or a glob as pattern of its SCAN. */
#define MEMORY_KEY_HEAD "mynah1:h:{"
struct memory_key_text {
	char text[MEMORY_TAG_BYTES + sizeof(MEMORY_KEY_HEAD "}")];
};
/* BORROWS k. */
struct str memory_key_of(struct memory_key_text *k, struct str tag);

/* Whose the lines are that are remembered under this key, where it has to be noted. */
struct str memory_author_of(const struct memory_key *k);

/* ---- Entries --------------------------------------------------------------------------------- */

#define MEMORY_NAME_BYTES 100 /* a display name: Twitch 25 characters of up to 4 bytes */
#define MEMORY_ID_BYTES 128   /* a message id: UUID on Twitch */
/* One entry: a line of quotes is escaped to twice its size; 1 KiB for the rest. */
#define MEMORY_ENTRY_BYTES (2 * MEMORY_LINE_BYTES + 1024)

/* The line with its strings cut to their limits, at a character. BORROWS from l. */
struct line memory_line_cut(const struct line *l);
/* {"w":wall_ms,"b":true,"n":"name","t":"text","i":"message id","u":"user id"}; b only for the bot's
 * own lines, u only in shared lists: whose it is (author, empty elsewhere). */
int memory_entry_write(const struct line *l, struct str author, struct buf *out) MUST_USE;

/* One line whose strings lie in a buffer that may still move. */
struct memory_entry {
	bool is_bot;
	int64_t wall_ms;
	size_t name_at, name_len, text_at, text_len, id_at, id_len, author_at, author_len;
};
/* Reads one entry, whoever wrote it: its strings are scrubbed, cut and added to strings. ERR_PARSE
 * when it is not an entry, ERR_LIMIT when it is too large, ERR_NOMEM. */
int memory_entry_read(struct str bytes, struct buf *strings, struct memory_entry *out) MUST_USE;
/* Whose it is, and the line, once nothing is added to strings any more. BORROWS from it. */
struct str memory_entry_author(const struct memory_entry *e, const struct buf *strings);
struct line memory_entry_line(const struct memory_entry *e, const struct buf *strings);

#define MEMORY_LINES_MAX 100 /* of one tag in Redis, whatever the config says: bounds a recall */

/* ---- Local ----------------------------------------------------------------------------------- */

struct memory_local;
struct memory_local *memory_local_make(size_t users_max, size_t bytes_max, size_t lines_max,
	int64_t ttl_ms);
void memory_local_unmake(struct memory_local *m);
/* Calls done before it returns. Gives the number of lines. */
size_t memory_local_recall(struct memory_local *m, struct str tag, size_t lines, int64_t for_ms,
	void (*done)(void *ctx, int err, const struct conversation *c), void *ctx);
/* author: whose lines they are, in a shared list; else empty. */
void memory_local_remember(struct memory_local *m, struct str tag, struct str author,
	const struct line *l, size_t n);
/* glob: of memory_tag_glob; id: empty = every line of the matching tags. */
void memory_local_erase(struct memory_local *m, struct str glob, struct str id);
/* The lines of one person in the shared lists that match. */
void memory_local_erase_author(struct memory_local *m, struct str glob, struct str author);
/* Calls each(ctx, tag) for every tag that matches and holds a line with this id. The store must not
 * be changed meanwhile. */
void memory_local_find(struct memory_local *m, struct str glob, struct str id,
	void (*each)(void *ctx, struct str tag), void *ctx);

/* ---- Link ------------------------------------------------------------------------------------ */

struct memory_url {
	bool is_unix;
	char host[256]; /* or the socket's path: longer than any (108) */
	int port;
	int db;
};
int memory_url_read(struct str url, struct memory_url *u) MUST_USE; /* ERR_INVALID */

/* An error of Redis after which it is of no use to us now. */
struct memory_refusal {
	const char *prefix;
	bool is_setting;       /* of ours or of the server: does not pass by itself */
	const char *sentence;   /* "it ..." */
};
/* NULL: the error concerns one command only. */
const struct memory_refusal *memory_refusal_of(struct str said);

struct memory_link;
struct redisReply; /* hiredis */

struct memory_link_options {
	const char *url;         /* redis://host:port/db or unix:/path */
	struct secret *password; /* NULL = none; shared */
	void (*up)(void *ctx);   /* the server takes writes; may send */
	void *ctx;
};
/* Starts connecting. ERR_INVALID for a URL it cannot read, ERR_NOMEM. */
int memory_link_new(struct io *io, const struct memory_link_options *o,
	struct memory_link **out) MUST_USE;
/* Allowed in any callback of the link, which then makes no other. Replies due are not told. */
void memory_link_free(struct memory_link *l);
/* May a command go out: up, and not too much unanswered? */
bool memory_link_is_ready(const struct memory_link *l);
bool memory_link_is_up(const struct memory_link *l);
const char *memory_link_state(struct memory_link *l);
/* Sends one command of at most MEMORY_LINK_ARGS words; reply(ctx, err, r) comes once, after this
 * returned: err 0 and r BORROWED; or r NULL and ERR_CLOSED (the connection is gone; whether it was
 * done is unknown), ERR_DENIED (Redis serves us nothing now; the connection is given up), ERR_LIMIT
 * (larger than is read), ERR_INVALID (the key holds another type), ERR_IO (another error, which is
 * logged). Gives ERR_CLOSED, ERR_NOMEM: no reply will come. The bound on what is unanswered is the
 * caller's to keep: it asks memory_link_is_ready before each new piece of work. */
#define MEMORY_LINK_ARGS 128
int memory_link_send(struct memory_link *l, const struct str *args, size_t n,
	void (*reply)(void *ctx, int err, const struct redisReply *r), void *ctx) MUST_USE;
/* The replies due to ctx are not told any more. */
void memory_link_forget(struct memory_link *l, const void *ctx);

/* ---- Tasks ----------------------------------------------------------------------------------- */

struct memory_tasks;
struct memory_tasks *memory_tasks_make(size_t lines_max, int64_t ttl_ms); /* NULL = no memory */
void memory_tasks_set_link(struct memory_tasks *m, struct memory_link *link);
void memory_tasks_unmake(struct memory_tasks *m); /* after its link */
/* Sends what may go. After anything new, and when the link is up again. */
void memory_tasks_pump(struct memory_tasks *m);
/* n <= MEMORY_LINES_MAX. */
int memory_tasks_remember(struct memory_tasks *m, struct str tag, struct str author,
	const struct line *l, size_t n) MUST_USE;
/* Every line of the tags the glob matches. */
void memory_tasks_forget(struct memory_tasks *m, struct str glob);
void memory_tasks_forget_message(struct memory_tasks *m, struct str tag, struct str id);
/* One person's lines in a shared list. */
void memory_tasks_forget_author(struct memory_tasks *m, struct str tag, struct str author);
/* A key that holds what mynah never wrote goes away whole. */
void memory_tasks_throw_away(struct memory_tasks *m, struct str tag);
/* There is no room to tell Redis of an erasure: nothing there is trusted until it has expired. */
void memory_tasks_lose_erasure(struct memory_tasks *m);
/* Does Redis know, or will it before it sees a question sent now, all that was said of the tag? */
bool memory_tasks_is_settled(const struct memory_tasks *m, struct str tag);

/* ---- Counting -------------------------------------------------------------------------------- */

enum memory_result { MEMORY_HIT, MEMORY_MISS, MEMORY_TIMEOUT, MEMORY_AWAY, MEMORY_ERROR,
	MEMORY_POISONED };
/* One recall ended so; or (poisoned) one value of Redis was thrown away. */
void memory_count(enum memory_result r);
void memory_observe_recall_us(int64_t us);
void memory_set_up(bool is_up);
/* A write to Redis that never got there. */
void memory_count_dropped(size_t n);

#endif
