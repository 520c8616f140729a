/* What a chat message costs when it is searched for triggers.
 *
 * trigger_find against a plain loop over pcre2_jit_match with the same patterns in the same run, at
 * 1 to 10,000 triggers, over the lines and patterns of corpus.c.
 *
 * Two figures each: "mixed" is every line, "none" only those on which nothing matches. Both sides
 * stop at the first match, and must agree on which it is. CPU time, median of ROUNDS. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "corpus.h"
#include "trigger/trigger.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINES 200000
#define STRIDE 75011 /* prime to LINES: neighbours in time are not neighbours in memory */
#define ROUNDS 7
#define ROUND_NS 40e6
#define TRIGGERS_MOST 10000

static struct str lines[LINES];

static void make_lines(struct buf *all)
{
	static size_t ends[LINES];

	for (size_t i = 0; i < LINES; i++) {
		corpus_line(all);
		ends[i] = all->len;
	}
	for (size_t i = 0; i < LINES; i++) {
		size_t from = i > 0 ? ends[i - 1] : 0;

		lines[i] = (struct str){all->at + from, ends[i] - from};
	}
	printf("%d lines of %.1f bytes on average\n", LINES, (double)all->len / LINES);
}

static char patterns[TRIGGERS_MOST][CORPUS_PATTERN_BYTES];

/* ---- The two ways ---------------------------------------------------------------------------- */

struct bench {
	struct trigger_set *set;
	struct trigger_state *state;
	pcre2_code **codes;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	size_t n;
};

static long find_filtered(struct bench *b, struct str line)
{
	struct event e = {.kind = EVENT_MESSAGE, .text = line};
	struct trigger_hit hit;

	if (trigger_find(b->set, b->state, &e, 0, 0, &hit) != REASON_NONE)
		return -1;
	return (long)hit.trigger->index;
}

static long find_plain(struct bench *b, struct str line)
{
	for (size_t i = 0; i < b->n; i++) {
		if (pcre2_jit_match(b->codes[i], (PCRE2_SPTR)line.at, line.len, 0, 0, b->data,
				b->limits) >= 0)
			return (long)i;
	}
	return -1;
}

typedef long find_fn(struct bench *b, struct str line);

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static volatile long sink;

/* Nanoseconds a line, over the first n of some line numbers. */
static double measure(struct bench *b, find_fn *find, const uint32_t *which, size_t n)
{
	double rounds[ROUNDS];
	size_t at = 0;

	for (int r = 0; r < ROUNDS; r++) {
		double from = cpu_ns(), spent = 0;
		size_t done = 0;

		while (spent < ROUND_NS) {
			for (int k = 0; k < 16; k++, done++)
				sink = find(b, lines[which[at++ % n]]);
			spent = cpu_ns() - from;
		}
		rounds[r] = spent / (double)done;
	}
	return bench_median(rounds, ROUNDS);
}

static void compile_plain(struct bench *b)
{
	const uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS;
	size_t at;
	int err;

	b->codes = calloc(b->n, sizeof(*b->codes));
	b->data = pcre2_match_data_create(10, NULL);
	b->limits = pcre2_match_context_create(NULL);
	if (!b->codes || !b->data || !b->limits)
		bench_die("out of memory");
	pcre2_set_match_limit(b->limits, PATTERN_STEPS);
	for (size_t i = 0; i < b->n; i++) {
		b->codes[i] = pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED, flags,
			&err,
			&at, NULL);
		if (!b->codes[i] || pcre2_jit_compile(b->codes[i], PCRE2_JIT_COMPLETE) != 0)
			bench_die("a pattern does not compile");
	}
}

static void bench_at(size_t n)
{
	static uint32_t all[LINES], none[LINES];
	struct bench b = {.n = n};
	size_t none_count = 0, hits = 0;
	double from = cpu_ns(), load_ms;

	b.set = corpus_set(patterns, n);
	load_ms = (cpu_ns() - from) / 1e6;
	if (trigger_state_new(&b.state) < 0)
		bench_die("out of memory");
	compile_plain(&b);
	for (uint32_t i = 0; i < LINES; i++) {
		all[i] = (uint32_t)((uint64_t)i * STRIDE % LINES);
		if (find_filtered(&b, lines[all[i]]) < 0)
			none[none_count++] = all[i];
		else
			hits++;
	}
	for (uint32_t i = 0; i < (n > 1000 ? 500 : 5000); i++) {
		if (find_filtered(&b, lines[all[i]]) != find_plain(&b, lines[all[i]]))
			bench_die("the two ways differ");
	}
	double ours_none = measure(&b, find_filtered, none, none_count);
	double ours_mixed = measure(&b, find_filtered, all, LINES);
	double plain_none = measure(&b, find_plain, none, none_count);
	double plain_mixed = measure(&b, find_plain, all, LINES);
	printf("%8zu %6zu %5.1f%% %8.1f %10.0f %10.0f %12.0f %12.0f %7.1fx\n", n,
		trigger_set_always(b.set), 100.0 * (double)hits / LINES, load_ms, ours_none,
			ours_mixed,
		plain_none, plain_mixed, plain_mixed / ours_mixed);
	fflush(stdout);

	for (size_t i = 0; i < n; i++)
		pcre2_code_free(b.codes[i]);
	free(b.codes);
	pcre2_match_data_free(b.data);
	pcre2_match_context_free(b.limits);
	trigger_set_free(b.set);
	trigger_state_free(b.state);
}

int main(void)
{
	static const size_t counts[] = {1, 10, 100, 1000, 10000};
	struct buf all;

	buf_init(&all, 64 * 1024 * 1024);
	bench_warn_build();
	corpus_init();
	make_lines(&all);
	for (size_t i = 0; i < TRIGGERS_MOST; i++)
		corpus_pattern(patterns[i], i);
	printf("ns a message, CPU time, median of %d; targets: 1500 at 100, 2000 at 1000, "
	       "6000 at 10000\n", ROUNDS);
	printf("%8s %6s %6s %8s %10s %10s %12s %12s %8s\n", "triggers", "always", "hits", "load ms",
		"none", "mixed", "plain none", "plain mixed", "gain");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		bench_at(counts[i]);
	buf_fini(&all);
	return 0;
}
