/* Twins: the same words in the same channel, waiting or said within OUTBOX_TWIN_MS. Twitch drops
 * such a line silently, and a bot that says a thing twice looks broken. */
#include "outbox/room.h"

#include <string.h>

#define TWINS_SAID_MAX 4096 /* past it the earliest said are forgotten: 30 s of 130 sends/s */
#define TWIN_KEY_BYTES (64 * 1024)

static void unlist(struct outbox *ob, struct twin *t)
{
	DL_DELETE(ob->said, t);
	ob->said_count--;
}

static void forget(struct outbox *ob, struct twin *t)
{
	if (!t->is_waiting)
		unlist(ob, t);
	HASH_DELETE(hh, ob->twins, t);
	mem_free(t);
}

static void sweep(struct outbox *ob, int64_t now_ms)
{
	while (ob->said &&
		(now_ms - ob->said->said_ms > OUTBOX_TWIN_MS || ob->said_count > TWINS_SAID_MAX))
		forget(ob, ob->said);
}

/* The lane's key and the text without what platforms do not tell apart: case, runs of spaces. */
static int make_key(const struct lane *l, const char *text, struct buf *key)
{
	struct str rest = str_of(text);
	struct buf folded;
	int err;

	buf_init(&folded, TWIN_KEY_BYTES);
	err = text_fold(rest, &folded);
	if (err == 0)
		rest = buf_str(&folded);
	else if (err == ERR_NOMEM)
		goto out;
	err = buf_adds(key, l->key);
	if (err == 0)
		err = buf_addc(key, '\n');
	while (err == 0 && rest.len > 0) {
		struct str word = str_split(&rest, ' ');
		if (word.len == 0)
			continue;
		err = buf_addc(key, ' ');
		if (err == 0)
			err = buf_add_str(key, word);
	}
	if (err == ERR_LIMIT) /* what did not fit is not compared */
		err = 0;
out:
	buf_fini(&folded);
	return err;
}

int outbox_twin_claim(struct outbox *ob, const struct lane *l, const char *text, int64_t now_ms,
	struct twin **out)
{
	struct buf key;
	struct twin *t;
	int err;

	sweep(ob, now_ms);
	buf_init(&key, TWIN_KEY_BYTES);
	err = make_key(l, text, &key);
	if (err < 0)
		goto out;
	HASH_FIND(hh, ob->twins, key.at, key.len, t);
	if (t) {
		err = ERR_BUSY;
		goto out;
	}
	t = mem_new(sizeof(*t) + key.len + 1);
	if (!t) {
		err = ERR_NOMEM;
		goto out;
	}
	memcpy(t->key, key.at, key.len);
	t->is_waiting = true;
	HASH_ADD(hh, ob->twins, key[0], key.len, t);
	if (!hash_has(t)) {
		mem_free(t);
		err = ERR_NOMEM;
		goto out;
	}
	*out = t;
out:
	buf_fini(&key);
	return err;
}

void outbox_twin_said(struct outbox *ob, struct twin *t, int64_t now_ms)
{
	t->is_waiting = false;
	t->said_ms = now_ms;
	DL_APPEND(ob->said, t);
	ob->said_count++;
	sweep(ob, now_ms);
}

void outbox_twin_free(struct outbox *ob, struct twin *t)
{
	forget(ob, t);
}

void outbox_twins_free(struct outbox *ob)
{
	struct twin *t, *next;

	HASH_ITER (hh, ob->twins, t, next)
		forget(ob, t);
}
