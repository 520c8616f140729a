/* platform/stream_room.h: what the files about our channels' streams share. Not for other rooms,
 * nor for other files of this one.
 *   twitch_stream.c   the rounds: which are asked for, in which order, when again
 *   stream_channel.c  one channel: what is known of it, telling changes, status */
#ifndef PLATFORM_STREAM_ROOM_H
#define PLATFORM_STREAM_ROOM_H

#include "base/hash.h"
#include "platform/twitch_need.h"
#include "platform/twitch_stream.h"

#define PLATFORM_BATCH 100         /* twitch.md 3.3: names or ids in one call */
#define PLATFORM_TRUST_EVENT_MS (3 * 60000)
#define PLATFORM_STALE_MS (5 * 60000)
#define PLATFORM_TITLE_BYTES 1024  /* 140 characters */
#define PLATFORM_GAME_BYTES 512

enum platform_name { PLATFORM_NAME_UNASKED, PLATFORM_NAME_KNOWN, PLATFORM_NAME_MISSING };

struct platform_about {
	char name[PLATFORM_CHANNEL_BYTES];
	char id[PLATFORM_NUMBER_BYTES];
	enum platform_name found, was_found; /* was: as told, UNASKED = not told */
	bool is_name;         /* it can be one */
	bool is_wanted;       /* while a new config is read */
	unsigned stamp;       /* of the step it was asked for in */
	bool is_asked;        /* in the call that is under way */
	/* as it is known, and as it was told last */
	bool is_known, is_live, was_known, was_live;
	char stream_id[PLATFORM_NUMBER_BYTES];
	char *title, *game;   /* NULL = "" */
	int64_t started_wall_ms;
	bool is_changed;
	int64_t event_until_ms; /* what an event said of is_live stands until then */
	UT_hash_handle hh;
};

enum platform_step { PLATFORM_STEP_NAMES, PLATFORM_STEP_STREAMS, PLATFORM_STEP_TITLES,
	PLATFORM_STEP_REST };

struct platform_streams {
	struct platform_streams_options o;
	struct io_timer *timer;
	struct platform_about *channels; /* uthash by name */
	bool is_polled;
	enum platform_step step;
	unsigned stamp;
	struct platform_helix_task *task;
	int64_t next_poll_ms, retry_ms, heard_ms; /* clock_mono_ms; heard: the last good answer */
	struct io_backoff backoff;
	char why[320];        /* why nothing is known, "" = it is */
	int depth;
	bool is_doomed;
};


/* stream_channel.c */
/* ERR_NOMEM. A name that cannot be one is MISSING at once. */
int platform_about_add(struct platform_streams *s, const char *name) MUST_USE;
void platform_about_free(struct platform_streams *s, struct platform_about *a);
/* As the config writes its name. */
struct platform_about *platform_about_of(const struct platform_streams *s, const char *name);
struct platform_about *platform_about_by_name(const struct platform_streams *s, struct str name);
struct platform_about *platform_about_by_id(const struct platform_streams *s, struct str id);
void platform_about_set_live(struct platform_about *a, bool is_live, struct str stream_id,
	int64_t started_wall_ms);
/* Without memory it stays as it was. */
void platform_about_set_title(struct platform_about *a, struct str title, struct str game);
void platform_about_set_unknown(struct platform_about *a);
/* Tells what changed of all channels. */
void platform_about_tell(struct platform_streams *s);

#endif
