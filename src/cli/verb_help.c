/* help and version: references made from the tables that the program itself runs on. */
#include "cli/cli.h"

#include "config.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 79

/* The next word of a line of usage, together with what stands in its brackets. */
static size_t word_len(const char *s)
{
	size_t n = 0;
	int depth = 0;

	for (; s[n] != '\0' && s[n] != '\n' && (s[n] != ' ' || depth > 0); n++)
		depth += (s[n] == '[') - (s[n] == ']');
	return n;
}

/* A line for each way to use the verb, wrapped: "usage: mynah kb list [--json]". */
static void print_usage(FILE *to, const char *first, const char *next, const struct cli_verb *v)
{
	const int indent = (int)(strlen(first) + strlen("mynah ") + strlen(v->name));
	const char *at = v->usage;
	int column = indent;

	fprintf(to, "%smynah %s", first, v->name);
	while (*at != '\0') {
		const int n = (int)word_len(at);

		if (column > indent && column + 1 + n > WIDTH)
			column = fprintf(to, "\n%*s", indent, "") - 1;
		column += fprintf(to, " %.*s", n, at);
		at += n;
		if (*at == '\n')
			column = fprintf(to, "\n%smynah %s", next, v->name) - 1;
		at += *at != '\0';
	}
	fputc('\n', to);
}

int cli_usage(const struct cli *c)
{
	print_usage(stderr, "mynah: say: ", "        or: ", c->verb);
	return CLI_CANNOT;
}

static int print_verb(const struct cli_verb *v)
{
	print_usage(stdout, "usage: ", "   or: ", v);
	printf("\n%s\nman mynah says more; mynah help lists what every verb takes\n", v->help);
	return CLI_OK;
}

static void print_verbs(void)
{
	printf("mynah %s: a chat bot that can say why it spoke or kept silent\n"
	       "\nusage: mynah [OPTION ...] VERB [WORD ...]\n\n", PACKAGE_VERSION);
	for (const struct cli_verb *v = cli_verbs; v->name; v++)
		printf("  %-10s %s\n", v->name, v->help);
	printf("\n\"mynah help VERB\" says how it is used. Every verb takes:\n\n"
	       "  -c, --config FILE   mynah.yaml; else $MYNAH_CONFIG, ./mynah.yaml,\n"
	       "                      ~/.config/mynah/mynah.yaml, %s/mynah.yaml,\n"
	       "                      built-in defaults\n"
	       "  --state DIR         the state folder, instead of the config's\n"
	       "  --triggers DIR      the folder of trigger files, instead of the config's\n"
	       "  --personas DIR      the folder of persona files, instead of the config's\n"
	       "  --prompts DIR       the folder of prompt files, instead of the config's\n"
	       "  --debug             log everything, allow core dumps\n",
		MYNAH_SYSCONFDIR);
}

static void print_options(void)
{
	struct buf out;

	buf_init(&out, 1024 * 1024);
	if (!conf_options_write(false, &out))
		fputs(buf_text(&out), stdout);
	buf_fini(&out);
}

static void print_events(void)
{
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		const enum event_kind k = (enum event_kind)i;
		const char *vars = event_kind_vars(k),
			   *text = event_kind_has_text(k) ? EVENT_TEXT_VARS : "";

		printf("%-14s %s%s%s%s%s\n", event_kind_name(k), event_kind_help(k),
			*vars != '\0' || *text != '\0' ? "; variables: " : "", vars,
			*vars != '\0' && *text != '\0' ? " " : "", text);
	}
	for (int i = SORT_ANY + 1; i < EVENT_SORT_COUNT; i++)
		printf("%-14s %s; variables: those of a message\n",
			event_sort_name((enum event_sort)i), event_sort_help((enum event_sort)i));
}

static void print_variables(void)
{
	const char *name, *help;

	for (size_t i = 0; (name = trigger_variable(i, &help)) != NULL; i++)
		printf("$(%s)%*s %s\n", name, (int)(strlen(name) < 12 ? 12 - strlen(name) : 0), "",
			help);
}

static void print_reasons(void)
{
	for (int i = 1; i < REASON_COUNT; i++)
		printf("%-17s %s\n", reason_name((enum reason)i), reason_text((enum reason)i));
}

static void print_scopes(void)
{
	struct buf out;

	buf_init(&out, 64 * 1024);
	if (!platform_scopes_write(false, &out))
		fputs(buf_text(&out), stdout);
	buf_fini(&out);
}

int cli_help(const struct cli *c)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} topics[] = {
		{"options", print_options},
		{"events", print_events},
		{"variables", print_variables},
		{"reasons", print_reasons},
		{"scopes", print_scopes},
	};

	const struct cli_verb *v = c->argc > 0 ? cli_verb_find(c->argv[0]) : NULL;

	for (size_t i = 0; c->argc > 0 && i < sizeof(topics) / sizeof(topics[0]); i++) {
		if (strcmp(topics[i].name, c->argv[0]) == 0) {
			topics[i].print();
			return CLI_OK;
		}
	}
	if (v)
		return print_verb(v);
	if (c->argc > 0) {
		cli_say("there is no help on \"%s\"; mynah help lists the verbs", c->argv[0]);
		return cli_usage(c);
	}
	print_verbs();
	return CLI_OK;
}

int cli_version(const struct cli *c)
{
	(void)c;
	printf("mynah %s\n", PACKAGE_VERSION);
	return CLI_OK;
}
