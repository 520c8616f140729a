/* The ledger in SQLite: a bounded queue on the loop, one thread that writes.
 *
 * One job is under way at most; while it runs rows gather, so that under load a transaction takes
 * many and without load each row goes at once. After a failure the rows wait in the queue: a second
 * for a lock, up to a minute for a disk; what exceeds the queue is lost, oldest first, and
 * counted. */
#include "ledger/room.h"

#include <utlist.h>

#define BATCH_ROWS 500                 /* of one transaction: some 10 ms */
#define QUEUE_BYTES (16 * 1024 * 1024) /* with payloads kept, rows alone are no bound */
#define LOCK_RETRY_MS 1000
#define DISK_RETRY_MS 1000      /* doubled with each failure ... */
#define DISK_RETRY_MAX_MS 60000 /* ... up to this: faults.md L2 */
#define LAST_PATIENCE_MS 1000 /* for a lock when the program ends */
#define PRUNE_FIRST_MS 60000
#define PRUNE_EVERY_MS (60 * 60 * 1000)
#define PRUNE_AGAIN_MS 250
#define PRUNE_ROWS 500 /* faults.md L8: at most 50 ms a batch */

struct waiter {
	struct waiter *prev, *next;
	int64_t seq; /* of the last row it waits for */
	void (*done)(void *ctx);
	void *ctx;
};

struct sqlite {
	struct io_worker *worker;
	struct ledger_store *store; /* the worker's while a job is under way */
	struct io_timer *retry, *prune;
	struct ledger_item *queue; /* oldest first */
	size_t queue_rows, queue_bytes, queue_max;
	struct ledger_item *batch; /* the job's */
	size_t batch_rows;
	struct waiter *waiters;
	int64_t last_seq;
	int64_t written, lost;
	int64_t keep_ms, disk_retry_ms;

	/* The job's: what it is to do, and how it ended. */
	int64_t prune_before_ms;
	size_t refused;
	int deleted;
	int err;

	bool is_running, is_waiting, is_pruning, is_ending, is_telling, is_up;
	const char *state;
};

static struct metric rows_total = {
	.name = "mynah_ledger_rows_total",
	.help = "Ledger rows by what became of them.",
	.kind = METRIC_COUNTER,
	.label = "result",
};
static struct metric waiting_rows = {
	.name = "mynah_ledger_waiting_rows",
	.help = "Ledger rows not yet written.",
	.kind = METRIC_GAUGE,
};
static struct metric ledger_up = {
	.name = "mynah_ledger_up",
	.help = "1 when the last write of the ledger succeeded.",
	.kind = METRIC_GAUGE,
};

static void kick(struct sqlite *l);

/* ---- The queue ------------------------------------------------------------------------------- */

static void count_written(struct sqlite *l, size_t n)
{
	l->written += (int64_t)n;
	metric_add(&rows_total, "written", (int64_t)n);
}

static void count_lost(struct sqlite *l, size_t n)
{
	l->lost += (int64_t)n;
	metric_add(&rows_total, "lost", (int64_t)n);
}

static void lose_oldest(struct sqlite *l)
{
	struct ledger_item *item = l->queue;

	DL_DELETE(l->queue, item);
	l->queue_rows--;
	l->queue_bytes -= item->bytes;
	mem_free(item);
	count_lost(l, 1);
}

/* Gives true when something had to go. */
static bool shed(struct sqlite *l)
{
	bool has_lost = false;

	while (l->queue_rows > l->queue_max ||
		(l->queue_bytes > QUEUE_BYTES && l->queue_rows > 1)) {
		lose_oldest(l);
		has_lost = true;
	}
	return has_lost;
}

static void take_batch(struct sqlite *l)
{
	while (l->queue != NULL && l->batch_rows < BATCH_ROWS) {
		struct ledger_item *item = l->queue;

		DL_DELETE(l->queue, item);
		l->queue_rows--;
		l->queue_bytes -= item->bytes;
		DL_APPEND(l->batch, item);
		l->batch_rows++;
	}
}

static void free_batch(struct sqlite *l)
{
	struct ledger_item *item, *next;

	DL_FOREACH_SAFE(l->batch, item, next)
		mem_free(item);
	l->batch = NULL;
	l->batch_rows = 0;
}

/* Back to the head of the queue. */
static void return_batch(struct sqlite *l)
{
	struct ledger_item *item;

	DL_FOREACH(l->batch, item) {
		l->queue_rows++;
		l->queue_bytes += item->bytes;
	}
	DL_CONCAT(l->batch, l->queue);
	l->queue = l->batch;
	l->batch = NULL;
	l->batch_rows = 0;
	shed(l);
}

/* ---- Flush ----------------------------------------------------------------------------------- */

static bool is_settled(const struct sqlite *l, int64_t seq)
{
	return (l->queue == NULL || l->queue->seq > seq) &&
	       (l->batch == NULL || l->batch->seq > seq);
}

/* Tells those whose rows are written or lost. Waiters are in order. One of them may free the
 * ledger: nothing of it is touched after this. */
static void settle(struct sqlite *l)
{
	metric_set(&waiting_rows, NULL, (int64_t)(l->queue_rows + l->batch_rows));
	l->is_telling = true;
	while (l->waiters != NULL && is_settled(l, l->waiters->seq)) {
		struct waiter w = *l->waiters;
		struct waiter *old = l->waiters;

		DL_DELETE(l->waiters, old);
		mem_free(old);
		w.done(w.ctx);
	}
	l->is_telling = false;
	if (l->is_ending)
		mem_free(l);
}

/* Gives up what is queued up to this row, and says so. */
static void lose_until(struct sqlite *l, int64_t seq)
{
	const int64_t before = l->lost;

	while (l->queue != NULL && l->queue->seq <= seq)
		lose_oldest(l);
	if (l->lost > before)
		log_event(LOG_ERROR, "ledger", "ledger_rows_lost", "result", "error", "message",
			ledger_store_why(l->store), LOG_INT("rows", l->lost - before), NULL);
}

/* A failing disk and somebody who waits: what he waits for is lost, and he may go on. */
static void lose_awaited(struct sqlite *l)
{
	if (l->waiters != NULL)
		lose_until(l, l->waiters->prev->seq);
}

/* ---- The job --------------------------------------------------------------------------------- */

static void set_state(struct sqlite *l, bool is_up, const char *state)
{
	l->is_up = is_up;
	l->state = state;
	metric_set(&ledger_up, NULL, is_up);
}

static void judge(struct sqlite *l)
{
	bool was_up = l->is_up;

	if (l->err == 0) {
		set_state(l, true, "up");
		l->disk_retry_ms = DISK_RETRY_MS;
		if (!was_up)
			log_event(LOG_INFO, "ledger", "ledger_up", "result", "ok", "message",
				"the ledger is being written", NULL);
	} else if (l->err == ERR_BUSY || l->err == ERR_NOMEM) {
		set_state(l, false, l->err == ERR_BUSY ? "away: another process holds its lock" :
							 "away: out of memory");
		io_timer_start(l->retry, LOCK_RETRY_MS);
	} else {
		set_state(l, false, "away: the disk or the file fails; tried again and again");
		io_timer_start(l->retry, l->disk_retry_ms);
		l->disk_retry_ms *= 2;
		if (l->disk_retry_ms > DISK_RETRY_MAX_MS)
			l->disk_retry_ms = DISK_RETRY_MAX_MS;
	}
	l->is_waiting = l->err != 0;
	if (l->err != 0)
		log_event(LOG_ERROR, "ledger", "ledger_away", "result", "error", "message",
			ledger_store_why(l->store), "effect",
			"rows wait in memory; the oldest go when there are too many", NULL);
}

static void work_write(void *ctx)
{
	struct sqlite *l = ctx;

	l->err = ledger_store_write(l->store, l->batch, &l->refused);
}

static void done_write(void *ctx)
{
	struct sqlite *l = ctx;

	l->is_running = false;
	judge(l);
	if (l->err == 0) {
		count_written(l, l->batch_rows - l->refused);
		count_lost(l, l->refused);
		if (l->refused > 0)
			log_event(LOG_ERROR, "ledger", "ledger_row_refused", "result", "error",
				"message", "rows that cannot be stored were dropped",
				LOG_INT("rows", l->refused), NULL);
		free_batch(l);
	} else {
		return_batch(l);
		if (l->err != ERR_BUSY && l->err != ERR_NOMEM)
			lose_awaited(l);
	}
	if (l->is_ending)
		return;
	kick(l);
	settle(l);
}

static void work_prune(void *ctx)
{
	struct sqlite *l = ctx;

	l->err = ledger_store_prune(l->store, l->prune_before_ms, PRUNE_ROWS, &l->deleted);
}

static void done_prune(void *ctx)
{
	struct sqlite *l = ctx;
	bool has_more = l->err == ERR_BUSY || l->deleted == PRUNE_ROWS;

	l->is_running = false;
	if (l->is_ending)
		return;
	if (l->err != 0 && l->err != ERR_BUSY)
		judge(l);
	io_timer_start(l->prune, has_more ? PRUNE_AGAIN_MS : PRUNE_EVERY_MS);
	kick(l);
	settle(l);
}

static void start(struct sqlite *l, void (*work)(void *ctx), void (*done)(void *ctx))
{
	if (io_worker_put(l->worker, work, done, l) == 0) {
		l->is_running = true;
		return;
	}
	return_batch(l);
	l->is_waiting = true;
	io_timer_start(l->retry, LOCK_RETRY_MS);
}

/* Gives the worker something to do, if there is something and it has nothing. */
static void kick(struct sqlite *l)
{
	if (l->is_running || l->is_waiting)
		return;
	if (l->is_pruning) {
		l->is_pruning = false;
		l->prune_before_ms = clock_wall_ms() - l->keep_ms;
		start(l, work_prune, done_prune);
	} else if (l->queue != NULL || !l->is_up) {
		take_batch(l);
		start(l, work_write, done_write);
	}
}

static void on_retry(void *ctx)
{
	struct sqlite *l = ctx;

	l->is_waiting = false;
	kick(l);
}

static void on_prune(void *ctx)
{
	struct sqlite *l = ctx;

	l->is_pruning = true;
	kick(l);
}

/* ---- The backend ----------------------------------------------------------------------------- */

static int op_write(void *self, const struct ledger_row *row)
{
	struct sqlite *l = self;
	struct ledger_item *item = ledger_item_new(row);
	bool has_lost;

	if (item == NULL) {
		count_lost(l, 1);
		return ERR_NOMEM;
	}
	item->seq = ++l->last_seq;
	DL_APPEND(l->queue, item);
	l->queue_rows++;
	l->queue_bytes += item->bytes;
	has_lost = shed(l);
	kick(l);
	metric_set(&waiting_rows, NULL, (int64_t)(l->queue_rows + l->batch_rows));
	return has_lost ? ERR_LIMIT : 0;
}

static void op_flush(void *self, void (*done)(void *ctx), void *ctx)
{
	struct sqlite *l = self;
	struct waiter *w;

	if (is_settled(l, l->last_seq)) {
		done(ctx);
		return;
	}
	w = mem_new(sizeof(*w));
	if (w == NULL) {
		done(ctx); /* what is queued is written all the same */
		return;
	}
	*w = (struct waiter){.seq = l->last_seq, .done = done, .ctx = ctx};
	DL_APPEND(l->waiters, w);
	if (l->is_waiting)
		io_timer_start(l->retry, 0);
}

static const char *op_state(void *self, bool *is_up)
{
	struct sqlite *l = self;

	*is_up = l->is_up;
	return l->state;
}

static void op_counts(void *self, int64_t *written, int64_t *lost)
{
	struct sqlite *l = self;

	*written = l->written;
	*lost = l->lost;
}

/* What is still queued, on this thread: the worker is gone. One failure ends it. */
static void write_rest(struct sqlite *l)
{
	ledger_store_set_patience(l->store, LAST_PATIENCE_MS);
	l->err = 0;
	while (l->err == 0 && l->queue != NULL) {
		take_batch(l);
		work_write(l);
		done_write(l);
	}
	lose_until(l, l->last_seq);
}

static void op_free(void *self)
{
	struct sqlite *l = self;
	struct waiter *w, *next;

	l->is_ending = true;
	io_worker_free(l->worker); /* runs done of the job under way */
	if (l->store != NULL)
		write_rest(l);
	ledger_store_free(l->store);
	DL_FOREACH_SAFE(l->waiters, w, next)
		mem_free(w);
	l->waiters = NULL;
	io_timer_free(l->retry);
	io_timer_free(l->prune);
	if (!l->is_telling)
		mem_free(l);
}

static const struct ledger_ops sqlite_ops = {
	.name = "sqlite",
	.write = op_write,
	.flush = op_flush,
	.state = op_state,
	.counts = op_counts,
	.free = op_free,
};

int ledger_sqlite_new(struct io *io, const char *path, size_t queue_max, int64_t keep_ms,
	struct ledger *out)
{
	struct sqlite *l = mem_new(sizeof(*l));
	int err = ERR_NOMEM;

	if (l == NULL)
		return ERR_NOMEM;
	l->queue_max = queue_max > 0 ? queue_max : 1;
	l->keep_ms = keep_ms;
	l->disk_retry_ms = DISK_RETRY_MS;
	l->state = "away: opening";
	l->store = ledger_store_new(path);
	l->retry = io_timer_new(io, on_retry, l);
	l->prune = io_timer_new(io, on_prune, l);
	if (l->store == NULL || l->retry == NULL || l->prune == NULL)
		goto out;
	err = io_worker_new(io, "ledger", 2, &l->worker);
	if (err)
		goto out;
	if (keep_ms > 0)
		io_timer_start(l->prune, PRUNE_FIRST_MS);
	kick(l); /* opens the file now: trouble is known at start, not at the first row */
	*out = (struct ledger){&sqlite_ops, l};
	return 0;
out:
	op_free(l);
	return err;
}
