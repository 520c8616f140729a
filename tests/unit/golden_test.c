/* golden: the scores, by numbers that others published or Python's own arithmetic gives; how
 * prompts and differences are written. */
#include "unit.h"

#include <math.h>

#include "golden/golden.h"

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void pass_at_k_is_the_unbiased_estimate(void **state)
{
	static const struct {
		size_t n, c, k;
		double value; /* 1 - math.comb(n - c, k) / math.comb(n, k) */
	} cases[] = {
		{5, 3, 1, 0.6}, {5, 3, 5, 1}, {10, 3, 5, 0.9166666666666666}, {10, 1, 5, 0.5},
		{20, 2, 5, 0.4473684210526315}, {5, 0, 5, 0}, {5, 5, 1, 1},
		{200, 13, 100, 0.9999194971988055}, {6, 1, 5, 0.8333333333333334},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_case(i, fabs(golden_pass_at(cases[i].n, cases[i].c, cases[i].k) -
			cases[i].value) < 1e-12);
	assert_true(isnan(golden_pass_at(4, 4, 5)));
	assert_true(isnan(golden_pass_at(4, 5, 1)));
}

/* Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", 2002. */
static const char *const guide[] = {
	"It is a guide to action that ensures that the military will forever heed Party commands",
	("It is the guiding principle which guarantees the military forces always being under the "
	 "command of the Party"),
	"It is the practical guide for the army always to heed the directions of the party",
};
static const char *const mat[] = {"The cat is on the mat", "There is a cat on the mat"};
static const char good[] = "It is a guide to action which ensures that the military always obeys "
	"the commands of the party";
static const char bad[] = "It is to insure the troops forever hearing the activity guidebook that "
	"party direct";

static void bleu_counts_as_its_authors_did(void **state)
{
	struct golden_bleu b = {.answer_words = 0};

	(void)state;
	assert_int_equal(golden_bleu_add(&b, str_of(good), guide, COUNT(guide)), 0);
	assert_true(b.met[0] == 17 && b.all[0] == 18 && b.met[1] == 10 && b.all[1] == 17);
	b = (struct golden_bleu){.answer_words = 0};
	assert_int_equal(golden_bleu_add(&b, str_of(bad), guide, COUNT(guide)), 0);
	assert_true(b.met[0] == 8 && b.all[0] == 14 && b.met[1] == 1 && b.all[1] == 13);
	b = (struct golden_bleu){.answer_words = 0};
	assert_int_equal(golden_bleu_add(&b, STR("the the the the the the the"), mat, COUNT(mat)),
		0);
	assert_true(b.met[0] == 2 && b.all[0] == 7);
}

static double bleu_of(const char *answer, const char *const *references, size_t n)
{
	struct golden_bleu b = {.answer_words = 0};

	assert_int_equal(golden_bleu_add(&b, str_of(answer), references, n), 0);
	return golden_bleu_score(&b);
}

static void bleu_of_a_corpus_sums_before_it_divides(void **state)
{
	static const char *const perch[] = {"Hello alice, saving you the warm end of the perch"};
	static const char *const hello[] = {"Hello alice, welcome in"};
	struct golden_bleu b = {.answer_words = 0};

	(void)state;
	assert_near(bleu_of(good, guide, COUNT(guide)), 0.539755306744061);
	assert_near(bleu_of(bad, guide, COUNT(guide)), 0.13111209575157434);
	assert_near(bleu_of("the the the the the the the", mat, COUNT(mat)), 0.19205612637498934);
	assert_near(bleu_of("Hello alice!", perch, 1), 0.01831563888873418); /* brevity */
	assert_near(bleu_of("zzz", hello, 1), 0);
	assert_near(bleu_of(good, (const char *const[]){good}, 1), 1);
	assert_int_equal(golden_bleu_add(&b, str_of(good), guide, COUNT(guide)), 0);
	assert_int_equal(golden_bleu_add(&b, str_of(bad), guide, COUNT(guide)), 0);
	assert_int_equal(golden_bleu_add(&b, STR("Hello alice!"), hello, 1), 0);
	assert_near(golden_bleu_score(&b), 0.31853022188891855);
	assert_true(isnan(golden_bleu_score(&(struct golden_bleu){.answer_words = 0})));
}

static void likeness_is_of_words_each_as_often_as_it_stands_there(void **state)
{
	static const struct {
		const char *a, *b;
		double value;
	} cases[] = {
		{"Hello alice, hello!", "HELLO Alice, saving you the warm end", 0.4},
		{"o7", "O7!", 1}, {"yes", "no", 0}, {"", "", 0}, {"a a a", "a", 0.5},
		{"鳥が鳴く", "鳥 が 鳴 く", 1}, {"don't go", "go", 2.0 / 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double it = -1;

		assert_int_equal(golden_similarity(str_of(cases[i].a), str_of(cases[i].b), &it), 0);
		assert_case(i, fabs(it - cases[i].value) < 1e-9);
	}
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static void a_prompt_is_written_with_its_marker_called_by_name(void **state)
{
	struct prompt_message m[] = {
		{PROMPT_SYSTEM, STR("Between <chat CODE> and </chat CODE>.")},
		{PROMPT_USER, STR("Answer.\n<chat 0123456789abcdef from=\"a\">\nhi\n"
			"</chat 0123456789abcdef>\n\nNow.")},
		{PROMPT_ASSISTANT, STR(" leads with a space")},
	};
	const struct prompt p = {.messages = m, .n = COUNT(m)};
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(golden_prompt_text(&p, 2, &out), 0);
	assert_non_null(strstr(buf_text(&out), "prompt:\n  - start: 1 messages, sha256 "));
	assert_non_null(strstr(buf_text(&out), "\n  - user: |-\n      Answer.\n      <chat MARKER "
		"from=\"a\">\n      hi\n      </chat MARKER>\n\n      Now.\n"
		"  - assistant: \" leads with a space\"\n"));
	m[1].text.at = "Answer.\n<chat fedcba9876543210 from=\"a\">\nhi\n"
		"</chat fedcba9876543210>\n\nNow.";
	char *before = mem_dup(buf_text(&out));

	buf_clear(&out);
	assert_int_equal(golden_prompt_text(&p, 2, &out), 0);
	assert_string_equal(buf_text(&out), before);
	mem_free(before);
	buf_fini(&out);
}

static void a_difference_shows_the_lines_and_what_is_around(void **state)
{
	static const struct {
		const char *want, *have, *diff;
	} cases[] = {
		{"a\nb\n", "a\nb\n", ""},
		{"a\nb\nc\n", "a\nx\nc\n", "  a\n- b\n+ x\n  c\n"},
		{"", "new\n", "+ new\n"},
		{"old\n", "", "- old\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nX\n",
			"  ...\n  7\n  8\n- 9\n+ X\n"},
		{"A\n2\n3\n4\n5\n6\n7\n8\nB\n", "2\n3\n4\n5\n6\n7\n8\n",
			"- A\n  2\n  3\n  ...\n  7\n  8\n- B\n"},
	};
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&out);
		assert_int_equal(golden_diff(
			str_of(cases[i].want), str_of(cases[i].have), &out), 0);
		if (strcmp(buf_text(&out), cases[i].diff) != 0)
			fail_msg("case %zu: %s", i, buf_text(&out));
	}
	buf_fini(&out);
}

static void a_live_answer_is_right_or_it_is_said_what_is_wrong(void **state)
{
	char *words = (char *)"warm perch hello", *posted[] = {&words[0]};
	const struct {
		struct golden_live live;
		const char *posted, *rule;
		const char *why; /* NULL = right */
	} cases[] = {
		{{.pattern = (char *)"(?i)hello"}, "Hello!", "", NULL},
		{{.pattern = (char *)"(?i)hello"}, "Bye!", "", "does not match"},
		{{.not_pattern = (char *)"!"}, "Bye!", "", "must not"},
		{{.min_chars = 5}, "Bye!", "", "too few"},
		{{.max_chars = 3}, "Bye!", "", "too many"},
		{{.max_chars = 3}, "鳥鳥鳥", "", NULL},
		{{.similar_to = {posted, 1}, .similarity = 0.5}, "hello perch", "", NULL},
		{{.similar_to = {posted, 1}, .similarity = 0.5}, "good bye", "", "0.00"},
		{{.max_chars = 3}, NULL, "link", "refused: link"},
		{{.max_chars = 3}, "the otherwise: line", "link", "refused: link"},
		{{.max_chars = 3, .may_be_silent = true}, "the otherwise: line", "link", NULL},
		{{.max_chars = 3, .may_be_silent = true}, NULL, "", NULL},
	};
	struct buf why;

	(void)state;
	buf_init(&why, 512);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct golden_case c = {.live = cases[i].live};
		struct golden_outcome o = {.posted = (char *)cases[i].posted,
			.reason = cases[i].posted ? REASON_NONE : REASON_UNSAFE};
		bool is_right = false;

		snprintf(o.rule, sizeof(o.rule), "%s", cases[i].rule);
		buf_clear(&why);
		assert_int_equal(golden_judge(&c, &o, &is_right, &why), 0);
		assert_case(i, is_right == (cases[i].why == NULL));
		if (cases[i].why && !strstr(buf_text(&why), cases[i].why))
			fail_msg("case %zu: %s", i, buf_text(&why));
	}
	buf_fini(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_at_k_is_the_unbiased_estimate),
		cmocka_unit_test(bleu_counts_as_its_authors_did),
		cmocka_unit_test(bleu_of_a_corpus_sums_before_it_divides),
		cmocka_unit_test(likeness_is_of_words_each_as_often_as_it_stands_there),
		cmocka_unit_test(a_prompt_is_written_with_its_marker_called_by_name),
		cmocka_unit_test(a_difference_shows_the_lines_and_what_is_around),
		cmocka_unit_test(a_live_answer_is_right_or_it_is_said_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
