/* persona: cards of other programs become personas, and personas cards.
 *
 * Beside the persona ID.yaml lies ID.card: the card as it came, so that an export gives back what
 * mynah has no use for. */
#include "cli/cli.h"

#include "convert/convert.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_BYTES   64
#define ID_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_-"

/* ---- Where personas are ---------------------------------------------------------------------- */

/* personas/ID.yaml, or what the command line says. GIVES; NULL after a sentence. */
static char *path_of(const struct cli *c, const char *id)
{
	const struct bot_source source = cli_source(c);
	struct conf_report r;
	struct conf *conf = NULL;
	char name[ID_BYTES + sizeof(".yaml")];
	char *path = NULL;

	conf_report_init(&r);
	/* A config that does not load is no hindrance when it is not needed. */
	if (!source.personas_dir && conf_load(source.config, &r, &conf))
		cli_complain(&r);
	snprintf(name, sizeof(name), "%.*s.yaml", ID_BYTES, id);
	if (source.personas_dir || conf)
		path = file_join(
			source.personas_dir ? source.personas_dir : conf->personas_dir, name);
	conf_free(conf);
	conf_report_fini(&r);
	return path;
}

/* The kept card's path: .card in place of .yaml. GIVES. */
static char *card_path(const char *path)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	const size_t n = dot && (!slash || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
	char *kept = mem_new(n + sizeof(".card"));

	if (kept) {
		memcpy(kept, path, n);
		memcpy(kept + n, ".card", sizeof(".card"));
	}
	return kept;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_id(const char *s)
{
	const size_t n = strlen(s);

	return n > 0 && n <= ID_BYTES && strspn(s, ID_LETTERS) == n;
}

/* "Miss Wren!" is miss-wren; false when nothing of it can be a file's name. */
static bool make_id(const char *name, char id[ID_BYTES + 1])
{
	size_t n = 0;

	for (; *name && n < ID_BYTES; name++) {
		const char letter = ascii_lower(*name);

		if (strchr(ID_LETTERS, letter))
			id[n++] = letter;
		else if (n > 0 && id[n - 1] != '-')
			id[n++] = '-';
	}
	while (n > 0 && id[n - 1] == '-')
		n--;
	id[n] = '\0';
	return n > 0;
}

/* ---- Import ---------------------------------------------------------------------------------- */

/* What the persona's file is called: as the command line says, else after the card's name, else
 * after the file it came in. GIVES; NULL after a sentence. */
static char *choose_path(const struct cli *c, const struct convert_card *card)
{
	const char *own = convert_card_name(card);
	char id[ID_BYTES + 1], file[ID_BYTES + 1];

	if (c->output)
		return mem_dup(c->output);
	if (c->name && !is_id(c->name)) {
		cli_say("--name takes a-z 0-9 _ -, at most %d of them", ID_BYTES);
		return NULL;
	}
	if (c->name)
		return path_of(c, c->name);
	snprintf(file, sizeof(file), "%s", base_name(c->argv[1]));
	file[strcspn(file, ".")] = '\0';
	if (!(own && make_id(own, id)) && !make_id(file, id)) {
		cli_say("the card has no name that a file could have; say one with --name");
		return NULL;
	}
	return path_of(c, id);
}

static int write_both(const struct cli *c, const struct convert_card *card, const char *path)
{
	char *kept = card_path(path);
	struct buf persona, original;
	int err = kept ? 0 : ERR_NOMEM, code = CLI_CANNOT;

	buf_init(&persona, CONF_FILE_BYTES);
	buf_init(&original, 2 * CONVERT_CARD_BYTES);
	if (!err)
		err = convert_card_persona(card, base_name(kept), &persona);
	if (!err)
		err = convert_card_keep(card, &original);
	if (err) {
		cli_say("the card cannot become a persona: %s", err_text(err));
		code = err == ERR_NOMEM ? CLI_CANNOT : CLI_FINDINGS;
	} else if (cli_may_write(c, path) && cli_may_write(c, kept)) {
		code = cli_write(c, path, buf_str(&persona));
		if (code == CLI_OK && strcmp(path, "-") != 0)
			code = cli_write(c, kept, buf_str(&original));
	}
	buf_fini(&persona);
	buf_fini(&original);
	mem_free(kept);
	return code;
}

static void print_notes(const struct convert_card *card, const char *path)
{
	struct str notes = convert_card_notes(card);

	cli_say("%s: from %s%s", path, convert_format_name(convert_card_format(card)),
		notes.len > 0 ? "; not carried over:" : "");
	while (notes.len > 0) {
		struct str note = str_split(&notes, '\n');

		cli_say("- %.*s", STR_FMT(note));
	}
}

static int import(const struct cli *c)
{
	struct convert_card *card = NULL;
	const char *why;
	struct buf bytes;
	char *path = NULL;
	int code;

	buf_init(&bytes, CONVERT_PICTURE_BYTES);
	code = cli_read(c->argv[1], &bytes);
	if (code == CLI_OK && convert_card_read(buf_str(&bytes), &card, &why)) {
		cli_say("%s cannot be imported: %s", c->argv[1], why);
		code = CLI_FINDINGS;
	}
	if (code == CLI_OK) {
		path = choose_path(c, card);
		code = path ? write_both(c, card, path) : CLI_CANNOT;
	}
	if (code == CLI_OK)
		print_notes(card, path);
	mem_free(path);
	convert_card_free(card);
	buf_fini(&bytes);
	return code;
}

/* ---- Export ---------------------------------------------------------------------------------- */

/* The kept card beside a persona, if there is one that can be read. GIVES. */
static struct convert_card *read_kept(const char *path)
{
	char *kept = card_path(path);
	struct convert_card *card = NULL;
	const char *why;
	struct buf bytes;

	buf_init(&bytes, 2 * CONVERT_CARD_BYTES);
	if (kept && access(kept, F_OK) == 0 && cli_read(kept, &bytes) == CLI_OK &&
		convert_card_read(buf_str(&bytes), &card, &why))
		cli_say("%s is no card any more (%s): only the persona is exported", kept, why);
	buf_fini(&bytes);
	mem_free(kept);
	return card;
}

/* GIVES *out. CLI_OK, or a code after complaints. */
static int read_persona(const char *path, struct convert_card **out)
{
	struct conf_report r;
	struct conf_file *f = NULL;
	struct persona *p = NULL;
	int err;

	conf_report_init(&r);
	err = conf_file_load(path, &r, &f);
	if (!err)
		err = persona_read(f, NULL, 0, &r, &p);
	if (!err)
		err = convert_card_of(f, p, out);
	cli_complain(&r);
	persona_free(p);
	conf_file_free(f);
	conf_report_fini(&r);
	return !err ? CLI_OK : err == ERR_NOTFOUND || err == ERR_NOMEM ? CLI_CANNOT : CLI_FINDINGS;
}

/* Puts the card in out into a picture, in place. */
static int into_picture(const char *path, enum convert_format f, struct buf *out)
{
	struct buf picture, carrier;
	int err, code;

	buf_init(&picture, CONVERT_PICTURE_BYTES);
	buf_init(&carrier, 2 * CONVERT_PICTURE_BYTES);
	code = cli_read(path, &picture);
	if (code == CLI_OK) {
		err = convert_picture(buf_str(&picture), buf_str(out), f, &carrier);
		if (err) {
			cli_say("%s cannot carry the card: %s", path,
				err == ERR_PARSE     ? "it is no sound PNG"
				: err == ERR_INVALID ? "only Tavern cards travel in pictures"
						     : err_text(err));
			code = CLI_FINDINGS;
		}
	}
	buf_fini(out);
	*out = carrier;
	buf_fini(&picture);
	return code;
}

static int export_as(const struct cli *c, const char *path, enum convert_format f)
{
	struct convert_card *persona = NULL, *kept = NULL;
	struct buf out;
	int err, code;

	buf_init(&out, 4 * CONVERT_CARD_BYTES);
	code = read_persona(path, &persona);
	if (code == CLI_OK) {
		kept = read_kept(path);
		err = convert_card_write(persona, kept, f, &out);
		if (err) {
			cli_say("%s cannot be exported: %s", path, err_text(err));
			code = CLI_CANNOT;
		}
	}
	if (code == CLI_OK && c->picture)
		code = into_picture(c->picture, f, &out);
	if (code == CLI_OK)
		code = cli_write(c, c->output ? c->output : "-", buf_str(&out));
	convert_card_free(persona);
	convert_card_free(kept);
	buf_fini(&out);
	return code;
}

static int export(const struct cli *c)
{
	enum convert_format f;
	char *path;
	int code = CLI_CANNOT;

	if (!c->format || convert_format_parse(str_of(c->format), &f)) {
		cli_say("--format is tavern-v1, tavern-v2, tavern-v3, eliza, modelfile or text");
		return CLI_CANNOT;
	}
	if (!is_id(c->argv[1])) {
		cli_say("there is no persona \"%s\"", c->argv[1]);
		return CLI_CANNOT;
	}
	path = path_of(c, c->argv[1]);
	if (path)
		code = export_as(c, path, f);
	mem_free(path);
	return code;
}

int cli_persona(const struct cli *c)
{
	if (c->argc == 2 && strcmp(c->argv[0], "import") == 0)
		return import(c);
	if (c->argc == 2 && strcmp(c->argv[0], "export") == 0)
		return export(c);
	return cli_usage(c);
}
