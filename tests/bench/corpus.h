/* tests/bench/corpus.h: made-up lines and triggers for measurements, the same in every run.
 *
 * After the mix of Twitch chat and of community packs: 40 % of the lines under 20 bytes, 40 % to
 * 50, 16 % to 100, 4 % longer; words by Zipf, commands, emote runs, CJK, emoji, drawn-out words,
 * capitals. From 10 triggers on two of them are backreferences without a literal, which run on
 * every message. */
#ifndef BENCH_CORPUS_H
#define BENCH_CORPUS_H

#include "trigger/trigger.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CORPUS_PATTERN_BYTES 160
#define CORPUS_FILE_TRIGGERS 1000 /* a file is bounded */
#define CORPUS_FILES_MAX 10

void corpus_init(void);
uint32_t corpus_below(uint32_t n);
void corpus_line(struct buf *b); /* appends the text of one line */
void corpus_pattern(char out[CORPUS_PATTERN_BYTES], size_t i); /* of trigger number i */
/* Appends triggers from..to, one a line, each with its pattern and a reply. */
void corpus_triggers(struct buf *yaml, char patterns[][CORPUS_PATTERN_BYTES], size_t from,
	size_t to);
struct trigger_set *corpus_set(char patterns[][CORPUS_PATTERN_BYTES], size_t n);
/* Puts a line on which nothing of set matches in place of what b holds. */
void corpus_quiet_line(struct buf *b, const struct trigger_set *set);

/* Out of memory and the like: a measurement cannot go on. */
void bench_die(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
void bench_must(int err); /* dies unless 0 */
/* Says it loudly when this build cannot give honest figures. */
void bench_warn_build(void);
double bench_median(double *values, size_t n);    /* sorts them */
double bench_quantile(double *values, size_t n, double q);

#endif
