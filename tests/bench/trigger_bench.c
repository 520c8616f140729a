/* What a chat message costs when it is searched for triggers.
 *
 * trigger_find against a plain loop over pcre2_jit_match with the same patterns in the same run, at
 * 1 to 10,000 triggers. Lines and triggers are made up after the mix of Twitch chat and of
 * community packs: 40 % of the lines under 20 bytes, 40 % to 50, 16 % to 100, 4 % longer; words by
 * Zipf, commands, emote runs, CJK, emoji, drawn-out words, capitals. From 10 triggers on two of them
 * are backreferences without a literal, which run on every message.
 *
 * Two figures each: "mixed" is every line, "none" only those on which nothing matches. Both sides
 * stop at the first match, and must agree on which it is. CPU time, median of ROUNDS. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "trigger/trigger.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINES 200000
#define STRIDE 75011 /* prime to LINES: neighbours in time are not neighbours in memory */
#define WORDS 20000
#define ROUNDS 7
#define ROUND_NS 40e6
#define TRIGGERS_MOST 10000
#define FILE_TRIGGERS 1000

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static void die(const char *what)
{
	fprintf(stderr, "trigger_bench: %s\n", what);
	exit(1);
}

static void add(struct buf *b, const char *s)
{
	if (buf_adds(b, s) < 0)
		die("out of memory");
}

/* ---- Words and lines ------------------------------------------------------------------------- */

static char words[WORDS][16];

static void make_words(void)
{
	static const char *const syllables[] = {"ka", "lo", "mi", "ter", "an", "pro", "sen", "du",
		"vi",
		"ra", "bel", "os", "chi", "tu", "gra", "fen", "ly", "ow", "es", "ing"};

	for (size_t i = 0; i < WORDS; i++) {
		int n = 1 + (i > 20) + (i > 400) + (i > 8000 && below(2));

		for (int k = 0; k < n; k++)
			strncat(words[i], syllables[below(20)],
				sizeof(words[i]) - strlen(words[i]) - 1);
	}
}

/* Zipf, near enough: the logarithm of the rank is uniform. */
static const char *word(void)
{
	uint32_t bits = below(15), rank = (1u << bits) + below(1u << bits);

	return words[rank % WORDS];
}

static void add_emote(struct buf *b, uint32_t i)
{
	if (buf_addf(b, "%s%c%c%s", words[i % 300], 'A' + i % 26, 'a' + i / 26 % 26,
			i % 3 == 0 ? "LUL" : "Hype") < 0)
		die("out of memory");
}

static void add_token(struct buf *b)
{
	static const char *const foreign[] = {"\u8349", "\u4f60\u597d",
		"\u3053\u3093\u306b\u3061\u306f", "\ud55c\uad6d",
		"\U0001f602", "\U0001f44d\U0001f44d", "caf\u00e9", "\u0447\u0442\u043e"};
	uint32_t kind = below(100);
	size_t from = b->len;

	if (kind < 5) {
		add(b, foreign[below(8)]);
	} else if (kind < 13) {
		uint32_t emote = below(500);

		for (uint32_t n = 1 + below(3); n > 0; n--) {
			add_emote(b, emote);
			add(b, n > 1 ? " " : "");
		}
	} else {
		add(b, word());
		for (uint32_t n = kind < 16 ? 1 + below(5) : 0; n > 0; n--)
			(void)!buf_addc(b, b->at[b->len - 1]);
		for (size_t i = from; kind >= 16 && kind < 20 && i < b->len; i++)
			b->at[i] = (char)(b->at[i] - 'a' + 'A');
	}
}

static void make_line(struct buf *b)
{
	uint32_t kind = below(100), most = kind < 40 ? 6 + below(14) : kind < 80 ? 20 + below(30)
		: kind < 96 ? 50 + below(50) : 100 + below(300);
	size_t from = b->len;

	if (below(100) < 6) {
		if (buf_addf(b, "!%s", words[below(3000)]) < 0)
			die("out of memory");
	}
	while (b->len - from < most * 3 / 4) {
		add(b, b->len > from ? " " : "");
		add_token(b);
	}
	if (below(100) < 8)
		add(b, "?");
}

static struct str lines[LINES];

static void make_lines(struct buf *all)
{
	static size_t ends[LINES];

	for (size_t i = 0; i < LINES; i++) {
		make_line(all);
		ends[i] = all->len;
	}
	for (size_t i = 0; i < LINES; i++) {
		size_t from = i > 0 ? ends[i - 1] : 0;

		lines[i] = (struct str){all->at + from, ends[i] - from};
	}
	printf("%d lines of %.1f bytes on average\n", LINES, (double)all->len / LINES);
}

/* ---- Triggers -------------------------------------------------------------------------------- */

static char patterns[TRIGGERS_MOST][160];

/* Words of the rare end: a pack's triggers are about names and jokes, not about "the". */
static const char *rare(void)
{
	return words[2000 + below(WORDS - 2000)];
}

static void make_pattern(char *out, size_t size, size_t i)
{
	uint32_t kind = below(100);

	if (i == 3)
		snprintf(out, size, "\\b(\\w{3,})\\s+\\1\\b");
	else if (i == 7)
		snprintf(out, size, "(\\w)\\1{6,}");
	else if (kind < 35)
		snprintf(out, size, "^!%s%s\\b", rare(), rare());
	else if (kind < 55)
		snprintf(out, size, "\\b(?:%s%s|%s|%s%s)\\b", rare(), rare(), rare(), rare(),
			rare());
	else if (kind < 70)
		snprintf(out, size, "(?<!\\S)%s%c%cHype(?!\\S)", rare(), 'A' + below(26),
			'a' + below(26));
	else if (kind < 85)
		snprintf(out, size, "\\b%s %s\\b", rare(), rare());
	else if (kind < 90)
		snprintf(out, size, "\\b%s\\b.*\\?$", rare());
	else if (kind < 93)
		snprintf(out, size, "^(?=.*\\b%s\\b)(?=.*\\b%s\\b)", rare(), rare());
	else if (kind < 97)
		snprintf(out, size, "\\b%s\\b(?!.*\\b%s\\b)", rare(), rare());
	else
		snprintf(out, size, "\\b%s\\d+\\b", rare());
}

/* One or more files, because a file is bounded. */
static struct trigger_set *make_set(size_t n)
{
	struct trigger_file *files[TRIGGERS_MOST / FILE_TRIGGERS];
	struct trigger_set *set = NULL;
	struct conf_report report;
	size_t count = 0;

	conf_report_init(&report);
	for (size_t from = 0; from < n; from += FILE_TRIGGERS) {
		struct conf_file *conf = NULL;
		struct buf yaml;

		buf_init(&yaml, CONF_FILE_BYTES);
		for (size_t i = from; i < n && i < from + FILE_TRIGGERS; i++) {
			if (buf_addf(&yaml, "t%zu: {match: '%s', reply: x}\n", i, patterns[i]) < 0)
				die("out of memory");
		}
		if (conf_file_parse("bench.yaml", buf_str(&yaml), &report, &conf) < 0 ||
				trigger_file_read(conf, NULL, 0, NULL, &report,
					&files[count++]) < 0)
			die("a trigger is refused");
		conf_file_free(conf);
		buf_fini(&yaml);
	}
	if (trigger_set_new(files, count, &report, &set) < 0)
		die("no set");
	conf_report_fini(&report);
	return set;
}

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

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
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
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	return rounds[ROUNDS / 2];
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
		die("out of memory");
	pcre2_set_match_limit(b->limits, TRIGGER_MATCH_LIMIT);
	for (size_t i = 0; i < b->n; i++) {
		b->codes[i] = pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED, flags,
			&err,
			&at, NULL);
		if (!b->codes[i] || pcre2_jit_compile(b->codes[i], PCRE2_JIT_COMPLETE) != 0)
			die("a pattern does not compile");
	}
}

static void bench_at(size_t n)
{
	static uint32_t all[LINES], none[LINES];
	struct bench b = {.n = n};
	size_t none_count = 0, hits = 0;
	double from = cpu_ns(), load_ms;

	b.set = make_set(n);
	load_ms = (cpu_ns() - from) / 1e6;
	if (trigger_state_new(&b.state) < 0)
		die("out of memory");
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
			die("the two ways differ");
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
	trigger_set_unref(b.set);
	trigger_state_free(b.state);
}

int main(void)
{
	static const size_t counts[] = {1, 10, 100, 1000, 10000};
	struct buf all;

	buf_init(&all, 64 * 1024 * 1024);
	make_words();
	make_lines(&all);
	for (size_t i = 0; i < TRIGGERS_MOST; i++)
		make_pattern(patterns[i], sizeof(patterns[i]), i);
	printf("ns a message, CPU time, median of %d; targets: 1500 at 100, 2000 at 1000, "
	       "6000 at 10000\n", ROUNDS);
	printf("%8s %6s %6s %8s %10s %10s %12s %12s %8s\n", "triggers", "always", "hits", "load ms",
		"none", "mixed", "plain none", "plain mixed", "gain");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		bench_at(counts[i]);
	buf_fini(&all);
	return 0;
}
