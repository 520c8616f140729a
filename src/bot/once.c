/* Not asking twice: questions that are asked already, answers that are kept, and questions of one
 * trigger that come faster than a model answers.
 *
 * Shared: two turns of one trigger in one channel whose prompts are the same to the last letter
 * (the hash says so; what the model is told of a person is part of it) are one question. The second
 * waits for the answer to the first, is judged for its own author and costs nothing. If the first
 * fails or ends, the next of those that wait asks.
 *
 * Kept, with cache: of a trigger: an answer that was whole and could be said is the answer to the
 * same question later. It is judged anew each time.
 *
 * Merged, with merge: of a trigger: while one question of it waits for its model in a channel, of
 * those that come after it only the newest is held, to be asked next; with `all` it stands for all
 * of them.
 *
 * A turn that waits or is held is looked after from the loop, never from within another turn's
 * end. */
#include "bot/room.h"

#include <stdio.h>
#include <string.h>

#define KEPT_MAX 1000                 /* answers; the one used longest ago goes first */
#define KEPT_BYTES (1024 * 1024)      /* of them all */
#define KEY_BYTES 1024

static struct metric shared_total = {"mynah_shared_total",
	"Questions that were answered with another turn's answer", METRIC_COUNTER, NULL, NULL, NULL,
	false};
static struct metric kept_total = {"mynah_cache_total",
	"Questions whose answer was looked for among those that are kept", METRIC_COUNTER, "result",
	NULL, NULL, false};

struct bot_kept {
	int64_t until_ms;
	char user[USER_TAG_BYTES];    /* whom it answered: it goes when they are forgotten, */
	char message[USER_TAG_BYTES]; /* and when that is deleted */
	struct str text;              /* behind the key */
	UT_hash_handle hh;
	char key[];
};

static bool is_same_place(const struct turn *a, const struct turn *b)
{
	return a->event->place == b->event->place && str_eq(a->event->channel, b->event->channel) &&
		strcmp(a->hit.trigger->name, b->hit.trigger->name) == 0;
}

/* The only question of its trigger, asked for the first time. */
static bool is_plain(const struct turn *t)
{
	return t->hit.trigger->step_count == 1 && !t->asking.is_again;
}

/* ---- Shared ---------------------------------------------------------------------------------- */

static struct turn *first_of(const struct turn *t)
{
	for (struct turn *o = t->bot->turns; o; o = o->hh.next) {
		/* A call without a prompt is one for embeddings. */
		if (o != t && o->call && o->prompt && !o->guard.is_asked && is_plain(o) &&
				is_same_place(o, t) && o->world == t->world &&
				o->persona == t->persona &&
				strcmp(o->prompt->hash, t->prompt->hash) == 0)
			return o;
	}
	return NULL;
}

bool bot_once_waits(struct turn *t)
{
	t->asking.first = is_plain(t) ? first_of(t) : NULL;
	t->asking.is_waiting = t->asking.first != NULL;
	return t->asking.is_waiting;
}

void bot_once_share(struct turn *t)
{
	for (struct turn *o = t->bot->turns; o; o = o->hh.next) {
		if (o->asking.first != t)
			continue;
		o->asking.is_waiting = false;
		o->asking.first = NULL;
		o->asking.from = "shared";
		o->asking.is_due = true;
		o->bot->once.shared++;
	}
}

struct turn *bot_once_due(struct bot *b)
{
	for (struct turn *o = b->turns; o; o = o->hh.next) {
		if (o->asking.is_due) {
			o->asking.is_due = false;
			return o;
		}
	}
	return NULL;
}

void bot_once_left(struct turn *t)
{
	struct bot *b = t->bot;

	for (struct turn *o = b->turns; o; o = o->hh.next) {
		if (o->asking.first == t)
			o->asking.first = NULL;
	}
	if (b->look && t->hit.trigger->step_count > 0)
		io_timer_start(b->look, 0);
}

/* ---- Kept ------------------------------------------------------------------------------------ */

static void kept_free(struct bot *b, struct bot_kept *k)
{
	b->once.bytes -= k->text.len;
	HASH_DEL(b->once.kept, k);
	mem_free(k);
}

static size_t key_of(const struct turn *t, char key[KEY_BYTES])
{
	int n = snprintf(key, KEY_BYTES, "%u#%.*s#%s#%s@%s#%s", t->event->place,
		STR_FMT(t->event->channel), t->hit.trigger->name, t->persona->id,
		t->persona->version, t->prompt->hash);

	return n > 0 && n < KEY_BYTES ? (size_t)n : 0;
}

bool bot_once_kept(struct turn *t, struct buf *text)
{
	struct bot *b = t->bot;
	struct bot_kept *k = NULL;
	char key[KEY_BYTES];
	size_t n;

	if (t->hit.trigger->cache_ms == 0 || !is_plain(t))
		return false;
	n = key_of(t, key);
	if (n > 0)
		HASH_FIND(hh, b->once.kept, key, n, k);
	if (k && k->until_ms <= clock_mono_ms()) {
		kept_free(b, k);
		k = NULL;
	}
	if (!k || buf_add_str(text, k->text)) {
		b->once.misses++;
		return false;
	}
	HASH_DEL(b->once.kept, k); /* and last again: in the order of their use */
	HASH_ADD_KEYPTR(hh, b->once.kept, k->key, n, k);
	if (!hash_has(k)) {
		b->once.bytes -= k->text.len;
		mem_free(k);
	}
	b->once.hits++;
	t->asking.from = "cached";
	return true;
}

void bot_once_keep(struct turn *t, struct str words)
{
	struct bot_once *once = &t->bot->once;
	struct bot_kept *k, *old = NULL;
	char key[KEY_BYTES];
	const bool is_wanted = t->hit.trigger->cache_ms > 0 && !t->asking.from && is_plain(t) &&
		t->world == t->bot->world; /* a reload has flushed what an older one would say */
	const size_t n = is_wanted ? key_of(t, key) : 0;

	if (n == 0 || words.len > KEPT_BYTES)
		return;
	HASH_FIND(hh, once->kept, key, n, old);
	if (old)
		kept_free(t->bot, old);
	while (once->kept && (HASH_COUNT(once->kept) >= KEPT_MAX ||
			once->bytes + words.len > KEPT_BYTES))
		kept_free(t->bot, once->kept);
	k = mem_new(sizeof(*k) + n + 1 + words.len);
	if (!k)
		return; /* the model is asked again */
	memcpy(k->key, key, n);
	memcpy(k->key + n + 1, words.at, words.len);
	k->text = (struct str){k->key + n + 1, words.len};
	k->until_ms = clock_mono_ms() + t->hit.trigger->cache_ms;

	seal_user_tag(t->event->platform, t->event->user_id, k->user);
	seal_user_tag(t->event->platform, t->event->id, k->message);
	HASH_ADD_KEYPTR(hh, once->kept, k->key, n, k);
	if (hash_has(k))
		once->bytes += words.len;
	else
		mem_free(k);
}

void bot_once_unkeep(struct turn *t)
{
	struct bot_kept *k = NULL;
	char key[KEY_BYTES];
	const size_t n = t->hit.trigger->cache_ms > 0 ? key_of(t, key) : 0;

	if (n > 0)
		HASH_FIND(hh, t->bot->once.kept, key, n, k);
	if (k)
		kept_free(t->bot, k);
}

/* "PLACE#CHANNEL#..." */
static bool is_in_channel(const struct bot_kept *k, struct str channel)
{
	const char *at = strchr(k->key, '#') + 1;

	return strlen(at) > channel.len && memcmp(at, channel.at, channel.len) == 0 &&
		at[channel.len] == '#';
}

void bot_once_erase(struct bot *b, const struct erasure *e)
{
	struct bot_kept *k, *next;
	const bool is_message = e->message_id.len > 0, is_all = !is_message && e->user_id.len == 0;
	char tag[USER_TAG_BYTES];

	seal_user_tag(e->platform, is_message ? e->message_id : e->user_id, tag);
	HASH_ITER(hh, b->once.kept, k, next) {
		if (is_in_channel(k, e->channel) &&
				(is_all || strcmp(is_message ? k->message : k->user, tag) == 0))
			kept_free(b, k);
	}
}

size_t bot_once_flush(struct bot *b)
{
	const size_t n = HASH_COUNT(b->once.kept);

	while (b->once.kept)
		kept_free(b, b->once.kept);
	return n;
}

void bot_once_sweep(struct bot *b, int64_t now_ms)
{
	struct bot_kept *k, *next;

	HASH_ITER(hh, b->once.kept, k, next) {
		if (k->until_ms <= now_ms)
			kept_free(b, k);
	}
}

/* ---- Merged ---------------------------------------------------------------------------------- */

static bool is_asking(const struct turn *t)
{
	return t->state == TURN_RECALL || t->state == TURN_ASK;
}

static bool has_asking(const struct turn *t)
{
	for (const struct turn *o = t->bot->turns; o; o = o->hh.next) {
		if (o != t && is_asking(o) && is_same_place(o, t))
			return true;
	}
	return false;
}

static struct turn *held_of(const struct turn *t)
{
	for (struct turn *o = t->bot->turns; o; o = o->hh.next) {
		if (o != t && o->state == TURN_HELD && is_same_place(o, t))
			return o;
	}
	return NULL;
}

/* The event of a turn becomes one of everybody whom the turn stands for. */
static int tell_together(struct turn *t)
{
	struct event e = *t->event, *joined;
	struct buf user, users;
	int err;

	buf_init(&user, BOT_GATHER_USERS_BYTES);
	buf_init(&users, BOT_GATHER_USERS_BYTES);
	err = bot_crowd_users(&t->crowd, &user, &users);
	e.user = buf_str(&user);
	e.users = buf_str(&users);
	e.user_id = e.login = e.id = e.to_id = e.touser = e.text = (struct str){NULL, 0};
	e.count = (int64_t)t->crowd.n;
	e.roles = ROLE(LEVEL_EVERYONE);
	joined = err ? NULL : event_copy(&e);
	if (joined) {
		mem_free(t->event);
		t->event = joined;
		t->hit.captures_n = 0; /* they were one person's words */
	}
	buf_fini(&user);
	buf_fini(&users);
	return joined ? 0 : ERR_NOMEM;
}

/* What was held goes; with `all` the newest stands for it as well. */
static int take_over(struct turn *t, struct turn *held)
{
	int err = 0;

	if (t->hit.trigger->merge == TRIGGER_MERGE_ALL) {
		const struct event *e = t->event;

		t->crowd = held->crowd;
		bot_crowd_add(&t->crowd, e->user.len > 0 ? e->user : e->login, e->user_id);
		if (t->crowd.n > 1)
			err = tell_together(t);
	}
	bot_turn_drop(held, REASON_MERGED);
	return err;
}

bool bot_once_holds(struct turn *t)
{
	struct turn *held;

	if (t->event->kind == EVENT_SLASH || t->event->kind == EVENT_WHISPER)
		return false; /* each is answered to the one who asked */
	if (t->hit.trigger->merge == TRIGGER_MERGE_NO || t->state == TURN_HELD || !has_asking(t))
		return false;
	held = held_of(t);
	if (!held)
		bot_crowd_add(&t->crowd, t->event->user.len > 0 ? t->event->user : t->event->login,
			t->event->user_id);
	else if (take_over(t, held)) {
		bot_turn_drop(t, REASON_NOMEM);
		return true;
	}
	t->state = TURN_HELD;
	return true;
}

/* ---- From the loop --------------------------------------------------------------------------- */

static struct turn *ready_of(const struct bot *b)
{
	for (struct turn *t = b->turns; t; t = t->hh.next) {
		if ((t->state == TURN_ASK && t->asking.is_waiting && !t->asking.first) ||
				(t->state == TURN_HELD && !has_asking(t)))
			return t;
	}
	return NULL;
}

void bot_once_look(void *ctx)
{
	struct bot *b = ctx;
	struct turn *t;

	while ((t = ready_of(b)) != NULL) { /* each of them goes on, or ends */
		if (t->state == TURN_HELD)
			bot_ask_begin(t);
		else
			bot_ask_model(t);
	}
}

int bot_once_status(const struct bot *b, struct buf *out)
{
	const struct bot_once *o = &b->once;

	return buf_addf(out, "{\"shared\":%lld,\"hits\":%lld,\"misses\":%lld,\"entries\":%u,"
		"\"bytes\":%zu}", (long long)o->shared, (long long)o->hits, (long long)o->misses,
		HASH_COUNT(o->kept), o->bytes);
}

void bot_once_metrics(const struct bot *b)
{
	metric_set(&shared_total, NULL, b->once.shared);
	metric_set(&kept_total, "hit", b->once.hits);
	metric_set(&kept_total, "miss", b->once.misses);
}
