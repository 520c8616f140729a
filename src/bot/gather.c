/* Gathering. A group is what is gathered of one kind in one channel, of gifts also by one giver:
 *
 *   IDLE ──first event, passes──▶ OPEN ──another, held──▶ HOLDING ──the window ends──▶ told, OPEN
 *     ▲                            │ the window ends: nothing was held                    │
 *     └────────────────────────────┴──────────────────────────────────────────────────────┘
 *
 * A bomb, or a gift that names its batch, goes to HOLDING at once. A group that has told batches
 * stays for a minute to take what comes late of them. */
#include "bot/gather.h"

#include "base/hash.h"

#include <string.h>

#define NAMES 8          /* kept of a crowd; two are shown, the others step in for who is erased */
#define NAME_BYTES 100   /* 25 characters of 4 bytes */
#define KEY_BYTES 512
#define LATE_WINDOWS 6   /* a bomb without its announcement is waited for so many windows at most */
#define PASSED_ALL 1000  /* more than ever pass: all that comes in this window is held */

/* How many of a kind pass within a window before the rest is held; 0 = it is never held. Thanks for
 * a renewed subscription or a redeemed reward are personal: nobody else's stand for them. */
static const unsigned passes[EVENT_KIND_COUNT] = {
	[EVENT_FOLLOW] = 1, [EVENT_RAID] = 1, [EVENT_JOIN] = 1, [EVENT_SUB] = 1,
	[EVENT_CHEER] = 3, /* cheers carry words, also commands */
	[EVENT_GIFT] = 1, [EVENT_GIFTBOMB] = 1,
};

struct person {
	uint64_t id;
	int64_t amount;
	unsigned events;
};

struct batch {
	uint64_t id;                /* 0 = of an announcement that has none */
	int64_t announced, seen;    /* gifts */
	int64_t at_ms;
	bool is_told;
};

struct group {
	UT_hash_handle hh;
	unsigned place, passed;
	bool is_gifts;
	int64_t began_ms, last_ms, until_ms;
	struct event *first;        /* the first that is held; NULL = none is */
	bool first_is_gone;         /* its author was erased: only the others' shares count */
	bool has_tiers;             /* not all of the same tier are held */
	unsigned events;            /* held */
	struct person *people;
	size_t people_n;
	char names[NAMES][NAME_BYTES];
	uint64_t name_ids[NAMES];
	size_t names_n;
	int64_t more, more_amount;  /* people past the limit, and their share */
	int64_t loose;              /* gifts of no batch */
	struct batch batches[BOT_GATHER_BATCHES];
	size_t batch_n;             /* in use, the oldest is overwritten */
	size_t key_len;
	char key[];
};

struct bot_gather {
	struct group *groups;
	int64_t window_ms;
	size_t people;              /* of all groups */
};

/* FNV-1a: ids need to be told apart, not to be kept from anybody. Never 0. */
static uint64_t hash_of(struct str s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.at[i]) * UINT64_C(1099511628211);
	return h ? h : 1;
}

static bool is_gift(const struct event *e)
{
	return e->kind == EVENT_GIFT || e->kind == EVENT_GIFTBOMB;
}

static struct str giver_of(const struct event *e)
{
	return e->is_anonymous || e->user_id.len == 0 ? STR("anonymous") : e->user_id;
}

/* What one event adds to the sum. */
static int64_t amount_of(const struct event *e)
{
	int64_t n = e->kind == EVENT_SUB ? 1 : event_amount(e);

	return n > 0 ? n : e->kind == EVENT_RAID ? 0 : 1;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static size_t add_part(char *key, size_t len, struct str s)
{
	size_t n = s.len < KEY_BYTES - 2 - len ? s.len : KEY_BYTES - 2 - len;

	if (n > 0)
		memcpy(key + len, s.at, n);
	key[len + n] = '\0'; /* names and ids hold none */
	return len + n + 1;
}

static size_t key_of(const struct event *e, char key[KEY_BYTES])
{
	size_t len = 0;

	key[len++] = (char)e->place;
	key[len++] = (char)(is_gift(e) ? EVENT_GIFT : e->kind);
	len = add_part(key, len, e->channel);
	if (is_gift(e))
		len = add_part(key, len, giver_of(e));
	return len;
}

static struct group *group_find(const struct bot_gather *g, const struct event *e)
{
	char key[KEY_BYTES];
	struct group *found;
	size_t len = key_of(e, key);

	HASH_FIND(hh, g->groups, key, len, found);
	return found;
}

static void group_clear(struct bot_gather *g, struct group *p)
{
	mem_free(p->first);
	p->first = NULL;
	p->first_is_gone = p->has_tiers = false;
	g->people -= p->people_n;
	mem_free(p->people);
	p->people = NULL;
	p->people_n = p->names_n = 0;
	p->events = 0;
	p->more = p->more_amount = p->loose = 0;
}

static void group_free(struct bot_gather *g, struct group *p)
{
	group_clear(g, p);
	HASH_DEL(g->groups, p);
	mem_free(p);
}

static struct group *group_new(struct bot_gather *g, const struct event *e)
{
	char key[KEY_BYTES];
	size_t len = key_of(e, key);
	const bool has_room = HASH_COUNT(g->groups) < BOT_GATHER_GROUPS;
	struct group *p = has_room ? mem_new(sizeof(*p) + len) : NULL;

	if (!p)
		return NULL;
	p->place = e->place;
	p->is_gifts = is_gift(e);
	p->key_len = len;
	memcpy(p->key, key, len);
	HASH_ADD_KEYPTR(hh, g->groups, p->key, len, p);
	if (hash_has(p))
		return p;
	mem_free(p);
	return NULL;
}

static void open_window(const struct bot_gather *g, struct group *p, int64_t now_ms)
{
	p->began_ms = p->last_ms = now_ms;
	p->until_ms = now_ms + g->window_ms;
	p->passed = 0;
}

/* ---- Holding --------------------------------------------------------------------------------- */

static void add_name(struct group *p, const struct event *e, uint64_t id)
{
	struct str name = e->user.len > 0 ? e->user : e->login;
	size_t n = text_cut(name, NAME_BYTES - 1, 0);

	if (p->names_n == NAMES || n == 0)
		return;
	memcpy(p->names[p->names_n], name.at, n);
	p->names[p->names_n][n] = '\0';
	p->name_ids[p->names_n++] = id;
}

/* Notes who it was. Past the limits, or without memory, they are only counted. */
static void add_person(struct bot_gather *g, struct group *p, const struct event *e)
{
	const uint64_t id = hash_of(giver_of(e));
	struct person *grown;

	for (size_t i = 0; i < p->people_n; i++) {
		if (p->people[i].id != id)
			continue;
		p->people[i].events++;
		/* Who comes twice came once. */
		if (e->kind != EVENT_FOLLOW && e->kind != EVENT_JOIN)
			p->people[i].amount += amount_of(e);
		return;
	}
	grown = g->people < BOT_GATHER_PEOPLE
		? mem_resize(p->people, (p->people_n + 1) * sizeof(*grown)) : NULL;
	if (!grown) {
		p->more++;
		p->more_amount += amount_of(e);
		return;
	}
	p->people = grown;
	p->people[p->people_n++] = (struct person){id, amount_of(e), 1};
	g->people++;
	add_name(p, e, id);
}

/* Notes one more of a group that holds. False without memory for the first: then it passes. */
static bool hold(struct bot_gather *g, struct group *p, const struct event *e, int64_t now_ms)
{
	/* A bomb of one gift is told as that gift: it says for whom. */
	const bool is_better = p->first && e->kind == EVENT_GIFT &&
		p->first->kind == EVENT_GIFTBOMB;

	p->has_tiers |= p->first && !str_eq(p->first->tier, e->tier);
	if (!p->first || is_better) {
		struct event *copy = event_copy(e);

		if (copy) {
			mem_free(p->first);
			p->first = copy;
		}
		if (!p->first)
			return false;
	}
	p->events++;
	p->last_ms = now_ms;
	if (!p->is_gifts)
		add_person(g, p, e);
	return true;
}

/* Passes or holds one of a crowd. */
static bool take_one(struct bot_gather *g, struct group *p, const struct event *e, int64_t now_ms)
{
	if (p->passed++ < passes[e->kind] && !p->first)
		return false;
	if (!hold(g, p, e, now_ms))
		return false;
	if (p->is_gifts)
		p->loose += amount_of(e);
	return true;
}

/* ---- Gifts ----------------------------------------------------------------------------------- */

/* A gift that names no batch, as older ones do, goes to a bomb of its giver that lacks gifts. */
static struct batch *batch_of_gift(struct group *p, const struct event *e)
{
	const uint64_t id = hash_of(e->batch);

	for (size_t i = 0; i < p->batch_n; i++) {
		struct batch *b = &p->batches[i];

		if (e->batch.len > 0 ? b->id == id : b->seen < b->announced)
			return b;
	}
	return NULL;
}

static struct batch *batch_of_bomb(struct group *p, const struct event *e)
{
	const uint64_t id = hash_of(e->batch);

	for (size_t i = 0; i < p->batch_n && e->batch.len > 0; i++) {
		if (p->batches[i].id == id)
			return &p->batches[i];
	}
	return NULL;
}

static struct batch *batch_add(struct group *p, const struct event *e, int64_t now_ms)
{
	struct batch *b;

	if (p->batch_n == BOT_GATHER_BATCHES) {
		/* What the oldest brought so far is kept as loose gifts. */
		b = &p->batches[0];
		if (!b->is_told)
			p->loose += b->announced > b->seen ? b->announced : b->seen;
		memmove(p->batches, p->batches + 1, (BOT_GATHER_BATCHES - 1) * sizeof(*b));
		p->batch_n--;
	}
	b = &p->batches[p->batch_n++];
	*b = (struct batch){.id = e->batch.len > 0 ? hash_of(e->batch) : 0, .at_ms = now_ms};
	return b;
}

static bool take_gift(struct bot_gather *g, struct group *p, const struct event *e, int64_t now_ms)
{
	const bool is_bomb = e->kind == EVENT_GIFTBOMB;
	struct batch *b = is_bomb ? batch_of_bomb(p, e) : batch_of_gift(p, e);

	if (!b && !is_bomb && e->batch.len == 0)
		return take_one(g, p, e, now_ms);
	if (b && b->is_told) {
		b->seen += !is_bomb;
		return true; /* late, and thanked for already */
	}
	if (!p->first)
		open_window(g, p, now_ms);
	if (!hold(g, p, e, now_ms))
		return false;
	if (!b)
		b = batch_add(p, e, now_ms);
	b->seen += !is_bomb;
	if (is_bomb && amount_of(e) > b->announced)
		b->announced = amount_of(e);
	return true;
}

/* ---- In -------------------------------------------------------------------------------------- */

bool bot_gather_take(struct bot_gather *g, const struct event *e, int64_t now_ms)
{
	struct group *p;

	if ((unsigned)e->kind >= EVENT_KIND_COUNT || passes[e->kind] == 0)
		return false;
	p = group_find(g, e);
	if (!p) {
		p = group_new(g, e);
		if (!p)
			return false;
		open_window(g, p, now_ms);
	} else if (!p->first && now_ms >= p->until_ms) {
		open_window(g, p, now_ms);
	}
	return p->is_gifts ? take_gift(g, p, e, now_ms) : take_one(g, p, e, now_ms);
}

/* ---- Out ------------------------------------------------------------------------------------- */

/* A batch that was never announced may still be growing. */
static int64_t due_at(const struct bot_gather *g, const struct group *p)
{
	int64_t late = p->last_ms + g->window_ms, most = p->began_ms + LATE_WINDOWS * g->window_ms;

	if (most > p->began_ms + BOT_GATHER_BATCH_MS)
		most = p->began_ms + BOT_GATHER_BATCH_MS;
	for (size_t i = 0; i < p->batch_n; i++) {
		const struct batch *b = &p->batches[i];

		if (!b->is_told && b->announced == 0 && p->until_ms > p->began_ms)
			return late < most ? late : most;
	}
	return p->until_ms;
}

static int64_t gifts_of(const struct group *p)
{
	int64_t n = p->loose;

	for (size_t i = 0; i < p->batch_n; i++) {
		const struct batch *b = &p->batches[i];

		if (!b->is_told)
			n += b->announced > b->seen ? b->announced : b->seen;
	}
	return n;
}

/* What stands for all that is held. NULL = no memory. */
static struct event *join(const struct group *p)
{
	struct event e = *p->first;
	int64_t people = (int64_t)p->people_n + p->more, amount = p->more_amount;
	struct event *joined;
	struct buf user, users;

	buf_init(&user, BOT_GATHER_USERS_BYTES);
	buf_init(&users, BOT_GATHER_USERS_BYTES);
	for (size_t i = 0; i < p->people_n; i++)
		amount += p->people[i].amount;
	e.text = e.to_id = e.touser = e.id = (struct str){NULL, 0};
	e.is_first = e.is_action = e.is_direct = false;
	e.months = 0;
	if (p->is_gifts) {
		e.kind = EVENT_GIFTBOMB;
		e.count = gifts_of(p);
		if (p->has_tiers)
			e.tier = (struct str){NULL, 0};
	} else {
		/* Names that do not fit are left out. */
		(void)!bot_users_write(p->names_n > 0 ? p->names[0] : NULL,
			p->names_n > 1 ? p->names[1] : NULL, people, &user, &users);
		e.user = buf_str(&user);
		e.users = buf_str(&users);
		e.count = amount;
		e.bits = e.kind == EVENT_CHEER ? amount : 0;
		e.roles = ROLE(LEVEL_EVERYONE);
		e.is_anonymous = false;
		e.tier = (struct str){NULL, 0};
		if (p->first_is_gone)
			e.user_id = e.login = (struct str){NULL, 0};
	}
	joined = event_copy(&e);
	buf_fini(&user);
	buf_fini(&users);
	return joined;
}

/* Takes out of a group what it holds, as one event. */
static struct event *group_tell(struct bot_gather *g, struct group *p, int64_t now_ms)
{
	const bool is_alone = p->is_gifts ? gifts_of(p) == 1 : p->events == 1 && !p->first_is_gone;
	struct event *e = NULL;

	if (is_alone) {
		e = p->first;
		p->first = NULL;
	} else if (p->is_gifts || p->people_n > 0 || p->more > 0) {
		e = join(p);
	}
	for (size_t i = 0; i < p->batch_n; i++)
		p->batches[i].is_told = true;
	group_clear(g, p);
	open_window(g, p, now_ms);
	p->passed = PASSED_ALL; /* what was just told was this window's word */
	if (e)
		e->at_ms = now_ms;
	return e;
}

static bool is_over(const struct group *p, int64_t now_ms)
{
	if (now_ms < p->until_ms)
		return false;
	for (size_t i = 0; i < p->batch_n; i++) {
		if (now_ms - p->batches[i].at_ms < BOT_GATHER_BATCH_MS)
			return false;
	}
	return true;
}

struct event *bot_gather_next(struct bot_gather *g, int64_t now_ms, int64_t *wait_ms)
{
	struct group *p, *next;

	*wait_ms = -1;
	HASH_ITER(hh, g->groups, p, next) {
		if (!p->first) {
			if (is_over(p, now_ms))
				group_free(g, p);
			continue;
		}
		const int64_t wait = due_at(g, p) - now_ms;
		if (wait > 0) {
			*wait_ms = *wait_ms < 0 || wait < *wait_ms ? wait : *wait_ms;
			continue;
		}
		struct event *e = group_tell(g, p, now_ms);
		if (e)
			return e;
	}
	return NULL;
}

void bot_gather_hurry(struct bot_gather *g)
{
	for (struct group *p = g->groups; p; p = p->hh.next)
		p->until_ms = p->began_ms;
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

static void remove_name(struct group *p, uint64_t id)
{
	for (size_t i = 0; i < p->names_n; i++) {
		if (p->name_ids[i] != id)
			continue;
		p->names_n--;
		memmove(p->names[i], p->names[i + 1], (p->names_n - i) * sizeof(p->names[0]));
		memmove(&p->name_ids[i], &p->name_ids[i + 1],
			(p->names_n - i) * sizeof(p->name_ids[0]));
		return;
	}
}

static void remove_person(struct bot_gather *g, struct group *p, struct str user_id)
{
	const uint64_t id = hash_of(user_id);

	for (size_t i = 0; i < p->people_n; i++) {
		if (p->people[i].id != id)
			continue;
		p->events -= p->people[i].events;
		p->people[i] = p->people[--p->people_n];
		g->people--;
		remove_name(p, id);
		break;
	}
	if (str_eq(p->first->user_id, user_id))
		p->first_is_gone = true;
	if (p->people_n == 0 && p->more == 0)
		group_clear(g, p);
}

void bot_gather_erase(struct bot_gather *g, const struct erasure *e)
{
	for (struct group *p = g->groups; p; p = p->hh.next) {
		const struct event *first = p->first;

		if (!first || !str_eq(first->platform, e->platform) ||
				!str_eq(first->channel, e->channel))
			continue;
		if (e->message_id.len > 0 ? str_eq(first->id, e->message_id) : e->user_id.len == 0)
			p->first->text.len = 0; /* words are forgotten; the thanks are not */
		if (e->message_id.len > 0 || e->user_id.len == 0)
			continue;
		if (!p->is_gifts)
			remove_person(g, p, e->user_id);
		else if (str_eq(first->user_id, e->user_id))
			group_clear(g, p);
	}
}

void bot_gather_forget(struct bot_gather *g, unsigned place)
{
	struct group *p, *next;

	HASH_ITER(hh, g->groups, p, next) {
		if (p->place == place)
			group_free(g, p);
	}
}

/* ---- Life, and what is told of it ------------------------------------------------------------ */

struct bot_gather *bot_gather_new(void)
{
	return mem_new(sizeof(struct bot_gather));
}

void bot_gather_free(struct bot_gather *g)
{
	struct group *p, *next;

	if (!g)
		return;
	HASH_ITER(hh, g->groups, p, next)
		group_free(g, p);
	mem_free(g);
}

void bot_gather_set_window(struct bot_gather *g, int64_t ms)
{
	g->window_ms = ms;
}

size_t bot_gather_holding(const struct bot_gather *g)
{
	size_t n = 0;

	for (const struct group *p = g->groups; p; p = p->hh.next)
		n += p->events;
	return n;
}

bool bot_gather_ask(const struct bot_gather *g, const struct event *e, int64_t now_ms,
	struct buf *why)
{
	const struct group *p = group_find(g, e);
	const bool is_open = p && (p->first || now_ms < p->until_ms);
	const bool is_part = e->kind == EVENT_GIFTBOMB ||
		(e->kind == EVENT_GIFT && e->batch.len > 0);
	int err;

	if (passes[e->kind] == 0 || (!is_part && (!is_open ||
			(!p->first && p->passed < passes[e->kind])))) {
		err = buf_adds(why, "passes at once");
		return false;
	}
	if (p && p->first)
		err = buf_addf(why, "is held with %u more, told as one event in %lld ms", p->events,
			(long long)(due_at(g, p) > now_ms ? due_at(g, p) - now_ms : 0));
	else
		err = buf_addf(why, "is held for %lld ms, to be told with what else comes",
			(long long)(is_open ? p->until_ms - now_ms : g->window_ms));
	(void)err; /* a sentence that was cut short is still a sentence */
	return true;
}
