/* conf: files to values, or a list of complaints with positions.
 *
 * Floor 2. Hides libfyaml. Three things live here: reading YAML with exact positions (conf_file,
 * conf_node), reading a map by a table of options (conf_read), and the options of mynah.yaml
 * (struct conf). It never decides what a trigger or a persona means: those rooms read their own
 * files with their own tables through this door. It never writes a file that people edit.
 *
 * Everything here may run on a worker thread; a loaded struct conf is immutable. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/base.h"
#include "conf/twitch_limits.h"

/* ---- Complaints ------------------------------------------------------------------------------ */

#define CONF_FILE_BYTES (1024 * 1024) /* faults.md C2: cap 1 MiB */
#define CONF_DOLLAR INT64_C(1000000)  /* money is counted in its millionths */
#define CONF_MONEY_MAX 1000000        /* dollars: no option takes more */
#define CONF_LEVELS 5                 /* those of chat, lowest first */
#define CONF_COMPLAINTS_MAX 200       /* the rest is counted, not kept */

enum conf_severity { CONF_ERROR, CONF_WARNING };

struct conf_complaint {
	enum conf_severity severity;
	char *path;    /* as the user would type it */
	int line;      /* from 1; 0 = the whole file */
	int column;    /* from 1, in characters; 0 = unknown */
	char *what;    /* one sentence: what is wrong, with which value */
	char *hint;    /* what to do; NULL if there is nothing better to say */
	char *excerpt; /* the source line fit for a terminal: tabs as spaces, hidden characters
	                  spelled out, a window of a long line; NULL if unknown */
	int caret;     /* terminal columns of the excerpt left of the caret */
	int width;     /* how many columns of it to underline, at least 1 */
};

struct conf_report {
	struct conf_complaint *items;
	size_t n, cap;
	size_t errors, warnings; /* counts, also of those that were not kept */
};

void conf_report_init(struct conf_report *r);
void conf_report_fini(struct conf_report *r);
/* Puts what was complained of since the from-th, all of one file, into the order of that file. */
void conf_report_sort(struct conf_report *r, size_t from);
/* Like a good compiler: "path:line:column: error: what", the line, a caret, "hint: ...". */
int conf_report_write(const struct conf_report *r, bool color, struct buf *out) MUST_USE;
int conf_report_json(const struct conf_report *r, struct buf *out) MUST_USE; /* one array */
/* A complaint about no particular place of a file (or about none: path NULL). */
void conf_report_add(struct conf_report *r, enum conf_severity s, const char *path,
	const char *hint, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* About a place of a file that is not at hand any more: source is the text of that line, with a
 * caret below its byte `at` and the n bytes from there. */
void conf_report_add_at(struct conf_report *r, const char *path, int line, struct str source,
	size_t at, size_t n, const char *hint, const char *fmt, ...) PRINTF_LIKE(8, 9);

/* ---- YAML ------------------------------------------------------------------------------------ */

/* YAML 1.2 with less: one document, valid UTF-8, no tags, no merge keys, no duplicate keys, keys
 * are texts. `key:` without a value (or ~, null) counts as if the line were not there. */
struct conf_file; /* text and tree of one file */
struct conf_node; /* BORROWED from its file */

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

/* Reads and parses; refuses what file_read refuses, invalid UTF-8, more than one document, anchors
 * and aliases beyond 100 nodes, depth over 16. An empty file is an empty map. GIVES *out on 0. On
 * failure complains and gives an enum err. */
int conf_file_load(const char *path, struct conf_report *r, struct conf_file **out) MUST_USE;
/* The same from memory; name is what complaints call it. */
int conf_file_parse(const char *name, struct str text, struct conf_report *r,
	struct conf_file **out) MUST_USE;
void conf_file_free(struct conf_file *f);
const char *conf_file_path(const struct conf_file *f);
struct str conf_file_text(const struct conf_file *f); /* the bytes that were read */
struct conf_node *conf_file_root(const struct conf_file *f);

enum conf_kind conf_node_kind(const struct conf_node *n);
struct str conf_node_text(const struct conf_node *n); /* of a scalar; "" for a map or list */
size_t conf_node_count(const struct conf_node *n);    /* items of a list, pairs of a map */
struct conf_node *conf_node_at(const struct conf_node *list, size_t i);
/* i-th pair in file order: the key as node (for its position) and the value. */
struct conf_node *conf_node_key(const struct conf_node *map, size_t i);
struct conf_node *conf_node_value(const struct conf_node *map, size_t i);
struct conf_node *conf_node_find(const struct conf_node *map, const char *key); /* NULL if absent */
int conf_node_line(const struct conf_node *n);   /* from 1 */
int conf_node_column(const struct conf_node *n); /* from 1 */

/* Complains about a node: its position, source line and caret. offset moves the caret that many
 * characters into a scalar (a pattern's error position); 0 for the start. */
void conf_complain(struct conf_report *r, const struct conf_file *f, const struct conf_node *n,
	size_t offset, enum conf_severity s, const char *hint, const char *fmt, ...)
	PRINTF_LIKE(7, 8);

/* The nearest of the words, or NULL when none is near: for "did you mean". */
const char *conf_nearest(struct str word, const char *const *words, size_t n);

/* ---- Options by table ------------------------------------------------------------------------ */

/* What a value is, and the member type it is stored in. */
enum conf_type {
	CONF_TEXT,     /* char *, owned, NULL when absent and no fallback */
	CONF_PATH,     /* char *, joined to the folder of the file it stands in; "-" stays */
	CONF_BOOL,     /* bool: true/false yes/no on/off */
	CONF_INT,      /* int64_t, within [min, max] */
	CONF_NUMBER,   /* double, within [min, max] */
	CONF_DURATION, /* int64_t ms: 500ms 30s 10m 2h 7d; a bare number is refused except 0 */
	CONF_BYTES,    /* int64_t: 64k 1M 2G, or bare bytes */
	CONF_PERCENT,  /* double 0..100: 40% (a bare number is refused with the hint "40%") */
	CONF_MONEY,    /* int64_t, millionths of a US dollar: 0.25 or $0.25, at most 6 decimals */
	CONF_CHOICE,   /* int: index into choices */
	CONF_TEXTS,    /* struct conf_texts: a list, or one scalar */
	CONF_SECRET,   /* struct conf_secret: {secret: N}, {env: N}, {file: PATH} or literal */
	CONF_NODE,     /* struct conf_node *: the owner reads it by hand */
};

struct conf_texts {
	char **at;
	size_t n;
};

/* Where a secret comes from; the value itself is fetched at start by conf_secret_fetch. */
struct conf_secret {
	enum { CONF_SECRET_NONE, CONF_SECRET_VAULT, CONF_SECRET_ENV, CONF_SECRET_FILE,
		CONF_SECRET_LITERAL } from;
	char *name;             /* vault name, variable or path; NULL for a literal */
	struct secret *literal; /* `mynah check` warns: a secret in a file people share */
};

/* What a change of the option needs (mosquitto, tmux): nothing, a reconnect of its place, or a
 * restart of the daemon. */
enum conf_reload { CONF_LIVE, CONF_RECONNECT, CONF_RESTART };

struct conf_option {
	const char *name;
	enum conf_type type;
	size_t offset;              /* of the member in the struct that is read into */
	const char *fallback;       /* as a file would spell it; NULL = absent */
	double min, max;            /* of INT NUMBER DURATION BYTES PERCENT; both 0 = no range */
	const char *const *choices; /* of CHOICE, ended by NULL */
	enum conf_reload reload;
	const char *help;           /* one sentence for `mynah help options` and the man page */
};

/* Reads map into the struct at `into` (zeroed by the caller), option by option: fallbacks first,
 * then what the file says. Complains about unknown keys (with the nearest known), duplicates, wrong
 * types, ranges. Gives 0 or ERR_INVALID when it complained, ERR_NOMEM. `into` is valid (and must be
 * given to conf_free_options) in either case. map may be NULL: fallbacks only. */
int conf_read(struct conf_report *r, const struct conf_file *f, const struct conf_node *map,
	const struct conf_option *options, size_t n, void *into) MUST_USE;
void conf_free_options(const struct conf_option *options, size_t n, void *from);

/* A single value for those who read by hand: the same spelling rules and complaints as
 * conf_read. */
int conf_read_duration(struct conf_report *r, const struct conf_file *f, const struct conf_node *n,
	int64_t min_ms, int64_t max_ms, int64_t *out) MUST_USE;
void conf_texts_free(struct conf_texts *t);

/* ---- Files that other rooms read by hand (reading.c) ----------------------------------------- */

/* A file that is being read, and how that goes. Readers go on after a complaint: a person wants to
 * see all of them at once. */
struct conf_reading {
	const struct conf_file *file;
	struct conf_report *report;
	int err; /* 0; else ERR_NOMEM if it was ever noted, or what was noted first */
};

/* Notes how a step ended that has done its own complaining. */
void conf_note(struct conf_reading *rd, int err);
/* Complains of an error at n and notes ERR_INVALID. */
void conf_wrong(struct conf_reading *rd, const struct conf_node *n, const char *hint,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
/* conf_read, noted. */
void conf_read_map(struct conf_reading *rd, const struct conf_node *map,
	const struct conf_option *options, size_t n, void *into);
/* GIVES a copy (mem_free), or NULL, which is noted. */
char *conf_dup(struct conf_reading *rd, struct str text);
/* Where something about a key at the left edge is complained of: at its value, or at the whole
 * file where it is missing. */
const struct conf_node *conf_about(const struct conf_reading *rd, const char *key);
/* How many entries of a list are to be read: of one with more than max the first max, after a
 * complaint; none of NULL, and none of what is no list, where the hint says how to write one. what
 * they are: "examples". */
size_t conf_entries(struct conf_reading *rd, const struct conf_node *list, size_t max,
	const char *what, const char *hint);

/* ---- mynah.yaml ------------------------------------------------------------------------------ */

enum conf_place_kind { CONF_TWITCH, CONF_IRC, CONF_DISCORD };

/* twitch: where chat comes from, which way it goes, where subs, gifts,
 * cheers and raids come from. */
enum conf_source { CONF_BY_IRC, CONF_BY_EVENTSUB };
enum conf_sender { CONF_SEND_IRC, CONF_SEND_HELIX };

/* discord: where slash commands are registered. */
enum conf_commands { CONF_COMMANDS_GLOBAL, CONF_COMMANDS_GUILD, CONF_COMMANDS_OFF };

/* `twitch:`, `irc:` and `discord:`: one account each. */
struct conf_place {
	enum conf_place_kind kind;
	char *name;               /* "twitch" or "irc": the platform name in events */
	char *url;                /* wss://irc-ws.chat.twitch.tv:443/ */
	char *ca_file;            /* trust this CA instead of the system's */
	char *account;            /* login; NULL or empty = anonymous, read only (twitch) */
	struct conf_secret token; /* twitch: user access token; irc: server password */
	struct conf_texts channels; /* names without '#' */
	struct conf_texts ignore;   /* logins or user ids never answered */
	struct conf_texts bots;     /* known bots: never answered */
	bool reply_threads;       /* answer as a reply to the message, where the platform can */
	int64_t sends, sends_mod; /* per window, already one under the platform's limit */
	int64_t window_ms;
	int64_t gap_ms;           /* between two sends in a channel, not privileged */
	int64_t joins;            /* JOINs per join_window_ms */
	int64_t join_window_ms;
	struct secret *secret;    /* fetched token, NULL = none */
	/* twitch only */
	char *client_id;          /* of the app that logins are made with */
	struct conf_secret client_secret; /* confidential apps only */
	struct secret *client;    /* fetched client secret, NULL = none */
	char *id_url;             /* https://id.twitch.tv/oauth2 */
	char *api_url;            /* https://api.twitch.tv/helix */
	char *eventsub_url;       /* wss://eventsub.wss.twitch.tv/ws */
	int chat;                 /* enum conf_source */
	int send;                 /* enum conf_sender */
	int support;              /* enum conf_source: of subs, gifts, cheers, raids */
	int64_t stream_poll_ms;   /* how often it is asked which channels are live */
	/* discord only; its channels are ids, none = every channel it may write to; token: the
	 * bot's; api_url: https://discord.com/api/v10; reply_threads: answer as a reply */
	struct conf_texts broadcasters, moderators, vips, subscribers; /* role ids of each level */
	bool direct;              /* direct messages are heard and answered */
	bool hears_bots;          /* other bots that mention this one */
	bool compress;            /* the gateway sends zlib-stream */
	bool typing;              /* shown while a model works */
	bool edits;               /* long answers appear while they are written */
	bool pings;               /* a reply pings whom it answers */
	int64_t parts;            /* messages an answer may take: 1 to 3 */
	int commands;             /* enum conf_commands */
	char *presence;           /* beside the name: "Watching PRESENCE"; NULL = none */
	struct conf_texts shard_words; /* shards: as the file has them */
	unsigned shards;          /* 0 = as Discord advises */
	unsigned shard_first, shard_last; /* which of them are ours */
};

enum conf_provider_type {
	CONF_OLLAMA, CONF_OPENAI, CONF_ANTHROPIC, CONF_WADDLEAI, CONF_SCRIPTED
};

#define CONF_PROVIDERS_MAX 32 /* people have two or three */
#define CONF_ENDPOINTS_MAX 16 /* of one provider */
#define CONF_ROUTES_MAX 100   /* a person wrote them */

/* A model that a provider may be asked for besides its own, and what it costs there. */
struct conf_model {
	const char *name;            /* BORROWED from smaller or the route */
	int64_t price_in, price_out; /* 0 = the list of prices does not know it */
};

/* `providers: NAME: {...}` */
struct conf_provider {
	char *name;
	int type;                 /* enum conf_provider_type */
	struct conf_texts urls;   /* base URLs of the servers that share its work */
	char *url;                /* the first of them, BORROWED; NULL = none */
	char *model;
	char *smaller;            /* the model to ask when memory does not suffice; NULL = none */
	struct conf_model *others; /* smaller, and those that routes name */
	size_t other_count;
	struct conf_secret key;
	char *ca_file;
	struct conf_texts headers; /* further headers: "Name: value" */
	char *file;               /* scripted: its answers */
	int token_cap;            /* 0 max_tokens, 1 max_completion_tokens (openai) */
	double temperature;       /* defaults; a persona's model: overrides them */
	int64_t max_tokens;
	int64_t context_tokens;   /* the model's window, for the prompt budget */
	int64_t price_in, price_out; /* millionths of a dollar for a million tokens; 0 = free */
	char *keep_alive;         /* ollama */
	bool warm_up;             /* ollama: load the model before the first question */
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms;
	int64_t at_once;          /* calls under way; 0 = no limit of its own, as in the next two */
	int64_t calls_hour, calls_day;
	int64_t cost_day;         /* millionths of a dollar */
	bool remote_ok;           /* must be true for a URL that is not loopback */
	bool is_remote;           /* it is not on this machine, whatever its URL says */
	struct secret *secret;    /* fetched key, NULL = none */
};

/* One rule of `routes:`. What it does not name fits always. */
struct conf_route {
	struct conf_texts triggers; /* names */
	struct conf_texts events;   /* kinds of event, as triggers spell them after on: */
	struct conf_texts in;       /* platforms, channels or platform:channel, as in triggers */
	int64_t longer_than;        /* tokens of the prompt; 0 = of any length */
	struct conf_texts ask;      /* provider names, in the order of fallback */
	char *model;                /* instead of each provider's own; NULL = that */
};

enum conf_memory_backend { CONF_MEMORY_LOCAL, CONF_MEMORY_REDIS };

/* `memory:` */
struct conf_memory {
	int backend;              /* enum conf_memory_backend */
	char *url;                /* redis://host:port/db or unix:/path */
	struct conf_secret password;
	int64_t lines;            /* kept for one person in one channel */
	int64_t for_ms;           /* forgotten when that old */
	int64_t users, bytes;     /* at most, in this process */
	int64_t recall_ms;        /* how long a recall may take */
	struct secret *secret;    /* fetched password, NULL = none */
};

/* `privacy:` */
struct conf_privacy {
	bool send_names;          /* models on other machines may know what people are called */
};

enum conf_payload { CONF_PAYLOAD_NONE, CONF_PAYLOAD_REDACTED, CONF_PAYLOAD_FULL };

/* `ledger:` */
struct conf_ledger {
	bool is_on;
	char *file;               /* relative to state_dir */
	int payload;              /* enum conf_payload: what is kept of prompts and answers */
	int64_t keep_ms;          /* rows older than that go; 0 = never */
	int64_t queue;            /* rows that may wait for the disk */
};

/* `log:` */
struct conf_log {
	char *file;               /* "-" = standard error */
	int level;                /* enum log_level */
	bool plain_users;         /* names instead of keyed hashes */
};

/* `api:` */
struct conf_api {
	char *socket;             /* relative to state_dir */
	char *listen;             /* "127.0.0.1:8005"; NULL = only the socket */
	struct conf_secret key;
	struct secret *secret;    /* fetched key, NULL = none */
};

enum conf_guard { CONF_GUARD_MODEL, CONF_GUARD_MODERATIONS };
enum conf_doubt { CONF_DOUBT_REFUSE, CONF_DOUBT_ALLOW };

/* `safety:` */
struct conf_safety {
	bool links;               /* any link may be said */
	struct conf_texts allow_hosts; /* links to these may */
	struct conf_texts words_files;
	char *prefix;             /* in front of every reply, counted in */
	int64_t max_length;       /* of a reply, UTF-16 units */
	int64_t mentions;         /* @names in a reply */
	bool regenerate;          /* an answer that is refused is asked for once more */
	int policy;               /* of what chat brings before a model: strict, balanced ... */
	double toxicity, bias;    /* an answer that scores so high is refused */
	char *rules_dir;          /* rule files besides the built-in ones; NULL = none */
	char *model;              /* name of a provider that judges as well; NULL = none */
	int model_kind;           /* enum conf_guard: how it is asked */
	bool model_input, model_output; /* what it judges: questions, answers */
	int64_t model_wait_ms;    /* how long it may take */
	int model_on_error;       /* enum conf_doubt: where it gives no verdict */
};

/* `embeddings:` */
struct conf_embeddings {
	char *use;                /* name of a provider; NULL = none: notes are ranked by words */
	char *model;              /* of it, never NULL where use is not */
	int64_t wait_ms;          /* how long a question waits for its own */
};

/* `limits:` */
struct conf_limits {
	int64_t turns, asks;      /* live turns; model calls at once */
	int64_t reply_ttl_ms, event_ttl_ms; /* a later answer is dropped */
	int64_t lane, total;      /* replies waiting in one channel, in all */
	int64_t deadline_ms, event_deadline_ms; /* by which a model must have answered */
	int64_t slash_ttl_ms, slash_deadline_ms; /* both for slash commands */
	int64_t calls_hour, calls_day, calls_user_hour, calls_channel_hour; /* model calls */
	/* what model calls may cost, in millionths of a dollar; 0 = no limit */
	int64_t cost_hour, cost_day, cost_channel_day, cost_user_day, cost_persona_day;
	int64_t cost_channel_hour, cost_user_hour, cost_persona_hour;
	int64_t asks_day[CONF_LEVELS]; /* model calls a day of one person, by level */
	int64_t turns_minute, in_a_row; /* replies in a channel; to one person; 0 = no limit */
	int64_t retries;          /* further attempts at one provider */
	int64_t breaker_failures, breaker_window_ms, breaker_open_ms;
	int64_t drain_ms;         /* how long the end may take */
	int64_t gather_ms;        /* crowds of follows, raids, gifts become one event */
	int64_t otherwise_ms;     /* between two otherwise: lines of a trigger in a channel */
};

/* The whole of mynah.yaml. Immutable once loaded. */
struct conf {
	char *path;               /* where it came from; NULL = built-in defaults */
	char *name;               /* what people call the bot: name mention, self filter */
	char *persona;            /* default persona */
	char *prices;             /* file of model prices, NULL = none */
	char *state_dir, *triggers_dir, *personas_dir, *knowledge_dir;
	char *prompts_dir;        /* NULL = beside the triggers */
	struct conf_log log;
	struct conf_memory memory;
	struct conf_ledger ledger;
	struct conf_api api;
	struct conf_safety safety;
	struct conf_embeddings embeddings;
	struct conf_privacy privacy;
	struct conf_limits limits;
	struct conf_place *places;
	size_t place_count;
	struct conf_provider *providers;
	size_t provider_count;
	struct conf_texts ask;    /* provider names, in the order of fallback */
	struct conf_route *routes; /* the first that fits comes before ask */
	size_t route_count;
};

/* Loads path, or built-in defaults when path is NULL. Complains about everything at once. GIVES
 * *out on 0. */
int conf_load(const char *path, struct conf_report *r, struct conf **out) MUST_USE;
/* The same from a file that was already read. Takes nothing. */
int conf_build(const struct conf_file *f, struct conf_report *r, struct conf **out) MUST_USE;
void conf_free(struct conf *c);
/* Fetches every secret the config names (vault in state_dir, environment, files), emptying the
 * variables it read. Complains about those it cannot get. Blocking. */
int conf_secrets_fetch(struct conf *c, struct conf_report *r) MUST_USE;
/* Before conf_secrets_fetch(fresh) in a reload: the variables that old read are empty since, so
 * fresh shares the values that old has of them. Nothing else is taken over. */
void conf_secrets_keep(struct conf *fresh, struct conf *old);
/* Every fetched secret, for "is one of ours in this text". */
void conf_secrets_each(const struct conf *c, void (*each)(void *ctx, const struct secret *s),
	void *ctx);

/* Is the host of this URL this machine, spelled so that it can be nothing else? */
bool conf_url_is_local(const char *url);
/* Are all servers of a provider on this machine, and says the file nothing else? */
bool conf_provider_is_local(const struct conf_provider *p);

/* The tables, for `mynah help options`, the man page and contrib/mynah.yaml: section name ("" for
 * the top), its options and how many. i from 0 until NULL. */
const char *conf_section(size_t i, const struct conf_option **options, size_t *n,
	const char **help);
/* Writes the reference of all options: as text, or as mdoc list items. */
int conf_options_write(bool mdoc, struct buf *out) MUST_USE;

#endif
