/* Sessions on disk: a restart resumes them. The sequence in the file is some seconds old; the marks
 * (discord_mark.h) have that of when something was last said.
 *
 *   mynah-discord-sessions 1
 *   shard <TAB> its number <TAB> of how many <TAB> wall ms <TAB> sequence <TAB> id <TAB> url <TAB>
 *         intents
 *   end <TAB> how many lines stand between
 */
#include "platform/discord_session.h"

#include <limits.h>
#include <string.h>

#include "platform/discord_mark.h"
#include "platform/discord_store.h"

#define HEAD "mynah-discord-sessions 1"
#define SAVE_MS 5000         /* what a machine that dies can lose: it is sent again */
#define SHARDS_MAX PLATFORM_MARKS
#define OLD_MS (60 * 60000)  /* Discord keeps a session for some minutes */

struct row {
	unsigned shards; /* 0 = never used */
	struct platform_session session;
};

struct platform_sessions {
	struct platform_store *store;
	struct platform_marks *marks; /* NULL = it could not be opened */
	struct io_timer *timer;
	bool is_dirty;
	bool is_unmarked;         /* the last marks could not be written */
	struct row *rows; /* by the shard's number */
	size_t n;
};

static const struct platform_session none = {.seq = -1};

/* ---- The file ------------------------------------------------------------------------------- */

static int add_rows(const struct platform_sessions *s, struct buf *out)
{
	const long long now_ms = clock_wall_ms();
	size_t lines = 0;
	int err = 0;

	for (size_t i = 0; i < s->n && !err; i++) {
		const struct row *r = &s->rows[i];

		if (!r->session.id[0])
			continue;
		err = buf_addf(out, "shard\t%zu\t%u\t%lld\t%lld\t%s\t%s\t%lu\n", i, r->shards,
			now_ms, (long long)r->session.seq, r->session.id, r->session.url,
			(unsigned long)r->session.intents);
		lines++;
	}
	return err ? err : buf_addf(out, "end\t%zu\n", lines);
}

static int make_text(const struct platform_sessions *s, struct buf *out)
{
	int err;

	buf_init(out, PLATFORM_STORE_BYTES);
	err = buf_adds(out, HEAD "\n");
	return err ? err : add_rows(s, out);
}

static void save(void *ctx)
{
	struct platform_sessions *s = ctx;
	struct buf text;

	if (s->is_dirty) {
		if (make_text(s, &text) == 0) {
			s->is_dirty = false;
			platform_store_put(s->store, &text);
		}
		buf_fini(&text);
	}
	if (s->is_dirty || !platform_store_is_settled(s->store))
		io_timer_start(s->timer, SAVE_MS);
}

static bool is_word(struct str s, size_t room)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] <= ' ' || s.at[i] > '~')
			return false;
	}
	return s.len > 0 && s.len < room;
}

static int keep(struct platform_sessions *s, unsigned shard, unsigned shards,
	const struct platform_session *session)
{
	struct row *rows;

	if (shard >= SHARDS_MAX)
		return ERR_LIMIT;
	if (shard >= s->n) {
		rows = mem_resize(s->rows, (shard + 1) * sizeof(*rows));
		if (!rows)
			return ERR_NOMEM;
		memset(rows + s->n, 0, (shard + 1 - s->n) * sizeof(*rows));
		s->rows = rows;
		s->n = shard + 1;
	}
	s->rows[shard] = (struct row){.shards = shards, .session = *session};
	return 0;
}

static int read_row(struct platform_sessions *s, struct str line)
{
	struct platform_session session = none;
	int64_t shard, shards, at_ms, intents = 0;
	struct str id, url;

	if (!str_is(str_split(&line, '\t'), "shard") ||
		str_int(str_split(&line, '\t'), &shard) < 0 ||
		str_int(str_split(&line, '\t'), &shards) < 0 ||
		str_int(str_split(&line, '\t'), &at_ms) < 0 ||
		str_int(str_split(&line, '\t'), &session.seq) < 0)
		return ERR_PARSE;
	id = str_split(&line, '\t');
	url = str_split(&line, '\t');
	if (line.len > 0 && str_int(line, &intents) < 0)
		return ERR_PARSE;
	if (shard < 0 || shard >= SHARDS_MAX || shards <= shard || shards > INT32_MAX ||
		session.seq < -1 || intents < 0 || intents > UINT32_MAX ||
		!is_word(id, sizeof(session.id)) ||
		(url.len > 0 && !is_word(url, sizeof(session.url))))
		return ERR_PARSE;
	if (clock_wall_ms() - at_ms > OLD_MS)
		return 0;
	session.intents = (uint32_t)intents;
	memcpy(session.id, id.at, id.len);
	if (url.len > 0)
		memcpy(session.url, url.at, url.len);
	return keep(s, (unsigned)shard, (unsigned)shards, &session);
}

static int read_rows(struct platform_sessions *s, struct str text)
{
	int64_t lines = 0, said;
	int err;

	if (!str_is(str_split(&text, '\n'), HEAD))
		return ERR_PARSE;
	while (text.len > 0) {
		struct str line = str_split(&text, '\n');

		if (line.len > 4 && memcmp(line.at, "end\t", 4) == 0) {
			struct str count = {line.at + 4, line.len - 4};
			return str_int(count, &said) == 0 && said == lines && text.len == 0
				? 0 : ERR_PARSE;
		}
		err = read_row(s, line);
		if (err)
			return err;
		lines++;
	}
	return ERR_PARSE; /* torn off before its end */
}

static int load(struct platform_sessions *s)
{
	struct buf text;
	int err;

	buf_init(&text, PLATFORM_STORE_BYTES);
	err = platform_store_read(s->store, &text);
	if (!err)
		err = read_rows(s, buf_str(&text));
	buf_fini(&text);
	if (err == ERR_NOMEM || err == ERR_NOTFOUND)
		return err == ERR_NOMEM ? err : 0;
	if (err) {
		s->n = 0;
		log_event(LOG_ERROR, "platform", "sessions_unreadable", "result", "FAILED", "file",
			platform_store_path(s->store), "error", err_name(err), "message",
			"sessions at Discord are not resumed but begun anew", NULL);
	}
	return 0;
}

static void tell_unmarked(const struct platform_sessions *s, int err)
{
	log_event(LOG_ERROR, "platform", "marks_not_kept", "result", "FAILED", "file",
		platform_store_path(s->store), "error", err_name(err), "message",
		"after a crash the last seconds may be answered twice", NULL);
}

static void open_marks(struct platform_sessions *s)
{
	struct buf path;
	int err;

	buf_init(&path, PATH_MAX);
	err = buf_addf(&path, "%s.seq", platform_store_path(s->store));
	if (!err)
		err = platform_marks_open(buf_text(&path), &s->marks);
	if (err)
		tell_unmarked(s, err);
	buf_fini(&path);
	for (size_t i = 0; i < s->n; i++) {
		struct platform_session *session = &s->rows[i].session;
		int64_t seq = platform_marks_get(s->marks, (unsigned)i, session->id);

		if (seq > session->seq)
			session->seq = seq;
	}
}

/* ---- The header's functions ----------------------------------------------------------------- */

int platform_sessions_open(struct io *io, struct io_worker *worker, const char *state_dir,
	const struct secret *token, struct platform_sessions **out)
{
	struct platform_sessions *s = mem_new(sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return ERR_NOMEM;
	s->timer = io_timer_new(io, save, s);
	err = !s->timer ? ERR_NOMEM
		: platform_store_new(worker, state_dir, "discord-sessions", token, &s->store);
	if (!err)
		err = load(s);
	if (err) {
		platform_sessions_free(s);
		return err;
	}
	open_marks(s);
	*out = s;
	return 0;
}

void platform_sessions_free(struct platform_sessions *s)
{
	struct buf text;

	if (!s)
		return;
	io_timer_free(s->timer);
	buf_init(&text, 0);
	if (s->is_dirty && make_text(s, &text) < 0)
		buf_clear(&text);
	platform_store_free(s->store, buf_str(&text));
	buf_fini(&text);
	platform_marks_close(s->marks);
	mem_free(s->rows);
	mem_free(s);
}

const struct platform_session *platform_sessions_get(
	const struct platform_sessions *s, unsigned shard, unsigned shards)
{
	if (shard >= s->n || s->rows[shard].shards != shards)
		return &none;
	return &s->rows[shard].session;
}

int platform_sessions_put(struct platform_sessions *s, unsigned shard, unsigned shards,
	const struct platform_session *session)
{
	const struct platform_session *old = platform_sessions_get(s, shard, shards);
	bool is_other = strcmp(old->id, session->id) != 0;
	int err;

	if (!is_other && old->seq == session->seq && strcmp(old->url, session->url) == 0)
		return 0;
	err = keep(s, shard, shards, session);
	if (err)
		return err;
	platform_marks_set(s->marks, shard, session->id, session->seq);
	s->is_dirty = true;
	if (is_other)
		io_timer_start(s->timer, 0);
	else if (!io_timer_is_on(s->timer))
		io_timer_start(s->timer, SAVE_MS);
	return 0;
}

void platform_sessions_mark(struct platform_sessions *s)
{
	int err = s ? platform_marks_save(s->marks) : 0;

	if (err && !s->is_unmarked)
		tell_unmarked(s, err);
	if (s)
		s->is_unmarked = err != 0;
}
