/* The functions of a gateway connection: birth, presence, status, the end. What happens in between
 * is discord_shard.c's. */
#include "platform/discord_shard.h"

#include <string.h>

#define ACTIVITY_BYTES 512 /* Discord shows 128 characters of a state */
#define ACTIVITY_UNITS 128

static int copy_options(struct platform_gateway *g, const struct platform_gateway_options *o)
{
	g->o = *o;
	g->o.url = g->o.ca_file = NULL;
	g->o.token = secret_ref(o->token);
	g->url = mem_dup(o->url);
	g->ca_file = mem_dup(o->ca_file);
	return !g->url || (o->ca_file && !g->ca_file) ? ERR_NOMEM : 0;
}

int platform_gateway_new(const struct platform_gateway_options *o, struct platform_gateway **out)
{
	struct platform_gateway *g;
	struct io_url url;
	int err;

	*out = NULL;
	if (!o->url || io_url_parse(o->url, &url) < 0 || strncmp(o->url, "ws", 2) != 0)
		return ERR_INVALID;
	g = mem_new(sizeof(*g));
	if (!g)
		return ERR_NOMEM;
	g->io = o->io;
	g->state = PLATFORM_GATEWAY_DOWN;
	g->since_wall_ms = clock_wall_ms();
	g->lost_ms = INT64_MIN;
	g->session = *platform_sessions_get(o->sessions, o->shard, o->shards);
	if (g->session.intents != 0 && g->session.intents != o->intents)
		g->session = (struct platform_session){
			.seq = -1}; /* it would bring too little, or too much */
	io_backoff_init(&g->backoff);
	err = copy_options(g, o);
	if (!err)
		err = json_tape_new(PLATFORM_GATEWAY_BYTES, &g->tape);
	g->timer = err ? NULL : io_timer_new(g->io, platform_shard_work, g);
	if (!g->timer) {
		platform_shard_free(g);
		return ERR_NOMEM;
	}
	platform_shard_soon(g);
	*out = g;
	return 0;
}

void platform_gateway_url(struct platform_gateway *g, const char *url)
{
	struct io_url parts;
	char *copy;

	if (io_url_parse(url, &parts) < 0 || strncmp(url, "ws", 2) != 0)
		return;
	copy = mem_dup(url);
	if (!copy)
		return;
	mem_free(g->url);
	g->url = copy;
}

void platform_gateway_stop(struct platform_gateway *g)
{
	g->is_stopping = true;
	platform_shard_soon(g);
}

void platform_shard_free(struct platform_gateway *g)
{
	platform_shard_drop(g, 0);
	io_timer_free(g->timer);
	json_tape_free(g->tape);
	secret_free(g->o.token);
	mem_free(g->activity);
	mem_free(g->ca_file);
	mem_free(g->url);
	mem_free(g);
}

void platform_gateway_free(struct platform_gateway *g)
{
	if (!g || g->is_doomed)
		return;
	g->is_doomed = true;
	io_timer_stop(g->timer);
	io_ws_free(g->wire.ws); /* now: the rest may be in use by who called us */
	g->wire.ws = NULL;
	if (g->depth == 0)
		platform_shard_free(g);
}

unsigned platform_gateway_shard(const struct platform_gateway *g)
{
	return g->o.shard;
}

int platform_gateway_presence(struct platform_gateway *g, const char *activity)
{
	struct str text = str_of(activity);
	char *copy = NULL;

	if (text.len > 0) {
		copy = mem_dupn(text.at, text_cut(text, ACTIVITY_BYTES, ACTIVITY_UNITS));
		if (!copy)
			return ERR_NOMEM;
	}
	mem_free(g->activity);
	g->activity = copy;
	g->is_presence_due = true;
	platform_shard_soon(g);
	return 0;
}

/* ---- Status --------------------------------------------------------------------------------- */

static const char *state_name(enum platform_gateway_state state)
{
	static const char *const names[] = {
		[PLATFORM_GATEWAY_DOWN] = "down", [PLATFORM_GATEWAY_CONNECTING] = "connecting",
		[PLATFORM_GATEWAY_READY] = "ready", [PLATFORM_GATEWAY_REFUSED] = "refused",
		[PLATFORM_GATEWAY_STOPPED] = "stopped",
	};

	return names[state];
}

/* Adds a number that may not be known. */
static int add_number(struct buf *out, const char *key, int64_t n)
{
	return n < 0 ? buf_addf(out, ",\"%s\":null", key)
		: buf_addf(out, ",\"%s\":%lld", key, (long long)n);
}

int platform_gateway_status(const struct platform_gateway *g, struct buf *out)
{
	const struct platform_beat *b = &g->wire.beat;
	char since[CLOCK_TEXT_BYTES];
	int err;

	err = buf_addf(out, "{\"shard\":[%u,%u],\"state\":\"%s\",\"since\":\"%s\",\"code\":%d",
		g->o.shard, g->o.shards, state_name(g->state), clock_text(g->since_wall_ms, since),
		g->close_code);
	if (!err)
		err = add_number(out, "latency_ms", b->interval_ms ? b->latency_ms : -1);
	if (!err)
		err = add_number(out, "seq", g->session.seq);
	if (!err)
		err = buf_addf(out, ",\"resumes\":%llu,\"identifies\":%llu,\"why\":",
			(unsigned long long)g->resumes, (unsigned long long)g->identifies);
	if (!err)
		err = json_add_string(out, str_of(g->why));
	return err ? err : buf_addc(out, '}');
}
