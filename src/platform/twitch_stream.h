/* platform/twitch_stream.h: what Twitch says of our channels: their ids, whether they are live,
 * title and category. Not for other rooms.
 *
 * Names become ids once, a hundred at a time, those that were not found again after a reload; a
 * name that nobody has is said so once in the log and stays in the status. While somebody wants to
 * know, the streams are asked for every poll_ms. EventSub says it sooner (platform_streams_live):
 * then a poll that says otherwise is not believed for three minutes, since what is asked for is
 * behind what is told. Five minutes without an answer, and nobody knows any more. */
#ifndef PLATFORM_TWITCH_STREAM_H
#define PLATFORM_TWITCH_STREAM_H

#include "platform/twitch_helix.h"

struct platform_streams_options {
	struct io *io;
	struct platform_helix *helix; /* BORROWED for its life */
	int64_t poll_ms;
	/* A channel's id is known; "" = there is no such channel. When it is learnt, not again. */
	void (*named)(void *ctx, const char *channel, const char *id);
	/* What is known of a stream changed. BORROWED. */
	void (*stream)(void *ctx, const char *channel, const struct stream *s);
	/* Neither may call want(). */
	void *ctx;
};
struct platform_streams;
int platform_streams_new(const struct platform_streams_options *o,
	struct platform_streams **out) MUST_USE;
void platform_streams_free(struct platform_streams *s);
/* The channels of the config, and whether their streams are to be asked for. What is known of those
 * that stay is kept; when nothing changed nothing is done. */
int platform_streams_want(struct platform_streams *s, const struct conf_texts *channels,
	bool is_polled) MUST_USE;
/* After a reload, or with another login, perhaps the first: what failed is asked for at once, and
 * so are the names that were not found. */
void platform_streams_retry(struct platform_streams *s);

/* What EventSub tells; of channels that are not ours nothing is noted. */
void platform_streams_live(struct platform_streams *s, struct str channel_id, bool is_live,
	struct str stream_id, int64_t started_wall_ms);

/* Adds one JSON array: name, id, stream ("live", "offline", "unknown"), title, game, since, why. */
int platform_streams_status(const struct platform_streams *s, struct buf *out) MUST_USE;

#endif
