/* knowledge: which part of what the streamer wrote a question is about. */
#include "unit.h"

#include <sys/stat.h>

#include "knowledge/knowledge.h"
#include "persona/persona.h"

static struct knowledge *shipped(const char *folder)
{
	struct conf_report r;
	struct knowledge *k = NULL;

	conf_report_init(&r);
	assert_int_equal(knowledge_read(unit_tree_path(folder), &r, &k), 0);
	assert_int_equal(r.errors + r.warnings, 0);
	conf_report_fini(&r);
	return k;
}

/* A folder of its own with one file. */
struct folder {
	char *path, *file;
};

static struct folder folder_with(const char *name, struct str text)
{
	struct folder f = {.path = unit_make_folder()};

	f.file = file_join(f.path, name);
	assert_int_equal(file_replace(f.file, text, 0600), 0);
	return f;
}

static void folder_fini(struct folder *f)
{
	unlink(f->file);
	rmdir(f->path);
	mem_free(f->file);
	mem_free(f->path);
}

static struct knowledge *knowledge_of(struct str text)
{
	struct folder f = folder_with("one.md", text);
	struct conf_report r;
	struct knowledge *k = NULL;

	conf_report_init(&r);
	assert_int_equal(knowledge_read(f.path, &r, &k), 0);
	conf_report_fini(&r);
	folder_fini(&f);
	return k;
}

static bool holds(struct str text, struct str part)
{
	return memmem(text.at, text.len, part.at, part.len) != NULL;
}

/* ---- What is found ------------------------------------------------------------------------- */

static struct knowledge *golden;
static size_t found, asked;

static int look_up(const struct json *line)
{
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	const struct str want = json_str(line, "holds");
	bool is_hit = false;
	size_t n;

	assert_int_equal(knowledge_find(golden, json_str(line, "question"), NULL, NULL, hits, &n),
		0);
	for (size_t i = 0; i < n; i++)
		is_hit = is_hit || (str_is(json_str(line, "file"), hits[i].chunk->file) &&
			holds(hits[i].chunk->text, want));
	if (!is_hit)
		fprintf(stderr, "# not among three: %.*s\n", STR_FMT(json_str(line, "question")));
	asked++;
	found += is_hit;
	return 0;
}

static void four_questions_of_five_find_what_they_are_about(void **state)
{
	size_t lines, chunks;

	(void)state;
	golden = shipped("tests/data/knowledge");
	(void)knowledge_chunks(golden, &chunks);
	assert_true(chunks > 4 * KNOWLEDGE_TOP); /* else everything is found */
	found = asked = 0;
	assert_int_equal(
		unit_each_json("tests/data/knowledge/questions.jsonl", look_up, &lines), 0);
	fprintf(stderr, "# %zu of %zu questions found what they are about\n", found, asked);
	assert_true(asked >= 25);
	assert_true(found * 100 >= asked * 80);
	knowledge_free(golden);
}

/* ---- What is not -------------------------------------------------------------------------- */

/* How many lines of a file find something. */
static size_t told_of(const char *path, struct knowledge *k, size_t *lines)
{
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	struct buf file;
	struct str rest;
	size_t told = 0, n;

	buf_init(&file, 64 * 1024);
	assert_int_equal(file_read(unit_tree_path(path), &file), 0);
	rest = buf_str(&file);
	for (*lines = 0; rest.len > 0; ++*lines) {
		const struct str line = str_split(&rest, '\n');

		assert_int_equal(knowledge_find(k, line, "mynah", NULL, hits, &n), 0);
		if (n > 0)
			fprintf(stderr, "# %s is found: %.*s\n", hits[0].chunk->file,
				STR_FMT(line));
		told += n > 0;
	}
	buf_fini(&file);
	return told;
}

/* The large folder is about much that people speak of: cats, cooking, the record. There some
 * lines meet something. */
static void small_talk_finds_nothing(void **state)
{
	static const struct {
		const char *folder, *lines;
		size_t percent; /* that may find something */
	} cases[] = {
		{"knowledge", "tests/data/knowledge/chat.txt", 0},
		{"knowledge", "tests/data/ordinary.txt", 2},
		{"tests/data/knowledge", "tests/data/knowledge/chat.txt", 15},
		{"tests/data/knowledge", "tests/data/ordinary.txt", 10},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct knowledge *k = shipped(cases[i].folder);
		size_t lines;
		const size_t told = told_of(cases[i].lines, k, &lines);

		fprintf(stderr, "# %s: %zu of %zu lines of %s found something\n", cases[i].folder,
			told, lines, cases[i].lines);
		assert_true(lines >= 100);
		assert_true(told * 100 <= lines * cases[i].percent);
		knowledge_free(k);
	}
}

static void the_bots_own_name_says_nothing(void **state)
{
	struct knowledge *k = knowledge_of(STR("Mynah is a program.\n"));
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	size_t n;

	(void)state;
	assert_int_equal(knowledge_find(k, STR("Mynah?"), NULL, NULL, hits, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(knowledge_find(k, STR("Mynah?"), "mynah", NULL, hits, &n), 0);
	assert_int_equal(n, 0);
	knowledge_free(k);
}

static void what_is_shipped_can_be_read(void **state)
{
	struct knowledge *k = shipped("knowledge");
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	size_t n;

	(void)state;
	assert_non_null(knowledge_files(k, &n));
	assert_int_equal(n, 3);
	assert_int_equal(knowledge_find(k, STR("what are the rules?"), NULL, NULL, hits, &n), 0);
	assert_true(n > 0);
	assert_string_equal(hits[0].chunk->file, "rules.md");
	knowledge_free(k);
}

static void only_the_files_that_are_named_are_searched(void **state)
{
	char *names[] = {(char *)"rules", (char *)"schedule.md"};
	const struct conf_texts only = {names, COUNT(names)};
	struct knowledge *k = shipped("tests/data/knowledge");
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	size_t n;

	(void)state;
	assert_int_equal(knowledge_find(k, STR("where is the discord?"), NULL, &only, hits, &n), 0);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++)
		assert_true(knowledge_is_name(hits[i].chunk->file, "rules") ||
			knowledge_is_name(hits[i].chunk->file, "schedule"));
	assert_false(knowledge_is_name("rules.md", "rule"));
	assert_false(knowledge_is_name("rules.md", "rules.m"));
	knowledge_free(k);
}

/* Accents, case, forms of a word. */
static void a_word_is_found_however_it_is_written(void **state)
{
	static const char *const questions[] = {"WHALES", "whale", "cafe", "CAF\u00c9",
		"prive\u0301t", "\u043f\u0440\u0438\u0432\u0435\u0442"};
	struct knowledge *k = knowledge_of(STR("We see a whale from a caf\u00e9. Privet. "
		"\u041f\u0440\u0438\u0432\u0435\u0442!"));
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(questions); i++) {
		assert_int_equal(knowledge_find(k, str_of(questions[i]), NULL, NULL, hits, &n), 0);
		if (n != 1)
			fail_msg("%s is not found", questions[i]);
	}
	knowledge_free(k);
}

/* Between their words is no space, or a particle stands behind them. */
static void korean_japanese_and_chinese_are_found(void **state)
{
	static const struct {
		const char *question;
		bool is_found;
	} cases[] = {
		{"방송?", true},
		{"방송 schedule?", true},
		{"일정 뭐야?", true},
		{"配信スケジュール？", true},
		{"配信？", true},
		{"ルール rules?", true},
		{"规则？", true},
		{"송은?", false},
		{"고양이?", false},
		{"猫は？", false},
		{"配管？", false},
	};
	struct knowledge *k = knowledge_of(STR("방송은 매주 월요일, 일정 공지.\n"
		"配信スケジュール: 月曜日。ルールは三つ。\n规则：友善。\n"));
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct str q = str_of(cases[i].question);

		assert_int_equal(knowledge_find(k, q, NULL, NULL, hits, &n), 0);
		if ((n > 0) != cases[i].is_found)
			fail_msg("%s finds %zu", cases[i].question, n);
	}
	knowledge_free(k);
}

/* The language of FTS5 is not chat's to speak: each of these is looked for as words, or not at
 * all. */
static void nothing_in_a_question_is_an_operator(void **state)
{
	static const struct {
		const char *question;
		bool is_found; /* the file holds "kelp" and "body" */
	} cases[] = {
		{"kelp AND body", true},
		{"kelp NOT kelp", true},
		{"NEAR(kelp body, 1)?", true},
		{"body:kelp", true},
		{"{file body}: kelp?", true},
		{"kelp*", true},
		{"^kelp", true},
		{"\"kelp", true},
		{"\"\"\" OR kelp --", true},
		{"kelp'); drop body; --?", true},
		{"- body : kelp", true},
		{"kelp \\\" \" + \" kelp", true},
		{"kel*", false},
		{"rowid:1", false},
		{"*", false},
		{"\"", false},
		{"", false},
		{"()", false},
		{"\u2026 \u201c\u201d \U0001F600", false},
		{"the is a", false},
		{"AND OR NOT NEAR", false},
	};
	struct knowledge *k = knowledge_of(STR("Kelp has a body.\n"));
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct str q = str_of(cases[i].question);
		if (knowledge_find(k, q, NULL, NULL, hits, &n) != 0)
			fail_msg("%s is refused", cases[i].question);
		if ((n > 0) != cases[i].is_found)
			fail_msg("%s finds %zu", cases[i].question, n);
	}
	knowledge_free(k);
}

static void any_bytes_may_be_asked(void **state)
{
	struct knowledge *k = shipped("tests/data/knowledge");
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	char bytes[3000];
	size_t n;

	(void)state;
	rand_seed(7);
	for (int round = 0; round < unit_runs(300); round++) {
		const size_t len = rand_below(sizeof(bytes));
		rand_bytes(bytes, len);
		for (size_t i = 0; round % 2 && i < len; i++)
			bytes[i] = (char)(' ' + (unsigned char)bytes[i] % 95);
		assert_int_equal(
			knowledge_find(k, (struct str){bytes, len}, NULL, NULL, hits, &n), 0);
		assert_true(n <= KNOWLEDGE_TOP);
	}
	knowledge_free(k);
}

/* ---- Chunks ------------------------------------------------------------------------------- */

static void chunks_overlap_by_half_and_are_cut_between_paragraphs(void **state)
{
	const struct knowledge_chunk *chunks;
	struct knowledge *k;
	struct buf text;
	size_t n;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int part = 0; part < 40; part++) {
		assert_int_equal(buf_addf(&text, "## Part %d\n\n", part), 0);
		for (int i = 0; i < 40; i++)
			assert_int_equal(buf_addf(&text, "word%c%s", 'a' + part % 26,
				i % 10 == 9 ? "\n" : " "), 0);
		assert_int_equal(buf_adds(&text, "\n"), 0);
	}
	k = knowledge_of(buf_str(&text));
	chunks = knowledge_chunks(k, &n);
	assert_true(n >= 4);
	assert_int_equal(chunks[0].line, 1);
	for (size_t i = 0; i < n; i++) {
		const struct str t = chunks[i].text;
		assert_true(prompt_tokens(t) <= KNOWLEDGE_CHUNK_TOKENS);
		assert_int_equal(memcmp(t.at, "## Part ", 8), 0);
		assert_int_equal(memcmp(chunks[i].heading.at, "Part ", 5), 0);
		assert_true(ascii_is_letter(t.at[t.len - 1])); /* the end of a paragraph */
		if (i + 1 < n) {
			const size_t fresh = (size_t)(chunks[i + 1].text.at - t.at);
			assert_in_range(fresh, t.len / 4, 2 * t.len / 3);
		}
	}
	/* Nothing is left out at the end. */
	const struct str last = chunks[n - 1].text;
	assert_true(holds(last, STR("## Part 39")));
	knowledge_free(k);
	buf_fini(&text);
}

static void what_has_no_edges_is_cut_all_the_same(void **state)
{
	static const char *const units[] = {"x", "word ", "\u6f22", "a\n", "#", "\U0001F600"};

	(void)state;
	for (size_t u = 0; u < COUNT(units); u++) {
		const struct knowledge_chunk *chunks;
		struct knowledge *k;
		struct buf text;
		size_t n, bytes = 0;

		buf_init(&text, 1 << 20);
		for (int i = 0; i < 8000; i++)
			assert_int_equal(buf_adds(&text, units[u]), 0);
		k = knowledge_of(buf_str(&text));
		chunks = knowledge_chunks(k, &n);
		assert_true(n > 1);
		for (size_t i = 0; i < n; i++) {
			assert_true(text_is_utf8(chunks[i].text));
			assert_true(prompt_tokens(chunks[i].text) <= KNOWLEDGE_CHUNK_TOKENS + 1);
			bytes += chunks[i].text.len;
		}
		assert_true(bytes >= text.len - 2 * n);
		knowledge_free(k);
		buf_fini(&text);
	}
}

/* ---- Mistakes ----------------------------------------------------------------------------- */

static void what_is_wrong_with_a_file_is_told_and_the_rest_is_used(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *what; /* NULL: nothing to complain of */
		bool is_error;
	} cases[] = {
		{"kelp", 4, NULL, false},
		{"", 0, "empty", false},
		{"\xff\xfe", 2, "no text", true},
		{NULL, KNOWLEDGE_BYTES_MAX + 1, "at most 256 KiB", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *big = cases[i].text ? NULL : mem_new(cases[i].len);
		const struct str text = {big ? memset(big, 'x', cases[i].len) : cases[i].text,
			cases[i].len};
		struct folder f = folder_with("b.md", text);
		char *good = file_join(f.path, "a.md");
		struct knowledge *k = NULL;
		struct conf_report r;
		size_t n;

		assert_int_equal(file_replace(good, STR("a good file"), 0600), 0);
		conf_report_init(&r);
		assert_int_equal(
			knowledge_read(f.path, &r, &k), cases[i].is_error ? ERR_INVALID : 0);
		assert_int_equal(r.n, cases[i].what != NULL);
		if (cases[i].what && !strstr(r.items[0].what, cases[i].what))
			fail_msg("%s", r.items[0].what);
		assert_non_null(knowledge_files(k, &n));
		assert_int_equal(n, cases[i].is_error ? 1 : 2);
		knowledge_free(k);
		conf_report_fini(&r);
		unlink(good);
		mem_free(good);
		mem_free(big);
		folder_fini(&f);
	}
}

static void a_folder_that_is_not_there_is_a_complaint(void **state)
{
	struct knowledge *k = NULL;
	struct conf_report r;

	(void)state;
	conf_report_init(&r);
	assert_int_equal(knowledge_read("/nowhere/at/all", &r, &k), ERR_INVALID);
	assert_int_equal(r.errors, 1);
	size_t n;
	(void)knowledge_files(k, &n);
	assert_int_equal(n, 0);
	knowledge_free(k);
	conf_report_fini(&r);
}

static void out_of_memory_reads_nothing(void **state)
{
	struct folder f = folder_with("a.md", STR("# A\n\nkelp\n\n# B\n\nfish"));
	struct knowledge *k = NULL;
	int err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; n < 300 && err < 0; n++) {
		struct conf_report r;

		conf_report_init(&r);
		mem_fail_at(n, 1);
		err = knowledge_read(f.path, &r, &k);
		mem_fail_at(0, 0);
		assert_true(err == 0 || err == ERR_NOMEM);
		conf_report_fini(&r);
	}
	assert_int_equal(err, 0);
	knowledge_free(k);
	folder_fini(&f);
}

/* ---- Embeddings ------------------------------------------------------------------------------ */

static const float made_up[][2] = {{1, 0}, {3, 4}, {0, 2}};

static struct knowledge *three_notes(const char *third)
{
	struct folder f = {.path = unit_make_folder()};
	const char *const texts[] = {"crab one", "crab two", third};
	struct knowledge *k = NULL;
	struct conf_report r;

	conf_report_init(&r);
	for (int i = 0; i < 3; i++) {
		char name[] = "0.md";

		name[0] = (char)('0' + i);
		f.file = file_join(f.path, name);
		assert_int_equal(file_replace(f.file, str_of(texts[i]), 0600), 0);
		mem_free(f.file);
	}
	assert_int_equal(knowledge_read(f.path, &r, &k), 0);
	for (int i = 0; i < 3; i++) {
		char name[] = "0.md";

		name[0] = (char)('0' + i);
		f.file = file_join(f.path, name);
		unlink(f.file);
		mem_free(f.file);
	}
	rmdir(f.path);
	mem_free(f.path);
	conf_report_fini(&r);
	return k;
}

static struct knowledge_vectors *vectors_of(const struct knowledge *k, size_t n)
{
	struct knowledge_vectors *v = knowledge_vectors_new();
	struct str texts[8];
	size_t from = 0;

	assert_non_null(v);
	assert_int_equal(knowledge_vectors_missing(v, k, &from, texts, 8), 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(knowledge_vectors_put(v, texts[i], made_up[i], 2), 0);
	return v;
}

static void vectors_rank_by_their_angle(void **state)
{
	struct knowledge *k = three_notes("crab three");
	struct knowledge_vectors *v = vectors_of(k, 3);
	const float up[] = {0, 7}, longer[] = {0, 7, 0}, nothing[] = {0, 0};
	struct knowledge_hit hits[KNOWLEDGE_CANDIDATES];
	size_t n;

	(void)state;
	assert_int_equal(knowledge_find_more(k, STR("crab"), NULL, NULL, hits, &n), 0);
	assert_int_equal(n, 3);
	assert_false(knowledge_vectors_rank(v, longer, 3, hits, n));
	assert_false(knowledge_vectors_rank(v, nothing, 2, hits, n));
	assert_string_equal(hits[0].chunk->file, "0.md");
	assert_true(knowledge_vectors_rank(v, up, 2, hits, n));
	assert_string_equal(hits[0].chunk->file, "2.md");
	assert_string_equal(hits[1].chunk->file, "1.md");
	assert_string_equal(hits[2].chunk->file, "0.md");
	knowledge_vectors_free(v);
	knowledge_free(k);
}

static void a_hit_without_a_vector_is_in_nobodys_way(void **state)
{
	struct knowledge *k = three_notes("crab three");
	struct knowledge_vectors *v = vectors_of(k, 2);
	const float up[] = {0, 7};
	struct knowledge_hit hits[KNOWLEDGE_CANDIDATES];
	size_t n;

	(void)state;
	assert_int_equal(knowledge_find_more(k, STR("crab"), NULL, NULL, hits, &n), 0);
	assert_false(knowledge_vectors_cover(v, hits, n));
	assert_false(knowledge_vectors_rank(v, up, 2, hits, n));
	assert_string_equal(hits[0].chunk->file, "0.md");
	knowledge_vectors_free(v);
	knowledge_free(k);
}

static void vectors_of_another_kind_are_refused(void **state)
{
	struct knowledge *k = three_notes("crab three");
	struct knowledge_vectors *v = vectors_of(k, 2);
	const float longer[] = {0, 7, 0}, nothing[] = {0, 0};

	(void)state;
	assert_int_equal(knowledge_vectors_put(v, STR("crab three"), longer, 3), ERR_INVALID);
	assert_int_equal(knowledge_vectors_put(v, STR("crab three"), nothing, 2), ERR_INVALID);
	assert_int_equal(knowledge_vectors_put(v, STR("crab three"), longer, 0), ERR_INVALID);
	knowledge_vectors_clear(v);
	assert_int_equal(knowledge_vectors_put(v, STR("crab three"), longer, 3), 0);
	knowledge_vectors_free(v);
	knowledge_free(k);
}

static void only_what_is_new_is_missing(void **state)
{
	struct knowledge *k = three_notes("crab three"), *later = three_notes("crab four");
	struct knowledge_vectors *v = vectors_of(k, 3);
	struct str texts[8];
	size_t from = 0;

	(void)state;
	assert_int_equal(knowledge_vectors_missing(v, k, &from, texts, 8), 0);
	knowledge_vectors_keep(v, later);
	from = 0;
	assert_int_equal(knowledge_vectors_missing(v, later, &from, texts, 8), 1);
	assert_true(holds(texts[0], STR("four")));
	from = 0;
	assert_int_equal(knowledge_vectors_missing(v, k, &from, texts, 8), 1);
	knowledge_vectors_free(v);
	knowledge_free(k);
	knowledge_free(later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_questions_of_five_find_what_they_are_about),
		cmocka_unit_test(small_talk_finds_nothing),
		cmocka_unit_test(the_bots_own_name_says_nothing),
		cmocka_unit_test(what_is_shipped_can_be_read),
		cmocka_unit_test(only_the_files_that_are_named_are_searched),
		cmocka_unit_test(a_word_is_found_however_it_is_written),
		cmocka_unit_test(korean_japanese_and_chinese_are_found),
		cmocka_unit_test(nothing_in_a_question_is_an_operator),
		cmocka_unit_test(any_bytes_may_be_asked),
		cmocka_unit_test(chunks_overlap_by_half_and_are_cut_between_paragraphs),
		cmocka_unit_test(what_has_no_edges_is_cut_all_the_same),
		cmocka_unit_test(what_is_wrong_with_a_file_is_told_and_the_rest_is_used),
		cmocka_unit_test(a_folder_that_is_not_there_is_a_complaint),
		cmocka_unit_test(out_of_memory_reads_nothing),
		cmocka_unit_test(vectors_rank_by_their_angle),
		cmocka_unit_test(a_hit_without_a_vector_is_in_nobodys_way),
		cmocka_unit_test(vectors_of_another_kind_are_refused),
		cmocka_unit_test(only_what_is_new_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
