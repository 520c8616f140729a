/* secret: tokens and keys in the sealed store of the state folder. A value is read from standard
 * input, never from the command line, where everybody could see it. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_BYTES 4096

/* One line of standard input, not shown while it is typed. Gives its length, or -1. */
static int read_hidden(const char *name, char line[SECRET_BYTES])
{
	struct termios was, quiet;
	const bool is_terminal = tcgetattr(STDIN_FILENO, &was) == 0;
	size_t n = 0;
	ssize_t got;

	if (is_terminal) {
		fprintf(stderr, "value of %s (not shown): ", name);
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	while (n < SECRET_BYTES - 1 && (got = read(STDIN_FILENO, line + n, 1)) == 1 &&
		line[n] != '\n')
		n++;
	if (is_terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	line[n] = '\0';
	return n > 0 && n < SECRET_BYTES - 1 ? (int)n : -1;
}

static int set(struct vault *v, const char *name)
{
	char line[SECRET_BYTES];
	const int n = read_hidden(name, line);
	int err = n < 0 ? ERR_INVALID : vault_set(v, name, (struct str){line, (size_t)n});

	secret_wipe(line, sizeof(line));
	if (n < 0)
		cli_say("nothing was read for %s", name);
	else if (err)
		cli_say("%s was not kept: %s", name, err_text(err));
	else
		printf("%s is kept; use it in mynah.yaml as {secret: %s}\n", name, name);
	return err ? CLI_CANNOT : CLI_OK;
}

static int list(const struct vault *v)
{
	for (size_t i = 0; i < vault_count(v); i++)
		puts(vault_name(v, i));
	return CLI_OK;
}

static int remove_name(struct vault *v, const char *name)
{
	const int err = vault_remove(v, name);

	if (err)
		cli_say("%s was not removed: %s", name, err_text(err));
	return err ? CLI_FINDINGS : CLI_OK;
}

/* The folder of the vault: the state folder of the config, or --state. */
static struct vault *open_vault(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf_report r;
	struct conf *conf = NULL;
	struct vault *v = NULL;
	const char *dir = s.state_dir;
	int err = 0;

	conf_report_init(&r);
	if (!dir) {
		err = conf_load(s.config, &r, &conf);
		if (err)
			cli_complain(&r);
		else
			dir = conf->state_dir;
	}
	if (!err)
		err = file_make_dir(dir);
	if (!err)
		err = vault_open(dir, &v);
	if (err && dir)
		cli_say("the secrets in %s cannot be opened%s", dir,
			err == ERR_DENIED || err == ERR_PARSE
				? ": wrong key, or the files are readable by others (they must "
				  "have mode 0600) or were changed"
				: "");
	conf_free(conf);
	conf_report_fini(&r);
	return v;
}

int cli_secret(const struct cli *c)
{
	const char *what = c->argc > 0 ? c->argv[0] : "";
	const bool is_named = strcmp(what, "set") == 0 || strcmp(what, "remove") == 0;
	struct vault *v;
	int code;

	if (!(is_named && c->argc == 2) && !(strcmp(what, "list") == 0 && c->argc == 1))
		return cli_usage(c);
	v = open_vault(c);
	if (!v)
		return CLI_CANNOT;
	if (!is_named)
		code = list(v);
	else
		code = what[0] == 's' ? set(v, c->argv[1]) : remove_name(v, c->argv[1]);
	vault_close(v);
	return code;
}
