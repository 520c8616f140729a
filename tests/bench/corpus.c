#include "corpus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 20000

static uint64_t seed = 1;
static char words[WORDS][16];

uint32_t corpus_below(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* ---- What every measurement needs ------------------------------------------------------------ */

void bench_die(const char *fmt, ...)
{
	va_list ap;

	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void bench_must(int err)
{
	if (err)
		bench_die("%s", err_name(err));
}

void bench_warn_build(void)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#endif
#if defined(IS_SANITIZED) || !defined(__OPTIMIZE__)
	fputs("\n*** These figures mean NOTHING: this build has sanitizers, or no optimisation.\n"
	      "*** Measure in a folder of its own: mkdir build-bench && cd build-bench &&\n"
	      "*** ../configure CFLAGS='-O2 -g' && make bench\n\n", stderr);
#endif
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t n, double q)
{
	size_t at = (size_t)((double)n * q);

	if (n == 0)
		bench_die("nothing was measured");
	qsort(values, n, sizeof(*values), by_value);
	return values[at < n ? at : n - 1];
}

double bench_median(double *values, size_t n)
{
	return bench_quantile(values, n, 0.5);
}

/* ---- Words and lines ------------------------------------------------------------------------- */

void corpus_init(void)
{
	static const char *const syllables[] = {"ka", "lo", "mi", "ter", "an", "pro", "sen", "du",
		"vi", "ra", "bel", "os", "chi", "tu", "gra", "fen", "ly", "ow", "es", "ing"};

	for (size_t i = 0; i < WORDS; i++) {
		int n = 1 + (i > 20) + (i > 400) + (i > 8000 && corpus_below(2));

		for (int k = 0; k < n; k++)
			strncat(words[i], syllables[corpus_below(20)],
				sizeof(words[i]) - strlen(words[i]) - 1);
	}
}

/* Zipf, near enough: the logarithm of the rank is uniform. */
static const char *word(void)
{
	uint32_t bits = corpus_below(15), rank = (1u << bits) + corpus_below(1u << bits);

	return words[rank % WORDS];
}

static void add(struct buf *b, const char *s)
{
	bench_must(buf_adds(b, s));
}

static void add_emote(struct buf *b, uint32_t i)
{
	bench_must(buf_addf(b, "%s%c%c%s", words[i % 300], 'A' + i % 26, 'a' + i / 26 % 26,
		i % 3 == 0 ? "LUL" : "Hype"));
}

static void add_token(struct buf *b)
{
	static const char *const foreign[] = {"\u8349", "\u4f60\u597d",
		"\u3053\u3093\u306b\u3061\u306f", "\ud55c\uad6d",
		"\U0001f602", "\U0001f44d\U0001f44d", "caf\u00e9", "\u0447\u0442\u043e"};
	uint32_t kind = corpus_below(100);
	size_t from = b->len;

	if (kind < 5) {
		add(b, foreign[corpus_below(8)]);
	} else if (kind < 13) {
		uint32_t emote = corpus_below(500);

		for (uint32_t n = 1 + corpus_below(3); n > 0; n--) {
			add_emote(b, emote);
			add(b, n > 1 ? " " : "");
		}
	} else {
		add(b, word());
		for (uint32_t n = kind < 16 ? 1 + corpus_below(5) : 0; n > 0; n--)
			bench_must(buf_addc(b, b->at[b->len - 1]));
		for (size_t i = from; kind >= 16 && kind < 20 && i < b->len; i++)
			b->at[i] = (char)(b->at[i] - 'a' + 'A');
	}
}

void corpus_line(struct buf *b)
{
	uint32_t kind = corpus_below(100);
	uint32_t most = kind < 40 ? 6 + corpus_below(14) : kind < 80 ? 20 + corpus_below(30)
		: kind < 96 ? 50 + corpus_below(50) : 100 + corpus_below(300);
	size_t from = b->len;

	if (corpus_below(100) < 6)
		bench_must(buf_addf(b, "!%s", words[corpus_below(3000)]));
	while (b->len - from < most * 3 / 4) {
		add(b, b->len > from ? " " : "");
		add_token(b);
	}
	if (corpus_below(100) < 8)
		add(b, "?");
}

/* ---- Triggers -------------------------------------------------------------------------------- */

/* Words of the rare end: a pack's triggers are about names and jokes, not about "the". */
static const char *rare(void)
{
	return words[2000 + corpus_below(WORDS - 2000)];
}

void corpus_pattern(char out[CORPUS_PATTERN_BYTES], size_t i)
{
	const size_t size = CORPUS_PATTERN_BYTES;
	uint32_t kind = corpus_below(100);

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
		snprintf(out, size, "(?<!\\S)%s%c%cHype(?!\\S)", rare(), 'A' + corpus_below(26),
			'a' + corpus_below(26));
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

void corpus_triggers(struct buf *yaml, char patterns[][CORPUS_PATTERN_BYTES], size_t from,
	size_t to)
{
	for (size_t i = from; i < to; i++)
		bench_must(buf_addf(yaml, "t%zu: {match: '%s', reply: x}\n", i, patterns[i]));
}

struct trigger_set *corpus_set(char patterns[][CORPUS_PATTERN_BYTES], size_t n)
{
	struct trigger_file *files[CORPUS_FILES_MAX];
	struct trigger_set *set = NULL;
	struct conf_report report;
	size_t count = 0;

	conf_report_init(&report);
	for (size_t from = 0; from < n; from += CORPUS_FILE_TRIGGERS) {
		size_t to = n < from + CORPUS_FILE_TRIGGERS ? n : from + CORPUS_FILE_TRIGGERS;
		struct conf_file *conf = NULL;
		struct buf yaml;

		buf_init(&yaml, CONF_FILE_BYTES);
		corpus_triggers(&yaml, patterns, from, to);
		bench_must(conf_file_parse("bench.yaml", buf_str(&yaml), &report, &conf));
		bench_must(trigger_file_read(
				conf, &(struct trigger_refs){0}, &report, &files[count++]));
		conf_file_free(conf);
		buf_fini(&yaml);
	}
	bench_must(trigger_set_new(files, count, &report, &set));
	conf_report_fini(&report);
	return set;
}

static bool is_matched(const struct trigger_set *set, struct trigger_state *state, struct str text)
{
	struct event e = {.kind = EVENT_MESSAGE, .text = text};
	struct trigger_hit hit;

	return trigger_find(set, state, &e, 0, 0, &hit) != REASON_NO_MATCH;
}

void corpus_quiet_line(struct buf *b, const struct trigger_set *set)
{
	struct trigger_state *state;

	bench_must(trigger_state_new(&state));
	do {
		buf_clear(b);
		corpus_line(b);
	} while (b->len == 0 || is_matched(set, state, buf_str(b)));
	trigger_state_free(state);
}
