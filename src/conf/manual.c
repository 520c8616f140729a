#include "conf/room.h"

#include <string.h>

/* The reference of all options, out of the tables that the parser uses. */

#define FACTS_BYTES  4096 /* a help sentence and its numbers: some 300 */
#define TEXT_COLUMNS 78

static const char *kind_of(const struct conf_option *o)
{
	switch (o->type) {
	case CONF_TEXT: return "text";
	case CONF_PATH: return "path";
	case CONF_BOOL: return "true|false";
	case CONF_INT:
	case CONF_NUMBER: return "number";
	case CONF_DURATION: return "duration";
	case CONF_BYTES: return "size";
	case CONF_PERCENT: return "percentage";
	case CONF_MONEY: return "dollars";
	case CONF_CHOICE: return NULL; /* its words */
	case CONF_TEXTS: return "list";
	case CONF_SECRET: return "secret";
	case CONF_NODE: return "map";
	}
	return "";
}

static int add_kind(const struct conf_option *o, struct buf *out)
{
	const char *kind = kind_of(o);
	int err = 0;

	if (kind)
		return buf_adds(out, kind);
	for (size_t i = 0; !err && o->choices[i]; i++)
		err = buf_addf(out, "%s%s", i ? "|" : "", o->choices[i]);
	return err;
}

/* "Default 30s, within 1s..10m." and what a change needs. */
static int add_facts(const struct conf_option *o, struct buf *out)
{
	static const char *const reloads[] = {
		"",
		"A change reconnects.",
		"A change needs a restart.",
	};
	char low[CONF_VALUE_TEXT], high[CONF_VALUE_TEXT];
	bool has_range = o->min != 0 || o->max != 0;
	int err = 0;

	if (o->fallback)
		err = buf_addf(out, "Default: %s%s", o->fallback, has_range ? "" : ".");
	if (!err && has_range)
		err = buf_addf(out, "%s %s..%s.", o->fallback ? ", within" : "Within",
			conf_value_text(o->type, o->min, low),
			conf_value_text(o->type, o->max, high));
	if (!err && o->reload != CONF_LIVE && out->len > 0)
		err = buf_addc(out, ' ');
	return err ? err : buf_adds(out, reloads[o->reload]);
}

/* One paragraph, broken before TEXT_COLUMNS, each line indented. */
static int add_wrapped(const char *text, struct buf *out)
{
	struct str rest = str_of(text);
	size_t column = 0;
	int err = 0;

	while (!err && rest.len > 0) {
		struct str word = str_split(&rest, ' ');

		if (word.len == 0)
			continue;
		if (column == 0 || column + 1 + word.len > TEXT_COLUMNS) {
			err = buf_addf(out, "%s        %.*s", column ? "\n" : "", STR_FMT(word));
			column = 8 + word.len;
		} else {
			err = buf_addf(out, " %.*s", STR_FMT(word));
			column += 1 + word.len;
		}
	}
	return err ? err : buf_addc(out, '\n');
}

static int write_text_option(const struct conf_option *o, struct buf *out)
{
	struct buf facts, all;
	int err = buf_addf(out, "    %s: ", o->name);

	buf_init(&facts, FACTS_BYTES);
	buf_init(&all, FACTS_BYTES);
	if (!err)
		err = add_kind(o, out);
	if (!err)
		err = buf_addc(out, '\n');
	if (!err)
		err = add_facts(o, &facts);
	if (!err)
		err = buf_addf(&all, "%s %s", o->help, buf_text(&facts));
	if (!err)
		err = add_wrapped(buf_text(&all), out);
	buf_fini(&facts);
	buf_fini(&all);
	return err;
}

/* A text in an mdoc line: backslashes spelled out, nothing at the line's start that roff would take
 * for a request. */
static int add_mdoc(const char *text, struct buf *out)
{
	int err = text[0] == '.' || text[0] == '\'' ? buf_adds(out, "\\&") : 0;

	for (; !err && *text; text++)
		err = *text == '\\' ? buf_adds(out, "\\e") : buf_addc(out, *text);
	return err;
}

/* One sentence a line, as mdoc wants it. */
static int add_mdoc_sentences(const char *text, struct buf *out)
{
	int err = 0;

	while (!err && *text) {
		const char *end = strstr(text, ". ");
		char *sentence = end ? mem_dupn(text, (size_t)(end - text) + 1) : mem_dup(text);

		if (!sentence)
			return ERR_NOMEM;
		err = add_mdoc(sentence, out);
		if (!err)
			err = buf_addc(out, '\n');
		mem_free(sentence);
		text = end ? end + 2 : "";
	}
	return err;
}

static int write_mdoc_option(const struct conf_option *o, struct buf *out)
{
	struct buf facts;
	int err = buf_addf(out, ".It Cm %s : Ar ", o->name);

	buf_init(&facts, FACTS_BYTES);
	if (!err)
		err = add_kind(o, out);
	if (!err)
		err = buf_addc(out, '\n');
	if (!err)
		err = add_mdoc_sentences(o->help, out);
	if (!err)
		err = add_facts(o, &facts);
	if (!err)
		err = add_mdoc_sentences(buf_text(&facts), out);
	buf_fini(&facts);
	return err;
}

static int write_section(bool mdoc, const char *name, const char *help,
	const struct conf_option *options, size_t n, struct buf *out)
{
	int err = 0;

	if (mdoc)
		err = *name ? buf_addf(out, ".Ss %s\n", name)
			    : buf_adds(out, ".Ss Top of the file\n");
	else if (*name)
		err = buf_addf(out, "%s:\n", name);
	if (!err)
		err = mdoc ? add_mdoc_sentences(help, out) : buf_addf(out, "  %s\n", help);
	if (!err && mdoc)
		err = buf_adds(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; !err && i < n; i++)
		err = mdoc ? write_mdoc_option(&options[i], out)
			   : write_text_option(&options[i], out);
	if (!err)
		err = buf_adds(out, mdoc ? ".El\n" : "\n");
	return err;
}

/* What Twitch allows, at the end of the options that keep it. */
static int write_limits(bool mdoc, struct buf *out)
{
	static const struct {
		int number;
		const char *unit, *text;
	} limits[] = {
#define X(name, number, unit, text) {number, unit, text},
		CONF_TWITCH_LIMITS(X)
#undef X
	};
	int err =
		mdoc ? buf_adds(out,
			       ".Ss What Twitch allows\n"
			       "An account, by whichever way and process it is used (Twitch's "
			       "documentation, August 2026; O was only observed).\n.Bl -tag -width "
			       "Ds\n")
		     : buf_adds(out,
			       "What Twitch allows an account (August 2026; O was only "
			       "observed):\n");

	for (size_t i = 0; !err && i < sizeof(limits) / sizeof(limits[0]); i++) {
		err = buf_addf(out, mdoc ? ".It %d %s\n" : "    %d %s\n", limits[i].number,
			limits[i].unit);
		if (!err && *limits[i].text != '\0')
			err = mdoc ? add_mdoc_sentences(limits[i].text, out)
				: add_wrapped(limits[i].text, out);
	}
	return err ? err : buf_adds(out, mdoc ? ".El\n" : "\n");
}

int conf_options_write(bool mdoc, struct buf *out)
{
	const struct conf_option *options;
	const char *name, *help;
	size_t n;
	int err = 0;

	for (size_t i = 0; !err && (name = conf_section(i, &options, &n, &help)); i++)
		err = write_section(mdoc, name, help, options, n, out);
	return err ? err : write_limits(mdoc, out);
}
