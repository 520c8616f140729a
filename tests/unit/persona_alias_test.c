/* aliases: a model never reads a name, and everybody is called by their own in its answer. */
#include "unit.h"

#include "persona/persona.h"

static struct prompt_aliases *make(const struct event *e, const struct conversation *past)
{
	struct prompt_aliases *a = NULL;

	assert_int_equal(prompt_aliases_new(e, past, &a), 0);
	return a;
}

static const char *hide(const struct prompt_aliases *a, const char *text)
{
	static struct buf out;

	buf_fini(&out);
	buf_init(&out, 100000);
	assert_int_equal(prompt_aliases_hide(a, str_of(text), &out), 0);
	return buf_text(&out);
}

static const char *reveal(const struct prompt_aliases *a, const char *text)
{
	static struct buf out;

	buf_fini(&out);
	buf_init(&out, 100000);
	assert_int_equal(prompt_aliases_reveal(a, str_of(text), &out), 0);
	return buf_text(&out);
}

/* Who asks is called in many ways. */
static void a_name_is_hidden_in_every_spelling(void **state)
{
	static const struct {
		const char *user, *text, *hidden;
	} cases[] = {
		{"PebbleWren", "hi, I am PebbleWren", "hi, I am Viewer1"},
		{"PebbleWren", "@pebblewren: PEBBLEWREN!", "@Viewer1: Viewer1!"},
		{"PebbleWren", "xXPebbleWrenXx", "xXViewer1Xx"},
		{"PebbleWren", "Ｐｅｂｂｌｅｗｒｅｎ?", "Viewer1?"},
		{"PebbleWren", "Peb\u200bble\u00adWren.", "Viewer1."},
		{"PebbleWren", "Pebble Wren", "Pebble Wren"},
		{"Salt & Pepper", "so SALT & pepper said", "so Viewer1 said"},
		{"José", "JOSE\u0301 and josé, not Jose", "Viewer1 and Viewer1, not Jose"},
		{"Jose\u0301", "José", "Viewer1"},
		{"Straße", "STRASSE!", "Viewer1!"},
		{"さくら", "さくらさん、おはよう", "Viewer1さん、おはよう"},
		{"Ann", "ann's annoying, ann_x, (ANN)", "Viewer1's annoying, ann_x, (Viewer1)"},
		{"Ёж", "ёж и ёжик", "Viewer1 и ёжик"},
		{"🦜", "go 🦜go", "go Viewer1go"},
		{"a.b", "a.b a b", "Viewer1 a b"},
		{"$(user)", "is $(user) there", "is Viewer1 there"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct event e = {.user = str_of(cases[i].user)};
		struct prompt_aliases *a = make(&e, NULL);

		assert_string_equal(hide(a, cases[i].text), cases[i].hidden);
		assert_string_equal(reveal(a, "viewer 1"), cases[i].user);
		prompt_aliases_free(a);
	}
}

static void everybody_who_is_known_has_a_number(void **state)
{
	const struct line lines[] = {
		{.name = STR("Early"), .text = STR("ask @Else_Where about Wren")},
		{.is_bot = true, .name = STR("Mynah"), .text = STR("Hi Early, hi @someone-new!")},
	};
	const struct conversation past = {.lines = (struct line *)lines, .n = 2};
	const struct event e = {.user = STR("Pebble Wren"), .login = STR("wren_77"),
		.user_id = STR("4455667"), .touser = STR("Gifted"),
		.text = STR("@Friend, and you@mail.example, @Friend")};
	struct prompt_aliases *a = make(&e, &past);

	(void)state;
	assert_string_equal(
		hide(a, "pebble wren wren_77 <@4455667>"), "Viewer1 Viewer1 <@Viewer1>");
	assert_string_equal(hide(a, "gifted friend"), "Viewer2 Viewer3");
	assert_string_equal(hide(a, "you@mail.example"), "you@mail.example");
	assert_string_equal(hide(a, "@else_where @Someone-New Early"), "@Viewer6 @Viewer4 Viewer5");
	assert_string_equal(reveal(a, "Viewer1, Viewer2, VIEWER 3, viewer_4: viewer-5's Viewer6!"),
		"Pebble Wren, Gifted, Friend, someone-new: Early's Else_Where!");
	assert_string_equal(reveal(a, "Viewer7 Viewer Viewer0 aViewer1 viewers 1 Viewer11"),
		"Viewer7 Viewer Viewer0 aViewer1 viewers 1 Viewer11");
	prompt_aliases_free(a);
}

/* On Twitch a channel is a person; elsewhere it is a thing, whose name is a word like others. */
static void a_broadcaster_is_hidden(void **state)
{
	struct event e = {.platform = STR("twitch"), .channel = STR("kelpcaster"),
		.user = STR("wren"), .text = STR("hi @bob")};
	struct prompt_aliases *a = make(&e, NULL);

	(void)state;
	assert_string_equal(hide(a, "in KelpCaster's chat"), "in Viewer3's chat");
	prompt_aliases_free(a);
	e.user = STR("KelpCaster"); /* the one who asks has one name only */
	a = make(&e, NULL);
	assert_string_equal(hide(a, "kelpcaster @bob"), "Viewer1 @Viewer2");
	prompt_aliases_free(a);
	e = (struct event){.platform = STR("irc"), .channel = STR("linux"), .user = STR("wren")};
	a = make(&e, NULL);
	assert_string_equal(hide(a, "linux"), "linux");
	prompt_aliases_free(a);
}

static void a_crowd_is_taken_apart(void **state)
{
	const struct event e = {.user = STR("anna and Bob B"), .login = STR("anna"),
		.users = STR("anna, Bob B and 7 more")};
	struct prompt_aliases *a = make(&e, NULL);

	(void)state;
	assert_string_equal(hide(a, "anna, Bob B and 7 more"), "Viewer1, Viewer2 and 7 more");
	assert_string_equal(reveal(a, "Thanks Viewer1 and Viewer2"), "Thanks anna and Bob B");
	prompt_aliases_free(a);
}

/* A name that is part of another does not uncover it. */
static void the_longest_name_counts(void **state)
{
	const struct event e = {.user = STR("wrens"), .touser = STR("wrens of the reef")};
	struct prompt_aliases *a = make(&e, NULL);

	(void)state;
	assert_string_equal(hide(a, "the wrens of the reef, wrens of"), "the Viewer2, Viewer1 of");
	prompt_aliases_free(a);
}

/* Platforms whose names hold spaces write _ for them where somebody is mentioned. */
static void a_mention_ends_where_the_name_does(void **state)
{
	static const struct {
		const char *text, *hidden;
	} cases[] = {
		{"is @Anna_Marie here? Anna Marie?", "is @Viewer1 here? Viewer1?"},
		{"@[Mod]_Anna|TV, hi: [mod] anna|tv!", "@Viewer1, hi: Viewer1!"},
		{"@Anna_(she/her) or @x_@_work", "@Viewer1 or @Viewer2"},
		{"@pebble_wren77: hi, pebble_wren77", "@Viewer1: hi, Viewer1"},
		{"@pebble_wren77:hi, pebble_wren77", "@Viewer1, Viewer1"},
		{"@anna.smith. Smith, anna.smith", "@Viewer1. Smith, Viewer1"},
		{"@anna|tv @bob, bob", "@Viewer1 @Viewer2, Viewer2"},
		{"@ anna @", "@ anna @"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct event e = {.text = str_of(cases[i].text)};
		struct prompt_aliases *a = make(&e, NULL);

		assert_string_equal(hide(a, cases[i].text), cases[i].hidden);
		prompt_aliases_free(a);
	}
}

static void nobody_knows_nobody(void **state)
{
	const struct event e = {.text = STR("nobody is here")};
	struct prompt_aliases *a = make(&e, NULL);

	(void)state;
	assert_string_equal(hide(a, "nobody \xff\xfe is here"), "nobody \xff\xfe is here");
	assert_string_equal(reveal(a, "Viewer1"), "Viewer1");
	prompt_aliases_free(a);
}

static void a_flood_of_mentions_is_refused(void **state)
{
	struct prompt_aliases *a = NULL;
	struct event e = {.user = STR("wren")};
	struct buf text;

	(void)state;
	buf_init(&text, 100000);
	for (int i = 0; i < 200; i++)
		assert_int_equal(buf_addf(&text, "@u%d ", i), 0);
	e.text = buf_str(&text);
	assert_int_equal(prompt_aliases_new(&e, NULL, &a), ERR_LIMIT);
	assert_null(a);
	buf_fini(&text);
}

static void no_memory_is_survived(void **state)
{
	const struct event e = {.user = STR("Wren"), .touser = STR("Reef"), .text = STR("@Kelp")};

	(void)state;
	for (unsigned long n = 1; n < 200; n++) {
		struct prompt_aliases *a = NULL;
		struct buf out;

		buf_init(&out, 1000);
		mem_fail_at(n, 1);
		int err = prompt_aliases_new(&e, NULL, &a);
		if (err == 0)
			err = prompt_aliases_hide(a, STR("wren, kelp"), &out);
		if (err == 0)
			err = prompt_aliases_reveal(a, STR("Viewer1"), &out);
		mem_fail_at(0, 0);
		prompt_aliases_free(a);
		buf_fini(&out);
		if (err == 0)
			return;
		assert_int_equal(err, ERR_NOMEM);
	}
	fail_msg("it never came to its end");
}

/* A prompt built with aliases: no name in it, wherever it stood. */
static void a_prompt_holds_no_name(void **state)
{
	const struct line lines[] = {
		{.name = STR("Pebble Wren"), .text = STR("I am Pebble Wren, ask @Kelp_Bob")},
		{.is_bot = true, .name = STR("Mynah"),
			.text = STR("Hello PEBBLE WREN and kelp_bob!")},
	};
	const struct conversation past = {.lines = (struct line *)lines, .n = 2};
	const struct persona persona = {.id = (char *)"m", .name = (char *)"Mynah",
		.system = (char *)"You are Mynah.", .lines = 5};
	const struct event e = {.platform = STR("twitch"), .user = STR("Pebble Wren"),
		.login = STR("pebble_wren"), .user_id = STR("99887766"),
		.text = STR("@kelp_bob does pebble_wren sing?")};
	struct prompt_options o = {.persona = &persona, .event = &e, .ask = STR("Answer Viewer1."),
		.past = &past, .budget_tokens = 4000, .max_chars = 200, .marker = 7,
		.aliases = make(&e, &past)};
	struct prompt *p = NULL;

	(void)state;
	assert_int_equal(prompt_build(&o, &p), 0);
	for (size_t i = 0; i < p->n; i++) {
		struct buf folded;

		buf_init(&folded, 100000);
		assert_int_equal(text_fold(p->messages[i].text, &folded), 0);
		assert_null(strstr(buf_text(&folded), "pebble"));
		assert_null(strstr(buf_text(&folded), "wren"));
		assert_null(strstr(buf_text(&folded), "kelp"));
		assert_null(strstr(buf_text(&folded), "99887766"));
		buf_fini(&folded);
	}
	assert_string_equal(reveal(p->aliases, "Sure, Viewer1!"), "Sure, Pebble Wren!");
	prompt_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_hidden_in_every_spelling),
		cmocka_unit_test(everybody_who_is_known_has_a_number),
		cmocka_unit_test(a_broadcaster_is_hidden),
		cmocka_unit_test(a_crowd_is_taken_apart),
		cmocka_unit_test(the_longest_name_counts),
		cmocka_unit_test(a_mention_ends_where_the_name_does),
		cmocka_unit_test(nobody_knows_nobody),
		cmocka_unit_test(a_flood_of_mentions_is_refused),
		cmocka_unit_test(no_memory_is_survived),
		cmocka_unit_test(a_prompt_holds_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
