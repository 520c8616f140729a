/* golden: are the cases still true? Speaks TAP, one line a case, and says what differs. */
#include "cli/cli.h"
#include "golden/golden.h"

#include <stdio.h>

#define SEED 1
#define DIFFERENCE_BYTES (1024 * 1024)

/* ---- Looking --------------------------------------------------------------------------------- */

/* Every line behind "# ". */
static void print_note(struct str text)
{
	while (text.len > 0) {
		const struct str line = str_split(&text, '\n');

		printf("#   %.*s\n", STR_FMT(line));
	}
}

static int write_case(const struct golden_case *k, const char *prompt)
{
	struct buf out;
	int err;

	buf_init(&out, CONF_FILE_BYTES);
	err = golden_rewrite(k, prompt, &out);
	if (!err)
		err = file_replace(conf_file_path(k->file), buf_str(&out), 0644);
	if (err)
		cli_say("%s cannot be written: %s", conf_file_path(k->file), err_text(err));
	buf_fini(&out);
	return err;
}

/* Prints a case's line; false when it is not true any more. */
static bool look(const struct cli *c, struct golden_stage *g, const struct golden_case *k, size_t i)
{
	char *fresh = NULL;
	struct buf out;
	int err;

	buf_init(&out, DIFFERENCE_BYTES);
	err = golden_check(g, k, &out, c->is_write ? &fresh : NULL);
	if (err)
		cli_say("%s cannot be played: %s", k->name, err_text(err));
	if (!err && fresh && write_case(k, fresh))
		err = ERR_IO;
	const bool is_same = !err && out.len == 0;

	printf("%s %zu - %s%s%s\n", is_same ? "ok" : "not ok", i + 1, k->name,
		k->about ? ": " : "", k->about ? k->about : "");
	if (out.len > 0) {
		printf("#   %s%s\n", conf_file_path(k->file), fresh && !err ? ": rewritten" : "");
		print_note(buf_str(&out));
	}
	mem_free(fresh);
	buf_fini(&out);
	return is_same;
}

static int look_all(const struct cli *c, const struct bot_source *s, struct bot_world *w,
	const struct golden_set *set)
{
	struct golden_stage *g = NULL;
	size_t differ = 0;

	if (golden_stage_new(s, w, SEED, &g))
		return CLI_SYSTEM;
	printf("1..%zu\n", set->n);
	for (size_t i = 0; i < set->n; i++)
		differ += !look(c, g, set->at[i], i);
	printf("# %zu cases, %zu differ\n", set->n, differ);
	golden_stage_free(g);
	return differ > 0 ? CLI_FINDINGS : CLI_OK;
}

int cli_golden(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf_report report;
	struct golden_set set = {0};
	struct bot_world *w = NULL;
	int code = CLI_CONFIG;

	if (log_open("/dev/null", LOG_ERROR))
		return CLI_SYSTEM;
	conf_report_init(&report);
	if (bot_world_load(&s, &report, &w))
		cli_complain(&report);
	else if (cli_golden_set(c, c->argv, c->argc, &set))
		code = CLI_CANNOT;
	else
		code = look_all(c, &s, w, &set);
	golden_set_fini(&set);
	bot_world_unref(w);
	conf_report_fini(&report);
	log_close();
	return code;
}
