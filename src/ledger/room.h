/* Inside the room ledger: what its files share. Nobody else includes it. */
#ifndef LEDGER_ROOM_H
#define LEDGER_ROOM_H

#include "ledger/ledger.h"

/* A queued row: one block, its strings behind it. */
struct ledger_item {
	struct ledger_item *prev, *next; /* utlist */
	int64_t seq;                     /* counts up by one a row: flush knows what came before */
	size_t bytes;
	struct ledger_row row;
};

/* request and response: prompt cap 32 KiB, completion cap 16 KiB (faults.md section 7), escaped */
#define LEDGER_PAYLOAD_BYTES (128 * 1024)
#define LEDGER_TEXT_BYTES 1024 /* every other text */

/* Copies a row, cutting what is too long; a payload over its limit becomes a note of its size, as
 * half a JSON value would be none. GIVES (mem_free). NULL = no memory. */
struct ledger_item *ledger_item_new(const struct ledger_row *row);

/* ---- The file -------------------------------------------------------------------------------- */

/* One SQLite file. Opens itself when first used and again after a failure. Everything here blocks:
 * on one thread at a time, never the loop's (except at the very end). */
struct ledger_store;
struct ledger_store *ledger_store_new(const char *path); /* NULL = no memory */
void ledger_store_free(struct ledger_store *s);
/* How long to wait for another process' lock. */
void ledger_store_set_patience(struct ledger_store *s, int ms);
/* Writes a list of rows in one transaction, all or none, but for rows that can never be written (an
 * id that is there already), which are counted in *refused. No rows: only opens the file. ERR_BUSY:
 * somebody holds the lock; ERR_IO: disk or file; ERR_NOMEM. */
int ledger_store_write(struct ledger_store *s, const struct ledger_item *rows, size_t *refused)
	MUST_USE;
/* Deletes at most `most` rows older than that wall time. *deleted says how many. */
int ledger_store_prune(struct ledger_store *s, int64_t before_ms, int most, int *deleted) MUST_USE;
/* Why the last call failed, for a person. */
const char *ledger_store_why(const struct ledger_store *s);

#endif
