/* A card as a persona file of ours. */
#include "convert/room.h"

#include <string.h>

/* What each format is called in a comment. */
static const char *title_of(enum convert_format f)
{
	switch (f) {
	case CONVERT_TAVERN_V1: return "a Tavern card (V1)";
	case CONVERT_TAVERN_V2: return "a Tavern card (V2)";
	case CONVERT_TAVERN_V3: return "a Tavern card (V3)";
	case CONVERT_ELIZA: return "an eliza character";
	case CONVERT_MODELFILE: return "a Modelfile";
	case CONVERT_TEXT: return "a text";
	}
	return "a card";
}

static int add_head(const struct convert_card *c, const char *kept, struct buf *out)
{
	struct str rest = buf_str(&c->notes);
	int err = buf_addf(out,
		"# Imported from %s, which is kept in %s; mynah-personas(5) is the manual.\n",
		title_of(c->format), kept);

	if (err == 0 && rest.len > 0)
		err = buf_adds(out, "# Not carried over:\n");
	while (rest.len > 0 && err == 0) {
		struct str line = str_split(&rest, '\n');

		err = convert_comment(out, "- %.*s", STR_FMT(line));
	}
	return err;
}

static int add_text(const char *key, const char *text, struct buf *out)
{
	int err = text ? buf_addf(out, "%s: ", key) : 0;

	if (err == 0 && text)
		err = convert_quote(str_of(text), out);
	return err == 0 && text ? buf_addc(out, '\n') : err;
}

/* A line "? ..." is refused wherever it stands (conf: flaw.c). */
static bool has_question_line(struct str text)
{
	while (text.len > 0) {
		struct str line = str_split(&text, '\n');
		size_t at = 0;

		while (at < line.len && strchr(" \t-:", line.at[at]))
			at++;
		if (at < line.len && line.at[at] == '?')
			return true;
	}
	return false;
}

static int add_system(struct str text, struct buf *out)
{
	int err;

	if (has_question_line(text)) {
		err = buf_adds(out, "\nsystem: ");
		if (err == 0)
			err = convert_quote(text, out);
		return err < 0 ? err : buf_addc(out, '\n');
	}
	err = buf_adds(out, "\nsystem: |\n");

	while (text.len > 0 && err == 0) {
		struct str line = str_split(&text, '\n');

		err = buf_addf(out, "%s%.*s\n", line.len > 0 ? "  " : "", STR_FMT(line));
	}
	return err;
}

/* How a model is asked is for a person to say: the card's wish is a comment. */
static int add_model(const struct convert_card *c, struct buf *out)
{
	const bool has_temperature = c->temperature >= 0 && c->temperature <= 2;
	const bool has_tokens = c->max_tokens >= 1 && c->max_tokens <= 8192;
	int err = 0;

	if (!has_temperature && !has_tokens)
		return 0;
	err = buf_adds(out, "\n# The card asks for this; without the # it counts.\n# model: {");
	if (err == 0 && has_temperature)
		err = buf_addf(out, "temperature: %g%s", c->temperature, has_tokens ? ", " : "");
	if (err == 0 && has_tokens)
		err = buf_addf(out, "max_tokens: %lld", (long long)c->max_tokens);
	return err < 0 ? err : buf_adds(out, "}\n");
}

static int add_examples(const struct convert_card *c, struct buf *out)
{
	int err = c->example_count > 0 ? buf_adds(out, "\nexamples:\n") : 0;

	for (size_t i = 0; i < c->example_count && err == 0; i++) {
		err = add_text("  - user", c->examples[i].user, out);
		if (err == 0)
			err = add_text("    reply", c->examples[i].reply, out);
	}
	return err;
}

/* Does the file read as it will have to? */
static int check(struct str text)
{
	struct conf_report ignored;
	struct conf_file *f = NULL;
	struct persona *p = NULL;
	int err;

	conf_report_init(&ignored);
	err = conf_file_parse("card.yaml", text, &ignored, &f);
	if (err == 0)
		err = persona_read(f, NULL, 0, &ignored, &p);
	persona_free(p);
	conf_file_free(f);
	conf_report_fini(&ignored);
	return err;
}

int convert_card_persona(const struct convert_card *c, const char *kept, struct buf *out)
{
	int err = add_head(c, kept, out);

	if (err == 0)
		err = add_text("name", c->name, out);
	if (err == 0)
		err = buf_addf(
			out, "version: %s\n", c->version ? c->version : CONVERT_FIRST_VERSION);
	if (err == 0)
		err = add_text("description", c->summary, out);
	if (err == 0)
		err = add_system(buf_str(&c->system), out);
	if (err == 0)
		err = add_model(c, out);
	if (err == 0)
		err = add_examples(c, out);
	return err < 0 ? err : check(buf_str(out));
}
