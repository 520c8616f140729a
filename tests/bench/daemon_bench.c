/* What the whole daemon costs: the real binary against a chat server that says yes to everything.
 *
 *   daemon_bench [MYNAH [b][c][d][e]]
 *
 * b  CPU of the process per chat line, through the socket, with triggers none of which matches
 * c  added latency, line in to reply out, less what an echo takes on the same wire
 * d  resident memory: idle, after a million messages, in 1,000 channels
 * e  start-up and reload
 *
 * README.md says how each is measured and why so. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "chat.h"
#include "corpus.h"
#include "daemon.h"

#define ROUNDS 5
#define BLOCK 1000      /* lines sent in one piece */
#define USERS 2000
#define CHANNEL "kelpforest"
#define TRIGGERS_MOST 1000
#define REPLIES 90      /* a run: Twitch lets a moderator's account say 99 in 30 s */
#define TALKS 6         /* runs, each with an account that has said nothing yet */

static char patterns[TRIGGERS_MOST][CORPUS_PATTERN_BYTES];
static struct chat chat;
static struct daemon bot;
static uint64_t last_id;

/* ---- A block of lines on which nothing matches ----------------------------------------------- */

struct block {
	struct buf bytes;
	size_t ids[BLOCK], ends[BLOCK];
	double average;
};

/* channels: the lines go round so many, named by CHANNEL and a number; 0 = the one without. */
static void make_block(struct block *k, size_t triggers, unsigned channels)
{
	struct trigger_set *set = corpus_set(patterns, triggers);
	struct buf text;

	buf_init(&text, CHAT_TEXT_BYTES);
	buf_init(&k->bytes, 4 * 1024 * 1024);
	for (unsigned i = 0; i < BLOCK; i++) {
		char channel[32] = CHANNEL;

		if (channels > 0)
			snprintf(channel, sizeof(channel), CHANNEL "%u", i % channels);
		corpus_quiet_line(&text, set);
		k->ids[i] = chat_frame(&k->bytes, corpus_below(USERS), channel, buf_str(&text));
		k->ends[i] = k->bytes.len;
	}
	k->average = (double)k->bytes.len / BLOCK;
	buf_fini(&text);
	trigger_set_free(set);
}

static void new_ids(struct block *k)
{
	for (size_t i = 0; i < BLOCK; i++)
		chat_id(k->bytes.at + k->ids[i], ++last_id);
}

static void flood(struct block *k, size_t n)
{
	for (; n > 0; n -= BLOCK) {
		new_ids(k);
		chat_send(&chat, buf_str(&k->bytes));
	}
	chat_barrier(&chat);
}

static void pace_until(int64_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* One line at a time, so many a second: each wakes the daemon. */
static void trickle(struct block *k, size_t n, int64_t per_second)
{
	int64_t due = clock_mono_us();

	for (size_t i = 0; i < n; i++, due += 1000000 / per_second) {
		size_t from = i % BLOCK > 0 ? k->ends[i % BLOCK - 1] : 0;

		if (i % BLOCK == 0)
			new_ids(k);
		pace_until(due);
		chat_send(&chat, (struct str){k->bytes.at + from, k->ends[i % BLOCK] - from});
	}
	chat_barrier(&chat);
}

/* ---- The daemon on our server ---------------------------------------------------------------- */

static void write_triggers(size_t n)
{
	struct buf yaml;

	buf_init(&yaml, CONF_FILE_BYTES);
	corpus_triggers(&yaml, patterns, 0, n);
	daemon_write(&bot, "triggers/corpus.yaml", "%s", buf_text(&yaml));
	buf_fini(&yaml);
}

static void configure_twitch(const char *more)
{
	daemon_configure(&bot, "twitch: {account: tidalbot, token: {file: %s/token}, "
		"channels: [" CHANNEL "], url: 'ws://127.0.0.1:%d/', "
		"id_url: 'http://127.0.0.1:9/'}\n%s",
		bot.folder, chat.wire.port, more);
}

static void begin(size_t channels)
{
	daemon_start(&bot);
	chat_accept(&chat);
	chat_until_joined(&chat, channels);
	chat_barrier(&chat);
}

static void end(void)
{
	chat_barrier(&chat); /* or the daemon would wait for what its last line has come to */
	daemon_stop(&bot);
	chat_gone(&chat);
}

/* ---- (b) CPU a line -------------------------------------------------------------------------- */

static void bench_flood(size_t triggers, double target_us)
{
	const size_t n = 200000;
	double us[ROUNDS], allocations, hits;
	struct block k;

	write_triggers(triggers);
	configure_twitch("");
	make_block(&k, triggers, 0);
	begin(1);
	flood(&k, 20 * BLOCK);
	allocations = daemon_metric(&bot, "mynah_allocations_total");
	for (int r = 0; r < ROUNDS; r++) {
		double from = daemon_cpu_us(&bot);

		flood(&k, n);
		us[r] = (daemon_cpu_us(&bot) - from) / (double)n;
	}
	allocations = daemon_metric(&bot, "mynah_allocations_total") - allocations;
	hits = daemon_metric(&bot, "mynah_hits_total");
	printf("b  flood, %4zu triggers, %.0f-byte lines    %8.2f us of CPU a line   target %.0f\n",
		triggers, k.average, bench_median(us, ROUNDS), target_us);
	printf("b    allocations in %zu lines                %6.0f (the control socket's own "
		"included); hits %.0f\n", ROUNDS * n, allocations, hits);
	end();
	buf_fini(&k.bytes);
}

static void bench_trickle(size_t triggers, int64_t per_second)
{
	double us[ROUNDS];
	struct block k;
	const size_t n = 2000;

	write_triggers(triggers);
	configure_twitch("");
	make_block(&k, triggers, 0);
	begin(1);
	for (int r = 0; r < ROUNDS; r++) {
		double from = daemon_cpu_us(&bot);

		trickle(&k, n, per_second);
		us[r] = (daemon_cpu_us(&bot) - from) / (double)n;
	}
	printf("b  %lld lines/s, each alone, %zu triggers      %8.2f us of CPU a line, waking up "
		"included\n", (long long)per_second, triggers, bench_median(us, ROUNDS));
	end();
	buf_fini(&k.bytes);
}

/* ---- (c) latency ----------------------------------------------------------------------------- */

struct talk {
	double us[TALKS * REPLIES];
	size_t n;
	int64_t asked_us[REPLIES];
	unsigned heard;
};

/* The question that gets answer number i. */
static void make_question(struct buf *frame, unsigned i)
{
	char text[64];
	size_t id_at;

	buf_clear(frame);
	snprintf(text, sizeof(text), "!say k%03u, please", i);
	id_at = chat_frame(frame, 5000 + i, CHANNEL, str_of(text));
	chat_id(frame->at + id_at, ++last_id);
}

/* Looks for answers until a time, or until all that were asked for are there. */
static void hear(struct talk *t, unsigned asked, int64_t until_us)
{
	while (t->heard < asked) {
		struct str line = chat_next(&chat, until_us);
		int64_t now = clock_mono_us();
		char *k = line.len > 0 ? memmem(line.at, line.len, "!say k", 6) : NULL;
		unsigned i;

		if (line.len == 0)
			return;
		if (!k || sscanf(k + 6, "%3u", &i) != 1 || i >= REPLIES || t->asked_us[i] == 0)
			continue;
		t->us[t->n++] = (double)(now - t->asked_us[i]);
		t->asked_us[i] = 0;
		t->heard++;
	}
}

/* REPLIES questions. k: other lines, nine before each question, at per_second together. */
static void ask_round(struct talk *t, struct block *k, int64_t per_second)
{
	int64_t due = clock_mono_us(), step = per_second > 0 ? 1000000 / per_second : 0;
	struct buf frame;

	buf_init(&frame, 8192);
	t->heard = 0;
	if (k)
		new_ids(k);
	for (unsigned i = 0; i < REPLIES; i++) {
		for (unsigned j = i * 9; k && j < i * 9 + 9; j++) {
			size_t from = j > 0 ? k->ends[j - 1] : 0;

			due += step;
			hear(t, i + 1, due);
			pace_until(due);
			chat_send(&chat, (struct str){k->bytes.at + from, k->ends[j] - from});
		}
		make_question(&frame, i);
		due += step;
		if (k) {
			hear(t, i + 1, due);
			pace_until(due);
		}
		t->asked_us[i] = clock_mono_us();
		chat_send(&chat, buf_str(&frame));
		if (!k)
			hear(t, i + 1, clock_mono_us() + 5000000);
		if (!k && t->heard < i + 1)
			bench_die("no answer to question %u", i);
	}
	hear(t, REPLIES, clock_mono_us() + 5000000);
	if (t->heard < REPLIES)
		bench_die("%u of %u answers came", t->heard, REPLIES);
	buf_fini(&frame);
}

static void echo_round(struct talk *t, struct block *k, int64_t per_second)
{
	int pid = chat_echo(chat.wire.port);

	chat_accept(&chat);
	ask_round(t, k, per_second);
	chat_gone(&chat);
	waitpid(pid, NULL, 0);
}

static void bot_round(struct talk *t, struct block *k, int64_t per_second)
{
	begin(1);
	ask_round(t, k, per_second);
	end();
}

static void print_talk(const char *what, struct talk *bot_talk, struct talk *wire)
{
	double p50 = bench_quantile(bot_talk->us, bot_talk->n, 0.5) / 1000;
	double p99 = bench_quantile(bot_talk->us, bot_talk->n, 0.99) / 1000;
	double wire50 = bench_quantile(wire->us, wire->n, 0.5) / 1000;
	double wire99 = bench_quantile(wire->us, wire->n, 0.99) / 1000;

	printf("c  %-34s %7.3f %7.3f ms   wire %.3f %.3f   added %.3f %.3f   target 0.2 1\n", what,
		p50, p99, wire50, wire99, p50 - wire50, p99 - wire99);
}

/* In turns, so that both have the same neighbours on the machine. */
static void talk(const char *what, struct block *k, int64_t per_second)
{
	static struct talk of_bot, of_wire;

	of_bot.n = of_wire.n = 0;
	for (int r = 0; r < TALKS; r++) {
		echo_round(&of_wire, k, per_second);
		bot_round(&of_bot, k, per_second);
	}
	print_talk(what, &of_bot, &of_wire);
}

static void write_answers(bool asks)
{
	struct buf yaml;

	/* Each answer names its question: no two are twins. The model gives its answers in order,
	 * so that it has to search for none. */
	daemon_write(&bot, "triggers/say.yaml", asks
		? "say: {match: '^!say', ask: 'say $(query)'}\n"
		: "say: {match: '^!say', reply: 'The answer to !say $(query) it is'}\n");
	buf_init(&yaml, CONF_FILE_BYTES);
	for (unsigned i = 0; i < REPLIES; i++)
		bench_must(buf_addf(&yaml,
			"- {reply: 'The answer to !say k%03u it is', times: 1}\n", i));
	daemon_write(&bot, "answers.yaml", "%s", buf_text(&yaml));
	buf_fini(&yaml);
}

static void bench_talk(void)
{
	struct block k;

	write_triggers(100);
	make_block(&k, 100, 0);
	configure_twitch("providers: {local: {type: scripted, file: answers.yaml}}\n"
		"ledger: {enabled: true}\n");
	printf("c  %-34s %7s %7s\n", "", "p50", "p99");
	for (int asks = 0; asks < 2; asks++) {
		write_answers(asks);
		talk(asks ? "ask:, instant model, one at a time" : "reply:, one at a time", NULL,
			0);
		talk(asks ? "ask:, instant model, 500 lines/s" : "reply:, 500 lines/s", &k, 500);
	}
	daemon_write(&bot, "triggers/say.yaml", "say: {match: '^!say', reply: x}\n");
	buf_fini(&k.bytes);
}

/* ---- (d) memory ------------------------------------------------------------------------------ */

static void bench_memory(void)
{
	struct block k;

	write_triggers(100);
	configure_twitch("");
	make_block(&k, 100, 0);
	begin(1);
	printf("d  just started                             %8.1f MiB resident\n",
		daemon_rss_mib(&bot));
	daemon_settle();
	printf("d  idle, one channel                        %8.1f MiB                target 12\n",
		daemon_rss_mib(&bot));
	printf("d    its own (RssAnon) %.1f, its share (Pss) %.1f, what ends with it (Private) "
		"%.1f MiB\n",
		daemon_mib(&bot, "status", "RssAnon"), daemon_mib(&bot, "smaps_rollup", "Pss"),
		daemon_mib(&bot, "smaps_rollup", "Private_Clean") +
			daemon_mib(&bot, "smaps_rollup", "Private_Dirty"));
	flood(&k, 100 * BLOCK);
	printf("d  after 100,000 lines                      %8.1f MiB\n", daemon_rss_mib(&bot));
	flood(&k, 900 * BLOCK);
	printf("d  after 1,000,000 lines                    %8.1f MiB                target flat\n",
		daemon_rss_mib(&bot));
	end();
	buf_fini(&k.bytes);
}

static void bench_channels(void)
{
	const unsigned n = 1000;
	struct buf names;
	struct block k;

	buf_init(&names, 64 * 1024);
	for (unsigned i = 0; i < n; i++)
		bench_must(buf_addf(&names, "%s" CHANNEL "%u", i > 0 ? ", " : "", i));
	make_block(&k, 100, n);
	/* Twitch's joins may not be faster than 18 in 12 s; those of an IRC network may. */
	daemon_configure(&bot, "irc: {account: tidalbot, url: 'ws://127.0.0.1:%d/', joins: 100, "
		"join_window: 1s, channels: [%s]}\n", chat.wire.port, buf_text(&names));
	begin(n);
	daemon_settle();
	printf("d  in %u channels, idle                   %8.1f MiB                target 16\n", n,
		daemon_rss_mib(&bot));
	flood(&k, 200 * BLOCK);
	printf("d  in %u channels, after 200,000 lines    %8.1f MiB                target 16\n", n,
		daemon_rss_mib(&bot));
	end();
	buf_fini(&names);
	buf_fini(&k.bytes);
}

/* ---- (e) start and reload -------------------------------------------------------------------- */

static void bench_start(void)
{
	double ready[ROUNDS], joined[ROUNDS], cpu[ROUNDS], reload[ROUNDS];

	write_triggers(1000);
	configure_twitch("");
	for (int r = 0; r < ROUNDS; r++) {
		int64_t from = clock_mono_us();

		daemon_start(&bot);
		daemon_wait_ready(&bot);
		ready[r] = (double)(clock_mono_us() - from) / 1000;
		chat_accept(&chat);
		chat_until_joined(&chat, 1);
		joined[r] = (double)(clock_mono_us() - from) / 1000;
		chat_barrier(&chat);
		cpu[r] = daemon_cpu_us(&bot) / 1000;
		from = clock_mono_us();
		kill(bot.pid, SIGHUP);
		daemon_wait_log(&bot, "\"action\":\"reload\"");
		reload[r] = (double)(clock_mono_us() - from) / 1000;
		end();
	}
	printf("e  start to ready, 1,000 triggers           %8.1f ms                 target 100\n",
		bench_median(ready, ROUNDS));
	printf("e  start to joined (CPU of all of it)       %8.1f ms (%.1f)\n",
		bench_median(joined, ROUNDS), bench_median(cpu, ROUNDS));
	printf("e  reload, 1,000 triggers                   %8.1f ms                 target 100\n",
		bench_median(reload, ROUNDS));
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 2 ? argv[2] : "bcde";

	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_warn_build();
	corpus_init();
	for (size_t i = 0; i < TRIGGERS_MOST; i++)
		corpus_pattern(patterns[i], i);
	chat_open(&chat);
	daemon_init(&bot, argc > 1 ? argv[1] : "./mynah");
	if (strchr(wanted, 'b')) {
		bench_flood(100, 3);
		bench_flood(1000, 3);
		bench_trickle(100, 1000);
	}
	if (strchr(wanted, 'c'))
		bench_talk();
	if (strchr(wanted, 'd')) {
		bench_memory();
		bench_channels();
	}
	if (strchr(wanted, 'e'))
		bench_start();
	daemon_fini(&bot);
	chat_shut(&chat);
	return 0;
}
