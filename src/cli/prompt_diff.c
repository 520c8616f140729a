/* prompt diff: two prompt files as people read them, line by line, as diff -u shows it. */
#include "cli/cli.h"

#include <stdio.h>

#define LINES_MAX 2000 /* a template has 4 KiB: more lines are no prompt */
#define AROUND    3    /* lines that stay the same, shown around those that do not */

struct side {
	const char *name;
	struct buf text;
	struct str lines[LINES_MAX];
	size_t n;
};

/* One line of the answer: which of both sides have it. */
struct step {
	size_t a, b; /* lines before it on each side */
	char sign;   /* ' ', '-' or '+' */
};

static int side_init(struct side *s, const struct prompt_file *p)
{
	struct str rest;

	s->name = p->ref;
	buf_init(&s->text, CONF_FILE_BYTES);
	int err = cli_prompt_lines(p, &s->text);
	rest = buf_str(&s->text);
	while (rest.len > 0 && s->n < LINES_MAX)
		s->lines[s->n++] = str_split(&rest, '\n');
	return err ? err : rest.len > 0 ? ERR_LIMIT : 0;
}

/* length[i][j]: of the longest run of lines that both have from the i-th and the j-th on. GIVES;
 * NULL = no memory. */
static unsigned short *measure(const struct side *a, const struct side *b)
{
	const size_t width = b->n + 1;
	unsigned short *length = mem_array((a->n + 1) * width, sizeof(*length));

	for (size_t i = a->n; length && i-- > 0;) {
		for (size_t j = b->n; j-- > 0;) {
			const unsigned short down = length[(i + 1) * width + j],
					     right = length[i * width + j + 1];

			length[i * width + j] = str_eq(a->lines[i], b->lines[j])
				? (unsigned short)(length[(i + 1) * width + j + 1] + 1)
				: down > right ? down : right;
		}
	}
	return length;
}

/* The steps from one side to the other. GIVES; NULL = no memory. */
static struct step *walk(const struct side *a, const struct side *b, size_t *n)
{
	const size_t width = b->n + 1;
	unsigned short *length = measure(a, b);
	struct step *steps = mem_array(a->n + b->n + 1, sizeof(*steps));
	size_t i = 0, j = 0;

	for (*n = 0; length && steps && (i < a->n || j < b->n);) {
		struct step *s = &steps[(*n)++];

		*s = (struct step){i, j, ' '};
		if (i < a->n && j < b->n && str_eq(a->lines[i], b->lines[j]))
			i++, j++;
		else if (j == b->n || (i < a->n &&
				length[(i + 1) * width + j] >= length[i * width + j + 1]))
			s->sign = '-', i++;
		else
			s->sign = '+', j++;
	}
	if (!length) {
		mem_free(steps);
		steps = NULL;
	}
	mem_free(length);
	return steps;
}

/* The end of the hunk that begins with the from-th step: its last change is followed by so many
 * lines that stay that the next one is another hunk's. */
static size_t hunk_end(const struct step *steps, size_t n, size_t from)
{
	size_t end = from, same = 0;

	for (size_t i = from; i < n && same <= 2 * AROUND; i++) {
		same = steps[i].sign == ' ' ? same + 1 : 0;
		if (same == 0)
			end = i + 1;
	}
	return end + AROUND < n ? end + AROUND : n;
}

static void print_hunk(const struct side *a, const struct side *b, const struct step *steps,
	size_t from, size_t to)
{
	size_t in_a = 0, in_b = 0;

	for (size_t i = from; i < to; i++) {
		in_a += steps[i].sign != '+';
		in_b += steps[i].sign != '-';
	}
	printf("@@ -%zu,%zu +%zu,%zu @@\n", steps[from].a + (in_a > 0), in_a,
		steps[from].b + (in_b > 0), in_b);
	for (size_t i = from; i < to; i++) {
		const struct step *s = &steps[i];
		const struct str line = s->sign == '+' ? b->lines[s->b] : a->lines[s->a];

		printf("%c%.*s\n", s->sign, STR_FMT(line));
	}
}

static int print_all(const struct side *a, const struct side *b, const struct step *steps, size_t n)
{
	size_t shown = 0;
	bool differs = false;

	for (size_t i = 0; i < n; i++) {
		if (steps[i].sign == ' ')
			continue;
		if (!differs)
			printf("--- %s\n+++ %s\n", a->name, b->name);
		differs = true;
		const size_t from = i > shown + AROUND ? i - AROUND : shown;
		shown = hunk_end(steps, n, i);
		print_hunk(a, b, steps, from, shown);
		i = shown - 1;
	}
	return differs ? CLI_FINDINGS : CLI_OK;
}

int cli_prompt_diff(const struct prompt_file *a, const struct prompt_file *b)
{
	struct side *sides = mem_array(2, sizeof(*sides));
	struct step *steps = NULL;
	size_t n;
	int code = CLI_CANNOT;

	if (!sides)
		return CLI_SYSTEM;
	if (!side_init(&sides[0], a) && !side_init(&sides[1], b))
		steps = walk(&sides[0], &sides[1], &n);
	if (steps)
		code = print_all(&sides[0], &sides[1], steps, n);
	else
		cli_say("these prompts cannot be compared");
	mem_free(steps);
	buf_fini(&sides[0].text);
	buf_fini(&sides[1].text);
	mem_free(sides);
	return code;
}
