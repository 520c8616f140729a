/* Ollama's Modelfile (github.com/ollama/ollama, docs/modelfile.md, 2026-08).
 *
 * Lines of an instruction and its value, in any case and order; long values stand in """. Which
 * model answers, and how it is asked, is for mynah.yaml to say: of that only a comment comes over.
 */
#include "convert/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INSTRUCTIONS "from parameter template system adapter license message requires"
#define NUMBER_BYTES 32

struct instruction {
	struct str word; /* empty for comments and empty lines */
	struct str value;
	struct str whole; /* with its line end */
};

/* Takes the value off the front of rest: in three quotes over several lines, else to the end of the
 * line. */
static struct str take_value(struct str *rest)
{
	struct str line = *rest;

	if (line.len >= 3 && memcmp(line.at, "\"\"\"", 3) == 0) {
		struct str inside = {line.at + 3, line.len - 3};
		const char *end = memmem(inside.at, inside.len, "\"\"\"", 3);
		const size_t n = end ? (size_t)(end - inside.at) : inside.len;

		*rest = (struct str){inside.at + n, inside.len - n};
		(void)str_split(rest, '\n');
		return (struct str){inside.at, n};
	}
	line = str_trim(str_split(rest, '\n'));
	if (line.len >= 2 && line.at[0] == '"' && line.at[line.len - 1] == '"')
		line = (struct str){line.at + 1, line.len - 2};
	return line;
}

static void skip_blanks(struct str *rest)
{
	while (rest->len > 0 && (rest->at[0] == ' ' || rest->at[0] == '\t'))
		*rest = (struct str){rest->at + 1, rest->len - 1};
}

/* Takes an instruction, a comment or an empty line off rest. False at the end. */
static bool next_instruction(struct str *rest, struct instruction *i)
{
	const struct str start = *rest;
	size_t n = 0;

	if (rest->len == 0)
		return false;
	skip_blanks(rest);
	while (n < rest->len && ascii_is_letter(rest->at[n]))
		n++;
	i->word = (struct str){rest->at, n};
	if (n == 0) {
		(void)str_split(rest, '\n');
		i->value = (struct str){"", 0};
	} else {
		*rest = (struct str){rest->at + n, rest->len - n};
		skip_blanks(rest);
		i->value = take_value(rest);
	}
	i->whole = (struct str){start.at, start.len - rest->len};
	return true;
}

/* All of it instructions, FROM among them: else it is somebody's prose. */
bool convert_modelfile_is(struct str text)
{
	struct instruction i;
	bool has_from = false;

	while (next_instruction(&text, &i)) {
		struct str line = str_trim(i.whole);

		if (i.word.len == 0 ? line.len > 0 && line.at[0] != '#'
				    : !str_is_among(i.word, INSTRUCTIONS))
			return false;
		has_from = has_from || (str_is_nocase(i.word, "from") && i.value.len > 0);
	}
	return has_from;
}

/* The first word of a value; the rest stays. */
static struct str first_word(struct str *value)
{
	struct str word = str_split(value, ' ');

	*value = str_trim(*value);
	return word;
}

static double number_of(struct str s)
{
	char text[NUMBER_BYTES];
	char *end;
	double n;

	if (s.len == 0 || s.len >= sizeof(text))
		return NAN;
	memcpy(text, s.at, s.len);
	text[s.len] = '\0';
	n = strtod(text, &end);
	return *end == '\0' && isfinite(n) ? n : NAN;
}

static bool read_parameter(struct convert_card *c, struct str value)
{
	const struct str name = first_word(&value);
	const double n = number_of(value);

	if (str_is_nocase(name, "temperature"))
		c->temperature = n;
	else if (str_is_nocase(name, "num_predict"))
		c->max_tokens = n >= 1 && n <= INT32_MAX ? (int64_t)n : 0;
	else
		return false;
	return true;
}

int convert_modelfile_read(struct convert_card *c)
{
	struct str rest = buf_str(&c->text), system = {NULL, 0}, said = {NULL, 0};
	struct instruction i;
	size_t parameters = 0;
	int err = 0;

	c->format = CONVERT_MODELFILE;
	while (err == 0 && next_instruction(&rest, &i)) {
		if (str_is_nocase(i.word, "system")) {
			system = i.value; /* the last one counts */
		} else if (str_is_nocase(i.word, "parameter")) {
			parameters += !read_parameter(c, i.value);
		} else if (str_is_nocase(i.word, "message")) {
			const struct str role = first_word(&i.value);

			if (str_is_nocase(role, "user"))
				said = i.value;
			else if (str_is_nocase(role, "assistant") && said.len > 0) {
				err = convert_add_example(c, said, i.value);
				said.len = 0;
			}
		} else if (str_is_nocase(i.word, "from")) {
			convert_note(c, "its model: providers in mynah.yaml name theirs");
		} else if (str_is_nocase(i.word, "template") || str_is_nocase(i.word, "adapter")) {
			convert_note(c, "its %s: that belongs to the model",
				str_is_nocase(i.word, "template") ? "template" : "adapter");
		}
	}
	if (parameters > 0)
		convert_note(c, "parameters of the model: %zu", parameters);
	return err < 0 ? err : convert_add_part(c, NULL, system);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int add_system(const struct convert_card *p, struct buf *out)
{
	const size_t start = out->len;
	int err = buf_adds(out, "SYSTEM \"\"\"");
	const size_t text = out->len;

	if (err == 0)
		err = convert_fill(buf_str(&p->system), p->name, "the user", out);
	/* Nothing in it may end it. */
	for (size_t i = text; err == 0 && i < out->len; i++) {
		if (out->at[i] == '"' &&
			(i + 1 == out->len || (i + 1 < out->len && out->at[i + 1] == '"')))
			out->at[i] = '\'';
	}
	if (err == 0)
		err = buf_adds(out, "\"\"\"\n");
	if (err < 0)
		buf_truncate(out, start);
	return err;
}

static int add_messages(const struct convert_card *p, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < p->example_count && err == 0; i++) {
		err = buf_adds(out, "MESSAGE user ");
		if (err == 0)
			err = convert_fill(str_of(p->examples[i].user), p->name, "the user", out);
		if (err == 0)
			err = buf_adds(out, "\nMESSAGE assistant ");
		if (err == 0)
			err = convert_fill(str_of(p->examples[i].reply), p->name, "the user", out);
		if (err == 0)
			err = buf_addc(out, '\n');
	}
	return err;
}

/* The kept instructions but for those that the persona replaces. */
static int copy_kept(const struct convert_job *job, struct buf *out)
{
	struct str rest = buf_str(&job->kept->text);
	struct instruction i;
	int err = 0;

	while (err == 0 && next_instruction(&rest, &i)) {
		struct str role = i.value;

		if (str_is_nocase(i.word, "system") && (job->edited & CONVERT_EDITED_SYSTEM))
			continue;
		if (str_is_nocase(i.word, "message") && (job->edited & CONVERT_EDITED_EXAMPLES) &&
			!str_is_nocase(first_word(&role), "system"))
			continue;
		err = buf_add_str(out, i.whole);
	}
	if (err == 0 && out->len > 0 && out->at[out->len - 1] != '\n')
		err = buf_addc(out, '\n');
	return err;
}

int convert_modelfile_write(const struct convert_job *job, struct buf *out)
{
	const struct convert_card *p = job->persona;
	int err;

	if (job->kept) {
		err = copy_kept(job, out);
	} else {
		err = buf_adds(out,
			"# FROM names the model: put the one here that you use.\nFROM llama3.2\n");
		if (err == 0 && isfinite(p->temperature))
			err = buf_addf(out, "PARAMETER temperature %g\n", p->temperature);
		if (err == 0 && p->max_tokens > 0)
			err = buf_addf(
				out, "PARAMETER num_predict %lld\n", (long long)p->max_tokens);
	}
	if (err == 0 && (job->edited & CONVERT_EDITED_SYSTEM))
		err = add_system(p, out);
	if (err == 0 && (job->edited & CONVERT_EDITED_EXAMPLES))
		err = add_messages(p, out);
	return err;
}
