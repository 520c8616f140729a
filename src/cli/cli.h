/* cli: the verbs of the program. Floor 8: it may use every room and nothing uses it. One file a
 * verb; a verb is a row of cli_verbs. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "api/api.h"
#include "bot/bot.h"
#include "golden/golden.h"

/* Exit codes: of `check` as nginx -t has them, of the daemon as sysexits.h (faults.md). */
enum cli_exit {
	CLI_OK = 0,
	CLI_FINDINGS = 1,  /* check: complaints; remote verbs: the daemon said no */
	CLI_CANNOT = 2,    /* usage; could not run */
	CLI_SYSTEM = 71,   /* EX_OSERR: no memory or loop at start */
	CLI_BUSY = 75,     /* EX_TEMPFAIL: another instance runs */
	CLI_CONFIG = 78,   /* EX_CONFIG */
};

#define CLI_FIELDS 16 /* an event has no more */

/* What the command line said. Strings BORROWED from argv. */
struct cli {
	const char *config, *state, *triggers, *personas, *prompts;
	const char *user, *level, *channel, *platform, *on, *broadcaster, *against;
	const char *by, *days;
	const char *golden, *models, *provider, *samples; /* of measuring models */
	const char *output, *name, *format, *picture; /* of imports and exports */
	const char *trigger, *text, *seed; /* of prompts; of measuring models */
	bool is_force;
	struct bot_event_field fields[CLI_FIELDS]; /* of an event: --tier 2 --anonymous ... */
	size_t field_count;
	bool is_json, is_debug, is_forecast, is_probe, is_write, is_input, is_save, is_yes;
	int argc;          /* words after the verb that are not options */
	char **argv;
	const struct cli_verb *verb;
};

#define CLI_WORDS 1024 /* of a verb that takes any number of them */

/* usage has a line for each way to use the verb. Options of which it does not tell, and words
 * beyond words_max, are refused. */
struct cli_verb {
	const char *name;
	int words_max;
	const char *usage, *help;
	int (*run)(const struct cli *c);
};
/* Ended by a row without a name. */
extern const struct cli_verb cli_verbs[];
/* NULL when there is none of that name. */
const struct cli_verb *cli_verb_find(const char *name);
/* Says on standard error how the verb is used. Gives CLI_CANNOT. */
int cli_usage(const struct cli *c);

int cli_run(const struct cli *c);
int cli_chat(const struct cli *c);
int cli_check(const struct cli *c);
int cli_explain(const struct cli *c);
int cli_event(const struct cli *c);
int cli_status(const struct cli *c);
int cli_reload(const struct cli *c);
int cli_quiet(const struct cli *c);
int cli_cache(const struct cli *c);
int cli_record(const struct cli *c);
int cli_replay(const struct cli *c);
int cli_secret(const struct cli *c);
int cli_ledger(const struct cli *c);
int cli_safety(const struct cli *c);
int cli_validate(const struct cli *c);
int cli_kb(const struct cli *c);
int cli_golden(const struct cli *c);
int cli_eval(const struct cli *c);
int cli_models(const struct cli *c);
int cli_route(const struct cli *c);
int cli_providers(const struct cli *c);
int cli_login(const struct cli *c);
int cli_persona(const struct cli *c);
int cli_prompt(const struct cli *c);
int cli_import(const struct cli *c);
int cli_version(const struct cli *c);
int cli_help(const struct cli *c);

/* The world's source as the command line says it. The strings live as long as the program. */
struct bot_source cli_source(const struct cli *c);
/* Prints what a report holds to standard error. */
void cli_complain(const struct conf_report *r);
/* What the running bot says to it at that path of its socket. Gives the HTTP status, or an enum err
 * when nobody answers. */
int cli_ask_event(const struct cli *c, const char *path, const struct bot_event_args *a,
	struct buf *out) MUST_USE;
/* The ledger's file, as the config says it. GIVES; NULL after a sentence. */
char *cli_ledger_path(const struct cli *c);
/* The folder of that name next to mynah.yaml, else the installed one. GIVES; NULL = no memory. */
char *cli_folder(const struct cli *c, const char *name);
/* The golden cases of these files and folders; of none, those of --golden, else of cli_folder. An
 * error after complaints. */
int cli_golden_set(const struct cli *c, char *const *paths, int n, struct golden_set *s) MUST_USE;
/* The path of the daemon's socket for this command line. GIVES; NULL after a sentence on standard
 * error. */
char *cli_socket(const struct cli *c);
/* One request to the daemon; text gets its answer, *out the same parsed (GIVES). CLI_OK, or a code
 * after a sentence on standard error. */
int cli_ask(const struct cli *c, const char *method, const char *path, struct str body,
	struct buf *text, struct json **out) MUST_USE;
/* What /api/v1/status says, as lines for people. */
int cli_status_text(const struct json *status, struct buf *out) MUST_USE;
/* The parts of `mynah prompt`; each gives a code after what it printed. */
int cli_prompt_list(const struct cli *c, const struct bot_world *w);
int cli_prompt_show(const struct cli *c, const struct bot_world *w, const struct prompt_file *p);
int cli_prompt_diff(const struct prompt_file *a, const struct prompt_file *b);
int cli_prompt_test(const struct cli *c, const struct bot_world *w, const struct prompt_file *p);
/* Shall models be asked? */
bool cli_prompt_is_live(const struct cli *c);
/* A prompt file as lines for people: its fields, its template, its examples. */
int cli_prompt_lines(const struct prompt_file *p, struct buf *out) MUST_USE;
/* Would cli_write write there? False after a sentence. */
bool cli_may_write(const struct cli *c, const char *path);
/* Writes a whole file, or to standard output for "-"; one that is there only with --force. CLI_OK,
 * or a code after a sentence. */
int cli_write(const struct cli *c, const char *path, struct str bytes) MUST_USE;
/* Adds a whole file to out. CLI_OK, or a code after a sentence. */
int cli_read(const char *path, struct buf *out) MUST_USE;
/* A sentence on standard error, "mynah: ..." */
void cli_say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Tells a supervisor (systemd's sd_notify protocol) over $NOTIFY_SOCKET; nothing without one. */
void cli_notify(const char *state);

#endif
