/* What a connection says: at most 120 messages in a rolling minute, of 4,096 bytes each. */
#include "platform/discord_shard.h"

#define WINDOW_MS 60500          /* a minute, and half a second for the way (faults.md 7) */
#define PRESENCE_WINDOW_MS 20500
#define KEPT 5                   /* of what we may: for beats that Discord asks for */
#define LARGE_THRESHOLD 50       /* discord.md 1.7: the least; offline members are of no use */

/* ---- How much ------------------------------------------------------------------------------- */

static size_t count_since(const struct platform_sends *s, int64_t since_ms)
{
	size_t n = 0;

	while (n < s->n && n < PLATFORM_SENDS &&
			s->at_ms[(s->n - 1 - n) % PLATFORM_SENDS] > since_ms)
		n++;
	return n;
}

/* The m-th last one must be out of the window before the next. */
static int64_t wait_for(const int64_t *ring, size_t room, size_t n, size_t m, int64_t window_ms,
	int64_t now_ms)
{
	int64_t free_ms;

	if (n < m)
		return 0;
	free_ms = ring[(n - m) % room] + window_ms;
	return free_ms > now_ms ? free_ms - now_ms : 0;
}

/* With fewer than these in the window a beat that was asked for goes out: all regular beats find
 * room besides. */
static size_t limit_of_asked(const struct platform_beat *b)
{
	size_t beats = (size_t)(b->interval_ms > 0 ? WINDOW_MS / b->interval_ms + 2 : 0);

	return beats < PLATFORM_SENDS ? PLATFORM_SENDS - beats : 0;
}

/* The same, for what can wait. */
static size_t limit_of_rest(const struct platform_beat *b)
{
	size_t limit = limit_of_asked(b);

	limit = limit > KEPT ? limit - KEPT : 1;
	return limit < PLATFORM_SENDS_FREE ? limit : PLATFORM_SENDS_FREE;
}

int64_t platform_sends_presence_wait(const struct platform_sends *s, const struct platform_beat *b,
	int64_t now_ms)
{
	int64_t all = wait_for(
		s->at_ms, PLATFORM_SENDS, s->n, limit_of_rest(b), WINDOW_MS, now_ms);
	int64_t own = wait_for(s->presence_ms, PLATFORM_PRESENCES, s->presences,
		PLATFORM_PRESENCES, PRESENCE_WINDOW_MS, now_ms);

	return all > own ? all : own;
}

/* max: with how many of the last minute this one still goes out. */
static int say(struct platform_gateway *g, struct buf *text, size_t max)
{
	struct platform_sends *s = &g->wire.sends;
	const int64_t now_ms = clock_mono_ms();
	int err;

	if (count_since(s, now_ms - WINDOW_MS) >= max)
		return ERR_LIMIT;
	err = io_ws_send(g->wire.ws, buf_str(text), max > PLATFORM_SENDS_FREE);
	if (!err)
		s->at_ms[s->n++ % PLATFORM_SENDS] = now_ms;
	return err;
}

/* ---- What ----------------------------------------------------------------------------------- */

static int add_seq(const struct platform_gateway *g, struct buf *out)
{
	if (g->session.seq < 0) /* none yet: that is not 0 */
		return buf_adds(out, "null");
	return buf_addf(out, "%lld", (long long)g->session.seq);
}

/* A custom status: Discord shows its text as it is. */
static int add_presence(const struct platform_gateway *g, struct buf *out)
{
	int err = buf_adds(out, "{\"since\":null,\"activities\":[");

	if (!err && g->activity) {
		err = buf_adds(out, "{\"name\":\"Custom Status\",\"type\":4,\"state\":");
		if (!err)
			err = json_add_string(out, str_of(g->activity));
		if (!err)
			err = buf_addc(out, '}');
	}
	return err ? err : buf_adds(out, "],\"status\":\"online\",\"afk\":false}");
}

int platform_shard_send_beat(struct platform_gateway *g, bool is_asked_for)
{
	struct buf out;
	int err;

	buf_init(&out, PLATFORM_SAID_BYTES);
	err = buf_adds(&out, "{\"op\":1,\"d\":");
	if (!err)
		err = add_seq(g, &out);
	if (!err)
		err = buf_addc(&out, '}');
	if (!err)
		err = say(g, &out, is_asked_for ? limit_of_asked(&g->wire.beat) : PLATFORM_SENDS);
	buf_fini(&out);
	return err;
}

/* The token stands in it. */
static void wipe(struct buf *b)
{
	if (b->at)
		secret_wipe(b->at, b->cap);
	buf_fini(b);
}

int platform_shard_send_identify(struct platform_gateway *g)
{
	struct buf out;
	int err;

	buf_init(&out, PLATFORM_SAID_BYTES);
	err = buf_reserve(&out, PLATFORM_SAID_BYTES); /* does not move: one copy to be wiped */
	if (!err)
		err = buf_adds(&out, "{\"op\":2,\"d\":{\"token\":");
	if (!err)
		err = json_add_string(&out, secret_use(g->o.token));
	if (!err)
		err = buf_addf(&out, ",\"intents\":%u,\"properties\":{\"os\":\"linux\","
			"\"browser\":\"mynah\",\"device\":\"mynah\"},\"compress\":false,"
			"\"large_threshold\":%d,\"shard\":[%u,%u],\"presence\":", g->o.intents,
			LARGE_THRESHOLD, g->o.shard, g->o.shards);
	if (!err)
		err = add_presence(g, &out);
	if (!err)
		err = buf_adds(&out, "}}");
	if (!err)
		err = say(g, &out, PLATFORM_SENDS);
	if (!err)
		g->is_presence_due = false;
	wipe(&out);
	return err;
}

int platform_shard_send_resume(struct platform_gateway *g)
{
	struct buf out;
	int err;

	buf_init(&out, PLATFORM_SAID_BYTES);
	err = buf_reserve(&out, PLATFORM_SAID_BYTES);
	if (!err)
		err = buf_adds(&out, "{\"op\":6,\"d\":{\"token\":");
	if (!err)
		err = json_add_string(&out, secret_use(g->o.token));
	if (!err)
		err = buf_adds(&out, ",\"session_id\":");
	if (!err)
		err = json_add_string(&out, str_of(g->session.id));
	if (!err)
		err = buf_adds(&out, ",\"seq\":");
	if (!err)
		err = add_seq(g, &out);
	if (!err)
		err = buf_adds(&out, "}}");
	if (!err)
		err = say(g, &out, PLATFORM_SENDS);
	wipe(&out);
	return err;
}

int platform_shard_send_presence(struct platform_gateway *g)
{
	struct platform_sends *s = &g->wire.sends;
	struct buf out;
	int err;

	buf_init(&out, PLATFORM_SAID_BYTES);
	err = buf_adds(&out, "{\"op\":3,\"d\":");
	if (!err)
		err = add_presence(g, &out);
	if (!err)
		err = buf_addc(&out, '}');
	if (!err)
		err = say(g, &out, limit_of_rest(&g->wire.beat));
	if (!err) {
		s->presence_ms[s->presences++ % PLATFORM_PRESENCES] = clock_mono_ms();
		g->is_presence_due = false;
	}
	buf_fini(&out);
	return err;
}
