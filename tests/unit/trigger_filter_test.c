/* The literal filter never changes an answer: random patterns on random texts, against PCRE2 alone.
 *
 * The oracle knows nothing of our room: it compiles every pattern itself and takes the first that
 * matches. Whatever the literal reader misunderstands would show as a trigger that stays silent. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "trigger_help.h"

#include <pcre2.h>

#define PATTERNS 40 /* in a set */
#define SETS 60
#define TEXTS 60
#define FLAGS (PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS)

/* A small generator of our own: the same run on every machine. */
static uint64_t seed = 42;

static unsigned below(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *const letters[] = {"a", "b", "k", "K", "s", "S", "o", "7", "i", " ", "!", "?",
	"\u212a", "\u017f", "\u8349", "\u00e9", "\u00c9", "\U0001f602", "\u00df", "\u1e9e",
		"\u01c5",
	"-", "hi", "lurk", "sks"};

/* What stands in patterns for one thing. */
static const char *const atoms[] = {"a", "b", "k", "s", "K", "S", "o7", "hi", "lurk", "sk", "\\?",
	"\\!", " ", "\u8349", "\u00e9", "\U0001f602", "\u00df", "\u212a", "\u017f", ".", "\\w",
		"\\d", "\\s",
	"\\b", "\\B", "[abk]", "[^a]", "[]a]", "[[:alpha:]s]", "\\p{L}", "\\pN", "\\h", "\\N", "-",
		"7"};

/* Groups; those with an end have a name, which is made up. */
static const struct {
	const char *at, *end;
} opens[] = {{"(", NULL}, {"(?:", NULL}, {"(?=", NULL}, {"(?!", NULL}, {"(?>", NULL},
	{"(?i:", NULL},
	{"(?-i:", NULL}, {"(?|", NULL}, {"(?<n", ">"}, {"(?'n", "'"}, {"(?P<n", ">"}};

static const char *const repeats[] = {"?", "*", "+", "??", "*?", "+?", "?+", "{0}", "{1}", "{2}",
	"{0,2}", "{1,2}", "{2,}"};

static void add(struct buf *b, const char *s)
{
	assert_int_equal(buf_adds(b, s), 0);
}

static void random_pattern(struct buf *b)
{
	unsigned depth = 0, n = 1 + below(7);

	if (below(4) == 0)
		add(b, below(2) ? "^" : "(?-i)");
	for (unsigned i = 0; i < n; i++) {
		unsigned kind;

		switch (below(8)) {
		case 0:
			kind = below(COUNT(opens));
			add(b, opens[kind].at);
			if (opens[kind].end)
				assert_int_equal(buf_addf(b, "%u%s", i, opens[kind].end), 0);
			depth++;
			break;
		case 1:
			add(b, "|");
			break;
		case 2:
			if (depth > 0) {
				add(b, ")");
				depth--;
			}
			break;
		default:
			add(b, atoms[below(COUNT(atoms))]);
			break;
		}
		if (below(4) == 0)
			add(b, repeats[below(COUNT(repeats))]);
	}
	while (depth-- > 0)
		add(b, ")");
	if (below(6) == 0)
		add(b, "$");
}

static void random_text(struct buf *b)
{
	unsigned n = below(14);

	for (unsigned i = 0; i < n; i++)
		add(b, letters[below(COUNT(letters))]);
}

/* Adds a pattern as a trigger of the file, if PCRE2 takes it. */
static pcre2_code *add_trigger(struct buf *yaml, size_t i)
{
	struct buf pattern;
	pcre2_code *code;
	size_t at;
	int err;

	buf_init(&pattern, 1000);
	random_pattern(&pattern);
	code = pcre2_compile((PCRE2_SPTR)buf_text(&pattern), pattern.len, FLAGS, &err, &at, NULL);
	if (code) {
		assert_int_equal(buf_addf(yaml, "t%zu: {reply: x, match: '", i), 0);
		for (size_t k = 0; k < pattern.len; k++) {
			assert_int_equal(buf_addc(yaml, pattern.at[k]), 0);
			if (pattern.at[k] == '\'')
				add(yaml, "'");
		}
		add(yaml, "'}\n");
	}
	buf_fini(&pattern);
	return code;
}

/* The first pattern that matches, as the name of its trigger. */
static const char *oracle(pcre2_code **codes, size_t n, struct str text, pcre2_match_data *data)
{
	static char name[24];

	for (size_t i = 0; i < n; i++) {
		if (pcre2_match(codes[i], (PCRE2_SPTR)text.at, text.len, 0, 0, data, NULL) >= 0) {
			snprintf(name, sizeof(name), "t%zu", i);
			return name;
		}
	}
	return "";
}

static size_t filtered, hits;

static void compare(struct loaded *l, pcre2_code **codes, size_t n, pcre2_match_data *data)
{
	for (int i = 0; i < TEXTS; i++) {
		struct buf text;

		buf_init(&text, 1000);
		random_text(&text);
		struct event e = message(buf_text(&text));
		const char *expected = oracle(codes, n, e.text, data);
		const char *name = found(l, &e);
		if (strcmp(name, expected) != 0)
			fail_msg("\"%s\": found \"%s\", expected \"%s\"", buf_text(&text), name,
				expected);
		hits += *name != '\0';
		buf_fini(&text);
	}
}

static void the_filter_changes_no_answer(void **state)
{
	pcre2_match_data *data = pcre2_match_data_create(20, NULL);

	(void)state;
	for (int set = 0; set < SETS; set++) {
		pcre2_code *codes[PATTERNS];
		struct buf yaml;
		struct loaded l;
		size_t n = 0;

		buf_init(&yaml, 100000);
		while (n < PATTERNS) {
			codes[n] = add_trigger(&yaml, n);
			if (!codes[n])
				continue;
			/* What matches nothing at all would claim every text. */
			if (pcre2_match(codes[n], (PCRE2_SPTR)"zz.zz", 5, 0, 0, data, NULL) >= 0) {
				while (yaml.len > 0 && yaml.at[yaml.len - 1] == '\n')
					buf_truncate(&yaml, yaml.len - 1);
				while (yaml.len > 0 && yaml.at[yaml.len - 1] != '\n')
					buf_truncate(&yaml, yaml.len - 1);
				pcre2_code_free(codes[n]);
				continue;
			}
			n++;
		}
		load_good(&l, buf_text(&yaml));
		filtered += PATTERNS - trigger_set_always(l.set);
		compare(&l, codes, n, data);
		unload(&l);
		buf_fini(&yaml);
		while (n > 0)
			pcre2_code_free(codes[--n]);
	}
	pcre2_match_data_free(data);
	/* The run must have tried something: many patterns behind the filter, many matches. */
	assert_true(filtered > SETS * PATTERNS / 4);
	assert_true(hits > SETS * TEXTS / 4);
}

/* The filter reads two foreign characters as ASCII letters; PCRE2 must know no others. */
static void only_kelvin_and_long_s_fold_to_ascii(void **state)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_code *code;
	size_t at;
	int err;

	(void)state;
	code = pcre2_compile((PCRE2_SPTR)"[\\x01-\\x7f]", PCRE2_ZERO_TERMINATED, FLAGS, &err, &at,
		NULL);
	assert_non_null(code);
	for (int32_t c = 0x80; c < 0x110000; c++) {
		char text[4];
		struct buf b;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		buf_init(&b, 8);
		assert_int_equal(text_put(&b, c), 0);
		memcpy(text, b.at, b.len);
		int rc = pcre2_match(code, (PCRE2_SPTR)text, b.len, 0, 0, data, NULL);
		if ((rc >= 0) != (c == 0x212a || c == 0x17f))
			fail_msg("U+%04X %s", (unsigned)c, rc >= 0 ? "folds" : "does not fold");
		buf_fini(&b);
	}
	pcre2_code_free(code);
	pcre2_match_data_free(data);
}

static void patterns_with_a_literal_are_behind_the_filter(void **state)
{
	static const struct {
		const char *match;
		bool is_filtered;
	} cases[] = {
		{"^!lurk\\b", true}, {"\\bhi\\b", true}, {"(?:hi|hello)", true},
		{"(?:hi|hello|)", false}, {"a?b?", false}, {"a?b", true}, {"(hi)?", false},
		{"(hi)+", true}, {"(hi){0,3}", false}, {"(?!hi)", false}, {"(?=hi)", true},
		{"(?<!hi)x", true}, {"[hH]ey", true}, {"(?i)hey", true}, {"(?x) h e y", false},
		{"hi|.", false}, {"\\?\\s*$", true}, {"\\d+", false}, {"(\\w+) \\1", true},
		{"(\\w+)-?\\1", false}, {"\u8349", true}, {"\u00e9", false},
		{"ab(*ACCEPT)cd", false},
		{"\\Qhi\\E", false}, {"x{,3}", false}, {"(?(?=a)b|c)", false}, {"(a)(?1)", false},
		{"(?#note)a", false}, {"\\x61", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct loaded l;
		char yaml[200];

		snprintf(yaml, sizeof(yaml), "t: {reply: x, match: '%s'}\n", cases[i].match);
		load_good(&l, yaml);
		if ((trigger_set_always(l.set) == 0) != cases[i].is_filtered)
			fail_msg("%s", cases[i].match);
		unload(&l);
	}
}

static void literals_within_literals_are_all_found(void **state)
{
	struct loaded l;

	(void)state;
	load_good(&l, "he: {contains: he, min_length: 9, reply: x}\n"
		      "she: {contains: she, min_length: 8, reply: x}\n"
		      "hers: {contains: hers, reply: x}\n"
		      "his: {contains: his, reply: x}\n");
	assert_int_equal(trigger_set_always(l.set), 0);
	assert_string_equal(found_text(&l, "ushers"), "hers");
	assert_string_equal(found_text(&l, "a ushers"), "she");
	assert_string_equal(found_text(&l, "on a ushers"), "he");
	assert_string_equal(found_text(&l, "HI\u017f"), "his");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_filter_changes_no_answer),
		cmocka_unit_test(only_kelvin_and_long_s_fold_to_ascii),
		cmocka_unit_test(patterns_with_a_literal_are_behind_the_filter),
		cmocka_unit_test(literals_within_literals_are_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
