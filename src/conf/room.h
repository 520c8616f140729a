/* conf/room.h: what the files of this room share; nobody else includes it.
 *
 * complain.c keeps and writes complaints, excerpt.c draws their source line, mask.c keeps secrets
 * out of both. yaml.c makes trees of files that load.c found, node.c looks at them, line.c at their
 * lines; flaw.c refuses what no file may have, advice.c turns the YAML library's errors into
 * sentences. value.c knows how values are spelled, option.c reads maps by tables, reading.c serves
 * rooms with files of their own. table.c has the tables of mynah.yaml, mynah.c reads it, shard.c
 * the shards of Discord, route.c the rules of routes and what they mean for providers, judge.c
 * checks across its options with url.c, secret.c fetches secrets, manual.c writes the reference. */
#ifndef CONF_ROOM_H
#define CONF_ROOM_H

#include "conf/conf.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CONF_DEPTH_MAX      16     /* lists and maps within each other; people write four */
#define CONF_ALIASED_MAX    100    /* nodes that aliases may add: no alias bombs */
#define CONF_NODES_MAX      200000 /* 10,000 triggers of 20 nodes: bounds memory at some 25 MB */
#define CONF_TEXTS_MAX      10000  /* items of a list of texts */
#define CONF_SENTENCE_BYTES 600
#define CONF_ADVICE_BYTES   240
#define CONF_SHOWN_BYTES    60 /* of a value within a sentence */

struct conf_node {
	enum conf_kind kind;
	bool is_quoted;
	int line, column; /* from 1 */
	uint32_t at, end; /* bytes of the source: of a scalar what is within its quotes */
	char *text;       /* of a scalar, NUL-terminated; never NULL then */
	size_t len;
	struct conf_node **items; /* of a list; of a map key, value, key, value, ... */
	size_t n, cap;
	size_t weight;          /* nodes in here, aliases followed */
	struct conf_node *up;   /* while parsing: the open collection around this one */
	struct conf_node *next; /* all nodes of the file, newest first, for freeing */
};

struct conf_file {
	char *path;
	struct buf text;
	struct conf_node *root;
	struct conf_node *all;
	size_t nodes;
};

/* A place in a text. */
struct conf_spot {
	const char *path;
	struct str text;
	size_t at, end; /* bytes; end <= at underlines one character */
};

/* ---- complain.c, excerpt.c ------------------------------------------------------------------- */

void conf_complain_spot(struct conf_report *r, const struct conf_spot *spot, enum conf_severity s,
	const char *hint, const char *fmt, va_list ap) PRINTF_LIKE(5, 0);
/* The beginning of a value, fit to stand in a sentence. */
struct str conf_shown(struct str value);

struct conf_excerpt {
	int line, column; /* from 1; the column in characters */
	int caret, width; /* terminal columns in the drawn line */
};
/* Draws the source line around the spot into out: tabs as spaces, what cannot be seen spelled out,
 * long lines cut to a window. */
int conf_excerpt_draw(
	const struct conf_spot *spot, struct conf_excerpt *e, struct buf *out) MUST_USE;
/* ---- mask.c ------------------------------------------------------------------------------- */

/* The next thing within [from, last) of one line that is, or would be, a secret: [*at, *end). */
bool conf_next_secret(struct str text, size_t from, size_t last, size_t *at, size_t *end);
/* Overwrites every copy of it, or of its beginning, in a sentence. */
void conf_mask_copies(char *sentence, struct str secret);

/* ---- line.c, load.c -------------------------------------------------------------------------- */

bool conf_is_break(char c);
size_t conf_text_start(struct str text); /* behind a byte order mark */
size_t conf_line_start(struct str text, size_t at);
size_t conf_line_end(struct str text, size_t at);  /* the byte of its break, or the text's end */
size_t conf_next_line(struct str text, size_t at); /* may be text.len + 1 */
size_t conf_skip_blanks(struct str text, size_t at);
int conf_line_number(struct str text, size_t at); /* from 1 */
/* The folder that a file stands in, "." without one and for NULL. GIVES; NULL = no memory. */
char *conf_folder_of(const char *path);

/* ---- yaml.c, node.c, advice.c, flaw.c -------------------------------------------------------- */

/* Nothing was written: `key:` or `key: ~`. Readers take it as if the line were not there. */
bool conf_node_is_null(const struct conf_node *n);

struct conf_node *conf_node_new(struct conf_file *f, enum conf_kind kind); /* NULL = no memory */
int conf_node_push(struct conf_node *parent, struct conf_node *child) MUST_USE;

/* What to say about something that is not YAML as we take it. */
struct conf_advice {
	size_t at, end; /* where: bytes of the source */
	char what[CONF_ADVICE_BYTES];
	char hint[CONF_ADVICE_BYTES]; /* "" = none */
};
/* Advice for an error that libfyaml found at a byte. opener: the byte of the bracket that is open
 * there, SIZE_MAX for none. */
void conf_advise(
	struct str text, size_t at, size_t opener, const char *message, struct conf_advice *a);
/* The advice "put it in quotes" for the plain value that begins at a byte. */
void conf_advise_quotes(struct str text, size_t at, char hint[CONF_ADVICE_BYTES]);
/* The first thing that may not stand in any file. False when there is none. */
bool conf_text_flaw(struct str text, struct conf_advice *a);

/* ---- value.c --------------------------------------------------------------------------------- */

/* Why a value could not be read. text goes into a sentence as is. */
struct conf_misread {
	char want[160]; /* "must be a whole number" */
	char hint[160]; /* "" = none */
};
/* Each gives 0 or ERR_INVALID with *why filled. */
int conf_value_bool(struct str s, bool *out, struct conf_misread *why) MUST_USE;
int conf_value_int(struct str s, int64_t *out, struct conf_misread *why) MUST_USE;
int conf_value_number(struct str s, double *out, struct conf_misread *why) MUST_USE;
int conf_value_duration(struct str s, int64_t *out, struct conf_misread *why) MUST_USE;
int conf_value_bytes(struct str s, int64_t *out, struct conf_misread *why) MUST_USE;
int conf_value_percent(struct str s, double *out, struct conf_misread *why) MUST_USE;
int conf_value_money(struct str s, int64_t *out, struct conf_misread *why) MUST_USE;
int conf_value_choice(
	struct str s, const char *const *choices, int *out, struct conf_misread *why) MUST_USE;

/* Letters, digits and these besides, and at least one of them. */
bool conf_is_word(struct str s, const char *besides);

#define CONF_VALUE_TEXT 32
/* A number as a file would spell it: "10m", "64k", "40%". Gives out. */
const char *conf_value_text(enum conf_type type, double value, char out[CONF_VALUE_TEXT]);
/* True when it is within; else *why has the range. min == max == 0 is no range. */
bool conf_value_within(
	enum conf_type type, double value, double min, double max, struct conf_misread *why);

/* ---- table.c, mynah.c, judge.c, secret.c ----------------------------------------------------- */

/* The sections of mynah.yaml: the first ones are a struct within struct conf each. */
enum conf_part {
	CONF_PART_LOG,
	CONF_PART_MEMORY,
	CONF_PART_LEDGER,
	CONF_PART_API,
	CONF_PART_SAFETY,
	CONF_PART_EMBEDDINGS,
	CONF_PART_PRIVACY,
	CONF_PART_LIMITS,
	CONF_PART_TWITCH,
	CONF_PART_IRC,
	CONF_PART_DISCORD,
	CONF_PART_PROVIDERS,
	CONF_PART_ROUTES,
	CONF_PART_COUNT
};
#define CONF_PLAIN_PARTS CONF_PART_TWITCH

struct conf_part_table {
	const char *name;
	const struct conf_option *options;
	size_t n;
	size_t offset; /* in struct conf, of a plain part */
	const char *help;
};
extern const struct conf_part_table conf_parts[CONF_PART_COUNT];

/* What the table of a provider is read into. */
struct conf_provider_draft {
	struct conf_provider p;
	struct conf_node *headers; /* NULL = not in the file */
};
/* What the top table is read into. */
struct conf_draft {
	struct conf c;
	struct conf_node *parts[CONF_PART_COUNT]; /* NULL = not in the file */
};
const struct conf_option *conf_top_options(size_t *n); /* all, sections last */
/* The section of mynah.yaml that has an option of this name, "" for the top; NULL when none has, or
 * when the table that was searched in vain is not one of mynah.yaml. */
const char *conf_home_of(const struct conf_option *searched, struct str name);

/* The rules of `routes:`; n NULL = there are none. Complains. ERR_NOMEM. */
int conf_routes_read(struct conf *c, const struct conf_node *n, const struct conf_file *f,
	struct conf_report *r) MUST_USE;
void conf_routes_free(struct conf *c);
/* The headers: of a provider, a map of texts, as lines. Complains. ERR_NOMEM. */
int conf_headers_read(struct conf_provider *p, const struct conf_node *n, const struct conf_file *f,
	struct conf_report *r) MUST_USE;
/* Notes which models each provider may be asked for besides its own. ERR_NOMEM. */
int conf_models_note(struct conf *c) MUST_USE;

/* Gives the providers that name no price what the file of prices says. ERR_NOMEM. */
int conf_prices_read(struct conf *c, const struct conf_file *f, struct conf_report *r) MUST_USE;

/* Complains about values that are fine alone but not together. f NULL = built-in defaults. */
void conf_judge(const struct conf *c, const struct conf_file *f, struct conf_report *r);

/* The shards of a Discord place, out of shard_words: auto; how many; or [which, of how many].
 * Complains about n, the node they came from. ERR_INVALID. */
int conf_shards_read(struct conf_report *r, const struct conf_file *f, const struct conf_node *n,
	struct conf_place *p) MUST_USE;
/* Is it an id as Discord gives them: 15 to 20 digits? */
bool conf_is_snowflake(const char *text);

/* ---- url.c ----------------------------------------------------------------------------------- */

struct conf_url {
	struct str scheme, host; /* host without brackets */
	int port;                /* 0 = the scheme's */
	bool has_user;
	bool is_loopback; /* 127.0.0.0/8, ::1, localhost */
};
/* scheme://host[:port][/path]. ERR_INVALID with a short static reason. */
int conf_url_read(struct str text, struct conf_url *out, const char **why) MUST_USE;
/* host:port, [v6]:port. The same. */
int conf_listen_read(struct str text, struct conf_url *out, const char **why) MUST_USE;

#endif
