/* What survives a restart, in the state folder: the lock, the key of pseudonyms, the send budgets,
 * what model calls cost and how many there were, how models count, what triggers count, and the
 * times of recent starts. Written on the bot's worker, read once at start.
 *
 * Budgets are saved shortly after a send, not before it. So the file says at its top whether it was
 * closed in order; after a crash the sends since the last save are unknown, and everything counts
 * as spent just now: half a minute of silence instead of a broken limit (law 6). */
#include "bot/room.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STATE_BYTES (4 * 1024 * 1024) /* what outbox_load takes */
#define STATE_CLEAN "clean\n"
#define STATE_OPEN "open\n"
#define SAVE_AGAIN_MS 2000      /* after a save that failed */
#define STARTS_MAX 5            /* faults.md S4: after five starts ... */
#define STARTS_MS 60000         /* ... within a minute, a minute of patience */

static int take_lock(struct bot *b)
{
	char *path = file_join(b->state_dir, "lock");

	if (!path)
		return ERR_NOMEM;
	b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	mem_free(path);
	if (b->lock_fd < 0)
		return ERR_IO;
	return flock(b->lock_fd, LOCK_EX | LOCK_NB) ? ERR_BUSY : 0;
}

/* The key of user pseudonyms: made once, kept for ever, so that a person keeps their tag. */
static int load_key(struct bot *b)
{
	char *path = file_join(b->state_dir, "pseudonym.key");
	unsigned char key[32];
	struct buf bytes;
	int err;

	if (!path)
		return ERR_NOMEM;
	buf_init(&bytes, sizeof(key));
	err = file_read(path, &bytes);
	if (!err && bytes.len == sizeof(key)) {
		memcpy(key, bytes.at, sizeof(key));
	} else if (err == ERR_NOTFOUND) {
		rand_bytes(key, sizeof(key));
		err = file_replace(path, (struct str){(const char *)key, sizeof(key)}, 0600);
	} else {
		err = err ? err : ERR_PARSE;
	}
	if (!err)
		seal_set_key(key);
	secret_wipe(key, sizeof(key));
	buf_fini(&bytes);
	mem_free(path);
	return err;
}

/* path NULL = there was no memory for it. As file_read; text is valid in either case. */
static int read_state(const char *path, struct buf *text)
{
	buf_init(text, STATE_BYTES);
	return path ? file_read(path, text) : ERR_NOMEM;
}

static int load_budgets(struct bot *b)
{
	char *path = file_join(b->state_dir, "outbox");
	const size_t clean = sizeof(STATE_CLEAN) - 1;
	struct buf text;
	int err = read_state(path, &text);
	struct str rest = buf_str(&text);

	if (err == ERR_NOTFOUND) {
		err = 0; /* the first start: nothing was ever sent */
	} else if (!err && rest.len >= clean && memcmp(rest.at, STATE_CLEAN, clean) == 0) {
		rest.at += clean;
		rest.len -= clean;
		err = outbox_load(b->outbox, rest, clock_mono_ms(), clock_wall_ms());
	} else if (err != ERR_NOMEM) {
		log_event(LOG_INFO, "bot", "budgets_unknown", "message",
			"the last end was not in order: every send budget counts as spent", NULL);
		err = outbox_load(b->outbox, STR("unknown"), clock_mono_ms(), clock_wall_ms());
	}
	if (err == ERR_PARSE) /* that is what makes everything count as spent */
		err = 0;
	buf_fini(&text);
	mem_free(path);
	return err;
}

static int load_spent(struct bot *b)
{
	char *path = file_join(b->state_dir, "spent");
	struct buf text;
	int err = read_state(path, &text);

	if (!err)
		err = bot_counts_load(b, buf_str(&text));
	else if (err == ERR_NOTFOUND)
		err = 0;
	else if (err != ERR_NOMEM)
		err = bot_counts_load(b, STR("unknown"));
	if (err == ERR_PARSE) {
		err = 0;
		log_event(LOG_ERROR, "bot", "spending_unknown", "file", path, "message",
			"what this day's model calls cost is not known: all of it counts as spent",
			NULL);
	}
	buf_fini(&text);
	mem_free(path);
	return err;
}

/* What is lost of it is learned anew. */
static int load_gauges(struct bot *b)
{
	char *path = file_join(b->state_dir, "tokens");
	struct buf text;
	int err = read_state(path, &text);

	if (!err)
		err = bot_gauge_load(b, buf_str(&text));
	buf_fini(&text);
	mem_free(path);
	return err == ERR_NOMEM ? err : 0;
}

/* What makes no sense was edited by hand: the lines that do are kept, and the file is put aside. */
static int load_counters(struct bot *b)
{
	char *path = file_join(b->state_dir, "counters");
	char *aside = file_join(b->state_dir, "counters.bad");
	struct buf text;
	int err = read_state(aside ? path : NULL, &text);

	if (!err)
		err = bot_counters_load(b, buf_str(&text));
	if (err && err != ERR_NOTFOUND && err != ERR_NOMEM) {
		log_event(LOG_ERROR, "bot", "counters_unreadable", "file", path, "message",
			"what could not be read of the counters is lost; counters.bad keeps it",
			NULL);
		if (rename(path, aside) == 0)
			b->counters_are_dirty = true;
		err = 0;
	}
	buf_fini(&text);
	mem_free(path);
	mem_free(aside);
	return err == ERR_NOTFOUND ? 0 : err;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

struct save {
	struct bot *bot;
	char *sends_path, *spent_path, *gauges_path, *counters_path;
	struct buf sends, spent, gauges, counters;
	bool has_counters; /* they have changed */
	int err;
};

static void save_free(struct save *s)
{
	if (!s)
		return;
	mem_free(s->sends_path);
	mem_free(s->spent_path);
	mem_free(s->gauges_path);
	buf_fini(&s->sends);
	buf_fini(&s->spent);
	buf_fini(&s->gauges);
	mem_free(s->counters_path);
	buf_fini(&s->counters);
	mem_free(s);
}

static struct save *save_new(struct bot *b, const char *mark)
{
	struct save *s = mem_new(sizeof(*s));

	if (!s)
		return NULL;
	s->bot = b;
	buf_init(&s->sends, STATE_BYTES);
	buf_init(&s->spent, STATE_BYTES);
	buf_init(&s->gauges, STATE_BYTES);
	buf_init(&s->counters, STATE_BYTES);
	s->has_counters = b->counters_are_dirty;
	s->sends_path = file_join(b->state_dir, "outbox");
	s->spent_path = file_join(b->state_dir, "spent");
	s->gauges_path = file_join(b->state_dir, "tokens");
	s->counters_path = file_join(b->state_dir, "counters");
	if (!s->sends_path || !s->spent_path || !s->gauges_path || !s->counters_path ||
			buf_adds(&s->sends, mark) ||
			outbox_save(b->outbox, clock_mono_ms(), clock_wall_ms(), &s->sends) ||
			bot_counts_save(b, &s->spent) || bot_gauge_save(b, &s->gauges) ||
			(s->has_counters && bot_counters_save(b, &s->counters))) {
		save_free(s);
		return NULL;
	}
	return s;
}

static void save_work(void *ctx)
{
	struct save *s = ctx;

	s->err = file_replace(s->sends_path, buf_str(&s->sends), 0600);
	if (!s->err)
		s->err = file_replace(s->spent_path, buf_str(&s->spent), 0600);
	if (!s->err)
		s->err = file_replace(s->gauges_path, buf_str(&s->gauges), 0600);
	if (!s->err && s->has_counters)
		s->err = file_replace(s->counters_path, buf_str(&s->counters), 0600);
}

/* Nothing is clean any more: all of it is tried again, though nothing may change until then. */
static void not_saved(struct bot *b, int err)
{
	log_event(LOG_ERROR, "bot", "budgets_not_saved", "error", err_name(err), NULL);
	outbox_not_saved(b->outbox);
	b->counts.is_dirty = b->gauges_are_dirty = true;
	if (b->is_opened)
		io_timer_start(b->save, SAVE_AGAIN_MS);
}

static void save_done(void *ctx)
{
	struct save *s = ctx;
	struct bot *b = s->bot;

	b->is_saving = false;
	b->counters_are_dirty |= s->err && s->has_counters;
	if (s->err)
		not_saved(b, s->err);
	save_free(s);
	if (outbox_is_dirty(b->outbox) || b->counts.is_dirty || b->gauges_are_dirty ||
			b->counters_are_dirty)
		bot_state_save_soon(b);
}

void bot_state_save_soon(struct bot *b)
{
	if (b->is_opened && !b->is_saving && !io_timer_is_on(b->save))
		io_timer_start(b->save, BOT_SAVE_MS);
}

void bot_state_save(void *ctx)
{
	struct bot *b = ctx;
	struct save *s;
	int err;

	if (b->is_saving)
		return;
	s = save_new(b, STATE_OPEN);
	if (!s) {
		not_saved(b, ERR_NOMEM);
		return;
	}
	b->is_saving = true;
	err = io_worker_put(b->worker, save_work, save_done, s);
	if (err) {
		b->is_saving = false;
		b->counters_are_dirty |= s->has_counters;
		save_free(s);
		not_saved(b, err);
	}
}

/* ---- Start and end --------------------------------------------------------------------------- */

int64_t bot_state_start_wait_ms(struct bot *b)
{
	char *path = file_join(b->state_dir, "starts");
	const int64_t now = clock_wall_ms();
	struct buf text, kept;
	struct str rest;
	size_t recent = 0;
	int64_t at;

	if (!path)
		return 0;
	buf_init(&text, STATE_BYTES);
	buf_init(&kept, STATE_BYTES);
	if (file_read(path, &text))
		buf_clear(&text);
	rest = buf_str(&text);
	while (rest.len > 0) {
		struct str line = str_split(&rest, '\n');

		if (str_int(line, &at) || at > now || now - at >= STARTS_MS || recent >= 100)
			continue;
		recent++;
		if (buf_addf(&kept, "%lld\n", (long long)at))
			break;
	}
	if (buf_addf(&kept, "%lld\n", (long long)now) || file_replace(path, buf_str(&kept), 0600))
		log_event(LOG_ERROR, "bot", "start_not_recorded", "file", path, NULL);
	buf_fini(&text);
	buf_fini(&kept);
	mem_free(path);
	return recent >= STARTS_MAX ? STARTS_MS : 0;
}

int bot_state_open(struct bot *b)
{
	int err = file_make_dir(b->state_dir);

	if (!err)
		err = take_lock(b);
	if (!err)
		err = load_key(b);
	if (!err)
		err = load_budgets(b);
	if (!err)
		err = load_spent(b);
	if (!err)
		err = load_gauges(b);
	if (!err)
		err = load_counters(b);
	if (!err) {
		/* From here on a crash is known by the mark. */
		struct save *s = save_new(b, STATE_OPEN);

		if (s)
			save_work(s);
		err = s ? s->err : ERR_NOMEM;
		save_free(s);
	}
	b->is_opened = !err;
	return err;
}

void bot_state_close(struct bot *b)
{
	struct save *s = b->is_opened ? save_new(b, STATE_CLEAN) : NULL;

	if (s) {
		save_work(s);
		if (s->err)
			log_event(LOG_ERROR, "bot", "budgets_not_saved", "error",
				err_name(s->err), NULL);
	}
	save_free(s);
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	b->lock_fd = -1;
}
