/* The literal filter: one pass over a message tells which patterns can match at all.
 *
 * An Aho-Corasick automaton with every transition filled in, over classes of bytes (bytes that no
 * literal holds are one class). It goes by ASCII letters without case. Two other characters equal
 * an ASCII letter when case is ignored: U+212A (Kelvin) is a k, U+017F (long s) an s; they are read
 * as those. tests/unit/trigger_filter_test.c asks PCRE2 whether there are more. */
#include "pattern/pattern.h"

#include <string.h>

/* The table; literals that would make it larger leave their set to be tried always. */
#define FILTER_TABLE_BYTES (64 * 1024 * 1024)
#define HIT                                                                                  \
	UINT32_C(0x80000000) /* on a transition: where it leads there is something to report \
			      */
#define NO_REPORT UINT32_MAX

struct report {
	uint32_t set;
	uint32_t next; /* in the list of its state */
};

struct pattern_filter {
	unsigned char class_of[256];
	uint32_t classes;
	uint32_t states;
	uint32_t states_cap;
	uint32_t *table;   /* states x classes: once built, the row that follows (state x classes),
			      HIT */
	uint32_t *reports; /* a state's first report */
	uint32_t *suffix;  /* the longest proper suffix of a state that reports; 0 = none */
	struct report *report;
	uint32_t report_count, report_cap;
	uint64_t *held;
};

static void find_classes(struct pattern_filter *f, const struct pattern_literals *const *sets,
	size_t n)
{
	bool is_used[256] = {false};

	for (size_t i = 0; i < n; i++) {
		const struct pattern_literals *l = sets[i];

		for (size_t k = 0; k < l->n; k++)
			for (unsigned b = 0; b < l->at[k].len; b++)
				is_used[(unsigned char)l->at[k].at[b]] = true;
	}
	f->classes = 1;
	for (int b = 0; b < 256; b++) {
		if (is_used[b])
			f->class_of[b] = (unsigned char)f->classes++;
	}
	for (int b = 'A'; b <= 'Z'; b++)
		f->class_of[b] = f->class_of[b - 'A' + 'a'];
}

/* Doubles the room for states. */
static int more_states(struct pattern_filter *f)
{
	uint32_t cap = f->states_cap ? 2 * f->states_cap : 64;
	uint32_t *table = mem_resize(f->table, (size_t)cap * f->classes * sizeof(*table));

	if (!table)
		return ERR_NOMEM;
	f->table = table;
	uint32_t *reports = mem_resize(f->reports, cap * sizeof(*reports));
	if (!reports)
		return ERR_NOMEM;
	f->reports = reports;
	f->states_cap = cap;
	return 0;
}

static int add_state(struct pattern_filter *f, uint32_t *out)
{
	size_t row_bytes = f->classes * sizeof(*f->table);

	if ((f->states + 1) * row_bytes > FILTER_TABLE_BYTES)
		return ERR_LIMIT;
	if (f->states == f->states_cap && more_states(f) < 0)
		return ERR_NOMEM;
	memset(f->table + (size_t)f->states * f->classes, 0, row_bytes);
	f->reports[f->states] = NO_REPORT;
	*out = f->states++;
	return 0;
}

static int add_report(struct pattern_filter *f, uint32_t state, size_t set)
{
	if (f->report_count == f->report_cap) {
		uint32_t cap = f->report_cap ? 2 * f->report_cap : 64;
		struct report *more = mem_resize(f->report, cap * sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		f->report = more;
		f->report_cap = cap;
	}
	f->report[f->report_count] = (struct report){(uint32_t)set, f->reports[state]};
	f->reports[state] = f->report_count++;
	return 0;
}

/* Adds one literal to the trie. */
static int add_literal(struct pattern_filter *f, const struct pattern_literal *l, size_t set)
{
	uint32_t state = 0;

	for (unsigned b = 0; b < l->len; b++) {
		size_t at = (size_t)state * f->classes + f->class_of[(unsigned char)l->at[b]];

		if (f->table[at] == 0) {
			uint32_t made;
			int err = add_state(f, &made);

			if (err < 0)
				return err;
			f->table[at] = made;
		}
		state = f->table[at];
	}
	return add_report(f, state, set);
}

static int add_sets(struct pattern_filter *f, const struct pattern_literals *const *sets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct pattern_literals *l = sets[i];
		int err = 0;

		for (size_t k = 0; k < l->n && err == 0; k++)
			err = add_literal(f, &l->at[k], i);
		if (err == ERR_NOMEM)
			return err;
		if (l->n > 0 && err == 0)
			f->held[i / PATTERN_BITS] |= UINT64_C(1) << (i % PATTERN_BITS);
	}
	return 0;
}

/* Fills in the transitions that the trie lacks, in order of depth, and marks those that report. */
static int fill_in(struct pattern_filter *f)
{
	uint32_t *queue = mem_array(f->states, sizeof(*queue));
	uint32_t *fail = mem_array(f->states, sizeof(*fail));
	uint32_t head = 0, tail = 0;
	int err = ERR_NOMEM;

	f->suffix = mem_array(f->states, sizeof(*f->suffix));
	if (!queue || !fail || !f->suffix)
		goto out;
	queue[tail++] = 0;
	while (head < tail) {
		uint32_t state = queue[head++], back = fail[state];
		uint32_t *row = f->table + (size_t)state * f->classes;
		const uint32_t *back_row = f->table + (size_t)back * f->classes;

		f->suffix[state] = f->reports[back] != NO_REPORT ? back : f->suffix[back];
		for (uint32_t c = 1; c < f->classes; c++) {
			if (row[c] == 0) {
				row[c] = state == 0 ? 0 : back_row[c];
			} else {
				fail[row[c]] = state == 0 ? 0 : back_row[c];
				queue[tail++] = row[c];
			}
		}
	}
	for (size_t i = 0; i < (size_t)f->states * f->classes; i++) {
		uint32_t to = f->table[i];
		bool is_hit = f->reports[to] != NO_REPORT || f->suffix[to] != 0;

		f->table[i] = to * f->classes | (is_hit ? HIT : 0);
	}
	err = 0;
out:
	mem_free(queue);
	mem_free(fail);
	return err;
}

int pattern_filter_new(const struct pattern_literals *const *sets, size_t n,
	struct pattern_filter **out)
{
	struct pattern_filter *f = mem_new(sizeof(*f));
	uint32_t root;
	int err = ERR_NOMEM;

	if (!f)
		return ERR_NOMEM;
	f->held = mem_array(PATTERN_BIT_WORDS(n) + 1, sizeof(*f->held));
	if (!f->held)
		goto out;
	find_classes(f, sets, n);
	err = add_state(f, &root);
	if (err == 0)
		err = add_sets(f, sets, n);
	if (err == 0)
		err = fill_in(f);
out:
	if (err < 0)
		pattern_filter_free(f);
	else
		*out = f;
	return err;
}

void pattern_filter_free(struct pattern_filter *f)
{
	if (!f)
		return;
	mem_free(f->table);
	mem_free(f->reports);
	mem_free(f->suffix);
	mem_free(f->report);
	mem_free(f->held);
	mem_free(f);
}

bool pattern_filter_holds(const struct pattern_filter *f, size_t i)
{
	return f->held[i / PATTERN_BITS] >> (i % PATTERN_BITS) & 1;
}

static void report(const struct pattern_filter *f, uint32_t state, uint64_t *bits)
{
	for (; state != 0; state = f->suffix[state]) {
		for (uint32_t i = f->reports[state]; i != NO_REPORT; i = f->report[i].next)
			bits[f->report[i].set / PATTERN_BITS] |=
				UINT64_C(1) << (f->report[i].set % PATTERN_BITS);
	}
}

static void scan(const struct pattern_filter *f, const char *at, size_t len, uint64_t *bits)
{
	const uint32_t *table = f->table;
	uint32_t row = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t next = table[row + f->class_of[(unsigned char)at[i]]];

		row = next & ~HIT;
		if (next & HIT)
			report(f, row / f->classes, bits);
	}
}

/* Copies text with the Kelvin sign as k and the long s as s; both grow shorter. */
static size_t plain_letters(struct str text, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.len - i >= 3 && memcmp(text.at + i, "\xe2\x84\xaa", 3) == 0) {
			out[n++] = 'k';
			i += 2;
		} else if (text.len - i >= 2 && memcmp(text.at + i, "\xc5\xbf", 2) == 0) {
			out[n++] = 's';
			i += 1;
		} else {
			out[n++] = text.at[i];
		}
	}
	return n;
}

void pattern_filter_scan(const struct pattern_filter *f, struct str text, uint64_t *bits)
{
	char plain[PATTERN_SUBJECT_BYTES];

	if (f->states == 1 || text.len == 0 || text.len > sizeof(plain))
		return;
	if (!memchr(text.at, 0xc5, text.len) && !memchr(text.at, 0xe2, text.len))
		scan(f, text.at, text.len, bits);
	else
		scan(f, plain, plain_letters(text, plain), bits);
}
