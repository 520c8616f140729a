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

const struct cli_verb cli_verbs[] = {
	{"run", "", "run the daemon in the foreground", cli_run},
	{"chat", "", "talk to the bot in this terminal; no account, no network needed", cli_chat},
	{"check", "[--json]", "read every file and say what is wrong with it", cli_check},
	{"explain",
		"TEXT [--user --level --channel --platform --on EVENT --live|--offline "
		"--game NAME]",
		"say which gates and triggers TEXT would pass, and why", cli_explain},
	{"event", "NAME [--from USER --to USER --count N --message TEXT ... --channel NAME]",
		"fire a made-up event into the running bot and say what became of it", cli_event},
	{"status", "[--json]", "how the running bot is", cli_status},
	{"reload", "", "make the running bot read its files again", cli_reload},
	{"quiet", "CHANNEL 30m|off", "keep the running bot silent in a channel", cli_quiet},
	{"cache", "stats|flush [--json]",
		"the answers that the running bot keeps for triggers with cache:", cli_cache},
	{"record", "FILE", "keep what the running bot hears on Twitch, until Ctrl-C", cli_record},
	{"replay", "FILE [--against DIR] [--json]",
		"what the bot would do with a record, or do differently with other files",
		cli_replay},
	{"safety", "check TEXT [--input] [--user NAME] [--platform NAME] [--json]",
		"whether the bot would say this, or with --input ask a model this, and why not",
		cli_safety},
	{"golden", "[DIR|FILE ...] [--write]",
		"whether prompts and replies still are what the golden cases say", cli_golden},
	{"kb", "list | query TEXT  [--json]",
		"what the bot knows of what you wrote in knowledge/, and what a question finds",
		cli_kb},
	{"eval", "MODEL [--provider NAME] [--samples N] [--seed N] [--golden DIR] [--save] [--yes]",
		"ask a live model the golden cases, and how good it is", cli_eval},
	{"models", "list|show NAME|validate|recommend [--models DIR] [--json]",
		"the registry of local models, and what providers have", cli_models},
	{"route", "[--trigger NAME --on EVENT --channel NAME --platform NAME --text TEXT]",
		"whom a question would go to, in which order, and why", cli_route},
	{"providers", "[--probe] [--json]", "who is asked for words, and whether they would answer",
		cli_providers},
	{"ledger", "cost [--by model|user|channel|... --days N --forecast]",
		"what the model calls of the last days cost", cli_ledger},
	{"secret", "set|list|remove [NAME]", "keep tokens and keys sealed in the state folder",
		cli_secret},
	{"login", "twitch [--broadcaster CHANNEL]", "log the bot, or a broadcaster, in to Twitch",
		cli_login},
	{"persona",
		"import FILE [--name ID] | export ID --format FORMAT [--picture PNG]  [-o FILE] "
		"[--force]",
		"personas from and to Tavern cards, eliza characters, Modelfiles, texts",
		cli_persona},
	{"prompt",
		"list | show NAME[@V] | render NAME[@V]|--trigger T --text X [--user U ...] | "
		"diff A B | test NAME[@V] [--live]",
		"prompt files: what they say, what a model would be asked, what it answers",
		cli_prompt},
	{"import", "nightbot|streamelements FILE [-o FILE] [--force]",
		"the commands of another bot as a file of triggers", cli_import},
	{"version", "", "the version", cli_version},
	{"help", "[options|events|variables|reasons|scopes]", "this, or a reference", cli_help},
	{NULL, NULL, NULL, NULL},
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
	{"debug", no_argument, NULL, OPT_DEBUG},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* Past the limit a field is left out: more than there are were never meant. */
static void add_field(struct cli *c, const char *key, const char *value)
{
	if (c->field_count < CLI_FIELDS)
		c->fields[c->field_count++] = (struct bot_event_field){key, str_of(value)};
}

static int parse(int argc, char **argv, struct cli *c, const char **verb)
{
	int opt, at = 0;

	while ((opt = getopt_long(argc, argv, "c:o:hV", options, &at)) != -1) {
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
		default: return CLI_CANNOT; /* getopt has said why */
		}
	}
	c->argc = argc - optind;
	c->argv = argv + optind;
	if (!*verb && c->argc > 0) {
		*verb = c->argv[0];
		c->argc--;
		c->argv++;
	}
	return CLI_OK;
}

static const struct cli_verb *verb_find(const char *name)
{
	for (const struct cli_verb *v = cli_verbs; v->name; v++) {
		if (strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

static int unknown(const char *verb)
{
	const char *names[32];
	const char *near;
	size_t n = 0;

	for (const struct cli_verb *v = cli_verbs; v->name && n < 32; v++)
		names[n++] = v->name;
	near = conf_nearest(str_of(verb), names, n);
	cli_say("there is no verb \"%s\"%s%s%s; see: mynah help", verb,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
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
	const struct cli_verb *v;

	fill_descriptors();
	unblock_signals();
	umask(S_IRWXG | S_IRWXO); /* whatever it was: what we keep is ours alone */
	signal(SIGPIPE, SIG_IGN);
	if (parse(argc, argv, &c, &verb))
		return CLI_CANNOT;
	if (!verb)
		verb = "help";
	v = verb_find(verb);
	if (!v)
		return unknown(verb);
	if (seal_init(c.is_debug)) {
		cli_say("the crypto library cannot start");
		return CLI_SYSTEM;
	}
	return v->run(&c);
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
	struct conf_report r;
	struct conf *conf = NULL;
	char *path = NULL;

	conf_report_init(&r);
	/* A config that does not load must not keep anybody from asking the daemon that still
	 * runs. */
	if (conf_load(s.config, &r, &conf) && conf_load(NULL, &r, &conf))
		cli_complain(&r);
	if (conf && s.state_dir) {
		const char *name = conf->api.socket ? conf->api.socket : "mynah.sock";

		path = file_join(s.state_dir, name);
	} else if (conf) {
		path = api_socket_path(conf);
	}
	conf_free(conf);
	conf_report_fini(&r);
	return path;
}
