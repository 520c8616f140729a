/* convert/room.h: what the files of this room share. Nobody outside includes it.
 *
 * Cards: card.c tells formats apart; tavern.c, eliza.c, modelfile.c read and write one each;
 * picture.c finds cards in pictures; persona_file.c writes and reads ours; clean.c makes outside
 * words harmless; rewrite.c copies JSON with some members changed.
 * Commands: command.c reads exports, variable.c translates what a reply says, entry.c writes one
 * trigger. */
#ifndef CONVERT_ROOM_H
#define CONVERT_ROOM_H

#include "convert/convert.h"

#define CONVERT_NAME_BYTES    100 /* persona.c: a name is one line of at most that */
#define CONVERT_NOTES_BYTES   4096
#define CONVERT_LINE_BYTES    200  /* of a card's or command's words in a comment or summary */
#define CONVERT_EXAMPLE_BYTES 1000 /* persona.c: one side of an example */
#define CONVERT_EXAMPLE_UNITS 500
#define CONVERT_LIST_MAX      200     /* items of a list in a card that are looked at */
#define CONVERT_FIRST_VERSION "1.0.0" /* of a persona whose card says none */

/* ---- clean.c --------------------------------------------------------------------------------- */

/* Adds text of a card as a persona file may hold it: macros as {{char}} and {{user}} or plain
 * words, no control, bidi or template tokens, no empty lines in a row, trimmed. name is what
 * {{char}} will become: with it the text takes at most max bytes. ERR_LIMIT: it was cut there. */
int convert_clean(struct str text, const char *name, size_t max, struct buf *out) MUST_USE;
/* The same on one line. */
int convert_clean_line(struct str text, const char *name, size_t max, struct buf *out) MUST_USE;
/* Adds text with {{char}} and {{user}} as the words they stand for. */
int convert_fill(struct str text, const char *name, const char *user, struct buf *out) MUST_USE;
/* A YAML text in double quotes. */
int convert_quote(struct str text, struct buf *out) MUST_USE;

/* ---- card.c ---------------------------------------------------------------------------------- */

struct convert_example {
	char *user, *reply; /* one line each, with {{char}} and {{user}} */
};

struct convert_card {
	enum convert_format format;
	char *name;        /* NULL = none */
	char *summary;     /* one line; NULL = none */
	char *version;     /* NULL = none */
	struct buf system; /* with {{char}} and {{user}} */
	struct convert_example examples[PERSONA_EXAMPLES];
	size_t example_count;
	size_t examples_lost; /* that no chat could hear, or too many */
	double temperature;   /* NAN = it does not say */
	int64_t max_tokens;   /* 0 = it does not say */
	struct buf notes;
	struct json *root; /* Tavern, eliza */
	struct buf text;   /* Modelfile, text: as it came */
	bool was_cut;      /* the system text was too long */
};

/* What is called in the texts of the card. */
const char *convert_name(const struct convert_card *c);
/* Sets the name of a card, scrubbed. ERR_NOMEM. */
int convert_set_name(struct convert_card *c, struct str name) MUST_USE;
int convert_set_summary(struct convert_card *c, struct str text) MUST_USE;
/* Takes what looks like a version; anything else is left alone. */
int convert_set_version(struct convert_card *c, struct str text) MUST_USE;
/* Adds a part to the system text, below a heading if there is one (NULL = none). Empty parts are
 * none. */
int convert_add_part(struct convert_card *c, const char *heading, struct str text) MUST_USE;
/* Adds an example, or counts it as lost. */
int convert_add_example(struct convert_card *c, struct str user, struct str reply) MUST_USE;
/* Adds a clause to the notes; past their limit they are left out. */
void convert_note(struct convert_card *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What was edited in a persona since it was imported. */
enum {
	CONVERT_EDITED_NAME = 1,
	CONVERT_EDITED_SUMMARY = 2,
	CONVERT_EDITED_VERSION = 4,
	CONVERT_EDITED_SYSTEM = 8,
	CONVERT_EDITED_EXAMPLES = 16,
	CONVERT_EDITED_ALL = 31,
};

/* What a writer of a format works from. */
struct convert_job {
	const struct convert_card *persona;
	const struct convert_card *kept; /* of the same family of formats; NULL = none */
	unsigned edited;                 /* set of CONVERT_EDITED */
	enum convert_format format;
};

/* ---- The formats ----------------------------------------------------------------------------- */

/* Each reads what card->root or card->text holds. ERR_INVALID with *why. */
int convert_tavern_read(struct convert_card *c, const char **why) MUST_USE;
int convert_eliza_read(struct convert_card *c) MUST_USE;
int convert_modelfile_read(struct convert_card *c) MUST_USE;
bool convert_tavern_is(const struct json *root);
bool convert_eliza_is(const struct json *root);
bool convert_modelfile_is(struct str text);
/* Eliza's characters hold keys: a copy without them. */
int convert_eliza_keep(const struct convert_card *c, struct buf *out) MUST_USE;
int convert_tavern_write(const struct convert_job *job, struct buf *out) MUST_USE;
int convert_eliza_write(const struct convert_job *job, struct buf *out) MUST_USE;
int convert_modelfile_write(const struct convert_job *job, struct buf *out) MUST_USE;

/* ---- picture.c ------------------------------------------------------------------------------- */

bool convert_picture_is(struct str bytes);
/* Adds the JSON of the card in a PNG: of the newer format if there are two. ERR_NOTFOUND: it has
 * none. ERR_PARSE, ERR_LIMIT; *why. */
int convert_picture_card(struct str png, struct buf *json, const char **why) MUST_USE;

/* ---- rewrite.c ------------------------------------------------------------------------------- */

/* An object being written. The first failure stays, and nothing more is added. */
struct convert_object {
	struct buf *out;
	int err;
	size_t n; /* members so far */
};

void convert_object_begin(struct convert_object *o, struct buf *out);
void convert_object_key(struct convert_object *o, const char *key);
void convert_object_text(struct convert_object *o, const char *key, struct str value);
/* value is JSON. */
void convert_object_raw(struct convert_object *o, const char *key, const char *value);
void convert_object_copy(struct convert_object *o, const char *key, const struct json *value);
int convert_object_end(struct convert_object *o) MUST_USE;

/* ---- variable.c ------------------------------------------------------------------------------ */

/* What became of a reply's variables. */
struct convert_reply {
	struct buf text; /* a template of ours */
	struct buf lost; /* names of variables we do not have: "$(urlfetch), $(count)" */
	size_t lost_count;
	bool counts;                /* saying it turns a counter: $(count) is what that says then */
	char counter[65];           /* which one; empty = the command's own */
	bool is_set;                /* to amount; else amount is added */
	int64_t amount;
};

/* Translates what another bot would say. What has no counterpart stays as plain text, so that a
 * person sees it. ERR_LIMIT: longer than TRIGGER_TEXT_BYTES. */
int convert_reply_read(struct str text, struct convert_reply *out) MUST_USE;
void convert_reply_fini(struct convert_reply *r);

/* ---- entry.c --------------------------------------------------------------------------------- */

#define CONVERT_WORDS_MAX     50 /* names of one command */
#define CONVERT_CLAUSES_BYTES 1024

/* One command or timer of another bot, on its way to a trigger. Strings BORROWED. */
struct convert_command {
	struct str shown;                    /* its name as the export spells it */
	struct str names[CONVERT_WORDS_MAX]; /* single words, with or without ! */
	size_t name_count;
	bool is_bare; /* the first name has no ! of its own and needs none */
	struct str reply;
	struct str level; /* a word of ours, or of theirs */
	int64_t user_s, channel_s;
	int64_t every_s, lines; /* of a timer, which has one name; 0 = a command */
	int64_t count;          /* where its own counter stood */
	bool is_off, is_live_only, is_offline_only;
	struct buf lost; /* clauses on what is lost; one a line */
};

/* Adds a trigger, or comments that say why there is none. used: triggers so far, for names that
 * differ. Counts it. ERR_LIMIT: the file is full, nothing was added. */
int convert_entry_write(struct convert_command *c, const char *prefix, struct conf_texts *used,
	struct buf *out, struct convert_tally *tally) MUST_USE;
/* Adds "# " and the text, scrubbed, on a line of its own. */
int convert_comment(struct buf *out, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;

#endif
