/* The parts of a gateway connection by themselves: zlib-stream with the vectors of discord.md 13.2,
 * close codes (11.2), sessions and the IDENTIFY budget over restarts and damage. */
#include <sys/stat.h>
#include <zlib.h>

#include "unit/gateway_world.h"

/* ---- zlib-stream ---------------------------------------------------------------------------- */

struct vector {
	char bytes[512], text[512];
	size_t n;
};
static struct vector vectors[3];
static size_t n_vectors;

static int keep_vector(const struct json *line)
{
	struct vector *v = &vectors[n_vectors++];
	struct str hex = json_str(line, "hex"), text = json_str(line, "text");

	assert_true(n_vectors <= COUNT(vectors) && hex.len / 2 < sizeof(v->bytes));
	for (v->n = 0; v->n < hex.len / 2; v->n++) {
		char two[3] = {hex.at[v->n * 2], hex.at[v->n * 2 + 1], '\0'};
		v->bytes[v->n] = (char)strtol(two, NULL, 16);
	}
	snprintf(v->text, sizeof(v->text), "%.*s", STR_FMT(text));
	return 0;
}

static int read_vectors(void **state)
{
	size_t lines;

	n_vectors = 0;
	unit_each_json("tests/data/discord-zlib.jsonl", keep_vector, &lines);
	assert_int_equal(lines, 3);
	return gateway_setup(state);
}

static struct platform_inflate *new_inflate(size_t max)
{
	struct platform_inflate *z;

	assert_int_equal(platform_inflate_new(max, &z), 0);
	return z;
}

static int feed(struct platform_inflate *z, const char *at, size_t n, struct str *out)
{
	return platform_inflate_feed(z, (struct str){at, n}, out);
}

static void messages_share_a_context(void **state)
{
	struct platform_inflate *z = new_inflate(4096);
	struct str out;

	(void)state;
	for (size_t i = 0; i < n_vectors; i++) {
		assert_int_equal(feed(z, vectors[i].bytes, vectors[i].n, &out), 1);
		assert_str(out, str_of(vectors[i].text));
		platform_inflate_shrink(z);
	}
	platform_inflate_free(z);
}

static void every_split_gives_the_same(void **state)
{
	struct str out;

	(void)state;
	for (size_t which = 0; which < n_vectors; which++) {
		for (size_t cut = 0; cut < vectors[which].n; cut++) {
			struct platform_inflate *z = new_inflate(4096);

			for (size_t i = 0; i < n_vectors; i++) {
				const struct vector *v = &vectors[i];

				if (i == which)
					assert_case(cut, feed(z, v->bytes, cut, &out) == 0);
				size_t from = i == which ? cut : 0;
				assert_case(cut, feed(z, v->bytes + from, v->n - from, &out) == 1);
				assert_str(out, str_of(v->text));
			}
			platform_inflate_free(z);
		}
	}
}

static void byte_by_byte(void **state)
{
	struct platform_inflate *z = new_inflate(4096);
	struct str out;

	(void)state;
	for (size_t i = 0; i < n_vectors; i++) {
		const struct vector *v = &vectors[i];

		for (size_t k = 0; k + 1 < v->n; k++)
			assert_int_equal(feed(z, v->bytes + k, 1, &out), 0);
		assert_int_equal(feed(z, v->bytes + v->n - 1, 1, &out), 1);
		assert_str(out, str_of(v->text));
	}
	platform_inflate_free(z);
}

static void a_context_cannot_be_changed(void **state)
{
	struct platform_inflate *z = new_inflate(4096);
	struct str out;

	(void)state;
	assert_int_equal(feed(z, vectors[1].bytes, vectors[1].n, &out), ERR_PARSE);
	assert_int_equal(feed(z, vectors[0].bytes, vectors[0].n, &out), ERR_PARSE);
	platform_inflate_free(z);
	z = new_inflate(4096);
	for (size_t i = 0; i < n_vectors; i++)
		assert_int_equal(feed(z, vectors[i].bytes, vectors[i].n, &out), 1);
	assert_int_equal(feed(z, vectors[0].bytes, vectors[0].n, &out), ERR_PARSE);
	platform_inflate_free(z);
}

/* As a server does it; gives how long it is. */
static size_t deflate_bytes(const char *at, size_t n, char *out, size_t room)
{
	z_stream s = {0};

	assert_int_equal(deflateInit(&s, 9), Z_OK);
	s.next_in = (z_const Bytef *)at;
	s.avail_in = (uInt)n;
	s.next_out = (Bytef *)out;
	s.avail_out = (uInt)room;
	assert_int_equal(deflate(&s, Z_SYNC_FLUSH), Z_OK);
	assert_int_equal(s.avail_in, 0);
	deflateEnd(&s);
	return room - s.avail_out;
}

static void sizes_around_a_piece_are_whole(void **state)
{
	static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 32768, 65536, 100000};
	static char in[100000], packed[110000];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)('a' + rand_below(26));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct platform_inflate *z = new_inflate(sizeof(in));
		size_t n = deflate_bytes(in, sizes[i], packed, sizeof(packed));
		struct str out;

		assert_case(i, feed(z, packed, n, &out) == 1);
		assert_case(
			i, out.len == sizes[i] && memcmp(out.at ? out.at : "", in, out.len) == 0);
		platform_inflate_free(z);
	}
}

static void a_bomb_is_stopped_at_the_cap(void **state)
{
	static char in[1 << 20], packed[1 << 16];
	struct platform_inflate *z = new_inflate(sizeof(in) - 1);
	size_t n = deflate_bytes(in, sizeof(in), packed, sizeof(packed));
	struct str out;

	(void)state;
	assert_true(n < 4096);
	assert_int_equal(feed(z, packed, n, &out), ERR_LIMIT);
	assert_int_equal(feed(z, packed, n, &out), ERR_PARSE);
	platform_inflate_free(z);
}

static void parts_without_an_end_are_bounded(void **state)
{
	struct platform_inflate *z = new_inflate(1000);
	char part[100];
	struct str out;
	int err = 0, i;

	(void)state;
	memset(part, 'x', sizeof(part));
	for (i = 0; i < 20 && !err; i++)
		err = feed(z, part, sizeof(part), &out);
	assert_int_equal(err, ERR_LIMIT);
	assert_int_equal(i, 11);
	platform_inflate_free(z);
}

static void without_memory_nothing_leaks(void **state)
{
	(void)state;
	for (unsigned long at = 1; at < 4; at++) {
		struct platform_inflate *z = NULL;
		struct str out;
		int err;

		mem_fail_at(at, 1);
		err = platform_inflate_new(4096, &z);
		if (!err)
			err = feed(z, vectors[0].bytes, vectors[0].n, &out);
		mem_fail_at(0, 0);
		assert_case(at, err == ERR_NOMEM || (err == 1 && at > 2));
		platform_inflate_free(z);
	}
}

/* ---- Close codes ---------------------------------------------------------------------------- */

static int check_code(const struct json *line)
{
	static const char *const names[] = {"resume", "identify", "refused"};
	int code = (int)json_int(line, "code", -1);
	const struct platform_close *c = platform_close_find(code);

	if (!str_is(json_str(line, "next"), names[c->next]))
		fail_msg("%d: %s", code, names[c->next]);
	if (c->next == PLATFORM_NEXT_REFUSED)
		assert_true(strlen(c->why) > 40);
	return 0;
}

static void close_codes_mean_what_the_sheet_says(void **state)
{
	size_t lines;

	(void)state;
	unit_each_json("tests/data/discord-close.jsonl", check_code, &lines);
	assert_int_equal(lines, 24);
}

static void switches_are_named(void **state)
{
	static const struct {
		uint32_t intents;
		const char *names;
	} cases[] = {
		{5633, ""},
		{38401, "\"Message Content Intent\""},
		{38403, "\"Message Content Intent\", \"Server Members Intent\""},
		{UINT32_MAX, "\"Message Content Intent\", \"Server Members Intent\", \"Presence "
			     "Intent\""},
	};
	char out[PLATFORM_SWITCHES_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(platform_close_switches(cases[i].intents, out), cases[i].names);
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* Not the marks beside it. */
static const char *sessions_path(void)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s", gateway_path("discord-sessions"));
	path[strcspn(path, ".")] = '\0';
	return path;
}

static void write_file(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, str_of(text), 0600), 0);
}

static void reopen_sessions(void)
{
	platform_sessions_free(gw.sessions);
	assert_int_equal(
		platform_sessions_open(gw.io, gw.worker, gw.dir, gw.token, &gw.sessions), 0);
}

static void reopen_identify(void)
{
	platform_identify_free(gw.identify);
	assert_int_equal(
		platform_identify_open(gw.io, gw.worker, gw.dir, gw.token, &gw.identify), 0);
}

static struct platform_session session_of(const char *id, int64_t seq)
{
	struct platform_session s = {.seq = seq};

	snprintf(s.id, sizeof(s.id), "%s", id);
	snprintf(s.url, sizeof(s.url), "%s", GATEWAY_RESUME);
	return s;
}

static void put(unsigned shard, unsigned shards, const char *id, int64_t seq)
{
	struct platform_session s = session_of(id, seq);

	assert_int_equal(platform_sessions_put(gw.sessions, shard, shards, &s), 0);
}

static void sessions_survive_a_restart(void **state)
{
	const struct platform_session *s;
	struct stat st;

	(void)state;
	assert_string_equal(platform_sessions_get(gw.sessions, 0, 1)->id, "");
	assert_int_equal(platform_sessions_get(gw.sessions, 0, 1)->seq, -1);
	put(0, 3, "aaa", 0);
	put(2, 3, "ccc", 1337);
	reopen_sessions();
	s = platform_sessions_get(gw.sessions, 2, 3);
	assert_string_equal(s->id, "ccc");
	assert_string_equal(s->url, GATEWAY_RESUME);
	assert_int_equal(s->seq, 1337);
	assert_int_equal(platform_sessions_get(gw.sessions, 0, 3)->seq, 0);
	assert_string_equal(platform_sessions_get(gw.sessions, 1, 3)->id, "");
	assert_string_equal(platform_sessions_get(gw.sessions, 2, 4)->id, "");
	assert_int_equal(stat(sessions_path(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	put(2, 3, "", -1);
	reopen_sessions();
	assert_string_equal(platform_sessions_get(gw.sessions, 2, 3)->id, "");
	assert_string_equal(platform_sessions_get(gw.sessions, 0, 3)->id, "aaa");
}

static void holds(const char *text, bool is_there)
{
	struct buf file;

	buf_init(&file, 1 << 20);
	assert_int_equal(file_read(sessions_path(), &file), 0);
	if ((strstr(buf_text(&file), text) != NULL) != is_there)
		fail_msg("%s %s", text, buf_text(&file));
	buf_fini(&file);
}

static void ids_are_written_at_once_and_sequences_within_5_s(void **state)
{
	(void)state;
	put(0, 1, "aaa", 1);
	gateway_pass(0);
	holds("\t1\taaa", true);
	put(0, 1, "aaa", 77);
	gateway_pass(5000);
	holds("\t77\taaa", true);
	put(0, 1, "bbb", 78);
	gateway_pass(0);
	holds("bbb", true);
	holds("aaa", false);
}

/* What another process would find: as if this one had been killed. */
static void assert_after_a_kill(const char *id, int64_t seq)
{
	struct platform_sessions *after;

	assert_int_equal(platform_sessions_open(gw.io, gw.worker, gw.dir, gw.token, &after), 0);
	assert_string_equal(platform_sessions_get(after, 1, 2)->id, id);
	assert_int_equal(platform_sessions_get(after, 1, 2)->seq, seq);
	platform_sessions_free(after);
}

static void a_kill_loses_no_sequence_that_was_marked(void **state)
{
	char path[512];

	(void)state;
	put(1, 2, "aaa", 1);
	gateway_pass(0);
	put(1, 2, "aaa", 77);
	platform_sessions_mark(gw.sessions);
	put(1, 2, "aaa", 78);
	assert_after_a_kill("aaa", 77);

	/* The mark is of a session, not of the shard. */
	snprintf(path, sizeof(path), "%s", sessions_path());
	write_file(path, "mynah-discord-sessions 1\n"
			 "shard\t1\t2\t1763740800000\t5\tbbb\twss://a\nend\t1\n");
	assert_after_a_kill("bbb", 5);
}

static void marks_that_are_cut_short_are_written_again(void **state)
{
	char path[600];

	(void)state;
	put(1, 2, "aaa", 1);
	gateway_pass(0);
	put(1, 2, "aaa", 77);
	platform_sessions_mark(gw.sessions);
	snprintf(path, sizeof(path), "%s.seq", sessions_path());
	for (int bytes = 0; bytes <= 31; bytes += 31) {
		assert_int_equal(truncate(path, bytes), 0);
		assert_after_a_kill("aaa", 1);
		put(1, 2, "aaa", 78 + bytes);
		platform_sessions_mark(gw.sessions);
		assert_after_a_kill("aaa", 78 + bytes);
	}
}

static void without_a_place_for_marks_it_works(void **state)
{
	char path[600];

	(void)state;
	put(0, 1, "aaa", 1);
	gateway_pass(0);
	platform_sessions_free(gw.sessions);
	snprintf(path, sizeof(path), "%s.seq", sessions_path());
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	assert_int_equal(
		platform_sessions_open(gw.io, gw.worker, gw.dir, gw.token, &gw.sessions), 0);
	put(0, 1, "aaa", 2);
	platform_sessions_mark(gw.sessions);
	reopen_sessions();
	assert_int_equal(platform_sessions_get(gw.sessions, 0, 1)->seq, 2);
}

static void old_sessions_are_not_taken_up(void **state)
{
	(void)state;
	put(0, 1, "aaa", 1);
	reopen_sessions();
	io_clock_shift(gw.io, 3601 * 1000);
	reopen_sessions();
	assert_string_equal(platform_sessions_get(gw.sessions, 0, 1)->id, "");
}

static void a_damaged_file_means_no_session(void **state)
{
	static const char *const damaged[] = {
		"",
		"garbage",
		"mynah-discord-sessions 1\n",
		"mynah-discord-sessions 1\nshard\t0\t1\t1763740800000\t5\taaa\twss://a\n",
		"mynah-discord-sessions 1\nshard\t0\t1\t1763740800000\t5\taaa\twss://a\nend\t2\n",
		"mynah-discord-sessions 1\nshard\t1\t1\t1763740800000\t5\taaa\twss://a\nend\t1\n",
		"mynah-discord-sessions 1\nshard\t0\t1\t1763740800000\t-2\taaa\twss://a\nend\t1\n",
		"mynah-discord-sessions 1\nshard\t0\t1\t1763740800000\t5\ta a\twss://a\nend\t1\n",
		"mynah-discord-sessions "
		"1\nshard\t0\t1\t1763740800000\t5\taaa\twss://\x01\nend\t1\n",
		"mynah-discord-sessions "
		"1\nshard\t0\t1\t1763740800000\t5\taaa\twss://a\nend\t1\nmore\n",
	};
	char path[512];

	(void)state;
	put(0, 1, "aaa", 1);
	gateway_pass(0);
	snprintf(path, sizeof(path), "%s", sessions_path());
	for (size_t i = 0; i < COUNT(damaged); i++) {
		write_file(path, damaged[i]);
		platform_sessions_free(gw.sessions);
		gw.sessions = NULL;
		write_file(path, damaged[i]);
		assert_int_equal(
			platform_sessions_open(gw.io, gw.worker, gw.dir, gw.token, &gw.sessions),
			0);
		assert_case(i, platform_sessions_get(gw.sessions, 0, 1)->id[0] == '\0');
	}
}

/* ---- The budget ----------------------------------------------------------------------------- */

#define DISK_MS 40 /* at most, until it is known to be on the disk */

/* Waits until the shard may identify; gives how long it was. */
static int64_t wait_and_take(unsigned shard)
{
	int64_t from_ms = clock_mono_ms(), wait_ms;

	while ((wait_ms = platform_identify_take(gw.identify, shard)) > 0)
		gateway_pass(wait_ms);
	return clock_mono_ms() - from_ms;
}

static void identifies_are_5_s_apart_for_each_key(void **state)
{
	bool differs = false;
	int64_t last = 0;

	(void)state;
	assert_true(wait_and_take(0) <= DISK_MS);
	for (int i = 0; i < 20; i++) {
		int64_t waited = wait_and_take(i % 3);

		assert_in_range(waited, 5000, 6500 + DISK_MS);
		differs = differs || (last && waited != last);
		last = waited;
	}
	assert_true(differs);
	assert_int_equal(platform_identify_spent(gw.identify), 21);
}

static void keys_of_their_own_do_not_wait_for_each_other(void **state)
{
	(void)state;
	platform_identify_told(gw.identify, 1000, 0, 2);
	assert_true(wait_and_take(0) <= DISK_MS);
	assert_true(wait_and_take(1) <= DISK_MS);
	assert_in_range(wait_and_take(2), 5000 - DISK_MS, 6500 + DISK_MS);
	assert_true(wait_and_take(3) <= DISK_MS);
}

static void looking_costs_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(platform_identify_wait(gw.identify, 0), 0);
	assert_int_equal(platform_identify_spent(gw.identify), 0);
	assert_true(wait_and_take(0) <= DISK_MS);
	assert_in_range(platform_identify_wait(gw.identify, 0), 5000, 6500 + DISK_MS);
}

static void a_restart_forgets_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		int64_t waited = wait_and_take(0);

		assert_case(i, i == 0 || waited >= 5000);
		reopen_identify();
		assert_int_equal(platform_identify_spent(gw.identify), i + 1);
	}
}

static void it_is_on_the_disk_before_it_is_sent(void **state)
{
	(void)state;
	gw.is_disk_slow = true;
	int64_t wait_ms = platform_identify_take(gw.identify, 0);
	assert_in_range(wait_ms, 1, 100);
	assert_int_equal(platform_identify_spent(gw.identify), 1);
	assert_true(platform_identify_take(gw.identify, 1) >= 1000);
	gw.is_disk_slow = false;
	gateway_pass(wait_ms);
	assert_true(wait_and_take(0) <= DISK_MS);
	assert_int_equal(platform_identify_spent(gw.identify), 1);
}

static void a_disk_that_hangs_does_not_keep_us_out(void **state)
{
	(void)state;
	gw.is_disk_slow = true;
	assert_in_range(wait_and_take(0), 5000, 5100);
}

static void after_900_of_a_day_it_stops_and_says_so(void **state)
{
	int64_t wait_ms, began_ms = clock_mono_ms();

	(void)state;
	gateway_spend(899);
	gateway_pass(7000);
	assert_true(wait_and_take(0) <= DISK_MS);
	assert_int_equal(platform_identify_spent(gw.identify), 900);
	gateway_pass(7000);
	wait_ms = platform_identify_take(gw.identify, 0);
	assert_int_equal(wait_ms, began_ms + 86400000 - clock_mono_ms());
	assert_non_null(strstr(platform_identify_why(gw.identify), "900 of the day's 1,000"));
	reopen_identify();
	assert_int_equal(platform_identify_take(gw.identify, 0), wait_ms);
	gateway_pass(wait_ms);
	assert_true(wait_and_take(0) <= DISK_MS);
	assert_int_equal(platform_identify_spent(gw.identify), 2);
	assert_string_equal(platform_identify_why(gw.identify), "");
}

static void what_discord_tells_counts_too(void **state)
{
	(void)state;
	platform_identify_told(gw.identify, 0, 60000, 1);
	assert_int_equal(platform_identify_take(gw.identify, 0), 60000);
	assert_true(platform_identify_why(gw.identify)[0] != '\0');
	gateway_pass(60000);
	assert_true(wait_and_take(0) <= DISK_MS);

	platform_identify_told(gw.identify, 2, 3600000, 1);
	assert_in_range(wait_and_take(0), 5000, 6500 + DISK_MS);
	assert_in_range(wait_and_take(0), 5000, 6500 + DISK_MS);
	assert_true(wait_and_take(0) > 3500000);

	platform_identify_told(gw.identify, 0, 0, 1); /* no word of when */
	assert_int_equal(platform_identify_wait(gw.identify, 0), 60000);
}

static void a_damaged_budget_is_spent_for_an_hour(void **state)
{
	static const char head[] = "mynah-discord-identifies 1\t1000000000\t1763740800000\n";
	static const char *const damaged[] = {
		"",
		"garbage",
		"%s",
		"%sidentify\t1763740700000\t0\n",
		"%sidentify\t1763740700000\t0\nend\t2\n",
		"%sidentify\t1763740900000\t0\nend\t1\n",
		"%sidentify\t1763740700000\t-1\nend\t1\n",
		"%shold\t1863740700000\nend\t1\n",
		"%sidentify\t1763740700000\t0\nidentify\t1763740600000\t0\nend\t2\n",
		"%sidentify\tsoon\t0\nend\t1\n",
	};
	char path[512], text[512];

	(void)state;
	assert_true(wait_and_take(0) <= DISK_MS);
	snprintf(path, sizeof(path), "%s", gateway_path("discord-identifies"));
	for (size_t i = 0; i < COUNT(damaged); i++) {
		const char *rest = damaged[i];
		bool has_head = strncmp(rest, "%s", 2) == 0;

		snprintf(text, sizeof(text), "%s%s", has_head ? head : "",
			has_head ? rest + 2 : rest);
		write_file(path, text);
		reopen_identify();
		assert_case(i, platform_identify_take(gw.identify, 0) == 3600000);
		assert_true(platform_identify_why(gw.identify)[0] != '\0');
		gateway_pass(1800000);
		reopen_identify(); /* a restart does not make it longer */
		assert_case(i, platform_identify_take(gw.identify, 0) == 1800000);
		gateway_pass(1800000);
		assert_case(i, platform_identify_wait(gw.identify, 0) == 0);
	}
}

static void the_file_as_it_should_be_is_read(void **state)
{
	char path[512];

	(void)state;
	assert_true(wait_and_take(0) <= DISK_MS);
	snprintf(path, sizeof(path), "%s", gateway_path("discord-identifies"));
	write_file(path, "mynah-discord-identifies 1\t1000000000\t1763740800000\n"
			 "identify\t1763740600000\t0\nidentify\t1763740799000\t3\nend\t2\n");
	reopen_identify();
	assert_int_equal(platform_identify_spent(gw.identify), 2);
	assert_in_range(platform_identify_take(gw.identify, 0), 5500 - DISK_MS, 5500);
}

/* The wall clock says that a day went by, the monotonic one knows better. */
static void a_wall_clock_that_is_set_refills_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		wait_and_take(0);
	clock_shift(0, 90000000);
	reopen_identify();
	assert_int_equal(platform_identify_spent(gw.identify), 3);
	clock_shift(0, -180000000);
	reopen_identify();
	assert_int_equal(platform_identify_spent(gw.identify), 3);
}

static void another_token_of_the_application_has_the_same_budget(void **state)
{
	(void)state;
	assert_true(wait_and_take(0) <= DISK_MS);
	secret_free(gw.token);
	assert_int_equal(secret_new(STR("MTE4.another.token"), &gw.token), 0);
	reopen_identify();
	assert_int_equal(platform_identify_spent(gw.identify), 1);
	secret_free(gw.token);
	assert_int_equal(secret_new(STR("MTE5.another.token"), &gw.token), 0);
	reopen_identify();
	assert_int_equal(platform_identify_spent(gw.identify), 0);
}

#define IN_A_WORLD(f) cmocka_unit_test_setup_teardown(f, read_vectors, gateway_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(messages_share_a_context),
		IN_A_WORLD(every_split_gives_the_same),
		IN_A_WORLD(byte_by_byte),
		IN_A_WORLD(a_context_cannot_be_changed),
		IN_A_WORLD(sizes_around_a_piece_are_whole),
		IN_A_WORLD(a_bomb_is_stopped_at_the_cap),
		IN_A_WORLD(parts_without_an_end_are_bounded),
		IN_A_WORLD(without_memory_nothing_leaks),
		IN_A_WORLD(close_codes_mean_what_the_sheet_says),
		IN_A_WORLD(switches_are_named),
		IN_A_WORLD(sessions_survive_a_restart),
		IN_A_WORLD(ids_are_written_at_once_and_sequences_within_5_s),
		IN_A_WORLD(a_kill_loses_no_sequence_that_was_marked),
		IN_A_WORLD(marks_that_are_cut_short_are_written_again),
		IN_A_WORLD(without_a_place_for_marks_it_works),
		IN_A_WORLD(old_sessions_are_not_taken_up),
		IN_A_WORLD(a_damaged_file_means_no_session),
		IN_A_WORLD(identifies_are_5_s_apart_for_each_key),
		IN_A_WORLD(keys_of_their_own_do_not_wait_for_each_other),
		IN_A_WORLD(looking_costs_nothing),
		IN_A_WORLD(a_restart_forgets_nothing),
		IN_A_WORLD(it_is_on_the_disk_before_it_is_sent),
		IN_A_WORLD(a_disk_that_hangs_does_not_keep_us_out),
		IN_A_WORLD(after_900_of_a_day_it_stops_and_says_so),
		IN_A_WORLD(what_discord_tells_counts_too),
		IN_A_WORLD(a_damaged_budget_is_spent_for_an_hour),
		IN_A_WORLD(the_file_as_it_should_be_is_read),
		IN_A_WORLD(a_wall_clock_that_is_set_refills_nothing),
		IN_A_WORLD(another_token_of_the_application_has_the_same_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
