/* Record: what came in, kept until somebody takes it. Replay: told again, a line at a time.
 *
 * A record is lines of JSON, in the order things happened; t is ms since it began:
 *   {"record":1,"at":"2026-...","wall_ms":N,"place":"twitch","login":"...","user_id":"..."}
 *     the first
 *   {"t":N,"wire":"irc","frame":"..."}      a frame that told the bot something, as it came, or
 *     (wire "discord") one that says what is known of a server;
 *     "plain":true  though a reward is redeemed with it, it told of a line
 *   {"t":N,"stream":{"channel":"...","known":true,"live":true,"id":"...","title":"...",
 *     "game":"...","started_ms":N}}
 *   {"t":N,"lane":{"channel":"...","open":true,"refused":false,"privileged":false,"slow_ms":0,
 *     "hold_ms":0}}
 *   {"t":N,"lost":N}                        lines that found no room
 * Handshakes tell nothing and are not kept, so no token is; a frame in which a secret of ours is
 * found all the same is left out. One place is recorded, on Twitch or on Discord. */
#include "bot/room.h"

#include <string.h>

#define RECORD_VERSION 1
#define RECORD_BYTES (4 * 1024 * 1024) /* a second of 2,000 lines/s is under 1 MiB */
#define RECORD_IDLE_MS 10000           /* nobody takes: it ends */

struct bot_record {
	struct buf lines, frame, line;
	int64_t number;    /* its wall_ms: who takes says it, lest two take of one record */
	int64_t began_ms, taken_ms, lost;
	unsigned place;
	const char *wire;  /* of the frame that is being read; NULL = none is, or it is kept */
};

void bot_record_end(struct bot *b)
{
	if (!b->record)
		return;
	buf_fini(&b->record->lines);
	buf_fini(&b->record->frame);
	buf_fini(&b->record->line);
	mem_free(b->record);
	b->record = NULL;
}

/* The line that stands in r->line, whole or not at all. */
static void keep(struct bot_record *r, int err)
{
	if (!err)
		err = buf_addc(&r->line, '\n');
	if (!err && r->lost > 0 && !buf_addf(&r->lines, "{\"t\":%lld,\"lost\":%lld}\n",
			(long long)(clock_mono_ms() - r->began_ms), (long long)r->lost))
		r->lost = 0;
	if (err || r->lost > 0 || buf_add(&r->lines, r->line.at, r->line.len))
		r->lost++;
}

static int begin_line(struct bot_record *r)
{
	buf_clear(&r->line);
	return buf_addf(&r->line, "{\"t\":%lld,", (long long)(clock_mono_ms() - r->began_ms));
}

static int add_text(struct buf *out, const char *name, struct str text)
{
	const int err = buf_addf(out, "\"%s\":", name);

	return err ? err : json_add_string(out, text);
}

/* As far as the channel that a line tells of. */
static int begin_line_of(struct bot_record *r, const char *what, struct str channel)
{
	int err = begin_line(r);

	if (!err)
		err = buf_addf(&r->line, "\"%s\":{", what);
	return err ? err : add_text(&r->line, "channel", channel);
}

/* ---- What happens ---------------------------------------------------------------------------- */

void bot_record_frame(struct bot *b, unsigned place, const char *wire, struct str bytes)
{
	struct bot_record *r = b->record;

	if (place != r->place)
		return;
	buf_clear(&r->frame);
	r->wire = buf_add(&r->frame, bytes.at, bytes.len) ? NULL : wire;
}

struct search {
	struct str text;
	bool is_found;
};

static void search(void *ctx, const struct secret *s)
{
	struct search *of = ctx;

	of->is_found = of->is_found || secret_is_in(s, of->text);
}

static void keep_frame(struct bot *b, const char *wire, struct str frame, bool is_plain)
{
	struct bot_record *r = b->record;
	struct search secrets = {.text = frame};
	int err;

	conf_secrets_each(b->world->conf, search, &secrets);
	if (secrets.is_found)
		return;
	err = begin_line(r);
	if (!err)
		err = buf_addf(&r->line, "\"wire\":\"%s\",%s", wire,
			is_plain ? "\"plain\":true," : "");
	if (!err)
		err = add_text(&r->line, "frame", frame);
	keep(r, err ? err : buf_addc(&r->line, '}'));
}

/* Did the line of a redeemed reward come as a line, because EventSub tells of rewards? Of several
 * lines in a frame nobody knows which it was. */
static bool is_plain(const struct bot_record *r, const struct event *e)
{
	const char *text = buf_text(&r->frame), *end = strchr(text, '\n');

	return e && e->kind == EVENT_MESSAGE && (!end || end[1] == '\0') &&
		(strstr(text, "custom-reward-id=") ||
			strstr(text, "\"channel_points_custom_reward_id\":\""));
}

void bot_record_told(struct bot *b, const struct event *e)
{
	struct bot_record *r = b->record;

	if (r->wire)
		keep_frame(b, r->wire, buf_str(&r->frame), is_plain(r, e));
	r->wire = NULL;
}

/* The frame it was learned from may tell more, and is left as it is. */
static void keep_fact(void *ctx, const char *wire, struct str frame)
{
	keep_frame(ctx, wire, frame, false);
}

void bot_record_learned(struct bot *b, unsigned place, struct str about)
{
	const struct platform *p = &b->places[place].platform;

	if (place == b->record->place && p->ops->facts)
		p->ops->facts(p->self, about, keep_fact, b);
}

void bot_record_stream(struct bot *b, unsigned place, struct str channel, const struct stream *s)
{
	struct bot_record *r = b->record;
	int err;

	if (place != r->place)
		return;
	err = begin_line_of(r, "stream", channel);
	if (!err)
		err = buf_addf(&r->line, ",\"known\":%s,\"live\":%s,\"started_ms\":%lld,",
			s->is_known ? "true" : "false", s->is_live ? "true" : "false",
			(long long)s->started_wall_ms);
	if (!err)
		err = add_text(&r->line, "id", s->id);
	if (!err)
		err = buf_addc(&r->line, ',');
	if (!err)
		err = add_text(&r->line, "title", s->title);
	if (!err)
		err = buf_addc(&r->line, ',');
	if (!err)
		err = add_text(&r->line, "game", s->game);
	keep(r, err ? err : buf_adds(&r->line, "}}"));
}

void bot_record_lane(struct bot *b, unsigned place, const char *channel,
	const struct outbox_lane *l)
{
	struct bot_record *r = b->record;
	int err;

	if (place != r->place)
		return;
	err = begin_line_of(r, "lane", str_of(channel));
	if (!err)
		err = buf_addf(&r->line, ",\"open\":%s,\"refused\":%s,\"privileged\":%s,"
			"\"slow_ms\":%lld,\"hold_ms\":%lld}}", l->is_open ? "true" : "false",
			l->is_refused ? "true" : "false", l->is_privileged ? "true" : "false",
			(long long)l->slow_ms, (long long)(l->hold_until_ms > clock_mono_ms()
				? l->hold_until_ms - clock_mono_ms() : 0));
	keep(r, err);
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static void keep_lane(void *ctx, const char *channel, const struct outbox_lane *lane)
{
	struct bot *b = ctx;
	const unsigned place = b->record->place;
	const struct bot_channel *known = bot_channel(b, place, str_of(channel), false);

	bot_record_lane(b, place, channel, lane);
	if (known && known->stream.is_known)
		bot_record_stream(b, place, str_of(channel), &known->stream);
}

/* Which place: the one of this name; "" = the first that can be recorded. */
static int find_place(const struct bot *b, struct str name)
{
	static const char *const recorded[] = {"twitch", "discord"};

	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		const int place = bot_place_number(b, recorded[i]);

		if (place >= 0 && (name.len == 0 || str_is(name, recorded[i])))
			return place;
	}
	return ERR_NOTFOUND;
}

/* The first line, and what is known by now. */
static int begin(struct bot *b, struct str name)
{
	struct bot_record *r = b->record;
	const int place = find_place(b, name);
	char now[CLOCK_TEXT_BYTES];
	int err;

	if (place < 0)
		return place;
	const struct bot_place *p = &b->places[place];
	const int64_t wall_ms = clock_wall_ms();
	r->place = (unsigned)place;
	r->number = wall_ms;
	err = buf_addf(&r->lines,
		"{\"record\":%d,\"at\":\"%s\",\"wall_ms\":%lld,\"place\":\"%s\",",
		RECORD_VERSION, clock_text(wall_ms, now), (long long)wall_ms, p->name);
	if (!err)
		err = add_text(&r->lines, "login", str_of(p->login));
	if (!err)
		err = buf_addc(&r->lines, ',');
	if (!err)
		err = add_text(&r->lines, "user_id", str_of(p->user_id));
	if (!err)
		err = buf_adds(&r->lines, "}\n");
	if (err)
		return err;
	bot_record_learned(b, r->place, (struct str){0});
	outbox_lanes(b->outbox, r->place, keep_lane, b);
	return 0;
}

int bot_record_take(struct bot *b, struct str place, int64_t number, struct buf *out)
{
	struct bot_record *r = b->record;
	int err = 0;

	if (!place.at && (!r || r->number != number))
		return ERR_CLOSED;
	if (place.at) {
		bot_record_end(b);
		r = b->record = mem_new(sizeof(*r));
		if (!r)
			return ERR_NOMEM;
		r->began_ms = clock_mono_ms();
		buf_init(&r->lines, RECORD_BYTES);
		buf_init(&r->frame, IO_WS_MESSAGE_BYTES);
		buf_init(&r->line, 2 * IO_WS_MESSAGE_BYTES);
		err = begin(b, place);
		log_event(LOG_AUDIT, "bot", "record", "result", err ? "FAILED" : "STARTED", NULL);
	}
	r->taken_ms = clock_mono_ms();
	/* As much as one answer holds, in whole lines: the rest is there the next time. */
	size_t n = r->lines.len;
	if (n > out->max - out->len)
		n = out->max - out->len;
	while (n > 0 && r->lines.at[n - 1] != '\n')
		n--;
	if (!err && n > 0)
		err = buf_add(out, r->lines.at, n);
	if (err) {
		bot_record_end(b);
		return err;
	}
	if (n > 0) {
		memmove(r->lines.at, r->lines.at + n, r->lines.len - n);
		buf_truncate(&r->lines, r->lines.len - n);
	}
	return 0;
}

void bot_record_sweep(struct bot *b, int64_t now_ms)
{
	if (!b->record || now_ms - b->record->taken_ms < RECORD_IDLE_MS)
		return;
	log_event(LOG_AUDIT, "bot", "record", "result", "SUCCESS", NULL);
	bot_record_end(b);
}

/* ---- Replay ---------------------------------------------------------------------------------- */

static int replay_frame(struct bot *b, const struct json *line, struct str text)
{
	struct str wire = json_str(line, "wire");
	char *bytes = mem_dupn(text.at, text.len); /* read in place */
	int err;

	if (!bytes)
		return ERR_NOMEM;
	err = platform_replay_frame(&b->places[0].platform, wire.at ? wire.at : "",
		json_bool(line, "plain", false), bytes, text.len);
	mem_free(bytes);
	return err;
}

int bot_replay(struct bot *b, const struct json *line)
{
	const struct json *stream = json_get(line, "stream"), *lane = json_get(line, "lane");
	struct str channel = json_str(stream ? stream : lane, "channel");
	struct str frame = json_str(line, "frame");

	if (frame.len > 0)
		return replay_frame(b, line, frame);
	if ((stream || lane) && channel.len == 0)
		return ERR_INVALID;
	if (stream) {
		const struct stream s = {
			.is_known = json_bool(stream, "known", false),
			.is_live = json_bool(stream, "live", false),
			.started_wall_ms = json_int(stream, "started_ms", 0),
			.id = json_str(stream, "id"),
			.title = json_str(stream, "title"),
			.game = json_str(stream, "game"),
		};
		b->owner.stream(b, 0, channel.at, &s);
	} else if (lane) {
		const int64_t hold_ms = json_int(lane, "hold_ms", 0);
		const struct outbox_lane l = {
			.is_open = json_bool(lane, "open", false),
			.is_refused = json_bool(lane, "refused", false),
			.is_privileged = json_bool(lane, "privileged", false),
			.slow_ms = json_int(lane, "slow_ms", 0),
			.hold_until_ms = hold_ms > 0 ? clock_mono_ms() + hold_ms : 0,
		};
		return b->owner.lane(b, 0, channel.at, &l);
	}
	return 0;
}
