/* The budget of IDENTIFYs of one application: all its shards, and all its lives.
 *
 *   mynah-discord-identifies 1 <TAB> monotonic ms <TAB> wall ms      when it was written
 *   hold <TAB> wall ms                                               none before
 *   identify <TAB> wall ms <TAB> shard                               one line each
 *   end <TAB> how many lines stand between
 *
 * How much time went by since is told by two clocks, and the one that says less is believed: the
 * wall clock may have been set, the monotonic one may have begun anew with the machine. Either way
 * the budget looks more spent than it is, never less.
 *
 * A shard that may identify gets a seat first: that is counted and written, and when it is on the
 * disk the shard may send. Nobody else of its key gets one before. */
#include "platform/discord_session.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_store.h"

#define HEAD "mynah-discord-identifies 1"
#define DAY_MS INT64_C(86400000)
#define DAY_MAX 900            /* faults.md G4: of 1,000; one more and the token is gone */
#define LOW 100                /* discord.md section 3: what is left of the day is told about */
#define APART_MS 5000          /* discord.md section 3: of one rate_limit_key */
#define APART_MORE_MS 1500     /* discord.md section 3: random on top */
#define HOLD_MS (60 * 60000)   /* after a file that makes no sense */
#define RETOLD_MS 60000        /* nothing left, but no word of when it is refilled */
#define KEYS_MAX 64            /* max_concurrency of a bot of 160,000 servers; less is safe */
#define LOOK_MS 20             /* is the seat on the disk now? */
#define DISK_MS 5000           /* a disk that hangs does not keep the bot out for ever */
#define SEAT_MS 120000         /* a seat nobody comes for is given to others */
#define TIME_MAX INT64_C(1000000000000000) /* ms, year 33658: sums cannot overflow */

struct key {
	int64_t free_ms;  /* the next seat is given from here on */
	bool is_taken;    /* a seat is given, its IDENTIFY not sent */
	unsigned shard;   /* to this one */
	int64_t taken_ms;
};

struct sent {
	int64_t at_ms; /* monotonic; before this boot below 0 */
	unsigned shard;
};

struct platform_identify {
	struct platform_store *store;
	struct key keys[KEYS_MAX];
	unsigned concurrency;
	struct sent sent[DAY_MAX]; /* oldest first */
	size_t n;
	int64_t hold_ms;           /* none before; INT64_MIN = no such time */
	int64_t left;              /* as Discord told, less what was used since; -1 = it did not */
	int64_t refill_ms;
	bool is_low_told;
	char why[200];             /* "" or why nobody may identify for a while */
};

/* ---- The file ------------------------------------------------------------------------------- */

static int make_text(const struct platform_identify *b, struct buf *out)
{
	const int64_t now_ms = clock_mono_ms(), to_wall = clock_wall_ms() - now_ms;
	size_t lines = b->n;
	int err;

	buf_init(out, PLATFORM_STORE_BYTES);
	err = buf_addf(out, HEAD "\t%lld\t%lld\n", (long long)now_ms,
		(long long)(now_ms + to_wall));
	if (!err && b->hold_ms > now_ms) {
		err = buf_addf(out, "hold\t%lld\n", (long long)(b->hold_ms + to_wall));
		lines++;
	}
	for (size_t i = 0; i < b->n && !err; i++)
		err = buf_addf(out, "identify\t%lld\t%u\n",
			(long long)(b->sent[i].at_ms + to_wall), b->sent[i].shard);
	return err ? err : buf_addf(out, "end\t%zu\n", lines);
}

static void save(struct platform_identify *b)
{
	struct buf text;

	if (make_text(b, &text) == 0)
		platform_store_put(b->store, &text);
	buf_fini(&text);
}

static int read_time(struct str s, int64_t *out)
{
	if (str_int(s, out) < 0 || *out < 0 || *out > TIME_MAX)
		return ERR_PARSE;
	return 0;
}

static int read_line(struct platform_identify *b, struct str line, int64_t saved_ms,
	int64_t to_now)
{
	struct str kind = str_split(&line, '\t');
	int64_t at_ms, shard;

	if (read_time(str_split(&line, '\t'), &at_ms) < 0)
		return ERR_PARSE;
	if (str_is(kind, "hold")) {
		if (at_ms - saved_ms > HOLD_MS)
			return ERR_PARSE;
		b->hold_ms = at_ms + to_now;
		return 0;
	}
	if (!str_is(kind, "identify") || at_ms > saved_ms || b->n == DAY_MAX ||
		str_int(line, &shard) < 0 || shard < 0 || shard > UINT16_MAX)
		return ERR_PARSE;
	at_ms += to_now;
	if (b->n > 0 && at_ms < b->sent[b->n - 1].at_ms)
		return ERR_PARSE;
	b->sent[b->n++] = (struct sent){.at_ms = at_ms, .shard = (unsigned)shard};
	return 0;
}

static int read_text(struct platform_identify *b, struct str text)
{
	struct str head = str_split(&text, '\n');
	int64_t saved_mono, saved_wall, mono, wall, to_now, lines = 0, said;
	int64_t now_ms = clock_mono_ms();

	if (!str_is(str_split(&head, '\t'), HEAD) ||
		read_time(str_split(&head, '\t'), &saved_mono) < 0 ||
		read_time(head, &saved_wall) < 0)
		return ERR_PARSE;
	mono = now_ms >= saved_mono ? now_ms - saved_mono : now_ms;
	wall = clock_wall_ms() - saved_wall;
	if (wall < 0)
		wall = 0;
	to_now = now_ms - (mono < wall ? mono : wall) - saved_wall;
	while (text.len > 0) {
		struct str line = str_split(&text, '\n');

		if (line.len > 4 && memcmp(line.at, "end\t", 4) == 0) {
			struct str count = {line.at + 4, line.len - 4};
			return str_int(count, &said) == 0 && said == lines && text.len == 0
				? 0 : ERR_PARSE;
		}
		if (read_line(b, line, saved_wall, to_now) < 0)
			return ERR_PARSE;
		lines++;
	}
	return ERR_PARSE; /* torn off before its end */
}

static int load(struct platform_identify *b)
{
	const int64_t now_ms = clock_mono_ms();
	struct buf text;
	int err;

	buf_init(&text, PLATFORM_STORE_BYTES);
	err = platform_store_read(b->store, &text);
	if (!err)
		err = read_text(b, buf_str(&text));
	buf_fini(&text);
	if (err == ERR_NOMEM)
		return err;
	if (err && err != ERR_NOTFOUND) {
		b->n = 0;
		b->hold_ms = now_ms + HOLD_MS;
		log_event(LOG_ERROR, "platform", "identifies_unknown", "result", "FAILED", "file",
			platform_store_path(b->store), "error", err_name(err), "message",
			"nobody knows how often this bot logged in to Discord today, so it does "
			"not for an hour: after too often Discord would take its token away", NULL);
		save(b);
	}
	/* Which key the last one had depends on what is not known yet: all of them wait. */
	for (size_t k = 0; k < KEYS_MAX && b->n > 0; k++)
		b->keys[k].free_ms = b->sent[b->n - 1].at_ms + APART_MS + APART_MORE_MS;
	return 0;
}

/* ---- The header's functions ----------------------------------------------------------------- */

int platform_identify_open(struct io *io, struct io_worker *worker, const char *state_dir,
	const struct secret *token, struct platform_identify **out)
{
	struct platform_identify *b = mem_new(sizeof(*b));
	int err;

	(void)io;
	*out = NULL;
	if (!b)
		return ERR_NOMEM;
	b->concurrency = 1;
	b->left = -1;
	b->hold_ms = INT64_MIN;
	for (size_t k = 0; k < KEYS_MAX; k++)
		b->keys[k].free_ms = INT64_MIN;
	err = platform_store_new(worker, state_dir, "discord-identifies", token, &b->store);
	if (!err)
		err = load(b);
	if (err) {
		platform_identify_free(b);
		return err;
	}
	*out = b;
	return 0;
}

void platform_identify_free(struct platform_identify *b)
{
	if (!b)
		return;
	platform_store_free(b->store, (struct str){0});
	mem_free(b);
}

void platform_identify_told(struct platform_identify *b, int64_t remaining, int64_t reset_after_ms,
	unsigned max_concurrency)
{
	b->left = remaining < 0 ? 0 : remaining;
	if (b->left == 0 && reset_after_ms < RETOLD_MS)
		reset_after_ms = reset_after_ms > 0 ? reset_after_ms : RETOLD_MS;
	if (reset_after_ms > DAY_MS)
		reset_after_ms = DAY_MS;
	b->refill_ms = clock_mono_ms() + reset_after_ms;
	b->concurrency = max_concurrency < 1 ? 1 : max_concurrency > KEYS_MAX ? KEYS_MAX
		: max_concurrency;
	if (b->left < LOW && !b->is_low_told)
		log_event(LOG_ERROR, "platform", "identifies_low", LOG_INT("left", b->left),
			LOG_INT("refill_ms", reset_after_ms), "message",
			"few logins to Discord are left for today", NULL);
	b->is_low_told = b->left < LOW;
}

static void forget_old(struct platform_identify *b, int64_t now_ms)
{
	size_t old = 0;

	while (old < b->n && now_ms - b->sent[old].at_ms >= DAY_MS)
		old++;
	memmove(b->sent, b->sent + old, (b->n - old) * sizeof(b->sent[0]));
	b->n -= old;
	if (b->left >= 0 && now_ms >= b->refill_ms)
		b->left = -1;
}

/* How long all of them have to wait, for whichever reason lasts longest. */
static int64_t day_wait(struct platform_identify *b, int64_t now_ms)
{
	int64_t until = now_ms;
	const char *why = "";

	forget_old(b, now_ms);
	if (b->left == 0 && b->refill_ms > until) {
		until = b->refill_ms;
		why = "Discord says that all logins of the day are used";
	}
	if (b->n == DAY_MAX && b->sent[0].at_ms + DAY_MS > until) {
		until = b->sent[0].at_ms + DAY_MS;
		why = "900 of the day's 1,000 logins to Discord are used; with the last of them "
		      "Discord would take the token away";
	}
	if (b->hold_ms > until) {
		until = b->hold_ms;
		why = "nobody knows how many logins to Discord are left for today";
	}
	if (strcmp(b->why, why) != 0) {
		snprintf(b->why, sizeof(b->why), "%s", why);
		if (*why)
			log_event(LOG_ERROR, "platform", "identify_refused", "result", "FAILED",
				"message", why, LOG_INT("wait_ms", until - now_ms),
				LOG_INT("spent", b->n), NULL);
	}
	return until - now_ms;
}

static struct key *key_of(struct platform_identify *b, unsigned shard)
{
	return &b->keys[shard % b->concurrency];
}

static bool holds_seat(const struct key *k, unsigned shard, int64_t now_ms)
{
	return k->is_taken && k->shard == shard && now_ms - k->taken_ms < SEAT_MS;
}

int64_t platform_identify_wait(struct platform_identify *b, unsigned shard)
{
	const int64_t now_ms = clock_mono_ms();
	struct key *k = key_of(b, shard);
	int64_t wait_ms;

	if (holds_seat(k, shard, now_ms))
		return 0;
	wait_ms = day_wait(b, now_ms);
	if (k->free_ms > now_ms + wait_ms)
		wait_ms = k->free_ms - now_ms;
	return wait_ms;
}

const char *platform_identify_why(const struct platform_identify *b)
{
	return b->why;
}

/* It is counted from now on, whatever comes of it. */
static void take_seat(struct platform_identify *b, struct key *k, unsigned shard, int64_t now_ms)
{
	b->sent[b->n++] = (struct sent){.at_ms = now_ms, .shard = shard};
	if (b->left > 0)
		b->left--;
	k->is_taken = true;
	k->shard = shard;
	k->taken_ms = now_ms;
	save(b);
}

int64_t platform_identify_take(struct platform_identify *b, unsigned shard)
{
	const int64_t now_ms = clock_mono_ms();
	struct key *k = key_of(b, shard);
	int64_t wait_ms;

	if (k->is_taken && k->shard != shard && now_ms - k->taken_ms < SEAT_MS)
		return APART_MS;
	if (!holds_seat(k, shard, now_ms)) {
		wait_ms = platform_identify_wait(b, shard);
		if (wait_ms > 0)
			return wait_ms;
		take_seat(b, k, shard, now_ms);
	}
	if (!platform_store_is_settled(b->store) && now_ms - k->taken_ms < DISK_MS)
		return LOOK_MS;
	k->is_taken = false;
	k->free_ms = now_ms + APART_MS + rand_between(0, APART_MORE_MS);
	return 0;
}

int64_t platform_identify_spent(const struct platform_identify *b)
{
	const int64_t now_ms = clock_mono_ms();
	int64_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += now_ms - b->sent[i].at_ms < DAY_MS;
	return n;
}
