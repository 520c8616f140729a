/* When Discord's REST interface may be asked. */
#include "platform/discord_bucket.h"

#include <stdio.h>
#include <string.h>

#include "platform/discord_guild.h"

#define MARGIN_MS 50          /* discord.md 8.4 step 4: after Reset-After */
#define IDLE_MS (10 * 60000)  /* longer than any window seen */
#define SWEEP_MS 60000
#define BUCKETS_MAX 8192      /* waits of so many channels at once are not ours */
#define ROUTES_MAX 128        /* discord.md 6 knows about twenty */
#define FRESH_MS 10000        /* discord.md 8.3: deleting has three limits, by age */
#define OLD_MS (14 * INT64_C(86400000))

/* ---- Routes ---------------------------------------------------------------------------------- */

struct platform_rest_route {
	char route[PLATFORM_REST_ROUTE_BYTES];
	char hash[PLATFORM_REST_HASH_BYTES];
	UT_hash_handle hh;
};

/* Snowflakes have up to 20 digits, old ones 17 (discord.md 10.1). */
static bool is_id(struct str s)
{
	size_t i = 0;

	while (i < s.len && ascii_is_digit(s.at[i]))
		i++;
	return i > 0 && i == s.len;
}

/* "webhooks" and "interactions" have a token after the id; both together are the major parameter,
 * and the token is a secret. */
static void add_token(struct platform_rest_way *out, struct str token)
{
	char sum[SHA256_TEXT_BYTES];
	size_t n = strlen(out->major);

	seal_sha256(token, sum);
	snprintf(out->major + n, sizeof(out->major) - n, "/%.32s", sum);
}

static const char *age_word(const char *method, struct str id, int64_t wall_ms)
{
	int64_t age;

	if (strcmp(method, "DELETE") != 0)
		return "";
	age = wall_ms - platform_snowflake_ms(platform_snowflake(id));
	return age < FRESH_MS ? " (fresh)" : age > OLD_MS ? " (old)" : "";
}

int platform_rest_way(const char *method, const char *path, int64_t wall_ms,
	struct platform_rest_way *out)
{
	struct str rest = str_of(path), before = STR(""), first = STR(""), part;
	const char *age = "";
	bool is_hook;
	size_t n;

	memset(out, 0, sizeof(*out));
	n = (size_t)snprintf(out->route, sizeof(out->route), "%s", method);
	rest = str_split(&rest, '?');
	if (str_split(&rest, '/').len > 0) /* it begins with a slash */
		return ERR_LIMIT;
	for (unsigned i = 0; rest.len > 0; i++, before = part) {
		part = str_split(&rest, '/');
		is_hook = str_is(first, "webhooks") || str_is(first, "interactions");
		if (i == 0) {
			first = part;
		} else if (str_is(before, "reactions")) {
			rest = STR("");
			part = STR(":reaction");
		} else if (i == 2 && is_hook) {
			add_token(out, part);
			part = STR(":token");
		} else if (is_id(part)) {
			if (i == 1 && (is_hook || str_is_among(first, "channels guilds")))
				snprintf(out->major, sizeof(out->major), "%.*s", STR_FMT(part));
			if (str_is(before, "messages"))
				age = age_word(method, part, wall_ms);
			part = STR(":id");
		}
		n += (size_t)snprintf(out->route + n, sizeof(out->route) - n, "%s%.*s",
			i == 0 ? " /" : "/", STR_FMT(part));
		if (n >= sizeof(out->route))
			return ERR_LIMIT;
	}
	n += (size_t)snprintf(out->route + n, sizeof(out->route) - n, "%s", age);
	return n >= sizeof(out->route) ? ERR_LIMIT : 0;
}

/* ---- One bucket ------------------------------------------------------------------------------ */

void platform_rest_bucket_hold(struct platform_rest_bucket *b, int64_t until_ms)
{
	if (until_ms > b->hold_until_ms)
		b->hold_until_ms = until_ms;
}

/* Within a window what remains only falls: an answer that comes late knows of fewer calls. */
void platform_rest_bucket_hear(struct platform_rest_bucket *b, const struct platform_rest_words *w,
	int64_t now_ms)
{
	int64_t reset_ms;

	if (w->limit > 0)
		b->limit = w->limit;
	if (w->remaining < 0 || w->reset_after_ms < 0)
		return;
	reset_ms = now_ms + w->reset_after_ms + MARGIN_MS;
	if (b->remaining < 0 || now_ms >= b->reset_ms) {
		b->remaining = w->remaining;
		b->reset_ms = reset_ms;
		return;
	}
	if (w->remaining < b->remaining)
		b->remaining = w->remaining;
	if (reset_ms > b->reset_ms)
		b->reset_ms = reset_ms;
}

int64_t platform_rest_bucket_free_ms(const struct platform_rest_bucket *b, int64_t now_ms)
{
	int64_t left = b->remaining;

	if (now_ms < b->hold_until_ms)
		return b->hold_until_ms;
	if (left < 0)
		left = 1; /* what it is like is learnt by one */
	else if (now_ms >= b->reset_ms)
		left = b->limit > 0 ? b->limit : 1;
	if ((int64_t)b->running < left)
		return now_ms;
	return left > 0 ? INT64_MAX : b->reset_ms;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static bool is_idle(const struct platform_rest_bucket *b, int64_t now_ms)
{
	return b->tasks == 0 && now_ms >= b->hold_until_ms && now_ms >= b->reset_ms;
}

static void sweep(struct platform_rest_buckets *bs, int64_t now_ms)
{
	bool is_full = HASH_COUNT(bs->all) >= BUCKETS_MAX;
	struct platform_rest_bucket *b, *next;

	if (!is_full && now_ms - bs->swept_ms < SWEEP_MS)
		return;
	bs->swept_ms = now_ms;
	HASH_ITER(hh, bs->all, b, next) {
		if (is_idle(b, now_ms) && (is_full || now_ms - b->used_ms >= IDLE_MS)) {
			HASH_DEL(bs->all, b);
			mem_free(b);
		}
	}
}

static struct platform_rest_bucket *find(struct platform_rest_buckets *bs, const char *name,
	const struct platform_rest_way *way, int64_t now_ms)
{
	char key[sizeof((struct platform_rest_bucket *)0)->key];
	struct platform_rest_bucket *b;

	snprintf(key, sizeof(key), "%s\n%s", name, way->major);
	HASH_FIND_STR(bs->all, key, b);
	if (!b) {
		sweep(bs, now_ms);
		b = HASH_COUNT(bs->all) < BUCKETS_MAX ? mem_new(sizeof(*b)) : NULL;
		if (!b)
			return NULL;
		snprintf(b->key, sizeof(b->key), "%s", key);
		b->limit = b->remaining = -1;
		HASH_ADD_STR(bs->all, key, b);
		if (!hash_has(b)) {
			mem_free(b);
			return NULL;
		}
	}
	b->used_ms = now_ms;
	return b;
}

struct platform_rest_bucket *platform_rest_bucket_of(struct platform_rest_buckets *bs,
	const struct platform_rest_way *way, int64_t now_ms)
{
	struct platform_rest_route *r;

	HASH_FIND_STR(bs->routes, way->route, r);
	return find(bs, r ? r->hash : way->route, way, now_ms);
}

struct platform_rest_bucket *platform_rest_bucket_named(struct platform_rest_buckets *bs,
	const struct platform_rest_way *way, const char *hash, int64_t now_ms)
{
	struct platform_rest_route *r;

	HASH_FIND_STR(bs->routes, way->route, r);
	if (!r && HASH_COUNT(bs->routes) < ROUTES_MAX && (r = mem_new(sizeof(*r))) != NULL) {
		snprintf(r->route, sizeof(r->route), "%s", way->route);
		HASH_ADD_STR(bs->routes, route, r);
		if (!hash_has(r)) {
			mem_free(r);
			r = NULL;
		}
	}
	if (!r || strlen(hash) >= sizeof(r->hash))
		return platform_rest_bucket_of(bs, way, now_ms);
	snprintf(r->hash, sizeof(r->hash), "%s", hash);
	return find(bs, r->hash, way, now_ms);
}

void platform_rest_buckets_fini(struct platform_rest_buckets *bs)
{
	struct platform_rest_bucket *b, *next;
	struct platform_rest_route *r, *after;

	HASH_ITER(hh, bs->all, b, next) {
		HASH_DEL(bs->all, b);
		mem_free(b);
	}
	HASH_ITER(hh, bs->routes, r, after) {
		HASH_DEL(bs->routes, r);
		mem_free(r);
	}
}

/* ---- All routes together --------------------------------------------------------------------- */

void platform_rest_log_add(struct platform_rest_log *l, int64_t now_ms)
{
	l->at_ms[l->next] = now_ms;
	l->next = (l->next + 1) % PLATFORM_REST_AT_ONCE;
}

int64_t platform_rest_log_free_ms(const struct platform_rest_log *l)
{
	int64_t oldest_ms = l->at_ms[l->next];

	return oldest_ms > 0 ? oldest_ms + PLATFORM_REST_WINDOW_MS : 0;
}

static unsigned slot(int64_t span)
{
	return (unsigned)(span % (PLATFORM_REST_SPANS + 1));
}

/* Those of one span of the last 10 min. */
static unsigned counted(const struct platform_rest_invalid *v, int64_t span)
{
	return span > v->span || span < 0 || v->span - span > PLATFORM_REST_SPANS ? 0 :
		v->counts[slot(span)];
}

void platform_rest_invalid_add(struct platform_rest_invalid *v, int64_t now_ms)
{
	int64_t span = now_ms / PLATFORM_REST_SPAN_MS;

	for (int64_t i = 0; i <= PLATFORM_REST_SPANS && v->span + i < span; i++)
		v->counts[slot(span - i)] = 0;
	if (span > v->span)
		v->span = span;
	v->counts[slot(v->span)]++;
}

unsigned platform_rest_invalid_count(const struct platform_rest_invalid *v, int64_t now_ms)
{
	unsigned n = 0;

	for (int64_t i = 0; i <= PLATFORM_REST_SPANS; i++)
		n += counted(v, now_ms / PLATFORM_REST_SPAN_MS - i);
	return n;
}

int64_t platform_rest_invalid_free_ms(const struct platform_rest_invalid *v, int64_t now_ms)
{
	unsigned n = platform_rest_invalid_count(v, now_ms);
	int64_t span = now_ms / PLATFORM_REST_SPAN_MS - PLATFORM_REST_SPANS;

	if (n < PLATFORM_REST_STOPPED)
		return 0;
	/* Until so many of the oldest are out of the 10 min that fewer are left. */
	for (; n >= PLATFORM_REST_STOPPED; span++)
		n -= counted(v, span);
	return (span + PLATFORM_REST_SPANS) * PLATFORM_REST_SPAN_MS;
}
