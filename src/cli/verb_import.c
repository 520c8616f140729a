/* import: the commands of another bot as a file of triggers. */
#include "cli/cli.h"

#include "convert/convert.h"

static int convert(enum convert_source source, const char *path, struct buf *out)
{
	struct convert_tally tally;
	const char *why;
	struct buf json;
	int code, err;

	buf_init(&json, CONVERT_COMMANDS_BYTES);
	code = cli_read(path, &json);
	if (code == CLI_OK) {
		err = convert_commands(source, buf_str(&json), out, &tally, &why);
		if (err) {
			cli_say("%s cannot be imported: %s", path, why);
			code = err == ERR_NOMEM ? CLI_CANNOT : CLI_FINDINGS;
		} else {
			cli_say("%zu carried over, %zu partly, %zu not; "
				"comments in the file say why",
				tally.whole, tally.part, tally.none);
		}
	}
	buf_fini(&json);
	return code;
}

int cli_import(const struct cli *c)
{
	enum convert_source source;
	struct buf out;
	int code;

	if (c->argc != 2 || convert_source_parse(str_of(c->argv[0]), &source))
		return cli_usage(c);
	if (c->output && !cli_may_write(c, c->output))
		return CLI_CANNOT;
	buf_init(&out, CONF_FILE_BYTES);
	code = convert(source, c->argv[1], &out);
	if (code == CLI_OK)
		code = cli_write(c, c->output ? c->output : "-", buf_str(&out));
	buf_fini(&out);
	return code;
}
