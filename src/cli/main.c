/* The command line: options, and the table of verbs. */
#include "cli/cli.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What an event may be described by, besides who, where and which. */
#define FIELDS \
	"[--from USER] [--to USER] [--count N] [--viewers N] [--bits N] [--months N] [--tier N] " \
	"[--seconds N] [--reward TITLE] [--message TEXT] [--anonymous] [--first] " \
	"[--live | --offline] [--game NAME] [--title TEXT]"
#define WHO "[--user NAME] [--level LEVEL] [--channel NAME] [--platform NAME] "

const struct cli_verb cli_verbs[] = {
	{"run", 0, "", "run the daemon in the foreground", cli_run},
	{"chat", 0, "[--user NAME] [--channel NAME]",
		"talk to the bot in this terminal; no account, no network needed", cli_chat},
	{"check", 0, "[--json]", "read every file and say what is wrong with it", cli_check},
	{"explain", 1, "TEXT " WHO "[--on EVENT] " FIELDS,
		"say which gates and triggers TEXT would pass, and why", cli_explain},
	{"event", CLI_WORDS,
		"NAME [NUMBER] [--channel NAME] [--platform NAME] [--level LEVEL] " FIELDS,
		"fire a made-up event into the running bot", cli_event},
	{"status", 0, "[--json]", "how the running bot is", cli_status},
	{"reload", 0, "", "make the running bot read its files again", cli_reload},
	{"quiet", 2, "CHANNEL 30m\nCHANNEL off", "keep the running bot silent in a channel",
		cli_quiet},
	{"cache", 1, "stats [--json]\nflush [--json]", "the answers that the running bot keeps",
		cli_cache},
	{"record", 2, "FILE [twitch | discord]",
		"keep what the running bot hears there, until Ctrl-C", cli_record},
	{"replay", 1, "FILE [--against DIR] [--json]",
		"what the bot would do with a record, or with other files", cli_replay},
	{"safety", 2, "check TEXT [--input] [--user NAME] [--platform NAME] [--json]",
		"whether the bot would say TEXT, or ask a model it, and why not", cli_safety},
	{"validate", 0,
		"--trigger NAME [--text TEXT] " WHO "[--on EVENT] [--golden DIR] [--json] < ANSWER",
		"whether a model's answer would do for a trigger", cli_validate},
	{"golden", CLI_WORDS, "[DIR | FILE ...] [--write]",
		"whether prompts and replies are what the golden cases say", cli_golden},
	{"kb", 2, "list [--json]\nquery TEXT [--json]",
		"what is in knowledge/, and what a question finds there", cli_kb},
	{"eval", 1,
		"MODEL [--provider NAME] [--samples N] [--seed N] [--golden DIR] [--models DIR] "
		"[--save] [--yes] [--json]",
		"ask a live model the golden cases, and how good it is", cli_eval},
	{"models", 2,
		"list [--models DIR] [--json]\nshow NAME [--models DIR] [--json]\n"
		"validate [--models DIR] [--json]\nrecommend [--models DIR] [--json]",
		"the registry of local models, and what providers have", cli_models},
	{"route", 0, "[--trigger NAME] [--text TEXT] " WHO "[--on EVENT] " FIELDS,
		"whom a question would go to, in which order, and why", cli_route},
	{"providers", 0, "[--probe] [--json]",
		"who is asked for words, and whether they would answer", cli_providers},
	{"ledger", 1,
		"cost [--by model|provider|user|channel|trigger|persona|prompt|day] [--days N] "
		"[--forecast] [--json]",
		"what the model calls of the last days cost", cli_ledger},
	{"secret", 2, "set NAME\nlist\nremove NAME",
		"keep tokens and keys sealed in the state folder", cli_secret},
	{"login", 1, "twitch [--broadcaster CHANNEL]",
		"log the bot, or a broadcaster, in to Twitch", cli_login},
	{"persona", 2,
		"import FILE [--name ID] [-o FILE] [--force]\n"
		"export ID --format FORMAT [--picture PNG] [-o FILE] [--force]",
		"personas from and to Tavern cards, Modelfiles, texts and more", cli_persona},
	{"prompt", 3,
		"list [--json]\nshow NAME[@VERSION] [--json]\n"
		"render NAME[@VERSION] --text TEXT " WHO "[--on EVENT] " FIELDS
		" [--seed N] [--json]\n"
		"render --trigger NAME --text TEXT ...\n"
		"diff A B\ntest NAME[@VERSION] [--live]",
		"prompt files: what a model would be asked, what it answers", cli_prompt},
	{"import", 2,
		"nightbot FILE [-o FILE] [--force]\nstreamelements FILE [-o FILE] [--force]",
		"the commands of another bot as a file of triggers", cli_import},
	{"version", 0, "", "the version", cli_version},
	{"help", 1, "[VERB | options | events | variables | reasons | scopes]",
		"how a verb is used, or a reference", cli_help},
	{NULL, 0, NULL, NULL, NULL},
};

enum { OPT_NAME = 300, OPT_FORMAT, OPT_PICTURE, OPT_FORCE, OPT_PROMPTS, OPT_TRIGGER, OPT_TEXT };
enum { OPT_STATE = 256, OPT_TRIGGERS, OPT_PERSONAS, OPT_USER, OPT_LEVEL, OPT_CHANNEL, OPT_PLATFORM,
	OPT_ON, OPT_BROADCASTER, OPT_JSON, OPT_AGAINST, OPT_DEBUG, OPT_FIELD, OPT_OFFLINE,
	OPT_BY, OPT_DAYS, OPT_FORECAST, OPT_PROBE, OPT_INPUT, OPT_WRITE, OPT_GOLDEN, OPT_MODELS,
	OPT_PROVIDER, OPT_SAMPLES, OPT_SEED, OPT_SAVE, OPT_YES };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"state", required_argument, NULL, OPT_STATE},
	{"triggers", required_argument, NULL, OPT_TRIGGERS},
	{"personas", required_argument, NULL, OPT_PERSONAS},
	{"prompts", required_argument, NULL, OPT_PROMPTS},
	{"debug", no_argument, NULL, OPT_DEBUG},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
#define OPTIONS_OF_ALL 8 /* so many, the first, go with every verb */
	{"trigger", required_argument, NULL, OPT_TRIGGER},
	{"text", required_argument, NULL, OPT_TEXT},
	{"user", required_argument, NULL, OPT_USER},
	{"level", required_argument, NULL, OPT_LEVEL},
	{"channel", required_argument, NULL, OPT_CHANNEL},
	{"platform", required_argument, NULL, OPT_PLATFORM},
	{"on", required_argument, NULL, OPT_ON},
	{"broadcaster", required_argument, NULL, OPT_BROADCASTER},
	{"against", required_argument, NULL, OPT_AGAINST},
	{"output", required_argument, NULL, 'o'},
	{"name", required_argument, NULL, OPT_NAME},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"picture", required_argument, NULL, OPT_PICTURE},
	{"force", no_argument, NULL, OPT_FORCE},
	{"json", no_argument, NULL, OPT_JSON},
	{"input", no_argument, NULL, OPT_INPUT},
	{"by", required_argument, NULL, OPT_BY},
	{"write", no_argument, NULL, OPT_WRITE},
	{"golden", required_argument, NULL, OPT_GOLDEN},
	{"models", required_argument, NULL, OPT_MODELS},
	{"provider", required_argument, NULL, OPT_PROVIDER},
	{"samples", required_argument, NULL, OPT_SAMPLES},
	{"seed", required_argument, NULL, OPT_SEED},
	{"save", no_argument, NULL, OPT_SAVE},
	{"yes", no_argument, NULL, OPT_YES},
	{"probe", no_argument, NULL, OPT_PROBE},
	{"days", required_argument, NULL, OPT_DAYS},
	{"forecast", no_argument, NULL, OPT_FORECAST},
	/* Fields of an event; platform_event_set knows what they mean. */
	{"from", required_argument, NULL, OPT_FIELD},
	{"to", required_argument, NULL, OPT_FIELD},
	{"tier", required_argument, NULL, OPT_FIELD},
	{"bits", required_argument, NULL, OPT_FIELD},
	{"viewers", required_argument, NULL, OPT_FIELD},
	{"months", required_argument, NULL, OPT_FIELD},
	{"count", required_argument, NULL, OPT_FIELD},
	{"seconds", required_argument, NULL, OPT_FIELD},
	{"reward", required_argument, NULL, OPT_FIELD},
	{"message", required_argument, NULL, OPT_FIELD},
	{"game", required_argument, NULL, OPT_FIELD},
	{"title", required_argument, NULL, OPT_FIELD},
	{"anonymous", no_argument, NULL, OPT_FIELD},
	{"first", no_argument, NULL, OPT_FIELD},
	{"live", no_argument, NULL, OPT_FIELD},
	{"offline", no_argument, NULL, OPT_OFFLINE},
	{NULL, 0, NULL, 0},
};

/* Past the limit a field is left out: more than there are were never meant. */
static void add_field(struct cli *c, const char *key, const char *value)
{
	if (c->field_count < CLI_FIELDS)
		c->fields[c->field_count++] = (struct bot_event_field){key, str_of(value)};
}

/* The option's place in the table, for those of one letter too. */
static int place_of(int opt, int at)
{
	while (at < 0 || (options[at].name && options[at].val != opt))
		at++;
	return at;
}

/* said gets a bit for each option of the command line. */
static int parse(int argc, char **argv, struct cli *c, const char **verb, uint64_t *said)
{
	int opt, at = -1;

	_Static_assert(sizeof(options) / sizeof(options[0]) <= 64, "said has a bit for each");
	for (; (opt = getopt_long(argc, argv, "c:o:hV", options, &at)) != -1; at = -1) {
		if (opt == '?')
			return CLI_CANNOT; /* getopt has said why */
		at = place_of(opt, at);
		*said |= UINT64_C(1) << at;
		switch (opt) {
		case 'c': c->config = optarg; break;
		case 'o': c->output = optarg; break;
		case OPT_NAME: c->name = optarg; break;
		case OPT_FORMAT: c->format = optarg; break;
		case OPT_PICTURE: c->picture = optarg; break;
		case OPT_FORCE: c->is_force = true; break;
		case OPT_STATE: c->state = optarg; break;
		case OPT_TRIGGERS: c->triggers = optarg; break;
		case OPT_PERSONAS: c->personas = optarg; break;
		case OPT_TEXT: c->text = optarg; break;
		case OPT_PROMPTS: c->prompts = optarg; break;
		case OPT_TRIGGER: c->trigger = optarg; break;
		case OPT_USER: c->user = optarg; break;
		case OPT_LEVEL: c->level = optarg; break;
		case OPT_CHANNEL: c->channel = optarg; break;
		case OPT_PLATFORM: c->platform = optarg; break;
		case OPT_ON: c->on = optarg; break;
		case OPT_BROADCASTER: c->broadcaster = optarg; break;
		case OPT_AGAINST: c->against = optarg; break;
		case OPT_JSON: c->is_json = true; break;
		case OPT_INPUT: c->is_input = true; break;
		case OPT_BY: c->by = optarg; break;
		case OPT_DAYS: c->days = optarg; break;
		case OPT_WRITE: c->is_write = true; break;
		case OPT_GOLDEN: c->golden = optarg; break;
		case OPT_MODELS: c->models = optarg; break;
		case OPT_PROVIDER: c->provider = optarg; break;
		case OPT_SAMPLES: c->samples = optarg; break;
		case OPT_SEED: c->seed = optarg; break;
		case OPT_SAVE: c->is_save = true; break;
		case OPT_YES: c->is_yes = true; break;
		case OPT_PROBE: c->is_probe = true; break;
		case OPT_FORECAST: c->is_forecast = true; break;
		case OPT_FIELD: add_field(c, options[at].name, optarg ? optarg : "yes"); break;
		case OPT_OFFLINE: add_field(c, "live", "no"); break;
		case OPT_DEBUG: c->is_debug = true; break;
		case 'h': *verb = "help"; break;
		case 'V': *verb = "version"; break;
		}
	}
	c->argc = argc - optind;
	c->argv = argv + optind;
	if (*verb) {
		/* -h and -V may stand behind a whole line: it is not that line's turn now. */
		const int most = cli_verb_find(*verb)->words_max;

		c->argc = c->argc < most ? c->argc : most;
		*said = 0;
	} else if (c->argc > 0) {
		*verb = c->argv[0];
		c->argc--;
		c->argv++;
	}
	return CLI_OK;
}

const struct cli_verb *cli_verb_find(const char *name)
{
	for (const struct cli_verb *v = cli_verbs; v->name; v++) {
		if (strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

/* Does the verb's usage tell of the option? -o is told of by its letter. */
static bool takes(const struct cli_verb *v, const struct option *o)
{
	const char *name = o->val == 'o' ? "o" : o->name, *at = v->usage;
	const size_t n = strlen(name);

	for (; (at = strstr(at, name)) != NULL; at += n) {
		if (at > v->usage && at[-1] == '-' && (at[n] == '\0' || strchr(" ]\n", at[n])))
			return true;
	}
	return false;
}

/* What a verb has no use for is a mistake: better said than silently done without. */
static bool is_usable(const struct cli *c, uint64_t said)
{
	for (int i = OPTIONS_OF_ALL; options[i].name; i++) {
		if (!(said >> i & 1) || takes(c->verb, &options[i]))
			continue;
		cli_say("mynah %s has no option --%s", c->verb->name, options[i].name);
		return false;
	}
	if (c->argc > c->verb->words_max)
		cli_say("mynah %s has no use for \"%s\"", c->verb->name,
			c->argv[c->verb->words_max]);
	return c->argc <= c->verb->words_max;
}

static int unknown(const char *verb)
{
	const char *names[32];
	const char *near;
	size_t n = 0;

	for (const struct cli_verb *v = cli_verbs; v->name && n < 32; v++)
		names[n++] = v->name;
	near = conf_nearest(str_of(verb), names, n);
	cli_say("there is no verb \"%s\"%s%s%s; mynah help lists them", verb,
		near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	return CLI_CANNOT;
}

/* Where the parent closed descriptor 0, 1 or 2, the next file opened would take its number, and
 * what is printed would go into it: a database, a socket. */
static void fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* A parent's blocked signals stay blocked in its children: then nothing could stop us in order. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
	struct cli c = {0};
	const char *verb = NULL;
	static char name[] = "mynah"; /* as getopt calls us, wherever we were found */
	uint64_t said = 0;

	fill_descriptors();
	unblock_signals();
	umask(S_IRWXG | S_IRWXO); /* whatever it was: what we keep is ours alone */
	signal(SIGPIPE, SIG_IGN);
	if (argc > 0)
		argv[0] = name;
	if (parse(argc, argv, &c, &verb, &said))
		return CLI_CANNOT;
	if (!verb)
		verb = "help";
	c.verb = cli_verb_find(verb);
	if (!c.verb)
		return unknown(verb);
	if (!is_usable(&c, said))
		return cli_usage(&c);
	if (seal_init(c.is_debug)) {
		cli_say("the crypto library cannot start");
		return CLI_SYSTEM;
	}
	return c.verb->run(&c);
}

void cli_say(const char *fmt, ...)
{
	va_list ap;

	fputs("mynah: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void cli_complain(const struct conf_report *r)
{
	struct buf out;

	buf_init(&out, 1024 * 1024);
	if (r->n > 0 && (!conf_report_write(r, isatty(STDERR_FILENO), &out) || out.len > 0))
		fputs(buf_text(&out), stderr);
	buf_fini(&out);
}

/* mynah.yaml where --config does not say: here, the user's, the system's;
 * NULL = built-in defaults. */
static const char *find_config(void)
{
	static char path[4096];
	const char *said = getenv("MYNAH_CONFIG"), *dir = getenv("XDG_CONFIG_HOME"),
		   *home = getenv("HOME");

	if (said && *said != '\0')
		return said;
	if (access("mynah.yaml", F_OK) == 0)
		return "mynah.yaml";
	if (dir && *dir != '\0')
		snprintf(path, sizeof(path), "%s/mynah/mynah.yaml", dir);
	else if (home)
		snprintf(path, sizeof(path), "%s/.config/mynah/mynah.yaml", home);
	if (path[0] != '\0' && access(path, F_OK) == 0)
		return path;
	snprintf(path, sizeof(path), "%s/mynah.yaml", MYNAH_SYSCONFDIR);
	return access(path, F_OK) == 0 ? path : NULL;
}

struct bot_source cli_source(const struct cli *c)
{
	return (struct bot_source){
		.config = c->config ? c->config : find_config(),
		.state_dir = c->state,
		.triggers_dir = c->triggers,
		.personas_dir = c->personas,
		.prompts_dir = c->prompts,
	};
}

char *cli_socket(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf *conf = NULL;
	/* A config that does not load must not keep anybody from asking the daemon that still
	 * runs. */
	const int err = bot_conf_running(&s, &conf);
	char *path = err ? NULL : api_socket_path(conf);

	conf_free(conf);
	return path;
}
