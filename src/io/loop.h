/* io/loop.h: what the files of the room share: the loop itself, and how its handles live and die.
 *
 * Everything the loop owns begins with a struct handle. Freeing one is always "bury": it leaves the
 * list at once, its callbacks stop at once, and its memory goes at the next quiet point, when no
 * callback of anybody is on the stack and libuv has closed what the handle had open. So a handle
 * may be freed anywhere, its own callback included. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <uv.h>

#include "io/io.h"

struct handle {
	struct io *io;
	void (*end)(struct handle *h);   /* io_free: frees the handle as its owner would */
	void (*fini)(struct handle *h);  /* NULL, or gives back what a callback may still read */
	void (*later)(struct handle *h); /* to be called at the next quiet point */
	struct handle *prev, *next;      /* in io->handles, or in io->graves */
	struct handle *later_prev, *later_next;
	unsigned open; /* libuv handles and requests inside that are not closed yet */
	bool is_dead;
};

struct io {
	uv_loop_t uv;
	uv_async_t wake; /* from workers and resolver threads; also keeps the loop alive */
	uv_idle_t quiet; /* runs while something waits for a quiet point */
	uv_prepare_t before_wait;
	uv_check_t after_wait;
	uv_timer_t turn; /* ends io_turn */
	struct handle *handles, *graves, *laters;
	unsigned long activity; /* own callbacks so far: io_turn returns once there was some */
	bool is_stopping;
	bool is_ending; /* io_free has begun: nothing calls back */

	int64_t lag_ms;          /* since the last io_lag_ms */
	int64_t lag_observed_ms; /* since the last observation for the metric */
	int64_t lag_observed_at; /* of uv_now */

	struct io_worker *workers;
	size_t jobs;               /* of all workers: those that have not been collected */
	struct resolver *resolver; /* lookup.c; born with the first name */
	struct lws_door *lws;      /* lws.c; born with the first use */
	struct tls_authority *authorities; /* tls.c; born with the first use of each */
	struct curl_door *curl;    /* curl.c; born with the first request */
};

/* Enters h into the loop. end is what io_free calls. */
void io_handle_init(struct handle *h, struct io *io, void (*end)(struct handle *h));
/* Runs call(h) once at the next quiet point unless h is buried before; asking again changes only
 * what is called. Cannot fail. */
void io_handle_later(struct handle *h, void (*call)(struct handle *h));
/* Closes one libuv handle inside h; its memory waits for that. */
void io_handle_close(struct handle *h, uv_handle_t *uv);
/* The end of h: nothing is called any more, mem_free(h) happens at a quiet point. Everything else h
 * owns has been given back by the caller. */
void io_handle_bury(struct handle *h);

/* Notes how late the loop is by now (milliseconds). */
void io_loop_note_lag(struct io *io, int64_t late_ms);
/* Milliseconds the current callback is behind uv_now. */
int64_t io_loop_drift_ms(const struct io *io);
void io_timer_shift_all(struct io *io);
int64_t io_timer_next_ms(const struct io *io); /* when the next is due; INT64_MAX = none */

void io_worker_collect(struct io *io);   /* on the loop: done callbacks of every worker */
void io_resolver_collect(struct io *io); /* on the loop: answers of the resolver threads */
void io_resolver_free(struct io *io);

/* Begins to close everything libwebsockets has; some turns later io_lws_door_free may be called. */
void io_lws_door_close(struct io *io);
void io_lws_door_free(struct io *io);
void io_tls_forget(struct io *io);
void io_curl_door_free(struct io *io);

/* Is it link-local, a metadata service, or unspecified (faults.md Z1)? addr is 4 or 16 bytes in
 * network order; forms of v4 inside v6 are seen through. */
bool io_address_is_forbidden(const unsigned char *addr, bool is_v6);
bool io_address_is_loopback(const unsigned char *addr, bool is_v6);

#endif
