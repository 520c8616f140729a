/* What the streamer wrote about a question, looked up on a worker of its own between the hit and
 * the prompt. A turn may end meanwhile; its world, where the knowledge is, is kept until the
 * search is over. */
#include "bot/room.h"

struct bot_search {
	struct turn *turn;       /* NULL once it has ended */
	struct bot_world *world;
	const struct conf_texts *only; /* of a trigger of that world */
	struct buf question;
	struct knowledge_hit hits[KNOWLEDGE_CANDIDATES];
	size_t n;
	int err;
	int64_t deadline_ms;
	void (*done)(struct turn *t);
};

static void search_free(struct bot_search *s)
{
	bot_world_unref(s->world);
	buf_fini(&s->question);
	mem_free(s);
}

static void search_work(void *ctx)
{
	struct bot_search *s = ctx;

	/* More than will be told, where embeddings choose among them. */
	const bool is_ranked = s->world->conf->embeddings.use != NULL;

	s->err = (is_ranked ? knowledge_find_more : knowledge_find)(s->world->knowledge,
		buf_str(&s->question), s->world->conf->name, s->only, s->hits, &s->n);
}

void bot_know_is(struct turn *t, const struct knowledge_hit *hits, size_t n)
{
	t->known_count = n < KNOWLEDGE_TOP ? n : KNOWLEDGE_TOP;
	for (size_t i = 0; i < t->known_count; i++)
		t->known[i] = hits[i];
}

static void search_done(void *ctx)
{
	struct bot_search *s = ctx;
	struct turn *t = s->turn;
	void (*done)(struct turn *) = s->done;

	if (t) {
		t->search = NULL;
		bot_know_is(t, s->hits, s->err ? 0 : s->n); /* without, it is only worse */
		if (s->err)
			log_event(LOG_ERROR, "bot", "knowledge_not_searched", "turn", t->id,
				"error", err_name(s->err), NULL);
	}
	if (t && !s->err && bot_embed_begin(t, s->hits, s->n, s->deadline_ms, done))
		t = NULL; /* it goes on from there */
	search_free(s);
	if (t)
		done(t);
}

bool bot_know_begin(struct turn *t, int64_t deadline_ms, void (*done)(struct turn *t))
{
	struct bot *b = t->bot;
	struct bot_search *s;

	if (!t->hit.trigger->knows || t->event->text.len == 0 || !t->world->knowledge)
		return false;
	s = mem_new(sizeof(*s));
	if (!s)
		return false;
	s->turn = t;
	s->world = bot_world_ref(t->world);
	s->only = &t->hit.trigger->knowledge;
	s->done = done;
	s->deadline_ms = deadline_ms;
	buf_init(&s->question, t->event->text.len);
	/* A replay waits for nobody: the same record gives the same decisions. */
	const bool is_alone = b->options.replay != NULL;
	if (buf_add_str(&s->question, t->event->text) ||
			(!is_alone && io_worker_put(b->searcher, search_work, search_done, s))) {
		search_free(s);
		return false;
	}
	t->search = s;
	if (is_alone) {
		search_work(s);
		search_done(s);
	}
	return true;
}

void bot_know_end(struct turn *t)
{
	if (t->search)
		t->search->turn = NULL;
	t->search = NULL;
}

size_t bot_know_now(const struct bot_world *w, const struct trigger *t, const struct event *e,
	struct knowledge_hit hits[KNOWLEDGE_TOP])
{
	size_t n;

	if (!t->knows || e->text.len == 0 || !w->knowledge ||
		knowledge_find(w->knowledge, e->text, w->conf->name, &t->knowledge, hits,
			&n))
		return 0;
	return n;
}
